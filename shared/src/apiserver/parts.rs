//! Parts of objects with a form of their own: a pod's binding, a workload's scale.

use std::sync::Arc;

use crate::api::apiextensions::customresource::CustomResources;
use crate::api::core::pod;
use crate::api::validation::{self, Faults};
use crate::api::{Kind, LabelSelector, Meta, Object, Reason, Reply, Status, Verb};
use crate::doc;
use crate::doc::{Doc, Timestamp, strategic_merge};

use super::write::{malformed, other_name, other_namespace, relabelled, revision_of, validate};
use super::{ApiServer, Call, admission, definitions, managed};

/// The API server writes down when a volume came into its phase.
pub(super) fn phase_moment(kind: Kind, body: &mut Doc, old: &Doc, now: Timestamp) {
    if kind == Kind::PersistentVolume && body["status"]["phase"] != old["status"]["phase"] {
        body.set_at(&["status", "lastPhaseTransitionTime"], Doc::Time(now.floor_seconds()));
    }
}

/// `POST pods/x/binding`: the scheduler's decision.
pub(super) fn bind(server: &mut ApiServer, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
    let old = call.existing(&call.request.key())?;
    let node = call.request.body["target"]["name"].str();
    let assigned = old.body["spec"]["nodeName"].str();
    if !assigned.is_empty() {
        let why = format!("pod {} is already assigned to node \"{assigned}\"", old.key.name);
        return Err(Status::conflict(&old.key, &why).on("binding"));
    }
    if old.meta.deleting() {
        let why = format!("pod {} is being deleted, cannot be assigned to a host", old.key.name);
        return Err(Status::conflict(&old.key, &why).on("binding"));
    }
    let labels = admission::topology::labels_of(&node, call.store);
    let (spec, meta) = server.family.bind(&old, (&node, &labels), || {
        let mut spec = old.body["spec"].clone();
        spec.set("nodeName", &node);
        (spec, admission::topology::bound(old.meta.clone(), &labels))
    });
    let now = call.cx.timestamp().floor_seconds();
    let condition = doc!({
        "lastProbeTime": null, "lastTransitionTime": Doc::Time(now), "status": "True", "type": "PodScheduled",
        "observedGeneration": old.meta.generation,
        // What an earlier attempt said is over.
        "reason": null, "message": null
    });
    let patch = doc!({ "status": { "conditions": [condition] } });
    let mut body = strategic_merge(&old.body, &patch).map_err(malformed)?;
    body.set("spec", spec);
    // The pod waits for no node any longer.
    let status = body.at_mut(&["status"]);
    status.remove("nominatedNodeName");
    server.family.share_status(&old, status);
    let object = Object::new(old.key.clone(), meta, body, Some(&old));
    call.put(object);
    Ok(Reply::Doc(
        doc!({ "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201i64 }),
    ))
}

/// `autoscaling/v1` Scale of a workload.
pub(super) fn scale_of(object: &Object, custom: Option<&CustomResources>) -> Doc {
    let (wanted, there, selector) = match custom {
        // Where nothing says how many, somebody may be about to.
        Some(custom) => match custom.scale(object) {
            (Doc::Null, there, selector) => (Doc::from(0i64), there, selector),
            scale => scale,
        },
        None => {
            let (spec, status) = (&object.body["spec"], &object.body["status"]);
            let selector = match object.key.kind {
                Kind::ReplicationController => LabelSelector::from_map(&spec["selector"]),
                _ => LabelSelector::from_doc(&spec["selector"]),
            };
            let selector = selector.to_string();
            (spec["replicas"].clone(), status["replicas"].as_i64().unwrap_or(0), selector.into())
        }
    };
    doc!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": &object.key.name, "namespace": &object.key.namespace,
            "uid": object.meta.uid.text(),
            "resourceVersion": object.meta.resource_version.to_string(),
            "creationTimestamp": Doc::Time(object.meta.creation)
        },
        "spec": { "replicas": wanted },
        "status": { "replicas": there, "selector": selector }
    })
}

/// The same for who looks: where nothing says how many, there is nothing to look at.
pub(super) fn existing_scale(object: &Object, custom: Option<&CustomResources>) -> Result<Doc, Status> {
    if let Some(custom) = custom.filter(|custom| custom.scale(object).0.is_null()) {
        let why = format!(
            "Internal error occurred: the spec replicas field {:?} does not exist",
            custom.replicas_path().as_str()
        );
        return Err(Status::new(Reason::InternalError, why));
    }
    Ok(scale_of(object, custom))
}

/// `pods/x/resize`: the pod with other resources.
pub(super) fn resized(call: &mut Call<'_, '_>, old: &Object, doc: &Doc) -> Result<(Meta, Doc), Status> {
    let mut body = old.body.clone();
    // What containers have is what the spec said until now.
    pod::tell_resources(&mut body);
    body.set("spec", pod::resized(&doc["spec"], &old.body["spec"]));
    old.key.kind.resource().default(&mut body);
    let mut faults = Faults::default();
    let class = old.body["status"]["qosClass"].str();
    pod::validate_resize(&body["spec"], &old.body["spec"], &class, &mut faults);
    if !faults.0.is_empty() {
        return Err(Status::invalid(&old.key, faults.0));
    }
    let before = old.to_doc();
    let after = Object::new(old.key.clone(), old.meta.clone(), body.clone(), Some(old)).to_doc();
    admission::limits_of_resize(&old.key, &after, call.store)?;
    admission::validating(call, &old.key, &after, Some(&before))?;
    admission::quota(call, &old.key, &after, Some(old))?;
    Ok((owned(call, old, doc, &body), body))
}

/// Whose the fields of an object are when a part of it was written; `doc` is what an apply made of it.
pub(super) fn owned(call: &Call<'_, '_>, old: &Object, doc: &Doc, body: &Doc) -> Meta {
    let mut meta = old.meta.clone();
    if !call.is_from_outside() && meta.managed_fields.is_null() {
        return meta;
    }
    let new = Object::new(old.key.clone(), meta.clone(), body.clone(), Some(old)).to_doc();
    let (known, before) = (&meta.managed_fields, old.to_doc());
    meta.managed_fields = match call.writer() {
        Some(writer) if writer.operation == "Apply" && !doc.is_null() => {
            managed::components::without(&doc["metadata"]["managedFields"], &old.key)
        }
        Some(writer) => managed::after_update(&writer, known, &before, &new),
        None => managed::after_component(old.key.kind, known, &before, &new),
    };
    meta
}

/// A Scale is of the object that the path names.
fn check_meant(call: &Call<'_, '_>, old: &Object, metadata: &Doc) -> Result<(), Status> {
    let (name, namespace) = (metadata["name"].str(), metadata["namespace"].str());
    if !namespace.is_empty() && namespace != call.request.namespace {
        return Err(other_namespace());
    }
    if !name.is_empty() && name != old.key.name {
        return Err(other_name(&name, &old.key.name));
    }
    Ok(())
}

/// A Scale that says so is of this very object, in this version.
fn check_fresh(call: &Call<'_, '_>, old: &Object, scale: &Doc) -> Result<(), Status> {
    let (given, uid) = (scale["metadata"]["uid"].str(), old.meta.uid.text());
    if !given.is_empty() && given != uid {
        let why = format!("Precondition failed: UID in precondition: {given}, UID in object meta: {uid}");
        return Err(Status::conflict(&old.key, &why).on("scale"));
    }
    match revision_of(scale)? {
        0 if call.request.verb == Verb::Update && !old.key.kind.resource().may_update_blindly() => {
            Err(Status::revision_missing(&old.key))
        }
        revision if revision != 0 && revision != old.meta.resource_version => Err(Status::stale(&old.key)),
        _ => Ok(()),
    }
}

impl ApiServer {
    /// Server-side apply of a Scale: the wanted replicas are the applier's, and nothing else is said.
    pub(super) fn apply_scale(&mut self, call: &mut Call<'_, '_>, config: &Doc) -> Result<Reply, Status> {
        let old = call.existing(&call.request.key())?;
        let info = old.key.kind.info();
        let replicas = &config["spec"]["replicas"];
        let mut wanted = doc!({
            "apiVersion": info.api_version(), "kind": info.kind, "metadata": { "name": &old.key.name }
        });
        match definitions::of_kind(call.store, call.request.kind)? {
            Some(custom) => custom.set_replicas(&mut wanted, replicas.as_i64().unwrap_or(0)),
            None => wanted.set_at(&["spec", "replicas"], replicas.clone()),
        }
        let writer = call.writer().unwrap_or_else(|| unreachable!("only clients apply"));
        let live = managed::components::shown(&old, old.to_doc());
        let merged = managed::apply(&writer, &live, &wanted, call.request.options.force)?;
        self.rescale(call, &old, config, &merged)
    }

    /// Wants as many replicas as a Scale says; `applied` is what an apply made of the object.
    pub(super) fn rescale(
        &mut self,
        call: &mut Call<'_, '_>,
        old: &Arc<Object>,
        scale: &Doc,
        applied: &Doc,
    ) -> Result<Reply, Status> {
        let replicas = &scale["spec"]["replicas"];
        let mut faults = Faults::default();
        if !replicas.is_null() && replicas.as_i64().is_none_or(|number| i32::try_from(number).is_err()) {
            let why = format!(
                "json: cannot unmarshal {replicas} into Go struct field ScaleSpec.spec.replicas of type int32"
            );
            return Err(Status::bad_request(why));
        }
        if call.is_from_outside() {
            check_meant(call, old, &scale["metadata"])?;
        }
        validation::non_negative(&mut faults, "spec.replicas", replicas);
        if !faults.0.is_empty() {
            let own = Status::invalid(&old.key, faults.0);
            let faults = own.message.split_once(" is invalid: ").map_or("", |(_, faults)| faults);
            let message = format!("Scale.autoscaling \"{}\" is invalid: {faults}", old.key.name).into();
            return Err(Status { kind: "Scale".into(), group: "autoscaling".into(), message, ..own });
        }
        if call.is_from_outside() {
            check_fresh(call, old, scale)?;
        }
        let mut body = old.body.clone();
        let custom = definitions::of_kind(call.store, call.request.kind)?;
        match &custom {
            Some(custom) => {
                custom.set_replicas(&mut body, replicas.as_i64().unwrap_or(0));
                let whole = Object::new(old.key.clone(), old.meta.clone(), body.clone(), None).to_doc();
                validate(&old.key, custom, &relabelled(whole, custom), None, false)?;
            }
            None => body.set_at(&["spec", "replicas"], replicas.as_i64().unwrap_or(0)),
        }
        let meta = owned(call, old, applied, &body);
        admission::of_view(call, &old.key, || {
            let new = Object::new(old.key.clone(), meta.clone(), body.clone(), None);
            (scale_of(&new, custom.as_ref()), scale_of(old, custom.as_ref()))
        })?;
        let stored = self.store_change(call, old, meta, body)?;
        Ok(Reply::Doc(scale_of(&stored, custom.as_ref())))
    }
}
