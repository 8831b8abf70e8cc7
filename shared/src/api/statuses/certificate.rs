//! Decisions about a certificate, and the certificate itself.

use crate::api::core::secret::base64_decode;
use crate::api::validation::{At, Faults};
use crate::collections::BTreeSet;
use crate::doc::Doc;

const PEM: &str = "-----BEGIN CERTIFICATE-----";
const DECISIONS: [&str; 2] = ["Approved", "Denied"];
const LASTING: [&str; 3] = ["Approved", "Denied", "Failed"];

pub(super) fn validate(status: &At<'_>, old: &Doc, faults: &mut Faults) {
    let (conditions, certificate) = (status.field("conditions"), status.field("certificate"));
    each(&conditions, faults);
    let changed = *certificate.doc() != old["certificate"] && !certificate.is_empty();
    if changed {
        let pem = base64_decode(certificate.text()).unwrap_or_default();
        if !pem.windows(PEM.len()).any(|part| part == PEM.as_bytes()) {
            let why = "must contain at least one CERTIFICATE PEM block";
            faults.invalid_text(&certificate, "\"<certificate data>\"", why);
        }
    }
    let of = |conditions: &Doc, kind: &str| -> Vec<Doc> {
        conditions.items().iter().filter(|condition| condition["type"].str() == kind).cloned().collect()
    };
    for kind in LASTING {
        if of(&conditions, kind).len() < of(&old["conditions"], kind).len() {
            faults.forbidden(&conditions, &format!("updates may not remove a condition of type {kind:?}"));
        }
    }
    if changed && !old["certificate"].is_empty() {
        faults.forbidden(&certificate, "updates may not modify existing certificate content");
    }
}

/// Who writes the status decides nothing.
pub fn keeps_decisions(new: &Doc, old: &Doc, faults: &mut Faults) {
    let of = |doc: &Doc, kind: &str| {
        let mut conditions = doc["status"]["conditions"].items().iter();
        conditions.find(|condition| condition["type"].str() == kind).cloned()
    };
    for kind in DECISIONS {
        let done = match (of(new, kind), of(old, kind)) {
            (Some(_), None) => "add",
            (Some(new), Some(old)) if new != old => "modify",
            _ => continue,
        };
        faults
            .forbidden("status.conditions", &format!("updates may not {done} a condition of type {kind:?}"));
    }
}

fn each(conditions: &At<'_>, faults: &mut Faults) {
    let (mut seen, mut decided) = (BTreeSet::new(), None);
    for condition in conditions.each() {
        let (kind, status) = (condition.field("type"), condition.field("status"));
        kind.require(faults);
        let may_be: &[&str] =
            if LASTING.contains(&kind.text()) { &["True"] } else { &["False", "True", "Unknown"] };
        status.require_one_of(faults, may_be);
        let decides = DECISIONS.contains(&kind.text());
        if decides && decided.replace(kind.str()).is_some_and(|before| before != kind.text()) {
            faults.invalid(&kind, &kind, "Approved and Denied conditions are mutually exclusive");
        }
        if !seen.insert(kind.str()) {
            faults.duplicate(&kind, &kind);
        }
    }
}
