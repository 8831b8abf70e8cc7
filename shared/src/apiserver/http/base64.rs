//! Base64 for addresses (RFC 4648 §5), without padding.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Bytes as text.
pub(in crate::apiserver) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..=group.len() {
            text.push(char::from(ALPHABET[(bits >> (18 - 6 * at) & 63) as usize]));
        }
    }
    text
}

/// Text as bytes; the error is the first place at which it is none, as Go counts.
pub(in crate::apiserver) fn decode(text: &str) -> Result<Vec<u8>, usize> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    for (start, group) in text.as_bytes().chunks(4).enumerate() {
        let mut bits = 0u32;
        for (at, letter) in group.iter().enumerate() {
            let value = ALPHABET.iter().position(|known| known == letter).ok_or(start * 4 + at)?;
            bits |= (value as u32) << (18 - 6 * at);
        }
        if group.len() == 1 {
            return Err(start * 4);
        }
        bytes.extend((0..group.len() - 1).map(|at| (bits >> (16 - 8 * at) & 255) as u8));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_both_ways() {
        for text in ["", "a", "ab", "abc", "abcd", "{\"v\":1}\u{ff}?>"] {
            assert_eq!(decode(&encode(text.as_bytes())).as_deref(), Ok(text.as_bytes()));
        }
        assert_eq!(encode(b"ab?>"), "YWI_Pg");
        assert_eq!((decode("bogus"), decode("a.b"), decode("YWI")), (Err(4), Err(1), Ok(b"ab".to_vec())));
    }
}
