//! `kubectl apply --prune`: what was applied before and is no longer in the manifests goes.

use crate::api::Kind;
use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::Args;
use super::change::DryRun;
use super::discovery;
use super::failure::Failure;
use super::io::{Io, Stop, logged};
use super::last_applied::LAST_APPLIED;
use super::manifests::Wanted;
use super::resource::{Resource, Target, selected};

/// The kinds that are looked through where nobody says which.
const KINDS: [&str; 16] = [
    "v1/ConfigMap",
    "v1/Endpoints",
    "v1/PersistentVolumeClaim",
    "v1/Pod",
    "v1/ReplicationController",
    "v1/Secret",
    "v1/Service",
    "batch/v1/Job",
    "batch/v1/CronJob",
    "networking.k8s.io/v1/Ingress",
    "apps/v1/DaemonSet",
    "apps/v1/Deployment",
    "apps/v1/ReplicaSet",
    "apps/v1/StatefulSet",
    "v1/Namespace",
    "v1/PersistentVolume",
];

/// Whether the flags go together.
pub(super) fn check(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.is_on("prune") {
        return Ok(());
    }
    contradiction(args).map_err(|why| io.fail(why))?;
    kinds(args, io).map(drop)
}

fn contradiction(args: &Args) -> Result<(), String> {
    if args.is_on("force") {
        return Err("--force cannot be used with --prune".into());
    }
    if args.is_on("all") && args.get("selector").is_some() {
        return Err("cannot set --all and --selector at the same time".into());
    }
    if !args.is_on("all") && args.get("selector").is_none() {
        return Err("all resources selected for prune without explicitly passing --all. To prune all resources, pass the \
             --all flag. If you did not mean to prune all resources, specify a label selector"
            .into());
    }
    if args.is_on("server-side") {
        return Err(
            "--prune is in alpha and doesn't currently work on objects created by server-side apply".into()
        );
    }
    Ok(())
}

/// The kinds that are looked through.
fn kinds(args: &Args, io: &mut Io<'_>) -> Result<Vec<Resource>, Stop> {
    let mut kinds = Vec::new();
    if args.get("prune-allowlist").is_none() {
        let known = KINDS.iter().filter_map(|name| name.rsplit_once('/'));
        return Ok(known.filter_map(|(version, kind)| Kind::of(version, kind)).map(Resource::from).collect());
    }
    for given in args.each("prune-allowlist") {
        let parts: Vec<&str> = given.split('/').collect();
        let [group, version, kind] = parts.as_slice() else {
            return Err(io.fail(format!(
                "invalid GroupVersionKind format: {given}, please follow <group/version/kind>"
            )));
        };
        let version = if *group == "core" { (*version).to_owned() } else { format!("{group}/{version}") };
        let found = match Kind::of(&version, kind) {
            Some(known) => Some(known.into()),
            None => discovery::of(&version, kind, io)?,
        };
        match found {
            Some(found) => kinds.push(found),
            None => return Err(io.fail(format!("no matches for kind {kind:?} in version {version:?}"))),
        }
    }
    Ok(kinds)
}

/// What was applied before and is no longer wanted.
pub(super) fn left(
    wanted: &[&Wanted],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    if args.get("prune-allowlist").is_none() {
        io.warn(logged(
            "prune.go:71",
            "Deprecated: kubectl apply will no longer prune non-namespaced resources by default when used with the \
             --namespace flag in a future release. To preserve the current behaviour, list the resources you want to \
             target explicitly in the --prune-allowlist flag.",
            io,
        ));
    }
    let mut left = Vec::new();
    for place in places(wanted, args, io)? {
        let response = io.request(selected(&place, args))?;
        if !response.is_success() {
            failures.push(Failure::of(&response));
            break;
        }
        for item in response.body["items"].items() {
            let found = Target { name: item["metadata"]["name"].str(), ..place.clone() };
            let applied = !item["metadata"]["annotations"][LAST_APPLIED].is_null();
            if applied && !wanted.iter().any(|object| object.target == found) {
                left.push((found, item.clone()));
            }
        }
    }
    Ok(left)
}

/// Where to look: only namespaces that the manifests speak of are looked through.
fn places(wanted: &[&Wanted], args: &Args, io: &mut Io<'_>) -> Result<Vec<Target>, Stop> {
    let mut namespaces: Vec<Str> = Vec::new();
    for namespace in
        wanted.iter().map(|object| &object.target.namespace).filter(|namespace| !namespace.is_empty())
    {
        if !namespaces.contains(namespace) {
            namespaces.push(namespace.clone());
        }
    }
    let (inside, outside): (Vec<Resource>, Vec<Resource>) =
        kinds(args, io)?.into_iter().partition(|kind| kind.namespaced);
    let mut places = Vec::new();
    for namespace in &namespaces {
        places.extend(inside.iter().map(|kind| Target::of(kind.clone(), namespace, "")));
    }
    places.extend(outside.iter().map(|kind| Target::of(kind.clone(), "", "")));
    Ok(places)
}

/// Takes away what is no longer wanted.
pub(super) fn run(
    wanted: &[&Wanted],
    dry: DryRun,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    for (found, _) in left(wanted, args, io, failures)? {
        if dry != DryRun::Client {
            let mut options = doc!({
                "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"
            });
            if dry == DryRun::Server {
                options.set("dryRun", doc!(["All"]));
            }
            let response = io.request(HttpRequest {
                method: "DELETE".into(),
                path: format!("{}{}", found.path(), dry.query().replace('&', "?")).into(),
                body: options.to_json().into(),
                ..HttpRequest::default()
            })?;
            if !response.is_success() {
                failures.push(Failure::of(&response));
                return Ok(());
            }
        }
        io.say(format!("{} pruned{}", found.display(), dry.suffix()));
    }
    Ok(())
}
