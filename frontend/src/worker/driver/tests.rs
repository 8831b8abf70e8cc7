use std::cell::Cell;

use shared::{api::Kind, sim::Time};

use super::*;
use crate::{
    protocol::{Hop, Pace, PodShape, Verdict, WaitKind},
    view_model::{Table, follow},
};

/// What a viewer saw, and how long it took on the wall.
#[derive(Default)]
struct Seen {
    wall: f64,
    hops: Vec<Hop>,
    captions: Vec<Caption>,
    waits: Vec<WaitKind>,
    verdict: Option<Verdict>,
}

fn watch(driver: &mut Driver, longest: f64, until: impl Fn(&Seen) -> bool) -> Seen {
    let mut seen = Seen::default();
    // The wall clock of a machine that is never slow.
    let clock = Cell::new(0.0);
    while seen.wall < longest && !until(&seen) {
        seen.wall += 33.0;
        for reply in driver.tick(33.0, &|| clock.get()) {
            let Reply::Frame(frame) = reply else { continue };
            seen.hops.extend(frame.hops);
            seen.captions.extend(frame.captions);
            for wait in frame.waits.into_iter().flatten() {
                if !seen.waits.contains(&wait.kind) {
                    seen.waits.push(wait.kind);
                }
            }
            seen.verdict = frame.verdict.or(seen.verdict);
        }
    }
    seen
}

fn power_off(driver: &mut Driver, node: &str) {
    let command = Command::Fault { target: format!("node/{node}"), kind: "PowerOff".to_owned() };
    driver.hear(Request::Command { id: 1, command });
}

#[test]
fn a_power_off_is_told_in_fifteen_to_twenty_five_seconds() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    watch(&mut driver, 2000.0, |_| false);
    power_off(&mut driver, "node-2");
    let seen = watch(&mut driver, 60_000.0, |seen| seen.verdict.is_some());
    for caption in &seen.captions {
        println!("{:>8} {:?} {}", caption.at, caption.what, caption.accent);
    }
    let accented: Vec<_> = seen.hops.iter().filter(|hop| hop.accent).collect();
    for hop in &accented {
        println!(
            "{:>8.0} {:>8.0} {} -> {}: {} {}",
            hop.start, hop.end, hop.from, hop.to, hop.label, hop.object
        );
    }
    println!("wall {} waits {:?} verdict {:?}", seen.wall, seen.waits, seen.verdict);
    let verdict = seen.verdict.expect("three of three are back");
    assert!((15_000.0..=25_000.0).contains(&seen.wall), "it took {} ms", seen.wall);
    assert!((340_000..=400_000).contains(&verdict.took), "{verdict:?}");
    assert!(verdict.lost > 5, "{verdict:?}");
    assert_eq!(seen.waits.first(), Some(&WaitKind::NodeGracePeriod));
    assert!(seen.waits.contains(&WaitKind::Toleration));
    assert!(accented.len() > 8, "the story was hardly drawn");
}

#[test]
fn what_a_scenario_breaks_by_itself_is_told_and_has_its_end() {
    let text = include_str!("../../../../public/examples/clusters/zone-failure.yaml");
    let mut driver = Driver::new(Replica::from_scenario(text).expect("it can be played"));
    driver.first_frame();
    let seen = watch(&mut driver, 120_000.0, |seen| seen.verdict.is_some());
    let off = |caption: &&Caption| matches!(caption.what, Happening::PowerOff { .. });
    let struck = seen.captions.iter().find(off).expect("it is told");
    let verdict = seen.verdict.expect("all are back");
    assert!((300_000..420_000).contains(&verdict.took), "{verdict:?}");
    assert!(verdict.at - verdict.took <= struck.at, "{verdict:?} {struck:?}");
    assert_eq!(verdict.again, None, "nobody here struck it");
}

#[test]
fn every_lasting_fault_is_told_as_it_strikes() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    watch(&mut driver, 1000.0, |_| false);
    let pod = driver.view.pods.values().next().expect("there are pods").name.clone();
    for (target, kind) in [
        ("node/node-1", "Partition"),
        ("node/node-0", "FillDisk"),
        ("traffic/visitors", "Surge"),
        (&*format!("pod/{pod}"), "BurnCpu"),
        ("image/todo-api:v1.0", "Missing"),
    ] {
        let command = Command::Fault { target: target.to_owned(), kind: kind.to_owned() };
        driver.hear(Request::Command { id: 1, command });
        let struck = |caption: &Caption| matches!(&caption.what, Happening::Struck(it) if it.kind == kind);
        let seen = watch(&mut driver, 1000.0, |seen| seen.captions.iter().any(struck));
        assert!(seen.captions.iter().any(|caption| struck(caption) && caption.accent), "{target} {kind}");
    }
}

#[test]
fn a_story_of_very_many_objects_is_a_flow_in_the_end_and_its_pace_is_told_as_it_is() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    watch(&mut driver, 1000.0, |_| false);
    let namespaces: String = (0..300)
        .map(|number| format!("---\napiVersion: v1\nkind: Namespace\nmetadata: {{name: team-{number}}}\n"))
        .collect();
    driver.hear(Request::Command { id: 1, command: Command::Apply(namespaces) });
    watch(&mut driver, 2000.0, |_| false);
    let before = driver.cluster_now();
    watch(&mut driver, 3000.0, |_| false);
    let rate = millis(driver.cluster_now() - before) / 3000.0;
    let told = f64::from(driver.sent.rate_milli) / 1000.0;
    assert!(rate < 0.5 && (told - rate).abs() < 0.2, "it passes at {rate}, and is said to at {told}");
    let made = |driver: &Driver| driver.replica.cluster().store().list(Kind::Namespace).count();
    watch(&mut driver, 55_000.0, |_| false);
    assert!(made(&driver) >= 300, "{} are made", made(&driver));
    assert_eq!(driver.sent.rate_milli, 1000);
}

#[test]
fn a_skip_that_finds_nothing_says_so() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    watch(&mut driver, 1000.0, |_| false);
    let before = driver.cluster_now();
    driver.hear(Request::Pace(Pace::Skip(None)));
    let seen = watch(&mut driver, 3000.0, |seen| !seen.captions.is_empty());
    let told: Vec<_> = seen.captions.iter().map(|caption| (&caption.what, caption.accent)).collect();
    assert_eq!(told, [(&Happening::Quiet { time: 3_600_000 }, true)]);
    assert!((3_500_000..=3_600_000).contains(&(driver.cluster_now() - before)));
    // What is found speaks for itself.
    driver.hear(Request::Pace(Pace::Pause));
    power_off(&mut driver, "node-1");
    watch(&mut driver, 300.0, |_| false);
    driver.hear(Request::Pace(Pace::Skip(None)));
    let seen = watch(&mut driver, 1000.0, |_| false);
    assert!(!seen.captions.iter().any(|caption| matches!(caption.what, Happening::Quiet { .. })));
}

#[test]
fn a_skip_ends_where_the_next_wait_does() {
    let pod = |more: &str| {
        format!(
            "{{apiVersion: v1, kind: Pod, metadata: {{name: one}}, spec: {{containers: [{{name: c, image: nginx, {more}}}]}}}}"
        )
    };
    for (more, kind) in [
        ("resources: {requests: {cpu: 64}}", WaitKind::Unschedulable),
        (
            "readinessProbe: {initialDelaySeconds: 200, periodSeconds: 100, httpGet: {port: 81}}",
            WaitKind::ProbeDelay,
        ),
    ] {
        let mut driver = Driver::new(Replica::first());
        driver.first_frame();
        driver.hear(Request::Command { id: 1, command: Command::Apply(pod(more)) });
        driver.replica.advance_to(Time(driver.cluster_now() + 30_000));
        driver.first_frame();
        driver.hear(Request::Pace(Pace::Pause));
        let wait = driver.waits.iter().find(|wait| wait.kind == kind).cloned().expect("it is told of");
        let before = driver.replica.clone();
        for skip in [None, Some(wait.id)] {
            driver.replica = before.clone();
            driver.first_frame();
            driver.hear(Request::Pace(Pace::Skip(skip)));
            driver.tick(33.0, &|| 0.0);
            assert_eq!(
                (driver.cluster_now(), driver.search, driver.in_vain),
                (wait.until, None, false),
                "{kind:?} {skip:?}"
            );
        }
    }
}

#[test]
fn hops_never_set_out_before_their_causes_arrived() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    power_off(&mut driver, "node-1");
    let seen = watch(&mut driver, 30_000.0, |seen| seen.verdict.is_some());
    let post =
        seen.hops.iter().find(|hop| hop.accent && hop.label == "POST" && hop.object.starts_with("pod "));
    let post = post.expect("a new pod is asked for");
    let heard = seen.hops.iter().find(|hop| hop.accent && hop.label == "ADDED" && hop.to == "kube-scheduler");
    assert!(heard.expect("the scheduler hears of it").start >= post.end);
}

#[test]
fn what_is_paused_before_it_opened_stands_still_where_it_opens() {
    let mut scenario = shared::scenario::Scenario::opening();
    let until = 6 * 3_600_000;
    scenario.spec.opening.0 = until;
    let mut driver = Driver::new(Replica::from_scenario(&scenario.to_yaml()).expect("it can be played"));
    assert!(driver.cluster_now() < until, "all of it was played before anybody saw it");
    driver.hear(Request::Pace(Pace::Pause));
    let told = driver.hear(Request::Fingerprint);
    assert!(told.is_empty(), "{told:?}");
    let told = (0..100_000).flat_map(|_| driver.tick(33.0, &|| 0.0)).find_map(|reply| match reply {
        Reply::Fingerprint { at, .. } => Some(at),
        _ => None,
    });
    assert_eq!(told, Some(until));
    assert_eq!((driver.cluster_now(), driver.running), (until, false));
}

#[test]
fn time_stands_still_while_paused_and_goes_on_after() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    driver.hear(Request::Pace(Pace::Pause));
    let before = driver.cluster_now();
    watch(&mut driver, 1000.0, |_| false);
    assert_eq!(driver.cluster_now(), before);
    driver.hear(Request::Pace(Pace::Speed(Speed::Milli(10_000))));
    watch(&mut driver, 3000.0, |_| false);
    assert!(
        (25_000..=31_000).contains(&(driver.cluster_now() - before)),
        "{}",
        driver.cluster_now() - before
    );
    driver.hear(Request::Pace(Pace::Step));
    watch(&mut driver, 5000.0, |_| false);
    assert!(!driver.running);
}

#[test]
fn rewinding_undoes_the_fault_and_can_strike_another() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    power_off(&mut driver, "node-2");
    watch(&mut driver, 6000.0, |_| false);
    driver.hear(Request::Rewind { then: Vec::new() });
    assert!(driver.view.nodes.values().all(|node| node.power));
    let fault =
        |target: &str, kind: &str| Command::Fault { target: target.to_owned(), kind: kind.to_owned() };
    power_off(&mut driver, "node-2");
    let then = vec![fault("component/kube-scheduler", "Stop"), fault("node/node-2", "PowerOff")];
    driver.hear(Request::Rewind { then });
    watch(&mut driver, 40_000.0, |_| false);
    assert!(!driver.view.components["kube-scheduler"].up);
    assert!(driver.view.pods.values().any(|pod| pod.node.is_empty()), "a pod waits for the scheduler");
    driver.hear(Request::Rewind { then: Vec::new() });
    assert!(driver.view.components["kube-scheduler"].up);
}

#[test]
fn a_drain_that_a_budget_holds_up_is_told_of_once_and_so_is_that_it_gives_up() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    let budget = "{apiVersion: policy/v1, kind: PodDisruptionBudget, metadata: {name: all-three}, spec: {minAvailable: 3, \
                  selector: {matchLabels: {app: todo-api}}}}";
    driver.hear(Request::Command { id: 1, command: Command::Apply(budget.to_owned()) });
    driver.hear(Request::Pace(Pace::Speed(Speed::Milli(10_000))));
    watch(&mut driver, 1000.0, |_| false);
    let drain = "drain node-1 --ignore-daemonsets --delete-emptydir-data --force --timeout=20s".to_owned();
    driver.hear(Request::Command { id: 2, command: Command::Kubectl(drain) });
    let seen = watch(&mut driver, 6000.0, |_| false);
    let told: Vec<_> = seen.captions.into_iter().map(|caption| caption.what).collect();
    let held = Happening::HeldUp { budget: "all-three".to_owned(), needed: 3, healthy: 3 };
    assert_eq!(told.iter().filter(|what| **what == held).count(), 1, "{told:?}");
    let over = |what: &&Happening| matches!(what, Happening::DrainFailed { node, why } if node == "node-1" && why.ends_with("global timeout reached: 20s"));
    assert_eq!(told.iter().filter(over).count(), 1, "{told:?}");
    assert!(seen.waits.contains(&WaitKind::Disruption), "{:?}", seen.waits);
    assert!(seen.waits.contains(&WaitKind::DrainTimeout), "{:?}", seen.waits);
    assert!(driver.waits.iter().all(|wait| wait.kind != WaitKind::DrainTimeout), "it has given up");
}

#[test]
fn who_has_to_make_room_is_told_and_for_whom() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    driver.hear(Request::Pace(Pace::Speed(Speed::Milli(10_000))));
    let app = |name: &str, replicas: u32, class: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{replicas: {replicas}, selector: {{matchLabels: \
             {{app: {name}}}}}, template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{{class}containers: [{{name: c, image: \
             nginx, resources: {{requests: {{cpu: 3}}}}}}]}}}}}}}}"
        )
    };
    driver.hear(Request::Command { id: 1, command: Command::Apply(app("low", 3, "")) });
    watch(&mut driver, 3000.0, |_| false);
    let class =
        "{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: high}, value: 1000}";
    let high = format!("{class}\n---\n{}", app("high", 1, "priorityClassName: high, "));
    driver.hear(Request::Command { id: 2, command: Command::Apply(high) });
    let seen = watch(&mut driver, 3000.0, |_| false);
    let told = |caption: &Caption| {
        matches!(&caption.what, Happening::Preempted { pod, by, node }
            if pod.starts_with("low-") && by.starts_with("high-") && node.starts_with("node-"))
    };
    assert_eq!(seen.captions.iter().filter(|caption| told(caption)).count(), 1, "{:?}", seen.captions);
}

#[test]
fn a_pod_bears_the_name_of_what_it_belongs_to_whatever_its_labels_say() {
    let mut driver = Driver::new(Replica::first());
    driver.first_frame();
    driver.hear(Request::Pace(Pace::Speed(Speed::Milli(10_000))));
    let app = |name: &str, labels: &str| {
        format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, spec: {{selector: {{matchLabels: {labels}}}, \
             template: {{metadata: {{labels: {labels}}}, spec: {{containers: [{{name: c, image: nginx}}]}}}}}}}}"
        )
    };
    let apps =
        [("helm", "{app.kubernetes.io/name: shop}"), ("web-front", "{app: web}"), ("api", "{app: shop}")];
    let manifest = apps.map(|(name, labels)| app(name, labels)).join("\n---\n");
    driver.hear(Request::Command { id: 1, command: Command::Apply(manifest) });
    watch(&mut driver, 3000.0, |_| false);
    for (deployment, named) in
        [("helm", "helm"), ("web-front", "web"), ("api", "api"), ("todo-api", "todo-api")]
    {
        let pods = driver.view.pods.values();
        let names: Vec<_> =
            pods.filter(|pod| pod.name.starts_with(deployment)).map(|pod| pod.app.as_str()).collect();
        assert!(!names.is_empty() && names.iter().all(|name| *name == named), "{deployment}: {names:?}");
    }
}

#[test]
fn what_is_done_a_hundred_times_is_looked_at_a_dozen_times() {
    let mut driver = Driver::new(Replica::first());
    let one = |number| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m-{number}}}\n---\n");
    let command = Command::Apply((0..100).map(one).collect());
    driver.hear(Request::Command { id: 5, command });
    let frames = (1..2000).find(|_| {
        let told = driver.tick(20.0, &|| 0.0);
        told.iter().any(|reply| matches!(reply, Reply::Outcome { id: 5, .. }))
    });
    let seconds = frames.expect("it ends") / 50;
    assert!((5..20).contains(&seconds), "{seconds} s");
}

#[test]
fn hundreds_of_pods_change_a_few_dozen_at_a_time() {
    let nodes = "spec: {cluster: {nodes: [{count: 8, cpu: \"64\", memory: 64Gi}]}}";
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 500, \
                    selector: {matchLabels: {app: web}}, template: {metadata: {labels: {app: web}}, \
                    spec: {containers: [{name: c, image: nginx}]}}}";
    let scenario = format!("apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\n{nodes}\n");
    let mut driver = Driver::new(Replica::from_scenario(&scenario).expect("it can be played"));
    driver.first_frame();
    driver.hear(Request::Command { id: 1, command: Command::Apply(manifest.to_owned()) });
    driver.hear(Request::Pace(Pace::Speed(Speed::Milli(20_000))));
    let mut told = Table::new();
    let mut most = 0;
    for _ in 0..600 {
        for reply in driver.tick(16.0, &|| 0.0) {
            let Reply::Frame(frame) = reply else { continue };
            most = most.max(frame.pods.set.len() + frame.pods.gone.len());
            follow(&mut told, frame.pods);
        }
    }
    assert!((10..=64).contains(&most), "{most} at once");
    // In the end all of them were told, as they are.
    assert_eq!(
        told.values().filter(|pod| pod.name.starts_with("web") && pod.shape == PodShape::Ready).count(),
        500
    );
}
