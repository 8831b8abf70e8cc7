//! Which volume fits a claim, and how the two are joined: what the scheduler and the volume controller agree on.

use std::sync::Arc;

use crate::api::{Key, Kind, LabelSelector, NodeAffinity, Object, Uid, bytes};
use crate::doc;
use crate::doc::{Doc, Str};

/// The claim's annotation that both sides know of each other.
pub const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// The annotation that says that no person chose the one for the other.
pub const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// The claim's annotation with the node for whose pod a volume is to be made.
pub const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// The volume's annotation with the name of who made it.
pub const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";

/// The class that a claim or a volume names; empty for none.
pub fn class(object: &Object) -> Str {
    let old = &object.meta.annotations["volume.beta.kubernetes.io/storage-class"];
    if old.is_null() { object.body["spec"]["storageClassName"].str() } else { old.str() }
}

/// Whether a claim and its volume know of each other.
pub fn is_bound(claim: &Object) -> bool {
    !claim.body["spec"]["volumeName"].is_empty() && claim.meta.annotation(BIND_COMPLETED).is_some()
}

/// The claim that a volume is kept for, and its UID if that is known.
pub fn claim_of(volume: &Object) -> Option<(Key, Uid)> {
    let claim = &volume.body["spec"]["claimRef"];
    let key = Key::new(Kind::PersistentVolumeClaim, claim["namespace"].str(), claim["name"].str());
    (!claim.is_null()).then(|| (key, Uid::parse(&claim["uid"].str())))
}

/// Whether a volume is kept for this very claim.
pub fn is_for(volume: &Object, claim: &Object) -> bool {
    claim_of(volume).is_some_and(|(key, uid)| key == claim.key && (uid.is_none() || uid == claim.meta.uid))
}

/// Whether a pod on the node could use the volume.
pub fn reaches(volume: &Object, node: &Object) -> bool {
    let affinity = &volume.body["spec"]["nodeAffinity"];
    affinity.is_null() || NodeAffinity::of_volume(affinity).allows(node)
}

/// What a claim asks for in bytes.
pub fn asked(claim: &Object) -> i64 {
    bytes(&claim.body["spec"]["resources"]["requests"]["storage"])
}

/// What a volume holds in bytes.
pub fn holds(volume: &Object) -> i64 {
    bytes(&volume.body["spec"]["capacity"]["storage"])
}

/// Why a volume cannot serve a claim that names it.
pub fn mismatch(volume: &Object, claim: &Object) -> Option<&'static str> {
    let (offered, wanted) = (&volume.body["spec"], &claim.body["spec"]);
    let modes = |wanted: &Doc| offered["accessModes"].items().contains(wanted);
    if holds(volume) < asked(claim) {
        return Some("requested PV is too small");
    }
    if class(volume) != class(claim) {
        return Some("storageClassName does not match");
    }
    if offered["volumeMode"] != wanted["volumeMode"] {
        return Some("incompatible volumeMode");
    }
    (!wanted["accessModes"].items().iter().all(modes)).then_some("incompatible accessMode")
}

/// The volume for a claim: the one that is kept for it, or, unless that has to `wait` for a node, the smallest free one
/// that is large enough and that a pod on `node` could use.
pub fn best<'a>(
    claim: &Object,
    volumes: impl Iterator<Item = &'a Arc<Object>> + Clone,
    node: Option<&Object>,
    wait: bool,
) -> Option<&'a Arc<Object>> {
    let reached = |volume: &Object| node.is_none_or(|node| reaches(volume, node));
    let kept = |volume: &&Arc<Object>| is_for(volume, claim) && !volume.meta.deleting();
    if let Some(kept) = volumes.clone().find(kept) {
        return (holds(kept) >= asked(claim) && reached(kept)).then_some(kept);
    }
    if wait && node.is_none() {
        return None;
    }
    let selector = &claim.body["spec"]["selector"];
    let selected = LabelSelector::from_doc(selector);
    let fits = |volume: &&Arc<Object>| {
        volume.body["spec"]["claimRef"].is_null()
            && volume.body["status"]["phase"].as_str() == Some("Available")
            && !volume.meta.deleting()
            && mismatch(volume, claim).is_none()
            && (selector.is_null() || selected.matches(&volume.meta.labels))
            && reached(volume)
    };
    volumes.filter(fits).min_by_key(|volume| (holds(volume), volume.key.clone()))
}

/// The patch that keeps a volume for a claim, if nobody was faster.
pub fn keep(volume: &Object, claim: &Object) -> Doc {
    let mut patch = doc!({
        "metadata": { "resourceVersion": volume.meta.resource_version.to_string() },
        "spec": { "claimRef": {
            "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": &claim.key.name,
            "namespace": &claim.key.namespace, "uid": claim.meta.uid.text(),
            "resourceVersion": claim.meta.resource_version.to_string()
        } }
    });
    // Whoever named the claim in the volume keeps it that way.
    if volume.body["spec"]["claimRef"].is_null() {
        patch.set_at(&["metadata", "annotations", BOUND_BY_CONTROLLER], "yes");
    }
    patch
}
