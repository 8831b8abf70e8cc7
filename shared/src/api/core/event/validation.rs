//! What is wrong with an Event. Those with an `eventTime` are of the newer kind, and more is asked of them; most of what
//! comes by `events.k8s.io/v1`.

use crate::api::internal;
use crate::api::validation::names::qualified_name;
use crate::api::validation::{At, Faults, IMMUTABLE};
use crate::doc::Doc;

use super::events_v1;

/// Longest texts.
const LIMIT: usize = 128;
const NOTE_LIMIT: usize = 1024;

pub(super) fn is_strict(doc: &Doc) -> bool {
    doc["apiVersion"].as_str() == Some(events_v1::API_VERSION)
}

/// What is asked of all Events.
pub(super) fn validate(doc: &Doc, faults: &mut Faults) {
    let root = At::root(doc, "");
    let (own, about) = (doc["metadata"]["namespace"].str(), doc["involvedObject"]["namespace"].str());
    let newer = !doc["eventTime"].is_null();
    let astray = match (about.is_empty(), own.as_str()) {
        (true, "" | "default") => false,
        (true, "kube-system") => !newer,
        (true, _) => true,
        (false, own) => !newer && about != own,
    };
    if astray {
        faults.invalid("involvedObject.namespace", &about.into(), "does not match event.namespace");
    }
    if !newer {
        return;
    }
    let controller = &doc["reportingComponent"];
    if controller.is_empty() {
        faults.required("reportingController", "");
    }
    for message in qualified_name(controller.as_str().unwrap_or("")) {
        faults.invalid("reportingController", &controller.str().into(), message);
    }
    for field in ["reportingInstance", "action", "reason"].map(|field| root.field(field)) {
        field.require(faults);
        too_long(&field, LIMIT, faults);
    }
    too_long(&root.field("message"), NOTE_LIMIT, faults);
}

fn too_long(field: &At<'_>, limit: usize, faults: &mut Faults) {
    if field.text().len() > limit {
        faults.invalid(field, &Doc::from(""), format!("can have at most {limit} characters"));
    }
}

/// What is asked of new ones that come by `events.k8s.io/v1`.
pub(super) fn validate_create(doc: &Doc, faults: &mut Faults) {
    if !is_strict(doc) {
        return;
    }
    series(doc, faults);
    let nothing = Doc::from("");
    if doc["eventTime"].is_null() {
        faults.required("eventTime", "");
    }
    let of = doc["type"].str();
    if !matches!(of.as_str(), "Normal" | "Warning") {
        faults.invalid("type", &nothing, format!("has invalid value: {of}"));
    }
    for field in ["firstTimestamp", "lastTimestamp", "count", "source"] {
        let value = &doc[field];
        let unset = match field {
            "source" => value["component"].is_empty() && value["host"].is_empty(),
            _ => value.is_null() || value.as_i64() == Some(0),
        };
        if !unset {
            faults.invalid(field, &nothing, "needs to be unset");
        }
    }
}

fn series(doc: &Doc, faults: &mut Faults) {
    let series = &doc["series"];
    if series.is_null() {
        return;
    }
    if series["count"].as_i64().unwrap_or(0) < 2 {
        faults.invalid("series.count", &Doc::from(""), "should be at least 2");
    }
    if series["lastObservedTime"].is_null() {
        faults.required("series.lastObservedTime", "");
    }
}

/// What may not change by `events.k8s.io/v1`: everything but its series.
pub(super) fn validate_update(new: &Doc, old: &Doc, faults: &mut Faults) {
    if !is_strict(new) {
        return;
    }
    if new["series"] != old["series"] {
        series(new, faults);
    }
    /// Fields, their types inside, and what they are called in messages where that is another name.
    const FIELDS: [(&str, &str, &str); 13] = [
        ("involvedObject", "ObjectReference", ""),
        ("reason", "", ""),
        ("message", "", ""),
        ("source", "EventSource", ""),
        ("firstTimestamp", "", ""),
        ("lastTimestamp", "", ""),
        ("count", "", ""),
        ("type", "", ""),
        ("eventTime", "", ""),
        ("action", "", ""),
        ("related", "ObjectReference", ""),
        ("reportingComponent", "", "reportingController"),
        ("reportingInstance", "", ""),
    ];
    for (field, of, name) in FIELDS {
        let value = &new[field];
        if *value == old[field] || value.is_empty() && old[field].is_empty() {
            continue;
        }
        let shown = match (value, of) {
            (Doc::Null, "") if matches!(field, "count") => "0".to_owned(),
            (Doc::Null, "") if !field.ends_with("ime") && !field.ends_with("stamp") => "\"\"".to_owned(),
            (value, "") => value.to_string(),
            (Doc::Null, _) if field == "related" => "null".to_owned(),
            (value, of) => internal::printed(of, value),
        };
        faults.invalid_text(if name.is_empty() { field } else { name }, &shown, IMMUTABLE);
    }
}
