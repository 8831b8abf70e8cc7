//! Statuses that the server has a say in: those of kinds without a behaviour of their own, which one can tell from the
//! object alone (upstream, small controllers write them), and decisions about certificates.

use std::sync::Arc;

use crate::api::validation::{self, Faults};
use crate::api::{Key, Kind, Meta, Object, Status, Subresource, plain, statuses};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::etcd::{Revision, Store};
use crate::sim::ChangeKind;

use super::Call;
use super::admission::typing;

/// What an applied text says of fields that are not written in this way is left out: it neither changes them nor owns them.
pub(super) fn leave_out(key: &Key, subresource: Subresource, config: &mut Doc) {
    match subresource {
        Subresource::None if key.kind.info().subresources.contains(&Subresource::Status) => {
            config.remove("status");
        }
        Subresource::Status => {
            config.remove("spec");
            for field in statuses::kept_metadata(key.kind) {
                config.at_mut(&["metadata"]).remove(field);
            }
        }
        _ => {}
    }
}

impl Call<'_, '_> {
    /// The metadata of an object whose status is written. Components annotate, and no more than that.
    pub(super) fn reported(&self, old: &Object, given: &Doc) -> Meta {
        let kept = match self.is_from_outside() {
            true => statuses::kept_metadata(old.key.kind),
            false => &["labels", "finalizers", "ownerReferences"],
        };
        let takes = |field: &str| !kept.contains(&field);
        let mut meta = old.meta.clone();
        let given = Meta::from_doc(given);
        if takes("labels") && meta.labels != given.labels {
            meta.labels = given.labels.clone();
        }
        if takes("annotations") && meta.annotations != given.annotations {
            meta.annotations = given.annotations.clone();
        }
        if takes("finalizers") && meta.finalizers != given.finalizers {
            meta.finalizers = given.finalizers.clone();
        }
        if takes("ownerReferences") && meta.owners != given.owners {
            meta.owners = given.owners.clone();
        }
        meta
    }

    /// What a client writes into a status: completed, and refused where it cannot be.
    pub(super) fn judge_status(&self, old: &Object, meta: &Meta, body: &mut Doc) -> Result<(), Status> {
        let kind = old.key.kind;
        if kind == Kind::CertificateSigningRequest {
            self.decide_certificate(old, body);
        }
        if !self.is_from_outside() {
            return Ok(());
        }
        let before = old.to_doc();
        statuses::complete(kind, body, &before);
        let new = Object::new(old.key.clone(), meta.clone(), body.clone(), Some(old)).to_doc();
        let mut faults = Faults::default();
        validation::metadata_update(&mut faults, &new["metadata"], &before["metadata"]);
        validation::metadata(&mut faults, &new["metadata"], kind.resource().name());
        statuses::validate(kind, &new, &before, &mut faults);
        if kind == Kind::CertificateSigningRequest && self.request.subresource == Subresource::Status {
            statuses::keeps_decisions(&new, &before, &mut faults);
        }
        if faults.0.is_empty() { Ok(()) } else { Err(Status::invalid(&old.key, faults.0)) }
    }

    /// Decisions about a certificate have their moments. Whoever decides issues nothing.
    fn decide_certificate(&self, old: &Object, body: &mut Doc) {
        if self.request.subresource == Subresource::Approval {
            match &old.body["status"]["certificate"] {
                Doc::Null => drop(body.at_mut(&["status"]).remove("certificate")),
                issued => body.set_at(&["status", "certificate"], issued.clone()),
            }
        }
        if body["status"]["conditions"].is_empty() {
            return;
        }
        let now = Doc::Time(self.cx.timestamp().floor_seconds());
        for condition in body.at_mut(&["status", "conditions"]).items_mut().iter_mut() {
            for field in ["lastTransitionTime", "lastUpdateTime"] {
                condition.default_to(field, now.clone());
            }
        }
    }

    /// Lets follow what follows from writes of such objects.
    pub(super) fn judge_statuses(&mut self) {
        let flows = [Kind::FlowSchema, Kind::PriorityLevelConfiguration];
        if self.written.iter().any(|it| flows.contains(&it.object.key.kind)) {
            self.judge_flows();
        }
        let judged = |it: &&Revision| {
            it.object.key.kind == Kind::ValidatingAdmissionPolicy && it.change != ChangeKind::Deleted
        };
        let concerned: Vec<Arc<Object>> =
            self.written.iter().filter(judged).map(|it| Arc::clone(&it.object)).collect();
        for object in concerned {
            let mut body = object.body.clone();
            checked(&object, &mut body, self.store);
            if body != object.body {
                self.put(Object::new(object.key.clone(), object.meta.clone(), body, Some(&object)));
            }
        }
    }

    /// FlowSchemas whose priority level came or went say so, and new ones say whether theirs is there.
    fn judge_flows(&mut self) {
        let changed = |level: Kind| {
            move |it: &Revision| it.object.key.kind == level && it.change != ChangeKind::Modified
        };
        let levels = self.written.iter().any(changed(Kind::PriorityLevelConfiguration));
        let schemas: Vec<Arc<Object>> = match levels {
            true => self.store.list(Kind::FlowSchema).cloned().collect(),
            false => {
                let written = self.written.iter().filter(|it| it.change != ChangeKind::Deleted);
                let written = written.filter(|it| it.object.key.kind == Kind::FlowSchema);
                written.map(|it| Arc::clone(&it.object)).collect()
            }
        };
        let now = self.cx.timestamp();
        for schema in schemas {
            let level = schema.body["spec"]["priorityLevelConfiguration"]["name"].str();
            let found = self
                .store
                .get(&Key::new(Kind::PriorityLevelConfiguration, Str::new(), level.clone()))
                .is_some();
            let dangling = plain::dangling(&level, found, now);
            let mut conditions = schema.body["status"]["conditions"].items().to_vec();
            let says = |condition: &Doc| {
                ["type", "status", "reason", "message"]
                    .iter()
                    .all(|field| condition[*field] == dangling[*field])
            };
            if conditions.iter().any(says) {
                continue;
            }
            match conditions.iter_mut().find(|condition| condition["type"] == dangling["type"]) {
                Some(known) => *known = dangling,
                None => conditions.push(dangling),
            }
            let mut body = schema.body.clone();
            body.set_at(&["status", "conditions"], conditions);
            self.put(Object::new(schema.key.clone(), schema.meta.clone(), body, Some(&schema)));
        }
    }
}

/// The expressions of this generation were read: what cannot be read was refused, and what does not fit is told.
fn checked(policy: &Object, body: &mut Doc, store: &Store) {
    let status = &body["status"];
    let seen = status["observedGeneration"].as_i64().is_some_and(|seen| seen >= policy.meta.generation);
    if seen && !status["typeChecking"].is_null() {
        return;
    }
    let warnings = typing::warnings(body, store);
    let found = if warnings.is_empty() { Doc::map() } else { doc!({ "expressionWarnings": warnings }) };
    body.set_at(&["status", "observedGeneration"], policy.meta.generation);
    body.set_at(&["status", "typeChecking"], found);
}
