//! `proxy`: HTTP requests that the server passes on to a pod, to a pod behind a Service, or to a node.
//!
//! What is for a pod goes over the data plane, as anybody's request does; a node's own port is its kubelet's.

use std::net::Ipv4Addr;
use std::sync::Arc;

use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Reason, Reply, Request, Status, Subresource};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::{
    API_SERVER, Body, Causes, Context, Duration, EMPTY_REPLY, HttpTarget, NodeCall, Packet, PacketStep,
    Process, Protocol, RequestId, Timer,
};

use super::ApiServer;
use super::node_proxy::Forwarded;

/// The port of kubelets, and that of HTTP.
const KUBELET: &str = "10250";
const HTTP: u32 = 80;
/// How long the server tries to reach something.
const DIAL_TIMEOUT: Duration = Duration::seconds(30);
/// The timer of that.
pub(super) const TIMER: &str = "proxy";

/// A request that something in the cluster is asked.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Proxied {
    from: Process,
    id: RequestId,
    ip: u32,
    port: u32,
}

/// The requests under way, by the number of the packet.
pub(super) type Calls = BTreeMap<u64, Proxied>;

/// Where a request goes.
enum Place {
    Kubelet {
        node: Key,
        machine: u32,
        host: Str,
    },
    Node {
        machine: u32,
        ip: u32,
        port: u32,
    },
    /// Nothing is known of the machine where the address belongs to no pod.
    Pod {
        machine: Option<u32>,
        ip: u32,
        port: u32,
    },
}

impl ApiServer {
    /// Passes a request on, or says why not.
    pub(super) fn proxy(
        &mut self,
        from: Process,
        id: RequestId,
        request: &Request,
        store: &Store,
        cx: &mut Context<'_>,
    ) -> Option<Result<Reply, Status>> {
        let path = request.body["path"].str();
        let (to, ip, port, step) = match self.place(request, store, cx) {
            Err(status) => return Some(Err(status)),
            Ok(Place::Kubelet { node, machine, host }) => {
                let number = cx.core.fresh_id();
                let (pod, container, part) = (node, Str::new(), Subresource::Proxy);
                self.forwarded.insert(number, Forwarded { from, id, machine, host, pod, container, part });
                cx.send(Process::Kubelet(machine), Body::NodeCall(number, NodeCall::Get(path)));
                return None;
            }
            Ok(Place::Node { machine, ip, port }) => {
                (Some(Process::KubeProxy(machine)), ip, port, PacketStep::ToService { ip, port })
            }
            Ok(Place::Pod { machine, ip, port }) => {
                (machine.map(Process::Runtime), ip, port, PacketStep::ToPod { ip, port })
            }
        };
        let number = cx.core.fresh_id();
        self.proxied.insert(number, Proxied { from, id, ip, port });
        let host = Ipv4Addr::from(ip).to_string().into();
        let tls = request.body["tls"].as_bool() == Some(true);
        let (method, body) = (request.body["method"].str(), request.body["body"].str());
        let packet = Packet {
            number,
            origin: cx.me,
            client: API_SERVER,
            text: path.clone(),
            protocol: Protocol::Tcp,
            http: Some(Arc::new(HttpTarget { method, tls, host, path, body, ..HttpTarget::default() })),
            step,
        };
        if let Some(to) = to {
            cx.send(to, Body::Packet(packet));
        }
        cx.because(Causes::none(), |cx| cx.timer(DIAL_TIMEOUT, Timer { number, ..Timer::named(TIMER) }));
        None
    }

    /// What a request names: `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT`.
    fn place(&mut self, request: &Request, store: &Store, cx: &Context<'_>) -> Result<Place, Status> {
        let invalid = |what: &str| {
            let why = format!("invalid {what} request {:?}", request.name.as_str());
            Err(Status::bad_request(why))
        };
        let what = request.kind.info().singular;
        let parts: Vec<&str> = request.name.split(':').collect();
        let (name, port) = match parts.as_slice() {
            [name] => (*name, ""),
            [name, port] => (*name, *port),
            ["" | "http" | "https", name, port] => (*name, *port),
            _ => return invalid(what),
        };
        if name.is_empty() {
            return invalid(what);
        }
        let key = Key::new(request.kind, request.namespace.clone(), name);
        match request.kind {
            Kind::Node => node(&key, port, store, cx),
            Kind::Pod => pod(&key, port, store, cx),
            _ => self.service(&key, port, &request.name, store, cx),
        }
    }

    /// One of the pods behind a Service, as its Endpoints have them.
    fn service(
        &mut self,
        key: &Key,
        port: &str,
        asked: &str,
        store: &Store,
        cx: &Context<'_>,
    ) -> Result<Place, Status> {
        let mut port = Str::from(port);
        if let Ok(number) = port.parse::<i64>() {
            let service = store.get(key).ok_or_else(|| Status::not_found(key))?;
            let ports = service.body["spec"]["ports"].items();
            let found = ports.iter().find(|port| port["port"].as_i64() == Some(number));
            port = found.map(|port| port["name"].str()).ok_or_else(|| {
                unavailable(format!("no service port {number} found for service \"{}\"", key.name))
            })?;
        }
        let endpoints = Key { kind: Kind::Endpoints, ..key.clone() };
        let endpoints = store.get(&endpoints).ok_or_else(|| Status::not_found(&endpoints))?;
        let subsets = endpoints.body["subsets"].items();
        if subsets.is_empty() {
            return Err(unavailable(format!("no endpoints available for service \"{}\"", key.name)));
        }
        let mut found = Vec::new();
        for subset in subsets {
            let of_port = subset["ports"].items().iter().filter(|one| one["name"].str() == port);
            for number in of_port.filter_map(|one| u32::try_from(one["port"].as_i64()?).ok()) {
                found.extend(subset["addresses"].items().iter().map(|address| (address, number)));
            }
        }
        if found.is_empty() {
            return Err(unavailable(format!("no endpoints available for service \"{asked}\"")));
        }
        let (address, port) = found[self.random.below(found.len() as u64) as usize];
        let ip = address["ip"].as_str().and_then(|ip| ip.parse::<Ipv4Addr>().ok()).ok_or_else(not_allowed)?;
        Ok(Place::Pod { machine: machine(&address["nodeName"].str(), cx), ip: u32::from(ip), port })
    }

    /// Something came from the data plane: an answer, or a request.
    pub fn packet(&mut self, packet: Packet, store: &mut Store, cx: &mut Context<'_>) {
        let PacketStep::Answer { status, detail } = &packet.step else {
            return self.asked_from_inside(packet, store, cx);
        };
        let Some(call) = self.proxied.remove(&packet.number) else { return };
        let result = match status {
            Some(status) => Ok(Reply::Http(*status, packet.text.clone())),
            None if *detail == EMPTY_REPLY => {
                Err(Box::new(unavailable("error trying to reach service: EOF".into())))
            }
            None => Err(Box::new(call.unreachable(&format!("connect: {detail}")))),
        };
        cx.send(call.from, Body::Response(call.id, result));
    }

    /// Nothing came back.
    pub(super) fn proxy_timed_out(&mut self, number: u64, cx: &mut Context<'_>) {
        if let Some(call) = self.proxied.remove(&number) {
            self.failed += 1;
            let status = call.unreachable("i/o timeout");
            cx.send(call.from, Body::Response(call.id, Err(Box::new(status))));
        }
    }

    /// The server ends: whoever waits loses the connection.
    pub(super) fn drop_proxied(&mut self, cx: &mut Context<'_>) {
        for call in std::mem::take(&mut self.proxied).into_values() {
            let gone = Status { transport: true, ..unavailable("unexpected EOF".into()) };
            cx.core.reply_locally(
                call.from,
                call.id,
                Err(Box::new(gone)),
                Duration::millis(1),
                cx.causes.clone(),
            );
        }
    }
}

impl Proxied {
    fn unreachable(&self, why: &str) -> Status {
        unreachable_at(&format!("{}:{}", Ipv4Addr::from(self.ip), self.port), why)
    }
}

/// 503: nobody answers at an address.
pub(super) fn unreachable_at(address: &str, why: &str) -> Status {
    unavailable(format!("error trying to reach service: dial tcp {address}: {why}"))
}

fn unavailable(why: String) -> Status {
    Status::new(Reason::ServiceUnavailable, why)
}

fn not_allowed() -> Status {
    Status::bad_request("address not allowed")
}

fn machine(node: &str, cx: &Context<'_>) -> Option<u32> {
    let at = cx.core.machines.iter().position(|machine| machine.name == node)?;
    u32::try_from(at).ok()
}

fn node(key: &Key, port: &str, store: &Store, cx: &Context<'_>) -> Result<Place, Status> {
    let object = store.get(key).ok_or_else(|| Status::not_found(key))?;
    let addresses = object.body["status"]["addresses"].items();
    let host = addresses.iter().find(|address| address["type"].as_str() == Some("InternalIP"));
    let host = host.map_or(Str::new(), |address| address["address"].str());
    let (Some(machine), Ok(ip)) = (machine(&key.name, cx), host.parse::<Ipv4Addr>()) else {
        return Err(not_allowed());
    };
    if matches!(port, "" | KUBELET) {
        return Ok(Place::Kubelet { node: key.clone(), machine, host });
    }
    Ok(Place::Node { machine, ip: u32::from(ip), port: number(port, key)? })
}

/// Without a port the first that the pod names is meant.
fn pod(key: &Key, port: &str, store: &Store, cx: &Context<'_>) -> Result<Place, Status> {
    let object = store.get(key).ok_or_else(|| Status::not_found(key))?;
    let first = || -> Option<u32> {
        let containers = object.body["spec"]["containers"].items().iter();
        let port = containers.flat_map(|container| container["ports"].items()).next()?;
        u32::try_from(port["containerPort"].as_i64()?).ok()
    };
    let port = if port.is_empty() { first().unwrap_or(HTTP) } else { number(port, key)? };
    let ip = object.body["status"]["podIP"].as_str().and_then(|ip| ip.parse::<Ipv4Addr>().ok());
    let ip = u32::from(ip.ok_or_else(not_allowed)?);
    let machine = object.view::<Pod>().and_then(|pod| machine(&pod.node_name, cx));
    Ok(Place::Pod { machine, ip, port })
}

fn number(port: &str, key: &Key) -> Result<u32, Status> {
    let number = port.parse::<u16>().ok().filter(|port| *port > 0);
    number.map(u32::from).ok_or_else(|| {
        unavailable(format!(
            "error trying to reach service: dial tcp: lookup tcp/{port}: unknown port ({})",
            key.name
        ))
    })
}

/// What of a request for a proxy is passed on, as a document.
pub(super) fn options(method: &str, tls: bool, path: &str, body: &Str) -> Doc {
    crate::doc!({ "method": method, "tls": tls, "path": path, "body": body })
}
