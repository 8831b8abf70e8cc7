//! Standard input: a text, and what it says once somebody asked. A program runs again with every answer; a manifest of a
//! thousand objects is read once all the same.

use std::hash::{Hash, Hasher};
use std::sync::OnceLock;

use crate::doc::{Doc, Str};
use crate::manifest::{self, Diagnostic};

/// A text that is read as documents at most once.
#[derive(Clone, Debug, Default)]
pub(super) struct Input {
    pub text: Str,
    /// What was read; it follows from the text, and is no part of what the program is.
    documents: OnceLock<Vec<Doc>>,
}

impl Input {
    /// Its documents.
    pub fn documents(&self) -> Result<&[Doc], Diagnostic> {
        if let Some(known) = self.documents.get() {
            return Ok(known);
        }
        let read = manifest::documents(&self.text)?;
        Ok(self.documents.get_or_init(|| read))
    }
}

impl From<Str> for Input {
    fn from(text: Str) -> Input {
        Input { text, documents: OnceLock::new() }
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
