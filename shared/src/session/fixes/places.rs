//! Where a field belongs that nobody knows where it stands: under another name, or elsewhere in the object.

use super::scene::{Fault, get};
use crate::api::parse_quantity;
use crate::doc::{Doc, Segment};
use crate::schema::{Field, FieldType, Type, distance, nearest};

/// No place further away than this is what somebody meant.
const FAR: usize = 9;
/// So many levels below something a place may be.
const DEEP: usize = 3;
/// So many fields beside it are looked at.
const WIDE: usize = 200;
/// Where a field belongs that could be in several places: the likeliest first.
const USUAL: [&str; 7] = ["metadata", "spec", "template", "matchLabels", "requests", "httpGet", "tcpSocket"];

/// A place that knows the field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Home {
    pub path: Vec<Segment>,
    /// The field and those beside it that are lost in the same way.
    pub fields: Vec<Segment>,
    cost: usize,
}

pub(super) fn key(name: &str) -> Segment {
    Segment::Key(name.into())
}

/// Whether a value has the shape of a type, if not its type.
fn fits(value: &Doc, of: FieldType) -> bool {
    match of {
        FieldType::Any => true,
        FieldType::Object(_) | FieldType::Map(_) => matches!(value, Doc::Map(_) | Doc::Null),
        FieldType::List(_) => matches!(value, Doc::List(_) | Doc::Null),
        _ => !matches!(value, Doc::Map(_) | Doc::List(_)),
    }
}

/// Names that `owner` has not taken yet.
fn free(fault: &Fault, of: Type, owner: &[Segment]) -> impl Iterator<Item = Field> {
    let taken = get(fault.root(), owner);
    of.fields().iter().copied().filter(|field| taken.get(field.name).is_null())
}

/// The name of nearly the same letters.
pub(super) fn near(fault: &Fault, of: Type, owner: &[Segment], field: &str) -> Option<&'static str> {
    nearest(of, field).filter(|name| free(fault, of, owner).any(|one| one.name == *name))
}

/// The only name that is a part of what was written, or of which that is one.
pub(super) fn part(fault: &Fault, of: Type, owner: &[Segment], field: &str) -> Option<&'static str> {
    const SHORT: usize = 4;
    let written = field.to_lowercase();
    let within =
        |long: &str, short: &str| short.len() >= SHORT && (long.ends_with(short) || long.starts_with(short));
    let mut names = free(fault, of, owner).filter(|one| {
        let name = one.name.to_lowercase();
        within(&name, &written) || within(&written, &name)
    });
    match (names.next(), names.next()) {
        (Some(only), None) if fits(fault.value(), only.field_type()) => Some(only.name),
        _ => None,
    }
}

/// The list of `of` whose items have the field: `port` where `ports` is meant.
pub(super) fn list_of(
    fault: &Fault,
    of: Type,
    owner: &[Segment],
    field: &str,
) -> Option<(&'static str, Vec<Segment>)> {
    of.fields().iter().find_map(|list| {
        let FieldType::List(element) = list.field_type() else { return None };
        let FieldType::Object(item) = element.get() else { return None };
        let near = distance(&field.to_lowercase(), &list.name.to_lowercase()) <= 1;
        let free = !get(fault.root(), owner).as_map()?.contains(list.name);
        let known = |name: &str, value: &Doc| item.field(name).is_some_and(|of| fits(value, of.field_type()));
        (near && free && known(field, fault.value())).then(|| (list.name, lost(fault, of, owner, known)))
    })
}

/// Fields of `owner` that its type does not have, and `known` has.
fn lost(fault: &Fault, of: Type, owner: &[Segment], known: impl Fn(&str, &Doc) -> bool) -> Vec<Segment> {
    let entries = get(fault.root(), owner).entries();
    let all =
        entries.iter().take(WIDE).filter(|(name, value)| of.field(name).is_none() && known(name, value));
    all.map(|(name, _)| Segment::Key(name.clone())).collect()
}

/// All places for a field, the nearest first. Those for `name`, which everything may have, are only metadata near by.
pub(super) fn homes(fault: &Fault, owner: &[Segment], field: &str) -> Vec<Home> {
    let mut found: Vec<Home> = Vec::new();
    let is_name = matches!(field, "name" | "namespace");
    let nearest = if is_name { owner.len().saturating_sub(1) } else { 0 };
    for depth in (nearest..=owner.len()).rev() {
        let Some(at) = fault.field_type(&owner[..depth]) else { continue };
        let mut search = Search { fault, owner, field, found: &mut found };
        // Outwards is further than inwards: too little indentation is rarer than a level that was forgotten.
        search.look(at, owner[..depth].to_vec(), 0, 2 * (owner.len() - depth));
    }
    found.retain(|home| !is_name || home.path.last() == Some(&key("metadata")));
    let usual = |home: &Home| {
        let last = home.path.iter().rev().find_map(|step| match step {
            Segment::Key(name) => Some(name.clone()),
            Segment::Index(_) => None,
        });
        USUAL.iter().position(|name| last.as_deref() == Some(name)).unwrap_or(USUAL.len())
    };
    crate::collections::sort_by_key(&mut found, |home| {
        (usize::MAX - home.fields.len(), home.cost, usual(home))
    });
    // Of two places as far away as each other only the usual ones are more than a guess.
    let best = found.first().map(|home| (home.fields.len(), home.cost));
    let guesses = found.iter().filter(|home| Some((home.fields.len(), home.cost)) == best).count();
    if guesses > 2 {
        found.retain(|home| usual(home) < USUAL.len());
    }
    found
}

struct Search<'a, 'b> {
    fault: &'a Fault<'a>,
    owner: &'a [Segment],
    field: &'a str,
    found: &'b mut Vec<Home>,
}

impl Search<'_, '_> {
    fn look(&mut self, at: FieldType, path: Vec<Segment>, depth: usize, cost: usize) {
        let value = get(self.fault.root(), &path);
        if cost > FAR || !fits(value, at) {
            return;
        }
        // What is on the way to the field was looked through from nearer by.
        let seen = |below: &[Segment]| self.owner.starts_with(below);
        match at {
            FieldType::Object(of) => {
                if path != self.owner {
                    self.offer(&path, value, cost, |name, value| {
                        of.field(name).is_some_and(|field| fits(value, field.field_type()))
                    });
                }
                let parts = of.fields().iter().filter(|one| !matches!(one.name, "status" | "managedFields"));
                for one in parts.filter(|_| depth < DEEP) {
                    let there = !value[one.name].is_null();
                    // Nobody forgot three levels at once.
                    let lacks = depth == DEEP - 1 && value.is_null();
                    let holds = matches!(one.field_type(), FieldType::Object(_) | FieldType::Map(_));
                    if !there && (lacks || !holds) {
                        continue;
                    }
                    let below = [&path[..], &[key(one.name)]].concat();
                    if !seen(&below) {
                        self.look(one.field_type(), below, depth + 1, cost + if there { 1 } else { 2 });
                    }
                }
            }
            // What there is only one of is what all of it is about.
            FieldType::List(element) if !value.items().is_empty() => {
                let below = [&path[..], &[Segment::Index(0)]].concat();
                if !seen(&below) {
                    self.look(element.get(), below, depth, cost + 1);
                }
            }
            FieldType::Map(element) => match (element.get(), path.last()) {
                (FieldType::String, Some(step)) if *step == key("matchLabels") && depth == 1 && cost < 3 => {
                    self.offer(&path, value, cost, |_, value| matches!(value, Doc::Str(_)));
                }
                (FieldType::Quantity, _) => self.offer(&path, value, cost, is_amount),
                _ => {}
            },
            _ => {}
        }
    }

    /// Takes a place that knows the field and does not have it yet.
    fn offer(&mut self, path: &[Segment], value: &Doc, cost: usize, known: impl Fn(&str, &Doc) -> bool) {
        let there = value.as_map().is_some_and(|map| map.contains(self.field));
        if there || !known(self.field, self.fault.value()) {
            return;
        }
        let Some(FieldType::Object(of)) = self.fault.field_type(self.owner) else { return };
        let free = |name: &str, found: &Doc| value.get(name).is_null() && known(name, found);
        let fields = lost(self.fault, of, self.owner, free);
        self.found.push(Home { path: path.to_vec(), fields, cost });
    }
}

/// Whether this is how much of something is wanted: `memory: 64Mi`.
fn is_amount(name: &str, value: &Doc) -> bool {
    let known = matches!(name, "cpu" | "memory" | "storage" | "ephemeral-storage" | "pods");
    let text = match value {
        Doc::Str(text) => text.to_string(),
        other => other.to_json(),
    };
    known && parse_quantity(&text).is_some()
}
