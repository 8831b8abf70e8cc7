//! What proves who a pod is: the volume with the token of its service account. Every pod has one and few ever look: it is
//! made when somebody does, from the pod's name and spec.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::api::{Key, Uid};
use crate::doc::{Doc, Str, literal};

use super::container::Sandbox;
use super::shell::Files;

/// Every namespace has this ConfigMap with the cluster's own certificate; nobody need ask for it.
pub const ROOT_CA: &str = "kube-root-ca.crt";
/// That certificate.
pub const CERTIFICATE: Str =
    literal!("-----BEGIN CERTIFICATE-----\nS3ViYXJpdW0gY2x1c3RlciBDQQ==\n-----END CERTIFICATE-----\n");

/// Whether a volume holds just that: token, certificate, namespace. None of it changes while the pod lives.
pub fn is_account_volume(volume: &Doc) -> bool {
    let sources = volume["projected"]["sources"].items();
    !sources.is_empty()
        && sources.iter().all(|source| {
            !source["serviceAccountToken"].is_null()
                || source["configMap"]["name"].as_str() == Some(ROOT_CA)
                || !source["downwardAPI"].is_null()
                    && source["downwardAPI"]["items"].items().iter().all(is_namespace)
        })
}

fn is_namespace(item: &Doc) -> bool {
    item["fieldRef"]["fieldPath"].as_str() == Some("metadata.namespace")
}

/// A token that names whom it stands for, as a JWT does. Nobody can sign anything here.
pub fn token(key: &Key, uid: Uid, spec: &Doc, source: &Doc) -> Str {
    let (namespace, pod) = (&key.namespace, &key.name);
    let account = match spec["serviceAccountName"].str() {
        unset if unset.is_empty() => "default".into(),
        name => name,
    };
    let audience = match source["audience"].str() {
        unset if unset.is_empty() => "https://kubernetes.default.svc.cluster.local".into(),
        audience => audience,
    };
    let uid = uid.text();
    // Names need no escapes, an audience may.
    let audience = Doc::Str(audience).to_json();
    let claims = format!(
        "{{\"aud\":[{audience}],\"iss\":\"https://kubernetes.default.svc.cluster.local\",\"kubernetes.io\":{{\
         \"namespace\":\"{namespace}\",\"pod\":{{\"name\":\"{pod}\",\"uid\":\"{uid}\"}},\
         \"serviceaccount\":{{\"name\":\"{account}\"}}}},\
         \"sub\":\"system:serviceaccount:{namespace}:{account}\"}}"
    );
    let mut text = String::with_capacity(640);
    let mut part = |part: &[u8], end: &str| {
        URL_SAFE_NO_PAD.encode_string(part, &mut text);
        text.push_str(end);
    };
    part(b"{\"alg\":\"RS256\",\"kid\":\"kubarium\"}", ".");
    part(claims.as_bytes(), ".");
    part(&crate::sim::hash_of(claims.as_str()).to_be_bytes(), "");
    text.into()
}

impl Sandbox {
    /// Somebody looks at the files of the pod called so.
    pub(super) fn make_account_volumes(&mut self, uid: Uid) {
        let volumes = self.spec["volumes"].items().iter().filter(|volume| is_account_volume(volume));
        for volume in volumes {
            let name = volume["name"].str();
            if !self.volumes.contains_key(&name) {
                self.volumes.insert(name, files(&self.key, uid, &self.spec, volume));
            }
        }
    }
}

fn files(key: &Key, uid: Uid, spec: &Doc, volume: &Doc) -> Files {
    let mut files = Files::default();
    let mut put = |path: &Doc, text: Str| drop(files.0.insert(path.str(), text));
    for source in volume["projected"]["sources"].items() {
        let secret = &source["serviceAccountToken"];
        if !secret.is_null() {
            put(&secret["path"], token(key, uid, spec, secret));
        }
        let certificate = &source["configMap"];
        match certificate["items"].items() {
            [] if certificate.is_null() => {}
            [] => put(&literal!("ca.crt").into(), CERTIFICATE),
            items => items.iter().for_each(|item| put(&item["path"], CERTIFICATE)),
        }
        for item in source["downwardAPI"]["items"].items() {
            put(&item["path"], key.namespace.clone());
        }
    }
    files
}
