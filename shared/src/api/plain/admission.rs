//! `admissionregistration.k8s.io`: defaults and checks of webhooks and policies.

use super::expressions::{MUTATION_NAMES, compiled, variables};
use crate::api::cel::{Program, Type};
use crate::api::validation::{At, Faults, names};
use crate::doc::Doc;

pub(super) const GROUP: &str = "admissionregistration.k8s.io";

fn default_match(at: &mut Doc) {
    at.default_to("matchPolicy", "Equivalent");
    at.default_to("namespaceSelector", Doc::map());
    at.default_to("objectSelector", Doc::map());
}

fn default_scopes(rules: &mut Doc) {
    if rules.is_empty() {
        return;
    }
    rules.items_mut().iter_mut().for_each(|rule| rule.default_to("scope", "*"));
}

pub(super) fn default_webhooks(doc: &mut Doc, mutating: bool) {
    if doc["webhooks"].is_empty() {
        return;
    }
    for webhook in doc.at_mut(&["webhooks"]).items_mut() {
        webhook.default_to("failurePolicy", "Fail");
        webhook.default_to("timeoutSeconds", 10i64);
        default_match(webhook);
        if mutating {
            webhook.default_to("reinvocationPolicy", "Never");
        }
        if !webhook["clientConfig"]["service"].is_null() {
            webhook.at_mut(&["clientConfig", "service"]).default_to("port", 443i64);
        }
        if !webhook["rules"].is_null() {
            default_scopes(webhook.at_mut(&["rules"]));
        }
    }
}

pub(super) fn webhooks(doc: &Doc, faults: &mut Faults) {
    let hooks = At::root(&doc["webhooks"], "webhooks");
    for (at, hook) in hooks.each().enumerate() {
        let name = hook.field("name");
        let text = name.text();
        if name.require(faults) {
            name.check(faults, names::dns_subdomain);
            if text.split('.').count() < 3 {
                faults.invalid(
                    &name,
                    &name,
                    "should be a domain with at least three segments separated by dots",
                );
            }
        }
        if hooks.items().iter().take(at).any(|earlier| earlier["name"].as_str() == Some(text)) {
            faults.duplicate(&name, &name);
        }
        let versions = hook.field("admissionReviewVersions");
        if versions.is_empty() {
            faults.required(&versions, "must specify one of v1, v1beta1");
        } else if !versions.items().iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
            let why = "must include at least one of v1, v1beta1";
            faults.invalid(&versions, &versions, why);
        }
        hook.field("failurePolicy").one_of(faults, &["Fail", "Ignore"]);
        hook.field("matchPolicy").one_of(faults, &["Equivalent", "Exact"]);
        let effects = hook.field("sideEffects");
        if !matches!(effects.text(), "None" | "NoneOnDryRun") {
            let value = if effects.is_set() { effects.doc().clone() } else { Doc::from("") };
            match effects.is_set() {
                true => faults.not_supported(&effects, &value, &["None", "NoneOnDryRun"]),
                false => faults.required(&effects, "must specify one of None, NoneOnDryRun"),
            }
        }
        let seconds = hook.field("timeoutSeconds");
        if !(1..=30).contains(&seconds.number()) {
            faults.invalid(&seconds, &seconds, "the timeout value must be between 1 and 30 seconds");
        }
        let client = hook.field("clientConfig");
        if client["url"].is_null() == client["service"].is_null() {
            faults.required(&client, "exactly one of url or service is required");
        }
    }
}

pub(super) fn default_policy(doc: &mut Doc) {
    let spec = doc.at_mut(&["spec"]);
    spec.default_to("failurePolicy", "Fail");
    if !spec["matchConstraints"].is_null() {
        let constraints = spec.at_mut(&["matchConstraints"]);
        default_match(constraints);
        for rules in ["resourceRules", "excludeResourceRules"] {
            if !constraints[rules].is_null() {
                default_scopes(constraints.at_mut(&[rules]));
            }
        }
    }
}

pub(super) fn validating_policy(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    spec.field("failurePolicy").one_of(faults, &["Fail", "Ignore"]);
    let constraints = spec.field("matchConstraints");
    if !constraints.is_set() {
        faults.required(&constraints, "");
    } else if constraints["resourceRules"].is_empty() {
        faults.required(&constraints.field("resourceRules"), "");
    }
    if spec["validations"].is_empty() && spec["auditAnnotations"].is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        faults.required("spec.validations", why);
        faults.required("spec.auditAnnotations", why);
    }
    let names = variables(&spec, faults);
    for validation in spec.field("validations").each() {
        let expression = validation.field("expression");
        if expression.text().trim().is_empty() {
            faults.required(&expression, "expression is not specified");
        }
        for (field, wanted) in [("expression", Type::Bool), ("messageExpression", Type::String)] {
            compiled(&validation.field(field), &names, &wanted, faults);
        }
        let reason = validation.field("reason");
        reason.one_of(faults, &["Forbidden", "Invalid", "RequestEntityTooLarge", "Unauthorized"]);
    }
}

pub(super) fn mutating_policy(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    spec.field("failurePolicy").one_of(faults, &["Fail", "Ignore"]);
    let constraints = spec.field("matchConstraints");
    if !constraints.is_set() || constraints["resourceRules"].is_empty() {
        faults.required(&constraints.field("resourceRules"), "");
    }
    let reinvocation = spec.field("reinvocationPolicy");
    if reinvocation.require(faults) {
        reinvocation.one_of(faults, &["IfNeeded", "Never"]);
    }
    spec.field("mutations").require(faults);
    for mutation in spec.field("mutations").each() {
        let (field, other) = match mutation["patchType"].as_str() {
            Some("ApplyConfiguration") => ("applyConfiguration", "jsonPatch"),
            Some("JSONPatch") => ("jsonPatch", "applyConfiguration"),
            _ => {
                let at = mutation.field("patchType");
                match at.is_set() {
                    true => at.one_of(faults, &["ApplyConfiguration", "JSONPatch"]),
                    false => faults.required(&at, ""),
                }
                continue;
            }
        };
        let (of, at) = (mutation["patchType"].str(), mutation.field(field));
        mutation.field(other).forbid(faults, &format!("may not be specified when patchType is {of}"));
        let expression = at.field("expression");
        let text = expression.text();
        if text.trim().is_empty() {
            faults.required(&expression, "");
        } else if let Err(why) = Program::read(text, &MUTATION_NAMES) {
            faults.invalid(&expression, &expression, format!("compilation failed: {why}"));
        }
    }
}

pub(super) fn default_binding(doc: &mut Doc) {
    let spec = doc.at_mut(&["spec"]);
    if !spec["matchResources"].is_null() {
        let resources = spec.at_mut(&["matchResources"]);
        default_match(resources);
        if !resources["resourceRules"].is_null() {
            default_scopes(resources.at_mut(&["resourceRules"]));
        }
    }
}

pub(super) fn validating_binding(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    spec.field("policyName").require(faults);
    let actions = spec.field("validationActions");
    if actions.is_empty() {
        faults.required(&actions, "");
    }
    for action in actions.each() {
        action.one_of(faults, &["Audit", "Deny", "Warn"]);
    }
    let has = |wanted: &str| actions.items().iter().any(|action| action.as_str() == Some(wanted));
    if has("Deny") && has("Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        faults.invalid(&actions, &actions, why);
    }
}
