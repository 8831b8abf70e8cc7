//! `exec` and `attach`: what a client types goes to a program in a container, what that writes goes to the client, bit by
//! bit. Everything that reaches the program is a command in the session's log.

use std::{collections::BTreeMap, time::Duration};

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, WebSocket, close_code},
};
use futures_util::{SinkExt, StreamExt, stream::SplitStream};
use shared::{
    cluster::{HttpRequest, HttpResponse, exec_result},
    doc,
    doc::Doc,
    runtime::{bytes_of_text, text_of_bytes},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadHalf},
    sync::mpsc,
    time::{sleep, timeout},
};

use super::{
    answer,
    channels::Channels,
    connection::{IDLE, Line},
    programs::Told,
    replica::Reply,
    spdy::{self, Event, Frame, Reader},
    terminal::{self, Terminal, Typed},
};

/// The channels of a WebSocket.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const CLOSE: u8 = 255;

/// Pieces that may wait in each direction, and how much of them goes into one command, in bytes.
const PIECES: usize = 32;
const BATCH: usize = 128 << 10;

/// A client opens all of its streams in this time.
const STREAMS: Duration = Duration::from_secs(30);
/// A client of a WebSocket says nothing of its channels, and kubectl before 1.34 loses what arrives before it has made them
/// (kubernetes/kubernetes#131203): nobody else answers as fast as this server.
const CHANNELS_MADE: Duration = Duration::from_millis(100);
/// A client that has heard the end closes the connection in this time.
const GOODBYE: Duration = Duration::from_secs(5);
/// A program that does not read is waited for this long, and asked again after this, later each time.
const UNREAD: Duration = Duration::from_secs(300);
const AGAIN: Duration = Duration::from_millis(500);
const LATEST: Duration = Duration::from_secs(10);

/// What comes from a client. When there is no more of it, the client has gone.
enum Input {
    Bytes(Bytes),
    End,
}

/// What goes to a client.
enum Output {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// How it ended: the last there is.
    Status(Doc),
}

/// The connection to a program. Without it, the program has lost whoever ran it.
struct Link {
    line: Line,
    stream: String,
    ended: bool,
}

impl Drop for Link {
    fn drop(&mut self) {
        if !self.ended {
            let (line, query) = (self.line.clone(), format!("stream={}&send=close", self.stream));
            tokio::spawn(async move { line.ask(&query, String::new()).await });
        }
    }
}

/// A program that runs.
pub struct Program {
    link: Link,
    told: mpsc::Receiver<Told>,
    tty: bool,
    reads: bool,
}

/// Lets a program run, or finds the one that does.
///
/// # Errors
/// What the API server answers in place of a connection.
pub async fn begin(line: &Line) -> Result<Program, HttpResponse> {
    if !["stdin", "stdout", "stderr"].iter().any(|name| line.is_on(name)) {
        let why = "you must specify at least 1 of stdin, stdout, stderr";
        return Err(answer::status(400, "BadRequest", why));
    }
    let mut name = [0; 8];
    getrandom::fill(&mut name)
        .map_err(|_| answer::status(500, "InternalError", "there is no randomness on this machine"))?;
    let stream: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
    let http = HttpRequest {
        method: "POST".into(),
        path: format!("{}&stream={stream}", line.http.path).into(),
        ..line.http.clone()
    };
    match line.handle.follow(line.role, http).await {
        Reply::Program(told) => {
            let link = Link { line: line.clone(), stream, ended: false };
            Ok(Program { link, told, tty: line.is_on("tty"), reads: line.is_on("stdin") })
        }
        Reply::Answer(refused) => Err(refused),
        _ => Err(answer::status(500, "InternalError", "a program was to be run")),
    }
}

impl Program {
    /// Passes on what comes and goes until the program or the client has ended.
    async fn drive(mut self, keys: mpsc::Receiver<Input>, out: mpsc::Sender<Output>) {
        let (line, stream) = (self.link.line.clone(), self.link.stream.clone());
        let (tty, reads) = (self.tty, self.reads);
        let mut typing = tokio::spawn(type_in(line, stream, tty, reads, keys, out.clone()));
        let status = loop {
            let told = tokio::select! {
                told = self.told.recv() => told,
                // The client has gone.
                _ = &mut typing => return,
                () = out.closed() => break None,
            };
            match told {
                Some(Told::Output(to_err, text)) => {
                    let bytes = bytes_of_text(&text);
                    let bytes = if tty { terminal::shown(&bytes) } else { bytes };
                    let output = if to_err { Output::Stderr(bytes) } else { Output::Stdout(bytes) };
                    if out.send(output).await.is_err() {
                        break None;
                    }
                }
                Some(Told::Ended(answer)) => {
                    // Where the way to it broke, it may run on.
                    self.link.ended = answer.is_success();
                    break Some(status(&answer));
                }
                Some(Told::Lost) => break Some(failed("the output was read too slowly")),
                None => break Some(failed("the session was closed")),
            }
        };
        typing.abort();
        if let Some(status) = status {
            // Whoever does not listen by now will not.
            let _ = out.send(Output::Status(status)).await;
        }
    }

    /// Over a WebSocket.
    pub async fn over_websocket(self, socket: WebSocket, channels: Channels) {
        let (mut sink, messages) = socket.split();
        let (keys, typed) = mpsc::channel(PIECES);
        let (out, mut outputs) = mpsc::channel(PIECES);
        let reading = tokio::spawn(read_websocket(messages, keys, channels));
        let line = &self.link.line;
        let first = [("stdout", STDOUT), ("stderr", STDERR)].into_iter().find(|(name, _)| line.is_on(name));
        let first = first.map_or(ERROR, |(_, channel)| channel);
        let writing = async {
            sleep(CHANNELS_MADE).await;
            // With a message of nothing kubelets say that they are there.
            if !channels.ends && sink.send(channels.message(first, b"")).await.is_err() {
                return;
            }
            while let Some(output) = outputs.recv().await {
                let (channel, bytes) = match output {
                    Output::Stdout(bytes) => (STDOUT, bytes),
                    Output::Stderr(bytes) => (STDERR, bytes),
                    Output::Status(status) if channels.has_status => (ERROR, status.to_json().into_bytes()),
                    Output::Status(status) => (ERROR, status["message"].str().as_bytes().to_vec()),
                };
                if bytes.is_empty() {
                    continue;
                }
                if sink.send(channels.message(channel, &bytes)).await.is_err() {
                    return;
                }
            }
            let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
            // Whoever does not listen by now will not.
            let _ = sink.send(Message::Close(Some(close))).await;
        };
        tokio::join!(self.drive(typed, out), writing);
        leave(reading).await;
    }

    /// Over streams of SPDY.
    pub async fn over_spdy<I: AsyncRead + AsyncWrite + Send + 'static>(self, io: I) {
        let (from, to) = tokio::io::split(io);
        let (mut reader, outbox) = (Reader::new(from), spdy::writer(to));
        let line = &self.link.line;
        let mut wanted = vec!["error"];
        wanted.extend(["stdin", "stdout", "stderr"].into_iter().filter(|name| line.is_on(name)));
        if self.tty {
            wanted.retain(|name| *name != "stderr");
            wanted.push("resize");
        }
        let opened = timeout(STREAMS, open_streams(&mut reader, &outbox, &wanted)).await;
        let Ok(Some(ids)) = opened else {
            let _ = outbox.send(Frame::GoAway(false)).await;
            return;
        };
        let id = |name: &str| ids.get(name).copied();
        let (keys, typed) = mpsc::channel(PIECES);
        let (out, mut outputs) = mpsc::channel(PIECES);
        let reading = tokio::spawn(read_spdy(reader, outbox.clone(), id("stdin"), keys));
        let writing = async {
            while let Some(output) = outputs.recv().await {
                let (stream, bytes) = match output {
                    Output::Stdout(bytes) => (id("stdout"), bytes),
                    Output::Stderr(bytes) => (id("stderr"), bytes),
                    Output::Status(status) => (id("error"), status.to_json().into_bytes()),
                };
                let Some(stream) = stream else { continue };
                if spdy::send(&outbox, stream, &bytes).await.is_err() {
                    return;
                }
            }
            for stream in ["stdout", "stderr", "error"].into_iter().filter_map(id) {
                // Whoever does not listen by now will not.
                let _ = outbox.send(Frame::Data(stream, Bytes::new(), true)).await;
            }
        };
        tokio::join!(self.drive(typed, out), writing);
        leave(reading).await;
        let _ = outbox.send(Frame::GoAway(true)).await;
    }
}

/// Tells a client of a WebSocket why nothing runs for it.
pub async fn refuse(socket: WebSocket, channels: Channels, refused: HttpResponse) {
    let (mut sink, messages) = socket.split();
    let (keys, _) = mpsc::channel(PIECES);
    let reading = tokio::spawn(read_websocket(messages, keys, channels));
    sleep(CHANNELS_MADE).await;
    let told = channels.message(ERROR, refused.body.to_json().as_bytes());
    let close = CloseFrame { code: close_code::NORMAL, reason: "".into() };
    // Whoever does not listen by now will not.
    let _ = sink.send(told).await;
    let _ = sink.send(Message::Close(Some(close))).await;
    leave(reading).await;
}

/// A client that has heard the end closes the connection; until then what it says is heard out, so that nothing of the
/// end is lost on its way.
async fn leave(mut reading: tokio::task::JoinHandle<()>) {
    if timeout(GOODBYE, &mut reading).await.is_err() {
        reading.abort();
    }
}

async fn read_websocket(mut messages: SplitStream<WebSocket>, keys: mpsc::Sender<Input>, channels: Channels) {
    while let Ok(Some(Ok(message))) = timeout(IDLE, messages.next()).await {
        let input = match channels.read(message) {
            Some((STDIN, bytes)) => Input::Bytes(bytes),
            Some((CLOSE, bytes)) if channels.ends && bytes[..] == [STDIN] => Input::End,
            // Sizes of terminals make no difference here.
            _ => continue,
        };
        // After the end nobody takes it any more.
        let _ = keys.send(input).await;
    }
}

/// The streams that a client opens, by their names.
async fn open_streams<R: AsyncRead + Unpin>(
    reader: &mut Reader<R>,
    outbox: &spdy::Outbox,
    wanted: &[&str],
) -> Option<BTreeMap<String, u32>> {
    let mut ids = BTreeMap::new();
    while ids.len() < wanted.len() {
        let frame = match reader.next().await.ok()?? {
            Event::Open { id, headers } => {
                let name = headers.into_iter().find(|(name, _)| name == "streamtype").map(|(_, value)| value);
                match name.filter(|name| wanted.contains(&name.as_str()) && !ids.contains_key(name)) {
                    Some(name) => {
                        ids.insert(name, id);
                        Frame::Accept(id)
                    }
                    None => Frame::Reset(id, spdy::REFUSED_STREAM),
                }
            }
            Event::Ping(id) => Frame::Pong(id),
            Event::GoAway => return None,
            Event::Data { .. } | Event::Reset(_) => continue,
        };
        outbox.send(frame).await.ok()?;
    }
    Some(ids)
}

async fn read_spdy<I: AsyncRead>(
    mut reader: Reader<ReadHalf<I>>,
    outbox: spdy::Outbox,
    stdin: Option<u32>,
    keys: mpsc::Sender<Input>,
) {
    while let Ok(Ok(Some(event))) = timeout(IDLE, reader.next()).await {
        let frame = match event {
            // After the end nobody takes it any more.
            Event::Data { id, bytes, fin } if Some(id) == stdin => {
                if !bytes.is_empty() {
                    let _ = keys.send(Input::Bytes(bytes)).await;
                }
                if fin {
                    let _ = keys.send(Input::End).await;
                }
                continue;
            }
            Event::Reset(id) if Some(id) == stdin => {
                let _ = keys.send(Input::End).await;
                continue;
            }
            Event::Ping(id) => Frame::Pong(id),
            Event::Open { id, .. } => Frame::Reset(id, spdy::REFUSED_STREAM),
            Event::Data { .. } | Event::Reset(_) | Event::GoAway => continue,
        };
        if outbox.send(frame).await.is_err() {
            return;
        }
    }
}

/// Brings what a client types to the program, until the client has gone.
async fn type_in(
    line: Line,
    stream: String,
    tty: bool,
    reads: bool,
    mut keys: mpsc::Receiver<Input>,
    out: mpsc::Sender<Output>,
) {
    let mut terminal = Terminal::default();
    let mut begun = Vec::new();
    while let Some(first) = keys.recv().await {
        let (mut bytes, mut over) = (std::mem::take(&mut begun), false);
        let mut next = Some(first);
        while let Some(input) = next {
            match input {
                Input::Bytes(more) => bytes.extend_from_slice(&more),
                Input::End => over = true,
            }
            next = if bytes.len() < BATCH && !over { keys.try_recv().ok() } else { None };
        }
        if !reads {
            continue;
        }
        let mut typed = Vec::new();
        if tty {
            let (echo, lines) = terminal.take(&bytes);
            if !echo.is_empty() && out.send(Output::Stdout(echo)).await.is_err() {
                return;
            }
            typed = lines;
        } else {
            // A character of which the rest is to come waits for it.
            let whole = if over { bytes.len() } else { whole_characters(&bytes) };
            begun = bytes.split_off(whole);
            typed.extend((!bytes.is_empty()).then(|| Typed::Line(text_of_bytes(&bytes))));
        }
        typed.extend(over.then_some(Typed::End));
        for one in typed {
            let (send, text) = match one {
                Typed::Line(text) => ("stdin", text),
                Typed::End => ("end", String::new()),
                Typed::Signal(name) => (name, String::new()),
            };
            if !deliver(&line, &format!("stream={stream}&send={send}"), text).await {
                return;
            }
        }
    }
}

/// Whether something came to the program, or to its end.
async fn deliver(line: &Line, query: &str, text: String) -> bool {
    let (mut waited, mut pause) = (Duration::ZERO, AGAIN);
    // Where the program has ended, its end is told by itself.
    while is_full(&line.ask(query, text.clone()).await) {
        // What is refused takes its room in the session's log like all that is asked: it is asked with nothing.
        loop {
            if waited >= UNREAD {
                return false;
            }
            sleep(pause).await;
            waited += pause;
            pause = LATEST.min(pause * 2);
            if !is_full(&line.ask(query, String::new()).await) {
                break;
            }
        }
    }
    true
}

/// Whether something could not be taken yet.
fn is_full(answer: &HttpResponse) -> bool {
    answer.code == 429 || answer.body["message"].as_str().is_some_and(|why| why.contains("does not read"))
}

/// How many of the bytes are whole characters, or none at all.
fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(&bytes[bytes.len().saturating_sub(4)..]) {
        Err(error) if error.error_len().is_none() => bytes.len().saturating_sub(4) + error.valid_up_to(),
        _ => bytes.len(),
    }
}

/// How a program ended, as clients want to be told.
fn status(answer: &HttpResponse) -> Doc {
    let Some(result) = exec_result(answer) else { return answer.body.clone() };
    let (code, failure) = (result.exit_code, &result.failure);
    if code == 0 && failure.is_empty() {
        return doc!({ "metadata": {}, "status": "Success" });
    }
    if !failure.is_empty() {
        return failed(failure);
    }
    let message =
        format!("command terminated with non-zero exit code: error executing command, exit code {code}");
    doc!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message,
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] }
    })
}

fn failed(why: &str) -> Doc {
    let message = format!("Internal error occurred: {why}");
    doc!({ "metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500i64 })
}
