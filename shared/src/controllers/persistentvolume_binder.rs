//! Persistent volume controller: joins claims and volumes, says who makes a volume where there is none, and sees to
//! volumes whose claim is gone. Also lets go of claims and volumes that were deleted while in use, as upstream's
//! pvc-protection and pv-protection controllers do.

mod claim;
mod volume;

use crate::api::storage::binding;
use crate::api::{Key, Kind, Object, PatchKind, Request, User};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::worker::{Answer, Controller, Desk, Step, all_ok};
use super::world::World;

/// How often a claim without a volume is looked at again.
const RESYNC: Duration = Duration::seconds(15);

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct PersistentVolumeBinder {
    /// Volumes by the claim that they are kept for.
    kept: BTreeMap<Key, BTreeSet<Key>>,
    /// Volumes that are kept for no claim.
    free: BTreeSet<Key>,
    /// Pods by the claims they use.
    users: BTreeMap<Key, BTreeSet<Key>>,
}

impl Controller for PersistentVolumeBinder {
    const NAME: &'static str = "persistentvolume-controller";
    const WORKERS: u64 = 1;
    /// Requests that follow when the one under way was answered well.
    type Waiting = Vec<Request>;

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::PersistentVolumeClaim => {
                let claim = delta.object();
                desk.add(claim.key.clone());
                let name = claim.body["spec"]["volumeName"].str();
                if delta.new.is_none() && !name.is_empty() {
                    desk.add(Key::new(Kind::PersistentVolume, Str::new(), name));
                }
            }
            Kind::PersistentVolume => self.volume_changed(delta, desk),
            Kind::Pod => self.pod_changed(delta, desk),
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Vec<Request>> {
        let Some(object) = world.object(key) else { return Step::Done };
        let requests = match key.kind {
            Kind::PersistentVolume => volume::sync(object, world, desk),
            _ => claim::sync(self, object, world, desk),
        };
        one_by_one(requests)
    }

    fn answered(
        &mut self,
        _: &Key,
        left: Vec<Request>,
        answers: Vec<Answer>,
        _: &World,
        _: &mut Desk<'_, '_>,
    ) -> Step<Vec<Request>> {
        if all_ok(&answers) { one_by_one(left) } else { Step::Retry }
    }
}

impl PersistentVolumeBinder {
    fn volume_changed(&mut self, delta: &Delta, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        for (volume, now) in [(&delta.old, false), (&delta.new, true)] {
            let Some(volume) = volume else { continue };
            let claim = binding::claim_of(volume).map(|(claim, _)| claim);
            let list = match &claim {
                None => &mut self.free,
                Some(claim) => self.kept.entry(claim.clone()).or_default(),
            };
            if now {
                list.insert(key.clone());
            } else {
                list.remove(key);
            }
            let empty = list.is_empty();
            if let Some(claim) = claim {
                if empty {
                    self.kept.remove(&claim);
                }
                desk.add(claim);
            }
        }
        desk.add(key.clone());
    }

    /// A pod's volumes do not change: only its coming and going, and where it is, matter.
    fn pod_changed(&mut self, delta: &Delta, desk: &mut Desk<'_, '_>) {
        let placed = |pod: &Object| !pod.body["spec"]["nodeName"].is_empty();
        if let (Some(old), Some(new)) = (&delta.old, &delta.new)
            && placed(old) == placed(new)
        {
            return;
        }
        let pod = delta.object();
        for claim in claims_of(pod) {
            let users = self.users.entry(claim.clone()).or_default();
            if delta.new.is_some() {
                users.insert(pod.key.clone());
            } else {
                users.remove(&pod.key);
            }
            if users.is_empty() {
                self.users.remove(&claim);
            }
            desk.add(claim);
        }
    }
}

/// The claims that a pod uses.
fn claims_of(pod: &Object) -> impl Iterator<Item = Key> {
    let key = |volume: &Doc| {
        let name = match (&volume["persistentVolumeClaim"], &volume["ephemeral"]) {
            (Doc::Null, Doc::Null) => return None,
            (Doc::Null, _) => format!("{}-{}", pod.key.name, volume["name"].str()).into(),
            (claim, _) => claim["claimName"].str(),
        };
        Some(Key::new(Kind::PersistentVolumeClaim, pod.key.namespace.clone(), name))
    };
    pod.body["spec"]["volumes"].items().iter().filter_map(key)
}

fn one_by_one(mut requests: Vec<Request>) -> Step<Vec<Request>> {
    if requests.is_empty() {
        return Step::Done;
    }
    let left = requests.split_off(1);
    Step::Ask(requests, left)
}

fn patch(user: &User, object: &Object, body: Doc) -> Request {
    Request::patch(user.clone(), &object.key, PatchKind::Merge, body)
}

/// The request that takes a finalizer off, if the object has it.
fn let_go(user: &User, object: &Object, finalizer: &str) -> Vec<Request> {
    if !object.meta.has_finalizer(finalizer) {
        return Vec::new();
    }
    let others = object.meta.finalizers.iter().filter(|held| *held != finalizer);
    let body = doc!({ "metadata": {
        "resourceVersion": object.meta.resource_version.to_string(), "finalizers": Doc::list(others)
    } });
    vec![patch(user, object, body)]
}
