//! How time passes: at the viewer's pace, held by the hops of the story, or fast until something happens.

use shared::sim::Time;

use super::{Driver, Search, millis, whole};
use crate::{
    protocol::{Happening, Systems, Wait},
    worker::{
        captions,
        messages::{Drawn, Look},
        pacing,
        view::View,
    },
};

impl Driver {
    pub(super) fn advance(&mut self, passed: f64, drawn: &mut Drawn, late: &dyn Fn() -> bool) {
        let end = self.scene + passed;
        let (begun, mut was_held) = (self.now, false);
        while self.scene < end - 1e-6 && self.running {
            if late() {
                self.behind = true;
                break;
            }
            let left = end - self.scene;
            if let Some(held) = self.messages.held(self.scene) {
                // A hop of the story is under way: the clock arrives with it, not before.
                was_held = true;
                let scene_left = held.end - self.scene;
                let step = left.min(scene_left);
                let virtual_left = (millis(held.until) - self.now).max(0.0);
                self.rate = 1.0;
                let target = pacing::held(self.now, virtual_left, step, scene_left);
                self.run_to(target, drawn, late, false);
                self.scene += step;
            } else {
                let goal = match self.replica.pace() {
                    Some((_, speed)) => {
                        pacing::follow(f64::from(speed) / 1000.0, millis(self.replica.limit().0) - self.now)
                    }
                    None => pacing::goal(self.speed, &self.waits, self.cluster_now()),
                };
                self.rate = pacing::ease(self.rate, goal, left).max(1e-3);
                let start = self.now;
                self.run_to(start + left * self.rate, drawn, late, true);
                // At the horizon virtual time stands; the picture goes on.
                let used =
                    if self.now >= millis(self.limit().0) { left } else { (self.now - start) / self.rate };
                self.scene += used.max(1e-3);
            }
            if self.stop_at.is_some_and(|stop| self.scene >= stop) {
                self.stop_at = None;
                self.running = false;
            }
        }
        // While hops hold the clock it passes more slowly than the pace says.
        self.passing = match was_held {
            true => pacing::ease(self.passing, (self.now - begun) / passed.max(1.0), passed),
            false => self.rate,
        };
    }

    /// Lets virtual time reach `target`; with `watchful` it stops where a hop begins to hold the clock.
    pub(super) fn run_to(&mut self, target: f64, drawn: &mut Drawn, late: &dyn Fn() -> bool, watchful: bool) {
        let limit = self.limit();
        let target = target.min(millis(limit.0)).max(self.now);
        let until = Time(whole(target)).min(limit);
        while let Some(at) = self.replica.next_at().filter(|at| *at <= until) {
            self.replica.step();
            self.collect(drawn, false);
            let holds = watchful && self.messages.held(self.scene).is_some();
            if holds || late() {
                self.behind |= !holds;
                self.now = self.now.max(millis(at.0));
                return;
            }
        }
        self.replica.advance_to(until);
        self.now = self.now.max(target);
    }

    /// Whether a skip ends: something is to be seen, or something was broken that changes nothing yet.
    fn is_of_note(&self, view: &View) -> bool {
        let told = captions::between(&self.view, view);
        let systems = Systems::of(self.replica.cluster());
        told.iter().any(Happening::of_note)
            || !captions::struck(&self.systems, &systems, view, &told).is_empty()
    }

    pub(super) fn collect(&mut self, drawn: &mut Drawn, quiet: bool) {
        let Self { scene, rate, speed, accent_from, .. } = *self;
        let look = Look { scene, rate, speed, accent_from, quiet };
        self.messages.collect(self.replica.cluster(), look, drawn);
    }

    /// When the wait ends that is skipped, or the next one of all.
    fn end_of_wait(&self, search: Search, waits: &[Wait]) -> Option<u64> {
        let now = self.cluster_now();
        let skipped = |wait: &&Wait| match search {
            Search::Wait(wanted) => wait.id == wanted,
            search => search == Search::Note,
        };
        waits.iter().filter(skipped).map(|wait| wait.until).filter(|until| *until > now).min()
    }

    /// Runs on without drawing until what is searched for is there.
    pub(super) fn fast_forward(
        &mut self,
        search: Search,
        limit: u64,
        drawn: &mut Drawn,
        late: &dyn Fn() -> bool,
    ) {
        let mut last_look = self.replica.cluster().store().revision();
        let mut end = self.end_of_wait(search, &self.waits());
        loop {
            if late() {
                return;
            }
            let own = limit;
            let limit = own.min(self.limit().0);
            let next = self.replica.next_at().map_or(limit, |at| at.0);
            if let Some(over) = end.filter(|over| *over <= limit && next > *over) {
                // Nobody need write anything when a wait is over; one that began anew meanwhile is not.
                if self.cluster_now() < over {
                    end = self.end_of_wait(search, &self.waits());
                }
                if end != Some(over) {
                    continue;
                }
                self.replica.advance_to(Time(over));
                self.now = millis(over);
                break;
            }
            if next > limit {
                if search == Search::Opening || self.past.present().is_some() {
                    self.replica.advance_to(Time(limit));
                }
                // Who comes to the present, or as far as the others are, has not seen all there is.
                self.in_vain = search == Search::Note && limit == own;
                if search != Search::Opening {
                    self.running = search != Search::Step;
                }
                break;
            }
            self.replica.step();
            self.now = millis(self.cluster_now());
            let hops = drawn.hops.len();
            self.rate = 1.0;
            self.collect(drawn, search != Search::Step);
            let hop = drawn.hops.get(hops..).unwrap_or_default().first();
            match search {
                Search::Step => {
                    if let Some(hop) = hop {
                        self.stop_at = Some(hop.end);
                        break;
                    }
                }
                Search::Opening => {}
                Search::Note | Search::Wait(_) => {
                    let revision = self.replica.cluster().store().revision();
                    if revision != last_look {
                        last_look = revision;
                        let view = View::of(self.replica.cluster(), &self.accented);
                        let waits = self.waits();
                        let over = match search {
                            Search::Wait(id) => !waits.iter().any(|wait| wait.id == id),
                            _ => self.is_of_note(&view),
                        };
                        if over {
                            break;
                        }
                        if end.is_none_or(|end| end > self.cluster_now()) {
                            end = self.end_of_wait(search, &waits);
                        }
                    }
                }
            }
        }
        self.search = None;
    }
}
