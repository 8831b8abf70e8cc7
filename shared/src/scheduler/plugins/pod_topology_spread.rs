//! PodTopologySpread: spreads pods over zones, hosts or any other label; by default those of a Service or ReplicaSet.

use std::borrow::Cow;

use crate::api::Object;
use crate::doc::literal;

use super::super::cache::{HOSTNAME, NodeInfo, ZONE};
use super::super::events::NodeChange;
use super::super::framework::{ByDomain, ClusterEvent, Cycle, Filter, MAX_SCORE, Nodes, Plugin, Rejection};
use super::super::kin::Marker;
use super::super::template::{SpreadConstraint, Template};
use super::super::topology::{Domains, NOWHERE, Tally};

/// Stands for a node that the constraints do not speak of.
const IGNORED: i64 = -1;

/// The plugin.
#[derive(Debug)]
pub struct PodTopologySpread;

/// The required constraints with their counts.
struct Required<'a>(Vec<Skew<'a>>);

struct Skew<'a> {
    pods: Pods<'a>,
    fewest: i64,
    itself: i64,
    most: i64,
}

/// Matching pods by domain.
enum Pods<'a> {
    /// All nodes count: the domains of nodes, and the numbers that are kept.
    Kept(&'a [u32], &'a [u32]),
    /// Counted for this pod; `None` for a domain without an eligible node.
    Counted(ByDomain<'a, Option<u32>>),
}

impl Pods<'_> {
    /// Of the domain that a node is in, if it is in one.
    fn get(&self, slot: u32) -> Option<u32> {
        match self {
            Pods::Kept(of, pods) => match of[slot as usize] {
                NOWHERE => None,
                domain => Some(pods[domain as usize]),
            },
            Pods::Counted(pods) => pods.get(slot).map(|pods| pods.unwrap_or(0)),
        }
    }
}

impl Plugin for PodTopologySpread {
    fn name(&self) -> &'static str {
        "PodTopologySpread"
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let constraints: Vec<_> = own(cycle).filter(|(constraint, _)| constraint.required).collect();
        if constraints.is_empty() {
            return None;
        }
        let labels: Vec<&Domains> =
            constraints.iter().map(|(constraint, _)| cycle.cache.domains(&constraint.topology_key)).collect();
        let skew = |&(constraint, selector): &(&'a SpreadConstraint, u32)| {
            Skew::new(cycle, constraint, selector, &labels)
        };
        Some(Box::new(Required(constraints.iter().map(skew).collect())))
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let wishes = wishes(cycle);
        if wishes.is_empty() {
            return None;
        }
        let labels: Vec<&Domains> =
            wishes.iter().map(|wish| cycle.cache.domains(wish.topology_key)).collect();
        let explicit = !cycle.template.spread.is_empty();
        // Explicit constraints ignore nodes that lack a label; the defaults take every node.
        let counts = |slot: u32| !explicit || everywhere(&labels, slot);
        let considered = match explicit {
            true => Cow::Owned(nodes.slots.iter().copied().filter(|&slot| counts(slot)).collect::<Vec<_>>()),
            false => Cow::Borrowed(nodes.slots),
        };
        let all = cycle.cache.order().len() as u32;
        let all_count = !explicit || labels.iter().all(|domains| domains.members() == all);
        let mut sums = vec![0.0; nodes.slots.len()];
        for wish in &wishes {
            if !(all_count && wish.add_kept(&mut sums, cycle, nodes)) {
                wish.add_to(&mut sums, cycle, nodes.slots, &considered, &counts);
            }
        }
        if all_count {
            return Some(sums.iter().map(|&sum| round(sum)).collect());
        }
        let whole = |(sum, &slot): (f64, &u32)| if counts(slot) { round(sum) } else { IGNORED };
        Some(sums.into_iter().zip(nodes.slots).map(whole).collect())
    }

    fn marker<'a>(&self, cycle: Cycle<'a>) -> Option<Marker<'a>> {
        let all = cycle.cache.order().len() as u32;
        let explicit = !cycle.template.spread.is_empty();
        let mark = |wish: &Wish<'_>| {
            let domains = cycle.cache.domains(wish.topology_key);
            // By the defaults every node counts: those without a zone are all alike.
            let told_apart = domains.members() == all || !explicit && !wish.by_node();
            let tally = wish.kept(cycle).filter(|_| told_apart)?;
            Some((wish.by_node().then_some(tally), domains))
        };
        let kept: Vec<_> = wishes(cycle).iter().map(mark).collect::<Option<_>>()?;
        Some(Box::new(move |slot, marks| {
            let mark = |(on_node, domains): &(Option<&Tally>, &Domains)| match on_node {
                Some(tally) => tally.of(slot),
                None => domains.of[slot as usize],
            };
            marks.extend(kept.iter().map(|kept| i64::from(mark(kept))));
        }))
    }

    fn normalize(&self, scores: &mut [i64]) {
        // The ignored are below all others, and never the highest.
        let least = scores.iter().map(|&score| if score == IGNORED { i64::MAX } else { score });
        let least = least.min().filter(|&least| least != i64::MAX).unwrap_or(0);
        let most = scores.iter().copied().max().unwrap_or(0).max(0);
        let normal = |score: i64| match score {
            IGNORED => 0,
            _ if most == 0 => MAX_SCORE,
            score => MAX_SCORE * (most + least - score) / most,
        };
        // Many nodes have the same few scores: each is worked out once.
        let range = (most - least + 1) as usize;
        let table: Vec<i64> = (least..=most).take(range.min(scores.len())).map(normal).collect();
        for score in scores {
            // What is below the least is far outside of the table.
            let place = score.wrapping_sub(least) as u64;
            *score = if place < table.len() as u64 { table[place as usize] } else { normal(*score) };
        }
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        let required = || template.spread.iter().filter(|constraint| constraint.required);
        let counts = |pod: &Template| {
            required().any(|constraint| constraint.selector.matches(&pod.namespace, &pod.labels))
        };
        let everywhere = |node: &Object| {
            required().all(|constraint| !node.meta.label(&constraint.topology_key).is_empty())
        };
        match event {
            ClusterEvent::Node(NodeChange { before: None, now: node }) | ClusterEvent::NodeGone(node) => {
                everywhere(node)
            }
            ClusterEvent::Node(change @ NodeChange { before: Some(before), now }) => {
                let moved = required().any(|constraint| change.relabelled(&constraint.topology_key));
                let retainted = required().any(|constraint| constraint.honor_taints)
                    && before.body["spec"] != now.body["spec"];
                (everywhere(before) || everywhere(now)) && (moved || retainted)
            }
            ClusterEvent::PodAdded(pod) | ClusterEvent::PodGone(pod) => counts(pod),
            ClusterEvent::PodChanged(before, now) => counts(before) != counts(now),
            _ => false,
        }
    }
}

/// The template's constraints and the selectors they count with.
fn own<'a>(cycle: Cycle<'a>) -> impl Iterator<Item = (&'a SpreadConstraint, u32)> {
    cycle.template.spread.iter().zip(cycle.group.spread.iter().copied())
}

/// The nearest whole number, half-way ones upwards, of a number that is not negative.
fn round(number: f64) -> i64 {
    let whole = number as i64;
    whole + i64::from(number - whole as f64 >= 0.5)
}

/// Whether a node has all the labels.
fn everywhere(labels: &[&Domains], slot: u32) -> bool {
    labels.iter().all(|domains| domains.of[slot as usize] != NOWHERE)
}

/// Whether a node is one of a constraint's domains' nodes.
fn eligible(cycle: Cycle<'_>, honor_affinity: bool, honor_taints: bool, slot: u32) -> bool {
    (!honor_affinity || cycle.affinity_allows(slot))
        && !(honor_taints && cycle.untolerated(cycle.cache.node(slot)))
}

impl<'a> Skew<'a> {
    fn new(cycle: Cycle<'a>, constraint: &SpreadConstraint, selector: u32, labels: &[&Domains]) -> Skew<'a> {
        let domains = cycle.cache.domains(&constraint.topology_key);
        let all = cycle.cache.order().len() as u32;
        let every_node_counts = (!constraint.honor_affinity || !cycle.template.node_affinity.requires())
            && !constraint.honor_taints
            && labels.iter().all(|domains| domains.members() == all);
        let itself = constraint.selector.matches(&cycle.template.namespace, &cycle.template.labels);
        let skew = |pods, inhabited, fewest| Skew {
            fewest: if i64::from(inhabited) < constraint.min_domains { 0 } else { i64::from(fewest) },
            itself: i64::from(itself),
            most: constraint.max_skew,
            pods,
        };
        if every_node_counts && let Some(tally) = cycle.cache.tally(selector, &constraint.topology_key) {
            return skew(Pods::Kept(&domains.of, &tally.pods), domains.inhabited(), tally.fewest());
        }
        let counts = |slot: u32| {
            everywhere(labels, slot)
                && eligible(cycle, constraint.honor_affinity, constraint.honor_taints, slot)
        };
        let mut pods: ByDomain<'_, Option<u32>> = ByDomain::new(cycle.cache, &constraint.topology_key);
        for &slot in cycle.cache.order().iter().filter(|&&slot| counts(slot)) {
            pods.get_mut(slot).into_iter().for_each(|count| *count = Some(0));
        }
        for (slot, more) in cycle.staying(selector) {
            if let Some(Some(count)) = pods.get_mut(slot)
                && counts(slot)
            {
                *count += more;
            }
        }
        let inhabited = pods.values().iter().flatten().count() as u32;
        let fewest = pods.values().iter().flatten().min().copied().unwrap_or(0);
        skew(Pods::Counted(pods), inhabited, fewest)
    }
}

impl Skew<'_> {
    /// Whether a domain with so many pods can take one more.
    fn allows(&self, pods: u32) -> bool {
        i64::from(pods) + self.itself - self.fewest <= self.most
    }
}

impl Filter for Required<'_> {
    fn check(&self, slot: u32, _: &NodeInfo) -> Result<(), Rejection> {
        for skew in &self.0 {
            let Some(pods) = skew.pods.get(slot) else {
                return Err(Rejection::for_good(literal!(
                    "node(s) didn't match pod topology spread constraints (missing required label)"
                )));
            };
            if !skew.allows(pods) {
                return Err(Rejection::because(literal!(
                    "node(s) didn't match pod topology spread constraints"
                )));
            }
        }
        Ok(())
    }

    fn passes(&self, slot: u32, _: &NodeInfo) -> bool {
        self.0.iter().all(|skew| skew.pods.get(slot).is_some_and(|pods| skew.allows(pods)))
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

/// A constraint that is only preferred.
struct Wish<'a> {
    topology_key: &'a str,
    max_skew: i64,
    selector: u32,
    honor_affinity: bool,
    honor_taints: bool,
}

fn wishes(cycle: Cycle<'_>) -> Vec<Wish<'_>> {
    if let Some(selector) = cycle.group.default_spread {
        let wish = |topology_key, max_skew| Wish {
            topology_key,
            max_skew,
            selector,
            honor_affinity: true,
            honor_taints: false,
        };
        return vec![wish(HOSTNAME, 3), wish(ZONE, 5)];
    }
    let preferred = own(cycle).filter(|(constraint, _)| !constraint.required);
    preferred
        .map(|(constraint, selector)| Wish {
            topology_key: &constraint.topology_key,
            max_skew: constraint.max_skew,
            selector,
            honor_affinity: constraint.honor_affinity,
            honor_taints: constraint.honor_taints,
        })
        .collect()
}

impl Wish<'_> {
    /// Whether it is about single nodes.
    fn by_node(&self) -> bool {
        self.topology_key == HOSTNAME
    }

    /// The numbers of pods where every node counts, if they are kept.
    fn kept<'a>(&self, cycle: Cycle<'a>) -> Option<&'a Tally> {
        let restricted = self.honor_taints || self.honor_affinity && cycle.template.node_affinity.requires();
        let label = if self.by_node() { "" } else { self.topology_key };
        cycle.cache.tally(self.selector, label).filter(|_| self.by_node() || !restricted)
    }

    /// The same as [`Wish::add_to`] where every node counts, by the numbers that are kept; false when they are not.
    fn add_kept(&self, sums: &mut [f64], cycle: Cycle<'_>, nodes: Nodes<'_>) -> bool {
        let Some(tally) = self.kept(cycle) else { return false };
        let domains = cycle.cache.domains(self.topology_key);
        let base = (self.max_skew - 1) as f64;
        let (of, pods, slots) = (&domains.of, &tally.pods, nodes.slots);
        if self.by_node() {
            let weight = libm::log(f64::from(nodes.count) + 2.0);
            let everywhere = domains.members() == cycle.cache.order().len() as u32;
            for (sum, &slot) in sums.iter_mut().zip(slots) {
                if everywhere || of[slot as usize] != NOWHERE {
                    *sum += f64::from(tally.of(slot)) * weight + base;
                }
            }
            return true;
        }
        let weight = libm::log(f64::from(distinct(domains, slots)) + 2.0);
        for (sum, &slot) in sums.iter_mut().zip(slots) {
            if let Some(&pods) = pods.get(of[slot as usize] as usize) {
                *sum += f64::from(pods) * weight + base;
            }
        }
        true
    }

    /// Adds `pods in the node's domain * ln(domains + 2) + maxSkew - 1` to each node's sum. Pods weigh more where
    /// there are more domains to choose from.
    fn add_to(
        &self,
        sums: &mut [f64],
        cycle: Cycle<'_>,
        nodes: &[u32],
        considered: &[u32],
        counts: &dyn Fn(u32) -> bool,
    ) {
        let base = (self.max_skew - 1) as f64;
        let of = &cycle.cache.domains(self.topology_key).of;
        if self.topology_key == HOSTNAME {
            let mut on_node = vec![0u32; of.len()];
            cycle.staying(self.selector).for_each(|(slot, count)| on_node[slot as usize] += count);
            let weight = libm::log(considered.len() as f64 + 2.0);
            for (sum, &slot) in sums.iter_mut().zip(nodes) {
                if of[slot as usize] != NOWHERE {
                    *sum += f64::from(on_node[slot as usize]) * weight + base;
                }
            }
            return;
        }
        let mut pods: ByDomain<'_, Option<u32>> = ByDomain::new(cycle.cache, self.topology_key);
        let mut domains = 0u32;
        for &slot in considered {
            if let Some(count @ None) = pods.get_mut(slot) {
                *count = Some(0);
                domains += 1;
            }
        }
        let all_eligible =
            !(self.honor_taints || self.honor_affinity && cycle.template.node_affinity.requires());
        for (slot, more) in cycle.staying(self.selector) {
            if counts(slot)
                && (all_eligible || eligible(cycle, self.honor_affinity, self.honor_taints, slot))
                && let Some(Some(count)) = pods.get_mut(slot)
            {
                *count += more;
            }
        }
        let weight = libm::log(f64::from(domains) + 2.0);
        for (sum, &slot) in sums.iter_mut().zip(nodes) {
            if let Some(count) = pods.get(slot) {
                *sum += f64::from(count.unwrap_or(0)) * weight + base;
            }
        }
    }
}

/// In how many domains nodes are.
fn distinct(domains: &Domains, nodes: &[u32]) -> u32 {
    let mut seen = vec![false; domains.len() as usize];
    let mut count = 0;
    for &slot in nodes {
        if let Some(seen @ false) = seen.get_mut(domains.of[slot as usize] as usize) {
            *seen = true;
            count += 1;
            if count == domains.inhabited() {
                break;
            }
        }
    }
    count
}
