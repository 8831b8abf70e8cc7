//! kube-scheduler: places pods on nodes.
//!
//! # Layout
//! [`queue`] says which pod is next, [`cache`] what is on which node, [`cycle`] runs a pod through the plugins of
//! [`plugins`] on the [`framework`], [`attempt`] lets one look into attempts of the past. [`event_handlers`] take
//! in changes. This file talks to the API server: it binds, and reports what fits nowhere.

pub mod attempt;
pub mod cache;
mod counts;
pub mod cycle;
mod defaults;
pub mod devices;
mod event_handlers;
pub mod events;
pub mod framework;
pub mod groups;
mod kin;
mod memo;
pub mod nominated;
pub mod plugins;
pub mod preemption;
pub mod queue;
pub mod residents;
pub mod selector;
pub mod template;
pub mod topology;
pub mod trial;
mod unschedulable;
pub mod volumes;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, LabelSelector, Object, PatchKind, Reply, Request, Status, Subresource, User};
use crate::client::{Handled, Informers, Input, Recorder, Severity, Wait};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, literal};
use crate::sim::{Context, Duration, Random, RequestId, Timer};

use attempt::{Attempts, Record};
use cache::{Cache, CachedPod};
use cycle::Decision;
use defaults::DefaultSelectors;
use framework::{Asks, PostFilter};
use memo::Memos;
use nominated::Nominations;
use plugins::PLUGINS;
use preemption::eviction::Evictions;
use preemption::tries::Tries;
use queue::Queue;
use template::Template;
use volumes::Volumes;

pub use attempt::{Attempt, AttemptOutcome, Explanation, NodeVerdict, PluginScore, PreemptionVerdict};
pub use queue::QueueLengths;

/// What a pod's `schedulerName` must be for this scheduler to care.
const NAME: &str = "default-scheduler";
/// How many pods are compared with another before its template is looked up.
const LAST: usize = 8;
/// How long an attempt takes.
const ATTEMPT: Duration = Duration::millis(1);
/// How often pods are looked for that have been unschedulable very long.
const FLUSH: Duration = Duration::seconds(30);

/// The scheduler.
#[derive(Codec, Clone, Debug)]
pub struct Scheduler {
    seed: u64,
    user: User,
    informers: Informers,
    cache: Cache,
    queue: Queue,
    recorder: Recorder,
    random: Random,
    /// Where in the order of nodes the next attempt begins.
    start: u32,
    /// Whether a timer for the next attempt runs.
    busy: bool,
    /// Whether a timer for the next flush runs.
    flushing: bool,
    /// Pods that count as placed though nobody has confirmed it yet.
    assumed: BTreeSet<Key>,
    binding: BTreeMap<RequestId, Binding>,
    /// Pods for which others make room.
    nominated: Nominations,
    evictions: Evictions,
    volumes: Volumes,
    defaults: DefaultSelectors,
    memos: Memos,
    tries: Tries,
    /// The pods whose templates were asked for last, with the answers, the newest last.
    last: Vec<(Arc<Object>, Arc<Template>)>,
    attempts: Attempts,
}

/// A binding on its way.
#[derive(Codec, Clone, Debug, Hash)]
struct Binding {
    pod: Arc<Object>,
    node: Str,
}

impl Hash for Scheduler {
    /// Cache, selectors, memos and tries follow from the informers and what is assumed; attempts are observation.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.informers, &self.queue, &self.recorder, &self.random, self.start, self.busy, self.flushing)
            .hash(state);
        (&self.assumed, &self.binding, &self.nominated, &self.evictions, &self.volumes).hash(state);
    }
}

impl Scheduler {
    /// A scheduler that breaks ties from the cluster's `seed`.
    pub fn new(seed: u64) -> Scheduler {
        let user = User::component(literal!("system:kube-scheduler"));
        let kinds = [
            Kind::Namespace,
            Kind::Node,
            Kind::Service,
            Kind::ReplicaSet,
            Kind::StatefulSet,
            Kind::PodDisruptionBudget,
            Kind::StorageClass,
            Kind::CsiNode,
            Kind::PersistentVolume,
            Kind::PersistentVolumeClaim,
            Kind::Pod,
        ];
        Scheduler {
            seed,
            informers: Informers::of(&user, &kinds),
            cache: Cache::default(),
            queue: Queue::default(),
            recorder: Recorder::of_series(&user, NAME, literal!("default-scheduler-control-plane-0")),
            random: Random::stream(seed, "scheduler"),
            start: 0,
            busy: false,
            flushing: false,
            assumed: BTreeSet::new(),
            binding: BTreeMap::new(),
            nominated: Nominations::default(),
            evictions: Evictions::default(),
            volumes: Volumes::default(),
            defaults: DefaultSelectors::default(),
            memos: Memos::default(),
            tries: Tries::default(),
            last: Vec::new(),
            attempts: Attempts::default(),
            user,
        }
    }

    /// The same program after a crash: without memory.
    pub fn restarted(&self) -> Scheduler {
        Scheduler::new(self.seed)
    }

    /// The attempts that are known of a pod, oldest first: the last one always, older ones if they are recent.
    pub fn attempts(&self, pod: &Key) -> Vec<Attempt<'_>> {
        self.attempts.of(pod).into_iter().map(|record| Attempt::new(record, &self.cache)).collect()
    }

    /// The newest attempts of all pods, oldest first.
    pub fn recent_attempts(&self) -> impl Iterator<Item = Attempt<'_>> {
        self.attempts.recent().map(|record| Attempt::new(Arc::clone(record), &self.cache))
    }

    /// How many pods wait, and for what.
    pub fn queue_lengths(&self) -> QueueLengths {
        self.queue.lengths()
    }

    /// Pods that are not tried before some moment, unless something happens.
    pub fn waits(&self) -> impl Iterator<Item = Wait> {
        self.queue.waits()
    }

    /// Handles one input.
    pub fn handle(&mut self, input: Input, cx: &mut Context<'_>) {
        match self.informers.handle(input, cx) {
            Handled::Changes(deltas) => deltas.iter().for_each(|delta| self.changed(delta, cx)),
            Handled::NotMine(Input::Start) => {
                // A new process remembers nothing, however the last one ended.
                *self = self.restarted();
                self.cache = Cache::new(cx.core.trace.enabled());
                self.informers.start(cx);
            }
            Handled::NotMine(Input::Response(id, result)) => {
                if !self.evicted(id, &result, cx) && !self.volume_answered(id, &result, cx) {
                    self.bound(id, result, cx);
                }
            }
            Handled::NotMine(Input::Timer(timer)) => self.timer(&timer, cx),
            Handled::NotMine(_) => {}
        }
        self.go_on(cx);
    }

    /// Sets the timers that are due: attempts follow each other while there is work.
    fn go_on(&mut self, cx: &mut Context<'_>) {
        if !self.busy && self.queue.has_work() && self.informers.synced() {
            self.busy = true;
            cx.timer(ATTEMPT, Timer::named("attempt"));
        }
        if !self.flushing && self.queue.has_unschedulable() {
            self.flushing = true;
            cx.timer(FLUSH, Timer::named("flush"));
        }
    }

    fn timer(&mut self, timer: &Timer, cx: &mut Context<'_>) {
        match timer.name {
            "attempt" => {
                self.busy = false;
                if let Some((key, causes)) = self.queue.pop(cx.now()) {
                    cx.because(causes, |cx| self.attempt(&key, cx));
                }
            }
            "backoff" => self.queue.end_back_off(cx.now()),
            "volumes" => self.volumes_timed_out(timer, cx),
            "flush" => {
                self.flushing = false;
                self.queue.flush(cx.now());
            }
            _ => {}
        }
    }

    fn template(&mut self, pod: &Arc<Object>) -> Arc<Template> {
        // Pods of one template mostly come one after the other, before they are bound and with the labels of a zone.
        for (last, template) in self.last.iter().rev() {
            if last.key.namespace == pod.key.namespace
                && same_template(last, pod)
                && self
                    .cache
                    .groups()
                    .template(template.digest)
                    .is_some_and(|known| Arc::ptr_eq(known, template))
            {
                return Arc::clone(template);
            }
        }
        let template = self.read_template(pod);
        if self.last.len() == LAST {
            self.last.remove(0);
        }
        self.last.push((Arc::clone(pod), Arc::clone(&template)));
        template
    }

    fn read_template(&self, pod: &Object) -> Arc<Template> {
        let namespaces = self.informers.cache(Kind::Namespace);
        let selected = |selector: &LabelSelector| {
            let chosen = namespaces.values().filter(|namespace| selector.matches(&namespace.meta.labels));
            chosen.map(|namespace| namespace.key.name.clone()).collect()
        };
        self.cache.template(pod, &selected)
    }

    /// One scheduling cycle.
    fn attempt(&mut self, key: &Key, cx: &mut Context<'_>) {
        let Some(pod) = self.informers.cache(Kind::Pod).get(key).cloned() else {
            self.queue.remove(key);
            return;
        };
        if self.cache.pod(key).is_some() {
            self.queue.remove(key);
            return;
        }
        let template = self.template(&pod);
        let default_spread = self.defaults.of(&template, &pod, &self.informers);
        let id = self.cache.prepare(&template, default_spread.as_deref());
        let asks = Asks {
            pod: key.clone(),
            nominated: self.nominated.clone(),
            volumes: self.volumes.of(&template, &pod, &self.informers),
            devices: template.devices.then(|| Arc::new(devices::of(&pod, &self.informers))),
        };
        if asks.volumes.as_ref().is_some_and(|volumes| volumes.limits.is_some()) {
            self.cache.know_residents();
        }
        let (position, start) = (self.cache.position(), self.start);
        let decision =
            cycle::schedule(&self.cache, id, &asks, &mut self.memos, &mut self.start, &mut self.random);
        let mut room = None;
        let mut examined = self.cache.order().len() as u32;
        let outcome = match &decision {
            Decision::Fits { slot, examined: looked_at, .. } => {
                examined = *looked_at;
                AttemptOutcome::Assigned(self.cache.node(*slot).name.clone())
            }
            Decision::Unschedulable(rejections) => {
                let (message, tried) = self.post_filter(id, &asks, rejections, cx);
                room = tried;
                AttemptOutcome::Unschedulable(message.into())
            }
            Decision::NoNodes => {
                AttemptOutcome::Unschedulable(literal!("no nodes available to schedule pods"))
            }
        };
        if cx.core.trace.enabled() {
            let (pod, at, template) = (key.clone(), cx.now(), Arc::clone(&template));
            let outcome = outcome.clone();
            let preemption = room.as_ref().and_then(|room| room.run().cloned().map(Arc::new));
            self.attempts.add(Record {
                pod,
                at,
                template,
                default_spread,
                position,
                start,
                examined,
                outcome,
                asks,
                preemption,
            });
        }
        self.act(&pod, &template, &decision, outcome, room, cx);
    }

    fn act(
        &mut self,
        pod: &Arc<Object>,
        template: &Arc<Template>,
        decision: &Decision,
        outcome: AttemptOutcome,
        room: Option<PostFilter>,
        cx: &mut Context<'_>,
    ) {
        match (decision, outcome) {
            (Decision::Fits { slot, feasible, .. }, AttemptOutcome::Assigned(node)) => {
                cx.note("Assigned", Some(pod.key.clone()), || {
                    format!("{} of {} nodes fit; {node} is best", feasible, self.cache.order().len()).into()
                });
                self.bind(pod, template, *slot, node, cx);
            }
            (Decision::Unschedulable(rejections), AttemptOutcome::Unschedulable(message)) => {
                self.queue.unschedulable(&pod.key, rejections.plugins, template, cx.now());
                self.report(pod, "Unschedulable", &message, self.nominee(pod, room.as_ref()), cx);
                if let Some(choice) = room.as_ref().and_then(PostFilter::choice) {
                    self.nominate(pod, template, choice.slot);
                    self.make_room(pod, choice, template.spec.priority, cx);
                }
            }
            (_, AttemptOutcome::Unschedulable(message)) => {
                self.retry(&pod.key, cx);
                self.report(pod, "Unschedulable", &message, None, cx);
            }
            (_, AttemptOutcome::Assigned(_)) => unreachable!("only what fits is assigned"),
        }
    }

    /// The pod counts as placed from now on; the API server is told.
    fn bind(
        &mut self,
        pod: &Arc<Object>,
        template: &Arc<Template>,
        slot: u32,
        node: Str,
        cx: &mut Context<'_>,
    ) {
        let placed = CachedPod {
            key: pod.key.clone(),
            uid: pod.meta.uid,
            slot,
            template: Arc::clone(template),
            leaving: false,
        };
        self.cache.add_pod(Arc::new(placed));
        self.nominated.remove(&pod.key);
        self.assumed.insert(pod.key.clone());
        if template.devices {
            for reservation in devices::reservations(pod, &self.user, &self.informers) {
                cx.request(reservation);
            }
        }
        match self.volumes_on(pod, template, slot) {
            Some(on) => self.bind_volumes(pod, node, &on, cx),
            None => self.send_binding(pod, node, cx),
        }
    }

    fn send_binding(&mut self, pod: &Arc<Object>, node: Str, cx: &mut Context<'_>) {
        let request = PLUGINS.iter().find_map(|plugin| plugin.bind(&self.user, &pod.key, &node));
        let id = cx.request(request.expect("one plugin binds"));
        self.binding.insert(id, Binding { pod: Arc::clone(pod), node });
    }

    /// The answer to a binding. Other answers tell nothing that the watches do not tell.
    fn bound(&mut self, id: RequestId, result: Result<Reply, Box<Status>>, cx: &mut Context<'_>) {
        let Some(Binding { pod, node }) = self.binding.remove(&id) else { return };
        let key = &pod.key;
        let Err(status) = result else {
            let message = format!("Successfully assigned {}/{} to {node}", key.namespace, key.name);
            self.recorder.event(&pod, Severity::Normal, "Scheduled", message, cx);
            self.queue.remove(key);
            return;
        };
        let message = format!("running Bind plugin \"DefaultBinder\": {}", status.message);
        self.not_bound(&pod, &message.into(), None, cx);
    }

    /// A pod did not get to the node that was chosen for it; if it is still there it is tried again.
    fn not_bound(&mut self, pod: &Arc<Object>, why: &Str, nominee: Option<Doc>, cx: &mut Context<'_>) {
        let key = &pod.key;
        if self.assumed.contains(key) {
            self.take_off(key, cx);
        }
        let current = self.informers.cache(Kind::Pod).get(key);
        let still = current.is_some_and(|now| {
            now.meta.uid == pod.meta.uid && view(now).is_some_and(|pod| pod.node_name.is_empty())
        });
        if still {
            if nominee.is_none() {
                self.renominate(pod, None);
            }
            self.retry(key, cx);
            self.report(pod, "SchedulerError", why, nominee, cx);
        }
    }

    /// Puts a pod in line again after its back-off.
    fn retry(&mut self, key: &Key, cx: &mut Context<'_>) {
        if let Some(until) = self.queue.failed(key, cx.now()) {
            cx.timer(until.since(cx.now()), Timer::named("backoff"));
        }
    }

    /// Says that a pod could not be scheduled: an event and its condition; and for which node it waits, if that changes.
    fn report(
        &mut self,
        pod: &Arc<Object>,
        reason: &'static str,
        message: &Str,
        nominee: Option<Doc>,
        cx: &mut Context<'_>,
    ) {
        self.recorder.event(pod, Severity::Warning, "FailedScheduling", message.clone(), cx);
        let conditions = pod.body["status"]["conditions"].items();
        let old = conditions.iter().find(|condition| condition["type"].as_str() == Some("PodScheduled"));
        let is = |field: &str, value: &str| old.is_some_and(|old| old[field].as_str() == Some(value));
        if nominee.is_none() && is("status", "False") && is("reason", reason) && is("message", message) {
            return;
        }
        let since = match old {
            Some(old) if is("status", "False") => old["lastTransitionTime"].clone(),
            _ => Doc::Time(cx.timestamp().floor_seconds()),
        };
        let condition = doc!({
            "type": "PodScheduled", "status": "False", "reason": reason, "message": message,
            "lastProbeTime": null, "lastTransitionTime": since, "observedGeneration": pod.meta.generation
        });
        let mut patch = doc!({ "status": { "conditions": [condition] } });
        if let Some(node) = nominee {
            patch.at_mut(&["status"]).set("nominatedNodeName", node);
        }
        let request = Request::patch(self.user.clone(), &pod.key, PatchKind::Strategic, patch);
        cx.request(request.on(Subresource::Status));
    }
}

fn view(object: &Object) -> Option<&Pod> {
    object.view::<Pod>()
}

/// Whether two revisions of a pod are certainly scheduled alike: a cheap look that may miss some.
fn same_template(a: &Object, b: &Object) -> bool {
    let spec = match (view(a), view(b)) {
        (Some(a), Some(b)) => Arc::ptr_eq(&a.spec, &b.spec),
        _ => false,
    };
    let common = || Arc::ptr_eq(&a.meta.common, &b.meta.common);
    spec && (common() || a.meta.labels == b.meta.labels && a.meta.owners == b.meta.owners)
}
