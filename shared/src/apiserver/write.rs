//! Create, update and patch.

use std::sync::Arc;

use crate::api::validation::{self, Faults};
use crate::api::{
    Deletion, FieldValidation, Key, Kind, Meta, Object, PatchKind, Reply, Resource, Status, Subresource,
};
use crate::doc::{Doc, PatchError, Str, json_patch, merge_patch, strategic_merge};
use crate::{doc, sim::Random};

use super::{ApiServer, Call, admission, allocate};

impl ApiServer {
    pub(super) fn create(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        match call.request.subresource {
            Subresource::None => {}
            Subresource::Binding => return bind(call),
            Subresource::Eviction => return self.evict(call),
            _ => return Err(Status::method_not_allowed()),
        }
        let request = call.request;
        let kind = request.kind;
        let resource = kind.resource();
        let mut doc = request.body.clone();
        let name = name_of(&mut doc, kind, &request.namespace, &mut self.random)?;
        let key = Key::new(kind, request.namespace.clone(), name);
        admission::namespace_lifecycle(&key, call.store)?;
        resource.prepare_create(&mut doc);
        resource.default(&mut doc);
        admission::mutate(kind, &mut doc);
        allocate::addresses(kind, &mut doc, None, call.store, &mut self.random)?;
        let uid = self.random.uuid();
        resource.identify(&mut doc, &crate::api::meta::uuid(uid));
        validate(&key, resource, &doc, None)?;
        if call.store.get(&key).is_some() {
            return Err(Status::already_exists(&key));
        }
        let mut meta = Meta::from_doc(&doc["metadata"]);
        meta.uid = uid;
        meta.creation = call.cx.timestamp().floor_seconds();
        meta.generation = i64::from(resource.info().has_generation);
        meta.deletion = None;
        let owner = meta.controller().map(|owner| owner.uid).filter(|_| kind == Kind::Pod);
        let sibling = owner.and_then(|owner| self.siblings.get(&owner)).cloned();
        let object = Object::new(key, meta, body_of(&doc), sibling.as_deref());
        let stored = call.put(object);
        if let Some(owner) = owner {
            if self.siblings.len() > 4096 {
                self.siblings.clear();
            }
            self.siblings.insert(owner, Arc::clone(&stored));
        }
        Ok(Reply::Object(stored, true))
    }

    pub(super) fn update(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let old = call.existing(&call.request.key())?;
        if call.request.subresource == Subresource::Scale {
            let replicas = call.request.body["spec"]["replicas"].clone();
            return self.rescale(call, &old, replicas);
        }
        let doc = call.request.body.clone();
        self.replace(call, &old, doc)
    }

    pub(super) fn patch(&mut self, call: &mut Call<'_, '_>, kind: PatchKind) -> Result<Reply, Status> {
        let old = call.existing(&call.request.key())?;
        let patch = &call.request.body;
        if call.request.subresource == Subresource::Scale {
            let patched = patched(&scale_of(&old), patch, kind)?;
            return self.rescale(call, &old, patched["spec"]["replicas"].clone());
        }
        // The status writes of components touch nothing else: no need to take the whole object apart.
        let status_only = call.request.subresource == Subresource::Status
            && patch.entries().iter().all(|(key, _)| key == "status")
            && kind != PatchKind::Json;
        if status_only {
            let body = patched(&old.body, patch, kind)?;
            return Ok(Reply::Object(self.store_change(call, &old, old.meta.clone(), body)?, false));
        }
        let mut doc = patched(&old.to_doc(), patch, kind)?;
        let validation = call.request.options.validation;
        if validation != FieldValidation::Trusted {
            super::http::check_fields(&mut doc, old.key.kind, validation)?;
        }
        self.replace(call, &old, doc)
    }

    /// Puts `doc` in the place of `old`, as far as the subresource allows.
    fn replace(&mut self, call: &mut Call<'_, '_>, old: &Arc<Object>, doc: Doc) -> Result<Reply, Status> {
        let key = &old.key;
        let metadata = &doc["metadata"];
        if metadata["name"].as_str().is_some_and(|name| name != key.name) {
            let message = format!(
                "the name of the object ({}) does not match the name on the URL ({})",
                metadata["name"].str(),
                key.name
            );
            return Err(Status::bad_request(message));
        }
        let given = Meta::from_doc(metadata);
        if given.resource_version != 0 && given.resource_version != old.meta.resource_version {
            return Err(Status::stale(key));
        }
        if given.uid != 0 && given.uid != old.meta.uid {
            let why = format!(
                "Precondition failed: UID in precondition: {}, UID in object meta: {}",
                crate::api::meta::uuid(given.uid),
                crate::api::meta::uuid(old.meta.uid)
            );
            return Err(Status::conflict(key, &why));
        }
        let stored = match call.request.subresource {
            Subresource::Status => {
                let mut body = old.body.clone();
                body.set("status", doc["status"].clone());
                // As upstream, writers of status may annotate (the Deployment controller keeps its revision so).
                let meta = Meta { annotations: given.annotations, ..old.meta.clone() };
                self.store_change(call, old, meta, body)?
            }
            Subresource::Finalize => {
                let mut body = old.body.clone();
                body.set_at(&["spec", "finalizers"], doc["spec"]["finalizers"].clone());
                self.store_change(call, old, old.meta.clone(), body)?
            }
            _ => {
                let (meta, body) = self.prepare_update(call, old, doc)?;
                self.store_change(call, old, meta, body)?
            }
        };
        Ok(Reply::Object(stored, false))
    }

    /// Everything a client may change: the rest comes from the old object.
    fn prepare_update(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Object,
        mut doc: Doc,
    ) -> Result<(Meta, Doc), Status> {
        let kind = old.key.kind;
        let resource = kind.resource();
        if resource.info().subresources.contains(&Subresource::Status) {
            let status = old.body["status"].clone();
            if status.is_null() {
                doc.remove("status");
            } else {
                doc.set("status", status);
            }
        }
        resource.default(&mut doc);
        let old_doc = old.to_doc();
        resource.prepare_update(&mut doc, &old_doc);
        allocate::addresses(kind, &mut doc, Some(old), call.store, &mut self.random)?;
        validate(&old.key, resource, &doc, Some(&old_doc))?;
        let meta = Meta {
            uid: old.meta.uid,
            resource_version: old.meta.resource_version,
            creation: old.meta.creation,
            deletion: old.meta.deletion,
            generate_name: old.meta.generate_name.clone(),
            generation: old.meta.generation,
            ..Meta::from_doc(&doc["metadata"])
        };
        Ok((meta, body_of(&doc)))
    }

    /// Stores the new version unless nothing changed; an object whose last finalizer went is removed.
    fn store_change(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Arc<Object>,
        mut meta: Meta,
        body: Doc,
    ) -> Result<Arc<Object>, Status> {
        if meta == old.meta && body == old.body {
            return Ok(Arc::clone(old));
        }
        let spec_changed = old.key.kind.info().has_generation
            && !body["spec"].same(&old.body["spec"])
            && body["spec"] != old.body["spec"];
        if spec_changed {
            meta.generation += 1;
        }
        let object = Object::new(old.key.clone(), meta, body, Some(old));
        if super::delete::is_released(&object) {
            call.remove(&object.key);
            return Ok(Arc::new(object));
        }
        Ok(call.put(object))
    }

    fn rescale(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Arc<Object>,
        replicas: Doc,
    ) -> Result<Reply, Status> {
        let mut faults = Faults::default();
        validation::non_negative(&mut faults, "spec.replicas", &replicas);
        if !faults.0.is_empty() {
            return Err(Status::invalid(&old.key, faults.0));
        }
        let mut body = old.body.clone();
        body.set_at(&["spec", "replicas"], replicas.as_i64().unwrap_or(0));
        let stored = self.store_change(call, old, old.meta.clone(), body)?;
        Ok(Reply::Doc(scale_of(&stored)))
    }
}

/// `POST pods/x/binding`: the scheduler's decision.
fn bind(call: &mut Call<'_, '_>) -> Result<Reply, Status> {
    let old = call.existing(&call.request.key())?;
    let node = call.request.body["target"]["name"].str();
    let assigned = old.body["spec"]["nodeName"].str();
    if !assigned.is_empty() {
        return Err(Status::conflict(
            &old.key,
            &format!("pod {} is already assigned to node \"{assigned}\"", old.key.name),
        ));
    }
    if old.meta.deleting() {
        return Err(Status::conflict(
            &old.key,
            &format!("pod {} is being deleted, cannot be assigned to a host", old.key.name),
        ));
    }
    let now = call.cx.timestamp().floor_seconds();
    let condition = doc!({
        "lastProbeTime": null, "lastTransitionTime": Doc::Time(now), "status": "True", "type": "PodScheduled",
        "observedGeneration": old.meta.generation
    });
    let patch = doc!({ "status": { "conditions": [condition] } });
    let mut body = strategic_merge(&old.body, &patch).map_err(malformed)?;
    body.set_at(&["spec", "nodeName"], node);
    let object = Object::new(old.key.clone(), old.meta.clone(), body, Some(&old));
    call.put(object);
    Ok(Reply::Doc(
        doc!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201i64 }),
    ))
}

fn patched(target: &Doc, patch: &Doc, kind: PatchKind) -> Result<Doc, Status> {
    match kind {
        PatchKind::Json => json_patch(target, patch),
        PatchKind::Merge => Ok(merge_patch(target, patch)),
        PatchKind::Strategic => strategic_merge(target, patch),
    }
    .map_err(malformed)
}

fn malformed(error: PatchError) -> Status {
    match error {
        PatchError::Malformed(why) => Status::bad_request(why),
        PatchError::DoesNotApply(why) => Status {
            ..Status::new(
                crate::api::Reason::Invalid,
                format!("the server rejected our request due to an error in our request: {why}"),
            )
        },
    }
}

/// `autoscaling/v1` Scale of a workload.
pub(super) fn scale_of(object: &Object) -> Doc {
    let (spec, status) = (&object.body["spec"], &object.body["status"]);
    let selector = crate::api::LabelSelector::from_doc(&spec["selector"]).to_string();
    doc!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": &object.key.name, "namespace": &object.key.namespace,
            "uid": crate::api::meta::uuid(object.meta.uid),
            "resourceVersion": object.meta.resource_version.to_string(),
            "creationTimestamp": Doc::Time(object.meta.creation)
        },
        "spec": { "replicas": spec["replicas"].clone() },
        "status": { "replicas": status["replicas"].as_i64().unwrap_or(0), "selector": selector }
    })
}

/// The object's name, drawn from `generateName` where it has none; also settles its namespace.
fn name_of(doc: &mut Doc, kind: Kind, namespace: &Str, random: &mut Random) -> Result<Str, Status> {
    let given = doc["metadata"]["namespace"].str();
    if kind.info().namespaced {
        if !given.is_empty() && given != *namespace {
            return Err(Status::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
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
    // Generated names fit into 63 characters.
    let cut: String = prefix.chars().take(58).collect();
    let name: Str = format!("{cut}{}", random.suffix(5)).into();
    doc.set_at(&["metadata", "name"], &name);
    Ok(name)
}

fn validate(key: &Key, resource: &dyn Resource, doc: &Doc, old: Option<&Doc>) -> Result<(), Status> {
    let mut faults = Faults::default();
    let metadata = &doc["metadata"];
    if key.name.is_empty() {
        faults.required("metadata.name", "name or generateName is required");
    } else if key.kind != Kind::Namespace {
        validation::dns_subdomain(&mut faults, "metadata.name", &metadata["name"]);
    }
    validation::labels(&mut faults, "metadata.labels", &metadata["labels"]);
    validation::annotations(&mut faults, "metadata.annotations", &metadata["annotations"]);
    resource.validate(doc, &mut faults);
    if let Some(old) = old {
        resource.validate_update(doc, old, &mut faults);
    }
    if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(key, faults.0)) }
}

/// Everything but `apiVersion`, `kind` and `metadata`.
fn body_of(doc: &Doc) -> Doc {
    let mut body = doc.clone();
    for field in ["apiVersion", "kind", "metadata"] {
        body.remove(field);
    }
    body
}

/// When deletion is asked for: the moment it should be done.
pub(super) fn deletion(now: crate::doc::Timestamp, grace_seconds: i64) -> Deletion {
    let at = crate::doc::Timestamp::from_millis(now.floor_seconds().millis() + grace_seconds * 1000);
    Deletion { at, grace_seconds }
}
