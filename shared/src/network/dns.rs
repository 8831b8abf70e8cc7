//! CoreDNS: the names of Services and pods.

use std::sync::Arc;

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::Endpoint;
use crate::api::{Key, Kind, Of, User};
use crate::client::{Handled, Informers, Input};
use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{Context, DnsAnswer as Answer, DnsConfig, PacketStep};

use super::rules::{SliceIndex, in_order};
use super::{outside, parse_ip, pass};

/// 10.96.0.10, where pods look for it.
pub const DNS_ADDRESS: u32 = 10 << 24 | 96 << 16 | 10;
/// How many aliases are followed one after another.
const LONGEST_CHAIN: u32 = 8;
const ZONE: &str = ".cluster.local";

/// The cluster's DNS server.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Dns {
    informers: Informers,
    slices: SliceIndex,
}

impl Dns {
    pub(super) fn new() -> Dns {
        let user = User::component("system:serviceaccount:kube-system:coredns");
        Dns {
            informers: Informers::of(&user, &[Kind::Service, Kind::EndpointSlice]),
            slices: SliceIndex::default(),
        }
    }

    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => {
                for delta in deltas.iter().filter(|delta| delta.object().key.kind == Kind::EndpointSlice) {
                    self.slices.changed(delta);
                }
                return;
            }
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
                    let answer = Arc::new(self.look_up(name, namespace));
                    pass(&packet, packet.origin, PacketStep::Resolved(answer), cx);
                }
            }
            _ => {}
        }
    }

    /// The addresses of a name, looked up from a pod in `namespace` with its search path; none when there is no such.
    pub fn resolve(&self, name: &str, namespace: &str) -> Vec<u32> {
        self.look_up(name, namespace).ips
    }

    /// Everything that is known of a name, looked up from a pod in `namespace` with its search path.
    pub fn look_up(&self, name: &str, namespace: &str) -> Answer {
        let candidates = DnsConfig::cluster_first(namespace).candidates(name);
        let answers = candidates.into_iter().map(|name| self.answer(name));
        answers.into_iter().find(|answer| !answer.name.is_empty()).unwrap_or_default()
    }

    /// The answer for a whole name.
    fn answer(&self, name: Str) -> Answer {
        let mut answer = Answer::default();
        let mut wanted = name.clone();
        for _ in 0..LONGEST_CHAIN {
            match self.record(&wanted, &mut answer) {
                Some(alias) => {
                    answer.aliases.push(alias.clone());
                    wanted = alias;
                }
                None => break,
            }
        }
        if !answer.ips.is_empty() || !answer.aliases.is_empty() || !answer.pointers.is_empty() {
            answer.name = name;
        }
        answer
    }

    /// Fills in what is known of one name, or says what it is an alias of.
    fn record(&self, name: &str, answer: &mut Answer) -> Option<Str> {
        if let Some(address) = name.strip_suffix(".in-addr.arpa") {
            answer.pointers = self.pointers(address);
            return None;
        }
        let Some(name) = name.strip_suffix(ZONE) else {
            answer.ips.extend(outside::resolve(name));
            return None;
        };
        let labels: Vec<&str> = name.split('.').collect();
        match labels.as_slice() {
            [service, namespace, "svc"] => return self.service(service, namespace, None, answer),
            [port, protocol, service, namespace, "svc"]
                if port.starts_with('_') && protocol.starts_with('_') =>
            {
                self.ports(&port[1..], &protocol[1..], service, namespace, answer);
            }
            [host, service, namespace, "svc"] => return self.service(service, namespace, Some(host), answer),
            [address, _, "pod"] => answer.ips.extend(parse_ip(&address.replace('-', "."))),
            _ => {}
        }
        None
    }

    /// The names of an address that is written backwards: of a Service, or of a pod behind a headless one.
    fn pointers(&self, address: &str) -> Vec<Str> {
        let forward: Vec<&str> = address.split('.').rev().collect();
        let Some(ip) = parse_ip(&forward.join(".")) else { return Vec::new() };
        let mut names = Vec::new();
        for service in self.informers.list::<Service>() {
            let key = service.key();
            let domain = format!("{}.{}.svc{ZONE}", key.name, key.namespace);
            if parse_ip(&service.cluster_ip) == Some(ip) {
                names.push(domain.into());
            } else if service.cluster_ip == "None" {
                let slices = self.slices.of(key, &self.informers);
                let endpoints = slices.iter().flat_map(|slice| &slice.endpoints);
                let here =
                    endpoints.filter(|endpoint| endpoint.ready && parse_ip(&endpoint.address) == Some(ip));
                names.extend(here.map(|endpoint| Str::from(format!("{}.{domain}", called(endpoint)))));
            }
        }
        names
    }

    fn find(&self, name: &str, namespace: &str) -> Option<Of<Service>> {
        self.informers.get::<Service>(&namespace.into(), &name.into())
    }

    /// A Service's own address; the addresses of its pods (or of one of them) when it is headless.
    fn service(&self, name: &str, namespace: &str, host: Option<&str>, answer: &mut Answer) -> Option<Str> {
        let service = self.find(name, namespace)?;
        if service.kind == "ExternalName" {
            let name = service.object().body["spec"]["externalName"].str();
            return host.is_none().then(|| name.trim_end_matches('.').into());
        }
        if service.cluster_ip != "None" && host.is_none() {
            answer.ips.extend(parse_ip(&service.cluster_ip));
            return None;
        }
        let all = self.slices.of(service.key(), &self.informers);
        let endpoints = all.iter().flat_map(|slice| &slice.endpoints).filter(|endpoint| endpoint.ready);
        let named = endpoints.filter(|endpoint| host.is_none_or(|host| is_called(endpoint, host)));
        answer.ips = in_order(named.filter_map(|endpoint| parse_ip(&endpoint.address)).collect());
        None
    }

    /// The hosts of a named port: the Service itself, or each of its pods when it is headless.
    fn ports(&self, port: &str, protocol: &str, name: &str, namespace: &str, answer: &mut Answer) {
        let Some(service) = self.find(name, namespace) else { return };
        let fits = |found: &str, over: &str| found == port && over.eq_ignore_ascii_case(protocol);
        let domain = format!("{name}.{namespace}.svc{ZONE}");
        if service.cluster_ip != "None" {
            let ports = service.ports.iter().filter(|it| fits(&it.name, &it.protocol));
            answer.services.extend(ports.map(|port| (port.port, Str::from(&*domain))));
            if !answer.services.is_empty() {
                answer.ips.extend(parse_ip(&service.cluster_ip));
            }
            return;
        }
        for slice in self.slices.of(service.key(), &self.informers) {
            for (_, number, _) in slice.ports.iter().filter(|(name, _, over)| fits(name, over)) {
                for endpoint in slice.endpoints.iter().filter(|endpoint| endpoint.ready) {
                    answer.services.push((*number, format!("{}.{domain}", called(endpoint)).into()));
                    answer.ips.extend(parse_ip(&endpoint.address));
                }
            }
        }
    }

    /// Whether a Service's name leads somewhere, for observers.
    pub fn knows(&self, service: &Key) -> bool {
        self.find(&service.name, &service.namespace).is_some()
    }
}

/// What an endpoint is called below its Service's name: its hostname, or its address with dashes.
fn called(endpoint: &Endpoint) -> Str {
    if endpoint.hostname.is_empty() {
        endpoint.address.replace('.', "-").into()
    } else {
        endpoint.hostname.clone()
    }
}

fn is_called(endpoint: &Endpoint, host: &str) -> bool {
    called(endpoint) == host
}

/// How a pod of this spec looks up names; `None` when as all others do.
pub fn dns_config(spec: &crate::doc::Doc, namespace: &str) -> Option<Arc<DnsConfig>> {
    let config = &spec["dnsConfig"];
    let policy = spec["dnsPolicy"].as_str().unwrap_or("ClusterFirst");
    let on_host = spec["hostNetwork"].as_bool() == Some(true);
    let cluster = policy == "ClusterFirstWithHostNet" || policy == "ClusterFirst" && !on_host;
    if cluster && config.is_null() && spec["hostAliases"].is_empty() {
        return None;
    }
    let mut resolver = match cluster {
        true => DnsConfig::cluster_first(namespace),
        false => DnsConfig { dots: 1, ..DnsConfig::default() },
    };
    let address = std::net::Ipv4Addr::from(DNS_ADDRESS).to_string();
    resolver.cluster |= config["nameservers"].items().iter().any(|server| server.as_str() == Some(&address));
    resolver.search.extend(config["searches"].items().iter().map(crate::doc::Doc::str));
    for option in config["options"].items().iter().filter(|option| option["name"].as_str() == Some("ndots")) {
        resolver.dots = option["value"].str().parse().unwrap_or(resolver.dots);
    }
    for alias in spec["hostAliases"].items() {
        let Some(ip) = parse_ip(&alias["ip"].str()) else { continue };
        resolver.hosts.extend(alias["hostnames"].items().iter().map(|name| (name.str(), ip)));
    }
    Some(Arc::new(resolver))
}
