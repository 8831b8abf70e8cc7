//! How long a Job waits before it replaces a failed pod: 10 s, doubled with each failure in a row, 10 minutes at most.

use crate::api::Of;
use crate::api::core::pod::Pod;
use crate::codec::Codec;
use crate::doc::{Doc, Timestamp};
use crate::sim::Duration;

const FIRST: u64 = 10_000;
const LONGEST: u64 = 600_000;

/// Failures since the last success.
#[derive(Codec, Clone, Copy, Debug, Hash, Default)]
pub struct Record {
    failures: u32,
    last: Option<Timestamp>,
}

impl Record {
    /// The record after more pods have ended.
    pub fn with(self, succeeded: &[&Of<Pod>], failed: &[&Of<Pod>]) -> Record {
        let latest = |pods: &[&Of<Pod>]| pods.iter().map(|pod| finish_time(pod)).max();
        match latest(succeeded) {
            None if failed.is_empty() => self,
            None => {
                Record { failures: self.failures.saturating_add(failed.len() as u32), last: latest(failed) }
            }
            Some(success) => {
                let after: Vec<&Of<Pod>> =
                    failed.iter().copied().filter(|pod| finish_time(pod) > success).collect();
                Record { failures: after.len() as u32, last: latest(&after) }
            }
        }
    }

    /// Since when and until when no failed pod is replaced, if one failed last.
    pub fn wait(&self) -> Option<(Timestamp, Timestamp)> {
        let last = self.last.filter(|_| self.failures > 0)?;
        let wait = remaining(self.failures, last, last);
        Some((last, Timestamp::from_millis(last.millis() + i64::try_from(wait.0).ok()?)))
    }

    /// How much of the wait is left.
    pub fn remaining(&self, now: Timestamp) -> Duration {
        self.last.map_or(Duration::ZERO, |last| remaining(self.failures, last, now))
    }
}

/// How much is left of the wait after so many failures, the last of which was at `last`.
pub fn remaining(failures: u32, last: Timestamp, now: Timestamp) -> Duration {
    if failures == 0 {
        return Duration::ZERO;
    }
    let wait = (FIRST << (failures - 1).min(10)).min(LONGEST);
    let passed = u64::try_from(now.millis().saturating_sub(last.millis())).unwrap_or(0);
    Duration::millis(wait.saturating_sub(passed))
}

/// When a pod ended: its last container, or since when it has not been ready, or when its deletion was asked for.
pub fn finish_time(pod: &Of<Pod>) -> Timestamp {
    let status = &pod.object().body["status"];
    let ends: Option<Vec<Timestamp>> = status["containerStatuses"]
        .items()
        .iter()
        .map(|container| container["state"]["terminated"]["finishedAt"].as_time())
        .collect();
    let unready = |condition: &&Doc| {
        condition["type"].as_str() == Some("Ready") && condition["status"].as_str() == Some("False")
    };
    let unready = status["conditions"].items().iter().find(unready);
    let deletion = pod.meta().deletion;
    ends.and_then(|ends| ends.into_iter().max())
        .or_else(|| unready.and_then(|condition| condition["lastTransitionTime"].as_time()))
        .or_else(|| {
            deletion.map(|deletion| {
                let grace = deletion.grace_seconds.saturating_mul(1000);
                Timestamp::from_millis(deletion.at.millis().saturating_sub(grace))
            })
        })
        .unwrap_or(pod.meta().creation)
}

#[cfg(test)]
mod tests {
    use super::remaining;
    use crate::doc::Timestamp;

    #[test]
    fn waits_double_up_to_ten_minutes() {
        let at = Timestamp::from_millis;
        let waits: Vec<u64> = (0..9).map(|failures| remaining(failures, at(0), at(0)).as_seconds()).collect();
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 320, 600, 600]);
        assert_eq!(remaining(40, at(0), at(0)).as_seconds(), 600);
        assert_eq!(remaining(1, at(1000), at(4500)).0, 6500);
        assert_eq!(remaining(1, at(1000), at(99_000)).0, 0);
    }
}
