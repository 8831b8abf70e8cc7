//! Programs that are given their input bit by bit, over a connection.

use shared::api::User;
use shared::cluster::{Action, Command, HttpRequest, HttpResponse};
use shared::sim::{Duration, Fault};

use super::world::World;

fn request(query: &str, body: &str) -> HttpRequest {
    let path = format!("/api/v1/namespaces/default/pods/p/{query}");
    HttpRequest { method: "POST".into(), path: path.into(), body: body.into(), ..HttpRequest::default() }
}

/// Opens a connection; the number of its command.
fn open(world: &mut World, query: &str) -> u64 {
    let action = Action::Request(request(query, ""));
    let number = world.0.apply(Command { at: world.0.now(), user: User::admin(), action });
    world.pass(Duration::millis(200));
    number
}

fn send(world: &mut World, how: &str, text: &str) -> HttpResponse {
    let answer = world.request(request(&format!("exec?stream=s&send={how}"), text));
    world.pass(Duration::millis(200));
    answer
}

fn said(world: &World, number: u64) -> String {
    let Some(output) = world.0.output(number) else { return String::new() };
    output.after(0).expect("nothing is lost").map(|(_, text)| text.as_str()).collect()
}

/// The exit code, once it has ended.
fn ended(world: &mut World, number: u64) -> Option<i64> {
    let outcomes = world.0.take_outcomes();
    let (_, outcome) = outcomes.into_iter().find(|(of, _)| *of == number)?;
    let shared::cluster::Outcome::Http(response) = outcome else { panic!("{outcome:?}") };
    response.body["exitCode"].as_i64()
}

fn world(image: &str) -> World {
    let mut world = World::new();
    world.pod(image);
    world.until("it runs", |world| world.shown() == "Running");
    world
}

const TERMINAL: &str = "exec?command=sh&stdin=true&stdout=true&tty=true&stream=s";

#[test]
fn a_shell_goes_on_from_line_to_line() {
    let mut world = world("containers: [{name: c, image: nginx}]");
    let shell = open(&mut world, TERMINAL);
    let mut all = "/ # ".to_owned();
    for (how, text, says) in [
        ("stdin", "cd /tmp\n", "/tmp # "),
        ("stdin", "f() {\n", "> "),
        ("stdin", "echo $1 in $X; }\n", "/tmp # "),
        ("stdin", "X=1; f a | tr a b\n", "b in 1\n/tmp # "),
        ("stdin", "echo )\n", "sh: syntax error: unexpected \")\"\n/tmp # "),
        ("stdin", "sleep 1000\n", ""),
        ("stdin", "echo typed too early\n", ""),
        ("INT", "", "\n/tmp # "),
        ("stdin", "echo $?; read a b; echo $b $a\n", "130\n"),
        ("stdin", "1 2\n", "2 1\n/tmp # "),
        ("stdin", "wc -l\n", ""),
        ("stdin", "one\ntwo\n", ""),
        ("end", "", "2\n/tmp # "),
        ("stdin", "tty; stty size; echo x | tty\n", "/dev/pts/0\n24 80\nnot a tty\n/tmp # "),
        ("stdin", "sh\n", "/tmp # "),
        ("stdin", "cd /; exit 4\n", "/tmp # "),
        ("stdin", "echo $?; PS1='$ '; sleep 5; pwd\n", "4\n"),
    ] {
        assert!(send(&mut world, how, text).is_success());
        all.push_str(says);
        assert_eq!(said(&world, shell), all, "after {text:?}");
    }
    world.wait(5);
    all.push_str("/tmp\n$ ");
    assert_eq!(said(&world, shell), all);
    // Two that are told the same say the same.
    let mut other = world.clone();
    for world in [&mut world, &mut other] {
        assert!(send(world, "end", "").is_success());
        assert_eq!(ended(world, shell), Some(0));
        assert_eq!(send(world, "stdin", "nobody reads this").code, 500);
    }
    assert_eq!(world.0.hash(), other.0.hash());
}

#[test]
fn a_shell_in_another_root_comes_back_to_the_first() {
    let mut world = world(
        "volumes: [{name: root, hostPath: {path: /}}]\n\
         containers: [{name: c, image: busybox, command: [sleep, infinity], volumeMounts: [{name: root, mountPath: /host}]}]",
    );
    let shell = open(&mut world, TERMINAL);
    let mut all = String::from("/ # ");
    for (text, says) in [
        ("cd /tmp\n", "/tmp # "),
        ("chroot /host\n", "/ # "),
        ("cd etc/kubernetes; ls\n", "kubelet.conf\nmanifests\npki\n/etc/kubernetes # "),
        ("cat /etc/hostname\n", "node-0\n/etc/kubernetes # "),
        ("exit\n", "/tmp # "),
        ("ls /host/etc/kubernetes/pki; pwd\n", "/tmp\n/tmp # "),
    ] {
        assert!(send(&mut world, "stdin", text).is_success());
        all.push_str(says);
        assert_eq!(said(&world, shell), all, "after {text:?}");
    }
}

#[test]
fn a_connection_ends_what_runs_on_it() {
    let mut world = world("containers: [{name: c, image: nginx}]");
    for (query, how, code) in [
        (TERMINAL, "close", Some(0)),
        ("exec?command=cat&stdin=true&stdout=true&stream=s", "close", Some(0)),
        ("exec?command=cat&stdin=true&stdout=true&stream=s", "end", Some(0)),
        ("exec?command=sleep&command=1000&stdin=true&stdout=true&tty=true&stream=s", "INT", Some(130)),
    ] {
        let number = open(&mut world, query);
        assert!(send(&mut world, how, "").is_success());
        assert_eq!(ended(&mut world, number), code, "{query}");
        let left = world.exec(&["ps"]).expect("it runs").stdout;
        assert_eq!(left.lines().count(), 3, "{query} {how}\n{left}");
    }
    // The end of the container is the end of its programs.
    let number = open(&mut world, TERMINAL);
    world.strike("pod/p", Fault::Crash);
    world.wait(1);
    assert_eq!(ended(&mut world, number), Some(137));
}

#[test]
fn a_container_that_reads_is_attached_to() {
    let mut world = world(
        "containers: [{name: c, image: busybox, stdin: true, stdinOnce: true, tty: true}]\nrestartPolicy: Never",
    );
    let first = open(&mut world, "attach?stdin=true&stdout=true&tty=true&stream=s");
    let second = open(&mut world, "attach?stdout=true&stream=other");
    send(&mut world, "stdin", "echo hello\n");
    for number in [first, second] {
        assert_eq!(said(&world, number), "hello\n/ # ");
    }
    send(&mut world, "stdin", "exit 3\n");
    world.until("it has ended", |world| world.shown() == "Error");
    assert_eq!(world.container("c")["state"]["terminated"]["exitCode"].as_i64(), Some(3));
}
