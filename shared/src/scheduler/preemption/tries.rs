//! What trying preemption on a node gave, kept until that node or the pods on it change: the pods of one template try
//! the same nodes one after the other.

use crate::api::Kind;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::scheduler::framework::{Failed, Locality};
use crate::scheduler::plugins::PLUGINS;

use super::victims::Outcome;

/// So many templates are remembered.
const TEMPLATES: usize = 4;

/// What is remembered, of the template that was tried last first. It follows from the caches, and is no part of the
/// state.
#[derive(Codec, Clone, Debug, Default)]
pub struct Tries(Vec<Tried>);

/// What is remembered for pods of one template.
#[derive(Codec, Clone, Debug)]
struct Tried {
    template: u128,
    /// By slot, with the node's stamp.
    nodes: BTreeMap<u32, (u64, Outcome)>,
}

impl Tries {
    /// What trying a node gave, if that cannot have changed.
    pub fn known(&mut self, failed: Failed<'_>, slot: u32) -> Option<Outcome> {
        let template = failed.cycle.template.digest;
        let at = self.0.iter().position(|tried| tried.template == template)?;
        self.0[..=at].rotate_right(1);
        let (stamp, outcome) = self.0[0].nodes.get(&slot)?;
        (*stamp == failed.cycle.cache.stamp(slot) && is_alone(failed, slot)).then(|| outcome.clone())
    }

    /// Keeps what trying a node gave.
    pub fn keep(&mut self, failed: Failed<'_>, slot: u32, outcome: &Outcome) {
        if !is_alone(failed, slot) {
            return;
        }
        let template = failed.cycle.template.digest;
        if self.0.first().is_none_or(|tried| tried.template != template) {
            self.0.retain(|tried| tried.template != template);
            self.0.truncate(TEMPLATES - 1);
            self.0.insert(0, Tried { template, nodes: BTreeMap::new() });
        }
        self.0[0].nodes.insert(slot, (failed.cycle.cache.stamp(slot), outcome.clone()));
    }
}

/// Whether all filters look at nothing but a node and the pods on it, and no budget protects any of these.
pub fn is_local(failed: Failed<'_>, filters: &[u32]) -> bool {
    let local = |place: &u32| PLUGINS[*place as usize].locality() != Locality::None;
    filters.iter().all(local) && failed.informers.cache(Kind::PodDisruptionBudget).is_empty()
}

/// Whether nobody else waits for the node.
fn is_alone(failed: Failed<'_>, slot: u32) -> bool {
    failed.cycle.asks.nominated.on(slot).is_empty()
}
