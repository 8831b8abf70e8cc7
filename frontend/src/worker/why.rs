//! Tells a causal chain in readable hops: each actor's hearing, deciding and writing is one.

mod ends;

use shared::{
    api::{Key, Kind, Object, core::pod::Pod, discovery::endpointslice::EndpointSlice},
    cluster::Cluster,
    controllers::JOB_BACK_OFF,
    doc::{Change, Doc, Path, Segment},
    explain::{self, Hop},
    sim::{ChangeKind, Process, RecordId, What},
};

pub use self::ends::preempted_by;
use self::ends::{failures, job_of, preemptor, turn};
use super::{inspect::link, messages::place, view::SERVICE_NAME};
use crate::protocol::{Cause, CauseKind, Event, FieldChange, Subject};

/// Hops that are shown; the first ones and the last ones are.
const HOPS: usize = 24;
/// Changed fields of a hop that are shown.
const FIELDS: usize = 24;
/// Characters of a value that are shown.
const VALUE: usize = 140;

/// Why `key` is as it is, first cause first. `events` are those about it.
pub fn of(cluster: &Cluster, key: &Key, events: &[Event]) -> Vec<Cause> {
    let writes: Vec<RecordId> = explain::writes(cluster, key).collect();
    let (Some(&made), Some(&last)) = (writes.first(), writes.last()) else { return Vec::new() };
    let placed = writes.iter().copied().find(|&record| gives_a_node(cluster, record));
    let newest = || writes.iter().copied().rev().find(|&record| is_a_report(cluster, record));
    let reported = placed.and_then(|_| newest());
    let mut causes: Vec<Cause> = Vec::new();
    // What led to its newest state goes back to its node and its making, if nothing else came in between.
    let mut told = 0;
    for milestone in [Some(made), placed, reported, Some(last)].into_iter().flatten() {
        let hops = explain::chain(cluster, milestone).into_iter();
        let groups = groups(hops.filter(|hop| hop.record > told));
        causes.extend(groups.iter().filter_map(|group| tell(cluster, group, events)));
        told = told.max(milestone);
    }
    name_calls(&mut causes, key);
    match key.kind {
        Kind::Pod => {
            retain_own(&mut causes, &object(key));
            causes.extend(served(cluster, key));
            let before = cluster.core().trace.get(made).map_or(0, |record| record.at.0);
            let job = cluster.store().get(key).and_then(|pod| job_of(pod));
            causes.extend(job.and_then(|job| failures(cluster, &job, before).pop()));
        }
        Kind::Job => {
            let passing =
                |kind: CauseKind| kind.is_a_call() || matches!(kind, CauseKind::Placed | CauseKind::Reported);
            causes.retain(|cause| !(is_pod(cause) && passing(cause.kind)));
            causes.extend(failures(cluster, key, u64::MAX));
        }
        _ => {}
    }
    causes.sort_by_key(|cause| cause.at);
    let surplus = causes.len().saturating_sub(HOPS);
    if surplus > 0 {
        let placed = causes.iter().position(|cause| cause.kind == CauseKind::Placed);
        let kept = placed.map_or(2, |at| (at + 1).min(HOPS));
        causes.drain(kept..kept + surplus);
    }
    causes
}

/// Forgets what happened to other pods and did not lead to this one: its owner made several in the same breath, and
/// looked after them together.
fn retain_own(causes: &mut Vec<Cause>, pod: &Subject) {
    let mut placed = false;
    causes.retain(|cause| {
        placed |= cause.kind == CauseKind::Placed;
        let beside = matches!(cause.kind, CauseKind::Made | CauseKind::Placed)
            || placed && (cause.kind == CauseKind::Reported || cause.kind.is_a_call());
        !(beside && is_pod(cause) && cause.subject.as_ref() != Some(pod))
    });
}

/// Whether the write recorded as `record` was asked for by a kubelet.
fn is_a_report(cluster: &Cluster, record: RecordId) -> bool {
    let asker = |hop: &Hop| match hop.what {
        What::Message { from: Process::Etcd(_), .. } => None,
        What::Message { from, to: Process::ApiServer(_), .. } => Some(from),
        _ => None,
    };
    let chain = explain::chain(cluster, record);
    matches!(chain.iter().rev().find_map(asker), Some(Process::Kubelet(_)))
}

/// Whether the write recorded as `record` gave a pod its node.
fn gives_a_node(cluster: &Cluster, record: RecordId) -> bool {
    let has_one = |object: &Object| object.view::<Pod>().is_some_and(|pod| !pod.node_name.is_empty());
    explain::write(cluster, record).is_some_and(|write| {
        has_one(&write.object) && write.previous.as_ref().is_some_and(|before| !has_one(before))
    })
}

fn is_pod(cause: &Cause) -> bool {
    matches!(&cause.subject, Some(Subject::Object { kind, .. }) if kind == Kind::Pod.info().kind)
}

/// Calls to a runtime do not name their pod: it is the one that the kubelet writes of next, or the one that is told of.
fn name_calls(causes: &mut [Cause], key: &Key) {
    let mut pod = (key.kind == Kind::Pod).then(|| object(key));
    for cause in causes.iter_mut().rev() {
        if cause.kind.is_a_call() {
            cause.subject = pod.clone().or(cause.subject.take());
        } else if cause.place.starts_with("kubelet@") && is_pod(cause) {
            pod = cause.subject.clone();
        }
    }
}

/// Since when Services send requests to a pod, by each slice of endpoints that has it.
fn served(cluster: &Cluster, pod: &Key) -> Vec<Cause> {
    let ready = |slice: &Object| {
        let endpoints = slice.view::<EndpointSlice>().map_or(&[][..], |slice| &slice.endpoints);
        endpoints.iter().any(|endpoint| endpoint.ready && endpoint.pod == pod.name)
    };
    let slices = cluster.store().list_namespace(Kind::EndpointSlice, &pod.namespace);
    let told = slices.filter(|slice| ready(slice)).filter_map(|slice| {
        let record = explain::writes(cluster, &slice.key).rev().find(|&record| {
            explain::write(cluster, record).is_some_and(|write| {
                ready(&write.object) && !write.previous.as_ref().is_some_and(|before| ready(before))
            })
        })?;
        let cause = tell(cluster, groups(explain::chain(cluster, record)).last()?, &[])?;
        let service = slice.meta.label(SERVICE_NAME);
        let subject = Some(Subject::object(Kind::Service.info().kind, slice.key.namespace.as_str(), service));
        Some(Cause { kind: CauseKind::Served, subject, ..cause })
    });
    told.collect()
}

/// Hops that belong to one actor's turn.
struct Group {
    actor: Process,
    hops: Vec<Hop>,
    written: bool,
    /// What its runtime was called for.
    call: Option<&'static str>,
}

/// What a runtime is called for, where that is a hop of its own.
fn call(what: &What) -> Option<&'static str> {
    match what {
        What::Message { to: Process::Runtime(_), label, .. } => {
            ["RunPodSandbox", "PullImage", "StartContainer", "Probe"].into_iter().find(|call| call == label)
        }
        _ => None,
    }
}

/// Whether a Job's controller decided to wait before it makes another pod.
fn begins_to_wait(what: &What) -> bool {
    matches!(what, What::Note { reason: JOB_BACK_OFF, .. })
}

impl Group {
    /// Whether `what` begins something else: another call to the runtime, the report of what the last one came to, or what is
    /// done once a wait is over.
    fn ends_before(&self, what: &What) -> bool {
        let reports =
            matches!(what, What::Message { from: Process::Kubelet(_), to: Process::ApiServer(_), .. });
        let other = call(what).is_some_and(|next| self.call != Some(next));
        let waited = self.hops.last().is_some_and(|hop| begins_to_wait(&hop.what));
        waited || self.call.is_some() && (reports || other)
    }
}

fn groups(hops: impl IntoIterator<Item = Hop>) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    for hop in hops {
        let (actor, heard) = actor(&hop.what);
        let written = matches!(hop.what, What::Write { .. });
        let called = call(&hop.what);
        match (groups.last_mut(), actor) {
            // Who hears something after having written begins another turn.
            (Some(group), actor)
                if actor.is_none_or(|it| it == group.actor)
                    && !(group.written && heard)
                    && !group.ends_before(&hop.what) =>
            {
                group.written |= written;
                group.call = group.call.or(called);
                group.hops.push(hop);
            }
            (None, None) => {}
            (_, Some(actor)) => groups.push(Group { actor, hops: vec![hop], written, call: called }),
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
    // Of several answers of the runtime the last one counts.
    let mut failed = false;
    for hop in &group.hops {
        match &hop.what {
            What::Message { label, object, to: Process::ApiServer(_), .. } => {
                asked = label;
                // What is only read is not what it is about.
                about = object.as_ref().filter(|_| *label != "GET").or(about);
                if cause.kind == CauseKind::Broken {
                    cause.kind = CauseKind::Asked;
                }
            }
            What::Message { from: Process::Runtime(_), label, .. } => failed = label.ends_with("Failed"),
            What::Message { object, to: Process::Runtime(_), .. } => {
                cause.kind = match group.call {
                    Some("RunPodSandbox") => CauseKind::Sandboxed,
                    Some("PullImage") => CauseKind::Pulled,
                    Some("StartContainer") => CauseKind::Started,
                    Some("Probe") => CauseKind::Probed,
                    _ => CauseKind::Ran,
                };
                about = object.as_ref().or(about);
            }
            What::Write { revision, key, change } => {
                cause.at = hop.at.0;
                cause.revision = Some(*revision);
                cause.kind = kind(group.actor, asked, key, *change);
                if matches!(cause.kind, CauseKind::Changed | CauseKind::Reported)
                    && let Some(turn) = turn(cluster, group, asked, hop)
                {
                    (cause.kind, cause.notes) = (turn.0, [cause.notes, turn.1].concat());
                }
                cause.changes = changes(cluster, hop.record);
                about = Some(key);
            }
            What::Note { reason, object, text, .. } => {
                if begins_to_wait(&hop.what) {
                    (cause.kind, about) = (CauseKind::BackedOff, object.as_ref());
                }
                cause.notes.push(((*reason).to_owned(), text.to_string()));
                about = about.or(object.as_ref());
            }
            What::Fault { .. } => cause.kind = CauseKind::Struck,
            What::Message { object, .. } => about = about.or(object.as_ref()),
            // What is broken or mended is no object of the API server's.
            What::Command { .. } => cause.kind = CauseKind::Broken,
        }
    }
    if failed {
        cause.kind = in_vain(cause.kind);
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
    cause.subject = about.map(object);
    if cause.kind == CauseKind::Preempted {
        cause.sake = about.and_then(|victim| preemptor(cluster, victim));
    }
    // A turn in which something was heard and nothing came of it tells nothing.
    (cause.kind != CauseKind::Noticed || !cause.notes.is_empty()).then_some(cause)
}

fn object(key: &Key) -> Subject {
    Subject::object(key.kind.info().kind, key.namespace.as_str(), key.name.as_str())
}

fn kind(actor: Process, asked: &str, key: &Key, change: ChangeKind) -> CauseKind {
    match (actor, change) {
        (Process::Client(_), _) => CauseKind::Asked,
        (_, ChangeKind::Deleted) => CauseKind::Removed,
        (Process::Scheduler(_), _) if key.kind == Kind::Pod && asked == "POST" => CauseKind::Placed,
        (_, ChangeKind::Added) => CauseKind::Made,
        (Process::Kubelet(_), _) => CauseKind::Reported,
        _ => CauseKind::Changed,
    }
}

/// Whether the scheduler wrote into a pod that no node takes it. Pods that have to make room are written to as well.
fn found_no_node(cluster: &Cluster, actor: Process, asked: &str, hop: &Hop) -> bool {
    let written = || explain::write(cluster, hop.record)?.object.view::<Pod>();
    matches!(actor, Process::Scheduler(_))
        && asked == "PATCH"
        && written().is_some_and(|pod| pod.node_name.is_empty())
}

/// What it amounts to that the runtime was asked for something it could not do.
fn in_vain(kind: CauseKind) -> CauseKind {
    match kind {
        CauseKind::Sandboxed => CauseKind::SandboxFailed,
        CauseKind::Pulled => CauseKind::PullFailed,
        CauseKind::Started => CauseKind::StartFailed,
        kind => kind,
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

/// What is not told of a revision: who owns fields. Nor, of what is new, what its name says and every object has.
const UNTOLD: [&str; 2] = ["metadata.managedFields", "metadata.resourceVersion"];
const UNTOLD_OF_NEW: [&str; 7] = [
    "apiVersion",
    "kind",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "metadata.creationTimestamp",
    "metadata.generation",
];

/// The fields that a write changed; of what is new, all that is in it.
pub(super) fn changes(cluster: &Cluster, record: u64) -> Vec<FieldChange> {
    let mut told = Vec::new();
    for Change { mut path, old, new } in explain::change(cluster, record).unwrap_or_default() {
        let made = path.0.is_empty();
        leaves(&mut path, &old, &new, &mut |path, old, new| {
            let path = path.to_string();
            let untold = UNTOLD.iter().any(|field| path.starts_with(field))
                || made && UNTOLD_OF_NEW.contains(&path.as_str());
            if !untold && told.len() < FIELDS {
                told.push(FieldChange { path, old: short(old), new: short(new) });
            }
        });
    }
    told
}

/// What is wanted of a new object, field by field: its `spec`, or all of it where it has none.
pub(super) fn wanted(object: &Object) -> Vec<FieldChange> {
    let spec = &object.body["spec"];
    let (mut path, of) = match spec.is_null() {
        true => (Path::default(), &object.body),
        false => (Path(vec![Segment::Key("spec".into())]), spec),
    };
    let mut told = Vec::new();
    leaves(&mut path, &Doc::Null, of, &mut |path, _, new| {
        if told.len() < FIELDS {
            told.push(FieldChange { path: path.to_string(), old: String::new(), new: short(new) });
        }
    });
    told
}

/// Tells a change field by field, where something came to be that was not there.
fn leaves(path: &mut Path, old: &Doc, new: &Doc, tell: &mut dyn FnMut(&Path, &Doc, &Doc)) {
    let below: Vec<(Segment, &Doc)> = match new {
        _ if !old.is_null() => Vec::new(),
        Doc::Map(_) => new.entries().iter().map(|(key, value)| (Segment::Key(key.clone()), value)).collect(),
        Doc::List(items) if items.iter().all(|item| matches!(item, Doc::Map(_))) => {
            (0..).map(Segment::Index).zip(items.iter()).collect()
        }
        _ => Vec::new(),
    };
    if below.is_empty() {
        return tell(path, old, new);
    }
    for (segment, value) in below {
        path.0.push(segment);
        leaves(path, old, value, tell);
        path.0.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{protocol::Command, worker::replica::Replica};
    use shared::sim::Time;

    /// What the chain of the pod called `name` amounts to, a minute after `pods` were asked for.
    fn kinds(pods: &str, name: &str) -> Vec<CauseKind> {
        let mut replica = Replica::first();
        replica.act(None, &Command::Apply(pods.to_owned()));
        replica.advance_to(Time(90_000));
        let key = Key::new(Kind::Pod, "default", name);
        of(replica.cluster(), &key, &[]).iter().map(|it| it.kind).collect()
    }

    #[test]
    fn what_could_not_be_done_is_not_told_as_done() {
        use CauseKind::{Placed, PullFailed, Pulled, Sandboxed, StartFailed, Started, Unplaced};
        let pod = |spec: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: one}}, spec: {{containers: [{{name: one, {spec}}}]}}}}"
            )
        };
        for (spec, told, untold) in [
            ("image: 'todo-api:no.such'", &[Placed, Sandboxed, PullFailed][..], &[Pulled, Started][..]),
            (
                "image: busybox, command: [nosuchcommand]",
                &[Placed, Sandboxed, StartFailed],
                &[Started, PullFailed],
            ),
            ("image: nginx, resources: {requests: {cpu: 64}}", &[Unplaced], &[Placed, CauseKind::Changed]),
            ("image: nginx", &[Placed, Sandboxed, Pulled, Started], &[PullFailed, StartFailed, Unplaced]),
        ] {
            let kinds = kinds(&pod(spec), "one");
            assert!(told.iter().all(|kind| kinds.contains(kind)), "{spec}: {kinds:?}");
            assert!(!untold.iter().any(|kind| kinds.contains(kind)), "{spec}: {kinds:?}");
        }
    }

    #[test]
    fn an_event_leads_to_the_hop_it_is_about() {
        let mut replica = Replica::first();
        let pod = "{apiVersion: v1, kind: Pod, metadata: {name: one}, spec: {containers: [{name: one, image: nginx}]}}";
        replica.act(None, &Command::Apply(pod.to_owned()));
        replica.advance_to(Time(90_000));
        let subject = Subject::object("Pod", "default", "one");
        let told = super::super::inspect::about(replica.cluster(), &subject).expect("it is there");
        for (reason, kind) in
            [("Scheduled", CauseKind::Placed), ("Pulled", CauseKind::Pulled), ("Started", CauseKind::Started)]
        {
            let event = told.events.iter().find(|event| event.reason == reason).expect("it was said");
            let hop = Cause::behind(&told.causes, reason, event.at).map(|hop| hop.kind);
            assert_eq!(hop, Some(kind), "{event:?} {:?}", told.causes);
        }
        assert_eq!(Cause::behind(&told.causes, "Evicted", 0), None);
    }

    /// Pods of many kinds, several on each node: the names of theirs begin so.
    const MANY: [(&str, &str); 8] = [
        (
            "a",
            "{apiVersion: v1, kind: Pod, metadata: {name: aN}, spec: {containers: [{name: c, image: nginx}]}}",
        ),
        (
            "web-",
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 16, selector: {matchLabels: {a: w}}, template: {metadata: {labels: {a: w}}, spec: {containers: [{name: c, image: nginx}]}}}}",
        ),
        (
            "conf-",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {A: b}}\n---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: conf}, spec: {replicas: 4, selector: {matchLabels: {a: c}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: c, image: nginx, envFrom: [{configMapRef: {name: settings}}]}]}}}}",
        ),
        (
            "conf",
            "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}, data: {A: b}}\n---\n{apiVersion: v1, kind: Pod, metadata: {name: confN}, spec: {containers: [{name: c, image: nginx, envFrom: [{configMapRef: {name: settings}}]}]}}",
        ),
        (
            "two-",
            "{apiVersion: apps/v1, kind: Deployment, metadata: {name: two}, spec: {replicas: 5, selector: {matchLabels: {a: t}}, template: {metadata: {labels: {a: t}}, spec: {containers: [{name: c, image: nginx, imagePullPolicy: Always, readinessProbe: {periodSeconds: 3, httpGet: {port: 80}}}, {name: d, image: redis}]}}}}",
        ),
        (
            "db-",
            "{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}, spec: {replicas: 5, serviceName: db, podManagementPolicy: Parallel, selector: {matchLabels: {a: d}}, template: {metadata: {labels: {a: d}}, spec: {containers: [{name: c, image: nginx}]}}}}",
        ),
        (
            "all-",
            "{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: all}, spec: {selector: {matchLabels: {a: a}}, template: {metadata: {labels: {a: a}}, spec: {containers: [{name: c, image: nginx}]}}}}",
        ),
        (
            "job-",
            "{apiVersion: batch/v1, kind: Job, metadata: {name: job}, spec: {parallelism: 6, completions: 6, template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: [sleep, '5']}]}}}}",
        ),
    ];

    #[test]
    fn every_hop_of_a_pod_is_about_it_however_many_do_the_same() {
        for (prefix, manifest) in MANY {
            let texts: Vec<String> = match manifest.contains("N}") {
                true => (1..=6).map(|number| manifest.replace("N}", &format!("{number}}}"))).collect(),
                false => vec![manifest.to_owned()],
            };
            let mut replica = Replica::first();
            replica.act(None, &Command::Apply(texts.join("\n---\n")));
            replica.advance_to(Time(120_000));
            let cluster = replica.cluster();
            let pods = cluster.store().list(Kind::Pod).map(|pod| pod.key.clone());
            let pods: Vec<Key> =
                pods.filter(|key| key.namespace == "default" && key.name.starts_with(prefix)).collect();
            assert!(pods.len() >= 3, "{prefix}: {pods:?}");
            for pod in pods {
                let causes = of(cluster, &pod, &[]);
                let told: Vec<_> = causes.iter().map(|it| (it.kind, it.subject.clone())).collect();
                let mine = Some(object(&pod));
                let of_kind = |kind| told.iter().filter(|it| it.0 == kind && it.1 == mine).count();
                for kind in [CauseKind::Placed, CauseKind::Sandboxed] {
                    assert_eq!(of_kind(kind), 1, "{kind:?} {told:?}");
                }
                let containers = if prefix == "two-" { 2 } else { 1 };
                assert_eq!(of_kind(CauseKind::Pulled), containers, "{told:?}");
                assert_eq!(of_kind(CauseKind::Started), containers, "{told:?}");
                assert_eq!(told[0].0, CauseKind::Asked, "{told:?}");
                let others = told.iter().skip(1).filter(|it| it.1 != mine);
                let others: Vec<_> = others.filter_map(|it| it.1.as_ref()).collect();
                let set = |it: &&Subject| matches!(it, Subject::Object { kind, .. } if kind == "ReplicaSet");
                assert!(others.len() < 2 && others.iter().all(set), "{told:?}");
            }
        }
    }

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
        let runtime: Vec<CauseKind> =
            told.iter().skip_while(|it| it.0 != CauseKind::Placed).map(|it| it.0).collect();
        use CauseKind::{Placed, Pulled, Reported, Sandboxed, Started};
        assert_eq!(runtime, [Placed, Sandboxed, Pulled, Started, Reported], "{told:?}");
        let of_new: Vec<&str> = causes[2].changes.iter().map(|change| change.path.as_str()).collect();
        assert!(
            of_new.contains(&"spec.containers[0].image") && !of_new.contains(&"metadata.uid"),
            "{of_new:?}"
        );
        assert!(causes.iter().all(|it| !it.raw.is_empty()));
        assert!(causes.windows(2).all(|pair| pair[0].at <= pair[1].at), "{told:?}");

        let todo = cluster.store().list(Kind::Pod).find(|pod| pod.key.name.starts_with("todo-api-"));
        let served = of(cluster, &todo.expect("it is there from the beginning").key.clone(), &[]).pop();
        let service = served.as_ref().map(|it| (it.kind, it.subject.as_ref().map_or("", Subject::name)));
        assert_eq!(
            service,
            Some((CauseKind::Served, "todo-api")),
            "the last is that requests come: {served:?}"
        );

        let target = format!("pod/default/{}", pod.name);
        replica.act(None, &Command::Fault { target, kind: "Crash".to_owned() });
        replica.advance_to(Time(62_000));
        let told: Vec<(CauseKind, bool)> =
            of(replica.cluster(), &pod, &[]).iter().map(|it| (it.kind, it.subject.is_some())).collect();
        assert!(told.contains(&(CauseKind::Broken, false)), "what is struck is told of: {told:?}");
        assert!(!told.contains(&(CauseKind::Asked, false)), "whoever asks, asks for something: {told:?}");
    }
}
