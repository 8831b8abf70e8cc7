//! Why something is as it is: hops from what a person did to what is there.

use serde::{Deserialize, Serialize};

use super::{Link, Subject};

/// One readable hop: who acted, on what, and what came of it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cause {
    /// Virtual time.
    pub at: u64,
    /// The place of who acted.
    pub place: String,
    /// What was done.
    pub kind: CauseKind,
    /// To which object.
    pub subject: Option<Subject>,
    /// For the sake of which other one.
    pub sake: Option<Subject>,
    /// Reasons and words of decisions and Events behind it.
    pub notes: Vec<(String, String)>,
    /// The revision that it made.
    pub revision: Option<u64>,
    /// What that revision changed.
    pub changes: Vec<FieldChange>,
    /// The messages themselves.
    pub raw: Vec<Link>,
}

impl Cause {
    /// The hop behind an Event of this reason at `at`: of several the nearest one.
    pub fn behind<'a>(causes: &'a [Self], reason: &str, at: u64) -> Option<&'a Self> {
        let said = causes.iter().filter(|cause| cause.notes.iter().any(|(noted, _)| noted == reason));
        said.min_by_key(|cause| cause.at.abs_diff(at))
    }
}

/// What a hop amounts to.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum CauseKind {
    /// A person asked for it.
    Asked,
    /// A person broke or mended something.
    Broken,
    /// An object was made.
    Made,
    /// The scheduler gave a pod to a node.
    Placed,
    /// The scheduler found no node for a pod.
    Unplaced,
    /// A pod got its sandbox, and an address in it.
    Sandboxed,
    /// A pod got no sandbox.
    SandboxFailed,
    /// An image was pulled.
    Pulled,
    /// An image could not be pulled.
    PullFailed,
    /// A container was started.
    Started,
    /// A container could not be started.
    StartFailed,
    /// A container was probed.
    Probed,
    /// The runtime did something else for a pod.
    Ran,
    /// A status was reported.
    Reported,
    /// A Service sends requests to it.
    Served,
    /// Something else was changed.
    Changed,
    /// A Job waits before it makes another pod.
    BackedOff,
    /// A pod or a Job has failed.
    Failed,
    /// A pod has to make room for another.
    Preempted,
    /// An object is to go.
    Going,
    /// An object was removed.
    Removed,
    /// A program went down or came back.
    Struck,
    /// Something was noticed or decided, and nothing written.
    #[default]
    Noticed,
}

impl CauseKind {
    /// Whether a runtime was called.
    pub fn is_a_call(self) -> bool {
        use CauseKind::{Probed, PullFailed, Pulled, Ran, SandboxFailed, Sandboxed, StartFailed, Started};
        matches!(self, Sandboxed | SandboxFailed | Pulled | PullFailed | Started | StartFailed | Probed | Ran)
    }
}

/// A field that a revision changed, as JSON; what was not there is empty.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FieldChange {
    /// The field's path.
    pub path: String,
    /// Before.
    pub old: String,
    /// After.
    pub new: String,
}
