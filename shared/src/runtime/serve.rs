//! How containers answer requests and probes.

use std::sync::Arc;

use crate::api::Uid;
use crate::doc::Str;
use crate::network::{Failure, node_address};
use crate::sim::{
    Body, Context, CriCall, CriEvent, Duration, Packet, PacketStep, ProbeAction, ProbeKind, ProbeResult,
    Protocol,
};

use super::image::{Found, ImageSpec};
use super::server::{Answered, Asked, Kept, Server, Service};
use super::tasks::Asker;
use super::{Container, Runtime, Sandbox, tasks};

/// How long a node asks who has an address of its pod network.
const NEIGHBOUR_TIMEOUT: Duration = Duration::seconds(3);
/// The luck of a probe: only what fails always is unhealthy.
const SURELY: u64 = 99;

impl Runtime {
    /// A request reached an address of this node. An address that no pod has answers nothing.
    pub(super) fn serve(&mut self, packet: &Packet, ip: u32, port: u32, cx: &mut Context<'_>) {
        let pod = match self.by_address.get(&ip) {
            None if ip == node_address(self.machine) => {
                let Some(pod) = self.on_host(packet.protocol, port, cx) else {
                    let step = PacketStep::Answer { status: None, detail: Failure::Refused.text() };
                    return cx.send(packet.origin, Body::Packet(Packet { step, ..packet.clone() }));
                };
                Some(pod)
            }
            pod => pod.copied(),
        };
        let found = pod.and_then(|pod| Some((pod, self.sandboxes.get(&pod)?)));
        let Some((pod, sandbox)) = found else {
            // Nobody says that the address is theirs; the node knows after a while.
            let step = PacketStep::Answer { status: None, detail: Failure::NoRoute.text() };
            let answer = Body::Packet(Packet { step, ..packet.clone() });
            return cx.send_after(NEIGHBOUR_TIMEOUT, packet.origin, answer);
        };
        let detail: Str = format!("{}/{}", sandbox.key.namespace, sandbox.key.name).into();
        let http = packet.http.as_deref();
        let asked = Asked {
            method: http.map_or("GET", |http| &http.method),
            path: &packet.text,
            body: http.map_or("", |http| &http.body),
            speaks_http: http.is_some_and(|http| !http.method.is_empty()),
            protocol: packet.protocol,
            port,
            client: packet.client,
            date: cx.timestamp(),
        };
        // Spread over the numbers of requests, so that no draw is needed.
        let luck = packet.number.wrapping_mul(61) % 100;
        let (status, text, detail) = match self.respond(pod, &asked, luck, cx) {
            Some((start, mut answered)) => {
                let images = Arc::clone(&self.images);
                if let Some((_, container)) = self.numbered_mut(start)
                    && let Some(spec) = images.find(&container.image).spec()
                {
                    container.works(spec, cx.now());
                }
                let (first, silent, closes) = (answered.first.take(), answered.silent, answered.closes);
                let answer = (Some(answered.status), self.heed(start, answered, cx), detail);
                match first {
                    Some(first) => {
                        let asker = Asker::Far(Box::new(packet.clone()));
                        return self.answer_later((pod, start), first, asker, cx);
                    }
                    None if silent => return,
                    None if closes => (None, Str::new(), Failure::Empty.text()),
                    None => answer,
                }
            }
            None => (None, Str::new(), Failure::Refused.text()),
        };
        let step = PacketStep::Answer { status, detail };
        cx.send(packet.origin, Body::Packet(Packet { step, text, ..packet.clone() }));
    }

    /// Which of the pods in the node's own network listens on a port.
    fn on_host(&self, protocol: Protocol, port: u32, cx: &Context<'_>) -> Option<Uid> {
        let node = node_address(self.machine);
        let mut pods = self.sandboxes.iter().filter(|(_, sandbox)| sandbox.ip == node);
        let listens = |sandbox: &Sandbox| {
            self.listener(sandbox, port, cx).is_some() || self.task_on(sandbox, (protocol, port)).is_some()
        };
        pods.find(|(_, sandbox)| listens(sandbox)).map(|(pod, _)| *pod)
    }

    /// The answer of whatever listens on a port of a pod, and the start of the container that it runs in. Who asks for no
    /// path only wants to know whether an answer comes. `luck` decides, of a hundred, whether it is a failure.
    fn respond(
        &mut self,
        pod: Uid,
        asked: &Asked<'_>,
        luck: u64,
        cx: &Context<'_>,
    ) -> Option<(u64, Answered)> {
        let sandbox = self.sandboxes.get(&pod)?;
        let asks = !asked.path.is_empty();
        let (container, root, answered) = match self.listener(sandbox, asked.port, cx) {
            // Redis and Postgres take a request for no command of theirs, and hang up.
            Some((container, spec)) if asked.speaks_http && !spec.http => {
                (container, None, Answered { closes: true, ..Answered::default() })
            }
            Some((container, spec)) => {
                let fails = luck < u64::from(spec.fail_percent);
                let text = if asks { answer_of(container, spec, sandbox) } else { Str::new() };
                let root = Some((&spec.root, false)).filter(|(root, _)| !root.is_empty() && !fails);
                (container, root, Answered::new(if fails { spec.fail_status } else { 200 }, text))
            }
            None => {
                let (container, server) = self.task_on(sandbox, (asked.protocol, asked.port))?;
                let runs = container.own_since.map_or(Duration::ZERO, |since| cx.now().since(since));
                let root = match &server.service {
                    Service::Files(root, lists) => Some((root, *lists)),
                    _ => None,
                };
                (container, root, server.answer(asked, &tasks::hostname(sandbox), runs))
            }
        };
        let (start, name) = (container.number, container.name.clone());
        Some(match root.filter(|_| asks).map(|(root, lists)| (root.clone(), lists)) {
            Some((root, lists)) => (start, self.page(pod, &name, (&root, lists), asked)),
            None => (start, answered),
        })
    }

    /// What answering did to the program; gives back the text.
    fn heed(&mut self, start: u64, answered: Answered, cx: &mut Context<'_>) -> Str {
        if let (Some(line), Some((_, container))) = (answered.log, self.numbered_mut(start)) {
            container.log.write(cx.timestamp(), &format!("{line}\n"));
            self.tell_followers(start, false, cx);
        }
        if let Some(kept) = answered.kept {
            self.keep(start, &kept);
        }
        if let Some(code) = answered.exit {
            self.container_ends(start, code, false, cx);
        }
        answered.text
    }

    /// What a server of files answers.
    fn page(
        &mut self,
        pod: Uid,
        container: &str,
        (root, lists): (&str, bool),
        asked: &Asked<'_>,
    ) -> Answered {
        if !matches!(asked.method, "GET" | "HEAD") {
            return Answered::new(405, refusal(root, 405));
        }
        match self.served_file(pod, container, (root, lists), asked.path) {
            Some(text) => Answered::new(200, text),
            None => Answered::new(404, refusal(root, 404)),
        }
    }

    /// The programs of a container keep something of a request.
    fn keep(&mut self, start: u64, kept: &Kept) {
        let tasks =
            self.numbered_mut(start).map(|(_, container)| container.tasks.clone()).unwrap_or_default();
        for number in tasks {
            let server = self.tasks.get_mut(&number).and_then(|running| running.task.serves.as_mut());
            if let Some(server) = server {
                server.keep(kept);
            }
        }
    }

    /// The container whose command line names a program that listens on a port, and that program.
    fn task_on<'a>(
        &'a self,
        sandbox: &'a Sandbox,
        port: (Protocol, u32),
    ) -> Option<(&'a Container, &'a Server)> {
        let running = sandbox.containers.iter().filter(|container| container.running());
        running.into_iter().find_map(|container| {
            let server = container.tasks.iter().find_map(|task| self.task_serves(*task, port))?;
            Some((container, server))
        })
    }

    pub(super) fn listener<'a>(
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
            action => {
                let asker = Asker::Kubelet(start, kind, attempt);
                match self.try_port((pod, sandbox.ip), action, timeout_ms, asker, cx) {
                    Some(result) => result,
                    None => return,
                }
            }
        };
        self.tell(CriEvent::Probed { pod, container: name, attempt, kind, result }, cx);
    }

    /// A probe that goes over the network of the node. What asks others in its turn tells later.
    fn try_port(
        &mut self,
        (pod, ip): (Uid, u32),
        action: &ProbeAction,
        timeout_ms: u64,
        asker: Asker,
        cx: &mut Context<'_>,
    ) -> Option<ProbeResult> {
        let address = std::net::Ipv4Addr::from(ip);
        let refused = |port: u32| format!("dial tcp {address}:{port}: connect: connection refused");
        Some(match action {
            ProbeAction::Tcp { port } if self.listens(pod, *port, false, cx) => ProbeResult::Success,
            ProbeAction::Tcp { port } => ProbeResult::Failure(refused(*port).into()),
            ProbeAction::Grpc { port } if self.listens(pod, *port, true, cx) => ProbeResult::Success,
            ProbeAction::Grpc { port } => {
                let within = Duration::millis(timeout_ms);
                ProbeResult::Failure(
                    format!("timeout: failed to connect service \"{address}:{port}\" within {within}: context deadline exceeded").into(),
                )
            }
            ProbeAction::Http { scheme, port, path } => {
                let (protocol, date) = (Protocol::Tcp, cx.timestamp());
                let (port, method, speaks_http) = (*port, "GET", true);
                let asked = Asked { method, path, body: "", speaks_http, protocol, port, client: ip, date };
                let fault = |why: &str| {
                    let why = format!("Get \"{scheme}://{address}:{port}{path}\": {why}");
                    Some(ProbeResult::Failure(why.into()))
                };
                let Some((start, mut answered)) = self.respond(pod, &asked, SURELY, cx) else {
                    return fault(&refused(port));
                };
                if answered.closes {
                    return fault("EOF");
                }
                if *scheme == "https" && !self.speaks_tls(pod, port) {
                    return fault("http: server gave HTTP response to HTTPS client");
                }
                let (status, first) = (answered.status, answered.first.take());
                self.heed(start, answered, cx);
                if let Some(first) = first {
                    self.answer_later((pod, start), first, asker, cx);
                    return None;
                }
                match status {
                    300..400 => ProbeResult::Warning(
                        format!("Probe terminated redirects, Response body: {status}").into(),
                    ),
                    400.. => {
                        ProbeResult::Failure(format!("HTTP probe failed with statuscode: {status}").into())
                    }
                    _ => ProbeResult::Success,
                }
            }
            ProbeAction::Exec { .. } | ProbeAction::Sleep { .. } => ProbeResult::Success,
        })
    }

    /// Programs speak TLS on the ports that are meant for it; what an image that nobody knows does there is believed.
    fn speaks_tls(&self, pod: Uid, port: u32) -> bool {
        let unknown = |sandbox: &Sandbox| {
            let images = sandbox.containers.iter().map(|container| &container.image);
            images.into_iter().any(|image| matches!(self.images.find(image), Found::StandIn(_)))
        };
        port % 1000 == 443 || port == 10_250 || self.sandboxes.get(&pod).is_some_and(unknown)
    }

    /// Whether something takes connections on a port. Images but those of servers of files are taken at their word that it
    /// speaks gRPC.
    fn listens(&self, pod: Uid, port: u32, grpc: bool, cx: &Context<'_>) -> bool {
        let Some(sandbox) = self.sandboxes.get(&pod) else { return false };
        let program = self.task_on(sandbox, (Protocol::Tcp, port)).map(|(_, server)| server);
        self.listener(sandbox, port, cx).is_some_and(|(_, spec)| !grpc || spec.root.is_empty())
            || program.is_some_and(|server| !grpc || server.speaks_grpc(port))
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

/// What a server of files says in place of one, by the directory that it serves: each has its own words.
fn refusal(root: &str, status: u32) -> String {
    let words = if status == 404 { "Not Found" } else { "Not Allowed" };
    if root.contains("nginx") {
        return format!(
            "<html>\r\n<head><title>{status} {words}</title></head>\r\n<body>\r\n<center><h1>{status} {words}</h1></center>\r\n\
             <hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
        );
    }
    if root.contains("apache") {
        let why = if status == 404 {
            "The requested URL was not found"
        } else {
            "The requested method is not allowed"
        };
        return format!(
            "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {words}</title>\n\
             </head><body>\n<h1>{words}</h1>\n<p>{why} on this server.</p>\n</body></html>\n"
        );
    }
    format!("{status} {words}\n")
}
