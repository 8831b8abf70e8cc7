//! How entries reach followers, when they are certain, and how a leader knows that it still is one.

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::sim::{RaftBody, Time};

use super::{Raft, Role};

/// The most entries in one message.
const BATCH: u64 = 512;

/// How far a follower is, as its leader knows.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Pace {
    /// It certainly has the entries up to here.
    matched: u64,
    /// The next entry to send.
    next: u64,
    /// When something was sent that it has not answered.
    waiting: Option<Time>,
    /// The commit index it was told last.
    told: u64,
    /// Whether it was heard of since the leader last made sure of its majority.
    heard: bool,
    /// The newest round of reads it confirmed.
    round: u64,
}

impl Pace {
    /// A follower that is supposed to have everything before `next`.
    pub fn from(next: u64) -> Pace {
        Pace { next, ..Pace::default() }
    }
}

/// Reads that wait for the leader to make sure that it is one.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Reads {
    rounds: u64,
    /// By round: who asked, with which number, and the index from which the answer is right.
    waiting: BTreeMap<u64, (u32, u64, u64)>,
    /// Asked before the leader had committed anything in its term: it cannot know what is.
    early: Vec<(u32, u64)>,
}

impl Raft {
    /// A leader's heartbeat is due.
    pub(super) fn beat(&mut self, now: Time) {
        self.next_heartbeat = now + self.timing.heartbeat;
        if now.since(self.since) >= self.timing.election {
            self.since = now;
            let heard = self.others().filter(|&to| self.followers[to as usize].heard).count() + 1;
            self.followers.iter_mut().for_each(|follower| follower.heard = false);
            if heard < self.quorum() {
                return self.follow(self.term, None, now);
            }
        }
        self.send_heartbeats(now);
    }

    fn send_heartbeats(&mut self, now: Time) {
        for to in self.others() {
            let commit = self.commit.min(self.followers[to as usize].matched);
            self.send(to, RaftBody::Heartbeat { sent: now, commit, round: self.reads.rounds });
        }
    }

    /// Sends everybody what they lack, unless something is on its way to them.
    pub(super) fn send_appends(&mut self, now: Time) {
        self.others().for_each(|to| self.send_append(to, now));
    }

    fn send_append(&mut self, to: u32, now: Time) {
        let pace = &self.followers[to as usize];
        if pace.waiting.is_some() {
            return;
        }
        let (before, told) = (pace.next - 1, pace.told);
        let Some(term) = self.log.term(before) else {
            let index = self.applied;
            let term = self.log.term(index).unwrap_or_default();
            self.followers[to as usize].waiting = Some(now);
            return self.send(to, RaftBody::Snapshot { index, term, shipment: 0 });
        };
        let entries = self.log.from(pace.next, BATCH);
        // A follower that may not agree is told nothing it could take for agreement.
        let commit = self.commit;
        if entries.is_empty() && (told >= commit || pace.matched < before) {
            return;
        }
        let pace = &mut self.followers[to as usize];
        pace.told = commit;
        if !entries.is_empty() {
            pace.waiting = Some(now);
        }
        self.send(to, RaftBody::Append { index: before, term, entries, commit });
    }

    /// Commits what a majority has, if it is of this term: older entries follow from it.
    pub(super) fn advance(&mut self, now: Time) {
        let me = self.id as usize;
        self.followers[me].matched = self.log.last();
        let mut matched: Vec<u64> = self.followers.iter().map(|follower| follower.matched).collect();
        crate::collections::sort(&mut matched);
        let index = matched[matched.len() - self.quorum()];
        if index > self.commit && self.log.term(index) == Some(self.term) {
            self.commit = index;
            for (from, read) in std::mem::take(&mut self.reads.early) {
                self.read_for(from, read, now);
            }
        }
    }

    /// A follower answers.
    pub(super) fn heard_as_leader(&mut self, from: u32, body: RaftBody, now: Time) {
        let pace = &mut self.followers[from as usize];
        pace.heard = true;
        match body {
            RaftBody::Appended { matched } => {
                pace.waiting = None;
                pace.next = pace.next.max(matched + 1);
                pace.matched = pace.matched.max(matched);
                self.advance(now);
                // Whoever else was waiting learns what is certain now.
                self.send_appends(now);
            }
            RaftBody::Rejected { refused, hint, hint_term } => {
                if refused + 1 != pace.next {
                    return; // old news
                }
                let agree = self.log.not_above(hint, hint_term);
                let pace = &mut self.followers[from as usize];
                pace.waiting = None;
                pace.next = (agree.min(refused.saturating_sub(1)) + 1).max(pace.matched + 1);
                self.send_append(from, now);
            }
            RaftBody::HeartbeatBack { sent, round } => {
                pace.round = pace.round.max(round);
                // Links keep their order: what was sent before and is not answered by now was lost.
                if pace.waiting.is_some_and(|since| since < sent) {
                    pace.waiting = None;
                }
                self.confirm_reads();
                self.send_append(from, now);
            }
            _ => {}
        }
    }

    /// A leader of this term speaks.
    pub(super) fn heard_as_follower(&mut self, from: u32, body: RaftBody, now: Time) {
        match body {
            RaftBody::Append { index, term, entries, commit } => {
                self.obey(from, now);
                self.append(from, (index, term), &entries, commit);
            }
            RaftBody::Heartbeat { sent, commit, round } => {
                self.obey(from, now);
                self.commit = self.commit.max(commit.min(self.log.last()));
                self.send(from, RaftBody::HeartbeatBack { sent, round });
            }
            RaftBody::Snapshot { index, term, .. } => {
                self.obey(from, now);
                if index > self.commit {
                    if self.log.term(index) != Some(term) {
                        self.log.restore(index, term);
                    }
                    self.commit = index;
                }
                self.send(from, RaftBody::Appended { matched: self.commit });
            }
            _ => {}
        }
    }

    fn obey(&mut self, leader: u32, now: Time) {
        if self.role != Role::Follower {
            self.follow(self.term, Some(leader), now);
        }
        (self.leader, self.since) = (Some(leader), now);
    }

    fn append(
        &mut self,
        from: u32,
        (index, term): (u64, u64),
        entries: &[crate::sim::LogEntry],
        commit: u64,
    ) {
        if index < self.commit {
            // Old news; what is certain agrees.
            return self.send(from, RaftBody::Appended { matched: self.commit });
        }
        if self.log.term(index) != Some(term) {
            let hint = self.log.not_above(index, term);
            let hint_term = self.log.term(hint).unwrap_or_default();
            return self.send(from, RaftBody::Rejected { refused: index, hint, hint_term });
        }
        self.log.put_after(index, entries);
        let matched = index + entries.len() as u64;
        self.commit = self.commit.max(commit.min(matched));
        if !entries.is_empty() {
            self.send(from, RaftBody::Appended { matched });
        }
    }

    /// Asks, on behalf of this member's own clients, from which index on a read is right.
    pub fn read(&mut self, read: u64, now: Time) {
        match self.leader {
            Some(leader) if leader == self.id => self.read_for(self.id, read, now),
            Some(leader) => self.send(leader, RaftBody::ReadIndex { read }),
            None => {}
        }
    }

    /// What is committed now is right once a majority confirms that this is the leader.
    pub(super) fn read_for(&mut self, from: u32, read: u64, now: Time) {
        if self.log.term(self.commit) != Some(self.term) {
            return self.reads.early.push((from, read));
        }
        self.reads.rounds += 1;
        self.reads.waiting.insert(self.reads.rounds, (from, read, self.commit));
        self.send_heartbeats(now);
        self.confirm_reads();
    }

    fn confirm_reads(&mut self) {
        let me = self.id as usize;
        self.followers[me].round = self.reads.rounds;
        let mut rounds: Vec<u64> = self.followers.iter().map(|follower| follower.round).collect();
        crate::collections::sort(&mut rounds);
        let confirmed = rounds[rounds.len() - self.quorum()];
        while let Some((&round, &(from, read, index))) = self.reads.waiting.iter().next()
            && round <= confirmed
        {
            self.reads.waiting.remove(&round);
            if from == self.id {
                self.readable.push((read, index));
            } else {
                self.send(from, RaftBody::ReadAt { read, index });
            }
        }
    }
}
