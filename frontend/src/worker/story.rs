//! Measures how a fault ends: how long the app was short of pods, what was waited for, who got no answer. Pure.

use std::collections::BTreeMap;

use super::view::View;
use crate::protocol::{Command, Verdict, Wait, WaitKind};

/// A fault and what has been seen of its consequences.
#[derive(Clone, Debug)]
pub struct Story {
    again: Option<Command>,
    since: u64,
    lost_before: u64,
    /// Endpoints of each Service when it began.
    served: BTreeMap<String, usize>,
    /// The most pods that each workload had since, by UID.
    best: BTreeMap<String, u32>,
    /// Workloads that lost pods, by UID. What was short already and gets no worse is no consequence.
    short: Vec<String>,
    /// When each kind of wait began and was last seen.
    waits: Vec<(WaitKind, u64, u64)>,
}

impl Story {
    /// A fault strikes at `now`, by this command if a person did it here; so many visitors got no answer before it.
    pub fn begin(again: Option<&Command>, view: &View, now: u64, lost: u64) -> Self {
        let served =
            view.services.iter().map(|(uid, service)| (uid.clone(), service.endpoints.len())).collect();
        let best = view.workloads.values().map(|it| (it.uid.clone(), it.available)).collect();
        Self {
            again: again.cloned(),
            since: now,
            lost_before: lost,
            served,
            best,
            short: Vec::new(),
            waits: Vec::new(),
        }
    }

    /// Looks on; once everything is back, the result.
    pub fn watch(&mut self, view: &View, waits: &[Wait], now: u64, lost: u64) -> Option<Verdict> {
        for wait in waits.iter().filter(|wait| wait.kind.holds()) {
            match self.waits.iter_mut().find(|(kind, ..)| *kind == wait.kind) {
                Some((.., last)) => *last = now,
                None => self.waits.push((wait.kind, wait.since.max(self.since), now)),
            }
        }
        for (uid, workload) in &view.workloads {
            let best = self.best.entry(uid.clone()).or_default();
            let fell = workload.available < *best && workload.available < workload.wanted;
            *best = workload.available.max(*best);
            if fell && !self.short.contains(uid) {
                self.short.push(uid.clone());
            }
        }
        let known: Vec<_> = self.short.iter().filter_map(|uid| view.workloads.get(uid)).collect();
        let back = known.iter().all(|workload| workload.available >= workload.wanted);
        let served = self.served.iter().all(|(uid, before)| {
            view.services.get(uid).is_none_or(|service| service.endpoints.len() >= *before)
        });
        let first = known.first().filter(|_| back && served)?;
        Some(Verdict {
            workload: first.uid.clone(),
            at: now,
            replicas: first.wanted,
            took: now.saturating_sub(self.since),
            lost: lost.saturating_sub(self.lost_before),
            again: self.again.clone(),
            waits: self.waits.iter().map(|&(kind, first, last)| (kind, last.saturating_sub(first))).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Service, Workload};

    fn view(available: u32, endpoints: usize) -> View {
        let mut view = View::default();
        let workload =
            Workload { uid: "w".into(), name: "web".into(), available, wanted: 3, ..Workload::default() };
        let service =
            Service { uid: "s".into(), endpoints: vec![String::new(); endpoints], ..Service::default() };
        view.workloads.insert("w".into(), Arc::new(workload));
        view.services.insert("s".into(), Arc::new(service));
        view
    }

    #[test]
    fn the_verdict_comes_when_pods_and_endpoints_are_back_and_not_before() {
        let fault = Command::Fault { target: "node/n".into(), kind: "FillDisk".into() };
        let mut story = Story::begin(Some(&fault), &view(3, 3), 1000, 2);
        let (object, of, namespace) = ("n".into(), "Node".into(), String::new());
        let grace =
            Wait { id: 1, kind: WaitKind::NodeGracePeriod, object, of, namespace, since: 0, until: 50_000 };
        assert_eq!(story.watch(&view(3, 3), std::slice::from_ref(&grace), 1000, 2), None);
        assert_eq!(story.watch(&view(3, 3), &[grace], 50_000, 10), None);
        assert_eq!(story.watch(&view(2, 2), &[], 60_000, 19), None);
        assert_eq!(story.watch(&view(3, 2), &[], 61_000, 19), None);
        let verdict = story.watch(&view(3, 3), &[], 62_000, 19).expect("all is back");
        assert_eq!((verdict.took, verdict.lost, verdict.replicas), (61_000, 17, 3));
        assert_eq!(verdict.waits, [(WaitKind::NodeGracePeriod, 49_000)]);
        assert_eq!(verdict.again, Some(fault), "that and nothing else can be struck again");
    }

    #[test]
    fn an_app_that_was_short_before_is_back_only_after_the_fault_took_pods_from_it() {
        let mut story = Story::begin(None, &view(2, 2), 1000, 0);
        assert_eq!(story.watch(&view(2, 2), &[], 1000, 0), None);
        assert_eq!(story.watch(&view(3, 3), &[], 1500, 0), None, "that was on its way before");
        assert_eq!(story.watch(&view(1, 1), &[], 9000, 4), None);
        assert_eq!(story.watch(&view(2, 2), &[], 12_000, 4), None);
        let verdict = story.watch(&view(3, 3), &[], 21_000, 4).expect("all is back");
        assert_eq!((verdict.workload.as_str(), verdict.took), ("w", 20_000));
        // What was short and gets worse is a consequence, too.
        let mut story = Story::begin(None, &view(2, 2), 1000, 0);
        assert_eq!(story.watch(&view(0, 0), &[], 2000, 0), None);
        assert!(story.watch(&view(3, 3), &[], 9000, 0).is_some());
    }
}
