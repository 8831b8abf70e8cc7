//! Rounds with several servers over an etcd of three members.

use std::time::{Duration, Instant};

use super::{Chance, Subject, Tally, Written, write};
use crate::common::{Client, Etcd, Server};

const SESSIONS: usize = 2;
const SERVERS: usize = 2;
const MEMBERS: usize = 3;

#[derive(Default)]
struct Counts {
    killed: u64,
    hung: u64,
    raced: u64,
    members_killed: u64,
    members_hung: u64,
}

/// Plays them, if this machine has an etcd.
pub async fn run(rounds: u64, chance: &mut Chance) {
    if rounds == 0 {
        return;
    }
    let Some(mut etcd) = Etcd::start(MEMBERS).await else { return };
    println!("{rounds} rounds with {SERVERS} servers over an etcd of {MEMBERS} members");
    let (mut tally, mut counts) = (Tally::default(), Counts::default());
    let begun = Instant::now();
    let mut servers = Vec::new();
    let mut subjects = Vec::new();
    for done in 0..rounds {
        while servers.len() < SERVERS {
            servers.push(Server::start_on(&etcd).await);
        }
        if done % super::A_STORE == 0 {
            subjects.clear();
            for _ in 0..SESSIONS {
                subjects.push(Subject::new(servers[0].create("").await));
            }
        }
        round(&mut etcd, done, chance, &mut servers, &mut subjects, (&mut tally, &mut counts)).await;
        if (done + 1) % 10 == 0 {
            let seconds = begun.elapsed().as_secs();
            println!(
                "  {} rounds in {seconds} s, {} commands acknowledged, all found",
                done + 1,
                tally.acknowledged
            );
        }
    }
    let Counts { killed, hung, raced, members_killed, members_hung } = counts;
    let Tally { acknowledged, unanswered, hashes, snapshots, .. } = tally;
    println!(
        "{killed} servers killed, {hung} hung and came back, {raced} races for one session, {members_killed} members of \
         etcd killed, {members_hung} hung: {acknowledged} commands acknowledged and found once each, {unanswered} \
         unanswered; none lost, none applied twice; {hashes} pairs of replicas compared, \
         {snapshots} of them begun with a snapshot, all equal"
    );
}

/// Writes too, if it is let in.
async fn write_too(mut client: Client, token: String, name: String) -> Written {
    match client.try_hello(&token, true).await {
        true => write(client, name, 0).await,
        false => Written::default(),
    }
}

async fn round(
    etcd: &mut Etcd,
    round: u64,
    chance: &mut Chance,
    servers: &mut Vec<Server>,
    subjects: &mut [Subject],
    (tally, counts): (&mut Tally, &mut Counts),
) {
    // Both servers are asked for the same sleeping session at the same moment.
    counts.raced += subjects.len() as u64;
    let mut writers = Vec::new();
    for (index, subject) in subjects.iter().enumerate() {
        let come =
            servers.iter().map(|server| server.hello(&subject.session.id, &subject.session.editor, None));
        for (at, client) in futures_util::future::join_all(come).await.into_iter().enumerate() {
            writers.push((index, tokio::spawn(write(client, format!("{round}-{index}-{at}"), 0))));
        }
    }
    tokio::time::sleep(Duration::from_millis(chance.below(300))).await;
    let (server, member) = (chance.below(SERVERS as u64) as usize, chance.below(MEMBERS as u64) as usize);
    match chance.below(4) {
        0 => {
            counts.killed += 1;
            servers.remove(server).kill().await;
        }
        1 => {
            counts.hung += 1;
            servers[server].signal("STOP");
            tokio::time::sleep(Duration::from_millis(chance.below(2000))).await;
            // Somebody comes meanwhile by the other one.
            let subject = &subjects[0];
            let other = &servers[(server + 1) % SERVERS];
            if let Ok(client) = other.open(&subject.session.id, None).await {
                let token = subject.session.editor.clone();
                writers.push((0, tokio::spawn(write_too(client, token, format!("{round}-x")))));
            }
            tokio::time::sleep(Duration::from_millis(chance.below(8000))).await;
            servers[server].signal("CONT");
        }
        2 => {
            counts.members_killed += 1;
            etcd.kill(member).await;
            tokio::time::sleep(Duration::from_millis(chance.below(2000))).await;
            etcd.restart(member);
        }
        _ => {
            counts.members_hung += 1;
            etcd.signal(member, "STOP");
            tokio::time::sleep(Duration::from_millis(chance.below(4000))).await;
            etcd.signal(member, "CONT");
        }
    }
    tokio::time::sleep(Duration::from_millis(chance.below(300))).await;
    // Writers go on until their server is gone.
    for server in servers.drain(..) {
        server.kill().await;
    }
    for (index, writer) in writers {
        let written: Written = writer.await.expect("writers do not panic");
        subjects[index].written.add(written, tally);
    }
    etcd.wait().await;
    servers.push(Server::start_on(etcd).await);
    for subject in subjects {
        subject.check(&servers[0], round, tally).await;
    }
}
