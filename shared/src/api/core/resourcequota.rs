//! ResourceQuota: how much the objects of a namespace may use together.

pub mod usage;

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, Subresource, age, quantity};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct ResourceQuotas;

/// Resources that count objects of their own kind, in whole numbers.
const COUNTED: &[&str] = &[
    "configmaps",
    "persistentvolumeclaims",
    "pods",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "services",
    "services.loadbalancers",
    "services.nodeports",
];

/// Amounts that quotas know beside those.
const MEASURED: &[&str] = &[
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
    "requests.storage",
];

/// What a quota for some pods only can bound.
const OF_PODS: &[&str] =
    &["cpu", "limits.cpu", "limits.memory", "memory", "pods", "requests.cpu", "requests.memory"];

const SCOPES: &[&str] = &[
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
];

const EXISTS_ONLY: &str = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, \
                           ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, \
                           ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

fn is_standard(resource: &str) -> bool {
    COUNTED.contains(&resource)
        || MEASURED.contains(&resource)
        || resource.starts_with("hugepages-")
        || resource.starts_with("requests.hugepages-")
}

impl Resource for ResourceQuotas {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "ResourceQuota",
            plural: "resourcequotas",
            singular: "resourcequota",
            short_names: &["quota"],
            namespaced: true,
            subresources: &[Subresource::Status],
            categories: &[],
            has_generation: false,
        }
    }

    fn default(&self, doc: &mut Doc) {
        for (resource, amount) in doc["spec"]["hard"].clone().entries() {
            if let Some(text) = quantity::canonical(amount) {
                doc.at_mut(&["spec", "hard"]).set(resource.clone(), text);
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        let hard = spec.field("hard");
        for (resource, amount) in hard.entries() {
            hard_limit(&hard.key(resource), resource, amount, faults);
        }
        scopes(&spec, faults);
        selected_scopes(&spec, faults);
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        let scopes =
            |doc: &Doc| doc["spec"]["scopes"].items().iter().map(Doc::str).collect::<BTreeSet<Str>>();
        if scopes(new) != scopes(old) {
            faults.invalid("spec.scopes", &new["spec"]["scopes"], "field is immutable");
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Request", wide: false },
            Column { name: "Limit", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let status = &object.body["status"];
        let (mut requests, mut limits) = (Vec::new(), Vec::new());
        for (resource, hard) in status["hard"].entries() {
            let column = if resource.starts_with("limits.") { &mut limits } else { &mut requests };
            let amount = |doc: &Doc| quantity::canonical(doc).unwrap_or_else(|| "0".into());
            let used = amount(&status["used"][resource.as_str()]);
            column.push(format!("{resource}: {used}/{}", amount(hard)));
        }
        vec![
            object.key.name.to_string(),
            requests.join(", "),
            limits.join(", "),
            age(object.meta.creation, now),
        ]
    }
}

/// An amount of what can be bounded, and its name.
pub fn hard_limit(at: &At<'_>, resource: &str, amount: &Doc, faults: &mut Faults) {
    let name = Doc::from(resource);
    let messages = names::qualified_name(resource);
    let plain = !resource.contains('/');
    if messages.is_empty() && plain && !is_standard(resource) && resource != "storage" {
        faults.invalid(at, &name, "must be a standard resource type or fully qualified");
    }
    for message in messages {
        faults.invalid(at, &name, message);
    }
    if plain && !is_standard(resource) {
        faults.invalid(at, &name, "must be a standard resource for quota");
    }
    let text = quantity::canonical(amount).unwrap_or_default();
    let thousandths = quantity::parse_quantity(&text).unwrap_or(0);
    if thousandths < 0 {
        faults.invalid(at, &Doc::from(&*text), "must be greater than or equal to 0");
    }
    let extended = !plain && !resource.contains("kubernetes.io/") && !resource.starts_with("requests.");
    if (COUNTED.contains(&resource) || extended) && thousandths % 1000 != 0 {
        faults.invalid(at, &Doc::from(&*text), "must be an integer");
    }
}

/// Says where a scope does not go with what is bounded.
fn applied(at: &At<'_>, value: &Doc, scope: &str, spec: &At<'_>, faults: &mut Faults) {
    let fits = |resource: &str| match scope {
        "BestEffort" => resource == "pods",
        "VolumeAttributesClass" => ["persistentvolumeclaims", "requests.storage"].contains(&resource),
        _ => OF_PODS.contains(&resource) && SCOPES.contains(&scope),
    };
    for (resource, _) in spec["hard"].entries() {
        if is_standard(resource) && !fits(resource) {
            faults.invalid(at, value, "unsupported scope applied to resource");
        }
    }
}

fn conflicts(at: &At<'_>, value: &Doc, chosen: &[Str], faults: &mut Faults) {
    for (one, other) in [("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating")] {
        let has = |scope: &str| chosen.iter().any(|chosen| chosen == scope);
        if has(one) && has(other) {
            faults.invalid(at, value, "conflicting scopes");
        }
    }
}

fn scopes(spec: &At<'_>, faults: &mut Faults) {
    let scopes = spec.field("scopes");
    let chosen: Vec<Str> = scopes.items().iter().map(Doc::str).collect();
    for scope in &chosen {
        if !SCOPES.contains(&scope.as_str()) {
            faults.invalid(&scopes, &scopes, "unsupported scope");
        }
        applied(&scopes, &scopes, scope, spec, faults);
    }
    conflicts(&scopes, &scopes, &chosen, faults);
}

fn selected_scopes(spec: &At<'_>, faults: &mut Faults) {
    let selector = spec.field("scopeSelector");
    // Upstream names no index here.
    let expressions = At::root(&selector["matchExpressions"], "spec.scopeSelector.matchExpressions");
    let mut chosen = Vec::new();
    for expression in expressions.items() {
        let part = |name: &str| format!("spec.scopeSelector.matchExpressions.{name}");
        let (scope, operator) = (expression["scopeName"].str(), expression["operator"].str());
        let values = &expression["values"];
        if !SCOPES.contains(&scope.as_str()) {
            faults.invalid(part("scopeName"), &expression["scopeName"], "unsupported scope");
        }
        applied(&expressions, &selector, &scope, spec, faults);
        let free = ["PriorityClass", "VolumeAttributesClass"].contains(&scope.as_str());
        if !free && SCOPES.contains(&scope.as_str()) && operator != "Exists" {
            faults.invalid(part("operator"), &expression["operator"], EXISTS_ONLY);
        }
        match operator.as_str() {
            "In" | "NotIn" if values.is_empty() => faults.required(
                part("values"),
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
            ),
            "Exists" | "DoesNotExist" if !values.is_empty() => faults.invalid(
                part("values"),
                values,
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector",
            ),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => faults.invalid(part("operator"), &expression["operator"], "not a valid selector operator"),
        }
        chosen.push(scope);
    }
    conflicts(&expressions, &spec["scopes"], &chosen, faults);
}
