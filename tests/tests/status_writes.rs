//! What clients may not write into a status: refused in Kubernetes' words, and nothing is stored.

use serde_json::{Value, json};

use crate::served_kinds::send;
use crate::support::world::World;
use shared::apiserver::http::HttpRequest;

const JOBS: &str = "/apis/batch/v1/namespaces/default/jobs";
const PODS: &str = "/api/v1/namespaces/default/pods";
const NOW: &str = "2026-01-01T00:00:01Z";

fn workload(more: &Value) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}}
    });
    spec.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    json!({"metadata": {"name": "x"}, "spec": spec})
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True", "lastTransitionTime": NOW})
}

/// Makes an object called `x` and writes one status after the other into it: each is refused with what is said.
fn refused(list: &str, object: &Value, writes: &[(Value, &str)]) {
    let mut world = World::new();
    let (code, made) = send(&mut world, "POST", list, object);
    assert_eq!(code, 201, "{made}");
    world.wait(5);
    let own = format!("{list}/x");
    let before = send(&mut world, "GET", &own, &Value::Null).1;
    for (status, message) in writes {
        let (code, said) = send(&mut world, "PATCH", &format!("{own}/status"), &json!({ "status": status }));
        assert_eq!((code, &said["reason"]), (422, &json!("Invalid")), "{status}: {said}");
        let text = said["message"].as_str().expect("a message");
        let (_, why) = text.split_once(" is invalid: ").expect("what is wrong");
        assert_eq!(why, *message, "{list} {status}");
    }
    assert_eq!(send(&mut world, "GET", &own, &Value::Null).1["status"], before["status"]);
}

#[test]
fn counts_of_workloads_fit_together() {
    let over = "cannot be greater than status.replicas";
    let none = json!({"replicas": 0});
    for (plural, last) in [
        ("deployments", "cannot be greater than readyReplicas"),
        ("replicasets", "cannot be greater than readyReplicas"),
        ("statefulsets", "cannot be greater than status.readyReplicas"),
    ] {
        let more = format!(
            "[status.readyReplicas: Invalid value: 2: {over}, status.availableReplicas: Invalid value: 3: {over}, \
             status.availableReplicas: Invalid value: 3: {last}]"
        );
        refused(
            &format!("/apis/apps/v1/namespaces/default/{plural}"),
            &workload(&none),
            &[
                (
                    json!({"replicas": -1, "readyReplicas": -1, "availableReplicas": -1, "updatedReplicas": -1,
                        "currentReplicas": -1, "fullyLabeledReplicas": -1}),
                    &negatives(plural),
                ),
                (json!({"replicas": 1, "readyReplicas": 2, "availableReplicas": 3}), &more),
            ],
        );
    }
    refused(
        "/apis/apps/v1/namespaces/default/daemonsets",
        &workload(&json!({})),
        &[(
            json!({"numberReady": -1}),
            "status.numberReady: Invalid value: -1: must be greater than or equal to 0",
        )],
    );
}

/// What is said of a workload whose counts are all -1.
fn negatives(plural: &str) -> String {
    let counts: &[&str] = match plural {
        "deployments" => &["replicas", "updatedReplicas", "readyReplicas", "availableReplicas"],
        "replicasets" => &["replicas", "fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        _ => &["replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
    };
    let said: Vec<String> = counts
        .iter()
        .map(|count| format!("status.{count}: Invalid value: -1: must be greater than or equal to 0"))
        .collect();
    format!("[{}]", said.join(", "))
}

#[test]
fn a_job_ends_once_and_in_order() {
    let template =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}});
    let job =
        json!({"metadata": {"name": "x"}, "spec": {"managedBy": "example.com/mine", "template": template}});
    let complete = json!([condition("SuccessCriteriaMet"), condition("Complete")]);
    refused(
        JOBS,
        &job,
        &[
            (
                json!({"conditions": [condition("Complete")]}),
                "[status.completionTime: Required value: completionTime is required for Complete jobs, \
                 status.startTime: Required value: startTime is required for finished job]",
            ),
            (
                json!({"conditions": complete, "startTime": "2026-01-01T00:00:02Z", "completionTime": NOW}),
                "status.completionTime: Invalid value: \"2026-01-01T00:00:01Z\": completionTime cannot be set before \
                 startTime",
            ),
            (
                json!({"completionTime": NOW}),
                "status.completionTime: Invalid value: \"2026-01-01T00:00:01Z\": cannot set completionTime when there \
                 is no Complete=True condition",
            ),
            (
                json!({"conditions": [condition("Failed")], "startTime": NOW, "active": 2}),
                "status.active: Invalid value: 2: active>0 is invalid for finished job",
            ),
            (
                json!({"conditions": [condition("FailureTarget"), condition("SuccessCriteriaMet")]}),
                "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
            ),
            (
                json!({"uncountedTerminatedPods": {"succeeded": ["a"], "failed": ["a"]}}),
                "status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"",
            ),
            (
                json!({"completedIndexes": "0"}),
                "status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when non-indexed \
                 completion mode",
            ),
        ],
    );
    // And stays as it ended.
    let mut world = World::new();
    assert_eq!(send(&mut world, "POST", JOBS, &job).0, 201);
    let own = format!("{JOBS}/x/status");
    let end = json!({"conditions": complete, "startTime": NOW, "completionTime": NOW, "succeeded": 1});
    let (code, said) = send(&mut world, "PATCH", &own, &json!({ "status": end }));
    assert_eq!(code, 200, "{said}");
    for (status, why) in [
        (json!({"conditions": []}), "cannot disable the terminal Complete=True condition"),
        (json!({"completionTime": "2026-01-01T00:00:09Z"}), "completionTime cannot be mutated"),
        (json!({"succeeded": 0}), "cannot decrease the succeeded counter"),
        (json!({"startTime": null}), "startTime cannot be removed for unsuspended job"),
    ] {
        let (code, said) = send(&mut world, "PATCH", &own, &json!({ "status": status }));
        assert_eq!(code, 422, "{said}");
        assert!(said["message"].as_str().expect("a message").contains(why), "{said}");
    }
}

#[test]
fn indexes_of_a_job_are_done_or_failed() {
    let template =
        json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "nginx"}]}});
    let spec = json!({"managedBy": "example.com/mine", "template": template, "completionMode": "Indexed", "completions": 9,
        "parallelism": 1, "backoffLimitPerIndex": 1});
    refused(
        JOBS,
        &json!({"metadata": {"name": "x"}, "spec": spec}),
        &[
            (
                json!({"completedIndexes": "0-3,5", "failedIndexes": "4-7"}),
                "status.failedIndexes: Invalid value: \"4-7\": failedIndexes and completedIndexes overlap at index: 5",
            ),
            (
                json!({"completedIndexes": "9"}),
                "status.completedIndexes: Invalid value: \"9\": error parsing completedIndexes: too large index: \"9\"",
            ),
            (
                json!({"completedIndexes": "3-3"}),
                "status.completedIndexes: Invalid value: \"3-3\": error parsing completedIndexes: non-increasing order, \
                 previous: 3, current: 3",
            ),
        ],
    );
}

#[test]
fn a_pod_stays_what_it_is() {
    let pod = json!({"metadata": {"name": "x"}, "spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "busybox", "command": ["true"]}]}});
    refused(
        PODS,
        &pod,
        &[
            (
                json!({"qosClass": "Burstable"}),
                "status.qosClass: Invalid value: \"Burstable\": field is immutable",
            ),
            (
                json!({"conditions": [{"type": "a b", "status": "True"}]}),
                "metadata.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, \
                 '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  \
                 or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
            ),
            (
                json!({"containerStatuses": [{"name": "c", "state": {"running": {}}, "ready": true, "restartCount": 0,
                    "image": "busybox", "imageID": ""}]}),
                "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
            ),
            (
                json!({"resourceClaimStatuses": [{"name": "none"}]}),
                "status.resourceClaimStatuses[0].name: Invalid value: \"none\": must match the name of an entry in \
                 `spec.resourceClaims`",
            ),
        ],
    );
}

#[test]
fn who_issues_certificates_does_not_decide() {
    // A request for CN=e2e-user; what it asks for is not looked at here.
    let pem = "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlJQgotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K";
    let spec = json!({"request": pem, "signerName": "example.com/mine", "usages": ["client auth"]});
    refused(
        "/apis/certificates.k8s.io/v1/certificatesigningrequests",
        &json!({"metadata": {"name": "x"}, "spec": spec}),
        &[
            (
                json!({"conditions": [condition("Approved")]}),
                "status.conditions: Forbidden: updates may not add a condition of type \"Approved\"",
            ),
            (
                json!({"certificate": "Zm9v"}),
                "status.certificate: Invalid value: \"<certificate data>\": must contain at least one CERTIFICATE PEM block",
            ),
            (
                json!({"conditions": [{"type": "Failed", "status": "False"}, {"type": "Failed", "status": ""}]}),
                "[status.conditions[0].status: Unsupported value: \"False\": supported values: \"True\", \
                 status.conditions[1].status: Required value, status.conditions[1].type: Duplicate value: \"Failed\"]",
            ),
        ],
    );
}

#[test]
fn other_statuses_say_what_can_be() {
    refused(
        "/api/v1/namespaces/default/services",
        &json!({"metadata": {"name": "x"}, "spec": {"ports": [{"port": 80}]}}),
        &[(
            json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}),
            "status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'",
        )],
    );
    refused(
        "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
        &json!({"metadata": {"name": "x"}, "spec": {"defaultBackend": {"service": {"name": "a", "port": {"number": 80}}}}}),
        &[(
            json!({"loadBalancer": {"ingress": [{"ip": "no"}, {"hostname": "192.0.2.1"}]}}),
            "[status.loadBalancer.ingress[0].ip: Invalid value: \"no\": must be a valid IP address, (e.g. 10.9.8.7 or \
             2001:db8::ffff), status.loadBalancer.ingress[1].hostname: Invalid value: \"192.0.2.1\": must be a DNS name, \
             not an IP address]",
        )],
    );
    refused(
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        &json!({"metadata": {"name": "x"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}),
        &[(
            json!({"conditions": [{"type": "Mine", "status": "Maybe", "reason": "", "message": "", "lastTransitionTime": NOW}],
                "expectedPods": -1}),
            "[status.conditions[0].status: Unsupported value: \"Maybe\": supported values: \"False\", \"True\", \"Unknown\", \
             status.conditions[0].reason: Required value: must be set, status.expectedPods: Invalid value: -1: must be \
             greater than or equal to 0]",
        )],
    );
    refused(
        "/api/v1/namespaces",
        &json!({"metadata": {"name": "x"}}),
        &[(
            json!({"phase": "Terminating"}),
            "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
        )],
    );
    let claim = json!({"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}]}});
    let got = json!({"devices": {"results": [{"request": "s", "driver": "example.com", "pool": "p", "device": "d"}]}});
    refused(
        "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims",
        &json!({"metadata": {"name": "x"}, "spec": claim}),
        &[
            (
                json!({"reservedFor": [{"resource": "pods", "name": "p", "uid": "1"}]}),
                "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
            ),
            (
                json!({ "allocation": got }),
                "status.allocation.devices.results[0].request: Invalid value: \"s\": must be the name of a request in the \
                 claim or the name of a request and a subrequest separated by '/'",
            ),
        ],
    );
}

#[test]
fn a_range_of_services_is_one_of_each_family() {
    let mut world = World::new();
    let list = "/apis/networking.k8s.io/v1/servicecidrs";
    for (cidrs, why) in [
        (
            json!(["10.0.0.0/24", "10.1.0.0/24"]),
            "spec.cidrs: Invalid value: {\"CIDRs\":[\"10.0.0.0/24\",\"10.1.0.0/24\"]}: may specify no more than one IP for \
             each IP family, i.e 192.168.0.0/24 and 2001:db8::/64",
        ),
        (
            json!(["10.0.0.0/24", "fd00::/64", "fd01::/64"]),
            "spec.cidrs: Invalid value: {\"CIDRs\":[\"10.0.0.0/24\",\"fd00::/64\",\"fd01::/64\"]}: may only hold up to 2 \
             values",
        ),
    ] {
        let (code, said) =
            send(&mut world, "POST", list, &json!({"metadata": {"name": "x"}, "spec": {"cidrs": cidrs}}));
        assert_eq!(code, 422, "{said}");
        assert_eq!(said["message"], format!("ServiceCIDR.networking.k8s.io \"x\" is invalid: {why}"));
    }
    let both = json!({"metadata": {"name": "x"}, "spec": {"cidrs": ["10.222.0.0/24", "fd00:1::/112"]}});
    assert_eq!(send(&mut world, "POST", list, &both).0, 201);
}

/// Writes a status and metadata beside it; which of the metadata was taken comes back.
fn taken(list: &str, object: &Value) -> String {
    let mut world = World::new();
    let (code, made) = send(&mut world, "POST", list, object);
    assert_eq!(code, 201, "{made}");
    let said = json!({
        "labels": {"l": "m"}, "annotations": {"a": "b"}, "finalizers": ["example.com/hold"],
        "ownerReferences": [{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "00000000-0000-0000-0000-000000000001"}]
    });
    let own = format!("{list}/{}/status", object["metadata"]["name"].as_str().expect("a name"));
    let (code, written) = send(&mut world, "PATCH", &own, &json!({ "metadata": said }));
    assert_eq!(code, 200, "{written}");
    let metadata = &written["metadata"];
    let has = [
        ("labels", metadata["labels"]["l"] == "m"),
        ("annotations", metadata["annotations"]["a"] == "b"),
        ("finalizers", !metadata["finalizers"].is_null()),
        ("owners", !metadata["ownerReferences"].is_null()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect::<Vec<_>>().join(" ")
}

#[test]
fn what_a_status_says_of_metadata_counts_where_the_kind_lets_it() {
    const ALL: &str = "labels annotations finalizers owners";
    for plural in ["replicasets", "statefulsets", "daemonsets"] {
        let workload = workload(&json!({"replicas": 0}));
        assert_eq!(taken(&format!("/apis/apps/v1/namespaces/default/{plural}"), &workload), ALL, "{plural}");
    }
    let deployment = workload(&json!({"replicas": 0}));
    assert_eq!(
        taken("/apis/apps/v1/namespaces/default/deployments", &deployment),
        "annotations finalizers owners"
    );
    let pod = json!({"metadata": {"name": "x"}, "spec": {"containers": [{"name": "c", "image": "nginx"}]}});
    assert_eq!(taken(PODS, &pod), "labels annotations finalizers");
    let flow = json!({"metadata": {"name": "x"}, "spec": {"priorityLevelConfiguration": {"name": "exempt"}}});
    assert_eq!(taken("/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", &flow), "");
    let claim = json!({"metadata": {"name": "x"}, "spec": {"devices": {}}});
    assert_eq!(taken("/apis/resource.k8s.io/v1/namespaces/default/resourceclaims", &claim), "");
    let service = json!({"metadata": {"name": "v1.example.com"},
        "spec": {"group": "example.com", "version": "v1", "groupPriorityMinimum": 1, "versionPriority": 1,
            "service": {"namespace": "default", "name": "none"}}});
    assert_eq!(taken("/apis/apiregistration.k8s.io/v1/apiservices", &service), "");
}

#[test]
fn what_is_not_written_in_a_way_is_neither_applied_nor_owned_in_it() {
    let mut world = World::new();
    let list = "/apis/apps/v1/namespaces/default/deployments";
    assert_eq!(send(&mut world, "POST", list, &workload(&json!({"replicas": 1}))).0, 201);
    world.wait(5);
    let apply = |world: &mut World, path: &str, more: &str| {
        world.request(HttpRequest {
            method: "PATCH".into(),
            path: format!("{list}/x{path}?fieldManager=somebody").into(),
            content_type: "application/apply-patch+yaml".into(),
            body: format!("{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: x}}, {more}}}").into(),
            ..HttpRequest::default()
        })
    };
    // The controller's counts are nothing to quarrel about here.
    let applied = apply(&mut world, "", "status: {replicas: 9}");
    assert_eq!(
        (applied.code, applied.body["status"]["replicas"].as_i64()),
        (200, Some(1)),
        "{}",
        applied.body
    );
    let applied = apply(&mut world, "/status", "spec: {replicas: 9}");
    assert_eq!((applied.code, applied.body["spec"]["replicas"].as_i64()), (200, Some(1)), "{}", applied.body);
    assert!(!applied.body["metadata"]["managedFields"].to_json().contains("somebody"), "{}", applied.body);
}
