//! The annotation in which kubectl remembers what it applied, and `kubectl apply view-last-applied`,
//! `set-last-applied` and `edit-last-applied`.

use crate::doc;
use crate::doc::Doc;
use crate::manifest;

use super::args::Args;
use super::change::{DryRun, Patching};
use super::edit;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests;
use super::resource::{Target, objects, targets};
use super::typed;

/// The annotation.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

const PATCHING: Patching<'static> =
    Patching { way: "merge", manager: "kubectl-last-applied", done: "configured", part: "" };

/// A part of `apply`: the words after it and the flags.
type Part = fn(&[String], &Args, &mut Io<'_>) -> Result<(), Stop>;

/// The part of `apply` that is called so.
pub(super) fn part(word: &str) -> Option<Part> {
    match word {
        "view-last-applied" => Some(view),
        "set-last-applied" => Some(set),
        "edit-last-applied" => Some(edit_noted),
        _ => None,
    }
}

/// The object with the annotation that says what was applied.
pub(super) fn noted(doc: &Doc) -> Doc {
    let mut bare = doc.clone();
    let mut annotations = doc["metadata"]["annotations"].clone();
    annotations.map_mut().remove(LAST_APPLIED);
    bare.set_at(&["metadata", "annotations"], annotations.clone());
    annotations.set(LAST_APPLIED, format!("{}\n", bare.to_go_json()));
    bare.set_at(&["metadata", "annotations"], annotations);
    bare
}

/// The same of an object that kubectl holds as a Go struct.
pub(super) fn noted_typed(mut object: Doc) -> Doc {
    let text = format!("{}\n", typed::compact(&object));
    object.set_at(&["metadata", "annotations", LAST_APPLIED], text);
    object
}

/// What was applied last, if the object says.
pub(super) fn of(current: &Doc) -> Option<Doc> {
    let text = current["metadata"]["annotations"][LAST_APPLIED].as_str()?;
    doc::parse_json(text).ok()
}

fn view(subjects: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let output = args.get("output").unwrap_or("yaml");
    if !matches!(output, "yaml" | "json") {
        return Err(io.fail(format!(
            "Unexpected -o output mode: {output}, the flag 'output' must be one of yaml|json\nSee 'kubectl apply \
             view-last-applied -h' for help and examples"
        )));
    }
    let mut failures = Vec::new();
    let found = objects(subjects, args, io, &mut failures)?;
    if let Some(first) = failures.into_iter().next() {
        return Err(io.end(first));
    }
    for (_, object) in found {
        // kubectl says nothing of an object that says nothing.
        let Some(last) = of(&object) else { continue };
        if output == "yaml" {
            io.print(&manifest::to_yaml(&last));
        } else {
            io.say(narrow(&last.to_json_pretty()));
        }
    }
    Ok(())
}

/// Indented text with half of its indentation.
fn narrow(text: &str) -> String {
    let half = |line: &str| {
        let bare = line.trim_start_matches(' ');
        format!("{}{bare}", " ".repeat((line.len() - bare.len()) / 2))
    };
    text.lines().map(half).collect::<Vec<_>>().join("\n")
}

fn set(_: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.get("filename").is_none() {
        targets(&[], args, io)?;
    }
    let (wanted, mut failures) = manifests::read(args, "set-last-applied", io)?;
    let mut changes = Vec::new();
    for wanted in wanted {
        let response = io.request(wanted.target.get())?;
        if !response.is_success() {
            failures.push(Failure::of(&response));
            break;
        }
        let (target, current) = (wanted.target, response.body);
        // As it was written: who applies notes its annotations too, be they none.
        let text = Doc::from(format!("{}\n", wanted.doc.to_go_json()).as_str());
        let before = &current["metadata"]["annotations"][LAST_APPLIED];
        if before.is_null() && !args.is_on("create-annotation") {
            failures.push(Failure::Client(format!(
                "no last-applied-configuration annotation found on resource: {}, to create the annotation, run the command \
                 with --create-annotation",
                target.name
            )));
            break;
        }
        if *before == text {
            io.say(format!("set-last-applied {}: no changes required.", target.name));
            continue;
        }
        changes.push((target, current, text));
    }
    // All or nothing.
    if failures.is_empty() {
        for (target, current, text) in changes {
            PATCHING.send(&target, &current, &patch(text), args, io, &mut failures)?;
        }
    }
    io.finish(failures)
}

/// The patch that sets the annotation.
fn patch(text: Doc) -> Doc {
    let mut patch = Doc::map();
    patch.set_at(&["metadata", "annotations", LAST_APPLIED], text);
    patch
}

fn edit_noted(subjects: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    DryRun::of(args).map_err(|why| io.fail(why))?;
    let mut failures = Vec::new();
    let found = objects(subjects, args, io, &mut failures)?;
    if !failures.is_empty() {
        return io.finish(failures);
    }
    let noted = found.iter().filter_map(|(target, object)| Some((target.clone(), of(object)?)));
    let noted: Vec<(Target, Doc)> = noted.collect();
    let Some((target, before)) = noted.first() else {
        return Err(io.fail(
            "no last-applied-configuration annotation found on resources, to create the annotation, use command \
             `kubectl apply set-last-applied --create-annotation`",
        ));
    };
    edit::last_applied(&noted, args, io, &mut |after, io| {
        // What was applied has no identity: all are compared with the first.
        if after == before {
            edit::tell(target, "skipped", after.clone(), args, io)?;
            return Ok(Ok(()));
        }
        let target = Target { name: after["metadata"]["name"].str(), ..target.clone() };
        let text = format!("{}\n", after.to_go_json());
        let request = target.patch("merge", "kubectl-last-applied", &patch(text.as_str().into()));
        let response = io.request(request)?;
        if !response.is_success() {
            return Ok(Err(Failure::of(&response)));
        }
        edit::tell(&target, "edited", after.clone(), args, io)?;
        Ok(Ok(()))
    })
}
