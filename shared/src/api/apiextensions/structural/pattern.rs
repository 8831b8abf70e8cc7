//! Patterns: regular expressions that take time linear in the text, as Go's do.

use regex_lite::{Regex, RegexBuilder};

/// How large a pattern may become when it is made ready, in bytes; repetitions of repetitions would grow without end.
const MOST: usize = 1 << 17;

/// Makes a pattern ready.
///
/// # Errors
/// What is wrong with it.
pub fn read(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(MOST)
        .build()
        .map_err(|error| in_words_of_go(pattern, &error.to_string()))
}

/// What is wrong, as Go says it, as far as it is one of the usual mistakes.
fn in_words_of_go(pattern: &str, why: &str) -> String {
    let (mut what, mut which) = (why, pattern);
    let from = |at: Option<usize>, count: usize| {
        let rest = &pattern[at.unwrap_or(0)..];
        &rest[..rest.char_indices().nth(count).map_or(rest.len(), |(end, _)| end)]
    };
    if why.contains("without closing ')'") {
        what = "missing closing )";
    } else if why.contains("without matching '('") {
        what = "unexpected )";
    } else if why.contains("closing bracket") || why.contains("unclosed character class") {
        (what, which) = ("missing closing ]", from(pattern.rfind('['), usize::MAX));
    } else if why.contains("must be applied to a sub-expression") {
        (what, which) = ("missing argument to repetition operator", from(pattern.find(['*', '+', '?']), 1));
    } else if why.contains("look-around") {
        let at = ["(?=", "(?!", "(?<"].into_iter().filter_map(|look| pattern.find(look)).min();
        (what, which) = ("invalid or unsupported Perl syntax", from(at, 3));
    } else if why.contains("unrecognized escape") || why.contains("backreferences") {
        (what, which) = ("invalid escape sequence", from(pattern.find('\\'), 2));
    }
    format!("error parsing regexp: {what}: `{which}`")
}
