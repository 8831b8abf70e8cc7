//! Pruning and defaulting: what the schema does not know goes, what it has a value for comes.

use crate::doc::{Doc, Path, Segment};

use super::{is_of_resource, preserves_unknown, says};

/// The fields of `ObjectMeta`, which an embedded resource's metadata may have and no others.
const METADATA: [&str; 15] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The resource without what its schema does not know; where that was is added to `gone`, if somebody wants to know.
pub fn pruned(schema: &Doc, resource: &Doc, gone: &mut Vec<Path>) -> Doc {
    let mut pruner = Pruner { path: Path::default(), gone };
    pruner.value(schema, resource, true).unwrap_or_else(|| resource.clone())
}

/// Whether an unknown field stands in the metadata of an embedded resource.
pub fn is_in_embedded_metadata(schema: &Doc, path: &Path) -> bool {
    let mut at = schema;
    for segment in &path.0 {
        at = match segment {
            Segment::Index(_) => &at["items"],
            Segment::Key(key) if key == "metadata" && says(at, "x-kubernetes-embedded-resource") => {
                return true;
            }
            Segment::Key(key) => match &at["properties"][key.as_str()] {
                Doc::Null => &at["additionalProperties"],
                property => property,
            },
        };
    }
    false
}

struct Pruner<'a> {
    path: Path,
    gone: &'a mut Vec<Path>,
}

impl Pruner<'_> {
    /// The value as it should be; `None` where it already is. A schema that is `null` knows nothing.
    fn value(&mut self, schema: &Doc, value: &Doc, resource: bool) -> Option<Doc> {
        let resource = resource || says(schema, "x-kubernetes-embedded-resource");
        match value {
            Doc::Map(map) => {
                let mut changed = map.clone();
                for (key, value) in map.entries() {
                    if resource && is_of_resource(key) {
                        if key.as_str() == "metadata"
                            && !self.path.0.is_empty()
                            && let Some(known) = self.metadata(value)
                        {
                            changed.insert(key.clone(), known);
                        }
                        continue;
                    }
                    let below = match &schema["properties"][key.as_str()] {
                        Doc::Null => &schema["additionalProperties"],
                        property => property,
                    };
                    if below.is_null() && !preserves_unknown(schema) {
                        changed.remove(key);
                        self.path.0.push(Segment::Key(key.clone()));
                        self.gone.push(self.path.clone());
                        self.path.0.pop();
                        continue;
                    }
                    if let Some(value) = self.below(Segment::Key(key.clone()), below, schema, value) {
                        changed.insert(key.clone(), value);
                    }
                }
                (!changed.same(map)).then_some(Doc::Map(changed))
            }
            Doc::List(items) => {
                let mut changed: Option<Vec<Doc>> = None;
                for (at, item) in items.iter().enumerate() {
                    let place = Segment::Index(at as u32);
                    if let Some(item) = self.below(place, &schema["items"], schema, item) {
                        changed.get_or_insert_with(|| items.to_vec())[at] = item;
                    }
                }
                changed.map(Doc::from)
            }
            _ => None,
        }
    }

    /// The metadata of an embedded resource as they should be. Those of the resource itself are read by who reads all
    /// objects' metadata.
    fn metadata(&mut self, metadata: &Doc) -> Option<Doc> {
        let mut changed = metadata.as_map()?.clone();
        let odd = metadata.entries().iter().filter(|(field, _)| !METADATA.contains(&field.as_str()));
        for (field, _) in odd {
            changed.remove(field);
            let at = ["metadata".into(), field.clone()].map(Segment::Key);
            self.gone.push(Path(self.path.0.iter().cloned().chain(at).collect()));
        }
        (!changed.same(metadata.as_map()?)).then_some(Doc::Map(changed))
    }

    /// The same of a value below one of `above`.
    fn below(&mut self, place: Segment, schema: &Doc, above: &Doc, value: &Doc) -> Option<Doc> {
        // What is kept although unknown is kept as a whole.
        if schema.is_null() && preserves_unknown(above) {
            return None;
        }
        self.path.0.push(place);
        let changed = self.value(schema, value, false);
        self.path.0.pop();
        changed
    }
}

/// The value with what its schema has for what is missing. A `null` where none may be counts as missing.
pub fn defaulted(schema: &Doc, value: &Doc) -> Doc {
    fill(schema, value).unwrap_or_else(|| value.clone())
}

fn fill(schema: &Doc, value: &Doc) -> Option<Doc> {
    match value {
        Doc::Map(map) => {
            let (properties, others) = (&schema["properties"], &schema["additionalProperties"]);
            let mut changed = map.clone();
            for (name, property) in properties.entries() {
                let there = map.get(name);
                let default = property.as_map().is_some_and(|property| property.contains("default"));
                if there.is_null() && !nullable(property) && map.contains(name) && !default {
                    changed.remove(name);
                } else if default && is_missing(map.contains(name), there, property) {
                    let default = &property["default"];
                    changed.insert(name.clone(), fill(property, default).unwrap_or_else(|| default.clone()));
                } else if let Some(value) = fill(property, there) {
                    changed.insert(name.clone(), value);
                }
            }
            for (name, value) in map.entries().iter().filter(|(name, _)| properties[name.as_str()].is_null())
            {
                if let Some(value) = element(others, value) {
                    changed.insert(name.clone(), value);
                }
            }
            (!changed.same(map)).then_some(Doc::Map(changed))
        }
        Doc::List(items) => {
            let mut changed: Option<Vec<Doc>> = None;
            for (at, item) in items.iter().enumerate() {
                if let Some(item) = element(&schema["items"], item) {
                    changed.get_or_insert_with(|| items.to_vec())[at] = item;
                }
            }
            changed.map(Doc::from)
        }
        _ => None,
    }
}

/// An item of a list or a value of a map.
fn element(schema: &Doc, value: &Doc) -> Option<Doc> {
    if value.is_null() && !nullable(schema) && !schema["default"].is_null() {
        return Some(defaulted(schema, &schema["default"]));
    }
    fill(schema, value)
}

fn is_missing(there: bool, value: &Doc, property: &Doc) -> bool {
    !there || value.is_null() && !nullable(property)
}

fn nullable(schema: &Doc) -> bool {
    says(schema, "nullable")
}
