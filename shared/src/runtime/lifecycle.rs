//! Sandboxes and containers: from their start to their end.

use std::sync::Arc;

use crate::api::{Key, Uid};
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};
use crate::network::{dns_config, node_address};
use crate::sim::{ContainerEnd, Context, CriCall, CriEvent, Duration, Process, Time, Timer};

use super::container::{Container, KILLED, Program, Sandbox, Stage};
use super::image::{Found, Images, is_agnhost, is_curl, os_release, own_script};
use super::shell::{Files, OF_IMAGE, knows};
use super::{Caller, ImageSpec, Runtime, tasks};

/// Setting up network namespace and addresses.
const SANDBOX: Duration = Duration::millis(100);
/// How long a stand-in works where work is to have an end.
const STAND_IN_WORKS: Duration = Duration::seconds(3);
/// The address of the bridge on the node comes first.
const FIRST_POD_ADDRESS: u32 = 2;

/// The files that an image serves, as containers of it begin with them: the next mostly begins with the same, and they
/// share them until one of them writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    root: Str,
    page: Str,
    files: Files,
}

impl Pages {
    fn of(&mut self, image: &ImageSpec) -> Files {
        if (&self.root, &self.page) != (&image.root, &image.answer) {
            let (root, page) = (image.root.clone(), image.answer.clone());
            *self = Pages { root, page, files: pages(image) };
        }
        self.files.clone()
    }
}

/// Whether a pod waits for a container's end: it comes before the others, or is never begun anew after a success.
fn has_end(pod: &Doc, container: &str, doc: &Doc) -> bool {
    let comes_before =
        pod["initContainers"].items().iter().any(|one| one["name"].as_str() == Some(container));
    if comes_before { doc["restartPolicy"].str() != "Always" } else { pod["restartPolicy"].str() != "Always" }
}

/// The files that an image serves.
fn pages(image: &ImageSpec) -> Files {
    if image.root.is_empty() || image.answer.is_empty() {
        return Files::default();
    }
    // A page that is data is asked for by another name.
    let page = if image.answer.starts_with('{') { "data.json" } else { "index.html" };
    let (root, page) = (image.root.trim_matches('/'), Str::from(page));
    if root.is_empty() {
        return [(page, image.answer.clone())].into_iter().collect();
    }
    // The directory stays when its page is taken away.
    let directory = (format!("{root}/").into(), Str::new());
    [directory, (format!("{root}/{page}").into(), image.answer.clone())].into_iter().collect()
}

/// The files of an image that is mounted as a volume, as far as they are known.
fn image_files(images: &Images, reference: &str) -> Files {
    let mut files = images.find(reference).spec().map(pages).unwrap_or_default();
    files.0.insert("etc/os-release".into(), os_release(reference).into());
    files
}

impl Runtime {
    pub(super) fn run_sandbox(&mut self, pod: Uid, key: Key, spec: Doc, cx: &mut Context<'_>) {
        let known = self.sandboxes.get(&pod).map(|sandbox| sandbox.ip);
        let agent = cx.core.running(Process::Cni(self.machine));
        let on_host = tasks::on_host(&spec);
        let address = match known {
            Some(ip) => Ok(ip),
            None if on_host => Ok(node_address(self.machine)),
            None => self.free_address(agent),
        };
        let event = match address {
            Ok(ip) if known.is_some() => CriEvent::SandboxReady { pod, ip },
            Ok(ip) => {
                if !on_host {
                    self.addresses.insert(ip);
                    self.by_address.insert(ip, pod);
                }
                let dns = dns_config(&spec, &key.namespace);
                let (containers, volumes) = (Vec::new(), BTreeMap::new());
                let since = cx.core.timestamp();
                let over = super::pressure::is_bounded(&spec).then_some(false);
                let sandbox = Sandbox { key, ip, dns, containers, spec, volumes, since, renewal: 0, over };
                self.sandboxes.insert(pod, sandbox);
                CriEvent::SandboxReady { pod, ip }
            }
            Err(why) => {
                let id = super::container_id(pod, "POD", 0);
                let id = id.rsplit('/').next().unwrap_or("");
                let why = format!(
                    "rpc error: code = Unknown desc = failed to setup network for sandbox \"{id}\": {why}"
                );
                CriEvent::SandboxFailed { pod, why: why.into() }
            }
        };
        cx.send_after(SANDBOX, Process::Kubelet(self.machine), crate::sim::Body::CriEvent(event));
    }

    /// The next free address of the node's pod network.
    fn free_address(&mut self, agent: bool) -> Result<u32, &'static str> {
        if !agent {
            return Err("plugin type=\"cni\" failed (add): unable to connect to the CNI agent: dial unix \
                        /var/run/cni/cni.sock: connect: no such file or directory");
        }
        let Some((first, size)) = self.network else { return Err("cni plugin not initialized") };
        let hosts = size - FIRST_POD_ADDRESS - 1;
        let free = (0..hosts)
            .map(|step| first + FIRST_POD_ADDRESS + (self.next_address + step) % hosts)
            .find(|ip| !self.addresses.contains(ip))
            .ok_or("no IP addresses available in range set")?;
        self.next_address = (free - first - FIRST_POD_ADDRESS + 1) % hosts;
        Ok(free)
    }

    pub(super) fn start_container(&mut self, call: CriCall, cx: &mut Context<'_>) {
        let CriCall::StartContainer { pod, container: name, image, attempt, env, command, doc } = call else {
            return;
        };
        let number = self.fresh_number();
        let images = Arc::clone(&self.images);
        let found = images.find(&image);
        let Some(spec) = found.spec() else { return };
        let Some(sandbox) = self.sandboxes.get_mut(&pod) else { return };
        let container_reads = doc["stdin"].as_bool() == Some(true);
        let given_nothing = doc["command"].items().is_empty();
        let names_no_program = is_agnhost(&image) && given_nothing;
        let own_script = own_script(&image, &doc).filter(|_| command.is_empty());
        let is_for_curl = is_curl(&image) && given_nothing;
        let has_end = matches!(found, Found::StandIn(_)) && has_end(&sandbox.spec, &name, &doc);
        let exit_after = spec.exit_after.or(has_end.then_some(STAND_IN_WORKS));
        let program = Program { exit_after, exit_code: spec.exit_code };
        let wait = spec.start.unwrap_or(cx.core.options.container_start);
        let mut container = Container {
            attempt,
            stage: Stage::Starting { until: cx.now() + wait },
            env,
            program,
            client: (spec.client && command.is_empty()).then(Box::<Caller>::default),
            mounts: self.mounted.of(&doc, sandbox),
            ..Container::new(number, name.clone(), image, doc)
        };
        if container.mounts.iter().any(|mount| mount.is_composed() && !mount.sub_path.is_empty()) {
            sandbox.make_account_volumes(pod, self.signer, cx.timestamp());
        }
        if !spec.root.is_empty() {
            container.layer = self.pages.of(spec);
        }
        for mount in container.mounts.iter() {
            if let Some(reference) = mount.volume.strip_prefix(OF_IMAGE) {
                let files = || image_files(&images, reference);
                self.disks.entry(mount.volume.clone()).or_insert_with(files);
            }
        }
        tasks::fix_sub_paths(&mut container, &sandbox.volumes);
        for mount in container.mounts.iter().filter(|mount| mount.has_own_part()) {
            let files = if mount.shared { &mut self.disks } else { &mut sandbox.volumes };
            files.entry(mount.volume.clone()).or_default().begin_directory(&mount.sub_path);
        }
        match sandbox.container_mut(&name) {
            Some(old) => {
                self.numbered.remove(&old.number);
                container.succeed(old, cx.now());
                *old = container;
            }
            None => {
                // Most pods have no other, and there are many pods.
                sandbox.containers.reserve_exact(1);
                sandbox.containers.push(container);
            }
        }
        // A shell that nobody gives a script waits for one where somebody may give it.
        let waits = command.is_empty() && spec.is_toolbox() && container_reads;
        let mut command = if waits { vec!["sh".into()] } else { command };
        if let Some(script) = own_script {
            command = vec!["sh".into(), "-c".into(), script.into()];
        }
        if names_no_program {
            command.insert(0, "/agnhost".into());
        } else if is_for_curl && !command.first().is_some_and(|first| knows(first)) {
            command.insert(0, "curl".into());
        }
        self.numbered.insert(number, (pod, name));
        if command.is_empty() || self.begin_main(number, &command, cx) {
            cx.timer(wait, Timer { number, ..Timer::named("up") });
        }
    }

    /// A container's program is up.
    pub(super) fn container_up(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some((pod, container)) = self.numbered_mut(number) else { return };
        let Stage::Starting { until } = container.stage else { return };
        if until > cx.now() {
            return;
        }
        container.stage = Stage::Running { since: cx.now(), exit: None, stop: None };
        let main = container.tasks.first().copied();
        let event =
            CriEvent::ContainerStarted { pod, container: container.name.clone(), attempt: container.attempt };
        self.tell(event, cx);
        match main {
            Some(main) => self.task_due(main, cx),
            None => self.own_begins(number, cx),
        }
    }

    /// The image's own program begins.
    pub(super) fn own_begins(&mut self, number: u64, cx: &mut Context<'_>) {
        if self.loses_port(number, cx) {
            return;
        }
        let now = cx.now();
        let Some((_, container)) = self.numbered_mut(number) else { return };
        let Stage::Running { exit, .. } = &mut container.stage else { return };
        let end = container.program.exit_after.map(|after| now + after);
        *exit = end;
        container.own_since = Some(now);
        let (client, image) = (container.client.is_some(), container.image.clone());
        let scrapes = self.images.find(&image).spec().is_some_and(|spec| spec.scrapes);
        self.print(number, |spec| &spec.logs, cx);
        if let Some(end) = end {
            cx.timer(end.since(now), Timer { number, ..Timer::named("exit") });
        }
        if client {
            cx.timer(Duration::ZERO, Timer { number, ..Timer::named("call") });
        }
        if scrapes {
            self.begin_scraping(number, cx);
        }
        self.check_memory(number, cx);
    }

    /// SIGTERM, and SIGKILL at the end of the grace.
    pub(super) fn stop_container(&mut self, pod: Uid, name: &str, grace_ms: u64, cx: &mut Context<'_>) {
        let Some(container) = self.sandboxes.get_mut(&pod).and_then(|sandbox| sandbox.container_mut(name))
        else {
            return;
        };
        let number = container.number;
        let main = container.tasks.first().copied().filter(|_| container.own_since.is_none());
        let obeys = self.images.find(&container.image).spec().and_then(|spec| spec.stop);
        let obeys = obeys.unwrap_or(cx.core.options.container_stop);
        let grace = Duration::millis(grace_ms);
        // A shell does what its script says, by its own time.
        let (wait, code) = if main.is_none() && obeys <= grace { (obeys, 0) } else { (grace, KILLED) };
        let end = cx.now() + wait;
        let mut asked = false;
        match &mut container.stage {
            // What is not up yet cannot obey: it is killed.
            Stage::Starting { .. } => {
                container.stage =
                    Stage::Running { since: cx.now(), exit: None, stop: Some((cx.now(), KILLED)) };
                self.container_due(number, cx);
            }
            // A second request can only shorten the grace.
            Stage::Running { stop: Some((before, _)), .. } if *before <= end => {}
            Stage::Running { stop, .. } => {
                asked = stop.is_none();
                *stop = Some((end, code));
                cx.timer(wait, Timer { number, ..Timer::named("exit") });
            }
            Stage::Exited { .. } => {}
        }
        if let (true, Some(main)) = (asked, main) {
            self.signal(main, "TERM", cx);
        }
    }

    /// A container may have come to its end, by itself or because it was asked to.
    pub(super) fn container_due(&mut self, number: u64, cx: &mut Context<'_>) {
        let Some((_, container)) = self.numbered_mut(number) else { return };
        let Stage::Running { exit, stop, .. } = container.stage else { return };
        let own = exit.map(|at| (at, container.program.exit_code));
        let due = [own, stop].into_iter().flatten().filter(|(at, _)| *at <= cx.now()).min();
        let Some((at, code)) = due else { return };
        if own == Some((at, code)) {
            self.print(number, |spec| &spec.exit_logs, cx);
        }
        self.container_ends(number, code, false, cx);
    }

    /// The end of a container, and of everything that runs in it.
    pub(super) fn container_ends(
        &mut self,
        number: u64,
        exit_code: i32,
        out_of_memory: bool,
        cx: &mut Context<'_>,
    ) {
        let message = self.last_words(number, exit_code);
        self.keep_usage(number, cx.now());
        let now = cx.now();
        let Some((pod, container)) = self.numbered_mut(number) else { return };
        let Stage::Running { since, .. } = container.stage else { return };
        container.stage = Stage::Exited { started: since, at: now, code: exit_code };
        container.end = ContainerEnd { exit_code, out_of_memory, message };
        container.own_since = None;
        let tasks = std::mem::take(&mut container.tasks);
        let event = CriEvent::ContainerExited {
            pod,
            container: container.name.clone(),
            attempt: container.attempt,
            end: container.end.clone(),
        };
        self.tell_followers(number, true, cx);
        self.end_tasks(&tasks, cx);
        self.tell(event, cx);
        self.check_memory(number, cx);
    }

    /// Writes lines of the image to the log of a container.
    fn print(&mut self, number: u64, lines: fn(&ImageSpec) -> &Vec<Str>, cx: &mut Context<'_>) {
        let images = Arc::clone(&self.images);
        let Some((_, container)) = self.numbered_mut(number) else { return };
        let Some(spec) = images.find(&container.image).spec() else { return };
        let at = cx.timestamp();
        lines(spec).iter().for_each(|line| container.log.line(at, line.clone()));
        self.tell_followers(number, false, cx);
    }

    /// Gives a pod's address back.
    pub(super) fn stop_sandbox(&mut self, pod: Uid) {
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        // The next pod may have the address by now.
        if self.by_address.get(&sandbox.ip) == Some(&pod) {
            self.by_address.remove(&sandbox.ip);
            self.addresses.remove(&sandbox.ip);
        }
    }

    /// Kills what still runs of a pod, gives its address back and forgets it.
    pub(super) fn remove_sandbox(&mut self, pod: Uid, cx: &mut Context<'_>) {
        self.stop_sandbox(pod);
        let running = self.sandboxes.get(&pod).map(|sandbox| &sandbox.containers);
        let running: Vec<u64> = running.into_iter().flatten().map(|container| container.number).collect();
        running.into_iter().for_each(|number| self.keep_usage(number, cx.now()));
        if let Some(sandbox) = self.sandboxes.remove(&pod) {
            for container in &sandbox.containers {
                self.tell_followers(container.number, true, cx);
                self.end_tasks(&container.tasks, cx);
                self.uncount(container.counted, cx);
                self.numbered.remove(&container.number);
            }
        }
        self.tell(CriEvent::SandboxRemoved { pod }, cx);
    }

    /// The daemon is back: containers and pulls went on without it, their timers did not. The kubelet, whose calls it
    /// may have missed, is told what there is (a kubelet looks every second; the answer is what matters).
    pub(super) fn resume(&mut self, cx: &mut Context<'_>) {
        self.list(cx);
        let wait = |at: Time, cx: &Context<'_>| at.since(cx.now());
        let pulls: Vec<(u64, Time)> = self.pulls.iter().map(|(&number, pull)| (number, pull.until)).collect();
        for (number, until) in pulls {
            cx.timer(wait(until, cx), Timer { number, ..Timer::named("pulled") });
        }
        self.calls.clear();
        for number in self.scrapers.keys() {
            cx.timer(Duration::ZERO, Timer { number: *number, ..Timer::named("scrape") });
        }
        for container in self.sandboxes.values().flat_map(|sandbox| &sandbox.containers) {
            let number = container.number;
            match container.stage {
                Stage::Starting { until } => {
                    cx.timer(wait(until, cx), Timer { number, ..Timer::named("up") })
                }
                Stage::Running { exit, stop, .. } => {
                    for at in exit.into_iter().chain(stop.map(|(at, _)| at)) {
                        cx.timer(wait(at, cx), Timer { number, ..Timer::named("exit") });
                    }
                    if container.client.is_some() {
                        cx.timer(Duration::ZERO, Timer { number, ..Timer::named("call") });
                    }
                }
                Stage::Exited { .. } => {}
            }
        }
        self.resume_tasks(cx);
    }

    pub(super) fn numbered_mut(&mut self, number: u64) -> Option<(Uid, &mut Container)> {
        let (pod, name): &(Uid, Str) = self.numbered.get(&number)?;
        let container = self.sandboxes.get_mut(pod)?.container_mut(name)?;
        Some((*pod, container))
    }
}
