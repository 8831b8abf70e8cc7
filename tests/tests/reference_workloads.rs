//! DaemonSets, StatefulSets, Jobs, CronJobs, disruption budgets and preemption, held against what a real control plane did.

use shared::api::Kind;
use shared::doc::Doc;

mod replay;
mod support;

use replay::{Recording, Replay, condensed, sorted, table};

/// Plays a recording for so many seconds, where there are recordings.
fn replay(name: &str, seconds: u64) -> Option<Replay> {
    let folder = support::reference(&format!("scenarios/{name}"))?;
    Some(Replay::play(Recording::read(&folder), seconds))
}

/// Every command ends as recorded: its exit code, what it says of progress, which lines its tables have.
fn commands_agree(replay: &Replay) {
    let mut count = 0;
    for (recorded, ours) in replay.results() {
        count += 1;
        let what = format!("{}\n{}\n{}", recorded.line, ours.stdout, ours.stderr);
        assert_eq!(ours.exit_code, recorded.exit_code, "{what}");
        if recorded.line.contains(" get ") && !recorded.line.ends_with("-o yaml") {
            assert_eq!(table(&ours.stdout), table(&recorded.stdout), "{what}");
        } else if recorded.line.contains("rollout status") {
            assert_eq!(condensed(&ours.stdout).last(), condensed(&recorded.stdout).last(), "{what}");
        }
    }
    assert_eq!(count, replay.recording.commands.len(), "every command ended");
}

/// Everything that was seen here was recorded, in this order. Whether a moment that lasts a few milliseconds is told
/// at all is chance.
fn in_order<T: PartialEq + std::fmt::Debug>(ours: &[T], recorded: &[T]) {
    let mut rest = recorded.iter();
    let all = ours.iter().all(|now| rest.any(|then| then == now));
    assert!(all, "{ours:?}\nis not in\n{recorded:?}");
}

#[test]
fn daemon_set() {
    let Some(replay) = replay("s9_daemonset", 42) else { return };
    commands_agree(&replay);
    let recorded = &replay.recording;
    assert_eq!(replay.events("daemonset-controller"), recorded.events("daemonset-controller"));
    let scheduled = |events: Vec<String>| events.iter().filter(|event| event.contains("Scheduled")).count();
    assert_eq!(
        scheduled(replay.events("default-scheduler")),
        scheduled(recorded.events("default-scheduler"))
    );
    assert_eq!(replay.statuses(Kind::DaemonSet), recorded.statuses("DaemonSet"));
    for fields in [&["desiredNumberScheduled", "numberMisscheduled"][..], &["updatedNumberScheduled"]] {
        let course = replay.course(Kind::DaemonSet, "ds", fields);
        in_order(&course, &recorded.course("daemonsets", "ds", fields));
    }
}

#[test]
fn stateful_set() {
    let Some(replay) = replay("s9_statefulset", 33) else { return };
    commands_agree(&replay);
    let recorded = &replay.recording;
    assert_eq!(replay.events("statefulset-controller"), recorded.events("statefulset-controller"));
    assert_eq!(replay.pods(), recorded.pods());
    // A pod that is being stopped is still ready in the recording, and not here: only sizes compare.
    for fields in [&["replicas"][..], &["currentReplicas", "updatedReplicas"]] {
        let course = replay.course(Kind::StatefulSet, "db", fields);
        in_order(&course, &recorded.course("statefulsets", "db", fields));
    }
    assert_eq!(sorted(replay.events("default-scheduler")), sorted(recorded.events("default-scheduler")));
}

/// A Job of the recordings: what it said, what became of it, and how it came about.
fn job_agrees(name: &str, seconds: u64) -> Option<Replay> {
    let replay = replay(name, seconds)?;
    commands_agree(&replay);
    let recorded = &replay.recording;
    assert_eq!(replay.events("job-controller"), recorded.events("job-controller"));
    assert_eq!(sorted(replay.events("default-scheduler")), sorted(recorded.events("default-scheduler")));
    assert_eq!(replay.statuses(Kind::Job), recorded.statuses("Job"));
    assert_eq!(replay.pods(), recorded.pods());
    Some(replay)
}

#[test]
fn job_that_completes() {
    job_agrees("s9_job_complete", 10);
}

#[test]
fn job_that_fails() {
    let Some(replay) = job_agrees("s9_job_backoff", 40) else { return };
    let births = replay.births();
    let recorded = [0, 10, 31];
    assert!(births.iter().zip(recorded).all(|(ours, recorded)| ours.abs_diff(recorded) <= 1), "{births:?}");
    let fields = ["active", "failed"];
    assert_eq!(replay.course(Kind::Job, "j", &fields), replay.recording.course("jobs", "j", &fields));
}

#[test]
fn job_with_indexes() {
    let Some(replay) = job_agrees("s9_job_indexed", 16) else { return };
    let fields = ["completedIndexes", "failedIndexes", "failed"];
    assert_eq!(replay.course(Kind::Job, "j", &fields), replay.recording.course("jobs", "j", &fields));
}

#[test]
fn cron_job() {
    let Some(replay) = replay("s9_cronjob", 81) else { return };
    commands_agree(&replay);
    let recorded = &replay.recording;
    for component in ["cronjob-controller", "job-controller"] {
        assert_eq!(replay.events(component), recorded.events(component));
    }
    assert_eq!(replay.statuses(Kind::CronJob), recorded.statuses("CronJob"));
    assert_eq!(replay.statuses(Kind::Job), recorded.statuses("Job"));
    assert_eq!(replay.births(), [6, 73]);
}

#[test]
fn drain_and_disruption_budgets() {
    let Some(replay) = replay("s8_drain", 30) else { return };
    commands_agree(&replay);
    let recorded = &replay.recording;
    assert_eq!(replay.events("controllermanager"), recorded.events("controllermanager"));
    assert_eq!(
        sorted(replay.events("replicaset-controller")),
        sorted(recorded.events("replicaset-controller"))
    );
    assert_eq!(replay.statuses(Kind::PodDisruptionBudget), recorded.statuses("PodDisruptionBudget"));
    let drains = replay.results().filter(|(command, _)| command.line.starts_with("drain"));
    for (command, ours) in drains {
        // The recording has both streams in one; which pod is gone first is chance.
        let lines =
            |text: &str| sorted(text.lines().filter(|line| !line.is_empty()).map(plain_words).collect());
        let both = format!("{}{}", ours.stdout, ours.stderr);
        assert_eq!(lines(&both), lines(&command.stdout), "{}", command.line);
    }
}

#[test]
fn resource_quota() {
    let Some(replay) = replay("s10_quota", 7) else { return };
    let recorded = &replay.recording;
    for (command, ours) in replay.results().filter(|(command, _)| !command.line.contains("describe")) {
        let ours_said = format!("{}{}", ours.stdout, ours.stderr);
        assert_eq!(ours.exit_code, command.exit_code, "{}\n{ours_said}", command.line);
        if command.line.ends_with("get quota") {
            assert_eq!(table(&ours_said), table(&command.stdout));
        } else if !command.line.contains(" get ") {
            assert_eq!(ours_said.trim(), command.stdout.trim());
        }
    }
    // How often a refused ReplicaSet tried again until the end is a matter of milliseconds.
    let said = |events: Vec<String>| {
        let lines = sorted(events.iter().map(|event| plain_words(event)).collect());
        condensed(&lines.join("\n")).join("\n")
    };
    for component in ["replicaset-controller", "deployment-controller", "default-scheduler"] {
        assert_eq!(said(replay.events(component)), said(recorded.events(component)));
    }
    for (kind, name) in [(Kind::ResourceQuota, "ResourceQuota"), (Kind::ReplicaSet, "ReplicaSet")] {
        let text = |statuses: std::collections::BTreeMap<String, Doc>| {
            statuses
                .iter()
                .map(|(name, status)| plain_words(&format!("{name} {status}").replace('\\', "")))
                .collect::<Vec<_>>()
        };
        assert_eq!(text(replay.statuses(kind)), text(recorded.statuses(name)));
    }
}

fn plain_words(line: &str) -> String {
    let word = |word: &str| word.split('"').map(replay::plain).collect::<Vec<_>>().join("\"");
    line.split(' ').map(word).collect::<Vec<_>>().join(" ")
}

#[test]
fn preemption() {
    let Some(folder) = support::reference("scenarios/s7_preemption") else { return };
    let class = |name: &str, value: u32, policy: &str| {
        format!(
            "{{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {{name: {name}}}, value: {value}, \
             preemptionPolicy: {policy}}}\n---\n"
        )
    };
    let always = "PreemptLowerPriority";
    let classes = class("low", 10, always) + &class("never", 900, "Never") + &class("high", 1000, always);
    let replay = Replay::play_after(&classes, Recording::read(&folder), 12);
    let recorded = &replay.recording;
    // Which node was chosen, and so which pod had to go, is chance; pods are alike.
    let of = |events: Vec<String>| {
        let uid = |event: String| {
            event
                .split(' ')
                .map(|word| if word.len() == 36 { "UID" } else { word })
                .collect::<Vec<_>>()
                .join(" ")
        };
        sorted(events.into_iter().map(uid).collect())
    };
    for component in ["default-scheduler", "replicaset-controller"] {
        assert_eq!(of(replay.events(component)), of(recorded.events(component)));
    }
    assert_eq!(replay.pods(), recorded.pods());
    let node = |name: &str| {
        let pods = replay.player.cluster().store().list(Kind::Pod);
        pods.filter(|pod| pod.key.name == name).map(|pod| pod.body["spec"]["nodeName"].str()).next()
    };
    assert!(node("high").is_some_and(|node| !node.is_empty()));
    assert_eq!(node("high"), node("never"), "there is room for two where one pod left");
    let nominated = replay.history(Kind::Pod).into_iter().filter(|(_, pod)| pod.key.name == "high");
    let mut course: Vec<String> =
        nominated.map(|(_, pod)| pod.body["status"]["nominatedNodeName"].str().to_string()).collect();
    course.dedup();
    assert_eq!(course, ["", &node("high").expect("a node"), ""], "until it is bound");
}
