//! Programs in containers with the real kubectl (and an old one, which knows SPDY only, where `KUBECTL_OLD` names it): exec,
//! attach, cp, run, debug. Without kubectl on the PATH this is said, and nothing else.
#![allow(missing_docs)]

use crate::common::connections::{World, clients};

/// A pod of which one container has ended for good.
const BEGUN: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"begun"},"spec":{
    "initContainers":[{"name":"prepare","image":"busybox","command":["true"]}],
    "containers":[{"name":"main","image":"todo-api:v1.0"}]}}"#;

/// What a command gets, and what it must say: `=` all of standard output, `~` a part of it, `!` it fails and says this.
const COMMANDS: &[(&[&str], &str, &str)] = &[
    (&["exec", "box", "-c", "web", "--", "echo", "hello"], "", "=hello\n"),
    (&["exec", "-i", "box", "-c", "web", "--", "cat"], "one\ntwo\n", "=one\ntwo\n"),
    (&["exec", "-i", "box", "-c", "web", "--", "wc", "-l"], "one\ntwo\n", "=2\n"),
    (
        &["exec", "-i", "box", "-c", "web", "--", "sh"],
        "cd /scratch\nfor n in 1 2; do\n  echo $n > file-$n\ndone\nls\nf() { echo $1-$X; }\nX=5\nf a\ncat <<END\nin $X\nEND\n",
        "=file-1\nfile-2\na-5\nin 5\n",
    ),
    (
        &["exec", "-i", "box", "-c", "web", "--", "sh"],
        "exit 3\necho never\n",
        "!command terminated with exit code 3\n",
    ),
    (&["exec", "-i", "box", "-c", "web", "--", "sh", "-c", "read a; read b; echo $b $a"], "1\n2\n", "=2 1\n"),
    (
        &["exec", "box", "-c", "web", "--", "sh", "-c", "echo out; sleep 1; echo err >&2; exit 7"],
        "",
        "!err\ncommand terminated with exit code 7\n",
    ),
    (
        &["exec", "box", "-c", "web", "--", "nosuch"],
        "",
        "!exec: \"nosuch\": executable file not found in $PATH",
    ),
    (&["exec", "box", "-c", "none", "--", "ls"], "", "!container none is not valid for pod box"),
    (&["exec", "missing", "--", "ls"], "", "!Error from server (NotFound): pods \"missing\" not found\n"),
    (&["cp", "local.txt", "box:/scratch/copied.txt", "-c", "web"], "", "="),
    (&["exec", "box", "-c", "web", "--", "cat", "/scratch/copied.txt"], "", "=from here é\n"),
    (&["cp", "tree", "box:/scratch", "-c", "web"], "", "="),
    (&["exec", "box", "-c", "web", "--", "ls", "/scratch/tree/below"], "", "=raw\n"),
    (&["cp", "box:/scratch/tree", "back", "-c", "web"], "", "~"),
    (&["cp", "box:/etc/settings/mode", "mode", "-c", "web"], "", "~"),
    (&["cp", "local.txt", "box:/etc/settings/mode", "-c", "web"], "", "!Read-only file system"),
    // More than a program takes: it says so, and nobody waits for it.
    (&["cp", "large", "box:/scratch/large", "-c", "web"], "", "!tar: memory exhausted"),
];

#[tokio::test(flavor = "multi_thread")]
async fn programs_in_containers_are_talked_to() {
    for program in clients().await {
        let world = World::new().await;
        let here = world.data.path();
        let raw: Vec<u8> = (0..=255).collect();
        std::fs::write(here.join("local.txt"), "from here é\n").expect("it is written");
        std::fs::create_dir_all(here.join("tree/below")).expect("it is made");
        std::fs::write(here.join("tree/below/raw"), &raw).expect("it is written");
        std::fs::write(here.join("large"), vec![b'x'; 6 << 20]).expect("it is written");
        let mut wrong = Vec::new();
        for (words, input, expected) in COMMANDS {
            let (stdout, stderr, code) = world.run(&program, words, input.as_bytes()).await;
            let (how, wanted) = expected.split_at(1);
            let agrees = match how {
                "=" => code == Some(0) && stdout == wanted,
                "~" => code == Some(0) && stdout.contains(wanted),
                _ => code != Some(0) && stderr.contains(wanted),
            };
            if !agrees {
                wrong.push(format!(
                    "{words:?}\n  wanted {expected:?}\n  stdout {stdout:?}\n  stderr {stderr:?}"
                ));
            }
        }
        assert!(wrong.is_empty(), "{program:?}: {} differ:\n{}", wrong.len(), wrong.join("\n"));
        // A node's refusal is told once, whoever passes it on.
        world.run(&program, &["apply", "-f", "-"], BEGUN.as_bytes()).await;
        let ready = ["wait", "--for=condition=Ready", "pod/begun", "--timeout=60s"];
        assert_eq!(world.run(&program, &ready, b"").await.0, "pod/begun condition met\n");
        let (_, said, code) = world.run(&program, &["exec", "begun", "-c", "prepare", "--", "ls"], b"").await;
        assert!(code == Some(1) && said.ends_with("container not found (\"prepare\")\n"), "{said}");
        assert_eq!(said.matches("unable to upgrade connection").count(), 1, "{said}");
        assert_eq!(std::fs::read(here.join("back/below/raw")).expect("it came back"), raw);
        assert_eq!(std::fs::read_to_string(here.join("mode")).expect("it came"), "fast");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shell_in_a_terminal_keeps_what_it_is_told() {
    let world = World::new().await;
    let path = "exec?command=sh&container=web&stdin=true&stdout=true&tty=true";
    let mut shell = world.connect(path, "v5.channel.k8s.io").await;
    shell.until(1, "/ # ").await;
    shell.send(4, "{\"Width\":80,\"Height\":24}").await;
    shell.send(0, "cd /scratch; X=1\r").await;
    shell.until(1, "\r\n/scratch # ").await;
    shell.send(0, "echo $X $((X+1)) 'a\r").await;
    shell.until(1, "\r\n> ").await;
    shell.send(0, "b'\r").await;
    shell.until(1, "b'\r\n1 2 a\r\nb\r\n/scratch # ").await;
    shell.send(0, "sleep 100000\r").await;
    shell.until(1, "sleep 100000\r\n").await;
    shell.send(0, "\x03").await;
    shell.until(1, "^C\r\n/scratch # ").await;
    shell.send(0, "echo $?; cat\r").await;
    shell.until(1, "\r\n130\r\n").await;
    shell.send(0, "line\r").await;
    shell.until(1, "line\r\nline\r\n").await;
    shell.send(0, "\x04").await;
    shell.until(1, "/scratch # ").await;
    shell.send(0, "nosuch\r").await;
    shell.until(1, "sh: nosuch: not found\r\n/scratch # ").await;
    shell.send(0, "\x04").await;
    shell.until(3, "}").await;
    assert!(shell.all(3).contains("exit code 127"), "{:?}", shell.heard);
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_to_a_container() {
    let world = World::new().await;
    let path = "attach?container=typist&stdin=true&stdout=true&stderr=true";
    let mut first = world.connect(path, "v4.channel.k8s.io").await;
    let mut second = world.connect("attach?container=typist&stdout=true", "v4.channel.k8s.io").await;
    first.send(0, "me\n").await;
    first.until(1, "got me\n").await;
    second.until(1, "got me\n").await;
    drop(first);
    // The container reads on from whoever comes next.
    let mut third = world.connect(path, "v4.channel.k8s.io").await;
    third.send(0, "you\n").await;
    third.until(1, "got you\n").await;
    assert_eq!(third.all(1), "got you\n");
    second.until(1, "got you\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pod_is_run_in_a_terminal_and_removed() {
    for program in clients().await {
        let world = World::new().await;
        let words =
            ["run", "-i", "--rm", "--restart=Never", "--image=busybox", "one-off", "--quiet", "--", "sh"];
        let (stdout, stderr, code) = world.run(&program, &words, b"hostname\nexit 4\n").await;
        assert!(stdout.starts_with("one-off\n"), "{stdout:?} {stderr:?}");
        assert_eq!(code, Some(4), "{stderr:?}");
        let (_, stderr, _) = world.run(&program, &["get", "pod", "one-off"], b"").await;
        assert!(stderr.contains("not found"), "{stderr:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_container_is_put_beside_those_that_run() {
    let Some(program) = clients().await.into_iter().next() else { return };
    let world = World::new().await;
    let words = ["debug", "-i", "-q", "box", "--image=busybox", "--target=web", "-c", "probe", "--", "sh"];
    let (stdout, stderr, _) =
        world.run(&program, &words, b"hostname\nwget -qO- localhost:8080\nexit 6\n").await;
    assert!(stdout.starts_with("box\ntodo-api v1.0 from box\n"), "{stdout:?} {stderr:?}");
    let path = "jsonpath={.status.ephemeralContainerStatuses[*].state.terminated.exitCode} {.status.phase} {.status.containerStatuses[*].ready}";
    let (stdout, stderr, _) = world.run(&program, &["get", "pod", "box", "-o", path], b"").await;
    assert_eq!(stdout, "6 Running true true", "{stderr:?}");
    let (stdout, _, _) = world.run(&program, &["logs", "box", "-c", "probe"], b"").await;
    assert!(stdout.starts_with("box\n"), "{stdout:?}");
    let http = reqwest::Client::new();
    for (container, wanted) in [
        (
            r#"{"name":"web","image":"busybox"}"#,
            "spec.ephemeralContainers[0].name: Duplicate value: \\\"web\\\"",
        ),
        (
            r#"{"name":"d","image":"busybox","ports":[{"containerPort":80}]}"#,
            "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            r#"{"name":"d","image":"busybox","targetContainerName":"no"}"#,
            "spec.ephemeralContainers[0].targetContainerName: Not found: \\\"no\\\"",
        ),
        (r#"{"name":"probe","image":"nginx"}"#, "may not be changed"),
    ] {
        let sent = http
            .patch(world.url("/api/v1/namespaces/default/pods/box/ephemeralcontainers"))
            .header("content-type", "application/strategic-merge-patch+json")
            .body(format!("{{\"spec\":{{\"ephemeralContainers\":[{container}]}}}}"))
            .send();
        let answer = sent.await.expect("an answer");
        assert_eq!(answer.status(), 422);
        let text = answer.text().await.expect("a text");
        assert!(text.contains(wanted), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_reads_leaves_room_for_others() {
    // What is typed is kept in the session's log: a program that reads nothing holds back whoever types.
    let world = World::with(&["--session-megabytes", "6"]).await;
    let path = "exec?command=sleep&command=1000&container=web&stdin=true&stdout=true";
    let mut deaf = world.connect(path, "v5.channel.k8s.io").await;
    let text = "x".repeat(64 << 10);
    for _ in 0..96 {
        deaf.send(0, &text).await;
    }
    tokio::time::sleep(std::time::Duration::from_secs(12)).await;
    let mut other =
        world.connect("exec?command=echo&command=here&container=web&stdout=true", "v5.channel.k8s.io").await;
    other.until(1, "here\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_comes_after_what_is_missing_in_it() {
    let world = World::new().await;
    let path = "exec?command=tar&command=cf&command=-&command=/none&container=web&stdout=true&stderr=true";
    let mut tar = world.connect(path, "v5.channel.k8s.io").await;
    tar.until(3, "}").await;
    assert!(tar.all(3).contains("exit code 2"), "{:?}", tar.heard);
    let first = tar.heard.iter().position(|(channel, _)| *channel == 1).expect("an archive");
    let told: String = tar.heard[..first].iter().map(|(_, text)| text.as_str()).collect();
    assert!(told.ends_with("tar: /none: Cannot stat: No such file or directory\n"), "{told}");
}
