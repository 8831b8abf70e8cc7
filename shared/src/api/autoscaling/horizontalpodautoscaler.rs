//! HorizontalPodAutoscaler: how many pods of a workload there should be by what they use.

pub mod v1;
mod validation;

use crate::api::validation::Faults;
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, quantity};
use crate::doc;
use crate::doc::{Doc, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct HorizontalPodAutoscalers;

impl Resource for HorizontalPodAutoscalers {
    fn info(&self) -> &'static Info {
        &Info {
            group: "autoscaling",
            version: "v2",
            kind: "HorizontalPodAutoscaler",
            plural: "horizontalpodautoscalers",
            singular: "horizontalpodautoscaler",
            short_names: &["hpa"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &["all"],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("minReplicas", 1i64);
        if spec["metrics"].items().is_empty() {
            let target = doc!({ "type": "Utilization", "averageUtilization": 80i64 });
            let metric = doc!({ "type": "Resource", "resource": { "name": "cpu", "target": target } });
            spec.set("metrics", Doc::list([metric]));
        }
        canonical(spec);
        if !spec["behavior"].is_null() {
            let behavior = spec.at_mut(&["behavior"]);
            let up = [("Pods", 4), ("Percent", 100)];
            rules(behavior.at_mut(&["scaleUp"]), &up, true);
            rules(behavior.at_mut(&["scaleDown"]), &up[1..], false);
        }
    }

    fn prepare_create(&self, doc: &mut Doc) {
        doc.set("status", doc!({ "currentMetrics": null, "desiredReplicas": 0i64 }));
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        validation::spec(doc, faults);
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Reference", wide: false },
            Column { name: "Targets", wide: false },
            Column { name: "MinPods", wide: false },
            Column { name: "MaxPods", wide: false },
            Column { name: "Replicas", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let target = &spec["scaleTargetRef"];
        let number = |doc: &Doc| doc.as_i64().unwrap_or(0).to_string();
        vec![
            object.key.name.to_string(),
            format!("{}/{}", target["kind"].str(), target["name"].str()),
            targets(spec["metrics"].items(), status["currentMetrics"].items()),
            spec["minReplicas"].as_i64().map_or_else(|| "<unset>".into(), |least| least.to_string()),
            number(&spec["maxReplicas"]),
            number(&status["currentReplicas"]),
            age(object.meta.creation, now),
        ]
    }
}

/// Where a metric of a type says the rest: `ContainerResource` → `containerResource`.
pub fn source(kind: &str) -> &'static str {
    SOURCES.iter().find(|(name, _)| *name == kind).map_or("", |(_, field)| field)
}

/// The types of metrics with the fields that say the rest.
pub const SOURCES: &[(&str, &str)] = &[
    ("ContainerResource", "containerResource"),
    ("External", "external"),
    ("Object", "object"),
    ("Pods", "pods"),
    ("Resource", "resource"),
];

/// Amounts as the API server prints them.
fn canonical(spec: &mut Doc) {
    for at in 0..spec["metrics"].items().len() {
        for (_, field) in SOURCES {
            for amount in ["averageValue", "value"] {
                if let Some(text) = quantity::canonical(spec["metrics"][at][*field]["target"].get(amount)) {
                    let metric = &mut spec.at_mut(&["metrics"]).items_mut()[at];
                    metric.set_at(&[field, "target", amount], text);
                }
            }
        }
    }
    for way in ["scaleUp", "scaleDown"] {
        if let Some(text) = quantity::canonical(spec.at(&["behavior", way, "tolerance"])) {
            spec.set_at(&["behavior", way, "tolerance"], text);
        }
    }
}

fn rules(rules: &mut Doc, policies: &[(&'static str, i64)], at_once: bool) {
    if at_once {
        rules.default_to("stabilizationWindowSeconds", 0i64);
    }
    rules.default_to("selectPolicy", "Max");
    if rules["policies"].is_null() {
        let policies = policies
            .iter()
            .map(|(kind, value)| doc!({ "type": *kind, "value": *value, "periodSeconds": 15i64 }));
        rules.set("policies", Doc::list(policies));
    }
}

/// `cpu: 66%/50%` of each metric, at most two.
fn targets(specs: &[Doc], statuses: &[Doc]) -> String {
    const SHOWN: usize = 2;
    let shown = specs.iter().zip((0..).map(|at| statuses.get(at).unwrap_or(&Doc::Null)));
    let list: Vec<String> = shown.take(SHOWN).map(|(spec, status)| one_target(spec, status)).collect();
    let text = list.join(", ");
    match specs.len() {
        0 => "<none>".into(),
        many if many > SHOWN => format!("{text} + {} more...", many - SHOWN),
        _ => text,
    }
}

fn one_target(spec: &Doc, status: &Doc) -> String {
    let field = source(spec["type"].as_str().unwrap_or(""));
    let (target, current) = (&spec[field]["target"], &status[field]["current"]);
    let amount = |doc: &Doc| quantity::canonical(doc).unwrap_or_else(|| "<unknown>".into());
    let percent = |doc: &Doc, unsaid: &str| match doc.as_i64() {
        Some(number) => format!("{number}%"),
        None => unsaid.to_owned(),
    };
    let pair = |of: &str| format!("{}/{}", amount(&current[of]), amount(&target[of]));
    match field {
        "resource" | "containerResource" => {
            let name = spec[field]["name"].str();
            if !target["averageValue"].is_null() {
                return format!("{name}: {}", pair("averageValue"));
            }
            let now = percent(&current["averageUtilization"], "<unknown>");
            format!("{name}: {now}/{}", percent(&target["averageUtilization"], "<auto>"))
        }
        "pods" => pair("averageValue"),
        "object" | "external" if !target["averageValue"].is_null() => {
            format!("{} (avg)", pair("averageValue"))
        }
        "object" | "external" => pair("value"),
        _ => "<unknown type>".into(),
    }
}
