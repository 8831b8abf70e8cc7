//! The taints that a node's conditions call for.

use crate::api::Of;
use crate::api::core::node::{Node, Taint};
use crate::controllers::status::condition;
use crate::doc::Timestamp;

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// Condition, its status, and the key of the `NoSchedule` taint that goes with it.
const BY_CONDITION: &[(&str, &str, &str)] = &[
    ("Ready", "False", NOT_READY),
    ("Ready", "Unknown", UNREACHABLE),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    ("NetworkUnavailable", "True", "node.kubernetes.io/network-unavailable"),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];

fn is_ours(taint: &Taint) -> bool {
    taint.key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, key)| taint.key == *key)
}

/// The `NoExecute` taint that the node's readiness calls for.
fn no_execute_key(node: &Of<Node>) -> Option<&'static str> {
    match node.ready.as_str() {
        "False" => Some(NOT_READY),
        "Unknown" => Some(UNREACHABLE),
        // It is ready, or never said anything yet.
        _ => None,
    }
}

fn is_no_execute(taint: &Taint) -> bool {
    taint.effect == "NoExecute" && (taint.key == NOT_READY || taint.key == UNREACHABLE)
}

/// Whether the node carries the very `NoExecute` taint it should.
pub fn has_no_execute(node: &Of<Node>) -> bool {
    no_execute_key(node)
        .is_some_and(|key| node.taints.iter().any(|taint| is_no_execute(taint) && taint.key == key))
}

/// Whether the node carries a `NoExecute` taint that its readiness no longer calls for.
pub fn is_stale(node: &Of<Node>) -> bool {
    let wanted = no_execute_key(node);
    node.taints.iter().any(|taint| is_no_execute(taint) && wanted != Some(taint.key.as_str()))
}

/// The node's taints as they should be. A `NoExecute` taint comes only by leave (`granted`) and goes, or changes
/// with the condition, only when `stale`.
pub fn wanted(node: &Of<Node>, granted: bool, stale: bool, now: Timestamp) -> Vec<Taint> {
    let status = &node.object().body["status"];
    let mut keys: Vec<&str> = Vec::new();
    for (kind, state, key) in BY_CONDITION {
        if condition(status, kind)["status"].as_str() == Some(state) {
            keys.push(key);
        }
    }
    if node.unschedulable {
        keys.push(UNSCHEDULABLE);
    }
    let had_no_execute = node.taints.iter().any(is_no_execute);
    let mut taints: Vec<Taint> = node.taints.clone();
    taints.retain(|taint| {
        let obsolete = taint.effect == "NoSchedule" && is_ours(taint) && !keys.contains(&taint.key.as_str());
        let replaced =
            is_no_execute(taint) && (granted || stale) && no_execute_key(node) != Some(taint.key.as_str());
        !obsolete && !replaced
    });
    let missing = |taints: &[Taint], key: &str, effect: &str| {
        !taints.iter().any(|t| t.key == key && t.effect == effect)
    };
    let fresh = |key: &str, effect: &str| Taint {
        key: crate::doc::intern(key),
        value: crate::doc::Str::new(),
        effect: crate::doc::intern(effect),
        time_added: Some(now.floor_seconds()),
    };
    for key in keys {
        if missing(&taints, key, "NoSchedule") {
            taints.push(fresh(key, "NoSchedule"));
        }
    }
    if let Some(key) = no_execute_key(node).filter(|_| granted || stale && had_no_execute)
        && missing(&taints, key, "NoExecute")
    {
        taints.push(fresh(key, "NoExecute"));
    }
    taints
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{is_stale, wanted};
    use crate::api::core::node::Node;
    use crate::api::{Key, Kind, Meta, Object, Of};
    use crate::doc;
    use crate::doc::{Doc, Timestamp};

    fn node(ready: &str, unschedulable: bool, taints: &Doc) -> Of<Node> {
        let body = doc!({
            "spec": { "unschedulable": unschedulable, "taints": taints.clone() },
            "status": { "conditions": [{ "type": "Ready", "status": ready }] }
        });
        Of::new(Arc::new(Object::new(Key::new(Kind::Node, "", "a"), Meta::default(), body, None))).unwrap()
    }

    fn names(node: &Of<Node>, granted: bool, stale: bool) -> Vec<String> {
        let taints = wanted(node, granted, stale, Timestamp::default());
        let short = |key: &str| key.rsplit('/').next().unwrap_or("").to_owned();
        taints.iter().map(|taint| format!("{}:{}", short(&taint.key), taint.effect)).collect()
    }

    #[test]
    fn silence_taints_in_two_steps_and_return_clears_in_two() {
        let none = Doc::Null;
        assert_eq!(names(&node("Unknown", false, &none), false, false), ["unreachable:NoSchedule"]);
        let both = ["unreachable:NoSchedule", "unreachable:NoExecute"];
        assert_eq!(names(&node("Unknown", false, &none), true, false), both);
        let tainted = Doc::list(
            wanted(&node("Unknown", false, &none), true, false, Timestamp::default())
                .iter()
                .map(|t| t.to_doc()),
        );
        let back = node("True", false, &tainted);
        assert_eq!(names(&back, false, false), ["unreachable:NoExecute"]);
        assert!(is_stale(&back));
        assert_eq!(names(&back, false, true), Vec::<String>::new());
        assert_eq!(
            names(&node("False", false, &tainted), false, true),
            ["not-ready:NoSchedule", "not-ready:NoExecute"],
            "the taints follow the condition"
        );
    }

    #[test]
    fn a_cordon_taints_and_other_peoples_taints_stay() {
        let own = doc!([{ "key": "dedicated", "value": "db", "effect": "NoSchedule" }]);
        assert_eq!(
            names(&node("True", true, &own), false, false),
            ["dedicated:NoSchedule", "unschedulable:NoSchedule"]
        );
        assert_eq!(names(&node("True", false, &own), true, true), ["dedicated:NoSchedule"]);
    }
}
