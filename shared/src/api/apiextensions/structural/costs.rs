//! What the rules of a schema may cost: how large the values are that it describes, how often each may be there, and
//! the limits on what comes of that.

use crate::api::validation::Faults;
use crate::collections::sort_by_key;
use crate::doc::{Doc, Str};

use super::{is_int_or_string, says};

/// The largest request.
const REQUEST: u64 = 3 * 1024 * 1024;
/// What one expression may cost, and all of a schema.
const ONE: u64 = 10_000_000;
const ALL: u64 = 100_000_000;
/// So many are named of those that make a schema too dear.
const NAMED: usize = 4;

/// What the rules of a schema cost at most.
#[derive(Default)]
pub(super) struct Costs {
    total: u64,
    /// The dearest of them, and where they are.
    dear: Vec<(u64, String)>,
}

impl Costs {
    /// Counts an expression, which is a fault if it alone may cost too much.
    pub(super) fn add(&mut self, what: &str, place: &str, cost: u64, faults: &mut Faults) {
        if cost > ONE {
            faults.forbidden(place, &exceeds(&format!("estimated {what} cost"), cost, ONE));
        }
        self.total = self.total.saturating_add(cost);
        if cost >= ALL / 100 {
            self.dear.push((cost, place.to_owned()));
        }
    }

    /// Adds the fault that all of them cost too much.
    pub(super) fn sum(mut self, path: &str, faults: &mut Faults) {
        if self.total <= ALL {
            return;
        }
        sort_by_key(&mut self.dear, |(cost, _)| u64::MAX - cost);
        for (_, place) in self.dear.iter().take(NAMED) {
            let why =
                "contributed to estimated rule cost total exceeding cost limit for entire OpenAPIv3 schema";
            faults.forbidden(place.as_str(), why);
        }
        let what = "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 schema";
        faults.forbidden(path, &exceeds(what, self.total, ALL));
    }
}

fn exceeds(what: &str, cost: u64, limit: u64) -> String {
    let factor = match cost as f64 / limit as f64 {
        factor if factor > 100.0 => "more than 100x".to_owned(),
        factor if factor < 1.5 => format!("{factor:.6}x"),
        factor => format!("{factor:.1}x"),
    };
    format!(
        "{what} exceeds budget by factor of {factor} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)"
    )
}

/// How often what is right below a schema may be there for each time that the schema is; nothing where that has no bound.
pub(super) fn repeats(schema: &Doc) -> Option<u64> {
    let bound = |field: &str| schema[field].as_i64().map(|most| u64::try_from(most).unwrap_or(0));
    match schema["type"].as_str() {
        Some("object") if !schema["additionalProperties"].is_null() => bound("maxProperties"),
        Some("array") => bound("maxItems"),
        _ => Some(1),
    }
}

/// How often the value of a schema fits into a request.
pub(super) fn times_in_request(schema: &Doc) -> u64 {
    REQUEST / (shortest(schema) + 1)
}

/// How large the value may be at most to which a path leads that begins with the value of a schema.
pub(super) fn most_at(schema: &Doc, is_resource: bool, path: &[Str]) -> Option<u64> {
    let Some((step, rest)) = path.split_first() else { return Some(most(schema)) };
    let below = match step.as_str() {
        "@items" => &schema["items"],
        "@values" => &schema["additionalProperties"],
        "@keys" => {
            return (rest.is_empty() && matches!(schema["additionalProperties"], Doc::Map(_))).then_some(0);
        }
        "kind" | "apiVersion" if is_resource => return Some(REQUEST - 2),
        "metadata" if is_resource => return Some(if rest.is_empty() { 0 } else { REQUEST - 2 }),
        field => &schema["properties"][field],
    };
    if below.is_null() { None } else { most_at(below, says(below, "x-kubernetes-embedded-resource"), rest) }
}

/// How many letters, items or entries a value has at most.
fn most(schema: &Doc) -> u64 {
    let bound = |field: &str| schema[field].as_i64().map(|most| u64::try_from(most).unwrap_or(0));
    // A letter takes up to four bytes.
    let letters = || bound("maxLength").map(|most| most.saturating_mul(4));
    if is_int_or_string(schema) {
        return letters().unwrap_or(REQUEST - 2);
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("array"), _) => {
            bound("maxItems").unwrap_or_else(|| (REQUEST - 2) / (shortest(&schema["items"]) + 1))
        }
        (Some("object"), _) if matches!(schema["additionalProperties"], Doc::Map(_)) => {
            let each = shortest(&schema["additionalProperties"]) + 6;
            bound("maxProperties").unwrap_or((REQUEST - 2) / each)
        }
        (Some("string"), Some("byte")) => bound("maxLength").unwrap_or(REQUEST - 2),
        (Some("string"), Some("date")) => 12,
        (Some("string"), Some("duration" | "date-time")) => 32,
        (Some("string"), _) => {
            let known = schema["enum"].items().iter().map(|value| value.str().len() as u64).max();
            letters().or(known).unwrap_or(REQUEST - 2)
        }
        _ => 0,
    }
}

/// How many bytes the shortest value takes that a schema describes.
fn shortest(schema: &Doc) -> u64 {
    if is_int_or_string(schema) {
        return 1;
    }
    match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("object"), _) if schema["additionalProperties"].is_null() => {
            let field = |name: &Doc| {
                let (name, of) = (name.str(), &schema["properties"][name.str().as_str()]);
                let must_be_sent = !of.is_null() && of["default"].is_null();
                if must_be_sent { name.len() as u64 + shortest(of) + 4 } else { 0 }
            };
            2 + schema["required"].items().iter().map(field).sum::<u64>()
        }
        (Some("string"), Some("duration")) => 3,
        (Some("string"), Some("date")) => 12,
        (Some("string"), Some("date-time")) => 21,
        (Some("boolean"), _) => 4,
        (Some("integer" | "number"), _) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::most_at;
    use crate::api::apiextensions::structural::type_of;
    use crate::api::cel::Program;
    use crate::collections::BTreeMap;
    use crate::doc::{Doc, Str, parse_json};

    fn cost(schema: &str, rule: &str) -> u64 {
        let schema: Doc = parse_json(schema).expect("JSON");
        let of = type_of(&schema, "selfType", None).expect("a type");
        let names = BTreeMap::from_iter([("self", of.clone()), ("oldSelf", of)]);
        let sizes = |path: &[Str]| most_at(&schema, false, path.get(1..)?);
        let checked = Program::read(rule, &["self", "oldSelf"]).expect("CEL").check(rule, &names, &sizes);
        assert!(checked.faults.is_empty(), "{:?}", checked.faults);
        checked.cost
    }

    /// The figures are those of Kubernetes' own tests.
    #[test]
    fn rules_cost_what_they_do_there() {
        let list = |of: &str| format!(r#"{{"type": "array", "items": {of}}}"#);
        let map = |of: &str| format!(r#"{{"type": "object", "additionalProperties": {of}}}"#);
        let text = r#"{"type": "string"}"#;
        let text_of = |most: u32| format!(r#"{{"type": "string", "maxLength": {most}}}"#);
        let number = r#"{"type": "number"}"#;
        let either = r#"{"x-kubernetes-int-or-string": true}"#;
        let ten = format!(r#"{{"type": "array", "maxItems": 10, "items": {number}}}"#);
        let texts = format!(r#"{{"type": "array", "maxItems": 10, "items": {}}}"#, text_of(10));
        let object = r#"{"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}"#;
        let swap = format!(
            r#"{{"type": "object", "properties": {{"str": {text}, "before": {}, "after": {}}}}}"#,
            text_of(2),
            text_of(4)
        );
        let time = r#"{"type": "string", "format": "date-time"}"#;
        let bytes = r#"{"type": "string", "format": "byte"}"#;
        let cases = [
            (list(number), "self.all(x, true)", 4_718_591),
            (ten.clone(), "self.all(x, true)", 32),
            (ten.clone(), "self.all(x, self.all(y, true))", 352),
            (ten, "self.all(x, self.all(y, self.all(z, true)))", 3552),
            (list(text), "self.all(x, true)", 3_145_727),
            (list(object), "self.all(x, true)", 943_718),
            (map(number), "self.all(x, true)", 1_348_169),
            (map(time), "self.all(x, true)", 349_526),
            (map(time), r#"self["a"] == self["b"]"#, 8),
            (text.into(), "self.contains('test')", 314_574),
            (text.into(), "self.startsWith('test')", 2),
            (text_of(4), r#"size(self + "hello") > size("hello")"#, 7),
            (text.into(), r#"self.matches("x")"#, 314_574),
            (text.into(), r#""".matches("(((((((((())))))))))[0-9]")"#, 7),
            (text.into(), r#"self.matches("")"#, 1),
            (text.into(), "self.find('[0-9]+') == ''", 629_147),
            (list(number), "self[1] == 0.0", 2),
            (list(text), "self[1] == self[1]", 314_577),
            (list(either), "self[0] == 5", 3),
            (either.into(), "isQuantity(self)", 314_574),
            (list(&list(number)), "self[0][0] == -1.0", 3),
            (list(time), "self[2].getMinutes() == 45", 4),
            (bytes.into(), r#"self == b"x""#, 2),
            (texts.clone(), "self.join(' ') == 'aa bb'", 43),
            (texts, "self.isSorted() == true", 52),
            (list(text), "self.join(' ') == 'aa bb'", 329_853_068_905),
            (swap, "self.str.replace(self.before, self.after) == 'does not matter'", 629_154),
            (map(number), "oldSelf.size() == self.size()", 5),
        ];
        for (schema, rule, expected) in cases {
            assert_eq!(cost(&schema, rule), expected, "{rule} for {schema}");
        }
    }
}
