//! The pod that a command for one pod means, and its container.

use std::cmp::Ordering;

use crate::api::Kind;
use crate::collections::sort_by;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::args::Args;
use super::describe::values::selector;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::resource::{Target, escape, kind, selected};

/// The object that `POD` or `TYPE/NAME` means.
pub(super) fn subject(word: &str, args: &Args, io: &mut Io<'_>) -> Result<Target, Stop> {
    let Some((word, name)) = word.split_once('/') else {
        return Ok(Target::new(Kind::Pod, args.namespace(), word));
    };
    match kind(word, io)? {
        Some(kind) => Ok(Target::of(kind, args.namespace(), name)),
        None => Err(io.fail(format!("the server doesn't have a resource type {word:?}"))),
    }
}

/// Go's name of an object's type, as messages have it.
fn go_type(target: &Target) -> String {
    format!("*{}.{}", target.kind.version, target.kind.kind)
}

/// Which pods an object stands for; the error is what stands after `doing …: `.
pub(super) fn labels(target: &Target, object: &Doc) -> Result<String, String> {
    let spec = &object["spec"]["selector"];
    match target.kind.known() {
        Some(Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job) => {
            Ok(selector(spec))
        }
        Some(Kind::Service) if spec.is_empty() => {
            Err(format!("invalid service '{}': Service is defined without a selector", target.name))
        }
        Some(Kind::Service | Kind::ReplicationController) => {
            let pairs = spec.entries().iter().map(|(key, value)| format!("{key}={}", value.str()));
            Ok(pairs.collect::<Vec<_>>().join(","))
        }
        _ => Err(format!("selector for {} not implemented", go_type(target))),
    }
}

/// What a command is for: for whom the order of pods differs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Purpose {
    Logs,
    Attach,
}

/// The pods that an object stands for, the best one for the purpose first. It waits until there is one.
pub(super) fn of(
    target: &Target,
    object: &Doc,
    purpose: Purpose,
    patience: Duration,
    io: &mut Io<'_>,
) -> Result<Vec<Doc>, Stop> {
    if target.kind == Kind::Pod {
        return Ok(vec![object.clone()]);
    }
    let labels = labels(target, object).map_err(|why| {
        let doing = if purpose == Purpose::Logs { "get the logs from" } else { "attach to" };
        io.fail(format!("cannot {doing} {}: {why}", go_type(target)))
    })?;
    let mut request = Target::new(Kind::Pod, &target.namespace, "").get();
    request.path = format!("{}?labelSelector={}", request.path, escape(&labels)).into();
    let found = io.poll(request, doc!(0i64), |waited, response| {
        let waited = waited.as_i64().unwrap_or(0);
        if !response.is_success() {
            return Next::Done(Err(Some(Failure::of(response))));
        }
        match response.body["items"].items() {
            [] if waited >= patience.0 as i64 => Next::Done(Err(None)),
            [] => Next::Again(doc!(waited + POLL.0 as i64)),
            pods => Next::Done(Ok(pods.to_vec())),
        }
    })?;
    match found {
        Ok(mut pods) => {
            sort_by(&mut pods, |one, two| better(one, two, purpose));
            Ok(pods)
        }
        Err(Some(failure)) => Err(io.end(failure)),
        Err(None) => Err(io.fail("timed out waiting for the condition")),
    }
}

/// Assigned, running, ready for long, old pods come first.
fn better(one: &Doc, two: &Doc, purpose: Purpose) -> Ordering {
    let ready = |pod: &Doc| {
        let mut conditions = pod["status"]["conditions"].items().iter();
        let ready = conditions.find(|condition| condition["type"].as_str() == Some("Ready"));
        ready.filter(|condition| condition["status"].as_str() == Some("True")).cloned()
    };
    let rank = |pod: &Doc| {
        let phase = match pod["status"]["phase"].as_str() {
            Some("Pending") => 2,
            Some("Unknown") => 1,
            _ => 0,
        };
        let statuses = pod["status"]["containerStatuses"].items().iter();
        let restarts = statuses.filter_map(|status| status["restartCount"].as_i64()).max().unwrap_or(0);
        let ready = ready(pod);
        let since = ready.as_ref().and_then(|ready| ready["lastTransitionTime"].as_time());
        (
            pod["spec"]["nodeName"].str().is_empty(),
            phase,
            ready.is_none(),
            since,
            if purpose == Purpose::Logs { -restarts } else { restarts },
            pod["metadata"]["creationTimestamp"].as_time(),
        )
    };
    rank(one).cmp(&rank(two))
}

/// The one pod that a word means, as it is now.
pub(super) fn one(
    word: &str,
    patience: Duration,
    args: &Args,
    io: &mut Io<'_>,
) -> Result<(Target, Doc), Stop> {
    let target = subject(word, args, io)?;
    let response = target.look(selected(&target, args), io)?;
    if !response.is_success() {
        return Err(io.end(Failure::of(&response)));
    }
    let pod = of(&target, &response.body, Purpose::Attach, patience, io)?.swap_remove(0);
    Ok((Target::new(Kind::Pod, &target.namespace, &pod["metadata"]["name"].str()), pod))
}

const LISTS: [(&str, &str); 3] =
    [("containers", ""), ("ephemeralContainers", " (ephem)"), ("initContainers", " (init)")];

/// `a, b, setup (init)`
pub(super) fn names(pod: &Doc) -> String {
    let all = LISTS.iter().flat_map(|(list, mark)| {
        pod["spec"][*list].items().iter().map(move |container| format!("{}{mark}", container["name"].str()))
    });
    all.collect::<Vec<_>>().join(", ")
}

/// The container that is meant, chosen where none is said.
pub(super) fn container(pod: &Doc, wanted: Option<&str>, quiet: bool, io: &mut Io<'_>) -> Result<Str, Stop> {
    let metadata = &pod["metadata"];
    let noted = metadata["annotations"]["kubectl.kubernetes.io/default-container"].str();
    let wanted = match wanted.filter(|name| !name.is_empty()) {
        Some(name) => Some(Str::from(name)),
        None => Some(noted).filter(|name| !name.is_empty()),
    };
    let Some(wanted) = wanted else {
        let first = pod["spec"]["containers"][0]["name"].str();
        let several = LISTS.iter().map(|(list, _)| pod["spec"][*list].items().len()).sum::<usize>() > 1;
        if several && !quiet {
            io.warn(format!("Defaulted container {:?} out of: {}", first.as_str(), names(pod)));
        }
        return Ok(first);
    };
    match not_of(pod, &wanted) {
        None => Ok(wanted),
        Some(why) => Err(io.fail(why)),
    }
}

/// What is said of a container that a pod has not.
pub(super) fn not_of(pod: &Doc, wanted: &str) -> Option<String> {
    let mut all = LISTS.iter().flat_map(|(list, _)| pod["spec"][*list].items());
    let has = all.any(|container| container["name"].as_str() == Some(wanted));
    let (name, names) = (pod["metadata"]["name"].str(), names(pod));
    (!has).then(|| format!("container {wanted} is not valid for pod {name} out of: {names}"))
}

/// How long to wait for a pod.
pub(super) fn patience(args: &Args, default: u64, io: &mut Io<'_>) -> Result<Duration, Stop> {
    match args.get("pod-running-timeout").map(|text| (text, Duration::parse(text))) {
        None => Ok(Duration::seconds(default)),
        Some((_, Some(length))) if length > Duration::ZERO => Ok(length),
        Some((text, None)) => Err(io.fail(format!(
            "invalid argument {text:?} for \"--pod-running-timeout\" flag: time: invalid duration {text:?}"
        ))),
        Some(_) => Err(io.fail("--pod-running-timeout must be higher than zero")),
    }
}
