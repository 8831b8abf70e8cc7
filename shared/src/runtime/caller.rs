//! Requests that pods send: those of the program of a client image (one a second to the URL in its environment variable
//! `TARGET`), and those of sources of traffic.

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::Str;
use crate::network::{Ending, Failure, Tally, Url, resolve_outside};
use crate::sim::{Body, Causes, Context, Duration, Packet, PacketStep, Process, Timer};

use super::Runtime;

/// Between two requests of a client, and how long an answer may take.
const INTERVAL: Duration = Duration::seconds(1);
const DEFAULT_TARGET: &str = "http://todo-api:8080";

/// A container that sends requests.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Caller {
    /// How they go.
    pub tally: Tally,
}

/// Who waits for the answer to a request.
#[derive(Codec, Clone, PartialEq, Eq, Debug, Hash)]
pub enum Asker {
    /// A container's own program, by the number of its start.
    Container(u64),
    /// A source of traffic, by its name.
    Source(Str),
}

/// A request that waits for its answer.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Call {
    /// The pod that sent it.
    pub pod: Uid,
    /// Who waits.
    pub asker: Asker,
    /// Where to.
    pub url: Url,
    /// Whether the address is known.
    pub resolved: bool,
    /// Names that are still to be tried, the next one last.
    pub names: Vec<Str>,
}

impl Runtime {
    /// It is time for a container's next request.
    pub(super) fn call_next(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some((pod, name)) = self.numbered.get(&number) else { return };
        let container = self.sandboxes.get(pod).and_then(|sandbox| sandbox.container(name));
        let Some(container) = container.filter(|container| container.running()) else { return };
        let target = container.variable("TARGET").map_or(DEFAULT_TARGET, |target| target.as_str());
        let url = Url::parse(target);
        let pod = *pod;
        cx.because(Causes::none(), |cx| {
            match url {
                Ok(url) => self.begin_call(pod, Asker::Container(number), url, INTERVAL, cx),
                Err(_) => self.report(pod, &Asker::Container(number), &Failure::UnknownHost.into(), cx),
            }
            cx.timer(INTERVAL, Timer { number, ..Timer::named("call") });
        });
    }

    /// Sends a request from a pod for a source of traffic; false when nothing of the pod runs here.
    pub fn call_for(
        &mut self,
        pod: Uid,
        source: Str,
        url: Url,
        timeout: Duration,
        cx: &mut Context<'_>,
    ) -> bool {
        let sandbox = self.sandboxes.get(&pod);
        let runs = sandbox.is_some_and(|sandbox| sandbox.containers.iter().any(super::Container::running));
        if runs {
            cx.because(Causes::none(), |cx| self.begin_call(pod, Asker::Source(source), url, timeout, cx));
        }
        runs
    }

    /// How requests for sources of traffic ended since last asked.
    pub fn take_heard(&mut self) -> Vec<(Str, Ending)> {
        std::mem::take(&mut self.heard)
    }

    fn begin_call(&mut self, pod: Uid, asker: Asker, url: Url, timeout: Duration, cx: &mut Context<'_>) {
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let namespace = sandbox.key.namespace.clone();
        let config = sandbox.dns.clone();
        let own = (url.host == sandbox.key.name).then_some(sandbox.ip);
        let known =
            url.address().or(own).or_else(|| config.as_ref().and_then(|config| config.host(&url.host)));
        let number = self.fresh_number();
        let (host, names) = (url.host.clone(), Vec::new());
        self.calls.insert(number, Call { pod, asker, url, resolved: false, names });
        cx.timer(timeout, Timer { number, ..Timer::named("no answer") });
        match (known, config) {
            (Some(ip), _) => self.connect(number, ip, 0, cx),
            (None, None) => self.ask_dns(number, host, namespace, cx),
            (None, Some(config)) if config.cluster => {
                let mut names = config.candidates(&host);
                names.reverse();
                if let Some(call) = self.calls.get_mut(&number) {
                    call.names = names;
                }
                self.next_name(number, cx);
            }
            // Its server is one outside, which knows nothing of the cluster.
            (None, Some(config)) => {
                match config.candidates(&host).iter().find_map(|name| resolve_outside(name)) {
                    Some(ip) => self.connect(number, ip, 0, cx),
                    None => self.call_ended(number, &Failure::UnknownHost.into(), cx),
                }
            }
        }
    }

    fn ask_dns(&self, number: u64, name: Str, namespace: Str, cx: &mut Context<'_>) {
        self.send(number, Process::CoreDns, PacketStep::Lookup { name, namespace }, cx);
    }

    fn next_name(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        match call.names.pop() {
            Some(name) => self.ask_dns(number, format!("{name}.").into(), Str::new(), cx),
            None => self.call_ended(number, &Failure::UnknownHost.into(), cx),
        }
    }

    fn connect(&mut self, number: u64, ip: u32, port: u32, cx: &mut Context<'_>) {
        let Some(call) = self.calls.get_mut(&number) else { return };
        call.resolved = true;
        let port = if port == 0 { call.url.port } else { port };
        self.send(number, Process::KubeProxy(self.machine), PacketStep::ToService { ip, port }, cx);
    }

    fn send(&self, number: u64, to: Process, step: PacketStep, cx: &mut Context<'_>) {
        let Some(call) = self.calls.get(&number) else { return };
        let Some(sandbox) = self.sandboxes.get(&call.pod) else { return };
        let origin = Process::Runtime(self.machine);
        let (protocol, http) = (call.url.protocol, call.url.http.clone());
        let (client, text) = (sandbox.ip, Str::new());
        cx.send(to, Body::Packet(Packet { number, origin, client, protocol, http, text, step }));
    }

    /// The DNS server answered.
    pub(super) fn resolved(&mut self, packet: &Packet, ips: &[u32], port: u32, cx: &mut Context<'_>) {
        let number = packet.number;
        // Of several addresses each request takes another.
        match ips.get((number % ips.len().max(1) as u64) as usize) {
            Some(&ip) => self.connect(number, ip, port, cx),
            None => self.next_name(number, cx),
        }
    }

    /// A call waited long enough.
    pub(super) fn no_answer(&mut self, number: u64, cx: &Context<'_>) {
        let Some(call) = self.calls.get(&number) else { return };
        let failure = if call.resolved { Failure::TimedOut } else { Failure::NoDns };
        self.call_ended(number, &failure.into(), cx);
    }

    /// A call ended.
    pub(super) fn call_ended(&mut self, number: u64, ending: &Ending, cx: &Context<'_>) {
        if let Some(call) = self.calls.remove(&number) {
            self.report(call.pod, &call.asker, ending, cx);
        }
    }

    fn report(&mut self, pod: Uid, asker: &Asker, ending: &Ending, cx: &Context<'_>) {
        let number = match asker {
            Asker::Container(number) => *number,
            Asker::Source(source) => return self.heard.push((source.clone(), ending.clone())),
        };
        let Some((_, name)) = self.numbered.get(&number) else { return };
        let Some(container) = self.sandboxes.get_mut(&pod).and_then(|sandbox| sandbox.container_mut(name))
        else {
            return;
        };
        let verdict = if ending.failure.is_none() { "ok" } else { "failed:" };
        container.log.line(cx.timestamp(), format!("{verdict} {}", ending.detail));
        if let Some(caller) = &mut container.client {
            caller.tally.record(cx.now(), ending);
        }
    }
}
