//! The named waits of a cluster, read from the same fields that the components wait by.

use shared::{
    api::{
        Key, Kind, Object,
        coordination::lease::Lease,
        core::{
            node::{Node, Taint},
            pod::Pod,
        },
    },
    cluster::Cluster,
    doc::Timestamp,
    sim::{Duration, Process},
};

use crate::protocol::{Wait, WaitKind};

/// More than these are never shown.
const MOST: usize = 40;

/// Everything that is being waited for, soonest first.
pub fn of(cluster: &Cluster) -> Vec<Wait> {
    let mut waits: Vec<Wait> = grace_periods(cluster);
    for object in cluster.store().list(Kind::Pod) {
        let Some(pod) = object.view::<Pod>() else { continue };
        waits.extend(toleration(cluster, object, pod));
        waits.extend(termination(cluster, object, pod));
        waits.extend(back_off(cluster, object));
    }
    waits.sort_by_key(|wait| (wait.until, wait.id));
    waits.truncate(MOST);
    waits
}

fn wait(kind: WaitKind, object: &str, since: u64, until: u64) -> Wait {
    // FNV-1a: the same wait has the same number every time it is looked at.
    let bytes = object.bytes().chain([kind as u8]).chain(since.to_le_bytes());
    let id = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    Wait { id, kind, object: object.to_owned(), since, until }
}

/// A date as virtual time.
fn moment(cluster: &Cluster, date: Timestamp) -> u64 {
    u64::try_from(date.millis() - cluster.core().epoch.millis()).unwrap_or(0)
}

/// Nodes that are silent and still count as ready.
fn grace_periods(cluster: &Cluster) -> Vec<Wait> {
    let core = cluster.core();
    let mut waits = Vec::new();
    for (number, machine) in (0..).zip(&core.machines) {
        let speaks = core.running(Process::Kubelet(number)) && !core.links.is_isolated(number);
        let node = cluster.store().get(&Key::new(Kind::Node, "", machine.name.clone()));
        let ready = node.and_then(|node| node.view::<Node>()).is_some_and(|node| node.ready == "True");
        if speaks || !ready {
            continue;
        }
        let lease = cluster.store().get(&Key::new(Kind::Lease, "kube-node-lease", machine.name.clone()));
        let Some(renewed) = lease.and_then(|lease| lease.view::<Lease>()).map(|lease| lease.renewed) else {
            continue;
        };
        let since = moment(cluster, renewed);
        let until = since + core.options.node_monitor_grace_period.0;
        waits.push(wait(WaitKind::NodeGracePeriod, &machine.name, since, until));
    }
    waits
}

/// A pod on a node with `NoExecute` taints leaves when the shortest of its tolerations ends.
fn toleration(cluster: &Cluster, object: &Object, pod: &Pod) -> Option<Wait> {
    if object.meta.deleting() || pod.node_name.is_empty() {
        return None;
    }
    let node = cluster.store().get(&Key::new(Kind::Node, "", pod.node_name.clone()))?;
    let ends = |taint: &Taint| {
        let added = moment(cluster, taint.time_added?);
        let tolerates = pod.spec.tolerations.iter();
        let matching = tolerates.filter(|toleration| toleration.tolerates(&taint.key, &taint.value, &taint.effect));
        let seconds = matching.filter_map(|toleration| toleration.seconds).min()?;
        Some((added, added + u64::try_from(seconds).unwrap_or(0) * 1000))
    };
    let taints = &node.view::<Node>()?.taints;
    let (since, until) =
        taints.iter().filter(|taint| taint.effect == "NoExecute").filter_map(ends).min_by_key(|(_, until)| *until)?;
    Some(wait(WaitKind::Toleration, &object.key.name, since, until))
}

/// A pod that was told to go, on a node that can obey.
fn termination(cluster: &Cluster, object: &Object, pod: &Pod) -> Option<Wait> {
    let deletion = object.meta.deletion?;
    let core = cluster.core();
    let number = (0..).zip(&core.machines).find(|(_, machine)| machine.name == pod.node_name)?.0;
    if !core.running(Process::Kubelet(number)) {
        return None;
    }
    let until = moment(cluster, deletion.at);
    let grace = u64::try_from(deletion.grace_seconds).unwrap_or(0) * 1000;
    Some(wait(WaitKind::TerminationGrace, &object.key.name, until.saturating_sub(grace), until))
}

/// A container that keeps crashing. The kubelet says in its message how long it backs off.
fn back_off(cluster: &Cluster, object: &Object) -> Option<Wait> {
    let statuses = object.body["status"]["containerStatuses"].items();
    let status = statuses.iter().find(|status| {
        status.at(&["state", "waiting", "reason"]).as_str() == Some("CrashLoopBackOff")
    })?;
    let message = status.at(&["state", "waiting", "message"]).as_str()?;
    let length = Duration::parse(message.strip_prefix("back-off ")?.split(' ').next()?)?;
    let since = moment(cluster, status.at(&["lastState", "terminated", "finishedAt"]).as_time()?);
    Some(wait(WaitKind::CrashLoopBackOff, &object.key.name, since, since + length.0))
}
