//! A full room and many sessions, simulated over real WebSockets against the built program. Prints how long news takes
//! to reach everybody, and what a connection costs. `make load`, with LEARNERS=200 SESSIONS=100 CLIENTS=10.
#![allow(missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use common::{Client, Server, Session, directory};
use futures_util::{SinkExt, StreamExt, future::join_all, stream};
use serde_json::{Value, json};
use shared::session::protocol::{ClientMessage, ServerMessage};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How often something is told to all.
const ROUNDS: usize = 100;
/// So many connect at the same time.
const AT_ONCE: usize = 20;
const PATIENCE: Duration = Duration::from_secs(30);

fn number(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[tokio::main]
async fn main() {
    // Cargo's own way to ask what there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let data = directory();
    let server = Arc::new(Server::start_with(data.path(), &["--seats", "1000"]).await);
    room(&server, number("LEARNERS", 200)).await;
    sessions(&server, number("SESSIONS", 100), number("CLIENTS", 10)).await;
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize].as_secs_f64() * 1000.0;
    println!(
        "{what}: {} received, p50 {:.1} ms, p99 {:.1} ms, slowest {:.1} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

async fn enter(server: &Server, code: &str, token: &str) -> Socket {
    let url = format!("ws://{}/api/v1/rooms/{code}/ws", server.address);
    let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("it connects");
    let hello = json!({"hello": {"token": token}}).to_string();
    socket.send(Message::text(hello)).await.expect("it is sent");
    // Whoever is let in is told first where they are: from then on they are told what is told to all.
    while !matches!(socket.next().await.expect("an answer comes").expect("it is let in"), Message::Text(_)) {}
    socket
}

/// Reads on, and tells when each note came; says how it is once a second meanwhile.
async fn learn(mut socket: Socket, session: String, came: mpsc::UnboundedSender<(usize, Instant)>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut time = 0;
    loop {
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) if text.starts_with(r#"{"notice""#) => {
                    let now = Instant::now();
                    let notice: Value = serde_json::from_str(&text).expect("JSON");
                    let round = notice["notice"]["note"].as_str().and_then(|note| note.parse().ok());
                    // The one who counts has gone at the end.
                    let _ = came.send((round.expect("a number"), now));
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return,
            },
            _ = ticks.tick() => {
                time += 1000;
                let nodes = json!([["r", "rrr"], ["r", "rr"], ["o", "xx"]]);
                let status = json!({"status": {"session": session, "time": time, "nodes": nodes}});
                if socket.send(Message::text(status.to_string())).await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn room(server: &Arc<Server>, learners: usize) {
    println!("A room of {learners}: opening");
    let client = reqwest::Client::new();
    let opened = client.post(server.url(&format!("/api/v1/rooms?seats={learners}"))).send().await;
    let opened: Value = opened.expect("it answers").json().await.expect("JSON");
    let code = opened["code"].as_str().expect("a code").to_owned();
    let mut desk = enter(server, &code, opened["token"].as_str().expect("a token")).await;
    let (came_in, mut came) = mpsc::unbounded_channel();
    let begun = Instant::now();
    let joined = stream::iter(0..learners).map(|index| {
        let (server, client, code, came) =
            (Arc::clone(server), client.clone(), code.clone(), came_in.clone());
        async move {
            let path = format!("/api/v1/rooms/{code}/participants");
            let body = json!({"name": format!("Learner {index}")}).to_string();
            let answer = client.post(server.url(&path)).body(body).send().await.expect("it answers");
            let body: Value = answer.json().await.expect("JSON");
            let socket = enter(&server, &code, body["token"].as_str().expect("a token")).await;
            let session = body["session"].as_str().expect("a session").to_owned();
            tokio::spawn(learn(socket, session, came));
        }
    });
    joined.buffer_unordered(AT_ONCE).collect::<Vec<()>>().await;
    println!("  all have joined after {:.1} s", begun.elapsed().as_secs_f64());
    let mut times = Vec::with_capacity(ROUNDS * learners);
    let mut reports = 0;
    for round in 0..ROUNDS {
        let note = json!({"push": {"what": {"note": {"text": round.to_string()}}}}).to_string();
        let sent = Instant::now();
        desk.send(Message::text(note)).await.expect("it is sent");
        let mut waiting = learners;
        while waiting > 0 {
            let (of, at) = timeout(PATIENCE, came.recv()).await.expect("it comes").expect("they are there");
            assert_eq!(of, round, "notes come in order");
            times.push(at - sent);
            waiting -= 1;
        }
        while let Ok(Some(Ok(_))) = timeout(Duration::from_millis(120), desk.next()).await {
            reports += 1;
            if sent.elapsed() > Duration::from_millis(120) {
                break;
            }
        }
        if (round + 1) % 25 == 0 {
            println!("  {} of {ROUNDS} notes", round + 1);
        }
    }
    print(&format!("A note to {learners}, each telling how they are every second"), times);
    println!("  the instructor was sent {reports} reports meanwhile");
}

/// Kilobytes of memory that the server has.
fn memory(server: &Server) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()).and_then(|kb| kb.parse().ok()).unwrap_or(f64::NAN)
}

async fn sessions(server: &Arc<Server>, count: usize, clients: usize) {
    println!("{count} sessions of {clients}: connecting");
    let mut groups: Vec<(Session, Vec<Client>)> = Vec::new();
    let mut before = 0.0;
    for index in 0..count {
        let session = server.create("").await;
        let mut first = server.hello(&session.id, &session.owner, None).await;
        // At rest nothing is sent; a session that runs sends ten horizons a second to each.
        first.send(&ClientMessage::Pace { running: Some(false), speed: None, until: None }).await;
        first
            .until(|message| {
                matches!(message, ServerMessage::Horizon(horizon) if !horizon.running).then_some(())
            })
            .await;
        if index + 1 == count {
            before = memory(server);
        }
        groups.push((session, vec![first]));
        if (index + 1) % 100 == 0 {
            println!("  {} sessions", index + 1);
        }
    }
    for (index, (session, group)) in groups.iter_mut().enumerate() {
        let more = (1..clients).map(|_| server.hello(&session.id, &session.editor, None));
        group.extend(join_all(more).await);
        if (index + 1) % 100 == 0 {
            println!("  {} connections", (index + 1) * clients);
        }
    }
    // What was sent while they came in is read before anything is measured.
    for (_, group) in &mut groups {
        for client in group {
            client
                .until(|message| {
                    matches!(message, ServerMessage::Presence { people } if people.len() == clients)
                        .then_some(())
                })
                .await;
        }
    }
    let connections = count * (clients - 1);
    println!(
        "  {:.1} kB of server memory for each idle connection",
        (memory(server) - before) / connections.max(1) as f64
    );
    let mut times = Vec::new();
    for round in 0..20 {
        for (_, group) in groups.iter_mut().skip(round % 7).step_by(7) {
            let sent = Instant::now();
            group[0].submit(1, "get pods").await;
            let heard = group.iter_mut().map(|client| async {
                client.until(|message| matches!(message, ServerMessage::Entry(_)).then_some(())).await;
                sent.elapsed()
            });
            times.extend(join_all(heard).await);
        }
    }
    print(&format!("A command, on disk, to all {clients} of its session"), times);
}
