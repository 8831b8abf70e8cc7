//! `kubectl scale`

use crate::doc;

use super::args::{Args, Flag, duration, int32, int64, optional, output, switch, value};
use super::change::Patching;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::some_objects;

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
    let mut failures = Vec::new();
    for (target, object) in some_objects("scale", &args.words, args, io, &mut failures)? {
        let expected = args
            .get("current-replicas")
            .and_then(|count| count.parse::<i64>().ok())
            .filter(|count| *count >= 0);
        let current = object["spec"]["replicas"].as_i64().unwrap_or(0);
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            failures.push(Failure::Client(format!("Expected replicas to be {expected}, was {current}")));
            continue;
        }
        let revision = object["metadata"]["resourceVersion"].str();
        if let Some(expected) = args.get("resource-version").filter(|expected| **expected != *revision) {
            failures
                .push(Failure::Client(format!("Expected resource version to be {expected}, was {revision}")));
            continue;
        }
        let patch = doc!({ "spec": { "replicas": count } });
        let patching = Patching { way: "merge", manager: "kubectl", done: "scaled", part: "/scale" };
        patching.send(&target, &object, &patch, args, io, &mut failures)?;
    }
    io.finish(failures)
}
