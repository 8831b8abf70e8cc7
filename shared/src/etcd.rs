//! etcd: the revisioned store everything is kept in, with its history for watches.
//!
//! One member commits without messages; what a member does to the data is the same for all, so members share one
//! persistent version of it.

mod members;
pub mod raft;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::api::{Key, Kind, Object};
use crate::collections::BTreeMap;
use crate::doc::Str;
use crate::sim::{Causes, ChangeKind, StateHash, Time};

pub use members::{MemberStatus, Members};

/// How many revisions of history are kept for watches before the oldest are compacted away.
const HISTORY: usize = 10_000;

/// One revision: a write of one object.
#[derive(Clone, Debug)]
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

#[derive(Clone, Debug)]
struct Entry {
    object: Arc<Object>,
    digest: Digest,
}

/// An object's digest, made when it is first asked for: most revisions are history before anybody asks.
#[derive(Debug, Default)]
struct Digest([AtomicU64; 2]);

impl Digest {
    fn of(&self, object: &Object) -> u128 {
        // The first half is set last, and is 0 until then.
        let first = self.0[0].load(Ordering::Acquire);
        if first != 0 {
            return u128::from(first) << 64 | u128::from(self.0[1].load(Ordering::Relaxed));
        }
        let digest = object.digest();
        self.0[1].store(digest as u64, Ordering::Relaxed);
        self.0[0].store((digest >> 64) as u64, Ordering::Release);
        digest
    }
}

impl Clone for Digest {
    fn clone(&self) -> Digest {
        // In this order: a first half that is there says that the second is.
        let first = AtomicU64::new(self.0[0].load(Ordering::Acquire));
        Digest([first, AtomicU64::new(self.0[1].load(Ordering::Relaxed))])
    }
}

/// The data. Cloning shares everything.
#[derive(Clone, Debug, Default)]
pub struct Store {
    entries: BTreeMap<Key, Entry>,
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
        self.entries.len() as u64
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The oldest revision a watch can begin after.
    pub fn oldest(&self) -> u64 {
        self.history.first_key_value().map_or(self.revision, |(first, _)| first - 1)
    }

    /// The object at `key`.
    pub fn get(&self, key: &Key) -> Option<&Arc<Object>> {
        self.entries.get(key).map(|entry| &entry.object)
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Arc<Object>> {
        self.from(Key::new(kind, Str::new(), Str::new())).take_while(move |object| object.key.kind == kind)
    }

    /// All objects of a kind in a namespace, by name.
    pub fn list_namespace(&self, kind: Kind, namespace: &Str) -> impl Iterator<Item = &Arc<Object>> {
        let namespace = namespace.clone();
        self.from(Key::new(kind, namespace.clone(), Str::new()))
            .take_while(move |object| object.key.kind == kind && object.key.namespace == namespace)
    }

    /// Every object.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.entries.values().map(|entry| &entry.object)
    }

    fn from(&self, key: Key) -> impl Iterator<Item = &Arc<Object>> {
        self.entries.range(key..).map(|(_, entry)| &entry.object)
    }

    /// Writes `object` at its key; the answer carries its new revision.
    pub fn put(&mut self, mut object: Object, causes: Causes) -> Revision {
        self.revision += 1;
        object.meta.resource_version = self.revision;
        let object = Arc::new(object);
        let entry = Entry { digest: Digest::default(), object: Arc::clone(&object) };
        let previous = self.entries.insert(object.key.clone(), entry);
        let change = if previous.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.record(change, object, previous, causes)
    }

    /// Removes the object at `key`.
    pub fn delete(&mut self, key: &Key, causes: Causes) -> Option<Revision> {
        let previous = self.entries.remove(key)?;
        self.revision += 1;
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
        if self.history.len() > HISTORY {
            self.history.pop_first();
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

    /// A digest of all objects and the revision.
    pub fn hash(&self) -> StateHash {
        let digests = self.entries.values().map(|entry| entry.digest.of(&entry.object));
        let sum = digests.fold(0_u128, u128::wrapping_add);
        StateHash(crate::sim::hash_of(&(sum, self.revision, &self.expiries)))
    }
}
