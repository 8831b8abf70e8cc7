//! What was done in a shared cluster and is not in its log yet. It survives a broken connection: what the log shows to
//! have arrived before the break is done, all else is sent on return, once, and no faster than a server takes it.

use std::collections::BTreeSet;

use shared::{
    scenario::StepAction,
    session::protocol::{ClientMessage, Entry},
    sim::Time,
};

/// So many commands are sent at once on return.
const AT_ONCE: f64 = 20.0;
/// As many a millisecond follow: with the moment of each, well below what a server takes from one page.
const PER_MS: f64 = 0.008;

/// A command on its way.
#[derive(Clone)]
struct Waiting {
    id: u32,
    action: StepAction,
    /// When it was done, if that was while nobody could be told.
    at: Option<Time>,
    sent: bool,
}

/// Commands on their way, in their order.
#[derive(Clone, Default)]
pub struct Pending {
    waiting: Vec<Waiting>,
    /// Entries that are known to be answers to commands; the entries themselves may still be on their way.
    accepted: BTreeSet<u64>,
    /// As whom one is in the session.
    name: String,
    broken: bool,
    /// How far the log goes that comes on return; nothing is sent before it is here.
    until: Option<u64>,
    /// Whether it was told since who else is here.
    met: bool,
    /// How many may be sent.
    credit: f64,
}

impl Pending {
    /// Somebody does something. The answer is what to send now: nothing while there is no connection.
    pub fn submit(&mut self, id: u32, action: StepAction) -> Option<ClientMessage> {
        let sent = !self.broken && self.until.is_none() && self.waiting.iter().all(|before| before.sent);
        self.waiting.push(Waiting { id, action: action.clone(), at: None, sent });
        sent.then_some(ClientMessage::Submit { id, action })
    }

    /// Things were done, and told to whoever did them, while there was no connection.
    pub fn keep(&mut self, deeds: impl Iterator<Item = (Time, StepAction)>) {
        let waiting = |(at, action)| Waiting { id: 0, action, at: Some(at), sent: false };
        self.waiting.extend(deeds.map(waiting));
    }

    /// What waits, for somebody who tells from now on what comes of it.
    pub fn hand_over(&mut self) -> Vec<(u32, StepAction)> {
        let given = |it: &mut Waiting| (std::mem::take(&mut it.id), it.action.clone());
        self.waiting.iter_mut().map(given).collect()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.until.is_none() && self.waiting.is_empty()
    }

    /// The connection is gone.
    pub fn lose(&mut self) {
        self.broken = true;
    }

    /// It is back; the log goes on to this entry.
    pub fn resume(&mut self, until: u64) {
        // What was sent and not answered on the connection before is looked for in the log.
        if std::mem::take(&mut self.broken) {
            (self.until, self.met, self.credit) = (Some(until), false, AT_ONCE);
        }
    }

    /// What this client is called, among those who are here.
    pub fn set_name(&mut self, name: &str) {
        self.met = true;
        name.clone_into(&mut self.name);
    }

    /// What this client is called.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// A command got this number in the log.
    pub fn accept(&mut self, id: u32, sequence: u64) {
        self.accepted.insert(sequence);
        self.end(id);
    }

    /// A command is not done; whether it was waited for.
    pub fn end(&mut self, id: u32) -> bool {
        let at = self.waiting.iter().position(|waiting| waiting.sent && waiting.id == id);
        at.map(|at| self.waiting.remove(at)).is_some()
    }

    /// An entry of the log came: on return, the command that it is, if it is one of those whose answer was lost.
    pub fn enter(&mut self, entry: &Entry) -> Option<u32> {
        let known = self.accepted.remove(&entry.sequence);
        if known || self.until.is_none() || entry.by != self.name {
            return None;
        }
        let at = self.waiting.iter().position(|waiting| waiting.sent && waiting.action == entry.action)?;
        Some(self.waiting.remove(at).id)
    }

    /// What is to be sent, `passed` milliseconds after it was asked last, once the log is here up to this entry. Whoever is
    /// `alone` brings the clock along: it stood while they were away.
    pub fn due(&mut self, sequence: u64, passed: f64, alone: bool) -> Vec<ClientMessage> {
        if let Some(until) = self.until {
            if sequence < until || !self.met {
                return Vec::new();
            }
            self.until = None;
            self.waiting.iter_mut().for_each(|waiting| waiting.sent = false);
        }
        let mut said = Vec::new();
        if self.broken {
            return said;
        }
        self.credit = (self.credit + passed * PER_MS).min(AT_ONCE);
        for waiting in self.waiting.iter_mut().filter(|waiting| !waiting.sent) {
            if self.credit < 1.0 {
                break;
            }
            self.credit -= 1.0;
            waiting.sent = true;
            if let Some(at) = waiting.at.filter(|_| alone) {
                said.push(ClientMessage::Pace { running: None, speed: None, until: Some(at) });
            }
            said.push(ClientMessage::Submit { id: waiting.id, action: waiting.action.clone() });
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn action(text: &str) -> StepAction {
        StepAction::Kubectl(text.into())
    }

    fn entry(sequence: u64, by: &str, text: &str) -> Entry {
        Entry { sequence, at: Time::ZERO, by: by.into(), action: action(text) }
    }

    fn ids(messages: &[ClientMessage]) -> Vec<u32> {
        let id = |message: &ClientMessage| match message {
            ClientMessage::Submit { id, .. } => Some(*id),
            _ => None,
        };
        messages.iter().filter_map(id).collect()
    }

    #[test]
    fn what_was_typed_without_a_connection_is_sent_on_return() {
        let mut pending = Pending::default();
        pending.set_name("Ana");
        assert!(pending.submit(1, action("get pods")).is_some());
        pending.accept(1, 1);
        assert_eq!(pending.enter(&entry(1, "Ana", "get pods")), None);
        pending.lose();
        assert!(pending.submit(2, action("scale a")).is_none());
        assert!(pending.submit(0, action("scale b")).is_none());
        pending.resume(3);
        assert!(pending.submit(0, action("scale c")).is_none(), "the log comes first");
        assert_eq!(pending.enter(&entry(2, "Ben", "scale a")), None, "another did that");
        assert!(pending.due(2, 0.0, true).is_empty());
        assert_eq!(pending.enter(&entry(3, "Ben", "get nodes")), None);
        assert!(pending.due(3, 0.0, true).is_empty(), "it is not known yet who is here");
        pending.set_name("Ana");
        assert_eq!(ids(&pending.due(3, 0.0, true)), [2, 0, 0]);
        assert!(pending.due(3, 1000.0, true).is_empty(), "once");
        assert!(pending.end(0) && pending.end(2) && pending.end(0) && !pending.end(0));
    }

    #[test]
    fn what_arrived_before_the_break_is_not_done_twice() {
        let mut pending = Pending::default();
        pending.set_name("Ana");
        for id in 1..=3 {
            assert!(pending.submit(id, action("scale a")).is_some());
        }
        // The answer to the first arrived, its entry did not; the second is in the log, the third is not.
        pending.accept(1, 1);
        pending.lose();
        pending.resume(2);
        assert_eq!(pending.enter(&entry(1, "Ana", "scale a")), None);
        assert_eq!(pending.enter(&entry(2, "Ana", "scale a")), Some(2));
        pending.set_name("Ana");
        assert_eq!(ids(&pending.due(2, 0.0, true)), [3]);
    }

    #[test]
    fn many_are_sent_one_after_another_each_at_its_moment() {
        let mut pending = Pending::default();
        pending.lose();
        pending.keep((1..=50).map(|second| (Time(second * 1000), action("scale a"))));
        assert_eq!(pending.hand_over().len(), 50);
        pending.resume(0);
        pending.set_name("Ana");
        let first = pending.due(0, 0.0, true);
        assert_eq!(ids(&first).len(), 20);
        let moments: Vec<Time> = first
            .iter()
            .filter_map(|message| match message {
                ClientMessage::Pace { until, .. } => *until,
                _ => None,
            })
            .collect();
        assert_eq!((moments.len(), moments[19]), (20, Time(20_000)));
        assert!(pending.submit(7, action("scale b")).is_none(), "others wait before it");
        let mut rest = Vec::new();
        for _ in 0..8 {
            rest.extend(pending.due(0, 500.0, false));
        }
        assert_eq!((rest.len(), ids(&rest).last()), (31, Some(&7)), "who is not alone keeps off the clock");
        (0..50).for_each(|_| pending.accept(0, 1));
        assert!(!pending.is_empty() && pending.end(7) && pending.is_empty());
    }
}
