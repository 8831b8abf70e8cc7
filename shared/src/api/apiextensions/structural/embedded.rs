//! Resources embedded in a custom resource: they say what they are, and have metadata as all objects have.

use crate::api::validation::{At, Faults, metadata_at, names};
use crate::doc::Doc;

use super::says;

/// Adds what is wrong with the embedded resources in `value`.
pub fn check_embedded(schema: &Doc, value: &Doc, faults: &mut Faults) {
    walk(schema, &At::root(value, ""), &mut |at| check(at, faults));
}

/// Fields of embedded resources that are of another type than all objects have them; `refusal` says that of metadata.
///
/// # Errors
/// The first of them.
pub fn read_embedded(schema: &Doc, value: &Doc, refusal: fn(&Doc) -> Option<String>) -> Result<(), String> {
    let mut faults = Faults::default();
    walk(schema, &At::root(value, ""), &mut |at| {
        check_types(at, &mut faults);
        if let Some(why) = refusal(&at["metadata"]) {
            let metadata = at.field("metadata");
            faults.invalid(&metadata, &metadata, why);
        }
    });
    match faults.0.into_iter().next() {
        Some(fault) => Err(format!("{}: {}", fault.field, fault.message)),
        None => Ok(()),
    }
}

fn walk(schema: &Doc, at: &At<'_>, visit: &mut dyn FnMut(&At<'_>)) {
    match at.doc() {
        Doc::Map(_) => {
            if says(schema, "x-kubernetes-embedded-resource") {
                visit(at);
            }
            for (key, _) in at.entries() {
                match (&schema["properties"][key.as_str()], &schema["additionalProperties"]) {
                    (Doc::Null, Doc::Null) => {}
                    (Doc::Null, others) => walk(others, &at.key(key), visit),
                    (property, _) => walk(property, &at.field(key), visit),
                }
            }
        }
        Doc::List(_) => at.each().for_each(|item| walk(&schema["items"], &item, visit)),
        _ => {}
    }
}

fn check_types(at: &At<'_>, faults: &mut Faults) {
    for field in ["apiVersion", "kind"].map(|field| at.field(field)) {
        if field.is_set() && field.as_str().is_none() {
            faults.invalid(&field, &field, "must be a string");
        }
    }
}

fn check(at: &At<'_>, faults: &mut Faults) {
    for field in ["apiVersion", "kind"].map(|field| at.field(field)) {
        field.require(faults);
    }
    let version = at.field("apiVersion");
    if version.text().matches('/').count() > 1 {
        faults.invalid(&version, &version, format!("unexpected GroupVersion string: {}", version.text()));
    }
    let kind = at.field("kind");
    let why = if kind.is_empty() { Vec::new() } else { names::dns_1035_label(&kind.text().to_lowercase()) };
    if !why.is_empty() {
        let why = format!("may have mixed case, but should otherwise match: {}", why.join(","));
        faults.invalid(&kind, &kind, why);
    }
    if at["metadata"].as_map().is_some() {
        metadata_at(faults, &at.field("metadata"), names::path_segment, false);
    }
}
