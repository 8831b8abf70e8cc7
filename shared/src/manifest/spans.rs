//! Where the values of a document stand in its text.

use std::sync::Arc;

use crate::doc::{Path, Segment, Str};

/// A place in text; both count from 1, the column in characters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Position {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
}

/// A stretch of text; the end is the place after its last character.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Span {
    /// First character.
    pub start: Position,
    /// After the last character.
    pub end: Position,
}

/// What stands before a text that is a part of another one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Above {
    pub lines: u32,
    /// Of the text's first line.
    pub characters: u32,
}

impl Above {
    /// What stands before the text that follows this one.
    pub fn and(self, text: &str) -> Above {
        let last = text.rsplit('\n').next().unwrap_or(text).chars().count() as u32;
        match text.matches('\n').count() as u32 {
            0 => Above { characters: self.characters + last, ..self },
            lines => Above { lines: self.lines + lines, characters: last },
        }
    }
}

impl Position {
    /// The same place, counted from the beginning of the whole.
    pub(super) fn moved(self, above: Above) -> Position {
        let column = self.column + if self.line == 1 { above.characters } else { 0 };
        Position { line: self.line + above.lines, column }
    }
}

impl Span {
    fn moved(self, above: Above) -> Span {
        Span { start: self.start.moved(above), end: self.end.moved(above) }
    }
}

/// The places of all keys and values of one document.
#[derive(Clone, Debug)]
pub struct Spans(pub(super) Place);

/// The place of one value, of the key before it, and of what is below it.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The key; for list items and the root the value itself.
    pub key: Span,
    pub value: Span,
    pub below: Below,
}

/// What is below a value; shared by the aliases of an anchor.
#[derive(Clone, Debug)]
pub(super) enum Below {
    Nothing,
    /// Sorted by key.
    Fields(Arc<[(Str, Place)]>),
    Items(Arc<[Place]>),
}

impl Place {
    pub(super) fn moved(&self, above: Above) -> Place {
        let below = match &self.below {
            Below::Nothing => Below::Nothing,
            Below::Fields(fields) => {
                Below::Fields(fields.iter().map(|(key, place)| (key.clone(), place.moved(above))).collect())
            }
            Below::Items(items) => Below::Items(items.iter().map(|place| place.moved(above)).collect()),
        };
        Place { key: self.key.moved(above), value: self.value.moved(above), below }
    }

    fn field(&self, key: &str) -> Option<&Place> {
        match &self.below {
            Below::Fields(fields) => {
                fields.binary_search_by(|(name, _)| name.as_str().cmp(key)).ok().map(|at| &fields[at].1)
            }
            _ => None,
        }
    }

    fn item(&self, index: u32) -> Option<&Place> {
        match &self.below {
            Below::Items(items) => items.get(index as usize),
            _ => None,
        }
    }
}

impl Place {
    /// Whether `span` is here or below; `path` leads there then.
    fn look(&self, span: Span, path: &mut Path) -> bool {
        if self.key == span || self.value == span {
            return true;
        }
        let mut below = |segment: Segment, place: &Place| {
            path.0.push(segment);
            let found = place.look(span, path);
            if !found {
                path.0.pop();
            }
            found
        };
        match &self.below {
            Below::Nothing => false,
            Below::Fields(fields) => {
                fields.iter().any(|(key, place)| below(Segment::Key(key.clone()), place))
            }
            Below::Items(items) => {
                items.iter().zip(0..).any(|(place, index)| below(Segment::Index(index), place))
            }
        }
    }
}

impl Spans {
    /// The whole document.
    pub fn root(&self) -> Span {
        self.0.value
    }

    /// Those of the value at the end of `path`, from there.
    pub fn below(&self, path: &Path) -> Spans {
        let mut place = self.find(path).clone();
        place.key = place.value;
        Spans(place)
    }

    /// The key at the end of `path` (a list item has none: the item), or its nearest ancestor's.
    pub fn key(&self, path: &Path) -> Span {
        self.find(path).key
    }

    /// The value at the end of `path`, or of its nearest ancestor that is there.
    pub fn value(&self, path: &Path) -> Span {
        let mut place = &self.0;
        for segment in &path.0 {
            match step(place, segment) {
                Some(below) => place = below,
                // The key above points better at what is missing than all of its value does.
                None => return place.key,
            }
        }
        place.value
    }

    /// Like [`Spans::value`] for the field paths of the API server's messages: `spec.containers[0].image`,
    /// `metadata.labels[app.kubernetes.io/name]`, `data[key]`.
    pub fn field(&self, field: &str) -> Span {
        let mut place = &self.0;
        let mut rest = field;
        while !rest.is_empty() {
            match step_text(place, rest) {
                Some((below, after)) => (place, rest) = (below, after),
                None => return place.key,
            }
        }
        place.value
    }

    /// The way to the key or value that takes up exactly `span`; the key, where both do.
    pub fn path(&self, span: Span) -> Option<Path> {
        let mut path = Path::default();
        self.0.look(span, &mut path).then_some(path)
    }

    fn find(&self, path: &Path) -> &Place {
        let mut place = &self.0;
        for segment in &path.0 {
            match step(place, segment) {
                Some(below) => place = below,
                None => break,
            }
        }
        place
    }
}

fn step<'a>(place: &'a Place, segment: &Segment) -> Option<&'a Place> {
    match segment {
        Segment::Key(key) => place.field(key),
        Segment::Index(index) => place.item(*index),
    }
}

/// One step along a path in text, and what is left of it. Keys may hold dots: the longest that fits is meant.
fn step_text<'a, 'b>(place: &'a Place, path: &'b str) -> Option<(&'a Place, &'b str)> {
    if let Some((inside, after)) = path.strip_prefix('[').and_then(|path| path.split_once(']')) {
        let below =
            inside.parse().ok().and_then(|index| place.item(index)).or_else(|| place.field(inside))?;
        return Some((below, after.strip_prefix('.').unwrap_or(after)));
    }
    let Below::Fields(fields) = &place.below else { return None };
    fields
        .iter()
        .filter_map(|(key, below)| {
            let after = path.strip_prefix(key.as_str())?;
            let after =
                if after.is_empty() || after.starts_with('[') { after } else { after.strip_prefix('.')? };
            Some((below, after))
        })
        .min_by_key(|(_, after)| after.len())
}
