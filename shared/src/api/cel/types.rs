//! Types of values, and what operators and functions make of them.

use std::fmt;
use std::rc::Rc;

use super::Binary;
use crate::doc::Str;

/// What is known of a value before it is there.
#[derive(Clone)]
pub enum Type {
    /// Anything.
    Dyn,
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// Any number.
    Double,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A moment.
    Time,
    /// A list of such.
    List(Box<Type>),
    /// A map from text to such.
    Map(Box<Type>),
    /// An object with fields of its own.
    Object(Rc<dyn Fields>),
}

/// The fields of an object.
pub trait Fields {
    /// The name of its type.
    fn name(&self) -> Str;
    /// The type of one, if there is such a field.
    fn field(&self, name: &str) -> Option<Type>;
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Type::Dyn => f.write_str("dyn"),
            Type::Null => f.write_str("null_type"),
            Type::Bool => f.write_str("bool"),
            Type::Int => f.write_str("int"),
            Type::Double => f.write_str("double"),
            Type::String => f.write_str("string"),
            Type::Bytes => f.write_str("bytes"),
            Type::Time => f.write_str("timestamp"),
            Type::List(of) => write!(f, "list({of})"),
            Type::Map(of) => write!(f, "map(string, {of})"),
            Type::Object(fields) => f.write_str(&fields.name()),
        }
    }
}

impl Type {
    pub(super) fn is_dyn(&self) -> bool {
        matches!(self, Type::Dyn)
    }

    fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Double)
    }

    /// The type of both, if one value can stand for the other.
    pub(super) fn joined(&self, other: &Type) -> Option<Type> {
        Some(match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => Type::Dyn,
            (Type::List(a), Type::List(b)) => Type::List(a.joined(b)?.into()),
            (Type::Map(a), Type::Map(b)) => Type::Map(a.joined(b)?.into()),
            (Type::Null, kind @ (Type::Object(_) | Type::Time | Type::Null))
            | (kind @ (Type::Object(_) | Type::Time), Type::Null) => kind.clone(),
            // Objects are made for one another's place, whatever their types are called.
            (Type::Object(_), Type::Object(_) | Type::Map(_)) | (Type::Map(_), Type::Object(_)) => Type::Dyn,
            (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => a.clone(),
            _ => return None,
        })
    }
}

/// What comes of an operator between two values; nothing where there is none for them.
pub(super) fn binary(operator: Binary, a: &Type, b: &Type) -> Option<Type> {
    use Binary::*;
    let either_dyn = a.is_dyn() || b.is_dyn();
    let same = || a.joined(b);
    match operator {
        Or | And => {
            let fits = |of: &Type| matches!(of, Type::Bool | Type::Dyn);
            (fits(a) && fits(b)).then_some(Type::Bool)
        }
        Equal | NotEqual => same().map(|_| Type::Bool),
        Less | LessEqual | Greater | GreaterEqual => {
            let ordered = |of: &Type| {
                of.is_dyn()
                    || of.is_number()
                    || matches!(of, Type::Bool | Type::String | Type::Bytes | Type::Time)
            };
            let fits = same().is_some() || a.is_number() && b.is_number();
            (fits && ordered(a) && ordered(b)).then_some(Type::Bool)
        }
        In => match b {
            Type::Dyn => Some(Type::Bool),
            Type::List(of) => of.joined(a).map(|_| Type::Bool),
            Type::Map(_) => Type::String.joined(a).map(|_| Type::Bool),
            _ => None,
        },
        _ if either_dyn => {
            let known = if a.is_dyn() { b } else { a };
            arithmetic(operator, known).then_some(Type::Dyn)
        }
        _ => same().filter(|_| arithmetic(operator, a)),
    }
}

fn arithmetic(operator: Binary, of: &Type) -> bool {
    match (operator, of) {
        (_, Type::Dyn | Type::Int) => true,
        (Binary::Remainder, _) => false,
        (_, Type::Double) => true,
        (Binary::Add, Type::String | Type::Bytes | Type::List(_) | Type::Time) => true,
        (Binary::Subtract, Type::Time) => true,
        _ => false,
    }
}

/// What a function makes of its values, of which the first is what it is called on where `on` says so.
pub(super) enum Made {
    Of(Type),
    /// There is such a function, but not for these.
    NoOverload,
    /// There may be one that is not known here.
    Unknown,
}

const TEXT: Type = Type::String;

/// Functions of texts: the values beside the text (the later ones may be left out), how many there must be, the result.
const OF_TEXT: [(&str, &[Type], usize, Type); 17] = [
    ("startsWith", &[TEXT], 1, Type::Bool),
    ("endsWith", &[TEXT], 1, Type::Bool),
    ("contains", &[TEXT], 1, Type::Bool),
    ("matches", &[TEXT], 1, Type::Bool),
    ("trim", &[], 0, TEXT),
    ("lowerAscii", &[], 0, TEXT),
    ("upperAscii", &[], 0, TEXT),
    ("find", &[TEXT], 1, TEXT),
    ("replace", &[TEXT, TEXT, Type::Int], 2, TEXT),
    ("charAt", &[Type::Int], 1, TEXT),
    ("substring", &[Type::Int, Type::Int], 1, TEXT),
    ("findAll", &[TEXT, Type::Int], 1, Type::Dyn),
    ("split", &[TEXT, Type::Int], 1, Type::Dyn),
    ("indexOf", &[TEXT, Type::Int], 1, Type::Int),
    ("lastIndexOf", &[TEXT, Type::Int], 1, Type::Int),
    ("size", &[], 0, Type::Int),
    ("join", &[TEXT], 0, TEXT),
];

pub(super) fn call(on: bool, name: &str, values: &[Type]) -> Made {
    if on { method(name, values) } else { function(name, values) }
}

fn method(name: &str, values: &[Type]) -> Made {
    let Some((of, rest)) = values.split_first() else { return Made::Unknown };
    let known = OF_TEXT.iter().find(|(known, ..)| *known == name);
    let listed = matches!(name, "isSorted" | "sum" | "min" | "max");
    match (of, known) {
        (_, None) if !listed => Made::Unknown,
        (Type::Dyn, Some((.., result))) => Made::Of(result.clone()),
        (Type::Dyn, None) => Made::Of(Type::Dyn),
        (Type::String, Some((_, wanted, least, result))) if name != "join" => {
            let fits = rest.len() >= *least
                && rest.len() <= wanted.len()
                && rest.iter().zip(*wanted).all(|(given, wanted)| given.joined(wanted).is_some());
            if fits { Made::Of(result.clone()) } else { Made::NoOverload }
        }
        (Type::List(item), _) => match (name, rest) {
            ("size", []) => Made::Of(Type::Int),
            ("isSorted", []) => Made::Of(Type::Bool),
            ("sum" | "min" | "max", []) => Made::Of((**item).clone()),
            ("indexOf" | "lastIndexOf", [wanted]) if item.joined(wanted).is_some() => Made::Of(Type::Int),
            ("join", [] | [Type::String | Type::Dyn]) if item.joined(&TEXT).is_some() => Made::Of(TEXT),
            _ => Made::NoOverload,
        },
        (Type::Map(_) | Type::Bytes, _) if name == "size" && rest.is_empty() => Made::Of(Type::Int),
        _ => Made::NoOverload,
    }
}

fn function(name: &str, values: &[Type]) -> Made {
    let [of] = values else { return Made::Unknown };
    let result = match (name, of) {
        ("size", _) => return method("size", values),
        ("string", _) => TEXT,
        ("int", _) => Type::Int,
        ("double", _) => Type::Double,
        ("bool", _) => Type::Bool,
        ("timestamp", _) => Type::Time,
        ("isQuantity", _) => Type::Bool,
        ("dyn", _) => return Made::Of(Type::Dyn),
        _ => return Made::Unknown,
    };
    let plain = matches!(of, Type::Bool | Type::Int | Type::Double | Type::String);
    let fits = match name {
        "string" => plain || matches!(of, Type::Bytes | Type::Time),
        "int" | "double" => matches!(of, Type::Int | Type::Double | Type::String | Type::Time),
        "bool" => matches!(of, Type::Bool | Type::String),
        "timestamp" => matches!(of, Type::Time | Type::String | Type::Int),
        _ => matches!(of, Type::String),
    };
    if fits || of.is_dyn() { Made::Of(result) } else { Made::NoOverload }
}
