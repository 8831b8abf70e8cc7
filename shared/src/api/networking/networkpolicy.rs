//! NetworkPolicy: which connections pods take and make.

use crate::api::validation::{self, At, Faults, names};
use crate::api::{Column, Info, LabelSelector, Object, Resource, Row, View, age};
use crate::doc::{Doc, Str, Timestamp};

const PROTOCOLS: [&str; 3] = ["TCP", "UDP", "SCTP"];
const TYPES: [&str; 2] = ["Ingress", "Egress"];

/// What the simulation reads of a NetworkPolicy.
#[derive(Clone, Debug)]
pub struct NetworkPolicy {
    /// The pods it is about.
    pub pods: LabelSelector,
    /// What may come in; `None` when it says nothing about that.
    pub ingress: Option<Vec<PolicyRule>>,
    /// What may go out; `None` when it says nothing about that.
    pub egress: Option<Vec<PolicyRule>>,
}

/// One `ingress` or `egress` rule: connections with one of the peers to one of the ports.
#[derive(Clone, Debug)]
pub struct PolicyRule {
    /// Peers; empty for anybody.
    pub peers: Vec<Peer>,
    /// Ports; empty for all.
    pub ports: Vec<PolicyPort>,
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub enum Peer {
    /// Addresses of a network (first and last), without some.
    Block(Range, Vec<Range>),
    /// Pods of some namespaces (`None` for the policy's own); any pod when there is no selector.
    Pods(Option<LabelSelector>, Option<LabelSelector>),
}

/// The first and the last address of an IPv4 network.
pub type Range = (u32, u32);

/// Ports of a rule.
#[derive(Clone, Debug)]
pub struct PolicyPort {
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: Str,
    /// Number or the name of a container port; null for all.
    pub port: Doc,
    /// The last of a range that begins at `port`; 0 for none.
    pub end: u32,
}

/// The first and last address of `10.0.0.0/8`.
pub fn range(cidr: &str) -> Option<Range> {
    let (address, length) = cidr.split_once('/')?;
    let address = u32::from(address.parse::<std::net::Ipv4Addr>().ok()?);
    let length: u32 = length.parse().ok().filter(|length| *length <= 32)?;
    let hosts = u32::MAX.checked_shr(length).unwrap_or(0);
    Some((address & !hosts, address | hosts))
}

fn rules(list: &Doc, peers: &str) -> Vec<PolicyRule> {
    let selector = |doc: &Doc| (!doc.is_null()).then(|| LabelSelector::from_doc(doc));
    let peer = |doc: &Doc| match &doc["ipBlock"] {
        Doc::Null => Some(Peer::Pods(selector(&doc["namespaceSelector"]), selector(&doc["podSelector"]))),
        block => {
            let except = block["except"].items().iter().filter_map(|cidr| range(&cidr.str())).collect();
            Some(Peer::Block(range(&block["cidr"].str())?, except))
        }
    };
    let port = |doc: &Doc| PolicyPort {
        protocol: doc["protocol"].str(),
        port: doc["port"].clone(),
        end: doc["endPort"].as_i64().and_then(|end| u32::try_from(end).ok()).unwrap_or(0),
    };
    let rule = |doc: &Doc| PolicyRule {
        peers: doc[peers].items().iter().filter_map(peer).collect(),
        ports: doc["ports"].items().iter().map(port).collect(),
    };
    list.items().iter().map(rule).collect()
}

/// The kind's registration.
#[derive(Debug)]
pub struct NetworkPolicies;

impl Resource for NetworkPolicies {
    fn info(&self) -> &'static Info {
        &Info {
            group: "networking.k8s.io",
            version: "v1",
            kind: "NetworkPolicy",
            plural: "networkpolicies",
            singular: "networkpolicy",
            short_names: &["netpol"],
            namespaced: true,
            subresources: &[],
            categories: &[],
            has_generation: true,
        }
    }

    fn view(&self, body: &Doc, _: Option<&Object>) -> View {
        let spec = &body["spec"];
        let about = |kind: &str| spec["policyTypes"].items().iter().any(|it| it.as_str() == Some(kind));
        View::NetworkPolicy(Box::new(NetworkPolicy {
            pods: LabelSelector::from_doc(&spec["podSelector"]),
            ingress: about("Ingress").then(|| rules(&spec["ingress"], "from")),
            egress: about("Egress").then(|| rules(&spec["egress"], "to")),
        }))
    }

    fn default(&self, doc: &mut Doc) {
        let spec = doc.at_mut(&["spec"]);
        spec.default_to("podSelector", Doc::map());
        if spec["policyTypes"].items().is_empty() {
            let types = if spec["egress"].items().is_empty() { &TYPES[..1] } else { &TYPES[..] };
            spec.set("policyTypes", Doc::list(types.iter().copied()));
        }
        for rules in ["ingress", "egress"]
            .into_iter()
            .filter(|rules| !spec[*rules].items().is_empty())
            .collect::<Vec<_>>()
        {
            for rule in spec.at_mut(&[rules]).items_mut() {
                if !rule["ports"].items().is_empty() {
                    let ports = rule.at_mut(&["ports"]).items_mut();
                    ports.iter_mut().for_each(|port| port.default_to("protocol", "TCP"));
                }
            }
        }
    }

    fn validate(&self, doc: &Doc, faults: &mut Faults) {
        let spec = At::root(&doc["spec"], "spec");
        validation::label_selector(faults, &spec.field("podSelector"));
        for (rules, peers) in [("ingress", "from"), ("egress", "to")] {
            for rule in spec.field(rules).each() {
                rule.field("ports").each().for_each(|port| validate_port(&port, faults));
                rule.field(peers).each().for_each(|peer| validate_peer(&peer, faults));
            }
        }
        let types = spec.field("policyTypes");
        if types.items().len() > TYPES.len() {
            faults.invalid(&types, &types, "may not specify more than two policyTypes");
            return;
        }
        types.each().for_each(|kind| kind.one_of(faults, &["Egress", "Ingress"]));
    }

    fn columns(&self) -> &'static [Column] {
        const COLUMNS: &[Column] = &[
            Column { name: "Name", wide: false },
            Column { name: "Pod-Selector", wide: false },
            Column { name: "Age", wide: false },
        ];
        COLUMNS
    }

    fn row(&self, object: &Object, now: Timestamp) -> Row {
        let selector = LabelSelector::from_doc(&object.body["spec"]["podSelector"]).to_string();
        let selector = if selector.is_empty() { "<none>".to_owned() } else { selector };
        vec![object.key.name.to_string(), selector, age(object.meta.creation, now)]
    }
}

fn validate_port(port: &At<'_>, faults: &mut Faults) {
    port.field("protocol").one_of(faults, &PROTOCOLS);
    let (number, end) = (port.field("port"), port.field("endPort"));
    match number.doc() {
        Doc::Null if end.is_set() => {
            faults.invalid(&end, &end, "may not be specified when `port` is not specified");
        }
        Doc::Null => {}
        Doc::Str(_) => {
            if end.is_set() {
                faults.invalid(&end, &end, "may not be specified when `port` is non-numeric");
            }
            number.check(faults, names::port_name);
        }
        _ => {
            number.port_number_or_name(faults);
            if end.is_set() {
                if end.number() < number.number() {
                    faults.invalid(&end, &end, "must be greater than or equal to `port`");
                }
                end.port_number_or_name(faults);
            }
        }
    }
}

fn validate_peer(peer: &At<'_>, faults: &mut Faults) {
    let (pods, namespaces) = (peer.field("podSelector"), peer.field("namespaceSelector"));
    let block = peer.field("ipBlock");
    validation::label_selector(faults, &pods);
    validation::label_selector(faults, &namespaces);
    if block.is_set() {
        validate_block(&block, faults);
    }
    match (block.is_set(), pods.is_set() || namespaces.is_set()) {
        (false, false) => faults.required(peer, "must specify a peer"),
        (true, true) => faults.forbidden(peer, "may not specify both ipBlock and another peer"),
        _ => {}
    }
}

fn validate_block(block: &At<'_>, faults: &mut Faults) {
    let cidr = block.field("cidr");
    if !cidr.require(faults) {
        return;
    }
    cidr.check(faults, names::cidr);
    let Some((first, last)) = range(cidr.text()) else { return };
    for except in block.field("except").each() {
        except.check(faults, names::cidr);
        let Some((from, to)) = range(except.text()) else { continue };
        if from < first || to > last || (from, to) == (first, last) {
            faults.invalid(&except, &except, "must be a strict subset of `cidr`");
        }
    }
}
