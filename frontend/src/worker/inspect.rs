//! Everything about one object or program, for the inspector.

use shared::{
    api::{
        Key, Kind, Object,
        core::{event::Event as EventView, node::Node, pod::Pod},
    },
    cluster::Cluster,
    explain, manifest,
    sim::{Process, What},
};

use super::{messages::place, why};
use crate::protocol::{Event, Inspection, Link, Subject};

/// Newest doings of a program that are shown.
const CHAIN: usize = 24;

/// Images of a pod that are named.
const IMAGES: usize = 12;

/// Everything about `subject`, `None` when there is nothing of that name.
pub fn about(cluster: &Cluster, subject: &Subject) -> Option<Inspection> {
    match subject {
        Subject::Object { kind, namespace, name } => {
            let kind = *Kind::ALL.iter().find(|known| known.info().kind == kind)?;
            let key = Key::new(kind, namespace.as_str(), name.as_str());
            Some(about_object(cluster, cluster.store().get(&key)?))
        }
        Subject::Component(program) => Some(about_program(cluster, program)),
    }
}

fn about_object(cluster: &Cluster, object: &Object) -> Inspection {
    let mut doc = object.to_doc();
    // As kubectl shows it: bookkeeping of field owners is for those who ask for it.
    if let Some(metadata) = doc.as_map().map(|map| map.get("metadata").clone()) {
        let mut metadata = metadata;
        metadata.remove("managedFields");
        doc.set("metadata", metadata);
    }
    let key = &object.key;
    let events = cluster.store().list(Kind::Event);
    let events = events.filter(|event| EventView::is_about(event, object.meta.uid));
    let mut events: Vec<Event> = events.filter_map(|object| self::event(cluster, object)).collect();
    events.sort_by_key(|event| event.at);
    Inspection {
        kind: key.kind.info().kind.to_owned(),
        namespace: key.namespace.to_string(),
        name: key.name.to_string(),
        facts: facts(cluster, object),
        yaml: manifest::to_yaml(&doc),
        causes: why::of(cluster, key, &events),
        events,
        chain: Vec::new(),
    }
}

/// What `kubectl get` prints of it, and what else is worth a line.
fn facts(cluster: &Cluster, object: &Object) -> Vec<(String, String)> {
    let resource = object.key.kind.resource();
    let row = resource.row(object, cluster.core().timestamp());
    let columns =
        resource.columns().iter().zip(row).filter(|(column, cell)| column.name != "Name" && !cell.is_empty());
    let mut facts: Vec<(String, String)> = columns
        .filter(|(_, cell)| cell != "<none>")
        .map(|(column, cell)| (column.name.to_owned(), cell))
        .collect();
    if !object.key.namespace.is_empty() {
        facts.insert(0, ("Namespace".to_owned(), object.key.namespace.to_string()));
    }
    if let Some(owner) = object.meta.controller() {
        facts.push(("Controlled by".to_owned(), format!("{}/{}", owner.kind, owner.name)));
    }
    if let Some(pod) = object.view::<Pod>() {
        facts.push(("Image".to_owned(), images(pod)));
    }
    if let Some(node) = object.view::<Node>() {
        let taints =
            node.taints.iter().map(|taint| format!("{}:{}", taint.key, taint.effect)).collect::<Vec<_>>();
        if !taints.is_empty() {
            facts.push(("Taints".to_owned(), taints.join(", ")));
        }
    }
    facts
}

/// The images of a pod's containers, each once.
fn images(pod: &Pod) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for container in &pod.spec.containers {
        let image: &str = container.image.as_ref();
        match counts.iter_mut().find(|(known, _)| *known == image) {
            Some((_, count)) => *count += 1,
            None => counts.push((image, 1)),
        }
    }
    let words = |&(image, count): &(&str, usize)| {
        if count > 1 { format!("{image} ×{count}") } else { image.to_owned() }
    };
    let rest = counts.len().saturating_sub(IMAGES);
    let mut told: Vec<String> = counts.iter().take(IMAGES).map(words).collect();
    told.extend((rest > 0).then(|| format!("+{rest}")));
    told.join(", ")
}

/// An Event, as the page shows it.
pub fn event(cluster: &Cluster, object: &Object) -> Option<Event> {
    let event = EventView::of(object)?;
    let [kind, namespace, name] = event.about.map(|text| text.to_string());
    Some(Event {
        uid: object.meta.uid.text().to_string(),
        at: cluster.core().dates.time_of(event.last).map_or(0, |at| at.0),
        warning: event.kind == "Warning",
        reason: event.reason.to_string(),
        kind,
        namespace,
        name,
        message: event.message.to_string(),
        source: event.source[0].to_string(),
        count: u32::try_from(event.count).unwrap_or(u32::MAX),
    })
}

/// A hop as it is. Answers and notices follow by themselves: they are told only where `all` is wanted.
pub fn link(cluster: &Cluster, hop: &explain::Hop, all: bool) -> Option<Link> {
    let words = |key: &Key| format!("{} {}", key.kind.info().singular, key.name);
    let (who, what, object, text) = match &hop.what {
        What::Command { .. } => ("you".to_owned(), String::new(), String::new(), String::new()),
        What::Message { from, to, label, object, heartbeat, .. } => {
            // Requests, decisions and writes tell the story.
            let told = all
                || matches!(*label, "POST" | "PUT" | "PATCH" | "DELETE")
                || matches!(to, Process::Runtime(_));
            if *heartbeat || !told {
                return None;
            }
            let who = format!("{} → {}", place(cluster, *from), place(cluster, *to));
            (who, (*label).to_owned(), object.as_ref().map_or(String::new(), words), String::new())
        }
        What::Write { revision, key, change } => (
            "etcd".to_owned(),
            format!("{change:?}").to_lowercase(),
            words(key),
            format!("revision {revision}"),
        ),
        What::Note { by, reason, object, text } => (
            place(cluster, *by),
            (*reason).to_owned(),
            object.as_ref().map_or(String::new(), words),
            text.to_string(),
        ),
        What::Fault { process, up } => (
            place(cluster, *process),
            if *up { "up" } else { "down" }.to_owned(),
            String::new(),
            String::new(),
        ),
    };
    Some(Link { at: hop.at.0, who, what, object, text })
}

fn about_program(cluster: &Cluster, program: &str) -> Inspection {
    let core = cluster.core();
    let mut facts = Vec::new();
    if let Some((_, node)) = program.split_once('@') {
        facts.push(("Node".to_owned(), node.to_owned()));
    }
    let heard = core.trace.since(core.trace.first_id()).filter(|(_, record)| match &record.what {
        What::Message { from, to, heartbeat, .. } => {
            !heartbeat && (place(cluster, *from) == program || place(cluster, *to) == program)
        }
        What::Note { by, .. } => place(cluster, *by) == program,
        _ => false,
    });
    let newest: Vec<Link> = heard
        .filter_map(|(id, record)| {
            link(cluster, &explain::Hop { record: id, at: record.at, what: record.what.clone() }, false)
        })
        .collect();
    let skip = newest.len().saturating_sub(CHAIN);
    if program == "etcd" {
        facts.push(("Revision".to_owned(), cluster.store().revision().to_string()));
        facts.push(("Objects".to_owned(), cluster.store().len().to_string()));
    }
    Inspection {
        name: program.to_owned(),
        facts,
        chain: newest.into_iter().skip(skip).collect(),
        ..Inspection::default()
    }
}
