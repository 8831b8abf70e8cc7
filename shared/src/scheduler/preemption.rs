//! Preemption: which pods of lower priority would have to go so that a pod fits, and on which node that costs least.
//!
//! [`evaluate`] decides, as upstream's DefaultPreemption; [`eviction`] carries it out.

pub mod eviction;
pub mod tries;
pub mod victims;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::api::Kind;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Str, Timestamp, literal};
use crate::sim::Random;

use super::cache::CachedPod;
use super::cycle::{filters, refusal};
use super::framework::{Failed, PostFilter};
use super::trial::Trial;
use tries::Tries;

/// Of so many hundredths of the nodes on which preemption could help …
const CANDIDATES_PERCENT: u64 = 10;
/// … but at least of so many it is tried who would have to go.
const FEWEST_CANDIDATES: u64 = 100;

/// What is said of a node that has no pods of lower priority.
pub const NO_VICTIMS: Str = literal!("No preemption victims found for incoming pod");
const NOT_HELPFUL: Str = literal!("Preemption is not helpful for scheduling");

/// Why a node would have no room.
pub type Reasons = SmallVec<[Str; 1]>;

/// A node that would have room without some of its pods.
#[derive(Codec, Clone, Debug)]
pub struct Candidate {
    /// The node.
    pub slot: u32,
    /// Who would have to go, the most important first.
    pub victims: Vec<Arc<CachedPod>>,
    /// How many of them a disruption budget protects.
    pub violations: u32,
}

/// What trying preemption on many nodes gave.
#[derive(Codec, Clone, Debug, Default)]
pub struct DryRun {
    /// The nodes that would have room, those that violate no budget first.
    pub candidates: Vec<Candidate>,
    /// Why others would have none; those that are not here have no victims, or were not looked at.
    pub refused: BTreeMap<u32, Reasons>,
    /// Which candidate was chosen.
    pub chosen: Option<u32>,
}

impl DryRun {
    /// The candidate that was chosen.
    pub fn choice(&self) -> Option<&Candidate> {
        self.chosen.map(|at| &self.candidates[at as usize])
    }
}

/// Looks for a node on which others can make room for a pod that fits nowhere.
pub fn evaluate(failed: Failed<'_>, tries: &mut Tries, random: &mut Random) -> PostFilter {
    // The words before it are the DynamicResources plugin's, which has nothing to give back.
    let devices = failed.cycle.asks.devices.as_ref();
    let claims = match devices.is_some_and(|devices| devices.refusal.is_none()) {
        true => "still not schedulable",
        false => "no new claims to deallocate",
    };
    let words = |text: String| format!("{claims}, preemption: {text}");
    if let Some(why) = ineligible(failed) {
        return PostFilter::Unschedulable(words(why.into()));
    }
    let potential = &failed.rejections.resolvable;
    let mut run = dry_run(failed, tries, random);
    if run.candidates.is_empty() {
        let mut reasons: BTreeMap<Str, u32> = BTreeMap::new();
        let told = run.refused.values().flatten();
        told.for_each(|reason| *reasons.entry(reason.clone()).or_default() += 1);
        let nodes = failed.cycle.cache.order().len() as u32;
        let mut rest = |reason, count| {
            if count > 0 {
                reasons.insert(reason, count);
            }
        };
        rest(NO_VICTIMS, (potential.len() - run.refused.len()) as u32);
        rest(NOT_HELPFUL, nodes - potential.len() as u32);
        return PostFilter::Hopeless(words(refusal(nodes, &reasons)), run);
    }
    run.chosen = Some(cheapest(&run.candidates, failed, random));
    PostFilter::Nominated(run)
}

/// Why the pod may make nobody go.
fn ineligible(failed: Failed<'_>) -> Option<&'static str> {
    let cycle = failed.cycle;
    if !cycle.template.preempts {
        return Some("not eligible due to preemptionPolicy=Never.");
    }
    let slot = cycle.asks.nominated.slot(&cycle.asks.pod)?;
    // A node that cannot take the pod in any case is not waited for.
    let waits = failed.rejections.resolvable.contains(&slot);
    let making_room = |pod: &Arc<CachedPod>| {
        pod.leaving
            && pod.template.spec.priority < cycle.template.spec.priority
            && failed.informers.cache(Kind::Pod).get(&pod.key).is_some_and(|pod| eviction::is_victim(pod))
    };
    (waits && cycle.cache.residents().on(slot).iter().any(making_room))
        .then_some("not eligible due to a terminating pod on the nominated node.")
}

/// Tries each node on which it could help, from a random one on, until there are candidates enough.
fn dry_run(failed: Failed<'_>, tries: &mut Tries, random: &mut Random) -> DryRun {
    let potential = &failed.rejections.resolvable;
    let mut run = DryRun::default();
    let nobody = |lowest: i64| lowest >= failed.cycle.template.spec.priority;
    if potential.is_empty() {
        return run;
    }
    let nodes = potential.len() as u64;
    let offset = random.below(nodes) as usize;
    if failed.cycle.cache.residents().lowest_priority().is_none_or(nobody) {
        return run;
    }
    let wanted = (nodes * CANDIDATES_PERCENT / 100).max(FEWEST_CANDIDATES).min(nodes) as usize;
    let filters = filters(failed.cycle);
    let places: Vec<u32> = filters.iter().map(|(place, _)| *place).collect();
    let local = tries::is_local(failed, &places);
    let mut trial = Trial::new(failed.cycle, &filters);
    let mut violating = Vec::new();
    let (tail, head) = potential.split_at(offset);
    for &slot in head.iter().chain(tail) {
        let known = if local { tries.known(failed, slot) } else { None };
        let outcome = known.unwrap_or_else(|| {
            let (outcome, lasting) = victims::select(&mut trial, slot, failed);
            if local && lasting {
                tries.keep(failed, slot, &outcome);
            }
            outcome
        });
        match outcome {
            Ok(candidate) if candidate.violations == 0 => run.candidates.push(candidate),
            Ok(candidate) if violating.len() < wanted => violating.push(candidate),
            Ok(_) => {}
            Err(None) => {}
            Err(Some(reasons)) => {
                run.refused.insert(slot, reasons);
            }
        }
        if !run.candidates.is_empty() && run.candidates.len() + violating.len() >= wanted {
            break;
        }
    }
    run.candidates.append(&mut violating);
    run
}

/// The candidate that costs least; one of them by chance where all is equal.
fn cheapest(candidates: &[Candidate], failed: Failed<'_>, random: &mut Random) -> u32 {
    let priority = |pod: &Arc<CachedPod>| pod.template.spec.priority;
    let start = |pod: &CachedPod| victims::started(pod, failed.informers, failed.now);
    // Raised so that none is negative: fewer pods are better even where priorities are below zero.
    let sum = |all: &[Arc<CachedPod>]| all.iter().map(|pod| priority(pod) + (1 << 31)).sum::<i64>();
    let latest = |all: &[Arc<CachedPod>]| {
        let highest = all.iter().filter(|pod| priority(pod) == priority(&all[0]));
        highest.map(|pod| start(pod)).min().map_or(0, Timestamp::millis)
    };
    let cost = |candidate: &Candidate| {
        let all = &candidate.victims;
        (i64::from(candidate.violations), priority(&all[0]), sum(all), all.len() as i64)
    };
    let least = candidates.iter().map(cost).min();
    let mut left: Vec<u32> =
        (0..).zip(candidates).filter(|(_, one)| Some(cost(one)) == least).map(|(at, _)| at).collect();
    if left.len() > 1 {
        let newest = |&at: &u32| latest(&candidates[at as usize].victims);
        let most = left.iter().map(newest).max();
        left.retain(|at| Some(newest(at)) == most);
    }
    match left.as_slice() {
        [only] => *only,
        several => several[random.below(several.len() as u64) as usize],
    }
}
