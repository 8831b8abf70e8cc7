//! StorageClass: where volumes come from that nobody made beforehand.

use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str, Timestamp};

/// The annotation of the class that claims get which name none.
pub const IS_DEFAULT: &str = "storageclass.kubernetes.io/is-default-class";
/// The class that a cluster has from the beginning, as one made by kind.
pub const STANDARD: &str = "standard";
/// Who makes its volumes.
pub const LOCAL_PATH: &str = "rancher.io/local-path";

/// Whether claims that name no class get this one.
pub fn is_default(class: &Object) -> bool {
    [IS_DEFAULT, "storageclass.beta.kubernetes.io/is-default-class"]
        .iter()
        .any(|annotation| class.meta.annotation(annotation) == Some("true"))
}

/// Whether volumes are chosen only when it is known which pod needs them.
pub fn waits_for_consumer(class: &Object) -> bool {
    class.body["volumeBindingMode"].as_str() == Some("WaitForFirstConsumer")
}

/// The kind's registration.
#[derive(Debug)]
pub struct StorageClasses;

impl Resource for StorageClasses {
    fn info(&self) -> &'static Info {
        &Info {
            group: "storage.k8s.io",
            version: "v1",
            kind: "StorageClass",
            plural: "storageclasses",
            singular: "storageclass",
            short_names: &["sc"],
            namespaced: false,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        doc.default_to("reclaimPolicy", "Delete");
        doc.default_to("volumeBindingMode", "Immediate");
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let root = At::root(doc, "");
        let provisioner = root.field("provisioner");
        if provisioner.require(faults) {
            for message in names::qualified_name(&provisioner.text().to_ascii_lowercase()) {
                faults.invalid(&provisioner, &provisioner, message);
            }
        }
        for (key, _) in doc["parameters"].entries() {
            if key.is_empty() {
                faults.invalid("parameters", &Doc::from(""), "field can not be empty.");
            }
        }
        root.field("reclaimPolicy").one_of(faults, &["Delete", "Retain"]);
        root.field("volumeBindingMode").one_of(faults, &["Immediate", "WaitForFirstConsumer"]);
        for term in root.field("allowedTopologies").each() {
            let mut keys: BTreeSet<Str> = BTreeSet::new();
            for expression in term.field("matchLabelExpressions").each() {
                let (key, values) = (expression.field("key"), expression.field("values"));
                values.require(faults);
                let mut known: BTreeSet<Str> = BTreeSet::new();
                for value in values.each().filter(|value| !known.insert(value.str())) {
                    faults.duplicate(&value, &value);
                }
                key.check(faults, names::qualified_name);
                if !keys.insert(key.str()) {
                    faults.duplicate(&key, &key);
                }
            }
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        for (field, why) in [
            ("parameters", "updates to parameters are forbidden."),
            ("provisioner", "updates to provisioner are forbidden."),
            ("reclaimPolicy", "updates to reclaimPolicy are forbidden."),
        ] {
            if new[field] != old[field] {
                faults.forbidden(field, why);
            }
        }
        if new["volumeBindingMode"] != old["volumeBindingMode"] {
            faults.invalid("volumeBindingMode", &new["volumeBindingMode"], IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Provisioner", wide: false },
            Column { name: "ReclaimPolicy", wide: false },
            Column { name: "VolumeBindingMode", wide: false },
            Column { name: "AllowVolumeExpansion", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let text = |field: &str| object.body[field].str().to_string();
        vec![
            format!("{}{}", object.key.name, if is_default(object) { " (default)" } else { "" }),
            text("provisioner"),
            text("reclaimPolicy"),
            text("volumeBindingMode"),
            (object.body["allowVolumeExpansion"].as_bool() == Some(true)).to_string(),
            age(object.meta.creation, now),
        ]
    }
}
