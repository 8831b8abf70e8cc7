//! What is wrong with a pod's spec, and with a template's.

use crate::api::quantity::Amount;
use crate::api::validation::names::{self, Rule};
use crate::api::validation::{self, At, Faults};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};

use super::container::{self, Around, Place};
use super::{affinity, defaults, security, volumes};

/// Says what is wrong with the pod spec of a template that stands at `path`.
pub fn validate_pod_spec(spec: &Doc, path: &str, faults: &mut Faults) {
    pod_spec(&At::root(spec, path), false, faults);
    At::root(spec, path)
        .field("ephemeralContainers")
        .forbid(faults, "ephemeral containers not allowed in pod template");
}

/// Says what is wrong with a Pod.
pub(super) fn validate_pod(pod: &Doc, faults: &mut Faults) {
    let spec = At::root(&pod["spec"], "spec");
    deletion_cost(pod, faults);
    pod_spec(&spec, true, faults);
    for list in ["containers", "initContainers"] {
        for container in spec.field(list).each() {
            let image = container.field("image");
            if image.text().trim() != image.text() {
                faults.invalid(&image, &image, "must not have leading or trailing whitespace");
            }
        }
    }
}

/// Says what a new Pod may not have.
pub(super) fn validate_new_pod(pod: &Doc, faults: &mut Faults) {
    let spec = At::root(&pod["spec"], "spec");
    if !spec["ephemeralContainers"].items().is_empty() {
        faults.forbidden(&spec.field("ephemeralContainers"), "cannot be set on create");
    }
    if !spec["nodeName"].is_empty() && !spec["schedulingGates"].items().is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        faults.forbidden(&spec.field("nodeName"), why);
    }
}

fn deletion_cost(pod: &Doc, faults: &mut Faults) {
    const COST: &str = "controller.kubernetes.io/pod-deletion-cost";
    let annotations = At::root(&pod["metadata"]["annotations"], "metadata.annotations");
    let cost = annotations.key(COST);
    let plain = cost.text().parse::<i32>().is_ok_and(|number| number.to_string() == cost.text());
    if cost.is_set() && !plain {
        faults.invalid(&cost, &cost, "must be a 32bit integer");
    }
}

/// Text fields of a pod's spec that may be missing, and what they must be like.
const NAMES: &[(&str, Rule)] = &[
    ("serviceAccountName", names::dns_subdomain),
    ("nodeName", names::dns_subdomain),
    ("hostname", names::dns_label),
    ("subdomain", names::dns_label),
    ("priorityClassName", names::dns_subdomain),
    ("runtimeClassName", names::dns_subdomain),
];

fn pod_spec(spec: &At<'_>, is_pod: bool, faults: &mut Faults) {
    let volumes = volumes::validate(&spec.field("volumes"), faults);
    resource_claims(&spec.field("resourceClaims"), faults);
    containers(spec, &volumes, faults);
    own_resources(&spec.field("resources"), spec, faults);
    if spec["hostNetwork"].as_bool() == Some(true) {
        host_ports(spec, is_pod, faults);
    }
    spec.field("restartPolicy").require_one_of(faults, &["Always", "OnFailure", "Never"]);
    let dns_policies = ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"];
    spec.field("dnsPolicy").require_one_of(faults, &dns_policies);
    validation::labels_at(faults, &spec.field("nodeSelector"));
    security::pod(spec, faults);
    affinity::validate(&spec.field("affinity"), faults);
    dns_config(spec, faults);
    for gate in spec.field("readinessGates").each() {
        gate.field("conditionType").check(faults, names::qualified_name);
    }
    scheduling_gates(&spec.field("schedulingGates"), faults);
    spread(&spec.field("topologySpreadConstraints"), faults);
    security::host_process(spec, faults);
    security::own_users(spec, faults);
    for (field, rule) in &NAMES[..2] {
        spec.field(field).check_if_set(faults, *rule);
    }
    spec.field("activeDeadlineSeconds").within(faults, 1, i32::MAX.into());
    for (field, rule) in &NAMES[2..4] {
        spec.field(field).check_if_set(faults, *rule);
    }
    tolerations(&spec.field("tolerations"), faults);
    for alias in spec.field("hostAliases").each() {
        alias.field("ip").check(faults, names::ip);
        for hostname in alias.field("hostnames").each() {
            hostname.check(faults, names::dns_subdomain);
        }
    }
    hostname_override(spec, faults);
    for (field, rule) in &NAMES[4..] {
        spec.field(field).check_if_set(faults, *rule);
    }
    spec.field("preemptionPolicy").one_of(faults, &["PreemptLowerPriority", "Never"]);
    security::operating_system(spec, faults);
}

fn containers(spec: &At<'_>, volumes: &BTreeSet<Str>, faults: &mut Faults) {
    let containers = spec.field("containers");
    let around = Around {
        volumes,
        spec,
        grace: spec["terminationGracePeriodSeconds"].as_i64(),
        own_users: security::has_own_users(spec),
    };
    let mut names: BTreeSet<Str> = BTreeSet::new();
    let mut taken = BTreeSet::new();
    if containers.items().is_empty() {
        faults.required(&containers, "");
    }
    for container in containers.each() {
        container::validate(&container, Place::Regular, &around, &mut names, faults);
    }
    for container in containers.each() {
        container::unique_host_ports(&container, &mut taken, faults);
    }
    for container in spec.field("initContainers").each() {
        container::validate(&container, Place::Init, &around, &mut names, faults);
        // Init containers run one by one.
        container::unique_host_ports(&container, &mut BTreeSet::new(), faults);
    }
}

fn host_ports(spec: &At<'_>, is_pod: bool, faults: &mut Faults) {
    for container in spec.field("containers").each() {
        for port in container.field("ports").each() {
            let host = port.field("hostPort");
            if (is_pod || host.number() != 0) && host.number() != port.field("containerPort").number() {
                let why = "must match `containerPort` when `hostNetwork` is true";
                faults.invalid(&host, &Doc::from(host.number()), why);
            }
        }
    }
}

fn dns_config(spec: &At<'_>, faults: &mut Faults) {
    let config = spec.field("dnsConfig");
    let servers = config.field("nameservers");
    if spec.field("dnsPolicy").text() == "None" {
        if !config.is_set() {
            return faults.required(&config, "must provide `dnsConfig` when `dnsPolicy` is None");
        }
        if servers.items().is_empty() {
            let why = "must provide at least one DNS nameserver when `dnsPolicy` is None";
            return faults.required(&servers, why);
        }
    }
    if servers.items().len() > 3 {
        faults.invalid(&servers, &servers, "must not have more than 3 nameservers");
    }
    for server in servers.each() {
        server.check(faults, names::ip);
    }
    let searches = config.field("searches");
    if searches.items().len() > 32 {
        faults.invalid(&searches, &searches, "must not have more than 32 search paths");
    }
    for search in searches.each() {
        let name = Doc::from(search.text().strip_suffix('.').unwrap_or(search.text()));
        if search.text() != "." {
            for message in names::search_domain(name.as_str().unwrap_or("")) {
                faults.invalid(&search, &name, message);
            }
        }
    }
    for option in config.field("options").each() {
        if option["name"].is_empty() {
            faults.required(&option, "must not be empty");
        }
    }
}

/// A name of its own that a pod has instead of one that follows from others.
fn hostname_override(spec: &At<'_>, faults: &mut Faults) {
    let name = spec.field("hostnameOverride");
    if !name.is_set() {
        return;
    }
    name.check(faults, names::dns_subdomain);
    if name.text().len() > 64 {
        faults.too_long(&name, 64);
    }
}

fn scheduling_gates(gates: &At<'_>, faults: &mut Faults) {
    let mut seen: BTreeSet<Str> = BTreeSet::new();
    for gate in gates.each() {
        let name = &gate.doc()["name"];
        for message in names::qualified_name(name.as_str().unwrap_or("")) {
            faults.invalid(&gate, &Doc::from(name.as_str().unwrap_or("")), message);
        }
        if !seen.insert(name.str()) {
            faults.duplicate(&gate, name);
        }
    }
}

/// What a pod requests for all its containers is no less than they request.
fn own_resources(resources: &At<'_>, spec: &Doc, faults: &mut Faults) {
    container::resources(resources, faults);
    let requests = resources.field("requests");
    for (resource, amount) in requests.entries() {
        let (of_pod, together) = (Amount::read(amount), defaults::aggregate(spec, resource));
        if let (Some(of_pod), Some(together)) = (of_pod, together)
            && together.milli > of_pod.milli
        {
            let why = format!("must be greater than or equal to aggregate container requests of {together}");
            faults.invalid(&requests.key(resource), &Doc::from(of_pod.to_string()), why);
        }
    }
    let limits = &resources["limits"];
    for (at, container) in spec["containers"].items().iter().enumerate() {
        for (resource, amount) in container["resources"]["limits"].entries() {
            let of_pod = Amount::read(&limits[resource.as_str()]);
            if let (Some(of_pod), Some(own)) = (of_pod, Amount::read(amount))
                && own.milli > of_pod.milli
            {
                let why = format!("must be less than or equal to pod limits of {of_pod}");
                let field = format!("{}.containers[{at}][{resource}].limits", resources.path());
                faults.invalid(field, &Doc::from(own.to_string()), why);
            }
        }
    }
    if !resources["claims"].is_empty() {
        faults.forbidden(&resources.field("claims"), "claims cannot be set for Resources at pod-level");
    }
}

/// Claims of devices: where each comes from, and names to tell them apart.
fn resource_claims(claims: &At<'_>, faults: &mut Faults) {
    let mut seen: BTreeSet<Str> = BTreeSet::new();
    for claim in claims.each() {
        let name = claim.field("name");
        if name.is_empty() {
            faults.required(&name, "");
        } else if seen.contains(name.text()) {
            faults.duplicate(&name, &name);
        } else {
            name.check(faults, names::dns_label);
            seen.insert(name.str());
        }
        let [from, template] =
            ["resourceClaimName", "resourceClaimTemplateName"].map(|field| claim.field(field));
        match (from.is_set(), template.is_set()) {
            (true, true) => {
                let why =
                    "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified";
                faults.invalid(&claim, &claim, why);
            }
            (false, false) => {
                let why = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`";
                faults.invalid(&claim, &claim, why);
            }
            _ => {}
        }
        for name in [&from, &template] {
            if name.is_set() {
                name.check(faults, names::dns_subdomain);
            }
        }
    }
}

fn spread(constraints: &At<'_>, faults: &mut Faults) {
    const ACTIONS: [&str; 2] = ["DoNotSchedule", "ScheduleAnyway"];
    let pair_of = |constraint: &Doc| (constraint["topologyKey"].str(), constraint["whenUnsatisfiable"].str());
    // How many of each pair are still to come.
    let mut left: BTreeMap<(Str, Str), u32> = BTreeMap::new();
    for constraint in constraints.each() {
        *left.entry(pair_of(&constraint)).or_default() += 1;
    }
    for constraint in constraints.each() {
        let (skew, key) = (constraint.field("maxSkew"), constraint.field("topologyKey"));
        if skew.number() <= 0 {
            faults.invalid(&skew, &Doc::from(skew.number()), "must be greater than zero");
        }
        if key.is_empty() {
            faults.required(&key, "can not be empty");
        }
        let action = constraint.field("whenUnsatisfiable");
        if !ACTIONS.contains(&action.text()) {
            faults.not_supported(&action, &Doc::from(action.text()), &ACTIONS);
        }
        let others = left.entry(pair_of(&constraint)).or_default();
        *others -= 1;
        if *others > 0 {
            let pair = Doc::from(format!("{{{}, {}}}", key.text(), action.text()));
            faults.duplicate(&constraint.field("{topologyKey, whenUnsatisfiable}"), &pair);
        }
        let domains = constraint.field("minDomains");
        if domains.is_set() && domains.number() <= 0 {
            faults.invalid(&domains, &domains, "must be greater than zero");
        }
        if domains.is_set() && action.text() != "DoNotSchedule" {
            let why =
                format!("can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}", action.text());
            faults.invalid(&domains, &domains, why);
        }
        for policy in ["nodeAffinityPolicy", "nodeTaintsPolicy"] {
            constraint.field(policy).one_of(faults, &["Honor", "Ignore"]);
        }
        super::label_keys::validate(&constraint, &["matchLabelKeys"], faults);
        validation::label_selector(faults, &constraint.field("labelSelector"));
    }
}

pub(super) fn tolerations(tolerations: &At<'_>, faults: &mut Faults) {
    for toleration in tolerations.each() {
        let (key, operator) = (toleration.field("key"), toleration.field("operator"));
        let (value, effect) = (toleration.field("value"), toleration.field("effect"));
        let value_doc = Doc::from(value.text());
        key.check_if_set(faults, names::qualified_name);
        if key.is_empty() && operator.text() != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            faults.invalid(&operator, &Doc::from(operator.text()), why);
        }
        if toleration.field("tolerationSeconds").is_set() && effect.text() != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            faults.invalid(&effect, &Doc::from(effect.text()), why);
        }
        match operator.text() {
            "" | "Equal" => {
                let messages = names::label_value(value.text());
                if !messages.is_empty() {
                    faults.invalid(&operator, &value_doc, messages.join(";"));
                }
            }
            "Exists" if !value.is_empty() => {
                faults.invalid(&operator, &value_doc, "value must be empty when `operator` is 'Exists'");
            }
            "Exists" => {}
            _ => faults.not_supported(&operator, &operator, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            effect.one_of(faults, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
        }
    }
}
