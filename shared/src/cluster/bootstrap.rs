//! What every cluster has before anybody acts: namespaces, priority classes, a storage class, and roles to bind
//! people to.

use crate::api::scheduling::priorityclass;
use crate::api::storage::storageclass;
use crate::api::{Key, Kind, Meta, Object};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::etcd::Store;
use crate::sim::Causes;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Drawn from no stream: these are older than any randomness.
const FIRST_UID: u128 = 0x4b75_6261_7269_4000_8000_0000_0000_0000;

/// Stores them all, as created at `at`.
pub(super) fn objects(store: &mut Store, at: Timestamp, storage: bool) {
    let namespaces = NAMESPACES.map(|name| (Kind::Namespace, name, doc!({})));
    let classes =
        priorityclass::SYSTEM.map(|(name, value)| (Kind::PriorityClass, name, doc!({ "value": value })));
    let all = namespaces.into_iter().chain(classes).chain(roles()).chain(storage.then(storage_class));
    for (number, (kind, name, mut doc)) in all.enumerate() {
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
        store.put(Object::new(Key::new(kind, Str::new(), name), meta, doc, None), Causes::none());
    }
}

/// The default class of a cluster made by kind: volumes are folders of the node where the pod is.
fn storage_class() -> (Kind, &'static str, Doc) {
    let class = doc!({
        "metadata": { "annotations": { "storageclass.kubernetes.io/is-default-class": "true" } },
        "provisioner": storageclass::LOCAL_PATH, "volumeBindingMode": "WaitForFirstConsumer"
    });
    (Kind::StorageClass, storageclass::STANDARD, class)
}

/// The roles for people. Upstream's `view` and `edit` know more resources than are served here.
fn roles() -> [(Kind, &'static str, Doc); 4] {
    let any = Doc::list(["*"]);
    let served: Vec<&str> = Kind::ALL
        .iter()
        .map(|kind| kind.info())
        .filter(|info| info.namespaced && info.group != "rbac.authorization.k8s.io")
        .map(|info| info.plural)
        .collect();
    let parts = ["deployments/scale", "replicasets/scale", "pods/log"];
    let visible: Vec<&str> =
        served.iter().copied().filter(|plural| *plural != "secrets").chain(parts).collect();
    let rule = |groups: &Doc, resources: Doc, verbs: Doc| doc!({ "apiGroups": groups, "resources": resources, "verbs": verbs });
    let reads = || Doc::list(["get", "list", "watch"]);
    let writes =
        || Doc::list(["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]);
    let all: Vec<&str> = served.iter().copied().chain(parts).chain(["pods/eviction"]).collect();
    let edit = rule(&any, Doc::list(all), writes());
    let bind =
        rule(&Doc::list(["rbac.authorization.k8s.io"]), Doc::list(["rolebindings", "roles"]), writes());
    let of = |name: &'static str, rules: Vec<Doc>| (Kind::ClusterRole, name, doc!({ "rules": rules }));
    [
        of("admin", vec![edit.clone(), bind]),
        of("cluster-admin", vec![rule(&any, any.clone(), any.clone())]),
        of("edit", vec![edit]),
        of("view", vec![rule(&any, Doc::list(visible), reads())]),
    ]
}
