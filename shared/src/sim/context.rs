//! What a component can do while it handles something: look at the clock, send, set timers.

use std::sync::Arc;

use crate::api::{Reply, Request, Status};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Str, Timestamp};

use super::{
    Body, Causes, ChangeKind, CriCall, CriEvent, Dates, Duration, Event, EventQueue, Incarnation, Links,
    Message, NodeCall, NodeReply, Options, PacketStep, Payload, Process, RequestId, ServiceVariables, Signer,
    Time, Timer, Trace, What,
};

/// How long a client waits for an answer over a dead link before it gives up.
const REQUEST_TIMEOUT: Duration = Duration::seconds(10);

/// A computer that can be a node.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Machine {
    /// The name of its node.
    pub name: Str,
    /// Its zone.
    pub zone: Str,
    /// CPU in thousandths of a core.
    pub cpu_milli: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// How many pods its kubelet takes.
    pub pods: i64,
    /// What it has besides, by the names of resources.
    pub resources: BTreeMap<Str, Str>,
    /// Labels that its kubelet registers with, beside its own.
    pub labels: BTreeMap<Str, Str>,
    /// Taints that its kubelet registers with.
    pub taints: crate::doc::Doc,
    /// What was made on its disk for volumes: directories, and files (`true`).
    pub made: BTreeMap<Str, bool>,
    /// Whether it has power.
    pub powered: bool,
}

/// The part of a cluster that all components share.
#[derive(Codec, Clone, Debug)]
pub struct Core {
    /// The moment it is.
    pub now: Time,
    /// Which date it is when.
    pub dates: Dates,
    /// Component configuration.
    pub options: Arc<Options>,
    /// What will happen.
    pub queue: EventQueue,
    /// What is wrong with the network.
    pub links: Links,
    /// The computers.
    pub machines: Vec<Machine>,
    /// What containers are told of the Services of their namespace.
    pub service_variables: ServiceVariables,
    /// What makes tokens.
    pub signer: Signer,
    /// The record of what happened.
    #[codec(skip)]
    pub trace: Trace,
    lives: Lives,
    /// When the last watch event of a slow connection arrives: later ones may not overtake it.
    last_arrival: BTreeMap<(Process, Process), Time>,
    next_id: u64,
    /// How many API servers there are, and whom those talk to who had to go to another than their first choice.
    api_servers: u32,
    chosen: BTreeMap<Process, u32>,
}

#[derive(Codec, Clone, Copy, Hash, Debug, Default)]
struct Life {
    incarnation: Incarnation,
    running: bool,
}

/// The life of every process, by the rank of its program and its number: it is asked for at every message.
#[derive(Codec, Clone, Hash, Debug, Default)]
struct Lives(Vec<Vec<Life>>);

impl Lives {
    fn of(&self, process: Process) -> Life {
        let (rank, number) = process.index();
        self.0.get(rank).and_then(|lives| lives.get(number)).copied().unwrap_or_default()
    }

    fn of_mut(&mut self, process: Process) -> &mut Life {
        let (rank, number) = process.index();
        let grown = |length: usize, index: usize| length.max(index + 1);
        self.0.resize_with(grown(self.0.len(), rank), Vec::new);
        let lives = &mut self.0[rank];
        lives.resize(grown(lives.len(), number), Life::default());
        &mut lives[number]
    }
}

impl Core {
    /// A world at t = 0 in which nothing runs yet.
    pub fn new(
        epoch: Timestamp,
        options: Options,
        signer: Signer,
        machines: Vec<Machine>,
        trace: Trace,
    ) -> Core {
        Core {
            now: Time::ZERO,
            dates: Dates::from(epoch),
            options: Arc::new(options),
            queue: EventQueue::default(),
            links: Links::default(),
            machines,
            service_variables: ServiceVariables::default(),
            signer,
            trace,
            lives: Lives::default(),
            last_arrival: BTreeMap::new(),
            next_id: 1,
            api_servers: 1,
            chosen: BTreeMap::new(),
        }
    }

    /// What belongs to the state, in a fixed order.
    pub fn hash_state<H: std::hash::Hasher>(&self, state: &mut H) {
        use std::hash::Hash;
        (self.now, &self.dates, &self.options, &self.queue, &self.links, &self.machines).hash(state);
        (&self.lives, &self.last_arrival, self.next_id, &self.service_variables).hash(state);
        if self.api_servers > 1 {
            (self.api_servers, &self.chosen).hash(state);
        }
    }

    /// The date it is.
    pub fn timestamp(&self) -> Timestamp {
        self.dates.of(self.now)
    }

    /// Whether a process runs.
    pub fn running(&self, process: Process) -> bool {
        self.lives.of(process).running
    }

    /// The life of a process that runs, or the last one it had.
    pub fn incarnation(&self, process: Process) -> Incarnation {
        self.lives.of(process).incarnation
    }

    /// Begins a new life of `process`: its [`Payload::Start`] comes next.
    pub fn start(&mut self, process: Process, causes: Causes) {
        let life = self.lives.of_mut(process);
        life.incarnation += 1;
        life.running = true;
        let incarnation = life.incarnation;
        let event = Event { to: process, life: Some(incarnation), payload: Payload::Start, causes };
        self.queue.push(self.now, event);
    }

    /// Ends the life of `process`: nothing meant for it is delivered any more.
    pub fn stop(&mut self, process: Process) {
        self.lives.of_mut(process).running = false;
    }

    /// Whether the machine that a process runs on, if it is one of the cluster's, has power.
    pub fn powered(&self, process: Process) -> bool {
        self.links.machine_of(process).is_none_or(|machine| self.machines[machine as usize].powered)
    }

    /// A number nobody had before.
    pub fn fresh_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Puts a message on its link.
    pub fn send(&mut self, from: Process, to: Process, body: Body, extra: Duration, causes: &Causes) {
        let mut at = self.now + self.latency(from, to, &body) + extra;
        if matches!(body, Body::Watch(..) | Body::WatchClosed(_) | Body::Etcd(_)) {
            at = self.after_earlier(from, to, at);
        }
        let causes = if self.trace.enabled() {
            let (label, object) = describe(&body);
            let beat = matches!(&body, Body::Etcd(message) if message.is_heartbeat());
            let heartbeat = beat || object.as_ref().is_some_and(|key| key.kind == crate::api::Kind::Lease);
            let what = What::Message { from, to, until: at, label, object, heartbeat };
            // One heartbeat of etcd's in a second stands for all: they would push everything else out of the trace.
            if beat && (self.now + extra).0 % 1000 >= self.options.etcd_heartbeat_interval.0 {
                Causes::none()
            } else {
                self.trace.record(self.now + extra, what, causes.clone())
            }
        } else {
            Causes::none()
        };
        // Answers and watch events are for the life that asked; a request is for whoever runs when it arrives.
        let life = match body {
            Body::Request(..) | Body::NodeCall(..) | Body::Packet(_) | Body::Metrics(_) => None,
            _ => Some(self.incarnation(to)),
        };
        let message = Message { from, sent_by: self.incarnation(from), to, body, causes: causes.clone() };
        self.queue.push(at, Event { to, life, payload: Payload::Arrive(Box::new(message)), causes });
    }

    /// Answers a request that cannot be delivered, on behalf of the network.
    pub fn refuse(&mut self, message: Message) {
        let Body::Request(id, _) = message.body else { return };
        let (wait, status) = if self.links.open(message.from, message.to) {
            (Duration::millis(1), Status::connection_refused())
        } else {
            (REQUEST_TIMEOUT, Status::request_timeout())
        };
        if self.api_servers > 1 {
            self.fail_over(message.from, message.to);
        }
        self.reply_locally(message.from, id, Err(Box::new(status)), wait, message.causes);
    }

    /// From now on there are so many API servers.
    pub fn set_api_servers(&mut self, count: u32) {
        self.api_servers = count;
    }

    /// How many API servers there are.
    pub fn api_servers(&self) -> u32 {
        self.api_servers
    }

    /// The API server that `client` talks to. Those of the control plane talk to their neighbour, the others are
    /// spread.
    pub fn api_server(&self, client: Process) -> Process {
        if self.api_servers == 1 {
            return Process::ApiServer(0);
        }
        let number = self.chosen.get(&client).copied().unwrap_or(match client {
            Process::Scheduler(number) | Process::ControllerManager(number) => number,
            Process::Kubelet(number) | Process::KubeProxy(number) => number,
            _ => 0,
        });
        Process::ApiServer(number % self.api_servers)
    }

    /// The same behind a load balancer that leaves out those that are down.
    pub fn healthy_api_server(&mut self, client: Process) -> Process {
        for _ in 1..self.api_servers {
            let server = self.api_server(client);
            if self.running(server) && self.links.open(client, server) {
                break;
            }
            self.fail_over(client, server);
        }
        self.api_server(client)
    }

    /// A client's API server does not answer: the next one, if that was not tried already.
    fn fail_over(&mut self, client: Process, server: Process) {
        if let Process::ApiServer(number) = server
            && self.api_server(client) == server
        {
            self.chosen.insert(client, (number + 1) % self.api_servers);
        }
    }

    /// Lets `to` find an answer (or the lack of one) after `wait`, without a link in between.
    pub fn reply_locally(
        &mut self,
        to: Process,
        id: RequestId,
        reply: Result<Reply, Box<Status>>,
        wait: Duration,
        causes: Causes,
    ) {
        self.tell_locally(to, Body::Response(id, reply), wait, causes);
    }

    /// Lets `to` find out something after `wait`, if it lives as long.
    pub fn tell_locally(&mut self, to: Process, body: Body, wait: Duration, causes: Causes) {
        let life = self.incarnation(to);
        let message = Message { from: to, sent_by: life, to, body, causes: causes.clone() };
        let event = Event { to, life: Some(life), payload: Payload::Arrive(Box::new(message)), causes };
        self.queue.push(self.now + wait, event);
    }

    /// A connection keeps its order even while its delay changes.
    fn after_earlier(&mut self, from: Process, to: Process, at: Time) -> Time {
        if self.last_arrival.is_empty() && self.links.delay(from, to) == Duration::ZERO {
            return at;
        }
        let last = self.last_arrival.entry((from, to)).or_default();
        *last = at.max(*last);
        *last
    }

    fn latency(&self, from: Process, to: Process, body: &Body) -> Duration {
        let base = match body {
            Body::Request(..)
            | Body::Response(..)
            | Body::Watch(..)
            | Body::WatchClosed(_)
            | Body::NodeCall(..)
            | Body::NodeReply(..)
            | Body::Metrics(_) => self.options.api_latency,
            Body::Cri(_) | Body::CriEvent(_) => Duration::millis(1),
            Body::Packet(_) | Body::Etcd(_) => self.options.network_latency,
        };
        base + self.links.delay(from, to)
    }
}

fn describe(body: &Body) -> (&'static str, Option<crate::api::Key>) {
    match body {
        Body::Request(_, request) => (request.verb.label(), Some(request.key())),
        Body::Response(_, Ok(reply)) => ("200", reply.key()),
        // Whoever looks before making something is told that it is not there: no fault of anybody's.
        Body::Response(_, Err(status)) if status.reason.code() == 404 => ("404", None),
        Body::Response(_, Err(_)) => ("error", None),
        Body::Watch(_, event) => (
            match event.change {
                ChangeKind::Added => "ADDED",
                ChangeKind::Modified => "MODIFIED",
                ChangeKind::Deleted => "DELETED",
            },
            Some(event.object.key.clone()),
        ),
        Body::WatchClosed(_) => ("closed", None),
        Body::Cri(call) => match call {
            CriCall::List => ("ListContainers", None),
            CriCall::UpdateRuntimeConfig { .. } => ("UpdateRuntimeConfig", None),
            CriCall::Probe { .. } => ("Probe", None),
            CriCall::RunPodSandbox { key, .. } => ("RunPodSandbox", Some(key.clone())),
            CriCall::SetVolume { .. } => ("SetVolume", None),
            CriCall::ReadFiles { .. } => ("ReadFiles", None),
            CriCall::PullImage { .. } => ("PullImage", None),
            CriCall::StartContainer { .. } => ("StartContainer", None),
            CriCall::StopContainer { .. } => ("StopContainer", None),
            CriCall::UpdateContainerResources { .. } => ("UpdateContainerResources", None),
            CriCall::StopPodSandbox { .. } => ("StopPodSandbox", None),
            CriCall::RemovePodSandbox { .. } => ("RemovePodSandbox", None),
            CriCall::Stats => ("ListContainerStats", None),
            CriCall::RemoveUnusedImages => ("RemoveImage", None),
            CriCall::ReadLog { .. } => ("ReadLog", None),
            CriCall::Exec { .. } => ("Exec", None),
            CriCall::Attach { .. } => ("Attach", None),
            CriCall::Input { .. } => ("Input", None),
            CriCall::PortForward { .. } => ("PortForward", None),
        },
        Body::CriEvent(event) => match event {
            CriEvent::Listed { .. } => ("Listed", None),
            CriEvent::SandboxReady { .. } => ("SandboxReady", None),
            CriEvent::SandboxFailed { .. } => ("SandboxFailed", None),
            CriEvent::FilesRead { .. } => ("FilesRead", None),
            CriEvent::ImageReady { .. } => ("ImageReady", None),
            CriEvent::ImageFailed { .. } => ("ImageFailed", None),
            CriEvent::ContainerStarted { .. } => ("ContainerStarted", None),
            CriEvent::ContainerExited { .. } => ("ContainerExited", None),
            CriEvent::ContainerFailed { .. } => ("ContainerFailed", None),
            CriEvent::SandboxRemoved { .. } => ("SandboxRemoved", None),
            CriEvent::Probed { .. } => ("Probed", None),
            CriEvent::Usage(_) => ("Usage", None),
            CriEvent::ImagesRemoved { .. } => ("ImagesRemoved", None),
            CriEvent::OutOfMemory { .. } => ("OutOfMemory", None),
            CriEvent::Served { .. } => ("Served", None),
        },
        Body::Etcd(message) => (message.label(), None),
        Body::NodeCall(_, NodeCall::Logs(key, _)) => ("containerLogs", Some(key.clone())),
        Body::NodeCall(_, NodeCall::Exec(key, _)) => ("exec", Some(key.clone())),
        Body::NodeCall(_, NodeCall::Attach(key, _)) => ("attach", Some(key.clone())),
        Body::NodeCall(_, NodeCall::Input(key, ..)) => ("input", Some(key.clone())),
        Body::NodeCall(_, NodeCall::Forward(key, ..)) => ("portForward", Some(key.clone())),
        Body::NodeCall(_, NodeCall::Get(_)) => ("GET", None),
        Body::NodeReply(_, NodeReply::Refused(..)) => ("error", None),
        Body::NodeReply(..) => ("200", None),
        Body::Metrics(_) => ("metrics", None),
        Body::Packet(packet) => match packet.step {
            PacketStep::Lookup { .. } | PacketStep::Resolved(_) => ("DNS", None),
            _ => ("HTTP", None),
        },
    }
}

/// A component's hands while it handles one input.
pub struct Context<'a> {
    /// The world.
    pub core: &'a mut Core,
    /// Who acts.
    pub me: Process,
    /// Why: every effect carries this.
    pub causes: Causes,
}

impl Context<'_> {
    /// The moment it is.
    pub fn now(&self) -> Time {
        self.core.now
    }

    /// The date it is.
    pub fn timestamp(&self) -> Timestamp {
        self.core.timestamp()
    }

    /// Component configuration.
    pub fn options(&self) -> Arc<Options> {
        Arc::clone(&self.core.options)
    }

    /// Sends a message over its link.
    pub fn send(&mut self, to: Process, body: Body) {
        self.core.send(self.me, to, body, Duration::ZERO, &self.causes);
    }

    /// Sends a message that leaves after `wait` (work that takes time before it answers).
    pub fn send_after(&mut self, wait: Duration, to: Process, body: Body) {
        self.core.send(self.me, to, body, wait, &self.causes);
    }

    /// Sends a request to the API server; its answer comes as `Input::Response` with this number.
    pub fn request(&mut self, request: Request) -> RequestId {
        self.request_after(Duration::ZERO, request)
    }

    /// Sends a request that leaves after `wait` (client-side rate limits).
    pub fn request_after(&mut self, wait: Duration, request: Request) -> RequestId {
        let id = self.core.fresh_id();
        let server = self.core.api_server(self.me);
        self.send_after(wait, server, Body::Request(id, Arc::new(request)));
        id
    }

    /// Sets a timer for oneself; it is lost when the process ends.
    pub fn timer(&mut self, after: Duration, timer: Timer) {
        let event = Event {
            to: self.me,
            life: Some(self.core.incarnation(self.me)),
            payload: Payload::Timer(timer),
            causes: self.causes.clone(),
        };
        self.core.queue.push(self.core.now + after, event);
    }

    /// Records a decision; later effects name it as their cause.
    pub fn note(
        &mut self,
        reason: &'static str,
        object: Option<crate::api::Key>,
        text: impl FnOnce() -> Str,
    ) {
        if self.core.trace.enabled() {
            let what = What::Note { by: self.me, reason, object, text: text() };
            self.causes = self.core.trace.record(self.core.now, what, self.causes.clone());
        }
    }

    /// Does `work` with other causes (for instance those of a work item) and comes back to the present ones.
    pub fn because<T>(&mut self, causes: Causes, work: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.causes, causes);
        let result = work(self);
        self.causes = outer;
        result
    }
}
