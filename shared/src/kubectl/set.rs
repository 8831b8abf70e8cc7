//! `kubectl set` (each part below `set/`) and `kubectl patch`

mod env;
mod pods;
mod subjects;

use crate::doc::{Doc, parse_json};
use crate::manifest;

use super::Ask;
use super::args::{Args, Flag, optional, output, switch, value};
use super::change::{DryRun, Patching, note};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::manifests::{Wanted, found_once};
use super::resource::{Target, objects, objects_as_written, some_objects};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
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
    value("field-manager", None),
];

pub(super) const PATCH_FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("patch", Some('p')),
    value("patch-file", None),
    value("type", None),
    value("subresource", None),
    output(),
    switch("local", None),
    optional("dry-run", "unchanged"),
    value("field-manager", None),
];

/// A part of `set`: how it reads its words, and what it makes of an object.
pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((part, words)) = args.words.split_first() else {
        return super::help::parts("set", io);
    };
    match part.as_str() {
        "image" => pods::image(words, args, io),
        "resources" => pods::resources(words, args, io),
        "serviceaccount" | "sa" => pods::service_account(words, args, io),
        "env" => env::run(words, args, io),
        "selector" => subjects::selector(words, args, io),
        "subject" => subjects::run(words, args, io),
        _ => {
            let words = args.words.join(" ");
            Err(io.fail(format!("unknown command {words:?}\nSee 'kubectl set -h' for help and examples")))
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

/// The refusal of an object that keeps none.
fn no_pods(target: &Target, args: &Args) -> Failure {
    let (called, kind) = (called(target, args), &target.kind.kind);
    // What people define Go holds as anything.
    let go = match target.kind.known() {
        Some(_) => format!("{}.{kind}", target.kind.version),
        None => "unstructured.Unstructured".to_owned(),
    };
    Failure::Client(format!("{called} the object is not a pod or does not have a pod template: *{go}"))
}

/// How a failure names an object: one that is only in a file otherwise, and on a line of its own if it has a group.
fn called(target: &Target, args: &Args) -> String {
    if !args.is_on("local") {
        return format!("{}/{}", target.kind.plural, target.name);
    }
    format!("{}{}", target.display(), if target.kind.group.is_empty() { "" } else { "\n" })
}

/// What is said when it is done, and what stands before the server's refusal.
type Told = (&'static str, &'static str);

/// Sends what changes in an object's pod spec.
fn update(
    (target, object): (&Target, &Doc),
    path: &[&str],
    change: Doc,
    (done, refused): Told,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let mut patch = Doc::map();
    patch.set_at(path, change);
    let patching = Patching { way: "strategic-merge", manager: "kubectl-set", done, part: "" };
    let mut own = Vec::new();
    patching.send(target, object, &patch, args, io, &mut own)?;
    failures.extend(own.into_iter().map(|failure| match failure {
        Failure::Server(status) => Failure::Client(format!("{refused}{}", status["message"].str())),
        other => other,
    }));
    Ok(())
}

/// The objects that words mean; with `--local` only a file can bring them.
fn subjects_of(
    words: &[String],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Vec<(Target, Doc)>, Stop> {
    if args.is_on("local") && args.get("filename").is_none() {
        return Err(io.fail(
            "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   \
             '-f rsrc.yaml'\n   '--filename=rsrc.json'",
        ));
    }
    if args.is_on("local") {
        let (mut wanted, refused) = super::manifests::read(args, "get", io)?;
        failures.extend(refused);
        // Go has no struct for what people define; `patch` needs none.
        if args.get("patch").is_none() {
            let known = |wanted: &Wanted| wanted.target.kind.known().is_some();
            failures.extend(wanted.iter().filter(|wanted| !known(wanted)).map(|wanted| {
                let (kind, version) = (&wanted.target.kind.kind, wanted.target.kind.api_version());
                Failure::Client(format!(
                    "unable to decode \"STDIN\": no kind {:?} is registered for version {version:?} in scheme \
                     \"pkg/scheme/scheme.go:28\"",
                    kind.as_str()
                ))
            }));
            wanted.retain(known);
        }
        return Ok(wanted.into_iter().map(|wanted| (wanted.target, wanted.written)).collect());
    }
    objects(words, args, io, failures)
}

pub(super) fn patch(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.is_on("local") && !args.words.is_empty() {
        return Err(io.fail("cannot specify --local and server resources"));
    }
    if args.get("patch-file").is_some() && args.get("patch").is_some() {
        return Err(io.fail("cannot specify --patch and --patch-file together"));
    }
    let file = match args.get("patch-file") {
        Some(path) => Some((path, io.ask(Ask::Load(path.into()))?)),
        None => None,
    };
    if let Some((path, _)) = file.as_ref().filter(|(_, text)| text.is_empty()) {
        return Err(io.fail(format!("unable to read patch file: open {path}: no such file or directory")));
    }
    let text = file.as_ref().map(|(_, text)| text.as_str()).or(args.get("patch"));
    let Some(text) = text.filter(|text| !text.is_empty()) else {
        return Err(io.fail("must specify --patch or --patch-file containing the contents of the patch"));
    };
    let kind = match args.get("type").unwrap_or("strategic") {
        "strategic" => "strategic-merge",
        "merge" => "merge",
        "json" => "json",
        other => return Err(io.fail(format!("--type must be one of [json merge strategic], not {other:?}"))),
    };
    let (text, patch) = match parse_json(text) {
        Ok(patch) => (text.to_owned(), patch),
        // What begins as JSON does goes as it is: the server says what is wrong with it.
        Err(_) if text.trim_start().starts_with('{') => (text.to_owned(), Doc::Null),
        Err(_) => match manifest::documents(text) {
            Ok(documents) => {
                let patch = documents.into_iter().next().unwrap_or_default();
                (patch.to_json(), patch)
            }
            Err(fault) => return Err(io.fail(format!("unable to parse {text:?}: yaml: {}", fault.kubectl))),
        },
    };
    let part = args.get("subresource").map_or_else(String::new, |part| format!("/{part}"));
    let offline = args.is_on("local") || DryRun::of(args).map_err(|why| io.fail(why))? == DryRun::Client;
    if offline && kind != "json" && !matches!(patch, Doc::Map(_)) {
        return Err(io.fail("invalid JSON document"));
    }
    if offline && kind == "json" && !matches!(patch, Doc::List(_)) {
        let found = if matches!(patch, Doc::Map(_)) { "object" } else { patch.type_name() };
        return Err(io.fail(format!("json: cannot unmarshal {found} into Go value of type jsonpatch.Patch")));
    }
    let found = found_once(io, |io, failures| match args.is_on("local") {
        true => subjects_of(&[], args, io, failures),
        false if args.get("filename").is_some() => objects_as_written(&args.words, args, io, failures),
        false => some_objects("patch", &args.words, args, io, failures),
    })?;
    if found.wanted.is_empty() && found.failures.is_empty() {
        return Err(io.fail("no objects passed to patch"));
    }
    found.change(io, |target, before, io, failures| {
        if offline && kind == "strategic-merge" && target.kind.known().is_none() {
            let (version, kind) = (target.kind.api_version(), &target.kind.kind);
            failures.push(Failure::Client(format!(
                "strategic merge patch is not supported for {version}, Kind={kind} locally, try --type merge"
            )));
            return Ok(());
        }
        if !patch.is_null() && (args.get("dry-run").is_some() || args.get("output").is_some()) {
            let patching = Patching { way: kind, manager: "kubectl-patch", done: "patched", part: &part };
            return patching.send(target, before, &patch, args, io, failures);
        }
        let mut request = target.patch(kind, "kubectl-patch", &patch);
        request.path = request.path.replacen('?', &format!("{part}?"), 1).into();
        request.body = text.as_str().into();
        let response = io.request(request)?;
        if !response.is_success() {
            failures.push(Failure::of(&response));
            return Ok(());
        }
        note(target, "kubectl-patch", io)?;
        // What the last finalizer held up is gone without another version.
        let same = |field: &str| response.body["metadata"][field] == before["metadata"][field];
        if same("resourceVersion") && same("finalizers") {
            io.say(format!("{} patched (no change)", patched(target, &response.body)));
        } else {
            io.say(format!("{} patched", patched(target, &response.body)));
        }
        Ok(())
    })
}

/// How what came back is called: a part of an object may be of a kind of its own.
fn patched(target: &Target, object: &Doc) -> String {
    match object["kind"].as_str() {
        Some("Scale") => format!("scale.autoscaling/{}", target.name),
        _ => target.display(),
    }
}
