//! Deployment controller: one ReplicaSet a version, scaled up and down until the wanted version has the wanted size.
//!
//! A sync makes one kind of change and ends; the change comes back through the watch and the key with it, until
//! nothing is left to change and the status is written.

mod replicas;
mod revision;
mod rolling;
mod status;

use crate::api::apps::deployment::Deployment;
use crate::api::apps::replicaset::ReplicaSet;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Of, PatchKind, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;
use crate::doc::Str;

use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step, all_ok};
use super::world::World;

/// Without `progressDeadlineSeconds`, or with this one, progress is not judged.
const NO_DEADLINE: i64 = i32::MAX as i64;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct DeploymentController {}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// A new ReplicaSet was asked for: its name and size, and the revision it is to have.
    Created { name: Str, replicas: i64, revision: i64 },
    /// ReplicaSets were scaled: name, size before, size after (only the annotations changed where these are equal);
    /// and whether that was a step of a rollout.
    Scaled { changes: Vec<(Str, i64, i64)>, rollout: bool },
    /// Something was written whose only sequel comes by watch.
    Written,
}

/// A Deployment and its ReplicaSets, as the caches have them.
pub struct Rollout {
    /// The Deployment.
    pub deployment: Of<Deployment>,
    /// The ReplicaSet of the wanted template, once it exists.
    pub new: Option<Of<ReplicaSet>>,
    /// All others, oldest first.
    pub old: Vec<Of<ReplicaSet>>,
}

impl Rollout {
    fn read(deployment: Of<Deployment>, world: &World) -> Rollout {
        let mut sets: Vec<Of<ReplicaSet>> = world.managed::<ReplicaSet>(deployment.meta().uid).collect();
        replicas::sort_by_age(&mut sets);
        let found = sets.iter().position(|set| revision::same_template(&deployment.template, &set.template));
        let new = found.map(|at| sets.remove(at));
        Rollout { deployment, new, old: sets }
    }

    /// All ReplicaSets: the old ones, then the new one.
    pub fn all(&self) -> impl Iterator<Item = &Of<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }

    /// Pods that all ReplicaSets together are told to have.
    pub fn size(&self) -> i64 {
        self.all().map(|set| set.replicas).fold(0, i64::saturating_add)
    }

    fn has_deadline(&self) -> bool {
        self.deployment.progress_deadline_seconds != NO_DEADLINE
    }
}

impl Controller for DeploymentController {
    const NAME: &'static str = "deployment-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::Deployment => desk.add(delta.object().key.clone()),
            Kind::ReplicaSet => observe_set(delta, world, desk),
            // Recreate waits until the last old pod is gone.
            Kind::Pod if delta.new.is_none() => {
                let pod = delta.object();
                let set = world.manager::<ReplicaSet>(&pod.key.namespace, &pod.meta);
                let owner = set.and_then(|set| world.manager::<Deployment>(&pod.key.namespace, set.meta()));
                if let Some(deployment) = owner.filter(|deployment| deployment.recreate) {
                    desk.add(deployment.key().clone());
                }
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(deployment) = world.of::<Deployment>(key) else { return Step::Done };
        let claims = claims(&deployment, world, desk);
        if !claims.is_empty() {
            return Step::Ask(claims, Waiting::Written);
        }
        let rollout = Rollout::read(deployment, world);
        if rollout.deployment.meta().deleting() {
            return status::sync(&rollout, false, desk);
        }
        if let Some(request) = status::pause_or_resume(&rollout, desk) {
            return Step::Ask(vec![request], Waiting::Written);
        }
        if let Some(request) = revision::refresh_new(&rollout, desk) {
            return Step::Ask(vec![request], Waiting::Written);
        }
        if rollout.deployment.paused || replicas::is_scaling(&rollout) {
            return resize(&rollout, desk);
        }
        if rollout.deployment.recreate { recreate(&rollout, world, desk) } else { roll(&rollout, desk) }
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let Some(deployment) = world.of::<Deployment>(key) else { return Step::Done };
        match waiting {
            Waiting::Created { name, replicas, revision } => match answers.into_iter().next() {
                Some(answer) => {
                    revision::created(&deployment, &name, replicas, revision, answer, world, desk)
                }
                None => Step::Done,
            },
            Waiting::Scaled { changes, rollout } => {
                for ((name, before, after), answer) in changes.into_iter().zip(&answers) {
                    if answer.is_ok() && before != after {
                        let way = if before < after { "up" } else { "down" };
                        let text = format!("Scaled {way} replica set {name} from {before} to {after}");
                        desk.normal(deployment.object(), "ScalingReplicaSet", text);
                    }
                }
                if !all_ok(&answers) {
                    return Step::Retry;
                }
                status::sync(&Rollout::read(deployment, world), rollout, desk)
            }
            Waiting::Written if all_ok(&answers) => Step::Done,
            Waiting::Written => Step::Retry,
        }
    }
}

fn observe_set(delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
    let object = delta.object();
    let namespace = &object.key.namespace;
    for side in [&delta.old, &delta.new].into_iter().flatten() {
        if let Some(deployment) = world.manager::<Deployment>(namespace, &side.meta) {
            desk.add(deployment.key().clone());
        }
    }
    if let Some(orphan) = delta.new.as_ref().filter(|set| set.meta.controller().is_none()) {
        let candidates = world.may_select(Kind::Deployment, namespace, &orphan.meta.labels);
        for deployment in candidates.iter().filter_map(|key| world.of::<Deployment>(key)) {
            if deployment.selector.matches(&orphan.meta.labels) {
                desk.add(deployment.key().clone());
            }
        }
    }
}

/// Adopts ReplicaSets that match and have no manager, releases those that no longer match.
fn claims(deployment: &Of<Deployment>, world: &World, desk: &Desk<'_, '_>) -> Vec<Request> {
    if deployment.meta().deleting() || deployment.selector.is_empty() {
        return Vec::new();
    }
    let user = desk.user;
    let adopted = world.orphans::<ReplicaSet>(&deployment.key().namespace, &deployment.selector);
    let adoptions = adopted
        .filter(|set| !set.meta().deleting())
        .map(|set| adopt(user, deployment.object(), set.object()));
    let managed = world.managed::<ReplicaSet>(deployment.meta().uid);
    let strangers = managed.filter(|set| !deployment.selector.matches(&set.meta().labels));
    adoptions.chain(strangers.map(|set| release(user, deployment.object(), set.object()))).collect()
}

/// The request that makes `owner` the manager of `object`.
pub fn adopt(user: &crate::api::User, owner: &crate::api::Object, object: &crate::api::Object) -> Request {
    let owner = owner.as_controller().to_doc();
    let body = doc!({ "metadata": { "uid": object.meta.uid.text(), "ownerReferences": [owner] } });
    Request::patch(user.clone(), &object.key, PatchKind::Strategic, body)
}

/// The request that ends the ownership of `object` by `owner`.
pub fn release(user: &crate::api::User, owner: &crate::api::Object, object: &crate::api::Object) -> Request {
    let uid = owner.meta.uid.text();
    let body = doc!({ "metadata": {
        "uid": object.meta.uid.text(), "ownerReferences": [{ "$patch": "delete", "uid": uid }]
    } });
    Request::patch(user.clone(), &object.key, PatchKind::Strategic, body)
}

/// Follows a change of `spec.replicas` (or any change while paused).
fn resize(rollout: &Rollout, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let scalings = replicas::resize(rollout);
    if !scalings.is_empty() {
        return replicas::scale(rollout, scalings, false, desk);
    }
    if rollout.deployment.paused {
        let clean = revision::clean_up(rollout, desk);
        if !clean.is_empty() {
            return Step::Ask(clean, Waiting::Written);
        }
    }
    status::sync(rollout, false, desk)
}

/// One step of a rolling update.
fn roll(rollout: &Rollout, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let Some(new) = &rollout.new else { return revision::create(rollout, desk) };
    let grown = rolling::new_size(&rollout.deployment, rollout.size(), new.replicas);
    if grown != new.replicas {
        return replicas::scale(rollout, vec![(new.clone(), grown)], true, desk);
    }
    let shrunk = rolling::shrink_old(rollout, new);
    if !shrunk.is_empty() {
        return replicas::scale(rollout, shrunk, true, desk);
    }
    finish(rollout, desk)
}

/// One step of a Recreate: nothing new before everything old is gone.
fn recreate(rollout: &Rollout, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let down: Vec<_> =
        rollout.old.iter().filter(|set| set.replicas > 0).map(|set| (set.clone(), 0)).collect();
    if !down.is_empty() {
        return replicas::scale(rollout, down, true, desk);
    }
    let alive = |set: &Of<ReplicaSet>| {
        let mut pods = world.managed::<Pod>(set.meta().uid);
        set.status_replicas > 0 || pods.any(|pod| !pod.phase.is_terminal())
    };
    if rollout.old.iter().any(alive) {
        return status::sync(rollout, true, desk);
    }
    let Some(new) = &rollout.new else { return revision::create(rollout, desk) };
    if new.replicas != rollout.deployment.replicas {
        return replicas::scale(rollout, vec![(new.clone(), rollout.deployment.replicas)], true, desk);
    }
    finish(rollout, desk)
}

/// The sizes are right: clean up when the rollout is complete, and tell how it stands.
fn finish(rollout: &Rollout, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    if status::is_complete(&rollout.deployment, &rollout.deployment.object().body["status"]) {
        let clean = revision::clean_up(rollout, desk);
        if !clean.is_empty() {
            return Step::Ask(clean, Waiting::Written);
        }
    }
    status::sync(rollout, true, desk)
}

/// A patch that is refused when its object has changed since it was read.
fn guarded(object: &crate::api::Object, mut patch: crate::doc::Doc) -> crate::doc::Doc {
    patch.set_at(&["metadata", "resourceVersion"], resource_version(object.meta.resource_version));
    patch
}
