//! Watches and logs over WebSockets, as Headlamp and pages in browsers have them: an event is a message, and so is each piece
//! of a log that is followed, or all of one that is not.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use shared::cluster::HttpResponse;
use tokio::{sync::mpsc, time::timeout};

use super::{answer, replica::Part, text};

/// What clients may ask for; with the last one logs are text.
const PROTOCOLS: [&str; 2] = ["binary.k8s.io", BASE64];
const BASE64: &str = "base64.binary.k8s.io";

/// Nobody has anything to say here but that they are still there.
const MAX_MESSAGE: usize = 4 << 10;
/// A client that takes nothing for this long has gone.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is told.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// Events of a watch, a line each.
    Events,
    /// What a container says.
    Log,
}

/// Whether a request is to become a WebSocket.
pub fn is_wanted(headers: &HeaderMap) -> bool {
    let has = |name: header::HeaderName, word: &str| {
        text(headers, name.as_str()).to_ascii_lowercase().contains(word)
    };
    has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket")
}

/// All of a log, as the one part that comes.
pub fn whole(log: String) -> mpsc::Receiver<Part> {
    let (sender, coming) = mpsc::channel(1);
    // There is room for it.
    let _ = sender.try_send(Ok(log.into()));
    coming
}

/// Tells over a WebSocket what comes in parts.
///
/// # Errors
/// What is said of a request that is no good beginning of one.
pub async fn serve(
    parts: &mut Parts,
    told: Told,
    coming: mpsc::Receiver<Part>,
) -> Result<Response, HttpResponse> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &())
        .await
        .map_err(|_| answer::status(400, "BadRequest", "unable to upgrade connection"))?;
    let upgrade = upgrade.protocols(PROTOCOLS).max_message_size(MAX_MESSAGE).max_frame_size(MAX_MESSAGE);
    let base64 = upgrade.selected_protocol().is_some_and(|protocol| protocol == BASE64);
    Ok(upgrade.on_upgrade(move |socket| tell(socket, told, base64, coming)))
}

async fn tell(mut socket: WebSocket, told: Told, base64: bool, mut coming: mpsc::Receiver<Part>) {
    let mut rest: Vec<u8> = Vec::new();
    loop {
        let part = tokio::select! {
            part = coming.recv() => part,
            said = socket.recv() => match said {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => continue,
            },
        };
        let Some(Ok(part)) = part else { break };
        for message in messages(told, base64, part, &mut rest) {
            if !matches!(timeout(PATIENCE, socket.send(message)).await, Ok(Ok(()))) {
                return;
            }
        }
    }
    // Whoever does not listen by now will not.
    let _ = socket.send(Message::Close(None)).await;
}

/// The messages in a part; of an event that is not whole yet the beginning stays in `rest`.
fn messages(told: Told, base64: bool, part: Bytes, rest: &mut Vec<u8>) -> Vec<Message> {
    if told == Told::Log {
        return vec![if base64 {
            Message::Text(BASE64_STANDARD.encode(&part).into())
        } else {
            Message::Binary(part)
        }];
    }
    rest.extend_from_slice(&part);
    let whole = rest.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines: Vec<u8> = rest.drain(..whole).collect();
    let events = lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    events.map(|line| Message::Text(String::from_utf8_lossy(line).into_owned().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_a_message_however_it_comes() {
        let mut rest = Vec::new();
        let mut told = Vec::new();
        for part in ["{\"a\":", "1}\n{\"b\":2}\n{", "\"c\":3}\n"] {
            told.extend(messages(Told::Events, false, Bytes::from(part), &mut rest));
        }
        let wanted = ["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"].map(|text| Message::Text(text.into()));
        assert_eq!(told, wanted);
        for (base64, wanted) in [(true, Message::Text("aGk=".into())), (false, Message::Binary("hi".into()))]
        {
            assert_eq!(messages(Told::Log, base64, Bytes::from("hi"), &mut rest), [wanted]);
        }
    }
}
