//! What was done in a shared cluster and is not in its log yet. It survives a broken connection: what the log shows to
//! have arrived before the break is done, all else is sent on return, once.

use std::collections::BTreeSet;

use shared::{
    scenario::StepAction,
    session::protocol::{ClientMessage, Entry},
};

/// Commands on their way, in their order.
#[derive(Clone, Default)]
pub struct Pending {
    waiting: Vec<(u32, StepAction)>,
    /// Entries that are known to be answers to commands; the entries themselves may still be on their way.
    accepted: BTreeSet<u64>,
    /// As whom one is in the session.
    name: String,
    broken: bool,
    /// How far the log goes that comes on return; nothing is sent before it is here.
    until: Option<u64>,
}

impl Pending {
    /// Somebody does something. The answer is what to send now: nothing while there is no connection.
    pub fn submit(&mut self, id: u32, action: StepAction) -> Option<ClientMessage> {
        self.waiting.push((id, action.clone()));
        (!self.broken && self.until.is_none()).then_some(ClientMessage::Submit { id, action })
    }

    /// The connection is gone.
    pub fn lose(&mut self) {
        self.broken = true;
    }

    /// It is back; the log goes on to this entry.
    pub fn resume(&mut self, until: u64) {
        // What was sent and not answered on the connection before is looked for in the log.
        if std::mem::take(&mut self.broken) {
            self.until = Some(until);
        }
    }

    /// What this client is called.
    pub fn set_name(&mut self, name: &str) {
        name.clone_into(&mut self.name);
    }

    /// A command got this number in the log.
    pub fn accept(&mut self, id: u32, sequence: u64) {
        self.accepted.insert(sequence);
        self.end(id);
    }

    /// A command is not done; whether it was waited for.
    pub fn end(&mut self, id: u32) -> bool {
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == id);
        at.map(|at| self.waiting.remove(at)).is_some()
    }

    /// An entry of the log came: on return, the command that it is, if it is one of those whose answer was lost.
    pub fn enter(&mut self, entry: &Entry) -> Option<u32> {
        let known = self.accepted.remove(&entry.sequence);
        if known || self.until.is_none() || entry.by != self.name {
            return None;
        }
        let at = self.waiting.iter().position(|(_, action)| *action == entry.action)?;
        Some(self.waiting.remove(at).0)
    }

    /// What is to be sent once the log is here up to this entry.
    pub fn due(&mut self, sequence: u64) -> Vec<ClientMessage> {
        if self.until.is_none_or(|until| sequence < until) {
            return Vec::new();
        }
        self.until = None;
        let submit =
            |(id, action): &(u32, StepAction)| ClientMessage::Submit { id: *id, action: action.clone() };
        self.waiting.iter().map(submit).collect()
    }
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;

    fn action(text: &str) -> StepAction {
        StepAction::Kubectl(text.into())
    }

    fn entry(sequence: u64, by: &str, text: &str) -> Entry {
        Entry { sequence, at: Time::ZERO, by: by.into(), action: action(text) }
    }

    fn ids(messages: &[ClientMessage]) -> Vec<u32> {
        let id = |message: &ClientMessage| match message {
            ClientMessage::Submit { id, .. } => *id,
            other => panic!("{other:?} is no command"),
        };
        messages.iter().map(id).collect()
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
        assert!(pending.due(2).is_empty());
        assert_eq!(pending.enter(&entry(3, "Ben", "get nodes")), None);
        assert_eq!(ids(&pending.due(3)), [2, 0, 0]);
        assert!(pending.due(3).is_empty(), "once");
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
        assert_eq!(ids(&pending.due(2)), [3]);
    }
}
