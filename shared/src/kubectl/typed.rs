//! Objects that kubectl holds as Go structs print their fields in JSON in the order in which Go declares them.

use crate::api::Kind;
use crate::api::quantity::canonical;
use crate::doc;
use crate::doc::{Doc, Str};
use crate::schema::{FieldType, Schema, normalise};

/// A line a type.
const ORDER: &str = include_str!("typed/order.txt");

/// A document whose maps have an order of their own.
pub(super) enum Ordered<'a> {
    Map(Vec<(&'a str, Ordered<'a>)>),
    List(Vec<Ordered<'a>>),
    Leaf(&'a Doc),
}

impl<'a> Ordered<'a> {
    /// In the order of the document itself.
    pub fn plain(doc: &'a Doc) -> Ordered<'a> {
        match doc {
            Doc::Map(map) => Ordered::Map(
                map.entries().iter().map(|(name, below)| (name.as_str(), Ordered::plain(below))).collect(),
            ),
            Doc::List(items) => Ordered::List(items.iter().map(Ordered::plain).collect()),
            leaf => Ordered::Leaf(leaf),
        }
    }

    /// In the order of the fields of what the document says that it is.
    pub fn typed(doc: &'a Doc) -> Ordered<'a> {
        let of = Schema::named(&doc["apiVersion"].str(), &doc["kind"].str());
        Ordered::of(doc, of.map(FieldType::Object), "")
    }

    fn of(value: &'a Doc, of: Option<FieldType>, called: &str) -> Ordered<'a> {
        match value {
            Doc::Map(_) => {
                let fields = sorted(value, of, called).into_iter().map(|(name, below)| {
                    let of = match of {
                        Some(FieldType::Object(of)) => of.field(name).map(|field| field.field_type()),
                        Some(FieldType::Map(element)) => Some(element.get()),
                        _ => None,
                    };
                    (name, Ordered::of(below, of, name))
                });
                Ordered::Map(fields.collect())
            }
            Doc::List(items) => {
                let of = match of {
                    Some(FieldType::List(element)) => Some(element.get()),
                    _ => None,
                };
                Ordered::List(items.iter().map(|item| Ordered::of(item, of, called)).collect())
            }
            leaf => Ordered::Leaf(leaf),
        }
    }

    /// As JSON; on lines of their own at this depth, or in one line.
    fn print(&self, depth: Option<usize>, text: &mut String) {
        let indent = |text: &mut String, more: usize| {
            if let Some(depth) = depth {
                text.push('\n');
                text.push_str(&"    ".repeat(depth + more));
            }
        };
        let (open, close) = match self {
            Ordered::Map(fields) if fields.is_empty() => return text.push_str("{}"),
            Ordered::List(items) if items.is_empty() => return text.push_str("[]"),
            Ordered::Leaf(leaf) => return text.push_str(&leaf.to_go_json()),
            Ordered::Map(_) => ('{', '}'),
            Ordered::List(_) => ('[', ']'),
        };
        let below = depth.map(|depth| depth + 1);
        let begin = |text: &mut String, first: bool| {
            text.push_str(if first { "" } else { "," });
            indent(text, 1);
        };
        text.push(open);
        match self {
            Ordered::Map(fields) => {
                for (at, (name, value)) in fields.iter().enumerate() {
                    begin(text, at == 0);
                    text.push_str(&Doc::from(*name).to_go_json());
                    text.push_str(if depth.is_some() { ": " } else { ":" });
                    value.print(below, text);
                }
            }
            Ordered::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    begin(text, at == 0);
                    item.print(below, text);
                }
            }
            Ordered::Leaf(_) => {}
        }
        indent(text, 0);
        text.push(close);
    }
}

/// The object as JSON.
pub(super) fn json(object: &Doc) -> String {
    let mut text = String::new();
    Ordered::typed(object).print(Some(0), &mut text);
    text.push('\n');
    text
}

/// The same in one line.
pub(super) fn compact(object: &Doc) -> String {
    let mut text = String::new();
    Ordered::typed(object).print(None, &mut text);
    text
}

/// A document as Go's structs hold it: what they do not know is gone, and amounts are written in one way.
pub(super) fn decoded(mut doc: Doc) -> Doc {
    let (api_version, kind) = (doc["apiVersion"].str(), doc["kind"].str());
    if let Some(known) = Kind::of(&api_version, &kind) {
        normalise(known, &mut doc);
        doc.set("apiVersion", api_version);
        doc.set("kind", kind);
    }
    if let Some(of) = Schema::named(&doc["apiVersion"].str(), &doc["kind"].str()) {
        amounts(&mut doc, FieldType::Object(of));
    }
    doc
}

fn amounts(value: &mut Doc, of: FieldType) {
    match of {
        FieldType::Quantity => {
            if let Some(amount) = canonical(value) {
                *value = amount.into();
            }
        }
        FieldType::List(element) if !value.is_empty() => {
            value.items_mut().iter_mut().for_each(|item| amounts(item, element.get()));
        }
        FieldType::Object(_) | FieldType::Map(_) => {
            let keys: Vec<Str> = value.entries().iter().map(|(key, _)| key.as_str().into()).collect();
            for key in keys {
                let below = match of {
                    FieldType::Object(of) => of.field(&key).map(|field| field.field_type()),
                    FieldType::Map(element) => Some(element.get()),
                    _ => None,
                };
                if let Some(below) = below {
                    amounts(value.at_mut(&[&key]), below);
                }
            }
        }
        _ => {}
    }
}

/// Where objects keep templates of pods.
const TEMPLATES: [&[&str]; 2] = [&["spec", "template"], &["spec", "jobTemplate", "spec", "template"]];

/// An object that was never sent, with the empty parts that Go prints of it.
pub(super) fn shaped(mut doc: Doc) -> Doc {
    let empty = Doc::map;
    for path in TEMPLATES {
        if !doc.at(path).is_empty() {
            doc.at_mut(path).default_to("metadata", empty());
            containers(doc.at_mut(path).at_mut(&["spec"]));
        }
    }
    if !doc["spec"]["containers"].is_empty() {
        containers(doc.at_mut(&["spec"]));
    }
    match doc["kind"].str().as_str() {
        "Deployment" => {
            doc.at_mut(&["spec"]).default_to("strategy", empty());
            doc.set("status", empty());
        }
        "StatefulSet" => {
            doc.at_mut(&["spec"]).default_to("updateStrategy", empty());
            if !doc["spec"]["volumeClaimTemplates"].is_empty() {
                for claim in doc.at_mut(&["spec", "volumeClaimTemplates"]).items_mut() {
                    claim.at_mut(&["spec"]).default_to("resources", empty());
                    claim.default_to("status", empty());
                }
            }
            doc.set("status", doc!({ "availableReplicas": 0, "replicas": 0 }));
        }
        "DaemonSet" => {
            doc.at_mut(&["spec"]).default_to("updateStrategy", empty());
            let fields =
                ["currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"];
            fields.into_iter().for_each(|field| doc.set_at(&["status", field], 0i64));
        }
        "ReplicaSet" | "ReplicationController" => doc.set("status", doc!({ "replicas": 0 })),
        "Namespace" => {
            doc.set("spec", empty());
            doc.set("status", empty());
        }
        "Service" => {
            doc.set_at(&["status", "loadBalancer"], empty());
            if !doc["spec"]["ports"].is_empty() {
                for port in doc.at_mut(&["spec", "ports"]).items_mut() {
                    port.default_to("targetPort", 0i64);
                }
            }
        }
        "Ingress" => doc.set_at(&["status", "loadBalancer"], empty()),
        "CronJob" => {
            doc.at_mut(&["spec", "jobTemplate"]).default_to("metadata", empty());
            doc.set("status", empty());
        }
        "Pod" | "Job" | "ResourceQuota" => doc.set("status", empty()),
        "HorizontalPodAutoscaler" => {
            doc.set_at(&["status", "currentMetrics"], Doc::Null);
            doc.set_at(&["status", "desiredReplicas"], 0i64);
        }
        "PodDisruptionBudget" => {
            for field in ["currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods"] {
                doc.set_at(&["status", field], 0i64);
            }
        }
        _ => {}
    }
    doc
}

/// Containers of a pod's spec say what they need, be it nothing.
fn containers(spec: &mut Doc) {
    for list in ["containers", "initContainers"] {
        if !spec[list].is_empty() {
            let containers = spec.at_mut(&[list]).items_mut();
            containers.iter_mut().for_each(|container| container.default_to("resources", Doc::map()));
        }
    }
}

/// The entries of a map in their order.
fn sorted<'a>(value: &'a Doc, of: Option<FieldType>, called: &str) -> Vec<(&'a str, &'a Doc)> {
    let kind = value["kind"].str();
    let of = match of {
        Some(FieldType::Object(of)) => of.name(),
        // Reviews and versions have no schema.
        _ if called.is_empty() => kind.as_str(),
        _ => called,
    };
    let line = ORDER.lines().filter_map(|line| line.split_once(' ')).find(|(known, _)| *known == of);
    let order = line.map_or("", |(_, order)| order);
    let place = |name: &str| match (name, called) {
        ("kind", "") => 0,
        ("apiVersion", "") => 1,
        _ => 2 + order.split_whitespace().position(|known| known == name).unwrap_or(usize::MAX - 2),
    };
    let mut entries: Vec<(&str, &Doc)> =
        value.entries().iter().map(|(name, below)| (&**name, below)).collect();
    crate::collections::sort_by_key(&mut entries, |(name, _)| (place(name), *name));
    entries
}
