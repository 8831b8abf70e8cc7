//! Custom resources: objects of a kind that a definition made, as one of its versions wants them.

use std::sync::Arc;

use crate::api::validation::Faults;
use crate::api::{Info, Kind, Object, Resource, Subresource};
use crate::codec::Codec;
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, JsonPath, Path, Str, Timestamp};

use super::customresourcedefinition::{CustomResourceDefinition, Version, age_of};
use super::structural;

/// The resources of one version of a definition.
#[derive(Codec, Clone, PartialEq, Hash, Debug)]
pub struct CustomResources {
    /// Their kind, in this version.
    pub kind: Kind,
    definition: Arc<Object>,
    at: u32,
}

impl CustomResources {
    /// The resources of the version of a definition that `wanted` accepts, if it is served.
    pub fn of(definition: &Arc<Object>, wanted: impl Fn(&Version) -> bool) -> Option<CustomResources> {
        let view = definition.view::<CustomResourceDefinition>()?;
        if !view.established {
            return None;
        }
        let at = view.versions.iter().position(|version| version.served && wanted(version))?;
        let (kind, definition) = (view.versions[at].kind, Arc::clone(definition));
        Some(CustomResources { kind, definition, at: at as u32 })
    }

    fn version(&self) -> &Version {
        let view = self.definition.view::<CustomResourceDefinition>().expect("seen when it was made");
        &view.versions[self.at as usize]
    }

    /// The schema of the whole resource.
    pub fn schema(&self) -> &Doc {
        &self.version().doc["schema"]["openAPIV3Schema"]
    }

    /// What users of the version are warned of; empty for nothing.
    pub fn deprecation(&self) -> &Str {
        &self.version().deprecation
    }

    /// Whether the definition, and with it all of its resources, is going.
    pub fn terminating(&self) -> bool {
        self.definition.meta.deleting()
    }

    /// The kind of their lists.
    pub fn list_kind(&self) -> Str {
        self.definition.body["spec"]["names"]["listKind"].str()
    }

    /// Fields of a resource that the schema does not know.
    pub fn unknown(&self, resource: &Doc) -> Vec<Path> {
        let mut gone = Vec::new();
        structural::pruned(self.schema(), resource, &mut gone);
        // Those in the metadata of embedded resources are found by another look, after the others.
        let embedded = |path: &Path| structural::is_in_embedded_metadata(self.schema(), path);
        sort_by_key(&mut gone, |path| (embedded(path), path.to_string()));
        gone
    }

    /// What of the resources embedded in one cannot even be read; `refusal` says that of metadata.
    ///
    /// # Errors
    /// The first fault.
    pub fn read_embedded(&self, resource: &Doc, refusal: fn(&Doc) -> Option<String>) -> Result<(), String> {
        structural::read_embedded(self.schema(), resource, refusal)
    }

    /// A resource as this version shows it, with what its schema has for what is missing.
    pub fn shown(&self, resource: &Doc) -> Doc {
        let mut doc = structural::defaulted(self.schema(), resource);
        doc.set("apiVersion", self.kind.info().api_version());
        doc
    }

    /// Whether a part has a path of its own.
    pub fn has(&self, part: Subresource) -> bool {
        self.kind.info().subresources.contains(&part)
    }

    /// The places of what a Scale tells: wanted replicas, those that are there, their selector.
    fn scale_paths(&self) -> [Vec<Str>; 3] {
        let scale = &self.version().doc["subresources"]["scale"];
        ["specReplicasPath", "statusReplicasPath", "labelSelectorPath"].map(|field| {
            scale[field].str().split('.').filter(|part| !part.is_empty()).map(Str::from).collect()
        })
    }

    /// Wanted replicas (`null` where nothing says so), those that are there, and the text of their selector.
    pub fn scale(&self, object: &Object) -> (Doc, i64, Str) {
        let [wanted, there, selector] = self.scale_paths();
        let at = |path: &[Str]| path.iter().fold(&object.body, |doc, part| doc.get(part)).clone();
        (at(&wanted), at(&there).as_i64().unwrap_or(0), at(&selector).str())
    }

    /// Where a resource says how many replicas it wants, as the definition has it.
    pub fn replicas_path(&self) -> Str {
        self.version().doc["subresources"]["scale"]["specReplicasPath"].str()
    }

    /// Wants so many replicas.
    pub fn set_replicas(&self, body: &mut Doc, replicas: i64) {
        let [path, ..] = self.scale_paths();
        let path: Vec<&str> = path.iter().map(Str::as_str).collect();
        body.set_at(&path, replicas);
    }

    /// Columns of a Table after the name's: definitions, and the path to the cell with its type.
    pub fn printer_columns(&self) -> Vec<(Doc, JsonPath, Str)> {
        let own = &self.version().doc["additionalPrinterColumns"];
        let age = doc!([{
            "name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp",
            "description": "CreationTimestamp is a timestamp representing the server time when this object was created. \
                            It is not guaranteed to be set in happens-before order across separate operations. Clients \
                            may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by \
                            the system. Read-only. Null for lists. More info: \
                            https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata"
        }]);
        let columns = if own.is_empty() { &age } else { own };
        let read = |column: &Doc| {
            let path = JsonPath::parse(&column["jsonPath"].str()).ok()?;
            let shown = doc!({
                "name": column["name"].clone(), "type": column["type"].clone(), "format": column["format"].str(),
                "description": column["description"].str(), "priority": column["priority"].as_i64().unwrap_or(0)
            });
            Some((shown, path, column["type"].str()))
        };
        columns.items().iter().filter_map(read).collect()
    }
}

/// The cell of a column: what is found in the whole document, if it is of the column's type.
pub fn cell(doc: &Doc, path: &JsonPath, of: &str, now: Timestamp) -> Doc {
    let found = path.find(doc);
    match (of, found.first()) {
        (_, None) => Doc::Null,
        ("integer", Some(Doc::Float(number))) => Doc::from(number.get() as i64),
        ("integer", Some(value @ Doc::Int(_))) | ("boolean", Some(value @ Doc::Bool(_))) => value.clone(),
        ("number", Some(value @ (Doc::Int(_) | Doc::Float(_)))) => value.clone(),
        ("date", Some(value)) if !value.is_null() => age_of(value, now),
        ("string", Some(_)) => {
            let texts = found.iter().filter(|value| !value.is_null()).map(|value| match value {
                Doc::Str(text) => text.to_string(),
                Doc::Time(_) | Doc::MicroTime(_) => value.to_json().trim_matches('"').to_owned(),
                other => other.to_json(),
            });
            Doc::from(texts.collect::<Vec<_>>().join(" "))
        }
        _ => Doc::Null,
    }
}

impl Resource for CustomResources {
    fn info(&self) -> &'static Info {
        self.kind.info()
    }

    fn default(&self, doc: &mut Doc) {
        doc.default_to("apiVersion", self.info().api_version());
        doc.default_to("kind", self.info().kind);
        let pruned = structural::pruned(self.schema(), doc, &mut Vec::new());
        *doc = structural::defaulted(self.schema(), &pruned);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let info = self.info();
        for (field, own) in [("apiVersion", info.api_version()), ("kind", info.kind)] {
            if doc[field].as_str() != Some(own) {
                faults.invalid(field, &Doc::from(doc[field].str()), format!("must be {own}"));
            }
        }
        structural::check(self.schema(), doc, "", faults);
        structural::check_embedded(self.schema(), doc, faults);
    }

    fn validate_create(&self, doc: &Doc, faults: &mut Faults) {
        structural::check_lists(self.schema(), doc, "", faults);
        structural::check_rules(self.schema(), doc, None, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        structural::forgive(self.schema(), new, old, faults);
        // What was twice before the schema minded may stay so.
        let mut before = Faults::default();
        structural::check_lists(self.schema(), old, "", &mut before);
        if before.0.is_empty() {
            structural::check_lists(self.schema(), new, "", faults);
        }
        structural::check_rules(self.schema(), new, Some(old), faults);
    }
}
