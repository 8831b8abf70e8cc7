//! Open watches, indexed so that a write costs nothing to those it does not concern.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::api::{FieldSelector, Key, Kind, LabelSelector, Object, Request};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::etcd::{Revision, Store};
use crate::sim::{Causes, ChangeKind, Incarnation, Process, WatchEvent, WatchId};

/// All open watches.
#[derive(Codec, Clone, Debug, Default)]
pub struct Watches {
    open: BTreeMap<WatchId, Arc<Watch>>,
    /// The watches of each process, and in which of its lives it opened them.
    by_owner: BTreeMap<Process, (Incarnation, Vec<WatchId>)>,
    /// Watches of a whole kind (or a namespace of it).
    by_kind: BTreeMap<Kind, Vec<Arc<Watch>>>,
    /// Watches of the pods of one node.
    by_node: BTreeMap<Str, Vec<Arc<Watch>>>,
    /// Watches of objects with one name. Each kind by itself: most have none, and are asked about at every write.
    by_name: BTreeMap<Kind, BTreeMap<Str, Vec<Arc<Watch>>>>,
}

impl Hash for Watches {
    /// The rest follows from what is open, and was opened in this order.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.open, &self.by_owner).hash(state);
    }
}

#[derive(Codec, Clone, Debug, Hash)]
struct Watch {
    id: WatchId,
    to: Process,
    kind: Kind,
    namespace: Str,
    labels: LabelSelector,
    fields: FieldSelector,
}

impl Watch {
    fn matches(&self, object: &Object) -> bool {
        (self.namespace.is_empty() || self.namespace == object.key.namespace)
            && self.labels.matches(&object.meta.labels)
            && super::read::fields_match(object, &self.fields)
    }

    /// Whether nothing that it could be told of was written after a revision, as far as is known without a look at the
    /// writes.
    fn is_quiet(&self, store: &Store, revision: u64) -> bool {
        let unchanged = |name: &Str| {
            let key = Key::new(self.kind, self.namespace.clone(), name.clone());
            store.get(&key).is_some_and(|object| object.meta.resource_version <= revision)
        };
        store.is_quiet(self.kind, revision)
            || (!self.kind.info().namespaced || !self.namespace.is_empty())
                && self.fields.required("metadata.name").is_some_and(unchanged)
    }

    /// An object that begins or ceases to match is added or deleted as far as this watch can see.
    fn event(&self, revision: &Revision) -> Option<WatchEvent> {
        let before = revision.previous.as_ref().is_some_and(|object| self.matches(object));
        let after = revision.change != ChangeKind::Deleted && self.matches(&revision.object);
        let change = match (before, after) {
            (false, false) => return None,
            (false, true) => ChangeKind::Added,
            (true, true) => ChangeKind::Modified,
            (true, false) => ChangeKind::Deleted,
        };
        Some(WatchEvent { change, object: Arc::clone(&revision.object), revision: revision.revision })
    }
}

/// Watches that a write concerns, and what each is told: few, most often.
pub(super) type Told = SmallVec<[(WatchId, Process, WatchEvent); 4]>;

impl Watches {
    /// Opens the watch that `request` asks for. Those of an earlier life of its owner end: their connection is gone.
    pub(super) fn open(&mut self, to: Process, life: Incarnation, request: &Request) {
        let options = &request.options;
        let watch = Arc::new(Watch {
            id: options.watch,
            to,
            kind: request.kind,
            namespace: request.namespace.clone(),
            labels: options.labels.clone(),
            fields: options.fields.clone(),
        });
        let mine = self.by_owner.entry(to).or_default();
        let gone = if mine.0 == life { Vec::new() } else { std::mem::take(&mut mine.1) };
        mine.0 = life;
        mine.1.push(options.watch);
        gone.into_iter().for_each(|id| self.remove(id));
        self.index(&watch).push(Arc::clone(&watch));
        self.open.insert(options.watch, watch);
    }

    fn index(&mut self, watch: &Watch) -> &mut Vec<Arc<Watch>> {
        if let (Kind::Pod, Some(node)) = (watch.kind, watch.fields.required("spec.nodeName")) {
            return self.by_node.entry(node.clone()).or_default();
        }
        match watch.fields.required("metadata.name") {
            Some(name) => self.by_name.entry(watch.kind).or_default().entry(name.clone()).or_default(),
            None => self.by_kind.entry(watch.kind).or_default(),
        }
    }

    /// What is watched, watch by watch.
    pub(super) fn kinds(&self) -> impl Iterator<Item = Kind> {
        self.open.values().map(|watch| watch.kind)
    }

    /// Closes a watch.
    pub(super) fn remove(&mut self, id: WatchId) {
        if let Some(watch) = self.open.remove(&id) {
            self.index(&watch).retain(|other| other.id != id);
            if let Some((_, mine)) = self.by_owner.get_mut(&watch.to) {
                mine.retain(|&other| other != id);
            }
        }
    }

    /// Closes the watches of a process.
    pub(super) fn close_all_of(&mut self, owner: Process) -> Vec<WatchId> {
        let mine = self.by_owner.remove(&owner).map_or(Vec::new(), |(_, mine)| mine);
        mine.iter().for_each(|&id| self.remove(id));
        mine
    }

    /// Closes all watches and says whose they were.
    pub(super) fn drain(&mut self) -> Vec<(WatchId, Process)> {
        let all = std::mem::take(self);
        all.open.into_iter().map(|(id, watch)| (id, watch.to)).collect()
    }

    /// The watches that a write concerns, and what each is told.
    pub(super) fn concerned(&self, revision: &Revision) -> Told {
        let object = &revision.object;
        let mut told = Told::new();
        let mut tell = |watches: Option<&Vec<Arc<Watch>>>| {
            for watch in watches.into_iter().flatten() {
                told.extend(watch.event(revision).map(|event| (watch.id, watch.to, event)));
            }
        };
        tell(self.by_kind.get(&object.key.kind));
        tell(self.by_name.get(&object.key.kind).and_then(|names| names.get(&object.key.name)));
        if object.key.kind == Kind::Pod {
            let node = |object: &Object| {
                object.view::<crate::api::core::pod::Pod>().map(|pod| pod.node_name.clone())
            };
            let now = node(object).unwrap_or_default();
            let before = revision.previous.as_ref().and_then(|object| node(object)).unwrap_or_default();
            tell(self.by_node.get(&now));
            if before != now {
                tell(self.by_node.get(&before));
            }
        }
        told
    }

    /// What one watch is told of the writes after a revision.
    pub(super) fn missed(
        &self,
        id: WatchId,
        store: &Store,
        from: u64,
    ) -> impl Iterator<Item = (Process, Causes, WatchEvent)> {
        // Hundreds of watches open at once when a cluster starts, and most find nothing new.
        let watch = self.open.get(&id).filter(|watch| !watch.is_quiet(store, from));
        watch.into_iter().flat_map(move |watch| {
            let writes = store.since(from).into_iter().flatten();
            let concerned = writes.filter(|revision| revision.object.key.kind == watch.kind);
            concerned.filter_map(|revision| Some((watch.to, revision.causes.clone(), watch.event(revision)?)))
        })
    }

    /// How many watches are open.
    pub fn len(&self) -> u64 {
        self.open.len() as u64
    }

    /// Whether no watch is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}
