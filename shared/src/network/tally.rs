//! Counting how requests go, so that an outage can be told in numbers.

use std::collections::VecDeque;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Str, literal};
use crate::sim::{EMPTY_REPLY, Time};

/// How many of the newest results are kept.
const RECENT: usize = 20;

/// Why a request failed, as a client finds out.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Failure {
    /// Nothing listens there, or no endpoint is behind it.
    Refused,
    /// Nobody answered in time.
    TimedOut,
    /// There is no way there.
    NoRoute,
    /// The name does not exist.
    UnknownHost,
    /// No DNS server answered in time.
    NoDns,
    /// An HTTP status of 400 or more.
    Http,
    /// The certificate is not for that host.
    Tls,
    /// Who took the connection speaks no HTTP, and closed it without a word.
    Empty,
}

impl Failure {
    /// The failure's short name, as counters and files have it.
    pub fn name(self) -> &'static str {
        match self {
            Failure::Refused => "refused",
            Failure::TimedOut => "timeout",
            Failure::NoRoute => "noRoute",
            Failure::UnknownHost => "unknownHost",
            Failure::NoDns => "noDns",
            Failure::Http => "http",
            Failure::Tls => "tls",
            Failure::Empty => "empty",
        }
    }

    /// What a client prints.
    pub fn text(self) -> Str {
        match self {
            Failure::Refused => literal!("connection refused"),
            Failure::TimedOut => literal!("timed out"),
            Failure::NoRoute => literal!("no route to host"),
            Failure::UnknownHost => literal!("could not resolve host"),
            Failure::NoDns => literal!("could not resolve host: timed out"),
            Failure::Http => literal!("HTTP error"),
            Failure::Tls => literal!("SSL certificate problem: self-signed certificate"),
            Failure::Empty => literal!(EMPTY_REPLY),
        }
    }
}

/// How one request ended.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Ending {
    /// Why it failed, if it did.
    pub failure: Option<Failure>,
    /// Which pod answered, as `namespace/name`, or what went wrong.
    pub detail: Str,
}

impl Ending {
    /// What an answer means: an HTTP status from somebody, or none and why.
    pub fn of(status: Option<u32>, detail: &Str) -> Ending {
        match status {
            Some(status) if status >= 400 => {
                let detail = format!("HTTP {status} from {detail}").into();
                Ending { failure: Some(Failure::Http), detail }
            }
            Some(_) => Ending { failure: None, detail: detail.clone() },
            None => {
                let all = [Failure::NoRoute, Failure::Tls, Failure::Empty];
                let failure = all.into_iter().find(|failure| failure.text() == *detail);
                Ending { failure: Some(failure.unwrap_or(Failure::Refused)), detail: detail.clone() }
            }
        }
    }
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Ending {
        Ending { failure: Some(failure), detail: failure.text() }
    }
}

/// The answer to one request.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct RequestResult {
    /// When the answer (or the lack of one) was known.
    pub at: Time,
    /// Whether it was a good one.
    pub ok: bool,
    /// Which pod answered, as `namespace/name`, or what went wrong.
    pub detail: Str,
}

/// Counters of somebody who sends requests.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Tally {
    /// Good answers.
    pub ok: u64,
    /// Bad answers and missing ones.
    pub failed: u64,
    /// The failures by their kind.
    pub failures: BTreeMap<Failure, u64>,
    /// The newest results, oldest first; at most 20.
    pub recent: VecDeque<RequestResult>,
    /// When a request failed for the first time.
    pub first_failure: Option<Time>,
    /// When a request failed last.
    pub last_failure: Option<Time>,
}

impl Tally {
    /// Counts one result.
    pub fn record(&mut self, at: Time, ending: &Ending) {
        let ok = ending.failure.is_none();
        if let Some(failure) = ending.failure {
            self.failed += 1;
            *self.failures.entry(failure).or_default() += 1;
            self.first_failure.get_or_insert(at);
            self.last_failure = Some(at);
        } else {
            self.ok += 1;
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(RequestResult { at, ok, detail: ending.detail.clone() });
    }
}
