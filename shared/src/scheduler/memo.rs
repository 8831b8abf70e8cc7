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
    /// The weighted sum, once it was asked for.
    score: i32,
    fits: bool,
    scored: bool,
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
        self.make_room(cache);
        self.is_fit(cache, slot, filters)
    }

    /// Adds the nodes that pass `filters` to `found`, until there are `wanted`; the answer is how many of `order` were
    /// looked at. Thousands of attempts look at hundreds of nodes of which one has changed.
    pub fn gather(
        &mut self,
        cache: &Cache,
        order: &[u32],
        filters: &[&dyn Filter],
        wanted: usize,
        found: &mut Vec<u32>,
    ) -> u32 {
        self.make_room(cache);
        let mut examined = 0;
        for &slot in order {
            if found.len() >= wanted {
                break;
            }
            examined += 1;
            if self.is_fit(cache, slot, filters) {
                found.push(slot);
            }
        }
        examined
    }

    fn make_room(&mut self, cache: &Cache) {
        if self.nodes.len() < cache.slots() as usize {
            self.nodes.resize(cache.slots() as usize, Known::default());
        }
    }

    #[inline]
    fn is_fit(&mut self, cache: &Cache, slot: u32, filters: &[&dyn Filter]) -> bool {
        let known = &mut self.nodes[slot as usize];
        let stamp = cache.stamp(slot);
        if known.stamp != stamp {
            *known = Known::anew(cache, slot, stamp, filters);
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

    /// The weighted sums of what the plugins that look at nothing but the node and the template give each of `nodes`,
    /// which were asked for their verdicts before; `more` is added to each.
    pub fn scores(&mut self, cycle: Cycle<'_>, nodes: &[u32], more: i64) -> Vec<i64> {
        let score = |&slot: &u32| {
            let known = &mut self.nodes[slot as usize];
            if !known.scored {
                (known.score, known.scored) = (local_score(cycle, slot), true);
            }
            i64::from(known.score) + more
        };
        nodes.iter().map(score).collect()
    }
}

impl Known {
    #[cold]
    fn anew(cache: &Cache, slot: u32, stamp: u64, filters: &[&dyn Filter]) -> Known {
        let node = cache.node(slot);
        let fits = filters.iter().all(|filter| filter.passes(slot, node));
        Known { stamp, fits, ..Known::default() }
    }
}

#[cold]
fn local_score(cycle: Cycle<'_>, slot: u32) -> i32 {
    let local =
        PLUGINS.iter().filter(|plugin| plugin.weight() > 0 && plugin.locality() == Locality::VerdictAndScore);
    let weighted = |scores: Vec<i64>, weight: i64| scores.first().map_or(0, |score| weight * score);
    let scores =
        local.map(|plugin| weighted(plugin.score(cycle, &[slot]).unwrap_or_default(), plugin.weight()));
    scores.sum::<i64>() as i32
}
