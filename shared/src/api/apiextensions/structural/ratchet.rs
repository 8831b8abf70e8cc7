//! Ratcheting: a value that was there before its schema minded may stay as it is.

use crate::api::validation::Faults;
use crate::collections::BTreeSet;
use crate::doc::Doc;

use super::rules::same_item;

/// Takes back what is wrong with values that are as they were before the change, or with what is below them.
pub fn forgive(schema: &Doc, new: &Doc, old: &Doc, faults: &mut Faults) {
    if faults.0.is_empty() {
        return;
    }
    let mut kept = BTreeSet::new();
    for (name, value) in new.entries() {
        if !matches!(name.as_str(), "apiVersion" | "kind" | "metadata") {
            unchanged(&schema["properties"][name.as_str()], value, old.get(name), name, &mut kept);
        }
    }
    faults.0.retain(|fault| {
        let ends = fault.field.match_indices(['.', '[']).map(|(end, _)| end).chain([fault.field.len()]);
        !ends.into_iter().any(|end| kept.contains(&fault.field[..end]))
    });
}

/// Finds the places of what is as it was; a list's items are known by their keys.
fn unchanged(schema: &Doc, new: &Doc, old: &Doc, path: &str, kept: &mut BTreeSet<String>) {
    if new == old {
        kept.insert(path.to_owned());
        return;
    }
    match new {
        Doc::Map(map) => {
            for (name, value) in map.entries() {
                let below = match &schema["properties"][name.as_str()] {
                    Doc::Null => &schema["additionalProperties"],
                    property => property,
                };
                unchanged(below, value, old.get(name), &format!("{path}.{name}"), kept);
            }
        }
        Doc::List(items) => {
            for (at, item) in items.iter().enumerate() {
                if let Some(old) = same_item(schema, item, old) {
                    unchanged(&schema["items"], item, old, &format!("{path}[{at}]"), kept);
                }
            }
        }
        _ => {}
    }
}
