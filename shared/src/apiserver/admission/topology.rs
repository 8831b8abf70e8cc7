//! PodTopologyLabels: a pod carries its node's zone and region.

use crate::api::{Key, Kind, Meta, Object};
use crate::apiserver::ApiServer;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::hash_of;

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// A pod that is created on a node.
pub fn apply(pod: &mut Doc, store: &Store) {
    let node = pod["spec"]["nodeName"].str();
    if node.is_empty() {
        return;
    }
    for (label, value) in missing(&pod["metadata"]["labels"], &node, store) {
        pod.set_at(&["metadata", "labels", label], value);
    }
}

impl ApiServer {
    /// The metadata of a pod that is bound to a node. Pods with the same labels on nodes of one zone share them.
    pub(in crate::apiserver) fn topology(&mut self, pod: &Object, node: &Str, store: &Store) -> Meta {
        let mut meta = pod.meta.clone();
        let missing = missing(&meta.labels, node, store);
        if missing.is_empty() {
            return meta;
        }
        let family = hash_of(&(&meta.labels, &missing));
        if self.labels.len() > 4096 {
            self.labels.clear();
        }
        let shared = self.labels.entry(family).or_insert_with(|| {
            let mut labels = meta.labels.clone();
            missing.into_iter().for_each(|(label, value)| labels.set(label, value));
            labels
        });
        meta.labels = shared.clone();
        meta
    }
}

/// The labels of the node that the pod has not: what it says itself stays.
fn missing(labels: &Doc, node: &Str, store: &Store) -> Vec<(&'static str, Doc)> {
    let Some(node) = store.get(&Key::new(Kind::Node, Str::new(), node.clone())) else { return Vec::new() };
    let known = LABELS.into_iter().map(|label| (label, node.meta.labels[label].clone()));
    known.filter(|(label, value)| !value.is_null() && labels[*label].is_null()).collect()
}
