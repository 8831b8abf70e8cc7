//! Patterns, and what they cost.

use regex_lite::Regex;

use crate::api::apiextensions::structural::read_pattern;
use crate::doc::Doc;

/// What it costs to make a pattern ready, and how many places one has at the most.
const MAKING_READY: usize = 100;
const LONGEST_PATTERN: usize = 4096;

pub(super) fn compiled(text: &str) -> Result<Regex, String> {
    read_pattern(text).map_err(|why| format!("error parsing regexp: {why}"))
}

/// What a call costs beyond looking at its values: the text that it makes, and what a pattern may have to try.
pub(super) fn result_weight(name: &str, values: &[Doc]) -> usize {
    match (name, values) {
        ("replace", [Doc::Str(text), Doc::Str(from), Doc::Str(to), ..]) => {
            text.matches(from.as_str()).count().saturating_mul(to.len()) / 10
        }
        ("join", [Doc::List(items), Doc::Str(with)]) => items.len().saturating_mul(with.len()) / 10,
        ("matches" | "find" | "findAll", [Doc::Str(text), Doc::Str(pattern), ..]) => {
            // What is repeated makes a pattern longer than it looks.
            let length = if pattern.contains('{') { LONGEST_PATTERN } else { pattern.len() };
            MAKING_READY + text.len().saturating_mul(length) / 100
        }
        // Each is compared with those before it.
        ("distinct", [Doc::List(items)]) => items.len().saturating_mul(items.len()),
        ("lists.range", [Doc::Int(count)]) => usize::try_from(count.get()).unwrap_or(0),
        _ => 0,
    }
}
