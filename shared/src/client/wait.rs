//! Named waits: why nothing happens right now, and until when.

use crate::api::Key;
use crate::sim::Time;

/// A component waits on purpose.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wait {
    /// When it is over, unless something else happens first.
    pub until: Time,
    /// When it began.
    pub since: Time,
    /// What it is, as a name the page translates: `nodeGracePeriod`, `toleration`, `crashLoopBackOff` …
    pub name: &'static str,
    /// What it is about.
    pub object: Key,
}
