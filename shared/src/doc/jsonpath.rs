//! JSONPath as kubectl and printer columns have it: `{.status.conditions[?(@.type=="Ready")].status}`, and the templates made of it.

use std::cmp::Ordering;

use crate::doc::{Doc, Str};

/// A path into a document, perhaps to several places at once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JsonPath(Vec<Step>);

#[derive(Clone, PartialEq, Eq, Debug)]
enum Step {
    Key(Str),
    /// From the first to before the second, by the third; negative ones count from the end.
    Slice(Option<i64>, Option<i64>, i64),
    All,
    /// Everything below, at any depth.
    Below,
    /// What each of these leads to.
    Union(Vec<Step>),
    /// Items of which this is true.
    Where(Vec<Step>, Comparison),
}

/// What a filter asks of a value.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Comparison {
    Exists,
    Is(&'static str, Operand),
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Operand {
    Text(Str),
    Path(Vec<Step>),
}

/// Longest first, so that none hides another.
const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// How deep ranges may stand in ranges.
const DEEPEST: usize = 32;
/// So many values are looked at, and so many bytes printed: unions and ranges multiply what there is.
const MOST: usize = 4_000_000;
const LONGEST: usize = 16 << 20;
const TOO_MUCH: &str = "there is too much that it leads to";

impl JsonPath {
    /// Reads `{.a.b[0]['c']}`; the braces may be left out.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn parse(text: &str) -> Result<JsonPath, String> {
        let refuse = |why: &str| format!("{text:?} is no path such as {{.status.availableReplicas}}: {why}");
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or_else(|| refuse("it has no closing brace"))?,
            None => text,
        };
        steps(inner).map(JsonPath).map_err(|why| refuse(&why))
    }

    /// Every value it leads to.
    pub fn find(&self, doc: &Doc) -> Vec<Doc> {
        follow(&self.0, vec![doc.clone()])
    }

    /// Why it cannot be followed, in kubectl's words; `strict`: what it names has to be there.
    fn fault(&self, doc: &Doc, strict: bool) -> Option<String> {
        let mut found = vec![doc.clone()];
        for step in &self.0 {
            if let Some(fault) = found.iter().find_map(|doc| step.fault(doc)) {
                return Some(fault);
            }
            found = step.after(&found);
            if found.len() >= MOST {
                return Some(TOO_MUCH.into());
            }
            if let (true, true, Step::Key(key)) = (strict, found.is_empty(), step) {
                return Some(format!("{key} is not found"));
            }
        }
        None
    }
}

fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.trim();
    rest = rest.strip_prefix(['$', '@']).unwrap_or(rest);
    if !rest.is_empty() && !rest.starts_with(['.', '[']) {
        return Err("it must begin with a dot".into());
    }
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(after) = rest.strip_prefix('[') {
            bracket(after).ok_or_else(|| match after.split_once(']') {
                Some((inside, _)) => format!("invalid array index {inside}"),
                None if after.starts_with("?(") => "unterminated filter".to_owned(),
                None => "unterminated array".to_owned(),
            })?
        } else if let Some(after) = rest.strip_prefix("..") {
            // All that is below what is below is that already.
            if steps.last() != Some(&Step::Below) {
                steps.push(Step::Below);
            }
            if after.starts_with('[') { (None, after) } else { dotted(after) }
        } else {
            dotted(&rest[1..])
        };
        steps.extend(step);
        if !after.is_empty() && !after.starts_with(['.', '[']) {
            return Err("parts are joined by dots".into());
        }
        rest = after;
    }
    Ok(steps)
}

fn follow(steps: &[Step], found: Vec<Doc>) -> Vec<Doc> {
    steps.iter().fold(found, |found, step| step.after(&found))
}

impl Step {
    /// Where it leads from all that was found so far.
    fn after(&self, found: &[Doc]) -> Vec<Doc> {
        match self {
            // One part of a union after the other, each for all that was found.
            Step::Union(parts) => parts.iter().flat_map(|part| part.after(found)).take(MOST).collect(),
            step => found.iter().flat_map(|doc| step.follow(doc)).take(MOST).collect(),
        }
    }

    fn follow(&self, doc: &Doc) -> Vec<Doc> {
        match self {
            Step::Key(key) => {
                let map = doc.as_map().filter(|map| map.contains(key));
                map.map(|map| map.get(key).clone()).into_iter().collect()
            }
            Step::Slice(from, to, by) => slice(doc.items(), *from, *to, *by),
            Step::All => children(doc),
            Step::Below => {
                let children = children(doc);
                let mut all = if children.is_empty() { Vec::new() } else { vec![doc.clone()] };
                all.extend(children.iter().flat_map(|child| self.follow(child)));
                all
            }
            Step::Union(steps) => steps.iter().flat_map(|step| step.follow(doc)).collect(),
            Step::Where(path, comparison) => {
                let fits = |item: &&Doc| comparison.holds(&follow(path, vec![(*item).clone()]), item);
                doc.items().iter().filter(fits).cloned().collect()
            }
        }
    }
}

impl Step {
    fn fault(&self, doc: &Doc) -> Option<String> {
        let Step::Slice(from, to, _) = self else { return None };
        let items = match doc {
            Doc::List(items) => items,
            Doc::Null => return None,
            other => return Some(format!("{} is not array or slice", go_type(other))),
        };
        let length = items.len() as i64;
        let place = |at: i64| if at < 0 { at + length } else { at };
        let (from, to) = (from.map_or(0, place), to.map_or(length, place));
        let at = match () {
            () if from == to => return None,
            () if from >= length || from < 0 => from,
            () if to > length || to < 0 => to - 1,
            () => return None,
        };
        Some(format!("array index out of bounds: index {at}, length {length}"))
    }
}

/// The type of a value as Go calls it.
fn go_type(value: &Doc) -> &'static str {
    match value {
        Doc::Map(_) => "map[string]interface {}",
        Doc::List(_) => "[]interface {}",
        Doc::Int(_) => "int64",
        Doc::Float(_) => "float64",
        Doc::Bool(_) => "bool",
        _ => "string",
    }
}

fn children(doc: &Doc) -> Vec<Doc> {
    match doc {
        Doc::Map(map) => map.entries().iter().map(|(_, value)| value.clone()).collect(),
        list => list.items().to_vec(),
    }
}

fn slice(items: &[Doc], from: Option<i64>, to: Option<i64>, by: i64) -> Vec<Doc> {
    let length = items.len() as i64;
    let place = |at: i64| if at < 0 { at + length } else { at };
    let from = from.map_or(0, place).max(0);
    let to = to.map_or(length, place).min(length);
    let mut found = Vec::new();
    let mut at = from;
    while at < to {
        found.extend(usize::try_from(at).ok().and_then(|at| items.get(at)).cloned());
        at += by.max(1);
    }
    found
}

impl Comparison {
    fn holds(&self, found: &[Doc], item: &Doc) -> bool {
        let Comparison::Is(operator, operand) = self else { return !found.is_empty() };
        let [left] = found else { return false };
        let right = match operand {
            Operand::Text(text) => text.to_string(),
            Operand::Path(path) => match follow(path, vec![item.clone()]).as_slice() {
                [right] => print(right),
                _ => return false,
            },
        };
        let order = match (left.as_i64(), right.parse::<i64>()) {
            (Some(left), Ok(right)) => left.cmp(&right),
            _ => print(left).cmp(&right),
        };
        match *operator {
            "==" => order == Ordering::Equal,
            "!=" => order != Ordering::Equal,
            "<" => order == Ordering::Less,
            ">" => order == Ordering::Greater,
            "<=" => order != Ordering::Greater,
            _ => order != Ordering::Less,
        }
    }
}

/// How kubectl prints a value it found: text bare, everything else as JSON.
pub fn print(value: &Doc) -> String {
    match value {
        Doc::Null => String::new(),
        Doc::Str(text) => text.to_string(),
        Doc::Time(time) => time.rfc3339(),
        Doc::MicroTime(time) => time.rfc3339_micros(),
        other => other.to_json(),
    }
}

/// After a dot: a key, in which a backslash keeps the next character, or `*`.
fn dotted(text: &str) -> (Option<Step>, &str) {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => {
                end = at;
                break;
            }
            _ => key.push(character),
        }
    }
    let step = match key.as_str() {
        "" => None,
        "*" => Some(Step::All),
        _ => Some(Step::Key(key.into())),
    };
    (step, &text[end..])
}

fn bracket(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(") {
        let (inside, after) = split_outside_quotes(filter, ")]")?;
        return Some((Some(filtered(inside)?), after));
    }
    let (inside, after) = split_outside_quotes(text, "]")?;
    let mut parts = Vec::new();
    let mut rest = inside;
    while let Some((part, after)) = split_outside_quotes(rest, ",") {
        parts.push(one(part)?);
        rest = after;
    }
    parts.push(one(rest)?);
    let step = if parts.len() == 1 { parts.pop() } else { Some(Step::Union(parts)) };
    Some((step, after))
}

/// One of the things that stand between brackets.
fn one(text: &str) -> Option<Step> {
    let text = text.trim();
    if let Some(key) = unquoted(text) {
        return Some(Step::Key(key.replace("\\.", ".").into()));
    }
    if text == "*" {
        return Some(Step::Slice(None, None, 1));
    }
    let Some((from, rest)) = text.split_once(':') else {
        let at: i64 = text.parse().ok()?;
        // The last item has none after it.
        return Some(Step::Slice(Some(at), Some(at + 1).filter(|end| *end != 0), 1));
    };
    let (to, by) = rest.split_once(':').unwrap_or((rest, "1"));
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some(Step::Slice(number(from)?, number(to)?, number(by)?.unwrap_or(1)))
}

fn filtered(text: &str) -> Option<Step> {
    let found = OPERATORS.iter().filter_map(|operator| {
        let (left, right) = split_outside_quotes(text, operator)?;
        Some((*operator, left, right))
    });
    // The first operator in the text counts; of two at one place the longer one.
    let first = found.min_by(|one, two| one.1.len().cmp(&two.1.len()).then(two.0.len().cmp(&one.0.len())));
    let Some((operator, left, right)) = first else {
        return Some(Step::Where(steps(text).ok()?, Comparison::Exists));
    };
    let right = right.trim();
    let operand = match unquoted(right) {
        Some(text) => Operand::Text(text.into()),
        None if right.starts_with(['@', '$']) => Operand::Path(steps(right).ok()?),
        None => Operand::Text(right.into()),
    };
    Some(Step::Where(steps(left).ok()?, Comparison::Is(operator, operand)))
}

fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].strip_suffix(quote)
}

/// Splits at the first `mark` that stands in no quotes.
fn split_outside_quotes<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match (quote, character) {
            (None, _) if text[at..].starts_with(mark) => {
                return Some((&text[..at], &text[at + mark.len()..]));
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close => quote = None,
            _ => {}
        }
    }
    None
}

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
                let (path, before) =
                    open.pop().ok_or_else(|| refuse("not in range, nothing to end".into()))?;
                let inner = std::mem::replace(&mut parts, before);
                parts.push(Part::Range(path, inner));
            } else if inside.starts_with(|first: char| first.is_alphabetic()) {
                return Err(refuse(format!("unrecognized identifier {inside}")));
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
        if !spend(left, 1) {
            return;
        }
        match part {
            Part::Text(text) => each(Found::Text(text)),
            Part::Path(path) => {
                let values = path.find(doc);
                spend(left, values.len());
                each(Found::Values(values));
            }
            Part::Range(path, inner) => path.find(doc).iter().for_each(|item| visit(inner, item, left, each)),
        }
    }
}

/// Takes some of the work that is left; whether there was any.
fn spend(left: &mut usize, some: usize) -> bool {
    let any = *left > 0;
    *left = left.saturating_sub(some);
    any
}

fn fault(parts: &[Part], doc: &Doc, strict: bool, left: &mut usize) -> Option<String> {
    parts.iter().find_map(|part| {
        if !spend(left, 1) {
            return Some(TOO_MUCH.into());
        }
        match part {
            Part::Text(_) => None,
            Part::Path(path) => path.fault(doc, strict),
            Part::Range(path, inner) => path
                .fault(doc, strict)
                .or_else(|| path.find(doc).iter().find_map(|item| fault(inner, item, strict, left))),
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

#[cfg(test)]
mod tests {
    use super::{JsonPath, Template, print};
    use crate::doc;

    #[test]
    fn finds_what_kubectl_finds() {
        let doc = doc!({
            "metadata": { "labels": { "app.kubernetes.io/name": "web" } },
            "status": { "replicas": 3i64, "conditions": [{ "type": "A", "status": "False" }, { "type": "Ready", "status": "True" }] }
        });
        let cases = [
            ("{.status.replicas}", "3"),
            (".status.replicas", "3"),
            ("{$.status.conditions[0].type}", "A"),
            ("{.status.conditions[-1].type}", "Ready"),
            ("{.status.conditions[*].type}", "A Ready"),
            ("{.status.conditions[?(@.type==\"Ready\")].status}", "True"),
            ("{.metadata.labels['app.kubernetes.io/name']}", "web"),
            ("{.metadata.labels.app\\.kubernetes\\.io/name}", "web"),
            ("{.status.conditions[7].type}", ""),
            ("{.nothing.here}", ""),
        ];
        for (path, expected) in cases {
            let found = JsonPath::parse(path).unwrap().find(&doc);
            assert_eq!(found.iter().map(print).collect::<Vec<_>>().join(" "), expected, "{path}");
        }
        for path in ["{.a", "a.b", "{.a[x]}", "{.a['b}", "{.a[0]b}"] {
            assert!(JsonPath::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn templates_repeat_choose_and_cut() {
        let doc = doc!({ "items": [
            { "name": "a", "n": 1i64, "ports": [{ "p": 1i64 }, { "p": 2i64 }] },
            { "name": "b", "n": 5i64, "ports": [{ "p": 3i64 }] },
            { "name": "c.d", "n": 10i64 }
        ] });
        let cases = [
            (r#"{range .items[*]}{.name}{"\t"}{.n}{"\n"}{end}"#, "a\t1\nb\t5\nc.d\t10\n"),
            (r"{range .items[*]}{.name},", "a,b,c.d,,"),
            (r"{range .items[*]}{range .ports[*]}{.p},", "1,2,3,"),
            (r#"{range .items[*]}{.name}:{range .ports[*]}{.p};{end} {end}!"#, "a:1;2; b:3; c.d: !"),
            ("{.items[0:2].name}", "a b"),
            ("{.items[-2:].name}", "b c.d"),
            ("{.items[::2].name}", "a c.d"),
            ("{.items[0,2].name}", "a c.d"),
            ("{.items[0]['name','n']}", "a 1"),
            ("{.items[?(@.n>1)].name}", "b c.d"),
            ("{.items[?(@.n<=5)].name}", "a b"),
            ("{.items[?(@.name!='a')].n}", "5 10"),
            ("{.items[?(@.ports)].name}", "a b"),
            ("{.items[?(@.name=='c.d')].n}", "10"),
            ("{..p}", "1 2 3"),
            ("{@.items[0].ports}", r#"[{"p":1},{"p":2}]"#),
            ("names: {.items[*].name}", "names: a b c.d"),
        ];
        for (template, expected) in cases {
            assert_eq!(Template::parse(template).unwrap().print(&doc), expected, "{template}");
        }
        for template in ["{.a", "{end}", "{foo}", "{.a[?(]}"] {
            assert!(Template::parse(template).is_err(), "{template}");
        }
    }
}
