//! RoleBinding and ClusterRoleBinding: who may do it.

use crate::api::validation::names::{self, Rule};
use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

const GROUP: &str = "rbac.authorization.k8s.io";

/// The registration of RoleBinding.
#[derive(Debug)]
pub struct RoleBindings;

/// The registration of ClusterRoleBinding.
#[derive(Debug)]
pub struct ClusterRoleBindings;

const COLUMNS: &[Column] = &[
    Column { name: "Name", wide: false },
    Column { name: "Role", wide: false },
    Column { name: "Age", wide: false },
    Column { name: "Users", wide: true },
    Column { name: "Groups", wide: true },
    Column { name: "ServiceAccounts", wide: true },
];

fn row(object: &Object, now: Timestamp) -> Row {
    let role = &object.body["roleRef"];
    let subjects = |kind: &str| {
        let of_kind =
            object.body["subjects"].items().iter().filter(|subject| subject["kind"].as_str() == Some(kind));
        let names = of_kind.map(|subject| match subject["namespace"].str() {
            namespace if namespace.is_empty() => subject["name"].str().to_string(),
            namespace => format!("{namespace}/{}", subject["name"].str()),
        });
        names.collect::<Vec<_>>().join(", ")
    };
    vec![
        object.key.name.to_string(),
        format!("{}/{}", role["kind"].str(), role["name"].str()),
        age(object.meta.creation, now),
        subjects("User"),
        subjects("Group"),
        subjects("ServiceAccount"),
    ]
}

impl Resource for RoleBindings {
    fn info(&self) -> &'static Info {
        &Info {
            group: GROUP,
            version: "v1",
            kind: "RoleBinding",
            plural: "rolebindings",
            singular: "rolebinding",
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

    fn default(&self, doc: &mut Doc) {
        default(doc);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate(doc, &["Role", "ClusterRole"], faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        role_kept(new, old, faults);
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        row(object, now)
    }
}

impl Resource for ClusterRoleBindings {
    fn info(&self) -> &'static Info {
        &Info {
            group: GROUP,
            version: "v1",
            kind: "ClusterRoleBinding",
            plural: "clusterrolebindings",
            singular: "clusterrolebinding",
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

    fn default(&self, doc: &mut Doc) {
        default(doc);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate(doc, &["ClusterRole"], faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        role_kept(new, old, faults);
    }

    fn columns(&self) -> &'static [Column] {
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        row(object, now)
    }
}

fn default(doc: &mut Doc) {
    if doc["roleRef"]["apiGroup"].is_empty() && !doc["roleRef"].is_null() {
        doc.at_mut(&["roleRef"]).set("apiGroup", GROUP);
    }
    if doc["subjects"].items().is_empty() {
        return;
    }
    for subject in doc.at_mut(&["subjects"]).items_mut() {
        if subject["apiGroup"].is_empty() && matches!(subject["kind"].as_str(), Some("User" | "Group")) {
            subject.set("apiGroup", GROUP);
        }
    }
}

fn validate(doc: &Doc, kinds: &[&str], faults: &mut Faults) {
    let role = At::root(&doc["roleRef"], "roleRef");
    for (field, supported) in [("apiGroup", &[GROUP][..]), ("kind", kinds)] {
        let field = role.field(field);
        if !supported.contains(&field.text()) {
            faults.not_supported(&field, &Doc::from(field.text()), supported);
        }
    }
    role.field("name").require_and_check(faults, names::path_segment);
    for subject in At::root(&doc["subjects"], "subjects").each() {
        let (kind, name) = (subject.field("kind"), subject.field("name"));
        let group = subject.field("apiGroup");
        name.require(faults);
        match kind.text() {
            "ServiceAccount" => {
                name.check_if_set(faults, names::dns_subdomain);
                if !group.is_empty() {
                    faults.not_supported(&group, &group, &[""]);
                }
                if kinds.len() == 1 {
                    subject.field("namespace").require(faults);
                }
            }
            "User" | "Group" => {
                if name.is_empty() {
                    let why = format!("{} name cannot be empty", kind.text().to_lowercase());
                    faults.invalid(&name, &Doc::from(""), why);
                }
                if group.text() != GROUP {
                    faults.not_supported(&group, &Doc::from(group.text()), &[GROUP]);
                }
            }
            other => faults.not_supported(&kind, &Doc::from(other), &["ServiceAccount", "User", "Group"]),
        }
    }
}

fn role_kept(new: &Doc, old: &Doc, faults: &mut Faults) {
    if new["roleRef"] != old["roleRef"] {
        let shown = crate::api::internal::printed("RoleRef", &new["roleRef"]);
        faults.invalid_text("roleRef", &shown, "cannot change roleRef");
    }
}
