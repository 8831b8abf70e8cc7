//! NodePorts: two pods cannot take one port of a node.

use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Locality, Plugin, Rejection};
use super::super::template::{HostPort, Template};

/// The plugin.
#[derive(Debug)]
pub struct NodePorts;

struct Wanted<'a>(&'a [HostPort]);

impl Plugin for NodePorts {
    fn name(&self) -> &'static str {
        "NodePorts"
    }

    fn locality(&self) -> Locality {
        Locality::Verdict
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let ports = cycle.template.ports.as_slice();
        (!ports.is_empty()).then(|| Box::new(Wanted(ports)) as Box<dyn Filter>)
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::Node(change) => change.before.is_none(),
            ClusterEvent::PodGone(gone) => clash(&gone.ports, &template.ports),
            _ => false,
        }
    }
}

impl Filter for Wanted<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        if clash(&node.ports, self.0) {
            return Err(Rejection::because(literal!(
                "node(s) didn't have free ports for the requested pod ports"
            )));
        }
        Ok(())
    }
}

fn clash(taken: &[HostPort], wanted: &[HostPort]) -> bool {
    wanted.iter().any(|port| taken.iter().any(|taken| taken.clashes(port)))
}
