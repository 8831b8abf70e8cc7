//! What goes wrong where nobody broke anything: which workload, and in what way. No DOM here.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    protocol::{Event, Pod, PodShape, Wait, WaitKind, Workload},
    view_model::Table,
};

/// A pod that was restarted counts as well once it has run for so long, in virtual milliseconds.
const WELL_MS: u64 = 20_000;
/// So many failures of a probe are no beginning.
const PROBES: u32 = 3;
/// A failure of a probe that is longer ago is over, in virtual milliseconds.
const PROBED_MS: u64 = 60_000;

/// What is wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Ill {
    /// Its image does not come.
    Image,
    /// A ConfigMap or Secret is missing.
    Config,
    /// A volume is missing.
    Mount,
    /// Its program ends again and again.
    Crash,
    /// It needs more memory than it may have.
    Memory,
    /// The API server takes no pods of it.
    Refused,
    /// It fits on no node.
    NoNode,
    /// It runs, and does not answer as it should.
    Probe,
}

/// What is to be said of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// The workload, or the pod where it has none.
    pub name: String,
    /// What is wrong with it.
    pub what: Ill,
    /// How many others something is wrong with.
    pub others: usize,
}

/// What is known of a cluster when somebody looks.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    /// Virtual time.
    pub now: u64,
    /// By UID.
    pub pods: &'a Table<Pod>,
    /// By UID.
    pub workloads: &'a Table<Workload>,
    /// All countdowns.
    pub waits: &'a [Wait],
    /// The newest events.
    pub events: &'a [Event],
}

/// Whether nothing begins to go wrong: so it is most of the time.
pub fn is_calm(pods: &Table<Pod>, workloads: &Table<Workload>) -> bool {
    pods.values()
        .all(|pod| matches!(pod.shape, PodShape::Ready | PodShape::Succeeded | PodShape::Terminating))
        && workloads.values().all(|workload| workload.available >= workload.wanted)
}

/// Pods that are ill, by UID: in what way, and when that was seen last. One that crashes runs for a moment now and then.
#[derive(Clone, Debug, Default)]
pub struct Ward(BTreeMap<String, (Ill, u64)>);

impl Ward {
    /// Whether anybody is in it: then time alone may change what is to be said.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is wrong now.
    pub fn look(&mut self, seen: Seen<'_>) -> Option<Trouble> {
        let now = seen.now;
        for (uid, pod) in seen.pods {
            if let Some(ill) = ill(pod, seen) {
                self.0.insert(uid.clone(), (ill, now));
            }
        }
        self.0.retain(|uid, (_, last)| {
            let restarted =
                seen.pods.get(uid).map(|pod| pod.restarts > 0 && pod.shape != PodShape::Terminating);
            restarted
                .is_some_and(|restarted| *last == now || restarted && *last < now && now - *last < WELL_MS)
        });
        let mut all: BTreeSet<(Ill, &str, &str)> = BTreeSet::new();
        for (uid, (ill, _)) in &self.0 {
            let Some(pod) = seen.pods.get(uid) else { continue };
            let name = seen.workloads.get(&pod.workload).map_or(&pod.name, |workload| &workload.name);
            all.insert((*ill, &pod.namespace, name));
        }
        let refused = seen.workloads.values().filter(|workload| is_refused(workload, seen));
        all.extend(
            refused.map(|workload| (Ill::Refused, workload.namespace.as_str(), workload.name.as_str())),
        );
        let names: BTreeSet<_> = all.iter().map(|(_, namespace, name)| (namespace, name)).collect();
        let (what, _, name) = all.first()?;
        Some(Trouble { name: (*name).to_owned(), what: *what, others: names.len() - 1 })
    }
}

fn ill(pod: &Pod, seen: Seen<'_>) -> Option<Ill> {
    let program = if pod.oom_killed { Ill::Memory } else { Ill::Crash };
    match pod.shape {
        PodShape::Failing => match pod.status.strip_prefix("Init:").unwrap_or(&pod.status) {
            "CreateContainerConfigError" => Some(Ill::Config),
            "CrashLoopBackOff" => Some(program),
            status if status.contains("Image") => Some(Ill::Image),
            // What failed for good is of no account once others have taken its place.
            _ => (pod.reason.is_empty() && is_short(pod, seen)).then_some(program),
        },
        PodShape::Pending | PodShape::Starting => seen.waits.iter().find_map(|wait| {
            let ill = match wait.kind {
                WaitKind::Unschedulable | WaitKind::SchedulerBackOff if pod.node.is_empty() => Ill::NoNode,
                WaitKind::MountRetry => Ill::Mount,
                _ => return None,
            };
            (wait.object == pod.name && wait.namespace == pod.namespace).then_some(ill)
        }),
        PodShape::Running => {
            seen.events.iter().any(|event| fails_its_probe(event, pod, seen.now)).then_some(Ill::Probe)
        }
        _ => None,
    }
}

fn fails_its_probe(event: &Event, pod: &Pod, now: u64) -> bool {
    event.reason == "Unhealthy"
        && event.name == pod.name
        && event.namespace == pod.namespace
        && event.count >= PROBES
        && now.saturating_sub(event.at) < PROBED_MS
}

/// Whether what a pod belongs to lacks pods; a pod of nobody's does.
fn is_short(pod: &Pod, seen: Seen<'_>) -> bool {
    seen.workloads.get(&pod.workload).is_none_or(|workload| workload.available < workload.wanted)
}

/// Whether a workload has fewer pods than it wants because none are taken.
fn is_refused(workload: &Workload, seen: Seen<'_>) -> bool {
    let refused = |event: &Event| {
        // Pods of a Deployment are made by its ReplicaSets, which are named after it.
        let of = match (workload.kind.as_str(), event.kind.as_str()) {
            ("Deployment", "ReplicaSet") => event.name.rsplit_once('-').map(|(of, _)| of),
            (own, of) => (own == of).then_some(event.name.as_str()),
        };
        matches!(event.reason.as_str(), "FailedCreate" | "ReplicaSetCreateError")
            && event.namespace == workload.namespace
            && of == Some(&workload.name)
    };
    workload.available < workload.wanted
        && seen.events.iter().any(refused)
        && seen.pods.values().filter(|pod| pod.workload == workload.uid).count() < workload.wanted as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn pod(uid: &str, status: &str, shape: PodShape) -> Pod {
        Pod { uid: uid.into(), name: uid.into(), status: status.into(), shape, ..Pod::default() }
    }

    fn table<T>(things: Vec<T>, key: impl Fn(&T) -> &String) -> Table<T> {
        things.into_iter().map(|thing| (key(&thing).clone(), Arc::new(thing))).collect()
    }

    fn look(
        ward: &mut Ward,
        now: u64,
        pods: &[Pod],
        workloads: &[Workload],
        waits: &[Wait],
        events: &[Event],
    ) -> Option<Trouble> {
        let pods = table(pods.to_vec(), |pod| &pod.uid);
        let workloads = table(workloads.to_vec(), |workload| &workload.uid);
        ward.look(Seen { now, pods: &pods, workloads: &workloads, waits, events })
    }

    fn alone(name: &str, what: Ill) -> Option<Trouble> {
        Some(Trouble { name: name.into(), what, others: 0 })
    }

    fn web(available: u32) -> Workload {
        let kind = "Deployment".into();
        Workload { uid: "w".into(), kind, name: "web".into(), available, wanted: 3, ..Workload::default() }
    }

    #[test]
    fn each_sort_of_trouble_is_told_by_the_workload_that_has_it() {
        for (status, shape, expected) in [
            ("ImagePullBackOff", PodShape::Failing, Some(Ill::Image)),
            ("Init:ErrImagePull", PodShape::Failing, Some(Ill::Image)),
            ("CreateContainerConfigError", PodShape::Failing, Some(Ill::Config)),
            ("CrashLoopBackOff", PodShape::Failing, Some(Ill::Crash)),
            ("Error", PodShape::Failing, Some(Ill::Crash)),
            ("ContainerCreating", PodShape::Starting, None),
            ("Running", PodShape::Running, None),
            ("Running", PodShape::Ready, None),
        ] {
            let pods = [Pod { workload: "w".into(), ..pod("a", status, shape) }];
            let told = look(&mut Ward::default(), 5, &pods, &[web(2)], &[], &[]);
            assert_eq!(told, expected.and_then(|ill| alone("web", ill)), "{status}");
        }
        let killed = [Pod { oom_killed: true, ..pod("a", "CrashLoopBackOff", PodShape::Failing) }];
        assert_eq!(look(&mut Ward::default(), 5, &killed, &[], &[], &[]), alone("a", Ill::Memory));
        // Two ill workloads, of which one has two ill pods.
        let pods = ["a", "b", "c"].map(|uid| Pod {
            workload: if uid == "c" { String::new() } else { "w".into() },
            ..pod(uid, "ErrImagePull", PodShape::Failing)
        });
        let told = look(&mut Ward::default(), 5, &pods, &[web(3)], &[], &[]);
        assert_eq!(told, Some(Trouble { name: "c".into(), what: Ill::Image, others: 1 }));
    }

    #[test]
    fn what_failed_for_good_and_has_a_successor_is_no_trouble() {
        let pods = [Pod { workload: "w".into(), ..pod("a", "Error", PodShape::Failing) }];
        assert_eq!(look(&mut Ward::default(), 5, &pods, &[web(3)], &[], &[]), None);
        let evicted = [Pod { reason: "Evicted".into(), ..pod("a", "Evicted", PodShape::Failing) }];
        assert_eq!(look(&mut Ward::default(), 5, &evicted, &[], &[], &[]), None);
    }

    #[test]
    fn a_pod_that_crashes_is_ill_also_while_it_runs_and_well_when_it_goes_on_running() {
        let mut ward = Ward::default();
        let crashed = [Pod { restarts: 1, ..pod("a", "CrashLoopBackOff", PodShape::Failing) }];
        let running = [Pod { restarts: 2, ..pod("a", "Running", PodShape::Ready) }];
        assert_eq!(look(&mut ward, 1000, &crashed, &[], &[], &[]), alone("a", Ill::Crash));
        assert_eq!(look(&mut ward, 5000, &running, &[], &[], &[]), alone("a", Ill::Crash));
        assert!(!ward.is_empty());
        assert_eq!(look(&mut ward, 1000 + WELL_MS, &running, &[], &[], &[]), None);
        assert!(ward.is_empty());
        // Whoever looks back sees what was there then; what is gone is no trouble.
        look(&mut ward, 5000, &crashed, &[], &[], &[]);
        assert_eq!(look(&mut ward, 4000, &running, &[], &[], &[]), None);
        look(&mut ward, 5000, &crashed, &[], &[], &[]);
        assert_eq!(look(&mut ward, 5001, &[], &[], &[], &[]), None);
    }

    #[test]
    fn who_waits_for_a_node_or_a_volume_or_is_refused_is_told_of() {
        let wait = |kind| Wait {
            id: 1,
            kind,
            object: "a".into(),
            of: "Pod".into(),
            namespace: String::new(),
            since: 0,
            until: 9,
        };
        let pending = [pod("a", "Pending", PodShape::Pending)];
        for (kind, expected) in [
            (WaitKind::Unschedulable, alone("a", Ill::NoNode)),
            (WaitKind::MountRetry, alone("a", Ill::Mount)),
            (WaitKind::ProgressDeadline, None),
        ] {
            assert_eq!(look(&mut Ward::default(), 5, &pending, &[], &[wait(kind)], &[]), expected);
        }
        let event = |reason: &str, name: &str, count| Event {
            kind: "ReplicaSet".into(),
            reason: reason.into(),
            name: name.into(),
            at: 5,
            count,
            ..Event::default()
        };
        let refused = [event("FailedCreate", "web-5b4c", 1)];
        assert_eq!(look(&mut Ward::default(), 5, &[], &[web(0)], &[], &refused), alone("web", Ill::Refused));
        // Names that begin alike are others'.
        for name in ["web-api-5b4c", "website-5b4c"] {
            let refused = [event("FailedCreate", name, 1)];
            assert_eq!(look(&mut Ward::default(), 5, &[], &[web(0)], &[], &refused), None, "{name}");
        }
        let set = Workload { kind: "StatefulSet".into(), ..web(0) };
        for (name, expected) in [("web", alone("web", Ill::Refused)), ("web-api", None)] {
            let refused = [Event { kind: "StatefulSet".into(), ..event("FailedCreate", name, 1) }];
            assert_eq!(
                look(&mut Ward::default(), 5, &[], std::slice::from_ref(&set), &[], &refused),
                expected,
                "{name}"
            );
        }
        let running = [pod("a", "Running", PodShape::Running)];
        for (count, now, expected) in [(3, 6, alone("a", Ill::Probe)), (2, 6, None), (3, 90_000, None)] {
            let events = [event("Unhealthy", "a", count)];
            assert_eq!(
                look(&mut Ward::default(), now, &running, &[], &[], &events),
                expected,
                "{count} {now}"
            );
        }
    }
}
