//! Rooms: coming in, what an instructor can do, who is refused, and what outlives a restart.
#![allow(missing_docs)]

use std::time::Duration;

use crate::common::{Server, directory};
use futures_util::{SinkExt, StreamExt};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};

const PATIENCE: Duration = Duration::from_secs(20);

const SCENARIO: &str = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: first-steps}
spec:
  cluster: {nodes: [{count: 2}], addons: []}
  expect:
  - {id: made, object: deployment/a, jsonpath: "{.spec.replicas}", atLeast: 1}
  - {id: grown, object: deployment/a, jsonpath: "{.spec.replicas}", equals: 3}
  guide: {objectives: {made: {en: "Make it", ja: "作る"}}, notes: {en: [first]}}
"#;

struct Room {
    code: String,
    token: String,
    session: String,
}

struct Learner {
    number: u64,
    name: String,
    token: String,
    session: String,
}

async fn open(server: &Server, query: &str) -> Room {
    let answer = post(server, &format!("/api/v1/rooms{query}"), SCENARIO.to_owned()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let body: Value = answer.json().await.expect("JSON");
    let text = |name: &str| body[name].as_str().expect(name).to_owned();
    assert!(text("join").ends_with(&format!("/#room={}", text("code"))));
    Room { code: text("code"), token: text("token"), session: text("session") }
}

async fn post(server: &Server, path: &str, body: String) -> Response {
    Client::new().post(server.url(path)).body(body).send().await.expect("it answers")
}

async fn enrol(server: &Server, room: &Room, name: &str) -> Response {
    let path = format!("/api/v1/rooms/{}/participants", room.code);
    post(server, &path, json!({"name": name}).to_string()).await
}

async fn come(server: &Server, room: &Room, name: &str) -> Learner {
    let answer = enrol(server, room, name).await;
    assert_eq!(answer.status(), StatusCode::CREATED, "{name}");
    let body: Value = answer.json().await.expect("JSON");
    let text = |name: &str| body[name].as_str().expect(name).to_owned();
    Learner {
        number: body["number"].as_u64().expect("a number"),
        name: text("name"),
        token: text("token"),
        session: text("session"),
    }
}

async fn get(server: &Server, path: &str, token: &str) -> Response {
    Client::new().get(server.url(path)).bearer_auth(token).send().await.expect("it answers")
}

struct Line(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Line {
    async fn open(server: &Server, code: &str, token: &str) -> Self {
        let url = format!("ws://{}/api/v1/rooms/{code}/ws", server.address);
        let (socket, _) = tokio_tungstenite::connect_async(url).await.expect("it connects");
        let mut line = Self(socket);
        line.say(json!({"hello": {"token": token}})).await;
        line
    }

    async fn say(&mut self, message: Value) {
        self.0.send(Message::text(message.to_string())).await.expect("it is sent");
    }

    /// The content of the next message of this kind that is as wanted.
    async fn hear_when(&mut self, kind: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let frame = timeout(PATIENCE, self.0.next()).await.unwrap_or_else(|_| panic!("no {kind} came"));
            if let Message::Text(text) = frame.expect("it is open").expect("it is whole") {
                let mut message: Value = serde_json::from_str(&text).expect("JSON");
                if let Some(content) = message.get_mut(kind).map(Value::take)
                    && wanted(&content)
                {
                    return content;
                }
            }
        }
    }

    async fn hear(&mut self, kind: &str) -> Value {
        self.hear_when(kind, |_| true).await
    }

    /// What the instructor is told of somebody, once it is as wanted.
    async fn person(&mut self, number: u64, wanted: impl Fn(&Value) -> bool) -> Value {
        let of = |content: &Value| {
            let people = content["people"].as_array().cloned().unwrap_or_default();
            people.into_iter().find(|person| person["number"] == number)
        };
        let content =
            self.hear_when("people", |content| of(content).is_some_and(|person| wanted(&person))).await;
        of(&content).expect("it was found")
    }

    /// The code with which it is closed.
    async fn end(mut self) -> u16 {
        loop {
            let frame = timeout(PATIENCE, self.0.next()).await.expect("an end comes");
            if let Message::Close(close) = frame.expect("a code comes").expect("it is whole") {
                return close.expect("it has a code").code.into();
            }
        }
    }
}

#[tokio::test]
async fn everybody_gets_a_cluster_of_their_own() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "?title=Monday&seats=3").await;
    let (ana, second) = (come(&server, &room, " Ana ").await, come(&server, &room, "ana").await);
    assert_eq!(
        (ana.name.as_str(), second.name.as_str()),
        ("Ana", "ana 2"),
        "two with one name are told apart"
    );
    assert_ne!(ana.session, second.session);
    let markup = come(&server, &room, "<img src=x onerror=alert(1)>\u{202e}").await;
    assert_eq!(markup.name, "<img src=x onerror=alert(1)>");

    let full = enrol(&server, &room, "Late").await;
    assert_eq!(full.status(), StatusCode::CONFLICT);
    assert_eq!(full.headers()["content-type"], "application/problem+json");
    assert_eq!(enrol(&server, &room, " \u{200b} ").await.status(), StatusCode::BAD_REQUEST);
    let info: Value = get(&server, &format!("/api/v1/rooms/{}", room.code.to_lowercase()), "")
        .await
        .json()
        .await
        .expect("JSON");
    assert_eq!((&info["title"], &info["taken"], &info["open"]), (&json!("Monday"), &json!(3), &json!(true)));

    // The token opens the own session as its owner, and nobody else's.
    let (mut own, welcome) = server.join(&ana.session, &ana.token).await;
    assert_eq!(welcome.role, shared::session::protocol::Role::Owner);
    own.done(1, "get pods").await;
    let stranger = server.hello(&second.session, &ana.token, None).await;
    assert_eq!(stranger.end().await.1, 4401);

    let mut line = Line::open(&server, &room.code, &ana.token).await;
    let seat = line.hear("seat").await;
    assert_eq!(seat["objectives"], json!(["made", "grown"]));
    assert_eq!(seat["titles"]["made"]["ja"], "作る");
    assert!(seat.get("guide").is_none(), "notes are for the instructor");
    // Everybody may look at the instructor's cluster, and no more.
    let viewer = seat["shared"]["token"].as_str().expect("a token");
    let (_, welcome) = server.join(&room.session, viewer).await;
    assert_eq!(welcome.role, shared::session::protocol::Role::Viewer);
}

#[tokio::test]
async fn the_instructor_sees_how_everybody_is_getting_on() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "").await;
    let mut desk = Line::open(&server, &room.code, &room.token).await;
    assert_eq!(desk.hear("desk").await["guide"]["notes"]["en"], json!(["first"]));
    let ana = come(&server, &room, "Ana").await;
    desk.person(ana.number, |person| person["here"] == false).await;
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    line.hear("seat").await;
    desk.person(ana.number, |person| person["here"] == true).await;

    let other = "AAAAAAAAAAAAAAAA";
    line.say(json!({"status": {"session": other, "time": 1, "met": ["made", "grown"]}})).await;
    line.say(json!({"status": {"session": ana.session, "time": 5000, "met": ["made", "unheard-of"], "nodes": [["r", "rrf"], ["!", "<b>"]],
        "waiting": "p"}}))
        .await;
    let person = desk.person(ana.number, |person| person["status"]["time"] == 5000).await;
    assert_eq!(person["status"]["nodes"], json!([["r", "rrf"]]), "a thumbnail is letters");
    let met: Vec<bool> = person["objectives"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|goal| goal[1].as_u64() > Some(0))
        .collect();
    assert_eq!(met, [true, false]);

    line.say(json!({"hand": {"up": true}})).await;
    desk.person(ana.number, |person| person["hand"].as_u64() > Some(0)).await;
    desk.say(json!({"lower": {"number": ana.number}})).await;
    line.hear("lowered").await;
    desk.person(ana.number, |person| person["hand"] == 0).await;

    desk.say(json!({"ask": {"text": "Which?", "choices": ["node-0", "node-1"]}})).await;
    assert_eq!(line.hear("asked").await["choices"], json!(["node-0", "node-1"]));
    line.say(json!({"answer": {"choice": 7}})).await;
    line.say(json!({"answer": {"choice": 1}})).await;
    desk.hear_when("tally", |tally| tally["counts"] == json!([0, 1])).await;

    drop(line);
    desk.person(ana.number, |person| person["here"] == false).await;
}

#[tokio::test]
async fn what_is_pushed_arrives_at_all_or_some() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "").await;
    let mut desk = Line::open(&server, &room.code, &room.token).await;
    let (ana, bo) = (come(&server, &room, "Ana").await, come(&server, &room, "Bo").await);
    let mut ana_line = Line::open(&server, &room.code, &ana.token).await;
    ana_line.hear("seat").await;

    desk.say(json!({"push": {"what": {"note": {"text": "Look at node-1"}}}})).await;
    assert_eq!(ana_line.hear("notice").await["note"], "Look at node-1");
    desk.say(json!({"push": {"what": {"pause": {"on": true}}}})).await;
    ana_line.hear_when("notice", |notice| notice["paused"] == true).await;
    assert_eq!(desk.hear("pushed").await, json!({"reached": 2, "failed": 0}));
    assert_eq!(server.info(&ana.session).await["running"], false);
    // Who comes late finds it so.
    let mut late = Line::open(&server, &room.code, &bo.token).await;
    assert_eq!(
        late.hear("seat").await["notice"],
        json!({"note": "Look at node-1", "paused": true, "come": false})
    );
    desk.say(json!({"push": {"what": {"pause": {"on": false}}}})).await;
    desk.hear("pushed").await;
    assert_eq!(server.info(&ana.session).await["running"], true);

    let fault = json!({"act": {"action": {"fault": {"target": "node/node-1", "kind": "PowerOff"}}}});
    desk.say(json!({"push": {"to": [ana.number], "what": fault}})).await;
    assert_eq!(desk.hear("pushed").await["reached"], 1);
    let (client, _) = server.join(&ana.session, &ana.token).await;
    assert_eq!(client.log.last().map(|entry| entry.by.as_str()), Some("instructor"));
    assert_eq!(server.info(&bo.session).await["commands"], 0);

    // A checkpoint: everybody goes on from where the instructor is.
    let (mut own, _) = server.join(&room.session, &room.token).await;
    own.done(1, "create deployment a --image=nginx").await;
    desk.say(json!({"push": {"what": {"checkpoint": {}}}})).await;
    let opened = ana_line.hear("opened").await;
    assert_eq!(desk.hear("pushed").await["reached"], 2);
    let session = opened["session"]["id"].as_str().expect("a session");
    assert_ne!(session, ana.session);
    let (_, welcome) = server.join(session, &ana.token).await;
    let scenario = welcome.scenario.expect("a newcomer gets the scenario");
    assert!(scenario.spec.steps.iter().any(|step| step.user == "owner"), "what the instructor did is in it");
    assert_eq!(welcome.horizon.time.0 / 1000, scenario.spec.opening.0 / 1000);

    desk.say(json!({"push": {"what": {"scenario": {"text": "kind: Nonsense"}}}})).await;
    assert!(desk.hear("refused").await["why"].as_str().is_some_and(|why| !why.is_empty()), "in words");
    desk.say(json!({"reset": {"number": ana.number}})).await;
    assert_eq!(ana_line.hear("opened").await["reset"], true);
}

#[tokio::test]
async fn a_cluster_is_entered_with_its_owners_consent_only() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "").await;
    let mut desk = Line::open(&server, &room.code, &room.token).await;
    let ana = come(&server, &room, "Ana").await;
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    assert_eq!(server.hello(&ana.session, &room.token, None).await.end().await.1, 4401);
    // Nobody asked, so there is nothing to allow.
    line.say(json!({"consent": {"yes": true}})).await;
    desk.say(json!({"visit": {"number": ana.number}})).await;
    line.hear_when("visit", |visit| visit == "asked").await;
    line.say(json!({"consent": {"yes": true}})).await;
    let entered = desk.hear("entered").await;
    line.hear_when("visit", |visit| visit == "granted").await;
    assert_eq!(entered["session"]["id"], ana.session.as_str());
    let token = entered["session"]["token"].as_str().expect("a token").to_owned();

    let (mut visitor, welcome) = server.join(&ana.session, &token).await;
    assert!(welcome.role.may_act());
    let (mut own, _) = server.join(&ana.session, &ana.token).await;
    visitor.done(1, "get pods").await;
    own.catch_up(1).await;
    assert_eq!(own.log[0].by, "instructor", "what the visitor does is seen as theirs");

    line.say(json!({"consent": {"yes": false}})).await;
    desk.hear("left").await;
    assert_eq!(visitor.end().await.1, 4403);
    assert_eq!(server.hello(&ana.session, &token, None).await.end().await.1, 4401, "the door stays shut");
}

#[tokio::test]
async fn nobody_does_what_is_not_theirs() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let (room, other) = (open(&server, "").await, open(&server, "").await);
    let ana = come(&server, &room, "Ana").await;
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    line.hear("seat").await;
    for said in [
        json!({"end": {}}),
        json!({"reset": {"number": 1}}),
        json!({"visit": {"number": 1}}),
        json!({"remove": {"number": 1}}),
        json!({"push": {"what": {"note": {"text": "x"}}}}),
    ] {
        line.say(said.clone()).await;
        assert!(
            line.hear("refused").await["why"].as_str().is_some_and(|why| why.contains("instructor")),
            "{said}"
        );
    }
    for (code, token, expected) in [
        (other.code.as_str(), ana.token.as_str(), 4401),
        (other.code.as_str(), room.token.as_str(), 4401),
        (room.code.as_str(), "", 4401),
        ("BBBBBB", room.token.as_str(), 4404),
        ("nothing", room.token.as_str(), 4404),
    ] {
        assert_eq!(Line::open(&server, code, token).await.end().await, expected, "{code}");
    }
    let unread = [
        json!({"status": {"session": "", "time": 1, "surprise": 1}}),
        json!({"hello": {"token": ana.token}}),
        json!([]),
    ];
    for said in unread {
        let mut line = Line::open(&server, &room.code, &ana.token).await;
        line.say(said.clone()).await;
        assert_eq!(line.end().await, 4400, "{said}");
    }
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    line.say(json!({"status": {"session": "", "time": 1, "waiting": "p".repeat(20_000)}})).await;
    assert_eq!(line.end().await, 1009);
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    for _ in 0..200 {
        if line.0.send(Message::text(r#"{"hand":{"up":true}}"#)).await.is_err() {
            break;
        }
    }
    assert_eq!(line.end().await, 4429);

    let results = format!("/api/v1/rooms/{}/results", room.code);
    for token in ["", ana.token.as_str(), other.token.as_str()] {
        assert_eq!(get(&server, &results, token).await.status(), StatusCode::UNAUTHORIZED);
        let room = server.url(&format!("/api/v1/rooms/{}", room.code));
        let deleted = Client::new().delete(room).bearer_auth(token).send().await.expect("it answers");
        assert_eq!(deleted.status(), StatusCode::UNAUTHORIZED);
    }
    let run = |number: u64| format!("/api/v1/rooms/{}/participants/{number}/run", room.code);
    let bo = come(&server, &room, "Bo").await;
    assert_eq!(get(&server, &run(ana.number), &bo.token).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(get(&server, &run(ana.number), &ana.token).await.status(), StatusCode::OK);
    assert_eq!(get(&server, &run(99), &room.token).await.status(), StatusCode::NOT_FOUND);

    let mut foreign = format!("ws://{}/api/v1/rooms/{}/ws", server.address, room.code)
        .into_client_request()
        .expect("the address is right");
    foreign.headers_mut().insert("origin", "http://evil.example".parse().expect("a header"));
    assert!(tokio_tungstenite::connect_async(foreign).await.is_err());
    for path in ["/api/v1/rooms", &format!("/api/v1/rooms/{}/participants", room.code)] {
        let request = Client::new().post(server.url(path)).header("origin", "http://evil.example");
        assert_eq!(
            request.body(r#"{"name":"x"}"#).send().await.expect("it answers").status(),
            StatusCode::FORBIDDEN
        );
    }
    for query in ["?seats=0", "?seats=100000", "?hours=0", "?hours=9000", "?surprise=1"] {
        let answer = post(&server, &format!("/api/v1/rooms{query}"), String::new()).await;
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{query}");
    }
}

#[tokio::test]
async fn a_room_survives_a_crash_and_ends() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "").await;
    let ana = come(&server, &room, "=Ana").await;
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    // Who comes in after a notice finds it in the room.
    line.hear("seat").await;
    let mut desk = Line::open(&server, &room.code, &room.token).await;
    line.say(json!({"status": {"session": ana.session, "time": 1, "met": ["made"]}})).await;
    desk.say(json!({"push": {"what": {"note": {"text": "Lunch"}}}})).await;
    line.hear("notice").await;
    let (mut own, _) = server.join(&ana.session, &ana.token).await;
    own.done(1, "create deployment a --image=nginx").await;
    desk.person(ana.number, |person| person["objectives"][0][1].as_u64() > Some(0)).await;
    // What is told is on disk with the next report at the latest.
    desk.say(json!({"ask": {"text": "", "choices": ["x"]}})).await;
    desk.hear("tally").await;
    desk.say(json!({"ask": {"text": "", "choices": ["y"]}})).await;
    desk.hear("tally").await;
    server.kill().await;

    let server = Server::start(data.path()).await;
    let mut line = Line::open(&server, &room.code, &ana.token).await;
    assert_eq!(line.hear("seat").await["notice"]["note"], "Lunch");
    let mut desk = Line::open(&server, &room.code, &room.token).await;
    let person = desk.person(ana.number, |_| true).await;
    assert!(person["objectives"][0][1].as_u64() > Some(0), "{person}");
    let (own, _) = server.join(&ana.session, &ana.token).await;
    assert_eq!(own.log.len(), 1);

    let results = format!("/api/v1/rooms/{}/results", room.code);
    let csv = get(&server, &format!("{results}?format=csv"), &room.token).await.text().await.expect("text");
    assert!(csv.starts_with("number,name,joined,met,made,grown\r\n1,\"'=Ana\","), "{csv}");
    let json: Value = get(&server, &results, &room.token).await.json().await.expect("JSON");
    assert_eq!(json["participants"][0]["objectives"][0]["met"], true);
    let run = format!("/api/v1/rooms/{}/participants/{}/run", room.code, ana.number);
    let run: Value = get(&server, &run, &room.token).await.json().await.expect("JSON");
    assert_eq!(run["spec"]["steps"][0]["kubectl"], "create deployment a --image=nginx");

    desk.say(json!({"end": {}})).await;
    line.hear("ended").await;
    assert_eq!(enrol(&server, &room, "Late").await.status(), StatusCode::GONE);
    assert_eq!(Line::open(&server, &room.code, &ana.token).await.end().await, 4410);

    let path = server.url(&format!("/api/v1/rooms/{}", room.code));
    let deleted = Client::new().delete(&path).bearer_auth(&room.token).send().await.expect("it answers");
    assert_eq!(deleted.status(), StatusCode::NO_CONTENT);
    assert_eq!(line.end().await, 4410);
    assert_eq!(reqwest::get(&path).await.expect("it answers").status(), StatusCode::NOT_FOUND);
    for session in [&ana.session, &room.session] {
        let session = server.url(&format!("/api/v1/sessions/{session}"));
        assert_eq!(reqwest::get(session).await.expect("it answers").status(), StatusCode::NOT_FOUND);
    }
}

#[tokio::test]
async fn the_way_in_is_shown() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let room = open(&server, "").await;
    let picture =
        reqwest::get(server.url(&format!("/api/v1/rooms/{}/qr.svg", room.code))).await.expect("it answers");
    assert_eq!(picture.headers()["content-type"], "image/svg+xml");
    assert!(picture.text().await.expect("text").contains("<svg"));
    let client = Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    for (path, to) in [("/join", "/#room="), ("/join/bcd%22fgh", "/#room=bcdfgh")] {
        let answer = client.get(server.url(path)).send().await.expect("it answers");
        assert_eq!(answer.headers()["location"], to);
    }
}

#[tokio::test]
async fn who_listens_for_all_is_told_where_others_come_in() {
    let data = directory();
    let route = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket").connect("192.0.2.1:9");
    if route.is_err() {
        eprintln!("skipped: this machine is in no network");
        return;
    }
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_kubarium"));
    command.args(["serve", "--listen", "0.0.0.0:0", "--data"]).arg(data.path());
    command.stdout(std::process::Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().expect("it starts");
    let stdout = child.stdout.take().expect("it is piped");
    let mut lines = tokio::io::AsyncBufReadExt::lines(tokio::io::BufReader::new(stdout));
    let first =
        timeout(PATIENCE, lines.next_line()).await.expect("it says so").expect("text").expect("a line");
    assert!(first.starts_with("Kubarium is at http://0.0.0.0:"), "{first}");
    let second =
        timeout(PATIENCE, lines.next_line()).await.expect("it says so").expect("text").expect("a line");
    assert!(second.starts_with("Others in this network open http://"), "{second}");
    assert!(!second.contains("0.0.0.0"), "{second}");
    let picture =
        timeout(PATIENCE, lines.next_line()).await.expect("it says so").expect("text").expect("a line");
    assert!(picture.contains(['█', '▀', '▄']), "{picture}");
}
