//! VolumeBinding: a pod goes where its volumes can be reached, be found, or be made.

use crate::doc::Str;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, Rejection};
use super::super::template::Template;
use super::super::volumes::PodVolumes;

/// The plugin. What it does after a node was chosen is in [`super::super::volumes::prebind`].
#[derive(Debug)]
pub struct VolumeBinding;

struct Reachable<'a>(&'a PodVolumes);

impl Plugin for VolumeBinding {
    fn name(&self) -> &'static str {
        "VolumeBinding"
    }

    fn pre_filter(&self, cycle: Cycle<'_>) -> Option<Str> {
        cycle.asks.volumes.as_ref()?.refusal.clone()
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let volumes = cycle.asks.volumes.as_ref()?;
        Some(Box::new(Reachable(volumes)))
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::Claim(claim) => {
                let name = claim.key.name.as_str();
                let own =
                    |volume: &Str| name.strip_suffix(volume.as_str()).is_some_and(|rest| rest.ends_with('-'));
                claim.key.namespace == template.namespace
                    && (template.claims.iter().any(|known| *known == name)
                        || template.ephemeral.iter().any(own))
            }
            ClusterEvent::Volume => true,
            ClusterEvent::Node(change) => {
                change.before.is_none_or(|before| before.meta.labels != change.now.meta.labels)
            }
            _ => false,
        }
    }
}

impl Filter for Reachable<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(node) = &node.object else { return Ok(()) };
        match self.0.on(node) {
            Ok(_) => Ok(()),
            Err(reasons) => Err(Rejection { reasons, unresolvable: true }),
        }
    }
}
