//! The expressions of admission policies: what they may speak of, and whether they can be compiled.

use crate::api::cel::{AUTHORIZER, Program, RESERVED, Record, Type};
use crate::api::validation::{At, Faults};
use crate::collections::BTreeMap;
use crate::doc::Str;

/// What the expressions of a policy may speak of.
pub const POLICY_NAMES: [&str; 7] =
    ["object", "oldObject", "request", "params", "namespaceObject", "variables", "authorizer"];

/// The same of one that changes objects: it makes some, too.
pub const MUTATION_NAMES: [&str; 9] = [
    "object",
    "oldObject",
    "request",
    "params",
    "namespaceObject",
    "variables",
    "authorizer",
    "Object",
    "JSONPatch",
];

/// The type of `request`.
pub fn request_type() -> Type {
    let text = |names: &[&'static str]| {
        Record::of("kubernetes.Type", names.iter().map(|name| (*name, Type::String)))
    };
    let user = [
        ("username", Type::String),
        ("uid", Type::String),
        ("groups", Type::List(Type::String.into())),
        ("extra", Type::Map(Type::List(Type::String.into()).into())),
    ];
    let request = [
        ("kind", text(&["group", "version", "kind"])),
        ("requestKind", text(&["group", "version", "kind"])),
        ("resource", text(&["group", "version", "resource"])),
        ("requestResource", text(&["group", "version", "resource"])),
        ("userInfo", Record::of("kubernetes.UserInfo", user)),
        ("dryRun", Type::Bool),
        ("options", Type::Dyn),
    ];
    let plain = ["subResource", "requestSubResource", "name", "namespace", "operation"];
    let request = request.into_iter().chain(plain.map(|name| (name, Type::String)));
    Record::of("kubernetes.AdmissionRequest", request)
}

/// The types of what expressions may speak of, as far as they are known before it is known of which kind the object is:
/// of parameters only where there are some.
pub(super) fn names_of(params: bool) -> BTreeMap<&'static str, Type> {
    let mut names: BTreeMap<&str, Type> = BTreeMap::from_iter(POLICY_NAMES.map(|name| (name, Type::Dyn)));
    names.insert("request", request_type());
    names.insert("authorizer", AUTHORIZER);
    names.remove("variables");
    if !params {
        names.remove("params");
    }
    names
}

/// The same, with variables. What is wrong with them, of which each may speak of those before it, is said.
pub(super) fn variables(spec: &At<'_>, faults: &mut Faults) -> BTreeMap<&'static str, Type> {
    let mut names = names_of(!spec["paramKind"].is_null());
    let mut known: Vec<(Str, Type)> = Vec::new();
    names.insert("variables", Record::of("kubernetes.variables", known.clone()));
    for variable in spec.field("variables").each() {
        let (name, expression) = (variable.field("name"), variable.field("expression"));
        if name.text().trim().is_empty() {
            faults.required(&name, "name is not specified");
        } else if !is_identifier(name.text()) {
            faults.invalid(&name, &name, "name is not a valid CEL identifier");
        }
        if expression.text().trim().is_empty() {
            faults.required(&expression, "expression is not specified");
        }
        let of = compiled(&expression, &names, &Type::Dyn, faults);
        known.push((name.str(), of));
        names.insert("variables", Record::of("kubernetes.variables", known.clone()));
    }
    names
}

/// A name that may stand in an expression and is no word of the language.
fn is_identifier(name: &str) -> bool {
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    starts
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !RESERVED.contains(&name)
}

/// The type of what comes of an expression; what is wrong with it is said, and so is one that makes something else than
/// what is wanted.
pub(super) fn compiled(
    at: &At<'_>,
    names: &BTreeMap<&'static str, Type>,
    wanted: &Type,
    faults: &mut Faults,
) -> Type {
    let text = at.text();
    if text.trim().is_empty() {
        return Type::Dyn;
    }
    let known: Vec<&str> = names.keys().copied().collect();
    let checked = Program::read(text, &known).map(|program| program.check(text, names, &|_| None));
    let why = match checked {
        Err(why) => format!("compilation failed: {why}"),
        Ok(checked) if !checked.faults.is_empty() => {
            format!("compilation failed: {}", checked.faults.join("\n"))
        }
        Ok(checked) if !wanted.is_dyn() && checked.is_no(wanted) => format!("must evaluate to {wanted}"),
        Ok(checked) => return checked.of,
    };
    faults.invalid(at, at, why);
    Type::Dyn
}
