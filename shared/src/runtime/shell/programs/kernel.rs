//! Programs that show what the kernel gives a container, and change it where they may.

use crate::doc::Str;

use super::super::Task;
use super::super::step::Surroundings;
use super::{Done, fail, say};

/// `ip addr`, `ip link add`: the interfaces of a pod, to which only who is privileged adds.
pub(super) fn ip(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let mut words = args.iter().map(Str::as_str).filter(|word| !word.starts_with('-'));
    match (words.next().unwrap_or(""), words.next().unwrap_or("show")) {
        (of, "show" | "list" | "ls") if of.starts_with('a') => {
            let address = std::net::Ipv4Addr::from(world.ip);
            let text = format!(
                "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    inet 127.0.0.1/8 scope host lo\n\
                 2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1450 qdisc noqueue\n    inet {address}/24 \
                 brd {address} scope global eth0\n"
            );
            say(task, &text, world)
        }
        (of, "show" | "list" | "ls") if !of.is_empty() => {
            fail(task, &format!("ip: there is no {of:?} here"), world)
        }
        (of, _) if !of.is_empty() && world.privileged => Done::Status(0),
        _ => fail(task, "ip: RTNETLINK answers: Operation not permitted", world),
    }
}

/// `mount`, `mount -t KIND`: what is mounted where.
pub(super) fn mount(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let kind = args.iter().position(|arg| arg == "-t").and_then(|at| args.get(at + 1));
    if args.len() > if kind.is_some() { 2 } else { 0 } {
        return fail(task, "mount: permission denied (are you root?)", world);
    }
    let volumes = world.place.mounts.iter();
    let volumes = volumes.map(|mount| (mount.path.as_str(), mount.file_system(), mount.read_only));
    let all = [("/", "overlay", false), ("/proc", "proc", false), ("/sys/fs/cgroup", "cgroup2", true)];
    let mut text = String::new();
    for (path, of, read_only) in all.into_iter().chain(volumes) {
        if kind.is_none_or(|kind| kind == of) {
            let device = match of {
                "ext4" => "/dev/vda1",
                "cgroup2" => "cgroup",
                other => other,
            };
            let access = if read_only { "ro" } else { "rw" };
            text.push_str(&format!("{device} on {path} type {of} ({access},relatime)\n"));
        }
    }
    say(task, &text, world)
}

/// `sysctl NAME…`: parameters of the kernel, which nobody may set from within.
pub(super) fn sysctl(task: &mut Task, args: &[Str], world: &mut Surroundings<'_>) -> Done {
    let only_values = args.iter().any(|arg| arg == "-n");
    for name in args.iter().filter(|arg| !arg.starts_with('-')) {
        if let Some((name, _)) = name.split_once('=') {
            return fail(task, &format!("sysctl: error setting key '{name}': Read-only file system"), world);
        }
        let Ok(value) = world.place.read(&format!("proc/sys/{}", name.replace('.', "/"))) else {
            return fail(task, &format!("sysctl: error: '{name}' is an unknown key"), world);
        };
        let line = if only_values { value.to_string() } else { format!("{name} = {value}") };
        task.write(false, &line, world);
    }
    Done::Status(0)
}
