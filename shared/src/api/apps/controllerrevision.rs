//! ControllerRevision: what a DaemonSet or StatefulSet looked like once.

use crate::api::validation::{self, Faults};
use crate::api::{Column, Info, Kind, Object, Resource, Row, View, age};
use crate::doc::{Doc, Timestamp};

/// What the simulation reads of a ControllerRevision.
#[derive(Clone, Debug)]
pub struct ControllerRevision {
    /// Its number: the higher, the newer.
    pub revision: i64,
    /// The patch that brings the owner back to it.
    pub data: Doc,
}

/// The kind's registration.
#[derive(Debug)]
pub struct ControllerRevisions;

impl Resource for ControllerRevisions {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apps",
            version: "v1",
            kind: "ControllerRevision",
            plural: "controllerrevisions",
            singular: "controllerrevision",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let revision = body["revision"].as_i64().unwrap_or(0);
        View::ControllerRevision(Box::new(ControllerRevision { revision, data: body["data"].clone() }))
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validation::non_negative(faults, "revision", &doc["revision"]);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        if new["data"] != old["data"] {
            faults.invalid("data", &new["data"], "field is immutable");
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Controller", wide: false },
            Column { name: "Revision", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let controller = object.meta.controller().map(|owner| {
            let kind = Kind::of(&owner.api_version, &owner.kind).map(Kind::info);
            let group = kind.map(|info| info.group).filter(|group| !group.is_empty());
            let kind = owner.kind.to_lowercase();
            let group = group.map(|group| format!(".{group}")).unwrap_or_default();
            format!("{kind}{group}/{}", owner.name)
        });
        vec![
            object.key.name.to_string(),
            controller.unwrap_or_else(|| "<none>".into()),
            object.body["revision"].as_i64().unwrap_or(0).to_string(),
            age(object.meta.creation, now),
        ]
    }
}
