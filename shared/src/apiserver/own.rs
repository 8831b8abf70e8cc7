//! What the server looks after by itself: the namespaces that every cluster has, and the Service by which pods find it,
//! with what is behind that. What was deleted of it comes back at the controllers' next turn (upstream: those of
//! `pkg/controlplane/controller`, `kubernetesservice` and `systemnamespaces`).

use crate::api::{Key, Kind, PatchKind, Request, User};
use crate::doc;
use crate::doc::{Doc, literal};
use crate::etcd::{Revision, Store};
use crate::sim::{ChangeKind, Context, Duration, Process, Time, Timer, api_server_address};

use super::{ApiServer, identity};

pub(super) const TIMER: &str = "own";
/// The namespaces that are made again when they are missing.
pub(crate) const NAMESPACES: [&str; 4] = ["default", "kube-node-lease", "kube-public", "kube-system"];
const SERVICE: &str = "kubernetes";
/// Which servers the Service leads to.
pub(super) const ENDPOINTS: (Kind, &str, &str) = (Kind::Endpoints, NAMESPACES[0], SERVICE);
/// Between two looks at the Service, at the namespaces, and between two signs of life to other servers.
const INTERVALS: [Duration; 3] = [Duration::seconds(10), Duration::seconds(60), Duration::seconds(10)];
/// The number of the last.
const SIGN: u64 = 2;
/// Until a server that starts knows what there is.
const WARM_UP: Duration = Duration::seconds(2);

/// How pods find the API servers that live.
pub(crate) fn service(living: &[u32]) -> [(Kind, &'static str, Doc); 3] {
    let ips = living.iter().map(|server| std::net::Ipv4Addr::from(api_server_address(*server)).to_string());
    let ips: Vec<Doc> = ips.map(Doc::from).collect();
    let endpoints =
        ips.iter().map(|ip| doc!({ "addresses": Doc::list([ip.clone()]), "conditions": { "ready": true } }));
    let endpoints = Doc::list(endpoints.collect::<Vec<_>>());
    let addresses = Doc::list(ips.iter().map(|ip| doc!({ "ip": ip.clone() })).collect::<Vec<_>>());
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
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports.clone()
    });
    let endpoints = doc!({
        "metadata": meta(doc!({ "endpointslice.kubernetes.io/skip-mirror": "true" })),
        "subsets": [{ "addresses": addresses, "ports": ports }]
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
        cx.timer(WARM_UP + turn(cx), Timer { number: SIGN, ..Timer::named(TIMER) });
        if cx.now() > Time::ZERO {
            for (number, wait) in (0..SIGN).zip(INTERVALS) {
                cx.timer(wait, Timer { number, ..Timer::named(TIMER) });
            }
        }
    }

    /// Something was written: if it is the server's own, it looks at it at its next turn.
    pub(super) fn heed_own(revision: &Revision, cx: &mut Context<'_>) {
        let Some(number) = concerned(revision) else { return };
        let interval = INTERVALS[number as usize].0;
        let wait = Duration(interval - cx.now().0 % interval);
        cx.timer(wait + turn(cx), Timer { number, ..Timer::named(TIMER) });
    }

    /// Asks itself for what is missing, as any client would, until it is there.
    pub(super) fn look_after_own(&self, timer: &Timer, store: &Store, cx: &mut Context<'_>) {
        let store = self.cached().unwrap_or(store);
        let me = number(cx);
        let wanted: Vec<(Kind, &str, Doc)> = match timer.number {
            1 => NAMESPACES.map(|name| (Kind::Namespace, name, doc!({ "metadata": {} }))).into(),
            // Whoever begins has not heard of the others.
            SIGN if cx.now() < Time::ZERO + INTERVALS[0] => Vec::new(),
            _ => service(&identity::living(me, store, cx)).into(),
        };
        let mut asked: Vec<Request> =
            wanted.into_iter().filter_map(|(kind, name, doc)| missing(kind, name, doc, store)).collect();
        if timer.number == SIGN {
            asked.push(identity::renewal(me, user(), store, cx));
        }
        if !asked.is_empty() {
            cx.timer(INTERVALS[timer.number as usize], timer.clone());
        }
        for request in asked {
            cx.request(request);
        }
    }
}

/// What is to be asked for when a server ends in order: the Service leads to the others, if there are any.
pub(super) fn farewell(store: &Store, cx: &Context<'_>) -> Vec<Request> {
    let me = number(cx);
    let others: Vec<u32> =
        identity::living(me, store, cx).into_iter().filter(|server| *server != me).collect();
    if others.is_empty() {
        return Vec::new();
    }
    service(&others).into_iter().filter_map(|(kind, name, doc)| missing(kind, name, doc, store)).collect()
}

fn user() -> User {
    User::component(literal!("system:apiserver"))
}

/// Which of the servers this is.
fn number(cx: &Context<'_>) -> u32 {
    if let Process::ApiServer(server) = cx.me { server } else { 0 }
}

/// Of several servers the first does it, and the next sees that it is done.
fn turn(cx: &Context<'_>) -> Duration {
    Duration::seconds(number(cx).into())
}

/// What has to be asked for, so that an object is as it should be.
fn missing(kind: Kind, name: &str, mut doc: Doc, store: &Store) -> Option<Request> {
    let key = Key::new(kind, doc["metadata"]["namespace"].str(), name);
    let Some(object) = store.get(&key) else {
        doc.set_at(&["metadata", "name"], name);
        return Some(Request::create(user(), kind, key.namespace, doc));
    };
    doc.remove("metadata");
    kind.resource().default(&mut doc);
    let leads = matches!(kind, Kind::EndpointSlice | Kind::Endpoints);
    let differs = doc.entries().iter().any(|(field, value)| object.body[field.as_str()] != *value);
    (leads && differs).then(|| Request::patch(user(), &key, PatchKind::Merge, doc))
}
