//! Programs of the terminal as the page sees them.

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
    fn listen(&mut self, until: impl Fn(&str, Option<u8>, &[TerminalAsk]) -> bool) -> (String, Option<u8>) {
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
