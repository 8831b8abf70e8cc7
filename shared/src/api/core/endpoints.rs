//! Endpoints: the addresses behind a Service as they were written before there were EndpointSlices.

use crate::api::validation::{At, Faults, names};
use crate::api::{Column, Info, Object, Resource, Row, age};
use crate::collections::{BTreeMap, sort_by_key};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

/// The kind's registration.
#[derive(Debug)]
pub struct EndpointsObjects;

impl Resource for EndpointsObjects {
    fn info(&self) -> &'static Info {
        &Info {
            group: "",
            version: "v1",
            kind: "Endpoints",
            plural: "endpoints",
            singular: "endpoints",
            short_names: &["ep"],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: false,
        }
    }

    fn deprecation(&self) -> &'static str {
        "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"
    }

    fn default(&self, doc: &mut Doc) {
        if doc["subsets"].items().is_empty() {
            return;
        }
        for subset in doc.at_mut(&["subsets"]).items_mut() {
            if !subset["ports"].items().is_empty() {
                let ports = subset.at_mut(&["ports"]).items_mut();
                ports.iter_mut().for_each(|port| port.default_to("protocol", "TCP"));
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let subsets = At::root(&doc["subsets"], "subsets");
        for subset in subsets.each() {
            let lists = [subset.field("addresses"), subset.field("notReadyAddresses")];
            if lists.iter().all(|list| list.items().is_empty()) {
                faults.required(&subset, "must specify `addresses` or `notReadyAddresses`");
            }
            lists.iter().for_each(|list| list.each().for_each(|address| validate_address(&address, faults)));
            let ports = subset.field("ports");
            ports.each().for_each(|port| validate_port(&port, ports.items().len() > 1, faults));
        }
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Endpoints", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        vec![object.key.name.to_string(), ready_text(&object.body["subsets"]), age(object.meta.creation, now)]
    }
}

/// The first three ready addresses with their ports.
fn ready_text(subsets: &Doc) -> String {
    if subsets.items().is_empty() {
        return "<none>".to_owned();
    }
    let mut all = Vec::new();
    for subset in subsets.items() {
        let ips = || subset["addresses"].items().iter().map(|address| address["ip"].str());
        if subset["ports"].items().is_empty() {
            all.extend(ips().map(|ip| ip.to_string()));
        }
        for port in subset["ports"].items() {
            all.extend(ips().map(|ip| format!("{ip}:{}", port["port"])));
        }
    }
    match all.len() {
        0..=3 => all.join(","),
        count => format!("{} + {} more...", all[..3].join(","), count - 3),
    }
}

fn validate_address(address: &At<'_>, faults: &mut Faults) {
    let ip = address.field("ip");
    ip.check(faults, names::ip);
    address.field("hostname").check_if_set(faults, names::dns_label);
    address.field("nodeName").check_if_set(faults, names::dns_subdomain);
    ip.check(faults, names::non_special_ip);
}

fn validate_port(port: &At<'_>, named: bool, faults: &mut Faults) {
    let name = port.field("name");
    if name.text().is_empty() {
        if named {
            faults.required(&name, "");
        }
    } else {
        name.check(faults, names::dns_label);
    }
    port.field("port").port_number_or_name(faults);
    port.field("protocol").require_one_of(faults, &["SCTP", "TCP", "UDP"]);
    port.field("appProtocol").check_if_set(faults, names::qualified_name);
}

/// An address of a subset that is still to be packed: the address, whether it is ready, and the port (null for none).
pub type Loose = (Doc, bool, Doc);

/// Addresses with the same ports become one subset, ports with the same addresses, too. All is in order.
pub fn pack(loose: impl IntoIterator<Item = Loose>) -> Doc {
    /// Name, protocol and number of a port; IP and UID of an address; an address and whether it is ready.
    type PortKey = (Str, Str, i64);
    type AddressKey = (Option<u32>, Str, Str);
    type Address = (bool, Doc);
    type Addresses = BTreeMap<AddressKey, Address>;
    type Subset = (Vec<Address>, Vec<Doc>);
    let mut by_port: BTreeMap<PortKey, (Doc, Addresses)> = BTreeMap::new();
    for (address, ready, port) in loose {
        let port_key = (port["name"].str(), port["protocol"].str(), port["port"].as_i64().unwrap_or(0));
        let ip = address["ip"].str();
        let number = ip.parse::<std::net::Ipv4Addr>().ok().map(u32::from);
        let entry = by_port.entry(port_key).or_insert_with(|| (port, BTreeMap::new()));
        entry.1.insert((number, ip, address["targetRef"]["uid"].str()), (ready, address));
    }
    let mut subsets: Vec<Subset> = Vec::new();
    for (port, addresses) in by_port.into_values() {
        let addresses: Vec<Address> = addresses.into_values().collect();
        let port = (!port.is_null()).then_some(port);
        match subsets.iter_mut().find(|(known, _)| *known == addresses) {
            Some((_, ports)) => ports.extend(port),
            None => subsets.push((addresses, port.into_iter().collect())),
        }
    }
    sort_by_key(&mut subsets, |(_, ports)| ports.first().map(|port| port["port"].as_i64()));
    let subsets = subsets.into_iter().map(|(addresses, ports)| {
        let mut subset = doc!({});
        for (field, wanted) in [("addresses", true), ("notReadyAddresses", false)] {
            let mine = addresses.iter().filter(|(ready, _)| *ready == wanted).map(|(_, doc)| doc.clone());
            let mine = Doc::list(mine);
            if !mine.is_empty() {
                subset.set(field, mine);
            }
        }
        if !ports.is_empty() {
            subset.set("ports", Doc::list(ports));
        }
        subset
    });
    Doc::list(subsets)
}
