//! Expectations: what must come true, and by when.

use serde::{Deserialize, Serialize};

use crate::api::{Key, Kind, Object};
use crate::codec::Codec;
use crate::doc::{Doc, Str};
use crate::kubectl::jsonpath::JsonPath;
use crate::sim::{Duration, Time};

/// A goal: a value of an object that is as expected for so long without a break.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Expectation {
    /// Its name, unique in the scenario.
    pub id: Str,
    /// The object: `deployment/todo-api`, `node/node-2`; or a source of traffic in numbers: `traffic/shoppers`.
    pub object: Str,
    /// Its namespace; `default` when left out.
    #[serde(default, skip_serializing_if = "Str::is_empty")]
    pub namespace: Str,
    /// The value: `{.status.availableReplicas}`.
    pub jsonpath: Str,
    /// What it must equal. A number that the object leaves out counts as 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equals: Option<Doc>,
    /// The least it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least: Option<i64>,
    /// The most it must be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most: Option<i64>,
    /// The earliest moment at which the stretch counts.
    #[serde(default, skip_serializing_if = "super::sparse::is_default")]
    pub after: Duration,
    /// The latest moment at which the stretch may begin; the end when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Duration>,
    /// How long it must stay true.
    #[serde(default, rename = "for", skip_serializing_if = "super::sparse::is_default")]
    pub lasts: Duration,
}

/// How an expectation came out.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Verdict {
    /// Whether it was met.
    pub met: bool,
    /// When that was certain.
    pub at: Time,
}

/// How far an expectation is.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Progress {
    /// The object it is about.
    pub key: Option<Key>,
    /// The revision of the object last looked at; 0 when there was none.
    pub seen: u64,
    /// Since when the value is as expected.
    pub since: Option<Time>,
    /// The verdict, once there is one.
    pub verdict: Option<Verdict>,
}

impl Progress {
    /// Of a goal nobody has looked at yet.
    pub fn of(goal: &Expectation) -> Progress {
        Progress { key: goal.key().ok(), seen: 0, since: None, verdict: None }
    }
}

impl Expectation {
    /// What is wrong with it: the field (`.object`) and a sentence.
    pub(super) fn check(&self) -> Result<(), (&'static str, String)> {
        if self.id.is_empty() {
            return Err((".id", "an expectation needs a name".into()));
        }
        if self.source().is_none() {
            self.key().map_err(|message| (".object", message))?;
        }
        self.path().map_err(|message| (".jsonpath", message))?;
        if self.equals.is_none() && self.at_least.is_none() && self.at_most.is_none() {
            return Err(("", "say what is expected: equals, atLeast or atMost".into()));
        }
        if self.within.is_some_and(|within| within < self.after) {
            return Err((".within", "it is over before `after`".into()));
        }
        Ok(())
    }

    /// The path to what it looks at. Dots of a key in quotes part nothing here, as they do for kubectl: scenarios were
    /// written before it was read as kubectl reads it.
    fn path(&self) -> Result<JsonPath, String> {
        let mut parts = self.jsonpath.split("['");
        let mut whole = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let end = part.find("']").filter(|end| !part[..*end].contains([',', '\\'])).unwrap_or(0);
            let (key, rest) = part.split_at(end);
            whole.push_str(&format!("['{}{rest}", key.replace('.', "\\.")));
        }
        JsonPath::parse(&whole)
    }

    /// The object it is about.
    ///
    /// # Errors
    /// A sentence that says what is wrong with `object`.
    pub fn key(&self) -> Result<Key, String> {
        let named = self.object.split_once('/').filter(|(_, name)| !name.is_empty() && !name.contains('/'));
        let (kind, name) = named
            .ok_or_else(|| format!("{:?} is no object: write it as deployment/todo-api", self.object))?;
        let kind = Kind::named(kind).ok_or_else(|| format!("there is no resource type {kind:?}"))?;
        let namespace = match (kind.info().namespaced, self.namespace.as_str()) {
            (false, _) => "",
            (true, "") => "default",
            (true, namespace) => namespace,
        };
        Ok(Key::new(kind, namespace, name))
    }

    /// The source of traffic that it is about, if it is about one.
    pub fn source(&self) -> Option<&str> {
        self.object.strip_prefix("traffic/")
    }

    /// Whether the value is as expected now; `None` is an object that is not there.
    pub fn holds(&self, object: Option<&Object>) -> bool {
        object.is_some_and(|object| self.holds_in(&object.to_doc()))
    }

    fn holds_in(&self, doc: &Doc) -> bool {
        let Ok(path) = self.path() else { return false };
        let found = path.find(doc).into_iter().next().unwrap_or_default();
        // The API leaves out what is zero.
        let number = if found.is_null() { Some(0) } else { found.as_i64() };
        let equal = self.equals.as_ref().is_none_or(|wanted| match wanted {
            Doc::Int(wanted) => number == Some(wanted.get()),
            Doc::Str(wanted) => found.as_str() == Some(wanted) || found.to_json() == wanted.as_str(),
            wanted => found == *wanted,
        });
        let enough = self.at_least.is_none_or(|least| number.is_some_and(|number| number >= least));
        let few = self.at_most.is_none_or(|most| number.is_some_and(|number| number <= most));
        equal && enough && few
    }

    /// When the stretch that began at `since` counts from.
    fn counts_from(&self, since: Time) -> Option<Time> {
        let from = since.max(Time(self.after.0));
        self.within.is_none_or(|within| from.0 <= within.0).then_some(from)
    }

    /// When the verdict falls if nothing changes any more; `None` when it waits for a change without end.
    pub fn decides_at(&self, progress: &Progress) -> Option<Time> {
        if progress.verdict.is_some() {
            return None;
        }
        match progress.since.and_then(|since| self.counts_from(since)) {
            Some(from) => Some(from + self.lasts),
            None => self.within.map(|within| Time(within.0.saturating_add(1))),
        }
    }

    /// Decides what is certain once everything up to and including `now` has happened.
    pub fn settle(&self, progress: &mut Progress, now: Time) {
        let Some(at) = self.decides_at(progress).filter(|at| *at <= now) else { return };
        let met = progress.since.is_some_and(|since| self.counts_from(since).is_some());
        progress.verdict = Some(Verdict { met, at });
    }

    /// Takes note of the object as it is at `now`.
    pub fn observe(&self, progress: &mut Progress, object: Option<&Object>, now: Time) {
        let revision = object.map_or(0, |object| object.meta.resource_version);
        if progress.verdict.is_none() && progress.seen != revision {
            progress.seen = revision;
            self.found(progress, self.holds(object), now);
        }
    }

    /// The same for a source of traffic in numbers.
    pub fn observe_source(&self, progress: &mut Progress, summary: Option<&Doc>, now: Time) {
        if progress.verdict.is_none() {
            self.found(progress, summary.is_some_and(|summary| self.holds_in(summary)), now);
        }
    }

    fn found(&self, progress: &mut Progress, holds: bool, now: Time) {
        match (holds, progress.since) {
            (true, None) => progress.since = Some(now),
            (false, Some(_)) => progress.since = None,
            _ => {}
        }
    }
}
