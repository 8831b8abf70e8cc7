//! A fault, the text around it, and where it is in its document.

use super::{Diagnostic, Edit};
use crate::api::Kind;
use crate::doc::{Doc, Path, Segment};
use crate::manifest::{Document, Position, Span};
use crate::schema::{FieldType, Schema};

/// The lines of a text. They count from 1; columns, here only, from 0.
#[derive(Debug)]
pub(super) struct Lines<'a> {
    text: &'a str,
    lines: Vec<&'a str>,
    starts: Vec<usize>,
}

/// Where the words of a line begin: its first dash or key, and its key behind all dashes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub outer: usize,
    pub key: usize,
}

impl<'a> Lines<'a> {
    pub fn new(text: &'a str) -> Lines<'a> {
        let lines: Vec<&str> = text.split('\n').collect();
        let starts = lines
            .iter()
            .scan(0, |next, line| {
                let start = *next;
                *next += line.len() + 1;
                Some(start)
            })
            .collect();
        Lines { text, lines, starts }
    }

    pub fn text(&self) -> &'a str {
        self.text
    }

    /// Whether a bracket opens here.
    pub fn opens(&self, at: Position) -> bool {
        self.text[self.offset((at.line, at.column))..].starts_with(['{', '['])
    }

    pub fn count(&self) -> u32 {
        self.lines.len() as u32
    }

    pub fn get(&self, line: u32) -> &'a str {
        (line as usize)
            .checked_sub(1)
            .and_then(|at| self.lines.get(at))
            .map_or("", |line| line.trim_end_matches('\r'))
    }

    /// The byte at a line and column that count from 1.
    pub fn offset(&self, (line, column): (u32, u32)) -> usize {
        let at = (line.max(1) as usize - 1).min(self.lines.len() - 1);
        self.starts[at] + byte(self.lines[at], column.max(1) as usize - 1)
    }

    /// Where a line's words begin; `None` where it has none, or only a comment.
    pub fn start(&self, line: u32) -> Option<Start> {
        let text = self.get(line);
        let words = text.trim_start();
        if words.is_empty() || words.starts_with('#') {
            return None;
        }
        let outer = text.len() - words.len();
        let mut key = outer;
        while let Some(item) = text[key..].strip_prefix('-') {
            let inside = item.trim_start_matches(' ');
            if !inside.is_empty() && inside.len() == item.len() {
                break;
            }
            key += 1 + (item.len() - inside.len()).max(1);
            if inside.is_empty() {
                break;
            }
        }
        Some(Start { outer, key })
    }

    /// The last line of what begins on `line` with a key at `column`.
    pub fn last(&self, line: u32, column: usize) -> u32 {
        let mut last = line;
        for next in line + 1..=self.count() {
            let Some(start) = self.start(next) else { continue };
            let is_item = start.key > start.outer;
            if start.outer < column || start.outer == column && !is_item || self.get(next).starts_with("---")
            {
                break;
            }
            last = next;
        }
        last
    }

    /// How many columns deeper a child stands in this text.
    pub fn unit(&self) -> usize {
        (1..self.count())
            .find_map(|line| {
                let (above, below) = (self.start(line)?, self.start(line + 1)?);
                let deeper = below.outer > above.key && below.key == below.outer;
                (deeper && self.get(line).trim_end().ends_with(':')).then(|| below.outer - above.key)
            })
            .unwrap_or(2)
    }

    /// What stands at a place on one line.
    pub fn between(&self, Span { start, end }: Span) -> &'a str {
        let line = self.get(start.line);
        let to = if end.line == start.line { end.column as usize - 1 } else { usize::MAX };
        line.get(byte(line, start.column as usize - 1)..byte(line, to)).unwrap_or("")
    }

    /// Whole lines, `first` to `last`, with others in their place.
    pub fn replaced(&self, first: u32, last: u32, with: &[String]) -> Edit {
        let end = self.get(last).chars().count() as u32 + 1;
        Edit { from: (first, 1), to: (last, end), text: with.join("\n") }
    }

    /// Whole lines that go.
    pub fn removed(&self, first: u32, last: u32) -> Edit {
        if last < self.count() {
            return Edit { from: (first, 1), to: (last + 1, 1), text: String::new() };
        }
        let end = (last, self.get(last).chars().count() as u32 + 1);
        let before = first.saturating_sub(1).max(1);
        Edit { from: (before, self.get(before).chars().count() as u32 + 1), to: end, text: String::new() }
    }

    /// New lines after `line`.
    pub fn after(&self, line: u32, lines: &[String]) -> Edit {
        let end = (line, self.get(line).chars().count() as u32 + 1);
        Edit { from: end, to: end, text: format!("\n{}", lines.join("\n")) }
    }
}

/// The byte of a line's character.
pub(super) fn byte(line: &str, character: usize) -> usize {
    line.char_indices().nth(character).map_or(line.len(), |(at, _)| at)
}

pub(super) fn spaces(count: usize) -> String {
    " ".repeat(count)
}

/// A line so many columns further to the right, or to the left.
pub(super) fn shifted(line: &str, by: isize) -> String {
    let words = line.trim_start_matches(' ');
    if words.is_empty() {
        return String::new();
    }
    let indent = (line.len() - words.len()).saturating_add_signed(by);
    format!("{}{words}", spaces(indent))
}

/// A fault and what is around it.
pub(super) struct Fault<'a> {
    pub lines: &'a Lines<'a>,
    pub line: u32,
    /// From 1, as in the diagnostic.
    pub column: u32,
    pub end: Option<(u32, u32)>,
    pub message: &'a str,
    pub document: Option<&'a Document>,
    /// The field that it is at, where it is at one.
    pub path: Option<Path>,
}

impl<'a> Fault<'a> {
    pub fn new(lines: &'a Lines<'a>, document: Option<&'a Document>, of: &'a Diagnostic) -> Fault<'a> {
        let at = Position { line: of.line, column: of.column };
        let path = document.zip(of.end).and_then(|(document, (line, column))| {
            document.spans.path(Span { start: at, end: Position { line, column } })
        });
        Fault { lines, line: of.line, column: of.column, end: of.end, message: &of.message, document, path }
    }

    /// The whole object, where there is one.
    pub fn root(&self) -> &'a Doc {
        static NONE: Doc = Doc::Null;
        self.document.map_or(&NONE, |document| &document.doc)
    }

    /// The name of a field that nobody knows, and the path of what it stands in.
    pub fn unknown(&self) -> Option<(&str, &[Segment])> {
        let path = self.path.as_ref().filter(|_| self.message.starts_with("unknown field"))?;
        match path.0.split_last()? {
            (Segment::Key(field), owner) => Some((field, owner)),
            (Segment::Index(_), _) => None,
        }
    }

    /// The marked text, where it is on one line.
    pub fn text(&self) -> &'a str {
        let line = self.lines.get(self.line);
        let end = match self.end {
            Some((line, column)) if line == self.line => column as usize - 1,
            Some(_) => return "",
            None => usize::MAX,
        };
        line.get(byte(line, self.column as usize - 1)..byte(line, end)).unwrap_or("").trim_end()
    }

    /// Another text in place of the marked one.
    pub fn put(&self, text: impl Into<String>) -> Vec<Edit> {
        let length = self.text().chars().count() as u32;
        let (line, column) = (self.line, self.column);
        vec![Edit { from: (line, column), to: (line, column + length), text: text.into() }]
    }

    /// An insertion at the marked place.
    pub fn insert(&self, text: &str) -> Vec<Edit> {
        let at = (self.line, self.column);
        vec![Edit { from: at, to: at, text: text.into() }]
    }

    /// The value at the marked place.
    pub fn value(&self) -> &'a Doc {
        static NONE: Doc = Doc::Null;
        match (self.document, &self.path) {
            (Some(document), Some(path)) => get(&document.doc, &path.0),
            _ => &NONE,
        }
    }

    /// The name of the field that the marked place is at.
    pub fn key(&self) -> &str {
        match self.path.as_ref().and_then(|path| path.0.last()) {
            Some(Segment::Key(key)) => key,
            _ => "",
        }
    }

    /// What the schema has at a path of the document.
    pub fn field_type(&self, path: &[Segment]) -> Option<FieldType> {
        let doc = &self.document?.doc;
        let root = Schema::of(Kind::of(&doc["apiVersion"].str(), &doc["kind"].str())?)?;
        path.iter().try_fold(FieldType::Object(root), |at, segment| match (at, segment) {
            (FieldType::Object(of), Segment::Key(key)) => of.field(key).map(|field| field.field_type()),
            (FieldType::List(element), Segment::Index(_)) | (FieldType::Map(element), Segment::Key(_)) => {
                Some(element.get())
            }
            _ => None,
        })
    }

    /// Changes that put `lines` (the first a key without indentation) below `path`, which may have to be made. `None`
    /// where the text leaves no place for them.
    pub fn added(&self, path: &[Segment], lines: &[String]) -> Option<Vec<Edit>> {
        let document = self.document?;
        let there = (0..=path.len())
            .rev()
            .find(|&depth| matches!(get(&document.doc, &path[..depth]), Doc::Map(_)))?;
        if there == path.len()
            && let Some((name, value)) = lines.first()?.split_once(':')
            && let Some(map) = get(&document.doc, path).as_map().filter(|map| map.contains(name))
        {
            let place = Path([path, &[Segment::Key(name.into())]].concat());
            return self.filled(document, &place, value, &lines[1..]).filter(|_| map.get(name).is_null());
        }
        let mut lines = lines.to_vec();
        // A key that is there without a value takes what comes below it.
        let empty = path.get(there).and_then(|step| match step {
            Segment::Key(key) => get(&document.doc, &path[..there]).as_map()?.contains(key).then_some(()),
            Segment::Index(_) => None,
        });
        let below = there + usize::from(empty.is_some());
        for step in path[below..].iter().rev() {
            let Segment::Key(key) = step else { return None };
            lines = lines.iter().map(|line| shifted(line, self.lines.unit() as isize)).collect();
            lines.insert(0, format!("{key}:"));
        }
        if empty.is_some() {
            let key = document.spans.key(&Path(path[..below].to_vec()));
            if !self.lines.get(key.start.line).trim_end().ends_with(':') {
                return None;
            }
            let column = key.start.column as usize - 1 + self.lines.unit();
            let lines: Vec<String> = lines.iter().map(|line| shifted(line, column as isize)).collect();
            return Some(vec![self.lines.after(key.start.line, &lines)]);
        }
        self.beside(document, &Path(path[..there].to_vec()), &lines)
    }

    /// Changes that give a key that has none its value: a word, or lines below it.
    fn filled(&self, document: &Document, at: &Path, value: &str, below: &[String]) -> Option<Vec<Edit>> {
        let (key, place) = (document.spans.key(at), document.spans.value(at));
        if let (true, [_, ..]) = (value.is_empty(), below) {
            let is_last = self.lines.get(key.start.line).trim_end().ends_with(':');
            let column = key.start.column as isize - 1;
            let lines: Vec<String> = below.iter().map(|line| shifted(line, column)).collect();
            return is_last.then(|| vec![self.lines.after(key.start.line, &lines)]);
        }
        let (from, to) = match place.start == place.end {
            true => {
                let after = Position { column: key.end.column + 1, ..key.end };
                (self.lines.between(Span { start: key.end, end: after }) == ":").then_some((after, after))?
            }
            false => (place.start, place.end),
        };
        let text = if from == to { value } else { value.trim_start() };
        let edit = Edit { from: (from.line, from.column), to: (to.line, to.column), text: text.to_owned() };
        below.is_empty().then(|| vec![edit])
    }

    /// Changes that put `lines` into a mapping that is there and has keys.
    fn beside(&self, document: &Document, of: &Path, lines: &[String]) -> Option<Vec<Edit>> {
        let span = document.spans.value(of);
        if self.lines.opens(span.start) {
            let line = match lines {
                [line] => line.clone(),
                [above, below] if above.ends_with(':') => format!("{above} {{{}}}", below.trim_start()),
                _ => return None,
            };
            let full = !get(&document.doc, &of.0).is_empty();
            let end = (span.end.line, span.end.column - 1);
            let text = format!("{}{line}", if full { ", " } else { "" });
            return Some(vec![Edit { from: end, to: end, text }]);
        }
        let column = span.start.column as usize - 1;
        // After the kind or what comes first: where a person would write it.
        let mut anchor = span.start.line;
        if of.0.is_empty() && !get(&document.doc, &of.0)["kind"].is_null() {
            anchor = document.spans.key(&Path(vec![Segment::Key("kind".into())])).start.line;
        }
        let last = self.lines.last(anchor, column);
        let lines: Vec<String> = lines.iter().map(|line| shifted(line, column as isize)).collect();
        Some(vec![self.lines.after(last, &lines)])
    }
}

/// The value at the end of a path.
pub(super) fn get<'a>(doc: &'a Doc, path: &[Segment]) -> &'a Doc {
    static NONE: Doc = Doc::Null;
    path.iter().fold(doc, |at, segment| match segment {
        Segment::Key(key) => at.get(key),
        Segment::Index(index) => at.items().get(*index as usize).unwrap_or(&NONE),
    })
}

/// `spec.containers[0].image` as a path.
pub(super) fn path_of(text: &str) -> Vec<Segment> {
    let key = |name: &str| Segment::Key(name.into());
    let mut path = Vec::new();
    for part in text.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        path.extend((!name.is_empty()).then(|| key(name)));
        while let Some((inside, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            path.push(inside.parse().map_or_else(|_| key(inside), Segment::Index));
            rest = after;
        }
    }
    path
}
