//! Addresses the API server gives to Services: cluster IPs and node ports.

use crate::api::core::service::{Service, needs_node_port};
use crate::api::validation::{At, Faults};
use crate::api::{Key, Kind, Object, Reason, Status};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::Random;

use super::ranges;

/// 10.96.0.0/12, as kubeadm sets it up.
const SERVICE_NETWORK: u32 = 10 << 24 | 96 << 16;
const SERVICE_NETWORK_SIZE: u64 = 1 << 20;
/// Dynamic picks stay above this band, which is for addresses chosen by people.
const STATIC_BAND: u64 = 256;
const NODE_PORTS: std::ops::RangeInclusive<u32> = 30_000..=32_767;
const NODE_PORT_STATIC_BAND: u32 = 86;

/// The text of an IPv4 address.
pub fn ip_text(ip: u32) -> Str {
    std::net::Ipv4Addr::from(ip).to_string().into()
}

/// What a Service was given stays, though an update does not repeat it; what its new type has no use for goes.
pub(super) fn keep(kind: Kind, doc: &mut Doc, old: &Object) {
    if kind != Kind::Service {
        return;
    }
    let (old, spec) = (&old.body["spec"], doc.at_mut(&["spec"]));
    let changed = spec["type"] != old["type"];
    if spec["type"].as_str() == Some("ExternalName") {
        if changed {
            drop_same(
                spec,
                old,
                &["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy"],
            );
        }
    } else if spec["clusterIP"] != old["clusterIP"] && spec["clusterIPs"] == old["clusterIPs"] {
        // Who changes the one means both.
        match spec["clusterIP"].clone() {
            ip if ip.is_empty() => drop(spec.remove("clusterIPs")),
            ip => spec.set("clusterIPs", Doc::list([ip])),
        }
    }
    if spec["type"].as_str() != Some("ExternalName")
        && spec["clusterIP"].is_empty()
        && spec["clusterIPs"].is_empty()
    {
        for field in ["clusterIP", "clusterIPs"] {
            if !old[field].is_null() {
                spec.set(field, old[field].clone());
            }
        }
    }
    if needs_node_port(old) && !needs_node_port(spec) {
        drop_same(spec, old, &["externalTrafficPolicy"]);
        let ports = |spec: &Doc| -> Vec<Doc> {
            spec["ports"].items().iter().map(|port| port["nodePort"].clone()).collect()
        };
        if ports(spec) == ports(old) {
            for port in spec.at_mut(&["ports"]).items_mut() {
                port.remove("nodePort");
            }
        }
    }
    if spec["externalTrafficPolicy"].as_str() != Some("Local") {
        drop_same(spec, old, &["healthCheckNodePort"]);
    }
    if old["type"].as_str() == Some("LoadBalancer") && changed {
        drop_same(spec, old, &["allocateLoadBalancerNodePorts", "loadBalancerClass", "healthCheckNodePort"]);
    }
}

fn drop_same(spec: &mut Doc, old: &Doc, fields: &[&str]) {
    for field in fields {
        if spec[*field] == old[*field] {
            spec.remove(field);
        }
    }
}

/// Fills in `clusterIP`, `clusterIPs` and `nodePort`s of a Service.
pub(super) fn addresses(
    kind: Kind,
    doc: &mut Doc,
    old: Option<&Object>,
    store: &Store,
    random: &mut Random,
) -> Result<(), Status> {
    if kind != Kind::Service || doc["spec"]["type"].as_str() == Some("ExternalName") {
        return Ok(());
    }
    let key = Key::new(Kind::Service, doc["metadata"]["namespace"].str(), doc["metadata"]["name"].str());
    one_family(doc, &key)?;
    let others: Vec<&Service> = store
        .list(Kind::Service)
        .filter(|object| object.key != key)
        .filter_map(|object| object.view())
        .collect();
    cluster_ip(doc, &key, old, store, &others, random)?;
    if needs_node_port(&doc["spec"]) {
        // Ports of nodes are numbered for all protocols together.
        let mut taken: BTreeSet<u32> = others
            .iter()
            .flat_map(|other| other.ports.iter().map(|port| port.node_port).chain([other.health_port]))
            .collect();
        let service = old.and_then(|old| old.view::<Service>());
        node_ports(doc, &key, service, &mut taken, random)?;
        health_port(doc, service, &mut taken, random)?;
    }
    Ok(())
}

fn refuse(key: &Key, field: String, value: &Doc, why: &str) -> Status {
    let mut faults = Faults::default();
    faults.invalid(field, value, why);
    Status::invalid(key, faults.0)
}

/// The cluster has addresses of one family alone.
fn one_family(doc: &Doc, key: &Key) -> Result<(), Status> {
    let spec = At::root(&doc["spec"], "spec");
    let (policy, mut faults) = (spec.field("ipFamilyPolicy"), Faults::default());
    if policy.text() == "RequireDualStack" {
        faults.invalid(&policy, &policy, "this cluster is not configured for dual-stack services");
    }
    for family in spec.field("ipFamilies").each().filter(|family| family.text() != "IPv4") {
        faults.invalid(&family, &family, "not configured on this cluster");
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(key, faults.0)) }
}

fn cluster_ip(
    doc: &mut Doc,
    key: &Key,
    old: Option<&Object>,
    store: &Store,
    others: &[&Service],
    random: &mut Random,
) -> Result<(), Status> {
    let before = old.map(|object| object.body["spec"]["clusterIP"].str()).unwrap_or_default();
    let wanted = doc["spec"]["clusterIP"].str();
    let ip = if !wanted.is_empty() {
        let why = match () {
            () if wanted == "None" || wanted == before => None,
            () if !ranges::has_address(store, &wanted) => {
                Some("the provided network does not match the current range")
            }
            () if others.iter().any(|other| other.cluster_ip == wanted) => {
                Some("provided IP is already allocated")
            }
            () => None,
        };
        if let Some(why) = why {
            let why = format!("failed to allocate IP {wanted}: {why}");
            return Err(refuse(key, "spec.clusterIPs".into(), &Doc::list([wanted]), &why));
        }
        wanted
    } else if !before.is_empty() {
        before
    } else {
        let taken: BTreeSet<&str> = others.iter().map(|other| other.cluster_ip.as_str()).collect();
        loop {
            let offset = STATIC_BAND + random.below(SERVICE_NETWORK_SIZE - STATIC_BAND - 1);
            let candidate = ip_text(SERVICE_NETWORK + offset as u32);
            if !taken.contains(candidate.as_str()) {
                break candidate;
            }
        }
    };
    doc.set_at(&["spec", "clusterIPs"], Doc::list([ip.clone()]));
    doc.set_at(&["spec", "clusterIP"], ip);
    Ok(())
}

fn node_ports(
    doc: &mut Doc,
    key: &Key,
    old: Option<&Service>,
    taken: &mut BTreeSet<u32>,
    random: &mut Random,
) -> Result<(), Status> {
    let spec = &doc["spec"];
    let gives_out = spec["allocateLoadBalancerNodePorts"].as_bool() != Some(false);
    let number = |doc: &Doc| doc.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
    let ports = spec["ports"].clone();
    // What people ask for comes first, wherever in the list it stands.
    let mut mine: BTreeSet<u32> = BTreeSet::new();
    for (at, port) in ports.items().iter().enumerate().filter(|(_, port)| !port["nodePort"].is_empty()) {
        let wanted = number(&port["nodePort"]);
        let fault = if !NODE_PORTS.contains(&wanted) {
            "provided port is not in the valid range. The range of valid ports is 30000-32767"
        } else if !mine.contains(&wanted) && !taken.insert(wanted) {
            "provided port is already allocated"
        } else {
            mine.insert(wanted);
            continue;
        };
        return Err(refuse(key, format!("spec.ports[{at}].nodePort"), &port["nodePort"], fault));
    }
    // One port of the Service with several protocols is one port of the nodes.
    let mut given: Vec<(i64, u32)> = Vec::new();
    for (at, port) in ports.items().iter().enumerate() {
        let (service_port, asked) = (port["port"].as_i64().unwrap_or(0), number(&port["nodePort"]));
        if asked != 0 {
            given.push((service_port, asked));
            continue;
        }
        let kept = old.into_iter().flat_map(|old| &old.ports).find(|other| {
            i64::from(other.port) == service_port
                && other.protocol == port["protocol"].str()
                && other.node_port != 0
        });
        let twin = given.iter().find(|(other, _)| *other == service_port).map(|(_, node_port)| *node_port);
        let asked = || {
            let twin = |other: &&Doc| other["port"] == port["port"] && !other["nodePort"].is_empty();
            ports.items().iter().find(twin).map(|other| number(&other["nodePort"]))
        };
        let number = match kept.map(|kept| kept.node_port).or(twin).or_else(asked) {
            Some(number) => number,
            None if !gives_out => continue,
            None => free_port(taken, random).ok_or_else(|| {
                let why = "failed to allocate a nodePort: range is full";
                refuse(key, format!("spec.ports[{at}].nodePort"), &port["nodePort"], why)
            })?,
        };
        taken.insert(number);
        given.push((service_port, number));
        doc.at_mut(&["spec", "ports"]).items_mut()[at].set("nodePort", i64::from(number));
    }
    Ok(())
}

/// Where nodes tell the load balancer whether they have endpoints of a Service whose connections stay on their node.
fn health_port(
    doc: &mut Doc,
    old: Option<&Service>,
    taken: &mut BTreeSet<u32>,
    random: &mut Random,
) -> Result<(), Status> {
    let spec = &doc["spec"];
    let local = spec["externalTrafficPolicy"].as_str() == Some("Local");
    if spec["type"].as_str() != Some("LoadBalancer") || !local {
        return Ok(());
    }
    let before = old.map_or(0, |old| old.health_port);
    let asked = &spec["healthCheckNodePort"];
    let wanted = asked.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(before);
    let number = if wanted == 0 {
        free_port(taken, random)
    } else if wanted == before || (NODE_PORTS.contains(&wanted) && !taken.contains(&wanted)) {
        Some(wanted)
    } else {
        None
    };
    let Some(number) = number else {
        // Upstream does not say which field it is.
        let why = match NODE_PORTS.contains(&wanted) || wanted == 0 {
            true => "provided port is already allocated",
            false => "provided port is not in the valid range. The range of valid ports is 30000-32767",
        };
        let why = format!(
            "Internal error occurred: failed to allocate requested HealthCheck NodePort {wanted}: {why}"
        );
        return Err(Status::new(Reason::InternalError, why));
    };
    doc.set_at(&["spec", "healthCheckNodePort"], i64::from(number));
    Ok(())
}

fn free_port(taken: &BTreeSet<u32>, random: &mut Random) -> Option<u32> {
    let first = NODE_PORTS.start() + NODE_PORT_STATIC_BAND;
    if (first..=*NODE_PORTS.end()).all(|port| taken.contains(&port)) {
        return None;
    }
    loop {
        let candidate = first + random.below(u64::from(NODE_PORTS.end() - first + 1)) as u32;
        if !taken.contains(&candidate) {
            return Some(candidate);
        }
    }
}
