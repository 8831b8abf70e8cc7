//! Who owns which field: `kubectl apply --server-side`, conflicts, and what becomes of fields nobody wants any more; how
//! lists merge.

use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

use crate::support::world::{NAMESPACE, World};

/// A Deployment with these lines in its spec.
fn deployment(lines: &str, image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: d}}\nspec:\n{lines}  selector: {{matchLabels: {{app: d}}}}\n  \
         template:\n    metadata: {{labels: {{app: d}}}}\n    spec: {{containers: [{{name: c, image: {image}}}]}}\n"
    )
}

struct Play(World);

impl Play {
    fn kubectl(&mut self, line: &str, stdin: &str) -> (u8, String) {
        let words = ["-n", NAMESPACE].into_iter().chain(line.split(' '));
        let output = self.0.kubectl(words, stdin);
        (output.exit_code, format!("{}{}", output.stdout, output.stderr))
    }

    fn apply(&mut self, flags: &str, yaml: &str) -> (u8, String) {
        self.kubectl(&format!("apply --server-side {flags} -f -").replace("  ", " "), yaml)
    }

    fn object(&mut self, what: &str) -> Value {
        let (code, text) = self.kubectl(&format!("get {what} -o json --show-managed-fields"), "");
        assert_eq!(code, 0, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// Manager, operation and part of each owner of what was asked for, and whether it owns `spec.replicas`.
    fn owners(&mut self, what: &str) -> Vec<(String, String, bool)> {
        let object = self.object(what);
        let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
        let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or("").to_owned();
        entries
            .iter()
            .filter(|entry| text(entry, "manager") != "kube-controller-manager")
            .map(|entry| {
                let owns = !entry["fieldsV1"]["f:spec"]["f:replicas"].is_null();
                (text(entry, "manager"), text(entry, "operation"), owns)
            })
            .collect()
    }
}

fn owner(manager: &str, operation: &str, replicas: bool) -> (String, String, bool) {
    (manager.to_owned(), operation.to_owned(), replicas)
}

#[test]
fn what_is_applied_is_owned_and_what_is_no_longer_said_goes() {
    let mut play = Play(World::new());
    let (code, said) = play.apply("", &deployment("  minReadySeconds: 5\n  replicas: 2\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert_eq!(play.owners("deploy d"), [owner("kubectl", "Apply", true)]);
    let (code, said) = play.apply("", &deployment("  replicas: 2\n", "nginx:2"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    let object = play.object("deploy d");
    assert!(object["spec"]["minReadySeconds"].is_null(), "nobody says it any more");
    assert_eq!(object["spec"]["replicas"], 2);
    assert_eq!(object["spec"]["template"]["spec"]["containers"][0]["image"], "nginx:2");
    // Applying the same again changes nothing.
    play.0.wait(10);
    let revision = play.object("deploy d")["metadata"]["resourceVersion"].clone();
    play.apply("", &deployment("  replicas: 2\n", "nginx:2"));
    assert_eq!(play.object("deploy d")["metadata"]["resourceVersion"], revision);
}

#[test]
fn another_owner_s_value_is_changed_only_by_force() {
    let mut play = Play(World::new());
    play.apply("", &deployment("  replicas: 2\n", "nginx"));
    let (code, said) = play.kubectl("scale deploy/d --replicas=5", "");
    assert_eq!(code, 0, "{said}");
    let (code, said) = play.apply("", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!(code, 1);
    let first = said.lines().next().expect("a line");
    let expected = "error: Apply failed with 1 conflict: conflict with \"kubectl\" with subresource \"scale\" using apps/v1: \
                    .spec.replicas";
    assert_eq!(first, expected);
    assert!(said.contains("* You may co-own fields by updating your manifest"), "{said}");
    assert_eq!(play.object("deploy d")["spec"]["replicas"], 5);
    let (code, said) = play.apply("--force-conflicts", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert_eq!(play.owners("deploy d"), [owner("kubectl", "Apply", true)]);
    // Two who want the same share it; who leaves it out gives it up without taking it away.
    let (code, said) = play.apply("--field-manager=other", &deployment("  replicas: 3\n", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    play.apply("", &deployment("", "nginx"));
    let owners = play.owners("deploy d");
    assert_eq!(owners, [owner("kubectl", "Apply", false), owner("other", "Apply", true)]);
    assert_eq!(play.object("deploy d")["spec"]["replicas"], 3);
    let several = "error: Apply failed with 2 conflicts: conflicts with \"kubectl\":\n\
                   - .spec.template.spec.containers[name=\"c\"].image\n\
                   conflicts with \"other\":\n- .spec.template.spec.containers[name=\"c\"].image\n";
    let (_, said) = play.apply("--field-manager=third", &deployment("", "other"));
    assert!(said.starts_with(several), "{said}");
}

#[test]
fn client_side_applies_are_taken_over() {
    let mut play = Play(World::new());
    play.kubectl("apply -f -", &deployment("  minReadySeconds: 5\n", "nginx"));
    assert_eq!(play.owners("deploy d")[0].0, "kubectl-client-side-apply");
    let (code, said) = play.apply("", &deployment("", "nginx"));
    assert_eq!((code, said.as_str()), (0, "deployment.apps/d serverside-applied\n"));
    assert!(play.owners("deploy d").iter().all(|(manager, ..)| manager == "kubectl"));
    assert!(
        play.object("deploy d")["spec"]["minReadySeconds"].is_null(),
        "it was the client's, who says it no longer"
    );
}

#[test]
fn what_does_not_fit_the_schema_is_refused_with_its_place() {
    let mut play = Play(World::new());
    let (code, said) = play.apply("", &deployment("  bogus: 1\n", "nginx"));
    assert_eq!(code, 1);
    let expected = "Error from server: failed to create typed patch object (s11-errors/d; apps/v1, Kind=Deployment): \
                    .spec.bogus: field not declared in schema\n";
    assert_eq!(said, expected);
}

/// A request of somebody's own, not kubectl's.
fn send(world: &mut World, method: &str, path: &str, media: &str, body: &str) -> (u32, Value) {
    let response = world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: media.into(),
        body: body.into(),
        ..HttpRequest::default()
    });
    (response.code, serde_json::from_str(&response.body.to_json()).expect("JSON"))
}

const APPLY: &str = "application/apply-patch+yaml";

#[test]
fn what_is_applied_says_what_it_is() {
    let mut world = World::new();
    let path = "/api/v1/namespaces/default/configmaps/a?fieldManager=m";
    for (body, why) in [
        ("{}", "invalid object type: /, Kind="),
        ("", "invalid object type: /, Kind="),
        ("apiVersion: v1", "invalid object type: /v1, Kind="),
        ("{kind: ConfigMap}", "invalid object type: /, Kind=ConfigMap"),
        ("{apiVersion: v1, kind: Secret}", "invalid object type: /v1, Kind=Secret"),
        ("{apiVersion: apps/v1, kind: Deployment}", "invalid object type: apps/v1, Kind=Deployment"),
        (
            "[]",
            "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
        ),
    ] {
        let (code, said) = send(&mut world, "PATCH", path, APPLY, body);
        assert_eq!((code, said["message"].as_str()), (400, Some(why)), "{body}");
    }
    assert_eq!(send(&mut world, "PATCH", path, APPLY, "{apiVersion: v1, kind: ConfigMap}").0, 201);
}

#[test]
fn a_list_of_one_empty_entry_gives_all_fields_away() {
    let mut world = World::new();
    let all = "/api/v1/namespaces/default/configmaps";
    let map = r#"{"metadata":{"name":"a"},"data":{"a":"1"}}"#;
    let (_, made) = send(&mut world, "POST", &format!("{all}?fieldManager=m"), "", map);
    assert_eq!(made["metadata"]["managedFields"][0]["manager"], "m");
    let patch = r#"{"metadata":{"managedFields":[{}]}}"#;
    let (code, said) = send(&mut world, "PATCH", &format!("{all}/a"), "application/merge-patch+json", patch);
    assert!(code == 200 && said["metadata"].get("managedFields").is_none(), "{said}");
    let patch = r#"{"metadata":{"managedFields":[{}]},"data":{"b":"2"}}"#;
    let path = format!("{all}/a?fieldManager=other");
    let (_, said) = send(&mut world, "PATCH", &path, "application/merge-patch+json", patch);
    assert_eq!(said["metadata"]["managedFields"][0]["fieldsV1"], serde_json::json!({"f:data": {"f:b": {}}}));
}

#[test]
fn a_scale_is_applied_as_any_object() {
    let mut play = Play(World::new());
    play.apply("", &deployment("", "nginx"));
    let path = |more: &str| {
        format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/d/scale?fieldManager=scaler{more}")
    };
    let scale = |replicas: u32| {
        format!(
            "{{apiVersion: autoscaling/v1, kind: Scale, metadata: {{name: d}}, spec: {{replicas: {replicas}}}}}"
        )
    };
    play.apply("--field-manager=first", &deployment("  replicas: 2\n", "nginx"));
    let (code, said) = send(&mut play.0, "PATCH", &path(""), APPLY, &scale(3));
    assert!(
        code == 409 && said["message"].as_str().unwrap_or("").contains("conflict with \"first\""),
        "{said}"
    );
    let (code, said) = send(&mut play.0, "PATCH", &path("&force=true"), APPLY, &scale(3));
    assert_eq!((code, &said["kind"], &said["spec"]["replicas"]), (200, &"Scale".into(), &3.into()), "{said}");
    let object = play.object("deploy d");
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let own = entries.iter().find(|entry| entry["manager"] == "scaler").expect("an owner");
    assert_eq!((&own["operation"], &own["subresource"]), (&"Apply".into(), &"scale".into()));
    assert_eq!(own["fieldsV1"], serde_json::json!({"f:spec": {"f:replicas": {}}}));
    let (code, _) = send(&mut play.0, "PATCH", &path(""), APPLY, "{apiVersion: apps/v1, kind: Deployment}");
    assert_eq!(code, 400);
}

#[test]
fn events_are_applied_by_the_rules_of_their_group() {
    let mut world = World::new();
    let path = |name: &str, by: &str| {
        format!("/apis/events.k8s.io/v1/namespaces/default/events/{name}?fieldManager={by}")
    };
    let event = |name: &str, more: Value| {
        let mut event =
            json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name}});
        event.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
        event
    };
    let mut apply = |name: &str, by: &str, more: Value| {
        let body = event(name, more).to_string();
        let response = world.request(HttpRequest {
            method: "PATCH".into(),
            path: path(name, by).into(),
            content_type: "application/apply-patch+yaml".into(),
            body: body.into(),
            ..HttpRequest::default()
        });
        (response.code, serde_json::from_str::<Value>(&response.body.to_json()).expect("JSON"))
    };
    let whole = json!({
        "eventTime": "2026-01-01T00:00:00.000000Z", "reason": "Tested", "note": "hello", "action": "Test", "type": "Normal",
        "reportingController": "test", "reportingInstance": "t-0", "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}
    });
    let (code, said) = apply("e", "one", whole);
    let entry = &said["metadata"]["managedFields"][0];
    assert_eq!((code, &entry["apiVersion"]), (201, &json!("events.k8s.io/v1")), "{said}");
    let owned: Vec<&str> =
        entry["fieldsV1"].as_object().expect("fields").keys().map(String::as_str).collect();
    let names =
        "f:action f:eventTime f:note f:reason f:regarding f:reportingController f:reportingInstance f:type";
    assert_eq!(owned.join(" "), names);
    let (code, said) = apply("e", "two", json!({"note": "other"}));
    let why = "Apply failed with 1 conflict: conflict with \"one\": .note";
    assert_eq!((code, said["message"].as_str()), (409, Some(why)), "{said}");
    // What is new must be whole, and only a series goes on.
    let (code, said) = apply("f", "one", json!({"note": "hello"}));
    assert!(
        code == 422 && said["message"].as_str().is_some_and(|why| why.contains("eventTime: Required value")),
        "{said}"
    );
    let series = json!({"series": {"count": 2, "lastObservedTime": "2026-01-01T00:00:01.000000Z"}});
    assert_eq!(apply("e", "two", series).0, 200);
}

/// What is owned as a whole conflicts as a whole, and lists by the keys of their type.
#[test]
fn each_kind_s_fields_are_owned_as_its_type_says() {
    let meta = |api: &str, kind: &str| {
        format!("{{apiVersion: {api}, kind: {kind}, metadata: {{name: a, namespace: {NAMESPACE}}}, ")
    };
    let policy = meta("networking.k8s.io/v1", "NetworkPolicy");
    let account = meta("v1", "ServiceAccount");
    let ingress = meta("networking.k8s.io/v1", "Ingress");
    let quota = meta("v1", "ResourceQuota");
    let scaler = meta("autoscaling/v2", "HorizontalPodAutoscaler");
    let slice = meta("discovery.k8s.io/v1", "EndpointSlice");
    let hooks = "{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: a}, ";
    let hook = |name: &str| {
        format!(
            "webhooks: [{{name: {name}.x.io, sideEffects: None, failurePolicy: Ignore, admissionReviewVersions: [v1], \
             clientConfig: {{url: 'https://x.io'}}}}]}}"
        )
    };
    let port = |number: u32| {
        format!("spec: {{defaultBackend: {{service: {{name: s, port: {{number: {number}}}}}}}}}}}")
    };
    // What one applies, what another does, and over which field they fall out.
    for (kind, first, second, conflict) in [
        (
            policy.as_str(),
            "spec: {podSelector: {matchLabels: {a: b}}}}",
            "spec: {podSelector: {matchLabels: {c: d}}}}",
            ".spec.podSelector",
        ),
        (&account, "imagePullSecrets: [{name: a}]}", "imagePullSecrets: [{name: b}]}", ".imagePullSecrets"),
        (&account, "secrets: [{name: a}]}", "secrets: [{name: b}]}", ""),
        (&ingress, &port(80), &port(81), ".spec.defaultBackend.service.port"),
        (
            &quota,
            "spec: {hard: {pods: 1}, scopeSelector: {matchExpressions: [{scopeName: BestEffort, operator: Exists}]}}}",
            "spec: {scopeSelector: {matchExpressions: [{scopeName: NotBestEffort, operator: Exists}]}}}",
            ".spec.scopeSelector",
        ),
        (
            &scaler,
            "spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: a}}}",
            "spec: {maxReplicas: 2, scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: b}}}",
            ".spec.scaleTargetRef.name",
        ),
        (
            &slice,
            "addressType: IPv4, endpoints: [], ports: [{port: 80}]}",
            "addressType: IPv4, endpoints: [], ports: [{port: 81}]}",
            ".ports",
        ),
        (hooks, &hook("a"), &hook("b"), ""),
    ] {
        let mut play = Play(World::new());
        let (code, said) = play.apply("--field-manager=one", &format!("{kind}{first}"));
        assert_eq!(code, 0, "{kind}{first}: {said}");
        let (code, said) = play.apply("--field-manager=two", &format!("{kind}{second}"));
        if conflict.is_empty() {
            assert_eq!(code, 0, "{kind}{second}: {said}");
            continue;
        }
        let expected = format!("error: Apply failed with 1 conflict: conflict with \"one\": {conflict}\n");
        assert!(code == 1 && said.starts_with(&expected), "{kind}{second}: {said}");
    }
}

#[test]
fn a_job_s_conditions_are_one_whole() {
    let mut play = Play(World::new());
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {suspend: true, template: {spec: \
               {restartPolicy: Never, containers: [{name: c, image: busybox}]}}}}";
    assert_eq!(play.kubectl("create -f -", job).0, 0);
    play.0.wait(2);
    let object = play.object("job j");
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    let status = entries.iter().find(|entry| entry["subresource"] == "status").expect("the controller's");
    assert_eq!(status["fieldsV1"]["f:status"]["f:conditions"], json!({}), "{status}");
}

#[test]
fn lists_merge_as_their_types_say() {
    let mut world = World::new();
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {name: e}\naddressType: IPv4\nendpoints: []\n\
                 ports: [{name: a, port: 1}, {name: b, port: 2}]\n---\napiVersion: v1\nkind: ServiceAccount\nmetadata: {name: s}\n\
                 secrets: [{name: one}]\nimagePullSecrets: [{name: one}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\
                 spec: {schedulingGates: [{name: a.b/one}, {name: a.b/two}], containers: [{name: c, image: nginx}]}\n---\n\
                 apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {name: h}\n\
                 webhooks: [{name: one.x.io, sideEffects: None, failurePolicy: Ignore, admissionReviewVersions: [v1], \
                 clientConfig: {url: 'https://x.io'}}]\n";
    let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], slice);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
    let hook = r#"{"webhooks":[{"name":"two.x.io","sideEffects":"None","failurePolicy":"Ignore","admissionReviewVersions":["v1"],"clientConfig":{"url":"https://x.io"}}]}"#;
    // Where, what, and what is there then.
    for (path, patch, field, then) in [
        (
            "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/e",
            r#"{"ports":[{"name":"c","port":3}]}"#,
            "/ports",
            "c",
        ),
        (
            "/api/v1/namespaces/default/serviceaccounts/s",
            r#"{"secrets":[{"name":"two"}]}"#,
            "/secrets",
            "two one",
        ),
        (
            "/api/v1/namespaces/default/serviceaccounts/s",
            r#"{"imagePullSecrets":[{"name":"two"}]}"#,
            "/imagePullSecrets",
            "two",
        ),
        (
            "/api/v1/namespaces/default/pods/p",
            r#"{"spec":{"schedulingGates":[{"name":"a.b/two"}]}}"#,
            "/spec/schedulingGates",
            "a.b/one a.b/two",
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/h",
            hook,
            "/webhooks",
            "two.x.io one.x.io",
        ),
    ] {
        let (code, patched) =
            send(&mut world, "PATCH", path, "application/strategic-merge-patch+json", patch);
        assert_eq!(code, 200, "{patched}");
        let list = patched.pointer(field).and_then(Value::as_array).expect("a list");
        let names: Vec<&str> = list.iter().map(|one| one["name"].as_str().expect("a name")).collect();
        assert_eq!(names.join(" "), then, "{path}");
    }
}
