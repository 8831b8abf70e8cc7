//! Waits that can be read off the objects themselves, by anyone who looks: the fields say since when and how long.

use shared::{
    api::{Kind, batch::job::Job, coordination::lease::Lease},
    cluster::Cluster,
    doc::{Doc, Str, Timestamp},
    sim::Process,
};

use super::told;
use crate::protocol::{Wait, WaitKind};

/// Without a deadline of its own a Deployment has ten minutes.
const PROGRESS_SECONDS: i64 = 600;

/// All that is seen so.
pub fn of(cluster: &Cluster) -> Vec<Wait> {
    let mut waits = leaders(cluster);
    waits.extend(jobs(cluster));
    waits.extend(deployments(cluster));
    waits.extend(probes(cluster));
    waits
}

fn span(cluster: &Cluster, kind: WaitKind, name: &str, since: Timestamp, seconds: i64) -> Option<Wait> {
    let core = cluster.core();
    let since = core.dates.time_of(since)?.0;
    let until = since + u64::try_from(seconds * 1000).ok()?;
    (until > cluster.now().0).then(|| told(kind, name, since, until))
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
        span(cluster, WaitKind::LeaderLease, &object.key.name, lease.renewed, lease.duration_seconds)
    });
    waits.collect()
}

/// Jobs that are done and go when their time is over.
fn jobs(cluster: &Cluster) -> Vec<Wait> {
    let waits = cluster.store().list(Kind::Job).filter_map(|object| {
        let job = object.view::<Job>()?;
        let (_, since) = job.finished.as_ref()?;
        span(cluster, WaitKind::TtlAfterFinished, &object.key.name, *since, job.ttl_seconds?)
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
        span(cluster, WaitKind::ProgressDeadline, &object.key.name, since, seconds)
    });
    waits.collect()
}

/// Containers that run and are not probed yet.
fn probes(cluster: &Cluster) -> Vec<Wait> {
    let mut waits = Vec::new();
    for object in cluster.store().list(Kind::Pod) {
        let containers = object.body.at(&["spec", "containers"]).items();
        let delay = |container: &Doc| {
            let delay = |probe: &str| container[probe]["initialDelaySeconds"].as_i64();
            delay("startupProbe").or_else(|| delay("readinessProbe")).filter(|seconds| *seconds > 0)
        };
        for container in containers {
            let Some(seconds) = delay(container) else { continue };
            let statuses = object.body.at(&["status", "containerStatuses"]).items();
            let status = statuses.iter().find(|status| status["name"].str() == container["name"].str());
            let Some(status) = status.filter(|status| status["ready"].as_bool() != Some(true)) else {
                continue;
            };
            let Some(since) = status.at(&["state", "running", "startedAt"]).as_time() else { continue };
            waits.extend(span(cluster, WaitKind::ProbeDelay, &object.key.name, since, seconds));
        }
    }
    waits
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

    #[test]
    fn a_job_that_is_done_says_when_it_goes() {
        let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {name: once}\nspec:\n  ttlSecondsAfterFinished: 100\n  \
                   template:\n    spec:\n      restartPolicy: Never\n      containers: [{name: once, image: busybox, \
                   command: [\"true\"]}]\n";
        let waits = after(job, 40_000);
        assert!(waits.contains(&(WaitKind::TtlAfterFinished, "once".to_owned(), 100)), "{waits:?}");
    }
}
