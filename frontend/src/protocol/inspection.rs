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
    /// Why it is as it is, first cause first.
    pub causes: Vec<Cause>,
    /// For a program: what it lately did and heard.
    pub chain: Vec<Link>,
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
