//! DynamicResources: a pod waits for its claims, and goes where the devices are that they were given.

use crate::api::{NodeAffinity, Object};
use crate::client::Informers;
use crate::doc::{Str, literal};

use super::super::cache::NodeInfo;
use super::super::devices::{self, PodDevices};
use super::super::framework::{ClusterEvent, Cycle, Filter, Plugin, Rejection};
use super::super::template::Template;

/// The plugin.
#[derive(Debug)]
pub struct DynamicResources;

struct Given<'a>(&'a PodDevices);

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        "DynamicResources"
    }

    fn admits(&self, pod: &Object, informers: &Informers) -> bool {
        devices::are_ready(pod, informers)
    }

    fn pre_filter(&self, cycle: Cycle<'_>) -> Option<Str> {
        cycle.asks.devices.as_ref()?.refusal.clone()
    }

    fn filter<'a>(&self, cycle: Cycle<'a>) -> Option<Box<dyn Filter + 'a>> {
        Some(Box::new(Given(cycle.asks.devices.as_ref()?)))
    }

    fn wakes(&self, event: ClusterEvent<'_>, template: &Template) -> bool {
        match event {
            ClusterEvent::DeviceClass => true,
            ClusterEvent::DeviceClaim(claim) => claim.key.namespace == template.namespace,
            _ => false,
        }
    }
}

impl Filter for Given<'_> {
    fn check(&self, _: u32, node: &NodeInfo) -> Result<(), Rejection> {
        let Some(node) = &node.object else { return Ok(()) };
        if self.0.incomplete {
            return Err(Rejection::for_good(literal!("cannot allocate all claims")));
        }
        match self.0.places.iter().all(|selector| NodeAffinity::of_selector(selector).allows(node)) {
            true => Ok(()),
            false => Err(Rejection::for_good(literal!("resourceclaim not available on the node"))),
        }
    }
}
