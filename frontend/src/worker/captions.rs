//! What just happened, found by comparing two moments. Pure.

use std::sync::Arc;

use super::view::View;
use crate::{
    protocol::{Broken, Happening, Node, Pod, PodShape, Service, Systems, Workload},
    view_model::{NodeState, called, node_state},
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

/// What was broken and mended between `old` and `new`, of which `view` is what is seen, but for what `told` says already.
pub fn struck(old: &Systems, new: &Systems, view: &View, told: &[Happening]) -> Vec<Happening> {
    let untold = |broken: &&Broken| !says(told, broken);
    let begun = new.broken.iter().filter(|broken| !old.broken.contains(broken)).filter(untold);
    let ended = old.broken.iter().filter(|broken| !new.broken.contains(broken)).filter(untold);
    let ended = ended.filter(|broken| is_there(view, broken));
    let begun = begun.take(MOST).cloned().map(Happening::Struck);
    begun.chain(ended.take(MOST).cloned().map(Happening::Mended)).collect()
}

/// Whether one of these tells that this was broken or mended.
fn says(told: &[Happening], broken: &Broken) -> bool {
    let (sort, name) = broken.target.split_once('/').unwrap_or_default();
    told.iter().any(|what| match what {
        Happening::PowerOff { node } | Happening::PowerOn { node } => {
            broken.kind == "PowerOff" && sort == "node" && node == name
        }
        Happening::Stopped { place } | Happening::Started { place } => match sort {
            "etcd" => place == "etcd",
            _ => sort == "component" && place == name,
        },
        Happening::QuorumLost { .. } => sort == "etcd",
        _ => false,
    })
}

/// What is gone, or has no power, is not broken any more, and was not mended.
fn is_there(view: &View, broken: &Broken) -> bool {
    let powered = |node: &str| view.nodes.get(node).is_none_or(|node| node.power);
    match broken.target.split_once('/').unwrap_or_default() {
        ("component", place) => place.split_once('@').is_none_or(|(_, node)| powered(node)),
        ("pod", path) => {
            let (namespace, name) = path.split_once('/').unwrap_or(("default", path));
            let mut pods = view.pods.values();
            pods.any(|pod| {
                pod.name == name
                    && pod.namespace == namespace
                    && pod.shape != PodShape::Terminating
                    && powered(&pod.node)
            })
        }
        _ => true,
    }
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
    let all = || new.workloads.values().map(|it| (it.namespace.as_str(), it.name.as_str()));
    let name = |it: &Workload| called(&it.namespace, &it.name, all());
    for (uid, now) in &new.workloads {
        match old.workloads.get(uid) {
            None => told.push(Happening::Created { kind: now.kind.clone(), name: name(now) }),
            Some(before) if before.wanted != now.wanted => {
                told.push(Happening::Scaled { name: name(now), from: before.wanted, to: now.wanted })
            }
            Some(_) => {}
        }
    }
}

fn pods(old: &View, new: &View, told: &mut Vec<Happening>) {
    let mut kinds: [Vec<Happening>; 6] = Default::default();
    // Who is just gone is still confused with who is there.
    let all =
        || old.pods.values().chain(new.pods.values()).map(|it| (it.namespace.as_str(), it.name.as_str()));
    let name = |it: &Pod| called(&it.namespace, &it.name, all());
    for (uid, now) in &new.pods {
        let before = old.pods.get(uid);
        let pod = || name(now);
        let was = |shape: PodShape| before.is_some_and(|before| before.shape == shape);
        if before.is_none() {
            kinds[1].push(match now.owner.as_str() {
                "" => Happening::Created { kind: "Pod".to_owned(), name: pod() },
                owner => Happening::PodCreated { pod: pod(), owner: owner.to_owned() },
            });
        }
        if now.shape == PodShape::Terminating && before.is_some() && !was(PodShape::Terminating) {
            if silent(new, now) {
                kinds[0].push(Happening::Evicted { pod: pod(), node: now.node.clone() });
            }
            continue;
        }
        if !now.node.is_empty() && before.is_none_or(|before| before.node.is_empty()) {
            kinds[2].push(Happening::PodPlaced { pod: pod(), node: now.node.clone() });
        }
        if now.shape == PodShape::Ready && !was(PodShape::Ready) {
            kinds[3].push(Happening::PodReady { pod: pod(), node: now.node.clone() });
        }
        if now.shape == PodShape::Failing && !was(PodShape::Failing) {
            // Of a pod that failed as a whole kubectl's column tells how its containers ended.
            let status = if now.reason.is_empty() { &now.status } else { &now.reason };
            kinds[4].push(Happening::PodFailing { pod: pod(), status: status.clone() });
        }
    }
    let gone = old.pods.iter().filter(|(uid, _)| !new.pods.contains_key(*uid));
    kinds[5].extend(gone.map(|(_, pod)| Happening::PodGone { pod: name(pod) }));
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
    let all = || new.services.values().map(|it| (it.namespace.as_str(), it.name.as_str()));
    let name = |it: &Service| called(&it.namespace, &it.name, all());
    for (uid, now) in &new.services {
        match old.services.get(uid) {
            None => told.push(Happening::Created { kind: "Service".to_owned(), name: name(now) }),
            Some(before) if before.endpoints.len() != now.endpoints.len() => {
                told.push(Happening::Endpoints {
                    service: name(now),
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
    use crate::protocol::Component;

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
            namespace: "default".into(),
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
    fn of_two_that_are_called_the_same_it_is_told_which() {
        let mut before = View::default();
        for namespace in ["shop", "blog"] {
            let service = Service {
                uid: namespace.into(),
                namespace: namespace.into(),
                name: "web".into(),
                endpoints: vec!["a".into()],
                ..Service::default()
            };
            let workload = Workload {
                uid: namespace.into(),
                namespace: namespace.into(),
                name: "web".into(),
                wanted: 2,
                ..Workload::default()
            };
            before.services.insert(namespace.into(), Arc::new(service));
            before.workloads.insert(namespace.into(), Arc::new(workload));
        }
        for (uid, namespace) in [("1", "shop"), ("2", "blog")] {
            let pod = Pod {
                name: "web-0".into(),
                namespace: namespace.into(),
                ..pod(uid, "n", PodShape::Starting)
            };
            before.pods.insert(uid.into(), Arc::new(pod));
        }
        before.pods.insert("c".into(), Arc::new(pod("c", "n", PodShape::Starting)));
        let mut after = before.clone();
        Arc::make_mut(after.services.get_mut("blog").expect("it is there")).endpoints.clear();
        Arc::make_mut(after.workloads.get_mut("shop").expect("it is there")).wanted = 3;
        after.pods.remove("1");
        for uid in ["2", "c"] {
            Arc::make_mut(after.pods.get_mut(uid).expect("it is there")).shape = PodShape::Ready;
        }
        assert_eq!(
            between(&before, &after),
            [
                Happening::Scaled { name: "shop/web".into(), from: 2, to: 3 },
                Happening::PodReady { pod: "blog/web-0".into(), node: "n".into() },
                Happening::PodReady { pod: "web-1-c".into(), node: "n".into() },
                Happening::PodGone { pod: "shop/web-0".into() },
                Happening::Endpoints { service: "blog/web".into(), count: 0 },
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
    fn an_evicted_pod_fails_for_being_evicted() {
        let before = view(node(true, "True"), vec![pod("a", "n", PodShape::Ready)]);
        for (reason, told) in [("Evicted", "Evicted"), ("", "Completed")] {
            let failed =
                Pod { status: "Completed".into(), reason: reason.into(), ..pod("a", "n", PodShape::Failing) };
            let after = view(node(true, "True"), vec![failed]);
            let failing = Happening::PodFailing { pod: "web-1-a".into(), status: told.into() };
            assert_eq!(between(&before, &after), [failing]);
        }
    }

    #[test]
    fn whatever_is_broken_or_mended_is_told_once() {
        let broken = |target: &str, kind: &str| Broken { target: target.into(), kind: kind.into() };
        let systems = |broken: &[Broken]| Systems { broken: broken.to_vec(), ..Systems::default() };
        let (whole, dark) = (node(true, "True"), node(false, "True"));
        let here = view(whole, vec![pod("a", "n", PodShape::Ready)]);
        for (target, kind) in [
            ("node/n", "Partition"),
            ("node/n", "FillDisk"),
            ("traffic/visitors", "Surge"),
            ("pod/web-1-a", "FillMemory"),
            ("image/docker.io/library/web:v1", "Missing"),
            ("link/kubelet@n~kube-apiserver", "Drop"),
            ("etcd/1", "Stop"),
        ] {
            let it = broken(target, kind);
            let (before, after) = (systems(&[]), systems(std::slice::from_ref(&it)));
            let (struck_so, mended) = (Happening::Struck(it.clone()), Happening::Mended(it));
            assert_eq!(struck(&before, &after, &here, &[]), [struck_so], "{target}");
            assert_eq!(struck(&after, &after, &here, &[]), [], "{target}");
            assert_eq!(struck(&after, &before, &here, &[]), [mended], "{target}");
        }
        // What has its own sentence.
        let stopped = |place: &str| Happening::Stopped { place: place.into() };
        for (target, kind, told) in [
            ("node/n", "PowerOff", Happening::PowerOff { node: "n".into() }),
            ("component/kube-scheduler", "Stop", stopped("kube-scheduler")),
            ("component/kubelet@n", "Stop", stopped("kubelet@n")),
            ("etcd/2", "Stop", Happening::QuorumLost { up: 1, all: 3 }),
        ] {
            let after = systems(&[broken(target, kind)]);
            assert_eq!(struck(&systems(&[]), &after, &here, &[told]), [], "{target}");
        }
        // What went with its pod or its machine was not mended.
        for (target, kind, seen) in [
            ("component/kubelet@n", "Stop", view(dark, Vec::new())),
            ("pod/web-1-a", "FillMemory", view(node(true, "True"), Vec::new())),
            ("pod/web-1-a", "BurnCpu", view(node(true, "True"), vec![pod("a", "n", PodShape::Terminating)])),
        ] {
            let before = systems(&[broken(target, kind)]);
            assert_eq!(struck(&before, &systems(&[]), &seen, &[]), [], "{target}");
        }
    }

    #[test]
    fn a_crowd_is_not_told_one_by_one() {
        let before = view(node(true, "True"), Vec::new());
        let crowd = (0..50).map(|number| pod(&number.to_string(), "n", PodShape::Ready)).collect();
        assert!(between(&before, &view(node(true, "True"), crowd)).len() <= 3 * MOST);
    }
}
