//! Snapshots of a session: who joins late plays from the newest one on, and so does a server that opens it again.
//!
//! Nobody waits for one. Once enough has happened, the commands since the last one are played on a thread of their own, as
//! every replica plays them, and what comes of it is given to whoever joins from then on.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::extract::ws::Utf8Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use shared::{
    doc::Str,
    scenario::Scenario,
    session::{
        Replica,
        protocol::{Horizon, ServerMessage},
    },
    sim::Time,
};
use tokio::{
    sync::Semaphore,
    task::{block_in_place, spawn_blocking},
};

/// So many commands, or so much time, are worth a snapshot.
const COMMANDS: u64 = 100;
const TIME_MS: u64 = 5 * 60_000;
/// However fast a session goes, this much wall time lies between two; after each that came to nothing twice as much, up to
/// [`MOST_DOUBLINGS`] times: a program may run for ever, and what has to be played grows.
const PAUSE: Duration = Duration::from_secs(3);
const MOST_DOUBLINGS: u32 = 7;
/// A welcome has to fit into a frame, with what else it says.
const MOST: usize = 2_500_000;

/// One is made at a time: live clusters come first.
static MAKING: Semaphore = Semaphore::const_new(1);

/// A state of the session, and where it is.
#[derive(Clone)]
pub struct Snapshot {
    /// The last command that it has.
    pub sequence: u64,
    time: u64,
    bytes: Arc<Vec<u8>>,
}

/// What came of the making of one.
pub type Made = Option<Snapshot>;

/// The newest snapshot of a session.
pub struct Snapshots {
    newest: Option<Snapshot>,
    /// No other is begun before; `None` while one is made.
    rested: Option<Instant>,
    /// How many came to nothing since the newest.
    failures: u32,
}

impl Snapshot {
    /// One that was kept, if this engine can read it and the clock of the session was not set back before it.
    pub fn read(scenario: &Scenario, horizon: u64, bytes: Vec<u8>) -> Option<Snapshot> {
        let replica = block_in_place(|| Replica::load(scenario.clone(), 0, &bytes)).ok()?;
        let (sequence, time) = (replica.sequence(), replica.player().now().0);
        (time <= horizon).then(|| Snapshot { sequence, time, bytes: Arc::new(bytes) })
    }

    /// The snapshot as it is kept.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes.to_vec()
    }

    /// The snapshot as a welcome has it; none when it is too large for that.
    pub fn text(&self) -> Option<Str> {
        (self.bytes.len() <= MOST).then(|| STANDARD.encode(&*self.bytes).into())
    }
}

impl Snapshots {
    /// Begins with what was kept.
    pub fn new(kept: Option<Snapshot>) -> Self {
        Self { newest: kept, rested: Some(Instant::now()), failures: 0 }
    }

    /// The newest.
    pub fn newest(&self) -> Option<&Snapshot> {
        self.newest.as_ref()
    }

    /// Whether it is time for the next.
    pub fn due(&self, horizon: Horizon) -> bool {
        let (sequence, time) = self.newest.as_ref().map_or((0, 0), |newest| (newest.sequence, newest.time));
        let much = horizon.sequence >= sequence + COMMANDS || horizon.time.0 >= time + TIME_MS;
        much && self.rested.is_some_and(|rested| rested <= Instant::now())
    }

    /// Makes the next: a future that needs no more of the session. `log` has the frames of all commands.
    pub fn make(
        &mut self,
        scenario: &Scenario,
        log: &[Utf8Bytes],
        horizon: Horizon,
    ) -> impl Future<Output = Made> + Send + use<> {
        self.rested = None;
        let last = self.newest.clone();
        let known = last.as_ref().map_or(0, |last| usize::try_from(last.sequence).unwrap_or(usize::MAX));
        let frames: Vec<Utf8Bytes> = log.get(known..).unwrap_or_default().to_vec();
        let scenario = scenario.clone();
        async move {
            let _permit = MAKING.acquire().await.ok()?;
            // A panic of the engine ends this thread, and with it this snapshot alone.
            spawn_blocking(move || play(scenario, last, &frames, horizon)).await.ok().flatten()
        }
    }

    /// Takes what was made.
    pub fn take(&mut self, made: Made) {
        self.failures = if made.is_some() { 0 } else { self.failures + 1 };
        self.rested = Some(Instant::now() + PAUSE * (1 << self.failures.min(MOST_DOUBLINGS)));
        self.newest = made.or(self.newest.take());
    }
}

fn play(scenario: Scenario, last: Option<Snapshot>, frames: &[Utf8Bytes], horizon: Horizon) -> Made {
    let mut replica = match last {
        Some(last) => Replica::load(scenario.clone(), 0, &last.bytes).ok()?,
        None => Replica::new(scenario.clone(), 0).ok()?,
    };
    for frame in frames {
        if let ServerMessage::Entry(entry) = ServerMessage::read(frame).ok()? {
            replica.take_entry(&entry).ok()?;
        }
    }
    replica.take_horizon(horizon);
    replica.advance_to(Time(u64::MAX));
    // While a kubectl program runs there is none: the next attempt comes soon.
    let bytes = Arc::new(replica.save()?);
    // Whoever is given it relies on it.
    if let Err(error) = Replica::load(scenario, 0, &bytes) {
        tracing::error!(%error, "a snapshot cannot be read again");
        return None;
    }
    Some(Snapshot { sequence: replica.sequence(), time: horizon.time.0, bytes })
}
