//! UIDs: which object is meant, beyond its name.

use std::fmt;

use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::doc::Str;

/// 128 bits of a version 4 UUID; 0 for none. There is one in every object and Event: aligned as a number of 128 bits it
/// would make each of them larger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(Rust, packed(4))]
pub struct Uid(u128);

/// Where in the text of a UUID the digits of each byte are.
const DIGITS: [usize; 16] = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];

impl Uid {
    /// That of what does not exist yet, or is not known.
    pub const NONE: Uid = Uid(0);

    /// From its bits.
    pub const fn new(bits: u128) -> Uid {
        Uid(bits)
    }

    /// Its bits.
    pub const fn bits(self) -> u128 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// Its text.
    pub fn text(self) -> Str {
        // There is one in everything that is written: digits are looked up, not computed.
        let mut text = [b'-'; 36];
        for (at, byte) in DIGITS.into_iter().zip(self.0.to_be_bytes()) {
            text[at] = b"0123456789abcdef"[usize::from(byte >> 4)];
            text[at + 1] = b"0123456789abcdef"[usize::from(byte & 15)];
        }
        str::from_utf8(&text).expect("ASCII").into()
    }

    /// That of a text; none when it is no UUID.
    pub fn parse(text: &str) -> Uid {
        let (mut bits, mut digits) = (0_u128, 0);
        for byte in text.bytes().filter(|byte| *byte != b'-') {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'a'..=b'f' => byte - b'a' + 10,
                b'A'..=b'F' => byte - b'A' + 10,
                _ => return Uid::NONE,
            };
            bits = bits << 4 | u128::from(digit);
            digits += 1;
        }
        if digits <= 32 { Uid(bits) } else { Uid::NONE }
    }
}

impl fmt::Debug for Uid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Codec for Uid {
    fn encode(&self, encoder: &mut Encoder) {
        { self.0 }.encode(encoder);
    }
    fn decode(decoder: &mut Decoder<'_>) -> Result<Uid, Damaged> {
        Codec::decode(decoder).map(Uid)
    }
}
