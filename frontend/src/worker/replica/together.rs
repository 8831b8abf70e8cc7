//! A cluster that the server keeps in step with those of others.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    session::{
        Replica as Follower,
        protocol::{Checkpoint, ClientMessage, Entry, Horizon},
    },
    sim::Time,
};

use super::super::{company::Company, pending::Pending};
use crate::protocol::Live;

/// As many reports are remembered: the answer to one comes within seconds.
const REPORTED: usize = 16;

/// What is here of a session.
#[derive(Clone)]
pub(super) struct Together {
    pub(super) follower: Follower,
    /// Where the server wants to know the hash: by moment and last entry.
    pub(super) checks: BTreeSet<(Time, u64)>,
    /// The step that each entry became, by its number.
    pub(super) steps: BTreeMap<u64, u64>,
    pub(super) said: Vec<ClientMessage>,
    pub(super) live: Live,
    /// What was submitted and is not in the log yet.
    pub(super) pending: Pending,
    /// The hashes that the server was told last.
    pub(super) reported: Vec<Checkpoint>,
    /// Whether one of them is not what the others have.
    pub(super) diverged: bool,
    pub(super) company: Company,
}

impl Together {
    /// What the server knows and is not here yet.
    pub(super) fn resume(&mut self, log: &[Entry], horizon: Horizon) {
        log.iter().for_each(|entry| self.enter(entry));
        self.follower.take_horizon(horizon);
    }

    pub(super) fn enter(&mut self, entry: &Entry) {
        match self.follower.take_entry(entry) {
            Ok(step) => self.steps.extend(step.map(|step| (entry.sequence, step))),
            // The server sends all entries of a connection in order; a gap is its fault, and shows as a lack of sync.
            Err(gap) => self.live.problem = gap.to_string(),
        }
    }

    /// Sends what waited for the connection, once the log is here.
    pub(super) fn send_due(&mut self, passed: f64) {
        self.said.extend(self.pending.due(self.follower.sequence(), passed, self.live.people <= 1));
    }

    pub(super) fn advance_to(&mut self, until: Time) {
        let until = until.min(self.follower.limit());
        while let Some(&(time, sequence)) = self.checks.first().filter(|(time, _)| *time <= until) {
            self.checks.remove(&(time, sequence));
            // A moment that is past says nothing of the state at it.
            if time >= self.follower.player().now() {
                self.follower.advance_to(time);
                let here = self.follower.checkpoint();
                if here.sequence == sequence {
                    self.said.push(ClientMessage::Hash(here));
                    self.reported.push(here);
                    let old = self.reported.len().saturating_sub(REPORTED);
                    self.reported.drain(..old);
                }
            }
        }
        self.follower.advance_to(until);
    }
}
