//! What pods of one owner share: there is nothing of which a large cluster has as much, and most of one pod is word for
//! word in the next.
//!
//! All of this is cache: what is shared is equal, so nobody can tell.

use std::sync::Arc;

use crate::api::{Common, Kind, Meta, Object, Uid};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str};

use super::admission::service_account::Sibling;

/// So many owners, and so many of their nodes, are remembered.
const MOST_OWNERS: usize = 4096;
const MOST_PLACES: usize = 1 << 16;

/// The families of pods.
#[derive(Codec, Clone, Debug, Default)]
pub(super) struct Family {
    /// The newest pod of each owner.
    newest: BTreeMap<Uid, Sibling>,
    /// The status that was last written of a pod of each owner, by its phase.
    statuses: BTreeMap<(Uid, Str), Doc>,
    /// What became of the pods of each owner on each node when they were bound to it.
    places: BTreeMap<(Uid, Str), Bound>,
    /// The same labels are those of many nodes.
    commons: BTreeMap<u128, Arc<Common>>,
}

/// Spec and metadata, before a pod was bound to a node and after that.
#[derive(Codec, Clone, Debug)]
struct Bound {
    /// What the labels of the node were.
    labels: Doc,
    before: (Doc, Arc<Common>),
    after: (Doc, Arc<Common>),
}

impl Family {
    /// The newest pod of an owner.
    pub fn sibling(&self, owner: Uid) -> Option<&Sibling> {
        self.newest.get(&owner)
    }

    /// A pod was created.
    pub fn born(&mut self, owner: Uid, sibling: Sibling) {
        if self.newest.len() > MOST_OWNERS {
            self.newest.clear();
        }
        self.newest.insert(owner, sibling);
    }

    /// Lets the status of a pod share what it has in common with that of another in the same phase, and a node with any
    /// other node.
    pub fn share_status(&mut self, object: &Object, status: &mut Doc) {
        let owner = match (object.key.kind, object.meta.controller()) {
            (Kind::Node, _) => Uid::NONE,
            (_, Some(owner)) => owner.uid,
            (_, None) => return,
        };
        let of = (owner, status["phase"].str());
        if let Some(known) = self.statuses.get_mut(&of) {
            status.share_with(known);
            known.clone_from(status);
            return;
        }
        if self.statuses.len() > MOST_OWNERS {
            self.statuses.clear();
        }
        self.statuses.insert(of, status.clone());
    }

    /// Spec and metadata of a pod that is bound to a node: those of another of the same owner there, or what `make`
    /// makes of it.
    pub fn bind(
        &mut self,
        pod: &Object,
        (node, labels): (&Str, &Doc),
        make: impl FnOnce() -> (Doc, Meta),
    ) -> (Doc, Meta) {
        let Some(owner) = pod.meta.controller() else { return make() };
        let spec = &pod.body["spec"];
        let place = (owner.uid, node.clone());
        if let Some(Bound { labels: known, before, after }) = self.places.get(&place)
            && known.same(labels)
            && before.0.same(spec)
            && before.1 == pod.meta.common
        {
            return (after.0.clone(), Meta { common: Arc::clone(&after.1), ..pod.meta.clone() });
        }
        let (bound, mut meta) = make();
        let family = crate::sim::hash_of(&*meta.common);
        if self.commons.len() > MOST_OWNERS {
            self.commons.clear();
        }
        meta.common = Arc::clone(self.commons.entry(family).or_insert_with(|| Arc::clone(&meta.common)));
        if self.places.len() > MOST_PLACES {
            self.places.clear();
        }
        let before = (spec.clone(), Arc::clone(&pod.meta.common));
        let after = (bound.clone(), Arc::clone(&meta.common));
        self.places.insert(place, Bound { labels: labels.clone(), before, after });
        (bound, meta)
    }
}
