//! What the values of a schema are to CEL, and whether its rules fit that.

use std::rc::Rc;

use crate::api::cel::{Fields, Program, Record, Sizes, Type};
use crate::api::validation::Faults;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

use super::costs::{Costs, most_at, times_in_request};
use super::rules::{NAMES, RULES};
use super::{is_int_or_string, says};

/// The fields of an object that a schema describes.
struct Shape {
    schema: Doc,
    name: Str,
    /// Of a resource; nothing for other objects.
    metadata: Option<Type>,
}

impl Fields for Shape {
    fn name(&self) -> Str {
        self.name.clone()
    }

    fn field(&self, name: &str) -> Option<Type> {
        match (name, &self.metadata) {
            ("apiVersion" | "kind", Some(_)) => Some(Type::String),
            ("metadata", Some(metadata)) => Some(metadata.clone()),
            _ => below(&self.schema["properties"][name], &format!("{}.{name}", self.name)),
        }
    }
}

fn below(schema: &Doc, name: &str) -> Option<Type> {
    type_of(schema, name, says(schema, "x-kubernetes-embedded-resource").then(metadata))
}

/// What rules may read of the metadata of a resource.
pub fn metadata() -> Type {
    Record::of("metadata", [("name", Type::String), ("generateName", Type::String)])
}

/// The type of what a schema describes; that of a resource has this metadata. Nothing where the schema says nothing:
/// rules cannot speak of that.
pub fn type_of(schema: &Doc, name: &str, metadata: Option<Type>) -> Option<Type> {
    if is_int_or_string(schema) {
        return Some(Type::Dyn);
    }
    let object = || {
        Type::Object(Rc::new(Shape { schema: schema.clone(), name: name.into(), metadata: metadata.clone() }))
    };
    if metadata.is_some() {
        return Some(object());
    }
    Some(match (schema["type"].as_str()?, schema["format"].as_str()) {
        ("string", Some("date-time" | "date")) => Type::Time,
        ("string", Some("byte")) => Type::Bytes,
        ("string", Some("duration")) => Type::Duration,
        ("string", _) => Type::String,
        ("integer", _) => Type::Int,
        ("number", _) => Type::Double,
        ("boolean", _) => Type::Bool,
        ("array", _) => Type::List(below(&schema["items"], &format!("{name}.@idx"))?.into()),
        ("object", _) if matches!(schema["additionalProperties"], Doc::Map(_)) => {
            Type::Map(below(&schema["additionalProperties"], &format!("{name}.@elem"))?.into())
        }
        ("object", _) => object(),
        _ => return None,
    })
}

/// Where a schema stands.
pub(super) struct Place<'a> {
    pub path: &'a str,
    /// The list around it of which items are not known again.
    pub uncorrelated: Option<&'a str>,
    /// How often its value may be there; nothing where that has no bound.
    pub times: Option<u64>,
}

/// Adds where the rules of one schema do not fit its type, or cost too much.
pub(super) fn check(schema: &Doc, root: bool, place: &Place<'_>, costs: &mut Costs, faults: &mut Faults) {
    let rules = schema[RULES].items();
    let resource = root || says(schema, "x-kubernetes-embedded-resource");
    let Some(of) =
        (!rules.is_empty()).then(|| type_of(schema, "selfType", resource.then(metadata))).flatten()
    else {
        return;
    };
    let times = place.times.unwrap_or_else(|| times_in_request(schema));
    let sizes = |path: &[Str]| most_at(schema, resource, path.get(1..)?);
    for (at, rule) in rules.iter().enumerate() {
        let path = format!("{}.{RULES}[{at}]", place.path);
        let old = match says(rule, "optionalOldSelf") {
            true => Type::Optional(of.clone().into()),
            false => of.clone(),
        };
        let names = BTreeMap::from_iter([("self", of.clone()), ("oldSelf", old)]);
        let (of_rule, of_message) = (format!("{path}.rule"), format!("{path}.messageExpression"));
        match compiled(rule, "rule", &Type::Bool, &names, &sizes) {
            Ok(cost) => {
                costs.add("rule", &of_rule, cost.saturating_mul(times), faults);
                match compiled(rule, "messageExpression", &Type::String, &names, &sizes) {
                    Ok(cost) => costs.add("messageExpression", &of_message, cost, faults),
                    Err(why) => faults.invalid_text(of_message, &go_rule(rule), why),
                }
            }
            Err(why) => faults.invalid_text(of_rule, &go_rule(rule), why),
        }
        let Ok(program) = Program::read(&rule["rule"].str(), &NAMES) else { continue };
        let (compares, optional) = (program.mentions("oldSelf"), &rule["optionalOldSelf"]);
        if let Some(list) = place.uncorrelated.filter(|_| compares) {
            let why =
                format!("oldSelf cannot be used on the uncorrelatable portion of the schema within {list}");
            faults.invalid(format!("{path}.rule"), &rule["rule"], why);
        } else if !compares && !optional.is_null() {
            let why = "may not be set if oldSelf is not used in rule";
            faults.invalid(format!("{path}.optionalOldSelf"), optional, why);
        }
    }
}

/// What an expression costs at most, if there is nothing wrong with it.
fn compiled(
    rule: &Doc,
    field: &str,
    wanted: &Type,
    names: &BTreeMap<&str, Type>,
    sizes: Sizes<'_>,
) -> Result<u64, String> {
    let text = rule[field].str();
    if text.trim().is_empty() {
        return Ok(0);
    }
    let (failed, other) = match field {
        "rule" => ("compilation failed", "cel expression must evaluate to a bool"),
        _ => ("messageExpression compilation failed", "messageExpression must evaluate to a string"),
    };
    let program = Program::read(&text, &NAMES).map_err(|why| format!("{failed}: {why}"))?;
    let checked = program.check(&text, names, sizes);
    if !checked.faults.is_empty() {
        return Err(format!("{failed}: {}", checked.faults.join("\n")));
    }
    if checked.is_no(wanted) { Err(other.into()) } else { Ok(checked.cost) }
}

/// A rule as Go prints it.
fn go_rule(rule: &Doc) -> String {
    let text = |field: &str| format!("{:?}", rule[field].str());
    let pointer = |field: &str, of: &str| match rule[field].is_null() {
        true => format!("(*{of})(nil)"),
        false => format!("(*{of})(0xc000000000)"),
    };
    format!(
        "apiextensions.ValidationRule{{Rule:{}, Message:{}, MessageExpression:{}, Reason:{}, FieldPath:{}, OptionalOldSelf:{}}}",
        text("rule"),
        text("message"),
        text("messageExpression"),
        pointer("reason", "apiextensions.FieldValueErrorReason"),
        text("fieldPath"),
        pointer("optionalOldSelf", "bool")
    )
}
