//! `pods/log`: which lines, and what is said where there are none.

use shared::runtime::ImageSpec;
use shared::sim::{Duration, Fault, LogOptions};

use super::world::World;

fn chatty(exit_after: Option<u64>) -> ImageSpec {
    ImageSpec {
        logs: (1..=5).map(|number| format!("line {number}").into()).collect(),
        exit_logs: vec!["bye".into()],
        exit_after: exit_after.map(Duration::seconds),
        exit_code: 3,
        ..ImageSpec::default()
    }
}

const ALL: LogOptions = LogOptions {
    container: shared::doc::Str::new(),
    follow: false,
    previous: false,
    timestamps: false,
    tail_lines: None,
    since_seconds: None,
    since_time: None,
    limit_bytes: None,
};

#[test]
fn the_lines_that_are_wanted() {
    let mut world = World::with(&[("chatty:1", chatty(None))]);
    world.pod("containers: [{name: c, image: 'chatty:1'}]");
    world.wait(10);
    let log = |world: &mut World, options: LogOptions| world.log(&options).unwrap();
    assert_eq!(log(&mut world, ALL), "line 1\nline 2\nline 3\nline 4\nline 5\n");
    assert_eq!(log(&mut world, LogOptions { tail_lines: Some(2), ..ALL }), "line 4\nline 5\n");
    assert_eq!(log(&mut world, LogOptions { tail_lines: Some(0), ..ALL }), "");
    assert_eq!(log(&mut world, LogOptions { limit_bytes: Some(10), ..ALL }), "line 1\nlin");
    assert_eq!(log(&mut world, LogOptions { since_seconds: Some(2), ..ALL }), "");
    assert_eq!(log(&mut world, LogOptions { since_seconds: Some(3600), ..ALL }).lines().count(), 5);
    let stamped = log(&mut world, LogOptions { timestamps: true, tail_lines: Some(1), ..ALL });
    let (moment, line) = stamped.split_once(' ').unwrap();
    assert_eq!((moment.len(), line), ("2026-01-01T00:00:00.000000000Z".len(), "line 5\n"), "{stamped}");
}

#[test]
fn why_there_is_no_log() {
    let mut world = World::new();
    let two = "containers: [{name: a, image: nginx}, {name: b, image: 'todo-api:nope'}]\n\
               initContainers: [{name: i, image: nginx}]";
    assert_eq!(world.log(&ALL).unwrap_err(), "404 pods \"p\" not found");
    world.pod(two);
    let of = |name: &str| LogOptions { container: name.into(), ..ALL };
    assert_eq!(
        world.log(&ALL).unwrap_err(),
        "400 a container name must be specified for pod p, choose one of: [i a b]"
    );
    assert_eq!(world.log(&of("x")).unwrap_err(), "400 container x is not valid for pod p");
    world.wait(10);
    assert_eq!(
        world.log(&of("b")).unwrap_err(),
        "400 container \"b\" in pod \"p\" is waiting to start: PodInitializing"
    );
    assert_eq!(
        world.log(&LogOptions { previous: true, ..of("i") }).unwrap_err(),
        "400 previous terminated container \"i\" in pod \"p\" not found"
    );
    for (options, why) in [
        (
            LogOptions { tail_lines: Some(-1), ..of("i") },
            "tailLines: Invalid value: -1: must be greater than or equal to 0",
        ),
        (
            LogOptions { since_seconds: Some(0), ..of("i") },
            "sinceSeconds: Invalid value: 0: must be greater than 0",
        ),
        (
            LogOptions { limit_bytes: Some(0), ..of("i") },
            "limitBytes: Invalid value: 0: must be greater than 0",
        ),
    ] {
        assert_eq!(world.log(&options).unwrap_err(), format!("422 PodLogOptions \"p\" is invalid: {why}"));
    }
    world.strike("component/kubelet@node-0", Fault::Stop);
    assert_eq!(
        world.log(&of("i")).unwrap_err(),
        "500 Get \"https://172.18.0.2:10250/containerLogs/default/p/i\": dial tcp 172.18.0.2:10250: connect: \
         connection refused"
    );
    assert_eq!(
        world.exec_in("i", &["ls"]).unwrap_err(),
        "500 error dialing backend: dial tcp 172.18.0.2:10250: connect: connection refused"
    );
    world.repair("component/kubelet@node-0");
    world.strike("node/node-0", Fault::Partition);
    assert!(world.log(&of("i")).unwrap_err().ends_with("dial tcp 172.18.0.2:10250: i/o timeout"));
}

#[test]
fn a_crash_leaves_its_log_behind() {
    let mut world = World::with(&[("chatty:1", chatty(Some(4)))]);
    world.pod("containers: [{name: c, image: 'chatty:1'}]");
    world.until("a second start", |world| {
        let container = world.container("c");
        container["restartCount"].as_i64() == Some(1) && !container["state"]["running"].is_null()
    });
    let previous = LogOptions { previous: true, tail_lines: Some(2), ..ALL };
    assert_eq!(world.log(&previous).unwrap(), "line 5\nbye\n");
    assert_eq!(world.log(&LogOptions { tail_lines: Some(1), ..ALL }).unwrap(), "line 5\n");
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    assert_eq!(world.log(&LogOptions { tail_lines: Some(1), ..ALL }).unwrap(), "bye\n");
    assert_eq!(world.log(&previous).unwrap(), "line 5\nbye\n");
}

#[test]
fn who_follows_hears_the_end() {
    let mut world = World::with(&[("chatty:1", chatty(Some(4)))]);
    world.pod("containers: [{name: c, image: 'chatty:1'}]");
    world.until("it runs", |world| world.shown() == "Running");
    let before = world.0.now();
    let log = world.log(&LogOptions { follow: true, tail_lines: Some(1), ..ALL }).unwrap();
    assert_eq!(log, "line 5\nbye\n");
    assert!(world.0.now() > before + Duration::seconds(3), "the answer came with the end");
}
