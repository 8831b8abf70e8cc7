//! What an update of a plain kind may not do, beyond leaving alone what is immutable.

use crate::api::validation::{At, Faults, IMMUTABLE};
use crate::doc::Doc;

pub(super) fn volume_attributes_class(new: &Doc, old: &Doc, faults: &mut Faults) {
    for field in ["driverName", "parameters"].into_iter().filter(|field| new[*field] != old[*field]) {
        faults.forbidden(field, &format!("updates to {field} are forbidden."));
    }
}

/// Ranges stay; one of the other family may join the first.
pub(super) fn service_cidr(new: &Doc, old: &Doc, faults: &mut Faults) {
    let spec = At::root(&new["spec"], "spec");
    let cidrs = spec.field("cidrs");
    let (now, before) = (cidrs.items().len(), old["spec"]["cidrs"].items());
    if now == before.len() || (before.len(), now) == (1, 2) {
        for (cidr, _) in cidrs.each().zip(before).filter(|(cidr, before)| cidr.doc() != *before) {
            faults.invalid(&cidr, &cidr, IMMUTABLE);
        }
    } else {
        faults.invalid(&cidrs, &cidrs, IMMUTABLE);
    }
}
