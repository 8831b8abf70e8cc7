//! The OpenAPI documents: what can be asked, as generators of clients read it, in both versions and in protobuf.
#![allow(missing_docs)]

use std::collections::BTreeSet;

use crate::common::{Server, Session, directory};
use reqwest::Client;
use serde_json::Value;

const SCENARIO: &str = r#"
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: schemas}
spec:
  opening: 30s
  cluster: {nodes: [{count: 1}], addons: [metrics-server]}
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
        - name: v1
          served: true
          storage: true
          schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}
          subresources: {status: {}}
"#;

const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// Path, method, identifier, what is done (to which kind), codes of answers, and what the first answer is of.
const OPERATIONS: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("/version/", "get", "getCodeVersion", "", "200 401", "io.k8s.apimachinery.pkg.version.Info"),
    ("/api/", "get", "getCoreAPIVersions", "", "200 401", "io.k8s.apimachinery.pkg.apis.meta.v1.APIVersions"),
    ("/apis/", "get", "getAPIVersions", "", "200 401", "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroupList"),
    ("/apis/apps/", "get", "getAppsAPIGroup", "", "200 401", "io.k8s.apimachinery.pkg.apis.meta.v1.APIGroup"),
    (
        "/apis/rbac.authorization.k8s.io/v1/",
        "get",
        "getRbacAuthorizationV1APIResources",
        "",
        "200 401",
        "io.k8s.apimachinery.pkg.apis.meta.v1.APIResourceList",
    ),
    (
        "/api/v1/pods",
        "get",
        "listCoreV1PodForAllNamespaces",
        "list /v1 Pod",
        "200 401",
        "io.k8s.api.core.v1.PodList",
    ),
    (
        "/api/v1/namespaces/{namespace}/pods/{name}",
        "get",
        "readCoreV1NamespacedPod",
        "get /v1 Pod",
        "200 401",
        "io.k8s.api.core.v1.Pod",
    ),
    (
        "/api/v1/namespaces/{namespace}/pods",
        "delete",
        "deleteCoreV1CollectionNamespacedPod",
        "deletecollection /v1 Pod",
        "200 401",
        "io.k8s.apimachinery.pkg.apis.meta.v1.Status",
    ),
    (
        "/apis/apps/v1/namespaces/{namespace}/deployments",
        "post",
        "createAppsV1NamespacedDeployment",
        "post apps/v1 Deployment",
        "200 201 202 401",
        "io.k8s.api.apps.v1.Deployment",
    ),
    (
        "/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale",
        "patch",
        "patchAppsV1NamespacedDeploymentScale",
        "patch autoscaling/v1 Scale",
        "200 201 401",
        "io.k8s.api.autoscaling.v1.Scale",
    ),
    (
        "/api/v1/nodes/{name}/status",
        "put",
        "replaceCoreV1NodeStatus",
        "put /v1 Node",
        "200 201 401",
        "io.k8s.api.core.v1.Node",
    ),
    (
        "/api/v1/namespaces/{namespace}/pods/{name}/eviction",
        "post",
        "createCoreV1NamespacedPodEviction",
        "post policy/v1 Eviction",
        "200 201 202 401",
        "io.k8s.api.policy.v1.Eviction",
    ),
    (
        "/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token",
        "post",
        "createCoreV1NamespacedServiceAccountToken",
        "post authentication.k8s.io/v1 TokenRequest",
        "200 201 202 401",
        "io.k8s.api.authentication.v1.TokenRequest",
    ),
    (
        "/api/v1/namespaces/{namespace}/pods/{name}/log",
        "get",
        "readCoreV1NamespacedPodLog",
        "get /v1 Pod",
        "200 401",
        "",
    ),
    (
        "/api/v1/namespaces/{namespace}/pods/{name}/exec",
        "post",
        "connectCoreV1PostNamespacedPodExec",
        "connect /v1 PodExecOptions",
        "200 401",
        "",
    ),
    (
        "/api/v1/nodes/{name}/proxy/{path}",
        "head",
        "connectCoreV1HeadNodeProxyWithPath",
        "connect /v1 NodeProxyOptions",
        "200 401",
        "",
    ),
    (
        "/api/v1/watch/namespaces/{namespace}/pods",
        "get",
        "watchCoreV1NamespacedPodList",
        "watchlist /v1 Pod",
        "200 401",
        "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent",
    ),
    (
        "/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews",
        "post",
        "createAuthorizationV1NamespacedLocalSubjectAccessReview",
        "post authorization.k8s.io/v1 LocalSubjectAccessReview",
        "200 201 202 401",
        "io.k8s.api.authorization.v1.LocalSubjectAccessReview",
    ),
    (
        "/apis/metrics.k8s.io/v1beta1/nodes",
        "get",
        "listMetricsV1beta1NodeMetrics",
        "list metrics.k8s.io/v1beta1 NodeMetrics",
        "200 401",
        "io.k8s.metrics.pkg.apis.metrics.v1beta1.NodeMetricsList",
    ),
    (
        "/apis/shop.example.com/v1/namespaces/{namespace}/widgets/{name}/status",
        "patch",
        "patchShopExampleComV1NamespacedWidgetStatus",
        "patch shop.example.com/v1 Widget",
        "200 201 401",
        "com.example.shop.v1.Widget",
    ),
];

async fn at(server: &Server, session: &Session, path: &str, accept: &str) -> Vec<u8> {
    let url = server.url(&format!("/k8s/{}{}{path}", session.id, session.viewer));
    let answer = Client::new().get(url).header("accept", accept).send().await.expect("an answer");
    assert_eq!(answer.status(), 200, "{path}");
    answer.bytes().await.expect("a body").to_vec()
}

async fn document(server: &Server, session: &Session, path: &str) -> Value {
    serde_json::from_slice(&at(server, session, path, "application/json").await).expect("JSON")
}

/// All operations of a document: path, method, the operation.
fn operations(document: &Value) -> impl Iterator<Item = (&String, &'static str, &Value)> {
    let paths = document["paths"].as_object().expect("paths");
    paths.iter().flat_map(|(path, item)| {
        METHODS.into_iter().filter_map(move |method| Some((path, method, item.get(method)?)))
    })
}

/// Everything that is referred to.
fn references<'a>(value: &'a Value, found: &mut BTreeSet<&'a str>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str));
            map.values().for_each(|below| references(below, found));
        }
        Value::Array(list) => list.iter().for_each(|below| references(below, found)),
        _ => {}
    }
}

/// Every operation is told apart from the others, and whatever it needs is in the document.
fn is_whole(document: &Value, name: &str) {
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(document) {
        let id = operation["operationId"].as_str().unwrap_or_else(|| panic!("{name} {method} {path}"));
        assert!(ids.insert(id), "{name} has {id} twice");
        let parts = path.matches('{').count();
        let resolved = |one: &'_ Value| -> Value {
            let target = one["$ref"].as_str().and_then(|to| document.pointer(to.trim_start_matches('#')));
            target.unwrap_or(one).clone()
        };
        let item = &document["paths"][path];
        let all = [&item["parameters"], &operation["parameters"]];
        let all: Vec<Value> = all.iter().filter_map(|list| list.as_array()).flatten().map(resolved).collect();
        let of_path = all.iter().filter(|one| one["in"] == "path" && one["required"] == true).count();
        assert_eq!(of_path, parts, "{name} {method} {path}");
        for one in &all {
            let of = if one["schema"].is_null() { &one["type"] } else { &one["schema"]["type"] };
            let wanted = match one["name"].as_str().expect("a name") {
                "limit" | "timeoutSeconds" | "tailLines" | "gracePeriodSeconds" => "integer",
                "watch" | "allowWatchBookmarks" | "force" | "follow" | "stdin" | "tty" => "boolean",
                "body" => continue,
                _ if of == "integer" || of == "boolean" => continue,
                _ => "string",
            };
            assert_eq!(of, wanted, "{name} {method} {path} {one}");
        }
    }
    let mut found = BTreeSet::new();
    references(document, &mut found);
    for reference in found {
        assert!(document.pointer(&reference[1..]).is_some(), "{name}: {reference} is nowhere");
    }
}

fn is_told(document: &Value, (path, method, id, does, codes, answer): &(&str, &str, &str, &str, &str, &str)) {
    let operation = &document["paths"][path][method];
    assert_eq!(operation["operationId"], *id, "{method} {path}");
    let of = &operation["x-kubernetes-group-version-kind"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let done = if of.is_null() {
        String::new()
    } else {
        let action = text(&operation["x-kubernetes-action"]);
        format!("{action} {}/{} {}", text(&of["group"]), text(&of["version"]), text(&of["kind"]))
    };
    assert_eq!(done, *does, "{id}");
    let responses = operation["responses"].as_object().expect("responses");
    assert_eq!(responses.keys().map(String::as_str).collect::<Vec<_>>().join(" "), *codes, "{id}");
    let response = &responses["200"];
    let schema = match response["content"].as_object() {
        Some(content) => &content.values().next().expect("a media type")["schema"],
        None => &response["schema"],
    };
    let named = schema["$ref"].as_str().and_then(|name| name.rsplit('/').next()).unwrap_or_default();
    assert_eq!(named, *answer, "{id}: {schema}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_be_asked_is_told_in_both_versions() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let old = document(&server, &session, "/openapi/v2").await;
    is_whole(&old, "version 2");
    assert!(operations(&old).count() > 800, "{}", operations(&old).count());
    for expected in OPERATIONS {
        is_told(&old, expected);
        let path = expected.0.trim_matches('/');
        let parts: Vec<&str> = path.split('/').collect();
        let of = match parts.as_slice() {
            ["api", _, ..] => parts[..2].join("/"),
            ["apis", _, _, ..] => parts[..3].join("/"),
            _ => path.to_owned(),
        };
        is_told(&document(&server, &session, &format!("/openapi/v3/{of}")).await, expected);
    }
    let patch = &old["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(patch["consumes"][3], "application/apply-patch+yaml");
    assert_eq!(patch["parameters"][0]["in"], "body");
    let create = &old["paths"]["/api/v1/namespaces/{namespace}/pods"]["post"];
    assert_eq!(create["parameters"][0]["schema"]["$ref"], "#/definitions/io.k8s.api.core.v1.Pod");
    assert_eq!(create["produces"][2], "application/vnd.kubernetes.protobuf");
    // What people defined has no keys to be merged by, and no protobuf.
    let custom = &old["paths"]["/apis/shop.example.com/v1/namespaces/{namespace}/widgets/{name}"];
    assert!(!custom["patch"]["consumes"].to_string().contains("strategic"), "{custom}");
    assert_eq!(custom["get"]["produces"].as_array().map(Vec::len), Some(2));
    let index = document(&server, &session, "/openapi/v3").await;
    let documents: Vec<&String> = index["paths"].as_object().expect("paths").keys().collect();
    assert!(documents.iter().any(|path| *path == "apis/shop.example.com"), "{documents:?}");
    for path in documents {
        let document = document(&server, &session, &format!("/openapi/v3/{path}")).await;
        is_whole(&document, path);
        assert!(operations(&document).count() > 0, "{path}");
    }
}

/// The fields of a message of protobuf that are messages or texts.
fn fields(mut message: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = bytes[0];
            *bytes = &bytes[1..];
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }
    let mut found = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message);
        match key & 7 {
            0 => drop(varint(&mut message)),
            1 => message = &message[8..],
            _ => {
                let length = usize::try_from(varint(&mut message)).expect("a length");
                found.push((key >> 3, &message[..length]));
                message = &message[length..];
            }
        }
    }
    found
}

/// What is at the end of a way through messages.
fn below<'a>(message: &'a [u8], way: &[u64]) -> Vec<&'a [u8]> {
    way.iter().fold(vec![message], |all, wanted| {
        let of = |message: &'a [u8]| fields(message).into_iter().filter(|(field, _)| field == wanted);
        all.into_iter().flat_map(|message| of(message).map(|(_, bytes)| bytes)).collect()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn protobuf_tells_the_same() {
    let data = directory();
    let server = Server::start(data.path()).await;
    let session = server.create(SCENARIO).await;
    let old = document(&server, &session, "/openapi/v2").await;
    let media = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let whole = at(&server, &session, "/openapi/v2", media).await;
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("a text");
    // Of paths the items, of those their operations, of those the identifiers.
    let items = below(&whole, &[8, 2, 2]);
    assert_eq!(Some(items.len()), old["paths"].as_object().map(serde_json::Map::len));
    let mut ids = BTreeSet::new();
    for method in 2..=8 {
        ids.extend(items.iter().flat_map(|item| below(item, &[method, 5])).map(text));
    }
    let wanted = operations(&old).map(|(.., operation)| operation["operationId"].as_str().expect("an id"));
    assert_eq!(ids, wanted.map(str::to_owned).collect());
    let shared: Vec<String> = below(&whole, &[10, 1, 1]).into_iter().map(text).collect();
    let known = old["parameters"].as_object().expect("parameters");
    assert!(shared.iter().eq(known.keys()), "{shared:?}");
    // Parameters that are referred to, those in a path, bodies, answers.
    for (way, wanted) in [
        (&[8, 2, 2, 2, 8, 2, 1][..], "#/parameters/limit"),
        (&[8, 2, 2, 9, 1, 2, 4, 4], "namespace"),
        (&[8, 2, 2, 8, 8, 1, 2, 3, 4], "fieldValidation"),
        (&[8, 2, 2, 4, 8, 1, 1, 5, 1], "#/definitions/io.k8s.api.core.v1.Pod"),
        (&[8, 2, 2, 2, 9, 1, 2, 1, 2, 1, 1], "#/definitions/io.k8s.api.core.v1.PodList"),
        (&[8, 2, 2, 8, 7], "application/apply-patch+yaml"),
        (&[13, 1, 1], "BearerToken"),
    ] {
        assert!(below(&whole, way).iter().any(|bytes| text(bytes) == wanted), "{wanted} at {way:?}");
    }
}
