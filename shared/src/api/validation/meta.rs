//! What is wrong with `metadata`.

use crate::doc::Doc;

use super::names::{self, Rule};
use super::{At, Faults, IMMUTABLE};

/// Finalizers without a domain that Kubernetes itself knows.
const FINALIZERS: [&str; 3] = ["kubernetes", ORPHAN, FOREGROUND];
const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

/// What is wrong with an object's metadata; its name must be as `name` says.
pub fn metadata(faults: &mut Faults, metadata: &Doc, name: Rule) {
    metadata_at(faults, &At::root(metadata, "metadata"), name, true);
}

/// The same of metadata elsewhere, which may lack a name.
pub fn metadata_at(faults: &mut Faults, root: &At<'_>, name: Rule, named: bool) {
    // A name that is generated goes on after the prefix.
    let generate = root.field("generateName");
    if !generate.is_empty() {
        let prefix = format!("{}a", generate.text().trim_end_matches('-'));
        for message in name(&prefix) {
            faults.invalid(&generate, &generate, message);
        }
    }
    let own = root.field("name");
    if !own.is_empty() {
        own.check(faults, name);
    } else if named {
        faults.required(&own, "name or generateName is required");
    }
    super::labels_at(faults, &root.field("labels"));
    let annotations = root.field("annotations");
    if !annotations.is_empty() {
        super::annotations(faults, &annotations.path(), &annotations);
    }
    owners(faults, &root.field("ownerReferences"));
    let finalizers = root.field("finalizers");
    for finalizer in finalizers.each() {
        for message in names::qualified_name(finalizer.text()) {
            faults.invalid(&finalizers, &finalizer, message);
        }
    }
    let has = |name: &str| finalizers.each().any(|finalizer| finalizer.text() == name);
    if has(ORPHAN) && has(FOREGROUND) {
        let why = format!("finalizer {ORPHAN} and {FOREGROUND} cannot be both set");
        faults.invalid(&finalizers, &finalizers, why);
    }
}

/// What is wrong with the finalizers of kinds that come with the cluster: those without a domain are Kubernetes' own.
pub fn known_finalizers(faults: &mut Faults, metadata: &Doc) {
    let root = At::root(metadata, "metadata");
    let finalizers = root.field("finalizers");
    let own = |name: &str| name.contains('/') || FINALIZERS.contains(&name);
    for finalizer in finalizers.each().filter(|finalizer| !own(finalizer.text())) {
        let why = "name is neither a standard finalizer name nor is it fully qualified";
        faults.invalid(&finalizer, &finalizer, why);
    }
}

fn owners(faults: &mut Faults, owners: &At<'_>) {
    let mut controller: Option<String> = None;
    for owner in owners.each() {
        for field in ["apiVersion", "kind", "name", "uid"] {
            if owner[field].is_empty() {
                let what =
                    if field == "apiVersion" { "version must not be empty" } else { "must not be empty" };
                faults.invalid(format!("{}.{field}", owners.path()), &Doc::from(""), what);
            }
        }
        if owner["kind"].as_str() == Some("Event") && owner["apiVersion"].as_str() == Some("v1") {
            faults.invalid(owners, &owner, "/v1, Kind=Event is disallowed from being an owner");
        }
        if owner["controller"].as_bool() == Some(true) {
            let this = format!("{}/{}", owner["kind"].str(), owner["name"].str());
            match &controller {
                None => controller = Some(this),
                Some(first) => {
                    let why = format!(
                        "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {this}"
                    );
                    faults.invalid(owners, owners, why);
                }
            }
        }
    }
}

/// What may not change in an object's metadata.
pub fn metadata_update(faults: &mut Faults, new: &Doc, old: &Doc) {
    if !old["deletionTimestamp"].is_null() {
        let added: Vec<String> = new["finalizers"]
            .items()
            .iter()
            .filter(|finalizer| !old["finalizers"].items().contains(finalizer))
            .map(|finalizer| format!("{:?}", finalizer.str()))
            .collect();
        if !added.is_empty() {
            let why = format!(
                "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
                added.join(", ")
            );
            faults.forbidden("metadata.finalizers", &why);
        }
    }
    for field in ["name", "namespace", "uid", "creationTimestamp"] {
        if !new[field].is_empty() && new[field] != old[field] {
            faults.invalid(format!("metadata.{field}"), &new[field], IMMUTABLE);
        }
    }
}
