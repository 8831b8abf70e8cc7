//! What random people do: deploy, scale, update, delete, break, mend.

use shared::api::{Key, Kind};
use shared::cluster::Action;
use shared::doc;
use shared::doc::{Doc, Str};
use shared::sim::{Duration, Fault, Target};

use super::world::World;

/// Apps the random person knows; each asks for little, so that they always fit on the nodes that are left.
const APPS: [&str; 3] = ["alpha", "beta", "gamma"];
/// Pods without an owner, whose names are used again and again.
const SOLOS: [&str; 2] = ["solo-0", "solo-1"];
const SCRIPTS: [&str; 5] = [
    "while true; do date; sleep 7; done",
    "trap 'exit 0' TERM; while true; do sleep 1; done",
    "wget -qO- http://alpha || exit 3; sleep 20",
    "sleep 15; [ -f /tmp/x ]",
    "sleep 40 & wait",
];
const IMAGES: [&str; 6] = ["web:0", "web:1", "web:2", "web:crash", "web:never-ready", "web:missing"];
const PROGRAMS: [&str; 6] =
    ["kube-apiserver", "kube-scheduler", "kube-controller-manager", "etcd", "coredns", "load-balancer"];
const NODE_PROGRAMS: [&str; 4] = ["kubelet", "kube-proxy", "containerd", "cni"];

const DEPLOYMENTS: &str = "/apis/apps/v1/namespaces/default/deployments";
const PODS: &str = "/api/v1/namespaces/default/pods";
const CONFIGMAPS: &str = "/api/v1/namespaces/default/configmaps";

impl World {
    fn some_node(&mut self) -> Str {
        let nodes = self.nodes.clone();
        self.pick(&nodes).expect("a cluster has nodes").as_str().into()
    }

    fn one_of(&mut self, words: &[&'static str]) -> &'static str {
        self.pick(words).copied().expect("some words")
    }

    pub fn random_step(&mut self) {
        match self.random.below(18) {
            0 | 1 => self.deploy(),
            2 | 3 => {
                let (app, replicas) = (self.one_of(&APPS), self.random.below(9) as i64);
                let path = format!("{DEPLOYMENTS}/{app}/scale");
                self.request("PATCH", path, &doc!({ "spec": { "replicas": replicas } }));
            }
            4 => {
                let (app, image) = (self.one_of(&APPS), self.one_of(&IMAGES));
                self.set_image(app, image);
            }
            5 => {
                let pods: Vec<Key> =
                    self.cluster.store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
                let force = if self.random.below(4) == 0 { "?gracePeriodSeconds=0" } else { "" };
                if let Some(pod) = self.pick(&pods).cloned() {
                    self.request("DELETE", format!("{PODS}/{}{force}", pod.name), &Doc::Null);
                }
            }
            6 => {
                let (node, cordon) = (self.some_node(), self.random.below(2) == 0);
                self.cordon(&node, cordon);
            }
            7 => {
                let app = self.one_of(&APPS);
                self.request("DELETE", format!("{DEPLOYMENTS}/{app}"), &Doc::Null);
            }
            8 | 9 => self.solo(),
            10 => match self.random.below(3) {
                0 => self.request("DELETE", format!("{CONFIGMAPS}/settings"), &Doc::Null),
                1 => self.settings(),
                _ => self.replace_node(),
            },
            11..=13 => self.random_fault(),
            14 => self.look_into_a_pod(),
            _ => {
                let broken = self.broken.clone();
                if let Some(target) = self.pick(&broken).cloned() {
                    self.broken.retain(|other| *other != target);
                    self.act(Action::Repair { target });
                }
            }
        }
    }

    fn deploy(&mut self) {
        let (app, replicas) = (self.one_of(&APPS), self.random.below(7) as i64);
        let mut container = container("web:0");
        let http = doc!({ "httpGet": { "path": "/", "port": 80i64 }, "periodSeconds": 3i64 });
        for probe in ["startupProbe", "livenessProbe", "readinessProbe"] {
            if self.random.below(3) == 0 {
                container.set(probe, http.clone());
            }
        }
        let template = doc!({
            "metadata": { "labels": { "app": app } },
            "spec": { "containers": [container], "terminationGracePeriodSeconds": (self.random.below(30) as i64) }
        });
        let body = doc!({
            "metadata": { "name": app },
            "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": app } }, "template": template }
        });
        self.request("POST", DEPLOYMENTS, &body);
        let kind = self.one_of(&["ClusterIP", "NodePort", "LoadBalancer", "LoadBalancer"]);
        let service = doc!({
            "metadata": { "name": app },
            "spec": { "type": kind, "selector": { "app": app }, "ports": [{ "port": 80i64 }] }
        });
        self.request("POST", "/api/v1/namespaces/default/services", &service);
    }

    fn set_image(&mut self, app: &str, image: &str) {
        let patch = doc!({ "spec": { "template": { "spec": { "containers": [(container(image))] } } } });
        self.request("PATCH", format!("{DEPLOYMENTS}/{app}"), &patch);
    }

    /// A pod without an owner; sometimes its environment comes from a ConfigMap that may not be there.
    fn solo(&mut self) {
        let name = self.one_of(&SOLOS);
        let mut container = container(self.one_of(&["job:ok", "job:bad", "web:0"]));
        if self.random.below(3) == 0 {
            container = self::container("busybox");
            let script = self.one_of(&SCRIPTS);
            container.set("command", doc!(["sh", "-c", script]));
        }
        if self.random.below(4) == 0 {
            let hook = doc!({ "exec": { "command": ["sleep", "2"] } });
            let hook_name = self.one_of(&["postStart", "preStop"]);
            container.set_at(&["lifecycle", hook_name], hook);
        }
        if self.random.below(2) == 0 {
            container.set("envFrom", doc!([{ "configMapRef": { "name": "settings" } }]));
        }
        let policy = self.one_of(&["Never", "OnFailure", "Always"]);
        let mut spec = doc!({ "restartPolicy": policy, "containers": [container] });
        if self.random.below(3) == 0 {
            let mut init = self::container("job:ok");
            init.set("name", "init");
            if self.random.below(2) == 0 {
                init.set("image", "web:0");
                init.set("restartPolicy", "Always");
            }
            spec.set("initContainers", doc!([init]));
        }
        if self.random.below(4) == 0 {
            spec.set("volumes", doc!([{ "name": "settings", "configMap": { "name": "settings" } }]));
        }
        if self.random.below(6) == 0 {
            spec.set("activeDeadlineSeconds", 15i64);
        }
        self.request("POST", PODS, &doc!({ "metadata": { "name": name }, "spec": spec }));
    }

    /// Reads a log, or runs a program that may take its time or end the pod's own.
    fn look_into_a_pod(&mut self) {
        let pods: Vec<Key> = self.cluster.store().list(Kind::Pod).map(|pod| pod.key.clone()).collect();
        let Some(pod) = self.pick(&pods).cloned() else { return };
        let container =
            if self.random.below(2) == 0 { "?container=web" } else { "?follow=true&container=web" };
        match self.random.below(3) {
            0 => self.request("GET", format!("{PODS}/{}/log{container}", pod.name), &Doc::Null),
            _ => {
                let command = self.one_of(&["ls", "sleep&command=30", "kill&command=1", "env"]);
                let path = format!("{PODS}/{}/exec?container=web&command={command}", pod.name);
                self.request("POST", path, &Doc::Null);
            }
        }
    }

    fn settings(&mut self) {
        let body = doc!({ "metadata": { "name": "settings" }, "data": { "COLOUR": "blue" } });
        self.request("POST", CONFIGMAPS, &body);
    }

    fn cordon(&mut self, node: &str, cordon: bool) {
        let patch = doc!({ "spec": { "unschedulable": cordon } });
        self.request("PATCH", format!("/api/v1/nodes/{node}"), &patch);
    }

    /// Takes a machine out for good; when it is repaired, its kubelet registers it anew.
    fn replace_node(&mut self) {
        let node = self.some_node();
        let target = Target::Node(node.clone());
        self.broken.push(target.clone());
        self.act(Action::Fault { target, fault: Fault::PowerOff });
        self.request("DELETE", format!("/api/v1/nodes/{node}"), &Doc::Null);
    }

    fn random_fault(&mut self) {
        let node = self.some_node();
        let (target, fault) = match self.random.below(11) {
            0..=2 => {
                let zone = format!("zone-{}", self.random.below(self.zones.min(self.nodes.len() as u64)));
                let whole = self.random.below(5) == 0;
                let target = if whole { Target::Zone(zone.into()) } else { Target::Node(node) };
                let off = self.random.below(3) > 0;
                (target, if off { Fault::PowerOff } else { Fault::Partition })
            }
            3..=7 => {
                let target = match self.one_of(&[&PROGRAMS[..], &NODE_PROGRAMS, &NODE_PROGRAMS].concat()) {
                    "etcd" => Target::Etcd(self.random.below(self.members) as u32),
                    program if NODE_PROGRAMS.contains(&program) => {
                        Target::Component(program.into(), Some(node))
                    }
                    program if self.members > 1 && program.starts_with("kube-") => {
                        let number = self.random.below(self.members);
                        Target::Component(format!("{program}-{number}").into(), None)
                    }
                    program => Target::Component(program.into(), None),
                };
                (target, if self.random.below(2) == 0 { Fault::Crash } else { Fault::Stop })
            }
            8 => {
                let memory = self.random.below(2) == 0;
                (Target::Node(node), if memory { Fault::FillMemory } else { Fault::FillDisk })
            }
            _ => {
                let (a, b) = self.some_link(node);
                let by = Duration::millis(1 + self.random.below(900));
                let fault = if self.random.below(3) == 0 { Fault::Drop } else { Fault::Delay { by } };
                (Target::Link(a, b), fault)
            }
        };
        self.broken.push(target.clone());
        self.act(Action::Fault { target, fault });
    }

    fn some_link(&mut self, node: Str) -> (Str, Str) {
        let other = self.some_node();
        let server: Str = "kube-apiserver".into();
        if self.members > 1 && self.random.below(2) == 0 {
            let (a, b) = (self.random.below(self.members), self.random.below(self.members));
            let other: Str = format!("etcd/{b}").into();
            let end = if a == b { "kube-apiserver" } else { "etcd" };
            let sign = if a == b { '-' } else { '/' };
            return (format!("{end}{sign}{a}").into(), other);
        }
        match self.random.below(6) {
            0 => ("kube-scheduler".into(), server),
            1 => ("kube-controller-manager".into(), server),
            2 => ("load-balancer".into(), if self.random.below(2) == 0 { server } else { node }),
            3 => (format!("kube-proxy@{node}").into(), server),
            4 if other != node => (node, other),
            _ => (format!("kubelet@{node}").into(), server),
        }
    }

    /// Mends everything, and asks for what the nodes can run.
    pub fn mend(&mut self) {
        for target in std::mem::take(&mut self.broken) {
            self.act(Action::Repair { target });
        }
        for node in self.nodes.clone() {
            self.act(Action::Repair { target: Target::Node(node.as_str().into()) });
        }
        // Whoever could not reach the API server has noticed by then that it is back.
        self.wait(Duration::seconds(60));
        for node in self.nodes.clone() {
            self.cordon(&node, false);
        }
        self.settings();
        for app in APPS {
            self.set_image(app, "web:0");
            let replicas = self.random.below(4) as i64;
            let path = format!("{DEPLOYMENTS}/{app}/scale");
            self.request("PATCH", path, &doc!({ "spec": { "replicas": replicas } }));
        }
    }
}

fn container(image: &str) -> Doc {
    doc!({
        "name": "web", "image": image, "imagePullPolicy": "IfNotPresent",
        "resources": { "requests": { "cpu": "50m", "memory": "32Mi" } }
    })
}
