//! The provider's load balancer: gives Services of type LoadBalancer an address, and spreads connections over the
//! nodes that pass its health check.

use crate::api::core::service::Service;
use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource, User};
use crate::client::{Delta, Handled, Informers, Input, Recorder, Severity};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Str, literal};
use crate::sim::{Context, Duration, Packet, PacketStep, Process, RequestId, Timer};

use super::{INGRESS_ADDRESS, machines_by_name, parse_ip, pass, periodic};

/// 203.0.113.0/24, which is for documentation only.
const POOL: u32 = 203 << 24 | 113 << 8;
const POOL_HOSTS: std::ops::RangeInclusive<u32> = 1..=253;
/// Between health checks of a node, and how many have to fail.
const CHECK_INTERVAL: Duration = Duration::seconds(2);
const UNHEALTHY_AFTER: u32 = 2;
/// Before a write that failed is tried again.
const RETRY: Duration = Duration::seconds(5);
/// The label that keeps a node out.
const EXCLUDE: &str = "node.kubernetes.io/exclude-from-external-load-balancers";

/// The load balancer.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Balancer {
    user: User,
    informers: Informers,
    recorder: Recorder,
    names: BTreeMap<Str, u32>,
    /// Address and first port of each Service.
    addresses: BTreeMap<Key, (u32, u32)>,
    nodes: BTreeMap<u32, NodeHealth>,
    /// Nodes in turn.
    healthy: Vec<u32>,
    turn: u64,
    /// Services whose connections stay on the node where they arrive: where nodes say whether they have endpoints,
    /// and which nodes do.
    local: BTreeMap<Key, Local>,
    writes: BTreeMap<RequestId, Key>,
}

/// A Service whose connections stay on the node where they arrive.
#[derive(Codec, Clone, Debug, Hash, Default)]
struct Local {
    health_port: u32,
    nodes: BTreeMap<u32, NodeHealth>,
    healthy: Vec<u32>,
}

/// Answers a health check: whether a machine's port says that it has endpoints.
pub(super) type HasEndpoints<'a> = dyn FnMut(u32, u32, &Context<'_>) -> bool + 'a;

/// What the health checks say of a node.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Hash)]
pub struct NodeHealth {
    /// Failed checks in a row.
    pub failures: u32,
    /// Whether it gets connections.
    pub healthy: bool,
}

impl Balancer {
    pub(super) fn new() -> Balancer {
        let user = User::component("system:cloud-controller-manager");
        Balancer {
            informers: Informers::of(&user, &[Kind::Service, Kind::Node]),
            recorder: Recorder::new(&user, "service-controller", Str::new()),
            user,
            names: BTreeMap::new(),
            addresses: BTreeMap::new(),
            nodes: BTreeMap::new(),
            healthy: Vec::new(),
            turn: 0,
            local: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    /// Address and first port of each Service that has a load balancer.
    pub fn addresses(&self) -> &BTreeMap<Key, (u32, u32)> {
        &self.addresses
    }

    /// The nodes behind it, by machine.
    pub fn nodes(&self) -> &BTreeMap<u32, NodeHealth> {
        &self.nodes
    }

    pub(super) fn handle(&mut self, input: Input, has: &mut HasEndpoints<'_>, cx: &mut Context<'_>) {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => {
                for delta in deltas {
                    match delta.object().key.kind {
                        Kind::Node => self.node_changed(&delta, cx),
                        _ => self.service_changed(&delta, cx),
                    }
                }
                return;
            }
            Handled::NotMine(input) => input,
        };
        match input {
            Input::Start => {
                // What it knows of addresses it finds again in the Services.
                *self = Balancer { turn: self.turn, ..Balancer::new() };
                self.names = machines_by_name(cx);
                self.informers.start(cx);
                periodic(CHECK_INTERVAL, "health", cx);
            }
            Input::Timer(timer) if timer.name == "health" => {
                periodic(CHECK_INTERVAL, "health", cx);
                self.check(has, cx);
            }
            Input::Timer(Timer { name: "service", key: Some(key), .. }) => self.ensure(&key, cx),
            Input::Response(id, result) => {
                if let Some(key) = self.writes.remove(&id)
                    && result.is_err_and(|status| status.is_transient())
                {
                    cx.timer(RETRY, Timer::about("service", key));
                }
            }
            Input::Packet(packet) => self.forward(&packet, cx),
            _ => {}
        }
    }

    fn forward(&mut self, packet: &Packet, cx: &mut Context<'_>) {
        let PacketStep::ToService { ip, .. } = packet.step else { return };
        if ip == INGRESS_ADDRESS {
            return pass(packet, Process::IngressController, packet.step.clone(), cx);
        }
        let mut healthy = &self.healthy;
        if !self.local.is_empty() {
            let mut of_address = self.addresses.iter().filter(|(_, (known, _))| *known == ip);
            let local = of_address.find_map(|(key, _)| self.local.get(key));
            healthy = local.map_or(healthy, |local| &local.healthy);
        }
        if healthy.is_empty() {
            return;
        }
        let node = healthy[(self.turn % healthy.len() as u64) as usize];
        self.turn += 1;
        pass(packet, Process::KubeProxy(node), packet.step.clone(), cx);
    }

    fn service_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let key = delta.object().key.clone();
        match &delta.new {
            Some(_) => self.ensure(&key, cx),
            None => {
                self.addresses.remove(&key);
                self.local.remove(&key);
            }
        }
    }

    /// Gives a Service its address, or takes it away.
    fn ensure(&mut self, key: &Key, cx: &mut Context<'_>) {
        let Some(service) = self.informers.get::<Service>(&key.namespace, &key.name) else { return };
        let object = std::sync::Arc::clone(service.object());
        let shown = parse_ip(&service.load_balancer_ip);
        let port = service.health_port;
        if port != self.local.get(key).map_or(0, |local| local.health_port) {
            self.local.remove(key);
            if port != 0 {
                self.local.insert(key.clone(), Local { health_port: port, ..Local::default() });
            }
        }
        // Another class is another provider's.
        let ours = object.body["spec"]["loadBalancerClass"].is_null();
        if service.kind != "LoadBalancer" || object.meta.deleting() || !ours {
            let known = self.addresses.remove(key);
            if shown.is_some() && (known.is_some() || service.kind != "LoadBalancer") {
                if known.is_some() {
                    self.tell(&object, "DeletingLoadBalancer", "Deleting load balancer", cx);
                    self.tell(&object, "DeletedLoadBalancer", "Deleted load balancer", cx);
                }
                self.write(key, doc!({ "status": { "loadBalancer": { "ingress": null } } }), cx);
            }
            return;
        }
        let port = service.ports.first().map_or(0, |port| port.port);
        let known = self.addresses.get(key).map(|(ip, _)| *ip);
        // Others may hold what a Service shows: it was copied from one.
        let free = |ip: &u32| !self.addresses.iter().any(|(other, (taken, _))| other != key && taken == ip);
        let asked = parse_ip(&object.body["spec"]["loadBalancerIP"].str());
        let asked = asked
            .filter(|ip| ip.checked_sub(POOL).is_some_and(|host| POOL_HOSTS.contains(&host)) && free(ip));
        let Some(ip) =
            known.or(shown.filter(free)).or(asked).or_else(|| POOL_HOSTS.map(|host| POOL + host).find(free))
        else {
            let message = "Error syncing load balancer: failed to ensure load balancer: no address left in 203.0.113.0/24";
            return self.recorder.event(&object, Severity::Warning, "SyncLoadBalancerFailed", message, cx);
        };
        self.addresses.insert(key.clone(), (ip, port));
        if shown == Some(ip) {
            return;
        }
        if known.is_none() {
            self.tell(&object, "EnsuringLoadBalancer", "Ensuring load balancer", cx);
            self.tell(&object, "EnsuredLoadBalancer", "Ensured load balancer", cx);
        }
        let ip = std::net::Ipv4Addr::from(ip).to_string();
        self.write(
            key,
            doc!({ "status": { "loadBalancer": { "ingress": [{ "ip": ip, "ipMode": "VIP" }] } } }),
            cx,
        );
    }

    fn tell(&mut self, object: &Object, reason: &'static str, message: &'static str, cx: &mut Context<'_>) {
        self.recorder.event(object, Severity::Normal, reason, message, cx);
    }

    fn write(&mut self, key: &Key, patch: doc::Doc, cx: &mut Context<'_>) {
        let request = Request::patch(self.user.clone(), key, PatchKind::Merge, patch).on(Subresource::Status);
        let id = cx.request(request);
        self.writes.insert(id, key.clone());
    }

    fn node_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let Some(&machine) = self.names.get(&delta.object().key.name) else { return };
        let wanted = delta.new.as_ref().is_some_and(|node| node.meta.labels[EXCLUDE].is_null());
        let known = self.nodes.contains_key(&machine);
        if wanted && !known {
            let healthy = answers(machine, cx);
            self.nodes.insert(machine, NodeHealth { failures: u32::from(!healthy), healthy });
        } else if !wanted && known {
            self.nodes.remove(&machine);
        } else {
            return;
        }
        self.list_healthy();
    }

    /// Asks every node's kube-proxy how it is (`:10256/healthz`).
    fn check(&mut self, has: &mut HasEndpoints<'_>, cx: &mut Context<'_>) {
        if self.addresses.is_empty() {
            return;
        }
        for local in self.local.values_mut() {
            local.nodes.retain(|machine, _| self.nodes.contains_key(machine));
            for &machine in self.nodes.keys() {
                let fine = answers(machine, cx) && has(machine, local.health_port, cx);
                let first = NodeHealth { failures: UNHEALTHY_AFTER, healthy: fine };
                local.nodes.entry(machine).or_insert(first).checked(fine);
            }
            local.healthy = healthy_of(&local.nodes);
        }
        let mut changed = Vec::new();
        for (&machine, node) in &mut self.nodes {
            if node.checked(answers(machine, cx)) {
                changed.push((machine, node.healthy));
            }
        }
        for (machine, healthy) in changed {
            let name = cx.core.machines[machine as usize].name.clone();
            let reason = if healthy { "NodeHealthy" } else { "NodeUnhealthy" };
            let key = Key::new(Kind::Node, Str::new(), name.clone());
            let silence = cx.core.trace.silence(Process::KubeProxy(machine));
            let text = if healthy {
                literal!("answers health checks again")
            } else {
                literal!("fails health checks")
            };
            cx.because(silence, |cx| cx.note(reason, Some(key), || format!("{name} {text}").into()));
            self.list_healthy();
        }
    }

    fn list_healthy(&mut self) {
        self.healthy = healthy_of(&self.nodes);
    }
}

impl NodeHealth {
    /// Takes the outcome of a check; true when that changes how the node counts.
    fn checked(&mut self, fine: bool) -> bool {
        self.failures = if fine { 0 } else { self.failures + 1 };
        let healthy = fine || (self.healthy && self.failures < UNHEALTHY_AFTER);
        std::mem::replace(&mut self.healthy, healthy) != healthy
    }
}

fn healthy_of(nodes: &BTreeMap<u32, NodeHealth>) -> Vec<u32> {
    nodes.iter().filter(|(_, node)| node.healthy).map(|(&machine, _)| machine).collect()
}

/// Whether a node's kube-proxy would answer a health check now.
fn answers(machine: u32, cx: &Context<'_>) -> bool {
    let proxy = Process::KubeProxy(machine);
    cx.core.running(proxy) && cx.core.links.open(Process::LoadBalancer, proxy)
}
