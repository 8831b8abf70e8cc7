//! Whether a definition's names are free, and what its conditions say of that and of its end.

use std::sync::Arc;

use crate::api::{Meta, Object};
use crate::doc;
use crate::doc::{Doc, Timestamp, literal};

use super::{is_true, texts};

/// What holds a definition until its resources are gone.
pub const FINALIZER: &str = "customresourcecleanup.apiextensions.k8s.io";

/// The definition with its names accepted or refused, and established once they are; `None` when it says so already.
/// `others` are all definitions of the cluster.
pub fn judged(object: &Object, others: &[Arc<Object>], now: Timestamp) -> Option<Object> {
    if object.meta.deleting() {
        return None;
    }
    let (wanted, before) = (&object.body["spec"]["names"], &object.body["status"]);
    let rivals = others.iter().filter(|other| {
        other.key != object.key && other.body["spec"]["group"] == object.body["spec"]["group"]
    });
    let taken: Vec<&Doc> = rivals.map(|other| &other.body["status"]["acceptedNames"]).collect();
    let mut accepted = before["acceptedNames"].clone();
    let mut conflict = None;
    for (field, reason) in
        [("plural", "PluralConflict"), ("singular", "SingularConflict"), ("shortNames", "ShortNamesConflict")]
    {
        let used = |name: &str| {
            taken.iter().any(|names| {
                names["plural"].as_str() == Some(name)
                    || names["singular"].as_str() == Some(name)
                    || texts(&names["shortNames"]).contains(&name)
            })
        };
        let asked = if field == "shortNames" {
            texts(&wanted[field])
        } else {
            wanted[field].as_str().into_iter().collect()
        };
        match asked.into_iter().find(|name| used(name)) {
            Some(name) => conflict = Some((reason, format!("{name:?} is already in use"))),
            None => accept(&mut accepted, field, &wanted[field]),
        }
    }
    for (field, reason) in [("kind", "KindConflict"), ("listKind", "ListKindConflict")] {
        let name = wanted[field].str();
        let used = taken.iter().any(|names| names["kind"].str() == name || names["listKind"].str() == name);
        match used {
            true => conflict = Some((reason, format!("{name:?} is already in use"))),
            false => accept(&mut accepted, field, &wanted[field]),
        }
    }
    accept(&mut accepted, "categories", &wanted["categories"]);
    let mut status = before.clone();
    let free = conflict.is_none();
    let (reason, message) = conflict.unwrap_or(("NoConflicts", "no conflicts found".into()));
    set(&mut status, "NamesAccepted", (free, reason, &message), now);
    // Established once, always so.
    if free {
        set(
            &mut status,
            "Established",
            (true, "InitialNamesAccepted", "the initial names have been accepted"),
            now,
        );
    } else if !is_true(before, "Established") {
        set(&mut status, "Established", (false, "NotAccepted", "not all names are accepted"), now);
    }
    status.set("acceptedNames", accepted);
    changed(object, object.meta.clone(), status)
}

/// The definition on its way out: its resources go first. `done` says that they have.
pub fn terminating(object: &Object, done: bool, now: Timestamp) -> Option<Object> {
    let mut meta = object.meta.clone();
    let mut status = object.body["status"].clone();
    let finalizers = &mut meta.finalizers;
    if done {
        finalizers.retain(|held| held != FINALIZER);
        set(&mut status, "Terminating", (false, "InstanceDeletionCompleted", "removed all instances"), now);
    } else {
        if !finalizers.iter().any(|held| held == FINALIZER) {
            finalizers.push(literal!("customresourcecleanup.apiextensions.k8s.io"));
        }
        let message = "CustomResource deletion is in progress";
        set(&mut status, "Terminating", (true, "InstanceDeletionInProgress", message), now);
    }
    changed(object, meta, status)
}

fn changed(object: &Object, meta: Meta, status: Doc) -> Option<Object> {
    if status == object.body["status"] && meta == object.meta {
        return None;
    }
    let mut body = object.body.clone();
    body.set("status", status);
    Some(Object::new(object.key.clone(), meta, body, Some(object)))
}

fn accept(accepted: &mut Doc, field: &'static str, name: &Doc) {
    if name.is_empty() {
        accepted.remove(field);
    } else {
        accepted.set(field, name);
    }
}

fn set(status: &mut Doc, of: &str, (is, reason, message): (bool, &str, &str), now: Timestamp) {
    let state = if is { "True" } else { "False" };
    let mut all = status["conditions"].items().to_vec();
    let place = all.iter().position(|condition| condition["type"].as_str() == Some(of));
    let since = match place.map(|at| &all[at]) {
        Some(before) if before["status"].as_str() == Some(state) => before["lastTransitionTime"].clone(),
        _ => Doc::Time(now.floor_seconds()),
    };
    let condition = doc!({
        "lastTransitionTime": since, "message": message, "reason": reason, "status": state, "type": of
    });
    match place {
        Some(at) => all[at] = condition,
        None => all.push(condition),
    }
    status.set("conditions", all);
}
