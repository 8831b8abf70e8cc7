//! The record of what happened and why: observation only, outside the state and its hash.

use std::collections::VecDeque;

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

/// The newest records. The oldest are dropped beyond the capacity.
#[derive(Clone, Debug)]
pub struct Trace {
    enabled: bool,
    capacity: u64,
    first: RecordId,
    records: VecDeque<Record>,
    silenced: BTreeMap<Process, RecordId>,
}

impl Trace {
    /// Keeps the newest `capacity` records; 0 keeps none and costs nothing.
    pub fn new(capacity: u64) -> Trace {
        Trace {
            enabled: capacity > 0,
            capacity,
            first: 1,
            records: VecDeque::new(),
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
        if self.records.len() as u64 >= self.capacity {
            self.records.pop_front();
            self.first += 1;
        }
        let id = self.next_id();
        if let What::Fault { process, up } = what {
            if up {
                self.silenced.remove(&process);
            } else {
                self.silenced.insert(process, id);
            }
        }
        self.records.push_back(Record { at, what, causes, root });
        Causes::one(id)
    }

    /// The record numbered `id`, unless it was dropped.
    pub fn get(&self, id: RecordId) -> Option<&Record> {
        self.records.get(usize::try_from(id.checked_sub(self.first)?).ok()?)
    }

    /// The number of the oldest record that is still there.
    pub fn first_id(&self) -> RecordId {
        self.first
    }

    /// The number that the next record will have.
    pub fn next_id(&self) -> RecordId {
        self.first + self.records.len() as u64
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
