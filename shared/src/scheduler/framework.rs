//! The scheduling framework: what a plugin can say, and when it is asked.
//!
//! Extension points, in the order of a pod's way: PreEnqueue → (queue) → PreFilter and Filter (one call here:
//! [`Plugin::filter`] prepares once a pod, the [`Filter`] it returns is asked once a node) → PostFilter when no node
//! is left → PreScore, Score and NormalizeScore → Bind.

use std::fmt::Debug;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::api::{Key, Object, Request, User};
use crate::client::Informers;
use crate::codec::Codec;
use crate::doc::{Str, Timestamp};
use crate::sim::Random;

use super::cache::{Cache, NodeInfo};
use super::cycle::Rejections;
use super::devices::PodDevices;
pub use super::events::ClusterEvent;
use super::groups::Group;
use super::kin::Marker;
use super::nominated::Nominations;
use super::preemption::DryRun;
use super::preemption::tries::Tries;
use super::template::Template;
use super::topology::NOWHERE;
use super::volumes::PodVolumes;

/// The highest score a plugin gives a node.
pub const MAX_SCORE: i64 = 100;

/// Nodes to be scored.
#[derive(Clone, Copy, Debug)]
pub struct Nodes<'a> {
    /// Their slots.
    pub slots: &'a [u32],
    /// How many nodes are looked at: more than there are slots where one stands for all of its kin.
    pub count: u32,
}

impl<'a> Nodes<'a> {
    /// Each stands for itself.
    pub fn single(slots: &'a [u32]) -> Nodes<'a> {
        Nodes { slots, count: slots.len() as u32 }
    }
}

/// Why a node cannot take a pod.
#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub struct Rejection {
    /// The reasons, as the FailedScheduling event counts them.
    pub reasons: SmallVec<[Str; 1]>,
    /// Whether removing other pods from the node could not help.
    pub unresolvable: bool,
}

impl Rejection {
    /// One reason that other pods' leaving could resolve.
    pub fn because(reason: Str) -> Rejection {
        Rejection { reasons: SmallVec::from_iter([reason]), unresolvable: false }
    }

    /// One reason that lies in the node itself.
    pub fn for_good(reason: Str) -> Rejection {
        Rejection { unresolvable: true, ..Rejection::because(reason) }
    }
}

/// One pod's way through the plugins: what they can look at.
#[derive(Clone, Copy, Debug)]
pub struct Cycle<'a> {
    /// Nodes and the pods on them.
    pub cache: &'a Cache,
    /// The pod's group.
    pub group: &'a Group,
    /// What the pod is like.
    pub template: &'a Template,
    /// What is its alone.
    pub asks: &'a Asks,
}

/// What an attempt depends on beside nodes, pods on them and the pod's template.
#[derive(Codec, Clone, Debug)]
pub struct Asks {
    /// The pod.
    pub pod: Key,
    /// Who waits for a node.
    pub nominated: Nominations,
    /// The pod's claims, if it has any.
    pub volumes: Option<Arc<PodVolumes>>,
    /// The same for devices.
    pub devices: Option<Arc<PodDevices>>,
}

/// What a plugin can look at when no node was left.
#[derive(Clone, Copy)]
pub struct Failed<'a> {
    /// The cycle that failed.
    pub cycle: Cycle<'a>,
    /// Why each node was rejected.
    pub rejections: &'a Rejections,
    /// All objects the scheduler knows.
    pub informers: &'a Informers,
    /// The date it is.
    pub now: Timestamp,
}

/// What came of a plugin's try to make room.
#[derive(Clone, Debug)]
pub enum PostFilter {
    /// Nothing; the text that ends the FailedScheduling message.
    Unschedulable(String),
    /// Nothing, whatever was tried: the pod need not wait for a node any longer.
    Hopeless(String, DryRun),
    /// There will be room.
    Nominated(DryRun),
}

/// What of a plugin's answers follows from the pod's template and one node with its pods alone, so that it holds until
/// that node changes: not from the pod's name, nor from other nodes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Locality {
    /// Nothing.
    None,
    /// Its verdict on the node.
    Verdict,
    /// Its verdict, and its score, which it does not normalize.
    VerdictAndScore,
}

/// A plugin. What it does not override it does not take part in.
pub trait Plugin: Sync + Debug {
    /// Its name in Kubernetes.
    fn name(&self) -> &'static str;

    /// PreEnqueue: whether a pod may be queued at all.
    fn admits(&self, _pod: &Object, _informers: &Informers) -> bool {
        true
    }

    /// PreFilter: why a pod fits nowhere, whatever the nodes are like. Asked only about pods with claims, and those
    /// that may go to certain nodes only.
    fn pre_filter(&self, _cycle: Cycle<'_>) -> Option<Str> {
        None
    }

    /// PreFilter and Filter: what is to be asked of each node; `None` when there is nothing to ask for this pod.
    fn filter<'a>(&self, _cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        None
    }

    /// What of its answers follows from the pod's template and the node with its pods alone.
    fn locality(&self) -> Locality {
        Locality::None
    }

    /// PostFilter: what to do when no node is left.
    fn post_filter(
        &self,
        _failed: Failed<'_>,
        _tries: &mut Tries,
        _random: &mut Random,
    ) -> Option<PostFilter> {
        None
    }

    /// What its scores count in the total; 0 for a plugin that gives none.
    fn weight(&self) -> i64 {
        0
    }

    /// PreScore and Score: a raw score for each of `nodes`; `None` when it has nothing to say about this pod.
    fn score(&self, _cycle: Cycle<'_>, _nodes: Nodes<'_>) -> Option<Vec<i64>> {
        None
    }

    /// What its scores of a node follow from, in numbers that change only with the node's stamp: nodes with the same
    /// numbers get the same score, whatever it is. `None` when each node is a case by itself.
    fn marker<'a>(&self, _cycle: Cycle<'a>) -> Option<Marker<'a>> {
        None
    }

    /// The normalized score of every node, when it is the same for all of them and that is known beforehand.
    fn uniform(&self, _cycle: Cycle<'_>) -> Option<i64> {
        None
    }

    /// NormalizeScore: brings raw scores into 0..=100.
    fn normalize(&self, _scores: &mut [i64]) {}

    /// Queueing hint: whether a pod that this plugin rejected may fit after an event.
    fn wakes(&self, _event: ClusterEvent<'_>, _template: &Template) -> bool {
        false
    }

    /// Bind: the request that binds a pod to a node.
    fn bind(&self, _user: &User, _pod: &Key, _node: &Str) -> Option<Request> {
        None
    }
}

/// A plugin's question to each node about one pod.
pub trait Filter {
    /// Whether the node can take the pod.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, slot: u32, node: &NodeInfo) -> Result<(), Rejection>;

    /// Whether the node can take the pod, when nobody wants to know why not.
    fn passes(&self, slot: u32, node: &NodeInfo) -> bool {
        self.check(slot, node).is_ok()
    }

    /// Whether [`Filter::passes`] looks only at the slot: such questions are asked first, as they cost least.
    fn is_cheap(&self) -> bool {
        false
    }
}

impl Cycle<'_> {
    /// Where the pods are that a selector selects, but those being deleted: slots with counts, perhaps several for
    /// one slot.
    pub fn staying(&self, selector: u32) -> impl Iterator<Item = (u32, u32)> {
        let groups = self.cache.groups();
        groups.selector(selector).groups.iter().flat_map(|&group| groups.get(group).staying.iter())
    }

    /// Whether the pod's node affinity allows a node.
    pub fn affinity_allows(&self, slot: u32) -> bool {
        let affinity = &self.template.node_affinity;
        match &self.group.verdicts {
            _ if !affinity.requires() => true,
            Some(verdicts) => verdicts.allowed[slot as usize],
            None => self.cache.node(slot).object.as_ref().is_some_and(|node| affinity.allows(node)),
        }
    }

    /// The first taint of a node that keeps the pod away from it.
    pub fn untolerated(&self, node: &NodeInfo) -> bool {
        node.tainted
            && node.taints().iter().any(|taint| {
                taint.effect != "PreferNoSchedule"
                    && !self.template.tolerates(&taint.key, &taint.value, &taint.effect)
            })
    }
}

/// Numbers by domain of a topology label.
#[derive(Clone, Debug)]
pub struct ByDomain<'a, T> {
    of: &'a [u32],
    values: Vec<T>,
}

impl<'a, T: Copy + Default> ByDomain<'a, T> {
    /// All zero (or false), for the domains of `label`.
    pub fn new(cache: &'a Cache, label: &str) -> ByDomain<'a, T> {
        let domains = cache.domains(label);
        ByDomain { of: &domains.of, values: vec![T::default(); domains.len() as usize] }
    }

    /// The value of the domain that a node is in, if it is in one.
    pub fn get(&self, slot: u32) -> Option<T> {
        match self.of[slot as usize] {
            NOWHERE => None,
            domain => Some(self.values[domain as usize]),
        }
    }

    /// The same to change.
    pub fn get_mut(&mut self, slot: u32) -> Option<&mut T> {
        match self.of[slot as usize] {
            NOWHERE => None,
            domain => Some(&mut self.values[domain as usize]),
        }
    }

    /// All values, to change.
    pub fn values_mut(&mut self) -> &mut [T] {
        &mut self.values
    }

    /// All values.
    pub fn values(&self) -> &[T] {
        &self.values
    }
}

/// Scales scores so that the highest is 100; `reverse` turns them round.
pub fn normalize(scores: &mut [i64], reverse: bool) {
    let highest = scores.iter().copied().max().unwrap_or(0);
    for score in scores {
        *score = match (highest, reverse) {
            (0, true) => MAX_SCORE,
            (0, false) => 0,
            (_, true) => MAX_SCORE - MAX_SCORE * *score / highest,
            (_, false) => MAX_SCORE * *score / highest,
        };
    }
}
