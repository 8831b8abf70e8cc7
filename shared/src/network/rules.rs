//! kube-proxy's rules: which endpoints stand behind an address and port.

use std::sync::Arc;

use crate::api::core::service::{Service, ServicePort};
use crate::api::discovery::endpointslice::{Endpoint, EndpointSlice};
use crate::api::networking::networkpolicy::{Range, range};
use crate::api::{Key, Kind, Object, Of};
use crate::client::{Delta, Informers};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort};
use crate::doc::{Doc, Str};
use crate::sim::Protocol;

use super::parse_ip;

/// Rules by [`place`]. A copy costs nothing.
pub type Rules = BTreeMap<(u32, u32), Arc<Rule>>;

/// Address 0 stands for the node's own (node ports); the upper half of the port says over what it is reached.
pub fn place(ip: u32, port: u32, protocol: Protocol) -> (u32, u32) {
    (ip, port | (protocol as u32) << 16)
}

/// Address and port of a pod.
pub type Socket = (u32, u32);

/// What becomes of a connection to one port of a Service.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Hash)]
pub struct Rule {
    /// The Service.
    pub service: Key,
    /// Its port; 0 where the node only tells whether it has endpoints.
    pub port: u32,
    /// How many seconds a client keeps its endpoint; 0 when it does not.
    pub sticky: u32,
    /// Whether it is for connections from outside.
    pub external: bool,
    /// Whether they stay on the node where they arrive.
    pub local: bool,
    /// Who may connect; empty for everybody.
    pub sources: Vec<Range>,
    /// Endpoints that get connections.
    pub endpoints: Vec<Socket>,
    /// Endpoints that still serve while they terminate, for nodes that have no others.
    pub leaving: Vec<Socket>,
    /// For which nodes and which zones each of the endpoints is; empty unless all say so.
    pub hints: Vec<(Vec<Str>, Vec<Str>)>,
}

/// The rules as the API has them, kept current as far as anybody looks.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct RuleBook {
    rules: Rules,
    /// Where each Service's rules are.
    places: BTreeMap<Key, Vec<(u32, u32)>>,
    slices: SliceIndex,
    /// Services whose rules have to be written anew before the next look: a burst of changes costs one rewrite.
    dirty: BTreeSet<Key>,
}

/// The slices of each Service.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct SliceIndex(BTreeMap<Key, BTreeSet<Key>>);

impl SliceIndex {
    /// Takes note of a slice's change; the answer is its Service.
    pub fn changed(&mut self, delta: &Delta) -> Key {
        let object = delta.object();
        let service = service_of(object);
        let slices = self.0.entry(service.clone()).or_default();
        if delta.new.is_some() {
            slices.insert(object.key.clone());
        } else {
            slices.remove(&object.key);
            if slices.is_empty() {
                self.0.remove(&service);
            }
        }
        service
    }

    /// The slices of a Service.
    pub fn of(&self, service: &Key, informers: &Informers) -> Vec<Of<EndpointSlice>> {
        let slices = self.0.get(service).into_iter().flatten();
        slices.filter_map(|slice| informers.get::<EndpointSlice>(&slice.namespace, &slice.name)).collect()
    }
}

impl RuleBook {
    /// A Service or EndpointSlice changed.
    pub fn changed(&mut self, delta: &Delta) {
        let service = match delta.object().key.kind {
            Kind::Service => delta.object().key.clone(),
            Kind::EndpointSlice => self.slices.changed(delta),
            _ => return,
        };
        self.dirty.insert(service);
    }

    /// The rules, current.
    pub fn rules(&mut self, informers: &Informers) -> &Rules {
        for key in std::mem::take(&mut self.dirty) {
            self.rewrite(key, informers);
        }
        &self.rules
    }

    /// The rules as they were at the last look.
    pub fn written(&self) -> &Rules {
        &self.rules
    }

    fn rewrite(&mut self, key: Key, informers: &Informers) {
        for place in self.places.remove(&key).unwrap_or_default() {
            self.rules.remove(&place);
        }
        let Some(service) = informers.get::<Service>(&key.namespace, &key.name) else { return };
        let slices = self.slices.of(&key, informers);
        let mut places = Vec::new();
        let mut write = |rules: &mut Rules, place: (u32, u32), rule: &Arc<Rule>| {
            rules.insert(place, Arc::clone(rule));
            places.push(place);
        };
        for port in &service.ports {
            let protocol = Protocol::of(&port.protocol);
            let inside = rule_of(&service, port, &slices);
            let mut outside = Rule { external: true, local: service.external_local, ..inside.clone() };
            let inside = Arc::new(inside);
            if let Some(ip) = parse_ip(&service.cluster_ip) {
                write(&mut self.rules, place(ip, port.port, protocol), &inside);
            }
            if port.node_port != 0 {
                write(&mut self.rules, place(0, port.node_port, protocol), &Arc::new(outside.clone()));
            }
            for ip in service.external_ips.iter().filter_map(|ip| parse_ip(ip)) {
                write(&mut self.rules, place(ip, port.port, protocol), &Arc::new(outside.clone()));
            }
            if let Some(ip) = parse_ip(&service.load_balancer_ip) {
                outside.sources = service.source_ranges.iter().filter_map(|cidr| range(cidr)).collect();
                write(&mut self.rules, place(ip, port.port, protocol), &Arc::new(outside));
            }
        }
        if service.health_port != 0
            && let Some(first) = service.ports.first()
        {
            let rule = Rule { port: 0, external: true, local: true, ..rule_of(&service, first, &slices) };
            write(&mut self.rules, place(0, service.health_port, Protocol::Tcp), &Arc::new(rule));
        }
        self.places.insert(key, places);
    }
}

/// The Service that a slice belongs to.
pub(super) fn service_of(slice: &Object) -> Key {
    let name: Str = slice.meta.label("kubernetes.io/service-name").into();
    Key { kind: Kind::Service, namespace: slice.key.namespace.clone(), name }
}

/// The rule for connections from inside.
fn rule_of(service: &Of<Service>, port: &ServicePort, slices: &[Of<EndpointSlice>]) -> Rule {
    let ready = endpoints(port, slices, |endpoint| endpoint.ready);
    let leaving =
        endpoints(port, slices, |endpoint| !endpoint.ready && endpoint.serving && endpoint.terminating);
    let hinted = !ready.is_empty() && ready.iter().all(|(_, hints)| !hints.is_null());
    let names = |hints: &Doc, field: &str| -> Vec<Str> {
        hints[field].items().iter().map(|hint| hint["name"].str()).collect()
    };
    let hints = ready.iter().filter(|_| hinted);
    let hints = hints.map(|(_, hints)| (names(hints, "forNodes"), names(hints, "forZones"))).collect();
    let sockets = |list: Vec<(Socket, Doc)>| list.into_iter().map(|(socket, _)| socket).collect::<Vec<_>>();
    let (ready, leaving) = (sockets(ready), sockets(leaving));
    Rule {
        service: service.key().clone(),
        port: port.port,
        sticky: service.affinity_seconds,
        external: false,
        local: service.internal_local,
        sources: Vec::new(),
        endpoints: if ready.is_empty() { leaving.clone() } else { ready },
        leaving,
        hints,
    }
}

/// The endpoints of a port that are as `wanted`, each with its hints, in order.
fn endpoints(
    port: &ServicePort,
    slices: &[Of<EndpointSlice>],
    wanted: fn(&Endpoint) -> bool,
) -> Vec<(Socket, Doc)> {
    let mut found = BTreeMap::new();
    for slice in slices {
        let Some(number) = slice.ports.iter().find(|(name, _, _)| *name == port.name).map(|port| port.1)
        else {
            continue;
        };
        let docs = slice.object().body["endpoints"].items();
        for (endpoint, doc) in slice.endpoints.iter().zip(docs).filter(|(endpoint, _)| wanted(endpoint)) {
            if let Some(ip) = parse_ip(&endpoint.address) {
                found.insert((ip, number), doc["hints"].clone());
            }
        }
    }
    found.into_iter().collect()
}

/// The address of an endpoint list without repetitions, in order.
pub(super) fn in_order(mut ips: Vec<u32>) -> Vec<u32> {
    sort(&mut ips);
    ips.dedup();
    ips
}
