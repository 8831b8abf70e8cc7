//! How a Job stands: its pods by what has become of them, and whether that means its end.

use crate::api::Of;
use crate::api::batch::job::Job;
use crate::api::core::pod::{Phase, Pod};
use crate::collections::{BTreeMap, BTreeSet};
use crate::controllers::status::condition as known;
use crate::controllers::worker::Desk;
use crate::controllers::world::World;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::backoff::{Record, finish_time};
use super::indexes::{Indexes, parse};
use super::policy::{Verdict as Policy, is_met, judge};
use super::{JobController, count_in, index_of, is_tracked, uid_text};

/// Annotations that count the failures of an index, from pod to pod.
pub const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
pub const IGNORED: &str = "batch.kubernetes.io/job-index-ignored-failure-count";

/// The end of a Job is decided.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// Whether it ends well.
    pub success: bool,
    /// Whether the status says so already.
    pub told: bool,
    pub reason: Str,
    pub message: Str,
}

impl Verdict {
    fn failure(reason: &'static str, message: &'static str) -> Option<Verdict> {
        Some(Verdict { success: false, told: false, reason: reason.into(), message: message.into() })
    }

    /// The end of a Job whose pods have done enough.
    pub fn completion() -> Verdict {
        Verdict {
            success: true,
            told: false,
            reason: "CompletionsReached".into(),
            message: "Reached expected number of succeeded pods".into(),
        }
    }

    fn told(status: &Doc) -> Option<Verdict> {
        [("SuccessCriteriaMet", true), ("FailureTarget", false)].into_iter().find_map(|(kind, success)| {
            let condition = known(status, kind);
            let holds = condition["status"].as_str() == Some("True");
            let (reason, message) = (condition["reason"].str(), condition["message"].str());
            holds.then_some(Verdict { success, told: true, reason, message })
        })
    }
}

/// A Job and its pods.
pub struct Situation {
    pub job: Of<Job>,
    /// All pods that it manages.
    pub pods: Vec<Of<Pod>>,
    /// Those that neither have ended nor are being deleted.
    pub active: Vec<Of<Pod>>,
    pub terminating: i64,
    /// Pods that still have to be counted, and are held until then.
    pub held: BTreeSet<Str>,
    /// Successes, counted or not.
    pub succeeded: i64,
    /// Indexes that had succeeded before, and all that have now.
    pub counted_indexes: Indexes,
    pub succeeded_indexes: Indexes,
    /// With `backoffLimitPerIndex`: indexes that have failed for good.
    pub failed_indexes: Option<Indexes>,
    /// Failed pods by index that stay until they are replaced.
    pub delayed: BTreeMap<i64, Of<Pod>>,
    pub record: Record,
    pub verdict: Option<Verdict>,
    /// When the Job's time is up, from now.
    deadline: Option<Duration>,
}

impl Situation {
    /// The Job as the caches have it.
    pub fn read(job: Of<Job>, controller: &JobController, world: &World, now: Timestamp) -> Situation {
        let pods: Vec<Of<Pod>> = world.managed::<Pod>(job.meta().uid).collect();
        let held = |pod: &Of<Pod>| is_tracked(pod.object()) && !controller.released.contains(&pod.meta().uid);
        let active = pods.iter().filter(|pod| pod.is_active(pod.object())).cloned().collect();
        let terminating = pods.iter().filter(|pod| pod.meta().deleting() && !pod.phase.is_terminal());
        let record = controller.records.get(job.key()).copied().unwrap_or_default();
        let mut situation = Situation {
            terminating: terminating.count() as i64,
            held: pods.iter().filter(|pod| held(pod)).map(uid_text).collect(),
            active,
            succeeded: 0,
            counted_indexes: Indexes::new(),
            succeeded_indexes: Indexes::new(),
            failed_indexes: None,
            delayed: BTreeMap::new(),
            record,
            verdict: None,
            deadline: None,
            pods,
            job,
        };
        situation.count(now);
        situation
    }

    /// Whether a pod counts as failed. Without a policy that needs to know how it ended, one that is being deleted does.
    pub fn has_failed(&self, pod: &Of<Pod>) -> bool {
        pod.phase == Phase::Failed
            || !self.only_replace_failed() && pod.meta().deleting() && pod.phase != Phase::Succeeded
    }

    pub fn only_replace_failed(&self) -> bool {
        self.job.only_replace_failed || !self.job.failure_policy.is_null()
    }

    /// What the failure policy makes of a failed pod.
    pub fn judge(&self, pod: &Of<Pod>) -> Policy {
        judge(&self.job.failure_policy, pod)
    }

    /// The index of a pod, if it is one of the Job's.
    pub fn valid_index(&self, pod: &Of<Pod>) -> Option<i64> {
        index_of(pod).filter(|index| *index < self.job.completions.unwrap_or(0))
    }

    fn is_held(&self, pod: &Of<Pod>) -> bool {
        self.held.contains(&uid_text(pod)) && (!self.job.indexed || self.valid_index(pod).is_some())
    }

    fn count(&mut self, now: Timestamp) {
        let status = self.job.object().body["status"].clone();
        let uncounted = |list: &str| status["uncountedTerminatedPods"][list].items().to_vec();
        let (done, lost) = (uncounted("succeeded"), uncounted("failed"));
        let fresh =
            |pod: &&Of<Pod>, known: &[Doc]| self.is_held(pod) && !known.contains(&Doc::from(uid_text(pod)));
        let succeeded: Vec<&Of<Pod>> =
            self.pods.iter().filter(|pod| pod.phase == Phase::Succeeded && fresh(pod, &done)).collect();
        let failed: Vec<&Of<Pod>> =
            self.pods.iter().filter(|pod| self.has_failed(pod) && fresh(pod, &lost)).collect();
        let counted = |field: &str| status[field].as_i64().unwrap_or(0);
        let bad = failed.iter().filter(|pod| self.judge(pod) != Policy::Ignore).count() + lost.len();
        let failures = counted("failed").saturating_add(bad as i64);
        let successes = counted("succeeded").saturating_add((succeeded.len() + done.len()) as i64);
        self.record = self.record.with(&succeeded, &failed);
        self.succeeded = successes;
        self.verdict = self.end(&status, failures, now);
        if self.job.indexed {
            self.count_indexes(&status);
            self.verdict = self.verdict.take().or_else(|| self.end_by_indexes());
        }
    }

    /// The end that counts and clocks decide.
    fn end(&mut self, status: &Doc, failures: i64, now: Timestamp) -> Option<Verdict> {
        if let Some(told) = Verdict::told(status) {
            return Some(told);
        }
        let fatal =
            self.pods.iter().filter(|pod| self.has_failed(pod)).find_map(|pod| match self.judge(pod) {
                Policy::FailJob(message) => Some(message),
                _ => None,
            });
        if let Some(message) = fatal {
            let reason = "PodFailurePolicy".into();
            return Some(Verdict { success: false, told: false, reason, message: message.into() });
        }
        if failures > self.job.backoff_limit || self.restarts_exceed() {
            return Verdict::failure("BackoffLimitExceeded", "Job has reached the specified backoff limit");
        }
        let (Some(limit), Some(start), false) =
            (self.job.active_deadline_seconds, self.job.start, self.job.suspend)
        else {
            return None;
        };
        let left = start.millis().saturating_add(limit.saturating_mul(1000)).saturating_sub(now.millis());
        if left <= 0 {
            return Verdict::failure("DeadlineExceeded", "Job was active longer than specified deadline");
        }
        self.deadline = Some(Duration::millis(left.unsigned_abs()));
        None
    }

    /// With `OnFailure`, restarts of containers count instead of pods.
    fn restarts_exceed(&self) -> bool {
        let policy = &self.job.template["spec"]["restartPolicy"];
        if policy.as_str() != Some("OnFailure") {
            return false;
        }
        let running = self.pods.iter().filter(|pod| matches!(pod.phase, Phase::Running | Phase::Pending));
        let restarts: i64 = running.map(|pod| i64::from(pod.restarts)).sum();
        restarts > 0 && restarts >= self.job.backoff_limit
    }

    fn count_indexes(&mut self, status: &Doc) {
        let completions = self.job.completions.unwrap_or(0);
        let before = |field: &str| parse(status[field].as_str().unwrap_or(""), completions);
        self.counted_indexes = before("completedIndexes");
        let done = self.pods.iter().filter(|pod| pod.phase == Phase::Succeeded && self.is_held(pod));
        let done: Indexes = done.filter_map(index_of).chain(self.counted_indexes.iter().copied()).collect();
        self.succeeded = done.len() as i64;
        self.succeeded_indexes = done;
        let Some(limit) = self.job.backoff_limit_per_index else { return };
        let given_up = self.pods.iter().filter(|pod| {
            let verdict = || self.judge(pod);
            self.is_held(pod)
                && self.has_failed(pod)
                && (verdict() == Policy::FailIndex
                    || verdict() != Policy::Ignore && count_in(pod, FAILURES) >= limit)
        });
        let lost: Indexes = given_up.filter_map(index_of).chain(before("failedIndexes")).collect();
        self.delay(&lost);
        self.failed_indexes = Some(lost);
    }

    /// Finds the failed pods whose failures are still to be handed on to their successors.
    fn delay(&mut self, lost: &Indexes) {
        let active: Indexes = self.active.iter().filter_map(index_of).collect();
        let rank = |pod: &Of<Pod>| (count_in(pod, FAILURES) + count_in(pod, IGNORED), finish_time(pod));
        let mut delayed: BTreeMap<i64, Of<Pod>> = BTreeMap::new();
        for pod in self.pods.iter().filter(|pod| self.is_held(pod) && self.has_failed(pod)) {
            let Some(index) = index_of(pod) else { continue };
            let settled = [&self.succeeded_indexes, lost, &active].iter().any(|set| set.contains(&index));
            if !settled && delayed.get(&index).is_none_or(|known| rank(known) <= rank(pod)) {
                delayed.insert(index, pod.clone());
            }
        }
        self.delayed = delayed;
    }

    fn end_by_indexes(&self) -> Option<Verdict> {
        let completions = self.job.completions.unwrap_or(0);
        if let Some(lost) = &self.failed_indexes {
            let count = lost.len() as i64;
            if self.job.max_failed_indexes.is_some_and(|most| count > most) {
                return Verdict::failure(
                    "MaxFailedIndexesExceeded",
                    "Job has exceeded the specified maximal number of failed indexes",
                );
            }
            if count > 0 && count + self.succeeded_indexes.len() as i64 >= completions {
                return Verdict::failure("FailedIndexes", "Job has failed indexes");
            }
        }
        let message = is_met(&self.job.success_policy, completions, &self.succeeded_indexes)?;
        let reason = "SuccessPolicy".into();
        Some(Verdict { success: true, told: false, reason, message: message.into() })
    }

    /// Has the Job looked at when its time is up.
    pub fn watch_deadline(&self, desk: &mut Desk<'_, '_>) {
        if let Some(wait) = self.deadline {
            desk.add_after(self.job.key().clone(), wait);
        }
    }
}
