//! Horizontal pod autoscaler: asks every 15 seconds what the pods of a target use, and scales it.

mod limits;
mod metrics;

use crate::api::core::pod::Pod;
use crate::api::quantity::Amount;
use crate::api::{Key, Kind, LabelSelector, Object, Of, Reply, Request, Subresource, Verb};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::sim::Duration;

use super::status::{condition, date, omit_empty, write};
use super::worker::{Answer, Controller, Desk, Step};
use super::world::World;

use limits::{Memory, Wish};
use metrics::{Situation, propose};

const PERIOD: Duration = Duration::seconds(15);
const TOLERANCE: f64 = 0.1;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct HorizontalPodAutoscalerController {
    memories: BTreeMap<Key, Memory>,
    /// Whose pods each autoscaler looks after, as far as it knows.
    selectors: BTreeMap<Key, LabelSelector>,
}

/// What an answer is awaited for.
#[derive(Codec, Clone, Debug, Hash)]
pub enum Waiting {
    /// How big is the target?
    Scale,
    /// What do its pods use?
    Metrics(Box<Round>),
    /// The target is being scaled to so many, for a reason.
    Rescale(Box<Round>, i64, String),
    /// The status is being written.
    Status,
}

/// One look at a target.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Round {
    status: Doc,
    target: Key,
    replicas: i64,
    selector: LabelSelector,
}

impl Controller for HorizontalPodAutoscalerController {
    const NAME: &'static str = "horizontal-pod-autoscaler";
    const WORKERS: u64 = 5;
    type Waiting = Waiting;

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let key = &delta.object().key;
        if key.kind != Kind::HorizontalPodAutoscaler {
            return;
        }
        if delta.new.is_some() {
            desk.add_after(key.clone(), PERIOD);
        } else {
            self.memories.remove(key);
            self.selectors.remove(key);
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let Some(hpa) = world.object(key) else { return Step::Done };
        let reference = &hpa.body["spec"]["scaleTargetRef"];
        let (version, kind) = (reference["apiVersion"].str(), reference["kind"].str());
        let group = version.split_once('/').map_or("", |(group, _)| group);
        match scaled_kind(reference, world) {
            None => {
                let why = format!("no matches for kind {kind:?} in group {group:?}");
                no_scale(hpa, &why, desk)
            }
            Some(kind) if !kind.info().subresources.contains(&Subresource::Scale) => {
                no_scale(hpa, "the server could not find the requested resource", desk)
            }
            Some(kind) => {
                let target = Key::new(kind, key.namespace.clone(), reference["name"].str());
                let request = Request::get(desk.user.clone(), &target).on(Subresource::Scale);
                Step::Ask(vec![request], Waiting::Scale)
            }
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
        let Some(hpa) = world.object(key).cloned() else { return Step::Done };
        let mut answers = answers.into_iter();
        match (waiting, answers.next()) {
            (Waiting::Scale, Some(Ok(Reply::Doc(scale)))) => self.begin(&hpa, &scale, world, desk),
            (Waiting::Scale, Some(Err(why))) => no_scale(&hpa, &why.message, desk),
            (Waiting::Metrics(round), Some(answer)) => self.measure(&hpa, *round, &answer, world, desk),
            (Waiting::Rescale(round, desired, reason), Some(answer)) => {
                self.rescaled(&hpa, *round, (desired, &reason), &answer, desk)
            }
            (Waiting::Status, Some(Err(why))) => {
                desk.warning(&hpa, "FailedUpdateStatus", why.message.clone());
                rest(&hpa, desk)
            }
            _ => rest(&hpa, desk),
        }
    }
}

/// The kind that a `scaleTargetRef` means.
fn scaled_kind(target: &Doc, world: &World) -> Option<Kind> {
    let (version, kind) = (target["apiVersion"].str(), target["kind"].str());
    let group = version.split_once('/').map_or("", |(group, _)| group);
    let known = |it: &Kind| it.info().group == group && it.info().kind == kind;
    let known_here = Kind::ALL.iter().copied().find(known);
    known_here.or_else(|| world.custom_kinds().into_iter().find(known))
}

impl HorizontalPodAutoscalerController {
    /// The target's size is known.
    fn begin(&mut self, hpa: &Object, scale: &Doc, world: &World, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
        let spec = &hpa.body["spec"];
        let mut status = hpa.body["status"].clone();
        let message = "the HPA controller was able to get the target's current scale";
        set(&mut status, "AbleToScale", (true, "SucceededGetScale", message), desk);
        let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
        let text = scale["status"]["selector"].str();
        let target = &spec["scaleTargetRef"];
        let kind = scaled_kind(target, world).unwrap_or(Kind::Deployment);
        let target = Key::new(kind, hpa.key.namespace.clone(), target["name"].str());
        self.memories.entry(hpa.key.clone()).or_default().begin(replicas, desk.now());
        let selector = LabelSelector::parse(&text).unwrap_or_default();
        let mut round = Round { status, target, replicas, selector };
        let (least, most) = bounds(hpa);
        if replicas == 0 && least != 0 {
            let message = "scaling is disabled since the replica count of the target is zero";
            set(&mut round.status, "ScalingActive", (false, "ScalingDisabled", message), desk);
            return conclude(hpa, round, None, Doc::Null, desk);
        }
        if replicas > most {
            return rescale(round, most, "Current number of replicas above Spec.MaxReplicas".into(), desk);
        }
        if replicas < least {
            return rescale(round, least, "Current number of replicas below Spec.MinReplicas".into(), desk);
        }
        if text.is_empty() {
            let message = "selector is required";
            desk.warning(hpa, "SelectorRequired", message);
            let told = "the HPA target's scale is missing a selector";
            set(&mut round.status, "ScalingActive", (false, "InvalidSelector", told), desk);
            return give_up(hpa, round, Doc::Null, message, desk);
        }
        self.selectors.insert(hpa.key.clone(), round.selector.clone());
        let rivals = self.rivals(hpa, &round.selector, world);
        if rivals.len() > 1 {
            let why =
                format!("pods by selector {text} are controlled by multiple HPAs: [{}]", rivals.join(" "));
            desk.warning(hpa, "AmbiguousSelector", why.clone());
            set(&mut round.status, "ScalingActive", (false, "AmbiguousSelector", &why), desk);
            return give_up(hpa, round, Doc::Null, &why, desk);
        }
        let mut request = Request::list(desk.user.clone(), Kind::Pod).on(Subresource::Metrics);
        debug_assert_eq!(request.verb, Verb::List);
        request.namespace = hpa.key.namespace.clone();
        request.options.labels = round.selector.clone();
        Step::Ask(vec![request], Waiting::Metrics(Box::new(round)))
    }

    /// All autoscalers that look after one of these pods.
    fn rivals(&self, hpa: &Object, selector: &LabelSelector, world: &World) -> Vec<String> {
        let namespace = &hpa.key.namespace;
        let others: Vec<(&Key, &LabelSelector)> =
            self.selectors.iter().filter(|(key, _)| key.namespace == *namespace).collect();
        if others.len() < 2 {
            return Vec::new();
        }
        let pods = pods(namespace, selector, world);
        let shares = |theirs: &LabelSelector| pods.iter().any(|pod| theirs.matches(&pod.meta().labels));
        let mine = others.iter().filter(|(_, theirs)| shares(theirs));
        mine.map(|(key, _)| format!("{}/{}", key.namespace, key.name)).collect()
    }

    /// What the pods use is known, or why not.
    fn measure(
        &mut self,
        hpa: &Object,
        mut round: Round,
        answer: &Answer,
        world: &World,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        let spec = &hpa.body["spec"];
        let pods = pods(&hpa.key.namespace, &round.selector, world);
        let tolerance = |way: &str| {
            let amount = Amount::read(spec.at(&["behavior", way, "tolerance"]));
            amount.map_or(TOLERANCE, |amount| amount.milli as f64 / 1000.0)
        };
        let situation = Situation {
            pods: &pods,
            replicas: round.replicas,
            answer: match answer {
                Ok(Reply::Doc(list)) => Ok(list),
                Ok(_) => Err("the answer is no list"),
                Err(why) => Err(why.message.as_str()),
            },
            tolerance: (tolerance("scaleDown"), tolerance("scaleUp")),
            now: desk.timestamp(),
            namespace: &hpa.key.namespace,
        };
        let all = spec["metrics"].items();
        let (mut replicas, mut metric) = (0, String::new());
        let (mut failures, mut first) = (0, None);
        let mut statuses = Vec::new();
        for each in all {
            match propose(each, &situation) {
                Ok(proposal) => {
                    if replicas == 0 || proposal.replicas > replicas {
                        (replicas, metric) = (proposal.replicas, proposal.metric);
                    }
                    statuses.push(proposal.status);
                }
                Err(failure) => {
                    desk.warning(hpa, failure.reason, failure.message.clone());
                    failures += 1;
                    first.get_or_insert(failure);
                    statuses.push(doc!({ "type": "" }));
                }
            }
        }
        let statuses = Doc::list(statuses);
        // One metric that fails must not keep others from growing the target; shrinking takes them all.
        if let Some(failure) = first.filter(|_| failures == all.len() || replicas < round.replicas) {
            let told = format!("the HPA was unable to compute the replica count: {}", failure.message);
            set(&mut round.status, "ScalingActive", (false, failure.reason, &told), desk);
            let why = format!(
                "invalid metrics ({failures} invalid out of {}), first error is: {}",
                all.len(),
                failure.told
            );
            return give_up(hpa, round, statuses, &why, desk);
        }
        let told = format!("the HPA was able to successfully calculate a replica count from {metric}");
        set(&mut round.status, "ScalingActive", (true, "ValidMetricFound", &told), desk);
        let reason = match replicas {
            many if many > round.replicas => format!("{metric} above target"),
            _ => "All metrics below target".to_owned(),
        };
        let wish = Wish {
            behavior: &spec["behavior"],
            bounds: bounds(hpa),
            current: round.replicas,
            desired: replicas,
            now: desk.now(),
        };
        let memory = self.memories.entry(hpa.key.clone()).or_default();
        let (desired, able, limited) = memory.normalise(&wish);
        set(&mut round.status, "AbleToScale", able, desk);
        set(&mut round.status, "ScalingLimited", limited, desk);
        if desired == round.replicas {
            return conclude(hpa, round, None, statuses, desk);
        }
        round.status.set("currentMetrics", statuses);
        rescale(round, desired, reason, desk)
    }

    fn rescaled(
        &mut self,
        hpa: &Object,
        mut round: Round,
        (desired, reason): (i64, &str),
        answer: &Answer,
        desk: &mut Desk<'_, '_>,
    ) -> Step<Waiting> {
        if let Err(why) = answer {
            desk.warning(
                hpa,
                "FailedRescale",
                format!("New size: {desired}; reason: {reason}; error: {why}"),
            );
            let message = format!("the HPA controller was unable to update the target scale: {why}");
            set(&mut round.status, "AbleToScale", (false, "FailedUpdateScale", &message), desk);
            let before = hpa.body["status"]["currentMetrics"].clone();
            return keep_size(hpa, round, before, desk);
        }
        let message = format!("the HPA controller was able to update the target scale to {desired}");
        set(&mut round.status, "AbleToScale", (true, "SucceededRescale", &message), desk);
        desk.normal(hpa, "SuccessfulRescale", format!("New size: {desired}; reason: {reason}"));
        let memory = self.memories.entry(hpa.key.clone()).or_default();
        memory.scaled(&hpa.body["spec"]["behavior"], round.replicas, desired, desk.now());
        let statuses = match (round.replicas, bounds(hpa)) {
            // Nothing was measured then.
            (replicas, (least, most)) if replicas < least || replicas > most => Doc::Null,
            _ => round.status["currentMetrics"].clone(),
        };
        conclude(hpa, round, Some(desired), statuses, desk)
    }
}

/// Replicas at least and at most.
fn bounds(hpa: &Object) -> (i64, i64) {
    let spec = &hpa.body["spec"];
    (spec["minReplicas"].as_i64().unwrap_or(1), spec["maxReplicas"].as_i64().unwrap_or(0))
}

fn pods(namespace: &Str, selector: &LabelSelector, world: &World) -> Vec<Of<Pod>> {
    world.selected_pods(namespace, selector)
}

/// Sets a condition, and its moment where it turns.
fn set(status: &mut Doc, kind: &'static str, word: (bool, &str, &str), desk: &Desk<'_, '_>) {
    let (holds, reason, message) = word;
    let holds = if holds { "True" } else { "False" };
    let before = condition(status, kind);
    let since = match before["status"].as_str() == Some(holds) {
        true => before["lastTransitionTime"].clone(),
        false => date(desk.timestamp()),
    };
    let new = doc!({
        "type": kind, "status": holds, "reason": reason, "message": message, "lastTransitionTime": since
    });
    let mut conditions = status.at_mut(&["conditions"]).edit_items();
    match conditions.iter_mut().find(|condition| condition["type"].as_str() == Some(kind)) {
        Some(condition) => *condition = new,
        None => conditions.push(new),
    }
}

fn rescale(round: Round, desired: i64, reason: String, desk: &Desk<'_, '_>) -> Step<Waiting> {
    let body = doc!({ "spec": { "replicas": desired } });
    let request = Request::update(desk.user.clone(), &round.target, body).on(Subresource::Scale);
    Step::Ask(vec![request], Waiting::Rescale(Box::new(round), desired, reason))
}

/// The target cannot be scaled.
fn no_scale(hpa: &Object, why: &str, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    desk.warning(hpa, "FailedGetScale", why);
    let mut status = hpa.body["status"].clone();
    let message = format!("the HPA controller was unable to get the target's current scale: {why}");
    set(&mut status, "AbleToScale", (false, "FailedGetScale", &message), desk);
    tell(hpa, &status, desk)
}

/// No number of replicas could be found.
fn give_up(hpa: &Object, round: Round, statuses: Doc, why: &str, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    desk.warning(hpa, "FailedComputeMetricsReplicas", why);
    keep_size(hpa, round, statuses, desk)
}

fn keep_size(hpa: &Object, mut round: Round, statuses: Doc, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    round.status.set("currentReplicas", round.replicas);
    round.status.set("currentMetrics", statuses);
    tell(hpa, &round.status, desk)
}

/// Writes down how the look went: `scaled` to so many, or not.
fn conclude(
    hpa: &Object,
    mut round: Round,
    scaled: Option<i64>,
    statuses: Doc,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    round.status.set("desiredReplicas", scaled.unwrap_or(round.replicas));
    if scaled.is_some() {
        round.status.set("lastScaleTime", date(desk.timestamp()));
    }
    keep_size(hpa, round, statuses, desk)
}

fn tell(hpa: &Object, status: &Doc, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    let mut status = status.clone();
    omit_empty(&mut status, &["currentMetrics", "conditions"]);
    if status["currentReplicas"].as_i64() == Some(0) {
        status.remove("currentReplicas");
    }
    let mut old = hpa.body["status"].clone();
    omit_empty(&mut old, &["currentMetrics"]);
    match write(desk.user, &hpa.key, &old, &status) {
        Some(request) => Step::Ask(vec![request], Waiting::Status),
        None => rest(hpa, desk),
    }
}

/// Until the next look.
fn rest(hpa: &Object, desk: &mut Desk<'_, '_>) -> Step<Waiting> {
    desk.add_after(hpa.key.clone(), PERIOD);
    Step::Done
}
