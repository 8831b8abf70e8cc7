//! Whoever joins a session, or comes back to one, plays what they missed as fast as the machine can, without drawing what
//! goes to and fro; the clock and a percentage tell how far that is.

use super::{Driver, millis};
use crate::worker::messages::Messages;

/// Wall time of the session that one may lag behind it without hurrying, in milliseconds.
const NEAR_MS: f64 = 1500.0;
/// Wall time that one tick works on it, in milliseconds.
const SLICE_MS: f64 = 150.0;
/// Steps between two looks at the wall clock, which costs more than a step.
const BETWEEN_LOOKS: u32 = 50;

impl Driver {
    /// What was missed is played first.
    pub(super) fn begin_to_catch_up(&mut self) {
        self.missed = self.replica.pace().map(|_| self.cluster_now());
    }

    /// Plays a slice of what was missed; false when there is nothing, or no more.
    pub(super) fn catch_up(&mut self, clock: &dyn Fn() -> f64) -> bool {
        let (Some(from), Some((_, speed))) = (self.missed, self.replica.pace()) else { return false };
        let limit = self.replica.limit();
        let near = NEAR_MS * (f64::from(speed) / 1000.0).max(1.0);
        let begun = clock();
        while self.replica.has_log() && millis(limit.0) - self.now > near {
            for _ in 0..BETWEEN_LOOKS {
                if self.replica.next_at().is_none_or(|at| at > limit) {
                    self.replica.advance_to(limit);
                    break;
                }
                self.replica.step();
            }
            self.now = millis(self.cluster_now());
            if clock() - begun > SLICE_MS {
                let all = limit.0.saturating_sub(from).max(1);
                // In tens: the page says each of them aloud.
                let share = (self.cluster_now() - from).min(all) * 10 / all * 10;
                self.replica.set_catching_up(u8::try_from(share).ok());
                self.messages = Messages::new(self.replica.cluster());
                return true;
            }
        }
        self.messages = Messages::new(self.replica.cluster());
        if self.replica.has_log() {
            self.missed = None;
            self.replica.set_catching_up(None);
            // All of that was somebody's, some time ago.
            self.accent_from = self.replica.next_command();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use shared::{
        scenario::{Scenario, StepAction},
        session::protocol::{Entry, Horizon, Role, Welcome},
        sim::Time,
    };

    use super::*;
    use crate::{protocol::Reply, worker::replica::Replica};

    #[test]
    fn who_comes_late_plays_what_was_missed_in_slices_and_tells_how_far() {
        let horizon = Horizon { sequence: 1, time: Time(600_000), running: true, speed: 1000 };
        let action = StepAction::Kubectl("scale deployment/todo-api --replicas=5".into());
        let welcome = Welcome {
            engine: shared::ENGINE_VERSION.into(),
            role: Role::Viewer,
            scenario: Some(Box::new(Scenario::opening())),
            snapshot: None,
            log: vec![Entry { sequence: 1, at: Time(60_000), by: "Ana".into(), action }],
            horizon,
        };
        let mut driver = Driver::new(Replica::together(welcome).expect("the opening can be played"));
        // A machine so slow that a hundred steps are a slice.
        let wall = Cell::new(0.0);
        let clock = || {
            wall.set(wall.get() + SLICE_MS / 2.0);
            wall.get()
        };
        let mut shares = Vec::new();
        let mut moved = 0;
        for _ in 0..5000 {
            for reply in driver.tick(33.0, &clock) {
                let Reply::Frame(frame) = reply else { continue };
                moved += if driver.missed.is_some() { frame.hops.len() + frame.captions.len() } else { 0 };
            }
            let share = driver.session().said().and_then(|(_, live)| live.catching_up);
            shares.extend(share);
            if driver.missed.is_none() {
                break;
            }
        }
        assert!(driver.missed.is_none() && driver.cluster_now() > 590_000, "{} ms", driver.cluster_now());
        assert!(
            shares.len() > 5 && shares.is_sorted() && shares.iter().all(|share| share % 10 == 0),
            "{shares:?}"
        );
        assert_eq!(moved, 0, "what is long past is not drawn");
        assert_eq!(driver.session().said().and_then(|(_, live)| live.catching_up), None);
        let scaled = |it: &crate::protocol::Workload| it.name == "todo-api" && it.wanted == 5;
        assert!(driver.view.workloads.values().any(|it| scaled(it)));
    }
}
