//! The one reader and writer of YAML: editor, terminal, server and `kubarium run` all come here.
//!
//! Text becomes documents as kubectl makes them (YAML 1.1 scalars, merge keys), and every value keeps the place it
//! came from, so that a fault at `spec.replicas` can be shown on its line. Hostile text is refused within bounds.

mod diagnose;
mod known;
mod merge_keys;
mod order;
mod reader;
mod scalar;
mod spans;
mod values;
mod writer;

use std::fmt;

pub use reader::{MAX_BYTES, MAX_DEPTH, MAX_NODES, parse, parse_loosely};
pub use spans::{Position, Span, Spans};
pub use writer::to_yaml;

use crate::doc::Doc;

use spans::Above;

/// One document of a YAML stream.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub doc: Doc,
    /// Where it says so.
    pub spans: Spans,
}

impl Document {
    fn moved(self, above: Above) -> Document {
        Document { spans: Spans(self.spans.0.moved(above)), ..self }
    }
}

/// The documents of a text, without their places.
///
/// # Errors
/// Where and why the text cannot be read.
pub fn documents(text: &str) -> Result<Vec<Doc>, Diagnostic> {
    match known::documents(text) {
        Some(known) => Ok(known),
        None => Ok(parse(text)?.into_iter().map(|document| document.doc).collect()),
    }
}

/// The same as kubectl reads it: of a key that stands in a mapping again the last one counts.
///
/// # Errors
/// Where and why the text cannot be read.
pub fn documents_loosely(text: &str) -> Result<Vec<Doc>, Diagnostic> {
    match known::documents(text) {
        Some(known) => Ok(known),
        None => Ok(parse_loosely(text)?.0.into_iter().map(|document| document.doc).collect()),
    }
}

/// Why text cannot be read, and where: both count from 1, the column in characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Line.
    pub line: u32,
    /// Column.
    pub column: u32,
    /// What was expected, in one sentence.
    pub message: String,
    /// What kubectl's own reader says instead: `line 3: …`.
    pub kubectl: String,
}

impl Diagnostic {
    fn new(at: Position, message: impl Into<String>) -> Diagnostic {
        let message = message.into();
        Diagnostic {
            line: at.line,
            column: at.column,
            kubectl: format!("line {}: {message}", at.line),
            message,
        }
    }

    fn moved(self, above: Above) -> Diagnostic {
        let at = Position { line: self.line, column: self.column }.moved(above);
        Diagnostic { line: at.line, column: at.column, ..self }
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for Diagnostic {}
