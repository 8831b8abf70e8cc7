//! The store of one machine: a directory, kept by SQLite.
//!
//! Why SQLite: its write-ahead log gives one `fsync` for many commits, a torn end costs only what was never
//! acknowledged, and of a file cut short or overwritten every page that is left can still be read.
//!
//! One thread writes. It takes whatever has gathered while the disk was busy, makes it one transaction, and answers
//! only when that is on disk (group commit): acknowledged means durable.

use std::{path::Path, sync::mpsc, thread};

use futures_util::future::BoxFuture;
use tokio::sync::oneshot;

use super::{
    Answer, CommandRecord, Damage, OpenError, Pace, SessionRecord, Storage, StoreError, links, lock,
    rooms::{self, ParticipantRecord, RoomRecord, Whole},
    sqlite,
};

/// How many jobs may wait for the disk before callers wait too.
const QUEUE: usize = 4096;

/// Something to do with the database, and how to answer once that is on disk.
type Work = Box<dyn FnOnce(&mut rusqlite::Transaction<'_>) -> sqlite::Answer + Send>;

pub type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked.
pub enum Job {
    Create(Box<SessionRecord>, Reply<()>),
    Append { id: String, commands: Vec<CommandRecord>, reply: Reply<()> },
    Clock { id: String, horizon: u64, pace: Pace, reply: Reply<()> },
    Describe { id: String, reply: Reply<Option<SessionRecord>> },
    Load { id: String, reply: Reply<Option<(SessionRecord, Vec<CommandRecord>)>> },
    Work(Work),
    Close(Reply<()>),
}

/// The store of one machine.
pub struct Disk {
    jobs: mpsc::SyncSender<Job>,
}

impl Disk {
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

    /// Does something with the tables that changes all of what it is to change or nothing.
    fn work<'a, T: Send + 'static>(
        &'a self,
        work: impl FnOnce(&rusqlite::Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Answer<'a, T> {
        self.ask(|reply| {
            Job::Work(Box::new(|transaction| sqlite::later(sqlite::within(transaction, work), reply)))
        })
    }

    fn ask<'a, T: Send + 'a>(&'a self, job: impl FnOnce(Reply<T>) -> Job) -> Answer<'a, T> {
        let (reply, answer) = oneshot::channel();
        let mut job = job(reply);
        Box::pin(async move {
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
        })
    }
}

impl Storage for Disk {
    fn create(&self, session: SessionRecord) -> Answer<'_, ()> {
        self.ask(|reply| Job::Create(Box::new(session), reply))
    }

    fn append<'a>(&'a self, id: &'a str, commands: Vec<CommandRecord>) -> Answer<'a, ()> {
        self.ask(|reply| Job::Append { id: id.to_owned(), commands, reply })
    }

    fn set_clock<'a>(&'a self, id: &'a str, horizon: u64, pace: Pace) -> Answer<'a, ()> {
        self.ask(|reply| Job::Clock { id: id.to_owned(), horizon, pace, reply })
    }

    fn describe<'a>(&'a self, id: &'a str) -> Answer<'a, Option<SessionRecord>> {
        self.ask(|reply| Job::Describe { id: id.to_owned(), reply })
    }

    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(SessionRecord, Vec<CommandRecord>)>> {
        self.ask(|reply| Job::Load { id: id.to_owned(), reply })
    }

    fn count(&self) -> Answer<'_, u32> {
        self.work(sqlite::count)
    }

    fn create_room(&self, room: RoomRecord, shared: SessionRecord) -> Answer<'_, ()> {
        self.work(move |c| rooms::create(c, &room, &shared))
    }

    fn load_room<'a>(&'a self, code: &'a str) -> Answer<'a, Option<Whole>> {
        let code = code.to_owned();
        self.work(move |c| rooms::load(c, &code))
    }

    fn add_participant<'a>(
        &'a self,
        code: &'a str,
        participant: ParticipantRecord,
        session: SessionRecord,
    ) -> Answer<'a, ()> {
        let code = code.to_owned();
        self.work(move |c| rooms::add(c, &code, &participant, &session))
    }

    fn replace_session<'a>(
        &'a self,
        code: &'a str,
        (number, progress): (u32, String),
        session: SessionRecord,
    ) -> Answer<'a, ()> {
        let code = code.to_owned();
        self.work(move |c| rooms::replace_session(c, &code, (number, &progress), &session))
    }

    fn set_progress<'a>(&'a self, code: &'a str, progress: Vec<(u32, String)>) -> Answer<'a, ()> {
        let code = code.to_owned();
        self.work(move |c| {
            progress.iter().try_for_each(|(number, text)| rooms::set_progress(c, &code, *number, text))
        })
    }

    fn remove_participant<'a>(&'a self, code: &'a str, number: u32) -> Answer<'a, ()> {
        let code = code.to_owned();
        self.work(move |c| rooms::remove(c, &code, number))
    }

    fn update_room(&self, room: RoomRecord) -> Answer<'_, ()> {
        self.work(move |c| rooms::update(c, &room))
    }

    fn delete_room<'a>(&'a self, code: &'a str) -> Answer<'a, Vec<String>> {
        let code = code.to_owned();
        self.work(move |c| rooms::delete(c, &code))
    }

    fn rooms_ended_before(&self, moment: u64) -> Answer<'_, Vec<String>> {
        self.work(move |c| rooms::ended_before(c, moment))
    }

    fn rooms_open_at(&self, moment: u64) -> Answer<'_, u32> {
        self.work(move |c| rooms::open_at(c, moment))
    }

    fn keep_link(&self, name: String, link: String) -> Answer<'_, ()> {
        self.work(move |c| links::keep(c, &name, &link))
    }

    fn link<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        let name = name.to_owned();
        self.work(move |c| links::read(c, &name))
    }

    fn links(&self) -> Answer<'_, u32> {
        self.work(links::count)
    }

    /// Gives the directory back.
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            // Somebody else may have closed it: as good.
            let _ = self.ask(Job::Close).await;
        })
    }
}
