//! DaemonSet: one pod on every node that fits.

use crate::api::validation::{self, At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age, internal};
use crate::doc::{Doc, Timestamp};

use super::deployment::{
    default_template, is_zero, template_cells, validate_selector_kept, validate_workload,
};

/// Annotation that counts the changes of the template.
pub const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

/// What the simulation reads of a DaemonSet.
#[derive(Clone, Debug)]
pub struct DaemonSet {
    /// Which pods are its own.
    pub selector: LabelSelector,
    /// The pod template, as written.
    pub template: Doc,
    /// `spec.updateStrategy.type` is `OnDelete` instead of `RollingUpdate`.
    pub on_delete: bool,
    /// `maxSurge`: number or percentage.
    pub max_surge: Doc,
    /// `maxUnavailable`: number or percentage.
    pub max_unavailable: Doc,
    /// How long a pod must be ready to count as available, in seconds.
    pub min_ready_seconds: i64,
    /// How many old ControllerRevisions are kept.
    pub revision_history_limit: i64,
    /// `status.numberMisscheduled`
    pub misscheduled: i64,
}

/// The kind's registration.
#[derive(Debug)]
pub struct DaemonSets;

impl Resource for DaemonSets {
    fn info(&self) -> &'static Info {
        &Info {
            group: "apps",
            version: "v1",
            kind: "DaemonSet",
            plural: "daemonsets",
            singular: "daemonset",
            short_names: &["ds"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &["all"],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let rolling = &spec["updateStrategy"]["rollingUpdate"];
        View::DaemonSet(Box::new(DaemonSet {
            selector: LabelSelector::from_doc(&spec["selector"]),
            template: spec["template"].clone(),
            on_delete: spec["updateStrategy"]["type"].as_str() == Some("OnDelete"),
            max_surge: rolling["maxSurge"].clone(),
            max_unavailable: rolling["maxUnavailable"].clone(),
            min_ready_seconds: spec["minReadySeconds"].as_i64().unwrap_or(0),
            revision_history_limit: spec["revisionHistoryLimit"].as_i64().unwrap_or(10),
            misscheduled: body["status"]["numberMisscheduled"].as_i64().unwrap_or(0),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("revisionHistoryLimit", 10i64);
        let strategy = spec.at_mut(&["updateStrategy"]);
        strategy.default_to("type", "RollingUpdate");
        if strategy["type"].as_str() == Some("RollingUpdate") {
            let rolling = strategy.at_mut(&["rollingUpdate"]);
            rolling.default_to("maxSurge", 0i64);
            rolling.default_to("maxUnavailable", 1i64);
        }
        default_template(spec);
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set_at(&["metadata", "annotations", TEMPLATE_GENERATION], "1");
        let none = crate::doc!({
            "currentNumberScheduled": 0i64, "desiredNumberScheduled": 0i64, "numberMisscheduled": 0i64,
            "numberReady": 0i64
        });
        doc.set("status", none);
    }

    fn prepare_update(&self, new: &mut Doc, old: &Doc) {
        let before = old["metadata"]["annotations"][TEMPLATE_GENERATION].str();
        let changed = new["spec"]["template"] != old["spec"]["template"];
        let generation = before.parse::<i64>().unwrap_or(0) + i64::from(changed);
        new.set_at(&["metadata", "annotations", TEMPLATE_GENERATION], generation.to_string());
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validate_workload("daemonset", doc, faults);
        validation::non_negative(faults, "spec.minReadySeconds", &doc["spec"]["minReadySeconds"]);
        update_strategy(&At::root(&doc["spec"]["updateStrategy"], "spec.updateStrategy"), faults);
        validation::non_negative(faults, "spec.revisionHistoryLimit", &doc["spec"]["revisionHistoryLimit"]);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        validate_selector_kept(new, old, faults);
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Desired", wide: false },
            Column { name: "Current", wide: false },
            Column { name: "Ready", wide: false },
            Column { name: "Up-to-date", wide: false },
            Column { name: "Available", wide: false },
            Column { name: "Node Selector", wide: false },
            Column { name: "Age", wide: false },
            Column { name: "Containers", wide: true },
            Column { name: "Images", wide: true },
            Column { name: "Selector", wide: true },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let counts = [
            "desiredNumberScheduled",
            "currentNumberScheduled",
            "numberReady",
            "updatedNumberScheduled",
            "numberAvailable",
        ];
        let wanted = LabelSelector::from_map(spec.at(&["template", "spec", "nodeSelector"]));
        let mut row = vec![object.key.name.to_string()];
        row.extend(counts.map(|field| status[field].as_i64().unwrap_or(0).to_string()));
        row.push(if wanted.is_empty() { "<none>".into() } else { wanted.to_string() });
        row.push(age(object.meta.creation, now));
        row.extend(template_cells(spec));
        row
    }
}

fn update_strategy(strategy: &At<'_>, faults: &mut Faults) {
    let rolling = strategy.field("rollingUpdate");
    match strategy["type"].as_str() {
        Some("OnDelete") => return,
        Some("RollingUpdate") => {}
        _ => {
            let shown = internal::printed("UpdateStrategy", strategy);
            return faults.not_supported_text(strategy, &shown, &["RollingUpdate", "OnDelete"]);
        }
    }
    let (unavailable, surge) = (rolling.field("maxUnavailable"), rolling.field("maxSurge"));
    for bound in [unavailable, surge] {
        bound.number_or_percent(faults);
    }
    for bound in [unavailable, surge] {
        bound.at_most_all(faults);
    }
    match (is_zero(&unavailable), is_zero(&surge)) {
        (true, true) => faults.required(&unavailable, "cannot be 0 when maxSurge is 0"),
        (false, false) => {
            faults.invalid(&surge, &surge, "may not be set when maxUnavailable is non-zero");
        }
        _ => {}
    }
}
