//! The server is killed at random moments under load, its log gets a torn end, its disk is full, readers are slow or
//! vanish; and with several servers over an etcd, one of them dies or hangs, or a member of the etcd does. After each
//! round: is every acknowledged command there, once, and has whoever saw it grow the same state as whoever comes new?
//! `make faults`, with ROUNDS=1000 ETCD_ROUNDS=100 SEED=1.
#![allow(missing_docs)]

#[path = "../tests/common/mod.rs"]
mod common;
#[path = "faults/servers.rs"]
mod servers;

use std::{
    collections::BTreeSet,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use common::{Client, Server, Session, directory};
use futures_util::{SinkExt, StreamExt};
use shared::{
    scenario::{Scenario, StepAction},
    session::{
        Replica,
        protocol::{ClientMessage, Entry, Horizon, ServerMessage},
    },
};
use tokio_tungstenite::tungstenite::Message;

const SESSIONS: usize = 3;
const WRITERS: usize = 2;
/// A new store after so many rounds, so that logs stay short.
const A_STORE: u64 = 20;
/// Of so many rounds, one has a disk that is soon full.
const FULL: u64 = 8;

/// What is written to a disk that is to be full soon.
const LARGE: usize = 60_000;

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
    full: u64,
    refused: u64,
    hashes: u64,
    snapshots: u64,
    torn: u64,
    slow: u64,
    vanished: u64,
    acknowledged: u64,
    unanswered: u64,
}

/// What a writer knows: the texts that were acknowledged, that were sent, and how many were refused.
#[derive(Default)]
struct Written {
    acknowledged: BTreeSet<String>,
    sent: BTreeSet<String>,
    refused: u64,
}

impl Written {
    fn add(&mut self, more: Written, tally: &mut Tally) {
        tally.acknowledged += more.acknowledged.len() as u64;
        tally.unanswered += (more.sent.len() - more.acknowledged.len()) as u64;
        tally.refused += more.refused;
        self.acknowledged.extend(more.acknowledged);
        self.sent.extend(more.sent);
    }
}

/// A session under test: what was written to it, and a replica that saw it grow.
struct Subject {
    session: Session,
    written: Written,
    witness: Option<Replica>,
}

impl Subject {
    fn new(session: Session) -> Self {
        Self { session, written: Written::default(), witness: None }
    }

    /// All that was acknowledged is in the log, once, in order; and the witness has the state of who plays all of it, and
    /// of who begins with a snapshot.
    async fn check(&mut self, server: &Server, round: u64, tally: &mut Tally) {
        let (client, welcome) = server.join_patiently(&self.session.id, &self.session.owner).await;
        let mut seen = BTreeSet::new();
        for (index, entry) in client.log.iter().enumerate() {
            assert_eq!(entry.sequence, index as u64 + 1, "round {round}: the log has a gap");
            let StepAction::Kubectl(text) = &entry.action else { panic!("nobody sent {entry:?}") };
            assert!(seen.insert(text.to_string()), "round {round}: {text} was applied twice");
            assert!(self.written.sent.contains(text.as_str()), "round {round}: nobody sent {text}");
        }
        for text in &self.written.acknowledged {
            assert!(seen.contains(text), "round {round}: {text} was acknowledged and is lost");
        }
        let scenario = welcome.scenario.expect("a newcomer gets the scenario");
        let mut newcomer = replica(&scenario);
        follow(&mut newcomer, &client.log, welcome.horizon);
        let witness = self.witness.get_or_insert_with(|| replica(&scenario));
        let known = usize::try_from(witness.sequence()).expect("it is in memory");
        follow(witness, &client.log[known..], welcome.horizon);
        assert_eq!(witness.checkpoint(), newcomer.checkpoint(), "round {round}: two replicas differ");
        let (mut page, mut late, had_snapshot) = server.arrive(&self.session.id, &self.session.owner).await;
        while late.sequence() < late.horizon().sequence {
            if let ServerMessage::Entry(entry) = page.next().await {
                late.take_entry(&entry).expect("none is missing");
            }
        }
        witness.take_horizon(late.horizon());
        for replica in [&mut *witness, &mut late] {
            replica.advance_to(replica.limit());
        }
        assert_eq!(witness.checkpoint(), late.checkpoint(), "round {round}: who came as pages do differs");
        tally.hashes += 2;
        tally.snapshots += u64::from(had_snapshot);
    }
}

fn replica(scenario: &Scenario) -> Replica {
    Replica::new(scenario.clone(), 0).expect("it can be played")
}

fn follow(replica: &mut Replica, entries: &[Entry], horizon: Horizon) {
    for entry in entries {
        replica.take_entry(entry).expect("none is missing");
    }
    replica.take_horizon(horizon);
    replica.advance_to(replica.limit());
}

#[tokio::main]
async fn main() {
    // Cargo's own way to ask what there is.
    if std::env::args().any(|argument| argument == "--list") {
        return;
    }
    let (rounds, seed) = (number("ROUNDS", 1000), number("SEED", 1));
    println!("{rounds} rounds with one server, SEED={seed}");
    let mut chance = Chance(seed);
    let mut tally = Tally::default();
    let begun = Instant::now();
    for done in 0..rounds {
        if done % A_STORE == 0 {
            let data = directory();
            let mut subjects = Vec::new();
            for round in done..rounds.min(done + A_STORE) {
                self::round(data.path(), round, &mut chance, &mut subjects, &mut tally).await;
            }
        }
        if (done + 1) % 50 == 0 {
            let seconds = begun.elapsed().as_secs();
            println!(
                "  {} rounds in {seconds} s, {} commands acknowledged, all found",
                done + 1,
                tally.acknowledged
            );
        }
    }
    let Tally {
        kills,
        stops,
        full,
        refused,
        hashes,
        snapshots,
        torn,
        slow,
        vanished,
        acknowledged,
        unanswered,
    } = tally;
    println!(
        "{kills} kills, {stops} orderly stops, {torn} torn ends, {full} full disks ({refused} commands refused), {slow} \
         slow and {vanished} vanished readers: {acknowledged} commands acknowledged and found once each, {unanswered} \
         unanswered; none lost, none applied twice; {hashes} pairs of replicas compared, \
         {snapshots} of them begun with a snapshot, all equal"
    );
    servers::run(number("ETCD_ROUNDS", rounds.div_ceil(10)), &mut chance).await;
}

async fn round(data: &Path, round: u64, chance: &mut Chance, subjects: &mut Vec<Subject>, tally: &mut Tally) {
    let full = !subjects.is_empty() && chance.below(FULL) == 0;
    let server = match full {
        true => Server::start_on_full_disk(data).await,
        false => Server::start(data).await,
    };
    tally.full += u64::from(full);
    while subjects.len() < SESSIONS {
        subjects.push(Subject::new(server.create("").await));
    }
    let mut writers = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        for writer in 0..WRITERS {
            let client = server.hello(&subject.session.id, &subject.session.editor, None).await;
            let name = format!("{round}-{index}-{writer}");
            writers.push((index, tokio::spawn(write(client, name, if full { LARGE } else { 0 }))));
        }
    }
    let session = &subjects[chance.below(SESSIONS as u64) as usize].session;
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
    tokio::time::sleep(Duration::from_millis(chance.below(120) + if full { 200 } else { 0 })).await;
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
        subjects[index].written.add(writer.await.expect("writers do not panic"), tally);
    }
    let server = Server::start(data).await;
    for subject in subjects {
        subject.check(&server, round, tally).await;
    }
    server.stop().await;
}

/// Submits as fast as it is acknowledged, until the server is gone.
async fn write(mut client: Client, name: String, size: usize) -> Written {
    let mut written = Written::default();
    for id in 1.. {
        let text = format!("annotate node/node-0 mark={name}-{id}-{}", "x".repeat(size));
        let action = StepAction::Kubectl(text.as_str().into());
        written.sent.insert(text.clone());
        let frame = Message::text(ClientMessage::Submit { id, action }.write());
        if client.socket.send(frame).await.is_err() {
            break;
        }
        loop {
            let Some(Ok(frame)) = client.socket.next().await else { return written };
            let Message::Text(frame) = frame else { continue };
            match ServerMessage::read(&frame) {
                Ok(ServerMessage::Accepted { id: of, .. }) if of == id => {
                    written.acknowledged.insert(text);
                    break;
                }
                // It was not done: faster than one may, or the disk is full.
                Ok(ServerMessage::Refused { id: Some(_), .. }) => {
                    written.sent.remove(&text);
                    written.refused += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    break;
                }
                _ => {}
            }
        }
    }
    written
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
