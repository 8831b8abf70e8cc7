//! Containers as a runtime sees them: small simulated programs.

use std::sync::Arc;

use crate::api::Key;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc::{Doc, Str, Timestamp};
use crate::sim::{ContainerEnd, DnsConfig, Duration, Time};

use super::shell::{Files, Mount};
use super::{ImageSpec, Log};

/// How many bytes an argument or a variable of a process may have, as in Linux.
pub const LONGEST_ARGUMENT: usize = 128 << 10;

/// Exit code of a process ended by SIGKILL.
pub const KILLED: i32 = 137;

/// A pod's sandbox and what runs in it.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Sandbox {
    /// The pod.
    pub key: Key,
    /// Its IPv4 address.
    pub ip: u32,
    /// How it looks up names; `None` when as most pods do.
    pub dns: Option<Arc<DnsConfig>>,
    /// The newest start of each container, in the order of first starts.
    pub containers: Vec<Container>,
    /// The pod's spec.
    pub spec: Doc,
    /// Since when it is there.
    pub(super) since: Timestamp,
    /// What its volumes hold.
    pub(super) volumes: BTreeMap<Str, Files>,
    /// When the first of the tokens in its volumes is to be made anew, in seconds since 1970; 0 before there are any.
    pub(super) renewal: u32,
    /// Whether it may take so much of the disk only, and then whether it has taken more.
    pub(super) over: Option<bool>,
}

/// One start of a container.
#[derive(Codec, Clone, Debug, Hash)]
pub struct Container {
    /// Its name in the pod.
    pub name: Str,
    /// The image reference, as the pod has it.
    pub image: Str,
    /// Which start it is, from 0.
    pub attempt: u32,
    /// Ties timers to this very start.
    pub number: u64,
    /// How far it is.
    pub stage: Stage,
    /// Its environment.
    pub env: Arc<Vec<(Str, Str)>>,
    /// What its command line makes of the image's program.
    pub program: Program,
    /// What it wrote, oldest first.
    pub log: Log,
    /// What the start before this one wrote.
    pub previous_log: Option<Box<Log>>,
    /// Requests that it sends, when its program is a client.
    pub client: Option<Box<super::Caller>>,
    /// The container as the pod's spec has it.
    pub doc: Doc,
    /// Since when the image's own program runs; it answers requests.
    pub(super) own_since: Option<Time>,
    /// The programs that run in it, its first one before the others.
    pub(super) tasks: Vec<u64>,
    /// The number of the newest process.
    pub(super) last_pid: u32,
    /// What was written in it.
    pub(super) layer: Files,
    pub(super) mounts: Arc<Vec<Mount>>,
    /// What faults did to it; most are spared.
    pub(super) struck: Option<Box<Struck>>,
    /// The memory that was last counted for it.
    pub(super) counted: u64,
    /// How it ended, once it has.
    pub end: ContainerEnd,
    /// What the requests that it answered cost, in nanoseconds of CPU time, and until when its limit lets it work on them.
    pub(super) spent_nanos: u64,
    pub(super) busy_until: Time,
}

/// What faults did to a container.
#[derive(Codec, Clone, Copy, Debug, Hash, Default)]
pub(super) struct Struck {
    /// Memory that something else than its programs holds.
    pub filled: u64,
    /// Whether its probes fail, whatever it does.
    pub probes_fail: bool,
    /// Whether it keeps a core busy for nothing.
    pub burning: bool,
    /// How many cores its programs keep busy.
    pub cores: u32,
    /// Since when that is so.
    pub since: Time,
    /// CPU time that it burnt so before, in nanoseconds.
    pub burnt_nanos: u64,
}

/// How far a container is.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Stage {
    /// Not up yet.
    Starting {
        /// When it will be.
        until: Time,
    },
    /// Up.
    Running {
        /// Since when.
        since: Time,
        /// When it ends by itself.
        exit: Option<Time>,
        /// When it ends because it was asked to, and with which code.
        stop: Option<(Time, i32)>,
    },
    /// Ended.
    Exited {
        /// When it came up.
        started: Time,
        /// When it ended.
        at: Time,
        /// How.
        code: i32,
    },
}

/// When a program ends by itself and how.
#[derive(Codec, Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Program {
    /// After how long; never when unset.
    pub exit_after: Option<Duration>,
    /// With which code.
    pub exit_code: i32,
}

/// What keeps one core busy, in thousandths of a core.
const ONE_CORE: u64 = 1000;
/// How much work may wait for a container's CPU time.
const MOST_WAITING: Duration = Duration::seconds(1);

impl Container {
    /// One start of the container that a pod's spec has as `doc`.
    pub(super) fn new(number: u64, name: Str, image: Str, doc: Doc) -> Container {
        Container {
            name,
            image,
            attempt: 0,
            number,
            stage: Stage::Starting { until: Time::ZERO },
            env: Arc::default(),
            program: Program { exit_after: None, exit_code: 0 },
            log: Log::default(),
            previous_log: None,
            client: None,
            doc,
            own_since: None,
            tasks: Vec::new(),
            last_pid: 1,
            layer: Files::default(),
            mounts: Arc::default(),
            struck: None,
            counted: 0,
            end: ContainerEnd::default(),
            spent_nanos: 0,
            busy_until: Time::ZERO,
        }
    }

    /// What faults did to it.
    pub(super) fn struck(&self) -> Struck {
        self.struck.as_deref().copied().unwrap_or_default()
    }

    /// The same, to be changed.
    pub(super) fn strike(&mut self) -> &mut Struck {
        self.struck.get_or_insert_default()
    }

    /// It takes the place of an earlier start. What was broken stays so until it is mended.
    pub(super) fn succeed(&mut self, old: &mut Container, now: Time) {
        self.previous_log = Some(Box::new(std::mem::take(&mut old.log)));
        self.struck = old.struck.take().map(|mut struck| {
            (struck.cores, struck.since, struck.burnt_nanos) = (0, now, 0);
            struck
        });
    }

    /// `resources.limits.cpu`, in thousandths of a core.
    fn cpu_limit(&self) -> Option<u64> {
        let limit = &self.doc["resources"]["limits"]["cpu"];
        (!limit.is_null()).then(|| u64::try_from(crate::api::milli(limit)).unwrap_or(0))
    }

    /// It answers a request, which costs CPU time. What its limit does not let it have now it has later, and what would
    /// wait for too long never: it answers at once all the same.
    pub(super) fn works(&mut self, spec: &ImageSpec, now: Time) {
        let cost = spec.request_cpu.0;
        if let Some(share) = self.for_requests(spec) {
            if self.busy_until.since(now) > MOST_WAITING {
                return;
            }
            self.busy_until = self.busy_until.max(now) + Duration((cost * ONE_CORE).div_ceil(share));
        }
        self.spent_nanos = self.spent_nanos.saturating_add(cost * 1_000_000);
    }

    /// What its limit leaves for requests, beside what its program uses at rest.
    fn for_requests(&self, spec: &ImageSpec) -> Option<u64> {
        self.cpu_limit().map(|limit| limit.saturating_sub(spec.cpu_milli.into()).max(1))
    }

    /// CPU time that requests have cost by now, in nanoseconds.
    pub(super) fn worked(&self, spec: &ImageSpec, now: Time) -> u64 {
        let waiting = self.for_requests(spec).map_or(0, |share| self.busy_until.since(now).0 * share * 1000);
        self.spent_nanos.saturating_sub(waiting)
    }

    /// CPU time that a fault or programs that never rest made it burn, in nanoseconds.
    pub(super) fn burnt_for_nothing(&self, now: Time) -> u64 {
        let Struck { burning, cores, since, burnt_nanos, .. } = self.struck();
        let busy = (u64::from(cores) + u64::from(burning)) * ONE_CORE;
        if busy == 0 {
            return burnt_nanos;
        }
        burnt_nanos + self.cpu_limit().unwrap_or(busy).min(busy) * now.since(since).0 * 1000
    }

    /// Something changes what it burns from now on.
    pub(super) fn burns(&mut self, now: Time, change: impl FnOnce(&mut Struck)) {
        let burnt_nanos = self.burnt_for_nothing(now);
        let struck = self.strike();
        (struck.since, struck.burnt_nanos) = (now, burnt_nanos);
        change(struck);
    }

    /// Whether it is up.
    pub fn running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    /// Whether it has ended.
    pub fn exited(&self) -> bool {
        matches!(self.stage, Stage::Exited { .. })
    }

    /// Whether the image's own program is up and has got itself ready to answer.
    pub fn answers(&self, spec: &ImageSpec, now: Time) -> bool {
        self.running() && self.own_since.is_some_and(|since| now >= since + spec.ready_delay)
    }

    /// The value of an environment variable.
    pub fn variable(&self, name: &str) -> Option<&Str> {
        self.env.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }
}

impl Sandbox {
    /// The newest start of a container.
    pub fn container(&self, name: &str) -> Option<&Container> {
        self.containers.iter().find(|container| container.name == name)
    }

    pub(super) fn container_mut(&mut self, name: &str) -> Option<&mut Container> {
        self.containers.iter_mut().find(|container| container.name == name)
    }
}
