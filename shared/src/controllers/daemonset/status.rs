//! What a DaemonSet's status tells.

use crate::api::core::node::Node;
use crate::controllers::pods::is_available;
use crate::controllers::status::{omit_empty, write as patch};
use crate::controllers::worker::{Desk, Step};
use crate::controllers::world::World;
use crate::doc;
use crate::sim::Duration;

use super::placement::by_node;
use super::update::is_current;
use super::{Subject, Waiting};

/// Writes the status where it changed. `observed` says whether this generation was acted on; after a failure the key
/// comes back.
pub fn write(
    subject: &Subject,
    observed: bool,
    failed: bool,
    world: &World,
    desk: &mut Desk<'_, '_>,
) -> Step<Waiting> {
    let set = &subject.set;
    let pods = by_node(set, world, true);
    let (mut desired, mut scheduled, mut misscheduled) = (0i64, 0i64, 0i64);
    let (mut ready, mut available, mut updated) = (0i64, 0i64, 0i64);
    for node in world.informers.list::<Node>() {
        let first = pods.get(&node.key().name).and_then(|pods| pods.first());
        if !subject.placement.on(&node).0 {
            misscheduled += i64::from(first.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = first else { continue };
        scheduled += 1;
        ready += i64::from(pod.ready);
        available += i64::from(is_available(pod, set.min_ready_seconds, desk.timestamp()));
        updated += i64::from(is_current(pod, subject));
    }
    if ready != available {
        desk.add_after(set.key().clone(), Duration::seconds(set.min_ready_seconds.max(0) as u64));
    }
    let old = &set.object().body["status"];
    let generation = if observed { doc!(set.meta().generation) } else { old["observedGeneration"].clone() };
    let mut new = doc!({
        "currentNumberScheduled": scheduled, "desiredNumberScheduled": desired,
        "numberMisscheduled": misscheduled, "numberReady": ready, "updatedNumberScheduled": updated,
        "numberAvailable": available, "numberUnavailable": desired - available,
        "observedGeneration": generation, "collisionCount": old["collisionCount"].clone()
    });
    let optional = [
        "updatedNumberScheduled",
        "numberAvailable",
        "numberUnavailable",
        "observedGeneration",
        "collisionCount",
    ];
    omit_empty(&mut new, &optional);
    match patch(desk.user, set.key(), old, &new) {
        Some(request) => Step::Ask(vec![request], Waiting::Written { failed }),
        None if failed => Step::Retry,
        None => Step::Done,
    }
}
