//! DefaultIngressClass: the class of an Ingress that names none.

use crate::api::Kind;
use crate::api::networking::{ingress::CLASS_ANNOTATION, ingressclass::IS_DEFAULT};
use crate::doc::Doc;
use crate::etcd::Store;

/// Writes down the default class; the newest where there are several.
pub(super) fn apply(ingress: &mut Doc, store: &Store) {
    let annotated = !ingress["metadata"]["annotations"][CLASS_ANNOTATION].is_null();
    if annotated || !ingress["spec"]["ingressClassName"].is_null() {
        return;
    }
    let defaults =
        store.list(Kind::IngressClass).filter(|class| class.meta.annotation(IS_DEFAULT) == Some("true"));
    let newest = |class: &&std::sync::Arc<crate::api::Object>| {
        (class.meta.creation, std::cmp::Reverse(class.key.name.clone()))
    };
    if let Some(class) = defaults.max_by_key(newest) {
        ingress.set_at(&["spec", "ingressClassName"], &class.key.name);
    }
}
