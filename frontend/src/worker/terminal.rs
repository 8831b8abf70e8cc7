//! kubectl programs of the terminal. A program is a client outside the cluster's state: what it only reads is answered
//! by a private copy of the cluster, and what may change something is sent as a command.

use std::collections::BTreeMap;

use shared::{
    api::User,
    cluster::{Action, Cluster, Command, HttpRequest, HttpResponse, Outcome, Watching},
    doc,
    doc::Doc,
    kubectl::{self, Ask, Program, Progress, Seen},
    scenario::RequestStep,
    sim::Time,
};

mod follow;
mod program;

use super::driver::Driver;
use crate::protocol::{Reply, TerminalAsk, TerminalKeys, TerminalReply, TerminalRequest};
use follow::Follow;
use program::Inside;

/// Wall time that one tick spends on answers, in milliseconds.
const BUDGET_MS: f64 = 10.0;
/// Ticks between two looks of a program that looks again and again: time may pass a thousandfold.
const REST: u32 = 3;
/// How long a read may take, in virtual milliseconds.
const PATIENCE_MS: u64 = 60_000;

/// The programs that run.
#[derive(Default)]
pub struct Terminal {
    running: BTreeMap<u32, Running>,
    /// The kubeconfig, once a program changed it.
    config: Doc,
    requests: u32,
    ticks: u32,
}

struct Running {
    program: Program,
    seen: Seen,
    state: State,
}

impl Running {
    /// Ctrl-C.
    fn interrupt(&mut self) {
        let so_far = if let State::Follows(follow) = &self.state { follow.text() } else { "" };
        self.program.interrupt(so_far);
        self.state = State::Ready;
    }
}

enum State {
    /// It goes on at the next tick.
    Ready,
    /// A private copy of the cluster answers: the copy, the command's number there, and when it began.
    Reads(Box<Cluster>, u64, Time),
    /// The cluster answers the request with this number.
    Writes(u32),
    /// A program runs in a container.
    Runs(Box<Inside>),
    /// It is told what happens.
    Watches(Watching),
    /// A log is followed.
    Follows(Box<Follow>),
    Sleeps(Time),
    /// The person is asked.
    Asks,
}

impl Terminal {
    /// Does what the page asks.
    pub fn hear(&mut self, request: TerminalRequest, driver: &mut Driver) -> Vec<Reply> {
        match request {
            TerminalRequest::Run { id, args, stdin } => {
                driver.typed(id, &args);
                let date = driver.replica().cluster().core().timestamp();
                let args = args.iter().map(|word| word.as_str().into()).collect();
                let program =
                    Program::new(args, stdin.as_str().into(), date).with_config(self.config.clone());
                self.running.insert(id, Running { program, seen: Seen::default(), state: State::Ready });
            }
            TerminalRequest::Interrupt(id) => {
                self.keys(id, &TerminalKeys::HangUp, driver);
                if let Some(running) = self.running.get_mut(&id) {
                    running.interrupt();
                }
            }
            TerminalRequest::Keys { id, keys } => self.keys(id, &keys, driver),
            TerminalRequest::Answer { id, text } => {
                if let Some(running) = self.running.get_mut(&id)
                    && matches!(running.state, State::Asks)
                {
                    running.program.reply(text.as_str().into());
                    running.state = State::Ready;
                }
            }
            TerminalRequest::Documentation(text) => shared::schema::learn(&text),
            TerminalRequest::Words => {
                let words = kubectl::words().map(|(verb, flags)| (verb.to_owned(), flags)).collect();
                return vec![Reply::Terminal(TerminalReply::Words(words))];
            }
        }
        Vec::new()
    }

    fn keys(&mut self, id: u32, keys: &TerminalKeys, driver: &mut Driver) {
        if let Some(Running { state: State::Runs(inside), .. }) = self.running.get_mut(&id) {
            self.requests += 1;
            inside.keys(keys, self.requests, driver);
        }
    }

    /// The cluster that the programs talk to is gone: they are interrupted.
    pub fn end_all(&mut self) {
        self.running.values_mut().for_each(Running::interrupt);
    }

    /// Lets every program go on as far as it comes.
    pub fn tick(&mut self, driver: &mut Driver, clock: &dyn Fn() -> f64) -> Vec<Reply> {
        if self.running.is_empty() {
            return Vec::new();
        }
        let deadline = clock() + BUDGET_MS;
        self.ticks = self.ticks.wrapping_add(1);
        self.take_responses(driver);
        let mut replies = Vec::new();
        let ids: Vec<u32> = self.running.keys().copied().collect();
        for id in ids {
            self.advance(id, driver, &|| clock() > deadline, &mut replies);
        }
        let waits = |running: &Running| match &running.state {
            State::Writes(_) => true,
            State::Runs(inside) => inside.waits,
            _ => false,
        };
        if self.running.values().any(waits) {
            driver.nudge();
        }
        replies
    }

    fn take_responses(&mut self, driver: &mut Driver) {
        for (number, response) in driver.replica().take_responses() {
            let asks = |running: &&mut Running| match &running.state {
                State::Writes(it) => *it == number,
                State::Runs(inside) => inside.is(number),
                _ => false,
            };
            let Some(running) = self.running.values_mut().find(asks) else { continue };
            let response = match &mut running.state {
                State::Runs(inside) => inside.ended(response),
                _ => response,
            };
            running.program.answer(response);
            running.state = State::Ready;
        }
    }

    fn advance(&mut self, id: u32, driver: &mut Driver, late: &dyn Fn() -> bool, replies: &mut Vec<Reply>) {
        let due = self.ticks.is_multiple_of(REST);
        let Some(running) = self.running.get_mut(&id) else { return };
        loop {
            match &mut running.state {
                State::Asks | State::Writes(_) => return,
                State::Sleeps(until) => {
                    if !due || driver.replica().cluster().now() < *until {
                        return;
                    }
                    running.program.wake();
                }
                State::Reads(copy, number, since) => {
                    let Some(mut response) = answer(copy, *number, *since, late) else { return };
                    // Schemas for `explain`; nothing else has a place for words.
                    shared::schema::describe(&mut response.body);
                    running.program.answer(response);
                }
                State::Watches(watching) => {
                    let Some(news) = watching.look(driver.replica().cluster(), &User::admin()) else {
                        return;
                    };
                    running.program.answer(news);
                }
                State::Follows(follow) => {
                    if !due {
                        return;
                    }
                    let ended = follow.look(driver.replica().cluster());
                    running.program.receive(follow.text(), "");
                    print(id, running, replies);
                    let State::Follows(follow) = &running.state else { return };
                    match ended {
                        None => return,
                        Some(_) if !follow.text().is_empty() => {
                            let body = Doc::from(follow.text());
                            running.program.answer(HttpResponse { code: 200, body, warnings: Vec::new() });
                        }
                        Some(response) => running.program.answer(response),
                    }
                }
                State::Runs(inside) => {
                    inside.look(driver);
                    let (stdout, stderr) = inside.written();
                    running.program.receive(stdout, stderr);
                    print(id, running, replies);
                    return;
                }
                State::Ready => {}
            }
            let before = std::mem::replace(&mut running.state, State::Ready);
            let progress = running.program.run();
            print(id, running, replies);
            running.state = match progress {
                Progress::Needs(request) => begin(request, driver, &mut self.requests),
                Progress::Runs(request) => {
                    self.requests += 1;
                    let inside = Inside::begin(request, self.requests, driver);
                    replies.extend(inside.tty.then_some(Reply::Terminal(TerminalReply::Listens(id))));
                    State::Runs(Box::new(inside))
                }
                Progress::Watches(request, until) => {
                    let held = if let State::Watches(watching) = before { Some(watching) } else { None };
                    State::Watches(Watching::after(held, request, until))
                }
                Progress::Waits(length) => State::Sleeps(driver.replica().cluster().now() + length),
                Progress::Asks(ask) => {
                    replies.push(Reply::Terminal(TerminalReply::Asks { id, ask: handed(ask) }));
                    State::Asks
                }
                Progress::Done(output) => {
                    if !running.program.config().is_null() {
                        self.config = running.program.config().clone();
                    }
                    replies.push(Reply::Terminal(TerminalReply::Done { id, code: output.exit_code }));
                    self.running.remove(&id);
                    driver.typed_ended(id);
                    return;
                }
            };
            if late() {
                return;
            }
        }
    }
}

/// Sends a request where it belongs.
fn begin(request: HttpRequest, driver: &mut Driver, requests: &mut u32) -> State {
    if let Some(follow) = Follow::of(&request) {
        return State::Follows(Box::new(follow));
    }
    if reads(&request) {
        let (copy, number) = ask(driver.replica().cluster(), request);
        let since = copy.now();
        return State::Reads(copy, number, since);
    }
    *requests += 1;
    driver.request(*requests, RequestStep::from(request));
    State::Writes(*requests)
}

/// Whether a request changes nothing.
fn reads(request: &HttpRequest) -> bool {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let review = ["selfsubjectaccessreviews", "selfsubjectrulesreviews", "selfsubjectreviews"];
    request.method == "GET"
        || query.split('&').any(|pair| pair == "dryRun=All")
        || path.rsplit('/').next().is_some_and(|last| review.contains(&last))
}

/// Asks a private copy of the cluster: the copy, and the command's number there.
fn ask(cluster: &Cluster, request: HttpRequest) -> (Box<Cluster>, u64) {
    let mut copy = Box::new(cluster.clone());
    copy.take_outcomes();
    let command = Command { at: copy.now(), user: User::admin(), action: Action::Request(request) };
    let number = copy.apply(command);
    (copy, number)
}

/// What the copy answers, once it does; `None` when there was no time left to find out.
fn answer(copy: &mut Cluster, number: u64, since: Time, late: &dyn Fn() -> bool) -> Option<HttpResponse> {
    loop {
        let found = copy.take_outcomes().into_iter().find(|(answered, _)| *answered == number);
        match found {
            Some((_, Outcome::Http(response))) => return Some(response),
            Some(_) => return Some(nobody()),
            None if copy.now().0 > since.0 + PATIENCE_MS => return Some(nobody()),
            None => {}
        }
        // Looking at the wall clock costs more than a step.
        for _ in 0..50 {
            if !copy.step() {
                return Some(nobody());
            }
        }
        if late() {
            return None;
        }
    }
}

/// The answer where there is none.
fn nobody() -> HttpResponse {
    let message = "Timeout: request did not complete within the allotted timeout";
    let body = doc!({ "kind": "Status", "status": "Failure", "reason": "Timeout", "message": message, "code": 504i64 });
    HttpResponse { code: 504, body, warnings: Vec::new() }
}

fn print(id: u32, running: &mut Running, replies: &mut Vec<Reply>) {
    let output = running.program.printed(&mut running.seen);
    if !output.stdout.is_empty() || !output.stderr.is_empty() {
        let (stdout, stderr) = (output.stdout, output.stderr);
        replies.push(Reply::Terminal(TerminalReply::Output { id, stdout, stderr }));
    }
}

fn handed(ask: Ask) -> TerminalAsk {
    match ask {
        Ask::Edit(text) => TerminalAsk::Edit(text.to_string()),
        Ask::Forward { ports, .. } => TerminalAsk::Forward(ports),
        Ask::Load(name) => TerminalAsk::Load(name.to_string()),
        Ask::Save { name, text } => TerminalAsk::Save { name: name.to_string(), text: text.to_string() },
    }
}

#[cfg(test)]
mod tests;
