//! Lists whose items may not be there twice, as their schema says: sets, and maps by some of the items' fields.

use crate::api::validation::Faults;
use crate::collections::BTreeSet;
use crate::doc::Doc;

/// Adds what is twice in lists below `value`, which stands at `path`.
pub fn check_lists(schema: &Doc, value: &Doc, path: &str, faults: &mut Faults) {
    match value {
        Doc::List(items) => {
            let mut seen = BTreeSet::new();
            for (at, item) in items.iter().enumerate() {
                let place = format!("{path}[{at}]");
                if let Some(identity) = identity(schema, item)
                    && !seen.insert(identity.to_json())
                {
                    faults.duplicate(place.trim_start_matches('.'), &identity);
                }
                check_lists(&schema["items"], item, &place, faults);
            }
        }
        Doc::Map(_) => {
            for (name, value) in value.entries() {
                let below = match &schema["properties"][name.as_str()] {
                    Doc::Null => &schema["additionalProperties"],
                    property => property,
                };
                if matches!(below, Doc::Map(_)) {
                    check_lists(below, value, &format!("{path}.{name}"), faults);
                }
            }
        }
        _ => {}
    }
}

/// What tells an item from the others in its list; nothing where they may be alike.
fn identity(schema: &Doc, item: &Doc) -> Option<Doc> {
    match schema["x-kubernetes-list-type"].as_str()? {
        "set" => Some(item.clone()),
        "map" => {
            let mut key = Doc::map();
            let names = schema["x-kubernetes-list-map-keys"].items().iter().map(Doc::str);
            names
                .filter(|name| !item[name.as_str()].is_null())
                .for_each(|name| key.set(name.clone(), item[name.as_str()].clone()));
            Some(key)
        }
        _ => None,
    }
}
