//! What becomes of a claim.

use std::sync::Arc;

use crate::api::storage::{binding, storageclass};
use crate::api::{Key, Kind, Object, Request, Subresource};
use crate::controllers::status::write;
use crate::controllers::worker::Desk;
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str};

use super::{PersistentVolumeBinder, RESYNC, let_go, patch};

/// What is to be written next about a claim.
pub fn sync(
    binder: &PersistentVolumeBinder,
    claim: &Arc<Object>,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Vec<Request> {
    if claim.meta.deleting() && !in_use(binder, claim, world) {
        let released = let_go(desk.user, claim, "kubernetes.io/pvc-protection");
        if !released.is_empty() {
            return released;
        }
    }
    if claim.meta.annotation(binding::BIND_COMPLETED).is_some() {
        return bound(claim, world, desk);
    }
    match claim.body["spec"]["volumeName"].str() {
        name if name.is_empty() => unbound(binder, claim, world, desk),
        name => choosy(claim, &name, world, desk),
    }
}

/// Whether a pod that is on a node uses it.
fn in_use(binder: &PersistentVolumeBinder, claim: &Object, world: &World) -> bool {
    let mut users = binder.users.get(&claim.key).into_iter().flat_map(|pods| pods.iter());
    users.any(|pod| world.object(pod).is_some_and(|pod| !pod.body["spec"]["nodeName"].is_empty()))
}

fn volume<'a>(name: &Str, world: &'a World) -> Option<&'a Arc<Object>> {
    world.object(&Key::new(Kind::PersistentVolume, Str::new(), name.clone()))
}

fn phase(claim: &Object, phase: &str, desk: &Desk<'_, '_>) -> Vec<Request> {
    let old = &claim.body["status"];
    let mut new = old.clone();
    new.set("phase", phase);
    if phase != "Bound" {
        new.remove("accessModes");
        new.remove("capacity");
    }
    write(desk.user, &claim.key, old, &new).into_iter().collect()
}

/// The claim was joined to a volume: is that still so?
fn bound(claim: &Arc<Object>, world: &World, desk: &mut Desk<'_, '_>) -> Vec<Request> {
    let name = claim.body["spec"]["volumeName"].str();
    let mut lost = |reason: &'static str, message: &str| {
        if claim.body["status"]["phase"].as_str() != Some("Lost") {
            desk.warning(claim, reason, message);
        }
        phase(claim, "Lost", desk)
    };
    if name.is_empty() {
        return lost(
            "ClaimLost",
            "Bound claim has lost reference to PersistentVolume. Data on the volume is lost!",
        );
    }
    let Some(volume) = volume(&name, world) else {
        return lost("ClaimLost", "Bound claim has lost its PersistentVolume. Data on the volume is lost!");
    };
    match binding::claim_of(volume) {
        Some(_) if !binding::is_for(volume, claim) => {
            lost("ClaimMisbound", "Two claims are bound to the same volume, this one is bound incorrectly")
        }
        _ => join(claim, volume, desk),
    }
}

/// The claim names its volume.
fn choosy(claim: &Arc<Object>, name: &Str, world: &World, desk: &mut Desk<'_, '_>) -> Vec<Request> {
    desk.add_after(claim.key.clone(), RESYNC);
    let Some(volume) = volume(name, world) else { return phase(claim, "Pending", desk) };
    if binding::claim_of(volume).is_none() {
        if let Some(why) = binding::mismatch(volume, claim) {
            let message = format!("Cannot bind to requested volume \"{name}\": {why}");
            desk.warning(claim, "VolumeMismatch", message);
            return phase(claim, "Pending", desk);
        }
    } else if !binding::is_for(volume, claim) {
        let message = format!("volume \"{name}\" already bound to a different claim.");
        desk.warning(claim, "FailedBinding", message);
        return phase(claim, "Pending", desk);
    }
    join(claim, volume, desk)
}

/// The claim takes what it can get.
fn unbound(
    binder: &PersistentVolumeBinder,
    claim: &Arc<Object>,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Vec<Request> {
    let name = binding::class(claim);
    let class = world.object(&Key::new(Kind::StorageClass, Str::new(), name.clone()));
    let waits = class.is_some_and(|class| storageclass::waits_for_consumer(class));
    let kept = binder.kept.get(&claim.key).into_iter().flat_map(|keys| keys.iter());
    let volumes: Vec<&Arc<Object>> =
        kept.chain(binder.free.iter()).filter_map(|key| world.object(key)).collect();
    if let Some(volume) = binding::best(claim, volumes.into_iter(), None, waits) {
        return join(claim, volume, desk);
    }
    desk.add_after(claim.key.clone(), RESYNC);
    if waits && claim.meta.annotation(binding::SELECTED_NODE).is_none() {
        wait_for_consumer(binder, claim, world, desk);
        return phase(claim, "Pending", desk);
    }
    match (class, name.as_str()) {
        (Some(class), _) => return provision(claim, class, desk),
        (None, "") => {
            if let Some(request) = late_class(claim, world, desk) {
                return vec![request];
            }
            let message = "no persistent volumes available for this claim and no storage class is set";
            desk.normal(claim, "FailedBinding", message);
        }
        (None, name) => {
            let message = format!("storageclass.storage.k8s.io \"{name}\" not found");
            desk.warning(claim, "ProvisioningFailed", message);
        }
    }
    phase(claim, "Pending", desk)
}

fn wait_for_consumer(
    binder: &PersistentVolumeBinder,
    claim: &Object,
    world: &World,
    desk: &mut Desk<'_, '_>,
) {
    let users = binder.users.get(&claim.key).into_iter().flat_map(|pods| pods.iter());
    let waiting = users.filter(|pod| {
        world.object(pod).is_some_and(|pod| pod.body["spec"]["nodeName"].is_empty() && !pod.meta.deleting())
    });
    let names: Vec<&str> = waiting.map(|pod| pod.name.as_str()).collect();
    match names.as_slice() {
        [] => desk.normal(
            claim,
            "WaitForFirstConsumer",
            "waiting for first consumer to be created before binding",
        ),
        [one] => {
            desk.normal(claim, "WaitForPodScheduled", format!("waiting for pod {one} to be scheduled"));
        }
        several => {
            let message = format!("waiting for pods {} to be scheduled", several.join(","));
            desk.normal(claim, "WaitForPodScheduled", message);
        }
    }
}

/// A claim that named no class gets a default that came later.
fn late_class(claim: &Object, world: &World, desk: &Desk<'_, '_>) -> Option<Request> {
    if !claim.body["spec"]["storageClassName"].is_null() {
        return None;
    }
    let classes = world.informers.cache(Kind::StorageClass).values();
    let class =
        classes.filter(|class| storageclass::is_default(class)).max_by_key(|class| class.meta.creation)?;
    Some(patch(desk.user, claim, doc!({ "spec": { "storageClassName": &class.key.name } })))
}

/// Says who is to make a volume.
fn provision(claim: &Object, class: &Object, desk: &mut Desk<'_, '_>) -> Vec<Request> {
    const PROVISIONER: &str = "volume.kubernetes.io/storage-provisioner";
    let provisioner = class.body["provisioner"].str();
    if claim.meta.annotation(PROVISIONER) != Some(&provisioner) {
        let mut body = Doc::map();
        for name in ["volume.beta.kubernetes.io/storage-provisioner", PROVISIONER] {
            body.set_at(&["metadata", "annotations", name], &provisioner);
        }
        return vec![patch(desk.user, claim, body)];
    }
    let message = format!(
        "Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by the \
         system administrator. If volume creation is delayed, please verify that the provisioner is running and \
         correctly registered."
    );
    desk.normal(claim, "ExternalProvisioning", message);
    phase(claim, "Pending", desk)
}

/// Everything that is missing until both know of each other: first the volume, then the claim.
fn join(claim: &Object, volume: &Object, desk: &Desk<'_, '_>) -> Vec<Request> {
    let mut requests = Vec::new();
    if binding::claim_of(volume).is_none_or(|(_, uid)| uid.is_none()) {
        requests.push(patch(desk.user, volume, binding::keep(volume, claim)));
    }
    if volume.body["status"]["phase"].as_str() != Some("Bound") {
        let body = doc!({ "status": { "phase": "Bound" } });
        requests.push(patch(desk.user, volume, body).on(Subresource::Status));
    }
    let mut body = Doc::map();
    if claim.body["spec"]["volumeName"].is_empty() {
        body.set_at(&["spec", "volumeName"], &volume.key.name);
        body.set_at(&["metadata", "annotations", binding::BOUND_BY_CONTROLLER], "yes");
    }
    if claim.meta.annotation(binding::BIND_COMPLETED).is_none() {
        body.set_at(&["metadata", "annotations", binding::BIND_COMPLETED], "yes");
    }
    if !body.is_empty() {
        requests.push(patch(desk.user, claim, body));
    }
    let old = &claim.body["status"];
    let mut new = old.clone();
    let offered = &volume.body["spec"];
    new.set("phase", "Bound");
    new.set("accessModes", offered["accessModes"].clone());
    new.set("capacity", doc!({ "storage": offered["capacity"]["storage"].clone() }));
    requests.extend(write(desk.user, &claim.key, old, &new));
    requests
}
