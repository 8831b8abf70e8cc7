//! What the machine has left of memory and disk, and what runs out of it.
//!
//! The kubelet is told when less than a threshold is left and when there is enough again; while all is well nobody asks.

use crate::api::Uid;
use crate::api::core::pod::qos_class;
use crate::collections::sort;
use crate::doc::{Doc, Str};
use crate::sim::{ContainerUsage, Context, CriEvent, Fault, Filled, Usage};

use super::container::KILLED;
use super::shell::Files;
use super::tasks::bytes_of;
use super::{Container, Runtime, Sandbox};

/// The disk of a machine, in bytes, and what the system takes of it.
const DISK: u64 = 100 << 30;
const SYSTEM_DISK: u64 = 5 << 30;
/// What the system takes of the memory: one part in so many.
const SYSTEM_MEMORY_PART: u64 = 20;
/// With less left the kubelet has something to do: its thresholds for memory (100 MiB) and for the disk (15 %).
const LOW_MEMORY: u64 = 100 << 20;
const LOW_DISK: u64 = DISK / 100 * 15;

impl Runtime {
    /// Something fills the machine's memory or disk until half of the kubelet's threshold is left, or lets go of it.
    pub fn fill(&mut self, what: Filled, full: bool, cx: &mut Context<'_>) {
        let (memory, disk) = self.left(cx);
        match what {
            Filled::Memory if full => self.filled.0 += memory.saturating_sub(LOW_MEMORY / 2),
            Filled::Disk if full => self.filled.1 += disk.saturating_sub(LOW_DISK / 3),
            Filled::Memory => self.filled.0 = 0,
            Filled::Disk => self.filled.1 = 0,
        }
        self.watch_pressure(cx);
    }

    /// A container leaks memory (up to its limit and beyond), or is mended.
    pub fn leak(&mut self, pod: Uid, full: bool, cx: &mut Context<'_>) {
        let capacity = capacity(self.machine, cx);
        let Some(sandbox) = self.sandboxes.get_mut(&pod) else { return };
        let mut starts = Vec::new();
        for container in sandbox.containers.iter_mut().filter(|container| !full || container.running()) {
            let limit = container.memory_limit().unwrap_or(capacity / 2);
            container.strike().filled = if full { limit + 1 } else { 0 };
            starts.push(container.number);
        }
        starts.into_iter().for_each(|start| self.check_memory(start, cx));
    }

    /// The containers of a pod are killed.
    pub fn crash(&mut self, pod: Uid, cx: &mut Context<'_>) {
        let containers = self.sandboxes.get(&pod).map(|sandbox| &sandbox.containers);
        let starts: Vec<u64> = containers.into_iter().flatten().map(|container| container.number).collect();
        starts.into_iter().for_each(|start| self.container_ends(start, KILLED, false, cx));
    }

    /// The probes of a pod's containers fail from now on, or no longer.
    pub fn fail_probes(&mut self, pod: Uid, fail: bool) {
        let sandbox = self.sandboxes.get_mut(&pod);
        for container in sandbox.into_iter().flat_map(|sandbox| &mut sandbox.containers) {
            container.strike().probes_fail = fail;
        }
    }

    /// The containers of a pod keep a core busy from now on, or no longer.
    pub fn burn(&mut self, pod: Uid, burn: bool, cx: &Context<'_>) {
        let now = cx.now();
        let sandbox = self.sandboxes.get_mut(&pod);
        for container in sandbox.into_iter().flat_map(|sandbox| &mut sandbox.containers) {
            container.burns(now, |struck| struck.burning = burn);
        }
    }

    /// What strikes a pod here now.
    pub fn struck(&self, pod: Uid) -> impl Iterator<Item = Fault> {
        let containers = || self.sandboxes.get(&pod).into_iter().flat_map(|sandbox| &sandbox.containers);
        [
            containers().any(|container| container.struck().filled > 0).then_some(Fault::FillMemory),
            containers().any(|container| container.struck().probes_fail).then_some(Fault::FailProbes),
            containers().any(|container| container.struck().burning).then_some(Fault::BurnCpu),
        ]
        .into_iter()
        .flatten()
    }

    /// What fills the machine: its memory, its disk.
    pub fn fills(&self) -> impl Iterator<Item = Fault> {
        let (memory, disk) = self.filled;
        [(memory, Fault::FillMemory), (disk, Fault::FillDisk)]
            .into_iter()
            .filter_map(|(bytes, fault)| (bytes > 0).then_some(fault))
    }

    /// Memory and disk that are left, in bytes.
    fn left(&self, cx: &Context<'_>) -> (u64, u64) {
        let capacity = capacity(self.machine, cx);
        let memory = self.memory_used + self.filled.0 + capacity / SYSTEM_MEMORY_PART;
        let images: u64 = self.cached.values().sum();
        (capacity.saturating_sub(memory), DISK.saturating_sub(SYSTEM_DISK + images + self.filled.1))
    }

    /// Tells the kubelet when the machine comes into trouble, and when out of it.
    pub(super) fn watch_pressure(&mut self, cx: &mut Context<'_>) {
        let (memory, disk) = self.left(cx);
        let low = (memory < LOW_MEMORY, disk < LOW_DISK);
        if low != self.low {
            self.low = low;
            self.tell_usage(cx);
        }
    }

    /// What is left, and who uses how much.
    pub(super) fn tell_usage(&self, cx: &mut Context<'_>) {
        let (memory_left, disk_left) = self.left(cx);
        let containers = self.sandboxes.iter().flat_map(|(&pod, sandbox)| {
            let running = sandbox.containers.iter().filter(|container| container.running());
            running.map(move |container| (pod, container))
        });
        let containers = containers.map(|(pod, container)| ContainerUsage {
            pod,
            container: container.name.clone(),
            memory: container.counted,
            disk: container.disk(),
        });
        let bounded = self.sandboxes.iter().filter(|(_, sandbox)| sandbox.over.is_some());
        let volumes = bounded.flat_map(|(&pod, sandbox)| {
            empty(sandbox).map(move |volume| {
                let name = volume["name"].str();
                let taken = sandbox.volumes.get(&name).map_or(0, Files::length);
                (pod, name, taken)
            })
        });
        let usage = Usage {
            memory_left,
            disk_left,
            disk: DISK,
            containers: containers.collect(),
            volumes: volumes.collect(),
        };
        self.tell(CriEvent::Usage(usage), cx);
    }

    /// Tells the kubelet when a pod begins to take more of the disk than it may.
    pub(super) fn watch_storage(&mut self, pod: Uid, cx: &mut Context<'_>) {
        let Some(sandbox) = self.sandboxes.get_mut(&pod) else { return };
        let Some(before) = sandbox.over else { return };
        let over = sandbox.takes_too_much();
        sandbox.over = Some(over);
        if over && !before {
            self.tell_usage(cx);
        }
    }

    /// Images that no container uses make room.
    pub(super) fn remove_unused_images(&mut self, cx: &mut Context<'_>) {
        let containers = self.sandboxes.values().flat_map(|sandbox| &sandbox.containers);
        let mut used: Vec<&Str> = containers.map(|container| &container.image).collect();
        sort(&mut used);
        let unused: Vec<Str> =
            self.cached.keys().filter(|image| used.binary_search(image).is_err()).cloned().collect();
        for image in &unused {
            self.cached.remove(image);
        }
        let (memory, disk) = self.left(cx);
        self.low = (memory < LOW_MEMORY, disk < LOW_DISK);
        self.tell(CriEvent::ImagesRemoved { images: unused }, cx);
        self.tell_usage(cx);
    }

    /// A container uses more or less memory than before: it may be killed for that, or bring the machine into trouble.
    pub(super) fn check_memory(&mut self, start: u64, cx: &mut Context<'_>) {
        let Some((pod, name)) = self.numbered.get(&start).cloned() else { return };
        let found = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&name));
        let Some(container) = found else { return };
        let uses = self.memory_of(container);
        if uses == container.counted {
            return;
        }
        let over = container.memory_limit().is_some_and(|limit| uses > limit);
        self.memory_used = (self.memory_used + uses).saturating_sub(container.counted);
        if let Some((_, container)) = self.numbered_mut(start) {
            container.counted = uses;
        }
        if over {
            self.container_ends(start, KILLED, true, cx);
        }
        self.kill_for_memory(cx);
        self.watch_pressure(cx);
    }

    /// The kernel ends what weighs most when there is no memory left at all.
    fn kill_for_memory(&mut self, cx: &mut Context<'_>) {
        let capacity = capacity(self.machine, cx);
        while self.left(cx).0 == 0 {
            let weights = self.sandboxes.values().flat_map(|sandbox| {
                let running = sandbox.containers.iter().filter(|container| container.running());
                running.map(|container| {
                    let score = oom_score(&sandbox.spec, container, capacity);
                    (score, container.number, container.name.clone())
                })
            });
            let Some((_, start, name)) = weights.max() else { return };
            self.container_ends(start, KILLED, true, cx);
            self.tell(CriEvent::OutOfMemory { program: name }, cx);
        }
    }

    /// The memory that was counted for what is gone.
    pub(super) fn uncount(&mut self, counted: u64, cx: &mut Context<'_>) {
        self.memory_used = self.memory_used.saturating_sub(counted);
        self.watch_pressure(cx);
    }
}

impl Container {
    /// What it wrote: files of its own and its log.
    fn disk(&self) -> u64 {
        let lines = self.log.lines().iter().map(|line| line.text.len() as u64);
        self.layer.length() + lines.sum::<u64>()
    }
}

/// The volumes of a pod that begin empty and take room on the disk.
fn empty(sandbox: &Sandbox) -> impl Iterator<Item = &Doc> {
    let volumes = sandbox.spec["volumes"].items().iter();
    volumes.filter(|volume| {
        !volume["emptyDir"].is_null() && volume["emptyDir"]["medium"].as_str() != Some("Memory")
    })
}

fn limit_of(container: &Doc) -> &Doc {
    container.at(&["resources", "limits", "ephemeral-storage"])
}

/// Whether a pod may take so much of the disk only.
pub(super) fn is_bounded(spec: &Doc) -> bool {
    spec["volumes"].items().iter().any(|volume| !volume["emptyDir"]["sizeLimit"].is_null())
        || spec["containers"].items().iter().any(|container| !limit_of(container).is_null())
}

impl Sandbox {
    fn takes_too_much(&self) -> bool {
        let beyond = |limit: &Doc, taken: u64| !limit.is_null() && taken > bytes_of(limit);
        let of = |volume: &Doc| self.volumes.get(&volume["name"].str()).map_or(0, Files::length);
        let limits = self.spec["containers"].items().iter().map(|container| bytes_of(limit_of(container)));
        let whole: u64 = limits.sum();
        let all = self.containers.iter().map(Container::disk).sum::<u64>() + empty(self).map(of).sum::<u64>();
        empty(self).any(|volume| beyond(&volume["emptyDir"]["sizeLimit"], of(volume)))
            || self.containers.iter().any(|container| beyond(limit_of(&container.doc), container.disk()))
            || whole > 0 && all > whole
    }
}

fn capacity(machine: u32, cx: &Context<'_>) -> u64 {
    u64::try_from(cx.core.machines[machine as usize].memory).unwrap_or(0)
}

/// How readily the kernel ends a container, by `oom_score_adj` and by what it uses: in thousandths of the machine's
/// memory.
fn oom_score(pod: &Doc, container: &Container, capacity: u64) -> i64 {
    let used = i64::try_from(container.counted).unwrap_or(i64::MAX);
    oom_score_adj(pod, &container.doc, capacity) + parts(used, capacity)
}

fn parts(bytes: i64, capacity: u64) -> i64 {
    bytes.saturating_mul(1000) / i64::try_from(capacity.max(1)).unwrap_or(i64::MAX)
}

/// What the kubelet sets for a container of a pod, given the specs of both.
pub(super) fn oom_score_adj(pod: &Doc, container: &Doc, capacity: u64) -> i64 {
    const NODE_CRITICAL: i64 = 2_000_001_000;
    if pod["priority"].as_i64().is_some_and(|priority| priority >= NODE_CRITICAL) {
        return -997;
    }
    match qos_class(pod) {
        "Guaranteed" => -997,
        "BestEffort" => 1000,
        _ => {
            let request = crate::api::bytes(&container["resources"]["requests"]["memory"]);
            (1000 - parts(request, capacity)).clamp(3, 999)
        }
    }
}
