//! Connections into pods with the real kubectl (and an old one, which knows SPDY only, where `KUBECTL_OLD` names it): exec,
//! attach, cp, port-forward, run. Without kubectl on the PATH this is said, and nothing else.
#![allow(missing_docs)]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use crate::common::{Server, Session, directory};
use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

const PATIENCE: Duration = Duration::from_secs(60);

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: streaming}
spec:
  opening: 30s
  cluster:
    nodes: [{count: 1}]
    addons: [coredns, kube-proxy, metrics-server]
";

const POD: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {mode: fast}
---
apiVersion: v1
kind: Pod
metadata: {name: box}
spec:
  containers:
  - name: web
    image: todo-api:v1.0
    volumeMounts: [{name: settings, mountPath: /etc/settings}, {name: scratch, mountPath: /scratch}]
  - name: typist
    image: busybox
    stdin: true
    command: [sh, -c, "while read line; do echo got $line; done; sleep 1000"]
  volumes: [{name: settings, configMap: {name: settings}}, {name: scratch, emptyDir: {}}]
"#;

/// A pod of which one container has ended for good.
const BEGUN: &str = r#"{"apiVersion":"v1","kind":"Pod","metadata":{"name":"begun"},"spec":{
    "initContainers":[{"name":"prepare","image":"busybox","command":["true"]}],
    "containers":[{"name":"main","image":"todo-api:v1.0"}]}}"#;

struct World {
    server: Server,
    session: Session,
    data: tempfile::TempDir,
    config: PathBuf,
}

impl World {
    /// A session with a pod that runs.
    async fn new() -> Self {
        let data = directory();
        let server = Server::start(data.path()).await;
        let session = server.create(SCENARIO).await;
        let config = data.path().join("config");
        let url = server.url(&format!("/k8s/{}{}", session.id, session.owner));
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{{name: c, cluster: {{server: \"{url}\"}}}}]\n\
             users: [{{name: u, user: {{}}}}]\ncontexts: [{{name: c, context: {{cluster: c, user: u, namespace: default}}}}]\n"
        );
        std::fs::write(&config, text).expect("it is written");
        let world = Self { server, session, data, config };
        let http = reqwest::Client::new();
        for document in POD.split("---") {
            let plural = if document.contains("ConfigMap") { "configmaps" } else { "pods" };
            let sent = http
                .post(world.url(&format!("/api/v1/namespaces/default/{plural}")))
                .header("content-type", "application/yaml")
                .body(document.to_owned())
                .send();
            assert_eq!(sent.await.expect("an answer").status(), 201);
        }
        let pod = world.url("/api/v1/namespaces/default/pods/box");
        timeout(PATIENCE, async {
            loop {
                let pod = http.get(&pod).send().await.expect("an answer").text().await.expect("a text");
                if pod.matches("\"ready\":true").count() == 2 {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("the pod becomes ready");
        world
    }

    fn url(&self, path: &str) -> String {
        self.server.url(&format!("/k8s/{}{}{path}", self.session.id, self.session.owner))
    }

    fn command(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command
            .args(words)
            .env("KUBECONFIG", &self.config)
            .env("HOME", self.data.path())
            .current_dir(self.data.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        command
    }

    async fn run(&self, program: &Path, words: &[&str], input: &[u8]) -> (String, String, Option<i32>) {
        let mut child = self.command(program, words).spawn().expect("it starts");
        let mut stdin = child.stdin.take().expect("it is piped");
        // It may not want to read.
        let _ = stdin.write_all(input).await;
        drop(stdin);
        let output = timeout(PATIENCE, child.wait_with_output()).await;
        let output = output.unwrap_or_else(|_| panic!("{words:?} never ends")).expect("it runs");
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        (text(output.stdout), text(output.stderr), output.status.code())
    }

    /// A connection over a WebSocket.
    async fn connect(&self, path: &str, protocol: &str) -> Socket {
        let url =
            self.url(&format!("/api/v1/namespaces/default/pods/box/{path}")).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header"));
        let (socket, _) = tokio_tungstenite::connect_async(request).await.expect("it connects");
        Socket { socket, heard: Vec::new() }
    }
}

struct Socket {
    socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>,
    heard: Vec<(u8, String)>,
}

impl Socket {
    async fn send(&mut self, channel: u8, text: &str) {
        let frame = [&[channel][..], text.as_bytes()].concat();
        self.socket.send(Message::Binary(frame.into())).await.expect("it is sent");
    }

    /// Everything on a channel so far.
    fn all(&self, channel: u8) -> String {
        self.heard.iter().filter(|(known, _)| *known == channel).map(|(_, text)| text.as_str()).collect()
    }

    /// Reads on until a channel ends so.
    async fn until(&mut self, channel: u8, end: &str) {
        while !self.all(channel).ends_with(end) {
            let frame = timeout(PATIENCE, self.socket.next()).await;
            let frame = frame.unwrap_or_else(|_| panic!("{end:?} never comes after {:?}", self.heard));
            match frame.expect("it is open").expect("it is whole") {
                Message::Binary(bytes) => {
                    self.heard.push((bytes[0], String::from_utf8_lossy(&bytes[1..]).into_owned()));
                }
                Message::Close(_) => panic!("closed before {end:?}: {:?}", self.heard),
                _ => {}
            }
        }
    }
}

/// The clients of this machine.
async fn clients() -> Vec<PathBuf> {
    let old = std::env::var_os("KUBECTL_OLD").map(PathBuf::from);
    let mut found = Vec::new();
    for program in [Some(PathBuf::from("kubectl")), old].into_iter().flatten() {
        let output = Command::new(&program).args(["version", "--client"]).output().await;
        if output.is_ok_and(|output| output.status.success()) {
            found.push(program);
        }
    }
    if found.is_empty() {
        eprintln!("skipped: there is no kubectl on the PATH");
    }
    found
}

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
async fn ports_of_pods_are_reached() {
    for program in clients().await {
        let world = World::new().await;
        let mut child =
            world.command(&program, &["port-forward", "pod/box", ":8080", ":9"]).spawn().expect("it starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        let mut errors = BufReader::new(child.stderr.take().expect("it is piped")).lines();
        let mut local = Vec::new();
        while local.len() < 2 {
            let line = timeout(PATIENCE, lines.next_line()).await.expect("it says where").expect("text");
            let line = line.expect("it goes on");
            if let Some(rest) = line.strip_prefix("Forwarding from 127.0.0.1:") {
                local.push(rest.split(' ').next().expect("a port").to_owned());
            }
        }
        let at = |port: &str, path: &str| format!("http://127.0.0.1:{port}{path}");
        for _ in 0..3 {
            let answer = reqwest::get(at(&local[0], "/")).await.expect("it answers");
            assert_eq!(answer.status(), 200);
            assert_eq!(answer.text().await.expect("a text"), "todo-api v1.0 from box\n");
        }
        // Over one connection, several, with a body, and without one in the answer.
        let http = reqwest::Client::new();
        let (one, two) =
            tokio::join!(http.get(at(&local[0], "/")).send(), http.get(at(&local[0], "/a")).send());
        assert!(
            one.expect("it answers").status().is_success() && two.expect("it answers").status().is_success()
        );
        let sent = http.post(at(&local[0], "/")).body("a=b").send().await.expect("it answers");
        assert_eq!(sent.text().await.expect("a text"), "todo-api v1.0 from box\n");
        let head = http.head(at(&local[0], "/")).send().await.expect("it answers");
        assert_eq!(head.headers()["content-length"], "23");
        assert_eq!(head.text().await.expect("a text"), "");
        let large =
            http.post(at(&local[0], "/")).body(vec![b'x'; 300 << 10]).send().await.expect("it answers");
        assert_eq!(large.status(), 413);
        reqwest::get(at(&local[1], "/")).await.expect_err("nobody listens there");
        let line = timeout(PATIENCE, async {
            loop {
                let line = errors.next_line().await.expect("text").expect("it goes on");
                if line.contains("connection refused") {
                    return line;
                }
            }
        });
        let line = line.await.expect("it says why");
        assert!(line.contains("failed to connect to localhost:9 inside namespace"), "{line}");
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
async fn what_is_no_connection_is_refused_in_kubernetes_words() {
    let world = World::new().await;
    let pods = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.owner);
    let viewer = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.viewer);
    let socket = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    let v5 = "Sec-WebSocket-Protocol: v5.channel.k8s.io\r\n";
    let spdy = "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\n";
    let v4 = "X-Stream-Protocol-Version: v4.channel.k8s.io\r\n";
    let run = "exec?command=ls&container=web&stdout=true";
    for (line, headers, wanted) in [
        (format!("GET {pods}/box/{run}"), String::new(), "400|Upgrade request required"),
        (format!("POST {pods}/box/portforward"), String::new(), "400|Upgrade request required"),
        (
            format!("GET {pods}/box/{run}"),
            format!("{socket}Sec-WebSocket-Protocol: chat\r\n"),
            "400|unable to upgrade",
        ),
        (
            format!("POST {pods}/box/{run}"),
            "Connection: Upgrade\r\nUpgrade: h2c\r\n".into(),
            "400|unsupported protocol",
        ),
        (
            format!("POST {pods}/box/{run}"),
            format!("{spdy}X-Stream-Protocol-Version: v9\r\n"),
            "403|unable to negotiate protocol: client supports [\\\"v9\\\"], server accepts [\\\"v4.channel.k8s.io\\\"]",
        ),
        (format!("GET {pods}/gone/{run}"), format!("{socket}{v5}"), "404|pods \\\"gone\\\" not found"),
        (format!("POST {pods}/gone/{run}"), format!("{spdy}{v4}"), "404|pods \\\"gone\\\" not found"),
        (
            format!("GET {pods}/gone/portforward"),
            format!("{socket}Sec-WebSocket-Protocol: SPDY/3.1+portforward.k8s.io\r\n"),
            "404|pods \\\"gone\\\" not found",
        ),
        (
            format!("GET {pods}/box/exec?container=web&stdout=true"),
            format!("{socket}{v5}"),
            "400|you must specify at least 1 command for the container",
        ),
        (
            format!("GET {pods}/box/exec?container=web&command=ls"),
            format!("{socket}{v5}"),
            "400|you must specify at least 1 of stdin, stdout, stderr",
        ),
        (
            format!("GET {pods}/box/exec?command=ls&stdout=true"),
            format!("{socket}{v5}"),
            "400|a container name must be specified for pod box, choose one of: [web typist]",
        ),
        (
            format!("GET {viewer}/box/{run}"),
            format!("{socket}{v5}"),
            "403|cannot create resource \\\"pods/exec\\\"",
        ),
        (format!("GET {pods}/box/{run}"), format!("{socket}{v5}"), "101|"),
        (format!("POST {pods}/box/{run}"), format!("{spdy}{v4}"), "101|"),
    ] {
        let mut stream = TcpStream::connect(&world.server.address).await.expect("it connects");
        let request = format!("{line} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", world.server.address);
        stream.write_all(request.as_bytes()).await.expect("it is sent");
        let (code, text) = wanted.split_once('|').expect("two parts");
        let mut answer = String::new();
        while !(answer.contains("\r\n\r\n") && answer.contains(text)) {
            let mut buffer = [0; 4096];
            let count = timeout(PATIENCE, stream.read(&mut buffer)).await;
            let count = count.unwrap_or_else(|_| panic!("{line} {headers}: {answer}")).expect("it is whole");
            assert!(count > 0, "{line} {headers}: {answer}");
            answer.push_str(&String::from_utf8_lossy(&buffer[..count]));
        }
        assert!(answer.starts_with(&format!("HTTP/1.1 {code} ")), "{line} {headers}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_make_no_sense_end_their_connection_only() {
    let world = World::new().await;
    let pods = format!("/k8s/{}{}/api/v1/namespaces/default/pods", world.session.id, world.session.owner);
    let upgrade = format!(
        "POST {pods}/box/portforward HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\
         X-Stream-Protocol-Version: portforward.k8s.io\r\n\r\n",
        world.server.address
    );
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        // Another version, a frame too long, a frame too short, headers that are none, a frame cut off.
        &[0x80, 2, 0, 1, 0, 0, 0, 0],
        &[0x80, 3, 0, 1, 0, 0xff, 0xff, 0xff],
        &[0x80, 3, 0, 1, 0, 0, 0, 2, 0, 0],
        &[0x80, 3, 0, 1, 0, 0, 0, 14, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4],
        &[0x00, 0, 0, 1, 0, 0, 0, 9],
    ] {
        let mut stream = TcpStream::connect(&world.server.address).await.expect("it connects");
        stream.write_all(upgrade.as_bytes()).await.expect("it is sent");
        let mut answer = vec![0; 12];
        timeout(PATIENCE, stream.read_exact(&mut answer)).await.expect("in time").expect("it answers");
        assert_eq!(answer, b"HTTP/1.1 101");
        stream.write_all(garbage).await.expect("it is sent");
        stream.shutdown().await.expect("it is open");
        let mut rest = Vec::new();
        // The server may have closed it with what it did not read.
        let _ = timeout(PATIENCE, stream.read_to_end(&mut rest)).await.expect("it ends");
    }
    let mut shell =
        world.connect("exec?command=cat&container=web&stdin=true&stdout=true", "v5.channel.k8s.io").await;
    shell.send(0, "still here\n").await;
    shell.until(1, "still here\n").await;
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
            "spec.ephemeralContainers[1].name: Duplicate value: \\\"web\\\"",
        ),
        (
            r#"{"name":"d","image":"busybox","ports":[{"containerPort":80}]}"#,
            "spec.ephemeralContainers[1].ports: Forbidden: cannot be set for an Ephemeral Container",
        ),
        (
            r#"{"name":"d","image":"busybox","targetContainerName":"no"}"#,
            "spec.ephemeralContainers[1].targetContainerName: Not found: \\\"no\\\"",
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
async fn ports_are_reached_over_channels_too() {
    let world = World::new().await;
    let request = "GET / HTTP/1.1\r\nHost: box\r\n\r\n";
    let mut socket = world.connect("portforward?ports=8080&ports=9", "v4.channel.k8s.io").await;
    socket.send(0, request).await;
    socket.until(0, "todo-api v1.0 from box\n").await;
    assert!(socket.all(0).contains("HTTP/1.1 200 OK\r\n"), "{:?}", socket.heard);
    socket.send(2, request).await;
    socket.until(3, "127.0.0.1:9: connect: connection refused IPv6 dial tcp6: address localhost: no suitable address ").await;
    socket.heard.clear();
    socket.send(0, request).await;
    socket.until(0, "todo-api v1.0 from box\n").await;
    // TLS, Redis, Postgres: what is no HTTP is refused with words, not with an answer in HTTP.
    for begins in ["\u{16}\u{3}\u{1}", "*1\r\n$4\r\nPING\r\n", "\0\0\0\u{8}"] {
        let mut socket = world.connect("portforward?ports=8080", "v4.channel.k8s.io").await;
        socket.send(0, begins).await;
        socket.until(1, "is no HTTP/1.1, and simulated containers speak nothing else").await;
        // Two bytes are the number of the port.
        assert_eq!(socket.all(0).chars().count(), 2, "{:?}", socket.heard);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_and_logs_come_over_websockets_too() {
    let world = World::new().await;
    let pods = "/api/v1/namespaces/default/pods";
    // Path, protocol that is asked for and the one that is spoken, and how the first message begins.
    for (path, asked, spoken, begins) in [
        (format!("{pods}?watch=1"), "", None, "{\"type\":\"ADDED\""),
        (
            format!("{pods}?watch=true"),
            "base64.binary.k8s.io",
            Some("base64.binary.k8s.io"),
            "{\"type\":\"ADDED\"",
        ),
        (format!("/api/v1/watch{}", &pods[7..]), "other", None, "{\"type\":\"ADDED\""),
        (
            format!("{pods}/box/log?container=web&follow=true"),
            "base64.binary.k8s.io",
            Some("base64.binary.k8s.io"),
            "dG9kby1hcGkgdjEuMCBsaXN0ZW5pbmcgb24gOjgwODAK",
        ),
        (
            format!("{pods}/box/log?container=web&follow=true"),
            "binary.k8s.io",
            Some("binary.k8s.io"),
            "todo-api v1.0 listening on :8080\n",
        ),
    ] {
        let url = world.url(&path).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        if !asked.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", asked.parse().expect("a header"));
        }
        let connected = tokio_tungstenite::connect_async(request).await;
        let Ok((mut socket, answer)) = connected else {
            // Clients of this kind give up where nothing they speak is spoken; the server does not.
            assert_eq!((asked, spoken), ("other", None), "{connected:?}");
            continue;
        };
        let told = answer.headers().get("sec-websocket-protocol").and_then(|name| name.to_str().ok());
        assert_eq!(told, spoken, "{path}");
        let first = timeout(PATIENCE, socket.next()).await.expect("it comes").expect("it is open");
        let first = first.expect("it is whole").into_data();
        assert!(first.starts_with(begins.as_bytes()), "{path}: {}", String::from_utf8_lossy(&first));
        let ends = String::from_utf8_lossy(&first[first.len() - 1..]).into_owned();
        assert!(!path.contains("watch") || ends == "}", "{path}");
        socket.close(None).await.expect("it is closed");
    }
    // Pages say who they are among the protocols: at the root that opens a session, and is not spoken.
    let encode = |text: &str| base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, text);
    let prefix = "base64url.bearer.authorization.k8s.io.";
    let owner = format!("{}{}", world.session.id, world.session.owner);
    let key = encode(&owner);
    for (asked, spoken) in [
        (format!("{prefix}{key}, base64.binary.k8s.io"), Some("base64.binary.k8s.io")),
        (format!("base64.binary.k8s.io,{prefix}{key}"), Some("base64.binary.k8s.io")),
        // No protocol is left; another's key; no key.
        (format!("{prefix}{key}"), None),
        (format!("{prefix}{}, base64.binary.k8s.io", encode(&owner.chars().rev().collect::<String>())), None),
        (format!("{prefix}%, base64.binary.k8s.io"), None),
    ] {
        let url = world.server.url(&format!("{pods}?watch=1")).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        request.headers_mut().insert("sec-websocket-protocol", asked.parse().expect("a header"));
        let connected = tokio_tungstenite::connect_async(request).await;
        let told =
            connected.as_ref().ok().and_then(|(_, answer)| answer.headers().get("sec-websocket-protocol"));
        assert_eq!(told.and_then(|name| name.to_str().ok()), spoken, "{asked}: {connected:?}");
        assert!(spoken.is_some() || connected.is_err_and(|why| why.to_string().contains("401")), "{asked}");
    }
    // What is refused is refused before anything else.
    let url = world.url("/api/v1/namespaces/default/nothing?watch=1").replace("http://", "ws://");
    let refused = tokio_tungstenite::connect_async(url).await.expect_err("there is no such thing");
    assert!(refused.to_string().contains("404"), "{refused}");
}
