//! A control plane of several members, as far as the wiring goes: etcd, API servers, and replicas of which one works.

use crate::apiserver::ApiServer;
use crate::client::{Ballot, Candidate, Input};
use crate::controllers::ControllerManager;
use crate::doc::literal;
use crate::etcd::{MemberStatus, Members};
use crate::scheduler::Scheduler;
use crate::sim::{Body, Causes, Context, Duration, EtcdMessage, Message, Process, Random};

use super::Cluster;

/// How long a broken connection that nobody closed goes unnoticed.
const KEEPALIVE_TIMEOUT: Duration = Duration::seconds(10);

/// What runs once for each member.
pub(super) const MEMBERS: [fn(u32) -> Process; 4] =
    [Process::Etcd, Process::ApiServer, Process::ControllerManager, Process::Scheduler];

/// What the events of an election say that they come from.
const SCHEDULER: &str = "default-scheduler";
const CONTROLLER_MANAGER: &str = "kube-controller-manager";

/// How an API server and a member of etcd are connected, for who looks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EtcdStatus {
    /// The members.
    pub members: Vec<MemberStatus>,
    /// The member that each API server is connected to, by server.
    pub connected: Vec<u32>,
}

impl Cluster {
    /// Makes etcd one of several members, with an API server for each.
    pub(super) fn replicate(&mut self, members: u32) {
        self.etcd = Some(Box::new(Members::new(members, &self.store, &self.core.options, self.seed)));
        let signer = self.core.signer;
        self.apiservers =
            (0..members).map(|server| ApiServer::replicated(self.seed, signer, server, members)).collect();
        self.core.set_api_servers(members);
        self.schedulers = vec![Scheduler::new(self.seed); members as usize];
        self.controller_managers = vec![ControllerManager::new(self.seed); members as usize];
        for member in 0..members {
            for (process, source) in [
                (Process::Scheduler(member), SCHEDULER),
                (Process::ControllerManager(member), CONTROLLER_MANAGER),
            ] {
                let name = format!("election/{}/{member}", process.program());
                let candidate = Candidate::new(process, member, source, Random::stream(self.seed, &name));
                self.candidates.insert(process, candidate);
            }
        }
        for member in 1..members {
            for of in MEMBERS {
                self.core.start(of(member), Causes::none());
            }
        }
    }

    /// The number of the replica that holds its component's lease; the first when none does.
    pub(super) fn leading(&self, of: fn(u32) -> Process) -> usize {
        let leads = |&member: &u32| self.candidates.get(&of(member)).is_some_and(Candidate::leads);
        (0..self.members()).find(leads).unwrap_or(0) as usize
    }

    /// Who holds which lease: the replicas of the scheduler and the controller manager that work.
    pub fn leaders(&self) -> impl Iterator<Item = (Process, &Candidate)> {
        self.candidates.iter().filter(|(_, candidate)| candidate.leads()).map(|(&process, it)| (process, it))
    }

    /// Lets a replica's candidate have an input first; what is left is for the component, if it works.
    pub(super) fn vote(&mut self, to: Process, input: Input, causes: &Causes) -> Option<Input> {
        let Some(candidate) = self.candidates.get_mut(&to) else { return Some(input) };
        let mut cx = Context { core: &mut self.core, me: to, causes: causes.clone() };
        match candidate.handle(input, &mut cx) {
            Ballot::NotMine(input) => Some(input),
            Ballot::Nothing => None,
            Ballot::Elected => Some(Input::Start),
            Ballot::Lost => {
                // The program ends, and whoever looks after it starts it again.
                cx.note("LeaderElectionLost", None, || literal!("the lease could not be renewed in time"));
                let causes = cx.causes.clone();
                self.core.stop(to);
                self.connections_end(to);
                self.renew(to);
                self.core.start(to, causes);
                None
            }
        }
    }

    /// After its process ended, a candidate is another one.
    pub(super) fn renew_candidate(&mut self, process: Process) {
        let (number, source) = match process {
            Process::Scheduler(number) => (number, SCHEDULER),
            Process::ControllerManager(number) => (number, CONTROLLER_MANAGER),
            _ => return,
        };
        if let Some(candidate) = self.candidates.get_mut(&process) {
            *candidate = candidate.restarted(process, number, source);
        }
    }

    /// How the members of etcd are; `None` for a single one, which has no role.
    pub fn etcd(&self) -> Option<EtcdStatus> {
        let etcd = self.etcd.as_ref()?;
        let members = etcd.status(|process| self.core.running(process));
        let connected = self.apiservers.iter().filter_map(ApiServer::remote).map(|it| it.member()).collect();
        Some(EtcdStatus { members, connected })
    }

    /// How many members etcd has.
    pub(super) fn members(&self) -> u32 {
        self.etcd.as_ref().map_or(1, |etcd| etcd.count())
    }

    /// Lets a member of etcd handle something, and keeps the newest data for all to see.
    pub(super) fn with_etcd(
        &mut self,
        member: u32,
        causes: Causes,
        work: impl FnOnce(&mut Members, &mut Context<'_>),
    ) {
        let Some(etcd) = &mut self.etcd else { return };
        let mut cx = Context { core: &mut self.core, me: Process::Etcd(member), causes };
        work(etcd, &mut cx);
        if etcd.newest().revision() != self.store.revision() {
            self.store = etcd.newest().clone();
        }
    }

    pub(super) fn etcd_message(&mut self, from: Process, to: Process, message: EtcdMessage, causes: Causes) {
        match to {
            Process::Etcd(member) => {
                self.with_etcd(member, causes, |etcd, cx| etcd.handle(member, from, message, cx));
            }
            Process::ApiServer(server) => {
                let store = match (&message, &mut self.etcd) {
                    (EtcdMessage::Notice { shipment, .. }, Some(etcd)) => etcd.unload(*shipment),
                    _ => None,
                };
                let mut cx = Context { core: &mut self.core, me: to, causes };
                self.apiservers[server as usize].etcd(message, store, &mut cx);
            }
            _ => {}
        }
    }

    /// A process ended. Its next life may go to another API server, so that the one it leaves has to notice now.
    pub(super) fn connections_end(&mut self, process: Process) {
        if self.core.api_servers() > 1 {
            self.apiservers.iter_mut().for_each(|server| drop(server.hang_up(process)));
        }
    }

    /// A request found its API server unreachable: with several of them the client goes to another, and gives up
    /// the watches that it has on the dead connection.
    pub(super) fn connection_dead(&mut self, message: &Message) {
        let Process::ApiServer(server) = message.to else { return };
        if self.core.api_servers() == 1 || self.core.links.open(message.from, message.to) {
            return;
        }
        for watch in self.apiservers[server as usize].hang_up(message.from) {
            self.close_later(watch, message.from, message.causes.clone());
        }
    }

    /// A message of etcd's protocols cannot be delivered. An API server finds out that its connection is gone.
    pub(super) fn etcd_lost(&mut self, message: Message) {
        let Message { from, to, body: Body::Etcd(lost), causes, .. } = message else { return };
        if let Some(etcd) = &mut self.etcd {
            etcd.lost(from, to, &lost);
        }
        let (Process::ApiServer(_), Process::Etcd(member)) = (from, to) else { return };
        if !self.core.running(from) {
            return;
        }
        let refused = self.core.links.open(from, to) && self.core.powered(to);
        let wait = if refused { Duration::millis(1) } else { KEEPALIVE_TIMEOUT };
        let broken = EtcdMessage::Broken { member, at: self.core.now };
        self.core.tell_locally(from, Body::Etcd(Box::new(broken)), wait, causes);
    }
}
