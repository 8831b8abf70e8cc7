//! Live sessions: which are awake, and how one gets in.
//!
//! A session is a scenario and a log of commands, both on disk. It is awake while people are in it: then a task of its
//! own has it in memory ([`actor`]). Everything else is asleep, and costs nothing.

mod actor;
mod agreement;
mod clock;
mod frames;
pub mod http;
pub mod name;
mod snapshots;
pub mod token;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::extract::ws::Utf8Bytes;
use shared::{
    doc::Str,
    scenario::{Scenario, StepAction},
};
use tokio::sync::{mpsc, oneshot};

pub use actor::{Ask, Grant, Guest, Live, PaceChange, Submission};
pub use frames::{End, role_of};

use self::actor::{Joined, Line};
use crate::storage::{CommandRecord, Damage, SessionRecord, Store, StoreError};

/// The version of the engine inside: all who are in a session have the same.
pub const ENGINE: &str = shared::ENGINE_VERSION;

/// Frames that may wait for a slow reader: some seconds of a busy session.
const FRAMES: usize = 512;

/// Requests that may wait for a session.
const MAILBOX: usize = 1024;

/// What sessions may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many are kept.
    pub sessions: u32,
    /// A log grows to this size at most; everybody who joins reads all of it.
    pub log_bytes: usize,
    /// What one client may ask of a session, a second.
    pub commands_per_second: u32,
    /// Nodes in one.
    pub nodes: u32,
    /// Pods in one.
    pub pods: u32,
    /// Watches and logs that are followed over a session's Kubernetes endpoint at the same time.
    pub watches: usize,
    /// What is asked of a session's Kubernetes endpoint, a second.
    pub requests_per_second: u32,
}

impl Limits {
    /// The scenario with what its cluster may hold, which every copy of it then keeps to.
    ///
    /// # Errors
    /// It begins with more.
    pub fn bound(&self, mut scenario: Scenario) -> Result<Scenario, String> {
        let groups = scenario.spec.cluster.nodes.iter();
        let nodes = groups.fold(0, |sum: u32, group| sum.saturating_add(group.count));
        if nodes > self.nodes {
            return Err(format!("a session here has {} nodes at most, and this one {nodes}", self.nodes));
        }
        let options = &mut scenario.spec.options;
        options.max_nodes = Some(options.max_nodes.map_or(self.nodes, |most| most.min(self.nodes)));
        options.max_pods = Some(options.max_pods.map_or(self.pods, |most| most.min(self.pods)));
        Ok(scenario)
    }
}

/// All sessions. Cheap to clone.
#[derive(Clone)]
pub struct Sessions {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    damage: Damage,
    limits: Limits,
    awake: Mutex<Awake>,
    grants: Mutex<HashMap<String, Grant>>,
}

#[derive(Default)]
struct Awake {
    mailboxes: HashMap<String, mpsc::Sender<Ask>>,
    closing: bool,
}

/// A place in a session.
pub struct Seat {
    /// The client's number there.
    pub client: u64,
    /// Where to say what the client wants.
    pub mailbox: mpsc::Sender<Ask>,
    /// What to send first, in order.
    pub first: Vec<Utf8Bytes>,
    /// What to send then.
    pub frames: mpsc::Receiver<Utf8Bytes>,
    /// The last word.
    pub end: oneshot::Receiver<End>,
}

impl Sessions {
    /// Nobody is awake yet.
    pub fn new(store: Store, damage: Damage, limits: Limits) -> Self {
        Self {
            inner: Arc::new(Inner {
                store,
                damage,
                limits,
                awake: Mutex::default(),
                grants: Mutex::default(),
            }),
        }
    }

    /// What sessions may take.
    pub fn limits(&self) -> Limits {
        self.inner.limits
    }

    /// How many are in memory.
    pub fn count_awake(&self) -> usize {
        self.awake().mailboxes.len()
    }

    /// Takes a seat in a session, waking it up if need be.
    ///
    /// # Errors
    /// Why not.
    pub async fn join(&self, id: &str, guest: Guest) -> Result<Seat, End> {
        let granted = self.grants().get(id).filter(|grant| grant.token == token::hash(&guest.token)).cloned();
        let ask = |line, reply| Ask::Join { guest: guest.clone(), granted: granted.clone(), line, reply };
        self.enter(id, ask).await
    }

    /// Takes a seat that nobody sees, for whoever answers in the session's name.
    ///
    /// # Errors
    /// Why not.
    pub async fn follow(&self, id: &str) -> Result<Seat, End> {
        self.enter(id, |line, reply| Ask::Follow { line, reply }).await
    }

    /// Does something in a session in somebody's name; it is in the log when this returns.
    ///
    /// # Errors
    /// Why not.
    pub async fn act(&self, id: &str, action: StepAction, by: Str) -> Result<(), End> {
        let mut seat = self.follow(id).await?;
        let submission = Submission { client: seat.client, id: 0, action: Box::new(action), by: Some(by) };
        let sent = seat.mailbox.send(Ask::Submit(submission)).await;
        // Only frames of a welcome and of the log come before the answer, and these begin otherwise.
        while sent.is_ok()
            && let Some(frame) = seat.frames.recv().await
        {
            let accepted = frame.starts_with(r#"{"accepted""#);
            if accepted || frame.starts_with(r#"{"refused""#) {
                // The session may have ended.
                let _ = seat.mailbox.send(Ask::Leave { client: seat.client }).await;
                return if accepted { Ok(()) } else { Err(End::FAILED) };
            }
        }
        Err(seat.end.await.unwrap_or(End::FAILED))
    }

    /// Lets a session's clock go or stand.
    ///
    /// # Errors
    /// Why not.
    pub async fn set_running(&self, id: &str, running: bool) -> Result<(), End> {
        let seat = self.follow(id).await?;
        let change = PaceChange { running: Some(running), speed_milli: None, until: None };
        for ask in [Ask::Pace { client: seat.client, change }, Ask::Leave { client: seat.client }] {
            seat.mailbox.send(ask).await.map_err(|_| End::FAILED)?;
        }
        Ok(())
    }

    /// Lets whoever has the token act in a session, until that is taken back.
    pub fn grant(&self, id: &str, grant: Grant) {
        self.grants().insert(id.to_owned(), grant);
    }

    /// Takes back what was granted in a session; who is there by it has to go.
    pub async fn revoke(&self, id: &str) {
        let granted = self.grants().remove(id).is_some();
        let mailbox = self.awake().mailboxes.get(id).cloned();
        if let Some(mailbox) = mailbox.filter(|_| granted) {
            // It may have fallen asleep by itself.
            let _ = mailbox.send(Ask::Revoke).await;
        }
    }

    /// Ends a session that was deleted on disk.
    pub async fn delete(&self, id: &str) {
        self.grants().remove(id);
        let mailbox = self.awake().mailboxes.remove(id);
        if let Some(mailbox) = mailbox {
            // It may have fallen asleep by itself.
            let _ = mailbox.send(Ask::Delete).await;
        }
    }

    /// Another server goes on with a session: whoever is in it here has to go.
    pub async fn lose(&self, id: &str) {
        let mailbox = self.awake().mailboxes.remove(id);
        if let Some(mailbox) = mailbox {
            // It may have fallen asleep by itself.
            let _ = mailbox.send(Ask::Moved).await;
        }
    }

    /// A session with its log.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn load(&self, id: &str) -> Result<Option<(SessionRecord, Vec<CommandRecord>)>, StoreError> {
        self.inner.store.load(id).await
    }

    async fn enter(
        &self,
        id: &str,
        ask: impl Fn(Line, oneshot::Sender<Result<Joined, End>>) -> Ask,
    ) -> Result<Seat, End> {
        if !token::is_id(id) {
            return Err(End::NO_SESSION);
        }
        // A session may fall asleep just when somebody comes: then it is woken again.
        for _ in 0..5 {
            let mailbox = self.wake(id).ok_or(End::RESTART)?;
            let (frames_in, frames) = mpsc::channel(FRAMES);
            let (end_in, end) = oneshot::channel();
            let (reply, joined) = oneshot::channel();
            let line = Line { frames: frames_in, end: end_in };
            if mailbox.send(ask(line, reply)).await.is_err() {
                continue;
            }
            if let Ok(result) = joined.await {
                return result.map(|joined| Seat {
                    client: joined.client,
                    mailbox,
                    first: joined.first,
                    frames,
                    end,
                });
            }
        }
        Err(End::FAILED)
    }

    /// What is kept of a session; none when there is no such session.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn record(&self, id: &str) -> Result<Option<SessionRecord>, StoreError> {
        if token::is_id(id) { self.inner.store.describe(id).await } else { Ok(None) }
    }

    /// What is known of a session; none when there is no such session.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn describe(&self, id: &str) -> Result<Option<Live>, StoreError> {
        if !token::is_id(id) {
            return Ok(None);
        }
        let mailbox = self.awake().mailboxes.get(id).cloned();
        if let Some(mailbox) = mailbox {
            let (reply, live) = oneshot::channel();
            if mailbox.send(Ask::Describe { reply }).await.is_ok()
                && let Ok(Some(live)) = live.await
            {
                return Ok(Some(live));
            }
        }
        let record = self.inner.store.describe(id).await?;
        Ok(record.map(|record| Live { record, clients: 0 }))
    }

    /// Ends all sessions: everybody is told, every clock is stopped, and nothing is woken any more.
    pub async fn close(&self) {
        let mailboxes = {
            let mut awake = self.awake();
            awake.closing = true;
            std::mem::take(&mut awake.mailboxes)
        };
        for mailbox in mailboxes.values() {
            // It may have fallen asleep by itself.
            let _ = mailbox.send(Ask::Close).await;
        }
        for mailbox in mailboxes.values() {
            mailbox.closed().await;
        }
    }

    /// The mailbox of a session, which is awake from now on; none when the server ends.
    fn wake(&self, id: &str) -> Option<mpsc::Sender<Ask>> {
        let mut awake = self.awake();
        if awake.closing {
            return None;
        }
        if let Some(mailbox) = awake.mailboxes.get(id).filter(|mailbox| !mailbox.is_closed()) {
            return Some(mailbox.clone());
        }
        let (mailbox, asks) = mpsc::channel(MAILBOX);
        awake.mailboxes.insert(id.to_owned(), mailbox.clone());
        let (sessions, id, own) = (self.clone(), id.to_owned(), mailbox.downgrade());
        tokio::spawn(async move {
            let (store, log_bytes) = (sessions.inner.store.clone(), sessions.inner.limits.log_bytes);
            actor::run(id.clone(), store, log_bytes, own.clone(), asks).await;
            sessions.inner.store.release(&id).await;
            let mut awake = sessions.awake();
            // Somebody may have woken it anew already.
            if awake
                .mailboxes
                .get(&id)
                .is_some_and(|mailbox| own.upgrade().is_none_or(|own| mailbox.same_channel(&own)))
            {
                awake.mailboxes.remove(&id);
            }
        });
        Some(mailbox)
    }

    fn grants(&self) -> std::sync::MutexGuard<'_, HashMap<String, Grant>> {
        self.inner.grants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn awake(&self) -> std::sync::MutexGuard<'_, Awake> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.inner.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
