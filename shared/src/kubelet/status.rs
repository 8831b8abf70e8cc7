//! What a kubelet reports of a pod: phase, conditions, container statuses.

use crate::api::core::pod::{Phase, Pod, PodSpec};
use crate::api::{Object, PatchKind, Request, Subresource, Uid};
use crate::doc;
use crate::doc::{Doc, Entries, Str, Timestamp, literal};
use crate::runtime::{container_id, full_reference};
use crate::sim::{Context, hash_of};

use super::node::Image;
use super::pod::{ContainerStage, ContainerState, PodStage, PodState, Termination, runs_again, spec_at};
use super::{Kubelet, Pending};

impl Kubelet {
    /// Writes the pod's status unless the API has it already; one write at a time.
    pub(super) fn report(&mut self, uid: Uid, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let (images, host) = (&self.images, &self.host);
        let silent = |pod: &PodState| pod.gone || pod.settled || pod.writing;
        let Some(pod) = self.pods.get_mut(&uid).filter(|pod| !silent(pod)) else { return };
        let gates = unmet_gates(&object);
        // Most inputs change nothing of a status, and making one is dear.
        let basis = hash_of(&(
            (pod.stage, pod.ip, pod.start_time, &pod.containers, pod.terminating),
            (&pod.rejected, &pod.failed, &pod.allocated, &pod.unmet, pod.resizing),
            (object.meta.generation, self.address, images.len() as u64, &gates),
        )) as u64;
        if pod.basis == basis && !pod.sent.is_null() {
            return;
        }
        pod.basis = basis;
        let status = status(pod, &object, (view, gates), host, |image| images.get(image), cx);
        let mut patch = news(&pod.sent, &object.body["status"], &status);
        if patch.entries().is_empty() && !pod.sent.is_null() {
            return;
        }
        let own = |name: &&str| OWN.contains(name) || types(&status).any(|known| known == *name);
        if types(&status).ne(types(&pod.sent).filter(own)) {
            patch.set(literal!("$setElementOrder/conditions"), order_of_conditions(&object, &status));
        }
        pod.sent = status;
        pod.writing = true;
        let known_ip = &object.body["status"]["podIP"];
        if !known_ip.is_null() && *known_ip != patch["podIP"] && !patch["podIPs"].is_null() {
            // Lists of addresses merge: another address has to take the place of the old one.
            patch.at_mut(&["podIPs"]).edit_items().push(doc!({ "$patch": "replace" }));
        }
        // Another pod may have taken the name.
        let patch = doc!({ "metadata": { "uid": uid.text() }, "status": patch });
        let request = Request::patch(self.user.clone(), &object.key, PatchKind::Strategic, patch);
        let id = cx.request(request.on(Subresource::Status));
        self.requests.insert(id, Pending::Status(uid));
    }
}

/// What a status says that the one sent before it did not: that is all that goes over the wire.
fn news(sent: &Doc, stored: &Doc, status: &Doc) -> Doc {
    let fields = status.entries().iter().filter(|(field, value)| sent[field.as_str()] != *value);
    let fields = fields.filter_map(|(field, value)| {
        let known = sent[field.as_str()].items();
        let value = match field.as_str() {
            // Conditions merge one by one, other lists are one value.
            "conditions" => {
                let stays = |gone: &&Doc| value.items().iter().any(|item| item["type"] == gone["type"]);
                // Those of others stay as they are.
                let gone = known
                    .iter()
                    .filter(|item| {
                        !stays(item) && item["type"].as_str().is_some_and(|name| OWN.contains(&name))
                    })
                    .map(|item| doc!({ "$patch": "delete", "type": item["type"].clone() }));
                let news = value.items().iter().filter(|item| !known.contains(item));
                let before = if sent.is_null() { stored["conditions"].items() } else { known };
                let told: Vec<Doc> = news.map(|item| outspoken(item, before)).chain(gone).collect();
                if told.is_empty() {
                    return None;
                }
                Doc::from(told)
            }
            _ => value.clone(),
        };
        Some((field.clone(), value))
    });
    Doc::Map(fields.collect())
}

/// A condition that takes away what an earlier one said and it does not.
fn outspoken(condition: &Doc, before: &[Doc]) -> Doc {
    let Some(before) = before.iter().find(|before| before["type"] == condition["type"]) else {
        return condition.clone();
    };
    let mut outspoken = condition.clone();
    for field in ["message", "reason"] {
        if condition[field].is_null() && !before[field].is_null() {
            outspoken.set(field, Doc::Null);
        }
    }
    outspoken
}

/// Whether what is stored says all of what was sent.
pub(super) fn is_kept(sent: &Doc, stored: &Doc) -> bool {
    sent.entries().iter().all(|(field, value)| {
        let kept = &stored[field.as_str()];
        match field.as_str() {
            // They mostly stand where they stood.
            "conditions" => (0..).zip(value.items()).all(|(at, item)| {
                let kept = kept.items();
                kept.get(at).is_some_and(|kept| kept == item) || kept.contains(item)
            }),
            _ => kept == value,
        }
    })
}

/// The conditions that only kubelets set.
const OWN: [&str; 6] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "PodResizePending",
    "PodResizeInProgress",
];
/// The conditions that kubelets keep, as they have them in order.
const KEPT: [&str; 5] =
    ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];

fn types(status: &Doc) -> impl Iterator<Item = &str> {
    status["conditions"].items().iter().filter_map(|condition| condition["type"].as_str())
}

/// In which order conditions stand: those of others come first.
fn order_of_conditions(object: &Object, status: &Doc) -> Doc {
    let mut order: Vec<&str> = types(&object.body["status"]).filter(|name| !KEPT.contains(name)).collect();
    let own = types(status).filter(|name| !KEPT.contains(name)).collect::<Vec<_>>();
    order.extend(own);
    order.dedup();
    Doc::list(order.into_iter().chain(KEPT).map(|name| doc!({ "type": name })))
}

fn failed(container: &ContainerState) -> bool {
    container.last.as_ref().is_none_or(|last| last.exit_code != 0)
}

/// Whether no container but sidecars will run again.
pub(super) fn works_done(pod: &PodState, spec: &PodSpec) -> bool {
    let rests = |(index, container): (u32, &ContainerState)| {
        let code = || container.last.as_ref().map_or(0, |last| last.exit_code);
        container.has_exited() && !runs_again(spec, index, code())
    };
    let hopeless = |(index, container): (u32, &ContainerState)| {
        !container.sidecar && failed(container) && rests((index, container))
    };
    (pod.inits..).zip(pod.main_containers()).all(rests) || (0..).zip(pod.init_containers()).any(hopeless)
}

/// The phase that follows from the containers.
pub(super) fn phase(pod: &PodState, spec: &PodSpec) -> Phase {
    if pod.rejected.is_some() {
        return Phase::Failed;
    }
    let containers = pod.main_containers();
    let clean = containers.iter().all(|container| !failed(container));
    if pod.terminating.is_some() && pod.quiet() {
        // A pod that was told to go always reaches an end.
        return if clean && pod.failed.is_none() { Phase::Succeeded } else { Phase::Failed };
    }
    if works_done(pod, spec) && pod.quiet() {
        return if clean { Phase::Succeeded } else { Phase::Failed };
    }
    if !pod.initialized() {
        return Phase::Pending;
    }
    let untried = |container: &ContainerState| {
        container.last.is_none() && !matches!(container.stage, ContainerStage::Running { .. })
    };
    if containers.iter().any(untried) { Phase::Pending } else { Phase::Running }
}

fn status<'a>(
    pod: &mut PodState,
    object: &Object,
    (view, gates): (&Pod, Option<Str>),
    (host, hosts): &(Doc, Doc),
    image: impl Fn(&Str) -> Option<&'a Image>,
    cx: &Context<'_>,
) -> Doc {
    let phase = phase(pod, &view.spec);
    // In the order of keys: there is no document that is made as often.
    let mut status = Entries::default();
    let rejected = pod.rejected.is_some();
    if !rejected {
        status.put(literal!("conditions"), conditions(pod, phase, gates, object, cx.timestamp()));
        let statuses = |range: std::ops::Range<u32>| {
            Doc::list(range.map(|index| {
                let container = &pod.containers[index as usize];
                let name = match container.image.is_empty() {
                    true => &spec_at(&view.spec, index).image,
                    false => &container.image,
                };
                container_status(pod, index, name, image(name), cx)
            }))
        };
        status.put(literal!("containerStatuses"), statuses(pod.inits..pod.inits + pod.mains));
        if pod.containers.len() as u32 > pod.inits + pod.mains {
            let beside = statuses(pod.inits + pod.mains..pod.containers.len() as u32);
            status.put(literal!("ephemeralContainerStatuses"), beside);
        }
        status.put(literal!("hostIP"), host.clone());
        status.put(literal!("hostIPs"), hosts.clone());
        if pod.inits > 0 {
            status.put(literal!("initContainerStatuses"), statuses(0..pod.inits));
        }
    }
    let why = pod.rejected.as_ref().or(pod.failed.as_ref().filter(|_| phase == Phase::Failed));
    if let Some((_, message)) = why {
        status.put(literal!("message"), message.into());
    }
    status.put(literal!("observedGeneration"), object.meta.generation.into());
    status.put(literal!("phase"), phase.as_str().into());
    if let Some(ip) = pod.ip.filter(|_| !rejected) {
        let ip = ip_text(ip);
        status.put(literal!("podIP"), (&ip).into());
        status.put(literal!("podIPs"), doc!([{ "ip": ip }]));
    }
    if let Some((reason, _)) = why {
        status.put(literal!("reason"), reason.into());
    }
    status.put(literal!("startTime"), Doc::Time(pod.start_time));
    Doc::Map(status.take_map())
}

/// What keeps a pod from being ready whose containers are: conditions that others are to set.
fn unmet_gates(object: &Object) -> Option<Str> {
    let gates = object.body["spec"]["readinessGates"].items();
    let conditions = object.body["status"]["conditions"].items();
    let unmet = gates.iter().filter_map(|gate| {
        let name = gate["conditionType"].str();
        let found = conditions.iter().find(|condition| condition["type"] == gate["conditionType"]);
        let Some(found) = found else {
            return Some(format!("corresponding condition of pod readiness gate {name:?} does not exist."));
        };
        let status = found["status"].str();
        let why = format!("the status of pod readiness gate {name:?} is not \"True\", but {status}");
        (status != "True").then_some(why)
    });
    let unmet: Vec<String> = unmet.collect();
    (!unmet.is_empty()).then(|| unmet.join(", ").into())
}

fn conditions(pod: &mut PodState, phase: Phase, gates: Option<Str>, object: &Object, now: Timestamp) -> Doc {
    let initialized = pod.initialized();
    let incomplete = pod.init_containers().iter().filter(|container| !initialized && !container.passed());
    let incomplete: Vec<&str> = incomplete.map(|container| container.name.as_str()).collect();
    let running = |container: &&ContainerState| {
        !(container.ready && matches!(container.stage, ContainerStage::Running { .. }))
    };
    let sidecars = pod.init_containers().iter().filter(|container| container.sidecar);
    let unready = sidecars.chain(pod.main_containers()).filter(running);
    let unready: Vec<&str> = unready.map(|container| container.name.as_str()).collect();
    let initialized = (!incomplete.is_empty()).then(|| {
        let message = format!("containers with incomplete status: [{}]", incomplete.join(" "));
        ("ContainersNotInitialized", Str::from(message))
    });
    let containers_ready = match phase {
        Phase::Succeeded => Some(("PodCompleted", Str::new())),
        Phase::Failed => Some(("PodFailed", Str::new())),
        _ if unready.is_empty() => None,
        _ => {
            let message = format!("containers with unready status: [{}]", unready.join(" "));
            Some(("ContainersNotReady", message.into()))
        }
    };
    let ready = containers_ready.clone().or(gates.map(|message| ("ReadinessGatesNotReady", message)));
    let sandbox = pod.ip.is_some() && !phase.is_terminal();
    let sandbox = sandbox && !matches!(pod.stage, PodStage::Removing | PodStage::Deleting);
    let all = [
        ("PodReadyToStartContainers", sandbox, None),
        ("Initialized", initialized.is_none(), initialized),
        ("Ready", ready.is_none(), ready),
        ("ContainersReady", containers_ready.is_none(), containers_ready),
    ];
    let evicted = pod.failed.as_ref().filter(|(reason, _)| reason == "Evicted");
    let target =
        evicted.map(|(_, why)| ("DisruptionTarget", true, Some(("TerminationByKubelet", why.clone()))));
    let unmet = pod.unmet.clone().map(|why| ("PodResizePending", true, Some(why)));
    let resizing = pod.resizing.is_some().then_some(("PodResizeInProgress", true, None));
    if unmet.is_none() && resizing.is_none() {
        *pod.conditions.of("PodResizePending") = None;
    }
    let generation = object.meta.generation;
    let conditions = &mut pod.conditions;
    let sent = pod.sent["conditions"].items();
    let all = all.into_iter().chain(target).chain(unmet).chain(resizing);
    Doc::list(all.enumerate().map(|(at, (name, holds, why))| {
        // Who waits for resources is hardly ever given others meanwhile.
        let known = conditions.of(if name == "PodResizeInProgress" { "PodResizePending" } else { name });
        let (before, since) = known.get_or_insert_with(|| reported(object, name, holds, now));
        if *before != holds {
            (*before, *since) = (holds, now.floor_seconds());
        }
        let status = if holds { "True" } else { "False" };
        let (reason, message) = why.unwrap_or_default();
        // Most stay as they are, and are neither written again nor compared field by field.
        let same = |sent: &&Doc| {
            let says = |field: &str, text: &str| sent[field].as_str().unwrap_or("") == text;
            says("type", name)
                && says("status", status)
                && says("reason", reason)
                && says("message", &message)
                && sent["lastTransitionTime"].as_time() == Some(*since)
                && sent["observedGeneration"].as_i64() == Some(generation)
        };
        if let Some(sent) = sent.get(at).filter(same) {
            return sent.clone();
        }
        let mut condition = Entries::default();
        condition.put(literal!("lastTransitionTime"), Doc::Time(*since));
        if !message.is_empty() {
            condition.put(literal!("message"), message.into());
        }
        condition.put(literal!("observedGeneration"), generation.into());
        if !reason.is_empty() {
            condition.put(literal!("reason"), reason.into());
        }
        condition.put(literal!("status"), status.into());
        condition.put(literal!("type"), name.into());
        Doc::Map(condition.take_map())
    }))
}

/// A condition as the API has it, so that a restarted kubelet does not make it look new.
fn reported(object: &Object, name: &str, holds: bool, now: Timestamp) -> (bool, Timestamp) {
    let known = object.body["status"]["conditions"].items();
    let known = known.iter().find(|condition| condition["type"].as_str() == Some(name));
    let since = known.and_then(|condition| condition["lastTransitionTime"].as_time());
    match (known, since) {
        (Some(condition), Some(since)) => (condition["status"].as_str() == Some("True"), since),
        _ => (holds, now.floor_seconds()),
    }
}

fn container_status(pod: &PodState, index: u32, image: &Str, known: Option<&Image>, cx: &Context<'_>) -> Doc {
    let container = &pod.containers[index as usize];
    let ran = container.last.is_some() || matches!(container.stage, ContainerStage::Running { .. });
    let running = matches!(container.stage, ContainerStage::Running { .. });
    // As long as nobody changed it, it is what the spec says: that is not kept twice (`told_resources`).
    let given = pod.allocated.as_ref().and_then(|all| all.get(index as usize)).filter(|_| running);
    let mut status = Entries::default();
    if let Some(given) = given.filter(|given| !given["requests"].is_null()) {
        status.put(literal!("allocatedResources"), given["requests"].clone());
    }
    if ran {
        let id = match &container.last {
            Some(last) if !running => last.id.clone(),
            _ => container_id(pod.uid, &container.name, container.restarts),
        };
        status.put(literal!("containerID"), id.into());
        let full = known.map_or_else(|| full_reference(image).into(), |known| known.full.clone());
        let id = known.map_or_else(|| crate::runtime::image_id(image), |known| known.id.clone());
        status.put(literal!("image"), full.into());
        status.put(literal!("imageID"), id.into());
    } else {
        status.put(literal!("image"), image.into());
        status.put(literal!("imageID"), literal!("").into());
    }
    let ended = container.has_exited()
        || container.starts_again() && container.waited.is_none() && !container.hook_failed;
    let last = match &container.last {
        Some(_) if ended => container.before.as_deref(),
        last => last.as_deref(),
    };
    let last = last.map_or_else(Doc::map, |last| doc!({ "terminated": terminated(last) }));
    status.put(literal!("lastState"), last);
    status.put(literal!("name"), (&container.name).into());
    let passed = index < pod.inits && container.has_exited() && !container.sidecar;
    let passed = passed && container.last.as_ref().is_some_and(|last| last.exit_code == 0);
    let counts = !pod.is_ephemeral(index) && (index >= pod.inits || container.sidecar);
    let ready = if running { container.ready && counts } else { passed };
    status.put(literal!("ready"), ready.into());
    if let Some(given) = given {
        status.put(literal!("resources"), given.clone());
    }
    let announced = container.starts_again() && matches!(container.stage, ContainerStage::Starting { .. });
    status.put(literal!("restartCount"), container.restarts.saturating_sub(u32::from(announced)).into());
    status.put(literal!("started"), (running && container.started).into());
    status.put(literal!("state"), state(pod, index, cx));
    Doc::Map(status.take_map())
}

/// Why a container that has not run yet waits.
pub(super) fn waiting_reason(pod: &PodState, index: u32) -> &'static str {
    match &pod.containers[index as usize].stage {
        ContainerStage::PullFailed { reason, .. } => reason,
        ContainerStage::ConfigFailed { .. } => "CreateContainerConfigError",
        _ if container_failed_to_start(&pod.containers[index as usize]) => "RunContainerError",
        _ if pod.inits > 0 => "PodInitializing",
        _ => "ContainerCreating",
    }
}

fn container_failed_to_start(container: &ContainerState) -> bool {
    container.last.as_ref().is_some_and(|last| last.reason == "StartError")
}

fn state(pod: &PodState, index: u32, cx: &Context<'_>) -> Doc {
    let container = &pod.containers[index as usize];
    let waiting = |reason: &'static str, message: Str| {
        if message.is_empty() {
            doc!({ "waiting": { "reason": reason } })
        } else {
            doc!({ "waiting": { "reason": reason, "message": message } })
        }
    };
    match &container.stage {
        ContainerStage::Running { since } => {
            let began = cx.core.dates.of(*since).floor_seconds();
            doc!({ "running": { "startedAt": Doc::Time(began) } })
        }
        ContainerStage::Exited => match &container.last {
            Some(last) => doc!({ "terminated": terminated(last) }),
            None => waiting("ContainerCreating", Str::new()),
        },
        ContainerStage::BackOff { wait, .. } => {
            waiting("CrashLoopBackOff", back_off_message(pod, &container.name, wait.as_seconds()))
        }
        _ if container.starts_again() => match (&container.last, container.waited) {
            (Some(_), None) if container.hook_failed => waiting("PostStartHookError", Str::new()),
            (Some(last), None) => doc!({ "terminated": terminated(last) }),
            (_, wait) => {
                let seconds = wait.unwrap_or_default().as_seconds();
                waiting("CrashLoopBackOff", back_off_message(pod, &container.name, seconds))
            }
        },
        ContainerStage::PullFailed { reason, message, .. } => waiting(reason, message.clone()),
        ContainerStage::ConfigFailed { message, .. } => {
            waiting("CreateContainerConfigError", message.clone())
        }
        _ => {
            let why = container.last.as_ref().filter(|_| container_failed_to_start(container));
            waiting(waiting_reason(pod, index), why.map_or(Str::new(), |last| last.message.clone()))
        }
    }
}

fn back_off_message(pod: &PodState, container: &str, seconds: u64) -> Str {
    let length = crate::sim::Duration::seconds(seconds);
    format!("back-off {length} restarting failed container={container} pod={}", pod_text(pod)).into()
}

/// `web-1_default(uid)`: how kubelets name a pod in messages.
pub(super) fn pod_text(pod: &PodState) -> String {
    format!("{}_{}({})", pod.key.name, pod.key.namespace, pod.uid.text())
}

fn terminated(last: &Termination) -> Doc {
    let mut ended = doc!({
        "containerID": &last.id, "exitCode": last.exit_code, "reason": last.reason,
        "startedAt": Doc::Time(last.started), "finishedAt": Doc::Time(last.finished)
    });
    if !last.message.is_empty() {
        ended.set("message", &last.message);
    }
    ended
}

/// The text of an IPv4 address.
pub(super) fn ip_text(ip: u32) -> Str {
    let mut text = [0; 15];
    let mut at = 0;
    for (number, byte) in ip.to_be_bytes().into_iter().enumerate() {
        if number > 0 {
            text[at] = b'.';
            at += 1;
        }
        for digit in [byte / 100, byte / 10 % 10, byte % 10].into_iter().skip(match byte {
            100.. => 0,
            10.. => 1,
            _ => 2,
        }) {
            text[at] = b'0' + digit;
            at += 1;
        }
    }
    str::from_utf8(&text[..at]).expect("ASCII").into()
}
