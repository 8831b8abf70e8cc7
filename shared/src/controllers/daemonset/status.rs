//! What a DaemonSet's status tells.

use crate::controllers::status::{omit_empty, write as patch};
use crate::controllers::worker::{Desk, Step};
use crate::doc;
use crate::sim::Duration;

use super::census::{Census, Totals};
use super::{Subject, Waiting};

/// Writes the status where it changed. `observed` says whether this generation was acted on; after a failure the key
/// comes back.
pub fn write(
    subject: &Subject,
    observed: bool,
    failed: bool,
    census: &Census,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let set = &subject.set;
    let Totals { desired, scheduled, misscheduled, ready, available, updated } = census.totals();
    if ready != available {
        desk.add_after(set.key().clone(), Duration::seconds(set.min_ready_seconds.max(0) as u64));
    }
    let old = &set.object().body["status"];
    let generation = if observed { doc!(set.meta().generation) } else { old["observedGeneration"].clone() };
    let mut new = doc!({
        "currentNumberScheduled": scheduled, "desiredNumberScheduled": desired,
        "numberMisscheduled": misscheduled, "numberReady": ready, "updatedNumberScheduled": updated,
        "numberAvailable": available, "numberUnavailable": desired - available,
        "observedGeneration": generation, "collisionCount": old["collisionCount"].clone(),
        "conditions": old["conditions"].clone()
    });
    let optional = [
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "observedGeneration",
        "collisionCount",
        "conditions",
    ];
    omit_empty(&mut new, &optional);
    match patch(desk.user, set.key(), old, &new) {
        Some(request) => Step::Ask(vec![request], Waiting::Written { failed }),
        None if failed => Step::Retry,
        None => Step::Done,
    }
}
