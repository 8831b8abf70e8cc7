//! One live session: orders commands, makes them durable, keeps the clock, and tells everybody.
//!
//! A task owns the session; everything reaches it through its mailbox, so nothing is locked. It waits for the disk
//! before it tells anybody anything, which also orders commands and horizons: a horizon never overtakes a command that
//! takes effect at or before it.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use shared::cluster::Action;
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};

use super::{
    agreement::{Agreement, Point},
    clock::{Clock, SPEED_MILLI},
    frames::{command_frame, command_record, role_of, text},
    protocol::{Hello, Horizon, Pace, Refusal, Role, ServerFrame, VERSION},
};
use crate::storage::{self, SessionRecord, Store, StoreError};

/// How often the horizon is told.
const TICK: Duration = Duration::from_millis(100);

/// Everybody compares their hash about once in this time.
const CHECK: Duration = Duration::from_secs(2);

/// A session without people leaves memory after this time, in which a page may be loaded again.
const IDLE: Duration = Duration::from_secs(5);

/// As many commands share a commit at most.
const BATCH: usize = 256;

/// A log grows to this size at most; everybody who joins reads all of it.
const MAX_LOG_BYTES: usize = 64 << 20;

/// One may skip this far at once: a day.
const MAX_SKIP_MS: u64 = 24 * 3600 * 1000;

/// What a session is asked.
pub enum Ask {
    /// Somebody comes in.
    Join { hello: Hello, line: Line, reply: oneshot::Sender<Result<Joined, Refusal>> },
    /// Somebody does something to the cluster.
    Submit { client: u64, id: u64, action: Box<Action> },
    /// Somebody changes how the clock goes.
    Pace { client: u64, change: Pace },
    /// Somebody tells what state they have.
    Report { client: u64, point: Point, hash: u128 },
    /// Somebody has gone.
    Leave { client: u64 },
    /// How is it?
    Describe { reply: oneshot::Sender<Option<Live>> },
    /// The server ends.
    Close,
}

/// The way to somebody's connection.
pub struct Line {
    /// Frames in order; full when the reader is too slow.
    pub frames: mpsc::Sender<Utf8Bytes>,
    /// The last word.
    pub end: oneshot::Sender<Refusal>,
}

/// What somebody who came in is given.
pub struct Joined {
    /// Their number.
    pub client: u64,
    /// What they may do.
    pub role: Role,
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

struct Client {
    line: Line,
    role: Role,
}

/// The session.
pub struct Session {
    store: Store,
    record: SessionRecord,
    /// Command frames as they are sent, in order from 1.
    log: Vec<Utf8Bytes>,
    log_bytes: usize,
    clock: Clock,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    agreement: Agreement,
    next_check: Instant,
}

/// Runs a session until nobody is in it any more.
pub async fn run(id: String, store: Store, mut mailbox: mpsc::Receiver<Ask>) {
    match Session::load(&id, store).await {
        Ok(Some(mut session)) => {
            tracing::info!(session = id, commands = session.log.len(), "a session was opened");
            if let Err(error) = session.live(&mut mailbox).await {
                tracing::error!(session = id, %error, "a session failed and is closed");
                session.end(&Refusal::storage());
            }
            tracing::info!(session = id, "a session went to sleep");
        }
        Ok(None) => refuse_all(&mut mailbox, Refusal::no_session),
        Err(error) => {
            tracing::error!(session = id, %error, "a session cannot be opened");
            refuse_all(&mut mailbox, Refusal::storage);
        }
    }
}

/// Answers those who are waiting already. Whoever comes later finds the mailbox closed, and tries anew.
fn refuse_all(mailbox: &mut mpsc::Receiver<Ask>, refusal: impl Fn() -> Refusal) {
    mailbox.close();
    while let Ok(ask) = mailbox.try_recv() {
        match ask {
            // Whoever asked may have gone.
            Ask::Join { reply, .. } => drop(reply.send(Err(refusal()))),
            Ask::Describe { reply } => drop(reply.send(None)),
            _ => {}
        }
    }
}

impl Session {
    async fn load(id: &str, store: Store) -> Result<Option<Self>, StoreError> {
        let Some((record, commands)) = store.load(id).await? else { return Ok(None) };
        let log: Vec<Utf8Bytes> = commands.iter().map(command_frame).collect();
        let now = Instant::now();
        Ok(Some(Self {
            store,
            clock: Clock::new(record.horizon, record.pace, now),
            log_bytes: log.iter().map(|frame| frame.len()).sum(),
            log,
            record,
            clients: BTreeMap::new(),
            next_client: 1,
            agreement: Agreement::default(),
            next_check: now,
        }))
    }

    /// Takes what comes in, until it has been idle for a while or is told to close.
    async fn live(&mut self, mailbox: &mut mpsc::Receiver<Ask>) -> Result<(), StoreError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was taken from the mailbox behind the last commands.
        let mut next = None;
        loop {
            let busy = !self.clients.is_empty();
            let ask = match next.take() {
                Some(ask) => ask,
                None => tokio::select! {
                    ask = mailbox.recv() => match ask {
                        Some(ask) => ask,
                        None => return Ok(()),
                    },
                    _ = ticks.tick(), if busy && self.clock.pace().running => {
                        self.tick().await?;
                        continue;
                    }
                    // Whoever comes in at this very moment finds the mailbox closed, and tries anew.
                    () = tokio::time::sleep(IDLE), if !busy => return Ok(()),
                },
            };
            match ask {
                Ask::Close => {
                    self.rest().await?;
                    self.end(&Refusal::restart());
                    return Ok(());
                }
                Ask::Submit { client, id, action } => {
                    let mut batch = vec![(client, id, action)];
                    next = Self::gather(mailbox, &mut batch);
                    self.submit(batch).await?;
                }
                ask => self.take(ask).await?,
            }
        }
    }

    /// Takes the commands that wait behind the first: they share its commit. Gives back what is no command.
    fn gather(mailbox: &mut mpsc::Receiver<Ask>, batch: &mut Vec<(u64, u64, Box<Action>)>) -> Option<Ask> {
        while batch.len() < BATCH {
            match mailbox.try_recv() {
                Ok(Ask::Submit { client, id, action }) => batch.push((client, id, action)),
                Ok(other) => return Some(other),
                Err(_) => return None,
            }
        }
        None
    }
}

impl Session {
    async fn take(&mut self, ask: Ask) -> Result<(), StoreError> {
        match ask {
            Ask::Join { hello, line, reply } => self.join(&hello, line, reply),
            Ask::Pace { client, change } => self.change_pace(client, &change).await?,
            Ask::Report { client, point, hash } => self.compare(client, point, hash),
            Ask::Leave { client } => {
                self.clients.remove(&client);
            }
            // Whoever asked may have gone.
            Ask::Describe { reply } => drop(reply.send(Some(self.describe()))),
            Ask::Submit { .. } | Ask::Close => unreachable!("`live` does these itself"),
        }
        if self.clients.is_empty() { self.rest().await } else { Ok(()) }
    }

    fn join(&mut self, hello: &Hello, line: Line, reply: oneshot::Sender<Result<Joined, Refusal>>) {
        let Some(role) = role_of(&self.record, &hello.token) else {
            let _ = reply.send(Err(Refusal::wrong_token()));
            return;
        };
        let known = hello.after.min(self.record.sequence) as usize;
        let welcome = ServerFrame::Welcome {
            version: VERSION.to_owned(),
            started_with: self.record.engine.clone(),
            role,
            scenario: serde_json::from_str(&self.record.scenario).unwrap_or_default(),
            sequence: self.record.sequence,
            lost: self.record.lost,
            horizon: self.horizon(),
        };
        let first = std::iter::once(text(&welcome)).chain(self.log[known..].iter().cloned()).collect();
        let client = self.next_client;
        if reply.send(Ok(Joined { client, role, first })).is_ok() {
            self.next_client += 1;
            self.clients.insert(client, Client { line, role });
        }
    }

    /// Orders commands, makes them durable, and only then tells anybody.
    async fn submit(&mut self, batch: Vec<(u64, u64, Box<Action>)>) -> Result<(), StoreError> {
        let at = self.clock.read(Instant::now());
        let mut records = Vec::with_capacity(batch.len());
        let mut frames = Vec::with_capacity(batch.len());
        for (client, id, action) in batch {
            let Some(role) = self.clients.get(&client).map(|client| client.role) else { continue };
            let refusal = match role {
                Role::Viewer => Some("this link only lets you watch: ask for an editor's link"),
                _ if self.log_bytes > MAX_LOG_BYTES => Some("this session is full: go on in a copy of it"),
                _ => None,
            };
            if let Some(message) = refusal {
                self.send(client, &text(&ServerFrame::Refused { id, message: message.to_owned() }));
                continue;
            }
            let sequence = self.record.sequence + 1 + records.len() as u64;
            let record = command_record(sequence, at, role, *action);
            let frame = command_frame(&record);
            self.log_bytes += frame.len();
            records.push(record);
            frames.push((client, id, sequence, frame));
        }
        if records.is_empty() {
            return Ok(());
        }
        self.store.append(&self.record.id, records).await?;
        for (client, id, sequence, frame) in frames {
            self.record.sequence = sequence;
            self.send(client, &text(&ServerFrame::Accepted { id, sequence }));
            self.send_all(&frame);
            self.log.push(frame);
        }
        Ok(())
    }

    async fn change_pace(&mut self, client: u64, change: &Pace) -> Result<(), StoreError> {
        let Some(role) = self.clients.get(&client).map(|client| client.role) else { return Ok(()) };
        let now = Instant::now();
        let time = self.clock.read(now);
        let refusal = match change {
            _ if role == Role::Viewer => Some("this link only lets you watch: the clock belongs to the editors"),
            Pace { speed_milli: Some(speed), .. } if !SPEED_MILLI.contains(speed) => {
                Some("the speed is between 0.1 and 1000")
            }
            Pace { skip_to: Some(to), .. } if to.saturating_sub(time) > MAX_SKIP_MS => Some("skip by a day at most"),
            _ => None,
        };
        if let Some(message) = refusal {
            self.send(client, &text(&ServerFrame::Refused { id: 0, message: message.to_owned() }));
            return Ok(());
        }
        let old = self.clock.pace();
        let pace = storage::Pace {
            running: change.running.unwrap_or(old.running),
            speed_milli: change.speed_milli.unwrap_or(old.speed_milli),
        };
        let target = change.skip_to.unwrap_or(time).max(time);
        self.clock.set_pace(pace, now);
        let horizon = self.clock.block_from(target);
        self.store.set_clock(&self.record.id, horizon, pace).await?;
        self.clock.reserve(horizon);
        self.clock.skip(target, Instant::now());
        self.record.pace = pace;
        self.tell_horizon(false);
        Ok(())
    }

    fn compare(&mut self, client: u64, point: Point, hash: u128) {
        let Some(role) = self.clients.get(&client).map(|client| client.role) else { return };
        let Some(verdict) = self.agreement.report(client, role != Role::Viewer, point, hash) else { return };
        let frame = text(&ServerFrame::Sync {
            in_sync: verdict.in_sync,
            clients: verdict.clients,
            sequence: point.sequence,
            time: point.time,
        });
        if !verdict.in_sync {
            tracing::error!(session = self.record.id, client, ?point, "two replicas differ");
        }
        match verdict.for_all {
            true => self.send_all(&frame),
            false => self.send(client, &frame),
        }
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        let now = Instant::now();
        self.clock.read(now);
        if let Some(horizon) = self.clock.wants() {
            self.store.set_clock(&self.record.id, horizon, self.clock.pace()).await?;
            self.clock.reserve(horizon);
        }
        let check = now >= self.next_check;
        if check {
            self.next_check = now + CHECK;
        }
        self.tell_horizon(check);
        if self.clients.is_empty() { self.rest().await } else { Ok(()) }
    }

    /// Nobody is here: the clock stops where it is, exactly.
    async fn rest(&mut self) -> Result<(), StoreError> {
        let time = self.clock.read(Instant::now());
        if self.clock.reserved() > time {
            self.store.set_clock(&self.record.id, time, self.clock.pace()).await?;
            self.clock.reserve(time);
        }
        Ok(())
    }

    fn tell_horizon(&mut self, check: bool) {
        let horizon = self.horizon();
        self.send_all(&text(&ServerFrame::Horizon(Horizon { check, ..horizon })));
    }

    fn horizon(&mut self) -> Horizon {
        let pace = self.clock.pace();
        Horizon {
            sequence: self.record.sequence,
            time: self.clock.read(Instant::now()),
            running: pace.running,
            speed_milli: pace.speed_milli,
            check: false,
        }
    }

    fn describe(&mut self) -> Live {
        let record = SessionRecord { horizon: self.clock.read(Instant::now()), ..self.record.clone() };
        Live { record, clients: u32::try_from(self.clients.len()).unwrap_or(u32::MAX) }
    }

    fn send_all(&mut self, frame: &Utf8Bytes) {
        let everybody: Vec<u64> = self.clients.keys().copied().collect();
        everybody.into_iter().for_each(|client| self.send(client, frame));
    }

    /// A frame for one client. Whoever reads too slowly is let go, so that nobody waits for them.
    fn send(&mut self, client: u64, frame: &Utf8Bytes) {
        let Some(found) = self.clients.get(&client) else { return };
        match found.line.frames.try_send(frame.clone()) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Closed(_)) => drop(self.clients.remove(&client)),
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::info!(session = self.record.id, client, "a slow reader was let go");
                if let Some(gone) = self.clients.remove(&client) {
                    let _ = gone.line.end.send(Refusal::too_slow());
                }
            }
        }
    }

    fn end(&mut self, refusal: &Refusal) {
        for (_, client) in std::mem::take(&mut self.clients) {
            // Whoever has gone need not be told.
            let _ = client.line.end.send(refusal.clone());
        }
    }
}
