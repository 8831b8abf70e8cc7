//! DefaultPreemption, as far as it goes: says for each node whether preemption could help. It does not evict anybody
//! yet.

use crate::collections::BTreeMap;
use crate::doc::{Str, literal};

use super::super::cycle::{Rejections, histogram};
use super::super::framework::{Cycle, Plugin};

/// The plugin.
#[derive(Debug)]
pub struct DefaultPreemption;

impl Plugin for DefaultPreemption {
    fn name(&self) -> &'static str {
        "DefaultPreemption"
    }

    fn post_filter(&self, cycle: Cycle<'_>, rejections: &Rejections) -> Option<String> {
        // The sentence before it is the DynamicResources plugin's, which has nothing to give back.
        const INTRODUCTION: &str = "no new claims to deallocate, preemption: ";
        if !cycle.template.preempts {
            return Some(format!("{INTRODUCTION}not eligible due to preemptionPolicy=Never."));
        }
        let mut reasons: BTreeMap<Str, u32> = BTreeMap::new();
        let hopeless = rejections.unresolvable;
        let nodes = cycle.cache.order().len() as u32;
        if hopeless > 0 {
            reasons.insert(literal!("Preemption is not helpful for scheduling"), hopeless);
        }
        if nodes > hopeless {
            reasons.insert(literal!("No preemption victims found for incoming pod"), nodes - hopeless);
        }
        Some(format!("{INTRODUCTION}0/{nodes} nodes are available: {}.", histogram(&reasons)))
    }
}
