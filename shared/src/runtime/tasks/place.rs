//! What a program finds in its container: files, environment, names, other processes.

use std::sync::Arc;

use crate::api::{Key, Uid};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};
use crate::sim::{Context, CriEvent};

use super::super::Runtime;
use super::super::account::{Account, Bearer};
use super::super::container::{Container, Sandbox};
use super::super::host;
use super::super::image::{Found, full_reference, os_release, repository};
use super::super::pressure::oom_score_adj;
use super::super::shell::{COMPOSED, Files, Mount, OF_IMAGE, Place, Progress, Surroundings, Task, absolute};
use super::{Role, Running};

/// The directories that programs are looked for in.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The address of the `kubernetes` Service.
const KUBERNETES: &str = "10.96.0.1";
const DNS_SERVER: &str = "10.96.0.10";
/// How much of a termination message is kept, in bytes: the beginning of a file, or the end of a log.
const LONGEST_MESSAGE: usize = 4096;
const LONGEST_TAIL: usize = 2048;
/// Of a log no more lines than these.
const MOST_LINES: usize = 80;

/// What a task did to others.
pub(super) struct Effects {
    pub children: Vec<Task>,
    pub signals: Vec<(u32, &'static str)>,
}

/// The pod's name in the network.
pub(in crate::runtime) fn hostname(sandbox: &Sandbox) -> Str {
    if on_host(&sandbox.spec) {
        return sandbox.spec["nodeName"].str();
    }
    match sandbox.spec["hostname"].str() {
        unset if unset.is_empty() => {
            let name = &sandbox.key.name;
            // As long as the kernel takes.
            if name.len() > 63 { name[..63].trim_end_matches(['-', '.']).into() } else { name.clone() }
        }
        name => name,
    }
}

/// Whether a pod is in its node's own network.
pub(in crate::runtime) fn on_host(spec: &Doc) -> bool {
    spec["hostNetwork"].as_bool() == Some(true)
}

/// An amount in bytes; 0 where there is none.
pub(in crate::runtime) fn bytes_of(amount: &Doc) -> u64 {
    u64::try_from(crate::api::bytes(amount)).unwrap_or(0)
}

/// Where the volumes of a pod are in a container.
fn mounts(container: &Doc, spec: &Doc, pod: &Key) -> Arc<Vec<Mount>> {
    let (user, group) = (only_user(spec), spec["securityContext"]["fsGroup"].as_i64());
    let mounts = container["volumeMounts"].items().iter().filter_map(|mount| {
        let volume = spec["volumes"].items().iter().find(|volume| volume["name"] == mount["name"])?;
        let source = COMPOSED.iter().map(|kind| &volume[*kind]).find(|source| !source.is_null());
        let shared = if !volume["hostPath"].is_null() {
            Some(host::VOLUME.to_owned())
        } else if !volume["persistentVolumeClaim"].is_null() {
            Some(format!("claim:{}/{}", pod.namespace, volume["persistentVolumeClaim"]["claimName"].str()))
        } else if !volume["image"].is_null() {
            Some(format!("{OF_IMAGE}{}", volume["image"]["reference"].str()))
        } else {
            None
        };
        let is_image = !volume["image"].is_null();
        let in_memory = ["secret", "downwardAPI", "projected"].iter().any(|kind| !volume[*kind].is_null());
        let medium_memory = volume["emptyDir"]["medium"].as_str() == Some("Memory");
        Some(Mount {
            path: mount["mountPath"].str(),
            volume: shared.as_ref().map_or_else(|| mount["name"].str(), |name| name.as_str().into()),
            sub_path: match volume["hostPath"]["path"].str() {
                none if none.is_empty() => mount["subPath"].str(),
                path => format!("{path}/{}", mount["subPath"].str()).into(),
            },
            read_only: source.is_some() || is_image || mount["readOnly"].as_bool() == Some(true),
            shared: shared.is_some(),
            composed: source.cloned().unwrap_or_default(),
            memory: in_memory || medium_memory,
            room: if medium_memory { bytes_of(&volume["emptyDir"]["sizeLimit"]) } else { 0 },
            user,
            group: group.filter(|_| volume["hostPath"].is_null() && !is_image),
        })
    });
    Arc::new(mounts.collect())
}

/// As whom all containers of a pod run, if they say so and it is the same for all.
fn only_user(spec: &Doc) -> Option<i64> {
    let of_pod = spec["securityContext"]["runAsUser"].as_i64();
    let all = spec["initContainers"].items().iter().chain(spec["containers"].items());
    let mut users = all.map(|container| container["securityContext"]["runAsUser"].as_i64().or(of_pod));
    let first = users.next().flatten()?;
    users.all(|user| user == Some(first)).then_some(first)
}

/// The mounts of a container, as long as the next has the same: most do, and share them.
#[derive(Codec, Clone, Debug, Default)]
pub(in crate::runtime) struct Mounted {
    container: Doc,
    spec: Doc,
    mounts: Arc<Vec<Mount>>,
}

impl Mounted {
    /// The mounts of a container in its pod.
    pub fn of(&mut self, container: &Doc, pod: &Sandbox) -> Arc<Vec<Mount>> {
        // Pods of other namespaces share no specs.
        if !self.container.same(container) || !self.spec.same(&pod.spec) {
            let mounts = mounts(container, &pod.spec, &pod.key);
            *self = Mounted { container: container.clone(), spec: pod.spec.clone(), mounts };
        }
        Arc::clone(&self.mounts)
    }
}

/// What is mounted by `subPath` of a composed volume stays as it was when the container started.
pub(in crate::runtime) fn fix_sub_paths(container: &mut Container, volumes: &BTreeMap<Str, Files>) {
    let fixed = |mount: &&Mount| mount.is_composed() && !mount.sub_path.is_empty();
    if !container.mounts.iter().any(|mount| fixed(&mount)) {
        return;
    }
    for mount in container.mounts.iter().filter(fixed) {
        let (at, below) = (mount.path.trim_matches('/'), mount.sub_path.trim_matches('/'));
        let all = volumes.get(&mount.volume).into_iter().flat_map(|files| files.0.iter());
        for (path, text) in all {
            let rest = path.strip_prefix(below).filter(|rest| rest.is_empty() || rest.starts_with('/'));
            if let Some(rest) = rest {
                container.layer.0.insert(format!("{at}{rest}").into(), text.clone());
            }
        }
    }
    let others = container.mounts.iter().filter(|mount| !fixed(mount)).cloned();
    container.mounts = Arc::new(others.collect());
}

/// The environment of a program: what the kubelet composed, and what every container has.
pub(super) fn environment(sandbox: &Sandbox, container: &str) -> BTreeMap<Str, Str> {
    let mut all: BTreeMap<Str, Str> = BTreeMap::new();
    let tcp = format!("tcp://{KUBERNETES}:443");
    for (name, value) in [
        ("HOME", "/root"),
        ("KUBERNETES_PORT", tcp.as_str()),
        ("KUBERNETES_PORT_443_TCP", tcp.as_str()),
        ("KUBERNETES_PORT_443_TCP_ADDR", KUBERNETES),
        ("KUBERNETES_PORT_443_TCP_PORT", "443"),
        ("KUBERNETES_PORT_443_TCP_PROTO", "tcp"),
        ("KUBERNETES_SERVICE_HOST", KUBERNETES),
        ("KUBERNETES_SERVICE_PORT", "443"),
        ("KUBERNETES_SERVICE_PORT_HTTPS", "443"),
        ("PATH", PATH),
    ] {
        all.insert(name.into(), value.into());
    }
    all.insert("HOSTNAME".into(), hostname(sandbox));
    if let Some(container) = sandbox.container(container) {
        all.extend(container.env.iter().cloned());
    }
    all
}

/// Files that every container has. `machine` is its memory and the first program of the container, where somebody looks
/// from within.
fn given(
    sandbox: &Sandbox,
    container: &str,
    machine: Option<(u64, Str)>,
) -> impl Fn(&str) -> Option<String> + use<> {
    let (name, ip, key, spec) = (hostname(sandbox), sandbox.ip, sandbox.key.clone(), sandbox.spec.clone());
    let own = sandbox.container(container);
    let doc = own.map(|own| own.doc.clone()).unwrap_or_default();
    let image = own.map(|own| own.image.clone()).unwrap_or_default();
    move |path| {
        Some(match path {
            "etc/hostname" => format!("{name}\n"),
            "etc/hosts" => hosts(&name, ip, &key, &spec),
            "etc/resolv.conf" => resolv_conf(&key, &spec),
            "etc/os-release" => os_release(&image).into(),
            "etc/passwd" => return host::file(path, ""),
            "proc/meminfo" => meminfo(machine.as_ref()?.0),
            "proc/1/cmdline" => format!("{}\0", machine.as_ref()?.1.replace(' ', "\0")),
            "proc/1/oom_score_adj" => format!("{}\n", oom_score_adj(&spec, &doc, machine.as_ref()?.0)),
            _ if path.starts_with(BOUNDS) => bound(&path[BOUNDS.len()..], &doc["resources"])?,
            _ if path.starts_with(PARAMETERS) => parameter(&path[PARAMETERS.len()..], &spec)?,
            _ => return host::file(path.strip_prefix(host::VOLUME)?, &spec["nodeName"].str()),
        })
    }
}

/// The machine's memory, of which the container's programs see all.
fn meminfo(memory: u64) -> String {
    let all = memory / 1024;
    let lines = [("MemTotal", all), ("MemFree", all / 2), ("MemAvailable", all / 4 * 3), ("SwapTotal", 0)];
    lines.iter().map(|(name, amount)| format!("{:<16}{amount:>8} kB\n", format!("{name}:"))).collect()
}

/// Where a container sees what bounds it.
const BOUNDS: &str = "sys/fs/cgroup/";

/// What bounds a container, as its control group has it.
fn bound(file: &str, resources: &Doc) -> Option<String> {
    let (limits, requests) = (&resources["limits"], &resources["requests"]);
    let milli = |amount: &Doc| u64::try_from(crate::api::milli(amount)).unwrap_or(0);
    Some(match file {
        "memory.max" if !limits["memory"].is_null() => format!("{}\n", bytes_of(&limits["memory"])),
        "memory.max" => "max\n".into(),
        // Of 100 ms, in microseconds.
        "cpu.max" if !limits["cpu"].is_null() => {
            format!("{} 100000\n", (milli(&limits["cpu"]) * 100).max(1000))
        }
        "cpu.max" => "max 100000\n".into(),
        "cpu.weight" => {
            let asked = if requests["cpu"].is_null() { &limits["cpu"] } else { &requests["cpu"] };
            let shares = (milli(asked) * 1024 / 1000).clamp(2, 262_144);
            format!("{}\n", 1 + (shares - 2) * 9999 / 262_142)
        }
        _ => return None,
    })
}

/// The directory of the kernel's parameters.
const PARAMETERS: &str = "proc/sys/";

/// A parameter of the kernel, by its path: what the pod sets, or what it is otherwise. Those that a pod may set are known.
fn parameter(path: &str, spec: &Doc) -> Option<String> {
    let name = path.replace('/', ".");
    let set = spec["securityContext"]["sysctls"].items();
    let own = set.iter().find(|parameter| parameter["name"].str().replace('/', ".") == name);
    let value = match own {
        Some(own) => own["value"].str(),
        None => match name.as_str() {
            "kernel.shm_rmid_forced" | "net.ipv4.ip_unprivileged_port_start" => "0".into(),
            "net.ipv4.ip_local_port_range" => "32768\t60999".into(),
            "net.ipv4.tcp_syncookies" => "1".into(),
            "net.ipv4.ping_group_range" => "0\t2147483647".into(),
            _ => return None,
        },
    };
    Some(format!("{value}\n"))
}

fn hosts(name: &str, ip: u32, key: &Key, spec: &Doc) -> String {
    let address = std::net::Ipv4Addr::from(ip);
    let whole = match spec["subdomain"].str() {
        unset if unset.is_empty() => name.to_owned(),
        subdomain => format!("{name}.{subdomain}.{}.svc.cluster.local\t{name}", key.namespace),
    };
    let of_host = if on_host(spec) { " (host network)" } else { "" };
    let mut text = format!(
        "# Kubernetes-managed hosts file{of_host}.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n\
         fe00::0\tip6-localnet\nfe00::0\tip6-mcastprefix\nfe00::1\tip6-allnodes\nfe00::2\tip6-allrouters\n\
         {address}\t{whole}\n"
    );
    let aliases = spec["hostAliases"].items();
    if !aliases.is_empty() {
        text.push_str("\n# Entries added by HostAliases.\n");
    }
    for alias in aliases {
        let names: Vec<Str> = alias["hostnames"].items().iter().map(Doc::str).collect();
        text.push_str(&format!("{}\t{}\n", alias["ip"].str(), names.join("\t")));
    }
    text
}

fn resolv_conf(key: &Key, spec: &Doc) -> String {
    let cluster = !matches!(spec["dnsPolicy"].as_str(), Some("None" | "Default"));
    let config = &spec["dnsConfig"];
    let words = |list: &Doc| list.items().iter().map(|item| item.str().to_string()).collect::<Vec<_>>();
    let mut search = words(&config["searches"]);
    let mut servers = words(&config["nameservers"]);
    let options = config["options"].items().iter().map(|option| match option["value"].str() {
        none if none.is_empty() => option["name"].str().to_string(),
        value => format!("{}:{value}", option["name"].str()),
    });
    let mut options: Vec<String> = options.collect();
    if cluster {
        let own = [
            format!("{}.svc.cluster.local", key.namespace),
            "svc.cluster.local".into(),
            "cluster.local".into(),
        ];
        search.splice(0..0, own);
        servers.insert(0, DNS_SERVER.into());
        if !options.iter().any(|option| option.starts_with("ndots")) {
            options.insert(0, "ndots:5".into());
        }
    }
    let mut text = String::new();
    for (word, list) in [("search", &search), ("options", &options)] {
        if word == "options" {
            servers.iter().for_each(|server| text.push_str(&format!("nameserver {server}\n")));
        }
        if !list.is_empty() {
            text.push_str(&format!("{word} {}\n", list.join(" ")));
        }
    }
    text
}

impl Container {
    /// `resources.limits.memory`, in bytes.
    pub fn memory_limit(&self) -> Option<u64> {
        let limit = &self.doc["resources"]["limits"]["memory"];
        (!limit.is_null()).then(|| bytes_of(limit))
    }

    fn read_only(&self) -> bool {
        self.doc["securityContext"]["readOnlyRootFilesystem"].as_bool() == Some(true)
    }

    /// User and group of its programs.
    fn ids(&self, spec: &Doc) -> (i64, i64) {
        let id = |field: &str| {
            let own = self.doc["securityContext"][field].as_i64();
            own.or(spec["securityContext"][field].as_i64()).unwrap_or(0)
        };
        (id("runAsUser"), id("runAsGroup"))
    }
}

impl Runtime {
    /// Lets a task act in its container.
    pub(super) fn with_surroundings(
        &mut self,
        number: u64,
        running: &mut Running,
        cx: &Context<'_>,
        act: impl FnOnce(&mut Task, &mut Surroundings<'_>) -> Progress,
    ) -> (Progress, Effects) {
        let none = Effects { children: Vec::new(), signals: Vec::new() };
        let gone = (Progress::Waits(None), none);
        let Some((_, name)) = self.numbered.get(&running.start).cloned() else { return gone };
        let Some(sandbox) = self.sandboxes.get_mut(&running.pod) else { return gone };
        let Some(container) = sandbox.container(&name) else { return gone };
        let full = full_reference(&container.image);
        let found = self.images.find(&container.image);
        let toolbox = found.spec().is_some_and(super::super::ImageSpec::is_toolbox);
        let own = if toolbox { "" } else { repository(&full).rsplit('/').next().unwrap_or("") };
        let trusting = running.role == Role::Main && matches!(found, Found::StandIn(_));
        let (user, group) = container.ids(&sandbox.spec);
        let mut processes: Vec<(u32, Str)> = container
            .tasks
            .iter()
            .filter_map(|task| self.tasks.get(task))
            .map(|other| (other.task.pid, other.task.title()))
            .collect();
        if container.own_since.is_some() && !processes.iter().any(|(pid, _)| *pid == 1) {
            processes.insert(0, (1, own.into()));
        }
        processes.push((running.task.pid, running.task.title()));
        crate::collections::sort(&mut processes);
        processes.dedup();
        let has_children = container
            .tasks
            .iter()
            .any(|task| self.tasks.get(task).is_some_and(|child| child.role == Role::Child(number)));
        let (host, ip) = (hostname(sandbox), sandbox.ip);
        let memory = u64::try_from(cx.core.machines[self.machine as usize].memory).unwrap_or(0);
        let first = processes.first().map(|(_, title)| title.clone()).unwrap_or_default();
        let given = given(sandbox, &name, Some((memory, first)));
        let next_pid = container.last_pid + 1;
        let Sandbox { containers, volumes, key, spec, renewal, since, .. } = sandbox;
        let bearer = Bearer { key, uid: running.pod, spec, since: *since, now: cx.timestamp() };
        let account = Account::new(bearer, self.signer, *renewal);
        let Some(container) = containers.iter_mut().find(|container| container.name == name) else {
            return gone;
        };
        let (read_only, mounts) = (container.read_only(), Arc::clone(&container.mounts));
        let privileged = container.doc["securityContext"]["privileged"].as_bool() == Some(true);
        let mut world = Surroundings {
            place: Place {
                layer: &mut container.layer,
                mounts: &mounts,
                volumes: &mut *volumes,
                account: &account,
                disks: &mut self.disks,
                read_only,
                owner: (user, group),
                given: &given,
            },
            now: cx.now(),
            date: cx.timestamp(),
            hostname: &host,
            ip,
            user,
            group,
            privileged,
            own,
            trusting,
            processes: &processes,
            has_children,
            signals: Vec::new(),
            children: Vec::new(),
            next_pid,
            inside: 0,
        };
        let progress = act(&mut running.task, &mut world);
        let effects = Effects { children: world.children, signals: world.signals };
        account.keep(volumes, renewal);
        (progress, effects)
    }

    /// Looks at the files of a container.
    pub(super) fn with_files<T>(
        &mut self,
        pod: Uid,
        container: &str,
        look: impl FnOnce(&mut Place<'_>) -> T,
    ) -> Option<T> {
        let sandbox = self.sandboxes.get_mut(&pod)?;
        let given = given(sandbox, container, None);
        let Sandbox { containers, volumes, key, spec, renewal, since, .. } = sandbox;
        let bearer = Bearer { key, uid: pod, spec, since: *since, now: *since };
        let account = Account::new(bearer, self.signer, *renewal);
        let container = containers.iter_mut().find(|known| known.name == container)?;
        let (read_only, mounts) = (container.read_only(), Arc::clone(&container.mounts));
        let found = look(&mut Place {
            layer: &mut container.layer,
            mounts: &mounts,
            volumes: &mut *volumes,
            account: &account,
            disks: &mut self.disks,
            read_only,
            owner: (0, 0),
            given: &given,
        });
        account.keep(volumes, renewal);
        Some(found)
    }

    /// Whether there is a file in a container.
    pub(super) fn readable(&mut self, pod: Uid, container: &str, path: &str) -> bool {
        let path = absolute("/", path);
        self.with_files(pod, container, |place| place.read(&path).is_ok()).unwrap_or(false)
    }

    /// The kubelet fills a volume. What is mounted by `subPath` stays as it was when the container started.
    pub(in crate::runtime) fn set_volume(&mut self, pod: Uid, volume: Str, files: Vec<(Str, Str)>) {
        let Some(sandbox) = self.sandboxes.get_mut(&pod) else { return };
        sandbox.volumes.insert(volume, files.into_iter().collect());
    }

    /// The kubelet wants to know what programs wrote to a pod's volumes.
    pub(in crate::runtime) fn read_files(
        &mut self,
        pod: Uid,
        container: Str,
        files: Vec<(Str, Str)>,
        cx: &mut Context<'_>,
    ) {
        let Some(sandbox) = self.sandboxes.get(&pod) else { return };
        let read = |(volume, path): (Str, Str)| {
            let text = sandbox.volumes.get(&volume)?.0.get(&path)?.clone();
            Some((volume, path, text))
        };
        let files = files.into_iter().filter_map(read).collect();
        self.tell(CriEvent::FilesRead { pod, container, files }, cx);
    }

    /// What a container left as its termination message.
    pub(in crate::runtime) fn last_words(&mut self, start: u64, exit_code: i32) -> Str {
        let Some((pod, name)) = self.numbered.get(&start).cloned() else { return Str::new() };
        let container = self.sandboxes.get(&pod).and_then(|sandbox| sandbox.container(&name));
        let Some(container) = container else { return Str::new() };
        let path = container.doc["terminationMessagePath"].as_str().unwrap_or("/dev/termination-log");
        let path = absolute("/", path);
        let from_log = container.doc["terminationMessagePolicy"].as_str() == Some("FallbackToLogsOnError");
        let lines = container.log.lines();
        let tail = lines.iter().skip(lines.len().saturating_sub(MOST_LINES));
        let tail = tail.map(|line| format!("{}{}", line.text, if line.partial { "" } else { "\n" }));
        let tail: String = if from_log && exit_code != 0 { tail.collect() } else { String::new() };
        let written = self.with_files(pod, &name, |place| place.read(&path).ok()).flatten();
        let written = written.filter(|text| !text.is_empty());
        match &written {
            Some(text) => text[..text.floor_char_boundary(LONGEST_MESSAGE)].into(),
            None => tail[tail.ceil_char_boundary(tail.len().saturating_sub(LONGEST_TAIL))..].into(),
        }
    }
}
