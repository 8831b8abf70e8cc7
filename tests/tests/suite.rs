//! What Kubernetes' own end-to-end tests look at, where they once found something: field selectors, schemas of custom
//! resources that take anything, resources that somebody advertises for a node, pods that a node cannot take, keys that
//! YAML repeats, names of addresses, what the one image of all these tests serves, types in expressions.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;

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

#[test]
fn keys_that_yaml_repeats_are_told_with_their_lines() {
    let mut world = World::new();
    let maps = "/api/v1/namespaces/default/configmaps";
    let yaml = |name: &str| {
        format!(
            "\nkind: ConfigMap\napiVersion: v1\nmetadata: {{name: {name}}}\ndata:\n  a: one\n  a: two\n  b: z\n  b: z\n"
        )
    };
    let lines = "yaml: unmarshal errors:\n  line 7: key \"a\" already set in map\n  line 9: key \"b\" already set in map";
    let converting = format!("error converting YAML to JSON: {lines}");
    let (created, applied) = ("application/yaml", "application/apply-patch+yaml");
    let json =
        r#"{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"j"},"data":{"a":"one","a":"two"}}"#;
    let in_json = "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line 1: key \"a\" already set in map";
    // Method, name, media type, body, field validation, and what is refused or warned of.
    for (method, name, media, body, validation, refused, warned) in [
        ("PATCH", "s", applied, yaml("s"), "Strict", format!("error strict decoding YAML: {converting}"), ""),
        ("PATCH", "w", applied, yaml("w"), "Warn", String::new(), &*converting),
        ("PATCH", "i", applied, yaml("i"), "Ignore", String::new(), ""),
        ("PATCH", "j", applied, json.to_owned(), "Strict", in_json.to_owned(), ""),
        ("POST", "cs", created, yaml("cs"), "Strict", format!("strict decoding error: {lines}"), ""),
        ("POST", "cw", created, yaml("cw"), "Warn", String::new(), lines),
        ("POST", "ci", created, yaml("ci"), "Ignore", String::new(), ""),
    ] {
        let place = if method == "POST" { maps.to_owned() } else { format!("{maps}/{name}") };
        let path = format!("{place}?fieldManager=me&fieldValidation={validation}");
        let answer = send(&mut world, method, &path, media, &body);
        if !refused.is_empty() {
            let said = answer.body["message"].str();
            assert!(answer.code == 400 && said.contains(&refused), "{name}: {} {said}", answer.code);
            continue;
        }
        assert_eq!(
            (answer.code, answer.body["data"]["a"].str().as_str()),
            (201, "two"),
            "{name}: {}",
            answer.body
        );
        let warnings: Vec<&str> = answer.warnings.iter().map(|warning| warning.as_str()).collect();
        assert_eq!(warnings.join("; "), warned, "{name}");
    }
}

#[test]
fn an_address_is_called_as_it_is_written() {
    let mut world = World::new();
    let addresses = "/apis/networking.k8s.io/v1/ipaddresses";
    for (name, refused) in [
        ("255.255.255.255", ""),
        ("fe80::42:1dff:fe84:f9e2", ""),
        ("fe80:0::1", "must be a canonical format IP address"),
        ("FE80::1", "must be a canonical format IP address"),
        ("some.where", "ParseAddr(\"some.where\"): unable to parse IP"),
    ] {
        let body = format!(
            r#"{{"metadata":{{"name":"{name}"}},"spec":{{"parentRef":{{"resource":"services","name":"web"}}}}}}"#
        );
        let answer = send(&mut world, "POST", addresses, "application/json", &body);
        let (code, said) = (answer.code, answer.body["message"].str());
        let wanted = if refused.is_empty() { 201 } else { 422 };
        assert!(code == wanted && said.ends_with(refused), "{name}: {code} {said}");
        if wanted == 201 {
            assert_eq!(get(&mut world, &format!("{addresses}/{name}"))["metadata"]["name"].str(), name);
        }
    }
}

#[test]
fn pages_of_a_list_can_be_had_for_some_minutes() {
    let mut world = World::new();
    let maps = "/api/v1/namespaces/default/configmaps";
    for name in ["a", "b", "c"] {
        let body = format!(r#"{{"metadata":{{"name":"{name}","labels":{{"of":"mine"}}}}}}"#);
        assert_eq!(send(&mut world, "POST", maps, "application/json", &body).code, 201);
    }
    let page = |world: &mut World, token: &str| {
        let path = format!("{maps}?labelSelector=of%3Dmine&limit=1{token}");
        send(world, "GET", &path, "", "")
    };
    let name = |answer: &HttpResponse| answer.body["items"][0]["metadata"]["name"].str();
    let first = page(&mut world, "");
    let go_on = |answer: &HttpResponse| format!("&continue={}", answer.body["metadata"]["continue"].str());
    let token = go_on(&first);
    world.wait(280);
    assert_eq!(name(&page(&mut world, &token)), "b");
    world.wait(330);
    let late = page(&mut world, &token);
    assert_eq!((late.code, late.body["reason"].str().as_str()), (410, "Expired"), "{}", late.body);
    assert_eq!(name(&page(&mut world, &go_on(&late))), "b");
}

#[test]
fn who_sets_tolerations_leaves_those_that_every_pod_has() {
    let mut world = World::new();
    let pods = "/api/v1/namespaces/default/pods";
    let body = r#"{"metadata":{"name":"p"},"spec":{"containers":[{"name":"c","image":"todo-api:v1.0"}]}}"#;
    assert_eq!(send(&mut world, "POST", pods, "application/json", body).code, 201);
    let place = format!("{pods}/p");
    let body =
        r#"{"spec":{"tolerations":[{"key":"foo","operator":"Equal","value":"bar","effect":"NoSchedule"}]}}"#;
    let answer = send(&mut world, "PATCH", &place, "application/merge-patch+json", body);
    assert_eq!(answer.code, 200, "{}", answer.body);
    let keys = answer.body["spec"]["tolerations"].items().iter().map(|one| one["key"].str());
    let every = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];
    assert_eq!(keys.collect::<Vec<_>>(), ["foo", every[0], every[1]]);
    assert_eq!(answer.body["metadata"]["generation"].as_i64(), Some(2));
}

/// How often the container of a pod was started anew, and whether it is ready.
fn restarts(world: &mut World, pod: &str) -> (Option<i64>, Option<bool>) {
    let pod = get(world, &format!("/api/v1/namespaces/default/pods/{pod}"));
    let container = &pod["status"]["containerStatuses"][0];
    (container["restartCount"].as_i64(), container["ready"].as_bool())
}

#[test]
fn probes_see_what_a_container_serves() {
    let mut world = World::new();
    let once = "initialDelaySeconds: 5, periodSeconds: 5, failureThreshold: 1";
    for (name, args, probe, restarted) in [
        ("well", "[netexec, --http-port=8083]", "httpGet: {path: /healthz, port: 8083}", false),
        ("ails", "[liveness]", "httpGet: {path: /healthz, port: 8080}", true),
        ("deaf", "[netexec, --http-port=8083]", "httpGet: {path: /healthz, port: 8080}", true),
        ("open", "[netexec]", "tcpSocket: {port: 8080}", false),
        ("grpc", "[grpc-health-checking]", "grpc: {port: 5000}", false),
        ("mute", "[grpc-health-checking]", "grpc: {port: 2333}", true),
        ("http", "[grpc-health-checking]", "grpc: {port: 8080}", true),
        ("none", "[pause]", "tcpSocket: {port: 8080}", true),
        ("file", "[test-webserver]", "httpGet: {path: /etc/hostname, port: 80}", false),
        ("lost", "[test-webserver]", "httpGet: {path: /nowhere, port: 80}", true),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: c\n    image: \
             registry.k8s.io/e2e-test-images/agnhost:2.59\n    args: {args}\n    livenessProbe: {{{probe}, {once}}}\n"
        );
        apply(&mut world, &text);
        world.wait(40);
        let (count, _) = self::restarts(&mut world, name);
        assert_eq!(count.is_some_and(|count| count > 0), restarted, "{name}: {count:?}");
    }
}

#[test]
fn a_file_that_is_looked_at_again_and_again_may_be_called_anything() {
    let mut world = World::new();
    let text = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n  - name: c\n    image: \
                registry.k8s.io/e2e-test-images/agnhost:2.59\n    args: [mounttest, '--file_content_in_loop=/etc/a b; echo harm']\n";
    apply(&mut world, text);
    world.wait(20);
    let logs = world.kubectl(["logs", "p", "-n", "default"], "").stdout;
    let said = "Error reading file /etc/a b; echo harm: open /etc/a b; echo harm: no such file or directory, retrying";
    let again = logs.lines().filter(|line| *line == said).count();
    assert!(
        again > 5 && !logs.lines().any(|line| line.contains("harm") && !line.contains("/etc/a b")),
        "{logs}"
    );
}

#[test]
fn a_page_that_was_moved_is_not_there() {
    let mut world = World::new();
    apply(
        &mut world,
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers:\n  - name: c\n    image: \
         registry.k8s.io/e2e-test-images/httpd:2.4.38-4\n    readinessProbe: {httpGet: {path: /index.html, port: 80}, periodSeconds: 1, failureThreshold: 1}\n",
    );
    world.wait(20);
    assert_eq!(restarts(&mut world, "web"), (Some(0), Some(true)));
    for (from, to, ready) in [
        ("/usr/local/apache2/htdocs/index.html", "/tmp/", false),
        ("/tmp/index.html", "/usr/local/apache2/htdocs/", true),
    ] {
        let moved = world.kubectl(["exec", "web", "-n", "default", "--", "mv", from, to], "");
        assert_eq!(moved.exit_code, 0, "{}", moved.stderr);
        world.wait(5);
        assert_eq!(restarts(&mut world, "web"), (Some(0), Some(ready)), "{to}");
    }
}

#[test]
fn a_policy_tells_which_of_its_expressions_do_not_fit() {
    let mut world = World::new();
    let at = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let kind = "apps/v1, Kind=Deployment: ERROR: <input>:1:";
    let cases: [(&str, Option<String>); 11] = [
        ("object.spec.replicas > 1", None),
        ("object.spec.template.spec.containers.all(c, c.image.startsWith('a') && has(c.resources))", None),
        ("variables.many && request.operation == 'CREATE' && oldObject == null", None),
        ("object.metadata.labels['app'] == 'web' && 'x' in object.metadata.labels", None),
        (
            "object.spec.replicas > '1'",
            Some(format!(
                "{kind}22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n"
            )),
        ),
        ("object.foo > 5", Some(format!("{kind}7: undefined field 'foo'\n | object.foo > 5\n | ......^\n"))),
        (
            "object.spec.replicas.size() > 0",
            Some(format!(
                "{kind}26: found no matching overload for 'size' applied to 'int.()'\n | object.spec.replicas.size() > 0\n | .........................^\n"
            )),
        ),
        (
            "!object.spec.replicas",
            Some(format!(
                "{kind}1: found no matching overload for '!_' applied to '(int)'\n | !object.spec.replicas\n | ^\n"
            )),
        ),
        (
            "object.spec.replicas.x == 1",
            Some(format!(
                "{kind}21: type 'int' does not support field selection\n | object.spec.replicas.x == 1\n | ....................^\n"
            )),
        ),
        (
            "variables.many + 1 > 2",
            Some(format!(
                "{kind}16: found no matching overload for '_+_' applied to '(bool, int)'\n | variables.many + 1 > 2\n | ...............^\n"
            )),
        ),
        (
            "object.spec.paused == 1",
            Some(format!(
                "{kind}20: found no matching overload for '_==_' applied to '(bool, int)'\n | object.spec.paused == 1\n | ...................^\n"
            )),
        ),
    ];
    for (number, (expression, wanted)) in cases.into_iter().enumerate() {
        let body = format!(
            r#"{{"metadata":{{"name":"p{number}"}},"spec":{{"matchConstraints":{{"resourceRules":[{{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["deployments"]}}]}},"variables":[{{"name":"many","expression":"object.spec.paused"}}],"validations":[{{"expression":{}}}]}}}}"#,
            Doc::from(expression).to_json()
        );
        let made = send(&mut world, "POST", at, "application/json", &body);
        assert_eq!(made.code, 201, "{expression}: {}", made.body);
        let status = get(&mut world, &format!("{at}/p{number}"))["status"].clone();
        assert_eq!(status["observedGeneration"].as_i64(), Some(1), "{status}");
        let told = &status["typeChecking"]["expressionWarnings"][0];
        let field = wanted.as_ref().map(|_| "spec.validations[0].expression");
        assert_eq!(
            (told["fieldRef"].as_str(), told["warning"].as_str()),
            (field, wanted.as_deref()),
            "{expression}"
        );
    }
}

#[test]
fn netexec_does_what_it_is_told() {
    let mut world = World::new();
    let pod = |name: &str, more: &str, args: &str| {
        format!(
            "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, labels: {{app: {name}}}}}\nspec:\n  {more}containers:\n  - \
             name: c\n    image: registry.k8s.io/e2e-test-images/agnhost:2.59\n    args: [{args}]\n"
        )
    };
    let service = "---\napiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec:\n  clusterIP: 10.96.0.77\n  type: NodePort\n  \
                   selector: {app: far}\n  ports:\n  - {name: h, port: 80, targetPort: 8083, nodePort: 30080}\n  - {name: u, port: 90, \
                   targetPort: 8081, protocol: UDP, nodePort: 30090}\n---\napiVersion: v1\nkind: Service\nmetadata: {name: \
                   none}\nspec: {clusterIP: 10.96.0.78, selector: {app: nobody}, ports: [{port: 80}]}\n";
    let text = [
        pod("far", "", "netexec, --http-port=8083, --udp-port=8081"),
        pod("near", "", "netexec, --http-port=9080"),
        pod("host", "hostNetwork: true\n  nodeName: node-1\n  ", "netexec, --http-port=8085"),
        pod("store", "", "pause").replace("registry.k8s.io/e2e-test-images/agnhost:2.59", "redis:7"),
        service.to_owned(),
    ];
    apply(&mut world, &text.concat());
    world.wait(30);
    let address = |world: &mut World, name: &str, of: &str| {
        get(world, &format!("/api/v1/namespaces/default/pods/{name}"))["status"][of].str().to_string()
    };
    let (far, near) = (address(&mut world, "far", "podIP"), address(&mut world, "near", "podIP"));
    let node = address(&mut world, "host", "hostIP");
    assert_eq!(address(&mut world, "host", "podIP"), node, "it has no address of its own");
    let store = address(&mut world, "store", "podIP");
    let dial = |what: &str| format!("curl -g -q -s 'http://{near}:9080/dial?{what}'");
    let said = |text: &str| format!(r#"{{"responses":["{text}"]}}"#);
    // Which pod runs what, and what that prints.
    let cases: Vec<(&str, String, String)> = vec![
        // Between pods, as the checks of the network have it.
        ("near", dial(&format!("request=hostname&protocol=http&host={far}&port=8083&tries=1")), said("far")),
        ("near", dial(&format!("request=hostname&protocol=udp&host={far}&port=8081&tries=1")), said("far")),
        ("near", dial("request=hostName&protocol=http&host=10.96.0.77&port=80&tries=1"), said("far")),
        ("near", dial("request=hostName&protocol=udp&host=10.96.0.77&port=90&tries=1"), said("far")),
        ("near", dial(&format!("request=hostname&protocol=udp&host={node}&port=30090&tries=1")), said("far")),
        ("near", dial(&format!("request=echo?msg=a-b&protocol=http&host={far}&port=8083&tries=1")), said("a-b")),
        ("near", dial(&format!("request=echo%20a-b&protocol=udp&host={far}&port=8081&tries=1")), said("a-b")),
        ("near", dial("request=hostname&host=s.default.svc&port=80&tries=3"), said("far\",\"far\",\"far")),
        (
            "near",
            dial("request=hostname&host=10.96.0.78&port=80"),
            r#"{"errors":["Get \"http://10.96.0.78:80/hostname\": dial tcp 10.96.0.78:80: connect: connection refused"]}"#.into(),
        ),
        (
            "near",
            dial(&format!("request=huh&protocol=udp&host={far}&port=8081")),
            format!("{{\"errors\":[\"reading from udp connection failed. err:'read udp {far}:8081: i/o timeout'\"]}}"),
        ),
        ("near", dial("host=10.96.0.77&port=80"), "request parameter not specified. <nil>\n".into()),
        ("near", dial("request=a&host=s&port=80&protocol=tcp"), "unsupported protocol. tcp\n".into()),
        (
            "near",
            dial("request=a&host=s&port=80&tries=x"),
            "tries parameter is invalid. strconv.Atoi: parsing \"x\": invalid syntax\n".into(),
        ),
        // From a node.
        ("host", format!("curl -g -q -s --max-time 15 --connect-timeout 1 http://{far}:8083/hostName | grep -v '^\\s*$'"), "far\n".into()),
        ("host", format!("echo hostName | nc -w 1 -u {far} 8081 | grep -v '^\\s*$'"), "far\n".into()),
        ("host", "echo hostName | nc -u 10.96.0.77 90 -w 1".into(), "far".into()),
        ("near", format!("echo clientip | nc -w 1 -u {far} 8081 | cut -d: -f1"), format!("{near}\n")),
        ("host", format!("echo what | nc -w 1 -u {far} 8081; echo $?"), "0\n".into()),
        // Each port speaks its own protocol.
        ("host", format!("curl -s {far}:8081; echo $?"), "7\n".into()),
        ("host", format!("echo hostname | nc -w 1 -u {far} 8083; echo $?"), "1\n".into()),
        ("host", format!("nc -z {far} 8083; echo $?"), "0\n".into()),
        // Nobody there speaks HTTP: the connection is closed without a word, and a connection is all that others want.
        ("near", format!("curl {store}:6379 2>&1; echo $?"), "curl: (52) Empty reply from server\n52\n".into()),
        ("near", format!("wget -qO- {store}:6379 2>&1; echo $?"), "wget: error getting response\n1\n".into()),
        ("near", format!("nc -z {store} 6379; echo $?"), "0\n".into()),
        (
            "near",
            dial(&format!("request=a&host={store}&port=6379")),
            format!("{{\"errors\":[\"Get \\\"http://{store}:6379/a\\\": EOF\"]}}"),
        ),
        // In the network of its node a pod is that node, for who hears from it and for who asks it.
        ("host", format!("curl -s {far}:8083/clientip | cut -d: -f1"), format!("{node}\n")),
        ("near", format!("curl -s {node}:8085/hostname"), "node-1".into()),
        ("host", "curl -s localhost:8085/clientip | cut -d: -f1".into(), format!("{node}\n")),
        ("host", "hostname; head -1 /etc/hosts".into(), "node-1\n# Kubernetes-managed hosts file (host network).\n".into()),
        ("near", format!("curl -s {node}:8086; echo $?"), "7\n".into()),
        ("host", format!("printf 'GET /hostname HTTP/1.0\\r\\n\\r\\n' | nc {far} 8083 | tail -n 1"), "far".into()),
        // Commands.
        ("near", format!("curl -s '{far}:8083/shell?cmd=echo+one;+echo+two+>%262'"), r#"{"output":"one\ntwo\n"}"#.into()),
        ("near", format!("curl -s '{far}:8083/shell?shellCommand=sleep+2;exit+3'"), r#"{"error":"exit status 3"}"#.into()),
        ("near", format!("curl -s {far}:8083/ | cut -d: -f1"), "NOW\n".into()),
        ("near", format!("curl -s -d msg=sent {far}:8083/echo"), "sent".into()),
    ];
    for (pod, script, printed) in cases {
        let ran = world.kubectl(["exec", pod, "-n", "default", "--", "/bin/sh", "-c", &script], "");
        assert_eq!(ran.stdout, printed, "{pod}: {script}: {}", ran.stderr);
    }
}

#[test]
fn what_is_made_once_stays() {
    let mut world = World::new();
    let claim = r#"{"devices":{"requests":[{"name":"r","exactly":{"deviceClassName":"d"}}]}}"#;
    let other = claim.replace(r#""d""#, r#""e""#);
    // Path, the object without its name, a change, and what is said of it.
    let cases = [
        (
            "/apis/networking.k8s.io/v1/servicecidrs",
            r#""spec":{"cidrs":["10.150.0.0/24"]}"#.to_owned(),
            r#"{"spec":{"cidrs":["10.151.0.0/24"]}}"#.to_owned(),
            r#"spec.cidrs[0]: Invalid value: "10.151.0.0/24": field is immutable"#,
        ),
        (
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
            format!(r#""spec":{claim}"#),
            format!(r#"{{"spec":{other}}}"#),
            "spec: Invalid value: {",
        ),
        (
            "/apis/resource.k8s.io/v1/namespaces/default/resourceclaimtemplates",
            format!(r#""spec":{{"spec":{claim}}}"#),
            format!(r#"{{"spec":{{"spec":{other}}}}}"#),
            "spec: Invalid value: {",
        ),
        (
            "/apis/storage.k8s.io/v1/volumeattachments",
            r#""spec":{"attacher":"e.com","nodeName":"n","source":{"persistentVolumeName":"v"}}"#.to_owned(),
            r#"{"spec":{"nodeName":"m"}}"#.to_owned(),
            "spec: Invalid value: {",
        ),
        (
            "/apis/storage.k8s.io/v1/volumeattributesclasses",
            r#""driverName":"e.com/d","parameters":{"a":"b"}"#.to_owned(),
            r#"{"parameters":{"a":"c"}}"#.to_owned(),
            "parameters: Forbidden: updates to parameters are forbidden.",
        ),
        (
            "/apis/storage.k8s.io/v1/csidrivers",
            r#""spec":{"attachRequired":true}"#.to_owned(),
            r#"{"spec":{"attachRequired":false}}"#.to_owned(),
            "spec.attachRequired: Invalid value: false: field is immutable",
        ),
    ];
    for (path, body, change, why) in cases {
        let body = format!(r#"{{"metadata":{{"name":"x"}},{body}}}"#);
        assert_eq!(send(&mut world, "POST", path, "", &body).code, 201, "{path}");
        let one = format!("{path}/x");
        let said = send(&mut world, "PATCH", &one, "application/merge-patch+json", &change);
        assert!(said.code == 422 && said.body["message"].str().contains(why), "{path}: {}", said.body);
        let label = r#"{"metadata":{"labels":{"a":"b"}}}"#;
        assert_eq!(
            send(&mut world, "PATCH", &one, "application/merge-patch+json", label).code,
            200,
            "{path}"
        );
    }
    // A range of the other family may join; what is asked of a certificate's signer just stays.
    let path = "/apis/networking.k8s.io/v1/servicecidrs/x";
    let both = r#"{"spec":{"cidrs":["10.150.0.0/24","fd00:150::/112"]}}"#;
    assert_eq!(send(&mut world, "PATCH", path, "application/merge-patch+json", both).code, 200);
}

#[test]
fn conditions_that_others_set_stay() {
    let mut world = World::new();
    let template = r#""selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"nginx"}]}}"#;
    for kind in ["deployments", "replicasets", "statefulsets", "daemonsets"] {
        let path = format!("/apis/apps/v1/namespaces/default/{kind}");
        let body = format!(r#"{{"metadata":{{"name":"x"}},"spec":{{{template}}}}}"#);
        assert_eq!(send(&mut world, "POST", &path, "", &body).code, 201, "{kind}");
        world.wait(30);
        let one = format!("{path}/x");
        let patch = r#"{"status":{"conditions":[{"type":"Mine","status":"True"}]}}"#;
        let media = "application/strategic-merge-patch+json";
        assert_eq!(send(&mut world, "PATCH", &format!("{one}/status"), media, patch).code, 200, "{kind}");
        world.wait(30);
        let status = get(&mut world, &one)["status"].clone();
        let mine = status["conditions"].items().iter().any(|one| one["type"].as_str() == Some("Mine"));
        assert!(mine, "{kind}: {status}");
        send(&mut world, "DELETE", &one, "", "");
        world.wait(30);
    }
}

#[test]
fn policies_that_cannot_be_compiled_are_refused() {
    let mut world = World::new();
    let at = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies";
    let policy = |validation: &str, variable: &str| {
        let (validation, variable) = (Doc::from(validation).to_json(), Doc::from(variable).to_json());
        format!(
            r#"{{"metadata":{{"name":"p"}},"spec":{{"matchConstraints":{{"resourceRules":[{{"apiGroups":["apps"],"apiVersions":["v1"],"operations":["CREATE"],"resources":["deployments"]}}]}},"variables":[{{"name":"many","expression":{variable}}}],"validations":[{{"expression":{validation}}}]}}}}"#
        )
    };
    for (validation, variable, why) in [
        (
            "object.spec.replicas",
            "1",
            "spec.validations[0].expression: Invalid value: \"object.spec.replicas\": must evaluate to bool",
        ),
        (
            "1 + 'a' == 2",
            "1",
            "compilation failed: ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'",
        ),
        ("variables.many == 'a'", "1", "found no matching overload for '_==_' applied to '(int, string)'"),
        ("variables.few > 1", "1", "undefined field 'few'"),
        ("request.nothing == ''", "1", "undefined field 'nothing'"),
        ("nothing(object)", "1", "undeclared reference to 'nothing' (in container '')"),
        ("true", "1 + true", "spec.variables[0].expression: Invalid value: \"1 + true\": compilation failed"),
    ] {
        let said = send(&mut world, "POST", at, "application/json", &policy(validation, variable));
        assert!(said.code == 422 && said.body["message"].str().contains(why), "{validation}: {}", said.body);
    }
    let good = policy("object.nothing.whatever > variables.many && request.operation != ''", "1");
    assert_eq!(send(&mut world, "POST", at, "application/json", &good).code, 201);
}
