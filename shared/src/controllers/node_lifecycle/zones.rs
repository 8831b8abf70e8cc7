//! How fast the nodes of a zone may be emptied: one every ten seconds, slower or not at all when the zone as a whole
//! is in trouble.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};

use crate::api::{Key, Kind};
use crate::client::Wait;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::{Doc, Str};
use crate::sim::{Duration, Time};

/// Between two nodes of a zone in the normal state (`--node-eviction-rate 0.1`).
const NORMAL_INTERVAL: Duration = Duration::seconds(10);
/// The same in a large zone that is partly down (`--secondary-node-eviction-rate 0.01`).
const SECONDARY_INTERVAL: Duration = Duration::seconds(100);
/// Beyond so many nodes a zone is large; smaller ones wait instead.
const LARGE_ZONE: u32 = 50;

/// Ready and other nodes of a zone.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    ready: u32,
    not_ready: u32,
}

impl Readiness {
    /// Counts a node.
    pub fn count(&mut self, ready: bool) {
        *if ready { &mut self.ready } else { &mut self.not_ready } += 1;
    }

    fn state(self) -> State {
        let all = self.ready + self.not_ready;
        // More than two and at least 55 %.
        match self {
            Readiness { ready: 0, not_ready: 1.. } => State::Full,
            Readiness { not_ready, .. } if not_ready > 2 && not_ready * 100 >= all * 55 => State::Partial,
            _ => State::Normal,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
enum State {
    #[default]
    Initial,
    Normal,
    /// Many nodes are down.
    Partial,
    /// No node is ready.
    Full,
}

#[derive(Clone, Debug, Hash, Default)]
struct Zone {
    state: State,
    /// Between two nodes; `None` while none may be emptied.
    interval: Option<Duration>,
    /// When the next node may be.
    next: Time,
    waiting: Line,
}

/// Nodes in line, each once. In a cluster that starts, all of them ask to be let in, at every look.
#[derive(Clone, Debug, Default)]
struct Line {
    nodes: VecDeque<(Str, Time)>,
    /// The names of these.
    names: BTreeSet<Str>,
}

impl Hash for Line {
    /// The names are no more than a way to find them.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.nodes.hash(state);
    }
}

impl Line {
    fn push(&mut self, node: &Str, now: Time) {
        if !self.names.contains(node) {
            self.names.insert(node.clone());
            self.nodes.push_back((node.clone(), now));
        }
    }

    fn pop(&mut self) -> Option<Str> {
        let (node, _) = self.nodes.pop_front()?;
        self.names.remove(&node);
        Some(node)
    }

    fn remove(&mut self, node: &Str) {
        if self.names.remove(node) {
            self.nodes.retain(|(waiting, _)| waiting != node);
        }
    }
}

impl Zone {
    fn pace(&mut self, interval: Option<Duration>, now: Time) {
        if self.interval != interval {
            // Whoever waited for the old pace waits for the new one.
            if self.next > now {
                self.next = now + interval.unwrap_or(Duration::ZERO);
            }
            self.interval = interval;
        }
    }
}

/// All zones.
#[derive(Clone, Debug, Hash, Default)]
pub struct Zones(BTreeMap<Str, Zone>);

/// What a look at the zones brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// Nothing that concerns all of them.
    None,
    /// No zone has a ready node any more.
    AllDown,
    /// The first ready nodes after that.
    SomeBack,
}

/// The name of a node's zone: region and zone, from its labels.
pub fn key(labels: &Doc) -> Str {
    let (region, zone) = (&labels["topology.kubernetes.io/region"], &labels["topology.kubernetes.io/zone"]);
    if region.is_empty() { zone.str() } else { format!("{}:{}", region.str(), zone.str()).into() }
}

impl Zones {
    /// Takes in how many nodes are ready where.
    pub fn update(&mut self, states: &BTreeMap<Str, Readiness>, now: Time) -> Change {
        self.0.retain(|zone, _| states.contains_key(zone));
        for zone in states.keys() {
            self.zone(zone);
        }
        let were_down = !self.0.is_empty() && self.0.values().all(|zone| zone.state == State::Full);
        let are_down =
            !states.is_empty() && states.values().all(|readiness| readiness.state() == State::Full);
        if are_down && were_down {
            return Change::None;
        }
        for (name, zone) in &mut self.0 {
            let readiness = states[name];
            let state = readiness.state();
            let interval = match state {
                _ if are_down => None,
                State::Partial if readiness.ready + readiness.not_ready > LARGE_ZONE => {
                    Some(SECONDARY_INTERVAL)
                }
                State::Partial => None,
                State::Initial | State::Normal | State::Full => Some(NORMAL_INTERVAL),
            };
            if were_down || are_down || zone.state != state {
                zone.pace(interval, now);
            }
            zone.state = state;
            if are_down {
                zone.waiting = Line::default();
            }
        }
        match (were_down, are_down) {
            (false, true) => Change::AllDown,
            (true, false) => Change::SomeBack,
            _ => Change::None,
        }
    }

    fn zone(&mut self, name: &Str) -> &mut Zone {
        self.0
            .entry(name.clone())
            .or_insert_with(|| Zone { interval: Some(NORMAL_INTERVAL), ..Zone::default() })
    }

    /// Puts a node in line.
    pub fn enqueue(&mut self, zone: &Str, node: &Str, now: Time) {
        let zone = self.zone(zone);
        let everything_is_down = zone.interval.is_none() && zone.state == State::Full;
        if !everything_is_down {
            zone.waiting.push(node, now);
        }
    }

    /// Takes a node out of every line.
    pub fn forget(&mut self, node: &Str) {
        self.0.values_mut().for_each(|zone| zone.waiting.remove(node));
    }

    /// The nodes whose turn it is.
    pub fn grant(&mut self, now: Time) -> Vec<Str> {
        let mut granted = Vec::new();
        for zone in self.0.values_mut() {
            if let Some(interval) = zone.interval
                && zone.next <= now
                && let Some(node) = zone.waiting.pop()
            {
                zone.next = now + interval;
                granted.push(node);
            }
        }
        granted
    }

    /// How long until it is somebody's turn, if anybody waits.
    pub fn next_grant(&self, now: Time) -> Option<Duration> {
        let waiting = self.0.values().filter(|zone| !zone.waiting.nodes.is_empty());
        // A zone that stands still may move again at any look of the monitor.
        waiting
            .map(|zone| if zone.interval.is_some() { zone.next.since(now) } else { Duration::seconds(5) })
            .min()
    }

    /// The countdowns of nodes in line.
    pub fn waits(&self, waits: &mut Vec<Wait>) {
        for zone in self.0.values() {
            let Some(interval) = zone.interval else { continue };
            for (at, (node, since)) in (0..).zip(&zone.waiting.nodes) {
                let object = Key::new(Kind::Node, Str::new(), node.clone());
                waits.push(Wait {
                    name: "evictionRate",
                    object,
                    since: *since,
                    until: zone.next + interval * at,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Change, Readiness, Zones};
    use crate::sim::{Duration, Time};

    fn zone(ready: u32, not_ready: u32) -> Readiness {
        Readiness { ready, not_ready }
    }

    #[test]
    fn nodes_of_a_zone_go_ten_seconds_apart() {
        let mut zones = Zones::default();
        zones.update(&[("a".into(), zone(5, 2)), ("b".into(), zone(5, 1))].into(), Time(0));
        for (name, node) in [("a", "a-0"), ("a", "a-1"), ("b", "b-0"), ("a", "a-0")] {
            zones.enqueue(&name.into(), &node.into(), Time(0));
        }
        assert_eq!(zones.grant(Time(100)), ["a-0", "b-0"]);
        assert_eq!(zones.next_grant(Time(100)), Some(Duration::seconds(10)));
        assert!(zones.grant(Time(9000)).is_empty());
        assert_eq!(zones.grant(Time(10_100)), ["a-1"]);
        assert_eq!(zones.next_grant(Time(10_100)), None);
    }

    #[test]
    fn a_small_zone_mostly_down_is_left_alone_and_a_large_one_slows_down() {
        let mut zones = Zones::default();
        zones.update(&[("a".into(), zone(2, 4)), ("b".into(), zone(20, 40))].into(), Time(0));
        for (name, node) in [("a", "a-0"), ("b", "b-0"), ("b", "b-1")] {
            zones.enqueue(&name.into(), &node.into(), Time(0));
        }
        assert_eq!(zones.grant(Time(0)), ["b-0"]);
        assert!(zones.grant(Time(99_000)).is_empty());
        assert_eq!(zones.grant(Time(100_000)), ["b-1"]);
        zones.update(&[("a".into(), zone(5, 1)), ("b".into(), zone(20, 40))].into(), Time(100_000));
        assert_eq!(zones.grant(Time(100_000)), ["a-0"]);
    }

    #[test]
    fn when_everything_is_down_nothing_is_evicted() {
        let mut zones = Zones::default();
        let one_down = [("a".into(), zone(0, 2)), ("b".into(), zone(2, 0))].into();
        assert_eq!(zones.update(&one_down, Time(0)), Change::None);
        zones.enqueue(&"a".into(), &"a-0".into(), Time(0));
        assert_eq!(zones.grant(Time(0)), ["a-0"], "one zone alone is emptied at the normal pace");
        let all_down = [("a".into(), zone(0, 2)), ("b".into(), zone(0, 2))].into();
        assert_eq!(zones.update(&all_down, Time(5000)), Change::AllDown);
        zones.enqueue(&"b".into(), &"b-0".into(), Time(5000));
        assert!(zones.grant(Time(500_000)).is_empty());
        assert_eq!(zones.update(&all_down, Time(10_000)), Change::None);
        assert_eq!(zones.update(&one_down, Time(15_000)), Change::SomeBack);
    }
}
