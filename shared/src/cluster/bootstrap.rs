//! What every cluster has before anybody acts: namespaces, priority classes, a storage class, and roles to bind
//! people to.

mod roles;

use crate::api::plain;
use crate::api::scheduling::priorityclass;
use crate::api::storage::storageclass;
use crate::api::{Key, Kind, Meta, Object, Uid};
use crate::apiserver::{NAMESPACES, begin_in_step, own_service};
use crate::controllers::root_ca_publisher;
use crate::doc;
use crate::doc::{Doc, Timestamp};
use crate::etcd::Store;
use crate::network::ingress_manifests;
use crate::sim::Causes;

use super::{ClusterSpec, addons, kubeadm};

/// Drawn from no stream: these are older than any randomness.
const FIRST_UID: u128 = 0x4b75_6261_7269_4000_8000_0000_0000_0000;

/// Stores them all, as created at `at`, and what runs besides.
pub(super) fn objects(store: &mut Store, at: Timestamp, spec: &ClusterSpec) {
    let namespaces = NAMESPACES.map(|name| (Kind::Namespace, name, doc!({})));
    let classes = priorityclass::SYSTEM.map(|(name, value, description)| {
        (Kind::PriorityClass, name, doc!({ "description": description, "value": value }))
    });
    // Controllers would make these within moments: a cluster is older than what is first asked of it.
    let accounts = NAMESPACES
        .map(|namespace| (Kind::ServiceAccount, "default", doc!({ "metadata": { "namespace": namespace } })));
    let certificates = NAMESPACES.map(|namespace| {
        let mut map = root_ca_publisher::config_map();
        map.set_at(&["metadata", "namespace"], namespace);
        (Kind::ConfigMap, root_ca_publisher::NAME, map)
    });
    let ingress = if spec.ingress { ingress_manifests().to_vec() } else { Vec::new() };
    let named = namespaces.into_iter().chain(classes).chain(roles::all()).chain(accounts).chain(certificates);
    let servers: Vec<u32> = (0..spec.control_plane.members).collect();
    let named = named.chain(spec.storage.then(storage_class)).chain(own_service(&servers)).chain(ingress);
    let kubeadm = if spec.control_plane.hosted { Vec::new() } else { kubeadm::addons().into() };
    let named = named.chain(kubeadm.into_iter().map(in_kube_system));
    let named = named.chain(plain::flow_control(at)).chain([service_cidr(at)]);
    let named = named.chain(config_maps(at).map(in_kube_system));
    let named = named.map(|(kind, name, mut doc)| {
        doc.set_at(&["metadata", "name"], name);
        (kind, doc)
    });
    let addons = if spec.metrics_server { addons::metrics_server() } else { Vec::new() };
    let addons = addons.into_iter().filter_map(|mut doc| {
        let kind = Kind::of(&doc["apiVersion"].str(), &doc["kind"].str())?;
        doc.remove("apiVersion");
        doc.remove("kind");
        Some((kind, doc))
    });
    for (number, (kind, mut doc)) in named.chain(addons).enumerate() {
        let resource = kind.resource();
        let status = doc["status"].clone();
        resource.prepare_create(&mut doc);
        if !status.is_null() {
            doc.set("status", status);
        }
        resource.default(&mut doc);
        let uid = Uid::new(FIRST_UID + number as u128);
        let mut meta = Meta { uid, creation: at, ..Meta::default() };
        meta.generation = i64::from(resource.info().has_generation);
        meta.labels = doc["metadata"]["labels"].clone();
        meta.annotations = doc["metadata"]["annotations"].clone();
        meta.finalizers = doc["metadata"]["finalizers"].items().iter().map(Doc::str).collect();
        let key = Key::new(kind, doc["metadata"]["namespace"].str(), doc["metadata"]["name"].str());
        doc.remove("metadata");
        store.put(Object::new(key, meta, doc, None), Causes::none());
    }
    begin_in_step(store, at);
}

/// What the API server tells those who serve parts of its API of how it asks them, and since when it looks at how old tokens
/// are used.
fn config_maps(at: Timestamp) -> [(Kind, &'static str, Doc); 2] {
    let certificate = root_ca_publisher::config_map()["data"]["ca.crt"].clone();
    let authentication = doc!({
        "client-ca-file": certificate.clone(), "requestheader-allowed-names": "[\"front-proxy-client\"]",
        "requestheader-client-ca-file": certificate,
        "requestheader-extra-headers-prefix": "[\"X-Remote-Extra-\"]",
        "requestheader-group-headers": "[\"X-Remote-Group\"]",
        "requestheader-username-headers": "[\"X-Remote-User\"]"
    });
    let since = at.rfc3339().chars().take(10).collect::<String>();
    [
        (Kind::ConfigMap, "extension-apiserver-authentication", doc!({ "data": authentication })),
        (
            Kind::ConfigMap,
            "kube-apiserver-legacy-service-account-token-tracking",
            doc!({ "data": { "since": since } }),
        ),
    ]
}

/// Puts an object of a kind that has namespaces into that of the cluster's own parts.
fn in_kube_system((kind, name, mut doc): (Kind, &'static str, Doc)) -> (Kind, &'static str, Doc) {
    if kind.info().namespaced {
        doc.set_at(&["metadata", "namespace"], "kube-system");
    }
    (kind, name, doc)
}

/// The default class of a cluster made by kind: volumes are folders of the node where the pod is.
fn storage_class() -> (Kind, &'static str, Doc) {
    let class = doc!({
        "metadata": { "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
        "provisioner": storageclass::LOCAL_PATH, "volumeBindingMode": "WaitForFirstConsumer"
    });
    (Kind::StorageClass, storageclass::STANDARD, class)
}

/// Where the addresses of Services come from.
fn service_cidr(at: Timestamp) -> (Kind, &'static str, Doc) {
    let ready = doc!({
        "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes default Service CIDR is ready",
        "lastTransitionTime": Doc::Time(at)
    });
    let range = doc!({
        "metadata": { "finalizers": Doc::list(["networking.k8s.io/service-cidr-finalizer"]) },
        "spec": { "cidrs": Doc::list(["10.96.0.0/12"]) }, "status": { "conditions": Doc::list([ready]) }
    });
    (Kind::ServiceCidr, "kubernetes", range)
}
