//! ConfigMap: settings for programs.

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct ConfigMaps;

impl Resource for ConfigMaps {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "ConfigMap",
            plural: "configmaps",
            singular: "configmap",
            short_names: &["cm"],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate_keys(doc, &["data", "binaryData"], faults);
        for (key, _) in
            doc["data"].entries().iter().filter(|(key, _)| !doc["binaryData"][key.as_str()].is_null())
        {
            let why = "duplicate of key present in binaryData";
            faults.invalid(format!("data[{key}]"), &Doc::from(key), why);
        }
        validate_size(&[&doc["data"], &doc["binaryData"]], "[]", faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validate_immutable(new, old, &["data", "binaryData"], faults);
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Data", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let count = object.body["data"].entries().len() + object.body["binaryData"].entries().len();
        vec![object.key.name.to_string(), count.to_string(), age(object.meta.creation, now)]
    }
}

/// Keys of ConfigMaps and Secrets: file names without a path.
pub(super) fn validate_keys(doc: &Doc, fields: &[&str], faults: &mut Faults) {
    for field in fields {
        let values = At::root(&doc[*field], field);
        for (key, _) in values.entries() {
            for message in names::config_key(key) {
                faults.invalid(&values.key(key), &Doc::from(key), message);
            }
        }
    }
}

/// All values together take at most a mebibyte.
pub(super) fn validate_size(maps: &[&Doc], field: &str, faults: &mut Faults) {
    const MOST: u32 = 1 << 20;
    let values = maps.iter().flat_map(|map| map.entries());
    let size: usize = values.map(|(_, value)| value.as_str().map_or(0, str::len)).sum();
    if size > MOST as usize {
        faults.too_long(field, MOST);
    }
}

/// Objects marked immutable keep their data.
pub(super) fn validate_immutable(new: &Doc, old: &Doc, fields: &[&str], faults: &mut Faults) {
    if old["immutable"].as_bool() != Some(true) {
        return;
    }
    if new["immutable"].as_bool() != Some(true) {
        faults.forbidden("immutable", "field is immutable when `immutable` is set");
    }
    for field in fields {
        if new[*field] != old[*field] {
            faults.forbidden(*field, "field is immutable when `immutable` is set");
        }
    }
}
