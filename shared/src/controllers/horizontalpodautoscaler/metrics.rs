//! How many replicas a metric asks for.

use std::sync::Arc;

use crate::api::core::pod::Pod;
use crate::api::quantity::Amount;
use crate::api::{Object, Of};
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::Duration;

use super::super::labels::go_selector;
use super::super::status::condition;
use super::limits::ceil;

/// `--horizontal-pod-autoscaler-cpu-initialization-period`
const CPU_INITIALIZATION: i64 = 300_000;
/// `--horizontal-pod-autoscaler-initial-readiness-delay`
const READINESS_DELAY: i64 = 30_000;

/// What metrics are held against.
pub struct Situation<'a> {
    /// The pods that the target's selector finds.
    pub pods: &'a [Of<Pod>],
    /// How many replicas there should be now.
    pub replicas: i64,
    /// The answer of the metrics API.
    pub answer: Result<&'a Doc, &'a str>,
    /// By how much usage may be below and above its target without anything happening.
    pub tolerance: (f64, f64),
    /// The date it is.
    pub now: Timestamp,
    /// The autoscaler's namespace.
    pub namespace: &'a Str,
}

/// What came of a metric.
pub struct Proposal {
    /// So many replicas.
    pub replicas: i64,
    /// Because of this.
    pub metric: String,
    /// What `status.currentMetrics` says of it.
    pub status: Doc,
}

/// Why a metric says nothing: reason and text of the condition, and what the whole is told.
pub struct Failure {
    /// `FailedGetResourceMetric`
    pub reason: &'static str,
    /// Why.
    pub message: String,
    /// The same with what was asked for.
    pub told: String,
}

/// What one pod uses, in thousandths.
#[derive(Clone, Copy)]
struct Sample {
    at: Timestamp,
    window: i64,
    value: i64,
}

type Samples = BTreeMap<Str, Sample>;

/// What a metric of the spec asks for.
pub fn propose(metric: &Doc, situation: &Situation<'_>) -> Result<Proposal, Failure> {
    let kind = metric["type"].str();
    let source = crate::api::autoscaling::horizontalpodautoscaler::source(&kind);
    let spec = &metric[source];
    let fail = |reason: &'static str, message: String, told: String| Failure { reason, message, told };
    match source {
        "resource" | "containerResource" => {
            let (reason, what) = match source {
                "resource" => ("FailedGetResourceMetric", "resource"),
                _ => ("FailedGetContainerResourceMetric", "container"),
            };
            let name = spec["name"].str();
            match resource(spec, situation) {
                Ok((replicas, metric, current)) => {
                    let mut status = doc!({ "name": &name, "current": current });
                    if !spec["container"].is_null() {
                        status.set("container", spec["container"].clone());
                    }
                    let mut whole = doc!({ "type": kind });
                    whole.set(source, status);
                    Ok(Proposal { replicas, metric, status: whole })
                }
                Err(why) => {
                    let whose = if what == "container" { spec["container"].str() } else { name };
                    let told = format!("failed to get {whose} {what} metric value: {why}");
                    Err(fail(reason, why, told))
                }
            }
        }
        "pods" => {
            let why = format!("unable to get metric {}: {NO_CUSTOM}", spec["metric"]["name"].str());
            Err(fail("FailedGetPodsMetric", why.clone(), format!("failed to get pods metric value: {why}")))
        }
        "object" => {
            let (name, about) = (spec["metric"]["name"].str(), &spec["describedObject"]);
            let why = format!(
                "unable to get metric {name}: {} on {} {}/{NO_CUSTOM}",
                about["kind"].str(),
                situation.namespace,
                about["name"].str()
            );
            let inner = match spec["target"]["type"].as_str() {
                Some("AverageValue") => format!("failed to get {name} object metric: {why}"),
                _ => why.clone(),
            };
            Err(fail("FailedGetObjectMetric", why, format!("failed to get object metric value: {inner}")))
        }
        _ => {
            let name = spec["metric"]["name"].str();
            let why = format!(
                "unable to get external metric {}/{name}/{}: unable to fetch metrics from external metrics API: the \
                 server could not find the requested resource (get {name}.external.metrics.k8s.io)",
                situation.namespace,
                go_selector(&spec["metric"]["selector"]),
            );
            let inner = match spec["target"]["averageValue"].is_null() {
                false => format!("failed to get {name} external metric: {why}"),
                true => format!("failed to get external metric {name}: {why}"),
            };
            let told = format!("failed to get {name} external metric value: {inner}");
            Err(fail("FailedGetExternalMetric", why, told))
        }
    }
}

const NO_CUSTOM: &str = "unable to fetch metrics from custom metrics API: no custom metrics API \
                         (custom.metrics.k8s.io) registered";

/// Replicas, the metric's name and its present value.
fn resource(spec: &Doc, situation: &Situation<'_>) -> Result<(i64, String, Doc), String> {
    let (name, target) = (spec["name"].str(), &spec["target"]);
    let container = spec["container"].as_str();
    let wanted = Amount::read(&target["averageValue"]).map(|amount| clamp(amount.milli));
    let utilization = target["averageUtilization"].as_i64();
    let what = match (wanted, utilization) {
        (Some(_), _) => "usage",
        (None, Some(_)) => "utilization",
        (None, None) => {
            return Err(
                "invalid resource metric source: neither an average utilization target nor an average value \
                        (usage) target was set"
                    .into(),
            );
        }
    };
    let failed = |why: String| format!("failed to get {name} {what}: {why}");
    let samples = samples(&name, container, situation).map_err(failed)?;
    let amount = |milli: i64| Amount { milli: milli.into(), binary: false }.to_string();
    if let Some(wanted) = wanted {
        let ratio = |samples: &Samples| {
            let sum: i128 = samples.values().map(|sample| i128::from(sample.value)).sum();
            let mean = clamp(sum / samples.len() as i128);
            Ok((ratio(mean, wanted), mean, mean))
        };
        let unknown = |_: &Str| wanted;
        let (replicas, _, mean) = decide(samples, &name, situation, &ratio, &unknown).map_err(failed)?;
        return Ok((replicas, format!("{name} resource"), doc!({ "averageValue": amount(mean) })));
    }
    let wanted = utilization.unwrap_or(0);
    let requests = requests(&name, container, situation).map_err(failed)?;
    let ratio = |samples: &Samples| {
        let known = samples.iter().filter_map(|(pod, sample)| Some((sample.value, *requests.get(pod)?)));
        let (mut used, mut requested, mut count) = (0i128, 0i128, 0i128);
        for (value, request) in known {
            (used, requested, count) = (used + i128::from(value), requested + i128::from(request), count + 1);
        }
        if requested == 0 {
            return Err("no metrics returned matched known pods".to_owned());
        }
        let percent = clamp(used * 100 / requested);
        Ok((ratio(percent, wanted), percent, clamp(used / count)))
    };
    // All that they asked for, or the target where that is more.
    let unknown = |pod: &Str| {
        let request = requests.get(pod).copied().unwrap_or(0);
        clamp(i128::from(request) * i128::from(wanted.max(100)) / 100)
    };
    let (replicas, percent, mean) = decide(samples, &name, situation, &ratio, &unknown).map_err(failed)?;
    let current = doc!({ "averageUtilization": percent, "averageValue": amount(mean) });
    let whose = if container.is_some() { "container resource" } else { "resource" };
    Ok((replicas, format!("{name} {whose} utilization (percentage of request)"), current))
}

fn clamp(number: i128) -> i64 {
    number.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

fn ratio(used: i64, wanted: i64) -> f64 {
    used as f64 / wanted as f64
}

/// What the metrics API says of each pod.
fn samples(resource: &str, container: Option<&str>, situation: &Situation<'_>) -> Result<Samples, String> {
    let unable = |why: &str| format!("unable to get metrics for resource {resource}: {why}");
    let list = situation
        .answer
        .map_err(|why| unable(&format!("unable to fetch metrics from resource metrics API: {why}")))?;
    if list["items"].items().is_empty() {
        return Err(unable("no metrics returned from resource metrics API"));
    }
    let mut samples = Samples::new();
    for pod in list["items"].items() {
        let name = pod["metadata"]["name"].str();
        let all = pod["containers"].items();
        let mine = all.iter().filter(|it| container.is_none_or(|name| it["name"].as_str() == Some(name)));
        let values: Vec<Option<Amount>> = mine.map(|it| Amount::read(&it["usage"][resource])).collect();
        if let Some(container) = container.filter(|_| values.is_empty()) {
            let namespace = situation.namespace;
            return Err(unable(&format!(
                "container {container} not present in metrics for pod {namespace}/{name}"
            )));
        }
        if values.is_empty() || values.iter().any(Option::is_none) {
            continue;
        }
        let value = clamp(values.iter().flatten().map(|amount| amount.milli).sum());
        let window = pod["window"].as_str().and_then(Duration::parse).unwrap_or_default();
        let at = pod["timestamp"].as_time().unwrap_or_default();
        samples.insert(name, Sample { at, window: window.0 as i64, value });
    }
    Ok(samples)
}

/// What each pod requests of a resource, in thousandths.
fn requests(
    resource: &str,
    container: Option<&str>,
    situation: &Situation<'_>,
) -> Result<BTreeMap<Str, i64>, String> {
    let mut requests = BTreeMap::new();
    for pod in situation.pods {
        let spec = &pod.object().body["spec"];
        let whole = Amount::read(spec.at(&["resources", "requests", resource]));
        if let Some(whole) = whole.filter(|_| container.is_none()) {
            requests.insert(pod.key().name.clone(), clamp(whole.milli));
            continue;
        }
        let sidecars = spec["initContainers"].items().iter();
        let sidecars = sidecars.filter(|it| it["restartPolicy"].as_str() == Some("Always"));
        let mut sum = 0i128;
        for it in spec["containers"].items().iter().chain(sidecars) {
            if container.is_some_and(|name| it["name"].as_str() != Some(name)) {
                continue;
            }
            let request = Amount::read(it.at(&["resources", "requests", resource]));
            let missing = || {
                let (container, pod) = (it["name"].str(), &pod.key().name);
                format!("missing request for {resource} in container {container} of Pod {pod}")
            };
            sum += request.ok_or_else(missing)?.milli;
        }
        requests.insert(pod.key().name.clone(), clamp(sum));
    }
    Ok(requests)
}

/// Pods by what their samples are worth.
#[derive(Default)]
struct Groups {
    ready: i64,
    unready: BTreeSet<Str>,
    missing: BTreeSet<Str>,
    /// On their way out, or failed.
    ignored: BTreeSet<Str>,
}

fn groups(samples: &Samples, resource: &str, situation: &Situation<'_>) -> Groups {
    let mut groups = Groups::default();
    for pod in situation.pods {
        let (name, status) = (pod.key().name.clone(), &pod.object().body["status"]);
        let phase = status["phase"].as_str();
        if pod.meta().deleting() || phase == Some("Failed") {
            groups.ignored.insert(name);
        } else if phase == Some("Pending") {
            groups.unready.insert(name);
        } else if let Some(sample) = samples.get(&name) {
            if resource == "cpu" && is_premature(sample, pod.object(), situation.now) {
                groups.unready.insert(name);
            } else {
                groups.ready += 1;
            }
        } else {
            groups.missing.insert(name);
        }
    }
    groups
}

/// Whether a pod's CPU says nothing yet: it is still starting up, or was never ready.
fn is_premature(sample: &Sample, pod: &Arc<Object>, now: Timestamp) -> bool {
    let status = &pod.body["status"];
    let ready = condition(status, "Ready");
    let (Some(started), Some(since)) = (status["startTime"].as_time(), ready["lastTransitionTime"].as_time())
    else {
        return true;
    };
    let unready = ready["status"].as_str() == Some("False");
    if started.millis() + CPU_INITIALIZATION > now.millis() {
        return unready || sample.at.millis() < since.millis() + sample.window;
    }
    unready && started.millis() + READINESS_DELAY > since.millis()
}

/// Usage in relation to the target, and as it is told: percentage (or mean) and mean.
type Ratio<'a> = &'a dyn Fn(&Samples) -> Result<(f64, i64, i64), String>;

/// How many replicas the samples ask for, and what they come to.
fn decide(
    mut samples: Samples,
    resource: &str,
    situation: &Situation<'_>,
    ratio: Ratio<'_>,
    unknown: &dyn Fn(&Str) -> i64,
) -> Result<(i64, i64, i64), String> {
    if situation.pods.is_empty() {
        return Err("no pods returned by selector while calculating replica count".into());
    }
    let groups = groups(&samples, resource, situation);
    for pod in groups.ignored.iter().chain(groups.unready.iter()) {
        samples.remove(pod);
    }
    if samples.is_empty() {
        return Err("did not receive metrics for any ready pods".into());
    }
    let within = |ratio: f64| {
        let (below, above) = situation.tolerance;
        1.0 - below <= ratio && ratio <= 1.0 + above
    };
    let (usage, told, mean) = ratio(&samples)?;
    let stay = Ok((situation.replicas, told, mean));
    let rebalance = !groups.unready.is_empty() && usage > 1.0;
    if !rebalance && groups.missing.is_empty() {
        return if within(usage) { stay } else { Ok((ceil(usage * groups.ready as f64), told, mean)) };
    }
    // Who is not known is thought to use what keeps things as they are.
    let mut assume = |pod: &Str, value| {
        samples.insert(pod.clone(), Sample { at: situation.now, window: 0, value });
    };
    if usage < 1.0 {
        groups.missing.iter().for_each(|pod| assume(pod, unknown(pod)));
    } else if usage > 1.0 {
        groups.missing.iter().for_each(|pod| assume(pod, 0));
    }
    if rebalance {
        groups.unready.iter().for_each(|pod| assume(pod, 0));
    }
    let (again, ..) = ratio(&samples)?;
    let turns = (usage < 1.0 && again > 1.0) || (usage > 1.0 && again < 1.0);
    if within(again) || turns {
        return stay;
    }
    let replicas = ceil(again * samples.len() as f64);
    let now = situation.replicas;
    if (again < 1.0 && replicas > now) || (again > 1.0 && replicas < now) {
        return stay;
    }
    Ok((replicas, told, mean))
}
