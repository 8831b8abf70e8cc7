//! DaemonSet controller: one pod on every node that fits, replaced node by node when the template changes.

mod census;
mod placement;
mod status;
mod update;

use std::sync::Arc;

use crate::api::apps::controllerrevision::ControllerRevision;
use crate::api::apps::daemonset::DaemonSet;
use crate::api::core::node::Node;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Object, Of, Request, Uid};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Duration, Time};

use super::expectations::Expectations;
use super::history;
use super::pods::{self, Work};
use super::worker::{Answer, Controller, Desk, Step, all_ok};
use super::world::World;

use census::Census;
use placement::Placement;

/// Label of pods and revisions that says which revision they are.
const HASH: &str = "controller-revision-hash";
/// How many pods one sync creates at most.
const BURST: usize = 250;
/// First and longest wait before a failed pod is deleted again.
const FIRST_BACK_OFF: Duration = Duration::seconds(1);
const LONGEST_BACK_OFF: Duration = Duration::seconds(900);

/// The control loop.
#[derive(Codec, Clone, Debug, Default)]
pub struct DaemonSetController {
    expectations: Expectations,
    /// When a failed pod of a DaemonSet was last deleted on a node, and how long the next one stays after that.
    failed: BTreeMap<(Key, Str), (Time, Duration)>,
    /// By UID of the DaemonSet.
    censuses: BTreeMap<Uid, Arc<Census>>,
}

impl std::hash::Hash for DaemonSetController {
    /// The censuses follow from the caches.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.expectations, &self.failed).hash(state);
    }
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// Pods or revisions were adopted or released.
    Claimed,
    /// The revision of the template was made or renumbered.
    Recorded,
    /// Pods are created and deleted; `rolling` when that was a step of an update.
    Working { work: Work, rolling: bool },
    /// Something was written last; `failed` says whether the key has to come back all the same.
    Written { failed: bool },
}

/// A DaemonSet, its revisions, and which of them is wanted.
struct Subject {
    set: Of<DaemonSet>,
    placement: Placement,
    current: Of<ControllerRevision>,
    revisions: Vec<Of<ControllerRevision>>,
}

impl Subject {
    /// The hash label of up-to-date pods.
    fn hash(&self) -> &str {
        self.current.meta().label(HASH)
    }
}

impl Controller for DaemonSetController {
    const NAME: &'static str = "daemonset-controller";
    const WORKERS: u64 = 2;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        match object.key.kind {
            Kind::DaemonSet => {
                if delta.new.is_none() {
                    self.forget(&object.key);
                    self.censuses.remove(&object.meta.uid);
                }
                desk.add(object.key.clone());
            }
            Kind::Pod => {
                self.count(delta);
                await_availability(delta, world, desk);
                pods::concerned(Kind::DaemonSet, delta, world, Some(&mut self.expectations))
                    .into_iter()
                    .for_each(|key| desk.add(key));
            }
            Kind::ControllerRevision => match world.manager::<DaemonSet>(&object.key.namespace, &object.meta)
            {
                Some(set) => desk.add(set.key().clone()),
                None => pods::selecting(Kind::DaemonSet, &object.key.namespace, &object.meta.labels, world)
                    .into_iter()
                    .for_each(|key| desk.add(key)),
            },
            Kind::Node => self.observe_node(delta, world, desk),
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(set) = world.of::<DaemonSet>(key) else {
            self.forget(key);
            return Step::Done;
        };
        if set.selector.is_empty() {
            let text = "This daemon set is selecting all pods. A non-empty selector is required.";
            desk.warning(set.object(), "SelectingAll", text);
            return Step::Done;
        }
        if set.meta().deleting() {
            return Step::Done;
        }
        let mut claims =
            pods::claims(set.object(), &set.selector, &|pod| !pod.meta().deleting(), world, desk.user);
        claims.extend(history::adoptions(set.object(), &set.selector, world, desk.user));
        if !claims.is_empty() {
            return Step::Ask(claims, Waiting::Claimed);
        }
        let revisions = history::revisions(set.object(), world);
        let current = match history::current(set.object(), &revisions, HASH, desk.user) {
            Ok(current) => current,
            Err(request) => return Step::Ask(vec![*request], Waiting::Recorded),
        };
        let subject = Subject { placement: Placement::read(&set), set, current, revisions };
        let census = self.census(&subject, world, desk);
        if !self.expectations.satisfied(key, desk) {
            return status::write(&subject, false, false, &census, desk);
        }
        let work = self.manage(&subject, &census, world, desk);
        if work.is_empty() {
            return self.roll(&subject, &census, world, desk);
        }
        self.work(&subject, work, false, desk)
    }

    fn heard(
        &mut self,
        key: &Key,
        waiting: &Waiting,
        at: u32,
        answer: &Answer,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) {
        if let (Waiting::Working { work, .. }, Some(set)) = (waiting, world.object(key)) {
            work.heard(set, at, answer, &mut self.expectations, desk);
        }
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
            Waiting::Claimed | Waiting::Recorded if all_ok(&answers) => self.sync(key, world, desk),
            Waiting::Recorded => match (world.object(key), answers.first()) {
                (Some(set), Some(answer)) => {
                    history::refused(set, answer, world, desk.user, Waiting::Written { failed: true })
                }
                _ => Step::Done,
            },
            Waiting::Claimed => Step::Retry,
            Waiting::Working { mut work, rolling } => {
                work.answered(key, &answers, &mut self.expectations);
                if let Some(requests) = work.next(key, desk.user) {
                    return Step::Ask(requests, Waiting::Working { work, rolling });
                }
                let Some(subject) = subject(key, world, desk) else { return self.sync(key, world, desk) };
                let census = self.census(&subject, world, desk);
                if !work.failed && !rolling && self.expectations.satisfied(key, desk) {
                    return self.roll(&subject, &census, world, desk);
                }
                finish(&subject, work.failed, &census, world, desk)
            }
            Waiting::Written { failed } if !failed && all_ok(&answers) => Step::Done,
            Waiting::Written { .. } => Step::Retry,
        }
    }
}

/// A pod that is ready now counts as available later: its DaemonSet looks again then. A second more, as upstream has it,
/// for what dates leave out.
fn await_availability(delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
    let ready = |pod: &Option<Arc<Object>>| {
        pod.as_ref().and_then(|pod| pod.view::<Pod>()).is_some_and(|pod| pod.ready)
    };
    let (Some(pod), true) = (&delta.new, ready(&delta.new) && !ready(&delta.old)) else { return };
    let Some(set) = world.manager::<DaemonSet>(&pod.key.namespace, &pod.meta) else { return };
    if set.min_ready_seconds > 0 {
        desk.add_after(set.key().clone(), Duration::seconds(set.min_ready_seconds.unsigned_abs() + 1));
    }
}

impl DaemonSetController {
    fn forget(&mut self, key: &Key) {
        self.expectations.forget(key);
        self.failed.retain(|(of, _), _| of != key);
    }

    /// Takes a change of a pod into the censuses that it concerns.
    fn count(&mut self, delta: &Delta) {
        let manager = |pod: &Option<Arc<Object>>| Some(pod.as_ref()?.meta.controller()?.uid);
        let (before, now) = (manager(&delta.old), manager(&delta.new));
        for uid in before.into_iter().chain(now.filter(|_| now != before)) {
            if let Some(census) = self.censuses.get_mut(&uid) {
                Arc::make_mut(census).observe(delta, uid);
            }
        }
    }

    /// How the set stands on all nodes now.
    fn census(&mut self, subject: &Subject, world: &World, desk: &Desk<'_, '_>) -> Arc<Census> {
        let uid = subject.set.meta().uid;
        let census = self.censuses.entry(uid).or_insert_with(|| Arc::new(Census::of(uid, world)));
        Arc::make_mut(census).refresh(subject, world, desk.timestamp());
        Arc::clone(census)
    }

    /// What a node takes may have changed: the DaemonSets that want to be there and are not, or are and should not,
    /// come in line.
    fn observe_node(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let name = &delta.object().key.name;
        let node = delta.new.clone().and_then(Of::<Node>::new);
        let same = |old: &Object, new: &Object| {
            old.meta.labels == new.meta.labels && old.body["spec"] == new.body["spec"]
        };
        if delta.old.as_ref().zip(node.as_ref()).is_some_and(|(old, new)| same(old, new.object())) {
            return;
        }
        self.censuses.values_mut().for_each(|census| Arc::make_mut(census).touch(name));
        let Some(node) = node else { return };
        for set in world.informers.list::<DaemonSet>() {
            let (runs, stays) = Placement::read(&set).on(&node);
            let there = match self.censuses.get(&set.meta().uid) {
                Some(census) => census.has(name),
                None => Census::of(set.meta().uid, world).has(name),
            };
            let concerns = if there { !stays || set.misscheduled > 0 } else { runs };
            if concerns {
                desk.add(set.key().clone());
            }
        }
    }

    /// A step of the rolling update, if pods are to be replaced.
    fn roll(
        &mut self,
        subject: &Subject,
        census: &Census,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        if subject.set.on_delete {
            return finish(subject, false, census, world, desk);
        }
        let work = update::roll(subject, census, world);
        if work.is_empty() {
            return finish(subject, false, census, world, desk);
        }
        self.work(subject, work, true, desk)
    }

    fn work(
        &mut self,
        subject: &Subject,
        mut work: Work,
        rolling: bool,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let key = subject.set.key();
        work.expect(key, &mut self.expectations, desk.now());
        match work.next(key, desk.user) {
            Some(requests) => Step::Ask(requests, Waiting::Working { work, rolling }),
            None => Step::Done,
        }
    }
}

/// The set with its revisions, once the revision of its template is known.
fn subject(key: &Key, world: &World, desk: &Desk<'_, '_>) -> Option<Subject> {
    let set = world.of::<DaemonSet>(key)?;
    let revisions = history::revisions(set.object(), world);
    let current = history::current(set.object(), &revisions, HASH, desk.user).ok()?;
    Some(Subject { placement: Placement::read(&set), set, current, revisions })
}

/// Old revisions beyond the limit go; then the status is written.
fn finish(
    subject: &Subject,
    failed: bool,
    census: &Census,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let doomed = surplus(subject, world);
    if !doomed.is_empty() {
        let requests = doomed.iter().map(|key| Request::delete(desk.user.clone(), key)).collect();
        return Step::Ask(requests, Waiting::Written { failed });
    }
    status::write(subject, true, failed, census, desk)
}

fn surplus(subject: &Subject, world: &World) -> Vec<Key> {
    let current = subject.current.key();
    let old = || subject.revisions.iter().filter(|revision| revision.key() != current);
    let surplus = usize::try_from(old().count() as i64 - subject.set.revision_history_limit).unwrap_or(0);
    if surplus == 0 {
        return Vec::new();
    }
    let pods = world.managed::<crate::api::core::pod::Pod>(subject.set.meta().uid);
    let live: Vec<String> = pods.map(|pod| pod.meta().label(HASH).to_owned()).collect();
    let unused = old().filter(|revision| live.iter().all(|hash| hash != revision.meta().label(HASH)));
    unused.take(surplus).map(|revision| revision.key().clone()).collect()
}
