//! NodeVolumeLimits: a node holds only so many volumes of a storage driver.

use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, Rejection};
use super::super::template::Template;
use super::super::volumes::limits::Limits;

/// The plugin.
#[derive(Debug)]
pub struct NodeVolumeLimits;

struct Room<'a> {
    cycle: Cycle<'a>,
    limits: &'a Limits,
}

impl Plugin for NodeVolumeLimits {
    fn name(&self) -> &'static str {
        "NodeVolumeLimits"
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let limits = cycle.asks.volumes.as_ref()?.limits.as_ref()?;
        Some(Box::new(Room { cycle, limits }))
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::PodGone(pod) => !pod.claims.is_empty(),
            ClusterEvent::Volume => true,
            ClusterEvent::Claim(_) => super::volume_binding::VolumeBinding.wakes(event, template),
            _ => false,
        }
    }
}

impl Filter for Room<'_> {
    fn check(&self, slot: u32, node: &NodeInfo) -> Result<(), Rejection> {
        let there = self.cycle.cache.residents().on(slot);
        if self.limits.allow(&node.name, there.iter().map(|pod| &*pod.template)) {
            return Ok(());
        }
        Err(Rejection::because(literal!("node(s) exceed max volume count")))
    }
}
