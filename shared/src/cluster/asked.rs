//! Requests from outside: sent to an API server, and answered as the outcomes of their commands.

use std::sync::Arc;

use super::{Cluster, Outcome};
use crate::api::{Reply, Request, Status, User, Verb};
use crate::apiserver::http::{self, HttpRequest, HttpResponse};
use crate::sim::{Body, Causes, Duration, Process, RequestId};

/// How much of an answer that goes on is kept, in bytes.
const LONGEST_STREAM: usize = 1 << 18;

/// A request from outside that waits for its answer.
#[derive(Clone, Debug, Hash)]
pub(super) struct Asked {
    command: u64,
    http: HttpRequest,
    request: Arc<Request>,
    /// What came of an answer that goes on.
    received: String,
}

impl Asked {
    /// Keeps the end of an answer that goes on for long.
    fn receive(&mut self, text: &str) {
        self.received.push_str(text);
        if let Some(most) = self.received.len().checked_sub(LONGEST_STREAM).filter(|&more| more > 0) {
            let cut = (most..).find(|&at| self.received.is_char_boundary(at)).unwrap_or(most);
            self.received.drain(..cut);
        }
    }
}

impl Cluster {
    /// What came so far in answer to a command whose answer goes on (a log that is followed).
    pub fn received(&self, command: u64) -> Option<&str> {
        let asked = self.asked.values().find(|asked| asked.command == command)?;
        Some(&asked.received)
    }

    pub(super) fn ask(&mut self, number: u64, http: HttpRequest, user: User, causes: Causes) {
        let now = self.core.timestamp();
        let user = self.apiserver().authenticate(&http, user, &self.store, now);
        let request = match user.and_then(|user| http::decode(&http, user, &self.store)) {
            Ok(request) if request.verb == Verb::Watch => {
                let status = Status::method_not_allowed();
                self.outcomes.push((number, Outcome::Http(HttpResponse::from(&status))));
                return;
            }
            Ok(request) => Arc::new(request),
            Err(status) => {
                self.outcomes.push((number, Outcome::Http(HttpResponse::from(&status))));
                return;
            }
        };
        let id = self.core.fresh_id();
        let client = Process::Client(0);
        let server = self.core.healthy_api_server(client);
        self.core.send(client, server, Body::Request(id, Arc::clone(&request)), Duration::ZERO, &causes);
        self.asked.insert(id, Asked { command: number, http, request, received: String::new() });
    }

    pub(super) fn answered(&mut self, id: RequestId, result: &Result<Reply, Box<Status>>) {
        if let (Ok(Reply::Part(text)), Some(asked)) = (result, self.asked.get_mut(&id)) {
            asked.receive(text);
            return;
        }
        if let Some(mut asked) = self.asked.remove(&id) {
            let mut response = http::encode(result, &asked.request, &asked.http, self.core.timestamp());
            if !asked.received.is_empty() && response.is_success() {
                asked.receive(response.body.as_str().unwrap_or(""));
                response.body = asked.received.into();
            }
            self.outcomes.push((asked.command, Outcome::Http(response)));
        }
    }
}
