//! The named waits of a cluster: those that its components know of, and one that only an observer can see.

mod observed;

use shared::{
    api::{Key, Kind, coordination::lease::Lease, core::node::Node},
    client::Wait as Countdown,
    cluster::Cluster,
    sim::{Duration, Machine, Process},
};

use crate::protocol::{Wait, WaitKind};

/// What is over at once, in virtual milliseconds, is no wait.
const SHORTEST: u64 = 1000;
/// More than these are never shown.
const MOST: usize = 40;

/// Everything that is being waited for in a cluster, soonest first.
pub fn of(cluster: &Cluster) -> Vec<Wait> {
    with(cluster, [])
}

/// The same, with what its people wait for.
pub fn with(cluster: &Cluster, more: impl IntoIterator<Item = Wait>) -> Vec<Wait> {
    let core = cluster.core();
    let machines = (0..).zip(&core.machines).map(|(number, _)| number);
    let kubelets = machines.filter(|&number| core.running(Process::Kubelet(number)));
    let mut waits = silences(cluster);
    waits.extend(observed::of(cluster));
    // Who does not run waits for nothing.
    let runs =
        |program: fn(u32) -> Process| (0..core.api_servers()).any(|number| core.running(program(number)));
    let controllers = runs(Process::ControllerManager).then(|| cluster.controller_manager().waits(core));
    let scheduler = runs(Process::Scheduler).then(|| cluster.scheduler().waits());
    let known = controllers.into_iter().flatten().chain(scheduler.into_iter().flatten());
    let known = known.filter(|wait| wait.until > core.now);
    let known = known.chain(kubelets.flat_map(|number| cluster.kubelet(number).waits(core)));
    waits.extend(known.filter_map(|countdown| wait(&countdown)));
    waits.extend(more.into_iter().filter(|wait| (wait.since..wait.until).contains(&cluster.now().0)));
    waits.retain(|wait| wait.until >= wait.since + SHORTEST);
    waits.sort_by_key(|wait| (wait.until, wait.id));
    waits.truncate(MOST);
    waits
}

/// Until a kubectl that was begun at `since` with these words gives up, if it is a drain that does.
pub fn of_drain(cluster: &Cluster, words: &[&str], since: u64) -> Option<Wait> {
    let rest = words.iter().position(|word| *word == "drain").map(|at| &words[at + 1..])?;
    let limit = rest.iter().enumerate().find_map(|(at, word)| match word.strip_prefix("--timeout")? {
        "" => rest.get(at + 1).copied(),
        value => value.strip_prefix('='),
    });
    let length = limit.and_then(Duration::parse).filter(|length| *length > Duration::ZERO)?;
    let nodes = rest.iter().map(|word| Key::new(Kind::Node, "", word.trim_start_matches("node/")));
    let node = nodes.into_iter().find(|key| cluster.store().get(key).is_some())?;
    Some(told(WaitKind::DrainTimeout, &node, since, since + length.0))
}

fn wait(countdown: &Countdown) -> Option<Wait> {
    let kind = match countdown.name {
        "toleration" => WaitKind::Toleration,
        "evictionRate" => WaitKind::EvictionRate,
        "terminationGrace" => WaitKind::TerminationGrace,
        "crashLoopBackOff" => WaitKind::CrashLoopBackOff,
        "imagePullBackOff" => WaitKind::ImagePullBackOff,
        "configRetry" => WaitKind::ConfigRetry,
        "mountRetry" => WaitKind::MountRetry,
        "startupProbe" => WaitKind::StartupProbe,
        "livenessProbe" => WaitKind::LivenessProbe,
        "readinessProbe" => WaitKind::ReadinessProbe,
        "namespaceDeletion" => WaitKind::NamespaceDeletion,
        "schedulerBackOff" => WaitKind::SchedulerBackOff,
        "jobBackOff" => WaitKind::JobBackOff,
        "unschedulable" => WaitKind::Unschedulable,
        "nextRun" => WaitKind::NextRun,
        // `nodeGracePeriod` is told by `silences`, from the moment of the silence; others are too short to be told.
        _ => return None,
    };
    Some(told(kind, &countdown.object, countdown.since.0, countdown.until.0))
}

fn told(kind: WaitKind, object: &Key, since: u64, until: u64) -> Wait {
    // FNV-1a: the same wait has the same number every time it is looked at.
    let name = object.name.bytes().chain(object.namespace.bytes());
    let bytes = name.chain([kind as u8]).chain(since.to_le_bytes());
    let id = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (of, namespace) = (object.kind.info().kind.to_owned(), object.namespace.to_string());
    Wait { id, kind, object: object.name.to_string(), of, namespace, since, until }
}

/// Nodes of which nothing is heard and that still count as ready.
pub(super) fn silent(cluster: &Cluster) -> impl Iterator<Item = (u32, &Machine)> {
    let core = cluster.core();
    let ready = |machine: &Machine| {
        let node = cluster.store().get(&Key::new(Kind::Node, "", machine.name.clone()));
        node.and_then(|node| node.view::<Node>()).is_some_and(|node| node.ready == "True")
    };
    (0..).zip(&core.machines).filter(move |(number, machine)| {
        let speaks = core.running(Process::Kubelet(*number)) && !core.links.is_isolated(*number);
        !speaks && ready(machine)
    })
}

/// Until nodes that have fallen silent count as lost. The node controller does not know yet that it waits: a renewal could
/// still come. Whoever looks from outside knows better.
fn silences(cluster: &Cluster) -> Vec<Wait> {
    let core = cluster.core();
    let mut waits = Vec::new();
    for (_, machine) in silent(cluster) {
        let key = Key::new(Kind::Node, "", machine.name.clone());
        let lease = cluster.store().get(&Key::new(Kind::Lease, "kube-node-lease", machine.name.clone()));
        let Some(lease) = lease.and_then(|lease| lease.view::<Lease>()) else { continue };
        let since = core.dates.time_of(lease.renewed).map_or(0, |at| at.0);
        let until = since + core.options.node_monitor_grace_period.0;
        // What the node controller has not seen by its next look it does not see at all: it does not run, or reaches nobody.
        if cluster.now().0 > until + core.options.node_monitor_period.0 {
            continue;
        }
        waits.push(told(WaitKind::NodeGracePeriod, &key, since, until));
    }
    waits
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::of;
    use crate::{
        protocol::{Command, WaitKind},
        worker::replica::Replica,
    };

    #[test]
    fn nobody_waits_for_ever_for_a_controller_that_does_not_run() {
        let mut replica = Replica::first();
        let fault = |target: &str, kind: &str| Command::Fault { target: target.into(), kind: kind.into() };
        replica.act(None, &fault("component/kube-controller-manager", "Stop"));
        replica.act(None, &fault("node/node-2", "PowerOff"));
        let mut waits_after = |wait: u64| {
            replica.advance_to(Time(replica.cluster().now().0 + wait));
            of(replica.cluster()).iter().any(|wait| wait.kind == WaitKind::NodeGracePeriod)
        };
        assert!(waits_after(20_000));
        assert!(!waits_after(40_000));
    }
}
