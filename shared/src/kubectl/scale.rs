//! `kubectl scale`

use crate::doc;
use crate::doc::merge_patch;
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int32, int64, optional, output, switch, value};
use super::change::{DryRun, Patching};
use super::failure::Failure;
use super::get::typed;
use super::io::{Io, Next, POLL, Stop};
use super::manifests::found_once;
use super::resource::{Target, objects_as_written, some_objects};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    int32("replicas", None),
    int64("current-replicas", None),
    switch("all", None),
    value("selector", Some('l')),
    value("resource-version", None),
    duration("timeout", None),
    output(),
    optional("dry-run", "unchanged"),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.get("replicas").is_none() {
        return Err(io.fail("required flag(s) \"replicas\" not set"));
    }
    let count = args.get("replicas").and_then(|count| count.parse::<i64>().ok()).filter(|count| *count >= 0);
    let Some(count) = count else {
        return Err(
            io.fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
        );
    };
    let trial = DryRun::of(args) == Ok(DryRun::Client);
    let found = found_once(io, |io, failures| match trial {
        true => objects_as_written(&args.words, args, io, failures),
        false => some_objects("scale", &args.words, args, io, failures),
    })?;
    if found.wanted.is_empty() && found.failures.is_empty() {
        return Err(io.fail("no objects passed to scale"));
    }
    found.change(io, |target, object, io, failures| {
        let expected = args
            .get("current-replicas")
            .and_then(|count| count.parse::<i64>().ok())
            .filter(|count| *count >= 0 && !trial);
        let current = object["spec"]["replicas"].as_i64().unwrap_or(0);
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            failures.push(Failure::Client(format!("Expected replicas to be {expected}, was {current}")));
            return Ok(());
        }
        let revision = object["metadata"]["resourceVersion"].str();
        if let Some(expected) =
            args.get("resource-version").filter(|expected| !trial && **expected != *revision)
        {
            failures
                .push(Failure::Client(format!("Expected resource version to be {expected}, was {revision}")));
            return Ok(());
        }
        let patch = doc!({ "spec": { "replicas": count } });
        let patching = Patching { way: "merge", manager: "kubectl", done: "scaled", part: "/scale" };
        if let Err(failure) = patching.made(target, object, &patch, args, io)? {
            failures.push(failure);
            return Ok(());
        }
        if DryRun::of(args) == Ok(DryRun::None) {
            synced(target, count, args, io)?;
        }
        // The server answers with a Scale; what is printed is the object as it was found, and as many.
        let made = typed(target, &merge_patch(object, &patch));
        patching.tell(target, object, made, args, io)
    })
}

/// With `--timeout`, waits until there are as many as wanted.
fn synced(target: &Target, count: i64, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let limit = args.get("timeout").and_then(Duration::parse).unwrap_or(Duration::ZERO);
    if limit == Duration::ZERO {
        return Ok(());
    }
    let mut request = target.get();
    request.path = format!("{}/scale", request.path).into();
    let done = io.poll(request, doc!(0), |looked, response| {
        let looked = looked.as_i64().unwrap_or(0);
        let scale = &response.body;
        let there = |part: &str| scale[part]["replicas"].as_i64().unwrap_or(0) == count;
        if response.is_success() && there("spec") && there("status") {
            return Next::Done(true);
        }
        let waited = Duration(POLL.0.saturating_mul(looked.unsigned_abs() + 1));
        if waited >= limit { Next::Done(false) } else { Next::Again(doc!(looked + 1)) }
    })?;
    if done { Ok(()) } else { Err(io.fail(format!("timed out waiting for {:?} to be synced", target.name))) }
}
