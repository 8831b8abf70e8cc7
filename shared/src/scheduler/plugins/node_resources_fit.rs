//! NodeResourcesFit: a pod's requests must fit into what is free; nodes with more left over score higher
//! (LeastAllocated).

use smallvec::SmallVec;

use crate::doc::{Str, literal};

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Locality, MAX_SCORE, Nodes, Plugin, Rejection};
use super::super::template::{Requests, Template};

/// The plugin.
#[derive(Debug)]
pub struct NodeResourcesFit;

struct Fit<'a>(&'a Requests);

impl Plugin for NodeResourcesFit {
    fn name(&self) -> &'static str {
        "NodeResourcesFit"
    }

    fn locality(&self) -> Locality {
        Locality::VerdictAndScore
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        Some(Box::new(Fit(&cycle.template.requests)))
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let wanted = &cycle.template.requests;
        let score = |&slot: &u32| {
            let node = cycle.cache.node(slot);
            let shares = [
                left(
                    node.allocatable.cpu_milli,
                    node.requested.scoring_cpu_milli.saturating_add(wanted.scoring_cpu_milli),
                ),
                left(
                    node.allocatable.memory,
                    node.requested.scoring_memory.saturating_add(wanted.scoring_memory),
                ),
            ];
            let sum: i64 = shares.iter().flatten().sum();
            match shares.iter().flatten().count() as i64 {
                0 => 0,
                known => sum / known,
            }
        };
        Some(nodes.slots.iter().map(score).collect())
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::Node(change) => change.offers_more(&template.requests),
            ClusterEvent::PodGone(_) => true,
            ClusterEvent::PodChanged(before, now) => before.requests.exceeds(&now.requests),
            _ => false,
        }
    }
}

/// What share of `capacity` is left, of 100; `None` for what the node does not have at all.
fn left(capacity: i64, requested: i64) -> Option<i64> {
    match capacity {
        0 => None,
        _ if requested > capacity => Some(0),
        // Bytes times 100 fit for any memory below 80 PiB.
        _ => Some(capacity.saturating_sub(requested).saturating_mul(MAX_SCORE) / capacity),
    }
}

impl Filter for Fit<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        let wanted = self.0;
        let (offered, taken) = (&node.allocatable, &node.requested);
        let short =
            |wanted: i64, offered: i64, taken: i64| wanted > 0 && wanted > offered.saturating_sub(taken);
        let fits = node.pods < node.allowed_pods
            && !short(wanted.cpu_milli, offered.cpu_milli, taken.cpu_milli)
            && !short(wanted.memory, offered.memory, taken.memory)
            && wanted.others.is_empty();
        if fits { Ok(()) } else { self.explain(node) }
    }
}

impl Fit<'_> {
    /// The slower look: everything that is short, by name.
    fn explain(&self, node: &NodeInfo) -> Result<(), Rejection> {
        let wanted = self.0;
        let mut rejection = Rejection { reasons: SmallVec::new(), unresolvable: false };
        if node.pods >= node.allowed_pods {
            rejection.reasons.push(literal!("Too many pods"));
        }
        let amount = |list: &[(Str, i64)], name: &Str| {
            list.iter().find(|(n, _)| n == name).map_or(0, |(_, amount)| *amount)
        };
        let mut look = |reason: &dyn Fn() -> Str, wanted: i64, offered: i64, taken: i64| {
            if wanted > 0 && wanted > offered.saturating_sub(taken) {
                rejection.reasons.push(reason());
                rejection.unresolvable |= wanted > offered;
            }
        };
        let (offered, taken) = (&node.allocatable, &node.requested);
        look(&|| literal!("Insufficient cpu"), wanted.cpu_milli, offered.cpu_milli, taken.cpu_milli);
        look(&|| literal!("Insufficient memory"), wanted.memory, offered.memory, taken.memory);
        for (name, needed) in &wanted.others {
            let reason = || format!("Insufficient {name}").into();
            look(&reason, *needed, amount(&offered.others, name), amount(&taken.others, name));
        }
        if rejection.reasons.is_empty() { Ok(()) } else { Err(rejection) }
    }
}
