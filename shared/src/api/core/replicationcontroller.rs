//! ReplicationController: what there was before ReplicaSets, and does the same.

use crate::api::apps::deployment::{default_template, template_cells, validate_template};
use crate::api::apps::replicaset::ReplicaSet;
use crate::api::validation::{At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age};
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct ReplicationControllers;

impl Resource for ReplicationControllers {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "ReplicationController",
            plural: "replicationcontrollers",
            singular: "replicationcontroller",
            short_names: &["rc"],
            namespaced: true,
            subresources: &[Subresource::Status, Subresource::Scale],
            categories: &["all"],
            has_generation: true,
        }
    }

    /// It is read as a ReplicaSet, whose controller looks after both.
    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let selector = LabelSelector::from_map(&body["spec"]["selector"]);
        View::ReplicaSet(Box::new(ReplicaSet { selector, ..ReplicaSet::of(body) }))
    }

    fn default(&self, doc: &mut Doc) {
        let labels = doc.at(&["spec", "template", "metadata", "labels"]).clone();
        if !labels.is_empty() {
            if doc["spec"]["selector"].is_empty() {
                doc.set_at(&["spec", "selector"], labels.clone());
            }
            if doc["metadata"]["labels"].is_empty() {
                doc.set_at(&["metadata", "labels"], labels);
            }
        }
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("replicas", 1i64);
        default_template(spec);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", crate::doc!({ "replicas": 0i64 }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        spec.field("minReadySeconds").non_negative(faults);
        let (selector, template) = (spec.field("selector"), spec.field("template"));
        if selector.is_empty() {
            faults.required(&selector, "");
        }
        spec.field("replicas").non_negative(faults);
        if !template.is_set() {
            faults.required(&template, "");
            return;
        }
        let labels = &template["metadata"]["labels"];
        if !selector.is_empty() && !LabelSelector::from_map(&selector).matches(labels) {
            let shown = if labels.is_null() { Doc::Null } else { labels.clone() };
            faults.invalid(
                "spec.template.metadata.labels",
                &shown,
                "`selector` does not match template `labels`",
            );
        }
        validate_template(&template, faults);
        let pod = At::root(&template["spec"], "spec.template.spec");
        let policy = pod.field("restartPolicy");
        if policy.text() != "Always" {
            faults.not_supported(&policy, &Doc::from(policy.text()), &["Always"]);
        }
        let why = "activeDeadlineSeconds in ReplicationController is not Supported";
        pod.field("activeDeadlineSeconds").forbid(faults, why);
    }

    fn fields(&self) -> &'static [&'static str] {
        &["metadata.name", "metadata.namespace", "status.replicas"]
    }

    fn columns(&self) -> &'static [Column] {
        crate::api::apps::replicaset::ReplicaSets.columns()
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(set) = object.view::<ReplicaSet>() else { return Row::new() };
        let [names, images, _] = template_cells(&object.body["spec"]);
        vec![
            object.key.name.to_string(),
            set.replicas.to_string(),
            set.status_replicas.to_string(),
            set.ready_replicas.to_string(),
            age(object.meta.creation, now),
            names,
            images,
            set.selector.to_string(),
        ]
    }
}
