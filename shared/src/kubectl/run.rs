//! `kubectl run`: one pod.

use crate::api::Kind;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, switch, value};
use super::change;
use super::expose::pairs;
use super::io::{Io, Stop};
use super::resource::Target;

pub(super) const FLAGS: &[Flag] = &[
    value("image", None),
    value("port", None),
    value("env", None),
    value("labels", Some('l')),
    value("restart", None),
    value("image-pull-policy", None),
    switch("command", None),
    switch("expose", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((name, command)) = args.words.split_first() else {
        return Err(io.fail("NAME is required for run\nSee 'kubectl run -h' for help and examples"));
    };
    let image = args.get("image").unwrap_or("");
    if image.is_empty() {
        return Err(io.fail("--image is required"));
    }
    let policy = args.get("restart").unwrap_or("Always");
    if !["Always", "OnFailure", "Never"].contains(&policy) {
        return Err(
            io.fail(format!("invalid restart policy: {policy}\nSee 'kubectl run -h' for help and examples"))
        );
    }
    let port = match args.get("port").map(str::parse::<i64>) {
        Some(Err(_)) => return Err(io.fail(format!("invalid port: {:?}", args.get("port").unwrap_or("")))),
        Some(Ok(port)) => Some(port),
        None => None,
    };
    if args.is_on("expose") && port.is_none() {
        return Err(io.fail("--port must be set when exposing a service"));
    }
    let labels = args.get("labels").map_or_else(|| pairs(&format!("run={name}")), pairs);
    let mut container = doc!({ "name": &**name, "image": image, "resources": {} });
    if !command.is_empty() {
        let field = if args.is_on("command") { "command" } else { "args" };
        container.set(field, Doc::list(command.iter().map(String::as_str)));
    }
    if let Some(port) = port {
        container.set("ports", doc!([{ "containerPort": port }]));
    }
    let env = args.all("env").iter().filter_map(|pair| pair.split_once('='));
    let env: Vec<Doc> = env.map(|(name, value)| doc!({ "name": name, "value": value })).collect();
    if !env.is_empty() {
        container.set("env", env);
    }
    if let Some(policy) = args.get("image-pull-policy") {
        container.set("imagePullPolicy", policy);
    }
    let pod = doc!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": &**name, "labels": labels.clone() },
        "spec": { "containers": [container], "restartPolicy": policy, "dnsPolicy": "ClusterFirst" }
    });
    let mut failures = Vec::new();
    if args.is_on("expose") {
        let service = doc!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": &**name },
            "spec": { "selector": labels, "ports": [{ "port": port, "protocol": "TCP", "targetPort": port }] }
        });
        let target = Target::new(Kind::Service, args.namespace(), name);
        change::create(&target, "kubectl-run", &service, "created", io, &mut failures)?;
    }
    let target = Target::new(Kind::Pod, args.namespace(), name);
    change::create(&target, "kubectl-run", &pod, "created", io, &mut failures)?;
    io.finish(failures)
}
