//! A second branch on the same clock, and what tells the two apart.

use std::collections::BTreeMap;

use super::{Driver, Replica, View};
use crate::{
    protocol::{Difference, Fared, PastReply, Reply},
    view_model::called,
};

/// Scene milliseconds between two comparisons.
const COMPARE_MS: f64 = 250.0;

/// How each workload fared, by its name, and until when that is known.
#[derive(Default)]
struct Record {
    fared: BTreeMap<String, Fared>,
    until: u64,
}

impl Record {
    fn watch(&mut self, view: &View, now: u64) {
        let passed = now.saturating_sub(if self.until == 0 { now } else { self.until });
        self.until = now;
        let all = || view.workloads.values().map(|it| (it.namespace.as_str(), it.name.as_str()));
        for workload in view.workloads.values() {
            let name = called(&workload.namespace, &workload.name, all());
            let fared = self.fared.entry(name).or_default();
            let was_short = fared.available < fared.wanted;
            (fared.available, fared.wanted) = (workload.available, workload.wanted);
            match (was_short, fared.available < fared.wanted) {
                (_, true) => fared.short += passed,
                (true, false) => fared.back = Some(now),
                (false, false) => {}
            }
        }
    }
}

/// The branch beside the one that is shown.
pub(super) struct Beside {
    id: u32,
    driver: Driver,
    begun: bool,
    /// Visitors without an answer when the branches parted.
    lost: u64,
    records: (Record, Record),
    compared: f64,
    told: Vec<Difference>,
}

impl Beside {
    pub fn new(id: u32, replica: Replica, lost: u64) -> Self {
        let driver = Driver::new(replica);
        let records = Default::default();
        Self { id, driver, begun: false, lost, records, compared: f64::NEG_INFINITY, told: Vec::new() }
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
        (view, lost): (&View, u64),
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
        let (now, scene) = (super::whole(clock.0), clock.1);
        if scene - self.compared < COMPARE_MS && !self.told.is_empty() {
            return replies;
        }
        self.compared = scene;
        self.records.0.watch(view, now);
        self.records.1.watch(&self.driver.view, now);
        let there = self.driver.visitors.lost.saturating_sub(self.lost);
        let mut differences = vec![Difference::Lost(lost.saturating_sub(self.lost), there)];
        differences.extend(self.records.0.fared.iter().map(|(name, here)| {
            let there = self.records.1.fared.get(name).copied().unwrap_or_default();
            Difference::Workload(name.clone(), *here, there)
        }));
        if differences != self.told {
            self.told = differences.clone();
            replies.push(Reply::Past(PastReply::Differences(differences)));
        }
        replies
    }
}
