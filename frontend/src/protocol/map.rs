//! The far view: a cluster of too many nodes for cards. What there is to draw travels as numbers (see
//! `worker::map`); names and details are told when asked for.

use serde::{Deserialize, Serialize};

use super::Container;

/// Names of what the map shows, told once.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapNames {
    /// Zones, in the order of their blocks.
    pub zones: Vec<String>,
    /// Every node's name and the number of its zone.
    pub nodes: Vec<(String, u32)>,
}

/// A node of the map looked at closely.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapNode {
    /// Its number.
    pub node: u32,
    /// Its pods.
    pub pods: Vec<MapPod>,
}

/// A pod of such a node.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MapPod {
    /// Where it stands on its node.
    pub slot: u32,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What kubectl prints as status.
    pub status: String,
    /// Its containers.
    pub containers: Vec<Container>,
}
