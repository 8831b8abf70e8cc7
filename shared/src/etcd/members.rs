//! Several members of etcd: each has its log and its version of the data, answers the API servers connected to it, and
//! agrees with the others by Raft.
//!
//! What a transaction does to the data is the same for all, so whoever applies an entry first does the work and the
//! others share the version that came of it.

mod data;
mod member;

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::sim::{Context, EtcdMessage, Options, Process, RaftBody, Random, Time, Timer};

use super::Store;
use super::raft::{Raft, Role, Timing};
use data::Data;
use member::Member;

/// How many versions are kept for members that are behind; others work theirs out.
const VERSIONS: usize = 64;

/// All members.
#[derive(Codec, Clone, Debug)]
pub struct Members {
    members: Vec<Member>,
    shared: Shared,
}

/// What is the same for all.
#[derive(Codec, Clone, Debug)]
struct Shared {
    /// Data that are on their way, in notices and snapshots.
    shipped: BTreeMap<u64, Data>,
    shipments: u64,
    /// The newest versions, oldest first: they follow from the log, and only save work.
    versions: VecDeque<Data>,
}

impl Hash for Members {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.members, &self.shared.shipped, self.shared.shipments).hash(state);
    }
}

/// How a member is, for who looks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberStatus {
    /// Its number.
    pub member: u32,
    /// Whether the process runs.
    pub running: bool,
    /// What it does.
    pub role: Role,
    /// Its term.
    pub term: u64,
    /// Whom it takes for the leader.
    pub leader: Option<u32>,
    /// The last entry that it knows to be certain.
    pub commit: u64,
    /// The last entry it has.
    pub last: u64,
    /// How many entries its log holds.
    pub log_length: u64,
    /// The revision of its data.
    pub revision: u64,
    /// When its leader last changed.
    pub leader_since: Time,
}

impl Members {
    /// `count` members with the same data.
    pub fn new(count: u32, store: &Store, options: &Options, seed: u64) -> Members {
        let timing =
            Timing { heartbeat: options.etcd_heartbeat_interval, election: options.etcd_election_timeout };
        let first = Data::new(store.clone());
        let members = (0..count)
            .map(|id| {
                let random = Random::stream(seed, &format!("etcd/{id}"));
                Member::new(Raft::new(id, count, timing, random), first.clone())
            })
            .collect();
        let shared = Shared { shipped: BTreeMap::new(), shipments: 0, versions: VecDeque::from([first]) };
        Members { members, shared }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.members.len() as u32
    }

    /// The newest data that any member has applied.
    pub fn newest(&self) -> &Store {
        &self.shared.versions.back().expect("one version from the beginning").store
    }

    /// How each member is. `running` says whether its process runs.
    pub fn status(&self, running: impl Fn(Process) -> bool) -> Vec<MemberStatus> {
        self.members.iter().map(|member| member.status(running(Process::Etcd(member.id())))).collect()
    }

    /// The process of a member starts.
    pub fn start(&mut self, member: u32, cx: &mut Context<'_>) {
        self.members[member as usize].start(&mut self.shared, cx);
    }

    /// A timer of a member's ran out.
    pub fn timer(&mut self, member: u32, timer: &Timer, cx: &mut Context<'_>) {
        self.members[member as usize].timer(timer, &mut self.shared, cx);
    }

    /// A message for a member arrives.
    pub fn handle(&mut self, member: u32, from: Process, message: EtcdMessage, cx: &mut Context<'_>) {
        self.members[member as usize].handle(from, message, &mut self.shared, cx);
    }

    /// The data that come with a message.
    pub fn unload(&mut self, shipment: u64) -> Option<Store> {
        self.shared.shipped.remove(&shipment).map(|data| data.store)
    }

    /// The process of a member ends: the connections to it break.
    pub fn stop(&mut self, member: u32, cx: &mut Context<'_>) {
        self.members[member as usize].hang_up(cx);
    }

    /// A message never arrives.
    pub fn lost(&mut self, from: Process, to: Process, message: &EtcdMessage) {
        let shipment = match message {
            EtcdMessage::Notice { shipment, .. } => {
                if let (Process::Etcd(member), Process::ApiServer(server)) = (from, to) {
                    self.members[member as usize].forget(server);
                }
                *shipment
            }
            EtcdMessage::Raft(message) => match message.body {
                RaftBody::Snapshot { shipment, .. } => shipment,
                _ => return,
            },
            _ => return,
        };
        self.shared.shipped.remove(&shipment);
    }
}

impl Shared {
    fn ship(&mut self, data: &Data) -> u64 {
        self.shipments += 1;
        self.shipped.insert(self.shipments, data.clone());
        self.shipments
    }

    /// The version after the entry at `index`, if somebody made it already.
    fn version(&self, index: u64) -> Option<&Data> {
        let first = self.versions.front()?.index;
        self.versions.get(usize::try_from(index.checked_sub(first)?).ok()?)
    }

    /// Keeps a version if it is the next one.
    fn keep(&mut self, data: &Data) {
        let newest = self.versions.back().map_or(0, |newest| newest.index);
        if data.index != newest + 1 {
            return;
        }
        self.versions.push_back(data.clone());
        if self.versions.len() > VERSIONS {
            self.versions.pop_front();
        }
    }
}
