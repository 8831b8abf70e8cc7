//! Garbage collector: what is left behind when an owner goes. In the background afterwards, in the foreground before,
//! or not at all (`orphan`).

use crate::api::{Key, Object, OwnerReference, PatchKind, Propagation, Request, Uid, User};
use crate::client::{Delta, Share};
use crate::codec::Codec;
use crate::collections::BTreeSet;
use crate::doc;
use crate::doc::{Doc, Str};

use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

const FOREGROUND: &str = Propagation::FOREGROUND;
const ORPHAN: &str = Propagation::ORPHAN;
/// How many owners are remembered as gone.
const REMEMBERED: usize = 500;

/// The control loop. Its keys are objects whose owners may be gone, or that wait for their dependents.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct GarbageCollector {
    /// UIDs of owners that the API server has said are gone.
    absent: BTreeSet<Uid>,
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The API server was asked for owners that the caches do not have.
    OwnersAsked(Vec<Uid>),
    /// Dependents were made ownerless: the finalizer is next.
    Orphaned,
    /// The object was deleted or changed.
    Written,
}

/// What an owner reference points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Owner {
    /// It is there and stays.
    Solid,
    /// It is gone.
    Dangling,
    /// It is being deleted and waits for its dependents.
    WaitsForDependents,
    /// The caches do not have it.
    Unseen,
}

impl Controller for GarbageCollector {
    const NAME: &'static str = "generic-garbage-collector";
    const SOURCE: &'static str = "garbage-collector-controller";
    const WORKERS: u64 = 20;
    /// Each deletion takes two requests.
    const SHARE: Share = Share { steady: 2, burst: 1 };
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if delta.new.is_none() {
            self.absent_is(object.meta.uid);
            world.owned(object.meta.uid).for_each(|key| desk.add(key.clone()));
            // An owner in its foreground deletion may have waited for this one.
            for owner in object.meta.owners.iter() {
                if self.judge(owner, &object.key.namespace, world) == Owner::WaitsForDependents {
                    desk.add(owner_key(owner, &object.key.namespace, world).expect("judged by its key"));
                }
            }
            return;
        }
        let unchanged = delta.old.as_ref().is_some_and(|old| {
            old.meta.owners == object.meta.owners
                && old.meta.deletion.is_some() == object.meta.deletion.is_some()
                && old.meta.finalizers == object.meta.finalizers
        });
        if unchanged {
            return;
        }
        if held_by(object, FOREGROUND) {
            world.owned(object.meta.uid).for_each(|key| desk.add(key.clone()));
        }
        for owner in delta.old.iter().flat_map(|old| old.meta.owners.iter()) {
            if self.judge(owner, &object.key.namespace, world) == Owner::WaitsForDependents {
                desk.add(owner_key(owner, &object.key.namespace, world).expect("judged by its key"));
            }
        }
        let lost = |owner: &OwnerReference| self.judge(owner, &object.key.namespace, world) != Owner::Solid;
        let lost = object.meta.owners.iter().any(lost);
        if held_by(object, FOREGROUND) || held_by(object, ORPHAN) || lost {
            desk.add(object.key.clone());
        }
        let told = || delta.old.as_ref().is_some_and(|old| old.meta.owners == object.meta.owners);
        if (lost || object.key.namespace.is_empty()) && !told() {
            Self::report_strangers(object, world, desk);
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(object) = world.object(key) else { return Step::Done };
        if held_by(object, ORPHAN) {
            let freed = world.owned(object.meta.uid).filter_map(|key| world.object(key));
            return Step::Ask(
                freed.map(|item| disown(desk.user, item, object.meta.uid)).collect(),
                Waiting::Orphaned,
            );
        }
        if held_by(object, FOREGROUND) {
            return wait_for_dependents(object, world, desk);
        }
        if object.meta.deleting() {
            return Step::Done;
        }
        self.collect(object, world, desk)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        match waiting {
            Waiting::OwnersAsked(uids) => {
                for (uid, answer) in uids.into_iter().zip(&answers) {
                    let replaced =
                        |reply: &crate::api::Reply| reply.object().is_some_and(|owner| owner.meta.uid != uid);
                    if is_gone(answer) || answer.as_ref().is_ok_and(replaced) {
                        self.absent_is(uid);
                    } else {
                        // It exists: the cache will show it.
                        return Step::Retry;
                    }
                }
                self.sync(key, world, desk)
            }
            _ if answers.iter().any(|answer| answer.is_err() && !is_gone(answer)) => Step::Retry,
            Waiting::Orphaned => match world.object(key).filter(|object| held_by(object, ORPHAN)) {
                Some(object) => Step::Ask(vec![release(desk.user, object, ORPHAN)], Waiting::Written),
                None => Step::Done,
            },
            Waiting::Written if all_ok(&answers) || answers.iter().any(is_gone) => Step::Done,
            Waiting::Written => Step::Retry,
        }
    }
}

/// Whether deletion was asked for and this finalizer says how.
fn held_by(object: &Object, finalizer: &str) -> bool {
    object.meta.deleting() && object.meta.has_finalizer(finalizer)
}

fn owner_key(owner: &OwnerReference, namespace: &Str, world: &World) -> Option<Key> {
    let kind = world.kind_of(owner)?;
    let namespace = if kind.info().namespaced { namespace.clone() } else { Str::new() };
    Some(Key { kind, namespace, name: owner.name.clone() })
}

impl GarbageCollector {
    fn absent_is(&mut self, uid: Uid) {
        if self.absent.len() >= REMEMBERED {
            self.absent.clear();
        }
        self.absent.insert(uid);
    }

    fn judge(&self, owner: &OwnerReference, namespace: &Str, world: &World) -> Owner {
        // A kind that nobody follows here is none of ours to judge.
        let followed = |key: &Key| world.informers.find_cache(key.kind).is_some();
        // Nor is an owner that cannot be: in which namespace would it be?
        let resolves = |key: &Key| !key.kind.info().namespaced || !key.namespace.is_empty();
        let Some(key) = owner_key(owner, namespace, world).filter(followed).filter(resolves) else {
            return Owner::Solid;
        };
        match world.object(&key) {
            Some(found) if found.meta.uid == owner.uid => {
                if held_by(found, FOREGROUND) {
                    Owner::WaitsForDependents
                } else {
                    Owner::Solid
                }
            }
            _ if self.absent.contains(&owner.uid) => Owner::Dangling,
            _ => Owner::Unseen,
        }
    }

    /// Says so where an owner is in another namespace than its dependent, in which nobody can own it.
    fn report_strangers(object: &Object, world: &World, desk: &mut Desk<'_, '_>) {
        let namespace = &object.key.namespace;
        for owner in object.meta.owners.iter() {
            let Some(key) = owner_key(owner, namespace, world) else { continue };
            // Only what its key does not find is looked for everywhere.
            if !key.kind.info().namespaced || world.object(&key).is_some_and(|at| at.meta.uid == owner.uid) {
                continue;
            }
            let mut all = world.informers.find_cache(key.kind).into_iter().flat_map(|cache| cache.values());
            if all.any(|found| found.meta.uid == owner.uid) {
                let OwnerReference { api_version, kind, name, .. } = owner;
                let uid = owner.uid.text();
                let text = format!(
                    "ownerRef [{api_version}/{kind}, namespace: {namespace}, name: {name}, uid: {uid}] does not exist \
                     in namespace \"{namespace}\""
                );
                desk.warning(object, "OwnerRefInvalidNamespace", text);
            }
        }
    }

    /// Deletes an object that no owner holds any more.
    fn collect(&mut self, object: &Object, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let owners = &object.meta.owners;
        let judged: Vec<Owner> =
            owners.iter().map(|owner| self.judge(owner, &object.key.namespace, world)).collect();
        if owners.is_empty() {
            return Step::Done;
        }
        let with =
            |wanted: Owner| judged.iter().zip(owners.iter()).filter(move |(owner, _)| **owner == wanted);
        let unseen: Vec<&OwnerReference> = with(Owner::Unseen).map(|(_, owner)| owner).collect();
        if !unseen.is_empty() {
            let keys = unseen.iter().filter_map(|owner| owner_key(owner, &object.key.namespace, world));
            let requests = keys.map(|key| Request::get(desk.user.clone(), &key)).collect();
            return Step::Ask(requests, Waiting::OwnersAsked(unseen.iter().map(|owner| owner.uid).collect()));
        }
        let waiting = with(Owner::WaitsForDependents).next().is_some();
        if with(Owner::Solid).next().is_some() {
            let gone: Vec<Uid> = judged
                .iter()
                .zip(owners.iter())
                .filter(|(o, _)| **o != Owner::Solid)
                .map(|(_, owner)| owner.uid)
                .collect();
            if gone.is_empty() {
                return Step::Done;
            }
            return Step::Ask(
                vec![keep_owners(desk.user, object, |uid| !gone.contains(&uid))],
                Waiting::Written,
            );
        }
        let has_dependents = world.owned(object.meta.uid).next().is_some();
        let propagation = match object.meta.propagation() {
            _ if waiting && has_dependents => Propagation::Foreground,
            already => already.unwrap_or(Propagation::Background),
        };
        desk.cx.note("GarbageCollected", Some(object.key.clone()), || {
            let names: Vec<&str> = owners.iter().map(|owner| owner.name.as_str()).collect();
            format!("its owner {} is gone or going", names.join(", ")).into()
        });
        let mut request = Request::delete(desk.user.clone(), &object.key);
        request.options.delete.propagation = Some(propagation);
        request.options.delete.uid = Some(object.meta.uid);
        // Where a dependent waits for its own, this may be a circle, in which all would wait for ever.
        let circular = || {
            world.owned(object.meta.uid).filter_map(|key| world.object(key)).any(|it| held_by(it, FOREGROUND))
        };
        let unblocking =
            (propagation == Propagation::Foreground && circular()).then(|| unblock(desk.user, object));
        Step::Ask(unblocking.into_iter().chain([request]).collect(), Waiting::Written)
    }
}

/// The request that lets the owners of an object go before it.
fn unblock(user: &User, object: &Object) -> Request {
    let free =
        |owner: &OwnerReference| OwnerReference { block_owner_deletion: false, ..owner.clone() }.to_doc();
    let owners: Vec<Doc> = object.meta.owners.iter().map(free).collect();
    let uid = object.meta.uid.text();
    let patch = doc!({ "metadata": { "uid": uid, "ownerReferences": owners } });
    Request::patch(user.clone(), &object.key, PatchKind::Merge, patch)
}

/// An object in its foreground deletion: goes once no dependent blocks it.
fn wait_for_dependents(object: &Object, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let uid = object.meta.uid;
    let blocks =
        |item: &Object| item.meta.owners.iter().any(|owner| owner.uid == uid && owner.block_owner_deletion);
    let blocking: Vec<&std::sync::Arc<Object>> =
        world.owned(uid).filter_map(|key| world.object(key)).filter(|item| blocks(item)).collect();
    if blocking.is_empty() {
        return Step::Ask(vec![release(desk.user, object, FOREGROUND)], Waiting::Written);
    }
    for item in blocking.into_iter().filter(|item| !item.meta.deleting()) {
        desk.add(item.key.clone());
    }
    Step::Done
}

/// The request that takes a finalizer off an object.
fn release(user: &User, object: &Object, finalizer: &str) -> Request {
    let kept: Vec<&Str> = object.meta.finalizers.iter().filter(|held| *held != finalizer).collect();
    let version = resource_version(object.meta.resource_version);
    let patch = doc!({ "metadata": { "resourceVersion": version, "finalizers": kept } });
    Request::patch(user.clone(), &object.key, PatchKind::Merge, patch)
}

/// The request that ends the ownership of `item` by the object with this UID.
fn disown(user: &User, item: &Object, uid: Uid) -> Request {
    keep_owners(user, item, |owner| owner != uid)
}

fn keep_owners(user: &User, object: &Object, keep: impl Fn(Uid) -> bool) -> Request {
    let kept: Vec<Doc> =
        object.meta.owners.iter().filter(|owner| keep(owner.uid)).map(OwnerReference::to_doc).collect();
    let version = resource_version(object.meta.resource_version);
    let patch = doc!({ "metadata": { "resourceVersion": version, "ownerReferences": kept } });
    Request::patch(user.clone(), &object.key, PatchKind::Merge, patch)
}
