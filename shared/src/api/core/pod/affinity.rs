//! What is wrong with a pod's affinity.

use crate::api::validation::names;
use crate::api::validation::{self, At, Faults};
use crate::doc::Doc;

pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
pub(super) const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn validate(affinity: &At<'_>, faults: &mut Faults) {
    let node = affinity.field("nodeAffinity");
    if node.field(REQUIRED).is_set() {
        node_selector(&node.field(REQUIRED), faults);
    }
    for preferred in node.field(PREFERRED).each() {
        weight(&preferred, faults);
        node_selector_term(&preferred.field("preference"), false, faults);
    }
    for kind in ["podAffinity", "podAntiAffinity"] {
        let pod = affinity.field(kind);
        for term in pod.field(REQUIRED).each() {
            pod_affinity_term(&term, faults);
        }
        for preferred in pod.field(PREFERRED).each() {
            weight(&preferred, faults);
            pod_affinity_term(&preferred.field("podAffinityTerm"), faults);
        }
    }
}

fn weight(term: &At<'_>, faults: &mut Faults) {
    let weight = term.field("weight");
    if !(1..=100).contains(&weight.number()) {
        faults.invalid(&weight, &Doc::from(weight.number()), "must be in the range 1-100");
    }
}

/// A `core/v1` NodeSelector.
fn node_selector(selector: &At<'_>, faults: &mut Faults) {
    let terms = selector.field("nodeSelectorTerms");
    if terms.items().is_empty() {
        return faults.required(&terms, "must have at least one node selector term");
    }
    for term in terms.each() {
        node_selector_term(&term, true, faults);
    }
}

fn node_selector_term(term: &At<'_>, check_values: bool, faults: &mut Faults) {
    for expression in term.field("matchExpressions").each() {
        validation::requirement(faults, &expression, &["Gt", "Lt"]);
        if check_values {
            for value in expression.field("values").each() {
                value.check(faults, names::label_value);
            }
        }
    }
    for expression in term.field("matchFields").each() {
        let (operator, values) = (expression.field("operator"), expression.field("values"));
        match operator.text() {
            "In" | "NotIn" if values.items().len() == 1 => {}
            "In" | "NotIn" => faults.required(
                &values,
                "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
            ),
            other => faults.invalid(&operator, &Doc::from(other), "not a valid selector operator"),
        }
        let key = expression.field("key");
        if key.text() != "metadata.name" {
            faults.invalid(&key, &Doc::from(key.text()), "not a valid field selector key");
            continue;
        }
        for value in values.each() {
            value.check(faults, names::dns_subdomain);
        }
    }
}

fn pod_affinity_term(term: &At<'_>, faults: &mut Faults) {
    validation::label_selector(faults, &term.field("labelSelector"));
    validation::label_selector(faults, &term.field("namespaceSelector"));
    let namespaces = term.field("namespaces");
    for name in namespaces.items() {
        for message in names::dns_label(name.as_str().unwrap_or("")) {
            faults.invalid(&term.field("namespace"), name, message);
        }
    }
    super::label_keys::validate(term, &["matchLabelKeys", "mismatchLabelKeys"], faults);
    let key = term.field("topologyKey");
    if key.is_empty() {
        faults.required(&key, "can not be empty");
    }
    key.check(faults, names::qualified_name);
}
