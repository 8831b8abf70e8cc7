//! The state as bytes, and back: what a snapshot is made of. Written for one version of the engine: others play the log.
//!
//! What is shared in memory is written once and shared again when it is read: objects between the store and the caches of
//! those who watch, documents between objects, leaves between maps.

mod parts;

use std::any::Any;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::collections::BTreeMap;
use crate::doc::{List, Map, Str};

pub use shared_derive::Codec;

/// Documents, and what else can hold its like, are nested no deeper.
const DEEPEST: u32 = 512;
/// Names that the program itself contains, at most: what is read stays in memory for ever.
const NAMES: usize = 4_096;

/// What can be part of a snapshot.
pub trait Codec: Sized + Send + Sync + 'static {
    /// Appends it.
    fn encode(&self, encoder: &mut Encoder);

    /// Reads what [`Codec::encode`] wrote.
    ///
    /// # Errors
    /// That is not what there is.
    fn decode(decoder: &mut Decoder<'_>) -> Result<Self, Damaged>;
}

/// Bytes that are no snapshot of this engine, or were changed on the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Damaged {
    /// Where, in bytes from the beginning.
    pub at: u64,
}

impl fmt::Display for Damaged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the snapshot is damaged at byte {}", self.at)
    }
}

impl std::error::Error for Damaged {}

/// Writes.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// By address: all that is written lives as long as the writing takes.
    shared: BTreeMap<usize, u64>,
}

impl Encoder {
    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Appends a number: small ones take one byte.
    pub fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }

    /// Appends bytes as they are.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.raw(text.as_bytes());
    }

    /// Whether what lies at `address` is new, and is to be written now; otherwise its number was.
    fn is_new(&mut self, address: usize) -> bool {
        let next = self.shared.len() as u64 + 1;
        let known = *self.shared.entry(address).or_insert(next);
        self.number(if known == next { 0 } else { known });
        known == next
    }
}

/// Reads.
#[derive(Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    deep: u32,
    shared: Vec<Shared>,
}

/// What may be met again, in the order in which its writing began.
#[derive(Clone, Debug)]
enum Shared {
    /// It is being read.
    Open,
    Text(Str),
    Map(Map),
    List(List),
    Other(Arc<dyn Any + Send + Sync>),
}

impl<'a> Decoder<'a> {
    /// Reads from the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Decoder<'a> {
        Decoder { bytes, at: 0, deep: 0, shared: Vec::new() }
    }

    /// What was not read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    /// Whether all was read.
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// What to say where something else stands than should.
    pub fn damaged(&self) -> Damaged {
        Damaged { at: self.at as u64 }
    }

    /// Reads a number.
    ///
    /// # Errors
    /// There is none.
    pub fn number(&mut self) -> Result<u64, Damaged> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let [byte] = self.raw()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(self.damaged())
    }

    /// Reads bytes as they are.
    ///
    /// # Errors
    /// There are fewer.
    pub fn raw<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let found = self.bytes[self.at..].first_chunk().copied().ok_or_else(|| self.damaged())?;
        self.at += N;
        Ok(found)
    }

    fn text(&mut self) -> Result<&'a str, Damaged> {
        let length = self.length()?;
        let text = std::str::from_utf8(&self.bytes[self.at..self.at + length]).map_err(|_| self.damaged())?;
        self.at += length;
        Ok(text)
    }

    /// How many follow: no more than there are bytes left.
    fn length(&mut self) -> Result<usize, Damaged> {
        let length = self.number()?;
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= self.bytes.len() - self.at)
            .ok_or_else(|| self.damaged())
    }

    /// What was shared before, or a place for what is read now.
    fn shared(&mut self) -> Result<Result<Shared, usize>, Damaged> {
        let number = self.number()?;
        if number == 0 {
            self.shared.push(Shared::Open);
            return Ok(Err(self.shared.len() - 1));
        }
        let place = usize::try_from(number - 1).ok().and_then(|place| self.shared.get(place));
        place.cloned().map(Ok).ok_or_else(|| self.damaged())
    }

    /// Reads something that may hold its like.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Damaged>) -> Result<T, Damaged> {
        if self.deep == DEEPEST {
            return Err(self.damaged());
        }
        self.deep += 1;
        let found = read(self);
        self.deep -= 1;
        found
    }

    /// A name that the program itself contains: it lives as long as the program.
    fn name(&mut self) -> Result<&'static str, Damaged> {
        static KNOWN: Mutex<Vec<&str>> = Mutex::new(Vec::new());
        let text = self.text()?;
        let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        match known.binary_search(&text) {
            Ok(at) => Ok(known[at]),
            Err(_) if known.len() == NAMES => Err(self.damaged()),
            Err(at) => {
                let name: &'static str = Box::leak(text.into());
                known.insert(at, name);
                Ok(name)
            }
        }
    }
}
