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
    /// How long something takes.
    Duration,
    /// A type of which no more is known than its name.
    Named(&'static str),
    /// A value that may be missing.
    Optional(Box<Type>),
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
            Type::Duration => f.write_str("duration"),
            Type::Named(name) => f.write_str(name),
            Type::Optional(of) => write!(f, "optional_type({of})"),
            Type::List(of) => write!(f, "list({of})"),
            Type::Map(of) => write!(f, "map(string, {of})"),
            Type::Object(fields) => f.write_str(&fields.name()),
        }
    }
}

impl Type {
    /// Whether nothing is known of it.
    pub fn is_dyn(&self) -> bool {
        matches!(self, Type::Dyn)
    }

    fn is_number(&self) -> bool {
        matches!(self, Type::Int | Type::Double)
    }

    fn may_be_null(&self) -> bool {
        matches!(self, Type::Object(_) | Type::Time | Type::Duration | Type::Named(_) | Type::Null)
    }

    /// The type of both, if one value can stand for the other.
    pub(super) fn joined(&self, other: &Type) -> Option<Type> {
        Some(match (self, other) {
            (Type::Dyn, _) | (_, Type::Dyn) => Type::Dyn,
            (Type::List(a), Type::List(b)) => Type::List(a.joined(b)?.into()),
            (Type::Map(a), Type::Map(b)) => Type::Map(a.joined(b)?.into()),
            (Type::Optional(a), Type::Optional(b)) => Type::Optional(a.joined(b)?.into()),
            (Type::Null, kind) | (kind, Type::Null) if kind.may_be_null() => kind.clone(),
            (Type::Named(a), Type::Named(b)) => return (a == b).then(|| self.clone()),
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
                    || matches!(of, Type::Bool | Type::String | Type::Bytes | Type::Time | Type::Duration)
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
        Add | Subtract if matches!((a, b), (Type::Time | Type::Duration, Type::Time | Type::Duration)) => {
            match (operator, a, b) {
                (Subtract, Type::Time, Type::Time) | (_, Type::Duration, Type::Duration) => {
                    Some(Type::Duration)
                }
                (_, Type::Time, Type::Duration) | (Add, Type::Duration, Type::Time) => Some(Type::Time),
                _ => None,
            }
        }
        _ if either_dyn => {
            let known = if a.is_dyn() { b } else { a };
            // For most types there is one overload; a time or duration may be added to either.
            let made = if matches!(known, Type::Time | Type::Duration) { Type::Dyn } else { known.clone() };
            arithmetic(operator, known).then_some(made)
        }
        _ => same().filter(|_| arithmetic(operator, a)),
    }
}

fn arithmetic(operator: Binary, of: &Type) -> bool {
    match (operator, of) {
        (_, Type::Dyn | Type::Int) => true,
        (Binary::Remainder, _) => false,
        (_, Type::Double) => true,
        (Binary::Add, Type::String | Type::Bytes | Type::List(_)) => true,
        (Binary::Add | Binary::Subtract, Type::Time | Type::Duration) => true,
        _ => false,
    }
}

/// A type whose values an expression makes by its name: it may have any fields.
#[derive(Debug)]
pub(super) struct Constructed(pub Str);

impl Fields for Constructed {
    fn name(&self) -> Str {
        self.0.clone()
    }

    fn field(&self, _: &str) -> Option<Type> {
        Some(Type::Dyn)
    }
}

/// A type that is only these fields.
#[derive(Debug)]
pub struct Record {
    name: Str,
    fields: Vec<(Str, Type)>,
}

impl Record {
    /// The type of objects with these fields.
    pub fn of<N: Into<Str>>(name: impl Into<Str>, fields: impl IntoIterator<Item = (N, Type)>) -> Type {
        let fields = fields.into_iter().map(|(name, of)| (name.into(), of)).collect();
        Type::Object(Rc::new(Record { name: name.into(), fields }))
    }
}

impl Fields for Record {
    fn name(&self) -> Str {
        self.name.clone()
    }

    fn field(&self, name: &str) -> Option<Type> {
        self.fields.iter().find(|(known, _)| *known == name).map(|(_, of)| of.clone())
    }
}
