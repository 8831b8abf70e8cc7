//! The event recorder: writes Events, counts up instead of writing the same one again, combines similar ones, and
//! falls silent about an object that too much happens to.

use std::collections::VecDeque;

use crate::api::{Key, Kind, Object, PatchKind, Request, User};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Duration, Time};

/// How many different events are remembered for counting.
const REMEMBERED: usize = 4096;
/// From so many different messages of one reason on, about one object, they are combined …
const SIMILAR: usize = 10;
/// … unless nothing came for so long.
const SIMILAR_FOR: Duration = Duration::seconds(600);
/// Events about one object that may come at once; then one each [`REFILL`].
const BURST: u64 = 25;
const REFILL: Duration = Duration::seconds(300);

/// An event's `type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Severity {
    Normal,
    Warning,
}

/// Writes Events on behalf of one component.
#[derive(Clone, Debug, Hash)]
pub struct Recorder {
    user: User,
    component: Str,
    host: Str,
    known: BTreeMap<Seen, (Key, i64)>,
    order: VecDeque<Seen>,
    similar: BTreeMap<(u128, Str, Str), Similar>,
    /// When each object's next event would be due if they were spread evenly; a burst may run ahead of it.
    budgets: BTreeMap<u128, Time>,
}

/// What makes two events the same: object, reason, field, message (empty for combined ones).
type Seen = (u128, Str, Str, Str);

/// Different messages of one reason about one object.
#[derive(Clone, Debug, Hash)]
struct Similar {
    messages: BTreeSet<Str>,
    last: Time,
}

impl Recorder {
    /// A recorder for `component`, on `host` if it runs on a node.
    pub fn new(user: &User, component: &'static str, host: Str) -> Recorder {
        Recorder {
            user: user.clone(),
            component: crate::doc::intern(component),
            host,
            known: BTreeMap::new(),
            order: VecDeque::new(),
            similar: BTreeMap::new(),
            budgets: BTreeMap::new(),
        }
    }

    /// Records that something happened to `object`.
    pub fn event(
        &mut self,
        object: &Object,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let mut involved = object.reference();
        let info = object.key.kind.info();
        involved.set("apiVersion", info.api_version());
        if object.meta.resource_version != 0 {
            involved.set("resourceVersion", object.meta.resource_version.to_string());
        }
        self.event_about(involved, object.meta.uid, severity, reason, message, cx);
    }

    /// Records that something happened to what `involved` refers to (for instance one container of a pod).
    pub fn event_about(
        &mut self,
        involved: Doc,
        uid: u128,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let (message, same) =
            self.combine(uid, reason, involved["fieldPath"].str(), message.into(), cx.now());
        if !self.afford(uid, cx.now()) {
            // Counted, but not written.
            if let Some((_, count)) = self.known.get_mut(&same) {
                *count += 1;
            }
            return;
        }
        let now = Doc::Time(cx.timestamp().floor_seconds());
        if let Some((key, count)) = self.known.get_mut(&same) {
            *count += 1;
            let patch = doc!({ "count": *count, "lastTimestamp": now, "message": message });
            let request = Request::patch(self.user.clone(), key, PatchKind::Merge, patch);
            cx.request(request);
            return;
        }
        let namespace = match involved["namespace"].str() {
            empty if empty.is_empty() => literal!("default"),
            namespace => namespace,
        };
        // As upstream: the object's name and the time, in hexadecimal; a number keeps simultaneous ones apart.
        let stamp = (cx.timestamp().millis() as u64) << 20 | cx.core.fresh_id() & 0xf_ffff;
        let name: Str = format!("{}.{stamp:016x}", involved["name"].str()).into();
        let source = if self.host.is_empty() {
            doc!({ "component": &self.component })
        } else {
            doc!({ "component": &self.component, "host": &self.host })
        };
        // In the order of keys, as objects are kept: there are more Events than anything else.
        let body = doc!({
            "count": 1i64, "firstTimestamp": now.clone(), "involvedObject": involved, "lastTimestamp": now,
            "message": message, "metadata": { "name": &name, "namespace": &namespace }, "reason": reason,
            "reportingComponent": &self.component, "reportingInstance": &self.host, "source": source,
            "type": match severity { Severity::Normal => "Normal", Severity::Warning => "Warning" }
        });
        let key = Key { kind: Kind::Event, namespace: namespace.clone(), name };
        self.remember(same, key);
        cx.request(Request::create(self.user.clone(), Kind::Event, namespace, body));
    }

    /// The message as it is to be written, and what counts as the same event.
    fn combine(
        &mut self,
        uid: u128,
        reason: &'static str,
        field: Str,
        message: Str,
        now: Time,
    ) -> (Str, Seen) {
        let reason = crate::doc::intern(reason);
        let key = (uid, reason.clone(), field.clone());
        let similar =
            self.similar.entry(key).or_insert_with(|| Similar { messages: BTreeSet::new(), last: now });
        if now.since(similar.last) > SIMILAR_FOR {
            similar.messages.clear();
        }
        similar.last = now;
        similar.messages.insert(message.clone());
        if similar.messages.len() < SIMILAR {
            return (message.clone(), (uid, reason, field, message));
        }
        similar.messages.pop_last();
        (format!("(combined from similar events): {message}").into(), (uid, reason, field, Str::new()))
    }

    /// Whether an event about this object may be written now; counts it if so.
    fn afford(&mut self, uid: u128, now: Time) -> bool {
        let next = self.budgets.entry(uid).or_insert(now);
        let slot = (*next).max(now);
        let affordable = slot.since(now) <= REFILL * (BURST - 1);
        if affordable {
            *next = slot + REFILL;
        }
        affordable
    }

    fn remember(&mut self, same: Seen, key: Key) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            let (uid, reason, field, _) = oldest;
            self.similar.remove(&(uid, reason, field));
            self.budgets.remove(&uid);
        }
        self.order.push_back(same.clone());
        self.known.insert(same, (key, 1));
    }
}

#[cfg(test)]
mod tests {
    use super::{Recorder, Str};
    use crate::api::User;
    use crate::sim::Time;

    fn recorder() -> Recorder {
        Recorder::new(&User::component("test"), "test", Str::new())
    }

    #[test]
    fn the_tenth_similar_event_and_those_after_it_are_combined() {
        let mut recorder = recorder();
        let mut say = |number: u32, at: u64| {
            recorder
                .combine(1, "SuccessfulCreate", Str::new(), format!("Created pod: {number}").into(), Time(at))
                .0
        };
        for number in 1..=9 {
            assert_eq!(say(number, 0), format!("Created pod: {number}"));
        }
        assert_eq!(say(10, 0), "(combined from similar events): Created pod: 10");
        assert_eq!(say(1, 0), "Created pod: 1", "known messages stay themselves");
        assert_eq!(say(12, 700_000), "Created pod: 12", "long ago is not similar");
    }

    #[test]
    fn an_object_has_25_events_at_once_and_one_in_five_minutes() {
        let mut recorder = recorder();
        let written = (0..40).filter(|_| recorder.afford(1, Time(0))).count();
        assert_eq!(written, 25);
        assert!(recorder.afford(2, Time(0)), "each object by itself");
        assert!(!recorder.afford(1, Time(299_000)));
        assert!(recorder.afford(1, Time(300_000)));
        assert!(!recorder.afford(1, Time(300_001)));
    }
}
