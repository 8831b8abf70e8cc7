//! Several servers with one etcd: any of them serves any session, and whichever dies or hangs, nothing acknowledged is
//! lost or done twice.
#![allow(missing_docs)]

use std::time::Duration;

use crate::common::{Etcd, Server, Session};
use reqwest::StatusCode;
use shared::session::protocol::{ClientMessage, ServerMessage};

/// Everything that is in the log, as somebody sees who comes in now.
async fn texts(server: &Server, session: &Session) -> Vec<String> {
    let (client, _) = server.join(&session.id, &session.viewer).await;
    for (index, entry) in client.log.iter().enumerate() {
        assert_eq!(entry.sequence, index as u64 + 1);
    }
    client.log.iter().map(|entry| format!("{:?}", entry.action)).collect()
}

#[tokio::test]
async fn any_server_serves_any_session() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let (one, two) = (Server::start_on(&etcd).await, Server::start_on(&etcd).await);
    let session = one.create("").await;
    let (mut owner, _) = one.join(&session.id, &session.owner).await;
    let (mut editor, _) = two.join(&session.id, &session.editor).await;
    assert_eq!(owner.done(1, "get pods").await, 1);
    assert_eq!(editor.done(1, "get nodes").await, 2);
    owner.catch_up(2).await;
    assert_eq!(owner.log, editor.log);
    for server in [&one, &two] {
        let info = server.info(&session.id).await;
        assert_eq!((&info["commands"], &info["clients"]), (&2.into(), &2.into()));
        // The Kubernetes endpoint too.
        let pods = server.url(&format!("/k8s/{}{}/api/v1/nodes", session.id, session.owner));
        assert_eq!(reqwest::get(pods).await.expect("it answers").status(), StatusCode::OK);
    }
    // A session that sleeps is woken by whoever is asked.
    drop((owner, editor));
    one.stop().await;
    assert_eq!(texts(&two, &session).await.len(), 2);
}

#[tokio::test]
async fn the_death_of_a_server_costs_its_clients_one_reconnect() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let (one, two) = (Server::start_on(&etcd).await, Server::start_on(&etcd).await);
    let session = one.create("").await;
    let (mut owner, _) = one.join(&session.id, &session.owner).await;
    let (mut editor, _) = two.join(&session.id, &session.editor).await;
    for id in 0..10 {
        owner.done(id, &format!("annotate node/node-0 mark={id}")).await;
    }
    editor.catch_up(10).await;
    one.kill().await;
    let mut again = two.hello(&session.id, &session.owner, Some(10)).await;
    let welcome = again.welcome().await.expect("the first try works");
    assert_eq!(welcome.horizon.sequence, 10);
    assert_eq!(again.done(1, "get pods").await, 11);
    assert_eq!(texts(&two, &session).await.len(), 11);
}

#[tokio::test]
async fn a_server_that_hung_cannot_go_on_with_what_another_took() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let (one, two) = (Server::start_on(&etcd).await, Server::start_on(&etcd).await);
    let session = one.create("").await;
    let (mut owner, _) = one.join(&session.id, &session.owner).await;
    owner.done(1, "get pods").await;
    one.signal("STOP");
    // What it is sent now it reads when it goes on.
    owner.submit(2, "delete node node-0").await;
    let mut editor = loop {
        let answer = reqwest::get(two.url(&format!("/api/v1/sessions/{}", session.id)));
        if tokio::time::timeout(Duration::from_secs(2), answer).await.is_ok() {
            break two.join_patiently(&session.id, &session.owner).await.0;
        }
    };
    let next = editor.done(1, "get nodes").await;
    one.signal("CONT");
    let (why, code) = owner.end().await;
    assert_eq!(code, 1012, "{why}");
    let log = texts(&two, &session).await;
    assert_eq!((next, log.len()), (2, 2), "{log:?}");
    assert!(log.iter().all(|text| !text.contains("delete")));
    assert_eq!(texts(&one, &session).await, log, "it passes on what it lost");
}

#[tokio::test]
async fn rooms_are_shared_too() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let (one, two) = (Server::start_on(&etcd).await, Server::start_on(&etcd).await);
    let http = reqwest::Client::new();
    let opened: serde_json::Value = json(http.post(one.url("/api/v1/rooms?seats=5"))).await;
    let code = opened["code"].as_str().expect("a code");
    let path = format!("/api/v1/rooms/{code}");
    for (server, name) in [(&one, "Ana"), (&two, "Ben"), (&two, "ana")] {
        let body = format!(r#"{{"name":"{name}"}}"#);
        let enrolled = json(http.post(server.url(&format!("{path}/participants"))).body(body)).await;
        assert_ne!(enrolled["session"], serde_json::Value::Null, "{enrolled}");
        assert_eq!(server.info(enrolled["session"].as_str().expect("a name")).await["commands"], 0);
    }
    one.kill().await;
    let room = json(http.get(two.url(&path))).await;
    assert_eq!(room["taken"], 3);
    let results =
        http.get(two.url(&format!("{path}/results"))).bearer_auth(opened["token"].as_str().expect("a token"));
    let names: Vec<String> = json(results).await["participants"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["name"].as_str().expect("a name").to_owned())
        .collect();
    assert_eq!(names, ["Ana", "Ben", "ana 2"]);
    let gone = http.delete(two.url(&path)).bearer_auth(opened["token"].as_str().expect("a token"));
    assert_eq!(gone.send().await.expect("it answers").status(), StatusCode::NO_CONTENT);
    assert_eq!(http.get(two.url(&path)).send().await.expect("it answers").status(), StatusCode::NOT_FOUND);
}

async fn json(request: reqwest::RequestBuilder) -> serde_json::Value {
    request.send().await.expect("it answers").json().await.expect("JSON")
}

#[tokio::test]
async fn a_snapshot_lets_etcd_forget_what_was_before() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let server = Server::start_on(&etcd).await;
    let session = server.create("").await;
    let begun = etcd.revision(None).await.expect("the present can be read");
    let (mut owner, _) = server.join(&session.id, &session.owner).await;
    for id in 1..=150 {
        owner.done(id, &format!("annotate node/node-0 --overwrite mark={id}")).await;
    }
    let forgets = async {
        while etcd.revision(Some(begun)).await.is_some() {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    };
    // Sooner than it would be without a snapshot.
    tokio::time::timeout(Duration::from_secs(60), forgets).await.expect("history is given back");
    server.kill().await;
    let again = Server::start_on(&etcd).await;
    let (owner, _) = again.join_patiently(&session.id, &session.owner).await;
    assert_eq!(owner.log.len(), 150, "the log is whole");
}

#[tokio::test]
async fn a_store_that_vanishes_is_told_and_comes_back() {
    let Some(mut etcd) = Etcd::start(1).await else { return };
    let server = Server::start_on(&etcd).await;
    let ready = || async { reqwest::get(server.url("/readyz")).await.expect("it answers").status() };
    let session = server.create("").await;
    let (mut owner, _) = server.join(&session.id, &session.owner).await;
    owner.done(1, "get pods").await;
    etcd.kill(0).await;
    assert_eq!(ready().await, StatusCode::SERVICE_UNAVAILABLE);
    owner.submit(2, "get nodes").await;
    let (why, code) = owner.end().await;
    assert_eq!(code, 1013);
    assert!(why.contains("cannot reach its store"), "{why}");
    let answer =
        reqwest::Client::new().post(server.url("/api/v1/sessions")).send().await.expect("it answers");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().await.expect("text").contains("cannot be reached"));

    etcd.restart(0);
    etcd.wait().await;
    let (mut owner, _) = server.join_patiently(&session.id, &session.owner).await;
    assert_eq!(owner.log.first().map(|entry| entry.sequence), Some(1));
    let before = owner.log.len() as u64;
    assert_eq!(owner.done(3, "get pods").await, before + 1);
    assert_eq!(ready().await, StatusCode::OK);
}

#[tokio::test]
async fn a_member_of_three_may_die() {
    let Some(mut etcd) = Etcd::start(3).await else { return };
    let server = Server::start_on(&etcd).await;
    let session = server.create("").await;
    let (mut owner, _) = server.join(&session.id, &session.owner).await;
    for member in 0..3 {
        etcd.kill(member).await;
        let sequence = owner.done(member as u32, "get pods").await;
        assert_eq!(sequence, member as u64 + 1);
        etcd.restart(member);
        etcd.wait().await;
    }
    owner.send(&ClientMessage::Pace { running: Some(false), speed: None, until: None }).await;
    owner
        .until(|message| matches!(message, ServerMessage::Horizon(horizon) if !horizon.running).then_some(()))
        .await;
}

#[tokio::test]
async fn a_server_whose_store_is_down_says_so_and_waits() {
    // Nobody listens there.
    let server = Server::start_with_store("etcd://127.0.0.1:1").await;
    assert_eq!(reqwest::get(server.url("/healthz")).await.expect("it answers").status(), StatusCode::OK);
    let answer = reqwest::get(server.url("/readyz")).await.expect("it answers");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    let answer = reqwest::get(server.url("/api/v1/sessions/AAAAAAAAAAAAAAAA")).await.expect("it answers");
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().await.expect("text").contains("cannot be reached"));
}
