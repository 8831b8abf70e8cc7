//! `kubectl port-forward`: finds the pod and its ports and hands them to whoever sits in front of the terminal.

use crate::api::Kind;
use crate::doc::Doc;

use super::Ask;
use super::args::{Args, Flag, duration, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::pods;
use super::resource::{Target, selected};

pub(super) const FLAGS: &[Flag] = &[value("address", None), duration("pod-running-timeout", None)];

/// Where ports begin that are chosen for people.
const FREE: u16 = 40_000;

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((word, wanted)) = args.words.split_first().filter(|(_, ports)| !ports.is_empty()) else {
        return Err(io.fail(
            "TYPE/NAME and list of ports are required for port-forward\nSee 'kubectl port-forward -h' for help and \
             examples",
        ));
    };
    let addresses = args.get("address").unwrap_or("localhost").split(',');
    for address in addresses.filter(|address| *address != "localhost") {
        if address.parse::<std::net::IpAddr>().is_err() {
            return Err(io.fail(format!("{address} is not a valid IP")));
        }
    }
    let patience = pods::patience(args, 60, io)?;
    let target = pods::subject(word, args, io)?;
    let response = target.look(selected(&target, args), io)?;
    if !response.is_success() {
        return io.finish(vec![Failure::of(&response)]);
    }
    let object = response.body;
    let pod = pods::of(&target, &object, pods::Purpose::Attach, patience, io)?.swap_remove(0);
    let mut ports = Vec::new();
    for text in wanted {
        let service = Some(&object).filter(|_| target.kind == Kind::Service);
        ports.push(port(text, service, &pod).map_err(|why| io.fail(why))?);
    }
    let phase = pod["status"]["phase"].str();
    if phase != "Running" {
        return Err(
            io.fail(format!("unable to forward port because pod is not running. Current status={phase}"))
        );
    }
    for (here, there) in &ports {
        for address in args.get("address").unwrap_or("localhost").split(',') {
            match address {
                "localhost" => {
                    io.say(format!("Forwarding from 127.0.0.1:{here} -> {there}"));
                    io.say(format!("Forwarding from [::1]:{here} -> {there}"));
                }
                other => io.say(format!("Forwarding from {other}:{here} -> {there}")),
            }
        }
    }
    let name = pod["metadata"]["name"].str();
    let pod = Target::new(Kind::Pod, &target.namespace, &name);
    io.ask(Ask::Forward { namespace: pod.namespace, pod: pod.name, ports })?;
    Ok(())
}

/// `8080:80`, `80`, `:http`: a port here and one of the pod's.
fn port(text: &str, service: Option<&Doc>, pod: &Doc) -> Result<(u16, u16), String> {
    // What follows a second colon is nobody's business.
    let mut parts = text.split(':');
    let here = parts.next().unwrap_or("");
    let there = parts.next().unwrap_or(here);
    if there.is_empty() {
        return Err("remote port cannot be empty".into());
    }
    let digits = !here.is_empty() && here.bytes().all(|byte| byte.is_ascii_digit());
    if digits && here.parse::<u16>().is_err() {
        return Err(format!(
            "error parsing local port '{here}': strconv.ParseUint: parsing {here:?}: value out of range"
        ));
    }
    let number = match service {
        Some(service) => of_service(service, pod, there)?,
        None => there.parse().ok().or_else(|| named(pod, there)).ok_or_else(|| {
            format!("Pod '{}' does not have a named port '{there}'", pod["metadata"]["name"].str())
        })?,
    };
    let remote = u16::try_from(number).ok().filter(|port| *port > 0);
    let remote = remote.ok_or("remote port must be > 0")?;
    let local = match here {
        "" | "0" => FREE + remote % 10_000,
        same if same == there => {
            u16::try_from(service_number(service, there).unwrap_or(number)).unwrap_or(remote)
        }
        other => other.parse().map_err(|_| {
            format!(
                "error parsing local port '{other}': strconv.ParseUint: parsing {other:?}: invalid syntax"
            )
        })?,
    };
    Ok((local, remote))
}

/// The number of a Service's port that is called or numbered so.
fn service_number(service: Option<&Doc>, text: &str) -> Option<i64> {
    let mut ports = service?["spec"]["ports"].items().iter();
    ports
        .find(|port| port["name"].as_str() == Some(text))
        .map_or_else(|| text.parse().ok(), |port| port["port"].as_i64())
}

fn named(pod: &Doc, name: &str) -> Option<i64> {
    let containers = pod["spec"]["containers"].items().iter();
    let mut ports = containers.flat_map(|container| container["ports"].items());
    ports.find(|port| port["name"].as_str() == Some(name))?["containerPort"].as_i64()
}

/// Where a Service's port leads in its pod.
fn of_service(service: &Doc, pod: &Doc, text: &str) -> Result<i64, String> {
    let name = service["metadata"]["name"].str();
    let number = service_number(Some(service), text)
        .ok_or_else(|| format!("Service '{name}' does not have a named port '{text}'"))?;
    let mut ports = service["spec"]["ports"].items().iter();
    let port = ports
        .find(|port| port["port"].as_i64() == Some(number))
        .ok_or_else(|| format!("Service {name} does not have a service port {number}"))?;
    if service["spec"]["clusterIP"].as_str() == Some("None") {
        return Ok(number);
    }
    match &port["targetPort"] {
        Doc::Null => Ok(number),
        Doc::Int(target) if target.get() == 0 => Ok(number),
        Doc::Int(target) => Ok(target.get()),
        other => named(pod, &other.str()).ok_or_else(|| {
            format!("Pod '{}' does not have a named port '{}'", pod["metadata"]["name"].str(), other.str())
        }),
    }
}
