//! How a DaemonSet stands on each node, kept node by node: a change of a pod or a node costs a look at that node, however
//! many others there are. It follows from the caches, and is no part of the state.

use crate::api::apps::daemonset::TEMPLATE_GENERATION;
use crate::api::core::node::Node;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Kind, Object, Of, Uid};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort_by_key};
use crate::controllers::pods::is_available;
use crate::controllers::world::World;
use crate::doc::{Str, Timestamp};

use super::Subject;
use super::placement::target;
use super::update::{is_current, surges};

/// How a node stands in an update, by its pods that are not being deleted.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Standing {
    /// It is to have none and has none.
    Apart,
    /// One up to date and available.
    Current,
    /// One up to date but not available, or none although it is to have one.
    Unavailable,
    /// Several of a sort.
    Several,
    /// An old one, available.
    Old,
    /// An old one, not available.
    OldUnavailable,
    /// The same where none is to be.
    Stray,
    StrayUnavailable,
    /// An old one beside a new one that is not available yet.
    Replacing,
    /// An old one beside an available new one.
    Replaced,
}

/// How many [`Standing`]s there are.
const STANDINGS: usize = 10;

/// Counts of nodes, as the status tells them.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Totals {
    pub desired: i64,
    pub scheduled: i64,
    pub misscheduled: i64,
    pub ready: i64,
    pub available: i64,
    pub updated: i64,
}

impl Totals {
    fn add(&mut self, other: &Totals, times: i64) {
        self.desired += times * other.desired;
        self.scheduled += times * other.scheduled;
        self.misscheduled += times * other.misscheduled;
        self.ready += times * other.ready;
        self.available += times * other.available;
        self.updated += times * other.updated;
    }
}

/// What was found out about a node.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Debug)]
struct Verdict {
    counted: Totals,
    standing: Standing,
    /// Whether pods may have to be made or to go.
    unsettled: bool,
    /// The second in which a ready pod will count as available.
    ripe: Option<i64>,
}

/// Of a node that is none of the DaemonSet's business.
const NOTHING: Verdict = Verdict {
    counted: Totals { desired: 0, scheduled: 0, misscheduled: 0, ready: 0, available: 0, updated: 0 },
    standing: Standing::Apart,
    unsettled: false,
    ripe: None,
};

/// What verdicts depend on beside nodes and pods.
#[derive(Codec, Clone, PartialEq, Eq, Debug)]
struct Basis {
    generation: i64,
    revision: Str,
    template_generation: Option<Str>,
    min_ready_seconds: i64,
}

/// The nodes of one DaemonSet.
#[derive(Codec, Clone, Debug, Default)]
pub struct Census {
    basis: Option<Basis>,
    /// The pods that the DaemonSet manages, by the node that they are on or meant for.
    pods: BTreeMap<Str, Vec<Key>>,
    verdicts: BTreeMap<Str, Verdict>,
    /// Nodes to be looked at again.
    stale: BTreeSet<Str>,
    totals: Totals,
    counts: [u32; STANDINGS],
    /// The nodes of those standings that an update does something about.
    standing: BTreeSet<(Standing, Str)>,
    unsettled: BTreeSet<Str>,
    ripening: BTreeSet<(i64, Str)>,
}

impl Census {
    /// The pods of the DaemonSet with this UID; what they mean is not known yet.
    pub fn of(uid: Uid, world: &World) -> Census {
        let mut census = Census::default();
        world.managed::<Pod>(uid).for_each(|pod| census.enter(pod.object()));
        census
    }

    /// Takes in a change of one of the pods, or one that was or becomes one.
    pub fn observe(&mut self, delta: &Delta, uid: Uid) {
        let managed = |pod: &&std::sync::Arc<Object>| {
            pod.meta.controller().is_some_and(|controller| controller.uid == uid)
        };
        if let Some(node) = delta.old.as_ref().filter(managed).and_then(|pod| target(pod.view()?)) {
            let key = &delta.object().key;
            if let Some(pods) = self.pods.get_mut(&node) {
                pods.retain(|pod| pod != key);
                if pods.is_empty() {
                    self.pods.remove(&node);
                }
            }
            self.stale.insert(node);
        }
        delta.new.as_ref().filter(managed).into_iter().for_each(|pod| self.enter(pod));
    }

    fn enter(&mut self, pod: &Object) {
        if let Some(node) = pod.view::<Pod>().and_then(target) {
            self.pods.entry(node.clone()).or_default().push(pod.key.clone());
            self.stale.insert(node);
        }
    }

    /// A node came, went, or changed.
    pub fn touch(&mut self, node: &Str) {
        self.stale.insert(node.clone());
    }

    /// Whether a node has pods of the DaemonSet.
    pub fn has(&self, node: &Str) -> bool {
        self.pods.contains_key(node)
    }

    /// Looks again where something changed.
    pub fn refresh(&mut self, subject: &Subject, world: &World, now: Timestamp) {
        let basis = Basis {
            generation: subject.set.meta().generation,
            revision: subject.hash().into(),
            template_generation: subject.set.meta().annotation(TEMPLATE_GENERATION).map(Str::from),
            min_ready_seconds: subject.set.min_ready_seconds,
        };
        if self.basis.as_ref() != Some(&basis) {
            let pods = std::mem::take(&mut self.pods);
            *self = Census { basis: Some(basis), ..Census::default() };
            self.stale = pods.keys().cloned().collect();
            self.pods = pods;
            self.stale.extend(world.informers.cache(Kind::Node).keys().map(|key| key.name.clone()));
        }
        while let Some((_, node)) = self.ripening.first().filter(|(ripe, _)| *ripe <= now.seconds()).cloned()
        {
            self.note(&node, None);
            self.stale.insert(node);
        }
        for node in std::mem::take(&mut self.stale) {
            let verdict = self.judge(&node, subject, world, now);
            self.note(&node, Some(verdict));
        }
    }

    /// Replaces what is known of a node.
    fn note(&mut self, node: &Str, verdict: Option<Verdict>) {
        if let Some(before) = self.verdicts.get(node).copied() {
            if verdict == Some(before) {
                return;
            }
            self.totals.add(&before.counted, -1);
            self.counts[before.standing as usize] -= 1;
            self.standing.remove(&(before.standing, node.clone()));
            self.unsettled.remove(node);
            before.ripe.map(|ripe| self.ripening.remove(&(ripe, node.clone())));
            self.verdicts.remove(node);
        }
        let Some(now) = verdict.filter(|verdict| *verdict != NOTHING) else { return };
        self.totals.add(&now.counted, 1);
        self.counts[now.standing as usize] += 1;
        if now.standing >= Standing::Old {
            self.standing.insert((now.standing, node.clone()));
        }
        if now.unsettled {
            self.unsettled.insert(node.clone());
        }
        now.ripe.map(|ripe| self.ripening.insert((ripe, node.clone())));
        self.verdicts.insert(node.clone(), now);
    }

    fn judge(&self, name: &Str, subject: &Subject, world: &World, now: Timestamp) -> Verdict {
        let node = world.of::<Node>(&Key::new(Kind::Node, Str::new(), name.clone()));
        let placed = node.as_ref().map(|node| subject.placement.on(node));
        let runs = placed.is_some_and(|(runs, _)| runs);
        let all = self.pods(name, world, true);
        let here = self.pods(name, world, false);
        let min_ready = subject.set.min_ready_seconds;
        let mut counted = Totals::default();
        match (placed, all.first()) {
            (None, _) => {}
            (Some((false, _)), first) => counted.misscheduled = i64::from(first.is_some()),
            (Some((true, _)), None) => counted.desired = 1,
            (Some((true, _)), Some(pod)) => {
                counted = Totals {
                    desired: 1,
                    scheduled: 1,
                    misscheduled: 0,
                    ready: i64::from(pod.ready),
                    available: i64::from(is_available(pod, min_ready, now)),
                    updated: i64::from(is_current(pod, subject)),
                }
            }
        }
        let living = || here.iter().filter(|pod| !pod.meta().deleting());
        let ended = |pod: &Of<Pod>| matches!(pod.phase, Phase::Failed | Phase::Succeeded);
        let unsettled = match placed {
            Some((true, _)) if here.is_empty() => true,
            Some((true, true)) if surges(subject) && living().next().is_none() => true,
            Some((_, true)) => living().count() > 1 || living().any(ended),
            Some((_, false)) => living().next().is_some(),
            None => living().any(|pod| pod.node_name.is_empty()),
        };
        let ripe = |pod: &&Of<Pod>| pod.ready && !is_available(pod, min_ready, now);
        Verdict {
            counted,
            standing: standing(&here, runs, subject, now),
            unsettled,
            ripe: all.iter().filter(ripe).map(|pod| pod.ready_since.seconds() + min_ready).min(),
        }
    }

    /// The pods of a node, oldest first. `all` includes those that have ended and are being deleted.
    pub fn pods(&self, node: &Str, world: &World, all: bool) -> Vec<Of<Pod>> {
        let keys = self.pods.get(node).into_iter().flatten();
        let leftover = |pod: &Of<Pod>| pod.phase.is_terminal() && pod.meta().deleting();
        let pods = keys.filter_map(|key| world.of::<Pod>(key));
        let mut pods: Vec<Of<Pod>> = pods.filter(|pod| all || !leftover(pod)).collect();
        if pods.len() > 1 {
            sort_by_key(&mut pods, |pod| (pod.node_name.is_empty(), pod.meta().creation, pod.key().clone()));
        }
        pods
    }

    /// All nodes together.
    pub fn totals(&self) -> Totals {
        self.totals
    }

    /// The nodes on which pods may have to be made or to go, in the order of names.
    pub fn unsettled(&self) -> impl Iterator<Item = &Str> {
        self.unsettled.iter()
    }

    /// How many nodes stand so.
    pub fn count(&self, standing: Standing) -> i64 {
        i64::from(self.counts[standing as usize])
    }

    /// How many nodes have pods or are to have one.
    pub fn entries(&self) -> i64 {
        let apart = self.count(Standing::Apart);
        self.verdicts.len() as i64 - apart
    }

    /// The first nodes that stand in one of these ways, in the order of names; `most` of them at most.
    pub fn standing(&self, ways: &[Standing], most: usize) -> Vec<Str> {
        let of = |&way: &Standing| {
            let from = self.standing.range((way, Str::new())..);
            from.take_while(move |(standing, _)| *standing == way).take(most).map(|(_, node)| node.clone())
        };
        let mut nodes: Vec<Str> = ways.iter().flat_map(of).collect();
        crate::collections::sort(&mut nodes);
        nodes.truncate(most);
        nodes
    }
}

/// A pod of a node, if there is one of its sort.
type Slot<'a> = Option<&'a Of<Pod>>;

/// The one old and the one new pod of a node; `None` when there are several of a sort.
pub fn pair<'a>(pods: &'a [Of<Pod>], subject: &Subject) -> Option<(Slot<'a>, Slot<'a>)> {
    let (mut old, mut new) = (None, None);
    for pod in pods.iter().filter(|pod| !pod.meta().deleting()) {
        let slot = if is_current(pod, subject) { &mut new } else { &mut old };
        if slot.replace(pod).is_some() {
            return None;
        }
    }
    Some((old, new))
}

fn standing(pods: &[Of<Pod>], runs: bool, subject: &Subject, now: Timestamp) -> Standing {
    let available = |pod: &Of<Pod>| is_available(pod, subject.set.min_ready_seconds, now);
    match pair(pods, subject) {
        _ if pods.is_empty() && !runs => Standing::Apart,
        None => Standing::Several,
        Some((None, Some(new))) if available(new) => Standing::Current,
        Some((None, _)) => Standing::Unavailable,
        Some((Some(old), None)) => match (runs, available(old)) {
            (true, true) => Standing::Old,
            (true, false) => Standing::OldUnavailable,
            (false, true) => Standing::Stray,
            (false, false) => Standing::StrayUnavailable,
        },
        Some((Some(_), Some(new))) if available(new) => Standing::Replaced,
        Some((Some(_), Some(_))) => Standing::Replacing,
    }
}
