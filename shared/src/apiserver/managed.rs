//! Who owns which field: `metadata.managedFields`, and server-side apply.
//!
//! Only of what people and their clients write an account is kept. Components write too often for it to be affordable,
//! and never apply: what they own is worked out when somebody looks.

pub(super) mod components;
mod fields;
mod shape;

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::{Key, Kind, Reason, Status};
use crate::collections::sort_by_key;
use crate::doc::{Doc, Path, Str, Timestamp};
use crate::{doc, schema};

use super::versions::Twin;
use fields::Fields;
use shape::Shape;

/// Who writes, how, and when.
pub(super) struct Writer<'a> {
    pub manager: &'a str,
    /// `Apply` or `Update`.
    pub operation: &'static str,
    pub subresource: &'static str,
    pub api_version: &'static str,
    pub kind: Kind,
    pub now: Timestamp,
    /// The schema of what is written, where people defined it.
    pub schema: Option<Doc>,
}

/// One entry of `managedFields`.
#[derive(Clone)]
struct Entry {
    head: Doc,
    fields: Fields,
}

fn read(managed: &Doc) -> Vec<Entry> {
    let entry = |head: &Doc| {
        let mut fields = Fields::from_doc(&head["fieldsV1"]);
        for (here, kept) in places(head["apiVersion"].str().as_str()) {
            fields.relocate(&here, &kept);
        }
        Entry { head: head.clone(), fields }
    };
    managed.items().iter().map(entry).collect()
}

/// Where fields stand in a version, and where as they are kept, as far as that is not the same.
fn places(api_version: &str) -> Vec<(fields::Place, fields::Place)> {
    let place = |steps: Vec<&str>| steps.into_iter().map(|step| Str::from(format!("f:{step}"))).collect();
    let twin = Twin::named(api_version).map_or(Vec::new(), Twin::places);
    twin.into_iter().map(|(here, kept)| (place(here), place(kept))).collect()
}

/// Those who own something, appliers first, then by the time of their last write.
fn write(mut entries: Vec<Entry>) -> Doc {
    entries.retain(|entry| !entry.fields.is_empty());
    let order = |entry: &Entry| {
        (!entry.is_apply(), entry.head["time"].as_time(), entry.head["manager"].str().to_owned())
    };
    sort_by_key(&mut entries, order);
    let docs = entries.into_iter().map(|entry| {
        let (mut head, mut fields) = (entry.head, entry.fields);
        for (here, kept) in places(head["apiVersion"].str().as_str()) {
            fields.relocate(&kept, &here);
        }
        head.set("fieldsV1", fields.to_doc());
        head
    });
    let docs: Vec<Doc> = docs.collect();
    // Where nothing is anybody's there is no list.
    if docs.is_empty() { Doc::Null } else { Doc::list(docs) }
}

impl Entry {
    fn is_apply(&self) -> bool {
        self.head["operation"].as_str() == Some("Apply")
    }

    fn is_of(&self, writer: &Writer<'_>) -> bool {
        let head = &self.head;
        head["manager"].as_str() == Some(writer.manager)
            && head["operation"].as_str() == Some(writer.operation)
            && (self.is_apply() || head["apiVersion"].as_str() == Some(writer.api_version))
            && head["subresource"].str() == writer.subresource
    }

    /// `"kubectl-create" using apps/v1`; an applier by its name alone.
    fn shown(&self) -> String {
        let manager = format!("{:?}", self.head["manager"].str());
        let part = match self.head["subresource"].str() {
            part if part.is_empty() => String::new(),
            part => format!(" with subresource {part:?}"),
        };
        if self.is_apply() {
            manager
        } else {
            format!("{manager}{part} using {}", self.head["apiVersion"].str())
        }
    }
}

impl Writer<'_> {
    fn shape(&self) -> Shape<'_> {
        Shape::of(self.kind, self.schema.as_ref()).in_version(self.api_version)
    }

    fn entry(&self, fields: Fields) -> Entry {
        let mut head = doc!({
            "apiVersion": self.api_version, "fieldsType": "FieldsV1", "manager": self.manager,
            "operation": self.operation, "time": Doc::Time(self.now)
        });
        if !self.subresource.is_empty() {
            head.set("subresource", self.subresource);
        }
        Entry { head, fields }
    }
}

/// `managedFields` after a write that made `new` of `old` (`null` for a creation). `managed` is what the new object
/// brings: usually what the old one had.
pub(super) fn after_update(writer: &Writer<'_>, managed: &Doc, old: &Doc, new: &Doc) -> Doc {
    let changed = Fields::changed(old, new, writer.shape());
    let mut entries = read(managed);
    let mut own = false;
    for entry in &mut entries {
        entry.fields.retain_in(new, writer.shape());
        if entry.is_of(writer) {
            own = true;
            if !changed.is_empty() {
                entry.fields.extend(&changed);
                entry.head.set("time", Doc::Time(writer.now));
            }
        } else {
            entry.fields.subtract(&changed);
        }
    }
    if !own && !changed.is_empty() {
        entries.push(writer.entry(changed));
    }
    write(entries)
}

/// `managedFields` after a component's write: what it changed is no longer anybody else's.
pub(super) fn after_component(kind: Kind, managed: &Doc, old: &Doc, new: &Doc) -> Doc {
    if managed.is_empty() {
        return managed.clone();
    }
    let shape = Shape::of(kind, None);
    let changed = Fields::changed(old, new, shape);
    let mut entries = read(managed);
    for entry in &mut entries {
        entry.fields.retain_in(new, shape);
        entry.fields.subtract(&changed);
    }
    write(entries)
}

/// What a body that is applied must be like.
pub(super) fn check_applied(
    body: &Doc,
    key: &Key,
    custom: Option<&CustomResources>,
    twin: Option<Twin>,
    unknown: Vec<Path>,
) -> Result<(), Status> {
    if !body["metadata"]["managedFields"].is_empty() {
        return Err(Status::bad_request("metadata.managedFields must be nil"));
    }
    let mut problems = match custom {
        Some(custom) => schema::check_custom(body, custom.unknown(body)),
        None => schema::check(key.kind, body),
    };
    problems.extend(unknown.into_iter().map(schema::Problem::unknown));
    let mut lines: Vec<String> = problems.iter().map(|problem| schema::typed_fault(problem, body)).collect();
    lines.extend(fields::duplicates(body, Shape::of(key.kind, custom.map(CustomResources::schema))));
    let info = key.kind.info();
    let own = || format!("{}/{}", info.group, info.version);
    let of = twin.map_or_else(own, |twin| twin.api_version().to_owned());
    let why = match lines.as_slice() {
        [] => return Ok(()),
        [one] => one.clone(),
        many => format!("errors:\n  {}", many.join("\n  ")),
    };
    let (namespace, name) = (&key.namespace, &key.name);
    Err(Status::new(
        Reason::Unknown,
        format!("failed to create typed patch object ({namespace}/{name}; {of}, Kind={}): {why}", info.kind),
    ))
}

/// `managedFields` of an object that is made by being applied.
pub(super) fn after_first_apply(writer: &Writer<'_>, config: &Doc) -> Doc {
    write(vec![writer.entry(Fields::said(config, writer.shape()))])
}

/// The object that comes of applying `config` to `live`, with its `managedFields`.
pub(super) fn apply(writer: &Writer<'_>, live: &Doc, config: &Doc, force: bool) -> Result<Doc, Status> {
    let managed = &live["metadata"]["managedFields"];
    let mut entries = read(managed);
    let said = Fields::said(config, writer.shape());
    let mut merged = fields::merge(live, config, writer.shape());
    let (mine, others): (Vec<Entry>, Vec<Entry>) = entries.drain(..).partition(|entry| entry.is_of(writer));
    entries = others;
    if let Some(before) = mine.first() {
        // What the applier said last time, says no longer, and nobody else owns: goes.
        let others: Vec<&Fields> = entries.iter().map(|entry| &entry.fields).collect();
        fields::prune(&mut merged, &before.fields, Some(&said), &others, writer.shape());
    }
    let changed = Fields::changed(live, &merged, writer.shape());
    conflicts(writer, &entries, &changed, force)?;
    for entry in &mut entries {
        entry.fields.subtract(&changed);
        entry.fields.retain_in(&merged, writer.shape());
    }
    match mine.into_iter().next() {
        Some(before) if before.fields == said => entries.push(before),
        _ => entries.push(writer.entry(said)),
    }
    merged.set_at(&["metadata", "managedFields"], write(entries));
    Ok(merged)
}

/// Nobody's value is changed by another's apply, unless that is asked for.
fn conflicts(writer: &Writer<'_>, others: &[Entry], changed: &Fields, force: bool) -> Result<(), Status> {
    if force {
        return Ok(());
    }
    let moved = places(writer.api_version);
    let mut found: Vec<(String, String)> = Vec::new();
    for entry in others {
        let places = entry.fields.common(changed);
        found.extend(places.into_iter().map(|mut place| {
            if let Some((here, kept)) = moved.iter().find(|(_, kept)| place.starts_with(kept)) {
                place.splice(..kept.len(), here.iter().cloned());
            }
            (entry.shown(), fields::shown(&place))
        }));
    }
    let message = match found.as_slice() {
        [] => return Ok(()),
        [(manager, place)] => format!("Apply failed with 1 conflict: conflict with {manager}: {place}"),
        many => {
            let mut sorted: Vec<&(String, String)> = many.iter().collect();
            // A stable sort: the places of one manager keep their order.
            sort_by_key(&mut sorted, |(manager, _)| manager.clone());
            let mut lines: Vec<String> = Vec::new();
            let mut of = None;
            for (manager, place) in sorted {
                if of != Some(manager) {
                    lines.push(format!("conflicts with {manager}:"));
                    of = Some(manager);
                }
                lines.push(format!("- {place}"));
            }
            format!("Apply failed with {} conflicts: {}", many.len(), lines.join("\n"))
        }
    };
    let causes = found.into_iter().map(|(manager, place)| crate::api::CauseDetail {
        reason: "FieldManagerConflict",
        message: format!("conflict with {manager}").into(),
        field: Str::from(place),
    });
    Err(Status { causes: causes.collect(), ..Status::new(Reason::Conflict, message) })
}
