//! SchedulingGates: a pod with gates is not queued before the last one is taken away.

use crate::api::Object;
use crate::client::Informers;

use super::super::framework::Plugin;

/// The plugin.
#[derive(Debug)]
pub struct SchedulingGates;

impl Plugin for SchedulingGates {
    fn name(&self) -> &'static str {
        "SchedulingGates"
    }

    fn admits(&self, pod: &Object, _: &Informers) -> bool {
        pod.body["spec"]["schedulingGates"].is_empty()
    }
}
