//! What page and worker say to each other: JSON text in both directions.
//!
//! JSON, because engine and page carry `serde_json` anyway, and text is the cheapest thing to post between threads.
//!
//! Two clocks run here. *Virtual time* (`now`, `at`, `until` of waits and events) is the cluster's own, in milliseconds
//! since it began. *Scene time* is that of the moving picture, in milliseconds: it stands still while the viewer pauses,
//! and the worker says when each message is to be seen on its way, so that a hop of two virtual milliseconds can take
//! long enough to be looked at.
//!
//! Places are named as in the fault vocabulary: `kube-scheduler`, `kubelet@node-1`; besides there are `you`,
//! `visitors` and `load-balancer`.

mod cause;
mod inspection;
mod map;
mod past;
mod said;
mod scene;
mod systems;
mod terminal;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use cause::{Cause, CauseKind, FieldChange};
pub use inspection::{Inspection, Link};
pub use map::{MapNames, MapNode, MapPod};
pub use past::{Branch, Difference, Fared, Mark, MarkKind, PastReply, PastRequest, Timeline};
pub use said::{Caption, Happening, Standing, Verdict, Wait, WaitKind};
pub use systems::{Broken, Container, Member, Role, Systems};
pub use terminal::{TerminalAsk, TerminalKeys, TerminalReply, TerminalRequest};

/// What the page asks of the worker. The worker says nothing before the first [`Request::Open`].
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Request {
    /// Put this cluster behind the glass in place of the present one.
    Open(Opening),
    /// Do something to the cluster; [`Reply::Outcome`] with the same number answers.
    Command {
        /// Chosen by the page.
        id: u32,
        /// What to do.
        command: Command,
    },
    /// How fast time passes.
    Pace(Pace),
    /// Tell about this object until told otherwise; `None` ends it.
    Inspect(Option<Subject>),
    /// Go back to just before the last fault.
    Rewind {
        /// A fault to strike there, instead of the one that was undone.
        then: Vec<Command>,
    },
    /// Other moments and branches.
    Past(PastRequest),
    /// The cluster as a link; [`Reply::Link`] answers.
    Share,
    /// What tells this state of the cluster from all others; [`Reply::Fingerprint`] answers.
    Fingerprint,
    /// The cluster as the server takes it, to be shared live; [`Reply::Scenario`] answers.
    Scenario,
    /// A map of the cluster begins: [`Reply::MapNames`], and from then on its numbers.
    Map,
    /// Details of these nodes of the map; [`Reply::MapClosely`] answers.
    MapClosely(Vec<u32>),
    /// Of the terminal.
    Terminal(TerminalRequest),
    /// How the cluster stands, at a glance; [`Reply::Standing`] answers.
    Standing,
}

/// What to put behind the glass.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Opening {
    /// The app that the first screen shows.
    Default,
    /// The fragment of a link that somebody sent.
    Link(String),
    /// The text of a scenario file.
    Scenario(String),
    /// A cluster that others look at, too: `id.token`, perhaps with what one wants to be called behind: `id.token.Ana`.
    Live(String),
}

/// What a person can do to the cluster.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Command {
    /// `kubectl apply` of this text.
    Apply(String),
    /// Strike with a fault: target and kind in the words of the scenario file.
    Fault {
        /// `node/node-2`, `component/kube-scheduler` …
        target: String,
        /// `PowerOff`, `Stop` …
        kind: String,
    },
    /// Undo the faults of a target.
    Repair {
        /// As in `Fault`.
        target: String,
    },
    /// Make a link slower by so many milliseconds each way.
    Slow {
        /// `link/kubelet@node-1~kube-apiserver` …
        target: String,
        /// How much.
        by: u32,
    },
    /// A kubectl command, without the leading `kubectl`.
    Kubectl(String),
    /// Delete an object.
    Delete(Subject),
}

/// How time passes for the viewer. Never part of the cluster's state.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Pace {
    /// Time stands still.
    Pause,
    /// Time passes at the chosen speed.
    Play,
    /// To the next thing that happens, and stop there.
    Step,
    /// The speed from now on.
    Speed(Speed),
    /// On until something of note happens, or until the wait with this number is over.
    Skip(Option<u32>),
}

/// How fast.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Speed {
    /// What a person caused takes its time, waits run fast, all else passes as it comes.
    #[default]
    Story,
    /// So many virtual seconds a second, in thousandths (100 to 1,000,000).
    Milli(u32),
}

/// An object, or one of the cluster's programs.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Subject {
    /// An API object.
    Object {
        /// `Pod`, `Node` …
        kind: String,
        /// Empty for kinds without.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// A program, by its place.
    Component(String),
}

impl Subject {
    /// An object by kind, namespace and name.
    pub fn object(kind: &str, namespace: &str, name: &str) -> Self {
        Self::Object { kind: kind.to_owned(), namespace: namespace.to_owned(), name: name.to_owned() }
    }

    /// The name that people use for it.
    pub fn name(&self) -> &str {
        match self {
            Self::Object { name, .. } | Self::Component(name) => name,
        }
    }
}

/// What the worker tells.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Reply {
    /// What changed since the last frame.
    Frame(Box<Frame>),
    /// What became of a command.
    Outcome {
        /// The command's number.
        id: u32,
        /// What became of it.
        outcome: Outcome,
    },
    /// About the inspected object; `None` once it is gone.
    Inspection(Option<Box<Inspection>>),
    /// About other moments and branches.
    Past(PastReply),
    /// The fragment of a link that opens this cluster elsewhere.
    Link(String),
    /// Two clusters with the same fingerprint at the same moment are the same.
    Fingerprint {
        /// Virtual time.
        at: u64,
        /// The hash of all state, in hexadecimal.
        hash: String,
    },
    /// The cluster is on its way to where it opens.
    Opening {
        /// Virtual time.
        at: u64,
        /// Where it opens.
        until: u64,
    },
    /// Another cluster takes the place of the one before.
    Opened,
    /// What is to be said of the cluster in a sentence.
    Headline(Headline),
    /// The cluster as the server takes it.
    Scenario(String),
    /// The names on the map.
    MapNames(Box<MapNames>),
    /// Nodes of the map, looked at closely.
    MapClosely(Vec<MapNode>),
    /// For the terminal.
    Terminal(TerminalReply),
    /// How the cluster stands.
    Standing(Box<Standing>),
    /// How the live session stands.
    Live(Live),
    /// The link was made by this other version: what was done is done again, and may come out otherwise.
    OtherVersion(String),
    /// The server has another version now: the page is to be loaded again.
    Outdated,
    /// The link or the scenario could not be opened.
    BadLink {
        /// Why: a name that the page has words for (`shared::session::link::LinkError::name`, `no_session`), or a sentence.
        reason: String,
        /// Whether a cluster was there before, which stays; else the default one is shown instead.
        kept: bool,
    },
}

/// A cluster that several people are in.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Live {
    /// Whether the server can be heard.
    pub connected: bool,
    /// How much of what happened before has been played, in per cent; `None` once that is all.
    pub catching_up: Option<u8>,
    /// Whether the cluster goes on here without the server, which hears of it later.
    pub apart: bool,
    /// Whether this person may act.
    pub may_act: bool,
    /// How many are here.
    pub people: u32,
    /// Whether all replicas had the same state when they were last compared; `None` before.
    pub in_sync: Option<bool>,
    /// What went wrong; empty when nothing did.
    pub problem: String,
}

/// What a command came to.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Whether all of it was done.
    pub ok: bool,
    /// What `kubectl` prints when it works.
    pub stdout: String,
    /// What `kubectl` prints when it does not.
    pub stderr: String,
    /// What is wrong with the text, and where.
    pub diagnostics: Vec<Diagnostic>,
}

/// A fault in a text. Lines and columns count from 1, columns in characters.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Diagnostic {
    /// Line and column of the first character.
    pub from: (u32, u32),
    /// Line and column after the last; `None` means the rest of the line.
    pub to: Option<(u32, u32)>,
    /// In words.
    pub message: String,
}

/// What changed since the last frame. What is empty or `None` is as before.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Frame {
    /// This is another cluster, or another past of it: forget what came before.
    pub reset: bool,
    /// Virtual time.
    pub now: u64,
    /// Scene time.
    #[serde(with = "scene")]
    pub scene: f64,
    /// How time passes.
    pub clock: Clock,
    /// Nodes, by name.
    pub nodes: Delta<Node>,
    /// Pods, by UID.
    pub pods: Delta<Pod>,
    /// Deployments and their like, by UID.
    pub workloads: Delta<Workload>,
    /// Services, by UID.
    pub services: Delta<Service>,
    /// The control plane's programs, by place.
    pub components: Delta<Component>,
    /// Messages that set out.
    pub hops: Vec<Hop>,
    /// Places whose heartbeat was heard.
    pub heartbeats: Vec<String>,
    /// Background messages a second that are not drawn singly.
    pub flow: u32,
    /// What is being waited for.
    pub waits: Option<Vec<Wait>>,
    /// What just happened, in order.
    pub captions: Vec<Caption>,
    /// The newest visitors' answers, oldest first, and how many there were in all.
    pub visitors: Option<Visitors>,
    /// Events that are new or were counted up, newest last.
    pub events: Vec<Event>,
    /// How the last fault ended.
    pub verdict: Option<Verdict>,
    /// The systems' insides.
    pub systems: Option<Box<Systems>>,
}

impl Frame {
    /// Whether nothing is to be drawn anew but the clock.
    pub fn is_still(&self) -> bool {
        let tables = self.nodes.is_empty()
            && self.pods.is_empty()
            && self.workloads.is_empty()
            && self.services.is_empty()
            && self.components.is_empty();
        tables
            && !self.reset
            && self.hops.is_empty()
            && self.heartbeats.is_empty()
            && self.captions.is_empty()
            && self.events.is_empty()
            && self.waits.is_none()
            && self.visitors.is_none()
            && self.verdict.is_none()
            && self.systems.is_none()
    }
}

/// Changes of a set of things with a key each.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Delta<T> {
    /// New or changed.
    pub set: Vec<T>,
    /// Keys of those that are gone.
    pub gone: Vec<String>,
}

impl<T> Default for Delta<T> {
    fn default() -> Self {
        Self { set: Vec::new(), gone: Vec::new() }
    }
}

impl<T> Delta<T> {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.gone.is_empty()
    }
}

/// A thing with a key.
pub trait Keyed {
    /// Unique among its kind.
    fn key(&self) -> &str;
}

/// How time passes.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Clock {
    /// Whether it passes at all.
    pub running: bool,
    /// What the viewer chose.
    pub speed: Speed,
    /// Virtual seconds a second at this moment, in thousandths.
    pub rate_milli: u32,
    /// The engine cannot keep up with the chosen speed.
    pub behind: bool,
    /// There is a fault that [`Request::Rewind`] can go back before.
    pub can_rewind: bool,
}

/// A node card.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Node {
    /// Its name.
    pub name: String,
    /// Its zone.
    pub zone: String,
    /// Whether the machine has power.
    pub power: bool,
    /// Condition Ready: `True`, `False`, `Unknown`; empty while there is no Node object.
    pub ready: String,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    /// Taints, as kubectl prints them.
    pub taints: Vec<String>,
    /// Requested and allocatable CPU in thousandths of a core.
    pub cpu_milli: (i64, i64),
    /// Requested and allocatable memory in bytes.
    pub memory: (i64, i64),
    /// How many pods it takes.
    pub max_pods: u32,
    /// Whether its kubelet runs.
    pub kubelet: bool,
    /// Whether its kube-proxy runs.
    pub kube_proxy: bool,
    /// Whether its container runtime runs.
    pub runtime: bool,
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Pod {
    /// Its UID.
    pub uid: String,
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The node it is bound to; empty before.
    pub node: String,
    /// What kubectl prints as its status.
    pub status: String,
    /// Why it failed as a whole, as `Evicted`; else empty.
    pub reason: String,
    /// What to draw.
    pub shape: PodShape,
    /// Containers that are ready, and all.
    pub ready: (u32, u32),
    /// Sum of container restarts.
    pub restarts: u32,
    /// The app label, or the name of what owns it.
    pub app: String,
    /// The name of what manages it; empty for a bare pod.
    pub owner: String,
    /// Whether the last human action brought it about.
    pub accent: bool,
    /// The UID of the workload that it belongs to in the end; empty for a bare pod.
    pub workload: String,
    /// Its containers; of very many the first.
    pub containers: Vec<Container>,
    /// Names of the ConfigMaps that it reads; of many the first.
    pub config_maps: Vec<String>,
    /// Whether a container of it ran out of memory when it last ended.
    pub oom_killed: bool,
}

/// What state a pod is drawn in.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum PodShape {
    /// Not placed, or nothing started yet.
    #[default]
    Pending,
    /// Containers are on their way.
    Starting,
    /// Running, and not ready.
    Running,
    /// Running and ready.
    Ready,
    /// Done.
    Succeeded,
    /// Something went wrong.
    Failing,
    /// On its way out.
    Terminating,
    /// Nobody can say: its node is silent.
    Unknown,
}

/// A Deployment, StatefulSet, DaemonSet or Job, or a ReplicaSet without a Deployment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Workload {
    /// Its UID.
    pub uid: String,
    /// Its kind.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Available replicas.
    pub available: u32,
    /// Wanted replicas.
    pub wanted: u32,
}

/// A Service.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Service {
    /// Its UID.
    pub uid: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// `ClusterIP`, `LoadBalancer` …
    pub kind: String,
    /// The address that clients use.
    pub address: String,
    /// UIDs of the pods behind it that take traffic; of very many the first.
    pub endpoints: Vec<String>,
    /// How many pods these are.
    pub count: u32,
}

/// A program of the control plane.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Component {
    /// Its place: `kube-scheduler`.
    pub place: String,
    /// Whether it runs.
    pub up: bool,
    /// Items in its work queues.
    pub queue: u32,
    /// etcd only: its revision.
    pub revision: u64,
    /// etcd only: how many objects it keeps.
    pub objects: u32,
    /// etcd of several members only: how many run, and how many there are.
    pub members: (u32, u32),
}

impl Component {
    /// Whether so few members run that nothing can be written any more.
    pub fn lacks_quorum(&self) -> bool {
        self.members.1 > 0 && self.members.0 <= self.members.1 / 2
    }
}

/// What says in a sentence what there is to see in a cluster.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
pub struct Headline {
    /// The scenario's name: the page has sentences for its own.
    pub name: String,
    /// The author's, by language.
    pub said: BTreeMap<String, String>,
}

/// A message on its way.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Hop {
    /// The number of its record in the trace.
    pub id: u64,
    /// The sender's place.
    pub from: String,
    /// The receiver's place.
    pub to: String,
    /// What it is: `PATCH`, `MODIFIED`, `HTTP` …
    pub label: String,
    /// The object it is about, as `pod todo-api-x`; may be empty.
    pub object: String,
    /// Scene time at which it sets out.
    #[serde(with = "scene")]
    pub start: f64,
    /// Scene time at which it arrives.
    #[serde(with = "scene")]
    pub end: f64,
    /// Whether the last human action caused it.
    pub accent: bool,
    /// A request of the app's traffic, not of the control plane.
    pub traffic: bool,
    /// It never arrives: the receiver is down.
    pub lost: bool,
}

/// What visitors got.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Visitors {
    /// Whether each of the last 20 was answered, oldest first.
    pub last: Vec<bool>,
    /// How many there were.
    pub total: u64,
    /// How many of them got no answer.
    pub lost: u64,
}

/// An Event.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// Its UID.
    pub uid: String,
    /// Virtual time at which it was last seen.
    pub at: u64,
    /// Whether it is a warning.
    pub warning: bool,
    /// Its reason.
    pub reason: String,
    /// The object.
    pub kind: String,
    /// The object's namespace.
    pub namespace: String,
    /// The object's name.
    pub name: String,
    /// In words.
    pub message: String,
    /// Who says so.
    pub source: String,
    /// How often.
    pub count: u32,
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

keyed! { Node by name, Pod by uid, Workload by uid, Service by uid, Component by place, }
