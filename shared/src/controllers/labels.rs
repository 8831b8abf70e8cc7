//! Indexes by label, so that neither a selector's pods nor the selectors of a pod are looked for among all others.

use crate::api::core::service::Service;
use crate::api::{Key, Kind, LabelSelector, Object, Requirement};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort};
use crate::doc::{Doc, Str};

/// Names of objects by kind, namespace, label and the label's value.
#[derive(Codec, Clone, Debug, Default)]
struct Names(BTreeMap<(Kind, Str, Str, Str), BTreeSet<Str>>);

impl Names {
    fn insert(&mut self, key: &Key, label: &Str, value: &Str) {
        let place = (key.kind, key.namespace.clone(), label.clone(), value.clone());
        self.0.entry(place).or_default().insert(key.name.clone());
    }

    fn remove(&mut self, key: &Key, label: &Str, value: &Str) {
        let place = (key.kind, key.namespace.clone(), label.clone(), value.clone());
        if let Some(names) = self.0.get_mut(&place) {
            names.remove(&key.name);
            if names.is_empty() {
                self.0.remove(&place);
            }
        }
    }

    fn of<'a>(
        &'a self,
        kind: Kind,
        namespace: &Str,
        label: &Str,
        value: &Str,
    ) -> impl Iterator<Item = &'a Str> + use<'a> {
        let place = (kind, namespace.clone(), label.clone(), value.clone());
        self.0.get(&place).into_iter().flat_map(BTreeSet::iter)
    }
}

/// Objects by their own labels.
#[derive(Codec, Clone, Debug, Default)]
pub struct Labelled(Names);

impl Labelled {
    /// Takes in an object.
    pub fn insert(&mut self, object: &Object) {
        for (label, value) in object.meta.labels.entries() {
            self.0.insert(&object.key, label, &value.str());
        }
    }

    /// Takes an object out, with the labels it had.
    pub fn remove(&mut self, object: &Object) {
        for (label, value) in object.meta.labels.entries() {
            self.0.remove(&object.key, label, &value.str());
        }
    }

    /// Names, in order, among which are all that a selector selects; `None` when it asks for no label with certain
    /// values, so that they may be any.
    pub fn candidates(&self, kind: Kind, namespace: &Str, selector: &LabelSelector) -> Option<Vec<Str>> {
        let (label, values) = required(selector)?;
        let mut names: Vec<Str> =
            values.iter().flat_map(|value| self.0.of(kind, namespace, label, value)).cloned().collect();
        if values.len() > 1 {
            sort(&mut names);
            names.dedup();
        }
        Some(names)
    }
}

/// Objects by a label that their selector requires.
#[derive(Codec, Clone, Debug, Default)]
pub struct Selecting {
    requiring: Names,
    /// Those that require no label with certain values.
    others: BTreeSet<Key>,
}

impl Selecting {
    /// Takes in an object, if it selects anything.
    pub fn insert(&mut self, object: &Object) {
        let Some(selector) = selector(object) else { return };
        match required(&selector) {
            Some((label, values)) => {
                values.iter().for_each(|value| self.requiring.insert(&object.key, label, value));
            }
            None => {
                self.others.insert(object.key.clone());
            }
        }
    }

    /// Takes an object out, with the selector it had.
    pub fn remove(&mut self, object: &Object) {
        let Some(selector) = selector(object) else { return };
        match required(&selector) {
            Some((label, values)) => {
                values.iter().for_each(|value| self.requiring.remove(&object.key, label, value));
            }
            None => {
                self.others.remove(&object.key);
            }
        }
    }

    /// The keys, in order, among which are all objects of a kind and namespace that select these labels.
    pub fn candidates(&self, kind: Kind, namespace: &Str, labels: &Doc) -> Vec<Key> {
        let requiring = labels
            .entries()
            .iter()
            .flat_map(|(label, value)| self.requiring.of(kind, namespace, label, &value.str()).cloned())
            .map(|name| Key { kind, namespace: namespace.clone(), name })
            .collect::<Vec<Key>>();
        let first = Key { kind, namespace: namespace.clone(), name: Str::new() };
        let others = self.others.range(first..);
        let others = others.take_while(|key| key.kind == kind && key.namespace == *namespace).cloned();
        let mut keys: Vec<Key> = requiring.into_iter().chain(others).collect();
        sort(&mut keys);
        keys.dedup();
        keys
    }
}

/// Whether objects of a kind select pods.
pub fn selects(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Service
            | Kind::ReplicaSet
            | Kind::ReplicationController
            | Kind::Deployment
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::PodDisruptionBudget
    )
}

/// What an object selects by; `None` when it selects nothing.
pub fn selector(object: &Object) -> Option<LabelSelector> {
    if object.key.kind == Kind::Service {
        return object.view::<Service>()?.selector.clone();
    }
    let selector = &object.body["spec"]["selector"];
    (!selector.is_null()).then(|| match object.key.kind {
        Kind::ReplicationController => LabelSelector::from_map(selector),
        _ => LabelSelector::from_doc(selector),
    })
}

/// A label that must have one of certain values.
fn required(selector: &LabelSelector) -> Option<(&Str, &[Str])> {
    selector.0.iter().find_map(|requirement| match requirement {
        Requirement::In(label, values) => Some((label, values.as_slice())),
        _ => None,
    })
}

/// A selector as Go prints it.
pub(super) fn go_selector(selector: &Doc) -> String {
    if selector.is_null() {
        return "nil".into();
    }
    let labels = selector["matchLabels"].entries().iter();
    let labels: String = labels.map(|(key, value)| format!("{key}: {},", value.str())).collect();
    let of = |expression: &Doc| {
        let values: Vec<Str> = expression["values"].items().iter().map(Doc::str).collect();
        let (key, operator) = (expression["key"].str(), expression["operator"].str());
        format!("LabelSelectorRequirement{{Key:{key},Operator:{operator},Values:[{}],}},", values.join(" "))
    };
    let expressions: String = selector["matchExpressions"].items().iter().map(of).collect();
    format!(
        "&LabelSelector{{MatchLabels:map[string]string{{{labels}}},\
         MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
    )
}
