//! Writing status: only what differs, in one merge patch.

use crate::api::{Key, PatchKind, Request, Subresource, User};
use crate::doc::{Doc, Str, Timestamp};

/// The merge patch that makes `old` into `new`; `None` when they are equal.
pub fn difference(old: &Doc, new: &Doc) -> Option<Doc> {
    if old == new {
        return None;
    }
    let mut patch = Doc::map();
    for (key, value) in new.entries() {
        let before = &old[key.as_str()];
        match (before, value) {
            // Maps merge: what is no longer in one has to be taken out by name.
            (Doc::Map(_), Doc::Map(_)) => {
                difference(before, value).into_iter().for_each(|inner| patch.set(key.clone(), inner));
            }
            _ if before != value => patch.set(key.clone(), value.clone()),
            _ => {}
        }
    }
    for (key, _) in old.entries() {
        if !new.as_map().is_some_and(|map| map.contains(key)) {
            patch.set(key.clone(), Doc::Null);
        }
    }
    Some(patch)
}

/// The request that makes the status of `key` from `old` into `new`; `None` when they are equal.
pub fn write(user: &User, key: &Key, old: &Doc, new: &Doc) -> Option<Request> {
    let patch = difference(old, new)?;
    let body = crate::doc!({ "status": patch });
    Some(Request::patch(user.clone(), key, PatchKind::Merge, body).on(Subresource::Status))
}

/// Takes out what Go's `omitempty` would leave out of `fields`.
pub fn omit_empty(status: &mut Doc, fields: &[&str]) {
    for field in fields {
        if status[*field].is_empty() {
            status.remove(field);
        }
    }
}

/// The condition of a type, or `null`.
pub fn condition<'a>(status: &'a Doc, kind: &str) -> &'a Doc {
    let conditions = status["conditions"].items();
    conditions.iter().find(|condition| condition["type"].as_str() == Some(kind)).unwrap_or(&Doc::Null)
}

/// Takes out the condition of a type.
pub fn remove_condition(status: &mut Doc, kind: &str) {
    if !condition(status, kind).is_null() {
        status
            .at_mut(&["conditions"])
            .edit_items()
            .retain(|condition| condition["type"].as_str() != Some(kind));
    }
}

/// A date as `metav1.Time` keeps it.
pub fn date(timestamp: Timestamp) -> Doc {
    Doc::Time(timestamp.floor_seconds())
}

/// Strategic-merge patch of one condition of a pod's status.
pub fn pod_condition(user: &User, key: &Key, condition: Doc) -> Request {
    let body = crate::doc!({ "status": { "conditions": [condition] } });
    Request::patch(user.clone(), key, PatchKind::Strategic, body).on(Subresource::Status)
}

/// `metadata.resourceVersion` as a patch carries it, to be refused when somebody else was faster.
pub fn resource_version(version: u64) -> Str {
    version.to_string().into()
}
