//! What must hold: always, and once everything is mended and has settled.

use std::collections::{BTreeMap, BTreeSet};

use shared::api::core::node::Node;
use shared::api::core::pod::{Phase, Pod};
use shared::api::core::service::Service;
use shared::api::discovery::endpointslice::EndpointSlice;
use shared::api::{Key, Kind, Object, Uid};
use shared::doc::Str;
use shared::sim::{Duration, Process};

use super::world::World;

impl World {
    fn pods(&self) -> impl Iterator<Item = (&Object, &Pod)> {
        let all = self.cluster.store().list(Kind::Pod);
        all.filter_map(|object| Some((&**object, object.view::<Pod>()?)))
    }

    /// Whether a pod's address is of its node's range. A node that is made anew gets another range, and others may get
    /// the old one before its pods are cleared away.
    fn is_at_home(&self, pod: &Pod) -> bool {
        let node = self.cluster.store().get(&Key::new(Kind::Node, "", pod.node_name.as_str()));
        let range = node.and_then(|node| node.view::<Node>()).map(|node| node.pod_cidr.clone());
        let range = range.as_deref().and_then(|range| range.strip_suffix("0/24"));
        range.is_some_and(|prefix| pod.ip.starts_with(prefix))
    }

    /// What must hold at every moment.
    pub fn check(&self) {
        let mut addresses = BTreeMap::new();
        let mut used: BTreeMap<&str, (i64, i64, i64)> = BTreeMap::new();
        for (object, pod) in self.pods().filter(|(_, pod)| !pod.phase.is_terminal()) {
            if self.is_at_home(pod)
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
    pub fn check_settled(&self) {
        self.check_programs();
        self.check_workloads();
        self.check_pods();
        self.check_runtimes();
        self.check_traffic();
        self.check_watches();
        if self.cluster.hash() != self.twin.hash() {
            self.fail("two runs of the same commands ended in different states");
        }
    }

    fn check_programs(&self) {
        for process in [Process::Scheduler(0), Process::ControllerManager(0), Process::ApiServer(0)] {
            if !self.cluster.core().running(process) {
                self.fail(&format!("{process} does not run"));
            }
        }
        if let Some(etcd) = self.cluster.etcd() {
            let commit = etcd.members[0].commit;
            if etcd.members.iter().any(|member| member.commit.abs_diff(commit) > 5) {
                self.fail(&format!("members of etcd are apart: {etcd:?}"));
            }
            if self.cluster.leaders().count() != 2 {
                self.fail("not every component has one replica that works");
            }
        }
        for node in self.cluster.store().list(Kind::Node) {
            if node.view::<Node>().is_none_or(|node| node.ready != "True" || !node.taints.is_empty()) {
                self.fail(&format!("{} has not recovered: {}", node.key, node.body));
            }
        }
        if self.cluster.store().list(Kind::Node).count() != self.nodes.len() {
            self.fail("a node is not registered");
        }
    }

    /// Nobody's watch is forgotten by its owner and kept by the server.
    fn check_watches(&self) {
        let watches = self.count_watches();
        if watches != self.watches {
            self.fail(&format!("{watches} watches are open, {} were at the beginning", self.watches));
        }
    }

    fn check_workloads(&self) {
        for object in self.cluster.store().list(Kind::Deployment) {
            let wanted = object.body["spec"]["replicas"].as_i64().unwrap_or(1);
            let available = object.body["status"]["availableReplicas"].as_i64().unwrap_or(0);
            // Pods that a kubelet refused stay behind.
            let living = self.pods().filter(|(_, pod)| !pod.phase.is_terminal());
            let owned = living.filter(|(pod, _)| pod.meta.label("app") == object.key.name).count();
            if wanted != available || owned as i64 != wanted {
                self.fail(&format!("{}: {wanted} wanted, {available} available, {owned} pods", object.key));
            }
        }
        for object in self.cluster.store().list(Kind::ReplicaSet) {
            let wanted = &object.body["spec"]["replicas"];
            let count = |field: &str| object.body["status"][field].as_i64().unwrap_or(0);
            let counts = [count("replicas"), count("readyReplicas"), count("availableReplicas")];
            if counts.iter().any(|&count| Some(count) != wanted.as_i64()) {
                self.fail(&format!("{} has not converged", object.key));
            }
        }
    }

    /// No pod waits for anything any more.
    fn check_pods(&self) {
        for (object, pod) in self.pods() {
            let ends =
                pod.spec.restart_policy != "Always" && pod.spec.containers[0].image.starts_with("job:");
            let ended_well = pod.spec.containers[0].image == "job:ok";
            let reason = object.body["status"]["reason"].as_str();
            let fine = match pod.phase {
                Phase::Running => !ends || (pod.spec.restart_policy == "OnFailure" && !ended_well),
                // The kubelet itself ends what has to go, whatever its policy.
                Phase::Failed if matches!(reason, Some("Evicted" | "DeadlineExceeded")) => true,
                Phase::Succeeded | Phase::Failed => pod.spec.restart_policy != "Always" || pod.ip.is_empty(),
                Phase::Pending | Phase::Unknown => false,
            };
            if !fine || object.meta.deleting() || pod.node_name.is_empty() {
                self.fail(&format!("{} is stuck: {}", object.key, object.body["status"]));
            }
        }
    }

    /// Runtimes have what the API says, and nothing else.
    fn check_runtimes(&self) {
        for (machine, name) in (0u32..).zip(&self.nodes) {
            let runtime = self.cluster.runtime(machine);
            let bound: BTreeMap<Uid, &Pod> = self
                .pods()
                .filter(|(_, pod)| pod.node_name == name.as_str())
                .map(|(object, pod)| (object.meta.uid, pod))
                .collect();
            for (uid, sandbox) in runtime.sandboxes() {
                if !bound.contains_key(uid) {
                    self.fail(&format!("{name} still has a sandbox of {}", sandbox.key));
                }
            }
            for (uid, pod) in bound.iter().filter(|(_, pod)| pod.phase == Phase::Running) {
                let Some(sandbox) = runtime.sandboxes().get(uid) else {
                    self.fail(&format!("{name} has no sandbox for {:?}", pod.ip));
                };
                let running = sandbox.containers.iter().any(|container| container.running());
                let ip = std::net::Ipv4Addr::from(sandbox.ip).to_string();
                if ip != pod.ip.as_str() || (pod.ready && !running) {
                    self.fail(&format!("{}: the API says {:?}, the runtime {ip}", sandbox.key, pod.ip));
                }
            }
            let known = self.cluster.kubelet(machine).pods().count();
            if known != bound.len() {
                self.fail(&format!("the kubelet of {name} looks after {known} pods of {}", bound.len()));
            }
        }
    }

    /// Slices list the ready pods, and visitors reach them through every Service of type LoadBalancer.
    fn check_traffic(&self) {
        for service in self.cluster.store().list(Kind::Service) {
            let Some(view) = service.view::<Service>().filter(|view| view.selector.is_some()) else {
                continue;
            };
            let app = service.key.name.as_str();
            let ready: BTreeSet<Str> = self
                .pods()
                .filter(|(object, pod)| object.meta.label("app") == app && pod.ready)
                .map(|(_, pod)| pod.ip.clone())
                .collect();
            let slices = self.cluster.store().list(Kind::EndpointSlice);
            let slices = slices.filter(|slice| slice.meta.label("kubernetes.io/service-name") == app);
            let listed: Vec<_> = slices
                .filter_map(|slice| slice.view::<EndpointSlice>())
                .flat_map(|slice| &slice.endpoints)
                .map(|endpoint| (endpoint.address.clone(), endpoint.ready))
                .collect();
            let addresses: BTreeSet<Str> = listed.iter().map(|(address, _)| address.clone()).collect();
            if addresses != ready || listed.len() != ready.len() || listed.iter().any(|(_, ready)| !ready) {
                self.fail(&format!("{}: ready {ready:?}, listed {listed:?}", service.key));
            }
            let key = Key::new(Kind::Endpoints, service.key.namespace.clone(), service.key.name.clone());
            let legacy = self.cluster.read(&key);
            let legacy: BTreeSet<Str> =
                legacy["subsets"][0]["addresses"].items().iter().map(|address| address["ip"].str()).collect();
            if legacy != ready {
                self.fail(&format!("{key}: ready {ready:?}, listed {legacy:?}"));
            }
            if view.kind == "LoadBalancer" && !ready.is_empty() {
                let now = self.cluster.now();
                let tally = self.cluster.network().visitors().by_service.get(&service.key);
                let recent: Vec<_> = tally.map_or(Vec::new(), |tally| {
                    tally.recent.iter().filter(|it| now.since(it.at) < Duration::seconds(30)).collect()
                });
                if recent.len() < 10 || recent.iter().any(|result| !result.ok) {
                    self.fail(&format!("visitors of {}: {recent:?}", service.key));
                }
            }
        }
        for machine in 0..self.nodes.len() as u32 {
            if self.cluster.network().proxies().is_stale(machine) {
                self.fail(&format!("the kube-proxy of node-{machine} does not follow the API"));
            }
        }
    }
}
