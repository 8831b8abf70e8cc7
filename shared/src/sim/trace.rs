//! The record of what happened and why: observation only, outside the state and its hash.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::Key;
use crate::collections::BTreeMap;
use crate::doc::Str;

use super::{Causes, ChangeKind, Process, RecordId, Time};

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Record {
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
    /// Why.
    pub causes: Causes,
    /// The newest command of a person that led here, by its number; `None` for what goes on by itself.
    pub root: Option<u64>,
}

/// What a record tells.
#[derive(Clone, Debug)]
pub enum What {
    /// A person's command took effect.
    Command {
        /// Its number in the log.
        number: u64,
    },
    /// A message was sent.
    Message {
        /// The sender.
        from: Process,
        /// The receiver.
        to: Process,
        /// When it arrives.
        until: Time,
        /// What it is, in words of the protocol: `PATCH`, `MODIFIED`, `201`, `PullImage` …
        label: &'static str,
        /// The object it is about.
        object: Option<Key>,
        /// Whether it is a heartbeat (lease renewals and their answers).
        heartbeat: bool,
    },
    /// The store changed.
    Write {
        /// The revision.
        revision: u64,
        /// The object.
        key: Key,
        /// How.
        change: ChangeKind,
    },
    /// A component decided or noticed something.
    Note {
        /// Who.
        by: Process,
        /// A CamelCase reason, as Events have them.
        reason: &'static str,
        /// About what.
        object: Option<Key>,
        /// In words.
        text: Str,
    },
    /// A process or machine went down or came back by a fault or its repair.
    Fault {
        /// The process.
        process: Process,
        /// Whether it runs now.
        up: bool,
    },
}

/// Records that are kept and dropped together. Moments that a viewer can go back to share them.
const CHUNK: usize = 256;

/// The newest records. The oldest are dropped beyond the capacity, a chunk at a time.
#[derive(Clone, Debug)]
pub struct Trace {
    enabled: bool,
    capacity: u64,
    first: RecordId,
    /// Full chunks, oldest first.
    sealed: VecDeque<Arc<Vec<Record>>>,
    newest: Vec<Record>,
    silenced: BTreeMap<Process, RecordId>,
}

impl Default for Trace {
    /// Keeps nothing.
    fn default() -> Trace {
        Trace::new(0)
    }
}

impl Trace {
    /// Keeps the newest `capacity` records; 0 keeps none and costs nothing.
    pub fn new(capacity: u64) -> Trace {
        Trace {
            enabled: capacity > 0,
            capacity,
            first: 1,
            sealed: VecDeque::new(),
            newest: Vec::new(),
            silenced: BTreeMap::new(),
        }
    }

    /// Whether records are kept.
    pub fn enabled(&self) -> bool {
        self.enabled
    }

    /// Adds a record; the answer is what effects of it name as their cause.
    pub fn record(&mut self, at: Time, what: What, causes: Causes) -> Causes {
        if !self.enabled {
            return Causes::none();
        }
        let root = match what {
            What::Command { number } => Some(number),
            _ => causes.records().iter().filter_map(|&id| self.get(id)?.root).max(),
        };
        if self.newest.len() == CHUNK {
            self.sealed.push_back(Arc::new(std::mem::take(&mut self.newest)));
            if (self.sealed.len() * CHUNK) as u64 > self.capacity {
                self.sealed.pop_front();
                self.first += CHUNK as u64;
            }
        }
        let id = self.next_id();
        if let What::Fault { process, up } = what {
            if up {
                self.silenced.remove(&process);
            } else {
                self.silenced.insert(process, id);
            }
        }
        self.newest.push(Record { at, what, causes, root });
        Causes::one(id)
    }

    /// The record numbered `id`, unless it was dropped.
    pub fn get(&self, id: RecordId) -> Option<&Record> {
        let index = usize::try_from(id.checked_sub(self.first)?).ok()?;
        match self.sealed.get(index / CHUNK) {
            Some(chunk) => chunk.get(index % CHUNK),
            None => self.newest.get(index - self.sealed.len() * CHUNK),
        }
    }

    /// The number of the oldest record that is still there.
    pub fn first_id(&self) -> RecordId {
        self.first
    }

    /// The number that the next record will have.
    pub fn next_id(&self) -> RecordId {
        self.first + (self.sealed.len() * CHUNK + self.newest.len()) as u64
    }

    /// Records from `from` on, with their numbers.
    pub fn since(&self, from: RecordId) -> impl Iterator<Item = (RecordId, &Record)> {
        let start = from.max(self.first);
        (start..self.next_id()).filter_map(|id| Some((id, self.get(id)?)))
    }

    /// The newest command of a person behind `causes`.
    pub fn root(&self, causes: &Causes) -> Option<u64> {
        causes.records().iter().filter_map(|&id| self.get(id)?.root).max()
    }

    /// Why a process says nothing: the fault that took it down, if one did.
    pub fn silence(&self, process: Process) -> Causes {
        self.silenced.get(&process).map_or(Causes::none(), |&id| Causes::one(id))
    }
}
