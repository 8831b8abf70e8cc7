//! A watch that a program holds open: it is told what happens, as soon as somebody looks.

use crate::api::User;
use crate::apiserver::http::{HttpRequest, HttpResponse, Watcher};
use crate::doc::{Doc, Timestamp};

use super::{Cluster, Course};

/// How much is told at once, in bytes.
const MOST: u64 = 1 << 20;

/// A watch, and how far it has come.
#[derive(Clone, Debug)]
pub struct Watching {
    request: HttpRequest,
    until: Option<Timestamp>,
    /// None while no API server answers, and once it was told that what it wants is gone.
    watcher: Option<Box<Watcher>>,
}

impl Watching {
    /// The watch that a program wants after `held`: that one, or another.
    pub fn after(held: Option<Watching>, request: HttpRequest, until: Option<Timestamp>) -> Watching {
        match held {
            Some(held) if held.request == request && held.until == until => held,
            _ => Watching { request, until, watcher: None },
        }
    }

    /// What there is to tell: events, each on its line, or a refusal. When its time is up, an empty text.
    pub fn look(&mut self, cluster: &Cluster, user: &User) -> Option<HttpResponse> {
        let now = cluster.core().timestamp();
        let events = match self.read(cluster, user, now) {
            Ok(events) => events,
            Err(refusal) => return Some(refusal),
        };
        let over = self.until.is_some_and(|until| until.millis() <= now.millis());
        (!events.is_empty() || over).then(|| HttpResponse {
            code: 200,
            body: Doc::from(events),
            warnings: Vec::new(),
        })
    }

    fn read(&mut self, cluster: &Cluster, user: &User, now: Timestamp) -> Result<String, HttpResponse> {
        // Whoever watches notices nothing while the server is away.
        let Some(store) = cluster.watched() else { return Ok(String::new()) };
        if self.watcher.is_none() {
            match cluster.course(&self.request, user.clone(), false) {
                Course::Watch(watcher) => self.watcher = Some(watcher),
                Course::Answered(refusal) => return Err(refusal),
                Course::Follow | Course::Write => unreachable!("programs watch by a request for a watch"),
            }
        }
        let Some(watcher) = &mut self.watcher else { return Ok(String::new()) };
        let told = watcher.read(store, now, MOST);
        if told.ended {
            self.watcher = None;
        }
        Ok(told.text)
    }
}
