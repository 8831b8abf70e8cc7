//! Faults found in an object, worded as Kubernetes words them, and the rules many kinds share.

mod at;
mod meta;
pub mod names;

use std::fmt::Display;

use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

use super::CauseDetail;

pub use at::At;
pub use meta::{known_finalizers, metadata, metadata_at, metadata_update};

/// What is wrong with a port's number.
pub const PORT_RANGE: &str = "must be between 1 and 65535, inclusive";
/// What is wrong with a change of what may not change.
pub const IMMUTABLE: &str = "field is immutable";

/// The faults found so far.
#[derive(Debug, Default)]
pub struct Faults(pub Vec<CauseDetail>);

impl Faults {
    pub(crate) fn add(&mut self, reason: &'static str, field: impl Into<Str>, message: String) {
        self.0.push(CauseDetail { reason, message: message.into(), field: field.into() });
    }

    /// `Required value: …`
    pub fn required(&mut self, field: impl Into<Str>, detail: &str) {
        let message =
            if detail.is_empty() { "Required value".to_owned() } else { format!("Required value: {detail}") };
        self.add("FieldValueRequired", field, message);
    }

    /// `Invalid value: …: …`
    pub fn invalid(&mut self, field: impl Into<Str>, value: &Doc, detail: impl Display) {
        self.invalid_text(field, &value.to_string(), detail);
    }

    /// The same of a value that does not print as it is written.
    pub fn invalid_text(&mut self, field: impl Into<Str>, value: &str, detail: impl Display) {
        self.add("FieldValueInvalid", field, format!("Invalid value: {value}: {detail}"));
    }

    /// `Unsupported value: …: supported values: …`
    pub fn not_supported(&mut self, field: impl Into<Str>, value: &Doc, supported: &[&str]) {
        self.not_supported_text(field, &value.to_string(), supported);
    }

    /// The same of a value that does not print as it is written.
    pub fn not_supported_text(&mut self, field: impl Into<Str>, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|value| format!("{value:?}")).collect();
        let message = format!("Unsupported value: {value}: supported values: {}", supported.join(", "));
        self.add("FieldValueNotSupported", field, message);
    }

    /// `Duplicate value: …`
    pub fn duplicate(&mut self, field: impl Into<Str>, value: &Doc) {
        self.duplicate_text(field, &value.to_string());
    }

    /// The same of a value that does not print as it is written.
    pub fn duplicate_text(&mut self, field: impl Into<Str>, value: &str) {
        self.add("FieldValueDuplicate", field, format!("Duplicate value: {value}"));
    }

    /// `Forbidden: …`
    pub fn forbidden(&mut self, field: impl Into<Str>, detail: &str) {
        self.add("FieldValueForbidden", field, format!("Forbidden: {detail}"));
    }

    /// `Not found: …`
    pub fn not_found(&mut self, field: impl Into<Str>, value: &Doc) {
        self.add("FieldValueNotFound", field, format!("Not found: {value}"));
    }

    /// `Too long: may not be more than … bytes`
    pub fn too_long(&mut self, field: impl Into<Str>, most: u32) {
        self.add("FieldValueTooLong", field, format!("Too long: may not be more than {most} bytes"));
    }
}

/// Label keys and values.
pub fn labels(faults: &mut Faults, field: &str, labels: &Doc) {
    labels_at(faults, &At::root(labels, field));
}

/// The same for labels whose place is known.
pub fn labels_at(faults: &mut Faults, labels: &At<'_>) {
    for (key, value) in labels.entries() {
        for message in names::qualified_name(key) {
            faults.invalid(labels, &Doc::from(key), message);
        }
        let value = Doc::from(value.as_str().unwrap_or(""));
        for message in names::label_value(value.as_str().unwrap_or("")) {
            faults.invalid(labels, &value, message);
        }
    }
}

/// Conditions of the common form: one of each type, each with a reason and a moment.
pub fn conditions(faults: &mut Faults, conditions: &At<'_>) {
    const MOST_OF_REASON: u32 = 1024;
    const MOST_OF_MESSAGE: u32 = 32 * 1024;
    let mut seen = BTreeSet::new();
    for condition in conditions.each() {
        let field = |name| condition.field(name);
        let (kind, status, reason, message) =
            (field("type"), field("status"), field("reason"), field("message"));
        if !seen.insert(kind.str()) {
            faults.duplicate(&kind, &kind);
        }
        kind.check(faults, names::qualified_name);
        if !["False", "True", "Unknown"].contains(&status.text()) {
            faults.not_supported(&status, &Doc::from(status.text()), &["False", "True", "Unknown"]);
        }
        let generation = field("observedGeneration");
        if generation.number() < 0 {
            faults.invalid(&generation, &generation, "must be greater than or equal to zero");
        }
        let moment = field("lastTransitionTime");
        if !moment.is_set() {
            faults.required(&moment, "must be set");
        }
        if reason.is_empty() {
            faults.required(&reason, "must be set");
        } else {
            reason.check(faults, names::condition_reason);
        }
        for (text, most) in [(&reason, MOST_OF_REASON), (&message, MOST_OF_MESSAGE)] {
            if text.text().len() > most as usize {
                faults.too_long(text, most);
            }
        }
    }
}

/// A `metav1.LabelSelector`.
pub fn label_selector(faults: &mut Faults, selector: &At<'_>) {
    labels_at(faults, &selector.field("matchLabels"));
    for expression in selector.field("matchExpressions").each() {
        requirement(faults, &expression, &[]);
        for value in expression.field("values").each() {
            value.check(faults, names::label_value);
        }
    }
}

/// One condition of a selector; `single` are operators that take exactly one value.
pub fn requirement(faults: &mut Faults, expression: &At<'_>, single: &[&str]) {
    let (operator, values) = (expression.field("operator"), expression.field("values"));
    match operator.text() {
        "In" | "NotIn" if values.items().is_empty() => {
            faults.required(&values, "must be specified when `operator` is 'In' or 'NotIn'");
        }
        "Exists" | "DoesNotExist" if !values.items().is_empty() => {
            faults.forbidden(&values, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other if single.contains(&other) => {
            if values.items().len() != 1 {
                faults.required(&values, "must be specified single value when `operator` is 'Lt' or 'Gt'");
            }
        }
        other => faults.invalid(&operator, &Doc::from(other), "not a valid selector operator"),
    }
    expression.field("key").check(faults, names::qualified_name);
}

/// Whether a selector's conditions could be read at all: known operators with as many values as they take.
pub fn is_selector(selector: &Doc) -> bool {
    selector["matchExpressions"].items().iter().all(|expression| {
        let values = expression["values"].items().len();
        match expression["operator"].as_str() {
            Some("In" | "NotIn") => values > 0,
            Some("Exists" | "DoesNotExist") => values == 0,
            _ => false,
        }
    })
}

/// A `metav1.LabelSelector` as Go prints it.
pub fn selector_text(selector: &Doc) -> String {
    let parts = ["matchLabels", "matchExpressions"].into_iter().filter(|part| !selector[*part].is_empty());
    let parts: Vec<String> = parts.map(|part| format!("\"{part}\":{}", selector[part])).collect();
    format!("{{{}}}", parts.join(","))
}

/// The name of a storage driver.
pub fn driver_name(faults: &mut Faults, name: &At<'_>) {
    const LONGEST: u32 = 63;
    if !name.require(faults) {
        return;
    }
    if name.text().len() > LONGEST as usize {
        faults.too_long(name, LONGEST);
    }
    for message in names::dns_subdomain(&name.text().to_lowercase()) {
        faults.invalid(name, name, message);
    }
}

/// Annotation keys, and the size of all values together.
pub fn annotations(faults: &mut Faults, field: &str, annotations: &Doc) {
    const MOST: u32 = 256 * 1024;
    let mut size = 0;
    for (key, value) in annotations.entries() {
        for message in names::qualified_name(&key.to_lowercase()) {
            faults.invalid(field, &Doc::from(key), message);
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MOST as usize {
        faults.too_long(field, MOST);
    }
}

/// A whole number that may not be negative.
pub fn non_negative(faults: &mut Faults, field: &str, value: &Doc) {
    At::root(value, field).non_negative(faults);
}
