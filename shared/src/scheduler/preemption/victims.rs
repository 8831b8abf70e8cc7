//! Who would have to go from a node: as few as possible, the least important, and none that a budget protects if
//! there is a choice.

use std::cmp::Reverse;
use std::sync::Arc;

use crate::api::policy::poddisruptionbudget::PodDisruptionBudget;
use crate::api::{Key, Kind};
use crate::client::Informers;
use crate::collections::{BTreeMap, sort_by_key};
use crate::doc::Timestamp;
use crate::scheduler::cache::CachedPod;
use crate::scheduler::framework::Failed;
use crate::scheduler::trial::Trial;

use super::{Candidate, Reasons};

/// The victims that make the pod fit on a node, or why nothing would; `None` when there are none to choose from.
pub type Outcome = Result<Candidate, Option<Reasons>>;

/// Looks for victims on a node. Also answers whether that holds as long as nothing on the node changes.
pub fn select(trial: &mut Trial<'_>, slot: u32, failed: Failed<'_>) -> (Outcome, bool) {
    let priority = failed.cycle.template.spec.priority;
    let lower = |pod: &&Arc<CachedPod>| pod.template.spec.priority < priority;
    let residents = failed.cycle.cache.residents().on(slot).iter().filter(lower);
    let known = |pod: &Arc<CachedPod>| (known_start(pod, failed.informers), Arc::clone(pod));
    let mut potential: Vec<(Option<Timestamp>, Arc<CachedPod>)> = residents.map(known).collect();
    let lasting = potential.iter().all(|(start, _)| start.is_some());
    let importance = |(start, pod): &(Option<Timestamp>, Arc<CachedPod>)| {
        (Reverse(pod.template.spec.priority), start.unwrap_or(failed.now), pod.key.clone())
    };
    sort_by_key(&mut potential, importance);
    let potential: Vec<Arc<CachedPod>> = potential.into_iter().map(|(_, pod)| pod).collect();
    (choose(trial, slot, failed, &potential), lasting)
}

/// The same of pods of lower priority in the order of their importance.
fn choose(trial: &mut Trial<'_>, slot: u32, failed: Failed<'_>, potential: &[Arc<CachedPod>]) -> Outcome {
    if potential.is_empty() {
        return Err(None);
    }
    let mut stage = trial.on(slot);
    potential.iter().for_each(|pod| stage.take(pod));
    if let Err((_, rejection)) = stage.check() {
        stage.leave();
        return Err(Some(rejection.reasons));
    }
    let (violating, free) = by_budget(potential, failed.informers);
    let both = !violating.is_empty() && !free.is_empty();
    let mut victims = Vec::new();
    let mut violations = 0;
    // Whoever can stay is let stay: the protected are asked first, the most important of each kind before others.
    for (pod, protected) in violating.iter().map(|pod| (pod, 1)).chain(free.iter().map(|pod| (pod, 0))) {
        stage.put(pod);
        if stage.check().is_err() {
            stage.take(pod);
            victims.push(Arc::clone(pod));
            violations += protected;
        }
    }
    stage.leave();
    if both {
        let place = |pod: &Arc<CachedPod>| potential.iter().position(|other| Arc::ptr_eq(other, pod));
        sort_by_key(&mut victims, place);
    }
    if victims.is_empty() {
        let node = &failed.cycle.cache.node(slot).name;
        let reason = format!("expected at least one victim pod on node \"{node}\"").into();
        return Err(Some(Reasons::from_iter([reason])));
    }
    Ok(Candidate { slot, victims, violations })
}

/// When a pod was started; now, if it was not.
pub fn started(pod: &CachedPod, informers: &Informers, now: Timestamp) -> Timestamp {
    known_start(pod, informers).unwrap_or(now)
}

fn known_start(pod: &CachedPod, informers: &Informers) -> Option<Timestamp> {
    informers.cache(Kind::Pod).get(&pod.key)?.body["status"]["startTime"].as_time()
}

/// Those whose going would violate a budget, and the others, each in the given order.
fn by_budget(pods: &[Arc<CachedPod>], informers: &Informers) -> (Vec<Arc<CachedPod>>, Vec<Arc<CachedPod>>) {
    if informers.cache(Kind::PodDisruptionBudget).is_empty() {
        return (Vec::new(), pods.to_vec());
    }
    let mut left: BTreeMap<Key, i64> = BTreeMap::new();
    let mut violates = |pod: &CachedPod| {
        let template = &pod.template;
        let budgets = informers.list_namespace::<PodDisruptionBudget>(&template.namespace);
        let mut violated = false;
        for budget in budgets.filter(|_| !template.labels.is_empty()) {
            let names_some = budget.selector.as_ref().is_some_and(|selector| !selector.is_empty());
            // Who is on the list of the disrupted was counted when he came onto it.
            let counted = !budget.disrupted[pod.key.name.as_str()].is_null();
            if names_some && !counted && budget.protects(&template.labels) {
                let allowed = left.entry(budget.key().clone()).or_insert_with(|| budget.disruptions_allowed);
                *allowed -= 1;
                violated |= *allowed < 0;
            }
        }
        violated
    };
    pods.iter().cloned().partition(|pod| violates(pod))
}
