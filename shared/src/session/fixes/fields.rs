//! Fields in other letters, and in another place than theirs.

use super::scene::{Fault, get, shifted};
use super::{Edit, Fix};
use crate::api::Kind;
use crate::doc::{Doc, Path, Segment};
use crate::schema::{FieldType, Type};

fn key(name: &str) -> Segment {
    Segment::Key(name.into())
}

/// The names on a path, as in `spec.template`.
fn named(path: &[Segment]) -> String {
    let names = path.iter().filter_map(|step| match step {
        Segment::Key(key) => Some(&**key),
        Segment::Index(_) => None,
    });
    names.collect::<Vec<_>>().join(".")
}

/// `Kind` and `apiversion`.
pub(super) fn other_letters(fault: &Fault) -> Vec<Fix> {
    let Some(field) = fault.message.strip_suffix(" not set") else { return Vec::new() };
    let Some(document) = fault.document else { return Vec::new() };
    let meant = document.doc.entries().iter().find(|(name, _)| name.eq_ignore_ascii_case(field));
    let Some((name, _)) = meant else { return Vec::new() };
    let place = document.spans.key(&Path(vec![Segment::Key(name.clone())]));
    let (from, to) = ((place.start.line, place.start.column), (place.end.line, place.end.column));
    vec![Fix::new("fix_rename", field, vec![Edit { from, to, text: field.into() }])]
}

/// A version that is missing.
pub(super) fn version(fault: &Fault) -> Vec<Fix> {
    let ("apiVersion not set", Some(document)) = (fault.message, fault.document) else { return Vec::new() };
    let other = document.doc.entries().iter().any(|(name, _)| name.eq_ignore_ascii_case("apiVersion"));
    let kind = document.doc["kind"].str();
    let known = Kind::ALL.iter().map(|kind| kind.info()).find(|info| info.kind == &*kind);
    let (Some(info), false) = (known, other) else { return Vec::new() };
    let line = format!("apiVersion: {}", info.api_version());
    let at = (document.spans.root().start.line, 1);
    vec![Fix::new("fix_add", line.clone(), vec![Edit { from: at, to: at, text: format!("{line}\n") }])]
}

/// Where below `of` a field belongs, nearest first: nothing where that is not certain.
fn home(of: Type, field: &str, value: &Doc) -> Option<Vec<&'static str>> {
    let fits = |of: FieldType, name: &str| match of {
        FieldType::Object(below) => below.field(field).is_some(),
        FieldType::Map(element) => {
            name == "matchLabels" && element.get() == FieldType::String && matches!(value, Doc::Str(_))
        }
        _ => false,
    };
    let below = |of: Type| of.fields().iter().filter(|field| field.name != "status");
    let near: Vec<&str> =
        below(of).filter(|one| fits(one.field_type(), one.name)).map(|one| one.name).collect();
    let usual = ["metadata", "spec", "template", "matchLabels"];
    if let Some(found) = usual.into_iter().find(|name| near.contains(name)) {
        return Some(vec![found]);
    }
    if let [found] = near[..] {
        return Some(vec![found]);
    }
    // One level more, where a workload has its template.
    let template = of.field("template")?.field_type().object()?;
    let parts: &[&str] = if matches!(field, "labels" | "annotations") { &["metadata"] } else { &["spec"] };
    let found = parts.iter().find(|part| {
        template
            .field(part)
            .is_some_and(|part| part.field_type().object().is_some_and(|of| of.field(field).is_some()))
    })?;
    Some(vec!["template", if *found == "spec" { "spec" } else { "metadata" }])
}

/// A field that nobody knows here, but elsewhere in the object.
pub(super) fn elsewhere(fault: &Fault) -> Vec<Fix> {
    let (true, Some(path)) = (fault.message.starts_with("unknown field"), &fault.path) else {
        return Vec::new();
    };
    let Some((Segment::Key(field), owner)) = path.0.split_last() else { return Vec::new() };
    // Everything may have a name: only the metadata near by are what somebody meant.
    let is_name = matches!(&**field, "name" | "namespace");
    let nearest = if is_name { owner.len().saturating_sub(1) } else { 0 };
    for depth in (nearest..=owner.len()).rev() {
        let Some(FieldType::Object(of)) = fault.field_type(&owner[..depth]) else { continue };
        let below = if depth < owner.len() && of.field(field).is_some() {
            Some(Vec::new())
        } else {
            home(of, field, fault.value())
        };
        let Some(below) = below.filter(|below| !is_name || below[..] == ["metadata"]) else { continue };
        let mut target = owner[..depth].to_vec();
        target.extend(below.into_iter().map(key));
        return moved(fault, owner, &target, field).unwrap_or_default();
    }
    Vec::new()
}

/// Moves what the fault is at from `owner` into `target`.
fn moved(fault: &Fault, owner: &[Segment], target: &[Segment], field: &str) -> Option<Vec<Fix>> {
    let document = fault.document?;
    let start = fault.lines.start(fault.line).filter(|start| start.outer == fault.column as usize - 1)?;
    let there = get(&document.doc, target);
    if there.as_map().is_some_and(|map| map.contains(field)) {
        return None;
    }
    let last = fault.lines.last(fault.line, start.outer);
    let body = |by: isize| -> Vec<String> {
        (fault.line..=last).map(|line| shifted(fault.lines.get(line), by)).collect()
    };
    let name = match named(target) {
        name if name.is_empty() => document.doc["kind"].str().to_string(),
        name => name,
    };
    // It belongs to something around it: right after its place there.
    if let Some([step, ..]) = owner.strip_prefix(target) {
        let around = document.spans.key(&Path([target, std::slice::from_ref(step)].concat())).start;
        let column = around.column as usize - 1;
        let end = fault.lines.last(around.line, column);
        let lines = body(column as isize - start.outer as isize);
        let edits = if end == last {
            vec![fault.lines.replaced(fault.line, last, &lines)]
        } else {
            vec![fault.lines.after(end, &lines), fault.lines.removed(fault.line, last)]
        };
        return Some(vec![Fix::new("fix_move", name, edits)]);
    }
    // What is to hold it is not there: it is put around it.
    let around = target
        .strip_prefix(owner)
        .filter(|below| get(document_of(fault), &[owner, &below[..1]].concat()).is_null());
    if let Some(below) = around {
        let unit = fault.lines.unit();
        let mut lines: Vec<String> = below
            .iter()
            .enumerate()
            .map(|(depth, step)| {
                shifted(
                    &format!("{}:", named(std::slice::from_ref(step))),
                    (start.outer + depth * unit) as isize,
                )
            })
            .collect();
        lines.extend(body((below.len() * unit) as isize));
        if !owner_has(fault, owner, &below[0]) {
            return Some(vec![Fix::new(
                "fix_move",
                name,
                vec![fault.lines.replaced(fault.line, last, &lines)],
            )]);
        }
    }
    let mut edits = fault.added(target, &body(-(start.outer as isize)))?;
    edits.push(fault.lines.removed(fault.line, last));
    Some(vec![Fix::new("fix_move", name, edits)])
}

fn document_of<'a>(fault: &Fault<'a>) -> &'a Doc {
    static NONE: Doc = Doc::Null;
    fault.document.map_or(&NONE, |document| &document.doc)
}

/// Whether a key is there, if only without a value.
fn owner_has(fault: &Fault, owner: &[Segment], step: &Segment) -> bool {
    let Segment::Key(key) = step else { return false };
    get(document_of(fault), owner).as_map().is_some_and(|map| map.contains(key))
}

/// A template that lacks the labels of the selector.
pub(super) fn labels(fault: &Fault) -> Vec<Fix> {
    if !fault.message.contains("`selector` does not match template `labels`") {
        return Vec::new();
    }
    let wanted = &document_of(fault)["spec"]["selector"]["matchLabels"];
    let path = ["spec", "template", "metadata", "labels"].map(key);
    let there = get(document_of(fault), &path);
    let lacking: Vec<_> = wanted.entries().iter().filter(|(key, _)| there[&**key].is_null()).collect();
    if lacking.is_empty() || lacking.len() < wanted.entries().len() {
        return Vec::new();
    }
    let lines: Vec<String> = lacking.iter().map(|(key, value)| format!("{key}: {}", value.str())).collect();
    let edits = fault.added(&path, &lines);
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", lines.join(", "), edits)])
}
