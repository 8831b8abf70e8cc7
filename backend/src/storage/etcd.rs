//! The store of several servers: an etcd that they share.
//!
//! # Layout
//! - `index/{session}`: there is such a session; the code of its room, or nothing.
//! - `sessions/{session}/beginning`, `…/clock`, `…/commands/{sequence}`: one key a command, made only if it is absent.
//! - `sessions/{session}/snapshot`: the newest that fits into one value; it may be missing.
//! - `links/{name}`: the text of a link, which never changes.
//! - `rooms/{code}/…` ([`rooms`]), `epochs/…` and `replicas/…` ([`epochs`]).
//!
//! Whoever writes to a session holds its epoch: every write has the condition that the epoch's key is as it was when it
//! was taken. Whoever takes it later thereby shuts out all that the holder before still tries, however late that comes.
//! A session of a room goes with its room, so that all of a room is with one server.

mod epochs;
mod gateway;
mod rooms;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

pub use self::gateway::Gateway;
use self::{
    epochs::Epochs,
    gateway::{Kept, Op, Txn},
};
use super::{
    Answer, CommandRecord, Pace, Place, SessionRecord, Storage, StoreError, Subject, TokenHash,
    rooms::{ParticipantRecord, RoomRecord, Whole},
};

/// All our keys begin so.
const PREFIX: &str = "kubarium/v1/";

/// As many commands are read at a time.
const PAGE: u32 = 64;

/// A transaction takes 128 conditions and acts at most, and a request 1.5 MiB, in base64.
const MOST_COMMANDS: usize = 100;
const MOST_BYTES: usize = 1 << 20;

/// Sessions and rooms in an etcd. Cheap to clone.
#[derive(Clone)]
pub struct Etcd {
    inner: Arc<Inner>,
}

struct Inner {
    gateway: Gateway,
    epochs: Epochs,
    /// The room of each session that was asked about; it never changes. Empty when it is in none.
    rooms: Mutex<HashMap<String, String>>,
    /// At which revision a session's clock was last written, so that a late write cannot set it back.
    clocks: Mutex<HashMap<String, u64>>,
    /// Something large took the place of something else.
    superseded: Arc<Notify>,
}

/// What never changes of a session.
#[derive(Serialize, Deserialize)]
struct Beginning {
    created: u64,
    engine: String,
    scenario: String,
    tokens: [TokenHash; 3],
}

#[derive(Serialize, Deserialize)]
struct Clock {
    horizon: u64,
    running: bool,
    speed_milli: u32,
}

fn key(rest: &str) -> String {
    format!("{PREFIX}{rest}")
}

fn session_key(id: &str, rest: &str) -> String {
    format!("{PREFIX}sessions/{id}/{rest}")
}

/// Numbers of one length: so keys are in the order of the commands.
fn command_key(id: &str, sequence: u64) -> String {
    format!("{PREFIX}sessions/{id}/commands/{sequence:016x}")
}

fn command_value(command: &CommandRecord) -> String {
    format!("{} {}", command.at, command.body)
}

fn command(kept: &Kept) -> Result<CommandRecord, StoreError> {
    let read = || {
        let (at, body) = kept.value.split_once(' ')?;
        let sequence = kept.key.rsplit('/').next()?;
        Some(CommandRecord {
            sequence: u64::from_str_radix(sequence, 16).ok()?,
            at: at.parse().ok()?,
            body: body.to_owned(),
        })
    };
    read().ok_or_else(|| unreadable(&kept.key))
}

fn unreadable(key: &str) -> StoreError {
    StoreError::Failed(format!("{key} in etcd is not what kubarium writes there"))
}

fn write<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("plain data always prints")
}

fn read<T: for<'a> Deserialize<'a>>(kept: &Kept) -> Result<T, StoreError> {
    serde_json::from_str(&kept.value).map_err(|_| unreadable(&kept.key))
}

impl Etcd {
    /// Uses the etcd behind this gateway; others reach this server at `address`, and know it by its `certificate`. An etcd that does not answer yet is no
    /// failure: nothing is acknowledged until it does. What is taken over by another server is told in `lost`.
    pub fn new(
        gateway: Gateway,
        address: String,
        certificate: String,
        lost: mpsc::UnboundedSender<String>,
    ) -> Self {
        let inner = Arc::new(Inner {
            gateway,
            epochs: Epochs::new(address, certificate, lost),
            rooms: Mutex::default(),
            clocks: Mutex::default(),
            superseded: Arc::default(),
        });
        epochs::start(&inner);
        Self { inner }
    }
}

impl Inner {
    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<String, String>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn clocks(&self) -> std::sync::MutexGuard<'_, HashMap<String, u64>> {
        self.clocks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under which epoch a session is: its own, or its room's. None when there is no such session.
    async fn unit(&self, session: &str) -> Result<Option<epochs::Unit>, StoreError> {
        let known = self.rooms().get(session).cloned();
        let room = match known {
            Some(room) => room,
            None => {
                let done = self.gateway.read([Op::get(&key(&format!("index/{session}")))]).await?;
                let Some(kept) = done.found[0].first() else { return Ok(None) };
                self.rooms().insert(session.to_owned(), kept.value.clone());
                kept.value.clone()
            }
        };
        Ok(Some(match room.as_str() {
            "" => epochs::Unit::session(session),
            code => epochs::Unit::room(code),
        }))
    }

    /// As [`Inner::unit`], of a session that must be there.
    async fn unit_of(&self, session: &str) -> Result<epochs::Unit, StoreError> {
        self.unit(session).await?.ok_or_else(|| StoreError::Conflict(format!("session {session}")))
    }

    /// Everything that makes a session.
    fn new_session(txn: Txn, session: &SessionRecord, room: &str) -> Txn {
        let beginning = Beginning {
            created: session.created,
            engine: session.engine.clone(),
            scenario: session.scenario.clone(),
            tokens: session.tokens,
        };
        let clock = Clock {
            horizon: session.horizon,
            running: session.pace.running,
            speed_milli: session.pace.speed_milli,
        };
        txn.then(Op::put(&key(&format!("index/{}", session.id)), room))
            .then(Op::put(&session_key(&session.id, "beginning"), &write(&beginning)))
            .then(Op::put(&session_key(&session.id, "clock"), &write(&clock)))
    }

    async fn create(&self, session: &SessionRecord) -> Result<(), StoreError> {
        // The name is random: if there is one already, it is this one, asked for again.
        let txn = Txn::default().at(&key(&format!("index/{}", session.id)), 0);
        self.gateway.txn(Self::new_session(txn, session, "")).await.map(drop)
    }

    async fn append(&self, id: &str, commands: &[CommandRecord]) -> Result<(), StoreError> {
        let unit = self.unit_of(id).await?;
        let mut rest = commands;
        while let Some(first) = rest.first() {
            let mut bytes = 0;
            let fits = |command: &&CommandRecord| {
                bytes += command.body.len() + 200;
                bytes <= MOST_BYTES
            };
            let count = rest.iter().take(MOST_COMMANDS).take_while(fits).count().max(1);
            let (now, later) = rest.split_at(count);
            let last = command_key(id, now[count - 1].sequence);
            let mut txn = self.epochs.fence(&unit, Txn::default())?;
            for command in now {
                let key = command_key(id, command.sequence);
                txn = txn.at(&key, 0).then(Op::put(&key, &command_value(command)));
            }
            let txn = txn.otherwise(Op::get(&unit.epoch_key())).otherwise(Op::get(&last));
            let done = self.gateway.txn(txn).await.map_err(|error| match error {
                // A part of it is kept: whoever asked has to read the log again.
                StoreError::Failed(why) if first.sequence != commands[0].sequence => StoreError::Away(why),
                error => error,
            })?;
            // When it was asked twice, the first may have been done.
            let kept = || done.found[1].first().is_some_and(|k| k.value == command_value(&now[count - 1]));
            if !(done.held || self.epochs.is_ours(&unit, &done.found[0]) && kept()) {
                self.epochs.lose(&unit);
                return Err(StoreError::Conflict(format!("session {id}")));
            }
            rest = later;
        }
        Ok(())
    }

    async fn set_clock(&self, id: &str, horizon: u64, pace: Pace) -> Result<(), StoreError> {
        let unit = self.unit_of(id).await?;
        let clock = Clock { horizon, running: pace.running, speed_milli: pace.speed_milli };
        let (clock_key, value) = (session_key(id, "clock"), write(&clock));
        // Once more if an earlier write came late.
        for _ in 0..3 {
            let revision = self.clocks().get(id).copied();
            let txn = self.epochs.fence(&unit, Txn::default())?.at(&clock_key, revision.unwrap_or(0));
            let txn = txn.then(Op::put(&clock_key, &value));
            let txn = txn.otherwise(Op::get(&unit.epoch_key())).otherwise(Op::get(&clock_key));
            let done = self.gateway.txn(txn).await?;
            if done.held {
                self.clocks().insert(id.to_owned(), done.revision);
                return Ok(());
            }
            let (true, Some(kept)) = (self.epochs.is_ours(&unit, &done.found[0]), done.found[1].first())
            else {
                break;
            };
            self.clocks().insert(id.to_owned(), kept.revision);
        }
        self.epochs.lose(&unit);
        Err(StoreError::Conflict(format!("session {id}")))
    }

    async fn describe(&self, id: &str) -> Result<Option<SessionRecord>, StoreError> {
        let ops = [
            Op::get(&session_key(id, "beginning")),
            Op::get(&session_key(id, "clock")),
            Op::get_last(&session_key(id, "commands/")),
        ];
        let done = self.gateway.read(ops).await?;
        let (Some(beginning), Some(clock)) = (done.found[0].first(), done.found[1].first()) else {
            return Ok(None);
        };
        let last = done.found[2].first().map(command).transpose()?;
        let Beginning { created, engine, scenario, tokens } = read(beginning)?;
        let Clock { horizon, running, speed_milli } = read(clock)?;
        Ok(Some(SessionRecord {
            id: id.to_owned(),
            created,
            engine,
            scenario,
            tokens,
            sequence: last.as_ref().map_or(0, |last| last.sequence),
            horizon: last.map_or(horizon, |last| horizon.max(last.at)),
            pace: Pace { running, speed_milli },
            lost: 0,
        }))
    }

    async fn load(&self, id: &str) -> Result<Option<(SessionRecord, Vec<CommandRecord>)>, StoreError> {
        let Some(unit) = self.unit(id).await? else { return Ok(None) };
        // From here on nobody else adds to the log: what is read now is all there is.
        self.hold(&unit).await?;
        let Some(record) = self.describe(id).await? else { return Ok(None) };
        let clock = self.gateway.read([Op::get(&session_key(id, "clock"))]).await?;
        let revision = clock.found[0].first().map_or(0, |kept| kept.revision);
        self.clocks().insert(id.to_owned(), revision);
        let (prefix, mut commands) = (session_key(id, "commands/"), Vec::<CommandRecord>::new());
        while (commands.len() as u64) < record.sequence {
            let next = commands.len() as u64 + 1;
            let from = Op::get_from(&command_key(id, next), &prefix, PAGE);
            let page = self.gateway.read([from]).await?;
            let page: Vec<CommandRecord> = page.found[0].iter().map(command).collect::<Result<_, _>>()?;
            let in_order = page.iter().zip(next..).all(|(command, sequence)| command.sequence == sequence);
            if page.is_empty() || !in_order {
                return Err(StoreError::Failed(format!("command {next} of session {id} is missing in etcd")));
            }
            commands.extend(page);
        }
        Ok(Some((SessionRecord { sequence: commands.len() as u64, ..record }, commands)))
    }
}

impl Storage for Etcd {
    fn create(&self, session: SessionRecord) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.create(&session).await })
    }

    fn append<'a>(&'a self, id: &'a str, commands: Vec<CommandRecord>) -> Answer<'a, ()> {
        Box::pin(async move { self.inner.append(id, &commands).await })
    }

    fn set_clock<'a>(&'a self, id: &'a str, horizon: u64, pace: Pace) -> Answer<'a, ()> {
        Box::pin(self.inner.set_clock(id, horizon, pace))
    }

    fn describe<'a>(&'a self, id: &'a str) -> Answer<'a, Option<SessionRecord>> {
        Box::pin(self.inner.describe(id))
    }

    fn load<'a>(&'a self, id: &'a str) -> Answer<'a, Option<(SessionRecord, Vec<CommandRecord>)>> {
        Box::pin(self.inner.load(id))
    }

    fn keep_snapshot<'a>(&'a self, id: &'a str, sequence: u64, bytes: Vec<u8>) -> Answer<'a, ()> {
        Box::pin(async move {
            let value = format!("{sequence} {}", STANDARD.encode(bytes));
            if value.len() > MOST_BYTES {
                return Ok(());
            }
            let unit = self.inner.unit_of(id).await?;
            self.inner.fenced(&unit, |txn| txn.then(Op::put(&session_key(id, "snapshot"), &value))).await?;
            self.inner.superseded.notify_one();
            Ok(())
        })
    }

    fn snapshot<'a>(&'a self, id: &'a str, newest: u64) -> Answer<'a, Option<Vec<u8>>> {
        Box::pin(async move {
            let mut done = self.inner.gateway.read([Op::get(&session_key(id, "snapshot"))]).await?;
            let Some(kept) = done.found[0].pop() else { return Ok(None) };
            let known = kept
                .value
                .split_once(' ')
                .filter(|(sequence, _)| sequence.parse::<u64>().is_ok_and(|sequence| sequence <= newest));
            Ok(known.and_then(|(_, text)| STANDARD.decode(text).ok()))
        })
    }

    fn count(&self) -> Answer<'_, u32> {
        Box::pin(async {
            let done = self.inner.gateway.read([Op::count(&key("index/"))]).await?;
            Ok(u32::try_from(done.counts[0]).unwrap_or(u32::MAX))
        })
    }

    fn create_room(&self, room: RoomRecord, shared: SessionRecord) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.create_room(&room, &shared).await })
    }

    fn load_room<'a>(&'a self, code: &'a str) -> Answer<'a, Option<Whole>> {
        Box::pin(self.inner.load_room(code))
    }

    fn add_participant<'a>(
        &'a self,
        code: &'a str,
        participant: ParticipantRecord,
        session: SessionRecord,
    ) -> Answer<'a, ()> {
        Box::pin(async move { self.inner.add_participant(code, &participant, &session).await })
    }

    fn replace_session<'a>(
        &'a self,
        code: &'a str,
        (number, progress): (u32, String),
        session: SessionRecord,
    ) -> Answer<'a, ()> {
        Box::pin(async move { self.inner.replace_session(code, (number, progress), &session).await })
    }

    fn set_progress<'a>(&'a self, code: &'a str, progress: Vec<(u32, String)>) -> Answer<'a, ()> {
        Box::pin(self.inner.set_progress(code, progress))
    }

    fn remove_participant<'a>(&'a self, code: &'a str, number: u32) -> Answer<'a, ()> {
        Box::pin(self.inner.remove_participant(code, number))
    }

    fn update_room(&self, room: RoomRecord) -> Answer<'_, ()> {
        Box::pin(async move { self.inner.update_room(&room).await })
    }

    fn delete_room<'a>(&'a self, code: &'a str) -> Answer<'a, Vec<String>> {
        Box::pin(self.inner.delete_room(code))
    }

    fn rooms_ended_before(&self, moment: u64) -> Answer<'_, Vec<String>> {
        Box::pin(self.inner.rooms_ended_before(moment))
    }

    fn rooms_open_at(&self, moment: u64) -> Answer<'_, u32> {
        Box::pin(self.inner.rooms_open_at(moment))
    }

    fn keep_link(&self, name: String, link: String) -> Answer<'_, ()> {
        Box::pin(async move {
            let key = key(&format!("links/{name}"));
            self.inner.gateway.txn(Txn::default().at(&key, 0).then(Op::put(&key, &link))).await.map(drop)
        })
    }

    fn link<'a>(&'a self, name: &'a str) -> Answer<'a, Option<String>> {
        Box::pin(async move {
            let mut done = self.inner.gateway.read([Op::get(&key(&format!("links/{name}")))]).await?;
            Ok(done.found[0].pop().map(|kept| kept.value))
        })
    }

    fn links(&self) -> Answer<'_, u32> {
        Box::pin(async {
            let done = self.inner.gateway.read([Op::count(&key("links/"))]).await?;
            Ok(u32::try_from(done.counts[0]).unwrap_or(u32::MAX))
        })
    }

    fn place<'a>(&'a self, subject: Subject<'a>) -> Answer<'a, Place> {
        Box::pin(async move {
            let unit = match subject {
                Subject::Session(id) => self.inner.unit(id).await?,
                Subject::Room(code) => Some(epochs::Unit::room(code)),
            };
            match unit {
                Some(unit) => self.inner.place(&unit).await,
                // Whoever looks will say that there is no such session.
                None => Ok(Place::Here),
            }
        })
    }

    fn secret(&self) -> &str {
        self.inner.epochs.secret()
    }

    fn lives(&self, replica: &str) -> bool {
        self.inner.epochs.lives(replica)
    }

    fn suspect(&self, replica: &str) {
        self.inner.epochs.suspect(replica);
    }

    fn release<'a>(&'a self, session: &'a str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let in_room = self.inner.rooms().get(session).is_some_and(|room| !room.is_empty());
            self.inner.clocks().remove(session);
            if !in_room {
                self.inner.release(&epochs::Unit::session(session)).await;
            }
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.inner.release_all())
    }
}
