//! Checks a value against its schema, in the words of the API server's validator.

use regex_lite::Regex;

use crate::api::validation::Faults;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

use super::{format, is_int_or_string, pattern, says};

/// How many steps a check may take: a list of many items against a choice of many schemas would go on for hours.
const MOST_STEPS: u32 = 2_000_000;
/// How many faults are told.
const MOST_FAULTS: usize = 100;

/// Adds what is wrong with `value`, which stands at `path`.
pub fn check(schema: &Doc, value: &Doc, path: &str, faults: &mut Faults) {
    let mut checker = Checker { steps: 0, found: Vec::new(), patterns: BTreeMap::new() };
    checker.value(schema, value, path);
    if checker.steps >= MOST_STEPS {
        checker.found.push(Fault::plain("the object is too large to be checked against its schema".into()));
    }
    for fault in checker.found.into_iter().take(MOST_FAULTS) {
        faults.add(fault.reason, fault.field, fault.message);
    }
}

struct Fault {
    reason: &'static str,
    field: Str,
    message: String,
}

impl Fault {
    /// A fault that is not said to be anywhere.
    fn plain(why: String) -> Fault {
        let message = format!("Invalid value: \"\": {why}");
        Fault { reason: "FieldValueInvalid", field: "<nil>".into(), message }
    }
}

struct Checker {
    steps: u32,
    found: Vec<Fault>,
    /// Those that were made ready so far.
    patterns: BTreeMap<Str, Option<Regex>>,
}

impl Checker {
    fn add(&mut self, reason: &'static str, path: &str, message: String) {
        self.found.push(Fault { reason, field: path.trim_start_matches('.').into(), message });
    }

    fn invalid(&mut self, path: &str, value: &Doc, why: &str) {
        let place = path.trim_start_matches('.');
        self.add("FieldValueInvalid", path, format!("Invalid value: {value}: {place} in body {why}"));
    }

    /// A value that is not in its format is of another type.
    fn other_type(&mut self, path: &str, value: &Doc, wanted: &str) {
        let place = path.trim_start_matches('.');
        let message = format!("Invalid value: {value}: {place} in body must be of type {wanted}: {value}");
        self.add("FieldValueTypeInvalid", path, message);
    }

    fn value(&mut self, schema: &Doc, value: &Doc, path: &str) {
        self.steps += 1;
        if self.steps >= MOST_STEPS || schema.is_null() {
            return;
        }
        if value.is_null() && says(schema, "nullable") {
            return;
        }
        self.type_of(schema, value, path);
        self.choices(schema, value, path);
        match value {
            Doc::Str(text) => self.text(schema, value, text, path),
            Doc::Int(_) | Doc::Float(_) => self.number(schema, value, path),
            Doc::List(items) => self.list(schema, items, path),
            Doc::Map(_) => self.object(schema, value, path),
            _ => {}
        }
        self.one_of_values(schema, value, path);
    }

    fn type_of(&mut self, schema: &Doc, value: &Doc, path: &str) {
        let wanted = match schema["type"].str() {
            none if none.is_empty() && is_int_or_string(schema) => "integer,string".into(),
            wanted => wanted,
        };
        let found = value.type_name();
        let fits = match (wanted.as_str(), value) {
            ("", _) => true,
            ("number", Doc::Int(_)) => true,
            ("integer", Doc::Float(number)) => is_whole(number.get()),
            ("integer,string", Doc::Int(_) | Doc::Str(_)) => true,
            (wanted, _) => wanted == found,
        };
        if !fits {
            let place = path.trim_start_matches('.');
            let message =
                format!("Invalid value: {found:?}: {place} in body must be of type {wanted}: {found:?}");
            self.add("FieldValueTypeInvalid", path, message);
        }
    }

    /// `allOf`, `anyOf`, `oneOf`, `not`.
    fn choices(&mut self, schema: &Doc, value: &Doc, path: &str) {
        let place = path.trim_start_matches('.');
        let any = schema["anyOf"].items();
        if !any.is_empty() {
            let (fitting, nearest) = self.try_all(any, value, path);
            if fitting == 0 {
                let why = format!("{place:?} must validate at least one schema (anyOf)");
                self.found.push(Fault::plain(why));
                self.found.extend(nearest);
            }
        }
        let one = schema["oneOf"].items();
        if !one.is_empty() {
            let (fitting, nearest) = self.try_all(one, value, path);
            let found = match fitting {
                0 => "Found none valid".to_owned(),
                many => format!("Found {many} valid alternatives"),
            };
            if fitting != 1 {
                let why = format!("{place:?} must validate one and only one schema (oneOf). {found}");
                self.found.push(Fault::plain(why));
                if fitting == 0 {
                    self.found.extend(nearest);
                }
            }
        }
        let all = schema["allOf"].items();
        if !all.is_empty() {
            let before = self.found.len();
            all.iter().for_each(|one| self.value(one, value, path));
            if self.found.len() > before {
                let why = format!("{place:?} must validate all the schemas (allOf)");
                self.found.insert(before, Fault::plain(why));
            }
        }
        let not = &schema["not"];
        if !not.is_null() && self.faults_of(not, value, path).is_empty() {
            self.found.push(Fault::plain(format!("{place:?} must not validate the schema (not)")));
        }
    }

    /// How many of these a value fits, and what is wrong with it in the eyes of the one that it nearly fits.
    fn try_all(&mut self, schemas: &[Doc], value: &Doc, path: &str) -> (u32, Vec<Fault>) {
        let mut fitting = 0;
        let mut nearest: Option<Vec<Fault>> = None;
        for schema in schemas {
            let faults = self.faults_of(schema, value, path);
            fitting += u32::from(faults.is_empty());
            if nearest.as_ref().is_none_or(|nearest| faults.len() < nearest.len()) {
                nearest = Some(faults);
            }
        }
        (fitting, nearest.unwrap_or_default())
    }

    fn faults_of(&mut self, schema: &Doc, value: &Doc, path: &str) -> Vec<Fault> {
        let before = std::mem::take(&mut self.found);
        self.value(schema, value, path);
        std::mem::replace(&mut self.found, before)
    }

    fn text(&mut self, schema: &Doc, value: &Doc, text: &str, path: &str) {
        let length = text.chars().count() as i64;
        if let Some(most) = schema["maxLength"].as_i64().filter(|most| length > *most) {
            let message = format!("Too long: may not be more than {most} bytes");
            self.add("FieldValueTooLong", path, message);
        }
        if let Some(least) = schema["minLength"].as_i64().filter(|least| length < *least) {
            self.invalid(path, value, &format!("should be at least {least} chars long"));
        }
        let wanted = schema["pattern"].str();
        if !wanted.is_empty() && !self.matches(&wanted, text) {
            self.invalid(path, value, &format!("should match '{wanted}'"));
        }
        let wanted = schema["format"].str();
        if format::fits(&wanted, text) == Some(false) {
            self.other_type(path, value, &wanted);
        }
    }

    /// Whether a text is like a pattern. What takes too long is not looked at: there is a fault of its own for that.
    fn matches(&mut self, wanted: &Str, text: &str) -> bool {
        self.steps = self.steps.saturating_add(text.len() as u32 * 8);
        if self.steps >= MOST_STEPS {
            return true;
        }
        let ready = self.patterns.entry(wanted.clone()).or_insert_with(|| pattern::read(wanted).ok());
        ready.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }

    fn number(&mut self, schema: &Doc, value: &Doc, path: &str) {
        let Some(number) = float(value) else { return };
        let strict = |field: &str| says(schema, field);
        let most = &schema["maximum"];
        if let Some(bound) = float(most) {
            match strict("exclusiveMaximum") {
                true if number >= bound => self.invalid(path, value, &format!("should be less than {most}")),
                false if number > bound => {
                    self.invalid(path, value, &format!("should be less than or equal to {most}"));
                }
                _ => {}
            }
        }
        let least = &schema["minimum"];
        if let Some(bound) = float(least) {
            match strict("exclusiveMinimum") {
                true if number <= bound => {
                    self.invalid(path, value, &format!("should be greater than {least}"));
                }
                false if number < bound => {
                    self.invalid(path, value, &format!("should be greater than or equal to {least}"));
                }
                _ => {}
            }
        }
        let step = &schema["multipleOf"];
        if let Some(unit) = float(step).filter(|unit| *unit > 0.0)
            && !is_whole(number / unit)
        {
            self.invalid(path, value, &format!("should be a multiple of {step}"));
        }
        let wanted = schema["format"].str();
        let whole = value.as_i64();
        if wanted == "int32" && whole.is_some_and(|whole| i32::try_from(whole).is_err()) {
            self.other_type(path, value, "int32");
        }
    }

    fn list(&mut self, schema: &Doc, items: &[Doc], path: &str) {
        let count = items.len() as i64;
        if let Some(most) = schema["maxItems"].as_i64().filter(|most| count > *most) {
            self.add("FieldValueTooMany", path, format!("Too many: {count}: must have at most {most} items"));
        }
        if let Some(least) = schema["minItems"].as_i64().filter(|least| count < *least) {
            let value = Doc::from(count);
            self.invalid(path, &value, &format!("should have at least {least} items"));
        }
        let each = &schema["items"];
        if each.is_null() {
            return;
        }
        for (at, item) in items.iter().enumerate() {
            if self.steps < MOST_STEPS {
                self.value(each, item, &format!("{path}[{at}]"));
            }
        }
    }

    fn object(&mut self, schema: &Doc, value: &Doc, path: &str) {
        let entries = value.entries();
        let count = entries.len() as i64;
        if let Some(most) = schema["maxProperties"].as_i64().filter(|most| count > *most) {
            self.add("FieldValueTooMany", path, format!("Too many: {count}: must have at most {most} items"));
        }
        if let Some(least) = schema["minProperties"].as_i64().filter(|least| count < *least) {
            self.invalid(path, value, &format!("should have at least {least} properties"));
        }
        for name in schema["required"].items() {
            let name = name.str();
            if !value.as_map().is_some_and(|map| map.contains(&name)) {
                self.add("FieldValueRequired", &format!("{path}.{name}"), "Required value".into());
            }
        }
        let (properties, others) = (&schema["properties"], &schema["additionalProperties"]);
        if properties.is_null() && others.is_null() {
            return;
        }
        for (name, value) in entries {
            let below = match &properties[name.as_str()] {
                Doc::Null => others,
                property => property,
            };
            if matches!(below, Doc::Map(_)) && self.steps < MOST_STEPS {
                self.value(below, value, &format!("{path}.{name}"));
            }
        }
    }

    fn one_of_values(&mut self, schema: &Doc, value: &Doc, path: &str) {
        let allowed = schema["enum"].items();
        self.steps = self.steps.saturating_add(allowed.len() as u32 / 8);
        if allowed.is_empty() || allowed.contains(value) {
            return;
        }
        let shown = allowed.iter().map(|one| match one {
            Doc::Str(text) => format!("{:?}", text.as_str()),
            other => format!("{:?}", other.to_json()),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let message = format!("Unsupported value: {value}: supported values: {shown}");
        self.add("FieldValueNotSupported", path, message);
    }
}

fn float(value: &Doc) -> Option<f64> {
    match value {
        Doc::Int(number) => Some(number.get() as f64),
        Doc::Float(number) => Some(number.get()),
        _ => None,
    }
}

/// Whether there is nothing after the point.
fn is_whole(number: f64) -> bool {
    (number as i64) as f64 == number
}
