//! Kinds that are served in two versions and kept in one.

use crate::api::autoscaling::horizontalpodautoscaler::v1 as hpa_v1;
use crate::api::core::event::events_v1;
use crate::api::{FieldSelector, Kind};
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
