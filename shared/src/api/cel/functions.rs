//! CEL's functions by their names.

use super::eval::equal;
use super::values::{BYTES, as_bytes, as_optional, bytes, content, opened, optional};
use super::{authorizer, library, lists, texts};
use crate::doc::{Doc, Timestamp};

type Value = Result<Doc, String>;

/// So many numbers are counted up at most.
const MOST_NUMBERS: i64 = 1_000_000;

/// Calls a function with its values, of which the first is what it is called on where it is `a.f(b)`.
pub(super) fn call(on: bool, name: &str, values: &[Doc]) -> Value {
    let found = if on { method(name, values) } else { function(name, values) };
    found.unwrap_or_else(|| Err("no such overload".into()))
}

/// A function on its own; `None` where there is none of these types.
fn function(name: &str, values: &[Doc]) -> Option<Value> {
    if let Some(made) = library::function(name, values) {
        return Some(made);
    }
    match (name, values) {
        ("optional.none", []) => return Some(Ok(optional(None))),
        ("sets.contains", [Doc::List(all), Doc::List(some)]) => {
            return Some(Ok(Doc::Bool(has_all(all, some))));
        }
        ("sets.equivalent", [Doc::List(a), Doc::List(b)]) => {
            return Some(Ok(Doc::Bool(has_all(a, b) && has_all(b, a))));
        }
        ("sets.intersects", [Doc::List(a), Doc::List(b)]) => {
            return Some(Ok(Doc::Bool(b.iter().any(|one| has_all(a, std::slice::from_ref(one))))));
        }
        _ => {}
    }
    let [value] = values else { return None };
    Some(Ok(match (name, value) {
        ("size", value) => return method("size", std::slice::from_ref(value)),
        ("dyn", value) => value.clone(),
        ("string", Doc::Str(_)) => value.clone(),
        ("string", _) if content(BYTES, value).is_some() => {
            match as_bytes(value).and_then(|all| String::from_utf8(all).ok()) {
                Some(text) => Doc::from(text),
                None => return Some(Err("invalid UTF-8 in bytes, cannot convert to string".into())),
            }
        }
        ("bytes", Doc::Str(text)) => bytes(text.as_bytes()),
        ("bytes", _) if content(BYTES, value).is_some() => value.clone(),
        ("string", Doc::Time(_) | Doc::MicroTime(_)) => Doc::from(value.str()),
        ("string", Doc::Int(_) | Doc::Float(_) | Doc::Bool(_)) => Doc::from(value.to_json()),
        ("int" | "uint", Doc::Int(_)) => value.clone(),
        ("int", Doc::Time(time) | Doc::MicroTime(time)) => Doc::from(time.seconds()),
        ("int", Doc::Float(number)) if number.get().abs() < 9.2e18 => Doc::from(number.get() as i64),
        ("int" | "uint", Doc::Str(text)) => match text.parse::<i64>() {
            Ok(number) => Doc::from(number),
            Err(_) => return Some(Err(format!("strconv.ParseInt: parsing {text:?}: invalid syntax"))),
        },
        ("double", Doc::Int(number)) => Doc::from(number.get() as f64),
        ("double", Doc::Float(_)) => value.clone(),
        ("double", Doc::Str(text)) => match text.parse::<f64>() {
            Ok(number) => Doc::from(number),
            Err(_) => return Some(Err(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))),
        },
        ("bool", Doc::Bool(_)) => value.clone(),
        ("bool", Doc::Str(text)) => match text.as_str() {
            "true" | "True" | "TRUE" | "t" | "1" => Doc::Bool(true),
            "false" | "False" | "FALSE" | "f" | "0" => Doc::Bool(false),
            _ => return Some(Err("type conversion error from 'string' to 'bool'".into())),
        },
        ("type", value) => Doc::from(type_name(value)),
        ("duration", Doc::Str(text)) => match millis(text) {
            Some(millis) => Doc::from(millis),
            None => return Some(Err(format!("time: invalid duration {text:?}"))),
        },
        ("timestamp", Doc::Str(text)) => match Timestamp::parse(text) {
            Some(time) => Doc::Time(time),
            None => {
                return Some(Err(format!(
                    "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse"
                )));
            }
        },
        ("timestamp", Doc::Time(_) | Doc::MicroTime(_)) => value.clone(),
        ("optional.of", value) => optional(Some(value.clone())),
        ("optional.ofNonZeroValue", value) => optional((!is_zero(value)).then(|| value.clone())),
        ("strings.quote", Doc::Str(text)) => Doc::from(texts::quoted(text)),
        ("jsonpatch.escapeKey", Doc::Str(text)) => Doc::from(text.replace('~', "~0").replace('/', "~1")),
        ("lists.range", Doc::Int(count)) => Doc::list((0..count.get().min(MOST_NUMBERS)).map(Doc::from)),
        _ => return None,
    }))
}

fn has_all(all: &[Doc], some: &[Doc]) -> bool {
    some.iter().all(|one| all.iter().any(|known| equal(known, one)))
}

fn is_zero(value: &Doc) -> bool {
    match value {
        Doc::Bool(value) => !value,
        Doc::Int(number) => number.get() == 0,
        Doc::Float(number) => number.get() == 0.0,
        other => other.is_null() || other.is_empty() || content(BYTES, other).is_some_and(Doc::is_empty),
    }
}

fn type_name(value: &Doc) -> &str {
    match value {
        Doc::Null => "null_type",
        Doc::Bool(_) => "bool",
        Doc::Int(_) => "int",
        Doc::Float(_) => "double",
        Doc::Str(_) => "string",
        Doc::Time(_) | Doc::MicroTime(_) => "google.protobuf.Timestamp",
        Doc::List(_) => "list",
        Doc::Map(_) => opened(value).map_or("map", |(kind, _)| kind.trim_start_matches('\0')),
    }
}

/// `1h30m`, `1.5s`, in milliseconds; what is less is left out.
pub(super) fn millis(text: &str) -> Option<i64> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (sign, mut rest) = (if text.starts_with('-') { -1 } else { 1 }, unsigned);
    let mut total = 0i64;
    if rest == "0" {
        return Some(0);
    }
    while !rest.is_empty() {
        let length = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (whole, part) = rest[..length].split_once('.').unwrap_or((&rest[..length], ""));
        rest = &rest[length..];
        let length = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
        let unit: i64 = match &rest[..length] {
            "h" => 3_600_000_000_000,
            "m" => 60_000_000_000,
            "s" => 1_000_000_000,
            "ms" => 1_000_000,
            "us" | "µs" | "μs" => 1000,
            "ns" => 1,
            _ => return None,
        };
        if whole.is_empty() && part.is_empty() {
            return None;
        }
        let number: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total = total.checked_add(number.checked_mul(unit)?)?;
        let mut place = unit;
        for digit in part.bytes() {
            place /= 10;
            total =
                total.checked_add(i64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?) * place)?;
        }
        rest = &rest[length..];
    }
    (!unsigned.is_empty()).then_some(sign * (total / 1_000_000))
}

/// A function on its first value; `None` where there is none of these types.
fn method(name: &str, values: &[Doc]) -> Option<Value> {
    if let [of, rest @ ..] = values
        && let Some(of) = as_optional(of)
    {
        return match (name, rest) {
            ("hasValue", []) => Some(Ok(Doc::Bool(of.is_some()))),
            ("value", []) => Some(of.cloned().ok_or_else(|| "optional.none() dereference".to_owned())),
            ("orValue", [other]) => Some(Ok(of.unwrap_or(other).clone())),
            ("or", [other]) => Some(Ok(of.map_or_else(|| other.clone(), |of| optional(Some(of.clone()))))),
            _ => None,
        };
    }
    if let [of, rest @ ..] = values
        && let Some((kind, content)) = opened(of)
    {
        if (kind.as_str(), name, rest) == (BYTES, "size", &[]) {
            return Some(Ok(Doc::from(content.str().chars().count() as i64)));
        }
        let asked = authorizer::method(name, kind, content, rest).map(Ok);
        return asked.or_else(|| library::method(name, kind, content, rest));
    }
    match values {
        [Doc::Int(millis)] => {
            let part = match name {
                "getHours" => 3_600_000,
                "getMinutes" => 60_000,
                "getSeconds" => 1000,
                "getMilliseconds" => 1,
                _ => return None,
            };
            Some(Ok(Doc::from(millis.get() / part)))
        }
        [Doc::Str(text), rest @ ..] => texts::method(name, text, rest),
        [Doc::List(items), rest @ ..] => lists::method(name, items, rest),
        [of @ (Doc::Time(_) | Doc::MicroTime(_)), rest @ ..] => texts::of_time(name, of.as_time()?, rest),
        [Doc::Map(map)] if name == "size" => Some(Ok(Doc::from(map.entries().len() as i64))),
        _ => None,
    }
}
