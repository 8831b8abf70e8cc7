//! `kubectl set selector` and `set subject`

use crate::doc;
use crate::doc::Doc;

use super::super::args::Args;
use super::super::change::Patching;
use super::super::create::service_account;
use super::super::failure::Failure;
use super::super::io::{Io, Stop};
use super::super::resource::targets;
use super::{called, subjects_of};

pub(super) fn selector(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((expression, subjects)) = words.split_last() else {
        return Err(io.fail("one selector is required"));
    };
    let wanted = super::super::expose::pairs(expression);
    let unfit = unequal(expression);
    let mut failures = Vec::new();
    for (target, object) in subjects_of(subjects, args, io, &mut failures)? {
        if let Some(unfit) = unfit.as_ref().filter(|_| target.kind.kind == "Service") {
            failures
                .push(Failure::Client(format!("match expression [{unfit}] not supported on this object")));
            continue;
        }
        if target.kind.kind != "Service" {
            failures.push(Failure::Client("setting a selector is only supported for Services".into()));
            continue;
        }
        let mut change = wanted.clone();
        for (key, _) in object["spec"]["selector"].entries() {
            if wanted[key.as_str()].is_null() {
                change.set(key.clone(), Doc::Null);
            }
        }
        let mut patch = doc!({ "spec": { "selector": change } });
        if let Some(revision) = args.get("resource-version") {
            patch.set_at(&["metadata", "resourceVersion"], revision);
        }
        let patching =
            Patching { way: "strategic-merge", manager: "kubectl-set", done: "selector updated", part: "" };
        patching.send(&target, &object, &patch, args, io, &mut failures)?;
    }
    io.finish(failures)
}

/// The first part of a selector that says more than that a label is so, as Go prints it.
fn unequal(expression: &str) -> Option<String> {
    let (key, operator, values) = if let Some((key, values)) = expression.split_once(" notin ") {
        (key, "NotIn", values)
    } else if let Some((key, values)) = expression.split_once(" in ") {
        (key, "In", values)
    } else if let Some((key, values)) = expression.split_once("!=") {
        (key, "NotIn", values)
    } else if let Some(key) = expression.strip_prefix('!') {
        (key, "DoesNotExist", "")
    } else if !expression.contains('=') {
        (expression, "Exists", "")
    } else {
        return None;
    };
    let values: Vec<&str> = values.trim_matches(['(', ')', ' ']).split(',').map(str::trim).collect();
    Some(format!("{{{} {operator} [{}]}}", key.trim(), values.join(" ")))
}

pub(super) fn run(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if words.is_empty() && args.get("filename").is_none() {
        // It says what it needs.
        targets(words, args, io)?;
    }
    let mut added = Vec::new();
    for (flag, kind) in [("user", "User"), ("group", "Group")] {
        let names = args.all(flag).iter();
        added.extend(names.map(
            |name| doc!({ "apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name.as_str() }),
        ));
    }
    for account in args.all("serviceaccount") {
        added.push(service_account(account).map_err(|why| io.fail(why))?);
    }
    if added.is_empty() {
        return Err(io.fail("you must specify at least one value of user, group or serviceaccount"));
    }
    let mut failures = Vec::new();
    for (target, object) in subjects_of(words, args, io, &mut failures)? {
        if !matches!(target.kind.kind.as_str(), "RoleBinding" | "ClusterRoleBinding") {
            failures.push(Failure::Client(format!(
                "{} setting subjects is only supported for RoleBinding/ClusterRoleBinding",
                called(&target, args)
            )));
            continue;
        }
        let mut subjects = object["subjects"].items().to_vec();
        let before = subjects.len();
        added.iter().for_each(|one| {
            if !subjects.contains(one) {
                subjects.push(one.clone());
            }
        });
        // Nothing is said of what is so already.
        if subjects.len() == before {
            continue;
        }
        let patch = doc!({ "subjects": subjects });
        let patching = Patching { way: "merge", manager: "kubectl-set", done: "subjects updated", part: "" };
        patching.send(&target, &object, &patch, args, io, &mut failures)?;
    }
    io.finish(failures)
}
