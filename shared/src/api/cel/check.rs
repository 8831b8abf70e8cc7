//! Looks whether the types in an expression fit, as the compiler of CEL does. What is found is told; where types are not
//! known, nothing is.

use std::rc::Rc;

use super::cost::{self, Part, Size};
use super::overloads::{self, Made};
use super::types::{self, Constructed, Type};
use super::values::{BYTES, opened};
use super::{Binary, Expr, Place, Walk, parse::located};
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

/// How large the value at a path may be at most, if anything is known of that.
pub type Sizes<'a> = &'a dyn Fn(&[Str]) -> Option<u64>;

struct Checker<'a> {
    names: &'a BTreeMap<&'a str, Type>,
    sizes: Sizes<'a>,
    bound: Vec<(Str, Part)>,
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
    /// What it costs at most to evaluate it.
    pub cost: u64,
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

pub(super) fn check(expr: &Expr, text: &str, names: &BTreeMap<&str, Type>, sizes: Sizes<'_>) -> Checked {
    let mut checker = Checker { names, sizes, bound: Vec::new(), found: Vec::new(), sure: true };
    let Part { of, cost, .. } = checker.part(expr);
    let mut found = checker.found;
    crate::collections::sort(&mut found);
    let faults = found.iter().map(|(at, why)| located(text, *at as usize, why)).collect();
    Checked { of, sure: checker.sure, cost, faults }
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

    /// A value to which a path leads.
    fn reached(&self, of: Type, cost: u64, path: Vec<Str>) -> Part {
        let known = if path.is_empty() { None } else { (self.sizes)(&path) };
        let made = Part::made(of, cost);
        Part { size: known.map(Size::up_to).or(made.size), path, ..made }
    }

    fn part(&mut self, expr: &Expr) -> Part {
        match expr {
            Expr::Literal(value) => literal(value),
            Expr::Name(name) => self.named(name),
            Expr::TypeName(_) => Part::made(Type::Named("type"), 1),
            Expr::Field(of, name, at) => {
                let Part { of, cost, mut path, .. } = self.part(of);
                let selects = u64::from(matches!(of, Type::Map(_) | Type::Object(_)));
                path.push(name.clone());
                let of = self.field(of, name, *at);
                self.reached(of, cost.saturating_add(selects), path)
            }
            Expr::Has(of, name, at) => {
                let Part { of, cost, .. } = self.part(of);
                self.field(of, name, *at);
                Part::made(Type::Bool, cost)
            }
            Expr::Index(of, index, at) => self.index(of, index, *at),
            Expr::Maybe(of, index, at) => self.maybe(of, index, *at),
            Expr::IfAny(of) => {
                let part = self.part(of);
                match part.of {
                    Type::Optional(of) => Part { of: *of, ..part },
                    _ => part,
                }
            }
            Expr::List(items) => {
                let items: Vec<Part> = items.iter().map(|item| self.part(item)).collect();
                let size = Some(Size::of(items.len() as u64));
                let entry = Some((Size::of(1), together(&items)));
                Part { size, entry, ..Part::made(Type::List(common(&items).into()), sum(&items, cost::LIST)) }
            }
            Expr::Map(entries, name) => {
                let keys: Vec<Part> = entries.iter().map(|(key, _)| self.part(key)).collect();
                let values: Vec<Part> = entries.iter().map(|(_, value)| self.part(value)).collect();
                let size = Some(Size::of(values.len() as u64));
                let entry = Some((together(&keys), together(&values)));
                let cost = sum(&keys, sum(&values, cost::MAP));
                let of = match name.as_str() {
                    "" => Type::Map(common(&values).into()),
                    _ => Type::Object(Rc::new(Constructed(name.clone()))),
                };
                Part { size, entry, ..Part::made(of, cost) }
            }
            Expr::Not(of, at) => {
                let Part { of, cost, .. } = self.part(of);
                let of = match of {
                    Type::Bool | Type::Dyn => Type::Bool,
                    other => self.no_overload(*at, "!_", &[&other]),
                };
                Part::made(of, cost.saturating_add(1))
            }
            Expr::Negative(of, at) => {
                let Part { of, cost, .. } = self.part(of);
                let of = match of {
                    of @ (Type::Int | Type::Double | Type::Dyn) => of,
                    other => self.no_overload(*at, "-_", &[&other]),
                };
                Part::made(of, cost.saturating_add(1))
            }
            Expr::Binary(operator, a, b, at) => {
                let (a, b) = (self.part(a), self.part(b));
                let of = types::binary(*operator, &a.of, &b.of)
                    .unwrap_or_else(|| self.no_overload(*at, sign(*operator), &[&a.of, &b.of]));
                let (own, size) = cost::operator(*operator, &a, &b);
                let entry = if *operator == Binary::Add { both(a.entry, b.entry) } else { None };
                let made = Part::made(of, own.saturating_add(a.cost).saturating_add(b.cost));
                Part { size: size.or(made.size), entry, ..made }
            }
            Expr::Choice(condition, yes, no, at) => {
                let (condition, yes, no) = (self.part(condition), self.part(yes), self.part(no));
                let fits = matches!(condition.of, Type::Bool | Type::Dyn);
                let of = match yes.of.joined(&no.of).filter(|_| fits) {
                    Some(of) => of,
                    None => self.no_overload(*at, "_?_:_", &[&condition.of, &yes.of, &no.of]),
                };
                let (size, entry) = (Some(yes.size().or(no.size())), both(yes.entry, no.entry));
                let cost = condition.cost.saturating_add(yes.cost.max(no.cost));
                Part { size, entry, ..Part::made(of, cost) }
            }
            Expr::Call(of, name, parts, at) => {
                let parts: Vec<Part> =
                    of.iter().map(|of| &**of).chain(parts).map(|part| self.part(part)).collect();
                let made = self.call(of.is_some(), name, &parts, *at);
                let (own, size) = cost::call(of.is_some(), name, &parts, self.items(parts.first()));
                let made = Part::made(made, sum(&parts, own));
                Part { size: size.or(made.size), ..made }
            }
            Expr::Walk(walk, of, names, test, result, at) => {
                self.walk(*walk, of, names, (test, result.as_deref()), *at)
            }
        }
    }

    fn named(&self, name: &Str) -> Part {
        if let Some((_, bound)) = self.bound.iter().rev().find(|(known, _)| known == name) {
            let Part { of, size, entry, path, .. } = bound.clone();
            let part = self.reached(of, 1, path);
            return Part { size: part.size.or(size), entry, ..part };
        }
        let of = self.names.get(name.as_str()).cloned().unwrap_or(Type::Dyn);
        self.reached(of, 1, vec![name.clone()])
    }

    /// How large the items of a list are.
    fn items(&self, of: Option<&Part>) -> Size {
        let Some(of) = of.filter(|of| !of.path.is_empty()) else { return Size::UNKNOWN };
        let path: Vec<Str> = of.path.iter().cloned().chain([ITEMS.into()]).collect();
        (self.sizes)(&path).map_or(Size::UNKNOWN, Size::up_to)
    }

    fn index(&mut self, of: &Expr, index: &Expr, at: Place) -> Part {
        let (part, index) = (self.part(of), self.part(index));
        let cost = part.cost.saturating_add(index.cost).saturating_add(1);
        let step = if matches!(part.of, Type::Map(_)) { VALUES } else { ITEMS };
        let path = if part.path.is_empty() { Vec::new() } else { below(part.path, step) };
        let of = self.item(part.of, &index.of, at);
        let found = self.reached(of, cost, path);
        Part { size: part.entry.map(|(_, value)| value).or(found.size), ..found }
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

    fn maybe(&mut self, of: &Expr, index: &Expr, at: Place) -> Part {
        let part = self.part(of);
        let of = match part.of {
            Type::Optional(of) => *of,
            of => of,
        };
        let mut cost = part.cost.saturating_add(1);
        let found = match (&of, index) {
            (Type::Object(_), Expr::Literal(Doc::Str(name))) => self.field(of, name, at),
            _ => {
                let index = self.part(index);
                cost = cost.saturating_add(index.cost);
                self.item(of, &index.of, at)
            }
        };
        Part::made(Type::Optional(found.into()), cost)
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

    fn call(&mut self, on: bool, name: &str, parts: &[Part], at: Place) -> Type {
        let values: Vec<Type> = parts.iter().map(|part| part.of.clone()).collect();
        match overloads::call(on, name, &values) {
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
    ) -> Part {
        let over = self.part(over);
        let maybe = matches!(walk, Walk::OptMap | Walk::OptFlatMap);
        let (key, item) = match &over.of {
            Type::Optional(of) if maybe => (Type::Null, (**of).clone()),
            Type::List(item) if !maybe => (Type::Int, (**item).clone()),
            Type::Map(value) if !maybe => (Type::String, (**value).clone()),
            Type::Dyn => (Type::Dyn, Type::Dyn),
            other if maybe => {
                let of = self.no_overload(at, walk.name(), &[&other.clone()]);
                return Part::made(of, over.cost);
            }
            other => {
                let why = format!(
                    "expression of type '{other}' cannot be range of a comprehension (must be list, map, or dynamic)"
                );
                return Part::made(self.fault(at, why), over.cost);
            }
        };
        // One name alone is that of a list's items, or of a map's keys.
        let is_map = matches!(over.of, Type::Map(_));
        let one = if is_map { key.clone() } else { item.clone() };
        let (keys, values) = if is_map { ("@keys", VALUES) } else { ("@indices", ITEMS) };
        let bind = |of: Type, step: &str, size: Option<Size>| {
            let path = if maybe { Vec::new() } else { below(over.path.clone(), step) };
            Part { size, path, ..Part::made(of, 1) }
        };
        let key = bind(key, keys, over.entry.map(|(key, _)| key));
        let item = bind(item, values, over.entry.map(|(_, value)| value));
        match names {
            [name] => self.bound.push((name.clone(), if is_map { key } else { item })),
            names => self.bound.extend(names.iter().cloned().zip([key, item])),
        }
        let tested = self.part(test);
        let made = result.map(|result| self.part(result));
        self.bound.truncate(self.bound.len() - names.len());
        let cost = cost::walk(walk, &over, tested.cost, made.as_ref().map(|made| made.cost));
        let decides =
            matches!(walk, Walk::All | Walk::Exists | Walk::ExistsOne | Walk::Filter) || made.is_some();
        if decides && !matches!(tested.of, Type::Bool | Type::Dyn) {
            let why = format!("expected type 'bool' but found '{}'", tested.of);
            return Part::made(self.fault(at, why), cost);
        }
        let made = made.unwrap_or(tested);
        let value = if walk == Walk::Filter { over.entry.map(|(_, value)| value) } else { made.size };
        let of = self.walked(walk, made.of, one, at);
        let part = Part::made(of, cost);
        if part.size.is_some() || maybe {
            return part;
        }
        // What is kept is joined to a list of none.
        let value = value.unwrap_or(Size::UNKNOWN).or(Size::of(0));
        Part { size: over.size, entry: Some((Size::up_to(1), value)), ..part }
    }

    /// The type of what a walk makes of what comes of each item.
    fn walked(&mut self, walk: Walk, made: Type, one: Type, at: Place) -> Type {
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

/// The steps of a path into a list and a map.
const ITEMS: &str = "@items";
const VALUES: &str = "@values";

fn below(mut path: Vec<Str>, step: &str) -> Vec<Str> {
    path.push(step.into());
    path
}

fn literal(value: &Doc) -> Part {
    let of = match value {
        Doc::Null => Type::Null,
        Doc::Bool(_) => Type::Bool,
        Doc::Int(_) => Type::Int,
        Doc::Float(_) => Type::Double,
        Doc::Str(_) => Type::String,
        value if opened(value).is_some_and(|(kind, _)| *kind == BYTES) => Type::Bytes,
        _ => Type::Dyn,
    };
    let number = value.as_i64().map(|number| u64::try_from(number).unwrap_or(0));
    Part { size: Some(Size::of(cost::size_of(value))), literal: number, ..Part::made(of, 0) }
}

/// What all of them cost, and something else.
fn sum(parts: &[Part], more: u64) -> u64 {
    parts.iter().fold(more, |sum, part| sum.saturating_add(part.cost))
}

/// How large any of them may be.
fn together(parts: &[Part]) -> Size {
    parts.iter().map(Part::size).reduce(Size::or).unwrap_or(Size::of(0))
}

fn both(a: Option<(Size, Size)>, b: Option<(Size, Size)>) -> Option<(Size, Size)> {
    let ((key, value), (other_key, other_value)) = (a?, b?);
    Some((key.or(other_key), value.or(other_value)))
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
fn common(parts: &[Part]) -> Type {
    let mut all = parts.iter().map(|part| &part.of);
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
