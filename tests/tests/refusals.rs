//! Requests that are mistaken or hostile: a clear refusal, and nothing is lost.

use crate::support::world::World;
use shared::apiserver::http::HttpRequest;

const PODS: &str = "/api/v1/namespaces/default/pods";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";
const SETS: &str = "/apis/apps/v1/namespaces/default/deployments";
const MERGE: &str = "application/merge-patch+json";
const JSON: &str = "application/json-patch+json";

fn send(world: &mut World, method: &str, path: &str, content_type: &str, body: &str) -> (u32, String) {
    let response = world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: content_type.into(),
        body: body.into(),
        ..HttpRequest::default()
    });
    (response.code, response.body["message"].str().to_string())
}

#[test]
fn what_is_refused_leaves_everything_as_it_was() {
    let mut world = World::new();
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}"#;
    let map = r#"{"metadata":{"name":"m"},"data":{"a":"b"}}"#;
    let set = r#"{"metadata":{"name":"d"},"spec":{"replicas":1,"selector":{"matchLabels":{"a":"b"}},
        "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}}}"#;
    for (path, body) in [(PODS, pod), (MAPS, map), (SETS, set)] {
        assert_eq!(send(&mut world, "POST", path, "", body).0, 201, "{path}");
    }
    let copies = (0..40)
        .map(|at| format!(r#"{{"op":"copy","from":"/data","path":"/data/x{at}"}}"#))
        .collect::<Vec<_>>()
        .join(",");
    let copies = format!("[{copies}]");
    let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let other = r#"{"metadata":{"uid":"00000000-0000-4000-8000-000000000000"},"status":{"phase":"Failed"}}"#;
    let (status, scale) = (format!("{PODS}/p/status"), format!("{SETS}/d/scale"));
    let (binding, one_map) = (format!("{PODS}/p/binding"), format!("{MAPS}/m"));
    let eviction = format!("{PODS}/p/eviction");
    let evict = |options: &str| {
        format!(
            r#"{{"apiVersion":"policy/v1","kind":"Eviction","metadata":{{"name":"p"}},"deleteOptions":{options}}}"#
        )
    };
    let other_pod = evict(r#"{"preconditions":{"uid":"x"}}"#);
    let other_version = evict(r#"{"preconditions":{"resourceVersion":"1"}}"#);
    let applied = format!("{MAPS}/new?fieldManager=me");
    let beside = format!("{PODS}/p/ephemeralcontainers");
    let debugger = |more: &str| {
        format!(r#"{{"spec":{{"ephemeralContainers":[{{"name":"d","image":"busybox",{more}}}]}}}}"#)
    };
    let (hungry, strange) = (
        debugger(r#""resources":{"limits":{"cpu":"1"}}"#),
        debugger(r#""volumeMounts":[{"name":"no","mountPath":"/x"}]"#),
    );
    let requests = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let junk = r#"{"metadata":{"name":"j"},"spec":{"request":"LS0t","signerName":"a.example/b","usages":["client auth"]}}"#;
    let refusals = [
        // Who says which pod, or which version of it, means no other.
        ("POST", &*eviction, "", &*other_pod, 409),
        ("POST", &*eviction, "", &*other_version, 409),
        (
            "PATCH",
            &*applied,
            "application/apply-patch+yaml",
            r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"uid":"x"}}"#,
            409,
        ),
        ("PATCH", &*beside, "application/strategic-merge-patch+json", &*hungry, 422),
        ("PATCH", &*beside, "application/strategic-merge-patch+json", &*strange, 422),
        ("POST", requests, "", junk, 422),
        // Parts of an object cannot be deleted, and some of them only be asked for.
        ("DELETE", &*status, "", "", 405),
        ("DELETE", &*scale, "", "", 405),
        ("PUT", &*binding, "", pod, 405),
        ("GET", review, "", "", 405),
        ("DELETE", review, "", "", 405),
        // A report on a pod that is gone does not touch the one that has its name now.
        ("PATCH", &*status, MERGE, other, 422),
        ("PATCH", &*status, MERGE, r#"{"status":{"phase":7}}"#, 422),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":"5"}}"#, 422),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":9007199254740992}}"#, 422),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":-1}}"#, 422),
        ("PATCH", &*one_map, JSON, &*copies, 422),
        ("POST", MAPS, ";;;", r#"{"metadata":{"name":"other"}}"#, 415),
    ];
    for (method, path, content_type, body, code) in refusals {
        let (found, message) = send(&mut world, method, path, content_type, body);
        assert_eq!(found, code, "{method} {path} {body}: {message}");
    }
    let get = |world: &mut World, path: &str| {
        world.request(HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() }).body
    };
    assert_eq!(get(&mut world, &format!("{SETS}/d"))["spec"]["replicas"].as_i64(), Some(1));
    assert_ne!(get(&mut world, &format!("{PODS}/p"))["status"]["phase"].str(), "Failed");
    assert_eq!(get(&mut world, &one_map)["data"].to_json(), r#"{"a":"b"}"#);
}

/// Method, path, whom the client speaks for, body, code, and how the message begins.
type Odd = (&'static str, &'static str, &'static str, &'static str, u32, &'static str);

const ODD: &[Odd] = &[
    (
        "POST",
        "/api/v1/configmaps",
        "",
        r#"{"metadata":{"name":"x"}}"#,
        405,
        "the server does not allow this method",
    ),
    ("DELETE", "/api/v1/configmaps", "", "", 405, "the server does not allow this method"),
    ("GET", "/api/v1/pods/none", "", "", 404, ""),
    (
        "GET",
        "/api/v1/nodes/node-0?resourceVersion=99999999",
        "",
        "",
        504,
        "Timeout: Too large resource version: 99999999",
    ),
    (
        "GET",
        "/api/v1/nodes?sendInitialEvents=true",
        "",
        "",
        422,
        "ListOptions.meta.k8s.io \"\" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list",
    ),
    (
        "DELETE",
        "/api/v1/nodes/none?gracePeriodSeconds=x",
        "",
        "",
        400,
        "strconv.ParseInt: parsing \"x\": invalid syntax",
    ),
    (
        "POST",
        "/api/v1/namespaces/default/pods/p/eviction",
        "",
        r#"{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":"other"}}"#,
        400,
        "name in URL does not match name in Eviction object",
    ),
    (
        "POST",
        "/apis/authentication.k8s.io/v1/tokenreviews",
        "",
        r#"{"spec":{}}"#,
        400,
        "token is required for TokenReview in authentication",
    ),
    (
        "GET",
        "/api/v1/nodes?labelSelector=a%20in%20(b",
        "",
        "",
        400,
        "unable to parse requirement: found '', expected: ',' or ')'",
    ),
    (
        "DELETE",
        "/api/v1/namespaces/default/pods/p",
        "",
        "[]",
        400,
        "the object provided is unrecognized (must be of type DeleteOptions)",
    ),
    (
        "POST",
        "/api/v1/namespaces/default/pods/p/eviction",
        "",
        "[]",
        400,
        "the object provided is unrecognized (must be of type Eviction)",
    ),
    (
        "PATCH",
        "/api/v1/namespaces/default/pods/p/exec",
        "",
        "{}",
        405,
        "the server does not allow this method",
    ),
    (
        "PUT",
        "/api/v1/namespaces/default/pods/p/portforward",
        "",
        "{}",
        405,
        "the server does not allow this method",
    ),
    ("GET", "/api/v1/nodes?labelSelector=size%3E5", "", "", 200, ""),
    ("GET", "/nothing", "", "", 404, ""),
    ("GET", "/nothing", "somebody", "", 403, "forbidden: User \"somebody\" cannot get path \"/nothing\""),
    ("GET", "/metrics", "somebody", "", 403, "forbidden: User \"somebody\" cannot get path \"/metrics\""),
];

#[test]
fn odd_requests_are_answered_as_upstream_does() {
    let mut world = World::new();
    let pod = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"nginx"}]}}"#;
    assert_eq!(send(&mut world, "POST", PODS, "", pod).0, 201);
    for (method, path, user, body, code, begins) in ODD {
        let response = world.request(HttpRequest {
            method: (*method).into(),
            path: (*path).into(),
            impersonate: (*user).into(),
            body: (*body).into(),
            ..HttpRequest::default()
        });
        let message = response.body["message"].str();
        assert_eq!(response.code, *code, "{method} {path}: {message}");
        assert!(message.starts_with(begins), "{method} {path}: {message}");
    }
}

#[test]
fn metrics_count_what_is_kept() {
    let mut world = World::new();
    let mut metric = |line: &str| {
        let response = world.request(HttpRequest {
            method: "GET".into(),
            path: "/metrics".into(),
            ..HttpRequest::default()
        });
        let text = response.body.str();
        text.lines().find_map(|one| one.strip_prefix(line)).map(|count| count.trim().to_owned())
    };
    assert_eq!(metric(r#"apiserver_storage_objects{resource="nodes"}"#).as_deref(), Some("6"));
    assert_eq!(
        metric(r#"apiserver_resource_objects{group="apps",resource="deployments"}"#).as_deref(),
        Some("0")
    );
    assert_eq!(metric(r#"kubernetes_healthcheck{name="etcd",type="readyz"}"#).as_deref(), Some("1"));
    assert_eq!(metric("# TYPE apiserver_longrunning_requests").as_deref(), Some("gauge"));
}

#[test]
fn who_watches_over_the_cluster_may_read_its_metrics() {
    let mut world = World::new();
    let mut code = |group: &str, path: &str| {
        let response = world.request(HttpRequest {
            method: "GET".into(),
            path: path.into(),
            impersonate: "prometheus".into(),
            impersonate_groups: vec![group.into()],
            ..HttpRequest::default()
        });
        response.code
    };
    assert_eq!((code("system:monitoring", "/metrics"), code("others", "/metrics")), (200, 403));
    assert_eq!(code("system:monitoring", "/api/v1/nodes"), 403);
}

#[test]
fn no_policies_are_other_than_none_said() {
    let mut world = World::new();
    let path = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers";
    let body = |name: &str, behavior: &str| {
        format!(
            r#"{{"metadata":{{"name":"{name}"}},"spec":{{"maxReplicas":3,"scaleTargetRef":{{"kind":"Deployment","name":"x","apiVersion":"apps/v1"}},"behavior":{behavior}}}}}"#
        )
    };
    for way in ["scaleUp", "scaleDown"] {
        let (code, said) =
            send(&mut world, "POST", path, "", &body("a", &format!(r#"{{"{way}":{{"policies":[]}}}}"#)));
        let why = format!(
            "HorizontalPodAutoscaler.autoscaling \"a\" is invalid: spec.behavior.{way}.policies: Required value: must specify at \
             least one Policy"
        );
        assert_eq!((code, said), (422, why));
        let (code, said) =
            send(&mut world, "POST", path, "", &body(&way.to_lowercase(), &format!(r#"{{"{way}":{{}}}}"#)));
        assert_eq!(code, 201, "{said}");
    }
}
