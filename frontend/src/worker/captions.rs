//! What just happened, found by comparing two moments. Pure.

use std::sync::Arc;

use super::view::View;
use crate::{
    protocol::{Happening, Node, Pod, PodShape},
    view_model::{NodeState, node_state},
};

/// How many of one kind are told singly; beyond, the newest stand for all.
const MOST: usize = 4;

/// What happened between `old` and `new`, causes before effects.
pub fn between(old: &View, new: &View) -> Vec<Happening> {
    let mut told = Vec::new();
    programs(old, new, &mut told);
    nodes(old, new, &mut told);
    workloads(old, new, &mut told);
    pods(old, new, &mut told);
    services(old, new, &mut told);
    told
}

fn programs(old: &View, new: &View, told: &mut Vec<Happening>) {
    for (place, now) in &new.components {
        match old.components.get(place) {
            Some(before) if before.up && !now.up => told.push(match now.members {
                (up, all) if now.lacks_quorum() => Happening::QuorumLost { up, all },
                _ => Happening::Stopped { place: place.clone() },
            }),
            Some(before) if !before.up && now.up => told.push(Happening::Started { place: place.clone() }),
            _ => {}
        }
    }
    for (name, now) in &new.nodes {
        let Some(before) = old.nodes.get(name) else { continue };
        // A machine without power is told once, not program by program.
        if before.power != now.power {
            continue;
        }
        let programs = [
            ("kubelet", before.kubelet, now.kubelet),
            ("kube-proxy", before.kube_proxy, now.kube_proxy),
            ("containerd", before.runtime, now.runtime),
        ];
        for (program, was, is) in programs {
            let place = format!("{program}@{name}");
            match (was, is) {
                (true, false) => told.push(Happening::Stopped { place }),
                (false, true) => told.push(Happening::Started { place }),
                _ => {}
            }
        }
    }
}

fn nodes(old: &View, new: &View, told: &mut Vec<Happening>) {
    for (name, now) in &new.nodes {
        let Some(before) = old.nodes.get(name) else { continue };
        let node = name.clone();
        match (before.power, now.power) {
            (true, false) => told.push(Happening::PowerOff { node: node.clone() }),
            (false, true) => told.push(Happening::PowerOn { node: node.clone() }),
            _ => {}
        }
        match (before.ready.as_str(), now.ready.as_str()) {
            ("True", "Unknown" | "False") => told.push(Happening::NodeLost { node: node.clone() }),
            ("Unknown" | "False", "True") => told.push(Happening::NodeBack { node: node.clone() }),
            _ => {}
        }
        if !before.cordoned && now.cordoned {
            told.push(Happening::Cordoned { node });
        }
    }
}

fn workloads(old: &View, new: &View, told: &mut Vec<Happening>) {
    for (uid, now) in &new.workloads {
        match old.workloads.get(uid) {
            None => told.push(Happening::Created { kind: now.kind.clone(), name: now.name.clone() }),
            Some(before) if before.wanted != now.wanted => {
                told.push(Happening::Scaled { name: now.name.clone(), from: before.wanted, to: now.wanted })
            }
            Some(_) => {}
        }
    }
}

fn pods(old: &View, new: &View, told: &mut Vec<Happening>) {
    let mut kinds: [Vec<Happening>; 6] = Default::default();
    for (uid, now) in &new.pods {
        let before = old.pods.get(uid);
        let pod = now.name.clone();
        let was = |shape: PodShape| before.is_some_and(|before| before.shape == shape);
        if before.is_none() {
            kinds[1].push(match now.owner.as_str() {
                "" => Happening::Created { kind: "Pod".to_owned(), name: pod.clone() },
                owner => Happening::PodCreated { pod: pod.clone(), owner: owner.to_owned() },
            });
        }
        if now.shape == PodShape::Terminating && before.is_some() && !was(PodShape::Terminating) {
            if silent(new, now) {
                kinds[0].push(Happening::Evicted { pod, node: now.node.clone() });
            }
            continue;
        }
        if !now.node.is_empty() && before.is_none_or(|before| before.node.is_empty()) {
            kinds[2].push(Happening::PodPlaced { pod: pod.clone(), node: now.node.clone() });
        }
        if now.shape == PodShape::Ready && !was(PodShape::Ready) {
            kinds[3].push(Happening::PodReady { pod: pod.clone(), node: now.node.clone() });
        }
        if now.shape == PodShape::Failing && !was(PodShape::Failing) {
            kinds[4].push(Happening::PodFailing { pod, status: now.status.clone() });
        }
    }
    let gone = old.pods.iter().filter(|(uid, _)| !new.pods.contains_key(*uid));
    kinds[5].extend(gone.map(|(_, pod)| Happening::PodGone { pod: pod.name.clone() }));
    for mut kind in kinds {
        let surplus = kind.len().saturating_sub(MOST);
        told.extend(kind.drain(surplus..));
    }
}

fn silent(view: &View, pod: &Pod) -> bool {
    view.nodes.get(&pod.node).is_some_and(|node: &Arc<Node>| {
        matches!(node_state(node), NodeState::Off | NodeState::OffUnnoticed | NodeState::NotReady)
    })
}

fn services(old: &View, new: &View, told: &mut Vec<Happening>) {
    for (uid, now) in &new.services {
        match old.services.get(uid) {
            None => told.push(Happening::Created { kind: "Service".to_owned(), name: now.name.clone() }),
            Some(before) if before.endpoints.len() != now.endpoints.len() => {
                told.push(Happening::Endpoints {
                    service: now.name.clone(),
                    count: u32::try_from(now.endpoints.len()).unwrap_or(u32::MAX),
                })
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Component, Service};

    fn node(power: bool, ready: &str) -> Node {
        Node { name: "n".into(), power, ready: ready.into(), kubelet: power, ..Node::default() }
    }

    fn view(node: Node, pods: Vec<Pod>) -> View {
        let mut view = View::default();
        view.nodes.insert(node.name.clone(), Arc::new(node));
        view.pods = pods.into_iter().map(|pod| (pod.uid.clone(), Arc::new(pod))).collect();
        view
    }

    fn pod(uid: &str, node: &str, shape: PodShape) -> Pod {
        Pod {
            uid: uid.into(),
            name: format!("web-1-{uid}"),
            owner: "web-1".into(),
            node: node.into(),
            shape,
            ..Pod::default()
        }
    }

    #[test]
    fn a_lost_node_is_told_in_the_order_it_happens() {
        let up = view(node(true, "True"), vec![pod("a", "n", PodShape::Ready)]);
        let off = view(node(false, "True"), vec![pod("a", "n", PodShape::Ready)]);
        let lost = view(node(false, "Unknown"), vec![pod("a", "n", PodShape::Ready)]);
        let evicted = view(
            node(false, "Unknown"),
            vec![pod("a", "n", PodShape::Terminating), pod("b", "", PodShape::Pending)],
        );
        assert_eq!(between(&up, &up), []);
        assert_eq!(between(&up, &off), [Happening::PowerOff { node: "n".into() }]);
        assert_eq!(between(&off, &lost), [Happening::NodeLost { node: "n".into() }]);
        assert_eq!(
            between(&lost, &evicted),
            [
                Happening::Evicted { pod: "web-1-a".into(), node: "n".into() },
                Happening::PodCreated { pod: "web-1-b".into(), owner: "web-1".into() },
            ]
        );
    }

    #[test]
    fn programs_and_endpoints_are_told() {
        let mut before = View::default();
        let program = |up| Arc::new(Component { place: "etcd".into(), up, ..Component::default() });
        let service = |endpoints: &[&str]| {
            let endpoints = endpoints.iter().map(|uid| (*uid).to_owned()).collect();
            Arc::new(Service { uid: "s".into(), name: "web".into(), endpoints, ..Service::default() })
        };
        before.components.insert("etcd".into(), program(true));
        before.services.insert("s".into(), service(&["a", "b"]));
        let mut after = before.clone();
        after.components.insert("etcd".into(), program(false));
        after.services.insert("s".into(), service(&["a"]));
        assert_eq!(
            between(&before, &after),
            [
                Happening::Stopped { place: "etcd".into() },
                Happening::Endpoints { service: "web".into(), count: 1 },
            ]
        );
    }

    #[test]
    fn a_lost_quorum_is_no_program_that_stopped() {
        let etcd = |up, members| {
            let mut view = View::default();
            let component = Component { place: "etcd".into(), up, members, ..Component::default() };
            view.components.insert("etcd".into(), Arc::new(component));
            view
        };
        let (whole, short) = (etcd(true, (2, 3)), etcd(false, (1, 3)));
        assert_eq!(between(&whole, &short), [Happening::QuorumLost { up: 1, all: 3 }]);
        assert_eq!(between(&short, &whole), [Happening::Started { place: "etcd".into() }]);
    }

    #[test]
    fn a_crowd_is_not_told_one_by_one() {
        let before = view(node(true, "True"), Vec::new());
        let crowd = (0..50).map(|number| pod(&number.to_string(), "n", PodShape::Ready)).collect();
        assert!(between(&before, &view(node(true, "True"), crowd)).len() <= 3 * MOST);
    }
}
