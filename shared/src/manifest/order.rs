//! The order of keys in YAML that Go's library writes: numbers within texts count as such.

use std::cmp::Ordering;

/// Which of two keys comes first.
pub(super) fn compare(one: &str, other: &str) -> Ordering {
    if is_less(one, other) {
        Ordering::Less
    } else if is_less(other, one) {
        Ordering::Greater
    } else {
        Ordering::Equal
    }
}

fn is_less(one: &str, other: &str) -> bool {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let differs = one.iter().zip(&other).position(|(a, b)| a != b);
    let Some(at) = differs else { return one.len() < other.len() };
    let (a, b) = (one[at], other[at]);
    match (a.is_alphabetic(), b.is_alphabetic()) {
        (true, true) => return a < b,
        (false, false) => {}
        (_, is_letter) => return is_letter,
    }
    // Zeros within a number do not begin one.
    let before = || one[..at].iter().rev().take_while(|digit| digit.is_ascii_digit());
    let begun = i64::from((a == '0' || b == '0') && before().any(|digit| *digit != '0'));
    let ((a_value, a_end), (b_value, b_end)) = (number(&one, at, begun), number(&other, at, begun));
    (a_value, a_end, a) < (b_value, b_end, b)
}

/// The number that is written from a place on, and where it ends.
fn number(text: &[char], from: usize, begun: i64) -> (i64, usize) {
    let digits = text[from..].iter().map_while(|digit| digit.to_digit(10));
    let add =
        |(value, end): (i64, usize), digit: u32| (value.wrapping_mul(10).wrapping_add(digit.into()), end + 1);
    digits.fold((begun, from), add)
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn keys_stand_as_go_sorts_them() {
        let keys = [
            "-", "9", "10", "Z", "a_b", "a1", "a1-", "a1.b", "a10", "a1b", "aB", "ab", "x2y9", "x2y10",
            "x10y1",
        ];
        assert!(keys.is_sorted_by(|one, next| compare(one, next).is_lt()), "{keys:?}");
    }
}
