//! `pods/exec`, `pods/attach` and `pods/portforward`: requests that become connections. WebSockets and SPDY/3.1 carry
//! them.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::{SinkExt, StreamExt};
use hyper_util::rt::TokioIo;
use shared::{
    cluster::{HttpRequest, HttpResponse},
    session::protocol::Role,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream};

use super::{
    answer,
    channels::Channels,
    port_forward, remote_command,
    replica::{Handle, Reply},
    text,
};

/// The header in which clients of SPDY say which protocols they speak over its streams.
const PROTOCOLS: &str = "x-stream-protocol-version";
const ACCEPTED: &str = "x-accepted-stream-protocol-versions";

/// The largest message of a WebSocket, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// A client that was told to go on in another protocol does so in this time.
const UPGRADE: Duration = Duration::from_secs(10);

/// A client that says nothing for this long has gone, as kubelets see it; kubectl's pings come more often.
pub const IDLE: Duration = Duration::from_secs(4 * 3600);

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// `exec` and `attach`: the streams of a program.
    Program,
    /// `portforward`: ports of a pod.
    Ports,
}

impl Purpose {
    /// What a request wants to be connected to, if it does.
    pub fn of(http: &HttpRequest) -> Option<Self> {
        let path = http.path.split('?').next().unwrap_or("");
        let mut parts = path.strip_prefix("/api/v1/namespaces/")?.split('/');
        let (_, "pods", _) = (parts.next()?, parts.next()?, parts.next()?) else { return None };
        match (parts.next()?, parts.next()) {
            ("exec" | "attach", None) => Some(Self::Program),
            ("portforward", None) => Some(Self::Ports),
            _ => None,
        }
    }

    /// The protocols of WebSockets, and those over SPDY's streams.
    fn protocols(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Program => (
                &[
                    "v5.channel.k8s.io",
                    "v4.channel.k8s.io",
                    "v4.base64.channel.k8s.io",
                    "channel.k8s.io",
                    "base64.channel.k8s.io",
                ],
                &["v4.channel.k8s.io"],
            ),
            Self::Ports => (
                &["SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io", "v4.base64.channel.k8s.io"],
                &["portforward.k8s.io"],
            ),
        }
    }
}

/// Whether a request of this method may become a connection.
pub fn is_method(method: &str) -> bool {
    matches!(method, "GET" | "POST")
}

/// A request, who sent it, and who answers.
#[derive(Clone)]
pub struct Line {
    pub http: HttpRequest,
    pub role: Role,
    pub handle: Handle,
}

impl Line {
    /// Asks for something else about the same thing.
    pub async fn ask(&self, query: &str, body: String) -> HttpResponse {
        let path = self.http.path.split('?').next().unwrap_or("");
        let http = HttpRequest {
            method: "POST".into(),
            path: format!("{path}?{query}").into(),
            body: body.into(),
            content_type: "".into(),
            ..self.http.clone()
        };
        match self.handle.ask(self.role, http).await {
            Reply::Answer(answer) => answer,
            _ => answer::status(500, "InternalError", "this goes on for ever"),
        }
    }

    /// Whether there would be a connection.
    async fn check(&self) -> Result<(), HttpResponse> {
        let query = self.http.path.split_once('?').map_or("", |(_, query)| query);
        let answer = self.ask(&format!("{query}&dryRun=All"), String::new()).await;
        if answer.is_success() { Ok(()) } else { Err(answer) }
    }

    /// The values of a parameter of the query.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let query = self.http.path.split_once('?').map_or("", |(_, query)| query);
        query.split('&').filter_map(move |part| match part.split_once('=') {
            Some((known, value)) => (known == name).then_some(value),
            None => (part == name).then_some("true"),
        })
    }

    /// Whether a parameter of the query is on.
    pub fn is_on(&self, name: &str) -> bool {
        self.values(name).next().is_some_and(shared::api::is_on)
    }
}

/// Makes a request a connection.
///
/// # Errors
/// What the API server answers in place of a connection.
pub async fn serve(mut parts: Parts, purpose: Purpose, mut line: Line) -> Result<Response, HttpResponse> {
    // What only we say to ourselves is not to be said from outside.
    let (path, query) = line.http.path.split_once('?').unwrap_or((&line.http.path, ""));
    let own = |part: &&str| !matches!(part.split('=').next(), Some("stream" | "send" | "dryRun"));
    let query: Vec<&str> = query.split('&').filter(own).collect();
    line.http.path = format!("{path}?{}", query.join("&")).into();
    line.http.body = "".into();
    match upgraded(&mut parts, purpose, line.clone()).await {
        Ok(response) => Ok(response),
        // Whether there could be a connection at all comes first.
        Err(why) => line.check().await.and(Err(why)),
    }
}

async fn upgraded(parts: &mut Parts, purpose: Purpose, line: Line) -> Result<Response, HttpResponse> {
    let upgrade = text(&parts.headers, header::UPGRADE.as_str()).to_ascii_lowercase();
    let connection = text(&parts.headers, header::CONNECTION.as_str()).to_ascii_lowercase();
    if !connection.contains("upgrade") || upgrade.is_empty() {
        return Err(answer::status(400, "BadRequest", "Upgrade request required"));
    }
    match upgrade.as_str() {
        "websocket" => websocket(parts, purpose, line).await,
        "spdy/3.1" => spdy(parts, purpose, line).await,
        other => {
            let why = format!("unable to upgrade: unsupported protocol {other:?}");
            Err(answer::status(400, "BadRequest", &why))
        }
    }
}

async fn websocket(parts: &mut Parts, purpose: Purpose, line: Line) -> Result<Response, HttpResponse> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map_err(|_| answer::status(400, "BadRequest", "unable to upgrade connection"))?;
    let Some(protocol) = Channels::choose(&parts.headers, purpose.protocols().0) else {
        // Kubelets say no more than that.
        return Err(HttpResponse { code: 403, body: "".into(), warnings: Vec::new() });
    };
    let channels = Channels::of(protocol);
    let upgrade = upgrade
        .protocols((!protocol.is_empty()).then_some(protocol))
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE);
    Ok(match purpose {
        Purpose::Program => match remote_command::begin(&line).await {
            Ok(program) => upgrade.on_upgrade(move |socket| program.over_websocket(socket, channels)),
            Err(refused) => match said_by_node(&refused) {
                // The API server itself takes the connection: what the node says to that is how it ends.
                Some(_) if channels.ends => {
                    upgrade.on_upgrade(move |socket| remote_command::refuse(socket, channels, refused))
                }
                // The node itself is spoken to, which answers with a text.
                Some(why) => return Err(HttpResponse { body: why.into(), ..refused }),
                None => return Err(refused),
            },
        },
        Purpose::Ports => {
            port_forward::check(&line).await?;
            if protocol.starts_with("SPDY") {
                upgrade
                    .on_upgrade(|socket| async move { port_forward::over_spdy(tunnel(socket), line).await })
            } else {
                let ports = port_forward::ports(&line)?;
                upgrade.on_upgrade(move |socket| async move {
                    port_forward::over_websocket(socket, channels, ports, line).await;
                })
            }
        }
    })
}

async fn spdy(parts: &mut Parts, purpose: Purpose, line: Line) -> Result<Response, HttpResponse> {
    let ours = purpose.protocols().1;
    let theirs = text(&parts.headers, PROTOCOLS);
    let Some(protocol) = theirs.split(',').map(str::trim).find(|one| ours.contains(one)) else {
        let theirs: Vec<&str> = theirs.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
        let why = format!(
            "unable to upgrade: unable to negotiate protocol: client supports {theirs:?}, server accepts {ours:?}"
        );
        return Err(answer::status(403, "Forbidden", &why));
    };
    let Some(upgrade) = parts.extensions.remove::<hyper::upgrade::OnUpgrade>() else {
        return Err(answer::status(400, "BadRequest", "unable to upgrade connection"));
    };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("SPDY/3.1"));
    if let Ok(value) = HeaderValue::from_str(protocol) {
        headers.insert(PROTOCOLS, value);
    }
    for one in ours {
        headers.append(ACCEPTED, HeaderValue::from_static(one));
    }
    let upgraded = async move {
        let upgraded = tokio::time::timeout(UPGRADE, upgrade).await;
        // Otherwise the client went away meanwhile.
        upgraded.ok().and_then(Result::ok).map(TokioIo::new)
    };
    match purpose {
        Purpose::Program => {
            let program =
                remote_command::begin(&line).await.map_err(|refused| match said_by_node(&refused) {
                    // The node itself is spoken to, which answers with a text.
                    Some(why) => HttpResponse { body: why.into(), ..refused },
                    None => refused,
                })?;
            tokio::spawn(async move {
                if let Some(io) = upgraded.await {
                    program.over_spdy(io).await;
                }
            });
        }
        Purpose::Ports => {
            port_forward::check(&line).await?;
            tokio::spawn(async move {
                if let Some(io) = upgraded.await {
                    port_forward::over_spdy(io, line).await;
                }
            });
        }
    }
    Ok(response)
}

/// What a node said to a connection that the API server wanted.
fn said_by_node(refused: &HttpResponse) -> Option<String> {
    let message = refused.body["message"].str();
    message.strip_prefix("Internal error occurred: unable to upgrade connection: ").map(str::to_owned)
}

/// The bytes that messages of a WebSocket carry.
fn tunnel(socket: WebSocket) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let (near, far) = tokio::io::duplex(64 << 10);
    tokio::spawn(pass(socket, far));
    near
}

async fn pass(socket: WebSocket, bytes: DuplexStream) {
    let (mut sink, mut messages) = socket.split();
    let (mut from, mut to) = tokio::io::split(bytes);
    let out = async {
        let mut buffer = vec![0; 32 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if sink.send(Message::Binary(buffer[..count].to_vec().into())).await.is_err() {
                return;
            }
        }
        // Whoever does not listen by now will not.
        let _ = sink.send(Message::Close(None)).await;
    };
    let into = async {
        while let Some(Ok(message)) = messages.next().await {
            match message {
                Message::Binary(bytes) if to.write_all(&bytes).await.is_ok() => {}
                Message::Ping(_) | Message::Pong(_) => {}
                _ => break,
            }
        }
        let _ = to.shutdown().await;
    };
    tokio::join!(out, into);
}
