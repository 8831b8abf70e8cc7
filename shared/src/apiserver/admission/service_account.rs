//! ServiceAccount: who a pod is to the API server, and how it proves that.

use std::sync::{Arc, LazyLock};

use crate::api::{Key, Kind, Object};
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;

/// What the volume with the token is called, before the random part of its name.
const VOLUME: &str = "kube-api-access-";
/// Where containers find it.
const MOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const MIRROR: &str = "kubernetes.io/config.mirror";
const LISTS: [&str; 3] = ["containers", "initContainers", "volumes"];

/// The parts of a pod's spec that this plugin adds to, as they were before.
pub(in crate::apiserver) type Given = [Doc; 3];

/// A pod of the same owner: what it was given, and what became of it. Where this pod is given the same, both share the
/// outcome.
#[derive(Codec, Clone, Debug)]
pub(in crate::apiserver) struct Sibling {
    /// What the request for it said.
    pub body: Doc,
    /// Its spec as it was asked for, and with all defaults.
    pub asked: (Doc, Doc),
    pub given: Given,
    pub object: Arc<Object>,
}

/// Why a pod is not taken, and whether it may be soon: every namespace gets its default account.
pub(in crate::apiserver) struct Refusal {
    pub why: String,
    pub is_coming: bool,
}

/// The parts that [`apply`] adds to.
pub(in crate::apiserver) fn given(pod: &Doc) -> Given {
    LISTS.map(|list| pod["spec"][list].clone())
}

/// Names the account, and mounts its token. `suffix` is the random part of the volume's name.
pub(in crate::apiserver) fn apply(
    key: &Key,
    pod: &mut Doc,
    store: &Store,
    sibling: Option<&Sibling>,
    suffix: impl FnOnce() -> Str,
) -> Result<(), Refusal> {
    if !pod["metadata"]["annotations"][MIRROR].is_null() {
        return Ok(());
    }
    let mut name = pod["spec"]["serviceAccountName"].str();
    if name.is_empty() {
        name = pod["spec"]["serviceAccount"].str();
    }
    if name.is_empty() {
        name = doc::literal!("default");
    }
    let account = Key::new(Kind::ServiceAccount, key.namespace.clone(), name.clone());
    let Some(account) = store.get(&account) else {
        let why = format!(
            "error looking up service account {}/{name}: serviceaccount \"{name}\" not found",
            key.namespace
        );
        return Err(Refusal { why, is_coming: name == "default" });
    };
    let spec = pod.at_mut(&["spec"]);
    spec.set("serviceAccountName", &name);
    spec.set("serviceAccount", &name);
    let said = [&spec["automountServiceAccountToken"], &account.body["automountServiceAccountToken"]];
    if said.into_iter().find_map(Doc::as_bool).unwrap_or(true) {
        mount(spec, sibling, suffix);
    }
    if spec["imagePullSecrets"].items().is_empty() && !account.body["imagePullSecrets"].items().is_empty() {
        spec.set("imagePullSecrets", account.body["imagePullSecrets"].clone());
    }
    Ok(())
}

fn mount(spec: &mut Doc, sibling: Option<&Sibling>, suffix: impl FnOnce() -> Str) {
    if let Some(sibling) = sibling
        && LISTS.iter().zip(&sibling.given).all(|(list, before)| spec[*list].same(before))
    {
        let made = &sibling.object.body["spec"];
        if made["volumes"].items().iter().any(|volume| volume["name"].str().starts_with(VOLUME)) {
            for list in LISTS.into_iter().filter(|list| !made[*list].is_null()) {
                spec.set(doc::intern(list), made[list].clone());
            }
            return;
        }
    }
    let known = spec["volumes"].items().iter().map(|volume| volume["name"].str());
    let known = known.into_iter().find(|name| name.starts_with(VOLUME));
    let volume = known.clone().unwrap_or_else(|| format!("{VOLUME}{}", suffix()).into());
    let there = |container: &Doc| {
        container["volumeMounts"].items().iter().any(|mount| mount["mountPath"].as_str() == Some(MOUNT))
    };
    let mut mounted = false;
    for list in ["initContainers", "containers"] {
        if spec[list].items().iter().all(there) {
            continue;
        }
        mounted = true;
        let one = doc!({ "name": &volume, "readOnly": true, "mountPath": MOUNT });
        for container in spec.at_mut(&[list]).items_mut() {
            if !there(container) {
                container.at_mut(&["volumeMounts"]).edit_items().push(one.clone());
            }
        }
    }
    if mounted && known.is_none() {
        let projected = SOURCES.clone();
        spec.at_mut(&["volumes"]).edit_items().push(doc!({ "name": &volume, "projected": projected }));
    }
}

/// The token, what proves the server to its clients, and the namespace.
static SOURCES: LazyLock<Doc> = LazyLock::new(|| {
    doc!({
        "defaultMode": 420i64,
        "sources": [
            { "serviceAccountToken": { "expirationSeconds": 3607i64, "path": "token" } },
            { "configMap": { "name": "kube-root-ca.crt", "items": [{ "key": "ca.crt", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [
                { "path": "namespace", "fieldRef": { "apiVersion": "v1", "fieldPath": "metadata.namespace" } }
            ] } }
        ]
    })
});
