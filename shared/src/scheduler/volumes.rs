//! The claims of pods: whether they have their volumes, and where volumes could be found or made for them.

pub mod limits;
pub mod prebind;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::api::storage::{binding, storageclass};
use crate::api::{Key, Kind, Object};
use crate::client::{Delta, Informers};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet, sort_by_key};
use crate::doc::{Str, literal};

use super::template::Template;
use limits::Limits;

/// Who makes no volumes.
const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";

/// Volumes that are not joined to a claim, and what is being done about it.
#[derive(Codec, Clone, Debug, Default)]
pub struct Volumes {
    /// By class, those kept for no claim.
    free: BTreeMap<Str, BTreeSet<Key>>,
    /// By the claim, those kept for it.
    kept: BTreeMap<Key, BTreeSet<Key>>,
    /// Volumes that a pod on its way will have, though nobody has confirmed it: for which claim.
    taken: BTreeMap<Key, Key>,
    /// Nodes for which volumes will be made, though nobody has confirmed it.
    selected: BTreeMap<Key, Str>,
    /// Pods that wait for their volumes before they are bound.
    binding: prebind::Bindings,
}

impl std::hash::Hash for Volumes {
    /// What is free or kept follows from the informers.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        (&self.taken, &self.selected, &self.binding).hash(state);
    }
}

/// The claims of one pod, as they were at one moment.
#[derive(Codec, Clone, Debug, Default)]
pub struct PodVolumes {
    /// Why the pod fits nowhere.
    pub refusal: Option<Str>,
    /// The volumes it has; `None` for one that does not exist.
    pub bound: Vec<Option<Arc<Object>>>,
    /// The claims for which a volume is chosen together with the node, small ones first.
    pub delayed: Vec<Delayed>,
    /// Claims that only one pod at a time may use.
    pub exclusive: Vec<Str>,
    /// What limits of storage drivers mean for the pod, if there are any.
    pub limits: Option<Box<Limits>>,
}

/// A claim whose volume depends on the node.
#[derive(Codec, Clone, Debug)]
pub struct Delayed {
    /// The claim.
    pub claim: Arc<Object>,
    class: Arc<Object>,
    /// For which node a volume is being made.
    node: Option<Str>,
    /// Volumes it could have.
    volumes: Vec<Arc<Object>>,
}

/// What becomes of a pod's claims on some node.
#[derive(Clone, Debug, Default)]
pub struct OnNode {
    /// Claims and the volumes they get.
    pub found: Vec<(Arc<Object>, Arc<Object>)>,
    /// Claims for which a volume has to be made.
    pub made: Vec<Arc<Object>>,
}

impl Volumes {
    /// Takes in that a volume changed.
    pub fn changed(&mut self, delta: &Delta) {
        for (volume, now) in [(&delta.old, false), (&delta.new, true)] {
            let Some(volume) = volume else { continue };
            let list = match binding::claim_of(volume) {
                None => self.free.entry(binding::class(volume)).or_default(),
                Some((claim, _)) => self.kept.entry(claim).or_default(),
            };
            if now {
                list.insert(volume.key.clone());
                continue;
            }
            list.remove(&volume.key);
            if list.is_empty() {
                match binding::claim_of(volume) {
                    None => self.free.remove(&binding::class(volume)),
                    Some((claim, _)) => self.kept.remove(&claim),
                };
            }
        }
    }

    /// What a pod's claims are like; `None` for a pod that has none.
    pub fn of(&self, template: &Template, pod: &Object, informers: &Informers) -> Option<Arc<PodVolumes>> {
        if template.claims.is_empty() && template.ephemeral.is_empty() {
            return None;
        }
        let mut volumes = PodVolumes::default();
        let own = template.ephemeral.iter().map(|volume| (format!("{}-{volume}", pod.key.name).into(), true));
        let claims: Vec<(Str, bool)> =
            template.claims.iter().map(|claim| (claim.clone(), false)).chain(own).collect();
        let mut immediate = false;
        let mut known: Vec<&Object> = Vec::new();
        for (name, own) in claims {
            let key = Key::new(Kind::PersistentVolumeClaim, pod.key.namespace.clone(), name.clone());
            let claim = informers.cache(Kind::PersistentVolumeClaim).get(&key);
            if let Some(refusal) = refusal(claim, &name, pod, own) {
                return Some(Arc::new(PodVolumes { refusal: Some(refusal), ..volumes }));
            }
            let claim = claim.expect("what is missing is refused");
            known.push(claim);
            if claim.body["spec"]["accessModes"]
                .items()
                .iter()
                .any(|mode| mode.as_str() == Some("ReadWriteOncePod"))
            {
                volumes.exclusive.push(name);
            }
            let named = claim.body["spec"]["volumeName"].str();
            if binding::is_bound(claim) {
                let key = Key::new(Kind::PersistentVolume, Str::new(), named);
                volumes.bound.push(informers.cache(Kind::PersistentVolume).get(&key).cloned());
                continue;
            }
            let class = Key::new(Kind::StorageClass, Str::new(), binding::class(claim));
            let class = informers.cache(Kind::StorageClass).get(&class);
            match class.filter(|class| storageclass::waits_for_consumer(class) && named.is_empty()) {
                Some(class) => volumes.delayed.push(self.delayed(claim, class, informers)),
                None => immediate = true,
            }
        }
        volumes.limits = Limits::of(known.into_iter(), informers);
        if immediate {
            volumes.refusal = Some(literal!("pod has unbound immediate PersistentVolumeClaims"));
        }
        sort_by_key(&mut volumes.delayed, |delayed| binding::asked(&delayed.claim));
        Some(Arc::new(volumes))
    }

    fn delayed(&self, claim: &Arc<Object>, class: &Arc<Object>, informers: &Informers) -> Delayed {
        let kept = self.kept.get(&claim.key).into_iter().flat_map(|keys| keys.iter());
        let free = self.free.get(&class.key.name).into_iter().flat_map(|keys| keys.iter());
        let open = kept.chain(free).filter(|key| self.taken.get(*key).is_none_or(|by| *by == claim.key));
        let known = informers.cache(Kind::PersistentVolume);
        let node = claim.meta.annotation(binding::SELECTED_NODE).map(Str::from);
        Delayed {
            claim: Arc::clone(claim),
            class: Arc::clone(class),
            node: node.or_else(|| self.selected.get(&claim.key).cloned()),
            volumes: open.filter_map(|key| known.get(key).cloned()).collect(),
        }
    }
}

/// Why a pod with this claim cannot be placed at all.
fn refusal(claim: Option<&Arc<Object>>, name: &Str, pod: &Object, own: bool) -> Option<Str> {
    let text = match claim {
        None if own => {
            format!("waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\"")
        }
        None => format!("persistentvolumeclaim \"{name}\" not found"),
        Some(claim) if claim.body["status"]["phase"].as_str() == Some("Lost") => format!(
            "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{}\"",
            claim.body["spec"]["volumeName"].str()
        ),
        Some(claim) if claim.meta.deleting() => format!("persistentvolumeclaim \"{name}\" is being deleted"),
        Some(claim) if own && claim.meta.controller().is_none_or(|owner| owner.uid != pod.meta.uid) => {
            let namespace = &pod.key.namespace;
            let pod = &pod.key.name;
            format!("PVC {namespace}/{name} was not created for pod {namespace}/{pod} (pod is not owner)")
        }
        Some(_) => return None,
    };
    Some(text.into())
}

impl PodVolumes {
    /// What becomes of the claims on a node, or why the pod cannot go there.
    pub fn on(&self, node: &Object) -> Result<OnNode, SmallVec<[Str; 1]>> {
        let mut reasons = SmallVec::new();
        let missing = self.bound.iter().position(Option::is_none);
        let far = self
            .bound
            .iter()
            .position(|volume| volume.as_ref().is_some_and(|volume| !binding::reaches(volume, node)));
        if far.is_some_and(|far| missing.is_none_or(|missing| far < missing)) {
            reasons.push(literal!("node(s) didn't match PersistentVolume's node affinity"));
        }
        let on = self.delayed_on(node);
        if on.is_none() {
            reasons.push(literal!("node(s) didn't find available persistent volumes to bind"));
        }
        if missing.is_some_and(|missing| far.is_none_or(|far| missing < far)) {
            reasons
                .push(literal!("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)"));
        }
        on.filter(|_| reasons.is_empty()).ok_or(reasons)
    }

    fn delayed_on(&self, node: &Object) -> Option<OnNode> {
        let mut on = OnNode::default();
        if self.delayed.iter().any(|one| one.node.as_ref().is_some_and(|selected| *selected != node.key.name))
        {
            return None;
        }
        for delayed in &self.delayed {
            let used = |volume: &Arc<Object>| on.found.iter().any(|(_, other)| other.key == volume.key);
            let open: Vec<&Arc<Object>> = delayed.volumes.iter().filter(|volume| !used(volume)).collect();
            let found = match delayed.node {
                Some(_) => None,
                None => binding::best(&delayed.claim, open.into_iter(), Some(node), true),
            };
            match found.cloned() {
                Some(volume) => on.found.push((Arc::clone(&delayed.claim), volume)),
                None if can_make(&delayed.class, node) => on.made.push(Arc::clone(&delayed.claim)),
                None => return None,
            }
        }
        Some(on)
    }
}

/// Whether somebody makes volumes of a class for a node.
fn can_make(class: &Object, node: &Object) -> bool {
    let topologies = class.body["allowedTopologies"].items();
    let here = |term: &crate::doc::Doc| {
        term["matchLabelExpressions"].items().iter().all(|wanted| {
            let label = node.meta.labels[&*wanted["key"].str()].clone();
            wanted["values"].items().contains(&label)
        })
    };
    class.body["provisioner"].as_str() != Some(NO_PROVISIONER)
        && (topologies.is_empty() || topologies.iter().any(here))
}
