//! After a restart: what the API and the runtime tell of pods that an earlier life of the kubelet looked after.

use crate::api::Object;
use crate::api::core::pod::PodSpec;
use crate::sim::{Context, ListedPod};

use super::date;
use super::pod::{ContainerStage, ContainerState, PodStage, PodState, Termination};
use super::status::phase;

/// How a container ended when nobody was there to see it.
const UNSEEN: &str = "Unknown";

/// What an earlier life of this kubelet reported: how often containers were restarted, how they ended.
pub(super) fn recall(pod: &mut PodState, object: &Object, cx: &Context<'_>) {
    let status = &object.body["status"];
    let reported = status["initContainerStatuses"].items().iter().chain(status["containerStatuses"].items());
    for report in reported {
        let Some(index) = pod.position(&report["name"].str()) else { continue };
        if report["containerID"].is_empty() {
            continue;
        }
        let state = &report["state"];
        let began = state["running"]["startedAt"].as_time();
        let ended = [state, &report["lastState"]].into_iter().map(|state| &state["terminated"]);
        let ended = ended.filter(|_| began.is_none()).find(|ended| !ended.is_null());
        let now = cx.timestamp().floor_seconds();
        let container = pod.at(index);
        container.restarts =
            report["restartCount"].as_i64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0);
        // 255: nobody was there to see how it ended.
        let (exit_code, started, finished) = match ended {
            Some(ended) => (
                ended["exitCode"].as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(255),
                ended["startedAt"].as_time().unwrap_or(now),
                ended["finishedAt"].as_time().unwrap_or(now),
            ),
            None => (255, began.unwrap_or(now), now),
        };
        let reason = match (ended, exit_code) {
            (None, _) => UNSEEN,
            (_, 0) => "Completed",
            (Some(ended), _) if ended["reason"].as_str() == Some("OOMKilled") => "OOMKilled",
            _ => "Error",
        };
        let id = report["containerID"].str();
        let message = ended.map_or(crate::doc::Str::new(), |ended| ended["message"].str());
        let last = Termination { exit_code, reason, started, finished, id, message, at: cx.now() };
        container.last = Some(Box::new(last));
    }
}

/// The machine lost its power with the pod's sandbox: containers that are not to run again stay as they ended.
pub(super) fn leave_ended(pod: &mut PodState, spec: &PodSpec) {
    let (inits, rest) = pod.containers.split_at_mut(pod.inits as usize);
    let mains = &mut rest[..pod.mains as usize];
    let ended = |container: &ContainerState, well: bool| {
        container.last.as_ref().is_some_and(|last| !well || last.exit_code == 0)
    };
    let stay = match spec.restart_policy.as_str() {
        // One sandbox is all that such a pod gets.
        "Never" if mains.iter().any(|container| ended(container, false)) => {
            mains.iter_mut().for_each(|container| container.stage = ContainerStage::Exited);
            true
        }
        "Never" => true,
        "OnFailure" => {
            for container in mains.iter_mut().filter(|container| ended(container, true)) {
                container.stage = ContainerStage::Exited;
            }
            mains.iter().all(ContainerState::has_exited)
        }
        _ => false,
    };
    if stay {
        for container in inits.iter_mut().filter(|container| ended(container, false)) {
            container.stage = ContainerStage::Exited;
        }
    }
    if phase(pod, spec).is_terminal() {
        pod.stage = PodStage::Active;
    }
}

/// Brings what is remembered of a pod in line with what the runtime has of it; the answer is which containers came up
/// meanwhile.
pub(super) fn match_runtime(pod: &mut PodState, found: Option<&ListedPod>, cx: &Context<'_>) -> Vec<u32> {
    let mut came_up = Vec::new();
    pod.ip = found.map(|found| found.ip);
    if matches!(pod.stage, PodStage::Waiting | PodStage::Sandbox | PodStage::Active) {
        pod.stage = if found.is_some() { PodStage::Active } else { PodStage::Waiting };
    }
    for (index, container) in (0u32..).zip(&mut pod.containers) {
        let listed =
            found.and_then(|found| found.containers.iter().find(|listed| listed.name == container.name));
        let Some(listed) = listed else {
            let waits =
                matches!(container.stage, ContainerStage::BackOff { .. } | ContainerStage::PullFailed { .. });
            if !waits {
                container.stage = ContainerStage::Created;
            }
            continue;
        };
        container.restarts = listed.attempt;
        container.image = listed.image.clone();
        match (&listed.exited, listed.started) {
            (Some((end, at)), started) => {
                let id = crate::runtime::container_id(pod.uid, &container.name, listed.attempt);
                let known = |last: &Termination| last.id == id && last.reason != UNSEEN;
                if !container.last.as_deref().is_some_and(known) || container.is_live() {
                    let moments = (date(started.unwrap_or(*at), cx), date(*at, cx));
                    container.last = Some(Box::new(Termination::of(end, id, moments, *at)));
                }
                if !matches!(container.stage, ContainerStage::BackOff { .. }) {
                    container.stage = ContainerStage::Exited;
                }
            }
            (None, Some(since)) => {
                // It never ended: what was guessed of its end is not so.
                if container.last.as_ref().is_some_and(|last| last.reason == UNSEEN) {
                    container.last = None;
                }
                if !matches!(container.stage, ContainerStage::Running { .. }) {
                    came_up.push(index);
                }
                container.stage = ContainerStage::Running { since };
            }
            (None, None) => container.stage = ContainerStage::Starting { since: cx.now() },
        }
    }
    came_up
}
