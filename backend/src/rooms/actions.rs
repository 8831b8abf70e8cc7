//! What people in a room do, once it is known who they are.

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use shared::scenario::Scenario;

use super::{
    Rooms, Shared, now, own_session,
    protocol::{Goals, Place, Push, Said, Told, Visit, short},
    results,
    room::{Room, Who},
};
use crate::sessions::{Grant, http as session_http, token::Token};

/// So many sessions are changed at the same time.
const AT_ONCE: usize = 16;

/// What others see of an instructor who is let in.
const INSTRUCTOR: &str = "instructor";

impl Rooms {
    /// Does what somebody says; the answer is what to tell them if it is not done.
    pub(super) async fn hear(&self, shared: &Shared, who: Who, said: Said) -> Result<(), String> {
        match who {
            Who::Participant(number) => self.hear_participant(shared, number, said).await,
            Who::Instructor => self.hear_instructor(shared, said).await,
        }
    }

    async fn hear_participant(&self, shared: &Shared, number: u32, said: Said) -> Result<(), String> {
        let mut room = shared.lock().await;
        match said {
            Said::Status(status) => {
                room.hear_status(number, status, now());
            }
            Said::Hand { up } => {
                let Some(participant) = room.participants.get_mut(&number) else { return Ok(()) };
                participant.hand = match (up, participant.hand) {
                    (false, _) => 0,
                    (true, 0) => now(),
                    (true, since) => since,
                };
                room.touch(number);
            }
            Said::Answer { choice } => {
                let choices = room.question.as_ref().map_or(0, |question| question.choices.len());
                if let Some(participant) = room.participants.get_mut(&number)
                    && (choice as usize) < choices
                {
                    participant.answer = Some(choice);
                    room.count_anew();
                }
            }
            Said::Consent { yes } => return self.consent(room, number, yes).await,
            _ => return Err("only the instructor does that here".to_owned()),
        }
        Ok(())
    }

    async fn hear_instructor(&self, shared: &Shared, said: Said) -> Result<(), String> {
        match said {
            Said::Push { to, what } => self.push(shared, to, what).await,
            Said::Reset { number } => {
                let scenario = shared.lock().await.record.scenario.clone();
                let done = self.begin(shared, vec![number], scenario, true).await;
                told_pushed(shared, done).await;
                Ok(())
            }
            Said::Visit { number } => {
                let mut room = shared.lock().await;
                let Some(participant) = room.participants.get_mut(&number) else { return gone() };
                if participant.visit == Visit::None {
                    participant.visit = Visit::Asked;
                    room.tell_one(number, &Told::Visit(Visit::Asked));
                    room.touch(number);
                }
                Ok(())
            }
            Said::Leave { number } => self.consent(shared.lock().await, number, false).await,
            Said::Lower { number } => {
                let mut room = shared.lock().await;
                let Some(participant) = room.participants.get_mut(&number) else { return gone() };
                participant.hand = 0;
                room.tell_one(number, &Told::Lowered {});
                room.touch(number);
                Ok(())
            }
            Said::Remove { number } => self.remove(shared, number).await,
            Said::Ask(question) => {
                let mut room = shared.lock().await;
                room.question = question.trimmed();
                room.participants.values_mut().for_each(|participant| participant.answer = None);
                let asked = Told::Asked(room.question.clone());
                room.tell_all(&asked);
                room.count_anew();
                Ok(())
            }
            Said::End {} => {
                let mut room = shared.lock().await;
                room.record.ends = room.record.ends.min(now());
                self.keep(&room).await?;
                room.tell_all(&Told::Ended {});
                Ok(())
            }
            _ => Err("only participants do that here".to_owned()),
        }
    }

    /// A participant opens their cluster to the instructor, or shuts it; the instructor leaves it.
    async fn consent(
        &self,
        mut room: tokio::sync::MutexGuard<'_, Room>,
        number: u32,
        yes: bool,
    ) -> Result<(), String> {
        let Some(participant) = room.participants.get_mut(&number) else { return gone() };
        let session = participant.record.session.clone();
        match (yes, participant.visit) {
            (true, Visit::Asked) => {
                let token = Token::random();
                self.inner.sessions.grant(&session, Grant { token: token.hash(), name: INSTRUCTOR.into() });
                participant.visit = Visit::Granted;
                let place = Place { id: session, token: Some(token.reveal().to_owned()) };
                room.tell_instructors(&Told::Entered { number, session: place }.write());
            }
            (false, Visit::Asked | Visit::Granted) => {
                participant.visit = Visit::None;
                self.inner.sessions.revoke(&session).await;
                room.tell_instructors(&Told::Left { number }.write());
            }
            _ => return Ok(()),
        }
        let visit = room.participants.get(&number).map_or(Visit::None, |participant| participant.visit);
        room.tell_one(number, &Told::Visit(visit));
        room.touch(number);
        Ok(())
    }

    async fn remove(&self, shared: &Shared, number: u32) -> Result<(), String> {
        let mut room = shared.lock().await;
        let code = room.record.code.clone();
        self.inner.store.remove_participant(&code, number).await.map_err(|error| error.to_string())?;
        if let Some(participant) = room.participants.remove(&number) {
            self.inner.sessions.revoke(&participant.record.session).await;
        }
        room.dismiss(|_, who| who == Who::Participant(number), &crate::sessions::End::REMOVED);
        room.touch(number);
        Ok(())
    }

    async fn push(&self, shared: &Shared, to: Option<Vec<u32>>, what: Push) -> Result<(), String> {
        let for_all = to.is_none();
        let numbers: Vec<u32> = {
            let room = shared.lock().await;
            let wanted = |number: &u32| to.as_ref().is_none_or(|to| to.contains(number));
            room.participants.keys().copied().filter(wanted).collect()
        };
        match what {
            Push::Note { text } => {
                self.notice(shared, numbers, for_all, |notice| notice.note = short(&text)).await
            }
            Push::Come { on } => self.notice(shared, numbers, for_all, |notice| notice.come = on).await,
            Push::Pause { on } => {
                self.notice(shared, numbers.clone(), for_all, |notice| notice.paused = on).await?;
                let done = self
                    .each(shared, numbers, |sessions, session| async move {
                        sessions.set_running(&session, !on).await.is_ok()
                    })
                    .await;
                told_pushed(shared, done).await;
                Ok(())
            }
            Push::Act { action } => {
                let done = self
                    .each(shared, numbers, |sessions, session| {
                        let action = action.clone();
                        async move { sessions.act(&session, *action, INSTRUCTOR.into()).await.is_ok() }
                    })
                    .await;
                told_pushed(shared, done).await;
                Ok(())
            }
            Push::Scenario { text } => {
                let read = move || Scenario::parse(&text).map_err(|error| error.to_string());
                let scenario =
                    tokio::task::spawn_blocking(read).await.map_err(|error| error.to_string())??;
                self.begin_pushed(shared, numbers, for_all, scenario).await
            }
            Push::Checkpoint {} => {
                let id = shared.lock().await.record.shared.clone();
                let scenario = self.run_of(&id).await?;
                self.begin_pushed(shared, numbers, for_all, scenario).await
            }
        }
    }

    /// What a session is now, as a scenario.
    pub(super) async fn run_of(&self, id: &str) -> Result<Scenario, String> {
        let sessions = &self.inner.sessions;
        let found = sessions.load(id).await.map_err(|error| error.to_string())?;
        let (mut record, commands) = found.ok_or("that cluster is not there any more")?;
        // On disk the clock may be ahead of what was shown.
        if let Ok(Some(live)) = sessions.describe(id).await {
            let last = commands.last().map_or(0, |last| last.at);
            record.horizon = live.record.horizon.max(last);
        }
        results::run(&record, &commands).ok_or_else(|| "that cluster was begun by another version".to_owned())
    }

    async fn begin_pushed(
        &self,
        shared: &Shared,
        numbers: Vec<u32>,
        for_all: bool,
        scenario: Scenario,
    ) -> Result<(), String> {
        scenario.cluster_spec().map_err(|error| error.to_string())?;
        let scenario = self.inner.sessions.limits().bound(scenario)?;
        let scenario = serde_json::to_string(&scenario).expect("a scenario always prints");
        if scenario.len() > session_http::MAX_SCENARIO {
            return Err("this scenario is too large for a room".to_owned());
        }
        if for_all {
            let mut room = shared.lock().await;
            room.goals = Goals::of(&scenario);
            room.record.scenario = scenario.clone();
            self.keep(&room).await?;
        }
        let done = self.begin(shared, numbers, scenario, false).await;
        told_pushed(shared, done).await;
        Ok(())
    }

    /// Gives participants another cluster of their own; how many got one, and how many did not.
    async fn begin(&self, shared: &Shared, numbers: Vec<u32>, scenario: String, reset: bool) -> (u32, u32) {
        let goals = Goals::of(&scenario);
        let one = |number: u32| {
            let (scenario, goals, shared) = (scenario.clone(), goals.clone(), Arc::clone(shared));
            async move {
                let mut room = shared.lock().await;
                let code = room.record.code.clone();
                let Some(participant) = room.participants.get(&number) else { return false };
                let (before, token) = (participant.record.session.clone(), participant.record.token);
                drop(room);
                let session = own_session(&scenario, token);
                let id = session.id.clone();
                let progress = goals.begin(session.created);
                let text = serde_json::to_string(&progress).expect("progress always prints");
                if self.inner.store.replace_session(&code, (number, text), session).await.is_err() {
                    return false;
                }
                self.inner.sessions.revoke(&before).await;
                room = shared.lock().await;
                if let Some(participant) = room.participants.get_mut(&number) {
                    participant.begin(id.clone(), progress);
                }
                let place = Place { id, token: None };
                let opened =
                    Told::Opened { session: place, objectives: goals.ids, titles: goals.titles, reset };
                room.tell_one(number, &opened);
                room.tell_one(number, &Told::Visit(Visit::None));
                room.touch(number);
                true
            }
        };
        count(stream::iter(numbers).map(one).buffer_unordered(AT_ONCE).collect().await)
    }

    /// Does something in the session of each.
    async fn each<F: Future<Output = bool>>(
        &self,
        shared: &Shared,
        numbers: Vec<u32>,
        act: impl Fn(crate::sessions::Sessions, String) -> F,
    ) -> (u32, u32) {
        let sessions: Vec<String> = {
            let room = shared.lock().await;
            let of = |number: &u32| room.participants.get(number).map(|p| p.record.session.clone());
            numbers.iter().filter_map(of).collect()
        };
        let all = stream::iter(sessions).map(|session| act(self.inner.sessions.clone(), session));
        count(all.buffer_unordered(AT_ONCE).collect().await)
    }

    /// Changes what holds: for all and those who come later, or for some who are here now.
    async fn notice(
        &self,
        shared: &Shared,
        numbers: Vec<u32>,
        for_all: bool,
        change: impl FnOnce(&mut super::protocol::Notice),
    ) -> Result<(), String> {
        let mut room = shared.lock().await;
        let mut notice = room.notice.clone();
        change(&mut notice);
        if for_all {
            room.notice = notice.clone();
            room.record.notice = serde_json::to_string(&notice).expect("a notice always prints");
            self.keep(&room).await?;
            room.tell_all(&Told::Notice(notice));
        } else {
            let told = Told::Notice(notice);
            numbers.into_iter().for_each(|number| room.tell_one(number, &told));
        }
        Ok(())
    }

    async fn keep(&self, room: &Room) -> Result<(), String> {
        let kept = self.inner.store.update_room(room.record.clone()).await;
        kept.map_err(|error| error.to_string())
    }
}

fn gone() -> Result<(), String> {
    Err("this participant is not in the room any more".to_owned())
}

fn count(done: Vec<bool>) -> (u32, u32) {
    let reached = done.iter().filter(|done| **done).count();
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    (number(reached), number(done.len() - reached))
}

async fn told_pushed(shared: &Shared, (reached, failed): (u32, u32)) {
    shared.lock().await.tell_instructors(&Told::Pushed { reached, failed }.write());
}
