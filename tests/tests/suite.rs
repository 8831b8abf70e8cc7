//! What Kubernetes' own end-to-end tests look at, where they once found something: field selectors, schemas of custom
//! resources that take anything, resources that somebody advertises for a node, pods that a node cannot take.

#[path = "support/world.rs"]
mod world;

use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;
use world::World;

fn send(world: &mut World, method: &str, path: &str, media: &str, body: &str) -> HttpResponse {
    world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: media.into(),
        body: body.into(),
        ..HttpRequest::default()
    })
}

fn get(world: &mut World, path: &str) -> Doc {
    send(world, "GET", path, "", "").body
}

fn apply(world: &mut World, text: &str) {
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], text);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
}

#[test]
fn kinds_are_selected_by_the_fields_that_the_real_server_knows() {
    let mut world = World::new();
    apply(
        &mut world,
        r#"
apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: {name: mine}
spec: {request: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlHPQotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K, signerName: example.com/one, usages: [client auth]}
---
apiVersion: v1
kind: Secret
metadata: {name: key}
type: example.com/key
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: NodePort, clusterIP: 10.96.0.77, ports: [{port: 80}]}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: two}
spec:
  replicas: 2
  selector: {matchLabels: {app: two}}
  template: {metadata: {labels: {app: two}}, spec: {serviceAccountName: default, containers: [{name: c, image: "todo-api:v1.0"}]}}
"#,
    );
    world.wait(10);
    let core = "/api/v1/namespaces/default";
    for (path, fields, count) in [
        ("/apis/certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName=example.com/one", 1),
        ("/apis/certificates.k8s.io/v1/certificatesigningrequests", "spec.signerName=example.com/two", 0),
        (&*format!("{core}/secrets"), "type=example.com/key", 1),
        (&*format!("{core}/services"), "spec.type=NodePort", 1),
        (&*format!("{core}/services"), "spec.clusterIP=10.96.0.77,spec.type!=NodePort", 0),
        ("/apis/apps/v1/namespaces/default/replicasets", "status.replicas=2", 1),
        ("/apis/apps/v1/namespaces/default/replicasets", "status.replicas=0", 0),
        (&*format!("{core}/pods"), "spec.serviceAccountName=default,spec.hostNetwork=false", 2),
        (&*format!("{core}/pods"), "status.nominatedNodeName!=", 0),
        ("/api/v1/namespaces", "status.phase=Terminating", 0),
    ] {
        let found = get(&mut world, &format!("{path}?fieldSelector={fields}"));
        assert_eq!(found["items"].items().len(), count, "{path} {fields}: {}", found["message"]);
    }
    let unknown = get(&mut world, &format!("{core}/secrets?fieldSelector=data.a=b"));
    assert_eq!(unknown["message"].str(), "field label not supported: data.a");
}

#[test]
fn clients_of_old_are_told_no_fields_of_what_takes_any() {
    let mut world = World::new();
    let definition = |plural: &str, schema: &str| {
        let kind = format!("{}{}", plural[..1].to_uppercase(), &plural[1..plural.len() - 1]);
        format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.x.example.com}}\n\
             spec:\n  group: x.example.com\n  scope: Namespaced\n  names: {{plural: {plural}, kind: {kind}}}\n  \
             versions: [{{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {schema}}}}}]\n---\n"
        )
    };
    let any =
        definition("anys", "{type: object, description: all, x-kubernetes-preserve-unknown-fields: true}");
    let some = definition(
        "somes",
        "{type: object, properties: {spec: {type: object, required: [open, maybe], properties: {\
         open: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}, \
         maybe: {type: object, nullable: true, properties: {a: {type: string}}}, \
         plain: {type: string, anyOf: [{minLength: 1}, {maxLength: 3}]}}}}}",
    );
    apply(&mut world, &format!("{any}{some}"));
    world.wait(5);
    let old = get(&mut world, "/openapi/v2");
    let any = &old["definitions"]["com.example.x.v1.Any"];
    assert_eq!((any["type"].str().as_str(), any.entries().len()), ("object", 2), "{any}");
    assert_eq!(any["x-kubernetes-group-version-kind"][0]["kind"].str(), "Any");
    let spec = &old["definitions"]["com.example.x.v1.Some"]["properties"]["spec"];
    assert!(spec["properties"]["open"]["properties"].is_null(), "{spec}");
    assert!(spec["properties"]["maybe"]["type"].is_null() && spec["properties"]["plain"]["anyOf"].is_null());
    assert_eq!(spec["required"].to_json(), r#"["open"]"#);
    let new = get(&mut world, "/openapi/v3/apis/x.example.com/v1");
    let spec = &new["components"]["schemas"]["com.example.x.v1.Some"]["properties"]["spec"];
    assert_eq!(spec["properties"]["open"]["properties"]["a"]["type"].str(), "string");
}

#[test]
fn what_is_advertised_for_a_node_can_be_had() {
    let mut world = World::new();
    let status = "/api/v1/nodes/node-0/status";
    let merge = "application/strategic-merge-patch+json";
    let body = r#"{"status":{"capacity":{"example.com/foo":"5"}}}"#;
    assert_eq!(send(&mut world, "PATCH", status, merge, body).code, 200);
    apply(
        &mut world,
        r#"
apiVersion: v1
kind: Pod
metadata: {name: wants}
spec: {containers: [{name: c, image: "todo-api:v1.0", resources: {requests: {example.com/foo: 3}, limits: {example.com/foo: 3}}}]}
"#,
    );
    world.wait(30);
    let node = get(&mut world, "/api/v1/nodes/node-0");
    assert_eq!(node["status"]["allocatable"]["example.com/foo"].str(), "5");
    let pod = get(&mut world, "/api/v1/namespaces/default/pods/wants");
    assert_eq!(pod["spec"]["nodeName"].str(), "node-0", "{}", pod["status"]);
    let body = r#"[{"op":"remove","path":"/status/capacity/example.com~1foo"}]"#;
    assert_eq!(send(&mut world, "PATCH", status, "application/json-patch+json", body).code, 200);
    world.wait(15);
    let node = get(&mut world, "/api/v1/nodes/node-0");
    assert!(node["status"]["allocatable"]["example.com/foo"].is_null(), "{}", node["status"]["allocatable"]);
    assert_eq!(node["status"]["allocatable"]["cpu"], node["status"]["capacity"]["cpu"]);
}

#[test]
fn a_node_refuses_pods_that_do_not_belong_there() {
    let mut world = World::new();
    apply(
        &mut world,
        r#"
apiVersion: v1
kind: Pod
metadata: {name: first}
spec: {nodeName: node-0, containers: [{name: c, image: "todo-api:v1.0", ports: [{containerPort: 80, hostPort: 8000}]}]}
"#,
    );
    world.wait(5);
    apply(
        &mut world,
        r#"
apiVersion: v1
kind: Pod
metadata: {name: second}
spec: {nodeName: node-0, containers: [{name: c, image: "todo-api:v1.0", ports: [{containerPort: 80, hostPort: 8000, hostIP: 127.0.0.1}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: other-protocol}
spec: {nodeName: node-0, containers: [{name: c, image: "todo-api:v1.0", ports: [{containerPort: 80, hostPort: 8000, protocol: UDP}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: elsewhere}
spec: {nodeName: node-0, nodeSelector: {disk: ssd}, containers: [{name: c, image: "todo-api:v1.0"}]}
"#,
    );
    world.wait(10);
    for (name, phase, reason, message) in [
        ("first", "Running", "", ""),
        (
            "second",
            "Failed",
            "NodePorts",
            "Pod was rejected: Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports",
        ),
        ("other-protocol", "Running", "", ""),
        (
            "elsewhere",
            "Failed",
            "NodeAffinity",
            "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        ),
    ] {
        let status = get(&mut world, &format!("/api/v1/namespaces/default/pods/{name}"))["status"].clone();
        let said = (status["phase"].str(), status["reason"].str(), status["message"].str());
        assert_eq!(said, (phase.into(), reason.into(), message.into()), "{name}");
    }
}
