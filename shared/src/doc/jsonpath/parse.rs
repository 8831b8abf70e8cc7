//! Reads the steps of a path, as kubectl's own reader takes its letters one after the other: that shows in what it refuses.

use super::Step;
use crate::doc::Doc;

/// What stands between the braces of a path, where no words may stand.
pub(super) fn steps(text: &str) -> Result<Vec<Step>, String> {
    let steps = action(text)?;
    let mut starts = steps.iter();
    if starts.any(|step| matches!(step, Step::Word(_) | Step::Value(_))) {
        return Err("its parts begin with dots".into());
    }
    Ok(steps)
}

/// All of what stands between the braces of an action.
fn action(text: &str) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let rest = braced(&format!("{text}}}"), &mut steps)?.len();
    if rest > 0 { Err("its braces do not match".into()) } else { Ok(steps) }
}

/// Reads what stands after a brace, with the closing one; what stands after that is left.
pub(super) fn braced<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let mut rest = text;
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Ok(after);
        }
        if let Some(filter) = rest.strip_prefix("[?(") {
            rest = filtered(filter, steps)?;
            continue;
        }
        if let Some(after) = rest.strip_prefix("..") {
            if steps.last() == Some(&Step::Below) {
                return Err("invalid multiple recursive descent".into());
            }
            steps.push(Step::Below);
            rest = if after.starts_with(char::is_alphanumeric) { field(after, steps) } else { after };
            continue;
        }
        let Some(first) = rest.chars().next().filter(|first| !matches!(first, '\n' | '\r')) else {
            return Err("unclosed action".into());
        };
        let after = &rest[first.len_utf8()..];
        rest = match first {
            ' ' | '\t' | '@' | '$' => after,
            '[' => bracket(after, steps)?,
            '"' | '\'' => quoted(after, first, steps)?,
            '.' => field(after, steps),
            '+' | '-' | '0'..='9' => number(rest, steps)?,
            _ if first.is_alphanumeric() || first == '_' => word(rest, steps),
            _ => {
                return Err(format!(
                    "unrecognized character in action: U+{:04X} '{first}'",
                    u32::from(first)
                ));
            }
        };
    }
}

/// What ends a name.
fn ends(character: char) -> bool {
    character.is_whitespace() || ".,[]$@{}".contains(character)
}

/// After a dot: a key, in which a backslash keeps the next character, or `*`.
fn field<'t>(text: &'t str, steps: &mut Vec<Step>) -> &'t str {
    let mut escaped = false;
    let name = |character: char| {
        let plain = !std::mem::take(&mut escaped);
        escaped = plain && character == '\\';
        plain && ends(character)
    };
    let (key, rest) = text.split_at(text.find(name).unwrap_or(text.len()));
    steps.push(if key == "*" { Step::All } else { Step::Key(key.replace('\\', "").into()) });
    rest
}

fn word<'t>(text: &'t str, steps: &mut Vec<Step>) -> &'t str {
    let (word, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
    steps.push(match word.to_lowercase().as_str() {
        "true" => Step::Value(Doc::Bool(true)),
        "false" => Step::Value(Doc::Bool(false)),
        _ => Step::Word(word.into()),
    });
    rest
}

fn number<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let digits = text.trim_start_matches(['+', '-']);
    let digits = if text.len() - digits.len() > 1 { &text[1..] } else { digits };
    let rest = digits.trim_start_matches(|character: char| character == '.' || character.is_ascii_digit());
    let number = &text[..text.len() - rest.len()];
    let value = match (number.parse::<i64>(), number.parse::<f64>()) {
        (Ok(whole), _) => Doc::from(whole),
        (_, Ok(other)) => Doc::from(other),
        _ => return Err(format!("cannot parse number {number}")),
    };
    steps.push(Step::Value(value));
    Ok(rest)
}

/// After a quote: text up to the same one without a backslash before it, with what backslashes mean in it.
fn quoted<'t>(text: &'t str, quote: char, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let line = text.split('\n').next().unwrap_or("");
    let end = line.match_indices(quote).map(|(at, _)| at).find(|at| !line[..*at].ends_with('\\'));
    let end = end.ok_or("unterminated quoted string")?;
    let whole = format!("{quote}{}", &text[..=end]);
    let value = unquoted(&whole).ok_or_else(|| format!("unquote string {whole} error invalid syntax"))?;
    steps.push(Step::Value(Doc::Str(value.into())));
    Ok(&text[end + 1..])
}

/// Between brackets: one place or several, a key, or a slice. The first bracket that closes ends it.
fn bracket<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let line = text.split('\n').next().unwrap_or("");
    let (inside, _) = line.split_once(']').ok_or("unterminated array")?;
    let rest = &text[inside.len() + 1..];
    if inside.contains(',') {
        let parts = inside.split(',').map(|part| action(&format!("[{}]", part.trim_matches(' '))));
        steps.push(Step::Union(parts.collect::<Result<_, String>>()?));
    } else if let Some(key) = inside.strip_prefix('\'').and_then(|key| key.strip_suffix('\'')) {
        // What stands in quotes is a path of its own.
        steps.extend(action(&format!(".{key}"))?);
    } else {
        steps.push(slice(if inside == "*" { ":" } else { inside })?);
    }
    Ok(rest)
}

fn slice(text: &str) -> Result<Step, String> {
    let mut parts = text.split(':');
    let mut number = || {
        let Some(text) = parts.next() else { return Ok(None) };
        let digits = text.strip_prefix('-').unwrap_or(text);
        match text.parse::<i64>() {
            Ok(number) => Ok(Some(Some(number))),
            _ if text.is_empty() => Ok(Some(None)),
            _ if digits.is_empty() || digits.contains(|digit: char| !digit.is_ascii_digit()) => Err(None),
            _ => Err(Some(format!("array index {text} is not a number"))),
        }
    };
    let mut read = || Ok((number()?.flatten(), number()?, number()?.flatten()));
    let (from, to, by) =
        read().map_err(|why: Option<String>| why.unwrap_or_else(|| format!("invalid array index {text}")))?;
    if parts.next().is_some() {
        return Err(format!("invalid array index {text}"));
    }
    // The last item has none after it; beyond all numbers Go begins anew, and so nothing is there.
    let after = from.unwrap_or(0).wrapping_add(1);
    Ok(Step::Slice(from, to.unwrap_or(Some(after).filter(|end| *end != 0)), by.unwrap_or(1)))
}

/// After `[?(`: what the items have, or how two things in them compare.
fn filtered<'t>(text: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, String> {
    let (mut quote, mut closed, mut before) = (None, false, ' ');
    let mut end = None;
    for (at, character) in text.char_indices() {
        match character {
            '\n' => break,
            '"' | '\'' if quote.is_none() => quote = Some(character),
            '"' | '\'' => closed |= before != '\\' && quote == Some(character),
            ')' if quote.is_some() == closed => {
                end = Some(at);
                break;
            }
            _ => {}
        }
        before = character;
    }
    let (inside, rest) = text.split_at(end.ok_or("unterminated filter")?);
    let rest = rest.strip_prefix(")]").ok_or("unclosed array expect ]")?;
    let sign = |character: char| "!<>=".contains(character);
    let begin = inside.find(sign).filter(|begin| *begin > 0).unwrap_or(inside.len());
    let (left, compared) = inside.split_at(begin);
    let right = compared.trim_start_matches(sign);
    // A sign that nothing follows is not one of a comparison whole.
    let right = if right.is_empty() { &compared[compared.len().saturating_sub(1)..] } else { right };
    let operator = &compared[..compared.len() - right.len()];
    steps.push(match operator {
        "" => Step::Where(action(inside)?, None),
        operator => Step::Where(action(left)?, Some((operator.into(), action(right)?))),
    });
    Ok(rest)
}

/// What stands in quotes, in back quotes or between apostrophes.
pub fn unquoted(text: &str) -> Option<String> {
    let quote = text.chars().next()?;
    let inside = text.strip_prefix(quote)?.strip_suffix(quote)?;
    if quote == '`' {
        return Some(inside.replace('\r', ""));
    }
    let mut letters = inside.chars();
    let mut read = String::new();
    while let Some(c) = letters.next() {
        if c != '\\' {
            read.push(c);
            continue;
        }
        let digits = |letters: &mut std::str::Chars<'_>, count| {
            let code: String = letters.by_ref().take(count).collect();
            u32::from_str_radix(&code, 16).ok().and_then(char::from_u32)
        };
        read.push(match letters.next()? {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => digits(&mut letters, 2)?,
            'u' => digits(&mut letters, 4)?,
            'U' => digits(&mut letters, 8)?,
            same @ ('\\' | '"' | '\'') => same,
            _ => return None,
        });
    }
    Some(read)
}
