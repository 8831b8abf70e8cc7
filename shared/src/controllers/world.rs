//! What the controllers know of the cluster: the informers' caches, and indexes that keep every look-up from
//! scanning them.

use std::sync::Arc;

use crate::api::apiextensions::customresourcedefinition::CustomResourceDefinition;
use crate::api::core::pod::Pod;
use crate::api::{Key, Kind, LabelSelector, Meta, Object, Of, OwnerReference, Uid, User, Viewed};
use crate::client::{Delta, Informers};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};

use super::labels::{self, Labelled, Selecting};

/// Caches and indexes.
#[derive(Codec, Clone, Debug)]
pub struct World {
    /// The caches.
    pub informers: Informers,
    /// Objects by the UID of each of their owners.
    owned: BTreeSet<(Uid, Key)>,
    /// Pods, ReplicaSets and ControllerRevisions that no controller manages.
    orphans: BTreeSet<Key>,
    /// The same by their labels.
    labelled_orphans: Labelled,
    /// Pods by node; nodes without pods are not in it.
    on_node: BTreeMap<Str, BTreeSet<Key>>,
    /// Pods by their labels, in namespaces in which something selects pods all the time.
    labelled_pods: Labelled,
    selective: BTreeSet<Str>,
    selecting: Selecting,
    /// Counts of the pods of each managing owner.
    tallies: BTreeMap<Uid, Vec<Tally>>,
}

impl std::hash::Hash for World {
    /// The indexes follow from the caches.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.informers.hash(state);
    }
}

/// How many pods of one owner carry the same labels, by what becomes of them. Finished pods count nowhere.
#[derive(Codec, Clone, Debug)]
pub struct Tally {
    /// The labels, usually those of the owner's template.
    pub labels: Doc,
    /// Neither finished nor being deleted.
    pub active: i64,
    /// Active and ready.
    pub ready: i64,
    /// Being deleted.
    pub terminating: i64,
}

impl World {
    /// Empty caches of `kinds`, and of the others for those who look after the owners of everything.
    pub fn new(user: &User, kinds: &[Kind]) -> World {
        let mut informers = Informers::of(user, kinds);
        let rest = Kind::ALL.iter().filter(|kind| **kind != Kind::Event && !kinds.contains(kind));
        rest.for_each(|kind| informers.add_late(user, *kind));
        World {
            informers,
            owned: BTreeSet::new(),
            orphans: BTreeSet::new(),
            labelled_orphans: Labelled::default(),
            on_node: BTreeMap::new(),
            labelled_pods: Labelled::default(),
            selective: BTreeSet::new(),
            selecting: Selecting::default(),
            tallies: BTreeMap::new(),
        }
    }

    /// Brings the indexes up to date with a change of a cache.
    pub fn index(&mut self, delta: &Delta) {
        let (old, new) = (delta.old.as_deref(), delta.new.as_deref());
        // Most changes leave what objects of one owner share as it is.
        let common = |object: &&Object| Arc::as_ptr(&object.meta.common);
        let shared = old.as_ref().map(common) == new.as_ref().map(common);
        let relabelled =
            !shared && old.map(|object| &object.meta.labels) != new.map(|object| &object.meta.labels);
        let moved = !shared && old.map(|object| &object.meta.owners) != new.map(|object| &object.meta.owners);
        if moved {
            old.into_iter().for_each(|object| self.disown(object));
            new.into_iter().for_each(|object| self.own(object));
        }
        if moved || relabelled {
            old.into_iter().for_each(|object| self.settle(object));
            new.into_iter().for_each(|object| self.abandon(object));
        }
        let kind = delta.object().key.kind;
        if labels::selects(kind) {
            let selector = |object: &Object| object.body["spec"]["selector"].clone();
            if old.map(selector) != new.map(selector) {
                old.into_iter().for_each(|object| self.selecting.remove(object));
                new.into_iter().for_each(|object| self.selecting.insert(object));
            }
        }
        match (kind, new) {
            (Kind::Pod, _) => self.index_pod(old, new, relabelled),
            (Kind::Service, Some(new)) if new.body["spec"]["selector"].is_empty() => {}
            (Kind::Service | Kind::PodDisruptionBudget | Kind::HorizontalPodAutoscaler, Some(new)) => {
                self.index_labels(&new.key.namespace);
            }
            _ => {}
        }
    }

    /// Something selects pods in a namespace: from now on they are known by their labels.
    fn index_labels(&mut self, namespace: &Str) {
        if !self.selective.insert(namespace.clone()) {
            return;
        }
        let first = Key { kind: Kind::Pod, namespace: namespace.clone(), name: Str::new() };
        let pods = self.informers.cache(Kind::Pod).range(first..);
        pods.take_while(|(key, _)| key.namespace == *namespace)
            .for_each(|(_, pod)| self.labelled_pods.insert(pod));
    }

    fn own(&mut self, object: &Object) {
        for owner in object.meta.owners.iter() {
            self.owned.insert((owner.uid, object.key.clone()));
        }
    }

    fn disown(&mut self, object: &Object) {
        for owner in object.meta.owners.iter() {
            self.owned.remove(&(owner.uid, object.key.clone()));
        }
    }

    /// An object that nobody manages can be adopted, by its labels.
    fn abandon(&mut self, object: &Object) {
        let adoptable = matches!(object.key.kind, Kind::Pod | Kind::ReplicaSet | Kind::ControllerRevision);
        if adoptable && object.meta.controller().is_none() {
            self.orphans.insert(object.key.clone());
            self.labelled_orphans.insert(object);
        }
    }

    fn settle(&mut self, object: &Object) {
        if self.orphans.remove(&object.key) {
            self.labelled_orphans.remove(object);
        }
    }

    fn index_pod(&mut self, old: Option<&Object>, new: Option<&Object>, relabelled: bool) {
        let namespace = new.or(old).map(|pod| &pod.key.namespace);
        if relabelled && namespace.is_some_and(|namespace| self.selective.contains(namespace)) {
            old.into_iter().for_each(|object| self.labelled_pods.remove(object));
            new.into_iter().for_each(|object| self.labelled_pods.insert(object));
        }
        let node = |object: Option<&Object>| {
            object
                .and_then(|object| object.view::<Pod>())
                .map(|pod| pod.node_name.clone())
                .filter(|node| !node.is_empty())
        };
        let (before, after) = (node(old), node(new));
        if before != after
            && let Some(object) = new.or(old)
        {
            before.into_iter().for_each(|node| self.take_off(&node, &object.key));
            after.map(|node| self.on_node.entry(node).or_default().insert(object.key.clone()));
        }
        let counts = |object: &Object| {
            let pod = object.view::<Pod>()?;
            Some((Arc::as_ptr(&object.meta.common), pod.phase.is_terminal(), pod.ready))
        };
        if old.map(counts) == new.map(counts) {
            return;
        }
        old.into_iter().for_each(|object| self.tally(object, -1));
        new.into_iter().for_each(|object| self.tally(object, 1));
    }

    fn take_off(&mut self, node: &Str, pod: &Key) {
        if let Some(pods) = self.on_node.get_mut(node) {
            pods.remove(pod);
            if pods.is_empty() {
                self.on_node.remove(node);
            }
        }
    }

    fn tally(&mut self, object: &Object, step: i64) {
        let (Some(owner), Some(pod)) = (object.meta.controller(), object.view::<Pod>()) else { return };
        if pod.phase.is_terminal() {
            return;
        }
        let tallies = self.tallies.entry(owner.uid).or_default();
        let labels = &object.meta.labels;
        let known = tallies.iter().position(|tally| tally.labels.same(labels) || tally.labels == *labels);
        let at = known.unwrap_or_else(|| {
            tallies.push(Tally { labels: labels.clone(), active: 0, ready: 0, terminating: 0 });
            tallies.len() - 1
        });
        let tally = &mut tallies[at];
        if object.meta.deleting() {
            tally.terminating += step;
        } else {
            tally.active += step;
            tally.ready += if pod.ready { step } else { 0 };
        }
        if tally.active == 0 && tally.terminating == 0 {
            tallies.remove(at);
            if tallies.is_empty() {
                self.tallies.remove(&owner.uid);
            }
        }
    }

    /// The counts of the pods that the owner with this UID manages.
    pub fn tallies(&self, owner: Uid) -> &[Tally] {
        self.tallies.get(&owner).map_or(&[], Vec::as_slice)
    }

    /// The objects that name the owner with this UID, whether or not it manages them.
    pub fn owned(&self, owner: Uid) -> impl Iterator<Item = &Key> {
        let first = Key { kind: Kind::ALL[0], namespace: Str::new(), name: Str::new() };
        self.owned.range((owner, first)..).take_while(move |(uid, _)| *uid == owner).map(|(_, key)| key)
    }

    /// The objects of a kind that the owner with this UID manages.
    pub fn managed<T: Viewed>(&self, owner: Uid) -> impl Iterator<Item = Of<T>> {
        let first = Key { kind: T::KIND, namespace: Str::new(), name: Str::new() };
        let keys = self.owned.range((owner, first)..).map(|(uid, key)| (*uid, key));
        keys.take_while(move |(uid, key)| *uid == owner && key.kind == T::KIND)
            .filter_map(|(_, key)| self.of::<T>(key))
            .filter(move |object| {
                object.meta().controller().is_some_and(|controller| controller.uid == owner)
            })
    }

    /// The objects of a kind in a namespace that nobody manages and whose labels match.
    pub fn orphans<T: Viewed>(
        &self,
        namespace: &Str,
        selector: &LabelSelector,
    ) -> impl Iterator<Item = Of<T>> {
        let key = |name| Key { kind: T::KIND, namespace: namespace.clone(), name };
        let keys: Vec<Key> = if self.orphans.is_empty() {
            Vec::new()
        } else {
            match self.labelled_orphans.candidates(T::KIND, namespace, selector) {
                Some(names) => names.into_iter().map(key).collect(),
                None => {
                    let all = self.orphans.range(key(Str::new())..);
                    let mine = |other: &&Key| other.kind == T::KIND && other.namespace == *namespace;
                    all.take_while(mine).cloned().collect()
                }
            }
        };
        let objects = keys.into_iter().filter_map(|key| self.of::<T>(&key));
        objects.filter(|object| selector.matches(&object.meta().labels))
    }

    /// The pods in a namespace that a selector selects, by name.
    pub fn selected_pods(&self, namespace: &Str, selector: &LabelSelector) -> Vec<Of<Pod>> {
        let known = self.selective.contains(namespace);
        let candidates = self.labelled_pods.candidates(Kind::Pod, namespace, selector).filter(|_| known);
        let pods: Vec<Of<Pod>> = match candidates {
            Some(names) => {
                let keys = names.into_iter().map(|name| Key::new(Kind::Pod, namespace.clone(), name));
                keys.filter_map(|key| self.of::<Pod>(&key)).collect()
            }
            None => self.informers.list_namespace::<Pod>(namespace).collect(),
        };
        pods.into_iter().filter(|pod| selector.matches(&pod.meta().labels)).collect()
    }

    /// The objects of a kind and namespace that may select these labels, by name: whoever asks has to look closer.
    pub fn may_select(&self, kind: Kind, namespace: &Str, labels: &Doc) -> Vec<Key> {
        self.selecting.candidates(kind, namespace, labels)
    }

    /// The objects of a kind that may select a pod, as it is or as it was.
    pub fn may_concern<T: Viewed>(&self, delta: &Delta) -> Vec<Of<T>> {
        let namespace = &delta.object().key.namespace;
        if self.informers.cache(T::KIND).is_empty() {
            return Vec::new();
        }
        let labels = |pod: &Option<Arc<Object>>| pod.as_ref().map(|pod| pod.meta.labels.clone());
        let (old, new) = (labels(&delta.old), labels(&delta.new));
        let other = old.filter(|old| new.as_ref() != Some(old));
        let sides = new.iter().chain(&other);
        let mut keys: Vec<Key> =
            sides.flat_map(|labels| self.may_select(T::KIND, namespace, labels)).collect();
        if other.is_some() {
            crate::collections::sort(&mut keys);
            keys.dedup();
        }
        keys.iter().filter_map(|key| self.of::<T>(key)).collect()
    }

    /// The pods bound to a node.
    pub fn pods_on(&self, node: &Str) -> impl Iterator<Item = Of<Pod>> {
        self.on_node.get(node).into_iter().flatten().filter_map(|key| self.of::<Pod>(key))
    }

    /// The names of nodes that pods are bound to, whether or not the nodes exist.
    pub fn nodes_with_pods(&self) -> impl Iterator<Item = &Str> {
        self.on_node.keys()
    }

    /// The kinds that people defined and that are served, in their stored version.
    pub fn custom_kinds(&self) -> Vec<Kind> {
        let definitions = self.informers.cache(Kind::CustomResourceDefinition).values();
        let views = definitions.filter_map(|object| object.view::<CustomResourceDefinition>());
        let established = views.filter(|view| view.established);
        established
            .filter_map(|view| view.versions.iter().find(|one| one.storage))
            .map(|one| one.kind)
            .collect()
    }

    /// The kind that a reference means, if it is served.
    pub fn kind_of(&self, owner: &OwnerReference) -> Option<Kind> {
        Kind::of(&owner.api_version, &owner.kind).or_else(|| {
            let definitions = self.informers.cache(Kind::CustomResourceDefinition).values();
            let views = definitions.filter_map(|object| object.view::<CustomResourceDefinition>());
            let versions = views.filter(|view| view.established).flat_map(|view| &view.versions);
            let means = |kind: &Kind| {
                kind.info().kind == owner.kind && kind.info().api_version() == owner.api_version
            };
            versions.filter(|version| version.served).map(|version| version.kind).find(means)
        })
    }

    /// An object from the caches.
    pub fn object(&self, key: &Key) -> Option<&Arc<Object>> {
        self.informers.find_cache(key.kind)?.get(key)
    }

    /// All objects of a kind from the caches.
    pub fn all<T: Viewed>(&self) -> impl Iterator<Item = Of<T>> {
        let cache = self.informers.find_cache(T::KIND).into_iter();
        cache.flat_map(BTreeMap::values).cloned().filter_map(Of::new)
    }

    /// An object from the caches, as a `T`.
    pub fn of<T: Viewed>(&self, key: &Key) -> Option<Of<T>> {
        self.object(key).cloned().and_then(Of::new)
    }

    /// The key of the owner that manages `meta`, when it is a `T` that exists with the very UID.
    pub fn manager<T: Viewed>(&self, namespace: &Str, meta: &Meta) -> Option<Of<T>> {
        self.resolve(namespace, meta.controller()?)
    }

    /// The owner that a reference means, when it is a `T` that exists with the very UID.
    pub fn resolve<T: Viewed>(&self, namespace: &Str, owner: &OwnerReference) -> Option<Of<T>> {
        self.owner(T::KIND, namespace, owner).cloned().and_then(Of::new)
    }

    /// The same without a type.
    pub fn owner(&self, kind: Kind, namespace: &Str, owner: &OwnerReference) -> Option<&Arc<Object>> {
        let info = kind.info();
        if owner.kind != info.kind {
            return None;
        }
        let namespace = if info.namespaced { namespace.clone() } else { Str::new() };
        let key = Key { kind, namespace, name: owner.name.clone() };
        self.object(&key).filter(|object| object.meta.uid == owner.uid)
    }
}
