//! Plays what was recorded from a real control plane in a simulated cluster: the same six nodes, the same commands at
//! the same moments, images and options in the place of the recording's `fake/…` annotations.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;
use shared::api::{Kind, Object};
use shared::doc::{Doc, Str, Timestamp};
use shared::runtime::ImageSpec;
use shared::scenario::{Scenario, StepAction};
use shared::session::{Player, StepResult};
use shared::sim::{ChangeKind, Duration, Time};

/// When the recording begins: until then the nodes come up.
const START: u64 = 20_000;

/// A command of the recording and what it printed.
pub struct Command {
    pub at: f64,
    pub line: String,
    pub exit_code: u8,
    pub stdout: String,
}

/// A recording.
pub struct Recording {
    pub namespace: String,
    pub commands: Vec<Command>,
    pub timeline: Vec<Value>,
    events: Vec<Value>,
    last: Value,
    inputs: Vec<String>,
}

impl Recording {
    pub fn read(folder: &Path) -> Recording {
        let text = |name: &str| fs::read_to_string(folder.join(name)).expect("a file of the recording");
        let json = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        let commands: Vec<Command> = text("kubectl.txt").split("\n[t=").filter_map(read_command).collect();
        let inputs = text("input.yaml");
        let inputs = inputs.split("# applied at t=").skip(1).map(|part| {
            part.split_once('\n').expect("a line of its own").1.trim_end_matches("---\n").to_owned()
        });
        let first = commands.iter().find_map(|command| command.line.split_once("-n ")).expect("a namespace");
        Recording {
            namespace: first.1.split(' ').next().expect("its name").to_owned(),
            timeline: text("timeline.jsonl").lines().map(json).collect(),
            events: json(&text("events.json")).as_array().expect("a list").clone(),
            last: json(&text("final.json")),
            inputs: inputs.collect(),
            commands,
        }
    }

    /// The date at which a cluster begins whose clock agrees with the recording's.
    fn epoch(&self) -> String {
        let items = self.last["items"].as_array().expect("a list").iter();
        let born = items.filter_map(|item| item["metadata"]["creationTimestamp"].as_str());
        let first = Timestamp::parse(born.min().expect("an object")).expect("a date");
        Timestamp::from_millis(first.millis() - START as i64).rfc3339()
    }

    /// What a component said, as [`Replay::events`] tells it.
    pub fn events(&self, component: &str) -> Vec<String> {
        let mine = self.events.iter().filter(|event| event["comp"] == component);
        let text = |event: &Value, field: &str| event[field].as_str().unwrap_or("").to_owned();
        mine.map(|event| said(&text(event, "type"), &text(event, "reason"), &text(event, "message")))
            .collect()
    }

    /// How the objects of a kind stood at the end, by name.
    pub fn statuses(&self, kind: &str) -> BTreeMap<String, Doc> {
        let items = self.last["items"].as_array().expect("a list").iter().filter(|item| item["kind"] == kind);
        let doc = |item: &Value| shared::doc::parse_json(&item.to_string()).expect("JSON");
        items
            .map(doc)
            .map(|item| (plain(&item["metadata"]["name"].str()), timeless(&item["status"])))
            .collect()
    }

    /// The pods over time: `+db-0` was made, `-db-0` went.
    pub fn pods(&self) -> Vec<String> {
        let of = |line: &Value| {
            let name = plain(line["obj"].as_str()?);
            match line["ev"].as_str()? {
                "ADDED" => Some(format!("+{name}")),
                "DELETED" => Some(format!("-{name}")),
                _ => None,
            }
        };
        self.timeline.iter().filter(|line| line["res"] == "pods").filter_map(of).collect()
    }

    /// The values that status fields of a resource's object took until its deletion was asked for.
    pub fn course(&self, resource: &str, name: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let mine = self.timeline.iter();
        let mine =
            mine.filter(|line| line["res"] == resource && line["obj"] == name && line["del_"].is_null());
        let value = |line: &Value, field: &str| match &line["status"][field] {
            Value::Null => "-".to_owned(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let mut course: Vec<Vec<String>> =
            mine.map(|line| fields.iter().map(|field| value(line, field)).collect()).collect();
        course.dedup();
        course
    }
}

fn read_command(part: &str) -> Option<Command> {
    let part = part.trim_start_matches("[t=");
    let (head, stdout) = part.split_once('\n')?;
    let (at, rest) = head.split_once("] $ kubectl ")?;
    let (line, rest) = rest.rsplit_once("   (rc=")?;
    Some(Command {
        at: at.parse().ok()?,
        line: line.to_owned(),
        exit_code: rest.split(',').next()?.parse().ok()?,
        stdout: stdout.to_owned(),
    })
}

/// A recording while it is played.
pub struct Replay {
    pub player: Player,
    pub recording: Recording,
    seen: u64,
    steps: Vec<u64>,
}

impl Replay {
    /// Plays a recording until `until` seconds after its beginning.
    pub fn play(recording: Recording, until: u64) -> Replay {
        Replay::play_after("", recording, until)
    }

    /// The same in a cluster in which the objects of `before` exist.
    pub fn play_after(before: &str, recording: Recording, until: u64) -> Replay {
        let mut scenario = Scenario::parse(SCENARIO).expect("a scenario");
        for input in &recording.inputs {
            images(input, &mut scenario.spec.images);
        }
        scenario.spec.epoch = Some(recording.epoch().into());
        let mut player = Player::new(scenario, 0).expect("a cluster");
        let namespace = format!("create namespace {}", recording.namespace);
        player.submit_at(Time(START - 2000), StepAction::Kubectl(namespace.into()), Str::new());
        if !before.is_empty() {
            player.submit_at(Time(START - 1500), StepAction::Apply(before.into()), Str::new());
        }
        player.advance_to(Time(START - 1));
        let seen = player.cluster().store().revision();
        let mut replay = Replay { player, recording, seen, steps: Vec::new() };
        let mut inputs = 0;
        for at in 0..replay.recording.commands.len() {
            let moment = Time(START + (replay.recording.commands[at].at.max(0.0) * 1000.0).round() as u64);
            replay.player.advance_to(moment);
            let action = replay.action(at, &mut inputs);
            let step = replay.player.submit(action, Str::new());
            replay.steps.push(step);
        }
        replay.player.advance_to(Time(START + until * 1000));
        replay
    }

    fn action(&self, at: usize, inputs: &mut usize) -> StepAction {
        let namespace = &self.recording.namespace;
        let line = &self.recording.commands[at].line;
        if line.ends_with("apply -f -") {
            *inputs += 1;
            return StepAction::Apply(manifest(&self.recording.inputs[*inputs - 1], namespace).into());
        }
        // The flag of the namespace comes first there.
        let flag = format!("-n {namespace} ");
        let (line, flag) = match line.strip_prefix(&flag) {
            Some(rest) => (rest, format!(" -n {namespace}")),
            None => (line.as_str(), String::new()),
        };
        let words = line.split(' ').map(|word| {
            let quoted = word.contains('{');
            let name = self.ours(word);
            if quoted { format!("'{word}'") } else { name.unwrap_or_else(|| word.to_owned()) }
        });
        StepAction::Kubectl((words.collect::<Vec<_>>().join(" ") + &flag).into())
    }

    /// The pod that stands here for one of the recording with a drawn name: the one of the same owner and node.
    fn ours(&self, word: &str) -> Option<String> {
        let node = |line: &Value| line["node"].as_str().map(str::to_owned);
        let mut lines = self.recording.timeline.iter().filter(|line| line["obj"] == word);
        let node = lines.find_map(node)?;
        let pods = self.player.cluster().store().list(Kind::Pod);
        let twin = pods.filter(|pod| pod.body["spec"]["nodeName"].as_str() == Some(node.as_str()));
        let name = twin.map(|pod| pod.key.name.to_string()).find(|name| plain(name) == plain(word));
        name.filter(|_| plain(word) != word)
    }

    /// What came of the commands, with what the recording says of them. Those that have not ended are left out.
    pub fn results(&self) -> impl Iterator<Item = (&Command, &StepResult)> {
        let result = |step: &u64| self.player.results().iter().find(|result| result.step == *step);
        let both = self.recording.commands.iter().zip(&self.steps);
        both.filter_map(move |(command, step)| Some((command, result(step)?)))
    }

    /// The revisions of a kind in the recording's namespace since its beginning.
    pub fn history(&self, kind: Kind) -> Vec<(ChangeKind, Object)> {
        let store = self.player.cluster().store();
        let all = store.since(self.seen).expect("a short history");
        let mine = all.filter(|revision| {
            let key = &revision.object.key;
            key.kind == kind && key.namespace == *self.recording.namespace
        });
        mine.map(|revision| (revision.change, (*revision.object).clone())).collect()
    }

    /// What a component said, in order, without what is drawn; a repetition counts again.
    pub fn events(&self, component: &str) -> Vec<String> {
        let history = self.history(Kind::Event);
        let mine = history.iter().filter(|(_, event)| {
            let source = event.body["source"]["component"].str();
            source == component || event.body["reportingComponent"].as_str() == Some(component)
        });
        let text = |event: &Object, field: &str| event.body[field].str();
        mine.map(|(_, event)| said(&text(event, "type"), &text(event, "reason"), &text(event, "message")))
            .collect()
    }

    pub fn statuses(&self, kind: Kind) -> BTreeMap<String, Doc> {
        let objects = self.player.cluster().store().list(kind);
        let mine = objects.filter(|object| object.key.namespace == *self.recording.namespace);
        mine.map(|object| (plain(&object.key.name), timeless(&object.body["status"]))).collect()
    }

    pub fn pods(&self) -> Vec<String> {
        let of = |(change, pod): &(ChangeKind, Object)| {
            let name = plain(&pod.key.name);
            match change {
                ChangeKind::Added => Some(format!("+{name}")),
                ChangeKind::Deleted => Some(format!("-{name}")),
                ChangeKind::Modified => None,
            }
        };
        self.history(Kind::Pod).iter().filter_map(of).collect()
    }

    pub fn course(&self, kind: Kind, name: &str, fields: &[&str]) -> Vec<Vec<String>> {
        let history = self.history(kind);
        let mine = history.iter().filter(|(_, object)| object.key.name == name && !object.meta.deleting());
        let value = |object: &Object, field: &str| match &object.body["status"][field] {
            Doc::Null => "-".to_owned(),
            Doc::Str(text) => text.to_string(),
            other => other.to_json(),
        };
        let mut course: Vec<Vec<String>> =
            mine.map(|(_, object)| fields.iter().map(|field| value(object, field)).collect()).collect();
        course.dedup();
        course
    }

    /// The moments at which pods were made, in seconds after the beginning.
    pub fn births(&self) -> Vec<u64> {
        let epoch = self.player.cluster().core().epoch.seconds();
        let history = self.history(Kind::Pod);
        let born = history.iter().filter(|(change, _)| *change == ChangeKind::Added);
        born.map(|(_, pod)| (pod.meta.creation.seconds() - epoch) as u64 - START / 1000).collect()
    }
}

const SCENARIO: &str = "
apiVersion: kubarium.dev/v1alpha1
kind: Scenario
metadata: {name: recorded}
spec:
  seed: 7
  cluster:
    nodes:
    - {count: 1, zone: zone-a}
    - {count: 1, zone: zone-b}
    - {count: 1, zone: zone-c}
    - {count: 1, zone: zone-a}
    - {count: 1, zone: zone-b}
    - {count: 1, zone: zone-c}
    addons: []
  # What the recording had take a second in all: the hops of messages are the rest.
  options: {imagePull: 0s, containerStart: 950ms, containerStop: 950ms}
";

/// The behaviour of the images that the annotations of a manifest ask for; without any they run for ever.
fn images(input: &str, images: &mut shared::collections::BTreeMap<Str, ImageSpec>) {
    for document in shared::manifest::parse(input).expect("YAML") {
        for template in templates(&document.doc) {
            let annotation = |name: &str| template["metadata"]["annotations"][name].as_str();
            let after = annotation("fake/exit-after").and_then(Duration::parse);
            let code = annotation("fake/exit-code").and_then(|code| code.parse().ok()).unwrap_or(0);
            let image = template["spec"]["containers"][0]["image"].str();
            let spec = ImageSpec { exit_after: after, exit_code: code, ..ImageSpec::default() };
            images.insert(image, spec);
        }
    }
}

fn templates(object: &Doc) -> Vec<&Doc> {
    let all = [object.at(&["spec", "template"]), object.at(&["spec", "jobTemplate", "spec", "template"])];
    all.into_iter().filter(|template| !template.is_null()).collect()
}

/// The manifest in its namespace; `fake/fail-index` becomes a command that fails in the pod with that index.
fn manifest(input: &str, namespace: &str) -> String {
    let documents = shared::manifest::parse(input).expect("YAML");
    let mut text = String::new();
    for document in documents {
        let mut object = document.doc;
        object.set_at(&["metadata", "namespace"], namespace);
        let annotations = object.at(&["spec", "template", "metadata", "annotations"]).clone();
        if let Some(index) = annotations["fake/fail-index"].as_str() {
            let after = annotations["fake/exit-after"].str();
            let line = format!("sleep {after}; [ \"$JOB_COMPLETION_INDEX\" != {index} ]");
            let containers = object.at_mut(&["spec", "template", "spec", "containers"]).items_mut();
            containers[0].set("command", Doc::list(["sh", "-c", &line]));
        }
        text.push_str(&object.to_json());
        text.push_str("\n---\n");
    }
    text
}

/// Without what is drawn, hashed or placed: `Created pod: ds-x2v9k` is `Created pod: ds-*`.
fn said(kind: &str, reason: &str, message: &str) -> String {
    let words =
        message.split(' ').map(|word| if word.starts_with("node-") { "*".to_owned() } else { plain(word) });
    format!("{kind} {reason}: {}", words.collect::<Vec<_>>().join(" "))
}

/// A name without its drawn or hashed parts and without minutes since 1970.
pub fn plain(name: &str) -> String {
    const ALPHABET: &str = "bcdfghjklmnpqrstvwxz2456789";
    let drawn = |part: &str| part.len() >= 5 && part.chars().all(|letter| ALPHABET.contains(letter));
    let dated = |part: &str| part.len() >= 7 && part.chars().all(|letter| letter.is_ascii_digit());
    let parts = name.split('-').enumerate().map(|(at, part)| {
        let end = part.trim_end_matches([',', '.', ';', ']']);
        if at > 0 && (drawn(end) || dated(end)) { part.replace(end, "*") } else { part.to_owned() }
    });
    parts.collect::<Vec<_>>().join("-")
}

/// A status without dates, UIDs, revisions and hashed names.
fn timeless(status: &Doc) -> Doc {
    match status {
        Doc::Map(map) => {
            let entries = map.entries().iter().filter(|(key, _)| {
                !["uid", "resourceVersion"].contains(&key.as_str()) && !key.ends_with("Time")
            });
            Doc::Map(entries.map(|(key, value)| (key.clone(), timeless(value))).collect())
        }
        Doc::List(items) => Doc::list(items.iter().map(timeless)),
        Doc::Str(text) => Doc::from(plain(text)),
        other => other.clone(),
    }
}

/// The same lines, whatever their order.
pub fn sorted(mut lines: Vec<String>) -> Vec<String> {
    lines.sort();
    lines
}

/// What a command that watches printed: lines that repeat are one.
pub fn condensed(stdout: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = stdout.lines().filter(|line| !line.is_empty()).collect();
    lines.dedup();
    lines
}

/// What a table says but for ages, addresses and drawn names: each line's words that are the same in every run.
pub fn table(stdout: &str) -> BTreeSet<Vec<String>> {
    let varies = |word: &str| {
        let age = word.ends_with('s') && word.starts_with(|c: char| c.is_ascii_digit());
        age || word.starts_with("10.") || word.starts_with("node-")
    };
    let line = |line: &str| line.split_whitespace().filter(|word| !varies(word)).map(plain).collect();
    stdout.lines().filter(|line| !line.is_empty()).map(line).collect()
}
