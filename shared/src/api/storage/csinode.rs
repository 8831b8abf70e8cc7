//! CSINode: the storage drivers of a node, and how many of their volumes it can hold.

use crate::api::validation::{At, Faults, driver_name, names};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

/// How long a driver's name of a node may be.
const LONGEST_ID: usize = 192;

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
            let (name, id) = (driver.field("name"), driver.field("nodeID"));
            driver_name(faults, &name);
            if id.require(faults) && id.text().len() > LONGEST_ID {
                faults.invalid(&id, &id, format!("must be {LONGEST_ID} characters or less"));
            }
            driver.field("allocatable").field("count").non_negative(faults);
            if drivers.items().iter().take(at).any(|earlier| earlier["name"] == *name) {
                faults.duplicate(&name, &name);
            }
            topology_keys(&driver, faults);
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

/// By which labels a driver tells nodes apart. What is wrong is said of the driver as a whole.
fn topology_keys(driver: &At<'_>, faults: &mut Faults) {
    let keys = driver.field("topologyKeys");
    for (at, key) in keys.each().enumerate() {
        if key.is_empty() {
            faults.required(driver, "");
        }
        if keys.items()[..at].contains(&key) {
            faults.duplicate(driver, &key);
        }
        for why in names::qualified_name(key.text()) {
            faults.invalid(driver, &keys, why);
        }
    }
}
