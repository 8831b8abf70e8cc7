//! What was told of the cluster, captions and how the last fault ended, moment by moment and branch by branch: it stays while
//! other moments are looked at. No DOM here.

use std::collections::BTreeMap;

use crate::protocol::{Caption, Timeline, Verdict};

/// How many captions are kept.
const CAPTIONS: usize = 60;

/// What was told of one branch.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    /// Captions, oldest first.
    pub captions: Vec<Caption>,
    /// How the last fault ended.
    pub verdict: Option<Verdict>,
}

/// What was told of the branches that are not shown.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    /// The shown branch, once that is known.
    shown: Option<u32>,
    others: BTreeMap<u32, Told>,
}

impl Shelf {
    /// What was told of the branch that `timeline` shows, if that is another one than before; `told` is put away for its own.
    pub fn turn(&mut self, timeline: &Timeline, told: impl FnOnce() -> Told) -> Option<Told> {
        let known = |id: &u32| timeline.branches.iter().any(|branch| branch.id == *id);
        let before = self.shown.replace(timeline.current).filter(|id| *id != timeline.current)?;
        let told = told();
        let new = self.others.remove(&timeline.current).unwrap_or_else(|| {
            // What came later is of the branch that it left.
            let shown = timeline.branches.iter().find(|branch| branch.id == timeline.current);
            let from = shown.map_or(0, |branch| branch.from);
            let earlier = told.captions.iter().filter(|caption| caption.at <= from);
            Told { captions: earlier.cloned().collect(), verdict: None }
        });
        self.others.insert(before, told);
        self.others.retain(|id, _| known(id));
        Some(new)
    }
}

/// Adds captions, forgetting the oldest. Of a stretch that is played `again` what was told stays as it was.
pub fn add_captions(known: &mut Vec<Caption>, mut new: Vec<Caption>, again: bool) {
    if let (true, Some(first), Some(last)) = (again, known.first(), known.last()) {
        new.retain(|caption| !(first.at..=last.at).contains(&caption.at));
    }
    known.extend(new);
    known.sort_by_key(|caption| caption.at);
    let surplus = known.len().saturating_sub(CAPTIONS);
    known.drain(..surplus);
}

/// How many of the captions tell of what was before or at `now`.
pub fn until(captions: &[Caption], now: u64) -> usize {
    captions.partition_point(|caption| caption.at <= now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Branch, Happening};

    fn told(moments: &[u64]) -> Vec<Caption> {
        let gone = |at| Happening::PodGone { pod: format!("pod-{at}") };
        moments.iter().map(|&at| Caption { at, what: gone(at), accent: true }).collect()
    }

    fn timeline(current: u32, branches: &[(u32, u64)]) -> Timeline {
        let branches = branches.iter().map(|&(id, from)| Branch { id, from }).collect();
        Timeline { current, branches, ..Timeline::default() }
    }

    #[test]
    fn what_is_played_again_is_told_once_and_each_moment_has_its_own() {
        let mut known = Vec::new();
        add_captions(&mut known, told(&[20, 30, 40]), false);
        add_captions(&mut known, told(&[25, 30, 39]), true);
        assert_eq!(known, told(&[20, 30, 40]));
        // What nobody saw before is told, wherever it lies.
        add_captions(&mut known, told(&[10]), true);
        add_captions(&mut known, told(&[40, 50]), false);
        assert_eq!(known, told(&[10, 20, 30, 40, 40, 50]));
        for (now, count) in [(9, 0), (10, 1), (39, 3), (40, 5), (99, 6)] {
            assert_eq!(until(&known, now), count, "{now}");
        }
        add_captions(&mut known, told(&[60; 200]), false);
        assert_eq!(known, told(&[60; CAPTIONS]));
    }

    #[test]
    fn each_branch_keeps_what_was_told_of_it() {
        let mut shelf = Shelf::default();
        let first = Told { captions: told(&[10, 20, 30]), verdict: Some(Verdict::default()) };
        assert_eq!(shelf.turn(&timeline(1, &[(1, 0)]), || unreachable!("it is the first")), None);
        assert_eq!(shelf.turn(&timeline(1, &[(1, 0)]), || unreachable!("it is the same")), None);
        let forked = shelf.turn(&timeline(2, &[(1, 0), (2, 20)]), || first.clone());
        let expected = Told { captions: told(&[10, 20]), verdict: None };
        assert_eq!(forked, Some(expected.clone()));
        let back = shelf.turn(&timeline(1, &[(1, 0), (2, 20)]), || expected.clone());
        assert_eq!(back, Some(first.clone()));
        let again = shelf.turn(&timeline(2, &[(1, 0), (2, 20)]), || first.clone());
        assert_eq!(again, Some(expected));
        // What is forgotten is not kept.
        shelf.turn(&timeline(3, &[(2, 20), (3, 25)]), Told::default);
        assert_eq!(shelf.others.keys().collect::<Vec<_>>(), [&2]);
    }
}
