//! Raft by itself, through random loss, delay, partitions and crashes: what the protocol promises must hold in every
//! life. `SEEDS=1000` tries more seeds, `SEED=17` one.

use std::collections::BTreeMap;
use std::sync::Arc;

use shared::etcd::raft::{Raft, Role, Timing};
use shared::sim::{Act, Causes, Duration, LogEntry, RaftBody, RaftMessage, Random, Time, Txn};

const TIMING: Timing = Timing { heartbeat: Duration(100), election: Duration(1000) };

enum Event {
    Message { from: u32, to: u32, life: u32, message: RaftMessage },
    Wake { member: u32, life: u32 },
}

struct Member {
    raft: Raft,
    running: bool,
    life: u32,
    /// What it has applied: the transactions' numbers, from index 1 on; 0 for an entry without one.
    applied: Vec<u64>,
    /// How far it had read when it asked, by read.
    asked: BTreeMap<u64, u64>,
}

struct World {
    seed: u64,
    now: Time,
    random: Random,
    members: Vec<Member>,
    queue: BTreeMap<(Time, u64), Event>,
    pushed: u64,
    /// In a thousand.
    loss: u64,
    delay: u64,
    /// Members in one group hear each other.
    groups: Vec<u64>,
    proposed: u64,
    reads: u64,
    leaders: BTreeMap<u64, u32>,
    /// What is certain, for ever: term and transaction of each index.
    certain: Vec<(u64, u64)>,
    elections: u64,
    snapshots: u64,
    answered: u64,
}

fn number(entry: &LogEntry) -> u64 {
    entry.txn.as_ref().map_or(0, |txn| txn.id)
}

impl World {
    fn new(seed: u64, members: u32) -> World {
        let random = Random::stream(seed, "world");
        let member = |id| Member {
            raft: Raft::new(id, members, TIMING, Random::stream(seed, &format!("etcd/{id}"))),
            running: true,
            life: 0,
            applied: Vec::new(),
            asked: BTreeMap::new(),
        };
        let mut world = World {
            seed,
            now: Time::ZERO,
            random,
            members: (0..members).map(member).collect(),
            queue: BTreeMap::new(),
            pushed: 0,
            loss: 0,
            delay: 5,
            groups: vec![0; members as usize],
            proposed: 0,
            reads: 0,
            leaders: BTreeMap::new(),
            certain: Vec::new(),
            elections: 0,
            snapshots: 0,
            answered: 0,
        };
        (0..members).for_each(|member| world.settle(member));
        world
    }

    fn fail(&self, why: &str) -> ! {
        panic!("seed {}, {} members, at {:?}: {why}", self.seed, self.members.len(), self.now);
    }

    fn push(&mut self, at: Time, event: Event) {
        self.pushed += 1;
        self.queue.insert((at, self.pushed), event);
    }

    /// After every step of a member: its messages leave, what is certain is applied, promises are checked.
    fn settle(&mut self, id: u32) {
        self.check_leader(id);
        self.apply(id);
        let member = &mut self.members[id as usize];
        let (life, messages, deadline) = (member.life, member.raft.take_messages(), member.raft.deadline());
        self.check_reads(id);
        self.push(deadline.max(self.now + Duration(1)), Event::Wake { member: id, life });
        for (to, message) in messages {
            if self.random.below(1000) < self.loss {
                continue;
            }
            self.snapshots += u64::from(matches!(message.body, RaftBody::Snapshot { .. }));
            let at = self.now + Duration(1 + self.random.below(self.delay));
            let life = self.members[to as usize].life;
            self.push(at, Event::Message { from: id, to, life, message });
        }
    }

    fn check_leader(&mut self, id: u32) {
        let raft = &self.members[id as usize].raft;
        if raft.role() != Role::Leader {
            return;
        }
        let term = raft.term();
        match self.leaders.insert(term, id) {
            Some(other) if other != id => self.fail(&format!("{other} and {id} both lead term {term}")),
            Some(_) => return,
            None => self.elections += 1,
        }
        // Leader completeness: whatever is certain is in the log of every later leader.
        for (index, &(term, txn)) in (1..).zip(&self.certain) {
            let log = self.members[id as usize].raft.log();
            let here = log.get(index).map(|entry| (entry.term, number(entry)));
            if index > log.offset() && here != Some((term, txn)) {
                self.fail(&format!("leader {id} has {here:?} at {index}, certain is {:?}", (term, txn)));
            }
        }
    }

    fn apply(&mut self, id: u32) {
        let member = &mut self.members[id as usize];
        let (commit, offset) = (member.raft.commit(), member.raft.log().offset());
        if (member.applied.len() as u64) < offset {
            // It got a snapshot: all it says was certain before.
            if (self.certain.len() as u64) < offset {
                self.fail("a snapshot of what was never certain");
            }
            member.applied = self.certain[..offset as usize].iter().map(|(_, txn)| *txn).collect();
        }
        while (member.applied.len() as u64) < commit {
            let index = member.applied.len() as u64 + 1;
            let Some(entry) = member.raft.log().get(index) else {
                panic!("seed {}: member {id} has no entry {index} of {commit}", self.seed)
            };
            let this = (entry.term, number(entry));
            member.applied.push(this.1);
            match self.certain.get(index as usize - 1) {
                None => self.certain.push(this),
                Some(&other) if other != this => {
                    panic!("seed {}: member {id} applies {this:?} at {index}, another {other:?}", self.seed)
                }
                Some(_) => {}
            }
        }
        let applied = member.applied.len() as u64;
        member.raft.set_applied(applied);
        if applied > offset + 16 {
            member.raft.compact(applied - 8);
        }
    }

    /// A read that is confirmed sees everything that was certain when it was asked for.
    fn check_reads(&mut self, id: u32) {
        for (read, index) in self.members[id as usize].raft.take_reads() {
            if let Some(certain) = self.members[id as usize].asked.remove(&read) {
                self.answered += 1;
                if index < certain {
                    self.fail(&format!("a read asked for at {certain} may be answered from {index}"));
                }
            }
        }
    }

    fn run(&mut self, length: Duration) {
        let until = self.now + length;
        while self.queue.first_key_value().is_some_and(|((at, _), _)| *at <= until) {
            let ((at, _), event) = self.queue.pop_first().expect("just seen");
            self.now = at;
            match event {
                Event::Message { from, to, life, message } => {
                    let (a, b) = (self.groups[from as usize], self.groups[to as usize]);
                    let member = &mut self.members[to as usize];
                    if member.running && member.life == life && a == b {
                        member.raft.step(from, message, at);
                        self.settle(to);
                    }
                }
                Event::Wake { member: id, life } => {
                    let member = &mut self.members[id as usize];
                    if member.running && member.life == life && member.raft.deadline() <= at {
                        member.raft.wake(at);
                        self.settle(id);
                    }
                }
            }
        }
        self.now = until;
    }

    fn some_member(&mut self) -> u32 {
        self.random.below(self.members.len() as u64) as u32
    }

    fn propose(&mut self) {
        let id = self.some_member();
        self.proposed += 1;
        let txn = Txn { id: self.proposed, act: Act::Revoke(Time::ZERO), causes: Causes::none() };
        let member = &mut self.members[id as usize];
        if member.running && member.raft.propose(&[Arc::new(txn)], self.now) {
            self.settle(id);
        }
    }

    fn read(&mut self) {
        let id = self.some_member();
        self.reads += 1;
        let (read, certain) = (self.reads, self.certain.len() as u64);
        let member = &mut self.members[id as usize];
        if member.running {
            member.asked.insert(read, certain);
            member.raft.read(read, self.now);
            self.settle(id);
        }
    }

    fn start(&mut self, id: u32) {
        let now = self.now;
        let member = &mut self.members[id as usize];
        if !member.running {
            member.running = true;
            member.raft.restart(now);
            self.settle(id);
        }
    }

    fn stop(&mut self, id: u32) {
        let member = &mut self.members[id as usize];
        member.running = false;
        member.life += 1;
        member.asked.clear();
    }

    fn trouble(&mut self) {
        let id = self.some_member();
        match self.random.below(8) {
            0 | 1 => self.stop(id),
            2 | 3 => self.start(id),
            4 => self.groups = self.groups.clone().iter().map(|_| self.random.below(2)).collect(),
            5 => self.groups.fill(0),
            6 => self.loss = self.random.below(400),
            _ => self.delay = 1 << self.random.below(11),
        }
    }

    /// The logs of any two members agree up to the last entry that they have in common.
    fn check_logs(&self) {
        for (at, a) in self.members.iter().enumerate() {
            for b in &self.members[..at] {
                let (a, b) = (a.raft.log(), b.raft.log());
                let from = a.offset().max(b.offset()) + 1;
                let last = a.last().min(b.last());
                let common = (from..=last).rev().find(|&index| a.term(index) == b.term(index));
                for index in from..=common.unwrap_or(0) {
                    let of = |entry: Option<&LogEntry>| entry.map(|entry| (entry.term, number(entry)));
                    if of(a.get(index)) != of(b.get(index)) {
                        self.fail(&format!("two logs differ at {index}, before an entry that they share"));
                    }
                }
            }
        }
    }

    fn mend(&mut self) {
        (0..self.members.len() as u32).for_each(|id| self.start(id));
        self.groups.fill(0);
        (self.loss, self.delay) = (0, 5);
    }
}

fn live(seed: u64) -> (u64, u64, u64) {
    let members = [1, 3, 5][(seed % 3) as usize];
    let mut world = World::new(seed, members);
    for _ in 0..120 {
        for _ in 0..world.random.below(8) {
            world.propose();
            if world.random.below(3) == 0 {
                world.read();
            }
            let pause = world.random.below(60);
            world.run(Duration(pause));
        }
        if world.random.below(3) == 0 {
            world.trouble();
        }
        let pause = 1 << world.random.below(12);
        world.run(Duration(pause));
        world.check_logs();
    }
    // With everything mended there is a leader, and everybody has everything it takes in.
    world.mend();
    world.run(Duration::seconds(6));
    let before = world.certain.len();
    (0..members).for_each(|id| {
        let now = world.now;
        let member = &mut world.members[id as usize];
        let txn = Txn { id: u64::MAX, act: Act::Revoke(Time::ZERO), causes: Causes::none() };
        if member.raft.propose(&[Arc::new(txn)], now) {
            world.settle(id);
        }
    });
    world.run(Duration::seconds(1));
    world.check_logs();
    if world.certain.len() != before + 1 {
        world.fail(&format!("nobody leads, or more than one: {before}, then {}", world.certain.len()));
    }
    for member in &world.members {
        if member.applied.len() != world.certain.len() {
            world.fail("a member has not caught up");
        }
    }
    (world.elections, world.snapshots, world.answered)
}

#[test]
fn what_raft_promises_holds_in_every_life() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("SEEDS").unwrap_or(300),
    };
    let (mut elections, mut snapshots, mut reads) = (0, 0, 0);
    let count = seeds.end - seeds.start;
    for seed in seeds {
        let (e, s, r) = live(seed);
        (elections, snapshots, reads) = (elections + e, snapshots + s, reads + r);
    }
    println!("{count} lives: {elections} elections, {snapshots} snapshots sent, {reads} reads confirmed");
    assert!(count == 1 || elections > 2 * count && snapshots > count / 4 && reads > count, "too quiet");
}

#[test]
fn a_member_that_was_cut_off_disturbs_nobody_when_it_is_back() {
    let mut world = World::new(1, 3);
    world.run(Duration::seconds(5));
    let (&term, &leader) = world.leaders.last_key_value().expect("a leader");
    let cut = (leader + 1) % 3;
    world.groups[cut as usize] = 1;
    world.run(Duration::seconds(60));
    world.groups[cut as usize] = 0;
    world.run(Duration::seconds(10));
    assert_eq!(world.leaders.last_key_value(), Some((&term, &leader)), "no election");
    assert_eq!(world.members[cut as usize].raft.term(), term);
}

#[test]
fn a_leader_without_a_majority_knows_it() {
    let mut world = World::new(2, 5);
    world.run(Duration::seconds(5));
    let (&term, &leader) = world.leaders.last_key_value().expect("a leader");
    let other = (leader + 1) % 5;
    (world.groups[leader as usize], world.groups[other as usize]) = (1, 1);
    world.run(Duration::seconds(5));
    assert_ne!(world.members[leader as usize].raft.role(), Role::Leader);
    let (&newer, _) = world.leaders.last_key_value().expect("another leader");
    assert!(newer > term);
}
