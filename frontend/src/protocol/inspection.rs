//! What is told of one object or of one fault, when somebody asks.

use serde::{Deserialize, Serialize};

use super::*;

/// The measured end of a fault.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// The app.
    pub name: String,
    /// How many of it are back.
    pub replicas: u32,
    /// Virtual milliseconds from the fault.
    pub took: u64,
    /// Visitors without an answer in that time.
    pub lost: u64,
    /// What was struck.
    pub target: String,
    /// Where the time went: named waits and their length in milliseconds, in order. The rest is work.
    pub waits: Vec<(WaitKind, u64)>,
}

/// Everything the inspector shows of one subject.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Inspection {
    /// The kind, or empty for a program.
    pub kind: String,
    /// Its namespace, if any.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Short facts: API field and value.
    pub facts: Vec<(String, String)>,
    /// The whole object.
    pub yaml: String,
    /// Its events, newest last.
    pub events: Vec<Event>,
    /// For a pod: what the scheduler made of each node.
    pub placement: Option<Placement>,
    /// Why it is as it is, first cause first.
    pub chain: Vec<Link>,
}

/// One attempt of the scheduler.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Placement {
    /// Virtual time of the attempt.
    pub at: u64,
    /// The chosen node; empty when there was none.
    pub chosen: String,
    /// Several nodes came out equal, and this one was drawn.
    pub drawn: bool,
    /// Score plugins that told the nodes apart.
    pub plugins: Vec<String>,
    /// A row for each node.
    pub rows: Vec<PlacementRow>,
}

/// What the scheduler made of one node.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PlacementRow {
    /// The node.
    pub node: String,
    /// Why it cannot take the pod; empty when it can.
    pub refusal: String,
    /// Weighted scores, in the order of `plugins`.
    pub scores: Vec<i64>,
    /// Sum of all weighted scores.
    pub total: i64,
}

/// One step of a causal chain.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Link {
    /// Virtual time.
    pub at: u64,
    /// Who.
    pub who: String,
    /// What, in the words of the API: `POST`, `Scheduled` …
    pub what: String,
    /// About what; may be empty.
    pub object: String,
    /// In words; may be empty.
    pub text: String,
}

macro_rules! keyed {
    ($($name:ident by $field:ident,)*) => {
        $(impl Keyed for $name {
            fn key(&self) -> &str {
                &self.$field
            }
        })*
    };
}
