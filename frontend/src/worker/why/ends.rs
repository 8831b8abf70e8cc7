//! How pods and Jobs come to their end: that they fail, are told to go, or have to make room for others.

use shared::{
    api::{
        Key, Kind, Object,
        batch::job::Job,
        core::pod::{Phase, Pod},
    },
    cluster::Cluster,
    doc::Doc,
    explain::{self, Hop},
    sim::Process,
};

use super::{Group, found_no_node, groups, object, tell};
use crate::{
    protocol::{Cause, CauseKind, Event, Subject},
    worker::inspect::event,
};

/// Reasons and words.
type Notes = Vec<(String, String)>;

/// The Job that a pod belongs to.
pub(super) fn job_of(pod: &Object) -> Option<Key> {
    let owner = pod.meta.controller().filter(|owner| owner.kind == "Job")?;
    Some(Key::new(Kind::Job, pod.key.namespace.clone(), owner.name.clone()))
}

/// The pods of a Job that had failed by `before`: the controller looks at what happened in a second together, so that no message
/// of theirs need lead to what it does.
pub(super) fn failures(cluster: &Cluster, job: &Key, before: u64) -> Vec<Cause> {
    let pods = cluster.store().list_namespace(Kind::Pod, &job.namespace);
    let pods = pods.filter(|pod| job_of(pod).as_ref() == Some(job) && has_failed(pod));
    let failed = pods.filter_map(|pod| {
        let record = explain::writes(cluster, &pod.key)
            .find(|&record| explain::write(cluster, record).is_some_and(|write| has_failed(&write.object)))?;
        let cause = tell(cluster, groups(explain::chain(cluster, record)).last()?, &[])?;
        (cause.at < before).then_some(cause)
    });
    let mut failed: Vec<Cause> = failed.collect();
    failed.sort_by_key(|cause| cause.at);
    failed
}

/// Whether a write is a turn in what it is about (the end of a pod or a Job, or the beginning of that), and what is said of it.
pub(super) fn turn(cluster: &Cluster, group: &Group, asked: &str, hop: &Hop) -> Option<(CauseKind, Notes)> {
    let write = explain::write(cluster, hop.record)?;
    let before = write.previous.as_deref()?;
    let new = |is: &dyn Fn(&Object) -> bool| is(&write.object) && !is(before);
    if new(&|object| object.meta.deleting()) {
        let preempted = matches!(group.actor, Process::Scheduler(_)) && is_preempted(&write.object);
        Some((if preempted { CauseKind::Preempted } else { CauseKind::Going }, Vec::new()))
    } else if new(&has_failed) {
        Some((CauseKind::Failed, failure(&write.object)))
    } else {
        found_no_node(cluster, group.actor, asked, hop).then_some((CauseKind::Unplaced, Vec::new()))
    }
}

fn has_failed(object: &Object) -> bool {
    let job = || object.view::<Job>().and_then(|job| job.finished.as_ref());
    object.view::<Pod>().is_some_and(|pod| pod.phase == Phase::Failed)
        || job().is_some_and(|(how, _)| how == "Failed")
}

/// Why a pod or a Job has failed, as its status says.
fn failure(object: &Object) -> Notes {
    let status = &object.body["status"];
    let said = |it: &Doc| (it["reason"].str().to_string(), it["message"].str().to_string());
    let conditions = status["conditions"].items().iter();
    let failed = conditions.filter(|it| it["type"].str() == "Failed").map(said);
    let ended = status["containerStatuses"].items().iter().map(|it| &it["state"]["terminated"]);
    let ended = ended.filter(|it| it["exitCode"].as_i64().unwrap_or(0) != 0);
    let codes = ended.map(|it| (it["reason"].str().to_string(), format!("exit code {}", it["exitCode"])));
    let whole = Some(said(status)).filter(|(reason, _)| !reason.is_empty());
    failed.chain(whole).chain(codes).collect()
}

/// Whether the scheduler told a pod to make room.
fn is_preempted(pod: &Object) -> bool {
    let mut conditions = pod.body["status"]["conditions"].items().iter();
    conditions
        .any(|it| it["type"].str() == "DisruptionTarget" && it["reason"].str() == "PreemptionByScheduler")
}

/// For which pod another had to make room, as the scheduler's Event says.
pub(super) fn preemptor(cluster: &Cluster, victim: &Key) -> Option<Subject> {
    let events = cluster.store().list_namespace(Kind::Event, &victim.namespace);
    let events: Vec<Event> = events.filter_map(|object| event(cluster, object)).collect();
    let told = events.iter().rev().filter(|event| event.name == victim.name.as_str());
    let (uid, _) = told.filter_map(preempted_by).next()?;
    let pod = cluster.store().list(Kind::Pod).find(|pod| *pod.meta.uid.text() == *uid)?;
    Some(object(&pod.key))
}

/// The UID of the pod for which another had to make room, and the node, if an Event says that.
pub fn preempted_by(event: &Event) -> Option<(&str, &str)> {
    let told = Some(event).filter(|event| event.reason == "Preempted" && event.kind == "Pod")?;
    told.message.strip_prefix("Preempted by pod ")?.split_once(" on node ")
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;
    use crate::{
        protocol::Command,
        worker::{replica::Replica, why::of},
    };

    /// The hops of an object's chain: what they amount to, about what, and for whose sake.
    fn told(replica: &Replica, key: &Key) -> Vec<(CauseKind, String, String)> {
        let name = |subject: &Option<Subject>| subject.as_ref().map_or("", Subject::name).to_owned();
        of(replica.cluster(), key, &[])
            .iter()
            .map(|it| (it.kind, name(&it.subject), name(&it.sake)))
            .collect()
    }

    fn pods(replica: &Replica, prefix: &str) -> Vec<Key> {
        let pods = replica.cluster().store().list(Kind::Pod);
        let mut pods: Vec<_> = pods.filter(|pod| pod.key.name.starts_with(prefix)).collect();
        pods.sort_by_key(|pod| pod.meta.creation);
        pods.into_iter().map(|pod| pod.key.clone()).collect()
    }

    fn wait(replica: &mut Replica, seconds: u64) {
        replica.advance_to(Time(replica.cluster().now().0 + seconds * 1000));
    }

    #[test]
    fn a_job_that_failed_tells_of_each_pod_that_did_and_of_the_wait_for_the_next() {
        let mut replica = Replica::first();
        let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: bad}, spec: {backoffLimit: 1, template: {spec: \
                   {restartPolicy: Never, containers: [{name: c, image: busybox, command: ['false']}]}}}}";
        replica.act(None, &Command::Apply(job.to_owned()));
        wait(&mut replica, 60);
        let [first, second] = pods(&replica, "bad-").try_into().expect("two pods were made");
        let names = [first.name.to_string(), second.name.to_string()];
        let hop = |kind, name: &str| (kind, name.to_owned(), String::new());
        use CauseKind::{Asked, BackedOff, Failed, Made, Placed};
        let of_job = told(&replica, &Key::new(Kind::Job, "default", "bad"));
        assert_eq!(
            of_job,
            [
                hop(Asked, "bad"),
                hop(Made, &names[0]),
                hop(Failed, &names[0]),
                hop(BackedOff, "bad"),
                hop(Made, &names[1]),
                hop(Failed, &names[1]),
                hop(Failed, "bad"),
            ]
        );
        let of_second = told(&replica, &second);
        let begins = [
            hop(Asked, "bad"),
            hop(Failed, &names[0]),
            hop(BackedOff, "bad"),
            hop(Made, &names[1]),
            hop(Placed, &names[1]),
        ];
        assert_eq!(of_second[..5], begins, "{of_second:?}");
        assert!(of_second.contains(&hop(Failed, &names[1])), "{of_second:?}");
        let causes = of(replica.cluster(), &Key::new(Kind::Job, "default", "bad"), &[]);
        let why = causes.last().map(|cause| cause.notes[0].0.as_str());
        assert_eq!(why, Some("BackoffLimitExceeded"));
    }

    #[test]
    fn who_had_to_make_room_tells_for_whom_and_who_came_in_their_place_that_they_did() {
        let mut replica = Replica::first();
        let app = |name: &str, replicas: u32, class: &str| {
            format!(
                "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{replicas: {replicas}, selector: \
                 {{matchLabels: {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{class}containers: [{{name: \
                 c, image: nginx, resources: {{requests: {{cpu: 3}}}}}}]}}}}}}}}"
            )
        };
        replica.act(None, &Command::Apply(app("low", 3, "terminationGracePeriodSeconds: 600, ")));
        wait(&mut replica, 20);
        let class =
            "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}";
        let high = format!("{class}\n---\n{}", app("high", 1, "priorityClassName: high, "));
        replica.act(None, &Command::Apply(high));
        wait(&mut replica, 1);
        let going = |pod: &&Key| replica.cluster().store().get(pod).is_some_and(|pod| pod.meta.deleting());
        let victim = pods(&replica, "low-").into_iter().find(|pod| going(&pod)).expect("one has to go");
        let room =
            (CauseKind::Preempted, victim.name.to_string(), pods(&replica, "high-")[0].name.to_string());
        let times =
            |replica: &Replica, pod: &Key| told(replica, pod).iter().filter(|hop| **hop == room).count();
        assert_eq!(times(&replica, &victim), 1, "{:?}", told(&replica, &victim));
        wait(&mut replica, 60);
        let [low, high] = ["low-", "high-"].map(|prefix| pods(&replica, prefix).pop().expect("it is there"));
        for pod in [high, low] {
            assert_eq!(times(&replica, &pod), 1, "{pod:?}: {:?}", told(&replica, &pod));
        }
    }
}
