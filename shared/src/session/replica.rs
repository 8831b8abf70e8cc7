//! A replica of a live session: plays the log up to the horizon, and never past it.

use std::collections::BTreeSet;

use crate::scenario::ScenarioError;
use crate::sim::Time;

use super::player::Player;
use super::protocol::{Checkpoint, Entry, Horizon, Welcome};

/// The player of a live session.
#[derive(Clone, Debug)]
pub struct Replica {
    player: Player,
    /// The last entry that it has.
    sequence: u64,
    horizon: Horizon,
    /// Where the server wants to know the hash: by moment and last entry.
    checks: BTreeSet<(Time, u64)>,
}

impl Replica {
    /// A replica at the beginning of the session that `welcome` describes.
    ///
    /// # Errors
    /// The session's scenario cannot be played, or the welcome carries none.
    pub fn new(welcome: Welcome, trace: u64) -> Result<Replica, ScenarioError> {
        let scenario = welcome.scenario.ok_or_else(|| ScenarioError {
            line: 0,
            column: 0,
            field: "scenario".into(),
            message: "the server sent no scenario to begin with".into(),
        })?;
        let player = Player::new(*scenario, trace)?;
        let mut replica = Replica { player, sequence: 0, horizon: Horizon::default(), checks: BTreeSet::new() };
        welcome.log.into_iter().for_each(|entry| replica.entry(entry));
        replica.horizon = welcome.horizon;
        Ok(replica)
    }

    /// What comes after a lost connection: the rest of the log.
    pub fn resume(&mut self, welcome: Welcome) {
        welcome.log.into_iter().for_each(|entry| self.entry(entry));
        self.horizon = welcome.horizon;
    }

    /// Somebody did something. Entries that it has already are ignored.
    pub fn entry(&mut self, entry: Entry) {
        if entry.sequence == self.sequence + 1 {
            self.sequence = entry.sequence;
            self.player.submit_at(entry.at, entry.action, entry.by);
        }
    }

    /// Time has come this far.
    pub fn horizon(&mut self, horizon: Horizon) {
        self.horizon = horizon;
    }

    /// The server wants to know the hash there.
    pub fn check(&mut self, sequence: u64, time: Time) {
        self.checks.insert((time, sequence));
    }

    /// How far it may step now.
    pub fn limit(&self) -> Time {
        // Without the entries before the horizon nobody may step there.
        if self.horizon.sequence <= self.sequence { self.horizon.time } else { self.player.now() }
    }

    /// Steps up to `wanted`, but not past the horizon; the answer is the hashes that the server wanted on the way.
    pub fn advance_to(&mut self, wanted: Time) -> Vec<Checkpoint> {
        let until = wanted.min(self.limit());
        let mut reached = Vec::new();
        while let Some(&(time, sequence)) = self.checks.first().filter(|(time, _)| *time <= until) {
            self.checks.remove(&(time, sequence));
            // A moment that is past says nothing of the state at it.
            if time >= self.player.now() && sequence == self.sequence {
                self.player.advance_to(time);
                reached.push(Checkpoint { sequence, time, hash: self.player.hash() });
            }
        }
        if until > self.player.now() {
            self.player.advance_to(until);
        }
        reached
    }

    /// The player.
    pub fn player(&self) -> &Player {
        &self.player
    }

    /// The last entry that it has.
    pub fn sequence(&self) -> u64 {
        self.sequence
    }

    /// The horizon as it was last told.
    pub fn pace(&self) -> Horizon {
        self.horizon
    }
}
