//! What people do to a cluster, and how it went.

use serde::{Deserialize, Serialize};

use crate::api::User;
use crate::apiserver::http::{HttpRequest, HttpResponse};
use crate::codec::Codec;
use crate::doc::Str;
use crate::network::TrafficSource;
use crate::sim::{Fault, Target, Time};

/// Something a person (or their program) does, at a moment of virtual time.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Command {
    /// When it takes effect.
    pub at: Time,
    /// Who does it.
    pub user: User,
    /// What.
    pub action: Action,
}

/// What a command does.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// Sends a request to the API server.
    Request(HttpRequest),
    /// Breaks something.
    Fault {
        /// What is struck.
        target: Target,
        /// How.
        #[serde(flatten)]
        fault: Fault,
    },
    /// Starts, changes or stops a source of traffic.
    Traffic(TrafficSource),
    /// Sets all clocks forward to a date.
    Clock(Str),
    /// Mends everything that is broken about a target.
    Repair {
        /// What is mended.
        target: Target,
    },
}

/// How a command went.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum Outcome {
    /// The API server (or the network in its place) answered.
    Http(HttpResponse),
    /// It was done.
    Done,
    /// It could not be done: why, and what to do instead.
    Refused(Str),
}
