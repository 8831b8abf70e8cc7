//! Requests from outside that change nothing: answered from the state as it is, without a place in the log.

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::{Reason, Request, Status, Subresource, User, Verb};
use crate::apiserver::custom_resources;
use crate::apiserver::http::{self, HttpRequest, HttpResponse, Watcher};
use crate::etcd::Store;
use crate::sim::{Causes, Context, Duration, Process};

use super::{Action, Cluster, Command, Outcome};

/// How long an answer is waited for that has to come from a node or from members of etcd.
const PATIENCE: Duration = Duration::seconds(120);
/// Bodies from this size on are tried out before they are logged, in bytes.
const LARGE: usize = 64 << 10;

/// What becomes of a request from outside.
#[derive(Debug)]
pub enum Course {
    /// It is answered already: it only reads, or makes no sense.
    Answered(HttpResponse),
    /// It is to be told what happens from now on.
    Watch(Box<Watcher>),
    /// It is to be told what a container says from now on.
    Follow,
    /// It may change something: the answer comes when it is played as a command.
    Write,
}

impl Cluster {
    /// The resources of a version and kind that somebody defined here.
    pub fn defined(&self, api_version: &str, kind: &str) -> Option<CustomResources> {
        custom_resources(&self.store, api_version, kind)
    }

    /// Answers a request of `user` if that needs no command. `read_only` holds whoever the request speaks for.
    pub fn course(&self, http: &HttpRequest, user: User, read_only: bool) -> Course {
        let now = self.core.timestamp();
        let client = Process::Client(0);
        let mut scratch = self.clone();
        let server = scratch.core.healthy_api_server(client);
        let Process::ApiServer(number) = server else { return Course::Answered(unreachable()) };
        if !scratch.core.running(server) || !scratch.core.links.open(client, server) {
            return Course::Answered(unreachable());
        }
        let user = self.apiservers[number as usize].authenticate(http, user, &self.store, now);
        let user = user.map(|user| User { read_only: user.read_only || read_only, ..user });
        let request = match user.and_then(|user| http::decode(http, user, &self.store)) {
            Ok(request) => request,
            Err(status) => return Course::Answered(HttpResponse::from(&status)),
        };
        let replicated = self.apiservers[number as usize].remote().is_some();
        match () {
            () if request.verb == Verb::Watch => {
                let server = &self.apiservers[number as usize];
                match Watcher::open(http, request, server.seen(&self.store)) {
                    Ok(watcher) => Course::Watch(Box::new(watcher)),
                    Err(status) => Course::Answered(HttpResponse::from(&status)),
                }
            }
            () if request.subresource == Subresource::Log
                && request.body["follow"].as_bool() == Some(true) =>
            {
                Course::Follow
            }
            () if !(only_reads(&request) || request.user.read_only && is_refused_viewers(&request)) => {
                // What is refused in any case takes no room in the log.
                if http.body.len() < LARGE || request.subresource.is_as_it_is() {
                    return Course::Write;
                }
                let answer = scratch.wait_for(http, request.user);
                if (400..500).contains(&answer.code) { Course::Answered(answer) } else { Course::Write }
            }
            () if replicated
                || request.subresource.is_connection()
                || matches!(request.subresource, Subresource::Log | Subresource::Metrics) =>
            {
                let user = request.user;
                Course::Answered(scratch.wait_for(http, user))
            }
            () => {
                let mut cx = Context { core: &mut scratch.core, me: server, causes: Causes::none() };
                let server = &mut scratch.apiservers[number as usize];
                let result = server.look(&request, &mut scratch.store, &mut cx).map_err(Box::new);
                Course::Answered(http::encode(&result, &request, http, now))
            }
        }
    }

    /// What the watchers of the API server that clients speak to may see; none while it does not answer.
    pub fn watched(&self) -> Option<&Store> {
        let client = Process::Client(0);
        // Which one they speak to is only looked up where there are several: a copy of everything is not for nothing.
        let server = match self.apiservers.len() {
            1 => Process::ApiServer(0),
            _ => self.core.clone().healthy_api_server(client),
        };
        let Process::ApiServer(number) = server else { return None };
        let open = self.core.running(server) && self.core.links.open(client, server);
        open.then(|| self.apiservers[number as usize].seen(&self.store))
    }

    /// Plays on until a request is answered.
    fn wait_for(&mut self, http: &HttpRequest, user: User) -> HttpResponse {
        // It is known who asks: nothing is to be looked at again.
        let HttpRequest { method, path, content_type, accept, body, .. } = http.clone();
        let http = HttpRequest { method, path, content_type, accept, body, ..HttpRequest::default() };
        let end = self.now() + PATIENCE;
        let number = self.apply(Command { at: self.now(), user, action: Action::Request(http) });
        while self.next_at().is_some_and(|at| at <= end) {
            self.step();
            for (command, outcome) in self.take_outcomes() {
                if let (true, Outcome::Http(response)) = (command == number, outcome) {
                    return response;
                }
            }
        }
        HttpResponse::from(&Status::request_timeout())
    }
}

/// Whether a request leaves everything as it is.
fn only_reads(request: &Request) -> bool {
    // Whether a port can be reached is asked without a text for it.
    let asks = request.subresource == Subresource::PortForward && request.body["stdin"].str().is_empty();
    asks || request.verb.is_read() && request.subresource != Subresource::Proxy
        || request.options.dry_run
        || request.subresource == Subresource::AccessReview
}

/// Whether those who only look are refused, so that nothing needs to be played.
fn is_refused_viewers(request: &Request) -> bool {
    !request.verb.is_read() || request.subresource == Subresource::Proxy
}

fn unreachable() -> HttpResponse {
    let status = Status::new(Reason::ServiceUnavailable, "the API server of this cluster does not answer");
    HttpResponse::from(&Status { transport: true, ..status })
}
