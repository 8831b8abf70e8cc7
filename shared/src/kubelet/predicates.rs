//! What a kubelet looks at again before it takes a pod that was put on its node, by whoever: labels, host ports and the
//! parameters of the kernel that it sets.

use crate::api::core::node::Node;
use crate::api::core::pod::{MINOR, is_safe_sysctl};
use crate::api::{NodeAffinity, Object};
use crate::doc::{Doc, Str};

use super::Kubelet;
use super::pod::{PodStage, PodState};

/// A port of the node that a container wants: address, protocol and number.
type HostPort = (Str, Str, i64);

fn host_ports(spec: &Doc) -> Vec<HostPort> {
    let sidecars = spec["initContainers"].items().iter();
    let sidecars = sidecars.filter(|init| init["restartPolicy"].as_str() == Some("Always"));
    let containers = spec["containers"].items().iter().chain(sidecars);
    let ports = containers.flat_map(|container| container["ports"].items()).filter_map(|port| {
        let number = port["hostPort"].as_i64().filter(|number| *number > 0)?;
        let or = |field: &str, otherwise: &str| match port[field].as_str() {
            Some("") | None => Str::from(otherwise),
            Some(text) => text.into(),
        };
        Some((or("hostIP", EVERYWHERE), or("protocol", "TCP"), number))
    });
    ports.collect()
}

const EVERYWHERE: &str = "0.0.0.0";

fn clash(a: &HostPort, b: &HostPort) -> bool {
    let same_place = a.0 == b.0 || a.0 == EVERYWHERE || b.0 == EVERYWHERE;
    same_place && a.1 == b.1 && a.2 == b.2
}

/// Why a pod may not set the parameters of the kernel that it wants, of which a kubelet only allows the safe ones.
pub(super) fn sysctl_refused(object: &Object) -> Option<(&'static str, String)> {
    let wanted = object.body["spec"]["securityContext"]["sysctls"].items().iter();
    let mut names = wanted.map(|sysctl| sysctl["name"].str().replace('/', "."));
    let unsafe_one = names.find(|name| !is_safe_sysctl(name, MINOR))?;
    Some(("SysctlForbidden", format!("forbidden sysctl: {unsafe_one:?} not allowlisted")))
}

impl Kubelet {
    /// The predicate that keeps a pod off this node, and why.
    pub(super) fn failed_predicate(&self, object: &Object) -> Option<(&'static str, String)> {
        let spec = &object.body["spec"];
        let failed = |name, why| Some((name, format!("Predicate {name} failed: node(s) didn't {why}")));
        let node = self.informers.get::<Node>(&Str::new(), &self.name);
        if node.is_some_and(|node| !NodeAffinity::read(spec).allows(node.object())) {
            return failed("NodeAffinity", "match Pod's node affinity/selector");
        }
        let wanted = host_ports(spec);
        if wanted.is_empty() {
            return None;
        }
        let ended =
            |pod: &PodState| pod.stage == PodStage::Done || (pod.terminating.is_some() && pod.quiet());
        let others = self.pods.values().filter(|pod| pod.uid != object.meta.uid && !ended(pod));
        let taken = others.filter_map(|pod| Some(host_ports(&self.object(pod.uid)?.body["spec"]))).flatten();
        let clashes = taken.into_iter().any(|taken| wanted.iter().any(|port| clash(port, &taken)));
        if clashes { failed("NodePorts", "have free ports for the requested pod ports") } else { None }
    }
}
