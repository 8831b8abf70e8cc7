//! `kubectl rollout`: status, history, undo, restart, pause and resume of what is rolled out.

use crate::api::Kind;
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, optional, output, switch, value};
use super::change::{DryRun, Patching};
use super::describe;
use super::failure::Failure;
use super::io::{Io, Stop};
use super::last_applied::LAST_APPLIED;
use super::manifests::{self, found_once};
use super::printer::Format;
use super::resource::{Target, by_name, escape, objects_or_lists, targets};
use super::tabs::{NARROW, align};
use super::watch::{Told, deadline, follow, list_of_one};

pub(super) const FLAGS: &[Flag] = &[
    duration("timeout", None),
    int64("to-revision", None),
    int64("revision", None),
    value("selector", Some('l')),
    value("filename", Some('f')),
    value("field-manager", None),
    switch("watch", Some('w')),
    optional("dry-run", "unchanged"),
    output(),
];

const VERBS: [&str; 6] = ["history", "pause", "restart", "resume", "status", "undo"];

const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((verb, subjects)) = args.words.split_first() else {
        return super::help::parts("rollout", io);
    };
    if !VERBS.contains(&verb.as_str()) {
        let words = args.words.join(" ");
        return Err(
            io.fail(format!("unknown command {words:?}\nSee 'kubectl rollout -h' for help and examples"))
        );
    }
    if subjects.is_empty() && args.get("filename").is_none() {
        return Err(io.fail("required resource not specified"));
    }
    if let Some(revision) = args.number("revision").map_err(|why| io.fail(why))?.filter(|number| *number < 0)
    {
        return Err(io.fail(format!("revision must be a positive integer: {revision}")));
    }
    DryRun::of(args).map_err(|why| io.fail(why))?;
    let found = found_once(io, |io, failures| {
        let wanted = if args.get("filename").is_some() {
            let (wanted, refused) = manifests::read(args, verb, io)?;
            failures.extend(refused);
            wanted.into_iter().map(|wanted| wanted.target).collect()
        } else {
            let wanted = targets(subjects, args, io)?;
            by_name(&wanted, subjects, args, io)?;
            wanted
        };
        objects_or_lists(wanted, args, io, failures)
    })?;
    // The two that only read what there is find nothing in silence.
    if found.wanted.is_empty() && found.failures.is_empty() && !matches!(verb.as_str(), "history" | "undo") {
        io.warn(format!("No resources found in {} namespace.", args.namespace()));
    }
    found.change(io, |target, object, io, failures| {
        let plural = &target.kind.plural;
        let Some(kind @ (Kind::Deployment | Kind::DaemonSet | Kind::StatefulSet)) = target.kind.known()
        else {
            if verb == "undo" {
                warn_of_applied(target, object, io);
            }
            failures.push(Failure::Client(unsupported(verb, target)));
            return Ok(());
        };
        match verb.as_str() {
            "status" => status(target, kind, args, io),
            "history" => history(target, object, args, io),
            "undo" => undo(target, object, args, io, failures),
            "restart" => restart(target, object, args, io, failures),
            "pause" | "resume" if target.kind != Kind::Deployment => {
                let verb = if verb == "pause" { "pausing" } else { "resuming" };
                failures.push(Failure::Client(format!(
                    "error: {plural}.apps {:?} {verb} is not supported",
                    target.name
                )));
                Ok(())
            }
            _ => pause(target, object, verb == "pause", (args, io), failures),
        }
    })
}

/// What is said where a kind has no rollouts.
fn unsupported(verb: &str, target: &Target) -> String {
    let kind = &target.kind;
    let group = if kind.group.is_empty() { String::new() } else { format!(".{}", kind.group) };
    let of = format!("{}{group}", kind.kind);
    // These are of no kind that could ever roll out.
    let visited =
        matches!(kind.kind.as_str(), "Pod" | "ReplicationController" | "ReplicaSet" | "Job" | "CronJob");
    let doing = match verb {
        "status" => return format!("no status viewer has been implemented for {of}"),
        "history" if !visited => {
            return format!(
                "error retrieving history for {of:?}, no visitor method exists for {{{} {}}}",
                kind.group, kind.kind
            );
        }
        "history" => return format!("no history viewer has been implemented for {of:?}"),
        "undo" if !visited => {
            return format!(
                "error retrieving rollbacker for {of:?}, no visitor method exists for {{{} {}}}",
                kind.group, kind.kind
            );
        }
        "undo" => return format!("no rollbacker has been implemented for {of:?}"),
        "restart" => "restarting",
        "pause" => "pausing",
        _ => "resuming",
    };
    format!("error: {}{group} {:?} {doing} is not supported", kind.plural, target.name)
}

/// How a rollout stands; the end is `Ok`, a failure the outer error.
type Standing = Result<Result<String, String>, String>;

fn standing_of(kind: Kind, object: &Doc) -> Standing {
    let observed =
        object["metadata"]["generation"].as_i64() <= object["status"]["observedGeneration"].as_i64();
    let strategy = &object["spec"]["updateStrategy"]["type"];
    if kind != Kind::Deployment && strategy.as_str() != Some("RollingUpdate") {
        return Err("rollout status is only available for RollingUpdate strategy type".into());
    }
    if !observed {
        let what = match kind {
            Kind::DaemonSet => "daemon set",
            Kind::StatefulSet => "statefulset",
            _ => "deployment",
        };
        return Ok(Err(format!("Waiting for {what} spec update to be observed...")));
    }
    let number = |field: &str| object["status"][field].as_i64().unwrap_or(0);
    match kind {
        Kind::DaemonSet => Ok(daemon_set(object, number)),
        Kind::StatefulSet => Ok(stateful_set(object, number)),
        _ => deployment(object, number),
    }
}

fn deployment(object: &Doc, number: impl Fn(&str) -> i64) -> Standing {
    let (name, status) = (object["metadata"]["name"].str(), &object["status"]);
    let waiting =
        |what: String| Ok(Err(format!("Waiting for deployment {name:?} rollout to finish: {what}...")));
    let stuck = status["conditions"].items().iter().any(|condition| {
        condition["type"].as_str() == Some("Progressing")
            && condition["reason"].as_str() == Some("ProgressDeadlineExceeded")
    });
    if stuck {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = object["spec"]["replicas"].as_i64().unwrap_or(1);
    let (updated, all, available) =
        (number("updatedReplicas"), number("replicas"), number("availableReplicas"));
    if updated < wanted {
        return waiting(format!("{updated} out of {wanted} new replicas have been updated"));
    }
    if all > updated {
        return waiting(format!("{} old replicas are pending termination", all - updated));
    }
    if available < updated {
        return waiting(format!("{available} of {updated} updated replicas are available"));
    }
    Ok(Ok(format!("deployment {name:?} successfully rolled out")))
}

fn daemon_set(object: &Doc, number: impl Fn(&str) -> i64) -> Result<String, String> {
    let name = object["metadata"]["name"].str();
    let waiting = |what: String| Err(format!("Waiting for daemon set {name:?} rollout to finish: {what}..."));
    let desired = number("desiredNumberScheduled");
    let (updated, available) = (number("updatedNumberScheduled"), number("numberAvailable"));
    if updated < desired {
        return waiting(format!("{updated} out of {desired} new pods have been updated"));
    }
    if available < desired {
        return waiting(format!("{available} of {desired} updated pods are available"));
    }
    Ok(format!("daemon set {name:?} successfully rolled out"))
}

fn stateful_set(object: &Doc, number: impl Fn(&str) -> i64) -> Result<String, String> {
    let (spec, status) = (&object["spec"], &object["status"]);
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
    let (ready, updated) = (number("readyReplicas"), number("updatedReplicas"));
    if ready < wanted {
        return Err(format!("Waiting for {} pods to be ready...", wanted - ready));
    }
    if let Some(partition) = spec["updateStrategy"]["rollingUpdate"]["partition"].as_i64() {
        let part = wanted - partition;
        if updated < part {
            return Err(format!(
                "Waiting for partitioned roll out to finish: {updated} out of {part} new pods have been updated..."
            ));
        }
        return Ok(format!("partitioned roll out complete: {updated} new pods have been updated..."));
    }
    let (current, update) = (status["currentRevision"].str(), status["updateRevision"].str());
    if current != update {
        return Err(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision {update}..."
        ));
    }
    Ok(format!(
        "statefulset rolling update complete {} pods at revision {current}...",
        number("currentReplicas")
    ))
}

/// Watches a rollout until it is done: a line for every change that it sees.
fn status(target: &Target, kind: Kind, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let length = args.get("timeout").and_then(Duration::parse).filter(|length| *length > Duration::ZERO);
    let until = length.map(|length| deadline(length, io));
    let revision = args.number("revision").map_err(|why| io.fail(why))?.filter(|revision| *revision > 0);
    let end = follow(&list_of_one(target), until, io, |_, told, said| {
        let object = match told {
            Told::First(list) => list["items"].items().first()?,
            Told::Event("ADDED" | "MODIFIED", object) => object,
            Told::Event("DELETED", _) => return Some(Err(Failure::Client("object has been deleted".into()))),
            Told::Event(..) => return None,
            Told::Refused(response) => return Some(Err(Failure::of(response))),
            Told::Late => {
                return Some(Err(Failure::Client("timed out waiting for the condition".into())));
            }
        };
        let standing = match revision {
            Some(wanted) if kind == Kind::Deployment => pinned(object, wanted),
            _ => Ok(()),
        };
        match standing.and_then(|()| standing_of(kind, object)) {
            Err(why) => return Some(Err(Failure::Client(why))),
            Ok(Ok(line)) => return Some(Ok(line)),
            Ok(Err(line)) if args.get("watch") == Some("false") => return Some(Ok(line)),
            Ok(Err(line)) => said.stdout.push_str(&format!("{line}\n")),
        }
        None
    })?;
    match end {
        Ok(line) => {
            io.say(line);
            Ok(())
        }
        Err(failure) => io.finish(vec![failure]),
    }
}

/// Whether a deployment still is at the revision that was asked for.
fn pinned(object: &Doc, wanted: i64) -> Result<(), String> {
    match object["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse::<i64>().ok()) {
        Some(running) if running != wanted => {
            Err(format!("desired revision ({wanted}) is different from the running revision ({running})"))
        }
        _ => Ok(()),
    }
}

/// What an object was once.
struct Past {
    revision: i64,
    template: Doc,
    cause: Str,
    /// The patch that brings it back, for what keeps its history in ControllerRevisions.
    data: Doc,
    /// The object that remembers it.
    kept: Doc,
}

impl Past {
    fn read(kept: &Doc) -> Option<Past> {
        let annotations = &kept["metadata"]["annotations"];
        let own = kept["revision"].as_i64();
        let revision = own.or_else(|| annotations[REVISION].as_str().and_then(|text| text.parse().ok()))?;
        let source = if own.is_some() { &kept["data"]["spec"] } else { &kept["spec"] };
        let mut template = source["template"].clone();
        template.remove("$patch");
        let cause = annotations["kubernetes.io/change-cause"].as_str().unwrap_or("<none>");
        let (cause, data) = (cause.into(), kept["data"].clone());
        Some(Past { revision, template, cause, data, kept: kept.clone() })
    }
}

/// The history of an object by revision, oldest first.
fn revisions(target: &Target, object: &Doc, io: &mut Io<'_>) -> Result<Vec<Past>, Stop> {
    let labels = object["spec"]["selector"]["matchLabels"].entries().iter();
    let selector = labels.map(|(key, value)| format!("{key}={}", value.str())).collect::<Vec<_>>().join(",");
    let keeper = if target.kind == Kind::Deployment { Kind::ReplicaSet } else { Kind::ControllerRevision };
    let mut request = Target::new(keeper, &target.namespace, "").get();
    request.path = format!("{}?labelSelector={}", request.path, escape(&selector)).into();
    let response = io.request(request)?;
    if !response.is_success() {
        return Err(io.finish(vec![Failure::of(&response)]).err().unwrap_or(Stop::Exit(1)));
    }
    let uid = &object["metadata"]["uid"];
    let owned = |kept: &&Doc| {
        let owners = kept["metadata"]["ownerReferences"].items();
        owners.iter().any(|owner| owner["controller"].as_bool() == Some(true) && owner["uid"] == *uid)
    };
    let kept = response.body["items"].items().iter().filter(owned);
    let of = Target::new(keeper, "", "");
    let typed = |kept: &Doc| super::get::typed(&of, kept);
    let mut revisions: Vec<Past> = kept.filter_map(|kept| Past::read(&typed(kept))).collect();
    sort_by_key(&mut revisions, |past| past.revision);
    Ok(revisions)
}

fn history(target: &Target, object: &Doc, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let revisions = revisions(target, object, io)?;
    let wanted = args.get("revision").filter(|wanted| *wanted != "0");
    let chosen = |past: &&Past| wanted.is_none_or(|wanted| past.revision.to_string() == wanted);
    if wanted.is_some() && !revisions.iter().any(|past| chosen(&past)) {
        return Err(io.fail("unable to find the specified revision"));
    }
    if let Some(format) = Format::asked(args, io)? {
        for past in revisions.iter().filter(chosen) {
            let kept = super::get::shown(past.kept.clone(), &format, args);
            match format {
                Format::Name => {
                    let kind = kept["kind"].str().to_lowercase();
                    io.say(format!("{kind}.apps/{}", kept["metadata"]["name"].str()));
                }
                _ => format.show_typed(&kept, io)?,
            }
        }
        return Ok(());
    }
    if let (Some(wanted), Some(past)) = (wanted, revisions.iter().find(chosen)) {
        io.say(format!("{} with revision #{wanted}", target.display()));
        let mut template = past.template.clone();
        if past.cause != *"<none>" {
            template.set_at(&["metadata", "annotations", "kubernetes.io/change-cause"], &past.cause);
        }
        let text = describe::pod_template(&template, io, target)?;
        io.say(text);
        return Ok(());
    }
    io.say(format!("{} ", target.display()));
    let mut table = "REVISION\tCHANGE-CAUSE\n".to_owned();
    revisions.iter().for_each(|past| table.push_str(&format!("{}\t{}\n", past.revision, past.cause)));
    io.print(&align(&table, NARROW));
    io.say("");
    Ok(())
}

/// Says that what was applied and what is rolled back to will differ.
fn warn_of_applied(target: &Target, object: &Doc, io: &mut Io<'_>) {
    if object["metadata"]["annotations"][LAST_APPLIED].is_null() {
        return;
    }
    io.warn(format!(
        "Warning: resource {}/{} was previously managed with 'kubectl apply'. Rolling back will not update the \
         {LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. Consider \
         using 'kubectl apply' with your previous configuration file instead.",
        target.kind.plural, target.name
    ));
}

fn undo(
    target: &Target,
    object: &Doc,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let to: i64 = args.get("to-revision").and_then(|revision| revision.parse().ok()).unwrap_or(0);
    let refuse = |message: String, failures: &mut Vec<Failure>| {
        failures.push(Failure::Client(message));
        Ok(())
    };
    warn_of_applied(target, object, io);
    let revisions = revisions(target, object, io)?;
    let chosen = if to != 0 {
        revisions.iter().find(|past| past.revision == to)
    } else {
        revisions.len().checked_sub(2).and_then(|at| revisions.get(at))
    };
    let Some(past) = chosen else {
        let message = match target.kind.known() {
            _ if to != 0 => format!("unable to find specified revision {to} in history"),
            Some(Kind::Deployment) => format!("no rollout history found for deployment \"{}\"", target.name),
            _ => "no last revision to roll back to".to_owned(),
        };
        return refuse(message, failures);
    };
    if object["spec"]["paused"].as_bool() == Some(true) {
        let message = "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again";
        return refuse(message.into(), failures);
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    let format = Format::asked(args, io)?;
    let mut template = past.template.clone();
    template.at_mut(&["metadata", "labels"]).remove("pod-template-hash");
    let done = if dry == DryRun::Client {
        let text = describe::pod_template(&past.template, io, target)?;
        let will = if target.kind == Kind::Deployment { "" } else { "will roll back to " };
        format!("{will}{text}")
    } else if template == object["spec"]["template"] {
        format!("skipped rollback (current template already matches revision {to})")
    } else {
        let (way, patch) = match target.kind.known() {
            Some(Kind::Deployment) => {
                ("json", doc!([{ "op": "replace", "path": "/spec/template", "value": template }]))
            }
            _ => ("strategic-merge", past.data.clone()),
        };
        if let Err(failure) = patching(way, "").made(target, object, &patch, args, io)? {
            failures.push(failure);
            return Ok(());
        }
        "rolled back".into()
    };
    match format {
        None => io.say(format!("{} {done}{}", target.display(), dry.suffix())),
        Some(Format::Name) => io.say(target.display()),
        // As it was before.
        Some(format) => {
            let object = super::get::shown(super::get::typed(target, object), &format, args);
            format.show_typed(&object, io)?;
        }
    }
    Ok(())
}

fn patching<'a>(way: &'a str, done: &'a str) -> Patching<'a> {
    Patching { way, manager: "kubectl-rollout", done, part: "" }
}

fn restart(
    target: &Target,
    object: &Doc,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let (plural, name) = (&target.kind.plural, &target.name);
    if object["spec"]["paused"].as_bool() == Some(true) {
        failures.push(Failure::Client(format!(
            "error: {plural}.apps {name:?} can't restart paused deployment (run rollout resume first)"
        )));
        return Ok(());
    }
    let now = io.started.rfc3339();
    let annotations = &object["spec"]["template"]["metadata"]["annotations"];
    if annotations["kubectl.kubernetes.io/restartedAt"].as_str() == Some(&now) {
        failures.push(Failure::Client(format!(
            "failed to create patch for {name}: if restart has already been triggered within the past second, please \
             wait before attempting to trigger another"
        )));
        return Ok(());
    }
    let mut patch = Doc::map();
    let path = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
    patch.set_at(&path, now);
    patching("strategic-merge", "restarted").send(target, object, &patch, args, io, failures)
}

fn pause(
    target: &Target,
    object: &Doc,
    pause: bool,
    (args, io): (&Args, &mut Io<'_>),
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    if (object["spec"]["paused"].as_bool() == Some(true)) == pause {
        let message = format!(
            "error: deployments.apps {:?} is {}",
            target.name,
            if pause { "already paused" } else { "not paused" }
        );
        failures.push(Failure::Client(message));
        return Ok(());
    }
    let value = if pause { Doc::Bool(true) } else { Doc::Null };
    let patch = doc!({ "spec": { "paused": value } });
    let done = if pause { "paused" } else { "resumed" };
    patching("strategic-merge", done).send(target, object, &patch, args, io, failures)
}
