//! What becomes of a volume.

use std::sync::Arc;

use crate::api::storage::binding;
use crate::api::{Object, Request};
use crate::controllers::status::write;
use crate::controllers::worker::Desk;
use crate::controllers::world::World;
use crate::doc;

use super::{let_go, patch};

/// What is to be written next about a volume.
pub fn sync(volume: &Arc<Object>, world: &World, desk: &mut Desk<'_, '_>) -> Vec<Request> {
    let now = volume.body["status"]["phase"].str();
    if volume.meta.deleting() && now != "Bound" {
        return let_go(desk.user, volume, "kubernetes.io/pv-protection");
    }
    let Some((key, uid)) = binding::claim_of(volume).filter(|(_, uid)| !uid.is_none()) else {
        return phase(volume, "Available", "", desk);
    };
    match world.object(&key).filter(|claim| claim.meta.uid == uid) {
        None if now == "Released" || now == "Failed" => reclaim(volume, desk),
        None => phase(volume, "Released", "", desk),
        Some(claim) => match claim.body["spec"]["volumeName"].str() {
            // The claim's own turn comes.
            name if name.is_empty() => Vec::new(),
            name if name == volume.key.name => phase(volume, "Bound", "", desk),
            _ if volume.meta.annotation(binding::BOUND_BY_CONTROLLER).is_some() => free(volume, desk),
            _ => phase(volume, "Available", "", desk),
        },
    }
}

fn phase(volume: &Object, phase: &str, why: &str, desk: &Desk<'_, '_>) -> Vec<Request> {
    let old = &volume.body["status"];
    let mut new = old.clone();
    new.set("phase", phase);
    if why.is_empty() {
        new.remove("message");
    } else {
        new.set("message", why);
    }
    write(desk.user, &volume.key, old, &new).into_iter().collect()
}

/// The volume is kept for nobody any more.
fn free(volume: &Object, desk: &Desk<'_, '_>) -> Vec<Request> {
    let body = doc!({
        "metadata": { "annotations": { "pv.kubernetes.io/bound-by-controller": null } },
        "spec": { "claimRef": null }
    });
    vec![patch(desk.user, volume, body)]
}

/// The claim is gone: what the volume's policy says.
fn reclaim(volume: &Object, desk: &mut Desk<'_, '_>) -> Vec<Request> {
    let spec = &volume.body["spec"];
    match spec["persistentVolumeReclaimPolicy"].as_str() {
        Some("Recycle") => {
            desk.normal(volume, "VolumeRecycled", "Volume recycled");
            free(volume, desk)
        }
        // Whoever made it takes it away.
        Some("Delete") if volume.meta.annotation(binding::PROVISIONED_BY).is_none() => {
            let path = spec["hostPath"]["path"].as_str();
            if path.is_some_and(|path| path.starts_with("/tmp/")) {
                return vec![Request::delete(desk.user.clone(), &volume.key)];
            }
            let why = match path {
                Some(path) => format!("host_path deleter only supports /tmp/.+ but received provided {path}"),
                None => format!(
                    "error getting deleter volume plugin for volume \"{}\": no deletable volume plugin matched",
                    volume.key.name
                ),
            };
            if volume.body["status"]["phase"].as_str() != Some("Failed") {
                desk.warning(volume, "VolumeFailedDelete", why.as_str());
            }
            phase(volume, "Failed", &why, desk)
        }
        _ => Vec::new(),
    }
}
