//! Resource quota controller: counts what the objects of a namespace use, and gives back what went away.
//!
//! The API server charges new objects itself; here a quota is counted when it is new or changed, when an object that
//! used something of it is gone, and every five minutes.

use crate::api::core::resourcequota::usage::{self, Amounts};
use crate::api::quantity::Amount;
use crate::api::{Key, Kind, Object, Reply, Request, Subresource};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::BTreeSet;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::WATCHED;
use super::status::resource_version;
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

const RESYNC: Duration = Duration::seconds(300);

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct ResourceQuotaController {}

/// What an answer is awaited for.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// Objects of kinds that no cache holds.
    Lists,
    /// The status is being written.
    Status,
}

impl Controller for ResourceQuotaController {
    const NAME: &'static str = "resourcequota-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.key.kind == Kind::ResourceQuota {
            let spec = |object: &Object| object.body["spec"]["hard"].clone();
            // Its status is written by this controller and by the API server: nothing follows from that.
            if delta.old.as_ref().map(|old| spec(old)) != delta.new.as_ref().map(|new| spec(new)) {
                desk.add(object.key.clone());
            }
            return;
        }
        let quotas = world.informers.cache(Kind::ResourceQuota);
        if quotas.is_empty() || !gives_back(delta, desk) {
            return;
        }
        let first = Key::new(Kind::ResourceQuota, object.key.namespace.clone(), Str::new());
        for (key, quota) in quotas.range(first..).take_while(|(key, _)| key.namespace == object.key.namespace)
        {
            let hard = quota.body["status"]["hard"].entries();
            if hard.iter().any(|(resource, _)| usage::kind_of(resource) == Some(object.key.kind)) {
                desk.add(key.clone());
            }
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(quota) = world.object(key) else { return Step::Done };
        desk.add_after(key.clone(), RESYNC);
        let unseen = kinds(quota, world).into_iter().filter(|kind| !WATCHED.contains(kind));
        let lists: Vec<Request> = unseen
            .map(|kind| Request {
                namespace: key.namespace.clone(),
                ..Request::list(desk.user.clone(), kind)
            })
            .collect();
        if lists.is_empty() {
            return write(quota, Amounts::new(), world, desk);
        }
        Step::Ask(lists, Waiting::Lists)
    }

    fn answered(
        &mut self,
        key: &Key,
        waiting: Waiting,
        answers: Vec<Answer>,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        if answers.iter().any(Result::is_err) {
            return Step::Retry;
        }
        let Some(quota) = world.object(key).filter(|_| matches!(waiting, Waiting::Lists)) else {
            return Step::Done;
        };
        let mut used = Amounts::new();
        for answer in &answers {
            let Ok(Reply::List(objects, _)) = answer else { continue };
            objects.iter().for_each(|object| count(quota, object, &mut used, desk));
        }
        write(quota, used, world, desk)
    }
}

/// Whether an object stopped using something.
fn gives_back(delta: &Delta, desk: &Desk<'_, '_>) -> bool {
    let (Some(old), Some(new)) = (&delta.old, &delta.new) else { return delta.new.is_none() };
    let now = desk.timestamp();
    let alive = |pod: &Object| usage::is_alive(&pod.body, pod.meta.deletion, now);
    match new.key.kind {
        Kind::Pod => alive(old) && !alive(new),
        Kind::Service | Kind::PersistentVolumeClaim => old.body["spec"] != new.body["spec"],
        _ => false,
    }
}

/// The kinds whose objects a quota counts.
fn kinds(quota: &Object, world: &World) -> BTreeSet<Kind> {
    let hard = quota.body["spec"]["hard"].entries();
    let custom = world.custom_kinds();
    let kind = |resource: &str| {
        let defined = custom.iter().copied().find(|kind| usage::is_used_by(resource, *kind));
        usage::kind_of(resource).or(defined)
    };
    hard.iter().filter_map(|(resource, _)| kind(resource)).collect()
}

fn count(quota: &Object, object: &Object, used: &mut Amounts, desk: &Desk<'_, '_>) {
    let kind = object.key.kind;
    if usage::in_scope(&quota.body["spec"], kind, &object.body) {
        usage::add(used, &usage::of(kind, &object.body, object.meta.deletion, desk.timestamp()));
    }
}

/// Counts what the caches hold to what was counted already, and writes down what differs.
fn write(quota: &Object, mut counted: Amounts, world: &World, desk: &Desk<'_, '_>) -> Step<Waiting> {
    for kind in kinds(quota, world).into_iter().filter(|kind| WATCHED.contains(kind)) {
        let first = Key::new(kind, quota.key.namespace.clone(), Str::new());
        let objects = world.informers.cache(kind).range(first..);
        objects
            .take_while(|(key, _)| key.namespace == quota.key.namespace)
            .for_each(|(_, object)| count(quota, object, &mut counted, desk));
    }
    let kinds = kinds(quota, world);
    let (hard, status) = (&quota.body["spec"]["hard"], &quota.body["status"]);
    let used = hard.entries().iter().filter_map(|(resource, _)| {
        let known = kinds.iter().any(|kind| usage::is_used_by(resource, *kind));
        let amount = counted.get(resource).copied().or(known.then(Amount::default));
        Some((resource.clone(), amount.or_else(|| Amount::read(&status["used"][resource.as_str()]))?))
    });
    let used = usage::to_doc(&used.collect());
    if status["hard"] == *hard && status["used"] == used {
        return Step::Done;
    }
    let mut doc = quota.to_doc();
    let hard = if hard.is_null() { Doc::map() } else { hard.clone() };
    doc.set("status", crate::doc!({ "hard": hard, "used": used }));
    doc.set_at(&["metadata", "resourceVersion"], resource_version(quota.meta.resource_version));
    let request = Request::update(desk.user.clone(), &quota.key, doc).on(Subresource::Status);
    Step::Ask(vec![request], Waiting::Status)
}
