//! TTL controller: tells kubelets for how many seconds they may keep what they read of Secrets and ConfigMaps; the more
//! nodes there are, the longer.

use crate::api::{Key, Kind, Object, PatchKind, Request};
use crate::client::Delta;
use crate::codec::Codec;
use crate::doc;

use super::worker::{Controller, Desk, Step};
use super::world::World;

const ANNOTATION: &str = "node.alpha.kubernetes.io/ttl";

/// From how many nodes on, up to how many, how long. They overlap, so that one node more or less changes nothing twice.
const STEPS: [(u64, u64, u64); 5] =
    [(0, 100, 0), (90, 500, 15), (450, 1000, 30), (900, 2000, 60), (1800, u64::MAX, 300)];

/// The control loop.
#[derive(Codec, Clone, Debug, Hash, Default)]
pub struct Ttl {
    nodes: u64,
    step: u64,
}

impl Ttl {
    fn counted(&mut self) {
        let (least, most, _) = STEPS[self.step as usize];
        if self.nodes > most {
            self.step += 1;
        } else if self.nodes < least {
            self.step -= 1;
        }
    }

    fn seconds(&self) -> String {
        STEPS[self.step as usize].2.to_string()
    }

    fn is_told(&self, node: &Object) -> bool {
        node.meta.annotation(ANNOTATION) == Some(&self.seconds())
    }
}

impl Controller for Ttl {
    const NAME: &'static str = "ttl-controller";
    const WORKERS: u64 = 5;
    type Waiting = ();

    fn observe(&mut self, delta: &Delta, _: &World, desk: &mut Desk<'_, '_>) {
        if delta.object().key.kind != Kind::Node {
            return;
        }
        match (&delta.old, &delta.new) {
            (None, Some(_)) => self.nodes += 1,
            (Some(_), None) => self.nodes = self.nodes.saturating_sub(1),
            _ => {}
        }
        self.counted();
        if let Some(node) = delta.new.as_ref().filter(|node| !self.is_told(node)) {
            desk.add(node.key.clone());
        }
    }

    fn sync(&mut self, key: &Key, world: &World, desk: &mut Desk<'_, '_>) -> Step<()> {
        if world.object(key).is_none_or(|node| self.is_told(node)) {
            return Step::Done;
        }
        let mut annotations = doc!({});
        annotations.set(ANNOTATION, self.seconds());
        let patch = doc!({ "metadata": { "annotations": annotations } });
        Step::Ask(vec![Request::patch(desk.user.clone(), key, PatchKind::Strategic, patch)], ())
    }
}

#[cfg(test)]
mod tests {
    use super::Ttl;

    #[test]
    fn the_more_nodes_the_longer_and_not_to_and_fro() {
        let mut ttl = Ttl::default();
        for (nodes, seconds) in [
            (100, "0"),
            (101, "15"),
            (95, "15"),
            (89, "0"),
            (501, "15"),
            (501, "30"),
            (2001, "60"),
            (2001, "300"),
        ] {
            ttl.nodes = nodes;
            ttl.counted();
            assert_eq!(ttl.seconds(), seconds, "{nodes}");
        }
    }
}
