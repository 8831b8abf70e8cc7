//! The far view: a cluster of too many nodes for cards. What there is to draw travels as numbers (see
//! `worker::map`); names and details are told when asked for.

use serde::{Deserialize, Serialize};

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
    /// Its pods: slot, namespace, name, what kubectl prints as status.
    pub pods: Vec<(u32, String, String, String)>,
}
