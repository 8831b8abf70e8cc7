//! How many volumes of a storage driver are on a node, and how many there may be.

use crate::api::storage::binding;
use crate::api::{Key, Kind, Object};
use crate::client::{Cache, Informers};
use crate::codec::Codec;
use crate::collections::{BTreeMap, BTreeSet};
use crate::doc::Str;

use crate::scheduler::template::Template;

/// A driver, and one of its volumes.
type Attached = (Str, Str);

/// What a pod adds, and where to look up what others have.
#[derive(Codec, Clone, Debug)]
pub struct Limits {
    wanted: BTreeSet<Attached>,
    nodes: Cache,
    claims: Cache,
    volumes: Cache,
}

impl Limits {
    /// What the volumes of a pod with these claims, in one namespace, mean for limits; `None` when no driver of theirs
    /// is a CSI driver, or no node has told of its limits.
    pub fn of<'a>(claims: impl Iterator<Item = &'a Object>, informers: &Informers) -> Option<Box<Limits>> {
        let nodes = informers.cache(Kind::CsiNode);
        let drivers = |node: &Object| !node.body["spec"]["drivers"].items().is_empty();
        if !nodes.iter().any(|(_, node)| drivers(node)) {
            return None;
        }
        let volumes = informers.cache(Kind::PersistentVolume);
        let classes = informers.cache(Kind::StorageClass);
        let attached = |claim: &Object| {
            attached(claim, volumes).or_else(|| {
                // It will be one of the class's driver.
                let class = Key::new(Kind::StorageClass, Str::new(), binding::class(claim));
                let driver = classes.get(&class)?.body["provisioner"].str();
                Some((driver, format!("{}/{}", claim.key.namespace, claim.key.name).into()))
            })
        };
        let wanted: BTreeSet<Attached> = claims.filter_map(attached).collect();
        let claims = informers.cache(Kind::PersistentVolumeClaim).clone();
        (!wanted.is_empty())
            .then(|| Box::new(Limits { wanted, nodes: nodes.clone(), claims, volumes: volumes.clone() }))
    }

    /// Whether a node that has these pods can hold the pod's volumes too.
    pub fn allow<'a>(&self, node: &Str, pods: impl Iterator<Item = &'a Template>) -> bool {
        let Some(node) = self.nodes.get(&Key::new(Kind::CsiNode, Str::new(), node.clone())) else {
            return true;
        };
        let mut there: BTreeSet<Attached> = BTreeSet::default();
        for pod in pods {
            for claim in &pod.claims {
                let key = Key::new(Kind::PersistentVolumeClaim, pod.namespace.clone(), claim.clone());
                let volume = self.claims.get(&key).and_then(|claim| attached(claim, &self.volumes));
                there.extend(volume);
            }
        }
        let mut more: BTreeMap<&Str, i64> = BTreeMap::default();
        for (driver, _) in self.wanted.iter().filter(|volume| !there.contains(*volume)) {
            *more.entry(driver).or_default() += 1;
        }
        node.body["spec"]["drivers"].items().iter().all(|driver| {
            let name = driver["name"].str();
            let has = there.iter().filter(|(known, _)| *known == name).count() as i64;
            let most = driver["allocatable"]["count"].as_i64();
            let new = more.get(&name).copied().unwrap_or(0);
            new == 0 || most.is_none_or(|most| has + new <= most)
        })
    }
}

/// The driver and the volume of a claim that has one.
fn attached(claim: &Object, volumes: &Cache) -> Option<Attached> {
    let name = claim.body["spec"]["volumeName"].str();
    let volume = volumes.get(&Key::new(Kind::PersistentVolume, Str::new(), name))?;
    let source = &volume.body["spec"]["csi"];
    Some((source["driver"].as_str().map(Str::from)?, source["volumeHandle"].str()))
}
