//! Which pods belong together when a pod has no spread constraints of its own: those of its Services and its owner.

use std::sync::Arc;

use crate::api::apps::replicaset::ReplicaSet;
use crate::api::apps::statefulset::StatefulSet;
use crate::api::core::service::Service;
use crate::api::{Key, Kind, LabelSelector, Object};
use crate::client::{Delta, Informers};
use crate::codec::Codec;
use crate::collections::BTreeMap;

use super::template::Template;

/// How many templates are remembered.
const REMEMBERED: usize = 4096;

/// The selectors of default spread constraints, by template; forgotten when a Service or owner changes.
#[derive(Codec, Clone, Debug, Default)]
pub struct DefaultSelectors(BTreeMap<u128, Option<Arc<LabelSelector>>>);

impl DefaultSelectors {
    /// Takes notice of a changed object that may select pods.
    pub fn changed(&mut self, delta: &Delta) {
        let sides = (delta.old.as_deref(), delta.new.as_deref());
        if sides.0.map(selector) != sides.1.map(selector) {
            self.0.clear();
        }
    }

    /// What selects a template's pods; `None` when nothing does, or the template has constraints of its own.
    pub fn of(
        &mut self,
        template: &Template,
        pod: &Object,
        informers: &Informers,
    ) -> Option<Arc<LabelSelector>> {
        if !template.spread.is_empty() {
            return None;
        }
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&template.digest) {
            self.0.clear();
        }
        let work = || find(pod, informers).map(Arc::new);
        self.0.entry(template.digest).or_insert_with(work).clone()
    }
}

fn selector(object: &Object) -> Option<&LabelSelector> {
    match object.key.kind {
        Kind::Service => object.view::<Service>()?.selector.as_ref(),
        Kind::ReplicaSet => Some(&object.view::<ReplicaSet>()?.selector),
        Kind::StatefulSet => Some(&object.view::<StatefulSet>()?.selector),
        _ => None,
    }
}

/// All that the pod's Services and owner require of its labels.
fn find(pod: &Object, informers: &Informers) -> Option<LabelSelector> {
    let mut all = LabelSelector::default();
    for service in informers.list_namespace::<Service>(&pod.key.namespace) {
        if let Some(selector) =
            service.selector.as_ref().filter(|selector| selector.matches(&pod.meta.labels))
        {
            all.0.extend(selector.0.iter().cloned());
        }
    }
    let owner = pod.meta.controller().and_then(|owner| {
        let kinds = [Kind::ReplicaSet, Kind::StatefulSet];
        let kind = kinds.into_iter().find(|kind| owner.kind == kind.info().kind)?;
        let key = Key { kind, namespace: pod.key.namespace.clone(), name: owner.name.clone() };
        informers.cache(kind).get(&key)
    });
    if let Some(selector) = owner.and_then(|owner| selector(owner)) {
        all.0.extend(selector.0.iter().cloned());
    }
    (!all.is_empty()).then_some(all)
}
