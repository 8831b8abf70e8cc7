//! The HTTP side of sessions: what is made, what is refused, and what every answer carries.
#![allow(missing_docs)]

use crate::common::{Server, directory};

#[tokio::test]
async fn a_session_is_made_from_nothing_or_from_a_scenario() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let opening = server.create("").await;
    let info = server.info(&opening.id).await;
    assert_eq!(info["id"], opening.id.as_str());
    assert_eq!((&info["commands"], &info["clients"]), (&0.into(), &0.into()));
    assert_eq!(info["recovery"], serde_json::Value::Null);

    let scenario =
        r#"{"apiVersion": "kubarium.dev/v1alpha1", "kind": "Scenario", "spec": {"opening": "42s"}}"#;
    let own = server.create(scenario).await;
    assert_eq!(server.info(&own.id).await["time"], 42_000);
    assert_ne!(own.id, opening.id);
    let secrets = [&own.owner, &own.editor, &own.viewer, &opening.owner];
    for (at, secret) in secrets.iter().enumerate() {
        assert!(secret.len() * 6 >= 128, "{secret:?} has too few bits");
        assert!(!secrets[..at].contains(secret));
        assert!(!server.info(&own.id).await.to_string().contains(secret.as_str()), "a secret is told");
    }
}

#[tokio::test]
async fn a_bad_scenario_is_refused_with_its_place() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let head = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\n";
    let cases = [
        ("a: [1\n", "column", 4, None),
        (&format!("{head}spec:\n  sede: 7\n"), "column", 3, Some("spec.sede")),
        (
            &format!("{head}spec:\n  cluster:\n    nodes:\n    - {{count: 3, cpu: lots}}\n"),
            "line",
            6,
            Some("cpu"),
        ),
        ("kind: Pod\n", "line", 1, None),
        ("\u{0}", "line", 1, None),
    ];
    for (body, place, number, field) in cases {
        let client = reqwest::Client::new();
        let answer = client
            .post(server.url("/api/v1/sessions"))
            .body(body.to_owned())
            .send()
            .await
            .expect("it answers");
        assert_eq!(answer.status(), 400, "{body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(problem["status"], 400);
        let fault = &problem["errors"][0];
        assert_eq!(fault[place], number, "{body}: {problem}");
        if let Some(field) = field {
            assert!(fault["field"].as_str().is_some_and(|found| found.ends_with(field)), "{problem}");
        }
        assert!(fault["message"].as_str().is_some_and(|message| message.len() > 10), "{problem}");
    }
}

#[tokio::test]
async fn refusals_are_problems() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let client = reqwest::Client::new();
    let sessions = server.url("/api/v1/sessions");
    let requests = [
        (client.post(&sessions).body(" ".repeat((1 << 20) + 1)), 413),
        (client.post(&sessions).body(b"a: \xff".to_vec()), 400),
        (client.post(&sessions).header("origin", "http://evil.example"), 403),
        (client.post(&sessions).header("host", "a@b"), 400),
        (client.get(&sessions), 405),
        (client.get(server.url("/api/v1/sessions/AAAAAAAAAAAAAAAA")), 404),
        (client.get(server.url("/api/v1/sessions/..%2F..%2Fetc")), 404),
        (client.get(server.url("/api/v1/nothing")), 404),
    ];
    for (request, status) in requests {
        let answer = request.send().await.expect("it answers");
        assert_eq!(answer.status(), status, "{}", answer.url());
        assert_eq!(answer.headers()["content-type"], "application/problem+json", "{}", answer.url());
        let problem: serde_json::Value = answer.json().await.expect("JSON");
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    }
}

#[tokio::test]
async fn every_answer_is_guarded() {
    let data = directory();
    let server = Server::start(data.path()).await;
    for path in ["/", "/healthz", "/nothing", "/api/v1/nothing"] {
        let answer = reqwest::get(server.url(path)).await.expect("it answers");
        let headers = answer.headers();
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"), "{path}: {policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
    }
    let session = server.create("").await;
    let answer =
        reqwest::get(server.url(&format!("/api/v1/sessions/{}", session.id))).await.expect("it answers");
    assert_eq!(answer.headers()["cache-control"], "no-store");
}
