//! The event recorder: writes Events, counts up instead of writing the same one again, combines similar ones, and
//! falls silent about an object that too much happens to. The scheduler's is of the newer kind, which knows series of
//! the same event instead.

use std::sync::Arc;

use crate::api::core::event::{Involved, Said, Source};
use crate::api::{Key, Kind, Object, PatchKind, Request, Uid, User};
use crate::codec::Codec;
use smallvec::SmallVec;

use crate::collections::{BTreeMap, sort};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp, literal};
use crate::sim::{Context, Duration, Time, hash_of};

/// How many different events are remembered for counting, at most: then the older half is forgotten.
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
    /// By what makes events the same.
    known: BTreeMap<u64, Known>,
    /// By group.
    similar: BTreeMap<u64, Similar>,
    /// When each object's next event would be due if they were spread evenly; a burst may run ahead of it.
    budgets: BTreeMap<u64, Time>,
}

/// Digests of what tells events from each other.
#[derive(Clone, Copy, Debug)]
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

/// An event that was written. All recorders together remember most events that there are: little is kept of each.
#[derive(Codec, Clone, Debug, Hash)]
struct Known {
    namespace: Str,
    name: Str,
    count: u32,
    last: Time,
}

impl Known {
    fn key(&self) -> Key {
        Key::new(Kind::Event, self.namespace.clone(), self.name.clone())
    }
}

/// Different messages of one reason about one object.
#[derive(Codec, Clone, Debug, Hash)]
struct Similar {
    /// Their digests; hardly ever more than one.
    messages: SmallVec<[u64; 1]>,
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
            let request = Request::patch(self.user.clone(), &known.key(), PatchKind::Merge, patch);
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
                cx.request(Request::patch(self.user.clone(), &known.key(), PatchKind::Merge, patch));
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
        forget_half(&mut self.known, |known| known.last);
        let Key { namespace, name, .. } = key.clone();
        self.known.insert(seen.same, Known { namespace, name, count: 1, last: cx.now() });
        cx.request(Request::event(self.user.clone(), key, said));
    }

    /// The message as it is to be written, and what counts as the same event.
    fn combine(&mut self, group: Seen, message: Str, now: Time) -> (Str, Seen) {
        let seen = group.saying(&message);
        forget_half(&mut self.similar, |similar| similar.last);
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
        forget_half(&mut self.budgets, |next| *next);
        let next = self.budgets.entry(seen.object).or_insert(now);
        let slot = (*next).max(now);
        let affordable = slot.since(now) <= REFILL * (BURST - 1);
        if affordable {
            *next = slot + REFILL;
        }
        affordable
    }
}

/// Makes room where too much is remembered.
fn forget_half<T: Clone>(remembered: &mut BTreeMap<u64, T>, last: impl Fn(&T) -> Time) {
    if remembered.len() < REMEMBERED {
        return;
    }
    let mut ages: Vec<(Time, u64)> = remembered.iter().map(|(digest, it)| (last(it), *digest)).collect();
    sort(&mut ages);
    for (_, digest) in &ages[..REMEMBERED / 2] {
        remembered.remove(digest);
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
    use super::{BTreeMap, REMEMBERED, Recorder, Seen, Str, forget_half};
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

    #[test]
    fn who_says_too_much_is_remembered_longest() {
        let mut recorder = recorder();
        let mut afford = |uid, at| recorder.afford(Seen::of(Uid::new(uid), "", ""), Time(at));
        while afford(0, 0) {}
        for uid in 1..3 * REMEMBERED as u128 {
            assert!(afford(uid, 1));
        }
        assert!(!afford(0, 2));
        assert!(recorder.budgets.len() <= REMEMBERED);
    }

    #[test]
    fn the_older_half_is_forgotten() {
        let mut remembered: BTreeMap<u64, Time> =
            (0..REMEMBERED as u64).map(|digest| (digest, Time(digest % 2))).collect();
        forget_half(&mut remembered, |last| *last);
        assert_eq!(remembered.len(), REMEMBERED / 2);
        assert!(remembered.values().all(|last| *last == Time(1)));
    }
}
