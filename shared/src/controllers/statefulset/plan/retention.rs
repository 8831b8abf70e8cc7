//! `persistentVolumeClaimRetentionPolicy`: whose the claims of pods are, and with whom they go.

use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Of, Uid};
use crate::controllers::world::World;
use crate::doc::{Doc, Str};

use super::{Action, Pods, Subject, claims};

/// Gives every claim the owner that the policy wants: the set, the pod that is about to go for good, or none.
pub(super) fn own_claims(subject: &Subject, pods: &Pods, world: &World, actions: &mut Vec<Action>) {
    let set = &subject.set;
    if set.object().body["spec"]["volumeClaimTemplates"].items().is_empty() {
        return;
    }
    let (with_set, with_pod) = set.claims_go;
    let stay = pods.wanted.iter().flatten().map(|pod| (pod, false));
    let leave = pods.condemned.iter().map(|pod| (pod, true));
    for (pod, leaves) in stay.chain(leave) {
        let owner = match (with_set, with_pod && leaves) {
            (_, true) => Some(pod.object()),
            (true, false) => Some(set.object()),
            (false, false) => None,
        };
        let wanted = owner.map(|owner| owner.as_controller().to_doc());
        for (_, name, _) in claims(subject, &pod.key().name) {
            own(subject, pod, &name, wanted.as_ref(), world, actions);
        }
    }
}

fn own(
    subject: &Subject,
    pod: &Of<Pod>,
    name: &Str,
    wanted: Option<&Doc>,
    world: &World,
    actions: &mut Vec<Action>,
) {
    let key = Key::new(Kind::PersistentVolumeClaim, subject.set.key().namespace.clone(), name.clone());
    let Some(claim) = world.object(&key) else { return };
    let ours = |uid: Uid| uid == subject.set.meta().uid || uid == pod.meta().uid;
    let is = |uid: Uid| wanted.is_some_and(|wanted| wanted["uid"].as_str() == Some(&uid.text()));
    let owners = &claim.meta.owners;
    if claim.meta.controller().is_some_and(|owner| !ours(owner.uid)) {
        return;
    }
    let right = owners.iter().all(|owner| !ours(owner.uid) || is(owner.uid))
        && (wanted.is_none() || owners.iter().any(|owner| is(owner.uid)));
    if right {
        return;
    }
    let others = owners.iter().filter(|owner| !ours(owner.uid)).map(|owner| owner.to_doc());
    actions.push(Action::Own(key, Doc::list(others.chain(wanted.cloned()))));
}
