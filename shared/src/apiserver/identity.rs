//! Which API servers live: each has a Lease and renews it (upstream: identities of
//! `pkg/controlplane`, and for the endpoints of the Service `kubernetes` the leases of its `reconcilers`).

use std::net::Ipv4Addr;

use crate::api::coordination::lease::Lease;
use crate::api::{Key, Kind, Request, Uid, User};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::{Context, Duration, api_server_address, hash_of};

const NAMESPACE: &str = "kube-system";
/// What the Lease says: who is silent for so long is forgotten.
const LEASE: Duration = Duration::seconds(3600);
/// Who is silent for so long gets no requests any more.
const TTL: Duration = Duration::seconds(15);

fn host(server: u32) -> String {
    format!("control-plane-{server}")
}

/// `apiserver-` and what a hash of its host's name looks like in base32.
fn name(server: u32) -> Str {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let bits = hash_of(&host(server));
    let letter = |at: u32| char::from(LETTERS[(bits >> (at * 5) & 31) as usize]);
    format!("apiserver-{}", (0..26).map(letter).collect::<String>()).into()
}

/// Says that this server lives.
pub(super) fn renewal(server: u32, user: User, store: &Store, cx: &Context<'_>) -> Request {
    let key = Key::new(Kind::Lease, NAMESPACE, name(server));
    let now = Doc::MicroTime(cx.timestamp());
    if let Some(lease) = store.get(&key) {
        let mut body = lease.to_doc();
        body.set_at(&["spec", "renewTime"], now);
        return Request::update(user, &key, body);
    }
    let holder = format!("{}_{}", key.name, Uid::new(hash_of(&(server, cx.now()))).text());
    let labels = doc!({
        "apiserver.kubernetes.io/identity": "kube-apiserver", "kubernetes.io/hostname": host(server)
    });
    let spec = doc!({
        "holderIdentity": holder, "leaseDurationSeconds": (LEASE.as_seconds() as i64),
        "acquireTime": now.clone(), "renewTime": now
    });
    let body = doc!({
        "metadata": { "name": &key.name, "namespace": NAMESPACE, "labels": labels }, "spec": spec
    });
    Request::create(user, Kind::Lease, NAMESPACE, body)
}

/// The servers that live, as server `me` sees it: those in the Service that renew their Leases. Each puts itself there, and
/// nobody another: who left in order is not called back.
pub(super) fn living(me: u32, store: &Store, cx: &Context<'_>) -> Vec<u32> {
    let now = cx.timestamp();
    let (kind, namespace, name_of_service) = super::own::ENDPOINTS;
    let known = store.get(&Key::new(kind, namespace, name_of_service));
    let is_there = |server: u32| {
        known.is_none_or(|endpoints| {
            let ip = Doc::from(Ipv4Addr::from(api_server_address(server)).to_string());
            let addresses = endpoints.body["subsets"][0]["addresses"].items();
            addresses.iter().any(|address| address["ip"] == ip)
        })
    };
    let lives = |server: &u32| {
        let lease = store.get(&Key::new(Kind::Lease, NAMESPACE, name(*server)));
        let renewed = lease.and_then(|lease| Some(lease.view::<Lease>()?.renewed));
        let fresh = renewed.is_some_and(|at| now.millis() - at.millis() < TTL.0 as i64);
        *server == me || fresh && is_there(*server)
    };
    (0..cx.core.api_servers()).filter(lives).collect()
}
