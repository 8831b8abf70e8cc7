//! etcd: the revisioned store everything is kept in, with its history for watches.
//!
//! One member commits without messages; what a member does to the data is the same for all, so members share one
//! persistent version of it.

mod members;
pub mod raft;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::api::{Key, Kind, Object};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Causes, ChangeKind, StateHash, Time};

pub use members::{MemberStatus, Members};

/// How many revisions of history are kept for watches before the oldest are compacted away.
const HISTORY: usize = 10_000;
const SPARE: usize = 64;

/// One revision: a write of one object.
#[derive(Codec, Clone, Debug)]
pub struct Revision {
    /// Its number.
    pub revision: u64,
    /// What happened.
    pub change: ChangeKind,
    /// The object after the write, or as it last was when deleted.
    pub object: Arc<Object>,
    /// The object before the write.
    pub previous: Option<Arc<Object>>,
    /// Why.
    pub causes: Causes,
}

#[derive(Codec, Clone, Debug)]
struct Entry {
    object: Arc<Object>,
    #[codec(skip)]
    digest: Digest,
}

/// An object's digest, made when it is first asked for: most revisions are history before anybody asks. In quarters, which
/// need no room to be aligned on 32 bits.
#[derive(Debug, Default)]
struct Digest([AtomicU32; 4]);

impl Digest {
    fn of(&self, object: &Object) -> u128 {
        // The first quarter is set last, and is 0 until then.
        if self.0[0].load(Ordering::Acquire) != 0 {
            return self.known();
        }
        let digest = object.digest();
        for (at, quarter) in self.0.iter().enumerate().rev() {
            quarter.store((digest >> (96 - 32 * at)) as u32, Ordering::Release);
        }
        digest
    }

    fn known(&self) -> u128 {
        self.0.iter().fold(0, |digest, quarter| digest << 32 | u128::from(quarter.load(Ordering::Acquire)))
    }
}

impl Clone for Digest {
    fn clone(&self) -> Digest {
        // In this order: a first quarter that is there says that the others are.
        Digest(self.0.each_ref().map(|quarter| AtomicU32::new(quarter.load(Ordering::Acquire))))
    }
}

/// The objects of one kind.
#[derive(Codec, Clone, Debug, Default)]
struct Kept {
    entries: BTreeMap<Key, Entry>,
    /// The revision of the last write of one of them: a watch that begins there missed nothing.
    written: u64,
}

/// The data. Cloning shares everything.
#[derive(Codec, Clone, Debug, Default)]
pub struct Store {
    /// Every kind by itself: a search does not pass those of which there are most.
    kinds: BTreeMap<Kind, Kept>,
    revision: u64,
    /// By revision, without gaps.
    history: BTreeMap<u64, Revision>,
    expiries: BTreeMap<(Time, u64), Key>,
}

impl Store {
    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.revision
    }

    /// How many objects there are.
    pub fn len(&self) -> u64 {
        self.kinds.values().map(|kept| kept.entries.len() as u64).sum()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The oldest revision a watch can begin after.
    pub fn oldest(&self) -> u64 {
        self.history.first_key_value().map_or(self.revision, |(first, _)| first - 1)
    }

    /// The object at `key`.
    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.kinds.get(&key.kind)?.entries.get(key).map(|entry| &entry.object)
    }

    /// Whether there is any object of a kind.
    pub fn has_any(&self, kind: Kind) -> bool {
        self.kinds.get(&kind).is_some_and(|kept| !kept.entries.is_empty())
    }

    /// How many objects of a kind there are.
    pub fn count(&self, kind: Kind) -> u64 {
        self.kinds.get(&kind).map_or(0, |kept| kept.entries.len() as u64)
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        let entries = self.kinds.get(&kind).into_iter().flat_map(|kept| kept.entries.values());
        entries.map(|entry| &entry.object)
    }

    /// All objects of a kind in a namespace, by name.
    pub fn list_namespace(&self, kind: Kind, namespace: &Str) -> impl Iterator<Item = &Arc<Object>> {
        let first = Key::new(kind, namespace.clone(), Str::new());
        let namespace = namespace.clone();
        let kept = self.kinds.get(&kind).into_iter().filter(|kept| !kept.entries.is_empty());
        kept.flat_map(move |kept| kept.entries.range(&first..))
            .map(|(_, entry)| &entry.object)
            .take_while(move |object| object.key.namespace == namespace)
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.entries().map(|entry| &entry.object)
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.kinds.values().flat_map(|kept| kept.entries.values())
    }

    /// Writes `object` at its key; the answer carries its new revision.
    pub fn put(&mut self, mut object: Object, causes: Causes) -> Revision {
        self.revision += 1;
        object.meta.resource_version = self.revision;
        let object = Arc::new(object);
        let entry = Entry { digest: Digest::default(), object: Arc::clone(&object) };
        let kept = self.kinds.entry(object.key.kind).or_default();
        kept.written = self.revision;
        let previous = kept.entries.insert(object.key.clone(), entry);
        let change = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(change, object, previous, causes)
    }

    /// Removes the object at `key`.
    pub fn delete(&mut self, key: &Key, causes: Causes) -> Option<Revision> {
        let kept = self.kinds.get_mut(&key.kind)?;
        let previous = kept.entries.remove(key)?;
        self.revision += 1;
        kept.written = self.revision;
        let mut last = (*previous.object).clone();
        last.meta.resource_version = self.revision;
        Some(self.record(ChangeKind::Deleted, Arc::new(last), Some(previous), causes))
    }

    fn record(
        &mut self,
        change: ChangeKind,
        object: Arc<Object>,
        previous: Option<Entry>,
        causes: Causes,
    ) -> Revision {
        let previous = previous.map(|entry| entry.object);
        let revision = Revision { revision: self.revision, change, object, previous, causes };
        self.history.insert(self.revision, revision.clone());
        // The oldest go as they lie in memory, together.
        if self.history.len() > HISTORY + SPARE {
            self.history.pop_run();
        }
        revision
    }

    /// Forgets the history up to `revision`: no watch can begin before it any more.
    pub fn compact(&mut self, revision: u64) {
        self.history = self.history.split_off(&(revision + 1));
    }

    /// Lets the object at `key` go at `at` (an etcd lease: Events have one).
    pub fn expire(&mut self, at: Time, key: Key) {
        self.expiries.insert((at, self.revision), key);
    }

    /// The keys whose time has come, taken off the list.
    pub fn expired(&mut self, now: Time) -> Vec<Key> {
        let later = self.expiries.split_off(&(Time(now.0 + 1), 0));
        std::mem::replace(&mut self.expiries, later).into_values().collect()
    }

    /// The writes after `revision`; `None` when they were compacted away.
    pub fn since(&self, revision: u64) -> Option<impl Iterator<Item = &Revision>> {
        if revision < self.oldest() {
            return None;
        }
        Some(self.history.range(revision + 1..).map(|(_, revision)| revision))
    }

    /// Whether nothing of a kind was written after `revision`.
    pub fn is_quiet(&self, kind: Kind, revision: u64) -> bool {
        self.kinds.get(&kind).is_none_or(|kept| kept.written <= revision)
    }

    /// A digest of all objects and the revision.
    pub fn hash(&self) -> StateHash {
        let digests = self.entries().map(|entry| entry.digest.of(&entry.object));
        let sum = digests.fold(0_u128, u128::wrapping_add);
        StateHash(crate::sim::hash_of(&(sum, self.revision, &self.expiries)))
    }
}
