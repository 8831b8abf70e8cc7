//! Reads the steps of a path.

use super::{Comparison, Operand, Step};
use crate::doc::{Doc, parse_json};

/// Longest first, so that none hides another.
const OPERATORS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// What stands between the braces of a path.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let mut rest = text.trim();
    rest = rest.strip_prefix(['$', '@']).unwrap_or(rest);
    match rest.chars().next() {
        None | Some('.' | '[') => {}
        Some(first) if first.is_alphanumeric() || "_+-\"'".contains(first) => {
            return Err("it must begin with a dot".into());
        }
        Some(first) => return Err(unrecognized(first)),
    }
    let some = |(step, after)| (Some(step), after);
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let (step, after) = if let Some(after) = rest.strip_prefix('[') {
            if let Some(first) = strange(after) {
                return Err(unrecognized(first));
            }
            bracket(after).ok_or_else(|| match after.split_once(']') {
                Some((inside, _)) => format!("invalid array index {inside}"),
                None if after.starts_with("?(") => "unterminated filter".to_owned(),
                None => "unterminated array".to_owned(),
            })?
        } else if let Some(after) = rest.strip_prefix("..") {
            if steps.last() == Some(&Step::Below) {
                return Err("invalid multiple recursive descent".into());
            }
            steps.push(Step::Below);
            let ends = after.is_empty() || after.starts_with(['.', '[']);
            if ends { (None, after) } else { some(dotted(after)) }
        } else {
            some(dotted(&rest[1..]))
        };
        steps.extend(step);
        if !after.is_empty() && !after.starts_with(['.', '[']) {
            return Err("parts are joined by dots".into());
        }
        rest = after;
    }
    Ok(steps)
}

fn unrecognized(first: char) -> String {
    format!("unrecognized character in action: U+{:04X} '{first}'", u32::from(first))
}

/// After a dot: a key, in which a backslash keeps the next character, or `*`.
fn dotted(text: &str) -> (Step, &str) {
    let mut key = String::new();
    let mut characters = text.char_indices();
    let mut end = text.len();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => key.extend(characters.next().map(|(_, escaped)| escaped)),
            '.' | '[' => {
                end = at;
                break;
            }
            _ => key.push(character),
        }
    }
    let step = if key == "*" { Step::All } else { Step::Key(key.into()) };
    (step, &text[end..])
}

fn bracket(text: &str) -> Option<(Option<Step>, &str)> {
    if let Some(filter) = text.strip_prefix("?(") {
        let (inside, after) = split_outside_quotes(filter, ")]")?;
        return Some((Some(filtered(inside)?), after));
    }
    let (inside, after) = split_outside_quotes(text, "]")?;
    let mut parts = Vec::new();
    let mut rest = inside;
    while let Some((part, after)) = split_outside_quotes(rest, ",") {
        parts.push(of_several(part)?);
        rest = after;
    }
    if parts.is_empty() {
        return Some((Some(one(rest)?), after));
    }
    parts.push(of_several(rest)?);
    Some((Some(Step::Union(parts)), after))
}

/// One of several things between brackets: there, what stands in quotes is a path of its own.
fn of_several(text: &str) -> Option<Vec<Step>> {
    match key(text.trim()) {
        Some(path) => steps(&format!(".{path}")).ok(),
        None => Some(vec![one(text)?]),
    }
}

/// A character that begins nothing that a filter could compare with.
fn strange(filter: &str) -> Option<char> {
    let (inside, _) = split_outside_quotes(filter.strip_prefix("?(")?, ")]")?;
    let (at, _) = inside.match_indices(['=', '!', '<', '>']).next()?;
    let operand = inside[at..].trim_start_matches(['=', '!', '<', '>']).trim_start();
    operand.chars().next().filter(|first| matches!(first, '~' | '/' | '^' | '%' | '#' | '&' | '|'))
}

/// One of the things that stand between brackets.
fn one(text: &str) -> Option<Step> {
    let text = text.trim();
    if let Some(key) = key(text) {
        return Some(Step::Key(key.replace("\\.", ".").into()));
    }
    if text == "*" {
        return Some(Step::Slice(None, None, 1));
    }
    let Some((from, rest)) = text.split_once(':') else {
        let at: i64 = text.parse().ok()?;
        // The last item has none after it; beyond all numbers Go begins anew, and so nothing is there.
        return Some(Step::Slice(Some(at), Some(at.wrapping_add(1)).filter(|end| *end != 0), 1));
    };
    let (to, by) = rest.split_once(':').unwrap_or((rest, "1"));
    let number = |text: &str| match text.trim() {
        "" => Some(None),
        text => text.parse().ok().map(Some),
    };
    Some(Step::Slice(number(from)?, number(to)?, number(by)?.unwrap_or(1)))
}

fn filtered(text: &str) -> Option<Step> {
    let found = OPERATORS.iter().filter_map(|operator| {
        let (left, right) = split_outside_quotes(text, operator)?;
        Some((*operator, left, right))
    });
    // The first operator in the text counts; of two at one place the longer one.
    let first = found.min_by(|one, two| one.1.len().cmp(&two.1.len()).then(two.0.len().cmp(&one.0.len())));
    let Some((operator, left, right)) = first else {
        return Some(Step::Where(steps(text).ok()?, Comparison::Exists));
    };
    let right = right.trim();
    let operand = match unquoted(right) {
        Some(text) => Operand::Value(text.into()),
        None if right.starts_with(['@', '$', '.']) => Operand::Path(steps(right).ok()?),
        None => literal(right).map_or_else(|| Operand::Unknown(right.into()), Operand::Value),
    };
    Some(Step::Where(steps(left).ok()?, Comparison::Is(operator, operand)))
}

/// A number, or whether something is true.
pub(super) fn literal(text: &str) -> Option<Doc> {
    let bare = text.strip_prefix('+').unwrap_or(text);
    parse_json(bare).ok().filter(|value| matches!(value, Doc::Bool(_) | Doc::Int(_) | Doc::Float(_)))
}

/// A key between brackets.
fn key(text: &str) -> Option<&str> {
    text.starts_with('\'').then(|| unquoted(text))?
}

/// What stands in quotes.
pub(super) fn unquoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    text[1..].strip_suffix(quote)
}

/// Splits at the first `mark` that stands in no quotes.
pub(super) fn split_outside_quotes<'t>(text: &'t str, mark: &str) -> Option<(&'t str, &'t str)> {
    let (mut quote, mut escaped) = (None, false);
    for (at, character) in text.char_indices() {
        let plain = !escaped;
        escaped = quote.is_some() && plain && character == '\\';
        match (quote, character) {
            (None, _) if text[at..].starts_with(mark) => {
                return Some((&text[..at], &text[at + mark.len()..]));
            }
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), close) if open == close && plain => quote = None,
            _ => {}
        }
    }
    None
}
