//! What is wrong with the policies of a Job: which failures count, which successes are enough, when pods are replaced.

use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::Doc;

const ACTIONS: [&str; 4] = ["Count", "FailIndex", "FailJob", "Ignore"];
const STATUSES: [&str; 3] = ["False", "True", "Unknown"];
const OPERATORS: [&str; 2] = ["In", "NotIn"];

/// `podFailurePolicy`, `successPolicy` and `podReplacementPolicy` of a Job's spec.
pub(super) fn validate(spec: &At<'_>, faults: &mut Faults) {
    let failure = spec.field("podFailurePolicy");
    for rule in failure.field("rules").each() {
        failure_rule(spec, &rule, faults);
    }
    let success = spec.field("successPolicy");
    if success.is_set() {
        if spec["completionMode"].as_str() == Some("Indexed") {
            success_policy(spec, &success, faults);
        } else {
            let shown = shown_success(&success);
            faults.invalid_text(&success, &shown, "requires indexed completion mode");
        }
    }
    let replacement = spec.field("podReplacementPolicy");
    let supported: &[&str] = if failure.is_set() { &["Failed"] } else { &["Failed", "TerminatingOrFailed"] };
    replacement.one_of(faults, supported);
}

/// The policy as Go prints the struct.
fn shown_success(policy: &Doc) -> String {
    let rule = |rule: &Doc| {
        let (indexes, count) = (&rule["succeededIndexes"], &rule["succeededCount"]);
        format!("{{\"SucceededIndexes\":{indexes},\"SucceededCount\":{count}}}")
    };
    let rules: Vec<String> = policy["rules"].items().iter().map(rule).collect();
    format!("{{\"Rules\":[{}]}}", rules.join(","))
}

/// The text must be one of `supported`; where it is missing the fault names them.
fn required_word(word: &At<'_>, supported: &[&str], faults: &mut Faults) {
    if word.is_empty() {
        let list: Vec<String> = supported.iter().map(|word| format!("{word:?}")).collect();
        faults.required(word, &format!("valid values: [{}]", list.join(" ")));
    } else {
        word.one_of(faults, supported);
    }
}

fn failure_rule(spec: &At<'_>, rule: &At<'_>, faults: &mut Faults) {
    let action = rule.field("action");
    if action.text() == "FailIndex" {
        if spec["backoffLimitPerIndex"].is_null() {
            faults.invalid(&action, &action, "requires the backoffLimitPerIndex to be set");
        }
    } else {
        required_word(&action, &ACTIONS, faults);
    }
    let (codes, conditions) = (rule.field("onExitCodes"), rule.field("onPodConditions"));
    if codes.is_set() {
        exit_codes(spec, &codes, faults);
    }
    for condition in conditions.each() {
        condition.field("type").check(faults, names::qualified_name);
        required_word(&condition.field("status"), &STATUSES, faults);
    }
    let why = match (codes.is_set(), !conditions.items().is_empty()) {
        (true, true) => "specifying both OnExitCodes and OnPodConditions is not supported",
        (false, false) => "specifying one of OnExitCodes and OnPodConditions is required",
        _ => return,
    };
    // The rule itself is not printed.
    faults.add("FieldValueInvalid", rule, format!("Invalid value: {why}"));
}

fn exit_codes(spec: &At<'_>, codes: &At<'_>, faults: &mut Faults) {
    let (operator, container, values) =
        (codes.field("operator"), codes.field("containerName"), codes.field("values"));
    required_word(&operator, &OPERATORS, faults);
    let pod = spec.doc().at(&["template", "spec"]);
    let named = |list: &str| pod[list].items().iter().any(|one| one["name"] == *container.doc());
    if container.is_set() && !named("containers") && !named("initContainers") {
        let why = "must be one of the container or initContainer names in the pod template";
        faults.invalid(&container, &container, why);
    }
    if values.items().is_empty() {
        faults.invalid(&values, &values, "at least one value is required");
    }
    let (mut seen, mut last, mut ordered) = (BTreeSet::new(), i64::MIN, true);
    for value in values.each() {
        if operator.text() == "In" && value.number() == 0 {
            faults.invalid(&value, &value, "must not be 0 for the In operator");
        }
        if !seen.insert(value.number()) {
            faults.duplicate(&value, &value);
        }
        ordered &= last <= value.number();
        last = value.number();
    }
    if !ordered {
        faults.invalid(&values, &values, "must be ordered");
    }
}

fn success_policy(spec: &At<'_>, policy: &At<'_>, faults: &mut Faults) {
    let rules = policy.field("rules");
    if rules.items().is_empty() {
        faults.required(&rules, "at least one rules must be specified when the successPolicy is specified");
    }
    let completions = spec["completions"].as_i64().unwrap_or(0);
    for rule in rules.each() {
        let (indexes, count) = (rule.field("succeededIndexes"), rule.field("succeededCount"));
        if !indexes.is_set() && !count.is_set() {
            faults.required(&rule, "at least one of succeededCount or succeededIndexes must be specified");
        }
        let named = match index_count(indexes.text(), completions) {
            Ok(named) => named,
            Err(why) => {
                faults.invalid(&indexes, &indexes, format!("error parsing succeededIndexes: {why}"));
                0
            }
        };
        count.non_negative(faults);
        let mut at_most = |most: i64, what: &str| {
            if count.number() > most {
                faults.invalid(&count, &count, format!("must be less than or equal to {most} ({what})"));
            }
        };
        at_most(completions, "the number of specified completions");
        if indexes.is_set() {
            at_most(named, "the number of indexes in the specified succeededIndexes field");
        }
    }
}

/// How many indexes a text such as `0,2-4` names.
pub fn index_count(text: &str, completions: i64) -> Result<i64, String> {
    Ok(intervals(text, completions)?.iter().map(|(first, end)| end - first + 1).sum())
}

/// The intervals of such a text, in order.
pub fn intervals(text: &str, completions: i64) -> Result<Vec<(i64, i64)>, String> {
    let mut intervals: Vec<(i64, i64)> = Vec::new();
    for part in text.split(',').filter(|_| !text.is_empty()) {
        let (first, end) = interval(part, completions)?;
        if let Some((_, previous)) = intervals.last().filter(|(_, previous)| *previous >= first) {
            return Err(format!("non-increasing order, previous: {previous}, current: {first}"));
        }
        intervals.push((first, end));
    }
    Ok(intervals)
}

fn interval(part: &str, completions: i64) -> Result<(i64, i64), String> {
    let limits: Vec<&str> = part.split('-').collect();
    if limits.len() > 2 {
        return Err(format!(
            "the fragment {part:?} violates the requirement that an index interval can have at most two parts \
             separated by '-'"
        ));
    }
    let mut bounds = Vec::new();
    for limit in limits {
        let index: i64 =
            limit.parse().map_err(|_| format!("cannot convert string to integer for index: {limit:?}"))?;
        if index >= completions {
            return Err(format!("too large index: {limit:?}"));
        }
        bounds.push(index);
    }
    match bounds[..] {
        [first, end] if first >= end => {
            Err(format!("non-increasing order, previous: {first}, current: {end}"))
        }
        _ => Ok((bounds[0], bounds[bounds.len() - 1])),
    }
}
