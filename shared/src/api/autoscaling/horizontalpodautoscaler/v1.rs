//! `autoscaling/v1`: the same objects with one target, that of CPU; what has no place there stands in annotations.

use crate::doc;
use crate::doc::{Doc, Path, Segment, parse_json};

/// What objects of this version say.
pub const API_VERSION: &str = "autoscaling/v1";
const STORED: &str = "autoscaling/v2";
/// Annotations, and where in the object that stands which they hold as JSON: this version has no such fields.
pub const ANNOTATIONS: [(&str, [&str; 2]); 4] = [
    ("autoscaling.alpha.kubernetes.io/metrics", ["spec", "metrics"]),
    ("autoscaling.alpha.kubernetes.io/behavior", ["spec", "behavior"]),
    ("autoscaling.alpha.kubernetes.io/current-metrics", ["status", "currentMetrics"]),
    ("autoscaling.alpha.kubernetes.io/conditions", ["status", "conditions"]),
];
/// Who has the one target here owns all of them as they are kept, where they are one list; and the same of the status.
pub const TARGETS: [([&str; 2], [&str; 2]); 2] = [
    (["spec", "targetCPUUtilizationPercentage"], ["spec", "metrics"]),
    (["status", "currentCPUUtilizationPercentage"], ["status", "currentMetrics"]),
];

fn is_cpu(metric: &Doc) -> bool {
    metric["resource"]["name"].as_str() == Some("cpu")
}

/// The fields of an object that only the other version has.
pub fn unknown(body: &Doc) -> Vec<Path> {
    let there = ANNOTATIONS.iter().filter(|(_, place)| !body.at(place).is_null());
    there.map(|(_, place)| Path(place.map(|step| Segment::Key(step.into())).to_vec())).collect()
}

/// Makes what a client sent into what is stored.
pub fn to_stored(body: &mut Doc) {
    if !body["apiVersion"].is_empty() {
        body.set("apiVersion", STORED);
    }
    for (annotation, place) in &ANNOTATIONS {
        let text = body.at(&["metadata", "annotations", annotation]).str();
        if text.is_empty() {
            continue;
        }
        if let Ok(value) = parse_json(&text) {
            body.set_at(place, value);
        }
        body.at_mut(&["metadata", "annotations"]).remove(annotation);
        if body.at(&["metadata", "annotations"]).is_empty() {
            body.at_mut(&["metadata"]).remove("annotations");
        }
    }
    for (([part, here], [_, kept]), of) in TARGETS.into_iter().zip(["target", "current"]) {
        let percent = body[part][here].clone();
        if percent.is_null() {
            continue;
        }
        let part = body.at_mut(&[part]);
        part.remove(here);
        let mut resource = doc!({ "name": "cpu" });
        resource.set_at(&[of, "averageUtilization"], percent);
        if of == "target" {
            resource.set_at(&[of, "type"], "Utilization");
        }
        let cpu = doc!({ "type": "Resource", "resource": resource });
        let others = part[kept].items().iter().filter(|metric| !is_cpu(metric)).cloned();
        let metrics: Vec<Doc> = others.chain([cpu]).collect();
        part.set(kept, metrics);
    }
}

/// Makes an answer, or a list of them, into what this version shows.
pub fn shown(body: &mut Doc) {
    match body["kind"].as_str() {
        Some("HorizontalPodAutoscaler") => one(body),
        Some("HorizontalPodAutoscalerList") => {
            body.set("apiVersion", API_VERSION);
            body.at_mut(&["items"]).items_mut().iter_mut().for_each(one);
        }
        _ => {}
    }
}

fn one(object: &mut Doc) {
    if !object["apiVersion"].is_null() {
        object.set("apiVersion", API_VERSION);
    }
    let utilization = |metrics: &Doc, of: &str| {
        let metric = metrics.items().iter().find(|metric| is_cpu(metric));
        metric.map(|metric| metric["resource"][of]["averageUtilization"].clone()).unwrap_or_default()
    };
    let target = utilization(&object["spec"]["metrics"], "target");
    let current = utilization(&object["status"]["currentMetrics"], "current");
    if !target.is_null() {
        let others =
            |metric: &Doc| !is_cpu(metric) || metric["resource"]["target"]["averageUtilization"].is_null();
        object.at_mut(&["spec", "metrics"]).edit_items().retain(others);
    }
    for (annotation, place) in &ANNOTATIONS {
        let value = object.at(place).clone();
        object.at_mut(&place[..1]).remove(place[1]);
        if !value.is_empty() {
            object.set_at(&["metadata", "annotations", annotation], value.to_json());
        }
    }
    if !target.is_null() {
        object.set_at(&["spec", "targetCPUUtilizationPercentage"], target);
    }
    if !current.is_null() {
        object.set_at(&["status", "currentCPUUtilizationPercentage"], current);
    }
    if object["status"]["currentReplicas"].is_null() {
        object.set_at(&["status", "currentReplicas"], 0i64);
    }
}

#[cfg(test)]
mod tests {
    use super::{shown, to_stored};
    use crate::doc;

    #[test]
    fn an_object_comes_back_as_it_was_sent() {
        let sent = doc!({
            "apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" },
            "spec": { "maxReplicas": 5i64, "targetCPUUtilizationPercentage": 70i64 },
            "status": { "currentReplicas": 0i64, "desiredReplicas": 0i64 }
        });
        let mut body = sent.clone();
        to_stored(&mut body);
        assert_eq!(body["apiVersion"].as_str(), Some("autoscaling/v2"));
        let target = body["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"].as_i64();
        assert_eq!(target, Some(70));
        shown(&mut body);
        assert_eq!(body, sent);
        // What has no place in this version survives the way there and back.
        let mut stored = doc!({
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": { "name": "h" },
            "spec": { "behavior": { "scaleUp": { "selectPolicy": "Min" } }, "metrics": [{ "type": "Pods" }] },
            "status": { "currentReplicas": 2i64 }
        });
        let before = stored.clone();
        shown(&mut stored);
        assert!(stored["spec"].is_empty());
        to_stored(&mut stored);
        assert_eq!(stored, before);
    }
}
