//! Counts of workloads.

use crate::api::Kind;
use crate::api::validation::{At, Faults};
use crate::doc::Doc;

/// What is counted of each kind, in the order in which it is looked at.
fn counts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deployment => &[
            "observedGeneration",
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
            "terminatingReplicas",
            "collisionCount",
        ],
        Kind::StatefulSet => &[
            "replicas",
            "readyReplicas",
            "currentReplicas",
            "updatedReplicas",
            "availableReplicas",
            "observedGeneration",
            "collisionCount",
        ],
        Kind::DaemonSet => &[
            "currentNumberScheduled",
            "numberMisscheduled",
            "desiredNumberScheduled",
            "numberReady",
            "observedGeneration",
            "updatedNumberScheduled",
            "numberAvailable",
            "numberUnavailable",
            "collisionCount",
        ],
        _ => &[
            "replicas",
            "fullyLabeledReplicas",
            "readyReplicas",
            "availableReplicas",
            "observedGeneration",
            "terminatingReplicas",
        ],
    }
}

/// Which of them are parts of all.
fn parts(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Deployment => &["updatedReplicas", "readyReplicas", "availableReplicas"],
        Kind::StatefulSet => &["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
        Kind::DaemonSet => &[],
        _ => &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
    }
}

pub(super) fn validate(kind: Kind, status: &At<'_>, old: &Doc, faults: &mut Faults) {
    super::none_negative(status, counts(kind), faults);
    let more = |field: &str, than: &str| status.field(field).number() > status.field(than).number();
    for part in parts(kind) {
        if more(part, "replicas") {
            let part = status.field(part);
            faults.invalid(&part, &Doc::from(part.number()), "cannot be greater than status.replicas");
        }
    }
    if more("availableReplicas", "readyReplicas") {
        let named = if kind == Kind::StatefulSet { "status.readyReplicas" } else { "readyReplicas" };
        let available = status.field("availableReplicas");
        let count = Doc::from(available.number());
        faults.invalid(&available, &count, format!("cannot be greater than {named}"));
    }
    let collisions = status.field("collisionCount");
    if old["collisionCount"].as_i64().is_some_and(|before| collisions.number() < before) {
        faults.invalid(&collisions, &Doc::from(collisions.number()), "cannot be decremented");
    }
}
