//! What an event costs does not grow with the objects that it does not touch.

use std::time::Duration as Took;

use cpu_time::ThreadTime;
use shared::api::core::pod::Pod;
use shared::api::{Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::scenario::Scenario;
use shared::session::Player;
use shared::sim::{Duration, Fault, Options, Target, Time};

/// So much dearer may it become for whatever reason: caches of the machine, depth of trees, other programs beside.
const TOLERATED: f64 = 2.5;

fn cluster(nodes: u32) -> Cluster {
    let options = Options {
        kube_api_qps: 0,
        image_pull: Some(Duration::ZERO),
        visitors_per_second_milli: 0,
        node_monitor_grace_period: Duration::seconds(86_400),
        ..Options::default()
    };
    let group = NodeGroup { cpu: "64".into(), pods: 1000, ..NodeGroup::of(nodes) };
    let spec = ClusterSpec { nodes: vec![group], options, ..ClusterSpec::default() };
    let mut cluster = Cluster::new(&spec, 7, 0).expect("a sound specification");
    cluster.advance_to(Time(15_000));
    // What the kubelets do is not the question here.
    let names: Vec<Str> = cluster.core().machines.iter().map(|machine| machine.name.clone()).collect();
    for name in names {
        let target = Target::Component("kubelet".into(), Some(name));
        act(&mut cluster, Action::Fault { target, fault: Fault::Stop });
    }
    pass(&mut cluster, 1);
    cluster
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let then = cluster.now() + Duration::seconds(seconds);
    cluster.advance_to(then);
}

fn act(cluster: &mut Cluster, action: Action) {
    let at = cluster.now();
    cluster.apply(Command { at, user: User::admin(), action });
}

fn post(cluster: &mut Cluster, group: &str, plural: &str, body: &Doc) {
    let request = HttpRequest {
        method: "POST".into(),
        path: format!("{group}/namespaces/default/{plural}").into(),
        content_type: "application/json".into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    };
    act(cluster, Action::Request(request));
}

fn pod(app: &str) -> Doc {
    let container =
        doc!({ "name": "web", "image": "nginx:1.27", "resources": { "requests": { "cpu": "10m" } } });
    doc!({ "metadata": { "labels": { "app": app } }, "spec": { "containers": [container] } })
}

fn workload(cluster: &mut Cluster, kind: &str, name: &str, replicas: Option<u32>) {
    let mut body = doc!({
        "metadata": { "name": name },
        "spec": { "selector": { "matchLabels": { "app": name } }, "template": pod(name) }
    });
    if let Some(replicas) = replicas {
        body.set_at(&["spec", "replicas"], replicas);
    }
    post(cluster, "/apis/apps/v1", kind, &body);
}

fn select(cluster: &mut Cluster, name: &str) {
    post(
        cluster,
        "/api/v1",
        "services",
        &doc!({ "metadata": { "name": name }, "spec": { "selector": { "app": name }, "ports": [{ "port": 80i64 }] } }),
    );
    let budget = doc!({ "minAvailable": 1i64, "selector": { "matchLabels": { "app": name } } });
    post(
        cluster,
        "/apis/policy/v1",
        "poddisruptionbudgets",
        &doc!({ "metadata": { "name": name }, "spec": budget }),
    );
}

/// Everything that an app's pods could be mistaken to have to do with, `times` over.
fn clutter(cluster: &mut Cluster, times: u32) {
    for number in 0..times * 20 {
        let name = format!("other-{number}");
        select(cluster, &name);
        workload(cluster, "deployments", &name, Some(0));
        workload(cluster, "statefulsets", &name, Some(0));
        // Pods that nobody manages and nobody schedules, and some that fit nowhere.
        for copy in 0..10 {
            let mut lonely = pod(&name);
            lonely.set_at(&["metadata", "name"], format!("{name}-{copy}"));
            match copy {
                0 => lonely.set_at(&["spec", "nodeSelector"], doc!({ "no": "where" })),
                _ => lonely.set_at(&["spec", "schedulerName"], "nobody"),
            }
            post(cluster, "/api/v1", "pods", &lonely);
        }
    }
    pass(cluster, 30);
}

fn bound(cluster: &Cluster, app: &str) -> usize {
    let pods = cluster.store().list(Kind::Pod);
    pods.filter(|object| object.meta.label("app") == app)
        .filter(|object| object.view::<Pod>().is_some_and(|pod| !pod.node_name.is_empty()))
        .count()
}

fn until_bound(cluster: &mut Cluster, app: &str, wanted: u32) -> Took {
    let mut took = Took::ZERO;
    for _ in 0..300 {
        let start = ThreadTime::now();
        pass(cluster, 1);
        took += start.elapsed();
        if bound(cluster, app) == wanted as usize {
            return took;
        }
    }
    panic!("{} of {wanted} bound", bound(cluster, app));
}

/// The least of three: whatever else the machine does only adds.
fn least(measure: impl Fn() -> Took) -> f64 {
    (0..3).map(|_| measure()).min().expect("three").as_secs_f64()
}

#[test]
fn a_deployment_costs_the_same_among_ten_times_as_many_others() {
    const PODS: u32 = 500;
    let with = |times: u32| {
        least(|| {
            let mut cluster = cluster(20);
            clutter(&mut cluster, times);
            select(&mut cluster, "web");
            workload(&mut cluster, "deployments", "web", Some(PODS));
            until_bound(&mut cluster, "web", PODS)
        })
    };
    let (few, many) = (with(1), with(10));
    assert!(many < few * TOLERATED, "{:.1} ms among few, {:.1} among many", few * 1e3, many * 1e3);
}

#[test]
fn a_daemon_costs_the_same_on_ten_times_as_many_nodes() {
    let on = |nodes: u32| {
        let whole = least(|| {
            let mut cluster = cluster(nodes);
            workload(&mut cluster, "daemonsets", "agent", None);
            until_bound(&mut cluster, "agent", nodes)
        });
        whole / f64::from(nodes)
    };
    let (few, many) = (on(60), on(600));
    assert!(many < few * TOLERATED, "{:.1} µs on few, {:.1} on many", few * 1e6, many * 1e6);
}

#[test]
fn an_event_costs_the_same_whatever_else_is_expected() {
    let among = |goals: u32| {
        let goals: String = (0..goals)
            .map(|number| {
                format!("  - {{id: g{number}, object: configmap/other-{number}, jsonpath: \"{{.data.a}}\", equals: b}}\n")
            })
            .collect();
        let text = format!(
            "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: goals}}\nspec:\n  cluster: {{nodes: [{{count: 20}}]}}\n  \
             steps:\n  - {{at: 20s, kubectl: create deployment web --image nginx:1.27 --replicas 500}}\n  until: 90s\n  expect:\n{goals}"
        );
        least(|| {
            let mut player =
                Player::new(Scenario::parse(&text).expect("a sound scenario"), 0).expect("playable");
            let start = ThreadTime::now();
            player.run_to_end();
            start.elapsed()
        })
    };
    let (few, many) = (among(10), among(1000));
    assert!(many < few * TOLERATED, "{:.1} ms among few, {:.1} among many", few * 1e3, many * 1e3);
}
