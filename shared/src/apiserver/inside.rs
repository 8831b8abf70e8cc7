//! Requests that programs in pods send over the cluster's network, as `curl https://kubernetes.default.svc/api/…` does: what
//! they ask is asked of this server like anything else, and the answer goes back the way it came.

use std::sync::Arc;

use crate::api::{Reason, Reply, Request, Status, Subresource, User, Verb};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, literal};
use crate::etcd::Store;
use crate::sim::{Body, Context, HttpTarget, Packet, PacketStep, RequestId};

use super::http::{self, HttpRequest};
use super::{ApiServer, is_for_others};

/// What is open to everybody: the ClusterRole `system:public-info-viewer`.
const PUBLIC: [&str; 4] = ["/healthz", "/livez", "/readyz", "/version"];

/// Requests under way.
pub(super) type Calls = BTreeMap<RequestId, Inside>;

/// Where an answer goes, and what it answers.
#[derive(Codec, Clone, Debug, Hash)]
pub(super) struct Inside {
    packet: Packet,
    http: HttpRequest,
    request: Arc<Request>,
}

impl ApiServer {
    /// A request came from a pod.
    pub(super) fn asked_from_inside(&mut self, packet: Packet, store: &mut Store, cx: &mut Context<'_>) {
        let Some(target) = packet.http.clone() else { return refuse(packet, cx) };
        if !target.tls {
            let text = "Client sent an HTTP request to an HTTPS server.\n";
            return answer(packet, 400, text.into(), cx);
        }
        let http = request(&target);
        let user = self.authenticate(&http, anonymous(), store, cx.timestamp());
        let request = user.and_then(|user| http::decode(&http, user, store)).and_then(admitted);
        match request {
            Ok(request) => {
                let (id, request) = (cx.core.fresh_id(), Arc::new(request));
                self.inside.insert(id, Inside { packet, http, request: Arc::clone(&request) });
                let life = cx.core.incarnation(cx.me);
                self.handle((cx.me, life), id, &request, store, cx);
            }
            Err(status) => {
                let response = http::HttpResponse::from(&status);
                answer(packet, response.code, text_of(&response.body), cx);
            }
        }
    }

    /// What a pod asked was answered.
    pub fn answered_inside(
        &mut self,
        id: RequestId,
        result: &Result<Reply, Box<Status>>,
        cx: &mut Context<'_>,
    ) {
        let Some(Inside { packet, http, request }) = self.inside.remove(&id) else { return };
        let response = http::encode(result, &request, &http, cx.timestamp());
        answer(packet, response.code, text_of(&response.body), cx);
    }
}

/// The same as it would come from outside. What is sent without a word of what it is counts as a form, to curl as well.
fn request(target: &HttpTarget) -> HttpRequest {
    let said = !target.content_type.is_empty() || target.body.is_empty();
    let form = literal!("application/x-www-form-urlencoded");
    HttpRequest {
        method: target.method.clone(),
        path: target.path.clone(),
        content_type: if said { target.content_type.clone() } else { form },
        authorization: target.authorization.clone(),
        body: target.body.clone(),
        ..HttpRequest::default()
    }
}

/// Who shows no credentials.
fn anonymous() -> User {
    User {
        impersonated: true,
        groups: vec![literal!("system:unauthenticated")],
        ..User::component(literal!("system:anonymous"))
    }
}

/// What can be answered in one piece.
fn admitted(request: Request) -> Result<Request, Status> {
    let path = &request.name;
    let public = PUBLIC.iter().any(|open| path.trim_matches('/').starts_with(open.trim_matches('/')));
    if request.subresource == Subresource::Document && request.user.name == "system:anonymous" && !public {
        let why =
            format!("forbidden: User \"system:anonymous\" cannot get path \"/{}\"", path.trim_matches('/'));
        return Err(Status::new(Reason::Forbidden, why));
    }
    if request.verb == Verb::Watch || is_for_others(&request) {
        return Err(Status::new(
            Reason::MethodNotAllowed,
            "a pod of this cluster cannot stream from the API server",
        ));
    }
    Ok(request)
}

/// As programs get it that people look at: the server indents what curl and wget ask for.
fn text_of(body: &Doc) -> Str {
    match body {
        Doc::Str(text) => text.clone(),
        Doc::Null => Str::new(),
        body => body.to_json_indented().into(),
    }
}

fn refuse(packet: Packet, cx: &mut Context<'_>) {
    answer(packet, 403, Str::new(), cx);
}

fn answer(packet: Packet, status: u32, text: Str, cx: &mut Context<'_>) {
    let step = PacketStep::Answer { status: Some(status), detail: literal!("kube-apiserver") };
    cx.send(packet.origin, Body::Packet(Packet { step, text, ..packet }));
}
