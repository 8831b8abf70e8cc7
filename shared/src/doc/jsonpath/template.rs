//! Text with paths in it, as `-o jsonpath=` has it.

use super::parse::{literal, split_outside_quotes, steps, unquoted};
use super::{JsonPath, MOST, TOO_MUCH, print};
use crate::doc::Doc;

/// How deep ranges may stand in ranges.
const DEEPEST: usize = 32;
/// So many bytes are printed.
const LONGEST: usize = 16 << 20;

/// `-o jsonpath=`: text with paths in braces, and parts that are repeated for each value a path leads to.
pub struct Template {
    parts: Vec<Part>,
    text: String,
    /// Whether all that its paths name has to be there.
    strict: bool,
}

#[derive(Clone)]
enum Part {
    Text(String),
    Path(JsonPath),
    Range(JsonPath, Vec<Part>),
    /// The end of a range that never began.
    End,
    /// A word that means nothing.
    Unknown(String),
}

impl Template {
    /// Reads `{range .items[*]}{.metadata.name}{"\n"}{end}`.
    ///
    /// # Errors
    /// What is wrong with it, in kubectl's words.
    pub fn parse(text: &str) -> Result<Template, String> {
        let refuse = |why: String| format!("error parsing jsonpath {text}, {why}");
        let mut open: Vec<(JsonPath, Vec<Part>)> = Vec::new();
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            parts.push(Part::Text(before.to_owned()));
            let (inside, after) = split_outside_quotes(after, "}").ok_or_else(|| {
                refuse(match after.rsplit_once('[') {
                    Some((_, inside)) if !inside.contains(']') && inside.starts_with("?(") => {
                        "unterminated filter".into()
                    }
                    Some((_, inside)) if !inside.contains(']') => "unterminated array".into(),
                    _ => "unclosed action".into(),
                })
            })?;
            rest = after;
            let inside = inside.trim();
            if let Some(text) = unquoted(inside) {
                parts.push(Part::Text(unescaped(text)));
            } else if let Some(path) = inside.strip_prefix("range ") {
                let path = steps(path.trim()).map(JsonPath).map_err(refuse)?;
                if open.len() == DEEPEST {
                    return Err(refuse(format!("ranges may be {DEEPEST} deep")));
                }
                open.push((path, std::mem::take(&mut parts)));
            } else if inside == "end" {
                match open.pop() {
                    Some((path, before)) => {
                        let inner = std::mem::replace(&mut parts, before);
                        parts.push(Part::Range(path, inner));
                    }
                    None => parts.push(Part::End),
                }
            } else if let Some(value) = literal(inside) {
                parts.push(Part::Text(print(&value)));
            } else if inside.starts_with(|first: char| first.is_alphabetic()) {
                let word = inside.split(|character: char| !character.is_alphanumeric() && character != '_');
                parts.push(Part::Unknown(word.take(1).collect()));
            } else if inside.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-')) {
                return Err(refuse(format!("cannot parse number {inside}")));
            } else {
                parts.push(Part::Path(steps(inside).map(JsonPath).map_err(refuse)?));
            }
        }
        parts.push(Part::Text(rest.to_owned()));
        // A range that nobody ended goes on to the end, and what is in the outermost comes once more, for all.
        while let Some((path, before)) = open.pop() {
            let inner = std::mem::replace(&mut parts, before);
            let again = if open.is_empty() { inner.clone() } else { Vec::new() };
            parts.push(Part::Range(path, inner));
            parts.extend(again);
        }
        Ok(Template { parts, text: text.to_owned(), strict: false })
    }

    /// The same, where all that its paths name has to be there, or need not be.
    pub fn strictly(self, strict: bool) -> Template {
        Template { strict, ..self }
    }

    /// The text for a document.
    pub fn print(&self, doc: &Doc) -> String {
        let mut text = String::new();
        visit(&self.parts, doc, &mut { MOST }, &mut |found| match found {
            Found::Text(plain) if text.len() <= LONGEST => text.push_str(plain),
            Found::Text(_) => {}
            Found::Values(values) => {
                for (at, value) in values.iter().enumerate() {
                    if text.len() > LONGEST {
                        break;
                    }
                    text.push_str(if at > 0 { " " } else { "" });
                    text.push_str(&print(value));
                }
            }
        });
        text
    }

    /// Why it cannot be printed for a document, in kubectl's words.
    pub fn fault(&self, doc: &Doc) -> Option<String> {
        let why = fault(&self.parts, doc, self.strict, &mut { MOST })?;
        let (text, object) = (&self.text, go_syntax(doc));
        Some(format!(
            "error executing jsonpath {text:?}: Error executing template: {why}. Printing more information for debugging \
             the template:\n\ttemplate was:\n\t\t{text}\n\tobject given to jsonpath engine was:\n\t\t{object}\n\n"
        ))
    }

    /// Every value that a path of it leads to.
    pub fn find(&self, doc: &Doc) -> Vec<Doc> {
        let mut all = Vec::new();
        visit(&self.parts, doc, &mut { MOST }, &mut |found| {
            if let Found::Values(values) = found {
                all.extend(values);
            }
        });
        all
    }
}

/// What a part of a template stands for.
enum Found<'p> {
    Values(Vec<Doc>),
    Text(&'p str),
}

/// Goes through the parts with the values that they lead to, or with their text, while there is some of the work `left`.
fn visit(parts: &[Part], doc: &Doc, left: &mut usize, each: &mut dyn FnMut(Found<'_>)) {
    for part in parts {
        if !spend(left) {
            return;
        }
        match part {
            Part::Text(text) => each(Found::Text(text)),
            Part::End | Part::Unknown(_) => return,
            Part::Path(path) => {
                let values = path.find_within(doc, left);
                each(Found::Values(values));
            }
            Part::Range(path, inner) => {
                path.find_within(doc, left).iter().for_each(|item| visit(inner, item, left, each));
            }
        }
    }
}

/// Takes a piece of the work that is left; whether there was any.
fn spend(left: &mut usize) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(1);
    any
}

fn fault(parts: &[Part], doc: &Doc, strict: bool, left: &mut usize) -> Option<String> {
    parts.iter().find_map(|part| {
        if !spend(left) {
            return Some(TOO_MUCH.into());
        }
        match part {
            Part::Text(_) => None,
            Part::End => Some("not in range, nothing to end".into()),
            Part::Unknown(word) => Some(format!("unrecognized identifier {word}")),
            Part::Path(path) => path.fault(doc, strict, left),
            Part::Range(path, inner) => path.fault(doc, strict, left).or_else(|| {
                path.find_within(doc, left).iter().find_map(|item| fault(inner, item, strict, left))
            }),
        }
    })
}

/// A value as Go writes it down.
fn go_syntax(value: &Doc) -> String {
    match value {
        Doc::Null => "interface {}(nil)".into(),
        Doc::Map(map) => {
            let mut entries: Vec<String> =
                map.entries().iter().map(|(key, value)| format!("{key:?}:{}", go_syntax(value))).collect();
            crate::collections::sort(&mut entries);
            format!("map[string]interface {{}}{{{}}}", entries.join(", "))
        }
        Doc::List(items) => {
            format!("[]interface {{}}{{{}}}", items.iter().map(go_syntax).collect::<Vec<_>>().join(", "))
        }
        Doc::Bool(_) | Doc::Int(_) | Doc::Float(_) => value.to_json(),
        text => format!("{:?}", print(text)),
    }
}

/// Quoted text, with what a backslash means in it.
fn unescaped(text: &str) -> String {
    let mut made = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, character == '\\') {
            (_, true) => match characters.next() {
                Some('n') => made.push('\n'),
                Some('t') => made.push('\t'),
                Some('r') => made.push('\r'),
                other => made.extend(other),
            },
            (plain, false) => made.push(plain),
        }
    }
    made
}
