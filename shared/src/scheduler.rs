//! kube-scheduler: places pods on nodes.

use crate::client::Input;
use crate::sim::Context;

/// The scheduler.
#[derive(Clone, Debug, Hash)]
pub struct Scheduler {
    seed: u64,
}

impl Scheduler {
    /// A scheduler that breaks ties from the cluster's `seed`.
    pub fn new(seed: u64) -> Scheduler {
        Scheduler { seed }
    }

    /// The same program after a crash: without memory.
    pub fn restarted(&self) -> Scheduler {
        Scheduler::new(self.seed)
    }

    /// Handles one input.
    pub fn handle(&mut self, _input: Input, _cx: &mut Context<'_>) {}
}
