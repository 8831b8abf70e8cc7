//! ReplicaSet: keeps a number of pods of one template.

use crate::api::validation::{self, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Timestamp};

use super::deployment::{default_template, template_cells, validate_selector_kept, validate_workload};

/// What the simulation reads of a ReplicaSet.
#[derive(Clone, Debug)]
pub struct ReplicaSet {
    /// Wanted pods.
    pub replicas: i64,
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pod template, as written.
    pub template: Doc,
    /// How long a pod must be ready to count as available, in seconds.
    pub min_ready_seconds: i64,
    /// `status.replicas`
    pub status_replicas: i64,
    /// `status.readyReplicas`
    pub ready_replicas: i64,
    /// `status.availableReplicas`
    pub available_replicas: i64,
    /// `status.observedGeneration`
    pub observed_generation: i64,
}

impl ReplicaSet {
    /// Reads a document.
    pub fn of(body: &Doc) -> ReplicaSet {
        let (spec, status) = (&body["spec"], &body["status"]);
        let count = |field: &str| status[field].as_i64().unwrap_or(0);
        ReplicaSet {
            replicas: spec["replicas"].as_i64().unwrap_or(1),
            selector: LabelSelector::from_doc(&spec["selector"]),
            template: spec["template"].clone(),
            min_ready_seconds: spec["minReadySeconds"].as_i64().unwrap_or(0),
            status_replicas: count("replicas"),
            ready_replicas: count("readyReplicas"),
            available_replicas: count("availableReplicas"),
            observed_generation: count("observedGeneration"),
        }
    }
}

/// The kind's registration.
#[derive(Debug)]
pub struct ReplicaSets;

impl Resource for ReplicaSets {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apps",
            version: "v1",
            kind: "ReplicaSet",
            plural: "replicasets",
            singular: "replicaset",
            short_names: &["rs"],
            namespaced: true,
            subresources: &[Subresource::Status, Subresource::Scale],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        View::ReplicaSet(Box::new(ReplicaSet::of(body)))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("replicas", 1i64);
        default_template(spec);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "replicas": 0i64 }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        for field in ["replicas", "minReadySeconds"] {
            validation::At::root(&doc["spec"], "spec").field(field).non_negative(faults);
        }
        validate_workload("deployment", doc, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validate_selector_kept(new, old, faults);
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "metadata.namespace", "status.replicas"]
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Desired", wide: false },
            Column { name: "Current", wide: false },
            Column { name: "Ready", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(set) = object.view::<ReplicaSet>() else { return Row::new() };
        let mut row = vec![
            object.key.name.to_string(),
            set.replicas.to_string(),
            set.status_replicas.to_string(),
            set.ready_replicas.to_string(),
            age(object.meta.creation, now),
        ];
        row.extend(template_cells(&object.body["spec"]));
        row
    }
}
