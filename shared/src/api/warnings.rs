//! What those are warned of who write an object that is no mistake, but likely not what they mean.

use crate::api::quantity::parse_quantity;
use crate::api::validation::{At, names};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};

use super::Kind;

/// Labels of nodes that have other names now, and since when.
const RENAMED: [(&str, &str, &str); 5] = [
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// Warnings of a new object, or of what is new in it.
pub fn of(kind: Kind, doc: &Doc, old: Option<&Doc>) -> Vec<Str> {
    let mut said = Vec::new();
    if old.is_some_and(|old| old["spec"] == doc["spec"]) {
        return said;
    }
    let (whose, pods) = match kind {
        Kind::Pod => ("the Pod's hostname", "spec"),
        Kind::CronJob => ("Pod names and hostnames", "spec.jobTemplate.spec.template.spec"),
        Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::Job | Kind::ReplicationController => {
            ("Pod names and hostnames", "spec.template.spec")
        }
        Kind::DaemonSet => ("", "spec.template.spec"),
        Kind::Ingress
            if old.is_none() && !doc["metadata"]["annotations"]["kubernetes.io/ingress.class"].is_null() =>
        {
            said.push("annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead".into());
            return said;
        }
        Kind::PersistentVolume
            if doc["spec"]["persistentVolumeReclaimPolicy"].as_str() == Some("Recycle") =>
        {
            said.push("spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.".into());
            return said;
        }
        Kind::Service => {
            said.extend(service(&doc["spec"]).into_iter().map(Str::from));
            return said;
        }
        _ => return said,
    };
    let whys = names::dns_label(&doc["metadata"]["name"].str());
    if old.is_none() && !whose.is_empty() && !whys.is_empty() {
        let why = whys.join(" ");
        said.push(
            format!("metadata.name: this is used in {whose}, which can result in surprising behavior; a DNS label is recommended: [{why}]")
                .into(),
        );
    }
    let path: Vec<&str> = pods.split('.').collect();
    pod(&At::root(doc.at(&path), pods), &mut said);
    said
}

/// What of a Service does nothing, or is on its way out.
fn service(spec: &Doc) -> Vec<&'static str> {
    let external_name = spec["type"].as_str() == Some("ExternalName");
    let headless = !external_name && spec["clusterIP"].as_str() == Some("None");
    let [addresses, name] = ["externalIPs", "externalName"].map(|field| !spec[field].is_empty());
    let sticky = !matches!(spec["sessionAffinity"].as_str(), None | Some("None"));
    let all = [
        (
            headless && !spec["loadBalancerIP"].is_empty(),
            "spec.loadBalancerIP is ignored for headless services",
        ),
        (headless && addresses, "spec.externalIPs is ignored for headless services"),
        (headless && sticky, "spec.SessionAffinity is ignored for headless services"),
        (addresses, "spec.externalIPs is deprecated and may no longer be implemented in some clusters"),
        (external_name && addresses, "spec.externalIPs is ignored when spec.type is \"ExternalName\""),
        (!external_name && name, "spec.externalName is ignored when spec.type is not \"ExternalName\""),
        (
            spec["trafficDistribution"].as_str() == Some("PreferClose"),
            "spec.trafficDistribution: \"PreferClose\" is deprecated; use \"PreferSameZone\"",
        ),
    ];
    all.into_iter().filter(|(holds, _)| *holds).map(|(_, what)| what).collect()
}

fn pod(spec: &At<'_>, said: &mut Vec<Str>) {
    let mut say = |at: &At<'_>, what: String| said.push(format!("{}: {what}", at.path()).into());
    let selector = spec.field("nodeSelector");
    for (label, since, now) in RENAMED {
        if selector.key(label).is_set() {
            say(&selector.key(label), format!("deprecated since {since}; use \"{now}\" instead"));
        }
    }
    for constraint in spec.field("topologySpreadConstraints").each() {
        if constraint["labelSelector"].is_null() {
            let what = "a null labelSelector results in matching no pod";
            say(&constraint.field("labelSelector"), what.into());
        }
    }
    twice(&spec.field("hostAliases"), "ip", &mut say);
    twice(&spec.field("imagePullSecrets"), "name", &mut say);
    for containers in ["initContainers", "containers"] {
        for container in spec.field(containers).each() {
            container_of(&container, &mut say);
        }
    }
    let affinity = spec.field("affinity");
    for kind in ["podAffinity", "podAntiAffinity"] {
        let of = affinity.field(kind);
        let all = ["required", "preferred"].map(|how| format!("{how}DuringSchedulingIgnoredDuringExecution"));
        for (how, list) in all.iter().enumerate() {
            for item in of.field(list).each() {
                let term = if how == 0 { item } else { item.field("podAffinityTerm") };
                if term["labelSelector"].is_null() {
                    let what = "a null labelSelector results in matching no pod";
                    say(&term.field("labelSelector"), what.into());
                }
            }
        }
    }
}

/// Says of what items of a list have in common what should tell them apart.
fn twice(list: &At<'_>, field: &str, say: &mut dyn FnMut(&At<'_>, String)) {
    let mut seen = BTreeSet::new();
    for item in list.each() {
        let value = item.field(field);
        if value.is_empty() && field == "name" {
            say(&value, "invalid empty name \"\"".into());
        } else if !seen.insert(value.str()) {
            say(&value, format!("duplicate {field} {:?}", value.text()));
        }
    }
}

fn container_of(container: &At<'_>, say: &mut dyn FnMut(&At<'_>, String)) {
    let resources = container.field("resources");
    for part in ["limits", "requests"] {
        for name in ["memory", "ephemeral-storage"] {
            let amounts = resources.field(part);
            let amount = amounts.key(name);
            if parse_quantity(amount.text()).is_some_and(|thousandths| thousandths % 1000 != 0) {
                let shown = amount.text();
                say(&amount, format!("fractional byte value {shown:?} is invalid, must be an integer"));
            }
        }
    }
    let mut seen = BTreeSet::new();
    for variable in container.field("env").each() {
        let (name, value) = (variable["name"].str(), variable["value"].str());
        let reference = format!("$({name})");
        // Who adds to what was there before means it.
        let adds = variable["valueFrom"].is_null() && value != reference && value.contains(&reference);
        let hides = !seen.insert(name.clone()) && !adds;
        if hides {
            let what =
                format!("hides previous definition of {name:?}, which may be dropped when using apply");
            say(&variable, what);
        }
    }
    let ports = container.field("ports");
    let mut seen = BTreeMap::new();
    for (at, port) in ports.each().enumerate() {
        let told = ["containerPort", "protocol", "hostPort", "hostIP"].map(|field| port[field].to_json());
        let first = *seen.entry(told).or_insert(at);
        if first < at {
            say(&port, format!("duplicate port definition with {}[{first}]", ports.path()));
        }
    }
}
