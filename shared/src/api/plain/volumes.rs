//! What is wrong with what storage drivers say of themselves, and with attachments.

use crate::api::quantity;
use crate::api::validation::{At, Faults, driver_name, label_selector, names};
use crate::collections::BTreeSet;
use crate::doc::Doc;

/// The shortest time for which a token is asked for, and the longest, in seconds.
const SHORTEST_TOKEN: i64 = 600;
const LONGEST_TOKEN: i64 = 1 << 32;

pub(super) fn driver(doc: &Doc, faults: &mut Faults) {
    let spec = At::root(&doc["spec"], "spec");
    spec.field("fsGroupPolicy").one_of(faults, &["File", "None", "ReadWriteOnceWithFSType"]);
    let modes = spec.field("volumeLifecycleModes");
    for mode in modes.items().iter().filter(|mode| !["Ephemeral", "Persistent"].contains(&&*mode.str())) {
        faults.not_supported(&modes, mode, &["Ephemeral", "Persistent"]);
    }
    let mut audiences = BTreeSet::new();
    for request in spec.field("tokenRequests").each() {
        let (audience, seconds) = (request.field("audience"), request.field("expirationSeconds"));
        if !audiences.insert(audience.str()) {
            faults.duplicate(&audience, &Doc::from(audience.text()));
        } else if seconds.is_set() && seconds.number() < SHORTEST_TOKEN {
            faults.invalid(&seconds, &seconds, "may not specify a duration less than 10 minutes");
        } else if seconds.number() > LONGEST_TOKEN {
            faults.invalid(&seconds, &seconds, "may not specify a duration larger than 2^32 seconds");
        }
    }
    let period = spec.field("nodeAllocatableUpdatePeriodSeconds");
    if period.is_set() && period.number() < 10 {
        faults.invalid(&period, &period, "must be greater than or equal to 10 seconds");
    }
}

pub(super) fn capacity(doc: &Doc, faults: &mut Faults) {
    let root = At::root(doc, "");
    label_selector(faults, &root.field("nodeTopology"));
    root.field("storageClassName").check(faults, names::dns_subdomain);
    for field in ["capacity", "maximumVolumeSize"] {
        let amount = root.field(field);
        let text = quantity::canonical(&amount).unwrap_or_default();
        if quantity::parse_quantity(&text).is_some_and(|amount| amount < 0) {
            faults.invalid(&amount, &Doc::from(&*text), "must be greater than or equal to 0");
        }
    }
}

pub(super) fn attachment(doc: &Doc, faults: &mut Faults) {
    const ONE: &str = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
    let spec = At::root(&doc["spec"], "spec");
    driver_name(faults, &spec.field("attacher"));
    spec.field("nodeName").require_and_check(faults, names::dns_subdomain);
    let source = spec.field("source");
    let (inline, volume) = (source.field("inlineVolumeSpec"), source.field("persistentVolumeName"));
    match (inline.is_set(), volume.is_set()) {
        (false, false) => faults.required(&source, ONE),
        (true, true) => faults.forbidden(&source, ONE),
        (false, true) if volume.is_empty() => {
            faults.required(&volume, "must specify non empty persistentVolumeName");
        }
        _ => volume.check_if_set(faults, names::dns_subdomain),
    }
}

pub(super) fn attributes_class(doc: &Doc, faults: &mut Faults) {
    let root = At::root(doc, "");
    let driver = root.field("driverName");
    if driver.require(faults) {
        for message in names::qualified_name(&driver.text().to_ascii_lowercase()) {
            faults.invalid(&driver, &driver, message);
        }
    }
    let parameters = root.field("parameters");
    if parameters.is_empty() {
        faults.required(&parameters, "must contain at least one key/value pair");
    } else if parameters.entries().iter().any(|(key, _)| key.is_empty()) {
        faults.invalid(&parameters, &Doc::from(""), "field can not be empty.");
    }
}
