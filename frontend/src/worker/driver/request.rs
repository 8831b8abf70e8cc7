//! Requests of the terminal's programs: each that may change something is a command like any other.

use shared::scenario::RequestStep;

use super::{Driver, millis};

/// How much virtual time passes with each tick for a request that is made while the clock stands still.
const NUDGE_MS: u64 = 10;

impl Driver {
    /// Sends a request to the API server; [`super::super::replica::Replica::take_responses`] has the answer.
    pub fn request(&mut self, id: u32, request: RequestStep) {
        if self.read_only {
            return self.replica.refuse_request(id, super::READ_ONLY);
        }
        let alone = self.replica.pace().is_none();
        if alone {
            // Whoever acts in the past begins another branch: what came of the first is kept.
            if self.past.present().is_some() {
                self.fork(false);
            }
            self.story = None;
            self.accent_from = self.replica.next_command();
            self.messages.begin_story();
            self.search = None;
        }
        self.replica.request(id, request);
        if alone {
            self.replica.settle();
        }
    }

    /// An answer takes cluster time: where the viewer stopped it, it moves just as far as that.
    pub fn nudge(&mut self) {
        if !self.running && self.search.is_none() && self.replica.pace().is_none() {
            let until = shared::sim::Time(self.cluster_now() + NUDGE_MS).min(self.limit());
            self.replica.advance_to(until);
            self.now = self.now.max(millis(until.0));
        }
    }
}
