//! What is remembered of nodes from one attempt to the next of pods of the same template: verdicts and scores that
//! follow from the template and the node alone hold until that node changes. Binding a pod changes one node.

use std::sync::Arc;

use super::cache::{Cache, CachedPod};
use super::framework::{Cycle, Filter, Locality, Nodes};
use super::kin::{Kins, MOST, Marker, Marks};
use super::plugins::PLUGINS;
use super::template::Template;
use super::trial::{Refusal, Trial};
use crate::codec::Codec;
use crate::collections::BTreeMap;

/// So many templates are remembered.
const TEMPLATES: usize = 8;

/// What is remembered of the templates that were scheduled last, the newest first. It follows from the cache, and is
/// no part of the state.
#[derive(Codec, Clone, Debug, Default)]
pub struct Memos(Vec<Arc<Memo>>);

/// What is remembered for pods of one template.
#[derive(Codec, Clone, Debug, Default)]
pub struct Memo {
    template: u128,
    /// By slot.
    nodes: Vec<Known>,
    kins: Kins,
    /// By slot, with the node's stamp: what the first filter that rejects it has against it.
    refusals: Vec<(u64, Option<Refusal>)>,
    /// By slot: what came of trials on nodes that others wait for.
    #[codec(skip)]
    tried: BTreeMap<u32, Tried>,
}

/// What a trial had against a node, with all that this follows from.
#[derive(Clone, Debug)]
struct Tried {
    stamp: u64,
    waiting: Arc<Vec<Arc<CachedPod>>>,
    refusal: Option<Refusal>,
}

/// Nodes that get the same score.
#[derive(Clone, Copy, Debug)]
pub struct Kin {
    /// Its number.
    pub number: u16,
    /// The first of them.
    pub slot: u32,
    /// How many they are.
    pub count: u32,
}

#[derive(Codec, Clone, Copy, Debug, Default)]
struct Known {
    /// The node's stamp when this was found out; 0 while nothing is known.
    stamp: u64,
    /// The weighted sum, once it was asked for.
    score: i32,
    /// The number of its kin; 0 while it has none.
    kin: u16,
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
        let stamps = cache.stamps();
        for (examined, &slot) in (0..).zip(order) {
            if found.len() >= wanted {
                return examined;
            }
            let known = &mut self.nodes[slot as usize];
            let stamp = stamps[slot as usize];
            if known.stamp != stamp {
                *known = Known::anew(cache, slot, stamp, filters);
            }
            if known.fits {
                found.push(slot);
            }
        }
        order.len() as u32
    }

    fn make_room(&mut self, cache: &Cache) {
        if self.nodes.len() < cache.slots() as usize {
            self.nodes.resize(cache.slots() as usize, Known::default());
        }
    }

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

    /// What [`Trial::check`] has against a node that others wait for: while many wait, each attempt tries every one of
    /// those nodes.
    pub fn tried(&mut self, cache: &Cache, slot: u32, trial: &mut Trial<'_>) -> Option<Refusal> {
        let Some(waiting) = trial.waiting(slot) else { return trial.check(slot).err() };
        let stamp = cache.stamp(slot);
        let holds = |tried: &&Tried| tried.stamp == stamp && Arc::ptr_eq(&tried.waiting, waiting);
        if let Some(tried) = self.tried.get(&slot).filter(holds) {
            return tried.refusal.clone();
        }
        let refusal = trial.check(slot).err();
        let tried = Tried { stamp, waiting: Arc::clone(waiting), refusal: refusal.clone() };
        self.tried.insert(slot, tried);
        refusal
    }

    /// The weighted sums of what the plugins that look at nothing but the node and the template give each of `nodes`,
    /// which were asked for their verdicts before; `more` is added to each.
    pub fn scores(&mut self, cycle: Cycle<'_>, nodes: &[u32], more: i64) -> Vec<i64> {
        nodes.iter().map(|&slot| i64::from(self.nodes[slot as usize].score(cycle, slot)) + more).collect()
    }

    /// The kins of `nodes`, which were asked for their verdicts before, told apart by what follows from the template
    /// and the node alone and by `markers`; `None` when there are too many nodes for that.
    pub fn kins(
        &mut self,
        cycle: Cycle<'_>,
        nodes: &[u32],
        markers: &[(u32, Marker<'_>)],
    ) -> Option<Vec<Kin>> {
        if nodes.len() > MOST {
            return None;
        }
        if !self.kins.hold(cycle.cache, cycle.group, markers, nodes.len()) {
            self.nodes.iter_mut().for_each(|known| known.kin = 0);
        }
        // By number; there are many nodes to look through.
        let mut counts = vec![0_u32; MOST + 1];
        let mut met = Vec::new();
        for &slot in nodes {
            let known = &mut self.nodes[slot as usize];
            if known.kin == 0 {
                known.kin = self.kins.number(known.marks(cycle, slot, markers));
            }
            let count = &mut counts[usize::from(known.kin)];
            if *count == 0 {
                met.push((known.kin, slot));
            }
            *count += 1;
        }
        let kin = |(number, slot)| Kin { number, slot, count: counts[usize::from(number)] };
        Some(met.into_iter().map(kin).collect())
    }

    /// The number of the kin of a node that is among one of [`Memo::kins`].
    pub fn kin(&self, slot: u32) -> u16 {
        self.nodes[slot as usize].kin
    }
}

impl Known {
    #[cold]
    fn anew(cache: &Cache, slot: u32, stamp: u64, filters: &[&dyn Filter]) -> Known {
        let node = cache.node(slot);
        let fits = filters.iter().all(|filter| filter.passes(slot, node));
        Known { stamp, fits, ..Known::default() }
    }

    fn score(&mut self, cycle: Cycle<'_>, slot: u32) -> i32 {
        if !self.scored {
            (self.score, self.scored) = (local_score(cycle, slot), true);
        }
        self.score
    }

    #[cold]
    fn marks(&mut self, cycle: Cycle<'_>, slot: u32, markers: &[(u32, Marker<'_>)]) -> Marks {
        let mut marks = Marks::from_iter([i64::from(self.score(cycle, slot))]);
        markers.iter().for_each(|(_, marker)| marker(slot, &mut marks));
        marks
    }
}

#[cold]
fn local_score(cycle: Cycle<'_>, slot: u32) -> i32 {
    let local =
        PLUGINS.iter().filter(|plugin| plugin.weight() > 0 && plugin.locality() == Locality::VerdictAndScore);
    let weighted = |scores: Vec<i64>, weight: i64| scores.first().map_or(0, |score| weight * score);
    let scores = local.map(|plugin| {
        weighted(plugin.score(cycle, Nodes::single(&[slot])).unwrap_or_default(), plugin.weight())
    });
    scores.sum::<i64>() as i32
}
