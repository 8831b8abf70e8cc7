//! Which pods are on which node, how many there are of each priority, and which claims they use. The list by node is
//! made when somebody first asks for it and kept from then on.

use std::sync::Arc;

use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;

use super::cache::CachedPod;

/// The pods of one node.
type Pods = Arc<Vec<Arc<CachedPod>>>;

/// Pods by node and by priority.
#[derive(Codec, Clone, Debug, Default)]
pub struct Residents {
    priorities: BTreeMap<i64, u32>,
    /// How many pods use a claim, by namespace and name.
    claims: BTreeMap<(Str, Str), u32>,
    on: Option<Vec<Pods>>,
}

impl Residents {
    /// Begins to keep the list by node; `pods` are all there are.
    pub fn begin<'a>(&mut self, slots: u32, pods: impl Iterator<Item = &'a Arc<CachedPod>>) {
        if self.on.is_some() {
            return;
        }
        let mut lists: Vec<Vec<Arc<CachedPod>>> = vec![Vec::new(); slots as usize];
        pods.for_each(|pod| lists[pod.slot as usize].push(Arc::clone(pod)));
        self.on = Some(lists.into_iter().map(Arc::new).collect());
    }

    /// A pod is on a node now.
    pub fn add(&mut self, pod: &Arc<CachedPod>) {
        *self.priorities.entry(pod.template.spec.priority).or_default() += 1;
        for claim in &pod.template.claims {
            *self.claims.entry((pod.template.namespace.clone(), claim.clone())).or_default() += 1;
        }
        if let Some(lists) = &mut self.on {
            let at = pod.slot as usize;
            if lists.len() <= at {
                lists.resize_with(at + 1, Pods::default);
            }
            Arc::make_mut(&mut lists[at]).push(Arc::clone(pod));
        }
    }

    /// A pod is no longer on its node.
    pub fn remove(&mut self, pod: &CachedPod) {
        let priority = pod.template.spec.priority;
        if let Some(count) = self.priorities.get_mut(&priority) {
            *count -= 1;
            if *count == 0 {
                self.priorities.remove(&priority);
            }
        }
        for claim in &pod.template.claims {
            let key = (pod.template.namespace.clone(), claim.clone());
            let left = self.claims.get(&key).copied().unwrap_or(0);
            if left > 1 {
                self.claims.insert(key, left - 1);
            } else {
                self.claims.remove(&key);
            }
        }
        if let Some(list) = self.on.as_mut().and_then(|lists| lists.get_mut(pod.slot as usize)) {
            Arc::make_mut(list).retain(|other| other.key != pod.key);
        }
    }

    /// Whether a pod on a node uses a claim.
    pub fn uses(&self, namespace: &Str, claim: &Str) -> bool {
        !self.claims.is_empty() && self.claims.contains_key(&(namespace.clone(), claim.clone()))
    }

    /// The pods of a node.
    pub fn on(&self, slot: u32) -> &[Arc<CachedPod>] {
        self.on.as_ref().and_then(|lists| lists.get(slot as usize)).map_or(&[], |list| list.as_slice())
    }

    /// The lowest priority of any pod.
    pub fn lowest_priority(&self) -> Option<i64> {
        self.priorities.first_key_value().map(|(priority, _)| *priority)
    }
}
