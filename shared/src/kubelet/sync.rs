//! The pod lifecycle: what to do next with a pod, from what is known of it.

use std::ops::Range;
use std::sync::Arc;

use crate::api::core::pod::{Pod, PodSpec};
use crate::api::{Object, Uid};
use crate::client::{Delta, Severity, Wait};
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Core, CriCall, Duration, Timer, Variables};

use super::pod::{ContainerStage, ContainerState, PodStage, PodState, runs_again, spec_at};
use super::predicates::sysctl_refused;
use super::probe::failing;
use super::recover::{leave_ended, match_runtime, recall};
use super::status::{phase, pod_text, works_done};
use super::{Kubelet, finished};

/// From a failed pull to the next look at it, which finds it in back-off.
pub(super) const PULL_GLANCE: Duration = Duration::seconds(1);
/// Between attempts that have no back-off of their own.
pub(super) const RESYNC: Duration = Duration::seconds(10);

impl Kubelet {
    /// The API's view of a pod of this node changed.
    pub(super) fn pod_changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let new = delta.new.as_ref();
        if let Some(old) = &delta.old
            && new.is_none_or(|new| new.meta.uid != old.meta.uid)
        {
            self.vanished(old.meta.uid, cx);
        }
        let Some(object) = new else { return };
        let uid = object.meta.uid;
        match self.pods.get_mut(&uid) {
            // While the runtime does not say what it has, nothing new begins.
            None if self.listed => self.adopt(object, cx),
            None => {}
            Some(_) if object.meta.deleting() => self.terminate(uid, cx),
            Some(pod)
                if finished(object)
                    && matches!(pod.stage, PodStage::Waiting | PodStage::Sandbox | PodStage::Active) =>
            {
                // Somebody else says that it has ended: then it ends.
                pod.settled = true;
                self.terminate(uid, cx);
            }
            Some(_) => {
                self.meet_debuggers(object, cx);
                let before = delta.old.as_ref();
                if before.is_some_and(|old| old.meta.generation != object.meta.generation) {
                    self.respecified(before, object, cx);
                }
                self.insist(uid, cx);
            }
        }
    }

    /// Containers may have been put beside those that run.
    fn meet_debuggers(&mut self, object: &Object, cx: &mut Context<'_>) {
        let Some(view) = object.view::<Pod>() else { return };
        let wanted = &view.spec.ephemeral_containers;
        let Some(pod) = self.pods.get_mut(&object.meta.uid) else { return };
        let known = pod.containers.len() - (pod.inits + pod.mains) as usize;
        if wanted.len() > known {
            let new = wanted[known..].iter().map(|container| ContainerState::new(container.name.clone()));
            pod.containers.extend(new);
            self.sync(object.meta.uid, cx);
        }
    }

    /// Somebody changed what the pod is to be: its deadline may have moved, and its status tells that this was seen.
    fn respecified(&mut self, old: Option<&Arc<Object>>, new: &Arc<Object>, cx: &mut Context<'_>) {
        let deadline = |object: &Arc<Object>| object.body["spec"]["activeDeadlineSeconds"].as_i64();
        let uid = new.meta.uid;
        if old.and_then(deadline) != deadline(new) {
            self.begin_deadline(uid, cx);
        }
        if let Some(old) = old {
            self.resize(uid, &old.body["spec"], cx);
        }
        if self.pods[&uid].stage == PodStage::Active {
            self.sync(uid, cx);
        } else {
            self.report(uid, cx);
        }
    }

    /// Where somebody else (the node lifecycle controller) wrote the status, what is true goes back; and what others say of
    /// a pod may be what it waits for to be ready.
    pub(super) fn insist(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let ready = pod.conditions.holds("Ready");
        let news = object.meta.resource_version > pod.acknowledged && !pod.writing;
        if news && view.ready != ready {
            pod.sent = Doc::Null;
            self.report(uid, cx);
        } else if news && !object.body["spec"]["readinessGates"].is_empty() {
            self.report(uid, cx);
        }
    }

    /// A pod that this kubelet did not know: new, or from before its own start.
    pub(super) fn adopt(&mut self, object: &Arc<Object>, cx: &mut Context<'_>) {
        let Some(view) = object.view::<Pod>() else { return };
        let uid = object.meta.uid;
        let found = self.found.remove(&uid);
        let mut pod = PodState::new(object, view, cx.timestamp());
        let known = found.is_some() || !object.body["status"]["startTime"].is_null();
        let refusal = if known { None } else { self.refusal(object, view, cx) };
        self.by_key.insert(object.key.clone(), uid);
        let mut ends = object.meta.deleting();
        if finished(object) {
            pod.settled = true;
            pod.stage = PodStage::Done;
            if let Some(found) = &found {
                match_runtime(&mut pod, Some(found), cx);
                ends |= !pod.quiet();
                self.ask_runtime(CriCall::StopPodSandbox { pod: uid }, cx);
            }
            self.pods.insert(uid, pod);
        } else if let Some((reason, message)) = refusal {
            pod.stage = PodStage::Done;
            pod.rejected = Some((literal_reason(reason), format!("Pod was rejected: {message}").into()));
            self.pods.insert(uid, pod);
            self.pod_event(uid, None, Severity::Warning, reason, message, cx);
        } else {
            recall(&mut pod, object, cx);
            let came_up = match_runtime(&mut pod, found.as_ref(), cx);
            if found.is_none() {
                leave_ended(&mut pod, &view.spec);
                pod.lost = !object.body["status"]["podIP"].is_empty();
            }
            self.pods.insert(uid, pod);
            self.begin_deadline(uid, cx);
            for index in came_up {
                self.begin_probes(uid, index, cx);
                self.keep_readiness(uid, index, object);
            }
            // What its volumes are made of may have changed meanwhile.
            if self.pods[&uid].stage == PodStage::Active {
                self.volumes_ready(uid, cx);
            }
        }
        if ends {
            self.terminate(uid, cx);
        } else {
            self.sync(uid, cx);
        }
    }

    /// A pod that may be active for so long only is looked at again when that is over.
    fn begin_deadline(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(limit) = object.body["spec"]["activeDeadlineSeconds"].as_i64() else { return };
        let gone = cx.timestamp().seconds() - self.pods[&uid].start_time.seconds();
        let left = Duration::seconds(limit.saturating_sub(gone).max(0) as u64);
        cx.timer(left, Timer::about("deadline", object.key.clone()));
    }

    /// Why a pod does not fit on this node.
    fn refusal(&self, object: &Object, view: &Pod, cx: &Context<'_>) -> Option<(&'static str, String)> {
        if let Some(why) = self.pressure_refusal(object, view) {
            return Some(("Evicted", why));
        }
        if let Some(refused) = sysctl_refused(object) {
            return Some(refused);
        }
        let machine = &cx.core.machines[self.machine as usize];
        let (pods, cpu, memory) = self.held();
        let spec = &view.spec;
        let wanted = [
            ("OutOfpods", "pods", 1, pods, machine.pods),
            ("OutOfcpu", "cpu", spec.cpu_milli, cpu, machine.cpu_milli),
            ("OutOfmemory", "memory", spec.memory, memory, machine.memory),
        ];
        let lacking = wanted
            .into_iter()
            .find(|(_, _, wanted, used, capacity)| *wanted > 0 && used + wanted > *capacity);
        let lacking = lacking.map(|(reason, resource, wanted, used, capacity)| {
            let text = format!(
                "Node didn't have enough resource: {resource}, requested: {wanted}, used: {used}, capacity: {capacity}"
            );
            (reason, text)
        });
        lacking.or_else(|| self.failed_predicate(object))
    }

    /// Takes the next steps with a pod and reports how it is.
    pub(super) fn sync(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get(&uid) else { return };
        match pod.stage {
            PodStage::Waiting => self.make_sandbox(uid, cx),
            PodStage::Active => {
                self.hooks_due(uid, cx);
                self.advance(uid, cx);
            }
            PodStage::Terminating => {
                self.hooks_due(uid, cx);
                self.wind_down(uid, cx);
            }
            PodStage::Sandbox | PodStage::Removing | PodStage::Deleting | PodStage::Done => {}
        }
        self.report(uid, cx);
    }

    fn make_sandbox(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let network = self.node.has_network();
        if network && !self.volumes_ready(uid, cx) {
            return;
        }
        let Some(pod) = self.pods.get_mut(&uid).filter(|pod| pod.stage == PodStage::Waiting) else { return };
        if network {
            pod.stage = PodStage::Sandbox;
            let (key, lost) = (pod.key.clone(), std::mem::take(&mut pod.lost));
            if lost {
                let message = "Pod sandbox changed, it will be killed and re-created.";
                self.pod_event(uid, None, Severity::Normal, "SandboxChanged", message, cx);
            }
            let spec = self.object(uid).map(|object| object.body["spec"].clone()).unwrap_or_default();
            let pulls_with_secrets = !spec["imagePullSecrets"].is_empty();
            self.ask_runtime(CriCall::RunPodSandbox { pod: uid, key, spec }, cx);
            if pulls_with_secrets {
                self.read_pull_secret(uid, 0, Vec::new(), cx);
            }
            self.give_volumes(uid, cx);
        } else if !std::mem::replace(&mut pod.complained, true) {
            let message = "network is not ready: container runtime network not ready: NetworkReady=false \
                           reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized";
            self.pod_event(uid, None, Severity::Warning, "NetworkNotReady", message, cx);
        }
    }

    /// Looks after the containers of a pod that has its sandbox.
    fn advance(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let spec = &view.spec;
        let Some(pod) = self.pods.get(&uid) else { return };
        let (inits, mains, count) = (pod.inits, pod.mains, pod.containers.len() as u32);
        let any_down = pod.containers.iter().any(is_down_by_hook);
        let over = works_done(pod, spec);
        let mut index = 0;
        // Each init container waits for the one before it; sidecars go on beside those that follow.
        let initialized = self.pods[&uid].initialized();
        while index < inits && !over {
            let sidecar = pod_at(self, uid, index).is_some_and(|container| container.sidecar);
            if sidecar || !initialized {
                self.step(uid, index, spec, cx);
            }
            if !initialized && !self.pods.get(&uid).is_some_and(|pod| pod.has_passed(index)) {
                break;
            }
            index += 1;
        }
        if index == inits && !over {
            self.begin_mains(uid, inits..inits + mains, any_down, spec, cx);
        }
        if !over {
            (inits + mains..count).for_each(|index| self.step(uid, index, spec, cx));
        }
        if over {
            self.end_sidecars(uid, spec.grace_seconds, cx);
        }
        if let Some(pod) = self.pods.get_mut(&uid)
            && phase(pod, spec).is_terminal()
            && pod.quiet()
        {
            pod.stage = PodStage::Done;
            self.ask_runtime(CriCall::StopPodSandbox { pod: uid }, cx);
        }
    }

    /// One after the other: the next one begins when the one before it was started, or could not be. What its hook
    /// brought down comes after those that it held up.
    fn begin_mains(
        &mut self,
        uid: Uid,
        mains: Range<u32>,
        any_down: bool,
        spec: &PodSpec,
        cx: &mut Context<'_>,
    ) {
        let passes: &[bool] = if any_down { &[false, true] } else { &[false] };
        for &down in passes {
            for index in mains.clone() {
                if any_down && pod_at(self, uid, index).map(is_down_by_hook) != Some(down) {
                    continue;
                }
                self.step(uid, index, spec, cx);
                if pod_at(self, uid, index).is_some_and(ContainerState::is_being_started) {
                    return;
                }
            }
        }
    }

    /// The next step of one container, if it is time for one.
    fn step(&mut self, uid: Uid, index: u32, spec: &PodSpec, cx: &mut Context<'_>) {
        let now = cx.now();
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let (init, once) = (index < pod.inits, pod.is_ephemeral(index));
        let container = pod.at(index);
        let outdated = container.is_outdated(spec_at(spec, index));
        match container.stage.clone() {
            ContainerStage::Created => self.begin(uid, index, spec, cx),
            // What another image did is not held against this one.
            ContainerStage::PullFailed { until, .. }
            | ContainerStage::ConfigFailed { until, .. }
            | ContainerStage::BackOff { until, .. }
                if until <= now || outdated =>
            {
                self.begin(uid, index, spec, cx);
            }
            ContainerStage::Running { .. } if outdated && container.stopping.is_none() => {
                let message = match (init, container.sidecar) {
                    (true, false) => return,
                    (true, true) => format!("Init container {} definition changed", container.name),
                    _ => format!("Container {} definition changed, will be restarted", container.name),
                };
                self.begin_anew(uid, index, spec.grace_seconds, message, cx);
            }
            ContainerStage::PullFailed { which, reason: "ErrImagePull", message, since, until }
                if since + PULL_GLANCE <= now =>
            {
                self.pull_backs_off(uid, index, which, message, (since, until), cx);
            }
            ContainerStage::Exited => {
                let code = container.last.as_ref().map_or(0, |last| last.exit_code);
                if container.sidecar || !once && runs_again(spec, index, code) {
                    self.start_again(uid, index, spec, cx);
                }
            }
            _ => {}
        }
    }

    /// A container ended and has to run again: at once, or after its back-off.
    fn start_again(&mut self, uid: Uid, index: u32, spec: &PodSpec, cx: &mut Context<'_>) {
        // How it ended is reported before anything covers it.
        self.report(uid, cx);
        let now = cx.now();
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let key = pod.key.clone();
        let text = pod_text(pod);
        let container = pod.at(index);
        let ended = container.last.as_ref().map_or(now, |last| last.at);
        let name = container.name.clone();
        container.waited = None;
        if container.is_outdated(spec_at(spec, index)) {
            return self.begin(uid, index, spec, cx);
        }
        match container.crash.after_crash(ended) {
            Some(wait) if ended + wait > now => {
                let until = ended + wait;
                container.waited = Some(wait);
                container.stage = ContainerStage::BackOff { wait, since: now, until };
                let message = format!("Back-off restarting failed container {name} in pod {text}");
                cx.note("CrashLoopBackOff", Some(key.clone()), || {
                    format!("{name} starts again in {wait}").into()
                });
                self.pod_event(uid, Some(index), Severity::Warning, "BackOff", message, cx);
                cx.timer(until.since(now), Timer::about("pod", key));
            }
            _ => self.begin(uid, index, spec, cx),
        }
    }

    /// Everything a container needs is there: start it.
    pub(super) fn launch(
        &mut self,
        uid: Uid,
        index: u32,
        doc: Doc,
        env: Arc<Variables>,
        cx: &mut Context<'_>,
    ) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        container.restarts += u32::from(container.last.is_some());
        container.stopping = None;
        container.stage = ContainerStage::Starting { since: cx.now() };
        container.probes.clear();
        (container.started, container.ready, container.unhealthy) = (false, false, false);
        let words = doc["command"].items().iter().chain(doc["args"].items());
        // `$(NAME)` in them stands for a variable's value.
        let words = words.map(|word| super::env::expand(&word.str(), &env).unwrap_or_else(|| word.str()));
        let command: Vec<Str> = words.collect();
        let call = CriCall::StartContainer {
            pod: uid,
            container: container.name.clone(),
            image: container.image.clone(),
            attempt: container.restarts,
            env,
            command,
            doc,
        };
        self.pod_event(uid, Some(index), Severity::Normal, "Created", literal!("Container created"), cx);
        self.ask_runtime(call, cx);
    }
}

fn is_down_by_hook(container: &ContainerState) -> bool {
    container.hook_failed && container.has_exited()
}

fn pod_at(kubelet: &Kubelet, uid: Uid, index: u32) -> Option<&ContainerState> {
    kubelet.pods.get(&uid)?.containers.get(index as usize)
}

fn literal_reason(reason: &'static str) -> Str {
    crate::doc::intern(reason)
}

/// What a pod waits for on purpose.
pub(super) fn waits(pod: &PodState, core: &Core) -> Vec<Wait> {
    let wait = |name, since, until| Wait { name, object: pod.key.clone(), since, until };
    let mut waits: Vec<Wait> = pod
        .containers
        .iter()
        .filter_map(|container| match container.stage {
            ContainerStage::BackOff { since, until, .. } => Some(wait("crashLoopBackOff", since, until)),
            ContainerStage::PullFailed { since, until, .. } => Some(wait("imagePullBackOff", since, until)),
            ContainerStage::ConfigFailed { since, until, .. } => Some(wait("configRetry", since, until)),
            ContainerStage::Starting { since } => {
                Some(wait("containerStart", since, since + core.options.container_start))
            }
            _ => None,
        })
        .collect();
    let probes = pod.containers.iter().flat_map(failing).filter(|(.., until)| *until > core.now);
    waits.extend(probes.map(|(probe, since, until)| wait(probe, since, until)));
    match (pod.stage, pod.terminating, pod.volumes.retry) {
        (PodStage::Terminating, Some((since, until)), _) => {
            waits.push(wait("terminationGrace", since, until));
        }
        (PodStage::Waiting | PodStage::Active, None, Some((since, until))) => {
            waits.push(wait("mountRetry", since, until));
        }
        _ => {}
    }
    waits
}
