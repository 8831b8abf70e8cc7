//! From parser events to documents and their places.

use std::sync::Arc;

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Tag};

use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, intern};

use super::merge_keys::{self, Entry};
use super::spans::{Below, Place, Position, Span, Spans};
use super::{Diagnostic, Document, diagnose, scalar, values};

/// Most bytes of text, and of text with all aliases written out: the API server's own limit for a request.
pub const MAX_BYTES: usize = 3 * 1024 * 1024;
/// Most levels of lists and mappings inside one another.
pub const MAX_DEPTH: usize = 64;
/// Most keys and values, aliases written out.
pub const MAX_NODES: u32 = 500_000;

/// Reads a stream of YAML documents (or JSON, which is YAML), or of JSON values; empty documents are left out.
///
/// # Errors
/// The first place where the text cannot be read, or goes beyond a bound.
pub fn parse(text: &str) -> Result<Vec<Document>, Diagnostic> {
    let fault = match read(text, Reader::default()) {
        Ok((documents, _)) => return Ok(documents),
        Err(fault) => fault,
    };
    let values = if text.len() > MAX_BYTES { None } else { values::several(text) };
    values.ok_or(fault)?.iter().try_fold(Vec::new(), |mut documents, value| {
        let read = read(value.text, Reader::default()).map_err(|fault| fault.moved(value.above))?;
        documents.extend(read.0.into_iter().map(|document| document.moved(value.above)));
        value.check()?;
        Ok(documents)
    })
}

/// The same of a text whose mappings may hold a key again: the last one counts, and all such keys come second.
///
/// # Errors
/// The first place where the text cannot be read, or goes beyond a bound.
pub fn parse_loosely(text: &str) -> Result<(Vec<Document>, Vec<Diagnostic>), Diagnostic> {
    read(text, Reader { repeated: Some(Vec::new()), ..Reader::default() })
}

fn read(text: &str, mut reader: Reader) -> Result<(Vec<Document>, Vec<Diagnostic>), Diagnostic> {
    if text.len() > MAX_BYTES {
        let message = format!("the text is too large: expected at most {} MiB", MAX_BYTES >> 20);
        return Err(Diagnostic::new(Position { line: 1, column: 1 }, message));
    }
    if let Some(at) = text.find('\0') {
        return Err(diagnose::control_character(text, at));
    }
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Some(event) = parser.next_event() {
        let (event, span) = event.map_err(|error| diagnose::diagnose(text, &error, &reader.open()))?;
        match event {
            Event::DocumentStart(_) => {
                reader = Reader { size: reader.size, repeated: reader.repeated, ..Reader::default() };
            }
            Event::DocumentEnd => match reader.root.take() {
                Some(Node { doc: Doc::Null, .. }) | None => {}
                Some(Node { doc, place, .. }) => documents.push(Document { doc, spans: Spans(place) }),
            },
            event => reader.event(event, span_of(span))?,
        }
    }
    Ok((documents, reader.repeated.unwrap_or_default()))
}

fn position(marker: Marker) -> Position {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: small(marker.line()), column: small(marker.col() + 1) }
}

fn span_of(span: saphyr_parser::Span) -> Span {
    Span { start: position(span.start), end: position(span.end) }
}

/// How much there is of something, aliases written out.
#[derive(Clone, Copy, Default)]
struct Size {
    nodes: u32,
    bytes: usize,
}

#[derive(Clone)]
struct Node {
    doc: Doc,
    place: Place,
    size: Size,
    /// Levels of lists and mappings, this one included.
    height: usize,
}

/// A list or mapping that has begun.
struct Frame {
    start: Position,
    /// Written with brackets.
    flow: bool,
    anchor: usize,
    size: Size,
    height: usize,
    content: Content,
}

enum Content {
    List(Vec<(Doc, Place)>),
    Map { entries: Vec<Entry>, key: Option<Key> },
}

struct Key {
    text: Str,
    span: Span,
    is_merge: bool,
}

/// A collection that has begun and not ended, for [`diagnose`].
pub(super) struct Open {
    pub start: Position,
    pub flow: bool,
}

#[derive(Default)]
struct Reader {
    stack: Vec<Frame>,
    /// Finished anchors of this document by the parser's number for them.
    anchors: BTreeMap<usize, Node>,
    root: Option<Node>,
    /// Of the whole stream.
    size: Size,
    /// Keys that mappings of the stream hold again; where that is a fault, there is no such list.
    repeated: Option<Vec<Diagnostic>>,
}

impl Reader {
    fn open(&self) -> Vec<Open> {
        self.stack.iter().map(|frame| Open { start: frame.start, flow: frame.flow }).collect()
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.scalar(&text, style, tag.as_deref(), anchor, span)
            }
            Event::SequenceStart(anchor, _) => self.begin(Content::List(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => {
                self.begin(Content::Map { entries: Vec::new(), key: None }, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn grow(&mut self, by: Size, at: Position) -> Result<(), Diagnostic> {
        self.size.nodes = self.size.nodes.saturating_add(by.nodes);
        self.size.bytes = self.size.bytes.saturating_add(by.bytes);
        let bound = if self.size.nodes > MAX_NODES {
            format!("{MAX_NODES} keys and values")
        } else if self.size.bytes > MAX_BYTES {
            format!("{} MiB", MAX_BYTES >> 20)
        } else {
            return Ok(());
        };
        Err(Diagnostic::new(
            at,
            format!("the text is too large: expected at most {bound}, all aliases written out"),
        ))
    }

    fn check_depth(&self, levels: usize, at: Position) -> Result<(), Diagnostic> {
        if self.stack.len() + levels > MAX_DEPTH { Err(diagnose::too_deep(at)) } else { Ok(()) }
    }

    fn begin(&mut self, content: Content, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        self.check_depth(1, span.start)?;
        if self.expects_key() {
            return Err(Diagnostic::new(
                span.start,
                "expected a key that is plain text: quote a text that begins with '{' or '['",
            ));
        }
        let size = Size { nodes: 1, bytes: 0 };
        self.grow(size, span.start)?;
        self.stack.push(Frame {
            start: span.start,
            flow: span.start != span.end,
            anchor,
            size,
            height: 1,
            content,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Diagnostic> {
        let frame = self.stack.pop().expect("the parser ends only what it began");
        let (doc, below, last) = match frame.content {
            Content::List(items) => {
                let last = items.last().map(|(_, place)| place.value.end);
                let (docs, places): (Vec<Doc>, Vec<Place>) = items.into_iter().unzip();
                (Doc::from(docs), Below::Items(Arc::from(places)), last)
            }
            Content::Map { entries, .. } => {
                let last = entries.last().map(|entry| entry.place.value.end);
                let (doc, below, again) = merge_keys::finish(entries);
                match (&mut self.repeated, again.into_iter()) {
                    (Some(repeated), again) => repeated.extend(again),
                    (None, mut again) => again.next().map_or(Ok(()), Err)?,
                }
                (doc, below, last)
            }
        };
        // The end of an indented collection is only noticed lines later, at the next token.
        let end = if frame.flow { span.end } else { last.unwrap_or(span.start) };
        let value = Span { start: frame.start, end };
        let node =
            Node { doc, place: Place { key: value, value, below }, size: frame.size, height: frame.height };
        self.add(node, frame.anchor)
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        anchor: usize,
        span: Span,
    ) -> Result<(), Diagnostic> {
        let size = Size { nodes: 1, bytes: text.len() };
        self.grow(size, span.start)?;
        if self.expects_key() && style == ScalarStyle::Plain && text == "<<" && tag.is_none() {
            self.set_key(Key { text: intern("<<"), span, is_merge: true }, size);
            return Ok(());
        }
        let doc = scalar::resolve(text, style, tag).map_err(|why| Diagnostic::new(span.start, why))?;
        let place = Place { key: span, value: span, below: Below::Nothing };
        self.add(Node { doc, place, size, height: 0 }, anchor)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Diagnostic> {
        let Some(mut node) = self.anchors.get(&anchor).cloned() else {
            let inside = self.stack.iter().any(|frame| frame.anchor == anchor);
            return Err(Diagnostic::new(span.start, diagnose::no_value(inside)));
        };
        self.check_depth(node.height, span.start)?;
        self.grow(node.size, span.start)?;
        node.place.key = span;
        node.place.value = span;
        self.add(node, 0)
    }

    fn expects_key(&self) -> bool {
        matches!(self.stack.last(), Some(Frame { content: Content::Map { key: None, .. }, .. }))
    }

    fn set_key(&mut self, new: Key, size: Size) {
        if let Some(frame) = self.stack.last_mut()
            && let Content::Map { key, .. } = &mut frame.content
        {
            *key = Some(new);
            frame.size.nodes += size.nodes;
            frame.size.bytes += size.bytes;
        }
    }

    /// Puts a finished value where it belongs: key, value, item or the whole document.
    fn add(&mut self, mut node: Node, anchor: usize) -> Result<(), Diagnostic> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        if self.expects_key() {
            let span = node.place.value;
            let text = scalar::key_text(&node.doc).ok_or_else(|| {
                Diagnostic::new(span.start, "expected a key that is plain text: this one is empty or no text")
            })?;
            self.set_key(Key { text, span, is_merge: false }, node.size);
            return Ok(());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.size.nodes += node.size.nodes;
        frame.size.bytes += node.size.bytes;
        frame.height = frame.height.max(node.height + 1);
        match &mut frame.content {
            Content::List(items) => items.push((node.doc, node.place)),
            Content::Map { entries, key } => {
                let key = key.take().expect("a value comes after its key");
                if key.is_merge {
                    entries.extend(merge_keys::entries_of(&node.doc, &node.place)?);
                } else {
                    node.place.key = key.span;
                    entries.push(Entry { key: key.text, doc: node.doc, place: node.place, merged: false });
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
