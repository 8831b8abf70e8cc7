//! PodDisruptionBudget: how many pods of an app may be taken away on purpose.

use crate::api::validation::{self, At, Faults};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, Subresource, View, age, internal};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of a PodDisruptionBudget.
#[derive(Clone, Debug)]
pub struct PodDisruptionBudget {
    /// `minAvailable`: number or percentage; null when unset.
    pub min_available: Doc,
    /// `maxUnavailable`: number or percentage; null when unset.
    pub max_unavailable: Doc,
    /// Which pods it protects; `None` protects none.
    pub selector: Option<LabelSelector>,
    /// `unhealthyPodEvictionPolicy`; empty for `IfHealthyBudget`.
    pub unhealthy_policy: Str,
    /// `status.observedGeneration`
    pub observed_generation: i64,
    /// `status.disruptionsAllowed`
    pub disruptions_allowed: i64,
    /// `status.currentHealthy`
    pub current_healthy: i64,
    /// `status.desiredHealthy`
    pub desired_healthy: i64,
    /// `status.disruptedPods`: pods about to go, by name.
    pub disrupted: Doc,
}

impl PodDisruptionBudget {
    /// Whether it protects a pod with these labels.
    pub fn protects(&self, labels: &Doc) -> bool {
        self.selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }
}

/// The kind's registration.
#[derive(Debug)]
pub struct PodDisruptionBudgets;

impl Resource for PodDisruptionBudgets {
    fn info(&self) -> &'static Info {
        &Info {
            group: "policy",
            version: "v1",
            kind: "PodDisruptionBudget",
            plural: "poddisruptionbudgets",
            singular: "poddisruptionbudget",
            short_names: &["pdb"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &[],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let (spec, status) = (&body["spec"], &body["status"]);
        let count = |field: &str| status[field].as_i64().unwrap_or(0);
        let selector = &spec["selector"];
        View::PodDisruptionBudget(Box::new(PodDisruptionBudget {
            min_available: spec["minAvailable"].clone(),
            max_unavailable: spec["maxUnavailable"].clone(),
            selector: (!selector.is_null()).then(|| LabelSelector::from_doc(selector)),
            unhealthy_policy: spec["unhealthyPodEvictionPolicy"].str(),
            observed_generation: count("observedGeneration"),
            disruptions_allowed: count("disruptionsAllowed"),
            current_healthy: count("currentHealthy"),
            desired_healthy: count("desiredHealthy"),
            disrupted: status["disruptedPods"].clone(),
        }))
    }

    fn prepare_create(&self, doc: &mut Doc) {
        let none = crate::doc!({
            "currentHealthy": 0i64, "desiredHealthy": 0i64, "disruptionsAllowed": 0i64, "expectedPods": 0i64
        });
        doc.set("status", none);
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let (least, most) = (spec.field("minAvailable"), spec.field("maxUnavailable"));
        if least.is_set() && most.is_set() {
            let shown = internal::printed("PodDisruptionBudgetSpec", &spec);
            faults.invalid_text(&spec, &shown, "minAvailable and maxUnavailable cannot be both set");
        }
        for bound in [least, most] {
            bound.number_or_percent(faults);
            bound.at_most_all(faults);
        }
        validation::label_selector(faults, &spec.field("selector"));
        spec.field("unhealthyPodEvictionPolicy").one_of(faults, &["AlwaysAllow", "IfHealthyBudget"]);
    }

    fn may_update_blindly(&self) -> bool {
        false
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Min Available", wide: false },
            Column { name: "Max Unavailable", wide: false },
            Column { name: "Allowed Disruptions", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let bound = |field: &str| match &spec[field] {
            Doc::Null => "N/A".to_owned(),
            Doc::Str(text) => text.to_string(),
            number => number.to_json(),
        };
        vec![
            object.key.name.to_string(),
            bound("minAvailable"),
            bound("maxUnavailable"),
            status["disruptionsAllowed"].as_i64().unwrap_or(0).to_string(),
            age(object.meta.creation, now),
        ]
    }
}
