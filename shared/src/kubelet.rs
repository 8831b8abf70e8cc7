//! kubelet: registers its node, keeps its lease, runs the pods bound to it and reports how they are.

use crate::client::Input;
use crate::sim::{Context, Core};

/// The kubelet of one machine.
#[derive(Clone, Debug, Hash)]
pub struct Kubelet {
    machine: u32,
}

impl Kubelet {
    /// The kubelet of a machine, freshly started.
    pub fn new(machine: u32, _core: &Core, _seed: u64) -> Kubelet {
        Kubelet { machine }
    }

    /// Handles one input.
    pub fn handle(&mut self, _input: Input, _cx: &mut Context<'_>) {}
}
