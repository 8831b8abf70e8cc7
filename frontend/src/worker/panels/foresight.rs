//! What will come, for those who want to guess first: found out in a copy of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use shared::{
    api::{Key, Kind, Object, Uid, apps::deployment::Deployment, core::pod::Pod},
    cluster::Cluster,
    doc,
    doc::{Doc, Str},
    scheduler::AttemptOutcome,
    sim::{Duration, Process},
};

use super::{NODES, whole};
use crate::worker::waits;

/// How far ahead it is looked for where a pod will go.
const PATIENCE: Duration = Duration::seconds(30);
/// How far ahead it is looked for a recovery, in time and steps.
const LONGEST: Duration = Duration::seconds(900);
const MOST_STEPS: u32 = 60_000;

/// A pod that waits for its first attempt, and where it will go: found out in a copy.
pub(super) fn place_to_be(cluster: &Cluster) -> Doc {
    let waits = |object: &&std::sync::Arc<Object>| {
        let pod = object.view::<Pod>();
        pod.is_some_and(|pod| pod.node_name.is_empty() && !pod.phase.is_terminal() && !object.meta.deleting())
            && cluster.scheduler().attempts(&object.key).is_empty()
    };
    let Some(pod) = cluster.store().list(Kind::Pod).find(waits) else { return Doc::Null };
    let mut copy = cluster.clone();
    let until = copy.now() + PATIENCE;
    let mut answer = None;
    while answer.is_none() && copy.next_at().is_some_and(|at| at <= until) && copy.step() {
        answer = copy.scheduler().attempts(&pod.key).last().map(|attempt| attempt.outcome().clone());
    }
    let Some(answer) = answer else { return Doc::Null };
    let nodes = cluster.store().list(Kind::Node).take(NODES).map(|node| Doc::from(&node.key.name));
    let (chosen, why) = match &answer {
        AttemptOutcome::Assigned(node) => (Some(node), None),
        AttemptOutcome::Unschedulable(why) => (None, Some(why)),
    };
    doc!({
        "uid": pod.meta.uid.text().to_string(), "name": &pod.key.name, "nodes": Doc::list(nodes), "chosen": chosen, "why": why
    })
}

/// The nodes that have fallen silent without anybody knowing yet, and why they are.
pub(super) fn silent(cluster: &Cluster) -> Doc {
    let core = cluster.core();
    Doc::list(waits::silent(cluster).take(NODES).map(|(number, machine)| {
        let why = match (machine.powered, core.links.is_isolated(number)) {
            (false, _) => "off",
            (true, true) => "cut",
            (true, false) => "kubelet",
        };
        doc!({ "node": &machine.name, "why": why })
    }))
}

/// How long it will take until every Deployment that loses pods has got them back, in milliseconds, if that happens. One that
/// lacks some all the time is not waited for.
pub(super) fn recovery(cluster: &Cluster) -> Doc {
    let mut copy = cluster.clone();
    let until = copy.now() + LONGEST;
    let (mut short, mut seen) = (short(&copy), copy.store().revision());
    let (mut always, mut back) = (short.clone(), None);
    for _ in 0..MOST_STEPS {
        if copy.next_at().is_none_or(|at| at > until) || !copy.step() {
            break;
        }
        let revision = copy.store().revision();
        if std::mem::replace(&mut seen, revision) == revision {
            continue;
        }
        let next = self::short(&copy);
        if short.difference(&next).next().is_some() {
            back = Some(copy.now());
        }
        always.retain(|uid| next.contains(uid));
        short = next;
        if back.is_some() && short.is_empty() {
            break;
        }
    }
    let back = back.filter(|_| short.is_subset(&always));
    back.map_or(Doc::Null, |back| doc!({ "took": whole(back.since(cluster.now()).0) }))
}

/// Whether a Deployment says itself that it lacks pods.
fn lacks(deployment: &Object) -> bool {
    let wanted = deployment.view::<Deployment>().map_or(0, |deployment| deployment.replicas);
    deployment.body["status"]["availableReplicas"].as_i64().unwrap_or(0) < wanted
}

/// The Deployments that lack pods. Those of a node that has fallen silent count as available until somebody
/// notices, and are lost all the same.
fn short(cluster: &Cluster) -> BTreeSet<Uid> {
    let core = cluster.core();
    let silent = |number: u32| !core.running(Process::Kubelet(number)) || core.links.is_isolated(number);
    let lost: Vec<&Str> =
        (0..).zip(&core.machines).filter(|(number, _)| silent(*number)).map(|(_, it)| &it.name).collect();
    let replicas = |object: &Object| object.view::<Deployment>().map_or(0, |deployment| deployment.replicas);
    let mut runs: BTreeMap<Uid, i64> = BTreeMap::new();
    if !lost.is_empty() {
        for object in cluster.store().list(Kind::Pod).filter(|object| !object.meta.deleting()) {
            let runs_on = object.view::<Pod>().filter(|pod| pod.ready && !lost.contains(&&pod.node_name));
            let set = object.meta.controller().filter(|_| runs_on.is_some());
            let set =
                set.map(|owner| Key::new(Kind::ReplicaSet, object.key.namespace.clone(), owner.name.clone()));
            let set = set.and_then(|key| cluster.store().get(&key));
            if let Some(owner) = set.and_then(|set| set.meta.controller()) {
                *runs.entry(owner.uid).or_default() += 1;
            }
        }
    }
    let lacking = cluster.store().list(Kind::Deployment).filter(|object| {
        let alive = runs.get(&object.meta.uid).copied().unwrap_or_default();
        lacks(object) || (!lost.is_empty() && alive < replicas(object))
    });
    lacking.map(|object| object.meta.uid).collect()
}
