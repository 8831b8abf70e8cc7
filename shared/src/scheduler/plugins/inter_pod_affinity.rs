//! InterPodAffinity: together with some pods, apart from others; both what the pod asks and what pods already on
//! nodes ask of it.

use crate::collections::BTreeMap;
use crate::doc::{Str, literal};

use super::super::cache::NodeInfo;
use super::super::framework::{ByDomain, ClusterEvent, Cycle, Filter, MAX_SCORE, Nodes, Plugin, Rejection};
use super::super::groups::Group;
use super::super::kin::{Marker, Marks};
use super::super::template::{Template, Term};

/// What a required affinity term of a pod on a node adds for a pod that it selects.
const HARD_POD_AFFINITY_WEIGHT: i64 = 1;

/// The plugin.
#[derive(Debug)]
pub struct InterPodAffinity;

struct Rules<'a> {
    /// For each required affinity term: how many pods that meet all the terms are in the domain.
    together: Vec<ByDomain<'a, u32>>,
    /// The first pod of those that want to be together may go anywhere.
    is_first: bool,
    /// For each required anti-affinity term: how many pods that it selects are in the domain.
    apart: Vec<ByDomain<'a, u32>>,
    /// By label: domains in which a pod wants none such as this.
    unwelcome: Vec<ByDomain<'a, bool>>,
}

impl Plugin for InterPodAffinity {
    fn name(&self) -> &'static str {
        "InterPodAffinity"
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let unwelcome = unwelcome(cycle);
        let template = cycle.template;
        if template.affinity.is_empty() && template.anti_affinity.is_empty() && unwelcome.is_empty() {
            return None;
        }
        let together = together(cycle);
        let nobody = together.iter().all(|pods| pods.values().iter().all(|&count| count == 0));
        let apart = template.anti_affinity.iter().zip(&cycle.group.anti_affinity).map(|(term, &selector)| {
            let mut pods = ByDomain::new(cycle.cache, &term.topology_key);
            for &group in &cycle.cache.groups().selector(selector).groups {
                each(cycle.cache.groups().get(group), |slot, count| add(&mut pods, slot, count));
            }
            pods
        });
        Some(Box::new(Rules {
            is_first: nobody && template.affinity.iter().all(|term| selects(term, template)),
            together,
            apart: apart.collect(),
            unwelcome,
        }))
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let sums = sums(cycle);
        if sums.is_empty() {
            return None;
        }
        let score = |&slot: &u32| sums.values().filter_map(|sum| sum.get(slot)).sum();
        Some(nodes.slots.iter().map(score).collect())
    }

    fn marker<'a>(&self, cycle: Cycle<'a>) -> Option<Marker<'a>> {
        let groups = cycle.cache.groups();
        let mut selectors = cycle.group.selected_by.iter().map(|&selector| groups.selector(selector));
        // With nobody's wishes to weigh it gives no scores.
        let silent = cycle.template.preferred.is_empty() && selectors.all(|known| known.holders.is_empty());
        silent.then(|| Box::new(|_: u32, _: &mut Marks| {}) as Marker<'a>)
    }

    fn normalize(&self, scores: &mut [i64]) {
        let (least, most) =
            (scores.iter().copied().min().unwrap_or(0), scores.iter().copied().max().unwrap_or(0));
        for score in scores {
            *score = if most > least { MAX_SCORE * (*score - least) / (most - least) } else { 0 };
        }
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            // Where pods are together or apart depends on the labels that the terms name, the pod's own and others'.
            ClusterEvent::Node(change) if change.before.is_some() => {
                let mut own = template.affinity.iter().chain(&template.anti_affinity);
                own.any(|term| change.relabelled(&term.topology_key))
            }
            ClusterEvent::Node(_) => true,
            ClusterEvent::PodAdded(pod) => asked_for(template, pod),
            ClusterEvent::PodChanged(before, now) => asked_for(template, now) || kept_off(template, before),
            ClusterEvent::PodGone(pod) => kept_off(template, pod),
            _ => false,
        }
    }
}

impl Rules<'_> {
    fn is_near(&self, slot: u32) -> bool {
        self.together.iter().all(|pods| pods.get(slot).is_some_and(|count| count > 0 || self.is_first))
    }

    fn is_apart(&self, slot: u32) -> bool {
        self.apart.iter().all(|pods| pods.get(slot).is_none_or(|count| count == 0))
    }

    fn is_welcome(&self, slot: u32) -> bool {
        self.unwelcome.iter().all(|domains| domains.get(slot) != Some(true))
    }
}

impl Filter for Rules<'_> {
    fn check(&self, slot: u32, _: &NodeInfo) -> Result<(), Rejection> {
        if !self.is_near(slot) {
            return Err(Rejection::for_good(literal!("node(s) didn't match pod affinity rules")));
        }
        if !self.is_apart(slot) {
            return Err(Rejection::because(literal!("node(s) didn't match pod anti-affinity rules")));
        }
        if !self.is_welcome(slot) {
            return Err(Rejection::because(literal!(
                "node(s) didn't satisfy existing pods anti-affinity rules"
            )));
        }
        Ok(())
    }

    fn passes(&self, slot: u32, _: &NodeInfo) -> bool {
        self.is_near(slot) && self.is_apart(slot) && self.is_welcome(slot)
    }

    fn is_cheap(&self) -> bool {
        true
    }
}

/// Whether a pod wants to be near one such as `other`.
fn asked_for(template: &Template, other: &Template) -> bool {
    template.affinity.iter().any(|term| selects(term, other))
}

/// Whether one of the two keeps away from the other.
fn kept_off(template: &Template, other: &Template) -> bool {
    template.anti_affinity.iter().any(|term| selects(term, other))
        || other.anti_affinity.iter().any(|term| selects(term, template))
}

fn selects(term: &Term, template: &Template) -> bool {
    term.selector.matches(&template.namespace, &template.labels)
}

/// Where the pods of a group are, those being deleted too: they are there until they are gone.
fn each(group: &Group, mut visit: impl FnMut(u32, u32)) {
    group.staying.iter().chain(group.leaving.iter()).for_each(|(slot, count)| visit(slot, count));
}

fn add(pods: &mut ByDomain<'_, u32>, slot: u32, count: u32) {
    if let Some(sum) = pods.get_mut(slot) {
        *sum += count;
    }
}

/// Only pods that meet every affinity term count for any of them.
fn together<'a>(cycle: Cycle<'a>) -> Vec<ByDomain<'a, u32>> {
    let groups = cycle.cache.groups();
    let selected = |selector: u32| groups.selector(selector).groups.as_slice();
    let Some((&first, others)) = cycle.group.affinity.split_first() else { return Vec::new() };
    let meets_all =
        |group: &&u32| others.iter().all(|&selector| selected(selector).binary_search(group).is_ok());
    let companions: Vec<u32> = selected(first).iter().filter(meets_all).copied().collect();
    let count = |term: &Term| {
        let mut pods = ByDomain::new(cycle.cache, &term.topology_key);
        for &group in &companions {
            each(groups.get(group), |slot, count| add(&mut pods, slot, count));
        }
        pods
    };
    cycle.template.affinity.iter().map(count).collect()
}

/// Domains from which pods on nodes keep this one away by their own anti-affinity.
fn unwelcome<'a>(cycle: Cycle<'a>) -> Vec<ByDomain<'a, bool>> {
    let groups = cycle.cache.groups();
    let mut domains: BTreeMap<&Str, ByDomain<'a, bool>> = BTreeMap::new();
    for &selector in &cycle.group.selected_by {
        for &holder in &groups.selector(selector).holders {
            let holder = groups.get(holder);
            for (term, &used) in holder.template.anti_affinity.iter().zip(&holder.anti_affinity) {
                if used != selector || (holder.staying.is_empty() && holder.leaving.is_empty()) {
                    continue;
                }
                let marks = domains
                    .entry(&term.topology_key)
                    .or_insert_with(|| ByDomain::new(cycle.cache, &term.topology_key));
                each(holder, |slot, _| {
                    if let Some(mark) = marks.get_mut(slot) {
                        *mark = true;
                    }
                });
            }
        }
    }
    domains.into_values().collect()
}

/// By label: the weights of all preferences that a domain meets, the pod's own and those of pods on nodes.
fn sums<'a>(cycle: Cycle<'a>) -> BTreeMap<&'a Str, ByDomain<'a, i64>> {
    let groups = cycle.cache.groups();
    let mut sums: BTreeMap<&Str, ByDomain<'a, i64>> = BTreeMap::new();
    let mut weigh = |term: &'a Term, group: &Group, weight: i64| {
        if group.staying.is_empty() && group.leaving.is_empty() {
            return;
        }
        let sum =
            sums.entry(&term.topology_key).or_insert_with(|| ByDomain::new(cycle.cache, &term.topology_key));
        each(group, |slot, count| {
            if let Some(sum) = sum.get_mut(slot) {
                *sum += weight * i64::from(count);
            }
        });
    };
    for ((weight, term), &selector) in cycle.template.preferred.iter().zip(&cycle.group.preferred) {
        groups.selector(selector).groups.iter().for_each(|&group| weigh(term, groups.get(group), *weight));
    }
    for &selector in &cycle.group.selected_by {
        for &holder in &groups.selector(selector).holders {
            let holder = groups.get(holder);
            let hard = holder.template.affinity.iter().zip(&holder.affinity);
            for (term, _) in hard.filter(|(_, used)| **used == selector) {
                weigh(term, holder, HARD_POD_AFFINITY_WEIGHT);
            }
            let soft = holder.template.preferred.iter().zip(&holder.preferred);
            for ((weight, term), _) in soft.filter(|(_, used)| **used == selector) {
                weigh(term, holder, *weight);
            }
        }
    }
    sums
}
