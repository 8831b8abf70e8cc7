//! How containers answer requests and probes.

use crate::doc::Str;
use crate::sim::{Body, Context, CriCall, CriEvent, Packet, PacketStep, ProbeAction};

use super::image::{Found, ImageSpec};
use super::{Container, Runtime, Sandbox};

impl Runtime {
    /// A request reached an address of this node. An address that no pod has answers nothing.
    pub(super) fn serve(&mut self, packet: &Packet, ip: u32, port: u32, cx: &mut Context<'_>) {
        let Some(&pod) = self.by_address.get(&ip) else { return };
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let mut served = None;
        let step = match self.listener(sandbox, port, cx) {
            None => PacketStep::Answer { status: None, detail: "connection refused".into() },
            Some((container, spec)) => {
                served = Some(container.number);
                // Spread over the numbers of requests, so that no draw is needed.
                let fails = packet.number.wrapping_mul(61) % 100 < u64::from(spec.fail_percent);
                let status = if fails { spec.fail_status } else { 200 };
                let detail = format!("{}/{}", sandbox.key.namespace, sandbox.key.name);
                PacketStep::Answer { status: Some(status), detail: detail.into() }
            }
        };
        if let Some((_, container)) = served.and_then(|number| self.numbered_mut(number)) {
            container.served += 1;
        }
        cx.send(packet.origin, Body::Packet(Packet { step, ..packet.clone() }));
    }

    /// The text that a pod's container answers on a port: `todo-api v1.0`.
    pub fn answer_text(&self, pod: u128, port: u32, cx_now: crate::sim::Time) -> Option<Str> {
        let sandbox = self.sandboxes.get(&pod)?;
        let (container, spec) =
            self.listening(sandbox, port).find(|(container, spec)| container.answers(spec, cx_now))?;
        Some(if spec.answer.is_empty() { container.image.clone() } else { spec.answer.clone() })
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

    pub(super) fn probe(&mut self, call: CriCall, cx: &mut Context<'_>) {
        let CriCall::Probe { pod, container: name, attempt, kind, action } = call else { return };
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let Some(container) = sandbox.container(&name).filter(|container| container.attempt == attempt)
        else {
            return;
        };
        let failure = self.probe_failure(sandbox, container, &action, cx);
        self.tell(CriEvent::Probed { pod, container: name, attempt, kind, failure }, cx);
    }

    fn probe_failure(
        &self,
        sandbox: &Sandbox,
        container: &Container,
        action: &ProbeAction,
        cx: &Context<'_>,
    ) -> Option<Str> {
        let address = std::net::Ipv4Addr::from(sandbox.ip);
        match action {
            ProbeAction::Exec => {
                let spec = self.images.find(&container.image).spec()?;
                (!container.answers(spec, cx.now())).then(|| "command terminated with exit code 1".into())
            }
            ProbeAction::Tcp { port } => {
                let refused = self.listener(sandbox, *port, cx).is_none();
                refused.then(|| format!("dial tcp {address}:{port}: connect: connection refused").into())
            }
            ProbeAction::Http { port, path } => match self.listener(sandbox, *port, cx) {
                None => Some(
                    format!("Get \"http://{address}:{port}{path}\": dial tcp {address}:{port}: connect: connection refused")
                        .into(),
                ),
                Some((_, spec)) if spec.fail_percent >= 100 && spec.fail_status >= 400 => {
                    Some(format!("HTTP probe failed with statuscode: {}", spec.fail_status).into())
                }
                Some(_) => None,
            },
        }
    }
}
