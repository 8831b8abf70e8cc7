//! What members of etcd say to each other and to API servers, as data.

use std::sync::Arc;

use crate::api::{Key, Object};
use crate::codec::Codec;

use super::{Causes, Time};

/// One write of a transaction.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Put {
    /// Where.
    pub key: Key,
    /// What is there afterwards; `None` for nothing.
    pub object: Option<Arc<Object>>,
    /// When it is to go by itself (the end of an etcd lease).
    pub expires: Option<Time>,
}

/// What a transaction does.
#[derive(Codec, Clone, Hash, Debug)]
pub enum Act {
    /// Writes, unless what they rest on has changed since `base`.
    Write {
        /// The revision they were made from.
        base: u64,
        /// In this order.
        puts: Vec<Put>,
    },
    /// Revokes the leases that end by this moment.
    Revoke(Time),
    /// Forgets what was before this revision.
    Compact(u64),
}

/// A transaction on its way into the log.
#[derive(Codec, Clone, Hash, Debug)]
pub struct Txn {
    /// Nobody else has this number.
    pub id: u64,
    /// What it does.
    pub act: Act,
    /// Why.
    pub causes: Causes,
}

/// An entry of the log; its index is its place.
#[derive(Codec, Clone, Debug)]
pub struct LogEntry {
    /// The term of the leader that took it in.
    pub term: u64,
    /// Nothing in the entry with which a leader begins its term.
    pub txn: Option<Arc<Txn>>,
}

impl std::hash::Hash for LogEntry {
    /// A transaction's number stands for it.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (self.term, self.txn.as_ref().map(|txn| txn.id)).hash(state);
    }
}

/// A message of the Raft protocol.
#[derive(Codec, Clone, Hash, Debug)]
pub struct RaftMessage {
    /// The sender's term; for a vote asked for or promised ahead, the term it would be for.
    pub term: u64,
    /// What it says.
    pub body: RaftBody,
}

/// What a message of the Raft protocol says.
#[derive(Codec, Clone, Hash, Debug)]
pub enum RaftBody {
    /// A vote is asked for.
    Vote {
        /// Only whether it would be given (pre-vote).
        ahead: bool,
        /// Where the candidate's log ends.
        last_index: u64,
        /// The term of its last entry.
        last_term: u64,
    },
    /// The answer.
    Voted {
        /// To which question.
        ahead: bool,
        /// Yes or no.
        granted: bool,
    },
    /// Entries that follow `index`.
    Append {
        /// The entry before them.
        index: u64,
        /// Its term.
        term: u64,
        /// The entries; none when only the commit index is new.
        entries: Vec<LogEntry>,
        /// The leader's commit index.
        commit: u64,
    },
    /// The follower's log agrees with the leader's up to here.
    Appended {
        /// The index.
        matched: u64,
    },
    /// It does not have the entry before.
    Rejected {
        /// The index that was refused.
        refused: u64,
        /// Where the logs may agree.
        hint: u64,
        /// The term of the follower's entry there.
        hint_term: u64,
    },
    /// The leader lives.
    Heartbeat {
        /// When it was sent.
        sent: Time,
        /// What the follower may take as committed.
        commit: u64,
        /// The newest round of reads that waits for the leader to be confirmed.
        round: u64,
    },
    /// So does the follower.
    HeartbeatBack {
        /// When the heartbeat was sent.
        sent: Time,
        /// The round of reads in it.
        round: u64,
    },
    /// All data as of `index`, in the place of entries that the leader no longer has.
    Snapshot {
        /// The last entry in it.
        index: u64,
        /// The term of that.
        term: u64,
        /// Under which number the data travel.
        shipment: u64,
    },
    /// How far has a read to wait?
    ReadIndex {
        /// The asker's number for it.
        read: u64,
    },
    /// Until this index is applied.
    ReadAt {
        /// The asker's number for it.
        read: u64,
        /// The index.
        index: u64,
    },
    /// Transactions for the leader.
    Forward(Vec<Arc<Txn>>),
}

/// What etcd and its clients say to each other.
#[derive(Codec, Clone, Hash, Debug)]
pub enum EtcdMessage {
    /// Member to member.
    Raft(RaftMessage),
    /// An API server connects, and watches from its revision on.
    Watch {
        /// What it has.
        revision: u64,
    },
    /// An API server writes.
    Propose(Arc<Txn>),
    /// An API server wants to know how new its data must be for a read.
    Read(u64),
    /// An API server makes sure that the connection lives.
    Ping,
    /// The member's data as of `revision`, and what became of requests.
    Notice {
        /// The revision.
        revision: u64,
        /// Under which number the data travel.
        shipment: u64,
        /// Transactions and reads that are through; a transaction that came too late was not carried out.
        answers: Vec<(u64, Answer)>,
    },
    /// The connection is gone: the member hung up, or the API server finds out.
    Broken {
        /// The member at the other end.
        member: u32,
        /// Since when it is.
        at: Time,
    },
}

/// What became of a request to etcd.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Answer {
    /// It was done: a transaction's first write has the revision after this one.
    Done(u64),
    /// What the transaction rests on had changed.
    Changed,
}

impl EtcdMessage {
    /// What it is, in etcd's own words.
    pub fn label(&self) -> &'static str {
        match self {
            EtcdMessage::Raft(message) => match &message.body {
                RaftBody::Vote { ahead: true, .. } => "MsgPreVote",
                RaftBody::Vote { .. } => "MsgVote",
                RaftBody::Voted { ahead: true, .. } => "MsgPreVoteResp",
                RaftBody::Voted { .. } => "MsgVoteResp",
                RaftBody::Append { .. } => "MsgApp",
                RaftBody::Appended { .. } | RaftBody::Rejected { .. } => "MsgAppResp",
                RaftBody::Heartbeat { .. } => "MsgHeartbeat",
                RaftBody::HeartbeatBack { .. } => "MsgHeartbeatResp",
                RaftBody::Snapshot { .. } => "MsgSnap",
                RaftBody::ReadIndex { .. } => "MsgReadIndex",
                RaftBody::ReadAt { .. } => "MsgReadIndexResp",
                RaftBody::Forward(_) => "MsgProp",
            },
            EtcdMessage::Watch { .. } => "Watch",
            EtcdMessage::Propose(_) => "Txn",
            EtcdMessage::Read(_) => "Range",
            EtcdMessage::Ping => "Ping",
            EtcdMessage::Notice { .. } => "WatchResponse",
            EtcdMessage::Broken { .. } => "closed",
        }
    }

    /// Whether it only says that somebody lives.
    pub fn is_heartbeat(&self) -> bool {
        match self {
            EtcdMessage::Raft(message) => {
                matches!(message.body, RaftBody::Heartbeat { .. } | RaftBody::HeartbeatBack { .. })
            }
            EtcdMessage::Ping => true,
            _ => false,
        }
    }
}
