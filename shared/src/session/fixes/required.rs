//! What is missing: fields that must be there, and objects and volumes that others name.

use super::scene::{Fault, get, path_of};
use super::values::listed;
use super::{Edit, Fix};
use crate::doc::{Doc, Segment};

/// Fields that must be there, and what stands in them until somebody knows better.
const USUAL: &[(&str, &[&str])] = &[
    ("image", &["image: nginx"]),
    ("name", &["name: app"]),
    ("protocol", &["protocol: TCP"]),
    ("pathType", &["pathType: Prefix"]),
    ("containerPort", &["containerPort: 80"]),
    ("port", &["port: 80"]),
    ("mountPath", &["mountPath: /data"]),
    ("schedule", &["schedule: \"*/5 * * * *\""]),
    ("maxReplicas", &["maxReplicas: 5"]),
    ("accessModes", &["accessModes: [ReadWriteOnce]"]),
    ("resources[storage]", &["storage: 1Gi"]),
    ("ports", &["ports:", "- port: 80"]),
];

/// A field that must be there.
pub(super) fn field(fault: &Fault) -> Vec<Fix> {
    let Some(document) = fault.document else { return Vec::new() };
    if fault.message == "resource name may not be empty"
        || fault.message.starts_with("metadata.name: Required value")
    {
        let name = format!("name: {}", document.doc["kind"].str().to_lowercase());
        let edits = fault.added(&path_of("metadata"), std::slice::from_ref(&name));
        return edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", name, edits)]);
    }
    let Some((field, why)) = fault.message.split_once(": Required value") else { return Vec::new() };
    let mut path = path_of(field);
    let Some(Segment::Key(last)) = path.pop() else { return Vec::new() };
    let usual = USUAL.iter().find(|(name, _)| *name == &*last || field.ends_with(name) && name.contains('['));
    let lines: Vec<String> = match (usual, listed(why).first()) {
        (_, Some(value)) => vec![format!("{last}: {value}")],
        (Some((_, lines)), None) => lines.iter().map(|line| (*line).to_owned()).collect(),
        (None, None) => return Vec::new(),
    };
    if field.ends_with("[storage]") {
        path.push(Segment::Key("requests".into()));
    }
    let edits = fault.added(&path, &lines);
    let name = lines.join(" ");
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", name, edits)])
}

/// A field that may not be where it is goes, with all below it.
pub(super) fn forbidden(fault: &Fault) -> Vec<Fix> {
    const SAID: [&str; 2] = [": Forbidden: may not be ", "may not be specified when `value` is not empty"];
    let place =
        fault.document.zip(fault.path.as_ref()).map(|(document, path)| document.spans.key(path).start);
    let Some(place) = place.filter(|_| SAID.iter().any(|words| fault.message.contains(words))) else {
        return Vec::new();
    };
    // It has lines of its own, and is not the first of an item of a list.
    let column = place.column as usize - 1;
    match fault.lines.start(place.line) {
        Some(start) if start.outer == column && start.key == column => {
            let last = fault.lines.last(place.line, column);
            vec![Fix::new("fix_remove", fault.key(), vec![fault.lines.removed(place.line, last)])]
        }
        _ => Vec::new(),
    }
}

/// A namespace that is not there, a volume that nobody declares.
pub(super) fn brought(fault: &Fault) -> Vec<Fix> {
    let Some(document) = fault.document else { return Vec::new() };
    let said = listed(fault.message);
    if let (true, [name, ..]) =
        (fault.message.starts_with("namespaces \"") && fault.message.ends_with("\" not found"), &said[..])
    {
        let text = format!("apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {name}\n---\n");
        let first = document.spans.root().start.line;
        let at = (
            (1..first)
                .rev()
                .find(|&line| fault.lines.get(line).starts_with("---"))
                .map_or(1, |line| line + 1),
            1,
        );
        return vec![Fix::new("fix_add", format!("Namespace {name}"), vec![Edit { from: at, to: at, text }])];
    }
    let Some((field, [name])) =
        fault.message.split_once(": Not found: ").map(|(field, _)| (field, &said[..]))
    else {
        return Vec::new();
    };
    let path = path_of(field);
    let mounts = path.iter().position(|step| *step == Segment::Key("containers".into()));
    let (Some(at), true) = (mounts, field.contains(".volumeMounts[")) else { return Vec::new() };
    let pod = &path[..at];
    let volume = [format!("- name: {name}"), "  emptyDir: {}".to_owned()];
    let edits = match get(&document.doc, pod).get("volumes") {
        Doc::Null => fault.added(pod, &[&["volumes:".to_owned()][..], &volume[..]].concat()),
        _ => return Vec::new(),
    };
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", format!("volumes: {name}"), edits)])
}
