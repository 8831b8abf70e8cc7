//! What outlives the process: sessions with their command logs, and rooms. One machine keeps them in a directory
//! ([`disk`]), several servers in an etcd that they share ([`etcd`]); nobody else knows which.

mod damage;
pub mod disk;
pub mod etcd;
mod links;
mod lock;
pub mod rooms;
mod sqlite;

use std::{path::PathBuf, sync::Arc};

use futures_util::future::BoxFuture;

pub use self::damage::Damage;
use self::rooms::{ParticipantRecord, RoomRecord, Whole};

/// SHA-256 of a capability token. Tokens are random and long, so nothing slower is needed.
pub type TokenHash = [u8; 32];

/// How a session's clock goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Whether it goes.
    pub running: bool,
    /// Virtual milliseconds in a second of wall time.
    pub speed_milli: u32,
}

/// What is known of a session beside its log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRecord {
    /// Its public name.
    pub id: String,
    /// Milliseconds since 1970.
    pub created: u64,
    /// The engine that began the log.
    pub engine: String,
    /// The scenario it began with, as JSON.
    pub scenario: String,
    /// Who may what: owner, editor, viewer.
    pub tokens: [TokenHash; 3],
    /// The number of the last command; they count from 1.
    pub sequence: u64,
    /// Virtual time in milliseconds that the clock may have reached, and never passed.
    pub horizon: u64,
    /// How the clock goes when somebody is there.
    pub pace: Pace,
    /// How many commands at the end of the log could not be read any more.
    pub lost: u64,
}

/// One command of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// Its place in the order, from 1.
    pub sequence: u64,
    /// Virtual time in milliseconds at which it takes effect.
    pub at: u64,
    /// The command, as JSON.
    pub body: String,
}

/// Why something could not be kept or found.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system, SQLite or etcd refused: nothing was kept.
    #[error("the session store failed: {0}")]
    Failed(String),
    /// Nobody answered in time: what was to be kept may be there or not.
    #[error("the session store cannot be reached: {0}")]
    Away(String),
    /// Somebody else goes on with this log or room.
    #[error("{0} goes on at another server")]
    Conflict(String),
    /// A part of the file is gone, and the session's scenario or its tokens with it.
    #[error(
        "session {0} cannot be opened again: its beginning was in a part of the store that was damaged; whoever runs this \
         server still has the damaged file"
    )]
    Lost(String),
    /// The server is ending.
    #[error("the session store is closed")]
    Closed,
}

/// Why a data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be made, read or written.
    #[error("cannot use the data directory {path}: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Another process has it.
    #[error(
        "the data directory {path} is in use by another kubarium{holder}: stop that one, or give --data another directory"
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// ` (process 123)`, when known.
        holder: String,
    },
    /// What lies in it is of a later version.
    #[error(
        "the data in {path} was written by a newer kubarium (format {found}, this one knows {known}): use that one"
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// SQLite cannot open it, and nothing could be saved from it.
    #[error("cannot open the sessions in {path}: {source}")]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// The answer to something asked of the store.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// The store that the server was started with. Cheap to clone.
pub type Store = Arc<dyn Storage>;

/// What several servers have to agree on: who goes on with it.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    /// A session, by its name.
    Session(&'a str),
    /// A room, by its code.
    Room(&'a str),
}

/// Who goes on with a session or a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// This server.
    Here,
    /// Another one.
    At {
        /// Its name.
        replica: String,
        /// Where it listens for others: `10.0.0.7:8080`.
        address: String,
        /// By this it knows that another server asks.
        secret: String,
        /// What tells its certificate from all others; empty when it speaks plain http.
        certificate: String,
    },
}

/// Keeps sessions and rooms. What was asked for is durable when the answer is there; a failure is one of [`StoreError`].
pub trait Storage: Send + Sync {
    /// Keeps a new session.
    fn create(&self, session: SessionRecord) -> Answer<'_, ()>;

    /// Adds commands to the end of a log. After a failure other than [`StoreError::Failed`] the log has to be read again.
    fn append<'a>(&'a self, id: &'a str, commands: Vec<CommandRecord>) -> Answer<'a, ()>;

    /// Keeps how far the clock may go, and how it goes. If that fails the clock must not go on.
    fn set_clock<'a>(&'a self, id: &'a str, horizon: u64, pace: Pace) -> Answer<'a, ()>;

    /// What is known of a session.
    fn describe<'a>(&'a self, id: &'a str) -> Answer<'a, Option<SessionRecord>>;

    /// A session with its log, to go on with it: all of it, or what is intact from its beginning.
    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(SessionRecord, Vec<CommandRecord>)>>;

    /// How many sessions there are.
    fn count(&self) -> Answer<'_, u32>;

    /// Keeps a new room with the instructor's session.
    fn create_room(&self, room: RoomRecord, shared: SessionRecord) -> Answer<'_, ()>;

    /// A room with all who are in it, to go on with it.
    fn load_room<'a>(&'a self, code: &'a str) -> Answer<'a, Option<Whole>>;

    /// Keeps who came, with their own session.
    fn add_participant<'a>(
        &'a self,
        code: &'a str,
        participant: ParticipantRecord,
        session: SessionRecord,
    ) -> Answer<'a, ()>;

    /// Gives a participant another session of their own, and another progress. The session before stays in the room.
    fn replace_session<'a>(
        &'a self,
        code: &'a str,
        participant: (u32, String),
        session: SessionRecord,
    ) -> Answer<'a, ()>;

    /// Keeps which objectives participants met.
    fn set_progress<'a>(&'a self, code: &'a str, progress: Vec<(u32, String)>) -> Answer<'a, ()>;

    /// Forgets a participant; their sessions stay in the room.
    fn remove_participant<'a>(&'a self, code: &'a str, number: u32) -> Answer<'a, ()>;

    /// Keeps what changed of a room: its end, its scenario, and what was said to all.
    fn update_room(&self, room: RoomRecord) -> Answer<'_, ()>;

    /// Deletes a room with everything in it; the names of the sessions that went with it.
    fn delete_room<'a>(&'a self, code: &'a str) -> Answer<'a, Vec<String>>;

    /// The rooms that ended before a moment, and are this server's to delete.
    fn rooms_ended_before(&self, moment: u64) -> Answer<'_, Vec<String>>;

    /// How many rooms have not ended by a moment.
    fn rooms_open_at(&self, moment: u64) -> Answer<'_, u32>;

    /// Keeps the text of a link under a name that follows from it, for ever.
    fn keep_link(&self, name: String, link: String) -> Answer<'_, ()>;

    /// The text of a link.
    fn link<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>>;

    /// How many links there are.
    fn links(&self) -> Answer<'_, u32>;

    /// Who goes on with something; with one server, it does.
    fn place<'a>(&'a self, _: Subject<'a>) -> Answer<'a, Place> {
        Box::pin(async { Ok(Place::Here) })
    }

    /// What another server says when it passes a request on to this one; empty when there is none.
    fn secret(&self) -> &str {
        ""
    }

    /// Whether another server was there at the last look.
    fn lives(&self, _replica: &str) -> bool {
        true
    }

    /// Another server does not answer: from now on this one may go on with what that one had.
    fn suspect(&self, _replica: &str) {}

    /// Nobody is in a session any more: any server may go on with it.
    fn release<'a>(&'a self, _session: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// Finishes everything that was asked before, and lets go of all.
    fn close(&self) -> BoxFuture<'_, ()>;
}
