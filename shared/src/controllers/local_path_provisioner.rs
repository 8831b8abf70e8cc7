//! The provisioner of the default StorageClass, as kind brings it along: a volume is a folder on the node that the
//! scheduler selected for the pod. It is no part of the controller manager upstream, but a Deployment of its own.

use crate::api::storage::storageclass::LOCAL_PATH;
use crate::api::storage::{binding, storageclass};
use crate::api::{Key, Kind, Object, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::worker::{Answer, Controller, Desk, Step, is_gone};
use super::world::World;

/// How long making the folder takes.
const WORK: Duration = Duration::seconds(1);
const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct LocalPathProvisioner {}

impl Controller for LocalPathProvisioner {
    const NAME: &'static str = "local-path-provisioner";
    const SOURCE: &'static str = "rancher.io/local-path";
    const WORKERS: u64 = 4;
    /// The name of the volume that was asked for; empty for a deletion.
    type Waiting = Str;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let Some(now) = &delta.new else { return };
        match now.key.kind {
            Kind::PersistentVolumeClaim if wants(now, world).is_some() => {
                let before = delta.old.as_ref().and_then(|claim| wants(claim, world));
                if before.is_none() {
                    let message = format!(
                        "External provisioner is provisioning volume for claim \"{}/{}\"",
                        now.key.namespace, now.key.name
                    );
                    desk.normal(now, "Provisioning", message);
                    desk.add_after(now.key.clone(), WORK);
                }
            }
            Kind::PersistentVolume if is_done_with(now) => desk.add(now.key.clone()),
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Str> {
        let Some(object) = world.object(key) else { return Step::Done };
        if key.kind == Kind::PersistentVolume {
            let request = Request::delete(desk.user.clone(), key);
            return if is_done_with(object) { Step::Ask(vec![request], Str::new()) } else { Step::Done };
        }
        let Some((class, node)) = wants(object, world) else { return Step::Done };
        if let Some(why) = refusal(object, node.as_ref()) {
            let class = &class.key.name;
            let message = format!("failed to provision volume with StorageClass \"{class}\": {why}");
            desk.warning(object, "ProvisioningFailed", message);
            return Step::Retry;
        }
        let node = node.unwrap_or_default();
        let name: Str = format!("pvc-{}", object.meta.uid.text()).into();
        let body = folder(&name, object, class, &node);
        Step::Ask(vec![Request::create(desk.user.clone(), Kind::PersistentVolume, Str::new(), body)], name)
    }

    fn answered(
        &mut self,
        key: &Key,
        name: Str,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Str> {
        let good = answers.iter().all(|answer| match answer {
            Err(status) => is_gone(answer) || status.reason == crate::api::Reason::AlreadyExists,
            Ok(_) => true,
        });
        if !good {
            return Step::Retry;
        }
        if let Some(claim) = world.object(key).filter(|_| !name.is_empty()) {
            desk.normal(claim, "ProvisioningSucceeded", format!("Successfully provisioned volume {name}"));
        }
        Step::Done
    }
}

/// What the provisioner does not make, in its own words: a folder belongs to one node, and is no device.
fn refusal(claim: &Object, node: Option<&Str>) -> Option<&'static str> {
    let spec = &claim.body["spec"];
    if spec["volumeMode"].as_str() == Some("Block") {
        return Some("Local path provisioner does not support Block volume mode");
    }
    let modes = spec["accessModes"].items();
    let alone = |mode: &Doc| matches!(mode.as_str(), Some("ReadWriteOnce" | "ReadWriteOncePod"));
    if !modes.iter().all(alone) {
        return Some("NodePath only supports ReadWriteOnce and ReadWriteOncePod (1.22+) access modes");
    }
    node.is_none().then_some("configuration error, no node was specified")
}

/// The class and, if it is known, the node of a claim for which this provisioner is to make a volume.
fn wants<'a>(claim: &Object, world: &'a World) -> Option<(&'a Object, Option<Str>)> {
    let asked = claim.meta.annotation(PROVISIONER) == Some(LOCAL_PATH);
    if !asked || !claim.body["spec"]["volumeName"].is_empty() || claim.meta.deleting() {
        return None;
    }
    let class = world.object(&Key::new(Kind::StorageClass, Str::new(), binding::class(claim)))?;
    let node = claim.meta.annotation(binding::SELECTED_NODE).map(Str::from);
    (node.is_some() || !storageclass::waits_for_consumer(class)).then_some((class, node))
}

fn is_done_with(volume: &Object) -> bool {
    volume.meta.annotation(binding::PROVISIONED_BY) == Some(LOCAL_PATH)
        && volume.body["status"]["phase"].as_str() == Some("Released")
        && volume.body["spec"]["persistentVolumeReclaimPolicy"].as_str() == Some("Delete")
        && !volume.meta.deleting()
}

/// The volume: a folder of the node.
fn folder(name: &Str, claim: &Object, class: &Object, node: &Str) -> Doc {
    let (key, spec) = (&claim.key, &claim.body["spec"]);
    let path = format!("/var/local-path-provisioner/{name}_{}_{}", key.namespace, key.name);
    let here = doc!({ "key": "kubernetes.io/hostname", "operator": "In", "values": Doc::list([node]) });
    doc!({
        "metadata": { "name": name, "annotations": {
            "local.path.provisioner/selected-node": node, "pv.kubernetes.io/provisioned-by": LOCAL_PATH
        } },
        "spec": {
            "accessModes": spec["accessModes"].clone(),
            "capacity": { "storage": spec.at(&["resources", "requests", "storage"]).clone() },
            "claimRef": {
                "apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": &key.name,
                "namespace": &key.namespace, "uid": claim.meta.uid.text(),
                "resourceVersion": claim.meta.resource_version.to_string()
            },
            "hostPath": { "path": path, "type": "DirectoryOrCreate" },
            "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [here] }] } },
            "persistentVolumeReclaimPolicy": class.body["reclaimPolicy"].clone(),
            "storageClassName": &class.key.name,
            "volumeMode": spec["volumeMode"].clone()
        }
    })
}
