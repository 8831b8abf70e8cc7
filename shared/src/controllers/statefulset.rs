//! StatefulSet controller: pods with names that last, one after the other unless they may come all at once.

mod plan;

use crate::api::apps::controllerrevision::ControllerRevision;
use crate::api::apps::statefulset::StatefulSet;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, Object, Of, PatchKind, Reason, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::history;
use super::pods;
use super::status::write;
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

/// Label of a revision with the hash in its name.
const HASH: &str = "controller.kubernetes.io/hash";
/// Label of a pod with the name of its revision.
const REVISION: &str = "controller-revision-hash";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct StatefulSetController {}

/// Something to do with a pod.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Action {
    /// It is missing: its name and body.
    Create(Str, Doc),
    /// A claim of it is missing: the pod's name, the claim's body.
    Claim(Str, Doc),
    /// A claim of its own has to have these owners.
    Own(Key, Doc),
    /// It has to go.
    Delete(Key),
}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// Pods or revisions were adopted or released.
    Claimed,
    /// The revision of the template was made or renumbered.
    Recorded,
    /// These actions are under way, `left` follow; then the status is written as it was when they were decided.
    Acting { under_way: Vec<Action>, left: Vec<Action>, status: Doc, failed: bool },
    /// Something was written last; `failed` says whether the key has to come back all the same.
    Written { failed: bool },
}

/// A StatefulSet and its revisions.
struct Subject {
    set: Of<StatefulSet>,
    /// What pods below the partition are.
    current: Of<ControllerRevision>,
    /// What pods are to become.
    update: Of<ControllerRevision>,
    revisions: Vec<Of<ControllerRevision>>,
}

impl Controller for StatefulSetController {
    const NAME: &'static str = "statefulset-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        match delta.object().key.kind {
            Kind::StatefulSet => desk.add(delta.object().key.clone()),
            Kind::Pod => pods::concerned(Kind::StatefulSet, delta, world, None)
                .into_iter()
                .for_each(|key| desk.add(key)),
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(set) = world.of::<StatefulSet>(key) else { return Step::Done };
        let member =
            |pod: &Of<Pod>| !pod.meta().deleting() && ordinal(&set.key().name, &pod.key().name).is_some();
        let mut claims = pods::claims(set.object(), &set.selector, &member, world, desk.user);
        claims.extend(history::adoptions(set.object(), &set.selector, world, desk.user));
        if !claims.is_empty() {
            return Step::Ask(claims, Waiting::Claimed);
        }
        let revisions = history::revisions(set.object(), world);
        let update = match history::current(set.object(), &revisions, HASH, desk.user) {
            Ok(update) => update,
            Err(request) => return Step::Ask(vec![*request], Waiting::Recorded),
        };
        let current = revisions.iter().find(|revision| revision.key().name == set.current_revision);
        let current = current.unwrap_or(&update).clone();
        let subject = Subject { set, current, update, revisions };
        let plan::Plan { actions, status, hindered } = plan::decide(&subject, world, desk.timestamp());
        for plan::Hindered { pod, claim, .. } in hindered.iter().filter(|one| !one.exists) {
            let name = &subject.set.key().name;
            let why =
                format!("Create Pod {pod} in StatefulSet {name} failed error: pvc {claim} is being deleted");
            desk.warning(subject.set.object(), "FailedCreate", why);
        }
        let wait = subject.set.min_ready_seconds;
        if wait > 0 && status["readyReplicas"] != status["availableReplicas"] {
            desk.add_after(key.clone(), Duration::seconds(wait.unsigned_abs()));
        }
        act(&subject, Vec::new(), actions, status, !hindered.is_empty(), world, desk)
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
        if let (Waiting::Acting { under_way, .. }, Some(set)) = (waiting, world.object(key)) {
            tell(set, &under_way[at as usize], answer, desk);
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
            Waiting::Acting { under_way, left, status, failed } => {
                let failed = failed || answers.iter().any(|answer| answer.is_err() && !is_gone(answer));
                let Some(subject) = subject(key, world, desk) else { return self.sync(key, world, desk) };
                let left = if failed { Vec::new() } else { left };
                act(&subject, under_way, left, status, failed, world, desk)
            }
            Waiting::Written { failed } if !failed && all_ok(&answers) => Step::Done,
            Waiting::Written { .. } => Step::Retry,
        }
    }
}

fn subject(key: &Key, world: &World, desk: &Desk<'_, '_>) -> Option<Subject> {
    let set = world.of::<StatefulSet>(key)?;
    let revisions = history::revisions(set.object(), world);
    let update = history::current(set.object(), &revisions, HASH, desk.user).ok()?;
    let current = revisions.iter().find(|revision| revision.key().name == set.current_revision);
    let current = current.unwrap_or(&update).clone();
    Some(Subject { set, current, update, revisions })
}

/// The number of a pod of the set called `name`; `None` when its name is not one of theirs.
fn ordinal(name: &str, pod: &str) -> Option<i64> {
    let digits = pod.strip_prefix(name)?.strip_prefix('-')?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
}

/// Takes the next actions: twice as many as before; when all are taken the status is written.
fn act(
    subject: &Subject,
    before: Vec<Action>,
    mut left: Vec<Action>,
    status: Doc,
    failed: bool,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    if left.is_empty() {
        return finish(subject, &status, failed, world, desk);
    }
    let batch = (before.len() * 2).clamp(1, left.len());
    let rest = left.split_off(batch);
    let namespace = &subject.set.key().namespace;
    let request = |action: &Action| match action {
        Action::Create(_, body) => {
            Request::create(desk.user.clone(), Kind::Pod, namespace.clone(), body.clone())
        }
        Action::Claim(_, body) => {
            let kind = Kind::PersistentVolumeClaim;
            Request::create(desk.user.clone(), kind, namespace.clone(), body.clone())
        }
        Action::Own(claim, owners) => {
            let body = crate::doc!({ "metadata": { "ownerReferences": owners.clone() } });
            Request::patch(desk.user.clone(), claim, PatchKind::Merge, body)
        }
        Action::Delete(pod) => Request::delete(desk.user.clone(), pod),
    };
    let requests = left.iter().map(request).collect();
    Step::Ask(requests, Waiting::Acting { under_way: left, left: rest, status, failed })
}

fn tell(set: &Object, action: &Action, answer: &Answer, desk: &mut Desk<'_, '_>) {
    let name = &set.key.name;
    let (what, well) = match action {
        Action::Create(pod, _) => (format!("Create Pod {pod} in StatefulSet {name}"), "successful"),
        Action::Claim(pod, claim) => {
            let claim = claim["metadata"]["name"].str();
            (format!("Create Claim {claim} Pod {pod} in StatefulSet {name}"), "success")
        }
        Action::Own(..) => return,
        Action::Delete(pod) => (format!("Delete Pod {} in StatefulSet {name}", pod.name), "successful"),
    };
    let (good, bad) = match action {
        Action::Delete(_) => ("SuccessfulDelete", "FailedDelete"),
        _ => ("SuccessfulCreate", "FailedCreate"),
    };
    match answer {
        Ok(_) => desk.normal(set, good, format!("{what} {well}")),
        // Somebody else was faster, or the cache lags behind.
        Err(refusal) if matches!(refusal.reason, Reason::AlreadyExists | Reason::NotFound) => {}
        Err(refusal) => {
            desk.warning(set, bad, format!("{what} failed error: {refusal}"));
            if let Action::Claim(pod, claim) = action {
                // Without it there is no pod, of which is said the same.
                let why = format!("failed to create PVC {}: {refusal}", claim["metadata"]["name"].str());
                let what = format!("Create Pod {pod} in StatefulSet {name} failed error: {why}");
                desk.warning(set, bad, what);
            }
        }
    }
}

/// Old revisions beyond the limit go; then the status is written.
fn finish(
    subject: &Subject,
    status: &Doc,
    failed: bool,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let mut requests: Vec<Request> =
        surplus(subject, world).iter().map(|key| Request::delete(desk.user.clone(), key)).collect();
    let old = &subject.set.object().body["status"];
    // Conditions of others go with the next news, and not before.
    let mut same = old.clone();
    same.remove("conditions");
    if same != *status {
        requests.extend(write(desk.user, subject.set.key(), old, status));
    }
    match requests.is_empty() {
        true if failed => Step::Retry,
        true => Step::Done,
        false => Step::Ask(requests, Waiting::Written { failed }),
    }
}

fn surplus(subject: &Subject, world: &World) -> Vec<Key> {
    let pods: Vec<Of<Pod>> = world.managed::<Pod>(subject.set.meta().uid).collect();
    let live = |revision: &Of<ControllerRevision>| {
        let name = &revision.key().name;
        *name == subject.current.key().name
            || *name == subject.update.key().name
            || pods.iter().any(|pod| pod.meta().label(REVISION) == name)
    };
    let old: Vec<Key> = subject
        .revisions
        .iter()
        .filter(|revision| !live(revision))
        .map(|revision| revision.key().clone())
        .collect();
    let surplus = usize::try_from(old.len() as i64 - subject.set.revision_history_limit).unwrap_or(0);
    old.into_iter().take(surplus).collect()
}

#[cfg(test)]
mod tests {
    use super::ordinal;

    #[test]
    fn only_its_own_pods_have_a_number() {
        assert_eq!(ordinal("db", "db-0"), Some(0));
        assert_eq!(ordinal("db", "db-12"), Some(12));
        for stranger in ["db", "db-", "db-x", "db-1-2", "dbx-1", "other-1"] {
            assert_eq!(ordinal("db", stranger), None, "{stranger}");
        }
    }
}
