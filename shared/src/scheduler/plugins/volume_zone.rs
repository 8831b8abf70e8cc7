//! VolumeZone: a volume that names a zone is used in that zone.

use std::sync::Arc;

use crate::api::Object;
use crate::doc::literal;

use super::super::cache::NodeInfo;
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, Rejection};
use super::super::template::Template;
use super::super::volumes::PodVolumes;

/// Labels of zones and regions, and what they were called once.
const LABELS: [(&str, &str); 2] = [
    ("topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"),
    ("topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"),
];

/// The plugin.
#[derive(Debug)]
pub struct VolumeZone;

struct Zones<'a>(&'a PodVolumes);

impl Plugin for VolumeZone {
    fn name(&self) -> &'static str {
        "VolumeZone"
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        let volumes = cycle.asks.volumes.as_ref()?;
        let zoned = |volume: &Arc<Object>| LABELS.iter().any(|names| value(volume, *names).is_some());
        volumes.bound.iter().flatten().any(zoned).then(|| Box::new(Zones(volumes)) as Box<dyn Filter>)
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::Node(change) => LABELS.iter().any(|(label, _)| change.relabelled(label)),
            ClusterEvent::Claim(_) | ClusterEvent::Volume => {
                super::volume_binding::VolumeBinding.wakes(event, template)
            }
            _ => false,
        }
    }
}

fn value(object: &Object, (label, old): (&str, &str)) -> Option<String> {
    let of = |label: &str| object.meta.labels[label].as_str().map(str::to_owned);
    of(label).or_else(|| of(old))
}

impl Filter for Zones<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(node) = &node.object else { return Ok(()) };
        // A cluster whose nodes name no zones has none.
        if LABELS.iter().all(|names| value(node, *names).is_none()) {
            return Ok(());
        }
        let inside = |volume: &Arc<Object>, names| {
            let here = value(node, names);
            // A volume that is in several zones names them all.
            value(volume, names)
                .is_none_or(|zones| zones.split("__").any(|zone| Some(zone) == here.as_deref()))
        };
        let all = self.0.bound.iter().flatten();
        match all.into_iter().all(|volume| LABELS.iter().all(|names| inside(volume, *names))) {
            true => Ok(()),
            false => Err(Rejection::for_good(literal!("node(s) had no available volume zone"))),
        }
    }
}
