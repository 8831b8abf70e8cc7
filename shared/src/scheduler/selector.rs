//! Which pods a constraint or affinity term speaks of, read once a template.

use crate::api::LabelSelector;
use crate::codec::Codec;
use crate::doc::{Doc, Str};

/// The pods that a constraint or affinity term speaks of.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct PodSelector {
    /// In which namespaces.
    pub scope: Scope,
    /// With which labels.
    pub labels: LabelSelector,
}

/// The namespaces that a selector looks at.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Scope {
    /// Every namespace.
    All,
    /// These; none at all for a selector that matches nothing.
    Namespaces(Vec<Str>),
}

impl PodSelector {
    /// The pods of one namespace; a missing selector matches none (as the API has it).
    pub fn within(namespace: &Str, selector: &Doc) -> PodSelector {
        let scope = if selector.is_null() { Vec::new() } else { vec![namespace.clone()] };
        PodSelector { scope: Scope::Namespaces(scope), labels: LabelSelector::from_doc(selector) }
    }

    /// Whether it selects a pod with these labels in `namespace`.
    pub fn matches(&self, namespace: &Str, labels: &Doc) -> bool {
        let inside = match &self.scope {
            Scope::All => true,
            Scope::Namespaces(names) => names.contains(namespace),
        };
        inside && self.labels.matches(labels)
    }
}
