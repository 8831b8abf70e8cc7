//! `kubectl set image`, `resources` and `serviceaccount`

use crate::api::quantity::canonical;
use crate::doc;
use crate::doc::Doc;

use super::super::args::Args;
use super::super::failure::Failure;
use super::super::io::{Io, Stop};
use super::super::manifests::found_once;
use super::{Told, no_pods, pod_spec, subjects_of, update};

/// What is said of each, and of its failure.
const IMAGE: Told = ("image updated", "failed to patch image update to pod template: ");
const RESOURCES: Told =
    ("resource requirements updated", "failed to patch resources update to pod template ");
const ACCOUNT: Told = ("serviceaccount updated", "failed to patch ServiceAccountName ");

/// The two lists of containers that have images.
const LISTS: [&str; 2] = ["initContainers", "containers"];

/// Whether a word says what should be what.
fn is_edit(word: &str) -> bool {
    word.find('=').is_some_and(|at| at > 0)
}

pub(super) fn image(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let (edits, subjects): (Vec<String>, Vec<String>) = words.iter().cloned().partition(|word| is_edit(word));
    if let Some(late) = words.iter().skip_while(|word| !is_edit(word)).find(|word| !is_edit(word)) {
        return Err(io.fail(format!("all resources must be specified before image changes: {late}")));
    }
    let found = found_once(io, |io, failures| subjects_of(&subjects, args, io, failures))?;
    if edits.is_empty() {
        return Err(io.fail("at least one image update is required"));
    }
    found.change(io, |target, object, io, failures| {
        let Some(path) = pod_spec(object) else {
            failures.push(no_pods(target, args));
            return Ok(());
        };
        let spec = object.at(path);
        let mut change = Doc::map();
        for (container, image) in edits.iter().filter_map(|edit| edit.split_once('=')) {
            let mut found = false;
            for list in LISTS {
                for item in spec[list].items() {
                    if container != "*" && item["name"].as_str() != Some(container) {
                        continue;
                    }
                    found = true;
                    if item["image"].as_str() != Some(image) {
                        let mut changed = change[list].items().to_vec();
                        changed.push(doc!({ "image": image, "name": item["name"].clone() }));
                        change.set(list, changed);
                    }
                }
            }
            if !found {
                failures
                    .push(Failure::Client(format!("error: unable to find container named {container:?}")));
            }
        }
        if change.is_empty() {
            return Ok(());
        }
        update((target, object), path, change, IMAGE, args, io, failures)
    })
}

/// `cpu=200m,memory=512Mi`
fn amounts(text: &str) -> Result<Doc, String> {
    let mut made = Doc::map();
    for statement in text.split(',') {
        let (name, value) = statement
            .split_once('=')
            .ok_or_else(|| format!("Invalid argument syntax {statement}, expected <resource>=<value>"))?;
        let value = canonical(&Doc::from(value)).ok_or(
            "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        )?;
        made.set(name, value);
    }
    Ok(made)
}

pub(super) fn resources(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let mut wanted = Doc::map();
    for field in ["limits", "requests"] {
        if let Some(text) = args.get(field).filter(|text| !text.is_empty()) {
            wanted.set(field, amounts(text).map_err(|why| io.fail(why))?);
        }
    }
    if words.is_empty() && args.get("filename").is_none() {
        // It says what it needs.
        subjects_of(words, args, io, &mut Vec::new())?;
    }
    if wanted.is_empty() {
        return Err(
            io.fail("you must specify an update to requests or limits (in the form of --requests/--limits)")
        );
    }
    let which = args.get("containers").unwrap_or("*");
    let found = found_once(io, |io, failures| subjects_of(words, args, io, failures))?;
    found.change(io, |target, object, io, failures| {
        let Some(path) = pod_spec(object) else {
            failures.push(no_pods(target, args));
            return Ok(());
        };
        let (mut changed, mut same) = (Doc::map(), true);
        for (list, container) in chosen(object.at(path), which) {
            let known = &container["resources"];
            let fields = wanted.entries().iter().flat_map(|(field, amounts)| {
                amounts.entries().iter().map(move |(name, amount)| (field, name, amount))
            });
            same = fields.fold(same, |same, (field, name, amount)| {
                same && canonical(&known[field.as_str()][name.as_str()]) == canonical(amount)
            });
            let change = doc!({ "name": container["name"].clone(), "resources": wanted.clone() });
            changed.map_mut().entry(list).edit_items().push(change);
        }
        if changed.is_empty() {
            failures.push(Failure::Client(format!("error: unable to find container named {which}")));
            return Ok(());
        }
        // Nothing is said of what is so already.
        if same {
            return Ok(());
        }
        update((target, object), path, changed, RESOURCES, args, io, failures)
    })
}

/// The containers of a pod's spec that a pattern chooses, each with the list it stands in.
pub(super) fn chosen<'a>(spec: &'a Doc, which: &'a str) -> impl Iterator<Item = (&'static str, &'a Doc)> {
    let all = ["containers", "initContainers"].into_iter();
    let all = all.flat_map(|list| spec[list].items().iter().map(move |container| (list, container)));
    all.filter(move |(_, container)| matches_name(which, &container["name"].str()))
}

/// Whether a name fits a pattern with `*`.
fn matches_name(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => {
            name.len() >= before.len() + after.len() && name.starts_with(before) && name.ends_with(after)
        }
    }
}

pub(super) fn service_account(words: &[String], args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((account, subjects)) = words.split_last() else {
        return Err(io.fail("serviceaccount is required"));
    };
    let found = found_once(io, |io, failures| subjects_of(subjects, args, io, failures))?;
    found.change(io, |target, object, io, failures| {
        let Some(path) = pod_spec(object) else {
            failures.push(no_pods(target, args));
            return Ok(());
        };
        let change = doc!({ "serviceAccountName": account.as_str() });
        update((target, object), path, change, ACCOUNT, args, io, failures)
    })
}
