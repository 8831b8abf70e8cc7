//! Namespace: a room for names.

use crate::api::validation::names::{self, Rule};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age};
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct Namespaces;

impl Resource for Namespaces {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Namespace",
            plural: "namespaces",
            singular: "namespace",
            short_names: &["ns"],
            namespaced: false,
            subresources: &[Subresource::Status, Subresource::Finalize],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        let name = doc["metadata"]["name"].clone();
        doc.at_mut(&["metadata", "labels"]).set("kubernetes.io/metadata.name", name);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set_at(&["spec", "finalizers"], Doc::list(["kubernetes"]));
        doc.set("status", crate::doc!({ "phase": "Active" }));
    }

    fn name(&self) -> Rule {
        names::dns_label
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "status.phase"]
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Status", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let phase = object.body["status"]["phase"].str().to_string();
        vec![object.key.name.to_string(), phase, age(object.meta.creation, now)]
    }
}
