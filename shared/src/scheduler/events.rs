//! Queueing hints: what happens in the cluster that may make a pod fit that did not, and what of it matters.

use crate::api::core::node::Node;
use crate::api::{Object, bytes};

use super::template::{Requests, Template};

/// Something in the cluster that may make a pod fit that did not.
#[derive(Clone, Copy, Debug)]
pub enum ClusterEvent<'a> {
    /// A node is new, or changed.
    Node(NodeChange<'a>),
    /// A node is gone.
    NodeGone(&'a Object),
    /// A pod came to a node.
    PodAdded(&'a Template),
    /// A pod on a node was labelled differently, or wants other resources.
    PodChanged(&'a Template, &'a Template),
    /// A pod left its node.
    PodGone(&'a Template),
    /// A claim is new, or changed.
    Claim(&'a Object),
    /// A volume is new, or changed; or a class of volumes is.
    Volume,
    /// A claim for devices is new, changed, or gone.
    DeviceClaim(&'a Object),
    /// A class of devices is.
    DeviceClass,
}

/// A node before and after.
#[derive(Clone, Copy, Debug)]
pub struct NodeChange<'a> {
    /// Before; `None` for a new one.
    pub before: Option<&'a Object>,
    /// Now.
    pub now: &'a Object,
}

impl NodeChange<'_> {
    /// Whether `holds` is true of the node now and was not before.
    pub fn comes_to(&self, holds: impl Fn(&Object) -> bool) -> bool {
        holds(self.now) && !self.before.is_some_and(holds)
    }

    /// Whether a label has another value than before, or is new.
    pub fn relabelled(&self, label: &str) -> bool {
        let value = |node: &Object| node.meta.labels[label].clone();
        self.before.map(value).unwrap_or_default() != value(self.now)
    }

    /// Whether the node, were it empty, could take what is asked, and offers more of it than before.
    pub fn offers_more(&self, wanted: &Requests) -> bool {
        let (Some(now), allocatable) = (self.now.view::<Node>(), &self.now.body["status"]["allocatable"])
        else {
            return false;
        };
        let before =
            self.before.and_then(|node| Some((node.view::<Node>()?, &node.body["status"]["allocatable"])));
        let others = || wanted.others.iter().map(|(name, amount)| (name.as_str(), *amount));
        let fits = now.pods > 0
            && wanted.cpu_milli <= now.cpu_milli
            && wanted.memory <= now.memory
            && others().all(|(name, amount)| amount <= bytes(&allocatable[name]));
        fits && before.is_none_or(|(before, offered)| {
            now.pods > before.pods
                || wanted.cpu_milli > 0 && now.cpu_milli > before.cpu_milli
                || wanted.memory > 0 && now.memory > before.memory
                || others().any(|(name, _)| bytes(&allocatable[name]) > bytes(&offered[name]))
        })
    }
}
