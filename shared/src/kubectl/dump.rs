//! `kubectl cluster-info dump`: the nodes, and what runs in some namespaces, with the logs of all containers.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc::Doc;
use crate::manifest;

use super::args::{Args, Flag, duration, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Target, escape};
use super::typed;

pub(super) const FLAGS: &[Flag] = &[
    switch("all-namespaces", Some('A')),
    value("namespaces", None),
    value("output", Some('o')),
    value("template", None),
    switch("allow-missing-template-keys", None),
    switch("show-managed-fields", None),
    duration("pod-running-timeout", None),
    value("output-directory", None),
];

/// What is told of a namespace, in this order.
const KINDS: [Kind; 7] = [
    Kind::Event,
    Kind::ReplicationController,
    Kind::Service,
    Kind::DaemonSet,
    Kind::Deployment,
    Kind::ReplicaSet,
    Kind::Pod,
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let format = args.get("output").filter(|format| !format.is_empty()).unwrap_or("json");
    if !matches!(format, "json" | "yaml") {
        return Err(io.fail(format!(
            "unable to match a printer suitable for the output format {format:?}, allowed formats are: json,yaml"
        )));
    }
    if args.get("output-directory").is_some_and(|directory| !matches!(directory, "" | "-" | "stdout")) {
        return Err(io.fail("there are no directories here: leave --output-directory out"));
    }
    let mut said = 0;
    let mut tell = |list: &Doc, io: &mut Io<'_>| {
        said += 1;
        match format {
            "yaml" if said > 1 => io.print(&format!("---\n{}\n", manifest::to_yaml(list))),
            "yaml" => io.print(&format!("{}\n", manifest::to_yaml(list))),
            _ => io.print(&typed::json(list)),
        }
    };
    tell(&list(&Target::new(Kind::Node, "", ""), io)?, io);
    for namespace in namespaces(args, io)? {
        let mut pods = Doc::Null;
        for kind in KINDS {
            let found = list(&Target::new(kind, &namespace, ""), io)?;
            tell(&found, io);
            if kind == Kind::Pod {
                pods = found;
            }
        }
        for pod in pods["items"].items() {
            logs(&namespace, pod, io)?;
        }
    }
    Ok(())
}

/// The namespaces that are meant: that of the system and the present one where nobody says.
fn namespaces(args: &Args, io: &mut Io<'_>) -> Result<Vec<String>, Stop> {
    if args.is_on("all-namespaces") {
        let all = list(&Target::new(Kind::Namespace, "", ""), io)?;
        return Ok(all["items"]
            .items()
            .iter()
            .map(|one| one["metadata"]["name"].str().to_string())
            .collect());
    }
    Ok(match args.get("namespaces").filter(|names| !names.is_empty()) {
        Some(names) => names.split(',').map(str::to_owned).collect(),
        None => vec!["kube-system".to_owned(), args.namespace().to_owned()],
    })
}

/// A list as the server has it, without the bookkeeping of field owners.
fn list(target: &Target, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let response = io.request(target.get())?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response).about("list", target)));
    }
    let mut list = response.body;
    let mut items = list["items"].items().to_vec();
    for item in &mut items {
        item.at_mut(&["metadata"]).remove("managedFields");
    }
    list.set("items", Doc::list(items));
    Ok(list)
}

fn logs(namespace: &str, pod: &Doc, io: &mut Io<'_>) -> Result<(), Stop> {
    let name = pod["metadata"]["name"].str();
    let target = Target::new(Kind::Pod, namespace, &name);
    let all = ["initContainers", "containers"].into_iter().flat_map(|list| pod["spec"][list].items());
    for container in all {
        let container = container["name"].str();
        let of = format!("logs for container {container} of pod {namespace}/{name}");
        io.say(format!("==== START {of} ===="));
        let path = format!("{}/log?container={}", target.path(), escape(&container));
        let request = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
        let response = io.request(request)?;
        match response.body.as_str() {
            Some(text) if response.is_success() => io.print(text),
            _ => io.say(format!("Request log error: {}", response.body["message"].str())),
        }
        io.say(format!("==== END {of} ===="));
    }
    Ok(())
}
