//! `kubectl auth reconcile`: roles get the rules that they lack, bindings the subjects.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str};

use super::super::args::Args;
use super::super::change::DryRun;
use super::super::failure::Failure;
use super::super::io::{Io, Stop};
use super::super::manifests;
use super::super::printer::Format;
use super::super::resource::Target;

/// What must be done to an object.
#[derive(Default)]
struct Plan {
    /// The object as it should be.
    object: Doc,
    /// `create`, `update`, `recreate`, or nothing.
    operation: &'static str,
    missing: Vec<Doc>,
    extra: Vec<Doc>,
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    if dry == DryRun::Server {
        return Err(io.fail("--dry-run=server for command reconcile is not supported yet"));
    }
    let (wanted, mut failures) = manifests::read(args, "reconcile", io)?;
    for wanted in wanted {
        let field = match wanted.target.kind.known() {
            Some(Kind::Role | Kind::ClusterRole) => "rules",
            Some(Kind::RoleBinding | Kind::ClusterRoleBinding) => "subjects",
            _ => continue,
        };
        // Roles are looked for where the file says, and nowhere else.
        let nowhere =
            wanted.target.kind.namespaced && wanted.written["metadata"]["namespace"].str().is_empty();
        if nowhere && dry != DryRun::Client {
            return Err(io.fail("resource name may not be empty"));
        }
        let response = io.request(wanted.target.get())?;
        let removes = args.is_on(match field {
            "rules" => "remove-extra-permissions",
            _ => "remove-extra-subjects",
        });
        let plan = match response.code {
            404 => Plan {
                missing: wanted.doc[field].items().to_vec(),
                object: wanted.doc,
                operation: "create",
                extra: Vec::new(),
            },
            _ if response.is_success() => compare(&response.body, &wanted.doc, field, removes),
            _ => {
                failures.push(Failure::of(&response));
                break;
            }
        };
        let object = match carry_out(&wanted.target, &plan, dry, io)? {
            Ok(object) => object,
            Err(failure) => {
                failures.push(failure);
                break;
            }
        };
        tell(&wanted.target, &object, &plan, (field, removes, dry), args, io)?;
    }
    io.finish(failures)
}

/// What an object lacks of what is wanted, and has beyond it.
fn compare(existing: &Doc, wanted: &Doc, field: &str, removes: bool) -> Plan {
    let mut plan = Plan { object: existing.clone(), ..Plan::default() };
    for map in ["labels", "annotations"] {
        for (key, value) in wanted["metadata"][map].entries() {
            if plan.object["metadata"][map][key.as_str()] != *value {
                plan.object.set_at(&["metadata", map, key], value.clone());
                plan.operation = "update";
            }
        }
    }
    (plan.missing, plan.extra) = if field == "rules" {
        (uncovered(&existing[field], &wanted[field]), uncovered(&wanted[field], &existing[field]))
    } else {
        (absent(&existing[field], &wanted[field]), absent(&wanted[field], &existing[field]))
    };
    if removes && !(plan.missing.is_empty() && plan.extra.is_empty()) {
        plan.object.set(field, wanted[field].clone());
        plan.operation = "update";
    } else if !plan.missing.is_empty() {
        let all = existing[field].items().iter().chain(&plan.missing).cloned();
        plan.object.set(field, Doc::list(all));
        plan.operation = "update";
    }
    if !wanted["roleRef"].is_null() && wanted["roleRef"] != existing["roleRef"] {
        plan.object.set("roleRef", wanted["roleRef"].clone());
        plan.operation = "recreate";
    }
    plan
}

/// Subjects that a list lacks.
fn absent(list: &Doc, wanted: &Doc) -> Vec<Doc> {
    wanted.items().iter().filter(|one| !list.items().contains(one)).cloned().collect()
}

/// The parts of `wanted` that no rule of `owned` allows: each with one group, resource, verb and name.
fn uncovered(owned: &Doc, wanted: &Doc) -> Vec<Doc> {
    let parts = wanted.items().iter().flat_map(parts);
    parts.filter(|part| !owned.items().iter().any(|rule| covers(rule, part))).collect()
}

fn parts(rule: &Doc) -> Vec<Doc> {
    let one = |value: &Doc| Doc::list([value.clone()]);
    let mut parts = Vec::new();
    for group in rule["apiGroups"].items() {
        for resource in rule["resources"].items() {
            for verb in rule["verbs"].items() {
                let part = doc!({ "apiGroups": one(group), "resources": one(resource), "verbs": one(verb) });
                let names = rule["resourceNames"].items();
                parts.extend(names.iter().map(|name| {
                    let mut named = part.clone();
                    named.set("resourceNames", one(name));
                    named
                }));
                if names.is_empty() {
                    parts.push(part);
                }
            }
        }
    }
    for url in rule["nonResourceURLs"].items() {
        let verbs = rule["verbs"].items().iter();
        parts.extend(verbs.map(|verb| doc!({ "nonResourceURLs": one(url), "verbs": one(verb) })));
    }
    parts
}

/// Whether a rule allows all that a part of one allows.
fn covers(rule: &Doc, part: &Doc) -> bool {
    let has = |field: &str| {
        let own = rule[field].items();
        let fits = |wanted: &Doc| own.iter().any(|one| one == wanted || one.as_str() == Some("*"));
        part[field].items().iter().all(fits)
    };
    let named =
        rule["resourceNames"].is_empty() || (!part["resourceNames"].is_empty() && has("resourceNames"));
    ["verbs", "apiGroups", "resources", "nonResourceURLs"].into_iter().all(has) && named
}

/// The object as it is afterwards.
fn carry_out(
    target: &Target,
    plan: &Plan,
    dry: DryRun,
    io: &mut Io<'_>,
) -> Result<Result<Doc, Failure>, Stop> {
    if plan.operation.is_empty() || dry == DryRun::Client {
        return Ok(Ok(plan.object.clone()));
    }
    let query = "?fieldManager=kubectl-auth";
    let mut object = plan.object.clone();
    if plan.operation == "recreate" {
        object.at_mut(&["metadata"]).remove("resourceVersion");
        object.at_mut(&["metadata"]).remove("uid");
        let delete =
            HttpRequest { method: "DELETE".into(), path: target.path().into(), ..HttpRequest::default() };
        let response = io.request(delete)?;
        if !response.is_success() {
            return Ok(Err(Failure::of(&response)));
        }
    }
    let collection = Target { name: Str::new(), ..target.clone() };
    let (method, path) = match plan.operation {
        "update" => ("PUT", target.path()),
        _ => ("POST", collection.path()),
    };
    let response = io.request(HttpRequest {
        method: method.into(),
        path: format!("{path}{query}").into(),
        body: object.to_json().into(),
        ..HttpRequest::default()
    })?;
    Ok(if response.is_success() { Ok(response.body) } else { Err(Failure::of(&response)) })
}

/// Says what came of an object, and why.
fn tell(
    target: &Target,
    object: &Doc,
    plan: &Plan,
    (field, removes, dry): (&str, bool, DryRun),
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    match Format::asked(args, io)? {
        Some(Format::Name) => io.say(target.display()),
        Some(format) => format.show(&super::super::get::shown(object.clone(), &format, args), true, io)?,
        None => io.say(format!("{} reconciled{}", target.display(), dry.suffix())),
    }
    if plan.operation.is_empty() {
        return Ok(());
    }
    io.warn(format!("\treconciliation required {}", plan.operation));
    let lists = [("missing", "added", &plan.missing, true), ("extra", "removed", &plan.extra, removes)];
    for (which, done, list, told) in lists {
        if told && !list.is_empty() {
            io.warn(format!("\t{which} {field} {done}:"));
            list.iter().for_each(|one| io.warn(format!("\t\t{}", written(one, field))));
        }
    }
    Ok(())
}

/// A rule or a subject as Go prints its fields.
fn written(one: &Doc, field: &str) -> String {
    let fields: &[(&str, &str)] = match field {
        "rules" => &[
            ("Verbs", "verbs"),
            ("APIGroups", "apiGroups"),
            ("Resources", "resources"),
            ("ResourceNames", "resourceNames"),
            ("NonResourceURLs", "nonResourceURLs"),
        ],
        _ => &[("Kind", "kind"), ("APIGroup", "apiGroup"), ("Name", "name"), ("Namespace", "namespace")],
    };
    let value = |field: &str| match &one[field] {
        list @ Doc::List(_) => {
            let items: Vec<Str> = list.items().iter().map(Doc::str).collect();
            format!("[{}]", items.join(" "))
        }
        Doc::Null if field.ends_with('s') => "[]".to_owned(),
        text => text.str().to_string(),
    };
    let all: Vec<String> = fields.iter().map(|(title, field)| format!("{title}:{}", value(field))).collect();
    format!("{{{}}}", all.join(" "))
}
