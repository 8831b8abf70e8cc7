//! What the API server asks the kubelet directly: logs, programs in containers, connections to ports.

use crate::api::{Key, Uid};
use crate::doc::{Str, literal};
use crate::sim::{Body, Context, CriCall, LogOptions, NodeCall, NodeReply, Process};

use super::Kubelet;
use super::pod::{ContainerStage, ContainerState};

pub(super) const NO_RUNTIME: &str = "rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while \
                          dialing: dial unix /run/containerd/containerd.sock: connect: connection refused\"";

impl Kubelet {
    pub(super) fn serve(&mut self, from: Process, number: u64, call: NodeCall, cx: &mut Context<'_>) {
        let asked = match call {
            NodeCall::Logs(key, options) => {
                let uid = self.by_key.get(&key).copied();
                self.log_call(number, uid, &key.name, options)
            }
            NodeCall::Exec(key, options) => {
                let uid = self.by_key.get(&key).copied();
                let missing = || format!("container not found (\"{}\")", options.container);
                let pod = self.running(uid, &options.container, missing);
                pod.map(|pod| CriCall::Exec { call: number, pod, options })
            }
            NodeCall::Attach(key, options) => {
                let uid = self.by_key.get(&key).copied();
                let missing = || not_found(&options.container, &key);
                let pod = self.running(uid, &options.container, missing);
                pod.map(|pod| CriCall::Attach { call: number, pod, options })
            }
            NodeCall::Input(_, stream, input) => Ok(CriCall::Input { call: number, stream, input }),
            NodeCall::Get(path) => {
                let (status, text) = self.page(&path, cx);
                return cx.send(from, Body::NodeReply(number, NodeReply::Http(status, text)));
            }
            NodeCall::Forward(key, port, text) => {
                let found = self.by_key.get(&key).copied().filter(|uid| self.pods.contains_key(uid));
                found
                    .map(|pod| CriCall::PortForward { call: number, pod, port, text })
                    .ok_or_else(|| (404, literal!("pod does not exist")))
            }
        };
        match asked {
            Ok(_) if !cx.core.running(Process::Runtime(self.machine)) => {
                cx.send(from, Body::NodeReply(number, NodeReply::Refused(500, literal!(NO_RUNTIME))));
            }
            Ok(call) => {
                self.serving.insert(number, from);
                self.ask_runtime(call, cx);
            }
            Err((code, why)) => cx.send(from, Body::NodeReply(number, NodeReply::Refused(code, why))),
        }
    }

    /// The runtime has an answer.
    pub(super) fn served(&mut self, number: u64, reply: NodeReply, cx: &mut Context<'_>) {
        let from = match &reply {
            NodeReply::Part(_) | NodeReply::Output(..) => self.serving.get(&number).copied(),
            _ => self.serving.remove(&number),
        };
        if let Some(from) = from {
            cx.send(from, Body::NodeReply(number, reply));
        }
    }

    /// The runtime begins anew: what it was working on is lost.
    pub(super) fn runtime_lost_calls(&mut self, cx: &mut Context<'_>) {
        for (number, from) in &std::mem::take(&mut self.serving) {
            cx.send(*from, Body::NodeReply(*number, NodeReply::Refused(500, literal!(NO_RUNTIME))));
        }
    }

    fn log_call(
        &self,
        call: u64,
        uid: Option<Uid>,
        name: &str,
        options: LogOptions,
    ) -> Result<CriCall, (u32, Str)> {
        let found = uid.and_then(|uid| self.pods.get(&uid));
        let Some(pod) = found else { return Err((404, format!("pod \"{name}\" does not exist").into())) };
        let wanted = &options.container;
        let Some(index) = pod.position(wanted) else {
            return Err((404, format!("container \"{wanted}\" not found in pod \"{name}\"").into()));
        };
        let attempt = start_to_read(&pod.containers[index as usize], options.previous, || {
            super::status::waiting_reason(pod, index)
        });
        match attempt {
            Ok(attempt) => Ok(CriCall::ReadLog { call, pod: pod.uid, attempt, options }),
            Err(Unread::Previous) => {
                let why = format!("previous terminated container \"{wanted}\" in pod \"{name}\" not found");
                Err((400, why.into()))
            }
            Err(Unread::Waiting(reason)) => {
                let why = match reason {
                    "ErrImagePull" => "image can't be pulled",
                    "ImagePullBackOff" => "trying and failing to pull image",
                    other => other,
                };
                let why = format!("container \"{wanted}\" in pod \"{name}\" is waiting to start: {why}");
                Err((400, why.into()))
            }
        }
    }

    /// The pod, if this container of it runs.
    fn running(
        &self,
        uid: Option<Uid>,
        wanted: &Str,
        missing: impl FnOnce() -> String,
    ) -> Result<Uid, (u32, Str)> {
        let Some(pod) = uid.and_then(|uid| self.pods.get(&uid)) else {
            return Err((404, literal!("pod does not exist")));
        };
        let running = |container: &&ContainerState| {
            container.name == *wanted && matches!(container.stage, ContainerStage::Running { .. })
        };
        if pod.containers.iter().any(|container| running(&container)) {
            Ok(pod.uid)
        } else {
            Err((404, missing().into()))
        }
    }
}

/// What is said to whoever wants to be attached to a container that does not run.
fn not_found(container: &str, pod: &Key) -> String {
    format!("container {container} not found in pod {}_{}", pod.name, pod.namespace)
}

/// Why there is no log to read.
enum Unread {
    Previous,
    Waiting(&'static str),
}

/// Which start of a container is meant: the one that runs, or else the last one that did.
fn start_to_read(
    container: &ContainerState,
    previous: bool,
    reason: impl FnOnce() -> &'static str,
) -> Result<u32, Unread> {
    let ended = container.last.is_some();
    let before = container.restarts.checked_sub(1);
    match (&container.stage, previous) {
        (ContainerStage::Running { .. }, false) => Ok(container.restarts),
        (ContainerStage::Running { .. } | ContainerStage::Exited, true) => before.ok_or(Unread::Previous),
        // While the next start is on its way, the last end is the newest there is to read.
        (ContainerStage::Starting { .. }, _) if ended => before.ok_or(Unread::Previous),
        _ if ended => Ok(container.restarts),
        (_, true) => Err(Unread::Previous),
        (_, false) => Err(Unread::Waiting(reason())),
    }
}
