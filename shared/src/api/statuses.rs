//! What clients may not write into the status of an object. Components are trusted: theirs is not looked at.

mod certificate;
mod job;
mod pod;
mod workloads;

use crate::collections::BTreeSet;
use crate::doc::Doc;

pub use certificate::keeps_decisions;

use super::Kind;
use super::core::resourcequota::hard_limit;
use super::plain::allocated_device;
use super::quantity;
use super::validation::{At, Faults, IMMUTABLE, conditions, names};

/// The fields of the metadata that stay as they are, whatever a client that writes a status says of them.
pub fn kept_metadata(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::ApiService
        | Kind::FlowSchema
        | Kind::PriorityLevelConfiguration
        | Kind::ResourceClaim
        | Kind::ValidatingAdmissionPolicy
        | Kind::VolumeAttachment => &["labels", "annotations", "finalizers", "ownerReferences"],
        Kind::Deployment => &["labels"],
        // Kubelets of old spoilt them.
        Kind::Pod => &["ownerReferences"],
        _ => &[],
    }
}

/// Fills in what a client left out of a status that it replaces; `new` and `old` are whole documents.
pub fn complete(kind: Kind, new: &mut Doc, old: &Doc) {
    if kind == Kind::Pod {
        pod::complete(new, old);
    }
}

/// Says what is wrong with the status of a whole document, and what may not become of the one before.
pub fn validate(kind: Kind, new: &Doc, old: &Doc, faults: &mut Faults) {
    let status = At::root(&new["status"], "status");
    match kind {
        Kind::Deployment
        | Kind::ReplicaSet
        | Kind::ReplicationController
        | Kind::StatefulSet
        | Kind::DaemonSet => workloads::validate(kind, &status, &old["status"], faults),
        Kind::Job => job::validate(new, old, faults),
        Kind::Pod => pod::validate(new, old, faults),
        Kind::CertificateSigningRequest => certificate::validate(&status, &old["status"], faults),
        Kind::HorizontalPodAutoscaler => {
            none_negative(&status, &["currentReplicas", "desiredReplicas"], faults)
        }
        Kind::PodDisruptionBudget => {
            conditions(faults, &status.field("conditions"));
            let counts = ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"];
            none_negative(&status, &counts, faults);
        }
        Kind::ValidatingAdmissionPolicy => conditions(faults, &status.field("conditions")),
        Kind::Service => {
            let ingress = status.field("loadBalancer");
            let ingress = ingress.field("ingress");
            if new["spec"]["type"].str() == "LoadBalancer" || ingress.is_empty() {
                balancer(&status, true, faults);
            } else {
                faults.forbidden(&ingress, "may only be used when `spec.type` is 'LoadBalancer'");
            }
        }
        Kind::Ingress => balancer(&status, false, faults),
        Kind::Namespace => phase(&status, !new["metadata"]["deletionTimestamp"].is_null(), faults),
        Kind::Node => node(&status, faults),
        Kind::PersistentVolumeClaim => claim(&status, faults),
        Kind::ResourceQuota => {
            for part in ["hard", "used"] {
                let amounts = status.field(part);
                for (resource, amount) in amounts.entries() {
                    hard_limit(&amounts.key(resource), resource, amount, faults);
                }
            }
        }
        Kind::ResourceClaim => devices(new, &old["status"], faults),
        Kind::VolumeAttachment => attachment(&status, faults),
        Kind::FlowSchema | Kind::PriorityLevelConfiguration => distinct(&status.field("conditions"), faults),
        _ => {}
    }
}

fn none_negative(status: &At<'_>, fields: &[&str], faults: &mut Faults) {
    for field in fields {
        status.field(field).non_negative(faults);
    }
}

/// Where a load balancer is reached; Services say of each address how it is routed.
fn balancer(status: &At<'_>, routed: bool, faults: &mut Faults) {
    let balancer = status.field("loadBalancer");
    for entry in balancer.field("ingress").each() {
        let (ip, mode, host) = (entry.field("ip"), entry.field("ipMode"), entry.field("hostname"));
        ip.check_if_set(faults, names::ip);
        if routed && mode.is_set() && ip.is_empty() {
            faults.forbidden(&mode, "may not be specified when `ip` is not set");
        } else if routed {
            mode.one_of(faults, &["Proxy", "VIP"]);
        }
        host.check_if_set(faults, names::dns_subdomain);
        if host.text().parse::<std::net::IpAddr>().is_ok() {
            faults.invalid(&host, &host, "must be a DNS name, not an IP address");
        }
    }
}

fn phase(status: &At<'_>, goes: bool, faults: &mut Faults) {
    let phase = status.field("phase");
    // What says nothing is active.
    let phase = Doc::from(if phase.is_empty() { "Active" } else { phase.text() });
    let (wanted, not) = if goes { ("Terminating", "not ") } else { ("Active", "") };
    if phase.str() != wanted {
        let why = format!("may only be '{wanted}' if `deletionTimestamp` is {not}empty");
        faults.invalid("status.Phase", &phase, why);
    }
}

fn node(status: &At<'_>, faults: &mut Faults) {
    for part in ["capacity", "allocatable"] {
        let amounts = status.field(part);
        for (resource, amount) in amounts.entries() {
            whole_amount(&amounts.field(resource), resource, amount, faults);
        }
    }
    let mut seen = BTreeSet::new();
    for address in status.field("addresses").each() {
        let (kind, at) = (address["type"].str(), address["address"].str());
        if !seen.insert((kind.clone(), at.clone())) {
            faults.duplicate_text(&address, &format!("{{\"Type\":{kind:?},\"Address\":{at:?}}}"));
        }
    }
}

/// An amount of a resource: none is negative, and what is counted comes whole.
fn whole_amount(at: &At<'_>, resource: &str, amount: &Doc, faults: &mut Faults) {
    let text = quantity::canonical(amount).unwrap_or_default();
    let thousandths = quantity::parse_quantity(&text).unwrap_or(0);
    if thousandths < 0 {
        faults.invalid(at, &Doc::from(&*text), "must be greater than or equal to 0");
    }
    let extended = resource.contains('/') && !resource.contains("kubernetes.io/");
    if (extended || resource == "pods") && thousandths % 1000 != 0 {
        faults.invalid(at, &Doc::from(&*text), "must be an integer");
    }
}

fn claim(status: &At<'_>, faults: &mut Faults) {
    const STATES: [&str; 5] = [
        "ControllerResizeInProgress",
        "ControllerResizeInfeasible",
        "NodeResizeInProgress",
        "NodeResizeInfeasible",
        "NodeResizePending",
    ];
    for part in ["capacity", "allocatedResources"] {
        let amounts = status.field(part);
        for (resource, amount) in amounts.entries() {
            let text = quantity::canonical(amount).unwrap_or_default();
            let bytes = quantity::parse_quantity(&text).unwrap_or(0) / 1000;
            if bytes < 0 {
                let value = Doc::from(i64::try_from(bytes).unwrap_or(i64::MIN));
                faults.invalid(&amounts.key(resource), &value, "must be a valid resource quantity");
            }
        }
    }
    for (resource, state) in status["allocatedResourceStatuses"].entries() {
        if !STATES.contains(&&*state.str()) {
            faults.not_supported("status.allocatedResourceStatus", &Doc::from(resource), &STATES);
        }
    }
}

/// What a claim for devices got stays as it is, and nobody has what was not given.
fn devices(new: &Doc, old: &Doc, faults: &mut Faults) {
    let status = At::root(&new["status"], "status");
    let (allocation, reserved) = (status.field("allocation"), status.field("reservedFor"));
    let mut seen = BTreeSet::new();
    for user in reserved.each() {
        let uid = user.field("uid");
        if !seen.insert(uid.str()) {
            faults.duplicate(&uid, &uid);
        }
        for field in ["resource", "name", "uid"] {
            user.field(field).require(faults);
        }
    }
    if !allocation.is_set() && !reserved.is_empty() {
        faults.forbidden(&reserved, "may not be specified when `allocated` is not set");
    }
    for device in allocation.field("devices").field("results").each() {
        allocated_device(&device, &new["spec"], faults);
    }
    if !old["allocation"].is_null() && allocation.is_set() && *allocation.doc() != old["allocation"] {
        faults.invalid(&allocation, &allocation, IMMUTABLE);
    }
}

fn attachment(status: &At<'_>, faults: &mut Faults) {
    const MOST_METADATA: u32 = 256 * 1024;
    const MOST_MESSAGE: u32 = 1024;
    let metadata = status.field("attachmentMetadata");
    let size: usize = metadata.entries().iter().map(|(key, value)| key.len() + value.str().len()).sum();
    if size > MOST_METADATA as usize {
        faults.too_long(&metadata, MOST_METADATA);
    }
    for field in ["attachError", "detachError"] {
        let error = status.field(field);
        let message = error.field("message");
        if message.text().len() > MOST_MESSAGE as usize {
            faults.too_long(&message, MOST_MESSAGE);
        }
    }
}

/// Each condition is of a type of its own.
fn distinct(conditions: &At<'_>, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for condition in conditions.each() {
        let kind = condition.field("type");
        if !seen.insert(kind.str()) {
            faults.duplicate(&kind, &kind);
        }
        if kind.is_empty() {
            faults.required(&kind, "must not be empty");
        }
    }
}
