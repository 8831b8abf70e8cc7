//! NodeName: a pod that names its node goes there or nowhere.

use super::super::framework::Plugin;

/// The plugin. Pods with `spec.nodeName` count as placed and never come to a scheduling cycle, so it has nothing to
/// ask of any node; it stands here because upstream's profile has it.
#[derive(Debug)]
pub struct NodeName;

impl Plugin for NodeName {
    fn name(&self) -> &'static str {
        "NodeName"
    }
}
