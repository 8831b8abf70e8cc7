//! `make bench`: what the scheduler, the controllers and the API server take to create pods and bind them, in CPU time
//! of this process, beside what a real control plane takes for the same (pods a second, or a CPU-second where measured).
//!
//! As where those figures come from, no kubelet runs but where victims have to make room. `cargo bench --bench scheduling
//! -- plain` runs the rows that have all the words in their description.

use cpu_time::ProcessTime;
use shared::api::core::pod::Pod;
use shared::api::{Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup};
use shared::doc;
use shared::doc::{Doc, Str};
use shared::sim::{Duration, Fault, Options, Target, Time};

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// One measurement.
struct Row {
    what: &'static str,
    nodes: u32,
    /// How many Deployments share the pods.
    apps: u32,
    pods: u32,
    /// What is added to the pods' spec, given the labels of their app.
    adds: fn(Doc) -> Doc,
    /// Pods a second of the real one.
    reference: f64,
    /// How many times as fast this is to be.
    gate: f64,
}

/// Zones of different sizes would leave no place for pods that are spread over zones and hosts as evenly as can be.
const ROWS: &[Row] = &[
    Row { what: "plain", nodes: 1000, apps: 1, pods: 5000, adds: plain, reference: 190.0, gate: 50.0 },
    Row {
        what: "zone and host spread",
        nodes: 999,
        apps: 1,
        pods: 5000,
        adds: spread,
        reference: 95.0,
        gate: 50.0,
    },
    Row {
        what: "host anti-affinity",
        nodes: 1000,
        apps: 5,
        pods: 5000,
        adds: apart,
        reference: 107.0,
        gate: 50.0,
    },
    Row { what: "plain", nodes: 5000, apps: 1, pods: 10_000, adds: plain, reference: 680.0, gate: 30.0 },
    Row {
        what: "affinity to a zone",
        nodes: 5000,
        apps: 1,
        pods: 5000,
        adds: together,
        reference: 35.0,
        gate: 30.0,
    },
    Row {
        what: "preferred anti-affinity",
        nodes: 5000,
        apps: 1,
        pods: 5000,
        adds: rather,
        reference: 90.0,
        gate: 30.0,
    },
    Row {
        what: "zone and host spread",
        nodes: 4998,
        apps: 1,
        pods: 5000,
        adds: spread,
        reference: 160.0,
        gate: 30.0,
    },
];

fn plain(_: Doc) -> Doc {
    doc!({})
}

fn spread(labels: Doc) -> Doc {
    let constraint = |key: &str| {
        doc!({
            "maxSkew": 1i64, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": { "matchLabels": (labels.clone()) }
        })
    };
    let both = Doc::list([constraint("topology.kubernetes.io/zone"), constraint("kubernetes.io/hostname")]);
    doc!({ "topologySpreadConstraints": both })
}

fn term(labels: Doc, key: &str) -> Doc {
    doc!({ "topologyKey": key, "labelSelector": { "matchLabels": labels } })
}

fn apart(labels: Doc) -> Doc {
    let terms = Doc::list([term(labels, "kubernetes.io/hostname")]);
    doc!({ "affinity": { "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms } } })
}

fn together(labels: Doc) -> Doc {
    let terms = Doc::list([term(labels, "topology.kubernetes.io/zone")]);
    doc!({ "affinity": { "podAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": terms } } })
}

fn rather(labels: Doc) -> Doc {
    let term = doc!({ "weight": 1i64, "podAffinityTerm": (term(labels, "kubernetes.io/hostname")) });
    let terms = Doc::list([term]);
    doc!({ "affinity": { "podAntiAffinity": { "preferredDuringSchedulingIgnoredDuringExecution": terms } } })
}

fn cluster(nodes: u32, cpu: &str) -> Cluster {
    let options = Options {
        kube_api_qps: 0,
        image_pull: Some(Duration::ZERO),
        visitors_per_second_milli: 0,
        node_monitor_grace_period: Duration::seconds(86_400),
        ..Options::default()
    };
    let groups = (0..3).map(|zone| NodeGroup {
        zone: format!("zone-{zone}").into(),
        cpu: cpu.into(),
        memory: "256Gi".into(),
        ..NodeGroup::of(nodes / 3 + u32::from(zone < nodes % 3))
    });
    let spec = ClusterSpec { nodes: groups.collect(), options, ..ClusterSpec::default() };
    let mut cluster = Cluster::new(&spec, 7, 0).expect("a sound specification");
    cluster.advance_to(Time(15_000));
    cluster
}

fn act(cluster: &mut Cluster, action: Action) {
    let at = cluster.now();
    cluster.apply(Command { at, user: User::admin(), action });
}

fn stop_kubelets(cluster: &mut Cluster) {
    let names: Vec<Str> = cluster.core().machines.iter().map(|machine| machine.name.clone()).collect();
    for name in names {
        let target = Target::Component("kubelet".into(), Some(name));
        act(cluster, Action::Fault { target, fault: Fault::Stop });
    }
    let then = cluster.now() + Duration::seconds(1);
    cluster.advance_to(then);
}

fn post(cluster: &mut Cluster, path: &str, body: &Doc) {
    let request = HttpRequest {
        method: "POST".into(),
        path: path.into(),
        content_type: "application/json".into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    };
    act(cluster, Action::Request(request));
}

/// Posts a Deployment or a DaemonSet whose pods ask for `cpu`, and for what `spec` says beside.
fn run(cluster: &mut Cluster, kind: &str, name: &str, replicas: Option<u32>, cpu: &str, mut spec: Doc) {
    spec.set(
        "containers",
        doc!([{ "name": "web", "image": "nginx:1.27", "resources": { "requests": { "cpu": cpu } } }]),
    );
    let mut body = doc!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name },
        "spec": {
            "selector": { "matchLabels": { "app": name } },
            "template": { "metadata": { "labels": { "app": name } }, "spec": spec }
        }
    });
    if let Some(replicas) = replicas {
        body.set_at(&["spec", "replicas"], replicas);
    }
    let path = format!("/apis/apps/v1/namespaces/default/{}s", kind.to_lowercase());
    post(cluster, &path, &body);
}

fn bound(cluster: &Cluster, app: &str) -> usize {
    let pods = cluster.store().list(Kind::Pod);
    let there = |pod: &Pod| !pod.node_name.is_empty();
    pods.filter(|object| object.meta.label("app").starts_with(app) && object.view::<Pod>().is_some_and(there))
        .count()
}

/// Advances until so many pods of the apps that begin so are bound; the CPU time of it.
#[inline(never)]
fn until_bound(cluster: &mut Cluster, app: &str, wanted: usize) -> std::time::Duration {
    let (start, began) = (ProcessTime::now(), cluster.now());
    while bound(cluster, app) < wanted {
        let next = cluster.now() + Duration::seconds(1);
        cluster.advance_to(next);
        assert!(next.since(began) < Duration::seconds(3600), "{} of {wanted} bound", bound(cluster, app));
    }
    start.elapsed()
}

fn say(what: &str, nodes: u32, pods: u32, cpu: std::time::Duration, beside: &str) {
    let rate = f64::from(pods) / cpu.as_secs_f64();
    println!(
        "{:<58} {:>9.1} ms CPU {rate:>9.0} pods per CPU-second  {beside}",
        format!("{pods} pods on {nodes} nodes, {what}"),
        cpu.as_secs_f64() * 1e3
    );
}

fn measure(row: &Row) {
    let mut cluster = cluster(row.nodes, "32");
    stop_kubelets(&mut cluster);
    for app in 0..row.apps {
        let name = format!("web-{app}");
        let adds = (row.adds)(doc!({ "app": (name.clone()) }));
        run(&mut cluster, "Deployment", &name, Some(row.pods / row.apps), "100m", adds);
    }
    let cpu = until_bound(&mut cluster, "web", row.pods as usize);
    let times = f64::from(row.pods) / cpu.as_secs_f64() / row.reference;
    say(
        row.what,
        row.nodes,
        row.pods,
        cpu,
        &format!("{times:.0} x the real one's {} (gate {})", row.reference, row.gate),
    );
}

fn daemons(nodes: u32) {
    let mut cluster = cluster(nodes, "32");
    stop_kubelets(&mut cluster);
    run(&mut cluster, "DaemonSet", "agent", None, "100m", doc!({}));
    let cpu = until_bound(&mut cluster, "agent", nodes as usize);
    say("of a DaemonSet", nodes, nodes, cpu, "");
}

fn preemption(nodes: u32) {
    let mut cluster = cluster(nodes, "4");
    let class = doc!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": { "name": "high" }, "value": 1000i64
    });
    post(&mut cluster, "/apis/scheduling.k8s.io/v1/priorityclasses", &class);
    run(&mut cluster, "Deployment", "low", Some(nodes * 4), "900m", doc!({}));
    until_bound(&mut cluster, "low", nodes as usize * 4);
    run(&mut cluster, "Deployment", "high", Some(nodes), "900m", doc!({ "priorityClassName": "high" }));
    let cpu = until_bound(&mut cluster, "high", nodes as usize);
    say("each in the place of another, with kubelets", nodes, nodes, cpu, "");
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let wanted = |what: &str| words.iter().all(|word| what.contains(word.as_str()));
    let title = |row: &&Row| wanted(&format!("{} pods on {} nodes, {}", row.pods, row.nodes, row.what));
    ROWS.iter().filter(title).for_each(measure);
    if wanted("DaemonSet") {
        daemons(1000);
    }
    if wanted("preemption") {
        preemption(500);
    }
}
