//! Node IPAM controller: gives every node a range of pod addresses.

use crate::api::core::node::Node;
use crate::api::{Key, Kind, PatchKind, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::collections::BTreeMap;
use crate::doc;
use crate::doc::Str;

use super::worker::{Controller, Desk, Step};
use super::world::World;

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct NodeIpam {
    /// The number of each node's range.
    ranges: BTreeMap<Str, u32>,
    taken: BTreeMap<u32, Str>,
    /// Where the search for a free range begins: ranges are not reused at once.
    next: u32,
}

/// How many ranges there are: 10.244.0.0/16 and on to 10.255, then from 10.128 up to there.
const RANGES: u32 = (256 - 128) * 256;

/// The range numbered `number`: `10.244.0.0/24` is the first.
fn cidr(number: u32) -> String {
    let above = (256 - 244) * 256;
    let block = if number < above { 244 * 256 + number } else { 128 * 256 + number - above };
    format!("10.{}.{}.0/24", block / 256, block % 256)
}

fn number_of(text: &str) -> Option<u32> {
    let mut parts = text.strip_prefix("10.")?.split('.').map(|part| part.parse::<u32>().ok());
    let block = parts.next()?? * 256 + parts.next()??;
    let first = 244 * 256;
    if block >= first { Some(block - first) } else { (block + (256 - 244) * 256).checked_sub(128 * 256) }
}

impl NodeIpam {
    fn take(&mut self, node: &Str, number: u32) {
        self.ranges.insert(node.clone(), number);
        self.taken.insert(number, node.clone());
    }

    fn allocate(&mut self, node: &Str) -> Option<u32> {
        let free = (0..RANGES)
            .map(|step| (self.next + step) % RANGES)
            .find(|number| !self.taken.contains_key(number))?;
        self.next = (free + 1) % RANGES;
        self.take(node, free);
        Some(free)
    }
}

impl Controller for NodeIpam {
    const NAME: &'static str = "node-ipam-controller";
    const WORKERS: u64 = 30;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        let object = delta.object();
        if object.key.kind != Kind::Node {
            return;
        }
        let name = &object.key.name;
        let Some(node) = delta.new.as_ref().and_then(|node| node.view::<Node>()) else {
            if let Some(number) = self.ranges.remove(name) {
                self.taken.remove(&number);
            }
            return;
        };
        if node.pod_cidr.is_empty() {
            desk.add(object.key.clone());
        } else if !self.ranges.contains_key(name)
            && let Some(number) = number_of(&node.pod_cidr)
        {
            self.take(name, number);
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        let Some(node) = world.of::<Node>(key).filter(|node| node.pod_cidr.is_empty()) else {
            return Step::Done;
        };
        let known = self.ranges.get(&key.name).copied();
        let Some(number) = known.or_else(|| self.allocate(&key.name)) else {
            desk.normal(
                node.object(),
                "CIDRNotAvailable",
                format!("Node {} status is now: CIDRNotAvailable", key.name),
            );
            return Step::Retry;
        };
        let range = cidr(number);
        let patch = doc!({ "spec": { "podCIDR": range.clone(), "podCIDRs": [range] } });
        Step::Ask(vec![Request::patch(desk.user.clone(), key, PatchKind::Merge, patch)], ())
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeIpam, RANGES, cidr, number_of};

    #[test]
    fn ranges_are_distinct_and_read_back() {
        assert_eq!(cidr(0), "10.244.0.0/24");
        assert_eq!(cidr(300), "10.245.44.0/24");
        for number in (0..RANGES).step_by(97).chain([3071, 3072, RANGES - 1]) {
            assert_eq!(number_of(&cidr(number)), Some(number), "{}", cidr(number));
        }
    }

    #[test]
    fn a_freed_range_is_not_given_out_at_once() {
        let mut ipam = NodeIpam::default();
        assert_eq!(ipam.allocate(&"a".into()), Some(0));
        let number = ipam.ranges.remove("a").unwrap();
        ipam.taken.remove(&number);
        assert_eq!(ipam.allocate(&"b".into()), Some(1));
    }
}
