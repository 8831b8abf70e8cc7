//! A replica of a session that answers its Kubernetes clients.
//!
//! It sits in the session as a page does, plays the same log and never passes the horizon. It comes with the first
//! request and leaves some time after the last: as long as it is there, the session's clock goes.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{body::Bytes, extract::ws::Utf8Bytes};
use shared::{
    api::User,
    cluster::{Course, HttpRequest, HttpResponse},
    scenario::StepAction,
    session::{
        Replica, StepResult,
        protocol::{Role, ServerMessage},
    },
};
use tokio::{
    sync::{mpsc, oneshot},
    task::block_in_place,
    time::MissedTickBehavior,
};

use super::{
    answer,
    flow::Flow,
    logs::Follower,
    programs::{Programs, Told},
    requests::Requests,
    streams::{self, Streams},
};
use crate::{
    sessions::{Ask, Limits, PaceChange, Seat, Sessions, Submission},
    storage::TokenHash,
    websocket::{Bucket, Rate},
};

/// How often it looks after streams, and after requests that wait.
const TICK: Duration = Duration::from_millis(20);

/// It stays this long after the last request: a person thinks between two commands.
const IDLE: Duration = Duration::from_secs(120);

/// Requests that may wait for it.
const MAILBOX: usize = 256;

/// While the clock is paused, a request lets it go on by this much, and so often, until it is answered.
const NUDGE_MS: u64 = 250;
const MOST_NUDGES: u32 = 3;
/// So long it waits between two of them.
const NUDGE_AFTER: Duration = Duration::from_millis(100);

/// A part of an answer that goes on.
pub type Part = Result<Bytes, Infallible>;

/// What comes back.
pub enum Reply {
    /// All there is to say.
    Answer(HttpResponse),
    /// Events.
    Watch(mpsc::Receiver<Part>),
    /// What a container says.
    Log(mpsc::Receiver<Part>),
    /// What a program writes, and how it went.
    Program(mpsc::Receiver<Told>),
}

/// A request and who asks.
pub struct Call {
    role: Role,
    http: Box<HttpRequest>,
    /// Whether it runs a program that is followed.
    program: bool,
    reply: oneshot::Sender<Reply>,
}

/// What reaches a replica.
pub enum Message {
    /// Somebody asks.
    Call(Call),
    /// Somebody wants to know of which flow a request is.
    Flow(Role, Box<HttpRequest>, oneshot::Sender<Option<Flow>>),
    /// A reader has taken something: there is room for more.
    Room(u64),
}

/// The way to a replica.
#[derive(Clone)]
pub struct Handle {
    tokens: [TokenHash; 3],
    mailbox: mpsc::Sender<Message>,
    requests: Arc<Requests>,
}

impl Handle {
    /// What was asked of it.
    pub fn requests(&self) -> &Requests {
        &self.requests
    }

    /// What opens it, by role.
    pub fn tokens(&self) -> &[TokenHash; 3] {
        &self.tokens
    }

    /// Whether it is there.
    pub fn is_open(&self) -> bool {
        !self.mailbox.is_closed()
    }

    /// Asks it something.
    pub async fn ask(&self, role: Role, http: HttpRequest) -> Reply {
        self.call(role, http, false).await
    }

    /// Asks it to run a program, and to tell what that writes as it comes.
    pub async fn follow(&self, role: Role, http: HttpRequest) -> Reply {
        self.call(role, http, true).await
    }

    /// Of which flow a request is.
    pub async fn flow(&self, role: Role, http: HttpRequest) -> Option<Flow> {
        let (reply, answer) = oneshot::channel();
        self.mailbox.send(Message::Flow(role, Box::new(http), reply)).await.ok()?;
        answer.await.ok().flatten()
    }

    async fn call(&self, role: Role, http: HttpRequest, program: bool) -> Reply {
        let (reply, answer) = oneshot::channel();
        let call = Call { role, http: Box::new(http), program, reply };
        let gone = || {
            let why = "this session was closed while it answered: try again";
            Reply::Answer(answer::status(503, "ServiceUnavailable", why))
        };
        match self.mailbox.send(Message::Call(call)).await {
            Ok(()) => answer.await.unwrap_or_else(|_| gone()),
            Err(_) => gone(),
        }
    }
}

/// Opens a replica of a session.
pub fn open(sessions: Sessions, id: String, tokens: [TokenHash; 3]) -> Handle {
    let (mailbox, messages) = mpsc::channel(MAILBOX);
    let own = mailbox.downgrade();
    tokio::spawn(async move {
        match sessions.follow(&id).await {
            Ok(seat) => {
                tracing::info!(session = id, "a replica for Kubernetes clients was opened");
                run(seat, messages, own, sessions.limits()).await;
                tracing::info!(session = id, "a replica for Kubernetes clients was closed");
            }
            Err(end) => tracing::warn!(session = id, why = end.why, "a session cannot be followed"),
        }
    });
    Handle { tokens, mailbox, requests: Arc::default() }
}

async fn run(
    mut seat: Seat,
    mut messages: mpsc::Receiver<Message>,
    own: mpsc::WeakSender<Message>,
    limits: Limits,
) {
    let mut server = Server {
        client: seat.client,
        session: seat.mailbox.clone(),
        replica: None,
        next: 0,
        asked: BTreeMap::new(),
        accepted: BTreeMap::new(),
        playing: BTreeMap::new(),
        seen: 0,
        streams: Streams::new(own),
        programs: Programs::default(),
        limits,
        requests: Bucket::new(Rate::of(limits.requests_per_second), Instant::now()),
        used: Instant::now(),
    };
    for frame in std::mem::take(&mut seat.first) {
        server.take(&frame);
    }
    // Where the session is, it is known only with the last entry.
    server.advance();
    let mut ticks = tokio::time::interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            frame = seat.frames.recv() => match frame {
                Some(frame) => server.take(&frame),
                None => break,
            },
            _ = &mut seat.end => break,
            message = messages.recv() => match message {
                Some(Message::Call(call)) => server.call(call).await,
                // Whoever asked may have gone.
                Some(Message::Flow(role, http, reply)) => drop(reply.send(server.flow(role, &http))),
                Some(Message::Room(stream)) => server.room(stream),
                None => break,
            },
            _ = ticks.tick() => server.tick().await,
        }
        if server.is_idle() {
            break;
        }
    }
    // Whoever asks from now on finds the mailbox closed, and opens another.
    messages.close();
    let _ = seat.mailbox.send(Ask::Leave { client: seat.client }).await;
}

/// A request that was submitted.
struct Waiting {
    reply: oneshot::Sender<Reply>,
    program: bool,
    nudges: u32,
    since: Instant,
}

/// As whom a role asks.
fn user_of(role: Role) -> User {
    let name = format!("{role:?}").to_lowercase();
    User { read_only: !role.may_act(), ..User::person(name.as_str().into()) }
}

struct Server {
    client: u64,
    session: mpsc::Sender<Ask>,
    replica: Option<Replica>,
    next: u32,
    /// By the number of the submission, then of the entry, then of the step.
    asked: BTreeMap<u32, Waiting>,
    accepted: BTreeMap<u64, Waiting>,
    playing: BTreeMap<u64, Waiting>,
    /// Results that were looked at.
    seen: usize,
    streams: Streams,
    programs: Programs,
    limits: Limits,
    requests: Bucket,
    used: Instant,
}

impl Server {
    fn take(&mut self, frame: &Utf8Bytes) {
        match ServerMessage::read(frame) {
            Ok(ServerMessage::Welcome(welcome)) => {
                self.replica = Replica::welcomed(*welcome, 0).ok();
                self.advance();
            }
            Ok(ServerMessage::Accepted { id, sequence }) => {
                self.accepted.extend(self.asked.remove(&id).map(|waiting| (sequence, waiting)));
            }
            Ok(ServerMessage::Refused { id: Some(id), why }) => {
                if let Some(waiting) = self.asked.remove(&id) {
                    // Whoever asked may have gone.
                    let _ =
                        waiting.reply.send(Reply::Answer(answer::status(503, "ServiceUnavailable", &why)));
                }
            }
            Ok(ServerMessage::Entry(entry)) => {
                let step =
                    self.replica.as_mut().and_then(|replica| replica.take_entry(&entry).ok().flatten());
                if let (Some(step), Some(waiting)) = (step, self.accepted.remove(&entry.sequence)) {
                    self.playing.insert(step, waiting);
                }
            }
            Ok(ServerMessage::Horizon(horizon)) => {
                if let Some(replica) = &mut self.replica {
                    replica.take_horizon(horizon);
                }
                self.advance();
            }
            _ => {}
        }
    }

    /// Plays as far as it may, and tells what came of it.
    fn advance(&mut self) {
        let Some(replica) = &mut self.replica else { return };
        if replica.player().now() < replica.limit() {
            block_in_place(|| replica.advance_to(replica.limit()));
        }
        let player = replica.player();
        let begun: Vec<u64> = self
            .playing
            .iter()
            .filter(|(step, waiting)| waiting.program && player.output(**step).is_some())
            .map(|(&step, _)| step)
            .collect();
        for step in begun {
            if let Some(waiting) = self.playing.remove(&step) {
                self.programs.open(step, waiting.reply);
            }
        }
        let results = player.results();
        for StepResult { step, response, .. } in &results[self.seen..] {
            let Some(response) = response else { continue };
            match self.playing.remove(step) {
                Some(waiting) if waiting.program && response.is_success() => {
                    self.programs.open(*step, waiting.reply);
                }
                // Whoever asked may have gone.
                Some(waiting) => drop(waiting.reply.send(Reply::Answer(response.clone()))),
                None => {}
            }
            self.programs.end(*step, response);
        }
        self.seen = results.len();
        self.programs.tell(player);
        self.streams.tell(replica.player().cluster());
    }

    async fn call(&mut self, call: Call) {
        self.used = Instant::now();
        if !self.requests.take(self.used) {
            // Clients wait a second and ask again.
            let why = "too many requests for this session at once";
            drop(call.reply.send(Reply::Answer(answer::status(429, "TooManyRequests", why))));
            return;
        }
        let Some(replica) = &self.replica else {
            let why = "this session cannot be played by this version";
            // Whoever asked may have gone.
            let _ = call.reply.send(Reply::Answer(answer::status(503, "ServiceUnavailable", why)));
            return;
        };
        let cluster = replica.player().cluster();
        let user = user_of(call.role);
        let (name, looks) = (user.name.clone(), user.read_only);
        let Call { http, program, reply, .. } = call;
        let crowded = self.streams.count() + self.programs.count() >= self.limits.watches;
        // Whoever asked may have gone: then nothing is kept for them.
        match block_in_place(|| cluster.course(&http, user.clone(), looks)) {
            Course::Answered(answer) => drop(reply.send(Reply::Answer(answer))),
            Course::Watch(_) | Course::Follow if crowded => {
                let why = "too many watches of this session are open: close some";
                drop(reply.send(Reply::Answer(answer::status(429, "TooManyRequests", why))));
            }
            Course::Watch(watcher) => {
                let parts = self.streams.open(streams::Told::Watch(watcher));
                if reply.send(Reply::Watch(parts)).is_ok() {
                    self.streams.tell(cluster);
                }
            }
            Course::Follow => match block_in_place(|| Follower::open(cluster, &http, user, looks)) {
                Ok(follower) => {
                    let parts = self.streams.open(streams::Told::Log(Box::new(follower)));
                    if reply.send(Reply::Log(parts)).is_ok() {
                        self.streams.tell(cluster);
                    }
                }
                Err(refused) => drop(reply.send(Reply::Answer(refused))),
            },
            Course::Write if program && crowded => {
                let why = "too many programs of this session are followed: end some";
                drop(reply.send(Reply::Answer(answer::status(429, "TooManyRequests", why))));
            }
            Course::Write => {
                self.next += 1;
                self.asked.insert(self.next, Waiting { reply, program, nudges: 0, since: Instant::now() });
                let action = Box::new(StepAction::Request((*http).into()));
                let by = Some(name);
                let submission = Submission { client: self.client, id: self.next, action, by };
                // A session that ended says so by itself.
                let _ = self.session.send(Ask::Submit(submission)).await;
            }
        }
    }

    fn flow(&self, role: Role, http: &HttpRequest) -> Option<Flow> {
        let cluster = self.replica.as_ref()?.player().cluster();
        Flow::of(cluster, http, user_of(role))
    }

    fn room(&mut self, stream: u64) {
        if let Some(replica) = &self.replica {
            self.streams.room(stream, replica.player().cluster());
        }
    }

    async fn tick(&mut self) {
        let Some(replica) = &self.replica else { return };
        self.streams.tick(replica.player().cluster());
        self.programs.tell(replica.player());
        if self.playing.is_empty() {
            return;
        }
        let client = self.client;
        if replica.horizon().running {
            // Nobody waits for the next time that the horizon is told to all.
            let _ = self.session.send(Ask::Horizon { client }).await;
            return;
        }
        let until = Some(replica.limit().0 + NUDGE_MS);
        let mut wanted = false;
        let late: Vec<u64> =
            self.playing.iter().filter(|(_, one)| one.nudges >= MOST_NUDGES).map(|(&step, _)| step).collect();
        for waiting in self.playing.values_mut().filter(|one| one.since.elapsed() >= NUDGE_AFTER) {
            waiting.nudges += 1;
            waiting.since = Instant::now();
            wanted = true;
        }
        for step in late {
            if self.playing[&step].since.elapsed() >= NUDGE_AFTER / 2
                && let Some(waiting) = self.playing.remove(&step)
            {
                // Whoever asked may have gone.
                let _ = waiting.reply.send(Reply::Answer(answer::status(
                    504,
                    "Timeout",
                    "the cluster is paused",
                )));
            }
        }
        if wanted && !self.playing.is_empty() {
            let change = PaceChange { running: None, speed_milli: None, until };
            let _ = self.session.send(Ask::Pace { client, change }).await;
        }
    }

    fn is_idle(&self) -> bool {
        let waits = self.asked.len() + self.accepted.len() + self.playing.len() > 0;
        !waits && self.programs.count() == 0 && self.streams.is_empty() && self.used.elapsed() > IDLE
    }
}
