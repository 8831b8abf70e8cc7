//! `kubectl label` and `kubectl annotate`

use crate::api::validation::names::label_value;
use crate::doc;
use crate::doc::{Doc, merge_patch};

use super::args::{Args, Flag, optional, output, switch, value};
use super::change::Patching;
use super::failure::Failure;
use super::get::{shown, typed};
use super::io::{Io, Stop};
use super::manifests::{self, found_once};
use super::printer::Format;
use super::resource::{Target, objects};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    switch("overwrite", None),
    switch("all", None),
    switch("all-namespaces", Some('A')),
    switch("list", None),
    switch("local", None),
    value("selector", Some('l')),
    value("field-selector", None),
    value("resource-version", None),
    output(),
    optional("dry-run", "unchanged"),
    value("field-manager", None),
];

/// One of the two maps, and kubectl's words about it.
struct Words {
    field: &'static str,
    singular: &'static str,
    done: &'static str,
    undone: &'static str,
    /// What is said when something was added and something else taken away, or nothing changed.
    both: &'static str,
    nothing: &'static str,
    manager: &'static str,
}

pub(super) fn label(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words = Words {
        field: "labels",
        singular: "label",
        done: "labeled",
        undone: "unlabeled",
        both: "modified",
        nothing: "not labeled",
        manager: "kubectl-label",
    };
    run(args, io, &words)
}

pub(super) fn annotate(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let words = Words {
        field: "annotations",
        singular: "annotation",
        done: "annotated",
        undone: "annotated",
        both: "annotated",
        nothing: "annotated",
        manager: "kubectl-annotate",
    };
    run(args, io, &words)
}

/// A change of one entry; no value takes it away.
type Edit = (String, Option<String>);

/// Splits the words of the command: what they are about, and what is to change.
fn split(words: &[String]) -> (Vec<String>, Vec<Edit>) {
    let (mut subjects, mut edits) = (Vec::new(), Vec::new());
    for word in words {
        if let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) {
            edits.push((key.to_owned(), Some(value.to_owned())));
        } else if let Some(key) = word.strip_suffix('-').filter(|_| !subjects.is_empty()) {
            edits.push((key.to_owned(), None));
        } else {
            subjects.push(word.clone());
        }
    }
    (subjects, edits)
}

fn run(args: &Args, io: &mut Io<'_>, words: &Words) -> Result<(), Stop> {
    let (subjects, edits) = split(&args.words);
    for flag in ["selector", "field-selector"] {
        if args.is_on("all") && args.get(flag).is_some() {
            return Err(io.fail(format!("cannot set --all and --{flag} at the same time")));
        }
    }
    if subjects.is_empty() && args.get("filename").is_none() {
        return Err(
            io.fail("one or more resources must be specified as <resource> <name> or <resource>/<name>")
        );
    }
    if edits.is_empty() && !args.is_on("list") {
        return Err(io.fail(format!("at least one {} update is required", words.singular)));
    }
    if words.field == "labels" {
        for (key, value) in &edits {
            well_formed(key, value.as_deref().unwrap_or("")).map_err(|why| io.fail(why))?;
        }
    }
    let both = |(key, value): &Edit| {
        value.is_none() && edits.iter().any(|(other, value)| other == key && value.is_some())
    };
    if let Some((key, _)) = edits.iter().find(|edit| both(edit)) {
        return Err(io.fail(match words.field {
            "labels" => "can not both modify and remove a label in the same command".to_owned(),
            _ => format!(
                "can not both modify and remove the following annotation(s) in the same command: {key}"
            ),
        }));
    }
    if args.is_on("local") && args.get("filename").is_none() {
        let file = if words.field == "labels" { "pod" } else { "rsrc" };
        return Err(io.fail(format!(
            "can only use local files by -f {file}.yaml or --filename={file}.json when --local=true is set"
        )));
    }
    let found = found_once(io, |io, failures| {
        if !args.is_on("local") {
            return objects(&subjects, args, io, failures);
        }
        let (wanted, refused) = manifests::read(args, words.singular, io)?;
        failures.extend(refused);
        Ok(wanted.into_iter().map(|wanted| (wanted.target, wanted.written)).collect())
    })?;
    let several = found.wanted.len() + found.failures.len() > 1 || args.is_on("all") || args.is_choosing();
    if args.get("resource-version").is_some() && several {
        return Err(io.fail("--resource-version may only be used with a single resource"));
    }
    found.change(io, |target, object, io, failures| {
        if !args.is_on("list") {
            return one(target, object, &edits, args, io, words, failures);
        }
        match changed(object, &edits, args.is_on("overwrite"), words) {
            Ok(object) => list(target, &object, several, io, words),
            Err(why) => failures.push(Failure::Client(why)),
        }
        Ok(())
    })
}

/// Whether a label can have this value; kubectl looks at it before the server does.
fn well_formed(key: &str, value: &str) -> Result<(), String> {
    if value.contains('=') {
        return Err(format!("invalid label spec: {key}={value}"));
    }
    match label_value(value) {
        faults if faults.is_empty() => Ok(()),
        // The client counts bytes.
        faults => {
            let why = faults.join(";").replace("63 characters", "63 bytes");
            Err(format!("invalid label value: \"{key}={value}\": {why}"))
        }
    }
}

/// The object as it would be; a list shows it so.
fn changed(object: &Doc, edits: &[Edit], overwrite: bool, words: &Words) -> Result<Doc, String> {
    let mut object = object.clone();
    for (key, value) in edits {
        let old = object["metadata"][words.field][key.as_str()].as_str();
        match (value, old) {
            (Some(value), Some(old)) if value != old && !overwrite => return Err(refused(key, old, words)),
            (Some(value), _) => object.set_at(&["metadata", words.field, key], value.as_str()),
            (None, Some(_)) => {
                object.at_mut(&["metadata", words.field]).remove(key);
            }
            (None, None) => {}
        }
    }
    Ok(object)
}

/// Why an entry keeps its value.
fn refused(key: &str, old: &str, words: &Words) -> String {
    if words.field == "labels" {
        format!("'{key}' already has a value ({old}), and --overwrite is false")
    } else {
        format!(
            "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({old})"
        )
    }
}

fn list(target: &Target, object: &Doc, several: bool, io: &mut Io<'_>, words: &Words) {
    if several {
        let (kind, group) = (&target.kind.kind, &target.kind.group);
        io.say(format!("Listing {} for {kind}.{group}/{}:", words.field, target.name));
    }
    for (key, value) in object["metadata"][words.field].entries() {
        io.say(format!("{}{key}={}", if several { " " } else { "" }, value.str()));
    }
}

fn one(
    target: &Target,
    object: &Doc,
    edits: &[Edit],
    args: &Args,
    io: &mut Io<'_>,
    words: &Words,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let present = &object["metadata"][words.field];
    let mut changes = Doc::map();
    let (mut added, mut removed) = (false, false);
    let before = failures.len();
    for (key, value) in edits {
        let old = present[key.as_str()].as_str();
        match (value, old) {
            // Why a rollout was is said anew with each.
            (Some(value), Some(old))
                if value != old && !args.is_on("overwrite") && key != "kubernetes.io/change-cause" =>
            {
                let message = refused(key, old, words);
                failures.push(Failure::Client(message));
            }
            (Some(value), old) if old != Some(value) => {
                changes.set(key.as_str(), value.as_str());
                added = true;
            }
            (None, Some(_)) => {
                changes.set(key.as_str(), Doc::Null);
                removed = true;
            }
            (None, None) if words.field == "labels" => io.say(format!("label \"{key}\" not found.")),
            _ => {}
        }
    }
    if failures.len() > before {
        return Ok(());
    }
    let done = match (added, removed) {
        (true, true) => words.both,
        (true, false) => words.done,
        (false, true) => words.undone,
        (false, false) => {
            return match Format::asked(args, io)? {
                Some(Format::Name) => {
                    io.say(target.display());
                    Ok(())
                }
                Some(format) => format.show(&shown(typed(target, object), &format, args), true, io),
                None => {
                    io.say(format!("{} {}", target.display(), words.nothing));
                    Ok(())
                }
            };
        }
    };
    let mut patch = doc!({ "metadata": {} });
    patch.set_at(&["metadata", words.field], changes);
    if args.is_on("local") {
        let made = merge_patch(object, &patch);
        return match Format::asked(args, io)? {
            None => {
                io.say(format!("{} {done}", target.display()));
                Ok(())
            }
            Some(Format::Name) => {
                io.say(target.display());
                Ok(())
            }
            Some(format) => format.show(&shown(made, &format, args), true, io),
        };
    }
    if let Some(revision) = args.get("resource-version") {
        patch.set_at(&["metadata", "resourceVersion"], revision);
    }
    let patching = Patching { way: "merge", manager: words.manager, done, part: "" };
    patching.send(target, object, &patch, args, io, failures)
}
