//! Fixes among brackets. The rules look at lines, so what is written in JSON or in braces is written in lines for them,
//! and what they make of that is carried back in the text's own style.

use super::scene::{Fault, Lines, get, spaces};
use super::{Edit, Fix, LARGE, rules};
use crate::collections::sort_by_key;
use crate::doc::{Doc, Path, Segment, parse_json};
use crate::manifest::{self, Document, Position, Span, to_yaml};
use crate::session::Diagnostic;
use crate::session::diagnose;

/// An object of which a part stands in brackets.
pub(super) struct Flow<'a> {
    /// The text with the object where it is in the whole, and its lines.
    text: &'a str,
    lines: Lines<'a>,
    objects: &'a [Document],
    at: usize,
    /// Where it begins and ends, in bytes.
    from: usize,
    to: usize,
    is_json: bool,
    /// Keys are in quotes.
    quotes: bool,
    /// Nothing stands after colons and commas.
    tight: bool,
}

/// How what stands on lines of its own is indented: so many columns, and so many more a level.
type Layout = Option<(usize, usize)>;

fn below(at: &Path, step: &Segment) -> Path {
    Path([&at.0[..], std::slice::from_ref(step)].concat())
}

/// What is in a collection, as it stands in the text.
fn steps(document: &Document, at: &Path) -> Vec<Segment> {
    let mut steps: Vec<Segment> = match get(&document.doc, &at.0) {
        Doc::Map(map) => map.entries().iter().map(|(key, _)| Segment::Key(key.clone())).collect(),
        Doc::List(items) => (0..).zip(items.iter()).map(|(index, _)| Segment::Index(index)).collect(),
        _ => Vec::new(),
    };
    sort_by_key(&mut steps, |step| document.spans.key(&below(at, step)).start);
    steps
}

/// A collection with something in it.
fn is_full(doc: &Doc) -> bool {
    matches!(doc, Doc::Map(_) | Doc::List(_)) && !doc.is_empty()
}

/// A scalar as it stands in the text; `None` where it takes up several lines, or none.
fn written<'a>(lines: &Lines<'a>, document: &Document, at: &Path) -> Option<&'a str> {
    let span = document.spans.value(at);
    let one = span.start.line == span.end.line && span.start != span.end;
    one.then(|| lines.between(span)).filter(|text| !text.is_empty())
}

impl<'a> Flow<'a> {
    /// Of the object that the fault is in, where that is at `path` among brackets.
    pub fn around(text: &'a str, objects: &'a [Document], at: usize, path: &Path) -> Option<Flow<'a>> {
        let lines = Lines::new(text);
        let document = &objects[at];
        let opens = |depth: usize| {
            let place = document.spans.value(&Path(path.0[..depth].to_vec())).start;
            lines.opens(place)
        };
        (0..=path.0.len()).find(|depth| opens(*depth))?;
        let place = |at: Position| lines.offset((at.line, at.column));
        let Span { start, end } = document.spans.root();
        let (from, to) = if opens(0) { (place(start), place(end)) } else { (0, text.len()) };
        let own = &text[from..to];
        let first = own.strip_prefix('{').map_or("", str::trim_start);
        let tight = ["\":\"", "\":{", "\":["].iter().any(|signs| own.contains(signs));
        let (is_json, quotes) = (parse_json(own).is_ok(), first.starts_with('"'));
        Some(Flow { text, lines, objects, at, from, to, is_json, quotes, tight })
    }

    fn document(&self) -> &'a Document {
        &self.objects[self.at]
    }

    /// What mends it; of `direct`, which are changes of lines, what is none the worse for the brackets.
    pub fn fixes(&self, of: &Diagnostic, path: &Path, direct: Vec<Fix>) -> Vec<Fix> {
        if self.to - self.from > LARGE {
            return Vec::new();
        }
        let mut found = self.through_lines(of, path, &direct).unwrap_or_default();
        if !found.is_empty() {
            return found;
        }
        // What only puts another value in the marked place is good everywhere.
        let place = (of.line, of.column);
        let in_place =
            |fix: &Fix| matches!(&fix.edits[..], [edit] if edit.from == place && Some(edit.to) == of.end);
        found.extend(direct.into_iter().filter(in_place).filter(|fix| self.read(fix).is_some()));
        found
    }

    fn through_lines(&self, of: &Diagnostic, path: &Path, direct: &[Fix]) -> Option<Vec<Fix>> {
        let mut text = String::new();
        self.in_lines(&Path::default(), 0, &mut text);
        let documents = manifest::parse(&text).ok()?;
        let [document] = &documents[..] else { return None };
        let own = &self.document().spans;
        let at_key = own.key(path).start == Position { line: of.line, column: of.column };
        let place = if at_key { document.spans.key(path) } else { document.spans.value(path) };
        let fault = Diagnostic::at(place, of.message.clone());
        let lines = Lines::new(&text);
        let fixes = rules(&Fault::new(&lines, Some(document), &fault));
        let carried = fixes.iter().filter_map(|fix| {
            let mended = fix.applied(&text);
            let made = manifest::parse(&mended).ok()?;
            let same = |fix: &Fix| {
                let now = self.read(fix);
                now.is_some_and(|now| made.iter().map(|one| &one.doc).eq(now.iter().map(|one| &one.doc)))
            };
            let carried = match &made[..] {
                [new] => self.carried(fix, new, &mended).filter(same),
                _ => None,
            };
            let alike = |one: &&Fix| (one.says, &one.of) == (fix.says, &fix.of) && same(one);
            let by_lines = || direct.iter().find(alike).cloned();
            // What goes among the lines around the brackets is written in lines.
            let in_lines = self.to - self.from == self.text.len() && !self.quotes;
            if in_lines { by_lines().or(carried) } else { carried.or_else(by_lines) }
        });
        Some(carried.collect())
    }

    /// What the object becomes; `None` where that is no YAML, or no longer JSON.
    fn read(&self, fix: &Fix) -> Option<Vec<Document>> {
        let mended = fix.applied(self.text);
        let end = mended.len().checked_sub(self.text.len() - self.to)?;
        let own = mended.get(self.from..end)?;
        if self.is_json && parse_json(own).is_err() {
            return None;
        }
        let all: Vec<Document> = manifest::parse(own).ok()?.iter().flat_map(diagnose::objects).collect();
        // The others in the text are not looked at.
        if self.to - self.from < self.text.len() || all.len() != self.objects.len() {
            return Some(all);
        }
        Some(vec![all.into_iter().nth(self.at)?])
    }

    /// Writes a collection in lines.
    fn in_lines(&self, at: &Path, indent: usize, out: &mut String) {
        let document = self.document();
        for (number, step) in steps(document, at).iter().enumerate() {
            // The first stands behind the dash of its item.
            if number > 0 || !out.ends_with("- ") {
                out.push_str(&spaces(indent));
            }
            let at = below(at, step);
            let value = get(&document.doc, &at.0);
            let is_key = match step {
                Segment::Key(key) => {
                    out.push_str(to_yaml(&Doc::Str(key.clone())).trim_end());
                    out.push(':');
                    true
                }
                Segment::Index(_) => {
                    out.push_str("- ");
                    false
                }
            };
            match value {
                Doc::Map(_) if is_full(value) => {
                    out.push_str(if is_key { "\n" } else { "" });
                    self.in_lines(&at, indent + 2, out);
                }
                Doc::List(_) if is_full(value) && is_key => {
                    out.push('\n');
                    self.in_lines(&at, indent, out);
                }
                _ => {
                    let plain = !matches!(value, Doc::Map(_) | Doc::List(_));
                    let own = written(&self.lines, document, &at).filter(|_| plain);
                    let text = match value {
                        Doc::Null => own.unwrap_or("").to_owned(),
                        _ => own.map_or_else(|| value.to_json(), str::to_owned),
                    };
                    let space = if is_key && !text.is_empty() { " " } else { "" };
                    out.push_str(&format!("{space}{text}\n"));
                }
            }
        }
    }

    /// The change of the text that makes `new` of the object; `mended` is where that stands in lines.
    fn carried(&self, fix: &Fix, new: &Document, mended: &str) -> Option<Fix> {
        let mut carrier = Carrier { flow: self, new, lines: Lines::new(mended), edits: Vec::new() };
        carrier.change(&Path::default(), None)?;
        Some(Fix { says: fix.says, of: fix.of.clone(), edits: carrier.edits })
    }
}

/// Takes what has changed from an object in lines to the one among brackets.
struct Carrier<'a> {
    flow: &'a Flow<'a>,
    new: &'a Document,
    lines: Lines<'a>,
    edits: Vec<Edit>,
}

impl Carrier<'_> {
    fn edit(&mut self, from: Position, to: Position, text: String) {
        self.edits.push(Edit { from: (from.line, from.column), to: (to.line, to.column), text });
    }

    /// What is at `at` in both becomes the new one. `None` where there is no place for it.
    fn change(&mut self, at: &Path, layout: Layout) -> Option<()> {
        let document = self.flow.document();
        let (old, new) = (get(&document.doc, &at.0), get(&self.new.doc, &at.0));
        if old == new {
            return Some(());
        }
        let Span { start, end } = document.spans.value(at);
        let same = matches!((old, new), (Doc::Map(_), Doc::Map(_)) | (Doc::List(_), Doc::List(_)));
        if same && is_full(old) && is_full(new) {
            return self.entries(at);
        }
        if is_full(old) && !self.flow.lines.opens(start) {
            return None;
        }
        let text = self.value(at, layout);
        if start == end {
            // There is only its key.
            let key = document.spans.key(at).end;
            let after = Position { column: key.column + 1, ..key };
            let colon = self.flow.lines.between(Span { start: key, end: after }) == ":";
            colon.then(|| self.edit(after, after, format!(" {text}")))
        } else {
            self.edit(start, end, text);
            Some(())
        }
    }

    /// Changes what is in a collection.
    fn entries(&mut self, at: &Path) -> Option<()> {
        let document = self.flow.document();
        let (old, new) = (get(&document.doc, &at.0), get(&self.new.doc, &at.0));
        let (was, is) = (steps(document, at), steps(self.new, at));
        let span = document.spans.value(at);
        let in_brackets = self.flow.lines.opens(span.start);
        let first = document.spans.key(&below(at, was.first()?)).start;
        let indent = self.flow.lines.start(span.start.line).map_or(0, |start| start.outer);
        let column = first.column as usize - 1;
        let layout =
            (in_brackets && first.line > span.start.line).then(|| (column, column.saturating_sub(indent)));
        // Of a list that has become longer, what comes first is new.
        let more = is.len().checked_sub(was.len()).filter(|_| matches!(old, Doc::List(_)));
        let name = |step: &Segment| match (step, more) {
            (Segment::Index(index), Some(more)) => {
                (*index as usize).checked_sub(more).map(|at| was[at].clone())
            }
            _ => self.name_of(step, at, &was, &is),
        };
        let names: Vec<Option<Segment>> = is.iter().map(name).collect();
        if let (Some(more), Doc::List(_)) = (more.filter(|more| *more > 0), old)
            && old.items() != &new.items()[more..]
        {
            return None;
        }
        let kept = |step: &Segment| names.iter().any(|name| name.as_ref() == Some(step));
        if !was.iter().any(kept) {
            let text = self.value(at, layout.map(|(column, unit)| (column - unit, unit)));
            in_brackets.then(|| self.edit(span.start, span.end, text))?;
            return Some(());
        }
        if in_brackets {
            self.remove(at, &was, &kept);
        } else if !was.iter().all(kept) {
            return None;
        }
        self.insert(at, &is, &names, in_brackets, layout)?;
        for (step, name) in is.iter().zip(&names).filter(|_| more.is_none_or(|more| more == 0)) {
            match name {
                Some(name) if name == step => self.change(&below(at, step), layout)?,
                Some(name) => {
                    let Span { start, end } = document.spans.key(&below(at, name));
                    let key = self.key(step);
                    self.edit(start, end, key);
                }
                None => {}
            }
        }
        Some(())
    }

    /// What `step` was called: itself, or what is gone and had the same value.
    fn name_of(&self, step: &Segment, at: &Path, was: &[Segment], is: &[Segment]) -> Option<Segment> {
        if was.contains(step) {
            return Some(step.clone());
        }
        let value = get(&self.new.doc, &below(at, step).0);
        let old = |name: &Segment| get(&self.flow.document().doc, &below(at, name).0);
        was.iter().find(|name| !is.contains(name) && old(name) == value).cloned()
    }

    /// Takes out what is not kept, with its commas.
    fn remove(&mut self, at: &Path, was: &[Segment], kept: &dyn Fn(&Segment) -> bool) {
        let spans = &self.flow.document().spans;
        let (start, end) = (
            |of: usize| spans.key(&below(at, &was[of])).start,
            |of: usize| spans.value(&below(at, &was[of])).end,
        );
        let mut from = 0;
        while from < was.len() {
            let to = (from..was.len()).find(|&one| kept(&was[one])).unwrap_or(was.len());
            if to > from && to < was.len() {
                self.edit(start(from), start(to), String::new());
            } else if to > from {
                self.edit(end(from - 1), end(to - 1), String::new());
            }
            from = to + 1;
        }
    }

    /// Puts in what has no name yet, where it stands among the others.
    fn insert(
        &mut self,
        at: &Path,
        is: &[Segment],
        names: &[Option<Segment>],
        in_brackets: bool,
        layout: Layout,
    ) -> Option<()> {
        let spans = &self.flow.document().spans;
        let separator = match layout {
            Some((column, _)) => format!("\n{}", spaces(column)),
            None if self.flow.tight => String::new(),
            None => " ".to_owned(),
        };
        let mut before: Option<&Segment> = None;
        let mut texts: Vec<(Option<&Segment>, Vec<String>)> = Vec::new();
        for (step, name) in is.iter().zip(names) {
            match name {
                Some(name) => before = Some(name),
                None => {
                    let text = self.entry(&below(at, step), step, layout);
                    match texts.last_mut() {
                        Some((place, all)) if *place == before => all.push(text),
                        _ => texts.push((before, vec![text])),
                    }
                }
            }
        }
        for (place, texts) in texts {
            if !in_brackets {
                let span = spans.value(at);
                let column = span.start.column as usize - 1;
                let last = self.flow.lines.last(span.start.line, column);
                let lines: Vec<String> =
                    texts.iter().map(|text| format!("{}{text}", spaces(column))).collect();
                let is_key = matches!(is.first(), Some(Segment::Key(_)));
                is_key.then(|| self.edits.push(self.flow.lines.after(last, &lines)))?;
                continue;
            }
            let (position, text) = match place {
                Some(step) => {
                    let texts: Vec<String> = texts.iter().map(|text| format!(",{separator}{text}")).collect();
                    (spans.value(&below(at, step)).end, texts.concat())
                }
                None => {
                    let texts: Vec<String> = texts.iter().map(|text| format!("{text},{separator}")).collect();
                    let first = names.iter().flatten().next()?;
                    (spans.key(&below(at, first)).start, texts.concat())
                }
            };
            self.edit(position, position, text);
        }
        Some(())
    }

    fn key(&self, step: &Segment) -> String {
        match step {
            Segment::Key(name) if self.flow.quotes => Doc::Str(name.clone()).to_json(),
            Segment::Key(name) => to_yaml(&Doc::Str(name.clone())).trim_end().to_owned(),
            Segment::Index(_) => String::new(),
        }
    }

    /// An item, or a key with its value.
    fn entry(&self, at: &Path, step: &Segment, layout: Layout) -> String {
        let value = self.value(at, layout);
        match step {
            Segment::Index(_) => value,
            Segment::Key(_) => {
                let colon = if self.flow.tight && self.flow.quotes { ":" } else { ": " };
                format!("{}{colon}{value}", self.key(step))
            }
        }
    }

    /// A new value in the style of the text.
    fn value(&self, at: &Path, layout: Layout) -> String {
        let value = get(&self.new.doc, &at.0);
        if !is_full(value) {
            return self.scalar(at, value);
        }
        let layout = layout.filter(|_| self.flow.quotes);
        let deeper = layout.map(|(column, unit)| (column + unit, unit));
        let steps = steps(self.new, at);
        let all: Vec<String> = steps.iter().map(|step| self.entry(&below(at, step), step, deeper)).collect();
        let (open, close) = if matches!(value, Doc::Map(_)) { ('{', '}') } else { ('[', ']') };
        match layout {
            Some((column, unit)) => {
                let (outer, inner) = (spaces(column), spaces(column + unit));
                format!("{open}\n{inner}{}\n{outer}{close}", all.join(&format!(",\n{inner}")))
            }
            None => format!("{open}{}{close}", all.join(if self.flow.tight { "," } else { ", " })),
        }
    }

    fn scalar(&self, at: &Path, value: &Doc) -> String {
        let own = written(&self.lines, self.new, at).filter(|_| !self.flow.quotes);
        let plain = |text: &&str| {
            text.starts_with(['"', '\''])
                || !text.contains([',', '[', ']', '{', '}'])
                    && !text.contains(": ")
                    && !text.contains(" #")
                    && !text.ends_with(':')
        };
        own.filter(plain).map_or_else(|| value.to_json(), str::to_owned)
    }
}
