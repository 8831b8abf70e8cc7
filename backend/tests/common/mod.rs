//! A server of our own for each test: the built program, a directory, clients over loopback.

// Each test file uses a part of it.
#![allow(dead_code, missing_docs)]

pub mod connections;

use std::{path::Path, process::Stdio, time::Duration};

use futures_util::{SinkExt, StreamExt};
use shared::session::{
    Replica,
    protocol::{ClientMessage, Entry, ServerMessage, Welcome},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Error, Message, client::IntoClientRequest, protocol::frame::coding::CloseCode},
};

/// Longer than anything takes; a test that waits this long has failed.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Server {
    child: Child,
    pub address: String,
}

pub fn directory() -> TempDir {
    tempfile::tempdir().expect("a directory can be made")
}

pub fn program(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kubarium"));
    command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

impl Server {
    pub async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    /// With more to say on the command line.
    pub async fn start_with(data: &Path, options: &[&str]) -> Self {
        let mut command = program(data);
        command.args(options);
        Self::spawn(command).await
    }

    /// On a disk that is soon full: no file grows by more than half a megabyte.
    pub async fn start_on_full_disk(data: &Path) -> Self {
        let grown =
            std::fs::read_dir(data).expect("it can be read").filter_map(|file| file.ok()?.metadata().ok());
        let blocks = grown.map(|file| file.len()).max().unwrap_or(0).div_ceil(1024) + 512;
        let mut command = Command::new("bash");
        let limited = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_kubarium")]);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        Self::spawn(command).await
    }

    /// With sessions in an etcd.
    pub async fn start_on(etcd: &Etcd) -> Self {
        Self::start_with_store(&etcd.store()).await
    }

    /// With sessions wherever that is.
    pub async fn start_with_store(store: &str) -> Self {
        Self::start_with_store_and(store, &[]).await
    }

    pub async fn start_with_store_and(store: &str, options: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kubarium"));
        command.args(["serve", "--listen", "127.0.0.1:0", "--store", store]).args(options);
        command.stdout(Stdio::piped()).kill_on_drop(true);
        Self::spawn(command).await
    }

    async fn spawn(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line =
            timeout(PATIENCE, lines.next_line()).await.expect("it says where it is").expect("it is text");
        let line = line.expect("it has not ended");
        let address = line.rsplit_once("://").expect("the line ends with the address").1.to_owned();
        Self { child, address }
    }

    /// The process.
    pub fn id(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// As a power failure would: nothing is finished.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("it runs");
    }

    /// As a machine that hangs: `STOP`, and `CONT` when it goes on.
    pub fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    /// As an operator would.
    pub async fn stop(mut self) {
        let id = self.child.id().expect("it runs");
        let sent = std::process::Command::new("kill").arg(id.to_string()).status().expect("there is `kill`");
        assert!(sent.success());
        let status = timeout(PATIENCE, self.child.wait()).await.expect("it ends").expect("it has a status");
        assert!(status.success(), "{status}");
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub async fn create(&self, scenario: &str) -> Session {
        let answer = reqwest::Client::new()
            .post(self.url("/api/v1/sessions"))
            .body(scenario.to_owned())
            .send()
            .await
            .expect("it answers");
        assert_eq!(answer.status(), 201);
        let body: serde_json::Value = answer.json().await.expect("the answer is JSON");
        let token = |role: &str| {
            let link = body["links"][role].as_str().expect("there is a link for each role");
            let (page, fragment) = link.split_once("/#s=").expect("the token is in the fragment");
            assert_eq!(page, format!("http://{}", self.address));
            fragment.split_once('.').expect("name and token").1.to_owned()
        };
        Session {
            id: body["id"].as_str().expect("it has a name").to_owned(),
            owner: token("owner"),
            editor: token("editor"),
            viewer: token("viewer"),
        }
    }

    pub async fn info(&self, id: &str) -> serde_json::Value {
        let answer = reqwest::get(self.url(&format!("/api/v1/sessions/{id}"))).await.expect("it answers");
        assert_eq!(answer.status(), 200);
        answer.json().await.expect("the answer is JSON")
    }

    pub async fn open(&self, id: &str, origin: Option<&str>) -> Result<Client, Error> {
        let url = format!("ws://{}/api/v1/sessions/{id}/ws", self.address);
        let mut request = url.into_client_request().expect("the address is right");
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().expect("a header"));
        }
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        Ok(Client { socket, log: Vec::new() })
    }

    /// Connects and says hello; what came first is left to read.
    pub async fn hello(&self, id: &str, token: &str, after: Option<u64>) -> Client {
        let mut client = self.open(id, None).await.expect("it connects");
        let engine = shared::ENGINE_VERSION.into();
        client
            .send(&ClientMessage::Hello { token: token.into(), engine, after, whole: true, name: "".into() })
            .await;
        client
    }

    /// As [`Server::join`], of a server that first has to find out that another is gone.
    pub async fn join_patiently(&self, id: &str, token: &str) -> (Client, Welcome) {
        for _ in 0..200 {
            if let Ok(mut client) = self.open(id, None).await
                && client.try_hello(token, true).await
                && let Some(welcome) = client.welcome().await
            {
                client.catch_up(welcome.horizon.sequence).await;
                return (client, welcome);
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("nobody is let in");
    }

    /// Is welcomed as pages are: with a snapshot, if there is one; the answer says so.
    pub async fn arrive(&self, id: &str, token: &str) -> (Client, Replica, bool) {
        let mut client = self.open(id, None).await.expect("it connects");
        assert!(client.try_hello(token, false).await, "it is heard");
        let welcome = client.welcome().await.expect("it is let in");
        let had_snapshot = welcome.snapshot.is_some();
        (client, Replica::welcomed(welcome, 0).expect("it can be played"), had_snapshot)
    }

    /// Connects, and has the welcome and the whole log so far.
    pub async fn join(&self, id: &str, token: &str) -> (Client, Welcome) {
        let mut client = self.hello(id, token, None).await;
        let ServerMessage::Welcome(welcome) = client.next().await else { panic!("no welcome came first") };
        client.catch_up(welcome.horizon.sequence).await;
        (client, *welcome)
    }
}

/// Sends a signal to a process of ours.
pub fn signal(process: u32, name: &str) {
    let process = process.to_string();
    let sent = std::process::Command::new("kill").args(["-s", name, &process]).status();
    assert!(sent.expect("there is `kill`").success());
}

/// An etcd of our own with so many members.
pub struct Etcd {
    members: Vec<Member>,
}

struct Member {
    arguments: Vec<String>,
    client: String,
    child: Option<Child>,
    _data: TempDir,
}

impl Member {
    async fn answers(&self) -> bool {
        let url = format!("{}/v3/kv/range", self.client);
        let request = reqwest::Client::new().post(url).body(r#"{"key":"YQ=="}"#);
        let answer = request.timeout(Duration::from_millis(500)).send().await;
        answer.is_ok_and(|answer| answer.status().is_success())
    }

    fn start(&mut self) {
        let mut command = Command::new("etcd");
        command.args(&self.arguments).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        self.child = Some(command.spawn().expect("etcd starts"));
    }
}

impl Etcd {
    /// None, and a line that says so, when this machine has no etcd.
    pub async fn start(members: usize) -> Option<Self> {
        let there = std::process::Command::new("etcd").arg("--version").stdout(Stdio::null()).status();
        if there.is_err() {
            eprintln!("not tried: there is no etcd on this machine (Debian: apt-get install etcd-server)");
            return None;
        }
        let free = || std::net::TcpListener::bind("127.0.0.1:0").expect("there are free ports");
        let ports: Vec<_> = (0..2 * members).map(|_| free()).collect();
        let url = |at: usize| format!("http://{}", ports[at].local_addr().expect("it is bound"));
        let cluster: Vec<String> = (0..members).map(|at| format!("m{at}={}", url(members + at))).collect();
        let mut started: Vec<Member> = (0..members)
            .map(|at| {
                let (data, client, peer) = (directory(), url(at), url(members + at));
                let path = data.path().display().to_string();
                let arguments = [
                    ("name", format!("m{at}")),
                    ("data-dir", path),
                    ("listen-client-urls", client.clone()),
                    ("advertise-client-urls", client.clone()),
                    ("listen-peer-urls", peer.clone()),
                    ("initial-advertise-peer-urls", peer),
                    ("initial-cluster", cluster.join(",")),
                    // Tests need no disk that outlives the machine.
                    ("unsafe-no-fsync", "true".to_owned()),
                ];
                let arguments = arguments.iter().map(|(name, value)| format!("--{name}={value}")).collect();
                Member { arguments, client, child: None, _data: data }
            })
            .collect();
        drop(ports);
        started.iter_mut().for_each(Member::start);
        let etcd = Self { members: started };
        etcd.wait().await;
        Some(etcd)
    }

    /// Until every member answers for the quorum.
    pub async fn wait(&self) {
        let answers = async {
            for member in &self.members {
                while !member.answers().await {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        };
        timeout(PATIENCE, answers).await.expect("etcd answers");
    }

    /// Forgets what values were before, as etcd is told to from time to time.
    pub async fn compact(&self) {
        let ask = async |path: &str, body: String| {
            let url = format!("{}/v3/kv/{path}", self.members[0].client);
            let answer = reqwest::Client::new().post(url).body(body).send().await.expect("etcd answers");
            answer.json::<serde_json::Value>().await.expect("JSON")
        };
        let now = ask("range", r#"{"key":"YQ=="}"#.to_owned()).await;
        let revision = now["header"]["revision"].as_str().expect("a number").to_owned();
        let done = ask("compaction", format!(r#"{{"revision":"{revision}","physical":true}}"#)).await;
        // A server may have been quicker.
        let forgotten = done["message"].as_str().is_some_and(|why| why.ends_with("has been compacted"));
        assert!(done["header"].is_object() || forgotten, "{done}");
    }

    /// The present revision, asked for as it was at another one; nothing where that is forgotten.
    pub async fn revision(&self, at: Option<u64>) -> Option<u64> {
        let url = format!("{}/v3/kv/range", self.members[0].client);
        let body = format!(r#"{{"key":"YQ==","revision":"{}"}}"#, at.unwrap_or(0));
        let answer = reqwest::Client::new().post(url).body(body).send().await.expect("etcd answers");
        let answer = answer.error_for_status().ok()?;
        let answer: serde_json::Value = answer.json().await.expect("JSON");
        answer["header"]["revision"].as_str()?.parse().ok()
    }

    /// What kubarium is told.
    pub fn store(&self) -> String {
        let members: Vec<&str> =
            self.members.iter().map(|member| member.client.trim_start_matches("http://")).collect();
        format!("etcd://{}", members.join(","))
    }

    /// A power failure of one member.
    pub async fn kill(&mut self, member: usize) {
        if let Some(mut child) = self.members[member].child.take() {
            child.kill().await.expect("it runs");
        }
    }

    /// It comes back with what is on its disk.
    pub fn restart(&mut self, member: usize) {
        self.members[member].start();
    }

    /// A member that hangs: `STOP`, and `CONT` when it goes on.
    pub fn signal(&self, member: usize, name: &str) {
        if let Some(id) = self.members[member].child.as_ref().and_then(Child::id) {
            signal(id, name);
        }
    }
}

pub struct Session {
    pub id: String,
    pub owner: String,
    pub editor: String,
    pub viewer: String,
}

pub struct Client {
    pub socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// All entries that came, in order.
    pub log: Vec<Entry>,
}

impl Client {
    pub async fn send(&mut self, message: &ClientMessage) {
        self.socket.send(Message::text(message.write())).await.expect("it is sent");
    }

    pub async fn submit(&mut self, id: u32, kubectl: &str) {
        let action = shared::scenario::StepAction::Kubectl(kubectl.into());
        self.send(&ClientMessage::Submit { id, action }).await;
    }

    /// The next frame; entries are also kept.
    pub async fn next(&mut self) -> ServerMessage {
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.expect("a frame comes");
            match frame.expect("the connection is open").expect("the connection is whole") {
                Message::Text(text) => {
                    let message = ServerMessage::read(&text).expect("a message of the protocol");
                    if let ServerMessage::Entry(entry) = &message {
                        self.log.push(entry.clone());
                    }
                    return message;
                }
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    /// Says who comes, and whether the whole log is asked for; whether that was heard.
    pub async fn try_hello(&mut self, token: &str, whole: bool) -> bool {
        let (token, engine) = (token.into(), shared::ENGINE_VERSION.into());
        let hello = ClientMessage::Hello { token, engine, after: None, whole, name: "".into() };
        self.socket.send(Message::text(hello.write())).await.is_ok()
    }

    /// The answer to a hello; none when it is turned away.
    pub async fn welcome(&mut self) -> Option<Welcome> {
        loop {
            let Some(Ok(frame)) = timeout(PATIENCE, self.socket.next()).await.expect("an answer comes")
            else {
                return None;
            };
            if let Message::Text(text) = frame {
                match ServerMessage::read(&text).expect("a message of the protocol") {
                    ServerMessage::Welcome(welcome) => return Some(*welcome),
                    _ => return None,
                }
            }
        }
    }

    /// Reads on to the first frame that is wanted.
    pub async fn until<T>(&mut self, wanted: impl Fn(ServerMessage) -> Option<T>) -> T {
        loop {
            if let Some(found) = wanted(self.next().await) {
                return found;
            }
        }
    }

    /// Reads on until the log has so many entries.
    pub async fn catch_up(&mut self, sequence: u64) {
        while self.log.last().map_or(0, |entry| entry.sequence) < sequence {
            self.next().await;
        }
    }

    /// Submits, and waits until it is in the log.
    pub async fn done(&mut self, id: u32, kubectl: &str) -> u64 {
        self.submit(id, kubectl).await;
        let wanted = id;
        let sequence = self
            .until(|message| match message {
                ServerMessage::Accepted { id, sequence } if id == wanted => Some(sequence),
                _ => None,
            })
            .await;
        self.catch_up(sequence).await;
        sequence
    }

    /// Reads on to the end: what was refused last, and the close code.
    pub async fn end(mut self) -> (String, u16) {
        let mut why = String::new();
        loop {
            let frame = timeout(PATIENCE, self.socket.next()).await.expect("an end comes");
            match frame.expect("it is closed with a code").expect("the connection is whole") {
                Message::Text(text) => {
                    if let ServerMessage::Refused { id: None, why: last } =
                        ServerMessage::read(&text).expect("a message")
                    {
                        why = last.to_string();
                    }
                }
                Message::Close(close) => {
                    let code: CloseCode = close.expect("it has a code").code;
                    return (why, code.into());
                }
                _ => {}
            }
        }
    }
}
