//! `--profile`: what a container that debugs may do.

use crate::doc;
use crate::doc::Doc;

use super::super::args::Args;

pub(super) const ALL: [&str; 6] = ["general", "baseline", "restricted", "netadmin", "sysadmin", "legacy"];

/// Where the container comes to be.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Beside {
    /// Among those of a running pod.
    Containers,
    /// In a copy of a pod.
    Copies,
    /// Alone in a pod on a node.
    Nodes,
}

fn profile(args: &Args) -> &str {
    args.get("profile").filter(|profile| !profile.is_empty()).unwrap_or("general")
}

/// What the profile allows, or forbids, a container.
pub(super) fn of_container(container: &mut Doc, place: Beside, args: &Args) {
    let context = match profile(args) {
        "general" if place != Beside::Nodes => doc!({ "capabilities": { "add": ["SYS_PTRACE"] } }),
        "restricted" => doc!({
            "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] }, "runAsNonRoot": true,
            "seccompProfile": { "type": "RuntimeDefault" }
        }),
        "netadmin" => doc!({ "capabilities": { "add": ["NET_ADMIN", "NET_RAW"] } }),
        "sysadmin" => doc!({ "privileged": true }),
        _ => return,
    };
    container.set("securityContext", context);
}

/// How much of the node a pod on it sees: its namespaces, and its files below `/host`.
pub(super) fn of_node(spec: &mut Doc, container: &mut Doc, args: &Args) {
    let profile = profile(args);
    if !matches!(profile, "baseline" | "restricted") {
        for namespace in ["hostIPC", "hostNetwork", "hostPID"] {
            spec.set(namespace, true);
        }
    }
    if matches!(profile, "general" | "legacy" | "sysadmin") {
        spec.set("volumes", doc!([{ "name": "host-root", "hostPath": { "path": "/" } }]));
        container.set("volumeMounts", doc!([{ "mountPath": "/host", "name": "host-root" }]));
    }
}
