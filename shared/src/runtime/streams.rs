//! Connections from outside: programs that are given their input bit by bit (`exec`, `attach`), and ports that are
//! forwarded.

use crate::api::Uid;
use std::sync::Arc;

use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{
    Body, Causes, Context, CriEvent, Duration, ExecOptions, ExecResult, HttpTarget, NodeReply, Packet,
    PacketStep, Process, Protocol, StreamInput, Timer,
};

use super::logs::Follower;
use super::tasks::Role;
use super::{Container, Runtime, container_id};

/// How long a forwarded request may take.
const PATIENCE: Duration = Duration::seconds(30);

/// A connection to a program.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Stream {
    task: u64,
    tty: bool,
    /// The container's own program, which lives on: the number of the call that reads what it writes, and whether what
    /// comes is for it.
    attached: Option<(u64, bool)>,
}

/// A request to a port.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Forward {
    call: u64,
    pod: Uid,
    port: u32,
}

impl Forward {
    /// What the runtime says where nobody listens, or nobody answers.
    fn failure(&self, answered: bool) -> Str {
        let (port, id) = (self.port, sandbox_id(self.pod));
        let why = if answered { "connection refused" } else { "connection timed out" };
        let digits: Vec<&str> = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &id[part]).into();
        format!(
            "error forwarding port {port} to pod {id}, uid : failed to execute portforward in network namespace \
             \"/var/run/netns/cni-{}\": failed to connect to localhost:{port} inside namespace \"{id}\", IPv4: dial tcp4 \
             127.0.0.1:{port}: connect: {why} IPv6 dial tcp6: address localhost: no suitable address ",
            digits.join("-")
        )
        .into()
    }
}

impl Runtime {
    /// Runs a program whose input comes bit by bit.
    pub(super) fn exec_stream(&mut self, call: u64, start: u64, options: &ExecOptions, cx: &mut Context<'_>) {
        let Some(number) = self.start_task(start, &options.command, Role::Stream(call, options.tty)) else {
            return;
        };
        if let Some(running) = self.tasks.get_mut(&number) {
            running.task.feed(&options.stdin, options.open);
            if options.tty {
                running.task.on_terminal();
            }
        }
        let stream = Stream { task: number, tty: options.tty, attached: None };
        self.streams.insert(options.stream.clone(), stream);
        self.tell(CriEvent::Served { call, reply: NodeReply::Output(false, Str::new()) }, cx);
        self.task_due(number, cx);
    }

    /// `kubectl attach`
    pub(super) fn attach(&mut self, call: u64, pod: Uid, options: &ExecOptions, cx: &mut Context<'_>) {
        let container = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&options.container));
        let Some(container) = container.filter(|container| container.running()) else {
            let why = format!("container not found (\"{}\")", options.container);
            return self.tell(CriEvent::Served { call, reply: NodeReply::Refused(404, why.into()) }, cx);
        };
        let task = container.tasks.first().copied().unwrap_or_default();
        let attached = Some((call, options.open && reads(container)));
        let follower = Follower::attached(container);
        self.followers.insert(call, follower);
        self.streams.insert(options.stream.clone(), Stream { task, tty: options.tty, attached });
        self.tell(CriEvent::Served { call, reply: NodeReply::Output(false, Str::new()) }, cx);
    }

    /// Something came over a connection.
    pub(super) fn stream_input(&mut self, call: u64, name: &Str, input: StreamInput, cx: &mut Context<'_>) {
        let Some(stream) = self.streams.get(name).cloned() else {
            let reply = NodeReply::Refused(404, "the connection is closed".into());
            return self.tell(CriEvent::Served { call, reply }, cx);
        };
        let full = |running: &super::tasks::Running| running.task.is_full();
        let reply = match self.tasks.get(&stream.task) {
            Some(running) if full(running) && matches!(input, StreamInput::Text(_)) => {
                NodeReply::Refused(413, "the program does not read".into())
            }
            _ => NodeReply::Taken,
        };
        let taken = reply == NodeReply::Taken;
        self.tell(CriEvent::Served { call, reply }, cx);
        let deaf = matches!(stream.attached, Some((_, false)));
        match input {
            StreamInput::Closed => self.stream_closed(name, &stream, cx),
            _ if deaf || !taken => {}
            StreamInput::Text(text) => self.feed(stream.task, &text, true, cx),
            StreamInput::End => {
                if stream.attached.is_none() || self.reads_once(stream.task) {
                    self.feed(stream.task, "", false, cx);
                }
            }
            StreamInput::Signal(signal) => {
                self.forget_requests(stream.task);
                self.signal(stream.task, signal, cx);
            }
        }
    }

    /// Nobody reads any more, nor writes.
    fn stream_closed(&mut self, name: &Str, stream: &Stream, cx: &mut Context<'_>) {
        self.streams.remove(name);
        if let Some((call, reads)) = stream.attached {
            if self.followers.remove(&call).is_some() {
                let reply = NodeReply::Exec(ExecResult::default());
                self.tell(CriEvent::Served { call, reply }, cx);
            }
            if reads && self.reads_once(stream.task) {
                self.feed(stream.task, "", false, cx);
            }
            return;
        }
        let Some(running) = self.tasks.get_mut(&stream.task) else { return };
        if let Role::Stream(call, _) = std::mem::replace(&mut running.role, Role::Left) {
            self.tell(CriEvent::Served { call, reply: NodeReply::Exec(ExecResult::default()) }, cx);
        }
        // A terminal that hangs up ends what runs on it; anything else finds the end of its input.
        if stream.tty {
            self.forget_requests(stream.task);
            self.signal(stream.task, "HUP", cx);
        } else {
            self.feed(stream.task, "", false, cx);
        }
    }

    pub(super) fn feed(&mut self, task: u64, text: &str, open: bool, cx: &mut Context<'_>) {
        if let Some(running) = self.tasks.get_mut(&task) {
            running.task.feed(text, open);
            if running.task.waits_for_input() {
                self.task_due(task, cx);
            }
        }
    }

    /// Whether the container of a task reads from the first who is attached only.
    fn reads_once(&self, task: u64) -> bool {
        let start = self.tasks.get(&task).map(|running| running.start);
        let found = start.and_then(|start| self.numbered.get(&start));
        let container = found.and_then(|(pod, name)| self.sandboxes.get(pod)?.container(name));
        container.is_some_and(|container| container.doc["stdinOnce"].as_bool() == Some(true))
    }

    /// The first program of a container reads what comes over connections, where the container is made for that.
    pub(super) fn open_main_input(&mut self, start: u64, task: Option<u64>) {
        let Some((_, container)) = self.numbered_mut(start) else { return };
        let (reads, tty) = (reads(container), container.doc["tty"].as_bool() == Some(true));
        if let (true, Some(running)) = (reads, task.and_then(|task| self.tasks.get_mut(&task))) {
            running.task.feed("", true);
            if tty {
                running.task.on_terminal();
            }
        }
    }

    /// Somebody who was attached to a program has read its end.
    pub(super) fn detach(&mut self, call: u64) {
        self.streams.retain(|_, stream| stream.attached.is_none_or(|(known, _)| known != call));
    }

    fn forget_requests(&mut self, task: u64) {
        self.asked.retain(|_, asked| asked.by != task);
    }

    /// A program has ended: nothing comes to it any more.
    pub(super) fn close_streams(&mut self, task: u64) {
        self.streams.retain(|_, stream| stream.task != task || stream.attached.is_some());
    }

    /// `kubectl port-forward`: a request from inside the pod.
    pub(super) fn port_forward(&mut self, call: u64, pod: Uid, port: u32, text: &Str, cx: &mut Context<'_>) {
        let Some(ip) = self.sandboxes.get(&pod).map(|sandbox| sandbox.ip) else {
            let id = sandbox_id(pod);
            let why = format!("failed to find sandbox \"{id}\" in store: not found");
            return self.tell(CriEvent::Served { call, reply: NodeReply::Refused(404, why.into()) }, cx);
        };
        if text.is_empty() {
            return self.tell(CriEvent::Served { call, reply: NodeReply::Taken }, cx);
        }
        let sandbox = self.sandboxes.get(&pod);
        let listener = sandbox.and_then(|sandbox| self.listener(sandbox, port, cx));
        if let Some((container, _)) = listener.filter(|(_, image)| !image.http) {
            let why = format!(
                "error forwarding port {port}: the simulated {} (container {}) answers no HTTP, and nothing else is \
                 simulated of it",
                container.image, container.name
            );
            let reply = NodeReply::Refused(0, why.into());
            return self.tell(CriEvent::Served { call, reply }, cx);
        }
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
        let mut words = head.split(' ');
        let (method, path) = (words.next().unwrap_or("GET"), words.next().unwrap_or("/"));
        let (method, path, body) = (Str::from(method), Str::from(path), Str::from(body));
        let number = self.fresh_number();
        self.forwards.insert(number, Forward { call, pod, port });
        let origin = Process::Runtime(self.machine);
        let http = HttpTarget {
            method,
            host: "localhost".into(),
            path: path.clone(),
            body,
            ..HttpTarget::default()
        };
        let http = Some(Arc::new(http));
        let step = PacketStep::ToPod { ip, port };
        let packet = Packet { number, origin, client: ip, protocol: Protocol::Tcp, http, text: path, step };
        cx.because(Causes::none(), |cx| {
            cx.send(origin, Body::Packet(packet));
            cx.timer(PATIENCE, Timer { number, ..Timer::named("forward") });
        });
    }

    /// What a forwarded request was answered with: a status and a text, no status where nobody listens, nothing where
    /// nothing came back.
    pub(super) fn forward_answered(
        &mut self,
        number: u64,
        answer: Option<(Option<u32>, Str)>,
        cx: &mut Context<'_>,
    ) {
        let Some(forward) = self.forwards.remove(&number) else { return };
        let call = forward.call;
        let reply = match answer {
            Some((Some(status), text)) => NodeReply::Http(status, text),
            silent => NodeReply::Refused(0, forward.failure(silent.is_some())),
        };
        self.tell(CriEvent::Served { call, reply }, cx);
    }
}

/// Whether a container's program reads what somebody outside writes.
fn reads(container: &Container) -> bool {
    container.doc["stdin"].as_bool() == Some(true)
}

fn sandbox_id(pod: Uid) -> String {
    container_id(pod, "POD", 0).rsplit('/').next().unwrap_or("").to_owned()
}
