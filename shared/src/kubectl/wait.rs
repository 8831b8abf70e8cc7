//! `kubectl wait`

use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::Doc;
use crate::sim::Duration;

use super::args::{Args, Flag, duration, output, switch, value};
use super::failure::Failure;
use super::get::{shown, typed};
use super::io::{Io, Next, POLL, Stop};
use super::jsonpath::{JsonPath, print};
use super::printer::{Format, relaxed};
use super::resource::{Target, objects, targets};
use super::watch::{Told, deadline, follow, list_of_one};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    value("for", None),
    switch("local", None),
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
            "condition" if text.contains('=') => {
                let (name, status) = rest.split_once('=').unwrap_or((rest, "true"));
                Ok(Goal::Condition(name.to_lowercase(), status.to_lowercase()))
            }
            "jsonpath" if text.contains('=') && rest.is_empty() => {
                Err("jsonpath expression cannot be empty".into())
            }
            "jsonpath" if text.contains('=') => {
                let parts = split(rest);
                let (path, wanted) = match parts.as_slice() {
                    [path] => (path, None),
                    [path, wanted] => (path, Some(wanted.trim_matches(['\'', '"']).to_owned())),
                    _ => {
                        return Err(
                            "jsonpath wait format must be --for=jsonpath='{.status.readyReplicas}'=3 or \
                                    --for=jsonpath='{.status.readyReplicas}'"
                                .into(),
                        );
                    }
                };
                if wanted.as_deref() == Some("") {
                    return Err("jsonpath wait has to have a value after equal sign, like \
                                --for=jsonpath='{.status.readyReplicas}'=3"
                        .into());
                }
                Ok(Goal::Path(relaxed(path.trim_matches('\''))?, wanted))
            }
            _ => Err(format!("unrecognized condition: {text:?}")),
        }
    }

    fn is_met(&self, object: &Doc) -> bool {
        match self {
            Goal::Gone => false,
            Goal::Created => true,
            Goal::Condition(name, status) => object["status"]["conditions"].items().iter().any(|condition| {
                let seen = condition["observedGeneration"].as_i64();
                let seen = seen.or_else(|| object["status"]["observedGeneration"].as_i64());
                let current = seen.is_none_or(|seen| {
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

/// The parts between single equals signs; two together belong to the expression.
fn split(text: &str) -> Vec<String> {
    text.replace("==", "\0").split('=').map(|part| part.replace('\0', "==")).collect()
}

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    if args.is_on("local") && args.get("filename").is_none() {
        return Err(io.fail(
            "you must specify resources by --filename when --local is set.\nExample resource specifications include:\n   \
             '-f rsrc.yaml'\n   '--filename=rsrc.json'",
        ));
    }
    let goals: Result<Vec<Goal>, String> = args.all("for").iter().map(|text| Goal::parse(text)).collect();
    let mut goals = goals.map_err(|why| io.fail(why))?;
    if goals.is_empty() {
        return Err(io.fail("unrecognized condition: []"));
    }
    // What is not there yet has nothing else to show.
    sort_by_key(&mut goals, |goal| !matches!(goal, Goal::Created));
    let format = Format::asked(args, io)?;
    let timeout = match args.get("timeout").unwrap_or("30s") {
        // Less than nothing is a week.
        text if text.starts_with('-') => Duration::seconds(7 * 24 * 3600),
        text => Duration::parse(text).unwrap_or(Duration::ZERO),
    };
    goals.iter().try_for_each(|goal| reach(goal, timeout, format.as_ref(), args, io))
}

/// Waits until all objects have come to one of the goals.
fn reach(
    goal: &Goal,
    timeout: Duration,
    format: Option<&Format>,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(), Stop> {
    if matches!(goal, Goal::Created) {
        appear(args, timeout, io)?;
    }
    let mut failures = Vec::new();
    let found = objects(&args.words, args, io, &mut failures)?;
    if matches!(goal, Goal::Gone) {
        failures.retain(|failure| !failure.is("NotFound"));
    }
    if found.is_empty() && failures.is_empty() && !matches!(goal, Goal::Gone) {
        return Err(io.fail("no matching resources found"));
    }
    // The time is for all of them together: it runs since the start, and once it is up nobody is looked at any more.
    let mut is_late = false;
    for (target, object) in found {
        let failure = if is_late { Some(late(&target)) } else { one(&target, &object, goal, timeout, io)? };
        is_late |= failure == Some(late(&target));
        match failure {
            None => match &format {
                None => io.say(format!("{} condition met", target.display())),
                Some(Format::Name) => io.say(target.display()),
                Some(format) => {
                    let response = io.request(target.get())?;
                    let object = if response.is_success() { response.body } else { object };
                    format.show(&shown(typed(&target, &object), format, args), true, io)?;
                }
            },
            Some(failure) => failures.push(failure),
        }
    }
    io.finish(failures)
}

fn late(target: &Target) -> Failure {
    let (plural, name) = (&target.kind.plural, &target.name);
    Failure::Client(format!("timed out waiting for the condition on {plural}/{name}"))
}

/// Waits until all objects that are named are there.
fn appear(args: &Args, timeout: Duration, io: &mut Io<'_>) -> Result<(), Stop> {
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
    Ok(())
}

/// Waits for one object; the failure, if it is one.
fn one(
    target: &Target,
    object: &Doc,
    goal: &Goal,
    length: Duration,
    io: &mut Io<'_>,
) -> Result<Option<Failure>, Stop> {
    let response = io.request(target.get())?;
    if !response.is_success() {
        let gone = matches!(goal, Goal::Gone) && response.code == 404;
        return Ok(Some(Failure::of(&response)).filter(|_| !gone));
    }
    if let Goal::Path(path, wanted) = goal {
        let found = path.find(&response.body);
        let is_nested = found.iter().any(|found| matches!(found, Doc::Map(_) | Doc::List(_)));
        let why = match found.len() {
            0 | 1 if wanted.is_none() || !is_nested => None,
            0 | 1 => Some("jsonpath leads to a nested object or list which is not supported"),
            _ => Some("given jsonpath expression matches more than one value"),
        };
        if let Some(why) = why {
            return Ok(Some(Failure::Client(why.into())));
        }
    }
    let met = |now: &Doc| match goal {
        Goal::Gone => now["metadata"]["uid"] != object["metadata"]["uid"],
        goal => goal.is_met(now),
    };
    if met(&response.body) {
        return Ok(None);
    }
    let of = format!("{}/{}", target.kind.plural, target.name);
    if length == Duration::ZERO {
        return Ok(Some(Failure::Client(format!("condition not met for {of}"))));
    }
    let until = deadline(length, io);
    follow(&list_of_one(target), Some(until), io, |_, told, _| match told {
        Told::First(list) => match (list["items"].items().first(), goal) {
            (Some(object), _) => met(object).then_some(None),
            (None, Goal::Gone) => Some(None),
            (None, _) => Some(Some(missing(target))),
        },
        Told::Event("DELETED", _) => matches!(goal, Goal::Gone).then_some(None),
        Told::Event(_, object) => met(object).then_some(None),
        Told::Refused(response) => Some(Some(Failure::of(response))),
        Told::Late => Some(Some(late(target))),
    })
}

/// What is said of an object that went before anybody could watch it.
fn missing(target: &Target) -> Failure {
    let message = format!("{} {:?} not found", target.kind.qualified(), target.name);
    Failure::Server(doc!({ "reason": "NotFound", "message": message }))
}
