//! The server is killed at random moments under load, its log gets a torn end, readers are slow or vanish. After each
//! round: is every acknowledged command there, once? `make faults`, with ROUNDS=1000 SEED=1.
#![allow(missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    path::Path,
    time::Duration,
};

use common::{Client, Server, Session, directory};
use futures_util::StreamExt;
use shared::{scenario::StepAction, session::protocol::ServerMessage};
use tokio_tungstenite::tungstenite::Message;

const SESSIONS: usize = 3;
const WRITERS: usize = 2;
/// A new store after so many rounds, so that logs stay short.
const A_STORE: usize = 20;

/// SplitMix64: the same seed, the same moments.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[derive(Default)]
struct Tally {
    kills: u64,
    stops: u64,
    torn: u64,
    slow: u64,
    vanished: u64,
    acknowledged: u64,
    unanswered: u64,
}

/// What a writer knows: the texts that were acknowledged, and that were sent.
#[derive(Default)]
struct Written {
    acknowledged: BTreeSet<String>,
    sent: BTreeSet<String>,
}

#[tokio::main]
async fn main() {
    // Cargo's own way to ask what there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let (rounds, seed) = (number("ROUNDS", 1000), number("SEED", 1));
    println!("{rounds} rounds, SEED={seed}");
    let mut chance = Chance(seed);
    let mut tally = Tally::default();
    let mut done = 0;
    while done < rounds {
        let data = directory();
        let mut sessions: Vec<Session> = Vec::new();
        let mut written: Vec<Written> = Vec::new();
        for _ in 0..A_STORE.min((rounds - done) as usize) {
            done += 1;
            round(data.path(), done, &mut chance, &mut sessions, &mut written, &mut tally).await;
            if done % 50 == 0 {
                println!("  {done} rounds, {} commands acknowledged, all found", tally.acknowledged);
            }
        }
    }
    let Tally { kills, stops, torn, slow, vanished, acknowledged, unanswered } = tally;
    println!(
        "{kills} kills, {stops} orderly stops, {torn} torn ends, {slow} slow and {vanished} vanished readers: \
         {acknowledged} commands acknowledged and found once each, {unanswered} unanswered; \
         none lost, none applied twice"
    );
}

async fn round(
    data: &Path,
    round: u64,
    chance: &mut Chance,
    sessions: &mut Vec<Session>,
    written: &mut Vec<Written>,
    tally: &mut Tally,
) {
    let server = Server::start(data).await;
    while sessions.len() < SESSIONS {
        sessions.push(server.create("").await);
        written.push(Written::default());
    }
    let mut writers = Vec::new();
    for (index, session) in sessions.iter().enumerate() {
        for writer in 0..WRITERS {
            let client = server.hello(&session.id, &session.editor, None).await;
            writers.push((index, tokio::spawn(write(client, format!("{round}-{index}-{writer}")))));
        }
    }
    let session = &sessions[chance.below(SESSIONS as u64) as usize];
    let reader = server.hello(&session.id, &session.viewer, None).await;
    let reader = match chance.below(3) {
        0 => {
            tally.vanished += 1;
            drop(reader);
            None
        }
        // It is there, and never reads.
        1 => {
            tally.slow += 1;
            Some(reader)
        }
        _ => None,
    };
    tokio::time::sleep(Duration::from_millis(chance.below(120))).await;
    if chance.below(8) == 0 {
        tally.stops += 1;
        server.stop().await;
    } else {
        tally.kills += 1;
        server.kill().await;
        if chance.below(3) == 0 {
            tally.torn += 1;
            tear(data, chance);
        }
    }
    drop(reader);
    for (index, writer) in writers {
        let (acknowledged, sent) = writer.await.expect("writers do not panic");
        tally.acknowledged += acknowledged.len() as u64;
        tally.unanswered += (sent.len() - acknowledged.len()) as u64;
        written[index].acknowledged.extend(acknowledged);
        written[index].sent.extend(sent);
    }
    check(data, sessions, written, round).await;
}

/// Submits as fast as it is acknowledged, until the server is gone.
async fn write(mut client: Client, name: String) -> (BTreeSet<String>, BTreeSet<String>) {
    let (mut acknowledged, mut sent) = (BTreeSet::new(), BTreeSet::new());
    let mut by_id = BTreeMap::new();
    for id in 1.. {
        let text = format!("annotate node/node-0 mark={name}-{id}");
        by_id.insert(id, text.clone());
        let message = shared::session::protocol::ClientMessage::Submit {
            id,
            action: StepAction::Kubectl(text.as_str().into()),
        };
        sent.insert(text);
        let frame = Message::text(message.write());
        if futures_util::SinkExt::send(&mut client.socket, frame).await.is_err() {
            break;
        }
        loop {
            let Some(Ok(frame)) = client.socket.next().await else { return (acknowledged, sent) };
            let Message::Text(frame) = frame else { continue };
            match ServerMessage::read(&frame) {
                Ok(ServerMessage::Accepted { id: of, .. }) => {
                    acknowledged.extend(by_id.remove(&of));
                    break;
                }
                // Faster than one may: it was not done.
                Ok(ServerMessage::Refused { id: Some(_), .. }) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    break;
                }
                _ => {}
            }
        }
    }
    (acknowledged, sent)
}

/// Leaves the beginning of a record at the end of the log, as a write does that was not finished.
fn tear(data: &Path, chance: &mut Chance) {
    let log = data.join("sessions.sqlite-wal");
    let length = std::fs::metadata(&log).map_or(0, |file| file.len());
    if length == 0 {
        return;
    }
    let bytes: Vec<u8> = (0..=chance.below(3000)).map(|_| chance.below(256) as u8).collect();
    let file = std::fs::OpenOptions::new().append(true).open(log);
    file.and_then(|mut file| file.write_all(&bytes)).expect("the log can be written");
}

/// All that was acknowledged is in the logs, once, in order.
async fn check(data: &Path, sessions: &[Session], written: &[Written], round: u64) {
    let server = Server::start(data).await;
    for (session, written) in sessions.iter().zip(written) {
        let (client, _) = server.join(&session.id, &session.owner).await;
        let mut seen = BTreeSet::new();
        for (index, entry) in client.log.iter().enumerate() {
            assert_eq!(entry.sequence, index as u64 + 1, "round {round}: the log has a gap");
            let StepAction::Kubectl(text) = &entry.action else { panic!("nobody sent {entry:?}") };
            assert!(seen.insert(text.to_string()), "round {round}: {text} was applied twice");
            assert!(written.sent.contains(text.as_str()), "round {round}: nobody sent {text}");
        }
        for text in &written.acknowledged {
            assert!(seen.contains(text), "round {round}: {text} was acknowledged and is lost");
        }
    }
    server.stop().await;
}
