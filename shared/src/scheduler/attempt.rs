//! What is kept of scheduling attempts, and how one is looked into: an attempt keeps its inputs, and its verdicts and
//! scores are worked out again when somebody looks.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::{Key, LabelSelector};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::Time;

use super::cache::Cache;
use super::cycle::{filters, from_start, named};
use super::framework::{Asks, Cycle, Nodes, Rejection};
use super::plugins::PLUGINS;
use super::preemption::{DryRun, NO_VICTIMS};
use super::template::Template;
use super::trial::Trial;

/// How many attempts are kept beside the last one of each pod.
const RECENT: usize = 256;

/// The inputs and the outcome of an attempt.
#[derive(Codec, Clone, Debug)]
pub(super) struct Record {
    pub pod: Key,
    pub at: Time,
    pub template: Arc<Template>,
    pub default_spread: Option<Arc<LabelSelector>>,
    /// Where the cache's log stood.
    pub position: u64,
    /// Where in the order of nodes it began.
    pub start: u32,
    pub examined: u32,
    pub outcome: AttemptOutcome,
    pub asks: Asks,
    /// What preemption was tried.
    pub preemption: Option<Arc<DryRun>>,
}

/// How an attempt ended.
#[derive(Codec, Clone, PartialEq, Eq, Debug)]
pub enum AttemptOutcome {
    /// The pod was given to this node.
    Assigned(Str),
    /// No node could take it; the message of its FailedScheduling event.
    Unschedulable(Str),
}

/// The attempts that are kept.
#[derive(Codec, Clone, Debug, Default)]
pub(super) struct Attempts {
    recent: VecDeque<Arc<Record>>,
    last: BTreeMap<Key, Arc<Record>>,
}

/// A scheduling attempt of the past.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    record: Arc<Record>,
    cache: &'a Cache,
}

/// Why a pod went where it went: every verdict and every score of an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Explanation {
    /// The nodes that were looked at, in the order in which they were. When there are a hundred or more, the
    /// scheduler stops looking once it has found enough that fit.
    pub nodes: Vec<NodeVerdict>,
    /// How many nodes there were.
    pub all_nodes: u32,
    /// The node that was chosen.
    pub chosen: Option<Str>,
    /// The names of the nodes that had the highest total: one of them was drawn.
    pub tied: Vec<Str>,
    /// What preemption would have done on each node on which it could have helped; empty when it was not tried.
    pub preemption: Vec<PreemptionVerdict>,
}

/// What preemption could do on a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PreemptionVerdict {
    /// The node.
    pub node: Str,
    /// The pods that would have to go, the most important first, and how many of them a disruption budget protects;
    /// or why that would not help.
    pub victims: Result<(Vec<Key>, u32), String>,
    /// Whether this was done.
    pub chosen: bool,
}

/// What the plugins said of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeVerdict {
    /// The node.
    pub node: Str,
    /// The filter plugins that had something to ask, in order, up to the first that rejected the node (with its
    /// reasons).
    pub filter: Vec<(&'static str, Result<(), String>)>,
    /// The score plugins that had something to say; empty when the node was rejected or was the only one to fit.
    pub scores: Vec<PluginScore>,
    /// The sum of the weighted scores; `None` when no scores were needed.
    pub total: Option<i64>,
}

impl NodeVerdict {
    /// Whether the node could take the pod.
    pub fn feasible(&self) -> bool {
        self.filter.iter().all(|(_, verdict)| verdict.is_ok())
    }
}

/// What a plugin thinks of a node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PluginScore {
    /// The plugin.
    pub plugin: &'static str,
    /// The score in the plugin's own measure.
    pub raw: i64,
    /// The score of 0..=100.
    pub normalized: i64,
    /// The plugin's weight.
    pub weight: i64,
    /// Weight times normalized score.
    pub weighted: i64,
}

impl Record {
    /// The node that was kept for the pod, if it went there without a look at others.
    fn nominee(&self, then: &Cache) -> Option<u32> {
        let slot = self.asks.nominated.slot(&self.pod)?;
        let there = |node: &Str| *node == then.node(slot).name;
        matches!(&self.outcome, AttemptOutcome::Assigned(node) if self.examined == 1 && there(node))
            .then_some(slot)
    }
}

impl Attempts {
    pub fn add(&mut self, record: Record) {
        let record = Arc::new(record);
        self.last.insert(record.pod.clone(), Arc::clone(&record));
        self.recent.push_back(record);
        if self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// The pod is gone.
    pub fn forget(&mut self, pod: &Key) {
        self.last.remove(pod);
    }

    /// All that are kept of a pod, oldest first.
    pub fn of(&self, pod: &Key) -> Vec<Arc<Record>> {
        let recent: Vec<Arc<Record>> =
            self.recent.iter().filter(|record| record.pod == *pod).cloned().collect();
        if recent.is_empty() { self.last.get(pod).cloned().into_iter().collect() } else { recent }
    }

    pub fn recent(&self) -> impl Iterator<Item = &Arc<Record>> {
        self.recent.iter()
    }
}

impl<'a> Attempt<'a> {
    pub(super) fn new(record: Arc<Record>, cache: &'a Cache) -> Attempt<'a> {
        Attempt { record, cache }
    }

    /// The pod.
    pub fn pod(&self) -> &Key {
        &self.record.pod
    }

    /// When it was.
    pub fn at(&self) -> Time {
        self.record.at
    }

    /// How it ended.
    pub fn outcome(&self) -> &AttemptOutcome {
        &self.record.outcome
    }

    /// Every verdict and score, worked out again from nodes and pods as they were; `None` when so much has changed
    /// since that this is no longer known.
    pub fn explain(&self) -> Option<Explanation> {
        let record = &self.record;
        let mut then = self.cache.rewind(record.position)?;
        let id = then.prepare(&record.template, record.default_spread.as_deref());
        let group = then.groups().get(id);
        let cycle = Cycle { cache: &then, group, template: &record.template, asks: &record.asks };
        let looked_at = match (record.nominee(&then), named(cycle)) {
            (Some(slot), _) => vec![slot],
            (None, Some(named)) => named,
            (None, None) => {
                from_start(then.order(), record.start).into_iter().take(record.examined as usize).collect()
            }
        };
        let mut nodes = verdicts(cycle, &looked_at);
        score(cycle, &looked_at, &mut nodes);
        let highest = nodes.iter().filter_map(|node| node.total).max();
        let top = |node: &&NodeVerdict| node.total.is_some() && node.total == highest;
        Some(Explanation {
            all_nodes: then.order().len() as u32,
            preemption: preemption(cycle, &looked_at, record.preemption.as_deref()),
            tied: nodes.iter().filter(top).map(|node| node.node.clone()).collect(),
            nodes,
            chosen: match &record.outcome {
                AttemptOutcome::Assigned(node) => Some(node.clone()),
                AttemptOutcome::Unschedulable(_) => None,
            },
        })
    }
}

fn verdicts(cycle: Cycle<'_>, slots: &[u32]) -> Vec<NodeVerdict> {
    let filters = filters(cycle);
    let mut trial = Trial::new(cycle, &filters);
    let words = |rejection: Rejection| rejection.reasons.join(", ");
    let verdict = |&slot: &u32| {
        let info = cycle.cache.node(slot);
        let mut verdict =
            NodeVerdict { node: info.name.clone(), filter: Vec::new(), scores: Vec::new(), total: None };
        for (place, filter) in &filters {
            let result = filter.check(slot, info).map_err(words);
            verdict.filter.push((PLUGINS[*place as usize].name(), result));
            if !verdict.feasible() {
                break;
            }
        }
        // Room that is kept for others counts as taken.
        let others_wait = !cycle.asks.nominated.on(slot).is_empty();
        if let Some((place, rejection)) = Some(others_wait).filter(|&wait| wait).and(trial.check(slot).err())
        {
            let name = PLUGINS[place as usize].name();
            let until = verdict.filter.iter().position(|(plugin, _)| *plugin == name);
            verdict.filter.truncate(until.unwrap_or(verdict.filter.len()));
            verdict.filter.push((name, Err(words(rejection))));
        }
        verdict
    };
    slots.iter().map(verdict).collect()
}

/// What preemption could have done on each node whose verdict it could have changed.
fn preemption(cycle: Cycle<'_>, slots: &[u32], run: Option<&DryRun>) -> Vec<PreemptionVerdict> {
    let Some(run) = run else { return Vec::new() };
    let filters = filters(cycle);
    let mut trial = Trial::new(cycle, &filters);
    let curable = |slot: &&u32| trial.check(**slot).is_err_and(|(_, rejection)| !rejection.unresolvable);
    let verdict = |&slot: &u32| {
        let candidate = run.candidates.iter().find(|candidate| candidate.slot == slot);
        let victims = match (candidate, run.refused.get(&slot)) {
            (Some(candidate), _) => {
                let keys = candidate.victims.iter().map(|pod| pod.key.clone()).collect();
                Ok((keys, candidate.violations))
            }
            (None, Some(reasons)) => Err(reasons.join(", ")),
            (None, None) if run.chosen.is_none() => Err(NO_VICTIMS.to_string()),
            // Either it has no victims, or there were candidates enough without it.
            (None, None) => return None,
        };
        let chosen = run.choice().is_some_and(|choice| choice.slot == slot);
        Some(PreemptionVerdict { node: cycle.cache.node(slot).name.clone(), victims, chosen })
    };
    slots.iter().filter(curable).filter_map(verdict).collect()
}

fn score(cycle: Cycle<'_>, slots: &[u32], nodes: &mut [NodeVerdict]) {
    let feasible: Vec<u32> =
        slots.iter().zip(&*nodes).filter(|(_, node)| node.feasible()).map(|(slot, _)| *slot).collect();
    if feasible.len() < 2 {
        return;
    }
    for plugin in PLUGINS.iter().filter(|plugin| plugin.weight() > 0) {
        let Some(raw) = plugin.score(cycle, Nodes::single(&feasible)) else { continue };
        let mut normalized = raw.clone();
        plugin.normalize(&mut normalized);
        let (weight, name) = (plugin.weight(), plugin.name());
        let scored = nodes.iter_mut().filter(|node| node.feasible()).zip(raw).zip(normalized);
        for ((node, raw), normalized) in scored {
            let weighted = weight * normalized;
            node.scores.push(PluginScore { plugin: name, raw, normalized, weight, weighted });
            node.total = Some(node.total.unwrap_or(0) + weighted);
        }
    }
}
