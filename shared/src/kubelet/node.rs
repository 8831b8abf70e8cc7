//! The kubelet's own Node: registration, lease, status.

use std::sync::Arc;

use crate::api::core::event::Involved;
use crate::api::core::node::Node;
use crate::api::{Key, Kind, Object, PatchKind, Reply, Request, Status, Subresource, Uid};
use crate::client::Severity;
use crate::codec::Codec;
use crate::doc::{Doc, Entries, Str, Timestamp};
use crate::runtime::{full_reference, image_id};
use crate::sim::{Causes, Context, CriCall, Duration, Machine, Process, Random, Time, Timer, hash_of};
use crate::{doc, doc::literal};

use super::eviction::Resource;
use super::{Kubelet, Pending};

/// The version that everything here is like.
const VERSION: &str = "v1.36.2";
const NO_NETWORK: &str = "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady \
                          message:Network plugin returns error: cni plugin not initialized";
/// A condition's name, and reason and message while all is well and while it is not.
const MEMORY_WORDS: [&str; 5] = [
    "MemoryPressure",
    "KubeletHasSufficientMemory",
    "kubelet has sufficient memory available",
    "KubeletHasInsufficientMemory",
    "kubelet has insufficient memory available",
];
const DISK_WORDS: [&str; 5] = [
    "DiskPressure",
    "KubeletHasNoDiskPressure",
    "kubelet has no disk pressure",
    "KubeletHasDiskPressure",
    "kubelet has disk pressure",
];
/// How large the disk of a node is.
pub(super) const DISK_BYTES: i64 = 104_857_600 << 10;
/// Resources that are the machine's own, beside huge pages.
const OWN: [&str; 4] = ["cpu", "memory", "pods", "ephemeral-storage"];
/// Drivers that were once a part of Kubernetes.
const MIGRATED: Str = literal!(
    "kubernetes.io/aws-ebs,kubernetes.io/azure-disk,kubernetes.io/azure-file,kubernetes.io/cinder,kubernetes.io/gce-pd,\
     kubernetes.io/portworx-volume,kubernetes.io/vsphere-volume"
);
/// Kubelets that start together spread over this.
const STAGGER: Duration = Duration::millis(1000);

/// Signs of life.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Heartbeat {
    /// When the lease was last renewed, as the API server confirmed.
    pub renewed: Option<Time>,
    /// When it is renewed next.
    pub next: Time,
    /// When the node's status was last posted.
    pub posted: Option<Time>,
}

/// An image on the node.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Image {
    pub id: Str,
    /// The whole reference.
    pub full: Str,
    pub bytes: u64,
}

/// What a kubelet remembers of its node.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct NodeState {
    pub heartbeat: Heartbeat,
    random: Random,
    registered: bool,
    failures: u32,
    cidr: Str,
    boot: u32,
    /// What condition Ready says, and since when.
    ready: bool,
    why_not: &'static str,
    ready_since: Timestamp,
    /// Whether the status has to be posted at the next occasion.
    dirty: bool,
    images: u64,
    beating: bool,
    pub uid: Uid,
    lease: Doc,
    /// What the API says of it, since it changed there.
    said: Said,
    /// Whether it was told last that no pods are to come.
    cordoned: bool,
    /// What its status says of the machine, since this start of it.
    fixed: (u32, Doc),
}

/// What the API says of the node that its kubelet may have to mend.
#[derive(Codec, Clone, Copy, Debug, Hash, Default)]
struct Said {
    /// Whether it is ready; `None` while it is not there.
    ready: Option<bool>,
    /// Whether somebody advertised what is not the machine's own, or took it back.
    advertises: bool,
    /// Whether no pods are to come.
    cordoned: bool,
}

impl NodeState {
    pub fn new(name: &str, seed: u64) -> NodeState {
        NodeState {
            heartbeat: Heartbeat::default(),
            random: Random::stream(seed, &format!("kubelet/{name}")),
            registered: false,
            failures: 0,
            cidr: Str::new(),
            boot: 0,
            ready: false,
            why_not: "[container runtime status check may not have completed yet]",
            ready_since: Timestamp::default(),
            dirty: true,
            images: 0,
            beating: false,
            uid: Uid::NONE,
            lease: Doc::Null,
            said: Said::default(),
            cordoned: false,
            fixed: (0, Doc::Null),
        }
    }

    pub fn stagger(&mut self) -> Duration {
        Duration::millis(self.random.below(STAGGER.0))
    }

    /// Some part of a length.
    pub fn draw(&mut self, most: Duration) -> Duration {
        Duration::millis(self.random.below(most.0.max(1)))
    }

    /// The status is to be posted at the next occasion.
    pub fn touch(&mut self) {
        self.dirty = true;
    }

    pub fn has_network(&self) -> bool {
        !self.cidr.is_empty()
    }
}

impl Kubelet {
    fn node_key(&self) -> Key {
        Key::new(Kind::Node, Str::new(), self.name.clone())
    }

    fn lease_key(&self) -> Key {
        Key::new(Kind::Lease, literal!("kube-node-lease"), self.name.clone())
    }

    pub(super) fn node_event(
        &mut self,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        // Kubelets refer to their node by its name only.
        let involved = Involved::node(self.name.clone());
        let uid = Uid::new(u128::from(self.machine));
        self.recorder.event_about(involved, uid, severity, reason, message, cx);
    }

    pub(super) fn node_is_now(&mut self, reason: &'static str, cx: &mut Context<'_>) {
        let message = format!("Node {} status is now: {reason}", self.name);
        self.node_event(Severity::Normal, reason, message, cx);
    }

    pub(super) fn register(&mut self, cx: &mut Context<'_>) {
        self.judge(cx);
        let machine = cx.core.machines[self.machine as usize].clone();
        let mut spec = doc!({});
        if !machine.taints.is_empty() {
            spec.set("taints", machine.taints.clone());
        }
        let status = self.node_status(cx);
        let body = doc!({
            "metadata": {
                "name": &self.name, "labels": labels(&machine),
                "annotations": { "volumes.kubernetes.io/controller-managed-attach-detach": "true" }
            },
            "spec": spec, "status": status
        });
        let id = cx.request(Request::create(self.user.clone(), Kind::Node, Str::new(), body));
        self.requests.insert(id, Pending::Register);
    }

    pub(super) fn registered(&mut self, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        match result {
            Ok(reply) => {
                self.node.uid = reply.object().map_or(Uid::NONE, |object| object.meta.uid);
                self.node.heartbeat.posted = Some(cx.now());
                for reason in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
                    self.node_is_now(reason, cx);
                }
                self.joined(cx);
            }
            Err(status) if status.reason == crate::api::Reason::AlreadyExists => {
                let id = cx.request(Request::get(self.user.clone(), &self.node_key()));
                self.requests.insert(id, Pending::ReadNode);
            }
            // 100 ms doubling to 7 s, as upstream.
            Err(_) => {
                let wait = Duration::millis(100 << self.node.failures.min(7)).min(Duration::seconds(7));
                self.node.failures += 1;
                cx.timer(wait, Timer::named("register"));
            }
        }
    }

    /// The node was registered in an earlier life.
    pub(super) fn node_read(&mut self, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        let Ok(Reply::Object(object, _)) = result else {
            cx.timer(Duration::seconds(1), Timer::named("register"));
            return;
        };
        self.node.uid = object.meta.uid;
        if let Some(node) = object.view::<Node>() {
            self.network_known(node.pod_cidr.clone(), cx);
        }
        let booted = object.body["status"]["nodeInfo"]["bootID"].str();
        if self.listed && !booted.is_empty() && booted != self.boot_id() {
            let message = format!("Node {} has been rebooted, boot id: {}", self.name, self.boot_id());
            self.node_event(Severity::Warning, "Rebooted", message, cx);
        }
        self.node.dirty = true;
        self.joined(cx);
    }

    /// Says that the node has no storage drivers, and which ones others stand in for. Who said so in an earlier life is
    /// told that it is known.
    fn tell_drivers(&self, cx: &mut Context<'_>) {
        let body = doc!({
            "metadata": {
                "name": &self.name, "annotations": { "storage.alpha.kubernetes.io/migrated-plugins": MIGRATED },
                "ownerReferences": [(self.as_owner())]
            },
            "spec": {}
        });
        cx.request(Request::create(self.user.clone(), Kind::CsiNode, Str::new(), body));
    }

    /// The node as the owner of what goes with it.
    fn as_owner(&self) -> Doc {
        doc!({ "apiVersion": "v1", "kind": "Node", "name": &self.name, "uid": self.node.uid.text() })
    }

    fn joined(&mut self, cx: &mut Context<'_>) {
        self.node.registered = true;
        self.node.failures = 0;
        if !self.node.beating {
            self.node.beating = true;
            self.tell_drivers(cx);
            self.heartbeat_due(cx);
            self.mirror(cx);
        }
        self.post_if_changed(cx);
    }

    /// Every ten seconds: the lease, and the status if it changed or was not posted for long.
    pub(super) fn heartbeat_due(&mut self, cx: &mut Context<'_>) {
        let interval = Duration(cx.core.options.node_lease_duration.0 / 4).max(Duration::millis(100));
        self.node.heartbeat.next = cx.now() + interval;
        // Whatever once began it: heartbeats go on by themselves.
        cx.because(Causes::none(), |cx| cx.timer(interval, Timer::named("heartbeat")));
        self.renew_lease(cx);
        self.judge(cx);
        if std::mem::replace(&mut self.node.cordoned, self.node.said.cordoned) != self.node.said.cordoned {
            let reason = if self.node.cordoned { "NodeNotSchedulable" } else { "NodeSchedulable" };
            self.node_is_now(reason, cx);
        }
        // Somebody else says otherwise: the node lifecycle controller, after silence.
        self.node.dirty |= self.node.said.ready.is_some_and(|ready| ready != self.node.ready);
        let frequency = cx.core.options.node_status_report_frequency;
        self.node.dirty |=
            self.node.heartbeat.posted.is_none_or(|posted| cx.now().since(posted) >= frequency);
        self.node.dirty |= self.node.images != self.images.len() as u64;
        self.node.dirty |= self.node.said.advertises;
        self.post_if_changed(cx);
    }

    /// The API's view of the node changed, or it is gone there.
    pub(super) fn node_changed(&mut self, node: Option<&Arc<Object>>, cx: &mut Context<'_>) {
        let view = node.and_then(|node| node.view::<Node>());
        let advertises = self.advertised().is_some_and(|(capacity, allocatable)| capacity != allocatable);
        let cordoned = view.is_some_and(|node| node.unschedulable);
        self.node.said = Said { ready: view.map(|node| node.ready == "True"), advertises, cordoned };
        if let Some(node) = view {
            self.network_known(node.pod_cidr.clone(), cx);
        }
    }

    fn renew_lease(&mut self, cx: &mut Context<'_>) {
        if self.node.lease.is_null() {
            let owner = self.as_owner();
            self.node.lease = doc!({
                "metadata": { "name": &self.name, "namespace": "kube-node-lease", "ownerReferences": [owner] },
                "spec": {
                    "holderIdentity": &self.name,
                    "leaseDurationSeconds": (cx.core.options.node_lease_duration.as_seconds() as i64)
                }
            });
        }
        let request = Request::update(self.user.clone(), &self.lease_key(), self.renewed(cx));
        let id = cx.request(request);
        self.requests.insert(id, Pending::Lease);
    }

    /// The lease as it is from now on. There is no document that is sent as often: it is put together in one go.
    fn renewed(&self, cx: &Context<'_>) -> Doc {
        let mut spec = Entries::default();
        let lasting = self.node.lease["spec"].entries().iter();
        lasting.for_each(|(field, value)| spec.put(field.clone(), value.clone()));
        spec.put(literal!("renewTime"), Doc::MicroTime(cx.timestamp()));
        doc!({ "metadata": &self.node.lease["metadata"], "spec": Doc::Map(spec.take_map()) })
    }

    pub(super) fn lease_answered(&mut self, result: &Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        match result {
            Ok(_) => self.node.heartbeat.renewed = Some(cx.now()),
            // Where even the namespace is missing the next renewal is time enough.
            Err(status) if status.reason == crate::api::Reason::NotFound && status.kind == "leases" => {
                let (user, lease) = (self.user.clone(), self.renewed(cx));
                let request = Request::create(user, Kind::Lease, literal!("kube-node-lease"), lease);
                let id = cx.request(request);
                self.requests.insert(id, Pending::Lease);
            }
            Err(_) => {}
        }
    }

    /// Decides what condition Ready says.
    pub(super) fn judge(&mut self, cx: &mut Context<'_>) {
        if self.listed && !cx.core.running(Process::Runtime(self.machine)) {
            self.listed = false;
        }
        let why_not = match (self.listed, self.node.has_network()) {
            (false, _) => "container runtime is down",
            (true, false) => NO_NETWORK,
            (true, true) => "",
        };
        let ready = why_not.is_empty();
        if ready == self.node.ready && why_not == self.node.why_not {
            return;
        }
        if ready != self.node.ready {
            self.node.ready_since = cx.timestamp().floor_seconds();
            let reason = if ready { "NodeReady" } else { "NodeNotReady" };
            self.node_is_now(reason, cx);
        }
        (self.node.ready, self.node.why_not, self.node.dirty) = (ready, why_not, true);
    }

    pub(super) fn post_if_changed(&mut self, cx: &mut Context<'_>) {
        if !self.node.dirty || !self.node.registered {
            return;
        }
        self.node.dirty = false;
        self.node.images = self.images.len() as u64;
        self.node.heartbeat.posted = Some(cx.now());
        let patch = doc!({ "status": self.node_status(cx) });
        let request = Request::patch(self.user.clone(), &self.node_key(), PatchKind::Strategic, patch);
        let id = cx.request(request.on(Subresource::Status));
        self.requests.insert(id, Pending::NodeStatus);
    }

    pub(super) fn node_status_written(&mut self, result: &Result<Reply, Box<Status>>) {
        // Tried again with the next heartbeat.
        self.node.dirty |= result.is_err();
    }

    /// The runtime answered: it is up, and this is how often its machine was switched on.
    pub(super) fn runtime_up(&mut self, boot: u32, cx: &mut Context<'_>) {
        self.node.boot = boot;
        if self.node.has_network() {
            self.ask_runtime(CriCall::UpdateRuntimeConfig { pod_cidr: self.node.cidr.clone() }, cx);
        }
        self.judge(cx);
        self.post_if_changed(cx);
    }

    /// The range for the node's pods is known: the CNI plugin gets it, and pods can have addresses.
    pub(super) fn network_known(&mut self, cidr: Str, cx: &mut Context<'_>) {
        if cidr.is_empty() || cidr == self.node.cidr {
            return;
        }
        self.node.cidr = cidr.clone();
        if self.listed {
            self.ask_runtime(CriCall::UpdateRuntimeConfig { pod_cidr: cidr }, cx);
        }
        self.judge(cx);
        self.post_if_changed(cx);
        let waiting: Vec<Uid> = self.pods.keys().copied().collect();
        waiting.into_iter().for_each(|uid| self.sync(uid, cx));
    }

    fn boot_id(&self) -> Str {
        Uid::new(hash_of(&(self.name.as_str(), self.node.boot))).text()
    }

    /// What the node's status says of the machine, from one start of it to the next.
    fn machine_status(&mut self, cx: &Context<'_>) -> Doc {
        let boot = self.node.boot;
        if self.node.fixed.0 != boot || self.node.fixed.1.is_null() {
            let machine = &cx.core.machines[self.machine as usize];
            let name = self.name.as_str();
            let fixed = doc!({
                "addresses": [
                    { "type": "InternalIP", "address": super::status::ip_text(self.address) },
                    { "type": "Hostname", "address": &self.name }
                ],
                "capacity": capacity(machine),
                "daemonEndpoints": { "kubeletEndpoint": { "Port": 10250i64 } },
                "nodeInfo": {
                    "architecture": "amd64", "bootID": self.boot_id(), "containerRuntimeVersion": "containerd://2.1.4",
                    "kernelVersion": "6.12.48", "kubeProxyVersion": "", "kubeletVersion": VERSION,
                    "machineID": format!("{:032x}", hash_of(name)), "operatingSystem": "linux",
                    "osImage": "Debian GNU/Linux 13 (trixie)", "systemUUID": Uid::new(hash_of(&(name, "system"))).text()
                }
            });
            self.node.fixed = (boot, fixed);
        }
        self.node.fixed.1.clone()
    }

    fn node_status(&mut self, cx: &Context<'_>) -> Doc {
        let mut node_status = self.machine_status(cx);
        let now = cx.timestamp().floor_seconds();
        let capacity = &node_status["capacity"];
        let mut allocatable = capacity.clone();
        if let Some((advertised, before)) = self.advertised() {
            let gone = before.entries().iter().map(|(name, _)| (name.clone(), Doc::Null));
            gone.for_each(|(name, nothing)| allocatable.set(name, nothing));
            advertised.entries().iter().for_each(|(name, much)| allocatable.set(name.clone(), much));
        }
        let condition = |name: &str, status: &str, since: Timestamp, reason: &str, message: &str| {
            doc!({
                "type": name, "status": status, "lastHeartbeatTime": Doc::Time(now),
                "lastTransitionTime": Doc::Time(since), "reason": reason, "message": message
            })
        };
        let began = self.condition_since("PIDPressure", "False").unwrap_or(now);
        let under = |resource: Resource, [name, no, no_text, yes, yes_text]: [&str; 5]| {
            let status = if self.pressure.since(resource).is_some() { "True" } else { "False" };
            let since = self.condition_since(name, status).unwrap_or(now);
            let (reason, message) = if status == "True" { (yes, yes_text) } else { (no, no_text) };
            condition(name, status, since, reason, message)
        };
        let (ready, reason, message) = match self.node.why_not {
            "" => ("True", "KubeletReady", "kubelet is posting ready status"),
            why => ("False", "KubeletNotReady", why),
        };
        let fresh = if self.node.ready_since == Timestamp::default() { now } else { self.node.ready_since };
        let since = self.condition_since("Ready", ready).unwrap_or(fresh);
        let images = self
            .images
            .values()
            .map(|Image { id, full, bytes }| doc!({ "names": [id, full], "sizeBytes": (*bytes as i64) }));
        let conditions = doc!([
            (under(Resource::Memory, MEMORY_WORDS)),
            (under(Resource::Disk, DISK_WORDS)),
            (condition(
                "PIDPressure",
                "False",
                began,
                "KubeletHasSufficientPID",
                "kubelet has sufficient PID available"
            )),
            (condition("Ready", ready, since, reason, message))
        ]);
        let images = Doc::list(images);
        node_status.set(literal!("allocatable"), allocatable);
        node_status.set(literal!("conditions"), conditions);
        node_status.set(literal!("images"), images);
        node_status
    }

    /// What others say that the node has beside the machine's own, and how much of that is to be had by now.
    fn advertised(&self) -> Option<(Doc, Doc)> {
        let node = self.informers.get::<Node>(&Str::new(), &self.name)?;
        let status = &node.object().body["status"];
        let own = |name: &str| OWN.contains(&name) || name.starts_with("hugepages-");
        let others = |all: &Doc| {
            let mut others = all.entries().iter().filter(|(name, _)| !own(name)).peekable();
            // Mostly there are none.
            if others.peek().is_none() { Doc::map() } else { Doc::Map(others.cloned().collect()) }
        };
        Some((others(&status["capacity"]), others(&status["allocatable"])))
    }

    /// Since when a condition stands as it is, as the API has it.
    fn condition_since(&self, name: &str, status: &str) -> Option<Timestamp> {
        let node = self.informers.get::<Node>(&Str::new(), &self.name)?;
        let conditions = node.object().body["status"]["conditions"].clone();
        let known = conditions.items().iter().find(|condition| {
            condition["type"].as_str() == Some(name) && condition["status"].as_str() == Some(status)
        })?;
        known["lastTransitionTime"].as_time()
    }

    pub(super) fn learn_image(&mut self, image: Str, bytes: u64) {
        let known = Image { id: image_id(&image), full: full_reference(&image).into(), bytes };
        self.images.insert(image, known);
    }
}

fn labels(machine: &Machine) -> Doc {
    let mut labels = doc!({
        "beta.kubernetes.io/arch": "amd64", "beta.kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux", "kubernetes.io/hostname": &machine.name
    });
    if !machine.zone.is_empty() {
        labels.set("topology.kubernetes.io/zone", &machine.zone);
        labels.set("topology.kubernetes.io/region", "region-1");
    }
    for (key, value) in &machine.labels {
        labels.set(key.clone(), value);
    }
    labels
}

fn capacity(machine: &Machine) -> Doc {
    let cpu = match machine.cpu_milli % 1000 {
        0 => (machine.cpu_milli / 1000).to_string(),
        _ => format!("{}m", machine.cpu_milli),
    };
    let memory = match machine.memory % 1024 {
        0 => format!("{}Ki", machine.memory / 1024),
        _ => machine.memory.to_string(),
    };
    let mut capacity = doc!({
        "cpu": cpu, "memory": memory, "pods": machine.pods.to_string(), "ephemeral-storage": "104857600Ki",
        "hugepages-1Gi": "0", "hugepages-2Mi": "0"
    });
    for (name, much) in &machine.resources {
        capacity.set(name.clone(), much);
    }
    capacity
}
