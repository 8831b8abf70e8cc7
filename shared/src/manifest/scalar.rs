//! What a scalar means: the rules of YAML 1.1 as kubectl applies them.

use saphyr_parser::{ScalarStyle, Tag};

use crate::doc::{Doc, intern};

/// The value of a scalar.
///
/// # Errors
/// What is wrong with it, in one sentence.
pub(super) fn resolve(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Doc, String> {
    let Some(tag) = tag.map(name_of) else {
        return if style == ScalarStyle::Plain {
            finite(plain(text), text)
        } else {
            Ok(Doc::Str(intern(text)))
        };
    };
    let value = finite(plain(text), text)?;
    match (tag.as_str(), value) {
        ("int", value @ Doc::Int(_)) | ("bool", value @ Doc::Bool(_)) | ("null", value @ Doc::Null) => {
            Ok(value)
        }
        ("float", value @ (Doc::Int(_) | Doc::Float(_))) => Ok(value),
        ("int" | "bool" | "null" | "float", _) => {
            Err(format!("the tag !!{tag} does not fit the value {text}"))
        }
        ("binary", _) => {
            Err("binary data cannot stand in a manifest: write it as base64 text without !!binary".into())
        }
        // `!!str`, `!!timestamp` and tags of someone's own.
        _ => Ok(Doc::Str(intern(text))),
    }
}

/// The short name of a tag of YAML's own (`str`), all of any other.
fn name_of(tag: &Tag) -> String {
    const OWN: &str = "tag:yaml.org,2002:";
    let full = format!("{}{}", tag.handle, tag.suffix);
    full.strip_prefix(OWN).map_or_else(|| full.clone(), str::to_owned)
}

fn finite(value: Doc, text: &str) -> Result<Doc, String> {
    match value {
        Doc::Float(number) if !number.get().is_finite() => {
            Err(format!("{text} is no number that JSON can hold: expected a finite one"))
        }
        // Between YAML and the API server stands JSON, where 3.0 is written 3.
        Doc::Float(number) if number.get().trunc() == number.get() && number.get().abs() < I64_LIMIT => {
            Ok(Doc::from(number.get() as i64))
        }
        value => Ok(value),
    }
}

/// 2^63, the first number too large for an `i64`.
pub(super) const I64_LIMIT: f64 = 9_223_372_036_854_775_808.0;

/// The value of a scalar without quotes or tag.
pub(super) fn plain(text: &str) -> Doc {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Doc::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => Doc::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Doc::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Doc::from(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Doc::from(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Doc::from(f64::NEG_INFINITY),
        _ => number(text).unwrap_or_else(|| Doc::Str(intern(text))),
    }
}

fn number(text: &str) -> Option<Doc> {
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    let text = if text.starts_with('.') { text.to_owned() } else { text.replace('_', "") };
    integer(&text).or_else(|| {
        let value: f64 = is_decimal(&text).then(|| text.parse().ok())??;
        value.is_finite().then_some(Doc::from(value))
    })
}

/// Whole numbers as Go writes them: `0x`, `0o`, `0b` and a leading zero for octal.
fn integer(text: &str) -> Option<Doc> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let sign: f64 = if text.starts_with('-') { -1.0 } else { 1.0 };
    match i128::from_str_radix(digits, radix) {
        Ok(size) => {
            let value = if sign < 0.0 { -size } else { size };
            Some(i64::try_from(value).map_or(Doc::from(value as f64), Doc::from))
        }
        Err(_) => {
            let size = digits
                .chars()
                .fold(0.0, |sum, c| sum * f64::from(radix) + f64::from(c.to_digit(radix).unwrap_or(0)));
            size.is_finite().then_some(Doc::from(sign * size))
        }
    }
}

/// `[-+]? (.digits | digits [.digits]) ([eE] [-+]? digits)?`
fn is_decimal(text: &str) -> bool {
    let text = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (text, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent))
}

/// A map key as text: numbers and booleans are written out. `None` for what cannot be a key.
pub(super) fn key_text(key: &Doc) -> Option<crate::doc::Str> {
    match key {
        Doc::Str(text) => Some(text.clone()),
        Doc::Int(number) => Some(number.get().to_string().into()),
        Doc::Float(number) => Some(go_float(number.get()).into()),
        Doc::Bool(value) => Some(value.to_string().into()),
        _ => None,
    }
}

/// A number as Go's `%g` writes it.
pub(super) fn go_float(value: f64) -> String {
    let scientific = format!("{value:e}");
    let (mantissa, exponent) = scientific.split_once('e').expect("Rust always writes the exponent");
    let exponent: i32 = exponent.parse().expect("Rust writes a whole exponent");
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_resolve_as_in_kubectl() {
        let cases: &[(&str, &str)] = &[
            ("yes", "true"),
            ("Off", "false"),
            ("n", "false"),
            ("nO", "\"nO\""),
            ("~", "null"),
            ("Null", "null"),
            ("0644", "420"),
            ("0o644", "420"),
            ("08", "8"),
            ("0x1F", "31"),
            ("-0b101", "-5"),
            ("1_000", "1000"),
            ("+5", "5"),
            ("3.0", "3"),
            ("1e3", "1000"),
            ("0.5", "0.5"),
            (".5", "0.5"),
            ("-1.", "-1"),
            ("1.5e-3", "0.0015"),
            ("9223372036854775807", "9223372036854775807"),
            ("9223372036854775808", "9223372036854775808.0"),
            ("1.2.3", "\"1.2.3\""),
            ("1:30", "\"1:30\""),
            ("12e", "\"12e\""),
            (".", "\".\""),
            ("-", "\"-\""),
            ("0x", "\"0x\""),
            ("1e999", "\"1e999\""),
            ("2026-01-02", "\"2026-01-02\""),
            ("100m", "\"100m\""),
            ("Infinity", "\"Infinity\""),
        ];
        for (text, json) in cases {
            let value = resolve(text, ScalarStyle::Plain, None).unwrap();
            assert_eq!(crate::doc::parse_json(json).unwrap(), value, "{text}");
            assert_eq!(resolve(text, ScalarStyle::SingleQuoted, None), Ok(Doc::from(*text)));
        }
        for text in [".inf", "-.INF", ".nan"] {
            assert!(resolve(text, ScalarStyle::Plain, None).is_err(), "{text}");
        }
    }

    #[test]
    fn floats_print_as_in_go() {
        for (value, text) in [
            (0.5, "0.5"),
            (1e21, "1e+21"),
            (1_234_567.5, "1.2345675e+06"),
            (1.25e-7, "1.25e-07"),
            (-1234.5, "-1234.5"),
        ] {
            assert_eq!(go_float(value), text);
        }
    }
}
