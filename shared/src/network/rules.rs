//! kube-proxy's rules: which endpoints stand behind an address and port.

use std::sync::Arc;

use crate::api::core::service::{Service, ServicePort};
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Key, Kind, Object};
use crate::client::{Delta, Informers};
use crate::collections::{BTreeMap, BTreeSet, sort};
use crate::doc::Str;

use super::parse_ip;

/// Rules by address and port; address 0 stands for the node's own (node ports). A copy costs nothing.
pub type Rules = BTreeMap<(u32, u32), Arc<Rule>>;

/// What becomes of a connection to one port of a Service.
#[derive(Clone, PartialEq, Eq, Debug, Hash)]
pub struct Rule {
    /// The Service.
    pub service: Key,
    /// Its port.
    pub port: u32,
    /// Whether a client keeps its endpoint.
    pub sticky: bool,
    /// Addresses and ports of pods.
    pub endpoints: Vec<(u32, u32)>,
}

/// The rules as the API has them, kept current as far as anybody looks.
#[derive(Clone, Debug, Hash, Default)]
pub(super) struct RuleBook {
    rules: Rules,
    /// Where each Service's rules are.
    places: BTreeMap<Key, Vec<(u32, u32)>>,
    /// The slices of each Service.
    slices: BTreeMap<Key, BTreeSet<Key>>,
    /// Services whose rules have to be written anew before the next look: a burst of changes costs one rewrite.
    dirty: BTreeSet<Key>,
}

impl RuleBook {
    /// A Service or EndpointSlice changed.
    pub fn changed(&mut self, delta: &Delta) {
        let object = delta.object();
        let service = match object.key.kind {
            Kind::Service => object.key.clone(),
            Kind::EndpointSlice => {
                let service = service_of(object);
                let slices = self.slices.entry(service.clone()).or_default();
                if delta.new.is_some() {
                    slices.insert(object.key.clone());
                } else {
                    slices.remove(&object.key);
                    if slices.is_empty() {
                        self.slices.remove(&service);
                    }
                }
                service
            }
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
        let slices: Vec<Arc<Object>> = self
            .slices
            .get(&key)
            .into_iter()
            .flatten()
            .filter_map(|slice| informers.cache(Kind::EndpointSlice).get(slice).cloned())
            .collect();
        let addresses = [parse_ip(&service.cluster_ip), parse_ip(&service.load_balancer_ip)];
        let mut places = Vec::new();
        for port in &service.ports {
            let rule = Arc::new(Rule {
                service: key.clone(),
                port: port.port,
                sticky: service.affinity_seconds > 0,
                endpoints: endpoints(port, &slices),
            });
            let on_nodes = (port.node_port != 0).then_some((0, port.node_port));
            for place in addresses.into_iter().flatten().map(|ip| (ip, port.port)).chain(on_nodes) {
                self.rules.insert(place, Arc::clone(&rule));
                places.push(place);
            }
        }
        self.places.insert(key, places);
    }
}

/// The Service that a slice belongs to.
pub(super) fn service_of(slice: &Object) -> Key {
    let name: Str = slice.meta.label("kubernetes.io/service-name").into();
    Key { kind: Kind::Service, namespace: slice.key.namespace.clone(), name }
}

/// Ready endpoints, or those that still serve while they terminate if no other is left.
fn endpoints(port: &ServicePort, slices: &[Arc<Object>]) -> Vec<(u32, u32)> {
    let all = |wanted: fn(&crate::api::discovery::endpointslice::Endpoint) -> bool| -> Vec<(u32, u32)> {
        let views = slices.iter().filter_map(|slice| slice.view::<EndpointSlice>());
        let mut found: Vec<(u32, u32)> = views
            .filter_map(|slice| {
                let number = slice.ports.iter().find(|(name, _, _)| *name == port.name)?.1;
                Some(
                    slice
                        .endpoints
                        .iter()
                        .filter(|endpoint| wanted(endpoint))
                        .map(move |it| (&it.address, number)),
                )
            })
            .flatten()
            .filter_map(|(address, number)| Some((parse_ip(address)?, number)))
            .collect();
        sort(&mut found);
        found.dedup();
        found
    };
    let ready = all(|endpoint| endpoint.ready);
    if ready.is_empty() { all(|endpoint| endpoint.serving && endpoint.terminating) } else { ready }
}
