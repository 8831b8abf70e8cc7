//! One live session: orders commands, makes them durable, keeps the clock, and tells everybody.
//!
//! A task owns the session; everything reaches it through its mailbox, so nothing is locked. It waits for the disk
//! before it tells anybody anything, which also orders commands and horizons: a horizon never overtakes a command that
//! takes effect at or before it.

mod commands;
mod dates;
mod mailbox;
mod presence;

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use shared::{
    doc::Str,
    scenario::Scenario,
    session::protocol::{Checkpoint, Horizon, Pointer, Role, ServerMessage, Welcome},
    sim::{StateHash, Time},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::MissedTickBehavior,
};

pub use self::mailbox::{Ask, Grant, Guest, Joined, Line, Live, PaceChange, Submission};
use self::{commands::gather, dates::Dates};
use super::{
    ENGINE,
    agreement::{Agreement, Point},
    clock::Clock,
    frames::{self, End, text},
    name,
    snapshots::{Made, Snapshot, Snapshots},
};
use crate::storage::{Pace, SessionRecord, Store, StoreError};

/// How often the horizon is told.
const TICK: Duration = Duration::from_millis(100);

/// Everybody compares their state about once in this time.
const CHECK: Duration = Duration::from_secs(2);

/// A session without people leaves memory after this time, in which a page may be loaded again.
const IDLE: Duration = Duration::from_secs(5);

/// Among so many at most it is shown what those point at who only look.
const FEW: usize = 16;

struct Client {
    line: Line,
    role: Role,
    name: Str,
    standing: Standing,
    /// What they point at, for whoever comes later.
    pointer: Option<Box<Pointer>>,
}

/// How somebody got in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// By a link.
    Guest,
    /// By a grant, which may be taken back.
    Granted,
    /// To answer in the session's name; nobody sees them.
    Unseen,
}

struct Session {
    store: Store,
    record: SessionRecord,
    scenario: Box<Scenario>,
    /// Frames of all commands, in order from 1.
    log: Vec<Utf8Bytes>,
    log_bytes: usize,
    most_bytes: usize,
    snapshots: Snapshots,
    /// To itself, from what goes on beside.
    mailbox: mpsc::WeakSender<Ask>,
    clock: Clock,
    dates: Dates,
    clients: BTreeMap<u64, Client>,
    next_client: u64,
    agreement: Agreement,
    next_check: Instant,
}

/// Runs a session until nobody is in it any more.
pub async fn run(
    id: String,
    store: Store,
    most_bytes: usize,
    own: mpsc::WeakSender<Ask>,
    mut mailbox: mpsc::Receiver<Ask>,
) {
    match Session::load(&id, store, most_bytes, own).await {
        Ok(mut session) => {
            tracing::info!(session = id, commands = session.log.len(), "a session was opened");
            match session.live(&mut mailbox).await {
                Ok(()) => tracing::info!(session = id, "a session was closed"),
                Err(error) => {
                    tracing::error!(session = id, %error, "a session failed and is closed");
                    session.end(&end_of(&error));
                }
            }
        }
        Err(end) => {
            // Whoever comes later finds the mailbox closed, and tries anew.
            mailbox.close();
            while let Ok(ask) = mailbox.try_recv() {
                // Whoever asked may have gone.
                match ask {
                    Ask::Join { reply, .. } | Ask::Follow { reply, .. } => drop(reply.send(Err(end.clone()))),
                    Ask::Describe { reply } => drop(reply.send(None)),
                    _ => {}
                }
            }
        }
    }
}

impl Session {
    async fn load(
        id: &str,
        store: Store,
        most_bytes: usize,
        mailbox: mpsc::WeakSender<Ask>,
    ) -> Result<Self, End> {
        let (record, commands) = match store.load(id).await {
            Ok(Some(found)) => found,
            Ok(None) => return Err(End::NO_SESSION),
            Err(error) => {
                tracing::error!(session = id, %error, "a session cannot be read");
                return Err(end_of(&error));
            }
        };
        let log: Option<Vec<Utf8Bytes>> = commands.iter().map(frames::entry_frame).collect();
        let (Some(log), Ok(scenario)) = (log, serde_json::from_str::<Box<Scenario>>(&record.scenario)) else {
            tracing::error!(
                session = id,
                engine = record.engine,
                "the log of a session is not readable by this version"
            );
            return Err(End::FOREIGN_LOG);
        };
        // Without one, whoever joins plays the log.
        let kept = store.snapshot(id, record.sequence).await.ok().flatten();
        Ok(Self {
            snapshots: Snapshots::new(
                kept.and_then(|bytes| Snapshot::read(&scenario, record.horizon, bytes)),
            ),
            mailbox,
            store,
            dates: Dates::after(&record, &scenario, &commands),
            scenario,
            clock: Clock::new(record.horizon, record.pace, Instant::now()),
            log_bytes: log.iter().map(|frame| frame.len()).sum(),
            most_bytes,
            log,
            record,
            clients: BTreeMap::new(),
            next_client: 1,
            agreement: Agreement::default(),
            next_check: Instant::now(),
        })
    }

    /// Takes what comes in, until it has been idle for a while or is told to close.
    async fn live(&mut self, mailbox: &mut mpsc::Receiver<Ask>) -> Result<(), StoreError> {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // What was taken from the mailbox behind the last commands.
        let mut next = None;
        loop {
            if self.clients.is_empty() {
                self.rest().await?;
            }
            let busy = !self.clients.is_empty();
            self.make_snapshot();
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
                Ask::Join { guest, granted, line, reply } => self.join(&guest, granted, line, reply),
                Ask::Follow { line, reply } => {
                    self.seat(Role::Owner, (None, false), (Str::new(), Standing::Unseen), line, reply);
                }
                Ask::Snapshot(made) => self.take_snapshot(made).await?,
                Ask::Revoke => self.revoke(),
                Ask::Delete => {
                    self.end(&End::DELETED);
                    return Ok(());
                }
                Ask::Moved => {
                    self.end(&End::MOVED);
                    return Ok(());
                }
                Ask::Horizon { client } => {
                    let horizon = text(&ServerMessage::Horizon(self.horizon()));
                    self.send(client, &horizon);
                }
                Ask::Submit(first) => {
                    let mut batch = vec![first];
                    next = gather(mailbox, &mut batch);
                    self.submit(batch).await?;
                }
                Ask::Pace { client, change } => self.change_pace(client, &change).await?,
                Ask::Report { client, checkpoint } => self.compare(client, &checkpoint),
                Ask::Point { client, at } => self.point(client, at),
                Ask::Call { client, name } => self.call(client, &name),
                Ask::Leave { client } => {
                    if self.clients.remove(&client).is_some() {
                        self.tell_presence();
                    }
                }
                // Whoever asked may have gone.
                Ask::Describe { reply } => drop(reply.send(Some(self.describe()))),
                Ask::Close => {
                    self.end(&End::RESTART);
                    return self.rest().await;
                }
            }
        }
    }

    /// Has the next snapshot made, when it is time.
    fn make_snapshot(&mut self) {
        let horizon = self.horizon();
        let Some(mailbox) = self.mailbox.upgrade().filter(|_| self.snapshots.due(horizon)) else { return };
        let making = self.snapshots.make(&self.scenario, &self.log, horizon);
        tokio::spawn(async move {
            let made = making.await;
            // Nobody may be in the session any more.
            let _ = mailbox.send(Ask::Snapshot(made)).await;
        });
    }

    async fn take_snapshot(&mut self, made: Made) -> Result<(), StoreError> {
        let kept = match &made {
            Some(made) => self.store.keep_snapshot(&self.record.id, made.sequence, made.bytes()).await,
            None => Ok(()),
        };
        self.snapshots.take(made);
        match kept {
            // It is there to save time: without it all goes on.
            Err(StoreError::Failed(why) | StoreError::Away(why)) => {
                tracing::warn!(session = self.record.id, why, "a snapshot could not be kept");
                Ok(())
            }
            other => other,
        }
    }

    fn join(
        &mut self,
        guest: &Guest,
        granted: Option<Grant>,
        line: Line,
        reply: oneshot::Sender<Result<Joined, End>>,
    ) {
        let (role, wanted, standing) = match (frames::role_of(&self.record.tokens, &guest.token), granted) {
            (Some(role), _) => (role, name::clean(&guest.name), Standing::Guest),
            (None, Some(grant)) => (Role::Editor, Some(grant.name.to_string()), Standing::Granted),
            (None, None) => {
                // Whoever asked may have gone.
                let _ = reply.send(Err(End::WRONG_TOKEN));
                return;
            }
        };
        let name = self.free_name(wanted.as_deref().unwrap_or(match role {
            Role::Owner => "owner",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }));
        self.seat(role, (guest.after, guest.whole), (name, standing), line, reply);
    }

    /// Gives somebody a place, and all that they lack.
    fn seat(
        &mut self,
        role: Role,
        (after, whole): (Option<u64>, bool),
        (name, standing): (Str, Standing),
        line: Line,
        reply: oneshot::Sender<Result<Joined, End>>,
    ) {
        // Somebody who has more than there is saw commands that were lost: they begin anew.
        let after = after.filter(|&after| after <= self.record.sequence);
        let snapshot = self.snapshots.newest().filter(|_| after.is_none() && !whole);
        let snapshot = snapshot.and_then(|snapshot| Some((snapshot.sequence, snapshot.text()?)));
        let known = after.or(snapshot.as_ref().map(|(sequence, _)| *sequence)).unwrap_or(0);
        let known = usize::try_from(known).unwrap_or(usize::MAX);
        let welcome = ServerMessage::Welcome(Box::new(Welcome {
            engine: ENGINE.into(),
            role,
            scenario: after.is_none().then(|| self.scenario.clone()),
            snapshot: snapshot.map(|(_, text)| text),
            // The entries follow one by one, so that no frame outgrows its limit.
            log: Vec::new(),
            horizon: self.horizon(),
        }));
        let first = std::iter::once(text(&welcome)).chain(self.log[known..].iter().cloned()).collect();
        let client = self.next_client;
        if reply.send(Ok(Joined { client, first })).is_err() {
            return;
        }
        self.next_client += 1;
        let pointed: Vec<Utf8Bytes> = (self.clients.values())
            .filter_map(|other| {
                let at = other.pointer.as_deref()?.clone();
                Some(text(&ServerMessage::Points { name: other.name.clone(), at }))
            })
            .collect();
        self.clients.insert(client, Client { line, role, name, standing, pointer: None });
        self.tell_presence();
        if let Some(newcomer) = self.clients.get(&client) {
            pointed.iter().for_each(|frame| newcomer.glance(frame));
        }
    }

    /// Lets everybody go who came by a grant.
    fn revoke(&mut self) {
        let granted = |client: &Client| client.standing == Standing::Granted;
        let gone: Vec<u64> =
            self.clients.iter().filter(|(_, client)| granted(client)).map(|(&id, _)| id).collect();
        for client in gone.iter().filter_map(|id| self.clients.remove(id)) {
            // The connection may have ended by itself.
            let _ = client.line.end.send(End::REVOKED);
        }
        if !gone.is_empty() {
            self.tell_presence();
        }
    }

    fn compare(&mut self, client: u64, checkpoint: &Checkpoint) {
        let Some(role) = self.clients.get(&client).map(|client| client.role) else { return };
        let point = Point { time: checkpoint.time.0, sequence: checkpoint.sequence };
        let hash = checkpoint.hash.0;
        let Some(verdict) = self.agreement.report(client, role.may_act(), point, hash) else { return };
        if !verdict.in_sync {
            tracing::error!(session = self.record.id, client, ?point, "replicas differ");
        }
        let Checkpoint { sequence, time, .. } = *checkpoint;
        let frame = text(&match verdict.in_sync {
            true => ServerMessage::Agreed { sequence, time, replicas: verdict.clients },
            false => ServerMessage::Diverged { sequence, time, hash: StateHash(verdict.hash) },
        });
        match verdict.for_all {
            true => self.send_all(&frame),
            false => self.send(client, &frame),
        }
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        self.clock.read(Instant::now());
        if let Some(horizon) = self.clock.wants()
            && self.keep_clock(horizon, self.clock.pace()).await?
        {
            self.clock.reserve(horizon);
        }
        let now = Instant::now();
        let horizon = self.horizon();
        if now >= self.next_check {
            self.next_check = now + CHECK;
            let Horizon { sequence, time, .. } = horizon;
            self.send_all(&text(&ServerMessage::Check { sequence, time }));
        }
        self.send_all(&text(&ServerMessage::Horizon(horizon)));
        Ok(())
    }

    /// Nobody is here: the clock stops where it is, exactly.
    async fn rest(&mut self) -> Result<(), StoreError> {
        let time = self.clock.read(Instant::now());
        if self.clock.reserved() > time && self.keep_clock(time, self.clock.pace()).await? {
            self.clock.reserve(time);
        }
        Ok(())
    }

    /// Keeps how far the clock may go; when the store does not take it now, the clock stands at what it has.
    async fn keep_clock(&mut self, horizon: u64, pace: Pace) -> Result<bool, StoreError> {
        match self.store.set_clock(&self.record.id, horizon, pace).await {
            Ok(()) => Ok(true),
            Err(StoreError::Failed(why) | StoreError::Away(why)) => {
                tracing::warn!(session = self.record.id, why, "the clock waits for the store");
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn tell_horizon(&mut self) {
        let horizon = text(&ServerMessage::Horizon(self.horizon()));
        self.send_all(&horizon);
    }

    fn horizon(&mut self) -> Horizon {
        let Pace { running, speed_milli } = self.clock.pace();
        let time = Time(self.clock.read(Instant::now()));
        Horizon { sequence: self.record.sequence, time, running, speed: speed_milli }
    }

    fn describe(&mut self) -> Live {
        let record = SessionRecord { horizon: self.clock.read(Instant::now()), ..self.record.clone() };
        let seen = self.clients.values().filter(|client| client.standing != Standing::Unseen).count();
        Live { record, clients: u32::try_from(seen).unwrap_or(u32::MAX) }
    }

    fn send_all(&mut self, frame: &Utf8Bytes) {
        let everybody: Vec<u64> = self.clients.keys().copied().collect();
        everybody.into_iter().for_each(|client| self.send(client, frame));
    }

    /// A frame for one client. Whoever reads too slowly is let go, so that nobody waits for them; their connection
    /// then says that they have left.
    fn send(&mut self, client: u64, frame: &Utf8Bytes) {
        let Some(found) = self.clients.get(&client) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = found.line.frames.try_send(frame.clone()) {
            tracing::info!(session = self.record.id, client, "a slow reader was let go");
            if let Some(gone) = self.clients.remove(&client) {
                // The connection may have ended by itself.
                let _ = gone.line.end.send(End::TOO_SLOW);
            }
        }
    }

    fn end(&mut self, end: &End) {
        for (_, client) in std::mem::take(&mut self.clients) {
            // The connection may have ended by itself.
            let _ = client.line.end.send(end.clone());
        }
    }
}

/// What those who are in a session are told when its store fails.
fn end_of(error: &StoreError) -> End {
    match error {
        StoreError::Lost(_) => End::LOST,
        StoreError::Conflict(_) => End::MOVED,
        StoreError::Away(_) => End::STORE_AWAY,
        StoreError::Failed(_) | StoreError::Closed => End::FAILED,
    }
}
