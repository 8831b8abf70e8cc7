//! What controllers, scheduler and kubectl did on a real control plane, scenario by scenario, held against what they
//! do here.

use crate::replay::agreement::{Rules, outcomes};
use crate::replay::{Plan, Recording, Replay};
use crate::support;
use crate::support::ledger;

/// Every scenario that was recorded and is played, with what of it is chance.
const SCENARIOS: &[(Plan, Rules)] = &[
    (plan("s1_deployment_create", 3), PLAIN),
    (plan("s2_rolling_25pct", 10), PACED),
    (plan("s2_rolling_surge0_unavail3", 8), PACED),
    (plan("s2_recreate", 6), PLAIN),
    (plan("s2_proportional_scale", 24), PLAIN),
    (Plan { rest: 200, ..plan("s2_pause_history", 21) }, PACED),
    (Plan { start: Some(23_940), ..plan("s3_node_failure_default", 364) }, PLAIN),
    (Plan { nodes: 0, ..plan("s4_no_nodes", 2) }, PLAIN),
    (plan("s6_service_endpoints", 28), PLAIN),
    (plan("s7_preemption", 9), PLAIN),
    (plan("s8_drain", 30), PLAIN),
    (
        plan("s9_daemonset", 42),
        Rules {
            courses: &[
                ("daemonsets", "ds", &["desiredNumberScheduled", "numberMisscheduled"]),
                ("daemonsets", "ds", &["updatedNumberScheduled"]),
            ],
            ..PLAIN
        },
    ),
    (
        plan("s9_statefulset", 33),
        Rules {
            one_by_one: true,
            // A pod that is being stopped is still ready in the recording, and not here: only sizes compare.
            courses: &[
                ("statefulsets", "db", &["replicas"]),
                ("statefulsets", "db", &["currentReplicas", "updatedReplicas"]),
            ],
            ..PLAIN
        },
    ),
    (plan("s9_job_complete", 10), Rules { one_by_one: true, ..PLAIN }),
    (
        plan("s9_job_backoff", 40),
        Rules { one_by_one: true, courses: &[("jobs", "j", &["active", "failed"])], ..PLAIN },
    ),
    (
        plan("s9_job_indexed", 16),
        Rules {
            one_by_one: true,
            courses: &[("jobs", "j", &["completedIndexes", "failedIndexes", "failed"])],
            ..PLAIN
        },
    ),
    (plan("s9_cronjob", 81), PLAIN),
    (plan("s9_hpa", 224), Rules { slack: 20.0, ..PLAIN }),
    (plan("s10_gc_background", 5), PLAIN),
    (plan("s10_gc_foreground", 5), PLAIN),
    (plan("s10_namespace_delete", 14), PLAIN),
    (plan("s10_quota", 7), PLAIN),
];

const PLAIN: Rules = Rules { paced: false, one_by_one: false, slack: 0.0, courses: &[] };
const PACED: Rules = Rules { paced: true, ..PLAIN };

const fn plan(name: &'static str, until: u64) -> Plan {
    Plan { name, until, nodes: 6, start: None, rest: 0 }
}

/// Plays a recording and settles how much of it agrees.
fn replay(name: &str) {
    let (plan, rules) = SCENARIOS.iter().find(|(plan, _)| plan.name == name).expect("a scenario");
    let Some(folder) = support::reference(&format!("scenarios/{name}")) else { return };
    let replay = Replay::play(Recording::read(&folder), plan);
    ledger::settle(name, &outcomes(&replay, rules));
}

macro_rules! scenarios {
    ($($name:ident)*) => {
        $(#[test] fn $name() { replay(stringify!($name)); })*

        #[test]
        fn every_plan_is_played() {
            let played = [$(stringify!($name)),*];
            assert!(SCENARIOS.iter().all(|(plan, _)| played.contains(&plan.name)));
        }
    };
}

scenarios! {
    s1_deployment_create s2_rolling_25pct s2_rolling_surge0_unavail3 s2_recreate s2_proportional_scale
    s2_pause_history s3_node_failure_default s4_no_nodes s6_service_endpoints s7_preemption s8_drain s9_daemonset s9_statefulset
    s9_job_complete s9_job_backoff s9_job_indexed s9_cronjob s9_hpa s10_gc_background s10_gc_foreground s10_namespace_delete
    s10_quota
}

/// Recordings that came later are played as well; how much of them agrees is said, and nothing else.
#[test]
fn recordings_that_nobody_listed_are_played_too() {
    let Some(folder) = support::reference("scenarios") else { return };
    let known = |name: &str| SCENARIOS.iter().any(|(plan, _)| plan.name == name);
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("readable").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        if known(&name) {
            continue;
        }
        let recording = Recording::read(&path);
        let end = recording.timeline.iter().filter_map(|line| line["t"].as_f64()).fold(0.0, f64::max);
        let no_nodes = recording.events.iter().any(|event| {
            event["message"].as_str().is_some_and(|text| text.contains("no nodes available to schedule pods"))
        });
        let slack = if recording.tells_metrics() { 20.0 } else { 0.0 };
        let nodes = if no_nodes { 0 } else { 6 };
        let replay = Replay::play(recording, &Plan { nodes, ..plan("", end as u64 + 1) });
        let outcomes = outcomes(&replay, &Rules { slack, ..PACED });
        let agreeing = outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).count();
        println!("{name}: {agreeing} of {} agree", outcomes.len());
        for (entry, outcome) in outcomes {
            if let Err(difference) = outcome {
                println!("{entry} differs\n{difference}");
            }
        }
    }
}

#[test]
fn births_of_pods_that_wait() {
    for (name, until, recorded, slack) in
        [("s9_job_backoff", 40, &[0, 10, 31][..], 1), ("s9_cronjob", 81, &[6, 73][..], 0)]
    {
        let Some(folder) = support::reference(&format!("scenarios/{name}")) else { return };
        let births = Replay::play(Recording::read(&folder), &plan(name, until)).births();
        assert_eq!(births.len(), recorded.len(), "{name}: {births:?}");
        let near = births
            .iter()
            .zip(recorded)
            .all(|(ours, recorded): (&u64, &u64)| ours.abs_diff(*recorded) <= slack);
        assert!(near, "{name}: {births:?}");
    }
}
