//! Startup, liveness and readiness probes.

use crate::api::core::pod::{Container, Pod};
use crate::api::{Object, Uid};
use crate::client::Severity;
use crate::doc::{Doc, Str};
use crate::runtime::container_id;
use crate::sim::{Causes, Context, CriCall, Duration, ProbeAction, ProbeKind, ProbeResult, Time, Timer};

use super::Kubelet;
use super::pod::{ContainerStage, ContainerState, Streak, spec_at};

const KINDS: [(ProbeKind, &str, &str); 3] = [
    (ProbeKind::Startup, "startupProbe", "Startup"),
    (ProbeKind::Liveness, "livenessProbe", "Liveness"),
    (ProbeKind::Readiness, "readinessProbe", "Readiness"),
];

fn named(kind: ProbeKind) -> (&'static str, &'static str) {
    let (_, field, word) = KINDS[kind as usize];
    (field, word)
}

/// Which probe of which start of a container a timer is for.
fn timer_number(index: u32, kind: ProbeKind, attempt: u32) -> u64 {
    u64::from(attempt) << 32 | u64::from(index) << 2 | kind as u64
}

/// What is over once the last of a row of failures has come that a probe may have: a container is started again for it, or
/// counts as not ready.
pub(super) fn failing(container: &ContainerState) -> impl Iterator<Item = (&'static str, Time, Time)> + '_ {
    let counts = |kind: ProbeKind| match kind {
        ProbeKind::Startup => !container.started && !container.unhealthy,
        ProbeKind::Liveness => !container.unhealthy,
        ProbeKind::Readiness => container.ready,
        ProbeKind::PostStart | ProbeKind::PreStop => false,
    };
    let running = matches!(container.stage, ContainerStage::Running { .. });
    let streaks =
        container.probes.iter().filter(move |(kind, streak)| running && !streak.ok && counts(**kind));
    streaks.map(|(kind, streak)| (named(*kind).0, streak.since, streak.until))
}

impl Kubelet {
    /// A container is up: its probes begin; without them it counts as started and ready.
    pub(super) fn begin_probes(&mut self, uid: Uid, index: u32, cx: &mut Context<'_>) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let spec = &spec_at(&view.spec, index).doc;
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let key = pod.key.clone();
        let container = pod.at(index);
        container.started = spec["startupProbe"].is_null();
        container.ready = container.started && spec["readinessProbe"].is_null();
        for (kind, field, _) in KINDS {
            if !spec[field].is_null() {
                let delay = Duration::seconds(number(&spec[field]["initialDelaySeconds"], 0));
                let number = timer_number(index, kind, container.restarts);
                cx.timer(delay, Timer { number, ..Timer::about("probe", key.clone()) });
            }
        }
    }

    /// A restart of the kubelet changes nothing about a container that ran on: it counts as started and ready if it did.
    pub(super) fn keep_readiness(&mut self, uid: Uid, index: u32, object: &Object) {
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let container = pod.at(index);
        let id = container_id(uid, &container.name, container.restarts);
        let status = &object.body["status"];
        let reports =
            status["initContainerStatuses"].items().iter().chain(status["containerStatuses"].items());
        if let Some(report) = reports.into_iter().find(|report| report["containerID"].str() == id) {
            container.started |= report["started"].as_bool() == Some(true);
            container.ready |= report["ready"].as_bool() == Some(true);
        }
    }

    pub(super) fn probe_due(&mut self, uid: Uid, number: u64, cx: &mut Context<'_>) {
        let index = (number >> 2 & 0x3fff_ffff) as u32;
        let (kind, field, _) = KINDS[(number & 3) as usize % KINDS.len()];
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let Some(pod) = self.pods.get(&uid) else { return };
        let Some(container) = pod.containers.get(index as usize) else { return };
        let running = matches!(container.stage, ContainerStage::Running { .. });
        if !running || number != timer_number(index, kind, container.restarts) {
            return;
        }
        let spec = spec_at(&view.spec, index);
        let probe = &spec.doc[field];
        let done = kind == ProbeKind::Startup && container.started;
        // The other probes wait for the startup probe; who is being ended is only asked whether it is ready.
        let rests = (pod.terminating.is_some() || container.unhealthy) && kind != ProbeKind::Readiness;
        let due = (kind == ProbeKind::Startup || container.started) && !rests;
        if done {
            return;
        }
        let (period, key) = (period(probe), pod.key.clone());
        cx.because(Causes::none(), |cx| cx.timer(period, Timer { number, ..Timer::about("probe", key) }));
        if due {
            let name = container.name.clone();
            let attempt = container.restarts;
            let action = match action(probe, spec) {
                Some(Ok(action)) => action,
                Some(Err(why)) => {
                    return self.probed(uid, &name, attempt, kind, ProbeResult::Error(why), cx);
                }
                None => return,
            };
            let call = CriCall::Probe {
                pod: uid,
                container: name,
                attempt,
                kind,
                action,
                timeout_ms: Duration::seconds(self::number(&probe["timeoutSeconds"], 1).max(1)).0,
            };
            self.ask_runtime(call, cx);
        }
    }

    pub(super) fn probed(
        &mut self,
        uid: Uid,
        name: &str,
        attempt: u32,
        kind: ProbeKind,
        result: ProbeResult,
        cx: &mut Context<'_>,
    ) {
        let Some(object) = self.object(uid) else { return };
        let Some(view) = object.view::<Pod>() else { return };
        let Some(pod) = self.pods.get_mut(&uid) else { return };
        let Some(index) = pod.position(name) else { return };
        let terminating = pod.terminating.is_some();
        let container = pod.at(index);
        if matches!(kind, ProbeKind::PostStart | ProbeKind::PreStop) {
            if container.restarts == attempt && container.is_live() {
                self.hooked(uid, index, kind, result, cx);
            }
            return;
        }
        if container.restarts != attempt || !matches!(container.stage, ContainerStage::Running { .. }) {
            return;
        }
        if (terminating || container.unhealthy) && kind != ProbeKind::Readiness {
            return;
        }
        let (field, word) = named(kind);
        let spec = &spec_at(&view.spec, index).doc;
        let probe = &spec[field];
        let (ok, remark) = match result {
            ProbeResult::Success => (true, None),
            ProbeResult::Warning(what) => {
                (true, Some(("ProbeWarning", format!("{word} probe warning: {what}"))))
            }
            ProbeResult::Failure(why) => (false, Some(("Unhealthy", format!("{word} probe failed: {why}")))),
            // What could not be tried says nothing about the container.
            ProbeResult::Error(why) => {
                let message = format!("{word} probe errored and resulted in unknown state: {why}");
                return self.pod_event(uid, Some(index), Severity::Warning, "Unhealthy", message, cx);
            }
        };
        let threshold =
            if ok { number(&probe["successThreshold"], 1) } else { number(&probe["failureThreshold"], 3) };
        let streak = container.probes.entry(kind).or_default();
        if streak.count == 0 || streak.ok != ok {
            let (since, rest) = (cx.now(), threshold.saturating_sub(1));
            *streak = Streak { ok, count: 0, since, until: since + period(probe) * rest };
        }
        streak.count += 1;
        let decided = u64::from(streak.count) >= threshold;
        match (kind, ok) {
            (ProbeKind::Startup, true) if decided => {
                container.started = true;
                container.ready = spec["readinessProbe"].is_null();
            }
            (ProbeKind::Readiness, ok) if decided => container.ready = ok,
            _ => {}
        }
        let restart = !ok && decided && kind != ProbeKind::Readiness;
        container.unhealthy |= restart;
        if let Some((reason, message)) = remark {
            self.pod_event(uid, Some(index), Severity::Warning, reason, message, cx);
        }
        if restart {
            let message = format!("Container {name} failed {} probe, will be restarted", word.to_lowercase());
            let own = probe["terminationGracePeriodSeconds"].as_i64();
            let grace = Duration::seconds(own.unwrap_or(view.spec.grace_seconds).max(0) as u64);
            self.end_container(uid, index, grace, message, cx);
        }
        // A sidecar that is up lets the next one begin.
        self.sync(uid, cx);
    }
}

/// The time from one probe to the next.
fn period(probe: &Doc) -> Duration {
    Duration::seconds(number(&probe["periodSeconds"], 10).max(1))
}

fn number(doc: &Doc, fallback: u64) -> u64 {
    doc.as_i64().and_then(|number| u64::try_from(number).ok()).unwrap_or(fallback)
}

/// What a lifecycle hook does, if there is one.
pub(super) fn hook_action(hook: &Doc, container: &Container) -> Option<Result<ProbeAction, Str>> {
    match hook["sleep"]["seconds"].as_i64() {
        Some(seconds) => Some(Ok(ProbeAction::Sleep { seconds: u64::try_from(seconds).unwrap_or(0) })),
        None => action(hook, container),
    }
}

/// What a probe does, or why it cannot be tried.
fn action(probe: &Doc, container: &Container) -> Option<Result<ProbeAction, Str>> {
    let found = ["httpGet", "tcpSocket", "grpc", "exec"].into_iter().find(|kind| !probe[*kind].is_null())?;
    let of = &probe[found];
    if found == "exec" {
        return Some(Ok(ProbeAction::Exec { command: of["command"].items().iter().map(Doc::str).collect() }));
    }
    Some(port(&of["port"], container).map(|port| match found {
        "httpGet" => {
            let path = of["path"].as_str().unwrap_or("/").into();
            let scheme = if of["scheme"].as_str() == Some("HTTPS") { "https" } else { "http" };
            ProbeAction::Http { scheme, port, path }
        }
        "tcpSocket" => ProbeAction::Tcp { port },
        _ => ProbeAction::Grpc { port },
    }))
}

/// A port by its number, or by the name that its container gives it.
fn port(doc: &Doc, container: &Container) -> Result<u32, Str> {
    let Doc::Str(name) = doc else { return Ok(number(doc, 0) as u32) };
    let named = container.ports.iter().find(|port| port.name == *name).map(|port| port.port);
    // Or as a number that is written as text.
    named
        .or_else(|| name.parse().ok())
        .ok_or_else(|| format!("strconv.Atoi: parsing {doc}: invalid syntax").into())
}
