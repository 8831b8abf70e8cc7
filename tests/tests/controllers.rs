//! The controllers at work in whole clusters, held against what was recorded from a real control plane.

use shared::collections::BTreeMap;

use shared::api::{Key, Kind, Object, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup, Outcome};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::runtime::ImageSpec;
use shared::sim::{ChangeKind, Duration, Fault, Options, Target};

/// A cluster of six nodes in three zones, as the recordings have it, twenty seconds after its start.
struct Play {
    cluster: Cluster,
    seen: u64,
}

impl Play {
    fn new() -> Play {
        Play::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut ClusterSpec)) -> Play {
        let node =
            |number: u32| NodeGroup { zone: format!("zone-{}", number % 3).into(), ..NodeGroup::of(1) };
        let mut images = BTreeMap::new();
        images.insert(Str::from("nginx:bad"), ImageSpec { missing: true, ..ImageSpec::default() });
        let options = Options { image_pull: Some(Duration::ZERO), ..Options::default() };
        let mut spec =
            ClusterSpec { nodes: (0..6).map(node).collect(), images, options, ..ClusterSpec::default() };
        change(&mut spec);
        let mut play = Play { cluster: Cluster::new(&spec, 7, 0).unwrap(), seen: 0 };
        play.run(Duration::seconds(20));
        play.seen = play.cluster.store().revision();
        play
    }

    fn run(&mut self, length: Duration) {
        let until = self.cluster.now() + length;
        self.cluster.advance_to(until);
    }

    fn ask(&mut self, method: &str, path: &str, body: &Doc) -> Doc {
        let content_type = if method == "PATCH" { "application/merge-patch+json" } else { "" };
        let http = HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: content_type.into(),
            accept: "".into(),
            body: if body.is_null() { Str::new() } else { body.to_json().into() },
            ..HttpRequest::default()
        };
        let command = Command { at: self.cluster.now(), user: User::admin(), action: Action::Request(http) };
        match self.outcome(command) {
            Outcome::Http(response) => {
                assert!(response.is_success(), "{method} {path}: {}", response.body);
                response.body
            }
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    fn outcome(&mut self, command: Command) -> Outcome {
        let number = self.cluster.apply(command);
        loop {
            assert!(self.cluster.step(), "an answer comes");
            if let Some((_, outcome)) = self.cluster.take_outcomes().into_iter().find(|(of, _)| *of == number)
            {
                return outcome;
            }
        }
    }

    fn fault(&mut self, target: &str, fault: Option<Fault>) {
        let target = Target::parse(target).unwrap();
        let action = match fault {
            Some(fault) => Action::Fault { target, fault },
            None => Action::Repair { target },
        };
        let outcome = self.outcome(Command { at: self.cluster.now(), user: User::admin(), action });
        assert_eq!(outcome, Outcome::Done);
    }

    fn deploy(&mut self, name: &str, replicas: i64, strategy: Doc) {
        let body = doc!({
            "metadata": { "name": name },
            "spec": {
                "replicas": replicas, "strategy": strategy, "selector": { "matchLabels": { "app": name } },
                "template": {
                    "metadata": { "labels": { "app": name } },
                    "spec": { "containers": [{ "name": "c", "image": "nginx:1.25" }] }
                }
            }
        });
        self.ask("POST", DEPLOYMENTS, &body);
    }

    fn patch_deployment(&mut self, name: &str, patch: &Doc) {
        self.ask("PATCH", &format!("{DEPLOYMENTS}/{name}"), patch);
    }

    fn set_image(&mut self, name: &str, image: &str) {
        let patch =
            doc!({ "spec": { "template": { "spec": { "containers": [{ "name": "c", "image": image }] } } } });
        self.patch_deployment(name, &patch);
    }

    fn object(&self, kind: Kind, name: &str) -> Doc {
        let namespace = if kind.info().namespaced { "default" } else { "" };
        self.cluster.read(&Key::new(kind, namespace, name))
    }

    /// The revisions of a kind since the beginning.
    fn history(&self, kind: Kind) -> Vec<(ChangeKind, Object)> {
        let all = self.cluster.store().since(self.seen).expect("a short history");
        let mine = all.filter(|revision| revision.object.key.kind == kind);
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    /// Events of a component since the beginning, in order: `reason: message`, names without their random ends.
    fn events(&self, component: &str) -> Vec<String> {
        let history = self.history(Kind::Event);
        let events = history.iter().map(|(_, object)| object);
        let mine =
            events.filter(|object| object.document()["source"]["component"].as_str() == Some(component));
        mine.map(|object| {
            format!("{}: {}", object.document()["reason"].str(), plain(&object.document()["message"].str()))
        })
        .collect()
    }

    fn named(&self, kind: Kind) -> Vec<String> {
        let objects = self.cluster.store().list(kind).filter(|object| object.key.namespace == "default");
        objects.map(|object| plain(&object.key.name)).collect()
    }

    /// Sizes of the ReplicaSets over time, by image.
    fn sizes(&self) -> Vec<BTreeMap<String, i64>> {
        let mut sizes: Vec<BTreeMap<String, i64>> = Vec::new();
        let mut now = BTreeMap::new();
        for (_, set) in self.history(Kind::ReplicaSet) {
            let image =
                set.body.at(&["spec", "template", "spec", "containers"])[0]["image"].str().to_string();
            now.insert(image, set.body["spec"]["replicas"].as_i64().unwrap_or(0));
            if sizes.last() != Some(&now) {
                sizes.push(now.clone());
            }
        }
        sizes
    }
}

/// Without what is drawn or hashed: `web-685b6484df-x2v9k` is `web-*-*`.
fn plain(text: &str) -> String {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    let drawn = |part: &&str| part.len() >= 5 && part.chars().all(|letter| ALPHABET.contains(letter));
    let word = |word: &str| {
        let parts: Vec<&str> = word.split('-').map(|part| if drawn(&part) { "*" } else { part }).collect();
        parts.join("-")
    };
    text.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

/// Type, status and reason of a Deployment's conditions, in their order.
fn conditions(object: &Object) -> Vec<String> {
    let conditions = object.body["status"]["conditions"].items();
    let short = |condition: &Doc| {
        ["type", "status", "reason"].map(|field| condition[field].str().to_string()).join(" ")
    };
    conditions.iter().map(short).collect()
}

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";

#[test]
fn a_deployment_comes_up_as_recorded() {
    let mut play = Play::new();
    play.deploy("web", 3, doc!({ "type": "RollingUpdate" }));
    play.run(Duration::seconds(10));
    assert_eq!(
        play.events("deployment-controller"),
        ["ScalingReplicaSet: Scaled up replica set web-* from 0 to 3"]
    );
    assert_eq!(play.events("replicaset-controller"), ["SuccessfulCreate: Created pod: web-*-*"; 3]);
    let mut told: Vec<Vec<String>> =
        play.history(Kind::Deployment).iter().map(|(_, object)| conditions(object)).collect();
    told.dedup();
    let unavailable = "Available False MinimumReplicasUnavailable";
    let recorded: [&[&str]; 6] = [
        &[],
        &["Progressing True NewReplicaSetCreated"],
        &["Progressing True NewReplicaSetCreated", unavailable],
        &[unavailable, "Progressing True ReplicaSetUpdated"],
        &["Available True MinimumReplicasAvailable", "Progressing True ReplicaSetUpdated"],
        &["Available True MinimumReplicasAvailable", "Progressing True NewReplicaSetAvailable"],
    ];
    // Whether two or all three pods become ready between two looks is a matter of milliseconds.
    told.retain(|conditions| conditions.as_slice() != recorded[4]);
    assert_eq!(told, [recorded[0], recorded[1], recorded[2], recorded[3], recorded[5]]);
    let set = &play.history(Kind::ReplicaSet)[0].1;
    assert_eq!(set.body["status"], doc!({ "replicas": 0i64 }));
    let annotations = doc!({
        "deployment.kubernetes.io/desired-replicas": "3", "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1"
    });
    assert_eq!(set.meta.annotations, annotations);
}

#[test]
fn a_rolling_update_keeps_its_bounds_and_can_be_undone() {
    let mut play = Play::new();
    play.deploy("web", 10, doc!({ "type": "RollingUpdate" }));
    play.run(Duration::seconds(10));
    for image in ["nginx:1.26", "nginx:1.25"] {
        play.set_image("web", image);
        play.run(Duration::seconds(20));
    }
    let sizes = play.sizes();
    let pair =
        |sizes: &BTreeMap<String, i64>| (sizes["nginx:1.25"], sizes.get("nginx:1.26").copied().unwrap_or(0));
    let pairs: Vec<(i64, i64)> = sizes.iter().map(pair).collect();
    assert_eq!(pairs[..5], [(10, 0), (10, 3), (8, 3), (8, 5), (7, 5)]);
    assert!(pairs.iter().all(|(a, b)| a + b <= 13), "{pairs:?}");
    assert!(pairs.contains(&(0, 10)) && pairs.last() == Some(&(10, 0)), "{pairs:?}");
    let available = |object: &Object| object.body["status"]["availableReplicas"].as_i64().unwrap_or(0);
    let after = play.history(Kind::Deployment).into_iter().skip_while(|(_, object)| available(object) < 10);
    assert!(after.into_iter().all(|(_, object)| available(&object) >= 8));
    let events = play.events("deployment-controller");
    assert_eq!(
        events[9],
        "ScalingReplicaSet: (combined from similar events): Scaled up replica set web-* from 8 to 10"
    );
    assert_eq!(events.len(), 25, "more than that nobody is told at once");
    let deployment = play.object(Kind::Deployment, "web");
    assert_eq!(deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"], Doc::from("3"));
    let history: Vec<Doc> = play
        .cluster
        .store()
        .list(Kind::ReplicaSet)
        .map(|set| set.meta.annotations["deployment.kubernetes.io/revision-history"].clone())
        .collect();
    assert!(history.contains(&Doc::from("1")), "{history:?}");
}

#[test]
fn a_stuck_rollout_is_scaled_in_proportion_as_recorded() {
    let mut play = Play::new();
    play.deploy("web", 10, doc!({ "rollingUpdate": { "maxSurge": 3i64, "maxUnavailable": 2i64 } }));
    play.run(Duration::seconds(5));
    play.set_image("web", "nginx:bad");
    for size in [30i64, 17, 5, 40] {
        play.run(Duration::seconds(8));
        play.patch_deployment("web", &doc!({ "spec": { "replicas": size } }));
    }
    play.run(Duration::seconds(8));
    let pairs: Vec<(i64, i64)> = play
        .sizes()
        .iter()
        .map(|sizes| (sizes["nginx:1.25"], sizes.get("nginx:bad").copied().unwrap_or(0)))
        .collect();
    let recorded = [
        (10, 0),
        (10, 3),
        (8, 3),
        (8, 5),
        (20, 5),
        (20, 13),
        (12, 13),
        (12, 8),
        (5, 8),
        (5, 3),
        (3, 3),
        (3, 5),
        (3, 27),
        (16, 27),
    ];
    assert_eq!(pairs, recorded);
}

#[test]
fn recreate_waits_for_the_last_old_pod() {
    let mut play = Play::new();
    play.deploy("web", 4, doc!({ "type": "Recreate" }));
    play.run(Duration::seconds(5));
    play.set_image("web", "nginx:1.26");
    play.run(Duration::seconds(5));
    let mut running: BTreeMap<Key, Str> = BTreeMap::new();
    for (change, pod) in play.history(Kind::Pod) {
        let image = pod.body["spec"]["containers"][0]["image"].str();
        match change {
            ChangeKind::Deleted => running.remove(&pod.key),
            _ if pod.view::<shared::api::core::pod::Pod>().is_some_and(|pod| pod.phase.is_terminal()) => {
                running.remove(&pod.key)
            }
            _ => running.insert(pod.key.clone(), image),
        };
        let mut images: Vec<&Str> = running.values().collect();
        images.dedup();
        assert!(images.len() <= 1, "old and new at once: {running:?}");
    }
    assert_eq!(
        play.events("deployment-controller"),
        [
            "ScalingReplicaSet: Scaled up replica set web-* from 0 to 4",
            "ScalingReplicaSet: Scaled down replica set web-* from 4 to 0",
            "ScalingReplicaSet: Scaled up replica set web-* from 0 to 4"
        ]
    );
}

#[test]
fn a_pause_holds_the_template_back_and_history_is_cleaned_up() {
    let mut play = Play::new();
    play.deploy("web", 4, doc!({ "type": "RollingUpdate" }));
    play.patch_deployment("web", &doc!({ "spec": { "revisionHistoryLimit": 2i64 } }));
    play.run(Duration::seconds(5));
    play.patch_deployment("web", &doc!({ "spec": { "paused": true } }));
    play.set_image("web", "nginx:1.30");
    play.run(Duration::seconds(5));
    assert_eq!(play.named(Kind::ReplicaSet).len(), 1);
    let paused = conditions(&play.history(Kind::Deployment).last().unwrap().1);
    assert_eq!(paused[1], "Progressing Unknown DeploymentPaused");
    play.patch_deployment("web", &doc!({ "spec": { "paused": false } }));
    for image in ["nginx:1.31", "nginx:1.32", "nginx:1.33", "nginx:1.31"] {
        play.run(Duration::seconds(8));
        play.set_image("web", image);
    }
    play.run(Duration::seconds(8));
    let mut revisions: Vec<String> = play
        .cluster
        .store()
        .list(Kind::ReplicaSet)
        .map(|set| set.meta.annotations["deployment.kubernetes.io/revision"].str().to_string())
        .collect();
    revisions.sort();
    assert_eq!(revisions, ["4", "5", "6"]);
    let told: Vec<Vec<String>> =
        play.history(Kind::Deployment).iter().map(|(_, object)| conditions(object)).collect();
    assert!(told.iter().any(|told| told.contains(&"Progressing Unknown DeploymentResumed".to_owned())));
}

#[test]
fn without_progress_the_deadline_passes() {
    let mut play = Play::new();
    play.deploy("web", 1, doc!({ "type": "RollingUpdate" }));
    play.patch_deployment("web", &doc!({ "spec": { "progressDeadlineSeconds": 30i64 } }));
    play.run(Duration::seconds(5));
    play.set_image("web", "nginx:bad");
    play.run(Duration::seconds(25));
    assert!(conditions(&play.history(Kind::Deployment).last().unwrap().1)[1].ends_with("ReplicaSetUpdated"));
    play.run(Duration::seconds(10));
    let told = conditions(&play.history(Kind::Deployment).last().unwrap().1);
    assert_eq!(told[1], "Progressing False ProgressDeadlineExceeded");
}

#[test]
fn a_lost_node_goes_as_recorded_and_comes_back_clean() {
    let mut play = Play::new();
    play.deploy("web", 6, doc!({ "type": "RollingUpdate" }));
    play.ask("POST", SERVICES, &service("svc", doc!({ "app": "web" }), doc!([{ "port": 80i64 }])));
    play.run(Duration::seconds(10));
    play.fault("node/node-5", Some(Fault::PowerOff));
    play.run(Duration::seconds(30));
    let waits = |play: &Play| -> Vec<&'static str> {
        play.cluster.controller_manager().waits(play.cluster.core()).iter().map(|wait| wait.name).collect()
    };
    assert_eq!(waits(&play), ["nodeGracePeriod"]);
    play.run(Duration::seconds(30));
    assert_eq!(waits(&play), ["toleration"]);
    let node = play.object(Kind::Node, "node-5");
    let taints: Vec<Str> = node["spec"]["taints"].items().iter().map(|taint| taint["effect"].str()).collect();
    assert_eq!(taints, ["NoSchedule", "NoExecute"]);
    for condition in node["status"]["conditions"].items() {
        let text = ["status", "reason", "message"].map(|field| condition[field].str().to_string());
        assert_eq!(text, ["Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."]);
    }
    assert_eq!(
        play.events("node-controller"),
        ["NodeNotReady: Node node-5 status is now: NodeNotReady", "NodeNotReady: Node is not ready"]
    );
    let since = play.cluster.controller_manager().waits(play.cluster.core())[0].since;
    play.run(Duration::seconds(300));
    assert_eq!(
        play.events("taint-eviction-controller"),
        ["TaintManagerEviction: Marking for deletion Pod default/web-*-*"]
    );
    let evicted = play.history(Kind::Pod).into_iter().find(|(_, pod)| pod.meta.deleting()).unwrap().1;
    let waited = evicted.meta.deletion.unwrap().at.seconds() - evicted.meta.deletion.unwrap().grace_seconds;
    let epoch = ClusterSpec::default().epoch.seconds();
    assert_eq!(waited - epoch, (since.0 / 1000 + 300) as i64);
    let disrupted = evicted.body["status"]["conditions"].items().last().unwrap()["reason"].str();
    assert_eq!(disrupted, "DeletionByTaintManager");
    assert_eq!(play.events("replicaset-controller").len(), 7, "one pod is replaced");
    play.fault("node/node-5", None);
    play.run(Duration::seconds(30));
    assert!(play.object(Kind::Node, "node-5")["spec"]["taints"].is_empty());
    assert_eq!(play.events("node-controller").len(), 2, "it does not fall silent twice");
    assert_eq!(play.named(Kind::Pod).len(), 6, "the old pod is gone at last");
}

#[test]
fn a_pod_that_returns_in_time_is_not_evicted() {
    let mut play = Play::new();
    play.deploy("web", 6, doc!({ "type": "RollingUpdate" }));
    play.run(Duration::seconds(10));
    play.fault("node/node-5", Some(Fault::Partition));
    play.run(Duration::seconds(120));
    play.fault("node/node-5", None);
    play.run(Duration::seconds(300));
    assert_eq!(
        play.events("taint-eviction-controller"),
        ["TaintManagerEviction: Cancelling deletion of Pod default/web-*-*"]
    );
    assert_eq!(play.events("replicaset-controller").len(), 6);
}

#[test]
fn pods_of_a_deleted_node_are_collected() {
    let mut play = Play::new();
    play.deploy("web", 6, doc!({ "type": "RollingUpdate" }));
    play.run(Duration::seconds(10));
    play.fault("node/node-5", Some(Fault::PowerOff));
    play.ask("DELETE", "/api/v1/nodes/node-5", &Doc::Null);
    play.run(Duration::seconds(90));
    let mut pods = play.cluster.store().list(Kind::Pod);
    assert!(pods.all(|pod| pod.body["spec"]["nodeName"].as_str() != Some("node-5")));
    assert_eq!(play.events("replicaset-controller").len(), 7);
    let leases: Vec<&str> =
        play.cluster.store().list(Kind::Lease).map(|lease| lease.key.name.as_str()).collect();
    assert!(!leases.contains(&"node-5"), "its lease belongs to it: {leases:?}");
}

fn service(name: &str, selector: Doc, ports: Doc) -> Doc {
    doc!({ "metadata": { "name": name }, "spec": { "selector": selector, "ports": ports } })
}

const SERVICES: &str = "/api/v1/namespaces/default/services";

#[test]
fn slices_follow_the_pods() {
    let mut play = Play::new();
    play.ask(
        "POST",
        SERVICES,
        &service(
            "web",
            doc!({ "app": "web" }),
            doc!([{ "name": "http", "port": 80i64, "targetPort": 8080i64 }]),
        ),
    );
    play.run(Duration::seconds(1));
    let slice = |play: &Play| -> Object {
        let slices = play.cluster.store().list(Kind::EndpointSlice).cloned();
        let slices: Vec<_> = slices.filter(|slice| slice.key.name != "kubernetes").collect();
        assert_eq!(slices.len(), 1, "{slices:?}");
        (*slices[0]).clone()
    };
    assert_eq!(slice(&play).body, doc!({ "addressType": "IPv4", "endpoints": [] }));
    assert_eq!(plain(&slice(&play).key.name), "web-*");
    play.deploy("web", 3, doc!({ "type": "RollingUpdate" }));
    play.run(Duration::seconds(5));
    let full = slice(&play);
    assert_eq!(full.body["ports"], doc!([{ "name": "http", "port": 8080i64, "protocol": "TCP" }]));
    let states = |slice: &Object| -> Vec<String> {
        let endpoints = slice.body["endpoints"].items();
        endpoints.iter().map(|endpoint| endpoint["conditions"].to_json()).collect()
    };
    assert_eq!(states(&full), [r#"{"ready":true,"serving":true,"terminating":false}"#; 3]);
    let first = &full.body["endpoints"][0];
    assert!(["nodeName", "zone", "targetRef"].iter().all(|field| !first[*field].is_null()), "{first}");
    let pod = first["targetRef"]["name"].str();
    play.ask("DELETE", &format!("/api/v1/namespaces/default/pods/{pod}"), &Doc::Null);
    play.run(Duration::millis(500));
    let leaving = states(&slice(&play));
    assert_eq!(leaving[0], r#"{"ready":false,"serving":true,"terminating":true}"#);
    assert_eq!(leaving.len(), 4, "its successor is there, not ready yet");
    play.run(Duration::seconds(5));
    assert_eq!(states(&slice(&play)).len(), 3);
    play.patch_deployment("web", &doc!({ "spec": { "replicas": 0i64 } }));
    play.run(Duration::seconds(5));
    assert_eq!(slice(&play).body, doc!({ "addressType": "IPv4", "endpoints": [] }), "a placeholder stays");
    play.ask("DELETE", &format!("{SERVICES}/web"), &Doc::Null);
    play.run(Duration::seconds(1));
    assert_eq!(play.named(Kind::EndpointSlice), ["kubernetes"], "they go with their Service");
}

#[test]
fn owners_go_in_the_way_they_are_deleted() {
    let order = |propagation: &str| -> Vec<String> {
        let mut play = Play::new();
        play.deploy("web", 2, doc!({ "type": "RollingUpdate" }));
        play.run(Duration::seconds(10));
        play.seen = play.cluster.store().revision();
        play.ask("DELETE", &format!("{DEPLOYMENTS}/web"), &doc!({ "propagationPolicy": propagation }));
        play.run(Duration::seconds(20));
        let all = play.cluster.store().since(play.seen).unwrap();
        let gone = all.filter(|revision| revision.change == ChangeKind::Deleted);
        gone.filter(|revision| revision.object.key.kind != Kind::Event)
            .map(|revision| format!("{:?}", revision.object.key.kind))
            .collect()
    };
    assert_eq!(order("Background"), ["Deployment", "ReplicaSet", "Pod", "Pod"]);
    assert_eq!(order("Foreground"), ["Pod", "Pod", "ReplicaSet", "Deployment"]);
    assert_eq!(order("Orphan"), ["Deployment"]);
}

#[test]
fn a_namespace_goes_when_its_content_has_gone() {
    let mut play = Play::new();
    play.ask("POST", "/api/v1/namespaces", &doc!({ "metadata": { "name": "x" } }));
    let maps = "/api/v1/namespaces/x/configmaps";
    play.ask("POST", maps, &doc!({ "metadata": { "name": "c" } }));
    play.ask("POST", maps, &doc!({ "metadata": { "name": "held", "finalizers": ["example.com/hold"] } }));
    let pod = doc!({ "metadata": { "name": "p" }, "spec": { "containers": [{ "name": "c", "image": "nginx:1.25" }] } });
    play.ask("POST", "/api/v1/namespaces/x/pods", &pod);
    play.run(Duration::seconds(5));
    play.ask("DELETE", "/api/v1/namespaces/x", &Doc::Null);
    let count = |play: &Play| play.cluster.store().all().filter(|object| object.key.namespace == "x").count();
    let before = count(&play);
    play.run(Duration::seconds(4));
    assert_eq!(count(&play), before, "nothing happens for five seconds");
    play.run(Duration::seconds(20));
    let namespace = |play: &Play| play.object(Kind::Namespace, "x")["status"]["conditions"].clone();
    let told: Vec<String> = namespace(&play).items().iter().map(|c| c["message"].str().to_string()).collect();
    assert_eq!(
        told[3..],
        [
            "Some resources are remaining: configmaps. has 1 resource instances",
            "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances"
        ]
    );
    play.ask("PATCH", &format!("{maps}/held"), &doc!({ "metadata": { "finalizers": null } }));
    play.run(Duration::seconds(20));
    assert!(play.object(Kind::Namespace, "x").is_null());
    assert_eq!(count(&play), 0);
}

#[test]
fn a_namespace_that_others_hold_says_that_nothing_is_left() {
    let mut play = Play::new();
    play.ask("POST", "/api/v1/namespaces", &doc!({ "metadata": { "name": "x" } }));
    let held = doc!({
        "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": "x" },
        "spec": { "finalizers": ["kubernetes", "example.com/hold"] }
    });
    play.ask("PUT", "/api/v1/namespaces/x/finalize", &held);
    play.ask("DELETE", "/api/v1/namespaces/x", &Doc::Null);
    play.run(Duration::seconds(20));
    let namespace = play.object(Kind::Namespace, "x");
    assert_eq!(namespace["spec"]["finalizers"].to_json(), r#"["example.com/hold"]"#);
    let told: Vec<_> =
        namespace["status"]["conditions"].items().iter().map(|it| it["status"].str()).collect();
    assert_eq!(told, ["False"; 5]);
}

#[test]
fn a_crash_in_the_middle_leaves_no_pod_too_many() {
    let mut play = Play::new();
    play.deploy("web", 40, doc!({ "type": "RollingUpdate" }));
    for _ in 0..6 {
        play.run(Duration::millis(70));
        play.fault("component/kube-controller-manager", Some(Fault::Crash));
    }
    play.run(Duration::seconds(20));
    assert_eq!(play.named(Kind::Pod).len(), 40);
    assert_eq!(play.named(Kind::ReplicaSet).len(), 1);
    let most = play.history(Kind::Pod).iter().filter(|(change, _)| *change == ChangeKind::Added).count();
    assert_eq!(most, 40, "none was made to be deleted again");
}

/// Found by random simulation: the ReplicaSet expected its pods for ever.
#[test]
fn pods_that_came_and_went_while_the_watch_was_broken_are_made_again() {
    let mut play = Play::new();
    play.deploy("web", 1, Doc::Null);
    play.run(Duration::seconds(20));
    let pods = |play: &Play| -> Vec<Str> {
        play.cluster.store().list(Kind::Pod).map(|pod| pod.key.name.clone()).collect()
    };
    let first = pods(&play);
    let link = "link/kube-controller-manager~kube-apiserver";
    let pod = |name: &Str| format!("/api/v1/namespaces/default/pods/{name}");
    play.fault(link, Some(Fault::Drop));
    play.ask("PATCH", &pod(&first[0]), &doc!({ "metadata": { "annotations": { "seen": "no" } } }));
    play.fault(link, None);
    play.patch_deployment("web", &doc!({ "spec": { "replicas": 3i64 } }));
    play.run(Duration::seconds(2));
    let fresh: Vec<Str> = pods(&play).into_iter().filter(|name| !first.contains(name)).collect();
    assert_eq!(fresh.len(), 2);
    for name in &fresh {
        play.ask("DELETE", &format!("{}?gracePeriodSeconds=0", pod(name)), &Doc::Null);
    }
    play.run(Duration::seconds(60));
    assert_eq!(pods(&play), first, "what it asked for may still come");
    play.run(Duration::seconds(300));
    assert_eq!(play.object(Kind::Deployment, "web")["status"]["availableReplicas"], Doc::from(3));
}

#[test]
fn owners_in_a_circle_do_not_wait_for_one_another_for_ever() {
    let mut play = Play::new();
    let pods = "/api/v1/namespaces/default/pods";
    let made: Vec<Doc> = ["a", "b", "c"]
        .into_iter()
        .map(|name| {
            let pod = doc!({
                "metadata": { "name": name },
                "spec": { "nodeSelector": { "no": "where" }, "containers": [{ "name": "c", "image": "nginx" }] }
            });
            play.ask("POST", pods, &pod)
        })
        .collect();
    for (pod, owner) in made.iter().zip(made.iter().cycle().skip(1)) {
        let owner = doc!({
            "apiVersion": "v1", "kind": "Pod", "name": owner["metadata"]["name"].clone(),
            "uid": owner["metadata"]["uid"].clone(), "blockOwnerDeletion": true
        });
        let path = format!("{pods}/{}", pod["metadata"]["name"].str());
        play.ask("PATCH", &path, &doc!({ "metadata": { "ownerReferences": [owner] } }));
    }
    play.run(Duration::seconds(5));
    play.ask("DELETE", &format!("{pods}/a"), &doc!({ "propagationPolicy": "Foreground" }));
    play.run(Duration::seconds(30));
    assert_eq!(play.ask("GET", pods, &Doc::Null)["items"].items().len(), 0);
}
