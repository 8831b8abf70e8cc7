//! Texts that are diagnosed again after every key: of a long one, one document or one item of a List has changed.

use crate::collections::BTreeMap;
use crate::manifest::{self, Document};

use super::pieces::{Piece, cut, pieces};
use super::{Diagnostic, of_document};

/// What can be said of a text at once.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Diagnosis<'a> {
    /// What [`diagnose`] says.
    pub faults: Vec<Diagnostic>,
    /// What a server said of documents that are still as they were.
    pub told: Vec<Diagnostic>,
    /// Whether it is YAML.
    pub readable: bool,
    /// The one piece that was not in the text before, where there are several and one alone is new.
    pub changed: Option<Piece<'a>>,
}

/// Diagnoses the versions of one text. Documents that were in the last one are not read again.
#[derive(Clone, Default, Debug)]
pub struct Diagnoser {
    known: BTreeMap<String, Known>,
}

/// What was said of a piece, lines counted from its own first.
#[derive(Clone, Default, Debug)]
struct Known {
    faults: Vec<Diagnostic>,
    told: Vec<Diagnostic>,
}

impl Diagnoser {
    /// What is wrong with `text`, as far as it is known without a server.
    pub fn diagnose<'a>(&mut self, text: &'a str) -> Diagnosis<'a> {
        self.by_pieces(text).unwrap_or_else(|| match manifest::parse(text) {
            Err(fault) => unreadable(fault),
            Ok(documents) => Diagnosis {
                faults: documents.iter().flat_map(alone).collect(),
                readable: true,
                ..Diagnosis::default()
            },
        })
    }

    /// Remembers what a server said of the text that was diagnosed last.
    pub fn settle(&mut self, text: &str, faults: &[Diagnostic]) {
        for piece in cut(text) {
            let Some(known) = self.known.get_mut(&*piece.text) else { continue };
            let own = faults.iter().filter(|fault| piece.has(fault.line));
            known.told = own.map(|fault| fault.moved(|line| line - piece.above)).collect();
        }
    }

    /// `None` where the whole has to be read: its documents may not be told apart by their lines alone.
    fn by_pieces<'a>(&mut self, text: &'a str) -> Option<Diagnosis<'a>> {
        let pieces = pieces(text)?;
        let several = pieces.len() > 1;
        let mut diagnosis = Diagnosis { readable: true, ..Diagnosis::default() };
        let mut now: BTreeMap<String, Known> = BTreeMap::new();
        let mut changed = Vec::new();
        for piece in pieces {
            let known = match now.get(&*piece.text).or_else(|| self.known.get(&*piece.text)) {
                Some(known) => known.clone(),
                None => match manifest::parse(&piece.text) {
                    Ok(documents) => {
                        let known = Known::of(&piece, &documents)?;
                        changed.push(piece.clone());
                        known
                    }
                    // Nothing is said of the others then; they are still known when this one is mended.
                    Err(_) => return manifest::parse(&piece.and_below(text)?).err().map(unreadable),
                },
            };
            let here = |fault: &Diagnostic| fault.moved(|line| line + piece.above);
            diagnosis.faults.extend(known.faults.iter().map(here));
            diagnosis.told.extend(known.told.iter().map(here));
            now.insert(piece.text.into_owned(), known);
        }
        self.known = now;
        if let ([_], true) = (changed.as_slice(), several) {
            diagnosis.changed = changed.pop();
        }
        Some(diagnosis)
    }
}

impl Known {
    /// What the text alone tells of a piece that was read; `None` where it is not what it was cut as.
    fn of(piece: &Piece, documents: &[Document]) -> Option<Known> {
        let own = |fault: Diagnostic| fault.moved(|line| line - piece.lines_of_head());
        let faults = || documents.iter().flat_map(alone).map(own).collect();
        piece.is_read_as(documents).then(|| Known { faults: faults(), told: Vec::new() })
    }
}

/// What a document alone tells: nobody asks a cluster after every key.
fn alone(document: &Document) -> Vec<Diagnostic> {
    of_document(document, &|_, _| None)
}

fn unreadable(fault: manifest::Diagnostic) -> Diagnosis<'static> {
    Diagnosis { faults: vec![fault.into()], ..Diagnosis::default() }
}
