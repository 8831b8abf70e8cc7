//! `kubectl describe` of what a real cluster held at the end of each recording, character for character. The objects
//! come from the recording itself, through a server that only knows how to look them up.

use std::path::Path;

use serde_json::Value;
use shared::api::{FieldSelector, LabelSelector};
use shared::cluster::{HttpRequest, HttpResponse};
use shared::doc;
use shared::doc::{Doc, Str, Timestamp, parse_json};
use shared::kubectl::{Program, Progress};

use crate::support;
use crate::support::ledger;

/// Objects that were recorded, served to whoever asks.
struct Shelf(Vec<Doc>);

/// Kinds that are looked up by discovery where the engine does not know them itself: group, version, kind, plural.
const DISCOVERED: &[(&str, &str, &str, &str)] = &[
    ("", "v1", "ResourceQuota", "resourcequotas"),
    ("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers"),
];

impl Shelf {
    fn of_recording(folder: &Path) -> Shelf {
        let read = |name: &str| -> Value {
            let text = std::fs::read_to_string(folder.join(name)).expect("a file of the recording");
            serde_json::from_str(&text).expect("JSON")
        };
        let items = read("final.json")["items"].as_array().expect("a list").clone();
        let mut objects: Vec<Doc> = items.iter().map(|item| parse_json(&item.to_string()).unwrap()).collect();
        let namespace =
            objects.first().map(|object| object["metadata"]["namespace"].str()).unwrap_or_default();
        for (number, event) in read("events.json").as_array().expect("a list").iter().enumerate() {
            objects.push(recorded_event(event, number, &namespace, &objects));
        }
        Shelf(objects)
    }

    fn answer(&self, request: &HttpRequest) -> HttpResponse {
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        if let "/api" | "/apis" = path {
            return answer(200, discovery(path == "/api"));
        }
        let parts: Vec<&str> =
            path.trim_start_matches("/api/").trim_start_matches("/apis/").split('/').collect();
        let at = parts.iter().position(|part| *part == "namespaces").map_or(0, |at| at + 2);
        let rest = if at == 0 { &parts[parts.len() - 1..] } else { &parts[at..] };
        let value = |name: &str| {
            let pair = query.split('&').find_map(|pair| pair.strip_prefix(&format!("{name}=")));
            decoded(pair.unwrap_or(""))
        };
        let labels = LabelSelector::parse(&value("labelSelector")).expect("a selector");
        let fields = FieldSelector::parse(&value("fieldSelector")).expect("a selector");
        let fits = |object: &&Doc| {
            let field =
                |path: &str| path.split('.').fold((*object).clone(), |doc, key| doc[key].clone()).str();
            plural(&object["kind"].str()) == rest[0]
                && labels.matches(&object["metadata"]["labels"])
                && fields.0.iter().all(|(path, value, equal)| (field(path) == *value) == *equal)
        };
        let found: Vec<Doc> = self.0.iter().filter(fits).cloned().collect();
        let Some(name) = rest.get(1) else { return answer(200, doc!({ "items": found })) };
        match found.into_iter().find(|object| object["metadata"]["name"].as_str() == Some(name)) {
            Some(object) => answer(200, object),
            None => {
                let message = format!("{} {name:?} not found", rest[0]);
                answer(404, doc!({ "reason": "NotFound", "message": message, "status": "Failure" }))
            }
        }
    }

    fn kubectl(&self, words: &[&str], now: Timestamp) -> String {
        let mut program = Program::new(words.iter().map(|word| Str::from(*word)).collect(), Str::new(), now);
        loop {
            match program.run() {
                Progress::Done(output) => return output.stdout + &output.stderr,
                Progress::Needs(request) => program.answer(self.answer(&request)),
                other => panic!("describe only asks the server: {other:?}"),
            }
        }
    }
}

fn answer(code: u32, body: Doc) -> HttpResponse {
    HttpResponse { code, body, warnings: Vec::new() }
}

fn plural(kind: &str) -> String {
    match kind {
        "Endpoints" => "endpoints".into(),
        _ => format!("{}s", kind.to_lowercase()),
    }
}

fn discovery(core: bool) -> Doc {
    let groups = DISCOVERED.iter().filter(|(group, ..)| group.is_empty() == core);
    let groups = groups.map(|(group, version, kind, plural)| {
        doc!({
            "metadata": { "name": *group },
            "versions": [{ "version": *version, "resources": [{
                "resource": *plural, "responseKind": { "kind": *kind }, "scope": "Namespaced",
                "singularResource": kind.to_lowercase(), "verbs": ["get", "list"]
            }] }]
        })
    });
    doc!({ "kind": "APIGroupDiscoveryList", "items": Doc::list(groups) })
}

/// An Event as it may have been, from what was written down of it.
fn recorded_event(event: &Value, number: usize, namespace: &str, objects: &[Doc]) -> Doc {
    let text = |field: &str| event[field].as_str().unwrap_or("");
    let about = |object: &&Doc| {
        object["kind"].as_str() == Some(text("kind"))
            && object["metadata"]["name"].as_str() == Some(text("name"))
    };
    let uid = objects.iter().find(about).map(|object| object["metadata"]["uid"].str()).unwrap_or_default();
    doc!({
        "kind": "Event", "metadata": { "name": format!("e{number}"), "namespace": namespace },
        "involvedObject": { "kind": text("kind"), "name": text("name"), "namespace": namespace, "uid": uid },
        "type": text("type"), "reason": text("reason"), "message": text("message"),
        "reportingComponent": text("comp"), "eventTime": "2026-11-22T00:00:00Z"
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let hex: String = rest.by_ref().take(2).map(char::from).collect();
            bytes.push(u8::from_str_radix(&hex, 16).expect("an escaped byte"));
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).expect("text")
}

/// The ages of events are those of the moment; they are no part of the objects.
fn without_ages(text: &str) -> String {
    let line = |line: &str| {
        let mut words: Vec<&str> = line.split("  ").filter(|word| !word.trim().is_empty()).collect();
        let is_event = line.starts_with("  ") && words.len() >= 5;
        if is_event {
            words[2] = "AGE";
            words.iter().map(|word| word.trim()).collect::<Vec<_>>().join("  ")
        } else {
            line.to_owned()
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_is_described_reads_as_recorded() {
    let Some(folder) = support::reference("scenarios") else { return };
    let mut outcomes = Vec::new();
    let mut folders: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|folder| folder.join("describe.txt").exists()) {
        let shelf = Shelf::of_recording(folder);
        let mut kinds: Vec<String> = Vec::new();
        for object in shelf.0.iter().filter(|object| object["kind"].as_str() != Some("Event")) {
            let plural = plural(&object["kind"].str());
            kinds.extend(Some(plural.clone()).filter(|_| !kinds.contains(&plural)));
        }
        let expected = std::fs::read_to_string(folder.join("describe.txt")).unwrap();
        let namespace = shelf.0[0]["metadata"]["namespace"].str();
        let now = Timestamp::parse("2026-11-22T23:00:00Z").unwrap();
        let ours = shelf.kubectl(&["-n", &namespace, "describe", &kinds.join(",")], now);
        let outcome = if without_ages(&ours) == without_ages(&expected) {
            Ok(())
        } else {
            Err(first_difference(&expected, &ours))
        };
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        outcomes.push((name, outcome));
    }
    ledger::settle("describe.txt", &outcomes);
}

fn first_difference(expected: &str, ours: &str) -> String {
    let mut lines = expected.lines().zip(ours.lines()).enumerate();
    let differs = lines.find(|(_, (one, two))| without_ages(one) != without_ages(two));
    match differs {
        Some((at, (one, two))) => {
            let before: Vec<&str> = expected.lines().skip(at.saturating_sub(8)).take(8).collect();
            format!("line {}, after\n{}\n--- recorded\n{one}\n--- here\n{two}", at + 1, before.join("\n"))
        }
        None => format!("{} lines recorded, {} here", expected.lines().count(), ours.lines().count()),
    }
}
