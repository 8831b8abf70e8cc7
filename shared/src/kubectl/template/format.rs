//! Texts and numbers as Go writes and reads them: quotes, `%v` of a float, and `printf`.

use std::fmt::Write;

use crate::doc::Doc;
pub(super) use crate::doc::jsonpath::unquoted;

use super::functions::bounded;
use super::value::{Basic, Value, number};

/// `"a\n"`, as `%q` prints it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(quoted, "\\x{:02x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

/// The number that a template means.
pub(super) fn parsed(text: &str) -> Option<Value> {
    let plain = text.replace('_', "");
    let (sign, digits) = match plain.strip_prefix(['-', '+']) {
        Some(rest) => (if plain.starts_with('-') { -1 } else { 1 }, rest),
        None => (1, plain.as_str()),
    };
    let radix = |prefix: &str, radix| {
        digits.to_lowercase().strip_prefix(prefix).and_then(|rest| i64::from_str_radix(rest, radix).ok())
    };
    let whole = radix("0x", 16).or_else(|| radix("0o", 8)).or_else(|| radix("0b", 2));
    let whole = whole.or_else(|| digits.parse().ok());
    if let Some(whole) = whole.and_then(|whole: i64| whole.checked_mul(sign)) {
        return Some(Value::Int(whole));
    }
    plain.parse::<f64>().ok().filter(|number| number.is_finite()).map(|number| Value::Doc(Doc::from(number)))
}

/// The shortest digits of a number, with an exponent where it is far from one.
pub(super) fn float(number: f64) -> String {
    let scientific = format!("{number:e}");
    let Some((digits, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..6).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

/// A verb of `printf`: `%-5.2f`.
#[derive(Default)]
struct Verb {
    left: bool,
    zero: bool,
    plus: bool,
    sharp: bool,
    width: usize,
    precision: Option<usize>,
}

/// Go's `Sprintf`.
pub(super) fn printf(format: &str, values: &[Value]) -> Result<String, String> {
    let mut out = String::new();
    let mut letters = format.chars().peekable();
    let mut values = values.iter();
    while let Some(c) = letters.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        bounded(&out)?;
        let mut verb = Verb::default();
        while let Some(flag) = letters.next_if(|c| "+-# 0".contains(*c)) {
            match flag {
                '-' => (verb.left, verb.zero) = (true, false),
                '0' => verb.zero = !verb.left,
                '+' => verb.plus = true,
                '#' => verb.sharp = true,
                _ => {}
            }
        }
        while let Some(digit) = letters.next_if(char::is_ascii_digit) {
            verb.width = (verb.width * 10 + digit as usize - '0' as usize).min(10_000);
        }
        if letters.next_if_eq(&'.').is_some() {
            let mut precision = 0;
            while let Some(digit) = letters.next_if(char::is_ascii_digit) {
                precision = (precision * 10 + digit as usize - '0' as usize).min(100);
            }
            verb.precision = Some(precision);
        }
        match letters.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => match values.next() {
                None => {
                    let _ = write!(out, "%!{letter}(MISSING)");
                }
                Some(value) => out.push_str(&verb.write(letter, value)),
            },
        }
    }
    let extra = values.len() > 0;
    for (at, value) in values.enumerate() {
        let before = if at > 0 { ", " } else { "%!(EXTRA " };
        let _ = write!(out, "{before}{}={}", value.type_name(), value.plain());
        bounded(&out)?;
    }
    if extra {
        out.push(')');
    }
    Ok(out)
}

impl Verb {
    fn write(&self, letter: char, value: &Value) -> String {
        let Some(text) = self.body(letter, value) else {
            let inside = match value {
                Value::Missing | Value::Doc(Doc::Null) => "<nil>".to_owned(),
                other => format!("{}={}", other.type_name(), other.plain()),
            };
            return format!("%!{letter}({inside})");
        };
        let length = text.chars().count();
        let padding = self.width.saturating_sub(length);
        match () {
            () if self.left => text + &" ".repeat(padding),
            () if self.zero => match text.strip_prefix(['-', '+']) {
                Some(rest) => format!("{}{}{rest}", &text[..1], "0".repeat(padding)),
                None => "0".repeat(padding) + &text,
            },
            () => " ".repeat(padding) + &text,
        }
    }

    /// What the verb makes of the value; nothing where they do not go together.
    fn body(&self, letter: char, value: &Value) -> Option<String> {
        let signed =
            |text: String| if self.plus && !text.starts_with('-') { format!("+{text}") } else { text };
        let cut = |text: String| match self.precision {
            Some(most) => text.chars().take(most).collect(),
            None => text,
        };
        let basic = value.basic();
        if let Some(number) = value.whole() {
            return Some(match letter {
                'v' | 'd' => signed(number.to_string()),
                'T' => value.type_name().to_owned(),
                'x' => format!("{number:x}"),
                'X' => format!("{number:X}"),
                'o' => format!("{number:o}"),
                'b' => format!("{number:b}"),
                'c' => u32::try_from(number).ok().and_then(char::from_u32)?.to_string(),
                _ => return None,
            });
        }
        match (letter, value) {
            ('v', _) if self.sharp && basic == Some(Basic::Text) => value.as_text().map(|text| quoted(&text)),
            ('v', _) => Some(value.plain()),
            ('T', _) => Some(value.type_name().to_owned()),
            ('t', Value::Doc(Doc::Bool(truth))) => Some(truth.to_string()),
            ('s', _) if basic == Some(Basic::Text) => value.as_text().map(cut),
            ('q', _) if basic == Some(Basic::Text) => value.as_text().map(|text| quoted(&cut(text))),
            ('x', _) if basic == Some(Basic::Text) => value.as_text().map(|text| hex(&text)),
            ('s' | 'q', Value::Doc(Doc::List(items))) => {
                let items = items.iter().map(|item| self.write(letter, &Value::Doc(item.clone())));
                Some(format!("[{}]", items.collect::<Vec<_>>().join(" ")))
            }
            ('s' | 'q', Value::Doc(Doc::Map(map))) => {
                let item = |value: Value| self.write(letter, &value);
                let pairs = map.entries().iter().map(|(key, value)| {
                    format!("{}:{}", item(Value::text(key.to_string())), item(Value::Doc(value.clone())))
                });
                Some(format!("map[{}]", pairs.collect::<Vec<_>>().join(" ")))
            }
            ('f' | 'F' | 'e' | 'g', Value::Doc(doc)) => {
                let number = number(doc)?;
                Some(signed(match (letter, self.precision) {
                    ('g', _) => float(number),
                    ('e', precision) => exponent(number, precision.unwrap_or(6)),
                    (_, precision) => format!("{number:.*}", precision.unwrap_or(6)),
                }))
            }
            _ => None,
        }
    }
}

fn exponent(number: f64, precision: usize) -> String {
    let text = format!("{number:.precision$e}");
    let Some((digits, exponent)) = text.split_once('e') else { return text };
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}

fn hex(text: &str) -> String {
    text.bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
