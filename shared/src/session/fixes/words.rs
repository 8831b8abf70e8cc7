//! One word where an object is wanted: `strategy: Recreate`, `- MODE=fast`.

use super::Fix;
use super::scene::Fault;
use super::shapes::mismatch;
use super::syntax::quoted;
use super::values::unquoted;
use crate::api::parse_quantity;

/// Objects for which people write one word, and the field that the word belongs to.
const SAID: &[(&str, &str)] = &[
    ("ConfigMapEnvSource", "name"),
    ("ConfigMapVolumeSource", "name"),
    ("Container", "image"),
    ("ContainerPort", "containerPort"),
    ("CrossVersionObjectReference", "name"),
    ("DaemonSetUpdateStrategy", "type"),
    ("DeploymentStrategy", "type"),
    ("HostPathVolumeSource", "path"),
    ("IngressServiceBackend", "name"),
    ("LocalObjectReference", "name"),
    ("PersistentVolumeClaimVolumeSource", "claimName"),
    ("RoleRef", "name"),
    ("SecretEnvSource", "name"),
    ("SecretVolumeSource", "secretName"),
    ("ServicePort", "port"),
    ("StatefulSetUpdateStrategy", "type"),
];

/// The object, on one line, that the marked word stands for where one of the type `wanted` is.
pub(super) fn object(fault: &Fault, wanted: &str) -> Option<String> {
    let text = fault.text();
    let kind = wanted.rsplit('.').next().unwrap_or(wanted).trim_start_matches("[]");
    let bare = unquoted(text);
    let said = |field: &str| Some(format!("{{{field}: {text}}}"));
    match kind {
        _ if text.is_empty() => None,
        // As Docker writes them.
        "EnvVar" => bare
            .split_once('=')
            .map(|(name, value)| format!("{{name: {}, value: {}}}", name.trim(), quoted(value.trim()))),
        "VolumeMount" => {
            let (name, path) = bare.split_once(':')?;
            path.starts_with('/').then(|| format!("{{name: {name}, mountPath: {path}}}"))
        }
        "ContainerPort" if bare.contains(':') => {
            let port = bare.rsplit(':').next().and_then(|port| port.parse::<u16>().ok())?;
            Some(format!("{{containerPort: {port}}}"))
        }
        "ServiceBackendPort" => said(if bare.parse::<u16>().is_ok() { "number" } else { "name" }),
        "ResourceList" => amounts(fault, bare),
        "LabelSelector" => labels(bare).map(|labels| format!("{{matchLabels: {labels}}}")),
        "map[string]string" => labels(bare),
        _ => field_of(kind).and_then(said),
    }
}

/// The field of a type that people mean when they write one word.
pub(super) fn field_of(kind: &str) -> Option<&'static str> {
    SAID.iter().find(|(known, _)| *known == kind).map(|(_, field)| *field)
}

/// `app=web,tier=front` as a map.
fn labels(text: &str) -> Option<String> {
    let pairs: Option<Vec<String>> = text
        .split(',')
        .map(|pair| pair.split_once(['=', ':']))
        .map(|pair| pair.map(|(name, value)| format!("{}: {}", name.trim(), value.trim())))
        .collect();
    Some(format!("{{{}}}", pairs?.join(", ")))
}

/// How much of what: on disks it is room, in pods memory has a unit and CPU has none.
fn amounts(fault: &Fault, text: &str) -> Option<String> {
    parse_quantity(text)?;
    let disk =
        fault.document.is_some_and(|document| document.doc["kind"].str().starts_with("PersistentVolume"));
    let cpu = text.trim_end_matches('m').parse::<f64>().is_ok();
    let resource = if disk {
        "storage"
    } else if cpu {
        "cpu"
    } else {
        "memory"
    };
    Some(format!("{{{resource}: {text}}}"))
}

/// One word where an object is wanted.
pub(super) fn word(fault: &Fault) -> Vec<Fix> {
    let Some(("string" | "number", wanted)) = mismatch(fault) else { return Vec::new() };
    let object = object(fault, wanted).filter(|_| !wanted.starts_with("[]"));
    object.map_or_else(Vec::new, |object| vec![Fix::new("fix_map", "", fault.put(object))])
}
