//! Persistent volume controller: finds a volume for every claim of the one class there is.

use crate::api::core::persistentvolumeclaim::DEFAULT_CLASS;
use crate::api::{Key, Kind, Object, PatchKind, Request, Subresource};
use crate::client::Delta;
use crate::doc;

use super::worker::{Answer, Controller, Desk, Step, is_gone};
use super::world::World;

/// The control loop.
#[derive(Clone, Debug, Hash, Default)]
pub struct PersistentVolumeBinder {}

impl Controller for PersistentVolumeBinder {
    const NAME: &'static str = "persistentvolume-controller";
    const WORKERS: u64 = 1;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        if delta.object().key.kind == Kind::PersistentVolumeClaim && delta.new.is_some() {
            desk.add(delta.object().key.clone());
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let waits = |claim: &&std::sync::Arc<Object>| {
            claim.body["spec"]["storageClassName"].as_str() == Some(DEFAULT_CLASS)
                && claim.body["status"]["phase"].as_str() == Some("Pending")
        };
        let Some(claim) = world.object(key).filter(waits) else { return Step::Done };
        let spec = &claim.body["spec"];
        let volume = format!("pvc-{}", crate::api::meta::uuid(claim.meta.uid));
        let status = doc!({ "status": {
            "phase": "Bound", "accessModes": spec["accessModes"].clone(),
            "capacity": { "storage": spec.at(&["resources", "requests", "storage"]).clone() }
        } });
        let named = doc!({ "spec": { "volumeName": volume } });
        let patch = |body| Request::patch(desk.user.clone(), key, PatchKind::Merge, body);
        Step::Ask(vec![patch(named), patch(status).on(Subresource::Status)], ())
    }

    fn answered(
        &mut self,
        _: &Key,
        (): (),
        answers: Vec<Answer>,
        _: &World,
        _: &mut Desk<'_, '_>,
    ) -> Step<()> {
        if answers.iter().all(|answer| answer.is_ok() || is_gone(answer)) { Step::Done } else { Step::Retry }
    }
}
