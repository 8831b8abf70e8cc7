//! TaintToleration: keeps pods off tainted nodes unless they tolerate it, and away from `PreferNoSchedule`.

use crate::api::Object;
use crate::api::core::node::{Node, Taint};
use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{
    ClusterEvent, Cycle, Filter, Locality, MAX_SCORE, Nodes, Plugin, Rejection, normalize,
};
use super::super::kin::Marker;
use super::super::template::Template;

/// The plugin.
#[derive(Debug)]
pub struct TaintToleration;

struct Taints<'a>(Cycle<'a>);

impl Plugin for TaintToleration {
    fn name(&self) -> &'static str {
        "TaintToleration"
    }

    fn locality(&self) -> Locality {
        Locality::Verdict
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        Some(Box::new(Taints(cycle)))
    }

    fn weight(&self) -> i64 {
        3
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        Some(nodes.slots.iter().map(|&slot| intolerable(cycle, slot)).collect())
    }

    fn marker<'a>(&self, cycle: Cycle<'a>) -> Option<Marker<'a>> {
        Some(Box::new(move |slot, marks| marks.push(intolerable(cycle, slot))))
    }

    fn uniform(&self, cycle: Cycle<'_>) -> Option<i64> {
        (!cycle.cache.has_taints()).then_some(MAX_SCORE)
    }

    fn normalize(&self, scores: &mut [i64]) {
        normalize(scores, true);
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        let bearable = |taint: &Taint| {
            taint.effect == "PreferNoSchedule" || template.tolerates(&taint.key, &taint.value, &taint.effect)
        };
        let open = |node: &Object| node.view::<Node>().is_some_and(|node| node.taints.iter().all(bearable));
        matches!(event, ClusterEvent::Node(change) if change.comes_to(open))
    }
}

/// How many taints that only ask to be avoided a node has and the pod does not tolerate.
fn intolerable(cycle: Cycle<'_>, slot: u32) -> i64 {
    let intolerable = |taint: &&Taint| {
        taint.effect == "PreferNoSchedule"
            && !cycle.template.tolerates(&taint.key, &taint.value, "PreferNoSchedule")
    };
    match cycle.cache.node(slot) {
        node if node.tainted => node.taints().iter().filter(intolerable).count() as i64,
        _ => 0,
    }
}

impl Filter for Taints<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        if self.0.untolerated(node) {
            return Err(Rejection::for_good(literal!("node(s) had untolerated taint(s)")));
        }
        Ok(())
    }
}
