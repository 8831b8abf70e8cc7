//! Which date it is in a session's cluster, and when its clocks are set.
//!
//! Virtual time stands while nobody is there, so the cluster's dates fall behind. On the page nothing depends on that; a
//! Kubernetes client compares them with its own clock. So clocks are set, as those of a computer that slept, before
//! what such a client sends; what runs down in the cluster does not notice. It is a command like any other.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::{
    doc::{Str, Timestamp},
    scenario::{Scenario, StepAction},
    session::protocol::Entry,
};

use crate::storage::{CommandRecord, Pace, SessionRecord};

/// Dates may be behind by so much.
const BEHIND: Duration = Duration::from_secs(30);

/// The dates of a session.
#[derive(Clone, Copy)]
pub struct Dates {
    /// The date of t = 0 by the clocks as they were last set, in milliseconds since 1970.
    epoch: i64,
    /// Whether it began with the date on which it was made: others have dates of their own.
    follow: bool,
}

impl Dates {
    /// As they are after these commands.
    pub fn after(record: &SessionRecord, scenario: &Scenario, commands: &[CommandRecord]) -> Self {
        let epoch = scenario.spec.epoch.as_ref().and_then(|epoch| Timestamp::parse(epoch));
        let epoch = epoch.unwrap_or_default().millis();
        let created = i64::try_from(record.created).unwrap_or(i64::MAX);
        let begun = created.saturating_sub_unsigned(scenario.spec.opening.0);
        let mut dates = Self { epoch, follow: begun.abs_diff(epoch) <= 1000 };
        let read = |command: &CommandRecord| {
            let entry: Entry = serde_json::from_str(&command.body).ok()?;
            matches!(entry.action, StepAction::Clock(_)).then_some((command.at, entry.action))
        };
        // Most commands set nothing, and need not be read.
        let mut maybe = commands.iter().rev().filter(|command| command.body.contains("\"clock\""));
        if let Some((at, action)) = maybe.find_map(read) {
            dates.take(at, &action);
        }
        dates
    }

    /// A command that takes effect then.
    pub fn take(&mut self, at: u64, action: &StepAction) {
        if let StepAction::Clock(date) = action
            && let Some(date) = Timestamp::parse(date)
        {
            self.epoch = date.millis().saturating_sub_unsigned(at);
        }
    }

    /// The command that sets the clocks at this moment, where they are behind. Whoever lets time stand, or go at a pace
    /// of its own, wants it so.
    pub fn set_at(&self, at: u64, pace: Pace) -> Option<StepAction> {
        if !self.follow || !pace.running || pace.speed_milli != 1000 {
            return None;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let date = Duration::from_millis(self.epoch.saturating_add_unsigned(at).try_into().unwrap_or(0));
        let behind = now.saturating_sub(date) > BEHIND;
        let now = Timestamp::from_millis(i64::try_from(now.as_millis()).unwrap_or(i64::MAX));
        behind.then(|| StepAction::Clock(Str::from(now.rfc3339().as_str())))
    }
}
