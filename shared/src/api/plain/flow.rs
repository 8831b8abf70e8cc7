//! API priority and fairness: defaults and checks of its two kinds, and those objects that every cluster has. Requests
//! are not made to wait here.

use crate::api::Kind;
use crate::api::validation::{At, Faults, names};
use crate::doc;
use crate::doc::{Doc, Timestamp};

pub(super) fn default_schema(doc: &mut Doc) {
    doc.at_mut(&["spec"]).default_to("matchingPrecedence", 1000i64);
}

pub(super) fn schema(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let precedence = spec.field("matchingPrecedence");
    match precedence.number() {
        ..=0 => faults.invalid(&precedence, &precedence, "must be a positive value"),
        1 if doc["metadata"]["name"].as_str() != Some("exempt") => {
            faults.invalid(
                &precedence,
                &precedence,
                "only the schema named 'exempt' may have matchingPrecedence 1",
            );
        }
        10_001.. => faults.invalid(&precedence, &precedence, "must not be greater than 10000"),
        _ => {}
    }
    let method = spec.field("distinguisherMethod");
    if method.is_set() {
        method.field("type").one_of(faults, &["ByNamespace", "ByUser"]);
    }
    let level = spec.field("priorityLevelConfiguration");
    let level = level.field("name");
    if level.is_empty() {
        faults.required(&level, "must reference a priority level");
    } else {
        level.check(faults, names::dns_subdomain);
    }
    for rule in spec.field("rules").each() {
        requests(&rule, faults);
    }
}

/// Whose requests of which kinds.
fn requests(rule: &At<'_>, faults: &mut Faults) {
    let subjects = rule.field("subjects");
    if subjects.is_empty() {
        faults.required(&subjects, "subjects must contain at least one value");
    }
    subjects.each().for_each(|subject| who(&subject, faults));
    let (resources, others) = (rule.field("resourceRules"), rule.field("nonResourceRules"));
    if resources.is_empty() && others.is_empty() {
        faults.required(rule, "at least one of resourceRules and nonResourceRules has to be non-empty");
    }
    for rule in resources.each() {
        verbs(&rule, faults);
        for (field, one) in [("apiGroups", "api group"), ("resources", "resource")] {
            let list = rule.field(field);
            if list.is_empty() {
                faults.required(&list, &format!("resource rules must supply at least one {one}"));
            } else {
                alone(&list, &format!("{one}s"), faults);
            }
        }
        namespaces(&rule, faults);
    }
    for rule in others.each() {
        verbs(&rule, faults);
        let urls = rule.field("nonResourceURLs");
        if urls.is_empty() {
            faults.required(&urls, "nonResourceURLs must contain at least one value");
        } else if !alone(&urls, "non-resource URLs", faults) {
            urls.each().for_each(|url| path(&url, faults));
        }
    }
}

fn who(subject: &At<'_>, faults: &mut Faults) {
    const KINDS: [(&str, &str); 3] =
        [("ServiceAccount", "serviceAccount"), ("User", "user"), ("Group", "group")];
    let kind = subject.field("kind");
    let Some((_, own)) = KINDS.into_iter().find(|(known, _)| *known == kind.text()) else {
        return faults.not_supported(&kind, &Doc::from(kind.text()), &["Group", "ServiceAccount", "User"]);
    };
    let named = subject.field(own);
    if named.is_set() {
        let name = named.field("name");
        if name.require(faults) && own == "serviceAccount" && name.text() != "*" {
            name.check(faults, names::dns_subdomain);
        }
        let namespace = named.field("namespace");
        if own == "serviceAccount" && namespace.is_empty() {
            faults.required(&namespace, "must specify namespace for service account");
        } else if own == "serviceAccount" {
            namespace.check(faults, names::dns_label);
        }
    } else {
        faults.required(&named, &format!("{own} is required when subject kind is '{}'", kind.text()));
    }
    for (kind, other) in KINDS.into_iter().filter(|(_, other)| *other != own) {
        subject
            .field(other)
            .forbid(faults, &format!("{other} is forbidden when subject kind is not '{kind}'"));
    }
}

/// Whether all is meant; if so, nothing else stands there.
fn alone(list: &At<'_>, what: &str, faults: &mut Faults) -> bool {
    let all = list.items().contains(&Doc::from("*"));
    if all && list.items().len() > 1 {
        faults.invalid(list, list, format!("if '*' is present, must not specify other {what}"));
    }
    all
}

fn verbs(rule: &At<'_>, faults: &mut Faults) {
    const VERBS: [&str; 9] =
        ["create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"];
    let verbs = rule.field("verbs");
    if verbs.is_empty() {
        faults.required(&verbs, "verbs must contain at least one value");
    } else if !alone(&verbs, "verbs", faults)
        && !verbs.items().iter().all(|verb| VERBS.contains(&&*verb.str()))
    {
        faults.not_supported(&verbs, &verbs, &VERBS);
    }
}

fn namespaces(rule: &At<'_>, faults: &mut Faults) {
    let namespaces = rule.field("namespaces");
    if namespaces.is_empty() && rule["clusterScope"].as_bool() != Some(true) {
        let why = "resource rules that are not cluster scoped must supply at least one namespace";
        faults.required(&namespaces, why);
    } else if !alone(&namespaces, "namespaces", faults) {
        for namespace in namespaces.each() {
            for why in names::dns_label(namespace.text()) {
                let why = format!("each member of this list must be '*' or a DNS-1123 label; {why}");
                faults.invalid(&namespace, &namespace, why);
            }
        }
    }
}

/// A path beside those of resources; at its end all that goes on from there may be meant.
fn path(url: &At<'_>, faults: &mut Faults) {
    let text = url.text();
    let stars = text.matches('*').count();
    let why = match text {
        "/" => return,
        "" => "must not be empty",
        _ if !text.starts_with('/') => "must start with slash",
        _ if text.contains(' ') => "must not contain white-space",
        _ if text.contains("//") => "must not contain double slash",
        _ if stars > 1 || stars == 1 && !text.ends_with("/*") => "wildcard can only do suffix matching",
        _ => return,
    };
    faults.invalid(url, &Doc::from(text), why);
}

/// Whether the priority level that a FlowSchema names is there, as its status has it.
pub fn dangling(level: &str, found: bool, at: Timestamp) -> Doc {
    let (status, reason, what) = match found {
        true => ("False", "Found", "and it exists"),
        false => ("True", "NotFound", "but there is no such object"),
    };
    let message =
        format!("This FlowSchema references the PriorityLevelConfiguration object named {level:?} {what}");
    doc!({
        "type": "Dangling", "status": status, "reason": reason, "message": message,
        "lastTransitionTime": Doc::Time(at.floor_seconds())
    })
}

pub(super) fn is_dangling(body: &Doc) -> String {
    let mut conditions = body["status"]["conditions"].items().iter();
    let found = conditions.find(|condition| condition["type"].as_str() == Some("Dangling"));
    found.map_or_else(|| "?".into(), |condition| condition["status"].str().to_string())
}

pub(super) fn default_level(doc: &mut Doc) {
    let spec = doc.at_mut(&["spec"]);
    match spec["type"].as_str() {
        Some("Exempt") => {
            let exempt = spec.at_mut(&["exempt"]);
            exempt.default_to("nominalConcurrencyShares", 0i64);
            exempt.default_to("lendablePercent", 0i64);
        }
        Some("Limited") if !spec["limited"].is_null() => {
            let limited = spec.at_mut(&["limited"]);
            limited.default_to("nominalConcurrencyShares", 30i64);
            limited.default_to("lendablePercent", 0i64);
            if !limited["limitResponse"]["queuing"].is_null() {
                let queuing = limited.at_mut(&["limitResponse", "queuing"]);
                for (field, value) in [("queues", 64i64), ("handSize", 8), ("queueLengthLimit", 50)] {
                    queuing.default_to(field, value);
                }
            }
        }
        _ => {}
    }
}

pub(super) fn level(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    let kind = spec.field("type");
    match kind.text() {
        "Exempt" => spec.field("limited").forbid(faults, "must be nil if the type is not Limited"),
        "Limited" if spec["limited"].is_null() => {
            faults.required("spec.limited", "must not be empty when type is Limited");
        }
        "Limited" => {
            let limited = spec.field("limited");
            let shares = limited.field("nominalConcurrencyShares");
            if shares.number() < 0 {
                faults.invalid(&shares, &shares, "must be a non-negative integer");
            }
            let response = limited.field("limitResponse");
            match response["type"].as_str() {
                Some("Reject") => {
                    response
                        .field("queuing")
                        .forbid(faults, "must be nil if limited.limitResponse.type is not Limited");
                }
                Some("Queue") if response["queuing"].is_null() => {
                    let why = "must not be empty if limited.limitResponse.type is Limited";
                    faults.required(&response.field("queuing"), why);
                }
                Some("Queue") => {}
                _ => faults.not_supported(
                    &response.field("type"),
                    &Doc::from(response["type"].str()),
                    &["Queue", "Reject"],
                ),
            }
        }
        other => faults.not_supported(&kind, &Doc::from(other), &["Exempt", "Limited"]),
    }
}

/// Name, shares, percent to lend, and queues, hand size and length (none: what is too much is refused).
type Level = (&'static str, i64, i64, Option<(i64, i64, i64)>);
const LEVELS: &[Level] = &[
    ("catch-all", 5, 0, None),
    ("global-default", 20, 50, Some((128, 6, 50))),
    ("leader-election", 10, 0, Some((16, 4, 50))),
    ("node-high", 40, 25, Some((64, 6, 50))),
    ("system", 30, 33, Some((64, 6, 50))),
    ("workload-high", 40, 50, Some((128, 6, 50))),
    ("workload-low", 100, 90, Some((128, 6, 50))),
];

/// Name, precedence, level, by what requests are told apart, whose they are, and what they are: resources by
/// `verbs/groups/plurals/namespaces`, else everything.
type Schema =
    (&'static str, i64, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);
const SCHEMAS: &[Schema] = &[
    ("exempt", 1, "exempt", "", &["Group:system:masters"], &[]),
    ("probes", 2, "exempt", "", &["Group:system:unauthenticated", "Group:system:authenticated"], &["paths"]),
    (
        "system-leader-election",
        100,
        "leader-election",
        "ByUser",
        &["User:system:kube-controller-manager", "User:system:kube-scheduler", "ServiceAccount:*"],
        &["get,create,update/coordination.k8s.io/leases/*"],
    ),
    (
        "endpoint-controller",
        150,
        "workload-high",
        "ByUser",
        &[
            "ServiceAccount:endpoint-controller",
            "ServiceAccount:endpointslice-controller",
            "ServiceAccount:endpointslicemirroring-controller",
        ],
        &["get,create,update//endpoints/*", "get,create,update,patch/discovery.k8s.io/endpointslices/*"],
    ),
    (
        "workload-leader-election",
        200,
        "leader-election",
        "ByUser",
        &["ServiceAccount:*"],
        &["get,create,update//endpoints,configmaps/*", "get,create,update/coordination.k8s.io/leases/*"],
    ),
    (
        "system-node-high",
        400,
        "node-high",
        "ByUser",
        &["Group:system:nodes"],
        &["*//nodes,nodes/status/", "*/coordination.k8s.io/leases/*"],
    ),
    ("system-nodes", 500, "system", "ByUser", &["Group:system:nodes"], &[]),
    (
        "kube-controller-manager",
        800,
        "workload-high",
        "ByNamespace",
        &["User:system:kube-controller-manager"],
        &[],
    ),
    ("kube-scheduler", 800, "workload-high", "ByNamespace", &["User:system:kube-scheduler"], &[]),
    ("kube-system-service-accounts", 900, "workload-high", "ByNamespace", &["ServiceAccount:*"], &[]),
    ("service-accounts", 9000, "workload-low", "ByUser", &["Group:system:serviceaccounts"], &[]),
    (
        "global-default",
        9900,
        "global-default",
        "ByUser",
        &["Group:system:unauthenticated", "Group:system:authenticated"],
        &[],
    ),
    (
        "catch-all",
        10_000,
        "catch-all",
        "ByUser",
        &["Group:system:unauthenticated", "Group:system:authenticated"],
        &[],
    ),
];

fn words(text: &str) -> Vec<&str> {
    text.split(',').collect()
}

fn subject(text: &str) -> Doc {
    match text.split_once(':') {
        Some(("Group", name)) => doc!({ "kind": "Group", "group": { "name": name } }),
        Some(("User", name)) => doc!({ "kind": "User", "user": { "name": name } }),
        _ => {
            let name = text.trim_start_matches("ServiceAccount:");
            doc!({ "kind": "ServiceAccount", "serviceAccount": { "name": name, "namespace": "kube-system" } })
        }
    }
}

fn resource_rule(text: &str) -> Doc {
    // A plural may have a slash of its own.
    let (verbs, rest) = text.split_once('/').unwrap_or((text, ""));
    let (groups, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let (plurals, namespaces) = rest.rsplit_once('/').unwrap_or((rest, ""));
    let mut rule = doc!({
        "verbs": Doc::list(words(verbs)), "apiGroups": Doc::list(words(groups)), "resources": Doc::list(words(plurals))
    });
    if namespaces.is_empty() {
        rule.set("clusterScope", true);
    } else {
        rule.set("namespaces", Doc::list(words(namespaces)));
    }
    rule
}

fn rule(subjects: &[&str], what: &[&str]) -> Doc {
    let mut rule = doc!({ "subjects": Doc::list(subjects.iter().map(|one| subject(one))) });
    let all = || Doc::list(["*"]);
    match what {
        [] => {
            rule.set("nonResourceRules", vec![doc!({ "nonResourceURLs": all(), "verbs": all() })]);
            let everything = doc!({
                "apiGroups": all(), "clusterScope": true, "namespaces": all(), "resources": all(), "verbs": all()
            });
            rule.set("resourceRules", vec![everything]);
        }
        ["paths"] => {
            let paths = Doc::list(["/healthz", "/readyz", "/livez"]);
            rule.set(
                "nonResourceRules",
                vec![doc!({ "nonResourceURLs": paths, "verbs": Doc::list(["get"]) })],
            );
        }
        resources => {
            rule.set("resourceRules", Doc::list(resources.iter().map(|one| resource_rule(one))));
        }
    }
    rule
}

/// What every cluster has of both kinds, once there are any.
pub fn bootstrap(at: Timestamp) -> impl Iterator<Item = (Kind, &'static str, Doc)> {
    let metadata = || doc!({ "annotations": { "apf.kubernetes.io/autoupdate-spec": "true" } });
    let exempt = doc!({
        "metadata": metadata(), "spec": { "type": "Exempt", "exempt": { "lendablePercent": 0i64, "nominalConcurrencyShares": 0i64 } }
    });
    let levels = LEVELS.iter().map(move |(name, shares, lends, queuing)| {
        let response = match queuing {
            None => doc!({ "type": "Reject" }),
            Some((queues, hand, length)) => doc!({
                "type": "Queue", "queuing": { "queues": *queues, "handSize": *hand, "queueLengthLimit": *length }
            }),
        };
        let limited = doc!({
            "lendablePercent": *lends, "nominalConcurrencyShares": *shares, "limitResponse": response
        });
        let level = doc!({ "metadata": metadata(), "spec": { "type": "Limited", "limited": limited } });
        (Kind::PriorityLevelConfiguration, *name, level)
    });
    let schemas = SCHEMAS.iter().map(move |(name, precedence, level, method, subjects, what)| {
        let mut schema = doc!({
            "metadata": metadata(),
            "spec": {
                "matchingPrecedence": *precedence, "priorityLevelConfiguration": { "name": *level },
                "rules": [(rule(subjects, what))]
            },
            "status": { "conditions": [(dangling(level, true, at))] }
        });
        if !method.is_empty() {
            schema.set_at(&["spec", "distinguisherMethod", "type"], *method);
        }
        (Kind::FlowSchema, *name, schema)
    });
    [(Kind::PriorityLevelConfiguration, "exempt", exempt)].into_iter().chain(levels).chain(schemas)
}
