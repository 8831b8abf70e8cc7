//! What is remembered of nodes from one attempt to the next of pods of the same template: verdicts and scores that
//! follow from the template and the node alone hold until that node changes. Binding a pod changes one node.

use std::sync::Arc;

use super::cache::Cache;
use super::framework::{Cycle, Filter, Locality};
use super::plugins::PLUGINS;
use super::template::Template;
use super::trial::Refusal;

/// So many templates are remembered.
const TEMPLATES: usize = 8;

/// What is remembered of the templates that were scheduled last, the newest first. It follows from the cache, and is
/// no part of the state.
#[derive(Clone, Debug, Default)]
pub struct Memos(Vec<Arc<Memo>>);

/// What is remembered for pods of one template.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    template: u128,
    /// By slot.
    nodes: Vec<Known>,
    /// By slot, with the node's stamp: what the first filter that rejects it has against it.
    refusals: Vec<(u64, Option<Refusal>)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// The node's stamp when this was found out; 0 while nothing is known.
    stamp: u64,
    fits: bool,
    /// The weighted sum, once it was asked for.
    score: Option<i32>,
}

impl Memos {
    /// What is remembered for a template.
    pub fn of(&mut self, template: &Template) -> &mut Memo {
        let known = self.0.iter().position(|memo| memo.template == template.digest);
        let memo = match known {
            Some(at) => self.0.remove(at),
            None => Arc::new(Memo { template: template.digest, ..Memo::default() }),
        };
        self.0.truncate(TEMPLATES - 1);
        self.0.insert(0, memo);
        Arc::make_mut(&mut self.0[0])
    }
}

impl Memo {
    /// Whether the node in a slot passes `filters`, which look at nothing but the node and the template.
    pub fn fits(&mut self, cache: &Cache, slot: u32, filters: &[&dyn Filter]) -> bool {
        let stamp = cache.stamp(slot);
        if self.nodes.len() <= slot as usize {
            self.nodes.resize(cache.slots() as usize, Known::default());
        }
        let known = &mut self.nodes[slot as usize];
        if known.stamp != stamp {
            let node = cache.node(slot);
            let fits = filters.iter().all(|filter| filter.passes(slot, node));
            *known = Known { stamp, fits, score: None };
        }
        known.fits
    }

    /// What the first of `filters`, which look at nothing but the node and the template, has against the node in a
    /// slot.
    pub fn refusal(
        &mut self,
        cache: &Cache,
        slot: u32,
        filters: &[(u32, Box<dyn Filter + '_>)],
    ) -> Option<Refusal> {
        let stamp = cache.stamp(slot);
        if self.refusals.len() <= slot as usize {
            self.refusals.resize(cache.slots() as usize, (0, None));
        }
        let (known, refusal) = &mut self.refusals[slot as usize];
        if *known != stamp {
            let node = cache.node(slot);
            *refusal =
                filters.iter().find_map(|(place, filter)| Some((*place, filter.check(slot, node).err()?)));
            *known = stamp;
        }
        refusal.clone()
    }

    /// The weighted sum of what the plugins that look at nothing but the node and the template give the node in a
    /// slot, which was asked for its verdict before.
    pub fn score(&mut self, cycle: Cycle<'_>, slot: u32) -> i64 {
        let known = &mut self.nodes[slot as usize];
        let score = *known.score.get_or_insert_with(|| {
            let local = PLUGINS
                .iter()
                .filter(|plugin| plugin.weight() > 0 && plugin.locality() == Locality::VerdictAndScore);
            let weighted = |scores: Vec<i64>, weight: i64| scores.first().map_or(0, |score| weight * score);
            let scores = local
                .map(|plugin| weighted(plugin.score(cycle, &[slot]).unwrap_or_default(), plugin.weight()));
            scores.sum::<i64>() as i32
        });
        i64::from(score)
    }
}
