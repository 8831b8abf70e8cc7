//! The event recorder: writes Events, counts up instead of writing the same one again, combines similar ones, and
//! falls silent about an object that too much happens to. The scheduler's is of the newer kind, which knows series of
//! the same event instead.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::core::event::{Involved, Said, Source};
use crate::api::{Key, Kind, Object, PatchKind, Request, Uid, User};
use crate::codec::Codec;
use smallvec::SmallVec;

use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, literal};
use crate::sim::{Context, Duration, Time, hash_of};

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

/// Writes Events on behalf of one component.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Recorder {
    user: User,
    source: Arc<Source>,
    /// What was said last and may be said again, of the next pod.
    phrase: Str,
    known: BTreeMap<u64, Known>,
    order: VecDeque<Seen>,
    similar: BTreeMap<u64, Similar>,
    /// When each object's next event would be due if they were spread evenly; a burst may run ahead of it.
    budgets: BTreeMap<u64, Time>,
}

/// Digests of what tells events from each other: every kubelet remembers thousands.
#[derive(Codec, Clone, Copy, Debug, Hash)]
struct Seen {
    /// Of the object.
    object: u64,
    /// Of object, reason and field.
    group: u64,
    /// What makes two events the same: of object, reason, field, message (empty for combined ones; of the newer kind
    /// the object's revision instead).
    same: u64,
}

impl Seen {
    fn of(uid: Uid, reason: &str, field: &str) -> Seen {
        let group = hash_of(&(uid, reason, field)) as u64;
        let bits = uid.bits();
        Seen { object: (bits >> 64) as u64 ^ bits as u64, group, same: group }
    }

    fn saying(self, message: &str) -> Seen {
        Seen { same: hash_of(&(self.group, message)) as u64, ..self }
    }

    fn at(self, revision: u64) -> Seen {
        Seen { same: hash_of(&(self.group, revision)) as u64, ..self }
    }
}

/// An event that was written.
#[derive(Codec, Clone, Debug, Hash)]
struct Known {
    key: Key,
    count: u32,
    last: Time,
}

/// Different messages of one reason about one object.
#[derive(Codec, Clone, Debug, Hash)]
struct Similar {
    /// Their digests.
    messages: SmallVec<[u64; 2]>,
    last: Time,
}

impl Recorder {
    /// A recorder for `component`, on `host` if it runs on a node.
    pub fn new(user: &User, component: &'static str, host: Str) -> Recorder {
        let source = Source { component: crate::doc::intern(component), instance: host, newer: false };
        Recorder {
            user: user.clone(),
            source: Arc::new(source),
            phrase: Str::new(),
            known: BTreeMap::new(),
            order: VecDeque::new(),
            similar: BTreeMap::new(),
            budgets: BTreeMap::new(),
        }
    }

    /// A recorder of the newer kind (`events.k8s.io`): every event stands for itself, or for a series of the same.
    pub fn of_series(user: &User, component: &'static str, instance: Str) -> Recorder {
        let source = Source { component: crate::doc::intern(component), instance, newer: true };
        Recorder { source: Arc::new(source), ..Recorder::new(user, component, Str::new()) }
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
        let involved = Involved::of(object, Str::new());
        self.event_about(involved, object.meta.uid, severity, reason, message, cx);
    }

    /// Records that something happened to what `involved` refers to (for instance one container of a pod).
    pub fn event_about(
        &mut self,
        involved: Involved,
        uid: Uid,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let mut message = message.into();
        if message == self.phrase {
            message = self.phrase.clone();
        } else if !Str::is_static(&message) {
            self.phrase = message.clone();
        }
        if self.source.newer {
            return self.event_of_series(involved, uid, severity, reason, message, cx);
        }
        let group = Seen::of(uid, reason, &involved.field);
        let (message, seen) = self.combine(group, message, cx.now());
        if !self.afford(seen, cx.now()) {
            // Counted, but not written.
            if let Some(known) = self.known.get_mut(&seen.same) {
                known.count += 1;
            }
            return;
        }
        let now = cx.timestamp().floor_seconds();
        if let Some(known) = self.known.get_mut(&seen.same) {
            known.count += 1;
            let patch = doc!({ "count": known.count, "lastTimestamp": Doc::Time(now), "message": message });
            let request = Request::patch(self.user.clone(), &known.key, PatchKind::Merge, patch);
            cx.request(request);
            return;
        }
        let said = self.said(involved, severity, reason, message, now);
        self.write(said, seen, cx);
    }

    /// An event of the newer kind: the second of a series says so, later ones are only counted.
    fn event_of_series(
        &mut self,
        involved: Involved,
        uid: Uid,
        severity: Severity,
        reason: &'static str,
        message: Str,
        cx: &mut Context<'_>,
    ) {
        let seen = Seen::of(uid, reason, "").at(involved.revision);
        let now = cx.timestamp();
        let known = self.known.get_mut(&seen.same);
        if let Some(known) = known.filter(|known| cx.now().since(known.last) < SERIES_END) {
            known.count += 1;
            known.last = cx.now();
            if known.count == 2 {
                let patch = doc!({ "series": { "count": 2i64, "lastObservedTime": Doc::MicroTime(now) } });
                cx.request(Request::patch(self.user.clone(), &known.key, PatchKind::Merge, patch));
            }
            return;
        }
        let said = self.said(involved, severity, reason, message, now);
        self.write(said, seen, cx);
    }

    /// What is said for the first time.
    fn said(
        &self,
        involved: Involved,
        severity: Severity,
        reason: &'static str,
        message: Str,
        now: Timestamp,
    ) -> Said {
        let source = Arc::clone(&self.source);
        let (warning, reason) = (severity == Severity::Warning, crate::doc::intern(reason));
        Said { involved, reason, message, warning, source, first: now, last: now, count: 1 }
    }

    fn write(&mut self, said: Said, seen: Seen, cx: &mut Context<'_>) {
        let key = key_of(&said.involved, cx);
        self.remember(seen, key.clone(), cx.now());
        cx.request(Request::event(self.user.clone(), key, said));
    }

    /// The message as it is to be written, and what counts as the same event.
    fn combine(&mut self, group: Seen, message: Str, now: Time) -> (Str, Seen) {
        let seen = group.saying(&message);
        let fresh = || Similar { messages: SmallVec::new(), last: now };
        let similar = self.similar.entry(group.group).or_insert_with(fresh);
        if now.since(similar.last) > SIMILAR_FOR {
            similar.messages.clear();
        }
        similar.last = now;
        if similar.messages.contains(&seen.same) {
            return (message, seen);
        }
        if similar.messages.len() + 1 < SIMILAR {
            similar.messages.push(seen.same);
            return (message, seen);
        }
        (format!("(combined from similar events): {message}").into(), group.saying(""))
    }

    /// Whether an event about this object may be written now; counts it if so.
    fn afford(&mut self, seen: Seen, now: Time) -> bool {
        let next = self.budgets.entry(seen.object).or_insert(now);
        let slot = (*next).max(now);
        let affordable = slot.since(now) <= REFILL * (BURST - 1);
        if affordable {
            *next = slot + REFILL;
        }
        affordable
    }

    fn remember(&mut self, seen: Seen, key: Key, now: Time) {
        if self.order.len() >= REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest.same);
            self.similar.remove(&oldest.group);
            self.budgets.remove(&oldest.object);
        }
        if self.known.insert(seen.same, Known { key, count: 1, last: now }).is_none() {
            // Every node has one of these: no more room than it is likely to need.
            if self.order.len() == self.order.capacity() {
                self.order.reserve_exact(self.order.len() / 4 + 1);
            }
            self.order.push_back(seen);
        }
    }
}

/// As upstream: the object's name and the time, in hexadecimal; a number keeps simultaneous ones apart.
fn key_of(involved: &Involved, cx: &mut Context<'_>) -> Key {
    let namespace = match &involved.namespace {
        empty if empty.is_empty() => literal!("default"),
        namespace => namespace.clone(),
    };
    let stamp = (cx.timestamp().millis() as u64) << 20 | cx.core.fresh_id() & 0xf_ffff;
    let object = involved.name.as_str();
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
    use super::{Recorder, Seen, Str};
    use crate::api::{Uid, User};
    use crate::sim::Time;

    fn recorder() -> Recorder {
        Recorder::new(&User::component("test"), "test", Str::new())
    }

    #[test]
    fn the_tenth_similar_event_and_those_after_it_are_combined() {
        let mut recorder = recorder();
        let group = Seen::of(Uid::new(1), "SuccessfulCreate", "");
        let mut say = |number: u32, at: u64| {
            recorder.combine(group, format!("Created pod: {number}").into(), Time(at)).0
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
        let mut afford = |uid, at| recorder.afford(Seen::of(Uid::new(uid), "", ""), Time(at));
        let written = (0..40).filter(|_| afford(1, 0)).count();
        assert_eq!(written, 25);
        assert!(afford(2, 0), "each object by itself");
        assert!(!afford(1, 299_000));
        assert!(afford(1, 300_000));
        assert!(!afford(1, 300_001));
    }
}
