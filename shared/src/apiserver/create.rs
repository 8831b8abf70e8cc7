//! Create: a new object, its name, what admission makes of it, and the shortcuts for what there is most of.

use std::sync::Arc;

use crate::api::core::event::Said;
use crate::api::core::pod::merge_label_keys;
use crate::api::validation::Faults;
use crate::api::{Key, Kind, Meta, Object, Reason, Reply, Status, Subresource, Uid, Verb, warnings};
use crate::doc::{Doc, Str};
use crate::sim::{Random, hash_of};

use super::admission::service_account::{self, Sibling};
use super::write::{body_of, other_name, other_namespace, revision_of, validate};
use super::{ApiServer, Call, admission, allocate, bounds, definitions, managed, parts};

impl ApiServer {
    pub(super) fn create(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        match call.request.subresource {
            Subresource::None => {}
            Subresource::Binding => return parts::bind(self, call),
            Subresource::Eviction => return self.evict(call),
            Subresource::AccessReview => return self.review(call),
            Subresource::Token => return self.request_token(call),
            _ => return Err(Status::method_not_allowed()),
        }
        if let Some(said) = &call.request.said {
            return self.record(call, said);
        }
        match self.predecessor(call) {
            Some(sibling) => self.create_again(call, sibling),
            None => self.create_from(call, call.request.body.clone(), None),
        }
    }

    /// The pod before, when its controller asks for the very same again and nothing was written since that admission
    /// looks at: controllers make pods by the hundred.
    fn predecessor(&self, call: &Call<'_, '_>) -> Option<Sibling> {
        let (request, body) = (call.request, &call.request.body);
        if request.kind != Kind::Pod || call.is_from_outside() || !request.name.is_empty() {
            return None;
        }
        let sibling = self.family.sibling(controller_of(body)?)?;
        let nameless = body["metadata"]["name"].is_empty() && !body["metadata"]["generateName"].is_empty();
        let again = sibling.body.same(body)
            && sibling.object.key.namespace == request.namespace
            && nameless
            && body["spec"]["nodeName"].is_empty()
            && admission::stands(call.store, sibling.object.meta.resource_version);
        again.then(|| sibling.clone())
    }

    /// What became of the pod before becomes of this one, but for its name and UID.
    fn create_again(&mut self, call: &mut Call<'_, '_>, sibling: Sibling) -> Result<Reply, Status> {
        let request = call.request;
        let name = generated_name(&request.body["metadata"]["generateName"].str(), &mut self.random);
        let key = Key::new(request.kind, request.namespace.clone(), name);
        admission::namespace_lifecycle(&key, call.store)?;
        let uid = self.random.uuid();
        bounds::room(&key, call)?;
        if call.store.get(&key).is_some() {
            return Err(Status::already_exists(&key));
        }
        let before = &sibling.object;
        let creation = call.cx.timestamp().floor_seconds();
        let meta = Meta { uid, creation, common: Arc::clone(&before.meta.common), ..Meta::default() };
        let stored = call.put(Object::new(key, meta, before.body.clone(), Some(before)));
        if let Some(owner) = stored.meta.controller() {
            self.family.born(owner.uid, Sibling { object: Arc::clone(&stored), ..sibling });
        }
        Ok(Reply::Object(stored, true))
    }

    /// Creates an Event of one of the cluster's own components, which is well-formed: there is nothing of which there
    /// are as many.
    fn record(&mut self, call: &mut Call<'_, '_>, said: &Said) -> Result<Reply, Status> {
        let key = call.request.key();
        admission::namespace_lifecycle(&key, call.store)?;
        let uid = self.random.uuid();
        let mut faults = Faults::default();
        for message in key.kind.resource().name()(&key.name) {
            faults.invalid("metadata.name", &(&key.name).into(), message);
        }
        if !faults.0.is_empty() {
            return Err(Status::invalid(&key, faults.0));
        }
        admission::quota(call, &key, &Doc::Null, None)?;
        if call.store.get(&key).is_some() {
            return Err(Status::already_exists(&key));
        }
        let creation = call.cx.timestamp().floor_seconds();
        let object = Object::event(key, Meta { uid, creation, ..Meta::default() }, said.clone());
        if admission::is_asked(call.store) {
            admission::validating(call, &object.key, &object.to_doc(), None)?;
        }
        Ok(Reply::Object(call.put(object), true))
    }

    /// Creates an object; `applied` is the text it is applied from, if it is.
    pub(super) fn create_from(
        &mut self,
        call: &mut Call<'_, '_>,
        mut doc: Doc,
        applied: Option<&Doc>,
    ) -> Result<Reply, Status> {
        let request = call.request;
        let kind = request.kind;
        let custom = definitions::of_kind(call.store, kind)?;
        definitions::takes_more(custom.as_ref(), Verb::Create)?;
        let resource = definitions::behaviour(custom.as_ref(), kind);
        let name = name_of(&mut doc, kind, &request.namespace, &mut self.random)?;
        if !request.name.is_empty() && request.name != name {
            return Err(other_name(&name, &request.name));
        }
        if call.is_from_outside() && revision_of(&doc)? != 0 {
            let why = "resourceVersion should not be set on objects to be created";
            return Err(Status::new(Reason::Unknown, why));
        }
        let key = Key::new(kind, request.namespace.clone(), name);
        admission::namespace_lifecycle(&key, call.store)?;
        let owner = if kind == Kind::Pod { controller_of(&doc) } else { None };
        let sibling = owner.and_then(|owner| self.family.sibling(owner)).cloned();
        let mut asked = (doc["spec"].clone(), Doc::Null);
        resource.prepare_create(&mut doc);
        match &sibling {
            Some(Sibling { asked: (same, defaulted), .. }) if same.same(&asked.0) => {
                doc.set("spec", defaulted);
            }
            _ => resource.default(&mut doc),
        }
        asked.1 = doc["spec"].clone();
        if kind == Kind::CertificateSigningRequest {
            admission::requester(request, &mut doc);
        }
        let managed = call.writer().map(|writer| match applied {
            Some(config) => managed::after_first_apply(&writer, config),
            None => {
                // The server's own beginning of a status is nobody's.
                let mut written = doc.clone();
                if resource.info().subresources.contains(&Subresource::Status) {
                    written.remove("status");
                }
                managed::after_update(&writer, &Doc::Null, &Doc::Null, &written)
            }
        });
        let mut given = service_account::Given::default();
        let store = &*call.store;
        let mut account = |pod: &mut Doc, sibling: Option<&Sibling>| {
            // Pods of one owner share the volume with the token, and so their whole spec.
            let suffix = || match owner {
                Some(owner) => Random::stream(hash_of(&owner) as u64, "kube-api-access").suffix(5),
                None => self.random.suffix(5),
            };
            service_account::apply(&key, pod, store, sibling, suffix).map_err(|refusal| {
                self.held.is_coming = refusal.is_coming;
                Status::forbidden(&key, &refusal.why)
            })
        };
        admission::mutate(&key, &mut doc, store, |pod| {
            given = service_account::given(pod);
            account(pod, sibling.as_ref())
        })?;
        admission::mutating(call, &key, &mut doc, None, |doc| {
            resource.default(doc);
            admission::mutate(&key, doc, store, |pod| account(pod, None))?;
            Ok(())
        })?;
        if kind == Kind::Pod {
            merge_label_keys(&mut doc);
        } else if kind == Kind::Node && call.is_from_outside() {
            // The simulated kubelets' nodes are ready when they come.
            admission::taint_new_node(&mut doc);
        }
        // What was added may change what follows from it, as a pod's class of service.
        resource.prepare_create(&mut doc);
        let uid = self.random.uuid();
        resource.identify(&mut doc, &uid.text());
        // What is right for one pod of an owner is right for the next that is the same.
        let alike = sibling.as_ref().is_some_and(|Sibling { object, .. }| {
            object.body["spec"] == doc["spec"] && object.meta.annotations == doc["metadata"]["annotations"]
        });
        if let Some(sibling) = sibling.as_ref().filter(|_| alike) {
            doc.set("spec", &sibling.object.body["spec"]);
        }
        let mut meta = Meta::from_doc(&doc["metadata"]);
        meta.generation = i64::from(resource.info().has_generation);
        meta.deletion = None;
        if let Some(managed) = managed.filter(|managed| !managed.is_null()) {
            meta.managed_fields = managed;
        } else if !meta.managed_fields.is_null() {
            meta.managed_fields = Doc::Null;
        }
        // The controller's next pod differs from the one before by its name.
        let twin = sibling.as_ref().filter(|_| alike && !call.is_from_outside()).is_some_and(|sibling| {
            meta.share_with(&sibling.object.meta);
            Arc::ptr_eq(&meta.common, &sibling.object.meta.common) && resource.name()(&key.name).is_empty()
        });
        if !twin {
            validate(&key, resource, &doc, None, alike)?;
        }
        if call.is_from_outside() {
            call.warnings.extend(warnings::of(kind, &doc, None));
        }
        admission::validating(call, &key, &doc, None)?;
        admission::quota(call, &key, &doc, None)?;
        bounds::room(&key, call)?;
        allocate::addresses(kind, &mut doc, None, call.store, &mut self.random)?;
        if call.store.get(&key).is_some() {
            return Err(Status::already_exists(&key));
        }
        meta.uid = uid;
        meta.creation = call.cx.timestamp().floor_seconds();
        let mut body = body_of(&doc);
        parts::phase_moment(kind, &mut body, &Doc::Null, call.cx.timestamp());
        if call.is_from_outside() {
            bounds::check(&key, &mut meta, &body, applied.is_some())?;
        }
        let object = Object::new(key, meta, body, sibling.as_ref().map(|sibling| &*sibling.object));
        let stored = call.put(object);
        if let Some(owner) = owner {
            let (body, object) = (request.body.clone(), Arc::clone(&stored));
            self.family.born(owner, Sibling { body, asked, given, object });
        }
        Ok(Reply::Object(stored, true))
    }
}

/// The UID of the owner that manages a new object.
fn controller_of(doc: &Doc) -> Option<Uid> {
    let owners = doc["metadata"]["ownerReferences"].items();
    let owner = owners.iter().find(|owner| owner["controller"].as_bool() == Some(true))?;
    Some(Uid::parse(&owner["uid"].str()))
}

/// The object's name, drawn from `generateName` where it has none; also settles its namespace.
fn name_of(doc: &mut Doc, kind: Kind, namespace: &Str, random: &mut Random) -> Result<Str, Status> {
    let given = doc["metadata"]["namespace"].str();
    if kind.info().namespaced {
        if !given.is_empty() && given != *namespace {
            return Err(other_namespace());
        }
        doc.set_at(&["metadata", "namespace"], namespace);
    } else {
        doc.at_mut(&["metadata"]).remove("namespace");
    }
    let name = doc["metadata"]["name"].str();
    if !name.is_empty() {
        return Ok(name);
    }
    let prefix = doc["metadata"]["generateName"].str();
    if prefix.is_empty() {
        return Ok(Str::new());
    }
    let name = generated_name(&prefix, random);
    doc.set_at(&["metadata", "name"], &name);
    Ok(name)
}

/// Generated names fit into 63 characters.
fn generated_name(prefix: &str, random: &mut Random) -> Str {
    let cut: String = prefix.chars().take(58).collect();
    format!("{cut}{}", random.suffix(5)).into()
}
