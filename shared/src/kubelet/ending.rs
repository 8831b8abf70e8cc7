//! The end of pods and containers: hooks, grace, and who goes first.

use crate::api::core::pod::Pod;
use crate::api::{Reason, Reply, Request, Status, Uid};
use crate::client::Severity;
use crate::doc::Str;
use crate::sim::{Context, CriCall, Duration, ProbeKind, ProbeResult, Timer};

use super::pod::{ContainerStage, ContainerState, Ending, PodStage, spec_at};
use super::probe::hook_action;
use super::status::works_done;
use super::{Kubelet, Pending, RETRY};

/// What a pod gets at least when it vanished from the API without a word, and a container after its hook took all.
const SHORTEST_GRACE: Duration = Duration::seconds(2);

impl Kubelet {
    /// The pod is gone from the API.
    pub(super) fn vanished(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        pod.gone = true;
        if matches!(pod.stage, PodStage::Deleting) {
            self.forget(uid);
            self.resize_waiting(cx);
        } else {
            self.terminate(uid, cx);
        }
    }

    /// Deletion was asked for: containers get their grace.
    pub(super) fn terminate(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let grace = self.object(uid).and_then(|object| match object.meta.deletion {
            Some(deletion) => Some(deletion.grace_seconds),
            None => object.view::<Pod>().map(|view| view.spec.grace_seconds),
        });
        let grace = grace.map_or(SHORTEST_GRACE, |seconds| Duration::seconds(seconds.max(0) as u64));
        self.terminate_within(uid, grace, cx);
    }

    /// The pod has to end, and its containers get so long for it.
    pub(super) fn terminate_within(&mut self, uid: Uid, grace: Duration, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let now = cx.now();
        match pod.stage {
            PodStage::Removing | PodStage::Deleting => return,
            PodStage::Terminating if pod.terminating.is_some_and(|(_, until)| now + grace >= until) => return,
            _ => {}
        }
        let since = pod.terminating.map_or(now, |(since, _)| since);
        pod.terminating = Some((since, now + grace));
        pod.stage = PodStage::Terminating;
        for container in &mut pod.containers {
            container.anew = false;
            let waits = !container.is_live() && !container.has_exited();
            if waits {
                container.stage =
                    if container.last.is_some() { ContainerStage::Exited } else { ContainerStage::Created };
            }
        }
        self.stop_containers(uid, cx);
        self.sync(uid, cx);
    }

    /// Ends what runs of a pod that terminates: hooks begin at once, and those that wait for others take their turns.
    pub(super) fn stop_containers(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some((_, until)) = self.pods.get(&uid).and_then(|pod| pod.terminating) else { return };
        self.end_all(uid, |_| true, until.since(cx.now()), cx);
    }

    fn end_all(&mut self, uid: Uid, of: fn(&ContainerState) -> bool, grace: Duration, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get(&uid) else { return };
        let live =
            (0u32..).zip(&pod.containers).filter(|(_, container)| container.is_live() && of(container));
        let live: Vec<(u32, Str)> = live.map(|(index, container)| (index, container.name.clone())).collect();
        for (index, name) in live {
            self.end_container(uid, index, grace, format!("Stopping container {name}"), cx);
            if matches!(self.pods[&uid].containers[index as usize].stopping, Some((_, Ending::Turn))) {
                self.take_turn(uid, index, cx);
            }
        }
    }

    /// A container that is to end and whose hook is over: it ends, or waits for those that may need it until then.
    fn take_turn(&mut self, uid: Uid, index: u32, cx: &mut Context<'_>) {
        let object = self.object(uid);
        let spec = object.as_ref().and_then(|object| Some(&object.view::<Pod>()?.spec));
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let ends = pod.terminating.is_some() || spec.is_some_and(|spec| works_done(pod, spec));
        let (waits, key) = (ends && pod.is_needed(index), pod.key.clone());
        let container = pod.at(index);
        let Some((until, ending)) = container.stopping else { return };
        let left = until.since(cx.now());
        if !waits || left == Duration::ZERO {
            container.stopping = Some((until, Ending::Asked));
            self.stop_container(uid, index, left.max(SHORTEST_GRACE), cx);
        } else if ending != Ending::Turn {
            container.stopping = Some((until, Ending::Turn));
            cx.timer(left, Timer::about("pod", key));
        }
    }

    /// Ends a container: its `preStop` hook first, then SIGTERM, and SIGKILL when the grace is over.
    pub(super) fn end_container(
        &mut self,
        uid: Uid,
        index: u32,
        grace: Duration,
        message: String,
        cx: &mut Context<'_>,
    ) {
        let object = self.object(uid);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let key = pod.key.clone();
        let container = pod.at(index);
        let until = cx.now() + grace;
        if let Some((before, ending)) = container.stopping {
            if until < before {
                container.stopping = Some((until, ending));
                match ending {
                    Ending::Hook | Ending::Turn => cx.timer(grace, Timer::about("pod", key)),
                    Ending::Asked => self.stop_container(uid, index, grace.max(SHORTEST_GRACE), cx),
                }
            }
            return;
        }
        let running = matches!(container.stage, ContainerStage::Running { .. });
        let (name, attempt) = (container.name.clone(), container.restarts);
        let view = object.as_ref().and_then(|object| object.view::<Pod>());
        let spec = view.map(|view| spec_at(&view.spec, index));
        let hook = spec.and_then(|spec| hook_action(&spec.doc["lifecycle"]["preStop"], spec));
        let hook = hook.filter(|_| running && grace > Duration::ZERO);
        container.stopping = Some((until, Ending::Hook));
        self.pod_event(uid, Some(index), Severity::Normal, "Killing", message, cx);
        match hook {
            Some(Err(why)) => self.hooked(uid, index, ProbeKind::PreStop, ProbeResult::Error(why), cx),
            Some(Ok(action)) => {
                cx.timer(grace, Timer::about("pod", key));
                let (kind, timeout_ms) = (ProbeKind::PreStop, grace.0);
                let call = CriCall::Probe { pod: uid, container: name, attempt, kind, action, timeout_ms };
                self.ask_runtime(call, cx);
            }
            None => self.take_turn(uid, index, cx),
        }
    }

    /// Ends a container that starts again, whatever its pod's restart policy says.
    pub(super) fn begin_anew(
        &mut self,
        uid: Uid,
        index: u32,
        grace: i64,
        message: String,
        cx: &mut Context<'_>,
    ) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        pod.at(index).anew = true;
        self.end_container(uid, index, Duration::seconds(grace.max(0) as u64), message, cx);
    }

    fn stop_container(&mut self, uid: Uid, index: u32, grace: Duration, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get(&uid) else { return };
        let container = pod.containers[index as usize].name.clone();
        self.ask_runtime(CriCall::StopContainer { pod: uid, container, grace_ms: grace.0 }, cx);
    }

    /// A hook has run, or could not.
    pub(super) fn hooked(
        &mut self,
        uid: Uid,
        index: u32,
        kind: ProbeKind,
        result: ProbeResult,
        cx: &mut Context<'_>,
    ) {
        let failed = matches!(result, ProbeResult::Failure(_) | ProbeResult::Error(_));
        let grace = self.object(uid).and_then(|object| Some(object.view::<Pod>()?.spec.grace_seconds));
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        match (kind, container.stopping) {
            (ProbeKind::PreStop, Some((_, Ending::Hook))) => {
                if failed {
                    let message = "PreStopHook failed";
                    self.pod_event(uid, Some(index), Severity::Warning, "FailedPreStopHook", message, cx);
                }
                self.take_turn(uid, index, cx);
            }
            (ProbeKind::PostStart, None) if failed => {
                container.hook_failed = true;
                let message = "PostStartHook failed";
                self.pod_event(uid, Some(index), Severity::Warning, "FailedPostStartHook", message, cx);
                let grace = Duration::seconds(grace.unwrap_or(30).max(0) as u64);
                self.end_container(uid, index, grace, "FailedPostStartHook".into(), cx);
            }
            (ProbeKind::PostStart, None) => self.comes_up(uid, index, cx),
            _ => {}
        }
    }

    /// Hooks that took all of the grace are not waited for, nor are others.
    pub(super) fn hooks_due(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let now = cx.now();
        let mut due = Vec::new();
        for (index, container) in (0u32..).zip(&mut pod.containers) {
            if let Some((until, Ending::Hook | Ending::Turn)) = container.stopping
                && until <= now
            {
                container.stopping = Some((until, Ending::Asked));
                due.push(index);
            }
        }
        due.into_iter().for_each(|index| self.stop_container(uid, index, SHORTEST_GRACE, cx));
    }

    /// The runtime lost what was asked of it: it is asked again.
    pub(super) fn stop_again(&mut self, uid: Uid, cx: &mut Context<'_>) {
        if let Some(pod) = self.pods.get_mut(&uid) {
            pod.containers.iter_mut().for_each(|container| container.stopping = None);
        }
        self.stop_containers(uid, cx);
    }

    pub(super) fn wind_down(&mut self, uid: Uid, cx: &mut Context<'_>) {
        self.stop_containers(uid, cx);
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        if pod.quiet() {
            pod.stage = PodStage::Removing;
            self.ask_runtime(CriCall::RemovePodSandbox { pod: uid }, cx);
        }
    }

    /// All work is done: sidecars end, the last one first.
    pub(super) fn end_sidecars(&mut self, uid: Uid, grace: i64, cx: &mut Context<'_>) {
        let grace = Duration::seconds(grace.max(0) as u64);
        self.end_all(uid, |container| container.sidecar, grace, cx);
    }

    /// A pod may have been active for longer than it may.
    pub(super) fn deadline_reached(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let limit = object.body["spec"]["activeDeadlineSeconds"].as_i64();
        let now = cx.timestamp();
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let over = limit.is_some_and(|limit| now.seconds() >= pod.start_time.seconds().saturating_add(limit));
        if !over || pod.terminating.is_some() || pod.stage == PodStage::Done {
            return;
        }
        let message = "Pod was active on the node longer than the specified deadline";
        pod.failed = Some(("DeadlineExceeded".into(), message.into()));
        self.pod_event(uid, None, Severity::Normal, "DeadlineExceeded", message, cx);
        self.terminate(uid, cx);
    }

    /// Nothing of the pod is left here: the API may forget it.
    pub(super) fn delete_from_api(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        // How it ended is reported first.
        let unreported = pod.writing || (pod.sent.is_null() && !pod.settled);
        if unreported || pod.asked || pod.stage != PodStage::Deleting {
            return;
        }
        pod.asked = true;
        let mut request = Request::delete(self.user.clone(), &pod.key);
        request.options.delete.grace_period_seconds = Some(0);
        request.options.delete.uid = Some(uid);
        let id = cx.request(request);
        self.requests.insert(id, Pending::Delete(uid));
    }

    pub(super) fn deleted(&mut self, uid: Uid, result: &Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        match result {
            Ok(_) => {}
            Err(status)
                if matches!(status.reason, Reason::NotFound | Reason::Conflict) && !status.transport =>
            {
                self.forget(uid);
            }
            Err(_) => {
                let Some(pod) = self.pods.get_mut(&uid) else { return };
                pod.asked = false;
                cx.timer(RETRY, Timer::about("delete", pod.key.clone()));
            }
        }
    }

    pub(super) fn forget(&mut self, uid: Uid) {
        if let Some(pod) = self.pods.remove(&uid)
            && self.by_key.get(&pod.key) == Some(&uid)
        {
            self.by_key.remove(&pod.key);
        }
        let configs = self.configs.split_off(&(uid, 0));
        self.configs.extend(configs.into_iter().filter(|((pod, _), _)| *pod != uid));
    }
}
