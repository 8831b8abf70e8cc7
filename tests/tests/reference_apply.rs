//! What the API server and kubectl say, held word for word against what a real control plane said.

use serde_json::Value;
use shared::apiserver::http::HttpRequest;
use shared::kubectl::Output;

use crate::support::comparison::{compare, recorded};
use crate::support::ledger;
use crate::support::world::{NAMESPACE, World};

fn text<'a>(entry: &'a Value, field: &str) -> &'a str {
    entry[field].as_str().unwrap_or("")
}

/// A recorded output as one text.
fn shown(code: u64, stdout: &str, stderr: &str) -> String {
    format!("exit {code}\n{stdout}\n{stderr}").trim_end().to_owned()
}

fn output_of(output: &Output) -> String {
    shown(output.exit_code.into(), &output.stdout, &output.stderr)
}

#[test]
fn manifests_are_taken_or_refused_as_recorded() {
    let Some(entries) = recorded("apply.json") else { return };
    let mut outcomes = Vec::new();
    for (name, entry) in entries.as_object().expect("an object") {
        let mut world = World::new();
        let args = entry["args"].as_array().expect("a list").iter().filter_map(Value::as_str);
        let words: Vec<&str> = ["-n", NAMESPACE, "apply", "-f", "-"].into_iter().chain(args).collect();
        if let Some(first) = entry["first"].as_str() {
            world.kubectl(words[..5].iter().copied(), first);
            world.wait(2);
        }
        let output = world.kubectl(words, text(entry, "yaml"));
        let code = entry["rc"].as_u64().expect("a number");
        let recorded = shown(code, text(entry, "stdout"), text(entry, "stderr"));
        outcomes.push((name.clone(), compare(&recorded, &output_of(&output))));
    }
    ledger::settle("apply.json", &outcomes);
}

/// The Deployment that was there when commands and requests were recorded.
const D0: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: {name: d0}
spec:
  selector: {matchLabels: {app: d0}}
  template:
    metadata: {labels: {app: d0}}
    spec: {containers: [{name: nginx, image: nginx}]}
";

fn world_with_d0() -> World {
    // Something answered for metrics there.
    let mut world = World::with(|spec| spec.metrics_server = true);
    let made = world.kubectl(["-n", NAMESPACE, "create", "-f", "-"], D0);
    assert_eq!(made.exit_code, 0, "{}", made.stderr);
    world.wait(3);
    world
}

/// The words of a recorded command line, which has lost its quotes: `a b=c` was one word.
fn words(line: &str) -> Vec<&str> {
    let line = line.strip_prefix("kubectl ").expect("a kubectl command");
    match line.strip_suffix(" a b=c") {
        Some(rest) => rest.split(' ').chain(["a b=c"]).collect(),
        None => line.split(' ').collect(),
    }
}

#[test]
fn commands_print_what_was_recorded() {
    let Some(entries) = recorded("kubectl.json") else { return };
    let mut world = world_with_d0();
    let stdin = "{apiVersion: v1, kind: Pod, metadata: {name: q}, spec: {containers: [{name: c, image: i}]}}";
    let mut outcomes = Vec::new();
    for entry in entries.as_array().expect("a list") {
        let line = text(entry, "cmd");
        let output = world.kubectl(words(line), stdin);
        let recorded =
            shown(entry["rc"].as_u64().expect("a number"), text(entry, "stdout"), text(entry, "stderr"));
        let name = line.trim_start_matches("kubectl ").trim_start_matches("-n s11-errors ");
        outcomes.push((name.to_owned(), compare(&recorded, &output_of(&output))));
    }
    ledger::settle("kubectl.json", &outcomes);
}

#[test]
fn requests_are_answered_as_recorded() {
    let Some(entries) = recorded("rest.json") else { return };
    let mut world = world_with_d0();
    let mut outcomes = Vec::new();
    for entry in entries.as_array().expect("a list") {
        let (method, path) = (text(entry, "method"), text(entry, "path"));
        let body = match &entry["body"] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            body => body.to_string(),
        };
        let body = elsewhere(&mut world, method, path, body);
        let response = world.request(HttpRequest {
            method: method.into(),
            path: path.into(),
            content_type: text(entry, "ctype").into(),
            body: body.as_str().into(),
            ..HttpRequest::default()
        });
        // A created pod is given time to run before the next request.
        world.wait(if method == "POST" { 3 } else { 0 });
        let answer: Value = serde_json::from_str(&response.body.to_json()).expect("JSON");
        let recorded = format!("{} {}", entry["status"], printed(&entry["response"]));
        let ours = format!("{} {}", response.code, printed(&answer));
        let path = path.trim_start_matches("/api/v1/namespaces/s11-errors/");
        let name = format!("{} {method} {path}", outcomes.len());
        outcomes.push((name, compare(&recorded, &ours)));
    }
    ledger::settle("rest.json", &outcomes);
}

/// A patch that moves a pod moves it to where it is not, wherever that is here.
fn elsewhere(world: &mut World, method: &str, path: &str, body: String) -> String {
    if method != "PATCH" || !body.contains("nodeName") {
        return body;
    }
    let get = HttpRequest { method: "GET".into(), path: path.into(), ..HttpRequest::default() };
    let node = world.request(get).body["spec"]["nodeName"].str();
    let other = if node == "node-0" { "node-1" } else { "node-0" };
    body.replace(&format!("{node:?}"), &format!("{other:?}"))
}

/// A body, without what differs from one cluster to the next.
fn printed(body: &Value) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(map) => {
                map.remove("resourceVersion");
                map.values_mut().for_each(strip);
            }
            Value::Array(items) => {
                // One of the recorded cluster's own.
                items.retain(|item| item["configMap"]["name"] != "openshift-service-ca.crt");
                items.iter_mut().for_each(strip);
            }
            _ => {}
        }
    }
    if let Some(text) = body.as_str() {
        return text.to_owned();
    }
    let mut body = body.clone();
    strip(&mut body);
    format!("{body:#}")
}
