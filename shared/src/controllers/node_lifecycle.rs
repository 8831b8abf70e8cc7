//! Node lifecycle controller: notices nodes that fell silent, says so on the node and its pods, and taints it so
//! that nothing new comes and what is there leaves, at a pace that a failing zone cannot turn into an avalanche.

mod health;
mod taints;
mod zones;

use crate::api::core::node::Node;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Of, PatchKind, Request, Subresource};
use crate::client::{Delta, Wait};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Core, Duration, Process, Timer};

use super::status::{condition, date, pod_condition, resource_version};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

use health::Health;
use zones::{Readiness, Zones};

/// How often the queues of nodes to taint are looked at.
const TAINTING_PERIOD: Duration = Duration::millis(100);
/// Kept for nodes whose kubelet never reported.
const STARTUP_GRACE: Duration = Duration::seconds(60);
const MONITOR: &str = "node monitor";
const TAINTING: &str = "node tainting";

/// The control loop. Its keys are nodes, and pods to be marked not ready.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct NodeLifecycle {
    health: BTreeMap<Str, Health>,
    zones: Zones,
    /// Nodes that were silent for too long when the monitor last looked.
    silent: BTreeSet<Str>,
    /// Nodes that may get their `NoExecute` taint now.
    granted: BTreeSet<Str>,
    /// Nodes whose `NoExecute` taints are to go, or to change with their condition.
    stale: BTreeSet<Str>,
    tainting: bool,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The node's conditions were set to Unknown; `was_ready` says whether they said otherwise before.
    Unknown { was_ready: bool },
    /// The node's taints were changed, with or without leave for a `NoExecute` taint.
    Tainted { granted: bool, stale: bool },
    /// A pod's condition Ready was set to False.
    PodMarked,
}

impl Controller for NodeLifecycle {
    const NAME: &'static str = "node-controller";
    const WORKERS: u64 = 8;
    type Waiting = Waiting;

    fn start(&mut self, desk: &mut Desk<'_, '_>) {
        let period = desk.cx.core.options.node_monitor_period;
        desk.cx.timer(period, Timer::named(MONITOR));
    }

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.key.kind != Kind::Node {
            return;
        }
        if delta.new.is_none() {
            if self.health.remove(&object.key.name).is_some() {
                let name = &object.key.name;
                let text = format!("Node {name} event: Removing Node {name} from Controller");
                desk.normal(object, "RemovingNode", text);
            }
            self.zones.forget(&object.key.name);
            self.silent.remove(&object.key.name);
            self.granted.remove(&object.key.name);
            self.stale.remove(&object.key.name);
            return;
        }
        if let Some(health) = self.health.get_mut(&object.key.name) {
            health.zone = zones::key(&object.meta.labels);
        }
        desk.add(object.key.clone());
    }

    fn timer(&mut self, timer: &Timer, world: &World, desk: &mut Desk<'_, '_>) -> bool {
        match timer.name {
            MONITOR => {
                let period = desk.cx.core.options.node_monitor_period;
                desk.cx.timer(period, Timer::named(MONITOR));
                if world.informers.synced() {
                    self.monitor(world, desk);
                }
            }
            TAINTING => {
                self.tainting = false;
                self.taint_by_leave(desk);
            }
            _ => return false,
        }
        true
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        if key.kind == Kind::Pod {
            return mark_pod(key, world, desk);
        }
        let Some(node) = world.of::<Node>(key) else { return Step::Done };
        let name = &key.name;
        if self.silent.contains(name)
            && let Some(health) = self.health.get(name)
            && let Some(patch) = health::unknown_conditions(&node, desk.timestamp())
        {
            note_silence(&node, health, desk);
            let body = doc!({ "status": { "conditions": patch } });
            let request =
                Request::patch(desk.user.clone(), key, PatchKind::Strategic, body).on(Subresource::Status);
            return Step::Ask(vec![request], Waiting::Unknown { was_ready: node.ready == "True" });
        }
        let (granted, stale) = (self.granted.remove(name), self.stale.remove(name));
        let wanted = taints::wanted(&node, granted, stale, desk.timestamp());
        if wanted == node.taints {
            return Step::Done;
        }
        let taints = Doc::list(wanted.iter().map(crate::api::core::node::Taint::to_doc));
        let version = resource_version(node.meta().resource_version);
        let body = doc!({ "metadata": { "resourceVersion": version }, "spec": { "taints": taints } });
        let request = Request::patch(desk.user.clone(), key, PatchKind::Merge, body);
        Step::Ask(vec![request], Waiting::Tainted { granted, stale })
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let gone = answers.iter().any(is_gone);
        match waiting {
            _ if gone => Step::Done,
            Waiting::Unknown { .. } if !all_ok(&answers) => Step::Retry,
            Waiting::Unknown { was_ready } => {
                self.silent.remove(&key.name);
                if was_ready && let Some(node) = world.object(key) {
                    let text = format!("Node {} status is now: NodeNotReady", key.name);
                    desk.normal(&node.clone(), "NodeNotReady", text);
                    world.pods_on(&key.name).for_each(|pod| desk.add(pod.key().clone()));
                }
                self.wants_tainting(key, world, desk);
                // The taint that keeps new pods away comes next.
                self.sync(key, world, desk)
            }
            Waiting::Tainted { granted, stale } if !all_ok(&answers) => {
                let name = &key.name;
                self.granted.extend(granted.then(|| name.clone()));
                self.stale.extend(stale.then(|| name.clone()));
                Step::Retry
            }
            Waiting::Tainted { .. } => Step::Done,
            Waiting::PodMarked if !all_ok(&answers) => Step::Retry,
            Waiting::PodMarked => {
                if let Some(pod) = world.object(key) {
                    desk.warning(&pod.clone(), "NodeNotReady", "Node is not ready");
                }
                Step::Done
            }
        }
    }

    fn waits(&self, world: &World, core: &Core, waits: &mut Vec<Wait>) {
        for (name, health) in &self.health {
            let object = Key::new(Kind::Node, Str::new(), name.clone());
            let Some(node) = world.of::<Node>(&object) else { continue };
            // A renewal later than this is one that did not come.
            let overdue = core.options.node_lease_duration.0 / 4 + core.options.node_monitor_period.0;
            if node.ready != "Unknown" && core.now.since(health.seen).0 > overdue {
                waits.push(Wait {
                    name: "nodeGracePeriod",
                    object,
                    since: health.seen,
                    until: health.until(),
                });
            }
        }
        self.zones.waits(waits);
    }
}

impl NodeLifecycle {
    /// Looks at every node: has it been heard of, what state are the zones in.
    fn monitor(&mut self, world: &World, desk: &mut Desk<'_, '_>) {
        let grace = desk.cx.core.options.node_monitor_grace_period;
        let now = desk.now();
        let mut states: BTreeMap<Str, Readiness> = BTreeMap::new();
        let mut all_health = std::mem::take(&mut self.health);
        let mut fresh = Vec::new();
        // Nodes, leases and what is known are all in the order of names: they are gone through side by side.
        let namespace = literal!("kube-node-lease");
        let mut leases = world
            .informers
            .cache(Kind::Lease)
            .range(Key::new(Kind::Lease, namespace.clone(), Str::new())..)
            .take_while(|(key, _)| key.namespace == namespace)
            .peekable();
        {
            let mut known = all_health.iter_mut().peekable();
            for node in world.informers.list::<Node>() {
                let name = &node.key().name;
                while leases.next_if(|(key, _)| key.name < *name).is_some() {}
                let lease = leases.next_if(|(key, _)| key.name == *name).map(|(_, lease)| &**lease);
                while known.next_if(|(other, _)| *other < name).is_some() {}
                let known = known.next_if(|(other, _)| *other == name).map(|(_, health)| health);
                let health = Health::look(known.as_deref(), &node, lease, grace, now, desk.timestamp());
                let silent = health.is_over(now);
                let ready = node.ready == "True" && !silent;
                states.entry(health.zone.clone()).or_default().count(ready);
                match known {
                    Some(known) => *known = health,
                    None => {
                        let text = format!("Node {name} event: Registered Node {name} in Controller");
                        desk.normal(node.object(), "RegisteredNode", text);
                        fresh.push((name.clone(), health));
                    }
                }
                if !silent {
                    self.silent.remove(name);
                }
                if silent && node.ready != "Unknown" {
                    self.silent.insert(name.clone());
                    desk.add(node.key().clone());
                } else if taints::is_stale(&node) {
                    self.stale.insert(name.clone());
                    self.zones.forget(name);
                    desk.add(node.key().clone());
                } else if matches!(node.ready.as_str(), "False" | "Unknown") {
                    self.wants_tainting(node.key(), world, desk);
                } else {
                    // Whoever came up in the meantime waits no longer.
                    self.zones.forget(name);
                }
            }
        }
        all_health.extend(fresh);
        self.health = all_health;
        self.follow_zones(&states, world, desk);
    }

    /// How many nodes of a zone are down decides how fast more may be emptied.
    fn follow_zones(&mut self, states: &BTreeMap<Str, Readiness>, world: &World, desk: &mut Desk<'_, '_>) {
        match self.zones.update(states, desk.now()) {
            zones::Change::None => {}
            zones::Change::AllDown => {
                // Then it is rather ourselves who cannot see: nobody is to be evicted.
                desk.cx.note("AllZonesDown", None, || "no node of any zone is ready: evictions stop".into());
                for node in world.informers.list::<Node>() {
                    self.stale.insert(node.key().name.clone());
                    desk.add(node.key().clone());
                }
            }
            zones::Change::SomeBack => {
                let now = desk.now();
                self.health.values_mut().for_each(|health| health.seen = now);
            }
        }
    }

    /// Puts a node in its zone's queue for a `NoExecute` taint.
    fn wants_tainting(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) {
        let Some(node) = world.of::<Node>(key) else { return };
        if taints::has_no_execute(&node) || self.granted.contains(&key.name) {
            return;
        }
        self.zones.enqueue(&zones::key(&node.meta().labels), &key.name, desk.now());
        if !self.tainting {
            self.tainting = true;
            desk.cx.timer(TAINTING_PERIOD, Timer::named(TAINTING));
        }
    }

    fn taint_by_leave(&mut self, desk: &mut Desk<'_, '_>) {
        for name in self.zones.grant(desk.now()) {
            self.granted.insert(name.clone());
            desk.add(Key::new(Kind::Node, Str::new(), name));
        }
        if let Some(wait) = self.zones.next_grant(desk.now()) {
            self.tainting = true;
            desk.cx.timer(wait.max(TAINTING_PERIOD), Timer::named(TAINTING));
        }
    }
}

/// Tells why: the kubelet (or its machine) that was taken down is the cause of the silence.
fn note_silence(node: &Of<Node>, health: &Health, desk: &mut Desk<'_, '_>) {
    let name = &node.key().name;
    let machine = (0..).zip(&desk.cx.core.machines).find(|(_, machine)| machine.name == *name);
    if let Some((number, _)) = machine {
        let silence = desk.cx.core.trace.silence(Process::Kubelet(number));
        desk.cx.causes.merge(&silence);
    }
    let silent_for: Duration = desk.now().since(health.seen);
    desk.cx.note("NodeStatusUnknown", Some(node.key().clone()), || {
        format!("nothing heard of {name} for {silent_for}, the grace period is {}", health.grace).into()
    });
}

/// Pods on a node nobody hears of get no more traffic.
fn mark_pod(key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let Some(pod) = world.of::<Pod>(key) else { return Step::Done };
    let node = world.of::<Node>(&Key::new(Kind::Node, Str::new(), pod.node_name.clone()));
    let ready = condition(&pod.object().body["status"], "Ready");
    if node.is_none_or(|node| node.ready == "True") || ready["status"].as_str() != Some("True") {
        return Step::Done;
    }
    let mut wanted = ready.clone();
    wanted.set("status", "False");
    wanted.set("lastTransitionTime", date(desk.timestamp()));
    Step::Ask(vec![pod_condition(desk.user, key, wanted)], Waiting::PodMarked)
}
