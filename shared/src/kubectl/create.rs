//! `kubectl create KIND NAME …`: objects from flags.

use crate::api::Kind;
use crate::api::core::secret::base64_encode;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, switch, value};
use super::change;
use super::io::{Io, Stop};
use super::resource::Target;

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("dry-run", None),
    value("validate", None),
    switch("save-config", None),
    value("image", None),
    value("replicas", Some('r')),
    value("port", None),
    value("from-literal", None),
    value("tcp", None),
    value("node-port", None),
    value("type", None),
];

/// Makes the object that the words and flags describe; false when they describe none.
pub(super) fn from_words(args: &Args, io: &mut Io<'_>) -> Result<bool, Stop> {
    let words: Vec<&str> = args.words.iter().map(String::as_str).collect();
    let (kind, name, doc) = match words.as_slice() {
        [] => return Ok(false),
        ["namespace" | "ns", name] => (Kind::Namespace, *name, doc!({})),
        ["deployment" | "deploy", name, command @ ..] => {
            (Kind::Deployment, *name, deployment(name, command, args, io)?)
        }
        ["configmap" | "cm", name] => (Kind::ConfigMap, *name, doc!({ "data": literals(args, io)? })),
        ["secret", "generic", name] => {
            let mut data = literals(args, io)?;
            for (key, value) in data.clone().entries() {
                data.set(key.clone(), base64_encode(value.str().as_bytes()));
            }
            let kind = args.get("type").unwrap_or("Opaque");
            (Kind::Secret, *name, doc!({ "data": data, "type": kind }))
        }
        ["service" | "svc", kind, name] => (Kind::Service, *name, service(kind, name, args, io)?),
        [_] => {
            return Err(
                io.fail("exactly one NAME is required, got 0\nSee 'kubectl create -h' for help and examples")
            );
        }
        [kind, ..] => {
            return Err(io.fail(format!("create {kind} is not simulated: use create -f - or apply")));
        }
    };
    let info = kind.info();
    let mut whole =
        doc!({ "apiVersion": info.api_version(), "kind": info.kind, "metadata": { "name": name } });
    for (field, value) in doc.entries() {
        match (field.as_str(), value) {
            ("labels", labels) => whole.at_mut(&["metadata"]).set("labels", labels.clone()),
            (_, value) if value.is_empty() => {}
            (_, value) => whole.set(field.clone(), value.clone()),
        }
    }
    let target = Target::new(kind, args.namespace(), name);
    let mut failures = Vec::new();
    match args.get("dry-run") {
        Some("client") => io.say(format!("{} created (dry run)", target.display())),
        Some("server") => {
            let (writer, done) = ("kubectl-create&dryRun=All", "created (server dry run)");
            change::create(&target, writer, &whole, done, io, &mut failures)?;
        }
        None | Some("none") => {
            change::create(&target, "kubectl-create", &whole, "created", io, &mut failures)?;
        }
        Some(other) => {
            let why =
                format!("Invalid dry-run value ({other:?}). Must be \"none\", \"server\", or \"client\".");
            return Err(io.fail(why));
        }
    }
    io.finish(failures)?;
    Ok(true)
}

fn deployment(name: &str, command: &[&str], args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let images = args.all("image");
    if images.is_empty() {
        return Err(io.fail("required flag(s) \"image\" not set"));
    }
    let replicas = args.get("replicas").unwrap_or("1");
    let Ok(replicas) = replicas.parse::<i64>() else {
        return Err(io.fail(format!("invalid argument {replicas:?} for \"-r, --replicas\" flag: no number")));
    };
    let containers = images.iter().flat_map(|images| images.split(',')).map(|image| {
        // A container is called as its image is, without registry, tag and digest.
        let last = image.rsplit('/').next().unwrap_or(image);
        let called = last.split([':', '@']).next().unwrap_or(last);
        let mut container = doc!({ "name": called, "image": image, "resources": {} });
        if let Some(port) = args.get("port").and_then(|port| port.parse::<i64>().ok()) {
            container.set("ports", doc!([{ "containerPort": port }]));
        }
        if !command.is_empty() {
            container.set("command", Doc::list(command.iter().copied()));
        }
        container
    });
    let labels = doc!({ "app": name });
    Ok(doc!({
        "labels": labels.clone(),
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": labels.clone() },
            "template": { "metadata": { "labels": labels }, "spec": { "containers": Doc::list(containers) } }
        }
    }))
}

fn literals(args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let mut data = Doc::map();
    for literal in args.all("from-literal") {
        let Some((key, value)) = literal.split_once('=') else {
            return Err(io.fail(format!("invalid literal source {literal}, expected key=value")));
        };
        if !data[key].is_null() {
            return Err(io.fail(format!("cannot add key {key}, another key by that name already exists")));
        }
        data.set(key, value);
    }
    Ok(data)
}

fn service(kind: &str, name: &str, args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let kinds = [("clusterip", "ClusterIP"), ("nodeport", "NodePort"), ("loadbalancer", "LoadBalancer")];
    let Some((_, kind)) = kinds.iter().find(|(word, _)| *word == kind) else {
        return Err(io.fail(format!("create service {kind} is not simulated: use create -f - or apply")));
    };
    let mut ports = Vec::new();
    for pair in args.all("tcp").iter().flat_map(|pairs| pairs.split(',')) {
        let (port, to) = pair.split_once(':').unwrap_or((pair, pair));
        let Ok(number) = port.parse::<i64>() else {
            return Err(io.fail(format!("strconv.Atoi: parsing {port:?}: invalid syntax")));
        };
        let to = to.parse::<i64>().map_or_else(|_| Doc::from(to), Doc::Int);
        let mut entry = doc!({
            "name": pair.replace(':', "-"), "port": number, "protocol": "TCP", "targetPort": to
        });
        if let Some(node) = args.get("node-port").and_then(|port| port.parse::<i64>().ok()) {
            entry.set("nodePort", node);
        }
        ports.push(entry);
    }
    if ports.is_empty() {
        return Err(io.fail("at least one tcp port specifier must be provided"));
    }
    let labels = doc!({ "app": name });
    Ok(doc!({
        "labels": labels.clone(), "spec": { "type": *kind, "selector": labels, "ports": ports }
    }))
}
