//! VolumeRestrictions: a claim with the access mode ReadWriteOncePod is used by one pod at a time.

use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, Rejection};
use super::super::template::Template;
use super::volume_binding::VolumeBinding;

/// The plugin.
#[derive(Debug)]
pub struct VolumeRestrictions;

struct Taken;

impl Plugin for VolumeRestrictions {
    fn name(&self) -> &'static str {
        "VolumeRestrictions"
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let exclusive = &cycle.asks.volumes.as_ref()?.exclusive;
        let namespace = &cycle.template.namespace;
        let taken = exclusive.iter().any(|claim| cycle.cache.residents().uses(namespace, claim));
        taken.then(|| Box::new(Taken) as Box<dyn Filter>)
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::PodGone(pod) => pod.claims.iter().any(|claim| template.claims.contains(claim)),
            ClusterEvent::Claim(_) => VolumeBinding.wakes(event, template),
            _ => false,
        }
    }
}

impl Filter for Taken {
    fn check(&self, _: u32, _: &NodeInfo) -> Result<(), Rejection> {
        Err(Rejection::because(literal!(
            "node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode"
        )))
    }
}
