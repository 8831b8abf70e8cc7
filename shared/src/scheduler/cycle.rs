//! One scheduling cycle: which nodes can take a pod, which of them is best.

use std::sync::Arc;

use crate::collections::{BTreeMap, sort};
use crate::doc::{Str, literal};
use crate::sim::Random;

use super::cache::Cache;
use super::framework::{Asks, Cycle, Filter, Locality, Nodes, Plugin};
use super::memo::{Memo, Memos};
use super::plugins::PLUGINS;
use super::trial::Trial;

/// Fewer nodes than this are all looked at.
const FEWEST_SAMPLED: u64 = 100;

/// Why no node could take a pod.
#[derive(Clone, Debug, Default)]
pub struct Rejections {
    /// Why it was no use to look at nodes at all.
    pub beforehand: Option<Str>,
    /// How many nodes gave each reason.
    pub reasons: BTreeMap<Str, u32>,
    /// The nodes on which removing other pods could help, in the order of nodes.
    pub resolvable: Vec<u32>,
    /// The plugins that rejected a node, as a bit for each place in [`PLUGINS`].
    pub plugins: u32,
}

/// How a cycle ended.
#[derive(Clone, Debug)]
pub enum Decision {
    /// The pod goes to the node in this slot.
    Fits {
        /// The slot.
        slot: u32,
        /// How many nodes could have taken it, of those looked at.
        feasible: u32,
        /// How many were looked at.
        examined: u32,
        /// The winner's total score; `None` when there was nothing to choose from.
        score: Option<i64>,
    },
    /// No node can take it.
    Unschedulable(Rejections),
    /// There are no nodes.
    NoNodes,
}

/// How many feasible nodes are enough, of `all`.
pub fn sample_size(all: u64) -> u64 {
    if all < FEWEST_SAMPLED {
        return all;
    }
    let percentage = 50u64.saturating_sub(all / 125).max(5);
    (all * percentage / 100).max(FEWEST_SAMPLED)
}

/// Finds a node for a pod of the group `id`, which [`Cache::prepare`] made ready. `start` is where in the order of
/// nodes to begin; it moves on.
pub fn schedule(
    cache: &Cache,
    id: u32,
    asks: &Asks,
    memos: &mut Memos,
    start: &mut u32,
    random: &mut Random,
) -> Decision {
    let group = cache.groups().get(id);
    let cycle = Cycle { cache, group, template: &group.template, asks };
    let order = cache.order();
    let all = order.len() as u32;
    if all == 0 {
        return Decision::NoNodes;
    }
    // Most pods may go to any node.
    let named = named(cycle);
    if (asks.volumes.is_some() || asks.devices.is_some() || named.is_some())
        && let Some((place, reason)) =
            (0..).zip(PLUGINS).find_map(|(place, plugin)| Some((place, plugin.pre_filter(cycle)?)))
    {
        let beforehand = Some(reason);
        return Decision::Unschedulable(Rejections {
            beforehand,
            plugins: 1 << place,
            ..Rejections::default()
        });
    }
    let order = named.as_deref().unwrap_or(order);
    let wanted = sample_size(order.len() as u64) as u32;
    let first = if named.is_some() { 0 } else { *start % all };
    let filters = filters(cycle);
    // The order of filters decides which reason is told, not which nodes pass.
    let (local, others): (Vec<_>, Vec<_>) =
        filters.iter().partition(|(place, _)| PLUGINS[*place as usize].locality() != Locality::None);
    let local: Vec<&dyn Filter> = local.into_iter().map(|(_, filter)| &**filter).collect();
    let (cheap, dear): (Vec<&dyn Filter>, Vec<&dyn Filter>) =
        others.into_iter().map(|(_, filter)| &**filter).partition(|filter| filter.is_cheap());
    // With nothing to choose from nothing is worth remembering.
    let mut memo = (order.len() > 1).then(|| memos.of(&group.template));
    let anyone_nominated = !asks.nominated.is_empty();
    let mut trial = Trial::new(cycle, &filters);
    // Room was made for the pod on this node: when it fits there, no other is looked at.
    if let Some(slot) = asks.nominated.slot(&asks.pod).filter(|&slot| cache.node(slot).object.is_some())
        && trial.check(slot).is_ok()
    {
        return Decision::Fits { slot, feasible: 1, examined: 1, score: None };
    }
    let mut feasible = Vec::with_capacity(wanted as usize);
    let mut examined = 0;
    let (tail, head) = order.split_at(first as usize);
    // Most pods ask for nothing that depends on other nodes.
    let plain = cheap.is_empty() && dear.is_empty() && !anyone_nominated;
    if let Some(memo) = memo.as_mut().filter(|_| plain) {
        for part in [head, tail] {
            examined += memo.gather(cache, part, &local, wanted as usize, &mut feasible);
        }
    } else {
        for &slot in head.iter().chain(tail) {
            examined += 1;
            let fits = |filters: &[&dyn Filter]| {
                filters.is_empty() || filters.iter().all(|filter| filter.passes(slot, cache.node(slot)))
            };
            if fits(&cheap)
                && match &mut memo {
                    Some(memo) => memo.fits(cache, slot, &local),
                    None => fits(&local),
                }
                && fits(&dear)
                && (!anyone_nominated
                    || asks.nominated.on(slot).is_empty()
                    || match &mut memo {
                        Some(memo) => memo.tried(cache, slot, &mut trial).is_none(),
                        None => trial.check(slot).is_ok(),
                    })
            {
                feasible.push(slot);
                if feasible.len() as u32 == wanted {
                    break;
                }
            }
        }
    }
    *start = (*start % all + examined) % all;
    match (feasible.as_slice(), memo) {
        // Reasons are collected only where they are told: most pods fit somewhere.
        ([], memo) => Decision::Unschedulable(rejections(cycle, &filters, memo)),
        (several @ [_, _, ..], Some(memo)) => {
            let (slot, score) = best(cycle, memo, several, random);
            Decision::Fits { slot, feasible: several.len() as u32, examined, score: Some(score) }
        }
        ([only, ..], _) => Decision::Fits { slot: *only, feasible: 1, examined, score: None },
    }
}

/// The questions to each node, with the plugin's place in [`PLUGINS`].
pub fn filters<'a>(cycle: Cycle<'a>) -> Vec<(u32, Box<dyn Filter + 'a>)> {
    let filter = |(place, plugin): (usize, &&dyn super::framework::Plugin)| {
        Some((place as u32, plugin.filter(cycle)?))
    };
    PLUGINS.iter().enumerate().filter_map(filter).collect()
}

/// The nodes that a pod may go to by name, if its affinity is about names.
pub fn named(cycle: Cycle<'_>) -> Option<Vec<u32>> {
    let names = cycle.template.node_affinity.names()?;
    Some(names.iter().filter_map(|name| cycle.cache.existing(name)).collect())
}

/// Why each of the nodes rejects the pod.
fn rejections(
    cycle: Cycle<'_>,
    filters: &[(u32, Box<dyn Filter + '_>)],
    memo: Option<&mut Memo>,
) -> Rejections {
    let local = |(place, _): &(u32, _)| PLUGINS[*place as usize].locality() != Locality::None;
    let mut memo = memo.filter(|_| filters.iter().all(local));
    let mut rejections = Rejections::default();
    let mut trial = Trial::new(cycle, filters);
    let order = named(cycle);
    let all = cycle.cache.order();
    if let Some(order) = &order
        && order.len() < all.len()
    {
        // Nobody looked at the others.
        let others = (all.len() - order.len()) as u32;
        rejections.reasons.insert(literal!("node(s) didn't satisfy plugin(s) [NodeAffinity]"), others);
        let place = PLUGINS.iter().position(|plugin| plugin.name() == "NodeAffinity");
        rejections.plugins |= place.map_or(0, |place| 1 << place);
    }
    for &slot in order.as_ref().unwrap_or(all) {
        let node = cycle.cache.node(slot);
        let first = match (cycle.asks.nominated.on(slot), &mut memo) {
            ([], Some(memo)) => memo.refusal(cycle.cache, slot, filters),
            ([], None) => {
                filters.iter().find_map(|(place, filter)| Some((*place, filter.check(slot, node).err()?)))
            }
            (_, Some(memo)) => memo.tried(cycle.cache, slot, &mut trial),
            (_, None) => trial.check(slot).err(),
        };
        let Some((place, rejection)) = first else { continue };
        rejections.plugins |= 1 << place;
        if !rejection.unresolvable {
            rejections.resolvable.push(slot);
        }
        for reason in rejection.reasons {
            *rejections.reasons.entry(reason).or_default() += 1;
        }
    }
    rejections
}

/// The plugins whose scores are not the same for all nodes, and do not follow from the template and the node alone.
fn choosy(cycle: Cycle<'_>) -> impl Iterator<Item = (u32, &'static dyn Plugin)> {
    global().filter(move |(_, plugin)| plugin.uniform(cycle).is_none())
}

fn global() -> impl Iterator<Item = (u32, &'static dyn Plugin)> {
    let global = |(_, plugin): &(u32, &dyn Plugin)| {
        plugin.weight() > 0 && plugin.locality() != Locality::VerdictAndScore
    };
    (0..).zip(PLUGINS.iter().copied()).filter(global)
}

/// The sum of the weighted scores of each node.
fn totals(cycle: Cycle<'_>, memo: &mut Memo, nodes: Nodes<'_>) -> Vec<i64> {
    let uniform =
        |(_, plugin): (u32, &'static dyn Plugin)| plugin.uniform(cycle).map(|score| plugin.weight() * score);
    let same: i64 = global().filter_map(uniform).sum();
    let mut totals = memo.scores(cycle, nodes.slots, same);
    for (_, plugin) in choosy(cycle) {
        if let Some(mut scores) = plugin.score(cycle, nodes) {
            plugin.normalize(&mut scores);
            let weight = plugin.weight();
            totals.iter_mut().zip(&scores).for_each(|(total, score)| *total += weight * score);
        }
    }
    totals
}

/// One of the nodes with the highest total, each with the same chance; and that total.
fn best(cycle: Cycle<'_>, memo: &mut Memo, nodes: &[u32], random: &mut Random) -> (u32, i64) {
    let marker = |(place, plugin): (u32, &'static dyn Plugin)| Some((place, plugin.marker(cycle)?));
    let markers: Option<Vec<_>> = choosy(cycle).map(marker).collect();
    let Some(kins) = markers.and_then(|markers| memo.kins(cycle, nodes, &markers)) else {
        let totals = totals(cycle, memo, Nodes::single(nodes));
        let highest = highest(&totals);
        let tied = nodes.iter().zip(&totals).filter(|(_, total)| **total == highest).map(|(slot, _)| *slot);
        return (draw(tied.clone().count() as u64, tied, random), highest);
    };
    let slots: Vec<u32> = kins.iter().map(|kin| kin.slot).collect();
    let totals = totals(cycle, memo, Nodes { slots: &slots, count: nodes.len() as u32 });
    let highest = highest(&totals);
    let best = kins.iter().zip(&totals).filter(|(_, total)| **total == highest).map(|(kin, _)| kin);
    let count = best.clone().map(|kin| u64::from(kin.count)).sum();
    // By number: there are many nodes to look through.
    let mut wins = vec![false; kins.iter().map(|kin| usize::from(kin.number) + 1).max().unwrap_or(0)];
    best.for_each(|kin| wins[usize::from(kin.number)] = true);
    let tied = nodes.iter().copied().filter(|&slot| wins[usize::from(memo.kin(slot))]);
    (draw(count, tied, random), highest)
}

fn highest(totals: &[i64]) -> i64 {
    totals.iter().copied().max().expect("several nodes")
}

/// One of `count` nodes, each with the same chance.
fn draw(count: u64, mut nodes: impl Iterator<Item = u32>, random: &mut Random) -> u32 {
    let drawn = if count > 1 { random.below(count) } else { 0 };
    nodes.nth(drawn as usize).expect("drawn from these")
}

/// `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.`
pub fn refusal(nodes: u32, reasons: &BTreeMap<Str, u32>) -> String {
    format!("0/{nodes} nodes are available: {}.", histogram(reasons))
}

/// Reasons with their counts, sorted as text.
fn histogram(reasons: &BTreeMap<Str, u32>) -> String {
    let mut parts: Vec<String> = reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
    sort(&mut parts);
    parts.join(", ")
}

/// The order of nodes from `start` on, for explanations.
pub fn from_start(order: &Arc<Vec<u32>>, start: u32) -> Vec<u32> {
    let (tail, head) = order.split_at(start as usize % order.len().max(1));
    head.iter().chain(tail).copied().collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Memo, Nodes, choosy, totals};
    use crate::api::{Key, Kind, LabelSelector, Object, Uid};
    use crate::doc;
    use crate::doc::{Doc, Str};
    use crate::scheduler::cache::{Cache, CachedPod};
    use crate::scheduler::framework::{Asks, Cycle};
    use crate::scheduler::memo::Kin;
    use crate::scheduler::nominated::Nominations;
    use crate::sim::Random;

    const NODES: u32 = 24;

    /// Nodes that differ in everything that scores follow from, and several of each sort.
    fn node(number: u32) -> Object {
        let (zone, disk) = (["a", "b", "c"][number as usize % 3], ["ssd", "hdd"][number as usize / 3 % 2]);
        let name = format!("node-{number}");
        let effect = "PreferNoSchedule";
        let taints: Vec<Doc> = match number % 5 {
            0 => vec![doc!({ "key": "slow", "value": "yes", "effect": effect })],
            _ => Vec::new(),
        };
        let images: Vec<Doc> = match number % 4 {
            0 => vec![doc!({ "names": ["docker.io/library/web:1"], "sizeBytes": 900_000_000i64 })],
            _ => Vec::new(),
        };
        let cpu = if number.is_multiple_of(7) { "8" } else { "4" };
        let doc = doc!({
            "metadata": { "name": name.clone(), "labels": {
                "kubernetes.io/hostname": name, "topology.kubernetes.io/zone": zone, "disk": disk
            } },
            "spec": { "taints": taints },
            "status": {
                "allocatable": { "cpu": cpu, "memory": "16Gi", "pods": "110" },
                "images": images
            }
        });
        Object::from_doc(Kind::Node, &doc, None)
    }

    fn pod(name: &str, wishes: &Doc) -> Object {
        let mut spec = doc!({
            "containers": [{
                "name": "web", "image": "docker.io/library/web:1",
                "resources": { "requests": { "cpu": "100m", "memory": "64Mi" } }
            }]
        });
        wishes.entries().iter().for_each(|(field, value)| spec.set(field.as_str(), value));
        let metadata = doc!({ "name": name, "namespace": "default", "labels": { "app": "web" } });
        let doc = doc!({ "metadata": metadata, "spec": spec });
        Object::from_doc(Kind::Pod, &doc, None)
    }

    fn spread(key: &str) -> Doc {
        let selector = doc!({ "matchLabels": { "app": "web" } });
        let constraint = doc!({
            "maxSkew": 1i64, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": selector
        });
        doc!({ "topologySpreadConstraints": [constraint] })
    }

    /// Places pods one after the other, and compares before each the totals of kins with those of every node; the
    /// answer is the largest number of kins there were.
    fn most_kins(wishes: &Doc, zones: bool, spread: Option<&LabelSelector>) -> usize {
        let mut cache = Cache::new(false);
        for number in 0..NODES {
            let mut node = node(number);
            if !zones {
                node.meta.labels.remove("topology.kubernetes.io/zone");
            }
            cache.set_node(&node.key.name.clone(), Some(Arc::new(node)));
        }
        let mut random = Random::stream(7, "kins");
        let mut memo = Memo::default();
        let mut most = 0;
        for number in 0..60_u32 {
            let pod = pod(&format!("web-{number}"), wishes);
            let template = cache.template(&pod, &|_: &LabelSelector| Vec::<Str>::new());
            let id = cache.prepare(&template, spread);
            let asks = Asks {
                pod: Key::new(Kind::Pod, "default", pod.key.name.clone()),
                nominated: Nominations::default(),
                volumes: None,
                devices: None,
            };
            let group = cache.groups().get(id);
            let cycle = Cycle { cache: &cache, group, template: &template, asks: &asks };
            let order = cache.order();
            let look = |memo: &mut Memo| {
                let mut found = Vec::new();
                memo.gather(&cache, order, &[], order.len(), &mut found);
                found
            };
            let nodes = look(&mut memo);
            let markers: Option<Vec<_>> =
                choosy(cycle).map(|(place, plugin)| Some((place, plugin.marker(cycle)?))).collect();
            let markers = markers.expect("all of these wishes can be told by marks");
            let kins: Vec<Kin> = memo.kins(cycle, &nodes, &markers).expect("few nodes");
            let slots: Vec<u32> = kins.iter().map(|kin| kin.slot).collect();
            let by_kin = totals(cycle, &mut memo, Nodes { slots: &slots, count: nodes.len() as u32 });
            let mut fresh = Memo::default();
            look(&mut fresh);
            let by_node = totals(cycle, &mut fresh, Nodes::single(&nodes));
            let of_kin = |slot: u32| {
                let at = kins.iter().position(|kin| kin.number == memo.kin(slot));
                by_kin[at.expect("every node is of a kin")]
            };
            let expanded: Vec<i64> = nodes.iter().map(|&slot| of_kin(slot)).collect();
            assert_eq!(expanded, by_node, "{wishes}, pod {number}");
            assert_eq!(kins.iter().map(|kin| kin.count).sum::<u32>(), NODES);
            most = most.max(kins.len());
            drop(markers);
            let slot = nodes[random.below(u64::from(NODES)) as usize];
            let (key, uid, template) =
                (asks.pod.clone(), Uid::new(u128::from(number) + 1), Arc::clone(&template));
            cache.add_pod(Arc::new(CachedPod { key, uid, slot, template, leaving: false }));
        }
        most
    }

    #[test]
    fn scoring_by_kin_gives_each_node_what_scoring_node_by_node_gives() {
        let preferred = doc!({ "affinity": { "nodeAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [{
                "weight": 30i64,
                "preference": { "matchExpressions": [{ "key": "disk", "operator": "In", "values": ["ssd"] }] }
            }]
        } } });
        let tolerations = doc!({ "tolerations": [{ "key": "slow", "operator": "Exists" }] });
        let (zone, host) = (spread("topology.kubernetes.io/zone"), spread("kubernetes.io/hostname"));
        for wishes in [Doc::map(), preferred, tolerations, zone, host] {
            let most = most_kins(&wishes, true, None);
            assert!((2..NODES as usize).contains(&most), "{wishes}: {most} kins say nothing");
        }
        // Pods that somebody looks after are spread in any case, over nodes without zones, too.
        let selector = LabelSelector::from_map(&doc!({ "app": "web" }));
        for zones in [true, false] {
            let most = most_kins(&Doc::map(), zones, Some(&selector));
            assert!((2..NODES as usize).contains(&most), "zones: {zones}, {most} kins say nothing");
        }
    }
}
