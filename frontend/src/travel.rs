//! What the page knows of other moments and branches, and its ways to go there.

use std::sync::Arc;

use leptos::prelude::*;

use crate::{
    protocol::{Difference, Mark, Pace, PastReply, PastRequest, Request, Subject, Timeline, Verdict},
    state::Page,
    told::{self, Shelf, Told},
    track, view_model,
};

/// Signals that follow what the worker tells of other moments.
#[derive(Clone, Copy)]
pub struct Travel {
    pub timeline: RwSignal<Timeline>,
    pub marks: RwSignal<Arc<Vec<Mark>>>,
    pub differences: RwSignal<Vec<Difference>>,
    /// Where the person holds the handle, until that moment is there.
    pub wanted: RwSignal<Option<u64>>,
    /// Whether the timeline is drawn large.
    pub open: RwSignal<bool>,
    /// Whether the keys are explained.
    pub help: RwSignal<bool>,
    /// The hop of a causal chain whose proof is open: its moment, place and revision.
    pub hop: RwSignal<Option<(u64, String, Option<u64>)>>,
    /// The Event whose hop is to be opened once the chain of its object is there: object, reason and moment.
    pub sought: RwSignal<Option<(Subject, String, u64)>>,
    /// What was told of the branches that are not shown.
    shelf: StoredValue<Shelf>,
    /// What is seen of the branch beside.
    pub twin: StoredValue<Option<Page>>,
}

impl Travel {
    pub fn new() -> Self {
        Self {
            timeline: RwSignal::default(),
            marks: RwSignal::default(),
            differences: RwSignal::default(),
            wanted: RwSignal::default(),
            open: RwSignal::default(),
            help: RwSignal::default(),
            hop: RwSignal::default(),
            sought: RwSignal::default(),
            shelf: StoredValue::default(),
            twin: StoredValue::new(None),
        }
    }

    /// Takes what the worker tells.
    fn hear(self, reply: PastReply) {
        match reply {
            PastReply::Timeline(timeline) => {
                if !timeline.seeking {
                    self.wanted.set(None);
                }
                self.timeline.set(timeline);
            }
            PastReply::Marks { reset, new } => self.marks.update(|marks| {
                let marks = Arc::make_mut(marks);
                if reset {
                    marks.clear();
                }
                marks.extend(new);
            }),
            PastReply::Beside(frame) => {
                if let Some(twin) = self.twin.get_value() {
                    twin.take(*frame);
                }
            }
            PastReply::Differences(differences) => self.differences.set(differences),
        }
    }

    /// Whether a moment of the past is shown.
    pub fn back(self) -> bool {
        self.timeline.with(|timeline| timeline.head.is_some())
    }
}

impl Page {
    /// Takes what the worker tells of other moments. Each branch has its own captions and verdict.
    pub fn hear_past(self, reply: PastReply) {
        if let PastReply::Timeline(timeline) = &reply {
            let told =
                || Told { captions: self.captions.get_untracked(), verdict: self.verdict.get_untracked() };
            let turned = self.travel.shelf.try_update_value(|shelf| shelf.turn(timeline, told)).flatten();
            if let Some(Told { captions, verdict }) = turned {
                self.captions.set(captions);
                self.verdict.set(verdict);
            }
        }
        self.travel.hear(reply);
    }

    /// Another cluster is shown: nothing was told of it yet.
    pub fn forget_told(self) {
        self.travel.shelf.set_value(Shelf::default());
        self.travel.timeline.set(Timeline::default());
        self.captions.set(Vec::new());
        self.verdict.set(None);
    }

    /// So many of the captions are of the shown moment and before.
    pub fn told(self) -> Memo<usize> {
        Memo::new(move |_| {
            let now = if self.travel.back() { self.now.get() } else { u64::MAX };
            self.captions.with(|captions| told::until(captions, now))
        })
    }

    /// How the last fault before the shown moment ended.
    pub fn told_verdict(self) -> Memo<Option<Verdict>> {
        Memo::new(move |_| {
            let now = if self.travel.back() { self.now.get() } else { u64::MAX };
            self.verdict.get().filter(|verdict| verdict.at <= now)
        })
    }

    /// Whether what the verdict says was so and is no more. Moments that are looked back at leave it.
    pub fn verdict_is_over(self) -> bool {
        let back = untrack(|| self.travel.back());
        let over = |verdict: &Option<Verdict>| {
            let of = |verdict| self.workloads.with_untracked(|all| view_model::is_over(verdict, all));
            verdict.as_ref().is_some_and(of)
        };
        !back && self.verdict.with_untracked(over)
    }

    /// Asks something about other moments.
    pub fn travel_to(self, request: PastRequest) {
        self.send(&Request::Past(request));
    }

    /// Turns to another moment.
    pub fn look(self, at: u64) {
        let head = self.head();
        self.travel.wanted.set((at < head).then_some(at));
        self.travel_to(if at < head { PastRequest::Look(at) } else { PastRequest::Now });
    }

    /// The present's time.
    pub fn head(self) -> u64 {
        self.travel.timeline.with_untracked(|timeline| timeline.head).unwrap_or(self.now.get_untracked())
    }

    /// Goes one event back or on, or one second.
    pub fn leaf(self, back: bool, by_second: bool) {
        let now = self.travel.wanted.get_untracked().unwrap_or(self.now.get_untracked());
        let looking = self.travel.timeline.with_untracked(|timeline| timeline.head.is_some());
        if !back && !looking {
            // After the present comes what has not happened yet.
            return self.pace(Pace::Step);
        }
        let marks = self.travel.marks.get_untracked();
        let at = match (back, by_second) {
            (true, true) => now.saturating_sub(1000),
            (false, true) => now + 1000,
            (true, false) => track::before(&marks, now).unwrap_or(0),
            (false, false) => track::after(&marks, now).unwrap_or(u64::MAX),
        };
        self.look(at);
    }
}
