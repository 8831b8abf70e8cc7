//! One connection to a room, from its hello to its end.

use std::time::{Duration, Instant};

use axum::{
    Extension,
    extract::{
        Path, State, WebSocketUpgrade,
        ws::{CloseFrame, Message, Utf8Bytes, WebSocket},
    },
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, timeout},
};

use super::{
    Refusal, Rooms, Shared, now,
    protocol::{Said, Told},
    room::{Line, Room, Who},
};
use crate::{
    error::Problem,
    guesses::Guesser,
    metrics::METRICS,
    origin,
    sessions::{End, token},
    websocket::{Bucket, READ_BUFFER, Rate, is_too_large},
};

/// Largest message that is read, in bytes: a scenario.
const MAX_MESSAGE: usize = 1 << 20;
/// Largest message of a participant.
const MAX_OF_PARTICIPANT: usize = 16 << 10;
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
/// What one connection may say.
const FRAMES: Rate = Rate { per_second: 10.0, burst: 60.0 };
/// Frames that may wait for a slow reader.
const WAITING: usize = 256;

/// `GET /api/v1/rooms/{code}/ws`
pub async fn connect(
    State(rooms): State<Rooms>,
    Path(code): Path<String>,
    guesser: Option<Extension<Guesser>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if origin::is_foreign(&headers) {
        let why = "only pages from this server may connect to its rooms";
        return Problem::new(StatusCode::FORBIDDEN, why).into_response();
    }
    let join = match rooms.join_address(&headers, &code) {
        Ok(join) => join,
        Err(problem) => return problem.into_response(),
    };
    upgrade
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .on_upgrade(async move |socket| {
            let end = serve(socket, rooms, code, join).await;
            if let (Some(End::NO_ROOM), Some(Extension(guesser))) = (end, guesser) {
                guesser.was_wrong();
            }
        })
}

async fn serve(mut socket: WebSocket, rooms: Rooms, code: String, join: String) -> Option<End> {
    let _counted = METRICS.connection("room");
    let end = match timeout(HELLO, hello(&mut socket)).await {
        Err(_) => Some(End::SILENT),
        Ok(Err(end)) => end,
        Ok(Ok(token)) => match admit(&rooms, &code, &token, join).await {
            Err(end) => Some(end),
            Ok(mut seat) => {
                let end = carry(&mut socket, &rooms, &mut seat).await;
                seat.room.lock().await.leave(seat.id);
                end
            }
        },
    };
    if let Some(end) = &end {
        farewell(&mut socket, end).await;
    }
    end
}

async fn hello(socket: &mut WebSocket) -> Result<String, Option<End>> {
    loop {
        match socket.recv().await {
            Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                Ok(Said::Hello { token }) => return Ok(token),
                _ => return Err(Some(End::BAD_FRAME)),
            },
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            Some(Ok(Message::Binary(_))) => return Err(Some(End::BAD_FRAME)),
            Some(Err(error)) if is_too_large(&error) => return Err(Some(End::TOO_LARGE)),
            Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
        }
    }
}

/// A place at a room's table.
struct Seat {
    room: Shared,
    id: u64,
    who: Who,
    frames: mpsc::Receiver<Utf8Bytes>,
    end: oneshot::Receiver<End>,
}

async fn admit(rooms: &Rooms, code: &str, token: &str, join: String) -> Result<Seat, End> {
    let shared = rooms.find(code).await.map_err(|refusal| match refusal {
        Refusal::Unknown => End::NO_ROOM,
        _ => End::FAILED,
    })?;
    let (frames_in, frames) = mpsc::channel(WAITING);
    let (end_in, end) = oneshot::channel();
    let mut room = shared.lock().await;
    if room.deleted {
        return Err(End::NO_ROOM);
    }
    let who = known(&room, token).ok_or(End::NOT_IN_ROOM)?;
    if who != Who::Instructor && room.record.ends <= now() {
        return Err(End::ROOM_ENDED);
    }
    if room.connections() >= room.record.seats as usize * 3 + 20 {
        return Err(End::CROWDED);
    }
    let id = room.enter(Line { who, frames: frames_in, end: end_in }, join);
    drop(room);
    Ok(Seat { room: shared, id, who, frames, end })
}

/// Who has this token. Hashes are compared, which tells nothing about the token, however long it takes.
fn known(room: &Room, token: &str) -> Option<Who> {
    let hash = token::hash(token);
    if room.record.owner == hash {
        return Some(Who::Instructor);
    }
    let found = room.participants.values().find(|participant| participant.record.token == hash);
    found.map(|participant| Who::Participant(participant.record.number))
}

/// Carries frames until one side ends it; what to tell the client then, if it is still there.
async fn carry(socket: &mut WebSocket, rooms: &Rooms, seat: &mut Seat) -> Option<End> {
    let mut pings = tokio::time::interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Instant::now();
    let mut bucket = Bucket::new(FRAMES, heard);
    loop {
        let frame = tokio::select! {
            end = &mut seat.end => return Some(end.unwrap_or(End::FAILED)),
            frame = seat.frames.recv() => match frame {
                Some(frame) => Message::Text(frame),
                // Whoever let go of the line has said why.
                None => return Some((&mut seat.end).await.unwrap_or(End::FAILED)),
            },
            _ = pings.tick() => match heard.elapsed() > SILENCE {
                true => return Some(End::SILENT),
                false => Message::Ping(Default::default()),
            },
            message = socket.recv() => {
                heard = Instant::now();
                match hear(message, rooms, seat, &mut bucket).await {
                    Ok(None) => continue,
                    Ok(Some(refusal)) => Message::Text(refusal),
                    Err(end) => return end,
                }
            }
        };
        match timeout(WRITE, socket.send(frame)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return None,
            Err(_) => return Some(End::TOO_SLOW),
        }
    }
}

async fn hear(
    message: Option<Result<Message, axum::Error>>,
    rooms: &Rooms,
    seat: &Seat,
    bucket: &mut Bucket,
) -> Result<Option<Utf8Bytes>, Option<End>> {
    let text = match message {
        Some(Ok(Message::Text(text))) => text,
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => return Ok(None),
        Some(Ok(Message::Binary(_))) => return Err(Some(End::BAD_FRAME)),
        Some(Err(error)) if is_too_large(&error) => return Err(Some(End::TOO_LARGE)),
        Some(Ok(Message::Close(_)) | Err(_)) | None => return Err(None),
    };
    if !bucket.take(Instant::now()) {
        return Err(Some(End::TOO_MANY));
    }
    if seat.who != Who::Instructor && text.len() > MAX_OF_PARTICIPANT {
        return Err(Some(End::TOO_LARGE));
    }
    let said: Said = serde_json::from_str(&text).map_err(|_| Some(End::BAD_FRAME))?;
    if matches!(said, Said::Hello { .. }) {
        return Err(Some(End::BAD_FRAME));
    }
    let done = rooms.hear(&seat.room, seat.who, said).await;
    Ok(done.err().map(|why| Told::Refused { why }.write()))
}

/// Says why, closes, and leaves the other side a moment to read it.
async fn farewell(socket: &mut WebSocket, end: &End) {
    let last = async {
        socket.send(Message::Text(Told::Refused { why: end.why.to_owned() }.write())).await?;
        let close = CloseFrame { code: end.code, reason: Utf8Bytes::from_static(end.why) };
        socket.send(Message::Close(Some(close))).await?;
        while let Some(Ok(_)) = socket.recv().await {}
        Ok::<_, axum::Error>(())
    };
    // Whoever does not listen by now will not.
    let _ = timeout(FAREWELL, last).await;
}
