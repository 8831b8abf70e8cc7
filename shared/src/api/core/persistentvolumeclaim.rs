//! PersistentVolumeClaim: a wish for storage, fulfilled by a PersistentVolume.

use crate::api::internal;
use crate::api::validation::Faults;
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, bytes};
use crate::doc::{Doc, Timestamp, intern};

const IMMUTABLE_SPEC: &str = "spec is immutable after creation except resources.requests and \
     volumeAttributesClassName for bound claims";

/// How a volume may be mounted.
pub const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

/// Access modes as the columns of claims and volumes have them: `RWO,ROX`.
pub fn letters(modes: &Doc) -> String {
    const LETTERS: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let has = |mode: &str| modes.items().iter().any(|known| known.as_str() == Some(mode));
    let parts: Vec<&str> =
        LETTERS.iter().filter(|(mode, _)| has(mode)).map(|(_, letters)| *letters).collect();
    parts.join(",")
}

/// The kind's registration.
#[derive(Debug)]
pub struct PersistentVolumeClaims;

impl Resource for PersistentVolumeClaims {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "PersistentVolumeClaim",
            plural: "persistentvolumeclaims",
            singular: "persistentvolumeclaim",
            short_names: &["pvc"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("volumeMode", "Filesystem");
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "phase": "Pending" }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = &doc["spec"];
        if spec["accessModes"].items().is_empty() {
            faults.required("spec.accessModes", "at least 1 access mode is required");
        }
        for mode in spec["accessModes"].items() {
            if !mode.as_str().is_some_and(|mode| MODES.contains(&mode)) {
                faults.not_supported("spec.accessModes", mode, &MODES);
            }
        }
        if spec.at(&["resources", "requests", "storage"]).is_null() {
            faults.required("spec.resources[storage]", "");
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let (was, mut now) = (&old["spec"], new["spec"].clone());
        let bound = old["status"]["phase"].as_str() == Some("Bound");
        let mut free = |field: &str, old: &Doc| {
            if old.is_null() {
                now.remove(field);
            } else {
                now.set(intern(field), old.clone());
            }
        };
        // Controllers fill in what was left open; only a bound claim may grow.
        if was["volumeName"].is_empty() {
            free("volumeName", &was["volumeName"]);
        }
        if was["storageClassName"].is_null() {
            free("storageClassName", &Doc::Null);
        }
        if bound {
            free("resources", &was["resources"]);
        }
        free("volumeAttributesClassName", &was["volumeAttributesClassName"]);
        if now != *was {
            let difference = internal::difference("PersistentVolumeClaimSpec", was, &now);
            faults.forbidden("spec", &format!("{IMMUTABLE_SPEC}\n{difference}"));
        }
        let amount = |doc: &Doc| bytes(&doc["resources"]["requests"]["storage"]);
        if bound
            && amount(&new["spec"]) < amount(was)
            && amount(&new["spec"]) <= bytes(&old["status"]["capacity"]["storage"])
        {
            faults.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity");
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Volume", wide: false },
            Column { name: "Capacity", wide: false },
            Column { name: "Access Modes", wide: false },
            Column { name: "StorageClass", wide: false },
            Column { name: "VolumeAttributesClass", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "VolumeMode", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let text = |doc: &Doc| doc.str().to_string();
        let class = spec["volumeAttributesClassName"].as_str().unwrap_or("<unset>");
        vec![
            object.key.name.to_string(),
            if object.meta.deleting() { "Terminating".into() } else { text(&status["phase"]) },
            text(&spec["volumeName"]),
            text(&status["capacity"]["storage"]),
            letters(&status["accessModes"]),
            text(&spec["storageClassName"]),
            class.to_owned(),
            age(object.meta.creation, now),
            text(&spec["volumeMode"]),
        ]
    }
}
