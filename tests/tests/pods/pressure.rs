//! Memory and disk: limits of containers, and what a node does that runs out of either.

use shared::api::{Key, Kind};
use shared::runtime::ImageSpec;
use shared::sim::{Duration, Fault};

use super::world::World;

fn condition(world: &World, name: &str) -> String {
    let node = world.0.store().get(&Key::new(Kind::Node, "", "node-0")).expect("the node").body.clone();
    let conditions = node["status"]["conditions"].items();
    let found = conditions.iter().find(|condition| condition["type"].as_str() == Some(name));
    found.map_or(String::new(), |condition| condition["status"].str().to_string())
}

fn taints(world: &World) -> String {
    world.0.store().get(&Key::new(Kind::Node, "", "node-0")).expect("the node").body["spec"]["taints"]
        .to_string()
}

#[test]
fn who_takes_more_memory_than_allowed_is_killed() {
    let mut world = World::new();
    world.pod(
        "containers:\n\
         - {name: c, image: polinux/stress, resources: {limits: {memory: 100Mi}}, command: [stress], args: [--vm, '1', --vm-bytes, 250M, --vm-hang, '1']}",
    );
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    let ended = world.container("c")["lastState"]["terminated"].clone();
    assert_eq!((ended["exitCode"].as_i64(), ended["reason"].as_str()), (Some(137), Some("OOMKilled")));
    let greedy = ImageSpec { memory: 200 << 20, ..ImageSpec::default() };
    for (limit, shown) in [("300Mi", "Running"), ("100Mi", "OOMKilled")] {
        let mut world = World::with(&[("greedy:1", greedy.clone())]);
        world.pod(&format!(
            "restartPolicy: Never\ncontainers: [{{name: c, image: 'greedy:1', resources: {{limits: {{memory: {limit}}}}}}}]"
        ));
        world.wait(10);
        assert_eq!(world.shown(), shown);
    }
}

#[test]
fn a_leak_lasts_until_it_is_mended() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx, resources: {limits: {memory: 64Mi}}}]");
    world.until("it runs", |world| world.shown() == "Running");
    world.strike("pod/p", Fault::FillMemory);
    world.until("it waits", |world| world.shown() == "CrashLoopBackOff");
    assert_eq!(world.container("c")["lastState"]["terminated"]["reason"].as_str(), Some("OOMKilled"));
    world.repair("pod/p");
    world.until("it runs", |world| world.shown() == "Running");
    world.wait(120);
    assert_eq!(world.shown(), "Running");
}

#[test]
fn a_node_without_memory_evicts_who_uses_more_than_asked() {
    let mut world = World::new();
    world.apply(
        "apiVersion: v1\nkind: Pod\nmetadata: {name: modest}\n\
         spec: {containers: [{name: c, image: nginx, resources: {requests: {memory: 64Mi}}}]}\n",
    );
    world.pod("containers: [{name: c, image: 'greedy'}]");
    world.wait(10);
    world.strike("node/node-0", Fault::FillMemory);
    world.until("somebody is evicted", |world| world.status()["reason"].as_str() == Some("Evicted"));
    let status = world.status();
    assert_eq!((status["phase"].as_str(), status["reason"].as_str()), (Some("Failed"), Some("Evicted")));
    let message = status["message"].str();
    assert!(
        message.starts_with("The node was low on resource: memory. Threshold quantity: 100Mi, available: ")
            && message
                .ends_with(". Container c was using 32Mi, request is 0, has larger consumption of memory. "),
        "{message}"
    );
    let target = status["conditions"].items().iter().find(|c| c["type"].as_str() == Some("DisruptionTarget"));
    assert_eq!(target.expect("a condition")["reason"].as_str(), Some("TerminationByKubelet"));
    assert!(
        world
            .events()
            .iter()
            .any(|event| event.starts_with("Evicted: The node was low on resource: memory."))
    );
    assert_eq!(condition(&world, "MemoryPressure"), "True");
    world.wait(10);
    assert!(taints(&world).contains("node.kubernetes.io/memory-pressure"), "{}", taints(&world));
    let told = world.events_about("node-0");
    for wanted in [
        "EvictionThresholdMet: Attempting to reclaim memory",
        "NodeHasInsufficientMemory: Node node-0 status is now: NodeHasInsufficientMemory",
    ] {
        assert!(told.iter().any(|event| event.starts_with(wanted)), "no {wanted} in\n{}", told.join("\n"));
    }
    world.repair("node/node-0");
    world.wait(320);
    assert_eq!(condition(&world, "MemoryPressure"), "False");
    world.wait(10);
    assert!(!taints(&world).contains("memory-pressure"), "{}", taints(&world));
}

#[test]
fn a_full_disk_takes_no_pods() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx}]");
    world.wait(10);
    world.strike("node/node-0", Fault::FillDisk);
    world.until("the disk is full", |world| condition(world, "DiskPressure") == "True");
    world.until("somebody is evicted", |world| world.status()["reason"].as_str() == Some("Evicted"));
    assert!(
        world.status()["message"]
            .str()
            .starts_with("The node was low on resource: ephemeral-storage. Threshold quantity: "),
        "{}",
        world.story()
    );
    world.wait(10);
    assert!(taints(&world).contains("node.kubernetes.io/disk-pressure"), "{}", taints(&world));
    world.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: late}\nspec: {nodeName: node-0, containers: [{name: c, image: nginx}]}\n");
    world.wait(5);
    let late = world.0.store().get(&Key::new(Kind::Pod, "default", "late")).unwrap().body["status"].clone();
    assert_eq!(
        (late["phase"].as_str(), late["message"].as_str()),
        (Some("Failed"), Some("Pod was rejected: The node had condition: [DiskPressure]. "))
    );
}

#[test]
fn probes_can_be_made_to_fail_and_containers_to_crash() {
    let mut world = World::new();
    world.pod("containers: [{name: c, image: nginx, readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}}]");
    world.until("it is ready", |world| world.container("c")["ready"].as_bool() == Some(true));
    world.strike("pod/p", Fault::FailProbes);
    world.until("it is not ready", |world| world.container("c")["ready"].as_bool() == Some(false));
    world.repair("pod/default/p");
    world.until("it is ready", |world| world.container("c")["ready"].as_bool() == Some(true));
    world.strike("pod/p", Fault::Crash);
    world.pass(Duration::millis(100));
    world.until("it was started again", |world| world.container("c")["restartCount"].as_i64() == Some(1));
    assert_eq!(world.container("c")["lastState"]["terminated"]["exitCode"].as_i64(), Some(137));
}

/// What a pod may take of the disk, what it does, and what the kubelet says of that.
const STORAGE: &[(&str, &str, &str, &str)] = &[
    (
        "emptyDir: {sizeLimit: 10Mi}",
        "",
        "dd if=/dev/zero of=/cache/f bs=1M count=20",
        "Usage of EmptyDir volume \"cache\" exceeds the limit \"10Mi\". ",
    ),
    (
        "emptyDir: {}",
        "resources: {limits: {ephemeral-storage: 1Gi}}",
        "fallocate -l 1100M /tmp/f",
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    ),
    (
        "emptyDir: {}",
        "resources: {limits: {ephemeral-storage: 1Gi}}",
        "fallocate -l 1100M /cache/f",
        "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ",
    ),
    ("emptyDir: {sizeLimit: 10Mi}", "", "dd if=/dev/zero of=/cache/f bs=1M count=10", ""),
    ("emptyDir: {sizeLimit: 10Mi}", "", "dd if=/dev/zero of=/tmp/f bs=1M count=20", ""),
];

#[test]
fn pods_that_take_too_much_of_the_disk_are_evicted() {
    for (volume, limits, script, why) in STORAGE {
        let mut world = World::new();
        world.pod(&format!(
            "volumes: [{{name: cache, {volume}}}]\ncontainers:\n- name: c\n  image: busybox\n  command: [sleep, infinity]\n  \
             volumeMounts: [{{name: cache, mountPath: /cache}}]\n  {limits}"
        ));
        world.until("it runs", |world| world.shown() == "Running");
        world.exec(&["sh", "-c", script]).unwrap();
        world.wait(15);
        let status = world.status();
        let told = (status["reason"].str(), status["message"].str());
        let wanted = if why.is_empty() { "" } else { "Evicted" };
        assert_eq!((told.0.as_str(), told.1.as_str()), (wanted, *why), "{script}: {}", world.story());
        let event = format!("Evicted: {why}");
        assert_eq!(world.events().contains(&event), !why.is_empty(), "{script}");
    }
}

#[test]
fn a_volume_of_memory_has_no_more_room_than_it_was_given() {
    let mut world = World::new();
    world.pod(
        "volumes: [{name: cache, emptyDir: {medium: Memory, sizeLimit: 4Mi}}]\ncontainers: [{name: c, image: busybox, \
         command: [sleep, infinity], volumeMounts: [{name: cache, mountPath: /cache}]}]",
    );
    world.until("it runs", |world| world.shown() == "Running");
    let said = world.exec(&["dd", "if=/dev/zero", "of=/cache/f", "bs=1M", "count=8"]).unwrap();
    assert_eq!(
        (said.exit_code, said.stderr.as_str()),
        (
            1,
            "dd: error writing '/cache/f': No space left on device\n5+0 records in\n4+0 records out\n4194304 bytes (4.0MB) copied, \
             0.1 seconds\n"
        )
    );
    let said = world.exec(&["du", "-sh", "/cache", "/cache/f"]).unwrap();
    assert_eq!(said.stdout.as_str(), "4.0M\t/cache\n4.0M\t/cache/f\n");
    let said = world.exec(&[
        "sh",
        "-c",
        "ls -l /cache | awk '{print $5}'; echo x > /cache/g; rm /cache/f; echo y > /cache/g; cat /cache/g",
    ]);
    assert_eq!(said.unwrap().stdout.as_str(), "\n4194304\ny\n");
    // Who could not write failed.
    let script = "rm /cache/g; dd if=/dev/zero of=/cache/f bs=1M count=8; echo x > /cache/g || echo no; cat /etc/hostname > /cache/h; echo $?; \
                  echo z; echo $?; set -e; echo x >> /cache/g; echo on";
    let said = world.exec(&["sh", "-c", script]).unwrap();
    assert_eq!((said.exit_code, said.stdout.as_str()), (1, "no\n1\nz\n0\n"), "{}", said.stderr);
    assert_eq!(said.stderr.matches("sh: write error: No space left on device").count(), 3, "{}", said.stderr);
    world.wait(15);
    assert_eq!(world.shown(), "Running", "memory is no disk");
}
