//! metrics-server and the horizontal pod autoscaler: what pods use, and what follows from it.

use std::fs;

use shared::runtime::ImageSpec;
use shared::sim::Duration;

use crate::support;
use crate::support::world::{NAMESPACE, World};

/// A cluster with metrics-server, and an image that uses much CPU.
fn measured() -> World {
    World::with(|spec| {
        spec.metrics_server = true;
        let busy = ImageSpec { cpu_milli: 90, memory: 100 << 20, ..ImageSpec::default() };
        spec.images.insert("busy:1".into(), busy);
        let late = ImageSpec { cpu_milli: 400, ready_delay: Duration::seconds(40), ..ImageSpec::default() };
        spec.images.insert("late:1".into(), late);
    })
}

fn kubectl(world: &mut World, line: &str, stdin: &str) -> String {
    let words = ["-n", NAMESPACE].into_iter().chain(line.split(' '));
    let output = world.kubectl(words, stdin);
    format!("{}{}", output.stdout, output.stderr)
}

fn workload(world: &mut World, image: &str, replicas: u32, resources: &str) {
    let manifest = format!(
        "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: web}}, spec: {{replicas: {replicas}, \
         selector: {{matchLabels: {{app: web}}}}, template: {{metadata: {{labels: {{app: web}}}}, spec: \
         {{containers: [{{name: c, image: \"{image}\", resources: {{{resources}}}}}]}}}}}}}}"
    );
    assert!(kubectl(world, "apply -f -", &manifest).contains("created"));
}

fn autoscaler(world: &mut World, more: &str) {
    let manifest = format!(
        "{{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {{name: web}}, spec: \
         {{scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: web}}, maxReplicas: 10, {more}}}}}"
    );
    let said = kubectl(world, "apply -f -", &manifest);
    assert_eq!(said, "horizontalpodautoscaler.autoscaling/web created\n");
}

fn raw(world: &mut World, path: &str) -> (u32, serde_json::Value) {
    let request = shared::apiserver::http::HttpRequest {
        method: "GET".into(),
        path: path.into(),
        ..Default::default()
    };
    let response = world.request(request);
    (response.code, serde_json::from_str(&response.body.to_json()).expect("JSON"))
}

/// The condition of a type of the autoscaler: status, reason, message.
fn condition(world: &mut World, kind: &str) -> String {
    let part = |field: &str| format!("{{.status.conditions[?(@.type==\"{kind}\")].{field}}}");
    let path = format!("{}|{}|{}", part("status"), part("reason"), part("message"));
    let words = ["-n", NAMESPACE, "get", "hpa", "web", "-o"].map(str::to_owned);
    let words: Vec<String> = words.into_iter().chain([format!("jsonpath={path}")]).collect();
    world.kubectl(words.iter().map(String::as_str), "").stdout
}

/// What the autoscaler said, each once.
fn events(world: &mut World) -> Vec<String> {
    let path = format!("/api/v1/namespaces/{NAMESPACE}/events");
    let (_, list) = raw(world, &path);
    let items = list["items"].as_array().expect("a list").iter();
    let mine = items.filter(|event| event["involvedObject"]["kind"] == "HorizontalPodAutoscaler");
    let text = |event: &serde_json::Value, field: &str| event[field].as_str().unwrap_or("").to_owned();
    mine.map(|event| format!("{} {}: {}", text(event, "type"), text(event, "reason"), text(event, "message")))
        .collect()
}

const PODS: &str = "/apis/metrics.k8s.io/v1beta1/pods";
const NO_API: &str = "failed to get cpu utilization: unable to get metrics for resource cpu: unable to fetch metrics \
                      from resource metrics API: the server could not find the requested resource (get \
                      pods.metrics.k8s.io)";

#[test]
fn without_metrics_server_there_is_no_metrics_api() {
    let mut world = World::new();
    assert_eq!(raw(&mut world, PODS).0, 404);
    workload(&mut world, "nginx", 2, "requests: {cpu: 100m}");
    autoscaler(&mut world, "metrics: []");
    world.wait(17);
    let expected =
        format!("False|FailedGetResourceMetric|the HPA was unable to compute the replica count: {NO_API}");
    assert_eq!(condition(&mut world, "ScalingActive"), expected);
    let told = "Warning FailedComputeMetricsReplicas: invalid metrics (1 invalid out of 1), first error is: failed \
                to get cpu resource metric value: ";
    assert_eq!(
        events(&mut world),
        [format!("Warning FailedGetResourceMetric: {NO_API}"), format!("{told}{NO_API}")]
    );
    let table = kubectl(&mut world, "get hpa", "");
    let row: Vec<&str> = table.lines().nth(1).expect("a row").split_whitespace().take(6).collect();
    assert_eq!(row, ["web", "Deployment/web", "cpu:", "<unknown>/80%", "1", "10"]);
}

#[test]
fn an_api_says_why_its_server_is_not_found() {
    let mut world = measured();
    let service = |name: &str, selector: &str, port: u32| {
        format!(
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\nspec: {{{selector}ports: [{{port: {port}}}]}}\n"
        )
    };
    let api = |name: &str| {
        format!(
            "---\napiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {{name: v1.{name}.example.com}}\nspec: {{group: \
             {name}.example.com, version: v1, groupPriorityMinimum: 1, versionPriority: 1, insecureSkipTLSVerify: true, service: \
             {{namespace: {NAMESPACE}, name: {name}}}}}\n"
        )
    };
    let apis: String = ["late", "other", "bare", "empty"].map(api).concat();
    kubectl(&mut world, "apply -f -", &apis);
    world.wait(2);
    let shown = kubectl(&mut world, "get apiservices", "");
    assert_eq!(shown.matches("False (ServiceNotFound)").count(), 4, "{shown}");
    let services =
        [service("other", "", 80), service("bare", "", 443), service("empty", "selector: {a: b}, ", 443)];
    kubectl(&mut world, "apply -f -", &services.concat());
    world.wait(5);
    let shown = kubectl(&mut world, "get apiservices --no-headers", "");
    let why = |name: &str| {
        let line = shown.lines().find(|line| line.starts_with(&format!("v1.{name}."))).expect("it is there");
        line.split(['(', ')']).nth(1).expect("why").to_owned()
    };
    assert_eq!(
        ["late", "other", "bare", "empty"].map(why),
        ["ServiceNotFound", "ServicePortError", "EndpointsNotFound", "MissingEndpoints"]
    );
    let gone = (503, "service unavailable\n".into());
    for path in ["", "/widgets", "/namespaces/default/widgets/one"] {
        assert_eq!(raw(&mut world, &format!("/apis/late.example.com/v1{path}")), gone);
    }
    assert_eq!(raw(&mut world, "/apis/late.example.com").1["preferredVersion"]["version"], "v1");
    assert_eq!(raw(&mut world, "/apis/late.example.com/v2").0, 404);
    let raw = world.kubectl(["get", "--raw", "/apis/late.example.com/v1"], "");
    let why =
        "Error from server (ServiceUnavailable): the server is currently unable to handle the request\n";
    assert_eq!(raw.stderr, why);
    world.wait(60);
    let listed = world.kubectl(["api-resources"], "");
    let stale =
        "bare.example.com/v1: stale GroupVersion discovery: bare.example.com/v1, empty.example.com/v1: ";
    let why = format!("error: unable to retrieve the complete list of server APIs: {stale}");
    assert!(listed.exit_code == 1 && listed.stderr.starts_with(&why), "{}", listed.stderr);
    assert!(listed.stdout.contains("\npods "), "{}", listed.stdout);
    // Nobody knows what such a server has in a namespace: it cannot go.
    assert_eq!(world.kubectl(["create", "ns", "stuck"], "").exit_code, 0);
    assert_eq!(world.kubectl(["delete", "ns", "stuck", "--wait=false"], "").exit_code, 0);
    world.wait(20);
    let path = "jsonpath={.status.phase}: {.status.conditions[0].message}";
    let said = world.kubectl(["get", "ns", "stuck", "-o", path], "").stdout;
    let why = "Terminating: Discovery failed for some groups, 4 failing: unable to retrieve the complete list of server APIs: ";
    assert!(said.starts_with(&format!("{why}{stale}")), "{said}");
    for name in ["late", "other", "bare", "empty"] {
        let gone = world.kubectl(["delete", "apiservice", &format!("v1.{name}.example.com")], "");
        assert_eq!(gone.exit_code, 0, "{}", gone.stderr);
    }
    world.wait(60);
    assert_eq!(world.kubectl(["get", "ns", "stuck"], "").exit_code, 1);
}

#[test]
fn metrics_server_answers_while_it_is_up() {
    let mut world = measured();
    workload(&mut world, "busy:1", 2, "requests: {cpu: 100m}");
    assert_eq!(raw(&mut world, PODS).0, 503);
    let (code, status) = raw(&mut world, "/apis/metrics.k8s.io/v1beta1/nodes");
    let busy = "the server is currently unable to handle the request (get nodes.metrics.k8s.io)";
    assert_eq!((code, status["message"].as_str()), (503, Some(busy)));
    let services = kubectl(&mut world, "get apiservices", "");
    assert!(services.contains("False (MissingEndpoints)"), "{services}");
    let (code, _) = raw(&mut world, "/apis/metrics.k8s.io");
    let top = world.kubectl(["top", "nodes"], "");
    assert_eq!((code, top.stderr.as_str()), (200, "error: Metrics API not available\n"));
    assert_eq!(raw(&mut world, "/apis/metrics.k8s.io/v1beta1"), (503, "service unavailable\n".into()));
    world.wait(60);
    let services = kubectl(&mut world, "get apiservices", "");
    assert!(services.contains("kube-system/metrics-server   True"), "{services}");
    assert_eq!(raw(&mut world, "/apis/metrics.k8s.io/v1beta1").0, 200);
    let (code, list) = raw(&mut world, &format!("{PODS}?labelSelector=app%3Dweb"));
    assert_eq!((code, list["kind"].as_str()), (200, Some("PodMetricsList")));
    let pods = list["items"].as_array().expect("a list");
    assert_eq!(pods.len(), 2);
    for pod in pods {
        assert_eq!(pod["containers"][0]["usage"], serde_json::json!({ "cpu": "90m", "memory": "100Mi" }));
        assert_eq!(pod["window"], "15s");
        let name = pod["metadata"]["name"].as_str().expect("a name");
        let path = format!("/apis/metrics.k8s.io/v1beta1/namespaces/{NAMESPACE}/pods/{name}");
        assert_eq!(raw(&mut world, &path).1["kind"], "PodMetrics");
    }
    let (_, nodes) = raw(&mut world, "/apis/metrics.k8s.io/v1beta1/nodes");
    assert_eq!(nodes["items"].as_array().map(Vec::len), Some(6));
    let (code, status) = raw(&mut world, "/apis/metrics.k8s.io/v1beta1/nodes/none");
    assert_eq!((code, status["message"].as_str()), (404, Some("nodes.metrics.k8s.io \"none\" not found")));
    let scaled = world.kubectl(["-n", "kube-system", "scale", "deploy/metrics-server", "--replicas=0"], "");
    assert_eq!(scaled.exit_code, 0);
    world.wait(5);
    assert_eq!(raw(&mut world, PODS).0, 503);
}

#[test]
fn more_pods_share_what_cannot_be_shared_until_there_are_enough() {
    let mut world = measured();
    workload(&mut world, "busy:1", 2, "requests: {cpu: 100m}");
    world.wait(60);
    // 90% of what was asked for, wherever it runs: it ends at the most there may be.
    autoscaler(
        &mut world,
        "metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 50}}}]",
    );
    world.wait(17);
    let table = kubectl(&mut world, "get hpa", "");
    assert!(table.contains("cpu: 90%/50%"), "{table}");
    assert_eq!(
        events(&mut world),
        [
            "Normal SuccessfulRescale: New size: 4; reason: cpu resource utilization (percentage of request) above target"
        ]
    );
    assert_eq!(
        condition(&mut world, "AbleToScale"),
        "True|SucceededRescale|the HPA controller was able to update the target scale to 4"
    );
    world.wait(120);
    let table = kubectl(&mut world, "get hpa", "");
    assert!(table.contains(" 10 "), "{table}");
    assert_eq!(
        condition(&mut world, "ScalingLimited"),
        "True|TooManyReplicas|the desired replica count is more than the maximum replica count"
    );
}

#[test]
fn pods_that_do_not_say_what_they_request_cannot_be_scaled_by_utilization() {
    let mut world = measured();
    workload(&mut world, "busy:1", 1, "");
    world.wait(60);
    autoscaler(&mut world, "minReplicas: 1");
    world.wait(17);
    let said = condition(&mut world, "ScalingActive");
    let expected = "False|FailedGetResourceMetric|the HPA was unable to compute the replica count: failed to get cpu \
                    utilization: missing request for cpu in container c of Pod web-";
    assert!(said.starts_with(expected), "{said}");
}

#[test]
fn metrics_of_other_apis_are_answered_for_by_nobody() {
    let cases = [
        (
            "{type: Pods, pods: {metric: {name: qps}, target: {type: AverageValue, averageValue: 1k}}}",
            "FailedGetPodsMetric",
            "unable to get metric qps: unable to fetch metrics from custom metrics API: no custom metrics API \
             (custom.metrics.k8s.io) registered",
        ),
        (
            "{type: External, external: {metric: {name: queue}, target: {type: Value, value: 30}}}",
            "FailedGetExternalMetric",
            "unable to get external metric s11-errors/queue/nil: unable to fetch metrics from external metrics API: \
             the server could not find the requested resource (get queue.external.metrics.k8s.io)",
        ),
    ];
    for (metric, reason, why) in cases {
        let mut world = measured();
        workload(&mut world, "busy:1", 1, "requests: {cpu: 100m}");
        autoscaler(&mut world, &format!("metrics: [{metric}]"));
        world.wait(17);
        let expected = format!("False|{reason}|the HPA was unable to compute the replica count: {why}");
        assert_eq!(condition(&mut world, "ScalingActive"), expected);
    }
}

#[test]
fn pods_that_were_never_ready_do_not_count() {
    let mut world = measured();
    workload(&mut world, "late:1", 1, "requests: {cpu: 100m}");
    // Its CPU at the start says nothing: the pod has no probe and is ready, but not for long enough.
    autoscaler(&mut world, "metrics: []");
    world.wait(17);
    let said = condition(&mut world, "ScalingActive");
    assert!(said.starts_with("False|FailedGetResourceMetric|"), "{said}");
    world.wait(60);
    let said = condition(&mut world, "ScalingActive");
    assert!(said.starts_with("True|ValidMetricFound|"), "{said}");
}

#[test]
fn what_is_too_small_is_made_as_big_as_it_has_to_be() {
    let mut world = World::new();
    workload(&mut world, "nginx", 1, "requests: {cpu: 100m}");
    autoscaler(&mut world, "minReplicas: 3");
    world.wait(17);
    let said =
        "Normal SuccessfulRescale: New size: 3; reason: Current number of replicas below Spec.MinReplicas";
    assert_eq!(events(&mut world), [said]);
    kubectl(&mut world, "scale deploy/web --replicas=0", "");
    world.wait(17);
    assert_eq!(
        condition(&mut world, "ScalingActive"),
        "False|ScalingDisabled|scaling is disabled since the replica count of the target is zero"
    );
    kubectl(&mut world, "delete deploy/web", "");
    world.wait(17);
    assert_eq!(
        condition(&mut world, "AbleToScale"),
        "False|FailedGetScale|the HPA controller was unable to get the target's current scale: deployments.apps \
         \"web\" not found"
    );
}

/// The recording's metrics came from a stand-in that shared a load among all pods at once. Here so many clients send a
/// request a second that costs 20 ms, and metrics-server sees it at its next look: the load changes a little before
/// that look instead of after it. In seconds after the autoscaler was made. (19 instead of 20: the recorded load lies
/// on the edge between two sizes, and a request more or less falls into a look's fifteen seconds.)
const LOAD: [(u64, u32); 3] = [(27, 19), (72, 100), (109, 2)];

#[test]
fn the_recorded_load_has_the_recorded_effect() {
    let Some(folder) = support::reference("scenarios/s9_hpa") else { return };
    let json = |name: &str| -> serde_json::Value {
        let text = fs::read_to_string(folder.join(name)).expect("a file of the recording");
        serde_json::from_str(&text).expect("JSON")
    };
    let mut world = World::with(|spec| {
        spec.metrics_server = true;
        spec.nodes.iter_mut().for_each(|node| node.pods = 250);
        spec.options.container_start = Duration::millis(950);
        spec.options.container_stop = Duration::millis(100);
        let image = ImageSpec {
            ports: vec![80],
            cpu_milli: 0,
            request_cpu: Duration::millis(20),
            ..ImageSpec::default()
        };
        spec.images.insert("nginx:1.25".into(), image);
    });
    let clients = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: load, namespace: default}, spec: {replicas: 0, \
                   selector: {matchLabels: {app: load}}, template: {metadata: {labels: {app: load}}, spec: \
                   {terminationGracePeriodSeconds: 0, containers: [{name: c, image: \"todo-client:v1.0\", \
                   env: [{name: TARGET, value: \"http://web.s11-errors\"}]}]}}}}";
    assert_eq!(world.kubectl(["create", "-f", "-"], clients).exit_code, 0);
    kubectl(&mut world, "create service clusterip web --tcp=80", "");
    let input = fs::read_to_string(folder.join("input.yaml")).expect("the input");
    let inputs: Vec<&str> =
        input.split("# applied at t=").skip(2).filter_map(|part| Some(part.split_once('\n')?.1)).collect();
    let apply = |world: &mut World, manifest: &str| {
        let output = world.kubectl(["-n", NAMESPACE, "apply", "-f", "-"], manifest.trim_end_matches("---\n"));
        assert_eq!(output.exit_code, 0, "{}", output.stderr);
    };
    let load = |world: &mut World, count: u32| {
        let size = format!("--replicas={count}");
        assert_eq!(world.kubectl(["-n", "default", "scale", "deploy/load", &size], "").exit_code, 0);
    };
    apply(&mut world, inputs[0]);
    load(&mut world, 5);
    world.wait(60);
    // New pods are too young for the look after the first growth, as they were in the recording.
    let looked = |world: &mut World| {
        raw(world, "/apis/metrics.k8s.io/v1beta1/nodes/node-0").1["timestamp"].to_string()
    };
    let before = looked(&mut world);
    while looked(&mut world) == before {
        world.wait(1);
    }
    world.wait(4);
    apply(&mut world, inputs[1]);
    let mut now = 0;
    for (at, count) in LOAD {
        world.wait(at - now);
        now = at;
        load(&mut world, count);
    }
    world.wait(215 - now);
    let said = json("events.json");
    let mine =
        said.as_array().expect("a list").iter().filter(|event| event["comp"] == "horizontal-pod-autoscaler");
    let text = |event: &serde_json::Value, field: &str| event[field].as_str().unwrap_or("").to_owned();
    let recorded: Vec<String> = mine
        .map(|event| format!("{} {}: {}", text(event, "type"), text(event, "reason"), text(event, "message")))
        .collect();
    assert_eq!(events(&mut world), recorded);
    let last = json("final.json");
    let items = last["items"].as_array().expect("a list");
    let recorded = items.iter().find(|item| item["kind"] == "HorizontalPodAutoscaler");
    let path = format!("/apis/autoscaling/v2/namespaces/{NAMESPACE}/horizontalpodautoscalers/web");
    let (_, ours) = raw(&mut world, &path);
    let recorded = recorded.expect("the autoscaler");
    assert_eq!(ours["spec"], recorded["spec"]);
    let status = |object: &serde_json::Value| {
        let mut status = object["status"].clone();
        status["lastScaleTime"] = serde_json::Value::Null;
        let conditions = status["conditions"].as_array_mut().expect("a list");
        conditions.iter_mut().for_each(|condition| condition["lastTransitionTime"] = serde_json::Value::Null);
        status
    };
    assert_eq!(status(&ours), status(recorded));
}

#[test]
fn the_first_version_of_the_api_knows_one_target() {
    let mut world = World::new();
    workload(&mut world, "nginx", 1, "requests: {cpu: 100m}");
    let manifest = "{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: web}, spec: \
                    {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 4, \
                    targetCPUUtilizationPercentage: 60}}";
    let said = kubectl(&mut world, "apply -f -", manifest);
    assert_eq!(said, "horizontalpodautoscaler.autoscaling/web created\n");
    let path = |version: &str| {
        format!("/apis/autoscaling/{version}/namespaces/{NAMESPACE}/horizontalpodautoscalers/web")
    };
    let (_, old) = raw(&mut world, &path("v1"));
    assert_eq!(old["apiVersion"], "autoscaling/v1");
    assert_eq!(old["spec"]["targetCPUUtilizationPercentage"], 60);
    assert!(old["spec"]["metrics"].is_null());
    let (_, new) = raw(&mut world, &path("v2"));
    assert_eq!(new["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 60);
}

#[test]
fn nobody_uses_more_cpu_than_the_limit() {
    let mut world = measured();
    workload(&mut world, "registry.k8s.io/hpa-example", 1, "requests: {cpu: 200m}, limits: {cpu: 500m}");
    let service = "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: web}, ports: [{port: 80}]}}";
    kubectl(&mut world, "apply -f -", service);
    let load = "{apiVersion: v1, kind: Pod, metadata: {name: load}, spec: {containers: [{name: c, image: busybox, command: \
                [sh, -c, 'while sleep 0.01; do wget -q -O- http://web; done']}]}}";
    kubectl(&mut world, "apply -f -", load);
    world.wait(60);
    let top = kubectl(&mut world, "top pods -l app=web --no-headers", "");
    let used = top.split_whitespace().nth(1).and_then(|used| used.strip_suffix('m'));
    let used: u32 = used.and_then(|used| used.parse().ok()).expect("thousandths of a core");
    assert!((490..=500).contains(&used), "{top}");
    kubectl(&mut world, "delete pod load --now", "");
    world.wait(60);
    let top = kubectl(&mut world, "top pods -l app=web --no-headers", "");
    assert_eq!(top.split_whitespace().nth(1), Some("1m"), "what waits is done soon: {top}");
}
