//! What expressions cost: as CEL counts it, and as Kubernetes does for what it adds. Before they are evaluated that is an
//! estimate of the worst, from how large values may be.

use super::types::Type;
use super::values::{BYTES, FORMAT, as_optional, opened};
use super::{Binary, Walk};
use crate::doc::{Doc, Str};

/// Asking whether somebody may do something: twice in an expression, and no more.
const ASKING: u64 = 350_000;
/// Making a list, and a map.
pub(super) const LIST: u64 = 10;
pub(super) const MAP: u64 = 30;
/// The longest pattern of a format with a name, which its own length stands for.
const FORMAT_PATTERN: u64 = 128;

/// How many letters, items or entries a value has: at least, and at most.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Size {
    pub least: u64,
    pub most: u64,
}

impl Size {
    pub const UNKNOWN: Size = Size { least: 0, most: u64::MAX };

    pub fn of(size: u64) -> Size {
        Size { least: size, most: size }
    }

    pub fn up_to(most: u64) -> Size {
        Size { least: 0, most }
    }

    pub fn or(self, other: Size) -> Size {
        Size { least: self.least.min(other.least), most: self.most.max(other.most) }
    }

    pub fn plus(self, other: Size) -> Size {
        let Size { least, most } = other;
        Size { least: self.least.saturating_add(least), most: self.most.saturating_add(most) }
    }

    fn times(self, other: Size) -> Size {
        let Size { least, most } = other;
        Size { least: self.least.saturating_mul(least), most: self.most.saturating_mul(most) }
    }
}

/// What is known of a part of an expression.
#[derive(Clone)]
pub(super) struct Part {
    pub of: Type,
    /// What it costs at most to evaluate it.
    pub cost: u64,
    pub size: Option<Size>,
    /// The sizes of what is in it: of its keys or places, and of its values.
    pub entry: Option<(Size, Size)>,
    /// The names on the way to it, from one that the expression was given.
    pub path: Vec<Str>,
    /// The number that stands there.
    pub literal: Option<u64>,
}

impl Part {
    /// A value that is made here.
    pub fn made(of: Type, cost: u64) -> Part {
        let size = is_scalar(&of).then(|| Size::of(1));
        Part { of, cost, size, entry: None, path: Vec::new(), literal: None }
    }

    pub fn size(&self) -> Size {
        self.size.unwrap_or(Size::UNKNOWN)
    }
}

/// Whether values of a type are all of one size.
pub(super) fn is_scalar(of: &Type) -> bool {
    match of {
        Type::Bool | Type::Int | Type::Double | Type::Time | Type::Duration => true,
        Type::Named(name) => *name == "uint",
        Type::Optional(of) => is_scalar(of),
        _ => false,
    }
}

/// A part of so many, in numbers that are rounded up: `1` in `10` is what a walk through a text costs.
fn share(of: u64, parts: u64, whole: u64) -> u64 {
    let share = (u128::from(of) * u128::from(parts)).div_ceil(u128::from(whole));
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// A walk through a text.
fn scan(length: u64) -> u64 {
    share(length, 1, 10)
}

/// Looking for a pattern of such a length: each of its parts is taken to be four letters long.
fn search(text: u64, pattern: u64) -> u64 {
    scan(text.saturating_add(1)).saturating_mul(share(pattern, 1, 4))
}

/// A selector is read, and each requirement, which are two letters long at least, gets a place in memory.
fn selector(length: u64) -> u64 {
    LIST.saturating_add(scan(length)).saturating_add(share(length, 1, 2).saturating_mul(50))
}

/// A list that is made of such steps.
fn list(steps: u64) -> u64 {
    steps.saturating_add(1 + LIST)
}

/// Every item beside every other; texts take longer.
fn pairs(count: u64, texts: bool) -> u64 {
    list(share(count.saturating_mul(count), if texts { 21 } else { 20 }, 10))
}

fn is_text(of: &Type) -> bool {
    matches!(of, Type::String | Type::Bytes)
}

/// What an operator costs at most, without its sides, and how large what it makes is.
pub(super) fn operator(operator: Binary, a: &Part, b: &Part) -> (u64, Option<Size>) {
    match operator {
        Binary::And | Binary::Or => (0, None),
        Binary::Equal | Binary::NotEqual => match (&a.of, &b.of) {
            (Type::Named(one), Type::Named(other)) if one == other => (1, None),
            _ => (scan(a.size().most.min(b.size().most)), None),
        },
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual
            if is_text(&a.of) || is_text(&b.of) =>
        {
            (scan(a.size().most.min(b.size().most)), None)
        }
        Binary::In if matches!(b.of, Type::List(_) | Type::Dyn) => (b.size().most, None),
        Binary::Add => match (&a.of, &b.of) {
            (Type::List(_), _) | (_, Type::List(_)) => (1, Some(a.size().plus(b.size()))),
            (one, other) if is_text(one) || is_text(other) || one.is_dyn() && other.is_dyn() => {
                let size = a.size().plus(b.size());
                (scan(size.most), Some(size))
            }
            _ => (1, None),
        },
        _ => (1, None),
    }
}

/// What a function costs at most, without its values, and how large what it makes is. `item` is how large items of the
/// first value are.
pub(super) fn call(on: bool, name: &str, parts: &[Part], item: Size) -> (u64, Option<Size>) {
    let Some(of) = parts.first() else { return (1, None) };
    let (size, most) = (of.size(), of.size().most);
    let other = |at: usize| parts.get(at).map_or(Size::UNKNOWN, Part::size);
    let text_or_value = |cost: u64| match parts.get(1).map(|part| &part.of) {
        Some(Type::String) => cost.saturating_add(scan(other(1).most)),
        _ => cost,
    };
    match name {
        "check" if on => (ASKING, None),
        "fieldSelector" | "labelSelector" => (selector(other(1).most), None),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => match &of.of {
            Type::List(items) if is_text(items) => {
                (most.saturating_mul(scan(item.most).saturating_add(1)), None)
            }
            Type::List(_) => (most, None),
            _ => (scan(most), None),
        },
        "url" | "jsonpatch.escapeKey" | "lowerAscii" | "upperAscii" | "substring" | "trim" => {
            (scan(most), Some(size))
        }
        "replace" => (share(most, 2, 10), Some(replaced(size, other(1), other(2)))),
        "split" => {
            let parts = parts.get(2).and_then(|part| part.literal).unwrap_or(most);
            (share(most, 2, 10), Some(Size::up_to(parts)))
        }
        "join" => {
            let between = Size { least: size.least.saturating_sub(1), most: size.most.saturating_sub(1) };
            let texts = if matches!(of.of, Type::List(_)) { size.times(item) } else { Size::of(0) };
            let all = if parts.len() > 1 { texts.plus(other(1).times(between)) } else { texts };
            (scan(all.most), Some(all))
        }
        "find" | "findAll" => (search(most, other(1).most), Some(Size::up_to(most))),
        "matches" => (search(most, other(1).most), None),
        "contains" => (scan(most).saturating_mul(scan(other(1).most)), None),
        "startsWith" | "endsWith" => (scan(other(1).most), None),
        "format" => (scan(most), None),
        "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => (scan(most), None),
        "ip" if !on => (scan(most), None),
        "ip.isCanonical" => (share(most, 2, 10), None),
        // Of two addresses of 16 bytes.
        "containsIP" => (text_or_value(4), None),
        "containsCIDR" => (text_or_value(4 + 2 + 1), None),
        "validate" => (scan(other(1).most).saturating_mul(FORMAT_PATTERN / 4), None),
        "bytes" if matches!(of.of, Type::String) => {
            (scan(most), Some(Size { least: size.least, most: most.saturating_mul(4) }))
        }
        "string" if matches!(of.of, Type::Bytes) => (scan(most), Some(Size { least: size.least / 4, most })),
        "strings.quote" => {
            let quoted = |length: u64| length.saturating_mul(2).saturating_add(2);
            (scan(most), Some(Size { least: size.least.saturating_add(2), most: quoted(most) }))
        }
        "dyn" => (1, of.size),
        "sets.contains" | "sets.intersects" => (most.saturating_mul(other(1).most).saturating_add(1), None),
        "sets.equivalent" => (most.saturating_mul(other(1).most).saturating_mul(2).saturating_add(1), None),
        _ => listed(name, parts),
    }
}

/// The same of functions that make lists.
fn listed(name: &str, parts: &[Part]) -> (u64, Option<Size>) {
    let Some(of) = parts.first() else { return (1, None) };
    let (size, most) = (of.size(), of.size().most);
    let number = |at: usize| parts.get(at).and_then(|part| part.literal);
    match (name, &of.of) {
        ("slice", _) => {
            let count = number(2).unwrap_or(most).saturating_sub(number(1).unwrap_or(0));
            (list(count), Some(Size::of(count)))
        }
        ("lists.range", _) => {
            let count = of.literal.unwrap_or(u64::MAX);
            (list(count), Some(Size::of(count)))
        }
        ("reverse", Type::List(_)) => (list(most), Some(size)),
        ("flatten", _) => {
            let depth = if parts.len() > 1 { number(1).unwrap_or(u64::MAX) } else { 1 };
            (list(most.saturating_mul(depth)), Some(size))
        }
        ("distinct", _) => (pairs(most, false), Some(size.times(size))),
        ("sort", Type::List(items)) => (pairs(most, is_text(items)), Some(size.times(size))),
        _ => (1, None),
    }
}

/// How long a text gets in which another is replaced.
fn replaced(text: Size, from: Size, to: Size) -> Size {
    let (count, kept) = match from.least {
        // Nothing stands before and after each letter.
        0 => (text.most.saturating_add(1), text.most),
        least if to.most <= least => (0, text.most),
        least => (text.most.div_ceil(least), 0),
    };
    Size { least: 0, most: count.saturating_mul(to.most).saturating_add(kept) }
}

/// What it costs at most to walk over something: the test and the result cost so much for one item.
pub(super) fn walk(walk: Walk, over: &Part, test: u64, result: Option<u64>) -> u64 {
    let count = over.size().most;
    // Keeping an item: a list of one is made, and joined to what was kept.
    let keep = |item: u64| item.saturating_add(2 + LIST);
    let (before, step, after) = match (walk, result) {
        (Walk::All, _) => (0, test.saturating_add(3), 1),
        (Walk::Exists, _) => (0, test.saturating_add(4), 1),
        (Walk::ExistsOne, _) => (0, test.saturating_add(2), 2),
        (Walk::Filter, _) => (LIST, test.saturating_add(keep(1)), 1),
        (Walk::Map | Walk::TransformList, None) => (LIST, keep(test), 1),
        (Walk::Map | Walk::TransformList, Some(result)) => (LIST, test.saturating_add(keep(result)), 1),
        (Walk::TransformMap, None) => (MAP, test.saturating_add(3), 1),
        (Walk::TransformMap, Some(result)) => (MAP, test.saturating_add(result).saturating_add(3), 1),
        (Walk::TransformMapEntry, None) => (MAP, test.saturating_add(2), 1),
        (Walk::TransformMapEntry, Some(result)) => (MAP, test.saturating_add(result).saturating_add(2), 1),
        // Whether it is there, what it is, and that again as what may be missing.
        (Walk::OptMap | Walk::OptFlatMap, _) => {
            let made = if walk == Walk::OptMap { 1 } else { 0 };
            return over.cost.saturating_mul(2).saturating_add(test).saturating_add(2 + made + LIST);
        }
        (Walk::SortBy, _) => {
            let keys = count.saturating_mul(keep(test)).saturating_add(LIST + 2);
            return over
                .cost
                .saturating_add(keys)
                .saturating_add(LIST + 1)
                .saturating_add(pairs(count, false));
        }
    };
    over.cost.saturating_add(before).saturating_add(count.saturating_mul(step)).saturating_add(after)
}

/// How large a value is.
pub(super) fn size_of(value: &Doc) -> u64 {
    let size = match value {
        Doc::Str(text) => text.chars().count(),
        Doc::List(items) => items.len(),
        Doc::Map(map) => match (opened(value), as_optional(value)) {
            (_, Some(of)) => return of.map_or(1, size_of),
            (Some((kind, content)), _) if *kind == BYTES => content.str().chars().count(),
            (Some(_), _) => 1,
            (None, None) => map.entries().len(),
        },
        _ => 1,
    };
    size as u64
}

/// What an operator costs, without its sides.
pub(super) fn spent_on_operator(operator: Binary, a: &Doc, b: &Doc) -> u64 {
    let is_text =
        |value: &Doc| value.as_str().is_some() || opened(value).is_some_and(|(kind, _)| *kind == BYTES);
    match operator {
        Binary::And | Binary::Or => 0,
        Binary::Equal | Binary::NotEqual => scan(size_of(a).min(size_of(b))),
        Binary::Less | Binary::LessEqual | Binary::Greater | Binary::GreaterEqual if is_text(a) => {
            scan(size_of(a).min(size_of(b)))
        }
        Binary::In if b.as_map().is_none() => size_of(b),
        Binary::Add if is_text(a) => scan(size_of(a).saturating_add(size_of(b))),
        _ => 1,
    }
}

/// What a function costs, without its values.
pub(super) fn spent_on_call(on: bool, name: &str, values: &[Doc], made: &Doc) -> u64 {
    let Some(of) = values.first() else { return 1 };
    let size = size_of(of);
    let other = |at: usize| values.get(at).map_or(1, size_of);
    let text_or_value = |cost: u64| match values.get(1) {
        Some(Doc::Str(text)) => cost + scan(text.len() as u64),
        _ => cost,
    };
    let is_list = matches!(of, Doc::List(_));
    match name {
        "check" if on => ASKING,
        "fieldSelector" | "labelSelector" => selector(other(1)),
        "isSorted" | "sum" | "max" | "min" | "indexOf" | "lastIndexOf" => walked(of),
        "url" | "lowerAscii" | "upperAscii" | "substring" | "trim" | "jsonpatch.escapeKey" => scan(size),
        "replace" | "split" | "ip.isCanonical" => share(size, 2, 10),
        "join" => share(size_of(made), 2, 10),
        "find" | "findAll" | "matches" => search(size, other(1)),
        "contains" => scan(size).saturating_mul(scan(other(1))),
        "startsWith" | "endsWith" | "strings.quote" | "format" => scan(size),
        "cidr" | "isIP" | "isCIDR" | "quantity" | "isQuantity" | "semver" | "isSemver" => scan(size),
        "ip" if !on => scan(size),
        "string" | "bytes" if size != 1 => scan(size),
        "containsIP" => text_or_value(1),
        "containsCIDR" => text_or_value(3),
        "validate" if opened(of).is_some_and(|(kind, _)| *kind == FORMAT) => search(other(1), FORMAT_PATTERN),
        "sets.contains" | "sets.intersects" => size.saturating_mul(other(1)).saturating_add(1),
        "sets.equivalent" => size.saturating_mul(other(1)).saturating_mul(2).saturating_add(1),
        "slice" | "lists.range" => list(size_of(made)),
        "reverse" if is_list => list(size_of(made)),
        "flatten" => {
            let depth = values.get(1).and_then(Doc::as_i64).unwrap_or(1);
            list(size.saturating_mul(u64::try_from(depth).unwrap_or(0)))
        }
        "distinct" | "sort" if is_list => pairs(size, matches!(of.items().first(), Some(Doc::Str(_)))),
        _ => 1,
    }
}

/// A walk through all of a value.
fn walked(value: &Doc) -> u64 {
    match value {
        Doc::Str(text) => text.len() as u64 / 10,
        Doc::List(items) => items.iter().map(walked).sum(),
        Doc::Map(map) => map.entries().iter().map(|(key, value)| key.len() as u64 / 10 + walked(value)).sum(),
        _ => 1,
    }
}

/// What an item costs in a walk, beside its test and what comes of it.
pub(super) fn spent_on_item(walk: Walk, kept: bool) -> u64 {
    match walk {
        Walk::All => 3,
        Walk::Exists => 4,
        Walk::OptMap | Walk::OptFlatMap | Walk::TransformMap => 3,
        Walk::ExistsOne | Walk::TransformMapEntry => 2,
        Walk::Filter if kept => 3 + LIST,
        Walk::Map | Walk::TransformList | Walk::SortBy if kept => 2 + LIST,
        _ => 1,
    }
}
