//! What the scheduler makes of news: nodes and pods that come, change and go, and whom that may help.

use std::sync::Arc;

use super::cache::CachedPod;
use super::events::NodeChange;
use super::framework::ClusterEvent;
use super::plugins::PLUGINS;
use super::template::{self, Template};
use super::{NAME, Scheduler, devices, same_template, view};
use crate::api::{Key, Kind, Object};
use crate::client::Delta;
use crate::sim::Context;

impl Scheduler {
    pub(super) fn changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        match delta.object().key.kind {
            Kind::Node => self.node_changed(delta, cx),
            Kind::Pod => self.pod_changed(delta, cx),
            Kind::PersistentVolume | Kind::PersistentVolumeClaim | Kind::StorageClass | Kind::CsiNode => {
                self.storage_changed(delta, cx);
            }
            Kind::ResourceClaim => self.device_claim_changed(delta, cx),
            Kind::DeviceClass => self.queue.wake(ClusterEvent::DeviceClass, cx.now(), &cx.causes),
            _ => self.defaults.changed(delta),
        }
    }

    fn node_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let matters = self.cache.set_node(&delta.object().key.name, delta.new.clone());
        if matters {
            let event = match &delta.new {
                None => ClusterEvent::NodeGone(delta.object()),
                Some(now) => ClusterEvent::Node(NodeChange { before: delta.old.as_deref(), now }),
            };
            self.queue.wake(event, cx.now(), &cx.causes);
        }
    }

    fn pod_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let key = &delta.object().key;
        let living = delta.new.as_ref().filter(|pod| view(pod).is_some_and(|pod| !pod.phase.is_terminal()));
        match living {
            None => {
                self.queue.remove(key);
                self.take_off(key, cx);
                self.give_up_nomination(key, cx);
                self.forget_volumes(key);
                if delta.new.is_none() {
                    self.attempts.forget(key);
                }
            }
            Some(pod) if view(pod).is_some_and(|pod| !pod.node_name.is_empty()) => {
                // Most of what is told of a pod on a node is about its containers.
                if delta.old.as_deref().is_some_and(|old| stands_alike(old, pod)) {
                    return;
                }
                self.queue.remove(key);
                self.placed(pod, delta.old.as_deref(), cx);
            }
            Some(pod) => self.unplaced(pod, delta.old.as_deref(), cx),
        }
    }

    /// A pod is on a node, as its `nodeName` says.
    fn placed(&mut self, pod: &Arc<Object>, old: Option<&Object>, cx: &mut Context<'_>) {
        let node = &view(pod).expect("a pod").node_name;
        let slot = self.cache.slot(node);
        self.assumed.remove(&pod.key);
        self.nominated.remove(&pod.key);
        self.forget_volumes(&pod.key);
        if old.is_some_and(|old| began(old) != began(pod)) {
            self.cache.touch(slot);
        }
        if let Some(known) = self.cache.pod(&pod.key) {
            let alike = old.is_some_and(|old| same_template(old, pod))
                || known.template.digest == known_digest(&self.last, pod);
            if alike
                && known.uid == pod.meta.uid
                && known.slot == slot
                && known.leaving == pod.meta.deleting()
            {
                return;
            }
        }
        let before = self.cache.remove_pod(&pod.key);
        let template = self.template(pod);
        let placed = CachedPod {
            key: pod.key.clone(),
            uid: pod.meta.uid,
            slot,
            template: Arc::clone(&template),
            leaving: pod.meta.deleting(),
        };
        self.cache.add_pod(Arc::new(placed));
        let event = match &before {
            None => ClusterEvent::PodAdded(&template),
            // A pod that begins to go makes no room yet.
            Some(before) if before.template.digest == template.digest && before.slot == slot => return,
            Some(before) => ClusterEvent::PodChanged(&before.template, &template),
        };
        self.queue.wake(event, cx.now(), &cx.causes);
    }

    /// A pod is on no node.
    fn unplaced(&mut self, pod: &Arc<Object>, old: Option<&Object>, cx: &mut Context<'_>) {
        let key = &pod.key;
        if self.cache.pod(key).is_some_and(|known| known.uid != pod.meta.uid) {
            self.queue.remove(key);
            self.take_off(key, cx);
        }
        if !self.assumed.contains(key) {
            self.renominate(pod, old);
        }
        let spec = &view(pod).expect("a pod").spec;
        let ours = spec.scheduler_name == NAME && !pod.meta.deleting();
        if !ours || !PLUGINS.iter().all(|plugin| plugin.admits(pod, &self.informers)) {
            self.queue.remove(key);
            if devices::are_claimed(pod) {
                self.informers.follow(&self.user, &devices::KINDS, cx);
            }
        } else if !self.queue.contains(key) {
            if !self.assumed.contains(key) {
                self.queue.add(key.clone(), spec.priority, cx.now(), &cx.causes);
            }
        } else if old.is_some_and(|old| !same_template(old, pod)) {
            self.queue.changed(key, spec.priority, cx.now(), &cx.causes);
        }
    }

    /// A claim for devices is what pods wait for that are not even in line.
    fn device_claim_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let claim = delta.object();
        let from = Key::new(Kind::Pod, claim.key.namespace.clone(), "");
        let pods = self.informers.cache(Kind::Pod).range(from..);
        let pods = pods.map(|(_, pod)| pod).take_while(|pod| pod.key.namespace == claim.key.namespace);
        let waits = |pod: &&Arc<Object>| {
            devices::are_claimed(pod)
                && view(pod).is_some_and(|pod| pod.node_name.is_empty() && !pod.phase.is_terminal())
        };
        let waiting: Vec<Arc<Object>> = pods.filter(waits).cloned().collect();
        waiting.iter().for_each(|pod| self.unplaced(pod, Some(pod), cx));
        self.queue.wake(ClusterEvent::DeviceClaim(claim), cx.now(), &cx.causes);
    }

    /// A pod is no longer on a node.
    pub(super) fn take_off(&mut self, key: &Key, cx: &mut Context<'_>) {
        self.assumed.remove(key);
        if let Some(pod) = self.cache.remove_pod(key) {
            self.queue.wake(ClusterEvent::PodGone(&pod.template), cx.now(), &cx.causes);
        }
    }
}

fn began(pod: &Object) -> Option<crate::doc::Timestamp> {
    pod.body["status"]["startTime"].as_time()
}

/// Whether a pod on a node was there before, with all that matters to others: so everything was done about it then.
fn stands_alike(old: &Object, pod: &Object) -> bool {
    let there =
        |pod: &Object| view(pod).filter(|pod| !pod.phase.is_terminal()).map(|pod| pod.node_name.clone());
    let (before, now) = (there(old), there(pod));
    before.is_some()
        && before == now
        && old.meta.deleting() == pod.meta.deleting()
        && began(old) == began(pod)
        && same_template(old, pod)
}

/// The digest of a pod's template, looked up among those that were asked for last.
fn known_digest(last: &[(Arc<Object>, Arc<Template>)], pod: &Object) -> u128 {
    let alike = |(other, _): &&(Arc<Object>, Arc<Template>)| {
        other.key.namespace == pod.key.namespace && same_template(other, pod)
    };
    last.iter().rev().find(alike).map_or_else(|| template::digest(pod), |(_, template)| template.digest)
}
