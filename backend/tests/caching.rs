//! Documents that clients keep, and connections that end with what they are about.
#![allow(missing_docs)]

use std::time::Duration;

use crate::common::{Server, Session, directory};
use reqwest::{Client, Response, redirect::Policy};
use serde_json::{Value, json};

const SCENARIO: &str = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: kept}
spec:
  opening: 30s
  cluster: {nodes: [{count: 1}]}
  steps:
  - at: 1s
    apply: |
      apiVersion: apiextensions.k8s.io/v1
      kind: CustomResourceDefinition
      metadata: {name: widgets.shop.example.com}
      spec:
        group: shop.example.com
        scope: Namespaced
        names: {plural: widgets, kind: Widget}
        versions:
        - {name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}
        - {name: v2, served: true, storage: false, schema: {openAPIV3Schema: {type: object}}}
"#;
const V2: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
const DEFINITION: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/widgets.shop.example.com";

struct Play {
    server: Server,
    session: Session,
    http: Client,
}

impl Play {
    async fn new(data: &std::path::Path) -> Play {
        let server = Server::start(data).await;
        let session = server.create(SCENARIO).await;
        let http = Client::builder().redirect(Policy::none()).build().expect("a client");
        Play { server, session, http }
    }

    fn url(&self, path: &str) -> String {
        self.server.url(&format!("/k8s/{}{}{path}", self.session.id, self.session.owner))
    }

    async fn get(&self, path: &str, accept: &str, known: &str) -> Response {
        let mut request = self.http.get(self.url(path)).header("accept", accept);
        if !known.is_empty() {
            request = request.header("if-none-match", known);
        }
        request.send().await.expect("an answer")
    }
}

fn header(response: &Response, name: &str) -> String {
    let value = response.headers().get(name).map(|value| value.to_str().expect("a text"));
    value.unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_a_document_is_not_told_it_again() {
    let data = directory();
    let play = Play::new(data.path()).await;
    let index: Value = play.get("/openapi/v3", "*/*", "").await.json().await.expect("JSON");
    let group = index["paths"]["apis/apps/v1"]["serverRelativeURL"].as_str().expect("an address");
    let group = group.split_once("/openapi").map(|(_, rest)| format!("/openapi{rest}")).expect("a path");
    let (plain, hash) = group.split_once("?hash=").expect("a hash");
    let private = "no-cache, private";
    for (path, accept, vary, kept) in [
        ("/openapi/v2", "application/json", "Accept", private),
        ("/openapi/v2", "application/com.github.proto-openapi.spec.v2@v1.0+protobuf", "Accept", private),
        ("/openapi/v3", "application/json", "", private),
        (plain, "application/json", "Accept", private),
        (&*group, "application/json", "Accept", "public, immutable"),
        ("/api", V2, "Accept", "public"),
        ("/apis", V2, "Accept", "public"),
    ] {
        let first = play.get(path, accept, "").await;
        assert_eq!(first.status(), 200, "{path}");
        let tag = header(&first, "etag");
        assert!(tag.len() > 2 && tag.starts_with('"') && tag.ends_with('"'), "{path}: {tag}");
        assert!(header(&first, "vary").contains(vary), "{path}: {}", header(&first, "vary"));
        assert_eq!(header(&first, "cache-control"), kept, "{path}");
        assert_eq!(!header(&first, "expires").is_empty(), path == group, "{path}");
        let again = play.get(path, accept, &tag).await;
        assert_eq!((again.status().as_u16(), header(&again, "etag")), (304, tag.clone()), "{path}");
        assert_eq!(header(&again, "cache-control"), kept, "{path}");
        assert_eq!(again.bytes().await.expect("nothing").len(), 0);
        assert_eq!(play.get(path, accept, "\"other\"").await.status(), 200, "{path}");
        if path.starts_with(plain) {
            assert_eq!(tag, format!("\"{hash}\""));
        }
    }
    let elsewhere = play.get(&format!("{plain}?hash=other"), "*/*", "").await;
    let whole = format!("/k8s/{}{}{group}", play.session.id, play.session.owner);
    assert_eq!((elsewhere.status().as_u16(), header(&elsewhere, "location")), (301, whole));
    // Another definition is another document.
    let custom = "/openapi/v3/apis/shop.example.com/v1";
    let tags = [
        header(&play.get(custom, "*/*", "").await, "etag"),
        header(&play.get("/openapi/v2", "*/*", "").await, "etag"),
        header(&play.get("/apis", V2, "").await, "etag"),
    ];
    let schema = json!({"type": "object", "properties": {"size": {"type": "integer"}}});
    let versions =
        json!([{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}]);
    change(&play, &json!({"spec": {"versions": versions}})).await;
    for ((path, accept), tag) in
        [(custom, "*/*"), ("/openapi/v2", "*/*"), ("/apis", V2)].into_iter().zip(tags)
    {
        assert_ne!(header(&play.get(path, accept, "").await, "etag"), tag, "{path}");
    }
}

async fn change(play: &Play, patch: &Value) {
    let url = play.url(DEFINITION);
    let request = play.http.patch(url).header("content-type", "application/merge-patch+json");
    assert_eq!(request.body(patch.to_string()).send().await.expect("an answer").status(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_end_with_the_definition_of_what_they_watch() {
    let data = directory();
    let play = Play::new(data.path()).await;
    let of = |version: &str| format!("/apis/shop.example.com/{version}/namespaces/default/widgets");
    let widget = json!({"apiVersion": "shop.example.com/v1", "kind": "Widget", "metadata": {"name": "w"}});
    let made = play.http.post(play.url(&of("v1"))).body(widget.to_string()).send().await.expect("an answer");
    assert_eq!(made.status(), 201);
    let watch = async |version: &str| {
        play.get(&format!("{}?watch=true&timeoutSeconds=300", of(version)), "*/*", "").await
    };
    let told = async |watch: Response| {
        tokio::time::timeout(Duration::from_secs(30), watch.text()).await.expect("it ends").expect("a text")
    };
    let (one, two) = (watch("v1").await, watch("v2").await);
    let schema = json!({"openAPIV3Schema": {"type": "object"}});
    let versions = json!([
        {"name": "v1", "served": true, "storage": true, "schema": schema},
        {"name": "v2", "served": false, "storage": false, "schema": schema}
    ]);
    change(&play, &json!({"spec": {"versions": versions}})).await;
    for watch in [one, two] {
        let text = told(watch).await;
        assert_eq!((text.matches("\"ADDED\"").count(), text.lines().count()), (1, 1), "{text}");
    }
    assert_eq!(watch("v2").await.status(), 404);
    let one = watch("v1").await;
    assert_eq!(play.http.delete(play.url(DEFINITION)).send().await.expect("an answer").status(), 200);
    let text = told(one).await;
    assert!(text.contains("\"DELETED\""), "{text}");
    assert_eq!(watch("v1").await.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_is_no_master() {
    let data = directory();
    let play = Play::new(data.path()).await;
    for (key, master) in [(&play.session.owner, true), (&play.session.viewer, false)] {
        let path = format!("/k8s/{}{key}/apis/authentication.k8s.io/v1/selfsubjectreviews", play.session.id);
        let request = play.http.post(play.server.url(&path)).body("{}");
        let said: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        let groups = said["status"]["userInfo"]["groups"].as_array().expect("groups");
        assert_eq!(groups.contains(&"system:masters".into()), master, "{said}");
        assert!(groups.contains(&"system:authenticated".into()), "{said}");
    }
}
