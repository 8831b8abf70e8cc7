//! How each workload fared since a moment: read off what was written since then, so that it makes no difference when somebody
//! began to look, or that they looked back meanwhile.

use std::collections::BTreeMap;

use shared::{
    api::{Key, Object},
    cluster::Cluster,
    explain,
    sim::{RecordId, What},
};

use super::view::workload;
use crate::{
    protocol::{Fared, Workload},
    view_model::called,
};

/// Each workload by its name, and how it fared from `since` on.
pub fn since(cluster: &Cluster, since: u64) -> BTreeMap<String, Fared> {
    let now = cluster.now().0;
    let mut courses: BTreeMap<Key, Course> = BTreeMap::new();
    for (at, record) in writes(cluster, since) {
        let Some(write) = explain::write(cluster, record) else { continue };
        let (before, after) = (write.previous.as_deref().and_then(workload), workload(&write.object));
        let Some(after) = after else { continue };
        let course = courses.entry(write.object.key.clone()).or_insert_with(|| Course::begin(before, since));
        course.turn(after, at);
    }
    let there: Vec<(&Object, Workload)> =
        super::view::workloads(cluster).filter_map(|it| Some((it, workload(it)?))).collect();
    let all = || there.iter().map(|(_, it)| (it.namespace.as_str(), it.name.as_str()));
    let told = there.iter().map(|(object, now_so)| {
        let known = courses.remove(&object.key);
        let mut course = known.unwrap_or_else(|| Course::begin(Some(now_so.clone()), since));
        course.turn(now_so.clone(), now);
        (called(&now_so.namespace, &now_so.name, all()), course.fared)
    });
    told.collect()
}

/// The records of what was written from `since` on, in order, each with its moment.
fn writes(cluster: &Cluster, since: u64) -> Vec<(u64, RecordId)> {
    let trace = &cluster.core().trace;
    let records = (trace.first_id()..trace.next_id()).rev().filter_map(|id| Some((id, trace.get(id)?)));
    let late = records.take_while(|(_, record)| record.at.0 >= since);
    let writes = late.filter(|(_, record)| {
        matches!(&record.what, What::Write { key, .. } if super::view::WORKLOADS.contains(&key.kind))
    });
    let mut writes: Vec<_> = writes.map(|(id, record)| (record.at.0, id)).collect();
    writes.reverse();
    writes
}

/// How a workload has fared up to a moment.
struct Course {
    fared: Fared,
    until: u64,
}

impl Course {
    fn begin(workload: Option<Workload>, since: u64) -> Self {
        let (available, wanted) = workload.map_or((0, 0), |it| (it.available, it.wanted));
        Self { fared: Fared { available, wanted, ..Fared::default() }, until: since }
    }

    /// From `at` on it is so.
    fn turn(&mut self, workload: Workload, at: u64) {
        let fared = &mut self.fared;
        let was_short = fared.available < fared.wanted;
        if was_short {
            fared.short += at.saturating_sub(self.until);
        }
        (fared.available, fared.wanted, self.until) = (workload.available, workload.wanted, at);
        if was_short && fared.available >= fared.wanted {
            fared.back = Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;
    use crate::{protocol::Command, worker::replica::Replica};

    #[test]
    fn how_long_an_app_was_short_is_known_whenever_it_is_asked() {
        let mut replica = Replica::first();
        let begun = replica.cluster().now().0;
        let fault = Command::Fault { target: "node/node-2".into(), kind: "PowerOff".into() };
        replica.act(None, &fault);
        let mut short = None;
        for second in 1..600 {
            replica.advance_to(Time(begun + second * 1000));
            let fared = since(replica.cluster(), begun)["todo-api"];
            if fared.available < fared.wanted {
                short.get_or_insert(second);
            }
            if fared.back.is_some() {
                break;
            }
        }
        let fared = since(replica.cluster(), begun)["todo-api"];
        let (back, short) = (fared.back.expect("it is back"), short.expect("it was short") * 1000);
        assert!(
            (back - begun - short..=back - begun - short + 1000).contains(&fared.short),
            "{fared:?} {short}"
        );
        // Whoever asks from another moment on is told of the time from then on.
        let late = since(replica.cluster(), back - 5000)["todo-api"];
        assert_eq!((late.short, late.back), (5000, Some(back)));
        let after = since(replica.cluster(), back + 1)["todo-api"];
        assert_eq!((after.short, after.back, after.available), (0, None, 3));
    }
}
