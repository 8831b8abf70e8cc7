//! Random commands and faults over random clusters, with rules that must hold whatever happens.
//!
//! `SEEDS=1000` tries more seeds, `SEED=17` one; a failure prints the seed and every step that led to it.

use std::collections::BTreeMap;
use std::fmt::Write;

use shared::api::core::node::Node;
use shared::api::core::pod::Pod;
use shared::api::{Key, Kind, Object, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup, Outcome};
use shared::doc;
use shared::doc::Doc;
use shared::sim::{Duration, Fault, Process, Random, Target, Time};

/// Apps the random person knows; each asks for little, so that they always fit on the nodes that are left.
const APPS: [&str; 3] = ["alpha", "beta", "gamma"];
const STEPS: u64 = 60;

struct World {
    cluster: Cluster,
    /// Gets the same commands: determinism means that it ends in the same state.
    twin: Cluster,
    random: Random,
    nodes: Vec<String>,
    log: String,
    broken: Vec<Target>,
}

impl World {
    fn new(seed: u64) -> World {
        let mut random = Random::stream(seed, "simulation");
        let count = 1 + random.below(6) as u32;
        let zones = 1 + random.below(3);
        let groups = (0..count).map(|at| NodeGroup {
            zone: format!("zone-{}", u64::from(at) % zones).into(),
            ..NodeGroup::of(1)
        });
        let spec = ClusterSpec { nodes: groups.collect(), ..ClusterSpec::default() };
        let cluster = Cluster::new(&spec, seed, 0).expect("a sound specification");
        World {
            twin: cluster.clone(),
            cluster,
            random,
            nodes: (0..count).map(|at| format!("node-{at}")).collect(),
            log: format!("seed {seed}: {count} nodes in {zones} zones\n"),
            broken: Vec::new(),
        }
    }

    fn act(&mut self, action: Action) {
        let command = Command { at: self.cluster.now(), user: User::admin(), action };
        let line = doc::parse_json(&serde_json::to_string(&command.action).expect("actions print"));
        let _ = writeln!(self.log, "  {:?} {}", command.at, line.expect("what was printed reads back"));
        self.cluster.apply(command.clone());
        self.twin.apply(command);
    }

    fn request(&mut self, method: &str, path: String, body: Doc) {
        let content_type =
            if method == "PATCH" { "application/merge-patch+json" } else { "application/json" };
        self.act(Action::Request(HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: content_type.into(),
            body: if body.is_null() { "".into() } else { body.to_json().into() },
            ..HttpRequest::default()
        }));
    }

    fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.random.below(items.len() as u64) as usize) }
    }

    fn some_node(&mut self) -> String {
        let nodes = self.nodes.clone();
        self.pick(&nodes).expect("a cluster has nodes").clone()
    }

    fn some_app(&mut self) -> &'static str {
        APPS[self.random.below(APPS.len() as u64) as usize]
    }

    fn random_step(&mut self) {
        match self.random.below(12) {
            0 | 1 => {
                let (app, replicas) = (self.some_app(), self.random.below(7) as i64);
                self.request(
                    "POST",
                    "/apis/apps/v1/namespaces/default/deployments".into(),
                    deployment(app, replicas),
                );
                self.request("POST", "/api/v1/namespaces/default/services".into(), service(app));
            }
            2 | 3 => {
                let (app, replicas) = (self.some_app(), self.random.below(9) as i64);
                self.request(
                    "PATCH",
                    format!("/apis/apps/v1/namespaces/default/deployments/{app}/scale"),
                    doc!({ "spec": { "replicas": replicas } }),
                );
            }
            4 => {
                let (app, version) = (self.some_app(), self.random.below(3));
                let image = format!("web:{version}");
                self.request(
                    "PATCH",
                    format!("/apis/apps/v1/namespaces/default/deployments/{app}"),
                    doc!({ "spec": { "template": { "metadata": { "labels": { "app": app, "version": format!("v{version}") } },
                        "spec": { "containers": [{ "name": "web", "image": image, "resources": { "requests": { "cpu": "50m" } } }] } } } }),
                );
            }
            5 => {
                let pods: Vec<Key> =
                    self.cluster.store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
                if let Some(pod) = self.pick(&pods) {
                    self.request(
                        "DELETE",
                        format!("/api/v1/namespaces/default/pods/{}", pod.name),
                        Doc::Null,
                    );
                }
            }
            6 => {
                let (node, cordon) = (self.some_node(), self.random.below(2) == 0);
                self.request(
                    "PATCH",
                    format!("/api/v1/nodes/{node}"),
                    doc!({ "spec": { "unschedulable": cordon } }),
                );
            }
            7 => {
                let app = self.some_app();
                self.request(
                    "DELETE",
                    format!("/apis/apps/v1/namespaces/default/deployments/{app}"),
                    Doc::Null,
                );
            }
            8 | 9 => self.random_fault(),
            _ => {
                let broken = self.broken.clone();
                if let Some(target) = self.pick(&broken).cloned() {
                    self.broken.retain(|other| *other != target);
                    self.act(Action::Repair { target });
                }
            }
        }
    }

    fn random_fault(&mut self) {
        let node = self.some_node();
        let on_node = |program: &str| Target::Component(program.into(), Some(node.as_str().into()));
        let program = |name: &str| Target::Component(name.into(), None);
        let (target, fault) = match self.random.below(10) {
            0 | 1 => (Target::Node(node.as_str().into()), Fault::PowerOff),
            2 => (Target::Node(node.as_str().into()), Fault::Partition),
            3 => (program("kube-scheduler"), Fault::Crash),
            4 => (program("kube-controller-manager"), Fault::Crash),
            5 => (program("kube-apiserver"), Fault::Stop),
            6 => (Target::Etcd(0), Fault::Stop),
            7 => (on_node("kubelet"), Fault::Crash),
            8 => (on_node("kube-proxy"), Fault::Stop),
            _ => (
                Target::Link("kube-scheduler".into(), "kube-apiserver".into()),
                Fault::Delay { by: Duration::millis(1 + self.random.below(900)) },
            ),
        };
        self.broken.push(target.clone());
        self.act(Action::Fault { target, fault });
    }

    fn wait(&mut self, length: Duration) {
        let until = self.cluster.now() + length;
        self.cluster.advance_to(until);
        self.twin.advance_to(until);
        for (number, outcome) in self.cluster.take_outcomes() {
            if let Outcome::Refused(why) = outcome
                && !why.contains("its machine has no power")
            {
                self.fail(&format!("command {number} was refused: {why}"));
            }
        }
        self.twin.take_outcomes();
        self.check();
    }

    fn fail(&self, why: &str) -> ! {
        let mut pods = String::new();
        for object in self.cluster.store().list(Kind::Pod) {
            let Some(pod) = object.view::<Pod>() else { continue };
            let owner = object.meta.controller().map_or("nobody", |owner| owner.name.as_str());
            let fate = if object.meta.deleting() { ", being deleted" } else { "" };
            let _ = writeln!(
                pods,
                "  {} of {owner} on {:?}: {}{fate}, ready {}, address {:?}",
                object.key,
                pod.node_name,
                pod.phase.as_str(),
                pod.ready,
                pod.ip
            );
        }
        for object in self.cluster.store().list(Kind::ReplicaSet) {
            let owner = object.meta.controller();
            let alive = owner.is_some_and(|owner| {
                let key = Key::new(Kind::Deployment, object.key.namespace.clone(), owner.name.clone());
                self.cluster.store().get(&key).is_some_and(|deployment| deployment.meta.uid == owner.uid)
            });
            let (wanted, status) = (&object.body["spec"]["replicas"], &object.body["status"]);
            let _ = writeln!(pods, "  {} with a living owner {alive}: {wanted} {status}", object.key);
        }
        panic!("{why}\nat {:?}, with\n{pods}after\n{}", self.cluster.now(), self.log);
    }

    /// What must hold at every moment.
    fn check(&self) {
        let pods: Vec<(&Object, &Pod)> = self
            .cluster
            .store()
            .list(Kind::Pod)
            .filter_map(|object| Some((&**object, object.view::<Pod>()?)))
            .collect();
        let mut addresses = BTreeMap::new();
        let mut used: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        for (object, pod) in pods.iter().filter(|(_, pod)| !pod.phase.is_terminal()) {
            if !pod.ip.is_empty()
                && let Some(other) = addresses.insert(pod.ip.clone(), &object.key)
            {
                self.fail(&format!("{} and {other} both have the address {}", object.key, pod.ip));
            }
            if !pod.node_name.is_empty() {
                let sum = used.entry(&pod.node_name).or_default();
                *sum = (sum.0 + pod.spec.cpu_milli, sum.1 + pod.spec.memory, sum.2 + 1);
            }
        }
        for object in self.cluster.store().list(Kind::Node) {
            let Some(node) = object.view::<Node>() else { continue };
            let (cpu, memory, count) = used.get(object.key.name.as_str()).copied().unwrap_or_default();
            if cpu > node.cpu_milli || memory > node.memory || count > node.pods {
                self.fail(&format!(
                    "{} is over-committed: {cpu}m CPU, {memory} bytes, {count} pods",
                    object.key
                ));
            }
        }
    }

    /// With everything mended and time to settle, the cluster must be what was asked for.
    fn converge(&mut self) {
        for target in std::mem::take(&mut self.broken) {
            self.act(Action::Repair { target });
        }
        for node in self.nodes.clone() {
            self.act(Action::Repair { target: Target::Node(node.as_str().into()) });
            self.request(
                "PATCH",
                format!("/api/v1/nodes/{node}"),
                doc!({ "spec": { "unschedulable": false } }),
            );
        }
        self.wait(Duration::seconds(5));
        // What could not reach a stopped API server is asked for again.
        for node in self.nodes.clone() {
            self.request(
                "PATCH",
                format!("/api/v1/nodes/{node}"),
                doc!({ "spec": { "unschedulable": false } }),
            );
        }
        self.wait(Duration::seconds(20 * 60));
        for process in [Process::Scheduler(0), Process::ControllerManager(0), Process::ApiServer(0)] {
            assert!(self.cluster.core().running(process), "{process} runs again");
        }
        for object in self.cluster.store().list(Kind::Deployment) {
            let wanted = object.body["spec"]["replicas"].as_i64().unwrap_or(1);
            let available = object.body["status"]["availableReplicas"].as_i64().unwrap_or(0);
            let owned = self
                .cluster
                .store()
                .list(Kind::Pod)
                .filter(|pod| pod.meta.label("app") == object.key.name)
                .count();
            if wanted != available || owned as i64 != wanted {
                self.fail(&format!("{}: {wanted} wanted, {available} available, {owned} pods", object.key));
            }
        }
        for node in self.cluster.store().list(Kind::Node) {
            if node.view::<Node>().is_none_or(|node| node.ready != "True" || !node.taints.is_empty()) {
                self.fail(&format!("{} has not recovered: {}", node.key, node.body["spec"]));
            }
        }
        if self.cluster.hash() != self.twin.hash() {
            self.fail("two runs of the same commands ended in different states");
        }
    }
}

fn deployment(name: &str, replicas: i64) -> Doc {
    doc!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{ "name": "web", "image": "web:0", "resources": { "requests": { "cpu": "50m", "memory": "32Mi" } } }] }
            }
        }
    })
}

fn service(name: &str) -> Doc {
    doc!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name },
        "spec": { "selector": { "app": name }, "ports": [{ "port": 80i64 }] }
    })
}

#[test]
fn random_lives() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(24),
    };
    let total = seeds.end - seeds.start;
    for (done, seed) in seeds.enumerate() {
        let mut world = World::new(seed);
        world.wait(Duration::seconds(10));
        for _ in 0..STEPS {
            world.random_step();
            // Anything from a moment to two minutes, short ones as likely as long ones.
            let longest = 1 << world.random.below(17);
            let pause = Duration::millis(10 + world.random.below(longest));
            world.wait(pause);
        }
        world.converge();
        assert!(world.cluster.now() > Time::ZERO);
        if (done + 1) % 10 == 0 {
            eprintln!("{} of {total} seeds", done + 1);
        }
    }
}
