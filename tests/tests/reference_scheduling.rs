//! The scheduler against what a real one did: the recorded placements, and the exact words for pods that fit nowhere.

use std::collections::BTreeMap;

use serde_json::Value;
use shared::api::{Key, Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, Outcome};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::scheduler::AttemptOutcome;
use shared::sim::{Duration, Fault, Target, Time};

use crate::support;
use crate::support::ledger;

/// What was compared, and what differs.
type Verdict = (String, Result<(), String>);

/// Nothing when there is nothing to complain of.
fn outcome(id: &Value, complaints: &[String]) -> Verdict {
    let outcome = if complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) };
    (id.as_str().expect("an id").to_owned(), outcome)
}

/// Six nodes as those of the recordings, whose kubelets are stood in for by what they would write.
struct World(Cluster);

impl World {
    /// The same before there are any nodes.
    fn bare(seed: u64) -> World {
        let spec = ClusterSpec { nodes: Vec::new(), storage: false, ..ClusterSpec::default() };
        World(Cluster::new(&spec, seed, 100_000).expect("a good specification"))
    }

    fn new(seed: u64) -> World {
        let mut world = World::bare(seed);
        for node in 0..6u32 {
            world.add_node(node);
        }
        world.settle();
        world
    }

    fn add_node(&mut self, number: u32) {
        let name = format!("node-{number}");
        let zone = ["zone-a", "zone-b", "zone-c"][(number % 3) as usize];
        self.post(
            "/api/v1/nodes",
            &doc!({
                "apiVersion": "v1", "kind": "Node",
                "metadata": { "name": &*name, "labels": {
                    "kubernetes.io/hostname": &*name, "topology.kubernetes.io/zone": zone,
                    "topology.kubernetes.io/region": "region-1"
                } },
                "status": {
                    "allocatable": { "cpu": "4", "memory": "16Gi", "pods": "110" },
                    "conditions": [{ "type": "Ready", "status": "True" }]
                }
            }),
        );
    }

    fn send(&mut self, method: &str, path: &str, content_type: &str, body: &Doc) {
        let request = HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: content_type.into(),
            accept: Str::new(),
            body: body.to_json().into(),
            ..HttpRequest::default()
        };
        let command = Command { at: self.0.now(), user: User::admin(), action: Action::Request(request) };
        let number = self.0.apply(command);
        let until = self.0.now() + Duration::millis(40);
        self.0.advance_to(until);
        let outcomes = self.0.take_outcomes();
        let answer = outcomes.iter().find(|(of, _)| *of == number).map(|(_, outcome)| outcome);
        match answer {
            Some(Outcome::Http(response)) if response.is_success() => {}
            other => panic!("{method} {path}: {other:?}"),
        }
    }

    fn act(&mut self, action: Action) {
        let now = self.0.now();
        self.0.apply(Command { at: now, user: User::admin(), action });
        self.0.advance_to(now);
        let failed = |outcome: &Outcome| matches!(outcome, Outcome::Refused(_));
        let outcomes = self.0.take_outcomes();
        assert!(!outcomes.iter().any(|(_, outcome)| failed(outcome)), "{outcomes:?}");
    }

    /// Sends a pod without waiting for the answer.
    fn apply_at_once(&mut self, yaml: &str) {
        let body = shared::manifest::parse(yaml).expect("YAML")[0].doc.to_json();
        let request = HttpRequest {
            method: "POST".into(),
            path: "/api/v1/namespaces/default/pods".into(),
            body: body.into(),
            ..HttpRequest::default()
        };
        let now = self.0.now();
        self.0.apply(Command { at: now, user: User::admin(), action: Action::Request(request) });
        self.0.advance_to(now + Duration::millis(1));
    }

    fn post(&mut self, path: &str, body: &Doc) {
        self.send("POST", path, "application/json", body);
    }

    fn settle(&mut self) {
        let until = self.0.now() + Duration::seconds(2);
        self.0.advance_to(until);
    }

    /// Does what a recording did beforehand.
    fn prepare(&mut self, step: &Value) {
        if let Some(yaml) = step["apply"].as_str() {
            return self.apply(yaml);
        }
        let words: Vec<&str> = step.as_str().expect("a command").split(' ').collect();
        match words.as_slice() {
            ["cordon", node] => self.patch_node(node, &doc!({ "spec": { "unschedulable": true } })),
            ["taint", "node", node, taint] => {
                let (rest, effect) = taint.split_once(':').expect("an effect");
                let (key, value) = rest.split_once('=').expect("a value");
                let taint = doc!({ "key": key, "value": value, "effect": effect });
                self.patch_node(node, &doc!({ "spec": { "taints": [taint] } }));
            }
            other => panic!("an unknown command: {other:?}"),
        }
        self.settle();
    }

    fn patch_node(&mut self, node: &str, patch: &Doc) {
        self.send("PATCH", &format!("/api/v1/nodes/{node}"), "application/strategic-merge-patch+json", patch);
    }

    /// Creates what the YAML says and waits until it has been seen to.
    fn apply(&mut self, yaml: &str) {
        let documents = shared::manifest::parse(yaml).expect("YAML");
        for document in documents {
            match document.doc["kind"].as_str() {
                Some("Pod") => self.post("/api/v1/namespaces/default/pods", &document.doc),
                Some("Deployment") => {
                    self.post("/apis/apps/v1/namespaces/default/deployments", &document.doc)
                }
                Some("PersistentVolumeClaim") => {
                    self.post("/api/v1/namespaces/default/persistentvolumeclaims", &document.doc)
                }
                kind => panic!("an unknown kind: {kind:?}"),
            }
        }
        self.settle();
    }

    fn pods(&self) -> impl Iterator<Item = Doc> {
        self.0.store().list(Kind::Pod).map(|pod| pod.to_doc())
    }

    fn condition(&self, pod: &str) -> Doc {
        let doc = self.0.read(&Key::new(Kind::Pod, "default", pod));
        let scheduled = |condition: &&Doc| condition["type"].as_str() == Some("PodScheduled");
        doc["status"]["conditions"].items().iter().find(scheduled).cloned().unwrap_or_default()
    }
}

/// The recorded cases; none where there are no recordings.
fn recorded(name: &str) -> Vec<Value> {
    let Some(path) = support::reference(name) else { return Vec::new() };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// Pods per node, fullest zone first and fullest node of a zone first: what chance cannot change.
fn shape(counts: &BTreeMap<String, u64>) -> Vec<Vec<u64>> {
    let of = |node: u32| counts.get(&format!("node-{node}")).copied().unwrap_or(0);
    let mut zones: Vec<Vec<u64>> = (0..3).map(|zone| vec![of(zone), of(zone + 3)]).collect();
    zones.iter_mut().for_each(|zone| zone.sort());
    zones.sort();
    zones
}

#[test]
fn pods_are_spread_as_a_real_scheduler_spreads_them() {
    let mut outcomes = Vec::new();
    for case in recorded("placements.json") {
        let mut failures = Vec::new();
        let recorded: Vec<BTreeMap<String, u64>> = case["runs"]
            .as_array()
            .expect("runs")
            .iter()
            .map(|run| serde_json::from_value(run["counts"].clone()).expect("counts"))
            .collect();
        for seed in 0..8 {
            let mut world = World::new(seed);
            case["before"].as_array().expect("steps").iter().for_each(|step| world.prepare(step));
            world.apply(case["yaml"].as_str().expect("YAML"));
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for pod in world.pods() {
                let node = pod["spec"]["nodeName"].str();
                *counts
                    .entry(if node.is_empty() { "PENDING".into() } else { node.to_string() })
                    .or_default() += 1;
            }
            let alike = recorded
                .iter()
                .any(|run| shape(run) == shape(&counts) && run.get("PENDING") == counts.get("PENDING"));
            if !alike {
                failures.push(format!("{} (seed {seed}): {counts:?}, recorded {recorded:?}", case["id"]));
            }
            let message = case["runs"][0]["pending_msg"][0].as_str();
            for pod in world.pods().filter(|pod| pod["spec"]["nodeName"].is_null()) {
                let said = world.condition(&pod["metadata"]["name"].str())["message"].str();
                if Some(&*said) != message {
                    failures.push(format!("{}: {said}", case["id"]));
                }
            }
        }
        outcomes.push(outcome(&case["id"], &failures));
    }
    if !outcomes.is_empty() {
        ledger::settle("placements.json", &outcomes);
    }
}

#[test]
fn pods_that_fit_nowhere_are_told_why_in_the_same_words() {
    let mut outcomes = Vec::new();
    let mut world = World::new(1);
    let mut done = 0;
    for case in recorded("unschedulable.json") {
        // Each case repeats the steps of the cases before it and adds its own.
        let steps = case["before"].as_array().expect("steps");
        if steps.len() < done {
            world = World::new(1);
            done = 0;
        }
        steps[done..].iter().for_each(|step| world.prepare(step));
        done = steps.len();
        let yaml = case["yaml"].as_str().expect("YAML");
        world.apply(yaml);
        let name = shared::manifest::parse(yaml).expect("YAML")[0].doc["metadata"]["name"].str();
        let condition = world.condition(&name);
        if condition["message"].as_str() != case["message"].as_str()
            || condition["reason"].as_str() != case["reason"].as_str()
        {
            outcomes.push(outcome(&case["id"], &[format!("{condition}\n{}", case["message"])]));
        } else {
            outcomes.push(outcome(&case["id"], &[]));
        }
    }
    if !outcomes.is_empty() {
        ledger::settle("unschedulable.json", &outcomes);
    }
}

#[test]
fn every_attempt_can_be_explained_from_what_it_saw() {
    let mut world = World::new(3);
    world.prepare(&Value::from("cordon node-2"));
    world.prepare(&Value::from("taint node node-3 a=b:NoSchedule"));
    for number in 0..12 {
        world.apply(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: p{number}}}\nspec: {{containers: [{{name: c, image: nginx}}]}}"
        ));
    }
    // What comes later does not change what is said of before.
    world.prepare(&Value::from("cordon node-1"));
    let keys: Vec<Key> = world.0.store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
    assert_eq!(keys.len(), 12);
    for key in keys {
        let attempts = world.0.scheduler().attempts(&key);
        let [attempt] = attempts.as_slice() else { panic!("{key}: {} attempts", attempts.len()) };
        let explanation = attempt.explain().expect("still known");
        let AttemptOutcome::Assigned(node) = attempt.outcome() else { panic!("{key}: not assigned") };
        assert_eq!(explanation.chosen.as_ref(), Some(node));
        assert!(explanation.tied.contains(node), "{key} went to {node}, best were {:?}", explanation.tied);
        assert_eq!(explanation.nodes.len(), 6);
        let why_not = |name: &str| {
            let verdict = explanation.nodes.iter().find(|verdict| verdict.node == name).expect("looked at");
            verdict.filter.last().cloned().expect("a verdict")
        };
        assert_eq!(why_not("node-2"), ("NodeUnschedulable", Err("node(s) were unschedulable".into())));
        assert_eq!(why_not("node-3"), ("TaintToleration", Err("node(s) had untolerated taint(s)".into())));
        assert!(why_not("node-1").1.is_ok(), "it was cordoned only afterwards");
    }
}

/// What the scheduler keeps of nodes from one attempt to the next must be what it would find if it looked anew, as
/// explanations do: nodes join, change zones and labels, are cordoned and go while pods wait, round by round.
#[test]
fn what_is_kept_of_nodes_is_right_while_they_join_under_waiting_pods() {
    let deployment = |name: &str, replicas: u32, more: &str| {
        format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}}}\nspec:\n  replicas: {replicas}\n  \
             selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    \
             spec: {{{more}containers: [{{name: c, image: nginx, resources: {{requests: {{cpu: 700m, memory: 1Gi}}}}}}]}}\n"
        )
    };
    let term = |app: &str, topology: &str| {
        format!("{{labelSelector: {{matchLabels: {{app: {app}}}}}, topologyKey: {topology}}}")
    };
    let (zone, host) = ("topology.kubernetes.io/zone", "kubernetes.io/hostname");
    let spread = |app: &str, topology: &str, when: &str| {
        format!(
            "topologySpreadConstraints: [{{maxSkew: 1, topologyKey: {topology}, whenUnsatisfiable: {when}, \
             labelSelector: {{matchLabels: {{app: {app}}}}}}}], "
        )
    };
    let mine = |kind: &str, required: &str| {
        format!("affinity: {{{kind}: {{requiredDuringSchedulingIgnoredDuringExecution: [{required}]}}}}, ")
    };
    let prefers = |kind: &str, term: &str| {
        format!(
            "affinity: {{{kind}: {{preferredDuringSchedulingIgnoredDuringExecution: [{{weight: 50, podAffinityTerm: {term}}}]}}}}, "
        )
    };
    for seed in 0..4 {
        let mut world = World::bare(seed);
        for (name, more) in [
            ("plain", String::new()),
            ("zones", spread("zones", zone, "DoNotSchedule")),
            ("hosts", spread("hosts", host, "ScheduleAnyway")),
            ("apart", mine("podAntiAffinity", &term("apart", host))),
            ("near", mine("podAffinity", &term("zones", zone))),
            ("shy", prefers("podAntiAffinity", &term("plain", zone))),
            ("social", prefers("podAffinity", &term("hosts", host))),
        ] {
            world.apply(&deployment(name, 9, &more));
        }
        for round in 0..6u32 {
            for node in [2 * round, 2 * round + 1] {
                world.add_node(node);
                if (node + seed as u32).is_multiple_of(3) {
                    world.settle();
                }
            }
            let earlier = format!("node-{round}");
            match round {
                2 => world.patch_node(
                    &earlier,
                    &doc!({ "metadata": { "labels": { "topology.kubernetes.io/zone": "zone-d" } } }),
                ),
                3 => world.patch_node(&earlier, &doc!({ "spec": { "unschedulable": true } })),
                4 => {
                    let taint = doc!({ "key": "a", "effect": "PreferNoSchedule" });
                    world.patch_node(&earlier, &doc!({ "spec": { "taints": [taint] } }));
                    world.send("DELETE", "/api/v1/nodes/node-0", "application/json", &Doc::Null);
                }
                _ => {}
            }
            world.settle();
            world.settle();
        }
        let keys: Vec<Key> = world.0.store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
        let (mut assigned, mut refused) = (0, 0);
        for key in keys {
            for attempt in world.0.scheduler().attempts(&key) {
                let Some(explanation) = attempt.explain() else { continue };
                let feasible = explanation.nodes.iter().filter(|verdict| verdict.feasible());
                let feasible: Vec<&Str> = feasible.map(|verdict| &verdict.node).collect();
                let AttemptOutcome::Assigned(node) = attempt.outcome() else {
                    refused += 1;
                    assert!(feasible.is_empty(), "seed {seed}: {key} fits on {feasible:?}");
                    continue;
                };
                assigned += 1;
                // One alone is taken whatever it scores.
                let best = if feasible.len() == 1 { feasible } else { explanation.tied.iter().collect() };
                assert!(best.contains(&node), "seed {seed}: {key} went to {node}, best were {best:?}");
            }
        }
        assert!(assigned > 20 && refused > 20, "seed {seed}: {assigned} assigned, {refused} not");
    }
}

#[test]
fn a_pod_that_claims_devices_waits_for_them() {
    let mut world = World::new(1);
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {resourceClaims: [{name: gpu, resourceClaimName: gpu}], \
         containers: [{name: c, image: nginx, resources: {claims: [{name: gpu}]}}]}",
    );
    let pod = world.0.read(&Key::new(Kind::Pod, "default", "p"));
    // Nothing is said of it: it was never tried.
    assert!(pod["spec"]["nodeName"].is_null() && pod["status"]["conditions"].is_null(), "{pod}");
}

#[test]
fn a_pod_that_fits_nowhere_is_bound_once_it_can_be() {
    let mut world = World::new(5);
    for node in 0..6 {
        world.prepare(&Value::from(format!("cordon node-{node}")));
    }
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}",
    );
    assert_eq!(world.condition("p")["status"].as_str(), Some("False"));
    world.patch_node("node-4", &doc!({ "spec": { "unschedulable": false } }));
    world.settle();
    let pod = world.0.read(&Key::new(Kind::Pod, "default", "p"));
    assert_eq!(pod["spec"]["nodeName"].as_str(), Some("node-4"));
    assert_eq!(world.condition("p")["status"].as_str(), Some("True"));
    let said: Vec<Doc> = world.0.store().list(Kind::Event).map(|event| event.to_doc()).collect();
    let with =
        |reason: &str| said.iter().find(|event| event["reason"].as_str() == Some(reason)).expect("an event");
    assert_eq!(with("Scheduled")["message"].as_str(), Some("Successfully assigned default/p to node-4"));
    assert_eq!(with("FailedScheduling")["type"].as_str(), Some("Warning"));
    assert!(world.0.now() < Time(40_000), "no time-out had to help");
}

#[test]
fn a_stopped_scheduler_leaves_pods_pending_and_catches_up_when_it_is_back() {
    let mut world = World::new(9);
    let target = Target::parse("component/kube-scheduler").expect("a target");
    world.act(Action::Fault { target: target.clone(), fault: Fault::Stop });
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: nginx}]}",
    );
    let node = |world: &World| world.0.read(&Key::new(Kind::Pod, "default", "p"))["spec"]["nodeName"].clone();
    assert!(node(&world).is_null(), "nobody is there to place it");
    world.act(Action::Repair { target: target.clone() });
    world.settle();
    assert!(!node(&world).is_null(), "it lists what it missed");
    // In the middle of a burst it forgets what it assumed; nothing is placed twice or lost.
    for number in 0..20 {
        world.apply_at_once(&format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: b-{number}}}\nspec: {{containers: [{{name: c, image: nginx}}]}}"
        ));
    }
    world.act(Action::Fault { target, fault: Fault::Crash });
    world.settle();
    assert!(world.pods().all(|pod| !pod["spec"]["nodeName"].is_null()));
}
