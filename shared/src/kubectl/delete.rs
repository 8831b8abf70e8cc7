//! `kubectl delete`

use crate::cluster::HttpRequest;
use crate::doc;
use crate::doc::Doc;

use super::args::{Args, Flag, switch, value};
use super::failure::Failure;
use super::io::{Io, Next, Stop};
use super::manifests;
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    switch("all", None),
    value("selector", Some('l')),
    switch("wait", None),
    value("cascade", None),
    value("grace-period", None),
    switch("now", None),
    switch("force", None),
    switch("ignore-not-found", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let options = options(args, io)?;
    let mut failures = Vec::new();
    let doomed = if args.get("filename").is_some() {
        from_input(args, io, &mut failures)?
    } else {
        objects(&args.words, args, io, &mut failures)?
    };
    if args.get("namespace").is_some() && doomed.iter().any(|(target, _)| !target.kind.namespaced) {
        io.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    let force = args.is_on("force");
    if force {
        io.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. \
             The resource may continue to run on the cluster indefinitely.",
        );
    }
    let mut leaving = Vec::new();
    for (target, object) in doomed {
        let response = io.request(HttpRequest {
            method: "DELETE".into(),
            path: target.path().into(),
            body: options.to_json().into(),
            ..HttpRequest::default()
        })?;
        if !response.is_success() {
            failures.push(Failure::of(&response));
            continue;
        }
        let deleted = if force { "force deleted" } else { "deleted" };
        let place = if target.namespace.is_empty() {
            String::new()
        } else {
            format!(" from {} namespace", target.namespace)
        };
        io.say(format!("{} \"{}\" {deleted}{place}", target.kind.type_name(), target.name));
        leaving.push((target, object["metadata"]["uid"].clone()));
    }
    if args.is_on("ignore-not-found") {
        failures.retain(|failure| !failure.is("NotFound"));
    }
    if args.get("wait") != Some("false") && !force {
        for (target, uid) in leaving {
            io.poll(target.get(), Doc::Null, |_, response| {
                let there = response.is_success() && response.body["metadata"]["uid"] == uid;
                // While no server answers, nobody knows.
                if there || response.code == 0 { Next::Again(Doc::Null) } else { Next::Done(()) }
            })?;
        }
    }
    io.finish(failures)
}

fn options(args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    let policy = match args.get("cascade").unwrap_or("background") {
        "background" | "true" => "Background",
        "foreground" => "Foreground",
        "orphan" | "false" => "Orphan",
        other => {
            return Err(io.fail(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )));
        }
    };
    let mut options = doc!({ "apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy });
    let given = args.get("grace-period").map(|seconds| seconds.parse::<i64>());
    let grace = match given {
        Some(Err(_)) => {
            return Err(
                io.fail("invalid argument for \"--grace-period\" flag: it must be a whole number of seconds")
            );
        }
        Some(Ok(seconds)) if seconds >= 0 => Some(seconds),
        _ if args.is_on("force") => Some(0),
        _ if args.is_on("now") => Some(1),
        _ => None,
    };
    if let Some(seconds) = grace {
        // Zero without --force would be refused by a careful client: it waits a second instead.
        options.set("gracePeriodSeconds", if args.is_on("force") { seconds } else { seconds.max(1) });
    }
    Ok(options)
}

fn from_input(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop> {
    let (wanted, refused) = manifests::read(args, "delete", io)?;
    failures.extend(refused);
    let mut doomed = Vec::new();
    for object in wanted {
        let response = io.request(object.target.get())?;
        if response.is_success() {
            doomed.push((object.target, response.body));
        } else {
            failures.push(Failure::of(&response).when("deleting \"STDIN\""));
        }
    }
    Ok(doomed)
}
