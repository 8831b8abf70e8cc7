//! kube-controller-manager: the loops that move the cluster towards what was asked for.

use crate::client::Input;
use crate::sim::Context;

/// The controller manager.
#[derive(Clone, Debug, Hash)]
pub struct ControllerManager {
    seed: u64,
}

impl ControllerManager {
    /// A controller manager that draws from the cluster's `seed`.
    pub fn new(seed: u64) -> ControllerManager {
        ControllerManager { seed }
    }

    /// The same program after a crash: without memory.
    pub fn restarted(&self) -> ControllerManager {
        ControllerManager::new(self.seed)
    }

    /// Handles one input.
    pub fn handle(&mut self, _input: Input, _cx: &mut Context<'_>) {}
}
