//! What is told of the cluster: what changed since the last look, and what is inspected.

use shared::{
    api::{Key, Kind, policy::poddisruptionbudget::PodDisruptionBudget},
    cluster::Cluster,
    scenario::StepAction,
    session::StepResult,
    sim::ChangeKind,
};

use super::{Driver, whole};
use crate::{
    protocol::{
        Caption, Clock, Event, Frame, Happening, Inspection, Reply, Systems, Verdict, Wait, WaitKind,
    },
    worker::{
        captions, inspect,
        story::Story,
        view::{View, delta, hold_back},
        waits, why,
    },
};

/// Scene time between two looks at a cluster in which nothing was written.
const LOOK_MS: f64 = 200.0;
/// Wall time between two looks at one that is written to, for each of its pods: a thousand cards take their time.
const LOOK_MS_A_POD: f64 = 0.25;
/// So many pods may change in one picture: more would keep a person waiting who presses something. The others follow.
const MOST_AT_ONCE: usize = 64;

impl Driver {
    /// Tells what changed since the last look.
    pub(super) fn look(&mut self, frame: &mut Frame) {
        if self.is_far() {
            return self.look_from_afar(frame);
        }
        let pods = f64::from(u32::try_from(self.view.pods.len()).unwrap_or(u32::MAX));
        if self.unlooked < pods * LOOK_MS_A_POD && !frame.reset {
            return;
        }
        let cluster = self.replica.cluster();
        let revision = cluster.store().revision();
        let (seen, when) = self.looked_at;
        if revision == seen && self.scene - when < LOOK_MS && !frame.reset && !self.replica.take_struck() {
            return;
        }
        self.looked_at = (revision, self.scene);
        self.unlooked = 0.0;
        self.read_writes(seen, frame);
        let cluster = self.replica.cluster();
        let mut view = View::of(cluster, &self.accented);
        let systems = Systems::of(cluster);
        frame.nodes = delta(&self.view.nodes, &view.nodes);
        frame.pods = delta(&self.view.pods, &view.pods);
        if !frame.reset && hold_back(MOST_AT_ONCE, &mut frame.pods, &self.view.pods, &mut view.pods) {
            (self.looked_at.1, self.unlooked) = (f64::NEG_INFINITY, f64::INFINITY);
        }
        let told = captions::between(&self.view, &view);
        if !frame.reset {
            self.begin_scripted(&systems);
        }
        self.settle(frame, told, view, systems);
        frame.verdict = self.verdict(self.replica.cluster().now().0);
    }

    /// Tells what is told of a cluster from near and from afar, and remembers it: `told` is what was seen to happen.
    pub(super) fn settle(&mut self, frame: &mut Frame, told: Vec<Happening>, view: View, systems: Systems) {
        frame.workloads = delta(&self.view.workloads, &view.workloads);
        frame.services = delta(&self.view.services, &view.services);
        frame.components = delta(&self.view.components, &view.components);
        let waits = self.waits();
        let struck = captions::struck(&self.systems, &systems, &view, &told);
        let begun = self.begun(&waits, &view, &frame.events);
        let (at, accent) = (self.replica.cluster().now().0, self.accent_from != u64::MAX);
        let told = struck.into_iter().chain(told).chain(begun);
        frame.captions.extend(told.map(|what| Caption { at, what, accent }));
        self.ended = self.replica.player().results().len();
        if waits != self.waits {
            frame.waits = Some(waits.clone());
        }
        let visitors = self.replica.visitors();
        if visitors != self.visitors {
            frame.visitors = Some(visitors.clone());
        }
        if systems != self.systems || frame.reset {
            frame.systems = Some(Box::new(systems.clone()));
        }
        (self.view, self.waits, self.visitors, self.systems) = (view, waits, visitors, systems);
    }

    /// All that is waited for.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let cluster = self.replica.cluster();
        let steps =
            self.replica.player().unfinished().filter_map(|(_, at, line)| {
                waits::of_drain(cluster, &line.split(' ').collect::<Vec<_>>(), at.0)
            });
        waits::with(cluster, steps.chain(self.drains.iter().map(|(_, wait)| wait.clone())))
    }

    /// A person has typed a kubectl command: it is the program with this number.
    pub fn typed(&mut self, id: u32, words: &[String]) {
        let cluster = self.replica.cluster();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.drains.extend(waits::of_drain(cluster, &words, cluster.now().0).map(|wait| (id, wait)));
    }

    /// That program has ended.
    pub fn typed_ended(&mut self, id: u32) {
        self.drains.retain(|(drain, _)| *drain != id);
    }

    /// What began or ended that is not seen on the things themselves: waits, drains, evictions.
    fn begun(&self, waits: &[Wait], view: &View, events: &[Event]) -> Vec<Happening> {
        let held = held_up(self.replica.cluster(), &self.waits, waits);
        let ended = self.replica.player().results().get(self.ended..).unwrap_or_default();
        let drains = ended.iter().filter_map(drain_failed);
        let preempted = events.iter().filter_map(|event| preempted(event, view));
        tolerated(&self.waits, waits, view).chain(held).chain(drains).chain(preempted).collect()
    }

    /// What the scenario breaks by itself has its story, too, where nothing else has.
    fn begin_scripted(&mut self, systems: &Systems) {
        let struck = systems.broken.iter().any(|broken| !self.systems.broken.contains(broken));
        if !struck || self.story.is_some() || self.past.present().is_some() {
            return;
        }
        let now = self.cluster_now();
        let mut log = self.replica.log().iter().rev().filter(|step| step.at.0 <= now);
        let fault = log.find(|step| matches!(step.action, StepAction::Fault(_)));
        let since = fault.map_or(now, |step| step.at.0);
        self.story = Some(Story::begin(None, &self.view, since, self.visitors.lost));
    }

    fn verdict(&mut self, now: u64) -> Option<Verdict> {
        let verdict = self.story.as_mut()?.watch(&self.view, &self.waits, now, self.visitors.lost)?;
        self.story = None;
        Some(verdict)
    }

    /// Events that are new, and pods that a person brought about, among the writes after `seen`.
    pub(super) fn read_writes(&mut self, seen: u64, frame: &mut Frame) {
        let cluster = self.replica.cluster();
        let (store, trace) = (cluster.store(), &cluster.core().trace);
        let Some(writes) = store.since(seen.max(store.oldest())) else { return };
        for write in writes {
            let object = &write.object;
            match (object.key.kind, write.change) {
                (Kind::Event, ChangeKind::Added | ChangeKind::Modified) => {
                    frame.events.extend(inspect::event(cluster, object));
                }
                (Kind::Pod, ChangeKind::Added)
                    if trace.root(&write.causes).is_some_and(|root| root >= self.accent_from) =>
                {
                    self.accented.insert(object.meta.uid);
                }
                _ => {}
            }
        }
    }

    pub(super) fn finish(&mut self, frame: &mut Frame) {
        frame.now = self.cluster_now();
        frame.scene = self.scene;
        frame.flow = u32::try_from(whole(self.flow)).unwrap_or(u32::MAX);
        frame.clock = Clock {
            running: self.running,
            speed: self.speed,
            rate_milli: u32::try_from(whole(self.passing * 1000.0)).unwrap_or(u32::MAX),
            behind: self.behind,
            can_rewind: self.before_fault.is_some(),
        };
    }

    pub(super) fn inspection(&mut self) -> Option<Reply> {
        let revision = self.replica.cluster().store().revision();
        let (subject, seen) = self.inspected.as_mut()?;
        *seen = revision;
        let subject = subject.clone();
        Some(Reply::Inspection(inspect::about(self.replica.cluster(), &subject).map(Box::<Inspection>::new)))
    }

    pub(super) fn inspection_if_new(&mut self) -> Option<Reply> {
        let revision = self.replica.cluster().store().revision();
        let (_, seen) = self.inspected.as_ref()?;
        if *seen == revision { None } else { self.inspection() }
    }
}

/// Nodes whose pods began to be tolerated.
fn tolerated<'a>(old: &'a [Wait], new: &'a [Wait], view: &'a View) -> impl Iterator<Item = Happening> + 'a {
    let began =
        |wait: &&Wait| wait.kind == WaitKind::Toleration && !old.iter().any(|earlier| earlier.id == wait.id);
    let mut nodes: Vec<(String, u32, u64)> = Vec::new();
    for wait in new.iter().filter(began) {
        let Some(pod) =
            view.pods.values().find(|pod| pod.name == wait.object && pod.namespace == wait.namespace)
        else {
            continue;
        };
        match nodes.iter_mut().find(|(node, ..)| *node == pod.node) {
            Some((_, pods, _)) => *pods += 1,
            None => nodes.push((pod.node.clone(), 1, wait.until - wait.since)),
        }
    }
    nodes.into_iter().map(|(node, pods, wait)| Happening::Tolerated { node, pods, wait })
}

/// Disruption budgets that began to hold up a drain.
fn held_up<'a>(
    cluster: &'a Cluster,
    old: &'a [Wait],
    new: &'a [Wait],
) -> impl Iterator<Item = Happening> + 'a {
    let is_same = |one: &Wait, other: &Wait| {
        one.kind == other.kind && one.object == other.object && one.namespace == other.namespace
    };
    let began = new.iter().enumerate().filter(move |(at, wait)| {
        let known = old.iter().chain(&new[..*at]).any(|earlier| is_same(earlier, wait));
        wait.kind == WaitKind::Disruption && !known
    });
    began.filter_map(|(_, wait)| {
        let key = Key::new(Kind::PodDisruptionBudget, wait.namespace.as_str(), wait.object.as_str());
        let budget = cluster.store().get(&key)?.view::<PodDisruptionBudget>()?;
        let number = |count: i64| u32::try_from(count).unwrap_or_default();
        let (needed, healthy) = (number(budget.desired_healthy), number(budget.current_healthy));
        Some(Happening::HeldUp { budget: wait.object.clone(), needed, healthy })
    })
}

/// A drain that gave up.
fn drain_failed(result: &StepResult) -> Option<Happening> {
    let words = result.command.strip_prefix("kubectl drain ").filter(|_| result.exit_code != 0)?;
    let node = words.split(' ').find(|word| !word.starts_with('-'))?.to_owned();
    Some(Happening::DrainFailed { node, why: result.stderr.lines().last().unwrap_or_default().to_owned() })
}

/// Who had to make room for whom, as the scheduler's Event says.
fn preempted(event: &Event, view: &View) -> Option<Happening> {
    let (by, node) = why::preempted_by(event)?;
    let by = view.pods.get(by).map_or(by, |pod| pod.name.as_str()).to_owned();
    Some(Happening::Preempted { pod: event.name.clone(), by, node: node.to_owned() })
}
