//! Nodes of one kin: those to which every plugin gives the same score. An attempt looks at hundreds of nodes, of which
//! few differ in anything that scores follow from: one of each kin is scored, and stands for the others.

use smallvec::SmallVec;

use crate::codec::Codec;
use crate::collections::BTreeMap;

use super::cache::Cache;
use super::groups::Group;

/// So many kins are told apart before all is begun anew; an attempt that looks at more nodes scores each of them.
pub const MOST: usize = 1024;

/// The numbers that a node's scores follow from: two nodes with the same are of one kin.
pub type Marks = SmallVec<[i64; 4]>;

/// A plugin's part of a node's marks, by slot. They come with the plugin's place among all.
pub type Marker<'a> = Box<dyn Fn(u32, &mut Marks) + 'a>;

/// The kins of nodes, for the pods of one template.
#[derive(Codec, Clone, Debug, Default)]
pub struct Kins {
    /// What marks were made of.
    basis: Vec<u64>,
    /// From 1 on, in the order in which they were met.
    numbers: BTreeMap<Marks, u16>,
}

impl Kins {
    /// Makes ready for an attempt that looks at so many nodes; false when no number that was given before holds.
    pub fn hold(
        &mut self,
        cache: &Cache,
        group: &Group,
        markers: &[(u32, Marker<'_>)],
        nodes: usize,
    ) -> bool {
        let basis = basis(cache, group, markers);
        let hold = self.basis == basis && self.numbers.len() + nodes <= MOST;
        if !hold {
            *self = Kins { basis, numbers: BTreeMap::new() };
        }
        hold
    }

    /// The number of the kin with these marks.
    pub fn number(&mut self, marks: Marks) -> u16 {
        let next = self.numbers.len() as u16 + 1;
        *self.numbers.entry(marks).or_insert(next)
    }
}

/// What marks are made of beside the nodes themselves: the selectors that pods are counted by, and the plugins that
/// mark. Where nodes come, go or are labelled differently, the marks of the others stay what they are.
fn basis(cache: &Cache, group: &Group, markers: &[(u32, Marker<'_>)]) -> Vec<u64> {
    let plugins = markers.iter().fold(0, |plugins, (place, _)| plugins | 1 << place);
    let serial = |selector: &u32| cache.groups().selector(*selector).serial();
    let explicit = group.spread.iter().map(serial);
    let default = group.default_spread.iter().map(serial);
    [plugins].into_iter().chain(explicit).chain(default).collect()
}
