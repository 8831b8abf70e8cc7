//! What a template may call.

use std::cmp::Ordering;

use crate::api::core::secret::base64_decode;
use crate::doc::Doc;

use super::execute::LONGEST;
use super::format::printf;
use super::value::{Basic, Value};

type Function = fn(&[Value]) -> Result<Value, String>;

/// Each with the fewest and the most that it takes; `and` and `or` are not here, since they do not look at all of it.
const FUNCTIONS: &[(&str, usize, usize, Function)] = &[
    ("base64decode", 1, 1, decode),
    ("call", 1, MANY, |_| Err("call of nil".into())),
    ("eq", 1, MANY, |values| equal(values).map(Value::bool)),
    ("exists", 1, MANY, |values| Ok(Value::bool(exists_at(values)))),
    ("ge", 2, 2, |values| ordered(values).map(|order| Value::bool(order != Ordering::Less))),
    ("gt", 2, 2, |values| ordered(values).map(|order| Value::bool(order == Ordering::Greater))),
    ("html", 0, MANY, |values| Ok(Value::text(html(&print(values)?)))),
    ("index", 1, MANY, index),
    ("js", 0, MANY, |values| Ok(Value::text(js(&print(values)?)))),
    ("le", 2, 2, |values| ordered(values).map(|order| Value::bool(order != Ordering::Greater))),
    ("len", 1, 1, length),
    ("lt", 2, 2, |values| ordered(values).map(|order| Value::bool(order == Ordering::Less))),
    ("ne", 2, 2, |values| equal(values).map(|equal| Value::bool(!equal))),
    ("not", 1, 1, |values| Ok(Value::bool(!values[0].is_true()))),
    ("print", 0, MANY, |values| print(values).map(Value::text)),
    ("printf", 1, MANY, |values| match values[0].as_text() {
        Some(format) => printf(&format, &values[1..]).map(Value::text),
        None => Err(format!("wrong type for value; expected string; got {}", values[0].type_name())),
    }),
    ("println", 0, MANY, println),
    ("slice", 1, 4, slice),
    ("urlquery", 0, MANY, |values| Ok(Value::text(query(&print(values)?)))),
];

const MANY: usize = usize::MAX;

/// Whether there is a function of this name.
pub(super) fn exists(name: &str) -> bool {
    matches!(name, "and" | "or") || FUNCTIONS.iter().any(|(known, ..)| *known == name)
}

/// Why a function does not take so many.
pub(super) fn miscounted(name: &str, given: usize) -> Option<String> {
    let (fewest, most) = match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        Some((_, fewest, most, _)) => (*fewest, *most),
        None => (1, MANY),
    };
    let wanted = match () {
        () if given < fewest && most == MANY => format!("at least {fewest}"),
        () if (fewest..=most).contains(&given) => return None,
        () => fewest.to_string(),
    };
    Some(format!("wrong number of args for {name}: want {wanted} got {given}"))
}

pub(super) fn call(name: &str, values: &[Value]) -> Result<Value, String> {
    match FUNCTIONS.iter().find(|(known, ..)| *known == name) {
        Some((.., function)) => function(values),
        None => Ok(Value::Missing),
    }
}

/// Whether a text that grows is within bounds.
pub(super) fn bounded(text: &str) -> Result<(), String> {
    if text.len() > LONGEST { Err("it makes too much".into()) } else { Ok(()) }
}

fn println(values: &[Value]) -> Result<Value, String> {
    let mut text = String::new();
    for (at, value) in values.iter().enumerate() {
        text.push_str(if at > 0 { " " } else { "" });
        text.push_str(&value.plain());
        bounded(&text)?;
    }
    Ok(Value::text(text + "\n"))
}

/// Between two that are no texts stands a space.
fn print(values: &[Value]) -> Result<String, String> {
    let mut text = String::new();
    let mut before: Option<&Value> = None;
    for value in values {
        let are_texts = |one: &Value| one.basic() == Some(Basic::Text);
        if before.is_some_and(|before| !are_texts(before) && !are_texts(value)) {
            text.push(' ');
        }
        text.push_str(&value.plain());
        bounded(&text)?;
        before = Some(value);
    }
    Ok(text)
}

fn mismatch(one: &Value, two: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", one.type_name(), two.type_name())
}

/// Whether the first is one of the others.
fn equal(values: &[Value]) -> Result<bool, String> {
    let [first, others @ ..] = values else { return Ok(false) };
    if others.is_empty() {
        return Err("missing argument for comparison".into());
    }
    for other in others {
        if first.basic() != other.basic() {
            if !first.is_nothing() && !other.is_nothing() {
                return Err(mismatch(first, other));
            }
        } else if first.basic().is_none() {
            if !first.is_nothing() && !other.is_nothing() {
                let told = |value: &Value| format!("{}: {}", value.plain(), value.type_name());
                return Err(format!("non-comparable type {}", told(first)));
            }
            if first.is_nothing() && other.is_nothing() {
                return Ok(true);
            }
        } else if first.order(other) == Some(Ordering::Equal) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn ordered(values: &[Value]) -> Result<Ordering, String> {
    let (one, two) = (&values[0], &values[1]);
    match (one.basic(), two.basic()) {
        (Some(Basic::Bool) | None, _) | (_, None) => Err("invalid type for comparison".into()),
        (first, second) if first != second => Err(mismatch(one, two)),
        _ => one.order(two).ok_or_else(|| mismatch(one, two)),
    }
}

fn length(values: &[Value]) -> Result<Value, String> {
    let length = match &values[0] {
        Value::Doc(doc @ (Doc::List(_) | Doc::Map(_))) => match doc {
            Doc::List(items) => items.len(),
            map => map.entries().len(),
        },
        value if value.is_nothing() => return Err("reflect: call of reflect.Value.Type on zero Value".into()),
        value => match value.as_text() {
            Some(text) => text.len(),
            None => return Err(format!("len of type {}", value.type_name())),
        },
    };
    Ok(Value::Int(length as i64))
}

/// The place that a value means, no further than `most`.
fn place(value: &Value, most: usize) -> Result<usize, String> {
    if let Some(at) = value.whole() {
        return usize::try_from(at)
            .ok()
            .filter(|at| *at <= most)
            .ok_or_else(|| format!("index out of range: {at}"));
    }
    match value {
        value if value.is_nothing() => Err("cannot index slice/array with nil".into()),
        value => Err(format!("cannot index slice/array with type {}", value.type_name())),
    }
}

fn index(values: &[Value]) -> Result<Value, String> {
    let [first, steps @ ..] = values else { return Ok(Value::Missing) };
    if first.is_nothing() {
        return Err("index of untyped nil".into());
    }
    let mut found = first.clone();
    for step in steps {
        found = match &found {
            Value::Doc(Doc::List(items)) => {
                let at = place(step, items.len())?;
                let item = items.get(at).ok_or_else(|| format!("index out of range: {at}"))?;
                Value::Doc(item.clone())
            }
            Value::Doc(map @ Doc::Map(_)) => match step.as_text() {
                Some(key) => Value::Doc(map.get(&key).clone()),
                None if step.is_nothing() => return Err("value is nil; should be string".into()),
                None => return Err(format!("value has type {}; should be string", step.type_name())),
            },
            other if other.is_nothing() => return Err("index of nil pointer".into()),
            other => match other.as_text() {
                Some(text) => {
                    let at = place(step, text.len())?;
                    let byte = text
                        .as_bytes()
                        .get(at)
                        .copied()
                        .ok_or_else(|| format!("index out of range: {at}"))?;
                    Value::Int(i64::from(byte))
                }
                None => return Err(format!("can't index item of type {}", other.type_name())),
            },
        };
    }
    Ok(found)
}

fn slice(values: &[Value]) -> Result<Value, String> {
    let [what, bounds @ ..] = values else { return Ok(Value::Missing) };
    if what.is_nothing() {
        return Err("slice of untyped nil".into());
    }
    let range = |length: usize| {
        let from = bounds.first().map_or(Ok(0), |bound| place(bound, length))?;
        let to = bounds.get(1).map_or(Ok(length), |bound| place(bound, length))?;
        if from > to { Err(format!("invalid slice index: {from} > {to}")) } else { Ok((from, to)) }
    };
    match (what, what.as_text()) {
        (Value::Doc(Doc::List(items)), _) => {
            let (from, to) = range(items.len())?;
            Ok(Value::Doc(Doc::list(items[from..to].iter())))
        }
        (_, Some(text)) => {
            let (from, to) = range(text.len())?;
            Ok(Value::text(String::from_utf8_lossy(&text.as_bytes()[from..to])))
        }
        _ => Err(format!("can't slice item of type {}", what.type_name())),
    }
}

fn decode(values: &[Value]) -> Result<Value, String> {
    let text = values[0]
        .as_text()
        .ok_or_else(|| format!("wrong type for value; expected string; got {}", values[0].type_name()))?;
    let bytes = base64_decode(&text)
        .map_err(|at| format!("base64 decode failed: illegal base64 data at input byte {at}"))?;
    Ok(Value::text(String::from_utf8_lossy(&bytes)))
}

/// Whether the keys and places after the first lead somewhere.
fn exists_at(values: &[Value]) -> bool {
    let [first, steps @ ..] = values else { return false };
    let mut found = first.clone();
    for step in steps {
        let next = match (&found, step) {
            (Value::Doc(Doc::List(items)), place) => {
                place.whole().and_then(|at| usize::try_from(at).ok()).and_then(|at| items.get(at)).cloned()
            }
            (Value::Doc(Doc::Map(map)), key) => {
                key.as_text().filter(|key| map.contains(key)).map(|key| map.get(&key).clone())
            }
            _ => None,
        };
        match next {
            Some(next) => found = Value::Doc(next),
            None => return false,
        }
    }
    !found.is_nothing()
}

fn html(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&#34;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

fn js(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '\\' | '\'' | '"' => safe.extend(['\\', c]),
            '<' | '>' | '&' | '=' => safe.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c < ' ' => safe.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => safe.push(c),
        }
    }
    safe
}

fn query(text: &str) -> String {
    let mut safe = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => safe.push('+'),
            b'-' | b'_' | b'.' | b'~' => safe.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => safe.push(byte.into()),
            _ => safe.push_str(&format!("%{byte:02X}")),
        }
    }
    safe
}
