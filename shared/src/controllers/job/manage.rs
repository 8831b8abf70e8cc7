//! Which pods a Job lacks and which are too many.

use crate::api::batch::job::COMPLETION_INDEX;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Of};
use crate::collections::{BTreeSet, sort_by_key};
use crate::controllers::pods::body;
use crate::doc;
use crate::doc::{Doc, Timestamp};
use crate::sim::Duration;

use super::backoff::{finish_time, remaining};
use super::indexes::Indexes;
use super::policy::Verdict;
use super::situation::{FAILURES, IGNORED, Situation};
use super::{FINALIZER, count_in, index_of};

/// How many pods one sync creates or deletes at most.
const MOST: i64 = 500;

/// What is to be done with pods.
pub enum Next {
    Nothing,
    /// Pods are missing, and made when the back-off is over.
    Wait(Duration),
    Delete(Vec<Key>),
    Create(Vec<Doc>),
}

pub fn next(situation: &Situation, now: Timestamp) -> Next {
    let job = &situation.job;
    let active = situation.active.len() as i64;
    let wanted = match job.completions {
        _ if job.suspend => 0,
        // Without a number to reach, the first success means that those who run are the last.
        None if situation.succeeded > 0 => active,
        None => job.parallelism,
        Some(completions) => (completions - situation.succeeded).clamp(0, job.parallelism),
    };
    let doomed = surplus(situation, (active - wanted).max(0));
    if !doomed.is_empty() || job.suspend {
        return if doomed.is_empty() { Next::Nothing } else { Next::Delete(doomed) };
    }
    let leaving = if situation.only_replace_failed() { situation.terminating } else { 0 };
    let missing = (wanted - leaving - active).min(MOST);
    if missing <= 0 {
        return Next::Nothing;
    }
    if job.backoff_limit_per_index.is_none() {
        let wait = situation.record.remaining(now);
        if wait > Duration::ZERO {
            return Next::Wait(wait);
        }
    }
    if !job.indexed {
        return Next::Create((0..missing).map(|_| pod(situation, None)).collect());
    }
    let indexes = pending(situation, missing);
    let waits = indexes.iter().map(|index| (*index, wait_of(situation, *index, now)));
    let (ready, waiting): (Vec<_>, Vec<_>) = waits.partition(|(_, wait)| *wait == Duration::ZERO);
    match (ready.is_empty(), waiting.iter().map(|(_, wait)| *wait).min()) {
        (true, Some(wait)) => Next::Wait(wait),
        (true, None) => Next::Nothing,
        _ => Next::Create(ready.into_iter().map(|(index, _)| pod(situation, Some(index))).collect()),
    }
}

/// Pods that are too many: twins of one index first, then those that are least far.
fn surplus(situation: &Situation, count: i64) -> Vec<Key> {
    let rank = |pod: &Of<Pod>| {
        let phase = match pod.phase {
            Phase::Pending => 0,
            Phase::Unknown => 1,
            _ => 2,
        };
        let age = std::cmp::Reverse((pod.restarts, pod.meta().creation));
        (!pod.node_name.is_empty(), phase, pod.ready, age, pod.key().clone())
    };
    let mut pods = situation.active.clone();
    sort_by_key(&mut pods, rank);
    let mut doomed: Vec<Key> = Vec::new();
    if situation.job.indexed {
        let mut seen = BTreeSet::new();
        // The last of twins is the farthest, and stays.
        pods = pods
            .into_iter()
            .rev()
            .filter(|pod| {
                let stays = situation.valid_index(pod).is_some_and(|index| seen.insert(index));
                if !stays {
                    doomed.push(pod.key().clone());
                }
                stays
            })
            .collect();
        pods.reverse();
    }
    let more = usize::try_from(count - doomed.len() as i64).unwrap_or(0);
    doomed.extend(pods.iter().take(more).map(|pod| pod.key().clone()));
    doomed.truncate(MOST as usize);
    doomed
}

/// The first indexes that have neither ended nor a pod.
fn pending(situation: &Situation, count: i64) -> Vec<i64> {
    let mut taken: Indexes = situation.succeeded_indexes.clone();
    taken.extend(situation.active.iter().filter_map(index_of));
    taken.extend(situation.failed_indexes.iter().flatten().copied());
    if situation.only_replace_failed() {
        let leaving = situation.pods.iter().filter(|pod| pod.meta().deleting() && !pod.phase.is_terminal());
        taken.extend(leaving.filter_map(index_of));
    }
    let all = 0..situation.job.completions.unwrap_or(0);
    all.filter(|index| !taken.contains(index)).take(usize::try_from(count).unwrap_or(0)).collect()
}

/// How long an index has to wait for its next pod.
fn wait_of(situation: &Situation, index: i64, now: Timestamp) -> Duration {
    let Some(last) = situation.delayed.get(&index) else { return Duration::ZERO };
    let failures = count_in(last, FAILURES) + count_in(last, IGNORED) + 1;
    remaining(u32::try_from(failures).unwrap_or(u32::MAX), finish_time(last), now)
}

/// The body of a new pod.
fn pod(situation: &Situation, index: Option<i64>) -> Doc {
    let job = &situation.job;
    let mut pod = body(job.object(), &job.template);
    let finalizers = pod.at_mut(&["metadata", "finalizers"]);
    if !finalizers.items().iter().any(|known| known.as_str() == Some(FINALIZER)) {
        finalizers.edit_items().push(Doc::from(FINALIZER));
    }
    let Some(index) = index else { return pod };
    let name = format!("{}-{index}", job.key().name);
    let metadata = pod.at_mut(&["metadata"]);
    metadata.set("generateName", format!("{name}-"));
    for map in ["annotations", "labels"] {
        metadata.at_mut(&[map]).set(COMPLETION_INDEX, index.to_string());
    }
    if job.backoff_limit_per_index.is_some() {
        let (failures, ignored) = handed_on(situation, index);
        let annotations = metadata.at_mut(&["annotations"]);
        annotations.set(FAILURES, failures.to_string());
        if ignored > 0 {
            annotations.set(IGNORED, ignored.to_string());
        }
    }
    let spec = pod.at_mut(&["spec"]);
    spec.set("hostname", name);
    for list in ["initContainers", "containers"] {
        if !spec[list].items().is_empty() {
            spec.at_mut(&[list]).items_mut().iter_mut().for_each(tell_index);
        }
    }
    pod
}

/// Failures of an index so far: those that count and those that do not.
fn handed_on(situation: &Situation, index: i64) -> (i64, i64) {
    let Some(last) = situation.delayed.get(&index) else { return (0, 0) };
    let ignored = i64::from(situation.judge(last) == Verdict::Ignore);
    (count_in(last, FAILURES) + 1 - ignored, count_in(last, IGNORED) + ignored)
}

/// A container of an Indexed Job finds its index in its environment.
fn tell_index(container: &mut Doc) {
    const NAME: &str = "JOB_COMPLETION_INDEX";
    if container["env"].items().iter().any(|variable| variable["name"].as_str() == Some(NAME)) {
        return;
    }
    let path = format!("metadata.labels['{COMPLETION_INDEX}']");
    let from = doc!({ "fieldRef": { "apiVersion": "v1", "fieldPath": path } });
    container.at_mut(&["env"]).edit_items().push(doc!({ "name": NAME, "valueFrom": from }));
}
