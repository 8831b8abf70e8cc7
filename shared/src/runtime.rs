//! Container runtime: pulls images, runs containers (small simulated programs), gives pods their addresses (CNI).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::client::Input;
use crate::doc::Str;
use crate::sim::{Context, CriCall};

/// What containers of an image do; the `images` of a scenario.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct ImageSpec {}

/// The image catalogue.
#[derive(Clone, Debug, Hash)]
pub struct Images {}

impl Images {
    /// The built-in catalogue with a scenario's additions.
    pub fn new(_specs: &BTreeMap<Str, ImageSpec>) -> Images {
        Images {}
    }
}

/// The container runtime of one machine.
#[derive(Clone, Debug, Hash)]
pub struct Runtime {
    machine: u32,
    images: Arc<Images>,
}

impl Runtime {
    /// The runtime of a machine with an empty image cache.
    pub fn new(machine: u32, images: &Arc<Images>) -> Runtime {
        Runtime { machine, images: Arc::clone(images) }
    }

    /// The kubelet asks.
    pub fn call(&mut self, _call: CriCall, _cx: &mut Context<'_>) {}

    /// Handles one input: a timer of its own or a packet for one of its pods.
    pub fn handle(&mut self, _input: Input, _cx: &mut Context<'_>) {}

    /// The machine lost power: containers are gone, cached images stay on disk.
    pub fn power_lost(&mut self) {}
}
