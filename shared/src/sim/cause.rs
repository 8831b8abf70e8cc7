//! Why something happens: the records that led to it.

use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

/// The number of a [`super::Record`] in the trace; 0 is never given out.
pub type RecordId = u64;

/// The records that led to a message, work item or write. Coalesced work keeps all of them (the first eight: a
/// queue that folds thousands of changes into one item would otherwise grow without bound).
///
/// Causes are observation, not state: all are equal to each other and none enters the state hash.
#[derive(Debug, Default)]
pub struct Causes(SmallVec<[RecordId; 2]>);

impl Clone for Causes {
    /// Every message and write carries some, and without a trace there are none.
    #[inline]
    fn clone(&self) -> Causes {
        if self.0.is_empty() { Causes::none() } else { Causes(self.0.clone()) }
    }
}

impl Causes {
    /// Nothing known: the trace is off, or this began by itself.
    pub const fn none() -> Causes {
        Causes(SmallVec::new_const())
    }

    /// One cause.
    pub fn one(record: RecordId) -> Causes {
        Causes(SmallVec::from_iter([record].into_iter().filter(|&id| id != 0)))
    }

    /// Adds the causes of coalesced work.
    pub fn merge(&mut self, other: &Causes) {
        for &record in &other.0 {
            if self.0.len() < 8 && !self.0.contains(&record) {
                self.0.push(record);
            }
        }
    }

    /// The records, oldest knowledge first.
    pub fn records(&self) -> &[RecordId] {
        &self.0
    }
}

impl PartialEq for Causes {
    fn eq(&self, _: &Causes) -> bool {
        true
    }
}

impl Eq for Causes {}

impl Hash for Causes {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}
