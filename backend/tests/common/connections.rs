//! A session with a pod that runs, clients of the machine, and connections into it.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD};
use futures_util::{SinkExt, StreamExt};
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::TcpStream, process::Command, time::timeout};
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};

use super::{Server, Session, directory};

pub const PATIENCE: Duration = Duration::from_secs(60);

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

/// A server, a session, and a pod in it: `box`, with the containers `web` and `typist`.
pub struct World {
    pub server: Server,
    pub session: Session,
    pub data: TempDir,
    config: PathBuf,
}

impl World {
    /// A session with a pod that runs.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// The same of a server with more to say on its command line.
    pub async fn with(options: &[&str]) -> Self {
        let data = directory();
        let server = Server::start_with(data.path(), options).await;
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

    pub fn url(&self, path: &str) -> String {
        self.server.url(&format!("/k8s/{}{}{path}", self.session.id, self.session.owner))
    }

    /// What of the machine runs, with a kubeconfig of the session.
    pub fn command(&self, program: &Path, words: &[&str]) -> Command {
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

    pub async fn run(&self, program: &Path, words: &[&str], input: &[u8]) -> (String, String, Option<i32>) {
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

    /// A connection over a WebSocket, for which no protocol is asked where that is `""`.
    pub async fn connect(&self, path: &str, protocol: &str) -> Socket {
        let url =
            self.url(&format!("/api/v1/namespaces/default/pods/box/{path}")).replace("http://", "ws://");
        let mut request = url.into_client_request().expect("the address is right");
        if !protocol.is_empty() {
            request.headers_mut().insert("sec-websocket-protocol", protocol.parse().expect("a header"));
        }
        let (socket, response) = tokio_tungstenite::connect_async(request).await.expect("it connects");
        let spoken = response.headers().get("sec-websocket-protocol");
        let spoken = spoken.and_then(|name| name.to_str().ok()).unwrap_or_default();
        Socket { socket, heard: Vec::new(), base64: spoken.contains("base64."), protocol: spoken.to_owned() }
    }
}

/// A connection and what was heard over it: channels and texts.
pub struct Socket {
    pub socket: tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<TcpStream>>,
    pub heard: Vec<(u8, String)>,
    /// The protocol that the server speaks, and whether its channels are digits with base64 after them.
    pub protocol: String,
    base64: bool,
}

impl Socket {
    pub async fn send(&mut self, channel: u8, text: &str) {
        let message = if self.base64 {
            Message::Text(format!("{channel}{}", BASE64_STANDARD.encode(text)).into())
        } else {
            Message::Binary([&[channel][..], text.as_bytes()].concat().into())
        };
        self.socket.send(message).await.expect("it is sent");
    }

    /// Everything on a channel so far.
    pub fn all(&self, channel: u8) -> String {
        self.heard.iter().filter(|(known, _)| *known == channel).map(|(_, text)| text.as_str()).collect()
    }

    /// Reads on until a channel ends so.
    pub async fn until(&mut self, channel: u8, end: &str) {
        while !self.all(channel).ends_with(end) {
            let frame = timeout(PATIENCE, self.socket.next()).await;
            let frame = frame.unwrap_or_else(|_| panic!("{end:?} never comes after {:?}", self.heard));
            match frame.expect("it is open").expect("it is whole") {
                Message::Text(text) if self.base64 => {
                    let bytes = BASE64_STANDARD.decode(&text[1..]).expect("base64");
                    let channel = text[..1].parse().expect("a digit");
                    self.heard.push((channel, String::from_utf8_lossy(&bytes).into_owned()));
                }
                Message::Binary(bytes) if !self.base64 => {
                    self.heard.push((bytes[0], String::from_utf8_lossy(&bytes[1..]).into_owned()));
                }
                Message::Close(_) => panic!("closed before {end:?}: {:?}", self.heard),
                _ => {}
            }
        }
    }
}

/// The clients of this machine.
pub async fn clients() -> Vec<PathBuf> {
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
