//! `kubectl scale`

use crate::cluster::HttpRequest;
use crate::doc;

use super::args::{Args, Flag, switch, value};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::objects;

pub(super) const FLAGS: &[Flag] = &[
    value("replicas", None),
    value("current-replicas", None),
    switch("all", None),
    value("selector", Some('l')),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let count = args.get("replicas").and_then(|count| count.parse::<i64>().ok()).filter(|count| *count >= 0);
    let Some(count) = count else {
        return Err(
            io.fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0")
        );
    };
    let mut failures = Vec::new();
    for (target, object) in objects(&args.words, args, io, &mut failures)? {
        let expected = args
            .get("current-replicas")
            .and_then(|count| count.parse::<i64>().ok())
            .filter(|count| *count >= 0);
        let current = object["spec"]["replicas"].as_i64().unwrap_or(0);
        if let Some(expected) = expected.filter(|expected| *expected != current) {
            failures.push(Failure::Client(format!("Expected replicas to be {expected}, was {current}")));
            continue;
        }
        let response = io.request(HttpRequest {
            method: "PATCH".into(),
            path: format!("{}/scale?fieldManager=kubectl", target.path()).into(),
            content_type: "application/merge-patch+json".into(),
            body: doc!({ "spec": { "replicas": count } }).to_json().into(),
            ..HttpRequest::default()
        })?;
        if response.is_success() {
            io.say(format!("{} scaled", target.display()));
        } else {
            failures.push(Failure::of(&response));
        }
    }
    io.finish(failures)
}
