//! Where a DaemonSet's pods belong, and what they are made of.

use crate::api::apps::daemonset::{DaemonSet, TEMPLATE_GENERATION};
use crate::api::core::node::{Node, Taint};
use crate::api::core::pod::{Pod, Toleration};
use crate::api::{NodeAffinity, Of};
use crate::controllers::pods;
use crate::doc;
use crate::doc::{Doc, Str};

use super::HASH;

/// Taints that daemons live with, and the effects that these have.
const TOLERATED: &[(&str, &str)] = &[
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
const NETWORK_UNAVAILABLE: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// What decides on which nodes a DaemonSet runs.
pub struct Placement {
    node_name: Str,
    affinity: NodeAffinity,
    tolerations: Vec<Toleration>,
}

impl Placement {
    pub fn read(set: &DaemonSet) -> Placement {
        let spec = &set.template["spec"];
        Placement {
            node_name: spec["nodeName"].str(),
            affinity: NodeAffinity::read(spec),
            tolerations: tolerations(spec).items().iter().map(Toleration::read).collect(),
        }
    }

    /// Whether a pod is to be made on `node`, and whether one that is there may stay.
    pub fn on(&self, node: &Of<Node>) -> (bool, bool) {
        let named = self.node_name.is_empty() || self.node_name == node.key().name;
        if !named || !self.affinity.allows(node.object()) {
            return (false, false);
        }
        let tolerated = |taint: &Taint| {
            let mut tolerations = self.tolerations.iter();
            tolerations.any(|toleration| toleration.tolerates(&taint.key, &taint.value, &taint.effect))
        };
        let repels = |effects: &[&str]| {
            node.taints.iter().any(|taint| effects.contains(&taint.effect.as_str()) && !tolerated(taint))
        };
        (!repels(&["NoSchedule", "NoExecute"]), !repels(&["NoExecute"]))
    }
}

/// The template's tolerations and those that every daemon has.
fn tolerations(spec: &Doc) -> Doc {
    let mut all = spec["tolerations"].items().to_vec();
    let network = spec["hostNetwork"].as_bool() == Some(true);
    for (key, effect) in TOLERATED.iter().chain(network.then_some(&NETWORK_UNAVAILABLE)) {
        let own = doc!({ "key": *key, "operator": "Exists", "effect": *effect });
        let same = |other: &&mut Doc| {
            ["key", "operator", "effect", "value"].iter().all(|field| own[*field] == other[*field])
        };
        match all.iter_mut().find(same) {
            Some(known) => *known = own,
            None => all.push(own),
        }
    }
    Doc::from(all)
}

/// The body of the pod for a node: bound to it by affinity, so that the scheduler places it.
pub fn pod_for(node: &Str, set: &Of<DaemonSet>, hash: &str) -> Doc {
    let mut pod = pods::body(set.object(), &set.template);
    let labels = pod.at_mut(&["metadata", "labels"]);
    labels.set(HASH, hash);
    if let Some(generation) = set.meta().annotation(TEMPLATE_GENERATION) {
        labels.set("pod-template-generation", generation);
    }
    let spec = pod.at_mut(&["spec"]);
    let tolerations = tolerations(spec);
    spec.set("tolerations", tolerations);
    let here = doc!([{ "matchFields": [{ "key": "metadata.name", "operator": "In", "values": [node] }] }]);
    let path =
        ["affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"];
    spec.set_at(&path, here);
    pod
}

/// The node that a pod is on or meant for.
pub fn target(pod: &Pod) -> Option<Str> {
    if !pod.node_name.is_empty() {
        return Some(pod.node_name.clone());
    }
    let required = pod.spec.affinity.at(&["nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution"]);
    let mut fields =
        required["nodeSelectorTerms"].items().iter().flat_map(|term| term["matchFields"].items());
    let named = fields.find(|field| {
        field["key"].as_str() == Some("metadata.name") && field["operator"].as_str() == Some("In")
    });
    named.map(|field| field["values"][0].str())
}
