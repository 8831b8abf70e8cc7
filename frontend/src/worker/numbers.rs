//! Numbers over time, for the charts under the timeline: pods by phase, what was asked and answered, what is used. Counted
//! from when somebody first does something or looks at them; what was before comes from the moments that are kept.

use shared::{
    api::{
        Kind,
        core::{
            node::Node,
            pod::{Phase, Pod},
        },
    },
    cluster::Cluster,
    doc::Doc,
    sim::{Process, Record, RecordId, Trace, What},
};

use super::{moments::Moments, replica::Replica};

/// Samples that are kept. Of too many every second goes, and from then on they are taken half as often.
const MOST: usize = 480;
/// Virtual milliseconds between two samples, at first.
const EVERY: u64 = 500;
/// The same in a cluster of more than [`LARGE`] objects: to count them takes time.
const EVERY_OF_LARGE: u64 = 20_000;
const LARGE: u64 = 20_000;
/// So many causes lie between an answer and its request at most.
const DEEP: u32 = 6;
/// Columns of a sample, see [`sample`].
const COLUMNS: usize = 21;

/// When, and what was counted by then.
type Sample = [u64; COLUMNS];

/// The numbers of one branch.
#[derive(Clone)]
pub struct Numbers {
    samples: Vec<Sample>,
    every: u64,
    /// The first record that was not counted yet.
    next: RecordId,
    /// Requests that the API server answered, refusals among them, and how long all of them took, in milliseconds.
    asked: [u64; 3],
}

impl Numbers {
    /// What the kept moments tell.
    pub fn of(moments: &Moments) -> Self {
        let mut numbers = Self { samples: Vec::new(), every: EVERY, next: 0, asked: [0; 3] };
        moments.all().for_each(|replica| numbers.pass(replica));
        numbers
    }

    /// Counts the present moment, if the last one is long enough ago.
    pub fn pass(&mut self, replica: &Replica) {
        let cluster = replica.cluster();
        let now = cluster.now().0;
        let large = cluster.store().len() > LARGE;
        let apart = if large { self.every.max(EVERY_OF_LARGE) } else { self.every };
        if self.samples.last().is_some_and(|last| now < last[0] + apart) {
            return;
        }
        self.count(&cluster.core().trace);
        let visitors = replica.visitors();
        self.samples.push(sample(cluster, [visitors.total, visitors.lost], self.asked));
        if self.samples.len() > MOST {
            let mut odd = false;
            self.samples.retain(|_| {
                odd = !odd;
                odd
            });
            self.every *= 2;
        }
    }

    /// Another branch begins at the moment of `replica`.
    pub fn branch(&mut self, replica: &Replica) {
        let at = replica.cluster().now().0;
        self.samples.retain(|sample| sample[0] <= at);
        self.next = replica.cluster().core().trace.next_id();
        self.asked = self.samples.last().map_or([0; 3], |last| [last[11], last[12], last[13]]);
    }

    /// Everything, a list of numbers for each sample.
    pub fn told(&self) -> Doc {
        let number = |number: &u64| Doc::from(i64::try_from(*number).unwrap_or(i64::MAX));
        Doc::list(self.samples.iter().map(|sample| Doc::list(sample.iter().map(number))))
    }

    /// Counts what the API server answered since last time.
    fn count(&mut self, trace: &Trace) {
        let from = std::mem::replace(&mut self.next, trace.next_id());
        if from == 0 {
            return;
        }
        for (_, record) in trace.since(from) {
            let What::Message { from: Process::ApiServer(_), to, until, label, .. } = &record.what else {
                continue;
            };
            if !matches!(*label, "200" | "404" | "error") {
                continue;
            }
            let Some(asked) = request(trace, record, *to) else { continue };
            self.asked[0] += 1;
            self.asked[1] += u64::from(*label == "error");
            self.asked[2] += until.0.saturating_sub(asked.at.0);
        }
    }
}

/// The request that an answer to `asker` is for.
fn request<'a>(trace: &'a Trace, answer: &'a Record, asker: Process) -> Option<&'a Record> {
    let mut record = answer;
    for _ in 0..DEEP {
        record = record.causes.records().iter().rev().find_map(|&id| trace.get(id))?;
        if matches!(&record.what, What::Message { from, to: Process::ApiServer(_), .. } if *from == asker) {
            return Some(record);
        }
    }
    None
}

/// Virtual time; pods: pending, starting, running, ready, succeeded, failed, terminating, unknown; visitors and those without
/// an answer; requests that the API server answered, refused, and for how long; CPU of all nodes: milliseconds used so far,
/// thousandths of cores requested and there; memory in MiB: used, requested, there; nodes that are ready.
fn sample(cluster: &Cluster, visitors: [u64; 2], asked: [u64; 3]) -> Sample {
    let mut all: Sample = [0; COLUMNS];
    all[0] = cluster.now().0;
    let whole = |number: i64| u64::try_from(number).unwrap_or(0);
    for object in cluster.store().list(Kind::Pod) {
        let Some(pod) = object.view::<Pod>() else { continue };
        let phase = match pod.phase {
            _ if object.meta.deleting() => 6,
            Phase::Pending if pod.node_name.is_empty() => 0,
            Phase::Pending => 1,
            Phase::Running if pod.ready => 3,
            Phase::Running => 2,
            Phase::Succeeded => 4,
            Phase::Failed => 5,
            Phase::Unknown => 7,
        };
        all[1 + phase] += 1;
        if !pod.phase.is_terminal() && !pod.node_name.is_empty() {
            all[15] += whole(pod.spec.cpu_milli);
            all[18] += whole(pod.spec.memory >> 20);
        }
    }
    all[9..11].copy_from_slice(&visitors);
    all[11..14].copy_from_slice(&asked);
    for (number, machine) in (0..).zip(&cluster.core().machines) {
        if machine.powered {
            let usage = cluster.runtime(number).usage(machine.name.clone(), cluster.now());
            all[14] += usage.cpu_nanos / 1_000_000;
            all[17] += usage.memory >> 20;
        }
    }
    for object in cluster.store().list(Kind::Node) {
        let Some(node) = object.view::<Node>() else { continue };
        all[16] += whole(node.cpu_milli);
        all[19] += whole(node.memory >> 20);
        all[20] += u64::from(node.ready == "True");
    }
    all
}

#[cfg(test)]
mod tests {
    use shared::sim::Time;

    use super::*;
    use crate::protocol::Command;

    #[test]
    fn what_happens_shows_in_the_numbers() {
        let mut replica = Replica::first();
        let begun = replica.cluster().now().0;
        let mut numbers = Numbers::of(&Moments::default());
        numbers.pass(&replica);
        let fault = Command::Fault { target: "node/node-2".to_owned(), kind: "PowerOff".to_owned() };
        replica.act(None, &fault);
        for step in 1..=1600 {
            replica.advance_to(Time(begun + step * 250));
            numbers.pass(&replica);
        }
        assert!((240..=480).contains(&numbers.samples.len()), "{}", numbers.samples.len());
        let (first, last) = (numbers.samples[0], numbers.samples[numbers.samples.len() - 1]);
        assert_eq!((first[20], last[20]), (3, 2), "a node is lost");
        assert_eq!(first[4], 3, "three pods are ready: {first:?}");
        assert!(numbers.samples.iter().any(|sample| sample[4] < 3));
        assert!(last[10] > first[10] + 5, "visitors got no answer: {last:?}");
        let (answered, took) = (last[11] - first[11], last[13] - first[13]);
        assert!(answered > 60, "{answered} requests were answered");
        assert!((1..50).contains(&(took / answered)), "{took} ms for {answered}");
        assert!(last[14] > first[14], "CPU is used");
        assert!(numbers.samples.windows(2).all(|pair| pair[0][0] < pair[1][0]));
    }
}
