//! Patterns: regular expressions that take time linear in the text, as Go's do.

use regex_lite::{Regex, RegexBuilder};

/// How large a pattern may become when it is made ready, in bytes; repetitions of repetitions would grow without end.
const MOST: usize = 1 << 17;

/// Makes a pattern ready.
///
/// # Errors
/// What is wrong with it.
pub fn read(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MOST).build().map_err(|error| error.to_string())
}
