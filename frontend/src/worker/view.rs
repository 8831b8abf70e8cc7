//! Reads off a cluster what the page shows of it.

use shared::api::Uid;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use shared::{
    api::{
        Kind, Object,
        apps::{deployment::Deployment, replicaset::ReplicaSet},
        core::{
            node::Node as NodeView,
            pod::{Phase, Pod as PodView},
            service::Service as ServiceView,
        },
        discovery::endpointslice::EndpointSlice,
    },
    cluster::Cluster,
    sim::Process,
};

use crate::{
    protocol::{Component, Container, Delta, Keyed, Node, Pod, PodShape, Service, Workload},
    view_model::{Table, follow},
};

/// The label that ties an EndpointSlice to its Service.
pub(super) const SERVICE_NAME: &str = "kubernetes.io/service-name";

/// Workloads and Services of a large cluster that are told of.
const MOST_TOLD: usize = 200;
/// Pods behind a Service that are told of one by one.
const ENDPOINTS: usize = 500;
/// Containers of a pod that are told of one by one.
const CONTAINERS: usize = 24;
/// A container's probes.
const PROBES: [&str; 3] = ["startupProbe", "livenessProbe", "readinessProbe"];
/// ConfigMaps of a pod that are told of.
const CONFIG_MAPS: usize = 4;

/// What the page shows of a cluster at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Nodes, by name.
    pub nodes: Table<Node>,
    /// Pods, by UID.
    pub pods: Table<Pod>,
    /// Deployments and bare ReplicaSets, by UID.
    pub workloads: Table<Workload>,
    /// Services, by UID.
    pub services: Table<Service>,
    /// The control plane, by place.
    pub components: Table<Component>,
}

/// The control plane's programs.
const PROGRAMS: [Process; 4] =
    [Process::ApiServer(0), Process::Scheduler(0), Process::ControllerManager(0), Process::Etcd(0)];

impl View {
    /// Looks at a cluster. `accented` holds the UIDs of pods that the last human action brought about.
    pub fn of(cluster: &Cluster, accented: &BTreeSet<Uid>) -> Self {
        let mut view = Self::default();
        let pods = cluster.store().list(Kind::Pod).filter_map(|object| read_pod(cluster, object, accented));
        follow(&mut view.pods, all(pods));
        follow(&mut view.nodes, all(read_nodes(cluster)));
        follow(&mut view.workloads, all(read_workloads(cluster)));
        follow(&mut view.services, all(read_services(cluster)));
        follow(
            &mut view.components,
            all(PROGRAMS.into_iter().map(|program| read_component(cluster, program))),
        );
        view
    }
}

impl View {
    /// Looks at a large cluster, past its nodes and pods.
    pub fn from_afar(cluster: &Cluster) -> Self {
        let mut view = Self::default();
        follow(&mut view.workloads, all(read_workloads(cluster).take(MOST_TOLD)));
        follow(&mut view.services, all(read_services(cluster).into_iter().take(MOST_TOLD)));
        let programs = PROGRAMS.into_iter().map(|program| read_component(cluster, program));
        follow(&mut view.components, all(programs));
        view
    }
}

fn all<T>(set: impl IntoIterator<Item = T>) -> Delta<T> {
    Delta { set: set.into_iter().collect(), gone: Vec::new() }
}

/// What must be said to bring a page from `old` to `new`.
pub fn delta<T: Keyed + Clone + PartialEq>(old: &Table<T>, new: &Table<T>) -> Delta<T> {
    let changed = new.iter().filter(|(key, thing)| old.get(*key) != Some(thing));
    Delta {
        set: changed.map(|(_, thing)| T::clone(thing)).collect(),
        gone: old.keys().filter(|key| !new.contains_key(*key)).cloned().collect(),
    }
}

/// Leaves `most` of the changes from `old` to `new`, and takes the others out of `new`. Whether there were others.
pub fn hold_back<T: Keyed>(most: usize, delta: &mut Delta<T>, old: &Table<T>, new: &mut Table<T>) -> bool {
    let left = most.saturating_sub(delta.gone.len());
    let gone = delta.gone.split_off(most.min(delta.gone.len()));
    let set = delta.set.split_off(left.min(delta.set.len()));
    for key in gone.iter().map(String::as_str).chain(set.iter().map(Keyed::key)) {
        match old.get(key) {
            Some(before) => new.insert(key.to_owned(), Arc::clone(before)),
            None => new.remove(key),
        };
    }
    !gone.is_empty() || !set.is_empty()
}

fn read_nodes(cluster: &Cluster) -> Vec<Node> {
    let mut requested: BTreeMap<&str, (i64, i64)> = BTreeMap::new();
    for object in cluster.store().list(Kind::Pod) {
        let Some(pod) = object.view::<PodView>().filter(|pod| !pod.phase.is_terminal()) else { continue };
        let sum = requested.entry(pod.node_name.as_str()).or_default();
        sum.0 += pod.spec.cpu_milli;
        sum.1 += pod.spec.memory;
    }
    let core = cluster.core();
    let of_machine = |(number, machine): (usize, &shared::sim::Machine)| {
        let number = u32::try_from(number).expect("a cluster has at most 5,000 machines");
        let key = shared::api::Key::new(Kind::Node, "", machine.name.clone());
        let object = cluster.store().get(&key);
        let known = object.and_then(|object| object.view::<NodeView>());
        let (cpu, memory) = requested.get(machine.name.as_str()).copied().unwrap_or_default();
        Node {
            name: machine.name.to_string(),
            zone: machine.zone.to_string(),
            power: machine.powered,
            ready: known.map_or(String::new(), |node| node.ready.to_string()),
            cordoned: known.is_some_and(|node| node.unschedulable),
            taints: known.map_or(Vec::new(), |node| {
                node.taints.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect()
            }),
            cpu_milli: (cpu, known.map_or(machine.cpu_milli, |node| node.cpu_milli)),
            memory: (memory, known.map_or(machine.memory, |node| node.memory)),
            max_pods: u32::try_from(machine.pods).unwrap_or(u32::MAX),
            kubelet: core.running(Process::Kubelet(number)),
            kube_proxy: core.running(Process::KubeProxy(number)),
            runtime: core.running(Process::Runtime(number)),
        }
    };
    core.machines.iter().enumerate().map(of_machine).collect()
}

/// A Deployment's name, of its ReplicaSet's.
fn without_hash<'a>(owner: &'a str, pod: &Object) -> &'a str {
    let name = owner.strip_suffix(pod.meta.label("pod-template-hash")).unwrap_or(owner);
    name.trim_end_matches('-')
}

fn read_pod(cluster: &Cluster, object: &Object, accented: &BTreeSet<Uid>) -> Option<Pod> {
    let pod = object.view::<PodView>()?;
    let row = Kind::Pod.resource().row(object, cluster.core().timestamp());
    // The printer's columns: NAME READY STATUS RESTARTS AGE.
    let status = row.get(2).cloned().unwrap_or_default();
    let ready = row.get(1).and_then(|cell| {
        let (part, all) = cell.split_once('/')?;
        Some((part.parse().ok()?, all.parse().ok()?))
    });
    let owner = object.meta.controller().map_or("", |owner| owner.name.as_str());
    let app =
        Some(object.meta.label("app")).filter(|app| !app.is_empty() && object.key.name.starts_with(*app));
    Some(Pod {
        uid: object.meta.uid.text().to_string(),
        name: object.key.name.to_string(),
        namespace: object.key.namespace.to_string(),
        node: pod.node_name.to_string(),
        shape: shape(pod, &status, object.meta.deleting()),
        status,
        reason: object.body["status"]["reason"].as_str().unwrap_or_default().to_owned(),
        ready: ready.unwrap_or_default(),
        restarts: pod.restarts,
        app: app.unwrap_or_else(|| without_hash(owner, object)).to_owned(),
        owner: owner.to_owned(),
        accent: accented.contains(&object.meta.uid),
        workload: workload_of(cluster, object),
        containers: read_containers(object),
        config_maps: config_maps(object),
        oom_killed: oom_killed(object),
    })
}

/// The UID of what a pod belongs to in the end: its owner, or its owner's.
fn workload_of(cluster: &Cluster, pod: &Object) -> String {
    let Some(owner) = pod.meta.controller() else { return String::new() };
    let above = match owner.kind.as_str() {
        "ReplicaSet" => Some(Kind::ReplicaSet),
        "Job" => Some(Kind::Job),
        _ => None,
    };
    let above = above.and_then(|kind| {
        let key = shared::api::Key::new(kind, pod.key.namespace.clone(), owner.name.clone());
        Some(cluster.store().get(&key)?.meta.controller()?.uid)
    });
    above.unwrap_or(owner.uid).text().to_string()
}

pub(super) fn read_containers(pod: &Object) -> Vec<Container> {
    let statuses = pod.body["status"]["containerStatuses"].items();
    let read = |spec: &shared::doc::Doc| {
        let name = spec["name"].as_str().unwrap_or_default();
        let status = statuses.iter().find(|status| status["name"].as_str() == Some(name));
        let restarts = status.and_then(|status| status["restartCount"].as_i64()).unwrap_or(0);
        Container {
            name: name.to_owned(),
            image: spec["image"].as_str().unwrap_or_default().to_owned(),
            running: status.is_some_and(|status| !status["state"]["running"].is_null()),
            ready: status.is_some_and(|status| status["ready"].as_bool() == Some(true)),
            restarts: u32::try_from(restarts).unwrap_or(0),
            probed: PROBES.iter().any(|probe| !spec[*probe].is_null()),
        }
    };
    pod.body["spec"]["containers"].items().iter().take(CONTAINERS).map(read).collect()
}

/// The ConfigMaps that a pod names for its files and its variables.
fn config_maps(pod: &Object) -> Vec<String> {
    let spec = &pod.body["spec"];
    let containers = ["initContainers", "containers"].into_iter().flat_map(|list| spec[list].items());
    let variables = containers.flat_map(|container| {
        let each = container["env"].items().iter().map(|it| &it["valueFrom"]["configMapKeyRef"]["name"]);
        each.chain(container["envFrom"].items().iter().map(|it| &it["configMapRef"]["name"]))
    });
    let files = spec["volumes"].items().iter().map(|volume| &volume["configMap"]["name"]);
    let names: BTreeSet<&str> = variables.chain(files).filter_map(shared::doc::Doc::as_str).collect();
    names.into_iter().take(CONFIG_MAPS).map(ToOwned::to_owned).collect()
}

fn oom_killed(pod: &Object) -> bool {
    let killed = |state: &shared::doc::Doc| state["terminated"]["reason"].as_str() == Some("OOMKilled");
    let mut statuses = pod.body["status"]["containerStatuses"].items().iter();
    statuses.any(|status| killed(&status["state"]) || killed(&status["lastState"]))
}

pub(super) fn shape(pod: &PodView, status: &str, deleting: bool) -> PodShape {
    let failing = status.contains("BackOff") || status.contains("Err") || status.contains("Crash");
    match pod.phase {
        _ if deleting => PodShape::Terminating,
        Phase::Failed => PodShape::Failing,
        Phase::Succeeded => PodShape::Succeeded,
        Phase::Unknown => PodShape::Unknown,
        _ if failing => PodShape::Failing,
        Phase::Running if pod.ready => PodShape::Ready,
        Phase::Running => PodShape::Running,
        Phase::Pending if pod.node_name.is_empty() || status == "Pending" => PodShape::Pending,
        Phase::Pending => PodShape::Starting,
    }
}

/// Kinds that look after a number of pods.
pub(super) const WORKLOADS: [Kind; 5] =
    [Kind::Deployment, Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet, Kind::Job];

fn read_workloads(cluster: &Cluster) -> impl Iterator<Item = Workload> {
    workloads(cluster).filter_map(workload)
}

/// The objects of these kinds.
pub(super) fn workloads(cluster: &Cluster) -> impl Iterator<Item = &Object> {
    WORKLOADS.into_iter().flat_map(|kind| cluster.store().list(kind)).map(|object| &**object)
}

/// What is shown of an object that looks after pods; of a ReplicaSet only where it has no Deployment.
pub(super) fn workload(object: &Object) -> Option<Workload> {
    let [spec, status] = [&object.body["spec"], &object.body["status"]];
    let count = |field: &str| u32::try_from(status[field].as_i64().unwrap_or(0)).unwrap_or(0);
    let (wanted, available) = match object.key.kind {
        Kind::Deployment => (object.view::<Deployment>()?.replicas, count("availableReplicas")),
        Kind::ReplicaSet if object.meta.controller().is_none() => {
            (object.view::<ReplicaSet>()?.replicas, count("availableReplicas"))
        }
        Kind::StatefulSet => (spec["replicas"].as_i64().unwrap_or(1), count("availableReplicas")),
        Kind::DaemonSet => (status["desiredNumberScheduled"].as_i64().unwrap_or(1), count("numberAvailable")),
        Kind::Job => (spec["completions"].as_i64().unwrap_or(1), count("active") + count("succeeded")),
        _ => return None,
    };
    Some(Workload {
        uid: object.meta.uid.text().to_string(),
        kind: object.key.kind.info().kind.to_owned(),
        namespace: object.key.namespace.to_string(),
        name: object.key.name.to_string(),
        available,
        wanted: u32::try_from(wanted).unwrap_or(0),
    })
}

fn read_services(cluster: &Cluster) -> Vec<Service> {
    let store = cluster.store();
    let endpoints = |service: &Object| {
        let mut uids = BTreeSet::new();
        for slice in store.list_namespace(Kind::EndpointSlice, &service.key.namespace) {
            if slice.meta.label(SERVICE_NAME) != service.key.name.as_str() {
                continue;
            }
            let ready = slice.view::<EndpointSlice>().into_iter().flat_map(|slice| &slice.endpoints);
            for endpoint in ready.filter(|endpoint| endpoint.ready && !endpoint.pod.is_empty()) {
                let key =
                    shared::api::Key::new(Kind::Pod, service.key.namespace.clone(), endpoint.pod.clone());
                uids.extend(store.get(&key).map(|pod| pod.meta.uid.text().to_string()));
            }
        }
        let count = u32::try_from(uids.len()).unwrap_or(u32::MAX);
        (uids.into_iter().take(ENDPOINTS).collect(), count)
    };
    let read = |object: &Arc<Object>| {
        let service = object.view::<ServiceView>()?;
        let port = service.ports.first().map_or(String::new(), |port| format!(":{}", port.port));
        let (endpoints, count) = endpoints(object);
        let address =
            if service.load_balancer_ip.is_empty() { &service.cluster_ip } else { &service.load_balancer_ip };
        Some(Service {
            uid: object.meta.uid.text().to_string(),
            namespace: object.key.namespace.to_string(),
            name: object.key.name.to_string(),
            kind: service.kind.to_string(),
            address: if address.is_empty() { String::new() } else { format!("{address}{port}") },
            endpoints,
            count,
        })
    };
    // Every cluster has the one that leads to its API server; nobody visits it.
    let made = |service: &&Arc<Object>| service.meta.label("provider") != "kubernetes";
    store.list(Kind::Service).filter(made).filter_map(read).collect()
}

/// How many members run a program of the control plane, and how many there are; `None` where it is alone.
fn members(cluster: &Cluster, program: Process) -> Option<(usize, usize)> {
    let of = |member| match program {
        Process::ApiServer(_) => Process::ApiServer(member),
        Process::Scheduler(_) => Process::Scheduler(member),
        Process::ControllerManager(_) => Process::ControllerManager(member),
        _ => Process::Etcd(member),
    };
    let all = &cluster.etcd()?.members;
    let running = all.iter().filter(|status| cluster.core().running(of(status.member))).count();
    Some((running, all.len()))
}

/// Whether a program of the control plane does its work: one of several members stands in for another, and of etcd more than half
/// have to run.
fn works(cluster: &Cluster, program: Process) -> bool {
    let Some((running, all)) = members(cluster, program) else { return cluster.core().running(program) };
    let least = if let Process::Etcd(_) = program { all / 2 + 1 } else { 1 };
    running >= least
}

fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn read_component(cluster: &Cluster, program: Process) -> Component {
    let etcd = matches!(program, Process::Etcd(_));
    let queue = match program {
        Process::Scheduler(_) => {
            let lengths = cluster.scheduler().queue_lengths();
            lengths.active + lengths.backoff + lengths.unschedulable
        }
        Process::ControllerManager(_) => {
            cluster.controller_manager().queues().iter().map(|(_, length)| length).sum()
        }
        _ => 0,
    };
    Component {
        place: program.program().to_owned(),
        up: works(cluster, program),
        queue: u32::try_from(queue).unwrap_or(u32::MAX),
        revision: if etcd { cluster.store().revision() } else { 0 },
        objects: if etcd { u32::try_from(cluster.store().len()).unwrap_or(u32::MAX) } else { 0 },
        members: members(cluster, program)
            .filter(|_| etcd)
            .map_or((0, 0), |(running, all)| (short(running), short(all))),
    }
}
