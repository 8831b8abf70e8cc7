//! Rooms: a workshop of many, each with a cluster of their own, beside the instructor's.
//!
//! A room is a scenario, the people who came, and a session for each of them; all of that is on disk. While somebody is
//! connected it is also in memory ([`room`]), with what need not outlive a restart: who is here, raised hands,
//! thumbnails. Own clusters are ordinary sessions: a participant's token opens the room and, as its owner, the session.

mod actions;
pub mod http;
mod protocol;
pub mod qr;
mod results;
mod room;
pub mod socket;

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use shared::scenario::Scenario;
use tokio::sync::Mutex;

use self::room::{Participant, Room};
use crate::{
    sessions::{
        End, Sessions, http as session_http, name,
        token::{self, Token},
    },
    storage::{
        SessionRecord, Store, StoreError,
        rooms::{ParticipantRecord, RoomRecord},
    },
};

/// How often the instructor is told what changed.
const REPORT: Duration = Duration::from_millis(500);

/// A room without connections leaves memory after so many reports.
const IDLE_REPORTS: u32 = 20;

/// How often rooms that have long ended are looked for.
const SWEEP: Duration = Duration::from_secs(600);

/// Letters that nobody takes for each other, and no vowels, so that no words come about.
const LETTERS: &[u8; 20] = b"BCDFGHJKMNPQRSTVWXYZ";

/// How many letters a code has: with a few rooms open, one guess in millions hits one.
const CODE: usize = 6;

/// What rooms may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open rooms.
    pub rooms: u32,
    /// Places in one.
    pub seats: u32,
    /// How long one lasts at most, and if nothing is said.
    pub lasts: Duration,
    /// How long one is kept after its end.
    pub kept: Duration,
}

/// All rooms. Cheap to clone.
#[derive(Clone)]
pub struct Rooms {
    inner: Arc<Inner>,
}

struct Inner {
    sessions: Sessions,
    store: Store,
    limits: Limits,
    /// Where others reach this server who cannot reach what the instructor's browser calls it.
    reachable: Option<IpAddr>,
    awake: std::sync::Mutex<HashMap<String, Shared>>,
}

/// A room that is awake.
type Shared = Arc<Mutex<Room>>;

/// Why somebody cannot come in.
#[derive(Debug)]
pub enum Refusal {
    /// No such room.
    Unknown,
    /// Its time is over.
    Ended,
    /// No place is left.
    Full,
    /// Not the token of this room.
    WrongToken,
    /// There are too many rooms.
    TooMany,
    /// The store failed.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Milliseconds since 1970.
pub fn now() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(now).unwrap_or_default()
}

/// A code as it is kept: people write it in small letters, with spaces and hyphens.
pub fn plain(code: &str) -> Option<String> {
    let code: String = code.chars().filter(|sign| !matches!(sign, ' ' | '-')).collect();
    let code = code.to_ascii_uppercase();
    (code.len() == CODE && code.bytes().all(|letter| LETTERS.contains(&letter))).then_some(code)
}

fn random_code() -> String {
    let mut code = String::new();
    while code.len() < CODE {
        let mut bytes = [0; CODE];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        // Bytes from 240 on would make the first letters more likely.
        let letters = bytes.iter().filter(|byte| **byte < 240).map(|byte| LETTERS[usize::from(byte % 20)]);
        code.extend(letters.map(char::from).take(CODE - code.len()));
    }
    code
}

impl Rooms {
    /// Nobody is awake yet.
    pub fn new(sessions: Sessions, store: Store, limits: Limits, reachable: Option<IpAddr>) -> Self {
        let rooms =
            Self { inner: Arc::new(Inner { sessions, store, limits, reachable, awake: Default::default() }) };
        tokio::spawn(sweep(Arc::downgrade(&rooms.inner)));
        rooms
    }

    /// Opens a room. The answer: the room, and the instructor's token.
    async fn open(
        &self,
        title: &str,
        scenario: Scenario,
        seats: u32,
        lasts: Duration,
    ) -> Result<(RoomRecord, Token), Refusal> {
        let created = now();
        let store = &self.inner.store;
        if store.rooms_open_at(created).await? >= self.inner.limits.rooms {
            return Err(Refusal::TooMany);
        }
        let (owner, viewer) = (Token::random(), Token::random());
        let tokens = [owner.hash(), Token::random().hash(), viewer.hash()];
        let shared = session_http::record(&token::random_id(), created, scenario.clone(), tokens);
        let room = RoomRecord {
            code: random_code(),
            created,
            ends: created + u64::try_from(lasts.as_millis()).unwrap_or_default(),
            title: protocol::short(title),
            scenario: serde_json::to_string(&scenario).expect("a scenario always prints"),
            owner: owner.hash(),
            shared: shared.id.clone(),
            viewer: viewer.reveal().to_owned(),
            seats,
            notice: "{}".to_owned(),
        };
        store.create_room(room.clone(), shared).await?;
        tracing::info!(seats, "a room was opened");
        Ok((room, owner))
    }

    /// A room, which is awake from now on.
    async fn find(&self, code: &str) -> Result<Shared, Refusal> {
        let code = plain(code).ok_or(Refusal::Unknown)?;
        if let Some(room) = self.awake().get(&code) {
            return Ok(Arc::clone(room));
        }
        let found = self.inner.store.load_room(&code).await?;
        let (record, participants) = found.ok_or(Refusal::Unknown)?;
        let mut awake = self.awake();
        // Somebody else may have woken it meanwhile.
        if let Some(room) = awake.get(&code) {
            return Ok(Arc::clone(room));
        }
        let room = Arc::new(Mutex::new(Room::new(record, participants)));
        awake.insert(code.clone(), Arc::clone(&room));
        tokio::spawn(self.clone().report(code, Arc::clone(&room)));
        Ok(room)
    }

    /// Tells the instructor what changed, and lets the room fall asleep when nobody is in it.
    async fn report(self, code: String, room: Shared) {
        let mut idle = 0;
        let mut over = false;
        loop {
            tokio::time::sleep(REPORT).await;
            let mut locked = room.lock().await;
            locked.report();
            if !over && locked.record.ends <= now() {
                over = true;
                locked.tell_all(&protocol::Told::Ended {});
            }
            idle = if locked.connections() > 0 { 0 } else { idle + 1 };
            let unkept = locked.take_unkept();
            drop(locked);
            if !unkept.is_empty() {
                self.keep_progress(&code, unkept).await;
            }
            if idle < IDLE_REPORTS {
                continue;
            }
            let mut awake = self.awake();
            // Whoever holds it besides the map and this task is about to use it.
            if Arc::strong_count(&room) == 2 || !awake.contains_key(&code) {
                awake.remove(&code);
                return;
            }
        }
    }

    async fn keep_progress(&self, code: &str, progress: Vec<(u32, String)>) {
        if let Err(error) = self.inner.store.set_progress(code, progress).await {
            tracing::error!(%error, "the progress of participants could not be kept");
        }
    }

    /// Somebody comes for the first time. The answer: as they are kept, and their token.
    async fn enrol(&self, code: &str, wanted: &str) -> Result<(ParticipantRecord, Token), Refusal> {
        let shared = self.find(code).await?;
        let token = Token::random();
        let (record, session, code) = {
            let mut room = shared.lock().await;
            if room.record.ends <= now() {
                return Err(Refusal::Ended);
            }
            if room.participants.len() >= room.record.seats as usize {
                return Err(Refusal::Full);
            }
            let taken = |name: &str| {
                room.participants
                    .values()
                    .any(|other| other.record.name.to_lowercase() == name.to_lowercase())
            };
            let name = name::told_apart(wanted, taken);
            let session = own_session(&room.record.scenario, token.hash());
            let progress = room.goals.begin(session.created);
            let record = ParticipantRecord {
                number: room.take_number(),
                name,
                token: token.hash(),
                session: session.id.clone(),
                joined: session.created,
                progress: serde_json::to_string(&progress).expect("progress always prints"),
            };
            // The place is taken before the disk is waited for, so that others may come meanwhile.
            room.participants.insert(record.number, Participant::new(record.clone()));
            (record, session, room.record.code.clone())
        };
        let id = session.id.clone();
        let done = self.inner.store.add_participant(&code, record.clone(), session).await;
        let mut room = shared.lock().await;
        if let Err(error) = done {
            room.participants.remove(&record.number);
            return Err(error.into());
        }
        let paused = room.notice.paused;
        room.touch(record.number);
        drop(room);
        if paused {
            // A clock that goes on for a moment is no harm.
            let _ = self.inner.sessions.set_running(&id, false).await;
        }
        Ok((record, token))
    }

    /// Deletes a room with everything in it.
    async fn delete(&self, code: &str) -> Result<(), StoreError> {
        let sessions = self.inner.store.delete_room(code).await?;
        let awake = self.awake().remove(code);
        if let Some(room) = awake {
            let mut room = room.lock().await;
            room.deleted = true;
            room.dismiss(|_, _| true, &End::ROOM_DELETED);
        }
        for session in &sessions {
            self.inner.sessions.delete(session).await;
        }
        tracing::info!(sessions = sessions.len(), "a room was deleted");
        Ok(())
    }

    /// Another server goes on with a room: whoever is in it here has to go.
    pub async fn lose(&self, code: &str) {
        let room = self.awake().remove(code);
        let Some(room) = room else { return };
        let sessions: Vec<String> = {
            let mut room = room.lock().await;
            room.dismiss(|_, _| true, &End::MOVED);
            let own = room.participants.values().map(|participant| participant.record.session.clone());
            own.chain([room.record.shared.clone()]).collect()
        };
        for session in &sessions {
            self.inner.sessions.lose(session).await;
        }
    }

    /// How many rooms are in memory, for the measures.
    pub fn count_awake(&self) -> usize {
        self.awake().len()
    }

    fn awake(&self) -> std::sync::MutexGuard<'_, HashMap<String, Shared>> {
        // The map is whole between any two statements, so a panic elsewhere does not spoil it.
        self.inner.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session that begins now, whose owner has the token with this hash. Nobody has the tokens of its other roles.
fn own_session(scenario: &str, owner: crate::storage::TokenHash) -> SessionRecord {
    let scenario =
        serde_json::from_str(scenario).expect("it was written by this program or checked when read");
    let tokens = [owner, Token::random().hash(), Token::random().hash()];
    session_http::record(&token::random_id(), now(), scenario, tokens)
}

/// Deletes rooms that have long ended.
async fn sweep(rooms: std::sync::Weak<Inner>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let Some(inner) = rooms.upgrade() else { return };
        let rooms = Rooms { inner };
        let kept_for = u64::try_from(rooms.inner.limits.kept.as_millis()).unwrap_or_default();
        let before = now().saturating_sub(kept_for);
        let ended = rooms.inner.store.rooms_ended_before(before).await;
        for code in ended.unwrap_or_default() {
            if let Err(error) = rooms.delete(&code).await {
                tracing::error!(%error, "a room that has ended could not be deleted");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let code = random_code();
        assert_eq!(plain(&code).as_deref(), Some(code.as_str()));
        assert_eq!(plain(" bcd-fgh ").as_deref(), Some("BCDFGH"));
        for wrong in ["", "BCDFG", "BCDFGHJ", "BCDFGA", "BCDFG1", "../../"] {
            assert_eq!(plain(wrong), None, "{wrong}");
        }
        assert_ne!(random_code(), random_code());
    }
}
