//! A server of our own for each test: the built program, a directory, clients over loopback.

// Each test file uses a part of it.
#![allow(dead_code, missing_docs)]

use std::{path::Path, process::Stdio, time::Duration};

use futures_util::{SinkExt, StreamExt};
use shared::session::protocol::{ClientMessage, Entry, ServerMessage, Welcome};
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
        let mut child =
            program(data).args(options).stderr(Stdio::inherit()).spawn().expect("the program starts");
        let stdout = child.stdout.take().expect("it is piped");
        let mut lines = BufReader::new(stdout).lines();
        let line =
            timeout(PATIENCE, lines.next_line()).await.expect("it says where it is").expect("it is text");
        let line = line.expect("it has not ended");
        let address = line.rsplit_once("http://").expect("the line ends with the address").1.to_owned();
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
        client.send(&ClientMessage::Hello { token: token.into(), engine, after, name: "".into() }).await;
        client
    }

    /// Connects, and has the welcome and the whole log so far.
    pub async fn join(&self, id: &str, token: &str) -> (Client, Welcome) {
        let mut client = self.hello(id, token, None).await;
        let ServerMessage::Welcome(welcome) = client.next().await else { panic!("no welcome came first") };
        client.catch_up(welcome.horizon.sequence).await;
        (client, *welcome)
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
