//! What the scheduler knows of nodes and of the pods on them, kept current change by change, and able to go back:
//! a short log of changes leads from now to any recent attempt.

use std::sync::Arc;

use crate::api::core::node::{Node, Taint};
use crate::api::{Key, LabelSelector, Object, Uid, bytes};
use crate::codec::Codec;
use crate::collections::{BTreeMap, sort};
use crate::doc::{Doc, Str, literal};

use super::groups::{AffinityVerdicts, Groups};
use super::residents::Residents;
use super::template::{HostPort, Requests, SpreadConstraint, Template, with_tag};
use super::topology::{Domains, NOWHERE, Tallies, Tally};

/// How many changes are kept for looking back.
const LOG: u64 = 1 << 18;

/// The label whose value is a node's own name.
pub const HOSTNAME: &str = "kubernetes.io/hostname";
/// The label that names a node's zone.
pub const ZONE: &str = "topology.kubernetes.io/zone";
const REGION: &str = "topology.kubernetes.io/region";

/// A node and what is taken of it.
#[derive(Codec, Clone, Debug)]
pub struct NodeInfo {
    /// Its name.
    pub name: Str,
    /// The Node; `None` while only pods speak of it.
    pub object: Option<Arc<Object>>,
    /// What it offers.
    pub allocatable: Requests,
    /// How many pods it takes.
    pub allowed_pods: i64,
    /// What its pods request.
    pub requested: Requests,
    /// How many pods it has.
    pub pods: i64,
    /// Host ports that are taken.
    pub ports: Vec<HostPort>,
    /// Images it has, by name, with their sizes in bytes.
    pub images: Arc<Vec<(Str, i64)>>,
    /// Whether it is cordoned.
    pub unschedulable: bool,
    /// Whether it has any taint.
    pub tainted: bool,
}

/// A pod on a node, or assumed to be there.
#[derive(Codec, Clone, Debug)]
pub struct CachedPod {
    /// The pod.
    pub key: Key,
    /// Its UID.
    pub uid: Uid,
    /// The slot of its node.
    pub slot: u32,
    /// What it is like.
    pub template: Arc<Template>,
    /// Whether it is being deleted.
    pub leaving: bool,
}

#[derive(Codec, Clone, Debug)]
enum Change {
    Added(Arc<CachedPod>),
    Removed(Arc<CachedPod>),
    Node { slot: u32, before: Option<Arc<Object>> },
}

/// The scheduler's cache.
#[derive(Codec, Clone, Debug, Default)]
pub struct Cache {
    nodes: Vec<Arc<NodeInfo>>,
    /// By slot: a number that changes with the node and the pods on it.
    stamps: Vec<u64>,
    stamped: u64,
    slots: BTreeMap<Str, u32>,
    /// What takes turns in the order of nodes: regions with zones.
    zones: Domains,
    order: Arc<Vec<u32>>,
    order_is_stale: bool,
    /// Another number as soon as nodes come, go or are labelled differently.
    epoch: u64,
    pods: BTreeMap<Key, Arc<CachedPod>>,
    domains: BTreeMap<Str, Arc<Domains>>,
    groups: Groups,
    tallies: Tallies,
    images: BTreeMap<Str, u32>,
    /// How many nodes have a taint.
    tainted: u32,
    residents: Residents,
    /// By position, without gaps.
    log: BTreeMap<u64, Change>,
    recorded: u64,
    keeps_log: bool,
}

impl Cache {
    /// An empty cache; `keeps_log` for one that can be rewound.
    pub fn new(keeps_log: bool) -> Cache {
        Cache { keeps_log, ..Cache::default() }
    }

    /// The nodes' slots in the order in which they are tried: zone by zone in turn.
    pub fn order(&self) -> &Arc<Vec<u32>> {
        &self.order
    }

    /// How many slots there are; counts and domains are kept by slot.
    pub fn slots(&self) -> u32 {
        self.nodes.len() as u32
    }

    /// The node in a slot.
    pub fn node(&self, slot: u32) -> &NodeInfo {
        &self.nodes[slot as usize]
    }

    /// A number that is another one as soon as the node in a slot or the pods on it change; never 0.
    pub fn stamp(&self, slot: u32) -> u64 {
        self.stamps[slot as usize]
    }

    /// The same of all nodes, by slot.
    pub fn stamps(&self) -> &[u64] {
        &self.stamps
    }

    /// Something about the node in a slot, or the pods on it, is another than before.
    pub fn touch(&mut self, slot: u32) {
        self.stamped += 1;
        self.stamps[slot as usize] = self.stamped;
    }

    /// The groups of pods.
    pub fn groups(&self) -> &Groups {
        &self.groups
    }

    /// On how many nodes an image is.
    pub fn nodes_with_image(&self, image: &Str) -> u32 {
        self.images.get(image).copied().unwrap_or(0)
    }

    /// The domains of a label; it must be one that a prepared template uses.
    pub fn domains(&self, label: &str) -> &Domains {
        &self.domains[label]
    }

    /// Whether any node has a taint.
    pub fn has_taints(&self) -> bool {
        self.tainted > 0
    }

    /// How many of a selector's pods are in each domain of a label, and on each node where it is empty: known of the
    /// selectors of a prepared template.
    pub fn tally(&self, selector: u32, label: &str) -> Option<&Tally> {
        self.tallies.get(selector, label)
    }

    /// The pod, if it is on a node or assumed to be.
    pub fn pod(&self, key: &Key) -> Option<&Arc<CachedPod>> {
        self.pods.get(key)
    }

    /// All pods on nodes.
    pub fn pods(&self) -> impl Iterator<Item = &Arc<CachedPod>> {
        self.pods.values()
    }

    /// Pods by node (after [`Cache::know_residents`]) and by priority.
    pub fn residents(&self) -> &Residents {
        &self.residents
    }

    /// Makes the list of pods by node; it is kept from then on.
    pub fn know_residents(&mut self) {
        self.residents.begin(self.nodes.len() as u32, self.pods.values());
    }

    /// The same cache without a memory, to try something out in.
    pub fn unlogged(&self) -> Cache {
        Cache { keeps_log: false, log: BTreeMap::new(), ..self.clone() }
    }

    /// Where the log stands, for [`Cache::rewind`].
    pub fn position(&self) -> u64 {
        self.recorded
    }

    /// The slot of a node that exists.
    pub fn existing(&self, name: &Str) -> Option<u32> {
        self.slots.get(name).copied().filter(|&slot| self.node(slot).object.is_some())
    }

    /// The slot of a node, made if there is none.
    pub fn slot(&mut self, name: &Str) -> u32 {
        if let Some(&slot) = self.slots.get(name) {
            return slot;
        }
        let slot = self.slots();
        self.slots.insert(name.clone(), slot);
        self.nodes.push(Arc::new(NodeInfo::unknown(name.clone())));
        self.stamps.push(0);
        self.touch(slot);
        self.zones.of.push(NOWHERE);
        for domains in self.domains.values_mut() {
            Arc::make_mut(domains).of.push(NOWHERE);
        }
        slot
    }

    /// Takes in a Node, or that it is gone; true when that may matter to scheduling.
    pub fn set_node(&mut self, name: &Str, object: Option<Arc<Object>>) -> bool {
        let slot = self.slot(name);
        let before = self.nodes[slot as usize].object.clone();
        if let (Some(before), Some(now)) = (&before, &object)
            && same_for_scheduling(before, now)
        {
            return false;
        }
        self.record(Change::Node { slot, before });
        self.place_node(slot, object);
        true
    }

    fn place_node(&mut self, slot: u32, object: Option<Arc<Object>>) {
        self.touch(slot);
        let info = &self.nodes[slot as usize];
        for (image, _) in info.images.iter() {
            let count = self.images.get(image).copied().unwrap_or(0);
            if count > 1 {
                self.images.insert(image.clone(), count - 1)
            } else {
                self.images.remove(image)
            };
        }
        let labels_changed = info.object.as_ref().map(|node| &node.meta.labels)
            != object.as_ref().map(|node| &node.meta.labels);
        if info.object.is_some() != object.is_some() || labels_changed {
            self.order_is_stale = true;
            self.epoch += 1;
            self.tallies.forget();
            let zone = |node: &Arc<Object>| format!("{}\0{}", node.meta.label(REGION), node.meta.label(ZONE));
            self.zones.place(slot, object.as_ref().map(zone).as_deref());
        }
        for (label, domains) in &mut self.domains {
            let value = object.as_ref().and_then(|node| node.meta.labels[label.as_str()].as_str());
            Arc::make_mut(domains).place(slot, value);
        }
        let info = Arc::make_mut(&mut self.nodes[slot as usize]);
        self.tainted -= u32::from(info.tainted);
        info.take(object);
        self.tainted += u32::from(info.tainted);
        for (image, _) in info.images.iter() {
            let count = self.images.get(image).copied().unwrap_or(0);
            self.images.insert(image.clone(), count + 1);
        }
    }

    /// A pod is on a node now, or assumed to be.
    ///
    /// # Panics
    /// When it is in the cache already.
    pub fn add_pod(&mut self, pod: Arc<CachedPod>) {
        self.touch(pod.slot);
        let info = Arc::make_mut(&mut self.nodes[pod.slot as usize]);
        info.add(&pod.template);
        self.know_terms(&pod.template);
        self.residents.add(&pod);
        self.groups.add_pod(&pod.template, pod.slot, pod.leaving);
        if !pod.leaving {
            self.tallies.change(&self.groups, &self.domains, &pod.template, pod.slot, true);
        }
        let before = self.pods.insert(pod.key.clone(), Arc::clone(&pod));
        assert!(before.is_none(), "{} is on a node already", pod.key);
        self.record(Change::Added(pod));
    }

    /// A pod is no longer on its node; the answer is what it was.
    pub fn remove_pod(&mut self, key: &Key) -> Option<Arc<CachedPod>> {
        let pod = self.pods.remove(key)?;
        self.touch(pod.slot);
        let info = Arc::make_mut(&mut self.nodes[pod.slot as usize]);
        info.remove(&pod.template);
        self.residents.remove(&pod);
        if !pod.leaving {
            self.tallies.change(&self.groups, &self.domains, &pod.template, pod.slot, false);
        }
        self.groups.remove_pod(&pod.template, pod.slot, pod.leaving);
        self.record(Change::Removed(Arc::clone(&pod)));
        Some(pod)
    }

    /// The template of a pod; read if pods like it are unknown.
    pub fn template(
        &self,
        object: &Object,
        namespaces: &dyn Fn(&LabelSelector) -> Vec<Str>,
    ) -> Arc<Template> {
        match self.groups.template(super::template::digest(object)) {
            Some(template) => Arc::clone(template),
            None => Arc::new(Template::read(object, namespaces)),
        }
    }

    /// Makes everything ready to schedule a pod of `template`; the answer is the number of its group.
    pub fn prepare(&mut self, template: &Arc<Template>, default_spread: Option<&LabelSelector>) -> u32 {
        if self.order_is_stale {
            self.order = Arc::new(self.interleave());
            self.order_is_stale = false;
        }
        let id = self.groups.group_of(template);
        let default_spread = default_spread.filter(|_| template.spread.is_empty());
        self.groups.set_default_spread(id, default_spread);
        if let Some(selector) = self.groups.get(id).default_spread {
            self.count_by(selector, &literal!("topology.kubernetes.io/zone"), false);
            self.count_by(selector, &literal!("kubernetes.io/hostname"), false);
        }
        for (at, SpreadConstraint { topology_key, required, .. }) in template.spread.iter().enumerate() {
            self.count_by(self.groups.get(id).spread[at], topology_key, *required);
        }
        self.know_terms(template);
        self.consult_affinity(id, template);
        id
    }

    /// Keeps count of a selector's pods by a label. Preferences as to the host count by node.
    fn count_by(&mut self, selector: u32, label: &Str, required: bool) {
        self.know_label(label);
        let domains = &self.domains[label];
        let by = if label == HOSTNAME && !required { &Str::new() } else { label };
        self.tallies.keep(&self.groups, selector, by, domains);
    }

    fn consult_affinity(&mut self, id: u32, template: &Template) {
        let affinity = &template.node_affinity;
        let known =
            self.groups.get(id).verdicts.as_ref().is_some_and(|verdicts| verdicts.epoch == self.epoch);
        // Of a pod that may go to a node or two it is not worth it to ask all the others.
        let named = affinity.names().is_some() && !affinity.prefers();
        if known || named || (!affinity.requires() && !affinity.prefers()) {
            return;
        }
        let allowed =
            self.nodes.iter().map(|node| node.object.as_ref().is_some_and(|node| affinity.allows(node)));
        let preference =
            |node: &Arc<NodeInfo>| node.object.as_ref().map_or(0, |node| affinity.preference(node));
        let preferred = self.nodes.iter().take(if affinity.prefers() { self.nodes.len() } else { 0 });
        let verdicts = AffinityVerdicts {
            epoch: self.epoch,
            allowed: allowed.collect(),
            preference: preferred.map(preference).collect(),
        };
        self.groups.set_verdicts(id, Arc::new(verdicts));
    }

    fn know_terms(&mut self, template: &Template) {
        let terms = template.affinity.iter().chain(&template.anti_affinity);
        terms
            .chain(template.preferred.iter().map(|(_, term)| term))
            .for_each(|term| self.know_label(&term.topology_key));
    }

    fn know_label(&mut self, label: &Str) {
        if self.domains.contains_key(label) {
            return;
        }
        let mut domains = Domains::default();
        for (slot, info) in (0..).zip(&self.nodes) {
            domains.of.push(NOWHERE);
            domains
                .place(slot, info.object.as_ref().and_then(|node| node.meta.labels[label.as_str()].as_str()));
        }
        self.domains.insert(label.clone(), Arc::new(domains));
    }

    /// One node of each zone in turn, so that a sample of nodes has all zones in it.
    fn interleave(&self) -> Vec<u32> {
        let mut zones: Vec<Vec<u32>> = Vec::new();
        let mut met = vec![NOWHERE; self.zones.len() as usize];
        for (slot, &zone) in (0..).zip(&self.zones.of) {
            let Some(at) = met.get_mut(zone as usize) else { continue };
            if *at == NOWHERE {
                *at = zones.len() as u32;
                zones.push(Vec::new());
            }
            zones[*at as usize].push(slot);
        }
        let longest = zones.iter().map(Vec::len).max().unwrap_or(0);
        (0..longest).flat_map(|turn| zones.iter().filter_map(move |slots| slots.get(turn).copied())).collect()
    }

    fn record(&mut self, change: Change) {
        if !self.keeps_log {
            return;
        }
        self.log.insert(self.recorded, change);
        self.recorded += 1;
        if self.log.len() as u64 > LOG {
            self.log.pop_first();
        }
    }

    /// The cache as it was at `position`; `None` when that is too long ago.
    pub fn rewind(&self, position: u64) -> Option<Cache> {
        let oldest = self.log.first_key_value().map_or(self.recorded, |(oldest, _)| *oldest);
        if position < oldest || position > self.recorded {
            return None;
        }
        let mut then = self.unlogged();
        for (_, change) in self.log.range(position..).rev() {
            match change {
                Change::Added(pod) => {
                    then.remove_pod(&pod.key);
                }
                Change::Removed(pod) => then.add_pod(Arc::clone(pod)),
                Change::Node { slot, before } => then.place_node(*slot, before.clone()),
            }
        }
        Some(then)
    }
}

impl NodeInfo {
    fn unknown(name: Str) -> NodeInfo {
        NodeInfo {
            name,
            object: None,
            allocatable: Requests::default(),
            allowed_pods: 0,
            requested: Requests::default(),
            pods: 0,
            ports: Vec::new(),
            images: Arc::default(),
            unschedulable: false,
            tainted: false,
        }
    }

    /// The Node's taints.
    pub fn taints(&self) -> &[Taint] {
        self.object.as_ref().and_then(|object| object.view::<Node>()).map_or(&[], |node| &node.taints)
    }

    fn take(&mut self, object: Option<Arc<Object>>) {
        let Some(node) = object.as_ref().and_then(|object| object.view::<Node>()) else {
            let kept = NodeInfo {
                requested: self.requested.clone(),
                pods: self.pods,
                ports: self.ports.clone(),
                ..NodeInfo::unknown(self.name.clone())
            };
            *self = kept;
            return;
        };
        self.allocatable = offered(node, object.as_deref());
        self.allowed_pods = node.pods;
        self.unschedulable = node.unschedulable;
        self.tainted = !node.taints.is_empty();
        self.images = Arc::new(images(object.as_deref()));
        self.object = object;
    }

    /// A pod more.
    pub(super) fn add(&mut self, template: &Template) {
        self.pods += 1;
        let (taken, wanted) = (&mut self.requested, &template.requests);
        taken.cpu_milli = taken.cpu_milli.saturating_add(wanted.cpu_milli);
        taken.memory = taken.memory.saturating_add(wanted.memory);
        taken.scoring_cpu_milli = taken.scoring_cpu_milli.saturating_add(wanted.scoring_cpu_milli);
        taken.scoring_memory = taken.scoring_memory.saturating_add(wanted.scoring_memory);
        for (name, amount) in &wanted.others {
            match taken.others.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum = sum.saturating_add(*amount),
                None => taken.others.push((name.clone(), *amount)),
            }
        }
        self.ports.extend(template.ports.iter().cloned());
    }

    /// A pod less.
    pub(super) fn remove(&mut self, template: &Template) {
        self.pods -= 1;
        let (taken, wanted) = (&mut self.requested, &template.requests);
        taken.cpu_milli = taken.cpu_milli.saturating_sub(wanted.cpu_milli);
        taken.memory = taken.memory.saturating_sub(wanted.memory);
        taken.scoring_cpu_milli = taken.scoring_cpu_milli.saturating_sub(wanted.scoring_cpu_milli);
        taken.scoring_memory = taken.scoring_memory.saturating_sub(wanted.scoring_memory);
        for (name, amount) in &wanted.others {
            if let Some((_, sum)) = taken.others.iter_mut().find(|(known, _)| known == name) {
                *sum = sum.saturating_sub(*amount);
            }
        }
        for port in &template.ports {
            if let Some(at) = self.ports.iter().position(|taken| taken == port) {
                self.ports.remove(at);
            }
        }
    }
}

fn offered(node: &Node, object: Option<&Object>) -> Requests {
    let allocatable = object.map_or(&Doc::Null, |object| &object.body["status"]["allocatable"]).entries();
    let other = |name: &str| !matches!(name, "cpu" | "memory" | "pods");
    Requests {
        cpu_milli: node.cpu_milli,
        memory: node.memory,
        others: allocatable
            .iter()
            .filter(|(name, _)| other(name))
            .map(|(name, amount)| (name.clone(), bytes(amount)))
            .collect(),
        scoring_cpu_milli: 0,
        scoring_memory: 0,
    }
}

fn images(object: Option<&Object>) -> Vec<(Str, i64)> {
    let listed = object.map_or(&Doc::Null, |object| &object.body["status"]["images"]).items();
    let named = |image: &Doc| {
        let size = image["sizeBytes"].as_i64().unwrap_or(0);
        image["names"].items().iter().map(|name| (with_tag(&name.str()), size)).collect::<Vec<_>>()
    };
    let mut images: Vec<(Str, i64)> = listed.iter().flat_map(named).collect();
    sort(&mut images);
    images.dedup_by(|a, b| a.0 == b.0);
    images
}

/// Whether two revisions of a Node differ only in what scheduling does not look at (heartbeats, conditions).
fn same_for_scheduling(a: &Object, b: &Object) -> bool {
    let status = |object: &Object, field: &str| object.body["status"][field].clone();
    a.meta.labels == b.meta.labels
        && a.body["spec"] == b.body["spec"]
        && status(a, "allocatable") == status(b, "allocatable")
        && status(a, "images") == status(b, "images")
}
