//! CEL's functions, with those that Kubernetes adds for texts, lists, patterns and quantities.

use std::cmp::Ordering;
use std::net::IpAddr;

use regex_lite::Regex;

use super::eval::{compare, equal};
use crate::api::apiextensions::structural::read_pattern;
use crate::api::parse_quantity;
use crate::doc::{Doc, Map, Timestamp};

type Value = Result<Doc, String>;

/// What it costs to make a pattern ready, and how many places one has at the most.
const MAKING_READY: usize = 100;
const LONGEST_PATTERN: usize = 4096;

/// What stands for a value that may be missing: a map with a key that no JSON has.
const MAYBE: &str = "\0optional";

/// A value that may be missing.
pub fn optional(value: Option<Doc>) -> Doc {
    let mut map = Map::default();
    map.insert(MAYBE, Doc::list(value));
    Doc::Map(map)
}

/// The value, if it is one that may be missing.
pub(super) fn as_optional(of: &Doc) -> Option<Option<&Doc>> {
    match of {
        Doc::Map(map) if map.contains(MAYBE) => Some(map.get(MAYBE).items().first()),
        _ => None,
    }
}

/// Calls a function with its values, of which the first is what it is called on where it is `a.f(b)`.
pub(super) fn call(on: bool, name: &str, values: &[Doc]) -> Value {
    let found = if on { method(name, values) } else { function(name, values) };
    found.unwrap_or_else(|| Err("no such overload".into()))
}

/// What a call costs beyond looking at its values: the text that it makes, and what a pattern may have to try.
pub(super) fn result_weight(name: &str, values: &[Doc]) -> usize {
    match (name, values) {
        ("replace", [Doc::Str(text), Doc::Str(from), Doc::Str(to)]) => {
            text.matches(from.as_str()).count().saturating_mul(to.len()) / 10
        }
        ("join", [Doc::List(items), Doc::Str(with)]) => items.len().saturating_mul(with.len()) / 10,
        ("matches" | "find" | "findAll", [Doc::Str(text), Doc::Str(pattern)]) => {
            // What is repeated makes a pattern longer than it looks.
            let length = if pattern.contains('{') { LONGEST_PATTERN } else { pattern.len() };
            MAKING_READY + text.len().saturating_mul(length) / 100
        }
        _ => 0,
    }
}

/// A function on its own; `None` where there is none of these types.
fn function(name: &str, values: &[Doc]) -> Option<Value> {
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
        ("string", Doc::Time(_) | Doc::MicroTime(_)) => Doc::from(value.str()),
        ("string", Doc::Int(_) | Doc::Float(_) | Doc::Bool(_)) => Doc::from(value.to_json()),
        ("int" | "uint", Doc::Int(_)) => value.clone(),
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
        ("quantity", Doc::Str(text)) if parse_quantity(text).is_some() => value.clone(),
        ("quantity", Doc::Str(_)) => {
            return Some(Err(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                    .into(),
            ));
        }
        ("optional.of", value) => optional(Some(value.clone())),
        ("optional.ofNonZeroValue", value) => optional((!is_zero(value)).then(|| value.clone())),
        ("isIP", Doc::Str(text)) => Doc::Bool(address(text).is_ok()),
        ("ip", Doc::Str(text)) => match address(text) {
            Ok(address) => Doc::from(address.to_string()),
            Err(why) => return Some(Err(why)),
        },
        ("ip.isCanonical", Doc::Str(text)) => match address(text) {
            Ok(address) => Doc::Bool(address.to_string() == text.as_str()),
            Err(why) => return Some(Err(why)),
        },
        ("isCIDR", Doc::Str(text)) => Doc::Bool(block(text).is_some()),
        ("cidr", Doc::Str(text)) if block(text).is_some() => value.clone(),
        ("cidr", Doc::Str(text)) => {
            return Some(Err(format!(
                "network address parse error during conversion from string: netip.ParsePrefix({text:?}): no '/'"
            )));
        }
        ("isURL", Doc::Str(text)) => Doc::Bool(is_url(text)),
        ("url", Doc::Str(text)) if is_url(text) => value.clone(),
        ("url", Doc::Str(text)) => {
            return Some(Err(format!(
                "URL parse error during conversion from string: parse {text:?}: invalid URI for request"
            )));
        }
        ("isQuantity", Doc::Str(text)) => Doc::Bool(parse_quantity(text).is_some()),
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
        other => other.is_null() || other.is_empty(),
    }
}

/// An address as Kubernetes reads it: neither with a zone nor one of IPv4 in the clothes of IPv6.
fn address(text: &str) -> Result<IpAddr, String> {
    match text.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_some() => {
            Err(format!("IPv4-mapped IPv6 address {text:?} is not allowed"))
        }
        Ok(address) => Ok(address),
        Err(_) => Err(format!(
            "IP Address {text:?} parse error during conversion from string: ParseAddr({text:?}): unable to parse IP"
        )),
    }
}

/// An address and how many of its bits count.
fn block(text: &str) -> Option<(IpAddr, u32)> {
    let (of, bits) = text.split_once('/')?;
    let of = address(of).ok()?;
    let most = if of.is_ipv4() { 32 } else { 128 };
    let known = bits.parse::<u32>().ok().filter(|known| known.to_string() == bits && *known <= most)?;
    Some((of, known))
}

/// The address as a number of 128 bits, those that count first.
fn number(of: IpAddr) -> u128 {
    match of {
        IpAddr::V4(of) => u128::from(u32::from(of)) << 96,
        IpAddr::V6(of) => u128::from(of),
    }
}

/// Whether the first so many bits of two addresses of one family are the same.
fn alike(a: IpAddr, b: IpAddr, bits: u32) -> bool {
    let differ = number(a) ^ number(b);
    a.is_ipv4() == b.is_ipv4() && (bits == 0 || differ >> (128 - bits) == 0)
}

fn is_url(text: &str) -> bool {
    let scheme = text.split_once("://").map_or("", |(scheme, _)| scheme);
    let good = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(good);
    (named || text.starts_with('/')) && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn type_name(value: &Doc) -> &'static str {
    match value {
        Doc::Null => "null_type",
        Doc::Bool(_) => "bool",
        Doc::Int(_) => "int",
        Doc::Float(_) => "double",
        Doc::Str(_) => "string",
        Doc::Time(_) | Doc::MicroTime(_) => "google.protobuf.Timestamp",
        Doc::List(_) => "list",
        Doc::Map(_) => "map",
    }
}

/// `1h30m`, in milliseconds.
fn millis(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let mut total = 0i64;
    if rest == "0" {
        return Some(0);
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        rest = &rest[digits..];
        let length = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
        let unit = match &rest[..length] {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1000,
            "ms" => 1,
            _ => return None,
        };
        total = total.checked_add(number.checked_mul(unit)?)?;
        rest = &rest[length..];
    }
    (!text.is_empty()).then_some(sign * total)
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
        [Doc::Str(text), rest @ ..] => of_text(name, text, rest),
        [Doc::List(items), rest @ ..] => of_list(name, items, rest),
        [Doc::Map(map)] if name == "size" => Some(Ok(Doc::from(map.entries().len() as i64))),
        _ => None,
    }
}

fn of_text(name: &str, text: &str, rest: &[Doc]) -> Option<Value> {
    let truth = |value: bool| Some(Ok(Doc::Bool(value)));
    match (name, rest) {
        ("size", []) => Some(Ok(Doc::from(text.chars().count() as i64))),
        ("trim", []) => Some(Ok(Doc::from(text.trim().to_owned()))),
        ("lowerAscii", []) => Some(Ok(Doc::from(text.to_ascii_lowercase()))),
        ("upperAscii", []) => Some(Ok(Doc::from(text.to_ascii_uppercase()))),
        ("startsWith", [Doc::Str(other)]) => truth(text.starts_with(other.as_str())),
        ("endsWith", [Doc::Str(other)]) => truth(text.ends_with(other.as_str())),
        ("contains", [Doc::Str(other)]) => truth(text.contains(other.as_str())),
        ("matches", [Doc::Str(other)]) => {
            Some(compiled(other).map(|pattern| Doc::Bool(pattern.is_match(text))))
        }
        ("find", [Doc::Str(other)]) => Some(
            compiled(other)
                .map(|pattern| Doc::from(pattern.find(text).map_or("", |found| found.as_str()).to_owned())),
        ),
        ("findAll", [Doc::Str(other)]) => Some(
            compiled(other)
                .map(|pattern| Doc::list(pattern.find_iter(text).map(|found| found.as_str().to_owned()))),
        ),
        ("indexOf" | "lastIndexOf", [Doc::Str(other)]) => {
            let at = if name == "indexOf" { text.find(other.as_str()) } else { text.rfind(other.as_str()) };
            Some(Ok(Doc::from(at.map_or(-1, |at| text[..at].chars().count() as i64))))
        }
        ("replace", [Doc::Str(from), Doc::Str(to)]) => Some(Ok(Doc::from(text.replace(from.as_str(), to)))),
        ("split", [Doc::Str(at)]) => {
            let parts = text.split(at.as_str()).filter(|part| !at.is_empty() || !part.is_empty());
            Some(Ok(Doc::list(parts.map(str::to_owned))))
        }
        ("charAt", [Doc::Int(at)]) => Some(part(text, at.get(), at.get().saturating_add(1))),
        ("substring", [Doc::Int(from)]) => Some(part(text, from.get(), text.chars().count() as i64)),
        ("substring", [Doc::Int(from), Doc::Int(to)]) => Some(part(text, from.get(), to.get())),
        ("isLoopback", []) => truth(address(text).ok()?.is_loopback()),
        ("isUnspecified", []) => truth(address(text).ok()?.is_unspecified()),
        ("family", []) => Some(Ok(Doc::from(if address(text).ok()?.is_ipv4() { 4i64 } else { 6 }))),
        ("prefixLength", []) => Some(Ok(Doc::from(i64::from(block(text)?.1)))),
        ("ip", []) => Some(Ok(Doc::from(block(text)?.0.to_string()))),
        ("containsIP", [Doc::Str(other)]) => {
            let (of, bits) = block(text)?;
            Some(address(other).map(|other| Doc::Bool(alike(of, other, bits))))
        }
        ("containsCIDR", [Doc::Str(other)]) => {
            let ((of, bits), (other, other_bits)) = (block(text)?, block(other)?);
            truth(other_bits >= bits && alike(of, other, bits))
        }
        ("isGreaterThan" | "isLessThan" | "compareTo", [Doc::Str(other)]) => {
            let order = parse_quantity(text)?.cmp(&parse_quantity(other)?);
            Some(Ok(match name {
                "isGreaterThan" => Doc::Bool(order == Ordering::Greater),
                "isLessThan" => Doc::Bool(order == Ordering::Less),
                _ => Doc::from(order as i64),
            }))
        }
        _ => None,
    }
}

fn compiled(text: &str) -> Result<Regex, String> {
    read_pattern(text).map_err(|why| format!("error parsing regexp: {why}"))
}

fn part(text: &str, from: i64, to: i64) -> Value {
    let count = text.chars().count() as i64;
    if from < 0 || from > to || to > count {
        return Err(format!("index out of range: {}", if from < 0 || from > count { from } else { to }));
    }
    let letters = text.chars().skip(from as usize).take((to - from) as usize);
    Ok(Doc::from(letters.collect::<String>()))
}

fn of_list(name: &str, items: &[Doc], rest: &[Doc]) -> Option<Value> {
    match (name, rest) {
        ("size", []) => Some(Ok(Doc::from(items.len() as i64))),
        ("isSorted", []) => {
            let sorted =
                items.windows(2).all(|pair| compare(&pair[0], &pair[1]).is_some_and(Ordering::is_le));
            Some(Ok(Doc::Bool(sorted)))
        }
        ("sum", []) => {
            let sum = items.iter().try_fold(0i64, |sum, item| sum.checked_add(item.as_i64()?));
            sum.map(|sum| Ok(Doc::from(sum)))
        }
        ("min" | "max", []) => {
            let wanted = if name == "min" { Ordering::Less } else { Ordering::Greater };
            let better = |best: &Doc, item: &Doc| compare(item, best) == Some(wanted);
            let mut items = items.iter();
            let first = items.next().cloned();
            let best = first.map(|first| {
                items.fold(first, |best, item| if better(&best, item) { item.clone() } else { best })
            });
            Some(best.ok_or_else(|| format!("{name} called on empty list")))
        }
        ("indexOf" | "lastIndexOf", [wanted]) => {
            let same = |item: &Doc| equal(item, wanted);
            let at =
                if name == "indexOf" { items.iter().position(same) } else { items.iter().rposition(same) };
            Some(Ok(Doc::from(at.map_or(-1, |at| at as i64))))
        }
        ("join", []) => Some(Ok(Doc::from(joined(items, "")?))),
        ("join", [Doc::Str(with)]) => Some(Ok(Doc::from(joined(items, with)?))),
        _ => None,
    }
}

fn joined(items: &[Doc], with: &str) -> Option<String> {
    let texts: Option<Vec<&str>> = items.iter().map(Doc::as_str).collect();
    texts.map(|texts| texts.join(with))
}
