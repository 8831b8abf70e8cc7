//! Text with paths in it, as `-o jsonpath=` has it.

use super::parse::braced;
use super::{JsonPath, MOST, Step, TOO_MUCH, print};
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
            parts.extend(text_of(before));
            let mut steps = Vec::new();
            rest = braced(after, &mut steps).map_err(refuse)?;
            match steps.first() {
                Some(Step::Word(word)) if word == "range" => {
                    if open.len() == DEEPEST {
                        return Err(refuse(format!("ranges may be {DEEPEST} deep")));
                    }
                    steps.remove(0);
                    open.push((JsonPath(steps), std::mem::take(&mut parts)));
                }
                Some(Step::Word(word)) if word == "end" => match open.pop() {
                    Some((path, before)) => {
                        let inner = std::mem::replace(&mut parts, before);
                        parts.push(Part::Range(path, inner));
                    }
                    None => parts.push(Part::End),
                },
                _ => parts.push(Part::Path(JsonPath(steps))),
            }
        }
        parts.extend(text_of(rest));
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

    /// What each path of it leads to, and each text, one after the other.
    pub fn find(&self, doc: &Doc) -> Vec<Vec<Doc>> {
        let mut all = Vec::new();
        visit(&self.parts, doc, &mut { MOST }, &mut |found| {
            all.push(match found {
                Found::Values(values) => values,
                Found::Text(text) => vec![Doc::Str(text.into())],
            });
        });
        all
    }
}

/// Text between braces, where there is any.
fn text_of(text: &str) -> Option<Part> {
    (!text.is_empty()).then(|| Part::Text(text.to_owned()))
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
            Part::End => return,
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
