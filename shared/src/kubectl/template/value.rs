//! What a template works with, and how it prints.

use std::cmp::Ordering;

use crate::doc::Doc;

/// A value.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Value {
    /// What is not there.
    Missing,
    Doc(Doc),
    Int(i64),
}

/// What can be compared with what.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Basic {
    Bool,
    Int,
    Float,
    Text,
}

impl Value {
    pub fn text(text: impl Into<String>) -> Value {
        Value::Doc(Doc::from(text.into()))
    }

    pub fn bool(value: bool) -> Value {
        Value::Doc(Doc::Bool(value))
    }

    /// Whether there is nothing: no value, or `null`.
    pub fn is_nothing(&self) -> bool {
        matches!(self, Value::Missing | Value::Doc(Doc::Null))
    }

    /// The whole number that it is, in a template or in a document.
    pub fn whole(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            Value::Doc(Doc::Int(number)) => Some(number.get()),
            _ => None,
        }
    }

    pub fn is_true(&self) -> bool {
        match self {
            Value::Missing | Value::Doc(Doc::Null) => false,
            Value::Int(number) => *number != 0,
            Value::Doc(Doc::Int(number)) => number.get() != 0,
            Value::Doc(Doc::Bool(value)) => *value,
            Value::Doc(Doc::Str(text)) => !text.is_empty(),
            Value::Doc(doc @ (Doc::List(_) | Doc::Map(_))) => !doc.is_empty(),
            Value::Doc(doc) => number(doc).is_none_or(|number| number != 0.0),
        }
    }

    pub fn basic(&self) -> Option<Basic> {
        match self {
            Value::Int(_) | Value::Doc(Doc::Int(_)) => Some(Basic::Int),
            Value::Doc(Doc::Bool(_)) => Some(Basic::Bool),
            Value::Doc(doc) if number(doc).is_some() => Some(Basic::Float),
            Value::Doc(doc) if as_text(doc).is_some() => Some(Basic::Text),
            _ => None,
        }
    }

    /// The name of its type in Go.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Int(_) => "int",
            Value::Doc(Doc::Int(_)) => "int64",
            Value::Missing | Value::Doc(Doc::Null) => "<nil>",
            Value::Doc(Doc::Bool(_)) => "bool",
            Value::Doc(Doc::List(_)) => "[]interface {}",
            Value::Doc(Doc::Map(_)) => "map[string]interface {}",
            Value::Doc(doc) if number(doc).is_some() => "float64",
            Value::Doc(_) => "string",
        }
    }

    /// The order of two that are of one basic kind.
    pub fn order(&self, other: &Value) -> Option<Ordering> {
        if let (Some(one), Some(two)) = (self.whole(), other.whole()) {
            return Some(one.cmp(&two));
        }
        match (self, other) {
            (Value::Doc(Doc::Bool(one)), Value::Doc(Doc::Bool(two))) => Some(one.cmp(two)),
            (Value::Doc(one), Value::Doc(two)) => match (number(one), number(two)) {
                (Some(one), Some(two)) => one.partial_cmp(&two),
                _ => Some(as_text(one)?.cmp(&as_text(two)?)),
            },
            _ => None,
        }
    }

    /// The text that it is, if it is one.
    pub fn as_text(&self) -> Option<String> {
        match self {
            Value::Doc(doc) => as_text(doc),
            _ => None,
        }
    }

    /// As `{{.}}` prints it.
    pub fn shown(&self) -> String {
        match self {
            Value::Missing | Value::Doc(Doc::Null) => "<no value>".into(),
            other => other.plain(),
        }
    }

    /// As `%v` prints it.
    pub fn plain(&self) -> String {
        match self {
            Value::Missing => "<nil>".into(),
            Value::Int(number) => number.to_string(),
            Value::Doc(doc) => plain(doc),
        }
    }
}

/// A document as `%v` prints it.
pub(super) fn plain(doc: &Doc) -> String {
    match doc {
        Doc::Null => "<nil>".into(),
        Doc::Bool(value) => value.to_string(),
        Doc::List(items) => format!("[{}]", items.iter().map(plain).collect::<Vec<_>>().join(" ")),
        Doc::Map(map) => {
            let pairs = map.entries().iter().map(|(key, value)| format!("{key}:{}", plain(value)));
            format!("map[{}]", pairs.collect::<Vec<_>>().join(" "))
        }
        Doc::Int(number) => number.get().to_string(),
        other => match number(other) {
            Some(number) => super::format::float(number),
            None => as_text(other).unwrap_or_default(),
        },
    }
}

/// The number with a point that a document is.
pub(super) fn number(doc: &Doc) -> Option<f64> {
    match doc {
        Doc::Float(number) => Some(number.get()),
        _ => None,
    }
}

fn as_text(doc: &Doc) -> Option<String> {
    match doc {
        Doc::Str(text) => Some(text.to_string()),
        Doc::Time(time) => Some(time.rfc3339()),
        Doc::MicroTime(time) => Some(time.rfc3339_micros()),
        _ => None,
    }
}
