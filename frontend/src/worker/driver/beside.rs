//! A second branch on the same clock, and what tells the two apart.

use shared::cluster::Cluster;

use super::{Driver, Replica};
use crate::{
    protocol::{Difference, PastReply, Reply},
    worker::fared,
};

/// Scene milliseconds between two comparisons.
const COMPARE_MS: f64 = 250.0;

/// The branch beside the one that is shown.
pub(super) struct Beside {
    id: u32,
    driver: Driver,
    begun: bool,
    /// When the branches parted, and visitors without an answer by then.
    parted: (u64, u64),
    /// Scene and virtual time of the last comparison.
    compared: (f64, u64),
    told: Vec<Difference>,
}

impl Beside {
    pub fn new(id: u32, replica: Replica, parted: (u64, u64)) -> Self {
        let driver = Driver::new(replica);
        Self { id, driver, begun: false, parted, compared: (f64::NEG_INFINITY, 0), told: Vec::new() }
    }

    pub fn id(&self) -> u32 {
        self.id
    }

    pub fn now(&self) -> u64 {
        self.driver.cluster_now()
    }

    /// Its cluster, as far as it came.
    pub fn lived(self) -> Replica {
        self.driver.replica
    }

    /// Follows the clock of the shown branch, of which `here` says what is seen.
    pub fn follow(
        &mut self,
        clock: (f64, f64, f64, bool),
        (shown, lost): (&Cluster, u64),
        late: &dyn Fn() -> bool,
    ) -> Vec<Reply> {
        let mut replies = Vec::new();
        if !self.begun {
            self.begun = true;
            if let Reply::Frame(frame) = self.driver.first_frame() {
                replies.push(Reply::Past(PastReply::Beside(frame)));
            }
        }
        replies.extend(self.driver.follow(clock, late));
        let ((_, scene, _, running), now) = (clock, self.now());
        let (last, moment) = self.compared;
        // Who turns to another moment while time stands still sees what was so then.
        if scene - last < COMPARE_MS && (running || now == moment) {
            return replies;
        }
        self.compared = (scene, now);
        let (parted, before) = self.parted;
        let there = self.driver.visitors.lost.saturating_sub(before);
        let mut differences = vec![Difference::Lost(lost.saturating_sub(before), there)];
        let others = fared::since(self.driver.cluster(), parted);
        differences.extend(fared::since(shown, parted).into_iter().map(|(name, here)| {
            let there = others.get(&name).copied().unwrap_or_default();
            Difference::Workload(name, here, there)
        }));
        if differences != self.told {
            self.told = differences.clone();
            replies.push(Reply::Past(PastReply::Differences(differences)));
        }
        replies
    }
}
