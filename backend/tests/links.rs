//! Links that are too long to be sent are kept by the server, under names that follow from them.
#![allow(missing_docs)]

use crate::common::{Etcd, Server, directory};
use reqwest::{Client, Response, StatusCode};
use serde_json::Value;
use shared::{scenario::Scenario, session::link};

/// A link that is far longer than what services take.
fn long() -> String {
    let data = |index: usize| format!("key-{index}: {:x}", index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let data: Vec<String> = (0..600).map(data).collect();
    let manifest =
        format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: long}}\ndata: {{{}}}\n", data.join(", "));
    let scenario = serde_json::json!({
        "apiVersion": "kubarium.dev/v1alpha1", "kind": "Scenario", "spec": { "steps": [{ "at": "0s", "apply": manifest }] }
    });
    let scenario = Scenario::parse(&scenario.to_string()).expect("a scenario");
    link::encode(&scenario).expect("it is small enough")
}

async fn keep(server: &Server, body: impl Into<reqwest::Body>) -> Response {
    Client::new().post(server.url("/api/v1/links")).body(body).send().await.expect("it answers")
}

async fn read(server: &Server, name: &str) -> (StatusCode, String) {
    let answer = reqwest::get(server.url(&format!("/api/v1/links/{name}"))).await.expect("it answers");
    (answer.status(), answer.text().await.expect("text"))
}

#[tokio::test]
async fn a_long_link_is_kept_under_a_short_name_for_ever() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let link = long();
    assert!(link.len() > 2000);
    let answer = keep(&server, link.clone()).await;
    assert_eq!(answer.status(), StatusCode::CREATED);
    let kept: Value = answer.json().await.expect("JSON");
    let name = kept["name"].as_str().expect("a name").to_owned();
    assert_eq!(kept["link"], server.url(&format!("/#l={name}")));
    assert_eq!(read(&server, &name).await, (StatusCode::OK, link.clone()));
    // The same link has the same name, and nothing else gets it.
    let again = keep(&server, link.clone()).await;
    assert_eq!(again.status(), StatusCode::OK);
    assert_eq!(again.json::<Value>().await.expect("JSON")["name"], name.as_str());
    for nobody in ["AAAAAAAAAAAAAAAA", "short", "..%2F..%2Fetc"] {
        assert_eq!(read(&server, nobody).await.0, StatusCode::NOT_FOUND, "{nobody}");
    }
    // Kept means on disk.
    server.kill().await;
    let server = Server::start(data.path()).await;
    assert_eq!(read(&server, &name).await, (StatusCode::OK, link));
}

#[tokio::test]
async fn only_links_are_kept_and_not_too_many() {
    let data = directory();
    let server = Server::start_with(data.path(), &["--links", "1"]).await;
    let link = long();
    let cut = link[..link.len() / 2].to_owned();
    for (body, status) in [
        ("anything else".to_owned(), StatusCode::BAD_REQUEST),
        (String::new(), StatusCode::BAD_REQUEST),
        (cut, StatusCode::BAD_REQUEST),
        (format!("99{}", &link[1..]), StatusCode::BAD_REQUEST),
        (format!("1.{}", "A".repeat(300_000)), StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let answer = keep(&server, body).await;
        assert_eq!(answer.status(), status);
        assert!(answer.json::<Value>().await.expect("a problem")["detail"].is_string());
    }
    let foreign = Client::new().post(server.url("/api/v1/links")).header("origin", "http://evil.example");
    assert_eq!(foreign.body(link.clone()).send().await.expect("it answers").status(), StatusCode::FORBIDDEN);
    assert_eq!(keep(&server, link.clone()).await.status(), StatusCode::CREATED);
    let other = link::encode(&Scenario::opening()).expect("a link");
    assert_eq!(keep(&server, other).await.status(), StatusCode::TOO_MANY_REQUESTS, "one is all it takes");
    // Whoever asks all the time is told to wait, even for what is there.
    let mut statuses = Vec::new();
    for _ in 0..80 {
        statuses.push(keep(&server, link.clone()).await.status());
    }
    assert_eq!((statuses[0], statuses[79]), (StatusCode::OK, StatusCode::TOO_MANY_REQUESTS));
}

#[tokio::test]
async fn servers_of_one_etcd_keep_links_together() {
    let Some(etcd) = Etcd::start(1).await else { return };
    let (one, two) = (Server::start_on(&etcd).await, Server::start_on(&etcd).await);
    let link = long();
    let kept: Value = keep(&one, link.clone()).await.json().await.expect("JSON");
    let name = kept["name"].as_str().expect("a name");
    assert_eq!(read(&two, name).await, (StatusCode::OK, link.clone()));
    assert_eq!(keep(&two, link).await.status(), StatusCode::OK);
}
