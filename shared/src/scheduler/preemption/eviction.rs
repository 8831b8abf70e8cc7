//! Carries preemption out, while the scheduler goes on: each victim is told why, then deleted. The last one is asked
//! to go when all others have been, and until that has been answered the pod is not tried again.

use std::sync::Arc;

use crate::api::{Key, Kind, Object, PatchKind, Reply, Request, Status, Subresource, Uid};
use crate::client::Severity;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::scheduler::{NAME, Scheduler};
use crate::sim::{Context, RequestId};

use super::Candidate;

const CONDITION: &str = "DisruptionTarget";
const REASON: &str = "PreemptionByScheduler";

/// Victims on their way out.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Evictions {
    /// By the pod that they make room for.
    running: BTreeMap<Key, Running>,
    asked: BTreeMap<RequestId, Asked>,
}

#[derive(Codec, Clone, Debug, Hash)]
struct Running {
    uid: Uid,
    node: Str,
    last: Option<Arc<Object>>,
    missing: u32,
    failed: bool,
}

#[derive(Codec, Clone, Debug, Hash)]
struct Asked {
    preemptor: Key,
    victim: Arc<Object>,
    /// Whether the victim is only being told why it goes.
    telling: bool,
}

/// Whether a pod goes because of preemption.
pub fn is_victim(pod: &Object) -> bool {
    let told = condition(pod);
    pod.meta.deleting() && told["status"].as_str() == Some("True") && told["reason"].as_str() == Some(REASON)
}

fn condition(pod: &Object) -> &Doc {
    let conditions = pod.body["status"]["conditions"].items();
    conditions.iter().find(|one| one["type"].as_str() == Some(CONDITION)).unwrap_or(&Doc::Null)
}

impl Scheduler {
    /// Begins to make room on a node for `pod`.
    pub(in crate::scheduler) fn make_room(
        &mut self,
        pod: &Arc<Object>,
        candidate: &Candidate,
        priority: i64,
        cx: &mut Context<'_>,
    ) {
        let outranked =
            self.nominated.on(candidate.slot).iter().filter(|other| other.template.spec.priority < priority);
        let outranked: Vec<Key> = outranked.map(|other| other.key.clone()).collect();
        for key in outranked {
            self.nominated.remove(&key);
            let patch = doc!({ "status": { "nominatedNodeName": null } });
            let request = Request::patch(self.user.clone(), &key, PatchKind::Merge, patch);
            cx.request(request.on(Subresource::Status));
        }
        let known = self.informers.cache(Kind::Pod);
        let staying = candidate.victims.iter().filter(|victim| !victim.leaving);
        let mut victims: Vec<Arc<Object>> =
            staying.filter_map(|victim| known.get(&victim.key).cloned()).collect();
        let Some(last) = victims.pop() else { return };
        let node = self.cache.node(candidate.slot).name.clone();
        let running = Running { uid: pod.meta.uid, node, last: Some(last), missing: 0, failed: false };
        self.evictions.running.insert(pod.key.clone(), running);
        self.queue.hold(&pod.key);
        victims.into_iter().for_each(|victim| self.evict(&pod.key, victim, cx));
        self.go_on_evicting(&pod.key, cx);
    }

    /// Tells a victim why it has to go.
    fn evict(&mut self, preemptor: &Key, victim: Arc<Object>, cx: &mut Context<'_>) {
        let message = format!("{NAME}: preempting to accommodate a higher priority pod");
        let old = condition(&victim);
        let is = |field: &str, value: &str| old[field].as_str() == Some(value);
        let told = is("status", "True") && is("reason", REASON) && is("message", &message);
        let request = if told {
            Request::delete(self.user.clone(), &victim.key)
        } else {
            let condition = doc!({
                "type": CONDITION, "status": "True", "reason": REASON, "message": message,
                "observedGeneration": victim.meta.generation, "lastProbeTime": null,
                "lastTransitionTime": Doc::Time(cx.timestamp().floor_seconds())
            });
            let patch = doc!({ "status": { "conditions": [condition] } });
            Request::patch(self.user.clone(), &victim.key, PatchKind::Strategic, patch)
                .on(Subresource::Status)
        };
        let id = cx.request(request);
        let asked = Asked { preemptor: preemptor.clone(), victim, telling: !told };
        self.evictions.asked.insert(id, asked);
        if let Some(running) = self.evictions.running.get_mut(preemptor) {
            running.missing += 1;
        }
    }

    /// Takes the answer about a victim; false when it is about something else.
    pub(in crate::scheduler) fn evicted(
        &mut self,
        id: RequestId,
        result: &Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) -> bool {
        let Some(Asked { preemptor, victim, telling }) = self.evictions.asked.remove(&id) else {
            return false;
        };
        let Some(running) = self.evictions.running.get_mut(&preemptor) else { return true };
        match result {
            Ok(_) if telling => {
                let id = cx.request(Request::delete(self.user.clone(), &victim.key));
                self.evictions.asked.insert(id, Asked { preemptor, victim, telling: false });
                return true;
            }
            Ok(_) => {
                let by = running.uid.text();
                let message = format!("Preempted by pod {by} on node {}", running.node);
                self.recorder.event(&victim, Severity::Normal, "Preempted", message, cx);
            }
            // It went by itself.
            Err(status) if status.reason == crate::api::Reason::NotFound => {}
            Err(_) => running.failed = true,
        }
        running.missing -= 1;
        self.go_on_evicting(&preemptor, cx);
        true
    }

    /// The last victim goes when the others have been asked; then the pod may be tried again.
    fn go_on_evicting(&mut self, preemptor: &Key, cx: &mut Context<'_>) {
        let Some(running) = self.evictions.running.get_mut(preemptor).filter(|running| running.missing == 0)
        else {
            return;
        };
        match running.last.take().filter(|_| !running.failed) {
            Some(last) => self.evict(preemptor, last, cx),
            None => {
                let failed = running.failed;
                self.evictions.running.remove(preemptor);
                self.queue.release(preemptor, failed, cx.now());
            }
        }
    }
}
