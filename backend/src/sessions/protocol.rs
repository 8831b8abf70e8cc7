//! DRAFT until `shared::session::protocol` is there: the frames between server and page, JSON text each.

use serde::{Deserialize, Serialize};
use shared::cluster::Action;
use shared::sim::StateHash;

/// What a link allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Role {
    Owner,
    Editor,
    Viewer,
}

/// The first frame of a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Hello {
    /// The version of the client's engine.
    pub version: String,
    /// The secret from the link.
    pub token: String,
    /// The number of the last command that the client has; 0 for none.
    #[serde(default)]
    pub after: u64,
}

/// Changes of the clock's pace.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Pace {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed_milli: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skip_to: Option<u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum ClientFrame {
    Hello(Hello),
    Command { id: u64, action: Action },
    Pace(Pace),
    Hash { sequence: u64, time: u64, hash: StateHash },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Horizon {
    pub sequence: u64,
    pub time: u64,
    pub running: bool,
    pub speed_milli: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub check: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum ServerFrame {
    Welcome { version: String, started_with: String, role: Role, scenario: serde_json::Value, sequence: u64, lost: u64, horizon: Horizon },
    Command { sequence: u64, at: u64, role: Role, action: Action },
    Accepted { id: u64, sequence: u64 },
    Refused { id: u64, message: String },
    Horizon(Horizon),
    Sync { in_sync: bool, clients: u32, sequence: u64, time: u64 },
    Refusal(Refusal),
}

/// Why the connection ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Refusal {
    pub code: u16,
    pub reason: String,
    pub message: String,
}
