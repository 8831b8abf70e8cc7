//! The words of CEL.

use super::parse::Fault;
use super::values::bytes;
use crate::doc::{Doc, Str};

#[derive(Clone, PartialEq, Debug)]
pub(super) enum Token {
    Literal(Doc),
    Name(Str),
    /// A sign or a word that is no name.
    Sign(&'static str),
    End,
}

/// Longer signs come before those that they begin with.
const SIGNS: [&str; 24] = [
    "||", "&&", "==", "!=", "<=", ">=", "<", ">", "!", "?", ":", "+", "-", "*", "/", "%", "(", ")", "[", "]",
    "{", "}", ",", ".",
];

pub(super) fn shown(token: &Token) -> String {
    match token {
        Token::Literal(value) => format!("'{}'", value.to_json()),
        Token::Name(name) => format!("'{name}'"),
        Token::Sign(sign) => format!("'{sign}'"),
        Token::End => "'<EOF>'".into(),
    }
}

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, Fault> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        if next.is_whitespace() {
            at += next.len_utf8();
        } else if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
        } else if let Some((token, length)) = string(rest).map_err(|why| (at, why))? {
            found.push((at, token));
            at += length;
        } else if next.is_ascii_digit() || next == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit())
        {
            let (token, length) = number(rest).map_err(|why| (at, why))?;
            found.push((at, token));
            at += length;
        } else if next.is_ascii_alphabetic() || next == '_' {
            let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let token = match &rest[..length] {
                "true" => Token::Literal(Doc::Bool(true)),
                "false" => Token::Literal(Doc::Bool(false)),
                "null" => Token::Literal(Doc::Null),
                "in" => Token::Sign("in"),
                name => Token::Name(name.into()),
            };
            found.push((at, token));
            at += length;
        } else {
            let sign = SIGNS.iter().copied().find(|sign| rest.starts_with(sign));
            let sign =
                sign.ok_or_else(|| (at, format!("Syntax error: token recognition error at: '{next}'")))?;
            found.push((at, Token::Sign(sign)));
            at += sign.len();
        }
    }
    found.push((text.len(), Token::End));
    Ok(found)
}

fn number(text: &str) -> Result<(Token, usize), String> {
    if let Some(hex) = text.strip_prefix("0x") {
        let length = hex.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(hex.len());
        let value = i64::from_str_radix(&hex[..length], 16).map_err(|_| "invalid int literal".to_owned())?;
        return Ok((Token::Literal(Doc::from(value)), length + 2));
    }
    let mut length = 0;
    let mut whole = true;
    let bytes = text.as_bytes();
    while let Some(byte) = bytes.get(length) {
        let next_is_digit = bytes.get(length + 1).is_some_and(u8::is_ascii_digit);
        match byte {
            b'0'..=b'9' => {}
            b'.' if whole && next_is_digit => whole = false,
            b'e' | b'E' if next_is_digit || matches!(bytes.get(length + 1), Some(b'+' | b'-')) => {
                whole = false;
                length += 1;
            }
            _ => break,
        }
        length += 1;
    }
    let digits = &text[..length];
    let value = if whole {
        digits.parse::<i64>().ok().map(Doc::from)
    } else {
        digits.parse::<f64>().ok().map(Doc::from)
    };
    let value = value.ok_or_else(|| "invalid int literal".to_owned())?;
    let unsigned = text[length..].starts_with(['u', 'U']);
    Ok((Token::Literal(value), length + usize::from(unsigned)))
}

/// A literal of text or bytes: raw or not, with one mark or three.
fn string(text: &str) -> Result<Option<(Token, usize)>, String> {
    let is_quoted = |text: &str| text.starts_with(['"', '\'']);
    let after = |text: &str, letters: [char; 2]| text.starts_with(letters).then(|| text.len() - 1);
    // `b`, `r`, or both in this order.
    let rest = |length: usize| &text[text.len() - length..];
    let unprefixed = after(text, ['b', 'B']).map_or(text, rest);
    let body = after(unprefixed, ['r', 'R']).map_or(unprefixed, rest);
    if !is_quoted(body) {
        return Ok(None);
    }
    let (of_bytes, raw) = (unprefixed.len() < text.len(), body.len() < unprefixed.len());
    let one = &body[..1];
    let mark = if body.starts_with(&one.repeat(3)) { one.repeat(3) } else { one.to_owned() };
    let unended = || format!("Syntax error: token recognition error at: '{one}'");
    let mut value: Vec<u8> = Vec::new();
    let mut at = mark.len();
    loop {
        let rest = &body[at..];
        if rest.starts_with(&mark) {
            let length = text.len() - body.len() + at + mark.len();
            let value = match of_bytes {
                true => bytes(&value),
                false => Doc::from(String::from_utf8(value).map_err(|_| unended())?),
            };
            return Ok(Some((Token::Literal(value), length)));
        }
        let next = rest.chars().next().filter(|next| *next != '\n' || mark.len() > 1).ok_or_else(unended)?;
        if next == '\\' && !raw {
            let (letter, length) = escape(&rest[1..])?;
            // A code of one byte stands for that byte, not for a letter.
            match u8::try_from(u32::from(letter)) {
                Ok(byte) if of_bytes && length > 1 => value.push(byte),
                _ => value.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
            }
            at += 1 + length;
        } else {
            value.extend(next.encode_utf8(&mut [0; 4]).bytes());
            at += next.len_utf8();
        }
    }
}

/// What stands after a backslash: the letter that is meant, and how many bytes say it.
fn escape(text: &str) -> Result<(char, usize), String> {
    let bad = || "Syntax error: invalid escape sequence".to_owned();
    let coded = |from: usize, digits: usize, radix: u32| {
        let code = text.get(from..from + digits).and_then(|code| u32::from_str_radix(code, radix).ok());
        code.and_then(char::from_u32).map(|letter| (letter, from + digits)).ok_or_else(bad)
    };
    let letter = text.chars().next().ok_or_else(bad)?;
    Ok(match letter {
        'n' => ('\n', 1),
        't' => ('\t', 1),
        'r' => ('\r', 1),
        'a' => ('\u{7}', 1),
        'b' => ('\u{8}', 1),
        'f' => ('\u{c}', 1),
        'v' => ('\u{b}', 1),
        '\\' | '"' | '\'' | '`' | '?' => (letter, 1),
        'x' | 'X' => coded(1, 2, 16)?,
        'u' => coded(1, 4, 16)?,
        'U' => coded(1, 8, 16)?,
        '0'..='3' => coded(0, 3, 8)?,
        _ => return Err(bad()),
    })
}
