//! The cluster: all components, wired. The only place that knows them all.
//!
//! [`Cluster::apply`] takes a command; [`Cluster::step`] lets the next thing happen. Nothing else changes a cluster.

mod bootstrap;
mod command;
mod faults;
mod spec;

use std::hash::Hash;
use std::sync::Arc;

use crate::api::{Key, Reply, Request};
use crate::apiserver::{ApiServer, http};
use crate::client::Input;
use crate::collections::BTreeMap;
use crate::controllers::ControllerManager;
use crate::doc::Doc;
use crate::etcd::Store;
use crate::kubelet::Kubelet;
use crate::network::Network;
use crate::runtime::{Images, Runtime};
use crate::scheduler::Scheduler;
use crate::sim::{
    Body, Causes, Context, Core, Duration, Event, Message, Payload, Process, RequestId, StateHash,
    StateHasher, Time, Trace, What,
};

pub use crate::apiserver::http::{HttpRequest, HttpResponse};
pub use crate::runtime::ImageSpec;
pub use command::{Action, Command, Outcome};
pub use spec::{ClusterSpec, ControlPlane, NodeGroup, SpecError};

/// How long a watcher takes to notice that its connection is dead.
const CONNECTION_TIMEOUT: Duration = Duration::seconds(30);

/// A Kubernetes cluster.
#[derive(Clone, Debug)]
pub struct Cluster {
    seed: u64,
    core: Core,
    store: Store,
    apiserver: ApiServer,
    scheduler: Scheduler,
    controller_manager: ControllerManager,
    kubelets: Vec<Kubelet>,
    runtimes: Vec<Runtime>,
    network: Network,
    images: Arc<Images>,
    commands: BTreeMap<u64, Command>,
    admitted: u64,
    asked: BTreeMap<RequestId, Asked>,
    outcomes: Vec<(u64, Outcome)>,
}

/// A request from outside that waits for its answer.
#[derive(Clone, Debug, Hash)]
struct Asked {
    command: u64,
    http: HttpRequest,
    request: Arc<Request>,
}

impl Cluster {
    /// A cluster at t = 0. `trace` is how many records of what happened are kept; 0 keeps none.
    ///
    /// # Errors
    /// What in the specification makes no sense, and where.
    pub fn new(spec: &ClusterSpec, seed: u64, trace: u64) -> Result<Cluster, SpecError> {
        let machines = spec.machines()?;
        let images = Arc::new(Images::new(&spec.images));
        let core = Core::new(spec.epoch, spec.options.clone(), machines, Trace::new(trace));
        let count = u32::try_from(core.machines.len()).expect("bounded by the specification");
        let mut cluster = Cluster {
            seed,
            store: Store::default(),
            apiserver: ApiServer::new(seed),
            scheduler: Scheduler::new(seed),
            controller_manager: ControllerManager::new(seed),
            kubelets: (0..count).map(|machine| Kubelet::new(machine, &core, seed)).collect(),
            runtimes: (0..count).map(|machine| Runtime::new(machine, &images)).collect(),
            network: Network::new(count, seed),
            images,
            commands: BTreeMap::new(),
            admitted: 0,
            asked: BTreeMap::new(),
            outcomes: Vec::new(),
            core,
        };
        cluster.bootstrap();
        Ok(cluster)
    }

    /// What is there before anybody acts; every program starts.
    fn bootstrap(&mut self) {
        bootstrap::objects(&mut self.store, self.core.timestamp().floor_seconds());
        let everywhere = [
            Process::Etcd(0),
            Process::ApiServer(0),
            Process::ControllerManager(0),
            Process::Scheduler(0),
            Process::ProxyWatch,
            Process::LoadBalancer,
            Process::CoreDns,
            Process::Visitors,
        ];
        everywhere.into_iter().for_each(|process| self.core.start(process, Causes::none()));
        for machine in 0..self.kubelets.len() as u32 {
            for process in [Process::Runtime(machine), Process::Kubelet(machine), Process::KubeProxy(machine)]
            {
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

    /// One number for the whole state.
    pub fn hash(&self) -> StateHash {
        let mut hasher = StateHasher::default();
        self.core.hash_state(&mut hasher);
        self.store.hash().hash(&mut hasher);
        self.apiserver.hash_state(&mut hasher);
        (&self.scheduler, &self.controller_manager, &self.kubelets, &self.runtimes, &self.network)
            .hash(&mut hasher);
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

    /// The API server's counts and watches.
    pub fn apiserver(&self) -> &ApiServer {
        &self.apiserver
    }

    /// The scheduler's queues and attempts.
    pub fn scheduler(&self) -> &Scheduler {
        &self.scheduler
    }

    /// The controllers and their queues.
    pub fn controller_manager(&self) -> &ControllerManager {
        &self.controller_manager
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
            Payload::Arrive(message) if matches!(message.body, Body::Packet(_)) => {
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
            Payload::Timer(timer) if to == Process::ApiServer(0) => {
                let mut cx = Context { core: &mut self.core, me: to, causes };
                self.apiserver.timer(&timer, &mut self.store, &mut cx);
            }
            Payload::Timer(timer) => self.input(to, Input::Timer(timer), causes),
            Payload::Start if to == Process::ApiServer(0) => {
                self.apiserver.start(&mut Context { core: &mut self.core, me: to, causes });
            }
            Payload::Start => self.input(to, Input::Start, causes),
            Payload::Command(_) => unreachable!("handled above"),
        }
    }

    fn arrive(&mut self, message: Message, causes: Causes) {
        let to = message.to;
        let mut cx = Context { core: &mut self.core, me: to, causes: causes.clone() };
        match message.body {
            Body::Request(id, request) => {
                let from = (message.from, message.sent_by);
                self.apiserver.handle(from, id, &request, &mut self.store, &mut cx);
            }
            Body::Cri(call) => {
                if let Process::Runtime(machine) = to {
                    self.runtimes[machine as usize].call(call, &mut cx);
                }
            }
            Body::Response(id, result) if matches!(to, Process::Client(_)) => self.answered(id, &result),
            body => {
                let message = Message { body, ..message };
                if let Some(input) = Input::from_message(message) {
                    self.input(to, input, causes);
                }
            }
        }
    }

    fn input(&mut self, to: Process, input: Input, causes: Causes) {
        let mut cx = Context { core: &mut self.core, me: to, causes };
        match to {
            Process::Scheduler(_) => self.scheduler.handle(input, &mut cx),
            Process::ControllerManager(_) => self.controller_manager.handle(input, &mut cx),
            Process::Kubelet(machine) => self.kubelets[machine as usize].handle(input, &mut cx),
            Process::Runtime(machine) => self.runtimes[machine as usize].handle(input, &mut cx),
            Process::KubeProxy(_)
            | Process::ProxyWatch
            | Process::LoadBalancer
            | Process::CoreDns
            | Process::Visitors => {
                self.network.handle(input, &mut cx);
            }
            // etcd answers the API server without messages while it has one member.
            Process::ApiServer(_) | Process::Etcd(_) | Process::Client(_) => {}
        }
    }

    /// A message that cannot be delivered: whoever waits for it finds out the way it would in life.
    fn lose(&mut self, event: Event) {
        let Payload::Arrive(message) = event.payload else { return };
        if let Body::Response(_, Ok(Reply::Watching(watch))) = &message.body {
            self.apiserver.drop_watch(*watch);
        }
        match &message.body {
            Body::Request(..) => self.core.refuse(*message),
            Body::Response(id, _) if matches!(message.to, Process::Client(_)) => {
                self.answered(*id, &Err(Box::new(crate::api::Status::request_timeout())));
            }
            Body::Response(id, _) if self.core.running(message.to) => {
                let timeout = Err(Box::new(crate::api::Status::request_timeout()));
                self.core.reply_locally(message.to, *id, timeout, Duration::seconds(10), message.causes);
            }
            Body::Watch(watch, _) => {
                self.apiserver.drop_watch(*watch);
                self.close_later(*watch, &message);
            }
            Body::WatchClosed(watch) => self.close_later(*watch, &message),
            Body::Response(..) | Body::Cri(_) | Body::CriEvent(_) | Body::Packet(_) => {}
        }
    }

    /// A watcher whose connection broke silently notices when it times out.
    fn close_later(&mut self, watch: u64, message: &Message) {
        let to = message.to;
        if !self.core.running(to) {
            return;
        }
        let life = self.core.incarnation(to);
        let body = Body::WatchClosed(watch);
        let closed = Message { from: to, sent_by: life, to, body, causes: message.causes.clone() };
        let event = Event {
            to,
            life: Some(life),
            payload: Payload::Arrive(Box::new(closed)),
            causes: message.causes.clone(),
        };
        self.core.queue.push(self.core.now + CONNECTION_TIMEOUT, event);
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
            Action::Repair { target } => {
                let outcome = faults::repair(self, &target, causes);
                self.outcomes.push((number, outcome));
            }
        }
    }

    fn ask(&mut self, number: u64, http: HttpRequest, user: crate::api::User, causes: Causes) {
        let now = self.core.timestamp();
        let user = self.apiserver.authenticate(&http, user, &self.store, now);
        let request = match user.and_then(|user| http::decode(&http, user)) {
            Ok(request) if request.verb == crate::api::Verb::Watch => {
                let status = crate::api::Status::method_not_allowed();
                self.outcomes.push((number, Outcome::Http(http::HttpResponse::from(&status))));
                return;
            }
            Ok(request) => Arc::new(request),
            Err(status) => {
                self.outcomes.push((number, Outcome::Http(http::HttpResponse::from(&status))));
                return;
            }
        };
        let id = self.core.fresh_id();
        let client = Process::Client(0);
        self.core.send(
            client,
            Process::ApiServer(0),
            Body::Request(id, Arc::clone(&request)),
            Duration::ZERO,
            &causes,
        );
        self.asked.insert(id, Asked { command: number, http, request });
    }

    fn answered(&mut self, id: RequestId, result: &Result<Reply, Box<crate::api::Status>>) {
        if let Some(asked) = self.asked.remove(&id) {
            let response = http::encode(result, &asked.request, &asked.http, self.core.timestamp());
            self.outcomes.push((asked.command, Outcome::Http(response)));
        }
    }

    /// Builds a component anew, as after a crash: from its configuration, without memory.
    fn renew(&mut self, process: Process) {
        match process {
            Process::Scheduler(_) => self.scheduler = self.scheduler.restarted(),
            Process::ControllerManager(_) => self.controller_manager = self.controller_manager.restarted(),
            Process::Kubelet(machine) => {
                self.kubelets[machine as usize] = Kubelet::new(machine, &self.core, self.seed);
            }
            _ => {}
        }
    }
}

/// The document of an object for observers; `null` when there is none.
impl Cluster {
    /// The whole document at `key`, as an observer sees it (no request is made).
    pub fn read(&self, key: &Key) -> Doc {
        self.store.get(key).map_or(Doc::Null, |object| object.to_doc())
    }
}
