//! What of a pod's spec may change once it is there: next to nothing.

use crate::api::internal;
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

use super::validation;

const CHANGEABLE: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
     `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
     tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

pub(super) fn validate(new: &Doc, old: &Doc, faults: &mut Faults) {
    let (new_at, old_at) = (At::root(new, "spec"), At::root(old, "spec"));
    for list in ["containers", "initContainers"] {
        if new[list].items().len() != old[list].items().len() {
            return faults.forbidden(&new_at.field(list), "pod updates may not add or remove containers");
        }
    }
    if !deadline(&new_at, &old_at, faults) {
        return;
    }
    only_added_tolerations(&new_at.field("tolerations"), &old["tolerations"], faults);
    let gates: BTreeSet<Str> = old["schedulingGates"].items().iter().map(|gate| gate["name"].str()).collect();
    for (at, gate) in new_at.field("schedulingGates").each().enumerate() {
        if !gates.contains(&gate["name"].str()) {
            let gate = gate["name"].str();
            let why = format!("only deletion is allowed, but found new scheduling gate '{gate}'");
            faults.forbidden(format!("spec.schedulingGates[{at}].name"), &why);
        }
    }
    let mut kept = as_it_was(new, old);
    // Whoever holds a pod back may still narrow where it can go.
    if !gates.is_empty() {
        narrowed(&new_at, old, faults);
        restore(&mut kept, old, &["nodeSelector"]);
        restore(&mut kept, old, &["affinity", "nodeAffinity"]);
    }
    if kept != *old {
        let difference = internal::difference("PodSpec", old, &kept);
        faults.forbidden("spec", &format!("{CHANGEABLE}\n{difference}"));
    }
}

/// It may be set, and be lowered; false when there is no use in looking further.
fn deadline(new: &At<'_>, old: &At<'_>, faults: &mut Faults) -> bool {
    let deadline = new.field("activeDeadlineSeconds");
    match (deadline.as_i64(), old.field("activeDeadlineSeconds").as_i64()) {
        (Some(after), _) if !(0..=i64::from(i32::MAX)).contains(&after) => {
            faults.invalid(&deadline, &deadline, "must be between 0 and 2147483647, inclusive");
            false
        }
        (Some(after), Some(before)) if after > before => {
            faults.invalid(&deadline, &deadline, "must be less than or equal to previous value");
            false
        }
        (None, Some(_)) => {
            faults.invalid(&deadline, &Doc::Null, "must not update from a positive integer to nil value");
            true
        }
        _ => true,
    }
}

fn only_added_tolerations(new: &At<'_>, old: &Doc, faults: &mut Faults) {
    let lasting = |toleration: &Doc| {
        let mut toleration = toleration.clone();
        toleration.remove("tolerationSeconds");
        toleration.to_json()
    };
    let after: BTreeSet<String> = new.items().iter().map(lasting).collect();
    let kept = old.items().iter().all(|before| after.contains(&lasting(before)));
    if !kept {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        return faults.forbidden(new, why);
    }
    // The rest was looked at with the whole spec; upstream looks twice and says it once.
    validation::tolerations(new, faults);
}

/// Sets what stands at a path to what it was.
fn restore(kept: &mut Doc, old: &Doc, path: &[&str]) {
    let (before, after) = (old.at(path), kept.at(path));
    if before == after {
        return;
    }
    match before {
        _ if old[path[0]].is_null() => drop(kept.remove(path[0])),
        Doc::Null => drop(kept.at_mut(&path[..path.len() - 1]).remove(path[path.len() - 1])),
        before => kept.set_at(path, before.clone()),
    }
}

/// The node selector may get more keys, and each required term more expressions; terms that were not there may all come.
fn narrowed(new: &At<'_>, old: &Doc, faults: &mut Faults) {
    let selector = new.field("nodeSelector");
    if old["nodeSelector"].entries().iter().any(|(key, value)| selector[key.as_str()] != *value) {
        let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
        faults.invalid(&selector, &selector, why);
    }
    const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
    let affinity = new.field("affinity");
    let affinity = affinity.field("nodeAffinity");
    let required = affinity.field(REQUIRED);
    let terms = required.field("nodeSelectorTerms");
    let before = old.at(&["affinity", "nodeAffinity", REQUIRED, "nodeSelectorTerms"]).items();
    if !before.is_empty() && before.len() != terms.items().len() {
        let why = "no additions/deletions to non-empty NodeSelectorTerms list are allowed";
        return faults.invalid(&terms, &terms, why);
    }
    for (term, before) in terms.each().zip(before) {
        let lists = ["matchExpressions", "matchFields"];
        let was_empty = lists.iter().all(|list| before[*list].is_empty());
        let kept = lists.iter().all(|list| match was_empty {
            true => term[*list].is_empty(),
            false => term[*list].items().starts_with(before[*list].items()),
        });
        if !kept {
            faults.invalid(&term, &term, "only additions are allowed (no mutations or deletions)");
        }
    }
}

/// The new spec, with everything that may change as it was before.
fn as_it_was(new: &Doc, old: &Doc) -> Doc {
    let mut kept = new.clone();
    for list in ["containers", "initContainers"] {
        for (at, before) in old[list].items().iter().enumerate() {
            if kept[list][at]["image"] != before["image"] {
                kept.at_mut(&[list]).items_mut()[at].set("image", before["image"].clone());
            }
        }
    }
    let mut fields = vec!["activeDeadlineSeconds", "tolerations", "schedulingGates"];
    let grace = "terminationGracePeriodSeconds";
    if old[grace].as_i64().is_some_and(|before| before < 0) && new[grace].as_i64() == Some(1) {
        fields.push(grace);
    }
    for field in fields {
        match &old[field] {
            Doc::Null => drop(kept.remove(field)),
            before => kept.set(field, before.clone()),
        }
    }
    kept
}
