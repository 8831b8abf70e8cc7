//! `portforward`: connections to ports of a pod. What listens in a simulated container speaks HTTP, so each request that
//! comes over a connection is asked in the cluster, and counted there like any other; anything else is closed.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::ws::{Message, WebSocket},
};
use futures_util::{SinkExt, StreamExt};
use hyper::{Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::rt::TokioIo;
use shared::cluster::HttpResponse;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::mpsc,
    time::timeout,
};

use super::{
    answer,
    channels::Channels,
    connection::{IDLE, Line},
    spdy::{self, Event, Frame, Outbox, Reader},
};

/// Connections of one client at a time.
const CONNECTIONS: usize = 128;
/// The longest body of a request, in bytes; as long as files in containers may be.
const MAX_BODY: usize = 256 << 10;
/// Pieces that may wait in each direction.
const PIECES: usize = 16;
/// What is said of anything else.
const NO_HTTP: &str =
    "what came over this connection is no HTTP/1.1, and simulated containers speak nothing else";
/// A client that has opened one of a connection's two streams opens the other in this time.
const PAIR: Duration = Duration::from_secs(30);

/// Asks whether a pod's ports can be reached at all.
///
/// # Errors
/// What the API server answers in place of a connection.
pub async fn check(line: &Line) -> Result<(), HttpResponse> {
    let answer = line.ask("", String::new()).await;
    if answer.is_success() { Ok(()) } else { Err(answer) }
}

/// The ports that the query names.
///
/// # Errors
/// What the API server answers where there is none, or no number.
pub fn ports(line: &Line) -> Result<Vec<u16>, HttpResponse> {
    let refuse = |why: String| answer::status(400, "BadRequest", &why);
    let mut ports = Vec::new();
    for text in line.values("ports").flat_map(|list| list.split(',')) {
        let port = text.parse().ok().filter(|port| *port > 0);
        ports.push(port.ok_or_else(|| refuse(format!("unable to parse {text:?} as a port")))?);
    }
    match ports.len() {
        0 => Err(refuse("query parameter \"ports\" is required".to_owned())),
        1..=CONNECTIONS => Ok(ports),
        _ => Err(refuse(format!("at most {CONNECTIONS} ports can be forwarded over one connection"))),
    }
}

/// Where a connection's answers go.
enum Outlet {
    Spdy { outbox: Outbox, data: u32, error: u32 },
    WebSocket { frames: mpsc::Sender<Message>, channels: Channels, data: u8 },
}

impl Outlet {
    async fn data(&self, bytes: &[u8]) -> Result<(), ()> {
        match self {
            Self::Spdy { outbox, data, .. } => spdy::send(outbox, *data, bytes).await,
            Self::WebSocket { frames, channels, data } => {
                frames.send(channels.message(*data, bytes)).await.map_err(|_| ())
            }
        }
    }

    /// The connection is over; why, where that was no good end. Whoever does not listen by now will not.
    async fn end(self, failure: Option<String>) {
        let failure = failure.unwrap_or_default();
        match self {
            Self::Spdy { outbox, data, error } => {
                let why = Bytes::from(failure.into_bytes());
                let _ = outbox.send(Frame::Data(error, why, true)).await;
                let _ = outbox.send(Frame::Data(data, Bytes::new(), true)).await;
            }
            Self::WebSocket { frames, channels, data } if !failure.is_empty() => {
                let _ = frames.send(channels.message(data + 1, failure.as_bytes())).await;
            }
            Self::WebSocket { .. } => {}
        }
    }
}

/// What is known of a connection of which one stream is open.
struct Half {
    port: u16,
    error: Option<u32>,
    data: Option<u32>,
}

/// Over streams of SPDY, two for each connection.
pub async fn over_spdy<I: AsyncRead + AsyncWrite + Send + 'static>(io: I, line: Line) {
    let (from, to) = tokio::io::split(io);
    let (mut reader, outbox) = (Reader::new(from), spdy::writer(to));
    let mut halves: BTreeMap<String, Half> = BTreeMap::new();
    let mut open: BTreeMap<u32, mpsc::Sender<Bytes>> = BTreeMap::new();
    loop {
        let patience = if halves.is_empty() { IDLE } else { PAIR };
        let Ok(Ok(Some(event))) = timeout(patience, reader.next()).await else { break };
        let frame = match event {
            Event::Open { id, headers } => {
                open.retain(|_, input| !input.is_closed());
                match pair(id, &headers, &mut halves) {
                    _ if open.len() + halves.len() > CONNECTIONS => Frame::Reset(id, spdy::REFUSED_STREAM),
                    Err(()) => Frame::Reset(id, spdy::REFUSED_STREAM),
                    Ok(whole) => {
                        if let Some((port, error, data)) = whole {
                            let (input, pieces) = mpsc::channel(PIECES);
                            open.insert(data, input);
                            let outlet = Outlet::Spdy { outbox: outbox.clone(), data, error };
                            tokio::spawn(connection(port, pieces, outlet, line.clone()));
                        }
                        Frame::Accept(id)
                    }
                }
            }
            Event::Data { id, bytes, fin } => {
                if let Some(input) = open.get(&id).filter(|_| !bytes.is_empty()) {
                    // What has ended reads no more.
                    let _ = input.send(bytes).await;
                }
                if fin {
                    open.remove(&id);
                }
                continue;
            }
            Event::Reset(id) => {
                open.remove(&id);
                continue;
            }
            Event::Ping(id) => Frame::Pong(id),
            Event::GoAway => continue,
        };
        if outbox.send(frame).await.is_err() {
            break;
        }
    }
    let _ = outbox.send(Frame::GoAway(halves.is_empty())).await;
}

/// Takes a stream to the one that it belongs to: port and both streams when there are two of them.
fn pair(
    id: u32,
    headers: &[(String, String)],
    halves: &mut BTreeMap<String, Half>,
) -> Result<Option<(u16, u32, u32)>, ()> {
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    let port: u16 = value("port").and_then(|port| port.parse().ok()).filter(|port| *port > 0).ok_or(())?;
    let is_error = match value("streamtype") {
        Some("error") => true,
        Some("data") => false,
        _ => return Err(()),
    };
    // Old clients give no names: the stream for data is the next one after that for errors.
    let unnamed = || if is_error { id } else { id.saturating_sub(2) }.to_string();
    let name = value("requestid").map_or_else(unnamed, str::to_owned);
    let half = halves.entry(name.clone()).or_insert(Half { port, error: None, data: None });
    let place = if is_error { &mut half.error } else { &mut half.data };
    if place.replace(id).is_some() || half.port != port {
        return Err(());
    }
    Ok(match (half.error, half.data) {
        (Some(error), Some(data)) => {
            halves.remove(&name);
            Some((port, error, data))
        }
        _ => None,
    })
}

/// Over a WebSocket, one connection for each port, two channels for each connection.
pub async fn over_websocket(socket: WebSocket, channels: Channels, ports: Vec<u16>, line: Line) {
    let (mut sink, mut messages) = socket.split();
    let (frames, mut waiting) = mpsc::channel::<Message>(PIECES);
    let writing = tokio::spawn(async move {
        while let Some(frame) = waiting.recv().await {
            if sink.send(frame).await.is_err() {
                return;
            }
        }
        // Whoever does not listen by now will not.
        let _ = sink.send(Message::Close(None)).await;
    });
    let mut open = Vec::new();
    for (port, data) in ports.into_iter().zip((0..=u8::MAX).step_by(2)) {
        for channel in [data, data + 1] {
            if frames.send(channels.message(channel, &port.to_le_bytes())).await.is_err() {
                return;
            }
        }
        let (input, pieces) = mpsc::channel(PIECES);
        open.push(input);
        let outlet = Outlet::WebSocket { frames: frames.clone(), channels, data };
        tokio::spawn(connection(port, pieces, outlet, line.clone()));
    }
    drop(frames);
    while let Ok(Some(Ok(message))) = timeout(IDLE, messages.next()).await {
        let Some((channel, bytes)) = channels.read(message) else { continue };
        if let Some(input) = open.get(usize::from(channel / 2)).filter(|_| channel % 2 == 0) {
            // What has ended reads no more.
            let _ = input.send(bytes).await;
        }
    }
    drop(open);
    // It ends with the connections.
    let _ = writing.await;
}

/// One connection to a port, from its first byte to its last.
async fn connection(port: u16, mut pieces: mpsc::Receiver<Bytes>, outlet: Outlet, line: Line) {
    let first = match pieces.recv().await {
        Some(piece) if !may_be_http(&piece) => {
            let why = format!("error forwarding port {port}: {NO_HTTP}");
            return outlet.end(Some(why)).await;
        }
        first => first,
    };
    let (near, far) = tokio::io::duplex(64 << 10);
    let (mut from, mut to) = tokio::io::split(near);
    let failure = Mutex::new(None);
    let service = service_fn(|request: Request<Incoming>| answer_of(port, request, &line, &failure));
    let served = hyper::server::conn::http1::Builder::new()
        .half_close(true)
        .title_case_headers(true)
        .serve_connection(TokioIo::new(far), service);
    let into = async {
        let mut next = first;
        while let Some(bytes) = next {
            if to.write_all(&bytes).await.is_err() {
                return;
            }
            next = pieces.recv().await;
        }
        let _ = to.shutdown().await;
    };
    let out = async {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            if outlet.data(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    {
        // What is no HTTP, and what nobody answers, ends the connection.
        let both = async { tokio::join!(served, out) };
        tokio::pin!(both);
        tokio::select! {
            biased;
            _ = &mut both => {}
            () = into => drop(both.await),
        }
    }
    let failure = failure.lock().unwrap_or_else(PoisonError::into_inner).take();
    outlet.end(failure).await;
}

/// Whether what comes first may be the beginning of a request: TLS, Redis' protocol and those of databases begin otherwise.
fn may_be_http(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|byte| byte.is_ascii_uppercase() || matches!(byte, b'\r' | b'\n'))
}

/// The answer of whatever listens there.
///
/// # Errors
/// When nobody does: the connection ends without a word, and why is told beside it.
async fn answer_of(
    port: u16,
    request: Request<Incoming>,
    line: &Line,
    failure: &Mutex<Option<String>>,
) -> Result<Response<Body>, Refused> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let text = |status: StatusCode, text: String| {
        // What looks like a page is one.
        let kind = if text.starts_with('<') { "text/html" } else { "text/plain; charset=utf-8" };
        let response = Response::builder().status(status).header(header::CONTENT_TYPE, kind);
        response.body(Body::from(text)).map_err(|_| Refused)
    };
    let Ok(body) = to_bytes(Body::new(body), MAX_BODY).await else {
        return text(StatusCode::PAYLOAD_TOO_LARGE, "413 Request Entity Too Large\n".to_owned());
    };
    let body = String::from_utf8_lossy(&body);
    let asked = format!("{} {path} HTTP/1.1\r\nHost: {host}\r\n\r\n{body}", parts.method);
    let answer = line.ask(&format!("ports={port}"), asked).await;
    if !answer.is_success() {
        let why = answer.body["message"].str();
        let why = why.strip_prefix("Internal error occurred: ").unwrap_or(&why).to_owned();
        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        return Err(Refused);
    }
    let status = answer.body["status"].as_i64().and_then(|status| u16::try_from(status).ok());
    let status =
        status.and_then(|status| StatusCode::from_u16(status).ok()).unwrap_or(StatusCode::BAD_GATEWAY);
    text(status, answer.body["text"].str().to_string())
}

/// Nobody listens on the port.
#[derive(Debug)]
struct Refused;

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("connection refused")
    }
}

impl std::error::Error for Refused {}
