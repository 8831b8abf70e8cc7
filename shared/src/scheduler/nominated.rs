//! Pods that wait for a node which preemption makes room on: others of lower priority must not take that room.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::api::Key;
use crate::codec::Codec;
use crate::collections::BTreeMap;

use super::cache::CachedPod;

/// Nominated pods, by node.
#[derive(Codec, Clone, Debug, Default)]
pub struct Nominations {
    on: BTreeMap<u32, Arc<Vec<Arc<CachedPod>>>>,
    of: BTreeMap<Key, u32>,
}

impl Hash for Nominations {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.of.iter().for_each(|entry| entry.hash(state));
    }
}

impl Nominations {
    /// Whether nobody is nominated.
    pub fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// The node that a pod waits for.
    pub fn slot(&self, pod: &Key) -> Option<u32> {
        self.of.get(pod).copied()
    }

    /// A pod waits for the node in its slot from now on.
    pub fn set(&mut self, pod: Arc<CachedPod>) {
        self.remove(&pod.key);
        self.of.insert(pod.key.clone(), pod.slot);
        Arc::make_mut(self.on.entry(pod.slot).or_default()).push(pod);
    }

    /// A pod waits for no node any more; the answer is what it was.
    pub fn remove(&mut self, pod: &Key) -> Option<Arc<CachedPod>> {
        let slot = self.of.remove(pod)?;
        let list = Arc::make_mut(self.on.get_mut(&slot)?);
        let at = list.iter().position(|known| known.key == *pod)?;
        let known = list.remove(at);
        if list.is_empty() {
            self.on.remove(&slot);
        }
        Some(known)
    }

    /// The pods that wait for a node.
    pub fn on(&self, slot: u32) -> &[Arc<CachedPod>] {
        self.list(slot).map_or(&[], |list| list.as_slice())
    }

    /// The same list, if there are any: another one as soon as they are others.
    pub fn list(&self, slot: u32) -> Option<&Arc<Vec<Arc<CachedPod>>>> {
        self.on.get(&slot)
    }
}
