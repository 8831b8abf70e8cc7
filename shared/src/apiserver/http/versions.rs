//! Kinds that are served in two versions and kept in one.

use crate::api::autoscaling::horizontalpodautoscaler::v1 as hpa_v1;
use crate::api::core::event::events_v1;
use crate::api::{FieldSelector, Kind, PatchKind};
use crate::doc;
use crate::doc::Doc;

/// The group and version under which what is asked for at a path is kept.
pub(super) fn kept<'a>(path: &str, group: &'a str, version: &'a str) -> (&'a str, &'a str) {
    match () {
        () if hpa_v1::is_path(path) => (group, "v2"),
        () if events_v1::is_path(path) => ("", version),
        () => (group, version),
    }
}

/// Makes what a client sent into what is stored.
pub(super) fn to_stored(kind: Kind, path: &str, body: &mut Doc) {
    match kind {
        Kind::HorizontalPodAutoscaler => hpa_v1::to_stored(body, hpa_v1::is_path(path)),
        Kind::Event => events_v1::to_stored(body, events_v1::is_path(path)),
        _ => {}
    }
}

/// Lets what is stored say by which version it came, where that one's rules are others.
pub(super) fn mark(kind: Kind, path: &str, body: &mut Doc) {
    if kind == Kind::Event && events_v1::is_path(path) && matches!(body, Doc::Map(_)) {
        body.set("apiVersion", events_v1::API_VERSION);
    }
}

/// The same of a patch.
pub(super) fn mark_patch(kind: Kind, path: &str, by: PatchKind, patch: &mut Doc) {
    match patch {
        Doc::List(operations) if by == PatchKind::Json && kind == Kind::Event && events_v1::is_path(path) => {
            let mark = doc!({ "op": "add", "path": "/apiVersion", "value": events_v1::API_VERSION });
            *patch = Doc::list(operations.iter().cloned().chain([mark]));
        }
        _ => mark(kind, path, patch),
    }
}

/// Makes an answer into what is shown at the path.
pub(super) fn shown(kind: Kind, path: &str, body: &mut Doc) {
    match kind {
        Kind::HorizontalPodAutoscaler if hpa_v1::is_path(path) => hpa_v1::shown(body),
        Kind::Event if events_v1::is_path(path) => events_v1::shown(body),
        _ => {}
    }
}

/// Makes the fields that a client selects by into what they are called where they are kept.
pub(super) fn fields(path: &str, mut selector: FieldSelector) -> FieldSelector {
    if events_v1::is_path(path) {
        selector.0.iter_mut().for_each(|(field, ..)| *field = events_v1::kept_field(field));
    }
    selector
}
