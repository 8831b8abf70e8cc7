//! What the controllers that make pods have in common: bodies, claims, batches of requests, events about them.

use std::collections::VecDeque;

use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, LabelSelector, Object, Of, Request, User};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Time;

use super::deployment::{adopt, release};
use super::expectations::Expectations;
use super::labels;
use super::worker::{Answer, Desk, is_gone};
use super::world::World;

/// A pod of `template` that `owner` manages; the API server completes its name.
pub fn body(owner: &Object, template: &Doc) -> Doc {
    let metadata = &template["metadata"];
    let mut pod = doc!({
        "metadata": {
            "generateName": format!("{}-", owner.key.name),
            "ownerReferences": [(owner.as_controller().to_doc())]
        },
        "spec": template["spec"].clone()
    });
    for field in ["labels", "annotations", "finalizers"] {
        if !metadata[field].is_empty() {
            pod.at_mut(&["metadata"]).set(field, metadata[field].clone());
        }
    }
    pod
}

/// Whether a pod has been ready long enough to count as available.
pub fn is_available(pod: &Pod, min_ready_seconds: i64, now: Timestamp) -> bool {
    pod.ready && (min_ready_seconds == 0 || pod.ready_since.seconds() + min_ready_seconds <= now.seconds())
}

/// Adopts pods that match and have no manager, releases those that no longer match, as far as they `count`.
pub fn claims(
    owner: &Object,
    selector: &LabelSelector,
    count: &dyn Fn(&Of<Pod>) -> bool,
    world: &World,
    user: &User,
) -> Vec<Request> {
    if owner.meta.deleting() || selector.is_empty() {
        return Vec::new();
    }
    let free = world.orphans::<Pod>(&owner.key.namespace, selector).filter(count);
    let mut requests: Vec<Request> = free.map(|pod| adopt(user, owner, pod.object())).collect();
    // Where no labels differ there is no need to look at every pod.
    let uid = owner.meta.uid;
    if world.tallies(uid).iter().any(|tally| tally.active > 0 && !selector.matches(&tally.labels)) {
        let strangers = world.managed::<Pod>(uid).filter(|pod| !selector.matches(&pod.meta().labels));
        requests.extend(strangers.filter(count).map(|pod| release(user, owner, pod.object())));
    }
    requests
}

/// The owners of a kind that a change of a pod concerns: those that manage or managed it, or that may adopt it. What
/// they expected and see now is taken note of.
pub fn concerned(
    kind: Kind,
    delta: &Delta,
    world: &World,
    expectations: Option<&mut Expectations>,
) -> Vec<Key> {
    let pod = delta.object();
    let namespace = &pod.key.namespace;
    let manager =
        |object: &Object| Some(world.owner(kind, namespace, object.meta.controller()?)?.key.clone());
    let mut keys = Vec::new();
    if let Some(key) = manager(pod) {
        let was_leaving = delta.old.as_ref().is_some_and(|old| old.meta.deleting());
        let is_leaving = delta.new.as_ref().is_none_or(|new| new.meta.deleting());
        if let Some(expectations) = expectations {
            if delta.old.is_none() && !is_leaving {
                expectations.creation_observed(&key, 1);
            }
            if is_leaving && !was_leaving {
                expectations.deletion_observed(&key, &pod.key);
            }
        }
        keys.push(key);
    }
    let Some(new) = &delta.new else { return keys };
    let old = delta.old.as_ref();
    let moved = old.is_some_and(|old| old.meta.owners != new.meta.owners);
    keys.extend(old.filter(|_| moved).and_then(|old| manager(old)));
    let changed = old.is_none_or(|old| moved || old.meta.labels != new.meta.labels);
    if changed && new.meta.controller().is_none() && !new.meta.deleting() {
        keys.extend(selecting(kind, namespace, &new.meta.labels, world));
    }
    keys
}

/// The objects of a kind whose selector matches `labels`.
pub fn selecting(kind: Kind, namespace: &Str, labels: &Doc, world: &World) -> Vec<Key> {
    let matches = |key: &Key| {
        world.object(key).is_some_and(|object| {
            labels::selector(object).is_some_and(|selector| !selector.is_empty() && selector.matches(labels))
        })
    };
    world.may_select(kind, namespace, labels).into_iter().filter(matches).collect()
}

/// Whether pods cannot be made because their namespace is going away: no reason to complain or to try again.
pub fn namespace_is_going(answer: &Answer) -> bool {
    matches!(answer, Err(refusal) if refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating"))
}

/// Tells of the answer to the creation of a pod.
pub fn tell_creation(
    owner: &Object,
    answer: &Answer,
    expectations: &mut Expectations,
    desk: &mut Desk<'_, '_>,
) {
    match answer {
        Ok(reply) => {
            let name = reply.object().map(|pod| pod.key.name.clone()).unwrap_or_default();
            desk.normal(owner, "SuccessfulCreate", format!("Created pod: {name}"));
        }
        Err(refusal) => {
            expectations.creation_observed(&owner.key, 1);
            if !namespace_is_going(answer) {
                desk.warning(owner, "FailedCreate", format!("Error creating: {refusal}"));
            }
        }
    }
}

/// Tells of the answer to the deletion of a pod.
pub fn tell_deletion(
    owner: &Object,
    pod: &Key,
    answer: &Answer,
    expectations: &mut Expectations,
    desk: &mut Desk<'_, '_>,
) {
    match answer {
        Ok(_) => desk.normal(owner, "SuccessfulDelete", format!("Deleted pod: {}", pod.name)),
        Err(refusal) => {
            expectations.deletion_observed(&owner.key, pod);
            if !is_gone(answer) {
                desk.warning(owner, "FailedDelete", format!("Error deleting: {refusal}"));
            }
        }
    }
}

/// Pods that are created in batches which double while all goes well, and then pods that are deleted.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Work {
    create: VecDeque<Doc>,
    delete: Vec<Key>,
    batch: u32,
    /// The deletions under way; otherwise creations are.
    deleting: bool,
    /// Whether all went well.
    pub failed: bool,
}

impl Work {
    /// What is to be done.
    pub fn new(create: Vec<Doc>, delete: Vec<Key>) -> Work {
        Work { create: create.into(), delete, batch: 1, ..Work::default() }
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.create.is_empty() && self.delete.is_empty()
    }

    /// Takes note of what is going to be seen.
    pub fn expect(&self, owner: &Key, expectations: &mut Expectations, now: Time) {
        expectations.expect(owner, self.create.len() as i64, self.delete.iter().cloned(), now);
    }

    /// The next requests; `None` when all is done.
    pub fn next(&mut self, owner: &Key, user: &User) -> Option<Vec<Request>> {
        if self.deleting || self.is_empty() {
            return None;
        }
        if self.create.is_empty() {
            self.deleting = true;
            return Some(self.delete.iter().map(|pod| Request::delete(user.clone(), pod)).collect());
        }
        let batch = self.create.drain(..(self.batch as usize).min(self.create.len()));
        let create = |body| Request::create(user.clone(), Kind::Pod, owner.namespace.clone(), body);
        let requests: Vec<Request> = batch.map(create).collect();
        self.batch *= 2;
        Some(requests)
    }

    /// Tells of one answer.
    pub fn heard(
        &self,
        owner: &Object,
        at: u32,
        answer: &Answer,
        expectations: &mut Expectations,
        desk: &mut Desk<'_, '_>,
    ) {
        if self.deleting {
            tell_deletion(owner, &self.delete[at as usize], answer, expectations, desk);
        } else {
            tell_creation(owner, answer, expectations, desk);
        }
    }

    /// Takes the answers to the requests of [`Work::next`].
    pub fn answered(&mut self, owner: &Key, answers: &[Answer], expectations: &mut Expectations) {
        if self.deleting {
            let failed = answers.iter().filter(|answer| answer.is_err() && !is_gone(answer)).count();
            self.failed |= failed > 0;
            return;
        }
        let refused = answers.iter().filter(|answer| answer.is_err()).count();
        if refused > 0 {
            // What was never asked for is not expected either.
            expectations.creation_observed(owner, self.create.len() as i64);
            self.create.clear();
        }
        self.failed |= answers.iter().any(|answer| answer.is_err() && !namespace_is_going(answer));
    }
}
