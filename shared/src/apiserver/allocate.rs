//! Addresses the API server gives to Services: cluster IPs and node ports.

use crate::api::core::service::{Service, needs_node_port};
use crate::api::validation::Faults;
use crate::api::{Key, Kind, Object, Status};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::Random;

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
    let others: Vec<&Service> = store
        .list(Kind::Service)
        .filter(|object| object.key != key)
        .filter_map(|object| object.view())
        .collect();
    cluster_ip(doc, &key, old, &others, random)?;
    if needs_node_port(&doc["spec"]) {
        node_ports(doc, &key, old, &others, random)?;
    }
    Ok(())
}

fn cluster_ip(
    doc: &mut Doc,
    key: &Key,
    old: Option<&Object>,
    others: &[&Service],
    random: &mut Random,
) -> Result<(), Status> {
    let before = old.map(|object| object.body["spec"]["clusterIP"].str()).unwrap_or_default();
    let wanted = doc["spec"]["clusterIP"].str();
    let ip = if !wanted.is_empty() {
        let clash = wanted != "None" && others.iter().any(|other| other.cluster_ip == wanted);
        if clash {
            let mut faults = Faults::default();
            let values = Doc::list([wanted.clone()]);
            faults.invalid(
                "spec.clusterIPs",
                &values,
                format!("failed to allocate IP {wanted}: provided IP is already allocated"),
            );
            return Err(Status::invalid(key, faults.0));
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
    old: Option<&Object>,
    others: &[&Service],
    random: &mut Random,
) -> Result<(), Status> {
    let mut taken: BTreeSet<u32> =
        others.iter().flat_map(|other| other.ports.iter().map(|port| port.node_port)).collect();
    let before = old.map(|object| object.body["spec"]["ports"].clone()).unwrap_or_default();
    for at in 0..doc["spec"]["ports"].items().len() {
        let port = &doc["spec"]["ports"][at];
        let wanted = port["nodePort"].as_i64().filter(|&number| number != 0);
        if let Some(number) = wanted {
            let number = u32::try_from(number).unwrap_or(0);
            let fault = if !NODE_PORTS.contains(&number) {
                Some("provided port is not in the valid range. The range of valid ports is 30000-32767")
            } else if taken.contains(&number) {
                Some("provided port is already allocated")
            } else {
                None
            };
            if let Some(fault) = fault {
                let mut faults = Faults::default();
                faults.invalid(format!("spec.ports[{at}].nodePort"), &port["nodePort"], fault);
                return Err(Status::invalid(key, faults.0));
            }
            taken.insert(number);
            continue;
        }
        let same = |other: &&Doc| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        let kept = before.items().iter().find(same).and_then(|other| other["nodePort"].as_i64());
        let number = match kept {
            Some(number) => number,
            None => match free_port(&taken, random) {
                Some(number) => i64::from(number),
                None => {
                    let why = "failed to allocate a nodePort: range is full";
                    let mut faults = Faults::default();
                    faults.invalid(format!("spec.ports[{at}].nodePort"), &port["nodePort"], why);
                    return Err(Status::invalid(key, faults.0));
                }
            },
        };
        taken.insert(number as u32);
        doc.at_mut(&["spec", "ports"]).items_mut()[at].set("nodePort", number);
    }
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
