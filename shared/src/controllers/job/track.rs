//! Counting pods that have ended, and the end of the Job itself.

use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Object, Of, Request, Uid};
use crate::codec::Codec;
use crate::collections::BTreeSet;
use crate::controllers::status::{condition as known, date, omit_empty, write};
use crate::controllers::worker::{Answer, Desk, Step, is_gone};
use crate::doc::{Doc, Str, Timestamp};

use super::backoff::Record;
use super::indexes::print;
use super::policy;
use super::situation::{Situation, Verdict};
use super::{JobController, Managed, Waiting, condition, release, uid_text};

/// How many pods are counted at once, so that the status does not grow too long.
const MOST: usize = 500;

/// Pods that are being counted.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Account {
    /// The status as it was written last.
    status: Doc,
    /// UIDs that the finalizer still holds.
    held: BTreeSet<Str>,
    /// Pods that lose it now.
    remove: Vec<(Key, Uid)>,
    record: Record,
    end: Option<End>,
}

/// The last condition of a Job.
#[derive(Codec, Clone, Debug, Hash)]
pub struct End {
    success: bool,
    reason: Str,
    message: Str,
}

impl End {
    /// Tells that the Job has ended.
    pub fn tell(&self, job: &Object, desk: &mut Desk<'_, '_>) {
        if self.success {
            desk.normal(job, "Completed", "Job completed");
        } else {
            let reason = REASONS.iter().find(|reason| self.reason == **reason).unwrap_or(&"Failed");
            desk.warning(job, reason, self.message.clone());
        }
    }
}

/// The reasons for which a Job fails.
const REASONS: [&str; 5] = [
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "PodFailurePolicy",
    "FailedIndexes",
    "MaxFailedIndexesExceeded",
];

impl JobController {
    /// Writes down how the Job stands and which pods have ended since.
    pub(super) fn track(
        &mut self,
        mut situation: Situation,
        managed: Managed,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let now = desk.timestamp();
        let key = situation.job.key().clone();
        let old = situation.job.object().body["status"].clone();
        let mut status = old.clone();
        let satisfied = self.expectations.satisfied(&key, desk);
        decide(&mut situation, managed, &mut status, satisfied, desk);
        let active = if managed == Managed::Delayed { 0 } else { situation.active.len() as i64 };
        status.set("active", active);
        status.set("ready", situation.active.iter().filter(|pod| pod.ready).count() as i64);
        status.set("terminating", situation.terminating);
        if status["uncountedTerminatedPods"].is_null() {
            status.set("uncountedTerminatedPods", Doc::map());
        }
        count(&mut status, &situation.held);
        let (remove, complete) = uncounted(&mut situation, &mut status);
        let end = situation.verdict.as_ref().map(|verdict| {
            if !verdict.told {
                let kind = if verdict.success { "SuccessCriteriaMet" } else { "FailureTarget" };
                push(&mut status, condition(kind, true, &verdict.reason, &verdict.message, now));
            }
            let Verdict { success, reason, message, .. } = verdict.clone();
            End { success, reason, message }
        });
        let remove = remove.iter().map(|pod| (pod.key().clone(), pod.meta().uid)).collect();
        omit_empty(&mut status, &["active", "succeeded", "failed"]);
        let request = write(desk.user, &key, &old, &status);
        let end = end.filter(|_| complete);
        let account =
            Box::new(Account { status, held: situation.held, remove, record: situation.record, end });
        match request {
            Some(request) => Step::Ask(vec![request], Waiting::Flushed(account)),
            None => self.release(&key, account, desk),
        }
    }

    /// Takes the finalizers off the pods that were written down.
    pub(super) fn release(
        &mut self,
        key: &Key,
        account: Box<Account>,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        self.records.insert(key.clone(), account.record);
        self.released.extend(account.remove.iter().map(|(_, uid)| *uid));
        let requests: Vec<Request> = account.remove.iter().map(|(pod, _)| release(pod, desk.user)).collect();
        if requests.is_empty() {
            return self.settle(key, *account, &[], desk);
        }
        Step::Ask(requests, Waiting::Released(account))
    }

    /// Counts the pods that have lost their finalizer, and ends the Job if that is due.
    pub(super) fn settle(
        &mut self,
        key: &Key,
        mut account: Account,
        answers: &[Answer],
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let mut failed = false;
        for ((_, uid), answer) in account.remove.iter().zip(answers) {
            let gone = is_gone(answer);
            if answer.is_err() {
                self.released.remove(uid);
            }
            if answer.is_ok() || gone {
                account.held.remove(uid.text().as_str());
            }
            failed |= answer.is_err() && !gone;
        }
        let before = account.status.clone();
        let mut status = account.status;
        count(&mut status, &account.held);
        let pending = &status["uncountedTerminatedPods"];
        let settled = pending.is_empty() && status["terminating"].as_i64() == Some(0);
        let end = account.end.filter(|_| settled && !failed);
        if let Some(end) = &end {
            let kind = if end.success { "Complete" } else { "Failed" };
            let now = desk.timestamp();
            push(&mut status, condition(kind, true, &end.reason, &end.message, now));
            if end.success {
                status.set("completionTime", date(now));
            }
        }
        match write(desk.user, key, &before, &status) {
            Some(request) => Step::Ask(vec![request], Waiting::Ended(end, failed)),
            None if failed => Step::Retry,
            None => Step::Done,
        }
    }
}

/// The last word on whether the Job ends, and whether it is suspended.
fn decide(
    situation: &mut Situation,
    managed: Managed,
    status: &mut Doc,
    satisfied: bool,
    desk: &mut Desk<'_, '_>,
) {
    let job = situation.job.clone();
    let now = desk.timestamp();
    if job.start.is_none() && !job.suspend {
        status.set("startTime", date(now));
    }
    if situation.verdict.is_some() {
        if !situation.active.is_empty() || !satisfied {
            // Pods are left that are not being deleted, or not seen yet.
            situation.verdict = None;
        }
        return;
    }
    let enough = match job.completions {
        Some(wanted) => situation.succeeded >= wanted,
        None => situation.succeeded > 0,
    };
    if enough && situation.active.is_empty() {
        situation.verdict = Some(Verdict::completion());
    } else if managed != Managed::No {
        suspend_or_resume(&job, status, now, desk);
    }
}

fn suspend_or_resume(
    job: &Of<crate::api::batch::job::Job>,
    status: &mut Doc,
    now: Timestamp,
    desk: &mut Desk<'_, '_>,
) {
    let told = known(status, "Suspended")["status"].as_str() == Some("True");
    if told == job.suspend {
        return;
    }
    let (reason, message, event) = if job.suspend {
        ("JobSuspended", "Job suspended", "Suspended")
    } else {
        // The time to the deadline begins anew.
        status.set("startTime", date(now));
        ("JobResumed", "Job resumed", "Resumed")
    };
    push(status, condition("Suspended", job.suspend, &reason.into(), &message.into(), now));
    desk.normal(job.object(), event, message);
}

/// Adds a condition, or replaces the one of its type.
fn push(status: &mut Doc, condition: Doc) {
    let mut conditions = status.at_mut(&["conditions"]).edit_items();
    match conditions.iter_mut().find(|known| known["type"] == condition["type"]) {
        Some(known) => *known = condition,
        None => conditions.push(condition),
    }
}

/// Writes down the pods that have ended, or end with the Job: the answer is those that may lose their finalizer, and
/// whether that is all of them.
fn uncounted(situation: &mut Situation, status: &mut Doc) -> (Vec<Of<Pod>>, bool) {
    let mut remove = Vec::new();
    let list = |name: &str| status["uncountedTerminatedPods"][name].items().to_vec();
    let (mut succeeded, mut failed) = (list("succeeded"), list("failed"));
    let mut indexes = situation.counted_indexes.clone();
    let fails = situation.verdict.as_ref().is_some_and(|verdict| !verdict.success);
    let mut complete = true;
    for pod in situation.pods.iter().filter(|pod| situation.held.contains(&uid_text(pod))) {
        if !may_go(situation, pod) {
            continue;
        }
        if succeeded.len() + failed.len() >= MOST {
            complete = false;
            break;
        }
        let uid = Doc::from(uid_text(pod));
        let index = situation.valid_index(pod);
        remove.push(pod.clone());
        if pod.phase == Phase::Succeeded && !failed.contains(&uid) {
            match (situation.job.indexed, index) {
                (true, index) => indexes.extend(index),
                (false, _) if !succeeded.contains(&uid) => succeeded.push(uid),
                _ => {}
            }
        } else if situation.has_failed(pod) || fails {
            let counts = situation.judge(pod) != policy::Verdict::Ignore;
            if counts && !failed.contains(&uid) && (!situation.job.indexed || index.is_some()) {
                failed.push(uid);
            }
        }
    }
    status.set("uncountedTerminatedPods", pending(&succeeded, &failed));
    if situation.job.indexed {
        status.set("succeeded", indexes.len() as i64);
        status.set("completedIndexes", print(&indexes));
        omit_empty(status, &["completedIndexes"]);
        if let Some(lost) = &situation.failed_indexes {
            status.set("failedIndexes", print(lost));
        }
    }
    (remove, complete)
}

/// Whether a pod need not be held any longer.
fn may_go(situation: &Situation, pod: &Of<Pod>) -> bool {
    let over = situation.job.meta().deleting() || situation.verdict.is_some();
    let replaced = || {
        let index = situation.valid_index(pod);
        let waiting = index.and_then(|index| situation.delayed.get(&index));
        waiting.is_none_or(|waiting| waiting.meta().uid != pod.meta().uid)
    };
    over || pod.phase == Phase::Succeeded || situation.has_failed(pod) && replaced()
}

fn pending(succeeded: &[Doc], failed: &[Doc]) -> Doc {
    let mut pending = Doc::map();
    for (name, uids) in [("succeeded", succeeded), ("failed", failed)] {
        if !uids.is_empty() {
            pending.set(name, Doc::list(uids.iter().cloned()));
        }
    }
    pending
}

/// Counts the pods that were written down and that nothing holds any more.
fn count(status: &mut Doc, held: &BTreeSet<Str>) {
    let mut lists = ["succeeded", "failed"].map(|name| {
        let before = status["uncountedTerminatedPods"][name].items().to_vec();
        let kept: Vec<Doc> = before.iter().filter(|uid| held.contains(&uid.str())).cloned().collect();
        let counted = (before.len() - kept.len()) as i64;
        if counted > 0 {
            let sum = status[name].as_i64().unwrap_or(0).saturating_add(counted);
            status.set(name, sum);
        }
        kept
    });
    let [succeeded, failed] = &mut lists;
    status.set("uncountedTerminatedPods", pending(succeeded, failed));
}
