//! Texts that are diagnosed again after every key: of a long one, one document has changed.

use crate::collections::BTreeMap;
use crate::manifest;

use super::{Diagnostic, of_document};

/// Larger texts are read as a whole, with the bounds for a whole.
const MOST_BYTES: usize = 1 << 20;

/// A part of a text, between one `---` and the next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece<'a> {
    /// How many lines stand before it.
    pub above: u32,
    /// How many bytes.
    from: usize,
    /// How many are its own.
    pub lines: u32,
    /// These.
    pub text: &'a str,
}

impl Piece<'_> {
    /// Whether this line of the whole, counted from 1, is one of its own.
    pub fn has(&self, line: u32) -> bool {
        (self.above + 1..=self.above + self.lines).contains(&line)
    }
}

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
                faults: documents.iter().flat_map(of_document).collect(),
                readable: true,
                ..Diagnosis::default()
            },
        })
    }

    /// Remembers what a server said of the text that was diagnosed last.
    pub fn settle(&mut self, text: &str, faults: &[Diagnostic]) {
        for piece in cut(text) {
            let Some(known) = self.known.get_mut(piece.text) else { continue };
            let own = faults.iter().filter(|fault| piece.has(fault.line));
            known.told = own.map(|fault| fault.moved(|line| line - piece.above)).collect();
        }
    }

    /// `None` where the whole has to be read: its documents may not be told apart by their lines alone.
    fn by_pieces<'a>(&mut self, text: &'a str) -> Option<Diagnosis<'a>> {
        let pieces = pieces(text)?;
        let mut diagnosis = Diagnosis { readable: true, ..Diagnosis::default() };
        let mut now: BTreeMap<String, Known> = BTreeMap::new();
        let mut changed = Vec::new();
        for piece in &pieces {
            let known = match now.get(piece.text).or_else(|| self.known.get(piece.text)) {
                Some(known) => known.clone(),
                None => {
                    changed.push(*piece);
                    match manifest::parse(piece.text) {
                        Ok(documents) => Known {
                            faults: documents.iter().flat_map(of_document).collect(),
                            told: Vec::new(),
                        },
                        // Nothing is said of the others then; they are still known when this one is mended.
                        Err(_) => return manifest::parse(&from_here(text, piece)?).err().map(unreadable),
                    }
                }
            };
            let here = |fault: &Diagnostic| fault.moved(|line| line + piece.above);
            diagnosis.faults.extend(known.faults.iter().map(here));
            diagnosis.told.extend(known.told.iter().map(here));
            now.insert(piece.text.to_owned(), known);
        }
        self.known = now;
        if let ([one], 2..) = (changed.as_slice(), pieces.len()) {
            diagnosis.changed = Some(*one);
        }
        Some(diagnosis)
    }
}

fn unreadable(fault: manifest::Diagnostic) -> Diagnosis<'static> {
    Diagnosis { faults: vec![fault.into()], ..Diagnosis::default() }
}

/// A text without the words of what stands before a piece, up to its `---`: what is open at the end of the piece is noticed by
/// what follows, and told by its lines in the whole. `None` where more stands on the line with the `---`.
fn from_here(text: &str, piece: &Piece<'_>) -> Option<String> {
    if piece.from == 0 {
        return Some(text.to_owned());
    }
    let line = text[..piece.from - 1].rfind('\n').map_or(0, |end| end + 1);
    let own = !text[line..].starts_with("---");
    (!own).then(|| format!("{}{}", "\n".repeat(piece.above as usize - 1), &text[line..]))
}

/// The pieces of a text, where each may be read alone.
pub(in crate::session) fn pieces(text: &str) -> Option<Vec<Piece<'_>>> {
    (text.len() <= MOST_BYTES && !depends_on_all(text)).then(|| cut(text))
}

/// Whether what a document is may depend on what stands around it.
fn depends_on_all(text: &str) -> bool {
    // Aliases count together in all documents; `%` begins a directive for what follows.
    let counted = has_word(text, '&') && has_word(text, '*') || text.starts_with('%') || text.contains("\n%");
    // `\r` alone ends a line, too; a byte order mark may only be the very first.
    let old_ends = text.split('\r').skip(1).any(|rest| !rest.starts_with('\n'));
    counted || old_ends || text.rfind('\u{feff}').is_some_and(|at| at > 0)
}

/// Whether a word begins with this sign, as those of anchors and aliases do. `a && b` and `0 * * * *` have none.
fn has_word(text: &str, sign: char) -> bool {
    text.match_indices(sign).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        before.is_none_or(|c| c.is_whitespace() || "[]{},:-?".contains(c))
            && after.is_some_and(|c| !c.is_whitespace() && c != sign)
    })
}

/// Cuts a text at every `---` at the beginning of a line. The line itself is part of no piece, unless more stands on it.
fn cut(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut from, mut above, mut at, mut number) = (0, 0, 0, 0);
    for line in text.split_inclusive('\n') {
        let rest = line.strip_prefix("---");
        if let Some(rest) = rest.filter(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace)) {
            found.push(Piece { above, from, lines: number - above, text: &text[from..at] });
            (from, above) = if rest.trim().is_empty() { (at + line.len(), number + 1) } else { (at, number) };
        }
        at += line.len();
        number += 1;
    }
    found.push(Piece { above, from, lines: number - above, text: &text[from..] });
    found
}
