//! What is wrong with a Service.

use crate::api::internal;
use crate::api::validation::{self, At, Faults, names};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

const TYPES: [&str; 4] = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];
const LOAD_BALANCER_ONLY: &str = "may only be used when `type` is 'LoadBalancer'";

fn is_headless(spec: &Doc) -> bool {
    spec["clusterIPs"].items().len() == 1 && spec["clusterIPs"][0].as_str() == Some("None")
}

pub(super) fn validate(spec: &At<'_>, faults: &mut Faults) {
    let kind = spec.field("type");
    let (ports, ips) = (spec.field("ports"), spec.field("clusterIPs"));
    let headless = is_headless(spec);
    if ports.items().is_empty() && !headless && kind.text() != "ExternalName" {
        faults.required(&ports, "");
    }
    match kind.text() {
        "LoadBalancer" | "NodePort" if headless => {
            let why = format!("may not be set to 'None' for {} services", kind.text());
            faults.invalid(format!("{}[0]", ips.path()), &ips[0], why);
        }
        "ExternalName" => {
            for field in ["clusterIPs", "ipFamilies", "ipFamilyPolicy"] {
                if !spec[field].is_empty() {
                    faults.forbidden(&spec.field(field), "may not be set for ExternalName services");
                }
            }
            let name = spec.field("externalName");
            let name_doc = Doc::from(name.text().trim_end_matches('.'));
            if name.require(faults) {
                for message in names::dns_subdomain(name_doc.as_str().unwrap_or("")) {
                    faults.invalid(&name, &name_doc, message);
                }
            }
        }
        _ => {}
    }
    each_port(&ports, faults);
    validation::labels_at(faults, &spec.field("selector"));
    affinity(spec, faults);
    if kind.text() != "ExternalName" {
        cluster_ips(spec, headless, faults);
    }
    for ip in spec.field("externalIPs").each() {
        let before = faults.0.len();
        ip.check(faults, names::ip);
        if faults.0.len() == before {
            ip.check(faults, names::non_special_ip);
        }
    }
    kind.require_one_of(faults, &TYPES);
    port_numbers(&ports, kind.text() == "ClusterIP", faults);
    load_balancer(spec, kind.text() == "LoadBalancer", faults);
    traffic(spec, faults);
}

fn each_port(ports: &At<'_>, faults: &mut Faults) {
    let mut taken: BTreeSet<Str> = BTreeSet::new();
    let several = ports.items().len() > 1;
    for port in ports.each() {
        let name = port.field("name");
        if name.is_empty() {
            if several {
                faults.required(&name, "");
            }
        } else {
            name.check(faults, names::dns_label);
            if !taken.insert(name.str()) {
                faults.duplicate(&name, &name);
            }
        }
        let number = port.field("port");
        if !(1..=65_535).contains(&number.number()) {
            faults.invalid(&number, &Doc::from(number.number()), validation::PORT_RANGE);
        }
        port.field("protocol").require_one_of(faults, &["SCTP", "TCP", "UDP"]);
        port.field("targetPort").port_number_or_name(faults);
        port.field("appProtocol").check_if_set(faults, names::qualified_name);
    }
}

fn affinity(spec: &At<'_>, faults: &mut Faults) {
    let (kind, config) = (spec.field("sessionAffinity"), spec.field("sessionAffinityConfig"));
    kind.require_one_of(faults, &["ClientIP", "None"]);
    match kind.text() {
        "ClientIP" => {
            let client = config.field("clientIP");
            let seconds = client.field("timeoutSeconds");
            if !(1..=86_400).contains(&seconds.number()) {
                faults.invalid(&seconds, &seconds, "must be greater than 0 and less than 86400");
            }
        }
        "None" => config.forbid(faults, "must not be set when session affinity is None"),
        _ => {}
    }
}

fn cluster_ips(spec: &At<'_>, headless: bool, faults: &mut Faults) {
    let (ip, ips) = (spec.field("clusterIP"), spec.field("clusterIPs"));
    if ip.is_empty() && !ips.is_empty() {
        faults.invalid(&ips, &ips, "must be empty when `clusterIP` is not specified");
    } else if ip.text() != ips[0].as_str().unwrap_or("") {
        faults.invalid(&ips, &ips, "first value must match `clusterIP`");
    }
    let mut families: BTreeSet<&str> = BTreeSet::new();
    for family in spec.field("ipFamilies").each() {
        family.one_of(faults, &["IPv4", "IPv6"]);
        if !families.insert(family.text()) {
            faults.duplicate(&family, &family);
        }
    }
    spec.field("ipFamilyPolicy").one_of(faults, &["PreferDualStack", "RequireDualStack", "SingleStack"]);
    if headless {
        return;
    }
    for (at, ip) in ips.each().enumerate() {
        if at == 0 && ip.text() == "None" {
            faults.invalid(&ips, &ips, "'None' must be the first and only value");
            continue;
        }
        let before = faults.0.len();
        ip.check(faults, names::ip);
        let family = &spec["ipFamilies"][at];
        if faults.0.len() == before
            && let Some(wanted @ ("IPv4" | "IPv6")) = family.as_str()
            && ip.text().contains(':') != (wanted == "IPv6")
        {
            faults.invalid(
                &ip,
                &ip,
                format!("expected an {wanted} value as indicated by `ipFamilies[{at}]`"),
            );
        }
    }
}

fn port_numbers(ports: &At<'_>, cluster_only: bool, faults: &mut Faults) {
    let node_ports = || ports.each().filter(|port| !port["nodePort"].is_empty());
    if cluster_only {
        for port in node_ports() {
            faults.forbidden(&port.field("nodePort"), "may not be used when `type` is 'ClusterIP'");
        }
    }
    let mut taken: BTreeSet<(Str, i64)> = BTreeSet::new();
    for port in node_ports() {
        if !taken.insert((port["protocol"].str(), port.field("nodePort").number())) {
            faults.duplicate(&port.field("nodePort"), &port["nodePort"]);
        }
    }
    taken.clear();
    for port in ports.each() {
        if !taken.insert((port["protocol"].str(), port.field("port").number())) {
            let same = crate::doc!({ "protocol": &port["protocol"], "port": &port["port"] });
            faults.duplicate_text(&port, &internal::printed("ServicePort", &same));
        }
    }
}

fn load_balancer(spec: &At<'_>, is_one: bool, faults: &mut Faults) {
    let ranges = spec.field("loadBalancerSourceRanges");
    if !ranges.items().is_empty() {
        if !is_one {
            faults.forbidden("spec.LoadBalancerSourceRanges", LOAD_BALANCER_ONLY);
        }
        for (at, range) in ranges.items().iter().enumerate() {
            let range = range.str();
            for message in names::cidr(range.trim()) {
                let field = format!("spec.LoadBalancerSourceRanges[{at}]");
                faults.invalid(field, &Doc::from(range.trim()), message);
            }
        }
    }
    if is_one {
        spec.field("loadBalancerClass").check_if_set(faults, names::qualified_name);
    } else {
        for field in ["allocateLoadBalancerNodePorts", "loadBalancerClass"] {
            spec.field(field).forbid(faults, LOAD_BALANCER_ONLY);
        }
    }
}

fn traffic(spec: &At<'_>, faults: &mut Faults) {
    let external = spec.field("externalTrafficPolicy");
    if super::needs_node_port(spec) || !spec["externalIPs"].is_empty() {
        external.require_one_of(faults, &["Cluster", "Local"]);
    } else if !external.is_empty() {
        faults.invalid(&external, &external, "may only be set for externally-accessible services");
    }
    let check = spec.field("healthCheckNodePort");
    let checked = spec["type"].as_str() == Some("LoadBalancer") && external.text() == "Local";
    if !checked && !check.is_empty() {
        let why = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
        faults.invalid(&check, &check, why);
    }
    spec.field("internalTrafficPolicy").one_of(faults, &["Cluster", "Local"]);
    let distributions = ["PreferClose", "PreferSameNode", "PreferSameZone"];
    spec.field("trafficDistribution").one_of(faults, &distributions);
}

pub(super) fn validate_update(new: &At<'_>, old: &Doc, faults: &mut Faults) {
    let external = |spec: &Doc| spec["type"].as_str() == Some("ExternalName");
    if external(new) || external(old) {
        return;
    }
    let (ips, before) = (new.field("clusterIPs"), old["clusterIPs"].items());
    let released = ips.items().is_empty() && !before.is_empty();
    if released {
        faults.invalid(format!("{}[0]", ips.path()), &ips, "primary clusterIP can not be unset");
    }
    for (at, _) in before.iter().zip(ips.items()).enumerate().filter(|(_, (old, new))| old != new) {
        faults.invalid(format!("{}[{at}]", ips.path()), &ips, "may not change once set");
    }
    let class = new.field("loadBalancerClass");
    let balanced = |spec: &Doc| spec["type"].as_str() == Some("LoadBalancer");
    if balanced(new) && balanced(old) && *class != old["loadBalancerClass"] {
        faults.invalid(&class, &class, "may not change once set");
    }
}
