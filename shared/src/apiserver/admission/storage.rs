//! DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.

use crate::api::storage::storageclass;
use crate::api::{Key, Kind, Object, Status, bytes};
use crate::doc::Doc;
use crate::etcd::Store;

/// The class that claims name in an annotation, as they once did.
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// A claim that names no class gets the default one, if there is one: of several the youngest.
fn default_class(claim: &mut Doc, store: &Store) {
    if !claim["spec"]["storageClassName"].is_null() || !claim["metadata"]["annotations"][OLD_CLASS].is_null()
    {
        return;
    }
    let defaults = store.list(Kind::StorageClass).filter(|class| storageclass::is_default(class));
    let youngest =
        defaults.min_by_key(|class| (std::cmp::Reverse(class.meta.creation), class.key.name.clone()));
    if let Some(class) = youngest {
        claim.set_at(&["spec", "storageClassName"], &class.key.name);
    }
}

/// PersistentVolumeClaimResize: a claim grows where its class lets it.
pub(super) fn may_grow(key: &Key, new: &Doc, old: &Doc, store: &Store) -> Result<(), Status> {
    let size = |claim: &Doc| bytes(&claim["spec"]["resources"]["requests"]["storage"]);
    if key.kind != Kind::PersistentVolumeClaim || size(new) <= size(old) {
        return Ok(());
    }
    let class = Key::new(Kind::StorageClass, "", old["spec"]["storageClassName"].str());
    let expands = |class: &Object| class.body["allowVolumeExpansion"].as_bool() == Some(true);
    if store.get(&class).is_some_and(|class| expands(class)) {
        return Ok(());
    }
    let why = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must \
               support resize";
    Err(Status::forbidden(key, why))
}

/// What is new of storage.
pub(super) fn apply(kind: Kind, doc: &mut Doc, store: &Store) {
    let finalizer = match kind {
        Kind::PersistentVolumeClaim => {
            default_class(doc, store);
            "kubernetes.io/pvc-protection"
        }
        Kind::PersistentVolume => "kubernetes.io/pv-protection",
        _ => return,
    };
    let held = doc["metadata"]["finalizers"].items();
    if !held.iter().any(|known| known.as_str() == Some(finalizer)) {
        let mut held = held.to_vec();
        held.push(finalizer.into());
        doc.set_at(&["metadata", "finalizers"], held);
    }
}
