//! EndpointSlice: the pods behind a Service.

use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::api::{Column, Info, Object, Resource, Row, View, age};
use crate::doc::{Doc, Str, Timestamp};

/// What the simulation reads of an EndpointSlice.
#[derive(Clone, Debug)]
pub struct EndpointSlice {
    /// The Service, from the label `kubernetes.io/service-name`, is in the metadata; these are its endpoints.
    pub endpoints: Vec<Endpoint>,
    /// Ports: name, number, protocol.
    pub ports: Vec<(Str, u32, Str)>,
}

/// One endpoint.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Endpoint {
    /// First address.
    pub address: Str,
    /// Gets traffic.
    pub ready: bool,
    /// Would pass its readiness probe, whether or not it is terminating.
    pub serving: bool,
    /// Is being deleted.
    pub terminating: bool,
    /// The node it runs on.
    pub node_name: Str,
    /// The pod's name; empty when the endpoint is no pod.
    pub pod: Str,
    /// Its own name below the Service's; may be empty.
    pub hostname: Str,
}

/// The kind's registration.
#[derive(Debug)]
pub struct EndpointSlices;

impl Resource for EndpointSlices {
    fn info(&self) -> &'static Info {
        &Info {
            group: "discovery.k8s.io",
            version: "v1",
            kind: "EndpointSlice",
            plural: "endpointslices",
            singular: "endpointslice",
            short_names: &[],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let condition = |endpoint: &Doc, name: &str| endpoint["conditions"][name].as_bool();
        View::EndpointSlice(Box::new(EndpointSlice {
            endpoints: body["endpoints"]
                .items()
                .iter()
                .map(|endpoint| Endpoint {
                    address: endpoint["addresses"][0].str(),
                    ready: condition(endpoint, "ready").unwrap_or(true),
                    serving: condition(endpoint, "serving").unwrap_or(true),
                    terminating: condition(endpoint, "terminating").unwrap_or(false),
                    node_name: endpoint["nodeName"].str(),
                    pod: endpoint["targetRef"]["name"].str(),
                    hostname: endpoint["hostname"].str(),
                })
                .collect(),
            ports: body["ports"]
                .items()
                .iter()
                .map(|port| {
                    let number =
                        port["port"].as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
                    (port["name"].str(), number, port["protocol"].str())
                })
                .collect(),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        if !doc["ports"].items().is_empty() {
            for port in doc.at_mut(&["ports"]).items_mut() {
                port.default_to("name", "");
                port.default_to("protocol", "TCP");
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let kind = At::root(&doc["addressType"], "addressType");
        kind.require_one_of(faults, &["FQDN", "IPv4", "IPv6"]);
        let endpoints = At::root(&doc["endpoints"], "endpoints");
        for endpoint in endpoints.each() {
            let addresses = endpoint.field("addresses");
            if addresses.items().is_empty() {
                faults.required(&addresses, "must contain at least 1 address");
            }
            for address in addresses.each() {
                match kind.text() {
                    "FQDN" => address.check(faults, names::dns_subdomain),
                    family => {
                        let fits = address.text().parse::<std::net::IpAddr>().map(|ip| ip.is_ipv4());
                        if fits != Ok(family == "IPv4") {
                            faults.invalid(&address, &address, format!("must be a valid {family} address"));
                        }
                        address.check(faults, names::non_special_ip);
                    }
                }
            }
            if endpoint.field("nodeName").is_set() {
                endpoint.field("nodeName").check(faults, names::dns_subdomain);
            }
            endpoint.field("hostname").check_if_set(faults, names::dns_label);
        }
        let ports = At::root(&doc["ports"], "ports");
        let mut taken: Vec<Str> = Vec::new();
        for port in ports.each() {
            let name = port.field("name");
            name.check_if_set(faults, names::dns_label);
            if taken.contains(&name.str()) {
                faults.duplicate(&name, &name);
            }
            taken.push(name.str());
            port.field("protocol").require_one_of(faults, &["SCTP", "TCP", "UDP"]);
            port.field("appProtocol").check_if_set(faults, names::qualified_name);
        }
    }

    fn validate_update(&self, new: &Doc, old: &Doc, faults: &mut Faults) {
        if new["addressType"] != old["addressType"] {
            faults.invalid("addressType", &new["addressType"], IMMUTABLE);
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "AddressType", wide: false },
            Column { name: "Ports", wide: false },
            Column { name: "Endpoints", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let Some(slice) = object.view::<EndpointSlice>() else { return Row::new() };
        let shorten = |items: Vec<String>| match items.len() {
            0 => "<unset>".to_owned(),
            1..=3 => items.join(","),
            count => format!("{} + {} more...", items[..3].join(","), count - 3),
        };
        vec![
            object.key.name.to_string(),
            object.body["addressType"].str().to_string(),
            shorten(slice.ports.iter().map(|(_, number, _)| number.to_string()).collect()),
            shorten(slice.endpoints.iter().map(|endpoint| endpoint.address.to_string()).collect()),
            age(object.meta.creation, now),
        ]
    }
}
