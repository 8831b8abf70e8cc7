//! Quick fixes: changes of a manifest's text that mend what is wrong with it.
//!
//! They follow from the text, the message and the schemas that come with the cluster. What custom resources need too
//! (other names of fields, other versions) the editor finds in the schemas that are served.

mod fields;
mod flow;
mod former;
mod numbers;
mod places;
mod required;
mod scene;
mod schedule;
mod selector;
mod shapes;
mod syntax;
mod values;
mod versions;
mod words;

use serde::Serialize;

use super::{Diagnostic, diagnose};
use crate::manifest::{self, Document, Position};
use flow::Flow;
use scene::{Fault, Lines};

/// One way to mend a fault.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Fix {
    /// The name of the words for it: `fix_value`, `fix_move` …
    pub says: &'static str,
    /// What they are about: a value, a field, a place.
    pub of: String,
    /// What changes. No two overlap; all are places in the text as it was.
    pub edits: Vec<Edit>,
}

/// Text in place of other text. Lines and columns count from 1, columns in characters.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Edit {
    /// Line and column of the first character that goes.
    pub from: (u32, u32),
    /// Line and column after the last.
    pub to: (u32, u32),
    /// What comes in its place.
    pub text: String,
}

impl Fix {
    fn new(says: &'static str, of: impl Into<String>, edits: Vec<Edit>) -> Fix {
        Fix { says, of: of.into(), edits }
    }

    /// The text once it is mended.
    pub fn applied(&self, text: &str) -> String {
        let lines = Lines::new(text);
        let mut edits: Vec<(usize, usize, &str)> = self
            .edits
            .iter()
            .map(|edit| (lines.offset(edit.from), lines.offset(edit.to), edit.text.as_str()))
            .collect();
        crate::collections::sort(&mut edits);
        let mut mended = text.to_owned();
        for (from, to, insert) in edits.into_iter().rev() {
            mended.replace_range(from..to, insert);
        }
        mended
    }
}

/// Every rule looks at one fault and knows whether it is its own.
const RULES: &[fn(&Fault) -> Vec<Fix>] = &[
    syntax::space,
    syntax::tabs,
    syntax::quotes,
    syntax::twice,
    values::allowed,
    values::of_two,
    values::of_another_type,
    numbers::words,
    numbers::ports,
    schedule::words,
    values::amount,
    values::name,
    values::bounds,
    values::absolute,
    values::encoded,
    shapes::list,
    shapes::map,
    words::word,
    shapes::unwrapped,
    shapes::text,
    fields::drawn,
    fields::other_letters,
    fields::version,
    versions::served,
    versions::other,
    former::backend,
    former::default_backend,
    fields::unknown,
    selector::labels,
    required::field,
    required::forbidden,
    required::both,
    required::declared,
    required::brought,
];

fn rules(fault: &Fault) -> Vec<Fix> {
    RULES.iter().flat_map(|rule| rule(fault)).collect()
}

/// Larger texts are not read again to see what a change makes of them, in bytes.
const LARGE: usize = 1 << 16;

/// What mends the faults of one text.
#[derive(Debug)]
pub struct Mender<'a> {
    lines: Lines<'a>,
    parts: Vec<Part>,
}

/// A part of a text that is read alone.
#[derive(Debug)]
struct Part {
    /// With its lines where they are in the whole.
    text: String,
    /// The objects in it: documents, or the items of one that is a List.
    objects: Vec<Document>,
}

impl Part {
    fn new(text: String) -> Part {
        let documents = manifest::parse(&text).unwrap_or_default();
        Part { objects: documents.iter().flat_map(diagnose::objects).collect(), text }
    }
}

impl<'a> Mender<'a> {
    /// For `text`, which may be no YAML, and the `faults` in it that are to be mended.
    pub fn new(text: &'a str, faults: &[Diagnostic]) -> Mender<'a> {
        Mender { lines: Lines::new(text), parts: concerned(text, faults) }
    }

    /// What mends a fault, the likeliest first.
    pub fn fixes(&self, of: &Diagnostic) -> Vec<Fix> {
        let at = Position { line: of.line, column: of.column };
        let holds = |object: &Document| {
            let root = object.spans.root();
            root.start <= at && at <= root.end
        };
        let part =
            self.parts.iter().find_map(|part| part.objects.iter().position(holds).map(|at| (part, at)));
        let fault = Fault::new(&self.lines, part.map(|(part, at)| &part.objects[at]), of);
        let mut fixes = rules(&fault);
        let (Some((part, at)), Some(path)) = (part, &fault.path) else { return fixes };
        if let Some(flow) = Flow::around(&part.text, &part.objects, at, path) {
            return flow.fixes(of, path, fixes);
        }
        fixes.retain(|fix| part.text.len() > LARGE || manifest::parse(&fix.applied(&part.text)).is_ok());
        fixes
    }
}

/// The documents with faults, of Lists the items: of a long text, no others are read.
fn concerned(text: &str, faults: &[Diagnostic]) -> Vec<Part> {
    let Some(pieces) = diagnose::pieces(text) else { return vec![Part::new(text.to_owned())] };
    let faulty = |piece: &diagnose::Piece| faults.iter().any(|fault| piece.has(fault.line));
    pieces.into_iter().filter(faulty).map(|piece| Part::new(piece.in_place())).collect()
}
