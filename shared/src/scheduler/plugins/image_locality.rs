//! ImageLocality: prefers nodes that have the pod's images already, the more so the more nodes have them (so that one
//! node with an image does not attract everything).

use crate::doc::Str;

use super::super::framework::{Cycle, MAX_SCORE, Nodes, Plugin};
use super::super::kin::Marker;

const MIB: i64 = 1 << 20;
/// Smaller images are as good as not there.
const LEAST: i64 = 23 * MIB;
/// Larger ones count no more, for each container.
const MOST: i64 = 1000 * MIB;

/// The plugin.
#[derive(Debug)]
pub struct ImageLocality;

impl Plugin for ImageLocality {
    fn name(&self) -> &'static str {
        "ImageLocality"
    }

    fn weight(&self) -> i64 {
        1
    }

    fn uniform(&self, cycle: Cycle<'_>) -> Option<i64> {
        let unknown = |image: &Str| cycle.cache.nodes_with_image(image) == 0;
        cycle.template.images.iter().all(unknown).then_some(0)
    }

    fn score(&self, cycle: Cycle<'_>, nodes: Nodes<'_>) -> Option<Vec<i64>> {
        let cache = cycle.cache;
        let total = cache.order().len() as f64;
        let spread = |image: &Str| (image.clone(), f64::from(cache.nodes_with_image(image)) / total);
        let images: Vec<(Str, f64)> = cycle.template.images.iter().map(spread).collect();
        if images.iter().all(|(_, share)| *share == 0.0) {
            return Some(vec![0; nodes.slots.len()]);
        }
        let most = MOST * images.len() as i64;
        let score = |&slot: &u32| {
            let held = &cache.node(slot).images;
            let worth = |(image, share): &(Str, f64)| {
                size(held, image).map_or(0, |size| (size as f64 * share) as i64)
            };
            let sum: i64 = images.iter().map(worth).sum();
            MAX_SCORE * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
        };
        Some(nodes.slots.iter().map(score).collect())
    }

    fn marker<'a>(&self, cycle: Cycle<'a>) -> Option<Marker<'a>> {
        Some(Box::new(move |slot, marks| {
            let held = &cycle.cache.node(slot).images;
            marks.extend(cycle.template.images.iter().map(|image| size(held, image).unwrap_or(-1)));
        }))
    }
}

/// The size of an image, if it is among those held.
fn size(held: &[(Str, i64)], image: &Str) -> Option<i64> {
    held.binary_search_by(|(name, _)| name.cmp(image)).ok().map(|at| held[at].1)
}
