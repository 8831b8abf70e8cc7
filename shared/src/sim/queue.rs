//! What will happen, ordered by time and then by the order in which it was put there.

use crate::api::Key;
use crate::collections::BTreeMap;

use super::{Causes, Incarnation, Message, Process, Time};

/// Something that will happen. Entries are data, so that a copy of the queue is a copy of the future.
#[derive(Clone, Hash, Debug)]
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
#[derive(Clone, Hash, Debug)]
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
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Timer {
    /// What the timer is for.
    pub name: &'static str,
    /// A number to tell timers of one name apart, or to recognise stale ones.
    pub number: u64,
    /// The object it is about.
    pub key: Option<Key>,
}

/// The queue of future events.
#[derive(Clone, Hash, Debug, Default)]
pub struct EventQueue {
    events: BTreeMap<(Time, u64), Event>,
    pushed: u64,
}

impl EventQueue {
    /// Puts `event` at `at`, after all others of that moment.
    pub fn push(&mut self, at: Time, event: Event) {
        self.events.insert((at, self.pushed), event);
        self.pushed += 1;
    }

    /// The moment of the next event.
    pub fn next_at(&self) -> Option<Time> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// The next event, left in place.
    pub fn peek(&self) -> Option<(Time, &Event)> {
        self.events.first_key_value().map(|((at, _), event)| (*at, event))
    }

    /// Takes out the next event.
    pub fn pop(&mut self) -> Option<(Time, Event)> {
        self.events.pop_first().map(|((at, _), event)| (at, event))
    }

    /// All events, next first.
    pub fn iter(&self) -> impl Iterator<Item = (Time, &Event)> {
        self.events.iter().map(|((at, _), event)| (*at, event))
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
