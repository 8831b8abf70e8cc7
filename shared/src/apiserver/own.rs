//! What the server looks after by itself: the namespaces that every cluster has, and the Service by which pods find it,
//! with what is behind that. What was deleted of it comes back at the controllers' next turn (upstream: those of
//! `pkg/controlplane/controller`, `kubernetesservice` and `systemnamespaces`).

use crate::api::{Key, Kind, PatchKind, Request, User};
use crate::doc;
use crate::doc::{Doc, literal};
use crate::etcd::{Revision, Store};
use crate::sim::{API_SERVER, ChangeKind, Context, Duration, Process, Time, Timer};

use super::ApiServer;

pub(super) const TIMER: &str = "own";
/// The namespaces that are made again when they are missing.
pub(crate) const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const SERVICE: &str = "kubernetes";
/// Between two looks at the Service, and at the namespaces.
const INTERVALS: [Duration; 2] = [Duration::seconds(10), Duration::seconds(60)];

/// How pods find the API server.
pub(crate) fn service() -> [(Kind, &'static str, Doc); 3] {
    let ip = Doc::from(std::net::Ipv4Addr::from(API_SERVER).to_string());
    let ports = Doc::list([doc!({ "name": "https", "port": 6443i64, "protocol": "TCP" })]);
    let meta = |labels: Doc| doc!({ "namespace": "default", "labels": labels });
    let service = doc!({
        "metadata": meta(doc!({ "component": "apiserver", "provider": "kubernetes" })),
        "spec": {
            "clusterIP": "10.96.0.1",
            "ports": [{ "name": "https", "port": 443i64, "protocol": "TCP", "targetPort": 6443i64 }]
        }
    });
    let slice = doc!({
        "metadata": meta(doc!({ "kubernetes.io/service-name": "kubernetes" })),
        "addressType": "IPv4", "endpoints": [{ "addresses": Doc::list([ip.clone()]), "conditions": { "ready": true } }],
        "ports": ports.clone()
    });
    let endpoints = doc!({
        "metadata": meta(doc!({ "endpointslice.kubernetes.io/skip-mirror": "true" })),
        "subsets": [{ "addresses": [{ "ip": ip }], "ports": ports }]
    });
    [
        (Kind::Service, SERVICE, service),
        (Kind::EndpointSlice, SERVICE, slice),
        (Kind::Endpoints, SERVICE, endpoints),
    ]
}

/// Which of the intervals a write has something to do with.
fn concerned(revision: &Revision) -> Option<u64> {
    let key = &revision.object.key;
    let is_gone = revision.change == ChangeKind::Deleted;
    match key.kind {
        Kind::Service if !is_gone => None,
        Kind::Service | Kind::EndpointSlice | Kind::Endpoints => {
            (key.name == SERVICE && key.namespace == NAMESPACES[0]).then_some(0)
        }
        Kind::Namespace => (is_gone && NAMESPACES.contains(&key.name.as_str())).then_some(1),
        _ => None,
    }
}

impl ApiServer {
    /// A new life: what went missing before is noticed at the first turns. A cluster begins with all of it.
    pub(super) fn begin_own(&self, cx: &mut Context<'_>) {
        if cx.now() > Time::ZERO {
            for (number, wait) in (0..).zip(INTERVALS) {
                cx.timer(wait, Timer { number, ..Timer::named(TIMER) });
            }
        }
    }

    /// Something was written: if it is the server's own, it looks at it at its next turn.
    pub(super) fn heed_own(revision: &Revision, cx: &mut Context<'_>) {
        let Some(number) = concerned(revision) else { return };
        let interval = INTERVALS[number as usize].0;
        let wait = Duration(interval - cx.now().0 % interval);
        // Of several servers the first does it, and the next sees that it is done.
        let turn = if let Process::ApiServer(server) = cx.me {
            Duration::seconds(server.into())
        } else {
            Duration::ZERO
        };
        cx.timer(wait + turn, Timer { number, ..Timer::named(TIMER) });
    }

    /// Asks itself for what is missing, as any client would, until it is there.
    pub(super) fn look_after_own(&self, timer: &Timer, store: &Store, cx: &mut Context<'_>) {
        let store = self.cached().unwrap_or(store);
        let wanted: Vec<(Kind, &str, Doc)> = match timer.number {
            0 => service().into(),
            _ => NAMESPACES.map(|name| (Kind::Namespace, name, doc!({ "metadata": {} }))).into(),
        };
        let asked: Vec<Request> =
            wanted.into_iter().filter_map(|(kind, name, doc)| missing(kind, name, doc, store)).collect();
        if !asked.is_empty() {
            cx.timer(INTERVALS[timer.number as usize], timer.clone());
        }
        for request in asked {
            cx.request(request);
        }
    }
}

/// What has to be asked for, so that an object is as it should be.
fn missing(kind: Kind, name: &str, mut doc: Doc, store: &Store) -> Option<Request> {
    let user = User::component(literal!("system:apiserver"));
    let key = Key::new(kind, doc["metadata"]["namespace"].str(), name);
    let Some(object) = store.get(&key) else {
        doc.set_at(&["metadata", "name"], name);
        return Some(Request::create(user, kind, key.namespace, doc));
    };
    doc.remove("metadata");
    kind.resource().default(&mut doc);
    let leads = matches!(kind, Kind::EndpointSlice | Kind::Endpoints);
    let differs = doc.entries().iter().any(|(field, value)| object.body[field.as_str()] != *value);
    (leads && differs).then(|| Request::patch(user, &key, PatchKind::Merge, doc))
}
