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
    let refusals = [
        // Parts of an object cannot be deleted, and some of them only be asked for.
        ("DELETE", &*status, "", "", 405),
        ("DELETE", &*scale, "", "", 405),
        ("PUT", &*binding, "", pod, 405),
        ("GET", review, "", "", 405),
        ("DELETE", review, "", "", 405),
        // A report on a pod that is gone does not touch the one that has its name now.
        ("PATCH", &*status, MERGE, other, 422),
        ("PATCH", &*status, MERGE, r#"{"status":{"phase":7}}"#, 422),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":"5"}}"#, 400),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":9007199254740992}}"#, 400),
        ("PATCH", &*scale, MERGE, r#"{"spec":{"replicas":-1}}"#, 422),
        ("PATCH", &*one_map, JSON, &*copies, 400),
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
