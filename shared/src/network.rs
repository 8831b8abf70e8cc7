//! The data plane: kube-proxy's rules, the load balancer, names, and the visitors who use the app.

mod tally;

use crate::client::Input;
use crate::sim::{Context, Process};

pub use tally::{RequestResult, Tally};

/// Everything between a visitor and a container.
#[derive(Clone, Debug, Hash)]
pub struct Network {}

impl Network {
    /// The network of a cluster with so many machines.
    pub fn new(_machines: u32, _seed: u64) -> Network {
        Network {}
    }

    /// Handles an input of kube-proxy, the load balancer, DNS or the visitors (`cx.me` says whose).
    pub fn handle(&mut self, _input: Input, _cx: &mut Context<'_>) {}

    /// A process stopped or started: a stopped kube-proxy leaves its rules as they are.
    pub fn process_changed(&mut self, _process: Process, _up: bool, _cx: &mut Context<'_>) {}

    /// Links were cut or mended: proxies that cannot reach the API server keep their rules.
    pub fn links_changed(&mut self, _cx: &mut Context<'_>) {}
}
