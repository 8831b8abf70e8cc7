//! Ephemeral volume controller: makes the claims of pods whose volumes are to live as long as they do.

use crate::api::{Key, Kind, Object, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc::{Doc, Str};

use super::worker::{Controller, Desk, Step};
use super::world::World;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct EphemeralVolumeController {}

impl Controller for EphemeralVolumeController {
    const NAME: &'static str = "ephemeral-volume-controller";
    const SOURCE: &'static str = "ephemeral_volume";
    const WORKERS: u64 = 10;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::Pod if delta.old.is_none() && ephemeral(delta.object()).next().is_some() => {
                desk.add(delta.object().key.clone());
            }
            // Somebody took it away.
            Kind::PersistentVolumeClaim if delta.new.is_none() => {
                if let Some(owner) = delta.object().meta.controller().filter(|owner| owner.kind == "Pod") {
                    desk.add(Key::new(Kind::Pod, delta.object().key.namespace.clone(), owner.name.clone()));
                }
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let Some(pod) = world.object(key).filter(|pod| !pod.meta.deleting()) else { return Step::Done };
        let missing = |volume: &Doc| {
            let name: Str = format!("{}-{}", key.name, volume["name"].str()).into();
            let claim = Key::new(Kind::PersistentVolumeClaim, key.namespace.clone(), name.clone());
            if world.object(&claim).is_some() {
                return None;
            }
            let template = &volume["ephemeral"]["volumeClaimTemplate"];
            let mut body = crate::doc!({ "spec": template["spec"].clone() });
            let metadata = body.at_mut(&["metadata"]);
            for field in ["labels", "annotations"] {
                if !template["metadata"][field].is_null() {
                    metadata.set(field, template["metadata"][field].clone());
                }
            }
            metadata.set("name", name);
            metadata.set("ownerReferences", [pod.as_controller().to_doc()].to_vec());
            let namespace = key.namespace.clone();
            Some(Request::create(desk.user.clone(), Kind::PersistentVolumeClaim, namespace, body))
        };
        Step::Ask(ephemeral(pod).filter_map(missing).collect(), ())
    }
}

fn ephemeral(pod: &Object) -> impl Iterator<Item = &Doc> {
    pod.body["spec"]["volumes"].items().iter().filter(|volume| !volume["ephemeral"].is_null())
}
