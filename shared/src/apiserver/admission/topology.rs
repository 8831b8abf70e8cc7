//! PodTopologyLabels: a pod carries its node's zone and region.

use crate::api::{Key, Kind, Meta};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// A pod that is created on a node.
pub fn apply(pod: &mut Doc, store: &Store) {
    let node = pod["spec"]["nodeName"].str();
    if node.is_empty() {
        return;
    }
    for (label, value) in missing(&pod["metadata"]["labels"], &labels_of(&node, store)) {
        pod.set_at(&["metadata", "labels", label], value);
    }
}

/// The metadata of a pod that is bound to a node with these labels.
pub fn bound(mut meta: Meta, node: &Doc) -> Meta {
    let missing = missing(&meta.labels, node);
    if !missing.is_empty() {
        let labels = &mut meta.labels;
        missing.into_iter().for_each(|(label, value)| labels.set(label, value));
    }
    meta
}

/// The labels of a node.
pub fn labels_of(node: &Str, store: &Store) -> Doc {
    let node = store.get(&Key::new(Kind::Node, Str::new(), node.clone()));
    node.map_or(Doc::Null, |node| node.meta.labels.clone())
}

/// The labels of the node that the pod has not: what it says itself stays.
fn missing(labels: &Doc, node: &Doc) -> Vec<(&'static str, Doc)> {
    let known = LABELS.into_iter().map(|label| (label, node[label].clone()));
    known.filter(|(label, value)| !value.is_null() && labels[*label].is_null()).collect()
}
