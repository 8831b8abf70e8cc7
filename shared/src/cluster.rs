//! The cluster: all components, wired. The only place that knows them all.
//!
//! [`Cluster::apply`] takes a command; [`Cluster::step`] lets the next thing happen. Nothing else changes a cluster.

mod addons;
mod asked;
mod bootstrap;
mod broken;
mod command;
mod faults;
mod kubeadm;
mod look;
mod lost;
mod members;
mod spec;
mod watching;

use std::hash::Hash;
use std::sync::Arc;

use crate::api::Key;
use crate::api::core::pod::Pod;
use crate::apiserver::ApiServer;
use crate::client::{Candidate, Input};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::controllers::ControllerManager;
use crate::doc::{Doc, Timestamp};
use crate::etcd::{Members, Store};
use crate::kubelet::{self, Kubelet};
use crate::network::{Network, PodRequest};
use crate::runtime::{Images, Runtime};
use crate::scheduler::Scheduler;
use crate::sim::{
    Body, Causes, Context, Core, Event, Message, Metrics, NodeCall, NodeReply, Payload, Process, RequestId,
    Signer, StateHash, StateHasher, Time, Trace, What,
};

use asked::Asked;
pub use asked::Output as ProgramOutput;

pub use crate::apiserver::http::{HttpRequest, HttpResponse, exec_request, exec_result, log_request};
pub use crate::apiserver::http::{Told, Watcher};
pub use crate::network::TrafficSource;
pub use crate::runtime::ImageSpec;
pub use command::{Action, Command, Outcome};
pub use look::Course;
pub use members::EtcdStatus;
pub use spec::{ClusterSpec, ControlPlane, NodeGroup, SpecError};
pub use watching::Watching;

/// A Kubernetes cluster.
#[derive(Codec, Clone, Debug)]
pub struct Cluster {
    seed: u64,
    core: Core,
    store: Store,
    /// Several members of etcd; a single one is `store`, and nothing else.
    etcd: Option<Box<Members>>,
    apiservers: Vec<ApiServer>,
    schedulers: Vec<Scheduler>,
    controller_managers: Vec<ControllerManager>,
    /// Who of several schedulers and controller managers works; a single one always does.
    candidates: BTreeMap<Process, Candidate>,
    /// Shared with copies until they act: most of a large cluster's machines are quiet between two looks.
    kubelets: Vec<Arc<Kubelet>>,
    runtimes: Vec<Arc<Runtime>>,
    network: Network,
    images: Arc<Images>,
    commands: BTreeMap<u64, Command>,
    admitted: u64,
    asked: BTreeMap<RequestId, Asked>,
    outcomes: Vec<(u64, Outcome)>,
}

/// What runs on every machine.
fn on_machine(machine: u32) -> [Process; 4] {
    [Process::Cni(machine), Process::Runtime(machine), Process::Kubelet(machine), Process::KubeProxy(machine)]
}

/// Whether a message is for a container rather than for the daemon that started it.
fn passes_by_daemons(message: &Message) -> bool {
    let of_container = matches!(message.to, Process::Runtime(_));
    matches!(message.body, Body::Packet(_)) || of_container && matches!(message.body, Body::Metrics(_))
}

impl Cluster {
    /// A cluster at t = 0. `trace` is how many records of what happened are kept; 0 keeps none.
    ///
    /// # Errors
    /// What in the specification makes no sense, and where.
    pub fn new(spec: &ClusterSpec, seed: u64, trace: u64) -> Result<Cluster, SpecError> {
        let machines = spec.machines()?;
        let images = Arc::new(Images::new(&spec.images));
        let signer = Signer::of(seed, &spec.options);
        let core = Core::new(spec.epoch, spec.options.clone(), signer, machines, Trace::new(trace));
        let count = u32::try_from(core.machines.len()).expect("bounded by the specification");
        let mut cluster = Cluster {
            seed,
            store: Store::default(),
            etcd: None,
            apiservers: vec![ApiServer::new(seed, signer)],
            schedulers: vec![Scheduler::new(seed)],
            controller_managers: vec![ControllerManager::new(seed)],
            candidates: BTreeMap::new(),
            kubelets: (0..count).map(|machine| Arc::new(Kubelet::new(machine, &core, seed))).collect(),
            runtimes: (0..count).map(|machine| Arc::new(Runtime::new(machine, &images, signer))).collect(),
            network: Network::new(count, seed, spec.ingress),
            images,
            commands: BTreeMap::new(),
            admitted: 0,
            asked: BTreeMap::new(),
            outcomes: Vec::new(),
            core,
        };
        cluster.bootstrap(spec);
        for (at, source) in spec.traffic.iter().enumerate() {
            let (core, causes) = (&mut cluster.core, Causes::none());
            let mut cx = Context { core, me: Process::Visitors, causes };
            let set = cluster.network.set_traffic(source.clone(), &mut cx);
            set.map_err(|message| SpecError { field: format!("spec.traffic[{at}]"), message })?;
        }
        Ok(cluster)
    }

    /// What is there before anybody acts; every program starts.
    fn bootstrap(&mut self, spec: &ClusterSpec) {
        let at = self.core.timestamp().floor_seconds();
        bootstrap::objects(&mut self.store, at, spec);
        let control_plane = &spec.control_plane;
        if !control_plane.hosted {
            self.core.links.set_control_plane(self.kubelets.len() as u32 - control_plane.members);
        }
        if control_plane.members > 1 {
            self.replicate(control_plane.members);
        }
        let everywhere = [
            Process::Etcd(0),
            Process::ApiServer(0),
            Process::ControllerManager(0),
            Process::Scheduler(0),
            Process::ProxyWatch,
            Process::LoadBalancer,
            Process::CoreDns,
            Process::CniWatch,
            Process::Visitors,
        ];
        let ingress = self.network.has_ingress().then_some(Process::IngressController);
        everywhere.into_iter().chain(ingress).for_each(|process| self.core.start(process, Causes::none()));
        for machine in 0..self.kubelets.len() as u32 {
            for process in on_machine(machine) {
                self.core.start(process, Causes::none());
            }
        }
    }

    /// Takes a command; it takes effect at its time (or now, if that is past). The answer is the command's number,
    /// under which [`Cluster::take_outcomes`] tells how it went.
    pub fn apply(&mut self, command: Command) -> u64 {
        self.admitted += 1;
        let number = self.admitted;
        let at = command.at.max(self.core.now);
        self.commands.insert(number, command);
        let event = Event {
            to: Process::Client(0),
            life: None,
            payload: Payload::Command(number),
            causes: Causes::none(),
        };
        self.core.queue.push(at, event);
        number
    }

    /// How many commands were taken so far: the number of the newest.
    pub fn admitted(&self) -> u64 {
        self.admitted
    }

    /// The moment it is.
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// When the next thing happens.
    pub fn next_at(&self) -> Option<Time> {
        self.core.queue.next_at()
    }

    /// Lets the next thing happen; false when nothing ever will.
    pub fn step(&mut self) -> bool {
        let Some((at, event)) = self.core.queue.pop() else { return false };
        self.core.now = at;
        self.deliver(event);
        true
    }

    /// Lets everything happen up to and including `until`, and the clock reach it.
    pub fn advance_to(&mut self, until: Time) {
        while self.next_at().is_some_and(|at| at <= until) {
            self.step();
        }
        self.core.now = self.core.now.max(until);
    }

    /// How commands went, since last asked: their numbers and outcomes.
    pub fn take_outcomes(&mut self) -> Vec<(u64, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// Begins the record of what happened anew; `capacity` as in [`Cluster::new`].
    pub(crate) fn trace_anew(&mut self, capacity: u64) {
        self.core.trace = Trace::new(capacity);
    }

    /// One number for the whole state.
    pub fn hash(&self) -> StateHash {
        let mut hasher = StateHasher::default();
        self.core.hash_state(&mut hasher);
        self.store.hash().hash(&mut hasher);
        self.apiservers.iter().for_each(|server| server.hash_state(&mut hasher));
        self.schedulers.iter().for_each(|scheduler| scheduler.hash(&mut hasher));
        self.controller_managers.iter().for_each(|manager| manager.hash(&mut hasher));
        (&self.kubelets, &self.runtimes, &self.network).hash(&mut hasher);
        if let Some(etcd) = &self.etcd {
            (etcd, &self.candidates).hash(&mut hasher);
        }
        (&self.images, &self.commands, self.admitted, &self.asked).hash(&mut hasher);
        StateHash(hasher.digest())
    }

    /// What is stored.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Clock, machines, links, options, trace.
    pub fn core(&self) -> &Core {
        &self.core
    }

    /// The (first) API server's counts and watches.
    pub fn apiserver(&self) -> &ApiServer {
        &self.apiservers[0]
    }

    /// All API servers.
    pub fn apiservers(&self) -> &[ApiServer] {
        &self.apiservers
    }

    /// The queues and attempts of the scheduler that works.
    pub fn scheduler(&self) -> &Scheduler {
        &self.schedulers[self.leading(Process::Scheduler)]
    }

    /// The controllers and their queues, of the controller manager that works.
    pub fn controller_manager(&self) -> &ControllerManager {
        &self.controller_managers[self.leading(Process::ControllerManager)]
    }

    /// The kubelet of a machine.
    pub fn kubelet(&self, machine: u32) -> &Kubelet {
        &self.kubelets[machine as usize]
    }

    /// The container runtime of a machine.
    pub fn runtime(&self, machine: u32) -> &Runtime {
        &self.runtimes[machine as usize]
    }

    /// Proxies, load balancer, DNS and visitors.
    pub fn network(&self) -> &Network {
        &self.network
    }

    fn deliver(&mut self, event: Event) {
        if let Payload::Command(number) = event.payload {
            self.execute(number);
            return;
        }
        let to = event.to;
        let outside = matches!(to, Process::Client(_));
        // Packets pass through kernels and containers, which work on while the daemons beside them are down.
        let in_kernel = match &event.payload {
            Payload::Arrive(message) if passes_by_daemons(message) => {
                to.machine().is_some_and(|machine| self.core.machines[machine as usize].powered)
            }
            _ => false,
        };
        let alive = outside
            || in_kernel
            || (self.core.running(to) && event.life.is_none_or(|life| life == self.core.incarnation(to)));
        let crosses = match &event.payload {
            Payload::Arrive(message) => self.core.links.open(message.from, to),
            _ => true,
        };
        if !alive || !crosses {
            self.lose(event);
            return;
        }
        let causes = event.causes;
        match event.payload {
            Payload::Arrive(message) => self.arrive(*message, causes),
            Payload::Timer(timer) => match to {
                Process::ApiServer(server) => {
                    let mut cx = Context { core: &mut self.core, me: to, causes };
                    self.apiservers[server as usize].timer(&timer, &mut self.store, &mut cx);
                }
                Process::Etcd(member) => {
                    self.with_etcd(member, causes, |etcd, cx| etcd.timer(member, &timer, cx));
                }
                _ => self.input(to, Input::Timer(timer), causes),
            },
            Payload::Start => match to {
                Process::ApiServer(server) => {
                    let mut cx = Context { core: &mut self.core, me: to, causes };
                    self.apiservers[server as usize].start(&mut cx);
                }
                Process::Etcd(member) => {
                    self.with_etcd(member, causes, |etcd, cx| etcd.start(member, cx));
                }
                _ => self.input(to, Input::Start, causes),
            },
            Payload::Command(_) => unreachable!("handled above"),
        }
    }

    fn arrive(&mut self, message: Message, causes: Causes) {
        let to = message.to;
        let mut cx = Context { core: &mut self.core, me: to, causes: causes.clone() };
        match message.body {
            Body::Request(id, request) => {
                let from = (message.from, message.sent_by);
                if let Process::ApiServer(server) = to {
                    let server = &mut self.apiservers[server as usize];
                    server.handle(from, id, &request, &mut self.store, &mut cx);
                }
            }
            Body::Etcd(inner) => self.etcd_message(message.from, to, *inner, causes),
            Body::Cri(call) => {
                if let Process::Runtime(machine) = to {
                    Arc::make_mut(&mut self.runtimes[machine as usize]).call(call, &mut cx);
                }
            }
            Body::NodeReply(number, reply) => {
                if let Process::ApiServer(server) = to {
                    self.apiservers[server as usize].node_replied(number, reply, &mut cx);
                }
            }
            Body::Response(id, result) if matches!(to, Process::Client(_)) => self.answered(id, &result),
            Body::NodeCall(number, NodeCall::Get(path)) if kubelet::tells_usage(to, &path, cx.core) => {
                if let Process::Kubelet(machine) = to {
                    let (kubelet, runtime) =
                        (&self.kubelets[machine as usize], &self.runtimes[machine as usize]);
                    let page = kubelet.usage_page(&path, runtime, &cx);
                    cx.send(message.from, Body::NodeReply(number, NodeReply::Http(200, page)));
                }
            }
            Body::Metrics(metrics) => match to {
                Process::Kubelet(machine) if cx.core.running(Process::Runtime(machine)) => {
                    let node = cx.core.machines[machine as usize].name.clone();
                    let usage = Arc::new(self.runtimes[machine as usize].usage(node, cx.now()));
                    cx.send(message.from, Body::Metrics(Metrics::Usage(usage)));
                }
                Process::Runtime(machine) => {
                    Arc::make_mut(&mut self.runtimes[machine as usize]).metrics(metrics, &mut cx)
                }
                _ => {}
            },
            body => {
                let message = Message { body, ..message };
                if let Some(input) = Input::from_message(message) {
                    self.input(to, input, causes);
                }
            }
        }
    }

    fn input(&mut self, to: Process, input: Input, causes: Causes) {
        let input = match self.candidates.is_empty() {
            true => input,
            false => match self.vote(to, input, &causes) {
                Some(input) => input,
                None => return,
            },
        };
        let mut cx = Context { core: &mut self.core, me: to, causes };
        match to {
            Process::Scheduler(number) => self.schedulers[number as usize].handle(input, &mut cx),
            Process::ControllerManager(number) => {
                self.controller_managers[number as usize].handle(input, &mut cx);
            }
            Process::Kubelet(machine) => {
                Arc::make_mut(&mut self.kubelets[machine as usize]).handle(input, &mut cx)
            }
            Process::Runtime(machine) => {
                let packet = if let Input::Packet(packet) = &input { Some(packet) } else { None };
                if packet.is_none_or(|packet| self.network.lets_in(machine, packet)) {
                    let runtime = Arc::make_mut(&mut self.runtimes[machine as usize]);
                    runtime.handle(input, &mut cx);
                    for (source, ending) in runtime.take_heard() {
                        self.network.pod_heard(&source, &ending, self.core.now);
                    }
                }
            }
            Process::KubeProxy(_)
            | Process::ProxyWatch
            | Process::Cni(_)
            | Process::CniWatch
            | Process::LoadBalancer
            | Process::IngressController
            | Process::CoreDns => self.network.handle(input, &mut cx),
            Process::Visitors => {
                self.network.handle(input, &mut cx);
                let requests = self.network.take_pod_requests();
                requests.into_iter().for_each(|request| self.send_from_pod(request));
            }
            Process::ApiServer(server) => {
                let server = &mut self.apiservers[server as usize];
                match input {
                    Input::Packet(packet) => server.packet(packet, &mut self.store, &mut cx),
                    Input::Response(id, result) => server.answered_inside(id, &result, &mut cx),
                    _ => {}
                }
            }
            // A single member of etcd answers without messages.
            Process::Etcd(_) | Process::Client(_) => {}
        }
    }

    /// Lets a pod send a request for a source of traffic, as somebody inside it would. What does not run sends nothing.
    fn send_from_pod(&mut self, request: PodRequest) {
        let Some(object) = self.store.get(&request.pod) else { return };
        let Some(node) = object.view::<Pod>().map(|pod| &pod.node_name) else { return };
        let Some(machine) = self.network.proxies().machine_named(node) else { return };
        let me = Process::Runtime(machine);
        if !self.core.running(me) {
            return;
        }
        let uid = object.meta.uid;
        let PodRequest { source, url, timeout, .. } = request;
        let mut cx = Context { core: &mut self.core, me, causes: Causes::none() };
        let runtime = Arc::make_mut(&mut self.runtimes[machine as usize]);
        if runtime.call_for(uid, source.clone(), url, timeout, &mut cx) {
            self.network.pod_sent(&source);
        }
        for (source, ending) in runtime.take_heard() {
            self.network.pod_heard(&source, &ending, self.core.now);
        }
    }

    fn execute(&mut self, number: u64) {
        let Some(command) = self.commands.remove(&number) else { return };
        let causes = self.core.trace.record(self.core.now, What::Command { number }, Causes::none());
        match command.action {
            Action::Request(http) => self.ask(number, http, command.user, causes),
            Action::Fault { target, fault } => {
                let outcome = faults::strike(self, &target, fault, causes);
                self.outcomes.push((number, outcome));
            }
            Action::Traffic(source) => {
                let mut cx = Context { core: &mut self.core, me: Process::Visitors, causes };
                let outcome = match self.network.set_traffic(source, &mut cx) {
                    Ok(()) => Outcome::Done,
                    Err(why) => Outcome::Refused(why.into()),
                };
                self.outcomes.push((number, outcome));
            }
            Action::Clock(date) => {
                let set =
                    Timestamp::parse(&date).is_some_and(|date| self.core.dates.set(self.core.now, date));
                let refused = || format!("{date:?} is no date after {}", self.core.timestamp().rfc3339());
                let outcome = if set { Outcome::Done } else { Outcome::Refused(refused().into()) };
                self.outcomes.push((number, outcome));
            }
            Action::Repair { target } => {
                let outcome = faults::repair(self, &target, causes);
                self.outcomes.push((number, outcome));
            }
        }
    }

    /// Builds a component anew, as after a crash: from its configuration, without memory.
    fn renew(&mut self, process: Process) {
        match process {
            Process::Scheduler(number) => {
                let scheduler = &mut self.schedulers[number as usize];
                *scheduler = scheduler.restarted();
            }
            Process::ControllerManager(number) => {
                let manager = &mut self.controller_managers[number as usize];
                *manager = manager.restarted();
            }
            Process::Kubelet(machine) => {
                let kubelet = Kubelet::new(machine, &self.core, self.seed);
                self.kubelets[machine as usize] = Arc::new(kubelet);
            }
            _ => {}
        }
        self.renew_candidate(process);
    }
}

impl Cluster {
    /// The whole document at `key`, as an observer sees it (no request is made); `null` when there is none.
    pub fn read(&self, key: &Key) -> Doc {
        self.store.get(key).map_or(Doc::Null, |object| object.to_doc())
    }
}
