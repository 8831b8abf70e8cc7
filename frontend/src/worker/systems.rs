//! Reads off a cluster what its systems are about, and what is broken.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    api::{Kind, core::node::Node},
    cluster::Cluster,
    etcd::raft,
    sim::{Fault, Process, Target},
};

use super::emptied;
use crate::protocol::{Broken, Member, Role, Systems};

/// Controllers with work that are told of.
const LOOPS: usize = 4;
/// Faults that are told of.
const MOST_BROKEN: usize = 200;
/// Cordoned nodes that are told of.
const MOST_CORDONED: usize = 200;
/// Nodes of a map that chaos draws from.
const SOME_NODES: usize = 48;

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
        let faults = cluster.broken();
        let zones = zones(cluster, &faults);
        let broken = faults
            .into_iter()
            .map(|(target, fault)| Broken { target: target.to_string(), kind: kind(fault) });
        let broken: Vec<Broken> = broken.chain(emptied::all(cluster)).collect();
        let faults = counted(&broken, &zones).take(MOST_BROKEN).cloned().collect();
        Self {
            broken: broken.into_iter().take(MOST_BROKEN).collect(),
            faults,
            queues: [short(queues.active), short(queues.backoff), short(queues.unschedulable)],
            loops,
            far: false,
            members: members(cluster),
            cordoned: cordoned(cluster),
            zones: zones.into_iter().map(|zone| zone.broken).collect(),
            some_nodes: Vec::new(),
        }
    }

    /// Looks at a cluster that is drawn as a map.
    pub fn from_afar(cluster: &Cluster) -> Self {
        let machines = &cluster.core().machines;
        let every = machines.len().div_ceil(SOME_NODES).max(1);
        let some_nodes = machines.iter().step_by(every).map(|machine| machine.name.to_string()).collect();
        Self { far: true, some_nodes, ..Self::of(cluster) }
    }
}

fn cordoned(cluster: &Cluster) -> Vec<String> {
    let nodes = cluster.store().list(Kind::Node);
    let cordoned = nodes.filter(|node| node.view::<Node>().is_some_and(|node| node.unschedulable));
    cordoned.map(|node| node.key.name.to_string()).take(MOST_CORDONED).collect()
}

/// A struck zone, and its nodes as faults name them.
struct Zone {
    broken: Broken,
    nodes: Vec<String>,
}

/// Faults as people count them: a zone's in place of those of its nodes, where it has several.
fn counted<'a>(broken: &'a [Broken], zones: &'a [Zone]) -> impl Iterator<Item = &'a Broken> {
    let several = move || zones.iter().filter(|zone| zone.nodes.len() > 1);
    let alone = move |one: &&Broken| {
        !several().any(|zone| zone.broken.kind == one.kind && zone.nodes.contains(&one.target))
    };
    several().map(|zone| &zone.broken).chain(broken.iter().filter(alone))
}

/// A zone is struck when all of its nodes are.
fn zones(cluster: &Cluster, faults: &[(Target, Fault)]) -> Vec<Zone> {
    let struck = |fault: Fault| {
        let node = |(target, kind): &'_ (Target, Fault)| match target {
            Target::Node(name) if *kind == fault => Some(name.to_string()),
            _ => None,
        };
        let nodes: BTreeSet<String> = faults.iter().filter_map(node).collect();
        let mut zones: BTreeMap<&str, Option<Vec<String>>> = BTreeMap::new();
        if !nodes.is_empty() {
            for machine in &cluster.core().machines {
                let zone = zones.entry(machine.zone.as_str()).or_insert_with(|| Some(Vec::new()));
                match zone {
                    Some(all) if nodes.contains(machine.name.as_str()) => {
                        all.push(format!("node/{}", machine.name))
                    }
                    _ => *zone = None,
                }
            }
        }
        // Where there is but one there are none, and who has no label is in none.
        let several = zones.len() > 1;
        let zones = zones.into_iter().filter(move |(zone, _)| several && !zone.is_empty());
        let zones = zones.filter_map(|(zone, nodes)| Some((zone, nodes?)));
        zones.map(move |(zone, nodes)| Zone {
            broken: Broken { target: format!("zone/{zone}"), kind: kind(fault) },
            nodes,
        })
    };
    struck(Fault::PowerOff).chain(struck(Fault::Partition)).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::Command, worker::replica::Replica};

    fn replica() -> Replica {
        let mut replica = Replica::from_scenario(
            "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  cluster: \
             {nodes: [{count: 60, zone: a}, {count: 2, zone: b}]}\n  opening: 20s\n",
        )
        .expect("a good scenario");
        let opening = replica.opening();
        replica.advance_to(opening);
        replica
    }

    fn zone(kind: &str) -> Broken {
        Broken { target: "zone/b".into(), kind: kind.into() }
    }

    #[test]
    fn a_zone_is_struck_once_all_of_its_nodes_are_and_as_long_as_they_are() {
        let mut replica = replica();
        let fault = |target: &str, kind: &str| Command::Fault { target: target.into(), kind: kind.into() };
        let repair = |target: &str| Command::Repair { target: target.into() };
        for (command, struck) in [
            (fault("node/node-60", "PowerOff"), vec![]),
            (fault("node/node-61", "Partition"), vec![]),
            (fault("zone/b", "Partition"), vec![zone("Partition")]),
            (fault("zone/b", "PowerOff"), vec![zone("PowerOff"), zone("Partition")]),
            (repair("node/node-61"), vec![]),
            (repair("zone/b"), vec![]),
        ] {
            replica.act(None, &command);
            replica.advance_to(shared::sim::Time(replica.cluster().now().0 + 10));
            assert_eq!(Systems::of(replica.cluster()).zones, struck, "{command:?}");
        }
    }

    #[test]
    fn a_struck_zone_is_one_fault_and_what_struck_its_nodes_otherwise_are_others() {
        let mut replica = replica();
        let fault = |target: &str, kind: &str| Command::Fault { target: target.into(), kind: kind.into() };
        let node = |name: &str, kind: &str| Broken { target: format!("node/{name}"), kind: kind.into() };
        for (command, faults) in [
            (fault("node/node-60", "PowerOff"), vec![node("node-60", "PowerOff")]),
            (fault("zone/b", "PowerOff"), vec![zone("PowerOff")]),
            (fault("node/node-61", "Partition"), vec![zone("PowerOff"), node("node-61", "Partition")]),
            (Command::Repair { target: "node/node-61".into() }, vec![node("node-60", "PowerOff")]),
        ] {
            replica.act(None, &command);
            replica.advance_to(shared::sim::Time(replica.cluster().now().0 + 10));
            assert_eq!(Systems::of(replica.cluster()).faults, faults, "{command:?}");
        }
    }

    #[test]
    fn of_a_map_some_nodes_of_all_parts_are_told_and_all_that_are_cordoned() {
        let mut replica = replica();
        replica.act(None, &Command::Kubectl("cordon node-40".into()));
        replica.advance_to(shared::sim::Time(replica.cluster().now().0 + 2000));
        let systems = Systems::from_afar(replica.cluster());
        assert_eq!(systems.cordoned, ["node-40"]);
        assert!(systems.far && systems.some_nodes.len() <= SOME_NODES);
        assert!(systems.some_nodes.iter().any(|name| name == "node-60"), "{:?}", systems.some_nodes);
        assert!(Systems::of(replica.cluster()).some_nodes.is_empty());
    }
}
