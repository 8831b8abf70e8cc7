//! Reads the text form of a label selector, and says what is wrong with it in the API server's words.

use crate::api::validation::names;
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

use super::Requirement;

const OPERATORS: &str = "in, notin, =, ==, !=, gt, lt";

/// `a=b,c!=d,e in (f,g),h,!i,j>1`
pub(super) fn selector(text: &str) -> Result<Vec<Requirement>, String> {
    let mut reader = Reader { tokens: tokens(text), at: 0 };
    let mut found = Vec::new();
    loop {
        match reader.peek() {
            "" => return Ok(found),
            word if word == "!" || is_word(word) => {
                let one = reader.requirement();
                found.push(one.map_err(|why| format!("unable to parse requirement: {why}"))?);
            }
            other => return Err(format!("found '{other}', expected: !, identifier, or 'end of string'")),
        }
        match reader.next() {
            "" => return Ok(found),
            "," if reader.peek() == "!" || is_word(reader.peek()) => {}
            "," => return Err(format!("found '{}', expected: identifier after ','", reader.peek())),
            other => return Err(format!("found '{other}', expected: ',' or 'end of string'")),
        }
    }
}

fn is_sign(sign: char) -> bool {
    matches!(sign, '=' | '!' | '(' | ')' | ',' | '>' | '<')
}

fn is_word(token: &str) -> bool {
    !token.is_empty() && !token.starts_with(is_sign)
}

/// Words, and signs as long as they mean something together.
fn tokens(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = text.trim_start_matches([' ', '\t', '\r', '\n']);
    while let Some(first) = rest.chars().next() {
        let end = if !is_sign(first) {
            rest.find(|c: char| is_sign(c) || matches!(c, ' ' | '\t' | '\r' | '\n')).unwrap_or(rest.len())
        } else if rest.starts_with("==") || rest.starts_with("!=") {
            2
        } else {
            1
        };
        found.push(&rest[..end]);
        rest = rest[end..].trim_start_matches([' ', '\t', '\r', '\n']);
    }
    found
}

struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
}

impl<'a> Reader<'a> {
    /// What comes next; nothing at the end.
    fn peek(&self) -> &'a str {
        self.tokens.get(self.at).copied().unwrap_or("")
    }

    fn next(&mut self) -> &'a str {
        let token = self.peek();
        self.at += 1;
        token
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let missing = self.peek() == "!";
        self.at += usize::from(missing);
        let key = self.next();
        if !is_word(key) {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let faults = names::qualified_name(key);
        if !faults.is_empty() {
            return Err(format!("<nil>: Invalid value: {}: {}", Doc::from(key), faults.join("; ")));
        }
        let name = Str::from(key);
        if missing {
            return Ok(Requirement::DoesNotExist(name));
        }
        if matches!(self.peek(), "" | ",") {
            return Ok(Requirement::Exists(name));
        }
        let operator = self.next();
        let values = match operator {
            "in" | "notin" => self.values()?,
            "=" | "==" | "!=" | ">" | "<" => vec![self.exact()?],
            other => return Err(format!("found '{other}', expected: {OPERATORS}")),
        };
        let bound = |values: &[&str]| {
            values[0].parse::<i64>().map_err(|_| {
                let why = "for 'Gt', 'Lt' operators, the value must be an integer";
                format!("values[0]: Invalid value: {}: {why}", Doc::from(values[0]))
            })
        };
        if let ">" | "<" = operator {
            bound(&values)?;
        }
        for (at, value) in values.iter().enumerate() {
            let faults = names::label_value(value);
            if !faults.is_empty() {
                let value = Doc::from(*value);
                return Err(format!("values[{at}][{key}]: Invalid value: {value}: {}", faults.join("; ")));
            }
        }
        Ok(match operator {
            "!=" | "notin" => Requirement::NotIn(name, values.into_iter().map(Str::from).collect()),
            ">" => Requirement::Above(name, bound(&values)?),
            "<" => Requirement::Below(name, bound(&values)?),
            _ => Requirement::In(name, values.into_iter().map(Str::from).collect()),
        })
    }

    /// What a label must be equal to; nothing is a value, too.
    fn exact(&mut self) -> Result<&'a str, String> {
        match self.peek() {
            "" | "," => Ok(""),
            value if is_word(value) => Ok(self.next()),
            other => Err(format!("found '{other}', expected: identifier")),
        }
    }

    /// `(a, b)`, in order.
    fn values(&mut self) -> Result<Vec<&'a str>, String> {
        match self.next() {
            "(" => {}
            other => return Err(format!("found '{other}' expected: '('")),
        }
        let mut found: BTreeSet<&str> = BTreeSet::new();
        match self.peek() {
            ")" => {
                let why = "for 'in', 'notin' operators, values set can't be empty";
                return Err(format!("values: Invalid value: []: {why}"));
            }
            word if word == "," || is_word(word) => {}
            other => return Err(format!("found '{other}', expected: ',', ')' or identifier")),
        }
        // Between two commas, and before or after one at the edge, stands an empty value.
        let mut empty = true;
        loop {
            match self.next() {
                "," => {
                    if empty {
                        found.insert("");
                    }
                    empty = true;
                }
                ")" => {
                    if empty {
                        found.insert("");
                    }
                    return Ok(found.into_iter().collect());
                }
                word if is_word(word) && empty => {
                    found.insert(word);
                    empty = false;
                    if !matches!(self.peek(), "," | ")") {
                        return Err(format!("found '{}', expected: ',' or ')'", self.peek()));
                    }
                }
                other => return Err(format!("found '{other}', expected: ',', or identifier")),
            }
        }
    }
}
