//! Holds what happened here against a recording: each command, what each component said, the objects at the end, how
//! many pods the ReplicaSets had over time, which pods came and went, and when.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use shared::api::{Kind, Object};
use shared::session::StepResult;
use shared::sim::ChangeKind;

use super::words::{Hashes, sorted};
use super::{Command, Replay};

/// What was compared, and what differs.
pub type Outcome = (String, Result<(), String>);

/// What of a recording is chance, or is wanted beyond the rest.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    /// Pods become ready in the midst of rollouts: how many steps these take depends on the speed of the machine.
    pub paced: bool,
    /// Pods come and go one after another: their order counts across all of them.
    pub one_by_one: bool,
    /// Events may be so many seconds earlier or later.
    pub slack: f64,
    /// Status fields whose course counts: resource, object, fields.
    pub courses: &'static [(&'static str, &'static str, &'static [&'static str])],
}

/// Everything that can be compared.
pub fn outcomes(replay: &Replay, rules: &Rules) -> Vec<Outcome> {
    let mut outcomes = commands(replay);
    outcomes.extend(replay.wide.iter().map(|shown| {
        let lines = (replay.recording.hashes.table(&replay.recording.wide), replay.hashes.table(shown));
        ("get -o wide at the end".to_owned(), alike(&lines.0, &lines.1))
    }));
    outcomes.extend(replay.described.iter().map(|shown| {
        let lines = (
            described(&replay.recording.hashes, &replay.recording.described),
            described(&replay.hashes, shown),
        );
        ("describe at the end".to_owned(), alike(&lines.0, &lines.1))
    }));
    outcomes.extend(events(replay, rules));
    outcomes.extend(objects(replay, rules));
    outcomes.extend(sizes(replay, rules));
    outcomes.push(("pods over time".into(), pods(replay, rules)));
    outcomes.extend(slices(replay));
    outcomes.extend(rules.courses.iter().map(|course| {
        let (resource, name, fields) = course;
        (format!("{resource}/{name}: {}", fields.join(", ")), course_of(replay, resource, name, fields))
    }));
    outcomes
}

fn alike<T: PartialEq + std::fmt::Debug>(recorded: &T, ours: &T) -> Result<(), String> {
    if recorded == ours { Ok(()) } else { Err(difference(recorded, ours)) }
}

/// The lines that only one of both has, between the places where they come together again.
fn difference<T: std::fmt::Debug>(recorded: &T, ours: &T) -> String {
    let (there, here) = (format!("{recorded:#?}"), format!("{ours:#?}"));
    let (there, here): (Vec<&str>, Vec<&str>) = (there.lines().collect(), here.lines().collect());
    let mut text = String::new();
    let (mut from, mut to) = (0, 0);
    while from < there.len() || to < here.len() {
        let ahead = (0..there.len() - from + here.len() - to).find_map(|steps| {
            (0..=steps).map(|left| (left, steps - left)).find(|(left, right)| {
                let both = (there.get(from + left), here.get(to + right));
                both.0.is_some() && both.0 == both.1
            })
        });
        let (left, right) = ahead.unwrap_or((there.len() - from, here.len() - to));
        text.extend(there[from..from + left].iter().map(|line| format!("- {}\n", line.trim())));
        text.extend(here[to..to + right].iter().map(|line| format!("+ {}\n", line.trim())));
        (from, to) = ((from + left + 1).min(there.len()), (to + right + 1).min(here.len()));
    }
    text
}

/// Everything that was seen here was recorded, in this order, and the end is the same. Whether a moment that lasts a
/// few milliseconds is told at all is chance.
fn in_order<T: PartialEq + std::fmt::Debug>(recorded: &[T], ours: &[T]) -> Result<(), String> {
    let mut rest = recorded.iter();
    let all = ours.iter().all(|now| rest.any(|then| then == now));
    if all && ours.last() == recorded.last() {
        return Ok(());
    }
    Err(difference(&recorded, &ours))
}

fn commands(replay: &Replay) -> Vec<Outcome> {
    let mut results = replay.results().map(|(_, result)| result).collect::<Vec<_>>().into_iter();
    let recorded = replay.recording.commands.iter().enumerate();
    let outcome = |(at, command): (usize, &Command)| {
        let flag = format!("-n {} ", replay.recording.namespace);
        let name = format!("{} {}", at + 1, command.line.trim_start_matches(&flag));
        let outcome = match results.next() {
            Some(result) => command_agrees(replay, command, result),
            None => Err("it did not end".into()),
        };
        (name, outcome)
    };
    recorded.map(outcome).collect()
}

fn command_agrees(replay: &Replay, recorded: &Command, ours: &StepResult) -> Result<(), String> {
    let printed = format!("{}\n{}", ours.stdout, ours.stderr);
    let (theirs, mine) = (&replay.recording.hashes, &replay.hashes);
    let outcome = alike(&recorded.exit_code, &ours.exit_code).and_then(|()| {
        let line = &recorded.line;
        if line.ends_with("-o yaml") {
            alike(&yaml(theirs, &recorded.printed), &yaml(mine, &ours.stdout))
        } else if line.contains("rollout status deploy") {
            phases_agree(&recorded.printed, &printed)
        } else if line.contains("rollout status") {
            // How often it is told how far it is, is a matter of milliseconds.
            let last = |text: &str| text.lines().rfind(|line| !line.is_empty()).map(str::to_owned);
            alike(&last(&recorded.printed), &last(&printed))
        } else if line.contains("describe") {
            alike(&described(theirs, &recorded.printed), &described(mine, &printed))
        } else if line.contains(" get ") {
            alike(&theirs.table(&recorded.printed), &mine.table(&printed))
        } else {
            // The recording has both streams in one.
            let lines = |hashes: &Hashes, text: &str| {
                sorted(
                    hashes.plain(text).lines().filter(|line| !line.is_empty()).map(str::to_owned).collect(),
                )
            };
            alike(&lines(theirs, &recorded.printed), &lines(mine, &printed))
        }
    });
    outcome.map_err(|why| format!("{why}\n{printed}"))
}

/// What `describe` says, whatever the order of objects with drawn names: without what only a kubelet knows or chance
/// decides, and without what stands here for the recording's annotations.
fn described(hashes: &Hashes, text: &str) -> Vec<String> {
    const CHANCE: [&str; 27] = [
        "Container ID:",
        "Image ID:",
        "Image:",
        "Node:",
        "Start Time:",
        "CreationTimestamp:",
        "Started:",
        "Finished:",
        "Completed At:",
        "IP:",
        "Readiness:",
        "Zone:",
        "NodePort:",
        "topology.kubernetes.io/zone=",
        "controller-revision-hash=",
        "Machine ID:",
        "System UUID:",
        "Boot ID:",
        "Kernel Version:",
        "OS Image:",
        "Container Runtime Version:",
        "RenewTime:",
        "hugepages-",
        "PodCIDR",
        "beta.kubernetes.io/",
        "volumes.kubernetes.io/controller-managed-attach-detach",
        "Annotations:        volumes.kubernetes.io",
    ];
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut kept: Vec<String> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let words = line.trim_start();
        if words.starts_with("Command:") {
            while lines.next_if(|next| depth(next) > depth(line)).is_some() {}
        } else if words.ends_with("openshift-service-ca.crt") {
            // A peculiarity of the recording's machine, with the line that says whether it must be there.
            lines.next();
        } else if !line.contains("  kubelet  ") && !CHANCE.iter().any(|field| words.starts_with(field)) {
            kept.push(without_dates(line));
        }
    }
    hashes.table(&kept.join("\n"))
}

/// `Sun, 22 Nov 2026 22:12:18 +0000` is a date.
fn without_dates(line: &str) -> String {
    const LENGTH: usize = "Sun, 22 Nov 2026 22:12:18 ".len();
    let mut text = line.to_owned();
    while let Some(zone) = text.find(" +0000").filter(|zone| zone + 1 >= LENGTH) {
        text.replace_range(zone + 1 - LENGTH..zone + 6, "DATE");
    }
    text
}

fn yaml(hashes: &Hashes, text: &str) -> Value {
    let documents = shared::manifest::parse(text).unwrap_or_default();
    let json = |doc: &shared::doc::Doc| serde_json::from_str::<Value>(&doc.to_json()).expect("JSON");
    Value::Array(documents.iter().map(|document| hashes.timeless(&json(&document.doc))).collect())
}

/// A rollout goes through its phases in order and ends as recorded: which of them are seen, and which numbers, is a
/// matter of milliseconds.
fn phases_agree(recorded: &str, ours: &str) -> Result<(), String> {
    const ORDER: [&str; 4] =
        ["spec update to be observed", "have been updated", "pending termination", "are available"];
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let (recorded, ours) = (lines(recorded), lines(ours));
    let ends = |lines: &[String]| -> Vec<String> {
        lines.iter().filter(|line| !line.starts_with("Waiting")).cloned().collect()
    };
    alike(&ends(&recorded), &ends(&ours))?;
    let phase = |line: &String| ORDER.iter().position(|words| line.contains(words));
    let waiting = ours.iter().filter(|line| line.starts_with("Waiting"));
    let phases: Vec<Option<usize>> = waiting.map(phase).collect();
    if phases.contains(&None) || !phases.is_sorted() { Err(difference(&recorded, &ours)) } else { Ok(()) }
}

/// An Event as it was written, without what is drawn.
#[derive(Clone, Debug)]
struct Told {
    component: String,
    about: String,
    text: String,
    at: f64,
}

fn recorded_events(replay: &Replay) -> Vec<Told> {
    let hashes = &replay.recording.hashes;
    let told = |event: &Value| {
        let text = |field: &str| event[field].as_str().unwrap_or("").to_owned();
        Told {
            component: text("comp"),
            about: format!("{}/{}", text("kind"), hashes.plain(&text("name"))),
            text: said(hashes, &text("type"), &text("reason"), &text("message"), event["count"].as_i64()),
            at: event["t"].as_f64().expect("a moment"),
        }
    };
    replay.recording.events.iter().map(told).collect()
}

fn our_events(replay: &Replay) -> Vec<Told> {
    let hashes = &replay.hashes;
    let told = |(_, event): &(ChangeKind, Object)| {
        let event = event.document();
        let text = |field: &str| event[field].str().to_string();
        let last = event["lastTimestamp"].as_time().or(event["eventTime"].as_time());
        let component = Some(text("reportingComponent")).filter(|component| !component.is_empty());
        let about = &event["involvedObject"];
        Told {
            component: component.unwrap_or_else(|| event["source"]["component"].str().to_string()),
            about: format!("{}/{}", about["kind"].str(), hashes.plain(&about["name"].str())),
            text: said(hashes, &text("type"), &text("reason"), &text("message"), event["count"].as_i64()),
            at: last.map_or(0.0, |date| replay.seconds(date)),
        }
    };
    let history = replay.history(Kind::Event);
    let written = history.iter().filter(|(change, _)| *change != ChangeKind::Deleted);
    written.map(told).collect()
}

fn said(hashes: &Hashes, kind: &str, reason: &str, message: &str, count: Option<i64>) -> String {
    let node = |word: &str| word.strip_prefix("node-").is_some_and(|number| number.parse::<u32>().is_ok());
    let plain = hashes.plain(message);
    let words = plain.split(' ').map(|word| if node(word) { "*" } else { word });
    let times = count.filter(|count| *count > 1).map(|count| format!(" (x{count})")).unwrap_or_default();
    format!("{kind} {reason}: {}{times}", words.collect::<Vec<_>>().join(" "))
}

fn events(replay: &Replay, rules: &Rules) -> Vec<Outcome> {
    let (recorded, ours) = (recorded_events(replay), our_events(replay));
    let components: BTreeSet<&str> = recorded.iter().map(|event| event.component.as_str()).collect();
    let strangers = ours.iter().map(|event| event.component.as_str());
    // The recordings had no kubelets.
    let strangers: BTreeSet<&str> =
        strangers.filter(|name| !components.contains(name) && *name != "kubelet").collect();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for component in components {
        let of = |events: &[Told]| -> Vec<Told> {
            events.iter().filter(|event| event.component == component).cloned().collect()
        };
        let (recorded, ours) = (of(&recorded), of(&ours));
        let outcome = said_alike(component, &recorded, &ours, rules);
        outcomes.push((format!("events of {component}"), outcome));
        if !rules.paced {
            outcomes.push((format!("moments of {component}"), moments(&recorded, &ours, rules.slack)));
        }
    }
    outcomes.push(("nobody else says anything".into(), alike(&BTreeSet::new(), &strangers)));
    outcomes
}

fn said_alike(component: &str, recorded: &[Told], ours: &[Told], rules: &Rules) -> Result<(), String> {
    if component == "deployment-controller" && rules.paced {
        // After 25 events about one object its recorder falls silent.
        let silent = recorded.len().max(ours.len()) >= 25;
        let paths = |events: &[Told]| {
            let mut paths = paths(events);
            if silent {
                paths.iter_mut().for_each(|(_, path)| path.truncate(2));
            }
            paths
        };
        return alike(&paths(recorded), &paths(ours));
    }
    let by_object = |events: &[Told]| {
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for event in events {
            let lines = said.entry(event.about.clone()).or_default();
            // How often something was tried again until the end is a matter of milliseconds.
            let text = match event.text.starts_with("Warning Failed") {
                true => event.text.split(" (x").next().unwrap_or("").to_owned(),
                false => event.text.clone(),
            };
            if !(text.starts_with("Warning Failed") && lines.last() == Some(&text)) {
                lines.push(text);
            }
        }
        if component == "default-scheduler" {
            said.values_mut().for_each(|lines| lines.sort());
        }
        said
    };
    alike(&by_object(recorded), &by_object(ours))
}

/// When each component first said each thing about each object: the same, but for a few seconds.
fn moments(recorded: &[Told], ours: &[Told], slack: f64) -> Result<(), String> {
    let first = |events: &[Told]| {
        let mut moments: BTreeMap<(String, String), f64> = BTreeMap::new();
        for event in events {
            let what = event.text.split(':').next().unwrap_or("").to_owned();
            moments.entry((event.about.clone(), what)).or_insert(event.at);
        }
        moments
    };
    let (recorded, ours) = (first(recorded), first(ours));
    let slack = slack.max(1.5);
    let far = recorded.iter().filter_map(|(what, then)| {
        let now = ours.get(what)?;
        ((then - now).abs() > slack).then(|| format!("{what:?}: {then} there, {now} here"))
    });
    let far: Vec<String> = far.collect();
    alike(&Vec::new(), &far)
}

/// The turns in the sizes of ReplicaSets, from `Scaled up replica set X from A to B`: where growing ended and
/// shrinking began.
fn paths(events: &[Told]) -> Vec<(String, Vec<i64>)> {
    let mut paths: Vec<(String, Vec<i64>)> = Vec::new();
    for event in events {
        let text = event.text.split(" (x").next().unwrap_or("");
        let words: Vec<&str> = text.split(' ').collect();
        let [.., name, "from", before, "to", after] = words.as_slice() else {
            paths.push((event.text.clone(), Vec::new()));
            continue;
        };
        let (before, after) = (before.parse().unwrap_or(-1), after.parse().unwrap_or(-1));
        let at = paths.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            paths.push(((*name).to_owned(), vec![before]));
            paths.len() - 1
        });
        step(&mut paths[at].1, after);
    }
    paths
}

/// Adds a size to a path of turns.
fn step(path: &mut Vec<i64>, next: i64) {
    if path.last() == Some(&next) {
        return;
    }
    if let [.., before, last] = path[..]
        && (last - before).signum() == (next - last).signum()
    {
        path.pop();
    }
    path.push(next);
}

/// The objects at the end, kind by kind.
fn objects(replay: &Replay, rules: &Rules) -> Vec<Outcome> {
    let kinds: BTreeSet<&str> =
        replay.recording.last.iter().filter_map(|item| item["kind"].as_str()).collect();
    let of = |kind: &str| {
        let recorded = replay.recording.last.iter().filter(|item| item["kind"] == kind);
        let recorded = sorted(recorded.map(|item| shown(&replay.recording.hashes, item, rules)).collect());
        let Some(ours) = Kind::ALL.iter().find(|known| known.info().kind == kind) else {
            return (format!("final {kind}"), Err("the kind is not there".to_owned()));
        };
        let ours = replay.player.cluster().store().list(*ours);
        let ours = ours.filter(|object| object.key.namespace == *replay.recording.namespace);
        let json = |object: &Object| serde_json::from_str::<Value>(&object.to_doc().to_json()).expect("JSON");
        let ours = sorted(ours.map(|object| shown(&replay.hashes, &json(object), rules)).collect());
        (format!("final {kind}"), lines_alike(&recorded, &ours))
    };
    kinds.into_iter().map(of).collect()
}

/// Only what differs between two lists of documents, line by line.
fn lines_alike(recorded: &[String], ours: &[String]) -> Result<(), String> {
    if recorded == ours {
        return Ok(());
    }
    let mut text = format!("{} there, {} here", recorded.len(), ours.len());
    for (there, here) in recorded.iter().zip(ours).filter(|(there, here)| there != here) {
        let (theirs, mine): (BTreeSet<&str>, BTreeSet<&str>) =
            (there.lines().collect(), here.lines().collect());
        text += "\n";
        text.extend(theirs.difference(&mine).map(|line| format!("- {line}\n")));
        text.extend(mine.difference(&theirs).map(|line| format!("+ {line}\n")));
    }
    Err(text)
}

/// An object as lines, one a field.
fn shown(hashes: &Hashes, object: &Value, rules: &Rules) -> String {
    let mut object = hashes.timeless(object);
    if object["kind"] == "EndpointSlice" {
        // As many as there were writes: which pods change in one is chance.
        object["metadata"]["generation"] = json!("*");
    }
    for port in object["spec"].get_mut("ports").and_then(Value::as_array_mut).into_iter().flatten() {
        if !port["nodePort"].is_null() {
            port["nodePort"] = json!("*");
        }
    }
    if rules.paced && object["kind"] == "ReplicaSet" {
        // As many as the rollout took steps.
        object["metadata"]["generation"] = json!("*");
        object["status"]["observedGeneration"] = json!("*");
    }
    if object["kind"] == "Pod" {
        without_kubelet(&mut object);
    }
    tidy(&mut object);
    let mut lines = Vec::new();
    flatten(&object, String::new(), &mut lines);
    lines.join("\n")
}

/// What only a kubelet knows, and what stood in for one in the recordings said otherwise.
fn without_kubelet(pod: &mut Value) {
    let status = pod["status"].as_object_mut().expect("a status");
    for field in ["observedGeneration", "podIP", "podIPs"] {
        status.remove(field);
    }
    for container in status.get_mut("containerStatuses").and_then(Value::as_array_mut).into_iter().flatten() {
        let state = container["state"].as_object().and_then(|state| state.keys().next().cloned());
        *container = json!({
            "name": container["name"], "ready": container["ready"], "restarts": container["restartCount"],
            "state": state
        });
    }
    for condition in status.get_mut("conditions").and_then(Value::as_array_mut).into_iter().flatten() {
        let condition = condition.as_object_mut().expect("an object");
        condition.remove("observedGeneration");
        condition.remove("lastProbeTime");
    }
}

/// The order of conditions is that in which they came; probes and commands stand for the recording's annotations.
fn tidy(object: &mut Value) {
    if let Some(conditions) = object["status"].get_mut("conditions").and_then(Value::as_array_mut) {
        conditions.sort_by_key(|condition| condition["type"].as_str().unwrap_or("").to_owned());
    }
    for template in ["/spec", "/spec/template/spec", "/spec/jobTemplate/spec/template/spec"] {
        let Some(spec) = object.pointer_mut(template) else { continue };
        for container in spec.get_mut("containers").and_then(Value::as_array_mut).into_iter().flatten() {
            let container = container.as_object_mut().expect("an object");
            container.remove("readinessProbe");
            container.remove("command");
        }
        for volume in spec.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
            // A peculiarity of the recording's machine.
            if let Some(sources) = volume.pointer_mut("/projected/sources").and_then(Value::as_array_mut) {
                sources.retain(|source| source["configMap"]["name"] != "openshift-service-ca.crt");
            }
        }
    }
    let applied = "kubectl.kubernetes.io/last-applied-configuration";
    if let Some(annotations) = object["metadata"].get_mut("annotations").and_then(Value::as_object_mut) {
        // What was applied has other words for the recording's annotations; that it is kept is what counts.
        if let Some(text) = annotations.get_mut(applied) {
            *text = json!(true);
        }
    }
}

fn flatten(value: &Value, path: String, lines: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                flatten(value, format!("{path}.{key}"), lines);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for (at, item) in items.iter().enumerate() {
                flatten(item, format!("{path}[{at}]"), lines);
            }
        }
        other => lines.push(format!("{path}: {other}")),
    }
}

/// How many pods each ReplicaSet of the recording was to have, over time; those that are new come last.
fn sizes(replay: &Replay, rules: &Rules) -> Option<Outcome> {
    let recorded = replay.recording.about("replicasets").map(|line| {
        let size = (line["ev"] != "DELETED").then(|| line["replicas"].as_i64().unwrap_or(0));
        (replay.recording.hashes.plain(line["obj"].as_str().unwrap_or("")), size)
    });
    let recorded = courses_of_sizes(recorded);
    let history = replay.history(Kind::ReplicaSet);
    let ours = history.iter().map(|(change, set)| {
        let size =
            (*change != ChangeKind::Deleted).then(|| set.body["spec"]["replicas"].as_i64().unwrap_or(0));
        (replay.hashes.plain(&set.key.name), size)
    });
    let ours = courses_of_sizes(ours);
    if recorded.is_empty() {
        return None;
    }
    let outcome = if rules.paced {
        alike(&turns(&recorded), &turns(&ours)).and_then(|()| alike(&opening(&recorded), &opening(&ours)))
    } else {
        alike(&recorded, &ours)
    };
    Some(("sizes of ReplicaSets".into(), outcome))
}

/// The sizes of all ReplicaSets whenever one of them changes: `web-#1=8 web-#2=3`.
fn courses_of_sizes(changes: impl Iterator<Item = (String, Option<i64>)>) -> Vec<BTreeMap<String, i64>> {
    let mut now: BTreeMap<String, i64> = BTreeMap::new();
    let mut course: Vec<BTreeMap<String, i64>> = Vec::new();
    for (name, size) in changes {
        match size {
            Some(size) => now.insert(name, size),
            None => now.remove(&name),
        };
        if course.last() != Some(&now) {
            course.push(now.clone());
        }
    }
    course
}

fn turns(course: &[BTreeMap<String, i64>]) -> BTreeMap<String, Vec<i64>> {
    let mut turns: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (name, size) in course.iter().flatten() {
        step(turns.entry(name.clone()).or_default(), *size);
    }
    turns
}

/// The first moves, which no pod's readiness decides: until an old ReplicaSet shrinks for the second time.
fn opening(course: &[BTreeMap<String, i64>]) -> Vec<BTreeMap<String, i64>> {
    let shrinks = |pair: &[BTreeMap<String, i64>]| {
        pair[0].iter().any(|(name, size)| pair[1].get(name).is_some_and(|next| next < size))
    };
    let second = course.windows(2).enumerate().filter(|(_, pair)| shrinks(pair)).nth(1);
    course[..second.map_or(course.len(), |(at, _)| at + 1)].to_vec()
}

/// The pods over time: `+db-0` was made, `-db-0` went.
fn pods(replay: &Replay, rules: &Rules) -> Result<(), String> {
    let recorded = replay.recording.about("pods").filter_map(|line| {
        let name = replay.recording.hashes.plain(line["obj"].as_str()?);
        match line["ev"].as_str()? {
            "ADDED" => Some(format!("+{name}")),
            "DELETED" => Some(format!("-{name}")),
            _ => None,
        }
    });
    let history = replay.history(Kind::Pod);
    let ours = history.iter().filter_map(|(change, pod)| {
        let name = replay.hashes.plain(&pod.key.name);
        match change {
            ChangeKind::Added => Some(format!("+{name}")),
            ChangeKind::Deleted => Some(format!("-{name}")),
            ChangeKind::Modified => None,
        }
    });
    if rules.one_by_one {
        return alike(&recorded.collect::<Vec<_>>(), &ours.collect());
    }
    let count = |changes: &mut dyn Iterator<Item = String>| {
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        changes.for_each(|change| *counts.entry(change).or_default() += 1);
        counts
    };
    alike(&count(&mut recorded.into_iter()), &count(&mut ours.into_iter()))
}

/// What is behind each Service: how many endpoints were ready and on their way out over time (the turns: which pods
/// change in one write is chance), and ports and states at the end.
fn slices(replay: &Replay) -> Vec<Outcome> {
    let mut recorded: BTreeMap<String, Slice> = BTreeMap::new();
    for line in replay.recording.about("endpointslices") {
        let name = replay.recording.hashes.plain(line["obj"].as_str().unwrap_or(""));
        let slice = recorded.entry(name).or_default();
        slice.follow(line["ev"] == "DELETED", &line["ports"], &line["endpoints"], "c");
    }
    let mut ours: BTreeMap<String, Slice> = BTreeMap::new();
    for (change, object) in replay.history(Kind::EndpointSlice) {
        let body: Value = serde_json::from_str(&object.body.to_json()).expect("JSON");
        let slice = ours.entry(replay.hashes.plain(&object.key.name)).or_default();
        slice.follow(change == ChangeKind::Deleted, &body["ports"], &body["endpoints"], "conditions");
    }
    let of = |(name, recorded): (String, Slice)| {
        let here = ours.get(&name).cloned().unwrap_or_default();
        (format!("endpointslices/{name} over time"), alike(&recorded, &here))
    };
    recorded.into_iter().map(of).collect()
}

/// A slice over time.
#[derive(Clone, PartialEq, Debug, Default)]
struct Slice {
    ready: Vec<i64>,
    last: String,
}

impl Slice {
    fn follow(&mut self, gone: bool, ports: &Value, endpoints: &Value, conditions: &str) {
        if gone {
            self.last = "gone".into();
            return;
        }
        let items = endpoints.as_array().map_or(&[][..], Vec::as_slice);
        let count = |condition: &str| items.iter().filter(|item| item[conditions][condition] == true).count();
        let ports = ports.as_array().map_or(&[][..], Vec::as_slice);
        let port = |port: &Value| format!("{}:{}", port["name"].as_str().unwrap_or(""), port["port"]);
        let ports: Vec<String> = ports.iter().map(port).collect();
        step(&mut self.ready, count("ready") as i64);
        self.last = format!(
            "{} ready {} serving {} terminating {} of {}",
            ports.join(" "),
            count("ready"),
            count("serving"),
            count("terminating"),
            items.len()
        );
    }
}

/// The values that status fields of an object took until its deletion was asked for.
fn course_of(replay: &Replay, resource: &str, name: &str, fields: &[&str]) -> Result<(), String> {
    let value = |status: &Value, field: &str| match &status[field] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let values = |status: &Value| fields.iter().map(|field| value(status, field)).collect::<Vec<String>>();
    let lines = replay.recording.about(resource);
    let lines = lines.filter(|line| line["obj"] == name && line["del_"].is_null());
    let mut recorded: Vec<_> = lines.map(|line| values(&line["status"])).collect();
    let kind = Kind::ALL.iter().find(|kind| kind.info().plural == resource).expect("a kind");
    let history = replay.history(*kind);
    let ours = history.iter().filter(|(_, object)| object.key.name == name && !object.meta.deleting());
    let status =
        |object: &Object| serde_json::from_str::<Value>(&object.body["status"].to_json()).expect("JSON");
    let mut ours: Vec<_> = ours.map(|(_, object)| values(&status(object))).collect();
    recorded.dedup();
    ours.dedup();
    in_order(&recorded, &ours)
}
