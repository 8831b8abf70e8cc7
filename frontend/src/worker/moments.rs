//! Moments of a cluster that can be gone back to: all of it, kept for the price of pointers. Dense near the present,
//! sparse further back, and never more than a few dozen.

use std::rc::Rc;

use super::replica::Replica;

/// Moments kept of a cluster of ordinary size.
const MOST: usize = 48;
/// Moments kept of one with more objects than the first number: each holds on to all that was replaced since.
const MOST_OF_LARGE: [(u64, usize); 2] = [(200_000, 3), (20_000, 10)];
/// Virtual milliseconds between two moments at least.
const APART: u64 = 2500;

/// Moments of one branch, oldest first.
#[derive(Clone, Default)]
pub struct Moments {
    kept: Vec<(u64, Rc<Replica>)>,
}

impl Moments {
    /// Keeps the present moment, if the last one is long enough ago.
    pub fn pass(&mut self, replica: &Replica) {
        let now = replica.cluster().now().0;
        if self.kept.last().is_none_or(|(at, _)| now >= at + APART) {
            self.keep(replica);
        }
    }

    /// Keeps the present moment.
    pub fn keep(&mut self, replica: &Replica) {
        let now = replica.cluster().now().0;
        if self.kept.last().is_some_and(|(at, _)| *at >= now) {
            return;
        }
        self.kept.push((now, Rc::new(replica.clone())));
        while self.kept.len() > most_of(replica.cluster().store().len()) {
            self.thin(now);
        }
    }

    /// Keeps a moment before all others.
    pub fn begin(&mut self, replica: &Replica) {
        self.kept.insert(0, (replica.cluster().now().0, Rc::new(replica.clone())));
    }

    /// Lets that moment go which leaves the smallest gap for its age.
    fn thin(&mut self, now: u64) {
        #[expect(clippy::cast_precision_loss, reason = "virtual time stays far below 2^52 ms")]
        let loss = |index: &usize| {
            let (before, at, after) = (self.kept[index - 1].0, self.kept[*index].0, self.kept[index + 1].0);
            (after - before) as f64 / (now - at + 10_000) as f64
        };
        let inner = 1..self.kept.len() - 1;
        if let Some(index) = inner.min_by(|a, b| loss(a).total_cmp(&loss(b))) {
            self.kept.remove(index);
        }
    }

    /// The earliest moment there is.
    pub fn first(&self) -> Option<u64> {
        self.kept.first().map(|(at, _)| *at)
    }

    /// The last moment at or before `at`.
    pub fn before(&self, at: u64) -> Option<&Rc<Replica>> {
        self.kept.iter().rev().find(|(time, _)| *time <= at).map(|(_, replica)| replica)
    }

    /// All of them, oldest first.
    pub fn all(&self) -> impl Iterator<Item = &Replica> {
        self.kept.iter().map(|(_, replica)| &**replica)
    }

    /// Those up to `at`.
    pub fn until(&self, at: u64) -> Self {
        Self { kept: self.kept.iter().filter(|(time, _)| *time <= at).cloned().collect() }
    }
}

/// How many moments are kept of a cluster with so many objects.
fn most_of(objects: u64) -> usize {
    MOST_OF_LARGE.iter().find(|(beyond, _)| objects > *beyond).map_or(MOST, |(_, most)| *most)
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;

    #[test]
    fn a_long_run_keeps_few_moments_and_the_last_ones_densely() {
        let mut replica = Replica::first();
        let mut moments = Moments::default();
        let first = replica.cluster().now().0;
        for second in 0..1500 {
            replica.advance_to(Time(first + second * 3000));
            moments.pass(&replica);
        }
        let times: Vec<u64> = moments.kept.iter().map(|(at, _)| *at).collect();
        assert_eq!(times.len(), MOST);
        assert_eq!(moments.first(), Some(first));
        let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(gaps[gaps.len() - 1] <= 3000, "{gaps:?}");
        assert!(gaps.iter().all(|gap| *gap < 1_200_000), "{gaps:?}");
        assert_eq!(moments.before(first + 5).map(|it| it.cluster().now().0), Some(first));
    }
}
