//! What outlives the process: sessions and their command logs, kept by SQLite.
//!
//! Why SQLite: its write-ahead log gives one `fsync` for many commits, a torn end costs only what was never
//! acknowledged, and of a file cut short or overwritten every page that is left can still be read.
//!
//! One thread writes. It takes whatever has gathered while the disk was busy, makes it one transaction, and answers
//! only when that is on disk (group commit): acknowledged means durable.

mod damage;
mod lock;
pub mod rooms;
mod sqlite;

use std::{
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
};

use tokio::sync::oneshot;

pub use damage::Damage;
pub use sqlite::count;

/// How many jobs may wait for the disk before callers wait too.
const QUEUE: usize = 4096;

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
    /// The file system or SQLite refused.
    #[error("the session store failed: {0}")]
    Failed(String),
    /// Somebody else went on with this log.
    #[error("the log of session {0} has grown elsewhere")]
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

/// Something to do with the database, and how to answer once that is on disk.
type Work = Box<dyn FnOnce(&mut rusqlite::Transaction<'_>) -> sqlite::Answer + Send>;

type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

enum Job {
    Create(Box<SessionRecord>, Reply<()>),
    Append { id: String, commands: Vec<CommandRecord>, reply: Reply<()> },
    Clock { id: String, horizon: u64, pace: Pace, reply: Reply<()> },
    Describe { id: String, reply: Reply<Option<SessionRecord>> },
    Load { id: String, reply: Reply<Option<(SessionRecord, Vec<CommandRecord>)>> },
    Work(Work),
    Close(Reply<()>),
}

/// The store. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    jobs: mpsc::SyncSender<Job>,
}

impl Store {
    /// Opens the data directory, making it when it is missing, and repairs what was damaged.
    ///
    /// # Errors
    /// The directory cannot be used, or somebody else uses it.
    pub fn open(directory: &Path) -> Result<(Self, Damage), OpenError> {
        let in_use = lock::take(directory)?;
        let (database, damage) = sqlite::Database::open(directory)?;
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        thread::Builder::new()
            .name("storage".to_owned())
            .spawn(move || {
                let waiting = database.work(&queue);
                drop(in_use);
                for reply in waiting {
                    // Whoever asked may have gone.
                    let _ = reply.send(Ok(()));
                }
            })
            .map_err(|source| OpenError::Directory { path: directory.to_owned(), source })?;
        Ok((Self { jobs }, damage))
    }

    /// Keeps a new session.
    ///
    /// # Errors
    /// Nothing was kept.
    pub async fn create(&self, session: SessionRecord) -> Result<(), StoreError> {
        self.ask(|reply| Job::Create(Box::new(session), reply)).await
    }

    /// Adds commands to the end of a log; they are on disk when this returns.
    ///
    /// # Errors
    /// None of them was acknowledged. Read the log again before going on.
    pub async fn append(&self, id: &str, commands: Vec<CommandRecord>) -> Result<(), StoreError> {
        self.ask(|reply| Job::Append { id: id.to_owned(), commands, reply }).await
    }

    /// Keeps how far the clock may go, and how it goes.
    ///
    /// # Errors
    /// It was not kept; the clock must not go on.
    pub async fn set_clock(&self, id: &str, horizon: u64, pace: Pace) -> Result<(), StoreError> {
        self.ask(|reply| Job::Clock { id: id.to_owned(), horizon, pace, reply }).await
    }

    /// What is known of a session.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn describe(&self, id: &str) -> Result<Option<SessionRecord>, StoreError> {
        self.ask(|reply| Job::Describe { id: id.to_owned(), reply }).await
    }

    /// A session with its log: all of it, or what is intact from its beginning.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn load(&self, id: &str) -> Result<Option<(SessionRecord, Vec<CommandRecord>)>, StoreError> {
        self.ask(|reply| Job::Load { id: id.to_owned(), reply }).await
    }

    /// Does something with the tables that changes all of what it is to change or nothing; that is on disk when this
    /// returns.
    ///
    /// # Errors
    /// Nothing was changed.
    pub async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.ask(|reply| {
            Job::Work(Box::new(|transaction| sqlite::later(sqlite::within(transaction, work), reply)))
        })
        .await
    }

    /// Finishes everything that was asked before, and gives the directory back.
    pub async fn close(&self) {
        // Somebody else may have closed it: as good.
        let _ = self.ask(Job::Close).await;
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let mut job = job(reply);
        // The queue is long; it is full only when the disk stands still, and then there is time to wait.
        loop {
            match self.jobs.try_send(job) {
                Ok(()) => break,
                Err(mpsc::TrySendError::Full(back)) => job = back,
                Err(mpsc::TrySendError::Disconnected(_)) => return Err(StoreError::Closed),
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}
