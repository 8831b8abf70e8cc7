//! What is wrong with a container.

use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::api::{parse_quantity, quantity};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

use super::{env, mounts, security};

/// Which list of a pod a container stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Regular,
    Init,
}

/// What a container needs to know of its pod.
pub(super) struct Around<'a> {
    /// The names of its volumes.
    pub(super) volumes: &'a BTreeSet<Str>,
    /// All of the pod.
    pub(super) spec: &'a Doc,
    /// How long it has to end.
    pub(super) grace: Option<i64>,
    /// Whether its users are others than those of the node.
    pub(super) own_users: bool,
}

/// Says what is wrong with a container. `names` are those of the containers before it.
pub(super) fn validate(
    container: &At<'_>,
    place: Place,
    around: &Around<'_>,
    names: &mut BTreeSet<Str>,
    faults: &mut Faults,
) {
    let name = container.field("name");
    common(container, around, faults);
    let policy = container.field("restartPolicy");
    if place == Place::Init {
        restarts(container, faults);
    }
    if !name.is_empty() && !names.insert(name.str()) {
        faults.duplicate(&name, &name);
    }
    let lives_on = place == Place::Regular || policy.text() == "Always";
    let watched = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"];
    if lives_on {
        for hook in ["postStart", "preStop"] {
            let lifecycle = container.field("lifecycle");
            let handler = lifecycle.field(hook);
            if handler.is_set() {
                self::handler(&handler, &["exec", "httpGet", "tcpSocket", "sleep"], around.grace, faults);
            }
        }
        for kind in &watched[1..] {
            probe(&container.field(kind), kind, around.grace, faults);
        }
    } else {
        for field in watched {
            let why = "may not be set for init containers without restartPolicy=Always";
            container.field(field).forbid(faults, why);
        }
    }
    if place == Place::Regular {
        restarts(container, faults);
    }
}

/// When a container alone runs again, whatever holds for its pod.
fn restarts(container: &At<'_>, faults: &mut Faults) {
    let (policy, rules) = (container.field("restartPolicy"), container.field("restartPolicyRules"));
    if policy.is_set() {
        policy.one_of(faults, &["Always", "Never", "OnFailure"]);
    } else if !rules.is_empty() {
        faults.required(&policy, "must specify restartPolicy when restart rules are used");
    }
    most(&rules, 20, faults);
    for rule in rules.each() {
        rule.field("action").require_one_of(faults, &["Restart"]);
        let codes = rule.field("exitCodes");
        if codes.is_set() {
            codes.field("operator").require_one_of(faults, &["In", "NotIn"]);
            most(&codes.field("values"), 255, faults);
        } else {
            faults.required(&codes, "must be specified");
        }
    }
}

fn most(list: &At<'_>, most: usize, faults: &mut Faults) {
    let count = list.items().len();
    if count > most {
        let message = format!("Too many: {count}: must have at most {most} items");
        faults.add("FieldValueTooMany", list, message);
    }
}

/// What holds for every container.
pub(super) fn common(container: &At<'_>, around: &Around<'_>, faults: &mut Faults) {
    container.field("name").require_and_check(faults, names::dns_label);
    container.field("image").require(faults);
    let policies = ["File", "FallbackToLogsOnError"];
    container.field("terminationMessagePolicy").require_one_of(faults, &policies);
    ports(&container.field("ports"), faults);
    env::validate(container, around, faults);
    mounts::validate(container, around, faults);
    container.field("imagePullPolicy").require_one_of(faults, &["Always", "IfNotPresent", "Never"]);
    resources(&container.field("resources"), faults);
    claims(&container.field("resources").field("claims"), &around.spec["resourceClaims"], faults);
    resize_policy(
        &container.field("resizePolicy"),
        around.spec["restartPolicy"] == Doc::from("Never"),
        faults,
    );
    security::container(&container.field("securityContext"), around.own_users, faults);
}

const PROTOCOLS: [&str; 3] = ["SCTP", "TCP", "UDP"];

fn ports(ports: &At<'_>, faults: &mut Faults) {
    let mut taken: BTreeSet<Str> = BTreeSet::new();
    for port in ports.each() {
        let name = port.field("name");
        if !name.is_empty() {
            let before = faults.0.len();
            name.check(faults, names::port_name);
            if !taken.insert(name.str()) && faults.0.len() == before {
                faults.duplicate(&name, &name);
            }
        }
        let number = port.field("containerPort");
        if number.require(faults) {
            number.within(faults, 1, 65_535);
        }
        let host = port.field("hostPort");
        if host.number() != 0 {
            host.within(faults, 1, 65_535);
        }
        port.field("protocol").require_one_of(faults, &PROTOCOLS);
    }
}

/// Two containers of a pod cannot have the same port of the node.
pub(super) fn unique_host_ports(container: &At<'_>, taken: &mut BTreeSet<String>, faults: &mut Faults) {
    for port in container.field("ports").each().filter(|port| !port["hostPort"].is_empty()) {
        let socket = format!(
            "{}/{}/{}",
            port["protocol"].str(),
            port["hostIP"].str(),
            port.field("hostPort").number()
        );
        if !taken.insert(socket.clone()) {
            faults.duplicate(&port.field("hostPort"), &Doc::from(socket));
        }
    }
}

/// Claims of devices are of those that the pod has.
fn claims(claims: &At<'_>, known: &Doc, faults: &mut Faults) {
    let known: BTreeSet<Str> = known.items().iter().map(|claim| claim["name"].str()).collect();
    let mut taken: BTreeSet<Str> = BTreeSet::new();
    for claim in claims.each() {
        let name = claim.field("name");
        if name.is_empty() {
            faults.required(&claim, "");
            continue;
        }
        if !taken.insert(name.str()) {
            faults.duplicate(&claim, &name);
        }
        if !known.contains(name.text()) {
            let names: Vec<&str> = known.iter().map(|name| &**name).collect();
            let which =
                if names.is_empty() { " which is empty".into() } else { format!(": {}", names.join(", ")) };
            let why = format!("must be one of the names in pod.spec.resourceClaims{which}");
            faults.add("FieldValueNotFound", &claim, format!("Not found: {}: {why}", *name));
        }
    }
}

/// Whether a container must start again when it gets more or less.
fn resize_policy(policies: &At<'_>, never: bool, faults: &mut Faults) {
    let mut taken: BTreeSet<Str> = BTreeSet::new();
    for policy in policies.each() {
        let (resource, restart) = (&policy["resourceName"], &policy["restartPolicy"]);
        if !taken.insert(resource.str()) {
            faults.duplicate(&policy, resource);
        }
        for (value, known) in [(resource, ["cpu", "memory"]), (restart, ["NotRequired", "RestartContainer"])]
        {
            if value.is_empty() {
                faults.required(policies, "");
            } else if !known.contains(&&*value.str()) {
                faults.not_supported(policies, value, &known);
            }
        }
        if never && restart.as_str() != Some("NotRequired") {
            faults.invalid(policies, restart, "must be 'NotRequired' when `restartPolicy` is 'Never'");
        }
    }
}

fn probe(probe: &At<'_>, kind: &str, grace: Option<i64>, faults: &mut Faults) {
    if !probe.is_set() {
        return;
    }
    handler(probe, &["exec", "httpGet", "tcpSocket", "grpc"], grace, faults);
    for field in
        ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"]
    {
        probe.field(field).non_negative(faults);
    }
    let own_grace = probe.field("terminationGracePeriodSeconds");
    if own_grace.is_set() && own_grace.number() <= 0 {
        faults.invalid(&own_grace, &own_grace, "must be greater than 0");
    }
    let successes = probe.field("successThreshold");
    if kind == "readinessProbe" {
        if own_grace.is_set() {
            faults.invalid(&own_grace, &own_grace, "must not be set for readinessProbes");
        }
    } else if successes.number() != 1 {
        faults.invalid(&successes, &successes, "must be 1");
    }
}

/// One of the ways to act on a container, of which exactly one must be there.
fn handler(handler: &At<'_>, kinds: &[&str], grace: Option<i64>, faults: &mut Faults) {
    let mut found = false;
    for kind in kinds {
        let action = handler.field(kind);
        if !action.is_set() {
            continue;
        }
        if found {
            faults.forbidden(&action, "may not specify more than 1 handler type");
            continue;
        }
        found = true;
        match *kind {
            "exec" => {
                action.field("command").require(faults);
            }
            "httpGet" => {
                action.field("path").require(faults);
                action.field("port").port_number_or_name(faults);
                action.field("scheme").one_of(faults, &["HTTP", "HTTPS"]);
                let headers = action.field("httpHeaders");
                for header in headers.items() {
                    for message in names::http_header(header["name"].as_str().unwrap_or("")) {
                        faults.invalid(&headers, &Doc::from(header["name"].str()), message);
                    }
                }
            }
            "sleep" => {
                let (seconds, most) = (action.field("seconds").number(), grace.unwrap_or(i64::MAX));
                if !(0..=most).contains(&seconds) {
                    let why =
                        format!("must be non-negative and less than terminationGracePeriodSeconds ({most})");
                    faults.invalid(&action, &Doc::from(seconds), why);
                }
            }
            _ => action.field("port").port_number_or_name(faults),
        }
    }
    if !found {
        faults.required(handler, "must specify a handler type");
    }
}

/// Without a slash, or of Kubernetes' own domain.
fn is_native(resource: &str) -> bool {
    !resource.contains('/') || resource.contains("kubernetes.io/")
}

fn is_extended(resource: &str) -> bool {
    !is_native(resource)
        && !resource.starts_with("requests.")
        && names::qualified_name(&format!("requests.{resource}")).is_empty()
}

/// Says what is wrong with `requests` and `limits`.
pub fn resources(resources: &At<'_>, faults: &mut Faults) {
    let (limits, requests) = (resources.field("limits"), resources.field("requests"));
    let amount = |doc: &Doc| quantity::canonical(doc).and_then(|text| parse_quantity(&text));
    let (mut huge, mut plain) = (false, false);
    for (resource, value) in limits.entries() {
        resource_amount(&limits.key(resource), resource, value, faults);
    }
    for (resource, value) in requests.entries() {
        resource_amount(&requests.key(resource), resource, value, faults);
        let limit = &limits[resource.as_str()];
        let overcommit = is_native(resource) && !resource.starts_with("hugepages-");
        if limit.is_null() {
            if !overcommit {
                faults.required(&limits, "Limit must be set for non overcommitable resources");
            }
            continue;
        }
        let relation = match (amount(value), amount(limit)) {
            (request, limit) if request != limit && !overcommit => "equal to",
            (request, limit) if request > limit => "less than or equal to",
            _ => continue,
        };
        let limit = quantity::canonical(limit).unwrap_or_default();
        let request = Doc::from(quantity::canonical(value).unwrap_or_default());
        faults.invalid(&requests, &request, format!("must be {relation} {resource} limit of {limit}"));
    }
    for (resource, _) in limits.entries().iter().chain(requests.entries()) {
        huge |= resource.starts_with("hugepages-");
        plain |= resource == "cpu" || resource == "memory";
    }
    if huge && !plain {
        faults.forbidden(resources, "HugePages require cpu or memory");
    }
}

/// A resource that containers have, and an amount of it.
pub fn resource_amount(at: &At<'_>, resource: &str, amount: &Doc, faults: &mut Faults) {
    let standard =
        ["cpu", "memory", "ephemeral-storage"].contains(&resource) || resource.starts_with("hugepages-");
    let name = Doc::from(resource);
    let messages = names::qualified_name(resource);
    let wrong_name = !messages.is_empty();
    for message in messages {
        faults.invalid(at, &name, message);
    }
    if !resource.contains('/') && !standard {
        if !wrong_name && !STANDARD_ELSEWHERE.contains(&resource) {
            faults.invalid(at, &name, "must be a standard resource type or fully qualified");
        }
        faults.invalid(at, &name, "must be a standard resource for containers");
    } else if !is_native(resource) && !is_extended(resource) {
        faults.invalid(at, &name, "doesn't follow extended resource name standard");
    }
    let text = quantity::canonical(amount).unwrap_or_default();
    let thousandths = parse_quantity(&text).unwrap_or(0);
    if thousandths < 0 {
        faults.invalid(at, &Doc::from(&*text), "must be greater than or equal to 0");
    }
    if is_extended(resource) && thousandths % 1000 != 0 {
        faults.invalid(at, &Doc::from(&*text), "must be an integer");
    }
    let page = resource.strip_prefix("hugepages-").and_then(parse_quantity);
    if page.is_some_and(|page| page == 0 || thousandths % page != 0) {
        faults.invalid(
            at,
            &Doc::from(&*text),
            format!("{text} is not positive integer multiple of {resource}"),
        );
    }
}

/// Resources that are known, though not of containers.
const STANDARD_ELSEWHERE: &[&str] = &[
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "storage",
    "services.nodeports",
    "services.loadbalancers",
];
