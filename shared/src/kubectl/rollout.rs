//! `kubectl rollout`: status, history, undo, restart, pause and resume of Deployments.

use crate::api::Kind;
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::Doc;
use crate::sim::Duration;

use super::apply::LAST_APPLIED;
use super::args::{Args, Flag, value};
use super::change;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::resource::{Target, escape, objects};
use super::table::{NARROW, align};

pub(super) const FLAGS: &[Flag] = &[
    value("timeout", None),
    value("to-revision", None),
    value("revision", None),
    value("selector", Some('l')),
];

const REVISION: &str = "deployment.kubernetes.io/revision";

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let Some((verb, subjects)) = args.words.split_first() else {
        return Err(io.fail(
            "say what to do: kubectl rollout status|history|undo|restart|pause|resume deployment/NAME",
        ));
    };
    let mut failures = Vec::new();
    let found = objects(subjects, args, io, &mut failures)?;
    for (target, object) in found {
        if target.kind != Kind::Deployment {
            let plural = target.kind.info().plural;
            failures.push(Failure::Client(format!("{plural} {:?} {verb} is not supported", target.name)));
            continue;
        }
        match verb.as_str() {
            "status" => status(&target, args, io)?,
            "history" => history(&target, &object, args, io)?,
            "undo" => undo(&target, &object, args, io, &mut failures)?,
            "restart" => restart(&target, &object, io, &mut failures)?,
            "pause" | "resume" => pause(&target, &object, verb == "pause", io, &mut failures)?,
            other => return Err(io.fail(format!("unknown command {other:?} for \"kubectl rollout\""))),
        }
    }
    io.finish(failures)
}

/// What `rollout status` says of a Deployment; the end is `Ok`.
fn standing(deployment: &Doc) -> Result<Result<String, String>, String> {
    let (name, spec, status) =
        (deployment["metadata"]["name"].str(), &deployment["spec"], &deployment["status"]);
    let number = |field: &str| status[field].as_i64().unwrap_or(0);
    let waiting =
        |what: String| Ok(Err(format!("Waiting for deployment {name:?} rollout to finish: {what}...")));
    if deployment["metadata"]["generation"].as_i64() > status["observedGeneration"].as_i64() {
        return Ok(Err("Waiting for deployment spec update to be observed...".into()));
    }
    let stuck = status["conditions"].items().iter().any(|condition| {
        condition["type"].as_str() == Some("Progressing")
            && condition["reason"].as_str() == Some("ProgressDeadlineExceeded")
    });
    if stuck {
        return Err(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let wanted = spec["replicas"].as_i64().unwrap_or(1);
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

fn status(target: &Target, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let timeout = match args.get("timeout").map(|text| (text, Duration::parse(text))) {
        None => None,
        Some((_, Some(length))) => Some(length).filter(|length| *length > Duration::ZERO),
        Some((text, None)) => {
            return Err(
                io.fail(format!("invalid argument {text:?} for \"--timeout\" flag: no duration such as 30s"))
            );
        }
    };
    // What was printed so far, for which revision, and how long it has waited.
    let first = doc!({ "said": "", "revision": "", "waited": 0i64 });
    let (said, end) = io.poll(target.get(), first, |memory, response| {
        let mut said = memory["said"].str().to_string();
        if !response.is_success() {
            return Next::Done((said, Err(Some(Failure::of(response)))));
        }
        let revision = &response.body["metadata"]["resourceVersion"];
        let line = match standing(&response.body) {
            Err(why) => return Next::Done((said, Err(Some(Failure::Client(why))))),
            Ok(Ok(line)) => return Next::Done((said, Ok(line))),
            Ok(Err(line)) => line,
        };
        // A line for every change that was seen, as a watch would bring it.
        if *revision != memory["revision"] {
            said.push_str(&line);
            said.push('\n');
        }
        let waited = memory["waited"].as_i64().unwrap_or(0) + POLL.0 as i64;
        if timeout.is_some_and(|timeout| waited >= timeout.0 as i64) {
            return Next::Done((said, Err(None)));
        }
        Next::Again(doc!({ "said": said, "revision": revision.clone(), "waited": waited }))
    })?;
    io.print(&said);
    match end {
        Ok(line) => {
            io.say(line);
            Ok(())
        }
        Err(Some(failure)) => io.finish(vec![failure]),
        Err(None) => Err(io.fail("timed out waiting for the condition")),
    }
}

/// The ReplicaSets of a Deployment by revision, oldest first.
fn revisions(target: &Target, deployment: &Doc, io: &mut Io<'_>) -> Result<Vec<(i64, Doc)>, Stop> {
    let labels = deployment["spec"]["selector"]["matchLabels"].entries().iter();
    let selector = labels.map(|(key, value)| format!("{key}={}", value.str())).collect::<Vec<_>>().join(",");
    let mut request = Target::new(Kind::ReplicaSet, &target.namespace, "").get();
    request.path = format!("{}?labelSelector={}", request.path, escape(&selector)).into();
    let response = io.request(request)?;
    if !response.is_success() {
        return Err(io.finish(vec![Failure::of(&response)]).err().unwrap_or(Stop::Exit(1)));
    }
    let uid = &deployment["metadata"]["uid"];
    let owned = |set: &&Doc| {
        let owners = set["metadata"]["ownerReferences"].items();
        owners.iter().any(|owner| owner["controller"].as_bool() == Some(true) && owner["uid"] == *uid)
    };
    let revision = |set: &Doc| {
        set["metadata"]["annotations"][REVISION].as_str().and_then(|text| text.parse::<i64>().ok())
    };
    let mut sets: Vec<(i64, Doc)> = response.body["items"]
        .items()
        .iter()
        .filter(owned)
        .filter_map(|set| Some((revision(set)?, set.clone())))
        .collect();
    sort_by_key(&mut sets, |(revision, _)| *revision);
    Ok(sets)
}

fn history(target: &Target, deployment: &Doc, args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let sets = revisions(target, deployment, io)?;
    if let Some(wanted) = args.get("revision").filter(|wanted| *wanted != "0") {
        let found = sets.iter().find(|(revision, _)| revision.to_string() == wanted);
        let Some((_, set)) = found else {
            return Err(io.fail(format!("unable to find the specified revision {wanted}")));
        };
        io.say(format!("{} with revision #{wanted}", target.display()));
        io.say("Pod Template:");
        let labels = set["spec"]["template"]["metadata"]["labels"].entries().iter();
        let labels = labels.map(|(key, value)| format!("{key}={}", value.str())).collect::<Vec<_>>();
        io.say(format!("  Labels:\t{}", labels.join("\n\t")));
        io.say("  Containers:");
        for container in set["spec"]["template"]["spec"]["containers"].items() {
            io.say(format!("   {}:\n    Image:\t{}", container["name"].str(), container["image"].str()));
        }
        io.say("");
        return Ok(());
    }
    io.say(format!("{} ", target.display()));
    let mut lines = vec![vec!["REVISION".to_owned(), "CHANGE-CAUSE".to_owned()]];
    for (revision, set) in sets {
        let cause = set["metadata"]["annotations"]["kubernetes.io/change-cause"]
            .as_str()
            .unwrap_or("<none>")
            .to_owned();
        lines.push(vec![revision.to_string(), cause]);
    }
    io.print(&align(&lines, NARROW));
    io.say("");
    Ok(())
}

fn undo(
    target: &Target,
    deployment: &Doc,
    args: &Args,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    let to: i64 = args.get("to-revision").and_then(|revision| revision.parse().ok()).unwrap_or(0);
    let refuse = |message: String, failures: &mut Vec<Failure>| {
        failures.push(Failure::Client(message));
        Ok(())
    };
    if !deployment["metadata"]["annotations"][LAST_APPLIED].is_null() {
        io.warn(format!(
            "Warning: resource deployments/{} was previously managed with 'kubectl apply'. Rolling back will not update \
             the {LAST_APPLIED} annotation, which may cause unexpected behavior on future 'kubectl apply' operations. \
             Consider using 'kubectl apply' with your previous configuration file instead.",
            target.name
        ));
    }
    let sets = revisions(target, deployment, io)?;
    let chosen = if to > 0 {
        sets.iter().find(|(revision, _)| *revision == to)
    } else {
        sets.len().checked_sub(2).and_then(|at| sets.get(at))
    };
    let Some((_, set)) = chosen else {
        return refuse(
            if to > 0 {
                format!("unable to find specified revision {to} in history")
            } else {
                format!("no rollout history found for deployment \"{}\"", target.name)
            },
            failures,
        );
    };
    if deployment["spec"]["paused"].as_bool() == Some(true) {
        let message = "cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again";
        return refuse(message.into(), failures);
    }
    let mut template = set["spec"]["template"].clone();
    template.at_mut(&["metadata", "labels"]).remove("pod-template-hash");
    if template == deployment["spec"]["template"] {
        let message = format!(
            "{} skipped rollback (current template already matches revision {})",
            target.display(),
            to
        );
        io.say(message);
        return Ok(());
    }
    let patch = doc!([{ "op": "replace", "path": "/spec/template", "value": template }]);
    if change::send(target, "json", "kubectl-rollout", &patch, io, failures)? {
        io.say(format!("{} rolled back", target.display()));
    }
    Ok(())
}

fn restart(
    target: &Target,
    deployment: &Doc,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    if deployment["spec"]["paused"].as_bool() == Some(true) {
        let message = "can't restart paused deployment (run rollout resume first)".to_owned();
        failures.push(Failure::Client(message));
        return Ok(());
    }
    let mut patch = Doc::map();
    let annotations = ["spec", "template", "metadata", "annotations", "kubectl.kubernetes.io/restartedAt"];
    patch.set_at(&annotations, io.started.rfc3339());
    if change::send(target, "strategic-merge", "kubectl-rollout", &patch, io, failures)? {
        io.say(format!("{} restarted", target.display()));
    }
    Ok(())
}

fn pause(
    target: &Target,
    deployment: &Doc,
    pause: bool,
    io: &mut Io<'_>,
    failures: &mut Vec<Failure>,
) -> Result<(), Stop> {
    if (deployment["spec"]["paused"].as_bool() == Some(true)) == pause {
        let message = format!(
            "deployments.apps {:?} is {}",
            target.name,
            if pause { "already paused" } else { "not paused" }
        );
        failures.push(Failure::Client(message));
        return Ok(());
    }
    let value = if pause { Doc::Bool(true) } else { Doc::Null };
    let patch = doc!({ "spec": { "paused": value } });
    if change::send(target, "strategic-merge", "kubectl-rollout", &patch, io, failures)? {
        io.say(format!("{} {}", target.display(), if pause { "paused" } else { "resumed" }));
    }
    Ok(())
}
