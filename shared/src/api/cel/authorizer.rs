//! `authorizer`: what an expression may ask of what somebody may do. Each call adds to the question; `check` puts it.

use super::values::{AUTHORIZER, CHECK, DECISION, content, value_of};
use crate::doc::Doc;

/// Who answers: whether somebody may do something, and why; nothing where there is nobody to ask.
pub type Ask<'a> = &'a dyn Fn(&Doc) -> (bool, String);

/// Where expressions ask for the one who asks, and for what they ask just now.
pub fn authorizer(resource: Doc) -> Doc {
    let mut asked = Doc::map();
    asked.set("requestResource", resource);
    value_of(AUTHORIZER, asked)
}

/// `authorizer.requestResource`
pub(super) fn field(of: &Doc, name: &str) -> Option<Doc> {
    let asked = content(AUTHORIZER, of)?;
    (name == "requestResource").then(|| {
        let mut check = asked["requestResource"].clone();
        check.set("account", asked["account"].clone());
        value_of(CHECK, check)
    })
}

/// A function of what is asked so far, or of the answer.
pub(super) fn method(name: &str, kind: &str, of: &Doc, rest: &[Doc]) -> Option<Doc> {
    let texts: Vec<&str> = rest.iter().map(Doc::as_str).collect::<Option<_>>()?;
    let with = |part: &str, text: &str| {
        let mut asked = of.clone();
        asked.set(part, text);
        asked
    };
    Some(match (kind, name, texts.as_slice()) {
        (AUTHORIZER, "serviceAccount", [namespace, account]) => {
            value_of(AUTHORIZER, with("account", &format!("system:serviceaccount:{namespace}:{account}")))
        }
        (AUTHORIZER, "path" | "group", [text]) => {
            let mut asked = with(name, text);
            asked.remove("requestResource");
            value_of(CHECK, asked)
        }
        (CHECK, "resource" | "subresource" | "namespace" | "name", [text]) => {
            value_of(CHECK, with(name, text))
        }
        // Roles know of no selectors.
        (CHECK, "fieldSelector" | "labelSelector", [_]) => value_of(CHECK, of.clone()),
        (DECISION, "allowed", []) => of["allowed"].clone(),
        (DECISION, "reason", []) => of["reason"].clone(),
        (DECISION, "errored", []) => Doc::Bool(false),
        (DECISION, "error", []) => Doc::from(""),
        _ => return None,
    })
}

/// `check(verb)`
pub(super) fn check(values: &[Doc], ask: Option<Ask<'_>>) -> Option<Doc> {
    let [of, Doc::Str(verb)] = values else { return None };
    let mut asked = content(CHECK, of)?.clone();
    asked.set("verb", verb);
    let (allowed, reason) = ask?(&asked);
    let mut decision = Doc::map();
    decision.set("allowed", allowed);
    decision.set("reason", reason);
    Some(value_of(DECISION, decision))
}
