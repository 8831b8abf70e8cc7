//! Role and ClusterRole: what may be done.

use crate::api::validation::names::{self, Rule};
use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, Object, Resource, Row};
use crate::doc::{Doc, Timestamp};

/// The registration of Role.
#[derive(Debug)]
pub struct Roles;

/// The registration of ClusterRole.
#[derive(Debug)]
pub struct ClusterRoles;

const COLUMNS: &[Column] =
    &[Column { name: "Name", wide: false }, Column { name: "Created At", wide: false }];

fn row(object: &Object) -> Row {
    vec![object.key.name.to_string(), object.meta.creation.rfc3339()]
}

impl Resource for Roles {
    fn info(&self) -> &'static Info {
        &Info {
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: "Role",
            plural: "roles",
            singular: "role",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn name(&self) -> Rule {
        names::path_segment
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        rules(doc, true, faults);
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Object, _: Timestamp) -> Row {
        row(object)
    }
}

impl Resource for ClusterRoles {
    fn info(&self) -> &'static Info {
        &Info {
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: "ClusterRole",
            plural: "clusterroles",
            singular: "clusterrole",
            short_names: &[],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn name(&self) -> Rule {
        names::path_segment
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        rules(doc, false, faults);
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Object, _: Timestamp) -> Row {
        row(object)
    }
}

fn rules(doc: &Doc, namespaced: bool, faults: &mut Faults) {
    for rule in At::root(&doc["rules"], "rules").each() {
        let empty = |field: &str| rule[field].items().is_empty();
        if empty("verbs") {
            faults.required(&rule.field("verbs"), "verbs must contain at least one value");
        }
        let urls = rule.field("nonResourceURLs");
        if !urls.items().is_empty() {
            if namespaced {
                faults.invalid(&urls, &urls, "namespaced rules cannot apply to non-resource URLs");
            }
            if !["apiGroups", "resources", "resourceNames"].into_iter().all(empty) {
                let why = "rules cannot apply to both regular resources and non-resource URLs";
                faults.invalid(&urls, &urls, why);
            }
            continue;
        }
        if empty("apiGroups") {
            let why = "resource rules must supply at least one api group";
            faults.required(&rule.field("apiGroups"), why);
        }
        if empty("resources") {
            let why = "resource rules must supply at least one resource";
            faults.required(&rule.field("resources"), why);
        }
    }
}

/// Whether a rule allows `verb` on a resource (with its subresource after a slash) of `group`.
pub fn allows(rule: &Doc, verb: &str, group: &str, resource: &str, name: &str) -> bool {
    let has = |field: &str, wanted: &str| {
        let any = |item: &Doc| item.as_str().is_some_and(|item| item == wanted || item == "*");
        rule[field].items().iter().any(any)
    };
    let names = &rule["resourceNames"];
    // `*/scale`: this part of any resource.
    let part = resource.split_once('/').map(|(_, part)| format!("*/{part}"));
    has("verbs", verb)
        && has("apiGroups", group)
        && (has("resources", resource) || part.is_some_and(|part| has("resources", &part)))
        && (names.items().is_empty() || names.items().iter().any(|item| item.as_str() == Some(name)))
}
