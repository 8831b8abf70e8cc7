//! Delete, and what holds an object back.

use std::sync::Arc;

use crate::api::apiextensions::customresourcedefinition;
use crate::api::core::pod::Pod;
use crate::api::{DeleteOptions, Key, Kind, Object, Propagation, Reason, Reply, Status, is_handed_out};
use crate::doc;

use super::{ApiServer, Call, admission, read, write};

/// The priority classes that every cluster has.
const SYSTEM_CLASSES: [&str; 2] = ["system-cluster-critical", "system-node-critical"];

/// 409: what is there is not what was to be deleted. Upstream names the kind here where elsewhere it names the resource.
fn unlike(key: &Key, what: &str, given: &str, known: &str, happened: &str) -> Status {
    let info = key.kind.info();
    let of =
        if info.group.is_empty() { info.kind.to_owned() } else { format!("{}.{}", info.kind, info.group) };
    let message = format!(
        "Operation cannot be fulfilled on {of} \"{}\": the {what} in the precondition ({given}) does not match the {what} in \
         record ({known}). The object might have been {happened}",
        key.name
    );
    let (kind, group, name) = (info.kind.into(), info.group.into(), key.name.clone());
    Status { kind, group, name, ..Status::new(Reason::Conflict, message) }
}

/// Who deletes may say which object, and which version of it, they mean.
pub(super) fn check_preconditions(object: &Object, options: &DeleteOptions) -> Result<(), Status> {
    if let Some(uid) = options.uid.filter(|uid| *uid != object.meta.uid) {
        let known = object.meta.uid.text();
        let uid = if options.no_uid.is_empty() { uid.text() } else { options.no_uid.clone() };
        return Err(unlike(&object.key, "UID", &uid, &known, "deleted and then recreated"));
    }
    let known = object.meta.resource_version;
    if let Some(revision) = options.resource_version.filter(|revision| *revision != known) {
        let (revision, known) = (revision.to_string(), known.to_string());
        return Err(unlike(&object.key, "ResourceVersion", &revision, &known, "modified"));
    }
    Ok(())
}

impl ApiServer {
    pub(super) fn delete(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let key = call.request.key();
        let object = call.existing(&key)?;
        check_preconditions(&object, &call.request.options.delete)?;
        if key.kind == Kind::Namespace
            && ["default", "kube-system", "kube-public"].contains(&key.name.as_str())
        {
            return Err(Status::forbidden(&key, "this namespace may not be deleted"));
        }
        if key.kind == Kind::PriorityClass && SYSTEM_CLASSES.contains(&key.name.as_str()) {
            return Err(Status::forbidden(&key, "this is a system priority class and cannot be deleted"));
        }
        admission::deleting(call, &object)?;
        self.remove_object(call, &object)
    }

    pub(super) fn delete_collection(&mut self, call: &mut Call<'_, '_>) -> Result<Reply, Status> {
        let mut items = read::select(call)?;
        // Who asks for a part of them loses no more.
        let pages = &call.request.options.pages;
        if let Some((_, namespace, name)) = &pages.after {
            items.retain(|object| (&object.key.namespace, &object.key.name) > (namespace, name));
        }
        if pages.limit > 0 {
            items.truncate(usize::try_from(pages.limit).unwrap_or(usize::MAX));
        }
        for object in &items {
            admission::deleting(call, object)?;
            self.remove_object(call, object)?;
        }
        Ok(Reply::List(Arc::new(items), call.store.revision()))
    }

    /// Removes the object, or marks it and lets whoever holds it finish first.
    pub(super) fn remove_object(
        &mut self,
        call: &mut Call<'_, '_>,
        object: &Arc<Object>,
    ) -> Result<Reply, Status> {
        let options = &call.request.options.delete;
        let grace = grace_seconds(object, options.grace_period_seconds);
        let mut meta = object.meta.clone();
        if object.key.kind == Kind::CustomResourceDefinition
            && !meta.has_finalizer(customresourcedefinition::FINALIZER)
        {
            meta.finalizers.push(doc::literal!("customresourcecleanup.apiextensions.k8s.io"));
        }
        let held_by = propagation(object, options.propagation).finalizer();
        for finalizer in [Propagation::ORPHAN, Propagation::FOREGROUND] {
            let has = meta.has_finalizer(finalizer);
            if has && held_by != Some(finalizer) {
                meta.finalizers.retain(|other| other != finalizer);
            } else if !has && held_by == Some(finalizer) {
                meta.finalizers.push(finalizer.into());
            }
        }
        let namespace =
            object.key.kind == Kind::Namespace && !object.body["spec"]["finalizers"].items().is_empty();
        if grace == 0 && meta.finalizers.is_empty() && !namespace {
            call.remove(&object.key);
            let info = object.key.kind.info();
            if call.is_from_outside() && is_handed_out(info.group, info.plural) {
                return Ok(Reply::Object(Arc::clone(object), false));
            }
            let mut details = doc!({
                "name": &object.key.name, "kind": info.plural, "uid": object.meta.uid.text()
            });
            if !info.group.is_empty() {
                details.set("group", info.group);
            }
            return Ok(Reply::Doc(doc!({
                "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details
            })));
        }
        // A second deletion can only shorten the first one's grace.
        if meta.deletion.is_none_or(|before| grace < before.grace_seconds) {
            meta.deletion = Some(write::deletion(call.cx.timestamp(), grace));
            meta.generation += i64::from(object.key.kind.info().has_generation);
        }
        let mut body = object.document();
        if namespace {
            body.set_at(&["status", "phase"], "Terminating");
        }
        let marked = Object::new(object.key.clone(), meta, body, Some(object));
        if marked == **object {
            return Ok(Reply::Object(Arc::clone(object), false));
        }
        Ok(Reply::Object(call.put(marked), false))
    }
}

/// What becomes of an object's dependents: as was asked for, as was said before, as is usual for the kind.
fn propagation(object: &Object, asked: Option<Propagation>) -> Propagation {
    match object.key.kind {
        // Nothing depends on an Event.
        Kind::Event => Propagation::Background,
        // They kept their pods before there was a collector.
        Kind::Job | Kind::ReplicationController => {
            asked.or(object.meta.propagation()).unwrap_or(Propagation::Orphan)
        }
        _ => asked.or(object.meta.propagation()).unwrap_or(Propagation::Background),
    }
}

/// Only pods that run somewhere get time to say good-bye.
fn grace_seconds(object: &Object, wanted: Option<i64>) -> i64 {
    match object.view::<Pod>() {
        Some(pod) if !pod.node_name.is_empty() && !pod.phase.is_terminal() => {
            wanted.unwrap_or(pod.spec.grace_seconds).max(0)
        }
        _ => 0,
    }
}

/// Whether deletion was asked for and nothing holds the object any more.
pub(super) fn is_released(object: &Object) -> bool {
    let Some(deletion) = object.meta.deletion else { return false };
    let namespace_held =
        object.key.kind == Kind::Namespace && !object.body["spec"]["finalizers"].items().is_empty();
    deletion.grace_seconds == 0 && object.meta.finalizers.is_empty() && !namespace_held
}
