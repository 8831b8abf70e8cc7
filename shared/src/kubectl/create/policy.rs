//! Quotas, budgets, priorities, and kinds that have nothing but a name.

use crate::api::LabelSelector;
use crate::api::Requirement;
use crate::api::quantity::canonical;
use crate::doc;
use crate::doc::Doc;

use super::super::io::{Io, Stop};
use super::{Wish, number_or_name};

type Made = Result<Result<Doc, String>, Stop>;

pub(super) fn bare(_: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(Ok(Doc::map()))
}

pub(super) fn quota(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    let mut spec = Doc::map();
    for statement in wish.args.each("hard") {
        let Some((name, value)) = statement.split_once('=').filter(|(_, value)| !value.contains('=')) else {
            return Ok(Err(format!("Invalid argument syntax {statement}, expected <resource>=<value>")));
        };
        let Some(value) = canonical(&Doc::from(value)) else {
            return Ok(Err(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
                    .into(),
            ));
        };
        spec.set_at(&["hard", name], value);
    }
    if let Some(scopes) = wish.args.get("scopes").filter(|scopes| !scopes.is_empty()) {
        if scopes.split(',').any(str::is_empty) {
            return Ok(Err("invalid resource quota scope \"\"".into()));
        }
        spec.set("scopes", Doc::list(scopes.split(',')));
    }
    Ok(Ok(doc!({ "spec": spec })))
}

pub(super) fn disruption_budget(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(budget(wish))
}

fn budget(wish: &Wish<'_>) -> Result<Doc, String> {
    let (least, most) = (wish.get("min-available"), wish.get("max-unavailable"));
    if wish.get("selector").is_empty() {
        return Err("a selector must be specified".into());
    }
    match (least.is_empty(), most.is_empty()) {
        (true, true) => return Err("one of min-available or max-unavailable must be specified".into()),
        (false, false) => return Err("min-available and max-unavailable cannot be both specified".into()),
        _ => {}
    }
    let (flag, field, text) = match least.is_empty() {
        false => ("min-available", "minAvailable", least),
        true => ("max-unavailable", "maxUnavailable", most),
    };
    let digits = text.strip_suffix('%').unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!("invalid format specified for {flag}"));
    }
    let mut spec = doc!({ "selector": selector(wish.get("selector"))? });
    spec.set(field, number_or_name(text));
    Ok(doc!({ "spec": spec }))
}

/// The text form of a selector as a document.
pub(in super::super) fn selector(text: &str) -> Result<Doc, String> {
    let mut made = Doc::map();
    let mut expressions = Vec::new();
    let parsed = LabelSelector::parse(text);
    for requirement in parsed.map_err(|why| format!("couldn't parse the selector string {text:?}: {why}"))?.0
    {
        let mut add = |key: &str, operator: &str, values: Vec<crate::doc::Str>| {
            let mut expression = doc!({ "key": key, "operator": operator });
            if !values.is_empty() {
                expression.set("values", Doc::list(values));
            }
            expressions.push(expression);
        };
        match requirement {
            Requirement::In(key, values) if values.len() == 1 => {
                made.set_at(&["matchLabels", &key], values[0].clone());
            }
            Requirement::In(key, values) => add(&key, "In", values),
            Requirement::NotIn(key, values) => add(&key, "NotIn", values),
            Requirement::Exists(key) => add(&key, "Exists", Vec::new()),
            Requirement::DoesNotExist(key) => add(&key, "DoesNotExist", Vec::new()),
            Requirement::Above(..) | Requirement::Below(..) => {
                let operator = if text.contains('>') { "gt" } else { "lt" };
                return Err(format!("{operator:?} is not a valid label selector operator"));
            }
        }
    }
    if !expressions.is_empty() {
        made.set("matchExpressions", expressions);
    }
    Ok(made)
}

pub(super) fn priority_class(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    let value = match wish.args.number("value") {
        Ok(value) => value.unwrap_or(0),
        Err(why) => return Ok(Err(why)),
    };
    let policy = wish.args.get("preemption-policy").unwrap_or("PreemptLowerPriority");
    let mut made = doc!({ "value": value, "preemptionPolicy": policy });
    if wish.args.is_on("global-default") {
        made.set("globalDefault", true);
    }
    if let Some(text) = wish.args.get("description") {
        made.set("description", text);
    }
    Ok(Ok(made))
}
