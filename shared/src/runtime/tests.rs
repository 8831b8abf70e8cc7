//! How a runtime behaves towards its kubelet.

use crate::api::{Key, Kind, Uid};
use crate::doc::{Doc, Timestamp};
use crate::sim::{Core, Machine, Options, Payload, Signer, Trace};

use super::*;

/// A runtime alone in the world: what it says to its kubelet is collected.
struct World {
    core: Core,
    runtime: Runtime,
}

impl World {
    fn new() -> World {
        let machine = Machine {
            name: "node-0".into(),
            zone: Str::new(),
            cpu_milli: 4000,
            memory: 8 << 30,
            pods: 110,
            resources: BTreeMap::new(),
            labels: BTreeMap::new(),
            taints: Doc::Null,
            made: BTreeMap::new(),
            powered: true,
        };
        let options = Options::default();
        let signer = Signer::of(0, &options);
        let mut core = Core::new(Timestamp::default(), options, signer, vec![machine], Trace::new(0));
        for process in [Process::Cni(0), Process::Runtime(0)] {
            core.start(process, crate::sim::Causes::none());
        }
        let mut world =
            World { core, runtime: Runtime::new(0, &Arc::new(Images::new(&BTreeMap::new())), signer) };
        world.call(CriCall::UpdateRuntimeConfig { pod_cidr: "10.244.7.0/24".into() });
        assert!(matches!(world.hear(), CriEvent::Listed { .. }), "it says that it is there");
        world
    }

    fn call(&mut self, call: CriCall) {
        let causes = crate::sim::Causes::none();
        self.runtime.call(call, &mut Context { core: &mut self.core, me: Process::Runtime(0), causes });
    }

    /// Lets time pass until the runtime says something.
    fn hear(&mut self) -> CriEvent {
        loop {
            let (at, event) = self.core.queue.pop().expect("the runtime says something");
            self.core.now = at;
            let causes = event.causes.clone();
            let mut cx = Context { core: &mut self.core, me: Process::Runtime(0), causes };
            match event.payload {
                Payload::Arrive(message) => match message.body {
                    Body::CriEvent(event) => return event,
                    _ => continue,
                },
                Payload::Timer(timer) => self.runtime.handle(Input::Timer(timer), &mut cx),
                Payload::Start if event.to != Process::Runtime(0) => continue,
                Payload::Start => self.runtime.handle(Input::Start, &mut cx),
                Payload::Command(_) => {}
            }
        }
    }

    fn start(&mut self, pod: Uid, image: &str, attempt: u32) {
        let key = Key::new(Kind::Pod, "default", "web");
        self.call(CriCall::RunPodSandbox { pod, key, spec: Doc::Null });
        self.call(CriCall::StartContainer {
            pod,
            container: "app".into(),
            image: image.into(),
            attempt,
            env: Arc::default(),
            command: Vec::new(),
            doc: Doc::Null,
        });
    }
}

#[test]
fn addresses_come_from_the_node_and_are_not_used_again_at_once() {
    let mut world = World::new();
    let mut ips = Vec::new();
    for pod in (1..=3).map(Uid::new) {
        let key = Key::new(Kind::Pod, "default", "web");
        world.call(CriCall::RunPodSandbox { pod, key, spec: Doc::Null });
        let CriEvent::SandboxReady { ip, .. } = world.hear() else { panic!("a sandbox") };
        ips.push(std::net::Ipv4Addr::from(ip).to_string());
        world.call(CriCall::RemovePodSandbox { pod });
        assert_eq!(world.hear(), CriEvent::SandboxRemoved { pod });
    }
    assert_eq!(ips, ["10.244.7.2", "10.244.7.3", "10.244.7.4"]);
}

#[test]
fn a_crashing_image_crashes_after_its_time() {
    let mut world = World::new();
    world.start(Uid::new(1), "todo-api:v1.2", 0);
    assert!(matches!(world.hear(), CriEvent::SandboxReady { .. }));
    assert!(matches!(world.hear(), CriEvent::ContainerStarted { .. }));
    let up = world.core.now;
    let CriEvent::ContainerExited { end, attempt: 0, .. } = world.hear() else { panic!("an end") };
    assert_eq!(end.exit_code, 1);
    // One millisecond on the way to the kubelet, each time.
    assert_eq!(world.core.now.since(up).as_seconds(), 5);
}

#[test]
fn a_container_obeys_sigterm_or_is_killed_at_its_grace() {
    for (grace_ms, code, after) in [(30_000, 0, 1000), (200, KILLED, 200)] {
        let mut world = World::new();
        world.start(Uid::new(1), "nginx", 0);
        while !matches!(world.hear(), CriEvent::ContainerStarted { .. }) {}
        let asked = world.core.now;
        world.call(CriCall::StopContainer { pod: Uid::new(1), container: "app".into(), grace_ms });
        let CriEvent::ContainerExited { end, .. } = world.hear() else { panic!("an end") };
        assert_eq!((end.exit_code, world.core.now.since(asked).0), (code, after + 1));
    }
}

#[test]
fn unknown_tags_fail_and_pulls_take_turns() {
    let mut world = World::new();
    for (pod, image) in [(1, "todo-api:v1.0"), (2, "nginx"), (3, "todo-api:nope")] {
        let pod = Uid::new(pod);
        world.call(CriCall::PullImage { pod, container: "app".into(), image: image.into() });
    }
    let CriEvent::ImageReady { pull_ms, total_ms, bytes, .. } = world.hear() else { panic!("an image") };
    assert_eq!((pull_ms, total_ms, bytes), (1900, 1900, 48_000_000));
    let CriEvent::ImageReady { pull_ms, total_ms, .. } = world.hear() else { panic!("an image") };
    assert_eq!((pull_ms, total_ms), (2700, 4600));
    let CriEvent::ImageFailed { pod, why, .. } = world.hear() else { panic!("a failure") };
    assert_eq!(pod, Uid::new(3));
    assert!(why.ends_with("docker.io/library/todo-api:nope: not found"), "{why}");
}

#[test]
fn power_loss_takes_containers_and_leaves_images() {
    let mut world = World::new();
    world.call(CriCall::PullImage { pod: Uid::new(1), container: "app".into(), image: "nginx".into() });
    world.hear();
    world.start(Uid::new(1), "nginx", 0);
    world.hear();
    world.runtime.power_lost();
    world.call(CriCall::List);
    loop {
        if let CriEvent::Listed { boot, pods, images } = world.hear() {
            assert_eq!((boot, pods.len(), images.len()), (2, 0, 1));
            return;
        }
    }
}
