//! What the viewer wants of time: to pass, to stand still, to pass until something is there.

use shared::{session::protocol::ClientMessage, sim::Time};

use super::Driver;
use crate::protocol::{Pace, Speed};

/// How far ahead a skip or step looks for something to happen, in virtual milliseconds.
pub(super) const SKIP_LIMIT_MS: u64 = 3_600_000;
/// How far a skip goes in a live session where nothing is waited for, in virtual milliseconds.
const LIVE_SKIP_MS: u64 = 30_000;

/// What a skip or a step is looking for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Search {
    /// A message that is worth drawing, then a stop.
    Step,
    /// Something of note.
    Note,
    /// The end of a wait.
    Wait(u32),
    /// The moment at which the scenario opens.
    Opening,
}

impl Driver {
    /// In a live session the pace is everybody's: the server sets it.
    fn ask_pace(&mut self, pace: Pace) {
        let now = self.cluster_now();
        let (running, speed, until) = match pace {
            Pace::Play => (Some(true), None, None),
            Pace::Pause => (Some(false), None, None),
            Pace::Speed(Speed::Story) => (Some(true), Some(1000), None),
            Pace::Speed(Speed::Milli(speed)) => (Some(true), Some(speed), None),
            Pace::Step => (Some(false), None, self.replica.next_at()),
            Pace::Skip(wait) => {
                let wait = self.waits.iter().find(|known| wait.is_none_or(|id| known.id == id));
                (Some(true), None, Some(Time(wait.map_or(now + LIVE_SKIP_MS, |wait| wait.until))))
            }
        };
        self.replica.say(ClientMessage::Pace { running, speed, until });
    }

    pub(super) fn set_pace(&mut self, pace: Pace) {
        if self.replica.pace().is_some() {
            return self.ask_pace(pace);
        }
        // On its way to where it opens, a cluster is paused once it is there.
        if self.opening().is_none() || matches!(pace, Pace::Step | Pace::Skip(_)) {
            self.search = None;
        }
        self.stop_at = None;
        match pace {
            Pace::Pause => self.running = false,
            Pace::Play => self.running = true,
            Pace::Speed(speed) => {
                self.speed = speed;
                self.running = true;
            }
            // What is under way is seen to its end before anything else happens.
            Pace::Step => match self.messages.held(self.scene) {
                Some(held) => {
                    self.stop_at = Some(held.end);
                    self.running = true;
                }
                None => self.search(Search::Step),
            },
            Pace::Skip(None) => self.search(Search::Note),
            Pace::Skip(Some(wait)) => self.search(Search::Wait(wait)),
        }
    }

    fn search(&mut self, search: Search) {
        self.running = true;
        self.search = Some((search, self.replica.cluster().now().0 + SKIP_LIMIT_MS));
    }
}
