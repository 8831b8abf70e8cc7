//! `kubectl wait`

use crate::doc;
use crate::doc::Doc;
use crate::sim::Duration;

use super::args::{Args, Flag, duration, output, switch, value};
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::jsonpath::{JsonPath, print};
use super::printer::relaxed;
use super::resource::{Target, objects, targets};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("for", None),
    duration("timeout", None),
    switch("all", None),
    switch("all-namespaces", Some('A')),
    value("selector", Some('l')),
    value("field-selector", None),
    output(),
];

/// What is waited for.
enum Goal {
    Gone,
    Created,
    /// A condition, and the status it should have.
    Condition(String, String),
    /// A path, and what should be there (anything, when it does not matter).
    Path(JsonPath, Option<String>),
}

impl Goal {
    fn parse(text: &str) -> Result<Goal, String> {
        let (kind, rest) = text.split_once('=').unwrap_or((text, ""));
        match kind.to_ascii_lowercase().as_str() {
            "delete" => Ok(Goal::Gone),
            "create" => Ok(Goal::Created),
            "condition" => {
                let (name, status) = rest.split_once('=').unwrap_or((rest, "true"));
                Ok(Goal::Condition(name.to_lowercase(), status.to_lowercase()))
            }
            "jsonpath" if rest.is_empty() => Err("jsonpath expression cannot be empty".into()),
            "jsonpath" => {
                let (path, wanted) = match rest.split_once("}=") {
                    Some((path, wanted)) => (format!("{path}}}"), Some(wanted.trim_matches('\'').to_owned())),
                    None => (rest.to_owned(), None),
                };
                Ok(Goal::Path(relaxed(path.trim_matches('\''))?, wanted))
            }
            _ => Err(format!(
                "unrecognized condition: {}",
                if text.is_empty() { "[]".into() } else { format!("{text:?}") }
            )),
        }
    }

    fn is_met(&self, object: &Doc) -> bool {
        match self {
            Goal::Gone => false,
            Goal::Created => true,
            Goal::Condition(name, status) => object["status"]["conditions"].items().iter().any(|condition| {
                let current = condition["observedGeneration"].as_i64().is_none_or(|seen| {
                    object["metadata"]["generation"].as_i64().is_none_or(|now| seen >= now)
                });
                condition["type"].str().to_lowercase() == *name
                    && condition["status"].str().to_lowercase() == *status
                    && current
            }),
            Goal::Path(path, wanted) => {
                let found = path.find(object);
                match wanted {
                    Some(wanted) => found.len() == 1 && print(&found[0]) == *wanted,
                    None => !found.is_empty(),
                }
            }
        }
    }
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let text = args.get("for").unwrap_or("");
    let goal = Goal::parse(text).map_err(|why| io.fail(why))?;
    let timeout = match args.get("timeout").unwrap_or("30s") {
        // Less than nothing is a week.
        text if text.starts_with('-') => Duration::seconds(7 * 24 * 3600),
        text => Duration::parse(text).unwrap_or(Duration::ZERO),
    };
    let mut left = timeout;
    if matches!(goal, Goal::Created) {
        left = appear(args, timeout, io)?;
    }
    let mut failures = Vec::new();
    let mut found = objects(&args.words, args, io, &mut failures)?;
    if matches!(goal, Goal::Gone) {
        failures.retain(|failure| !failure.is("NotFound"));
    }
    if found.is_empty() && failures.is_empty() && !matches!(goal, Goal::Gone) {
        return Err(io.fail("no matching resources found"));
    }
    // The time is for all of them together.
    for (target, object) in found.drain(..) {
        left = one(&target, &object, &goal, left, io, &mut failures)?;
    }
    io.finish(failures)
}

/// Waits until all objects that are named are there; the time that is left.
fn appear(args: &Args, timeout: Duration, io: &mut Io<'_>) -> Result<Duration, Stop> {
    let mut left = timeout;
    for target in targets(&args.words, args, io)?.into_iter().filter(|target| !target.name.is_empty()) {
        let (there, waited) = io.poll(target.get(), doc!({ "waited": 0i64 }), |memory, response| {
            let waited = memory["waited"].as_i64().unwrap_or(0);
            match response.code {
                404 if waited < left.0 as i64 => Next::Again(doc!({ "waited": waited + POLL.0 as i64 })),
                code => Next::Done((code != 404, waited)),
            }
        })?;
        left = Duration(left.0.saturating_sub(waited as u64));
        if !there {
            return Err(io.fail("timed out waiting for the condition"));
        }
    }
    Ok(left)
}

/// Waits for one object; the time that is left for the others.
fn one(
    target: &Target,
    object: &Doc,
    goal: &Goal,
    timeout: Duration,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<Duration, Stop> {
    let uid = object["metadata"]["uid"].clone();
    let first = doc!({ "waited": 0i64 });
    let (met, waited) = io.poll(target.get(), first, |memory, response| {
        let gone = response.code == 404 || (response.is_success() && response.body["metadata"]["uid"] != uid);
        let waited = memory["waited"].as_i64().unwrap_or(0);
        if (matches!(goal, Goal::Gone) && gone) || (response.is_success() && goal.is_met(&response.body)) {
            return Next::Done((true, waited));
        }
        if waited >= timeout.0 as i64 {
            return Next::Done((false, waited));
        }
        Next::Again(doc!({ "waited": waited + POLL.0 as i64 }))
    })?;
    if !met {
        let plural = &target.kind.plural;
        let message = format!("timed out waiting for the condition on {plural}/{}", target.name);
        failures.push(Failure::Client(message));
    } else {
        io.say(format!("{} condition met", target.display()));
    }
    Ok(Duration(timeout.0.saturating_sub(waited as u64)))
}
