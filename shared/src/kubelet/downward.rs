//! The downward API: fields of a pod, and what its containers ask for, as text.

use crate::api::core::pod::Container;
use crate::api::{Object, parse_quantity, quantity};
use crate::doc::{Doc, Str};
use crate::sim::Machine;

use super::node::DISK_BYTES;

/// A field of the pod.
pub(super) fn field(path: &str, object: &Object, pod_ip: &Str, host_ip: &Str) -> Str {
    let entry = |map: &Doc, prefix: &str| {
        path.strip_prefix(prefix).and_then(|rest| rest.strip_suffix("']")).map(|key| map[key].str())
    };
    match path {
        "metadata.name" => object.key.name.clone(),
        "metadata.namespace" => object.key.namespace.clone(),
        "metadata.uid" => object.meta.uid.text(),
        "metadata.labels" => lines(&object.meta.labels),
        "metadata.annotations" => lines(&object.meta.annotations),
        "spec.nodeName" => object.body["spec"]["nodeName"].str(),
        "spec.serviceAccountName" => object.body["spec"]["serviceAccountName"].str(),
        "status.podIP" | "status.podIPs" => pod_ip.clone(),
        "status.hostIP" | "status.hostIPs" => host_ip.clone(),
        _ => entry(&object.meta.labels, "metadata.labels['")
            .or_else(|| entry(&object.meta.annotations, "metadata.annotations['"))
            .unwrap_or_default(),
    }
}

/// `key="value"`, one a line.
fn lines(map: &Doc) -> Str {
    let lines: Vec<String> =
        map.entries().iter().map(|(key, value)| format!("{key}={}", Doc::from(value.str()))).collect();
    lines.join("\n").into()
}

/// `limits.cpu` and its like in units of the divisor, rounded up. Where there is no limit, what the node has counts.
pub(super) fn resource_field(reference: &Doc, container: &Doc, machine: &Machine) -> Str {
    let whole = reference["resource"].str();
    let Some((bound, resource)) = whole.split_once('.') else { return Str::new() };
    let read = |doc: &Doc| quantity::canonical(doc).and_then(|text| parse_quantity(&text));
    let amount = |bound: &str| read(&container["resources"][bound][resource]);
    let on_node = || match resource {
        "cpu" => i128::from(machine.cpu_milli),
        "memory" => i128::from(machine.memory) * 1000,
        "ephemeral-storage" => i128::from(DISK_BYTES) * 1000,
        _ => 0,
    };
    let amount = match bound {
        "limits" => amount("limits").unwrap_or_else(on_node),
        _ => amount("requests").or_else(|| amount("limits")).unwrap_or(0),
    };
    let divisor = read(&reference["divisor"]).filter(|divisor| *divisor > 0).unwrap_or(1000);
    (amount.saturating_add(divisor - 1) / divisor).to_string().into()
}

/// The same for a variable, which means its own container unless it names another.
pub(super) fn own_resource_field(
    reference: &Doc,
    container: &Doc,
    all: &[&Container],
    machine: &Machine,
) -> Str {
    let name = reference["containerName"].str();
    let named = all.iter().find(|other| other.name == name).map(|other| &other.doc);
    resource_field(reference, named.unwrap_or(container), machine)
}
