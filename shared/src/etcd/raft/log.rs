//! The log of one member: the entries after its snapshot.

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::sim::LogEntry;

/// Entries, of which the oldest are dropped once they are in a snapshot.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Log {
    /// The last entry that is no longer there.
    offset: u64,
    offset_term: u64,
    entries: BTreeMap<u64, LogEntry>,
}

impl Log {
    /// The index of the last entry that is in the snapshot only.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How many entries there are.
    pub fn len(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The index of the last entry.
    pub fn last(&self) -> u64 {
        self.offset + self.len()
    }

    /// The term of the last entry.
    pub fn last_term(&self) -> u64 {
        self.entries.last_key_value().map_or(self.offset_term, |(_, entry)| entry.term)
    }

    /// The entry at `index`.
    pub fn get(&self, index: u64) -> Option<&LogEntry> {
        self.entries.get(&index)
    }

    /// The term of the entry at `index`, as far as it is known.
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.offset {
            return Some(self.offset_term);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// Up to `count` entries from `index` on.
    pub fn from(&self, index: u64, count: u64) -> Vec<LogEntry> {
        self.entries.range(index..index + count).map(|(_, entry)| entry.clone()).collect()
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: LogEntry) {
        self.entries.insert(self.last() + 1, entry);
    }

    /// Puts `entries` after `index`: what is there and says otherwise goes. Nothing that agrees is touched, as the
    /// message may be an old one.
    pub fn put_after(&mut self, index: u64, entries: &[LogEntry]) {
        for (at, entry) in (index + 1..).zip(entries) {
            if at <= self.offset || self.term(at) == Some(entry.term) {
                continue;
            }
            drop(self.entries.split_off(&at));
            self.entries.insert(at, entry.clone());
        }
    }

    /// The newest entry up to `index` whose term is not above `term`: where another log may agree with this one.
    pub fn not_above(&self, index: u64, term: u64) -> u64 {
        let mut at = index.min(self.last());
        while at > self.offset && self.term(at).is_some_and(|mine| mine > term) {
            at -= 1;
        }
        at
    }

    /// Drops the entries up to `index`.
    pub fn compact(&mut self, index: u64) {
        let Some(term) = self.term(index) else { return };
        self.entries = self.entries.split_off(&(index + 1));
        (self.offset, self.offset_term) = (index, term);
    }

    /// Begins anew after a snapshot.
    pub fn restore(&mut self, index: u64, term: u64) {
        *self = Log { offset: index, offset_term: term, entries: BTreeMap::new() };
    }
}
