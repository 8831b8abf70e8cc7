//! Replicas that follow one session have one state: those who were there, and those who come late.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use crate::common::{Client, Etcd, Server, Session, directory};
use shared::{
    scenario::StepAction,
    session::{
        Replica,
        protocol::{Checkpoint, ClientMessage, ServerMessage},
    },
    sim::{Fault, Target, Time},
};

const APP: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 5\n  \
                   selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    \
                   spec: {containers: [{name: web, image: \"todo-api:v1.0\"}]}\n";

/// A page without a screen.
struct Follower {
    client: Client,
    replica: Replica,
    checks: BTreeSet<(Time, u64)>,
    agreed: u32,
}

impl Follower {
    /// Joins as pages do; the answer says whether a snapshot was there.
    async fn come_late(server: &Server, session: &Session) -> (Self, bool) {
        let (client, replica, had_snapshot) = server.arrive(&session.id, &session.owner).await;
        (Self { client, replica, checks: BTreeSet::new(), agreed: 0 }, had_snapshot)
    }

    async fn join(server: &Server, session: &Session, token: &str) -> Self {
        let (client, welcome) = server.join(&session.id, token).await;
        let horizon = welcome.horizon;
        let mut replica = Replica::welcomed(welcome, 0).expect("it can be played");
        for entry in &client.log {
            replica.take_entry(entry).expect("none is missing");
        }
        replica.take_horizon(horizon);
        Self { client, replica, checks: BTreeSet::new(), agreed: 0 }
    }

    /// Takes the next frame in, and plays as far as it may.
    async fn follow(&mut self) {
        match self.client.next().await {
            ServerMessage::Entry(entry) => drop(self.replica.take_entry(&entry).expect("none is missing")),
            ServerMessage::Horizon(horizon) => self.replica.take_horizon(horizon),
            ServerMessage::Check { sequence, time } => drop(self.checks.insert((time, sequence))),
            ServerMessage::Agreed { replicas, .. } => self.agreed = self.agreed.max(replicas),
            ServerMessage::Diverged { sequence, time, .. } => panic!("diverged at {time:?} after {sequence}"),
            ServerMessage::Refused { why, .. } => panic!("{why}"),
            _ => {}
        }
        while let Some((time, sequence)) = self.checks.pop_first() {
            if time > self.replica.limit() {
                self.checks.insert((time, sequence));
                break;
            }
            self.replica.advance_to(time);
            let checkpoint = self.replica.checkpoint();
            if (checkpoint.time, checkpoint.sequence) == (time, sequence) {
                self.client.send(&ClientMessage::Hash(checkpoint)).await;
            }
        }
        self.replica.advance_to(self.replica.limit());
    }

    async fn follow_to(&mut self, time: Time, sequence: u64) -> Checkpoint {
        while self.replica.limit() < time || self.replica.sequence() < sequence {
            self.follow().await;
        }
        self.replica.advance_to(time);
        self.replica.checkpoint()
    }

    async fn submit(&mut self, id: u32, action: StepAction) {
        self.client.send(&ClientMessage::Submit { id, action }).await;
    }

    async fn pace(&mut self, running: Option<bool>, speed: Option<u32>, until: Option<Time>) {
        self.client.send(&ClientMessage::Pace { running, speed, until }).await;
    }
}

#[tokio::test]
async fn three_replicas_and_a_late_joiner_have_one_state() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let mut one = Follower::join(&server, &session, &session.owner).await;
    let mut two = Follower::join(&server, &session, &session.editor).await;
    let mut three = Follower::join(&server, &session, &session.viewer).await;
    one.pace(None, Some(30_000), None).await;
    one.submit(1, StepAction::Apply(APP.into())).await;
    let node = Target::parse("node/node-1").expect("a target");
    let fault = shared::scenario::FaultStep { target: node, fault: Fault::PowerOff };
    two.submit(1, StepAction::Fault(fault)).await;
    while one.agreed < 2 || two.agreed < 2 || one.replica.sequence() < 2 || two.replica.sequence() < 2 {
        one.follow().await;
        two.follow().await;
        three.follow().await;
    }
    two.submit(2, StepAction::Kubectl("scale deployment/web --replicas=8".into())).await;
    let skipped = Time(one.replica.horizon().time.0 + 400_000);
    one.pace(Some(false), None, Some(skipped)).await;
    let ends = [
        one.follow_to(skipped, 3).await,
        two.follow_to(skipped, 3).await,
        three.follow_to(skipped, 3).await,
        Follower::join(&server, &session, &session.viewer).await.follow_to(skipped, 3).await,
    ];
    assert_eq!((ends[0].sequence, ends[0].time), (3, skipped));
    assert!(ends.iter().all(|end| *end == ends[0]), "{ends:?}");
    let ready =
        one.replica.player().cluster().store().all().filter(|object| object.key.name == "web").count();
    assert!(ready > 0, "the cluster has what was applied");

    // The server falls; who comes then has the same past.
    server.kill().await;
    let server = Server::start(data.path()).await;
    let end = Follower::join(&server, &session, &session.owner).await.follow_to(skipped, 3).await;
    assert_eq!(end, ends[0]);
}

/// Somebody who deploys an app and skips far ahead: who it is, the moment, and the hash there.
async fn deploy_and_skip(server: &Server, session: &Session) -> (Follower, Time, Checkpoint) {
    let mut one = Follower::join(server, session, &session.owner).await;
    one.submit(1, StepAction::Apply(APP.into())).await;
    let skipped = Time(one.replica.horizon().time.0 + 400_000);
    one.pace(Some(false), None, Some(skipped)).await;
    let here = one.follow_to(skipped, 1).await;
    (one, skipped, here)
}

#[tokio::test]
async fn who_comes_late_begins_with_a_snapshot_also_after_a_restart() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut one, skipped, here) = deploy_and_skip(&server, &session).await;
    let mut late = loop {
        let (late, had_snapshot) = Follower::come_late(&server, &session).await;
        if had_snapshot {
            break late;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert!(late.client.log.is_empty(), "what the snapshot has is not sent again");
    assert_eq!(late.follow_to(skipped, 1).await, here);
    one.submit(2, StepAction::Kubectl("scale deployment/web --replicas=2".into())).await;
    let after = Time(skipped.0 + 60_000);
    one.pace(None, None, Some(after)).await;
    let end = one.follow_to(after, 2).await;
    assert_eq!(late.follow_to(after, 2).await, end);

    server.kill().await;
    let server = Server::start(data.path()).await;
    let (mut last, had_snapshot) = Follower::come_late(&server, &session).await;
    assert!(had_snapshot, "it was kept");
    assert_eq!(last.follow_to(after, 2).await, end);
}

#[tokio::test]
async fn a_snapshot_in_etcd_outlives_its_server_and_a_compaction() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let server = Server::start_on(&etcd).await;
    let session = server.create("").await;
    let (_one, skipped, here) = deploy_and_skip(&server, &session).await;
    while !Follower::come_late(&server, &session).await.1 {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    server.kill().await;
    for _ in 0..2 {
        etcd.compact().await;
        let next = Server::start_on(&etcd).await;
        let (mut late, had_snapshot) = Follower::come_late(&next, &session).await;
        assert!(had_snapshot && late.client.log.is_empty(), "it was kept");
        assert_eq!(late.follow_to(skipped, 1).await, here);
        next.kill().await;
    }
}
