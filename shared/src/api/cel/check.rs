//! Looks whether the types in an expression fit, as the compiler of CEL does. What is found is told; where types are not
//! known, nothing is.

use super::overloads::{self, Made};
use super::types::{self, Type};
use super::{Binary, Expr, Place, Walk, parse::located};
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

struct Checker<'a> {
    names: &'a BTreeMap<&'a str, Type>,
    bound: Vec<(Str, Type)>,
    found: Vec<(Place, String)>,
    sure: bool,
}

/// What is known of an expression before it is evaluated.
#[derive(Debug)]
pub struct Checked {
    /// The type of what comes of it.
    pub of: Type,
    /// Whether the type is known for certain: it is not where functions are used of which only the names are known.
    pub sure: bool,
    /// Where types do not fit, in the order of the text, as the compiler of CEL tells it.
    pub faults: Vec<String>,
}

impl Checked {
    /// Whether a value of another type than this comes of it.
    pub fn is_no(&self, wanted: &Type) -> bool {
        let same = std::mem::discriminant(&self.of) == std::mem::discriminant(wanted);
        !same && (self.sure || !self.of.is_dyn())
    }
}

pub(super) fn check(expr: &Expr, text: &str, names: &BTreeMap<&str, Type>) -> Checked {
    let mut checker = Checker { names, bound: Vec::new(), found: Vec::new(), sure: true };
    let of = checker.of(expr);
    let mut found = checker.found;
    crate::collections::sort(&mut found);
    let faults = found.iter().map(|(at, why)| located(text, *at as usize, why)).collect();
    Checked { of, sure: checker.sure, faults }
}

impl Checker<'_> {
    /// A fault: what comes of it is not known.
    fn fault(&mut self, at: Place, why: String) -> Type {
        self.found.push((at, why));
        Type::Dyn
    }

    fn no_overload(&mut self, at: Place, function: &str, values: &[&Type]) -> Type {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        let why = format!("found no matching overload for '{function}' applied to '({})'", values.join(", "));
        self.fault(at, why)
    }

    fn of(&mut self, expr: &Expr) -> Type {
        match expr {
            Expr::Literal(value) => match value {
                Doc::Null => Type::Null,
                Doc::Bool(_) => Type::Bool,
                Doc::Int(_) => Type::Int,
                Doc::Float(_) => Type::Double,
                Doc::Str(_) => Type::String,
                _ => Type::Dyn,
            },
            Expr::Name(name) => {
                let bound = self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, of)| of);
                bound.or_else(|| self.names.get(name.as_str())).cloned().unwrap_or(Type::Dyn)
            }
            Expr::TypeName(_) => Type::Named("type"),
            Expr::Field(of, name, at) => {
                let of = self.of(of);
                self.field(of, name, *at)
            }
            Expr::Has(of, name, at) => {
                let of = self.of(of);
                self.field(of, name, *at);
                Type::Bool
            }
            Expr::Index(of, index, at) => {
                let (of, index) = (self.of(of), self.of(index));
                self.item(of, &index, *at)
            }
            Expr::Maybe(of, index, at) => self.maybe(of, index, *at),
            Expr::IfAny(of) => match self.of(of) {
                Type::Optional(of) => *of,
                of => of,
            },
            Expr::List(items) => {
                let all: Vec<Type> = items.iter().map(|item| self.of(item)).collect();
                Type::List(common(&all).into())
            }
            Expr::Map(entries) => {
                let mut all = Vec::new();
                for (key, value) in entries {
                    self.of(key);
                    all.push(self.of(value));
                }
                Type::Map(common(&all).into())
            }
            Expr::Not(of, at) => match self.of(of) {
                Type::Bool | Type::Dyn => Type::Bool,
                other => self.no_overload(*at, "!_", &[&other]),
            },
            Expr::Negative(of, at) => match self.of(of) {
                of @ (Type::Int | Type::Double | Type::Dyn) => of,
                other => self.no_overload(*at, "-_", &[&other]),
            },
            Expr::Binary(operator, a, b, at) => {
                let (a, b) = (self.of(a), self.of(b));
                types::binary(*operator, &a, &b)
                    .unwrap_or_else(|| self.no_overload(*at, sign(*operator), &[&a, &b]))
            }
            Expr::Choice(condition, yes, no, at) => {
                let (condition, yes, no) = (self.of(condition), self.of(yes), self.of(no));
                match yes.joined(&no).filter(|_| matches!(condition, Type::Bool | Type::Dyn)) {
                    Some(of) => of,
                    None => self.no_overload(*at, "_?_:_", &[&condition, &yes, &no]),
                }
            }
            Expr::Call(of, name, parts, at) => {
                let values: Vec<Type> =
                    of.iter().map(|of| &**of).chain(parts).map(|part| self.of(part)).collect();
                self.call(of.is_some(), name, &values, *at)
            }
            Expr::Walk(walk, of, names, test, result, at) => {
                self.walk(*walk, of, names, (test, result.as_deref()), *at)
            }
        }
    }

    fn item(&mut self, of: Type, index: &Type, at: Place) -> Type {
        match (of, index) {
            (Type::Dyn, _) => Type::Dyn,
            (Type::List(item), Type::Int | Type::Dyn) => *item,
            (Type::Map(value), Type::String | Type::Dyn) => *value,
            (Type::Optional(of), index) => Type::Optional(self.item(*of, index, at).into()),
            (of, index) => self.no_overload(at, "_[_]", &[&of, index]),
        }
    }

    fn maybe(&mut self, of: &Expr, index: &Expr, at: Place) -> Type {
        let of = match self.of(of) {
            Type::Optional(of) => *of,
            of => of,
        };
        let found = match (&of, index) {
            (Type::Object(_), Expr::Literal(Doc::Str(name))) => self.field(of, name, at),
            _ => {
                let index = self.of(index);
                self.item(of, &index, at)
            }
        };
        Type::Optional(found.into())
    }

    fn field(&mut self, of: Type, name: &str, at: Place) -> Type {
        match of {
            Type::Dyn => Type::Dyn,
            Type::Map(value) => *value,
            Type::Optional(of) => Type::Optional(self.field(*of, name, at).into()),
            Type::Named(of) if (of, name) == (overloads::AUTHORIZER, "requestResource") => {
                Type::Named(overloads::CHECK)
            }
            Type::Object(fields) => match fields.field(name) {
                Some(of) => of,
                None => self.fault(at, format!("undefined field '{name}'")),
            },
            other => self.fault(at, format!("type '{other}' does not support field selection")),
        }
    }

    fn call(&mut self, on: bool, name: &str, values: &[Type], at: Place) -> Type {
        match overloads::call(on, name, values) {
            Made::Of(of) => of,
            Made::Undeclared => self.fault(at, format!("undeclared reference to '{name}' (in container '')")),
            Made::NoOverload => {
                let texts: Vec<String> = values.iter().map(ToString::to_string).collect();
                let shown = match texts.split_first() {
                    Some((of, rest)) if on => format!("{of}.({})", rest.join(", ")),
                    _ => format!("({})", texts.join(", ")),
                };
                self.fault(at, format!("found no matching overload for '{name}' applied to '{shown}'"))
            }
        }
    }

    fn walk(
        &mut self,
        walk: Walk,
        over: &Expr,
        names: &[Str],
        (test, result): (&Expr, Option<&Expr>),
        at: Place,
    ) -> Type {
        let over = self.of(over);
        let maybe = matches!(walk, Walk::OptMap | Walk::OptFlatMap);
        let (key, item) = match &over {
            Type::Optional(of) if maybe => (Type::Null, (**of).clone()),
            Type::List(item) if !maybe => (Type::Int, (**item).clone()),
            Type::Map(value) if !maybe => (Type::String, (**value).clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other if maybe => return self.no_overload(at, walk.name(), &[&other.clone()]),
            other => {
                let why = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return self.fault(at, why);
            }
        };
        // One name alone is that of a list's items, or of a map's keys.
        let one = if matches!(over, Type::Map(_)) { key.clone() } else { item.clone() };
        match names {
            [name] => self.bound.push((name.clone(), one.clone())),
            names => self.bound.extend(names.iter().cloned().zip([key, item.clone()])),
        }
        let tested = self.of(test);
        let made = result.map(|result| self.of(result));
        self.bound.truncate(self.bound.len() - names.len());
        let decides =
            matches!(walk, Walk::All | Walk::Exists | Walk::ExistsOne | Walk::Filter) || made.is_some();
        if decides && !matches!(tested, Type::Bool | Type::Dyn) {
            return self.fault(at, format!("expected type 'bool' but found '{tested}'"));
        }
        let made = made.unwrap_or(tested);
        match walk {
            Walk::All | Walk::Exists | Walk::ExistsOne => Type::Bool,
            Walk::Filter | Walk::SortBy => Type::List(one.into()),
            Walk::Map | Walk::TransformList => Type::List(made.into()),
            Walk::TransformMap => Type::Map(made.into()),
            Walk::TransformMapEntry if matches!(made, Type::Map(_) | Type::Dyn) => made,
            Walk::OptMap => Type::Optional(made.into()),
            Walk::OptFlatMap if matches!(made, Type::Optional(_) | Type::Dyn) => made,
            Walk::TransformMapEntry | Walk::OptFlatMap => self.no_overload(at, walk.name(), &[&made]),
        }
    }
}

impl Walk {
    fn name(self) -> &'static str {
        match self {
            Walk::All => "all",
            Walk::Exists => "exists",
            Walk::ExistsOne => "existsOne",
            Walk::Filter => "filter",
            Walk::Map => "map",
            Walk::TransformList => "transformList",
            Walk::TransformMap => "transformMap",
            Walk::TransformMapEntry => "transformMapEntry",
            Walk::SortBy => "sortBy",
            Walk::OptMap => "optMap",
            Walk::OptFlatMap => "optFlatMap",
        }
    }
}

/// The type of all items of a list, if they have one.
fn common(all: &[Type]) -> Type {
    let mut all = all.iter();
    let first = all.next().cloned().unwrap_or(Type::Dyn);
    all.fold(first, |of, next| of.joined(next).unwrap_or(Type::Dyn))
}

fn sign(operator: Binary) -> &'static str {
    match operator {
        Binary::Or => "_||_",
        Binary::And => "_&&_",
        Binary::Equal => "_==_",
        Binary::NotEqual => "_!=_",
        Binary::Less => "_<_",
        Binary::LessEqual => "_<=_",
        Binary::Greater => "_>_",
        Binary::GreaterEqual => "_>=_",
        Binary::In => "@in",
        Binary::Add => "_+_",
        Binary::Subtract => "_-_",
        Binary::Multiply => "_*_",
        Binary::Divide => "_/_",
        Binary::Remainder => "_%_",
    }
}
