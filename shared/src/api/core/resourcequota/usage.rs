//! What objects use of the resources that quotas bound, and which quotas concern them.

use crate::api::core::pod::qos_class;
use crate::api::quantity::Amount;
use crate::api::{Deletion, Kind};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str, Timestamp};

/// Amounts of resources, by name.
pub type Amounts = BTreeMap<Str, Amount>;

/// What every container has to say where a quota bounds it.
const MUST_SAY: &[&str] =
    &["cpu", "limits.cpu", "limits.memory", "memory", "requests.cpu", "requests.memory"];

/// The kind whose objects use a resource; `None` for what nothing here uses.
pub fn kind_of(resource: &str) -> Option<Kind> {
    if let Some(counted) = resource.strip_prefix("count/") {
        return Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.info().qualified() == counted && kind.info().namespaced);
    }
    match resource {
        "services" | "services.nodeports" | "services.loadbalancers" => Some(Kind::Service),
        "persistentvolumeclaims" | "requests.storage" => Some(Kind::PersistentVolumeClaim),
        "configmaps" => Some(Kind::ConfigMap),
        "secrets" => Some(Kind::Secret),
        "resourcequotas" => Some(Kind::ResourceQuota),
        "replicationcontrollers" => Some(Kind::ReplicationController),
        _ if resource.contains(".storageclass.storage.k8s.io/") => Some(Kind::PersistentVolumeClaim),
        _ => Some(Kind::Pod),
    }
}

/// Whether objects of a kind use a resource.
pub fn is_used_by(resource: &str, kind: Kind) -> bool {
    match (kind, resource.strip_prefix("count/")) {
        (Kind::Custom(_), Some(counted)) => kind.info().namespaced && kind.info().qualified() == counted,
        (Kind::Custom(_), None) => false,
        _ => kind_of(resource) == Some(kind),
    }
}

/// Amounts as a status holds them.
pub fn to_doc(amounts: &Amounts) -> Doc {
    let mut doc = Doc::map();
    amounts.iter().for_each(|(resource, amount)| doc.set(resource.clone(), amount.to_string()));
    doc
}

/// Amounts that a status or spec holds.
pub fn from_doc(doc: &Doc) -> Amounts {
    let read = |(resource, amount): &(Str, Doc)| Some((resource.clone(), Amount::read(amount)?));
    doc.entries().iter().filter_map(read).collect()
}

/// Adds up.
pub fn add(sum: &mut Amounts, more: &Amounts) {
    for (resource, amount) in more.iter() {
        let so_far = sum.get(resource).copied().unwrap_or_default();
        sum.insert(resource.clone(), so_far.plus(*amount));
    }
}

/// What an object uses; `body` may be its whole document.
pub fn of(kind: Kind, body: &Doc, deletion: Option<Deletion>, now: Timestamp) -> Amounts {
    let mut used = Amounts::new();
    used.insert(format!("count/{}", kind.info().qualified()).into(), Amount::of(1));
    let mut count = |resource: &str, count: i64| {
        used.insert(resource.into(), Amount::of(count));
    };
    match kind {
        Kind::Pod if is_alive(body, deletion, now) => pod(&body["spec"], &mut used),
        Kind::Service => {
            let spec = &body["spec"];
            let ports = spec["ports"].items();
            let is = |name: &str| spec["type"].as_str() == Some(name);
            let (ports, balancers) = if is("LoadBalancer") {
                let none = spec["allocateLoadBalancerNodePorts"].as_bool() == Some(false);
                let given = ports.iter().filter(|port| !none || port["nodePort"].as_i64().unwrap_or(0) != 0);
                (given.count(), 1)
            } else {
                (if is("NodePort") { ports.len() } else { 0 }, 0)
            };
            count("services", 1);
            count("services.nodeports", ports as i64);
            count("services.loadbalancers", balancers);
        }
        Kind::PersistentVolumeClaim => {
            let class = body["spec"]["storageClassName"].str();
            let storage = Amount::read(body["spec"].at(&["resources", "requests", "storage"]));
            count("persistentvolumeclaims", 1);
            let of_class = |what: &str| format!("{class}.storageclass.storage.k8s.io/{what}").into();
            if !class.is_empty() {
                used.insert(of_class("persistentvolumeclaims"), Amount::of(1));
            }
            if let Some(storage) = storage {
                used.insert("requests.storage".into(), storage);
                if !class.is_empty() {
                    used.insert(of_class("requests.storage"), storage);
                }
            }
        }
        Kind::ConfigMap | Kind::Secret | Kind::ResourceQuota | Kind::ReplicationController => {
            count(kind.info().plural, 1);
        }
        _ => {}
    }
    used
}

/// Whether a pod still uses anything: neither finished nor stuck on its way out.
pub fn is_alive(body: &Doc, deletion: Option<Deletion>, now: Timestamp) -> bool {
    let stuck = deletion.is_some_and(|it| now > it.at.after_seconds(it.grace_seconds));
    !matches!(body["status"]["phase"].as_str(), Some("Succeeded" | "Failed")) && !stuck
}

fn pod(spec: &Doc, used: &mut Amounts) {
    used.insert("pods".into(), Amount::of(1));
    for (bound, short) in [("requests", true), ("limits", false)] {
        let mut needed = needed(spec, bound);
        for (resource, amount) in from_doc(&spec["overhead"]).iter() {
            let so_far = needed.get(resource).copied().unwrap_or_default();
            if short || so_far.milli != 0 {
                needed.insert(resource.clone(), so_far.plus(*amount));
            }
        }
        for (resource, amount) in needed.iter() {
            let huge = resource.starts_with("hugepages-");
            let plain = ["cpu", "memory", "ephemeral-storage"].contains(&resource.as_str());
            if short && (plain || huge) {
                used.insert(resource.clone(), *amount);
            }
            if short || plain {
                used.insert(format!("{bound}.{resource}").into(), *amount);
            }
        }
    }
}

/// What a pod needs of each resource at least (`requests`) or at most (`limits`): its containers and sidecars
/// together, or the hungriest init container with the sidecars started before it. Overhead comes on top.
pub fn needed(spec: &Doc, bound: &str) -> Amounts {
    let of = |container: &Doc| from_doc(container.at(&["resources", bound]));
    let (mut together, mut sidecars, mut hungriest) = (Amounts::new(), Amounts::new(), Amounts::new());
    spec["containers"].items().iter().for_each(|container| add(&mut together, &of(container)));
    for container in spec["initContainers"].items() {
        let mut here = of(container);
        let sidecar = container["restartPolicy"].as_str() == Some("Always");
        if sidecar {
            add(&mut together, &here);
            add(&mut sidecars, &here);
            here = sidecars.clone();
        } else {
            add(&mut here, &sidecars);
        }
        most(&mut hungriest, here);
    }
    most(&mut together, hungriest);
    // What the pod says as a whole is the last word.
    from_doc(&spec["resources"][bound]).iter().for_each(|(resource, amount)| {
        together.insert(resource.clone(), *amount);
    });
    together
}

fn most(sum: &mut Amounts, other: Amounts) {
    for (resource, amount) in other.iter() {
        if sum.get(resource).is_none_or(|so_far| so_far.milli < amount.milli) {
            sum.insert(resource.clone(), *amount);
        }
    }
}

/// What a pod's containers leave unsaid although `resources` are bounded.
pub fn unsaid(spec: &Doc, resources: &[&str]) -> Option<String> {
    // A pod that speaks for all its containers has said enough.
    if ["requests", "limits"].iter().any(|bound| !spec["resources"][*bound].is_empty()) {
        return None;
    }
    let mut missing: BTreeMap<&str, BTreeSet<Str>> = BTreeMap::new();
    for container in spec["containers"].items().iter().chain(spec["initContainers"].items()) {
        let said = &container["resources"];
        for resource in resources.iter().filter(|resource| MUST_SAY.contains(resource)) {
            let (bound, name) = resource.split_once('.').unwrap_or(("requests", resource));
            if said[bound][name].is_null() {
                missing.entry(resource).or_default().insert(container["name"].str());
            }
        }
    }
    if missing.is_empty() {
        return None;
    }
    let each = missing.iter().map(|(resource, names)| {
        let names: Vec<&str> = names.iter().map(Str::as_str).collect();
        format!("{resource} for: {}", names.join(","))
    });
    Some(format!("must specify {}", each.collect::<Vec<_>>().join("; ")))
}

/// Whether a quota's scopes take in an object.
pub fn in_scope(quota: &Doc, kind: Kind, body: &Doc) -> bool {
    let all = quota["scopes"].items().iter().map(|scope| (scope.str(), &Doc::Null));
    let chosen = quota["scopeSelector"]["matchExpressions"].items();
    let mut all = all.chain(chosen.iter().map(|chosen| (chosen["scopeName"].str(), chosen)));
    all.all(|(scope, selector)| match kind {
        Kind::Pod => pod_in_scope(&scope, selector, &body["spec"]),
        Kind::PersistentVolumeClaim if scope == "VolumeAttributesClass" => {
            selects(selector, &body["spec"]["volumeAttributesClassName"].str())
        }
        _ => false,
    })
}

fn pod_in_scope(scope: &str, selector: &Doc, spec: &Doc) -> bool {
    let terminating = spec["activeDeadlineSeconds"].as_i64().is_some_and(|seconds| seconds >= 0);
    let best_effort = || qos_class(spec) == "BestEffort";
    match scope {
        "Terminating" => terminating,
        "NotTerminating" => !terminating,
        "BestEffort" => best_effort(),
        "NotBestEffort" => !best_effort(),
        "PriorityClass" => selects(selector, &spec["priorityClassName"].str()),
        "CrossNamespacePodAffinity" => reaches_out(&spec["affinity"]),
        _ => false,
    }
}

fn selects(selector: &Doc, value: &Str) -> bool {
    let listed = || selector["values"].items().iter().any(|listed| listed.as_str() == Some(value));
    match selector["operator"].as_str() {
        Some("In") => !value.is_empty() && listed(),
        Some("NotIn") => value.is_empty() || !listed(),
        Some("DoesNotExist") => value.is_empty(),
        _ => !value.is_empty(),
    }
}

/// Whether a pod's affinity is about pods of other namespaces.
fn reaches_out(affinity: &Doc) -> bool {
    let out = |term: &Doc| !term["namespaces"].is_empty() || !term["namespaceSelector"].is_null();
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let of = &affinity[*kind];
        of["requiredDuringSchedulingIgnoredDuringExecution"].items().iter().any(out)
            || of["preferredDuringSchedulingIgnoredDuringExecution"]
                .items()
                .iter()
                .any(|term| out(&term["podAffinityTerm"]))
    })
}
