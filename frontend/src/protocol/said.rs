//! What can be said about what happens: named waits, captions, the measured end of a fault. The page finds the words.

use serde::{Deserialize, Serialize};

use super::{Broken, Command, Subject};

/// A named wait.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wait {
    /// Distinguishes it from all others.
    pub id: u32,
    /// What for.
    pub kind: WaitKind,
    /// The node, pod or container that waits.
    pub object: String,
    /// Its kind.
    pub of: String,
    /// Its namespace.
    pub namespace: String,
    /// Virtual time at which it began.
    pub since: u64,
    /// Virtual time at which it ends.
    pub until: u64,
}

impl Wait {
    /// Whether it is this that waits.
    pub fn is_of(&self, subject: Option<&Subject>) -> bool {
        matches!(subject, Some(Subject::Object { kind, namespace, name })
            if *kind == self.of && *namespace == self.namespace && *name == self.object)
    }
}

/// The waits that have a name.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum WaitKind {
    /// Until a silent node counts as lost.
    NodeGracePeriod,
    /// Until pods leave a tainted node.
    Toleration,
    /// Until the node controller's rate limit lets the next node's pods go.
    EvictionRate,
    /// Until a drain asks again for what a disruption budget did not let go.
    Disruption,
    /// Until a pod that is being deleted is killed.
    TerminationGrace,
    /// Until a crashed container is started again.
    CrashLoopBackOff,
    /// Until an image is asked for again.
    ImagePullBackOff,
    /// Until a missing ConfigMap or Secret is looked for again.
    ConfigRetry,
    /// Until a volume that could not be set up is tried again.
    MountRetry,
    /// Until a container that was not up in time, as its startup probe says, is started again.
    StartupProbe,
    /// Until a container whose liveness probe fails is started again.
    LivenessProbe,
    /// Until a container whose readiness probe fails counts as not ready.
    ReadinessProbe,
    /// Until a container is asked for the first time whether it is ready.
    ProbeDelay,
    /// Until another may lead in the place of a program that is down.
    LeaderLease,
    /// Until a pod that the scheduler failed to place is tried again.
    SchedulerBackOff,
    /// Until a Job replaces pods that failed.
    JobBackOff,
    /// Until a pod that is ready counts as available.
    MinReadySeconds,
    /// Until what is left in a namespace is looked at again.
    NamespaceDeletion,
    /// Until a finished Job is removed.
    TtlAfterFinished,
    /// Until a pod that fits nowhere is tried again, even if nothing happened meanwhile.
    Unschedulable,
    /// Until a rollout counts as stuck.
    ProgressDeadline,
    /// Until a Job or pod that still runs is ended.
    ActiveDeadline,
    /// Until a drain gives up.
    DrainTimeout,
    /// Until a CronJob makes its next Job.
    NextRun,
}

impl WaitKind {
    /// Whether something is held up by it. A pod that is told to go is not waited for: its successor is on the way
    /// already. A deadline is there to pass unnoticed, a clock goes on for ever, and who fits nowhere waits for something
    /// else.
    pub fn holds(self) -> bool {
        self < Self::TtlAfterFinished && self != Self::TerminationGrace
    }
}

/// Something that just happened, for people. The page finds the words.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Caption {
    /// Virtual time.
    pub at: u64,
    /// What.
    pub what: Happening,
    /// Whether the last human action caused it.
    pub accent: bool,
}

/// What a caption tells.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields are named for what they hold")]
pub enum Happening {
    /// A machine lost its power, and the control plane has not noticed.
    PowerOff { node: String },
    /// A machine has power again.
    PowerOn { node: String },
    /// The node controller gave a node up.
    NodeLost { node: String },
    /// A node reports again.
    NodeBack { node: String },
    /// Pods of a lost node are tolerated for so long (milliseconds).
    Tolerated { node: String, pods: u32, wait: u64 },
    /// A node takes no new pods.
    Cordoned { node: String },
    /// A pod is being removed from its node.
    Evicted { pod: String, node: String },
    /// A disruption budget lets no pod go: it needs so many healthy ones, and so many there are.
    HeldUp { budget: String, needed: u32, healthy: u32 },
    /// A drain ended without having emptied its node, in kubectl's words.
    DrainFailed { node: String, why: String },
    /// A pod has to make room for another, of a higher priority.
    Preempted { pod: String, by: String, node: String },
    /// A controller made a pod.
    PodCreated { pod: String, owner: String },
    /// The scheduler chose a node.
    PodPlaced { pod: String, node: String },
    /// The scheduler finds no node.
    PodUnplaced { pod: String, why: String },
    /// A pod answers.
    PodReady { pod: String, node: String },
    /// A pod fails: kubectl's word for it.
    PodFailing { pod: String, status: String },
    /// A pod is gone.
    PodGone { pod: String },
    /// A program stopped.
    Stopped { place: String },
    /// A program runs again.
    Started { place: String },
    /// Of etcd's members too few run.
    QuorumLost { up: u32, all: u32 },
    /// A Service has other pods behind it now.
    Endpoints { service: String, count: u32 },
    /// A Deployment or Service is new.
    Created { kind: String, name: String },
    /// A Deployment wants another number of pods.
    Scaled { name: String, from: u32, to: u32 },
    /// Something was broken that no other of these tells.
    Struck(Broken),
    /// It is so no more.
    Mended(Broken),
    /// A skip found nothing in so much time (milliseconds).
    Quiet { time: u64 },
}

impl Happening {
    /// Whether a viewer would want to have seen it.
    pub fn of_note(&self) -> bool {
        !matches!(self, Self::PodGone { .. })
    }
}

/// The measured end of a fault.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Verdict {
    /// The app, by its UID.
    pub workload: String,
    /// Virtual time at which it is back.
    pub at: u64,
    /// How many of it are back.
    pub replicas: u32,
    /// Virtual milliseconds from the fault.
    pub took: u64,
    /// Visitors without an answer in that time.
    pub lost: u64,
    /// What strikes so again; of a fault that nobody here struck, nothing.
    pub again: Option<Command>,
    /// Where the time went: named waits and their length in milliseconds, in order. The rest is work.
    pub waits: Vec<(WaitKind, u64)>,
}

/// How the cluster stands, in as few letters as a thumbnail needs.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Virtual time.
    pub at: u64,
    /// What the scenario expects, by id, and whether that was met once this is certain.
    pub objectives: Vec<(String, Option<bool>)>,
    /// Each node: its name, a letter for its state, and one for each pod on it.
    pub nodes: Vec<(String, char, String)>,
    /// A letter for each pod without a node.
    pub waiting: String,
}
