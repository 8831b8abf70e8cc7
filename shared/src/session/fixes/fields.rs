//! Fields in other letters, and in another place than theirs.

use super::places::{self, Home, key};
use super::scene::{Fault, get, shifted, spaces};
use super::{Edit, Fix, words};
use crate::api::Kind;
use crate::doc::{Doc, Path, Segment};
use crate::manifest::{Position, Span};
use crate::schema::{FieldType, Type};

/// So many places are offered for a field.
const MOST: usize = 2;

/// The names on a path, as in `spec.template`.
fn named(path: &[Segment]) -> String {
    let names = path.iter().filter_map(|step| match step {
        Segment::Key(key) => Some(&**key),
        Segment::Index(_) => None,
    });
    names.collect::<Vec<_>>().join(".")
}

/// kubectl applies what has a name; what a server would draw letters for ends with a dash.
pub(super) fn drawn(fault: &Fault) -> Vec<Fix> {
    let (Some(document), Some(path), "cannot use generate name with apply") =
        (fault.document, &fault.path, fault.message)
    else {
        return Vec::new();
    };
    let mut edits = fault.put("name");
    let Span { start, end } = document.spans.value(path);
    let value = fault.lines.between(Span { start, end });
    let name = value.replace("-\"", "\"").trim_end_matches('-').to_owned();
    if name != value {
        edits.push(Edit { from: (start.line, start.column), to: (end.line, end.column), text: name });
    }
    vec![Fix::new("fix_rename", "name", edits)]
}

/// `Kind` and `apiversion`.
pub(super) fn other_letters(fault: &Fault) -> Vec<Fix> {
    let Some(field) = fault.message.strip_suffix(" not set") else { return Vec::new() };
    let Some(document) = fault.document else { return Vec::new() };
    let meant =
        document.doc.entries().iter().find(|(name, _)| name.eq_ignore_ascii_case(field) && **name != *field);
    let Some((name, _)) = meant else { return Vec::new() };
    let place = document.spans.key(&Path(vec![Segment::Key(name.clone())]));
    let (from, to) = ((place.start.line, place.start.column), (place.end.line, place.end.column));
    vec![Fix::new("fix_rename", field, vec![Edit { from, to, text: field.into() }])]
}

/// A version that is missing.
pub(super) fn version(fault: &Fault) -> Vec<Fix> {
    let ("apiVersion not set", Some(document)) = (fault.message, fault.document) else { return Vec::new() };
    let names = || document.doc.entries().iter().map(|(name, _)| name.as_str());
    let other = names().any(|name| name.eq_ignore_ascii_case("apiVersion") && name != "apiVersion");
    let kind = document.doc["kind"].str();
    let known = Kind::ALL.iter().map(|kind| kind.info()).find(|info| info.kind == &*kind);
    let (Some(info), false) = (known, other) else { return Vec::new() };
    let line = format!("apiVersion: {}", info.api_version());
    let Position { line: first, column } = document.spans.root().start;
    let at = (first, column);
    let text = format!("{line}\n{}", spaces(column as usize - 1));
    let edits = match names().any(|name| name == "apiVersion") {
        true => fault.added(&[], std::slice::from_ref(&line)),
        false => Some(vec![Edit { from: at, to: at, text }]),
    };
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", line, edits)])
}

/// A field that nobody knows here: its list, its name, its place, or none.
pub(super) fn unknown(fault: &Fault) -> Vec<Fix> {
    let Some((field, owner)) = fault.unknown() else { return Vec::new() };
    let Some(FieldType::Object(of)) = fault.field_type(owner) else { return Vec::new() };
    let mut fixes = Vec::new();
    if let Some((list, fields)) = places::list_of(fault, of, owner, field) {
        fixes.extend(listed(fault, owner, list, &fields));
    }
    let renamed = |name: &'static str| Fix::new("fix_rename", name, fault.put(name));
    if fixes.is_empty() {
        fixes.extend(places::near(fault, of, owner, field).map(renamed));
    }
    let homes = places::homes(fault, owner, field);
    fixes.extend(homes.iter().filter_map(|home| moved(fault, owner, home, field)).take(MOST));
    if fixes.is_empty() {
        fixes.extend(places::part(fault, of, owner, field).map(renamed));
        fixes.extend(joined(fault, of, owner, field));
    }
    fixes.extend(without(fault, owner, field));
    fixes
}

/// The lines of a field, with all below it and the comment above it.
fn with_comment(fault: &Fault, owner: &[Segment], field: &Segment) -> Option<(u32, u32, usize)> {
    let (mut first, last, column) = lines_of(fault, owner, field)?;
    let is_comment = |line: u32| {
        let text = fault.lines.get(line);
        text.len() - text.trim_start().len() == column && text.trim_start().starts_with('#')
    };
    while first > 1 && is_comment(first - 1) {
        first -= 1;
    }
    Some((first, last, column))
}

/// The lines of a field, with all below it; `None` where it shares a line with another.
fn lines_of(fault: &Fault, owner: &[Segment], field: &Segment) -> Option<(u32, u32, usize)> {
    let path = Path([owner, std::slice::from_ref(field)].concat());
    let place = fault.document?.spans.key(&path).start;
    let column = place.column as usize - 1;
    let start = fault.lines.start(place.line).filter(|start| start.outer == column && start.key == column)?;
    Some((place.line, fault.lines.last(place.line, start.outer), column))
}

/// Nothing knows it: it goes, unless the list item begins with it.
fn without(fault: &Fault, owner: &[Segment], field: &str) -> Option<Fix> {
    let (first, last, _) = lines_of(fault, owner, &key(field))?;
    // What holds nothing else would be left without a value.
    let alone = get(fault.root(), owner).entries().len() < 2;
    (!alone).then(|| Fix::new("fix_remove", field, vec![fault.lines.removed(first, last)]))
}

/// Several fields and where they stand.
struct Lost {
    lines: Vec<String>,
    /// From line to line; no two adjoin, so that none takes the other's line end.
    places: Vec<(u32, u32)>,
    column: usize,
}

impl Lost {
    fn new(fault: &Fault, owner: &[Segment], fields: &[Segment]) -> Option<Lost> {
        let found: Option<Vec<_>> = fields.iter().map(|field| with_comment(fault, owner, field)).collect();
        let mut found = found?;
        crate::collections::sort(&mut found);
        let column = found.first()?.2;
        let lines = found.iter().flat_map(|(first, last, _)| *first..=*last);
        let lines = lines.map(|line| shifted(fault.lines.get(line), -(column as isize))).collect();
        let mut places: Vec<(u32, u32)> = Vec::new();
        for (first, last, _) in found {
            match places.last_mut() {
                Some((_, end)) if *end + 1 >= first => *end = last.max(*end),
                _ => places.push((first, last)),
            }
        }
        Some(Lost { lines, places, column })
    }

    /// Other lines in their place.
    fn replaced(&self, fault: &Fault, lines: &[String]) -> Vec<Edit> {
        let [(first, last), others @ ..] = &self.places[..] else { return Vec::new() };
        let mut edits = vec![fault.lines.replaced(*first, *last, lines)];
        edits.extend(others.iter().map(|(first, last)| fault.lines.removed(*first, *last)));
        edits
    }

    /// They go from here, and `to` puts them elsewhere; `None` where that is within them.
    fn carried(&self, fault: &Fault, mut to: Vec<Edit>) -> Option<Vec<Edit>> {
        for &(first, last) in &self.places {
            let mut whole = fault.lines.replaced(first, last, &[]);
            let within = |edit: &Edit| (first..=last).contains(&edit.from.0);
            match to.iter().position(within) {
                // What comes right after them comes in their place.
                Some(at) if to[at].from == whole.to => {
                    whole.text = to[at].text.trim_start_matches('\n').to_owned();
                    to[at] = whole;
                }
                Some(_) => return None,
                None => to.push(fault.lines.removed(first, last)),
            }
        }
        Some(to)
    }

    /// The lines below some keys.
    fn below(&self, fault: &Fault, keys: &[Segment]) -> Vec<String> {
        let unit = fault.lines.unit();
        let at = |depth: usize| (self.column + depth * unit) as isize;
        let keys = keys.iter().enumerate();
        let mut lines: Vec<String> = keys
            .map(|(depth, step)| shifted(&format!("{}:", named(std::slice::from_ref(step))), at(depth)))
            .collect();
        let depth = lines.len();
        lines.extend(self.lines.iter().map(|line| shifted(line, at(depth))));
        lines
    }
}

/// It belongs to something beside it, of which one word is written: `service: blog` and `port: 80`.
fn joined(fault: &Fault, of: Type, owner: &[Segment], field: &str) -> Option<Fix> {
    let document = fault.document?;
    let (first, last, _) = lines_of(fault, owner, &key(field)).filter(|(first, last, _)| first == last)?;
    of.fields().iter().find_map(|one| {
        let FieldType::Object(below) = one.field_type() else { return None };
        let place = document.spans.value(&Path([owner, &[key(one.name)]].concat()));
        let word = matches!(get(fault.root(), owner)[one.name], Doc::Str(_) | Doc::Int(_));
        below.field(field).filter(|_| word)?;
        let said = words::field_of(below.name())?;
        let value = fault.lines.between(document.spans.value(&Path([owner, &[key(field)]].concat())));
        let text = format!("{{{said}: {}, {field}: {value}}}", fault.lines.between(place));
        let (from, to) = ((place.start.line, place.start.column), (place.end.line, place.end.column));
        let edits = vec![Edit { from, to, text }, fault.lines.removed(first, last)];
        Some(Fix::new("fix_move", named(&[owner, &[key(one.name)]].concat()), edits))
    })
}

/// The fields as the first item of a list.
fn listed(fault: &Fault, owner: &[Segment], list: &str, fields: &[Segment]) -> Option<Fix> {
    let lost = Lost::new(fault, owner, fields)?;
    let indent = spaces(lost.column);
    let mut lines = vec![format!("{indent}{list}:")];
    lines.extend(lost.lines.iter().enumerate().map(|(at, line)| {
        if at == 0 { format!("{indent}- {line}") } else { shifted(line, lost.column as isize + 2) }
    }));
    Some(Fix::new("fix_move", list, lost.replaced(fault, &lines)))
}

/// Moves the fields from `owner` to where they belong.
fn moved(fault: &Fault, owner: &[Segment], home: &Home, field: &str) -> Option<Fix> {
    let document = fault.document?;
    let target = &home.path[..];
    let name = match named(target) {
        name if name.is_empty() => document.doc["kind"].str().to_string(),
        name => name,
    };
    // It belongs to something around it: right after its place there.
    if let Some([step, ..]) = owner.strip_prefix(target) {
        let lost = Lost::new(fault, owner, &[key(field)])?;
        let (first, last) = lost.places[0];
        let around = document.spans.key(&Path([target, std::slice::from_ref(step)].concat())).start;
        let column = around.column as usize - 1;
        let end = fault.lines.last(around.line, column);
        let lines: Vec<String> = lost.lines.iter().map(|line| shifted(line, column as isize)).collect();
        let edits = if end == last {
            vec![fault.lines.replaced(first, last, &lines)]
        } else {
            vec![fault.lines.after(end, &lines), fault.lines.removed(first, last)]
        };
        return Some(Fix::new("fix_move", name, edits));
    }
    let lost = Lost::new(fault, owner, &home.fields)?;
    // What is to hold it is not there: it is put around it.
    let below = target.strip_prefix(owner).filter(|below| !owner_has(fault, owner, &below[0]));
    if let Some(below) = below {
        let lines = lost.below(fault, below);
        return Some(Fix::new("fix_move", name, lost.replaced(fault, &lines)));
    }
    let edits = lost.carried(fault, fault.added(target, &lost.lines)?)?;
    Some(Fix::new("fix_move", name, edits))
}

/// Whether a key is there, if only without a value.
fn owner_has(fault: &Fault, owner: &[Segment], step: &Segment) -> bool {
    let Segment::Key(key) = step else { return false };
    get(fault.root(), owner).as_map().is_some_and(|map| map.contains(key))
}
