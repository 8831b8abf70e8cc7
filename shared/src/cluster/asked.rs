//! Requests from outside: sent to an API server, and answered as the outcomes of their commands.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Cluster, Outcome};
use crate::api::{Reply, Request, Status, User, Verb};
use crate::apiserver::http::{self, HttpRequest, HttpResponse};
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{Body, Causes, Duration, Process, RequestId};

/// How much of an answer that goes on is kept, in bytes.
const LONGEST_STREAM: usize = 1 << 18;
/// How much of what a program writes bit by bit is kept for those who have not read it yet, in bytes.
const LONGEST_OUTPUT: u64 = 4 << 20;

/// A request from outside that waits for its answer.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Asked {
    command: u64,
    http: HttpRequest,
    request: Arc<Request>,
    /// What came of an answer that goes on.
    received: String,
    output: Output,
}

/// What a program writes, as it comes: the newest of it is kept.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Output {
    /// How many parts are not kept any more.
    dropped: u64,
    bytes: u64,
    parts: VecDeque<(bool, Str)>,
}

impl Output {
    fn add(&mut self, to_err: bool, text: Str) {
        self.bytes += text.len() as u64;
        self.parts.push_back((to_err, text));
        while self.bytes > LONGEST_OUTPUT {
            let Some((_, oldest)) = self.parts.pop_front() else { break };
            self.bytes -= oldest.len() as u64;
            self.dropped += 1;
        }
    }

    /// The parts behind the first `known`, each with whether it went to standard error; none when some of them are not
    /// kept any more.
    pub fn after(&self, known: u64) -> Option<impl Iterator<Item = &(bool, Str)>> {
        let skip = known.checked_sub(self.dropped)?;
        Some(self.parts.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)))
    }

    fn is_empty(&self) -> bool {
        self.dropped == 0 && self.parts.is_empty()
    }

    /// As it stands in the answer of a program that has ended.
    fn doc(&self) -> Doc {
        let parts = self.parts.iter().map(|(to_err, text)| doc!({ "stderr": *to_err, "text": text }));
        doc!({ "dropped": self.dropped as i64, "parts": parts.collect::<Vec<Doc>>() })
    }

    /// What the answer of a program that has ended has of it.
    pub fn read(doc: &Doc) -> Output {
        let mut output = Output {
            dropped: doc["output"]["dropped"]
                .as_i64()
                .and_then(|count| u64::try_from(count).ok())
                .unwrap_or(0),
            ..Output::default()
        };
        for part in doc["output"]["parts"].items() {
            output.add(part["stderr"].as_bool() == Some(true), part["text"].str());
        }
        output
    }
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

    /// What the program of a command has written so far, once it runs and as long as it does.
    pub fn output(&self, command: u64) -> Option<&Output> {
        let asked = self.asked.values().find(|asked| asked.command == command)?;
        Some(&asked.output).filter(|output| !output.is_empty())
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
        let (received, output) = (String::new(), Output::default());
        self.asked.insert(id, Asked { command: number, http, request, received, output });
    }

    pub(super) fn answered(&mut self, id: RequestId, result: &Result<Reply, Box<Status>>) {
        if let (Ok(Reply::Part(text)), Some(asked)) = (result, self.asked.get_mut(&id)) {
            asked.receive(text);
            return;
        }
        if let (Ok(Reply::Output(to_err, text)), Some(asked)) = (result, self.asked.get_mut(&id)) {
            asked.output.add(*to_err, text.clone());
            return;
        }
        if let Some(mut asked) = self.asked.remove(&id) {
            let mut response = http::encode(result, &asked.request, &asked.http, self.core.timestamp());
            if !asked.received.is_empty() && response.is_success() {
                asked.receive(response.body.as_str().unwrap_or(""));
                response.body = asked.received.into();
            }
            if !asked.output.is_empty() && response.is_success() {
                response.body.set("output", asked.output.doc());
            }
            self.outcomes.push((asked.command, Outcome::Http(response)));
        }
    }
}
