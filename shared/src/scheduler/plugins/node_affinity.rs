//! NodeAffinity: `nodeSelector`, required and preferred node affinity.

use crate::api::Object;
use crate::doc::{Str, literal};

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Locality, Nodes, Plugin, Rejection, normalize};
use super::super::kin::Marker;
use super::super::template::Template;

/// The plugin.
#[derive(Debug)]
pub struct NodeAffinity;

struct Required<'a>(Cycle<'a>);

impl Plugin for NodeAffinity {
    fn name(&self) -> &'static str {
        "NodeAffinity"
    }

    fn locality(&self) -> Locality {
        Locality::Verdict
    }

    fn pre_filter(&self, cycle: Cycle<'_>) -> Option<Str> {
        let nowhere = cycle.template.node_affinity.names().is_some_and(<[Str]>::is_empty);
        nowhere.then_some(literal!("pod affinity terms conflict"))
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        cycle.template.node_affinity.requires().then(|| Box::new(Required(cycle)) as Box<dyn Filter>)
    }

    fn weight(&self) -> i64 {
        2
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let verdicts = cycle.group.verdicts.as_ref().filter(|_| cycle.template.node_affinity.prefers())?;
        Some(nodes.slots.iter().map(|&slot| verdicts.preference[slot as usize]).collect())
    }

    fn marker<'a>(&self, cycle: Cycle<'a>) -> Option<Marker<'a>> {
        let verdicts = cycle.group.verdicts.as_ref().filter(|_| cycle.template.node_affinity.prefers());
        Some(match verdicts {
            Some(verdicts) => Box::new(|slot, marks| marks.push(verdicts.preference[slot as usize])),
            None => Box::new(|_, _| {}),
        })
    }

    fn normalize(&self, scores: &mut [i64]) {
        normalize(scores, false);
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        let allowed = |node: &Object| template.node_affinity.allows(node);
        matches!(event, ClusterEvent::Node(change) if change.comes_to(allowed))
    }
}

impl Filter for Required<'_> {
    fn check(&self, slot: u32, _: &NodeInfo) -> Result<(), Rejection> {
        if self.0.affinity_allows(slot) {
            return Ok(());
        }
        Err(Rejection::for_good(literal!("node(s) didn't match Pod's node affinity/selector")))
    }

    fn passes(&self, slot: u32, _: &NodeInfo) -> bool {
        self.0.affinity_allows(slot)
    }

    fn is_cheap(&self) -> bool {
        true
    }
}
