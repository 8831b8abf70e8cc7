//! RuntimeClass: how containers of a pod are run, and what that costs beside what they ask for themselves.

use crate::api::core::pod::resources;
use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, Object, Resource, Row, age, quantity};
use crate::doc;
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct RuntimeClasses;

impl Resource for RuntimeClasses {
    fn info(&self) -> &'static Info {
        &Info {
            group: "node.k8s.io",
            version: "v1",
            kind: "RuntimeClass",
            plural: "runtimeclasses",
            singular: "runtimeclass",
            short_names: &[],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        for (resource, amount) in doc["overhead"]["podFixed"].clone().entries() {
            if let Some(text) = quantity::canonical(amount) {
                doc.at_mut(&["overhead", "podFixed"]).set(resource.clone(), text);
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        At::root(&doc["handler"], "handler").check(faults, names::dns_label);
        let overhead = doc!({ "limits": doc["overhead"]["podFixed"].clone() });
        resources(&At::root(&overhead, "overhead"), faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        if new["handler"] != old["handler"] {
            faults.invalid("handler", &new["handler"], IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Handler", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        vec![
            object.key.name.to_string(),
            object.body["handler"].str().to_string(),
            age(object.meta.creation, now),
        ]
    }
}
