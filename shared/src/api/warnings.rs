//! What those are warned of who write an object that is no mistake, but likely not what they mean.

use crate::api::quantity::parse_quantity;
use crate::api::validation::{At, names};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};

use super::Kind;

/// Labels of nodes that have other names now, and what is said of them.
const RENAMED: [(&str, &str); 8] = [
    ("beta.kubernetes.io/arch", "deprecated since v1.14; use \"kubernetes.io/arch\" instead"),
    ("beta.kubernetes.io/os", "deprecated since v1.14; use \"kubernetes.io/os\" instead"),
    (
        "failure-domain.beta.kubernetes.io/region",
        "deprecated since v1.17; use \"topology.kubernetes.io/region\" instead",
    ),
    (
        "failure-domain.beta.kubernetes.io/zone",
        "deprecated since v1.17; use \"topology.kubernetes.io/zone\" instead",
    ),
    (
        "beta.kubernetes.io/instance-type",
        "deprecated since v1.17; use \"node.kubernetes.io/instance-type\" instead",
    ),
    ("app.kubernetes.io/created-by", "deprecated since v1.9"),
    (
        "scheduler.alpha.kubernetes.io/preferAvoidPods",
        "deprecated since v1.22; use Taints and Tolerations instead",
    ),
    ("node-role.kubernetes.io/master", "use \"node-role.kubernetes.io/control-plane\" instead"),
];

/// Volumes that are on their way out.
const VOLUMES: [(&str, &str); 9] = [
    ("photonPersistentDisk", "deprecated in v1.11, non-functional in v1.16+"),
    ("gitRepo", "deprecated in v1.11, and disabled by default in v1.33+"),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("flocker", "deprecated in v1.22, non-functional in v1.25+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("quobyte", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

const ANNOTATIONS: [(&str, &str); 3] = [
    (
        "scheduler.alpha.kubernetes.io/critical-pod",
        "non-functional in v1.16+; use the \"priorityClassName\" field instead",
    ),
    ("security.alpha.kubernetes.io/sysctls", "non-functional in v1.11+; use the \"sysctls\" field instead"),
    (
        "security.alpha.kubernetes.io/unsafe-sysctls",
        "non-functional in v1.11+; use the \"sysctls\" field instead",
    ),
];

/// Where to say something, and what.
type Say<'a> = dyn FnMut(&At<'_>, &str) + 'a;

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
        Kind::PersistentVolume | Kind::PersistentVolumeClaim | Kind::StorageClass | Kind::Node => {
            let root = At::root(doc, "");
            let mut say = |at: &At<'_>, what: &str| said.push(format!("{}: {what}", at.path()).into());
            match kind {
                Kind::PersistentVolume => volume(&root, &mut say),
                Kind::PersistentVolumeClaim => {
                    storage_class(&root, &mut say);
                    claim(&root.field("spec"), &mut say);
                }
                Kind::Node if !doc["spec"]["externalID"].is_empty() => {
                    let what = "this field is deprecated, and is unused by Kubernetes";
                    say(&root.field("spec").field("externalID"), what);
                }
                Kind::Node => {}
                _ => {
                    for topology in root.field("allowedTopologies").each() {
                        for expression in topology.field("matchLabelExpressions").each() {
                            let key = expression.field("key");
                            renamed(key.text()).into_iter().for_each(|what| say(&key, what));
                        }
                    }
                }
            }
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
    let above: Vec<&str> = path[..path.len() - 1].to_vec();
    let metadata = above.iter().copied().chain(["metadata"]).collect::<Vec<&str>>();
    let place = metadata.join(".");
    let annotations = At::root(doc.at(&metadata), &place);
    let spec = At::root(doc.at(&path), pods);
    pod(&spec, &annotations.field("annotations"), &mut |at, what| {
        said.push(format!("{}: {what}", at.path()).into());
    });
    said
}

fn renamed(label: &str) -> Option<&'static str> {
    RENAMED.iter().find(|(known, _)| *known == label).map(|(_, what)| *what)
}

/// Says which labels in a term that selects nodes have other names now.
fn node_term(term: &At<'_>, say: &mut Say<'_>) {
    for expression in term.field("matchExpressions").each() {
        let key = expression.field("key");
        if let Some(what) = renamed(key.text()) {
            say(&key, &format!("{} is {what}", key.text()));
        }
    }
}

/// Bytes have no parts.
fn whole_bytes(amount: &At<'_>, say: &mut Say<'_>) {
    let text = amount.text();
    if parse_quantity(text).is_some_and(|thousandths| thousandths % 1000 != 0) {
        say(amount, &format!("fractional byte value {text:?} is invalid, must be an integer"));
    }
}

fn storage_class(root: &At<'_>, say: &mut Say<'_>) {
    let metadata = root.field("metadata");
    let annotations = metadata.field("annotations");
    let class = annotations.key("volume.beta.kubernetes.io/storage-class");
    if class.is_set() {
        say(&class, "deprecated since v1.8; use \"storageClassName\" attribute instead");
    }
    let options = annotations.key("volume.beta.kubernetes.io/mount-options");
    if options.is_set() && root["spec"]["claimName"].is_null() && !root["spec"]["capacity"].is_null() {
        say(&options, "deprecated since v1.31; use \"mountOptions\" attribute instead");
    }
}

fn volume(root: &At<'_>, say: &mut Say<'_>) {
    storage_class(root, say);
    let spec = root.field("spec");
    whole_bytes(&spec.field("capacity").key("storage"), say);
    if spec["persistentVolumeReclaimPolicy"].as_str() == Some("Recycle") {
        let what = "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
        say(&spec.field("persistentVolumeReclaimPolicy"), what);
    }
    for term in spec.field("nodeAffinity").field("required").field("nodeSelectorTerms").each() {
        node_term(&term, say);
    }
    sources(&spec, say);
}

fn claim(spec: &At<'_>, say: &mut Say<'_>) {
    let resources = spec.field("resources");
    for part in ["requests", "limits"] {
        whole_bytes(&resources.field(part).key("storage"), say);
    }
}

fn sources(volume: &At<'_>, say: &mut Say<'_>) {
    for (source, what) in VOLUMES {
        if volume.field(source).is_set() {
            let shown = if source == "storageos" { "storageOS" } else { source };
            say(&volume.field(shown), what);
        }
    }
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

fn pod(spec: &At<'_>, annotations: &At<'_>, say: &mut Say<'_>) {
    let selector = spec.field("nodeSelector");
    for (label, _) in selector.entries() {
        renamed(label).into_iter().for_each(|what| say(&selector.key(label), what));
    }
    let affinity = spec.field("affinity");
    let nodes = affinity.field("nodeAffinity");
    for term in nodes.field(REQUIRED).field("nodeSelectorTerms").each() {
        node_term(&term, say);
    }
    for term in nodes.field(PREFERRED).each() {
        node_term(&term.field("preference"), say);
    }
    for constraint in spec.field("topologySpreadConstraints").each() {
        let key = constraint.field("topologyKey");
        if let Some(what) = renamed(key.text()) {
            say(&key, &format!("{} is {what}", key.text()));
        }
        null_selector(&constraint, say);
    }
    for (annotation, what) in ANNOTATIONS {
        let annotation = annotations.key(annotation);
        if annotation.is_set() {
            say(&annotation, what);
        }
    }
    for volume in spec.field("volumes").each() {
        sources(&volume, say);
        claim(&volume.field("ephemeral").field("volumeClaimTemplate").field("spec"), say);
    }
    twice(&spec.field("hostAliases"), "ip", say);
    twice(&spec.field("imagePullSecrets"), "name", say);
    for name in BYTES {
        whole_bytes(&spec.field("overhead").key(name), say);
    }
    seccomp(
        &spec.field("securityContext"),
        &annotations.key("seccomp.security.alpha.kubernetes.io/pod"),
        say,
    );
    for containers in CONTAINERS {
        for container in spec.field(containers).each() {
            let key = format!("container.seccomp.security.alpha.kubernetes.io/{}", container["name"].str());
            seccomp(&container.field("securityContext"), &annotations.key(&key), say);
            container_of(&container, say);
        }
    }
    ports(spec, say);
    for kind in ["podAffinity", "podAntiAffinity"] {
        let of = affinity.field(kind);
        of.field(REQUIRED).each().for_each(|term| null_selector(&term, say));
        of.field(PREFERRED).each().for_each(|term| null_selector(&term.field("podAffinityTerm"), say));
    }
}

const CONTAINERS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];
const BYTES: [&str; 2] = ["memory", "ephemeral-storage"];
const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

fn null_selector(term: &At<'_>, say: &mut Say<'_>) {
    if term["labelSelector"].is_null() {
        say(&term.field("labelSelector"), "a null labelSelector results in matching no pod");
    }
}

fn seccomp(context: &At<'_>, annotation: &At<'_>, say: &mut Say<'_>) {
    if annotation.is_set() && context["seccompProfile"].is_null() {
        say(annotation, "non-functional in v1.27+; use the \"seccompProfile\" field instead");
    }
}

/// Says of what items of a list have in common what should tell them apart.
fn twice(list: &At<'_>, field: &str, say: &mut Say<'_>) {
    let mut seen = BTreeSet::new();
    for item in list.each() {
        let value = item.field(field);
        if value.is_empty() && field == "name" {
            say(&value, "invalid empty name \"\"");
        } else if !seen.insert(value.str()) {
            say(&value, &format!("duplicate {field} {:?}", value.text()));
        }
    }
}

fn container_of(container: &At<'_>, say: &mut Say<'_>) {
    let resources = container.field("resources");
    for name in BYTES {
        for part in ["limits", "requests"] {
            whole_bytes(&resources.field(part).key(name), say);
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
            say(&variable, &what);
        }
    }
}

/// Says which ports of all containers are the same, or may be.
fn ports(spec: &At<'_>, say: &mut Say<'_>) {
    // Place, host's port and address.
    type Taken = (String, i64, Str);
    let mut seen: BTreeMap<(i64, Str), Vec<Taken>> = BTreeMap::new();
    for list in CONTAINERS {
        for container in spec.field(list).each() {
            for port in container.field("ports").each() {
                let (number, protocol) = (port.field("containerPort").number(), port["protocol"].str());
                let (host, ip) = (port.field("hostPort").number(), port["hostIP"].str());
                if !ip.is_empty() && host == 0 {
                    let name = port["name"].str();
                    let shown = format!(
                        "{{Name:{name} HostPort:{host} ContainerPort:{number} Protocol:{protocol} HostIP:{ip}}}"
                    );
                    say(&port, &format!("hostIP set without hostPort: {shown}"));
                }
                let others = seen.entry((number, protocol)).or_default();
                for (place, other, other_ip) in &*others {
                    let what = match (host == *other, ip == *other_ip) {
                        (true, true) => "duplicate",
                        _ if host == 0 || *other == 0 => "overlapping",
                        (true, _) if ip.is_empty() != other_ip.is_empty() => "dangerously ambiguous",
                        _ => continue,
                    };
                    say(&port, &format!("{what} port definition with {place}"));
                }
                others.push((port.path(), host, ip));
            }
        }
    }
}
