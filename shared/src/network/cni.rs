//! The CNI plugin's agents: which connections of pods the NetworkPolicies let through.
//!
//! All share one watch, as the kube-proxies do; an agent that is down leaves on its node what it last wrote there. As
//! long as there is no policy nobody looks at pods and namespaces.

use std::sync::Arc;

use crate::api::core::pod::Pod;
use crate::api::networking::networkpolicy::{NetworkPolicy, Peer, PolicyPort, PolicyRule};
use crate::api::{Key, Kind, LabelSelector, Object, User};
use crate::client::{Delta, Handled, Informers, Input};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::{Context, Duration, Packet, PacketStep, Process, Protocol, Timer};

use super::ingress::CONTROLLER_ADDRESS;
use super::{DNS_ADDRESS, parse_ip};

/// From the start of an agent to rules that are current.
const CATCH_UP: Duration = Duration::seconds(1);
const DNS_PORT: u32 = 53;

/// All agents.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Cni {
    policies: Informers,
    /// Pods and namespaces, once there is a policy.
    others: Option<Informers>,
    book: Book,
    /// Agents that do not follow the API: what they were left with.
    frozen: BTreeMap<u32, Book>,
}

/// What the agents know. A copy costs nothing.
#[derive(Codec, Clone, Debug, Default)]
struct Book {
    policies: BTreeMap<Key, Arc<Object>>,
    namespaces: BTreeMap<Str, Doc>,
    /// Pods by their addresses.
    pods: BTreeMap<u32, Arc<Object>>,
}

impl std::hash::Hash for Book {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        let objects = self.policies.values().chain(self.pods.values());
        objects.for_each(|object| (&object.key, object.meta.resource_version).hash(state));
        self.namespaces.hash(state);
    }
}

/// Where a connection comes from or goes to.
struct End {
    ip: u32,
    namespace: Str,
    labels: Doc,
    pod: Option<Arc<Object>>,
}

fn user() -> User {
    User::component("system:serviceaccount:kube-system:cni")
}

impl Cni {
    pub(super) fn new() -> Cni {
        Cni {
            policies: Informers::of(&user(), &[Kind::NetworkPolicy]),
            others: None,
            book: Book::default(),
            frozen: BTreeMap::new(),
        }
    }

    /// Handles an input of the watch that all share.
    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        let input = match self.policies.handle(input, cx) {
            Handled::Changes(deltas) => return deltas.iter().for_each(|delta| self.changed(delta, cx)),
            Handled::NotMine(Input::Start) => {
                *self = Cni { frozen: std::mem::take(&mut self.frozen), ..Cni::new() };
                return self.policies.start(cx);
            }
            Handled::NotMine(input) => input,
        };
        let Some(others) = &mut self.others else { return };
        if let Handled::Changes(deltas) = others.handle(input, cx) {
            deltas.iter().for_each(|delta| self.changed(delta, cx));
        }
    }

    /// Handles an input of one machine's agent.
    pub(super) fn handle_of(&mut self, machine: u32, input: Input, cx: &mut Context<'_>) {
        match input {
            Input::Start => cx.timer(CATCH_UP, Timer::named("catch up")),
            Input::Timer(_) => drop(self.frozen.remove(&machine)),
            _ => {}
        }
    }

    fn changed(&mut self, delta: &Delta, cx: &mut Context<'_>) {
        let object = delta.object();
        match (object.key.kind, &delta.new) {
            (Kind::NetworkPolicy, Some(new)) => {
                self.book.policies.insert(new.key.clone(), Arc::clone(new));
                if self.others.is_none() {
                    let mut others = Informers::of(&user(), &[Kind::Pod, Kind::Namespace]);
                    others.start(cx);
                    self.others = Some(others);
                }
            }
            (Kind::NetworkPolicy, None) => drop(self.book.policies.remove(&object.key)),
            (Kind::Namespace, Some(new)) => {
                self.book.namespaces.insert(new.key.name.clone(), new.meta.labels.clone());
            }
            (Kind::Namespace, None) => drop(self.book.namespaces.remove(&object.key.name)),
            _ => {
                let ip = |object: &Option<Arc<Object>>| {
                    let object = object.as_ref()?;
                    let pod = object.view::<Pod>().filter(|pod| !pod.phase.is_terminal())?;
                    // Whoever has the node's address is the node, as far as policies go.
                    let on_host = object.body["spec"]["hostNetwork"].as_bool() == Some(true);
                    parse_ip(&pod.ip).filter(|_| !on_host)
                };
                let (before, now) = (ip(&delta.old), ip(&delta.new));
                let mine = |known: &Arc<Object>| known.key == object.key;
                if let Some(ip) =
                    before.filter(|ip| now != Some(*ip) && self.book.pods.get(ip).is_some_and(mine))
                {
                    self.book.pods.remove(&ip);
                }
                if let Some((ip, new)) = now.zip(delta.new.as_ref()) {
                    self.book.pods.insert(ip, Arc::clone(new));
                }
            }
        }
    }

    /// An agent went down. The kernel keeps what it wrote until it loses power.
    pub(super) fn process_stopped(&mut self, machine: u32) {
        self.freeze(machine);
    }

    pub(super) fn links_changed(&mut self, cx: &Context<'_>) {
        for machine in 0..cx.core.machines.len() as u32 {
            let me = Process::Cni(machine);
            if !cx.core.links.open(me, Process::ApiServer(0)) {
                self.freeze(machine);
            } else if cx.core.running(me) {
                self.frozen.remove(&machine);
            }
        }
    }

    fn freeze(&mut self, machine: u32) {
        if !self.frozen.contains_key(&machine) {
            self.frozen.insert(machine, self.book.clone());
        }
    }

    fn book(&self, machine: u32) -> &Book {
        self.frozen.get(&machine).unwrap_or(&self.book)
    }

    /// Whether a packet may leave the pod that sends it.
    pub(super) fn lets_out(&self, machine: u32, packet: &Packet) -> bool {
        let book = self.book(machine);
        book.policies.is_empty()
            || match packet.step {
                PacketStep::ToPod { ip, port } => book.allows(true, packet.client, ip, port, packet.protocol),
                PacketStep::Lookup { .. } => {
                    book.allows(true, packet.client, DNS_ADDRESS, DNS_PORT, Protocol::Udp)
                }
                _ => true,
            }
    }

    /// Whether a packet may reach the pod that it is for.
    pub(super) fn lets_in(&self, machine: u32, packet: &Packet) -> bool {
        let book = self.book(machine);
        book.policies.is_empty()
            || match packet.step {
                PacketStep::ToPod { ip, port } => {
                    book.allows(false, ip, packet.client, port, packet.protocol)
                }
                _ => true,
            }
    }
}

impl Book {
    /// Whether the policies let a pod send to (`out`) or hear from `peer`.
    fn allows(&self, out: bool, pod: u32, peer: u32, port: u32, protocol: Protocol) -> bool {
        let Some(object) = self.pods.get(&pod).filter(|_| pod != peer) else { return true };
        let first = Key::new(Kind::NetworkPolicy, object.key.namespace.clone(), Str::new());
        let mine = self.policies.range(first..).map(|(_, policy)| policy);
        let mine = mine.take_while(|policy| policy.key.namespace == object.key.namespace);
        let mut rules = mine
            .filter_map(|policy| policy.view::<NetworkPolicy>())
            .filter(|policy| policy.pods.matches(&object.meta.labels))
            .filter_map(|policy| if out { policy.egress.as_ref() } else { policy.ingress.as_ref() })
            .peekable();
        if rules.peek().is_none() {
            return true;
        }
        let end = self.end(peer);
        let target = if out { end.pod.clone() } else { Some(Arc::clone(object)) };
        let fits = |rule: &PolicyRule| {
            let peers = rule.peers.is_empty()
                || rule.peers.iter().any(|peer| self.is(peer, &end, &object.key.namespace));
            let to = |wanted: &PolicyPort| is_port(wanted, port, protocol, target.as_ref());
            peers && (rule.ports.is_empty() || rule.ports.iter().any(to))
        };
        rules.any(|rules| rules.iter().any(fits))
    }

    /// Who has an address. What runs beside the pods counts as one where it usually is one.
    fn end(&self, ip: u32) -> End {
        if let Some(pod) = self.pods.get(&ip) {
            let (namespace, labels) = (pod.key.namespace.clone(), pod.meta.labels.clone());
            return End { ip, namespace, labels, pod: Some(Arc::clone(pod)) };
        }
        let (namespace, labels) = match ip {
            DNS_ADDRESS => ("kube-system", doc!({ "k8s-app": "kube-dns" })),
            CONTROLLER_ADDRESS => ("ingress-nginx", doc!({ "app.kubernetes.io/name": "ingress-nginx" })),
            _ => ("", Doc::Null),
        };
        End { ip, namespace: namespace.into(), labels, pod: None }
    }

    fn is(&self, peer: &Peer, end: &End, own: &Str) -> bool {
        let within = |(first, last): &(u32, u32)| (*first..=*last).contains(&end.ip);
        match peer {
            Peer::Block(range, except) => within(range) && !except.iter().any(within),
            Peer::Pods(..) if end.namespace.is_empty() => false,
            Peer::Pods(namespaces, pods) => {
                let matches = |selector: &Option<LabelSelector>, labels: &Doc| {
                    selector.as_ref().is_none_or(|selector| selector.matches(labels))
                };
                let labels = self.namespaces.get(&end.namespace).cloned().unwrap_or_default();
                let namespace = match namespaces {
                    None => end.namespace == *own,
                    some => matches(some, &labels),
                };
                namespace && matches(pods, &end.labels)
            }
        }
    }
}

fn is_port(wanted: &PolicyPort, port: u32, protocol: Protocol, target: Option<&Arc<Object>>) -> bool {
    if Protocol::of(&wanted.protocol) != protocol {
        return false;
    }
    match &wanted.port {
        Doc::Null => true,
        Doc::Str(name) => target.and_then(|pod| pod.view::<Pod>()).is_some_and(|pod| {
            let mut ports = pod.spec.containers.iter().flat_map(|container| &container.ports);
            ports.any(|it| it.name == *name && it.port == port)
        }),
        number => {
            let first = number.as_i64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0);
            (first..=wanted.end.max(first)).contains(&port)
        }
    }
}
