//! `kubectl autoscale`

use crate::api::Kind;
use crate::api::quantity::canonical;
use crate::doc;
use crate::doc::{Doc, Str};

use super::args::{Args, Flag, int32, optional, output, switch, value};
use super::change::{DryRun, Making};
use super::failure::Failure;
use super::io::{Io, Stop};
use super::resource::{Resource, Target, objects_as_written};

pub(super) const FLAGS: &[Flag] = &[
    value("filename", Some('f')),
    int32("min", None),
    int32("max", None),
    value("cpu-percent", None),
    value("cpu", None),
    value("memory", None),
    value("name", None),
    output(),
    optional("dry-run", "unchanged"),
    value("field-manager", None),
    switch("save-config", None),
];

pub(super) fn run(args: &Args, io: &mut Io<'_>) -> Result<(), Stop> {
    let number = |flag: &str| args.number(flag).map(|number| number.unwrap_or(-1));
    let (min, max, percent) = match (number("min"), number("max"), number("cpu-percent")) {
        (Ok(min), Ok(max), Ok(percent)) => (min, max, percent),
        (Err(why), ..) | (_, Err(why), _) | (_, _, Err(why)) => return Err(io.fail(why)),
    };
    if args.get("max").is_none() {
        return Err(io.fail("required flag(s) \"max\" not set"));
    }
    if percent >= 0 {
        io.warn(
            "Flag --cpu-percent has been deprecated, Use --cpu with percentage or resource quantity format (e.g., '70%' for \
             utilization or '500m' for milliCPU).",
        );
    }
    if max < 1 {
        return Err(io.fail(format!("--max=MAXPODS is required and must be at least 1, max: {max}")));
    }
    if max < min {
        return Err(io.fail(format!(
            "--max=MAXPODS must be larger or equal to --min=MINPODS, max: {max}, min: {min}"
        )));
    }
    if percent > 0 && args.get("cpu").is_some() {
        return Err(io.fail("--cpu-percent and --cpu are mutually exclusive"));
    }
    let mut metrics = Vec::new();
    let cpu = if percent > 0 { Some(format!("{percent}%")) } else { args.get("cpu").map(str::to_owned) };
    for (resource, given, unit) in
        [("cpu", cpu, "m"), ("memory", args.get("memory").map(str::to_owned), "Mi")]
    {
        if let Some(given) = given.filter(|given| !given.is_empty()) {
            metrics.push(metric(resource, &given, unit).map_err(|why| io.fail(why))?);
        }
    }
    let dry = DryRun::of(args).map_err(|why| io.fail(why))?;
    let mut failures = Vec::new();
    for (target, object) in written(args, io, &mut failures)? {
        let scales = match target.kind.known() {
            Some(known) => matches!(
                known,
                Kind::Deployment | Kind::ReplicaSet | Kind::StatefulSet | Kind::ReplicationController
            ),
            None => args.get("filename").is_some() || !object["spec"]["replicas"].is_null(),
        };
        if !scales {
            let why = format!(
                "cannot autoscale a {}: could not find scale subresource for {} in discovery information",
                target.kind.kind,
                target.resource()
            );
            failures.push(Failure::Client(why));
            continue;
        }
        let made = scaler(&target, args.get("name"), min, max, &metrics);
        let resource = hpa(io)?;
        let name = made["metadata"]["name"].str();
        let place = Target::of(resource, &target.namespace, &name);
        let done = if dry == DryRun::Client { "created" } else { "autoscaled" };
        let making = Making { manager: "kubectl-autoscale", done, refused: "" };
        let mut refused = Vec::new();
        making.make(&place, made, args, io, &mut refused)?;
        // What the older version can say is tried with that, and refused alike; what it cannot is worded so.
        let cpu = metrics.iter().find(|metric| metric["resource"]["name"].as_str() == Some("cpu"));
        let why = match cpu.map(|metric| metric["resource"]["target"]["averageValue"].is_null()) {
            None => Some("empty input"),
            Some(false) => Some("%!w(<nil>)"),
            Some(true) => None,
        };
        failures.extend(refused.into_iter().map(|failure| match (failure, why) {
            (Failure::Server(_), Some(why)) => Failure::Client(format!(
                "failed to create autoscaling/v2 HPA and the configuration is incompatible with autoscaling/v1: {why}"
            )),
            (other, _) => other,
        }));
    }
    io.finish(failures)
}

/// What is to be scaled.
fn written(args: &Args, io: &mut Io<'_>, failures: &mut Vec<Failure>) -> Result<Vec<(Target, Doc)>, Stop> {
    let found = objects_as_written(&args.words, args, io, failures)?;
    match found.is_empty() && failures.is_empty() {
        true => Err(io.fail("no objects passed to autoscale")),
        false => Ok(found),
    }
}

/// The kind that does it.
fn hpa(io: &mut Io<'_>) -> Result<Resource, Stop> {
    match super::resource::kind("horizontalpodautoscalers", io)? {
        Some(kind) => Ok(kind),
        None => Err(io.fail("the server could not find the requested resource")),
    }
}

/// `70%` of what is requested, or an amount for each pod.
fn metric(resource: &str, given: &str, unit: &str) -> Result<Doc, String> {
    let target = if let Some(share) = given.strip_suffix('%') {
        let share = share.parse::<i64>().ok().filter(|share| *share > 0);
        let share = share.ok_or_else(|| format!("invalid {resource} utilization: {given}"))?;
        doc!({ "averageUtilization": share, "type": "Utilization" })
    } else {
        let bare = given.bytes().all(|byte| byte.is_ascii_digit());
        let amount = if bare { format!("{given}{unit}") } else { given.to_owned() };
        let amount = canonical(&Doc::from(amount))
            .ok_or_else(|| format!("invalid resource {resource} value: {given}"))?;
        doc!({ "averageValue": amount, "type": "AverageValue" })
    };
    Ok(doc!({ "resource": { "name": resource, "target": target }, "type": "Resource" }))
}

fn scaler(target: &Target, name: Option<&str>, min: i64, max: i64, metrics: &[Doc]) -> Doc {
    let name = name.map_or_else(|| target.name.clone(), Str::from);
    let mut made = doc!({
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": name },
        "spec": {
            "maxReplicas": max,
            "scaleTargetRef": {
                "apiVersion": target.kind.api_version(), "kind": &target.kind.kind, "name": &target.name
            }
        }
    });
    if min > 0 {
        made.set_at(&["spec", "minReplicas"], min);
    }
    if !metrics.is_empty() {
        made.set_at(&["spec", "metrics"], metrics.to_vec());
    }
    made
}
