//! The data plane: kube-proxy's rules, the load balancer, names, and the visitors who use the app.
//!
//! A request goes hop by hop, each a message over its link: visitors → load balancer → a node's kube-proxy rules → the
//! pod's machine → back. What no hop answers is lost, and whoever asked finds out by waiting.

mod balancer;
mod dns;
mod proxy;
mod rules;
mod tally;
mod visitors;

use crate::client::Input;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Timer};

pub use balancer::{Balancer, NodeHealth};
pub use dns::Dns;
pub use proxy::{Proxies, node_address};
pub use rules::{Rule, Rules};
pub use tally::{RequestResult, Tally};
pub use visitors::Visitors;

/// Everything between a visitor and a container.
#[derive(Clone, Debug, Hash)]
pub struct Network {
    proxies: Proxies,
    balancer: Balancer,
    dns: Dns,
    visitors: Visitors,
}

impl Network {
    /// The network of a cluster with so many machines.
    pub fn new(machines: u32, seed: u64) -> Network {
        Network {
            proxies: Proxies::new(machines, seed),
            balancer: Balancer::new(),
            dns: Dns::new(),
            visitors: Visitors::default(),
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

    /// The people who use the app, and how their requests went.
    pub fn visitors(&self) -> &Visitors {
        &self.visitors
    }

    /// Handles an input of kube-proxy, the load balancer, DNS or the visitors (`cx.me` says whose).
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match cx.me {
            Process::ProxyWatch => self.proxies.handle(input, cx),
            Process::KubeProxy(machine) => self.proxies.handle_of(machine, input, cx),
            Process::LoadBalancer => self.balancer.handle(input, cx),
            Process::CoreDns => self.dns.handle(input, cx),
            Process::Visitors => self.visitors.handle(input, self.balancer.addresses(), cx),
            _ => {}
        }
    }

    /// A process stopped: a stopped kube-proxy leaves its rules as they are.
    pub fn process_stopped(&mut self, process: Process, cx: &Context<'_>) {
        if let Process::KubeProxy(machine) = process {
            self.proxies.process_stopped(machine, cx);
        }
    }

    /// Links were cut or mended: proxies that cannot reach the API server keep their rules.
    pub fn links_changed(&mut self, cx: &mut Context<'_>) {
        self.proxies.links_changed(cx);
    }
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
