//! CSINode: the storage drivers of a node, and how many of their volumes it can hold.

use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct CsiNodes;

impl Resource for CsiNodes {
    fn info(&self) -> &'static Info {
        &Info {
            group: "storage.k8s.io",
            version: "v1",
            kind: "CSINode",
            plural: "csinodes",
            singular: "csinode",
            short_names: &[],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let drivers = spec.field("drivers");
        for (at, driver) in drivers.each().enumerate() {
            driver.field("name").require(faults);
            driver.field("nodeID").require(faults);
            driver.field("allocatable").field("count").non_negative(faults);
            let name = &driver.doc()["name"];
            if drivers.doc().items().iter().take(at).any(|earlier| earlier["name"] == *name) {
                faults.duplicate(driver.field("name").path(), name);
            }
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Drivers", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        vec![
            object.key.name.to_string(),
            object.body["spec"]["drivers"].items().len().to_string(),
            age(object.meta.creation, now),
        ]
    }
}
