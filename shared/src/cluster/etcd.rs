//! Etcd of several members, and several API servers, as far as the wiring goes.

use crate::apiserver::ApiServer;
use crate::etcd::{MemberStatus, Members};
use crate::sim::{Body, Causes, Context, Duration, EtcdMessage, Event, Message, Payload, Process};

use super::Cluster;

/// How long a broken connection that nobody closed goes unnoticed.
const KEEPALIVE_TIMEOUT: Duration = Duration::seconds(10);

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
        self.apiservers = vec![ApiServer::replicated(self.seed, 0, members)];
        (1..members).for_each(|member| self.core.start(Process::Etcd(member), Causes::none()));
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
        let life = self.core.incarnation(from);
        let body = Body::Etcd(Box::new(broken));
        let message = Message { from, sent_by: life, to: from, body, causes: causes.clone() };
        let payload = Payload::Arrive(Box::new(message));
        let event = Event { to: from, life: Some(life), payload, causes };
        self.core.queue.push(self.core.now + wait, event);
    }
}
