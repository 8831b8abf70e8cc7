//! The data plane: kube-proxy's rules, the load balancer, names, and the visitors who use the app.
//!
//! A request goes hop by hop, each a message over its link: visitors → load balancer → a node's kube-proxy rules → the
//! pod's machine → back. What no hop answers is lost, and whoever asked finds out by waiting.

mod balancer;
mod cni;
mod dns;
mod ingress;
mod outside;
mod proxy;
mod rules;
mod tally;
mod traffic;
mod url;
mod variables;

use crate::client::Input;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Time, Timer};

pub use balancer::{Balancer, NodeHealth};
pub use cni::Cni;
pub use dns::{DNS_ADDRESS, Dns, dns_config};
pub use ingress::{INGRESS_ADDRESS, IngressController, manifests as ingress_manifests};
pub use outside::resolve as resolve_outside;
pub use proxy::{Proxies, node_address};
pub use rules::{Rule, Rules};
pub use tally::{Ending, Failure, RequestResult, Tally};
pub use traffic::{PodRequest, Source, Traffic, TrafficSource};
pub use url::Url;

use traffic::Way;

/// Everything between a visitor and a container.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Network {
    proxies: Proxies,
    balancer: Balancer,
    dns: Dns,
    cni: Cni,
    traffic: Traffic,
    /// The ingress controller, where the add-on is there.
    ingress: Option<Box<IngressController>>,
}

impl Network {
    /// The network of a cluster with so many machines, with an ingress controller or without.
    pub fn new(machines: u32, seed: u64, ingress: bool) -> Network {
        Network {
            proxies: Proxies::new(machines, seed),
            balancer: Balancer::new(),
            dns: Dns::new(),
            cni: Cni::new(),
            traffic: Traffic::default(),
            ingress: ingress.then(|| Box::new(IngressController::new())),
        }
    }

    /// The kube-proxies and their rules.
    pub fn proxies(&self) -> &Proxies {
        &self.proxies
    }

    /// The provider's load balancer.
    pub fn balancer(&self) -> &Balancer {
        &self.balancer
    }

    /// The cluster's DNS server.
    pub fn dns(&self) -> &Dns {
        &self.dns
    }

    /// The people who use the app and all other sources of traffic, and how their requests went.
    pub fn visitors(&self) -> &Traffic {
        &self.traffic
    }

    /// Whether there is an ingress controller.
    pub fn has_ingress(&self) -> bool {
        self.ingress.is_some()
    }

    /// Starts, changes or stops a source of traffic.
    ///
    /// # Errors
    /// A sentence that says what is wrong with it.
    pub fn set_traffic(&mut self, source: TrafficSource, cx: &mut Context<'_>) -> Result<(), String> {
        self.traffic.set(source, cx)
    }

    /// Lets a source of traffic send far more than it would, or no longer.
    ///
    /// # Errors
    /// There is no such source.
    pub fn surge(&mut self, source: &crate::doc::Str, surge: bool) -> Result<(), String> {
        self.traffic.surge(source, surge)
    }

    /// What pods are to send for sources of traffic.
    pub fn take_pod_requests(&mut self) -> Vec<PodRequest> {
        self.traffic.take_for_pods()
    }

    /// A pod sent a request for a source of traffic.
    pub fn pod_sent(&mut self, source: &str) {
        self.traffic.sent(source);
    }

    /// How a request that a pod sent for a source of traffic ended.
    pub fn pod_heard(&mut self, source: &str, ending: &Ending, now: Time) {
        self.traffic.ended(source, ending, now);
    }

    /// Handles an input of one of the network's processes (`cx.me` says whose).
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match cx.me {
            Process::ProxyWatch => self.proxies.handle(input, cx),
            Process::KubeProxy(machine) => self.at_proxy(machine, input, cx),
            Process::LoadBalancer => {
                let proxies = &mut self.proxies;
                let mut has = |machine, port, cx: &Context<'_>| proxies.has_local(machine, port, cx);
                self.balancer.handle(input, &mut has, cx);
            }
            Process::CoreDns => {
                if let Input::Packet(packet) = &input
                    && let Process::Runtime(machine) = packet.origin
                    && !self.cni.lets_out(machine, packet)
                {
                    return;
                }
                self.dns.handle(input, cx);
            }
            Process::CniWatch => self.cni.handle(input, cx),
            Process::Cni(machine) => self.cni.handle_of(machine, input, cx),
            Process::IngressController => {
                let packet = self.ingress.as_mut().and_then(|ingress| ingress.handle(input, cx));
                let target = packet.as_ref().and_then(|packet| self.proxies.machine_of(packet.target()?));
                if let Some((packet, target)) = packet.zip(target) {
                    cx.send(Process::Runtime(target), Body::Packet(packet));
                }
            }
            Process::Visitors => {
                let Network { proxies, balancer, traffic, ingress, .. } = self;
                let mut find = |host: &str| way(host, proxies, balancer, ingress.as_deref_mut());
                traffic.handle(input, balancer.addresses(), &mut find, cx);
            }
            _ => {}
        }
    }

    /// An input of one machine's kube-proxy. Packets meet its rules, which the kernel has, and those of the CNI plugin.
    fn at_proxy(&mut self, machine: u32, input: Input, cx: &mut Context<'_>) {
        let Input::Packet(packet) = input else { return self.proxies.handle_of(machine, input, cx) };
        let Some((packet, target)) = self.proxies.forward(machine, packet, cx) else { return };
        let own_pod = packet.origin == Process::Runtime(machine);
        if !own_pod || self.cni.lets_out(machine, &packet) {
            cx.send(target, Body::Packet(packet));
        }
    }

    /// Whether the CNI plugin of a machine lets a packet in to the pod it is for.
    pub fn lets_in(&self, machine: u32, packet: &Packet) -> bool {
        self.cni.lets_in(machine, packet)
    }

    /// A process stopped: a stopped kube-proxy or CNI agent leaves its rules as they are.
    pub fn process_stopped(&mut self, process: Process, cx: &Context<'_>) {
        match process {
            Process::KubeProxy(machine) => self.proxies.process_stopped(machine, cx),
            Process::Cni(machine) => self.cni.process_stopped(machine),
            _ => {}
        }
    }

    /// Links were cut or mended: proxies that cannot reach the API server keep their rules.
    pub fn links_changed(&mut self, cx: &mut Context<'_>) {
        self.proxies.links_changed(cx);
        self.cni.links_changed(cx);
    }
}

/// Where somebody outside finds a host: an address, a node by its name, a host of an Ingress, or a load balancer by the
/// name of its Service (and namespace, unless that is `default`).
fn way(
    host: &str,
    proxies: &Proxies,
    balancer: &Balancer,
    ingress: Option<&mut IngressController>,
) -> Result<Way, Failure> {
    let of_service = || {
        let (name, namespace) = host.split_once('.').unwrap_or((host, "default"));
        let key = crate::api::Key::new(crate::api::Kind::Service, namespace, name);
        balancer.addresses().get(&key).map(|(ip, _)| *ip)
    };
    let ip = parse_ip(host)
        .or_else(|| proxies.machine_named(host).map(node_address))
        .or_else(|| ingress.is_some_and(|ingress| ingress.serves(host)).then_some(INGRESS_ADDRESS))
        .or_else(of_service)
        .or_else(|| outside::resolve(host))
        .ok_or(Failure::UnknownHost)?;
    match proxies.node_at(ip) {
        Some(machine) => Ok(Way { to: Process::KubeProxy(machine), ip }),
        None if outside::is_public(ip) => Ok(Way { to: Process::Visitors, ip }),
        // The networks of pods and Services are the cluster's own.
        None if ip >> 24 == 10 => Err(Failure::NoRoute),
        None => Ok(Way { to: Process::LoadBalancer, ip }),
    }
}

/// Answers that nothing listens there.
fn refuse(packet: &Packet, cx: &mut Context<'_>) {
    let step = PacketStep::Answer { status: None, detail: Failure::Refused.text() };
    pass(packet, packet.origin, step, cx);
}

/// Sends a packet on, with a new step.
fn pass(packet: &Packet, to: Process, step: PacketStep, cx: &mut Context<'_>) {
    cx.send(to, Body::Packet(Packet { step, ..packet.clone() }));
}

/// Sets a timer for what comes round again and again, whatever once began it.
fn periodic(wait: Duration, name: &'static str, cx: &mut Context<'_>) {
    cx.because(Causes::none(), |cx| cx.timer(wait, Timer::named(name)));
}

/// Machines by the names of their nodes.
fn machines_by_name(cx: &Context<'_>) -> BTreeMap<Str, u32> {
    (0u32..).zip(&cx.core.machines).map(|(number, machine)| (machine.name.clone(), number)).collect()
}

/// An IPv4 address; `None` for anything else (`None`, IPv6, nothing).
fn parse_ip(text: &str) -> Option<u32> {
    text.parse::<std::net::Ipv4Addr>().ok().map(u32::from)
}

#[cfg(test)]
mod tests;
