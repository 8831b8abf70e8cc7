//! `kubectl expose`: a Service in front of what is there.

use crate::api::Kind;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, optional, output, switch, value};
use super::change::Making;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::printer::Format;
use super::resource::{Target, objects_as_written};
use super::run::{not_a_number, overridden};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("port", None),
    value("target-port", None),
    value("protocol", None),
    value("type", None),
    value("name", None),
    value("selector", None),
    value("cluster-ip", None),
    value("external-ip", None),
    value("labels", Some('l')),
    value("load-balancer-ip", None),
    value("session-affinity", None),
    value("overrides", None),
    value("override-type", None),
    output(),
    value("field-manager", None),
    optional("dry-run", "unchanged"),
    switch("save-config", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    Format::asked(args, io)?;
    let mut failures = Vec::new();
    for (target, object) in objects_as_written(&args.words, args, io, &mut failures)? {
        match service(&target, &object, args) {
            Ok(mut doc) => {
                if let Some(text) = args.get("overrides") {
                    doc = overridden(&doc, text, args).map_err(|why| io.fail(why))?;
                }
                let name = doc["metadata"]["name"].str();
                let made = Target { kind: Kind::Service.into(), name, ..target.clone() };
                let making = Making { manager: "kubectl-expose", done: "exposed", refused: "" };
                making.make(&made, doc, args, io, &mut failures)?;
            }
            Err(why) => failures.push(Failure::Client(why)),
        }
    }
    io.finish(failures)
}

/// What to send: what the object's pods are called and listen on, unless the flags say otherwise.
fn service(target: &Target, object: &Doc, args: &Args) -> Result<Doc, String> {
    let (spec, template) = match target.kind.known() {
        Some(Kind::Pod | Kind::Service) => (&object["spec"], object),
        Some(Kind::Deployment | Kind::ReplicaSet | Kind::ReplicationController) => {
            (&object["spec"]["template"]["spec"], &object["spec"]["template"])
        }
        _ => {
            let group = &target.kind.group;
            let dot = if group.is_empty() { "" } else { "." };
            return Err(format!("cannot expose a {}{dot}{group}", target.kind.kind));
        }
    };
    let selector = match (args.get("selector"), target.kind.known()) {
        (Some(text), _) => match text.split(',').find(|pair| !text.is_empty() && !pair.contains('=')) {
            Some(bad) => return Err(format!("unexpected label spec: {bad}")),
            None => pairs(text),
        },
        (None, Some(Kind::Service | Kind::ReplicationController)) => object["spec"]["selector"].clone(),
        (None, Some(Kind::Pod)) => template["metadata"]["labels"].clone(),
        (None, _) => object["spec"]["selector"]["matchLabels"].clone(),
    };
    if selector.is_empty() {
        return Err("couldn't retrieve selectors via --selector flag or introspection: the pod has no labels and cannot \
             be exposed"
            .into());
    }
    let mut ports: Vec<Doc> = Vec::new();
    let number_or_name = |text: &str| text.parse::<i64>().map_or_else(|_| Doc::from(text), Doc::from);
    if let Some(given) = args.get("port") {
        for text in given.split(',') {
            let number = text.parse::<i64>().map_err(|_| not_a_number(text))?;
            let to = args.get("target-port").map_or(Doc::from(number), number_or_name);
            let protocol = args.get("protocol").unwrap_or("TCP");
            ports.push(doc!({ "port": number, "protocol": protocol, "targetPort": to }));
        }
    } else {
        let containers = spec["containers"].items().iter().flat_map(|container| container["ports"].items());
        for port in containers.chain(spec["ports"].items()) {
            let number = if port["port"].is_null() { &port["containerPort"] } else { &port["port"] };
            let protocol = args.get("protocol").or(port["protocol"].as_str()).unwrap_or("TCP");
            let to = args.get("target-port").map_or_else(|| number.clone(), number_or_name);
            ports.push(doc!({ "port": number.clone(), "protocol": protocol, "targetPort": to }));
        }
    }
    if ports.is_empty() {
        return Err("couldn't find port via --port flag or introspection".into());
    }
    if ports.len() > 1 {
        for (at, port) in ports.iter_mut().enumerate() {
            port.set("name", format!("port-{}", at + 1));
        }
    }
    let name = args.get("name").unwrap_or(&target.name);
    let mut service = doc!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "labels": object["metadata"]["labels"].clone() },
        "spec": { "selector": selector, "ports": ports }
    });
    const FIELDS: [(&str, &str); 4] = [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("load-balancer-ip", "loadBalancerIP"),
        ("session-affinity", "sessionAffinity"),
    ];
    for (flag, field) in FIELDS {
        // An address is for one who balances only.
        let idle = flag == "load-balancer-ip" && args.get("type") != Some("LoadBalancer");
        if let Some(value) = args.get(flag).filter(|_| !idle) {
            service.at_mut(&["spec"]).set(field, value);
        }
    }
    if let Some(other) =
        args.get("session-affinity").filter(|given| !matches!(*given, "" | "None" | "ClientIP"))
    {
        return Err(format!("unknown session affinity: {other}"));
    }
    if let Some(address) = args.get("external-ip").filter(|address| !address.is_empty()) {
        service.set_at(&["spec", "externalIPs"], doc!([address]));
    }
    if let Some(bad) = args.each("labels").find(|pair| !pair.contains('=')) {
        return Err(format!("unexpected label spec: {bad}"));
    }
    if let Some(labels) = args.get("labels") {
        service.set_at(&["metadata", "labels"], pairs(labels));
    }
    Ok(service)
}

/// `a=b,c=d`
pub(super) fn pairs(text: &str) -> Doc {
    let mut map = Doc::map();
    for (key, value) in text.split(',').filter_map(|pair| pair.split_once('=')) {
        map.set(key, value);
    }
    map
}
