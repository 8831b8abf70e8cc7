//! The far view's numbers: which nodes there are and how they stand, which pods are on them and in what state.
//!
//! They travel as words of 32 bits, only what changed since the last time:
//!
//! | Words | What |
//! | --- | --- |
//! | 1 | 1 when this is everything, else 0 |
//! | 1 | how many nodes follow |
//! | 1 | how many pods follow |
//! | 1 | pods that are on no node |
//! | 3 a node | its number · state, requested CPU and memory in percent (a byte each, lowest first) · how many pods it takes |
//! | 2 a pod | the number of its node · its slot there (lower 16 bits) and its shape (255 when it is gone) |
//!
//! A pod keeps its slot while it lives; free slots are used again, the lowest first.

use shared::api::Uid;
use std::collections::{BTreeMap, BTreeSet};

use shared::{
    api::{
        Key, Kind, Object,
        core::node::Node as NodeView,
        core::pod::{Pod as PodView, display_status},
    },
    cluster::Cluster,
    sim::{ChangeKind, Process},
};

use super::view::{read_containers, shape};
use crate::{
    protocol::{Happening, MapNames, MapNode, MapPod, Node, PodShape},
    view_model::{NodeState, node_state, percent},
};

/// A cluster of more nodes is drawn as a map.
pub const MOST_CARDS: usize = 24;
/// Most nodes that are told of closely at once.
const CLOSELY: usize = 400;
/// So many nodes that are lost at once are told of by their names.
const MOST_LOST: usize = 3;
/// The shape of a pod that is gone.
const GONE: u8 = 255;

/// What the page's map shows, and what it was told.
#[derive(Clone, Debug, Default)]
pub struct Map {
    nodes: Vec<Cell>,
    by_name: BTreeMap<String, u32>,
    /// The pods on nodes, by UID.
    pods: BTreeMap<Uid, Dot>,
    /// Pods on no node.
    waiting: BTreeSet<Uid>,
    seen: u64,
    /// Changes to tell.
    changed_nodes: BTreeSet<u32>,
    changed_pods: BTreeMap<(u32, u16), u8>,
    whole: bool,
    /// Nodes that were lost (or are back) since that was last asked.
    lost: Vec<(u32, bool)>,
}

#[derive(Clone, Debug, Default)]
struct Cell {
    zone: u32,
    /// The last state and levels that were told.
    told: u32,
    /// Requested CPU and memory.
    requested: (i64, i64),
    max_pods: u32,
    slots: Vec<Option<Key>>,
}

#[derive(Clone, Debug)]
struct Dot {
    node: u32,
    slot: u16,
    shape: u8,
    requested: (i64, i64),
}

impl Map {
    /// A map of this cluster, about which nothing was told.
    pub fn new(cluster: &Cluster) -> Self {
        let mut map = Self { whole: true, ..Self::default() };
        let zones = zones(cluster);
        for (number, machine) in (0..).zip(&cluster.core().machines) {
            let zone = zones.iter().position(|zone| *zone == machine.zone.as_str()).unwrap_or(0);
            let zone = u32::try_from(zone).unwrap_or(0);
            let max_pods = u32::try_from(machine.pods).unwrap_or(u32::MAX);
            map.nodes.push(Cell { zone, max_pods, ..Cell::default() });
            map.by_name.insert(machine.name.to_string(), number);
        }
        map.read_all(cluster);
        map
    }

    /// The names.
    pub fn names(&self, cluster: &Cluster) -> MapNames {
        let zones = zones(cluster).into_iter().map(ToOwned::to_owned).collect();
        let machines = cluster.core().machines.iter().zip(&self.nodes);
        MapNames {
            zones,
            nodes: machines.map(|(machine, cell)| (machine.name.to_string(), cell.zone)).collect(),
        }
    }

    /// The page asks for everything.
    pub fn tell_all(&mut self) {
        self.whole = true;
    }

    /// What changed since the last time; `None` when nothing did.
    pub fn follow(&mut self, cluster: &Cluster) -> Option<Vec<u32>> {
        self.read_writes(cluster);
        self.read_nodes(cluster);
        if self.whole {
            self.changed_nodes = (0..).zip(&self.nodes).map(|(number, _)| number).collect();
            self.changed_pods = self.pods.values().map(|dot| ((dot.node, dot.slot), dot.shape)).collect();
        } else if self.changed_nodes.is_empty() && self.changed_pods.is_empty() {
            return None;
        }
        Some(self.words())
    }

    fn words(&mut self) -> Vec<u32> {
        let (nodes, pods) = (std::mem::take(&mut self.changed_nodes), std::mem::take(&mut self.changed_pods));
        let count = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
        let mut words = Vec::with_capacity(4 + nodes.len() * 3 + pods.len() * 2);
        words.extend([
            u32::from(self.whole),
            count(nodes.len()),
            count(pods.len()),
            count(self.waiting.len()),
        ]);
        self.whole = false;
        for number in nodes {
            let cell = &self.nodes[number as usize];
            words.extend([number, cell.told, cell.max_pods]);
        }
        for ((node, slot), shape) in pods {
            words.extend([node, u32::from(slot) | u32::from(shape) << 16]);
        }
        words
    }

    /// What happened to nodes since the last time, as far as a few captions tell.
    pub fn happened(&mut self, cluster: &Cluster) -> Vec<Happening> {
        let lost = std::mem::take(&mut self.lost);
        let machines = &cluster.core().machines;
        let told = lost.into_iter().filter_map(|(number, lost)| {
            let node = machines.get(number as usize)?.name.to_string();
            Some(if lost { Happening::NodeLost { node } } else { Happening::NodeBack { node } })
        });
        told.take(MOST_LOST).collect()
    }

    /// These nodes, looked at closely.
    pub fn closely(&self, cluster: &Cluster, nodes: &[u32]) -> Vec<MapNode> {
        let of_slot = |(slot, key): (usize, &Option<Key>)| {
            let object = cluster.store().get(key.as_ref()?)?;
            Some(MapPod {
                slot: u32::try_from(slot).ok()?,
                namespace: object.key.namespace.to_string(),
                name: object.key.name.to_string(),
                status: display_status(object).to_string(),
                containers: read_containers(object),
            })
        };
        let of_node = |&node: &u32| {
            let cell = self.nodes.get(node as usize)?;
            Some(MapNode { node, pods: cell.slots.iter().enumerate().filter_map(of_slot).collect() })
        };
        nodes.iter().take(CLOSELY).filter_map(of_node).collect()
    }

    fn read_all(&mut self, cluster: &Cluster) {
        let store = cluster.store();
        let mut left: BTreeSet<Uid> = self.pods.keys().copied().collect();
        self.waiting.clear();
        for object in store.list(Kind::Pod) {
            left.remove(&object.meta.uid);
            self.put(object);
        }
        left.into_iter().for_each(|uid| self.remove(uid));
        self.seen = store.revision();
    }

    fn read_writes(&mut self, cluster: &Cluster) {
        let store = cluster.store();
        let Some(writes) = store.since(self.seen) else { return self.read_all(cluster) };
        for write in writes.filter(|write| write.object.key.kind == Kind::Pod) {
            match write.change {
                ChangeKind::Deleted => self.remove(write.object.meta.uid),
                _ => self.put(&write.object),
            }
        }
        self.seen = store.revision();
    }

    fn put(&mut self, object: &Object) {
        let Some(pod) = object.view::<PodView>() else { return };
        let uid = object.meta.uid;
        let Some(&node) = self.by_name.get(pod.node_name.as_str()) else {
            self.waiting.insert(uid);
            return;
        };
        self.waiting.remove(&uid);
        let status = display_status(object);
        let shape = number_of(shape(pod, &status, object.meta.deleting()));
        let requested = if pod.phase.is_terminal() { (0, 0) } else { (pod.spec.cpu_milli, pod.spec.memory) };
        let before = self.pods.get(&uid).cloned();
        let slot = match &before {
            Some(dot) => dot.slot,
            None => self.take_slot(node, &object.key),
        };
        if before.as_ref().is_none_or(|dot| dot.shape != shape) {
            self.changed_pods.insert((node, slot), shape);
        }
        self.request(node, before.map_or((0, 0), |dot| dot.requested), requested);
        self.pods.insert(uid, Dot { node, slot, shape, requested });
    }

    fn take_slot(&mut self, node: u32, key: &Key) -> u16 {
        let slots = &mut self.nodes[node as usize].slots;
        let free = slots.iter().position(Option::is_none).unwrap_or(slots.len());
        if free == slots.len() {
            slots.push(None);
        }
        slots[free] = Some(key.clone());
        u16::try_from(free).unwrap_or(u16::MAX)
    }

    fn remove(&mut self, uid: Uid) {
        self.waiting.remove(&uid);
        let Some(dot) = self.pods.remove(&uid) else { return };
        self.request(dot.node, dot.requested, (0, 0));
        if let Some(slot) = self.nodes[dot.node as usize].slots.get_mut(usize::from(dot.slot)) {
            *slot = None;
        }
        self.changed_pods.insert((dot.node, dot.slot), GONE);
    }

    fn request(&mut self, node: u32, before: (i64, i64), now: (i64, i64)) {
        let requested = &mut self.nodes[node as usize].requested;
        requested.0 += now.0 - before.0;
        requested.1 += now.1 - before.1;
    }

    /// Power and kubelets are written nowhere: every node is looked at.
    fn read_nodes(&mut self, cluster: &Cluster) {
        let core = cluster.core();
        for (number, machine) in (0..).zip(&core.machines) {
            let key = Key::new(Kind::Node, "", machine.name.clone());
            let known = cluster.store().get(&key).and_then(|object| object.view::<NodeView>());
            let node = Node {
                power: machine.powered,
                ready: known.map_or(String::new(), |node| node.ready.to_string()),
                cordoned: known.is_some_and(|node| node.unschedulable),
                kubelet: core.running(Process::Kubelet(number)),
                ..Node::default()
            };
            let cell = &mut self.nodes[number as usize];
            let cpu = percent((cell.requested.0, known.map_or(machine.cpu_milli, |node| node.cpu_milli)));
            let memory = percent((cell.requested.1, known.map_or(machine.memory, |node| node.memory)));
            let told = node_state(&node) as u32 | cpu << 8 | memory << 16;
            if told != cell.told {
                let known = |told: u32| {
                    [NodeState::Off, NodeState::NotReady].iter().any(|it| *it as u32 == told & 255)
                };
                if !self.whole && known(told) != known(cell.told) {
                    self.lost.push((number, known(told)));
                }
                cell.told = told;
                self.changed_nodes.insert(number);
            }
        }
    }
}

fn zones(cluster: &Cluster) -> Vec<&str> {
    let mut zones: Vec<&str> = cluster.core().machines.iter().map(|machine| machine.zone.as_str()).collect();
    zones.sort_unstable();
    zones.dedup();
    zones
}

fn number_of(shape: PodShape) -> u8 {
    shape as u8
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::worker::replica::Replica;

    /// A map as a page would draw it: node states and the shapes of pods by node and slot.
    #[derive(Default)]
    struct Page {
        nodes: BTreeMap<u32, u32>,
        pods: BTreeMap<(u32, u32), u32>,
        waiting: u32,
    }

    impl Page {
        fn take(&mut self, words: &[u32]) -> usize {
            let [whole, nodes, pods, waiting] = words[..4] else { panic!("four words first") };
            if whole == 1 {
                *self = Self::default();
            }
            self.waiting = waiting;
            let (nodes, rest) = words[4..].split_at(3 * nodes as usize);
            assert_eq!(rest.len(), 2 * pods as usize);
            self.nodes.extend(nodes.chunks(3).map(|node| (node[0], node[1] & 255)));
            for pod in rest.chunks(2) {
                let at = (pod[0], pod[1] & 0xffff);
                if pod[1] >> 16 == u32::from(GONE) {
                    self.pods.remove(&at);
                } else {
                    self.pods.insert(at, pod[1] >> 16);
                }
            }
            words.len()
        }
    }

    fn many(nodes: u32, replicas: u32) -> Replica {
        let manifest = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web}}\nspec:\n  replicas: {replicas}\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec: {{containers: [{{name: c, image: 'todo-api:v1.0', resources: {{requests: {{cpu: 100m}}}}}}]}}\n"
        );
        let indented = manifest.replace('\n', "\n      ");
        let mut replica = Replica::from_scenario(&format!(
            "apiVersion: kubarium.dev/v1alpha1\nkind: Scenario\nmetadata: {{name: many}}\nspec:\n  seed: 3\n  \
             cluster: {{nodes: [{{count: {nodes}, zone: a}}, {{count: 1, zone: b}}]}}\n  opening: 40s\n  steps:\n  \
             - at: 0s\n    apply: |\n      {indented}\n"
        ))
        .expect("a good scenario");
        let opening = replica.opening();
        replica.advance_to(opening);
        replica
    }

    #[test]
    fn a_page_that_follows_the_changes_sees_what_one_that_asks_anew_sees() {
        let mut replica = many(29, 60);
        let mut map = Map::new(replica.cluster());
        let mut page = Page::default();
        let first = page.take(&map.follow(replica.cluster()).expect("everything at first"));
        assert_eq!((page.nodes.len(), page.pods.len()), (30, 60));
        assert!(page.pods.values().all(|shape| *shape == u32::from(number_of(PodShape::Ready))));
        replica.act(None, &crate::protocol::Command::Kubectl("scale deployment/web --replicas=45".into()));
        replica.act(
            None,
            &crate::protocol::Command::Fault { target: "node/node-3".into(), kind: "PowerOff".into() },
        );
        let mut words = 0;
        for _ in 0..120 {
            replica.advance_to(shared::sim::Time(replica.cluster().now().0 + 1000));
            if let Some(delta) = map.follow(replica.cluster()) {
                words += page.take(&delta);
            }
        }
        assert_eq!(page.pods.len(), 45);
        assert!(words < 3 * first, "{words} words to follow, {first} for all");
        let mut anew = Page::default();
        anew.take(&Map::new(replica.cluster()).follow(replica.cluster()).expect("everything"));
        assert_eq!(page.nodes, anew.nodes);
        assert_eq!(page.waiting, anew.waiting);
        let states = |page: &Page| {
            let mut states: Vec<(u32, u32)> =
                page.pods.iter().map(|((node, _), shape)| (*node, *shape)).collect();
            states.sort_unstable();
            states
        };
        assert_eq!(states(&page), states(&anew));
        assert_ne!(page.nodes[&3], page.nodes[&4], "node-3 is off");
        assert!(map.follow(replica.cluster()).is_none(), "nothing happened since");
    }

    #[test]
    fn names_and_details_belong_to_the_same_numbers() {
        let replica = many(26, 30);
        let mut map = Map::new(replica.cluster());
        let mut page = Page::default();
        page.take(&map.follow(replica.cluster()).expect("everything at first"));
        let names = map.names(replica.cluster());
        assert_eq!(names.zones, ["a", "b"]);
        assert_eq!(names.nodes[26], ("node-26".to_owned(), 1));
        let close = map.closely(replica.cluster(), &[0, 26, 99]);
        assert_eq!(close.len(), 2);
        for MapNode { node, pods } in close {
            assert!(pods.iter().all(|pod| {
                page.pods.contains_key(&(node, pod.slot))
                    && (pod.namespace.as_str(), pod.status.as_str()) == ("default", "Running")
                    && pod.name.starts_with("web-")
                    && matches!(&pod.containers[..], [only] if only.ready && only.name == "c")
            }));
        }
    }
}
