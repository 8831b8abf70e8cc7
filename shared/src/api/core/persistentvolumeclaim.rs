//! PersistentVolumeClaim: a wish for storage. There is one class, which fulfils every wish at once; the volumes
//! themselves are not simulated.

use crate::api::quantity::bytes;
use crate::api::validation::Faults;
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, internal};
use crate::doc::{Doc, Timestamp};

/// The class that claims get that name none.
pub const DEFAULT_CLASS: &str = "standard";

/// Where a claim's size is.
const STORAGE: &[&str] = &["resources", "requests", "storage"];

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
        spec.default_to("storageClassName", DEFAULT_CLASS);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "phase": "Pending" }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = &doc["spec"];
        if spec["accessModes"].items().is_empty() {
            faults.required("spec.accessModes", "at least 1 access mode is required");
        }
        const MODES: [&str; 4] = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
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
        let bound = new["status"]["phase"].as_str() == Some("Bound");
        let (mut spec, mut before) = (new["spec"].clone(), old["spec"].clone());
        if before["volumeName"].is_empty() && !spec["volumeName"].is_null() {
            before.set("volumeName", spec["volumeName"].clone());
        }
        if bound && !spec["resources"]["requests"].is_null() {
            spec.set_at(STORAGE, before.at(STORAGE).clone());
        }
        let class = before["volumeAttributesClassName"].clone();
        match class {
            Doc::Null => drop(spec.remove("volumeAttributesClassName")),
            class => spec.set("volumeAttributesClassName", class),
        }
        if spec != before {
            let difference = internal::difference("PersistentVolumeClaimSpec", &before, &spec);
            let why = "spec is immutable after creation except resources.requests and volumeAttributesClassName \
                       for bound claims";
            faults.forbidden("spec", &format!("{why}\n{difference}"));
        }
        // Less is allowed only where an expansion failed, and never less than there is.
        let wanted = bytes(new["spec"].at(STORAGE));
        let there = &old["status"]["capacity"]["storage"];
        if wanted < bytes(old["spec"].at(STORAGE)) && !there.is_null() && wanted <= bytes(there) {
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
        let modes = status["accessModes"].items().iter().map(|mode| match mode.as_str() {
            Some("ReadOnlyMany") => "ROX",
            Some("ReadWriteMany") => "RWX",
            Some("ReadWriteOncePod") => "RWOP",
            _ => "RWO",
        });
        let class = spec["volumeAttributesClassName"].as_str().unwrap_or("<unset>");
        vec![
            object.key.name.to_string(),
            if object.meta.deleting() { "Terminating".into() } else { text(&status["phase"]) },
            text(&spec["volumeName"]),
            text(&status["capacity"]["storage"]),
            modes.collect::<Vec<_>>().join(","),
            text(&spec["storageClassName"]),
            class.to_owned(),
            age(object.meta.creation, now),
            text(&spec["volumeMode"]),
        ]
    }
}
