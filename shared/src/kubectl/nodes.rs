//! `kubectl cordon`, `uncordon` and `taint`

use crate::api::Kind;
use crate::api::validation::names::qualified_name;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::{Args, Flag, optional, output, switch, value};
use super::change::{DryRun, Patching};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests::found_once;
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[value("selector", Some('l')), optional("dry-run", "unchanged")];

pub(super) const TAINT_FLAGS: &[Flag] = &[
    value("selector", Some('l')),
    value("field-manager", None),
    switch("overwrite", None),
    switch("all", None),
    optional("dry-run", "unchanged"),
    output(),
    optional("validate", "strict"),
];

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

pub(super) fn cordon(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    set_schedulable(args, io, false)
}

pub(super) fn uncordon(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    set_schedulable(args, io, true)
}

/// A node has to be named, or selected.
pub(super) fn require_node(verb: &str, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if !args.words.is_empty() || args.get("selector").is_some() {
        return Ok(());
    }
    Err(io.fail(format!("USAGE: {verb} NODE [flags]\nSee 'kubectl {verb} -h' for help and examples")))
}

/// The words for the nodes that are meant; who says of what kind something is names it so.
pub(super) fn words_for(args: &Args) -> Vec<String> {
    if args.words.iter().any(|word| word.contains('/')) {
        let kind = |word: &String| if word.contains('/') { word.clone() } else { format!("nodes/{word}") };
        return args.words.iter().map(kind).collect();
    }
    std::iter::once("nodes".to_owned()).chain(args.words.iter().cloned()).collect()
}

fn set_schedulable(args: &Args, io: &mut Io<'_>, schedulable: bool) -> Result<(), Stop> {
    let (verb, done) = if schedulable { ("uncordon", "uncordoned") } else { ("cordon", "cordoned") };
    require_node(verb, args, io)?;
    if !args.words.is_empty() && args.get("selector").is_some() {
        return Err(io.fail(format!(
            "cannot specify both a node name and a --selector option\nSee 'kubectl {verb} -h' for help and examples"
        )));
    }
    let words = words_for(args);
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    let found = found_once(io, |io, failures| {
        let found = objects(&words, args, io, failures)?;
        match found.iter().find(|(target, _)| target.kind != Kind::Node) {
            Some((other, _)) if failures.is_empty() => {
                Err(io.fail(format!("expected resource of type node, got {:?}", other.resource())))
            }
            _ => Ok(found),
        }
    })?;
    // Nothing is done when one of them is not there.
    if !found.failures.is_empty() {
        return io.finish(found.failures.clone());
    }
    found.change(io, |target, node, io, failures| {
        if node["spec"]["unschedulable"].as_bool().unwrap_or(false) != schedulable {
            io.say(format!("{} already {done}{}", target.display(), dry.suffix()));
            return Ok(());
        }
        let value = if schedulable { Doc::Null } else { Doc::Bool(true) };
        let patch = doc!({ "spec": { "unschedulable": value } });
        let patching = Patching { way: "strategic-merge", manager: "kubectl-cordon", done, part: "" };
        patching.send(target, node, &patch, args, io, failures)
    })
}

/// A taint to add, or to take away (an empty effect means all).
struct Edit {
    key: Str,
    value: Str,
    effect: Str,
    add: bool,
}

fn edit(word: &str) -> Result<Edit, String> {
    let (body, add) = word.strip_suffix('-').map_or((word, true), |body| (body, false));
    let (pair, effect) = body.split_once(':').map_or((body, ""), |(pair, effect)| (pair, effect));
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let refuse = |why: &str| {
        Err(format!("invalid taint spec: {word}{why}\nSee 'kubectl taint -h' for help and examples"))
    };
    if add && (effect.contains(':') || value.contains('=')) {
        return refuse("");
    }
    // Without an effect the whole word is the key.
    let has_effect = body.contains(':');
    let faults = qualified_name(if has_effect { key } else { body });
    if add && !faults.is_empty() {
        // The client counts bytes.
        return refuse(&format!(", {}", faults.join("; ").replace("63 characters", "63 bytes")));
    }
    if add && !has_effect {
        return refuse("");
    }
    if (add || !effect.is_empty()) && !EFFECTS.contains(&effect) {
        return Err(format!(
            "invalid taint effect: {effect}, unsupported taint effect\nSee 'kubectl taint -h' for help and examples"
        ));
    }
    Ok(Edit { key: key.into(), value: value.into(), effect: effect.into(), add })
}

pub(super) fn taint(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    super::apply::validation(args).map_err(|why| io.fail(why))?;
    let is_edit = |word: &&String| word.contains([':', '=']) || word.ends_with('-');
    let first = args.words.iter().position(|word| is_edit(&word)).unwrap_or(args.words.len());
    let (subjects, words) = args.words.split_at(first);
    if let Some(late) = words.iter().find(|word| !is_edit(word)) {
        return Err(io.fail(format!("all resources must be specified before taint changes: {late}")));
    }
    let Some(kind) = subjects.first() else {
        return Err(io.fail("one or more resources must be specified as <resource> <name>"));
    };
    if words.is_empty() {
        return Err(io.fail("at least one taint update is required"));
    }
    let mut edits = Vec::new();
    for word in words {
        let made = edit(word).map_err(|why| io.fail(why))?;
        if edits
            .iter()
            .any(|other: &Edit| made.add && other.add && other.key == made.key && other.effect == made.effect)
        {
            let Edit { key, value, effect, .. } = &made;
            return Err(io.fail(format!(
                "duplicated taints with the same key and effect: {{{key} {value} {effect} <nil>}}\nSee 'kubectl taint -h' \
                 for help and examples"
            )));
        }
        edits.push(made);
    }
    let known = if kind.contains('/') { None } else { super::resource::kind(kind, io)? };
    let Some(known) = known else {
        io.warn(format!("the server doesn't have a resource type {kind:?}"));
        return Err(Stop::Exit(1));
    };
    if known != Kind::Node {
        return Err(io.fail(format!("invalid resource type {kind}, only node types are supported")));
    }
    let all = args.is_on("all");
    match args.get("selector") {
        Some(_) if all => {
            return Err(io.fail("setting 'all' parameter with a non empty selector is prohibited"));
        }
        None if !all && subjects.len() < 2 => {
            return Err(
                io.fail("at least one resource name must be specified since 'all' parameter is not set")
            );
        }
        _ => {}
    }
    let clash = |remove: &&Edit| {
        let same =
            |add: &Edit| add.key == remove.key && (remove.effect.is_empty() || add.effect == remove.effect);
        !remove.add && edits.iter().any(|add| add.add && same(add))
    };
    let clashes: Vec<String> =
        edits.iter().filter(clash).map(|edit| format!("{}={}", edit.key, edit.effect)).collect();
    if !clashes.is_empty() {
        return Err(io.fail(format!(
            "can not both modify and remove the following taint(s) in the same command: {}",
            clashes.join(", ")
        )));
    }
    // Who means all nodes need not name any.
    let subjects = if all { &subjects[..1] } else { subjects };
    let done = match (edits.iter().any(|edit| edit.add), edits.iter().any(|edit| !edit.add)) {
        _ if args.is_on("overwrite") => "modified",
        (true, true) => "modified",
        (true, false) => "tainted",
        _ => "untainted",
    };
    let found = found_once(io, |io, failures| objects(subjects, args, io, failures))?;
    found.change(io, |target, node, io, failures| {
        match tainted(target, &node["spec"]["taints"], &edits, args.is_on("overwrite")) {
            Err(message) => {
                failures.push(Failure::Client(message));
                Ok(())
            }
            Ok(taints) => {
                let taints = if taints.is_empty() { Doc::Null } else { Doc::from(taints) };
                let patch = doc!({ "spec": { "taints": taints } });
                let patching = Patching { way: "strategic-merge", manager: "kubectl-taint", done, part: "" };
                patching.send(target, node, &patch, args, io, failures)
            }
        }
    })
}

/// The node's taints after the edits.
fn tainted(target: &Target, present: &Doc, edits: &[Edit], overwrite: bool) -> Result<Vec<Doc>, String> {
    let mut taints = present.items().to_vec();
    for edit in edits {
        let same = |taint: &Doc| {
            taint["key"].as_str() == Some(&edit.key)
                && (edit.effect.is_empty() || taint["effect"].as_str() == Some(&edit.effect))
        };
        let found = taints.iter().any(same);
        if !edit.add {
            if !found {
                let effect = if edit.effect.is_empty() { String::new() } else { format!(":{}", edit.effect) };
                return Err(format!("taint \"{}{effect}\" not found", edit.key));
            }
            taints.retain(|taint| !same(taint));
            continue;
        }
        if found && !overwrite {
            let name = &target.name;
            return Err(format!(
                "node {name} already has {} taint(s) with same effect(s) and --overwrite is false",
                edit.key
            ));
        }
        taints.retain(|taint| !same(taint));
        let mut taint = doc!({ "effect": &edit.effect, "key": &edit.key });
        if !edit.value.is_empty() {
            taint.set("value", &edit.value);
        }
        taints.push(taint);
    }
    Ok(taints)
}
