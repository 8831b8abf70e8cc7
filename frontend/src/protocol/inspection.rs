//! What the inspector shows of one subject.

use serde::{Deserialize, Serialize};

use super::{Cause, Event};

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
    pub causes: Vec<Cause>,
    /// For a program: what it lately did and heard.
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
