//! What every cluster has before anybody acts: namespaces, priority classes, and roles to bind people to.

mod roles;

use crate::api::scheduling::priorityclass;
use crate::api::{Key, Kind, Meta, Object};
use crate::controllers::root_ca_cert_publisher;
use crate::doc;
use crate::doc::Timestamp;
use crate::etcd::Store;
use crate::sim::Causes;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Drawn from no stream: these are older than any randomness.
const FIRST_UID: u128 = 0x4b75_6261_7269_4000_8000_0000_0000_0000;

/// Stores them all, as created at `at`.
pub(super) fn objects(store: &mut Store, at: Timestamp) {
    let namespaces = NAMESPACES.map(|name| (Kind::Namespace, "", name, doc!({})));
    let classes =
        priorityclass::SYSTEM.map(|(name, value)| (Kind::PriorityClass, "", name, doc!({ "value": value })));
    // Controllers would make these within moments: a cluster is older than what is first asked of it.
    let accounts = NAMESPACES.map(|namespace| (Kind::ServiceAccount, namespace, "default", doc!({})));
    let certificates = NAMESPACES.map(|namespace| {
        (Kind::ConfigMap, namespace, "kube-root-ca.crt", root_ca_cert_publisher::config_map())
    });
    let roles = roles::all().into_iter().map(|(kind, name, doc)| (kind, "", name, doc));
    let all = namespaces.into_iter().chain(classes).chain(roles).chain(accounts).chain(certificates);
    for (number, (kind, namespace, name, mut doc)) in all.enumerate() {
        doc.set_at(&["metadata", "name"], name);
        let resource = kind.resource();
        resource.prepare_create(&mut doc);
        resource.default(&mut doc);
        let meta = Meta {
            uid: FIRST_UID + number as u128,
            creation: at,
            generation: i64::from(resource.info().has_generation),
            labels: doc["metadata"]["labels"].clone(),
            annotations: doc["metadata"]["annotations"].clone(),
            ..Meta::default()
        };
        doc.remove("metadata");
        store.put(Object::new(Key::new(kind, namespace, name), meta, doc, None), Causes::none());
    }
}
