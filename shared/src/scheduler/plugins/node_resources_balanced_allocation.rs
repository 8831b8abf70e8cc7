//! NodeResourcesBalancedAllocation: prefers nodes whose CPU and memory would be used alike.

use super::super::framework::{Cycle, Locality, Nodes, Plugin};

/// The plugin.
#[derive(Debug)]
pub struct NodeResourcesBalancedAllocation;

impl Plugin for NodeResourcesBalancedAllocation {
    fn name(&self) -> &'static str {
        "NodeResourcesBalancedAllocation"
    }

    fn locality(&self) -> Locality {
        Locality::VerdictAndScore
    }

    fn weight(&self) -> i64 {
        1
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let wanted = &cycle.template.requests;
        // A pod that requests nothing unbalances nothing.
        if wanted.cpu_milli == 0 && wanted.memory == 0 {
            return None;
        }
        let score = |&slot: &u32| {
            let node = cycle.cache.node(slot);
            let cpu =
                share(node.requested.cpu_milli.saturating_add(wanted.cpu_milli), node.allocatable.cpu_milli);
            let memory = share(node.requested.memory.saturating_add(wanted.memory), node.allocatable.memory);
            let deviation = match (cpu, memory) {
                // The standard deviation of two numbers.
                (Some(cpu), Some(memory)) => (if cpu > memory { cpu - memory } else { memory - cpu }) / 2.0,
                _ => 0.0,
            };
            ((1.0 - deviation) * 100.0) as i64
        };
        Some(nodes.slots.iter().map(score).collect())
    }
}

fn share(requested: i64, capacity: i64) -> Option<f64> {
    (capacity > 0).then(|| if requested >= capacity { 1.0 } else { requested as f64 / capacity as f64 })
}
