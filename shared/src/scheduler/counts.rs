//! Counts per node, kept only where they are not zero.

use crate::codec::Codec;

/// How many of something each node has, ordered by the node's slot.
#[derive(Codec, Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts(Vec<(u32, u32)>);

impl Counts {
    /// One more on `slot`.
    pub fn add(&mut self, slot: u32) {
        match self.0.binary_search_by_key(&slot, |entry| entry.0) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (slot, 1)),
        }
    }

    /// One less on `slot`.
    ///
    /// # Panics
    /// When there was none: what is taken out was put in before.
    pub fn remove(&mut self, slot: u32) {
        let at = self.0.binary_search_by_key(&slot, |entry| entry.0).expect("counted before");
        self.0[at].1 -= 1;
        if self.0[at].1 == 0 {
            self.0.remove(at);
        }
    }

    /// Slots and counts, by slot.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().copied()
    }

    /// Whether no node has any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
