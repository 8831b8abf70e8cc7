//! Playing a scenario: alone in a page, headless, or together with others.
//!
//! A [`Player`] holds a cluster and everything that is and was done to it; its log is the one format of links, live
//! sessions and files. A [`Replica`] is a player that follows a server; both can be kept as snapshots. [`link`] packs a scenario into a URL,
//! [`protocol`] is what server and replicas say to each other.

mod diagnose;
pub mod fixes;
pub mod link;
mod packed;
mod player;
pub mod protocol;
mod replica;
pub mod secrets;
mod snapshot;

pub use diagnose::{Diagnoser, Diagnosis, Diagnostic, Piece, diagnose};
pub use player::{Player, StepResult};
pub use replica::{Gap, Replica};
pub use snapshot::SnapshotError;
