//! `x-kubernetes-validations`: rules in CEL, wherever a schema has them.

use crate::api::cel::{Budget, Names, Program, bytes, duration, optional};
use crate::api::core::secret::base64_decode;
use crate::api::validation::Faults;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, Timestamp};

pub(super) const RULES: &str = "x-kubernetes-validations";
pub(super) const NAMES: [&str; 2] = ["self", "oldSelf"];
/// How many faults are told.
const MOST_FAULTS: usize = 100;
/// The longest text of a rule's own expression, in bytes.
const LONGEST_MESSAGE: usize = 5 * 1024;
const NO_BUDGET: &str = "due to running out of cost budget, no further validation rules will be run";
/// Faults after which rules are not evaluated: the value may not be what they take it for.
const BLOCKING: [&str; 5] = [
    "FieldValueNotSupported",
    "FieldValueRequired",
    "FieldValueTooLong",
    "FieldValueTooMany",
    "FieldValueTypeInvalid",
];

/// Adds what is wrong with the rules of one schema, which stands at `path`.
pub(super) fn well_formed(schema: &Doc, path: &str, faults: &mut Faults) {
    for (at, rule) in schema[RULES].items().iter().enumerate() {
        let place = |field: &str| format!("{path}.{RULES}[{at}].{field}");
        let (text, message) = (rule["rule"].str(), rule["message"].str());
        if text.trim().is_empty() {
            faults.required(place("rule"), "rule is not specified");
        } else if !message.is_empty() && message.trim().is_empty() {
            faults.invalid(place("message"), &rule["message"], NOT_EMPTY);
        } else if message.trim().contains(BREAKS) {
            faults.invalid(place("message"), &rule["message"], NO_BREAKS);
        } else if message.trim().is_empty() && text.trim().contains(BREAKS) {
            faults.required(place("message"), "message must be specified if rule contains line breaks");
        }
        if !rule["messageExpression"].is_empty() && rule["messageExpression"].str().trim().is_empty() {
            faults.required(place("messageExpression"), "messageExpression must be non-empty if specified");
        }
        rule_reason(rule, &place("reason"), faults);
        let below = rule["fieldPath"].str();
        if !below.is_empty() && below.trim().is_empty() {
            faults.invalid(place("fieldPath"), &rule["fieldPath"], NOT_EMPTY);
        }
        if below.contains(BREAKS) {
            faults.invalid(place("fieldPath"), &rule["fieldPath"], NO_BREAKS);
        }
        if !below.is_empty() && !leads_to_field(schema, &below) {
            faults.invalid(place("fieldPath"), &rule["fieldPath"], "must be a valid path");
        }
    }
}

const BREAKS: [char; 2] = ['\n', '\r'];
const NOT_EMPTY: &str = "must be non-empty if specified";
const NO_BREAKS: &str = "must not contain line breaks";

fn rule_reason(rule: &Doc, place: &str, faults: &mut Faults) {
    let known = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
    let reason = &rule["reason"];
    if !reason.is_null() && !known.contains(&reason.str().as_str()) {
        faults.not_supported(place, reason, &known);
    }
}

/// Whether a path such as `.spec['a-b'].c` leads to a field that a schema describes.
fn leads_to_field(schema: &Doc, path: &str) -> bool {
    let (mut schema, mut rest) = (schema, path);
    while !rest.is_empty() {
        let name = if let Some(after) = rest.strip_prefix("['") {
            let Some((name, after)) = after.split_once("']") else { return false };
            rest = after;
            name
        } else if let Some(after) = rest.strip_prefix('.') {
            let (name, after) = after.split_at(after.find(['.', '[', ']']).unwrap_or(after.len()));
            rest = after;
            name
        } else {
            return false;
        };
        let properties = &schema["properties"];
        schema = if properties.is_null() { &schema["additionalProperties"] } else { &properties[name] };
        if name.is_empty() || schema.is_null() {
            return false;
        }
    }
    true
}

/// Adds which rules a whole resource breaks; `old` is what it was before.
pub fn check_rules(schema: &Doc, value: &Doc, old: Option<&Doc>, faults: &mut Faults) {
    if !has_rules(schema) {
        return;
    }
    if faults.0.iter().any(|fault| BLOCKING.contains(&fault.reason)) {
        let why = "some validation rules were not checked because the object was invalid; correct the existing errors \
                   to complete validation";
        return faults.invalid_text("<nil>", "\"null\"", why);
    }
    let (programs, budget) = (BTreeMap::new(), Some(Budget::default()));
    let mut look = Look { programs, budget, found: Faults::default() };
    look.value(schema, value, old, "");
    faults.0.extend(look.found.0.into_iter().take(MOST_FAULTS));
}

fn has_rules(schema: &Doc) -> bool {
    !schema[RULES].is_empty()
        || schema["properties"].entries().iter().any(|(_, below)| has_rules(below))
        || [&schema["items"], &schema["additionalProperties"]]
            .into_iter()
            .any(|below| !below.is_null() && has_rules(below))
}

struct Look {
    /// Those that were read so far.
    programs: BTreeMap<Str, Option<Program>>,
    /// What rules may still cost; nothing once they cost too much: then no further rule is looked at.
    budget: Option<Budget>,
    found: Faults,
}

impl Look {
    fn program(&mut self, text: &Str) -> Option<Program> {
        let read = || Program::read(text, &NAMES).ok();
        self.programs.entry(text.clone()).or_insert_with(read).clone()
    }

    fn value(&mut self, schema: &Doc, value: &Doc, old: Option<&Doc>, path: &str) {
        if self.found.0.len() > MOST_FAULTS || value.is_null() {
            return;
        }
        for rule in schema[RULES].items() {
            self.rule(rule, schema, value, old, path);
        }
        if self.budget.is_none() {
            return;
        }
        match value {
            Doc::Map(map) => {
                for (field, below) in map.entries() {
                    let known = &schema["properties"][field.as_str()];
                    let (shape, path) = match known.is_null() {
                        true => (&schema["additionalProperties"], format!("{path}[{field}]")),
                        false => (known, format!("{path}.{field}")),
                    };
                    if matches!(shape, Doc::Map(_)) {
                        let old = old.map(|old| &old[field.as_str()]).filter(|old| !old.is_null());
                        self.value(shape, below, old, &path);
                    }
                }
            }
            Doc::List(items) if matches!(schema["items"], Doc::Map(_)) => {
                for (at, item) in items.iter().enumerate() {
                    let old = old.and_then(|old| same_item(schema, item, old));
                    self.value(&schema["items"], item, old, &format!("{path}[{at}]"));
                }
            }
            _ => {}
        }
    }

    fn rule(&mut self, rule: &Doc, schema: &Doc, value: &Doc, old: Option<&Doc>, path: &str) {
        if self.budget.is_none() {
            return;
        }
        let Some(program) = self.program(&rule["rule"].str()) else { return };
        // What was so before the rule may stay so.
        if old == Some(value) && !program.mentions("oldSelf") {
            return;
        }
        let (value, old) = (in_cel(schema, value), old.map(|old| in_cel(schema, old)));
        let mut names = Names::from_iter([("self", value)]);
        if rule["optionalOldSelf"].as_bool() == Some(true) {
            names.insert("oldSelf", optional(old));
        } else if program.mentions("oldSelf") && old.is_none() {
            return;
        } else {
            names.extend(old.map(|old| ("oldSelf", old)));
        }
        let of = schema["type"].str();
        let shown = format!("{of:?}");
        let text = rule["rule"].str();
        let text = text.trim();
        let place = place(path, "");
        let evaluated = program.evaluate(&names, None);
        if !self.pay(evaluated.cost) {
            return self.found.invalid_text(place, &shown, format!("validation failed {NO_BUDGET}"));
        }
        match evaluated.value {
            Ok(Doc::Bool(true)) => {}
            Ok(Doc::Bool(false)) => self.broken(rule, &names, path, &shown),
            Ok(_) => self.found.invalid_text(
                place,
                &shown,
                format!("cel expression evaluated to non-bool: {text}"),
            ),
            Err(why) if why.starts_with("no such overload") => {
                let why = format!(
                    "'{why}': call arguments did not match a supported operator, function or macro signature for rule: {text}"
                );
                self.found.invalid_text(place, &shown, why);
            }
            Err(why) if why.starts_with("operation cancelled") => {
                self.budget = None;
                let why = format!(
                    "'{why}': no further validation rules will be run due to call cost exceeds limit for rule: {text}"
                );
                self.found.invalid_text(place, &shown, why);
            }
            Err(why) => self.found.invalid_text(place, &shown, format!("{why} evaluating rule: {text}")),
        }
    }

    /// A rule that does not hold.
    fn broken(&mut self, rule: &Doc, names: &Names<'_>, path: &str, shown: &str) {
        let place = place(path, &rule["fieldPath"].str());
        let detail = match self.message(rule, names) {
            Ok(Some(said)) => said,
            Ok(None) if rule["message"].is_empty() => format!("failed rule: {}", rule["rule"].str().trim()),
            Ok(None) => rule["message"].str().trim().to_owned(),
            Err(why) => return self.found.invalid_text(place, shown, why),
        };
        match rule["reason"].as_str() {
            Some("FieldValueRequired") => self.found.required(place, &detail),
            Some("FieldValueForbidden") => self.found.forbidden(place, &detail),
            Some("FieldValueDuplicate") => self.found.duplicate_text(place, shown),
            _ => self.found.invalid_text(place, shown, detail),
        }
    }

    /// What the rule's own expression says; nothing where it says nothing fit to print, and a failure where it costs too
    /// much.
    fn message(&mut self, rule: &Doc, names: &Names<'_>) -> Result<Option<String>, String> {
        let text = rule["messageExpression"].str();
        let Some(program) = (!text.is_empty()).then(|| self.program(&text)).flatten() else {
            return Ok(None);
        };
        let evaluated = program.evaluate(names, None);
        if !self.pay(evaluated.cost) {
            return Err(format!("messageExpression evaluation failed {NO_BUDGET}"));
        }
        let said = match evaluated.value {
            Err(why) if why.starts_with("operation cancelled") => {
                self.budget = None;
                return Err(format!(
                    "no further validation rules will be run due to call cost exceeds limit for messageExpression: {text:?}"
                ));
            }
            value => value.ok().as_ref().and_then(Doc::as_str).map(|said| said.trim().to_owned()),
        };
        Ok(said.filter(|said| !said.is_empty() && !said.contains('\n') && said.len() <= LONGEST_MESSAGE))
    }

    /// Whether there was so much left.
    fn pay(&mut self, cost: u64) -> bool {
        let paid = self.budget.as_mut().is_some_and(|budget| budget.pay(cost));
        if !paid {
            self.budget = None;
        }
        paid
    }
}

/// A value as rules see it: moments, lengths of time and bytes are such, and not texts.
fn in_cel(schema: &Doc, value: &Doc) -> Doc {
    let time = |text: &str| Timestamp::parse(text).map(Doc::Time);
    match value {
        Doc::Str(text) => {
            let known = match schema["format"].as_str() {
                Some("duration") => duration(text),
                Some("byte") => base64_decode(text).ok().map(|all| bytes(&all)),
                Some("date-time") => time(text),
                Some("date") => time(&format!("{text}T00:00:00Z")),
                _ => None,
            };
            known.unwrap_or_else(|| value.clone())
        }
        Doc::Map(map) if has_formats(schema) => {
            let seen = map.entries().iter().map(|(field, below)| {
                let shape = match &schema["properties"][field.as_str()] {
                    Doc::Null => &schema["additionalProperties"],
                    property => property,
                };
                (field.clone(), in_cel(shape, below))
            });
            Doc::Map(seen.collect())
        }
        Doc::List(items) if has_formats(schema) => {
            Doc::list(items.iter().map(|item| in_cel(&schema["items"], item)))
        }
        _ => value.clone(),
    }
}

/// Whether there is a format in a schema that rules see as something else than a text.
fn has_formats(schema: &Doc) -> bool {
    matches!(schema["format"].as_str(), Some("byte" | "duration" | "date-time" | "date"))
        || schema["properties"].entries().iter().any(|(_, below)| has_formats(below))
        || [&schema["items"], &schema["additionalProperties"]]
            .into_iter()
            .any(|below| !below.is_null() && has_formats(below))
}

fn place(path: &str, below: &str) -> Str {
    match format!("{path}{below}").trim_start_matches('.') {
        "" => "<nil>".into(),
        place => place.into(),
    }
}

/// The item that was there under the same keys.
pub(super) fn same_item<'a>(schema: &Doc, item: &Doc, old: &'a Doc) -> Option<&'a Doc> {
    let keys = schema["x-kubernetes-list-map-keys"].items();
    if schema["x-kubernetes-list-type"].as_str() != Some("map") {
        return None;
    }
    let same = |other: &&Doc| keys.iter().all(|key| other[key.str().as_str()] == item[key.str().as_str()]);
    old.items().iter().find(same)
}
