//! One connection to a session: lets the client in, and carries frames both ways until one side ends it.
//!
//! The token comes in the first frame and not in the address, which ends up in logs and histories.

use std::time::{Duration, Instant};

use axum::{
    extract::{
        Path, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use futures_util::{SinkExt, StreamExt, stream::SplitSink};
use shared::session::protocol::{ClientMessage, ServerMessage};
use tokio::{
    sync::oneshot,
    time::{MissedTickBehavior, timeout},
};

use crate::{
    error::Problem,
    metrics::METRICS,
    origin,
    sessions::{Ask, ENGINE, End, Guest, PaceChange, Seat, Sessions, Submission},
};

/// Largest message that is read, in bytes.
const MAX_MESSAGE: usize = 1 << 20;

/// What is read at once, in bytes: people say little, and everybody here has room for it.
pub const READ_BUFFER: usize = 1024;

/// The first frame must come within this time.
const HELLO: Duration = Duration::from_secs(10);

/// A frame must leave within this time, or the reader has vanished.
const WRITE: Duration = Duration::from_secs(10);

/// How often the client is asked whether it is there.
const PING: Duration = Duration::from_secs(20);

/// When nothing was heard for this time, it is not.
const SILENCE: Duration = Duration::from_secs(60);

/// How long the last word may take to arrive.
const FAREWELL: Duration = Duration::from_secs(1);

/// Who points at more than that is not shown all of it.
const POINTS: Rate = Rate { per_second: 12.0, burst: 12.0 };

/// What one client may send at all.
const FRAMES: Rate = Rate { per_second: 100.0, burst: 500.0 };

/// `GET /api/v1/sessions/{id}/ws`
pub async fn connect(
    State(sessions): State<Sessions>,
    Path(id): Path<String>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if origin::is_foreign(&headers) {
        return Problem::new(
            StatusCode::FORBIDDEN,
            "only pages from this server may connect to its sessions",
        )
        .into_response();
    }
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(move |socket| serve(socket, sessions, id))
}

type Sink = SplitSink<WebSocket, Message>;

/// The other side, as far as it was heard.
enum Heard {
    Message(ClientMessage),
    /// Only a sign of life.
    Sign,
    /// It must not go on.
    Fault(End),
    /// It has gone.
    Gone,
}

async fn serve(socket: WebSocket, sessions: Sessions, id: String) {
    let _counted = METRICS.connection("session");
    let (mut sink, mut stream) = socket.split();
    let seat = match timeout(HELLO, hello(&mut stream)).await {
        Err(_) => Err(Some(End::SILENT)),
        Ok(Err(end)) => Err(end),
        Ok(Ok(guest)) => sessions.join(&id, guest).await.map_err(Some),
    };
    let end = match seat {
        Err(end) => end,
        Ok(mut seat) => {
            let commands = Rate::of(sessions.limits().commands_per_second);
            let end = Connection::new(&mut sink, &mut stream, &mut seat, commands).carry().await;
            // The session may have ended.
            let _ = seat.mailbox.send(Ask::Leave { client: seat.client }).await;
            end
        }
    };
    if let Some(end) = end {
        tracing::debug!(session = id, code = end.code, why = end.why, "a connection was ended");
        farewell(&mut sink, &mut stream, &end).await;
    }
}

/// Waits for the first frame: a token, and what the client has already.
async fn hello(
    stream: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin),
) -> Result<Guest, Option<End>> {
    loop {
        match listen(stream.next().await) {
            Heard::Message(ClientMessage::Hello { engine, .. }) if engine != ENGINE => {
                return Err(Some(End::OTHER_ENGINE));
            }
            Heard::Message(ClientMessage::Hello { token, after, whole, name, .. }) => {
                return Ok(Guest { token, after, whole, name });
            }
            Heard::Message(_) => return Err(Some(End::BAD_FRAME)),
            Heard::Sign => {}
            Heard::Fault(end) => return Err(Some(end)),
            Heard::Gone => return Err(None),
        }
    }
}

fn listen(message: Option<Result<Message, axum::Error>>) -> Heard {
    match message {
        Some(Ok(Message::Text(text))) => match ClientMessage::read(&text) {
            Ok(message) => Heard::Message(message),
            Err(_) => Heard::Fault(End::BAD_FRAME),
        },
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Heard::Sign,
        Some(Ok(Message::Binary(_))) => Heard::Fault(End::BAD_FRAME),
        Some(Ok(Message::Close(_))) | None => Heard::Gone,
        Some(Err(error)) => match is_too_large(&error) {
            true => Heard::Fault(End::TOO_LARGE),
            false => Heard::Gone,
        },
    }
}

/// axum does not say which error it is, except in words.
pub fn is_too_large(error: &axum::Error) -> bool {
    let text = error.to_string();
    text.contains("too long") || text.contains("too big") || text.contains("too large")
}

struct Connection<'a, S> {
    sink: &'a mut Sink,
    stream: &'a mut S,
    seat: &'a mut Seat,
    commands: Bucket,
    frames: Bucket,
    heard: Instant,
    points: Bucket,
}

impl<'a, S: StreamExt<Item = Result<Message, axum::Error>> + Unpin> Connection<'a, S> {
    fn new(sink: &'a mut Sink, stream: &'a mut S, seat: &'a mut Seat, commands: Rate) -> Self {
        let now = Instant::now();
        Self {
            sink,
            stream,
            seat,
            commands: Bucket::new(commands, now),
            frames: Bucket::new(FRAMES, now),
            heard: now,
            points: Bucket::new(POINTS, now),
        }
    }

    /// Carries frames until one side ends it; what to tell the client then, if it is still there.
    async fn carry(mut self) -> Option<End> {
        for frame in std::mem::take(&mut self.seat.first) {
            if let Err(end) = self.write(Message::Text(frame)).await {
                return end;
            }
        }
        let mut pings = tokio::time::interval(PING);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                end = &mut self.seat.end => return Some(end.unwrap_or(End::FAILED)),
                frame = self.seat.frames.recv() => match frame {
                    Some(frame) => self.write(Message::Text(frame)).await,
                    None => Err(Some(last_word(&mut self.seat.end).await)),
                },
                message = self.stream.next() => self.hear(listen(message)).await,
                _ = pings.tick() => match self.heard.elapsed() > SILENCE {
                    true => Err(Some(End::SILENT)),
                    false => self.write(Message::Ping(Default::default())).await,
                },
            };
            if let Err(end) = done {
                return end;
            }
        }
    }

    async fn hear(&mut self, heard: Heard) -> Result<(), Option<End>> {
        let message = match heard {
            Heard::Gone => return Err(None),
            Heard::Fault(end) => return Err(Some(end)),
            Heard::Sign => None,
            Heard::Message(message) => Some(message),
        };
        self.heard = Instant::now();
        if !self.frames.take(self.heard) {
            return Err(Some(End::TOO_MANY));
        }
        let client = self.seat.client;
        let ask = match message {
            None => return Ok(()),
            Some(ClientMessage::Hello { .. }) => return Err(Some(End::BAD_FRAME)),
            Some(ClientMessage::Hash(checkpoint)) => Ask::Report { client, checkpoint },
            Some(ClientMessage::Point(at)) if !at.is_sound() => return Err(Some(End::BAD_FRAME)),
            // Nobody misses one of many.
            Some(ClientMessage::Point(_)) if !self.points.take(self.heard) => return Ok(()),
            Some(ClientMessage::Point(at)) => Ask::Point { client, at },
            Some(ClientMessage::Call { .. }) if !self.commands.take(self.heard) => {
                return self.refuse(None).await;
            }
            Some(ClientMessage::Call { name }) => Ask::Call { client, name },
            Some(ClientMessage::Submit { id, .. }) if !self.commands.take(self.heard) => {
                return self.refuse(Some(id)).await;
            }
            Some(ClientMessage::Pace { .. }) if !self.commands.take(self.heard) => {
                return self.refuse(None).await;
            }
            Some(ClientMessage::Submit { id, action }) => {
                Ask::Submit(Submission { client, id, action: Box::new(action), by: None })
            }
            Some(ClientMessage::Pace { running, speed, until }) => Ask::Pace {
                client,
                change: PaceChange { running, speed_milli: speed, until: until.map(|time| time.0) },
            },
        };
        match self.seat.mailbox.send(ask).await {
            Ok(()) => Ok(()),
            Err(_) => Err(Some(last_word(&mut self.seat.end).await)),
        }
    }

    async fn refuse(&mut self, id: Option<u32>) -> Result<(), Option<End>> {
        let why = "too many commands at once: wait a second and try again".into();
        self.write(Message::Text(ServerMessage::Refused { id, why }.write().into())).await
    }

    /// Sends a frame; not longer than until the session lets this client go.
    async fn write(&mut self, message: Message) -> Result<(), Option<End>> {
        tokio::select! {
            sent = timeout(WRITE, self.sink.send(message)) => match sent {
                Ok(Ok(())) => Ok(()),
                Ok(Err(_)) => Err(None),
                Err(_) => Err(Some(End::TOO_SLOW)),
            },
            end = &mut self.seat.end => Err(Some(end.unwrap_or(End::FAILED))),
        }
    }
}

/// Why the session ended; it fails without a word only when it panicked.
async fn last_word(end: &mut oneshot::Receiver<End>) -> End {
    end.await.unwrap_or(End::FAILED)
}

/// Says why, closes, and leaves the other side a moment to read it.
async fn farewell(
    sink: &mut Sink,
    stream: &mut (impl StreamExt<Item = Result<Message, axum::Error>> + Unpin),
    end: &End,
) {
    let why = ServerMessage::Refused { id: None, why: end.why.into() }.write();
    let close = CloseFrame { code: end.code, reason: Utf8Bytes::from_static(end.why) };
    let last = async {
        sink.send(Message::Text(why.into())).await?;
        sink.send(Message::Close(Some(close))).await?;
        while let Some(Ok(_)) = stream.next().await {}
        Ok::<_, axum::Error>(())
    };
    // Whoever does not listen by now will not.
    let _ = timeout(FAREWELL, last).await;
    if *end == End::TOO_LARGE {
        // What is left unread makes the system drop what was said last: wait until that has been read.
        tokio::time::sleep(FAREWELL).await;
    }
}

/// So many a second in the long run, so many at once.
#[derive(Clone, Copy)]
pub struct Rate {
    /// In the long run.
    pub per_second: f64,
    /// At once.
    pub burst: f64,
}

impl Rate {
    /// So many a second, and three times as many at once.
    pub fn of(per_second: u32) -> Self {
        let per_second = f64::from(per_second);
        Self { per_second, burst: 3.0 * per_second }
    }
}

/// A token bucket.
pub struct Bucket {
    rate: Rate,
    left: f64,
    since: Instant,
}

impl Bucket {
    /// A full one.
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self { rate, left: rate.burst, since: now }
    }

    fn fill(&mut self, now: Instant) {
        let earned = now.duration_since(self.since).as_secs_f64() * self.rate.per_second;
        self.left = (self.left + earned).min(self.rate.burst);
        self.since = now;
    }

    /// Whether there is one to take.
    pub fn has(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= 1.0
    }

    /// Whether none was taken for long.
    pub fn is_full(&mut self, now: Instant) -> bool {
        self.fill(now);
        self.left >= self.rate.burst
    }

    /// Takes one, if there is one.
    pub fn take(&mut self, now: Instant) -> bool {
        let granted = self.has(now);
        if granted {
            self.left -= 1.0;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_allows_bursts_and_then_its_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 10.0, burst: 3.0 }, start);
        let taken = |bucket: &mut Bucket, at| (0..10).filter(|_| bucket.take(at)).count();
        assert_eq!(taken(&mut bucket, start), 3);
        assert_eq!(taken(&mut bucket, start + Duration::from_millis(200)), 2);
        assert_eq!(taken(&mut bucket, start + Duration::from_secs(60)), 3);
    }
}
