//! Evaluates CEL.

use super::values::{BYTES, FAILED, as_optional, content, optional, value_of};
use super::{Ask, Binary, Expr, Names, Walk, authorizer, cost, functions, lists, patterns};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Map, Str, Timestamp};

/// What one evaluation may cost, as Kubernetes counts that.
const MOST: u64 = 1_000_000;
/// How many steps it may take: values that hold themselves many times over are compared step by step, which costs nothing
/// there.
const MOST_STEPS: u32 = 2_000_000;

/// An evaluation: names, those bound by walks last, the steps that are left, and what was spent.
pub(super) struct Evaluation<'a> {
    names: &'a Names<'a>,
    bound: Vec<(Str, Doc)>,
    left: u32,
    spent: u64,
    ask: Option<Ask<'a>>,
}

type Value = Result<Doc, String>;

const NO_OVERLOAD: &str = "no such overload";

fn no_overload() -> String {
    NO_OVERLOAD.into()
}

/// The names that stand in an expression.
pub(super) fn names(expr: &Expr, found: &mut BTreeSet<Str>) {
    let mut all = |parts: &[&Expr]| parts.iter().for_each(|part| names(part, found));
    match expr {
        Expr::Literal(_) | Expr::TypeName(_) => {}
        Expr::Name(name) => {
            found.insert(name.clone());
        }
        Expr::Field(of, ..) | Expr::Has(of, ..) | Expr::Not(of, _) | Expr::Negative(of, _) => all(&[of]),
        Expr::IfAny(of) => all(&[of]),
        Expr::Index(a, b, _) | Expr::Maybe(a, b, _) | Expr::Binary(_, a, b, _) => all(&[a, b]),
        Expr::Choice(a, b, c, _) => all(&[a, b, c]),
        Expr::Call(of, _, parts, _) => {
            of.iter().map(|of| &**of).chain(parts).for_each(|part| names(part, found))
        }
        Expr::List(items) => items.iter().for_each(|item| names(item, found)),
        Expr::Map(entries, _) => entries.iter().for_each(|(key, value)| {
            names(key, found);
            names(value, found);
        }),
        Expr::Walk(_, of, _, test, result, _) => {
            all(&[of, test]);
            result.iter().for_each(|result| names(result, found));
        }
    }
}

impl<'a> Evaluation<'a> {
    pub(super) fn new(names: &'a Names<'a>, ask: Option<Ask<'a>>) -> Evaluation<'a> {
        Evaluation { names, bound: Vec::new(), left: MOST_STEPS, spent: 0, ask }
    }

    /// What it came to. Steps that cost nothing count where they are many, so that a budget is an end of time, too.
    pub(super) fn cost(&self) -> u64 {
        self.spent.max(u64::from(MOST_STEPS - self.left) / 4)
    }

    fn step(&mut self, steps: usize) -> Result<(), String> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.left = self.left.checked_sub(steps).ok_or_else(cancelled)?;
        Ok(())
    }

    fn spend(&mut self, cost: u64) -> Result<(), String> {
        self.spent = self.spent.saturating_add(cost);
        if self.spent > MOST { Err(cancelled()) } else { Ok(()) }
    }

    /// Steps through all of a value.
    fn look_at(&mut self, value: &Doc) -> Result<(), String> {
        self.step(weight(value, self.left as usize))
    }

    /// A value that was put together: what is in it more than once counts as often, for it is met as often.
    fn made(&mut self, value: Doc) -> Value {
        self.look_at(&value)?;
        Ok(value)
    }

    pub(super) fn value(&mut self, expr: &Expr) -> Value {
        self.step(1)?;
        self.spend(own_cost(expr))?;
        match expr {
            Expr::Literal(value) => Ok(value.clone()),
            Expr::Name(name) => {
                let bound = self.bound.iter().rev().find(|(known, _)| known == name).map(|(_, value)| value);
                let value = bound.or_else(|| self.names.get(name.as_str()));
                value.cloned().ok_or_else(|| format!("no such attribute(s): {name}"))
            }
            Expr::TypeName(name) => Ok(Doc::Str(name.clone())),
            Expr::Field(of, field, _) => {
                let of = self.value(of)?;
                match (as_optional(&of), authorizer::field(&of, field)) {
                    (Some(of), _) => Ok(optional(of.and_then(|of| field_of(of, field).ok()).cloned())),
                    (None, Some(value)) => Ok(value),
                    (None, None) => field_of(&of, field).cloned(),
                }
            }
            Expr::Has(of, field, _) => match self.value(of)? {
                Doc::Map(map) => Ok(Doc::Bool(map.contains(field))),
                _ => Err(no_overload()),
            },
            Expr::Index(of, index, _) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                match as_optional(&of) {
                    Some(of) => Ok(optional(of.and_then(|of| indexed(of, &index).ok()))),
                    None => indexed(&of, &index),
                }
            }
            Expr::Maybe(of, index, _) => {
                let (of, index) = (self.value(of)?, self.value(index)?);
                let of = as_optional(&of).unwrap_or(Some(&of));
                Ok(optional(of.and_then(|of| indexed(of, &index).ok())))
            }
            Expr::List(items) => {
                let mut all = Vec::with_capacity(items.len());
                for item in items {
                    all.extend(self.if_any(item)?);
                }
                self.made(Doc::list(all))
            }
            Expr::Map(entries, _) => {
                let mut map = Map::default();
                for (key, value) in entries {
                    let (key, value) = (self.value(key)?, self.if_any(value)?);
                    let key = key_text(&key).ok_or_else(|| "unsupported key type".to_owned())?;
                    if let Some(value) = value {
                        map.insert(key, value);
                    }
                }
                self.made(Doc::Map(map))
            }
            Expr::Not(of, _) => Ok(Doc::Bool(!self.truth(of)?)),
            Expr::Negative(of, _) => match self.value(of)? {
                Doc::Int(value) => value.get().checked_neg().map(Doc::from).ok_or_else(overflow),
                Doc::Float(value) => Ok(Doc::from(-value.get())),
                _ => Err(no_overload()),
            },
            Expr::Choice(condition, yes, no, _) => {
                let chosen = if self.truth(condition)? { yes } else { no };
                self.value(chosen)
            }
            // One side that decides makes up for the other's failure.
            Expr::Binary(Binary::And, a, b, _) => self.decide(a, b, false),
            Expr::Binary(Binary::Or, a, b, _) => self.decide(a, b, true),
            Expr::Binary(operator, a, b, _) => {
                let (a, b) = (self.value(a)?, self.value(b)?);
                self.look_at(&a)?;
                self.look_at(&b)?;
                self.spend(cost::spent_on_operator(*operator, &a, &b))?;
                binary(*operator, &a, &b)
            }
            Expr::Call(of, name, parts, _) => {
                let mut values = Vec::new();
                for part in of.iter().map(|of| &**of).chain(parts) {
                    let value = self.value(part)?;
                    if name != "size" {
                        self.look_at(&value)?;
                    }
                    values.push(value);
                }
                self.step(patterns::result_weight(name, &values))?;
                let made = match name.as_str() {
                    "check" if of.is_some() => {
                        authorizer::check(&values, self.ask).ok_or_else(no_overload)?
                    }
                    _ => functions::call(of.is_some(), name, &values)?,
                };
                self.spend(cost::spent_on_call(of.is_some(), name, &values, &made))?;
                Ok(made)
            }
            Expr::IfAny(of) => self.value(of),
            Expr::Walk(walk, of, names, test, result, _) => {
                let of = self.value(of)?;
                let items = match (as_optional(&of), &of) {
                    (Some(held), _) => held.into_iter().map(|held| (Doc::Null, held.clone())).collect(),
                    (None, Doc::List(items)) => {
                        (0i64..).map(Doc::from).zip(items.iter().cloned()).collect::<Vec<_>>()
                    }
                    (None, Doc::Map(map)) => {
                        map.entries().iter().map(|(key, value)| (Doc::from(key), value.clone())).collect()
                    }
                    _ => return Err(no_overload()),
                };
                // One name alone is that of a list's items, or of a map's keys.
                let over = if matches!(of, Doc::Map(_)) && as_optional(&of).is_none() { 0 } else { 1 };
                self.walk(*walk, (items, over), names, (test, result.as_deref()))
            }
        }
    }

    fn truth(&mut self, expr: &Expr) -> Result<bool, String> {
        self.value(expr)?.as_bool().ok_or_else(no_overload)
    }

    fn decide(&mut self, a: &Expr, b: &Expr, decides: bool) -> Value {
        let first = self.truth(a);
        if first == Ok(decides) {
            return Ok(Doc::Bool(decides));
        }
        let second = self.truth(b);
        match (first, second) {
            (_, Ok(value)) if value == decides => Ok(Doc::Bool(decides)),
            (Err(why), _) | (_, Err(why)) => Err(why),
            _ => Ok(Doc::Bool(!decides)),
        }
    }

    /// An item, unless it is missing and may be.
    fn if_any(&mut self, expr: &Expr) -> Result<Option<Doc>, String> {
        let Expr::IfAny(of) = expr else { return self.value(expr).map(Some) };
        let value = self.value(of)?;
        as_optional(&value).map(|held| held.cloned()).ok_or_else(no_overload)
    }

    fn walk(
        &mut self,
        walk: Walk,
        (items, over): (Vec<(Doc, Doc)>, usize),
        names: &[Str],
        (test, result): (&Expr, Option<&Expr>),
    ) -> Value {
        let mut kept: Vec<(Doc, Doc)> = Vec::new();
        let mut count = 0u32;
        let mut failure = None;
        for (key, item) in items {
            let one = if over == 0 { key.clone() } else { item.clone() };
            match names {
                [name] => self.bound.push((name.clone(), one.clone())),
                names => self.bound.extend(names.iter().cloned().zip([key.clone(), item])),
            }
            let value = self.at_item(walk, test, result);
            self.bound.truncate(self.bound.len() - names.len());
            let is_kept = !matches!(value, Ok(None | Some(Doc::Bool(false))));
            self.spend(cost::spent_on_item(walk, is_kept))?;
            match (walk, value) {
                (Walk::All, Ok(Some(Doc::Bool(false)))) => return Ok(Doc::Bool(false)),
                (Walk::Exists, Ok(Some(Doc::Bool(true)))) => return Ok(Doc::Bool(true)),
                (Walk::ExistsOne, Ok(Some(Doc::Bool(true)))) => count += 1,
                (Walk::Filter, Ok(Some(Doc::Bool(true)))) => kept.push((key, one)),
                (Walk::SortBy, Ok(Some(value))) => kept.push((value, one)),
                (Walk::All | Walk::Exists | Walk::ExistsOne | Walk::Filter, Ok(Some(Doc::Bool(_)))) => {}
                (Walk::All | Walk::Exists | Walk::ExistsOne | Walk::Filter, Ok(_)) => {
                    return Err(no_overload());
                }
                (_, Ok(Some(value))) => kept.push((key, value)),
                (_, Ok(None)) => {}
                // Another item may decide all the same.
                (Walk::All | Walk::Exists, Err(why)) if !why.starts_with("operation cancelled") => {
                    failure.get_or_insert(why);
                }
                (_, Err(why)) => return Err(why),
            }
        }
        if let Some(why) = failure {
            return Err(why);
        }
        match walk {
            Walk::All => Ok(Doc::Bool(true)),
            Walk::Exists => Ok(Doc::Bool(false)),
            Walk::ExistsOne => Ok(Doc::Bool(count == 1)),
            Walk::Filter | Walk::Map | Walk::TransformList => {
                self.made(Doc::list(kept.into_iter().map(|(_, value)| value)))
            }
            Walk::SortBy => {
                let sorted = lists::sorted(kept).unwrap_or_else(|| Err(no_overload()))?;
                self.made(sorted)
            }
            Walk::TransformMap | Walk::TransformMapEntry => {
                let map = transformed(walk, kept)?;
                self.made(map)
            }
            Walk::OptMap => Ok(optional(kept.pop().map(|(_, value)| value))),
            Walk::OptFlatMap => Ok(kept.pop().map_or_else(|| optional(None), |(_, value)| value)),
        }
    }

    /// What comes of one item; nothing where it is passed over.
    fn at_item(&mut self, walk: Walk, test: &Expr, result: Option<&Expr>) -> Result<Option<Doc>, String> {
        match result {
            Some(result) => Ok(if self.truth(test)? { Some(self.value(result)?) } else { None }),
            None => {
                let value = self.value(test)?;
                let fits = walk != Walk::OptFlatMap || as_optional(&value).is_some();
                if fits { Ok(Some(value)) } else { Err(no_overload()) }
            }
        }
    }
}

/// The map that comes of what was made of each entry: a value, or entries of their own.
fn transformed(walk: Walk, kept: Vec<(Doc, Doc)>) -> Value {
    let mut map = Map::default();
    for (key, value) in kept {
        if walk == Walk::TransformMap {
            map.insert(key_text(&key).ok_or_else(no_overload)?, value);
            continue;
        }
        let Doc::Map(entries) = value else { return Err(no_overload()) };
        for (key, value) in entries.entries() {
            if map.contains(key) {
                return Err(format!("insert failed: key '{key}' already exists"));
            }
            map.insert(key.clone(), value.clone());
        }
    }
    Ok(Doc::Map(map))
}

/// How much there is to look at, as far as `most`.
fn weight(value: &Doc, most: usize) -> usize {
    let all = |values: &mut dyn Iterator<Item = &Doc>| {
        let mut sum = 0;
        while sum <= most
            && let Some(value) = values.next()
        {
            sum += 1 + weight(value, most - sum);
        }
        sum
    };
    match value {
        Doc::Str(text) => text.len() / 10,
        Doc::List(items) => all(&mut items.iter()),
        Doc::Map(map) => all(&mut map.entries().iter().map(|(_, value)| value)),
        _ => 0,
    }
}

/// What an expression costs without its parts and what they make.
fn own_cost(expr: &Expr) -> u64 {
    let is_literal = |expr: &Expr| matches!(expr, Expr::Literal(_));
    match expr {
        Expr::List(items) if !items.iter().all(is_literal) => cost::LIST,
        Expr::Map(entries, _) if !entries.iter().all(|(key, value)| is_literal(key) && is_literal(value)) => {
            cost::MAP
        }
        Expr::Name(_) | Expr::TypeName(_) | Expr::Field(..) | Expr::Index(..) | Expr::Maybe(..) => 1,
        Expr::Not(..) | Expr::Negative(..) | Expr::Walk(..) => 1,
        _ => 0,
    }
}

fn cancelled() -> String {
    "operation cancelled: actual cost limit exceeded".into()
}

fn overflow() -> String {
    "return error for overflow".into()
}

fn field_of<'v>(of: &'v Doc, field: &str) -> Result<&'v Doc, String> {
    match of {
        Doc::Map(map) if map.contains(field) => match content(FAILED, map.get(field)) {
            Some(why) => Err(why.str().to_string()),
            None => Ok(map.get(field)),
        },
        Doc::Map(_) => Err(format!("no such key: {field}")),
        _ => Err(no_overload()),
    }
}

fn key_text(key: &Doc) -> Option<Str> {
    match key {
        Doc::Str(text) => Some(text.clone()),
        Doc::Int(number) => Some(number.get().to_string().into()),
        Doc::Bool(value) => Some(value.to_string().into()),
        _ => None,
    }
}

fn indexed(of: &Doc, index: &Doc) -> Value {
    match (of, index) {
        (Doc::List(items), Doc::Int(at)) => {
            let at = at.get();
            let found = usize::try_from(at).ok().and_then(|at| items.get(at));
            found.cloned().ok_or_else(|| format!("index out of bounds: {at}"))
        }
        (Doc::Map(_), key) => {
            let key = key_text(key).ok_or_else(no_overload)?;
            field_of(of, &key).cloned()
        }
        _ => Err(no_overload()),
    }
}

/// Whether two values are the same; numbers are, whatever their type.
pub(super) fn equal(a: &Doc, b: &Doc) -> bool {
    match (a, b) {
        (Doc::Int(a), Doc::Float(b)) | (Doc::Float(b), Doc::Int(a)) => a.get() as f64 == b.get(),
        (Doc::List(a), Doc::List(b)) => {
            a.len() == b.len() && a.iter().zip(b.iter()).all(|(a, b)| equal(a, b))
        }
        (Doc::Map(a), Doc::Map(b)) => {
            a.entries().len() == b.entries().len()
                && a.entries().iter().all(|(key, value)| b.contains(key) && equal(value, b.get(key)))
        }
        (Doc::Time(_) | Doc::MicroTime(_), Doc::Str(_)) | (Doc::Str(_), Doc::Time(_) | Doc::MicroTime(_)) => {
            a.as_time().is_some() && a.as_time() == b.as_time()
        }
        _ => a == b,
    }
}

/// How two values of one type stand to each other.
pub(super) fn compare(a: &Doc, b: &Doc) -> Option<std::cmp::Ordering> {
    match (a, b) {
        (Doc::Int(a), Doc::Int(b)) => Some(a.get().cmp(&b.get())),
        (Doc::Float(a), Doc::Float(b)) => a.get().partial_cmp(&b.get()),
        (Doc::Int(a), Doc::Float(b)) => (a.get() as f64).partial_cmp(&b.get()),
        (Doc::Float(a), Doc::Int(b)) => a.get().partial_cmp(&(b.get() as f64)),
        (Doc::Str(a), Doc::Str(b)) => Some(a.cmp(b)),
        (Doc::Bool(a), Doc::Bool(b)) => Some(a.cmp(b)),
        (Doc::Map(_), Doc::Map(_)) => match (content(BYTES, a)?, content(BYTES, b)?) {
            (Doc::Str(a), Doc::Str(b)) => Some(a.cmp(b)),
            _ => None,
        },
        (Doc::Time(_) | Doc::MicroTime(_), _) | (_, Doc::Time(_) | Doc::MicroTime(_)) => {
            Some(a.as_time()?.cmp(&b.as_time()?))
        }
        _ => None,
    }
}

fn binary(operator: Binary, a: &Doc, b: &Doc) -> Value {
    use std::cmp::Ordering;
    let ordered = |wanted: fn(Ordering) -> bool| {
        compare(a, b).map(|order| Doc::Bool(wanted(order))).ok_or_else(no_overload)
    };
    match operator {
        Binary::Equal => Ok(Doc::Bool(equal(a, b))),
        Binary::NotEqual => Ok(Doc::Bool(!equal(a, b))),
        Binary::Less => ordered(Ordering::is_lt),
        Binary::LessEqual => ordered(Ordering::is_le),
        Binary::Greater => ordered(Ordering::is_gt),
        Binary::GreaterEqual => ordered(Ordering::is_ge),
        Binary::In => match b {
            Doc::List(items) => Ok(Doc::Bool(items.iter().any(|item| equal(item, a)))),
            Doc::Map(map) => Ok(Doc::Bool(key_text(a).is_some_and(|key| map.contains(&key)))),
            _ => Err(no_overload()),
        },
        _ => arithmetic(operator, a, b),
    }
}

fn arithmetic(operator: Binary, a: &Doc, b: &Doc) -> Value {
    match (operator, a, b) {
        (Binary::Add, Doc::Str(a), Doc::Str(b)) => Ok(Doc::from(format!("{a}{b}"))),
        (Binary::Add, Doc::Map(_), Doc::Map(_)) => match (content(BYTES, a), content(BYTES, b)) {
            (Some(Doc::Str(a)), Some(Doc::Str(b))) => Ok(value_of(BYTES, format!("{a}{b}"))),
            _ => Err(no_overload()),
        },
        (Binary::Add, Doc::List(a), Doc::List(b)) => Ok(Doc::list(a.iter().chain(b.iter()).cloned())),
        (Binary::Add, Doc::Time(time), Doc::Int(millis))
        | (Binary::Add, Doc::Int(millis), Doc::Time(time)) => later(*time, millis.get()),
        (Binary::Subtract, Doc::Time(time), Doc::Int(millis)) => {
            later(*time, millis.get().checked_neg().ok_or_else(overflow)?)
        }
        (Binary::Subtract, Doc::Time(a), Doc::Time(b)) => Ok(Doc::from(a.millis() - b.millis())),
        (Binary::Divide, Doc::Int(_), Doc::Int(by)) if by.get() == 0 => Err("division by zero".into()),
        (Binary::Remainder, Doc::Int(_), Doc::Int(by)) if by.get() == 0 => Err("modulus by zero".into()),
        (_, Doc::Int(a), Doc::Int(b)) => {
            let (a, b) = (a.get(), b.get());
            let value = match operator {
                Binary::Add => a.checked_add(b),
                Binary::Subtract => a.checked_sub(b),
                Binary::Multiply => a.checked_mul(b),
                Binary::Divide => a.checked_div(b),
                _ => a.checked_rem(b),
            };
            value.map(Doc::from).ok_or_else(overflow)
        }
        (Binary::Add, Doc::Float(a), Doc::Float(b)) => Ok(Doc::from(a.get() + b.get())),
        (Binary::Subtract, Doc::Float(a), Doc::Float(b)) => Ok(Doc::from(a.get() - b.get())),
        (Binary::Multiply, Doc::Float(a), Doc::Float(b)) => Ok(Doc::from(a.get() * b.get())),
        (Binary::Divide, Doc::Float(a), Doc::Float(b)) => Ok(Doc::from(a.get() / b.get())),
        _ => Err(no_overload()),
    }
}

fn later(time: Timestamp, millis: i64) -> Value {
    time.millis()
        .checked_add(millis)
        .map(|millis| Doc::Time(Timestamp::from_millis(millis)))
        .ok_or_else(overflow)
}
