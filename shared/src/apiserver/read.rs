//! Get and list.

use std::sync::Arc;

use crate::api::{FieldSelector, Key, Kind, NAMES, Object, Reply, Request, Status, Subresource};
use crate::doc::Doc;
use crate::etcd::Store;
use crate::sim::{Context, Process};

use super::{ApiServer, Call, Remote, definitions, discovery, metrics, parts};

impl ApiServer {
    pub(super) fn get(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        if call.request.subresource == Subresource::Document {
            let accept = call.request.body.str();
            let has_etcd = self.has_etcd(call.cx);
            let name = &call.request.name;
            if name == "metrics" {
                let text = metrics::text(&self.watches, has_etcd, call.store);
                return Ok(Reply::Doc(Doc::from(text)));
            }
            return discovery::document(name, &accept, has_etcd, self.signer, call.store).map(Reply::Doc);
        }
        if call.request.kind == Kind::ComponentStatus {
            let has_etcd = self.has_etcd(call.cx);
            return call.component_status(has_etcd).map(|object| Reply::Object(object, false));
        }
        let newest = call.store.revision();
        if let Some(wanted) = call.request.options.resource_version.filter(|wanted| *wanted > newest) {
            return Err(Status::too_large_version(wanted, newest));
        }
        let object = call.existing(&call.request.key())?;
        match call.request.subresource {
            Subresource::Scale => {
                let custom = definitions::of_kind(call.store, object.key.kind)?;
                parts::existing_scale(&object, custom.as_ref()).map(Reply::Doc)
            }
            _ => Ok(Reply::Object(object, false)),
        }
    }

    /// Whether enough of etcd is there to answer.
    fn has_etcd(&self, cx: &Context<'_>) -> bool {
        let members = self.remote().map_or(1, Remote::members);
        let (me, core) = (cx.me, &cx.core);
        let there = |member: &u32| {
            let etcd = Process::Etcd(*member);
            core.running(etcd) && core.links.open(me, etcd)
        };
        (0..members).filter(there).count() as u32 > members / 2
    }

    /// Answers a request that changes nothing, at once.
    pub(crate) fn look(
        &mut self,
        request: &Request,
        store: &mut Store,
        cx: &mut Context<'_>,
    ) -> Result<Reply, Status> {
        self.execute(request, store, cx).0
    }

    /// What watchers of this server may see: its cache, or all there is.
    pub(crate) fn seen<'a>(&'a self, store: &'a Store) -> &'a Store {
        self.cached().unwrap_or(store)
    }

    pub(super) fn list(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        if call.request.kind == Kind::ComponentStatus {
            let items = call.component_statuses(self.has_etcd(call.cx));
            return Ok(Reply::List(Arc::new(items), call.store.revision()));
        }
        if !call.request.options.pages.is_plain() {
            return self.page(call);
        }
        let items = select(call)?;
        Ok(Reply::List(Arc::new(items), call.store.revision()))
    }
}

/// The objects that a request for a collection means.
pub(super) fn select(call: &Call<'_, '_>) -> Result<Vec<Arc<Object>>, Status> {
    let request = call.request;
    definitions::of_kind(call.store, request.kind)?;
    check_fields(request)?;
    let fits = |object: &&Arc<Object>| is_selected(request, object);
    let in_one_place = !request.kind.info().namespaced || !request.namespace.is_empty();
    if let Some(name) = request.options.fields.required("metadata.name").filter(|_| in_one_place) {
        let key = Key { kind: request.kind, namespace: request.namespace.clone(), name: name.clone() };
        return Ok(call.store.get(&key).filter(fits).cloned().into_iter().collect());
    }
    Ok(if request.namespace.is_empty() {
        call.store.list(request.kind).filter(fits).cloned().collect()
    } else {
        call.store.list_namespace(request.kind, &request.namespace).filter(fits).cloned().collect()
    })
}

/// Whether the kind can be selected by the fields that a request names.
pub(super) fn check_fields(request: &Request) -> Result<(), Status> {
    let resource = request.kind.resource();
    if let Some((path, ..)) =
        request.options.fields.0.iter().find(|(path, ..)| !resource.fields().contains(&path.as_str()))
    {
        // Kinds with fields of their own say it in another way than those with none.
        if resource.fields() != NAMES {
            return Err(Status::bad_request(format!("field label not supported: {path}")));
        }
        let known: Vec<String> = resource.fields().iter().map(|field| format!("{field:?}")).collect();
        let known = known.join(", ");
        return Err(Status::bad_request(format!("{path:?} is not a known field selector: only {known}")));
    }
    Ok(())
}

/// Whether an object is one of those that a request for a collection means.
pub(super) fn is_selected(request: &Request, object: &Object) -> bool {
    let options = &request.options;
    object.key.kind == request.kind
        && (request.namespace.is_empty() || request.namespace == object.key.namespace)
        && options.labels.matches(&object.meta.labels)
        && fields_match(object, &options.fields)
}

/// Whether an object's fields are as the selector wants them.
pub(super) fn fields_match(object: &Object, selector: &FieldSelector) -> bool {
    let resource = object.key.kind.resource();
    selector.0.iter().all(|(path, value, equal)| {
        resource.field(object, path).is_some_and(|field| (field == *value) == *equal)
    })
}
