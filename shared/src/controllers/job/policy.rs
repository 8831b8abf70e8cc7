//! `podFailurePolicy` and `successPolicy`: what a failed pod means, and when enough has succeeded.

use crate::api::Of;
use crate::api::core::pod::Pod;
use crate::doc::Doc;

use super::indexes::{self, Indexes};

/// What a policy makes of a failed pod.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts.
    Count,
    /// It does not.
    Ignore,
    /// Its index has failed.
    FailIndex,
    /// The Job has failed, for this reason.
    FailJob(String),
}

/// What the first matching rule says; without one the failure counts.
pub fn judge(policy: &Doc, pod: &Of<Pod>) -> Verdict {
    for (number, rule) in policy["rules"].items().iter().enumerate() {
        let place = format!("{}/{}", pod.key().namespace, pod.key().name);
        let action = rule["action"].as_str().unwrap_or("");
        let why = if rule["onExitCodes"].is_null() {
            condition(pod, &rule["onPodConditions"]).map(|kind| {
                format!("Pod {place} has condition {kind} matching {action} rule at index {number}")
            })
        } else {
            container(pod, &rule["onExitCodes"]).map(|(name, code)| {
                format!(
                    "Container {name} for pod {place} failed with exit code {code} matching {action} rule at index {number}"
                )
            })
        };
        let Some(why) = why else { continue };
        return match action {
            "Ignore" => Verdict::Ignore,
            "FailIndex" => Verdict::FailIndex,
            "FailJob" => Verdict::FailJob(why),
            _ => Verdict::Count,
        };
    }
    Verdict::Count
}

fn condition(pod: &Of<Pod>, patterns: &Doc) -> Option<String> {
    let conditions = pod.object().body["status"]["conditions"].items();
    let matches = |pattern: &Doc, condition: &Doc| {
        let state = pattern["status"].as_str().unwrap_or("True");
        condition["type"] == pattern["type"] && condition["status"].as_str() == Some(state)
    };
    let found = conditions.iter().find(|condition| patterns.items().iter().any(|p| matches(p, condition)))?;
    Some(found["type"].str().to_string())
}

/// The first container that ended with a code which the rule means.
fn container(pod: &Of<Pod>, rule: &Doc) -> Option<(String, i64)> {
    let status = &pod.object().body["status"];
    let all = status["containerStatuses"].items().iter().chain(status["initContainerStatuses"].items());
    for state in all {
        let named = rule["containerName"].as_str().is_none_or(|name| state["name"].as_str() == Some(name));
        let code = state["state"]["terminated"]["exitCode"].as_i64().filter(|code| named && *code != 0);
        let Some(code) = code else { continue };
        let listed = rule["values"].items().iter().any(|value| value.as_i64() == Some(code));
        if listed == (rule["operator"].as_str() == Some("In")) {
            return Some((state["name"].str().to_string(), code));
        }
    }
    None
}

/// Why the success policy is met, if it is.
pub fn is_met(policy: &Doc, completions: i64, succeeded: &Indexes) -> Option<String> {
    let rules = policy["rules"].items().iter().enumerate();
    let met = |rule: &Doc| {
        let wanted = rule["succeededIndexes"].as_str().map(|text| indexes::parse(text, completions));
        let there = match &wanted {
            Some(wanted) => wanted.intersection(succeeded).count() as i64,
            None => succeeded.len() as i64,
        };
        match (rule["succeededCount"].as_i64(), &wanted) {
            (Some(count), _) => there >= count,
            (None, Some(wanted)) => there == wanted.len() as i64,
            (None, None) => false,
        }
    };
    let mut rules = rules.filter(|(_, rule)| met(rule));
    rules.next().map(|(number, _)| format!("Matched rules at index {number}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::indexes::parse;
    use super::{Verdict, is_met, judge};
    use crate::api::{Kind, Object, Of};
    use crate::doc;

    #[test]
    fn the_first_rule_that_matches_decides() {
        let pod = |code: i64, disrupted: &'static str| {
            let body = doc!({
                "metadata": { "name": "p", "namespace": "n" },
                "status": {
                    "conditions": [{ "type": "DisruptionTarget", "status": disrupted }],
                    "containerStatuses": [{ "name": "c", "state": { "terminated": { "exitCode": code } } }]
                }
            });
            Of::new(Arc::new(Object::from_doc(Kind::Pod, &body, None))).unwrap()
        };
        let policy = doc!({ "rules": [
            { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget" }] },
            { "action": "FailJob", "onExitCodes": { "operator": "In", "values": [42i64] } },
            { "action": "FailIndex", "onExitCodes": { "operator": "NotIn", "values": [1i64, 2i64] } }
        ] });
        let why = "Container c for pod n/p failed with exit code 42 matching FailJob rule at index 1";
        assert_eq!(judge(&policy, &pod(42, "True")), Verdict::Ignore);
        assert_eq!(judge(&policy, &pod(42, "False")), Verdict::FailJob(why.into()));
        assert_eq!(judge(&policy, &pod(3, "False")), Verdict::FailIndex);
        assert_eq!(judge(&policy, &pod(1, "False")), Verdict::Count);
    }

    #[test]
    fn success_is_a_matter_of_indexes_and_counts() {
        let met = |rule: doc::Doc, succeeded: &str| {
            is_met(&doc!({ "rules": [rule] }), 10, &parse(succeeded, 10)).is_some()
        };
        assert!(met(doc!({ "succeededIndexes": "0,2-3" }), "0-3"));
        assert!(!met(doc!({ "succeededIndexes": "0,2-3" }), "0-2"));
        assert!(met(doc!({ "succeededIndexes": "0,2-3", "succeededCount": 1i64 }), "3"));
        assert!(met(doc!({ "succeededCount": 2i64 }), "5,7"));
        assert!(!met(doc!({ "succeededCount": 3i64 }), "5,7"));
    }
}
