//! Admission: what the server adds to objects, and what it refuses although the object is well-formed.

mod ingress_class;
mod limits;
mod matching;
mod pod_security;
mod policy;
mod priority;
mod quota;
mod runtime_class;
pub(super) mod service_account;
mod storage;
pub(super) mod topology;
pub(super) mod typing;
mod webhook;

use std::sync::LazyLock;

use crate::api::{Key, Kind, Object, Request, Status, Subresource};
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::{api, doc};

use self::matching::Look;
use super::Call;

/// NamespaceLifecycle: nothing is made in a namespace that is missing or going away.
pub(super) fn namespace_lifecycle(key: &Key, store: &Store) -> Result<(), Status> {
    if !key.kind.info().namespaced {
        return Ok(());
    }
    let namespace = Key::new(Kind::Namespace, Str::new(), key.namespace.clone());
    let Some(object) = store.get(&namespace) else { return Err(Status::not_found(&namespace)) };
    if object.meta.deleting() {
        let why = format!(
            "unable to create new content in namespace {} because it is being terminated",
            key.namespace
        );
        let cause = api::CauseDetail {
            reason: "NamespaceTerminating",
            message: format!("namespace {} is being terminated", key.namespace).into(),
            field: "metadata.namespace".into(),
        };
        return Err(Status { causes: vec![cause], ..Status::forbidden(key, &why) });
    }
    Ok(())
}

/// Whether what the plugins made of a pod at `revision` they would make of the same now: nothing was written that they
/// look at, and nobody else is asked.
pub(super) fn stands(store: &Store, revision: u64) -> bool {
    let looked_at =
        [Kind::ServiceAccount, Kind::LimitRange, Kind::PriorityClass, Kind::RuntimeClass, Kind::Namespace];
    let asked = [
        Kind::ResourceQuota,
        Kind::MutatingAdmissionPolicyBinding,
        Kind::MutatingWebhookConfiguration,
        Kind::ValidatingAdmissionPolicyBinding,
        Kind::ValidatingWebhookConfiguration,
    ];
    looked_at.into_iter().all(|kind| store.is_quiet(kind, revision))
        && !asked.into_iter().any(|kind| store.has_any(kind))
}

/// Who asks for a certificate stands in the request for it.
pub(super) fn requester(request: &Request, doc: &mut Doc) {
    let spec = doc.at_mut(&["spec"]);
    spec.set("username", &request.user.name);
    if !request.user.groups.is_empty() {
        spec.set("groups", Doc::list(request.user.groups.iter()));
    }
}

/// TaintNodesByCondition: no pod goes to a new node before it says that it is ready.
pub(super) fn taint_new_node(node: &mut Doc) {
    let taint = doc!({ "key": "node.kubernetes.io/not-ready", "effect": "NoSchedule" });
    let mut taints = node.at_mut(&["spec", "taints"]).edit_items();
    let is_same = |other: &Doc| other["key"] == taint["key"] && other["effect"] == taint["effect"];
    if !taints.iter().any(is_same) {
        taints.push(taint);
    }
}

/// The mutating plugins, in order; some refuse.
pub(super) fn mutate(
    key: &Key,
    doc: &mut Doc,
    store: &Store,
    account: impl FnOnce(&mut Doc) -> Result<(), Status>,
) -> Result<(), Status> {
    if key.kind == Kind::Pod {
        runtime_class::apply(doc, store).map_err(|why| Status::forbidden(key, &why))?;
        limits::apply(key, doc, store).map_err(|why| Status::forbidden(key, &why))?;
        account(doc)?;
        topology::apply(doc, store);
        default_toleration_seconds(doc);
        priority::apply(doc, store).map_err(|why| Status::forbidden(key, &why))?;
    }
    if key.kind == Kind::PriorityClass {
        priority::check_class(key, doc, store).map_err(|why| Status::forbidden(key, &why))?;
    }
    storage::apply(key.kind, doc, store);
    if key.kind == Kind::Ingress {
        ingress_class::apply(doc, store);
    }
    if key.kind == Kind::PersistentVolumeClaim {
        limits::check_claim(key, doc, store).map_err(|why| Status::forbidden(key, &why))?;
    }
    Ok(())
}

/// MutatingAdmissionPolicy and mutating webhooks, after all else that changes an object. What they change goes through
/// `again`, which is all else, a second time, and then those policies that want to see it once more.
pub(super) fn mutating(
    call: &Call<'_, '_>,
    key: &Key,
    doc: &mut Doc,
    old: Option<&Doc>,
    again: impl FnOnce(&mut Doc) -> Result<(), Status>,
) -> Result<(), Status> {
    if !is_asked(call.store) {
        return Ok(());
    }
    let (request, store) = (call.request, &*call.store);
    let mut first = policy::mutated(&Look { request, store, key, doc, old }, None)?;
    if let Some(made) = first.doc.take() {
        *doc = made.clone();
        again(doc)?;
        let look = Look { request, store, key, doc, old };
        if let Some(last) = policy::mutated(&look, Some((&first, *doc != made)))?.doc {
            *doc = last;
        }
    }
    webhook::ask(Kind::MutatingWebhookConfiguration, &Look { request, store, key, doc, old })
}

/// ValidatingAdmissionPolicy and validating webhooks: `doc` is the whole object as it would be stored.
pub(super) fn validating(
    call: &mut Call<'_, '_>,
    key: &Key,
    doc: &Doc,
    old: Option<&Doc>,
) -> Result<(), Status> {
    pod_security::check(call, key, doc, old)?;
    if let Some(old) = old {
        storage::may_grow(key, doc, old, call.store)?;
    }
    if !has_validators(call.store) {
        return Ok(());
    }
    let look = Look { request: call.request, store: call.store, key, doc, old };
    let warnings = policy::check(&look)?;
    webhook::ask(Kind::ValidatingWebhookConfiguration, &look)?;
    call.warnings.extend(warnings);
    Ok(())
}

/// The same before an object is deleted.
pub(super) fn deleting(call: &mut Call<'_, '_>, object: &Object) -> Result<(), Status> {
    if !has_validators(call.store) && !policy::is_bound(call.store, Kind::MutatingWebhookConfiguration) {
        return Ok(());
    }
    let old = object.to_doc();
    let look =
        Look { request: call.request, store: call.store, key: &object.key, doc: &Doc::Null, old: Some(&old) };
    webhook::ask(Kind::MutatingWebhookConfiguration, &look)?;
    validating(call, &object.key, &Doc::Null, Some(&old))
}

/// The same before a part of an object that has a path of its own is written.
pub(super) fn of_part(
    call: &mut Call<'_, '_>,
    old: &Object,
    meta: &api::Meta,
    body: &Doc,
) -> Result<(), Status> {
    let new = || Object::new(old.key.clone(), meta.clone(), body.clone(), None).to_doc();
    of_view(call, &old.key, || (new(), old.to_doc()))
}

/// The same of what a path of its own shows of an object: as it would be, and as it is.
pub(super) fn of_view(
    call: &mut Call<'_, '_>,
    key: &Key,
    states: impl FnOnce() -> (Doc, Doc),
) -> Result<(), Status> {
    let is_asked = has_validators(call.store)
        || policy::is_bound(call.store, Kind::MutatingWebhookConfiguration)
        || call.request.subresource == Subresource::EphemeralContainers
            && pod_security::has_say(key, call.store);
    if !is_asked {
        return Ok(());
    }
    let (new, before) = states();
    let look = Look { request: call.request, store: call.store, key, doc: &new, old: Some(&before) };
    webhook::ask(Kind::MutatingWebhookConfiguration, &look)?;
    validating(call, key, &new, Some(&before))
}

/// The same before a connection into a pod is made.
pub(super) fn connecting(request: &Request, container: &Str, store: &Store) -> Result<(), Status> {
    if !has_validators(store) && !policy::is_bound(store, Kind::MutatingWebhookConfiguration) {
        return Ok(());
    }
    let (body, key) = (&request.body, request.key());
    let mut doc = doc!({ "kind": request.subresource.body_kind(), "apiVersion": "v1" });
    if request.subresource == Subresource::PortForward {
        let ports = Some(body["port"].clone()).filter(|port| port.as_i64() != Some(0));
        doc.set("ports", Doc::list(ports));
    } else {
        let tty = body["tty"].as_bool() == Some(true);
        doc.set("container", container);
        doc.set("stdin", body["open"].clone());
        doc.set("stdout", true);
        doc.set("stderr", !tty);
        doc.set("tty", tty);
    }
    if request.subresource == Subresource::Exec {
        doc.set("command", body["command"].clone());
    }
    let look = Look { request, store, key: &key, doc: &doc, old: None };
    webhook::ask(Kind::MutatingWebhookConfiguration, &look)?;
    policy::check(&look)?;
    webhook::ask(Kind::ValidatingWebhookConfiguration, &look)
}

/// Whether policies or webhooks of people's own may have a say in what is written.
pub(super) fn is_asked(store: &Store) -> bool {
    has_validators(store)
        || [Kind::MutatingAdmissionPolicyBinding, Kind::MutatingWebhookConfiguration]
            .into_iter()
            .any(|kind| policy::is_bound(store, kind))
}

fn has_validators(store: &Store) -> bool {
    [Kind::ValidatingAdmissionPolicyBinding, Kind::ValidatingWebhookConfiguration]
        .into_iter()
        .any(|kind| policy::is_bound(store, kind))
}

/// ResourceQuota, the last of all: `doc` is the whole object as it would be stored.
pub(super) fn quota(
    call: &mut Call<'_, '_>,
    key: &Key,
    doc: &Doc,
    old: Option<&Object>,
) -> Result<(), Status> {
    quota::charge(call, key, doc, old).map_err(|why| Status::forbidden(key, &why))
}

/// LimitRanger, for a pod that is to have other resources.
pub(super) fn limits_of_resize(key: &Key, pod: &Doc, store: &Store) -> Result<(), Status> {
    limits::check_resize(key, pod, store).map_err(|why| Status::forbidden(key, &why))
}

/// DefaultTolerationSeconds: a pod stays five minutes on a node that is not ready or unreachable.
pub(super) fn default_toleration_seconds(pod: &mut Doc) {
    static BOTH: LazyLock<Doc> = LazyLock::new(|| {
        Doc::list(["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].map(toleration))
    });
    let tolerations = &pod["spec"]["tolerations"];
    if tolerations.items().is_empty() {
        // One shared list for all pods that bring none of their own.
        pod.set_at(&["spec", "tolerations"], BOTH.clone());
        return;
    }
    let mut all = tolerations.items().to_vec();
    for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
        let covered = tolerations.items().iter().any(|toleration| {
            let effect = toleration["effect"].as_str().unwrap_or("");
            let wanted = toleration["key"].as_str().unwrap_or("");
            (wanted == key || wanted.is_empty()) && (effect.is_empty() || effect == "NoExecute")
        });
        if !covered {
            all.push(toleration(key));
        }
    }
    pod.set_at(&["spec", "tolerations"], all);
}

fn toleration(key: &str) -> Doc {
    doc!({ "key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300i64 })
}
