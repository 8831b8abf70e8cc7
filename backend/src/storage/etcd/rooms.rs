//! Rooms in etcd: `rooms/{code}/record`, `…/participants/{number}`, `…/sessions/{session}`, and `ends/{code}` with the
//! moment of each room's end, which is looked through without reading the rooms.

use serde::{Deserialize, Serialize};

use super::{
    Inner,
    epochs::Unit,
    gateway::{Kept, Op, Txn},
    key, read, session_key, write,
};
use crate::storage::{
    SessionRecord, StoreError, TokenHash,
    rooms::{ParticipantRecord, RoomRecord, Whole},
};

/// So many sessions are deleted in one transaction.
const AT_ONCE: usize = 30;

#[derive(Serialize, Deserialize)]
struct Room {
    created: u64,
    ends: u64,
    title: String,
    scenario: String,
    owner: TokenHash,
    shared: String,
    viewer: String,
    seats: u32,
    notice: String,
}

#[derive(Serialize, Deserialize)]
struct Participant {
    name: String,
    token: TokenHash,
    session: String,
    joined: u64,
    progress: String,
}

fn room_key(code: &str, rest: &str) -> String {
    key(&format!("rooms/{code}/{rest}"))
}

fn participant_key(code: &str, number: u32) -> String {
    room_key(code, &format!("participants/{number:08}"))
}

fn put_room(txn: Txn, room: &RoomRecord) -> Txn {
    let RoomRecord { code, created, ends, title, scenario, owner, shared, viewer, seats, notice } =
        room.clone();
    let kept = Room { created, ends, title, scenario, owner, shared, viewer, seats, notice };
    txn.then(Op::put(&room_key(&code, "record"), &write(&kept)))
        .then(Op::put(&key(&format!("ends/{code}")), &ends.to_string()))
}

fn put_participant(txn: Txn, code: &str, participant: &ParticipantRecord) -> Txn {
    let ParticipantRecord { number, name, token, session, joined, progress } = participant.clone();
    let kept = Participant { name, token, session, joined, progress };
    txn.then(Op::put(&participant_key(code, number), &write(&kept)))
}

fn put_session(txn: Txn, code: &str, session: &SessionRecord) -> Txn {
    let txn = txn.then(Op::put(&room_key(code, &format!("sessions/{}", session.id)), ""));
    Inner::new_session(txn, session, code)
}

fn participant(kept: &Kept) -> Result<ParticipantRecord, StoreError> {
    let Participant { name, token, session, joined, progress } = read(kept)?;
    let number = kept.key.rsplit('/').next().and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| super::unreadable(&kept.key))?;
    Ok(ParticipantRecord { number, name, token, session, joined, progress })
}

impl Inner {
    pub(super) async fn create_room(
        &self,
        room: &RoomRecord,
        shared: &SessionRecord,
    ) -> Result<(), StoreError> {
        let record = room_key(&room.code, "record");
        let txn = put_session(put_room(Txn::default().at(&record, 0), room), &room.code, shared);
        let done = self.gateway.txn(txn.otherwise(Op::get(&record))).await?;
        // When it was asked twice, the first may have been done.
        let own = |kept: &Kept| read::<Room>(kept).is_ok_and(|kept| kept.shared == room.shared);
        match done.held || done.found.first().and_then(|found| found.first()).is_some_and(own) {
            true => Ok(()),
            false => Err(StoreError::Failed("another room has this code".to_owned())),
        }
    }

    pub(super) async fn load_room(&self, code: &str) -> Result<Option<Whole>, StoreError> {
        self.hold(&Unit::room(code)).await?;
        let ops = [Op::get(&room_key(code, "record")), Op::get_all(&room_key(code, "participants/"))];
        let done = self.gateway.read(ops).await?;
        let Some(kept) = done.found[0].first() else { return Ok(None) };
        let Room { created, ends, title, scenario, owner, shared, viewer, seats, notice } = read(kept)?;
        let code = code.to_owned();
        let room = RoomRecord { code, created, ends, title, scenario, owner, shared, viewer, seats, notice };
        let participants = done.found[1].iter().map(participant).collect::<Result<_, _>>()?;
        Ok(Some((room, participants)))
    }

    pub(super) async fn add_participant(
        &self,
        code: &str,
        participant: &ParticipantRecord,
        session: &SessionRecord,
    ) -> Result<(), StoreError> {
        let put = |txn| put_session(put_participant(txn, code, participant), code, session);
        self.fenced(&Unit::room(code), put).await
    }

    /// Changes a participant as they are kept. Only the room's holder does, one after the other.
    async fn change_participant(
        &self,
        code: &str,
        number: u32,
        change: impl FnOnce(&mut ParticipantRecord),
        more: impl FnOnce(Txn) -> Txn,
    ) -> Result<(), StoreError> {
        let found = self.gateway.read([Op::get(&participant_key(code, number))]).await?;
        // Who was taken off the list meanwhile needs nothing kept.
        let Some(kept) = found.found[0].first() else { return Ok(()) };
        let mut record = participant(kept)?;
        change(&mut record);
        self.fenced(&Unit::room(code), |txn| more(put_participant(txn, code, &record))).await
    }

    pub(super) async fn replace_session(
        &self,
        code: &str,
        (number, progress): (u32, String),
        session: &SessionRecord,
    ) -> Result<(), StoreError> {
        let change = |record: &mut ParticipantRecord| {
            record.session = session.id.clone();
            record.progress = progress;
        };
        self.change_participant(code, number, change, |txn| put_session(txn, code, session)).await
    }

    pub(super) async fn set_progress(
        &self,
        code: &str,
        progress: Vec<(u32, String)>,
    ) -> Result<(), StoreError> {
        for (number, progress) in progress {
            self.change_participant(code, number, |record| record.progress = progress, |txn| txn).await?;
        }
        Ok(())
    }

    pub(super) async fn remove_participant(&self, code: &str, number: u32) -> Result<(), StoreError> {
        self.fenced(&Unit::room(code), |txn| txn.then(Op::delete(&participant_key(code, number)))).await
    }

    pub(super) async fn update_room(&self, room: &RoomRecord) -> Result<(), StoreError> {
        self.fenced(&Unit::room(&room.code), |txn| put_room(txn, room)).await
    }

    /// First the sessions, some at a time, then the room: what is left after a failure is found again.
    pub(super) async fn delete_room(&self, code: &str) -> Result<Vec<String>, StoreError> {
        let unit = Unit::room(code);
        self.hold(&unit).await?;
        let found = self.gateway.read([Op::get_all(&room_key(code, "sessions/"))]).await?;
        let names = found.found[0].iter().filter_map(|kept| kept.key.rsplit('/').next());
        let sessions: Vec<String> = names.map(str::to_owned).collect();
        for some in sessions.chunks(AT_ONCE) {
            let delete = |txn: Txn| {
                some.iter().fold(txn, |txn, id| {
                    txn.then(Op::delete(&key(&format!("index/{id}"))))
                        .then(Op::delete_all(&session_key(id, "")))
                        .then(Op::delete(&room_key(code, &format!("sessions/{id}"))))
                })
            };
            self.fenced(&unit, delete).await?;
        }
        let delete = |txn: Txn| {
            txn.then(Op::delete_all(&room_key(code, "")))
                .then(Op::delete(&key(&format!("ends/{code}"))))
                .then(Op::delete(&unit.epoch_key()))
        };
        self.fenced(&unit, delete).await?;
        self.epochs.forget(&unit);
        Ok(sessions)
    }

    async fn ends(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let found = self.gateway.read([Op::get_all(&key("ends/"))]).await?;
        let end = |kept: &Kept| Some((kept.key.rsplit('/').next()?.to_owned(), kept.value.parse().ok()?));
        Ok(found.found[0].iter().filter_map(end).collect())
    }

    pub(super) async fn rooms_ended_before(&self, moment: u64) -> Result<Vec<String>, StoreError> {
        let mut ours = Vec::new();
        for (code, _) in self.ends().await?.into_iter().filter(|(_, ends)| *ends < moment) {
            if self.hold(&Unit::room(&code)).await.is_ok() {
                ours.push(code);
            }
        }
        Ok(ours)
    }

    pub(super) async fn rooms_open_at(&self, moment: u64) -> Result<u32, StoreError> {
        let open = self.ends().await?.into_iter().filter(|(_, ends)| *ends >= moment).count();
        Ok(u32::try_from(open).unwrap_or(u32::MAX))
    }
}
