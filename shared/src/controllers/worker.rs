//! What every controller runs in: a queue of keys, requests whose answers a key waits for, events, a rate limit.
//!
//! A controller decides in [`Controller::sync`] and says which requests to send with [`Step::Ask`]. The key stays
//! busy until all answers are in; then [`Controller::answered`] goes on from what it chose to remember. Nothing
//! blocks, and all of it is data.

use std::fmt::Debug;
use std::hash::Hash;

use crate::api::{Key, Object, Reply, Request, Status, User};
use crate::client::{Delta, RateLimiter, Recorder, Severity, Share, Wait, WorkQueue};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Str, Timestamp};
use crate::sim::{Causes, Context, Core, Duration, RequestId, Time, Timer};

use super::world::World;

/// What came back for a request.
pub type Answer = Result<Reply, Box<Status>>;

/// What the work on a key needs next.
#[derive(Clone, Debug)]
pub enum Step<W> {
    /// Nothing until something changes.
    Done,
    /// Another try, later each time.
    Retry,
    /// These requests; with their answers the work goes on from `W`.
    Ask(Vec<Request>, W),
}

/// A control loop.
pub trait Controller: Clone + Debug + Hash + Default {
    /// The component's name, and that of its queue.
    const NAME: &'static str;
    /// What its events say that they come from.
    const SOURCE: &'static str = Self::NAME;
    /// How many keys are worked on at once.
    const WORKERS: u64;
    /// Its share of the API server's attention.
    const SHARE: Share = Share::ONE;
    /// What is remembered of a key while answers are on their way.
    type Waiting: Clone + Debug + Hash + Codec;

    /// The process started: the place to set timers.
    fn start(&mut self, _desk: &mut Desk<'_, '_>) {}

    /// A cache changed (and the indexes with it): puts in line what that concerns.
    fn observe(&mut self, delta: &Delta, world: &World, desk: &mut Desk<'_, '_>);

    /// Works on a key.
    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Self::Waiting>;

    /// One answer of several came in: the place to tell of it at once. The rest of the work waits for all of them.
    fn heard(
        &mut self,
        _key: &Key,
        _waiting: &Self::Waiting,
        _at: u32,
        _answer: &Answer,
        _world: &World,
        _desk: &mut Desk<'_, '_>,
    ) {
    }

    /// Whether nothing is to be tried again after an answer.
    fn is_settled(answer: &Answer) -> bool {
        answer.is_ok() || is_gone(answer)
    }

    /// Goes on with a key, with one answer for each request in the same order: it is done once all are settled.
    fn answered(
        &mut self,
        _key: &Key,
        _waiting: Self::Waiting,
        answers: Vec<Answer>,
        _world: &World,
        _desk: &mut Desk<'_, '_>,
    ) -> Step<Self::Waiting> {
        if answers.iter().all(Self::is_settled) { Step::Done } else { Step::Retry }
    }

    /// A timer of the controller's own ran out; false when it is somebody else's.
    fn timer(&mut self, _timer: &Timer, _world: &World, _desk: &mut Desk<'_, '_>) -> bool {
        false
    }

    /// Adds the countdowns that run now.
    fn waits(&self, _world: &World, _core: &Core, _waits: &mut Vec<Wait>) {}
}

/// Whether every answer is a success; the test for "go on or retry".
pub fn all_ok(answers: &[Answer]) -> bool {
    answers.iter().all(Result::is_ok)
}

/// Whether an answer says that the object is gone, which ends most work well.
pub fn is_gone(answer: &Answer) -> bool {
    matches!(answer, Err(status) if status.reason == crate::api::Reason::NotFound)
}

/// A work queue whose delayed keys are kept once each, at the earliest time asked for.
#[derive(Codec, Clone, Debug, Hash)]
struct Queue {
    keys: WorkQueue,
    name: &'static str,
    delayed: BTreeMap<Key, Time>,
}

/// Tells this module's delays from those of [`WorkQueue`] itself.
const DELAYED: u64 = 1;

impl Queue {
    fn add_after(&mut self, key: Key, wait: Duration, cx: &mut Context<'_>) {
        let at = cx.now() + wait;
        if self.delayed.get(&key).is_some_and(|&earlier| earlier <= at) {
            return;
        }
        self.delayed.insert(key.clone(), at);
        cx.timer(wait, Timer { number: DELAYED, ..Timer::about(self.name, key) });
    }

    fn handle_timer(&mut self, timer: &Timer, cx: &Context<'_>) -> bool {
        if timer.name != self.name || timer.number != DELAYED {
            return self.keys.handle_timer(timer, cx);
        }
        if let Some(key) = &timer.key
            && self.delayed.get(key) == Some(&cx.now())
        {
            self.delayed.remove(key);
            self.keys.add(key.clone(), &cx.causes);
        }
        true
    }
}

/// A controller's tools while it handles something.
pub struct Desk<'a, 'b> {
    /// Clock, trace, timers.
    pub cx: &'a mut Context<'b>,
    /// Whom its requests come from.
    pub user: &'a User,
    queue: &'a mut Queue,
    recorder: &'a mut Recorder,
}

impl Desk<'_, '_> {
    /// Puts a key in line because of what is being handled.
    pub fn add(&mut self, key: Key) {
        self.queue.keys.add(key, &self.cx.causes);
    }

    /// Puts a key in line after `wait`, unless it comes sooner anyway.
    pub fn add_after(&mut self, key: Key, wait: Duration) {
        self.queue.add_after(key, wait, self.cx);
    }

    /// The moment it is.
    pub fn now(&self) -> Time {
        self.cx.now()
    }

    /// The date it is.
    pub fn timestamp(&self) -> Timestamp {
        self.cx.timestamp()
    }

    /// Records an event of type Normal.
    pub fn normal(&mut self, object: &Object, reason: &'static str, message: impl Into<Str>) {
        self.recorder.event(object, Severity::Normal, reason, message, self.cx);
    }

    /// Records an event of type Warning.
    pub fn warning(&mut self, object: &Object, reason: &'static str, message: impl Into<Str>) {
        self.recorder.event(object, Severity::Warning, reason, message, self.cx);
    }
}

/// A key that is being worked on.
#[derive(Codec, Clone, Debug, Hash)]
struct Job<W> {
    causes: Causes,
    waiting: W,
    answers: BTreeMap<u32, Answer>,
    missing: u32,
}

/// A request that a controller sent: its number, the key it is for, its place among the key's requests.
pub struct Asked {
    /// The request.
    pub id: RequestId,
    /// The key.
    pub key: Key,
    /// The place.
    pub at: u32,
}

/// A controller with its queue, client and event source.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Worker<C: Controller> {
    controller: C,
    user: User,
    queue: Queue,
    recorder: Recorder,
    limiter: RateLimiter,
    jobs: BTreeMap<Key, Job<C::Waiting>>,
    /// Requests held back by the rate limit, by the number of their timer; they die with the process. They are large, and
    /// the first of many is taken out time and again.
    held: BTreeMap<u64, Box<Held>>,
}

/// A request whose turn has not come: for which key, at which place, and why.
#[derive(Codec, Clone, Debug, Hash)]
struct Held {
    key: Key,
    at: u32,
    request: Request,
}

/// What the controller manager does with a [`Worker`], whatever its controller.
pub trait Run {
    /// The component's name.
    fn name(&self) -> &'static str;
    /// How many keys are in line or being worked on.
    fn len(&self) -> u64;
    /// Whether no key is in line.
    fn is_idle(&self) -> bool;
    /// See [`Controller::start`].
    fn start(&mut self, cx: &mut Context<'_>);
    /// See [`Controller::observe`].
    fn observe(&mut self, delta: &Delta, world: &World, cx: &mut Context<'_>);
    /// Takes a timer and answers which requests were sent because of it; `None` when it is somebody else's.
    fn timer(&mut self, timer: &Timer, world: &World, cx: &mut Context<'_>) -> Option<Vec<Asked>>;
    /// Works on the keys in line; answers which requests were sent.
    fn work(&mut self, world: &World, cx: &mut Context<'_>) -> Vec<Asked>;
    /// Takes an answer; answers which requests were sent because of it.
    fn answer(
        &mut self,
        key: Key,
        at: u32,
        answer: Answer,
        world: &World,
        cx: &mut Context<'_>,
    ) -> Vec<Asked>;
    /// See [`Controller::waits`].
    fn waits(&self, world: &World, core: &Core, waits: &mut Vec<Wait>);
}

impl<C: Controller> Worker<C> {
    /// A controller without memory.
    pub fn new() -> Worker<C> {
        let user = User::component(format!("system:serviceaccount:kube-system:{}", C::NAME));
        Worker {
            controller: C::default(),
            queue: Queue { keys: WorkQueue::new(C::NAME), name: C::NAME, delayed: BTreeMap::new() },
            recorder: Recorder::new(&user, C::SOURCE, Str::new()),
            limiter: RateLimiter::default(),
            jobs: BTreeMap::new(),
            held: BTreeMap::new(),
            user,
        }
    }

    fn parts<'a, 'b>(&'a mut self, cx: &'a mut Context<'b>) -> (&'a mut C, Desk<'a, 'b>) {
        let Worker { controller, user, queue, recorder, .. } = self;
        (controller, Desk { cx, user, queue, recorder })
    }

    /// Does what the step says; sends requests as fast as the rate limit lets them go.
    fn take(&mut self, key: Key, step: Step<C::Waiting>, world: &World, cx: &mut Context<'_>) -> Vec<Asked> {
        let mut step = step;
        loop {
            match step {
                Step::Done => {
                    self.queue.keys.forget(&key);
                    self.queue.keys.done(&key);
                    return Vec::new();
                }
                Step::Retry => {
                    self.queue.keys.add_rate_limited(key.clone(), cx);
                    self.queue.keys.done(&key);
                    return Vec::new();
                }
                Step::Ask(requests, waiting) if requests.is_empty() => {
                    let (controller, mut desk) = self.parts(cx);
                    step = controller.answered(&key, waiting, Vec::new(), world, &mut desk);
                }
                Step::Ask(requests, waiting) => return self.ask(key, requests, waiting, cx),
            }
        }
    }

    fn ask(
        &mut self,
        key: Key,
        requests: Vec<Request>,
        waiting: C::Waiting,
        cx: &mut Context<'_>,
    ) -> Vec<Asked> {
        let mut asked = Vec::new();
        let missing = requests.len() as u32;
        for (at, request) in (0..).zip(requests) {
            let wait = self.limiter.wait(C::SHARE, cx);
            if wait == Duration::ZERO {
                asked.push(Asked { id: cx.request(request), key: key.clone(), at });
                continue;
            }
            let number = cx.core.fresh_id();
            self.held.insert(number, Box::new(Held { key: key.clone(), at, request }));
            cx.timer(wait, Timer { number, ..Timer::named(C::NAME) });
        }
        self.jobs.insert(key, Job { causes: cx.causes.clone(), waiting, answers: BTreeMap::new(), missing });
        asked
    }
}

impl<C: Controller> Run for Worker<C> {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn len(&self) -> u64 {
        self.queue.keys.len() + self.jobs.len() as u64
    }

    fn is_idle(&self) -> bool {
        self.queue.keys.is_empty()
    }

    fn start(&mut self, cx: &mut Context<'_>) {
        let (controller, mut desk) = self.parts(cx);
        controller.start(&mut desk);
    }

    fn observe(&mut self, delta: &Delta, world: &World, cx: &mut Context<'_>) {
        let (controller, mut desk) = self.parts(cx);
        controller.observe(delta, world, &mut desk);
    }

    fn timer(&mut self, timer: &Timer, world: &World, cx: &mut Context<'_>) -> Option<Vec<Asked>> {
        if timer.name == C::NAME && timer.key.is_none() {
            let Held { key, at, request } = *self.held.remove(&timer.number)?;
            return Some(vec![Asked { id: cx.request(request), key, at }]);
        }
        if self.queue.handle_timer(timer, cx) {
            return Some(Vec::new());
        }
        let (controller, mut desk) = self.parts(cx);
        controller.timer(timer, world, &mut desk).then(Vec::new)
    }

    fn work(&mut self, world: &World, cx: &mut Context<'_>) -> Vec<Asked> {
        let mut asked = Vec::new();
        while (self.jobs.len() as u64) < C::WORKERS
            && let Some((key, causes)) = self.queue.keys.next()
        {
            let sent = cx.because(causes, |cx| {
                let (controller, mut desk) = self.parts(cx);
                let step = controller.sync(&key, world, &mut desk);
                self.take(key, step, world, cx)
            });
            asked.extend(sent);
        }
        asked
    }

    fn answer(
        &mut self,
        key: Key,
        at: u32,
        answer: Answer,
        world: &World,
        cx: &mut Context<'_>,
    ) -> Vec<Asked> {
        let Some(mut job) = self.jobs.remove(&key) else { return Vec::new() };
        let (controller, mut desk) = self.parts(cx);
        controller.heard(&key, &job.waiting, at, &answer, world, &mut desk);
        job.answers.insert(at, answer);
        job.missing -= 1;
        if job.missing > 0 {
            self.jobs.insert(key, job);
            return Vec::new();
        }
        let mut causes = job.causes;
        causes.merge(&cx.causes);
        cx.because(causes, |cx| {
            let (controller, mut desk) = self.parts(cx);
            let answers = job.answers.into_values().collect();
            let step = controller.answered(&key, job.waiting, answers, world, &mut desk);
            self.take(key, step, world, cx)
        })
    }

    fn waits(&self, world: &World, core: &Core, waits: &mut Vec<Wait>) {
        self.controller.waits(world, core, waits);
    }
}
