//! A pod's status.

use crate::api::validation::{At, Faults, IMMUTABLE, names};
use crate::collections::BTreeSet;
use crate::doc;
use crate::doc::Doc;

/// The class does not go away, and the single address is the one that counts.
pub(super) fn complete(new: &mut Doc, old: &Doc) {
    let class = &old["status"]["qosClass"];
    if new["status"]["qosClass"].is_empty() && !class.is_empty() {
        new.set_at(&["status", "qosClass"], class.clone());
    }
    let ip = new["status"]["podIP"].clone();
    if !ip.is_empty() && new["status"]["podIPs"].items().first().is_none_or(|first| first["ip"] != ip) {
        new.set_at(&["status", "podIPs"], Doc::list([doc!({ "ip": ip })]));
    }
}

pub(super) fn validate(new: &Doc, old: &Doc, faults: &mut Faults) {
    let (status, before) = (At::root(&new["status"], "status"), &old["status"]);
    conditions(&new["status"]["conditions"], faults);
    let nominated = status.field("nominatedNodeName");
    if *nominated.doc() != before["nominatedNodeName"] {
        nominated.check_if_set(faults, names::dns_subdomain);
    }
    let class = status.field("qosClass");
    if *class.doc() != before["qosClass"] {
        faults.invalid(&class, &class, IMMUTABLE);
    }
    for (field, containers) in [
        ("containerStatuses", "containers"),
        ("initContainerStatuses", "initContainers"),
        ("ephemeralContainerStatuses", "ephemeralContainers"),
    ] {
        ended(&status.field(field), &before[field], &old["spec"], containers, faults);
    }
    claims(&status.field("resourceClaimStatuses"), &new["spec"]["resourceClaims"], faults);
    addresses(&status.field("podIPs"), faults);
    let hosts = status.field("hostIPs");
    if let Some(first) = hosts.each().next()
        && first["ip"].str() != status["hostIP"].str()
    {
        let ip = first.field("ip");
        faults.invalid(&ip, &ip, "must be equal to `hostIP`");
    }
    addresses(&hosts, faults);
}

/// Upstream places them in the metadata, and so do the messages.
fn conditions(conditions: &Doc, faults: &mut Faults) {
    for condition in At::root(conditions, "metadata.conditions").each() {
        let kind = condition["type"].str();
        if ["PodScheduled", "Ready", "Initialized"].contains(&&*kind) {
            continue;
        }
        for message in names::qualified_name(&kind) {
            faults.invalid(format!("{}.Type", condition.path()), &Doc::from(&kind), message);
        }
    }
}

/// A container that ended for good does not run again.
fn ended(now: &At<'_>, before: &Doc, spec: &Doc, containers: &str, faults: &mut Faults) {
    for (at, old) in before.items().iter().enumerate() {
        let ended = &old["state"]["terminated"];
        let name = &old["name"];
        let own = spec[containers].items().iter().find(|container| container["name"] == *name);
        let own = own.unwrap_or(&Doc::Null);
        let policy = match (containers, own["restartPolicy"].str()) {
            ("ephemeralContainers", _) => "Never".into(),
            (_, own) if own.is_empty() => spec["restartPolicy"].str(),
            (_, own) => own,
        };
        let failed = ended["exitCode"].as_i64().unwrap_or(0) != 0;
        let may_restart = match &*policy {
            "Never" => !own["restartPolicyRules"].is_empty(),
            "OnFailure" => failed,
            _ => true,
        };
        if ended.is_null() || may_restart {
            continue;
        }
        let runs = |new: &Doc| new["name"] == *name && new["state"]["terminated"].is_null();
        if now.items().iter().any(runs) {
            let place = format!("{}[{at}].state", now.path());
            faults.forbidden(place, "may not be transitioned to non-terminated state");
        }
    }
}

fn claims(statuses: &At<'_>, claims: &Doc, faults: &mut Faults) {
    let mut seen = BTreeSet::new();
    for status in statuses.each() {
        let name = status.field("name");
        if !claims.items().iter().any(|claim| claim["name"] == *name.doc()) {
            faults.invalid(&name, &name, "must match the name of an entry in `spec.resourceClaims`");
        }
        if !seen.insert(name.str()) {
            faults.duplicate(&name, &name);
        }
    }
}

/// One of each family.
fn addresses(addresses: &At<'_>, faults: &mut Faults) {
    let mut families = BTreeSet::new();
    let mut twice = false;
    for address in addresses.each() {
        let ip = address.field("ip");
        for message in names::ip(ip.text()) {
            faults.invalid(&address, &ip, message);
        }
        twice |= !families.insert(ip.text().contains(':'));
    }
    if twice {
        let shown: Vec<String> =
            addresses.items().iter().map(|address| format!("{{\"IP\":{}}}", address["ip"])).collect();
        let why = "may specify no more than one IP for each IP family";
        faults.invalid_text(addresses, &format!("[{}]", shown.join(",")), why);
    }
}
