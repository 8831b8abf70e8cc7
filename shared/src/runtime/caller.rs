//! The program of a client image: a request a second to the URL in its environment variable `TARGET`.

use std::net::Ipv4Addr;

use crate::doc::Str;
use crate::network::Tally;
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Timer};

use super::{Container, Runtime};

/// Between two requests, and how long an answer may take.
const INTERVAL: Duration = Duration::seconds(1);
const DEFAULT_TARGET: &str = "http://todo-api:8080";

/// A container that sends requests.
#[derive(Clone, Debug, Hash, Default)]
pub struct Caller {
    /// How they go.
    pub tally: Tally,
}

/// A request that waits for its answer.
#[derive(Clone, Debug, Hash)]
pub struct Call {
    /// The pod that sent it.
    pub pod: u128,
    /// The container that sent it, by the number of its start.
    pub container: u64,
    /// The port to connect to, once the name is resolved.
    pub port: u32,
}

/// Host and port of a URL; port 80 when it names none.
fn host_and_port(url: &str) -> (&str, u32) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or("");
    match authority.split_once(':') {
        Some((host, port)) => (host, port.parse().unwrap_or(80)),
        None => (authority, 80),
    }
}

impl Runtime {
    /// It is time for a container's next request.
    pub(super) fn call_next(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some((pod, name)) = self.numbered.get(&number).cloned() else { return };
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let Some(container) = sandbox.container(&name).filter(|container| container.running()) else {
            return;
        };
        let target = container.variable("TARGET").map_or(DEFAULT_TARGET, |target| target.as_str());
        let (host, port) = host_and_port(target);
        let client = sandbox.ip;
        let me = Process::Runtime(self.machine);
        let (to, step) = match host.parse::<Ipv4Addr>() {
            Ok(address) => {
                (Process::KubeProxy(self.machine), PacketStep::ToService { ip: address.into(), port })
            }
            Err(_) => {
                let namespace = sandbox.key.namespace.clone();
                (Process::CoreDns, PacketStep::Lookup { name: host.into(), namespace })
            }
        };
        let call = self.fresh_number();
        self.calls.insert(call, Call { pod, container: number, port });
        cx.because(Causes::none(), |cx| {
            cx.send(to, Body::Packet(Packet { number: call, origin: me, client, text: Str::new(), step }));
            cx.timer(INTERVAL, Timer { number: call, ..Timer::named("no answer") });
            cx.timer(INTERVAL, Timer { number, ..Timer::named("call") });
        });
    }

    /// The name of a call's target is known: on to the address.
    pub(super) fn resolved(&mut self, packet: &Packet, ips: &[u32], cx: &mut Context<'_>) {
        let Some(call) = self.calls.get(&packet.number) else { return };
        let Some(&ip) = ips.first() else {
            return self.call_ended(packet.number, false, "could not resolve host".into(), cx);
        };
        let step = PacketStep::ToService { ip, port: call.port };
        cx.send(Process::KubeProxy(self.machine), Body::Packet(Packet { step, ..packet.clone() }));
    }

    /// A call got its answer, or none.
    pub(super) fn call_ended(&mut self, number: u64, ok: bool, detail: Str, cx: &mut Context<'_>) {
        let Some(call) = self.calls.remove(&number) else { return };
        let Some((_, name)) = self.numbered.get(&call.container) else { return };
        let Some(container) =
            self.sandboxes.get_mut(&call.pod).and_then(|sandbox| sandbox.container_mut(name))
        else {
            return;
        };
        report(container, ok, detail, cx);
        self.tell_followers(call.container, false, cx);
    }
}

fn report(container: &mut Container, ok: bool, detail: Str, cx: &Context<'_>) {
    let line = format!("{} {detail}", if ok { "ok" } else { "failed:" });
    container.log.line(cx.timestamp(), line);
    if let Some(caller) = &mut container.client {
        caller.tally.record(cx.now(), ok, detail);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn reads_urls() {
        for (url, host, port) in [
            ("http://todo-api:8080", "todo-api", 8080),
            ("http://web/path?x=1:2", "web", 80),
            ("10.96.3.4:90", "10.96.3.4", 90),
        ] {
            assert_eq!(super::host_and_port(url), (host, port));
        }
    }
}
