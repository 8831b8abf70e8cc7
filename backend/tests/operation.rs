//! What operators and client programs rely on: probes, measures, limits, and a description of the API that is true.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use crate::common::{Server, directory};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

#[tokio::test]
async fn probes_and_measures_tell_how_it_is() {
    let data = directory();
    let server = Server::start(data.path()).await;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(reqwest::get(server.url(path)).await.expect("it answers").status(), 200, "{path}");
    }
    let session = server.create("").await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    client.done(1, "get pods").await;
    let answer = reqwest::get(server.url("/metrics")).await.expect("it answers");
    assert!(
        answer.headers()["content-type"].to_str().expect("text").starts_with("application/openmetrics-text")
    );
    let text = answer.text().await.expect("text");
    for line in [
        "kubarium_commands_total 1",
        "kubarium_sessions_awake 1",
        r#"kubarium_connections{kind="session"} 1"#,
        r#"kubarium_http_requests_total{status="201"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    for secret in [&session.id, &session.owner] {
        assert!(!text.contains(secret.as_str()), "measures name no session");
    }
}

/// What a cluster holds is refused as by a quota, to people and to controllers, on every copy of it alike.
#[tokio::test]
async fn one_pod_or_node_more_is_refused() {
    let data = directory();
    let server = Server::start_with(data.path(), &["--pods", "5", "--nodes", "3"]).await;
    let session = server.create("").await;
    let (mut client, _) = server.join(&session.id, &session.owner).await;
    client.done(1, "create deployment crowd --image=nginx --replicas=9").await;
    let url = server.url(&format!("/k8s/{}{}/api/v1", session.id, session.owner));
    let post = |path: &str, body: Value| Client::new().post(format!("{url}/{path}")).json(&body).send();
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "one-more"},
        "spec": {"containers": [{"name": "c", "image": "nginx"}]},
    });
    let node = json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "fourth"}});
    for (path, body, name, resource, most) in
        [("namespaces/default/pods", pod, "one-more", "pods", 5), ("nodes", node, "fourth", "nodes", 3)]
    {
        // Until the Deployment has made all that there is room for.
        let refused = loop {
            let answer = post(path, body.clone()).await.expect("it answers");
            if answer.status() == StatusCode::FORBIDDEN {
                break answer.json::<Value>().await.expect("a Status");
            }
        };
        let message = format!(
            "{resource} \"{name}\" is forbidden: exceeded quota: of the whole cluster, requested: {resource}=1, used: \
             {resource}={most}, limited: {resource}={most}"
        );
        assert_eq!(refused["message"], message);
        assert_eq!(refused["reason"], "Forbidden");
    }
}

#[tokio::test]
async fn limits_are_kept() {
    let data = directory();
    let limits = [
        "--sessions",
        "2",
        "--nodes",
        "4",
        "--rooms",
        "1",
        "--seats",
        "2",
        "--watches",
        "1",
        "--requests-per-second",
        "1",
    ];
    let server = Server::start_with(data.path(), &limits).await;
    let post = |path: &str, body: &str| Client::new().post(server.url(path)).body(body.to_owned()).send();
    let large = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nspec: {cluster: {nodes: [{count: 3}, {count: 2}]}}";
    for path in ["/api/v1/sessions", "/api/v1/rooms"] {
        let answer = post(path, large).await.expect("it answers");
        assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.text().await.expect("text").contains("4 nodes"));
    }
    let session = server.create("").await;
    assert_eq!(
        post("/api/v1/rooms?seats=3", "").await.expect("it answers").status(),
        StatusCode::BAD_REQUEST
    );
    assert_eq!(post("/api/v1/rooms", "").await.expect("it answers").status(), StatusCode::CREATED);
    assert_eq!(post("/api/v1/rooms", "").await.expect("it answers").status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(
        post("/api/v1/sessions", "").await.expect("it answers").status(),
        StatusCode::TOO_MANY_REQUESTS
    );

    let pods = server.url(&format!("/k8s/{}{}/api/v1/pods", session.id, session.owner));
    let watch = reqwest::get(format!("{pods}?watch=true")).await.expect("it answers");
    assert_eq!(watch.status(), 200);
    let second = reqwest::get(format!("{pods}?watch=true")).await.expect("it answers");
    assert_eq!(second.status(), StatusCode::TOO_MANY_REQUESTS);
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(reqwest::get(&pods).await.expect("it answers").status());
    }
    assert_eq!(answers[0], 200);
    assert!(answers.contains(&StatusCode::TOO_MANY_REQUESTS), "{answers:?}");
}

/// Every route is described, and everything that is described is there.
#[tokio::test]
async fn the_description_of_the_api_is_true() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let api: Value = reqwest::get(server.url("/api/v1/openapi.json"))
        .await
        .expect("it answers")
        .json()
        .await
        .expect("JSON");
    let paths = api["paths"].as_object().expect("paths");
    let source = include_str!("../src/router.rs");
    let routes: BTreeSet<&str> =
        source.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    // What is not below /api/v1.
    let others = ["/join", "/join/{code}"];
    let expected: BTreeSet<&str> = routes.into_iter().filter(|route| !others.contains(route)).collect();
    assert_eq!(paths.keys().map(String::as_str).collect::<BTreeSet<_>>(), expected);
    let places = ["rooms/BBBBBB/participants/4294967296/run", "rooms/BBBBBB/results?format=csv&format=csv"];
    for path in places.map(|path| server.url(&format!("/api/v1/{path}"))) {
        let refused = reqwest::get(&path).await.expect("it answers");
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(refused.json::<Value>().await.expect("details")["status"], 400, "{path}");
    }
    for (path, item) in paths {
        let path =
            path.replace("{id}", "AAAAAAAAAAAAAAAA").replace("{code}", "BBBBBB").replace("{number}", "1");
        let url = server.url(&format!("/api/v1{path}"));
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE] {
            let described = item.get(method.as_str().to_lowercase()).is_some();
            let answer = Client::new().request(method.clone(), &url).send().await.expect("it answers");
            let there = answer.status() != StatusCode::METHOD_NOT_ALLOWED;
            assert_eq!(there, described, "{method} {path}: {}", answer.status());
            let status = answer.status().as_u16().to_string();
            if answer.status().is_client_error() {
                assert_eq!(answer.headers()["content-type"], "application/problem+json", "{method} {path}");
            }
            if described {
                let answers = &item[method.as_str().to_lowercase()]["responses"];
                assert!(
                    answers.get(&status).is_some(),
                    "{method} {path} answers {status}, which is not described"
                );
            }
        }
    }
}
