//! CronJob controller: makes a Job each time its schedule comes round.

mod clock;

use crate::api::batch::cronjob::CronJob;
use crate::api::batch::job::Job;
use crate::api::{Key, Kind, Of, Propagation, Reason, Request, Uid, User};
use crate::client::{Delta, Wait};
use crate::codec::Codec;
use crate::collections::sort_by_key;
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::{Core, Duration};

use super::pods::namespace_is_going;
use super::status::{date, write};
use super::worker::{Answer, Controller, Desk, Step, all_ok, is_gone};
use super::world::World;

use clock::{Clock, Missed, local, missed, rfc1123};

/// Clocks may differ by so much: a Job comes a little later than its moment.
const LATE: i64 = 100;
/// With more missed starts than that somebody should look.
const MANY: i64 = 100;
const SCHEDULED: &str = "batch.kubernetes.io/cronjob-scheduled-timestamp";

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct CronJobController {}

/// What goes on after answers.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// The API server was asked for active Jobs that the cache does not have.
    Looked(Vec<Doc>),
    /// Jobs that still ran are being replaced; the new one is due at this second.
    Replacing { status: Doc, doomed: Vec<Key>, due: i64 },
    /// The Job for this second was asked for.
    Creating { status: Doc, due: i64 },
    /// Old Jobs are being deleted.
    Cleaning { status: Doc, doomed: Vec<Key> },
    /// The status was written last.
    Written,
}

impl Controller for CronJobController {
    const NAME: &'static str = "cronjob-controller";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        match object.key.kind {
            Kind::CronJob => match (&delta.old, delta.new.clone().and_then(Of::<CronJob>::new)) {
                // Another schedule is no reason to catch up with what it would have asked for.
                (Some(old), Some(new)) if moved(old, &new) => requeue(&new, desk),
                _ => desk.add(object.key.clone()),
            },
            Kind::Job => {
                for side in [&delta.old, &delta.new].into_iter().flatten() {
                    if let Some(owner) = world.manager::<CronJob>(&side.key.namespace, &side.meta) {
                        desk.add(owner.key().clone());
                    }
                }
            }
            _ => {}
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(cron) = world.of::<CronJob>(key) else { return Step::Done };
        let unseen: Vec<Doc> = active(&cron.object().body["status"])
            .iter()
            .filter(|job| world.object(&job_key(&cron, job)).is_none_or(|known| known.meta.uid != uid(job)))
            .cloned()
            .collect();
        if unseen.is_empty() {
            return decide(&cron, &[], world, desk);
        }
        let ask = |job: &Doc| Request::get(desk.user.clone(), &job_key(&cron, job));
        Step::Ask(unseen.iter().map(ask).collect(), Waiting::Looked(unseen))
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
        let Some(cron) = world.object(key) else { return };
        match (waiting, answer) {
            (Waiting::Replacing { doomed, .. } | Waiting::Cleaning { doomed, .. }, Ok(_)) => {
                let text = format!("Deleted job {}", doomed[at as usize].name);
                desk.normal(cron, "SuccessfulDelete", text);
            }
            (Waiting::Replacing { .. } | Waiting::Cleaning { .. }, Err(refusal)) if !is_gone(answer) => {
                desk.warning(cron, "FailedDelete", format!("Deleted job: {refusal}"));
            }
            (Waiting::Creating { .. }, Ok(reply)) => {
                let name = reply.object().map(|job| job.key.name.clone()).unwrap_or_default();
                desk.normal(cron, "SuccessfulCreate", format!("Created job {name}"));
            }
            (Waiting::Creating { .. }, Err(refusal))
                if refusal.reason != Reason::AlreadyExists && !namespace_is_going(answer) =>
            {
                desk.warning(cron, "FailedCreate", format!("Error creating job: {refusal}"));
            }
            _ => {}
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
        let Some(cron) = world.of::<CronJob>(key) else { return Step::Done };
        let well = answers.iter().all(|answer| answer.is_ok() || is_gone(answer));
        match waiting {
            Waiting::Looked(unseen) if well => {
                let same = |answer: &Answer, job: &Doc| {
                    let found = answer.as_ref().ok().and_then(|reply| reply.object());
                    found.is_some_and(|found| found.meta.uid == uid(job))
                };
                let both = unseen.iter().zip(&answers);
                let gone: Vec<Doc> =
                    both.filter(|(job, answer)| !same(answer, job)).map(|(job, _)| job.clone()).collect();
                decide(&cron, &gone, world, desk)
            }
            Waiting::Replacing { mut status, doomed, due } if well => {
                let names: Vec<Str> = doomed.into_iter().map(|job| job.name).collect();
                retain(&mut status, |job| !names.contains(&job["name"].str()));
                create(&cron, status, due, desk)
            }
            Waiting::Creating { status, due } => created(&cron, status, due, &answers, world, desk),
            Waiting::Cleaning { status, .. } if well => finish(&cron, &status, desk),
            Waiting::Written if all_ok(&answers) => Step::Done,
            Waiting::Looked(_) | Waiting::Replacing { .. } | Waiting::Cleaning { .. } | Waiting::Written => {
                Step::Retry
            }
        }
    }

    fn waits(&self, world: &World, core: &Core, waits: &mut Vec<Wait>) {
        for cron in world.all::<CronJob>().filter(|cron| !cron.suspend && !cron.meta().deleting()) {
            let next = Clock::read(&cron).ok().and_then(|clock| clock.next(core.timestamp().seconds()));
            let time = |seconds: i64| core.dates.time_of(Timestamp::from_millis(seconds * 1000));
            let since = cron.last_schedule.unwrap_or(cron.meta().creation).seconds();
            if let (Some(since), Some(until)) = (time(since), next.and_then(time)) {
                waits.push(Wait { name: "nextRun", object: cron.key().clone(), since, until });
            }
        }
    }
}

fn moved(old: &crate::api::Object, new: &Of<CronJob>) -> bool {
    old.view::<CronJob>().is_some_and(|old| old.schedule != new.schedule || old.time_zone != new.time_zone)
}

fn active(status: &Doc) -> &[Doc] {
    status["active"].items()
}

fn uid(job: &Doc) -> Uid {
    Uid::parse(&job["uid"].str())
}

fn job_key(cron: &Of<CronJob>, job: &Doc) -> Key {
    Key { kind: Kind::Job, namespace: cron.key().namespace.clone(), name: job["name"].str() }
}

fn retain(status: &mut Doc, keep: impl Fn(&Doc) -> bool) {
    status.at_mut(&["active"]).edit_items().retain(keep);
}

/// Has the CronJob looked at when it is due next.
fn requeue(cron: &Of<CronJob>, desk: &mut Desk<'_, '_>) {
    let Ok(clock) = Clock::read(cron) else { return };
    let now = desk.timestamp();
    let from = match missed(cron, &clock, now.seconds(), false) {
        Some(Missed { latest: Some(latest), .. }) => latest,
        Some(Missed { earliest, count: 0, .. }) => earliest,
        _ => now.seconds(),
    };
    if let Some(next) = clock.next(from) {
        let wait = (next * 1000 + LATE - now.millis()).max(0);
        desk.add_after(cron.key().clone(), Duration::millis(wait.unsigned_abs()));
    }
}

/// Brings the list of active Jobs up to date, then starts what is due. `gone` are active Jobs that no longer exist.
fn decide(cron: &Of<CronJob>, gone: &[Doc], world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let mut status = cron.object().body["status"].clone();
    review(cron, &mut status, world, desk);
    for job in gone {
        let text = format!("Active job went missing: {}", job["name"].str());
        desk.normal(cron.object(), "MissingJob", text);
        retain(&mut status, |known| known["uid"] != job["uid"]);
    }
    match due(cron, &status, desk) {
        Some(due) if cron.concurrency == "Replace" && !active(&status).is_empty() => {
            let doomed: Vec<Key> = active(&status).iter().map(|job| job_key(cron, job)).collect();
            let requests = doomed.iter().map(|job| delete_job(desk.user, job)).collect();
            Step::Ask(requests, Waiting::Replacing { status, doomed, due })
        }
        Some(due) => create(cron, status, due, desk),
        None => clean(cron, status, world, desk),
    }
}

/// Takes finished Jobs off the list of active ones.
fn review(cron: &Of<CronJob>, status: &mut Doc, world: &World, desk: &mut Desk<'_, '_>) {
    for job in world.managed::<Job>(cron.meta().uid) {
        let mine = job.meta().uid.text();
        let listed = active(status).iter().any(|known| known["uid"].as_str() == Some(&mine));
        let name = &job.key().name;
        match &job.finished {
            None if !listed => {
                let text = format!("Saw a job that the controller did not create or forgot: {name}");
                desk.warning(cron.object(), "UnexpectedJob", text);
            }
            Some((how, _)) if listed => {
                retain(status, |known| known["uid"].as_str() != Some(&mine));
                let text = format!("Saw completed job: {name}, condition: {how}");
                desk.normal(cron.object(), "SawCompletedJob", text);
            }
            _ => {}
        }
        let completion = job.object().body["status"]["completionTime"].as_time();
        if let Some(at) = completion.filter(|_| job.succeeded())
            && status["lastSuccessfulTime"].as_time().is_none_or(|before| before < at)
        {
            status.set("lastSuccessfulTime", date(at));
        }
    }
}

/// The moment whose Job is to be started now. If there is none, the CronJob is looked at again in time.
fn due(cron: &Of<CronJob>, status: &Doc, desk: &mut Desk<'_, '_>) -> Option<i64> {
    if cron.meta().deleting() || cron.suspend {
        return None;
    }
    let clock = match Clock::read(cron) {
        Ok(clock) => clock,
        Err(why) => {
            let text = format!("unparseable schedule: {:?} : {why}", cron.schedule.as_str());
            desk.warning(cron.object(), "UnparseableSchedule", text);
            return None;
        }
    };
    let now = desk.timestamp().seconds();
    let Some(start) = missed(cron, &clock, now, true) else {
        // A day that no month has: nothing is tried again before the CronJob changes.
        let why = "time difference between two schedules is less than 1 second";
        let text = format!("invalid schedule: {} : {why}", cron.schedule);
        desk.warning(cron.object(), "InvalidSchedule", text);
        return None;
    };
    let verdict = match start.latest {
        None => None,
        Some(due) => {
            if start.count > MANY {
                let text = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew";
                desk.warning(cron.object(), "TooManyMissedTimes", text);
            }
            start_or_not(cron, status, due, now, desk)
        }
    };
    if verdict.is_none() {
        requeue(cron, desk);
    }
    verdict
}

fn start_or_not(
    cron: &Of<CronJob>,
    status: &Doc,
    due: i64,
    now: i64,
    desk: &mut Desk<'_, '_>,
) -> Option<i64> {
    if cron.starting_deadline_seconds.is_some_and(|limit| now.saturating_sub(due) > limit) {
        let text = format!("Missed scheduled time to start a job: {}", rfc1123(due));
        desk.warning(cron.object(), "MissSchedule", text);
        return None;
    }
    let name = name_of(cron, due);
    let started = active(status).iter().any(|job| job["name"].as_str() == Some(&name));
    if started || cron.last_schedule.is_some_and(|last| last.seconds() == due) {
        return None;
    }
    if cron.concurrency == "Forbid" && !active(status).is_empty() {
        let text = "Not starting job because prior execution is running and concurrency policy is Forbid";
        desk.normal(cron.object(), "JobAlreadyActive", text);
        return None;
    }
    Some(due)
}

/// A Job is called after its minute, so that none is made twice.
fn name_of(cron: &Of<CronJob>, due: i64) -> String {
    format!("{}-{}", cron.key().name, due / 60)
}

fn create(cron: &Of<CronJob>, status: Doc, due: i64, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let metadata = &cron.template["metadata"];
    let mut annotations = metadata["annotations"].clone();
    annotations.set(SCHEDULED, local(cron, due));
    let mut job = doc!({
        "metadata": {
            "name": name_of(cron, due), "annotations": annotations,
            "ownerReferences": [(cron.object().as_controller().to_doc())]
        },
        "spec": cron.template["spec"].clone()
    });
    if !metadata["labels"].is_empty() {
        job.set_at(&["metadata", "labels"], metadata["labels"].clone());
    }
    let request = Request::create(desk.user.clone(), Kind::Job, cron.key().namespace.clone(), job);
    Step::Ask(vec![request], Waiting::Creating { status, due })
}

fn created(
    cron: &Of<CronJob>,
    mut status: Doc,
    due: i64,
    answers: &[Answer],
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let made = match answers.first() {
        Some(Ok(reply)) => reply.object().cloned(),
        Some(Err(refusal)) if refusal.reason == Reason::AlreadyExists => {
            // Made before a crash that kept the status from being written.
            let key = Key { kind: Kind::Job, name: name_of(cron, due).into(), ..cron.key().clone() };
            let own = |owner: &crate::api::OwnerReference| owner.uid == cron.meta().uid;
            world.object(&key).filter(|job| job.meta.controller().is_some_and(own)).cloned()
        }
        Some(answer) if namespace_is_going(answer) => return Step::Done,
        _ => return Step::Retry,
    };
    let running = made.filter(|job| job.view::<Job>().is_some_and(|job| job.finished.is_none()));
    if let Some(job) = running {
        let mut reference = job.reference();
        reference.set("apiVersion", Kind::Job.info().api_version());
        reference.set("resourceVersion", job.meta.resource_version.to_string());
        status.at_mut(&["active"]).edit_items().push(reference);
    }
    status.set("lastScheduleTime", date(Timestamp::from_millis(due * 1000)));
    if let Ok(clock) = Clock::read(cron)
        && let Some(next) = clock.next(due)
    {
        let wait = (next * 1000 + LATE - desk.timestamp().millis()).max(0);
        desk.add_after(cron.key().clone(), Duration::millis(wait.unsigned_abs()));
    }
    clean(cron, status, world, desk)
}

/// Deletes the oldest Jobs beyond the histories.
fn clean(cron: &Of<CronJob>, status: Doc, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let mut doomed = Vec::new();
    for (good, limit) in [true, false].into_iter().zip(cron.histories) {
        let mut ended: Vec<Of<Job>> = world
            .managed::<Job>(cron.meta().uid)
            .filter(|job| job.finished.is_some() && job.succeeded() == good && !job.meta().deleting())
            .collect();
        sort_by_key(&mut ended, |job| (job.start.is_none(), job.start, job.key().clone()));
        let surplus = usize::try_from(ended.len() as i64 - limit).unwrap_or(0);
        doomed.extend(ended.into_iter().take(surplus).map(|job| job.key().clone()));
    }
    if doomed.is_empty() {
        return finish(cron, &status, desk);
    }
    let requests = doomed.iter().map(|job| delete_job(desk.user, job)).collect();
    Step::Ask(requests, Waiting::Cleaning { status, doomed })
}

fn finish(cron: &Of<CronJob>, status: &Doc, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let mut status = status.clone();
    super::status::omit_empty(&mut status, &["active"]);
    match write(desk.user, cron.key(), &cron.object().body["status"], &status) {
        Some(request) => Step::Ask(vec![request], Waiting::Written),
        None => Step::Done,
    }
}

/// The request that deletes a Job, and afterwards its pods: by itself it would leave them.
fn delete_job(user: &User, job: &Key) -> Request {
    let mut request = Request::delete(user.clone(), job);
    request.options.delete.propagation = Some(Propagation::Background);
    request
}
