//! Snapshots: a session's state at one moment, for who joins when much has happened, and for a server that opens it again.
//!
//! They are of one version of the engine and begin with its name; another version plays the log. The record of what happened
//! (why chains) is no part of the state: it begins anew.

use std::fmt;

use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::scenario::{Scenario, ScenarioError};
use crate::sim::hash_of;

use super::Player;
use super::packed::{self, Unpack};

/// The largest state that is read, in bytes.
const MOST: usize = 1 << 30;
/// What is packed at once should take milliseconds.
const LEVEL: i32 = 4;

/// Why a snapshot cannot be opened.
#[derive(Debug)]
pub enum SnapshotError {
    /// Another version of the engine wrote it: this one.
    OtherEngine(String),
    /// It is no snapshot, or was changed on the way.
    Damaged,
    /// Its scenario cannot be played.
    Scenario(ScenarioError),
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SnapshotError::OtherEngine(version) => write!(f, "the snapshot is of another version: {version}"),
            SnapshotError::Damaged => write!(f, "the snapshot is damaged"),
            SnapshotError::Scenario(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for SnapshotError {}

impl From<Damaged> for SnapshotError {
    fn from(_: Damaged) -> SnapshotError {
        SnapshotError::Damaged
    }
}

/// A snapshot of `player` and of what `beside` is known of it; `None` while a kubectl program runs: those end within moments.
pub(super) fn save(player: &Player, beside: &impl Codec) -> Option<Vec<u8>> {
    let mut encoder = Encoder::default();
    player.encode_state(&mut encoder)?;
    beside.encode(&mut encoder);
    let mut head = Encoder::default();
    crate::ENGINE_VERSION.to_owned().encode(&mut head);
    let packed = packed::pack(&encoder.into_bytes(), LEVEL, &[]);
    (player.hash().0, hash_of(&packed)).encode(&mut head);
    let mut bytes = head.into_bytes();
    bytes.extend(packed);
    Some(bytes)
}

/// The player that [`save`] wrote, and what is known beside.
pub(super) fn load<T: Codec>(
    scenario: Scenario,
    trace: u64,
    bytes: &[u8],
) -> Result<(Player, T), SnapshotError> {
    let mut head = Decoder::new(bytes);
    let version = String::decode(&mut head)?;
    if version != crate::ENGINE_VERSION {
        return Err(SnapshotError::OtherEngine(version));
    }
    let (hash, checksum): (u128, u128) = Codec::decode(&mut head)?;
    if hash_of(head.rest()) != checksum {
        return Err(SnapshotError::Damaged);
    }
    let state = packed::unpack(head.rest(), MOST, &[]).map_err(|error| match error {
        Unpack::Damaged | Unpack::TooLarge => SnapshotError::Damaged,
    })?;
    let mut player = Player::new(scenario, trace).map_err(SnapshotError::Scenario)?;
    let mut decoder = Decoder::new(&state);
    player.decode_state(trace, &mut decoder)?;
    let beside = T::decode(&mut decoder)?;
    if decoder.is_at_end() && player.hash().0 == hash {
        Ok((player, beside))
    } else {
        Err(SnapshotError::Damaged)
    }
}
