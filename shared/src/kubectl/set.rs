//! `kubectl set image` and `kubectl patch`

use crate::doc;
use crate::doc::{Doc, parse_json};
use crate::manifest;

use super::args::{Args, Flag, switch, value};
use super::change;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::objects;

pub(super) const FLAGS: &[Flag] = &[switch("all", None), value("selector", Some('l'))];

pub(super) const PATCH_FLAGS: &[Flag] = &[value("patch", Some('p')), value("type", None)];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.words.first().map(String::as_str) != Some("image") {
        return Err(
            io.fail("only `set image` is simulated: kubectl set image deployment/NAME CONTAINER=IMAGE")
        );
    }
    let (edits, subjects): (Vec<String>, Vec<String>) =
        args.words[1..].iter().cloned().partition(|word| word.contains('='));
    if edits.is_empty() {
        return Err(io.fail("at least one image update is required"));
    }
    let mut failures = Vec::new();
    for (target, object) in objects(&subjects, args, io, &mut failures)? {
        // A workload's pods come from its template; a Pod is its own.
        let template = !object["spec"]["template"].is_null();
        let spec = if template { &object["spec"]["template"]["spec"] } else { &object["spec"] };
        let mut changed: Vec<Doc> = Vec::new();
        for (container, image) in edits.iter().filter_map(|edit| edit.split_once('=')) {
            let names = spec["containers"]
                .items()
                .iter()
                .filter(|item| container == "*" || item["name"].as_str() == Some(container));
            let before = changed.len();
            changed.extend(names.map(|item| doc!({ "image": image, "name": item["name"].clone() })));
            if changed.len() == before {
                failures.push(Failure::Client(format!("unable to find container named {container:?}")));
            }
        }
        changed.retain(|change| {
            !spec["containers"]
                .items()
                .iter()
                .any(|item| item["name"] == change["name"] && item["image"] == change["image"])
        });
        if changed.is_empty() {
            continue;
        }
        let containers = doc!({ "containers": changed });
        let patch = if template {
            doc!({ "spec": { "template": { "spec": containers } } })
        } else {
            doc!({ "spec": containers })
        };
        if change::send(&target, "strategic-merge", "kubectl-set", &patch, io, &mut failures)? {
            io.say(format!("{} image updated", target.display()));
        }
    }
    io.finish(failures)
}

pub(super) fn patch(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some(text) = args.get("patch") else {
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
    let mut failures = Vec::new();
    for (target, before) in objects(&args.words, args, io, &mut failures)? {
        let response = io.request(target.patch(kind, "kubectl-patch", &patch))?;
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
