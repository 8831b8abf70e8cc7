//! DefaultPreemption: makes pods of lower priority go when a pod fits nowhere.

use crate::sim::Random;

use super::super::framework::{Failed, Plugin, PostFilter};
use super::super::preemption;
use super::super::preemption::tries::Tries;

/// The plugin.
#[derive(Debug)]
pub struct DefaultPreemption;

impl Plugin for DefaultPreemption {
    fn name(&self) -> &'static str {
        "DefaultPreemption"
    }

    fn post_filter(&self, failed: Failed<'_>, tries: &mut Tries, random: &mut Random) -> Option<PostFilter> {
        Some(preemption::evaluate(failed, tries, random))
    }
}
