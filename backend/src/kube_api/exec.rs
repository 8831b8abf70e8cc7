//! `pods/exec` over a WebSocket, in the protocols `v5.channel.k8s.io` and `v4.channel.k8s.io`.
//!
//! A program in a simulated container is given all of its input at once and answers when it has ended: what the client
//! sends is gathered until it says that there is no more.

use axum::{
    extract::{
        FromRequestParts, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{header, request::Parts},
    response::Response,
};
use shared::{
    cluster::{HttpRequest, HttpResponse, exec_result},
    doc,
    doc::Doc,
    session::protocol::Role,
};

use super::{
    answer,
    replica::{Handle, Reply},
};

const PROTOCOLS: [&str; 2] = ["v5.channel.k8s.io", "v4.channel.k8s.io"];

/// A program is given this much input at most, in bytes.
const MAX_INPUT: usize = 1 << 20;

/// The channels of a connection.
const STDIN: u8 = 0;
const STDOUT: u8 = 1;
const STDERR: u8 = 2;
const ERROR: u8 = 3;
const CLOSE: u8 = 255;

/// Whether a request is to become such a connection.
pub fn is_meant(parts: &Parts, http: &HttpRequest) -> bool {
    let path = http.path.split('?').next().unwrap_or("");
    let upgrade = parts.headers.get(header::UPGRADE).and_then(|value| value.to_str().ok());
    path.ends_with("/exec") && upgrade.is_some_and(|value| value.eq_ignore_ascii_case("websocket"))
}

/// Lets a program run and tells what it says.
///
/// # Errors
/// What the API server answers in place of a connection.
pub async fn serve(
    mut parts: Parts,
    http: HttpRequest,
    role: Role,
    handle: Handle,
) -> Result<Response, HttpResponse> {
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &())
        .await
        .map_err(|_| answer::status(400, "BadRequest", "unable to upgrade connection"))?;
    let upgrade = upgrade.protocols(PROTOCOLS).max_message_size(MAX_INPUT).max_frame_size(MAX_INPUT);
    if upgrade.selected_protocol().is_none() {
        return Err(answer::status(
            400,
            "BadRequest",
            "unable to upgrade: none of the protocols is spoken here",
        ));
    }
    let query = http.path.split_once('?').map_or("", |(_, query)| query);
    let reads = query.split('&').any(|part| matches!(part, "stdin=true" | "stdin=1"));
    if reads {
        return Ok(upgrade.on_upgrade(move |mut socket| async move {
            let Some(input) = input(&mut socket).await else { return };
            let http = HttpRequest { body: input.into(), ..http };
            if let Reply::Answer(answer) = handle.ask(role, http).await {
                tell(socket, &answer).await;
            }
        }));
    }
    match handle.ask(role, http).await {
        Reply::Answer(answer) if !answer.is_success() => Err(answer),
        Reply::Answer(answer) => {
            Ok(upgrade.on_upgrade(move |socket| async move { tell(socket, &answer).await }))
        }
        Reply::Watch(_) | Reply::Log(_) => {
            Err(answer::status(500, "InternalError", "a program was to be run"))
        }
    }
}

/// All that the client has to say; none when it has gone.
async fn input(socket: &mut WebSocket) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let Message::Binary(frame) = socket.recv().await?.ok()? else { continue };
        match frame.split_first() {
            Some((&STDIN, more)) if bytes.len() + more.len() <= MAX_INPUT => bytes.extend_from_slice(more),
            Some((&STDIN, _)) => return None,
            Some((&CLOSE, [STDIN])) => return Some(String::from_utf8_lossy(&bytes).into_owned()),
            _ => {}
        }
    }
}

async fn tell(mut socket: WebSocket, answer: &HttpResponse) {
    let mut frames: Vec<(u8, String)> = Vec::new();
    let status = match exec_result(answer) {
        Some(result) => {
            frames.push((STDOUT, result.stdout.to_string()));
            frames.push((STDERR, result.stderr.to_string()));
            ended(result.exit_code, &result.failure)
        }
        None => answer.body.clone(),
    };
    frames.push((ERROR, status.to_json()));
    for (channel, text) in frames.into_iter().filter(|(_, text)| !text.is_empty()) {
        let frame = [&[channel][..], text.as_bytes()].concat();
        if socket.send(Message::Binary(frame.into())).await.is_err() {
            return;
        }
    }
    // Whoever does not listen by now will not.
    let _ = socket.send(Message::Close(None)).await;
}

/// How a program ended, as clients want to be told.
fn ended(code: i32, failure: &str) -> Doc {
    if code == 0 && failure.is_empty() {
        return doc!({ "metadata": {}, "status": "Success" });
    }
    if !failure.is_empty() {
        let message = format!("Internal error occurred: {failure}");
        return doc!({
            "metadata": {}, "status": "Failure", "message": message, "reason": "InternalError", "code": 500i64
        });
    }
    let message =
        format!("command terminated with non-zero exit code: error executing command, exit code {code}");
    doc!({
        "metadata": {}, "status": "Failure", "reason": "NonZeroExitCode", "message": message,
        "details": { "causes": [{ "reason": "ExitCode", "message": code.to_string() }] }
    })
}
