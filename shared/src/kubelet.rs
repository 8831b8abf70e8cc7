//! kubelet: registers its node, keeps its lease, runs the pods bound to it and reports how they are.
//!
//! Every input changes what the kubelet remembers of a pod and then lets [`sync`] take the next steps from there,
//! whatever they are: there is one place that decides, and it can be run any number of times.

mod cri;
mod downward;
mod ending;
mod env;
mod env_file;
mod eviction;
mod host_paths;
mod images;
mod mirror;
mod node;
mod pages;
mod pod;
mod predicates;
mod probe;
mod recover;
mod resize;
mod serve;
mod status;
mod sync;
mod volumes;

use std::sync::Arc;

use crate::api::core::event::Involved;
use crate::api::core::pod::Pod;
use crate::api::{FieldSelector, Key, Kind, Object, Reply, Status, Uid, User};
use crate::client::{Delta, Handled, Informers, Input, Recorder, Severity, Wait};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{Body, Context, Core, CriCall, Duration, Process, RequestId, Time, Timer};

pub use node::Heartbeat;
pub use pages::tells_usage;
use pod::spec_at;
pub use pod::{ContainerStage, ContainerState, PodStage, PodState, Termination};

/// How long a kubelet waits before it tries again what the API server did not take.
const RETRY: Duration = Duration::seconds(1);

/// The kubelet of one machine.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Kubelet {
    machine: u32,
    name: Str,
    address: u32,
    /// The address as statuses of pods have it: `hostIP` and `hostIPs`.
    host: (Doc, Doc),
    user: User,
    informers: Informers,
    recorder: Recorder,
    node: node::NodeState,
    pods: BTreeMap<Uid, PodState>,
    /// The newest pod of each name.
    by_key: BTreeMap<Key, Uid>,
    /// Images at the runtime, by the references that pods have them by.
    images: BTreeMap<Str, node::Image>,
    requests: BTreeMap<RequestId, Pending>,
    /// Whether the runtime told what it has.
    listed: bool,
    /// What was found at the runtime and belongs to no pod seen so far.
    found: BTreeMap<Uid, crate::sim::ListedPod>,
    /// Configuration that was read for containers about to start.
    configs: BTreeMap<(Uid, u32), env::Config>,
    /// Calls of the API server's that the runtime is working on: who asked.
    serving: BTreeMap<u64, Process>,
    /// Whether memory or disk run out.
    pressure: eviction::Pressure,
}

/// What an answer is for.
#[derive(Codec, Clone, Debug, Hash)]
enum Pending {
    Register,
    ReadNode,
    NodeStatus,
    Lease,
    Mirror,
    Status(Uid),
    Delete(Uid),
    Config { pod: Uid, container: u32, key: Key },
    Volume { pod: Uid, key: Key },
    PullSecret { pod: Uid, at: u32, missing: Vec<Str> },
}

impl Kubelet {
    /// The kubelet of a machine, freshly started.
    pub fn new(machine: u32, core: &Core, seed: u64) -> Kubelet {
        let name = core.machines[machine as usize].name.clone();
        let user = User::component(format!("system:node:{name}"));
        let address = crate::network::node_address(machine);
        let host = Doc::Str(status::ip_text(address));
        let mut informers = Informers::default();
        informers.add(&user, Kind::Pod, FieldSelector::node(name.clone()));
        informers.add(&user, Kind::Node, FieldSelector::name(name.clone()));
        Kubelet {
            machine,
            address,
            host: (host.clone(), doc!([{ "ip": host }])),
            informers,
            recorder: Recorder::new(&user, "kubelet", name.clone()),
            node: node::NodeState::new(&name, seed),
            user,
            name,
            pods: BTreeMap::new(),
            by_key: BTreeMap::new(),
            images: BTreeMap::new(),
            requests: BTreeMap::new(),
            listed: false,
            found: BTreeMap::new(),
            configs: BTreeMap::new(),
            serving: BTreeMap::new(),
            pressure: eviction::Pressure::default(),
        }
    }

    /// The pods that this kubelet looks after, by UID.
    pub fn pods(&self) -> impl Iterator<Item = &PodState> {
        self.pods.values()
    }

    /// The pod called `key`, if it is here.
    pub fn pod(&self, key: &Key) -> Option<&PodState> {
        self.pods.get(self.by_key.get(key)?)
    }

    /// When it last gave signs of life, and when the next are due.
    pub fn heartbeat(&self) -> &Heartbeat {
        &self.node.heartbeat
    }

    /// What it waits for on purpose, with the moments of beginning and end.
    pub fn waits(&self, core: &Core) -> Vec<Wait> {
        self.pods.values().flat_map(|pod| sync::waits(pod, core)).collect()
    }

    /// Handles one input.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => {
                for delta in deltas {
                    self.changed(&delta, cx);
                }
                if self.listed && !self.found.is_empty() && self.informers.synced() {
                    self.remove_orphans(cx);
                }
                return;
            }
            Handled::NotMine(input) => input,
        };
        match input {
            Input::Start => self.start(cx),
            Input::Response(id, result) => {
                if let Some(pending) = self.requests.remove(&id) {
                    self.answered(pending, result, cx);
                }
            }
            Input::Timer(timer) => self.timer(&timer, cx),
            Input::Cri(event) => self.cri(event, cx),
            Input::NodeCall(from, number, call) => self.serve(from, number, call, cx),
            Input::Watch(..) | Input::WatchClosed(_) | Input::Packet(_) => {}
        }
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        self.informers.start(cx);
        self.ask_runtime(CriCall::List, cx);
        self.node_event(Severity::Normal, "Starting", "Starting kubelet.", cx);
        // Kubelets do not start at the very same moment.
        let stagger = self.node.stagger();
        cx.timer(stagger, Timer::named("register"));
    }

    fn timer(&mut self, timer: &Timer, cx: &mut Context<'_>) {
        match (timer.name, &timer.key) {
            ("register", _) => self.register(cx),
            ("heartbeat", _) => self.heartbeat_due(cx),
            ("mirror", _) => self.mirror(cx),
            ("pod", Some(key)) => self.all_called(key).into_iter().for_each(|uid| self.sync(uid, cx)),
            ("report", Some(key)) => self.all_called(key).into_iter().for_each(|uid| self.report(uid, cx)),
            ("delete", Some(key)) => {
                self.all_called(key).into_iter().for_each(|uid| self.delete_from_api(uid, cx));
            }
            ("eviction", _) if self.pressure.is_watching() => self.look_at_usage(cx),
            ("volumes", Some(key)) => {
                self.all_called(key).into_iter().for_each(|uid| self.read_volumes(uid, cx))
            }
            ("deadline", Some(key)) => {
                self.all_called(key).into_iter().for_each(|uid| self.deadline_reached(uid, cx));
            }
            ("probe", Some(key)) => {
                if let Some(&uid) = self.by_key.get(key) {
                    self.probe_due(uid, timer.number, cx);
                }
            }
            _ => {}
        }
    }

    fn answered(&mut self, pending: Pending, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        match pending {
            Pending::Register => self.registered(result, cx),
            Pending::ReadNode => self.node_read(result, cx),
            Pending::NodeStatus => self.node_status_written(&result),
            Pending::Lease => self.lease_answered(&result, cx),
            // Looked at again a second later.
            Pending::Mirror => {}
            Pending::Status(uid) => self.status_written(uid, result, cx),
            Pending::Delete(uid) => self.deleted(uid, &result, cx),
            Pending::Config { pod, container, key } => self.config_read(pod, container, key, result, cx),
            Pending::Volume { pod, key } => self.volume_read(pod, key, result, cx),
            Pending::PullSecret { pod, at, missing } => self.pull_secret_read(pod, at, missing, &result, cx),
        }
    }

    /// The API's view of a pod or of the node changed.
    fn changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let object = delta.object();
        match object.key.kind {
            Kind::Node => self.node_changed(delta.new.as_ref(), cx),
            // The API shows it; it runs whatever the API says.
            _ if mirror::is_mirror(object) => {}
            _ => self.pod_changed(delta, cx),
        }
    }

    fn status_written(&mut self, uid: Uid, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        pod.writing = false;
        match result {
            Ok(reply) => {
                if let Some(object) = reply.object() {
                    pod.acknowledged = object.meta.resource_version;
                    // What is stored says more than was sent: others' conditions, which stay theirs.
                    if status::is_kept(&pod.sent, &object.body["status"]) {
                        pod.sent = object.body["status"].clone();
                    }
                }
                self.insist(uid, cx);
                self.report(uid, cx);
                // The sandbox may have gone while the status was on its way.
                self.delete_from_api(uid, cx);
            }
            Err(_) => {
                pod.sent = Doc::Null;
                let key = pod.key.clone();
                cx.timer(RETRY, Timer::about("report", key));
            }
        }
    }

    /// The pods of this name: an old one may still be on its way out when the next is there.
    fn all_called(&self, key: &Key) -> Vec<Uid> {
        self.pods.values().filter(|pod| pod.key == *key).map(|pod| pod.uid).collect()
    }

    /// The newest version of a pod that the kubelet knows.
    fn object(&self, uid: Uid) -> Option<Arc<Object>> {
        let pod = self.pods.get(&uid)?;
        let object = self.informers.cache(Kind::Pod).get(&pod.key)?;
        (object.meta.uid == uid).then(|| Arc::clone(object))
    }

    fn ask_runtime(&self, call: CriCall, cx: &mut Context<'_>) {
        cx.send(Process::Runtime(self.machine), Body::Cri(call));
    }

    /// An Event about a pod, or about one of its containers.
    fn pod_event(
        &mut self,
        uid: Uid,
        container: Option<u32>,
        severity: Severity,
        reason: &'static str,
        message: impl Into<Str>,
        cx: &mut Context<'_>,
    ) {
        let Some(object) = self.object(uid) else { return };
        let part = container.and_then(|index| Some(&spec_at(&object.view::<Pod>()?.spec, index).path));
        let involved = Involved::of(&object, part.cloned().unwrap_or_default());
        self.recorder.event_about(involved, uid, severity, reason, message, cx);
    }

    /// How many pods with how much CPU and memory the node already holds.
    fn held(&self) -> (i64, i64, i64) {
        let ended =
            |pod: &PodState| pod.stage == PodStage::Done || (pod.terminating.is_some() && pod.quiet());
        let active = self.pods.values().filter(|pod| !ended(pod));
        active.fold((0, 0, 0), |(count, cpu, memory), pod| {
            (count + 1, cpu + pod.requests.0, memory + pod.requests.1)
        })
    }
}

/// Virtual time as a date.
fn date(at: Time, cx: &Context<'_>) -> crate::doc::Timestamp {
    cx.core.dates.of(at).floor_seconds()
}

/// Whether this view is of a pod that will not run again.
fn finished(object: &Object) -> bool {
    object.view::<Pod>().is_some_and(|pod| pod.phase.is_terminal())
}

#[cfg(test)]
mod tests;
