//! What can be broken about each thing on the stage, and how it is mended: the menu's contents, without a DOM.

use crate::{
    protocol::{Broken, Command, Node, Pod, Systems},
    view_model::Table,
};

/// How much longer a message takes on a slow link, in milliseconds.
const SLOW_MS: u32 = 500;
/// Other nodes to which a node's menu has lines: a menu of hundreds is none.
const MOST_LINES: usize = 12;

/// What can be done to a thing. The page finds the words.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[allow(missing_docs, reason = "the words of the menu say what each does")]
pub enum Deed {
    Stop,
    Crash,
    Cut,
    Slow,
    PowerOff,
    Partition,
    Cordon,
    Drain,
    FillMemory,
    FillDisk,
    Kill,
    DeleteAll,
    FailProbes,
    Leak,
    Burn,
    LoseImage,
    Empty,
    Surge,
}

/// One line of a menu.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What.
    pub deed: Deed,
    /// What else it strikes: the image, the ConfigMap, the far end of a line; else empty.
    pub detail: String,
    /// Does it.
    pub strike: Command,
    /// Undoes it, where it lasts.
    pub mend: Option<Command>,
    /// Whether it is so already.
    pub active: bool,
    /// Nothing would come of it.
    pub idle: bool,
}

/// What the menu looks at.
#[derive(Clone, Copy)]
pub struct Sight<'a> {
    /// Nodes, by name.
    pub nodes: &'a Table<Node>,
    /// Pods, by UID.
    pub pods: &'a Table<Pod>,
    /// What is broken.
    pub systems: &'a Systems,
}

/// A thing's name in the vocabulary of faults; `None` for what cannot be struck.
pub fn target(place: &str, pods: &Table<Pod>) -> Option<String> {
    let (kind, name) = place.split_once('/').unwrap_or(("", place));
    match kind {
        "node" | "zone" | "etcd" | "configmap" => Some(place.to_owned()),
        "workload" => name.split('/').nth(1).map(|name| format!("workload/{name}")),
        "pod" => pods.get(name).map(|pod| match pod.namespace.as_str() {
            "default" => format!("pod/{}", pod.name),
            namespace => format!("pod/{namespace}/{}", pod.name),
        }),
        _ => match place {
            "you" => None,
            "visitors" => Some("traffic/visitors".to_owned()),
            "etcd" => Some("etcd/0".to_owned()),
            _ => Some(format!("component/{place}")),
        },
    }
}

/// The ways from the thing at `place` to others: the far end, and the link as a fault names it.
fn lines_of(place: &str, sight: Sight<'_>) -> Vec<(String, String)> {
    let line = |near: &str, far: &str| (far.to_owned(), format!("link/{far}~{near}"));
    let (kind, name) = place.split_once('/').unwrap_or((place, "0"));
    match kind.split('@').next().unwrap_or_default() {
        "kubelet" | "kube-proxy" | "kube-scheduler" | "kube-controller-manager" => {
            vec![line(place, "kube-apiserver")]
        }
        // One member alone has nobody to talk to: the API server writes as if it were its own.
        "etcd" if !sight.systems.members.is_empty() => {
            let near = format!("etcd/{name}");
            // Each API server has the member beside it.
            let server = if name == "0" { String::new() } else { format!("-{name}") };
            let members = sight.systems.members.iter().map(|member| format!("etcd/{}", member.number));
            let others = members.filter(|far| *far != near);
            let ends = [format!("kube-apiserver{server}")].into_iter().chain(others);
            ends.map(|far| line(&near, &far)).collect()
        }
        "node" => {
            let others = sight.nodes.keys().filter(|far| *far != name);
            others.take(MOST_LINES).map(|far| line(name, far)).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether two texts name the same fault's target: the ends of a link have no order.
fn same_target(a: &str, b: &str) -> bool {
    let ends = |text: &str| {
        let (one, other) = text.strip_prefix("link/")?.split_once('~')?;
        Some(if one <= other {
            (one.to_owned(), other.to_owned())
        } else {
            (other.to_owned(), one.to_owned())
        })
    };
    a == b || ends(a).is_some_and(|ends_of_a| Some(ends_of_a) == ends(b))
}

/// What can be done to the thing at `place`, in the order of the menu.
pub fn offers(place: &str, sight: Sight<'_>) -> Vec<Offer> {
    let Some(target) = target(place, sight.pods) else { return Vec::new() };
    let mut offers = Vec::new();
    let fault = |deed: Deed, kind: &str| lasting(deed, &target, kind, sight);
    match target.split('/').next().unwrap_or_default() {
        "component" | "etcd" => {
            offers.push(fault(Deed::Stop, "Stop"));
            offers.push(momentary(Deed::Crash, &target));
        }
        "node" => {
            offers.extend([fault(Deed::PowerOff, "PowerOff"), fault(Deed::Partition, "Partition")]);
            offers.extend(maintenance(place, sight));
            offers.extend([fault(Deed::FillMemory, "FillMemory"), fault(Deed::FillDisk, "FillDisk")]);
        }
        "zone" => offers.extend(of_zone(&target, sight)),
        "pod" => {
            offers.push(momentary(Deed::Kill, &target));
            offers.push(Offer { idle: !is_probed(place, sight), ..fault(Deed::FailProbes, "FailProbes") });
            offers.push(fault(Deed::Leak, "FillMemory"));
            offers.push(fault(Deed::Burn, "BurnCpu"));
            offers.extend(images(place, sight));
            offers.extend(config_maps(place, sight));
        }
        "configmap" => offers.push(fault(Deed::Empty, "Empty")),
        "workload" => offers.extend(of_workload(place, sight)),
        "traffic" => offers.push(fault(Deed::Surge, "Surge")),
        _ => {}
    }
    for (far, line) in lines_of(place, sight) {
        let detail = format!("↔ {far}");
        offers.push(Offer { detail: detail.clone(), ..lasting(Deed::Cut, &line, "Drop", sight) });
        let strike = Command::Slow { target: line.clone(), by: SLOW_MS };
        offers.push(Offer { detail, strike, ..lasting(Deed::Slow, &line, "Delay", sight) });
    }
    offers
}

fn lasting(deed: Deed, target: &str, kind: &str, sight: Sight<'_>) -> Offer {
    let is = |broken: &&Broken| broken.kind == kind && same_target(&broken.target, target);
    Offer {
        deed,
        detail: String::new(),
        strike: Command::Fault { target: target.to_owned(), kind: kind.to_owned() },
        mend: Some(Command::Repair { target: target.to_owned() }),
        active: sight.systems.broken.iter().find(is).is_some(),
        idle: false,
    }
}

fn momentary(deed: Deed, target: &str) -> Offer {
    let strike = Command::Fault { target: target.to_owned(), kind: "Crash".to_owned() };
    Offer { deed, detail: String::new(), strike, mend: None, active: false, idle: false }
}

/// What an admin does before maintenance.
fn maintenance(place: &str, sight: Sight<'_>) -> [Offer; 2] {
    let name = place.trim_start_matches("node/");
    let cordoned = sight.systems.cordoned.iter().any(|node| node == name);
    let kubectl = |line: String| Command::Kubectl(line);
    let offer = |deed, line: String| Offer {
        deed,
        detail: String::new(),
        strike: kubectl(line),
        mend: Some(kubectl(format!("uncordon {name}"))),
        active: deed == Deed::Cordon && cordoned,
        idle: false,
    };
    [
        offer(Deed::Cordon, format!("cordon {name}")),
        offer(
            Deed::Drain,
            format!("drain {name} --ignore-daemonsets --delete-emptydir-data --force --timeout=60s"),
        ),
    ]
}

/// What strikes all nodes of a zone.
fn of_zone(target: &str, sight: Sight<'_>) -> [Offer; 2] {
    [(Deed::PowerOff, "PowerOff"), (Deed::Partition, "Partition")].map(|(deed, kind)| Offer {
        active: sight.systems.zones.iter().any(|zone| zone.target == target && zone.kind == kind),
        ..lasting(deed, target, kind, sight)
    })
}

/// What is struck with all pods of a workload, `workload/NAMESPACE/NAME/UID`.
fn of_workload(place: &str, sight: Sight<'_>) -> Vec<Offer> {
    let uid = place.rsplit('/').next().unwrap_or_default();
    let mut pods: Vec<&Pod> =
        sight.pods.values().map(AsRef::as_ref).filter(|pod| pod.workload == uid).collect();
    pods.sort_by(|a, b| a.name.cmp(&b.name));
    let Some(first) = pods.first() else { return Vec::new() };
    let names = pods.iter().map(|pod| pod.name.as_str()).collect::<Vec<_>>().join(" ");
    let line = format!("delete pod {names} -n {} --wait=false", first.namespace);
    let strike = Command::Kubectl(line);
    let mut offers = vec![Offer { deed: Deed::DeleteAll, strike, ..momentary(Deed::DeleteAll, "") }];
    offers.extend(images_of(&pods, sight));
    let mut maps: Vec<(&Pod, &String)> =
        pods.iter().flat_map(|pod| pod.config_maps.iter().map(|name| (*pod, name))).collect();
    maps.sort_by_key(|(_, name)| *name);
    maps.dedup_by_key(|(_, name)| *name);
    offers.extend(maps.into_iter().map(|(pod, name)| empty(pod, name, sight)));
    offers
}

/// Whether anybody asks a pod how it is.
fn is_probed(place: &str, sight: Sight<'_>) -> bool {
    let pod = sight.pods.get(place.trim_start_matches("pod/"));
    pod.is_some_and(|pod| pod.containers.iter().any(|container| container.probed))
}

/// An image as what is broken names it: in full.
fn image(name: &str) -> String {
    format!("image/{}", shared::runtime::full_reference(name))
}

/// The images of a pod can be lost, each once.
fn images(place: &str, sight: Sight<'_>) -> Vec<Offer> {
    let pod = sight.pods.get(place.trim_start_matches("pod/")).map(AsRef::as_ref);
    images_of(&Vec::from_iter(pod), sight)
}

fn images_of(pods: &[&Pod], sight: Sight<'_>) -> Vec<Offer> {
    let mut images: Vec<&str> =
        pods.iter().flat_map(|pod| pod.containers.iter().map(|container| container.image.as_str())).collect();
    images.sort_unstable();
    images.dedup();
    let offer = |name: &str| Offer {
        detail: name.to_owned(),
        ..lasting(Deed::LoseImage, &image(name), "Missing", sight)
    };
    images.into_iter().take(3).map(offer).collect()
}

/// The ConfigMaps that a pod reads can be broken.
fn config_maps(place: &str, sight: Sight<'_>) -> Vec<Offer> {
    let pod = sight.pods.get(place.trim_start_matches("pod/"));
    pod.into_iter().flat_map(|pod| pod.config_maps.iter().map(move |name| empty(pod, name, sight))).collect()
}

fn empty(pod: &Pod, name: &str, sight: Sight<'_>) -> Offer {
    Offer { detail: name.to_owned(), ..lasting(Deed::Empty, &config_map(pod, name), "Empty", sight) }
}

fn config_map(pod: &Pod, name: &str) -> String {
    format!("configmap/{}/{name}", pod.namespace)
}

/// What a fault of the vocabulary is called in the menu.
pub fn deed_of(broken: &Broken) -> Deed {
    match broken.kind.as_str() {
        "PowerOff" => Deed::PowerOff,
        "Partition" => Deed::Partition,
        "FillMemory" if broken.target.starts_with("pod/") => Deed::Leak,
        "FillMemory" => Deed::FillMemory,
        "FillDisk" => Deed::FillDisk,
        "FailProbes" => Deed::FailProbes,
        "BurnCpu" => Deed::Burn,
        "Missing" => Deed::LoseImage,
        "Empty" => Deed::Empty,
        "Surge" => Deed::Surge,
        "Drop" => Deed::Cut,
        "Delay" => Deed::Slow,
        _ => Deed::Stop,
    }
}

/// A target without the word for its sort, where its name says enough: `node-2`, `zone/b`, `kubelet@node-1`, `kube-apiserver ↔ kube-scheduler`, `todo-api:v1`.
pub fn short_name(target: &str) -> String {
    match target.split_once('/') {
        Some(("link", ends)) => ends.replace('~', " ↔ "),
        Some(("etcd" | "zone", _)) | None => target.to_owned(),
        // As manifests write it.
        Some(("image", full)) => {
            let short = full.strip_prefix("docker.io/").unwrap_or(full);
            short.strip_prefix("library/").unwrap_or(short).to_owned()
        }
        Some((_, name)) => name.to_owned(),
    }
}

/// What is broken about the thing at `place` itself, its lines, and the ConfigMaps and images that it needs.
pub fn broken_at<'a>(place: &str, sight: Sight<'a>) -> Vec<&'a Broken> {
    let Some(target) = target(place, sight.pods) else { return Vec::new() };
    let mut targets = vec![target];
    targets.extend(lines_of(place, sight).into_iter().map(|(_, line)| line));
    if let Some(pod) = place.strip_prefix("pod/").and_then(|uid| sight.pods.get(uid)) {
        targets.extend(pod.config_maps.iter().map(|name| config_map(pod, name)));
        targets.extend(pod.containers.iter().map(|container| image(&container.image)));
    }
    let here = |broken: &&Broken| targets.iter().any(|target| same_target(&broken.target, target));
    sight.systems.broken.iter().filter(here).collect()
}

/// Everything that can be struck, is not, and would be felt, in a fixed order: what chaos draws from.
pub fn candidates(sight: Sight<'_>) -> Vec<(String, Offer)> {
    let mut places: Vec<String> =
        ["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "visitors"]
            .map(ToOwned::to_owned)
            .into();
    for name in sight.nodes.keys().chain(&sight.systems.some_nodes) {
        places.extend([format!("kubelet@{name}"), format!("kube-proxy@{name}"), format!("node/{name}")]);
    }
    places.extend(sight.pods.keys().map(|uid| format!("pod/{uid}")));
    let mut found = Vec::new();
    for place in places {
        let open = offers(&place, sight).into_iter().filter(|offer| !offer.active && !offer.idle);
        found.extend(open.map(|offer| (place.clone(), offer)));
    }
    found
}

/// The number that `seed` gives at draw `number`, below `bound` (splitmix64).
pub fn draw(seed: u64, number: u64, bound: usize) -> usize {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    let bound = u64::try_from(bound.max(1)).unwrap_or(1);
    usize::try_from(z % bound).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::protocol::{Container, Member};

    fn table<T>(things: impl IntoIterator<Item = (&'static str, T)>) -> Table<T> {
        things.into_iter().map(|(key, thing)| (key.to_owned(), Arc::new(thing))).collect()
    }

    fn things() -> (Table<Node>, Table<Pod>) {
        let node = |name: &str, zone: &str| Node { name: name.into(), zone: zone.into(), ..Node::default() };
        let container = Container { image: "todo-api:v1".into(), ..Container::default() };
        let pod = Pod {
            name: "web".into(),
            namespace: "shop".into(),
            containers: vec![container.clone(), container],
            ..Pod::default()
        };
        (table([("a", node("a", "x")), ("b", node("b", "x"))]), table([("uid", pod)]))
    }

    #[test]
    fn every_offer_is_a_fault_that_the_engine_takes() {
        let (nodes, pods) = things();
        let members = (0..3).map(|number| Member { number, ..Member::default() }).collect();
        let systems = Systems { members, ..Systems::default() };
        let sight = Sight { nodes: &nodes, pods: &pods, systems: &systems };
        for (place, count) in [
            ("kube-scheduler", 4),
            ("kubelet@a", 4),
            ("kube-proxy@a", 4),
            ("etcd", 8),
            ("etcd/2", 8),
            ("node/a", 8),
            ("zone/x", 2),
            ("pod/uid", 5),
            ("visitors", 1),
            ("you", 0),
            ("pod/gone", 0),
        ] {
            let offers = offers(place, sight);
            assert_eq!(offers.len(), count, "{place}: {offers:?}");
            for offer in offers {
                for command in [Some(&offer.strike), offer.mend.as_ref()].into_iter().flatten() {
                    if let Command::Fault { target, .. }
                    | Command::Slow { target, .. }
                    | Command::Repair { target } = command
                    {
                        shared::sim::Target::parse(target).expect("a target of the vocabulary");
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_broken_shows_on_its_thing_whichever_way_a_link_is_written() {
        let (nodes, pods) = things();
        let broken = |target: &str, kind: &str| Broken { target: target.into(), kind: kind.into() };
        let systems = Systems {
            broken: vec![
                broken("link/kubelet@a~kube-apiserver", "Drop"),
                broken("node/a", "PowerOff"),
                broken("node/b", "PowerOff"),
                broken("pod/shop/web", "FillMemory"),
                broken("image/docker.io/library/todo-api:v1", "Missing"),
            ],
            zones: vec![broken("zone/x", "PowerOff")],
            ..Systems::default()
        };
        let sight = Sight { nodes: &nodes, pods: &pods, systems: &systems };
        let active = |place: &str| -> Vec<Deed> {
            offers(place, sight).into_iter().filter(|offer| offer.active).map(|offer| offer.deed).collect()
        };
        assert_eq!(active("kubelet@a"), [Deed::Cut]);
        assert_eq!(active("kubelet@b"), []);
        assert_eq!(active("zone/x"), [Deed::PowerOff]);
        assert_eq!(active("pod/uid"), [Deed::Leak, Deed::LoseImage]);
        assert_eq!(broken_at("kubelet@a", sight).len(), 1);
        let of_pod: Vec<Deed> = broken_at("pod/uid", sight).into_iter().map(deed_of).collect();
        assert_eq!(of_pod, [Deed::Leak, Deed::LoseImage]);
        for (target, name) in [
            ("link/kubelet@a~kube-apiserver", "kubelet@a ↔ kube-apiserver"),
            ("image/docker.io/library/todo-api:v1", "todo-api:v1"),
            ("image/docker.io/bitnami/redis:7", "bitnami/redis:7"),
            ("image/registry.k8s.io/pause:3.10", "registry.k8s.io/pause:3.10"),
            ("node/a", "a"),
        ] {
            assert_eq!(short_name(target), name);
        }
        assert!(candidates(sight).iter().all(|(place, offer)| !offer.active && place != "zone/x"));
    }

    #[test]
    fn of_a_map_whose_nodes_are_in_no_table_chaos_draws_nodes_and_what_is_cordoned_is_undone() {
        let systems = Systems {
            far: true,
            cordoned: vec!["node-30".into()],
            some_nodes: vec!["node-0".into(), "node-30".into()],
            ..Systems::default()
        };
        let sight = Sight { nodes: &Table::default(), pods: &Table::default(), systems: &systems };
        let drawn = candidates(sight);
        for place in ["node/node-0", "kubelet@node-0", "kube-proxy@node-30", "etcd", "visitors"] {
            assert!(drawn.iter().any(|(known, _)| known == place), "{place}");
        }
        let cordon = |place: &str| {
            let mut offers = offers(place, sight).into_iter();
            offers.find(|offer| offer.deed == Deed::Cordon).expect("nodes can be cordoned")
        };
        assert!(!cordon("node/node-0").active);
        assert!(cordon("node/node-30").active);
        assert_eq!(cordon("node/node-30").mend, Some(Command::Kubectl("uncordon node-30".into())));
    }

    #[test]
    fn probes_fail_only_where_there_are_any_and_chaos_knows() {
        let systems = Systems::default();
        for probed in [false, true] {
            let containers = vec![Container { probed, ..Container::default() }];
            let pods = table([("uid", Pod { name: "web".into(), containers, ..Pod::default() })]);
            let sight = Sight { nodes: &Table::default(), pods: &pods, systems: &systems };
            let idle: Vec<Deed> =
                offers("pod/uid", sight).into_iter().filter(|it| it.idle).map(|it| it.deed).collect();
            assert_eq!(idle, if probed { vec![] } else { vec![Deed::FailProbes] });
            let drawn = candidates(sight).iter().any(|(_, offer)| offer.deed == Deed::FailProbes);
            assert_eq!(drawn, probed);
        }
    }

    #[test]
    fn a_config_map_is_broken_from_its_pods_and_from_itself() {
        let (nodes, _) = things();
        let pod = Pod { namespace: "shop".into(), config_maps: vec!["settings".into()], ..Pod::default() };
        let pods = table([("uid", pod)]);
        let target = "configmap/shop/settings";
        let broken = vec![Broken { target: target.into(), kind: "Empty".into() }];
        let systems = Systems { broken, ..Systems::default() };
        let sight = Sight { nodes: &nodes, pods: &pods, systems: &systems };
        for place in ["pod/uid", target] {
            let offers = offers(place, sight);
            let offer = offers.iter().find(|offer| offer.deed == Deed::Empty).expect("it is offered");
            assert!(offer.active);
            assert_eq!(offer.mend, Some(Command::Repair { target: target.into() }));
            assert_eq!(broken_at(place, sight).len(), 1);
        }
    }

    #[test]
    fn a_workload_is_struck_with_all_its_pods() {
        let pod = |name: &str, workload: &str, image: &str| Pod {
            name: name.into(),
            namespace: "shop".into(),
            workload: workload.into(),
            containers: vec![Container { image: image.into(), ..Container::default() }],
            config_maps: vec!["settings".into()],
            ..Pod::default()
        };
        let pods = table([
            ("1", pod("web-b", "w", "nginx")),
            ("2", pod("web-a", "w", "nginx")),
            ("3", pod("other", "x", "redis")),
        ]);
        let (nodes, systems) = (Table::default(), Systems::default());
        let sight = Sight { nodes: &nodes, pods: &pods, systems: &systems };
        let offers = offers("workload/shop/web/w", sight);
        let told: Vec<(Deed, &str)> =
            offers.iter().map(|offer| (offer.deed, offer.detail.as_str())).collect();
        assert_eq!(told, [(Deed::DeleteAll, ""), (Deed::LoseImage, "nginx"), (Deed::Empty, "settings")]);
        let line = "delete pod web-a web-b -n shop --wait=false";
        assert_eq!(offers[0].strike, Command::Kubectl(line.into()));
        assert_eq!(target("workload/shop/web/w", &pods).as_deref(), Some("workload/web"));
        assert!(super::offers("workload/shop/gone/g", sight).is_empty());
    }

    #[test]
    fn a_seed_draws_the_same_again_and_reaches_everything() {
        let drawn = |seed| (0..200).map(|number| draw(seed, number, 7)).collect::<Vec<_>>();
        assert_eq!(drawn(7), drawn(7));
        assert_ne!(drawn(7), drawn(8));
        assert!((0..7).all(|index| drawn(7).contains(&index)));
        assert_eq!(draw(1, 1, 0), 0);
    }
}
