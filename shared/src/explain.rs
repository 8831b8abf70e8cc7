//! Why something is as it is: read from what was recorded when it happened, never guessed afterwards.

use crate::api::Key;
use crate::cluster::Cluster;
use crate::doc::Change;
use crate::etcd::Revision;
use crate::sim::{Record, RecordId, Time, What};

/// One step of a causal chain.
#[derive(Clone, Debug)]
pub struct Hop {
    /// Its record in the trace.
    pub record: RecordId,
    /// When.
    pub at: Time,
    /// What.
    pub what: What,
}

/// How far back a chain is followed.
const LONGEST_CHAIN: u32 = 200;

/// The chain that led to the newest write of `key`, oldest step first; empty when the trace no longer has it.
pub fn why(cluster: &Cluster, key: &Key) -> Vec<Hop> {
    newest_write(cluster, key).map_or(Vec::new(), |record| chain(cluster, record))
}

/// The record of the newest write of `key`.
pub fn newest_write(cluster: &Cluster, key: &Key) -> Option<RecordId> {
    writes(cluster, key).next_back()
}

/// The records of all writes of `key` that the trace still has, oldest first.
pub fn writes<'a>(cluster: &'a Cluster, key: &'a Key) -> impl DoubleEndedIterator<Item = RecordId> + 'a {
    let trace = &cluster.core().trace;
    (trace.first_id()..trace.next_id()).filter(move |&id| {
        trace
            .get(id)
            .is_some_and(|record| matches!(&record.what, What::Write { key: written, .. } if written == key))
    })
}

/// The chain that led to `record`, oldest step first.
///
/// Where several things came together the one that a person caused is followed, else the newest.
pub fn chain(cluster: &Cluster, record: RecordId) -> Vec<Hop> {
    let trace = &cluster.core().trace;
    let mut hops = Vec::new();
    let mut next = Some(record);
    for _ in 0..LONGEST_CHAIN {
        let Some((id, record)) = next.and_then(|id| Some((id, trace.get(id)?))) else { break };
        hops.push(Hop { record: id, at: record.at, what: record.what.clone() });
        let rank = |&id: &RecordId| (trace.get(id).and_then(|record: &Record| record.root), id);
        next = record.causes.records().iter().copied().max_by_key(rank);
    }
    hops.reverse();
    hops
}

/// The write recorded as `record`, while the store remembers it.
pub fn write(cluster: &Cluster, record: RecordId) -> Option<&Revision> {
    let What::Write { revision, .. } = cluster.core().trace.get(record)?.what else { return None };
    cluster.store().since(revision.checked_sub(1)?)?.next()
}

/// What the write recorded as `record` changed, compared with the revision before.
pub fn change(cluster: &Cluster, record: RecordId) -> Option<Vec<Change>> {
    let write = write(cluster, record)?;
    let before = write.previous.as_ref().map_or(crate::doc::Doc::Null, |object| object.to_doc());
    Some(crate::doc::diff(&before, &write.object.to_doc()))
}
