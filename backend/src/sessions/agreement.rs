//! Whether all who are in a session see the same cluster: they report what they have, and here it is compared.

use std::collections::BTreeMap;

/// Which state a hash is of: all commands up to `sequence` taken in, and everything up to `time` happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Point {
    /// Virtual milliseconds.
    pub time: u64,
    /// The number of the last command.
    pub sequence: u64,
}

/// What the comparison came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Where it was compared.
    pub point: Point,
    /// Whether all hashes are the same.
    pub in_sync: bool,
    /// How many were compared.
    pub clients: u32,
    /// The state that most have; in a tie, one that an early comer has.
    pub hash: u128,
    /// Whether everybody should know, or only the client that reported.
    pub for_all: bool,
}

/// Reports are compared for this many points; those of a client that lags further behind are not.
const POINTS: usize = 128;

#[derive(Clone, Copy, Debug)]
struct Report {
    hash: u128,
    trusted: bool,
}

/// The reports so far.
#[derive(Debug, Default)]
pub struct Agreement {
    reports: BTreeMap<Point, BTreeMap<u64, Report>>,
    newest_dropped: Option<Point>,
}

impl Agreement {
    /// Takes a client's report, and says how it compares; nothing when the point is too old. Those who may only watch
    /// are not trusted: what they report says something about them and about nobody else.
    pub fn report(&mut self, client: u64, trusted: bool, point: Point, hash: u128) -> Option<Verdict> {
        if self.newest_dropped.is_some_and(|dropped| point <= dropped) {
            return None;
        }
        let reports = self.reports.entry(point).or_default();
        // The first word counts: nobody changes a report that others were compared with.
        let own = reports.entry(client).or_insert(Report { hash, trusted }).hash;
        let others = reports.iter().filter(|(other, report)| **other != client && report.trusted);
        let compared: Vec<u128> = others.map(|(_, report)| report.hash).chain([own]).collect();
        let votes = |hash: u128| compared.iter().filter(|other| **other == hash).count();
        // The last of equals wins `max_by_key`: so the earliest client must come last.
        let hash = compared.iter().rev().copied().max_by_key(|hash| votes(*hash)).unwrap_or(own);
        let verdict = Verdict {
            point,
            in_sync: compared.iter().all(|other| *other == own),
            clients: u32::try_from(compared.len()).unwrap_or(u32::MAX),
            hash,
            for_all: trusted,
        };
        while self.reports.len() > POINTS {
            self.newest_dropped = self.reports.pop_first().map(|(point, _)| point);
        }
        Some(verdict)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_hashes_agree_and_others_do_not() {
        let mut agreement = Agreement::default();
        let point = Point { time: 1000, sequence: 3 };
        assert!(
            agreement
                .report(1, true, point, 7)
                .is_some_and(|verdict| verdict.in_sync && verdict.clients == 1)
        );
        assert!(
            agreement
                .report(2, true, point, 7)
                .is_some_and(|verdict| verdict.in_sync && verdict.clients == 2)
        );
        assert!(
            agreement
                .report(3, true, point, 8)
                .is_some_and(|verdict| !verdict.in_sync && verdict.clients == 3)
        );
        assert!(
            agreement.report(3, true, point, 7).is_some_and(|verdict| !verdict.in_sync),
            "the first word counts"
        );
        let other = Point { time: 1000, sequence: 4 };
        assert!(agreement.report(3, true, other, 9).is_some_and(|verdict| verdict.in_sync));
    }

    #[test]
    fn a_watcher_cannot_cry_wolf() {
        let mut agreement = Agreement::default();
        let point = Point { time: 1000, sequence: 3 };
        agreement.report(1, false, point, 8);
        let verdict = agreement.report(2, true, point, 7).expect("the point is new");
        assert!(verdict.in_sync && verdict.for_all);
        let verdict = agreement.report(3, false, point, 9).expect("the point is new");
        assert!(!verdict.in_sync && !verdict.for_all);
    }

    #[test]
    fn old_points_are_forgotten_and_stay_so() {
        let mut agreement = Agreement::default();
        for time in 0..1000 {
            agreement.report(1, true, Point { time, sequence: 0 }, 1);
        }
        assert_eq!(agreement.report(2, true, Point { time: 10, sequence: 0 }, 2), None);
        assert!(
            agreement
                .report(2, true, Point { time: 990, sequence: 0 }, 2)
                .is_some_and(|verdict| !verdict.in_sync)
        );
    }
}
