//! What was acknowledged stays: through a kill, an orderly stop, and files that are cut short.
#![allow(missing_docs)]

use std::{fs, path::Path, time::Duration};

use crate::common::{Server, Session, directory, program};
use shared::{
    session::protocol::{ClientMessage, ServerMessage},
    sim::Time,
};

const FILE: &str = "sessions.sqlite";

async fn filled(server: &Server, commands: u32) -> Session {
    let session = server.create("").await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    for id in 0..commands {
        if id >= 60 {
            // More than a person's rate.
            tokio::time::sleep(Duration::from_millis(55)).await;
        }
        client.done(id, &format!("annotate node/node-0 text={id}-{}", "x".repeat(2000))).await;
    }
    session
}

#[tokio::test]
async fn a_killed_server_keeps_what_it_acknowledged() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create("").await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    client.send(&ClientMessage::Pace { running: None, speed: Some(60_000), until: None }).await;
    let mut told = Time::ZERO;
    for id in 0..50 {
        client.submit(id, "get pods").await;
    }
    // Killed in the middle: some are acknowledged, some are not.
    let mut acknowledged = 0;
    while acknowledged < 20 || told == Time::ZERO {
        match client.next().await {
            ServerMessage::Accepted { sequence, .. } => acknowledged = sequence,
            ServerMessage::Horizon(horizon) => told = horizon.time,
            _ => {}
        }
    }
    server.kill().await;

    let server = Server::start(data.path()).await;
    let (again, welcome) = server.join(&session.id, &session.owner).await;
    assert!(welcome.horizon.sequence >= acknowledged);
    assert!(welcome.horizon.time >= told, "the clock went back");
    // It goes on at the end of the block that was reserved: a second of wall time at most.
    assert!(welcome.horizon.time.0 <= told.0 + 2 * 60_000, "{:?} is far from {told:?}", welcome.horizon.time);
    let seen = client.log.len().min(again.log.len());
    assert_eq!(again.log[..seen], client.log[..seen]);
    assert!(again.log.len() as u64 >= acknowledged);
    assert_eq!(welcome.horizon.speed, 60_000);
}

#[tokio::test]
async fn on_a_full_disk_commands_are_refused_and_nothing_else_is_lost() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 2).await;
    server.stop().await;

    let server = Server::start_on_full_disk(data.path()).await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    let answer = |message| match message {
        ServerMessage::Accepted { sequence, .. } => Some(Ok(sequence)),
        ServerMessage::Refused { id: Some(_), why } => Some(Err(why.to_string())),
        _ => None,
    };
    let mut acknowledged = 2;
    let why = loop {
        client.submit(1, &format!("annotate node/node-0 text={}", "x".repeat(300_000))).await;
        match client.until(answer).await {
            Ok(sequence) => acknowledged = sequence,
            Err(why) => break why,
        }
    };
    assert!(why.contains("could not be kept"), "{why}");
    assert!((3..10).contains(&acknowledged), "{acknowledged}");
    // Whoever is there stays, and what needs no place is done.
    assert_eq!(server.info(&session.id).await["commands"], acknowledged);
    server.stop().await;

    let server = Server::start(data.path()).await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    assert_eq!(client.log.len() as u64, acknowledged);
    assert_eq!(client.done(2, "get pods").await, acknowledged + 1);
}

#[tokio::test]
async fn an_orderly_stop_tells_everybody_and_stops_the_clock() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 3).await;
    let (client, _) = server.join(&session.id, &session.editor).await;
    let reader = tokio::spawn(client.end());
    server.stop().await;
    let (why, code) = reader.await.expect("it reads");
    assert_eq!(code, 1012);
    assert!(why.contains("restart"), "{why}");

    let server = Server::start(data.path()).await;
    let info = server.info(&session.id).await;
    assert_eq!(info["commands"], 3);
    assert_eq!(info["recovery"], serde_json::Value::Null);
}

#[tokio::test]
async fn an_idle_session_stops_its_clock() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 1).await;
    let before = loop {
        let info = server.info(&session.id).await;
        if info["clients"] == 0 {
            break info["time"].clone();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let (client, welcome) = server.join(&session.id, &session.owner).await;
    assert_eq!(before, welcome.horizon.time.0);
    assert_eq!(client.log.len(), 1);
}

#[tokio::test]
async fn of_a_log_cut_short_the_beginning_is_kept_and_that_is_told() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 30).await;
    server.kill().await;
    let log = data.path().join(format!("{FILE}-wal"));
    cut(&log, |length| length - length / 3 - 100);

    let server = Server::start(data.path()).await;
    let (client, welcome) = server.join(&session.id, &session.owner).await;
    let kept = welcome.horizon.sequence;
    assert!((1..30).contains(&kept), "{kept} of 30 are left");
    assert_in_order(&client.log);
    let info = server.info(&session.id).await;
    assert_eq!(info["recovery"]["keptCommands"], kept);
    assert!(info["recovery"]["message"].as_str().is_some_and(|message| message.contains("not finished")));
}

#[tokio::test]
async fn of_a_store_cut_short_every_session_keeps_its_beginning() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let small = filled(&server, 2).await;
    let large = filled(&server, 50).await;
    server.stop().await;
    cut(&data.path().join(FILE), |length| length - length / 4);

    let server = Server::start(data.path()).await;
    let mut kept = Vec::new();
    for session in [&small, &large] {
        let (mut client, welcome) = server.join(&session.id, &session.owner).await;
        assert_in_order(&client.log);
        let info = server.info(&session.id).await;
        assert_eq!(info["recovery"]["keptCommands"], welcome.horizon.sequence);
        kept.push(welcome.horizon.sequence);
        let next = client.done(99, "get pods").await;
        assert_eq!(next, welcome.horizon.sequence + 1, "it goes on where it was cut");
    }
    assert!(kept.iter().sum::<u64>() < 52, "nothing was cut: {kept:?}");
    assert!(kept.iter().sum::<u64>() > 10, "too much was lost: {kept:?}");
    assert!(data.path().join(format!("{FILE}.damaged-1")).exists(), "the damaged file is set aside");
}

#[tokio::test]
async fn a_session_whose_beginning_was_cut_away_is_refused_and_that_is_told() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let whole = filled(&server, 3).await;
    // Long enough to need pages of its own, at the end of the file.
    let comment = format!("# {}\n", "x".repeat(100));
    let map = format!(
        "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec:\n  steps:\n  - at: 1s\n    apply: |\n{}",
        format!("      {comment}").repeat(290)
    );
    let lost = server.create(&map).await;
    server.stop().await;
    cut(&data.path().join(FILE), |length| length - 3 * 4096);

    let server = Server::start(data.path()).await;
    let (why, code) = server.hello(&lost.id, &lost.owner, None).await.end().await;
    assert_eq!(code, 4410);
    assert!(why.contains("its beginning was in a part of the store that was damaged"), "{why}");
    let answer =
        reqwest::get(server.url(&format!("/api/v1/sessions/{}", lost.id))).await.expect("it answers");
    assert_eq!(answer.status(), 410);
    let (client, _) = server.join(&whole.id, &whole.owner).await;
    assert_eq!(client.log.len(), 3);
    let unknown = reqwest::get(server.url("/api/v1/sessions/00000000")).await.expect("it answers");
    assert_eq!(unknown.status(), 404, "what never was is not called lost");
}

#[tokio::test]
async fn a_store_cut_at_any_length_opens_and_keeps_no_less_than_a_shorter_one() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let sessions = [filled(&server, 2).await, filled(&server, 30).await];
    server.stop().await;
    let pages = fs::metadata(data.path().join(FILE)).expect("it is there").len() / 4096;
    let mut kept_before = 0;
    for left in (0..=pages).step_by(3).chain([pages]) {
        let copy = directory();
        fs::copy(data.path().join(FILE), copy.path().join(FILE)).expect("copied");
        cut(&copy.path().join(FILE), |_| left * 4096);
        let server = Server::start(copy.path()).await;
        let mut kept = 0;
        for session in &sessions {
            let mut client = server.hello(&session.id, &session.owner, None).await;
            let ServerMessage::Welcome(welcome) = client.next().await else {
                let (_, code) = client.end().await;
                assert!(code == 4410 || code == 4404 && left < pages / 2, "{left} of {pages} pages: {code}");
                continue;
            };
            client.catch_up(welcome.horizon.sequence).await;
            assert_in_order(&client.log);
            kept += 1 + welcome.horizon.sequence;
        }
        assert!(kept >= kept_before, "{left} of {pages} pages: {kept} after {kept_before}");
        kept_before = kept;
        server.kill().await;
    }
    assert_eq!(kept_before, 34, "the whole file has everything");
}

#[tokio::test]
async fn a_store_of_the_first_format_is_taken_over() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 4).await;
    let before = server.info(&session.id).await;
    server.stop().await;
    let database = rusqlite::Connection::open(data.path().join(FILE)).expect("it opens");
    database
        .execute_batch(
            "CREATE TABLE sessions (
                id TEXT PRIMARY KEY, created INTEGER NOT NULL, engine TEXT NOT NULL, scenario TEXT NOT NULL,
                owner BLOB NOT NULL, editor BLOB NOT NULL, viewer BLOB NOT NULL,
                sequence INTEGER NOT NULL, horizon INTEGER NOT NULL,
                running INTEGER NOT NULL, speed_milli INTEGER NOT NULL, lost INTEGER NOT NULL
            ) STRICT, WITHOUT ROWID;
            INSERT INTO sessions SELECT id, created, engine, scenario, owner, editor, viewer, sequence, horizon,
                running, speed_milli, lost FROM beginnings JOIN clocks ON session = id;
            DROP TABLE beginnings; DROP TABLE clocks; DROP TABLE lost;
            PRAGMA user_version = 1;",
        )
        .expect("it was like this once");
    drop(database);

    let server = Server::start(data.path()).await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    assert_eq!(client.log.len(), 4);
    assert_eq!(server.info(&session.id).await["created"], before["created"]);
    assert_eq!(client.done(9, "get pods").await, 5);
}

#[tokio::test]
async fn an_altered_command_ends_the_log_before_it() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = filled(&server, 5).await;
    server.stop().await;
    let database = rusqlite::Connection::open(data.path().join(FILE)).expect("it opens");
    let changed =
        database.execute("UPDATE commands SET body = replace(body, '3-', '4-') WHERE sequence = 4", []);
    assert_eq!(changed, Ok(1));
    drop(database);

    let server = Server::start(data.path()).await;
    let (client, _) = server.join(&session.id, &session.owner).await;
    assert_eq!(client.log.len(), 3);
    let info = server.info(&session.id).await;
    assert_eq!(
        (&info["recovery"]["keptCommands"], &info["recovery"]["lostCommands"]),
        (&3.into(), &2.into())
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_set_aside() {
    let data = directory();
    fs::write(data.path().join(FILE), "this is no database, and long enough to be looked at ".repeat(100))
        .expect("written");
    let server = Server::start(data.path()).await;
    server.create("").await;
    assert!(data.path().join(format!("{FILE}.damaged-1")).exists());
}

#[tokio::test]
async fn a_directory_in_use_is_refused_in_one_line() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let output = program(data.path()).output().await.expect("it runs");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).expect("text");
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(text.contains("in use by another kubarium") && text.contains("--data"), "{text}");
    server.stop().await;
    Server::start(data.path()).await.stop().await;
}

#[tokio::test]
async fn the_store_is_nobody_elses() {
    let data = directory();
    let inside = data.path().join("new");
    let server = Server::start(&inside).await;
    let session = server.create("").await;
    server.stop().await;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&inside).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o077, 0, "others may look into it: {mode:o}");
    }
    let content = fs::read(inside.join(FILE)).expect("it is there");
    for secret in [&session.owner, &session.editor, &session.viewer] {
        assert!(!content.windows(secret.len()).any(|part| part == secret.as_bytes()), "a token is kept");
    }
}

fn cut(file: &Path, length: impl Fn(u64) -> u64) {
    let file = fs::File::options().write(true).open(file).expect("it is there");
    let before = file.metadata().expect("it has a length").len();
    file.set_len(length(before)).expect("it can be cut");
}

fn assert_in_order(log: &[shared::session::protocol::Entry]) {
    assert!(log.iter().map(|entry| entry.sequence).eq(1..=log.len() as u64));
}
