//! What is wrong with a container's environment.

use crate::api::quantity;
use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::doc::Doc;

use super::container::Around;

/// Fields of a pod that a variable can take its value from.
const ENV_FIELDS: &[&str] = &[
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];

/// Fields of a pod that a file of a volume can hold.
pub(super) const VOLUME_FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "metadata.name", "metadata.namespace", "metadata.uid"];

/// Further fields that exist, though they cannot be taken here or there.
const MORE_FIELDS: &[&str] =
    &["metadata.annotations", "metadata.labels", "spec.restartPolicy", "spec.schedulerName", "status.phase"];

const RESOURCES: &[&str] = &[
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

pub(super) fn validate(container: &At<'_>, around: &Around<'_>, faults: &mut Faults) {
    for variable in container.field("env").each() {
        variable.field("name").require_and_check(faults, names::env_name);
        let from = variable.field("valueFrom");
        if from.is_set() {
            value_from(&from, !variable["value"].is_empty(), around, faults);
        }
    }
    let all = container.field("envFrom");
    for source in all.each() {
        source.field("prefix").check_if_set(faults, names::env_name);
        let kinds = ["configMapRef", "secretRef"].map(|kind| source.field(kind));
        for reference in kinds.iter().filter(|reference| reference.is_set()) {
            reference.field("name").require_and_check(faults, names::dns_subdomain);
        }
        match kinds.iter().filter(|reference| reference.is_set()).count() {
            0 => {
                let why = "must specify one of: `configMapRef` or `secretRef`";
                faults.invalid(&all, &Doc::from(""), why);
            }
            1 => {}
            _ => faults.invalid(&all, &Doc::from(""), "may not have more than one field specified at a time"),
        }
    }
}

fn value_from(from: &At<'_>, has_value: bool, around: &Around<'_>, faults: &mut Faults) {
    let mut sources = 0;
    for kind in ["fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"] {
        let reference = from.field(kind);
        if !reference.is_set() {
            continue;
        }
        sources += 1;
        match kind {
            "fieldRef" => field_ref(&reference, ENV_FIELDS, faults),
            "resourceFieldRef" => resource_field_ref(&reference, false, faults),
            "fileKeyRef" => file_key_ref(&reference, around, faults),
            _ => {
                reference.field("name").check(faults, names::dns_subdomain);
                reference.field("key").require_and_check(faults, names::config_key);
            }
        }
    }
    let why = match (sources, has_value) {
        (0, _) => "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
        (_, true) => "may not be specified when `value` is not empty",
        (1, false) => return,
        _ => "may not have more than one field specified at a time",
    };
    faults.invalid(from, &Doc::from(""), why);
}

/// A reference to a variable in a file of the pod's own.
fn file_key_ref(reference: &At<'_>, around: &Around<'_>, faults: &mut Faults) {
    let (key, volume, path) =
        (reference.field("key"), reference.field("volumeName"), reference.field("path"));
    key.require_and_check(faults, names::env_name);
    if path.require(faults) {
        for message in names::descending_path(path.text()) {
            faults.invalid(&path, &path, message);
        }
    }
    if !volume.require(faults) {
        return;
    }
    let mut volumes = around.spec["volumes"].items().iter();
    match volumes.find(|known| known["name"].as_str() == Some(volume.text())) {
        None => faults.not_found(&volume, &Doc::from(volume.text())),
        Some(known) if known["emptyDir"].is_null() => {
            faults.invalid(&volume, &volume, "referenced volume must be of type emptyDir");
        }
        Some(_) => {}
    }
}

/// A reference to one of the pod's own fields.
pub(super) fn field_ref(reference: &At<'_>, allowed: &[&str], faults: &mut Faults) {
    if !reference.field("apiVersion").require(faults) || !reference.field("fieldPath").require(faults) {
        return;
    }
    let path = reference.field("fieldPath");
    let subscript = path.text().strip_suffix("']").and_then(|path| path.split_once("['"));
    if let Some((map, key)) = subscript {
        match map {
            "metadata.annotations" | "metadata.labels" => {
                for message in names::qualified_name(&key.to_lowercase()) {
                    faults.invalid(reference, &Doc::from(key), message);
                }
            }
            _ => faults.invalid(reference, &Doc::from(map), "does not support subscript"),
        }
    } else if ![ENV_FIELDS, MORE_FIELDS].iter().any(|known| known.contains(&path.text())) {
        let why = format!("error converting fieldPath: field label not supported: {}", path.text());
        faults.invalid(&path, &path, why);
    } else {
        path.one_of(faults, allowed);
    }
}

/// A reference to what a container asks for or is bounded by.
pub(super) fn resource_field_ref(reference: &At<'_>, volume: bool, faults: &mut Faults) {
    let resource = reference.field("resource");
    if volume && reference["containerName"].is_empty() {
        faults.required(&reference.field("containerName"), "");
    } else if resource.require(faults) {
        let huge = ["requests.hugepages-", "limits.hugepages-"];
        if !huge.iter().any(|prefix| resource.text().starts_with(prefix)) {
            resource.one_of(faults, RESOURCES);
        }
    }
    divisor(reference, faults);
}

/// In which units an amount can be told.
fn divisor(reference: &At<'_>, faults: &mut Faults) {
    let (resource, divisor) = (reference.field("resource"), reference.field("divisor"));
    let of = resource.text().split_once('.').map_or("", |(_, of)| of);
    let (words, known): (_, &[&str]) = match of {
        "cpu" => ("cpu", &["1m", "1"]),
        "memory" => ("memory", &BYTES),
        "ephemeral-storage" => ("local ephemeral storage", &BYTES),
        _ if of.starts_with("hugepages-") => ("hugepages", &BYTES),
        _ => return,
    };
    let given = quantity::canonical(&divisor).unwrap_or_default();
    if !divisor.is_empty() && given != "0" && !known.contains(&&*given) {
        let why =
            format!("only divisor's values {} are supported with the {words} resource", in_words(known));
        faults.invalid(&reference.field("divisor"), &resource, why);
    }
}

const BYTES: [&str; 13] = ["1", "1k", "1M", "1G", "1T", "1P", "1E", "1Ki", "1Mi", "1Gi", "1Ti", "1Pi", "1Ei"];

fn in_words(known: &[&str]) -> String {
    match known {
        [one, other] => format!("{one} and {other}"),
        all => all.join(", "),
    }
}
