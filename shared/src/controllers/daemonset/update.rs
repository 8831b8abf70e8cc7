//! Which pods a DaemonSet lacks, has too many of, and replaces next.

use crate::api::apps::daemonset::TEMPLATE_GENERATION;
use crate::api::apps::deployment::scaled;
use crate::api::core::node::Node;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Kind, Of};
use crate::collections::BTreeMap;
use crate::controllers::pods::{Work, is_available};
use crate::controllers::worker::Desk;
use crate::controllers::world::World;
use crate::doc::{Doc, Str, Timestamp};

use super::placement::{by_node, pod_for};
use super::{BURST, DaemonSetController, FIRST_BACK_OFF, HASH, LONGEST_BACK_OFF, Subject};

/// Nodes that need a pod, and pods that have to go.
#[derive(Default)]
struct Plan {
    nodes: Vec<Str>,
    doomed: Vec<Key>,
}

impl Plan {
    fn doom(&mut self, pod: &Of<Pod>) {
        self.doomed.push(pod.key().clone());
    }

    fn work(mut self, subject: &Subject) -> Work {
        self.nodes.truncate(BURST);
        let bodies = self.nodes.iter().map(|node| pod_for(node, &subject.set, subject.hash()));
        Work::new(bodies.collect(), self.doomed)
    }
}

/// Whether a pod is of the wanted revision.
pub fn is_current(pod: &Of<Pod>, subject: &Subject) -> bool {
    let meta = pod.meta();
    let generation = subject.set.meta().annotation(TEMPLATE_GENERATION);
    meta.label(HASH) == subject.hash()
        || generation.is_some_and(|generation| meta.label("pod-template-generation") == generation)
}

impl DaemonSetController {
    /// Brings every node to one pod, or none.
    pub(super) fn manage(&mut self, subject: &Subject, world: &World, desk: &mut Desk<'_, '_>) -> Work {
        let pods = by_node(&subject.set, world, false);
        let mut plan = Plan::default();
        for node in world.informers.list::<Node>() {
            let name = &node.key().name;
            match (subject.placement.on(&node), pods.get(name)) {
                ((true, _), None) => plan.nodes.push(name.clone()),
                ((_, true), Some(here)) => self.tend(subject, name, here, &mut plan, desk),
                ((_, false), Some(here)) => {
                    here.iter().filter(|pod| !pod.meta().deleting()).for_each(|pod| plan.doom(pod));
                }
                _ => {}
            }
        }
        for (node, here) in &pods {
            let gone = world.object(&Key::new(Kind::Node, Str::new(), node.clone())).is_none();
            for pod in here.iter().filter(|pod| gone && pod.node_name.is_empty() && !pod.meta().deleting()) {
                plan.doom(pod);
            }
        }
        plan.work(subject)
    }

    /// Looks after the pods of a node that has some.
    fn tend(
        &mut self,
        subject: &Subject,
        node: &Str,
        pods: &[Of<Pod>],
        plan: &mut Plan,
        desk: &mut Desk<'_, '_>,
    ) {
        let mut running = Vec::new();
        for pod in pods.iter().filter(|pod| !pod.meta().deleting()) {
            let place = format!("daemon pod {}/{} on node {node}", pod.key().namespace, pod.key().name);
            match pod.phase {
                Phase::Failed => {
                    if self.may_replace(subject.set.key(), node, desk) {
                        let text = format!("Found failed {place}, will try to kill it");
                        desk.warning(subject.set.object(), "FailedDaemonPod", text);
                        plan.doom(pod);
                    }
                }
                Phase::Succeeded => {
                    let text = format!("Found succeeded {place}, will try to delete it");
                    desk.normal(subject.set.object(), "SucceededDaemonPod", text);
                    plan.doom(pod);
                }
                _ => running.push(pod),
            }
        }
        if !surges(subject) {
            running.into_iter().skip(1).for_each(|pod| plan.doom(pod));
            return;
        }
        // While it surges a node may hold an old and a new pod, until the new one is available.
        let (current, old): (Vec<&Of<Pod>>, Vec<&Of<Pod>>) =
            running.into_iter().partition(|pod| pod.meta().label(HASH) == subject.hash());
        current.iter().skip(1).chain(old.iter().skip(1)).for_each(|pod| plan.doom(pod));
        if let (Some(new), Some(old)) = (current.first(), old.first())
            && (!old.ready || available(new, subject, desk.timestamp()))
        {
            plan.doom(old);
        }
    }

    /// Whether the back-off of failed pods on a node is over; it doubles each time.
    fn may_replace(&mut self, set: &Key, node: &Str, desk: &mut Desk<'_, '_>) -> bool {
        let now = desk.now();
        let entry = (set.clone(), node.clone());
        let wait = match self.failed.get(&entry) {
            Some((since, _)) if now.since(*since) > LONGEST_BACK_OFF * 2 => FIRST_BACK_OFF,
            Some((since, wait)) if now.since(*since) < *wait => {
                desk.add_after(set.clone(), *wait);
                return false;
            }
            Some((_, wait)) => (*wait * 2).min(LONGEST_BACK_OFF),
            None => FIRST_BACK_OFF,
        };
        self.failed.insert(entry, (now, wait));
        true
    }
}

fn available(pod: &Of<Pod>, subject: &Subject, now: Timestamp) -> bool {
    is_available(pod, subject.set.min_ready_seconds, now)
}

fn surges(subject: &Subject) -> bool {
    // Of at least one node.
    scaled(&subject.set.max_surge, 100, true) > 0
}

/// A pod of a node, if there is one of its sort.
type Slot<'a> = Option<&'a Of<Pod>>;

/// The one old and the one new pod of a node; `None` when there are several of a sort.
fn pair<'a>(pods: &'a [Of<Pod>], subject: &Subject) -> Option<(Slot<'a>, Slot<'a>)> {
    let (mut old, mut new) = (None, None);
    for pod in pods.iter().filter(|pod| !pod.meta().deleting()) {
        let slot = if is_current(pod, subject) { &mut new } else { &mut old };
        if slot.replace(pod).is_some() {
            return None;
        }
    }
    Some((old, new))
}

/// The next step of a rolling update.
pub fn roll(subject: &Subject, world: &World, desk: &Desk<'_, '_>) -> Work {
    let mut pods = by_node(&subject.set, world, false);
    let mut wanted = BTreeMap::new();
    for node in world.informers.list::<Node>() {
        let runs = subject.placement.on(&node).0;
        wanted.insert(node.key().name.clone(), runs);
        if runs {
            pods.entry(node.key().name.clone()).or_default();
        }
    }
    let desired = wanted.values().filter(|&&runs| runs).count() as i64;
    let count = |value: &Doc| scaled(value, desired, true);
    let surge = count(&subject.set.max_surge);
    let now = desk.timestamp();
    let plan = if surge == 0 {
        let allowed = count(&subject.set.max_unavailable).max(1);
        replace(subject, &pods, allowed, now)
    } else {
        surge_over(subject, &pods, &wanted, surge, now)
    };
    plan.work(subject)
}

/// Deletes as many old pods as may be unavailable; those that are so anyway always go.
fn replace(subject: &Subject, pods: &BTreeMap<Str, Vec<Of<Pod>>>, allowed: i64, now: Timestamp) -> Plan {
    let mut plan = Plan::default();
    let mut candidates = Vec::new();
    let mut unavailable = 0;
    for here in pods.values() {
        match pair(here, subject) {
            Some((Some(old), None)) if !available(old, subject, now) => plan.doom(old),
            Some((Some(old), None)) => candidates.push(old),
            Some((None, Some(new))) if available(new, subject, now) => {}
            _ => unavailable += 1,
        }
    }
    let free = allowed.saturating_sub(unavailable).clamp(0, pods.len() as i64) as usize;
    candidates.into_iter().take(free).for_each(|pod| plan.doom(pod));
    plan
}

/// Makes new pods beside old ones; an old one goes when its successor is available.
fn surge_over(
    subject: &Subject,
    pods: &BTreeMap<Str, Vec<Of<Pod>>>,
    wanted: &BTreeMap<Str, bool>,
    surge: i64,
    now: Timestamp,
) -> Plan {
    let mut plan = Plan::default();
    let mut candidates = Vec::new();
    let mut surging = 0;
    for (node, here) in pods {
        let runs = wanted.get(node) == Some(&true);
        match pair(here, subject) {
            Some((None, _)) => {}
            Some((Some(old), None)) if !runs => plan.doom(old),
            Some((Some(old), None)) if !available(old, subject, now) => plan.nodes.push(node.clone()),
            Some((Some(_), None)) => candidates.push(node.clone()),
            Some((Some(old), Some(new))) if available(new, subject, now) => plan.doom(old),
            _ => surging += 1,
        }
    }
    let free = surge.saturating_sub(surging).clamp(0, pods.len() as i64) as usize;
    plan.nodes.extend(candidates.into_iter().take(free));
    plan
}
