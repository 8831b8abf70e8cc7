//! JSON values one after the other, as outputs of `kubectl get -o json` are that somebody joined: kubectl takes such a
//! stream, which is no YAML.

use crate::doc::go_json;

use super::Diagnostic;
use super::spans::{Above, Position};

/// So many values may be followed by something else, which is read as YAML then.
const BEFORE_YAML: usize = 1;

/// One of them, or all that stands where one was expected.
pub(super) struct Value<'a> {
    pub text: &'a str,
    pub above: Above,
    /// Whether kubectl looks at it.
    is_read: bool,
}

impl Value<'_> {
    pub fn check(&self) -> Result<(), Diagnostic> {
        if self.is_read {
            return Ok(());
        }
        let blank = self.text.len() - self.text.trim_start().len();
        let at = Position { line: 1, column: 1 }.moved(self.above.and(&self.text[..blank]));
        let message = "this is no JSON, and the values before it are: expected JSON, or all of them as YAML";
        Err(Diagnostic::new(at, message))
    }
}

/// The values of a text; `None` where it does not begin with a whole one that is followed by something.
pub(super) fn several(text: &str) -> Option<Vec<Value<'_>>> {
    let mut rest = text.trim_start_matches('\u{feff}');
    if !rest.trim_start().starts_with('{') {
        return None;
    }
    let mut values = Vec::new();
    let mut above = Above::default();
    while !rest.trim_start().is_empty() {
        let first = go_json::first(rest);
        let is_read = first.is_ok() || values.len() <= BEFORE_YAML;
        let (text, after) = rest.split_at(first.map_or(rest.len(), |(_, length)| length));
        values.push(Value { text, above, is_read });
        above = above.and(text);
        rest = after;
    }
    (values.len() > 1).then_some(values)
}
