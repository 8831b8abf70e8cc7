//! A player that follows a server: it plays the session's log, and never steps past the horizon.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::scenario::{Scenario, ScenarioError};
use crate::sim::Time;

use super::Player;
use super::protocol::{Checkpoint, Entry, Horizon, Welcome};
use super::snapshot::{self, SnapshotError};

/// A player in step with others.
#[derive(Clone, Debug)]
pub struct Replica {
    player: Player,
    /// When each entry takes effect, by number minus 1.
    stamps: Vec<Time>,
    horizon: Horizon,
    limit: Time,
}

/// An entry that does not follow the last one: some were lost, so it is time to connect again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Gap {
    /// The number that should have come.
    pub expected: u64,
    /// The number that came.
    pub found: u64,
}

impl fmt::Display for Gap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {} came where {} was due", self.found, self.expected)
    }
}

impl std::error::Error for Gap {}

impl Replica {
    /// A session's beginning; `trace` as in [`Player::new`].
    ///
    /// # Errors
    /// What in the scenario makes no sense.
    pub fn new(scenario: Scenario, trace: u64) -> Result<Replica, ScenarioError> {
        let player = Player::new(scenario, trace)?;
        Ok(Replica { player, stamps: Vec::new(), horizon: Horizon::default(), limit: Time::ZERO })
    }

    /// A replica of the session that somebody was welcomed to; `trace` as in [`Player::new`].
    ///
    /// # Errors
    /// What the welcome brings cannot be played.
    pub fn welcomed(welcome: Welcome, trace: u64) -> Result<Replica, SnapshotError> {
        let scenario = *welcome.scenario.ok_or(SnapshotError::Damaged)?;
        let mut replica = match welcome.snapshot {
            Some(snapshot) => {
                let bytes = STANDARD.decode(&*snapshot).map_err(|_| SnapshotError::Damaged)?;
                Replica::load(scenario, trace, &bytes)?
            }
            None => Replica::new(scenario, trace).map_err(SnapshotError::Scenario)?,
        };
        for entry in &welcome.log {
            replica.take_entry(entry).map_err(|_| SnapshotError::Damaged)?;
        }
        replica.take_horizon(welcome.horizon);
        Ok(replica)
    }

    /// A snapshot of where it is; `None` while a kubectl program runs: those end within moments.
    pub fn save(&self) -> Option<Vec<u8>> {
        snapshot::save(&self.player, &self.stamps)
    }

    /// Where a replica of the same session was; `trace` as in [`Player::new`].
    ///
    /// # Errors
    /// The snapshot is of another engine or damaged.
    pub fn load(scenario: Scenario, trace: u64, bytes: &[u8]) -> Result<Replica, SnapshotError> {
        let (player, stamps) = snapshot::load::<Vec<Time>>(scenario, trace, bytes)?;
        let horizon = Horizon { sequence: stamps.len() as u64, time: player.now(), ..Horizon::default() };
        Ok(Replica { limit: player.now(), player, stamps, horizon })
    }

    /// The player.
    pub fn player(&self) -> &Player {
        &self.player
    }

    /// The newest horizon that was told.
    pub fn horizon(&self) -> Horizon {
        self.horizon
    }

    /// The last entry that came.
    pub fn sequence(&self) -> u64 {
        self.stamps.len() as u64
    }

    /// How far it may step now: the newest horizon whose entries have all come.
    pub fn limit(&self) -> Time {
        self.limit
    }

    /// Takes the next entry. One that came before is passed over; the answer is the number of the step that it became.
    ///
    /// # Errors
    /// Entries before it are missing.
    pub fn take_entry(&mut self, entry: &Entry) -> Result<Option<u64>, Gap> {
        let expected = self.sequence() + 1;
        if entry.sequence < expected {
            return Ok(None);
        }
        if entry.sequence > expected {
            return Err(Gap { expected, found: entry.sequence });
        }
        let step = self.player.submit_at(entry.at, entry.action.clone(), entry.by.clone());
        self.stamps.push(entry.at);
        self.widen();
        Ok(Some(step))
    }

    /// Takes note of how far time has come.
    pub fn take_horizon(&mut self, horizon: Horizon) {
        self.horizon = horizon;
        self.widen();
    }

    fn widen(&mut self) {
        if self.horizon.sequence <= self.sequence() {
            self.limit = self.limit.max(self.horizon.time);
        }
    }

    /// Lets the next thing happen, unless the horizon is in the way.
    pub fn step(&mut self) -> bool {
        self.player.next_at().is_some_and(|at| at <= self.limit) && self.player.step()
    }

    /// Lets everything happen up to `until`, or to the horizon if that is nearer.
    pub fn advance_to(&mut self, until: Time) {
        self.player.advance_to(until.min(self.limit).max(self.player.now()));
    }

    /// Where it is. Two replicas with the same sequence and time have the same hash, once both let everything of that
    /// moment happen: [`Replica::advance_to`] does.
    pub fn checkpoint(&self) -> Checkpoint {
        let now = self.player.now();
        // Entries come in the order of their moments.
        let sequence = self.stamps.partition_point(|at| *at <= now) as u64;
        Checkpoint { sequence, time: now, hash: self.player.hash() }
    }
}
