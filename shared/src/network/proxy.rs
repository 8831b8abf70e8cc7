//! The kube-proxies: one watch and one set of rules for all, and for each that is cut off or down the rules it had.

use std::borrow::Cow;

use crate::api::core::node::Node;
use crate::api::{Kind, Request, User};
use crate::client::{Delta, Handled, Informers, Input, back_off};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Str, literal};
use crate::sim::{
    API_SERVER, Context, Duration, Packet, PacketStep, Process, Protocol, ProxyMode, Random, RequestId, Time,
    Timer,
};

use super::rules::{Rule, RuleBook, Rules, Socket, place};
use super::variables::tell_variables;
use super::{machines_by_name, outside, parse_ip, pass, refuse};

/// From the return of a proxy (or of its connection) to its first attempt to list again.
const CATCH_UP: Duration = Duration::seconds(1);
/// Sessions are looked through for old ones when there are more than this.
const MANY_SESSIONS: usize = 4096;

/// The endpoint (address and port) a client keeps, and until when.
type Kept = ((u32, u32), Time);

/// All kube-proxies.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Proxies {
    machines: u32,
    names: BTreeMap<Str, u32>,
    informers: Informers,
    book: RuleBook,
    /// Proxies that do not follow the API: the rules that they were left with.
    frozen: BTreeMap<u32, Rules>,
    /// Those of them that list again: what they wait for, and how often they failed.
    catching_up: BTreeMap<u32, CatchUp>,
    /// The pod network: first address → size and machine (the CNI plugin's routes, from the nodes' podCIDRs).
    routes: BTreeMap<u32, (u32, u32)>,
    /// Round robin, for each machine and rule.
    turns: BTreeMap<(u32, u32, u32), u64>,
    /// `ClientIP` affinity: machine, client, address and port → endpoint and until when.
    sessions: BTreeMap<(u32, u32, u32, u32), Kept>,
    random: Random,
}

/// A proxy on its way back to rules that are current.
#[derive(Codec, Clone, Debug, Hash, Default)]
struct CatchUp {
    lists: BTreeSet<RequestId>,
    failures: u32,
}

impl Proxies {
    pub(super) fn new(machines: u32, seed: u64) -> Proxies {
        Proxies {
            machines,
            names: BTreeMap::new(),
            informers: Informers::of(&user(), &[Kind::Service, Kind::EndpointSlice, Kind::Node]),
            book: RuleBook::default(),
            frozen: BTreeMap::new(),
            catching_up: BTreeMap::new(),
            routes: BTreeMap::new(),
            turns: BTreeMap::new(),
            sessions: BTreeMap::new(),
            random: Random::stream(seed, "kube-proxy"),
        }
    }

    /// The rules of a machine as they were when a packet last met them.
    pub fn rules(&self, machine: u32) -> &Rules {
        self.frozen.get(&machine).unwrap_or(self.book.written())
    }

    /// Whether a machine's rules no longer follow the API.
    pub fn is_stale(&self, machine: u32) -> bool {
        self.frozen.contains_key(&machine)
    }

    /// The machine that an address of the pod network is on, or whose own it is: pods may share that.
    pub fn machine_of(&self, ip: u32) -> Option<u32> {
        if let Some(machine) = self.node_at(ip) {
            return Some(machine);
        }
        let (first, (size, machine)) = self.routes.range(..=ip).next_back()?;
        (ip - first < *size).then_some(*machine)
    }

    pub(super) fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        let input = match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => {
                deltas.iter().for_each(|delta| tell_variables(delta, cx));
                return deltas.iter().for_each(|delta| self.changed(delta));
            }
            Handled::NotMine(input) => input,
        };
        if let Input::Start = input {
            self.names = machines_by_name(cx);
            self.informers = Informers::of(&user(), &[Kind::Service, Kind::EndpointSlice, Kind::Node]);
            self.informers.start(cx);
        }
    }

    /// Handles an input of one machine's proxy.
    pub(super) fn handle_of(&mut self, machine: u32, input: Input, cx: &mut Context<'_>) {
        match input {
            Input::Start => self.follow_again(machine, cx),
            Input::Timer(timer) if timer.name == "catch up" => self.list_again(machine, cx),
            Input::Response(id, result) => self.listed(machine, id, result.is_ok(), cx),
            _ => {}
        }
    }

    fn changed(&mut self, delta: &Delta) {
        let object = delta.object();
        if object.key.kind != Kind::Node {
            return self.book.changed(delta);
        }
        let cidr = |object: &crate::api::Object| object.view::<Node>().and_then(|node| range(&node.pod_cidr));
        let before = delta.old.as_ref().and_then(|object| cidr(object));
        let now = delta.new.as_ref().and_then(|object| cidr(object));
        if before == now {
            return;
        }
        if let Some((first, _)) = before {
            self.routes.remove(&first);
        }
        if let (Some((first, size)), Some(&machine)) = (now, self.names.get(&object.key.name)) {
            self.routes.insert(first, (size, machine));
        }
    }

    /// A packet meets the rules of a machine. The answer is what it became and where it goes.
    pub(super) fn forward(
        &mut self,
        machine: u32,
        packet: Packet,
        cx: &mut Context<'_>,
    ) -> Option<(Packet, Process)> {
        let PacketStep::ToService { ip, port } = packet.step else { return None };
        let mine = ip == node_address(machine);
        if !mine && let Some(other) = self.node_at(ip) {
            // What is for another node meets that node's rules.
            pass(&packet, Process::KubeProxy(other), packet.step.clone(), cx);
            return None;
        }
        let rules = match self.frozen.get(&machine) {
            Some(rules) => rules,
            None => self.book.rules(&self.informers),
        };
        let place = place(if mine { 0 } else { ip }, port, packet.protocol);
        let Some(rule) = rules.get(&place).cloned() else {
            // Behind ipvs every address of a Service is the node's own: other ports of it are closed.
            let closed = || {
                let next = rules.range((ip, 0)..).next();
                cx.core.options.proxy_mode == ProxyMode::Ipvs
                    && next.is_some_and(|((found, _), _)| *found == ip)
            };
            if closed() {
                refuse(&packet, cx);
                return None;
            }
            // No Service's address: a pod's, or that of somebody beside the cluster.
            let step = PacketStep::ToPod { ip, port };
            return Some((Packet { step, ..packet }, self.target(ip, cx)?));
        };
        let allowed = |(first, last): &(u32, u32)| (*first..=*last).contains(&packet.client);
        if !rule.sources.is_empty() && !rule.sources.iter().any(allowed) {
            return None;
        }
        // What comes from a pod of the cluster may go anywhere in it, whatever holds for those outside.
        let inside = matches!(packet.origin, Process::Runtime(_));
        let local = rule.local && !(rule.external && inside);
        let usable = self.usable(machine, &rule, local, cx);
        if rule.port == 0 {
            let status = Some(if usable.is_empty() { 503 } else { 200 });
            let step = PacketStep::Answer { status, detail: literal!("kube-proxy") };
            pass(&packet, packet.origin, step, cx);
            return None;
        }
        if usable.is_empty() {
            // Nobody is there at all, or only on other nodes: then it is dropped.
            if rule.endpoints.is_empty() {
                refuse(&packet, cx);
            }
            return None;
        }
        let (to, port) = self.choose(machine, place, &rule, &usable, packet.client, cx);
        let mut packet = Packet { step: PacketStep::ToPod { ip: to, port }, ..packet };
        if rule.external && !inside && !local {
            // Answers have to come back this way: the client's own address is hidden.
            packet.client = node_address(machine);
        }
        let target = self.target(to, cx)?;
        Some((packet, target))
    }

    /// Who has an address: a pod's machine, or somebody beside the cluster.
    fn target(&self, ip: u32, cx: &Context<'_>) -> Option<Process> {
        if let Some(machine) = self.machine_of(ip) {
            return Some(Process::Runtime(machine));
        }
        match ip.checked_sub(API_SERVER).filter(|number| *number < cx.core.api_servers()) {
            Some(number) => Some(Process::ApiServer(number)),
            None => outside::is_public(ip).then_some(Process::Visitors),
        }
    }

    /// The machine of the node with this name.
    pub fn machine_named(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    /// The machine with this address in the nodes' network.
    pub(super) fn node_at(&self, ip: u32) -> Option<u32> {
        ip.checked_sub(node_address(0)).filter(|machine| *machine < self.machines)
    }

    /// Whether a machine has endpoints for connections that have to stay on it.
    pub(super) fn has_local(&mut self, machine: u32, health_port: u32, cx: &Context<'_>) -> bool {
        let rules = match self.frozen.get(&machine) {
            Some(rules) => rules,
            None => self.book.rules(&self.informers),
        };
        let rule = rules.get(&place(0, health_port, Protocol::Tcp)).cloned();
        rule.is_some_and(|rule| !self.usable(machine, &rule, true, cx).is_empty())
    }

    /// The endpoints of a rule that a machine may use.
    fn usable<'a>(&self, machine: u32, rule: &'a Rule, local: bool, cx: &Context<'_>) -> Cow<'a, [Socket]> {
        if local {
            let here = |list: &[Socket]| -> Vec<Socket> {
                list.iter().filter(|(ip, _)| self.machine_of(*ip) == Some(machine)).copied().collect()
            };
            let ready = here(&rule.endpoints);
            return Cow::Owned(if ready.is_empty() { here(&rule.leaving) } else { ready });
        }
        if rule.hints.is_empty() {
            return Cow::Borrowed(&rule.endpoints);
        }
        let me = &cx.core.machines[machine as usize];
        let near = |nodes: bool| -> Vec<Socket> {
            let hints =
                rule.hints.iter().map(|(for_nodes, for_zones)| if nodes { for_nodes } else { for_zones });
            if hints.clone().any(Vec::is_empty) {
                return Vec::new();
            }
            let mine = if nodes { &me.name } else { &me.zone };
            let all = rule.endpoints.iter().zip(hints);
            all.filter(|(_, hints)| hints.contains(mine)).map(|(socket, _)| *socket).collect()
        };
        let near = Some(near(true)).filter(|list| !list.is_empty()).unwrap_or_else(|| near(false));
        if near.is_empty() { Cow::Borrowed(&rule.endpoints) } else { Cow::Owned(near) }
    }

    fn choose(
        &mut self,
        machine: u32,
        (ip, port): (u32, u32),
        rule: &Rule,
        usable: &[Socket],
        client: u32,
        cx: &Context<'_>,
    ) -> Socket {
        let count = usable.len() as u64;
        let session = (machine, ip, port, client);
        let kept = self
            .sessions
            .get(&session)
            .filter(|(endpoint, until)| rule.sticky > 0 && *until > cx.now() && usable.contains(endpoint));
        let endpoint = match kept {
            Some((endpoint, _)) => *endpoint,
            None => {
                let at = match cx.core.options.proxy_mode {
                    ProxyMode::Iptables => self.random.below(count),
                    ProxyMode::Ipvs => {
                        // Each node's rotation stands somewhere else.
                        let turn = self.turns.entry((machine, ip, port)).or_insert(machine.into());
                        *turn += 1;
                        (*turn - 1) % count
                    }
                };
                usable[at as usize]
            }
        };
        if rule.sticky > 0 {
            if self.sessions.len() > MANY_SESSIONS {
                self.sessions.retain(|_, (_, until)| *until > cx.now());
            }
            let until = cx.now() + Duration::seconds(rule.sticky.into());
            self.sessions.insert(session, (endpoint, until));
        }
        endpoint
    }

    /// A machine's kube-proxy went down. The kernel keeps the rules until it loses power.
    pub(super) fn process_stopped(&mut self, machine: u32, cx: &Context<'_>) {
        self.catching_up.remove(&machine);
        if cx.core.machines[machine as usize].powered {
            self.freeze(machine);
        } else {
            self.frozen.insert(machine, Rules::new());
        }
    }

    pub(super) fn links_changed(&mut self, cx: &mut Context<'_>) {
        for machine in 0..self.machines {
            let me = Process::KubeProxy(machine);
            let servers = 0..cx.core.api_servers();
            if !servers.into_iter().any(|number| cx.core.links.open(me, Process::ApiServer(number))) {
                self.freeze(machine);
            } else if cx.core.running(me) {
                let causes = cx.causes.clone();
                self.follow_again(machine, &mut Context { core: cx.core, me, causes });
            }
        }
    }

    fn freeze(&mut self, machine: u32) {
        if !self.frozen.contains_key(&machine) {
            let rules = self.book.rules(&self.informers).clone();
            self.frozen.insert(machine, rules);
        }
    }

    /// A proxy whose rules stand still begins to bring them up to date.
    fn follow_again(&mut self, machine: u32, cx: &mut Context<'_>) {
        if self.frozen.contains_key(&machine) && !self.catching_up.contains_key(&machine) {
            self.catching_up.insert(machine, CatchUp::default());
            cx.timer(CATCH_UP, Timer::named("catch up"));
        }
    }

    fn list_again(&mut self, machine: u32, cx: &mut Context<'_>) {
        if let Some(state) = self.catching_up.get_mut(&machine) {
            let kinds = [Kind::Service, Kind::EndpointSlice, Kind::Node];
            state.lists = kinds
                .map(|kind| {
                    let mut request = Request::list(user(), kind);
                    request.options.resource_version = Some(0);
                    cx.request(request)
                })
                .into();
        }
    }

    /// A list came, or did not. With all of them the proxy has what all share.
    fn listed(&mut self, machine: u32, id: RequestId, ok: bool, cx: &mut Context<'_>) {
        let Some(state) = self.catching_up.get_mut(&machine) else { return };
        if !state.lists.remove(&id) {
            return;
        }
        if !ok {
            let wait = back_off(state.failures);
            state.lists.clear();
            state.failures += 1;
            cx.timer(wait, Timer::named("catch up"));
        } else if state.lists.is_empty() {
            self.catching_up.remove(&machine);
            self.frozen.remove(&machine);
        }
    }
}

fn user() -> User {
    User::component("system:kube-proxy")
}

/// The address of a machine in the nodes' network, 172.18.0.0/16.
pub fn node_address(machine: u32) -> u32 {
    (172 << 24 | 18 << 16) + machine + 2
}

/// First address and number of addresses of `10.244.1.0/24`.
fn range(cidr: &str) -> Option<(u32, u32)> {
    let (address, length) = cidr.split_once('/')?;
    let length: u32 = length.parse().ok().filter(|length| (8..=32).contains(length))?;
    Some((parse_ip(address)?, 1 << (32 - length)))
}
