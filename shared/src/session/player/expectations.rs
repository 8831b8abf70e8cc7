//! Everything that a scenario expects, watched together: an event costs what the goals cost that it touches, however many
//! others there are.

use crate::api::Key;
use crate::cluster::Cluster;
use crate::codec::{Codec, Damaged, Decoder, Encoder};
use crate::collections::{BTreeMap, BTreeSet};
use crate::scenario::{Expectation, Progress, Verdict};
use crate::sim::Time;

/// The goals of a scenario, and how far each is.
#[derive(Clone, Debug)]
pub struct Expectations {
    goals: Vec<(Expectation, Progress)>,
    /// The goals about each object, and those about sources of traffic, by their places.
    watched: BTreeMap<Key, Vec<usize>>,
    sources: Vec<usize>,
    /// When each is decided if nothing happens before.
    due: BTreeSet<(Time, usize)>,
    open: usize,
    seen_revision: u64,
    /// How many answers sources of traffic had when they were last looked at.
    seen_answers: u64,
}

impl Expectations {
    /// Of a scenario that begins.
    pub fn new(goals: &[Expectation]) -> Expectations {
        let mut watched: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        let mut sources = Vec::new();
        for (at, goal) in goals.iter().enumerate() {
            if goal.source().is_some() {
                sources.push(at);
            } else if let Ok(key) = goal.key() {
                watched.entry(key).or_default().push(at);
            }
        }
        let goals = goals.iter().map(|goal| (goal.clone(), Progress::of(goal))).collect();
        let mut expectations = Expectations {
            goals,
            watched,
            sources,
            due: BTreeSet::new(),
            open: 0,
            seen_revision: 0,
            seen_answers: 0,
        };
        expectations.count();
        expectations
    }

    /// Finds anew what follows from how far the goals are.
    fn count(&mut self) {
        let due = |(at, (goal, progress)): (usize, &(Expectation, Progress))| {
            goal.decides_at(progress).map(|time| (time, at))
        };
        self.due = self.goals.iter().enumerate().filter_map(due).collect();
        self.open = self.goals.iter().filter(|(_, progress)| progress.verdict.is_none()).count();
    }

    /// The goals and their verdicts; `None` while undecided.
    pub fn iter(&self) -> impl Iterator<Item = (&Expectation, Option<Verdict>)> {
        self.goals.iter().map(|(goal, progress)| (goal, progress.verdict))
    }

    /// Whether nothing is expected.
    pub fn is_empty(&self) -> bool {
        self.goals.is_empty()
    }

    /// Whether every goal is decided; true when there is none.
    pub fn decided(&self) -> bool {
        self.open == 0
    }

    /// When the next is decided if nothing happens before.
    pub fn next_verdict_at(&self) -> Option<Time> {
        self.due.first().map(|(time, _)| *time)
    }

    /// Gives every open goal its verdict: nothing more will happen after `at`.
    pub fn conclude(&mut self, at: Time) {
        for (_, progress) in self.goals.iter_mut().filter(|(_, progress)| progress.verdict.is_none()) {
            progress.verdict = Some(Verdict { met: false, at });
        }
        self.count();
    }

    /// Decides what is certain once everything up to and including `until` has happened.
    pub fn settle(&mut self, until: Time) {
        while let Some((time, at)) = self.due.first().copied().filter(|(time, _)| *time <= until) {
            self.due.remove(&(time, at));
            let (goal, progress) = &mut self.goals[at];
            goal.settle(progress, until);
            self.open -= 1;
        }
    }

    /// Looks at what was written and answered since the last time.
    pub fn observe(&mut self, cluster: &Cluster) {
        let (store, traffic, now) = (cluster.store(), cluster.network().visitors(), cluster.now());
        if traffic.answers() != self.seen_answers {
            self.seen_answers = traffic.answers();
            for place in 0..self.sources.len() {
                self.look(self.sources[place], |goal, progress| {
                    let summary = goal.source().and_then(|source| traffic.summary(source));
                    goal.observe_source(progress, summary.as_ref(), now);
                });
            }
        }
        if store.revision() == self.seen_revision {
            return;
        }
        let touched: Vec<usize> = match store.since(self.seen_revision) {
            Some(written) if self.seen_revision < store.revision() => {
                let goals = written.filter_map(|write| self.watched.get(&write.object.key));
                goals.flatten().copied().collect()
            }
            // What was written in between is forgotten, or the store is one of an earlier moment.
            _ => self.watched.values().flatten().copied().collect(),
        };
        self.seen_revision = store.revision();
        for at in touched {
            self.look(at, |goal, progress| {
                let object = progress.key.as_ref().and_then(|key| store.get(key));
                goal.observe(progress, object.map(|object| &**object), now);
            });
        }
    }

    /// Looks at one goal, and when it will be decided after that.
    fn look(&mut self, at: usize, observe: impl FnOnce(&Expectation, &mut Progress)) {
        let (goal, progress) = &mut self.goals[at];
        if let Some(time) = goal.decides_at(progress) {
            self.due.remove(&(time, at));
        }
        observe(goal, progress);
        if let Some(time) = goal.decides_at(progress) {
            self.due.insert((time, at));
        }
    }

    /// How far the goals are; the goals themselves are the scenario's.
    pub(super) fn encode_progress(&self, encoder: &mut Encoder) {
        self.goals.iter().for_each(|(_, progress)| progress.encode(encoder));
        (self.seen_revision, self.seen_answers).encode(encoder);
    }

    /// Reads what [`Expectations::encode_progress`] wrote for the same scenario.
    pub(super) fn decode_progress(&mut self, decoder: &mut Decoder<'_>) -> Result<(), Damaged> {
        for (_, progress) in &mut self.goals {
            *progress = Codec::decode(decoder)?;
        }
        (self.seen_revision, self.seen_answers) = Codec::decode(decoder)?;
        self.count();
        Ok(())
    }
}
