//! What nodes use and hold.

use shared::{
    api::{Kind, core::pod::Pod},
    cluster::Cluster,
    doc,
    doc::{Doc, Str},
    runtime::Pull,
    sim::Machine,
};

use super::{NODES, whole};
use crate::worker::driver::Driver;

/// Images of a node that are told.
const IMAGES: usize = 60;

impl Driver {
    /// What nodes (all of a small cluster, or the one of this name) use, and which images they have.
    pub(super) fn usage(&self, name: &str) -> Doc {
        let earlier = self.earlier();
        let cluster = self.cluster();
        let now = cluster.now();
        let of = |(number, machine): (u32, &Machine)| {
            let usage = cluster.runtime(number).usage(machine.name.clone(), now);
            let cpu = earlier.as_ref().map(|(then, spent)| {
                let spent = spent.get(number as usize).copied().unwrap_or(usage.cpu_nanos);
                // Nanoseconds in a millisecond are millionths of a core.
                whole(usage.cpu_nanos.saturating_sub(spent) / now.0.saturating_sub(*then).max(1) / 1000)
            });
            let on = machine.powered;
            let mut told = held(cluster, number);
            told.set("node", &machine.name);
            told.set("cpu", cpu.filter(|_| on));
            told.set("memory", whole(usage.memory * u64::from(on)));
            let card = self.nodes_seen().get(machine.name.as_str());
            let [asked, all] = card.map_or_else(
                || requested(cluster, machine),
                |card| [[card.cpu_milli.0, card.memory.0], [card.cpu_milli.1, card.memory.1]],
            );
            told.set("asked", Doc::list(asked));
            told.set("all", Doc::list(all));
            told.set("most", machine.pods);
            told
        };
        let wanted = |(_, machine): &(u32, &Machine)| name.is_empty() || machine.name == name;
        let machines = (0..).zip(&cluster.core().machines).filter(wanted).take(NODES);
        let nodes = Doc::list(machines.map(of));
        doc!({ "now": whole(now.0), "nodes": nodes })
    }
}

/// A node's pods in number, its images with how many containers run each, and what is being pulled.
fn held(cluster: &Cluster, machine: u32) -> Doc {
    let runtime = cluster.runtime(machine);
    let containers = || runtime.sandboxes().values().flat_map(|sandbox| &sandbox.containers);
    let image = |(image, size): (&Str, &u64)| {
        let users = containers().filter(|container| container.image == *image && container.running()).count();
        doc!({ "image": image, "size": whole(*size), "users": whole(users as u64) })
    };
    let pull = |pull: &Pull| doc!({ "image": &pull.image, "begins": whole(pull.begins.0), "until": whole(pull.until.0) });
    doc!({
        "pods": whole(runtime.sandboxes().len() as u64),
        "images": Doc::list(runtime.cached().iter().take(IMAGES).map(image)),
        "pulls": Doc::list(runtime.pulls().map(pull))
    })
}

/// CPU and memory that pods have requested of a node, and that it has: for one that the page has no card of.
fn requested(cluster: &Cluster, machine: &Machine) -> [[i64; 2]; 2] {
    let mut sum = [0, 0];
    for pod in cluster.store().list(Kind::Pod).filter_map(|object| object.view::<Pod>()) {
        if pod.node_name == machine.name && !pod.phase.is_terminal() {
            sum[0] += pod.spec.cpu_milli;
            sum[1] += pod.spec.memory;
        }
    }
    [sum, [machine.cpu_milli, machine.memory]]
}
