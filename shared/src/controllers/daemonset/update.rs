//! Which pods a DaemonSet lacks, has too many of, and replaces next.

use crate::api::apps::daemonset::TEMPLATE_GENERATION;
use crate::api::apps::deployment::scaled;
use crate::api::core::node::Node;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Kind, Of};
use crate::controllers::pods::{Work, is_available};
use crate::controllers::worker::Desk;
use crate::controllers::world::World;
use crate::doc::{Doc, Str, Timestamp};

use super::census::{Census, Standing, pair};
use super::placement::pod_for;
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
    pub(super) fn manage(
        &mut self,
        subject: &Subject,
        census: &Census,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Work {
        let mut plan = Plan::default();
        let mut orphaned = Vec::new();
        for name in census.unsettled() {
            let here = census.pods(name, world, false);
            let Some(node) = world.of::<Node>(&Key::new(Kind::Node, Str::new(), name.clone())) else {
                orphaned.extend(here);
                continue;
            };
            match subject.placement.on(&node) {
                (true, _) if here.is_empty() => plan.nodes.push(name.clone()),
                (runs, true) => self.tend(subject, (name, runs), &here, &mut plan, desk),
                (_, false) => {
                    here.iter().filter(|pod| !pod.meta().deleting()).for_each(|pod| plan.doom(pod));
                }
            }
        }
        for pod in orphaned.iter().filter(|pod| pod.node_name.is_empty() && !pod.meta().deleting()) {
            plan.doom(pod);
        }
        plan.work(subject)
    }

    /// Looks after the pods of a node that has some; `runs` says whether it is to have one.
    fn tend(
        &mut self,
        subject: &Subject,
        (node, runs): (&Str, bool),
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
        if running.is_empty() && runs {
            // It need not wait for the one that goes.
            plan.nodes.push(node.clone());
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

/// Whether a node may have a new pod beside its old one.
pub(super) fn surges(subject: &Subject) -> bool {
    // Of at least one node.
    scaled(&subject.set.max_surge, 100, true) > 0
}

/// The next step of a rolling update.
pub fn roll(subject: &Subject, census: &Census, world: &World) -> Work {
    let desired = census.totals().desired;
    let count = |value: &Doc| scaled(value, desired, true);
    let surge = count(&subject.set.max_surge);
    let plan = if surge == 0 {
        replace(subject, census, world, count(&subject.set.max_unavailable).max(1))
    } else {
        surge_over(subject, census, world, surge)
    };
    plan.work(subject)
}

/// The old pod of a node, which has one.
fn doom_old(node: &Str, subject: &Subject, census: &Census, world: &World, plan: &mut Plan) {
    let pods = census.pods(node, world, false);
    if let Some((Some(old), _)) = pair(&pods, subject) {
        plan.doom(old);
    }
}

/// How many of `nodes` may still be without an available pod.
fn free(allowed: i64, taken: i64, nodes: i64) -> usize {
    allowed.saturating_sub(taken).clamp(0, nodes) as usize
}

/// Deletes as many old pods as may be unavailable; those that are so anyway always go.
fn replace(subject: &Subject, census: &Census, world: &World, allowed: i64) -> Plan {
    let mut plan = Plan::default();
    let down = [Standing::Unavailable, Standing::Several, Standing::Replacing, Standing::Replaced];
    let unavailable = down.iter().map(|&way| census.count(way)).sum();
    let free = free(allowed, unavailable, census.entries());
    let lost = census.standing(&[Standing::OldUnavailable, Standing::StrayUnavailable], usize::MAX);
    let next = census.standing(&[Standing::Old, Standing::Stray], free);
    lost.iter().chain(&next).for_each(|node| doom_old(node, subject, census, world, &mut plan));
    plan
}

/// Makes new pods beside old ones; an old one goes when its successor is available.
fn surge_over(subject: &Subject, census: &Census, world: &World, surge: i64) -> Plan {
    let mut plan = Plan::default();
    let surging = census.count(Standing::Several) + census.count(Standing::Replacing);
    let free = free(surge, surging, census.entries());
    let done = [Standing::Stray, Standing::StrayUnavailable, Standing::Replaced];
    let done = census.standing(&done, usize::MAX);
    done.iter().for_each(|node| doom_old(node, subject, census, world, &mut plan));
    plan.nodes = census.standing(&[Standing::OldUnavailable], usize::MAX);
    plan.nodes.extend(census.standing(&[Standing::Old], free));
    plan
}
