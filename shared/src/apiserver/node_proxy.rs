//! `pods/log`, `pods/exec`, `pods/attach` and `pods/portforward`: the server checks what it can, the kubelet of the pod's node has the answer.
//!
//! The call is a message like any other, so that it takes its time and can be cut off on the way.

use crate::api::core::pod::Pod;
use crate::api::{CauseDetail, Key, Reason, Reply, Request, Status, Subresource};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::Store;
use crate::sim::{
    Body, Causes, Context, Duration, ExecOptions, LogOptions, NodeCall, NodeReply, Process, RequestId,
};

use super::http::{exec_doc, stream_input};
use super::{ApiServer, admission, proxy};

/// How long the server tries to reach a kubelet whose machine does not answer.
const DIAL_TIMEOUT: Duration = Duration::seconds(30);

/// A request whose answer a kubelet has.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Forwarded {
    pub from: Process,
    pub id: RequestId,
    pub machine: u32,
    /// The node's address, as its kubelet reports it.
    pub host: Str,
    /// The pod and its container (or the node alone), and what of it is meant.
    pub pod: Key,
    pub container: Str,
    pub part: Subresource,
}

/// The requests under way, by the number of the call.
pub(super) type Calls = BTreeMap<u64, Forwarded>;

impl ApiServer {
    /// Passes a request on to the kubelet, or answers it at once where there is nothing to pass on.
    pub(super) fn forward(
        &mut self,
        from: Process,
        id: RequestId,
        request: &Request,
        store: &Store,
        cx: &mut Context<'_>,
    ) -> Option<Result<Reply, Status>> {
        let Place { machine, host, container } = match locate(request, store, cx) {
            Ok(Some(place)) => place,
            // No node, no log.
            Ok(None) => return Some(Ok(Reply::Doc(Doc::from("")))),
            Err(status) => return Some(Err(status)),
        };
        if request.options.dry_run {
            // Whether there would be a connection was the question.
            return Some(Ok(Reply::Doc(doc!({}))));
        }
        let (pod, part) = (request.key(), request.subresource);
        let options = || ExecOptions { container: container.clone(), ..ExecOptions::read(&request.body) };
        let call = match (request.subresource, stream_input(&request.body)) {
            (Subresource::Exec | Subresource::Attach, Some((stream, input))) => {
                NodeCall::Input(pod.clone(), stream, input)
            }
            (Subresource::Exec, None) => NodeCall::Exec(pod.clone(), options()),
            (Subresource::Attach, None) => NodeCall::Attach(pod.clone(), options()),
            (Subresource::PortForward, _) => {
                let port = request.body["port"].as_i64().and_then(|port| u32::try_from(port).ok());
                NodeCall::Forward(pod.clone(), port.unwrap_or(0), request.body["stdin"].str())
            }
            _ => NodeCall::Logs(
                pod.clone(),
                LogOptions { container: container.clone(), ..LogOptions::read(&request.body) },
            ),
        };
        let number = cx.core.fresh_id();
        self.forwarded.insert(number, Forwarded { from, id, machine, host, pod, container, part });
        cx.send(Process::Kubelet(machine), Body::NodeCall(number, call));
        None
    }

    /// A kubelet answered.
    pub fn node_replied(&mut self, number: u64, reply: NodeReply, cx: &mut Context<'_>) {
        let Some(call) = self.forwarded.get(&number) else { return };
        let (from, id, part) = (call.from, call.id, call.part);
        let result = match reply {
            NodeReply::Part(text) => Ok(Reply::Part(text)),
            NodeReply::Log(text) => Ok(Reply::Doc(Doc::Str(text))),
            NodeReply::Output(to_err, text) => Ok(Reply::Output(to_err, text)),
            NodeReply::Exec(result) => Ok(Reply::Doc(exec_doc(&result))),
            NodeReply::Taken => Ok(Reply::Doc(doc!({}))),
            NodeReply::Http(status, text) if part == Subresource::Proxy => Ok(Reply::Http(status, text)),
            NodeReply::Http(status, text) => Ok(Reply::Doc(doc!({ "status": status, "text": text }))),
            NodeReply::Refused(0, why) => Err(internal(why.to_string())),
            NodeReply::Refused(_, why) if part.is_connection() => {
                Err(internal(format!("unable to upgrade connection: {why}")))
            }
            NodeReply::Refused(400, why) => Err(Status::bad_request(why)),
            NodeReply::Refused(404, _) => {
                let message =
                    format!("the server could not find the requested resource ( pods/log {})", call.pod.name);
                Err(Status {
                    name: call.pod.name.clone(),
                    kind: "pods/log".into(),
                    ..Status::new(Reason::NotFound, message)
                })
            }
            NodeReply::Refused(_, why) => Err(internal(why.to_string())),
        };
        if !matches!(result, Ok(Reply::Part(_) | Reply::Output(..))) {
            self.forwarded.remove(&number);
        }
        cx.send(from, Body::Response(id, result.map_err(Box::new)));
    }

    /// A call did not reach its kubelet: nobody listens there, or nothing comes back.
    pub fn node_unreachable(&mut self, number: u64, refused: bool, cx: &mut Context<'_>) {
        let Some(call) = self.forwarded.remove(&number) else { return };
        let host = &call.host;
        let (wait, why) = if refused {
            (Duration::millis(1), "connect: connection refused")
        } else {
            (DIAL_TIMEOUT, "i/o timeout")
        };
        let dial = format!("dial tcp {host}:10250: {why}");
        if call.part == Subresource::Proxy {
            let status = proxy::unreachable_at(&format!("{host}:10250"), why);
            return cx.send_after(wait, call.from, Body::Response(call.id, Err(Box::new(status))));
        }
        let message = if call.part.is_connection() {
            format!("error dialing backend: {dial}")
        } else {
            let (namespace, pod) = (&call.pod.namespace, &call.pod.name);
            format!("Get \"https://{host}:10250/containerLogs/{namespace}/{pod}/{}\": {dial}", call.container)
        };
        let status = Status::new(Reason::Unknown, message);
        cx.send_after(wait, call.from, Body::Response(call.id, Err(Box::new(status))));
    }

    /// A kubelet ended with calls under way, or its machine fell silent (then that is noticed later).
    pub fn kubelet_gone(&mut self, machine: u32, silent: bool, cx: &mut Context<'_>) {
        let wait = if silent { DIAL_TIMEOUT } else { Duration::ZERO };
        let mut broken = Vec::new();
        self.forwarded.retain(|_, call| {
            let lost = call.machine == machine;
            if lost {
                broken.push((call.from, call.id));
            }
            !lost
        });
        for (from, id) in broken {
            let status = Status::new(Reason::Unknown, "unexpected EOF");
            cx.send_after(wait, from, Body::Response(id, Err(Box::new(status))));
        }
    }

    /// The server ends: whoever waits for a kubelet's answer loses the connection.
    pub(super) fn drop_forwarded(&mut self, cx: &mut Context<'_>) {
        for call in std::mem::take(&mut self.forwarded).into_values() {
            let status =
                Status { transport: true, ..Status::new(Reason::ServiceUnavailable, "unexpected EOF") };
            cx.core.reply_locally(
                call.from,
                call.id,
                Err(Box::new(status)),
                Duration::millis(1),
                Causes::none(),
            );
        }
    }
}

fn internal(why: String) -> Status {
    let cause = CauseDetail { reason: "", message: why.as_str().into(), field: Str::new() };
    Status {
        causes: vec![cause],
        ..Status::new(Reason::InternalError, format!("Internal error occurred: {why}"))
    }
}

/// Where a kubelet is, and which container is meant.
struct Place {
    machine: u32,
    host: Str,
    container: Str,
}

/// Where the pod's kubelet is, and which container is meant; `None` for a pod without a node.
fn locate(request: &Request, store: &Store, cx: &Context<'_>) -> Result<Option<Place>, Status> {
    let connection = request.subresource.is_connection();
    if !connection {
        check_log_options(request)?;
    }
    let key = request.key();
    let object = store.get(&key).ok_or_else(|| Status::not_found(&key))?;
    let Some(pod) = object.view::<Pod>() else { return Err(Status::not_found(&key)) };
    let wanted = request.body["container"].str();
    let own = pod.spec.init_containers.iter().chain(&pod.spec.containers).map(|it| &it.name);
    let beside = pod.spec.ephemeral_containers.iter().map(|it| &it.name);
    let mut names = own.clone().chain(beside);
    let container = if !wanted.is_empty() {
        if !names.any(|name| *name == wanted) {
            let why = format!("container {wanted} is not valid for pod {}", key.name);
            return Err(Status::bad_request(why));
        }
        wanted
    } else if request.subresource == Subresource::PortForward || stream_input(&request.body).is_some() {
        Str::new()
    } else if let [only] = pod.spec.containers.as_slice() {
        only.name.clone()
    } else {
        let names: Vec<&str> = own.map(Str::as_str).collect();
        return Err(Status::bad_request(format!(
            "a container name must be specified for pod {}, choose one of: [{}]",
            key.name,
            names.join(" ")
        )));
    };
    if connection && stream_input(&request.body).is_none() {
        admission::connecting(request, &container, store)?;
    }
    let node = pod.node_name.as_str();
    if node.is_empty() {
        let why = format!("pod {} does not have a host assigned", key.name);
        return if connection { Err(Status::bad_request(why)) } else { Ok(None) };
    }
    let runs = request.subresource == Subresource::Exec && stream_input(&request.body).is_none();
    if runs && !request.options.dry_run && request.body["command"].items().is_empty() {
        return Err(Status::bad_request("you must specify at least 1 command for the container"));
    }
    let machine = cx.core.machines.iter().position(|machine| machine.name == node);
    let node = Key::new(crate::api::Kind::Node, Str::new(), node);
    let (Some(machine), Some(object)) = (machine, store.get(&node)) else {
        return Err(Status::not_found(&node));
    };
    let addresses = object.body["status"]["addresses"].items();
    let host = addresses.iter().find(|address| address["type"].as_str() == Some("InternalIP"));
    let host = host.map_or(Str::new(), |address| address["address"].str());
    Ok(Some(Place { machine: machine as u32, host, container }))
}

fn check_log_options(request: &Request) -> Result<(), Status> {
    let options = LogOptions::read(&request.body);
    let mut causes = Vec::new();
    let mut refuse = |field: &'static str, why: String, reason| {
        causes.push(CauseDetail { reason, message: why.into(), field: field.into() });
    };
    for (field, number, least, why) in [
        ("tailLines", options.tail_lines, 0, "greater than or equal to 0"),
        ("limitBytes", options.limit_bytes, 1, "greater than 0"),
        ("sinceSeconds", options.since_seconds.filter(|_| options.since_time.is_none()), 1, "greater than 0"),
    ] {
        if let Some(number) = number.filter(|number| *number < least) {
            refuse(field, format!("Invalid value: {number}: must be {why}"), "FieldValueInvalid");
        }
    }
    if options.since_seconds.is_some() && options.since_time.is_some() {
        let why = "Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified";
        refuse("", why.into(), "FieldValueForbidden");
    }
    if causes.is_empty() {
        return Ok(());
    }
    let key = request.key();
    let faults: Vec<String> =
        causes.iter().map(|cause| format!("{}: {}", cause.field, cause.message)).collect();
    let list = if let [one] = faults.as_slice() { one.clone() } else { format!("[{}]", faults.join(", ")) };
    let message = format!("PodLogOptions \"{}\" is invalid: {list}", key.name);
    Err(Status {
        name: key.name,
        kind: "PodLogOptions".into(),
        causes,
        ..Status::new(Reason::Invalid, message)
    })
}
