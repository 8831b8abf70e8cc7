//! Container runtime: pulls images, runs containers (small simulated programs), gives pods their addresses (CNI).
//!
//! The daemon itself may be down while its containers run on: packets reach them all the same, and when it is back
//! it takes up their timers again.

mod account;
mod bytes;
mod caller;
mod container;
mod contest;
mod guestbook;
pub mod host;
mod image;
mod lifecycle;
mod logs;
mod metrics;
mod pressure;
mod pull;
mod serve;
mod server;
mod shell;
mod streams;
mod tasks;

use crate::api::Uid;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::client::Input;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::Str;
use crate::network::Ending;
use crate::sim::{
    Body, Context, CriCall, CriEvent, ListedContainer, ListedPod, Packet, PacketStep, Process, Signer, Timer,
};

pub use account::{Bearer, ROOT_CA, is_account_volume};
pub use bytes::{bytes_of_text, text_of_bytes};
pub use caller::{Asker, Call, Caller};
pub use container::{Container, KILLED, LONGEST_ARGUMENT, Program, Sandbox, Stage};
pub use image::{
    Found, ImageSpec, Images, container_id, full_reference, image_id, is_valid_reference, reference_fault,
};
pub use logs::{Log, LogLine};
pub use pull::Pull;

/// The container runtime of one machine.
#[derive(Codec, Clone, Debug)]
pub struct Runtime {
    machine: u32,
    /// What makes the tokens of pods' accounts.
    signer: Signer,
    images: Arc<Images>,
    /// Images on disk, with their sizes.
    cached: BTreeMap<Str, u64>,
    /// First address and size of the node's pod network, once known.
    network: Option<(u32, u32)>,
    /// Where the search for a free address begins: addresses are not used again at once.
    next_address: u32,
    addresses: BTreeSet<u32>,
    sandboxes: BTreeMap<Uid, Sandbox>,
    by_address: BTreeMap<u32, Uid>,
    pulls: BTreeMap<u64, Pull>,
    /// Containers by the number of their start.
    numbered: BTreeMap<u64, (Uid, Str)>,
    calls: BTreeMap<u64, Call>,
    /// Readers that follow a log: the number of the call, the start of the container and how they want it.
    followers: BTreeMap<u64, logs::Follower>,
    /// Programs that run in containers, by number.
    tasks: BTreeMap<u64, tasks::Running>,
    /// Requests of theirs under way: by the number of the packet, whose.
    asked: BTreeMap<u64, tasks::Asked>,
    /// Requests that wait for what others answer, by number.
    dials: BTreeMap<u64, tasks::Dialling>,
    /// Connections from outside to programs, by their names.
    streams: BTreeMap<Str, streams::Stream>,
    /// Requests from outside to ports of pods, by the number of the packet.
    forwards: BTreeMap<u64, streams::Forward>,
    /// Directories of the machine that pods share, one after the other or at once: claims and host paths.
    disks: BTreeMap<Str, shell::Files>,
    /// How requests for sources of traffic ended.
    heard: Vec<(Str, Ending)>,
    /// Memory that containers use, in bytes.
    memory_used: u64,
    /// Memory and disk that something else fills.
    filled: (u64, u64),
    /// Whether the kubelet knows that memory or disk run out.
    low: (bool, bool),
    last_number: u64,
    boot: u32,
    /// CPU time of containers that have ended, in nanoseconds.
    ended_cpu_nanos: u64,
    /// What the metrics-servers here know, by the number of their container's start.
    scrapers: BTreeMap<u64, metrics::Scraper>,
    /// Where the volumes of the container that was started last are: those of the next may be there, too.
    mounted: tasks::Mounted,
    #[codec(skip)]
    pages: lifecycle::Pages,
}

impl Hash for Runtime {
    /// Everything but the catalogue, which all machines share and the cluster hashes once.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.machine, &self.cached, self.network, self.next_address, &self.addresses).hash(state);
        (&self.sandboxes, &self.by_address, &self.pulls, &self.numbered).hash(state);
        (&self.calls, &self.followers, &self.tasks, &self.asked, &self.disks).hash(state);
        (&self.dials, &self.streams, &self.forwards).hash(state);
        (self.memory_used, self.filled, self.low).hash(state);
        (&self.heard, self.last_number, self.boot).hash(state);
        (self.ended_cpu_nanos, &self.scrapers).hash(state);
    }
}

impl Runtime {
    /// The runtime of a machine with an empty image cache.
    pub fn new(machine: u32, images: &Arc<Images>, signer: Signer) -> Runtime {
        Runtime {
            machine,
            signer,
            images: Arc::clone(images),
            cached: BTreeMap::new(),
            network: None,
            next_address: 0,
            addresses: BTreeSet::new(),
            sandboxes: BTreeMap::new(),
            by_address: BTreeMap::new(),
            pulls: BTreeMap::new(),
            numbered: BTreeMap::new(),
            calls: BTreeMap::new(),
            followers: BTreeMap::new(),
            tasks: BTreeMap::new(),
            asked: BTreeMap::new(),
            dials: BTreeMap::new(),
            streams: BTreeMap::new(),
            forwards: BTreeMap::new(),
            disks: BTreeMap::new(),
            heard: Vec::new(),
            memory_used: 0,
            filled: (0, 0),
            low: (false, false),
            last_number: 0,
            boot: 1,
            ended_cpu_nanos: 0,
            scrapers: BTreeMap::new(),
            mounted: tasks::Mounted::default(),
            pages: lifecycle::Pages::default(),
        }
    }

    /// From now on this is the catalogue.
    pub fn look_in(&mut self, images: &Arc<Images>) {
        self.images = Arc::clone(images);
    }

    /// The pods that have a sandbox here, by UID.
    pub fn sandboxes(&self) -> &BTreeMap<Uid, Sandbox> {
        &self.sandboxes
    }

    /// Pulls under way.
    pub fn pulls(&self) -> impl Iterator<Item = &Pull> {
        self.pulls.values()
    }

    /// Images on disk with their sizes in bytes.
    pub fn cached(&self) -> &BTreeMap<Str, u64> {
        &self.cached
    }

    /// What the catalogue says of an image.
    pub fn image(&self, image: &str) -> Found<'_> {
        self.images.find(image)
    }

    /// The kubelet asks.
    pub fn call(&mut self, call: CriCall, cx: &mut Context<'_>) {
        match call {
            CriCall::List => self.list(cx),
            CriCall::UpdateRuntimeConfig { pod_cidr } => self.network = parse_cidr(&pod_cidr),
            CriCall::RunPodSandbox { pod, key, spec } => self.run_sandbox(pod, key, spec, cx),
            CriCall::SetVolume { pod, volume, files } => self.set_volume(pod, volume, files),
            CriCall::ReadFiles { pod, container, files } => self.read_files(pod, container, files, cx),
            CriCall::PullImage { pod, container, image } => self.pull(pod, container, image, cx),
            CriCall::StartContainer { .. } => self.start_container(call, cx),
            CriCall::StopContainer { pod, container, grace_ms } => {
                self.stop_container(pod, &container, grace_ms, cx)
            }
            CriCall::UpdateContainerResources { pod, container, resources } => {
                let sandbox = self.sandboxes.get_mut(&pod);
                if let Some(container) = sandbox.and_then(|sandbox| sandbox.container_mut(&container)) {
                    container.doc.set("resources", resources);
                }
            }
            CriCall::StopPodSandbox { pod } => self.stop_sandbox(pod),
            CriCall::RemovePodSandbox { pod } => self.remove_sandbox(pod, cx),
            CriCall::Probe { .. } => self.probe(call, cx),
            CriCall::Stats => self.tell_usage(cx),
            CriCall::RemoveUnusedImages => self.remove_unused_images(cx),
            CriCall::ReadLog { call, pod, attempt, options } => {
                self.read_log(call, pod, attempt, options, cx)
            }
            CriCall::Exec { call, pod, options } => self.exec(call, pod, &options, cx),
            CriCall::Attach { call, pod, options } => self.attach(call, pod, &options, cx),
            CriCall::Input { call, stream, input } => self.stream_input(call, &stream, input, cx),
            CriCall::PortForward { call, pod, port, text } => self.port_forward(call, pod, port, &text, cx),
        }
    }

    /// Handles one input: a timer of its own or a packet for one of its pods.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match input {
            Input::Start => self.resume(cx),
            Input::Timer(timer) => self.timer(&timer, cx),
            Input::Packet(packet) => self.packet(packet, cx),
            Input::Response(..) => self.nodes_listed(input, cx),
            _ => {}
        }
    }

    /// The machine lost power: containers are gone, cached images stay on disk.
    pub fn power_lost(&mut self) {
        self.boot += 1;
        self.network = None;
        self.addresses.clear();
        self.sandboxes.clear();
        self.by_address.clear();
        self.pulls.clear();
        self.numbered.clear();
        self.calls.clear();
        self.followers.clear();
        self.tasks.clear();
        self.asked.clear();
        self.dials.clear();
        self.streams.clear();
        self.forwards.clear();
        self.memory_used = 0;
        self.filled.0 = 0;
        self.low = (false, false);
        self.ended_cpu_nanos = 0;
        self.scrapers.clear();
    }

    fn fresh_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    fn tell(&self, event: CriEvent, cx: &mut Context<'_>) {
        cx.send(Process::Kubelet(self.machine), Body::CriEvent(event));
    }

    fn timer(&mut self, timer: &Timer, cx: &mut Context<'_>) {
        match timer.name {
            "pulled" => self.pulled(timer.number, cx),
            "up" => self.container_up(timer.number, cx),
            "exit" => self.container_due(timer.number, cx),
            "call" => self.call_next(timer.number, cx),
            "task" => self.task_due(timer.number, cx),
            "check" => self.check_over(timer.number, cx),
            "dial" => self.dial_on(timer.number, cx),
            "no reply" => self.task_answered(timer.number, shell::Answer::TimedOut, cx),
            "no answer" => self.no_answer(timer.number, cx),
            "forward" => self.forward_answered(timer.number, None, cx),
            "scrape" => self.scrape(timer.number, cx),
            _ => {}
        }
    }

    fn packet(&mut self, packet: Packet, cx: &mut Context<'_>) {
        if self.asked.contains_key(&packet.number) {
            return self.task_packet(packet, cx);
        }
        if self.forwards.contains_key(&packet.number)
            && let PacketStep::Answer { status, .. } = packet.step
        {
            return self.forward_answered(packet.number, Some((status, packet.text)), cx);
        }
        match packet.step.clone() {
            PacketStep::ToPod { ip, port } => self.serve(&packet, ip, port, cx),
            PacketStep::Resolved(answer) => {
                let port = answer.services.first().map_or(0, |(port, _)| *port);
                self.resolved(&packet, &answer.ips, port, cx);
            }
            PacketStep::Answer { status, detail } => {
                self.call_ended(packet.number, &Ending::of(status, &detail), cx);
            }
            PacketStep::ToService { .. } | PacketStep::Lookup { .. } => {}
        }
    }

    pub(super) fn list(&self, cx: &mut Context<'_>) {
        let container = |container: &Container| {
            let (started, exited) = match container.stage {
                Stage::Starting { .. } => (None, None),
                Stage::Running { since, .. } => (Some(since), None),
                Stage::Exited { started, at, .. } => (Some(started), Some((container.end.clone(), at))),
            };
            let (name, image) = (container.name.clone(), container.image.clone());
            ListedContainer { name, image, attempt: container.attempt, started, exited }
        };
        let pods = self.sandboxes.iter().map(|(&pod, sandbox)| ListedPod {
            pod,
            ip: sandbox.ip,
            containers: sandbox.containers.iter().map(container).collect(),
        });
        let images = self.cached.iter().map(|(image, &bytes)| (image.clone(), bytes)).collect();
        self.tell(CriEvent::Listed { boot: self.boot, pods: pods.collect(), images }, cx);
        if self.low != (false, false) {
            self.tell_usage(cx);
        }
    }
}

/// First address and number of addresses of `10.244.1.0/24`.
fn parse_cidr(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let address: std::net::Ipv4Addr = address.parse().ok()?;
    let length: u32 = length.parse().ok().filter(|length| (8..=30).contains(length))?;
    Some((address.into(), 1 << (32 - length)))
}

#[cfg(test)]
mod tests;
