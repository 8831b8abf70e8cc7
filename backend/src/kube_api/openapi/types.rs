//! Types of what is sent and comes back that are no kinds of the engine's.

use std::{collections::BTreeSet, sync::LazyLock};

use shared::{
    doc,
    doc::{Doc, Str},
};

use super::Form;

/// A type a paragraph: `:NAME GROUP/VERSION says …` (`-` where it is no kind), then a line for each field with what it
/// holds and `!` where it must be there.
static TABLE: &str = include_str!("types.txt");

/// All of them, with references as version 2 has them.
pub static ALL: LazyLock<Doc> = LazyLock::new(|| {
    let types = TABLE.split(':').skip(1).filter_map(|text| text.split_once(' '));
    Doc::Map(types.map(|(name, text)| (name.into(), read(name, text))).collect())
});

fn read(name: &str, text: &str) -> Doc {
    let (head, fields) = text.split_once('\n').unwrap_or((text, ""));
    let (version, says) = head.split_once(' ').unwrap_or((head, ""));
    let mut of = doc!({ "type": "object" });
    if !says.is_empty() {
        of.set("description", says);
    }
    let (mut properties, mut required) = (Doc::map(), Vec::new());
    for (field, holds) in fields.lines().filter_map(|line| line.split_once(' ')) {
        if holds.ends_with('!') {
            required.push(field);
        }
        properties.set(field, schema(holds.trim_end_matches('!')));
    }
    if !properties.is_empty() {
        of.set("properties", properties);
    }
    if !required.is_empty() {
        of.set("required", required);
    }
    if version != "-" {
        let (group, version) = version.rsplit_once('/').unwrap_or(("", version));
        let kind = name.rsplit('.').next().unwrap_or_default();
        of.set(
            "x-kubernetes-group-version-kind",
            Doc::list([doc!({ "group": group, "version": version, "kind": kind })]),
        );
    }
    of
}

fn schema(holds: &str) -> Doc {
    if let Some(items) = holds.strip_prefix('[') {
        return doc!({ "type": "array", "items": schema(items) });
    }
    if let Some(values) = holds.strip_prefix('{') {
        return doc!({ "type": "object", "additionalProperties": schema(values) });
    }
    match holds {
        "s" => doc!({ "type": "string" }),
        "i" => doc!({ "type": "integer", "format": "int32" }),
        "I" => doc!({ "type": "integer", "format": "int64" }),
        "b" => doc!({ "type": "boolean" }),
        name => Form::Two.reference(name),
    }
}

/// One of them as a form has it; what it refers to is wanted, too.
pub fn written(form: Form, name: &str, wanted: &mut BTreeSet<Str>) -> Option<Doc> {
    let mut of = ALL[name].clone();
    if of.is_null() {
        return None;
    }
    point(form, &mut of, wanted);
    Some(of)
}

/// Lets references point to where a form has schemas.
fn point(form: Form, of: &mut Doc, wanted: &mut BTreeSet<Str>) {
    let target = of["$ref"].str();
    if let Some(name) = target.strip_prefix("#/definitions/") {
        wanted.insert(name.into());
        *of = form.reference(name);
    }
    for below in ["items", "additionalProperties"] {
        if matches!(of[below], Doc::Map(_)) {
            point(form, of.at_mut(&[below]), wanted);
        }
    }
    let names: Vec<Str> = of["properties"].entries().iter().map(|(name, _)| name.clone()).collect();
    for name in names {
        point(form, of.at_mut(&["properties", &name]), wanted);
    }
}
