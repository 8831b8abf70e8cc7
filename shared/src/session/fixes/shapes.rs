//! A map where a list is wanted, a list where a map is, one value where there may be several.

use super::scene::{Fault, Start, byte, shifted, spaces};
use super::syntax::quoted;
use super::{Edit, Fix, words};
use crate::doc::{Doc, Segment};
use crate::schema::FieldType;

/// What the decoder found and what it wanted.
pub(super) fn mismatch<'a>(fault: &'a Fault) -> Option<(&'a str, &'a str)> {
    let rest = fault.message.strip_prefix("json: cannot unmarshal ")?;
    Some((rest.split(' ').next()?, rest.rsplit(' ').next()?))
}

/// Whether the value begins a block: `(its first line, its last, its column)`.
fn block(fault: &Fault) -> Option<(u32, u32, usize)> {
    let line = fault.lines.get(fault.line);
    let marked = fault.column as usize - 1;
    let Start { outer, key } = fault.lines.start(fault.line)?;
    // A list below its key, and no further to the right, begins behind its first dash.
    let is_list = matches!(fault.value(), Doc::List(_));
    let column = if is_list && marked == key { outer } else { marked };
    if line[byte(line, column)..].starts_with(['{', '[']) || outer != column {
        return None;
    }
    let mut last = fault.line;
    for next in fault.line + 1..=fault.lines.count() {
        let Some(start) = fault.lines.start(next) else { continue };
        if start.outer < column || is_list && start.outer == column && start.key == start.outer {
            break;
        }
        last = next;
    }
    Some((fault.line, last, column))
}

/// Something else where a list is wanted.
pub(super) fn list(fault: &Fault) -> Vec<Fix> {
    let Some((found, wanted)) = mismatch(fault) else { return Vec::new() };
    if !wanted.starts_with("[]") {
        return Vec::new();
    }
    let edits = match (found, fault.value()) {
        ("object", Doc::Map(_)) => block(fault).and_then(|block| items(fault, block)),
        // A command is a list of words.
        ("string", Doc::Str(line))
            if matches!(fault.key(), "command" | "args") && !line.contains(['"', '\'', '$']) =>
        {
            let words: Vec<String> = line.split_whitespace().map(quoted).collect();
            Some(fault.put(format!("[{}]", words.join(", "))))
        }
        ("string" | "number" | "bool", _) if !fault.text().is_empty() => {
            let text = fault.text();
            if let Some(object) = words::object(fault, wanted) {
                return vec![Fix::new("fix_list", "", fault.put(format!("[{object}]")))];
            }
            let text = if found != "string" && wanted == "[]string" { quoted(text) } else { text.to_owned() };
            Some(fault.put(format!("[{text}]")))
        }
        _ => None,
    };
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_list", "", edits)])
}

/// The lines of a mapping as items of a list.
fn items(fault: &Fault, (first, last, column): (u32, u32, usize)) -> Option<Vec<Edit>> {
    let path = &fault.path.as_ref()?.0;
    let FieldType::List(element) = fault.field_type(path)? else { return None };
    let FieldType::Object(of) = element.get() else { return None };
    let entries = fault.value().entries();
    let lines = (first..=last).map(|line| fault.lines.get(line));
    if entries.iter().all(|(key, _)| of.field(key).is_some()) {
        // One item: a dash before its first key.
        let lines: Vec<String> = lines
            .enumerate()
            .map(|(at, line)| {
                if at == 0 { format!("{}- {}", spaces(column), line.trim_start()) } else { shifted(line, 2) }
            })
            .collect();
        return Some(vec![fault.lines.replaced(first, last, &lines)]);
    }
    // Items by their names: `shop: {image: nginx}`, `MODE: fast`.
    of.field("name")?;
    let named = |line: &str| {
        let start = line.len() - line.trim_start().len();
        let (key, value) = line.trim_start().split_once(':')?;
        let value = value.trim();
        Some((start == column, key.to_owned(), value.to_owned()))
    };
    let mut made = Vec::new();
    for line in lines {
        match named(line) {
            Some((true, key, value)) => {
                made.push(format!("{}- name: {key}", spaces(column)));
                let scalar = !value.is_empty() && !value.starts_with(['{', '[', '&', '|', '>']);
                match (scalar, of.field("value").map(|field| field.field_type())) {
                    (true, Some(FieldType::String)) => {
                        let plain = matches!(fault.value().get(&key), Doc::Str(_));
                        let value = if plain { value } else { quoted(&value) };
                        made.push(format!("{}value: {value}", spaces(column + 2)));
                    }
                    _ if value.is_empty() => {}
                    _ => return None,
                }
            }
            _ => made.push(shifted(line, 0)),
        }
    }
    Some(vec![fault.lines.replaced(first, last, &made)])
}

/// A list where a map is wanted.
pub(super) fn map(fault: &Fault) -> Vec<Fix> {
    let Some(("array", wanted)) = mismatch(fault) else { return Vec::new() };
    let maps = fault.value().items().iter().all(|item| matches!(item, Doc::Map(_)));
    let mut keys: Vec<&str> =
        fault.value().items().iter().flat_map(|item| item.entries().iter().map(|(key, _)| &**key)).collect();
    let count = keys.len();
    crate::collections::sort(&mut keys);
    keys.dedup();
    if wanted.starts_with("[]") || !maps || keys.is_empty() || keys.len() < count {
        return Vec::new();
    }
    let Some((first, last, column)) = block(fault) else { return Vec::new() };
    let lines: Vec<String> = (first..=last)
        .map(|line| {
            let text = fault.lines.get(line);
            match fault.lines.start(line) {
                Some(start) if start.outer == column && start.key > column => {
                    format!("{} {}", spaces(column), &text[column + 1..])
                }
                _ => text.to_owned(),
            }
        })
        .collect();
    vec![Fix::new("fix_map", "", vec![fault.lines.replaced(first, last, &lines)])]
}

/// A level too many: `matchLabels` in the selector of a Service.
pub(super) fn unwrapped(fault: &Fault) -> Vec<Fix> {
    let (Some(("object", "string")), Some((first, last, column))) = (mismatch(fault), block(fault)) else {
        return Vec::new();
    };
    let key = fault.key();
    let above =
        fault.document.zip(fault.path.as_ref()).map(|(document, path)| document.spans.key(path).start);
    let Some(above) = above.filter(|_| key == "matchLabels") else { return Vec::new() };
    let by = above.column as isize - 1 - column as isize;
    let lines: Vec<String> = (first..=last).map(|line| shifted(fault.lines.get(line), by)).collect();
    vec![Fix::new("fix_remove", key, vec![fault.lines.replaced(above.line, last, &lines)])]
}

/// Several lines where text is wanted: a list of one is that one, the rest is text as it stands.
pub(super) fn text(fault: &Fault) -> Vec<Fix> {
    let Some(("object" | "array", "string")) = mismatch(fault) else { return Vec::new() };
    let (Some(document), Some(path)) = (fault.document, &fault.path) else { return Vec::new() };
    let Some((first, last, column)) = block(fault) else {
        return match (fault.value().items(), fault.text()) {
            ([Doc::Str(one)], text) if !text.is_empty() => {
                vec![Fix::new("fix_value", &**one, fault.put(&**one))]
            }
            (_, text) if !text.is_empty() => vec![Fix::new("fix_quote", "", fault.put(quoted(text)))],
            _ => Vec::new(),
        };
    };
    let above = document.spans.key(path).start;
    let opening = fault.lines.get(above.line).trim_end();
    if !opening.ends_with(':') || above.line >= first {
        return Vec::new();
    }
    if let [Doc::Str(one)] = fault.value().items() {
        let line = format!("{opening} {}", fault.lines.get(last)[column..].trim_start_matches(['-', ' ']));
        return vec![Fix::new("fix_value", &**one, vec![fault.lines.replaced(above.line, last, &[line])])];
    }
    // Only settings are texts of many lines.
    let settings = ["data", "stringData", "annotations"];
    let owner = path.0.iter().rev().nth(1);
    if !owner.is_some_and(|owner| matches!(owner, Segment::Key(key) if settings.contains(&&**key))) {
        return Vec::new();
    }
    let deeper = (above.column as usize).saturating_sub(column) + usize::from(column < above.column as usize);
    let mut lines = vec![format!("{opening} |")];
    let whole = (above.line + 1..=last).map(|line| shifted(fault.lines.get(line), deeper as isize));
    lines.extend(whole);
    vec![Fix::new("fix_text", "", vec![fault.lines.replaced(above.line, last, &lines)])]
}
