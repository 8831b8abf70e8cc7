//! Requests that programs in containers send over the simulated network.

use crate::api::Uid;
use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::codec::Codec;
use crate::doc::Str;
use crate::network::resolve_outside;
use crate::sim::{
    Body, Causes, Context, DnsAnswer, EMPTY_REPLY, HttpTarget, Packet, PacketStep, Process, Timer,
};

use super::super::shell::{Answer, Request};
use super::super::{Runtime, Sandbox};

/// A request under way.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(in crate::runtime) struct Asked {
    /// Whose: the number of a task, or of a request that is answered when this is.
    pub(in crate::runtime) by: u64,
    port: Option<u32>,
    /// Whether the address is known.
    resolved: bool,
}

/// The address of a name that the pod's hosts file has, or a DNS server of its own.
fn own_names(sandbox: &Sandbox, host: &str) -> Option<u32> {
    let config = sandbox.dns.as_ref()?;
    let outside = || config.candidates(host).iter().find_map(|name| resolve_outside(name));
    config.host(host).or_else(|| if config.cluster { None } else { outside() })
}

impl Runtime {
    pub(super) fn send_request(&mut self, by: u64, pod: Uid, request: &Request, cx: &mut Context<'_>) {
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let (client, namespace) = (sandbox.ip, sandbox.key.namespace.clone());
        let known = match request.host.as_str() {
            "localhost" => Some(client),
            host if *host == *super::place::hostname(sandbox) => Some(client),
            host => match host.parse::<Ipv4Addr>() {
                Ok(address) if address.is_loopback() => Some(client),
                address => address.ok().map(u32::from).or_else(|| own_names(sandbox, host)),
            },
        };
        let number = self.fresh_number();
        let asked = Asked { by, port: request.port, resolved: known.is_some() };
        self.asked.insert(number, asked);
        let me = Process::Runtime(self.machine);
        let (to, step) = match (known, request.port) {
            (Some(ip), Some(port)) if ip == client => (me, PacketStep::ToPod { ip, port }),
            (Some(ip), Some(port)) => (Process::KubeProxy(self.machine), PacketStep::ToService { ip, port }),
            (Some(ip), None) => {
                let name = request.host.clone();
                let found = DnsAnswer { name, ips: vec![ip], ..DnsAnswer::default() };
                return self.task_answered(number, Answer::Found(found), cx);
            }
            (None, _) => (Process::CoreDns, PacketStep::Lookup { name: request.host.clone(), namespace }),
        };
        let wait = request.deadline(cx.now()).since(cx.now());
        let (text, protocol) = (request.path.clone(), request.protocol);
        let target = HttpTarget {
            method: request.method.clone(),
            tls: request.tls,
            host: request.host.clone(),
            path: text.clone(),
            body: request.sends.clone(),
            content_type: request.content_type.clone(),
            authorization: request.authorization.clone(),
        };
        let http = Some(Arc::new(target));
        cx.because(Causes::none(), |cx| {
            cx.send(to, Body::Packet(Packet { number, origin: me, client, protocol, http, text, step }));
            cx.timer(wait, Timer { number, ..Timer::named("no reply") });
        });
    }

    /// A packet on its way back to a program, or one that a program sent to its own pod.
    pub(in crate::runtime) fn task_packet(&mut self, packet: Packet, cx: &mut Context<'_>) {
        let answer = match packet.step.clone() {
            PacketStep::ToPod { ip, port } => return self.serve(&packet, ip, port, cx),
            PacketStep::Resolved(found) => {
                match (found.ips.first().copied(), self.asked.get_mut(&packet.number)) {
                    (Some(ip), Some(Asked { port: Some(port), resolved, .. })) => {
                        *resolved = true;
                        let step = PacketStep::ToService { ip, port: *port };
                        let to = Process::KubeProxy(self.machine);
                        return cx.send(to, Body::Packet(Packet { step, ..packet }));
                    }
                    (_, Some(Asked { port: None, .. })) if !found.name.is_empty() => {
                        Answer::Found(Arc::unwrap_or_clone(found))
                    }
                    _ => Answer::NoName,
                }
            }
            PacketStep::Answer { status: Some(status), detail } => {
                let own_authority = *detail == *"kube-apiserver";
                Answer::Http { status, text: packet.text.clone(), own_authority }
            }
            PacketStep::Answer { detail, .. } if detail == EMPTY_REPLY => Answer::Empty,
            PacketStep::Answer { .. } => Answer::Refused,
            PacketStep::ToService { .. } | PacketStep::Lookup { .. } => return,
        };
        self.task_answered(packet.number, answer, cx);
    }

    /// A program's request was answered, or was given up.
    pub(in crate::runtime) fn task_answered(&mut self, number: u64, answer: Answer, cx: &mut Context<'_>) {
        let Some(asked) = self.asked.remove(&number) else { return };
        let answer = match answer {
            Answer::TimedOut if !asked.resolved => Answer::NoServer,
            answer => answer,
        };
        let Some(mut running) = self.tasks.remove(&asked.by) else {
            return self.dialled(asked.by, &answer, cx);
        };
        let (progress, effects) = self.with_surroundings(asked.by, &mut running, cx, |task, world| {
            task.answered(&answer, world);
            task.run(world)
        });
        self.go_on(asked.by, running, progress, effects, cx);
    }

    /// The text of a file that a server in a container gives, by the path of a request; with `lists` the names in a
    /// directory that has no page.
    pub(in crate::runtime) fn served_file(
        &mut self,
        pod: Uid,
        container: &str,
        (root, lists): (&str, bool),
        path: &str,
    ) -> Option<Str> {
        let path = path.split('?').next().unwrap_or("").trim_matches('/');
        let place = format!("{root}/{path}").trim_matches('/').to_owned();
        let index = format!("{place}/index.html").trim_start_matches('/').to_owned();
        self.with_files(pod, container, |files| {
            if !files.is_directory(&place) {
                return files.read(&place).ok();
            }
            let names = |place: &str| {
                let names = files.list(place);
                let links = names.iter().map(|name| format!("<a href=\"{name}\">{name}</a>\n"));
                Str::from(format!("<pre>\n{}</pre>\n", links.collect::<String>()))
            };
            files.read(&index).ok().or_else(|| lists.then(|| names(&place)))
        })?
    }
}
