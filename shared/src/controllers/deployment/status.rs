//! The status of a Deployment: counts, and the conditions Available and Progressing.

use crate::api::Of;
use crate::api::Request;
use crate::api::apps::deployment::Deployment;
use crate::api::apps::replicaset::ReplicaSet;
use crate::controllers::status::{condition, omit_empty, remove_condition, write};
use crate::controllers::worker::{Desk, Step};
use crate::doc::{Doc, Str};
use crate::sim::Duration;
use crate::{controllers::deployment::rolling, doc};

use super::revision::{new_condition, touched};
use super::{Rollout, Waiting};

/// Sets a condition unless one with the same status and reason is there; the moment of the last transition stays
/// while the status does.
pub fn set_condition(
    status: &mut Doc,
    kind: &str,
    state: &str,
    reason: &str,
    message: &str,
    desk: &Desk<'_, '_>,
) {
    let current = condition(status, kind).clone();
    if current["status"].as_str() == Some(state) && current["reason"].as_str() == Some(reason) {
        return;
    }
    let mut fresh = new_condition(kind, state, reason, message, desk.timestamp());
    if current["status"].as_str() == Some(state) {
        fresh.set("lastTransitionTime", current["lastTransitionTime"].clone());
    }
    remove_condition(status, kind);
    status.at_mut(&["conditions"]).edit_items().push(fresh);
}

/// The write that tells that a pause was noticed, or its end; `None` when it was told before.
pub fn pause_or_resume(rollout: &Rollout, desk: &Desk<'_, '_>) -> Option<Request> {
    let deployment = &rollout.deployment;
    let old = &deployment.object().body["status"];
    let reason = condition(old, "Progressing")["reason"].str();
    if !rollout.has_deadline() || reason == "ProgressDeadlineExceeded" {
        return None;
    }
    let told = reason == "DeploymentPaused";
    let mut new = old.clone();
    match (deployment.paused, told) {
        (true, false) => set_condition(
            &mut new,
            "Progressing",
            "Unknown",
            "DeploymentPaused",
            "Deployment is paused",
            desk,
        ),
        (false, true) => {
            set_condition(
                &mut new,
                "Progressing",
                "Unknown",
                "DeploymentResumed",
                "Deployment is resumed",
                desk,
            );
        }
        _ => return None,
    }
    write(desk.user, deployment.key(), old, &new)
}

/// Whether the rollout is done: everything updated, available, and nothing old left.
pub fn is_complete(deployment: &Of<Deployment>, status: &Doc) -> bool {
    let count = |field: &str| status[field].as_i64().unwrap_or(0);
    count("updatedReplicas") == deployment.replicas
        && count("replicas") == deployment.replicas
        && count("availableReplicas") == deployment.replicas
        && count("observedGeneration") >= deployment.meta().generation
}

/// Writes the status where it changed. `judge` says whether a rollout is on whose progress counts.
pub fn sync(rollout: &Rollout, judge: bool, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let deployment = &rollout.deployment;
    let old = &deployment.object().body["status"];
    let mut new = counts(rollout, desk);
    if judge {
        judge_progress(rollout, old, &mut new, desk);
        copy_failures(rollout, &mut new, desk);
    }
    omit_empty(&mut new, &["conditions"]);
    match write(desk.user, deployment.key(), old, &new) {
        Some(request) => Step::Ask(vec![request], Waiting::Written),
        None => {
            if judge {
                look_again_at_deadline(rollout, old, desk);
            }
            Step::Done
        }
    }
}

fn counts(rollout: &Rollout, desk: &Desk<'_, '_>) -> Doc {
    let deployment = &rollout.deployment;
    let old = &deployment.object().body["status"];
    let sum = |field: fn(&Of<ReplicaSet>) -> i64| rollout.all().map(field).fold(0, i64::saturating_add);
    let available = sum(|set| set.available_replicas);
    let terminating = sum(|set| set.object().body["status"]["terminatingReplicas"].as_i64().unwrap_or(0));
    let mut status = doc!({
        "observedGeneration": deployment.meta().generation,
        "replicas": sum(|set| set.status_replicas),
        "updatedReplicas": rollout.new.as_ref().map_or(0, |set| set.status_replicas),
        "readyReplicas": sum(|set| set.ready_replicas),
        "availableReplicas": available,
        "unavailableReplicas": rollout.size().saturating_sub(available).max(0),
        "terminatingReplicas": terminating,
        "collisionCount": old["collisionCount"].clone(),
        "conditions": old["conditions"].clone()
    });
    omit_empty(
        &mut status,
        &[
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "collisionCount",
        ],
    );
    if available >= deployment.replicas - rolling::max_unavailable(deployment) {
        let text = "Deployment has minimum availability.";
        set_condition(&mut status, "Available", "True", "MinimumReplicasAvailable", text, desk);
    } else {
        let text = "Deployment does not have minimum availability.";
        set_condition(&mut status, "Available", "False", "MinimumReplicasUnavailable", text, desk);
    }
    status
}

fn judge_progress(rollout: &Rollout, old: &Doc, new: &mut Doc, desk: &mut Desk<'_, '_>) {
    if !rollout.has_deadline() {
        remove_condition(new, "Progressing");
        return;
    }
    let current = condition(old, "Progressing").clone();
    let settled = new["replicas"] == new["updatedReplicas"]
        && current["reason"].as_str() == Some("NewReplicaSetAvailable");
    if settled {
        return;
    }
    let subject = match &rollout.new {
        Some(set) => format!("ReplicaSet \"{}\"", set.key().name),
        None => format!("Deployment \"{}\"", rollout.deployment.key().name),
    };
    if is_complete(&rollout.deployment, new) {
        let text = format!("{subject} has successfully progressed.");
        set_condition(new, "Progressing", "True", "NewReplicaSetAvailable", &text, desk);
    } else if progressed(old, new) {
        // The same reason again, but the moment of the last sign of progress counts for the deadline.
        let text = format!("{subject} is progressing.");
        let mut fresh = new_condition("Progressing", "True", "ReplicaSetUpdated", &text, desk.timestamp());
        if current["status"].as_str() == Some("True") {
            fresh.set("lastTransitionTime", current["lastTransitionTime"].clone());
        }
        remove_condition(new, "Progressing");
        new.at_mut(&["conditions"]).edit_items().push(fresh);
    } else if timed_out(rollout, new, desk) {
        let text = format!("{subject} has timed out progressing.");
        set_condition(new, "Progressing", "False", "ProgressDeadlineExceeded", &text, desk);
    }
}

fn progressed(old: &Doc, new: &Doc) -> bool {
    let count = |status: &Doc, field: &str| status[field].as_i64().unwrap_or(0);
    let outdated = |status: &Doc| count(status, "replicas").saturating_sub(count(status, "updatedReplicas"));
    let grown = |field: &str| count(new, field) > count(old, field);
    grown("updatedReplicas")
        || outdated(new) < outdated(old)
        || grown("readyReplicas")
        || grown("availableReplicas")
}

fn timed_out(rollout: &Rollout, status: &Doc, desk: &Desk<'_, '_>) -> bool {
    let current = condition(status, "Progressing");
    match current["reason"].as_str() {
        None | Some("NewReplicaSetAvailable") => false,
        Some("ProgressDeadlineExceeded") => true,
        Some(_) => desk.timestamp().millis() > deadline(rollout, current),
    }
}

/// The moment in milliseconds after which there has been no progress for too long.
fn deadline(rollout: &Rollout, progressing: &Doc) -> i64 {
    let seconds = touched(progressing).seconds().saturating_add(rollout.deployment.progress_deadline_seconds);
    seconds.saturating_mul(1000)
}

/// Comes back when the progress deadline will have passed, since no change will say so.
fn look_again_at_deadline(rollout: &Rollout, status: &Doc, desk: &mut Desk<'_, '_>) {
    let current = condition(status, "Progressing");
    let over = current["reason"].as_str() == Some("ProgressDeadlineExceeded");
    if !rollout.has_deadline() || current.is_null() || over || is_complete(&rollout.deployment, status) {
        return;
    }
    let left = deadline(rollout, current).saturating_sub(desk.timestamp().millis());
    let left = u64::try_from(left).unwrap_or(0);
    // A second more, since times are kept in whole seconds.
    desk.add_after(rollout.deployment.key().clone(), Duration::millis(left) + Duration::seconds(1));
}

/// Shows on the Deployment that a ReplicaSet cannot create or delete pods.
fn copy_failures(rollout: &Rollout, status: &mut Doc, desk: &Desk<'_, '_>) {
    let failure = |set: &Of<ReplicaSet>| {
        let found = condition(&set.object().body["status"], "ReplicaFailure").clone();
        (!found.is_null()).then_some(found)
    };
    match rollout.new.iter().chain(&rollout.old).find_map(failure) {
        Some(found) => {
            let text = |field: &str| -> Str { found[field].str() };
            let (state, reason, message) = (text("status"), text("reason"), text("message"));
            set_condition(status, "ReplicaFailure", &state, &reason, &message, desk);
        }
        None => remove_condition(status, "ReplicaFailure"),
    }
}
