//! From the first init container to the last hook: order, restarts, probes, grace.

use shared::runtime::ImageSpec;
use shared::sim::{Duration, Fault, LogOptions};

use super::world::World;

#[test]
fn init_containers_take_turns() {
    let mut world = World::new();
    world.pod(
        "initContainers:\n\
         - {name: one, image: busybox, command: [sleep, '3']}\n\
         - {name: two, image: busybox, command: [sleep, '3']}\n\
         containers: [{name: c, image: nginx}]",
    );
    assert_eq!(world.phrases(15), ["Init:0/2", "Init:1/2", "PodInitializing", "Running"]);
    assert_eq!(world.container("one")["state"]["terminated"]["reason"].as_str(), Some("Completed"));
}

#[test]
fn a_restart_is_told_of_when_it_runs() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [sh, -c, 'sleep 3; exit 1']}]");
    let seen = world.phrases(60);
    let crashing = ["Running", "CrashLoopBackOff"];
    assert_eq!(seen[..2], ["ContainerCreating", "Running"]);
    assert!(seen[2..].iter().all(|it| it == "Error" || crashing.contains(&it.as_str())), "{seen:?}");
    assert_eq!(seen.iter().filter(|it| *it == "CrashLoopBackOff").count(), 3, "{seen:?}");
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    let before = world.container("c")["restartCount"].as_i64().unwrap();
    world.until("it waits no more", |world| world.shown() != "CrashLoopBackOff");
    assert_eq!(world.shown(), "Running");
    assert_eq!(world.container("c")["restartCount"].as_i64(), Some(before + 1));
}

#[test]
fn failing_init_containers_hold_everything_up() {
    for (policy, wanted) in [
        ("Always", vec!["Init:0/1", "Init:Error", "Init:0/1", "Init:Error", "Init:CrashLoopBackOff"]),
        ("Never", vec!["Init:0/1", "Init:Error"]),
    ] {
        let mut world = World::new();
        world.pod(&format!(
            "restartPolicy: {policy}\n\
             initContainers: [{{name: i, image: busybox, command: [sh, -c, 'sleep 1; exit 2']}}]\n\
             containers: [{{name: c, image: nginx}}]"
        ));
        let seen = world.phrases(12);
        let mut seen: Vec<&str> = seen.iter().map(String::as_str).collect();
        seen.truncate(wanted.len());
        // How it ended is shown for so short a time that it need not be seen.
        let without = |list: &[&str]| {
            list.iter()
                .filter(|it| policy == "Never" || **it != "Init:Error")
                .map(|it| (*it).to_owned())
                .collect::<Vec<_>>()
        };
        let mut found = without(&seen);
        found.dedup();
        let mut expected = without(&wanted);
        expected.dedup();
        assert_eq!(found, expected, "{policy}: {}", world.story());
        let failed = world.status()["phase"].as_str() == Some("Failed");
        assert_eq!(failed, policy == "Never");
    }
}

#[test]
fn sidecars_begin_first_and_end_last() {
    let mut world = World::new();
    world.pod(
        "restartPolicy: Never\n\
         initContainers:\n\
         - name: side\n  image: nginx\n  restartPolicy: Always\n  startupProbe: {httpGet: {path: /, port: 80}, periodSeconds: 1}\n\
         - {name: init, image: busybox, command: [sleep, '2']}\n\
         containers: [{name: work, image: busybox, command: [sleep, '5']}]",
    );
    world.until("the work is done", |world| !world.container("work")["state"]["terminated"].is_null());
    assert!(!world.container("side")["state"]["running"].is_null(), "{}", world.story());
    world.until("the pod is done", |world| world.status()["phase"].as_str() == Some("Succeeded"));
    let finished = |name: &str| world.container(name)["state"]["terminated"]["finishedAt"].as_time().unwrap();
    assert!(finished("init") <= finished("work") && finished("work") < finished("side"));
    assert_eq!(world.status()["phase"].as_str(), Some("Succeeded"));
    let started = |name: &str| world.container(name)["state"]["terminated"]["startedAt"].as_time().unwrap();
    assert!(started("side") < started("init"), "the sidecar was up first");
}

#[test]
fn all_hear_of_the_end_at_once_and_sidecars_end_in_turn() {
    let mut world = World::new();
    let sidecar = |name: &str| {
        format!(
            "- name: {name}\n  image: busybox\n  restartPolicy: Always\n  \
             command: [sh, -c, 'trap \"sleep 2; exit 0\" TERM; sleep 3600 & wait']\n  \
             lifecycle: {{preStop: {{exec: {{command: [sh, -c, 'echo told > /told']}}}}}}\n"
        )
    };
    world.pod(&format!(
        "initContainers:\n{}{}containers: [{{name: work, image: busybox, command: [sh, -c, \
         'trap \"sleep 3; exit 0\" TERM; sleep 3600 & wait']}}]",
        sidecar("first"),
        sidecar("second")
    ));
    world.until("it runs", |world| world.shown() == "Running");
    world.delete("pod/p");
    let before = world.0.now();
    world.wait(2);
    let killing: Vec<String> =
        world.events().into_iter().filter(|event| event.starts_with("Killing")).collect();
    for name in ["first", "second", "work"] {
        let wanted = format!("Killing: Stopping container {name}");
        assert!(killing.iter().any(|event| event.starts_with(&wanted)), "no {wanted} in {killing:?}");
    }
    for name in ["first", "second"] {
        let told = world.exec_in(name, &["cat", "/told"]).unwrap();
        assert_eq!(told.stdout.as_str(), "told\n", "the hook of {name} does not wait");
    }
    world.until("it is gone", |world| world.object().is_none());
    // Three seconds for the work, then two for each of the others.
    let took = world.0.now().since(before).as_seconds();
    assert!((7..=8).contains(&took), "{took} s");
}

#[test]
fn a_sidecar_counts_for_readiness_and_holds_nobody_up_once_others_began() {
    let mut world = World::new();
    world.pod(
        "initContainers: [{name: side, image: nginx, restartPolicy: Always, readinessProbe: {periodSeconds: 1, httpGet: \
         {path: /no, port: 80}}}]\ncontainers: [{name: c, image: busybox, command: [sleep, 1d]}]",
    );
    world.until("both run", |world| !world.container("c")["state"]["running"].is_null());
    world.pass(Duration::seconds(3));
    let status = world.status();
    let of = |name: &str| status["conditions"].items().iter().find(|one| one["type"].as_str() == Some(name));
    for (condition, told) in [("Ready", "False"), ("ContainersReady", "False"), ("Initialized", "True")] {
        assert_eq!(of(condition).unwrap()["status"].as_str(), Some(told), "{condition}");
    }
    let why = of("ContainersReady").unwrap()["message"].clone();
    assert_eq!(why.as_str(), Some("containers with unready status: [side]"));

    let mut world = World::new();
    world.pod(
        "initContainers:\n- {name: side, image: busybox, restartPolicy: Always, command: [sh, -c, 'sleep 3; exit 1']}\n\
         - {name: init, image: busybox, command: [sleep, '30']}\ncontainers: [{name: c, image: nginx}]",
    );
    world.until("init is done", |world| !world.container("init")["state"]["terminated"].is_null());
    world.pass(Duration::seconds(2));
    assert!(!world.container("c")["state"]["running"].is_null(), "{}", world.story());
}

#[test]
fn a_sidecar_that_dies_is_started_again() {
    let mut world = World::new();
    world.pod(
        "restartPolicy: Never\n\
         initContainers: [{name: side, image: busybox, restartPolicy: Always, command: [sh, -c, 'sleep 4; exit 1']}]\n\
         containers: [{name: c, image: nginx}]",
    );
    world.until("it was started again", |world| world.container("side")["restartCount"].as_i64() == Some(1));
    assert_eq!(world.status()["phase"].as_str(), Some("Running"), "{}", world.story());
    assert!(!world.container("c")["state"]["running"].is_null());
}

/// A probe, what becomes of the pod, and an Event that must be there.
const PROBES: &[(&str, &str, &str)] = &[
    (
        "livenessProbe: {exec: {command: [cat, /tmp/healthy]}, periodSeconds: 2}",
        "restarts",
        "Unhealthy: Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n (x3)",
    ),
    (
        "livenessProbe: {tcpSocket: {port: 81}, periodSeconds: 2, failureThreshold: 1}",
        "restarts",
        "Killing: Container c failed liveness probe, will be restarted",
    ),
    (
        "readinessProbe: {httpGet: {path: /x, port: 81}, periodSeconds: 2}",
        "unready",
        "Unhealthy: Readiness probe failed: Get \"http://10.244.0.2:81/x\": dial tcp 10.244.0.2:81: connect: connection refused",
    ),
    (
        "readinessProbe: {grpc: {port: 81}, periodSeconds: 5}",
        "unready",
        "Unhealthy: Readiness probe failed: timeout: failed to connect service \"10.244.0.2:81\" within 1s: context deadline exceeded",
    ),
    (
        "startupProbe: {exec: {command: ['false']}, periodSeconds: 1, failureThreshold: 4}",
        "restarts",
        "Killing: Container c failed startup probe, will be restarted",
    ),
    (
        "livenessProbe: {exec: {command: [sleep, '5']}, periodSeconds: 10, timeoutSeconds: 2, failureThreshold: 1}",
        "restarts",
        "Unhealthy: Liveness probe failed: command timed out: \"sleep 5\" timed out after 2s",
    ),
    (
        "readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}",
        "ready",
        "Started: Container started",
    ),
    (
        "readinessProbe: {exec: {command: [nginx, -t]}, periodSeconds: 2}",
        "ready",
        "Started: Container started",
    ),
];

#[test]
fn probes_decide() {
    for (probe, fate, event) in PROBES {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: c, image: nginx, {probe}}}]"));
        match *fate {
            "restarts" => {
                world.until("a restart", |world| world.container("c")["restartCount"].as_i64() == Some(1));
            }
            fate => {
                world.wait(20);
                assert_eq!(
                    world.container("c")["ready"].as_bool(),
                    Some(fate == "ready"),
                    "{probe}\n{}",
                    world.story()
                );
                assert_eq!(world.container("c")["restartCount"].as_i64(), Some(0));
            }
        }
        let events = world.events();
        let wanted = event.trim_end_matches(" (x3)");
        assert!(
            events.iter().any(|line| line.starts_with(wanted)),
            "{probe}: no {event:?} in\n{}",
            events.join("\n")
        );
    }
}

#[test]
fn a_redirect_is_remarked() {
    let image = ImageSpec { ports: vec![80], fail_percent: 100, fail_status: 302, ..ImageSpec::default() };
    let mut world = World::with(&[("away:1", image)]);
    world.pod("containers: [{name: c, image: 'away:1', livenessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}}]");
    world.wait(20);
    let events = world.events();
    assert!(
        events.iter().any(|line| line.starts_with("ProbeWarning: Liveness probe warning: ")),
        "{}",
        events.join("\n")
    );
    assert_eq!(world.container("c")["restartCount"].as_i64(), Some(0));
}

/// A script, the grace, how long its end takes in seconds, and its last words.
const ENDS: &[(&str, u64, u64, &str)] = &[
    ("sleep 3600", 4, 4, ""),
    ("trap 'echo bye; exit 0' TERM; while true; do sleep 1; done", 30, 1, "bye\n"),
    ("trap 'sleep 2; echo bye; exit 3' TERM; sleep 3600 & wait", 30, 2, "bye\n"),
    ("trap 'echo never' TERM; sleep 3600", 5, 5, ""),
];

#[test]
fn containers_get_their_grace() {
    for (script, grace, seconds, words) in ENDS {
        let mut world = World::new();
        world.pod(&format!(
            "terminationGracePeriodSeconds: {grace}\n\
             containers: [{{name: c, image: busybox, command: [sh, -c, \"{script}\"]}}]"
        ));
        world.until("it runs", |world| world.shown() == "Running");
        world.delete("pod/p");
        let before = world.0.now();
        let log = world.log(&LogOptions { follow: true, ..LogOptions::default() }).unwrap();
        assert_eq!(log, *words, "{script}");
        world.until("it is gone", |world| world.object().is_none());
        let took = world.0.now().since(before).as_seconds();
        assert!((*seconds..=seconds + 1).contains(&took), "{script}: {took} s");
    }
}

#[test]
fn hooks_run_first_and_last() {
    let mut world = World::new();
    world.pod(
        "terminationGracePeriodSeconds: 30\n\
         containers:\n\
         - name: c\n  image: nginx\n  lifecycle:\n    postStart: {exec: {command: [sh, -c, 'sleep 3; echo started > /started']}}\n    preStop: {exec: {command: [sh, -c, 'sleep 4; echo done > /dev/null']}}",
    );
    world.until("its program runs", |world| world.events().iter().any(|event| event.starts_with("Started")));
    world.wait(1);
    assert_eq!(world.shown(), "ContainerCreating", "it is not up before its hook has run");
    world.until("it runs", |world| world.shown() == "Running");
    assert_eq!(world.exec(&["cat", "/started"]).unwrap().stdout.as_str(), "started\n");
    world.delete("pod/p");
    let before = world.0.now();
    world.until("it is gone", |world| world.object().is_none());
    let took = world.0.now().since(before).as_seconds();
    assert!((5..=6).contains(&took), "hook and orderly end: {took} s");
}

#[test]
fn hooks_that_fail_are_told() {
    let mut world = World::new();
    world.pod(
        "containers:\n\
         - name: c\n  image: nginx\n  lifecycle:\n    postStart: {exec: {command: ['false']}}",
    );
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    let events = world.events();
    for wanted in ["FailedPostStartHook: PostStartHook failed", "Killing: FailedPostStartHook"] {
        assert!(
            events.iter().any(|event| event.starts_with(wanted)),
            "no {wanted} in\n{}",
            events.join("\n")
        );
    }
    let mut world = World::new();
    world.pod(
        "containers:\n\
         - name: c\n  image: nginx\n  lifecycle:\n    preStop: {httpGet: {path: /, port: 9}}",
    );
    world.until("it runs", |world| world.shown() == "Running");
    world.delete("pod/p");
    world.until("it is gone", |world| world.object().is_none());
    let events = world.events();
    assert!(
        events.iter().any(|event| event == "FailedPreStopHook: PreStopHook failed"),
        "{}",
        events.join("\n")
    );
}

#[test]
fn the_deadline_of_a_pod() {
    let mut world = World::new();
    world.pod("activeDeadlineSeconds: 10\ncontainers: [{name: c, image: nginx}]");
    world.wait(15);
    let status = world.status();
    assert_eq!(status["reason"].as_str(), Some("DeadlineExceeded"));
    assert_eq!(status["phase"].as_str(), Some("Failed"));
    let message = "Pod was active on the node longer than the specified deadline";
    assert_eq!(status["message"].as_str(), Some(message));
    assert!(world.events().contains(&format!("DeadlineExceeded: {message}")));
}

#[test]
fn termination_messages() {
    let mut world = World::new();
    world.pod(
        "restartPolicy: Never\n\
         containers:\n\
         - {name: file, image: busybox, command: [sh, -c, 'echo because > /dev/termination-log; exit 1']}\n\
         - {name: log, image: busybox, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, 'echo it broke; exit 1']}\n\
         - {name: silent, image: busybox, command: [sh, -c, 'echo it broke; exit 1']}\n\
         - {name: lines, image: busybox, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, 'for i in $(seq 100); do echo $i; done; exit 1']}\n\
         - {name: long, image: busybox, terminationMessagePolicy: FallbackToLogsOnError, command: [sh, -c, 'for i in $(seq 79); do echo 0123456789012345678901234567890123456789; done; echo 終; exit 1']}",
    );
    world.wait(10);
    let message =
        |name: &str| world.container(name)["state"]["terminated"]["message"].as_str().map(str::to_owned);
    assert_eq!(message("file").as_deref(), Some("because\n"));
    assert_eq!(message("log").as_deref(), Some("it broke\n"));
    assert_eq!(message("silent"), None);
    // Of a log it is the end: 80 lines of it, and no more than 2,048 bytes.
    assert_eq!(message("lines"), Some((21..=100).map(|line| format!("{line}\n")).collect()));
    let end = format!("{}終\n", "0123456789012345678901234567890123456789\n".repeat(79));
    assert_eq!(message("long").as_deref(), Some(&end[end.len() - 2048..]));
}

#[test]
fn a_kubelet_that_is_down_leaves_its_pods_alone() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: busybox, command: [sh, -c, 'while true; do date +%s; sleep 5; done']}]");
    world.wait(30);
    let before = world.container("c");
    world.strike("component/kubelet@node-0", Fault::Stop);
    world.wait(120);
    let ready = world.status()["conditions"].clone();
    let ready = ready.items().iter().find(|condition| condition["type"].as_str() == Some("Ready"));
    assert_eq!(ready.unwrap()["status"].as_str(), Some("False"));
    assert!(world.log(&LogOptions::default()).is_err());
    world.repair("component/kubelet@node-0");
    world.wait(30);
    assert_eq!(world.container("c"), before, "it came back as it was");
    let lines = world.log(&LogOptions::default()).unwrap().lines().count();
    assert!(lines > 30, "it went on unseen: {lines} lines");
}

#[test]
fn containers_start_one_after_the_other() {
    let mut world = World::new();
    world.pod(
        "containers:\n- {name: a, image: nginx, lifecycle: {postStart: {sleep: {seconds: 5}}}}\n- {name: b, image: \
         'busybox:1.36', command: [sleep, '900']}",
    );
    let told = |world: &World, what: &str| world.events().iter().any(|line| line.starts_with(what));
    world.until("the first one is started", |world| told(world, "Started"));
    world.wait(3);
    // Its hook still runs: the second one's turn has not come.
    assert!(!told(&world, "Pulling: Pulling image \"busybox:1.36\""), "{}", world.story());
    assert_eq!(world.container("b")["state"]["waiting"]["reason"].as_str(), Some("ContainerCreating"));
    world.until("both run", |world| world.shown() == "Running");
    // One that its hook brings down comes back after the one that it held up.
    let mut world = World::new();
    world.pod(
        "terminationGracePeriodSeconds: 6\ncontainers:\n- {name: a, image: busybox, command: [sleep, '900'], lifecycle: \
         {postStart: {exec: {command: ['false']}}}}\n- {name: b, image: nginx}",
    );
    world.until("the second one runs", |world| !world.container("b")["state"]["running"].is_null());
    assert_eq!(world.container("a")["restartCount"].as_i64(), Some(0), "{}", world.story());
    // One that cannot be had holds nobody up.
    let mut world = World::new();
    world.pod("containers: [{name: a, image: 'nginx:1.161'}, {name: b, image: nginx}]");
    world.until("the second one runs", |world| !world.container("b")["state"]["running"].is_null());
    world.until("the first one is told", |world| world.shown() == "ImagePullBackOff");
}

#[test]
fn an_init_container_that_runs_is_not_ready() {
    let mut world = World::new();
    world.pod(
        "initContainers: [{name: i, image: busybox, command: [sleep, '5']}]\ncontainers: [{name: c, image: nginx}]",
    );
    world.until("it runs", |world| !world.container("i")["state"]["running"].is_null());
    assert_eq!(world.container("i")["ready"].as_bool(), Some(false));
    assert_eq!(world.container("i")["started"].as_bool(), Some(true));
    world.until("the pod runs", |world| world.shown() == "Running");
    assert_eq!(world.container("i")["ready"].as_bool(), Some(true));
}

#[test]
fn probes_that_cannot_succeed_say_why() {
    for (probe, begins, ends) in [
        (
            "readinessProbe: {httpGet: {port: 80, scheme: HTTPS}, periodSeconds: 1}",
            "Unhealthy: Readiness probe failed: Get \"https://",
            "http: server gave HTTP response to HTTPS client",
        ),
        (
            "livenessProbe: {httpGet: {port: web}, periodSeconds: 1, failureThreshold: 1}",
            "Unhealthy: Liveness probe errored and resulted in unknown state: strconv.Atoi: parsing \"web\": ",
            "invalid syntax",
        ),
        (
            "readinessProbe: {grpc: {port: 80}, periodSeconds: 1}",
            "Unhealthy: Readiness probe failed: timeout: failed to connect service",
            "context deadline exceeded",
        ),
    ] {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: c, image: nginx, {probe}}}]"));
        world.wait(20);
        let said = |line: &String| line.starts_with(begins) && line.contains(ends);
        assert!(world.events().iter().any(said), "{probe}\n{}", world.story());
        assert_eq!(world.container("c")["restartCount"].as_i64(), Some(0), "{probe}");
    }
}

#[test]
fn who_is_restarted_is_not_probed_meanwhile() {
    let mut world = World::new();
    // Whoever ignores the signal is there until it is killed, 30 s later.
    world.pod(
        "containers: [{name: c, image: busybox, command: [sleep, '900'], livenessProbe: {exec: {command: ['false']}, \
         periodSeconds: 5}}]",
    );
    world.until("it is killed", |world| world.events().iter().any(|line| line.starts_with("Killing")));
    let probed = |world: &World| -> Vec<String> {
        world.events().into_iter().filter(|line| line.starts_with("Unhealthy")).collect()
    };
    let before = probed(&world);
    world.wait(25);
    assert_eq!((probed(&world), world.container("c")["restartCount"].as_i64()), (before, Some(0)));
    // A runtime that forgets what was asked of it is asked again: the probe goes on, and fails again.
    world.strike("component/containerd@node-0", Fault::Crash);
    world.until("it is restarted", |world| world.container("c")["restartCount"].as_i64() == Some(1));
}
