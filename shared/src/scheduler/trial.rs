//! What the filters would say of a node if some pods were not there, or others were.
//!
//! Most filters look only at the node, of which a copy is changed. Those that count pods by topology are asked anew,
//! of a copy of the cache, only when one of the pods that come or go counts for them; the copy is made once a trial
//! and shares all that it does not change.

use std::sync::Arc;

use super::cache::{Cache, CachedPod, NodeInfo};
use super::cycle::filters;
use super::framework::{Cycle, Filter, Locality, Rejection};
use super::plugins::PLUGINS;
use super::template::Template;

/// A plugin's place in the list of plugins, and what it has against a node.
pub type Refusal = (u32, Rejection);

/// A pod's filters, to be asked about nodes as they are not.
pub struct Trial<'a> {
    cycle: Cycle<'a>,
    filters: &'a [(u32, Box<dyn Filter + 'a>)],
    /// Whether they look at nothing but the node.
    local: bool,
    copy: Option<Box<Cache>>,
}

/// One node of a trial, with its changes.
pub struct Stage<'t, 'a> {
    trial: &'t mut Trial<'a>,
    slot: u32,
    node: NodeInfo,
    /// What was changed in the copy of the cache, and whether it was taken out of it.
    changes: Vec<(Arc<CachedPod>, bool)>,
}

impl<'a> Trial<'a> {
    /// A trial of the pod that `filters` were made for in `cycle`.
    pub fn new(cycle: Cycle<'a>, filters: &'a [(u32, Box<dyn Filter + 'a>)]) -> Trial<'a> {
        let local = |(place, _): &(u32, _)| PLUGINS[*place as usize].locality() != Locality::None;
        Trial { cycle, filters, local: filters.iter().all(local), copy: None }
    }

    /// The pods that wait for a node, when what [`Trial::check`] says follows from them, the node and the template alone.
    pub fn waiting(&self, slot: u32) -> Option<&'a Arc<Vec<Arc<CachedPod>>>> {
        let asks = self.cycle.asks;
        let others = |pod: &Arc<CachedPod>| pod.key != asks.pod && !self.counts(&pod.template);
        asks.nominated.list(slot).filter(|list| self.local && list.iter().all(others))
    }

    /// A node as it is, to be changed; [`Stage::leave`] undoes the changes.
    pub fn on(&mut self, slot: u32) -> Stage<'_, 'a> {
        let node = self.cycle.cache.node(slot).clone();
        Stage { trial: self, slot, node, changes: Vec::new() }
    }

    /// What the filters say of a node, once with the pods of no lower priority that wait for it and once without.
    pub fn check(&mut self, slot: u32) -> Result<(), Refusal> {
        let mut stage = self.on(slot);
        let verdict = stage.check();
        stage.leave();
        verdict
    }

    /// Whether a pod like `other` counts for a filter that looks further than at its node.
    fn counts(&self, other: &Template) -> bool {
        let this = self.cycle.template;
        if this.claims.iter().any(|claim| other.claims.contains(claim)) && this.namespace == other.namespace {
            return true;
        }
        let limited = self.cycle.asks.volumes.as_ref().is_some_and(|volumes| volumes.limits.is_some());
        if limited && !other.claims.is_empty() {
            return true;
        }
        let terms = this.affinity.iter().chain(&this.anti_affinity).map(|term| &term.selector);
        let required = this.spread.iter().filter(|constraint| constraint.required);
        let mut selectors = terms.chain(required.map(|constraint| &constraint.selector));
        selectors.any(|selector| selector.matches(&other.namespace, &other.labels))
            || other.anti_affinity.iter().any(|term| term.selector.matches(&this.namespace, &this.labels))
    }
}

impl Stage<'_, '_> {
    /// Without this pod.
    pub fn take(&mut self, pod: &Arc<CachedPod>) {
        self.node.remove(&pod.template);
        self.change(pod, true);
    }

    /// With this pod.
    pub fn put(&mut self, pod: &Arc<CachedPod>) {
        self.node.add(&pod.template);
        self.change(pod, false);
    }

    fn change(&mut self, pod: &Arc<CachedPod>, out: bool) {
        if !self.trial.counts(&pod.template) {
            return;
        }
        let cycle = self.trial.cycle;
        let copy = self.trial.copy.get_or_insert_with(|| Box::new(cycle.cache.unlogged()));
        if out {
            copy.remove_pod(&pod.key);
        } else {
            copy.add_pod(Arc::clone(pod));
        }
        match self.changes.iter().position(|(changed, was)| changed.key == pod.key && *was != out) {
            Some(at) => {
                self.changes.remove(at);
            }
            None => self.changes.push((Arc::clone(pod), out)),
        }
    }

    /// What the filters say, once with the pods of no lower priority that wait for the node and once without.
    pub fn check(&mut self) -> Result<(), Refusal> {
        let cycle = self.trial.cycle;
        let priority = cycle.template.spec.priority;
        let ahead =
            |pod: &&Arc<CachedPod>| pod.template.spec.priority >= priority && pod.key != cycle.asks.pod;
        let waiting: Vec<Arc<CachedPod>> =
            cycle.asks.nominated.on(self.slot).iter().filter(ahead).cloned().collect();
        if !waiting.is_empty() {
            waiting.iter().for_each(|pod| self.put(pod));
            let verdict = self.ask();
            waiting.iter().for_each(|pod| self.take(pod));
            verdict?;
        }
        self.ask()
    }

    fn ask(&mut self) -> Result<(), Refusal> {
        let (slot, node) = (self.slot, &self.node);
        let refusal = |filters: &[(u32, Box<dyn Filter + '_>)]| {
            filters.iter().find_map(|(place, filter)| Some((*place, filter.check(slot, node).err()?)))
        };
        let cycle = self.trial.cycle;
        let found = match self.trial.copy.as_mut().filter(|_| !self.changes.is_empty()) {
            None => refusal(self.trial.filters),
            Some(copy) => {
                let id = copy.prepare(&cycle.group.template, None);
                let cycle = Cycle { cache: copy, group: copy.groups().get(id), ..cycle };
                refusal(&filters(cycle))
            }
        };
        found.map_or(Ok(()), Err)
    }

    /// Ends the look at this node.
    pub fn leave(self) {
        let Some(copy) = &mut self.trial.copy else { return };
        for (pod, out) in self.changes {
            if out {
                copy.add_pod(pod);
            } else {
                copy.remove_pod(&pod.key);
            }
        }
    }
}
