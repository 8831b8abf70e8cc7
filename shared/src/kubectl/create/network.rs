//! Services and Ingresses.

use crate::api::validation::names::dns_subdomain;
use crate::doc;
use crate::doc::Doc;

use super::super::io::{Io, Stop};
use super::{Wish, number_or_name};

type Made = Result<Result<Doc, String>, Stop>;

/// How the types of Services are called on the command line.
const TYPES: [(&str, &str); 4] = [
    ("clusterip", "ClusterIP"),
    ("nodeport", "NodePort"),
    ("loadbalancer", "LoadBalancer"),
    ("externalname", "ExternalName"),
];

/// The type of Service that a word means.
pub(super) fn service_type(word: &str) -> Option<&'static str> {
    TYPES.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind)
}

pub(super) fn service(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(of_kind(wish, service_type(wish.variant).unwrap_or("ClusterIP")))
}

fn of_kind(wish: &Wish<'_>, kind: &str) -> Result<Doc, String> {
    let node_port = wish.args.number("node-port")?.filter(|port| *port != 0);
    let mut ports = Vec::new();
    for pair in wish.args.each("tcp") {
        let mut parts = pair.split(':');
        let port = parts.next().unwrap_or("");
        let to = parts.next().unwrap_or(port);
        let number = i64::from(port.parse::<u16>().map_err(|_| {
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let why = if digits { "value out of range" } else { "invalid syntax" };
            format!("strconv.ParseUint: parsing {port:?}: {why}")
        })?);
        let mut entry = doc!({
            "name": pair.replace(':', "-"), "port": number, "protocol": "TCP", "targetPort": number_or_name(to)
        });
        if let Some(port) = node_port.filter(|_| kind == "NodePort") {
            entry.set("nodePort", port);
        }
        ports.push(entry);
    }
    let headless = wish.get("clusterip") == "None";
    if headless && kind != "ClusterIP" {
        return Err("ClusterIP=None can only be used with ClusterIP service type".into());
    }
    if ports.is_empty() && !headless && kind != "ExternalName" {
        return Err("at least one tcp port specifier must be provided".into());
    }
    let labels = doc!({ "app": wish.name });
    let mut spec = doc!({ "type": kind, "selector": labels.clone() });
    if !ports.is_empty() {
        spec.set("ports", ports);
    }
    if kind == "ExternalName" {
        let name = wish.get("external-name");
        if !dns_subdomain(name).is_empty() {
            return Err(format!("invalid service external name {name}"));
        }
        spec.set("externalName", name);
    }
    if let Some(address) = wish.args.get("clusterip").filter(|_| kind == "ClusterIP") {
        spec.set("clusterIP", address);
    }
    Ok(doc!({ "labels": labels, "spec": spec }))
}

pub(super) fn ingress(wish: &Wish<'_>, _: &mut Io<'_>) -> Made {
    Ok(of_rules(wish))
}

fn of_rules(wish: &Wish<'_>) -> Result<Doc, String> {
    let (rules, default) = (wish.args.all("rule"), wish.get("default-backend"));
    if rules.is_empty() && default.is_empty() {
        return Err("not enough information provided: every ingress has to either specify a default-backend (which catches \
             all traffic) or a list of rules (which catch specific paths)"
            .into());
    }
    let mut annotations = Doc::map();
    let mut spec = Doc::map();
    let (mut hosts, mut secrets): (Vec<Doc>, Vec<Doc>) = Default::default();
    for rule in rules {
        one(rule, &mut hosts, &mut secrets).ok_or_else(|| {
            format!("rule {rule} is invalid and should be in format host/path=svcname:svcport[,tls[=secret]]")
        })?;
    }
    for annotation in wish.args.all("annotation") {
        let (key, value) = annotation.split_once('=').ok_or_else(|| {
            format!("annotation {annotation} is invalid and should be in format key=[value]")
        })?;
        annotations.set(key, value);
    }
    if !default.is_empty() {
        let backend =
            backend(default).ok_or("default-backend should be in format servicename:serviceport")?;
        spec.set("defaultBackend", backend);
    }
    if let Some(class) = wish.args.get("class") {
        spec.set("ingressClassName", class);
    }
    for (field, list) in [("rules", hosts), ("tls", secrets)] {
        if !list.is_empty() {
            spec.set(field, list);
        }
    }
    Ok(doc!({ "annotations": annotations, "spec": spec }))
}

fn backend(text: &str) -> Option<Doc> {
    let (name, port) = text.split_once(':').filter(|(name, port)| !name.is_empty() && !port.is_empty())?;
    if port.contains(':') {
        return None;
    }
    let port = match number_or_name(port) {
        Doc::Int(number) => doc!({ "number": number.get() }),
        name => doc!({ "name": name }),
    };
    Some(doc!({ "service": { "name": name, "port": port } }))
}

/// `host/path=service:port[,tls[=secret]]`; rules of one host become one, and hosts of one secret.
fn one(rule: &str, hosts: &mut Vec<Doc>, secrets: &mut Vec<Doc>) -> Option<()> {
    let (rule, tls) = rule.split_once(',').map_or((rule, None), |(rule, tls)| (rule, Some(tls)));
    let (host, rest) = rule.split_once('/')?;
    let (path, service) = rest.split_once('=')?;
    let (path, kind) = match path.strip_suffix('*') {
        Some(prefix) => (format!("/{prefix}"), "Prefix"),
        None => (format!("/{path}"), "Exact"),
    };
    let path = doc!({ "backend": backend(service)?, "path": path, "pathType": kind });
    match hosts.iter_mut().find(|known| *known["host"].str() == *host) {
        Some(known) => known.at_mut(&["http", "paths"]).edit_items().push(path),
        None => {
            let mut rule = doc!({ "http": { "paths": [path] } });
            if !host.is_empty() {
                rule.set("host", host);
            }
            hosts.push(rule);
        }
    }
    let Some(tls) = tls else { return Some(()) };
    let secret = match tls.split_once('=') {
        Some(("tls", secret)) => secret,
        None if tls == "tls" => "",
        _ => return None,
    };
    let known = |entry: &Doc| entry["hosts"].items().iter().any(|one| one.as_str() == Some(host));
    if secrets.iter().any(known) {
        return Some(());
    }
    match secrets.iter_mut().find(|known| *known["secretName"].str() == *secret) {
        Some(known) => known.at_mut(&["hosts"]).edit_items().push(host.into()),
        None => {
            let mut entry = Doc::map();
            if !host.is_empty() {
                entry.set("hosts", doc!([host]));
            }
            if !secret.is_empty() {
                entry.set("secretName", secret);
            }
            if !entry.is_empty() {
                secrets.push(entry);
            }
        }
    }
    Some(())
}
