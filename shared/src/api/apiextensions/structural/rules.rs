//! `x-kubernetes-validations`: rules in CEL, wherever a schema has them.

use crate::api::cel::{Names, Program, optional};
use crate::api::validation::Faults;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

pub(super) const RULES: &str = "x-kubernetes-validations";
pub(super) const NAMES: [&str; 2] = ["self", "oldSelf"];
/// How many faults are told.
const MOST_FAULTS: usize = 100;
/// Faults after which rules are not evaluated: the value may not be what they take it for.
const BLOCKING: [&str; 4] =
    ["FieldValueRequired", "FieldValueTooLong", "FieldValueTooMany", "FieldValueTypeInvalid"];

/// Adds what is wrong with the rules of one schema, which stands at `path`.
pub(super) fn well_formed(schema: &Doc, path: &str, faults: &mut Faults) {
    for (at, rule) in schema[RULES].items().iter().enumerate() {
        let path = format!("{path}.{RULES}[{at}]");
        if rule["rule"].str().trim().is_empty() {
            faults.required(format!("{path}.rule"), "rule is not specified");
            continue;
        }
        let message = rule["message"].str();
        if !rule["message"].is_null() && message.trim().is_empty() {
            faults.invalid(
                format!("{path}.message"),
                &rule["message"],
                "message must be non-empty if specified",
            );
        } else if message.trim().contains('\n') {
            faults.invalid(
                format!("{path}.message"),
                &rule["message"],
                "message must not contain line breaks",
            );
        } else if message.trim().is_empty() && rule["rule"].str().trim().contains('\n') {
            let why = "message must be specified if rule contains line breaks";
            faults.required(format!("{path}.message"), why);
        }
        let reason = &rule["reason"];
        let known = ["FieldValueRequired", "FieldValueInvalid", "FieldValueForbidden", "FieldValueDuplicate"];
        if !reason.is_null() && !known.contains(&reason.str().as_str()) {
            faults.not_supported(format!("{path}.reason"), reason, &known);
        }
    }
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
    let mut look = Look { programs: BTreeMap::new(), found: Faults::default() };
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
        let Some(program) = self.program(&rule["rule"].str()) else { return };
        let mut names = Names::from_iter([("self", value.clone())]);
        if rule["optionalOldSelf"].as_bool() == Some(true) {
            names.insert("oldSelf", optional(old.cloned()));
        } else if program.mentions("oldSelf") && old.is_none() {
            return;
        } else {
            names.extend(old.map(|old| ("oldSelf", old.clone())));
        }
        let of = schema["type"].str();
        let shown = format!("{of:?}");
        let text = rule["rule"].str();
        let text = text.trim();
        let place = place(path, "");
        match program.evaluate(&names) {
            Ok(Doc::Bool(true)) => {}
            Ok(Doc::Bool(false)) => {
                let detail = self.message(rule, &names).unwrap_or_else(|| match rule["message"].str() {
                    none if none.is_empty() => format!("failed rule: {text}"),
                    message => message.trim().to_owned(),
                });
                let place = self::place(path, &rule["fieldPath"].str());
                match rule["reason"].as_str() {
                    Some("FieldValueRequired") => self.found.required(place, &detail),
                    Some("FieldValueForbidden") => self.found.forbidden(place, &detail),
                    Some("FieldValueDuplicate") => self.found.duplicate_text(place, &shown),
                    _ => self.found.invalid_text(place, &shown, detail),
                }
            }
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
                let why = format!(
                    "'{why}': no further validation rules will be run due to call cost exceeds limit for rule: {text}"
                );
                self.found.invalid_text(place, &shown, why);
            }
            Err(why) => self.found.invalid_text(place, &shown, format!("{why} evaluating rule: {text}")),
        }
    }

    /// What the rule's own expression says; nothing where it says nothing fit to print.
    fn message(&mut self, rule: &Doc, names: &Names<'_>) -> Option<String> {
        let text = rule["messageExpression"].str();
        let said = (!text.is_empty()).then(|| self.program(&text)).flatten()?.evaluate(names).ok()?;
        let said = said.as_str()?.trim().to_owned();
        (!said.is_empty() && !said.contains('\n')).then_some(said)
    }
}

fn place(path: &str, below: &str) -> Str {
    match format!("{path}{below}").trim_start_matches('.') {
        "" => "<nil>".into(),
        place => place.into(),
    }
}

/// The item that was there under the same keys.
fn same_item<'a>(schema: &Doc, item: &Doc, old: &'a Doc) -> Option<&'a Doc> {
    let keys = schema["x-kubernetes-list-map-keys"].items();
    if schema["x-kubernetes-list-type"].as_str() != Some("map") {
        return None;
    }
    let same = |other: &&Doc| keys.iter().all(|key| other[key.str().as_str()] == item[key.str().as_str()]);
    old.items().iter().find(same)
}
