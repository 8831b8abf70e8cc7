//! CoreDNS: the names of Services.

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::{Endpoint, EndpointSlice};
use crate::api::{Kind, User};
use crate::client::{Handled, Informers, Input};
use crate::collections::sort;
use crate::doc::Str;
use crate::sim::{Context, PacketStep};

use super::rules::service_of;
use super::{parse_ip, pass};

/// The cluster's DNS server.
#[derive(Clone, Debug, Hash)]
pub struct Dns {
    informers: Informers,
}

impl Dns {
    pub(super) fn new() -> Dns {
        let user = User::component("system:serviceaccount:kube-system:coredns");
        Dns { informers: Informers::of(&user, &[Kind::Service, Kind::EndpointSlice]) }
    }

    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(_) => return,
            Handled::NotMine(input) => input,
        };
        match input {
            Input::Start => {
                *self = Dns::new();
                self.informers.start(cx);
            }
            // It answers once it knows the Services.
            Input::Packet(packet) if self.informers.synced() => {
                if let PacketStep::Lookup { name, namespace } = &packet.step {
                    let ips = self.resolve(name, namespace);
                    pass(&packet, packet.origin, PacketStep::Resolved { ips }, cx);
                }
            }
            _ => {}
        }
    }

    /// The addresses of a name, looked up from a pod in `namespace` with its search path; none when there is no such.
    pub fn resolve(&self, name: &str, namespace: &str) -> Vec<u32> {
        let absolute = name.strip_suffix('.');
        let candidates = match absolute {
            Some(name) => vec![name.to_owned()],
            None => vec![
                format!("{name}.{namespace}.svc.cluster.local"),
                format!("{name}.svc.cluster.local"),
                format!("{name}.cluster.local"),
                name.to_owned(),
            ],
        };
        candidates.iter().map(|name| self.lookup(name)).find(|ips| !ips.is_empty()).unwrap_or_default()
    }

    fn lookup(&self, name: &str) -> Vec<u32> {
        let Some(name) = name.strip_suffix(".cluster.local") else { return Vec::new() };
        let labels: Vec<&str> = name.split('.').collect();
        match labels.as_slice() {
            [service, namespace, "svc"] => self.service(service, namespace, None),
            [host, service, namespace, "svc"] => self.service(service, namespace, Some(host)),
            [address, _, "pod"] => parse_ip(&address.replace('-', ".")).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// A Service's own address; the addresses of its pods (or of one of them) when it is headless.
    fn service(&self, name: &str, namespace: &str, host: Option<&str>) -> Vec<u32> {
        let (namespace, name): (Str, Str) = (namespace.into(), name.into());
        let Some(service) = self.informers.get::<Service>(&namespace, &name) else { return Vec::new() };
        if service.cluster_ip != "None" {
            return parse_ip(&service.cluster_ip).filter(|_| host.is_none()).into_iter().collect();
        }
        let mut ips: Vec<u32> = self
            .informers
            .list_namespace::<EndpointSlice>(&namespace)
            .filter(|slice| service_of(slice.object()) == *service.key())
            .flat_map(|slice| slice.endpoints.clone())
            .filter(|endpoint| endpoint.ready && host.is_none_or(|host| is_called(endpoint, host)))
            .filter_map(|endpoint| parse_ip(&endpoint.address))
            .collect();
        sort(&mut ips);
        ips
    }
}

/// The name of an endpoint below its Service's: its hostname, or its address with dashes.
fn is_called(endpoint: &Endpoint, host: &str) -> bool {
    if endpoint.hostname.is_empty() {
        endpoint.address.replace('.', "-") == host
    } else {
        endpoint.hostname == host
    }
}
