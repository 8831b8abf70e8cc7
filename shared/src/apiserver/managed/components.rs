//! What the cluster's own components own. They write far too often for an account to be kept of every field: with an
//! object only the moments are kept at which each of them last wrote (`Meta::written`), and who owns what follows from
//! that when somebody looks: what nobody else owns is theirs, as they share it.

use crate::api::{Key, Kind, Object, Request, Subresource, Verb};
use crate::doc;
use crate::doc::{Doc, Timestamp};

use super::fields::Fields;
use super::shape::Shape;
use super::{Entry, write};

/// Who writes through which part: the places in `Meta::written`.
const MAIN: usize = 0;
const STATUS: usize = 1;
const OTHER: usize = 2;
const OTHER_STATUS: usize = 3;

const CONTROLLERS: &str = "kube-controller-manager";
const KUBELET: &str = "kubelet";
const SCHEDULER: &str = "kube-scheduler";

/// The program behind a user.
fn program(user: &str) -> Option<&'static str> {
    match user.strip_prefix("system:")? {
        CONTROLLERS => Some(CONTROLLERS),
        SCHEDULER => Some(SCHEDULER),
        "cloud-controller-manager" => Some("cloud-controller-manager"),
        rest if rest.starts_with("node:") => Some(KUBELET),
        rest if rest.starts_with("serviceaccount:kube-system:") => Some(CONTROLLERS),
        _ => None,
    }
}

/// The place of a component's write among those that are kept.
pub(in crate::apiserver) fn place(request: &Request) -> Option<usize> {
    if !matches!(request.verb, Verb::Create | Verb::Update | Verb::Patch(_)) {
        return None;
    }
    let program = program(&request.user.name)?;
    let pod = request.kind == Kind::Pod;
    match request.subresource {
        Subresource::None if pod || program == CONTROLLERS => Some(MAIN),
        Subresource::None => Some(OTHER),
        Subresource::Status if program == CONTROLLERS => Some(STATUS),
        Subresource::Status if pod && program == SCHEDULER => Some(OTHER),
        Subresource::Status => Some(OTHER_STATUS),
        Subresource::Scale => Some(OTHER),
        _ => None,
    }
}

/// Who writes at a place, and through which part.
fn writer(key: &Key, place: usize, mirror: bool) -> (&'static str, &'static str) {
    match (key.kind, place) {
        (Kind::Pod, MAIN) if mirror => (KUBELET, ""),
        (Kind::Pod, OTHER) => (SCHEDULER, "status"),
        (Kind::Pod | Kind::Node, OTHER_STATUS) => (KUBELET, "status"),
        (Kind::Node, OTHER) => (KUBELET, ""),
        (Kind::Lease, OTHER) if key.namespace == "kube-node-lease" => (KUBELET, ""),
        (Kind::Lease, OTHER) => (SCHEDULER, ""),
        (_, OTHER) => (CONTROLLERS, "scale"),
        (_, OTHER_STATUS) => ("cloud-controller-manager", "status"),
        (_, STATUS) => (CONTROLLERS, "status"),
        _ => (CONTROLLERS, ""),
    }
}

/// `managedFields` without what components own: that is worked out anew.
pub(in crate::apiserver) fn without(managed: &Doc, key: &Key) -> Doc {
    let theirs = |entry: &Doc| {
        let (manager, part) = (entry["manager"].str(), entry["subresource"].str());
        let writer = |place| writer(key, place, manager == KUBELET && key.kind == Kind::Pod);
        let known =
            [MAIN, STATUS, OTHER, OTHER_STATUS].map(writer).contains(&(manager.as_str(), part.as_str()));
        known && entry["operation"].as_str() == Some("Update")
    };
    if !managed.items().iter().any(theirs) {
        return managed.clone();
    }
    Doc::list(managed.items().iter().filter(|entry| !theirs(entry)).cloned())
}

/// The document as it is handed out: with everybody's `managedFields`.
pub(in crate::apiserver) fn shown(object: &Object, mut doc: Doc) -> Doc {
    let entries = entries(object, &doc);
    if !entries.is_empty() {
        let mut all = super::read(&object.meta.managed_fields);
        all.extend(entries);
        doc.at_mut(&["metadata"]).set("managedFields", write(all));
    }
    doc
}

fn entries(object: &Object, doc: &Doc) -> Vec<Entry> {
    if matches!(object.key.kind, Kind::Custom(_)) {
        return Vec::new();
    }
    if object.key.kind == Kind::Event {
        return event(object, doc).into_iter().collect();
    }
    let written = object.meta.written;
    if written.0 == [0; 4] {
        return Vec::new();
    }
    let mut rest = Fields::changed(&Doc::Null, doc, Shape::of(object.key.kind, None));
    for entry in super::read(&object.meta.managed_fields) {
        rest.subtract(&entry.fields);
    }
    let mirror = object.meta.annotation("kubernetes.io/config.mirror").is_some();
    let mut entries = Vec::new();
    // Who has least to say comes first: the others get what is left.
    for place in [OTHER, STATUS, OTHER_STATUS, MAIN] {
        let Some(at) = written.at(place) else { continue };
        let (manager, part) = writer(&object.key, place, mirror);
        let fields = match object.key.kind {
            Kind::Pod => pod(place, object, &mut rest),
            Kind::Node => node(place, object, &mut rest),
            _ => share(place, part, written.at(MAIN).is_some(), &mut rest),
        };
        entries.push(entry(object, manager, part, at, fields));
    }
    entries
}

fn entry(object: &Object, manager: &str, part: &str, at: Timestamp, fields: Fields) -> Entry {
    let mut head = doc!({
        "apiVersion": object.key.kind.info().api_version(), "fieldsType": "FieldsV1", "manager": manager,
        "operation": "Update", "time": Doc::Time(at)
    });
    if !part.is_empty() {
        head.set("subresource", part);
    }
    Entry { head, fields }
}

/// Events are written by those who say them, as a whole.
fn event(object: &Object, doc: &Doc) -> Option<Entry> {
    if !object.meta.managed_fields.is_null() {
        return None;
    }
    let component = match doc["reportingComponent"].str() {
        none if none.is_empty() => doc["source"]["component"].str(),
        some => some,
    };
    let manager = match component.as_str() {
        "" => return None,
        KUBELET => KUBELET,
        "default-scheduler" => SCHEDULER,
        "kube-proxy" => "kube-proxy",
        _ => CONTROLLERS,
    };
    let at = doc["lastTimestamp"].as_time().unwrap_or(object.meta.creation).floor_seconds();
    Some(entry(object, manager, "", at, Fields::changed(&Doc::Null, doc, Shape::of(object.key.kind, None))))
}

/// The share of most kinds: a status is its writer's, with the annotations where nobody else writes.
fn share(place: usize, part: &str, has_main: bool, rest: &mut Fields) -> Fields {
    match (place, part) {
        (OTHER, "scale") => rest.take(&["f:spec", "f:replicas"]),
        (STATUS, _) => {
            let mut fields = rest.take(&["f:status"]);
            if !has_main {
                fields.extend(&rest.take(&["f:metadata", "f:annotations"]));
            }
            fields
        }
        (OTHER_STATUS, _) => rest.take(&["f:status"]),
        _ => {
            rest.take(&["f:status"]);
            std::mem::take(rest)
        }
    }
}

fn condition(name: &str) -> String {
    format!("k:{{\"type\":\"{name}\"}}")
}

fn pod(place: usize, object: &Object, rest: &mut Fields) -> Fields {
    const CONDITIONS: [&str; 2] = ["f:status", "f:conditions"];
    let target = condition("DisruptionTarget");
    let by_kubelet = || {
        let conditions = object.body["status"]["conditions"].items().iter();
        let mut found = conditions.filter(|it| it["type"].as_str() == Some("DisruptionTarget"));
        found.any(|it| it["reason"].as_str() == Some("TerminationByKubelet"))
    };
    match place {
        // What it said of a pod that fits nowhere.
        OTHER => {
            let scheduled = condition("PodScheduled");
            let mut fields = rest.take(&[CONDITIONS[0], CONDITIONS[1], &scheduled]);
            fields.own(&CONDITIONS);
            fields.extend(&rest.take(&["f:status", "f:nominatedNodeName"]));
            fields
        }
        STATUS => match by_kubelet() {
            true => Fields::default(),
            false => rest.take(&[CONDITIONS[0], CONDITIONS[1], &target]),
        },
        OTHER_STATUS => {
            rest.disown(&CONDITIONS);
            // The binding said that it is scheduled; its class of service comes with the pod.
            rest.take(&[CONDITIONS[0], CONDITIONS[1], &condition("PodScheduled")]);
            for field in ["f:qosClass", "f:nominatedNodeName"] {
                rest.take(&["f:status", field]);
            }
            rest.take(&["f:status"])
        }
        _ => {
            rest.take(&["f:status"]);
            given(object, rest);
            std::mem::take(rest)
        }
    }
}

/// Takes out what admission and binding gave a pod.
fn given(object: &Object, rest: &mut Fields) {
    let spec = &object.body["spec"];
    for field in ["f:nodeName", "f:priority", "f:preemptionPolicy", "f:overhead"] {
        rest.take(&["f:spec", field]);
    }
    if spec["serviceAccountName"].as_str() == Some("default") {
        rest.take(&["f:spec", "f:serviceAccount"]);
        rest.take(&["f:spec", "f:serviceAccountName"]);
    }
    let added = |toleration: &Doc| {
        let key = toleration["key"].str();
        toleration["tolerationSeconds"].as_i64() == Some(300)
            && matches!(key.as_str(), "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
    };
    if spec["tolerations"].items().iter().all(added) {
        rest.take(&["f:spec", "f:tolerations"]);
    }
    let token = |volume: &&Doc| volume["name"].str().starts_with("kube-api-access-");
    if let Some(volume) = spec["volumes"].items().iter().find(token) {
        let step = format!("k:{{\"name\":{}}}", volume["name"]);
        rest.take_with_list(&["f:spec", "f:volumes"], &step);
        let mount = "k:{\"mountPath\":\"/var/run/secrets/kubernetes.io/serviceaccount\"}";
        for list in ["containers", "initContainers"] {
            for container in spec[list].items() {
                let item = format!("k:{{\"name\":{}}}", container["name"]);
                let list = format!("f:{list}");
                rest.take_with_list(&["f:spec", &list, &item, "f:volumeMounts"], mount);
            }
        }
    }
    for label in ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"] {
        rest.take(&["f:metadata", "f:labels", &format!("f:{label}")]);
    }
}

fn node(place: usize, object: &Object, rest: &mut Fields) -> Fields {
    match place {
        // Conditions of a kubelet that is not heard of.
        STATUS => {
            let mut fields = Fields::default();
            for it in object.body["status"]["conditions"].items() {
                if it["reason"].as_str() == Some("NodeStatusUnknown") {
                    let item = condition(&it["type"].str());
                    for field in ["f:lastTransitionTime", "f:message", "f:reason", "f:status"] {
                        fields.extend(&rest.take(&["f:status", "f:conditions", &item, field]));
                    }
                }
            }
            fields
        }
        OTHER_STATUS => rest.take(&["f:status"]),
        OTHER => {
            let ttl = rest.take(&["f:metadata", "f:annotations", "f:node.alpha.kubernetes.io/ttl"]);
            let mut later = ttl;
            for field in ["f:podCIDR", "f:podCIDRs", "f:taints"] {
                later.extend(&rest.take(&["f:spec", field]));
            }
            let mut fields = rest.take(&["f:metadata"]);
            fields.extend(&rest.take(&["f:spec"]));
            rest.extend(&later);
            fields
        }
        _ => {
            let mut fields = rest.take(&["f:metadata"]);
            fields.extend(&rest.take(&["f:spec"]));
            fields
        }
    }
}
