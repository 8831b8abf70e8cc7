//! LimitRanger: what the LimitRanges of a namespace give to pods, and what they do not let through.

use crate::api::core::resourcequota::usage;
use crate::api::{Key, Kind, parse_quantity, quantity};
use crate::doc::{Doc, Str};
use crate::etcd::Store;

const ANNOTATION: &str = "kubernetes.io/limit-ranger";

/// Fills in defaults; what is still out of bounds is refused.
pub(super) fn apply(key: &Key, pod: &mut Doc, store: &Store) -> Result<(), String> {
    let mut faults = Vec::new();
    for range in store.list_namespace(Kind::LimitRange, &key.namespace) {
        let limits = &range.body["spec"]["limits"];
        fill_in(pod, limits);
        for limit in limits.items() {
            check(pod, limit, &mut faults);
        }
    }
    told(&faults)
}

/// Refuses a pod that is to have other resources where they are out of bounds.
pub(super) fn check_resize(key: &Key, pod: &Doc, store: &Store) -> Result<(), String> {
    let mut faults = Vec::new();
    for range in store.list_namespace(Kind::LimitRange, &key.namespace) {
        range.body["spec"]["limits"].items().iter().for_each(|limit| check(pod, limit, &mut faults));
    }
    told(&faults)
}

/// Gives containers what they do not ask for, and writes down that it did.
fn fill_in(pod: &mut Doc, limits: &Doc) {
    let of_containers: Vec<&Doc> =
        limits.items().iter().filter(|limit| limit["type"].as_str() == Some("Container")).collect();
    let mut said: Vec<String> = Vec::new();
    for list in ["containers", "initContainers"] {
        for at in 0..pod["spec"][list].items().len() {
            for (bound, defaults, word) in
                [("requests", "defaultRequest", "request"), ("limits", "default", "limit")]
            {
                let container = &pod["spec"][list][at];
                let known = &container["resources"][bound];
                let missing: Vec<(Str, Doc)> = of_containers
                    .iter()
                    .flat_map(|limit| limit[defaults].entries())
                    .filter(|(resource, _)| known[resource.as_str()].is_null())
                    .cloned()
                    .collect();
                if missing.is_empty() {
                    continue;
                }
                let names: Vec<&str> = missing.iter().map(|(resource, _)| resource.as_str()).collect();
                let sort = if list == "containers" { "container" } else { "init container" };
                said.push(format!("{} {word} for {sort} {}", names.join(", "), container["name"].str()));
                let container = &mut pod.at_mut(&["spec", list]).items_mut()[at];
                for (resource, amount) in missing {
                    container.at_mut(&["resources", bound]).set(resource, amount);
                }
            }
        }
    }
    if !said.is_empty() {
        let text = format!("LimitRanger plugin set: {}", said.join("; "));
        pod.set_at(&["metadata", "annotations", ANNOTATION], text);
    }
}

/// An amount in thousandths, and as it is printed.
type Amount = Option<(i128, String)>;

fn amount(doc: &Doc) -> Amount {
    let text = quantity::canonical(doc)?;
    Some((parse_quantity(&text)?, text))
}

fn check(pod: &Doc, limit: &Doc, faults: &mut Vec<String>) {
    let spec = &pod["spec"];
    match limit["type"].as_str() {
        Some("Container") => {
            for container in spec["containers"].items().iter().chain(spec["initContainers"].items()) {
                let of = |bound: &str, resource: &str| amount(&container["resources"][bound][resource]);
                bounds(limit, "Container", &of, faults);
            }
        }
        Some("Pod") => {
            let both = ["requests", "limits"].map(|bound| (bound, usage::needed(spec, bound)));
            let of = |bound: &str, resource: &str| {
                let (_, needed) = both.iter().find(|(name, _)| *name == bound)?;
                needed.get(resource).map(|amount| (amount.milli, amount.to_string()))
            };
            bounds(limit, "Pod", &of, faults);
        }
        _ => {}
    }
}

/// The same for a claim: how much storage it may ask for.
pub(super) fn check_claim(key: &Key, claim: &Doc, store: &Store) -> Result<(), String> {
    let mut faults = Vec::new();
    for range in store.list_namespace(Kind::LimitRange, &key.namespace) {
        let limits = range.body["spec"]["limits"].items().iter();
        for limit in limits.filter(|limit| limit["type"].as_str() == Some("PersistentVolumeClaim")) {
            for (bound, word) in [("min", "minimum"), ("max", "maximum")] {
                for (resource, enforced) in limit[bound].entries() {
                    let Some((most, shown)) = amount(enforced) else { continue };
                    let usage = format!("{word} {resource} usage per PersistentVolumeClaim is {shown}");
                    match amount(claim.at(&["spec", "resources", "requests", resource])) {
                        None => faults.push(format!("{usage}.  No request is specified")),
                        Some((number, text)) if (number < most) == (bound == "min") && number != most => {
                            faults.push(format!("{usage}, but request is {text}"));
                        }
                        Some(_) => {}
                    }
                }
            }
        }
    }
    told(&faults)
}

fn told(faults: &[String]) -> Result<(), String> {
    match faults {
        [] => Ok(()),
        [one] => Err(one.clone()),
        many => Err(format!("[{}]", many.join(", "))),
    }
}

fn bounds(limit: &Doc, kind: &str, of: &dyn Fn(&str, &str) -> Amount, faults: &mut Vec<String>) {
    for (bound, word) in [("min", "minimum"), ("max", "maximum")] {
        for (resource, least_or_most) in limit[bound].entries() {
            let Some((enforced, shown)) = amount(least_or_most) else { continue };
            let (first, second) = if bound == "min" { ("request", "limit") } else { ("limit", "request") };
            let is_out = |number: i128| if bound == "min" { number < enforced } else { number > enforced };
            let usage = format!("{word} {resource} usage per {kind} is {shown}");
            let [main, other] = [first, second].map(|what| (what, of(&format!("{what}s"), resource)));
            match (main, other) {
                ((what, None), _) => faults.push(format!("{usage}.  No {what} is specified")),
                ((what, Some((number, text))), _) | (_, (what, Some((number, text)))) if is_out(number) => {
                    faults.push(format!("{usage}, but {what} is {text}"));
                }
                _ => {}
            }
        }
    }
    for (resource, most) in limit["maxLimitRequestRatio"].entries() {
        let Some((enforced, shown)) = amount(most) else { continue };
        let ratio = format!("{resource} max limit to request ratio per {kind} is {shown}");
        let lacking = |amount: &Amount| amount.as_ref().is_none_or(|(number, _)| *number == 0);
        let (request, upper) = (of("requests", resource), of("limits", resource));
        if lacking(&request) {
            faults.push(format!("{ratio}, but no request is specified or request is 0"));
        } else if lacking(&upper) {
            faults.push(format!("{ratio}, but no limit is specified or limit is 0"));
        } else if let (Some((request, _)), Some((upper, _))) = (request, upper)
            && upper.checked_mul(1000).zip(enforced.checked_mul(request)).is_none_or(|(is, may)| is > may)
        {
            let millionths = upper.saturating_mul(1_000_000).saturating_div(request);
            let provided = format!("{}.{:06}", millionths / 1_000_000, millionths % 1_000_000);
            faults.push(format!("{ratio}, but provided ratio is {provided}"));
        }
    }
}
