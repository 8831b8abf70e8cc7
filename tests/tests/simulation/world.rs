//! A random cluster, its twin, and what is broken in it.

use std::fmt::Write;

use shared::api::core::pod::Pod;
use shared::api::{Key, Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, ControlPlane, NodeGroup, Outcome};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::runtime::ImageSpec;
use shared::sim::{Duration, Options, ProxyMode, Random, Target};

pub struct World {
    pub cluster: Cluster,
    /// Gets the same commands: determinism means that it ends in the same state. Now and then it is replaced by a
    /// copy of the cluster as it is: a snapshot goes on like what it was taken of.
    pub twin: Cluster,
    pub random: Random,
    pub nodes: Vec<String>,
    pub zones: u64,
    /// Members of the control plane.
    pub members: u64,
    pub broken: Vec<Target>,
    /// How many watches there are while nothing is broken.
    pub watches: u64,
    log: String,
}

/// Good images, slow ones, and such as end, crash or cannot be had.
fn images() -> impl Iterator<Item = (Str, ImageSpec)> {
    let server = || ImageSpec { ports: vec![80], ..ImageSpec::default() };
    let ends = |after, exit_code| ImageSpec {
        exit_after: Some(Duration::seconds(after)),
        exit_code,
        ..ImageSpec::default()
    };
    let slow = ImageSpec {
        start: Some(Duration::seconds(4)),
        ready_delay: Duration::seconds(7),
        stop: Some(Duration::seconds(12)),
        ..server()
    };
    [
        ("web:0", server()),
        ("web:1", slow),
        ("web:2", ImageSpec { pull: Some(Duration::seconds(45)), ..server() }),
        ("web:crash", ImageSpec { ports: vec![80], ..ends(3, 1) }),
        ("web:never-ready", ImageSpec { ports: vec![81], ..ImageSpec::default() }),
        ("web:missing", ImageSpec { missing: true, ..server() }),
        ("job:ok", ends(20, 0)),
        ("job:bad", ends(10, 2)),
    ]
    .into_iter()
    .map(|(name, image)| (name.into(), image))
}

impl World {
    pub fn new(seed: u64) -> World {
        let mut random = Random::stream(seed, "simulation");
        let count = 1 + random.below(6) as u32;
        let zones = 1 + random.below(3);
        let cpu: Str = if random.below(2) == 0 { "1".into() } else { "4".into() };
        let groups = (0..count).map(|at| NodeGroup {
            zone: format!("zone-{}", u64::from(at) % zones).into(),
            cpu: cpu.clone(),
            pods: 20,
            ..NodeGroup::of(1)
        });
        let proxy_mode = if random.below(2) == 0 { ProxyMode::Ipvs } else { ProxyMode::Iptables };
        let options = Options { proxy_mode, visitors_per_second_milli: 500, ..Options::default() };
        let images = images().collect();
        // Most clusters have one member of everything.
        let members = [1, 1, 3, 5][(seed % 4) as usize];
        let control_plane = ControlPlane { members, ..ControlPlane::default() };
        let options = Options { etcd_snapshot_count: 300, ..options };
        let nodes = groups.collect();
        let spec = ClusterSpec { control_plane, nodes, images, options, ..ClusterSpec::default() };
        let cluster = Cluster::new(&spec, seed, 0).expect("a sound specification");
        let mut world = World {
            twin: cluster.clone(),
            cluster,
            random,
            nodes: (0..count).map(|at| format!("node-{at}")).collect(),
            zones,
            members: members.into(),
            broken: Vec::new(),
            watches: 0,
            log: format!("seed {seed}: {count} nodes of {cpu} CPU in {zones} zones, {members} members\n"),
        };
        // Several members have to elect their leaders first.
        world.wait(Duration::seconds(if members > 1 { 30 } else { 5 }));
        world.watches = world.count_watches();
        world
    }

    pub fn count_watches(&self) -> u64 {
        self.cluster.apiservers().iter().map(|server| server.watches().len()).sum()
    }

    pub fn act(&mut self, action: Action) {
        let command = Command { at: self.cluster.now(), user: User::admin(), action };
        let line = doc::parse_json(&serde_json::to_string(&command.action).expect("actions print"));
        let _ = writeln!(self.log, "  {:?} {}", command.at, line.expect("what was printed reads back"));
        self.cluster.apply(command.clone());
        self.twin.apply(command);
    }

    pub fn request(&mut self, method: &str, path: impl Into<Str>, body: &Doc) {
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

    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() { None } else { items.get(self.random.below(items.len() as u64) as usize) }
    }

    pub fn wait(&mut self, length: Duration) {
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
        if self.random.below(8) == 0 {
            if self.cluster.hash() != self.twin.hash() {
                self.fail("two runs of the same commands are in different states");
            }
            self.twin = self.cluster.clone();
        }
        self.check();
    }

    pub fn fail(&self, why: &str) -> ! {
        let mut all = String::new();
        for object in self.cluster.store().list(Kind::Pod) {
            let Some(pod) = object.view::<Pod>() else { continue };
            let owner = object.meta.controller().map_or("nobody", |owner| owner.name.as_str());
            let fate = if object.meta.deleting() { ", being deleted" } else { "" };
            let _ = writeln!(
                all,
                "  {} of {owner} on {:?}: {} {}{fate}, ready {}, address {:?}",
                object.key,
                pod.node_name,
                pod.phase.as_str(),
                object.body["status"]["message"],
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
            let _ = writeln!(all, "  {} with a living owner {alive}: {wanted} {status}", object.key);
        }
        panic!("{why}\nat {:?}, with\n{all}after\n{}", self.cluster.now(), self.log);
    }
}
