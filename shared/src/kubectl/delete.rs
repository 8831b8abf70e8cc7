//! `kubectl delete`

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc;
use crate::doc::Doc;
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, optional, switch, truth, value};
use super::change::DryRun;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::manifests::{self, Wanted};
use super::resource::{Target, by_name, objects, targets};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    switch("all", None),
    value("selector", Some('l')),
    value("field-selector", None),
    duration("timeout", None),
    value("output", Some('o')),
    value("raw", None),
    switch("all-namespaces", Some('A')),
    switch("interactive", Some('i')),
    switch("wait", None),
    optional("dry-run", "unchanged"),
    optional("cascade", "background"),
    int64("grace-period", None),
    switch("now", None),
    switch("force", None),
    switch("ignore-not-found", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if let Err(why) = contradiction(args) {
        return Err(io.fail(why));
    }
    if let Some(path) = args.get("raw").filter(|path| !path.is_empty()) {
        return super::raw::send("DELETE", path, "".into(), io);
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    let mut options = options(args, io)?;
    if dry == DryRun::Server {
        options.set("dryRun", doc!(["All"]));
    }
    let force = args.is_on("force");
    if force {
        io.warn(
            "Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. \
             The resource may continue to run on the cluster indefinitely.",
        );
    }
    let doomed = if args.get("filename").is_some() {
        manifests::alone(&args.words, args, io)?;
        manifests::read_once(args, "delete", io)?
    } else {
        manifests::once(io, |io| named(args, io))?
    };
    let (doomed, mut failures) = (&doomed.wanted, doomed.failures.clone());
    if args.get("namespace").is_some() && doomed.iter().any(|one| !one.target.kind.namespaced) {
        io.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    if doomed.is_empty() && failures.is_empty() {
        io.say("No resources found");
        return Ok(());
    }
    if args.is_on("interactive") && !agreed(doomed, io) {
        return Ok(());
    }
    let deleted = io.each(doomed, |Wanted { target, doc, .. }, io| {
        let mut object = doc.clone();
        if dry != DryRun::Client {
            let query = dry.query().replace('&', "?");
            let response = io.request(HttpRequest {
                method: "DELETE".into(),
                path: format!("{}{query}", target.path()).into(),
                body: options.to_json().into(),
                ..HttpRequest::default()
            })?;
            if !response.is_success() {
                return Ok(Err(refused(&response, args)));
            }
            object = response.body;
        }
        tell(target, force, dry, args, io);
        // What is gone at once is answered with a status that says what it was.
        let uid =
            if object["kind"].as_str() == Some("Status") { &object["details"] } else { &object["metadata"] };
        Ok(Ok(uid["uid"].clone()))
    })?;
    let mut leaving = Vec::new();
    for (one, became) in doomed.iter().zip(deleted) {
        match became {
            Ok(uid) => leaving.push((&one.target, uid)),
            Err(refused) => failures.extend(refused),
        }
    }
    if args.is_on("ignore-not-found") {
        failures.retain(|failure| !failure.is("NotFound"));
    }
    if args.get("wait") != Some("false") && !force && dry == DryRun::None {
        wait(&leaving, args, io, &mut failures)?;
    }
    io.finish(failures)
}

/// Asks whether all that is to go may go.
fn agreed(doomed: &[Wanted], io: &mut Io<'_>) -> bool {
    io.say(format!("You are about to delete the following {} resource(s):", doomed.len()));
    doomed.iter().for_each(|one| io.say(one.target.display()));
    io.print("Do you want to continue? (y/N): ");
    let answer = io.stdin.text.lines().next().unwrap_or("").trim().to_lowercase();
    let agreed = matches!(answer.as_str(), "y" | "yes");
    if !agreed {
        io.say("deletion is cancelled");
    }
    agreed
}

fn contradiction(args: &Args) -> Result<(), String> {
    if args.is_on("now") && args.get("grace-period").is_some_and(|seconds| seconds != "-1") {
        return Err("--now and --grace-period cannot be specified together".into());
    }
    if let Some(output) = args.get("output").filter(|output| *output != "name") {
        return Err(format!("unexpected -o output mode: {output}. We only support '-o name'"));
    }
    if args.get("output").is_some() && args.get("raw").is_some() {
        return Err("--raw and --output are mutually exclusive".into());
    }
    for flag in ["selector", "field-selector"] {
        if args.is_on("all") && args.get(flag).is_some() {
            let what = if flag == "selector" { "selector. " } else { "field-selector. " };
            return Err(format!("setting 'all' parameter but found a non empty {what}"));
        }
    }
    let grace = args.number("grace-period")?.unwrap_or(if args.is_on("now") { 1 } else { -1 });
    if args.is_on("force") && grace > 0 {
        return Err("--force and --grace-period greater than 0 cannot be specified together".into());
    }
    Ok(())
}

fn tell(target: &Target, force: bool, dry: DryRun, args: &Args, io: &mut Io<'_>) {
    if args.get("output").is_some() {
        return io.say(target.display());
    }
    let deleted = if force { "force deleted" } else { "deleted" };
    let place = match target.namespace.as_str() {
        "" => String::new(),
        namespace => format!(" from {namespace} namespace"),
    };
    io.say(format!("{} \"{}\" {deleted}{place}{}", target.kind.type_name(), target.name, dry.suffix()));
}

/// Waits until all are gone, or time is up.
fn wait(
    leaving: &[(&Target, Doc)],
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let limit = match args.get("timeout").map(|text| (text, Duration::parse(text))) {
        Some((text, None)) => {
            return Err(io.fail(format!(
                "invalid argument {text:?} for \"--timeout\" flag: time: invalid duration {text:?}"
            )));
        }
        Some((_, Some(length))) => Some(length.0 as i64).filter(|length| *length > 0),
        None => None,
    };
    if leaving.is_empty() {
        return Ok(());
    }
    // One loop for all of them: of thousands each would be gone through again with every answer.
    let looked_at = |memory: &Doc| &leaving[memory["at"].as_i64().unwrap_or(0) as usize];
    let first = doc!({ "at": 0i64, "waited": 0i64, "late": [] });
    let late = io.stream(&|memory| looked_at(memory).0.get(), first, |mut memory, response, _| {
        let waited = memory["waited"].as_i64().unwrap_or(0);
        let there = response.is_success() && response.body["metadata"]["uid"] == looked_at(&memory).1;
        // While no server answers, nobody knows.
        if there || response.code == 0 {
            if limit.is_none_or(|limit| waited < limit) {
                memory.set("waited", waited + POLL.0 as i64);
                return Next::Again(memory);
            }
            memory
                .set("late", Doc::list(memory["late"].items().iter().cloned().chain([memory["at"].clone()])));
        }
        let next = memory["at"].as_i64().unwrap_or(0) + 1;
        if next == leaving.len() as i64 {
            return Next::Done(memory["late"].clone());
        }
        memory.set("at", next);
        Next::On(memory)
    })?;
    for at in late.items() {
        let target = leaving[at.as_i64().unwrap_or(0) as usize].0;
        let (plural, name) = (&target.kind.plural, &target.name);
        failures.push(Failure::Client(format!("timed out waiting for the condition on {plural}/{name}")));
    }
    Ok(())
}

/// What `--cascade` says.
pub(super) fn cascade(args: &Args) -> Result<&'static str, String> {
    match args.get("cascade").unwrap_or("background") {
        "background" => Ok("Background"),
        "foreground" => Ok("Foreground"),
        "orphan" => Ok("Orphan"),
        other => match truth(other) {
            Some(true) => Ok("Background"),
            Some(false) => Ok("Orphan"),
            None => Err(format!(
                "invalid cascade value ({other}). Must be \"background\", \"foreground\", or \"orphan\""
            )),
        },
    }
}

/// What `--cascade` and `--grace-period` ask of a deletion.
pub(super) fn options(args: &Args, io: &mut Io<'_>) -> Result<Doc, Stop> {
    if let Some((old, is_on)) = args.get("cascade").and_then(|old| Some((old, truth(old)?))) {
        let new = if is_on { "background" } else { "orphan" };
        io.warn(format!(
            "warning: --cascade={old} is deprecated (boolean value) and can be replaced with --cascade={new}."
        ));
    }
    let policy = cascade(args).map_err(|why| io.fail(why))?;
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

/// What the words mean. Who names objects need not be allowed to see them.
fn named(args: &Args, io: &mut Io<'_>) -> Result<(Vec<Wanted>, Vec<Failure>), Stop> {
    let wanted = |(target, doc)| Wanted { target, doc, written: Doc::Null };
    let mut failures = Vec::new();
    let some =
        ["selector", "field-selector"].iter().any(|flag| args.get(flag).is_some()) || args.is_on("all");
    if some && args.words.iter().any(|word| word.contains('/')) {
        return Err(io.fail("selectors and the all flag cannot be used when passing resource/name arguments"));
    }
    if some && args.words.len() > 1 {
        return Err(io.fail("name cannot be provided when a selector is specified"));
    }
    if some {
        let found = objects(&args.words, args, io, &mut failures)?;
        return Ok((found.into_iter().map(wanted).collect(), failures));
    }
    let named = targets(&args.words, args, io)?;
    if named.iter().any(|target| target.name.is_empty()) {
        return Err(io.fail("resource(s) were provided, but no name was specified"));
    }
    by_name(&named, &args.words, args, io)?;
    Ok((named.into_iter().map(|target| wanted((target, Doc::Null))).collect(), failures))
}

fn refused(response: &HttpResponse, args: &Args) -> Failure {
    let failure = Failure::of(response);
    if args.get("filename").is_some() { failure.when("deleting \"STDIN\"") } else { failure }
}
