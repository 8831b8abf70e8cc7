//! CustomResourceDefinition: a kind that people add to the API.

mod names;
mod validation;

pub use validation::as_written;

use crate::api::{Column, Info, Kind, Names, Object, Resource, Row, Subresource, View, age, custom_kind};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

pub use names::{FINALIZER, judged, terminating};

/// What the simulation reads of a CustomResourceDefinition.
#[derive(Clone, Debug)]
pub struct CustomResourceDefinition {
    /// Whether its resources are served.
    pub established: bool,
    /// Its versions, as they are written.
    pub versions: Vec<Version>,
}

/// One version of the resources.
#[derive(Clone, Debug)]
pub struct Version {
    /// The kind in this version.
    pub kind: Kind,
    /// Whether it is served.
    pub served: bool,
    /// Whether it is the one that is stored.
    pub storage: bool,
    /// What its users are warned of; empty for nothing.
    pub deprecation: Str,
    /// The version as it is written, with schema, subresources and columns.
    pub doc: Doc,
}

/// Whether a status has a condition of this type that is true.
fn is_true(status: &Doc, condition: &str) -> bool {
    let mut all = status["conditions"].items().iter();
    all.any(|one| one["type"].as_str() == Some(condition) && one["status"].as_str() == Some("True"))
}

fn texts(list: &Doc) -> Vec<&str> {
    list.items().iter().filter_map(Doc::as_str).collect()
}

fn version(spec: &Doc, status: &Doc, version: &Doc) -> Version {
    let subresources = &version["subresources"];
    let parts = [("status", Subresource::Status), ("scale", Subresource::Scale)];
    let parts = parts.into_iter().filter(|(name, _)| !subresources[*name].is_null());
    // Until its names are accepted, a definition goes by those that it asks for.
    let (wanted, accepted) = (&spec["names"], &status["acceptedNames"]);
    let names = if accepted["kind"].is_empty() { wanted } else { accepted };
    let text = |doc: &'_ Doc, field: &str| doc[field].str();
    let (group, name) = (text(spec, "group"), text(version, "name"));
    let (kind, plural) = (text(names, "kind"), text(wanted, "plural"));
    let singular = text(names, "singular");
    let fields = version["selectableFields"].items().iter().filter_map(|field| field["jsonPath"].as_str());
    let kind = custom_kind(&Names {
        group: &group,
        version: &name,
        kind: &kind,
        plural: &plural,
        singular: &singular,
        short_names: texts(&names["shortNames"]),
        categories: texts(&names["categories"]),
        namespaced: spec["scope"].as_str() == Some("Namespaced"),
        subresources: parts.map(|(_, part)| part).collect(),
        fields: fields.map(|path| path.trim_start_matches('.')).collect(),
    });
    let deprecation = match (version["deprecated"].as_bool(), version["deprecationWarning"].str()) {
        (Some(true), own) if !own.is_empty() => own,
        (Some(true), _) => format!("{group}/{name} {} is deprecated", kind.info().kind).into(),
        _ => Str::new(),
    };
    let says = |field: &str| version[field].as_bool() == Some(true);
    Version { kind, served: says("served"), storage: says("storage"), deprecation, doc: version.clone() }
}

/// The kind's registration.
#[derive(Debug)]
pub struct CustomResourceDefinitions;

impl Resource for CustomResourceDefinitions {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apiextensions.k8s.io",
            version: "v1",
            kind: "CustomResourceDefinition",
            plural: "customresourcedefinitions",
            singular: "customresourcedefinition",
            short_names: &["crd", "crds"],
            namespaced: false,
            subresources: &[Subresource::Status],
            categories: &["api-extensions"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let (spec, status) = (&body["spec"], &body["status"]);
        let versions = spec["versions"].items().iter();
        View::CustomResourceDefinition(Box::new(CustomResourceDefinition {
            established: is_true(status, "Established"),
            versions: versions.map(|one| version(spec, status, one)).collect(),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        // Also where there is no spec: what it lacks is said, not what it would have got.
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("conversion", doc!({ "strategy": "None" }));
        let kind = spec["names"]["kind"].str();
        if !kind.is_empty() {
            let names = spec.at_mut(&["names"]);
            names.default_to("listKind", format!("{kind}List"));
            names.default_to("singular", kind.to_lowercase());
        }
        if !spec["conversion"]["webhook"].is_null() {
            let service = &spec["conversion"]["webhook"]["clientConfig"]["service"];
            if !service.is_null() {
                spec.at_mut(&["conversion", "webhook", "clientConfig", "service"]).default_to("port", 443i64);
            }
        }
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.remove("status");
        store_version(doc);
    }

    fn prepare_update(&self, new: &mut Doc, _old: &Doc) {
        store_version(new);
    }

    fn validate(&self, doc: &Doc, faults: &mut crate::api::validation::Faults) {
        validation::whole(doc, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut crate::api::validation::Faults) {
        validation::update(new, old, is_true(&old["status"], "Established"), faults);
    }

    fn may_update_blindly(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        &[Column { name: "Name", wide: false }, Column { name: "Created At", wide: false }]
    }

    fn row(&self, object: &Object, _now: Timestamp) -> Row {
        vec![object.key.name.to_string(), object.meta.creation.rfc3339()]
    }
}

/// Remembers in which versions objects may be stored.
fn store_version(doc: &mut Doc) {
    let versions = doc["spec"]["versions"].items();
    let Some(stored) = versions.iter().find(|version| version["storage"].as_bool() == Some(true)) else {
        return;
    };
    let name = Doc::from(stored["name"].str());
    let known = doc["status"]["storedVersions"].items();
    if !known.contains(&name) {
        let all: Vec<Doc> = known.iter().cloned().chain([name]).collect();
        doc.set_at(&["status", "storedVersions"], all);
    }
}

/// The version of resources after which the age of a person's column is told.
pub(super) fn age_of(value: &Doc, now: Timestamp) -> Doc {
    match value.as_time() {
        Some(time) => Doc::from(age(time, now)),
        None => Doc::from("<invalid>"),
    }
}
