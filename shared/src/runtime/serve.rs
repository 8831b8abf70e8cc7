//! How containers answer requests and probes.

use crate::doc::Str;
use crate::network::Failure;
use crate::sim::{
    Body, Context, CriCall, CriEvent, Duration, Packet, PacketStep, ProbeAction, ProbeKind, ProbeResult,
};

use super::image::{Found, ImageSpec};
use super::{Container, Runtime, Sandbox};

/// How long a node asks who has an address of its pod network.
const NEIGHBOUR_TIMEOUT: Duration = Duration::seconds(3);

impl Runtime {
    /// A request reached an address of this node. An address that no pod has answers nothing.
    pub(super) fn serve(&mut self, packet: &Packet, ip: u32, port: u32, cx: &mut Context<'_>) {
        let found = self.by_address.get(&ip).and_then(|pod| Some((*pod, self.sandboxes.get(pod)?)));
        let Some((pod, sandbox)) = found else {
            // Nobody says that the address is theirs; the node knows after a while.
            let step = PacketStep::Answer { status: None, detail: Failure::NoRoute.text() };
            let answer = Body::Packet(Packet { step, ..packet.clone() });
            return cx.send_after(NEIGHBOUR_TIMEOUT, packet.origin, answer);
        };
        let mut served = None;
        let detail: Str = format!("{}/{}", sandbox.key.namespace, sandbox.key.name).into();
        let (status, text) = match (self.listener(sandbox, port, cx), self.task_on(sandbox, port)) {
            (Some((container, spec)), _) => {
                served = Some(container.number);
                // Spread over the numbers of requests, so that no draw is needed.
                let fails = packet.number.wrapping_mul(61) % 100 < u64::from(spec.fail_percent);
                let asks = !packet.text.is_empty();
                let status = if fails { spec.fail_status } else { 200 };
                let (name, root) = (container.name.clone(), spec.root.clone());
                let text = if asks { answer_of(container, spec, sandbox) } else { Str::new() };
                match root.as_str() {
                    root if asks && !root.is_empty() && !fails => self.page(pod, &name, root, packet, &text),
                    _ => (Some(status), text),
                }
            }
            (None, Some((name, root))) if !packet.text.is_empty() => self.page(pod, &name, &root, packet, ""),
            (None, Some(_)) => (Some(200), Str::new()),
            (None, None) => (None, Str::new()),
        };
        if let Some((_, container)) = served.and_then(|number| self.numbered_mut(number)) {
            container.served += 1;
        }
        let detail = if status.is_none() { Failure::Refused.text() } else { detail };
        let step = PacketStep::Answer { status, detail };
        cx.send(packet.origin, Body::Packet(Packet { step, text, ..packet.clone() }));
    }

    /// What a server of files answers; `index` stands for its first page where there is none.
    fn page(
        &mut self,
        pod: u128,
        container: &str,
        root: &str,
        packet: &Packet,
        index: &str,
    ) -> (Option<u32>, Str) {
        let method = packet.http.as_ref().map_or("GET", |http| &http.method);
        if !matches!(method, "GET" | "HEAD") {
            return (Some(405), "405 Not Allowed\n".into());
        }
        match self.served_file(pod, container, root, &packet.text) {
            Some(text) => (Some(200), text),
            None if packet.text == "/" && !index.is_empty() => (Some(200), index.into()),
            None => (Some(404), "404 Not Found\n".into()),
        }
    }

    /// The text that a pod's container answers on a port: `todo-api v1.0`.
    pub fn answer_text(&self, pod: u128, port: u32, cx_now: crate::sim::Time) -> Option<Str> {
        let sandbox = self.sandboxes.get(&pod)?;
        let (container, spec) =
            self.listening(sandbox, port).find(|(container, spec)| container.answers(spec, cx_now))?;
        Some(if spec.answer.is_empty() { container.image.clone() } else { spec.answer.clone() })
    }

    /// The program of a container that listens on a port without being the image's own, and what it serves.
    fn task_on(&self, sandbox: &Sandbox, port: u32) -> Option<(Str, Str)> {
        let running = sandbox.containers.iter().filter(|container| container.running());
        running.into_iter().find_map(|container| {
            let root = container.tasks.iter().find_map(|task| self.task_serves(*task, port))?;
            Some((container.name.clone(), root))
        })
    }

    fn listener<'a>(
        &'a self,
        sandbox: &'a Sandbox,
        port: u32,
        cx: &Context<'_>,
    ) -> Option<(&'a Container, &'a ImageSpec)> {
        self.listening(sandbox, port).find(|(container, spec)| container.answers(spec, cx.now()))
    }

    /// The containers of a pod that listen on `port`; a stand-in listens on all.
    fn listening<'a>(
        &'a self,
        sandbox: &'a Sandbox,
        port: u32,
    ) -> impl Iterator<Item = (&'a Container, &'a ImageSpec)> {
        sandbox.containers.iter().filter(|container| container.running()).filter_map(move |container| {
            match self.images.find(&container.image) {
                Found::Known(spec) if spec.ports.contains(&port) => Some((container, spec)),
                Found::StandIn(spec) => Some((container, spec)),
                _ => None,
            }
        })
    }

    /// Tries what a probe or hook is about, and says how it went.
    pub(super) fn probe(&mut self, call: CriCall, cx: &mut Context<'_>) {
        let CriCall::Probe { pod, container: name, attempt, kind, action, timeout_ms } = call else { return };
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let Some(container) = sandbox.container(&name).filter(|container| container.attempt == attempt)
        else {
            return;
        };
        let start = container.number;
        let result = match &action {
            _ if container.struck().probes_fail
                && !matches!(kind, ProbeKind::PostStart | ProbeKind::PreStop) =>
            {
                ProbeResult::Failure("the probe was made to fail".into())
            }
            ProbeAction::Exec { command } => {
                let (command, timeout) = (command.clone(), Duration::millis(timeout_ms));
                return self.run_check(start, kind, attempt, &command, timeout, cx);
            }
            ProbeAction::Sleep { seconds } => {
                let result =
                    CriEvent::Probed { pod, container: name, attempt, kind, result: ProbeResult::Success };
                let kubelet = crate::sim::Process::Kubelet(self.machine);
                return cx.send_after(Duration::seconds(*seconds), kubelet, Body::CriEvent(result));
            }
            action => self.try_port(sandbox, action, timeout_ms, cx),
        };
        self.tell(CriEvent::Probed { pod, container: name, attempt, kind, result }, cx);
    }

    /// A probe that goes over the network of the node.
    fn try_port(
        &self,
        sandbox: &Sandbox,
        action: &ProbeAction,
        timeout_ms: u64,
        cx: &Context<'_>,
    ) -> ProbeResult {
        let address = std::net::Ipv4Addr::from(sandbox.ip);
        let refused = |port: u32| format!("dial tcp {address}:{port}: connect: connection refused");
        match action {
            ProbeAction::Tcp { port } if self.listens(sandbox, *port, cx) => ProbeResult::Success,
            ProbeAction::Tcp { port } => ProbeResult::Failure(refused(*port).into()),
            ProbeAction::Grpc { port } if self.listens(sandbox, *port, cx) => ProbeResult::Success,
            ProbeAction::Grpc { port } => {
                let within = Duration::millis(timeout_ms);
                ProbeResult::Failure(
                    format!("timeout: failed to connect service \"{address}:{port}\" within {within}: context deadline exceeded").into(),
                )
            }
            ProbeAction::Http { scheme, port, path } => match self.listener(sandbox, *port, cx) {
                None if self.task_on(sandbox, *port).is_some() => ProbeResult::Success,
                None => ProbeResult::Failure(
                    format!("Get \"{scheme}://{address}:{port}{path}\": {}", refused(*port)).into(),
                ),
                Some((_, spec)) if spec.fail_percent >= 100 => match spec.fail_status {
                    status @ 300..400 => ProbeResult::Warning(
                        format!("Probe terminated redirects, Response body: {status}").into(),
                    ),
                    status if status >= 400 => {
                        ProbeResult::Failure(format!("HTTP probe failed with statuscode: {status}").into())
                    }
                    _ => ProbeResult::Success,
                },
                Some(_) => ProbeResult::Success,
            },
            ProbeAction::Exec { .. } | ProbeAction::Sleep { .. } => ProbeResult::Success,
        }
    }

    fn listens(&self, sandbox: &Sandbox, port: u32, cx: &Context<'_>) -> bool {
        self.listener(sandbox, port, cx).is_some() || self.task_on(sandbox, port).is_some()
    }
}

/// The text of an HTTP answer.
fn answer_of(container: &Container, spec: &ImageSpec, sandbox: &Sandbox) -> Str {
    if spec.root.is_empty() {
        let text = if spec.answer.is_empty() { &container.image } else { &spec.answer };
        format!("{text} from {}\n", sandbox.key.name).into()
    } else {
        spec.answer.clone()
    }
}
