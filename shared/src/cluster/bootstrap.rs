//! What every cluster has before anybody acts: namespaces, priority classes, and roles to bind people to.

use crate::api::scheduling::priorityclass;
use crate::api::{Key, Kind, Meta, Object};
use crate::doc;
use crate::doc::{Doc, Timestamp};
use crate::etcd::Store;
use crate::sim::Causes;

const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];

/// Drawn from no stream: these are older than any randomness.
const FIRST_UID: u128 = 0x4b75_6261_7269_4000_8000_0000_0000_0000;

/// Stores them all, as created at `at`, and what runs besides.
pub(super) fn objects(store: &mut Store, at: Timestamp, addons: Vec<Doc>) {
    let namespaces = NAMESPACES.map(|name| (Kind::Namespace, name, doc!({})));
    let classes =
        priorityclass::SYSTEM.map(|(name, value)| (Kind::PriorityClass, name, doc!({ "value": value })));
    let named = namespaces.into_iter().chain(classes).chain(roles()).map(|(kind, name, mut doc)| {
        doc.set_at(&["metadata", "name"], name);
        (kind, doc)
    });
    let addons = addons.into_iter().filter_map(|mut doc| {
        let kind = Kind::of(&doc["apiVersion"].str(), &doc["kind"].str())?;
        doc.remove("apiVersion");
        doc.remove("kind");
        Some((kind, doc))
    });
    for (number, (kind, mut doc)) in named.chain(addons).enumerate() {
        let resource = kind.resource();
        resource.prepare_create(&mut doc);
        resource.default(&mut doc);
        let meta = Meta {
            uid: FIRST_UID + number as u128,
            creation: at,
            generation: i64::from(resource.info().has_generation),
            labels: doc["metadata"]["labels"].clone(),
            ..Meta::default()
        };
        let key = Key::new(kind, doc["metadata"]["namespace"].str(), doc["metadata"]["name"].str());
        doc.remove("metadata");
        store.put(Object::new(key, meta, doc, None), Causes::none());
    }
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
