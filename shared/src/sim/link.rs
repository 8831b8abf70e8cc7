//! The ways between processes and what is wrong with them.

use super::{Duration, Process};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};

/// One end of a link.
#[derive(Codec, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum End {
    /// Everything on a machine.
    Machine(u32),
    /// One process.
    Process(Process),
}

/// The faults of the network: cut and slow links, and machines cut off.
#[derive(Codec, Clone, Hash, Debug, Default)]
pub struct Links {
    isolated: BTreeSet<u32>,
    cut: BTreeSet<(End, End)>,
    slow: BTreeMap<(End, End), Duration>,
    /// The first of the machines that bear the control plane, if the cluster's own do.
    control_plane: Option<u32>,
}

impl Links {
    /// From now on the machines from `first` on bear the control plane's programs.
    pub fn set_control_plane(&mut self, first: u32) {
        self.control_plane = Some(first);
    }

    /// Which member of the control plane a machine bears.
    pub fn member_on(&self, machine: u32) -> Option<u32> {
        machine.checked_sub(self.control_plane?)
    }

    /// The machine that a process runs on; `None` for what runs on none of the cluster's.
    pub fn machine_of(&self, process: Process) -> Option<u32> {
        match process {
            Process::Etcd(member)
            | Process::ApiServer(member)
            | Process::ControllerManager(member)
            | Process::Scheduler(member) => Some(self.control_plane? + member),
            other => other.machine(),
        }
    }

    /// Cuts a machine off from everything that does not run on it, or joins it again.
    pub fn isolate(&mut self, machine: u32, isolated: bool) {
        if isolated {
            self.isolated.insert(machine);
        } else {
            self.isolated.remove(&machine);
        }
    }

    /// Cuts the link between two ends, or mends it.
    pub fn cut(&mut self, a: End, b: End, cut: bool) {
        let pair = if a <= b { (a, b) } else { (b, a) };
        if cut {
            self.cut.insert(pair);
        } else {
            self.cut.remove(&pair);
        }
    }

    /// Makes the link between two ends slower by `delay` each way; zero mends it.
    pub fn slow(&mut self, a: End, b: End, delay: Duration) {
        let pair = if a <= b { (a, b) } else { (b, a) };
        if delay == Duration::ZERO {
            self.slow.remove(&pair);
        } else {
            self.slow.insert(pair, delay);
        }
    }

    /// The links that are cut.
    pub fn cuts(&self) -> impl Iterator<Item = (End, End)> {
        self.cut.iter().copied()
    }

    /// The links that are slow, and by how much.
    pub fn delays(&self) -> impl Iterator<Item = (End, End, Duration)> {
        self.slow.iter().map(|(&(a, b), &by)| (a, b, by))
    }

    /// Whether a machine is cut off.
    pub fn is_isolated(&self, machine: u32) -> bool {
        self.isolated.contains(&machine)
    }

    /// Whether a message can cross from `a` to `b` now.
    pub fn open(&self, a: Process, b: Process) -> bool {
        if self.isolated.is_empty() && self.cut.is_empty() {
            return true;
        }
        let (machine_a, machine_b) = (self.machine_of(a), self.machine_of(b));
        if machine_a == machine_b && machine_a.is_some() {
            return true;
        }
        let isolated = |machine: Option<u32>| machine.is_some_and(|machine| self.isolated.contains(&machine));
        !isolated(machine_a) && !isolated(machine_b) && !self.pairs(a, b).any(|pair| self.cut.contains(&pair))
    }

    /// How much longer a message takes from `a` to `b`.
    pub fn delay(&self, a: Process, b: Process) -> Duration {
        if self.slow.is_empty() {
            return Duration::ZERO;
        }
        self.pairs(a, b)
            .filter_map(|pair| self.slow.get(&pair))
            .fold(Duration::ZERO, |sum, delay| sum + *delay)
    }

    /// The ways in which the faults of a link can name a pair of processes.
    fn pairs(&self, a: Process, b: Process) -> impl Iterator<Item = (End, End)> {
        let ends = |process: Process| {
            [Some(End::Process(process)), self.machine_of(process).map(End::Machine)].into_iter().flatten()
        };
        let others = ends(b);
        ends(a).flat_map(move |a| others.clone().map(move |b| if a <= b { (a, b) } else { (b, a) }))
    }
}
