//! What is wrong with what a container mounts, and with the devices that it wants as they are.

use crate::api::validation::names;
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};

use super::container::Around;

pub(super) fn validate(container: &At<'_>, around: &Around<'_>, faults: &mut Faults) {
    let (mounts, devices) = (container.field("volumeMounts"), container.field("volumeDevices"));
    let privileged = container["securityContext"]["privileged"].as_bool() == Some(true);
    let mut paths: BTreeSet<Str> = BTreeSet::new();
    for mount in mounts.each() {
        let (name, path) = (mount.field("name"), mount.field("mountPath"));
        name.require(faults);
        if !around.volumes.contains(name.text()) {
            faults.not_found(&name, &Doc::from(name.text()));
        }
        path.require(faults);
        if !paths.insert(path.str()) {
            faults.invalid(&path, &path, "must be unique");
        }
        if has(&devices, "name", &name) {
            faults.invalid(&name, &name, "must not already exist in volumeDevices");
        }
        if has(&devices, "devicePath", &path) {
            faults.invalid(&path, &path, "must not already exist as a path in volumeDevices");
        }
        for field in ["subPath", "subPathExpr"] {
            if field == "subPathExpr" && !mount["subPath"].is_empty() && !mount[field].is_empty() {
                let why = "subPathExpr and subPath are mutually exclusive";
                faults.invalid(&mount.field(field), &mount[field], why);
            }
            // The position is left out here: upstream's way, not a slip of ours.
            for message in names::descending_path(mount.field(field).text()) {
                faults.invalid(&mounts.field(field), &mount[field], message);
            }
        }
        propagation(&mount, &mounts, privileged, faults);
    }
    self::devices(&devices, &mounts, around.spec, faults);
}

/// Whether one of a list says the same; nothing is the same as what is missing.
fn has(list: &At<'_>, field: &str, value: &Doc) -> bool {
    !value.is_empty() && list.items().iter().any(|one| one[field] == *value)
}

/// Who sees what is mounted below later, and whether that is read-only, too.
fn propagation(mount: &At<'_>, mounts: &At<'_>, privileged: bool, faults: &mut Faults) {
    let (spread, at) = (&mount["mountPropagation"], mounts.field("mountPropagation"));
    if !spread.is_null() {
        let known = ["Bidirectional", "HostToContainer", "None"];
        if !known.contains(&&*spread.str()) {
            faults.not_supported(&at, spread, &known);
        }
        if spread.as_str() == Some("Bidirectional") && !privileged {
            let why = "Bidirectional mount propagation is available only to privileged containers";
            faults.forbidden(&at, why);
        }
    }
    let recursive = mount.field("recursiveReadOnly");
    if matches!(recursive.text(), "Enabled" | "IfPossible") {
        if mount["readOnly"].as_bool() != Some(true) {
            faults.forbidden(&recursive, "may only be specified when readOnly is true");
        }
        if !spread.is_null() && spread.as_str() != Some("None") {
            let why = "may only be specified when mountPropagation is None or not specified";
            faults.forbidden(&recursive, why);
        }
    } else {
        recursive.one_of(faults, &["Disabled", "Enabled", "IfPossible"]);
    }
}

fn devices(devices: &At<'_>, mounts: &At<'_>, spec: &Doc, faults: &mut Faults) {
    let (mut names, mut paths): (BTreeSet<Str>, BTreeSet<Str>) = (BTreeSet::new(), BTreeSet::new());
    for device in devices.each() {
        let (name, path) = (device.field("name"), device.field("devicePath"));
        name.require(faults);
        if names.contains(name.text()) {
            faults.invalid(&name, &name, "must be unique");
        }
        match spec["volumes"].items().iter().find(|volume| volume["name"] == *name) {
            Some(volume) if volume["persistentVolumeClaim"].is_null() && volume["ephemeral"].is_null() => {
                let why =
                    "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
                faults.invalid(&name, &name, why);
            }
            Some(_) => {}
            None => faults.not_found(&name, &Doc::from(name.text())),
        }
        path.require(faults);
        if paths.contains(path.text()) {
            faults.invalid(&path, &path, "must be unique");
        }
        if path.text().split('/').any(|part| part == "..") {
            faults.invalid(&path, &path, "can not contain backsteps ('..')");
        } else {
            paths.insert(path.str());
        }
        if has(mounts, "name", &name) {
            faults.invalid(&name, &name, "must not already exist in volumeMounts");
        }
        if has(mounts, "mountPath", &path) {
            faults.invalid(&path, &path, "must not already exist as a path in volumeMounts");
        }
        if !name.is_empty() {
            names.insert(name.str());
        }
    }
}
