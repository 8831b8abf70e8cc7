//! Who leads.

use crate::sim::{Duration, LogEntry, RaftBody, RaftMessage, Time};

use super::replicate::{Pace, Reads};
use super::{Raft, Role};

impl Raft {
    /// Follows, from the beginning of `term` or within it.
    pub(super) fn follow(&mut self, term: u64, leader: Option<u32>, now: Time) {
        if term != self.term {
            (self.term, self.vote) = (term, None);
        }
        (self.role, self.leader) = (Role::Follower, leader);
        self.begin(now);
    }

    /// What every change of role begins with.
    fn begin(&mut self, now: Time) {
        self.since = now;
        let election = self.timing.election.0.max(1);
        self.patience = Duration(election + self.random.below(election));
        self.votes = vec![None; self.members as usize];
        self.followers.clear();
        self.reads = Reads::default();
    }

    /// Whether this member has a leader that it heard from not long ago.
    pub(super) fn stands_by_leader(&self, now: Time) -> bool {
        self.role == Role::Leader || self.leader.is_some() && now.since(self.since) < self.timing.election
    }

    /// Wants to be elected; asks beforehand whether it would be, so that a member that was cut off disturbs nobody
    /// with its term when it is back.
    pub(super) fn campaign(&mut self, ahead: bool, now: Time) {
        self.leader = None;
        if ahead {
            self.role = Role::PreCandidate;
        } else {
            self.role = Role::Candidate;
            self.term += 1;
            self.vote = Some(self.id);
        }
        self.begin(now);
        let (last_index, last_term) = (self.log.last(), self.log.last_term());
        let term = self.term + u64::from(ahead);
        for to in self.others() {
            let body = RaftBody::Vote { ahead, last_index, last_term };
            self.out.push((to, RaftMessage { term, body }));
        }
        self.voted(self.id, ahead, true, now);
    }

    /// Somebody wants a vote for `term`.
    pub(super) fn asked_to_vote(
        &mut self,
        from: u32,
        term: u64,
        ahead: bool,
        end_of_log: (u64, u64),
        now: Time,
    ) {
        let free = self.vote.is_none() && self.leader.is_none();
        let could = self.vote == Some(from) || free || (ahead && term > self.term);
        // Only who has everything that may be committed can lead.
        let granted = could && end_of_log >= (self.log.last_term(), self.log.last());
        if granted && !ahead {
            self.vote = Some(from);
            self.since = now;
        }
        let term = if granted { term } else { self.term };
        self.out.push((from, RaftMessage { term, body: RaftBody::Voted { ahead, granted } }));
    }

    /// A vote came.
    pub(super) fn voted(&mut self, from: u32, ahead: bool, granted: bool, now: Time) {
        let asked = if ahead { Role::PreCandidate } else { Role::Candidate };
        if self.role != asked {
            return;
        }
        self.votes[from as usize].get_or_insert(granted);
        let count = |what: bool| self.votes.iter().filter(|&&vote| vote == Some(what)).count();
        let (yes, no) = (count(true), count(false));
        if yes >= self.quorum() {
            if ahead {
                self.campaign(false, now);
            } else {
                self.lead(now);
            }
        } else if no >= self.quorum() {
            self.follow(self.term, None, now);
        }
    }

    /// It was elected.
    fn lead(&mut self, now: Time) {
        self.role = Role::Leader;
        self.leader = Some(self.id);
        self.begin(now);
        self.followers = vec![Pace::from(self.log.last() + 1); self.members as usize];
        self.next_heartbeat = now + self.timing.heartbeat;
        // Entries of earlier terms are certain once one of this term is.
        self.log.push(LogEntry { term: self.term, txn: None });
        self.advance(now);
        self.send_appends(now);
    }
}
