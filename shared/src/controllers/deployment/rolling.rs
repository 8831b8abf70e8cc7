//! The arithmetic of a rolling update: never more than `maxSurge` too many, never more than `maxUnavailable` missing.

use crate::api::Of;
use crate::api::apps::deployment::{Deployment, scaled};
use crate::api::apps::replicaset::ReplicaSet;

use super::Rollout;
use super::replicas::sort_by_age;

/// `maxSurge` and `maxUnavailable` in pods. Both 0 would stand still, so then one may be missing.
fn bounds(deployment: &Deployment) -> (i64, i64) {
    let surge = scaled(&deployment.max_surge, deployment.replicas, true);
    let unavailable = scaled(&deployment.max_unavailable, deployment.replicas, false);
    if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
}

/// How many pods there may be beyond the wanted ones.
pub fn surge(deployment: &Deployment) -> i64 {
    if deployment.recreate { 0 } else { bounds(deployment).0 }
}

/// How many of the wanted pods may be unavailable.
pub fn max_unavailable(deployment: &Deployment) -> i64 {
    if deployment.recreate || deployment.replicas == 0 {
        return 0;
    }
    bounds(deployment).1.min(deployment.replicas)
}

/// The size that the new ReplicaSet may have now, given the size of all together.
pub fn new_size(deployment: &Deployment, together: i64, new: i64) -> i64 {
    if new >= deployment.replicas || deployment.recreate {
        return deployment.replicas;
    }
    let room = deployment.replicas.saturating_add(surge(deployment)).saturating_sub(together);
    if room <= 0 { new } else { new + room.min(deployment.replicas - new) }
}

/// The old ReplicaSets that can shrink now, and to what: first by their unhealthy pods, then by what availability
/// allows.
pub fn shrink_old(rollout: &Rollout, new: &Of<ReplicaSet>) -> Vec<(Of<ReplicaSet>, i64)> {
    let mut old: Vec<Of<ReplicaSet>> = rollout.old.iter().filter(|set| set.replicas > 0).cloned().collect();
    sort_by_age(&mut old);
    let sizes: Vec<(i64, i64)> = old.iter().map(|set| (set.replicas, set.available_replicas)).collect();
    let minimum = rollout.deployment.replicas - max_unavailable(&rollout.deployment);
    let shrunk = shrunk_sizes(&sizes, (new.replicas, new.available_replicas), minimum);
    old.into_iter().zip(shrunk).filter(|(set, size)| *size != set.replicas).collect()
}

/// New sizes of old ReplicaSets, oldest first; each given as (size, available).
fn shrunk_sizes(old: &[(i64, i64)], new: (i64, i64), minimum: i64) -> Vec<i64> {
    let mut sizes: Vec<i64> = old.iter().map(|(size, _)| *size).collect();
    let together = sizes.iter().copied().fold(new.0, i64::saturating_add);
    let mut unhealthy_budget = together.saturating_sub(minimum).saturating_sub(new.0.saturating_sub(new.1));
    if unhealthy_budget <= 0 {
        return sizes;
    }
    for (size, (_, available)) in sizes.iter_mut().zip(old) {
        let cut = unhealthy_budget.min(size.saturating_sub(*available).max(0));
        *size -= cut;
        unhealthy_budget -= cut;
    }
    let available = old.iter().map(|(_, available)| *available).fold(new.1, i64::saturating_add);
    let mut budget = available.saturating_sub(minimum);
    for size in &mut sizes {
        let cut = budget.clamp(0, *size);
        *size -= cut;
        budget -= cut;
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::{max_unavailable, new_size, shrunk_sizes, surge};
    use crate::api::LabelSelector;
    use crate::api::apps::deployment::Deployment;
    use crate::doc::Doc;

    fn deployment(replicas: i64, max_surge: impl Into<Doc>, max_unavailable: impl Into<Doc>) -> Deployment {
        Deployment {
            replicas,
            selector: LabelSelector::default(),
            template: Doc::Null,
            recreate: false,
            max_surge: max_surge.into(),
            max_unavailable: max_unavailable.into(),
            min_ready_seconds: 0,
            revision_history_limit: 10,
            progress_deadline_seconds: 600,
            paused: false,
        }
    }

    #[test]
    fn percentages_round_in_favour_of_progress() {
        let quarter = deployment(10, "25%", "25%");
        assert_eq!((surge(&quarter), max_unavailable(&quarter)), (3, 2));
        let none = deployment(10, 0i64, "0%");
        assert_eq!((surge(&none), max_unavailable(&none)), (0, 1), "both 0 would stand still");
        assert_eq!(max_unavailable(&deployment(2, 0i64, 5i64)), 2);
    }

    #[test]
    fn a_rollout_of_ten_goes_as_recorded() {
        // The first steps of a 25 %/25 % rollout: new 0 → 3, old 10 → 8, new 3 → 5.
        let quarter = deployment(10, "25%", "25%");
        assert_eq!(new_size(&quarter, 10, 0), 3);
        assert_eq!(shrunk_sizes(&[(10, 10)], (3, 0), 8), [8]);
        assert_eq!(new_size(&quarter, 11, 3), 5);
        assert_eq!(shrunk_sizes(&[(8, 8)], (5, 0), 8), [8]);
        assert_eq!(shrunk_sizes(&[(8, 8)], (5, 1), 8), [7]);
    }

    #[test]
    fn unhealthy_old_pods_go_first() {
        // Two old versions, the older one healthy: the newer one's broken pods go before any healthy one.
        assert_eq!(shrunk_sizes(&[(6, 6), (4, 0)], (3, 0), 8), [6, 2]);
        assert_eq!(shrunk_sizes(&[(6, 6), (4, 0)], (3, 3), 8), [5, 0]);
    }
}
