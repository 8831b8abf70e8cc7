//! ConfigMap: settings for programs.

use crate::api::validation::Faults;
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
        for (key, _) in doc[*field].entries() {
            let fine = key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
            if !fine || key.is_empty() || key.len() > 253 || key == "." || key.starts_with("..") {
                faults.invalid(
                    format!("{field}[{key}]"),
                    &Doc::from(key),
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or \
                     'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
                );
            }
        }
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
