//! PersistentVolumeClaim: a wish for storage, fulfilled by a PersistentVolume.

use crate::api::validation::{self, At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, bytes};
use crate::api::{internal, quantity};
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

/// What is wrong with the access modes of a claim or a volume.
pub fn access_modes(modes: &At<'_>, faults: &mut Faults) {
    let known = |mode: &&Doc| mode.as_str().is_some_and(|mode| MODES.contains(&mode));
    for mode in modes.items().iter().filter(|mode| !known(mode)) {
        faults.not_supported(modes, mode, &MODES);
    }
    let alone = |mode: &&Doc| mode.as_str() == Some("ReadWriteOncePod");
    let others = modes.items().iter().filter(known).any(|mode| !alone(&mode));
    if others && modes.items().iter().any(|mode| alone(&mode)) {
        faults.forbidden(modes, "may not use ReadWriteOncePod with other access modes");
    }
}

/// What is wrong with the spec of a claim, or of a template for claims.
pub fn validate_claim_spec(spec: &At<'_>, faults: &mut Faults) {
    let modes = spec.field("accessModes");
    if modes.items().is_empty() {
        faults.required(&modes, "at least 1 access mode is required");
    }
    validation::label_selector(faults, &spec.field("selector"));
    access_modes(&modes, faults);
    let storage = spec.doc().at(&["resources", "requests", "storage"]);
    let place = format!("{}.resources[storage]", spec.path());
    if storage.is_null() {
        faults.required(place, "");
    } else if bytes(storage) <= 0 {
        let value = Doc::from(quantity::canonical(storage).unwrap_or_default());
        faults.invalid(place, &value, "must be greater than zero");
    }
    spec.field("storageClassName").check_if_set(faults, names::dns_subdomain);
    spec.field("volumeMode").one_of(faults, &["Block", "Filesystem"]);
    for field in ["dataSource", "dataSourceRef"] {
        data_source(&spec.field(field), faults);
    }
    spec.field("volumeAttributesClassName").check_if_set(faults, names::dns_subdomain);
}

fn data_source(source: &At<'_>, faults: &mut Faults) {
    if !source.is_set() {
        return;
    }
    source.field("name").require(faults);
    let (kind, group) = (source.field("kind"), source.field("apiGroup"));
    kind.require(faults);
    if group.text().is_empty() && kind.text() != "PersistentVolumeClaim" {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        faults.invalid(source, &Doc::from(kind.text()), why);
    }
    group.check_if_set(faults, names::dns_subdomain);
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
        validate_claim_spec(&At::root(&doc["spec"], "spec"), faults);
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
