//! What people do in a session: commands on their way into its log, and how its clock goes.

use std::time::Instant;

use shared::{
    doc::Str,
    scenario::StepAction,
    session::protocol::{Entry, ServerMessage},
    sim::Time,
};
use tokio::sync::mpsc;

use super::super::{
    clock::SPEED_MILLI,
    frames::{self, text},
};
use super::{Ask, PaceChange, Session, Standing, Submission};
use crate::metrics::METRICS;
use crate::storage::{Pace, StoreError};

/// As many commands share a commit at most.
const BATCH: usize = 256;

/// While the clock is paused, a command lets it go on by this much: about what the API server needs to answer kubectl
/// for a file of several documents.
const ANSWER_MS: u64 = 250;

/// One may skip this far at once: a day.
const MAX_SKIP_MS: u64 = 24 * 3600 * 1000;

impl Session {
    /// Orders commands, makes them durable, and only then tells anybody.
    pub(super) async fn submit(&mut self, mut batch: Vec<Submission>) -> Result<(), StoreError> {
        let at = Time(self.clock.read(Instant::now()));
        let dates = self.dates;
        if let Some(clock) = self.clocks_to_set(&batch, at) {
            batch.insert(0, clock);
        }
        let mut records = Vec::with_capacity(batch.len());
        let mut told = Vec::with_capacity(batch.len());
        for Submission { client, id, action, by } in batch {
            let Some(sender) = self.clients.get(&client) else { continue };
            let why = match () {
                () if !sender.role.may_act() => "this link only lets you watch: ask for an editor's link",
                () if self.log_bytes > self.most_bytes => "this session is full: go on in a copy of it",
                () => "",
            };
            if !why.is_empty() {
                self.send(client, &text(&ServerMessage::Refused { id: Some(id), why: why.into() }));
                continue;
            }
            let sequence = self.record.sequence + 1 + records.len() as u64;
            let entry = Entry {
                sequence,
                at,
                by: by.filter(|_| sender.standing == Standing::Unseen).unwrap_or_else(|| sender.name.clone()),
                action: in_own_name(*action),
            };
            self.dates.take(at.0, &entry.action);
            records.push(frames::record(&entry));
            let frame = text(&ServerMessage::Entry(entry));
            self.log_bytes += frame.len();
            told.push((client, id, sequence, frame));
        }
        if records.is_empty() {
            return Ok(());
        }
        match self.store.append(&self.record.id, records).await {
            Ok(()) => METRICS.commands.inc_by(told.len() as u64),
            Err(StoreError::Failed(why)) => {
                tracing::error!(session = self.record.id, why, "commands could not be kept and are refused");
                self.dates = dates;
                for (client, id, _, frame) in told {
                    self.log_bytes -= frame.len();
                    let why = format!("this could not be kept ({why}): it is not done; try again later");
                    self.send(client, &text(&ServerMessage::Refused { id: Some(id), why: why.into() }));
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        for (client, id, sequence, frame) in told {
            self.record.sequence = sequence;
            self.send(client, &text(&ServerMessage::Accepted { id, sequence }));
            self.send_all(&frame);
            self.log.push(frame);
        }
        if !self.clock.pace().running {
            let target = at.0 + ANSWER_MS;
            if self.keep_clock(target, self.clock.pace()).await? {
                self.go_on_from(target, target);
            }
        }
        Ok(())
    }

    /// What goes before commands that come of Kubernetes clients.
    fn clocks_to_set(&self, batch: &[Submission], at: Time) -> Option<Submission> {
        let of_client = |submission: &&Submission| {
            let sender = self.clients.get(&submission.client);
            sender.is_some_and(|sender| sender.standing == Standing::Unseen)
        };
        let client = batch.iter().find(of_client)?.client;
        let action = Box::new(self.dates.set_at(at.0, self.clock.pace())?);
        // Nobody waits for it, and nobody did it.
        Some(Submission { client, id: 0, action, by: Some(Str::new()) })
    }

    pub(super) async fn change_pace(&mut self, client: u64, change: &PaceChange) -> Result<(), StoreError> {
        let Some(role) = self.clients.get(&client).map(|client| client.role) else { return Ok(()) };
        let now = Instant::now();
        let time = self.clock.read(now);
        let why = match change {
            _ if !role.may_act() => "this link only lets you watch: the clock belongs to the editors",
            PaceChange { speed_milli: Some(speed), .. } if !SPEED_MILLI.contains(speed) => {
                "the speed is between 100 and 1000000 virtual milliseconds a second"
            }
            PaceChange { until: Some(until), .. } if until.saturating_sub(time) > MAX_SKIP_MS => {
                "that is too far: skip by a day at most"
            }
            _ => "",
        };
        if !why.is_empty() {
            self.send(client, &text(&ServerMessage::Refused { id: None, why: why.into() }));
            return Ok(());
        }
        let old = self.clock.pace();
        let pace = Pace {
            running: change.running.unwrap_or(old.running),
            speed_milli: change.speed_milli.unwrap_or(old.speed_milli),
        };
        let target = change.until.unwrap_or(time).max(time);
        self.clock.set_pace(pace, now);
        let horizon = self.clock.block_from(target);
        if !self.keep_clock(horizon, pace).await? {
            self.clock.set_pace(old, now);
            let why = "the server's store does not take this now: the clock goes as before; try again later";
            self.send(client, &text(&ServerMessage::Refused { id: None, why: why.into() }));
            return Ok(());
        }
        self.record.pace = pace;
        self.go_on_from(target, horizon);
        Ok(())
    }

    /// Time jumps to `target` and tells everybody; the store has it that it may go up to `horizon`. While the store was
    /// asked it stood still.
    fn go_on_from(&mut self, target: u64, horizon: u64) {
        self.clock.reserve(horizon);
        self.clock.skip(target, Instant::now());
        self.tell_horizon();
    }
}

/// Takes the commands that wait behind the first: they share its commit. Gives back what is no command.
pub(super) fn gather(mailbox: &mut mpsc::Receiver<Ask>, batch: &mut Vec<Submission>) -> Option<Ask> {
    while batch.len() < BATCH {
        match mailbox.try_recv() {
            Ok(Ask::Submit(submission)) => batch.push(submission),
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}

/// Nobody sends requests as somebody else.
fn in_own_name(mut action: StepAction) -> StepAction {
    if let StepAction::Request(request) = &mut action {
        request.user = Str::new();
    }
    action
}
