//! What a pod spec asks of its node: node selector and node affinity.

use crate::codec::Codec;
use crate::collections::sort;
use crate::doc::{Doc, Str};

use super::{LabelSelector, Object};

/// `v1.NodeSelectorTerm`: all of its requirements hold; one without any matches no node.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct NodeTerm {
    labels: Vec<NodeRequirement>,
    fields: Vec<NodeRequirement>,
}

/// `v1.NodeSelectorRequirement`
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
struct NodeRequirement {
    key: Str,
    operator: Operator,
    values: Vec<Str>,
}

#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// A word that validation should have refused: it matches no node.
    Unknown,
}

impl NodeTerm {
    /// Reads a term.
    fn read(doc: &Doc) -> NodeTerm {
        let list = |field: &str| doc[field].items().iter().map(NodeRequirement::read).collect();
        NodeTerm { labels: list("matchExpressions"), fields: list("matchFields") }
    }

    /// Whether a node satisfies it.
    fn matches(&self, node: &Object) -> bool {
        let label = |key: &str| node.meta.labels[key].as_str();
        let field = |key: &str| (key == "metadata.name").then_some(node.key.name.as_str());
        (!self.labels.is_empty() || !self.fields.is_empty())
            && self.labels.iter().all(|requirement| requirement.holds(label(&requirement.key)))
            && self.fields.iter().all(|requirement| requirement.holds(field(&requirement.key)))
    }
}

impl NodeRequirement {
    fn read(doc: &Doc) -> NodeRequirement {
        NodeRequirement {
            key: doc["key"].str(),
            operator: match doc["operator"].as_str() {
                Some("In") => Operator::In,
                Some("NotIn") => Operator::NotIn,
                Some("Exists") => Operator::Exists,
                Some("DoesNotExist") => Operator::DoesNotExist,
                Some("Gt") => Operator::Gt,
                Some("Lt") => Operator::Lt,
                _ => Operator::Unknown,
            },
            values: doc["values"].items().iter().map(Doc::str).collect(),
        }
    }

    fn holds(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|wanted| wanted == value);
        let numbers = || Some((value?.parse::<i64>().ok()?, self.values.first()?.parse::<i64>().ok()?));
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => value.is_none_or(|value| !listed(value)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => numbers().is_some_and(|(value, bound)| value > bound),
            Operator::Lt => numbers().is_some_and(|(value, bound)| value < bound),
            Operator::Unknown => false,
        }
    }
}

/// The names that the terms leave, when each term is about names; none when they contradict each other.
fn names(terms: &[NodeTerm]) -> Option<Vec<Str>> {
    let mut all = Vec::new();
    for term in terms {
        let is_name =
            |field: &&NodeRequirement| field.key == "metadata.name" && field.operator == Operator::In;
        let mut fields = term.fields.iter().filter(is_name);
        let first = &fields.next()?.values;
        let others: Vec<&NodeRequirement> = fields.collect();
        all.extend(
            first.iter().filter(|name| others.iter().all(|field| field.values.contains(name))).cloned(),
        );
    }
    sort(&mut all);
    all.dedup();
    (!terms.is_empty()).then_some(all)
}

/// What a pod requires and prefers of its node's labels.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct NodeAffinity {
    /// `spec.nodeSelector`
    selector: LabelSelector,
    /// Required terms, one of which must match; `None` when nothing is required.
    required: Option<Vec<NodeTerm>>,
    /// Preferred terms and their weights.
    preferred: Vec<(i64, NodeTerm)>,
    /// The only nodes that the required terms can match, when each of them names some; sorted.
    names: Option<Vec<Str>>,
}

impl NodeAffinity {
    /// Reads `nodeSelector` and `affinity.nodeAffinity` of a pod spec.
    pub fn read(spec: &Doc) -> NodeAffinity {
        let affinity = spec.at(&["affinity", "nodeAffinity"]);
        let required = &affinity["requiredDuringSchedulingIgnoredDuringExecution"];
        let preferred = affinity["preferredDuringSchedulingIgnoredDuringExecution"].items();
        let required: Option<Vec<NodeTerm>> = (!required.is_null())
            .then(|| required["nodeSelectorTerms"].items().iter().map(NodeTerm::read).collect());
        NodeAffinity {
            selector: LabelSelector::from_map(&spec["nodeSelector"]),
            names: required.as_ref().and_then(|terms| names(terms)),
            required,
            preferred: preferred
                .iter()
                .map(|term| (term["weight"].as_i64().unwrap_or(0), NodeTerm::read(&term["preference"])))
                .collect(),
        }
    }

    /// Reads the `nodeAffinity` of a volume.
    pub fn of_volume(affinity: &Doc) -> NodeAffinity {
        NodeAffinity::of_selector(&affinity["required"])
    }

    /// Reads a `v1.NodeSelector`.
    pub fn of_selector(selector: &Doc) -> NodeAffinity {
        let required = selector["nodeSelectorTerms"].items().iter().map(NodeTerm::read).collect();
        NodeAffinity { required: Some(required), ..NodeAffinity::default() }
    }

    /// The only nodes it can match, by name, if it is about names: a short list to look at.
    pub fn names(&self) -> Option<&[Str]> {
        self.names.as_deref()
    }

    /// Whether it requires anything.
    pub fn requires(&self) -> bool {
        !self.selector.is_empty() || self.required.is_some()
    }

    /// Whether it prefers anything.
    pub fn prefers(&self) -> bool {
        !self.preferred.is_empty()
    }

    /// Whether a node has what is required.
    pub fn allows(&self, node: &Object) -> bool {
        self.selector.matches(&node.meta.labels)
            && self.required.as_ref().is_none_or(|terms| terms.iter().any(|term| term.matches(node)))
    }

    /// The weights of the preferred terms that a node satisfies.
    pub fn preference(&self, node: &Object) -> i64 {
        self.preferred.iter().filter(|(_, term)| term.matches(node)).map(|(weight, _)| weight).sum()
    }
}
