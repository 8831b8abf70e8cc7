//! `kubectl delete`

use crate::cluster::{HttpRequest, HttpResponse};
use crate::doc;
use crate::doc::Doc;
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, optional, switch, truth, value};
use super::change::DryRun;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::manifests;
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
    let mut failures = Vec::new();
    let doomed = if args.get("filename").is_some() {
        from_input(args, io, &mut failures)?
    } else {
        named(args, io, &mut failures)?
    };
    if args.get("namespace").is_some() && doomed.iter().any(|(target, _)| !target.kind.namespaced) {
        io.warn("Warning: deleting cluster-scoped resources, not scoped to the provided namespace");
    }
    if doomed.is_empty() && failures.is_empty() {
        io.say("No resources found");
        return Ok(());
    }
    if args.is_on("interactive") && !agreed(&doomed, io) {
        return Ok(());
    }
    let deleted = io.each(&doomed, |(target, object), io| {
        let mut object = object.clone();
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
    for ((target, _), became) in doomed.into_iter().zip(deleted) {
        match became {
            Ok(uid) => leaving.push((target, uid)),
            Err(failure) => failures.push(failure),
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
fn agreed(doomed: &[(Target, Doc)], io: &mut Io<'_>) -> bool {
    io.say(format!("You are about to delete the following {} resource(s):", doomed.len()));
    doomed.iter().for_each(|(target, _)| io.say(target.display()));
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
    leaving: &[(Target, Doc)],
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
    let mut waited = 0;
    for (target, uid) in leaving {
        let (gone, now) = io.poll(target.get(), doc!(waited), |waited, response| {
            let waited = waited.as_i64().unwrap_or(0);
            let there = response.is_success() && response.body["metadata"]["uid"] == *uid;
            // While no server answers, nobody knows.
            if !(there || response.code == 0) {
                return Next::Done((true, waited));
            }
            match limit {
                Some(limit) if waited >= limit => Next::Done((false, waited)),
                Some(_) => Next::Again(doc!(waited + POLL.0 as i64)),
                None => Next::Again(doc!(waited)),
            }
        })?;
        waited = now;
        if !gone {
            let (plural, name) = (&target.kind.plural, &target.name);
            let why = format!("timed out waiting for the condition on {plural}/{name}");
            failures.push(Failure::Client(why));
        }
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
fn named(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop> {
    let some =
        ["selector", "field-selector"].iter().any(|flag| args.get(flag).is_some()) || args.is_on("all");
    if some && args.words.iter().any(|word| word.contains('/')) {
        return Err(io.fail("selectors and the all flag cannot be used when passing resource/name arguments"));
    }
    if some && args.words.len() > 1 {
        return Err(io.fail("name cannot be provided when a selector is specified"));
    }
    if some {
        return objects(&args.words, args, io, failures);
    }
    let named = targets(&args.words, args, io)?;
    if named.iter().any(|target| target.name.is_empty()) {
        return Err(io.fail("resource(s) were provided, but no name was specified"));
    }
    by_name(&named, &args.words, args, io)?;
    Ok(named.into_iter().map(|target| (target, Doc::Null)).collect())
}

fn from_input(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop> {
    manifests::alone(&args.words, args, io)?;
    let read = manifests::read_once(args, "delete", io)?;
    failures.extend(read.0.failures.iter().cloned());
    Ok(read.0.wanted.iter().map(|object| (object.target.clone(), Doc::Null)).collect())
}

fn refused(response: &HttpResponse, args: &Args) -> Failure {
    let failure = Failure::of(response);
    if args.get("filename").is_some() { failure.when("deleting \"STDIN\"") } else { failure }
}
