//! DynamicResources: a pod waits for the devices it claims. Nothing in this cluster has any to give.

use crate::api::Object;

use super::super::framework::Plugin;

/// The plugin.
#[derive(Debug)]
pub struct DynamicResources;

impl Plugin for DynamicResources {
    fn name(&self) -> &'static str {
        "DynamicResources"
    }

    fn admits(&self, pod: &Object) -> bool {
        pod.body["spec"]["resourceClaims"].is_empty()
    }
}
