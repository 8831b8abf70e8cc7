//! What a kubelet remembers of the pods on its node.

use crate::api::core::pod::{Container, Pod, PodSpec};
use crate::api::{Key, Object, Uid};
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::{ContainerEnd, Duration, ProbeKind, Time};

/// First and longest wait before a crashed container starts again, or a failed image pull is tried again.
const FIRST_BACK_OFF: Duration = Duration::seconds(10);
const LONGEST_BACK_OFF: Duration = Duration::seconds(300);

/// A pod on this node.
#[derive(Codec, Clone, Debug, Hash)]
pub struct PodState {
    /// Its namespace and name.
    pub key: Key,
    /// Its UID.
    pub uid: Uid,
    /// How far it is.
    pub stage: PodStage,
    /// Its IPv4 address, while it has a sandbox.
    pub ip: Option<u32>,
    /// When the kubelet first saw it.
    pub start_time: Timestamp,
    /// Init containers in order, then the others, then those that were put beside them.
    pub containers: Vec<ContainerState>,
    /// How many of them are init containers.
    pub inits: u32,
    /// How many of them follow that were there from the beginning; after these come ephemeral ones.
    pub mains: u32,
    /// Since when it terminates, and when what is left is killed.
    pub terminating: Option<(Time, Time)>,
    /// Why it ended without running: reason and message.
    pub rejected: Option<(Str, Str)>,
    /// Why the kubelet itself ends it: reason and message.
    pub failed: Option<(Str, Str)>,
    /// What its volumes need.
    pub(super) volumes: super::volumes::Volumes,
    /// Whether the API has no such pod any more.
    pub gone: bool,
    /// Whether the API has its end already, so that nothing is left to report.
    pub settled: bool,
    /// CPU and memory it was admitted with.
    pub(super) requests: (i64, i64),
    /// What its containers were given, where that changed while they ran.
    pub(super) allocated: Option<Vec<Doc>>,
    /// Why they are not given what the spec says by now: reason and message.
    pub(super) unmet: Option<(&'static str, Str)>,
    /// The generation whose resources its containers are being given.
    pub(super) resizing: Option<i64>,
    /// Conditions with the moment they last changed.
    pub(super) conditions: Conditions,
    /// The status written last.
    pub(super) sent: Doc,
    /// A digest of what the last status was made from.
    pub(super) basis: u64,
    /// Whether a write is under way, and the revision that the last one made.
    pub(super) writing: bool,
    pub(super) acknowledged: u64,
    /// Whether `NetworkNotReady` was said.
    pub(super) complained: bool,
    /// Whether it had a sandbox that went with the machine's power.
    pub(super) lost: bool,
    /// Whether the API was asked to forget it.
    pub(super) asked: bool,
    /// Whether some of its volumes hold images.
    pub(super) mounts_images: bool,
}

/// The conditions that kubelets may set.
const CONDITIONS: [&str; 6] = [
    "PodReadyToStartContainers",
    "Initialized",
    "Ready",
    "ContainersReady",
    "DisruptionTarget",
    "PodResizePending",
];

/// Whether each of a pod's conditions holds, and since when that is so.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Conditions([Option<(bool, Timestamp)>; CONDITIONS.len()]);

impl Conditions {
    /// The place of a condition.
    pub fn of(&mut self, name: &str) -> &mut Option<(bool, Timestamp)> {
        let at = CONDITIONS.iter().position(|known| *known == name);
        &mut self.0[at.expect("one that kubelets set")]
    }

    /// Whether a condition holds.
    pub fn holds(&self, name: &str) -> bool {
        CONDITIONS
            .iter()
            .zip(self.0)
            .any(|(known, state)| *known == name && state.is_some_and(|(holds, _)| holds))
    }
}

/// How far a pod is.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum PodStage {
    /// It waits for the node's network.
    Waiting,
    /// Its sandbox is being made.
    Sandbox,
    /// Its containers are looked after.
    Active,
    /// Its containers are being stopped.
    Terminating,
    /// Its sandbox is being removed.
    Removing,
    /// All is gone here; the API is told.
    Deleting,
    /// It ended by itself, or was never let in.
    Done,
}

/// A container of a pod.
#[derive(Codec, Clone, Debug, Hash)]
pub struct ContainerState {
    /// Its name.
    pub name: Str,
    /// How often it was started again.
    pub restarts: u32,
    /// How far it is.
    pub stage: ContainerStage,
    /// How it ended the last time.
    pub last: Option<Box<Termination>>,
    /// Whether its startup probe has succeeded (or it has none).
    pub started: bool,
    /// Whether its readiness probe succeeds (or it has none).
    pub ready: bool,
    /// The back-off after the next crash, and when it was last used.
    pub(super) crash: BackOff,
    /// The wait before this start, if there was one: its status tells of it until it runs.
    pub(super) waited: Option<Duration>,
    /// The back-off of image pulls.
    pub(super) pull: BackOff,
    /// Failures or successes in a row, by probe.
    pub(super) probes: BTreeMap<ProbeKind, Streak>,
    /// A liveness probe is having it restarted.
    pub(super) unhealthy: bool,
    /// How the start before the last one ended.
    pub(super) before: Option<Box<Termination>>,
    /// An init container that goes on beside the others.
    pub(super) sidecar: bool,
    /// Whether it is being ended: until when, and how far that is.
    pub(super) stopping: Option<(Time, Ending)>,
    /// What it runs, or was last to run; empty before its turn came.
    pub(super) image: Str,
    /// It starts again as soon as it has ended, whatever the restart policy says.
    pub(super) anew: bool,
    /// Its last start came to nothing, because its `postStart` hook failed.
    pub(super) hook_failed: bool,
}

/// How far a container is.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub enum ContainerStage {
    /// Its turn has not come.
    Created,
    /// An image that it needs is being pulled.
    Pulling {
        /// Since when.
        since: Time,
        /// Which: those of the pod's volumes come before its own.
        which: u32,
    },
    /// An image that it needs cannot be had.
    PullFailed {
        /// Which.
        which: u32,
        /// `ErrImagePull`, `ImagePullBackOff`, `ErrImageNeverPull`, `InvalidImageName`.
        reason: &'static str,
        /// In words.
        message: Str,
        /// Since when, and when it is tried again.
        since: Time,
        /// When it is tried again.
        until: Time,
    },
    /// Its ConfigMaps and Secrets are being read: how many answers are missing.
    Configuring(u32),
    /// Its environment cannot be composed.
    ConfigFailed {
        /// In words.
        message: Str,
        /// Since when.
        since: Time,
        /// When it is tried again.
        until: Time,
    },
    /// The runtime starts it.
    Starting {
        /// Since when.
        since: Time,
    },
    /// It runs.
    Running {
        /// Since when.
        since: Time,
    },
    /// It has ended and stays so, or is about to start again.
    Exited,
    /// It has ended and waits before it starts again.
    BackOff {
        /// The length of the wait.
        wait: Duration,
        /// Since when.
        since: Time,
        /// When it starts again.
        until: Time,
    },
}

/// How far the end of a container is.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Ending {
    /// Its `preStop` hook runs.
    Hook,
    /// It waits for those that may need it.
    Turn,
    /// The runtime was asked.
    Asked,
}

/// How a container ended.
#[derive(Codec, Clone, PartialEq, Eq, Hash, Debug)]
pub struct Termination {
    /// Its exit code.
    pub exit_code: i32,
    /// `Completed`, `Error` …
    pub reason: &'static str,
    /// When it came up.
    pub started: Timestamp,
    /// When it ended.
    pub finished: Timestamp,
    /// Its ID.
    pub id: Str,
    /// What it left to say.
    pub message: Str,
    /// When it ended.
    pub at: Time,
}

impl Termination {
    /// What a runtime tells of an end.
    pub(super) fn of(
        end: &ContainerEnd,
        id: Str,
        (started, finished): (Timestamp, Timestamp),
        at: Time,
    ) -> Termination {
        let reason = match end.exit_code {
            _ if end.out_of_memory => "OOMKilled",
            0 => "Completed",
            _ => "Error",
        };
        Termination {
            exit_code: end.exit_code,
            reason,
            started,
            finished,
            id,
            message: end.message.clone(),
            at,
        }
    }
}

/// Waits that double: 10 s, 20 s, 40 s … 300 s.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct BackOff {
    current: Option<Duration>,
    updated: Time,
}

/// A probe's results in a row.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub(super) struct Streak {
    pub ok: bool,
    pub count: u32,
    /// When the first of them came, and when the last one comes that it takes to decide something.
    pub since: Time,
    pub until: Time,
}

impl BackOff {
    /// How long to wait after a failure at `at`. client-go's `flowcontrol.Backoff`, as the kubelet uses it: the
    /// first failure costs nothing, and one that comes long after the last starts from the beginning.
    pub fn after_crash(&mut self, at: Time) -> Option<Duration> {
        match self.current {
            Some(wait) if at.since(self.updated) <= LONGEST_BACK_OFF * 2 => {
                self.updated = at;
                self.current = Some((wait * 2).min(LONGEST_BACK_OFF));
                Some(wait)
            }
            _ => {
                self.updated = at;
                self.current = Some(FIRST_BACK_OFF);
                None
            }
        }
    }

    /// How long to wait after a failed pull: longer each time.
    pub fn after_pull(&mut self) -> Duration {
        let wait = self.current.map_or(FIRST_BACK_OFF, |wait| (wait * 2).min(LONGEST_BACK_OFF));
        self.current = Some(wait);
        wait
    }

    /// Begins from the beginning.
    pub fn reset(&mut self) {
        *self = BackOff::default();
    }
}

impl ContainerState {
    pub(super) fn new(name: Str) -> ContainerState {
        ContainerState {
            name,
            restarts: 0,
            stage: ContainerStage::Created,
            last: None,
            started: false,
            ready: false,
            crash: BackOff::default(),
            waited: None,
            pull: BackOff::default(),
            probes: BTreeMap::new(),
            unhealthy: false,
            before: None,
            sidecar: false,
            stopping: None,
            image: Str::new(),
            anew: false,
            hook_failed: false,
        }
    }

    /// Whether the kubelet is about to start it: its image, its environment, its program and the hook after that.
    pub(super) fn is_being_started(&self) -> bool {
        use ContainerStage::{Configuring, Pulling, Starting};
        matches!(self.stage, Pulling { .. } | Configuring(_) | Starting { .. })
    }

    /// Whether its pod's spec has named another image since.
    pub(super) fn is_outdated(&self, spec: &Container) -> bool {
        !self.image.is_empty() && self.image != spec.image
    }

    /// It ended.
    pub(super) fn ended(&mut self, end: Termination) {
        self.before = self.last.replace(Box::new(end));
        self.stage = match std::mem::take(&mut self.anew) {
            true => ContainerStage::Created,
            false => ContainerStage::Exited,
        };
        self.stopping = None;
        (self.started, self.ready) = (false, false);
    }

    /// Whether it did its work, or for a sidecar whether it is up: then the next one's turn has come.
    pub(super) fn passed(&self) -> bool {
        if self.sidecar {
            return self.started && matches!(self.stage, ContainerStage::Running { .. });
        }
        self.has_exited() && self.last.as_ref().is_some_and(|last| last.exit_code == 0)
    }

    /// Whether it was ever started.
    pub(super) fn begun(&self) -> bool {
        self.last.is_some() || self.is_live()
    }

    /// Whether the runtime has something of it that runs or will.
    pub fn is_live(&self) -> bool {
        matches!(self.stage, ContainerStage::Starting { .. } | ContainerStage::Running { .. })
    }

    /// Whether it ended and is not going to be started at once.
    pub fn has_exited(&self) -> bool {
        matches!(self.stage, ContainerStage::Exited)
    }

    /// Whether it is on its way to another start, of which its status says nothing before it runs.
    pub(super) fn starts_again(&self) -> bool {
        let under_way = matches!(
            self.stage,
            ContainerStage::Pulling { .. } | ContainerStage::Configuring(_) | ContainerStage::Starting { .. }
        );
        under_way && self.last.as_ref().is_some_and(|last| last.reason != "StartError")
    }
}

impl PodState {
    /// A pod that is new to this kubelet.
    pub(super) fn new(object: &Object, pod: &Pod, now: Timestamp) -> PodState {
        let all = pod.spec.init_containers.iter().map(|init| (init, is_sidecar(init)));
        let others = pod.spec.containers.iter().chain(&pod.spec.ephemeral_containers);
        let all = all.chain(others.map(|container| (container, false)));
        PodState {
            key: object.key.clone(),
            uid: object.meta.uid,
            stage: PodStage::Waiting,
            ip: None,
            start_time: object.body["status"]["startTime"].as_time().unwrap_or(now.floor_seconds()),
            containers: all
                .map(|(container, sidecar)| ContainerState {
                    sidecar,
                    ..ContainerState::new(container.name.clone())
                })
                .collect(),
            inits: pod.spec.init_containers.len() as u32,
            mains: pod.spec.containers.len() as u32,
            terminating: None,
            rejected: None,
            failed: None,
            volumes: super::volumes::Volumes::default(),
            gone: false,
            settled: false,
            requests: (pod.spec.cpu_milli, pod.spec.memory),
            allocated: None,
            resizing: None,
            unmet: None,
            conditions: Conditions::default(),
            sent: Doc::Null,
            basis: 0,
            writing: false,
            acknowledged: 0,
            complained: false,
            lost: false,
            asked: false,
            mounts_images: object.body["spec"]["volumes"].items().iter().any(|it| !it["image"].is_null()),
        }
    }

    /// Its init containers.
    pub fn init_containers(&self) -> &[ContainerState] {
        &self.containers[..self.inits as usize]
    }

    /// Its other containers.
    pub fn main_containers(&self) -> &[ContainerState] {
        &self.containers[self.inits as usize..(self.inits + self.mains) as usize]
    }

    /// Whether every init container has done its work. What came after it shows that it once was so.
    pub fn initialized(&self) -> bool {
        self.main_containers().iter().any(ContainerState::begun)
            || (0..self.inits).all(|index| self.has_passed(index))
    }

    /// Whether the containers behind an init container need not wait for it: what has begun of them shows that they once
    /// needed not, whatever became of a sidecar since.
    pub fn has_passed(&self, index: u32) -> bool {
        let (own, later) = self.init_containers()[index as usize..].split_first().expect("it is one of them");
        own.passed() || own.sidecar && own.last.is_some() && later.iter().any(ContainerState::begun)
    }

    /// Whether others still run that a sidecar is there for: the main containers, and sidecars that began after it.
    pub(super) fn is_needed(&self, index: u32) -> bool {
        let (inits, mains) = (self.inits as usize, self.mains as usize);
        let later = &self.containers[index as usize + 1..inits.max(index as usize + 1)];
        let mut others =
            later.iter().filter(|other| other.sidecar).chain(&self.containers[inits..inits + mains]);
        self.containers[index as usize].sidecar && others.any(ContainerState::is_live)
    }

    pub(super) fn position(&self, container: &str) -> Option<u32> {
        self.containers.iter().position(|state| state.name == container).map(|at| at as u32)
    }

    pub(super) fn at(&mut self, index: u32) -> &mut ContainerState {
        &mut self.containers[index as usize]
    }

    /// Whether a container was put beside the others while the pod ran.
    pub fn is_ephemeral(&self, index: u32) -> bool {
        index >= self.inits + self.mains
    }

    /// Whether nothing of it runs.
    pub fn quiet(&self) -> bool {
        !self.containers.iter().any(ContainerState::is_live)
    }
}

/// The container of a spec at a [`PodState`]'s index.
pub(super) fn spec_at(spec: &PodSpec, index: u32) -> &Container {
    let inits = spec.init_containers.len() as u32;
    if index < inits {
        return &spec.init_containers[index as usize];
    }
    let (rest, mains) = ((index - inits) as usize, spec.containers.len());
    if rest < mains { &spec.containers[rest] } else { &spec.ephemeral_containers[rest - mains] }
}

/// Whether a container that ended with an exit code is to run again: by its own rules, by its own policy, by that of its
/// pod. An init container that did its work never is.
pub(super) fn runs_again(spec: &PodSpec, index: u32, code: i32) -> bool {
    let container = spec_at(spec, index);
    if code == 0 && (index as usize) < spec.init_containers.len() {
        return is_sidecar(container);
    }
    let own = &container.doc["restartPolicy"];
    let is_meant = |rule: &Doc| {
        let codes = &rule["exitCodes"];
        let is_listed = codes["values"].items().iter().any(|listed| listed.as_i64() == Some(code.into()));
        rule["action"].as_str() == Some("Restart")
            && match codes["operator"].as_str() {
                Some("In") => is_listed,
                Some("NotIn") => !is_listed,
                _ => false,
            }
    };
    if !own.is_null() && container.doc["restartPolicyRules"].items().iter().any(is_meant) {
        return true;
    }
    match own.as_str().unwrap_or(&spec.restart_policy) {
        "Always" => true,
        "OnFailure" => code != 0,
        _ => false,
    }
}

/// Whether an init container goes on beside the others.
pub(super) fn is_sidecar(container: &Container) -> bool {
    container.doc["restartPolicy"].as_str() == Some("Always")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crashes_wait_ever_longer_and_long_runs_are_forgiven() {
        let mut back_off = BackOff::default();
        let mut at = Time::ZERO;
        let mut waits = Vec::new();
        for _ in 0..8 {
            at += Duration::seconds(5);
            let wait = back_off.after_crash(at).map_or(0, Duration::as_seconds);
            waits.push(wait);
            at += Duration::seconds(wait);
        }
        assert_eq!(waits, [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(back_off.after_crash(at + Duration::seconds(601)), None);
    }
}
