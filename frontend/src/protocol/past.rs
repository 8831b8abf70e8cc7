//! Looking back, going on from another moment, and two branches side by side.

use serde::{Deserialize, Serialize};

use super::Frame;

/// What the page asks about other moments.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PastRequest {
    /// Show the moment at this virtual time, and stop there.
    Look(u64),
    /// Show the present again.
    Now,
    /// Go on from the shown moment in a branch of its own.
    Fork {
        /// What the person did later is done there, too.
        repeat: bool,
    },
    /// Show another branch, at its present.
    Switch(u32),
    /// Show another branch beside this one, with the same clock; `None` ends it.
    Compare(Option<u32>),
}

/// What the worker tells about other moments.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PastReply {
    /// How the timeline stands.
    Timeline(Timeline),
    /// What is to be marked on it.
    Marks {
        /// Forget the marks from before.
        reset: bool,
        /// In the order of their moments.
        new: Vec<Mark>,
    },
    /// What is seen of the branch beside.
    Beside(Box<Frame>),
    /// What tells the two branches apart: the shown one first, then the one beside.
    Differences(Vec<Difference>),
}

/// The branches, and which moment is looked at.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeline {
    /// The earliest moment that can be looked at.
    pub from: u64,
    /// The present, while another moment is looked at.
    pub head: Option<u64>,
    /// The wanted moment is still being worked out.
    pub seeking: bool,
    /// All branches, oldest first.
    pub branches: Vec<Branch>,
    /// The shown one.
    pub current: u32,
    /// The one beside it.
    pub beside: Option<u32>,
    /// How many things the person did after the shown moment.
    pub later: u32,
}

/// A course of events.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Branch {
    /// Counts from 1.
    pub id: u32,
    /// Where it left the one before it.
    pub from: u64,
}

/// Something on the timeline.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Virtual time.
    pub at: u64,
    /// What sort of thing.
    pub kind: MarkKind,
    /// An Event's reason, or what a person did.
    pub text: String,
    /// What it is about, as `pod/todo-api-x`; may be empty.
    pub object: String,
}

/// Sorts of things on the timeline, the most conspicuous first.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum MarkKind {
    /// A fault, or its repair.
    Fault,
    /// Something else that a person did.
    Deed,
    /// A warning Event.
    Warning,
    /// A normal Event.
    Normal,
}

/// One thing that two branches are compared by.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Difference {
    /// Visitors without an answer since the branches parted.
    Lost(u64, u64),
    /// A workload by name, and how it fared in each.
    Workload(String, Fared, Fared),
}

/// How a workload fared since the branches parted.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Fared {
    /// Available replicas now.
    pub available: u32,
    /// Wanted replicas now.
    pub wanted: u32,
    /// For how long it was short of pods, in virtual milliseconds.
    pub short: u64,
    /// When it last had all of them again, if it ever lacked any.
    pub back: Option<u64>,
}
