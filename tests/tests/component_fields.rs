//! What components own of the objects they write: `managedFields` as real objects show them.

use crate::support::world::{NAMESPACE, World};
use serde_json::{Value, json};
use shared::apiserver::http::HttpRequest;

fn get(world: &mut World, path: &str) -> Value {
    let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    serde_json::from_str(&world.request(request).body.to_json()).expect("JSON")
}

/// Manager, part and fields of each owner.
fn owners(object: &Value) -> Vec<(String, String, Value)> {
    let text = |entry: &Value, field: &str| entry[field].as_str().unwrap_or("").to_owned();
    let entries = object["metadata"]["managedFields"].as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .map(|entry| (text(entry, "manager"), text(entry, "subresource"), entry["fieldsV1"].clone()))
        .collect()
}

fn who(object: &Value) -> Vec<String> {
    owners(object).into_iter().map(|(manager, part, _)| format!("{manager}/{part}")).collect()
}

fn of(object: &Value, manager: &str, part: &str) -> Value {
    let mut owners = owners(object).into_iter();
    owners
        .find(|(of, through, _)| of == manager && through == part)
        .map_or(Value::Null, |(.., fields)| fields)
}

fn world() -> World {
    let mut world = World::new();
    let made = world.kubectl(["-n", NAMESPACE, "create", "deploy", "web", "--image=nginx"], "");
    assert_eq!(made.exit_code, 0, "{}", made.stderr);
    world.wait(10);
    world
}

#[test]
fn a_pod_is_its_controller_s_and_its_status_the_kubelet_s() {
    let mut world = world();
    let pods = get(&mut world, &format!("/api/v1/namespaces/{NAMESPACE}/pods"));
    let pod = &pods["items"][0];
    assert_eq!(who(pod), ["kube-controller-manager/", "kubelet/status"]);
    let uid = pod["metadata"]["ownerReferences"][0]["uid"].as_str().expect("an owner");
    let owner = format!("k:{{\"uid\":\"{uid}\"}}");
    let nothing = json!({});
    // As recorded of a real pod made by a Deployment: nothing of what admission and binding gave it.
    let expected = json!({
        "f:metadata": {
            "f:generateName": nothing,
            "f:labels": {".": nothing, "f:app": nothing, "f:pod-template-hash": nothing},
            "f:ownerReferences": {".": nothing, owner: nothing}
        },
        "f:spec": {
            "f:containers": {"k:{\"name\":\"nginx\"}": {
                ".": nothing, "f:image": nothing, "f:imagePullPolicy": nothing, "f:name": nothing,
                "f:resources": nothing, "f:terminationMessagePath": nothing, "f:terminationMessagePolicy": nothing
            }},
            "f:dnsPolicy": nothing, "f:enableServiceLinks": nothing, "f:restartPolicy": nothing,
            "f:schedulerName": nothing, "f:securityContext": nothing, "f:terminationGracePeriodSeconds": nothing
        }
    });
    assert_eq!(of(pod, "kube-controller-manager", ""), expected);
    let status = of(pod, "kubelet", "status")["f:status"].clone();
    let conditions = status["f:conditions"].as_object().expect("conditions");
    let kept = ["ContainersReady", "Initialized", "PodReadyToStartContainers", "Ready"];
    let kept: Vec<String> = kept.iter().map(|name| format!("k:{{\"type\":\"{name}\"}}")).collect();
    assert_eq!(conditions.keys().collect::<Vec<_>>(), kept.iter().collect::<Vec<_>>());
    assert_eq!(status["f:containerStatuses"], nothing);
    let ip = pod["status"]["podIP"].as_str().expect("an address");
    let item = format!("k:{{\"ip\":\"{ip}\"}}");
    assert_eq!(status["f:podIPs"], json!({".": nothing, item: {".": nothing, "f:ip": nothing}}));
    assert!(status["f:qosClass"].is_null());
    // In the order that kubelets have, with the moment that nobody sets.
    let shown = pod["status"]["conditions"].as_array().expect("conditions");
    let order: Vec<&str> = shown.iter().filter_map(|condition| condition["type"].as_str()).collect();
    let expected = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    assert_eq!(order, expected);
    assert!(shown.iter().all(|condition| condition.get("lastProbeTime") == Some(&Value::Null)));
}

#[test]
fn other_objects_are_theirs_who_write_them() {
    let mut world = world();
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}");
    let deployment = get(&mut world, &format!("{path}/deployments/web"));
    assert_eq!(who(&deployment), ["kubectl-create/", "kube-controller-manager/status"]);
    let fields = of(&deployment, "kube-controller-manager", "status");
    let revision = "f:deployment.kubernetes.io/revision";
    assert_eq!(fields["f:metadata"]["f:annotations"], json!({".": {}, revision: {}}));
    assert_eq!(fields["f:status"]["f:readyReplicas"], json!({}));
    let sets = get(&mut world, &format!("{path}/replicasets"));
    assert_eq!(who(&sets["items"][0]), ["kube-controller-manager/", "kube-controller-manager/status"]);
    let node = get(&mut world, "/api/v1/nodes/node-0");
    assert_eq!(who(&node), ["kube-controller-manager/", "kubelet/", "kubelet/status"]);
    let cidr = node["spec"]["podCIDR"].as_str().expect("a range");
    let given = of(&node, "kube-controller-manager", "")["f:spec"].clone();
    assert_eq!(given["f:podCIDRs"], json!({".": {}, format!("v:\"{cidr}\""): {}}));
    let lease = get(&mut world, "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-0");
    assert_eq!(who(&lease), ["kubelet/"]);
    let events = get(&mut world, &format!("/api/v1/namespaces/{NAMESPACE}/events"));
    let managers: Vec<String> = events["items"].as_array().expect("events").iter().flat_map(who).collect();
    for manager in ["kube-controller-manager/", "kube-scheduler/", "kubelet/"] {
        assert!(managers.iter().any(|known| known == manager), "{manager} of {managers:?}");
    }
}

#[test]
fn what_a_component_changes_is_no_longer_anybody_else_s() {
    let mut world = World::with(|spec| spec.metrics_server = true);
    let applied = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 1, selector: {matchLabels: \
                   {app: web}}, template: {metadata: {labels: {app: web}}, spec: {containers: [{name: c, image: nginx, \
                   resources: {requests: {cpu: 100m}}}]}}}}";
    let apply = ["-n", NAMESPACE, "apply", "--server-side", "-f", "-"];
    assert_eq!(world.kubectl(apply, applied).exit_code, 0);
    let scaler = ["-n", NAMESPACE, "autoscale", "deploy", "web", "--min=3", "--max=5", "--cpu=50%"];
    assert_eq!(world.kubectl(scaler, "").exit_code, 0);
    world.wait(60);
    let path = format!("/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web");
    let deployment = get(&mut world, &path);
    assert_eq!(deployment["spec"]["replicas"], 3);
    assert_eq!(of(&deployment, "kube-controller-manager", "scale"), json!({"f:spec": {"f:replicas": {}}}));
    assert!(of(&deployment, "kubectl", "")["f:spec"]["f:replicas"].is_null());
    // So who insists on a number is told who has another one.
    let again = world.kubectl(apply, applied);
    let first = again.stderr.lines().next().expect("a line").to_owned();
    assert_eq!(
        first,
        "error: Apply failed with 1 conflict: conflict with \"kube-controller-manager\" with subresource \"scale\" using \
         apps/v1: .spec.replicas"
    );
    let forced = world.kubectl(apply.into_iter().chain(["--force-conflicts"]), applied);
    assert_eq!(forced.exit_code, 0, "{}", forced.stderr);
    let deployment = get(&mut world, &path);
    assert!(of(&deployment, "kube-controller-manager", "scale").is_null());
    assert_eq!(of(&deployment, "kubectl", "")["f:spec"]["f:replicas"], json!({}));
}
