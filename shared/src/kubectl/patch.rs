//! The strategic merge patch that client-side apply sends.

use crate::doc;
use crate::doc::{Doc, ListMerge, Str, list_merge};

/// The patch that makes `current` say what `modified` says and no longer what only `original` said. What others set
/// stays. Empty when there is nothing to do.
pub(super) fn three_way(original: &Doc, modified: &Doc, current: &Doc) -> Doc {
    object(original, modified, current, Some(""))
}

/// The same as a JSON merge patch, for kinds whose lists nobody knows how to merge.
pub(super) fn three_way_merge(original: &Doc, modified: &Doc, current: &Doc) -> Doc {
    object(original, modified, current, None)
}

/// The patch of an object below the field `name`; without a name, of one whose lists are taken as a whole.
fn object(original: &Doc, modified: &Doc, current: &Doc, name: Option<&str>) -> Doc {
    let mut patch = Doc::map();
    for (key, wanted) in modified.entries() {
        let (before, now) = (&original[key.as_str()], &current[key.as_str()]);
        match (wanted, now) {
            (Doc::Map(_), Doc::Map(_)) => {
                let mut below = object(before, wanted, now, name.map(|_| key.as_str()));
                if !below.is_empty() {
                    retain_keys(&mut below, wanted, name.is_some() && key == "strategy");
                    patch.set(key.clone(), below);
                }
            }
            (Doc::List(_), Doc::List(_)) => {
                let merge = name.map_or(ListMerge::Atomic, |name| list_merge(name, key));
                list(&mut patch, key, [before, wanted, now], merge)
            }
            (Doc::Null, Doc::Null) => {}
            _ if wanted != now => patch.set(key.clone(), wanted.clone()),
            _ => {}
        }
    }
    for (key, _) in original.entries() {
        if !modified.as_map().is_some_and(|map| map.contains(key)) {
            patch.set(key.clone(), Doc::Null);
        }
    }
    patch
}

/// Where only one of several fields may be set, the server is told which.
fn retain_keys(patch: &mut Doc, wanted: &Doc, needed: bool) {
    if needed {
        patch.set("$retainKeys", Doc::list(wanted.entries().iter().map(|(key, _)| key)));
    }
}

fn list(patch: &mut Doc, key: &Str, [original, modified, current]: [&Doc; 3], merge: ListMerge) {
    match merge {
        ListMerge::Atomic => {
            if modified != current {
                patch.set(key.clone(), modified.clone());
            }
        }
        ListMerge::Set => {
            let added: Vec<Doc> = missing(modified, current);
            let removed: Vec<Doc> = missing(original, modified);
            if !removed.is_empty() {
                patch.set(format!("$deleteFromPrimitiveList/{key}"), removed);
            }
            if !added.is_empty() {
                patch.set(format!("$setElementOrder/{key}"), modified.clone());
                patch.set(key.clone(), added);
            }
        }
        ListMerge::ByKey(merge_key) => by_key(patch, key, [original, modified, current], merge_key),
    }
}

/// The items of `all` that `known` lacks.
fn missing(all: &Doc, known: &Doc) -> Vec<Doc> {
    all.items().iter().filter(|item| !known.items().contains(item)).cloned().collect()
}

fn by_key(patch: &mut Doc, key: &Str, [original, modified, current]: [&Doc; 3], merge_key: &'static str) {
    let find = |list: &Doc, id: &Doc| list.items().iter().find(|item| item[merge_key] == *id).cloned();
    let mut changes: Vec<Doc> = Vec::new();
    for wanted in modified.items() {
        let id = &wanted[merge_key];
        let Some(now) = find(current, id) else {
            changes.push(wanted.clone());
            continue;
        };
        let mut change = object(&find(original, id).unwrap_or_default(), wanted, &now, Some(key));
        if !change.is_empty() {
            retain_keys(&mut change, wanted, matches!(key.as_str(), "volumes" | "resourceClaims"));
            change.set(merge_key, id.clone());
            changes.push(change);
        }
    }
    for gone in original.items() {
        let id = &gone[merge_key];
        if find(modified, id).is_none() && find(current, id).is_some() {
            let mut change = doc!({ "$patch": "delete" });
            change.set(merge_key, id.clone());
            changes.push(change);
        }
    }
    let ids = |list: &Doc| -> Vec<Doc> { list.items().iter().map(|item| item[merge_key].clone()).collect() };
    let kept: Vec<Doc> = ids(current).into_iter().filter(|id| find(modified, id).is_some()).collect();
    let reordered = kept.len() == modified.items().len() && kept != ids(modified);
    if changes.is_empty() && !reordered {
        return;
    }
    let order = ids(modified).into_iter().map(|id| {
        let mut item = Doc::map();
        item.set(merge_key, id);
        item
    });
    patch.set(format!("$setElementOrder/{key}"), Doc::list(order));
    if !changes.is_empty() {
        patch.set(key.clone(), changes);
    }
}

#[cfg(test)]
mod tests {
    use super::three_way;
    use crate::doc::{Doc, parse_json, strategic_merge};

    fn json(text: &str) -> Doc {
        parse_json(text).unwrap()
    }

    #[test]
    fn asks_for_what_differs_and_nothing_else() {
        let cases = [
            ("nothing to do", r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":1,"b":2}"#, "{}"),
            ("a field went", r#"{"a":1,"b":2}"#, r#"{"a":1}"#, r#"{"a":1,"b":2,"c":3}"#, r#"{"b":null}"#),
            ("somebody else changed it", r#"{"a":1}"#, r#"{"a":1}"#, r#"{"a":5}"#, r#"{"a":1}"#),
            (
                "one container of two",
                r#"{"spec":{"containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}]}}"#,
                r#"{"spec":{"containers":[{"name":"a","image":"z"}]}}"#,
                r#"{"spec":{"containers":[{"name":"a","image":"x","pull":"Always"},{"name":"b","image":"y"},{"name":"s","image":"side"}]}}"#,
                r#"{"spec":{"$setElementOrder/containers":[{"name":"a"}],"containers":[{"image":"z","name":"a"},{"$patch":"delete","name":"b"}]}}"#,
            ),
            (
                "another strategy",
                r#"{"spec":{"strategy":{"type":"RollingUpdate"}}}"#,
                r#"{"spec":{"strategy":{"type":"Recreate"}}}"#,
                r#"{"spec":{"strategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":1}}}}"#,
                r#"{"spec":{"strategy":{"$retainKeys":["type"],"type":"Recreate"}}}"#,
            ),
        ];
        for (what, original, modified, current, expected) in cases {
            let patch = three_way(&json(original), &json(modified), &json(current));
            assert_eq!(patch, json(expected), "{what}");
        }
    }

    #[test]
    fn leaves_what_others_added() {
        let current =
            json(r#"{"spec":{"containers":[{"name":"a","image":"x"},{"name":"s","image":"side"}]}}"#);
        let modified = json(r#"{"spec":{"containers":[{"name":"a","image":"z"}]}}"#);
        let patch =
            three_way(&json(r#"{"spec":{"containers":[{"name":"a","image":"x"}]}}"#), &modified, &current);
        let merged = strategic_merge(&current, &patch).unwrap();
        assert_eq!(
            merged,
            json(r#"{"spec":{"containers":[{"name":"a","image":"z"},{"name":"s","image":"side"}]}}"#)
        );
    }
}
