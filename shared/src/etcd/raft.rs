//! Raft, as etcd uses it: elections that are asked about beforehand (pre-vote), a leader that steps down when it hears
//! from no majority (check quorum) and whose followers stand by it meanwhile, one append on its way to each follower at
//! a time (what comes in meanwhile goes with the next one), reads confirmed by heartbeats.
//!
//! Nothing here knows clocks, links or data: [`Raft::step`] takes a message, [`Raft::wake`] the passing of time, and both
//! leave behind what is to be sent and how far is committed.

mod election;
mod log;
mod replicate;

use std::sync::Arc;

use crate::codec::Codec;
use crate::sim::{Duration, LogEntry, RaftBody, RaftMessage, Random, Time, Txn};

pub use log::Log;
use replicate::{Pace, Reads};

/// What a member does at the moment.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Role {
    /// Follows a leader, or waits for one.
    Follower,
    /// Asks whether it would be elected.
    PreCandidate,
    /// Asks to be elected.
    Candidate,
    /// Leads.
    Leader,
}

impl Role {
    /// As etcd calls it: `StateLeader` without its prefix.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Follower => "Follower",
            Role::PreCandidate => "PreCandidate",
            Role::Candidate => "Candidate",
            Role::Leader => "Leader",
        }
    }
}

/// `--heartbeat-interval` and `--election-timeout`.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Timing {
    /// How often a leader gives signs of life.
    pub heartbeat: Duration,
    /// How long a follower stands by a leader that is silent; after once to twice as long it wants to be elected.
    pub election: Duration,
}

/// One member.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Raft {
    id: u32,
    members: u32,
    timing: Timing,
    random: Random,
    // On disk.
    term: u64,
    vote: Option<u32>,
    log: Log,
    commit: u64,
    // In memory.
    role: Role,
    leader: Option<u32>,
    /// When the leader was last heard of, a vote was given, or an election began.
    since: Time,
    /// How long from then to the next election.
    patience: Duration,
    votes: Vec<Option<bool>>,
    followers: Vec<Pace>,
    next_heartbeat: Time,
    reads: Reads,
    /// How far the data are: what a snapshot would hold.
    applied: u64,
    /// What is to be sent.
    out: Vec<(u32, RaftMessage)>,
    /// Reads of this member's own that are confirmed, and the index each has to wait for.
    readable: Vec<(u64, u64)>,
}

impl Raft {
    /// A member of a new cluster.
    pub fn new(id: u32, members: u32, timing: Timing, random: Random) -> Raft {
        let mut raft = Raft {
            id,
            members,
            timing,
            random,
            term: 0,
            vote: None,
            log: Log::default(),
            commit: 0,
            role: Role::Follower,
            leader: None,
            since: Time::ZERO,
            patience: Duration::ZERO,
            votes: Vec::new(),
            followers: Vec::new(),
            next_heartbeat: Time::ZERO,
            reads: Reads::default(),
            applied: 0,
            out: Vec::new(),
            readable: Vec::new(),
        };
        raft.restart(Time::ZERO);
        raft
    }

    /// The program starts (again): it has what is on disk, and nothing else.
    pub fn restart(&mut self, now: Time) {
        self.out.clear();
        self.readable.clear();
        self.follow(self.term, None, now);
    }

    /// Its number among the members.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whom it takes for the leader.
    pub fn leader(&self) -> Option<u32> {
        self.leader
    }

    /// Its term.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// The last entry that is certain.
    pub fn commit(&self) -> u64 {
        self.commit
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Says how far the data are.
    pub fn set_applied(&mut self, index: u64) {
        self.applied = index;
    }

    /// Drops entries up to `index`, which must be applied.
    pub fn compact(&mut self, index: u64) {
        self.log.compact(index.min(self.applied));
    }

    /// What is to be sent, and to whom.
    pub fn take_messages(&mut self) -> Vec<(u32, RaftMessage)> {
        std::mem::take(&mut self.out)
    }

    /// This member's own reads that are confirmed: each may be answered when the index beside it is applied.
    pub fn take_reads(&mut self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.readable)
    }

    /// When it wants to be woken at the latest.
    pub fn deadline(&self) -> Time {
        match self.role {
            Role::Leader => self.next_heartbeat,
            _ => self.since + self.patience,
        }
    }

    /// Time has passed.
    pub fn wake(&mut self, now: Time) {
        if now < self.deadline() {
            return;
        }
        match self.role {
            Role::Leader => self.beat(now),
            _ => self.campaign(true, now),
        }
    }

    /// Takes a transaction into the log; false when this member does not lead.
    pub fn propose(&mut self, txns: &[Arc<Txn>], now: Time) -> bool {
        if self.role != Role::Leader {
            return false;
        }
        for txn in txns {
            self.log.push(LogEntry { term: self.term, txn: Some(Arc::clone(txn)) });
        }
        self.advance(now);
        self.send_appends(now);
        true
    }

    /// Passes transactions to the leader, if one is known.
    pub fn forward(&mut self, txns: Vec<Arc<Txn>>) {
        if let Some(leader) = self.leader {
            self.send(leader, RaftBody::Forward(txns));
        }
    }

    /// Takes a message.
    pub fn step(&mut self, from: u32, message: RaftMessage, now: Time) {
        let RaftMessage { term, body } = message;
        if term > self.term {
            match &body {
                // Whoever hears from a leader does not help to replace it.
                RaftBody::Vote { .. } if self.stands_by_leader(now) => return,
                // The term is that of an election that has not begun.
                RaftBody::Vote { ahead: true, .. } | RaftBody::Voted { ahead: true, granted: true } => {}
                _ => {
                    let leads = matches!(
                        body,
                        RaftBody::Append { .. } | RaftBody::Heartbeat { .. } | RaftBody::Snapshot { .. }
                    );
                    self.follow(term, leads.then_some(from), now);
                }
            }
        } else if term < self.term {
            match body {
                // A leader that does not know it was replaced learns it from the term of the answer; so does a member
                // that comes back with a term of its own, which would otherwise take nothing from the leader.
                RaftBody::Append { .. } | RaftBody::Heartbeat { .. } | RaftBody::Snapshot { .. } => {
                    self.send(from, RaftBody::Appended { matched: 0 });
                }
                RaftBody::Vote { ahead: true, .. } => {
                    self.send(from, RaftBody::Voted { ahead: true, granted: false });
                }
                _ => {}
            }
            return;
        }
        match body {
            RaftBody::Vote { ahead, last_index, last_term } => {
                self.asked_to_vote(from, term, ahead, (last_term, last_index), now);
            }
            RaftBody::Voted { ahead, granted } => self.voted(from, ahead, granted, now),
            RaftBody::ReadIndex { read } if self.role == Role::Leader => self.read_for(from, read, now),
            RaftBody::ReadAt { read, index } => self.readable.push((read, index)),
            RaftBody::Forward(txns) => {
                self.propose(&txns, now);
            }
            body if self.role == Role::Leader => self.heard_as_leader(from, body, now),
            body => self.heard_as_follower(from, body, now),
        }
    }

    /// A majority.
    fn quorum(&self) -> usize {
        (self.members / 2 + 1) as usize
    }

    fn others(&self) -> impl Iterator<Item = u32> + use<> {
        let me = self.id;
        (0..self.members).filter(move |&member| member != me)
    }

    fn send(&mut self, to: u32, body: RaftBody) {
        self.out.push((to, RaftMessage { term: self.term, body }));
    }
}
