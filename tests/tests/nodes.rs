//! Kubelets, runtimes and proxies through every fault at every moment: what was begun is finished afterwards.

use crate::support::world::World;
use shared::api::core::event::Event;
use shared::api::core::pod::{Phase, Pod};
use shared::api::{Key, Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup, Outcome};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::sim::{ChangeKind, Duration, Fault, Options, Target};

/// What can happen to a node or to what it talks to.
const FAULTS: [(&str, Fault); 11] = [
    ("component/kube-apiserver", Fault::Stop),
    ("component/kube-apiserver", Fault::Crash),
    ("etcd/0", Fault::Stop),
    ("component/kubelet@node-0", Fault::Stop),
    ("component/kubelet@node-0", Fault::Crash),
    ("component/containerd@node-0", Fault::Stop),
    ("component/containerd@node-0", Fault::Crash),
    ("node/node-0", Fault::PowerOff),
    ("node/node-0", Fault::Partition),
    ("link/kubelet@node-0~kube-apiserver", Fault::Drop),
    ("link/node-0~kube-apiserver", Fault::Delay { by: Duration::millis(300) }),
];
const PODS: &str = "/api/v1/namespaces/default/pods";

/// A cluster of one node that is ready.
#[derive(Clone)]
struct Play(Cluster);

impl Play {
    fn new(nodes: u32) -> Play {
        let options = Options { image_pull: Some(Duration::ZERO), ..Options::default() };
        let spec = ClusterSpec { nodes: vec![NodeGroup::of(nodes)], options, ..ClusterSpec::default() };
        let mut play = Play(Cluster::new(&spec, 7, 0).unwrap());
        play.run(Duration::seconds(20));
        play
    }

    fn run(&mut self, length: Duration) {
        let until = self.0.now() + length;
        self.0.advance_to(until);
    }

    fn act(&mut self, action: Action) {
        self.0.apply(Command { at: self.0.now(), user: User::admin(), action });
        self.run(Duration::ZERO);
        for (_, outcome) in self.0.take_outcomes() {
            assert!(!matches!(outcome, Outcome::Refused(_)), "{outcome:?}");
        }
    }

    fn ask(&mut self, method: &str, path: &str, body: &Doc) {
        let body = if body.is_null() { Str::new() } else { body.to_json().into() };
        let http = HttpRequest { method: method.into(), path: path.into(), body, ..HttpRequest::default() };
        self.act(Action::Request(http));
    }

    fn strike(&mut self, target: &str, fault: Fault) {
        self.act(Action::Fault { target: Target::parse(target).unwrap(), fault });
    }

    fn repair(&mut self, target: &str) {
        self.act(Action::Repair { target: Target::parse(target).unwrap() });
    }

    /// Makes a pod called `job` and lets `length` pass.
    fn pod(&mut self, policy: &str, command: &str, length: Duration) {
        let port = doc!({ "httpGet": { "port": 8080i64 }, "periodSeconds": 2i64 });
        let container = match command {
            "" => doc!({ "name": "c", "image": "todo-api:v1.0", "readinessProbe": port }),
            line => doc!({ "name": "c", "image": "busybox", "command": ["sh", "-c", line] }),
        };
        let spec = doc!({ "restartPolicy": policy, "containers": [container] });
        self.ask("POST", PODS, &doc!({ "metadata": { "name": "job" }, "spec": spec }));
        self.run(length);
    }

    fn phase(&self) -> Option<(Phase, bool)> {
        let object = self.0.store().get(&Key::new(Kind::Pod, "default", "job"))?;
        let pod = object.view::<Pod>()?;
        Some((pod.phase, pod.ready))
    }
}

/// From the present moment of `play`, strikes with each fault after each of the pauses (in milliseconds), mends it
/// ten seconds later, and lets `verdict` judge three minutes after that.
fn at_every_moment(
    play: &Play,
    pauses: impl Iterator<Item = u64> + Clone,
    verdict: impl Fn(&Play, Fault) -> Result<(), String>,
) {
    let mut failures = Vec::new();
    for (target, fault) in FAULTS {
        for pause in pauses.clone() {
            let mut play = play.clone();
            play.run(Duration::millis(pause));
            play.strike(target, fault);
            play.run(Duration::seconds(10));
            play.repair(target);
            play.run(Duration::seconds(180));
            if let Err(why) = verdict(&play, fault) {
                failures.push(format!("{target} {fault:?} after {pause} ms: {why}"));
            }
        }
    }
    assert!(failures.is_empty(), "{} failures:\n{}", failures.len(), failures.join("\n"));
}

#[test]
fn a_pod_comes_up_whatever_breaks_meanwhile() {
    let mut play = Play::new(1);
    // The API server has it; nobody has heard of it yet.
    play.pod("Always", "", Duration::millis(3));
    at_every_moment(&play, (0..40).chain((40..2200).step_by(50)).chain(1100..1180), |play, _| {
        let phase = play.phase();
        if phase == Some((Phase::Running, true)) { Ok(()) } else { Err(format!("{phase:?}")) }
    });
}

#[test]
fn a_deleted_pod_goes_whatever_breaks_meanwhile() {
    let mut play = Play::new(1);
    play.pod("Always", "", Duration::seconds(10));
    play.ask("DELETE", &format!("{PODS}/job"), &Doc::Null);
    play.run(Duration::millis(3));
    at_every_moment(&play, (0..40).chain((40..1000).step_by(80)).chain(1000..1050), |play, _| {
        match (play.phase(), play.0.runtime(0).sandboxes().len(), play.0.kubelet(0).pods().count()) {
            (None, 0, 0) => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
}

#[test]
fn how_a_pod_ended_is_written_whatever_breaks_meanwhile() {
    let mut play = Play::new(1);
    play.pod("Never", "sleep 5", Duration::seconds(5));
    at_every_moment(&play, (0..2200).step_by(40).chain(1100..1180), |play, fault| match play.phase() {
        Some((Phase::Succeeded, false)) => Ok(()),
        // Its container went with the power: nobody saw how it ended, and it is not to run again.
        Some((Phase::Failed, false)) if fault == Fault::PowerOff => Ok(()),
        other => Err(format!("{other:?}")),
    });
}

#[test]
fn a_pod_that_comes_back_after_a_power_cut_says_that_its_sandbox_is_another() {
    for (policy, command, fault, said) in [
        ("Always", "sleep 1000", Fault::PowerOff, 1),
        ("OnFailure", "sleep 1000", Fault::PowerOff, 1),
        ("Always", "sleep 1000", Fault::Crash, 0),
        // It gets no other.
        ("Never", "sleep 1000", Fault::PowerOff, 0),
        ("OnFailure", "true", Fault::PowerOff, 0),
    ] {
        let mut play = Play::new(1);
        play.pod(policy, command, Duration::seconds(10));
        let target = if fault == Fault::PowerOff { "node/node-0" } else { "component/kubelet@node-0" };
        play.strike(target, fault);
        play.run(Duration::seconds(20));
        play.repair(target);
        play.run(Duration::seconds(120));
        let mut events = play.0.store().list(Kind::Event).filter_map(|object| Event::of(object));
        let found =
            events.by_ref().filter(|event| event.about[2] == "job" && event.reason == "SandboxChanged");
        let found: Vec<String> = found.map(|event| format!("{} {}", event.kind, event.message)).collect();
        let message = "Normal Pod sandbox changed, it will be killed and re-created.";
        assert_eq!(found, vec![message; said], "{policy} {fault:?}");
    }
}

#[test]
fn a_finished_pod_leaves_its_address_and_goes_when_deleted() {
    let mut play = Play::new(1);
    play.pod("Never", "true", Duration::seconds(10));
    assert_eq!(play.phase(), Some((Phase::Succeeded, false)));
    let held = doc!({ "metadata": { "finalizers": ["example.com/hold"] } });
    let patch = |play: &mut Play, body: &Doc| {
        play.act(Action::Request(HttpRequest {
            method: "PATCH".into(),
            path: format!("{PODS}/job").into(),
            content_type: "application/merge-patch+json".into(),
            body: body.to_json().into(),
            ..HttpRequest::default()
        }));
        play.run(Duration::seconds(1));
    };
    patch(&mut play, &held);
    play.ask("DELETE", &format!("{PODS}/job"), &Doc::Null);
    // A kubelet that starts anew sees a pod that has ended, is being deleted, and is held by somebody else.
    play.strike("component/kubelet@node-0", Fault::Crash);
    play.run(Duration::seconds(30));
    patch(&mut play, &doc!({ "metadata": { "finalizers": null } }));
    play.run(Duration::seconds(5));
    assert_eq!((play.phase(), play.0.runtime(0).sandboxes().len()), (None, 0));
    // A node has 253 addresses; pods that ended hold none of them.
    for number in 0..300 {
        let container = doc!({ "name": "c", "image": "busybox", "command": ["true"] });
        let spec = doc!({ "restartPolicy": "Never", "containers": [container] });
        play.ask("POST", PODS, &doc!({ "metadata": { "name": format!("job-{number}") }, "spec": spec }));
        play.run(Duration::seconds(2));
    }
    play.run(Duration::seconds(10));
    let ended = play.0.store().list(Kind::Pod).filter_map(|pod| pod.view::<Pod>());
    assert_eq!(ended.filter(|pod| pod.phase == Phase::Succeeded).count(), 300);
}

#[test]
fn a_restart_of_the_kubelet_changes_nothing_about_a_pod() {
    let mut play = Play::new(1);
    play.pod("Always", "", Duration::seconds(20));
    let before = play.0.store().revision();
    play.strike("component/kubelet@node-0", Fault::Crash);
    play.run(Duration::seconds(60));
    let changes = play.0.store().since(before).expect("a short history");
    let pods = changes.filter(|it| it.object.key.kind == Kind::Pod && it.change == ChangeKind::Modified);
    let readiness: Vec<bool> = pods.filter_map(|it| it.object.view::<Pod>()).map(|pod| pod.ready).collect();
    assert!(readiness.iter().all(|&ready| ready), "{readiness:?}");
    assert_eq!(play.phase(), Some((Phase::Running, true)));
}

#[test]
fn a_pod_that_others_call_failed_is_ended() {
    let mut play = Play::new(1);
    play.pod("Always", "", Duration::seconds(20));
    let path = format!("{PODS}/job/status");
    play.act(Action::Request(HttpRequest {
        method: "PATCH".into(),
        path: path.into(),
        content_type: "application/merge-patch+json".into(),
        body: doc!({ "status": { "phase": "Failed", "reason": "Evicted" } }).to_json().into(),
        ..HttpRequest::default()
    }));
    play.run(Duration::seconds(60));
    assert_eq!(play.phase().map(|(phase, _)| phase), Some(Phase::Failed));
    assert!(play.0.runtime(0).sandboxes().is_empty(), "nothing of it runs");
}

/// Found by random simulation: each restart left its watches open at the server.
#[test]
fn watches_end_with_those_who_opened_them() {
    let mut play = Play::new(2);
    let open = play.0.apiserver().watches().len();
    for target in ["component/kube-scheduler", "component/coredns", "component/kubelet@node-0", "node/node-1"]
    {
        for fault in [Fault::Crash, Fault::Stop, Fault::PowerOff, Fault::Partition] {
            let whole = matches!(fault, Fault::PowerOff | Fault::Partition);
            if whole == target.starts_with("node/") {
                play.strike(target, fault);
                play.run(Duration::millis(3));
                play.repair(target);
                play.run(Duration::seconds(50));
            }
        }
    }
    assert_eq!(play.0.apiserver().watches().len(), open);
}

/// The newest answer that a visitor got, and the number of failures so far.
/// Many nodes are seen before they are ready, and stand in line to be emptied until they are.
#[test]
fn nobody_waits_to_be_emptied_in_a_healthy_cluster() {
    let mut play = Play::new(300);
    play.run(Duration::seconds(20));
    let waits = play.0.controller_manager().waits(play.0.core());
    let waits: Vec<_> = waits.iter().map(|wait| (wait.name, &wait.object.name)).collect();
    assert!(waits.is_empty(), "{waits:?}");
}

fn visitors(play: &Play) -> (bool, u64) {
    let total = &play.0.network().visitors().total;
    (total.recent.back().is_some_and(|result| result.ok), total.failed)
}

#[test]
fn visitors_reach_ready_pods_again_after_a_reboot() {
    for (apiserver_down, node) in [(false, "node-0"), (true, "node-0"), (true, "node-1"), (false, "node-2")] {
        let mut play = Play::new(3);
        let container = doc!({ "name": "c", "image": "todo-api:v1.0" });
        let template =
            doc!({ "metadata": { "labels": { "app": "todo" } }, "spec": { "containers": [container] } });
        let spec = doc!({ "replicas": 3i64, "selector": { "matchLabels": { "app": "todo" } }, "template": template });
        let deployment = doc!({ "metadata": { "name": "todo" }, "spec": spec });
        play.ask("POST", "/apis/apps/v1/namespaces/default/deployments", &deployment);
        let service = doc!({
            "metadata": { "name": "todo" },
            "spec": { "type": "LoadBalancer", "selector": { "app": "todo" }, "ports": [{ "port": 8080i64 }] }
        });
        play.ask("POST", "/api/v1/namespaces/default/services", &service);
        play.run(Duration::seconds(20));
        let machine = node.strip_prefix("node-").unwrap().parse().unwrap();
        assert!(visitors(&play).0 && !play.0.network().proxies().rules(machine).is_empty());

        let target = format!("node/{node}");
        play.strike(&target, Fault::PowerOff);
        assert!(play.0.network().proxies().rules(machine).is_empty(), "rules go with the power");
        play.run(Duration::seconds(100));
        if apiserver_down {
            play.strike("component/kube-apiserver", Fault::Stop);
        }
        play.repair(&target);
        play.run(Duration::seconds(60));
        let rules = play.0.network().proxies().rules(machine);
        assert_eq!(rules.is_empty(), apiserver_down, "rules come from a list of the API server's");
        if apiserver_down {
            play.repair("component/kube-apiserver");
            play.run(Duration::seconds(60));
        }
        let (_, failed) = visitors(&play);
        play.run(Duration::seconds(60));
        assert_eq!(visitors(&play), (true, failed), "{node}, API server down: {apiserver_down}");
    }
}

#[test]
fn a_node_has_what_its_machine_has_besides() {
    let mut world = World::with(|spec| {
        for (name, much) in [("nvidia.com/gpu", "2"), ("ephemeral-storage", "20Gi")] {
            spec.nodes[0].resources.insert(name.into(), much.into());
        }
    });
    let mut get = |words: &[&str], stdin: &str| world.kubectl(words.iter().copied(), stdin).stdout;
    let of = |field: &str| {
        format!("jsonpath={{.status.{field}.nvidia\\.com/gpu}} {{.status.{field}.ephemeral-storage}}")
    };
    for field in ["capacity", "allocatable"] {
        assert_eq!(get(&["get", "node", "node-0", "-o", &of(field)], ""), "2 20Gi");
        assert_eq!(get(&["get", "node", "node-1", "-o", &of(field)], ""), " 104857600Ki");
    }
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: a\n    image: nginx\n    \
             resources: {{limits: {{nvidia.com/gpu: 1}}}}\n---\n"
        )
    };
    get(&["apply", "-f", "-"], &["a", "b", "c"].map(pod).concat());
    world.wait(20);
    let placed = world.kubectl(["get", "pods", "-o", "jsonpath={.items[*].spec.nodeName}"], "").stdout;
    assert_eq!(placed, "node-0 node-0", "the third finds none");
}

#[test]
fn what_no_machine_can_be_is_refused_with_its_place() {
    type Change = fn(&mut NodeGroup);
    let cases: [(Change, &str); 4] = [
        (
            |group| drop(group.resources.insert("cpu".into(), "4".into())),
            "spec.cluster.nodes[0].resources.cpu: is a field of its own",
        ),
        (
            |group| drop(group.resources.insert("nvidia.com/gpu".into(), "many".into())),
            "spec.cluster.nodes[0].resources.nvidia.com/gpu: \"many\" is no amount such as",
        ),
        (
            |group| group.name = Some("n".repeat(64).into()),
            "spec.cluster.nodes[0].name: becomes the label kubernetes.io/hostname",
        ),
        (|group| group.memory = "none".into(), "spec.cluster.nodes[0].memory: \"none\" is no amount such as"),
    ];
    for (change, says) in cases {
        let mut spec = ClusterSpec { nodes: vec![NodeGroup::of(1)], ..ClusterSpec::default() };
        change(&mut spec.nodes[0]);
        let why = spec.machines().expect_err(says).to_string();
        assert!(why.starts_with(says), "{why}");
    }
}

#[test]
fn an_api_server_that_is_alone_has_a_lease() {
    let mut world = World::new();
    world.wait(20);
    let mut names = |line: &str| {
        let said = world.kubectl(line.split(' '), "");
        assert_eq!(said.exit_code, 0, "{}", said.stderr);
        said.stdout
    };
    let leases =
        names("get leases -n kube-system -l apiserver.kubernetes.io/identity=kube-apiserver -o name");
    assert_eq!(leases.matches("lease.coordination.k8s.io/apiserver-").count(), 1, "{leases}");
}

#[test]
fn a_kubelet_says_that_its_node_has_no_storage_drivers() {
    let mut world = World::new();
    let shown = world.kubectl(["get", "csinodes", "--no-headers"], "").stdout;
    assert_eq!(shown.lines().count(), 6, "{shown}");
    let mut first = shown.lines().next().expect("one").split_whitespace();
    assert_eq!((first.next(), first.next()), (Some("node-0"), Some("0")), "{shown}");
    let about = "jsonpath={.metadata.ownerReferences[0].kind} {.metadata.annotations}";
    let about = world.kubectl(["get", "csinode", "node-0", "-o", about], "").stdout;
    assert!(about.starts_with("Node {\"storage.alpha.kubernetes.io/migrated-plugins\":"), "{about}");
    // It goes with its node.
    world.act(Action::Fault {
        target: Target::parse("node/node-0").expect("a target"),
        fault: Fault::PowerOff,
    });
    world.wait(5);
    world.kubectl(["delete", "node", "node-0"], "");
    world.wait(10);
    let left = world.kubectl(["get", "csinodes", "-o", "name"], "").stdout;
    assert_eq!(left.lines().count(), 5, "{left}");
}

#[test]
fn a_kubelet_says_that_no_pods_are_to_come_to_its_node() {
    let mut world = World::new();
    for (command, state) in [("cordon", "NodeNotSchedulable"), ("uncordon", "NodeSchedulable")] {
        assert_eq!(world.kubectl([command, "node-2"], "").exit_code, 0);
        world.wait(11);
        let which = format!("involvedObject.name=node-2,reason={state}");
        let path = "jsonpath={.items[*].message}";
        let words = ["get", "events", "-n", "default", "--field-selector", &which, "-o", path];
        assert_eq!(world.kubectl(words, "").stdout, format!("Node node-2 status is now: {state}"));
    }
}
