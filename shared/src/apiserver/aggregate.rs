//! Aggregation: `metrics.k8s.io` is not this server's own; requests for it go on to the metrics-server that an
//! APIService names, as long as one is ready. Without one, a CustomResourceDefinition may stand in for it.

use std::sync::Arc;

use crate::api::apiregistration::apiservice::{self, DEFAULT_PORT, Server};
use crate::api::discovery::endpointslice::EndpointSlice;
use crate::api::{Key, Kind, Object, Reply, Request, Status, Subresource, Verb};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::{Revision, Store};
use crate::sim::{Body, Context, Metrics, Process, Query, RequestId};

use super::{ApiServer, Call, authorization, definitions, discovery, read};

const METRICS: &str = "v1beta1.metrics.k8s.io";

impl ApiServer {
    /// Hands a request on, or says why not.
    pub(super) fn aggregate(
        &mut self,
        asker: (Process, RequestId),
        request: &Arc<Request>,
        store: &mut Store,
        cx: &mut Context<'_>,
    ) {
        if let Some(answer) = stand_in(request, store, cx) {
            let (from, id) = asker;
            self.failed += u64::from(answer.is_err());
            return cx.send(from, Body::Response(id, answer.map_err(Box::new)));
        }
        match query(asker, request, store, cx) {
            Ok((machine, query)) => {
                cx.send(Process::Runtime(machine), Body::Metrics(Metrics::Query(Arc::new(query))));
            }
            Err(status) => {
                self.failed += 1;
                let (from, id) = asker;
                cx.send(from, Body::Response(id, Err(Box::new(status))));
            }
        }
    }
}

impl Call<'_, '_> {
    /// Keeps the condition of APIServices true when the endpoints of their servers or they themselves changed.
    pub(super) fn judge_services(&mut self) {
        let concerned = |revision: &Revision| {
            let key = &revision.object.key;
            let leads =
                |to: &Arc<Object>| to.body["spec"]["service"]["namespace"].as_str() == Some(&key.namespace);
            match key.kind {
                Kind::ApiService => true,
                Kind::Service | Kind::EndpointSlice => self.store.list(Kind::ApiService).any(leads),
                _ => false,
            }
        };
        if !self.written.iter().any(concerned) {
            return;
        }
        let all: Vec<Arc<Object>> = self.store.list(Kind::ApiService).cloned().collect();
        for service in all {
            let found = server(&service, self.store);
            if let Some(judged) = apiservice::judged(&service, found, self.cx.timestamp()) {
                self.put(judged);
            }
        }
    }
}

/// The groups and versions for which other servers are registered that do not answer. None of them is played here but
/// metrics-server.
pub(super) fn unanswered(store: &Store) -> Vec<(Str, Str)> {
    let registered =
        store.list(Kind::ApiService).filter(|registered| !registered.body["spec"]["service"].is_null());
    let named = registered.filter_map(|registered| {
        let spec = &registered.body["spec"];
        let (group, version) = (spec["group"].str(), spec["version"].str());
        let answers = match registered.key.name == METRICS {
            true => endpoint(registered, store).is_some(),
            false => discovery::has_version(&group, &version, store),
        };
        (!answers).then_some((group, version))
    });
    named.collect()
}

/// What is said of a path below such a group and version.
pub(super) fn no_server(path: &str, store: &Store) -> Option<Status> {
    let mut steps = path.trim_matches('/').split('/');
    let (root, group, version) = (steps.next()?, steps.next()?, steps.next()?);
    let below = |(of, at): &(Str, Str)| *of == group && *at == version;
    (root == "apis" && unanswered(store).iter().any(below)).then(Status::no_server)
}

/// What objects of a definition say that stands in for the metrics API, where no server is registered for that.
fn stand_in(request: &Request, store: &mut Store, cx: &mut Context<'_>) -> Option<Result<Reply, Status>> {
    if discovery::has_metrics(store) {
        return None;
    }
    let custom = definitions::at_path(store, discovery::METRICS, "v1beta1", request.kind.info().plural)?;
    let (kind, subresource) = (custom.kind, Subresource::None);
    let request = &Request { kind, subresource, ..request.clone() };
    let call = Call { store, cx, request, written: Vec::new(), warnings: Vec::new(), draft: false };
    let answer = authorization::authorize(request, call.store).and_then(|()| match request.verb {
        Verb::Get => call.existing(&request.key()).map(|object| Reply::Doc(custom.shown(&object.to_doc()))),
        _ => {
            let items = read::select(&call)?.into_iter().map(|object| custom.shown(&object.to_doc()));
            Ok(Reply::Doc(doc!({ "kind": custom.list_kind(), "items": Doc::list(items) })))
        }
    });
    Some(answer)
}

fn query(
    asker: (Process, RequestId),
    request: &Arc<Request>,
    store: &mut Store,
    cx: &mut Context<'_>,
) -> Result<(u32, Query), Status> {
    authorization::authorize(request, store)?;
    let registered = Key::new(Kind::ApiService, Str::new(), METRICS);
    let registered = store.get(&registered).cloned().ok_or_else(|| Status::no_metrics_api(request))?;
    if !matches!(request.verb, Verb::Get | Verb::List) {
        return Err(Status::method_not_allowed());
    }
    let found = endpoint(&registered, store).and_then(|(node, server)| {
        let machine = (0u32..).zip(&cx.core.machines).find(|(_, machine)| machine.name == node)?.0;
        Some((machine, server))
    });
    let (machine, server) = found.ok_or_else(|| Status::metrics_unavailable(request))?;
    let objects = if request.verb == Verb::Get {
        store.get(&request.key()).cloned().into_iter().collect()
    } else {
        let call = Call { store, cx, request, written: Vec::new(), warnings: Vec::new(), draft: false };
        read::select(&call)?
    };
    Ok((machine, Query { asker, request: Arc::clone(request), server, objects }))
}

/// The name of the Service behind which the server of an APIService is.
fn behind(registered: &Object) -> Key {
    let service = &registered.body["spec"]["service"];
    Key::new(Kind::Service, service["namespace"].str(), service["name"].str())
}

/// What is known of where that Service leads.
fn slices<'a>(service: &'a Key, store: &'a Store) -> impl Iterator<Item = &'a EndpointSlice> {
    let all = store.list_namespace(Kind::EndpointSlice, &service.namespace);
    let of = |slice: &Object| slice.meta.labels["kubernetes.io/service-name"].str();
    all.filter(move |slice| of(slice) == service.name).filter_map(|slice| slice.view())
}

/// How the server of an APIService is found.
fn server(registered: &Object, store: &Store) -> Server {
    let key = behind(registered);
    let Some(service) = store.get(&key) else { return Server::NoService };
    let port = registered.body["spec"]["service"]["port"].as_i64().unwrap_or(DEFAULT_PORT);
    let spec = &service.body["spec"];
    if spec["type"].str() == "ClusterIP" {
        if !spec["ports"].items().iter().any(|known| known["port"].as_i64() == Some(port)) {
            return Server::NoPort;
        }
        if slices(&key, store).next().is_none() {
            return Server::NoEndpoints;
        }
    }
    if endpoint(registered, store).is_some() { Server::Ready } else { Server::NotReady }
}

/// Node and pod of a ready server of an APIService.
fn endpoint(registered: &Object, store: &Store) -> Option<(Str, Str)> {
    let service = behind(registered);
    let mut endpoints = slices(&service, store).flat_map(|slice| &slice.endpoints);
    let ready = endpoints.find(|endpoint| endpoint.ready && !endpoint.node_name.is_empty())?;
    Some((ready.node_name.clone(), ready.pod.clone()))
}
