//! `kubectl drain`

use crate::api::Kind;
use crate::api::LabelSelector;
use crate::cluster::HttpRequest;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::args::{Args, Flag, duration, int64, optional, switch, value};
use super::change::DryRun;
use super::failure::Failure;
use super::io::{Io, Next, POLL, Stop};
use super::nodes;
use super::resource::{Target, escape, objects};

pub(super) const FLAGS: &[Flag] = &[
    value("selector", Some('l')),
    value("pod-selector", None),
    int64("grace-period", None),
    duration("timeout", None),
    switch("ignore-daemonsets", None),
    switch("force", None),
    switch("delete-emptydir-data", None),
    switch("disable-eviction", None),
    int64("chunk-size", None),
    int64("skip-wait-for-delete-timeout", None),
    optional("dry-run", "unchanged"),
];

/// Between two attempts to evict a pod that a disruption budget holds.
const RETRY: Duration = Duration::seconds(5);

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let timeout = args.get("timeout").and_then(Duration::parse).filter(|length| *length > Duration::ZERO);
    nodes::require_node("drain", args, io)?;
    if !args.words.is_empty() && args.get("selector").is_some() {
        return Err(io.fail(
            "cannot specify both a node name and a --selector option\nSee 'kubectl drain -h' for help and examples",
        ));
    }
    if args.get("pod-selector").is_some_and(|selector| LabelSelector::parse(selector).is_err()) {
        return Err(io.fail("--pod-selector=<pod_selector> must be a valid label selector"));
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    nodes::cordon(args, io)?;
    let words = nodes::words_for(args);
    let mut failures = Vec::new();
    let mut pending: Vec<(Str, Vec<String>)> = Vec::new();
    for (target, _) in objects(&words, args, io, &mut failures)? {
        let why = drain(&target, args, timeout, io)?;
        if why.is_empty() {
            io.say(format!("{} drained{}", target.display(), dry.suffix()));
            continue;
        }
        let all = if why.len() == 1 { why[0].clone() } else { format!("[{}]", why.join(", ")) };
        io.warn(format!(
            "error: unable to drain node {:?} due to error: {all}, continuing command...",
            target.name.as_str()
        ));
        pending.push((target.name.clone(), why));
    }
    if !pending.is_empty() {
        io.warn("There are pending nodes to be drained:");
        pending.iter().for_each(|(node, _)| io.warn(format!(" {node}")));
        pending.iter().flat_map(|(_, why)| why).for_each(|line| io.warn(line));
        return Err(Stop::Exit(1));
    }
    io.finish(failures)
}

/// Takes the pods off a node; the answer says why it did not work.
fn drain(
    node: &Target,
    args: &Args,
    timeout: Option<Duration>,
    io: &mut Io<'_>,
) -> Result<Vec<String>, Stop> {
    let mut list = Target::new(Kind::Pod, "", "").get();
    let mut query = format!("fieldSelector={}", escape(&format!("spec.nodeName={}", node.name)));
    if let Some(selector) = args.get("pod-selector") {
        query.push_str(&format!("&labelSelector={}", escape(selector)));
    }
    list.path = format!("{}?{query}", list.path).into();
    let response = io.request(list)?;
    if !response.is_success() {
        return Ok(vec![Failure::of(&response).among_others()]);
    }
    let mut doomed = Vec::new();
    // What is said of which pods.
    let (mut refused, mut warned): (Notes, Notes) = Default::default();
    for pod in response.body["items"].items() {
        let notes = match verdict(pod, args) {
            Verdict::Skip => continue,
            Verdict::Go(None) => None,
            Verdict::Go(Some(why)) => Some((&mut warned, why)),
            Verdict::Stay(why) => {
                warned.entry(why).or_default().push(title(pod));
                continue;
            }
            Verdict::Refuse(why) => Some((&mut refused, why)),
        };
        if let Some((notes, why)) = notes {
            notes.entry(why).or_default().push(title(pod));
        }
        doomed.push(pod.clone());
    }
    let lines = |notes: &Notes| -> Vec<String> {
        notes.iter().rev().map(|(why, pods)| format!("{why}: {}", pods.join(", "))).collect()
    };
    if !refused.is_empty() {
        return Ok(lines(&refused).iter().map(|line| format!("cannot delete {line}")).collect());
    }
    if !warned.is_empty() {
        io.warn(format!("Warning: {}", lines(&warned).join("; ")));
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    if dry != DryRun::None {
        doomed.iter().for_each(|pod| io.say(format!("evicting pod {}{}", title(pod), dry.suffix())));
        return Ok(Vec::new());
    }
    evict(node, doomed, args, timeout, io)
}

type Notes = BTreeMap<&'static str, Vec<String>>;

/// What becomes of a pod.
enum Verdict {
    /// It belongs to the node itself.
    Skip,
    /// It goes, perhaps with a warning.
    Go(Option<&'static str>),
    /// It stays, with a warning.
    Stay(&'static str),
    /// It keeps the node from being drained.
    Refuse(&'static str),
}

fn verdict(pod: &Doc, args: &Args) -> Verdict {
    let owners = pod["metadata"]["ownerReferences"].items();
    let controller = owners.iter().find(|owner| owner["controller"].as_bool() == Some(true));
    let ended = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
    if !pod["metadata"]["annotations"]["kubernetes.io/config.mirror"].is_null() {
        return Verdict::Skip;
    }
    if ended {
        return Verdict::Go(None);
    }
    if controller.is_some_and(|owner| owner["kind"].as_str() == Some("DaemonSet")) {
        return if args.is_on("ignore-daemonsets") {
            Verdict::Stay("ignoring DaemonSet-managed Pods")
        } else {
            Verdict::Refuse("DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        };
    }
    let local = pod["spec"]["volumes"].items().iter().any(|volume| !volume["emptyDir"].is_null());
    if local && !args.is_on("delete-emptydir-data") {
        return Verdict::Refuse("Pods with local storage (use --delete-emptydir-data to override)");
    }
    match controller {
        Some(_) => Verdict::Go(None),
        None if args.is_on("force") => Verdict::Go(Some("deleting Pods that declare no controller")),
        None => Verdict::Refuse("Pods that declare no controller (use --force to override)"),
    }
}

fn title(pod: &Doc) -> String {
    format!("{}/{}", pod["metadata"]["namespace"].str(), pod["metadata"]["name"].str())
}

/// Evicts pods until all are gone, or time is up.
fn evict(
    node: &Target,
    mut pods: Vec<Doc>,
    args: &Args,
    timeout: Option<Duration>,
    io: &mut Io<'_>,
) -> Result<Vec<String>, Stop> {
    let mut passed = Duration::ZERO;
    let deletes = args.is_on("disable-eviction");
    let done = if deletes { "deleted" } else { "evicted" };
    loop {
        let mut why = Vec::new();
        let (mut leaving, mut held) = (Vec::new(), Vec::new());
        for pod in std::mem::take(&mut pods) {
            if !deletes {
                io.say(format!("evicting pod {}", title(&pod)));
            }
            let (name, namespace) = (pod["metadata"]["name"].str(), pod["metadata"]["namespace"].str());
            let about = format!("error when evicting pods/{:?} -n {:?}", name.as_str(), namespace.as_str());
            if let Some(limit) = timeout.filter(|limit| passed >= *limit) {
                why.push(format!("{about}: global timeout reached: {limit}"));
                held.push(pod);
                continue;
            }
            let response = io.request(request(&pod, args))?;
            match response.code {
                200..300 => leaving.push(pod),
                404 => {}
                429 => {
                    let message = response.body["message"].str();
                    io.warn(format!("{about} (will retry after 5s): {message}"));
                    held.push(pod);
                }
                _ => {
                    why.push(format!("{about}: {}", response.body["message"].str()));
                    held.push(pod);
                }
            }
        }
        for pod in &leaving {
            passed = passed + gone(pod, io)?;
            io.say(format!("pod/{} {done}", pod["metadata"]["name"].str()));
        }
        if !why.is_empty() {
            let shown = if why.len() == 1 { why[0].clone() } else { format!("[{}]", why.join(", ")) };
            let node = node.name.as_str();
            io.warn(format!("There are pending pods in node {node:?} when an error occurred: {shown}"));
            held.iter().for_each(|pod| io.warn(format!("pod/{}", pod["metadata"]["name"].str())));
            return Ok(why);
        }
        if held.is_empty() {
            return Ok(Vec::new());
        }
        pods = held;
        passed = passed + rest(node, io)?;
    }
}

fn request(pod: &Doc, args: &Args) -> HttpRequest {
    let (name, namespace) = (pod["metadata"]["name"].str(), pod["metadata"]["namespace"].str());
    let target = Target::new(Kind::Pod, &namespace, &name);
    let grace = args.get("grace-period").and_then(|seconds| seconds.parse::<i64>().ok());
    let options = match grace.filter(|seconds| *seconds >= 0) {
        Some(seconds) => doc!({ "gracePeriodSeconds": seconds }),
        None => Doc::map(),
    };
    if args.is_on("disable-eviction") {
        return HttpRequest {
            method: "DELETE".into(),
            path: target.path().into(),
            body: options.to_json().into(),
            ..HttpRequest::default()
        };
    }
    let body = doc!({
        "apiVersion": "policy/v1", "kind": "Eviction", "metadata": { "name": name, "namespace": namespace },
        "deleteOptions": options
    });
    HttpRequest {
        method: "POST".into(),
        path: format!("{}/eviction", target.path()).into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    }
}

/// Waits until a pod is gone; how long that took.
fn gone(pod: &Doc, io: &mut Io<'_>) -> Result<Duration, Stop> {
    let (name, namespace) = (pod["metadata"]["name"].str(), pod["metadata"]["namespace"].str());
    let uid = &pod["metadata"]["uid"];
    io.poll(Target::new(Kind::Pod, &namespace, &name).get(), doc!(0i64), |rounds, response| {
        let rounds = rounds.as_i64().unwrap_or(0);
        let there = response.is_success() && response.body["metadata"]["uid"] == *uid;
        // While no server answers, nobody knows.
        if there || response.code == 0 {
            Next::Again(doc!(rounds + 1))
        } else {
            Next::Done(POLL * rounds as u64)
        }
    })
}

/// Waits before the next attempt.
fn rest(node: &Target, io: &mut Io<'_>) -> Result<Duration, Stop> {
    io.poll(node.get(), doc!(0i64), |rounds, _| {
        let rounds = rounds.as_i64().unwrap_or(0);
        let waited = POLL * rounds as u64;
        if waited < RETRY { Next::Again(doc!(rounds + 1)) } else { Next::Done(waited) }
    })
}
