//! Where the addresses of Services come from: ranges that are there can be used, and none goes that an address needs.
//! Upstream a small controller sees to that; it waits ten seconds before it lets a range go.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::{Kind, Object};
use crate::doc;
use crate::doc::Doc;
use crate::etcd::{Revision, Store};
use crate::sim::ChangeKind;

use super::{Call, delete};

const FINALIZER: &str = "networking.k8s.io/service-cidr-finalizer";
const READY: &str = "Kubernetes Service CIDR is ready";
const NEEDED: &str =
    "There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR";

/// Whether an address is one of a network's, whose first and last one nobody gets.
fn is_in(network: &Doc, ip: u32) -> bool {
    let Some((first, bits)) = network.as_str().and_then(|text| text.split_once('/')) else { return false };
    let (Ok(first), Ok(bits)) = (first.parse::<Ipv4Addr>(), bits.parse::<u32>()) else { return false };
    let others = u32::MAX.checked_shr(bits).unwrap_or(0);
    let first = u32::from(first) & !others;
    ip & !others == first && ip != first && ip != first | others
}

fn has(range: &Object, ip: &str) -> bool {
    let ip = ip.parse().map(|ip: Ipv4Addr| u32::from(ip));
    ip.is_ok_and(|ip| range.body["spec"]["cidrs"].items().iter().any(|network| is_in(network, ip)))
}

/// Whether a Service can ask for an address.
pub(super) fn has_address(store: &Store, ip: &str) -> bool {
    store.list(Kind::ServiceCidr).any(|range| range.meta.deletion.is_none() && has(range, ip))
}

/// Whether an address of a Service would be in no range without this one.
fn is_needed(store: &Store, range: &Object) -> bool {
    let of_service = |object: &&Arc<Object>| {
        object.meta.labels["ipaddress.kubernetes.io/managed-by"].as_str() == Some("ipallocator.k8s.io")
    };
    store.list(Kind::IpAddress).filter(of_service).any(|address| {
        let ip = &address.key.name;
        let others = || store.list(Kind::ServiceCidr).filter(|other| other.key != range.key);
        has(range, ip) && !others().any(|other| has(other, ip))
    })
}

impl Call<'_, '_> {
    /// Lets follow what follows from writes of ranges, and from addresses that are free again.
    pub(super) fn judge_ranges(&mut self) {
        let concerns = |it: &Revision| match it.object.key.kind {
            Kind::ServiceCidr => true,
            Kind::IpAddress => it.change == ChangeKind::Deleted,
            _ => false,
        };
        if !self.written.iter().any(concerns) {
            return;
        }
        let ranges: Vec<Arc<Object>> = self.store.list(Kind::ServiceCidr).cloned().collect();
        for range in ranges {
            let (mut meta, mut body) = (range.meta.clone(), range.body.clone());
            if meta.deletion.is_none() {
                if !meta.has_finalizer(FINALIZER) {
                    meta.finalizers.push(FINALIZER.into());
                }
                self.say_ready(&mut body, "True", "", READY);
            } else if is_needed(self.store, &range) {
                self.say_ready(&mut body, "False", "Terminating", NEEDED);
            } else {
                meta.finalizers.retain(|finalizer| finalizer != FINALIZER);
            }
            let judged = Object::new(range.key.clone(), meta, body, Some(&range));
            if delete::is_released(&judged) {
                self.remove(&judged.key);
            } else if judged != *range {
                self.put(judged);
            }
        }
    }

    fn say_ready(&self, body: &mut Doc, status: &str, reason: &str, message: &str) {
        let mut conditions = body["status"]["conditions"].items().to_vec();
        let is_ready = |condition: &Doc| condition["type"].as_str() == Some("Ready");
        if conditions.iter().any(|it| is_ready(it) && it["status"].as_str() == Some(status)) {
            return;
        }
        conditions.retain(|condition| !is_ready(condition));
        conditions.push(doc!({
            "type": "Ready", "status": status, "reason": reason, "message": message,
            "lastTransitionTime": Doc::Time(self.cx.timestamp().floor_seconds())
        }));
        body.set_at(&["status", "conditions"], conditions);
    }
}
