//! Tells a causal chain in readable hops: each actor's hearing, deciding and writing is one.

use shared::{
    api::Key,
    cluster::Cluster,
    doc::Doc,
    explain::{self, Hop},
    sim::{ChangeKind, Process, What},
};

use super::{inspect::link, messages::place};
use crate::protocol::{Cause, CauseKind, Event, FieldChange, Subject};

/// Hops that are shown; the first ones and the last ones are.
const HOPS: usize = 24;
/// Changed fields of a hop that are shown.
const FIELDS: usize = 24;
/// Characters of a value that are shown.
const VALUE: usize = 140;

/// Why `key` is as it is, first cause first. `events` are those about it.
pub fn of(cluster: &Cluster, key: &Key, events: &[Event]) -> Vec<Cause> {
    let records: Vec<_> = explain::writes(cluster, key).collect();
    let (Some(&first), Some(&last)) = (records.first(), records.last()) else { return Vec::new() };
    // What led to its newest state goes back to its making, if nothing else came in between.
    let mut hops = explain::chain(cluster, last);
    if hops.iter().all(|hop| hop.record != first) {
        let mut before = explain::chain(cluster, first);
        let made = before.last().map_or(0, |hop| hop.record);
        hops.retain(|hop| hop.record > made);
        before.append(&mut hops);
        hops = before;
    }
    let mut causes: Vec<Cause> =
        groups(hops).iter().filter_map(|group| tell(cluster, group, events)).collect();
    let surplus = causes.len().saturating_sub(HOPS);
    if surplus > 0 {
        causes.drain(2..2 + surplus);
    }
    causes
}

/// Hops that belong to one actor's turn.
struct Group {
    actor: Process,
    hops: Vec<Hop>,
    written: bool,
}

fn groups(hops: Vec<Hop>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for hop in hops {
        let (actor, heard) = actor(&hop.what);
        let written = matches!(hop.what, What::Write { .. });
        match (groups.last_mut(), actor) {
            // Who hears something after having written begins another turn.
            (Some(group), actor) if actor.is_none_or(|it| it == group.actor) && !(group.written && heard) => {
                group.written |= written;
                group.hops.push(hop);
            }
            (None, None) => {}
            (_, Some(actor)) => groups.push(Group { actor, hops: vec![hop], written }),
            (Some(_), None) => {}
        }
    }
    groups
}

/// Whose turn a hop belongs to (`None` for the turn that goes on), and whether somebody hears of a change by it.
fn actor(what: &What) -> (Option<Process>, bool) {
    match what {
        What::Command { .. } => (Some(Process::Client(0)), false),
        What::Write { .. } => (None, false),
        What::Note { by, .. } => (Some(*by), false),
        What::Fault { process, .. } => (Some(*process), false),
        What::Message { from, to, .. } => match (from, to) {
            (Process::Etcd(_), _) | (_, Process::Etcd(_)) | (Process::Runtime(_), _) => (None, false),
            (Process::ApiServer(_), Process::Client(_)) => (None, false),
            (Process::ApiServer(_), to) => (Some(*to), true),
            (Process::Client(_), _) => (Some(Process::Client(0)), false),
            (from, _) => (Some(*from), false),
        },
    }
}

fn tell(cluster: &Cluster, group: &Group, events: &[Event]) -> Option<Cause> {
    let raw = group.hops.iter().filter_map(|hop| link(cluster, hop, true)).collect();
    let mut cause =
        Cause { at: group.hops.last()?.at.0, place: place(cluster, group.actor), raw, ..Cause::default() };
    let mut about: Option<&Key> = None;
    let mut asked = "";
    for hop in &group.hops {
        match &hop.what {
            What::Message { label, object, to: Process::ApiServer(_), .. } => {
                asked = label;
                about = object.as_ref().or(about);
                if cause.kind == CauseKind::Broken {
                    cause.kind = CauseKind::Asked;
                }
            }
            What::Message { object, to: Process::Runtime(_), .. } => {
                cause.kind = CauseKind::Ran;
                about = object.as_ref().or(about);
            }
            What::Write { revision, key, change } => {
                cause.at = hop.at.0;
                cause.revision = Some(*revision);
                cause.kind = kind(group.actor, asked, key, *change);
                cause.changes = changes(cluster, hop.record);
                about = Some(key);
            }
            What::Note { reason, object, text, .. } => {
                cause.notes.push(((*reason).to_owned(), text.to_string()));
                about = about.or(object.as_ref());
            }
            What::Fault { .. } => cause.kind = CauseKind::Struck,
            What::Message { object, .. } => about = about.or(object.as_ref()),
            // What is broken or mended is no object of the API server's.
            What::Command { .. } => cause.kind = CauseKind::Broken,
        }
    }
    let (from, until) = (group.hops.first()?.at.0, cause.at + 20);
    let program = cause.place.split('@').next().unwrap_or_default().to_owned();
    let behind = events.iter().filter(|event| {
        (from..=until).contains(&event.at)
            && (program.contains(event.source.as_str())
                || event.source.contains("scheduler") && program == "kube-scheduler"
                || event.source.ends_with("controller") && program == "kube-controller-manager")
    });
    cause.notes.extend(behind.map(|event| (event.reason.clone(), event.message.clone())));
    cause.notes.dedup();
    cause.subject =
        about.map(|key| Subject::object(key.kind.info().kind, key.namespace.as_str(), key.name.as_str()));
    // A turn in which something was heard and nothing came of it tells nothing.
    (cause.kind != CauseKind::Noticed || !cause.notes.is_empty()).then_some(cause)
}

fn kind(actor: Process, asked: &str, key: &Key, change: ChangeKind) -> CauseKind {
    use shared::api::Kind;
    match (actor, change) {
        (Process::Client(_), _) => CauseKind::Asked,
        (_, ChangeKind::Deleted) => CauseKind::Removed,
        (Process::Scheduler(_), _) if key.kind == Kind::Pod && asked == "POST" => CauseKind::Placed,
        (_, ChangeKind::Added) => CauseKind::Made,
        (Process::Kubelet(_), _) => CauseKind::Reported,
        _ => CauseKind::Changed,
    }
}

/// A value as JSON, cut where it is too long to be read.
pub(super) fn short(value: &Doc) -> String {
    if value.is_null() {
        return String::new();
    }
    let json = value.to_json();
    if json.chars().count() > VALUE {
        format!("{}…", json.chars().take(VALUE).collect::<String>())
    } else {
        json
    }
}

/// The fields that a write changed; who owns fields is not told.
pub(super) fn changes(cluster: &Cluster, record: u64) -> Vec<FieldChange> {
    let changes = explain::change(cluster, record).unwrap_or_default();
    let told = changes.iter().map(|change| (change.path.to_string(), change));
    let told = told.filter(|(path, _)| {
        !path.starts_with("metadata.managedFields") && path != "metadata.resourceVersion"
    });
    told.take(FIELDS)
        .map(|(path, change)| FieldChange { path, old: short(&change.old), new: short(&change.new) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::Command, worker::replica::Replica};
    use shared::{api::Kind, sim::Time};

    #[test]
    fn a_pod_is_told_from_what_the_person_did_to_its_readiness() {
        let mut replica = Replica::first();
        let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: \
                   {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec: {containers: \
                   [{name: web, image: nginx}]}\n";
        replica.act(None, &Command::Apply(web.to_owned()));
        replica.advance_to(Time(60_000));
        let cluster = replica.cluster();
        let pods = cluster.store().list(Kind::Pod);
        let pod =
            pods.map(|pod| pod.key.clone()).find(|key| key.name.starts_with("web-")).expect("it is there");
        let causes = of(cluster, &pod, &[]);
        let told: Vec<(CauseKind, &str, &str)> = causes
            .iter()
            .map(|it| (it.kind, it.place.as_str(), it.subject.as_ref().map_or("", Subject::name)))
            .collect();
        assert_eq!(told[0], (CauseKind::Asked, "you", "web"), "{told:?}");
        let makers: Vec<_> = told.iter().filter(|it| it.0 == CauseKind::Made).collect();
        assert_eq!(makers.len(), 2, "a ReplicaSet and a pod are made: {told:?}");
        let placed = causes.iter().find(|it| it.kind == CauseKind::Placed).expect("it is placed");
        assert!(
            placed.changes.iter().any(|it| it.path == "spec.nodeName" && it.old.is_empty()),
            "{placed:?}"
        );
        let last = causes.last().expect("there are some");
        assert_eq!(last.kind, CauseKind::Reported, "{told:?}");
        assert!(causes.iter().all(|it| !it.raw.is_empty()));
        assert!(causes.windows(2).all(|pair| pair[0].at <= pair[1].at), "{told:?}");

        let target = format!("pod/default/{}", pod.name);
        replica.act(None, &Command::Fault { target, kind: "Crash".to_owned() });
        replica.advance_to(Time(62_000));
        let told: Vec<(CauseKind, bool)> =
            of(replica.cluster(), &pod, &[]).iter().map(|it| (it.kind, it.subject.is_some())).collect();
        assert!(told.contains(&(CauseKind::Broken, false)), "what is struck is told of: {told:?}");
        assert!(!told.contains(&(CauseKind::Asked, false)), "whoever asks, asks for something: {told:?}");
    }
}
