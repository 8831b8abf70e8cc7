//! What will happen, ordered by time and then by the order in which it was put there.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::api::Key;
use crate::codec::Codec;
use crate::collections::BTreeMap;

use super::{Causes, Incarnation, Message, Process, Time};

/// Something that will happen. Entries are data, so that a copy of the queue is a copy of the future.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Event {
    /// Whom it concerns.
    pub to: Process,
    /// The life of `to` it is meant for; `None` for any.
    pub life: Option<Incarnation>,
    /// What happens.
    pub payload: Payload,
    /// Why.
    pub causes: Causes,
}

/// What happens to a process.
#[derive(Codec, Clone, Hash, Debug)]
pub enum Payload {
    /// A message reaches the end of its link.
    Arrive(Box<Message>),
    /// A timer the process set for itself runs out.
    Timer(Timer),
    /// The process starts.
    Start,
    /// A command takes effect, by its number in the log.
    Command(u64),
}

/// A timer; what the fields mean is its owner's affair.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timer {
    /// What the timer is for.
    pub name: &'static str,
    /// A number to tell timers of one name apart, or to recognise stale ones.
    pub number: u64,
    /// The object it is about.
    pub key: Option<Key>,
}

/// The queue of future events.
///
/// Most of what happens at one moment was put there by what happened at another: events lie together by their moment,
/// and a moment is looked for among those to come, not among all events.
#[derive(Codec, Clone, Debug, Default)]
pub struct EventQueue {
    /// What is left of the next moment, once its first event was taken out.
    begun: VecDeque<Numbered>,
    /// When that is.
    begun_at: Time,
    /// The moments to come; none is empty, and none is before `begun`. Copies share them until one of them changes.
    later: BTreeMap<Time, Arc<Vec<Numbered>>>,
    pushed: u64,
}

/// An event, and the how manyth it was to be put there.
type Numbered = (u64, Event);

impl std::hash::Hash for EventQueue {
    /// How far a moment has begun is nobody's affair.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let later = self.later.values().map(|events| events.len());
        state.write_u64((self.begun.len() + later.sum::<usize>()) as u64);
        self.all().for_each(|(at, (number, event))| ((at, number), event).hash(state));
        self.pushed.hash(state);
    }
}

impl EventQueue {
    /// Puts `event` at `at`, after all others of that moment.
    pub fn push(&mut self, at: Time, event: Event) {
        let entry = (self.pushed, event);
        self.pushed += 1;
        if !self.begun.is_empty() && at <= self.begun_at {
            if at == self.begun_at {
                self.begun.push_back(entry);
                return;
            }
            // The clock was set before what comes next.
            let rest = std::mem::take(&mut self.begun);
            self.later.insert(self.begun_at, Arc::new(rest.into()));
        }
        // Timers mostly have a moment to themselves.
        let events = self.later.entry(at).or_insert_with(|| Arc::new(Vec::with_capacity(1)));
        Arc::make_mut(events).push(entry);
    }

    /// The moment of the next event.
    pub fn next_at(&self) -> Option<Time> {
        match self.begun.is_empty() {
            true => self.later.first_key_value().map(|(at, _)| *at),
            false => Some(self.begun_at),
        }
    }

    /// The next event, left in place.
    pub fn peek(&self) -> Option<(Time, &Event)> {
        self.iter().next()
    }

    /// Takes out the next event.
    pub fn pop(&mut self) -> Option<(Time, Event)> {
        if self.begun.is_empty() {
            let (at, events) = self.later.pop_first()?;
            self.begun = Arc::unwrap_or_clone(events).into();
            self.begun_at = at;
        }
        let (_, event) = self.begun.pop_front()?;
        Some((self.begun_at, event))
    }

    /// All events, next first.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &Event)> {
        self.all().map(|(at, (_, event))| (at, event))
    }

    fn all(&self) -> impl Iterator<Item = (Time, &Numbered)> {
        let begun = self.begun.iter().map(|entry| (self.begun_at, entry));
        begun.chain(self.later.iter().flat_map(|(at, events)| events.iter().map(|entry| (*at, entry))))
    }
}

impl Timer {
    /// A timer that concerns no single object.
    pub const fn named(name: &'static str) -> Timer {
        Timer { name, number: 0, key: None }
    }

    /// A timer about one object.
    pub const fn about(name: &'static str, key: Key) -> Timer {
        Timer { name, number: 0, key: Some(key) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Event, EventQueue, Payload};
    use crate::collections::BTreeMap;
    use crate::sim::{Causes, Process, Random, Time, hash_of};

    fn event(number: u64) -> Event {
        let payload = Payload::Command(number);
        Event { to: Process::Client(0), life: None, payload, causes: Causes::none() }
    }

    #[test]
    fn events_come_in_the_order_of_their_times_and_then_of_their_arrival() {
        let mut random = Random::stream(7, "queue");
        let (mut queue, mut wanted, mut now) = (EventQueue::default(), BTreeMap::new(), 0);
        for number in 0..20_000_u64 {
            // Most are soon, some at the same moment, some much later; now and then the queue runs dry.
            let at = now + random.below(if number % 7 == 0 { 10_000 } else { 20 });
            queue.push(Time(at), event(number));
            wanted.insert((at, number), ());
            for _ in 0..random.below(if number % 5000 > 2500 { 4 } else { 2 }) {
                let next = wanted.pop_first().map(|(moment, ())| moment);
                assert_eq!(queue.next_at().map(|at| at.0), next.map(|(at, _)| at));
                let popped = queue.pop().map(|(at, event)| match event.payload {
                    Payload::Command(number) => (at.0, number),
                    _ => unreachable!("only commands were put there"),
                });
                assert_eq!(popped, next);
                now = next.map_or(now, |(at, _)| at);
            }
        }
        assert!(queue.iter().map(|(at, _)| at.0).eq(wanted.keys().map(|(at, _)| *at)));
    }

    #[test]
    fn two_queues_with_the_same_future_have_the_same_hash() {
        let (mut one, mut two) = (EventQueue::default(), EventQueue::default());
        for number in 0..300 {
            one.push(Time(number), event(number));
            two.push(Time(number), event(number));
            // This one has a moment begun when others come.
            if number == 200 {
                one.pop();
            }
        }
        two.pop();
        assert_eq!(hash_of(&one), hash_of(&two));
    }
}
