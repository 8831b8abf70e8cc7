//! Statuses of kinds without a behaviour of their own, which one can tell from the object alone. Upstream, small
//! controllers write them.

use std::sync::Arc;

use crate::api::{Kind, Object};
use crate::doc;
use crate::doc::Doc;
use crate::sim::ChangeKind;

use super::Call;

impl Call<'_, '_> {
    /// Lets follow what follows from writes of such objects.
    pub(super) fn judge_statuses(&mut self) {
        let judged = |kind: Kind| matches!(kind, Kind::ServiceCidr | Kind::ValidatingAdmissionPolicy);
        let concerned: Vec<Arc<Object>> = self
            .written
            .iter()
            .filter(|it| judged(it.object.key.kind) && it.change != ChangeKind::Deleted)
            .map(|it| Arc::clone(&it.object))
            .collect();
        for object in concerned {
            let mut body = object.body.clone();
            match object.key.kind {
                Kind::ValidatingAdmissionPolicy => checked(&object, &mut body),
                _ => self.ready(&mut body),
            }
            if body != object.body {
                self.put(Object::new(object.key.clone(), object.meta.clone(), body, Some(&object)));
            }
        }
    }

    /// Addresses can be taken from a range as soon as it is there.
    fn ready(&self, body: &mut Doc) {
        let conditions = body["status"]["conditions"].items();
        if conditions.iter().any(|condition| condition["type"].as_str() == Some("Ready")) {
            return;
        }
        let ready = doc!({
            "type": "Ready", "status": "True", "reason": "", "message": "Kubernetes Service CIDR is ready",
            "lastTransitionTime": Doc::Time(self.cx.timestamp().floor_seconds())
        });
        let all: Vec<Doc> = conditions.iter().cloned().chain([ready]).collect();
        body.set_at(&["status", "conditions"], all);
    }
}

/// The expressions of this generation were read: what cannot be read was refused.
fn checked(policy: &Object, body: &mut Doc) {
    body.set_at(&["status", "observedGeneration"], policy.meta.generation);
    if body["status"]["typeChecking"].is_null() {
        body.set_at(&["status", "typeChecking"], Doc::map());
    }
}
