//! Reserve and PreBind of VolumeBinding: when a node was chosen, its pod's claims get their volumes there, and the pod
//! is bound when they have them.

use std::sync::Arc;

use crate::api::storage::binding;
use crate::api::{Key, Kind, Object, PatchKind, Reply, Request, Status, Subresource};
use crate::client::{Cache, Delta};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::scheduler::Scheduler;
use crate::scheduler::framework::ClusterEvent;
use crate::scheduler::template::Template;
use crate::sim::{Context, Duration, RequestId, Timer};

use super::OnNode;

/// How long a pod waits for its volumes.
const PATIENCE: Duration = Duration::seconds(600);

/// Pods that wait for their volumes.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Bindings {
    waiting: BTreeMap<Key, Waiting>,
    asked: BTreeMap<RequestId, Key>,
    /// Tells the patience of one try from that of the next.
    tries: u64,
}

#[derive(Codec, Clone, Debug, Hash)]
struct Waiting {
    pod: Arc<Object>,
    node: Str,
    found: Vec<(Key, Key)>,
    /// Claims for which volumes are made, and their revisions once the API server knows of it.
    made: BTreeMap<Key, u64>,
    missing: u32,
    number: u64,
}

impl Waiting {
    fn claims(&self) -> impl Iterator<Item = &Key> {
        self.found.iter().map(|(claim, _)| claim).chain(self.made.keys())
    }

    /// Whether all claims have their volumes, or why they never will.
    fn state(&self, known: &Cache) -> Result<bool, String> {
        let mut all = self.missing == 0;
        for claim in self.claims().filter(|_| self.missing == 0) {
            let Some(object) = known.get(claim) else {
                return Err(format!("persistentvolumeclaim \"{}\" not found", claim.name));
            };
            // Whoever cannot make a volume for the node takes the annotation away.
            let told = self.made.get(claim).is_some_and(|since| object.meta.resource_version >= *since);
            if told && object.meta.annotation(binding::SELECTED_NODE) != Some(&self.node) {
                return Err(format!("provisioning failed for PVC \"{}\"", claim.name));
            }
            all &= binding::is_bound(object);
        }
        Ok(all)
    }
}

impl Scheduler {
    /// Takes in a change of a claim, a volume or a class.
    pub(in crate::scheduler) fn storage_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let key = &delta.object().key;
        if key.kind == Kind::PersistentVolume {
            self.volumes.changed(delta);
        }
        let topologies = |class: &Arc<Object>| class.body["allowedTopologies"].clone();
        if let Some(now) = &delta.new {
            let event = match key.kind {
                Kind::PersistentVolumeClaim => ClusterEvent::Claim(now),
                Kind::StorageClass
                    if delta.old.as_ref().is_some_and(|old| topologies(old) == topologies(now)) =>
                {
                    return;
                }
                _ => ClusterEvent::Volume,
            };
            self.queue.wake(event, cx.now(), &cx.causes);
        }
        if key.kind == Kind::PersistentVolumeClaim {
            self.claim_changed(key, cx);
        }
    }

    /// What is to be done about a pod's claims on the chosen node, if anything.
    pub(in crate::scheduler) fn volumes_on(
        &self,
        pod: &Object,
        template: &Template,
        slot: u32,
    ) -> Option<OnNode> {
        let volumes = self.volumes.of(template, pod, &self.informers)?;
        let on = volumes.on(self.cache.node(slot).object.as_ref()?).ok()?;
        (!on.found.is_empty() || !on.made.is_empty()).then_some(on)
    }

    /// Gets the claims of a pod, which counts as placed already, their volumes.
    pub(in crate::scheduler) fn bind_volumes(
        &mut self,
        pod: &Arc<Object>,
        node: Str,
        on: &OnNode,
        cx: &mut Context<'_>,
    ) {
        let user = self.user.clone();
        let patch = |object: &Object, body| Request::patch(user.clone(), &object.key, PatchKind::Merge, body);
        // Everybody is to see where the pod will be.
        let nominee = doc!({ "status": { "nominatedNodeName": &node } });
        cx.request(patch(pod, nominee).on(Subresource::Status));
        let mut requests = Vec::new();
        for (claim, volume) in &on.found {
            self.volumes.taken.insert(volume.key.clone(), claim.key.clone());
            if binding::claim_of(volume).is_none_or(|(_, uid)| uid.is_none()) {
                requests.push(patch(volume, binding::keep(volume, claim)));
            }
        }
        for claim in &on.made {
            self.volumes.selected.insert(claim.key.clone(), node.clone());
            let mut body =
                doc!({ "metadata": { "resourceVersion": claim.meta.resource_version.to_string() } });
            body.set_at(&["metadata", "annotations", binding::SELECTED_NODE], &node);
            requests.push(patch(claim, body));
        }
        let bindings = &mut self.volumes.binding;
        bindings.tries += 1;
        let waiting = Waiting {
            pod: Arc::clone(pod),
            node,
            found: on.found.iter().map(|(claim, volume)| (claim.key.clone(), volume.key.clone())).collect(),
            made: on.made.iter().map(|claim| (claim.key.clone(), 0)).collect(),
            missing: requests.len() as u32,
            number: bindings.tries,
        };
        cx.timer(PATIENCE, Timer { number: waiting.number, ..Timer::about("volumes", pod.key.clone()) });
        bindings.waiting.insert(pod.key.clone(), waiting);
        for request in requests {
            let id = cx.request(request);
            self.volumes.binding.asked.insert(id, pod.key.clone());
        }
        self.look_at_volumes(&pod.key, cx);
    }

    /// Takes the answer about a claim or a volume; false when it is about something else.
    pub(in crate::scheduler) fn volume_answered(
        &mut self,
        id: RequestId,
        result: &Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(key) = self.volumes.binding.asked.remove(&id) else { return false };
        let Some(waiting) = self.volumes.binding.waiting.get_mut(&key) else { return true };
        match result {
            Ok(reply) => {
                waiting.missing -= 1;
                if let Some(object) = reply.object()
                    && let Some(revision) = waiting.made.get_mut(&object.key)
                {
                    *revision = object.meta.resource_version;
                }
                self.look_at_volumes(&key, cx);
            }
            Err(status) => self.volumes_failed(&key, &status.message.clone(), cx),
        }
        true
    }

    /// A claim changed: pods that wait for it may go on.
    fn claim_changed(&mut self, claim: &Key, cx: &mut Context<'_>) {
        let waiting = &self.volumes.binding.waiting;
        let concerned = waiting.iter().filter(|(_, pod)| pod.claims().any(|known| known == claim));
        let concerned: Vec<Key> = concerned.map(|(key, _)| key.clone()).collect();
        concerned.iter().for_each(|key| self.look_at_volumes(key, cx));
    }

    /// Somebody's patience is at an end.
    pub(in crate::scheduler) fn volumes_timed_out(&mut self, timer: &Timer, cx: &mut Context<'_>) {
        let Some(key) = &timer.key else { return };
        if self.volumes.binding.waiting.get(key).is_some_and(|waiting| waiting.number == timer.number) {
            self.volumes_failed(key, "context deadline exceeded", cx);
        }
    }

    /// The pod is gone, or somewhere already.
    pub(in crate::scheduler) fn forget_volumes(&mut self, pod: &Key) {
        if let Some(waiting) = self.volumes.binding.waiting.remove(pod) {
            self.let_volumes_go(&waiting);
        }
    }

    fn let_volumes_go(&mut self, waiting: &Waiting) {
        for (_, volume) in &waiting.found {
            self.volumes.taken.remove(volume);
        }
        for claim in waiting.made.keys() {
            self.volumes.selected.remove(claim);
        }
    }

    /// Binds the pod if all its claims have their volumes.
    fn look_at_volumes(&mut self, key: &Key, cx: &mut Context<'_>) {
        let claims = self.informers.cache(Kind::PersistentVolumeClaim);
        match self.volumes.binding.waiting.get(key).map(|waiting| waiting.state(claims)) {
            None | Some(Ok(false)) => {}
            Some(Err(why)) => self.volumes_failed(key, &why, cx),
            Some(Ok(true)) => {
                let Some(waiting) = self.volumes.binding.waiting.remove(key) else { return };
                self.let_volumes_go(&waiting);
                self.send_binding(&waiting.pod, waiting.node, cx);
            }
        }
    }

    fn volumes_failed(&mut self, key: &Key, why: &str, cx: &mut Context<'_>) {
        let Some(waiting) = self.volumes.binding.waiting.remove(key) else { return };
        self.let_volumes_go(&waiting);
        let message = format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}");
        self.not_bound(&waiting.pod, &message.into(), Some(Doc::Null), cx);
    }
}
