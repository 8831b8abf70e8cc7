//! Wording: what a parser error most likely means to the person who wrote the text.

use crate::collections::sort;
use saphyr_parser::ScanError;

use super::Diagnostic;
use super::reader::{MAX_DEPTH, Open};
use super::spans::Position;

fn spaces(count: usize) -> String {
    if count == 1 { "1 space".to_owned() } else { format!("{count} spaces") }
}

pub(super) fn too_deep(at: Position) -> Diagnostic {
    Diagnostic::new(
        at,
        format!("lists and mappings are nested too deeply: expected at most {MAX_DEPTH} levels"),
    )
}

/// For the parser the text ends there.
pub(super) fn control_character(text: &str, at: usize) -> Diagnostic {
    let before = &text[..at];
    let line = before.matches('\n').count() as u32 + 1;
    let column =
        before.rsplit('\n').next().map_or(0, |line| line.trim_start_matches('\u{feff}').chars().count());
    let at = Position { line, column: column as u32 + 1 };
    let kubectl = "control characters are not allowed".to_owned();
    Diagnostic { kubectl, ..Diagnostic::new(at, CONTROL_CHARACTER) }
}

const CONTROL_CHARACTER: &str = "this is a control character: expected text";

/// What an alias means that has no value: the parser knows its anchor.
pub(super) fn no_value(inside: bool) -> &'static str {
    if inside {
        "this alias stands inside the value that it means: expected one that is complete"
    } else {
        "what this alias means is marked in another document: expected that in this one"
    }
}

/// The text around an error.
struct Scene<'a> {
    lines: Vec<&'a str>,
    /// The line after the last.
    end: u32,
    at: Position,
    info: &'a str,
    open: &'a [Open],
}

/// The diagnostic for a parser error; `open` are the collections around it, outermost first.
pub(super) fn diagnose(text: &str, error: &ScanError, open: &[Open]) -> Diagnostic {
    let marker = error.marker();
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let at = Position { line: small(marker.line()), column: small(marker.col() + 1) };
    if error.info().contains("recursion limit") {
        return too_deep(at);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    // Only lines up to the one after the error are looked at.
    let lines = text.lines().take(marker.line() + 1).collect();
    let scene = Scene { lines, end: small(text.lines().count() + 1), at, info: error.info(), open };
    let kubectl = scene.kubectl();
    let diagnostic = scene
        .tab()
        .or_else(|| scene.quoted())
        .or_else(|| scene.unmarked())
        .or_else(|| scene.unclosed_bracket())
        .or_else(|| scene.missing_space())
        .or_else(|| scene.indentation())
        .or_else(|| scene.token())
        .unwrap_or_else(|| Diagnostic::new(at, format!("this is not valid YAML: {}", error.info())));
    Diagnostic { kubectl: kubectl.unwrap_or(diagnostic.kubectl), ..diagnostic }
}

/// What our parser says, what Go's says of the same, and whether Go's notices while it looks for words (then it names
/// the line of the word) or for structure (then the line above the collection's, its count being off by one).
const GO_WORDS: &[(&str, &str, bool)] = &[
    ("mapping values are not allowed", "mapping values are not allowed in this context", true),
    (
        "block sequence entries are not allowed",
        "block sequence entries are not allowed in this context",
        true,
    ),
    ("simple key expect", "could not find expected ':'", true),
    ("unexpected character", "found character that cannot start any token", true),
    ("tab", "found character that cannot start any token", true),
    ("unknown escape character", "found unknown escape character", true),
    ("found unexpected end of stream", "found unexpected end of stream", true),
    ("unknown anchor", "unknown anchor", true),
    ("did not find expected key", "did not find expected key", false),
    ("did not find expected '-' indicator", "did not find expected '-' indicator", false),
    ("did not find expected node content", "did not find expected node content", false),
    ("did not find expected ',' or '}'", "did not find expected ',' or '}'", false),
    ("expected ',' or ']'", "did not find expected ',' or ']'", false),
    ("invalid indentation in flow construct", "did not find expected ',' or '}'", false),
    ("did not find expected <document start>", "did not find expected <document start>", false),
];

impl Scene<'_> {
    /// What kubectl's own reader would say.
    fn kubectl(&self) -> Option<String> {
        let Some((_, words, scanning)) = GO_WORDS.iter().find(|(ours, ..)| self.info.contains(ours)) else {
            return self.unclosed();
        };
        let start = self.open.last().map_or(0, |open| open.start.line.saturating_sub(1));
        let line = match (scanning, start) {
            // A text that is not closed is noticed where there is no more.
            (true, _) if self.info.contains("end of stream") => self.end,
            // The first line has no number.
            (true, _) if self.at.line == 1 => 0,
            (true, _) => self.at.line,
            (false, 0) => self.at.line.saturating_sub(1),
            (false, start) => start,
        };
        Some(if line == 0 { (*words).to_owned() } else { format!("line {line}: {words}") })
    }

    /// What it says of brackets that are not closed where something else begins.
    fn unclosed(&self) -> Option<String> {
        let Open { start, flow: true } = self.open.last()? else { return None };
        let bracket = self.line(start.line).chars().nth(start.column as usize - 1)?;
        let closing = if bracket == '{' { '}' } else { ']' };
        let line = self.at.line.saturating_sub(1);
        let place = if line == 0 { String::new() } else { format!("line {line}: ") };
        Some(format!("{place}did not find expected ',' or '{closing}'"))
    }

    /// The text of a line counted from 1.
    fn line(&self, line: u32) -> &str {
        (line as usize).checked_sub(1).and_then(|at| self.lines.get(at)).copied().unwrap_or("")
    }

    /// The last line before `line` that says something.
    fn before(&self, line: u32) -> Option<u32> {
        (1..line).rev().find(|&line| {
            let text = self.line(line).trim_start();
            !text.trim_end().is_empty() && !text.starts_with('#')
        })
    }

    fn say(&self, line: u32, column: usize, message: impl Into<String>) -> Option<Diagnostic> {
        let column = u32::try_from(column).unwrap_or(u32::MAX);
        Some(Diagnostic::new(Position { line, column }, message))
    }

    fn here(&self, message: impl Into<String>) -> Option<Diagnostic> {
        Some(Diagnostic::new(self.at, message))
    }

    /// The character at the error.
    fn character(&self) -> Option<char> {
        self.line(self.at.line).chars().nth(self.at.column as usize - 1)
    }

    fn tab(&self) -> Option<Diagnostic> {
        for line in [self.at.line, self.at.line + 1] {
            let indent = self.line(line).chars().take_while(|c| c.is_whitespace());
            if let Some(tab) = indent.clone().position(|c| c == '\t')
                && self.line(line).chars().count() > indent.count()
            {
                return self.say(line, tab + 1, "this line is indented with a tab: expected spaces");
            }
        }
        let after_mark = self.info.starts_with("':' must be followed") || self.info.contains("tab");
        let before: Vec<char> = self.line(self.at.line).chars().take(self.at.column as usize).collect();
        let tab = before.iter().rposition(|&c| c == '\t').filter(|_| after_mark)?;
        self.say(self.at.line, tab + 1, "this is a tab: expected a space")
    }

    fn quoted(&self) -> Option<Diagnostic> {
        if !self.info.contains("quoted scalar") {
            return None;
        }
        if self.info.contains("trailing content") {
            return self
                .here("text stands after the closing quote: expected all of the value inside the quotes");
        }
        if self.info.contains("escape") || self.info.contains("hexadecimal") {
            return self.here(
                "a backslash in this double-quoted text begins no escape that YAML knows: expected \\\\ for a \
                 backslash, or single quotes around the text",
            );
        }
        let quote = self.character().unwrap_or('"');
        self.here(format!("this quote is never closed: expected another {quote} after the text"))
    }

    fn unclosed_bracket(&self) -> Option<Diagnostic> {
        let Open { start, flow: true } = self.open.last()? else { return None };
        let bracket = self.line(start.line).chars().nth(start.column as usize - 1)?;
        let closing = if bracket == '{' { '}' } else { ']' };
        let at_end = self.before(self.lines.len() as u32 + 1).is_none_or(|last| last < self.at.line);
        if at_end || start.line < self.at.line {
            let message =
                format!("this '{bracket}' is never closed: expected ',' or '{closing}' after its last value");
            return Some(Diagnostic::new(*start, message));
        }
        if self.info.contains("expected node content") {
            return self.here("a value is missing: expected one here");
        }
        self.here(format!("the list or mapping in brackets breaks off here: expected ',' or '{closing}'"))
    }

    /// An alias without an anchor.
    fn unmarked(&self) -> Option<Diagnostic> {
        if !self.info.contains("unknown anchor") {
            return None;
        }
        let rest: String = self.line(self.at.line).chars().skip(self.at.column as usize).collect();
        let name = rest.split([' ', ',', ']', '}']).next().unwrap_or("");
        self.here(format!(
            "nothing above is marked '&{name}': expected that, or quotes around a text that begins with '*'"
        ))
    }

    /// `image:nginx` and `-name`.
    fn missing_space(&self) -> Option<Diagnostic> {
        let in_key =
            self.info.contains("mapping values are not allowed") || self.info.contains("simple key expect");
        if !in_key {
            return None;
        }
        let suspects = [self.before(self.at.line), Some(self.at.line)];
        suspects.into_iter().flatten().find_map(|line| {
            let text = self.line(line);
            let indent = text.len() - text.trim_start().len();
            let content = text.trim_start().trim_start_matches("- ");
            let skipped = text.len() - content.len();
            if content.starts_with('-') && !content.starts_with("--") && content.len() > 1 {
                return self.say(
                    line,
                    indent + 2,
                    "a list item begins here: expected a space after the dash",
                );
            }
            let colon = content.find(':')?;
            let name = content[..colon]
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
            let glued = !content[colon + 1..].starts_with([' ', '/', ':']) && content.len() > colon + 1;
            (name && colon > 0 && glued && !content.contains(": "))
                .then(|| self.say(line, skipped + colon + 2, "expected a space after the colon"))?
        })
    }

    fn indentation(&self) -> Option<Diagnostic> {
        let line = self.at.line;
        let text = self.line(line);
        let indent = text.chars().take_while(|&c| c == ' ').count();
        if self.info.contains("simple key expect") {
            // Noticed only at the next token: the culprit stands before it.
            let culprit = self.before(line)?;
            let end = self.line(culprit).trim_end().chars().count();
            return self.say(
                culprit,
                end + 1,
                "this line is no 'key: value': expected a colon and a space after the key",
            );
        }
        if self.info.contains("mapping values are not allowed") {
            let before_colon: String = text.chars().take(self.at.column as usize - 1).collect();
            if before_colon.trim_start().trim_start_matches("- ").contains(": ") {
                return self
                    .here("a second ': ' on this line: expected quotes around a value that holds one");
            }
            let above = self.before(line)?;
            let content = self.line(above).trim_start_matches([' ', '-']);
            let wanted = self.line(above).len() - content.len();
            if indent > wanted {
                let message = format!(
                    "this line is indented by {}, but the line above already has its value: expected {wanted}",
                    spaces(indent)
                );
                return self.say(line, indent + 1, message);
            }
            return self.here(
                "a key cannot stand here: expected it on a line of its own, indented like its neighbours",
            );
        }
        let misplaced = ["did not find expected key", "expected '-' indicator", "invalid indentation"];
        if misplaced.iter().any(|info| self.info.contains(info)) {
            return self.misplaced(indent);
        }
        None
    }

    /// A line whose indentation fits no collection that is open.
    fn misplaced(&self, indent: usize) -> Option<Diagnostic> {
        let line = self.at.line;
        let mut columns: Vec<usize> = self.open.iter().map(|open| open.start.column as usize - 1).collect();
        // What the line above belongs to may have ended here already.
        let above = self.before(line).map_or("", |line| self.line(line));
        columns.push(above.len() - above.trim_start_matches(' ').len());
        sort(&mut columns);
        columns.dedup();
        if !columns.contains(&indent) {
            let columns: Vec<String> = columns.iter().map(usize::to_string).collect();
            let message = format!(
                "this line is indented by {}, which fits no line above: expected {}",
                spaces(indent),
                columns.join(" or ")
            );
            return self.say(line, indent + 1, message);
        }
        if self.line(line).trim_start().starts_with("- ") {
            return self.say(
                line,
                indent + 1,
                "a list item cannot stand here: expected a key like those above",
            );
        }
        self.say(line, indent + 1, "expected a list item that begins with '- ', like those above")
    }

    fn token(&self) -> Option<Diagnostic> {
        let info = self.info;
        if info.starts_with("unexpected character") {
            let mark = self.character().unwrap_or('?');
            return self.here(format!("a value cannot begin with '{mark}': expected quotes around it"));
        }
        let meaning = [
            ("block sequence entries", "a list item cannot begin here: expected it on a line of its own"),
            (
                "only valid inside a block",
                "a list item with '-' cannot stand inside brackets: expected a value",
            ),
            (
                "misplaced bracket",
                "this bracket closes nothing: expected quotes around a value that begins with it",
            ),
            ("unprintable character", CONTROL_CHARACTER),
            ("byte order mark", "this is a byte order mark: expected it only at the beginning of the text"),
            (
                "<document start>",
                "the document is complete above: expected nothing more, or '---' before another one",
            ),
            ("expected node content", "a value is missing: expected one here"),
            ("illegal placement of ':'", "a colon cannot stand here: expected a key before it"),
            (
                "wrongly indented line in block",
                "this line is indented less than the first line of its text block",
            ),
        ];
        meaning.iter().find(|(part, _)| info.contains(part)).and_then(|(_, message)| self.here(*message))
    }
}
