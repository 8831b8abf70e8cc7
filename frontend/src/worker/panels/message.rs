//! A message that is on its way: what it is about, what it will change, and what led to it.

use shared::{
    cluster::Cluster,
    doc,
    doc::Doc,
    explain,
    sim::{ChangeKind, Process, RecordId, What},
};

use super::whole;
use crate::worker::{inspect, why};

/// Steps that are looked ahead for what comes of a message.
const AHEAD: u32 = 4000;
/// So many causes lie between a message and the write that it is about at most.
const DEEP: u32 = 8;
/// Hops that lead to a message that are told.
const HOPS: usize = 5;

/// What a message is about: the revision that it tells of or leads to, what that changed, and what led to it.
pub(super) fn message(cluster: &Cluster, id: RecordId) -> Doc {
    let Some(record) = cluster.core().trace.get(id) else { return Doc::Null };
    let hops = explain::chain(cluster, id);
    let skip = hops.len().saturating_sub(HOPS + 1);
    let led = hops.iter().take(hops.len().saturating_sub(1)).skip(skip);
    let because = led.filter_map(|hop| inspect::link(cluster, hop, true)).map(|link| {
        doc!({ "at": whole(link.at), "who": link.who, "what": link.what, "object": link.object, "text": link.text })
    });
    let mut told = doc!({ "because": Doc::list(because) });
    let asks = matches!(
        record.what,
        What::Message { to: Process::ApiServer(_), label: "POST" | "PUT" | "PATCH" | "DELETE", .. }
    );
    // What is on its way has not changed anything yet: what it will is found out in a copy.
    let mut ahead = None;
    let write = if asks { foresee(cluster, id, &mut ahead) } else { written(cluster, id) };
    if let Some(write) = write {
        let cluster = ahead.as_ref().unwrap_or(cluster);
        if let Some(What::Write { revision, key, change }) =
            cluster.core().trace.get(write).map(|record| &record.what)
        {
            told.set("revision", whole(*revision));
            told.set("change", format!("{change:?}").to_lowercase());
            told.set("kind", key.kind.info().kind);
            told.set("namespace", &key.namespace);
            told.set("name", &key.name);
            // Of what is new the fields that somebody wanted are told, not all that was filled in around them.
            let new = cluster.store().get(key).filter(|_| *change == ChangeKind::Added);
            let changes = new.map_or_else(|| why::changes(cluster, write), |object| why::wanted(object));
            let changes = changes.into_iter();
            let changes = changes.map(|one| doc!({ "path": one.path, "old": one.old, "new": one.new }));
            told.set("changes", Doc::list(changes));
        }
    }
    told
}

/// The write that a message tells of.
fn written(cluster: &Cluster, id: RecordId) -> Option<RecordId> {
    let trace = &cluster.core().trace;
    let mut next = id;
    for _ in 0..DEEP {
        let record = trace.get(next)?;
        if matches!(record.what, What::Write { .. }) {
            return Some(next);
        }
        next = *record.causes.records().last()?;
    }
    None
}

/// The write that a request will lead to, in a copy of the cluster that has come so far.
fn foresee(cluster: &Cluster, id: RecordId, ahead: &mut Option<Cluster>) -> Option<RecordId> {
    let mut copy = cluster.clone();
    let mut next = id + 1;
    for _ in 0..AHEAD {
        let trace = &copy.core().trace;
        let of_it = |candidate: &RecordId| {
            let mut at = *candidate;
            for _ in 0..DEEP {
                let Some(record) = trace.get(at) else { return false };
                if record.causes.records().contains(&id) {
                    return true;
                }
                match record.causes.records().last() {
                    Some(&cause) => at = cause,
                    None => return false,
                }
            }
            false
        };
        let writes = trace.since(next).filter(|(_, record)| matches!(record.what, What::Write { .. }));
        let found = writes.map(|(id, _)| id).find(of_it);
        // An answer without a write: it was refused, or changed nothing.
        let answered = trace.since(next).any(|(_, record)| {
            matches!(
                record.what,
                What::Message { from: Process::ApiServer(_), label: "200" | "404" | "error", .. }
            ) && record.causes.records().contains(&id)
        });
        if let Some(found) = found {
            *ahead = Some(copy);
            return Some(found);
        }
        if answered {
            return None;
        }
        next = trace.next_id();
        if !copy.step() {
            return None;
        }
    }
    None
}
