//! Through the entries of a map, in order.

use std::iter::FlatMap;
use std::sync::Arc;
use std::{slice, vec};

use super::{BTreeMap, Leaf, Place};

/// Entries in order, from either end.
pub struct Iter<'a, K, V> {
    pub(super) leaves: &'a [Leaf<K, V>],
    pub(super) from: Place,
    pub(super) to: Place,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { ..*self }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        if self.from == self.to {
            return None;
        }
        let Place(leaf, at) = self.from;
        let entries = self.leaves.get(leaf)?;
        let (key, value) = entries.get(at)?;
        self.from = if at + 1 == entries.len() { Place(leaf + 1, 0) } else { Place(leaf, at + 1) };
        Some((key, value))
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.from == self.to {
            return None;
        }
        let Place(mut leaf, mut at) = self.to;
        if at == 0 {
            leaf = leaf.checked_sub(1)?;
            at = self.leaves[leaf].len();
        }
        self.to = Place(leaf, at - 1);
        let (key, value) = &self.leaves[leaf][at - 1];
        Some((key, value))
    }
}

/// Keys in order, from either end.
pub struct Keys<'a, K, V>(pub(super) Iter<'a, K, V>);

impl<K, V> Clone for Keys<'_, K, V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<'a, K, V> Iterator for Keys<'a, K, V> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        self.0.next().map(|(key, _)| key)
    }
}

impl<K, V> DoubleEndedIterator for Keys<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|(key, _)| key)
    }
}

impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K: Clone, V: Clone> IntoIterator for &'a mut BTreeMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = std::iter::Map<
        FlatMap<
            slice::IterMut<'a, Leaf<K, V>>,
            &'a mut Vec<(K, V)>,
            fn(&'a mut Leaf<K, V>) -> &'a mut Vec<(K, V)>,
        >,
        fn(&'a mut (K, V)) -> (&'a K, &'a mut V),
    >;

    fn into_iter(self) -> Self::IntoIter {
        let leaves = self.leaves_mut().iter_mut().flat_map(Arc::make_mut as fn(_) -> _);
        leaves.map(|(key, value)| (&*key, value))
    }
}

impl<K: Clone, V: Clone> IntoIterator for BTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_leaves().into_iter().flat_map(Arc::unwrap_or_clone)
    }
}

/// Entries in order, taken out of their map.
pub type IntoIter<K, V> = FlatMap<vec::IntoIter<Leaf<K, V>>, Vec<(K, V)>, fn(Leaf<K, V>) -> Vec<(K, V)>>;
