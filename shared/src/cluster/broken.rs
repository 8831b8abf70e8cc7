//! What is broken now, in the words of the fault vocabulary: read off the state, so that it is true after a rewind, a
//! crash and in a copy.

use crate::doc::Str;
use crate::sim::{End, Fault, Process, Target};

use super::members::MEMBERS;
use super::{Cluster, on_machine};

impl Cluster {
    /// Everything that a fault broke and nobody mended. What a machine without power takes along is not told again.
    pub fn broken(&self) -> Vec<(Target, Fault)> {
        let mut broken = Vec::new();
        self.broken_machines(&mut broken);
        self.broken_programs(&mut broken);
        self.broken_links(&mut broken);
        let lost = self.images.lost().iter().map(|image| (Target::Image(image.clone()), Fault::Missing));
        broken.extend(lost);
        let surges = self.network.visitors().surges().iter();
        broken.extend(surges.map(|source| (Target::Traffic(source.clone()), Fault::Surge)));
        broken
    }

    fn broken_machines(&self, broken: &mut Vec<(Target, Fault)>) {
        for (number, machine) in (0..).zip(&self.core.machines) {
            let target = || Target::Node(machine.name.clone());
            if !machine.powered {
                broken.push((target(), Fault::PowerOff));
            }
            if self.core.links.is_isolated(number) {
                broken.push((target(), Fault::Partition));
            }
            let runtime = self.runtime(number);
            broken.extend(runtime.fills().map(|fault| (target(), fault)));
            for (&uid, sandbox) in runtime.sandboxes() {
                let target = || Target::Pod(sandbox.key.namespace.clone(), sandbox.key.name.clone());
                broken.extend(runtime.struck(uid).map(|fault| (target(), fault)));
            }
        }
    }

    fn broken_programs(&self, broken: &mut Vec<(Target, Fault)>) {
        let members = (0..self.members()).flat_map(|member| MEMBERS.map(|of| of(member)));
        let ingress = self.network.has_ingress().then_some(Process::IngressController);
        let single = [Process::CoreDns, Process::LoadBalancer].into_iter().chain(ingress);
        let machines = (0..self.core.machines.len() as u32).flat_map(on_machine);
        for process in members.chain(single).chain(machines) {
            if !self.core.running(process) && self.core.powered(process) {
                broken.push((self.target_of(process), Fault::Stop));
            }
        }
    }

    fn broken_links(&self, broken: &mut Vec<(Target, Fault)>) {
        let target = |a: End, b: End| Target::Link(self.end_name(a), self.end_name(b));
        let links = &self.core.links;
        broken.extend(links.cuts().map(|(a, b)| (target(a, b), Fault::Drop)));
        broken.extend(links.delays().map(|(a, b, by)| (target(a, b), Fault::Delay { by })));
    }

    /// A program as a fault names it.
    fn target_of(&self, process: Process) -> Target {
        if let Process::Etcd(member) = process {
            return Target::Etcd(member);
        }
        match process.machine() {
            Some(machine) => Target::Component(
                process.program().into(),
                Some(self.core.machines[machine as usize].name.clone()),
            ),
            None => Target::Component(process.to_string().into(), None),
        }
    }

    /// An end of a link as a fault names it.
    fn end_name(&self, end: End) -> Str {
        match end {
            End::Machine(machine) => self.core.machines[machine as usize].name.clone(),
            End::Process(process) => match self.target_of(process) {
                Target::Component(program, Some(node)) => format!("{program}@{node}").into(),
                Target::Component(program, None) => program,
                target => target.to_string().into(),
            },
        }
    }
}
