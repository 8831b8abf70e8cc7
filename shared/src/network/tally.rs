//! Counting how requests go, so that an outage can be told in numbers.

use std::collections::VecDeque;

use crate::doc::Str;
use crate::sim::Time;

/// How many of the newest results are kept.
const RECENT: usize = 20;

/// The answer to one request.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct RequestResult {
    /// When the answer (or the lack of one) was known.
    pub at: Time,
    /// Whether it was a good one.
    pub ok: bool,
    /// Which pod answered, as `namespace/name`, or what went wrong.
    pub detail: Str,
}

/// Counters of somebody who sends requests.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tally {
    /// Good answers.
    pub ok: u64,
    /// Bad answers and missing ones.
    pub failed: u64,
    /// The newest results, oldest first; at most 20.
    pub recent: VecDeque<RequestResult>,
    /// When a request failed for the first time.
    pub first_failure: Option<Time>,
    /// When a request failed last.
    pub last_failure: Option<Time>,
}

impl Tally {
    /// Counts one result.
    pub fn record(&mut self, at: Time, ok: bool, detail: Str) {
        if ok {
            self.ok += 1;
        } else {
            self.failed += 1;
            self.first_failure.get_or_insert(at);
            self.last_failure = Some(at);
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(RequestResult { at, ok, detail });
    }
}
