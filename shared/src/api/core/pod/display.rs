//! What kubectl's columns say of a pod: READY, STATUS, RESTARTS.

use crate::api::Object;
use crate::doc::{Doc, Timestamp};

/// The columns, before they are text.
pub(super) struct Shown {
    pub status: String,
    pub ready: u32,
    pub total: u32,
    pub restarts: i64,
    pub last_restart: Option<Timestamp>,
}

/// What kubectl's STATUS column says of a pod.
pub fn display_status(object: &Object) -> String {
    Shown::of(object).status
}

/// Restarts, and when the last one was.
#[derive(Clone, Copy, Default)]
struct Restarts(i64, Option<Timestamp>);

impl Restarts {
    fn add(&mut self, container: &Doc) {
        self.0 = self.0.saturating_add(container["restartCount"].as_i64().unwrap_or(0));
        self.1 = self.1.max(container.at(&["lastState", "terminated", "finishedAt"]).as_time());
    }
}

impl Shown {
    pub fn of(object: &Object) -> Shown {
        let (spec, status) = (&object.body["spec"], &object.body["status"]);
        let phase = status["phase"].as_str().unwrap_or("Unknown");
        let gated = |condition: &&Doc| condition["reason"].as_str() == Some("SchedulingGated");
        let gated = condition(status, "PodScheduled").filter(gated).is_some();
        let given = status["reason"].as_str().filter(|reason| !reason.is_empty());
        let mut text = if gated { "SchedulingGated" } else { given.unwrap_or(phase) }.to_owned();
        let inits = spec["initContainers"].items();
        let sidecar = |name: &Doc| {
            let found = inits.iter().find(|init| init["name"] == *name);
            found.is_some_and(|init| init["restartPolicy"].as_str() == Some("Always"))
        };
        let sidecars = inits.iter().filter(|init| init["restartPolicy"].as_str() == Some("Always")).count();
        let total = (spec["containers"].items().len() + sidecars) as u32;
        let (mut all, mut of_sidecars, mut ready) = (Restarts::default(), Restarts::default(), 0);
        let mut initializing = false;
        for (at, container) in status["initContainerStatuses"].items().iter().enumerate() {
            let aside = sidecar(&container["name"]);
            all.add(container);
            if aside {
                of_sidecars.add(container);
            }
            let (waiting, ended) = (&container["state"]["waiting"], &container["state"]["terminated"]);
            let waits_for = waiting["reason"]
                .as_str()
                .filter(|reason| !reason.is_empty() && *reason != "PodInitializing");
            if !ended.is_null() && ended["exitCode"].as_i64() == Some(0) {
                continue;
            }
            if aside && container["started"].as_bool() == Some(true) {
                ready += u32::from(container["ready"].as_bool() == Some(true));
                continue;
            }
            text = if !ended.is_null() {
                format!("Init:{}", ending(ended))
            } else if let Some(reason) = waits_for {
                format!("Init:{reason}")
            } else {
                format!("Init:{at}/{}", inits.len())
            };
            initializing = true;
            break;
        }
        let initialized = condition(status, "Initialized").is_some_and(holds);
        if !initializing || initialized {
            all = of_sidecars;
            let mut running = false;
            for container in status["containerStatuses"].items().iter().rev() {
                all.add(container);
                let (waiting, ended) = (&container["state"]["waiting"], &container["state"]["terminated"]);
                if let Some(reason) = waiting["reason"].as_str().filter(|reason| !reason.is_empty()) {
                    text = reason.to_owned();
                } else if !ended.is_null() {
                    text = ending(ended);
                } else if container["ready"].as_bool() == Some(true)
                    && !container["state"]["running"].is_null()
                {
                    running = true;
                    ready += 1;
                }
            }
            if text == "Completed" && running {
                text =
                    if condition(status, "Ready").is_some_and(holds) { "Running" } else { "NotReady" }.into();
            }
        }
        if object.meta.deleting() {
            if status["reason"].as_str() == Some("NodeLost") {
                text = "Unknown".into();
            } else if !matches!(phase, "Succeeded" | "Failed") {
                text = "Terminating".into();
            }
        }
        Shown { status: text, ready, total, restarts: all.0, last_restart: all.1 }
    }
}

fn condition<'a>(status: &'a Doc, name: &str) -> Option<&'a Doc> {
    status["conditions"].items().iter().find(|condition| condition["type"].as_str() == Some(name))
}

fn holds(condition: &Doc) -> bool {
    condition["status"].as_str() == Some("True")
}

/// How a container ended: the reason, or else signal or exit code.
fn ending(ended: &Doc) -> String {
    match (ended["reason"].as_str(), ended["signal"].as_i64()) {
        (Some(reason), _) if !reason.is_empty() => reason.to_owned(),
        (_, Some(signal)) if signal != 0 => format!("Signal:{signal}"),
        _ => format!("ExitCode:{}", ended["exitCode"].as_i64().unwrap_or(0)),
    }
}
