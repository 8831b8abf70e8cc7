//! Job controller: runs pods until enough have succeeded or too many have failed.
//!
//! A sync decides what to do with pods, does it, and then accounts for pods that have ended: they are written down as
//! uncounted, lose the finalizer that kept them, and are counted. So none is counted twice or never.

mod backoff;
mod indexes;
mod manage;
mod policy;
mod situation;
mod track;

use crate::api::batch::job::Job;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Object, Of, PatchKind, Request, Uid, User};
use crate::client::{Delta, Wait};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{Core, Duration};

use super::expectations::Expectations;
use super::pods::{self, Work};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

use backoff::Record;
use manage::Next;
use situation::Situation;

/// What keeps a pod until it is counted.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";
/// As what it is noted that a Job waits before it makes another pod.
pub const BACK_OFF: &str = "JobBackOff";
/// What pods do within so long is looked at together.
const BATCH: Duration = Duration::seconds(1);

/// The control loop. Its keys are Jobs, and pods of Jobs that are gone or finished and still have the finalizer.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct JobController {
    expectations: Expectations,
    records: BTreeMap<Key, Record>,
    /// Pods that lost their finalizer, which the cache may not show yet.
    released: BTreeSet<Uid>,
}

/// Whether pods were managed in this sync; `Delayed` when new ones have to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Managed {
    No,
    Yes,
    Delayed,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// Pods were adopted or released.
    Claimed,
    /// Pods that are too many lost their finalizers: they are deleted next.
    Freed(Vec<Key>),
    /// Pods are created or deleted.
    Working(Work),
    /// The status with newly ended pods was written: their finalizers are next.
    Flushed(Box<track::Account>),
    /// Finalizers were taken away: the pods are counted next.
    Released(Box<track::Account>),
    /// The status was written; the Job's last event is due when it has come to an end.
    Ended(Option<track::End>, bool),
    /// A pod of a Job that is no more lost its finalizer.
    Orphaned,
}

impl Controller for JobController {
    const NAME: &'static str = "job-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::Job => self.observe_job(delta, world, desk),
            Kind::Pod => self.observe_pod(delta, world, desk),
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        if key.kind == Kind::Pod {
            return orphan(key, world, desk);
        }
        let Some(job) = world.of::<Job>(key) else {
            self.forget(key);
            return Step::Done;
        };
        if job.foreign {
            return Step::Done;
        }
        if job.finished.is_some() {
            self.records.remove(key);
            return Step::Done;
        }
        let claims = claims(&job, world, desk.user);
        if !claims.is_empty() {
            return Step::Ask(claims, Waiting::Claimed);
        }
        let satisfied = self.expectations.satisfied(key, desk);
        let situation = Situation::read(job, self, world, desk.timestamp());
        situation.watch_deadline(desk);
        if situation.verdict.is_some() {
            let doomed = situation.active.iter().map(|pod| pod.key().clone()).collect();
            let mut work = Work::new(Vec::new(), doomed);
            return match work.next(key, desk.user) {
                Some(requests) => Step::Ask(requests, Waiting::Working(work)),
                None => self.track(situation, Managed::No, desk),
            };
        }
        if !satisfied || situation.job.meta().deleting() {
            return self.track(situation, Managed::No, desk);
        }
        match manage::next(&situation, desk.timestamp()) {
            Next::Nothing => self.track(situation, Managed::Yes, desk),
            Next::Wait(wait) => {
                desk.cx.note(BACK_OFF, Some(key.clone()), || {
                    format!("a pod failed: {wait} until the next one").into()
                });
                desk.add_after(key.clone(), wait.max(BATCH));
                self.track(situation, Managed::Delayed, desk)
            }
            Next::Delete(doomed) => {
                self.expectations.expect(key, 0, doomed.iter().cloned(), desk.now());
                let requests = doomed.iter().map(|pod| release(pod, desk.user)).collect();
                Step::Ask(requests, Waiting::Freed(doomed))
            }
            Next::Create(bodies) => {
                let mut work = Work::new(bodies, Vec::new());
                work.expect(key, &mut self.expectations, desk.now());
                let requests = work.next(key, desk.user).unwrap_or_default();
                Step::Ask(requests, Waiting::Working(work))
            }
        }
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
        if let (Waiting::Working(work), Some(job)) = (waiting, world.object(key)) {
            work.heard(job, at, answer, &mut self.expectations, desk);
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
        let well = answers.iter().all(|answer| answer.is_ok() || is_gone(answer));
        match waiting {
            Waiting::Claimed if well => self.sync(key, world, desk),
            Waiting::Orphaned if well => Step::Done,
            Waiting::Claimed | Waiting::Orphaned => Step::Retry,
            Waiting::Freed(doomed) => {
                let (freed, held): (Vec<_>, Vec<_>) =
                    doomed.into_iter().zip(&answers).partition(|(_, answer)| answer.is_ok());
                held.iter().for_each(|(pod, _)| self.expectations.deletion_observed(key, pod));
                let mut work = Work::new(Vec::new(), freed.into_iter().map(|(pod, _)| pod).collect());
                match work.next(key, desk.user) {
                    Some(requests) => Step::Ask(requests, Waiting::Working(work)),
                    None => Step::Retry,
                }
            }
            Waiting::Working(mut work) => {
                work.answered(key, &answers, &mut self.expectations);
                if let Some(requests) = work.next(key, desk.user) {
                    return Step::Ask(requests, Waiting::Working(work));
                }
                let Some(job) = world.of::<Job>(key) else { return Step::Done };
                let situation = Situation::read(job, self, world, desk.timestamp());
                match self.track(situation, Managed::Yes, desk) {
                    // What was refused is tried again once there is nothing to tell: what is told brings the key back.
                    Step::Done if work.failed => Step::Retry,
                    step => step,
                }
            }
            Waiting::Flushed(account) if all_ok(&answers) => self.release(key, account, desk),
            Waiting::Released(account) => self.settle(key, *account, &answers, desk),
            Waiting::Ended(end, failed) if all_ok(&answers) => {
                if let (Some(end), Some(job)) = (end, world.object(key)) {
                    end.tell(job, desk);
                }
                if failed { Step::Retry } else { Step::Done }
            }
            Waiting::Flushed(_) | Waiting::Ended(..) => Step::Retry,
        }
    }

    fn waits(&self, world: &World, core: &Core, waits: &mut Vec<Wait>) {
        for (key, record) in &self.records {
            let goes_on = world.of::<Job>(key).is_some_and(|job| job.finished.is_none() && !job.suspend);
            if let Some((since, until)) = record.wait().filter(|_| goes_on)
                && let (Some(since), Some(until)) = (core.dates.time_of(since), core.dates.time_of(until))
                && until > core.now
            {
                waits.push(Wait { name: "jobBackOff", object: key.clone(), since, until });
            }
        }
    }
}

impl JobController {
    fn forget(&mut self, key: &Key) {
        self.expectations.forget(key);
        self.records.remove(key);
    }

    fn observe_job(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let job = delta.object();
        let same_spec = match (&delta.old, &delta.new) {
            (Some(old), Some(new)) => old.meta.generation == new.meta.generation,
            _ => false,
        };
        if same_spec {
            desk.add_after(job.key.clone(), BATCH);
        } else {
            desk.add(job.key.clone());
        }
        let over = delta.new.is_none() || job.view::<Job>().is_some_and(|job| job.finished.is_some());
        if over {
            let pods = world.managed::<Pod>(job.meta.uid);
            pods.filter(|pod| is_tracked(pod.object())).for_each(|pod| desk.add(pod.key().clone()));
        }
    }

    fn observe_pod(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let pod = delta.object();
        if delta.new.is_none() || !is_tracked(pod) {
            self.released.remove(&pod.meta.uid);
        }
        for key in pods::concerned(Kind::Job, delta, world, Some(&mut self.expectations)) {
            desk.add_after(key, BATCH);
        }
        if delta.new.is_some() && is_tracked(pod) && is_orphan(pod, world) {
            desk.add(pod.key.clone());
        }
    }
}

/// Whether the finalizer holds a pod.
fn is_tracked(pod: &Object) -> bool {
    pod.meta.has_finalizer(FINALIZER)
}

/// Whether no Job is going to count a pod any more.
fn is_orphan(pod: &Object, world: &World) -> bool {
    let job = world.manager::<Job>(&pod.key.namespace, &pod.meta);
    match pod.meta.controller() {
        Some(owner) if owner.kind != "Job" => false,
        _ => job.is_none_or(|job| job.finished.is_some()),
    }
}

/// Nobody counts this pod any more: it may go.
fn orphan(key: &Key, world: &World, desk: &Desk<'_, '_>) -> Step<Waiting> {
    match world.object(key) {
        Some(pod) if is_tracked(pod) && is_orphan(pod, world) => {
            Step::Ask(vec![release(key, desk.user)], Waiting::Orphaned)
        }
        _ => Step::Done,
    }
}

/// The request that takes the finalizer off a pod.
fn release(pod: &Key, user: &User) -> Request {
    let body = doc!({ "metadata": { "$deleteFromPrimitiveList/finalizers": [FINALIZER] } });
    Request::patch(user.clone(), pod, PatchKind::Strategic, body)
}

/// Pods to adopt, with the finalizer, and to let go.
fn claims(job: &Of<Job>, world: &World, user: &User) -> Vec<Request> {
    let count = |pod: &Of<Pod>| !pod.meta().deleting();
    let mut claims = pods::claims(job.object(), &job.selector, &count, world, user);
    for claim in &mut claims {
        if claim.body["metadata"]["ownerReferences"][0]["$patch"].is_null() {
            claim.body.set_at(&["metadata", "finalizers"], doc!([FINALIZER]));
        }
    }
    claims
}

/// The index of a pod in its Job.
fn index_of(pod: &Of<Pod>) -> Option<i64> {
    let text = pod.meta().annotation(crate::api::batch::job::COMPLETION_INDEX)?;
    text.parse().ok().filter(|index| *index >= 0)
}

/// UIDs as the status keeps them.
fn uid_text(pod: &Of<Pod>) -> Str {
    pod.meta().uid.text()
}

/// A number in an annotation of a pod.
fn count_in(pod: &Of<Pod>, annotation: &str) -> i64 {
    pod.meta().annotation(annotation).and_then(|text| text.parse::<i32>().ok()).unwrap_or(0).into()
}

/// A condition of a Job.
fn condition(kind: &str, holds: bool, reason: &Str, message: &Str, now: crate::doc::Timestamp) -> Doc {
    let now = super::status::date(now);
    doc!({
        "type": kind, "status": if holds { "True" } else { "False" }, "lastProbeTime": now.clone(),
        "lastTransitionTime": now, "reason": reason, "message": message
    })
}
