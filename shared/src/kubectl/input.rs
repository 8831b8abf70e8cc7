//! Standard input: a text, and what it says once somebody asked. A program runs again with every answer; a manifest of a
//! thousand objects is read once all the same.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use crate::doc::go_json::first;
use crate::doc::{Doc, Str};
use crate::manifest::{self, MAX_BYTES};

use super::manifests::Objects;

/// A text that is read as documents at most once.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    pub text: Str,
    /// What was read; it follows from the text, and is no part of what the program is.
    stream: OnceLock<Stream>,
    /// The objects that the program deals with, once it knows them.
    pub objects: OnceLock<Arc<Objects>>,
}

/// The documents of a text, up to the first that cannot be read.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub documents: Vec<Document>,
    /// Why there are no more.
    pub fault: Option<String>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub doc: Doc,
    /// As JSON, where it was written so.
    written: Option<Str>,
}

impl Document {
    /// Its JSON, as messages quote it.
    pub fn json(&self) -> String {
        self.written.as_ref().map_or_else(|| self.doc.to_go_json(), Str::to_string)
    }
}

impl Input {
    /// Its documents.
    pub fn stream(&self) -> &Stream {
        self.stream.get_or_init(|| Stream::read(&self.text))
    }
}

impl Stream {
    /// Reads a text as kubectl does: JSON values one after the other, or YAML documents.
    pub fn read(text: &str) -> Stream {
        let mut stream = Stream::default();
        let text = text.trim_start_matches('\u{feff}');
        if text.trim_start().starts_with('{') && text.len() <= MAX_BYTES {
            stream.read_json(text);
        } else {
            stream.fault = stream.read_yaml(text).err();
        }
        stream
    }

    /// The document that comes first, be it none; the error is why it cannot be read.
    pub fn first(text: &str) -> Result<Doc, String> {
        let Stream { documents, fault } = Stream::read(text);
        match (documents.into_iter().next(), fault) {
            (Some(first), _) => Ok(first.doc),
            (None, Some(fault)) => Err(fault),
            (None, None) => Ok(Doc::Null),
        }
    }

    fn add(&mut self, doc: Doc, written: Option<Str>) {
        if !doc.is_null() {
            self.documents.push(Document { doc, written });
        }
    }

    fn read_json(&mut self, text: &str) {
        let mut at = 0;
        for count in 0.. {
            let rest = &text[at..];
            if rest.trim_start().is_empty() {
                return;
            }
            match first(rest) {
                Ok((doc, length)) => {
                    self.add(doc, Some(rest[..length].trim_start().into()));
                    at += length;
                }
                Err((fault, _)) if count > 1 => {
                    self.fault = Some(fault);
                    return;
                }
                Err((fault, noticed)) => {
                    // What is no JSON after all may still be YAML; where it is not, it is JSON's fault that counts.
                    let rest = match rest.find(|c: char| !c.is_whitespace() || c == '\n') {
                        Some(next) if rest[next..].starts_with('\n') => &rest[next + 1..],
                        Some(next) => &rest[next..],
                        None => rest,
                    };
                    // Go looks at four bytes to find that out.
                    if rest.len() < 4 || self.read_yaml(rest).is_err() {
                        self.fault = Some(match noticed {
                            Some(noticed) => format!("json: offset {}: {fault}", at + noticed),
                            None => fault,
                        });
                    }
                    return;
                }
            }
        }
    }

    /// Reads YAML documents; the error is why there are no more.
    fn read_yaml(&mut self, text: &str) -> Result<(), String> {
        let plain = |line: &str| {
            line.strip_prefix("---").is_none_or(|rest| matches!(rest.trim().chars().next(), None | Some('#')))
        };
        if text.lines().all(plain)
            && let Ok(documents) = manifest::documents_loosely(text)
        {
            documents.into_iter().for_each(|doc| self.add(doc, None));
            return Ok(());
        }
        // Something is wrong with one of them: those before it count.
        let mut room = MAX_BYTES;
        let mut begun = 0;
        let mut at = 0;
        for line in text.split_inclusive('\n').map(Some).chain([None]) {
            if line.is_none_or(|line| line.starts_with("---") && (begun < at || !plain(line))) {
                let piece = &text[begun..at];
                if let Some(line) = line.filter(|line| !plain(line)) {
                    return Err(format!("invalid Yaml document separator: {}", line[3..].trim()));
                }
                if !piece.is_empty() {
                    let read = manifest::documents_loosely(piece)
                        .map_err(|fault| format!("error converting YAML to JSON: yaml: {}", fault.kubectl))?;
                    let doc = read.into_iter().next().unwrap_or_default();
                    room = room
                        .checked_sub(doc.to_json().len())
                        .ok_or("the text is too large, all aliases written out")?;
                    self.add(doc, None);
                }
                begun = at + line.map_or(0, str::len);
            }
            at += line.map_or(0, str::len);
        }
        Ok(())
    }
}

impl From<Str> for Input {
    fn from(text: Str) -> Input {
        Input { text, ..Input::default() }
    }
}

impl PartialEq for Input {
    fn eq(&self, other: &Input) -> bool {
        self.text == other.text
    }
}

impl Hash for Input {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}
