//! A scenario for whoever may see it: the Secrets that its steps bring keep their keys, not their values.

use crate::{
    doc::{Doc, Str},
    manifest,
    scenario::{RequestStep, Scenario, StepAction},
};

const FIELDS: [&str; 2] = ["data", "stringData"];
/// Keys whose values have to be JSON: an empty object stands in them.
const REGISTRIES: [&str; 2] = [".dockerconfigjson", ".dockercfg"];
/// What kubectl applied last stands in an object once more.
const LAST: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Leaves the values of Secrets empty in all steps. A text that holds some is written anew, without its comments.
pub fn leave_empty(scenario: &mut Scenario) {
    for step in &mut scenario.spec.steps {
        match &mut step.action {
            StepAction::Apply(text) => {
                if let Some(emptied) = in_text(text) {
                    *text = emptied.into();
                }
            }
            StepAction::Request(request) => in_request(request),
            StepAction::Kubectl(line) => {
                if let Some(emptied) = in_command(line) {
                    *line = emptied.into();
                }
            }
            StepAction::Fault(_) | StepAction::Repair(_) | StepAction::Traffic(_) | StepAction::Clock(_) => {}
        }
    }
}

/// The text of manifests without the values; `None` where it holds none.
fn in_text(text: &str) -> Option<String> {
    // Escapes may hide a word.
    if !text.contains("Secret") && !text.contains('\\') {
        return None;
    }
    // What nobody can read was refused as a whole.
    let Ok(mut documents) = manifest::documents(text) else { return Some(String::new()) };
    let found = documents.iter_mut().fold(false, |found, doc| in_object(doc) | found);
    found.then(|| documents.iter().map(manifest::to_yaml).collect::<Vec<_>>().join("---\n"))
}

/// Empties an object, or those of a list; whether there was something.
fn in_object(doc: &mut Doc) -> bool {
    if doc["kind"].as_str() == Some("Secret") {
        return values(doc);
    }
    if doc["items"].items().is_empty() {
        return false;
    }
    let items = doc.at_mut(&["items"]).items_mut().iter_mut();
    items.fold(false, |found, item| in_object(item) | found)
}

/// Empties what has the fields of a Secret: one, or a part of one.
fn values(doc: &mut Doc) -> bool {
    let mut found = false;
    for field in FIELDS {
        let full = doc[field].entries().iter().filter(|(_, value)| !value.is_empty());
        let keys: Vec<Str> = full.map(|(key, _)| key.clone()).collect();
        for key in &keys {
            let instead = match (REGISTRIES.contains(&key.as_str()), field) {
                (true, "data") => "e30=",
                (true, _) => "{}",
                _ => "",
            };
            doc.set_at(&[field, key], instead);
        }
        found |= !keys.is_empty();
    }
    let last = doc.at(&["metadata", "annotations", LAST]).str();
    if let Some(emptied) = in_text(&last) {
        let json = manifest::documents(&emptied).ok().and_then(|docs| docs.first().map(Doc::to_json));
        doc.set_at(&["metadata", "annotations", LAST], json.unwrap_or_default());
        found = true;
    }
    found
}

/// Empties what a client wrote to a Secret: the whole, a part of it, or operations on it.
fn in_request(request: &mut RequestStep) {
    let path = request.path.split('?').next().unwrap_or_default();
    if request.body.is_empty() || !path.split('/').any(|part| part == "secrets") {
        return;
    }
    if let Some(emptied) = in_part(&request.body) {
        request.body = emptied.into();
    }
}

/// The same of a text that is a Secret, a patch of one, or a list of operations.
fn in_part(text: &str) -> Option<String> {
    let Ok(mut documents) = manifest::documents(text) else { return Some(String::new()) };
    let doc = documents.first_mut()?;
    let found = match doc {
        Doc::List(_) => doc.items_mut().iter_mut().fold(false, |found, one| in_operation(one) | found),
        _ => values(doc),
    };
    found.then(|| doc.to_json())
}

/// An operation of a JSON patch, `{"op", "path": "/data/word", "value"}`.
fn in_operation(operation: &mut Doc) -> bool {
    let path = operation["path"].str();
    let mut parts = path.split('/').skip(1);
    match (parts.next().unwrap_or_default(), parts.next()) {
        ("", _) => values(operation.at_mut(&["value"])),
        (field, _) if !FIELDS.contains(&field) || operation["value"].is_empty() => false,
        (field, key) => {
            // The fields of a Secret, with this one alone.
            let mut whole = Doc::map();
            let place = [field, key.unwrap_or_default()];
            let place = if key.is_some() { &place[..] } else { &place[..1] };
            whole.set_at(place, operation["value"].clone());
            let found = values(&mut whole);
            operation.set("value", whole.at(place).clone());
            found
        }
    }
}

/// A kubectl command without the values that it brings.
fn in_command(line: &str) -> Option<String> {
    let mut words = shlex::split(line)?;
    if !words.iter().any(|word| matches!(word.split('/').next(), Some("secret" | "secrets"))) {
        return None;
    }
    let mut found = false;
    let mut flag = String::new();
    for word in &mut words {
        // `--flag=value`, `-p{…}`, or the value of the flag before.
        let (name, given) = match word.split_once('=').filter(|(name, _)| name.starts_with("--")) {
            Some((name, _)) => (name.to_owned(), name.len() + 1),
            None if word.starts_with("-p{") => ("-p".to_owned(), 2),
            None => (flag, 0),
        };
        if let Some(emptied) = without_value(&name, &word[given..]) {
            word.replace_range(given.., &emptied);
            found = true;
        }
        flag = if given == 0 { word.clone() } else { String::new() };
    }
    found.then(|| shlex::try_join(words.iter().map(String::as_str)).unwrap_or_default())
}

/// What stands in place of a flag's value, where that is or holds a Secret's.
fn without_value(flag: &str, value: &str) -> Option<String> {
    match flag {
        "--from-literal" => value.split_once('=').map(|(key, _)| format!("{key}=")),
        // A registry wants one.
        "--docker-password" => Some("-".to_owned()),
        "-p" | "--patch" => in_part(value),
        _ => None,
    }
}
