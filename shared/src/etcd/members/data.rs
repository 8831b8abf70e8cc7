//! What entries of the log do to the data.

use std::hash::{Hash, Hasher};

use crate::api::{Key, Kind};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::etcd::Store;
use crate::sim::{Act, Answer, Causes, ChangeKind, Core, Put, Txn, What};

/// So many transactions are remembered, in case one comes a second time after its first leader was lost.
const REMEMBERED: usize = 512;

/// The data after the entry at `index`.
#[derive(Codec, Clone, Debug)]
pub(super) struct Data {
    pub index: u64,
    pub store: Store,
    /// Transactions that were carried out, and the revision before each.
    done: BTreeMap<u64, u64>,
}

impl Hash for Data {
    /// All else follows from the log.
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.index, self.store.revision()).hash(state);
    }
}

impl Data {
    pub fn new(store: Store) -> Data {
        Data { index: 0, store, done: BTreeMap::new() }
    }

    /// What became of a transaction that was applied not long ago.
    pub fn done(&self, id: u64) -> Option<Answer> {
        self.done.get(&id).map(|&before| Answer::Done(before))
    }

    /// The version after one more entry. What it writes is traced when `core` is given.
    pub fn after(&self, txn: Option<&Txn>, core: Option<&mut Core>) -> Data {
        let mut next = self.clone();
        next.index += 1;
        if let Some(txn) = txn {
            next.apply(txn, core);
        }
        next
    }

    fn apply(&mut self, txn: &Txn, mut core: Option<&mut Core>) {
        let before = self.store.revision();
        match &txn.act {
            Act::Write { base, puts } => {
                if self.done(txn.id).is_some() || self.changed_since(*base, puts) {
                    return;
                }
                puts.iter().for_each(|put| self.put(put, &txn.causes, &mut core));
            }
            Act::Revoke(until) => {
                for key in self.store.expired(*until) {
                    let gone = Put { key, object: None, expires: None };
                    self.put(&gone, &txn.causes, &mut core);
                }
            }
            Act::Compact(revision) => self.store.compact(*revision),
        }
        self.done.insert(txn.id, before);
        if self.done.len() > REMEMBERED {
            self.done.pop_first();
        }
    }

    /// Whether anything that was read for the writes is no longer as it was. Addresses and ports of Services are
    /// handed out by looking at all of them.
    fn changed_since(&self, base: u64, puts: &[Put]) -> bool {
        let Some(mut later) = self.store.since(base) else { return true };
        let concerns = |key: &Key| {
            puts.iter()
                .any(|put| put.key == *key || (put.key.kind == Kind::Service && key.kind == Kind::Service))
        };
        later.any(|revision| concerns(&revision.object.key))
    }

    fn put(&mut self, put: &Put, causes: &Causes, core: &mut Option<&mut Core>) {
        let known = self.store.get(&put.key).is_some();
        let change = match (known, put.object.is_some()) {
            (false, false) => return,
            (true, false) => ChangeKind::Deleted,
            (true, true) => ChangeKind::Modified,
            (false, true) => ChangeKind::Added,
        };
        let causes = match core {
            Some(core) if core.trace.enabled() => {
                let revision = self.store.revision() + 1;
                let what = What::Write { revision, key: put.key.clone(), change };
                core.trace.record(core.now, what, causes.clone())
            }
            _ => causes.clone(),
        };
        match &put.object {
            Some(object) => drop(self.store.put((**object).clone(), causes)),
            None => drop(self.store.delete(&put.key, causes)),
        }
        if let Some(at) = put.expires {
            self.store.expire(at, put.key.clone());
        }
    }
}
