//! How many pods each ReplicaSet of a Deployment gets when the Deployment's size changes.

use crate::api::apps::replicaset::ReplicaSet;
use crate::api::{Of, PatchKind, Request};
use crate::collections::sort_by;
use crate::controllers::worker::{Desk, Step};
use crate::doc;
use crate::doc::Doc;

use super::{Rollout, Waiting, guarded, rolling};

/// Annotation: the Deployment's size when the ReplicaSet was last scaled.
pub const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
/// Annotation: that size plus the surge.
pub const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// Oldest first, then by name.
pub fn sort_by_age(sets: &mut [Of<ReplicaSet>]) {
    sort_by(sets, |a, b| (a.meta().creation, &a.key().name).cmp(&(b.meta().creation, &b.key().name)));
}

/// The annotations that a ReplicaSet carries about its Deployment's size.
pub fn annotations(rollout: &Rollout) -> [(&'static str, String); 2] {
    let deployment = &rollout.deployment;
    [
        (DESIRED, deployment.replicas.to_string()),
        (MAX, deployment.replicas.saturating_add(rolling::surge(deployment)).to_string()),
    ]
}

fn annotated(set: &Of<ReplicaSet>, name: &str) -> Option<i64> {
    let size: i32 = set.meta().annotation(name)?.parse().ok()?;
    (size >= 0).then_some(size.into())
}

/// Whether the Deployment's size changed since its ReplicaSets were scaled.
pub fn is_scaling(rollout: &Rollout) -> bool {
    let wanted = rollout.deployment.replicas;
    rollout
        .all()
        .filter(|set| set.replicas > 0)
        .any(|set| annotated(set, DESIRED).is_some_and(|size| size != wanted))
}

/// The requests that give ReplicaSets new sizes (and bring their annotations up to date); `step` says whether that is
/// a step of a rollout.
pub fn scale(
    rollout: &Rollout,
    sizes: Vec<(Of<ReplicaSet>, i64)>,
    step: bool,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let mut requests = Vec::new();
    let mut changes = Vec::new();
    for (set, size) in sizes {
        let mut patch = doc!({ "spec": { "replicas": size } });
        for (name, value) in annotations(rollout) {
            patch.set_at(&["metadata", "annotations", name], value);
        }
        let patch = guarded(set.object(), patch);
        requests.push(Request::patch(desk.user.clone(), set.key(), PatchKind::Merge, patch));
        changes.push((set.key().name.clone(), set.replicas, size));
        desk.cx.note("Scale", Some(set.key().clone()), || format!("from {} to {size}", set.replicas).into());
    }
    Step::Ask(requests, Waiting::Scaled { changes, rollout: step })
}

/// What a change of the Deployment's size means for each ReplicaSet: only those that change.
pub fn resize(rollout: &Rollout) -> Vec<(Of<ReplicaSet>, i64)> {
    let wanted = rollout.deployment.replicas;
    let active: Vec<&Of<ReplicaSet>> = rollout.all().filter(|set| set.replicas > 0).collect();
    let only = match active[..] {
        [] => rollout.new.as_ref().or(rollout.old.last()),
        [one] => Some(one),
        _ => None,
    };
    if active.len() < 2 {
        return only
            .filter(|set| set.replicas != wanted)
            .map(|set| (set.clone(), wanted))
            .into_iter()
            .collect();
    }
    if let Some(new) = &rollout.new
        && is_saturated(rollout, new)
    {
        return rollout.old.iter().filter(|set| set.replicas > 0).map(|set| (set.clone(), 0)).collect();
    }
    if rollout.deployment.recreate {
        return Vec::new();
    }
    proportional(rollout, active)
}

/// Whether the new ReplicaSet alone already is what the Deployment wants.
fn is_saturated(rollout: &Rollout, new: &Of<ReplicaSet>) -> bool {
    let wanted = rollout.deployment.replicas;
    new.replicas == wanted && annotated(new, DESIRED) == Some(wanted) && new.available_replicas == wanted
}

/// In the middle of a rollout every ReplicaSet keeps its share; what rounding leaves over goes to the largest.
fn proportional(rollout: &Rollout, mut active: Vec<&Of<ReplicaSet>>) -> Vec<(Of<ReplicaSet>, i64)> {
    let wanted = rollout.deployment.replicas;
    let allowed = if wanted > 0 { wanted.saturating_add(rolling::surge(&rollout.deployment)) } else { 0 };
    let size = active.iter().map(|set| set.replicas).fold(0, i64::saturating_add);
    let to_add = allowed.saturating_sub(size);
    // Growing favours the newer of two equals, shrinking takes from the older.
    sort_by(&mut active, |a, b| {
        let age = (a.meta().creation, &a.key().name).cmp(&(b.meta().creation, &b.key().name));
        b.replicas.cmp(&a.replicas).then(if to_add > 0 { age.reverse() } else { age })
    });
    let mut added = 0;
    let mut sizes: Vec<i64> = Vec::new();
    for set in &active {
        let share = if to_add == 0 || added == to_add { 0 } else { share(rollout, set, to_add - added) };
        sizes.push(set.replicas + share);
        added += share;
    }
    if to_add != 0 {
        sizes[0] = (sizes[0] + to_add - added).max(0);
    }
    let [(_, desired), (_, max)] = annotations(rollout);
    let stale = |set: &Of<ReplicaSet>| {
        set.meta().annotation(DESIRED) != Some(&desired) || set.meta().annotation(MAX) != Some(&max)
    };
    let pairs = active.into_iter().zip(sizes);
    pairs
        .filter(|(set, size)| *size != set.replicas || stale(set))
        .map(|(set, size)| (set.clone(), size))
        .collect()
}

/// A ReplicaSet's share of `left` pods to add (or, when negative, to take away).
fn share(rollout: &Rollout, set: &Of<ReplicaSet>, left: i64) -> i64 {
    let fraction = fraction(rollout, set);
    if left > 0 { fraction.min(left) } else { fraction.max(left) }
}

fn fraction(rollout: &Rollout, set: &Of<ReplicaSet>) -> i64 {
    let deployment = &rollout.deployment;
    if deployment.replicas == 0 {
        return -set.replicas;
    }
    let status: &Doc = &deployment.object().body["status"];
    let before = annotated(set, MAX).filter(|max| *max != 0).or(status["replicas"].as_i64()).unwrap_or(0);
    if before == 0 {
        return 0;
    }
    let now = deployment.replicas.saturating_add(rolling::surge(deployment));
    rounded_quotient(set.replicas.saturating_mul(now), before).saturating_sub(set.replicas)
}

/// `a / b` rounded to the nearest whole number, halves up; both positive.
fn rounded_quotient(a: i64, b: i64) -> i64 {
    a.saturating_mul(2).saturating_add(b) / b.saturating_mul(2)
}
