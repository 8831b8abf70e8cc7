//! A player as bytes.

use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::scenario::Scenario;

use super::super::snapshot::{self, SnapshotError};
use super::Player;

/// How many of the newest results a snapshot has.
const RESULTS: usize = 64;

impl Player {
    /// A snapshot; `None` while a kubectl program runs: those end within moments.
    pub fn save(&self) -> Option<Vec<u8>> {
        snapshot::save(self, &())
    }

    /// The player that [`Player::save`] wrote, who began with `scenario`; `trace` as in [`Player::new`].
    ///
    /// # Errors
    /// The snapshot is of another engine or damaged.
    pub fn load(scenario: Scenario, trace: u64, bytes: &[u8]) -> Result<Player, SnapshotError> {
        snapshot::load(scenario, trace, bytes).map(|(player, ())| player)
    }

    /// Everything but the scenario; `None` while a program runs.
    pub(in crate::session) fn encode_state(&self, encoder: &mut Encoder) -> Option<()> {
        if !self.running.is_empty() {
            return None;
        }
        self.cluster.encode(encoder);
        self.log.encode(encoder);
        self.pending.encode(encoder);
        self.started.encode(encoder);
        self.asked.encode(encoder);
        self.configs.encode(encoder);
        self.results[self.results.len().saturating_sub(RESULTS)..].to_vec().encode(encoder);
        self.expectations.encode_progress(encoder);
        Some(())
    }

    /// Reads what [`Player::encode_state`] wrote into a player of the same scenario.
    pub(in crate::session) fn decode_state(
        &mut self,
        trace: u64,
        decoder: &mut Decoder<'_>,
    ) -> Result<(), Damaged> {
        self.cluster = Codec::decode(decoder)?;
        self.cluster.trace_anew(trace);
        (self.log, self.pending) = Codec::decode(decoder)?;
        (self.started, self.asked, self.configs) = Codec::decode(decoder)?;
        self.results = Codec::decode(decoder)?;
        self.expectations.decode_progress(decoder)
    }
}
