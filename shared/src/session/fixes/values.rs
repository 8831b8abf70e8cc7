//! Values that are not what the field takes.

use super::Fix;
use super::scene::Fault;
use super::syntax::quoted;
use crate::api::core::secret::base64_encode;
use crate::api::parse_quantity;
use crate::collections::sort_by_key;
use crate::doc::{Doc, Segment};
use crate::schema::distance;

/// So many values are offered.
const MOST: usize = 4;

pub(super) fn unquoted(text: &str) -> &str {
    let inside = |quote| text.strip_prefix(quote).and_then(|text: &str| text.strip_suffix(quote));
    inside('"').or_else(|| inside('\'')).unwrap_or(text)
}

pub(super) fn one(says: &'static str, fault: &Fault, value: impl Into<String>) -> Vec<Fix> {
    let value = value.into();
    vec![Fix::new(says, value.clone(), fault.put(value))]
}

/// What stands in quotes in a message.
pub(super) fn listed(text: &str) -> Vec<&str> {
    text.split('"').skip(1).step_by(2).collect()
}

/// One of a few that the field takes.
pub(super) fn allowed(fault: &Fault) -> Vec<Fix> {
    let Some((said, list)) = fault.message.split_once(": supported values: ") else { return Vec::new() };
    let Some((_, value)) = said.split_once("Unsupported value: ") else { return Vec::new() };
    let written = unquoted(value).to_lowercase();
    if unquoted(fault.text()) != unquoted(value) {
        return Vec::new();
    }
    let mut list = listed(list);
    sort_by_key(&mut list, |one| distance(&written, &one.to_lowercase()));
    list.iter().take(MOST).flat_map(|value| one("fix_value", fault, *value)).collect()
}

/// One of two, where the whole object is named: `must be 'RollingUpdate' or 'OnDelete'`.
pub(super) fn of_two(fault: &Fault) -> Vec<Fix> {
    let said = fault.message.rsplit_once(": must be '").and_then(|(_, said)| said.strip_suffix('\''));
    let (Some((one, two)), Some(document), Some(path)) =
        (said.and_then(|said| said.split_once("' or '")), fault.document, &fault.path)
    else {
        return Vec::new();
    };
    let mut path = path.clone();
    if matches!(fault.value(), Doc::Map(_)) {
        path.0.push(Segment::Key("type".into()));
    }
    let place = document.spans.value(&path);
    let edit = |text: &str| super::Edit {
        from: (place.start.line, place.start.column),
        to: (place.end.line, place.end.column),
        text: text.to_owned(),
    };
    [one, two].iter().map(|value| Fix::new("fix_value", *value, vec![edit(value)])).collect()
}

/// Text where a number is wanted, and the other way round.
pub(super) fn of_another_type(fault: &Fault) -> Vec<Fix> {
    let Some(rest) = fault.message.strip_prefix("json: cannot unmarshal ") else { return Vec::new() };
    let (found, text) = (rest.split(' ').next().unwrap_or(""), fault.text());
    let wanted = rest.rsplit(' ').next().unwrap_or("");
    let bare = unquoted(text);
    if text.is_empty() || wanted.starts_with("[]") || wanted.starts_with("map[") {
        return Vec::new();
    }
    if matches!(found, "number" | "bool") && wanted.contains("string") {
        return vec![Fix::new("fix_quote", "", fault.put(quoted(bare)))];
    }
    if found != "string" {
        return Vec::new();
    }
    let switch = [("true", ["true", "yes", "on"]), ("false", ["false", "no", "off"])];
    if wanted == "bool" {
        let meant = switch.iter().find(|(_, words)| words.contains(&&*bare.to_lowercase()));
        return meant.map_or_else(Vec::new, |(value, _)| one("fix_value", fault, *value));
    }
    let digits = bare.len() - bare.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    if !wanted.starts_with("int") || digits == 0 {
        return Vec::new();
    }
    let (number, rest) = bare.split_at(digits);
    match rest.strip_prefix(':') {
        _ if rest.is_empty() && bare != text => vec![Fix::new("fix_unquote", "", fault.put(number))],
        // Ports as Docker writes them.
        Some(target) if fault.key() == "port" && target.parse::<u16>().is_ok() => {
            let start = fault.lines.start(fault.line).map_or(0, |start| start.key);
            let both = format!("{number}\n{}targetPort: {target}", " ".repeat(start));
            vec![Fix::new("fix_value", format!("port: {number}, targetPort: {target}"), fault.put(both))]
        }
        _ => one("fix_value", fault, number),
    }
}

/// Units as people write them, and what Kubernetes calls them.
const UNITS: &[(&str, &[&str])] = &[
    ("", &["b", "byte", "bytes"]),
    ("k", &["kb", "k", "kilobytes"]),
    ("Ki", &["kib", "ki"]),
    ("M", &["mb", "m", "meg", "megabyte", "megabytes"]),
    ("Mi", &["mib", "mi"]),
    ("G", &["gb", "g", "gig", "gigabyte", "gigabytes"]),
    ("Gi", &["gib", "gi"]),
    ("T", &["tb", "t", "terabyte", "terabytes"]),
    ("Ti", &["tib", "ti"]),
];

/// The same of CPUs: no word means millions of them.
const UNITS_OF_CPU: &[(&str, &[&str])] = &[
    ("", &["c", "core", "cores", "cpu", "cpus", "vcpu", "vcpus"]),
    ("m", &["m", "mi", "mc", "millis", "millicore", "millicores", "millicpu", "millicpus", "mcpu"]),
];

/// `512mb`, `0.5 cores`, `0,5`.
pub(super) fn amount(fault: &Fault) -> Vec<Fix> {
    let of_amounts = ["quantities must match", "unable to parse quantity"];
    if !of_amounts.iter().any(|words| fault.message.contains(words)) {
        return Vec::new();
    }
    let text = unquoted(fault.text()).trim().replace(',', ".");
    let number = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
    let (number, unit) = text.split_at(number);
    let unit = unit.trim().to_lowercase();
    let units = if fault.key().ends_with("cpu") { UNITS_OF_CPU } else { UNITS };
    let known = units.iter().find(|(_, words)| words.contains(&&*unit)).map(|(unit, _)| *unit);
    let Some(unit) = known.or(unit.is_empty().then_some("")) else { return Vec::new() };
    // Megabytes are what was written, mebibytes often what was meant.
    let both = [Some(String::new()), matches!(unit, "M" | "G" | "T").then(|| "i".to_owned())];
    both.into_iter()
        .flatten()
        .map(|binary| format!("{number}{unit}{binary}"))
        .filter(|amount| parse_quantity(amount).is_some())
        .flat_map(|amount| one("fix_value", fault, amount))
        .collect()
}

/// A name with letters that names do not have; the same for labels.
pub(super) fn name(fault: &Fault) -> Vec<Fix> {
    let Some((_, said)) = fault.message.split_once("Invalid value: \"") else { return Vec::new() };
    let Some((value, why)) = said.split_once("\": ") else { return Vec::new() };
    let (lower, dots, letter) = match why {
        _ if why.starts_with("a lowercase RFC 1123 subdomain") => (true, true, false),
        _ if why.starts_with("a lowercase RFC 1123 label") => (true, false, false),
        _ if why.starts_with("a DNS-1035 label") => (true, false, true),
        _ if why.starts_with("a valid label must be") => (false, true, false),
        _ => return Vec::new(),
    };
    let mut mended = String::new();
    for c in value.chars() {
        let c = if lower { c.to_ascii_lowercase() } else { c };
        let fits = c.is_ascii_alphanumeric() || dots && c == '.' || !lower && c == '_';
        if fits {
            mended.push(c);
        } else if !mended.ends_with(['-', '.']) {
            mended.push('-');
        }
    }
    let mended = mended.trim_matches(['-', '.', '_']);
    let mended = if letter { mended.trim_start_matches(|c: char| !c.is_ascii_lowercase()) } else { mended };
    if mended.is_empty() || mended == value {
        return Vec::new();
    }
    // A label's message marks all labels; what selects by it says the same elsewhere in the object.
    let (first, last) = match fault.document.map(|document| document.spans.root()) {
        Some(root) if !lower => (root.start.line, root.end.line),
        _ => (fault.line, fault.line),
    };
    let places = (first..=last).filter_map(|line| {
        let text = fault.lines.get(line);
        let (key, written) = text.split_once(": ")?;
        let start = key.len() + 2 + (written.len() - written.trim_start().len());
        let written = written.trim();
        (unquoted(written) == value).then(|| {
            let from = text[..start].chars().count() as u32 + 1;
            let to = (line, from + written.chars().count() as u32);
            super::Edit { from: (line, from), to, text: mended.to_owned() }
        })
    });
    let edits: Vec<super::Edit> = places.collect();
    if edits.is_empty() && unquoted(fault.text()) == value {
        return one("fix_value", fault, mended);
    }
    if edits.is_empty() { Vec::new() } else { vec![Fix::new("fix_value", mended, edits)] }
}

/// Numbers out of bounds, and ports that are numbers in quotes.
pub(super) fn bounds(fault: &Fault) -> Vec<Fix> {
    let (text, message) = (fault.text(), fault.message);
    let bare = unquoted(text);
    if message.ends_with("must contain at least one letter (a-z)")
        && bare.parse::<u16>().is_ok()
        && bare != text
    {
        return vec![Fix::new("fix_unquote", "", fault.put(bare))];
    }
    if message.ends_with("must be greater than or equal to 0") && bare.starts_with('-') {
        return one("fix_value", fault, bare.trim_start_matches('-'));
    }
    if message.contains("The range of valid ports is 30000-32767") {
        let wanted = bare.parse::<u32>().unwrap_or(0);
        return one("fix_value", fault, (30_000 + wanted % 1000).to_string());
    }
    // What is asked for is more than what is allowed.
    if let Some((_, limit)) = message.split_once("must be less than or equal to ")
        && let Some((resource, limit)) = limit.split_once(" limit of ")
        && let (Doc::Map(_), Some((last, _))) = (fault.value(), fault.end)
    {
        let key = format!("{resource}:");
        let found = (fault.line..=last).find_map(|line| {
            let text = fault.lines.get(line);
            let at = text.find(&key)?;
            let value = text[at + key.len()..].trim();
            let from = text.len() - text[at + key.len()..].trim_start().len();
            (!value.is_empty() && !value.contains([',', '}', '#'])).then(|| super::Edit {
                from: (line, from as u32 + 1),
                to: (line, (from + value.len()) as u32 + 1),
                text: limit.to_owned(),
            })
        });
        return found.map_or_else(Vec::new, |edit| vec![Fix::new("fix_value", limit, vec![edit])]);
    }
    Vec::new()
}

/// A path that begins nowhere.
pub(super) fn absolute(fault: &Fault) -> Vec<Fix> {
    let text = unquoted(fault.text()).trim_start_matches("./");
    if !fault.message.ends_with("must be an absolute path") || text.is_empty() {
        return Vec::new();
    }
    one("fix_value", fault, format!("/{text}"))
}

/// A Secret's value as it is, where base64 is wanted.
pub(super) fn encoded(fault: &Fault) -> Vec<Fix> {
    let Doc::Str(value) = fault.value() else { return Vec::new() };
    if !fault.message.starts_with("illegal base64 data") || fault.text().is_empty() {
        return Vec::new();
    }
    vec![Fix::new("fix_encode", "", fault.put(base64_encode(value.as_bytes())))]
}
