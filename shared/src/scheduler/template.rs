//! What scheduling reads of a pod: the same for all pods of one template, so it is read and kept once.

use std::sync::Arc;

use crate::api::core::pod::{Pod, PodSpec, requested};
use crate::api::{LabelSelector, NodeAffinity, Object, bytes, milli};
use crate::codec::Codec;
use crate::collections::sort;
use crate::doc::{Doc, Str};
use crate::sim::{StateHasher, hash_of};

use super::devices;
use super::selector::{PodSelector, Scope};

/// Everything that decides where a pod can go, but its name.
#[derive(Codec, Clone, Debug)]
pub struct Template {
    /// A digest of namespace, labels, owner and spec: equal for pods that are scheduled alike.
    pub digest: u128,
    /// The pods' namespace.
    pub namespace: Str,
    /// Their labels.
    pub labels: Doc,
    /// Their spec, as other components read it.
    pub spec: Arc<PodSpec>,
    /// What they need.
    pub requests: Requests,
    /// Ports they take on the node.
    pub ports: Vec<HostPort>,
    /// Node selector and node affinity.
    pub node_affinity: NodeAffinity,
    /// Topology spread constraints, as written (no defaults).
    pub spread: Vec<SpreadConstraint>,
    /// Required pod affinity.
    pub affinity: Vec<Term>,
    /// Required pod anti-affinity.
    pub anti_affinity: Vec<Term>,
    /// Preferred pod affinity (positive weight) and anti-affinity (negative).
    pub preferred: Vec<(i64, Term)>,
    /// Image of every container, with its tag.
    pub images: Vec<Str>,
    /// The claims they use, by name.
    pub claims: Vec<Str>,
    /// Volumes for which each pod has a claim of its own, `<pod>-<volume>`.
    pub ephemeral: Vec<Str>,
    /// Whether they claim devices.
    pub devices: bool,
    /// Whether lower-priority pods may have to go for these (`preemptionPolicy`).
    pub preempts: bool,
}

/// Resources that a pod needs.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Default)]
pub struct Requests {
    /// CPU in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Everything else, by name.
    pub others: Vec<(Str, i64)>,
    /// CPU as LeastAllocated counts it: 100m for a container that says nothing.
    pub scoring_cpu_milli: i64,
    /// Memory as LeastAllocated counts it: 200 MiB for a container that says nothing.
    pub scoring_memory: i64,
}

/// A port on a node's own address.
#[derive(Codec, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct HostPort {
    /// The port.
    pub port: u32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Str,
    /// The address; `0.0.0.0` for all.
    pub ip: Str,
}

impl HostPort {
    /// Whether both cannot be taken on one node.
    pub fn clashes(&self, other: &HostPort) -> bool {
        self.port == other.port
            && self.protocol == other.protocol
            && (self.ip == other.ip || self.ip == "0.0.0.0" || other.ip == "0.0.0.0")
    }
}

/// `v1.TopologySpreadConstraint`
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct SpreadConstraint {
    /// How much fuller than the emptiest domain a domain may be.
    pub max_skew: i64,
    /// The node label whose values are the domains.
    pub topology_key: Str,
    /// Whether it must hold (`DoNotSchedule`) or is only preferred.
    pub required: bool,
    /// The pods that are counted.
    pub selector: PodSelector,
    /// With fewer domains than this the emptiest counts as holding none.
    pub min_domains: i64,
    /// Whether only nodes that the pod's node affinity allows are domains.
    pub honor_affinity: bool,
    /// Whether only nodes whose taints the pod tolerates are domains.
    pub honor_taints: bool,
}

/// `v1.PodAffinityTerm`
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Term {
    /// The pods it speaks of.
    pub selector: PodSelector,
    /// The node label in which "together" is meant.
    pub topology_key: Str,
}

/// What identifies the template of a pod: all that [`Template::read`] looks at.
pub fn digest(object: &Object) -> u128 {
    use std::hash::Hash;
    let mut hasher = StateHasher::default();
    object.key.namespace.hash(&mut hasher);
    object.meta.labels.hash(&mut hasher);
    object.meta.controller().map(|owner| (&owner.kind, &owner.name, owner.uid)).hash(&mut hasher);
    for (field, value) in object.body["spec"].entries() {
        if field != "nodeName" {
            (field, value).hash(&mut hasher);
        }
    }
    hasher.digest()
}

impl Template {
    /// Reads a pod. `namespaces` finds the namespaces that a `namespaceSelector` selects.
    ///
    /// # Panics
    /// When `object` is no pod.
    pub fn read(object: &Object, namespaces: &dyn Fn(&LabelSelector) -> Vec<Str>) -> Template {
        let pod = object.view::<Pod>().expect("a pod");
        let spec = &object.body["spec"];
        let reader = Reader { object, namespaces };
        let volumes =
            |kind: &'static str| spec["volumes"].items().iter().filter(move |volume| !volume[kind].is_null());
        let containers = || spec["initContainers"].items().iter().chain(spec["containers"].items());
        Template {
            digest: digest(object),
            namespace: object.key.namespace.clone(),
            labels: object.meta.labels.clone(),
            spec: Arc::clone(&pod.spec),
            requests: Requests::read(spec),
            ports: host_ports(spec),
            node_affinity: NodeAffinity::read(spec),
            spread: spec["topologySpreadConstraints"]
                .items()
                .iter()
                .map(|doc| reader.constraint(doc))
                .collect(),
            affinity: reader.required("podAffinity"),
            anti_affinity: reader.required("podAntiAffinity"),
            preferred: [("podAffinity", 1), ("podAntiAffinity", -1)]
                .into_iter()
                .flat_map(|(field, sign)| reader.preferred(field, sign))
                .collect(),
            images: containers().map(|container| with_tag(&container["image"].str())).collect(),
            claims: volumes("persistentVolumeClaim")
                .map(|volume| volume["persistentVolumeClaim"]["claimName"].str())
                .collect(),
            ephemeral: volumes("ephemeral").map(|volume| volume["name"].str()).collect(),
            devices: devices::are_claimed(object),
            preempts: spec["preemptionPolicy"].as_str() != Some("Never"),
        }
    }

    /// Whether the pods tolerate a taint.
    pub fn tolerates(&self, key: &str, value: &str, effect: &str) -> bool {
        self.spec.tolerations.iter().any(|toleration| toleration.tolerates(key, value, effect))
    }
}

struct Reader<'a> {
    object: &'a Object,
    namespaces: &'a dyn Fn(&LabelSelector) -> Vec<Str>,
}

impl Reader<'_> {
    fn constraint(&self, doc: &Doc) -> SpreadConstraint {
        let selector = PodSelector::within(&self.object.key.namespace, &doc["labelSelector"]);
        SpreadConstraint {
            max_skew: doc["maxSkew"].as_i64().unwrap_or(1),
            topology_key: doc["topologyKey"].str(),
            required: doc["whenUnsatisfiable"].as_str() != Some("ScheduleAnyway"),
            selector,
            min_domains: doc["minDomains"].as_i64().unwrap_or(1),
            honor_affinity: doc["nodeAffinityPolicy"].as_str() != Some("Ignore"),
            honor_taints: doc["nodeTaintsPolicy"].as_str() == Some("Honor"),
        }
    }

    fn required(&self, field: &str) -> Vec<Term> {
        let terms = self.object.body.at(&[
            "spec",
            "affinity",
            field,
            "requiredDuringSchedulingIgnoredDuringExecution",
        ]);
        terms.items().iter().map(|doc| self.term(doc)).collect()
    }

    fn preferred(&self, field: &str, sign: i64) -> Vec<(i64, Term)> {
        let terms = self.object.body.at(&[
            "spec",
            "affinity",
            field,
            "preferredDuringSchedulingIgnoredDuringExecution",
        ]);
        let read =
            |doc: &Doc| (sign * doc["weight"].as_i64().unwrap_or(0), self.term(&doc["podAffinityTerm"]));
        terms.items().iter().map(read).collect()
    }

    fn term(&self, doc: &Doc) -> Term {
        let mut selector = PodSelector::within(&self.object.key.namespace, &doc["labelSelector"]);
        let by_label = &doc["namespaceSelector"];
        let mut names: Vec<Str> = doc["namespaces"].items().iter().map(Doc::str).collect();
        if !doc["labelSelector"].is_null() && (!names.is_empty() || !by_label.is_null()) {
            selector.scope = match by_label {
                Doc::Null => Scope::Namespaces(names),
                // The empty selector selects every namespace.
                all if all.is_empty() => Scope::All,
                some => {
                    names.extend((self.namespaces)(&LabelSelector::from_doc(some)));
                    Scope::Namespaces(names)
                }
            };
        }
        Term { selector, topology_key: doc["topologyKey"].str() }
    }
}

impl Requests {
    fn read(spec: &Doc) -> Requests {
        let mut names: Vec<Str> = ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| spec[list].items())
            .flat_map(|container| container.at(&["resources", "requests"]).entries())
            .map(|(name, _)| name.clone())
            .filter(|name| name != "cpu" && name != "memory")
            .collect();
        sort(&mut names);
        names.dedup();
        Requests {
            cpu_milli: requested(spec, "cpu", milli, 0),
            memory: requested(spec, "memory", bytes, 0),
            others: names.into_iter().map(|name| (name.clone(), requested(spec, &name, bytes, 0))).collect(),
            scoring_cpu_milli: requested(spec, "cpu", milli, 100),
            scoring_memory: requested(spec, "memory", bytes, 200 << 20),
        }
    }

    /// Whether more is requested than by `other`, of anything.
    pub fn exceeds(&self, other: &Requests) -> bool {
        let of = |name: &Str| other.others.iter().find(|(known, _)| known == name).map_or(0, |(_, sum)| *sum);
        self.cpu_milli > other.cpu_milli
            || self.memory > other.memory
            || self.others.iter().any(|(name, amount)| *amount > of(name))
    }

    /// Whether nothing is requested but a place.
    pub fn is_empty(&self) -> bool {
        self.cpu_milli == 0 && self.memory == 0 && self.others.is_empty()
    }
}

fn host_ports(spec: &Doc) -> Vec<HostPort> {
    let own_network = spec["hostNetwork"].as_bool() != Some(true);
    let port = |doc: &Doc| {
        let number = match doc["hostPort"].as_i64() {
            None | Some(0) if !own_network => doc["containerPort"].as_i64(),
            number => number,
        };
        let port = number.and_then(|number| u32::try_from(number).ok()).filter(|&number| number > 0)?;
        let or = |doc: &Doc, fallback: &'static str| match doc.as_str() {
            None | Some("") => crate::doc::intern(fallback),
            Some(_) => doc.str(),
        };
        Some(HostPort { port, protocol: or(&doc["protocol"], "TCP"), ip: or(&doc["hostIP"], "0.0.0.0") })
    };
    spec["containers"]
        .items()
        .iter()
        .flat_map(|container| container["ports"].items())
        .filter_map(port)
        .collect()
}

/// An image reference with the tag it means.
pub fn with_tag(image: &Str) -> Str {
    let last = image.rsplit('/').next().unwrap_or("");
    if last.contains(':') || last.contains('@') { image.clone() } else { format!("{image}:latest").into() }
}

/// A digest of a selector, under which equal ones are kept once.
pub fn selector_digest(selector: &PodSelector) -> u128 {
    hash_of(selector)
}

impl std::hash::Hash for Template {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.digest.hash(state);
    }
}
