//! One member: its part of Raft, its data, and the API servers that are connected to it.

use std::sync::Arc;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::etcd::raft::{Raft, Role};
use crate::sim::{
    Act, Answer, Body, Causes, Context, Duration, EtcdMessage, Process, RaftBody, RaftMessage, Time, Timer,
    Txn,
};

use super::data::Data;
use super::{MemberStatus, Shared};

/// How often a read asks again (etcd's `readIndexRetryTime`).
const ASK_AGAIN: Duration = Duration::millis(500);
/// How often the leader looks for leases that have ended. (etcd does twice a second; Events live for an hour.)
const LEASES: Duration = Duration::seconds(60);
/// A proposal is given up after this (etcd's request timeout, with the default election timeout).
const REQUEST_TIMEOUT: Duration = Duration::seconds(7);
/// A member sends its clients away after so many election timeouts without a leader.
const NO_LEADER: u64 = 3;

/// Reads: the API servers that ask, and their numbers for them.
type Reads = Vec<(u32, u64)>;

/// One member.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Member {
    raft: Raft,
    data: Data,
    /// The leader and term it last knew, and since when.
    leader: (Option<u32>, u64),
    leader_since: Time,
    /// Connected API servers, and the revision each was told of.
    clients: BTreeMap<u32, u64>,
    /// Transactions of theirs that are not applied yet: whose, and since when.
    proposed: BTreeMap<u64, (u32, Time, Arc<Txn>)>,
    /// Reads that wait for the next round.
    reads: Reads,
    /// Reads of the round that is under way: its number, when it was asked for last, and whose they are.
    round: Option<(u64, Time, Reads)>,
    /// Reads that wait until an index is applied.
    behind: Vec<(u64, Reads)>,
    rounds: u64,
    /// The moment for which a timer is set.
    alarm: Time,
}

impl Member {
    pub fn new(raft: Raft, data: Data) -> Member {
        Member {
            raft,
            data,
            leader: (None, 0),
            leader_since: Time::ZERO,
            clients: BTreeMap::new(),
            proposed: BTreeMap::new(),
            reads: Vec::new(),
            round: None,
            behind: Vec::new(),
            rounds: 0,
            alarm: Time::ZERO,
        }
    }

    pub fn id(&self) -> u32 {
        self.raft.id()
    }

    pub fn status(&self, running: bool) -> MemberStatus {
        let log = self.raft.log();
        MemberStatus {
            member: self.id(),
            running,
            role: self.raft.role(),
            term: self.raft.term(),
            leader: self.raft.leader(),
            commit: self.raft.commit(),
            last: log.last(),
            log_length: log.len(),
            revision: self.data.store.revision(),
            leader_since: self.leader_since,
        }
    }

    pub fn start(&mut self, shared: &mut Shared, cx: &mut Context<'_>) {
        self.raft.restart(cx.now());
        let (raft, data) = (self.raft.clone(), self.data.clone());
        *self = Member { leader_since: cx.now(), rounds: self.rounds, ..Member::new(raft, data) };
        cx.because(Causes::none(), |cx| cx.timer(LEASES, Timer::named("leases")));
        self.go_on(shared, cx);
    }

    pub fn timer(&mut self, timer: &Timer, shared: &mut Shared, cx: &mut Context<'_>) {
        match timer.name {
            "leases" => {
                cx.timer(LEASES, Timer::named("leases"));
                self.revoke_leases(cx);
            }
            "read" => {
                if let Some((round, asked, _)) = &mut self.round
                    && cx.now().since(*asked) >= ASK_AGAIN
                {
                    *asked = cx.now();
                    self.raft.read(*round, cx.now());
                    cx.timer(ASK_AGAIN, Timer::named("read"));
                }
            }
            _ => {
                if cx.now() < self.alarm {
                    return;
                }
                self.raft.wake(cx.now());
                self.give_up(cx);
            }
        }
        self.go_on(shared, cx);
    }

    pub fn handle(&mut self, from: Process, message: EtcdMessage, shared: &mut Shared, cx: &mut Context<'_>) {
        match (from, message) {
            (Process::Etcd(from), EtcdMessage::Raft(message)) => {
                let shipment = match message.body {
                    RaftBody::Snapshot { shipment, .. } => shared.shipped.remove(&shipment),
                    _ => None,
                };
                self.raft.step(from, message, cx.now());
                if let Some(data) = shipment
                    && data.index > self.data.index
                    && data.index <= self.raft.commit()
                {
                    self.data = data;
                }
            }
            (Process::ApiServer(server), message) => {
                self.clients.entry(server).or_insert(0);
                match message {
                    EtcdMessage::Watch { revision } => drop(self.clients.insert(server, revision)),
                    EtcdMessage::Propose(txn) => self.take(server, txn, shared, cx),
                    EtcdMessage::Read(read) => self.reads.push((server, read)),
                    EtcdMessage::Ping => self.notify(server, Vec::new(), shared, cx),
                    _ => {}
                }
            }
            _ => {}
        }
        self.go_on(shared, cx);
    }

    /// An API server writes.
    fn take(&mut self, server: u32, txn: Arc<Txn>, shared: &mut Shared, cx: &mut Context<'_>) {
        if let Some(answer) = self.data.done(txn.id) {
            return self.notify(server, vec![(txn.id, answer)], shared, cx);
        }
        self.proposed.insert(txn.id, (server, cx.now(), Arc::clone(&txn)));
        self.submit(vec![txn], cx.now());
    }

    /// Takes transactions into the log, or passes them to who can. Without a leader they wait for one.
    fn submit(&mut self, txns: Vec<Arc<Txn>>, now: Time) {
        if !txns.is_empty() && !self.raft.propose(&txns, now) {
            self.raft.forward(txns);
        }
    }

    fn revoke_leases(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        if self.raft.role() == Role::Leader && !self.data.store.clone().expired(now).is_empty() {
            let txn = Txn { id: cx.core.fresh_id(), act: Act::Revoke(now), causes: Causes::none() };
            self.raft.propose(&[Arc::new(txn)], now);
        }
    }

    /// Forgets proposals that nobody waits for any more, and sends clients away who are better off elsewhere.
    fn give_up(&mut self, cx: &mut Context<'_>) {
        let now = cx.now();
        self.proposed.retain(|_, (_, since, _)| now.since(*since) < REQUEST_TIMEOUT);
        let lonely = cx.core.options.etcd_election_timeout * NO_LEADER;
        if self.raft.leader().is_none() && now.since(self.leader_since) >= lonely {
            self.hang_up(cx);
            self.proposed.clear();
            self.reads.clear();
            self.behind.clear();
            self.round = None;
        }
    }

    /// Ends the connections of all clients.
    pub fn hang_up(&mut self, cx: &mut Context<'_>) {
        for (server, _) in std::mem::take(&mut self.clients) {
            let broken = EtcdMessage::Broken { member: self.id(), at: cx.now() };
            cx.send(Process::ApiServer(server), Body::Etcd(Box::new(broken)));
        }
    }

    /// A client turned out to be gone.
    pub fn forget(&mut self, server: u32) {
        self.clients.remove(&server);
    }

    /// What follows from any change.
    fn go_on(&mut self, shared: &mut Shared, cx: &mut Context<'_>) {
        self.meet_leader(cx);
        self.begin_round(cx);
        let answers = self.apply(shared, cx);
        self.answer(answers, shared, cx);
        self.compact(cx.core.options.etcd_snapshot_count);
        self.send(shared, cx);
        let deadline = self.raft.deadline();
        if self.alarm <= cx.now() || deadline < self.alarm {
            self.alarm = deadline.max(cx.now() + Duration::millis(1));
            let wait = self.alarm - cx.now();
            cx.because(Causes::none(), |cx| cx.timer(wait, Timer::named("raft")));
        }
    }

    /// A new leader gets everything that the old one may have lost.
    fn meet_leader(&mut self, cx: &mut Context<'_>) {
        let leader = (self.raft.leader(), self.raft.term());
        if leader == self.leader {
            return;
        }
        if leader.0 != self.leader.0 {
            self.leader_since = cx.now();
            let term = leader.1;
            match leader.0 {
                Some(leader) if leader == self.id() => {
                    cx.note("BecameLeader", None, || format!("etcd/{leader} leads term {term}").into());
                }
                _ => {}
            }
        }
        self.leader = leader;
        if leader.0.is_some() {
            let again = self.proposed.values().map(|(_, _, txn)| Arc::clone(txn)).collect();
            self.submit(again, cx.now());
            if let Some((round, ..)) = self.round {
                self.raft.read(round, cx.now());
            }
        }
    }

    /// Reads that came in while another round was under way go together.
    fn begin_round(&mut self, cx: &mut Context<'_>) {
        if self.round.is_some() || self.reads.is_empty() || self.raft.leader().is_none() {
            return;
        }
        self.rounds += 1;
        self.round = Some((self.rounds, cx.now(), std::mem::take(&mut self.reads)));
        self.raft.read(self.rounds, cx.now());
        cx.timer(ASK_AGAIN, Timer::named("read"));
    }

    /// Applies what is certain; answers what clients of this member wait for.
    fn apply(&mut self, shared: &mut Shared, cx: &mut Context<'_>) -> BTreeMap<u32, Vec<(u64, Answer)>> {
        let mut answers: BTreeMap<u32, Vec<(u64, Answer)>> = BTreeMap::new();
        while self.data.index < self.raft.commit() {
            let Some(entry) = self.raft.log().get(self.data.index + 1) else { break };
            let txn = entry.txn.clone();
            self.data = match shared.version(self.data.index + 1) {
                Some(data) => data.clone(),
                None => {
                    let newest = shared.versions.back().is_some_and(|newest| newest.index == self.data.index);
                    let data = self.data.after(txn.as_deref(), newest.then_some(&mut *cx.core));
                    shared.keep(&data);
                    data
                }
            };
            if let Some(txn) = txn
                && let Some((server, ..)) = self.proposed.remove(&txn.id)
            {
                let answer = self.data.done(txn.id).unwrap_or(Answer::Changed);
                answers.entry(server).or_default().push((txn.id, answer));
            }
        }
        self.raft.set_applied(self.data.index);
        for (round, index) in self.raft.take_reads() {
            if self.round.as_ref().is_some_and(|(mine, ..)| *mine == round) {
                let (_, _, reads) = self.round.take().expect("just seen");
                self.behind.push((index, reads));
            }
        }
        let applied = self.data.index;
        for (_, reads) in self.behind.extract_if(.., |(index, _)| *index <= applied) {
            for (server, read) in reads {
                answers.entry(server).or_default().push((read, Answer::Done(self.data.store.revision())));
            }
        }
        answers
    }

    /// Tells each API server what is new for it.
    fn answer(
        &mut self,
        mut answers: BTreeMap<u32, Vec<(u64, Answer)>>,
        shared: &mut Shared,
        cx: &mut Context<'_>,
    ) {
        let revision = self.data.store.revision();
        let told: Vec<(u32, u64)> = self.clients.iter().map(|(&server, &told)| (server, told)).collect();
        for (server, told) in told {
            let answers = answers.remove(&server).unwrap_or_default();
            if told < revision || !answers.is_empty() {
                self.notify(server, answers, shared, cx);
            }
        }
    }

    fn notify(
        &mut self,
        server: u32,
        answers: Vec<(u64, Answer)>,
        shared: &mut Shared,
        cx: &mut Context<'_>,
    ) {
        let revision = self.data.store.revision();
        self.clients.insert(server, revision);
        let notice = EtcdMessage::Notice { revision, shipment: shared.ship(&self.data), answers };
        cx.send(Process::ApiServer(server), Body::Etcd(Box::new(notice)));
    }

    /// Drops the log's beginning when it is long enough; half of it stays for members that are a little behind.
    fn compact(&mut self, snapshot_count: u32) {
        let (applied, count) = (self.data.index, u64::from(snapshot_count.max(2)));
        if applied > self.raft.log().offset() + count + count / 2 {
            self.raft.compact(applied - count / 2);
        }
    }

    fn send(&mut self, shared: &mut Shared, cx: &mut Context<'_>) {
        for (to, mut message) in self.raft.take_messages() {
            if let RaftBody::Snapshot { index, term, shipment } = &mut message.body {
                *index = self.data.index;
                *term = self.raft.log().term(*index).unwrap_or(*term);
                *shipment = shared.ship(&self.data);
            }
            // What a member promises or has taken in is on its disk first. (Signs of life keep their place in line.)
            let stored = matches!(
                message.body,
                RaftBody::Appended { .. } | RaftBody::HeartbeatBack { .. } | RaftBody::Voted { .. }
            );
            let wait = if stored { cx.core.options.etcd_commit } else { Duration::ZERO };
            self.post(to, message, wait, cx);
        }
    }

    fn post(&self, to: u32, message: RaftMessage, wait: Duration, cx: &mut Context<'_>) {
        let causes = match &message.body {
            RaftBody::Append { entries, .. } => {
                let mut causes = Causes::none();
                entries.iter().filter_map(|it| it.txn.as_ref()).for_each(|txn| causes.merge(&txn.causes));
                causes
            }
            RaftBody::Forward(txns) => txns.first().map_or(Causes::none(), |txn| txn.causes.clone()),
            _ => Causes::none(),
        };
        let body = Body::Etcd(Box::new(EtcdMessage::Raft(message)));
        cx.because(causes, |cx| cx.send_after(wait, Process::Etcd(to), body));
    }
}
