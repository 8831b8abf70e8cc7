//! Pods that wait for a node: the active ones by priority and time, those that back off, and those that fit nowhere
//! until something changes.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::api::Key;
use crate::client::Wait;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort};
use crate::sim::{Causes, Duration, Time};

use super::framework::ClusterEvent;
use super::plugins::PLUGINS;
use super::template::Template;

const FIRST_BACK_OFF: Duration = Duration::seconds(1);
const LONGEST_BACK_OFF: Duration = Duration::seconds(10);
/// After this long a pod that fits nowhere is tried again without a reason.
const LONGEST_STAY: Duration = Duration::seconds(300);

/// A pod that waits.
#[derive(Codec, Clone, Debug, Hash)]
struct Waiting {
    place: Place,
    priority: i64,
    failures: u32,
    /// When it came, or last failed.
    since: Time,
    /// What it is like, once it was tried.
    template: Option<Arc<Template>>,
    causes: Causes,
}

#[derive(Codec, Clone, Copy, PartialEq, Eq, Debug, Hash)]
enum Place {
    Active(Reverse<i64>, Time, u64),
    /// It may go on early when there is nothing else to do, as it failed for want of a node.
    BackingOff(Time, u64),
    /// It failed for another reason and waits its time out.
    AfterError(Time, u64),
    /// The plugins that rejected it, as bits.
    Unschedulable(u32),
    /// It is being scheduled or bound.
    InFlight,
}

/// Where waiting pods are, in numbers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct QueueLengths {
    /// Waiting for their turn.
    pub active: u64,
    /// Backing off after a failure.
    pub backoff: u64,
    /// Waiting for something to change.
    pub unschedulable: u64,
}

/// Pods of one template that the same plugins rejected.
#[derive(Codec, Clone, Debug, Hash)]
struct Alike {
    template: Arc<Template>,
    pods: BTreeSet<Key>,
}

/// The scheduling queue.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Queue {
    pods: BTreeMap<Key, Waiting>,
    active: BTreeMap<(Reverse<i64>, Time, u64), Key>,
    backoff: BTreeMap<(Time, u64), Key>,
    errors: BTreeMap<(Time, u64), Key>,
    /// By the plugins that rejected them and by their template: what an event means is asked once for all that are
    /// alike.
    unschedulable: BTreeMap<(u32, u128), Alike>,
    /// Those that others are making room for, and whether something happened meanwhile that gives them hope.
    held: BTreeMap<Key, bool>,
    sequence: u64,
}

impl Queue {
    /// The pod is not to be tried before [`Queue::release`].
    pub fn hold(&mut self, key: &Key) {
        self.held.insert(key.clone(), false);
    }

    /// The pod may be tried again: at once if it has to be, or if it missed something.
    pub fn release(&mut self, key: &Key, at_once: bool, now: Time) {
        let missed = self.held.remove(key) == Some(true);
        let waits = |waiting: &Waiting| matches!(waiting.place, Place::Unschedulable(_));
        if !self.pods.get(key).is_some_and(waits) {
            return;
        }
        if at_once {
            self.take_out(key);
            self.activate(key);
        } else if missed {
            self.requeue(key, now);
        }
    }

    /// Whether a pod waits here.
    pub fn contains(&self, key: &Key) -> bool {
        self.pods.contains_key(key)
    }

    /// How many pods are where.
    pub fn lengths(&self) -> QueueLengths {
        QueueLengths {
            active: self.active.len() as u64,
            backoff: (self.backoff.len() + self.errors.len()) as u64,
            unschedulable: self.unschedulable.values().map(|alike| alike.pods.len() as u64).sum(),
        }
    }

    /// Pods that wait for a moment: those whose back-off after an error runs, and those that fit nowhere, which are tried
    /// again after a long time even if nothing happens.
    pub fn waits(&self) -> impl Iterator<Item = Wait> {
        self.pods.iter().filter_map(|(key, waiting)| {
            let (name, until) = match waiting.place {
                Place::AfterError(until, _) => ("schedulerBackOff", until),
                Place::Unschedulable(_) if !self.held.contains_key(key) => {
                    ("unschedulable", waiting.since + LONGEST_STAY)
                }
                _ => return None,
            };
            Some(Wait { name, object: key.clone(), since: waiting.since, until })
        })
    }

    /// A new pod.
    pub fn add(&mut self, key: Key, priority: i64, now: Time, causes: &Causes) {
        let waiting = Waiting {
            place: Place::InFlight,
            priority,
            failures: 0,
            since: now,
            template: None,
            causes: causes.clone(),
        };
        self.pods.insert(key.clone(), waiting);
        self.activate(&key);
    }

    /// Forgets a pod: it is bound, or gone.
    pub fn remove(&mut self, key: &Key) {
        self.held.remove(key);
        if self.pods.contains_key(key) {
            self.take_out(key);
            self.pods.remove(key);
        }
    }

    /// Whether there is something to schedule now.
    pub fn has_work(&self) -> bool {
        !self.active.is_empty() || !self.backoff.is_empty()
    }

    /// The next pod to schedule and why; it stays known until [`Queue::remove`] or a failure.
    pub fn pop(&mut self, now: Time) -> Option<(Key, Causes)> {
        self.end_back_off(now);
        // With nothing else to do there is no point in letting a pod wait out its back-off.
        let first = self.active.values().next().or_else(|| self.backoff.values().next());
        let key = first?.clone();
        self.take_out(&key);
        let waiting = self.pods.get_mut(&key).expect("what is in line is known");
        Some((key, std::mem::take(&mut waiting.causes)))
    }

    /// No node could take the pod; `plugins` rejected it.
    pub fn unschedulable(&mut self, key: &Key, plugins: u32, template: &Arc<Template>, now: Time) {
        self.take_out(key);
        let Some(waiting) = self.pods.get_mut(key) else { return };
        waiting.failures += 1;
        waiting.since = now;
        waiting.template = Some(Arc::clone(template));
        waiting.place = Place::Unschedulable(plugins);
        let alike = || Alike { template: Arc::clone(template), pods: BTreeSet::new() };
        let place = (plugins, template.digest);
        self.unschedulable.entry(place).or_insert_with(alike).pods.insert(key.clone());
    }

    /// Something else went wrong; the answer is when the pod's back-off ends.
    pub fn failed(&mut self, key: &Key, now: Time) -> Option<Time> {
        self.take_out(key);
        self.sequence += 1;
        let waiting = self.pods.get_mut(key)?;
        waiting.failures += 1;
        waiting.since = now;
        let until = waiting.back_off_ends();
        waiting.place = Place::AfterError(until, self.sequence);
        self.errors.insert((until, self.sequence), key.clone());
        Some(until)
    }

    /// The pod itself changed: it may fit now.
    pub fn changed(&mut self, key: &Key, priority: i64, now: Time, causes: &Causes) {
        let Some(waiting) = self.pods.get_mut(key) else { return };
        waiting.priority = priority;
        waiting.causes.merge(causes);
        if matches!(waiting.place, Place::Unschedulable(_)) {
            self.requeue(key, now);
        }
    }

    /// Lets those try again whose rejecting plugins see hope in `event`.
    pub fn wake(&mut self, event: ClusterEvent<'_>, now: Time, causes: &Causes) {
        if self.unschedulable.is_empty() {
            return;
        }
        let mut woken = Vec::new();
        for ((mask, _), alike) in &self.unschedulable {
            let mut rejecting = (0..).zip(PLUGINS).filter(|(place, _)| mask & 1 << place != 0);
            if rejecting.any(|(_, plugin)| plugin.wakes(event, &alike.template)) {
                woken.extend(alike.pods.iter().map(|key| (*mask, key.clone())));
            }
        }
        // Of those that the same plugins rejected the names decide who comes first.
        sort(&mut woken);
        for (_, key) in woken {
            self.pods.get_mut(&key).expect("known").causes.merge(causes);
            self.requeue(&key, now);
        }
    }

    /// Lets those try again that have waited very long.
    pub fn flush(&mut self, now: Time) {
        let long = |key: &&Key| now.since(self.pods[*key].since) > LONGEST_STAY;
        let waiting = self.unschedulable.values().flat_map(|alike| alike.pods.iter());
        let mut tired: Vec<Key> = waiting.filter(long).cloned().collect();
        sort(&mut tired);
        tired.iter().for_each(|key| self.requeue(key, now));
    }

    /// Whether pods wait for something to change.
    pub fn has_unschedulable(&self) -> bool {
        !self.unschedulable.is_empty()
    }

    /// Makes those active whose back-off is over.
    pub fn end_back_off(&mut self, now: Time) {
        let over = |queue: &BTreeMap<(Time, u64), Key>| {
            queue
                .iter()
                .take_while(|((until, _), _)| *until <= now)
                .map(|(_, key)| key.clone())
                .collect::<Vec<_>>()
        };
        for key in over(&self.backoff).into_iter().chain(over(&self.errors)) {
            self.take_out(&key);
            self.activate(&key);
        }
    }

    fn requeue(&mut self, key: &Key, now: Time) {
        if let Some(missed) = self.held.get_mut(key) {
            *missed = true;
            return;
        }
        self.take_out(key);
        let waiting = self.pods.get_mut(key).expect("known");
        let until = waiting.back_off_ends();
        if until <= now {
            self.activate(key);
            return;
        }
        self.sequence += 1;
        waiting.place = Place::BackingOff(until, self.sequence);
        self.backoff.insert((until, self.sequence), key.clone());
    }

    fn activate(&mut self, key: &Key) {
        self.sequence += 1;
        let waiting = self.pods.get_mut(key).expect("known");
        let at = (Reverse(waiting.priority), waiting.since, self.sequence);
        waiting.place = Place::Active(at.0, at.1, at.2);
        self.active.insert(at, key.clone());
    }

    /// Out of its line, wherever that is; it counts as being worked on.
    fn take_out(&mut self, key: &Key) {
        let Some(waiting) = self.pods.get_mut(key) else { return };
        match std::mem::replace(&mut waiting.place, Place::InFlight) {
            Place::Active(priority, since, sequence) => {
                self.active.remove(&(priority, since, sequence));
            }
            Place::BackingOff(until, sequence) => {
                self.backoff.remove(&(until, sequence));
            }
            Place::AfterError(until, sequence) => {
                self.errors.remove(&(until, sequence));
            }
            Place::Unschedulable(plugins) => {
                let Some(template) = &waiting.template else { return };
                let place = (plugins, template.digest);
                if let Some(alike) = self.unschedulable.get_mut(&place) {
                    alike.pods.remove(key);
                    if alike.pods.is_empty() {
                        self.unschedulable.remove(&place);
                    }
                }
            }
            Place::InFlight => {}
        }
    }
}

impl Waiting {
    fn back_off_ends(&self) -> Time {
        let doublings = self.failures.saturating_sub(1).min(4);
        self.since + (FIRST_BACK_OFF * (1 << doublings)).min(LONGEST_BACK_OFF)
    }
}
