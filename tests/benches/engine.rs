//! `make bench`: the speed scenarios, in CPU time of this process (wall time is noisy on shared machines).
//!
//! `LARGE=1` adds 5,000 nodes with 150,000 pods, which takes minutes.

use cpu_time::ProcessTime;
use shared::api::core::pod::Pod;
use shared::api::{Kind, User};
use shared::apiserver::http::HttpRequest;
use shared::cluster::{Action, Cluster, ClusterSpec, Command, NodeGroup};
use shared::doc;
use shared::sim::{Duration, Fault, Options, Target, Time};

// The program's own.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn cluster(nodes: u32, limited: bool) -> Cluster {
    let options = Options {
        kube_api_qps: if limited { 20 } else { 0 },
        image_pull: Some(Duration::ZERO),
        visitors_per_second_milli: 0,
        ..Options::default()
    };
    let groups = (0..3).map(|zone| NodeGroup {
        zone: format!("zone-{zone}").into(),
        cpu: "32".into(),
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

fn deploy(cluster: &mut Cluster, name: &str, replicas: u32) {
    let body = doc!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
        "spec": {
            "replicas": replicas, "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{
                    "name": "web", "image": "nginx:1.27",
                    "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } }
                }] }
            }
        }
    });
    let request = HttpRequest {
        method: "POST".into(),
        path: "/apis/apps/v1/namespaces/default/deployments".into(),
        content_type: "application/json".into(),
        body: body.to_json().into(),
        ..HttpRequest::default()
    };
    act(cluster, Action::Request(request));
}

fn ready(cluster: &Cluster) -> usize {
    cluster
        .store()
        .list(Kind::Pod)
        .filter(|object| object.view::<Pod>().is_some_and(|pod| pod.ready) && !object.meta.deleting())
        .count()
}

/// Advances until `wanted` pods are ready; virtual time passed.
fn until_ready(cluster: &mut Cluster, wanted: usize) -> Duration {
    let began = cluster.now();
    while ready(cluster) < wanted {
        let next = cluster.now() + Duration::millis(500);
        cluster.advance_to(next);
        assert!(
            next.since(began) < Duration::seconds(86_400),
            "{} of {wanted} ready after a day",
            ready(cluster)
        );
    }
    cluster.now().since(began)
}

fn row(what: &str, cpu: std::time::Duration, virtual_time: Duration, note: &str) {
    println!(
        "{what:<58} {:>9.1} ms CPU {:>12} simulated  {note}",
        cpu.as_secs_f64() * 1e3,
        virtual_time.to_string()
    );
}

fn rollout(nodes: u32, replicas: u32, limited: bool) -> Cluster {
    let mut cluster = cluster(nodes, limited);
    let start = ProcessTime::now();
    deploy(&mut cluster, "web", replicas);
    let virtual_time = until_ready(&mut cluster, replicas as usize);
    let cpu = start.elapsed();
    let rate = f64::from(replicas) / cpu.as_secs_f64();
    let limits = if limited { "default client limits" } else { "no client limits" };
    row(
        &format!("{replicas} replicas on {nodes} nodes, {limits}"),
        cpu,
        virtual_time,
        &format!("{rate:.0} pods per CPU-second"),
    );
    cluster
}

fn node_lost() {
    let mut cluster = rollout(10, 530, false);
    let start = ProcessTime::now();
    act(&mut cluster, Action::Fault { target: Target::Node("node-3".into()), fault: Fault::PowerOff });
    let later = cluster.now() + Duration::seconds(390);
    cluster.advance_to(later);
    let virtual_time = Duration::seconds(390) + until_ready(&mut cluster, 530);
    row("node lost until all 530 pods run again, waits included", start.elapsed(), virtual_time, "");
}

fn idle(nodes: u32, pods: u32) {
    let mut cluster = rollout(nodes, pods, false);
    let start = ProcessTime::now();
    let until = cluster.now() + Duration::seconds(600);
    cluster.advance_to(until);
    let cpu = start.elapsed();
    let ratio = 600.0 / cpu.as_secs_f64();
    row(
        &format!("{nodes} nodes, {pods} pods, ten quiet minutes"),
        cpu,
        Duration::seconds(600),
        &format!("{ratio:.0} x real time"),
    );
}

fn snapshot(cluster: &Cluster) {
    let start = ProcessTime::now();
    let copies: Vec<Cluster> = (0..20).map(|_| cluster.clone()).collect();
    let cpu = start.elapsed() / 20;
    row(&format!("snapshot with {} objects", cluster.store().len()), cpu, Duration::ZERO, "");
    drop(copies);
    let start = ProcessTime::now();
    let hash = cluster.hash();
    row("state hash", start.elapsed(), Duration::ZERO, &hash.to_string());
}

/// Resident memory of this process in MB, where the system tells.
fn resident_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1e3
}

fn main() {
    rollout(100, 400, true);
    rollout(100, 400, false);
    rollout(100, 1000, false);
    let before = resident_mb();
    let large = rollout(1000, 5000, false);
    println!("{:<58} {:>9.1} MB", "  memory of that cluster", resident_mb() - before);
    snapshot(&large);
    drop(large);
    node_lost();
    idle(100, 1000);
    if std::env::var_os("LARGE").is_some() {
        let before = resident_mb();
        let huge = rollout(5000, 150_000, false);
        println!("{:<58} {:>9.1} MB", "  memory of that cluster", resident_mb() - before);
        snapshot(&huge);
    }
}
