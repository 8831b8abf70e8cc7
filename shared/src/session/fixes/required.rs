//! What is missing: fields that must be there, and objects and volumes that others name.

use super::scene::{Fault, get, path_of, shifted};
use super::values::listed;
use super::{Edit, Fix};
use crate::collections::sort_by_key;
use crate::doc::{Doc, Path, Segment};
use crate::schema::distance;

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
    // What a number is not said to be is 0, and no port.
    let unset = fault.message.split_once(": Invalid value: 0: must be ");
    let unset = unset.filter(|(field, _)| get(&document.doc, &path_of(field)).is_null());
    let Some((field, why)) = fault.message.split_once(": Required value").or(unset) else {
        return Vec::new();
    };
    let mut path = path_of(field);
    let Some(Segment::Key(last)) = path.pop() else { return Vec::new() };
    if why.ends_with("port name or number is required") {
        path.extend([Segment::Key(last), Segment::Key("service".into()), Segment::Key("port".into())]);
        let edits = fault.added(&path, &["number: 80".to_owned()]);
        return edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", "port: 80", edits)]);
    }
    let usual = USUAL.iter().find(|(name, _)| *name == &*last || field.ends_with(name) && name.contains('['));
    let port = get(&document.doc, &path).get("port");
    let lines: Vec<String> = match (usual, listed(why).first()) {
        // Ports are called by their numbers: no two are the same.
        (Some(_), None) if &*last == "name" && !port.is_null() => {
            vec![format!("name: port-{}", port.to_json())]
        }
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

/// Of two fields that exclude each other one goes: the second, or the first.
pub(super) fn both(fault: &Fault) -> Vec<Fix> {
    let said = fault.message.strip_suffix(" cannot be both set").and_then(|said| said.split_once(" and "));
    let (Some((first, second)), Some(path), Some(document)) = (said, &fault.path, fault.document) else {
        return Vec::new();
    };
    let first = first.rsplit(' ').next().unwrap_or(first);
    let mut fixes = Vec::new();
    for name in [second, first] {
        let place = document.spans.key(&Path([&path.0[..], &path_of(name)].concat())).start;
        let column = place.column as usize - 1;
        if fault.lines.start(place.line).is_some_and(|start| start.outer == column && start.key == column) {
            let last = fault.lines.last(place.line, column);
            fixes.push(Fix::new("fix_remove", name, vec![fault.lines.removed(place.line, last)]));
        }
    }
    fixes
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
    let Some(pod) = mounted(field) else { return Vec::new() };
    let volume = [format!("- name: {name}"), "  emptyDir: {}".to_owned()];
    let edits = match get(&document.doc, &pod).get("volumes") {
        Doc::Null => fault.added(&pod, &[&["volumes:".to_owned()][..], &volume[..]].concat()),
        // One more, before the first.
        Doc::List(_) => {
            let first = document.spans.value(&Path([&pod[..], &path_of("volumes[0]")].concat())).start;
            fault.lines.start(first.line).filter(|start| start.key == first.column as usize - 1).map(
                |start| {
                    let lines = volume.map(|line| format!("{}\n", shifted(&line, start.outer as isize)));
                    vec![Edit { from: (first.line, 1), to: (first.line, 1), text: lines.concat() }]
                },
            )
        }
        _ => None,
    };
    edits.map_or_else(Vec::new, |edits| vec![Fix::new("fix_add", format!("volumes: {name}"), edits)])
}

/// The pod in which a container mounts a volume.
fn mounted(field: &str) -> Option<Vec<Segment>> {
    let path = path_of(field);
    let names = ["containers", "initContainers"];
    let at = path.iter().position(|step| matches!(step, Segment::Key(key) if names.contains(&&**key)))?;
    field.contains(".volumeMounts[").then(|| path[..at].to_vec())
}

/// A volume that is mounted under another name than its own.
pub(super) fn declared(fault: &Fault) -> Vec<Fix> {
    let Some((field, said)) = fault.message.split_once(": Not found: ") else { return Vec::new() };
    let (Some(pod), [name]) = (mounted(field), &listed(said)[..]) else { return Vec::new() };
    let volumes = get(fault.root(), &[&pod[..], &path_of("volumes")].concat()).items();
    // Those of a StatefulSet's claims are volumes too.
    let claims =
        fault.root()["spec"]["volumeClaimTemplates"].items().iter().map(|claim| &claim["metadata"]["name"]);
    let mut names: Vec<_> =
        volumes.iter().map(|volume| &volume["name"]).chain(claims).map(Doc::str).collect();
    // The only one is meant whatever it is called, unless it is mounted too.
    let list = path_of(field.rsplit_once('[').map_or(field, |(list, _)| list));
    let mounted = |name: &str| {
        get(fault.root(), &list).items().iter().any(|mount| mount["name"].as_str() == Some(name))
    };
    let only = names.len() == 1 && !mounted(&names[0]);
    let bound = (name.chars().count() / 3).max(1);
    names.retain(|one| only || distance(one, name) <= bound);
    sort_by_key(&mut names, |one| distance(one, name));
    names.iter().map(|one| Fix::new("fix_value", &**one, fault.put(&**one))).collect()
}
