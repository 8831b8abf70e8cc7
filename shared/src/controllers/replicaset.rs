//! ReplicaSet controller: keeps a number of pods of one template.

mod ranking;

use crate::api::apps::replicaset::ReplicaSet;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Of, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::Str;
use crate::sim::Duration;

use super::expectations::Expectations;
use super::pods::{self, namespace_is_going};
use super::status::{condition, date, omit_empty, remove_condition, write};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

/// How many pods one sync creates or deletes at most.
const BURST: i64 = 500;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct ReplicaSetController {
    expectations: Expectations,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// Pods were adopted or released.
    Claimed,
    /// A batch of pods was asked for; `left` more are to follow.
    Creating { counts: Counts, batch: i64, left: i64 },
    /// These pods' deletion was asked for.
    Deleting { counts: Counts, pods: Vec<Key> },
    /// The status was written; `failed` says whether the key has to come back.
    StatusWritten { failed: bool },
}

/// The pods of a ReplicaSet as its status tells them. Taken before pods are created or deleted: the status shows
/// what was seen, not what was asked for.
#[derive(Codec, Clone, Copy, Debug, Hash, Default)]
pub struct Counts {
    active: i64,
    fully_labeled: i64,
    ready: i64,
    available: i64,
    terminating: i64,
}

impl Controller for ReplicaSetController {
    const NAME: &'static str = "replicaset-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        self.observe_as(Kind::ReplicaSet, delta, world, desk);
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(set) = world.of::<ReplicaSet>(key) else {
            self.expectations.forget(key);
            return Step::Done;
        };
        let claims =
            pods::claims(set.object(), &set.selector, &|pod| pod.is_active(pod.object()), world, desk.user);
        if !claims.is_empty() {
            return Step::Ask(claims, Waiting::Claimed);
        }
        let counts = count(&set, world, desk);
        if set.meta().deleting() || !self.expectations.satisfied(key, desk) {
            return write_status(&set, counts, None, desk);
        }
        let missing = (set.replicas - counts.active).min(BURST);
        if missing > 0 {
            self.expectations.expect(key, missing, [], desk.now());
            desk.cx.note("TooFewPods", Some(key.clone()), || {
                format!("{} of {} pods are there: {missing} to create", counts.active, set.replicas).into()
            });
            return create(&set, counts, 1, missing - 1, desk);
        }
        if missing < 0 {
            return self.delete(&set, counts, (-missing).min(BURST), world, desk);
        }
        write_status(&set, counts, None, desk)
    }

    fn heard(
        &mut self,
        key: &Key,
        waiting: &Waiting,
        at: u32,
        answer: &Answer,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) {
        let Some(set) = world.of::<ReplicaSet>(key) else { return };
        let set = set.object();
        match waiting {
            Waiting::Creating { .. } => pods::tell_creation(set, answer, &mut self.expectations, desk),
            Waiting::Deleting { pods, .. } => {
                pods::tell_deletion(set, &pods[at as usize], answer, &mut self.expectations, desk);
            }
            _ => {}
        }
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let Some(set) = world.of::<ReplicaSet>(key) else { return self.sync(key, world, desk) };
        match waiting {
            Waiting::Claimed if answers.iter().all(|answer| answer.is_ok() || is_gone(answer)) => {
                self.sync(key, world, desk)
            }
            Waiting::Claimed => Step::Retry,
            Waiting::Creating { counts, batch, left } => {
                let refused = answers.iter().find(|answer| answer.is_err() && !namespace_is_going(answer));
                if let Some(Err(refusal)) = refused {
                    // What was never asked for is not expected either.
                    self.expectations.creation_observed(key, left);
                    return write_status(&set, counts, Some(("FailedCreate", refusal.message.clone())), desk);
                }
                if left == 0 {
                    return write_status(&set, counts, None, desk);
                }
                let batch = (2 * batch).min(left);
                create(&set, counts, batch, left - batch, desk)
            }
            Waiting::Deleting { counts, .. } => {
                let refused = answers.iter().find(|answer| answer.is_err() && !is_gone(answer));
                let failure = refused.and_then(|answer| answer.as_ref().err());
                write_status(
                    &set,
                    counts,
                    failure.map(|refusal| ("FailedDelete", refusal.message.clone())),
                    desk,
                )
            }
            Waiting::StatusWritten { failed } if !failed && all_ok(&answers) => Step::Done,
            Waiting::StatusWritten { .. } => Step::Retry,
        }
    }
}

impl ReplicaSetController {
    /// See [`Controller::observe`]; `kind` is what it looks after.
    pub fn observe_as(&mut self, kind: Kind, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        if key.kind == kind {
            if delta.new.is_none() {
                self.expectations.forget(key);
            }
            desk.add(key.clone());
        } else if key.kind == Kind::Pod {
            let concerned = pods::concerned(kind, delta, world, Some(&mut self.expectations));
            concerned.into_iter().for_each(|key| desk.add(key));
        }
    }

    fn delete(
        &mut self,
        set: &Of<ReplicaSet>,
        counts: Counts,
        surplus: i64,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let pods = ranking::to_delete(set, surplus, world, desk.timestamp());
        self.expectations.expect(set.key(), 0, pods.iter().cloned(), desk.now());
        desk.cx.note("TooManyPods", Some(set.key().clone()), || {
            format!("{} pods are there, {} are wanted: {surplus} to delete", counts.active, set.replicas)
                .into()
        });
        let requests = pods.iter().map(|pod| Request::delete(desk.user.clone(), pod)).collect();
        Step::Ask(requests, Waiting::Deleting { counts, pods })
    }
}

/// Asks for a batch of pods. All have the same body, so a batch costs little more than one.
fn create(set: &Of<ReplicaSet>, counts: Counts, batch: i64, left: i64, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let pod = pods::body(set.object(), &set.template);
    let namespace = &set.key().namespace;
    let request = Request::create(desk.user.clone(), Kind::Pod, namespace.clone(), pod);
    Step::Ask((0..batch).map(|_| request.clone()).collect(), Waiting::Creating { counts, batch, left })
}

/// Counts the pods from the tallies; only `minReadySeconds` makes it look at each pod.
fn count(set: &Of<ReplicaSet>, world: &World, desk: &mut Desk<'_, '_>) -> Counts {
    let mut counts = Counts::default();
    let template = crate::api::LabelSelector::from_map(&set.template["metadata"]["labels"]);
    for tally in world.tallies(set.meta().uid).iter().filter(|tally| set.selector.matches(&tally.labels)) {
        counts.active += tally.active;
        counts.ready += tally.ready;
        counts.terminating += tally.terminating;
        counts.fully_labeled += if template.matches(&tally.labels) { tally.active } else { 0 };
    }
    counts.available = counts.ready;
    if set.min_ready_seconds > 0 {
        let now = desk.timestamp().millis();
        let ready_at = |pod: Of<Pod>| (pod.ready_since.seconds() + set.min_ready_seconds) * 1000;
        let ready =
            world.managed::<Pod>(set.meta().uid).filter(|pod| pod.ready && pod.is_active(pod.object()));
        let soon: Vec<i64> = ready.map(ready_at).filter(|&at| at > now).collect();
        counts.available -= soon.len() as i64;
        if let Some(next) = soon.into_iter().min() {
            desk.add_after(set.key().clone(), Duration::millis((next - now).unsigned_abs()));
        }
    }
    counts
}

/// Writes the status where it changed; after a failure the key comes back.
fn write_status(
    set: &Of<ReplicaSet>,
    counts: Counts,
    failure: Option<(&'static str, Str)>,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let old = &set.object().body["status"];
    let mut new = doc!({
        "replicas": counts.active,
        "fullyLabeledReplicas": counts.fully_labeled,
        "readyReplicas": counts.ready,
        "availableReplicas": counts.available,
        "observedGeneration": set.meta().generation,
        "conditions": old["conditions"].clone()
    });
    if set.key().kind == Kind::ReplicaSet {
        new.set("terminatingReplicas", counts.terminating);
    }
    let failed = failure.is_some();
    match failure {
        Some((reason, message)) if condition(old, "ReplicaFailure").is_null() => {
            let fresh = doc!({
                "type": "ReplicaFailure", "status": "True", "reason": reason, "message": message,
                "lastTransitionTime": date(desk.timestamp())
            });
            new.at_mut(&["conditions"]).edit_items().push(fresh);
        }
        Some(_) => {}
        None => remove_condition(&mut new, "ReplicaFailure"),
    }
    omit_empty(&mut new, &["fullyLabeledReplicas", "readyReplicas", "availableReplicas", "conditions"]);
    let request: Option<Request> = write(desk.user, set.key(), old, &new);
    if request.is_none() && !failed {
        return Step::Done;
    }
    let requests: Vec<Request> = request.into_iter().collect();
    Step::Ask(requests, Waiting::StatusWritten { failed })
}
