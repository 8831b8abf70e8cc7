//! What the container runtime tells the kubelet.

use crate::api::core::pod::Pod;
use crate::api::{Kind, Uid};
use crate::client::Severity;
use crate::doc::{Str, Timestamp, literal};
use crate::sim::{
    ContainerEnd, Context, CriCall, CriEvent, Duration, ListedContainer, ListedPod, ProbeKind, ProbeResult,
    Timer,
};

use super::pod::{ContainerStage, PodStage, Termination, spec_at};
use super::probe::hook_action;
use super::recover::match_runtime;
use super::{Kubelet, date};

impl Kubelet {
    pub(super) fn cri(&mut self, event: CriEvent, cx: &mut Context<'_>) {
        match event {
            CriEvent::Listed { boot, pods, images } => self.runtime_listed(boot, pods, images, cx),
            CriEvent::SandboxReady { pod, ip } => {
                if let Some(state) = self.pods.get_mut(&pod).filter(|state| state.stage == PodStage::Sandbox)
                {
                    state.ip = Some(ip);
                    state.stage = PodStage::Active;
                    self.sync(pod, cx);
                }
            }
            CriEvent::SandboxFailed { pod, why } => self.sandbox_failed(pod, &why, cx),
            CriEvent::FilesRead { pod, container, files } => self.files_read(pod, &container, files, cx),
            CriEvent::ImageReady { pod, container, image, bytes, pull_ms, total_ms } => {
                self.image_ready(pod, &container, image, bytes, (pull_ms, total_ms), cx);
            }
            CriEvent::ImageFailed { pod, container, why } => {
                if let Some((index, which)) = self.pulling(pod, &container) {
                    self.pull_failed(pod, index, which, why, cx);
                    self.report(pod, cx);
                }
            }
            CriEvent::ContainerStarted { pod, container, attempt } => {
                self.note_found(pod, &container, attempt, |listed| listed.started = Some(cx.now()));
                self.container_started(pod, &container, attempt, cx);
            }
            CriEvent::ContainerExited { pod, container, attempt, end } => {
                self.note_found(pod, &container, attempt, |listed| {
                    listed.exited = Some((end.clone(), cx.now()))
                });
                self.container_exited(pod, &container, attempt, &end, cx);
            }
            CriEvent::ContainerFailed { pod, container, attempt, why } => {
                self.not_started(pod, &container, attempt, why, cx);
            }
            CriEvent::SandboxRemoved { pod } => self.sandbox_removed(pod, cx),
            CriEvent::Probed { pod, container, attempt, kind, result } => {
                self.probed(pod, &container, attempt, kind, result, cx);
            }
            CriEvent::Usage(usage) => self.usage_told(&usage, cx),
            CriEvent::ImagesRemoved { images } => {
                for image in images {
                    self.images.remove(&image);
                }
            }
            CriEvent::OutOfMemory { program } => {
                let message = format!("System OOM encountered, victim process: {program}");
                self.node_event(Severity::Warning, "SystemOOM", message, cx);
            }
            CriEvent::Served { call, reply } => self.served(call, reply, cx),
        }
    }

    fn runtime_listed(
        &mut self,
        boot: u32,
        pods: Vec<ListedPod>,
        images: Vec<(Str, u64)>,
        cx: &mut Context<'_>,
    ) {
        self.listed = true;
        self.runtime_lost_calls(cx);
        for (image, bytes) in images {
            self.learn_image(image, bytes);
        }
        self.found = pods.into_iter().map(|pod| (pod.pod, pod)).collect();
        self.runtime_up(boot, cx);
        // A kubelet that ran before the runtime went away knows some of these pods.
        let known: Vec<Uid> = self.pods.keys().copied().collect();
        known.into_iter().for_each(|uid| self.listed_again(uid, cx));
        let objects: Vec<_> = self.informers.cache(Kind::Pod).values().cloned().collect();
        for object in
            objects.iter().filter(|object| !self.pods.contains_key(&object.meta.uid)).collect::<Vec<_>>()
        {
            self.adopt(object, cx);
        }
        if self.informers.synced() {
            self.remove_orphans(cx);
        }
    }

    /// What was asked of the runtime before it went away may not have reached it: it is asked again.
    fn listed_again(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let found = self.found.remove(&uid);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        match pod.stage {
            PodStage::Done if found.is_some() => {
                self.ask_runtime(CriCall::StopPodSandbox { pod: uid }, cx);
                return;
            }
            PodStage::Done => return,
            _ => {}
        }
        let came_up = match_runtime(pod, found.as_ref(), cx);
        // A probe that still fails has it restarted again.
        pod.containers.iter_mut().for_each(|container| {
            container.unhealthy = false;
            container.stopping = None;
        });
        match pod.stage {
            PodStage::Removing => self.ask_runtime(CriCall::RemovePodSandbox { pod: uid }, cx),
            PodStage::Terminating => self.stop_again(uid, cx),
            _ => {}
        }
        came_up.into_iter().for_each(|index| self.begin_probes(uid, index, cx));
        self.sync(uid, cx);
    }

    /// What runs here and is in the API no more has to go.
    pub(super) fn remove_orphans(&mut self, cx: &mut Context<'_>) {
        for uid in std::mem::take(&mut self.found).into_keys() {
            self.ask_runtime(CriCall::RemovePodSandbox { pod: uid }, cx);
        }
    }

    fn sandbox_failed(&mut self, uid: Uid, why: &str, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid).filter(|pod| pod.stage == PodStage::Sandbox) else { return };
        pod.stage = PodStage::Waiting;
        let key = pod.key.clone();
        let message = format!("Failed to create pod sandbox: {why}");
        self.pod_event(uid, None, Severity::Warning, "FailedCreatePodSandBox", message, cx);
        cx.timer(super::sync::RESYNC, Timer::about("pod", key));
    }

    /// The container that waits for an image, and for which of those that it needs.
    fn pulling(&self, uid: Uid, name: &str) -> Option<(u32, u32)> {
        let pod = self.pods.get(&uid)?;
        let index = pod.position(name)?;
        match pod.containers[index as usize].stage {
            ContainerStage::Pulling { which, .. } => Some((index, which)),
            _ => None,
        }
    }

    fn image_ready(
        &mut self,
        uid: Uid,
        name: &str,
        image: Str,
        bytes: u64,
        (pull_ms, total_ms): (u64, u64),
        cx: &mut Context<'_>,
    ) {
        self.learn_image(image.clone(), bytes);
        let Some((index, which)) = self.pulling(uid, name) else { return };
        let (pull, total) = (Duration::millis(pull_ms), Duration::millis(total_ms));
        let message = format!(
            "Successfully pulled image \"{image}\" in {pull} ({total} including waiting). Image size: {bytes} bytes."
        );
        let whose = self.needs_for(uid, index, which);
        self.pod_event(uid, whose, Severity::Normal, "Pulled", message, cx);
        if let Some(pod) = self.pods.get_mut(&uid) {
            pod.at(index).pull.reset();
        }
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        match self.pods[&uid].containers[index as usize].is_outdated(spec_at(&view.spec, index)) {
            true => self.begin(uid, index, &view.spec, cx),
            false => self.obtain(uid, index, &view.spec, which + 1, cx),
        }
        self.report(uid, cx);
    }

    fn container_started(&mut self, uid: Uid, name: &str, attempt: u32, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let Some(index) = pod.position(name) else { return };
        let container = pod.at(index);
        if container.restarts != attempt || !matches!(container.stage, ContainerStage::Starting { .. }) {
            return;
        }
        let name = container.name.clone();
        self.pod_event(uid, Some(index), Severity::Normal, "Started", literal!("Container started"), cx);
        self.resized(uid, cx);
        let object = self.object(uid);
        let view = object.as_ref().and_then(|object| object.view::<Pod>());
        let spec = view.map(|view| spec_at(&view.spec, index));
        let kind = ProbeKind::PostStart;
        match spec.and_then(|spec| hook_action(&spec.doc["lifecycle"]["postStart"], spec)) {
            // Until its hook has run it does not count as up.
            Some(Err(why)) => self.hooked(uid, index, kind, ProbeResult::Error(why), cx),
            Some(Ok(action)) => {
                let call = CriCall::Probe { pod: uid, container: name, attempt, kind, action, timeout_ms: 0 };
                self.ask_runtime(call, cx);
            }
            None => self.comes_up(uid, index, cx),
        }
    }

    /// A container is up.
    pub(super) fn comes_up(&mut self, uid: Uid, index: u32, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        if matches!(container.stage, ContainerStage::Starting { .. }) {
            container.stage = ContainerStage::Running { since: cx.now() };
            container.hook_failed = false;
            self.begin_probes(uid, index, cx);
            self.sync(uid, cx);
        }
    }

    /// Its program could not be started.
    fn not_started(&mut self, uid: Uid, name: &str, attempt: u32, why: Str, cx: &mut Context<'_>) {
        let (now, date) = (cx.now(), date(cx.now(), cx));
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let Some(index) = pod.position(name) else { return };
        let container = pod.at(index);
        if container.restarts != attempt || !container.is_live() {
            return;
        }
        container.ended(Termination {
            exit_code: 128,
            reason: "StartError",
            started: Timestamp::default(),
            finished: date,
            id: crate::runtime::container_id(uid, name, attempt),
            message: why.clone(),
            at: now,
        });
        self.pod_event(uid, Some(index), Severity::Warning, "Failed", format!("Error: {why}"), cx);
        self.sync(uid, cx);
    }

    /// The runtime reports a container of a pod that the API server has not shown yet, after a restart of this kubelet.
    fn note_found(&mut self, uid: Uid, name: &str, attempt: u32, change: impl FnOnce(&mut ListedContainer)) {
        let found =
            self.found.get_mut(&uid).and_then(|pod| pod.containers.iter_mut().find(|c| c.name == name));
        if let Some(listed) = found.filter(|listed| listed.attempt == attempt) {
            change(listed);
        }
    }

    fn container_exited(
        &mut self,
        uid: Uid,
        name: &str,
        attempt: u32,
        end: &ContainerEnd,
        cx: &mut Context<'_>,
    ) {
        let now = cx.now();
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let Some(index) = pod.position(name) else { return };
        let id = crate::runtime::container_id(pod.uid, name, attempt);
        let container = pod.at(index);
        if container.restarts != attempt || !container.is_live() {
            return;
        }
        let since = match container.stage {
            ContainerStage::Running { since } => since,
            _ => now,
        };
        container.ended(Termination::of(end, id, (date(since, cx), date(now, cx)), now));
        self.sync(uid, cx);
    }

    fn sandbox_removed(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let deleting = self.object(uid).is_some_and(|object| object.meta.deleting());
        let Some(pod) = self.pods.get_mut(&uid).filter(|pod| pod.stage == PodStage::Removing) else { return };
        pod.stage = if deleting { PodStage::Deleting } else { PodStage::Done };
        if pod.gone {
            self.forget(uid);
        } else {
            let evicted = pod.failed.is_some();
            self.report(uid, cx);
            self.delete_from_api(uid, cx);
            if evicted {
                self.evicted(cx);
            }
        }
    }
}
