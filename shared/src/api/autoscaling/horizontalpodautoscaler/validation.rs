//! What may be wrong with a HorizontalPodAutoscaler.

use crate::api::quantity;
use crate::api::validation::{At, Faults, names};
use crate::doc::Doc;

use super::{SOURCES, source};

const LONGEST_WINDOW: i64 = 3600;
const LONGEST_PERIOD: i64 = 1800;
const TARGET_TYPES: &[&str] = &["Utilization", "Value", "AverageValue"];

pub(super) fn spec(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let (least, most) = (spec.field("minReplicas"), spec.field("maxReplicas"));
    if least.is_set() && least.number() < 1 {
        faults.invalid(&least, &least, "must be greater than or equal to 1");
    }
    match most.number() {
        0 => faults.required(&most, "must be set and greater than 0"),
        number if number < 0 => faults.invalid(&most, &most, "must be greater than 0"),
        _ => {}
    }
    if least.is_set() && most.number() < least.number() {
        faults.invalid(&most, &Doc::from(most.number()), "must be greater than or equal to `minReplicas`");
    }
    reference(&spec.field("scaleTargetRef"), true, faults);
    let metrics = spec.field("metrics");
    metrics.each().for_each(|each| metric(&each, faults));
    let elsewhere = |metric: &Doc| matches!(metric["type"].as_str(), Some("Object" | "External"));
    if least.is_set() && least.number() == 0 && !metrics.items().iter().any(elsewhere) {
        let why = "must specify at least one Object or External metric to support scaling to zero replicas";
        faults.forbidden(&metrics, why);
    }
    for way in ["scaleUp", "scaleDown"] {
        let rules = spec.field("behavior");
        let rules = rules.field(way);
        if rules.is_set() {
            self::rules(&rules, faults);
        }
    }
}

/// What an autoscaler scales, or what a metric is about.
fn reference(target: &At<'_>, scaled: bool, faults: &mut Faults) {
    for field in ["kind", "name"] {
        target.field(field).require_and_check(faults, names::path_segment);
    }
    let version = target.field("apiVersion");
    let groupless = !scaled || target["kind"].as_str() == Some("ReplicationController");
    let parts: Vec<&str> = version.text().split('/').collect();
    let given = Doc::from(version.text());
    if parts.len() > 2 {
        faults.invalid(&version, &given, format!("unexpected GroupVersion string: {}", version.text()));
    } else if !groupless && (parts.len() < 2 || parts[0].is_empty()) {
        faults.invalid(&version, &given, "apiVersion must specify API group");
    }
}

fn metric(metric: &At<'_>, faults: &mut Faults) {
    let kind = metric.field("type");
    let supported: Vec<&str> = SOURCES.iter().map(|(kind, _)| *kind).collect();
    let given = Doc::from(kind.text());
    if kind.text().is_empty() {
        faults.required(&kind, "must specify a metric source type");
    }
    let expected = source(kind.text());
    if expected.is_empty() {
        faults.not_supported(&kind, &given, &supported);
    }
    let order = ["object", "external", "pods", "resource", "containerResource"];
    let present: Vec<&str> = order.into_iter().filter(|field| !metric[*field].is_null()).collect();
    if let Some(first) = present.first() {
        one_source(&metric.field(first), first, faults);
    }
    if expected.is_empty() {
        faults.not_supported(&kind, &given, &supported);
    } else if !present.contains(&expected) {
        faults.required(&metric.field(expected), "must populate information for the given metric source");
    }
    if present.len() != 1 {
        for extra in present.iter().filter(|field| **field != expected) {
            faults.forbidden(&metric.field(extra), "must populate the given metric source only");
        }
    }
}

fn one_source(at: &At<'_>, field: &str, faults: &mut Faults) {
    let resource = matches!(field, "resource" | "containerResource");
    if field == "object" {
        reference(&at.field("describedObject"), false, faults);
    }
    if resource {
        if at["name"].is_empty() {
            faults.required(&at.field("name"), "must specify a resource name");
        }
    } else {
        let identifier = at.field("metric");
        let name = identifier.field("name");
        if name.is_empty() {
            faults.required(&name, "must specify a metric name");
        }
        name.check_if_set(faults, names::path_segment);
    }
    if field == "containerResource" {
        let container = at.field("container");
        if container.is_empty() {
            faults.required(&container, "must specify a container");
        }
        container.check_if_set(faults, names::dns_label);
    }
    let target = at.field("target");
    self::target(&target, faults);
    let has = |name: &str| !target[name].is_null();
    let (average, utilization, value) = (has("averageValue"), has("averageUtilization"), has("value"));
    let (missing, place, why) = match field {
        "object" => (!value && !average, "averageValue", "must set either a target value or averageValue"),
        "external" => {
            let why = "must set either a target value for metric or a per-pod target";
            (!value && !average, "averageValue", why)
        }
        "pods" => (!average, "averageValue", "must specify a positive target averageValue"),
        _ => {
            let why = "must set either a target raw value or a target utilization";
            (!utilization && !average, "averageUtilization", why)
        }
    };
    if missing {
        faults.required(&target.field(place), why);
    }
    if resource && utilization && average {
        let why = "may not set both a target raw value and a target utilization";
        faults.forbidden(&target.field("averageValue"), why);
    }
    if field == "external" && value && average {
        let why = "may not set both a target value for metric and a per-pod target";
        faults.forbidden(&target.field("value"), why);
    }
}

fn target(target: &At<'_>, faults: &mut Faults) {
    let kind = target.field("type");
    if kind.text().is_empty() {
        faults.required(&kind, "must specify a metric target type");
    }
    if !TARGET_TYPES.contains(&kind.text()) {
        let why = "must be either Utilization, Value, or AverageValue";
        faults.invalid(&kind, &Doc::from(kind.text()), why);
    }
    for field in ["value", "averageValue"] {
        let at = target.field(field);
        if at.is_set() && quantity::Amount::read(&at).is_none_or(|amount| amount.milli <= 0) {
            faults.invalid(&at, &at, "must be positive");
        }
    }
    let utilization = target.field("averageUtilization");
    if utilization.is_set() && utilization.number() < 1 {
        faults.invalid(&utilization, &utilization, "must be greater than 0");
    }
}

fn rules(rules: &At<'_>, faults: &mut Faults) {
    let window = rules.field("stabilizationWindowSeconds");
    if window.number() < 0 {
        faults.invalid(&window, &window, "must be greater than or equal to zero");
    }
    if window.number() > LONGEST_WINDOW {
        faults.invalid(&window, &window, format!("must be less than or equal to {LONGEST_WINDOW}"));
    }
    rules.field("selectPolicy").one_of(faults, &["Disabled", "Max", "Min"]);
    let policies = rules.field("policies");
    if policies.items().is_empty() {
        faults.required(&policies, "must specify at least one Policy");
    }
    for policy in policies.each() {
        let kind = policy.field("type");
        if !["Percent", "Pods"].contains(&kind.text()) {
            faults.not_supported(&kind, &Doc::from(kind.text()), &["Percent", "Pods"]);
        }
        for field in ["value", "periodSeconds"] {
            let number = policy.field(field);
            if number.number() <= 0 {
                faults.invalid(&number, &Doc::from(number.number()), "must be greater than zero");
            }
        }
        let period = policy.field("periodSeconds");
        if period.number() > LONGEST_PERIOD {
            faults.invalid(&period, &period, format!("must be less than or equal to {LONGEST_PERIOD}"));
        }
    }
    let tolerance = rules.field("tolerance");
    if quantity::Amount::read(&tolerance).is_some_and(|amount| amount.milli < 0) {
        faults.invalid(&tolerance, &tolerance, "must be greater than or equal to 0");
    }
}
