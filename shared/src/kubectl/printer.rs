//! Objects in the formats of `-o`.

use crate::api::quantity::parse_quantity;
use crate::doc::Doc;
use crate::manifest;

use super::Ask;
use super::args::Args;
use super::go_sort;
use super::io::{Io, Stop};
use super::jsonpath::{JsonPath, Template, go_value};
use super::kyaml::to_kyaml;
use super::tabs::{WIDE, align, visible};
use super::template::GoTemplate;
use super::typed::{self, Ordered};

/// What `-o` asks for, where it is no table of the server's.
pub(super) enum Format {
    Json,
    Yaml,
    Kyaml,
    Name,
    JsonPath(Template),
    JsonPathAsJson(Template),
    /// Headings and paths.
    Columns(Vec<(String, JsonPath)>),
    /// Headings, and why what stands under them cannot be read: that comes out after them.
    BadColumns(Vec<String>, String),
    /// A template, and whether it may name what is not there.
    Go(GoTemplate, bool),
}

/// How much is printed of what paths lead to, and in a single cell, in bytes.
const LONGEST: usize = 16 << 20;
const LONGEST_CELL: usize = 1 << 20;

/// The formats that every verb knows which prints objects, and those that only `get` knows.
const ALLOWED: [&str; 11] = [
    "go-template",
    "go-template-file",
    "json",
    "jsonpath",
    "jsonpath-as-json",
    "jsonpath-file",
    "kyaml",
    "name",
    "template",
    "templatefile",
    "yaml",
];
const COLUMNS: [&str; 3] = ["custom-columns", "custom-columns-file", "wide"];

/// The refusal of a format.
fn unknown(format: &str, columns: bool) -> String {
    let mut allowed = ALLOWED.to_vec();
    allowed.extend(columns.then_some(COLUMNS).into_iter().flatten());
    crate::collections::sort(&mut allowed);
    format!(
        "unable to match a printer suitable for the output format {format:?}, allowed formats are: {}",
        allowed.join(",")
    )
}

impl Format {
    /// The format that the flags ask for; none where they ask for none, or for the server's table.
    pub fn asked(args: &Args, io: &mut Io<'_>) -> Result<Option<Format>, Stop> {
        let (output, template) = (args.get("output").unwrap_or(""), args.get("template").unwrap_or(""));
        let (name, joined) = output.split_once('=').unwrap_or((output, ""));
        // The server's table alone is called by exactly its name.
        if name != "wide" && name.eq_ignore_ascii_case("wide") || name == "wide" && !joined.is_empty() {
            return Err(io.fail(unknown(output, args.has_columns())));
        }
        let name = name.to_lowercase();
        if !args.has_columns() && (name.starts_with("custom-columns") || name == "wide") {
            return Err(io.fail(unknown(output, false)));
        }
        if output.starts_with('=') {
            return Err(io.fail(unknown(output, args.has_columns())));
        }
        let name = name.as_str();
        let given = if template.is_empty() { joined } else { template };
        match (name, given) {
            ("", "") | ("wide", _) => Ok(None),
            ("" | "go-template" | "template", text) => Format::go(text, args, io).map(Some),
            ("go-template-file" | "templatefile", "") => Format::go("", args, io).map(Some),
            ("go-template-file" | "templatefile", path) => {
                let text = file("--template", path, io)?;
                Format::go(&text, args, io).map(Some)
            }
            ("jsonpath-file", path) if !path.is_empty() => {
                let text = file("--template", path, io)?;
                Format::read("jsonpath", &text, args, io).map(Some)
            }
            ("custom-columns-file", path) if !path.is_empty() => {
                let text = file("template", path, io)?;
                Ok(Some(columns_of_file(&text).map_err(|why| io.fail(why))?))
            }
            ("json" | "yaml" | "kyaml" | "name", given) if !given.is_empty() && template.is_empty() => {
                Format::read(output, "", args, io).map(Some)
            }
            (name, given) => Format::read(name, given, args, io).map(Some),
        }
    }

    fn go(text: &str, args: &Args, io: &mut Io<'_>) -> Result<Format, Stop> {
        if text.is_empty() {
            return Err(io.fail("template format specified but no template given"));
        }
        let template = GoTemplate::parse(text).map_err(|why| io.fail(why))?;
        Ok(Format::Go(template, args.get("allow-missing-template-keys") != Some("false")))
    }

    fn read(name: &str, given: &str, args: &Args, io: &mut Io<'_>) -> Result<Format, Stop> {
        let format = Format::named(name, given, args.has_columns()).map_err(|why| io.fail(why))?;
        let strict = args.get("allow-missing-template-keys") == Some("false");
        Ok(match format {
            Format::JsonPath(template) => Format::JsonPath(template.strictly(strict)),
            Format::JsonPathAsJson(template) => Format::JsonPathAsJson(template.strictly(strict)),
            other => other,
        })
    }

    /// A format by its name and what it says; the error is what stands after `error: `.
    fn named(name: &str, given: &str, columns: bool) -> Result<Format, String> {
        let text = if given.is_empty() { name.to_owned() } else { format!("{name}={given}") };
        match name {
            "json" => Ok(Format::Json),
            "yaml" => Ok(Format::Yaml),
            "kyaml" => Ok(Format::Kyaml),
            "name" => Ok(Format::Name),
            "jsonpath" | "jsonpath-as-json" | "jsonpath-file" if given.is_empty() => {
                Err("template format specified but no template given".into())
            }
            "jsonpath" => Template::parse(given).map(Format::JsonPath),
            "jsonpath-as-json" => Template::parse(given).map(Format::JsonPathAsJson),
            "custom-columns" => self::columns(given),
            "custom-columns-file" => Err("custom-columns-file format specified but no file given".into()),
            _ => Err(unknown(&text, columns)),
        }
    }

    /// Prints an object, or a `List` of them, or says why that is not possible.
    pub fn show(&self, whole: &Doc, headers: bool, io: &mut Io<'_>) -> Result<(), Stop> {
        if let Some(why) = self.fault(whole) {
            io.print(&align(&headings(self, headers), WIDE));
            return Err(io.fail(why));
        }
        if let Format::Columns(columns) = self {
            // What stands above an object that has not what a path names is printed.
            let items = items_of(whole);
            let fault = |item: &Doc| columns.iter().find_map(|(_, path)| path.refusal(item));
            let wrong = items.iter().enumerate().find_map(|(at, item)| Some((at, fault(item)?)));
            if let Some((at, why)) = wrong {
                io.print(&self.table(columns, &items[..at], headers));
                return Err(io.fail(why));
            }
        }
        if let Format::Go(template, missing_allowed) = self {
            return match template.print(whole, *missing_allowed) {
                Ok(text) => {
                    io.print(&text);
                    Ok(())
                }
                Err((text, why)) => {
                    io.print(&text);
                    Err(io.fail(why))
                }
            };
        }
        if let Format::Yaml = self {
            io.separate();
        }
        io.print(&self.print(whole, headers));
        Ok(())
    }

    /// The same of an object that kubectl holds as a Go struct.
    pub fn show_typed(&self, object: &Doc, io: &mut Io<'_>) -> Result<(), Stop> {
        match self {
            Format::Json => io.print(&typed::json(object)),
            Format::Kyaml => io.print(&to_kyaml(&Ordered::typed(object))),
            other => return other.show(object, true, io),
        }
        Ok(())
    }

    /// What columns say of objects.
    fn table(&self, columns: &[(String, JsonPath)], items: &[Doc], headers: bool) -> String {
        let mut text = headings(self, headers);
        for item in items {
            for (at, (_, path)) in columns.iter().enumerate() {
                text.push_str(if at > 0 { "\t" } else { "" });
                if text.len() < LONGEST {
                    text.push_str(&cell(&path.find(item)));
                }
            }
            text.push('\n');
        }
        align(&text, WIDE)
    }

    /// Why something cannot be printed so.
    fn fault(&self, whole: &Doc) -> Option<String> {
        match self {
            Format::JsonPath(template) | Format::JsonPathAsJson(template) => template.fault(whole),
            Format::BadColumns(_, why) => Some(why.clone()),
            _ => None,
        }
    }

    /// One object, or a `List` of them.
    pub fn print(&self, whole: &Doc, headers: bool) -> String {
        match self {
            Format::Json => format!("{}\n", whole.to_json_pretty()),
            Format::Yaml => manifest::to_yaml(whole),
            Format::Kyaml => to_kyaml(&Ordered::plain(whole)),
            Format::Name | Format::BadColumns(..) => String::new(),
            Format::Go(template, missing_allowed) => {
                template.print(whole, *missing_allowed).unwrap_or_else(|(printed, _)| printed)
            }
            Format::JsonPath(template) => template.print(whole),
            Format::JsonPathAsJson(template) => {
                let (mut text, mut left) = (String::new(), LONGEST);
                for found in template.find(whole) {
                    let shown = printable(&found, &mut left);
                    text.push_str(&format!("{}\n", Doc::list(shown).to_json_pretty()));
                    if shown.len() < found.len() {
                        break;
                    }
                }
                text
            }
            Format::Columns(columns) => self.table(columns, items_of(whole), headers),
        }
    }
}

/// The objects of a List, or the one that there is.
fn items_of(whole: &Doc) -> &[Doc] {
    match whole["items"] {
        Doc::List(_) => whole["items"].items(),
        _ => std::slice::from_ref(whole),
    }
}

/// The line above columns, where it is wanted.
fn headings(format: &Format, wanted: bool) -> String {
    let headings: Vec<&str> = match format {
        Format::Columns(columns) if wanted => columns.iter().map(|(heading, _)| heading.as_str()).collect(),
        Format::BadColumns(headings, _) if wanted => headings.iter().map(String::as_str).collect(),
        _ => return String::new(),
    };
    format!("{}\n", headings.join("\t"))
}

/// The text of a file that lies with the person.
fn file(flag: &str, path: &str, io: &mut Io<'_>) -> Result<String, Stop> {
    let text = io.ask(Ask::Load(path.into()))?;
    if text.is_empty() {
        return Err(io.fail(format!("error reading {flag} {path}, open {path}: no such file or directory")));
    }
    Ok(text.to_string())
}

/// Two lines: headings, and under each its path.
fn columns_of_file(text: &str) -> Result<Format, String> {
    let mut lines = text.lines().map(str::split_whitespace);
    let (Some(headings), Some(paths)) = (lines.next(), lines.next()) else {
        return Err("custom-columns format specified but no custom columns given".into());
    };
    let (headings, paths): (Vec<_>, Vec<_>) = (headings.collect(), paths.collect());
    if headings.len() != paths.len() {
        return Err(format!(
            "number of headers ({}) and field specifications ({}) don't match",
            headings.len(),
            paths.len()
        ));
    }
    of_columns(&headings.into_iter().zip(paths).collect::<Vec<_>>())
}

fn cell(found: &[Doc]) -> String {
    if found.is_empty() {
        return "<none>".into();
    }
    visible(&printable(found, &mut { LONGEST_CELL }).iter().map(go_value).collect::<Vec<_>>().join(","))
}

/// What was found, as far as it can be printed: a path may lead to all of an object again and again.
fn printable<'a>(found: &'a [Doc], left: &mut usize) -> &'a [Doc] {
    let fits = found.iter().take_while(|doc| spend(doc, left)).count();
    &found[..fits]
}

/// Whether there is room for the text of a value, about.
fn spend(doc: &Doc, left: &mut usize) -> bool {
    let own = match doc {
        Doc::Str(text) => 2 + text.len(),
        _ => 2,
    };
    let Some(rest) = left.checked_sub(own) else { return false };
    *left = rest;
    doc.items().iter().all(|item| spend(item, left))
        && doc.entries().iter().all(|(_, value)| spend(value, left))
}

/// `NAME:.metadata.name,IMAGE:.spec.containers[0].image`
fn columns(text: &str) -> Result<Format, String> {
    if text.is_empty() {
        return Err("custom-columns format specified but no custom columns given".into());
    }
    // Each is looked at before the next one is.
    let column = |part| {
        let column = str::split_once(part, ':').ok_or_else(|| {
            format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        })?;
        dotted(column.1)?;
        Ok::<_, String>(column)
    };
    of_columns(&text.split(',').map(column).collect::<Result<Vec<_>, String>>()?)
}

/// Columns by their headings and paths.
fn of_columns(columns: &[(&str, &str)]) -> Result<Format, String> {
    let mut read = Vec::new();
    let mut wrong = None;
    for (heading, path) in columns {
        match JsonPath::parse_bare(&dotted(path)?) {
            Ok(path) => read.push(((*heading).to_owned(), path)),
            Err(why) => wrong = wrong.or(Some(why)),
        }
    }
    let headings = || columns.iter().map(|(heading, _)| (*heading).to_owned()).collect();
    Ok(match wrong {
        Some(why) => Format::BadColumns(headings(), why),
        None => Format::Columns(read),
    })
}

/// A path of which braces and the first dot may be missing.
pub(super) fn relaxed(text: &str) -> Result<JsonPath, String> {
    JsonPath::parse(&dotted(text)?)
}

/// The same as kubectl writes it.
pub(super) fn braced(text: &str) -> Result<String, String> {
    Ok(format!("{{{}}}", dotted(text)?))
}

/// The same with its dot, and without braces.
fn dotted(text: &str) -> Result<String, String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    if inner.contains(['{', '}']) {
        return Err(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                .into(),
        );
    }
    Ok(if inner.starts_with(['.', '[']) { inner.to_owned() } else { format!(".{inner}") })
}

/// Sorts items by what a path finds in the object of each.
pub(super) fn sort_items<T>(items: &mut [T], by: &str, object: fn(&T) -> &Doc) -> Result<(), String> {
    let path = relaxed(by)?;
    let key = |item: &T| path.find(object(item)).into_iter().next();
    if items.len() > 1 && items.iter().all(|item| key(item).is_none()) {
        return Err(format!("couldn't find any field with path {:?} in the list of objects", braced(by)?));
    }
    let less = |one: &T, two: &T| match (key(one), key(two)) {
        // What lacks it is less than all, than what lacks it as well, too: that shows in the order.
        (None, _) => true,
        (_, None) => false,
        (Some(one), Some(two)) => order(&one, &two).is_lt(),
    };
    go_sort::sort(items, less);
    Ok(())
}

/// Numbers by size, quantities by amount, text by its letters.
fn order(one: &Doc, two: &Doc) -> std::cmp::Ordering {
    if let (Some(one), Some(two)) = (one.as_i64(), two.as_i64()) {
        return one.cmp(&two);
    }
    let (one, two) = (super::jsonpath::print(one), super::jsonpath::print(two));
    match (parse_quantity(&one), parse_quantity(&two)) {
        (Some(one), Some(two)) => one.cmp(&two),
        _ => one.cmp(&two),
    }
}
