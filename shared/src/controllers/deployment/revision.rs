//! One ReplicaSet a template: its name, its revision, its history.

use crate::api::apps::deployment::Deployment;
use crate::api::apps::replicaset::ReplicaSet;
use crate::api::{Key, Kind, Of, PatchKind, Reason, Request, Subresource};
use crate::collections::sort_by_key;
use crate::controllers::history::hash;
use crate::controllers::status::{condition, date};
use crate::controllers::worker::{Answer, Desk, Step};
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str};

use super::{NO_DEADLINE, Rollout, Waiting, guarded, replicas, rolling, status};

/// Label that tells the ReplicaSets of a Deployment apart.
const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
/// Longest history annotation.
const HISTORY_LENGTH: usize = 2000;
/// Annotations of a Deployment that its ReplicaSets do not take over.
const OWN: &[&str] = &[
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    replicas::DESIRED,
    replicas::MAX,
    "deprecated.deployment.rollback.to",
];

/// Whether two pod templates are the same but for the hash label.
pub fn same_template(a: &Doc, b: &Doc) -> bool {
    let equal = |a: &Doc, b: &Doc| a == b || a.is_empty() && b.is_empty();
    let labels = |doc: &Doc| {
        let mut labels = doc["metadata"]["labels"].clone();
        labels.remove(HASH);
        labels
    };
    equal(&a["spec"], &b["spec"])
        && equal(&labels(a), &labels(b))
        && equal(&a["metadata"]["annotations"], &b["metadata"]["annotations"])
}

fn revision_of(set: &Of<ReplicaSet>) -> i64 {
    set.meta().annotation(REVISION).and_then(|text| text.parse().ok()).unwrap_or(0)
}

fn next_revision(rollout: &Rollout) -> i64 {
    rollout.old.iter().map(revision_of).max().unwrap_or(0).saturating_add(1)
}

/// The Deployment's annotations, as its ReplicaSets take them over.
fn inherited(deployment: &Of<Deployment>) -> impl Iterator<Item = &(Str, Doc)> {
    deployment.meta().annotations.entries().iter().filter(|(name, _)| !OWN.contains(&name.as_str()))
}

/// Creates the ReplicaSet of the wanted template.
pub fn create(rollout: &Rollout, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let deployment = &rollout.deployment;
    let collisions = deployment.object().body["status"]["collisionCount"].as_i64().unwrap_or(0);
    let hash = hash(&deployment.template, collisions);
    let name: Str = format!("{}-{hash}", deployment.key().name).into();
    let size = rolling::new_size(deployment, rollout.size(), 0);
    let revision = next_revision(rollout);
    let mut annotations = Doc::map();
    inherited(deployment).for_each(|(name, value)| annotations.set(name.clone(), value.clone()));
    annotations.set(REVISION, revision.to_string());
    replicas::annotations(rollout).into_iter().for_each(|(name, value)| annotations.set(name, value));
    let mut template = deployment.template.clone();
    template.set_at(&["metadata", "labels", HASH], &hash);
    let mut selector = deployment.object().body["spec"]["selector"].clone();
    selector.set_at(&["matchLabels", HASH], &hash);
    let mut spec = doc!({ "replicas": size, "selector": selector, "template": template.clone() });
    if deployment.min_ready_seconds > 0 {
        spec.set("minReadySeconds", deployment.min_ready_seconds);
    }
    let owner = deployment.object().as_controller().to_doc();
    let body = doc!({
        "metadata": {
            "name": &name, "labels": template["metadata"]["labels"].clone(), "annotations": annotations,
            "ownerReferences": [owner]
        },
        "spec": spec
    });
    desk.cx.note("NewReplicaSet", Some(deployment.key().clone()), || {
        format!("no ReplicaSet has this template: {name} is made, revision {revision}").into()
    });
    let namespace = deployment.key().namespace.clone();
    let request = Request::create(desk.user.clone(), Kind::ReplicaSet, namespace, body);
    Step::Ask(vec![request], Waiting::Created { name, replicas: size, revision })
}

/// Goes on after the new ReplicaSet was asked for.
pub fn created(
    deployment: &Of<Deployment>,
    name: &Str,
    size: i64,
    revision: i64,
    answer: Answer,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let key = Key { kind: Kind::ReplicaSet, name: name.clone(), ..deployment.key().clone() };
    match answer {
        Ok(_) => {
            if size > 0 {
                let text = format!("Scaled up replica set {name} from 0 to {size}");
                desk.normal(deployment.object(), "ScalingReplicaSet", text);
            }
            let text = format!("Created new replica set \"{name}\"");
            Step::Ask(
                vec![announce(deployment, revision, "NewReplicaSetCreated", &text, desk)],
                Waiting::Written,
            )
        }
        Err(refusal) if refusal.reason == Reason::AlreadyExists => collided(deployment, &key, world, desk),
        Err(refusal) if refusal.causes.iter().any(|cause| cause.reason == "NamespaceTerminating") => {
            Step::Done
        }
        Err(refusal) => {
            let text = format!("Failed to create new replica set \"{name}\": {refusal}");
            desk.warning(deployment.object(), "ReplicaSetCreateError", text.clone());
            if deployment.progress_deadline_seconds == NO_DEADLINE {
                return Step::Retry;
            }
            let mut wanted = deployment.object().body["status"].clone();
            status::set_condition(&mut wanted, "Progressing", "False", "ReplicaSetCreateError", &text, desk);
            let old = &deployment.object().body["status"];
            match super::super::status::write(desk.user, deployment.key(), old, &wanted) {
                Some(request) => {
                    desk.add_after(deployment.key().clone(), crate::sim::Duration::seconds(1));
                    Step::Ask(vec![request], Waiting::Written)
                }
                None => Step::Retry,
            }
        }
    }
}

/// The name is taken: by our own ReplicaSet, which the cache does not show yet, or by another template whose hash
/// is the same; then the next try salts the hash differently.
fn collided(deployment: &Of<Deployment>, key: &Key, world: &World, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let Some(other) = world.of::<ReplicaSet>(key) else { return Step::Retry };
    let ours = other.meta().controller().is_some_and(|owner| owner.uid == deployment.meta().uid);
    if ours && same_template(&deployment.template, &other.template) {
        return Step::Retry;
    }
    let collisions = deployment.object().body["status"]["collisionCount"].as_i64().unwrap_or(0);
    let patch = doc!({ "status": { "collisionCount": collisions.saturating_add(1) } });
    let request = Request::patch(desk.user.clone(), deployment.key(), PatchKind::Merge, patch);
    Step::Ask(vec![request.on(Subresource::Status)], Waiting::Written)
}

/// Writes the Deployment's revision and, where progress is judged, how the new ReplicaSet came about.
fn announce(
    deployment: &Of<Deployment>,
    revision: i64,
    reason: &'static str,
    text: &str,
    desk: &Desk<'_, '_>,
) -> Request {
    let mut status = deployment.object().body["status"].clone();
    if deployment.progress_deadline_seconds != NO_DEADLINE {
        status::set_condition(&mut status, "Progressing", "True", reason, text, desk);
    }
    let mut patch = doc!({ "status": { "conditions": status["conditions"].clone() } });
    patch.set_at(&["metadata", "annotations", REVISION], revision.to_string());
    Request::patch(desk.user.clone(), deployment.key(), PatchKind::Merge, patch).on(Subresource::Status)
}

/// Brings the new ReplicaSet's annotations up to date (a rollback gives it a new revision), then the Deployment's;
/// `None` when both are.
pub fn refresh_new(rollout: &Rollout, desk: &Desk<'_, '_>) -> Option<Request> {
    let (deployment, new) = (&rollout.deployment, rollout.new.as_ref()?);
    let revision = next_revision(rollout);
    let known = revision_of(new);
    let mut changed = Doc::map();
    for (name, value) in
        inherited(deployment).filter(|(name, value)| new.meta().annotations[name.as_str()] != *value)
    {
        changed.set(name.clone(), value.clone());
    }
    if known < revision {
        changed.set(REVISION, revision.to_string());
        if known > 0 {
            changed.set(HISTORY, history(new.meta().annotation(HISTORY).unwrap_or(""), known));
        }
    }
    if !changed.is_empty() || new.min_ready_seconds != deployment.min_ready_seconds {
        let mut patch = doc!({ "metadata": { "annotations": changed } });
        if new.min_ready_seconds != deployment.min_ready_seconds {
            patch.set_at(&["spec", "minReadySeconds"], deployment.min_ready_seconds);
        }
        let patch = guarded(new.object(), patch);
        return Some(Request::patch(desk.user.clone(), new.key(), PatchKind::Merge, patch));
    }
    let stated = deployment.meta().annotation(REVISION).and_then(|text| text.parse::<i64>().ok());
    let judged = deployment.progress_deadline_seconds != NO_DEADLINE;
    let silent = judged && condition(&deployment.object().body["status"], "Progressing").is_null();
    if stated == Some(known) && !silent {
        return None;
    }
    if silent {
        let text = format!("Found new replica set \"{}\"", new.key().name);
        return Some(announce(deployment, known, "FoundNewReplicaSet", &text, desk));
    }
    let patch =
        doc!({ "metadata": { "annotations": { "deployment.kubernetes.io/revision": known.to_string() } } });
    Some(Request::patch(desk.user.clone(), deployment.key(), PatchKind::Merge, patch).on(Subresource::Status))
}

/// The history annotation with one more revision; the oldest are dropped when it grows too long.
fn history(before: &str, revision: i64) -> String {
    let mut revisions: Vec<String> =
        before.split(',').filter(|text| !text.is_empty()).map(str::to_owned).collect();
    revisions.push(revision.to_string());
    while revisions.len() > 1 && revisions.iter().map(|text| text.len() + 1).sum::<usize>() > HISTORY_LENGTH {
        revisions.remove(0);
    }
    revisions.join(",")
}

/// Deletes old ReplicaSets beyond the history limit, lowest revision first.
pub fn clean_up(rollout: &Rollout, desk: &Desk<'_, '_>) -> Vec<Request> {
    let limit = rollout.deployment.revision_history_limit;
    let mut old: Vec<&Of<ReplicaSet>> = rollout.old.iter().filter(|set| !set.meta().deleting()).collect();
    let surplus = usize::try_from(old.len() as i64 - limit).unwrap_or(0);
    sort_by_key(&mut old, |set| revision_of(set));
    let idle = |set: &&&Of<ReplicaSet>| {
        set.status_replicas == 0 && set.replicas == 0 && set.meta().generation <= set.observed_generation
    };
    let doomed = old.iter().take(surplus).filter(idle);
    doomed.map(|set| Request::delete(desk.user.clone(), set.key())).collect()
}

/// The moment a condition was last touched.
pub fn touched(condition: &Doc) -> crate::doc::Timestamp {
    condition["lastUpdateTime"].as_time().unwrap_or_default()
}

/// A new condition's document.
pub fn new_condition(
    kind: &str,
    state: &str,
    reason: &str,
    message: &str,
    now: crate::doc::Timestamp,
) -> Doc {
    doc!({
        "type": kind, "status": state, "reason": reason, "message": Str::from(message),
        "lastUpdateTime": date(now), "lastTransitionTime": date(now)
    })
}

#[cfg(test)]
mod tests {
    use super::{history, same_template};
    use crate::doc;

    #[test]
    fn templates_differ_by_more_than_their_hash_label() {
        let plain =
            doc!({ "metadata": { "labels": { "app": "web" }, "annotations": {} }, "spec": { "x": 1i64 } });
        let hashed = doc!({ "metadata": { "labels": { "app": "web", "pod-template-hash": "abc" } }, "spec": { "x": 1i64 } });
        let other = doc!({ "metadata": { "labels": { "app": "web" } }, "spec": { "x": 2i64 } });
        assert!(same_template(&plain, &hashed));
        assert!(!same_template(&plain, &other));
    }

    #[test]
    fn history_keeps_what_fits() {
        assert_eq!(history("", 1), "1");
        assert_eq!(history("1,3", 5), "1,3,5");
        assert!(history(&"1234567,".repeat(300), 9).len() <= super::HISTORY_LENGTH);
    }
}
