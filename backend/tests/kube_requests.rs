//! Single requests of Kubernetes clients over HTTP: odd ones, and how all of them are counted.
#![allow(missing_docs)]

use crate::common::{Server, directory};
use reqwest::{Client, Method};

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: requests}
spec:
  opening: 30s
  cluster: {nodes: [{count: 1}]}
";

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const POD: &str = "/api/v1/namespaces/default/pods/p";

/// Method, path, a header with its value, the code, and what is said.
const ODD: &[(&str, &str, &str, &str, u16, &str)] = &[
    ("PATCH", "/exec", "content-type", "application/merge-patch+json", 405, "MethodNotAllowed"),
    ("PUT", "/attach", "content-type", "application/json", 405, "MethodNotAllowed"),
    ("DELETE", "/portforward", "content-type", "application/json", 405, "MethodNotAllowed"),
    ("GET", "/exec", "accept", "*/*", 404, "not found"),
    ("GET", "", "impersonate-uid", "1", 500, "requested [impersonate-uid] without impersonating a user"),
    (
        "GET",
        "",
        "impersonate-extra-a",
        "1",
        500,
        "requested [impersonate-extra-a] without impersonating a user",
    ),
    ("GET", "", "impersonate-group", "g", 500, "requested [g] without impersonating a user"),
];

#[tokio::test(flavor = "multi_thread")]
async fn odd_requests_are_answered_as_elsewhere() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = Client::new();
    let url = |path: &str| server.url(&format!("/k8s/{}{}{path}", session.id, session.owner));
    for (method, part, header, value, code, says) in ODD {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = http.request(method.clone(), url(&format!("{POD}{part}"))).header(*header, *value);
        let answer = request.send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a text");
        assert!(status == *code && text.contains(says), "{method} {part} {header}: {status} {text}");
    }
    // Whoever applies says who they are; of others the program is.
    let map = |query: &str| format!("{MAPS}/m?{query}");
    for (query, code) in [("", 422), ("fieldManager=me", 201)] {
        let apply = http.patch(url(&map(query))).header("content-type", "application/apply-patch+yaml");
        let body = "{apiVersion: v1, kind: ConfigMap, metadata: {name: m}}";
        let answer = apply.header("user-agent", "tool/1").body(body).send().await.expect("an answer");
        assert_eq!(answer.status(), code, "{query}");
    }
    let empty = http.post(url(MAPS)).header("content-type", "application/vnd.kubernetes.protobuf");
    let answer = empty.send().await.expect("an answer");
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.expect("a text").contains("empty data (<empty>)"));
}

/// What is asked of a list, with which media type, the code, and how the answer begins.
const FORMS: &[(&str, &str, u16, &str)] = &[
    ("watch=True&timeoutSeconds=1", "application/json", 200, "{\"type\":\"ADDED\""),
    ("watch=yes&timeoutSeconds=1", "*/*", 200, "{\"type\":\"ADDED\""),
    ("watch=False", "*/*", 200, "{\"apiVersion\":\"v1\",\"items\":"),
    ("watch=0", "*/*", 200, "{\"apiVersion\":\"v1\",\"items\":"),
    (
        "watch=1",
        "application/yaml",
        406,
        "only the following media types are accepted: application/json;stream=watch,",
    ),
    (
        "includeObject=Object",
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        200,
        "{\"apiVersion\":\"meta.k8s.io/v1\",\"columnDefinitions\":",
    ),
    ("includeObject=Nope", "application/json", 200, "{\"apiVersion\":\"v1\",\"items\":"),
    ("", "application/json;q=0.1, application/yaml", 200, "apiVersion: v1\n"),
    ("", "*/*, application/yaml;q=0.9", 200, "{\"apiVersion\":\"v1\",\"items\":"),
    ("", "*/*, application/yaml", 200, "apiVersion: v1\n"),
    (
        "",
        "application/json;as=Table;g=meta.k8s.io;v=v1beta1",
        200,
        "{\"apiVersion\":\"meta.k8s.io/v1beta1\",\"columnDefinitions\":",
    ),
    (
        "watch=1&timeoutSeconds=1",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1beta1",
        200,
        "{\"type\":\"ADDED\",\"object\":{\"apiVersion\":\"meta.k8s.io/v1beta1\",",
    ),
    (
        "",
        "application/vnd.kubernetes.protobuf;as=Table;g=meta.k8s.io;v=v1",
        406,
        "only the following media types are accepted: application/json, application/yaml",
    ),
    (
        "",
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        406,
        "you requested PartialObjectMetadata, but the requested object is a list (*core.NamespaceList)",
    ),
    (
        "",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        200,
        "{\"apiVersion\":\"meta.k8s.io/v1\",\"items\":",
    ),
    (
        "includeObject=Nope",
        "application/json;as=Table;g=meta.k8s.io;v=v1",
        400,
        "Unable to convert to Table as requested: includeObject: Invalid value: \\\"Nope\\\": must be 'Metadata', 'Object', \
         'None', or empty",
    ),
    // Who takes JSON, too, gets that.
    ("", "application/vnd.kubernetes.protobuf,application/json", 200, "{\"apiVersion\":\"v1\",\"items\":"),
    ("", "application/vnd.kubernetes.protobuf", 200, "k8s\0\n\u{13}\n\u{2}v1\u{12}\rNamespaceList\u{12}"),
    (
        "",
        "application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        200,
        "k8s\0\n+\n\u{e}meta.k8s.io/v1\u{12}\u{19}PartialObjectMetadataList\u{12}",
    ),
    ("watch=1&timeoutSeconds=1", "application/vnd.kubernetes.protobuf;stream=watch", 200, "\0\0"),
    (
        "fieldSelector=odd=1",
        "application/vnd.kubernetes.protobuf",
        400,
        "k8s\0\n\u{c}\n\u{2}v1\u{12}\u{6}Status\u{12}",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn lists_come_in_the_form_that_is_asked_for() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = Client::new();
    for (query, accept, code, says) in FORMS {
        let url = server.url(&format!("/k8s/{}{}/api/v1/namespaces?{query}", session.id, session.owner));
        let answer = http.get(url).header("accept", *accept).send().await.expect("an answer");
        let (status, audit) = (answer.status().as_u16(), answer.headers().get("audit-id").cloned());
        let text = answer.text().await.expect("a text");
        let said = if *code == 200 { text.starts_with(says) } else { text.contains(says) };
        assert!(status == *code && said, "{query} {accept}: {status} {text}");
        assert!(audit.is_some_and(|id| id.len() == 36), "{query}: each answer has a number");
    }
    // Of which flow a request is, by the objects that are listed: people are exempt, accounts are not.
    let get = async |path: &str, user: &str| {
        let url = server.url(&format!("/k8s/{}{}{path}", session.id, session.owner));
        let mut request = http.get(url);
        if !user.is_empty() {
            request = request.header("impersonate-user", user);
        }
        request.send().await.expect("an answer")
    };
    for (user, schema, level) in [
        ("", "exempt", "exempt"),
        ("system:serviceaccount:default:default", "service-accounts", "workload-low"),
        ("jane", "global-default", "global-default"),
    ] {
        let answer = get("/api/v1/namespaces", user).await;
        let flow = "/apis/flowcontrol.apiserver.k8s.io/v1";
        for (header, path) in [
            ("x-kubernetes-pf-flowschema-uid", format!("{flow}/flowschemas/{schema}")),
            ("x-kubernetes-pf-prioritylevel-uid", format!("{flow}/prioritylevelconfigurations/{level}")),
        ] {
            let object: serde_json::Value = get(&path, "").await.json().await.expect("JSON");
            assert_eq!(
                answer.headers()[header],
                object["metadata"]["uid"].as_str().expect("a UID"),
                "{user}"
            );
        }
    }
    // The key in the path is what opens a session, from wherever one comes: Headlamp and pages behind `kubectl proxy`.
    let url = server.url(&format!("/k8s/{}{}/api?pretty=true", session.id, session.owner));
    let asked = http.get(url).header("audit-id", "mine").header("origin", "http://localhost:8001");
    let answer = asked.send().await.expect("an answer");
    assert_eq!((answer.status().as_u16(), &answer.headers()["audit-id"] == "mine"), (200, true));
    assert!(answer.text().await.expect("a text").starts_with("{\n  \""));
}

/// Method, path, media type, body; the code and what is said.
const SINGLE: &[(&str, &str, &str, &str, u16, &str)] = &[
    (
        "GET",
        "/api/v1/namespaces/default",
        "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        "",
        406,
        "you requested PartialObjectMetadataList, but the requested object is not a list (*core.Namespace)",
    ),
    (
        "GET",
        "/api/v1/namespaces/default?resourceVersion=abc",
        "*/*",
        "",
        500,
        "resourceVersion: Invalid value: \\\"abc\\\": strconv.ParseUint: parsing \\\"abc\\\": invalid syntax",
    ),
    ("PUT", MAPS, "*/*", "{}", 405, "\"details\":{}"),
    ("POST", MAPS, "*/*", r#"{"metadata":{"name":"m"}}"#, 201, ""),
    (
        "DELETE",
        "/api/v1/namespaces/default/configmaps/m",
        "*/*",
        r#"{"preconditions":{"uid":"zz"}}"#,
        409,
        "the UID in the precondition (zz) does not match the UID in record",
    ),
    (
        "DELETE",
        "/api/v1/namespaces/default/configmaps/m",
        "*/*",
        "",
        200,
        "\"details\":{\"kind\":\"configmaps\",",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn single_objects_are_answered_as_elsewhere() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = Client::new();
    for (method, path, accept, body, code, says) in SINGLE {
        let url = server.url(&format!("/k8s/{}{}{path}", session.id, session.owner));
        let request = http.request(Method::from_bytes(method.as_bytes()).expect("a method"), url);
        let answer = request.header("accept", *accept).body(*body).send().await.expect("an answer");
        let status = answer.status().as_u16();
        let text = answer.text().await.expect("a text");
        assert!(status == *code && text.contains(says), "{method} {path} {accept}: {status} {text}");
        assert!(!text.contains("\"group\":\"\""), "{text}");
    }
}

/// Pages of a kubelet, and lines that they have; what is measured ends each.
const COUNTED: &[(&str, &[&str])] = &[
    (
        "metrics",
        &[
            "kubelet_node_name{node=\"node-0\"} 1",
            "kubelet_running_pods 1",
            "kubelet_running_containers{container_state=\"running\"} 1",
        ],
    ),
    (
        "metrics/resource",
        &[
            "container_cpu_usage_seconds_total{container=\"c\",namespace=\"default\",pod=\"p\"} 0.",
            "container_memory_working_set_bytes{container=\"c\",namespace=\"default\",pod=\"p\"} ",
            "node_cpu_usage_seconds_total ",
            "pod_memory_working_set_bytes{namespace=\"default\",pod=\"p\"} ",
            "resource_scrape_error 0",
        ],
    ),
    (
        "metrics/cadvisor",
        &[
            "container_cpu_usage_seconds_total{container=\"c\",cpu=\"total\",id=\"/kubepods.slice/cri-containerd-",
            "container_memory_usage_bytes{container=\"\",id=\"/\",image=\"\",name=\"\",namespace=\"\",pod=\"\"} ",
            "machine_memory_bytes ",
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn kubelets_count_what_is_used() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = Client::new();
    let url = |path: &str| server.url(&format!("/k8s/{}{}{path}", session.id, session.owner));
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx:1.27"}]}}"#;
    let pods = url("/api/v1/namespaces/default/pods");
    assert_eq!(http.post(pods).body(pod).send().await.expect("an answer").status(), 201);
    let get = async |path: &str| -> (u16, String) {
        let answer = http.get(url(path)).send().await.expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    };
    for _ in 0..600 {
        if get(POD).await.1.contains("\"ready\":true") {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    for (page, lines) in COUNTED {
        for node in ["node-0", "node-0:10250", "https:node-0:"] {
            let (code, text) = get(&format!("/api/v1/nodes/{node}/proxy/{page}")).await;
            assert_eq!(code, 200, "{page}: {text}");
            for line in *lines {
                assert!(text.lines().any(|one| one.starts_with(line)), "{page}: {line} is missing in {text}");
            }
            let plain = |line: &str| line.starts_with("# ") || line.split(' ').count() < 4;
            assert!(text.ends_with('\n') && text.lines().all(plain), "{text}");
        }
    }
    // Another port is not the kubelet's, and what it does not know it does not have.
    assert_eq!(get("/api/v1/nodes/node-0:9100/proxy/metrics").await.0, 503);
    assert_eq!(get("/api/v1/nodes/node-0/proxy/metrics/none").await.0, 404);
    assert_eq!(get("/api/v1/nodes/gone/proxy/metrics").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_are_counted() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let http = Client::new();
    let ask = async |method: Method, path: &str, body: &'static str| {
        let url = server.url(&format!("/k8s/{}{}{path}", session.id, session.owner));
        let answer = http.request(method, url).body(body).send().await.expect("an answer");
        answer.text().await.expect("a text")
    };
    for _ in 0..3 {
        ask(Method::GET, MAPS, "").await;
    }
    ask(Method::POST, MAPS, r#"{"metadata":{"name":"m"}}"#).await;
    ask(Method::POST, MAPS, r#"{"metadata":{"name":"m"}}"#).await;
    ask(Method::GET, &format!("{MAPS}/none"), "").await;
    for number in 0..3 {
        ask(Method::GET, &format!("/apis/made-up-{number}/v1/things"), "").await;
    }
    let text = ask(Method::GET, "/metrics", "").await;
    let of = |code: u16, scope: &str, verb: &str| {
        format!(
            "apiserver_request_total{{code=\"{code}\",component=\"apiserver\",dry_run=\"\",group=\"\",resource=\"configmaps\",\
             scope=\"{scope}\",subresource=\"\",verb=\"{verb}\",version=\"v1\"}}"
        )
    };
    for (line, count) in [
        (of(200, "namespace", "LIST"), 3),
        (of(201, "resource", "POST"), 1),
        (of(409, "resource", "POST"), 1),
        (of(404, "resource", "GET"), 1),
    ] {
        let line = format!("{line} {count}");
        assert!(text.lines().any(|one| one == line), "{line} is missing in {text}");
    }
    let list =
        text.lines().find(|line| line.contains("duration_seconds_count{") && line.contains("\"LIST\""));
    assert!(list.is_some_and(|line| line.ends_with(" 3")), "{list:?}");
    assert!(!text.contains("made-up"), "what anybody makes up has no line of its own");
}
