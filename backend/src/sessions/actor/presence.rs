//! Who is in a session: what they are called, and what they point at. The others see it; none of it is kept.

use axum::extract::ws::Utf8Bytes;
use shared::{
    doc::Str,
    session::protocol::{Person, Pointer, ServerMessage},
};

use super::{Client, FEW, Session, Standing, name, text};

impl Client {
    /// Something to see, unless there is more important to read.
    pub(super) fn glance(&self, frame: &Utf8Bytes) {
        let sees = self.standing != Standing::Unseen;
        if sees && self.line.frames.capacity() * 2 > self.line.frames.max_capacity() {
            // Whoever has just gone sees nothing any more.
            let _ = self.line.frames.try_send(frame.clone());
        }
    }
}

impl Session {
    /// `Ana`, `Ana 2` …: the first that nobody present has.
    pub(super) fn free_name(&self, wanted: &str) -> Str {
        let taken = |name: &str| self.clients.values().any(|client| client.name == name);
        name::told_apart(wanted, taken).into()
    }

    /// Tells everybody who is here.
    pub(super) fn tell_presence(&mut self) {
        let person = |client: &Client, you| Person { name: client.name.clone(), role: client.role, you };
        let people = |reader: u64| {
            self.clients
                .iter()
                .filter(|(_, client)| client.standing != Standing::Unseen)
                .map(|(&id, client)| person(client, id == reader))
                .collect()
        };
        let frames: Vec<(u64, Utf8Bytes)> = self
            .clients
            .keys()
            .map(|&id| (id, text(&ServerMessage::Presence { people: people(id) })))
            .collect();
        frames.into_iter().for_each(|(client, frame)| self.send(client, &frame));
    }

    /// Somebody is called otherwise from now on; who is here by a grant has the name that it gave.
    pub(super) fn call(&mut self, client: u64, wanted: &str) {
        let Some(called) = self.clients.get(&client) else { return };
        let Some(wanted) = name::clean(wanted).filter(|_| called.standing == Standing::Guest) else { return };
        let taken = |name: &str| self.clients.iter().any(|(id, other)| *id != client && other.name == name);
        let name = Str::from(name::told_apart(&wanted, taken));
        if let Some(called) = self.clients.get_mut(&client) {
            called.name = name;
            self.tell_presence();
        }
    }

    /// Shows the others what somebody points at; of those who only look there may be hundreds, who are not shown then.
    pub(super) fn point(&mut self, client: u64, at: Pointer) {
        let few = self.clients.len() <= FEW;
        let Some(pointing) = self.clients.get_mut(&client) else { return };
        let shown = (few || pointing.role.may_act()) && pointing.standing != Standing::Unseen;
        let before = pointing.pointer.as_deref().cloned().unwrap_or_default();
        if !shown || before == at {
            return;
        }
        pointing.pointer = (at != Pointer::default()).then(|| Box::new(at.clone()));
        let frame = text(&ServerMessage::Points { name: pointing.name.clone(), at });
        for (_, reader) in self.clients.iter().filter(|(id, _)| **id != client) {
            reader.glance(&frame);
        }
    }
}
