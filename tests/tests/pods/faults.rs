//! Faults of images, programs and traffic; and that what is broken can be read off the cluster.

use shared::doc::Doc;
use shared::sim::{Fault, Target};

use super::world::World;

fn broken(world: &World) -> Vec<String> {
    world.0.broken().iter().map(|(target, fault)| format!("{fault:?} {target}")).collect()
}

#[test]
fn what_is_broken_is_told_until_it_is_mended() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx}]");
    world.until("it runs", |world| world.shown() == "Running");
    assert_eq!(broken(&world), [""; 0]);
    for (target, fault) in [
        ("node/node-0", Fault::Partition),
        ("node/node-0", Fault::FillDisk),
        ("pod/p", Fault::FillMemory),
        ("pod/p", Fault::FailProbes),
        ("pod/p", Fault::BurnCpu),
        ("etcd/0", Fault::Stop),
        ("component/kube-scheduler", Fault::Stop),
        ("component/kube-proxy@node-0", Fault::Stop),
        ("link/kube-apiserver~kube-controller-manager", Fault::Drop),
        ("link/node-0~etcd/0", Fault::Delay { by: shared::sim::Duration::millis(200) }),
        ("image/docker.io/library/nginx:latest", Fault::Missing),
        ("traffic/visitors", Fault::Surge),
        ("node/node-0", Fault::PowerOff),
    ] {
        let mut world = World(world.0.clone());
        world.strike(target, fault);
        assert_eq!(broken(&world), [format!("{fault:?} {target}")]);
        world.repair(target);
        assert_eq!(broken(&world), [""; 0], "{target} {fault:?}");
    }
    let crashed = Target::parse("component/kube-scheduler").expect("a target");
    world.strike(&crashed.to_string(), Fault::Crash);
    assert_eq!(broken(&world), [""; 0], "a crash is over when it is there");
}

#[test]
fn nothing_is_pulled_from_a_host_that_nobody_has() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: 'invalid.registry.k8s.io/invalid/alpine:3.1'}]");
    world.until("it fails", |world| world.shown() == "ErrImagePull");
    let why = "Failed to pull image \"invalid.registry.k8s.io/invalid/alpine:3.1\": rpc error: code = Unknown desc = failed to \
               pull and unpack image \"invalid.registry.k8s.io/invalid/alpine:3.1\": failed to resolve reference \
               \"invalid.registry.k8s.io/invalid/alpine:3.1\": failed to do request: Head \
               \"https://invalid.registry.k8s.io/v2/invalid/alpine/manifests/3.1\": dial tcp: lookup invalid.registry.k8s.io on \
               172.18.0.1:53: no such host";
    assert!(world.events().iter().any(|event| event.contains(why)), "{:?}", world.events());
    world.until("it waits", |world| world.shown() == "ImagePullBackOff");
}

#[test]
fn a_lost_image_is_missed_by_those_who_pull_it() {
    let mut world = World::new();
    world.strike("image/nginx", Fault::Missing);
    world.pod("containers: [{name: c, image: nginx}]");
    world.until("it waits", |world| world.shown() == "ImagePullBackOff");
    world.repair("image/nginx:latest");
    world.until("it runs", |world| world.shown() == "Running");
    // The node has it now.
    world.strike("image/nginx", Fault::Missing);
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: late}\n\
         spec: {containers: [{name: c, image: nginx, imagePullPolicy: IfNotPresent}]}\n",
    );
    world.wait(10);
    let late = world.0.read(&shared::api::Key::new(shared::api::Kind::Pod, "default", "late"));
    assert_eq!(late["status"]["phase"], Doc::from("Running"));
}

#[test]
fn a_busy_container_burns_what_its_limit_lets_it() {
    for (limit, milli) in [("", 1000), ("resources: {limits: {cpu: 250m}}, ", 250)] {
        let mut world = World::new();
        world.pod(&format!("containers: [{{name: c, {limit}image: nginx}}]"));
        world.until("it runs", |world| world.shown() == "Running");
        let burnt = |world: &World| {
            let usage = world.0.runtime(0).usage("node-0".into(), world.0.now());
            usage.pods.iter().flat_map(|(_, containers)| containers).map(|it| it.cpu_nanos).sum::<u64>()
        };
        let minute = |world: &mut World| {
            let before = burnt(world);
            world.wait(60);
            (burnt(world) - before) / 60_000_000
        };
        let idle = minute(&mut world);
        world.strike("pod/p", Fault::BurnCpu);
        assert_eq!(minute(&mut world), idle + milli);
        world.repair("pod/p");
        assert_eq!(minute(&mut world), idle);
    }
}

#[test]
fn a_surge_is_ten_times_the_visitors() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx}]");
    world.apply(
        "apiVersion: v1\nkind: Service\nmetadata: {name: s}\n\
         spec: {type: LoadBalancer, selector: {run: p}, ports: [{port: 80}]}\n",
    );
    world.wait(10);
    let asked = |world: &mut World| {
        let total = |world: &World| {
            let tally = &world.0.network().visitors().total;
            tally.ok + tally.failed
        };
        let before = total(world);
        world.wait(30);
        total(world) - before
    };
    let usual = asked(&mut world);
    assert!(usual >= 25, "{usual}");
    world.strike("traffic/visitors", Fault::Surge);
    let surge = asked(&mut world);
    assert!((usual * 9..=usual * 11).contains(&surge), "{usual} and {surge}");
    world.repair("traffic/visitors");
    world.wait(3);
    assert!(asked(&mut world) <= usual + 1);
}
