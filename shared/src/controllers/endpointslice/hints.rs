//! Hints that spread a Service's endpoints over zones as the zones' CPU is spread (annotation
//! `service.kubernetes.io/topology-mode: Auto`).

use crate::api::Of;
use crate::api::core::node::Node;
use crate::api::core::service::Service;
use crate::collections::BTreeMap;
use crate::controllers::world::World;
use crate::doc;
use crate::doc::{Doc, Str};

use super::slices::Draft;

/// How much more than its share a zone's endpoints may have to take.
const OVERLOAD: f64 = 0.2;
const ZONE: &str = "topology.kubernetes.io/zone";

pub(super) const ENABLED: &str = "Topology Aware Hints has been enabled";
pub(super) const DISABLED: &str = "Topology Aware Hints has been disabled";

/// Whether a Service wants such hints.
pub(super) fn wanted(service: &Of<Service>) -> bool {
    let mode = ["service.kubernetes.io/topology-aware-hints", "service.kubernetes.io/topology-mode"]
        .iter()
        .find_map(|annotation| service.meta().annotation(annotation));
    matches!(mode, Some("Auto" | "auto"))
}

/// What of a node they depend on.
pub(super) fn basis(node: &Of<Node>) -> (bool, Doc, i64, bool) {
    let labels = &node.meta().labels;
    let excluded = ["node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master"];
    let excluded = excluded.iter().any(|label| !labels[*label].is_null());
    (node.ready == "True", labels[ZONE].clone(), node.cpu_milli, excluded)
}

/// Each zone's share of the CPU of all nodes that are ready.
fn shares(world: &World) -> Result<BTreeMap<Str, f64>, String> {
    let mut zones: BTreeMap<Str, i64> = BTreeMap::new();
    let why = "Insufficient Node information: allocatable CPU or zone not specified on one or more nodes";
    for node in world.all::<Node>() {
        let (ready, zone, cpu, excluded) = basis(&node);
        if excluded || !ready {
            continue;
        }
        if zone.is_empty() || cpu == 0 {
            return Err(why.to_owned());
        }
        *zones.entry(zone.str()).or_default() += cpu;
    }
    // Upstream knows no shares of one zone alone.
    if zones.len() < 2 {
        return Err(why.to_owned());
    }
    let all: i64 = zones.values().sum();
    Ok(zones.into_iter().map(|(zone, cpu)| (zone, cpu as f64 / all as f64)).collect())
}

/// How many endpoints are for a zone.
#[derive(Clone)]
struct Allocation {
    most: i64,
    desired: f64,
}

fn allocations(shares: BTreeMap<Str, f64>, endpoints: i64) -> Result<BTreeMap<Str, Allocation>, String> {
    let zones = shares.len() as i64;
    let counts = format!("({endpoints} endpoints, {zones} zones)");
    if zones > endpoints {
        return Err(format!("Insufficient number of endpoints {counts}"));
    }
    let desired = shares.into_iter().map(|(zone, share)| {
        let desired = share * endpoints as f64;
        let least = desired * (1.0 / (1.0 + OVERLOAD));
        // Rounded up, without a platform's mathematics.
        let whole = least as i64;
        let least = whole + i64::from(whole as f64 != least);
        (zone, least, if desired > least as f64 { desired } else { least as f64 })
    });
    let desired: Vec<(Str, i64, f64)> = desired.collect();
    let left = endpoints - desired.iter().map(|(_, least, _)| least).sum::<i64>();
    if left < 0 {
        let why =
            "Unable to allocate minimum required endpoints to each zone without exceeding overload threshold";
        return Err(format!("{why} {counts}"));
    }
    let allocation = |(zone, least, desired)| (zone, Allocation { most: least + left, desired });
    Ok(desired.into_iter().map(allocation).collect())
}

fn is_ready(endpoint: &Doc) -> bool {
    endpoint["conditions"]["ready"].as_bool() == Some(true)
}

/// The zones that the ready endpoints of a slice are for; `None` where that is not to stay.
fn hinted(
    endpoints: &Doc,
    before: &BTreeMap<Str, i64>,
    allocations: &BTreeMap<Str, Allocation>,
) -> Option<BTreeMap<Str, i64>> {
    let mut zones: BTreeMap<Str, i64> = BTreeMap::new();
    for endpoint in endpoints.items().iter().filter(|endpoint| is_ready(endpoint)) {
        let hints = endpoint["hints"]["forZones"].items();
        if hints.is_empty() {
            return None;
        }
        for hint in hints {
            *zones.entry(hint["name"].str()).or_default() += 1;
        }
    }
    let fits = |(zone, count): (&Str, &i64)| {
        let known = before.get(zone).copied().unwrap_or(0);
        allocations.get(zone).is_some_and(|allocation| count + known <= allocation.most)
    };
    zones.iter().all(fits).then_some(zones)
}

/// How many endpoints zones have to give, and how many others need.
fn transfers(
    allocations: &BTreeMap<Str, Allocation>,
    have: &BTreeMap<Str, i64>,
) -> (BTreeMap<Str, i64>, BTreeMap<Str, i64>) {
    let surplus = |zone: &Str, allocation: &Allocation| {
        have.get(zone).copied().unwrap_or(0) as f64 - allocation.desired
    };
    let all: Vec<(Str, f64)> =
        allocations.iter().map(|(zone, allocation)| (zone.clone(), surplus(zone, allocation))).collect();
    let side = |sign: f64| -> Vec<(Str, f64)> {
        let side = all.iter().map(|(zone, surplus)| (zone.clone(), surplus * sign));
        side.filter(|(_, amount)| *amount > 0.0).collect()
    };
    let (mut giving, mut receiving) = (side(1.0), side(-1.0));
    let (mut gives, mut takes): (BTreeMap<Str, i64>, BTreeMap<Str, i64>) = Default::default();
    while let (Some(giver), Some(taker)) = (most(&mut giving), most(&mut receiving)) {
        if giver.1 < 0.5 || taker.1 < 0.5 || giver.1 < 1.0 && taker.1 < 1.0 {
            break;
        }
        for (side, one) in [(&mut gives, giver), (&mut takes, taker)] {
            *side.entry(one.0.clone()).or_default() += 1;
            one.1 -= 1.0;
        }
    }
    (gives, takes)
}

/// The first of those that have most, if anybody has anything.
fn most(zones: &mut [(Str, f64)]) -> Option<&mut (Str, f64)> {
    let mut best: Option<usize> = None;
    for (at, (_, amount)) in zones.iter().enumerate() {
        if *amount > best.map_or(0.0, |best| zones[best].1) {
            best = Some(at);
        }
    }
    best.map(|at| &mut zones[at])
}

/// Says of every ready endpoint which zone it is for; or why none can be said.
pub(super) fn spread<'a>(drafts: impl Iterator<Item = &'a mut Draft>, world: &World) -> Result<(), String> {
    let mut drafts: Vec<&mut Draft> = drafts.collect();
    let ready = drafts.iter().flat_map(|draft| draft.endpoints.items()).filter(|endpoint| is_ready(endpoint));
    let allocations = allocations(shares(world)?, ready.count() as i64)?;
    let mut have: BTreeMap<Str, i64> = BTreeMap::new();
    drafts.retain_mut(|draft| {
        let stays = if draft.changed { None } else { hinted(&draft.endpoints, &have, &allocations) };
        for (zone, count) in stays.iter().flatten() {
            *have.entry(zone.clone()).or_default() += count;
        }
        stays.is_none()
    });
    for draft in &mut drafts {
        for endpoint in draft.edit().iter_mut() {
            let zone = endpoint["zone"].str();
            if !is_ready(endpoint) {
                endpoint.remove("hints");
                continue;
            }
            if zone.is_empty() {
                return Err("One or more endpoints do not have a zone specified".to_owned());
            }
            *have.entry(zone.clone()).or_default() += 1;
            hint(endpoint, &zone);
        }
    }
    let (mut gives, mut takes) = transfers(&allocations, &have);
    for endpoint in drafts.iter_mut().flat_map(|draft| draft.edit().iter_mut()) {
        let Some(giving) = gives.get_mut(&endpoint["zone"].str()).filter(|left| **left > 0) else { continue };
        let taker = takes.iter_mut().find(|(_, wanted)| **wanted > 0);
        if let Some((zone, wanted)) = taker.filter(|_| is_ready(endpoint)) {
            *giving -= 1;
            *wanted -= 1;
            hint(endpoint, zone);
        }
    }
    Ok(())
}

fn hint(endpoint: &mut Doc, zone: &Str) {
    endpoint.set("hints", doc!({ "forZones": [{ "name": zone }] }));
}

/// Takes all hints away.
pub(super) fn remove<'a>(drafts: impl Iterator<Item = &'a mut Draft>) {
    for draft in drafts.filter(|draft| draft.endpoints.items().iter().any(|one| !one["hints"].is_null())) {
        for endpoint in draft.edit() {
            endpoint.remove("hints");
        }
    }
}
