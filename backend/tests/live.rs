//! People in one cluster: order, roles, pace, agreement, and what is refused.
#![allow(missing_docs)]

use crate::common::{Server, directory};
use futures_util::{SinkExt, StreamExt};
use shared::{
    session::protocol::{Checkpoint, ClientMessage, Horizon, Pointer, Role, ServerMessage},
    sim::{StateHash, Time},
};
use tokio_tungstenite::tungstenite::{Error, Message};

fn refused(message: ServerMessage) -> Option<(Option<u32>, String)> {
    match message {
        ServerMessage::Refused { id, why } => Some((id, why.to_string())),
        _ => None,
    }
}

fn horizon(message: ServerMessage) -> Option<Horizon> {
    match message {
        ServerMessage::Horizon(horizon) => Some(horizon),
        _ => None,
    }
}

fn checked(message: ServerMessage) -> Option<(u64, Time)> {
    match message {
        ServerMessage::Check { sequence, time } => Some((sequence, time)),
        _ => None,
    }
}

#[tokio::test]
async fn everybody_gets_the_same_log() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut one, welcome) = server.join(&session.id, &session.owner).await;
    assert_eq!((welcome.role, welcome.engine.as_str()), (Role::Owner, shared::ENGINE_VERSION));
    let scenario = welcome.scenario.expect("a newcomer gets the scenario");
    assert!(scenario.spec.epoch.is_some(), "a live cluster has a date");
    let (mut two, welcome) = server.join(&session.id, &session.editor).await;
    assert_eq!(welcome.role, Role::Editor);
    for round in 0..10 {
        one.submit(round, &format!("scale deployment/a --replicas={round}")).await;
        two.submit(round, &format!("scale deployment/b --replicas={round}")).await;
    }
    one.catch_up(20).await;
    two.catch_up(20).await;
    let (late, welcome) = server.join(&session.id, &session.viewer).await;
    assert_eq!((welcome.role, welcome.horizon.sequence), (Role::Viewer, 20));
    assert_eq!(one.log, two.log);
    assert_eq!(one.log, late.log);
    assert!(one.log.iter().map(|entry| entry.sequence).eq(1..=20));
    assert!(one.log.is_sorted_by_key(|entry| entry.at));
    assert!(
        one.log.iter().any(|entry| entry.by == "owner") && one.log.iter().any(|entry| entry.by == "editor")
    );

    // Somebody who comes back is sent only what is new.
    drop(two);
    let mut back = server.hello(&session.id, &session.editor, Some(17)).await;
    let ServerMessage::Welcome(welcome) = back.next().await else { panic!("no welcome") };
    assert!(welcome.scenario.is_none());
    back.catch_up(20).await;
    assert_eq!(back.log, one.log[17..]);
}

#[tokio::test]
async fn no_command_is_stamped_before_a_horizon_that_was_told() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut client, welcome) = server.join(&session.id, &session.owner).await;
    client.send(&ClientMessage::Pace { running: None, speed: Some(1_000_000), until: None }).await;
    let mut told = welcome.horizon.time;
    for round in 0..60 {
        client.submit(round, "get pods").await;
        loop {
            match client.next().await {
                ServerMessage::Horizon(horizon) => {
                    assert!(horizon.time >= told, "the clock went back");
                    assert!(horizon.sequence >= client.log.len() as u64);
                    told = horizon.time;
                }
                ServerMessage::Entry(entry) => {
                    assert!(entry.at >= told, "{entry:?} comes before {told:?}");
                    break;
                }
                _ => {}
            }
        }
    }
}

#[tokio::test]
async fn the_pace_is_everybodys() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut owner, _) = server.join(&session.id, &session.owner).await;
    let (mut viewer, _) = server.join(&session.id, &session.viewer).await;
    let pace = |running, speed, until| ClientMessage::Pace { running, speed, until };

    owner.send(&pace(Some(false), None, None)).await;
    let stopped = viewer.until(|message| horizon(message).filter(|horizon| !horizon.running)).await;
    let sequence = owner.done(1, "get pods").await;
    assert_eq!(owner.log.last().map(|entry| (entry.sequence, entry.at)), Some((sequence, stopped.time)));
    let answered =
        viewer.until(|message| horizon(message).filter(|horizon| horizon.time > stopped.time)).await;
    assert!(
        answered.time.0 <= stopped.time.0 + 1000 && !answered.running,
        "only until it is answered: {answered:?}"
    );

    let target = Time(stopped.time.0 + 3_600_000);
    owner.send(&pace(None, None, Some(target))).await;
    let skipped =
        viewer.until(|message| horizon(message).filter(|horizon| horizon.time > answered.time)).await;
    assert_eq!((skipped.time, skipped.running), (target, false));

    owner.send(&pace(Some(true), Some(60_000), None)).await;
    let running = viewer.until(|message| horizon(message).filter(|horizon| horizon.time > target)).await;
    assert_eq!((running.running, running.speed), (true, 60_000));

    viewer.send(&pace(Some(false), None, None)).await;
    assert!(viewer.until(refused).await.1.contains("watch"));
    owner.send(&pace(None, Some(1), None)).await;
    assert!(owner.until(refused).await.1.contains("speed"));
    owner.send(&pace(None, None, Some(Time(i64::MAX as u64)))).await;
    assert!(owner.until(refused).await.1.contains("day"));
}

#[tokio::test]
async fn a_watcher_changes_nothing() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut viewer, _) = server.join(&session.id, &session.viewer).await;
    viewer.submit(7, "delete node node-0").await;
    let (id, why) = viewer.until(refused).await;
    assert_eq!(id, Some(7));
    assert!(why.contains("watch"), "{why}");
    assert_eq!(server.info(&session.id).await["commands"], 0);
}

#[tokio::test]
async fn who_does_not_belong_is_turned_away() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let other = server.create("").await;
    let hello = |token: &str, engine: &str| {
        ClientMessage::Hello {
            token: token.into(),
            engine: engine.into(),
            after: None,
            whole: false,
            name: "".into(),
        }
        .write()
    };
    let engine = shared::ENGINE_VERSION;
    let submit = r#"{"submit":{"id":1,"action":{"kubectl":"get pods"}}}"#;
    let cases = [
        (&session.id, Message::text(hello("wrong", engine)), 4401),
        (&session.id, Message::text(hello(&other.owner, engine)), 4401),
        (&session.id, Message::text(hello(&session.owner, "0.0.0-other")), 4426),
        (&session.id, Message::text(submit), 4400),
        (&session.id, Message::text("{"), 4400),
        (&session.id, Message::binary(vec![1, 2, 3]), 4400),
        (&session.id, Message::text("[".repeat(100_000)), 4400),
        (&"AAAAAAAAAAAAAAAA".to_owned(), Message::text(hello(&session.owner, engine)), 4404),
    ];
    for (id, first, expected) in cases {
        let mut client = server.open(id, None).await.expect("it connects");
        client.socket.send(first).await.expect("it is sent");
        let (why, code) = client.end().await;
        assert_eq!(code, expected);
        assert!(!why.is_empty());
    }
}

#[tokio::test]
async fn bad_frames_end_a_connection_and_nothing_else() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut witness, _) = server.join(&session.id, &session.owner).await;
    let bad = [r#"{"nothing":{}}"#, r#"{"submit":{"id":-1}}"#, "null", ""];
    for text in bad {
        let (mut client, _) = server.join(&session.id, &session.editor).await;
        client.socket.send(Message::text(text)).await.expect("it is sent");
        assert_eq!(client.end().await.1, 4400, "{text}");
    }
    let (client, _) = server.join(&session.id, &session.editor).await;
    let (mut sink, stream) = client.socket.split();
    let huge = tokio::spawn(async move {
        // The server stops reading somewhere in the middle.
        let _ = sink.send(Message::text("x".repeat(3 << 20))).await;
        sink
    });
    let frames: Vec<Message> = stream
        .take_while(|frame| std::future::ready(frame.is_ok()))
        .filter_map(|frame| std::future::ready(frame.ok()))
        .collect()
        .await;
    let close = frames.iter().rev().find_map(|frame| match frame {
        Message::Close(Some(close)) => Some(close),
        _ => None,
    });
    assert_eq!(close.map(|close| u16::from(close.code)), Some(1009), "{frames:?}");
    drop(huge.await);
    assert_eq!(witness.done(1, "get pods").await, 1);
}

#[tokio::test]
async fn pages_from_elsewhere_cannot_connect() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    for origin in ["http://evil.example", "null", "http://127.0.0.1:1"] {
        let Err(Error::Http(answer)) = server.open(&session.id, Some(origin)).await else {
            panic!("{origin}")
        };
        assert_eq!(answer.status(), 403);
    }
    let own = format!("http://{}", server.address);
    assert!(server.open(&session.id, Some(&own)).await.is_ok());
}

#[tokio::test]
async fn a_flood_of_commands_is_slowed_and_a_flood_of_frames_ended() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    for id in 0..200 {
        client.submit(id, "get pods").await;
    }
    assert!(client.until(refused).await.1.contains("too many"));
    for id in 200..2000 {
        let action = shared::scenario::StepAction::Kubectl("get pods".into());
        let message = Message::text(ClientMessage::Submit { id, action }.write());
        if client.socket.send(message).await.is_err() {
            break;
        }
    }
    assert!((60..=160).contains(&server.info(&session.id).await["commands"].as_u64().unwrap_or(0)));
}

#[tokio::test]
async fn a_slow_reader_is_let_go_and_the_others_do_not_wait() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (slow, _) = server.join(&session.id, &session.viewer).await;
    let (mut quick, _) = server.join(&session.id, &session.owner).await;
    // Large frames: what the system holds for a reader is soon full.
    for id in 0..30 {
        quick.done(id, &format!("annotate pod/a text={}", "x".repeat(900_000))).await;
    }
    let alone = |message| match message {
        ServerMessage::Presence { people } => (people.len() == 1).then_some(()),
        _ => None,
    };
    quick.until(alone).await;
    assert_eq!(server.info(&session.id).await["clients"], 1);
    assert_eq!(quick.done(30, "get pods").await, 31);
    drop(slow);
}

#[tokio::test]
async fn states_are_compared() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut one, _) = server.join(&session.id, &session.owner).await;
    let (mut two, _) = server.join(&session.id, &session.editor).await;
    let report =
        |sequence, time, hash| ClientMessage::Hash(Checkpoint { sequence, time, hash: StateHash(hash) });

    let (sequence, time) = one.until(checked).await;
    one.send(&report(sequence, time, 7)).await;
    two.send(&report(sequence, time, 7)).await;
    let agreed = |message| match message {
        ServerMessage::Agreed { time, replicas: 2, .. } => Some(time),
        _ => None,
    };
    assert_eq!(one.until(agreed).await, time);
    assert_eq!(two.until(agreed).await, time);

    let (sequence, time) = one.until(checked).await;
    one.send(&report(sequence, time, 7)).await;
    two.send(&report(sequence, time, 8)).await;
    let diverged = |message| match message {
        ServerMessage::Diverged { time, .. } => Some(time),
        _ => None,
    };
    assert_eq!(one.until(diverged).await, time);
    assert_eq!(two.until(diverged).await, time);
}

fn points(message: ServerMessage) -> Option<(String, Pointer)> {
    match message {
        ServerMessage::Points { name, at } => Some((name.to_string(), at)),
        _ => None,
    }
}

fn names(message: ServerMessage) -> Option<Vec<String>> {
    match message {
        ServerMessage::Presence { people } => {
            Some(people.iter().map(|person| person.name.to_string()).collect())
        }
        _ => None,
    }
}

fn at(place: &str, x: u16) -> Pointer {
    Pointer { place: place.into(), x, chosen: "Pod/default/<b>web</b>".into(), ..Pointer::default() }
}

#[tokio::test]
async fn what_somebody_points_at_is_shown_to_the_others_and_kept_nowhere() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut ana, _) = server.join(&session.id, &session.owner).await;
    let (mut bo, _) = server.join(&session.id, &session.viewer).await;
    ana.send(&ClientMessage::Point(at("node/node-1", 500))).await;
    assert_eq!(bo.until(points).await, ("owner".to_owned(), at("node/node-1", 500)));
    // Whoever comes later is shown it as well, and hears when it is over.
    let (mut cy, _) = server.join(&session.id, &session.editor).await;
    assert_eq!(cy.until(points).await, ("owner".to_owned(), at("node/node-1", 500)));
    ana.send(&ClientMessage::Point(Pointer::default())).await;
    assert_eq!(cy.until(points).await.1, Pointer::default());
    // Nothing of it is in the log, and nobody is told of themselves.
    bo.send(&ClientMessage::Point(at("etcd", 1))).await;
    assert_eq!(ana.until(points).await, ("viewer".to_owned(), at("etcd", 1)));
    assert_eq!(cy.done(1, "get pods").await, 1);
    assert_eq!(server.info(&session.id).await["commands"], 1);
}

#[tokio::test]
async fn pointing_is_bounded_in_size_and_rate() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut ana, _) = server.join(&session.id, &session.owner).await;
    let (mut bo, _) = server.join(&session.id, &session.editor).await;
    for x in 0..100 {
        ana.send(&ClientMessage::Point(at("etcd", x))).await;
    }
    ana.submit(1, "get pods").await;
    let mut shown = 0;
    while bo.log.is_empty() {
        shown += usize::from(points(bo.next().await).is_some());
    }
    assert!((1..40).contains(&shown), "{shown} of 100 were shown");
    for wrong in [
        Pointer { x: 1001, ..Pointer::default() },
        Pointer { place: "x".repeat(301).into(), ..Pointer::default() },
        Pointer { chosen: "\u{1b}[31m".into(), ..Pointer::default() },
        Pointer { panel: "a\nb".into(), ..Pointer::default() },
    ] {
        let (mut client, _) = server.join(&session.id, &session.editor).await;
        client.send(&ClientMessage::Point(wrong)).await;
        assert_eq!(client.end().await.1, 4400);
    }
}

#[tokio::test]
async fn people_are_called_what_they_like_and_never_like_another() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut ana, _) = server.join(&session.id, &session.owner).await;
    let (mut bo, _) = server.join(&session.id, &session.editor).await;
    let call = |name: &str| ClientMessage::Call { name: name.into() };
    ana.send(&call("  <b>Ana</b>\u{202e} ")).await;
    bo.until(|message| names(message).filter(|names| names[..] == ["<b>Ana</b>", "editor"])).await;
    bo.send(&call("<b>Ana</b>")).await;
    bo.until(|message| names(message).filter(|names| names[..] == ["<b>Ana</b>", "<b>Ana</b> 2"])).await;
    ana.send(&call("\u{200b}")).await;
    ana.done(1, "get pods").await;
    assert_eq!(ana.log[0].by, "<b>Ana</b>");
}
