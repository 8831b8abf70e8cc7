//! The event recorder: writes Events, counts up instead of writing the same one again, combines similar ones, and
//! falls silent about an object that too much happens to. The scheduler's is of the newer kind, which knows series of
//! the same event instead.

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
/// A series of the same event is over when nothing came for so long.
const SERIES_END: Duration = Duration::seconds(360);

/// An event's `type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs, reason = "the names are the API's own")]
pub enum Severity {
    Normal,
    Warning,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Severity::Normal => "Normal",
            Severity::Warning => "Warning",
        }
    }
}

/// Writes Events on behalf of one component.
#[derive(Clone, Debug, Hash)]
pub struct Recorder {
    user: User,
    component: Str,
    host: Str,
    /// Where the component runs, for one that writes events of the newer kind.
    instance: Option<Str>,
    known: BTreeMap<Seen, Known>,
    order: VecDeque<Seen>,
    similar: BTreeMap<(u128, Str, Str), Similar>,
    /// When each object's next event would be due if they were spread evenly; a burst may run ahead of it.
    budgets: BTreeMap<u128, Time>,
}

/// What makes two events the same: object, reason, field, message (empty for combined ones; of the newer kind the
/// object's revision instead).
type Seen = (u128, Str, Str, Str);

/// An event that was written.
#[derive(Clone, Debug, Hash)]
struct Known {
    key: Key,
    count: i64,
    last: Time,
}

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
            instance: None,
            known: BTreeMap::new(),
            order: VecDeque::new(),
            similar: BTreeMap::new(),
            budgets: BTreeMap::new(),
        }
    }

    /// A recorder of the newer kind (`events.k8s.io`): every event stands for itself, or for a series of the same.
    pub fn of_series(user: &User, component: &'static str, instance: Str) -> Recorder {
        Recorder { instance: Some(instance), ..Recorder::new(user, component, Str::new()) }
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
        let involved = object.involved(None);
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
        let message = message.into();
        if self.instance.is_some() {
            return self.event_of_series(involved, uid, severity, reason, message, cx);
        }
        let (message, same) = self.combine(uid, reason, involved["fieldPath"].str(), message, cx.now());
        if !self.afford(uid, cx.now()) {
            // Counted, but not written.
            if let Some(known) = self.known.get_mut(&same) {
                known.count += 1;
            }
            return;
        }
        let now = Doc::Time(cx.timestamp().floor_seconds());
        if let Some(known) = self.known.get_mut(&same) {
            known.count += 1;
            let patch = doc!({ "count": known.count, "lastTimestamp": now, "message": message });
            let request = Request::patch(self.user.clone(), &known.key, PatchKind::Merge, patch);
            cx.request(request);
            return;
        }
        let source = if self.host.is_empty() {
            doc!({ "component": &self.component })
        } else {
            doc!({ "component": &self.component, "host": &self.host })
        };
        let key = key_of(&involved, cx);
        // In the order of keys, as objects are kept: there are more Events than anything else.
        let body = doc!({
            "count": 1i64, "firstTimestamp": now.clone(), "involvedObject": involved, "lastTimestamp": now,
            "message": message, "metadata": { "name": &key.name, "namespace": &key.namespace }, "reason": reason,
            "reportingComponent": &self.component, "reportingInstance": &self.host, "source": source,
            "type": severity.as_str()
        });
        self.write(key, body, same, cx);
    }

    /// An event of the newer kind: the second of a series says so, later ones are only counted.
    fn event_of_series(
        &mut self,
        involved: Doc,
        uid: u128,
        severity: Severity,
        reason: &'static str,
        message: Str,
        cx: &mut Context<'_>,
    ) {
        let same = (uid, crate::doc::intern(reason), Str::new(), involved["resourceVersion"].str());
        let now = Doc::MicroTime(cx.timestamp());
        if let Some(known) = self.known.get_mut(&same).filter(|known| cx.now().since(known.last) < SERIES_END)
        {
            known.count += 1;
            known.last = cx.now();
            if known.count == 2 {
                let patch = doc!({ "series": { "count": 2i64, "lastObservedTime": now } });
                cx.request(Request::patch(self.user.clone(), &known.key, PatchKind::Merge, patch));
            }
            return;
        }
        let action = match reason {
            "Scheduled" => "Binding",
            "Preempted" => "Preempting",
            _ => "Scheduling",
        };
        let key = key_of(&involved, cx);
        let body = doc!({
            "action": action, "eventTime": now, "involvedObject": involved, "message": message,
            "metadata": { "name": &key.name, "namespace": &key.namespace }, "reason": reason,
            "reportingComponent": &self.component,
            "reportingInstance": self.instance.clone().unwrap_or_default(), "type": severity.as_str()
        });
        self.write(key, body, same, cx);
    }

    fn write(&mut self, key: Key, body: Doc, same: Seen, cx: &mut Context<'_>) {
        let namespace = key.namespace.clone();
        self.remember(same, key, cx.now());
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

    fn remember(&mut self, same: Seen, key: Key, now: Time) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            let (uid, reason, field, _) = oldest;
            self.similar.remove(&(uid, reason, field));
            self.budgets.remove(&uid);
        }
        if self.known.insert(same.clone(), Known { key, count: 1, last: now }).is_none() {
            self.order.push_back(same);
        }
    }
}

/// As upstream: the object's name and the time, in hexadecimal; a number keeps simultaneous ones apart.
fn key_of(involved: &Doc, cx: &mut Context<'_>) -> Key {
    let namespace = match involved["namespace"].str() {
        empty if empty.is_empty() => literal!("default"),
        namespace => namespace,
    };
    let stamp = (cx.timestamp().millis() as u64) << 20 | cx.core.fresh_id() & 0xf_ffff;
    let object = involved["name"].as_str().unwrap_or("");
    let name = Str::init_with(object.len() + 17, |text| {
        let (name, digits) = text.split_at_mut(object.len());
        name.copy_from_slice(object.as_bytes());
        digits[0] = b'.';
        for (digit, shift) in digits[1..].iter_mut().zip((0..64).step_by(4).rev()) {
            *digit = b"0123456789abcdef"[(stamp >> shift & 15) as usize];
        }
    });
    let name = name.expect("a text, and ASCII");
    Key::new(Kind::Event, namespace, name)
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
