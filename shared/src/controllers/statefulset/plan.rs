//! What a StatefulSet does next, and how it stands.

use crate::api::apps::controllerrevision::ControllerRevision;
use crate::api::apps::deployment::scaled;
use crate::api::core::pod::{Phase, Pod};
use crate::api::{Key, Kind, Of};
use crate::collections::sort_by_key;
use crate::controllers::pods::{body, is_available};
use crate::controllers::status::omit_empty;
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};

use super::{Action, REVISION, Subject, ordinal};

mod retention;

/// What is to be done now, and the status that tells how things were before.
pub struct Plan {
    pub actions: Vec<Action>,
    pub status: Doc,
    /// What cannot be done before a claim has gone that is being deleted.
    pub hindered: Vec<Hindered>,
}

/// A pod's claim is being deleted.
pub struct Hindered {
    pub pod: Str,
    pub claim: Str,
    /// Whether the pod is there already.
    pub exists: bool,
}

/// The pods of a set by what becomes of them.
struct Pods {
    /// By number, from the first; those that are missing are `None`.
    wanted: Vec<Option<Of<Pod>>>,
    /// Beyond the wanted numbers, highest first.
    condemned: Vec<Of<Pod>>,
    min_ready_seconds: i64,
    now: Timestamp,
}

#[derive(Default)]
struct Counts {
    replicas: i64,
    ready: i64,
    available: i64,
    current: i64,
    updated: i64,
}

/// The most replicas that are looked after.
const MOST_REPLICAS: i64 = 200_000;

impl Pods {
    fn read(subject: &Subject, world: &World, now: Timestamp) -> Pods {
        let set = &subject.set;
        // More than a cluster of ours can hold is as good as without end.
        let size = set.replicas.clamp(0, MOST_REPLICAS) as usize;
        let mut pods = Pods {
            wanted: vec![None; size],
            condemned: Vec::new(),
            min_ready_seconds: set.min_ready_seconds,
            now,
        };
        let number = |pod: &Of<Pod>| ordinal(&set.key().name, &pod.key().name);
        for pod in world.managed::<Pod>(set.meta().uid) {
            let Some(number) = number(&pod) else { continue };
            let at = u32::try_from(number.saturating_sub(set.start)).ok().map(|at| at as usize);
            match at.filter(|at| *at < size) {
                Some(at) => pods.wanted[at] = Some(pod),
                None => pods.condemned.push(pod),
            }
        }
        sort_by_key(&mut pods.condemned, |pod| std::cmp::Reverse(number(pod)));
        pods
    }

    fn running(pod: &Of<Pod>) -> bool {
        pod.phase == Phase::Running && pod.ready
    }

    fn available(&self, pod: &Of<Pod>) -> bool {
        Pods::running(pod) && is_available(pod, self.min_ready_seconds, self.now)
    }

    fn healthy(&self, pod: &Of<Pod>) -> bool {
        self.available(pod) && !pod.meta().deleting()
    }

    fn count(&self, subject: &Subject) -> Counts {
        let mut counts = Counts::default();
        for pod in self.wanted.iter().flatten().chain(&self.condemned) {
            counts.replicas += 1;
            counts.ready += i64::from(Pods::running(pod));
            counts.available += i64::from(self.available(pod));
            let of = |revision: &Of<ControllerRevision>| {
                i64::from(!pod.meta().deleting() && pod.meta().label(REVISION) == revision.key().name)
            };
            counts.current += of(&subject.current);
            counts.updated += of(&subject.update);
        }
        counts
    }
}

/// Decides what to do next.
pub fn decide(subject: &Subject, world: &World, now: Timestamp) -> Plan {
    let set = &subject.set;
    let pods = Pods::read(subject, world, now);
    let mut counts = pods.count(subject);
    let (mut actions, mut hindered) = (Vec::new(), Vec::new());
    if !set.meta().deleting() {
        let ordered = !set.parallel;
        retention::own_claims(subject, &pods, world, &mut actions);
        let settled =
            grow(subject, &pods, world, &mut actions, &mut hindered) && shrink(&pods, ordered, &mut actions);
        if settled && !set.on_delete {
            counts.current -= update(subject, &pods, &mut actions);
        }
    }
    Plan { actions, status: status(subject, &counts), hindered }
}

/// Makes the missing pods and has ended ones replaced; false when order wants the rest to wait.
fn grow(
    subject: &Subject,
    pods: &Pods,
    world: &World,
    actions: &mut Vec<Action>,
    hindered: &mut Vec<Hindered>,
) -> bool {
    let ordered = !subject.set.parallel;
    for (at, pod) in (subject.set.start..).zip(&pods.wanted) {
        match pod {
            None => {
                let (name, body) = pod_body(subject, at);
                actions.extend(missing_claims(subject, &name, world));
                if let Some(claim) = leaving_claim(subject, &name, world) {
                    hindered.push(Hindered { pod: name, claim, exists: false });
                    return false;
                }
                actions.push(Action::Create(name, body));
            }
            Some(pod) if pod.phase.is_terminal() => {
                if !pod.meta().deleting() {
                    actions.push(Action::Delete(pod.key().clone()));
                }
            }
            Some(pod) if pods.healthy(pod) => continue,
            // It may have come before its claims went.
            Some(pod) if pod.phase == Phase::Pending => {
                let name = &pod.key().name;
                actions.extend(missing_claims(subject, name, world));
                if let Some(claim) = leaving_claim(subject, name, world) {
                    hindered.push(Hindered { pod: name.clone(), claim, exists: true });
                    return false;
                }
            }
            Some(_) => {}
        }
        if ordered {
            return false;
        }
    }
    true
}

/// The claims of a pod, from their templates: volume, name, template.
fn claims<'a>(subject: &'a Subject, pod: &Str) -> impl Iterator<Item = (Str, Str, &'a Doc)> {
    let templates = subject.set.object().body["spec"]["volumeClaimTemplates"].items().iter();
    let pod = pod.clone();
    templates.map(move |template| {
        let volume = template["metadata"]["name"].str();
        (volume.clone(), format!("{volume}-{pod}").into(), template)
    })
}

/// The first claim of a pod that is being deleted: a new one of its name has to wait.
fn leaving_claim(subject: &Subject, pod: &Str, world: &World) -> Option<Str> {
    let namespace = &subject.set.key().namespace;
    let leaves = |name: &Str| {
        let claim = world.object(&Key::new(Kind::PersistentVolumeClaim, namespace.clone(), name.clone()));
        claim.is_some_and(|claim| claim.meta.deleting())
    };
    claims(subject, pod).map(|(_, name, _)| name).find(leaves)
}

/// Claims outlive their pods: only those that are not there are made.
fn missing_claims(subject: &Subject, pod: &Str, world: &World) -> Vec<Action> {
    let namespace = &subject.set.key().namespace;
    let missing = claims(subject, pod).filter(|(_, name, _)| {
        world.object(&Key::new(Kind::PersistentVolumeClaim, namespace.clone(), name.clone())).is_none()
    });
    let make = |(_, name, template): (Str, Str, &Doc)| {
        let mut claim = doc!({ "metadata": template["metadata"].clone(), "spec": template["spec"].clone() });
        let metadata = claim.at_mut(&["metadata"]);
        metadata.set("name", name);
        let selector = subject.set.object().body.at(&["spec", "selector", "matchLabels"]);
        for (label, value) in selector.entries() {
            metadata.at_mut(&["labels"]).set(label.clone(), value.clone());
        }
        Action::Claim(pod.clone(), claim)
    };
    missing.map(make).collect()
}

/// Deletes pods beyond the wanted number; false when order wants the rest to wait.
fn shrink(pods: &Pods, ordered: bool, actions: &mut Vec<Action>) -> bool {
    // Of the unhealthy ones the lowest may go; the others wait until it is well or gone.
    let first = pods.condemned.iter().rev().find(|pod| !pods.healthy(pod));
    for pod in &pods.condemned {
        let waits = pod.meta().deleting()
            || ordered && !pods.available(pod) && first.is_none_or(|first| first.key() != pod.key());
        if !waits {
            actions.push(Action::Delete(pod.key().clone()));
        }
        if ordered {
            return false;
        }
    }
    true
}

/// Deletes pods of another revision, highest number first, as many as may be unavailable. How many go.
fn update(subject: &Subject, pods: &Pods, actions: &mut Vec<Action>) -> i64 {
    let set = &subject.set;
    let unavailable =
        pods.wanted.iter().filter(|pod| pod.as_ref().is_none_or(|pod| !pods.healthy(pod))).count();
    let most =
        if set.max_unavailable.is_null() { 1 } else { scaled(&set.max_unavailable, set.replicas, false) };
    let free = (most.max(1) - unavailable as i64).clamp(0, MOST_REPLICAS) as usize;
    let first = set.partition.clamp(0, MOST_REPLICAS) as usize;
    let outdated = pods.wanted.iter().skip(first).rev().flatten().filter(|pod| {
        pod.meta().label(REVISION) != subject.update.key().name
            && !pod.meta().deleting()
            && !pod.phase.is_terminal()
    });
    let doomed: Vec<Action> = outdated.take(free).map(|pod| Action::Delete(pod.key().clone())).collect();
    let count = doomed.len() as i64;
    actions.extend(doomed);
    count
}

/// Name and body of the pod with a number: of the old revision below the partition, of the new one otherwise.
fn pod_body(subject: &Subject, number: i64) -> (Str, Doc) {
    let set = &subject.set;
    let old = !set.on_delete && number < set.start + set.partition;
    let revision = if old { &subject.current } else { &subject.update };
    let mut template = revision.data["spec"]["template"].clone();
    template.remove("$patch");
    let name: Str = format!("{}-{number}", set.key().name).into();
    let mut pod = body(set.object(), &template);
    pod.set_at(&["metadata", "name"], &name);
    let labels = pod.at_mut(&["metadata", "labels"]);
    labels.set("statefulset.kubernetes.io/pod-name", &name);
    labels.set("apps.kubernetes.io/pod-index", number.to_string());
    labels.set(REVISION, &revision.key().name);
    let spec = pod.at_mut(&["spec"]);
    spec.set("hostname", &name);
    let mut volumes: Vec<Doc> = claims(subject, &name)
        .map(|(volume, claim, _)| doc!({ "name": volume, "persistentVolumeClaim": { "claimName": claim } }))
        .collect();
    if !volumes.is_empty() {
        let own = spec["volumes"].items().iter();
        let own: Vec<Doc> =
            own.filter(|own| volumes.iter().all(|v| v["name"] != own["name"])).cloned().collect();
        volumes.extend(own);
        spec.set("volumes", volumes);
    }
    if !set.service_name.is_empty() {
        spec.set("subdomain", &set.service_name);
    }
    (name, pod)
}

fn status(subject: &Subject, counts: &Counts) -> Doc {
    let set = &subject.set;
    let (current, update) = (&subject.current.key().name, &subject.update.key().name);
    let all = [counts.updated, counts.ready, counts.replicas].iter().all(|count| *count == set.replicas);
    // The update is complete: what was new is current.
    let (current, current_count) =
        if all && !set.on_delete { (update, counts.updated) } else { (current, counts.current) };
    let collisions = set.object().body["status"]["collisionCount"].as_i64().unwrap_or(0);
    let mut status = doc!({
        "observedGeneration": set.meta().generation, "replicas": counts.replicas,
        "readyReplicas": counts.ready, "availableReplicas": counts.available,
        "currentReplicas": current_count, "updatedReplicas": counts.updated,
        "currentRevision": current, "updateRevision": update, "collisionCount": collisions
    });
    omit_empty(&mut status, &["readyReplicas", "currentReplicas", "updatedReplicas"]);
    status
}
