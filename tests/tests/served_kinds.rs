//! Kinds that are served beside the workloads: what discovery says of them, their columns, defaults and refusals;
//! ReplicationControllers at work; policies that say what may be written.

use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

use crate::support::world::World;

pub fn kubectl(world: &mut World, line: &str, stdin: &str) -> (u8, String, String) {
    let output = world.kubectl(line.split(' '), stdin);
    (output.exit_code, output.stdout, output.stderr)
}

pub fn send(world: &mut World, method: &str, path: &str, body: &Value) -> (u32, Value) {
    let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
    let response = world.request(HttpRequest {
        method: method.into(),
        path: path.into(),
        content_type: content_type.into(),
        body: if body.is_null() { "".into() } else { body.to_string().into() },
        ..HttpRequest::default()
    });
    (response.code, serde_json::from_str(&response.body.to_json()).expect("JSON"))
}

#[test]
fn discovery_says_what_a_real_server_says() {
    let mut world = World::new();
    let (_, versions, _) = kubectl(&mut world, "api-versions", "");
    let expected = "admissionregistration.k8s.io/v1 apiextensions.k8s.io/v1 apiregistration.k8s.io/v1 apps/v1 \
                    authentication.k8s.io/v1 authorization.k8s.io/v1 autoscaling/v1 autoscaling/v2 batch/v1 \
                    certificates.k8s.io/v1 coordination.k8s.io/v1 discovery.k8s.io/v1 events.k8s.io/v1 \
                    flowcontrol.apiserver.k8s.io/v1 networking.k8s.io/v1 node.k8s.io/v1 policy/v1 \
                    rbac.authorization.k8s.io/v1 resource.k8s.io/v1 scheduling.k8s.io/v1 storage.k8s.io/v1 v1";
    assert_eq!(versions.lines().collect::<Vec<_>>().join(" "), expected);
    let (_, resources, _) = kubectl(&mut world, "api-resources --no-headers", "");
    let rows: Vec<Vec<&str>> = resources.lines().map(|line| line.split_whitespace().collect()).collect();
    let expected = [
        "replicationcontrollers rc v1 true ReplicationController",
        "bindings v1 true Binding",
        "podtemplates v1 true PodTemplate",
        "componentstatuses cs v1 false ComponentStatus",
        "events ev v1 true Event",
        "events ev events.k8s.io/v1 true Event",
        "horizontalpodautoscalers hpa autoscaling/v2 true HorizontalPodAutoscaler",
        "certificatesigningrequests csr certificates.k8s.io/v1 false CertificateSigningRequest",
        "flowschemas flowcontrol.apiserver.k8s.io/v1 false FlowSchema",
        "prioritylevelconfigurations flowcontrol.apiserver.k8s.io/v1 false PriorityLevelConfiguration",
        "validatingadmissionpolicies admissionregistration.k8s.io/v1 false ValidatingAdmissionPolicy",
        "mutatingwebhookconfigurations admissionregistration.k8s.io/v1 false MutatingWebhookConfiguration",
        "ipaddresses ip networking.k8s.io/v1 false IPAddress",
        "servicecidrs networking.k8s.io/v1 false ServiceCIDR",
        "resourceclaims resource.k8s.io/v1 true ResourceClaim",
        "csistoragecapacities storage.k8s.io/v1 true CSIStorageCapacity",
        "volumeattributesclasses vac storage.k8s.io/v1 false VolumeAttributesClass",
    ];
    for row in expected {
        assert!(rows.contains(&row.split(' ').collect()), "{row}\n{resources}");
    }
}

#[test]
fn plain_kinds_are_kept_with_defaults_columns_and_refusals() {
    let mut world = World::new();
    let (_, levels, _) = kubectl(&mut world, "get prioritylevelconfigurations --no-headers", "");
    assert_eq!(levels.lines().count(), 8, "{levels}");
    let (_, schemas, _) = kubectl(&mut world, "get flowschemas", "");
    let rows: Vec<String> =
        schemas.lines().take(3).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(rows[0], "NAME PRIORITYLEVEL MATCHINGPRECEDENCE DISTINGUISHERMETHOD AGE MISSINGPL");
    // The order is that in which they are asked.
    assert!(
        rows[1].starts_with("exempt exempt 1 <none>") && rows[2].starts_with("probes exempt 2 <none>"),
        "{rows:?}"
    );
    let base = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
    let hook = |name: &str| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "w"},
            "webhooks": [{"name": name, "sideEffects": "None", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://x"}}]
        })
    };
    let (code, said) = send(&mut world, "POST", base, &hook("short"));
    assert_eq!(code, 422);
    assert_eq!(
        said["message"],
        "ValidatingWebhookConfiguration.admissionregistration.k8s.io \"w\" is invalid: webhooks[0].name: Invalid value: \
         \"short\": should be a domain with at least three segments separated by dots"
    );
    let (code, said) = send(&mut world, "POST", base, &hook("a.b.c"));
    assert_eq!((code, &said["webhooks"][0]["timeoutSeconds"]), (201, &json!(10)), "{said}");
    let yaml = "apiVersion: storage.k8s.io/v1\nkind: CSIDriver\nmetadata: {name: d.example.com}\nspec: {}\n";
    assert_eq!(kubectl(&mut world, "create -f -", yaml).0, 0);
    let (_, driver, _) = kubectl(&mut world, "get csidriver d.example.com --no-headers", "");
    let cells: Vec<&str> = driver.split_whitespace().take(7).collect();
    assert_eq!(cells, ["d.example.com", "true", "false", "false", "<unset>", "false", "Persistent"]);
    let base = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    let csr = json!({
        "apiVersion": "certificates.k8s.io/v1", "kind": "CertificateSigningRequest", "metadata": {"name": "ann"},
        "spec": {"request": "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K", "signerName": "kubernetes.io/kube-apiserver-client", "usages": ["client auth"]}
    });
    let (code, mut said) = send(&mut world, "POST", base, &csr);
    assert_eq!((code, said["spec"]["username"].is_string()), (201, true), "{said}");
    // It is approved at a path of its own, and nowhere else.
    said["status"] = json!({"conditions": [{"type": "Denied", "status": "True", "reason": "KubectlDeny"}]});
    let (_, kept) = send(&mut world, "PUT", &format!("{base}/ann"), &said);
    assert!(kept["status"]["conditions"].is_null(), "{kept}");
    said["metadata"]["resourceVersion"] = kept["metadata"]["resourceVersion"].clone();
    assert_eq!(send(&mut world, "PUT", &format!("{base}/ann/approval"), &said).0, 200);
    let (_, row, _) = kubectl(&mut world, "get csr --no-headers", "");
    assert!(row.trim_end().ends_with("Denied"), "{row}");
    let (_, _, why) = kubectl(&mut world, "certificate approve ann", "");
    assert_eq!(why, "error: certificate signing request \"ann\" is already Denied\n");
    said["metadata"]["resourceVersion"] = Value::Null;
    let denied = said["status"]["conditions"][0].clone();
    let approved = json!({"type": "Approved", "status": "True", "reason": "KubectlApprove"});
    said["status"] = json!({"conditions": [denied, approved]});
    let (code, why) = send(&mut world, "PUT", &format!("{base}/ann/approval"), &said);
    assert_eq!(code, 422, "{why}");
    let why = why["message"].as_str().expect("it says why").to_owned();
    assert!(why.contains("Approved and Denied conditions are mutually exclusive"), "{why}");
    // What nobody knows is refused, with its place.
    let (code, _, why) = kubectl(&mut world, "create -f -", &yaml.replace("spec: {}", "spec: {bogus: 1}"));
    assert!(code == 1 && why.contains("unknown field \"spec.bogus\""), "{why}");
}

#[test]
fn events_are_served_in_both_groups() {
    let mut world = World::new();
    let all = "/apis/events.k8s.io/v1/namespaces/default/events";
    let event = json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": "e"}, "eventTime": "2026-01-01T00:00:00.000000Z",
        "reason": "Tested", "note": "hello", "action": "Test", "type": "Normal", "reportingController": "test", "reportingInstance": "t-0",
        "regarding": {"kind": "Pod", "namespace": "default", "name": "p"}
    });
    let (code, said) = send(&mut world, "POST", all, &event);
    assert_eq!(
        (code, &said["note"], &said["apiVersion"]),
        (201, &json!("hello"), &json!("events.k8s.io/v1")),
        "{said}"
    );
    let (_, core) = send(&mut world, "GET", "/api/v1/namespaces/default/events/e", &Value::Null);
    assert_eq!((&core["message"], &core["involvedObject"]["name"]), (&json!("hello"), &json!("p")));
    let (_, list) = send(&mut world, "GET", all, &Value::Null);
    assert_eq!((&list["kind"], &list["apiVersion"]), (&json!("EventList"), &json!("events.k8s.io/v1")));
    let items = list["items"].as_array().expect("a list");
    assert!(items.iter().any(|item| item["regarding"]["name"] == "p" && item["message"].is_null()), "{list}");
}

const CONTROLLER: &str = "apiVersion: v1\nkind: ReplicationController\nmetadata: {name: web}\nspec:\n  replicas: 3\n  template:\n    \
                          metadata: {labels: {app: web}}\n    spec: {containers: [{name: c, image: nginx}]}\n";

#[test]
fn a_replication_controller_keeps_its_pods() {
    let mut world = World::new();
    assert_eq!(kubectl(&mut world, "apply -f -", CONTROLLER).1, "replicationcontroller/web created\n");
    world.wait(10);
    let row = |world: &mut World| {
        let (_, said, _) = kubectl(world, "get rc web -o wide --no-headers", "");
        said.split_whitespace().filter(|cell| !cell.ends_with('s')).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row(&mut world), "web 3 3 3 c nginx app=web");
    assert_eq!(kubectl(&mut world, "scale rc web --replicas=1", "").1, "replicationcontroller/web scaled\n");
    world.wait(40);
    assert_eq!(row(&mut world), "web 1 1 1 c nginx app=web");
    let (_, described, _) = kubectl(&mut world, "describe rc web", "");
    for line in [
        "Replicas:     1 current / 1 desired",
        "SuccessfulCreate",
        "SuccessfulDelete",
        "replication-controller",
    ] {
        assert!(described.contains(line), "{line}: {described}");
    }
    // Its pods go with it, and are left where that is asked for.
    assert_eq!(kubectl(&mut world, "delete rc web --cascade=orphan", "").0, 0);
    world.wait(5);
    assert_eq!(kubectl(&mut world, "get pods --no-headers", "").1.lines().count(), 1);
    let bad = CONTROLLER.replace("  template:", "  selector: {app: other}\n  template:");
    let (code, _, why) = kubectl(&mut world, "apply -f -", &bad);
    assert!(
        code == 1 && why.contains("spec.template.metadata.labels: Invalid value: {\"app\":\"web\"}: `selector` does not match template `labels`"),
        "{why}"
    );
}

const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: few}
spec:
  matchConstraints:
    resourceRules:
    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}
  variables: [{name: most, expression: "has(params.data.most) ? int(params.data.most) : 5"}]
  paramKind: {apiVersion: v1, kind: ConfigMap}
  validations:
  - expression: object.spec.replicas <= variables.most
  - expression: "!('frozen' in object.metadata.labels) || request.operation == 'CREATE'"
    messageExpression: "'frozen: ' + object.metadata.name"
    reason: Forbidden
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: here}
spec:
  policyName: few
  validationActions: [Deny]
  paramRef: {name: limits, namespace: default, parameterNotFoundAction: Deny}
  matchResources:
    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: default}}
"#;

#[test]
fn policies_say_what_may_be_written() {
    let mut world = World::new();
    let line = "create configmap limits --from-literal=most=3 -n default";
    assert_eq!(kubectl(&mut world, line, "").0, 0);
    let (code, _, why) = kubectl(&mut world, "apply -f -", POLICY);
    assert_eq!(code, 0, "{why}");
    let mut create = |namespace: &str, replicas: u32| {
        let line =
            format!("create deployment d{replicas} --image=nginx --replicas={replicas} -n {namespace}");
        let (code, _, why) = kubectl(&mut world, &line, "");
        (code, why)
    };
    assert_eq!(create("default", 3), (0, String::new()));
    assert_eq!(create("s11-errors", 9), (0, String::new()));
    let expected = "ValidatingAdmissionPolicy 'few' with binding 'here' denied request: failed expression: object.spec.replicas <= variables.most";
    let (code, why) = create("default", 4);
    assert!(code == 1 && why.contains(expected), "{why}");
    let path = "/apis/apps/v1/namespaces/default/deployments/d3";
    let (code, _) = send(&mut world, "PATCH", path, &json!({"metadata": {"labels": {"team": "x"}}}));
    assert_eq!(code, 200);
    let (code, said) = send(&mut world, "PATCH", path, &json!({"metadata": {"labels": {"frozen": "y"}}}));
    assert_eq!(
        (code, said["message"].as_str().unwrap_or("")),
        (
            403,
            "deployments.apps \"d3\" is forbidden: ValidatingAdmissionPolicy 'few' with binding 'here' denied request: frozen: d3"
        )
    );
    let bad = POLICY.replace("object.spec.replicas <= variables.most", "object.spec.replicas <=");
    let (code, _, why) = kubectl(&mut world, "apply -f -", &bad.replace("name: few", "name: bad"));
    assert!(code == 1 && why.contains("compilation failed: ERROR: <input>:1:24: Syntax error"), "{why}");
}

const BUDGETS: &str = "
apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec: {template: {metadata: {labels: {app: j}}, spec: {restartPolicy: Never, containers: [{name: c, image: nginx}]}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: j}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: j}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 34%, selector: {matchLabels: {app: web}}}
";

#[test]
fn budgets_ask_the_scale_of_whatever_keeps_the_pods() {
    let mut world = World::new();
    assert_eq!(kubectl(&mut world, "apply -f -", &format!("{CONTROLLER}---{BUDGETS}")).0, 0);
    world.wait(30);
    let (_, rows, _) = kubectl(&mut world, "get pdb --no-headers", "");
    let rows: Vec<String> =
        rows.lines().map(|row| row.split_whitespace().take(4).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(rows, ["j N/A 1 0", "web N/A 34% 2"]);
    let (_, budget) =
        send(&mut world, "GET", "/apis/policy/v1/namespaces/default/poddisruptionbudgets/j", &Value::Null);
    let condition = &budget["status"]["conditions"][0];
    assert_eq!(
        (&condition["reason"], &condition["message"]),
        (&json!("SyncFailed"), &json!("jobs.batch does not implement the scale subresource"))
    );
}

const REGISTRATION: &str = "/apis/admissionregistration.k8s.io/v1";
const MAPS: &str = "/api/v1/namespaces/default/configmaps";

fn map(name: &str) -> Value {
    json!({"metadata": {"name": name, "labels": {"app": "shop"}}})
}

/// A webhook for ConfigMaps, and what else it says.
fn hook(name: &str, client: Value, more: &Value) -> Value {
    let mut hook = json!({
        "name": "check.example.com", "clientConfig": client, "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "DELETE"], "resources": ["configmaps"]}]
    });
    for (field, value) in more.as_object().expect("a map") {
        hook[field] = value.clone();
    }
    json!({"metadata": {"name": name}, "webhooks": [hook]})
}

#[test]
fn webhooks_that_cannot_be_reached_do_what_their_failure_policy_says() {
    let mut world = World::new();
    let all = format!("{REGISTRATION}/validatingwebhookconfigurations");
    let service = json!({"service": {"name": "hook", "namespace": "default", "path": "/check"}});
    let cases = [
        (
            service.clone(),
            json!({"timeoutSeconds": 3}),
            "Post \"https://hook.default.svc:443/check?timeout=3s\": service \"hook\" not found",
        ),
        (
            json!({"url": "https://hooks.example.com:8443/v"}),
            json!({}),
            "Post \"https://hooks.example.com:8443/v?timeout=10s\": dial tcp: lookup hooks.example.com: no such host",
        ),
        (service.clone(), json!({"failurePolicy": "Ignore"}), ""),
        (service.clone(), json!({"objectSelector": {"matchLabels": {"app": "other"}}}), ""),
        (
            service.clone(),
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}),
            "",
        ),
        (
            service.clone(),
            json!({"matchConditions": [{"name": "c", "expression": "request.operation == 'UPDATE'"}]}),
            "",
        ),
        (
            service,
            json!({"rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/*"]}]}),
            "",
        ),
    ];
    for (number, (client, more, wanted)) in cases.into_iter().enumerate() {
        let (code, said) = send(&mut world, "POST", &all, &hook("h", client, &more));
        assert_eq!(code, 201, "{said}");
        let (code, said) = send(&mut world, "POST", MAPS, &map(&format!("m{number}")));
        let message = said["message"].as_str().unwrap_or_default().to_owned();
        if wanted.is_empty() {
            assert_eq!(code, 201, "{more} {message}");
        } else {
            let whole = format!(
                "Internal error occurred: failed calling webhook \"check.example.com\": failed to call webhook: {wanted}"
            );
            assert_eq!((code, message), (500, whole));
        }
        // Nothing stands between a person and the way out.
        assert_eq!(send(&mut world, "DELETE", &format!("{all}/h"), &Value::Null).0, 200);
    }
    let mutating = format!("{REGISTRATION}/mutatingwebhookconfigurations");
    let url = json!({"url": "https://10.0.0.9/m"});
    assert_eq!(send(&mut world, "POST", &mutating, &hook("h", url, &json!({}))).0, 201);
    let (code, said) = send(&mut world, "DELETE", &format!("{MAPS}/m2"), &Value::Null);
    let why = "dial tcp 10.0.0.9:443: connect: connection refused";
    assert!(code == 500 && said["message"].as_str().is_some_and(|said| said.ends_with(why)), "{said}");
}

#[test]
fn policies_warn_and_look_at_deletions() {
    let mut world = World::new();
    let policy = json!({
        "metadata": {"name": "keep"},
        "spec": {
            "matchConstraints": {"resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["DELETE"], "resources": ["configmaps"]}
            ]},
            "validations": [{"expression": "!oldObject.metadata.name.startsWith('kept')", "message": "it is kept"}]
        }
    });
    let (code, said) =
        send(&mut world, "POST", &format!("{REGISTRATION}/validatingadmissionpolicies"), &policy);
    assert_eq!((code, said["metadata"]["generation"].as_i64()), (201, Some(1)), "{said}");
    let (_, said) =
        send(&mut world, "GET", &format!("{REGISTRATION}/validatingadmissionpolicies/keep"), &Value::Null);
    assert_eq!(said["status"]["observedGeneration"], 1, "{said}");
    let bindings = format!("{REGISTRATION}/validatingadmissionpolicybindings");
    let binding = json!({"metadata": {"name": "b"}, "spec": {"policyName": "keep", "validationActions": ["Warn", "Audit"]}});
    assert_eq!(send(&mut world, "POST", &bindings, &binding).0, 201);
    assert_eq!(send(&mut world, "POST", MAPS, &map("kept-1")).0, 201);
    assert_eq!(send(&mut world, "POST", MAPS, &map("kept-2")).0, 201);
    let delete = |world: &mut World, name: &str| {
        world.request(HttpRequest {
            method: "DELETE".into(),
            path: format!("{MAPS}/{name}").into(),
            ..HttpRequest::default()
        })
    };
    let answer = delete(&mut world, "kept-1");
    let warning = "Validation failed for ValidatingAdmissionPolicy 'keep' with binding 'b': it is kept";
    assert_eq!((answer.code, answer.warnings), (200, vec![warning.into()]));
    let deny = json!({"spec": {"validationActions": ["Deny"]}});
    assert_eq!(send(&mut world, "PATCH", &format!("{bindings}/b"), &deny).0, 200);
    let answer = delete(&mut world, "kept-2");
    let said = answer.body["message"].str();
    assert!(answer.code == 422 && said.ends_with("denied request: it is kept"), "{said}");
    assert_eq!(send(&mut world, "GET", &format!("{MAPS}/kept-2"), &Value::Null).0, 200);
}

#[test]
fn mutating_policies_change_what_is_written() {
    let mut world = World::new();
    let policies = format!("{REGISTRATION}/mutatingadmissionpolicies");
    let policy = |name: &str, mutation: Value| {
        json!({
            "metadata": {"name": name},
            "spec": {
                "reinvocationPolicy": "Never", "mutations": [mutation],
                "matchConstraints": {"resourceRules": [
                    {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}
                ]}
            }
        })
    };
    let merged = r#"Object{spec: Object.spec{replicas: 3, template: Object.spec.template{spec: Object.spec.template.spec{
        containers: [Object.spec.template.spec.containers.item{name: "side", image: "busybox"}]}}}}"#;
    let merged = json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": merged}});
    let patched = r#"[JSONPatch{op: "add", path: "/metadata/labels", value: {"by": "policy"}}]"#;
    let patched = json!({"patchType": "JSONPatch", "jsonPatch": {"expression": patched}});
    for (name, mutation) in [("one", merged), ("two", patched)] {
        let (code, said) = send(&mut world, "POST", &policies, &policy(name, mutation));
        assert_eq!(code, 201, "{said}");
        let binding = json!({"metadata": {"name": name}, "spec": {"policyName": name}});
        assert_eq!(
            send(&mut world, "POST", &format!("{REGISTRATION}/mutatingadmissionpolicybindings"), &binding).0,
            201
        );
    }
    let deployment = json!({
        "metadata": {"name": "d"},
        "spec": {
            "replicas": 1, "selector": {"matchLabels": {"a": "b"}},
            "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
        }
    });
    let (code, said) = send(&mut world, "POST", "/apis/apps/v1/namespaces/default/deployments", &deployment);
    assert_eq!(
        (code, &said["spec"]["replicas"], &said["metadata"]["labels"]["by"]),
        (201, &json!(3), &json!("policy")),
        "{said}"
    );
    let containers = said["spec"]["template"]["spec"]["containers"].as_array().expect("a list");
    let names: Vec<&str> = containers.iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.len() == 2 && names.contains(&"side") && names.contains(&"c"), "{names:?}");
    // What was added has its defaults.
    assert!(containers.iter().all(|one| one["terminationMessagePath"] == "/dev/termination-log"), "{said}");
    let (code, said) = send(
        &mut world,
        "POST",
        &policies,
        &policy("bad", json!({"patchType": "JSONPatch", "jsonPatch": {"expression": "[1"}})),
    );
    assert!(
        code == 422 && said["message"].as_str().is_some_and(|said| said.contains("compilation failed")),
        "{said}"
    );
}

#[test]
fn tokens_are_bound_and_say_whose_they_are() {
    let mut world = World::new();
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "nginx"}], "terminationGracePeriodSeconds": 0}});
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(send(&mut world, "POST", pods, &pod).0, 201);
    let tokens = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let bound =
        |name: &str| json!({"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": name}}});
    assert_eq!(send(&mut world, "POST", tokens, &bound("other")).0, 404);
    let (code, said) = send(&mut world, "POST", tokens, &bound("p"));
    assert_eq!(code, 201, "{said}");
    let review = json!({"spec": {"token": said["status"]["token"]}});
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let (_, said) = send(&mut world, "POST", reviews, &review);
    let user = &said["status"]["user"];
    assert_eq!(user["extra"]["authentication.kubernetes.io/pod-name"], json!(["p"]), "{said}");
    assert!(user["uid"].as_str().is_some_and(|uid| uid.len() == 36), "{said}");
    assert_eq!(send(&mut world, "DELETE", &format!("{pods}/p"), &Value::Null).0, 200);
    world.wait(5);
    let (_, said) = send(&mut world, "POST", reviews, &review);
    assert_eq!(said["status"]["error"], "invalid bearer token", "{said}");
    let (_, issuer) = send(&mut world, "GET", "/.well-known/openid-configuration", &Value::Null);
    assert!(issuer["jwks_uri"].as_str().is_some_and(|uri| uri.ends_with("/openid/v1/jwks")), "{issuer}");
}

#[test]
fn others_can_check_by_whom_a_token_is_signed() {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier};
    let mut world = World::new();
    let tokens = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let (code, said) = send(&mut world, "POST", tokens, &json!({"spec": {}}));
    assert_eq!(code, 201, "{said}");
    let token = said["status"]["token"].as_str().expect("a token");
    let decoded = |text: &str| URL_SAFE_NO_PAD.decode(text).expect("base64");
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let header: Value =
        serde_json::from_slice(&decoded(signed.split_once('.').expect("two parts").0)).expect("JSON");
    let (_, keys) = send(&mut world, "GET", "/openid/v1/jwks", &Value::Null);
    let key = &keys["keys"][0];
    assert_eq!((&header["alg"], &header["kid"]), (&key["alg"], &key["kid"]));
    let part = |name: &str| decoded(key[name].as_str().expect("text"));
    let point = [vec![4], part("x"), part("y")].concat();
    let key = VerifyingKey::from_sec1_bytes(&point).expect("a key");
    let signature = Signature::from_slice(&decoded(signature)).expect("a signature");
    key.verify(signed.as_bytes(), &signature).expect("it is signed by that key");
    key.verify(format!("{signed}x").as_bytes(), &signature).expect_err("nothing else is");
}

#[test]
fn addresses_and_ranges_are_checked_and_become_ready() {
    let mut world = World::new();
    let ranges = "/apis/networking.k8s.io/v1/servicecidrs";
    let range = |cidr: &str| json!({"metadata": {"name": "more"}, "spec": {"cidrs": [cidr]}});
    assert_eq!(send(&mut world, "POST", ranges, &range("10.7.0.0")).0, 422);
    assert_eq!(send(&mut world, "POST", ranges, &range("10.7.0.0/24")).0, 201);
    let (_, said) = send(&mut world, "GET", &format!("{ranges}/more"), &Value::Null);
    assert_eq!(said["status"]["conditions"][0]["type"], "Ready", "{said}");
    let address = |name: &str| json!({"metadata": {"name": name}, "spec": {"parentRef": {"resource": "services", "name": "a"}}});
    let addresses = "/apis/networking.k8s.io/v1/ipaddresses";
    assert_eq!(send(&mut world, "POST", addresses, &address("ten")).0, 422);
    assert_eq!(send(&mut world, "POST", addresses, &address("10.7.0.9")).0, 201);
    let fields = "/apis/events.k8s.io/v1/events?fieldSelector=reportingController=nobody,regarding.name=x";
    assert_eq!(send(&mut world, "GET", fields, &Value::Null).1["items"], json!([]));
}
