//! PriorityClass: a name for how much a pod matters.

use crate::api::validation::{At, Faults, IMMUTABLE};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::doc::{Doc, Timestamp};

/// Those that every cluster has, what they are worth, and what they are for.
pub const SYSTEM: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// What a person's own class may be worth at most.
const HIGHEST: i64 = 1_000_000_000;

/// The kind's registration.
#[derive(Debug)]
pub struct PriorityClasses;

impl Resource for PriorityClasses {
    fn info(&self) -> &'static Info {
        &Info {
            group: "scheduling.k8s.io",
            version: "v1",
            kind: "PriorityClass",
            plural: "priorityclasses",
            singular: "priorityclass",
            short_names: &["pc"],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: true,
        }
    }

    fn default(&self, doc: &mut Doc) {
        doc.default_to("preemptionPolicy", "PreemptLowerPriority");
        doc.default_to("value", 0i64);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let (name, value) = (doc["metadata"]["name"].str(), doc["value"].as_i64().unwrap_or(0));
        if name.starts_with("system-") {
            if let Some(why) = not_the_systems(&name, value, doc["globalDefault"].as_bool() == Some(true)) {
                let why = format!(
                    "priority class names with 'system-' prefix are reserved for system use only. error: {why}"
                );
                faults.forbidden("metadata.name", &why);
            }
        } else if value > HIGHEST {
            let why = format!("maximum allowed value of a user defined priority is {HIGHEST}");
            faults.forbidden("value", &why);
        }
        let root = At::root(doc, "");
        root.field("preemptionPolicy").one_of(faults, &["PreemptLowerPriority", "Never"]);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        if new["value"] != old["value"] {
            faults.forbidden("value", "may not be changed in an update.");
        }
        if new["preemptionPolicy"] != old["preemptionPolicy"] {
            faults.invalid("preemptionPolicy", &new["preemptionPolicy"], IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Value", wide: false },
            Column { name: "Global-Default", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "PreemptionPolicy", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        vec![
            object.key.name.to_string(),
            object.body["value"].as_i64().unwrap_or(0).to_string(),
            (object.body["globalDefault"].as_bool() == Some(true)).to_string(),
            age(object.meta.creation, now),
            object.body["preemptionPolicy"].str().to_string(),
        ]
    }
}

/// Why a class with a system's name is not the system's own.
fn not_the_systems(name: &str, value: i64, global: bool) -> Option<String> {
    let Some((_, worth, _)) = SYSTEM.iter().find(|(known, ..)| *known == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if value != *worth {
        return Some(format!("value of {name} PriorityClass must be {worth}"));
    }
    global.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}
