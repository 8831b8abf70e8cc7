//! `admissionregistration.k8s.io`: defaults and checks of webhooks and policies.

use super::expressions::{compiled, names_of, variables};
use crate::api::cel::Type;
use crate::api::validation::{At, Faults, PORT_RANGE, label_selector, names};
use crate::collections::BTreeMap;
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
        webhook(&hook, faults);
        review_versions(&hook.field("admissionReviewVersions"), faults);
        let (name, earlier) = (hook.field("name"), &hooks.items()[..at]);
        if !name.is_empty() && earlier.iter().any(|earlier| earlier["name"] == *name) {
            faults.duplicate(&name, &name);
        }
    }
}

fn webhook(hook: &At<'_>, faults: &mut Faults) {
    let name = hook.field("name");
    if name.require(faults) {
        let mut why = names::dns_subdomain(name.text()).join(",");
        if why.is_empty() && name.text().split('.').count() < 3 {
            why = "should be a domain with at least three segments separated by dots".into();
        }
        if !why.is_empty() {
            faults.invalid(&name, &name, why);
        }
    }
    hook.field("rules").each().for_each(|rule| operations(&rule, faults));
    hook.field("failurePolicy").one_of(faults, &["Fail", "Ignore"]);
    hook.field("matchPolicy").one_of(faults, &["Equivalent", "Exact"]);
    let effects = hook.field("sideEffects");
    match effects.is_set() {
        true => effects.one_of(faults, &["None", "NoneOnDryRun"]),
        false => faults.required(&effects, "must specify one of None, NoneOnDryRun"),
    }
    let seconds = hook.field("timeoutSeconds");
    if !(1..=30).contains(&seconds.number()) {
        faults.invalid(&seconds, &seconds, "the timeout value must be between 1 and 30 seconds");
    }
    for selector in ["namespaceSelector", "objectSelector"] {
        label_selector(faults, &hook.field(selector));
    }
    hook.field("reinvocationPolicy").one_of(faults, &["IfNeeded", "Never"]);
    let client = hook.field("clientConfig");
    let (url, service) = (client.field("url"), client.field("service"));
    if url.is_set() == service.is_set() {
        faults.required(&client, "exactly one of url or service is required");
    } else if url.is_set() {
        webhook_url(&url, faults);
    } else {
        service.field("name").require(faults);
        service.field("namespace").require(faults);
        let port = service.field("port");
        if !(1..=65_535).contains(&port.number()) {
            faults.invalid(&port, &port, format!("port is not valid: {PORT_RANGE}"));
        }
    }
    match_conditions(&hook.field("matchConditions"), false, faults);
}

fn review_versions(versions: &At<'_>, faults: &mut Faults) {
    if versions.is_empty() {
        return faults.required(versions, "must specify one of v1, v1beta1");
    }
    for (at, version) in versions.each().enumerate() {
        if versions.items()[..at].contains(&version) {
            faults.invalid(&version, &version, "duplicate version");
        } else {
            version.check(faults, names::dns_1035_label);
        }
    }
    if !versions.items().iter().any(|version| matches!(version.as_str(), Some("v1" | "v1beta1"))) {
        faults.invalid(versions, versions, "must include at least one of v1, v1beta1");
    }
}

fn webhook_url(url: &At<'_>, faults: &mut Faults) {
    const FORM: &str = "; desired format: https://host[/path]";
    let (rest, fragment) = url.text().split_once('#').unwrap_or((url.text(), ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (scheme, rest) = rest.split_once(':').unwrap_or(("", rest));
    let authority = rest.strip_prefix("//").and_then(|rest| rest.split('/').next()).unwrap_or("");
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    if scheme != "https" {
        let why = format!("'https' is the only allowed URL scheme{FORM}");
        faults.invalid(url, &Doc::from(scheme), why);
    }
    if host.is_empty() {
        faults.invalid(url, &Doc::from(host), format!("host must be specified{FORM}"));
    }
    for (part, what) in
        [(user, "user information is"), (fragment, "fragments are"), (query, "query parameters are")]
    {
        if !part.is_empty() {
            faults.invalid(url, &Doc::from(part), format!("{what} not permitted in the URL"));
        }
    }
}

/// What of which resources a webhook or a policy is for.
fn operations(rule: &At<'_>, faults: &mut Faults) {
    let operations = rule.field("operations");
    alone(&operations, "operations", faults);
    for operation in operations.each() {
        operation.one_of(faults, &["*", "CONNECT", "CREATE", "DELETE", "UPDATE"]);
    }
    alone(&rule.field("apiGroups"), "API groups", faults);
    let versions = rule.field("apiVersions");
    alone(&versions, "API versions", faults);
    for version in versions.each() {
        version.require(faults);
    }
    resources(&rule.field("resources"), faults);
    rule.field("scope").one_of(faults, &["*", "Cluster", "Namespaced"]);
}

/// `*` has nothing beside it, and something there is.
fn alone(list: &At<'_>, what: &str, faults: &mut Faults) {
    if list.require(faults) && list.items().len() > 1 && list.items().contains(&Doc::from("*")) {
        faults.invalid(list, list, format!("if '*' is present, must not specify other {what}"));
    }
}

fn resources(resources: &At<'_>, faults: &mut Faults) {
    resources.require(faults);
    let mut plain = false;
    for (at, resource) in resources.each().enumerate() {
        if !resource.require(faults) {
            continue;
        }
        let text = resource.text();
        let Some((of, part)) = text.split_once('/') else {
            plain = text != "*";
            continue;
        };
        for all in [format!("{of}/*"), format!("*/{part}")] {
            if resources.items()[..at].iter().any(|earlier| earlier.as_str() == Some(&all)) {
                let why = format!("if '{all}' is present, must not specify {text}");
                faults.invalid(&resource, &resource, why);
            }
        }
    }
    let has = |text: &str| resources.items().iter().any(|resource| resource.as_str() == Some(text));
    if resources.items().len() > 1 && has("*/*") {
        faults.invalid(resources, resources, "if '*/*' is present, must not specify other resources");
    }
    if has("*") && plain {
        let why = "if '*' is present, must not specify other resources without subresources";
        faults.invalid(resources, resources, why);
    }
}

/// What a policy or a binding is for.
fn match_resources(of: &At<'_>, faults: &mut Faults) {
    of.field("matchPolicy").one_of(faults, &["Equivalent", "Exact"]);
    for selector in ["namespaceSelector", "objectSelector"] {
        label_selector(faults, &of.field(selector));
    }
    for rules in ["resourceRules", "excludeResourceRules"] {
        for rule in of.field(rules).each() {
            let named = rule.field("resourceNames");
            for (at, name) in named.each().enumerate() {
                name.check(faults, names::path_segment);
                if named.items()[..at].contains(&name) {
                    faults.duplicate(&name, &name);
                }
            }
            operations(&rule, faults);
        }
    }
}

fn match_conditions(conditions: &At<'_>, params: bool, faults: &mut Faults) {
    const MOST: usize = 64;
    let count = conditions.items().len();
    if count > MOST {
        let why = format!("Too many: {count}: must have at most {MOST} items");
        faults.add("FieldValueTooMany", conditions, why);
    }
    for (at, condition) in conditions.each().enumerate() {
        let (expression, name) = (condition.field("expression"), condition.field("name"));
        if expression.text().trim().is_empty() {
            faults.required(&expression, "");
        } else {
            compiled(&expression, &names_of(params), &Type::Bool, faults);
        }
        name.require_and_check(faults, names::qualified_name);
        let earlier = &conditions.items()[..at];
        if !name.is_empty() && earlier.iter().any(|earlier| earlier["name"] == *name) {
            faults.duplicate(&name, &name);
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

/// What both kinds of policies have; the names that their expressions may speak of.
fn policy(spec: &At<'_>, faults: &mut Faults) -> BTreeMap<&'static str, Type> {
    spec.field("failurePolicy").one_of(faults, &["Fail", "Ignore"]);
    let params = spec.field("paramKind");
    if params.is_set() {
        param_kind(&params, faults);
    }
    let constraints = spec.field("matchConstraints");
    match_resources(&constraints, faults);
    if !constraints.is_set() {
        faults.required(&constraints, "");
    } else if constraints["resourceRules"].is_empty() {
        faults.required(&constraints.field("resourceRules"), "");
    }
    match_conditions(&spec.field("matchConditions"), params.is_set(), faults);
    variables(spec, faults)
}

fn param_kind(of: &At<'_>, faults: &mut Faults) {
    let (version, kind) = (of.field("apiVersion"), of.field("kind"));
    if version.require(faults) {
        match version.text().split('/').collect::<Vec<_>>()[..] {
            [number] => param_version(&version, "", number, faults),
            [group, number] => param_version(&version, group, number, faults),
            _ => {
                let why = format!("unexpected GroupVersion string: {}", version.text());
                faults.invalid(&version, &version, why);
            }
        }
    }
    if kind.require(faults) {
        let why = names::dns_1035_label(&kind.text().to_lowercase()).join(",");
        if !why.is_empty() {
            let why = format!("may have mixed case, but should otherwise match: {why}");
            faults.invalid(&kind, &kind, why);
        }
    }
}

fn param_version(at: &At<'_>, group: &str, version: &str, faults: &mut Faults) {
    if version.is_empty() {
        return faults.invalid(at, at, "version must be specified");
    }
    let of_group = if group.is_empty() { Vec::new() } else { names::dns_subdomain(group) };
    for (text, why) in [(group, of_group), (version, names::dns_1035_label(version))] {
        if !why.is_empty() {
            faults.invalid(at, &Doc::from(text), why.join(","));
        }
    }
}

pub(super) fn validating_policy(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let names = policy(&spec, faults);
    if spec["validations"].is_empty() && spec["auditAnnotations"].is_empty() {
        let why = "validations or auditAnnotations must contain at least one item";
        faults.required("spec.validations", why);
        faults.required("spec.auditAnnotations", why);
    }
    for validation in spec.field("validations").each() {
        self::validation(&validation, &names, faults);
    }
    audit_annotations(&spec.field("auditAnnotations"), &doc["metadata"]["name"].str(), &names, faults);
}

fn validation(of: &At<'_>, names: &BTreeMap<&'static str, Type>, faults: &mut Faults) {
    let (expression, message) = (of.field("expression"), of.field("message"));
    if expression.text().trim().is_empty() {
        faults.required(&expression, "expression is not specified");
    }
    compiled(&expression, names, &Type::Bool, faults);
    let text = of.field("messageExpression");
    if !text.is_empty() && text.text().trim().is_empty() {
        faults.invalid(&text, &text, "must be non-empty if specified");
    }
    // Messages are nobody's to ask for what one may.
    let mut known = names.clone();
    known.remove("authorizer");
    compiled(&text, &known, &Type::String, faults);
    let trimmed = message.text().trim();
    if !message.is_empty() && trimmed.is_empty() {
        faults.invalid(&message, &message, "message must be non-empty if specified");
    } else if trimmed.contains(['\n', '\r']) {
        faults.invalid(&message, &message, "message must not contain line breaks");
    }
    of.field("reason").one_of(faults, &["Forbidden", "Invalid", "RequestEntityTooLarge"]);
}

fn audit_annotations(of: &At<'_>, policy: &str, names: &BTreeMap<&'static str, Type>, faults: &mut Faults) {
    const MOST: usize = 20;
    const LONGEST: usize = 5 * 1024;
    if of.items().len() > MOST {
        faults.invalid(of, of, format!("must not have more than {MOST} auditAnnotations"));
    }
    for (at, annotation) in of.each().enumerate() {
        let (key, value) = (annotation.field("key"), annotation.field("valueExpression"));
        let full = format!("{policy}/{}", key.text());
        for why in self::names::qualified_name(&full) {
            faults.invalid(&key, &Doc::from(&*full), why);
        }
        let length = value.text().trim().len();
        if length == 0 {
            faults.required(&value, "valueExpression is not specified");
        } else if length > LONGEST {
            faults.required(&value, &format!("must not exceed {LONGEST} bytes in length"));
        } else {
            compiled(&value, names, &Type::Dyn, faults);
        }
        if of.items()[..at].iter().any(|earlier| earlier["key"] == *key) {
            faults.duplicate(&key, &key);
        }
    }
}

pub(super) fn mutating_policy(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let mut names = policy(&spec, faults);
    names.extend(["Object", "JSONPatch"].map(|made| (made, Type::Dyn)));
    let reinvocation = spec.field("reinvocationPolicy");
    if reinvocation.require(faults) {
        reinvocation.one_of(faults, &["IfNeeded", "Never"]);
    }
    spec.field("mutations").require(faults);
    for mutation in spec.field("mutations").each() {
        self::mutation(&mutation, &names, faults);
    }
}

fn mutation(mutation: &At<'_>, names: &BTreeMap<&'static str, Type>, faults: &mut Faults) {
    let (field, other) = match mutation["patchType"].as_str() {
        Some("ApplyConfiguration") => ("applyConfiguration", "jsonPatch"),
        Some("JSONPatch") => ("jsonPatch", "applyConfiguration"),
        _ => return mutation.field("patchType").require_one_of(faults, &["ApplyConfiguration", "JSONPatch"]),
    };
    let (of, at) = (mutation["patchType"].str(), mutation.field(field));
    mutation.field(other).forbid(faults, &format!("may not be specified when patchType is {of}"));
    let expression = at.field("expression");
    if expression.text().trim().is_empty() {
        faults.required(&expression, "");
    }
    let before = faults.0.len();
    let made = compiled(&expression, names, &Type::Dyn, faults);
    if faults.0.len() > before {
        return;
    }
    let is = |of: &Type, name: &str| match of {
        Type::Dyn => true,
        Type::Object(of) => of.name() == name,
        _ => false,
    };
    let wanted = match (field, &made) {
        ("applyConfiguration", of) if is(of, "Object") => return,
        ("jsonPatch", Type::Dyn) => return,
        ("jsonPatch", Type::List(of)) if is(of, "JSONPatch") => return,
        ("applyConfiguration", _) => "Object",
        _ => "list(JSONPatch)",
    };
    faults.invalid(&expression, &expression, format!("must evaluate to {wanted}"));
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

/// What both kinds of bindings have.
fn binding(spec: &At<'_>, faults: &mut Faults) {
    spec.field("policyName").require_and_check(faults, names::dns_subdomain);
    let params = spec.field("paramRef");
    if params.is_set() {
        param_ref(&params, faults);
    }
    // The field has this name in errors.
    match_resources(&At::root(&spec["matchResources"], "spec.matchResouces"), faults);
}

fn param_ref(of: &At<'_>, faults: &mut Faults) {
    const BOTH: &str = "name and selector are mutually exclusive";
    let (name, selector) = (of.field("name"), of.field("selector"));
    let both = !name.is_empty() && selector.is_set();
    name.check_if_set(faults, names::path_segment);
    if both {
        faults.forbidden(&name, BOTH);
    }
    label_selector(faults, &selector);
    if both {
        faults.forbidden(&selector, BOTH);
    }
    if name.is_empty() && !selector.is_set() {
        faults.required(of, "one of name or selector must be specified");
    }
    of.field("parameterNotFoundAction").require_one_of(faults, &["Deny", "Allow"]);
}

pub(super) fn mutating_binding(doc: &Doc, faults: &mut Faults) {
    binding(&At::root(&doc["spec"], "spec"), faults);
}

pub(super) fn validating_binding(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    binding(&spec, faults);
    let actions = spec.field("validationActions");
    for (at, action) in actions.each().enumerate() {
        action.one_of(faults, &["Audit", "Deny", "Warn"]);
        if actions.items()[..at].contains(&action) {
            faults.duplicate(&action, &action);
        }
    }
    let has = |wanted: &str| actions.items().iter().any(|action| action.as_str() == Some(wanted));
    if has("Deny") && has("Warn") {
        let why = "must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)";
        faults.invalid(&actions, &actions, why);
    }
    if actions.is_empty() {
        faults.required(&actions, "at least one validation action is required");
    }
}
