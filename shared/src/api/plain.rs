//! Kinds of which the cluster keeps objects and nothing else: their names, columns, defaults and checks are data
//! ([`table`]), and one implementation serves them all.

mod admission;
mod certificate;
mod devices;
mod expressions;
mod flow;
mod table;
mod update;
mod volumes;

use crate::doc::{Doc, Timestamp};

use super::validation::names::Rule;
use super::validation::{Faults, IMMUTABLE};
use super::{Column, Info, Object, Resource, Row, age};

pub use devices::allocated_device;
pub use expressions::{MUTATION_NAMES, POLICY_NAMES, request_type};
pub use flow::{bootstrap as flow_control, dangling};
pub use table::*;

/// A kind without a behaviour of its own.
pub struct Plain {
    info: &'static Info,
    /// Columns after the name's, and what stands in them.
    columns: &'static [Column],
    cells: &'static [Cell],
    defaults: fn(&mut Doc),
    validate: fn(&Doc, &mut Faults),
    /// Fields that stay as they were made: to change them is refused.
    immutable: &'static [&'static str],
    /// What is wrong with a new version, after the one before.
    update: fn(&Doc, &Doc, &mut Faults),
    /// Whether the spec stays as it was, whatever an update says of it.
    keeps_spec: bool,
    /// What its objects may be called.
    name: Rule,
    /// What it can be selected by.
    fields: &'static [&'static str],
    /// What clients are warned of when they make one; empty for nothing.
    warning: &'static str,
    /// What clients are told with every answer, of a kind that is on its way out; empty for nothing.
    deprecated: &'static str,
    /// The place in a printed list, before the name.
    order: fn(&Object) -> i64,
}

/// What stands in a column.
enum Cell {
    Age,
    /// The value at a path; the text where there is none.
    Value(&'static [&'static str], &'static str),
    /// How many items stand at a path.
    Count(&'static [&'static str]),
    /// The items at a path with commas between; the text where there are none.
    Joined(&'static [&'static str], &'static str),
    Of(fn(&Doc) -> String),
}

const fn nothing(_: &mut Doc) {}
const fn anything(_: &Doc, _: &mut Faults) {}
const fn anyhow(_: &Doc, _: &Doc, _: &mut Faults) {}
const fn unordered(_: &Object) -> i64 {
    0
}

impl std::fmt::Debug for Plain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.info.kind)
    }
}

fn text(value: &Doc, missing: &str) -> String {
    match value {
        Doc::Null => missing.to_owned(),
        Doc::Str(text) if text.is_empty() => missing.to_owned(),
        Doc::Str(text) => text.to_string(),
        other => other.to_json(),
    }
}

impl Cell {
    fn shown(&self, object: &Object, now: Timestamp) -> String {
        match self {
            Cell::Age => age(object.meta.creation, now),
            Cell::Value(path, missing) => text(object.body.at(path), missing),
            Cell::Count(path) => object.body.at(path).items().len().to_string(),
            Cell::Joined(path, missing) => {
                let items: Vec<String> =
                    object.body.at(path).items().iter().map(|item| text(item, "")).collect();
                if items.is_empty() { (*missing).to_owned() } else { items.join(",") }
            }
            Cell::Of(shown) => shown(&object.body),
        }
    }
}

impl Resource for Plain {
    fn info(&self) -> &'static Info {
        self.info
    }

    fn creation_warning(&self) -> &'static str {
        self.warning
    }

    fn deprecation(&self) -> &'static str {
        self.deprecated
    }

    fn default(&self, doc: &mut Doc) {
        (self.defaults)(doc);
    }

    fn name(&self) -> Rule {
        self.name
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        (self.validate)(doc, faults);
    }

    fn prepare_update(&self, new: &mut Doc, old: &Doc) {
        if self.keeps_spec {
            new.set("spec", old["spec"].clone());
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        for field in self.immutable {
            let at = |doc: &'_ Doc| field.split('.').fold(doc.clone(), |doc, part| doc[part].clone());
            let (new, old) = (at(new), at(old));
            if new != old {
                faults.invalid(*field, &new, IMMUTABLE);
            }
        }
        (self.update)(new, old, faults);
    }

    fn order(&self, object: &Object) -> i64 {
        (self.order)(object)
    }

    fn fields(&self) -> &'static [&'static str] {
        self.fields
    }

    fn columns(&self) -> &'static [Column] {
        self.columns
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let cells = self.cells.iter().map(|cell| cell.shown(object, now));
        [object.key.name.to_string()].into_iter().chain(cells).collect()
    }
}
