//! NodeUnschedulable: keeps pods off cordoned nodes.

use crate::api::Object;
use crate::api::core::node::Node;
use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Locality, Plugin, Rejection};
use super::super::template::Template;

/// The plugin.
#[derive(Debug)]
pub struct NodeUnschedulable;

struct Cordon;

impl Plugin for NodeUnschedulable {
    fn name(&self) -> &'static str {
        "NodeUnschedulable"
    }

    fn locality(&self) -> Locality {
        Locality::Verdict
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let tolerated = cycle.template.tolerates("node.kubernetes.io/unschedulable", "", "NoSchedule");
        (!tolerated).then(|| Box::new(Cordon) as Box<dyn Filter>)
    }

    fn wakes(&self, event: ClusterEvent<'_>, _: &Template) -> bool {
        let open = |node: &Object| node.view::<Node>().is_some_and(|node| !node.unschedulable);
        matches!(event, ClusterEvent::Node(change) if change.comes_to(open))
    }
}

impl Filter for Cordon {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        if node.unschedulable {
            return Err(Rejection::for_good(literal!("node(s) were unschedulable")));
        }
        Ok(())
    }
}
