//! Attacks that tools like this one have met, by their names: each gets a bounded, clear refusal, and nobody else
//! notices. (Roles, tokens, Origin, oversized frames, floods and slow readers over a session's socket: `live.rs`.)
#![allow(missing_docs)]

use std::time::{Duration, Instant};

use crate::common::{Server, Session, directory};
use futures_util::SinkExt;
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use shared::session::protocol::{ClientMessage, ServerMessage};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::tungstenite::Message;

/// No answer may take longer, however mean the question.
const SOON: Duration = Duration::from_secs(10);

async fn post(server: &Server, body: impl Into<reqwest::Body>) -> (StatusCode, String) {
    let begun = Instant::now();
    let answer =
        Client::new().post(server.url("/api/v1/sessions")).body(body).send().await.expect("it answers");
    let status = answer.status();
    let text = answer.text().await.expect("text");
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    (status, text)
}

/// The server need not read what it refuses: whoever goes on sending may lose the connection before the answer.
async fn assert_refused_as_too_large(request: reqwest::RequestBuilder) {
    if let Ok(answer) = request.send().await {
        assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}

fn scenario(spec: &str) -> String {
    format!("apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec: {spec}\n")
}

#[tokio::test]
async fn alias_bombs_and_other_hostile_imports_are_refused() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let imports = [
        ("aliases", bomb),
        ("nesting", "[".repeat(500_000)),
        ("nested maps", "{a: ".repeat(200_000)),
        ("nodes", scenario("{cluster: {nodes: [{count: 4294967295}]}}")),
        (
            "many groups",
            scenario(&format!("{{cluster: {{nodes: [{}]}}}}", vec!["{count: 1000}"; 5000].join(", "))),
        ),
        ("an array for a map", "[]".to_owned()),
        ("no text", "\u{0}\u{1}".to_owned()),
        ("a number beyond all", scenario(&format!("{{seed: {}}}", "9".repeat(10_000)))),
    ];
    for (what, body) in imports {
        let (status, text) = post(&server, body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{what}: {text}");
        assert!(text.len() < 10_000, "{what}: the refusal is short");
    }
    let large = Client::new().post(server.url("/api/v1/sessions")).body("x".repeat(5 << 20));
    assert_refused_as_too_large(large).await;
    assert_eq!(post(&server, vec![0xff, 0xfe, 0x00]).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(post(&server, "").await.0, StatusCode::CREATED, "and it goes on");
}

#[tokio::test]
async fn names_with_markup_and_escapes_reach_nobodys_screen_as_more_than_text() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut witness, _) = server.join(&session.id, &session.owner).await;
    let names = [
        "<img src=x onerror=alert(1)>",
        "\u{1b}]0;owned\u{7}\u{1b}[2J",
        "\u{202e}txt.exe",
        "system:masters",
        &"A".repeat(100_000),
    ];
    for name in names {
        let mut client = server.open(&session.id, None).await.expect("it connects");
        let (token, engine) = (session.editor.as_str().into(), shared::ENGINE_VERSION.into());
        client
            .send(&ClientMessage::Hello { token, engine, after: None, whole: false, name: name.into() })
            .await;
        client.welcome().await.expect("it is let in");
        let two = |message| match message {
            ServerMessage::Presence { people } if people.len() == 2 => Some(people),
            _ => None,
        };
        let people = witness.until(two).await;
        let shown = people[1].name.to_string();
        assert!(shown.chars().count() <= 40, "{shown}");
        assert!(
            !shown.chars().any(|sign| sign.is_control() || sign == ':' || sign == '\u{202e}'),
            "{shown:?}"
        );
        drop(client);
        witness
            .until(|message| {
                matches!(message, ServerMessage::Presence { people } if people.len() == 1).then_some(())
            })
            .await;
    }
    // Whatever is said is data to a browser, never a page.
    let answer = reqwest::get(server.url("/api/v1/sessions/%3Cscript%3Ealert(1)%3C%2Fscript%3E")).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_flood_of_patches_is_refused() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let node = format!("/k8s/{}{}/api/v1/nodes/node-0", session.id, session.owner);
    let patch = |kind: &'static str, body: String| {
        let request = Client::new().patch(server.url(&node)).header("content-type", kind).body(body);
        async { request.send().await.expect("it answers") }
    };
    let operation = json!({"op": "add", "path": "/metadata/labels/a", "value": "b"});
    let flood = serde_json::to_string(&vec![operation; 10_001]).expect("it prints");
    let answer = patch("application/json-patch+json", flood).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().await.expect("text").contains("10000"));
    // A few operations, each of which doubles what is there.
    let mut doubling =
        vec![json!({"op": "add", "path": "/metadata/annotations", "value": {"a": "x".repeat(1000)}})];
    for step in 0..60 {
        let path = format!("/metadata/annotations/c{step}");
        doubling.push(json!({"op": "copy", "from": "/metadata/annotations", "path": path}));
    }
    let begun = Instant::now();
    let answer = patch("application/json-patch+json", Value::from(doubling).to_string()).await;
    assert!(answer.status().is_client_error(), "{}", answer.status());
    assert!(begun.elapsed() < SOON, "it took {:?}", begun.elapsed());
    let deep = format!("{}1{}", "{\"a\":".repeat(100_000), "}".repeat(100_000));
    assert!(patch("application/merge-patch+json", deep).await.status().is_client_error());
    let huge = format!("{{\"metadata\":{{\"annotations\":{{\"a\":\"{}\"}}}}}}", "x".repeat(4 << 20));
    let large = Client::new().patch(server.url(&node)).header("content-type", "application/merge-patch+json");
    assert_refused_as_too_large(large.body(huge)).await;
    assert_eq!(reqwest::get(server.url(&node)).await.expect("it answers").status(), StatusCode::OK);
}

#[tokio::test]
async fn half_open_requests_and_frames_end_and_delay_nobody() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut witness, _) = server.join(&session.id, &session.owner).await;
    let mut half = Vec::new();
    for _ in 0..200 {
        let mut stream = TcpStream::connect(&server.address).await.expect("it connects");
        stream.write_all(b"GET /api/v1/sessions HTTP/1.1\r\nHost: x\r\nX-").await.expect("it is sent");
        half.push(stream);
    }
    // The first half of a frame, and nothing more.
    let mut stream = upgraded(&server, &session).await;
    stream.write_all(&[0x81, 0xfe, 0x03, 0xe8, 1, 2, 3, 4, b'{']).await.expect("it is sent");
    let begun = Instant::now();
    assert_eq!(witness.done(1, "get pods").await, 1);
    assert!(begun.elapsed() < Duration::from_secs(5));
    // Who never says hello is let go.
    let mut rest = Vec::new();
    tokio::time::timeout(Duration::from_secs(15), stream.read_to_end(&mut rest)).await.expect("it ends").ok();
    assert_eq!(server.info(&session.id).await["clients"], 1);
}

/// A connection to a session's socket that has said nothing yet.
async fn upgraded(server: &Server, session: &Session) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).await.expect("it connects");
    let request = format!(
        "GET /api/v1/sessions/{}/ws HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        session.id, server.address
    );
    stream.write_all(request.as_bytes()).await.expect("it is sent");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("it answers");
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[tokio::test]
async fn nobody_speaks_for_another_session_or_role() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let (own, other) = (server.create("").await, server.create("").await);
    let get = |id: &str, token: &str| reqwest::get(server.url(&format!("/k8s/{id}{token}/api/v1/nodes")));
    let status = async |id: &str, token: &str| get(id, token).await.expect("it answers").status();
    assert_eq!(status(&own.id, &own.viewer).await, StatusCode::OK);
    assert_eq!(status(&own.id, &other.owner).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&own.id, "").await, StatusCode::UNAUTHORIZED);
    let delete =
        Client::new().delete(server.url(&format!("/k8s/{}{}/api/v1/nodes/node-0", own.id, own.viewer)));
    assert_eq!(delete.send().await.expect("it answers").status(), StatusCode::FORBIDDEN);
    // Another's name for oneself, or headers of a server that passes requests on, open nothing.
    let (mut client, _) = server.join(&own.id, &own.viewer).await;
    let forged = r#"{"submit":{"id":1,"by":"owner","action":{"kubectl":"get pods"}}}"#;
    client.socket.send(Message::text(forged)).await.expect("it is sent");
    assert_eq!(client.end().await.1, 4400);
    let passed = Client::new()
        .get(server.url(&format!("/k8s/{}{}/api/v1/nodes", own.id, other.owner)))
        .header("x-kubarium-passed-on", "");
    assert_eq!(passed.send().await.expect("it answers").status(), StatusCode::UNAUTHORIZED);
    assert_eq!(server.info(&own.id).await["commands"], 0);
}

#[tokio::test]
async fn who_tries_many_room_codes_is_slowed_down() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let opened = Client::new().post(server.url("/api/v1/rooms")).send().await.expect("it answers");
    let opened: Value = opened.json().await.expect("JSON");
    let room = format!("/api/v1/rooms/{}", opened["code"].as_str().expect("a code"));
    let status = async |path: &str| reqwest::get(server.url(path)).await.expect("it answers").status();
    // A code that stands wrong on the board, typed by a class of 200 behind one address, is one guess; no code is none.
    for _ in 0..200 {
        assert_eq!(status("/api/v1/rooms/BCD-FGH").await, StatusCode::NOT_FOUND);
        assert_eq!(status("/api/v1/rooms/BCDFG").await, StatusCode::NOT_FOUND);
    }
    assert_eq!(status(&room).await, StatusCode::OK);
    let letter = |at: usize| char::from(b"BCDFGHJKMNPQRSTVWXYZ"[at % 20]);
    let mut wrong = 0;
    while status(&format!("/api/v1/rooms/BCD{}{}{}", letter(wrong / 400), letter(wrong / 20), letter(wrong)))
        .await
        == StatusCode::NOT_FOUND
    {
        wrong += 1;
        assert!(wrong < 600, "nobody is ever slowed down");
    }
    assert!(wrong >= 390, "a class of which everybody mistypes in two ways is let in: {wrong}");
    assert_eq!(status("/api/v1/rooms/ZZZZZZ").await, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(status(&room).await, StatusCode::OK, "who is in a room is not kept out by a neighbour");
    assert_eq!(status("/readyz").await, StatusCode::OK);
}
