//! Which pods go first when there are too many.

use std::cmp::{Ordering, Reverse};

use crate::api::apps::replicaset::ReplicaSet;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Of, Uid};
use crate::collections::{BTreeMap, sort_by};
use crate::controllers::world::World;
use crate::doc::{Str, Timestamp};

/// What counts for the order, most important first.
#[derive(Clone, Debug)]
struct Candidate {
    key: Key,
    uid: Uid,
    assigned: bool,
    phase: u32,
    ready: bool,
    cost: i64,
    /// Pods of the same app on the same node.
    crowd: u32,
    ready_age: u64,
    restarts: u32,
    age: u64,
}

impl Candidate {
    /// `Less` means: is deleted earlier. The younger goes first, but ages of the same order of magnitude count as equal;
    /// then the UID decides, which is as good as chance.
    ///
    /// Upstream lets the UID decide between ages of one magnitude before it looks at restarts, unless they are the very
    /// same: then three pods can each go before the next. Here no such circle is possible.
    fn order(&self, other: &Candidate) -> Ordering {
        let rank = |candidate: &Candidate| {
            let ready_age = if candidate.ready { magnitude(candidate.ready_age) } else { 0 };
            (
                (candidate.assigned, candidate.phase, candidate.ready, candidate.cost),
                (Reverse(candidate.crowd), ready_age, Reverse(candidate.restarts), magnitude(candidate.age)),
                candidate.uid,
            )
        };
        rank(self).cmp(&rank(other)).then_with(|| self.key.cmp(&other.key))
    }
}

/// The binary logarithm of an age in nanoseconds.
fn magnitude(millis: u64) -> i64 {
    match u128::from(millis) * 1_000_000 {
        0 => -1,
        nanos => i64::from(nanos.ilog2()),
    }
}

/// The `surplus` pods of a ReplicaSet that it can best do without.
pub fn to_delete(set: &Of<ReplicaSet>, surplus: i64, world: &World, now: Timestamp) -> Vec<Key> {
    let pods: Vec<Of<Pod>> = active(set, world).collect();
    let surplus = usize::try_from(surplus).unwrap_or(0).min(pods.len());
    if surplus == pods.len() {
        return pods.iter().map(|pod| pod.key().clone()).collect();
    }
    let crowds = crowds(set, world);
    let mut candidates: Vec<Candidate> = pods.iter().map(|pod| candidate(pod, &crowds, now)).collect();
    sort_by(&mut candidates, Candidate::order);
    candidates.into_iter().take(surplus).map(|candidate| candidate.key).collect()
}

fn active(set: &Of<ReplicaSet>, world: &World) -> impl Iterator<Item = Of<Pod>> {
    let pods = world.managed::<Pod>(set.meta().uid);
    let selector = set.selector.clone();
    pods.filter(move |pod| pod.is_active(pod.object()) && selector.matches(&pod.meta().labels))
}

/// Pods a node of all ReplicaSets that belong to the same Deployment.
fn crowds(set: &Of<ReplicaSet>, world: &World) -> BTreeMap<Str, u32> {
    let mut related: Vec<Of<ReplicaSet>> = match set.meta().controller() {
        Some(owner) => world.managed::<ReplicaSet>(owner.uid).collect(),
        None => Vec::new(),
    };
    if related.is_empty() {
        related.push(set.clone());
    }
    let mut crowds = BTreeMap::new();
    for pod in related.iter().flat_map(|set| active(set, world)) {
        *crowds.entry(pod.node_name.clone()).or_default() += 1;
    }
    crowds
}

fn candidate(pod: &Of<Pod>, crowds: &BTreeMap<Str, u32>, now: Timestamp) -> Candidate {
    let age = |since: Timestamp| u64::try_from(now.millis() - since.millis()).unwrap_or(0);
    let cost = pod.meta().annotation("controller.kubernetes.io/pod-deletion-cost");
    Candidate {
        key: pod.key().clone(),
        uid: pod.meta().uid,
        assigned: !pod.node_name.is_empty(),
        phase: match pod.phase {
            Phase::Pending => 0,
            Phase::Unknown => 1,
            _ => 2,
        },
        ready: pod.ready,
        cost: cost.and_then(|text| text.parse().ok()).unwrap_or(0),
        crowd: crowds.get(&pod.node_name).copied().unwrap_or(0),
        ready_age: age(pod.ready_since),
        restarts: pod.restarts,
        age: age(pod.meta().creation),
    }
}

#[cfg(test)]
mod tests {
    use super::Candidate;
    use crate::api::{Key, Kind, Uid};

    fn healthy(name: &str) -> Candidate {
        Candidate {
            key: Key::new(Kind::Pod, "default", name),
            uid: Uid::new(1),
            assigned: true,
            phase: 2,
            ready: true,
            cost: 0,
            crowd: 1,
            ready_age: 60_000,
            restarts: 0,
            age: 60_000,
        }
    }

    #[test]
    fn each_criterion_outranks_those_after_it() {
        // Every candidate has one reason to go and, to contradict it, every reason of lower rank to stay.
        let stays =
            Candidate { cost: 9, crowd: 0, ready_age: u64::MAX >> 24, age: u64::MAX >> 24, ..healthy("b") };
        let reasons = [
            Candidate { assigned: false, ready: false, ..stays.clone() },
            Candidate { phase: 0, ready: false, ..stays.clone() },
            Candidate { phase: 1, ready: false, ..stays.clone() },
            Candidate { ready: false, ..stays.clone() },
            Candidate { cost: -1, ..stays.clone() },
            Candidate { crowd: 2, ..stays.clone() },
            Candidate { ready_age: 1000, ..stays.clone() },
            Candidate { restarts: 3, ..stays.clone() },
            Candidate { age: 1000, ..stays.clone() },
        ];
        for pair in reasons.windows(2) {
            assert!(pair[0].order(&pair[1]).is_lt(), "{:?} goes before {:?}", pair[0], pair[1]);
        }
        assert!(reasons[8].order(&stays).is_lt());
    }

    #[test]
    fn ages_of_one_magnitude_leave_it_to_chance() {
        let older = Candidate { ready_age: 60_000, uid: Uid::new(1), ..healthy("a") };
        let younger = Candidate { ready_age: 50_000, uid: Uid::new(2), ..healthy("b") };
        assert!(older.order(&younger).is_lt(), "same magnitude: the smaller UID goes");
        let much_younger = Candidate { ready_age: 10_000, ..younger };
        assert!(much_younger.order(&older).is_lt());
    }
    #[test]
    fn no_pod_goes_before_itself() {
        // Equal ages, ages of one magnitude, UIDs against names.
        let mut pods: Vec<Candidate> = (0..90u32)
            .map(|at| Candidate {
                uid: Uid::new(u128::from(at * 37 % 90)),
                ready_age: u64::from(20_000 + at % 3 * 1000),
                age: u64::from(20_000 + at % 2 * 1000),
                ..healthy(&format!("pod-{at}"))
            })
            .collect();
        crate::collections::sort_by(&mut pods, Candidate::order);
        for (at, pod) in pods.iter().enumerate() {
            assert!(pods[at + 1..].iter().all(|later| pod.order(later).is_lt()));
        }
    }
}
