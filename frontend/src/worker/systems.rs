//! Reads off a cluster what its systems are about, and what is broken.

use shared::{
    cluster::Cluster,
    etcd::raft,
    sim::{Fault, Process},
};

use super::emptied;
use crate::protocol::{Broken, Member, Role, Systems};

/// Controllers with work that are told of.
const LOOPS: usize = 4;
/// Faults that are told of.
const MOST_BROKEN: usize = 200;

impl Systems {
    /// Looks at a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        let queues = cluster.scheduler().queue_lengths();
        let mut loops: Vec<(String, u32)> = cluster
            .controller_manager()
            .queues()
            .into_iter()
            .filter(|(_, length)| *length > 0)
            .map(|(name, length)| (name.to_owned(), short(length)))
            .collect();
        loops.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        loops.truncate(LOOPS);
        let broken = cluster.broken().into_iter();
        let broken = broken.map(|(target, fault)| Broken { target: target.to_string(), kind: kind(fault) });
        let broken = broken.chain(emptied::all(cluster));
        Self {
            broken: broken.take(MOST_BROKEN).collect(),
            queues: [short(queues.active), short(queues.backoff), short(queues.unschedulable)],
            loops,
            far: false,
            members: members(cluster),
        }
    }
}

fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// The vocabulary's word for a fault.
fn kind(fault: Fault) -> String {
    match fault {
        Fault::Delay { .. } => "Delay".to_owned(),
        fault => format!("{fault:?}"),
    }
}

fn members(cluster: &Cluster) -> Vec<Member> {
    let Some(etcd) = cluster.etcd() else { return Vec::new() };
    let leaders: Vec<Process> = cluster.leaders().map(|(process, _)| process).collect();
    let runs = |process| cluster.core().running(process);
    let member = |status: &shared::etcd::MemberStatus| {
        let number = status.member;
        let (scheduler, manager) = (Process::Scheduler(number), Process::ControllerManager(number));
        let leads = |process: Process| runs(process) && leaders.contains(&process);
        Member {
            number,
            etcd: status.running,
            role: match status.role {
                raft::Role::Follower => Role::Follower,
                raft::Role::PreCandidate | raft::Role::Candidate => Role::Candidate,
                raft::Role::Leader => Role::Leader,
            },
            term: status.term,
            programs: [runs(Process::ApiServer(number)), runs(scheduler), runs(manager)],
            leads: [leads(scheduler), leads(manager)],
        }
    };
    etcd.members.iter().map(member).collect()
}
