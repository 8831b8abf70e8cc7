//! `pods/resize`: containers that are given more or less while they run.

use crate::support::world::World;
use shared::apiserver::http::{HttpRequest, HttpResponse};
use shared::doc::Doc;

const PODS: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  nodeName: node-0
  containers:
  - name: app
    image: "todo-api:v1.0"
    resources: {requests: {cpu: 500m, memory: 64Mi}, limits: {memory: 128Mi}}
    resizePolicy: [{resourceName: memory, restartPolicy: RestartContainer}]
  - {name: other, image: redis}
---
apiVersion: v1
kind: Pod
metadata: {name: filler}
spec:
  nodeName: node-0
  containers: [{name: app, image: busybox, command: [sleep, infinity], resources: {requests: {cpu: "3"}}}]
---
apiVersion: v1
kind: Pod
metadata: {name: plain}
spec: {containers: [{name: app, image: "todo-api:v1.0"}]}
"#;

const POD: &str = "/api/v1/namespaces/default/pods/";

struct Play(World);

impl Play {
    fn new() -> Play {
        let mut world = World::new();
        let applied = world.kubectl(["apply", "-n", "default", "-f", "-"], PODS);
        assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
        world.wait(30);
        Play(world)
    }

    fn resize(&mut self, pod: &str, body: &str) -> HttpResponse {
        self.0.request(HttpRequest {
            method: "PATCH".into(),
            path: format!("{POD}{pod}/resize").into(),
            content_type: "application/strategic-merge-patch+json".into(),
            body: body.into(),
            ..HttpRequest::default()
        })
    }

    /// Asks for other resources of the first container; what is refused is told.
    fn give(&mut self, pod: &str, resources: &str) -> HttpResponse {
        let body = format!(r#"{{"spec":{{"containers":[{{"name":"app","resources":{resources}}}]}}}}"#);
        self.resize(pod, &body)
    }

    fn pod(&mut self, name: &str) -> Doc {
        let path = format!("{POD}{name}").into();
        self.0.request(HttpRequest { method: "GET".into(), path, ..HttpRequest::default() }).body
    }

    /// The Events of a pod's resizes, oldest first: `Normal ResizeStarted …`.
    fn told(&mut self) -> Vec<String> {
        let path = "/api/v1/namespaces/default/events?fieldSelector=involvedObject.name=web".into();
        let list = self.0.request(HttpRequest { method: "GET".into(), path, ..HttpRequest::default() }).body;
        let resizes = list["items"].items().iter().filter(|one| one["reason"].str().starts_with("Resize"));
        let mut all: Vec<_> = resizes
            .map(|one| {
                let text = format!("{} {} {}", one["type"].str(), one["reason"].str(), one["message"].str());
                (one["metadata"]["resourceVersion"].str().parse::<u64>().expect("a number"), text)
            })
            .collect();
        all.sort();
        all.into_iter().map(|(_, text)| text).collect()
    }

    /// The condition of a pod that waits for more, as its reason and message.
    fn pending(&mut self, pod: &str) -> Option<(String, String)> {
        let conditions = self.pod(pod)["status"]["conditions"].clone();
        let pending =
            conditions.items().iter().find(|one| one["type"].as_str() == Some("PodResizePending"))?;
        Some((pending["reason"].str().to_string(), pending["message"].str().to_string()))
    }
}

fn app(pod: &Doc) -> Doc {
    pod["status"]["containerStatuses"][0].clone()
}

#[test]
fn containers_get_other_resources_while_they_run() {
    let mut play = Play::new();
    let before = app(&play.pod("web"));
    // What it has is told from the beginning, also where it is nothing.
    assert_eq!(before["resources"], play.pod("web")["spec"]["containers"][0]["resources"]);
    assert_eq!(before["allocatedResources"].to_json(), r#"{"cpu":"500m","memory":"64Mi"}"#);
    assert_eq!(app(&play.pod("plain"))["resources"].to_json(), "{}");
    let given = play.give("web", r#"{"requests":{"cpu":"750m"}}"#);
    assert_eq!((given.code, given.body["metadata"]["generation"].as_i64()), (200, Some(2)), "{}", given.body);
    play.0.wait(5);
    let pod = play.pod("web");
    let after = app(&pod);
    assert_eq!(after["allocatedResources"]["cpu"].str(), "750m");
    assert_eq!(after["resources"], pod["spec"]["containers"][0]["resources"]);
    assert_eq!(pod["status"]["observedGeneration"].as_i64(), Some(2));
    assert_eq!(after["containerID"], before["containerID"]);
    // Memory is given with another start, as its policy says.
    assert_eq!(play.give("web", r#"{"limits":{"memory":"256Mi"}}"#).code, 200);
    let in_progress = |play: &mut Play| {
        let conditions = play.pod("web")["status"]["conditions"].clone();
        conditions.items().iter().any(|one| one["type"].as_str() == Some("PodResizeInProgress"))
    };
    play.0.wait(1);
    assert!(in_progress(&mut play), "it is still to start anew");
    play.0.wait(60);
    assert!(!in_progress(&mut play));
    let anew = app(&play.pod("web"));
    assert_eq!(
        (anew["restartCount"].as_i64(), anew["resources"]["limits"]["memory"].str().as_str()),
        (Some(1), "256Mi")
    );
    let containers = |cpu: &str, memory: &str, generation: u32| {
        format!(
            r#"{{"containers":[{{"name":"app","resources":{{"limits":{{"memory":"{memory}"}},"requests":{{"cpu":"{cpu}","memory":"64Mi"}}}}}},{{"name":"other","resources":{{}}}}],"generation":{generation}}}"#
        )
    };
    let mut wanted = Vec::new();
    for (cpu, memory, generation) in [("750m", "128Mi", 2), ("750m", "256Mi", 3)] {
        let said = containers(cpu, memory, generation);
        wanted.push(format!("Normal ResizeStarted Pod resize started: {said}"));
        wanted.push(format!("Normal ResizeCompleted Pod resize completed: {said}"));
    }
    assert_eq!(play.told(), wanted);
}

#[test]
fn a_namespace_has_a_say_in_what_its_pods_get() {
    let mut play = Play::new();
    let range = r#"
apiVersion: v1
kind: LimitRange
metadata: {name: small}
spec: {limits: [{type: Container, max: {memory: 200Mi}}]}
"#;
    let applied = play.0.kubectl(["apply", "-n", "default", "-f", "-"], range);
    assert_eq!(applied.exit_code, 0, "{}", applied.stderr);
    let refused = play.give("web", r#"{"limits":{"memory":"256Mi"}}"#);
    let why = "maximum memory usage per Container is 200Mi, but limit is 256Mi";
    assert!(refused.code == 403 && refused.body["message"].str().contains(why), "{}", refused.body);
}

#[test]
fn a_quota_counts_what_pods_are_given() {
    let mut play = Play::new();
    let quota =
        "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q}, spec: {hard: {requests.cpu: 3600m}}}";
    assert_eq!(play.0.kubectl(["apply", "-n", "default", "-f", "-"], quota).exit_code, 0);
    play.0.wait(2);
    let used = |play: &mut Play| {
        let words = ["get", "quota", "q", "-n", "default", "-o", "jsonpath={.status.used.requests\\.cpu}"];
        play.0.kubectl(words, "").stdout
    };
    assert_eq!(used(&mut play), "3500m");
    let refused = play.give("filler", r#"{"requests":{"cpu":"3500m"}}"#);
    let why = "exceeded quota: q, requested: requests.cpu=500m, used: requests.cpu=3500m, limited: requests.cpu=3600m";
    assert!(refused.code == 403 && refused.body["message"].str().contains(why), "{}", refused.body.to_json());
    assert_eq!(used(&mut play), "3500m");
    assert_eq!(play.give("filler", r#"{"requests":{"cpu":"3050m"}}"#).code, 200);
    assert_eq!(used(&mut play), "3550m");
}

#[test]
fn a_node_gives_what_it_has_and_the_rest_when_it_is_free() {
    let mut play = Play::new();
    assert_eq!(play.give("web", r#"{"requests":{"cpu":"5"}}"#).code, 200);
    play.0.wait(5);
    let (reason, message) = play.pending("web").expect("it waits");
    assert_eq!(reason, "Infeasible");
    assert_eq!(message, "Node didn't have enough capacity: cpu, requested: 5000, capacity: 4000");
    assert_eq!(app(&play.pod("web"))["allocatedResources"]["cpu"].str(), "500m");
    assert_eq!(play.give("web", r#"{"requests":{"cpu":"2"}}"#).code, 200);
    play.0.wait(5);
    let (reason, message) = play.pending("web").expect("it waits");
    assert!(reason == "Deferred" && message.contains("requested: 2000, used: 3"), "{reason} {message}");
    let told = play.told();
    let began = [
        "Warning ResizeInfeasible Pod resize Infeasible: {",
        "Warning ResizeDeferred Pod resize Deferred: {",
    ];
    assert_eq!(told.len(), 2, "{told:?}");
    for (told, (began, error)) in told.iter().zip(began.iter().zip(["capacity: cpu", "resource: cpu"])) {
        let ends = format!(r#""error":"Node didn't have enough {error}, requested"#);
        assert!(told.starts_with(began) && told.contains(&ends), "{told}");
    }
    let gone = play.0.kubectl(["delete", "pod", "filler", "-n", "default"], "");
    assert_eq!(gone.exit_code, 0, "{}", gone.stderr);
    play.0.wait(10);
    assert_eq!(play.pending("web"), None);
    assert_eq!(app(&play.pod("web"))["allocatedResources"]["cpu"].str(), "2");
}

#[test]
fn what_is_no_resize_is_refused() {
    let mut play = Play::new();
    let whole = |containers: &str| {
        format!(r#"{{"spec":{{"$retainKeys":["containers"],"containers":{containers}}}}}"#)
    };
    for (pod, body, says) in [
        (
            "plain",
            r#"[{"name":"app","resources":{"requests":{"cpu":"1"}}}]"#,
            "spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result of resizing",
        ),
        (
            "web",
            r#"[{"name":"app","resources":{"requests":{"cpu":null}}}]"#,
            "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
        ),
        (
            "web",
            r#"[{"name":"app","resources":{"limits":{"memory":null}}}]"#,
            "spec.containers[0].resources.limits: Forbidden: resource limits cannot be removed",
        ),
        (
            "web",
            r#"[{"name":"app","resources":{"limits":{"ephemeral-storage":"1Gi"}}}]"#,
            "spec: Forbidden: only cpu and memory resources are mutable",
        ),
        (
            "web",
            r#"[{"name":"app","resources":{"requests":{"memory":"1Gi"}}}]"#,
            "spec.containers[0].resources.requests: Invalid value: \"1Gi\": must be less than or equal to memory limit of 128Mi",
        ),
        (
            "web",
            r#"[{"$patch":"delete","name":"other"}]"#,
            "spec.containers: Forbidden: containers may not be added or removed on resize",
        ),
    ] {
        let refused = play.resize(pod, &whole(body));
        let said = refused.body["message"].str();
        assert!(refused.code == 422 && said.contains(says), "{body}: {} {said}", refused.code);
    }
    // What else is said is not heard.
    let image = play.resize("web", &whole(r#"[{"name":"app","image":"todo-api:v1.1"}]"#));
    assert_eq!(
        (image.code, image.body["spec"]["containers"][0]["image"].str().as_str()),
        (200, "todo-api:v1.0")
    );
}

#[test]
fn every_container_that_stands_elsewhere_is_named() {
    let mut play = Play::new();
    let order = r#"{"spec":{"$setElementOrder/containers":[{"name":"other"},{"name":"app"}]}}"#;
    let refused = play.resize("web", order);
    let why = |at: u32| {
        format!("spec.containers[{at}].name: Forbidden: containers may not be renamed or reordered on resize")
    };
    let said = refused.body["message"].str();
    assert!(said.contains(&format!("{}, {}", why(0), why(1))), "{said}");
}

/// What the conformance test of replacing the whole does.
#[test]
fn a_whole_pod_is_put_in_the_place_of_the_one_before_for_its_resources() {
    let mut play = Play::new();
    let put = |play: &mut Play, pod: &Doc| {
        play.0.request(HttpRequest {
            method: "PUT".into(),
            path: format!("{POD}web/resize").into(),
            content_type: "application/json".into(),
            body: pod.to_json().into(),
            ..HttpRequest::default()
        })
    };
    let asking = |pod: &Doc, cpu: &str| {
        let mut pod = pod.clone();
        let resources = pod.at_mut(&["spec", "containers"]).items_mut()[0].at_mut(&["resources", "requests"]);
        resources.set("cpu", cpu);
        pod
    };
    let before = play.pod("web");
    let restarts = app(&before)["restartCount"].clone();
    let answer = put(&mut play, &asking(&before, "700m"));
    assert_eq!(
        (answer.code, answer.body["metadata"]["generation"].as_i64()),
        (200, Some(2)),
        "{}",
        answer.body
    );
    play.0.wait(5);
    let pod = play.pod("web");
    assert_eq!(app(&pod)["allocatedResources"]["cpu"].str(), "700m");
    assert_eq!(app(&pod)["restartCount"], restarts);
    assert_eq!(put(&mut play, &before).code, 409, "it is stale");
    // Nothing but resources is taken of it.
    let mut other = asking(&pod, "600m");
    other.at_mut(&["spec", "containers"]).items_mut()[0].set("image", "redis");
    let answer = put(&mut play, &other);
    let container = &answer.body["spec"]["containers"][0];
    assert_eq!((answer.code, &*container["image"].str()), (200, "todo-api:v1.0"), "{}", answer.body);
    assert_eq!(container["resources"]["requests"]["cpu"].str(), "600m");
    let mut blind = asking(&play.pod("web"), "650m");
    blind.at_mut(&["metadata"]).remove("resourceVersion");
    assert_eq!(put(&mut play, &blind).code, 200);
    let whole = asking(&play.pod("web"), "100");
    assert_eq!(put(&mut play, &whole).code, 200);
    play.0.wait(5);
    assert_eq!(play.pending("web").map(|(reason, _)| reason), Some("Infeasible".into()));
}
