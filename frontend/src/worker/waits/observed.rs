//! Waits that can be read off the objects themselves, by anyone who looks: the fields say since when and how long.

use shared::{
    api::{
        Key, Kind, Object, batch::job::Job, coordination::lease::Lease, core::pod::Pod,
        policy::poddisruptionbudget::PodDisruptionBudget,
    },
    apiserver::EVICTION_REFUSED,
    cluster::Cluster,
    doc::{Doc, Str, Timestamp},
    sim::{Duration, Process, What},
};

use super::told;
use crate::protocol::{Wait, WaitKind};

/// Without a deadline of its own a Deployment has ten minutes.
const PROGRESS_SECONDS: i64 = 600;

/// Who may want pods to be ready for a while before they count.
const OWNERS: [Kind; 4] = [Kind::ReplicaSet, Kind::StatefulSet, Kind::DaemonSet, Kind::ReplicationController];

/// So long kubectl waits before it asks again for what a disruption budget did not let go, and so much later its word may come.
const ASKED_AGAIN: Duration = Duration::seconds(5);
const LATER: Duration = Duration::seconds(1);

/// All that is seen so.
pub fn of(cluster: &Cluster) -> Vec<Wait> {
    let mut waits = leaders(cluster);
    waits.extend(jobs(cluster));
    waits.extend(deployments(cluster));
    waits.extend(pods(cluster));
    waits.extend(disruptions(cluster));
    waits
}

fn span(cluster: &Cluster, kind: WaitKind, of: &Key, since: Timestamp, seconds: i64) -> Option<Wait> {
    let core = cluster.core();
    let since = core.dates.time_of(since)?.0;
    let until = since + u64::try_from(seconds * 1000).ok()?;
    (until > cluster.now().0).then(|| told(kind, of, since, until))
}

/// Programs that lead and are down: another one may follow once their lease is over.
fn leaders(cluster: &Cluster) -> Vec<Wait> {
    let down = |name: &str| match name {
        "kube-scheduler" => !cluster.core().running(Process::Scheduler(0)),
        "kube-controller-manager" => !cluster.core().running(Process::ControllerManager(0)),
        _ => false,
    };
    let system = Str::from("kube-system");
    let leases = cluster.store().list_namespace(Kind::Lease, &system);
    let waits = leases.filter(|lease| down(&lease.key.name)).filter_map(|object| {
        let lease = object.view::<Lease>()?;
        span(cluster, WaitKind::LeaderLease, &object.key, lease.renewed, lease.duration_seconds)
    });
    waits.collect()
}

/// Jobs that are done and go when their time is over, and those that are ended when theirs is.
fn jobs(cluster: &Cluster) -> Vec<Wait> {
    let waits = cluster.store().list(Kind::Job).filter_map(|object| {
        let job = object.view::<Job>()?;
        let (kind, since, seconds) = match &job.finished {
            Some((_, since)) => (WaitKind::TtlAfterFinished, *since, job.ttl_seconds?),
            None if job.suspend => return None,
            None => (WaitKind::ActiveDeadline, job.start?, job.active_deadline_seconds?),
        };
        span(cluster, kind, &object.key, since, seconds)
    });
    waits.collect()
}

/// Rollouts under way: when they count as stuck.
fn deployments(cluster: &Cluster) -> Vec<Wait> {
    let waits = cluster.store().list(Kind::Deployment).filter_map(|object| {
        let conditions = object.body.at(&["status", "conditions"]);
        let progressing = conditions.items().iter().find(|it| it["type"].str() == "Progressing")?;
        let reason = progressing["reason"].str();
        if progressing["status"].str() != "True" || reason == "NewReplicaSetAvailable" {
            return None;
        }
        let since = progressing["lastUpdateTime"].as_time()?;
        let seconds = object.body["spec"]["progressDeadlineSeconds"].as_i64().unwrap_or(PROGRESS_SECONDS);
        span(cluster, WaitKind::ProgressDeadline, &object.key, since, seconds)
    });
    waits.collect()
}

/// Pods that may not run longer, that have to stay ready for a while before they count, and whose containers run and are
/// not probed yet.
fn pods(cluster: &Cluster) -> Vec<Wait> {
    let mut waits = Vec::new();
    for object in cluster.store().list(Kind::Pod) {
        let status = &object.body["status"];
        if let Some(seconds) = object.body["spec"]["activeDeadlineSeconds"].as_i64()
            && let Some(since) = status["startTime"].as_time()
            && object.view::<Pod>().is_some_and(|pod| !pod.phase.is_terminal())
        {
            waits.extend(span(cluster, WaitKind::ActiveDeadline, &object.key, since, seconds));
        }
        waits.extend(proving(cluster, object));
        let containers = object.body.at(&["spec", "containers"]).items();
        let delay = |container: &Doc| {
            let delay = |probe: &str| container[probe]["initialDelaySeconds"].as_i64();
            delay("startupProbe").or_else(|| delay("readinessProbe")).filter(|seconds| *seconds > 0)
        };
        for container in containers {
            let Some(seconds) = delay(container) else { continue };
            let statuses = status["containerStatuses"].items();
            let status = statuses.iter().find(|status| status["name"].str() == container["name"].str());
            let Some(status) = status.filter(|status| status["ready"].as_bool() != Some(true)) else {
                continue;
            };
            let Some(since) = status.at(&["state", "running", "startedAt"]).as_time() else { continue };
            waits.extend(span(cluster, WaitKind::ProbeDelay, &object.key, since, seconds));
        }
    }
    waits
}

/// Drains that a disruption budget holds up: the API server has just refused to let a pod go, and is asked again.
fn disruptions(cluster: &Cluster) -> Vec<Wait> {
    let spent = cluster.store().list(Kind::PodDisruptionBudget).filter_map(|object| {
        let budget = object.view::<PodDisruptionBudget>()?;
        (budget.disruptions_allowed <= 0).then_some((&object.key, budget))
    });
    let spent: Vec<_> = spent.collect();
    let mut held: Vec<(Key, Wait)> = Vec::new();
    if spent.is_empty() {
        return Vec::new();
    }
    let trace = &cluster.core().trace;
    let records = (trace.first_id()..trace.next_id()).rev().filter_map(|id| trace.get(id));
    for record in records.take_while(|record| record.at + ASKED_AGAIN + LATER > cluster.now()) {
        let What::Note { reason: EVICTION_REFUSED, object: Some(key), .. } = &record.what else { continue };
        let stays = |pod: &&std::sync::Arc<Object>| !pod.meta.deleting();
        let Some(pod) = cluster.store().get(key).filter(stays) else { continue };
        let keeps = |(budget, view): &&(&Key, &PodDisruptionBudget)| {
            budget.namespace == key.namespace && view.protects(&pod.meta.labels)
        };
        let Some((budget, _)) = spent.iter().find(keeps) else { continue };
        if !held.iter().any(|(known, _)| known == key) {
            let (since, until) = (record.at.0, (record.at + ASKED_AGAIN).0);
            held.push((key.clone(), told(WaitKind::Disruption, budget, since, until)));
        }
    }
    held.into_iter().map(|(_, wait)| wait).collect()
}

/// A pod that is ready and counts as available only once it was so for as long as its owner wants.
fn proving(cluster: &Cluster, pod: &Object) -> Option<Wait> {
    let view = pod.view::<Pod>().filter(|pod| pod.ready)?;
    let owner = pod.meta.controller()?;
    let kind = OWNERS.into_iter().find(|kind| kind.info().kind == owner.kind)?;
    let owner = cluster.store().get(&Key::new(kind, pod.key.namespace.clone(), owner.name.clone()))?;
    let seconds = owner.body["spec"]["minReadySeconds"].as_i64().filter(|seconds| *seconds > 0)?;
    span(cluster, WaitKind::MinReadySeconds, &pod.key, view.ready_since, seconds)
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::super::of;
    use crate::{
        protocol::{Command, WaitKind},
        worker::replica::Replica,
    };

    /// The waits of these kinds a while after `text` was applied: kind, name and length in seconds.
    fn after(text: &str, wait: u64) -> Vec<(WaitKind, String, u64)> {
        let mut replica = Replica::first();
        replica.act(None, &Command::Apply(text.to_owned()));
        replica.advance_to(Time(replica.cluster().now().0 + wait));
        let waits = of(replica.cluster()).into_iter();
        waits.map(|wait| (wait.kind, wait.object, (wait.until - wait.since) / 1000)).collect()
    }

    #[test]
    fn a_probe_that_waits_and_a_rollout_under_way_are_counted_down() {
        let web = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  progressDeadlineSeconds: 90\n  \
                   selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      \
                   containers:\n      - {name: web, image: nginx, readinessProbe: {initialDelaySeconds: 40, httpGet: \
                   {port: 80}}}\n";
        let waits = after(web, 15_000);
        let of_kind = |kind| waits.iter().find(|wait| wait.0 == kind).map(|wait| wait.2);
        assert_eq!(of_kind(WaitKind::ProbeDelay), Some(40), "{waits:?}");
        assert_eq!(of_kind(WaitKind::ProgressDeadline), Some(90), "{waits:?}");
        assert!(!after(web, 80_000).iter().any(|wait| wait.0 == WaitKind::ProbeDelay));
    }

    /// All waits of an hour's quarter after `text` was applied: kind, name and length in seconds.
    fn seen(mut replica: Replica, text: &str) -> Vec<(WaitKind, String, u64)> {
        replica.act(None, &Command::Apply(text.to_owned()));
        let mut seen = Vec::new();
        for _ in 0..900 {
            replica.advance_to(Time(replica.cluster().now().0 + 1000));
            for wait in of(replica.cluster()) {
                let told = (wait.kind, wait.object, (wait.until - wait.since) / 1000);
                if !seen.contains(&told) {
                    seen.push(told);
                }
            }
        }
        seen
    }

    #[test]
    fn whatever_waits_for_a_moment_is_counted_down() {
        use WaitKind::{
            ActiveDeadline, ConfigRetry, JobBackOff, LivenessProbe, MinReadySeconds, MountRetry, NextRun,
            SchedulerBackOff, StartupProbe, Unschedulable,
        };
        let pod = |name: &str, more: &str| {
            format!(
                "{{apiVersion: v1, kind: Pod, metadata: {{name: {name}}}, spec: {{containers: [{{name: c, image: busybox, command: [sleep, 1d]{more}"
            )
        };
        let template =
            "template: {metadata: {labels: {a: x}}, spec: {containers: [{name: c, image: nginx}]}}";
        let job = |name: &str, command: &str, more: &str| {
            format!(
                "{{apiVersion: batch/v1, kind: Job, metadata: {{name: {name}}}, spec: {{{more}template: {{spec: {{restartPolicy: Never, containers: [{{name: c, image: busybox, command: {command}}}]}}}}}}}}"
            )
        };
        let proven = |kind: &str, more: &str| {
            format!(
                "{{apiVersion: apps/v1, kind: {kind}, metadata: {{name: web}}, spec: {{minReadySeconds: 120, selector: {{matchLabels: {{a: x}}}}, {more}{template}}}}}"
            )
        };
        let nowhere = "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {name: x}\nspec:\n  cluster: {nodes: []}\n";
        for (text, wait, name, lengths) in [
            (proven("Deployment", ""), MinReadySeconds, "web-", &[120][..]),
            (proven("StatefulSet", "serviceName: web, "), MinReadySeconds, "web-0", &[120]),
            (proven("DaemonSet", ""), MinReadySeconds, "web-", &[120]),
            (job("bad", "['false']", "backoffLimit: 3, "), JobBackOff, "bad", &[10, 20, 40]),
            (job("long", "[sleep, 1d]", "activeDeadlineSeconds: 200, "), ActiveDeadline, "long", &[200]),
            (pod("short", "}], activeDeadlineSeconds: 50}}"), ActiveDeadline, "short", &[50]),
            (pod("big", ", resources: {requests: {cpu: 64}}}]}}"), Unschedulable, "big", &[300]),
            (pod("env", ", envFrom: [{secretRef: {name: none}}]}]}}"), ConfigRetry, "env", &[10]),
            (
                pod("files", "}], volumes: [{name: v, configMap: {name: none}}]}}"),
                MountRetry,
                "files",
                &[1, 2, 4, 64, 122],
            ),
            (pod("silent", ", livenessProbe: {tcpSocket: {port: 81}}}]}}"), LivenessProbe, "silent", &[20]),
            (
                pod(
                    "slow",
                    ", startupProbe: {failureThreshold: 7, periodSeconds: 5, tcpSocket: {port: 81}}}]}}",
                ),
                StartupProbe,
                "slow",
                &[30],
            ),
            (pod("nowhere", "}]}}"), SchedulerBackOff, "nowhere", &[1, 2, 4, 8, 10]),
            (
                format!(
                    "{{apiVersion: batch/v1, kind: CronJob, metadata: {{name: tick}}, spec: {{schedule: '*/2 * * * *', jobTemplate: {{spec: {{{}}}}}}}}}",
                    "template: {spec: {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['true']}]}}"
                ),
                NextRun,
                "tick",
                &[120],
            ),
        ] {
            let replica = match wait {
                SchedulerBackOff => Replica::from_scenario(nowhere).expect("a scenario"),
                _ => Replica::first(),
            };
            let seen = seen(replica, &text);
            let found = seen.iter().filter(|(kind, object, _)| *kind == wait && object.starts_with(name));
            let found: Vec<u64> = found.map(|(.., length)| *length).collect();
            assert!(lengths.iter().all(|length| found.contains(length)), "{text}: {found:?} of {seen:?}");
        }
    }

    const GUARDED: &str = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all-three}, spec: {minAvailable: \
                           3, selector: {matchLabels: {app: todo-api}}}}";

    #[test]
    fn a_drain_that_a_budget_holds_up_is_counted_down_until_it_gives_up() {
        let mut replica = Replica::first();
        replica.act(None, &Command::Apply(GUARDED.to_owned()));
        replica.advance_to(Time(replica.cluster().now().0 + 5000));
        let drain = "drain node-1 --ignore-daemonsets --delete-emptydir-data --force --timeout=20s";
        replica.act(None, &Command::Kubectl(drain.to_owned()));
        let mut held = Vec::new();
        for _ in 0..40 {
            replica.advance_to(Time(replica.cluster().now().0 + 1000));
            let waits = of(replica.cluster()).into_iter();
            held.push(waits.filter(|wait| wait.kind == WaitKind::Disruption).map(|it| it.object).collect());
        }
        let told = |name: &str| vec![name.to_owned()];
        assert!(held[1..20].iter().all(|waits: &Vec<String>| *waits == told("all-three")), "{held:?}");
        assert!(held[30..].iter().all(Vec::is_empty), "nobody asks any more: {held:?}");
    }

    #[test]
    fn a_pod_whose_probe_fails_is_about_to_be_ready_no_more() {
        let mut replica = Replica::first();
        let probed = "{apiVersion: v1, kind: Pod, metadata: {name: probed}, spec: {containers: [{name: c, image: nginx, \
                      readinessProbe: {periodSeconds: 20, httpGet: {port: 80}}}]}}";
        replica.act(None, &Command::Apply(probed.to_owned()));
        replica.advance_to(Time(replica.cluster().now().0 + 60_000));
        let kinds = |replica: &Replica| -> Vec<(WaitKind, u64)> {
            of(replica.cluster()).iter().map(|wait| (wait.kind, wait.until - wait.since)).collect()
        };
        assert_eq!(kinds(&replica), []);
        let target = "pod/default/probed".to_owned();
        replica.act(None, &Command::Fault { target, kind: "FailProbes".to_owned() });
        let mut seen = Vec::new();
        for _ in 0..120 {
            replica.advance_to(Time(replica.cluster().now().0 + 1000));
            seen.push(kinds(&replica));
        }
        assert!(seen.contains(&vec![(WaitKind::ReadinessProbe, 40_000)]), "{seen:?}");
        assert_eq!(seen.last(), Some(&Vec::new()), "who is not ready cannot lose that again");
    }

    #[test]
    fn a_job_that_is_done_says_when_it_goes() {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  ttlSecondsAfterFinished: 100\n  \
                   template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: once, image: busybox, \
                   command: [\"true\"]}]\n";
        let waits = after(job, 40_000);
        assert!(waits.contains(&(WaitKind::TtlAfterFinished, "once".to_owned(), 100)), "{waits:?}");
    }
}
