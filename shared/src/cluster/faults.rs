//! Breaking and mending.

use std::sync::Arc;

use crate::api::{Key, Kind};
use crate::doc::Str;
use crate::sim::{Causes, Context, End, Fault, Filled, Process, Target, What};

use super::members::MEMBERS;
use super::{Cluster, Outcome, lost::CONNECTION_TIMEOUT};

/// Breaks `target`.
pub(super) fn strike(cluster: &mut Cluster, target: &Target, fault: Fault, causes: Causes) -> Outcome {
    act(cluster, target, Some(fault), causes)
}

/// Mends `target`.
pub(super) fn repair(cluster: &mut Cluster, target: &Target, causes: Causes) -> Outcome {
    act(cluster, target, None, causes)
}

fn act(cluster: &mut Cluster, target: &Target, fault: Option<Fault>, causes: Causes) -> Outcome {
    let result =
        match target {
            Target::Node(name) => machine(cluster, name)
                .and_then(|machine| machines(cluster, &[machine], target, fault, causes)),
            Target::Zone(zone) => {
                let members: Vec<u32> = (0..cluster.core.machines.len() as u32)
                    .filter(|&machine| cluster.core.machines[machine as usize].zone == *zone)
                    .collect();
                if members.is_empty() {
                    Err(format!("there is no zone called {zone:?}"))
                } else {
                    machines(cluster, &members, target, fault, causes)
                }
            }
            Target::Component(..) | Target::Etcd(_) => process(cluster, target)
                .and_then(|process| component(cluster, process, target, fault, causes)),
            Target::Link(a, b) => link(cluster, a, b, target, fault),
            Target::Pod(namespace, name) => pod(cluster, namespace, name, target, fault, &causes),
            Target::Image(reference) => image(cluster, reference, target, fault),
            Target::Traffic(source) => traffic(cluster, source, target, fault),
        };
    match result {
        Ok(()) => Outcome::Done,
        Err(why) => Outcome::Refused(why.into()),
    }
}

fn unfit(target: &Target, fault: Fault) -> String {
    let kinds = match target {
        Target::Node(_) | Target::Zone(_) => "PowerOff, Partition, FillMemory or FillDisk",
        Target::Pod(..) => "Crash, FillMemory, FailProbes or BurnCpu",
        Target::Image(_) => "Missing",
        Target::Traffic(_) => "Surge",
        Target::Component(..) | Target::Etcd(_) => "Stop or Crash",
        Target::Link(..) => "Drop or Delay",
    };
    format!("{fault:?} does not apply to {target}: use {kinds}")
}

fn machine(cluster: &Cluster, name: &str) -> Result<u32, String> {
    let found = cluster.core.machines.iter().position(|machine| machine.name == name);
    found.map(|at| at as u32).ok_or_else(|| format!("there is no node called {name:?}"))
}

fn machines(
    cluster: &mut Cluster,
    members: &[u32],
    target: &Target,
    fault: Option<Fault>,
    causes: Causes,
) -> Result<(), String> {
    for &machine in members {
        match fault {
            Some(Fault::PowerOff) => power(cluster, machine, false, &causes),
            Some(Fault::Partition) => {
                cluster.core.links.isolate(machine, true);
                note(cluster, Process::Kubelet(machine), false, &causes);
            }
            Some(Fault::FillMemory) => fill(cluster, machine, Filled::Memory, true, &causes),
            Some(Fault::FillDisk) => fill(cluster, machine, Filled::Disk, true, &causes),
            Some(other) => return Err(unfit(target, other)),
            None => {
                for what in [Filled::Memory, Filled::Disk] {
                    fill(cluster, machine, what, false, &causes);
                }
                if cluster.core.links.is_isolated(machine) {
                    cluster.core.links.isolate(machine, false);
                    note(cluster, Process::Kubelet(machine), true, &causes);
                }
                power(cluster, machine, true, &causes);
            }
        }
    }
    let mut cx = Context { core: &mut cluster.core, me: Process::ProxyWatch, causes };
    cluster.network.links_changed(&mut cx);
    Ok(())
}

/// Fills the memory or disk of a machine, or empties it.
fn fill(cluster: &mut Cluster, machine: u32, what: Filled, full: bool, causes: &Causes) {
    let me = Process::Runtime(machine);
    let mut cx = Context { core: &mut cluster.core, me, causes: causes.clone() };
    Arc::make_mut(&mut cluster.runtimes[machine as usize]).fill(what, full, &mut cx);
}

/// Breaks the containers of a pod, or mends them.
fn pod(
    cluster: &mut Cluster,
    namespace: &Str,
    name: &Str,
    target: &Target,
    fault: Option<Fault>,
    causes: &Causes,
) -> Result<(), String> {
    let key = Key { kind: Kind::Pod, namespace: namespace.clone(), name: name.clone() };
    let uid = cluster.store.get(&key).map(|object| object.meta.uid);
    let uid = uid.ok_or_else(|| format!("there is no pod called {namespace}/{name}"))?;
    let place = cluster.runtimes.iter().position(|runtime| runtime.sandboxes().contains_key(&uid));
    let machine = place.ok_or_else(|| format!("nothing of {target} runs"))? as u32;
    let me = Process::Runtime(machine);
    let mut cx = Context { core: &mut cluster.core, me, causes: causes.clone() };
    let runtime = Arc::make_mut(&mut cluster.runtimes[machine as usize]);
    match fault {
        Some(Fault::Crash) => runtime.crash(uid, &mut cx),
        Some(Fault::FillMemory) => runtime.leak(uid, true, &mut cx),
        Some(Fault::FailProbes) => runtime.fail_probes(uid, true),
        Some(Fault::BurnCpu) => runtime.burn(uid, true, &cx),
        Some(other) => return Err(unfit(target, other)),
        None => {
            runtime.leak(uid, false, &mut cx);
            runtime.fail_probes(uid, false);
            runtime.burn(uid, false, &cx);
        }
    }
    Ok(())
}

/// Takes an image out of its registry, or puts it back.
fn image(
    cluster: &mut Cluster,
    reference: &Str,
    target: &Target,
    fault: Option<Fault>,
) -> Result<(), String> {
    if let Some(other) = fault.filter(|fault| *fault != Fault::Missing) {
        return Err(unfit(target, other));
    }
    if !crate::runtime::is_valid_reference(reference) {
        return Err(format!("{reference:?} is no image reference"));
    }
    Arc::make_mut(&mut cluster.images).lose(reference, fault.is_some());
    for runtime in &mut cluster.runtimes {
        Arc::make_mut(runtime).look_in(&cluster.images);
    }
    Ok(())
}

/// Lets a source of traffic send far more, or as before.
fn traffic(cluster: &mut Cluster, source: &Str, target: &Target, fault: Option<Fault>) -> Result<(), String> {
    match fault {
        Some(Fault::Surge) => cluster.network.surge(source, true),
        None => cluster.network.surge(source, false),
        Some(other) => Err(unfit(target, other)),
    }
}

/// Switches a machine off (everything on it ends at once, nothing is said to anybody) or on.
fn power(cluster: &mut Cluster, machine: u32, on: bool, causes: &Causes) {
    if cluster.core.machines[machine as usize].powered == on {
        return;
    }
    cluster.core.machines[machine as usize].powered = on;
    if !on {
        Arc::make_mut(&mut cluster.runtimes[machine as usize]).power_lost();
    }
    let member = cluster.core.links.member_on(machine);
    let programs = member.into_iter().flat_map(|member| MEMBERS.map(|of| of(member)));
    for process in programs.chain(super::on_machine(machine)) {
        if on {
            start(cluster, process, causes);
        } else {
            stop(cluster, process, causes);
        }
    }
}

fn process(cluster: &Cluster, target: &Target) -> Result<Process, String> {
    let (program, node) = match target {
        Target::Etcd(member) => return numbered("etcd", *member, cluster.members(), Process::Etcd),
        Target::Component(program, node) => (program.as_str(), node),
        _ => unreachable!("only programs are looked up"),
    };
    let of_members = |program: &str| MEMBERS.into_iter().find(|of| of(0).program() == program);
    if let Some((program, number)) = program.rsplit_once('-')
        && let (Some(of), Ok(number), None) = (of_members(program), number.parse(), node)
    {
        return numbered(program, number, cluster.members(), of);
    }
    let single = match program {
        "coredns" => Some(Process::CoreDns),
        "ingress-nginx" if cluster.network.has_ingress() => Some(Process::IngressController),
        "load-balancer" => Some(Process::LoadBalancer),
        program => of_members(program).map(|of| of(0)),
    };
    let on_node: Option<fn(u32) -> Process> = match program {
        "kubelet" => Some(Process::Kubelet),
        "kube-proxy" => Some(Process::KubeProxy),
        "containerd" => Some(Process::Runtime),
        "cni" => Some(Process::Cni),
        _ => None,
    };
    match (single, on_node, node) {
        (Some(process), _, None) => Ok(process),
        (None, Some(of), Some(node)) => machine(cluster, node).map(of),
        (None, Some(_), None) => {
            Err(format!("{program} runs on every node: say which, as component/{program}@NODE"))
        }
        (Some(_), _, Some(_)) => {
            Err(format!("{program} does not run on a node of this cluster: write component/{program}"))
        }
        (None, None, _) => Err(format!(
            "there is no component called {program:?}: kube-apiserver, kube-scheduler, kube-controller-manager, etcd, \
             coredns, load-balancer, kubelet@NODE, kube-proxy@NODE, containerd@NODE, cni@NODE"
        )),
    }
}

/// The program number `number` of `count`.
fn numbered(program: &str, number: u32, count: u32, of: fn(u32) -> Process) -> Result<Process, String> {
    if number < count {
        return Ok(of(number));
    }
    let there = match count {
        1 => "one, number 0".to_owned(),
        count => format!("{count}, from 0 to {}", count - 1),
    };
    Err(format!("there is no {program} number {number}: this cluster has {there}"))
}

fn component(
    cluster: &mut Cluster,
    process: Process,
    target: &Target,
    fault: Option<Fault>,
    causes: Causes,
) -> Result<(), String> {
    let powered = cluster.core.powered(process);
    match fault {
        Some(Fault::Stop) => {
            if let (Process::ApiServer(server), true) = (process, cluster.core.running(process)) {
                let mut cx = Context { core: &mut cluster.core, me: process, causes: causes.clone() };
                cluster.apiservers[server as usize].leave(&mut cx);
            }
            stop(cluster, process, &causes);
        }
        Some(Fault::Crash) => {
            stop(cluster, process, &causes);
            if powered {
                start(cluster, process, &causes);
            }
        }
        Some(other) => return Err(unfit(target, other)),
        None if !powered => return Err(format!("{target} cannot start: its machine has no power")),
        None => start(cluster, process, &causes),
    }
    Ok(())
}

fn stop(cluster: &mut Cluster, process: Process, causes: &Causes) {
    if !cluster.core.running(process) {
        return;
    }
    match process {
        Process::ApiServer(server) => {
            let mut cx = Context { core: &mut cluster.core, me: process, causes: causes.clone() };
            let server = &mut cluster.apiservers[server as usize];
            if cx.core.powered(process) {
                server.end(&mut cx);
            } else {
                server.vanish(CONNECTION_TIMEOUT, &mut cx);
            }
        }
        Process::Etcd(member) if cluster.core.powered(process) => {
            cluster.with_etcd(member, causes.clone(), |etcd, cx| etcd.stop(member, cx));
        }
        _ => {}
    }
    cluster.core.stop(process);
    if let Process::Kubelet(machine) = process {
        let silent = !cluster.core.machines[machine as usize].powered;
        for (server, apiserver) in (0..).zip(&mut cluster.apiservers) {
            let me = Process::ApiServer(server);
            let mut cx = Context { core: &mut cluster.core, me, causes: causes.clone() };
            apiserver.kubelet_gone(machine, silent, &mut cx);
        }
    }
    cluster.connections_end(process);
    note(cluster, process, false, causes);
    let cx = Context { core: &mut cluster.core, me: process, causes: causes.clone() };
    cluster.network.process_stopped(process, &cx);
}

fn start(cluster: &mut Cluster, process: Process, causes: &Causes) {
    if cluster.core.running(process) {
        return;
    }
    cluster.renew(process);
    let causes = note(cluster, process, true, causes);
    cluster.core.start(process, causes);
}

fn note(cluster: &mut Cluster, process: Process, up: bool, causes: &Causes) -> Causes {
    let now = cluster.core.now;
    cluster.core.trace.record(now, What::Fault { process, up }, causes.clone())
}

fn link(
    cluster: &mut Cluster,
    a: &Str,
    b: &Str,
    target: &Target,
    fault: Option<Fault>,
) -> Result<(), String> {
    let end = |name: &Str| -> Result<End, String> {
        if let Ok(machine) = machine(cluster, name) {
            return Ok(End::Machine(machine));
        }
        let member = name.starts_with("etcd/").then(|| Target::parse(name));
        let target = member.unwrap_or_else(|| Target::parse(&format!("component/{name}")))?;
        process(cluster, &target).map(End::Process)
    };
    let (a, b) = (end(a)?, end(b)?);
    let links = &mut cluster.core.links;
    match fault {
        Some(Fault::Drop) => links.cut(a, b, true),
        Some(Fault::Delay { by }) => links.slow(a, b, by),
        Some(other) => return Err(unfit(target, other)),
        None => {
            links.cut(a, b, false);
            links.slow(a, b, crate::sim::Duration::ZERO);
        }
    }
    let mut cx = Context { core: &mut cluster.core, me: Process::ProxyWatch, causes: Causes::none() };
    cluster.network.links_changed(&mut cx);
    Ok(())
}
