//! Sets of completion indexes and their short form: `0-2,5`.

use std::fmt::Write;

use crate::collections::BTreeSet;

/// Indexes in order.
pub type Indexes = BTreeSet<i64>;

/// No Job may have more completions with an index.
const MOST: usize = 100_000;

/// Reads the short form; indexes from `completions` on are left out, as is what makes no sense.
pub fn parse(text: &str, completions: i64) -> Indexes {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<i64>().ok()?..=last.parse::<i64>().ok()?.min(completions.saturating_sub(1)))
    };
    text.split(',').filter_map(range).flatten().take(MOST).collect()
}

/// The short form.
pub fn print(indexes: &Indexes) -> String {
    let mut text = String::new();
    let mut rest = indexes.iter().copied().peekable();
    while let Some(first) = rest.next() {
        let mut last = first;
        while rest.peek() == Some(&(last + 1)) {
            last += 1;
            rest.next();
        }
        let comma = if text.is_empty() { "" } else { "," };
        // Writing into a String cannot fail.
        let _ = match last - first {
            0 => write!(text, "{comma}{first}"),
            1 => write!(text, "{comma}{first},{last}"),
            _ => write!(text, "{comma}{first}-{last}"),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{parse, print};

    #[test]
    fn the_short_form_goes_both_ways() {
        for text in ["", "0", "0,1", "0-2", "1,3,5-7", "0-3,5,6,9"] {
            assert_eq!(print(&parse(text, 100)), text);
        }
        assert_eq!(print(&parse("0-9", 4)), "0-3", "no further than there are indexes");
        assert_eq!(print(&parse("1,x,3", 9)), "1,3");
    }
}
