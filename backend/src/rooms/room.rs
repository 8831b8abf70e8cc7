//! One room while somebody is in it: who is connected, what their clusters look like, what holds for all.
//!
//! Participants' pages send their own thumbnails and progress: the server plays none of the clusters, so a large room
//! costs it little more than passing on what changed, twice a second.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use axum::extract::ws::Utf8Bytes;
use tokio::sync::{mpsc, oneshot};

use super::protocol::{Goals, Notice, Person, Place, Progress, Question, Status, Told, Visit};
use crate::{
    sessions::End,
    storage::rooms::{ParticipantRecord, RoomRecord},
};

/// Who is at the other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Who holds the room.
    Instructor,
    /// A participant, by number.
    Participant(u32),
}

/// The way to somebody's connection.
pub struct Line {
    /// Who is there.
    pub who: Who,
    /// Frames in order; full when the reader is too slow.
    pub frames: mpsc::Sender<Utf8Bytes>,
    /// The last word.
    pub end: oneshot::Sender<End>,
}

/// Somebody in the room.
pub struct Participant {
    /// As they are kept.
    pub record: ParticipantRecord,
    /// How far they are.
    pub progress: Progress,
    /// Since when the hand is up; 0 when it is not.
    pub hand: u64,
    /// When something last went forward.
    pub moved: u64,
    /// How it stands with a visit.
    pub visit: Visit,
    /// Their cluster.
    pub status: Status,
    /// Their answer to the question.
    pub answer: Option<u32>,
}

impl Participant {
    /// As they are read from disk.
    pub fn new(record: ParticipantRecord) -> Self {
        let progress: Progress = serde_json::from_str(&record.progress).unwrap_or_default();
        let moved = progress.met.values().copied().max().unwrap_or_default().max(progress.began);
        Self { record, progress, hand: 0, moved, visit: Visit::None, status: Status::default(), answer: None }
    }

    /// Begins anew in another session.
    pub fn begin(&mut self, session: String, progress: Progress) {
        self.record.session = session;
        self.moved = progress.began;
        self.progress = progress;
        self.status = Status::default();
        self.visit = Visit::None;
    }
}

/// A room that is awake.
pub struct Room {
    /// As it is kept.
    pub record: RoomRecord,
    /// Who is in it, by number.
    pub participants: BTreeMap<u32, Participant>,
    /// What holds for all.
    pub notice: Notice,
    /// The question that is open.
    pub question: Option<Question>,
    /// What every own cluster has to reach.
    pub goals: Goals,
    /// Whether it was deleted.
    pub deleted: bool,
    lines: BTreeMap<u64, Line>,
    next_line: u64,
    next_number: u32,
    changed: BTreeSet<u32>,
    tally_changed: bool,
    unkept: BTreeSet<u32>,
}

impl Room {
    /// As it is read from disk.
    pub fn new(record: RoomRecord, participants: Vec<ParticipantRecord>) -> Self {
        let next_number = participants.last().map_or(0, |last| last.number) + 1;
        Self {
            notice: serde_json::from_str(&record.notice).unwrap_or_default(),
            goals: Goals::of(&record.scenario),
            participants: participants
                .into_iter()
                .map(|record| (record.number, Participant::new(record)))
                .collect(),
            record,
            question: None,
            deleted: false,
            lines: BTreeMap::new(),
            next_line: 1,
            next_number,
            changed: BTreeSet::new(),
            tally_changed: false,
            unkept: BTreeSet::new(),
        }
    }

    /// The number of the next who comes.
    pub fn take_number(&mut self) -> u32 {
        self.next_number += 1;
        self.next_number - 1
    }

    /// How many are connected.
    pub fn connections(&self) -> usize {
        self.lines.len()
    }

    /// Somebody comes in; the answer is the number of their connection.
    pub fn enter(&mut self, line: Line, join: String) -> u64 {
        let who = line.who;
        let id = self.next_line;
        self.next_line += 1;
        self.lines.insert(id, line);
        match who {
            Who::Instructor => {
                let desk = self.desk(join);
                self.send(id, &desk.write());
                let everybody: Vec<u32> = self.participants.keys().copied().collect();
                let people = self.people(&everybody, Vec::new());
                self.send(id, &people.write());
                if self.question.is_some() {
                    let tally = self.tally();
                    self.send(id, &tally.write());
                }
            }
            Who::Participant(number) => {
                if let Some(seat) = self.seat(number) {
                    self.send(id, &seat.write());
                }
                self.touch(number);
            }
        }
        id
    }

    /// A connection has gone.
    pub fn leave(&mut self, id: u64) {
        if let Some(Line { who: Who::Participant(number), .. }) = self.lines.remove(&id) {
            self.touch(number);
        }
    }

    fn desk(&self, join: String) -> Told {
        Told::Desk {
            title: self.record.title.clone(),
            seats: self.record.seats,
            ends: self.record.ends,
            shared: Place { id: self.record.shared.clone(), token: None },
            notice: self.notice.clone(),
            question: self.question.clone(),
            join,
            guide: Arc::clone(&self.goals.guide),
        }
    }

    fn seat(&self, number: u32) -> Option<Told> {
        let participant = self.participants.get(&number)?;
        Some(Told::Seat {
            title: self.record.title.clone(),
            number,
            name: participant.record.name.clone(),
            session: Place { id: participant.record.session.clone(), token: None },
            shared: Place { id: self.record.shared.clone(), token: Some(self.record.viewer.clone()) },
            objectives: participant.progress.objectives.clone(),
            titles: Arc::clone(&participant.progress.titles),
            notice: self.notice.clone(),
            question: self.question.clone(),
            hand: participant.hand > 0,
            visit: participant.visit,
        })
    }

    /// Something about a participant is to be told to the instructor.
    pub fn touch(&mut self, number: u32) {
        self.changed.insert(number);
    }

    /// The answers changed.
    pub fn count_anew(&mut self) {
        self.tally_changed = true;
    }

    /// A participant's page tells how it is there.
    pub fn hear_status(&mut self, number: u32, status: Status, now: u64) {
        let Some(participant) = self.participants.get_mut(&number) else { return };
        if status.session != participant.record.session {
            return;
        }
        let status = status.trimmed();
        let known = &participant.progress.objectives;
        let new: Vec<String> = status
            .met
            .iter()
            .filter(|id| known.contains(id) && !participant.progress.met.contains_key(*id))
            .cloned()
            .collect();
        let moved = !new.is_empty();
        if moved {
            participant.moved = now;
            participant.progress.met.extend(new.into_iter().map(|id| (id, now)));
        }
        if moved || participant.status != status {
            participant.status = status;
            self.touch(number);
        }
        if moved {
            self.unkept.insert(number);
        }
    }

    /// Whose progress is to be written, and what. After a crash before that, their pages tell it again.
    pub fn take_unkept(&mut self) -> Vec<(u32, String)> {
        let unkept = std::mem::take(&mut self.unkept);
        let text = |participant: &Participant| {
            serde_json::to_string(&participant.progress).expect("progress always prints")
        };
        unkept
            .into_iter()
            .filter_map(|number| Some((number, text(self.participants.get(&number)?))))
            .collect()
    }

    /// Tells the instructor what changed since last time.
    pub fn report(&mut self) {
        if self.changed.is_empty() && !self.tally_changed {
            return;
        }
        let changed: Vec<u32> = std::mem::take(&mut self.changed).into_iter().collect();
        let (here, gone): (Vec<u32>, Vec<u32>) =
            changed.into_iter().partition(|number| self.participants.contains_key(number));
        if !here.is_empty() || !gone.is_empty() {
            let people = self.people(&here, gone).write();
            self.tell_instructors(&people);
        }
        if std::mem::take(&mut self.tally_changed) {
            let tally = self.tally().write();
            self.tell_instructors(&tally);
        }
    }

    fn tally(&self) -> Told {
        let choices = self.question.as_ref().map_or(0, |question| question.choices.len());
        let mut counts = vec![0; choices];
        for answer in self.participants.values().filter_map(|participant| participant.answer) {
            if let Some(count) = counts.get_mut(answer as usize) {
                *count += 1;
            }
        }
        Told::Tally { counts }
    }

    fn people(&self, numbers: &[u32], gone: Vec<u32>) -> Told {
        let here: BTreeSet<u32> = self
            .lines
            .values()
            .filter_map(|line| match line.who {
                Who::Participant(number) => Some(number),
                Who::Instructor => None,
            })
            .collect();
        let person = |participant: &Participant| Person {
            number: participant.record.number,
            name: participant.record.name.clone(),
            here: here.contains(&participant.record.number),
            hand: participant.hand,
            objectives: participant
                .progress
                .objectives
                .iter()
                .map(|id| (id.clone(), participant.progress.met.get(id).copied().unwrap_or_default()))
                .collect(),
            moved: participant.moved,
            visit: participant.visit,
            status: participant.status.clone(),
        };
        let people = numbers.iter().filter_map(|number| self.participants.get(number)).map(person).collect();
        Told::People { now: super::now(), people, gone }
    }

    /// A frame for the instructor, wherever they are.
    pub fn tell_instructors(&mut self, frame: &Utf8Bytes) {
        self.tell(frame, |who| who == Who::Instructor);
    }

    /// A frame for one participant.
    pub fn tell_one(&mut self, number: u32, told: &Told) {
        self.tell(&told.write(), |who| who == Who::Participant(number));
    }

    /// A frame for everybody.
    pub fn tell_all(&mut self, told: &Told) {
        self.tell(&told.write(), |_| true);
    }

    fn tell(&mut self, frame: &Utf8Bytes, wanted: impl Fn(Who) -> bool) {
        let lines: Vec<u64> =
            self.lines.iter().filter(|(_, line)| wanted(line.who)).map(|(&id, _)| id).collect();
        lines.into_iter().for_each(|id| self.send(id, frame));
    }

    /// A frame for one connection. Whoever reads too slowly is let go, so that nobody waits for them.
    pub fn send(&mut self, id: u64, frame: &Utf8Bytes) {
        let Some(line) = self.lines.get(&id) else { return };
        if let Err(mpsc::error::TrySendError::Full(_)) = line.frames.try_send(frame.clone()) {
            self.dismiss(|line, _| line == id, &End::TOO_SLOW);
        }
    }

    /// Ends connections.
    pub fn dismiss(&mut self, wanted: impl Fn(u64, Who) -> bool, end: &End) {
        let gone: Vec<u64> =
            self.lines.iter().filter(|(id, line)| wanted(**id, line.who)).map(|(&id, _)| id).collect();
        for id in gone {
            if let Some(line) = self.lines.remove(&id) {
                if let Who::Participant(number) = line.who {
                    self.touch(number);
                }
                // The connection may have ended by itself.
                let _ = line.end.send(end.clone());
            }
        }
    }
}
