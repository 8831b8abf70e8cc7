//! Nobody gives, by a role or a binding to one, what they do not have themselves.

use crate::api::{Key, Kind, Request, Status, User, Verb};
use crate::collections::sort;
use crate::doc::{Doc, Str};
use crate::etcd::Store;

use super::{Wish, allowed_by, path_allowed_by, role_of, rules_of};

/// Refuses a role, or a binding to one, with rules that the asker is not held by.
pub(super) fn refuse(request: &Request, store: &Store) -> Result<(), Status> {
    if request.verb.is_read() || matches!(request.verb, Verb::Delete | Verb::DeleteCollection) {
        return Ok(());
    }
    let (user, namespace) = (&request.user, &request.namespace);
    let may = |verb: &str, resource: &str, name: &str| {
        let group = "rbac.authorization.k8s.io";
        allowed_by(user, &Wish { verb, group, resource, namespace, name }, store).is_ok()
    };
    let body = &request.body;
    let name = body["metadata"]["name"].str();
    let rules = match request.kind {
        Kind::Role | Kind::ClusterRole if !may("escalate", request.kind.info().plural, &name) => {
            body["rules"].clone()
        }
        Kind::RoleBinding | Kind::ClusterRoleBinding => {
            let reference = &body["roleRef"];
            let kind =
                if reference["kind"].as_str() == Some("Role") { Kind::Role } else { Kind::ClusterRole };
            if may("bind", kind.info().plural, &reference["name"].str()) {
                return Ok(());
            }
            role_of(reference, namespace, store)?.body["rules"].clone()
        }
        _ => return Ok(()),
    };
    let missing = missing(user, &rules, namespace, store);
    if missing.is_empty() {
        return Ok(());
    }
    let broken = rules_of(user, namespace, store).missing();
    let broken = broken.map(|broken| format!("; resolution errors: [{broken}]")).unwrap_or_default();
    let why = format!(
        "user \"{}\" (groups={}) is attempting to grant RBAC permissions not currently held:\n{}{broken}",
        user.name,
        quoted(user.groups.iter().map(Str::as_str)),
        missing.join("\n")
    );
    Err(Status::forbidden(&Key { name, ..request.key() }, &why))
}

/// So many permissions of a role are looked at one by one; each is looked for in all roles that somebody has.
const MOST: usize = 10_000;

/// How many permissions a rule is.
fn count(rule: &Doc) -> usize {
    let many = |field: &str| rule[field].items().len();
    let resources = many("apiGroups").saturating_mul(many("resources"));
    let all = resources.saturating_mul(many("resourceNames").max(1)).saturating_add(many("nonResourceURLs"));
    all.saturating_mul(many("verbs"))
}

/// What of some rules a user does not have, as Kubernetes prints rules: apart into one resource of one group each, with
/// all the verbs, and one name of one resource with one verb.
fn missing(user: &User, rules: &Doc, namespace: &str, store: &Store) -> Vec<Str> {
    let permissions = rules.items().iter().map(count).fold(0, usize::saturating_add);
    if permissions > MOST {
        return vec![
            format!("{permissions} permissions, which are more than are looked at one by one").into(),
        ];
    }
    let mut lines: Vec<Str> = Vec::new();
    let mut plain: Vec<(Str, Str, Vec<Str>)> = Vec::new();
    for rule in rules.items() {
        let texts = |field: &str| -> Vec<Str> { rule[field].items().iter().map(Doc::str).collect() };
        let (names, verbs, resources) = (texts("resourceNames"), texts("verbs"), texts("resources"));
        let held = |verb: &str, group: &str, resource: &str, name: &str| {
            allowed_by(user, &Wish { verb, group, resource, namespace, name }, store).is_ok()
        };
        for group in texts("apiGroups") {
            for resource in &resources {
                for verb in &verbs {
                    if names.is_empty() && !held(verb, &group, resource, "") {
                        let same = plain.iter_mut().find(|(of, what, _)| *of == group && what == resource);
                        match same {
                            Some((.., verbs)) => verbs.push(verb.clone()),
                            None => plain.push((group.clone(), resource.clone(), vec![verb.clone()])),
                        }
                    }
                    for name in names.iter().filter(|name| !held(verb, &group, resource, name)) {
                        let fields =
                            [("APIGroups", &group), ("Resources", resource), ("ResourceNames", name)];
                        lines.push(shown(&fields, std::slice::from_ref(verb)));
                    }
                }
            }
        }
        for path in &texts("nonResourceURLs") {
            let held = |verb: &&Str| path_allowed_by(user, verb, path, store).is_err();
            for verb in verbs.iter().filter(held) {
                lines.push(shown(&[("NonResourceURLs", path)], std::slice::from_ref(verb)));
            }
        }
    }
    for (group, resource, verbs) in &plain {
        lines.push(shown(&[("APIGroups", group), ("Resources", resource)], verbs));
    }
    sort(&mut lines);
    lines.dedup();
    lines
}

/// `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`
fn shown(fields: &[(&str, &Str)], verbs: &[Str]) -> Str {
    let fields: String = fields.iter().map(|(field, value)| format!("{field}:[{value:?}], ")).collect();
    format!("{{{fields}Verbs:{}}}", quoted(verbs.iter().map(Str::as_str))).into()
}

/// `["a" "b"]`, as Go prints a list of texts.
fn quoted<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    format!("[{}]", texts.map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" "))
}
