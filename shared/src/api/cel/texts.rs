//! CEL's functions of texts.

use super::patterns::compiled;
use super::values::as_bytes;
use crate::api::batch::timezone::Zone;
use crate::doc::{Doc, Timestamp};

type Value = Result<Doc, String>;

/// A function of a text; `None` where there is none of these types.
pub(super) fn method(name: &str, text: &str, rest: &[Doc]) -> Option<Value> {
    let truth = |value: bool| Some(Ok(Doc::Bool(value)));
    match (name, rest) {
        ("size", []) => Some(Ok(Doc::from(text.chars().count() as i64))),
        ("trim", []) => Some(Ok(Doc::from(text.trim().to_owned()))),
        ("reverse", []) => Some(Ok(Doc::from(text.chars().rev().collect::<String>()))),
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
        ("findAll", [Doc::Str(other), limit @ ..]) => {
            let most = limited(limit)?;
            let all = compiled(other).map(|pattern| {
                Doc::list(pattern.find_iter(text).take(most).map(|found| found.as_str().to_owned()))
            });
            Some(all)
        }
        ("indexOf" | "lastIndexOf", [Doc::Str(other), from @ ..]) => {
            place(name == "lastIndexOf", text, other, from)
        }
        ("replace", [Doc::Str(from), Doc::Str(to), limit @ ..]) => {
            Some(Ok(Doc::from(text.replacen(from.as_str(), to, limited(limit)?))))
        }
        ("split", [Doc::Str(at), limit @ ..]) => Some(Ok(split(text, at, limited(limit)?))),
        ("charAt", [Doc::Int(at)]) if at.get() == text.chars().count() as i64 => Some(Ok(Doc::from(""))),
        ("charAt", [Doc::Int(at)]) => Some(part(text, at.get(), at.get().saturating_add(1))),
        ("substring", [Doc::Int(from)]) => Some(part(text, from.get(), text.chars().count() as i64)),
        ("substring", [Doc::Int(from), Doc::Int(to)]) => Some(part(text, from.get(), to.get())),
        ("format", [Doc::List(values)]) => Some(formatted(text, values)),
        _ => None,
    }
}

/// How many are wanted: all where nothing is said, or less than none.
fn limited(limit: &[Doc]) -> Option<usize> {
    match limit {
        [] => Some(usize::MAX),
        [Doc::Int(most)] => Some(usize::try_from(most.get()).unwrap_or(usize::MAX)),
        _ => None,
    }
}

fn split(text: &str, at: &str, most: usize) -> Doc {
    match (most, at) {
        (0, _) => Doc::list(Vec::<Doc>::new()),
        (_, "") => {
            let mut parts: Vec<String> = text.chars().map(String::from).collect();
            if parts.len() > most {
                let rest = parts.split_off(most - 1).concat();
                parts.push(rest);
            }
            Doc::list(parts)
        }
        _ => Doc::list(text.splitn(most, at).map(str::to_owned)),
    }
}

/// Where another text stands in it, in letters; -1 where it does not.
fn place(last: bool, text: &str, other: &str, from: &[Doc]) -> Option<Value> {
    let count = text.chars().count() as i64;
    let from = match from {
        [] => None,
        [Doc::Int(from)] if (0..=count).contains(&from.get()) => Some(from.get() as usize),
        [Doc::Int(from)] => return Some(Err(format!("index out of range: {}", from.get()))),
        _ => return None,
    };
    let byte = |letters: usize| text.char_indices().nth(letters).map_or(text.len(), |(at, _)| at);
    let at = match (last, from.map(byte)) {
        (false, start) => {
            let start = start.unwrap_or(0);
            text[start..].find(other).map(|at| at + start)
        }
        // It has to begin there at the latest.
        (true, Some(start)) => text.match_indices(other).map(|(at, _)| at).filter(|at| *at <= start).last(),
        (true, None) => text.rfind(other),
    };
    Some(Ok(Doc::from(at.map_or(-1, |at| text[..at].chars().count() as i64))))
}

fn part(text: &str, from: i64, to: i64) -> Value {
    let count = text.chars().count() as i64;
    if from < 0 || from > to || to > count {
        return Err(format!("index out of range: {}", if from < 0 || from > count { from } else { to }));
    }
    let letters = text.chars().skip(from as usize).take((to - from) as usize);
    Ok(Doc::from(letters.collect::<String>()))
}

/// The text in marks, as Go writes it.
pub(super) fn quoted(text: &str) -> String {
    let mut all = String::from("\"");
    for letter in text.chars() {
        match letter {
            '\u{7}' => all.push_str("\\a"),
            '\u{8}' => all.push_str("\\b"),
            '\u{c}' => all.push_str("\\f"),
            '\n' => all.push_str("\\n"),
            '\r' => all.push_str("\\r"),
            '\t' => all.push_str("\\t"),
            '\u{b}' => all.push_str("\\v"),
            '\\' | '"' => all.extend(['\\', letter]),
            _ => all.push(letter),
        }
    }
    all.push('"');
    all
}

/// `'%s has %d'.format([…])`
fn formatted(text: &str, values: &[Doc]) -> Value {
    let mut all = String::new();
    let mut values = values.iter();
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        all.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let digits = rest.strip_prefix('.').map_or("", |after| {
            &after[..after.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(after.len())]
        });
        if rest.starts_with('.') {
            rest = &rest[1 + digits.len()..];
        }
        let Some(verb) = rest.chars().next() else {
            return Err("unexpected end of string".into());
        };
        rest = &rest[verb.len_utf8()..];
        if verb == '%' {
            all.push('%');
            continue;
        }
        let value = values.next().ok_or_else(|| format!("index {} out of range", values.len()))?;
        let places = digits.parse::<usize>().unwrap_or(6).min(100);
        all.push_str(&written(verb, places, value)?);
    }
    all.push_str(rest);
    Ok(Doc::from(all))
}

fn written(verb: char, places: usize, value: &Doc) -> Result<String, String> {
    let cannot = || format!("error during formatting: could not convert argument to {verb:?}");
    let number = || value.as_i64().map(|number| (if number < 0 { "-" } else { "" }, number.unsigned_abs()));
    Ok(match (verb, value) {
        ('s', value) => shown(value),
        ('d', Doc::Int(number)) => number.get().to_string(),
        ('f', Doc::Float(number)) => format!("{:.places$}", number.get()),
        ('f', Doc::Int(number)) => format!("{:.places$}", number.get() as f64),
        ('e', Doc::Float(number)) => exponential(number.get(), places),
        ('e', Doc::Int(number)) => exponential(number.get() as f64, places),
        ('b', Doc::Bool(value)) => u8::from(*value).to_string(),
        ('b', _) => number().map(|(sign, of)| format!("{sign}{of:b}")).ok_or_else(cannot)?,
        ('o', _) => number().map(|(sign, of)| format!("{sign}{of:o}")).ok_or_else(cannot)?,
        ('x', Doc::Str(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ('X', Doc::Str(text)) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ('x', Doc::Map(_)) => {
            as_bytes(value).ok_or_else(cannot)?.iter().map(|byte| format!("{byte:02x}")).collect()
        }
        ('X', Doc::Map(_)) => {
            as_bytes(value).ok_or_else(cannot)?.iter().map(|byte| format!("{byte:02X}")).collect()
        }
        ('x', _) => number().map(|(sign, of)| format!("{sign}{of:x}")).ok_or_else(cannot)?,
        ('X', _) => number().map(|(sign, of)| format!("{sign}{of:X}")).ok_or_else(cannot)?,
        ('d', _) | ('f', _) | ('e', _) => return Err(cannot()),
        _ => {
            return Err(format!(
                "could not parse formatting clause: unrecognized formatting clause {verb:?}"
            ));
        }
    })
}

fn exponential(number: f64, places: usize) -> String {
    let text = format!("{number:.places$e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
    format!("{digits}e{sign}{power:0>2}")
}

/// A value as `%s` shows it.
fn shown(value: &Doc) -> String {
    match value {
        Doc::Str(text) => text.to_string(),
        Doc::Time(_) | Doc::MicroTime(_) => value.str().to_string(),
        Doc::List(items) => {
            let items: Vec<String> = items.iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Doc::Map(map) => {
            if let Some(bytes) = as_bytes(value) {
                return String::from_utf8_lossy(&bytes).into_owned();
            }
            let mut entries: Vec<String> =
                map.entries().iter().map(|(key, value)| format!("{key}: {}", shown(value))).collect();
            crate::collections::sort(&mut entries);
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_json(),
    }
}

/// A part of a moment, in UTC, so far from it (`+05:30`), or in a zone.
pub(super) fn of_time(name: &str, time: Timestamp, rest: &[Doc]) -> Option<Value> {
    let ahead = match rest {
        [] => 0,
        [Doc::Str(zone)] => match seconds(zone).or_else(|| Some(Zone::named(zone)?.at(time.seconds()).0)) {
            Some(ahead) => ahead,
            None => return Some(Err(format!("unknown time zone {zone}"))),
        },
        _ => return None,
    };
    let time = Timestamp::from_millis(time.millis() + ahead * 1000);
    let (year, month, day) = time.date();
    let (days, rest) = (time.seconds().div_euclid(86_400), time.seconds().rem_euclid(86_400));
    let new_year = Timestamp::parse(&format!("{year:04}-01-01T00:00:00Z"));
    Some(Ok(Doc::from(match name {
        "getFullYear" => year,
        "getMonth" => month - 1,
        "getDate" => day,
        "getDayOfMonth" => day - 1,
        // The first of January 1970 was a Thursday.
        "getDayOfWeek" => (days + 4).rem_euclid(7),
        "getDayOfYear" => days - new_year?.seconds().div_euclid(86_400),
        "getHours" => rest / 3600,
        "getMinutes" => rest / 60 % 60,
        "getSeconds" => rest % 60,
        "getMilliseconds" => time.millis().rem_euclid(1000),
        _ => return None,
    })))
}

/// How far a zone that says that itself is ahead of UTC.
fn seconds(zone: &str) -> Option<i64> {
    let (sign, rest) = match zone.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, zone.strip_prefix('+').unwrap_or(zone)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let number =
        |part: &str, most: i64| part.parse::<i64>().ok().filter(|number| (0..=most).contains(number));
    Some(sign * 60 * (number(hours, 23)? * 60 + number(minutes, 59)?))
}
