//! `matchLabelKeys` and `mismatchLabelKeys`: labels whose values a pod's own labels give to its selectors.

use crate::api::validation::{At, Faults, names};
use crate::doc;
use crate::doc::Doc;

use super::affinity::{PREFERRED, REQUIRED};

/// Writes what the keys stand for into the selectors of a new pod.
pub fn merge(pod: &mut Doc) {
    let term: [&[&str]; 2] = [&[], &["podAffinityTerm"]];
    let lists: [(&[&str], &[&str]); 5] = [
        (&["spec", "topologySpreadConstraints"], term[0]),
        (&["spec", "affinity", "podAffinity", REQUIRED], term[0]),
        (&["spec", "affinity", "podAffinity", PREFERRED], term[1]),
        (&["spec", "affinity", "podAntiAffinity", REQUIRED], term[0]),
        (&["spec", "affinity", "podAntiAffinity", PREFERRED], term[1]),
    ];
    for (list, to_term) in lists {
        let has_keys =
            |term: &Doc| !term["matchLabelKeys"].is_empty() || !term["mismatchLabelKeys"].is_empty();
        let mut items = pod.at(list).items().to_vec();
        let mut is_changed = false;
        for item in items.iter_mut().filter(|item| has_keys(item.at(to_term))) {
            is_changed |= merge_term(item.at_mut(to_term), &pod["metadata"]["labels"]);
        }
        if is_changed {
            pod.set_at(list, items);
        }
    }
}

fn merge_term(term: &mut Doc, labels: &Doc) -> bool {
    if term["labelSelector"].is_null() {
        return false;
    }
    let mut added = Vec::new();
    for (keys, operator) in [("matchLabelKeys", "In"), ("mismatchLabelKeys", "NotIn")] {
        for key in term[keys].items() {
            let value = &labels[&*key.str()];
            if !value.is_null() {
                added.push(doc!({ "key": key, "operator": operator, "values": [value] }));
            }
        }
    }
    let is_changed = !added.is_empty();
    if is_changed {
        term.at_mut(&["labelSelector", "matchExpressions"]).edit_items().extend(added);
    }
    is_changed
}

/// Says what is wrong with keys: they add to a selector, and do not repeat it.
pub(super) fn validate(term: &At<'_>, lists: &[&str], faults: &mut Faults) {
    let selector = &term["labelSelector"];
    let selects = |key: &str| {
        let expressions = selector["matchExpressions"].items().iter();
        let by_key = expressions.filter(|one| one["key"].as_str() == Some(key));
        // One with one value is what the key itself was made into.
        let others = by_key
            .clone()
            .filter(|one| one["operator"].as_str() != Some("In") || one["values"].items().len() != 1);
        !selector["matchLabels"][key].is_null() || by_key.count() > 1 || others.count() > 0
    };
    for list in lists {
        let keys = term.field(list);
        if keys.items().is_empty() {
            continue;
        }
        if selector.is_null() {
            faults.forbidden(&keys, "must not be specified when labelSelector is not set");
        }
        for key in keys.each() {
            key.check(faults, names::qualified_name);
            if *list == "matchLabelKeys" && lists.len() == 1 && selects(key.text()) {
                faults.invalid(&key, &key, "exists in both matchLabelKeys and labelSelector");
            }
        }
    }
    let others = term["mismatchLabelKeys"].items();
    for key in term.field("matchLabelKeys").each().filter(|key| others.contains(key)) {
        faults.invalid(&key, &key, "exists in both matchLabelKeys and mismatchLabelKeys");
    }
}
