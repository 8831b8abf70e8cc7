//! Programs in containers: what `command` and `args` start, `exec`, and what probes and hooks run.

mod first;
mod network;
mod place;

use crate::api::Uid;
use crate::codec::Codec;
use crate::doc::Str;
use crate::sim::{
    Context, CriEvent, Duration, ExecOptions, ExecResult, NodeReply, ProbeKind, ProbeResult, Protocol, Time,
    Timer,
};

use super::container::{KILLED, Stage};
use super::image::{Found, full_reference, programs, repository};
use super::server::{Server, ran};
use super::shell::{Progress, Task, absolute, knows};
use super::{Runtime, container_id};

pub(super) use first::{Asker, Dial, Dialling, Then};
pub(super) use network::Asked;
pub(super) use place::{Mounted, bytes_of, fix_sub_paths, hostname, on_host};

/// How much of a program's output `exec` hands back, and how much a probe shows, in bytes.
const MOST_OUTPUT: usize = 1 << 20;
const MOST_PROBE_OUTPUT: usize = 10 << 10;

/// A program that runs.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Running {
    pub(super) task: Task,
    pod: Uid,
    /// The start of the container that it runs in.
    pub(super) start: u64,
    pub(super) role: Role,
    out: String,
    err: String,
}

/// What a program is for.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Role {
    /// The container lives as long as it does.
    Main,
    /// Another program started it, and may wait for it.
    Child(u64),
    /// Somebody outside did, and learns how it went.
    Exec(u64),
    /// Somebody outside did, who reads what it writes as it comes; whether through a terminal.
    Stream(u64, bool),
    /// Somebody outside did, who is not there any more.
    Left,
    /// A server did, which answers this request with what it writes.
    Request(Asker),
    /// A probe or hook, until when it has to answer, and how long it had for that.
    Probe(ProbeKind, u32, Duration),
}

impl Runtime {
    /// The program that a container's `command` and `args` name, if it is one that can be played: otherwise the image's
    /// own runs. False when there is no such program.
    pub(super) fn begin_main(&mut self, start: u64, command: &[Str], cx: &mut Context<'_>) -> bool {
        let Some((pod, container)) = self.numbered_mut(start) else { return false };
        let (name, attempt, image) = (container.name.clone(), container.attempt, container.image.clone());
        let first = command[0].clone();
        let lacks = self.images.find(&image).spec().is_some_and(super::ImageSpec::is_toolbox)
            || self.is_no_program_of(start, &first);
        let script = first.contains('/') && self.readable(pod, &name, &first);
        if knows(&first) || script {
            let number = self.start_task(start, command, Role::Main);
            self.open_main_input(start, number);
        } else if lacks {
            let reason = if first.contains('/') {
                format!("stat {first}: no such file or directory")
            } else {
                "executable file not found in $PATH".to_owned()
            };
            let why = format!(
                "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create \
                 failed: unable to start container process: error during container init: exec: \"{first}\": {reason}"
            );
            if let Some((_, container)) = self.numbered_mut(start) {
                let (started, at) = (cx.now(), cx.now());
                container.stage = Stage::Exited { started, at, code: 128 };
            }
            self.tell(CriEvent::ContainerFailed { pod, container: name, attempt, why: why.into() }, cx);
            return false;
        }
        true
    }

    /// Whether a container's `command` names what the well-known image of a server does not have.
    fn is_no_program_of(&mut self, start: u64, first: &str) -> bool {
        let Some((_, container)) = self.numbered_mut(start) else { return false };
        let given = !container.doc["command"].items().is_empty();
        let own = programs(&full_reference(&container.image));
        given && !first.contains('/') && own.is_some_and(|own| !own.contains(&first))
    }

    pub(super) fn start_task(&mut self, start: u64, command: &[Str], role: Role) -> Option<u64> {
        let number = self.fresh_number();
        let (pod, name) = self.numbered.get(&start)?.clone();
        let sandbox = self.sandboxes.get_mut(&pod)?;
        let variables = place::environment(sandbox, &name);
        let container = sandbox.container_mut(&name)?;
        let mut task = Task::of_words(command);
        task.variables = variables;
        task.directory = match container.doc["workingDir"].str() {
            unset if unset.is_empty() => "/".into(),
            directory => format!("/{}", absolute("/", &directory)).into(),
        };
        if role != Role::Main {
            container.last_pid += 1;
            task.pid = container.last_pid;
        }
        container.tasks.push(number);
        let running = Running { task, pod, start, role, out: String::new(), err: String::new() };
        self.tasks.insert(number, running);
        Some(number)
    }

    /// Runs a program as far as it comes.
    pub(super) fn task_due(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(mut running) = self.tasks.remove(&number) else { return };
        let (progress, effects) =
            self.with_surroundings(number, &mut running, cx, |task, world| task.run(world));
        self.go_on(number, running, progress, effects, cx);
    }

    /// What follows from a turn of a task.
    fn go_on(
        &mut self,
        number: u64,
        mut running: Running,
        progress: Progress,
        effects: place::Effects,
        cx: &mut Context<'_>,
    ) {
        let (start, pod) = (running.start, running.pod);
        self.flush(&mut running, cx);
        self.watch_storage(pod, cx);
        let waits = match progress {
            Progress::Ended(code) => {
                self.task_ended(number, running, code, cx);
                None
            }
            Progress::Waits(at) => {
                self.tasks.insert(number, running);
                at
            }
            Progress::Asks(request, deadline) => {
                self.tasks.insert(number, running);
                self.send_request(number, pod, &request, cx);
                deadline
            }
            Progress::BecomesOwn => {
                let main = running.role == Role::Main;
                self.tasks.insert(number, running);
                let begins =
                    self.numbered_mut(start).is_some_and(|(_, container)| container.own_since.is_none());
                if main && begins {
                    self.own_begins(start, cx);
                }
                self.register(number, cx);
                None
            }
        };
        if let Some(at) = waits {
            cx.timer(at.since(cx.now()), Timer { number, ..Timer::named("task") });
        }
        for child in effects.children {
            self.adopt_child(number, pod, start, child, cx);
        }
        for (pid, signal) in effects.signals {
            self.signal_pid(start, pid, signal, cx);
        }
        self.check_memory(start, cx);
        self.count_cores(start, cx);
    }

    /// How many cores the programs of a container keep busy may have changed.
    fn count_cores(&mut self, start: u64, cx: &Context<'_>) {
        let Some((pod, name)) = self.numbered.get(&start) else { return };
        let Some(container) = self.sandboxes.get_mut(pod).and_then(|sandbox| sandbox.container_mut(name))
        else {
            return;
        };
        let running = container.tasks.iter().filter_map(|task| self.tasks.get(task));
        let cores = running.fold(0, |all: u32, running| all.saturating_add(running.task.cores));
        // No more than the machine has.
        let machine = cx.core.machines[self.machine as usize].cpu_milli / 1000;
        let cores = cores.min(u32::try_from(machine).unwrap_or(u32::MAX).max(1));
        if cores != container.struck().cores {
            container.burns(cx.now(), |struck| struck.cores = cores);
        }
    }

    fn adopt_child(&mut self, parent: u64, pod: Uid, start: u64, task: Task, cx: &mut Context<'_>) {
        let number = self.fresh_number();
        let Some((_, container)) = self.numbered_mut(start) else { return };
        container.last_pid = container.last_pid.max(task.pid);
        container.tasks.push(number);
        let running =
            Running { task, pod, start, role: Role::Child(parent), out: String::new(), err: String::new() };
        self.tasks.insert(number, running);
        cx.timer(Duration::ZERO, Timer { number, ..Timer::named("task") });
    }

    /// What a task wrote goes where it is read.
    fn flush(&mut self, running: &mut Running, cx: &mut Context<'_>) {
        let written = std::mem::take(&mut running.task.written);
        if written.is_empty() {
            return;
        }
        match running.role {
            Role::Left => return,
            Role::Stream(call, tty) => {
                for (to_err, text) in written {
                    // A terminal has one stream only.
                    let reply = NodeReply::Output(to_err && !tty, text.into());
                    self.tell(CriEvent::Served { call, reply }, cx);
                }
                return;
            }
            _ => {}
        }
        if !matches!(running.role, Role::Main | Role::Child(_)) {
            for (to_err, text) in written {
                let into = if to_err { &mut running.err } else { &mut running.out };
                let room = MOST_OUTPUT.saturating_sub(into.len());
                let cut =
                    (0..=room.min(text.len())).rev().find(|&cut| text.is_char_boundary(cut)).unwrap_or(0);
                into.push_str(&text[..cut]);
            }
            return;
        }
        let (start, at) = (running.start, cx.timestamp());
        if let Some((_, container)) = self.numbered_mut(start) {
            written.iter().for_each(|(_, text)| container.log.write(at, text));
        }
        self.tell_followers(start, false, cx);
    }

    fn task_ended(&mut self, number: u64, running: Running, code: i32, cx: &mut Context<'_>) {
        let start = running.start;
        if running.role == Role::Main {
            return self.container_ends(start, code, false, cx);
        }
        if let Some((_, container)) = self.numbered_mut(start) {
            container.tasks.retain(|task| *task != number);
        }
        self.count_cores(start, cx);
        self.close_streams(number);
        self.settle(running, code, cx);
    }

    /// Whoever waits for a program learns how it went.
    fn settle(&mut self, running: Running, code: i32, cx: &mut Context<'_>) {
        match running.role {
            Role::Main | Role::Left => {}
            Role::Request(asker) => {
                let text = ran(&(running.out + &running.err), code);
                self.reply(&asker, running.pod, (200, text), cx);
            }
            Role::Stream(call, _) => {
                let result = ExecResult { exit_code: code, ..ExecResult::default() };
                self.tell(CriEvent::Served { call, reply: NodeReply::Exec(result) }, cx);
            }
            Role::Child(parent) => {
                let waits = self.tasks.get(&parent).is_some_and(|parent| parent.task.waits_for_children());
                if waits {
                    self.task_due(parent, cx);
                }
            }
            Role::Exec(call) => {
                let result = ExecResult {
                    stdout: running.out.into(),
                    stderr: running.err.into(),
                    exit_code: code,
                    failure: Str::new(),
                };
                self.tell(CriEvent::Served { call, reply: NodeReply::Exec(result) }, cx);
            }
            Role::Probe(kind, attempt, _) => {
                let mut output = running.out + &running.err;
                let cut =
                    (0..=MOST_PROBE_OUTPUT.min(output.len())).rev().find(|&cut| output.is_char_boundary(cut));
                output.truncate(cut.unwrap_or(0));
                let result = match code {
                    0 => ProbeResult::Success,
                    _ if matches!(kind, ProbeKind::PostStart | ProbeKind::PreStop) => {
                        let command = running.task.title();
                        ProbeResult::Failure(
                            format!("command '{command}' exited with {code}: {output}").into(),
                        )
                    }
                    _ => ProbeResult::Failure(output.into()),
                };
                self.tell_probed(running.pod, running.start, kind, attempt, result, cx);
            }
        }
    }

    pub(super) fn tell_probed(
        &mut self,
        pod: Uid,
        start: u64,
        kind: ProbeKind,
        attempt: u32,
        result: ProbeResult,
        cx: &mut Context<'_>,
    ) {
        let Some((_, container)) = self.numbered.get(&start).cloned() else { return };
        self.tell(CriEvent::Probed { pod, container, attempt, kind, result }, cx);
    }

    /// Ends the programs of a container that has ended.
    pub(super) fn end_tasks(&mut self, tasks: &[u64], cx: &mut Context<'_>) {
        for number in tasks {
            self.asked.retain(|_, asked| asked.by != *number);
            self.close_streams(*number);
            if let Some(running) = self.tasks.remove(number) {
                self.settle(running, KILLED, cx);
            }
        }
    }

    /// A signal for a program: `TERM`, `KILL` …
    pub(super) fn signal(&mut self, number: u64, name: &'static str, cx: &mut Context<'_>) {
        let Some(running) = self.tasks.get_mut(&number) else { return };
        match running.task.signal(name) {
            Some(code) => {
                let Some(running) = self.tasks.remove(&number) else { return };
                self.task_ended(number, running, code, cx);
            }
            None if running.task.is_ready() => self.task_due(number, cx),
            None => {}
        }
    }

    fn signal_pid(&mut self, start: u64, pid: u32, name: &'static str, cx: &mut Context<'_>) {
        let Some((pod, container)) = self.numbered_mut(start) else { return };
        let (tasks, container_name) = (container.tasks.clone(), container.name.clone());
        let own = container.own_since.is_some();
        let container_reads_terminal = container.doc["stdin"].as_bool() == Some(true);
        let found =
            tasks.iter().find(|task| self.tasks.get(task).is_some_and(|running| running.task.pid == pid));
        let own = own && pid == 1;
        let reads = pid == 1 && container_reads_terminal;
        match found.copied() {
            // The first shell of a container is deaf to signals; it ends with its terminal.
            Some(number) if reads && name == "HUP" => self.feed(number, "", false, cx),
            Some(number) if !own => self.signal(number, name, cx),
            // Servers end in an orderly way; what is not caught does not reach the first process of a container.
            _ if own && matches!(name, "TERM" | "INT" | "QUIT") => {
                self.stop_container(pod, &container_name, u64::MAX / 2, cx);
            }
            _ => {}
        }
    }

    /// `kubectl exec`
    pub(super) fn exec(&mut self, call: u64, pod: Uid, options: &ExecOptions, cx: &mut Context<'_>) {
        let container = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&options.container));
        let running = container.filter(|container| container.running());
        let Some((start, attempt)) = running.map(|container| (container.number, container.attempt)) else {
            let why = format!("container not found (\"{}\")", options.container);
            return self.tell(CriEvent::Served { call, reply: NodeReply::Refused(404, why.into()) }, cx);
        };
        let first = options.command.first().cloned().unwrap_or_default();
        if let Err(why) = self.can_start(pod, &options.container, &first) {
            let id = container_id(pod, &options.container, attempt);
            let id = id.trim_start_matches("containerd://").to_owned();
            let failure = format!(
                "error executing command in container: failed to exec in container: failed to start exec \"{id}\": OCI \
                 runtime exec failed: exec failed: unable to start container process: {why}: unknown"
            );
            let result = ExecResult { exit_code: 126, failure: failure.into(), ..ExecResult::default() };
            return self.tell(CriEvent::Served { call, reply: NodeReply::Exec(result) }, cx);
        }
        if !options.stream.is_empty() {
            return self.exec_stream(call, start, options, cx);
        }
        if let Some(number) = self.start_task(start, &options.command, Role::Exec(call)) {
            if let Some(running) = self.tasks.get_mut(&number) {
                running.task.feed(&options.stdin, false);
            }
            self.task_due(number, cx);
        }
    }

    /// Whether a program can be started in a container; why not, in the runtime's words.
    fn can_start(&mut self, pod: Uid, container: &str, program: &Str) -> Result<(), String> {
        let image = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(container));
        let full = image.map(|container| full_reference(&container.image)).unwrap_or_default();
        // Images with nothing but one program have no shell either.
        let bare = full.contains("distroless") || repository(&full).ends_with("/pause");
        if !bare && knows(program) || program.contains('/') && self.readable(pod, container, program) {
            return Ok(());
        }
        Err(if program.contains('/') {
            format!("exec: \"{program}\": stat {program}: no such file or directory")
        } else {
            format!("exec: \"{program}\": executable file not found in $PATH")
        })
    }

    /// Runs a probe's or hook's command. What only the image could know is taken for a question whether it is ready.
    pub(super) fn run_check(
        &mut self,
        start: u64,
        kind: ProbeKind,
        attempt: u32,
        command: &[Str],
        timeout: Duration,
        cx: &mut Context<'_>,
    ) {
        let Some((pod, name)) = self.numbered.get(&start).cloned() else { return };
        let first = command.first().cloned().unwrap_or_default();
        if let Err(why) = self.can_start(pod, &name, &first) {
            let container = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&name));
            let spec = container.and_then(|container| self.images.find(&container.image).spec());
            let ready = match (container, spec) {
                (Some(container), Some(spec)) if !spec.is_toolbox() => {
                    Some(container.answers(spec, cx.now()))
                }
                _ => None,
            };
            let result = match ready {
                Some(true) => ProbeResult::Success,
                Some(false) => ProbeResult::Failure("".into()),
                None => ProbeResult::Error(
                    format!("rpc error: code = Unknown desc = failed to exec in container: failed to start exec: {why}").into(),
                ),
            };
            return self.tell_probed(pod, start, kind, attempt, result, cx);
        }
        if let Some(number) = self.start_task(start, command, Role::Probe(kind, attempt, timeout)) {
            self.task_due(number, cx);
            if self.tasks.contains_key(&number) && kind != ProbeKind::PreStop && kind != ProbeKind::PostStart
            {
                cx.timer(timeout, Timer { number, ..Timer::named("check") });
            }
        }
    }

    /// A probe's command took too long.
    pub(super) fn check_over(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some(running) = self.tasks.remove(&number) else { return };
        self.asked.retain(|_, asked| asked.by != number);
        if let Some((_, container)) = self.numbered_mut(running.start) {
            container.tasks.retain(|task| *task != number);
        }
        self.count_cores(running.start, cx);
        if let Role::Probe(kind, attempt, limit) = running.role {
            let why = format!(
                "command timed out: {} timed out after {limit}",
                crate::doc::Doc::from(running.task.title())
            );
            self.tell_probed(running.pod, running.start, kind, attempt, ProbeResult::Failure(why.into()), cx);
        }
    }

    /// The daemon is back: tasks went on without it, their timers did not.
    pub(super) fn resume_tasks(&mut self, cx: &mut Context<'_>) {
        let waiting: Vec<u64> = self.asked.keys().copied().collect();
        waiting.into_iter().for_each(|call| self.task_answered(call, super::shell::Answer::TimedOut, cx));
        let wakes: Vec<(u64, Time)> = self
            .tasks
            .iter()
            .filter_map(|(&number, running)| Some((number, running.task.wakes_at()?)))
            .collect();
        for (number, at) in wakes {
            cx.timer(at.since(cx.now()), Timer { number, ..Timer::named("task") });
        }
    }

    /// What a program serves on a port.
    pub(super) fn task_serves(&self, number: u64, port: (Protocol, u32)) -> Option<&Server> {
        let serves = self.tasks.get(&number)?.task.serves.as_ref()?;
        serves.ports.contains(&port).then_some(serves)
    }

    /// The memory that a container uses, in bytes.
    pub fn memory_of(&self, container: &super::Container) -> u64 {
        if !container.running() {
            return 0;
        }
        let own = match self.images.find(&container.image) {
            Found::Known(spec) | Found::StandIn(spec) if container.own_since.is_some() => {
                spec.memory_under(container.memory_limit())
            }
            _ => 1 << 20,
        };
        let held =
            container.tasks.iter().filter_map(|task| self.tasks.get(task)).map(|running| running.task.memory);
        held.fold(own.saturating_add(container.struck().filled), u64::saturating_add)
    }
}
