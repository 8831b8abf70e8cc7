//! Certificates: requests that are approved get one, and old requests go. There is no TLS in the simulated network: what
//! is issued says whose certificate it would be, and no library takes it for one.

use crate::api::core::secret::base64_encode;
use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::worker::{Controller, Desk, Step};
use super::world::World;

/// How long a request stays once it is decided, and while it is not.
const DECIDED: i64 = 3600;
const PENDING: i64 = 24 * 3600;
/// What certificates for clients may be used for.
const CLIENT: [&str; 3] = ["digital signature", "key encipherment", "client auth"];
const SERVER: [&str; 3] = ["digital signature", "key encipherment", "server auth"];

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Certificates {}

impl Controller for Certificates {
    const NAME: &'static str = "certificate-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        if key.kind == Kind::CertificateSigningRequest && delta.new.is_some() {
            desk.add(key.clone());
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let Some(request) = world.object(key).filter(|request| !request.meta.deleting()) else {
            return Step::Done;
        };
        if let Some(status) = decision(request, desk) {
            let patch = doc!({ "status": status });
            let patch = Request::patch(desk.user.clone(), key, PatchKind::Merge, patch);
            return Step::Ask(vec![patch.on(Subresource::Status)], ());
        }
        let left = due(request) - desk.timestamp().seconds();
        if left > 0 {
            desk.add_after(key.clone(), Duration::seconds(left.unsigned_abs()));
            return Step::Done;
        }
        let mut request_away = Request::delete(desk.user.clone(), key);
        request_away.options.delete.uid = Some(request.meta.uid);
        Step::Ask(vec![request_away], ())
    }
}

fn condition<'a>(request: &'a Object, kind: &str) -> Option<&'a Doc> {
    let conditions = request.body["status"]["conditions"].items();
    conditions.iter().find(|it| it["type"].as_str() == Some(kind) && it["status"].as_str() == Some("True"))
}

/// When a request goes, in seconds since 1970.
fn due(request: &Object) -> i64 {
    let decided = ["Approved", "Denied", "Failed"].into_iter().find_map(|kind| condition(request, kind));
    match decided {
        Some(condition) => {
            condition["lastUpdateTime"].as_time().unwrap_or(request.meta.creation).seconds() + DECIDED
        }
        None => request.meta.creation.seconds() + PENDING,
    }
}

/// What becomes of an approved request, where one of the cluster's own signers is asked.
fn decision(request: &Object, desk: &Desk<'_, '_>) -> Option<Doc> {
    let done = !request.body["status"]["certificate"].is_empty() || condition(request, "Failed").is_some();
    if done || condition(request, "Approved").is_none() {
        return None;
    }
    let spec = &request.body["spec"];
    let refused = match spec["signerName"].as_str()?.strip_prefix("kubernetes.io/")? {
        "kube-apiserver-client" | "kube-apiserver-client-kubelet" => refusal(spec, &CLIENT, "client"),
        "kubelet-serving" => refusal(spec, &SERVER, "server"),
        "legacy-unknown" => None,
        _ => return None,
    };
    let Some(why) = refused else { return Some(doc!({ "certificate": certificate(request) })) };
    let now = Doc::Time(desk.timestamp().floor_seconds());
    let failed = doc!({
        "type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": why,
        "lastUpdateTime": now.clone(), "lastTransitionTime": now
    });
    let all: Vec<Doc> =
        request.body["status"]["conditions"].items().iter().cloned().chain([failed]).collect();
    Some(doc!({ "conditions": all }))
}

/// Why usages are none of a signer's.
fn refusal(spec: &Doc, allowed: &[&str; 3], kind: &str) -> Option<String> {
    let wanted = spec["usages"].items();
    if let Some(usage) = wanted.iter().filter_map(Doc::as_str).find(|usage| !allowed.contains(usage)) {
        return Some(format!("invalid usage for {kind} certificate: {usage}"));
    }
    let needed = allowed[2];
    let missing = !wanted.iter().any(|usage| usage.as_str() == Some(needed));
    missing.then(|| format!("missing required usage for {kind} certificate: {needed}"))
}

/// Base64 of a PEM block around a text.
fn certificate(request: &Object) -> Str {
    let spec = &request.body["spec"];
    let usages: Vec<String> = spec["usages"].items().iter().map(|usage| usage.str().to_string()).collect();
    let text = format!(
        "No certificate: kubarium's network has no TLS.\nRequest: {}\nRequested by: {}\nSigner: {}\nUsages: {}\n",
        request.key.name,
        spec["username"].str(),
        spec["signerName"].str(),
        usages.join(", ")
    );
    let inner = base64_encode(text.as_bytes());
    let lines: Vec<&str> =
        inner.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    let pem = format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"));
    base64_encode(pem.as_bytes()).into()
}
