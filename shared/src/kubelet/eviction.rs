//! The eviction manager: what the kubelet does when its machine runs out of memory or disk.

use std::cmp::Reverse;

use crate::api::core::pod::Pod;
use crate::api::{Object, Uid, bytes};
use crate::client::Severity;
use crate::codec::Codec;
use crate::collections::sort;
use crate::doc::{Doc, Str};
use crate::sim::{Context, CriCall, Duration, Time, Timer, Usage};

use super::Kubelet;
use super::pod::PodStage;

/// Between two looks at what is left.
const INTERVAL: Duration = Duration::seconds(10);
/// How long a condition stays after its reason has gone.
const TRANSITION: Duration = Duration::seconds(300);
/// What a pod that has to go gets for it.
const GRACE: Duration = Duration::seconds(1);
/// From this priority on pods stay.
const CRITICAL: i64 = 2_000_000_000;
const MEMORY_THRESHOLD: u64 = 100 << 20;

/// What runs out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Resource {
    Memory,
    Disk,
}

/// What the eviction manager remembers.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Pressure {
    /// Since when, and when it was last seen, for memory and disk.
    seen: [Option<(Time, Time)>; 2],
    /// Whether it looks regularly.
    watching: bool,
    /// Whether unused images were removed since the last eviction.
    cleaned: bool,
}

impl Pressure {
    /// Whether it looks regularly.
    pub fn is_watching(&self) -> bool {
        self.watching
    }

    /// Since when there is pressure.
    pub fn since(&self, resource: Resource) -> Option<Time> {
        self.seen[resource as usize].map(|(since, _)| since)
    }
}

impl Resource {
    fn name(self) -> &'static str {
        match self {
            Resource::Memory => "memory",
            Resource::Disk => "ephemeral-storage",
        }
    }

    /// The names of the node's condition and of the Events at its beginning and end.
    fn words(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Resource::Memory => ("MemoryPressure", ["NodeHasInsufficientMemory", "NodeHasSufficientMemory"]),
            Resource::Disk => ("DiskPressure", ["NodeHasDiskPressure", "NodeHasNoDiskPressure"]),
        }
    }
}

impl Kubelet {
    /// The machine is in trouble or out of it: the eviction manager looks at its next turn.
    pub(super) fn usage_told(&mut self, usage: &Usage, cx: &mut Context<'_>) {
        if std::mem::replace(&mut self.pressure.watching, true) {
            self.judge_usage(usage, cx);
        } else {
            let wait = self.node.heartbeat.next.since(cx.now()).min(INTERVAL);
            cx.timer(wait, Timer::named("eviction"));
        }
    }

    /// It is time to look.
    pub(super) fn look_at_usage(&mut self, cx: &mut Context<'_>) {
        self.ask_runtime(CriCall::Stats, cx);
        cx.timer(INTERVAL, Timer::named("eviction"));
    }

    fn judge_usage(&mut self, usage: &Usage, cx: &mut Context<'_>) {
        let now = cx.now();
        let nodefs = usage.disk / 10;
        let imagefs = usage.disk / 100 * 15;
        let disk = if usage.disk_left < nodefs { nodefs } else { imagefs };
        let measured = [
            (Resource::Memory, usage.memory_left, MEMORY_THRESHOLD),
            (Resource::Disk, usage.disk_left, disk),
        ];
        for (resource, left, threshold) in measured {
            let before = self.pressure.seen[resource as usize];
            let after = match before {
                _ if left < threshold => Some((before.map_or(now, |(since, _)| since), now)),
                Some((_, last)) if now.since(last) >= TRANSITION => None,
                other => other,
            };
            self.pressure.seen[resource as usize] = after;
            if before.is_some() != after.is_some() {
                let (_, [begins, ends]) = resource.words();
                let reason = if after.is_some() { begins } else { ends };
                self.node_is_now(reason, cx);
                self.node.touch();
                self.post_if_changed(cx);
            }
        }
        self.evict_for_storage(usage, cx);
        if self.pressure.seen == [None, None] {
            // All is well again, and stays so until the runtime says otherwise.
            self.pressure = Pressure::default();
            return;
        }
        let met = measured.into_iter().find(|(_, left, threshold)| left < threshold);
        if let Some((resource, left, threshold)) = met {
            self.reclaim(resource, (left, threshold), usage, cx);
        }
    }

    fn reclaim(&mut self, resource: Resource, amounts: (u64, u64), usage: &Usage, cx: &mut Context<'_>) {
        // One at a time: what was told to go has to be gone first.
        let leaving = |pod: &super::PodState| {
            pod.failed.as_ref().is_some_and(|(reason, _)| reason == "Evicted")
                && !matches!(pod.stage, PodStage::Done)
        };
        if self.pods.values().any(leaving) {
            return;
        }
        let message = format!("Attempting to reclaim {}", resource.name());
        self.node_event(Severity::Warning, "EvictionThresholdMet", message, cx);
        if resource == Resource::Disk && !std::mem::replace(&mut self.pressure.cleaned, true) {
            return self.ask_runtime(CriCall::RemoveUnusedImages, cx);
        }
        self.pressure.cleaned = false;
        let ranked = self.ranked(resource, usage);
        if let Some((uid, object)) = ranked.into_iter().next() {
            let message = eviction_message(resource, amounts, uid, &object, usage);
            self.evict(uid, message.into(), cx);
        }
    }

    /// The pods that may have to go, the first one first: those that use more than they asked for, then those of lower
    /// priority, then those that use more beyond what they asked for.
    fn ranked(&self, resource: Resource, usage: &Usage) -> Vec<(Uid, std::sync::Arc<Object>)> {
        let mut ranked = Vec::new();
        for pod in self.pods.values() {
            let running = pod.terminating.is_none() && !matches!(pod.stage, PodStage::Done);
            let Some(object) = self.object(pod.uid).filter(|_| running) else { continue };
            let Some(view) = object.view::<Pod>() else { continue };
            if view.spec.priority >= CRITICAL {
                continue;
            }
            let of_pod = usage.containers.iter().filter(|container| container.pod == pod.uid);
            let uses: u64 =
                of_pod.map(|it| if resource == Resource::Memory { it.memory } else { it.disk }).sum();
            let asked = match resource {
                Resource::Memory => view.spec.memory,
                Resource::Disk => {
                    crate::api::core::pod::requested(&object.body["spec"], resource.name(), bytes, 0)
                }
            };
            let over = i64::try_from(uses).unwrap_or(i64::MAX).saturating_sub(asked);
            ranked.push(((over <= 0, view.spec.priority, Reverse(over)), pod.uid));
        }
        sort(&mut ranked);
        ranked.into_iter().filter_map(|(_, uid)| Some((uid, self.object(uid)?))).collect()
    }

    /// Pods that took more of the disk than they may have to go, whether or not there is enough of it.
    fn evict_for_storage(&mut self, usage: &Usage, cx: &mut Context<'_>) {
        let running = self
            .pods
            .values()
            .filter(|pod| pod.terminating.is_none() && !matches!(pod.stage, PodStage::Done));
        let over: Vec<(Uid, String)> = running
            .filter_map(|pod| Some((pod.uid, storage_message(&*self.object(pod.uid)?, pod.uid, usage)?)))
            .collect();
        over.into_iter().for_each(|(uid, message)| self.evict(uid, message.into(), cx));
    }

    fn evict(&mut self, uid: Uid, message: Str, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        pod.failed = Some(("Evicted".into(), message.clone()));
        self.pod_event(uid, None, Severity::Warning, "Evicted", message, cx);
        self.terminate_within(uid, GRACE, cx);
    }

    /// A pod that was told to go is gone: perhaps that was enough.
    pub(super) fn evicted(&mut self, cx: &mut Context<'_>) {
        if self.pressure.watching {
            self.ask_runtime(CriCall::Stats, cx);
        }
    }

    /// Why a node under pressure does not take a pod.
    pub(super) fn pressure_refusal(&self, object: &Object, view: &Pod) -> Option<String> {
        if view.spec.priority >= CRITICAL {
            return None;
        }
        let tolerates =
            |key: &str| view.spec.tolerations.iter().any(|it| it.tolerates(key, "", "NoSchedule"));
        let best_effort = object.body["status"]["qosClass"].as_str() == Some("BestEffort");
        let memory = self.pressure.since(Resource::Memory).is_some()
            && best_effort
            && !tolerates("node.kubernetes.io/memory-pressure");
        let disk =
            self.pressure.since(Resource::Disk).is_some() && !tolerates("node.kubernetes.io/disk-pressure");
        let resource = if disk { Resource::Disk } else { Resource::Memory };
        (memory || disk).then(|| format!("The node had condition: [{}]. ", resource.words().0))
    }
}

/// Which of its limits of the disk a pod exceeds: that of a volume, of all it has, of a container.
fn storage_message(object: &Object, uid: Uid, usage: &Usage) -> Option<String> {
    let spec = &object.body["spec"];
    if object.view::<Pod>()?.spec.priority >= CRITICAL {
        return None;
    }
    let beyond =
        |limit: &Doc, taken: u64| !limit.is_null() && i64::try_from(taken).unwrap_or(i64::MAX) > bytes(limit);
    let volumes = || usage.volumes.iter().filter(|(pod, ..)| *pod == uid);
    for volume in spec["volumes"].items() {
        let (name, limit) = (volume["name"].str(), &volume["emptyDir"]["sizeLimit"]);
        if volumes().any(|(_, known, taken)| *known == name && beyond(limit, *taken)) {
            return Some(format!(
                "Usage of EmptyDir volume \"{name}\" exceeds the limit \"{}\". ",
                limit.str()
            ));
        }
    }
    let containers = || usage.containers.iter().filter(|container| container.pod == uid);
    let limit_of = |container: &Doc| container.at(&["resources", "limits", "ephemeral-storage"]).clone();
    let limits = spec["containers"].items().iter().map(limit_of);
    let whole: i64 = limits.filter(|limit| !limit.is_null()).map(|limit| bytes(&limit)).sum();
    let taken = volumes().map(|(.., taken)| taken).sum::<u64>() + containers().map(|it| it.disk).sum::<u64>();
    if whole > 0 && i64::try_from(taken).unwrap_or(i64::MAX) > whole {
        let whole = binary(u64::try_from(whole).unwrap_or(0));
        return Some(format!(
            "Pod ephemeral local storage usage exceeds the total limit of containers {whole}. "
        ));
    }
    spec["containers"].items().iter().find_map(|container| {
        let (name, limit) = (container["name"].str(), limit_of(container));
        let over = containers().any(|used| used.container == name && beyond(&limit, used.disk));
        over.then(|| {
            format!("Container {name} exceeded its local ephemeral storage limit \"{}\". ", limit.str())
        })
    })
}

fn eviction_message(
    resource: Resource,
    (left, threshold): (u64, u64),
    uid: Uid,
    object: &Object,
    usage: &Usage,
) -> String {
    let name = resource.name();
    let mut message = format!(
        "The node was low on resource: {name}. Threshold quantity: {}, available: {}. ",
        binary(threshold),
        binary(left)
    );
    for used in usage.containers.iter().filter(|container| container.pod == uid) {
        let specs = object.body["spec"]["containers"].items();
        let spec = specs.iter().find(|spec| spec["name"].as_str() == Some(used.container.as_str()));
        let asked = spec.map_or(0, |spec| bytes(&spec["resources"]["requests"][name]));
        let uses = if resource == Resource::Memory { used.memory } else { used.disk };
        if i64::try_from(uses).unwrap_or(i64::MAX) > asked {
            message.push_str(&format!(
                "Container {} was using {}, request is {}, has larger consumption of {name}. ",
                used.container,
                binary(uses),
                binary(u64::try_from(asked).unwrap_or(0))
            ));
        }
    }
    message
}

/// `100Mi`: bytes as quantities are printed.
fn binary(mut amount: u64) -> String {
    let mut suffix = "";
    for next in ["Ki", "Mi", "Gi", "Ti"] {
        if amount == 0 || !amount.is_multiple_of(1024) {
            break;
        }
        (amount, suffix) = (amount / 1024, next);
    }
    format!("{amount}{suffix}")
}
