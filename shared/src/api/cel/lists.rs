//! CEL's functions of lists.

use std::cmp::Ordering;

use super::eval::{compare, equal};
use super::values::optional;
use crate::doc::Doc;

type Value = Result<Doc, String>;

/// A function of a list; `None` where there is none of these types.
pub(super) fn method(name: &str, items: &[Doc], rest: &[Doc]) -> Option<Value> {
    let list = |items: Vec<Doc>| Some(Ok(Doc::list(items)));
    match (name, rest) {
        ("size", []) => Some(Ok(Doc::from(items.len() as i64))),
        ("isSorted", []) => {
            let sorted =
                items.windows(2).all(|pair| compare(&pair[0], &pair[1]).is_some_and(Ordering::is_le));
            Some(Ok(Doc::Bool(sorted)))
        }
        ("sum", []) => sum(items),
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
        ("first", []) => Some(Ok(optional(items.first().cloned()))),
        ("last", []) => Some(Ok(optional(items.last().cloned()))),
        ("reverse", []) => list(items.iter().rev().cloned().collect()),
        ("distinct", []) => {
            let mut all: Vec<Doc> = Vec::new();
            for item in items {
                if !all.iter().any(|known| equal(known, item)) {
                    all.push(item.clone());
                }
            }
            list(all)
        }
        ("sort", []) => sorted(items.iter().map(|item| (item.clone(), item.clone())).collect()),
        ("flatten", []) => list(flat(items, 1)),
        ("flatten", [Doc::Int(depth)]) => match u32::try_from(depth.get()) {
            Ok(depth) => list(flat(items, depth)),
            Err(_) => Some(Err("level must be non-negative".into())),
        },
        ("slice", [Doc::Int(from), Doc::Int(to)]) => Some(slice(items, from.get(), to.get())),
        _ => None,
    }
}

fn sum(items: &[Doc]) -> Option<Value> {
    let overflow = || "return error for overflow".to_owned();
    if items.iter().any(|item| matches!(item, Doc::Float(_))) {
        let sum = items.iter().try_fold(0.0, |sum, item| match item {
            Doc::Float(number) => Some(sum + number.get()),
            _ => None,
        });
        return sum.map(|sum| Ok(Doc::from(sum)));
    }
    let numbers: Vec<i64> = items.iter().map(Doc::as_i64).collect::<Option<_>>()?;
    let sum = numbers.into_iter().try_fold(0i64, i64::checked_add);
    Some(sum.map(Doc::from).ok_or_else(overflow))
}

fn joined(items: &[Doc], with: &str) -> Option<String> {
    let texts: Option<Vec<&str>> = items.iter().map(Doc::as_str).collect();
    texts.map(|texts| texts.join(with))
}

/// Items in the order of what stands beside them.
pub(super) fn sorted(mut keyed: Vec<(Doc, Doc)>) -> Option<Value> {
    if keyed.windows(2).any(|pair| compare(&pair[0].0, &pair[1].0).is_none()) {
        return Some(Err("list elements must have the same type".into()));
    }
    crate::collections::sort_by(&mut keyed, |a, b| compare(&a.0, &b.0).unwrap_or(Ordering::Equal));
    Some(Ok(Doc::list(keyed.into_iter().map(|(_, item)| item))))
}

fn flat(items: &[Doc], depth: u32) -> Vec<Doc> {
    let mut all = Vec::new();
    for item in items {
        match item {
            Doc::List(inner) if depth > 0 => all.extend(flat(inner, depth - 1)),
            item => all.push(item.clone()),
        }
    }
    all
}

fn slice(items: &[Doc], from: i64, to: i64) -> Value {
    let count = items.len() as i64;
    let why = match () {
        () if from < 0 || to < 0 => format!("cannot slice({from}, {to}), negative indexes not supported"),
        () if from > to => {
            format!("cannot slice({from}, {to}), start index must be less than or equal to end index")
        }
        () if to > count => format!("cannot slice({from}, {to}), list is length {count}"),
        () => return Ok(Doc::list(items[from as usize..to as usize].iter().cloned())),
    };
    Err(why)
}
