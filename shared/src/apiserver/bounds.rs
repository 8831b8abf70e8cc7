//! How large what is stored may be: etcd takes no more than 1.5 MiB at once, and whoever runs the cluster may say how
//! many pods and nodes it holds.

use crate::api::{Key, Kind, Meta, Reason, Status};
use crate::doc::Doc;

use super::Call;

/// The largest object, in bytes as JSON.
const MAX_OBJECT: usize = 1_572_864;

/// 500 `etcdserver: request is too large`
fn too_large() -> Status {
    Status::new(Reason::Unknown, "etcdserver: request is too large")
}

/// Refuses one more than the cluster holds, in the words of a quota.
pub(super) fn room(key: &Key, call: &Call<'_, '_>) -> Result<(), Status> {
    let options = call.cx.options();
    let (resource, most) = match key.kind {
        Kind::Pod => ("pods", options.max_pods),
        Kind::Node => ("nodes", options.max_nodes),
        _ => return Ok(()),
    };
    let (Some(most), used) = (most, call.store.count(key.kind)) else { return Ok(()) };
    if used < u64::from(most) {
        return Ok(());
    }
    let why = format!(
        "exceeded quota: of the whole cluster, requested: {resource}=1, used: {resource}={used}, limited: {resource}={most}"
    );
    Err(Status::forbidden(key, &why))
}

/// Refuses what is too large to store. Who owns which field is given up first, if that may be.
pub(super) fn check(key: &Key, meta: &mut Meta, body: &Doc, keep_owners: bool) -> Result<(), Status> {
    let rest = [&meta.labels, &meta.annotations, body].map(size);
    let names = key.namespace.len() + key.name.len();
    let lists = meta.finalizers.iter().map(|finalizer| finalizer.len() + 3).sum::<usize>()
        + meta.owners.iter().map(|owner| owner.name.len() + owner.kind.len() + 128).sum::<usize>();
    let whole = rest.iter().sum::<usize>() + names + lists;
    if whole > MAX_OBJECT {
        return Err(too_large());
    }
    if whole + size(&meta.managed_fields) > MAX_OBJECT {
        if keep_owners {
            return Err(too_large());
        }
        meta.managed_fields = Doc::Null;
    }
    Ok(())
}

/// About how many bytes a document is as JSON.
fn size(doc: &Doc) -> usize {
    match doc {
        Doc::Null | Doc::Bool(_) => 5,
        Doc::Int(_) | Doc::Float(_) => 8,
        Doc::Time(_) | Doc::MicroTime(_) => 22,
        Doc::Str(text) => text.len() + 3,
        Doc::List(items) => 2 + items.iter().map(size).sum::<usize>(),
        Doc::Map(map) => {
            2 + map.entries().iter().map(|(key, value)| key.len() + 3 + size(value)).sum::<usize>()
        }
    }
}
