//! `kubectl set` (each part below `set/`) and `kubectl patch`

mod env;
mod pods;
mod subjects;

use crate::doc::{Doc, parse_json};
use crate::manifest;

use super::args::{Args, Flag, optional, output, switch, value};
use super::change::Patching;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[
    switch("all", None),
    value("selector", Some('l')),
    value("field-selector", None),
    optional("dry-run", "unchanged"),
    output(),
    value("containers", Some('c')),
    value("limits", None),
    value("requests", None),
    value("env", Some('e')),
    value("from", None),
    value("keys", None),
    value("prefix", None),
    switch("list", None),
    switch("overwrite", None),
    switch("resolve", None),
    switch("local", None),
    value("group", None),
    value("serviceaccount", None),
    value("resource-version", None),
];

pub(super) const PATCH_FLAGS: &[Flag] = &[
    value("patch", Some('p')),
    value("patch-file", None),
    value("type", None),
    value("subresource", None),
    output(),
    value("selector", Some('l')),
    switch("all", None),
    switch("local", None),
    optional("dry-run", "unchanged"),
];

/// A part of `set`: how it reads its words, and what it makes of an object.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((part, words)) = args.words.split_first() else {
        return super::help::run(&["set".into()], io);
    };
    match part.as_str() {
        "image" => pods::image(words, args, io),
        "resources" => pods::resources(words, args, io),
        "serviceaccount" | "sa" => pods::service_account(words, args, io),
        "env" => env::run(words, args, io),
        "selector" => subjects::selector(words, args, io),
        "subject" => subjects::run(words, args, io),
        other => {
            Err(io.fail(format!("unknown command {other:?}\nSee 'kubectl set -h' for help and examples")))
        }
    }
}

/// Where an object keeps a pod's spec, as the keys on the way; none when it keeps none.
fn pod_spec(object: &Doc) -> Option<&'static [&'static str]> {
    const PATHS: [&[&str]; 3] =
        [&["spec", "jobTemplate", "spec", "template", "spec"], &["spec", "template", "spec"], &["spec"]];
    let has = |path: &&&[&str]| !object.at(path)["containers"].is_null();
    PATHS.iter().find(has).copied()
}

/// Sends what changes in an object's pod spec.
fn update(
    (target, object): (&Target, &Doc),
    path: &[&str],
    change: Doc,
    done: &str,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let mut patch = Doc::map();
    patch.set_at(path, change);
    let patching = Patching { way: "strategic-merge", manager: "kubectl-set", done, part: "" };
    patching.send(target, object, &patch, args, io, failures)
}

pub(super) fn patch(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(path) = args.get("patch-file") {
        return Err(io.fail(format!("unable to read patch file: open {path}: no such file or directory")));
    }
    let Some(text) = args.get("patch").filter(|text| !text.is_empty()) else {
        return Err(io.fail("must specify --patch or --patch-file containing the contents of the patch"));
    };
    let kind = match args.get("type").unwrap_or("strategic") {
        "strategic" => "strategic-merge",
        "merge" => "merge",
        "json" => "json",
        other => return Err(io.fail(format!("--type must be one of [json merge strategic], not {other:?}"))),
    };
    let parsed = parse_json(text)
        .ok()
        .or_else(|| manifest::parse(text).ok()?.into_iter().next().map(|document| document.doc));
    let Some(patch) = parsed else {
        return Err(io.fail(format!("unable to parse {text:?}: it is neither JSON nor YAML")));
    };
    let part = args.get("subresource").map_or_else(String::new, |part| format!("/{part}"));
    let mut failures = Vec::new();
    for (target, before) in objects(&args.words, args, io, &mut failures)? {
        if args.get("dry-run").is_some() || args.get("output").is_some() {
            let patching = Patching { way: kind, manager: "kubectl-patch", done: "patched", part: &part };
            patching.send(&target, &before, &patch, args, io, &mut failures)?;
            continue;
        }
        let mut request = target.patch(kind, "kubectl-patch", &patch);
        request.path = request.path.replacen('?', &format!("{part}?"), 1).into();
        let response = io.request(request)?;
        if !response.is_success() {
            failures.push(Failure::of(&response));
        } else if response.body["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"] {
            io.say(format!("{} patched (no change)", target.display()));
        } else {
            io.say(format!("{} patched", target.display()));
        }
    }
    io.finish(failures)
}
