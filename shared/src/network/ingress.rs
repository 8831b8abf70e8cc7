//! The ingress controller, an add-on: answers HTTP requests from outside by the hosts and paths of Ingresses.
//!
//! Like ingress-nginx it sends to the endpoints themselves, in turn, and tries others when one does not answer.

mod routes;

use crate::api::core::service::Service;
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::networking::ingress::CLASS_ANNOTATION;
use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource, User};
use crate::client::{Delta, Handled, Informers, Input, Recorder, Severity};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Duration, Packet, PacketStep, Process, RequestId, Timer};

use super::rules::{SliceIndex, Socket, in_order};
use super::{Failure, parse_ip, pass};

use routes::{Backend, Found, Routes};

/// 203.0.113.254, the last of the load balancer's addresses: where the world finds it.
pub const INGRESS_ADDRESS: u32 = 203 << 24 | 113 << 8 | 254;
/// The address that pods see its requests come from.
pub const CONTROLLER_ADDRESS: u32 = 10 << 24 | 224 << 16 | 2;
/// The class that it looks after.
pub const CLASS: &str = "nginx";
/// The name under which classes mean it.
pub const CONTROLLER: &str = "k8s.io/ingress-nginx";
/// How long it waits for a pod, and how many it tries.
const CONNECT_TIMEOUT: Duration = Duration::seconds(5);
const MOST_TRIES: u32 = 3;
/// Before a status that could not be written is tried again.
const RETRY: Duration = Duration::seconds(5);

/// The controller.
#[derive(Codec, Clone, Debug, Hash)]
pub struct IngressController {
    user: User,
    informers: Informers,
    recorder: Recorder,
    slices: SliceIndex,
    routes: Routes,
    /// Whether the routes have to be made anew before the next request.
    stale: bool,
    /// Requests that wait for a pod.
    pending: BTreeMap<u64, Pending>,
    sent: u64,
    turns: BTreeMap<Key, u64>,
    writes: BTreeMap<RequestId, Key>,
}

/// A request on its way to a pod.
#[derive(Codec, Clone, Debug, Hash)]
struct Pending {
    packet: Packet,
    endpoints: Vec<Socket>,
    next: u64,
    tries: u32,
}

impl IngressController {
    pub(super) fn new() -> IngressController {
        let user = User::component("system:serviceaccount:ingress-nginx:ingress-nginx");
        let kinds = [Kind::Ingress, Kind::IngressClass, Kind::Service, Kind::EndpointSlice, Kind::Secret];
        IngressController {
            informers: Informers::of(&user, &kinds),
            recorder: Recorder::new(&user, "nginx-ingress-controller", Str::new()),
            user,
            slices: SliceIndex::default(),
            routes: Routes::default(),
            stale: false,
            pending: BTreeMap::new(),
            sent: 0,
            turns: BTreeMap::new(),
            writes: BTreeMap::new(),
        }
    }

    /// Whether a name leads to it from outside.
    pub(super) fn serves(&mut self, host: &str) -> bool {
        self.routes().knows(host)
    }

    /// Handles an input. The answer is a packet for a pod.
    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) -> Option<Packet> {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => {
                deltas.iter().for_each(|delta| self.changed(delta, cx));
                return None;
            }
            Handled::NotMine(input) => input,
        };
        match input {
            Input::Start => {
                *self = IngressController { sent: self.sent, ..IngressController::new() };
                self.informers.start(cx);
            }
            Input::Timer(Timer { name: "ingress", key: Some(key), .. }) => self.publish(&key, cx),
            Input::Timer(timer) if timer.name == "no answer" => {
                // A timer of an earlier try of the same request is not there any more.
                return self.try_next(timer.number, Some(504), cx);
            }
            Input::Response(id, result) => {
                if let Some(key) = self.writes.remove(&id)
                    && result.is_err_and(|status| status.is_transient())
                {
                    cx.timer(RETRY, Timer::about("ingress", key));
                }
            }
            Input::Packet(packet) => match packet.step.clone() {
                PacketStep::ToService { port, .. } => return self.request(packet, port, cx),
                PacketStep::Answer { status: None, .. } => {
                    return self.try_next(packet.number, Some(502), cx);
                }
                step @ PacketStep::Answer { .. } => {
                    if let Some(pending) = self.pending.remove(&packet.number) {
                        pass(&pending.packet, pending.packet.origin, step, cx);
                    }
                }
                _ => {}
            },
            _ => {}
        }
        None
    }

    fn changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        self.stale = true;
        let object = delta.object();
        match object.key.kind {
            Kind::EndpointSlice => drop(self.slices.changed(delta)),
            Kind::Ingress if delta.new.is_some() => {
                let told = delta.old.as_ref().is_some_and(|old| old.body["spec"] == object.body["spec"]);
                if !told && self.is_ours(object) {
                    self.recorder.event(object, Severity::Normal, "Sync", "Scheduled for sync", cx);
                }
                self.publish(&object.key, cx);
            }
            Kind::IngressClass => {
                let keys: Vec<Key> = self.informers.cache(Kind::Ingress).keys().cloned().collect();
                keys.iter().for_each(|key| self.publish(key, cx));
            }
            _ => {}
        }
    }

    fn is_ours(&self, ingress: &Object) -> bool {
        let class = ingress.body["spec"]["ingressClassName"].str();
        if class.is_empty() {
            return ingress.meta.annotation(CLASS_ANNOTATION) == Some(CLASS);
        }
        let class =
            self.informers.cache(Kind::IngressClass).get(&Key::new(Kind::IngressClass, Str::new(), class));
        class.is_some_and(|class| class.body["spec"]["controller"].as_str() == Some(CONTROLLER))
    }

    /// Writes into an Ingress where the world finds it.
    fn publish(&mut self, key: &Key, cx: &mut Context<'_>) {
        let Some(ingress) = self.informers.cache(Kind::Ingress).get(key).cloned() else { return };
        let ip = std::net::Ipv4Addr::from(INGRESS_ADDRESS).to_string();
        let wanted = doc!([{ "ip": ip }]);
        let shown = &ingress.body["status"]["loadBalancer"]["ingress"];
        if ingress.meta.deleting() || *shown == wanted || !self.is_ours(&ingress) {
            return;
        }
        let patch = doc!({ "status": { "loadBalancer": { "ingress": wanted } } });
        let request = Request::patch(self.user.clone(), key, PatchKind::Merge, patch).on(Subresource::Status);
        self.writes.insert(cx.request(request), key.clone());
    }

    fn routes(&mut self) -> &Routes {
        if std::mem::take(&mut self.stale) {
            let secrets = self.informers.cache(Kind::Secret);
            let ingresses =
                self.informers.cache(Kind::Ingress).values().filter(|ingress| self.is_ours(ingress));
            self.routes = Routes::of(ingresses, |key| {
                secrets
                    .get(key)
                    .is_some_and(|secret| secret.body["type"].as_str() == Some("kubernetes.io/tls"))
            });
        }
        &self.routes
    }

    /// A request from outside.
    fn request(&mut self, packet: Packet, port: u32, cx: &mut Context<'_>) -> Option<Packet> {
        let answer = |status: Option<u32>, detail: Str, cx: &mut Context<'_>| {
            pass(&packet, packet.origin, PacketStep::Answer { status, detail }, cx);
            None
        };
        let Some(http) = packet.http.clone().filter(|_| matches!(port, 80 | 443)) else {
            return answer(None, Failure::Refused.text(), cx);
        };
        let tls = self.routes().has_certificate(&http.host);
        match (http.tls, tls) {
            (true, false) => return answer(None, Failure::Tls.text(), cx),
            (false, true) => return answer(Some(308), literal!("ingress-nginx"), cx),
            _ => {}
        }
        let backend = match self.routes().find(&http.host, &http.path) {
            Found::Backend(backend) => backend.clone(),
            Found::Nothing => return answer(Some(404), literal!("ingress-nginx"), cx),
        };
        let endpoints = self.endpoints(&backend);
        if endpoints.is_empty() {
            return answer(Some(503), literal!("ingress-nginx"), cx);
        }
        let turn = self.turns.entry(backend.service).or_default();
        *turn += 1;
        let next = *turn - 1;
        self.sent += 1;
        let number = self.sent;
        self.pending.insert(number, Pending { packet, endpoints, next, tries: 0 });
        self.try_next(number, None, cx)
    }

    /// Sends a request to its next endpoint; after the last it is answered with `status`.
    fn try_next(&mut self, number: u64, status: Option<u32>, cx: &mut Context<'_>) -> Option<Packet> {
        let pending = self.pending.get_mut(&number)?;
        let most = MOST_TRIES.min(pending.endpoints.len() as u32);
        if pending.tries >= most {
            let pending = self.pending.remove(&number)?;
            let step = PacketStep::Answer { status, detail: literal!("ingress-nginx") };
            pass(&pending.packet, pending.packet.origin, step, cx);
            return None;
        }
        let (ip, port) = pending.endpoints[(pending.next % pending.endpoints.len() as u64) as usize];
        pending.next += 1;
        pending.tries += 1;
        // Each try has a number of its own, so that late answers and timers of others mean nothing.
        let pending = self.pending.remove(&number)?;
        self.sent += 1;
        let (number, step) = (self.sent, PacketStep::ToPod { ip, port });
        let packet = Packet {
            number,
            origin: Process::IngressController,
            client: CONTROLLER_ADDRESS,
            step,
            ..pending.packet.clone()
        };
        self.pending.insert(number, pending);
        cx.timer(CONNECT_TIMEOUT, Timer { number, ..Timer::named("no answer") });
        Some(packet)
    }

    /// The ready endpoints of a backend.
    fn endpoints(&self, backend: &Backend) -> Vec<Socket> {
        let Some(service) = self.informers.get::<Service>(&backend.service.namespace, &backend.service.name)
        else {
            return Vec::new();
        };
        let is_meant = |port: &&crate::api::core::service::ServicePort| match &backend.port {
            Doc::Str(name) => port.name == *name,
            number => number.as_i64() == Some(port.port.into()),
        };
        let Some(port) = service.ports.iter().find(is_meant) else { return Vec::new() };
        let mut sockets = Vec::new();
        for slice in self.slices.of(service.key(), &self.informers) {
            let slice: &EndpointSlice = &slice;
            let number = slice.ports.iter().find(|(name, _, _)| *name == port.name).map(|port| port.1);
            let ready = slice.endpoints.iter().filter(|endpoint| endpoint.ready);
            let ips = in_order(ready.filter_map(|endpoint| parse_ip(&endpoint.address)).collect());
            sockets.extend(number.into_iter().flat_map(|number| ips.iter().map(move |ip| (*ip, number))));
        }
        sockets
    }
}

/// What an add-on's manifest brings along: its namespace and its class.
pub fn manifests() -> [(Kind, &'static str, Doc); 2] {
    [
        (Kind::Namespace, "ingress-nginx", doc!({})),
        (Kind::IngressClass, CLASS, doc!({ "spec": { "controller": CONTROLLER } })),
    ]
}
