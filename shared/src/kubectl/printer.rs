//! Objects in the formats of `-o`.

use crate::api::quantity::parse_quantity;
use crate::collections::sort_by;
use crate::doc::Doc;
use crate::manifest;

use super::describe::values::go_value;
use super::jsonpath::{JsonPath, Template};
use super::tabs::{WIDE, align, visible};

/// What `-o` asks for, where it is no table of the server's.
pub(super) enum Format {
    Json,
    Yaml,
    Name,
    JsonPath(Template),
    JsonPathAsJson(Template),
    /// Headings and paths.
    Columns(Vec<(String, JsonPath)>),
}

/// The formats that `get` knows, as its refusal lists them.
const ALLOWED: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,\
                       jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

impl Format {
    /// Reads `-o`'s value; the error is what stands after `error: `.
    pub fn parse(text: &str) -> Result<Format, String> {
        let (name, rest) = text.split_once('=').unwrap_or((text, ""));
        match name {
            "json" => Ok(Format::Json),
            "yaml" => Ok(Format::Yaml),
            "name" => Ok(Format::Name),
            "jsonpath" | "jsonpath-as-json" if rest.is_empty() => {
                Err(format!("template format specified but no template given: {name}"))
            }
            "jsonpath" => Template::parse(rest).map(Format::JsonPath),
            "jsonpath-as-json" => Template::parse(rest).map(Format::JsonPathAsJson),
            "custom-columns" => columns(rest).map(Format::Columns),
            "go-template" | "template" | "go-template-file" | "jsonpath-file" | "custom-columns-file" => {
                Err(format!("-o {name} is not simulated here: use jsonpath=, custom-columns=, json or yaml"))
            }
            _ => Err(format!(
                "unable to match a printer suitable for the output format {text:?}, allowed formats are: {ALLOWED}"
            )),
        }
    }

    /// Why something cannot be printed so.
    pub fn fault(&self, whole: &Doc) -> Option<String> {
        match self {
            Format::JsonPath(template) | Format::JsonPathAsJson(template) => template.fault(whole),
            _ => None,
        }
    }

    /// One object, or a `List` of them.
    pub fn print(&self, whole: &Doc, headers: bool) -> String {
        match self {
            Format::Json => format!("{}\n", whole.to_json_pretty()),
            Format::Yaml => manifest::to_yaml(whole),
            Format::Name => String::new(),
            Format::JsonPath(template) => template.print(whole),
            Format::JsonPathAsJson(template) => {
                format!("{}\n", Doc::list(template.find(whole)).to_json_pretty())
            }
            Format::Columns(columns) => {
                let mut text = String::new();
                if headers {
                    let headings: Vec<&str> = columns.iter().map(|(heading, _)| heading.as_str()).collect();
                    text.push_str(&format!("{}\n", headings.join("\t")));
                }
                let items = match whole["items"] {
                    Doc::List(_) => whole["items"].items(),
                    _ => std::slice::from_ref(whole),
                };
                for item in items {
                    let cells: Vec<String> = columns.iter().map(|(_, path)| cell(&path.find(item))).collect();
                    text.push_str(&format!("{}\n", cells.join("\t")));
                }
                align(&text, WIDE)
            }
        }
    }
}

fn cell(found: &[Doc]) -> String {
    if found.is_empty() {
        return "<none>".into();
    }
    visible(&found.iter().map(go_value).collect::<Vec<_>>().join(","))
}

/// `NAME:.metadata.name,IMAGE:.spec.containers[0].image`
fn columns(text: &str) -> Result<Vec<(String, JsonPath)>, String> {
    if text.is_empty() {
        return Err("custom-columns format specified but no custom columns given".into());
    }
    let column = |part: &str| {
        let (heading, path) = part.split_once(':').ok_or_else(|| {
            format!("unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>")
        })?;
        Ok((heading.to_owned(), relaxed(path)?))
    };
    text.split(',').map(column).collect()
}

/// A path of which braces and the first dot may be missing.
pub(super) fn relaxed(text: &str) -> Result<JsonPath, String> {
    let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    if inner.contains(['{', '}']) {
        return Err(
            "unexpected path string, expected a 'name1.name2' or '.name1.name2' or '{name1.name2}' or '{.name1.name2}'"
                .into(),
        );
    }
    let dotted = if inner.starts_with(['.', '[']) { inner.to_owned() } else { format!(".{inner}") };
    JsonPath::parse(&dotted)
}

/// Sorts items by what a path finds in the object of each.
pub(super) fn sort_items(items: &mut [Doc], by: &str, object: fn(&Doc) -> &Doc) -> Result<(), String> {
    let path = relaxed(by)?;
    let key = |item: &Doc| path.find(object(item)).into_iter().next();
    if !items.is_empty() && items.iter().all(|item| key(item).is_none()) {
        let inner = by.trim_start_matches('{').trim_end_matches('}').trim_start_matches('.');
        return Err(format!("couldn't find any field with path \"{{.{inner}}}\" in the list of objects"));
    }
    sort_by(items, |one, two| match (key(one), key(two)) {
        (None, None) => std::cmp::Ordering::Equal,
        (None, _) => std::cmp::Ordering::Less,
        (_, None) => std::cmp::Ordering::Greater,
        (Some(one), Some(two)) => order(&one, &two),
    });
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
