//! The driver's part of what is told to those who ask: numbers over time, and everything that is seen at this moment.

use shared::{cluster::Cluster, doc, doc::Doc};

use super::Driver;
use crate::{
    protocol::{Delta, Frame, Node},
    view_model::Table,
    worker::{numbers::Numbers, panels::whole},
};

/// Virtual milliseconds over which it is measured what nodes use, at least.
const MEASURED_MS: u64 = 2000;

impl Driver {
    /// The numbers of the shown branch, and where on its timeline one is.
    pub(in crate::worker) fn numbers(&mut self) -> Doc {
        let now = self.cluster_now();
        let lived = self.past.present().is_none();
        let course = self.past.course_mut();
        let (from, head) = (course.moments.first().unwrap_or(now), course.present.as_deref());
        let head = head.map_or(now, |present| present.cluster().now().0);
        course.begin_numbers();
        if lived && let Some(numbers) = &mut course.numbers {
            numbers.pass(&self.replica);
        }
        let samples = course.numbers.as_ref().map(Numbers::told);
        doc!({ "now": whole(now), "from": whole(from), "head": whole(head), "samples": samples })
    }

    /// The cluster that is shown.
    pub(in crate::worker) fn cluster(&self) -> &Cluster {
        self.replica.cluster()
    }

    /// Its nodes as the page has them.
    pub(in crate::worker) fn nodes_seen(&self) -> &Table<Node> {
        &self.view.nodes
    }

    /// The CPU time that each node had used a while ago, in nanoseconds, and when that was.
    pub(in crate::worker) fn earlier(&self) -> Option<(u64, Vec<u64>)> {
        let before = self.cluster_now().checked_sub(MEASURED_MS)?;
        let cluster = self.past.course().moments.before(before)?.cluster();
        let now = cluster.now();
        let machines = (0..).zip(&cluster.core().machines);
        let spent = machines
            .map(|(number, machine)| cluster.runtime(number).usage(machine.name.clone(), now).cpu_nanos)
            .collect();
        Some((now.0, spent))
    }

    /// All that is shown of the cluster, as a frame.
    pub(in crate::worker) fn everything(&self) -> String {
        fn all<T: Clone>(table: &Table<T>) -> Delta<T> {
            Delta { set: table.values().map(|thing| T::clone(thing)).collect(), gone: Vec::new() }
        }
        let frame = Frame {
            now: self.cluster_now(),
            nodes: all(&self.view.nodes),
            pods: all(&self.view.pods),
            workloads: all(&self.view.workloads),
            services: all(&self.view.services),
            components: all(&self.view.components),
            systems: Some(Box::new(self.systems.clone())),
            ..Frame::default()
        };
        serde_json::to_string(&frame).expect("frames are plain data")
    }
}
