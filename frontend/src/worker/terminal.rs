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
mod tests {
    use super::*;
    use crate::{
        protocol::{Pace, Request, WaitKind},
        worker::replica::Replica,
    };

    struct Desk {
        driver: Driver,
        terminal: Terminal,
    }

    impl Desk {
        fn new() -> Self {
            let mut driver = Driver::new(Replica::first());
            driver.first_frame();
            Self { driver, terminal: Terminal::default() }
        }

        fn start(&mut self, id: u32, line: &str, stdin: &str) {
            let args = line.split(' ').map(str::to_owned).collect();
            self.hear(TerminalRequest::Run { id, args, stdin: stdin.to_owned() });
        }

        fn hear(&mut self, request: TerminalRequest) {
            self.terminal.hear(request, &mut self.driver);
        }

        /// What is said until `until` is content, both outputs in one, and the exit code if the program ended.
        fn listen(
            &mut self,
            until: impl Fn(&str, Option<u8>, &[TerminalAsk]) -> bool,
        ) -> (String, Option<u8>) {
            let (mut text, mut ended, mut asks) = (String::new(), None, Vec::new());
            for _ in 0..3000 {
                self.driver.tick(33.0, &|| 0.0);
                for reply in self.terminal.tick(&mut self.driver, &|| 0.0) {
                    match reply {
                        Reply::Terminal(TerminalReply::Output { stdout, stderr, .. }) => {
                            text.push_str(&stdout);
                            text.push_str(&stderr);
                        }
                        Reply::Terminal(TerminalReply::Done { code, .. }) => ended = Some(code),
                        Reply::Terminal(TerminalReply::Asks { ask, .. }) => asks.push(ask),
                        _ => {}
                    }
                }
                if until(&text, ended, &asks) {
                    return (text, ended);
                }
            }
            panic!("nothing more is said after: {text}");
        }

        fn run(&mut self, line: &str) -> (String, u8) {
            self.start(1, line, "");
            let (text, code) = self.listen(|_, code, _| code.is_some());
            (text, code.expect("it ended"))
        }
    }

    #[test]
    fn reads_leave_no_trace_and_writes_are_commands() {
        let mut desk = Desk::new();
        let before = desk.driver.replica().next_command();
        let (text, code) = desk.run("get pods");
        assert!(code == 0 && text.starts_with("NAME") && text.lines().count() == 4, "{text}");
        assert_eq!(desk.driver.replica().next_command(), before);
        let (text, code) = desk.run("scale deployment todo-api --replicas=4");
        assert_eq!((text.as_str(), code), ("deployment.apps/todo-api scaled\n", 0));
        assert!(desk.driver.replica().next_command() > before);
        let (text, _) = desk.run("get deployment todo-api -o jsonpath={.spec.replicas}");
        assert_eq!(text, "4");
    }

    #[test]
    fn a_drain_that_gives_up_after_a_while_is_counted_down_as_long_as_it_runs() {
        let mut desk = Desk::new();
        let counted = |desk: &mut Desk| {
            let mut last = None;
            for _ in 0..30 {
                for reply in desk.driver.tick(33.0, &|| 0.0) {
                    if let Reply::Frame(frame) = reply {
                        last = frame.waits.or(last);
                    }
                }
                desk.terminal.tick(&mut desk.driver, &|| 0.0);
            }
            let waits = last.expect("what is waited for has changed").into_iter();
            let mut drains = waits.filter(|wait| wait.kind == WaitKind::DrainTimeout);
            drains.next().map(|wait| (wait.object, wait.until - wait.since))
        };
        desk.start(1, "drain node/node-1 --ignore-daemonsets --timeout 45s", "");
        assert_eq!(counted(&mut desk), Some(("node-1".to_owned(), 45_000)));
        desk.hear(TerminalRequest::Interrupt(1));
        desk.listen(|_, code, _| code.is_some());
        assert_eq!(counted(&mut desk), None);
    }

    #[test]
    fn a_link_holds_what_the_terminal_did() {
        let mut desk = Desk::new();
        desk.run("create namespace team");
        let copy = Replica::from_link(&desk.driver.replica().link()).expect("its own link opens");
        assert_eq!(copy.hash(), desk.driver.replica().hash());
    }

    #[test]
    fn a_watch_goes_on_until_it_is_interrupted() {
        let mut desk = Desk::new();
        desk.start(7, "get pods -w", "");
        desk.listen(|text, ended, _| text.lines().count() >= 4 && ended.is_none());
        desk.start(8, "run extra --image=nginx", "");
        desk.listen(|text, _, _| text.contains("extra") && text.contains("Running"));
        desk.hear(TerminalRequest::Interrupt(7));
        let (_, code) = desk.listen(|_, code, _| code.is_some());
        assert_eq!(code, Some(1));
    }

    #[test]
    fn a_log_is_followed_and_no_line_comes_twice() {
        let mut desk = Desk::new();
        let script = "i=0; while true; do i=$((i+1)); echo line $i; sleep 1; done";
        let talker = doc!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "talker" },
            "spec": { "containers": [{ "name": "talker", "image": "busybox", "command": ["sh", "-c", script] }] },
        });
        desk.start(2, "apply -f -", &talker.to_json());
        desk.listen(|_, code, _| code == Some(0));
        desk.start(3, "wait --for=condition=Ready pod/talker", "");
        desk.listen(|_, code, _| code == Some(0));
        desk.start(4, "logs -f talker", "");
        let (text, _) = desk.listen(|text, _, _| text.lines().count() > 12);
        let (all, _) = desk.run("logs talker");
        assert!(all.starts_with(&text), "followed:\n{text}\nwhole:\n{all}");
    }

    fn a_pod_to_talk_to(desk: &mut Desk) {
        let talked_to = doc!({
            "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "box" },
            "spec": { "containers": [{ "name": "box", "image": "busybox", "command": ["sleep", "infinity"] }] },
        });
        desk.start(2, "apply -f -", &talked_to.to_json());
        desk.listen(|_, code, _| code == Some(0));
        desk.start(3, "wait --for=condition=Ready pod/box", "");
        desk.listen(|_, code, _| code == Some(0));
    }

    #[test]
    fn a_shell_in_a_pod_keeps_what_it_is_told_and_tells_what_it_does_as_it_goes() {
        let mut desk = Desk::new();
        a_pod_to_talk_to(&mut desk);
        let send = |desk: &mut Desk, keys| desk.hear(TerminalRequest::Keys { id: 5, keys });
        let line = |text: &str| TerminalKeys::Line(format!("{text}\n"));
        desk.start(5, "exec -it box -- sh", "");
        desk.listen(|text, _, _| text.ends_with("/ # "));
        send(&mut desk, line("X=kept; cd /tmp"));
        desk.listen(|text, _, _| text.ends_with("/tmp # "));
        send(&mut desk, line("echo $X; for i in 1 2; do echo n$i; done"));
        let (text, _) = desk.listen(|text, _, _| text.ends_with("# "));
        assert_eq!(text, "kept\nn1\nn2\n/tmp # ");
        send(&mut desk, line("while true; do echo tick; sleep 1; done"));
        let (text, code) = desk.listen(|text, _, _| text.matches("tick").count() > 3);
        assert_eq!((text.contains('#'), code), (false, None));
        send(&mut desk, TerminalKeys::Interrupt);
        desk.listen(|text, _, _| text.ends_with("\n/tmp # "));
        send(&mut desk, line("echo $?; exit 3"));
        let (text, code) = desk.listen(|_, code, _| code.is_some());
        assert_eq!((text.as_str(), code), ("130\ncommand terminated with exit code 3\n", Some(3)));
    }

    #[test]
    fn a_load_that_runs_at_a_terminal_ends_with_it() {
        let mut desk = Desk::new();
        let args = "run load -it --rm --restart=Never --image=busybox -- sh -c".split(' ');
        let script = "while sleep 1; do echo tick; done".to_owned();
        let args = args.map(str::to_owned).chain([script]).collect();
        desk.hear(TerminalRequest::Run { id: 9, args, stdin: String::new() });
        desk.listen(|text, _, _| text.matches("tick").count() > 2);
        desk.hear(TerminalRequest::Interrupt(9));
        let (text, code) = desk.listen(|_, code, _| code.is_some());
        let told = "pod \"load\" deleted from default namespace\n";
        assert!(text.contains(told) && text.contains("pod default/load terminated (Error)"), "{text}");
        assert_eq!(code, Some(137));
        assert_eq!(desk.run("get pod load").1, 1);
    }

    #[test]
    fn a_program_that_goes_on_is_heard_until_it_is_interrupted() {
        let mut desk = Desk::new();
        a_pod_to_talk_to(&mut desk);
        desk.start(6, "exec box -- tail -f /etc/hostname", "");
        desk.listen(|text, code, _| text == "box\n" && code.is_none());
        desk.hear(TerminalRequest::Interrupt(6));
        let (text, code) = desk.listen(|_, code, _| code.is_some());
        assert_eq!((text.as_str(), code), ("", Some(1)));
        // What is read from a file all at once has an end.
        desk.start(7, "exec -i box -- wc -l", "a\nb\n");
        let (text, code) = desk.listen(|_, code, _| code.is_some());
        assert_eq!((text.as_str(), code), ("2\n", Some(0)));
    }

    #[test]
    fn a_shell_that_waits_does_not_move_time_that_was_stopped() {
        let mut desk = Desk::new();
        a_pod_to_talk_to(&mut desk);
        desk.driver.hear(Request::Pace(Pace::Pause));
        desk.start(5, "exec -it box -- sh", "");
        desk.listen(|text, _, _| text.ends_with("/ # "));
        let now = |desk: &mut Desk| desk.driver.replica().cluster().now();
        let before = now(&mut desk);
        for _ in 0..50 {
            desk.driver.tick(33.0, &|| 0.0);
            desk.terminal.tick(&mut desk.driver, &|| 0.0);
        }
        assert_eq!(now(&mut desk), before);
        desk.hear(TerminalRequest::Keys { id: 5, keys: TerminalKeys::Line("echo on\n".to_owned()) });
        desk.listen(|text, _, _| text == "on\n/ # ");
        assert!(now(&mut desk) > before);
    }

    #[test]
    fn an_edit_comes_back_to_the_cluster() {
        let mut desk = Desk::new();
        desk.start(4, "edit deployment todo-api", "");
        let asked = std::cell::RefCell::new(String::new());
        desk.listen(|_, _, asks| {
            let Some(TerminalAsk::Edit(text)) = asks.first() else { return false };
            asked.replace(text.clone());
            true
        });
        let text = asked.into_inner().replace("replicas: 3\n", "replicas: 2\n");
        desk.hear(TerminalRequest::Answer { id: 4, text });
        let (text, code) = desk.listen(|_, code, _| code.is_some());
        assert_eq!((text.as_str(), code), ("deployment.apps/todo-api edited\n", Some(0)));
    }

    #[test]
    fn what_is_asked_while_time_stands_still_is_answered() {
        let mut desk = Desk::new();
        desk.driver.hear(Request::Pace(Pace::Pause));
        assert_eq!(desk.run("create namespace team").1, 0);
        assert_eq!(desk.run("get namespace team").1, 0);
    }

    #[test]
    fn a_stopped_api_server_refuses() {
        let mut desk = Desk::new();
        let fault = crate::protocol::Command::Fault {
            target: "component/kube-apiserver".to_owned(),
            kind: "Stop".to_owned(),
        };
        desk.driver.hear(Request::Command { id: 1, command: fault });
        let (text, code) = desk.run("get pods");
        assert!(code == 1 && text.contains("refused"), "{text}");
    }
}
