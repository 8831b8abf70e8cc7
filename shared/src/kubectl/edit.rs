//! `kubectl edit`: hands the object's YAML to an editor and sends what was changed in it.

use crate::doc;
use crate::doc::Doc;
use crate::manifest;

use super::Ask;
use super::args::{Args, Flag, optional, output, switch, value};
use super::failure::Failure;
use super::get::typed;
use super::io::{Io, Stop};
use super::manifests::{self, Wanted};
use super::patch::three_way;
use super::resource::{Target, objects, objects_or_lists, targets};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    output(),
    value("subresource", None),
    optional("validate", "strict"),
    switch("save-config", None),
    switch("windows-line-endings", None),
    switch("output-patch", None),
    value("field-manager", None),
];

pub(super) const HEADER: &str = "\
# Please edit the object below. Lines beginning with a '#' will be ignored,
# and an empty file will abort the edit. If an error occurs while saving this file will be
# reopened with the relevant failures.
#
";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Some(format) = args.get("output").filter(|format| !matches!(*format, "json" | "yaml" | "kyaml")) {
        return Err(io.fail(format!(
            "unable to match a printer suitable for the output format {format:?}, allowed formats are: json,kyaml,yaml"
        )));
    }
    let mut failures = Vec::new();
    let found = if args.get("filename").is_some() {
        objects(&args.words, args, io, &mut failures)?
    } else {
        objects_or_lists(targets(&args.words, args, io)?, args, io, &mut failures)?
    };
    if !failures.is_empty() {
        return io.finish(failures);
    }
    if found.is_empty() {
        return Err(io.fail("edit cancelled, no objects found"));
    }
    let shown = |(target, object): &(Target, Doc)| {
        let mut object = typed(target, object);
        object.at_mut(&["metadata"]).remove("managedFields");
        object
    };
    let objects: Vec<Doc> = found.iter().map(shown).collect();
    let whole = match objects.as_slice() {
        [one] => one.clone(),
        _ => doc!({ "apiVersion": "v1", "items": objects.clone(), "kind": "List", "metadata": {} }),
    };
    let original = manifest::to_yaml(&whole);
    let mut text = format!("{HEADER}{original}");
    loop {
        let edited = io.ask(Ask::Edit(text.as_str().into()))?;
        let body = without_comments(&edited);
        if body == without_comments(&text) {
            // Nothing was mended after a refusal, or nothing was changed at all.
            return if text.starts_with(HEADER) && body == original {
                io.warn("Edit cancelled, no changes made.");
                Ok(())
            } else {
                Err(io.fail("Edit cancelled, no valid changes were saved."))
            };
        }
        if body.trim().is_empty() {
            io.warn("Edit cancelled, saved file was empty.");
            return Ok(());
        }
        let refused = match changed(&body) {
            Ok(edited) => save(&found, &objects, &edited, io)?,
            Err(why) => Some(why),
        };
        match refused {
            None => return Ok(()),
            Some(why) => text = format!("{}{body}", reopened(&why)),
        }
    }
}

/// `kubectl create --edit`: each object is handed to the editor before it is made. Those that are to be made then.
pub(super) fn before_creating(
    wanted: Vec<Wanted>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<Vec<Wanted>, Stop> {
    let mut edited = Vec::new();
    for object in wanted {
        edited.extend(changed_by_hand(&object.doc, args, io)?);
    }
    Ok(edited)
}

fn changed_by_hand(doc: &Doc, args: &Args, io: &mut Io<'_>) -> Result<Vec<Wanted>, Stop> {
    let original = manifest::to_yaml(doc);
    let mut text = format!("{HEADER}{original}");
    loop {
        let body = without_comments(&io.ask(Ask::Edit(text.as_str().into()))?);
        if body == original || body.trim().is_empty() {
            let why = if body == original { "no changes made" } else { "saved file was empty" };
            io.warn(format!("Edit cancelled, {why}."));
            return Ok(Vec::new());
        }
        if body == without_comments(&text) {
            return Err(io.fail("Edit cancelled, no valid changes were saved."));
        }
        let mut objects = Vec::new();
        let mut refused = None;
        match changed(&body) {
            Ok(docs) => {
                for doc in docs {
                    match manifests::want(doc, args, io)? {
                        Ok(object) => objects.push(object),
                        Err(why) => refused = Some(why),
                    }
                }
            }
            Err(why) => refused = Some(why),
        }
        match refused {
            None => return Ok(objects),
            Some(why) => text = format!("{}{body}", reopened(&why)),
        }
    }
}

/// The objects that a text holds.
fn changed(text: &str) -> Result<Vec<Doc>, String> {
    let documents = manifest::documents(text)
        .map_err(|fault| format!("The edited file had a syntax error: yaml: {}", fault.kubectl))?;
    let mut objects = Vec::new();
    for document in documents {
        match &document["items"] {
            Doc::List(items) if document["kind"].as_str() == Some("List") => {
                objects.extend(items.iter().cloned())
            }
            _ => objects.push(document),
        }
    }
    Ok(objects)
}

/// Sends what differs; why the first one was refused.
fn save(
    found: &[(Target, Doc)],
    before: &[Doc],
    edited: &[Doc],
    io: &mut Io<'_>,
) -> Result<Option<String>, Stop> {
    for after in edited {
        let metadata = &after["metadata"];
        let same = |object: &&Doc| {
            object["apiVersion"] == after["apiVersion"]
                && object["kind"] == after["kind"]
                && object["metadata"]["name"] == metadata["name"]
                && object["metadata"]["namespace"] == metadata["namespace"]
        };
        let Some(at) = before.iter().position(|object| same(&object)) else {
            return Err(io.fail("At least one of apiVersion, kind and name was changed"));
        };
        let target = &found[at].0;
        let mut patch = three_way(&before[at], after, &before[at]);
        if patch.is_empty() {
            io.say(format!("{} skipped", target.display()));
            continue;
        }
        io.note(&mut patch);
        let way = if target.kind.known().is_some() { "strategic-merge" } else { "merge" };
        let response = io.request(target.patch(way, "kubectl-edit", &patch))?;
        if response.is_success() {
            io.say(format!("{} edited", target.display()));
            continue;
        }
        let failure = Failure::of(&response);
        let about = format!("{} {:?}", target.kind.qualified(), target.name.as_str());
        io.warn(format!("error: {about} could not be patched: {}", response.body["message"].str()));
        if failure.is("Invalid") {
            let causes = response.body["details"]["causes"].items().iter();
            let causes =
                causes.map(|cause| format!("\n# * {}: {}", cause["field"].str(), cause["message"].str()));
            return Ok(Some(format!("{about} was not valid:{}", causes.collect::<String>())));
        }
        io.warn("You can run `kubectl replace -f /tmp/kubectl-edit.yaml` to try this update again.");
        return Err(Stop::Exit(1));
    }
    Ok(None)
}

/// The header of a file that is opened again.
fn reopened(why: &str) -> String {
    format!("{HEADER}# {why}\n#\n")
}

pub(super) fn without_comments(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect()
}
