//! What a session is asked, and by whom.

use axum::extract::ws::Utf8Bytes;
use shared::{
    doc::Str,
    scenario::StepAction,
    session::protocol::{Checkpoint, Pointer},
};
use tokio::sync::{mpsc, oneshot};

use super::super::{frames::End, snapshots::Made};
use crate::storage::{SessionRecord, TokenHash};

/// What a session is asked.
pub enum Ask {
    /// Somebody comes in with a token, and perhaps has a part of the log already.
    Join { guest: Guest, granted: Option<Grant>, line: Line, reply: oneshot::Sender<Result<Joined, End>> },
    /// Whoever answers in the session's name comes in, unseen.
    Follow { line: Line, reply: oneshot::Sender<Result<Joined, End>> },
    /// Somebody does something to the cluster.
    Submit(Submission),
    /// Somebody waits for time to pass.
    Horizon { client: u64 },
    /// Somebody changes how the clock goes.
    Pace { client: u64, change: PaceChange },
    /// Somebody tells what state they have.
    Report { client: u64, checkpoint: Checkpoint },
    /// Somebody points at something.
    Point { client: u64, at: Pointer },
    /// Somebody wants to be called otherwise.
    Call { client: u64, name: Str },
    /// Somebody has gone.
    Leave { client: u64 },
    /// How is it?
    Describe { reply: oneshot::Sender<Option<Live>> },
    /// A snapshot of it was made, or could not be.
    Snapshot(Made),
    /// Whoever is here by a grant has to go.
    Revoke,
    /// The session is deleted.
    Delete,
    /// Another server goes on with it.
    Moved,
    /// The server ends.
    Close,
}

/// Somebody who wants to come in.
#[derive(Clone)]
pub struct Guest {
    /// The token of their link.
    pub token: Str,
    /// The last entry of the log that they have already.
    pub after: Option<u64>,
    /// Whether they want to play all of the log rather than begin with a snapshot.
    pub whole: bool,
    /// What they want to be called.
    pub name: Str,
}

/// Leave to act in a session for a while, beside its links. It is never on disk: a restart takes it back.
#[derive(Clone)]
pub struct Grant {
    /// The hash of the token that comes with it.
    pub token: TokenHash,
    /// What others see who comes by it.
    pub name: Str,
}

/// A command on its way into the log.
pub struct Submission {
    /// Who.
    pub client: u64,
    /// The client's own number for it.
    pub id: u32,
    /// What.
    pub action: Box<StepAction>,
    /// In whose name, if not the client's own: only the unseen speak for others.
    pub by: Option<Str>,
}

/// Another pace; what is left out stays.
pub struct PaceChange {
    /// Whether the clock goes.
    pub running: Option<bool>,
    /// Virtual milliseconds a second.
    pub speed_milli: Option<u32>,
    /// A moment to jump to.
    pub until: Option<u64>,
}

/// The way to somebody's connection.
pub struct Line {
    /// Frames in order; full when the reader is too slow.
    pub frames: mpsc::Sender<Utf8Bytes>,
    /// The last word.
    pub end: oneshot::Sender<End>,
}

/// What somebody who came in is given.
pub struct Joined {
    /// Their number.
    pub client: u64,
    /// What to send before anything else, in order.
    pub first: Vec<Utf8Bytes>,
}

/// What is known of a live session.
pub struct Live {
    /// As it is kept, but with the clock as it is.
    pub record: SessionRecord,
    /// How many are in it.
    pub clients: u32,
}
