//! The state hash: one number that is equal on every machine exactly when the states are.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A digest of a cluster's state; prints as 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct StateHash(pub u128);

/// XXH3 behind [`Hasher`], with every width fixed: `usize` is 8 bytes on wasm32 too.
///
/// A state is hashed in pieces of a few bytes; they are gathered, since XXH3 is quick at long runs only. The streamed
/// and the gathered digest of the same bytes are equal.
pub struct StateHasher {
    gathered: [u8; GATHERED],
    length: usize,
    streamed: Option<Box<Xxh3>>,
}

/// How many bytes are gathered before they are handed on.
const GATHERED: usize = 1024;

impl Default for StateHasher {
    fn default() -> StateHasher {
        StateHasher { gathered: [0; GATHERED], length: 0, streamed: None }
    }
}

impl StateHasher {
    /// All 128 bits.
    pub fn digest(&self) -> u128 {
        let rest = &self.gathered[..self.length];
        match &self.streamed {
            None => xxh3_128(rest),
            Some(streamed) => {
                let mut streamed = streamed.clone();
                streamed.update(rest);
                streamed.digest128()
            }
        }
    }

    /// There are millions of these: a number is written where it belongs without a look at anything else.
    #[inline]
    fn add<const N: usize>(&mut self, bytes: [u8; N]) {
        match self.gathered.get_mut(self.length..).and_then(<[u8]>::first_chunk_mut) {
            Some(room) => {
                *room = bytes;
                self.length += N;
            }
            None => self.hand_on(&bytes),
        }
    }

    #[cold]
    fn hand_on(&mut self, bytes: &[u8]) {
        let streamed = self.streamed.get_or_insert_default();
        streamed.update(&self.gathered[..self.length]);
        streamed.update(bytes);
        self.length = 0;
    }
}

/// The digest of one value.
pub fn hash_of<T: Hash + ?Sized>(value: &T) -> u128 {
    let mut hasher = StateHasher::default();
    value.hash(&mut hasher);
    hasher.digest()
}

impl Hasher for StateHasher {
    fn finish(&self) -> u64 {
        self.digest() as u64
    }
    fn write_u8(&mut self, value: u8) {
        self.add([value]);
    }
    fn write(&mut self, bytes: &[u8]) {
        match self.gathered[self.length..].get_mut(..bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                self.length += bytes.len();
            }
            None => self.hand_on(bytes),
        }
    }
    fn write_u16(&mut self, value: u16) {
        self.add(value.to_le_bytes());
    }
    fn write_u32(&mut self, value: u32) {
        self.add(value.to_le_bytes());
    }
    fn write_u64(&mut self, value: u64) {
        self.add(value.to_le_bytes());
    }
    fn write_u128(&mut self, value: u128) {
        self.add(value.to_le_bytes());
    }
    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }
    fn write_i16(&mut self, value: i16) {
        self.write_u16(value as u16);
    }
    fn write_i32(&mut self, value: i32) {
        self.write_u32(value as u32);
    }
    fn write_i64(&mut self, value: i64) {
        self.write_u64(value as u64);
    }
    fn write_i128(&mut self, value: i128) {
        self.write_u128(value as u128);
    }
    fn write_isize(&mut self, value: isize) {
        self.write_i64(value as i64);
    }
}

impl fmt::Display for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for StateHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for StateHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StateHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<StateHash, D::Error> {
        let text = String::deserialize(deserializer)?;
        u128::from_str_radix(&text, 16).map(StateHash).map_err(serde::de::Error::custom)
    }
}
