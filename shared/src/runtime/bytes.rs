//! Bytes that are no text, in texts: all that programs in containers read and write is text here, so each byte that is
//! no part of a character in UTF-8 is kept as a private character of its own.

/// The first of the 256 characters that stand for bytes, at the very end of what Unicode leaves to private use.
const FIRST: u32 = 0x10_ff00;

fn stands_for(c: char) -> Option<u8> {
    u32::from(c).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok())
}

/// The text that bytes are kept as.
pub fn text_of_bytes(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            // A character that stands for a byte would not come back as itself.
            match stands_for(c) {
                Some(_) => c.encode_utf8(&mut [0; 4]).bytes().for_each(|byte| text.extend(kept(byte))),
                None => text.push(c),
            }
        }
        chunk.invalid().iter().for_each(|&byte| text.extend(kept(byte)));
    }
    text
}

fn kept(byte: u8) -> Option<char> {
    char::from_u32(FIRST + u32::from(byte))
}

/// The bytes that were kept as a text.
pub fn bytes_of_text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for c in text.chars() {
        match stands_for(c) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// How many bytes a text stands for.
pub(super) fn size(text: &str) -> usize {
    text.len() - 3 * text.chars().filter(|&c| stands_for(c).is_some()).count()
}
