//! A cluster of one's own whose server cannot be heard goes on here, as a branch that only this page knows. What is done
//! there waits for the server. Once it has all of that, its cluster is shown again.

use shared::{session::protocol::ClientMessage, sim::Time};

use super::Driver;
use crate::protocol::Reply;

/// A connection that comes back within this wall time was hardly gone, in milliseconds.
const GRACE_MS: f64 = 1500.0;
/// The server's clock is waited for no longer than this, in milliseconds.
const PATIENCE_MS: f64 = 3000.0;

/// Whether and where one goes on without the server.
#[derive(Default)]
pub(super) struct Apart {
    /// Wall time without the server.
    silent: f64,
    island: Option<Island>,
}

struct Island {
    /// The branches of the server's cluster and of the one that goes on.
    home: u32,
    course: u32,
    /// Steps that the server has or will be told.
    told: usize,
    /// Wall time since the server has all of them; until then none.
    back: Option<f64>,
}

impl Driver {
    /// Goes on without the server when it is gone for long, and with it when it is back.
    pub(super) fn tick_apart(&mut self, passed: f64) -> Vec<Reply> {
        self.session().send_due(passed);
        if self.apart.island.is_some() {
            self.tell_deeds();
            return self.come_back(passed);
        }
        let gone = self.replica.is_left_alone();
        self.apart.silent = if gone { self.apart.silent + passed } else { 0.0 };
        if self.apart.silent > GRACE_MS {
            self.go_on_alone();
        }
        Vec::new()
    }

    fn go_on_alone(&mut self) {
        let Some(island) = self.replica.island() else { return };
        self.past.pass(&self.replica);
        let told = island.log().len();
        let home = std::mem::replace(&mut self.replica, island);
        let course = self.past.course_mut();
        course.present = Some(Box::new(home));
        let home = course.id;
        self.past.branch(&self.replica);
        self.accent_from = self.replica.next_command();
        self.apart.island = Some(Island { home, course: self.past.course().id, told, back: None });
    }

    /// What was done here since last time waits for the server.
    fn tell_deeds(&mut self) {
        let Some(island) = &mut self.apart.island else { return };
        let shown = self.past.course().id == island.course && self.past.present().is_none();
        let there = match shown {
            true => Some(&self.replica),
            false => self.past.by_id(island.course).and_then(|course| course.present.as_deref()),
        };
        let log = there.map(|there| there.log()).unwrap_or_default();
        let deeds = log.get(island.told..).unwrap_or_default().to_vec();
        island.told = island.told.max(log.len());
        if !deeds.is_empty() {
            island.back = None;
            self.session().keep(&deeds);
        }
    }

    /// Shows the server's cluster once that has all that was done here, and has come as far.
    fn come_back(&mut self, passed: f64) -> Vec<Reply> {
        let now = self.replica.cluster().now();
        let session = self.session();
        let is_back = session.is_back();
        let alone = session.said_to_be_alone();
        let there = session.cluster().now();
        let Some(island) = &mut self.apart.island else { return Vec::new() };
        if !is_back {
            island.back = None;
            return Vec::new();
        }
        let shown = self.past.course().id == island.course && self.past.present().is_none();
        let (home, course) = (island.home, island.course);
        if let Some(back) = &mut island.back {
            *back += passed;
            if shown && there < now && *back < PATIENCE_MS {
                return Vec::new();
            }
        } else {
            island.back = Some(0.0);
            if shown && alone && there < now {
                // Nobody else is there: their clock stood while this one went on.
                let until = Some(Time(now.0));
                self.session().say(ClientMessage::Pace { running: None, speed: None, until });
            }
            return Vec::new();
        }
        self.apart = Apart::default();
        self.session().end_island();
        if !shown {
            return Vec::new();
        }
        let replies = self.switch(home);
        self.past.forget(course);
        replies
    }
}
