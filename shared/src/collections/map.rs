//! A map in the order of its keys: a B-tree of two levels, leaves below one root.
//!
//! Two levels are enough for what one cluster holds (150,000 entries are some 5,000 leaves), and make insertion and
//! removal a matter of moving a few entries within a `Vec`. Copies share their leaves until one of them changes a leaf:
//! a copy of the whole cluster, for rewinding, is cheap. Most maps are small, and there are many of them in everything
//! that there is much of: a map of one leaf has no root, and an empty one nothing at all.

mod iter;
mod traits;

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

pub use iter::{IntoIter, Iter, Keys};

/// The most entries that a leaf holds.
const LEAF: usize = 64;
/// Room for entries of more bytes than this is dear.
const LARGE: usize = 96;

type Leaf<K, V> = Arc<Vec<(K, V)>>;

/// A map whose entries are in the order of their keys.
pub struct BTreeMap<K, V>(Tree<K, V>);

enum Tree<K, V> {
    /// One leaf, or none.
    Small(Option<Leaf<K, V>>),
    Large(Box<Root<K, V>>),
}

struct Root<K, V> {
    /// None of them is empty.
    leaves: Vec<Leaf<K, V>>,
    /// The last key of every leaf but the last: a search looks at these alone before it opens one leaf.
    lasts: Vec<K>,
    len: usize,
}

impl<K: Clone, V> Clone for BTreeMap<K, V> {
    fn clone(&self) -> Self {
        Self(match &self.0 {
            Tree::Small(leaf) => Tree::Small(leaf.clone()),
            Tree::Large(root) => Tree::Large(Box::new(Root {
                leaves: root.leaves.clone(),
                lasts: root.lasts.clone(),
                len: root.len,
            })),
        })
    }
}

/// Where an entry is: leaf, and place in it. Past the end of the last leaf it is the leaf after it, at 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Place(usize, usize);

impl<K, V> BTreeMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        Self(Tree::Small(None))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            Tree::Small(leaf) => leaf.as_ref().map_or(0, |leaf| leaf.len()),
            Tree::Large(root) => root.len,
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.leaves().is_empty()
    }

    /// Removes all.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        self.between(Place(0, 0), Place(self.leaves().len(), 0))
    }

    /// All keys in order.
    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.iter())
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The entry with the least key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next()
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.iter().next_back()
    }

    /// The pieces that it consists of, which copies share.
    pub(crate) fn leaves(&self) -> &[Leaf<K, V>] {
        match &self.0 {
            Tree::Small(leaf) => leaf.as_slice(),
            Tree::Large(root) => &root.leaves,
        }
    }

    fn leaves_mut(&mut self) -> &mut [Leaf<K, V>] {
        match &mut self.0 {
            Tree::Small(leaf) => leaf.as_mut_slice(),
            Tree::Large(root) => &mut root.leaves,
        }
    }

    fn lasts(&self) -> &[K] {
        match &self.0 {
            Tree::Small(_) => &[],
            Tree::Large(root) => &root.lasts,
        }
    }

    /// The leaves, taken out.
    fn into_leaves(self) -> Vec<Leaf<K, V>> {
        match self.0 {
            Tree::Small(leaf) => Vec::from_iter(leaf),
            Tree::Large(root) => root.leaves,
        }
    }

    fn between(&self, from: Place, to: Place) -> Iter<'_, K, V> {
        Iter { leaves: self.leaves(), from, to }
    }

    fn get_at(&self, Place(leaf, at): Place) -> Option<&(K, V)> {
        self.leaves().get(leaf)?.get(at)
    }
}

impl<K: Clone, V> BTreeMap<K, V> {
    /// A map of leaves of which none is empty.
    fn of_leaves(mut leaves: Vec<Leaf<K, V>>) -> Self {
        if leaves.len() < 2 {
            return Self(Tree::Small(leaves.pop()));
        }
        let len = leaves.iter().map(|leaf| leaf.len()).sum();
        let lasts = leaves[..leaves.len() - 1].iter().filter_map(|leaf| last_key(leaf)).collect();
        Self(Tree::Large(Box::new(Root { leaves, lasts, len })))
    }

    /// What a map of more than one leaf has; one of a single leaf becomes such a map.
    fn root(&mut self) -> &mut Root<K, V> {
        if let Tree::Small(leaf) = &mut self.0 {
            let leaves = Vec::from_iter(leaf.take());
            let len = leaves.iter().map(|leaf| leaf.len()).sum();
            self.0 = Tree::Large(Box::new(Root { leaves, lasts: Vec::new(), len }));
        }
        match &mut self.0 {
            Tree::Large(root) => root,
            Tree::Small(_) => unreachable!("made large above"),
        }
    }
}

impl<K: Ord + Clone, V> BTreeMap<K, V> {
    /// A map of these pieces, unless one is empty or their keys are not in order.
    pub(crate) fn from_leaves(leaves: Vec<Leaf<K, V>>) -> Option<Self> {
        let keys = || leaves.iter().flat_map(|leaf| leaf.iter()).map(|(key, _)| key);
        let sound = leaves.iter().all(|leaf| !leaf.is_empty()) && keys().is_sorted_by(|one, next| one < next);
        sound.then(|| Self::of_leaves(leaves))
    }
}

impl<K: Clone, V: Clone> BTreeMap<K, V> {
    /// All entries in order, their values to be changed.
    pub fn iter_mut(&mut self) -> impl DoubleEndedIterator<Item = (&K, &mut V)> {
        self.leaves_mut()
            .iter_mut()
            .flat_map(|leaf| Arc::make_mut(leaf).iter_mut())
            .map(|(key, value)| (&*key, value))
    }

    /// All values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.leaves_mut().iter_mut().flat_map(|leaf| Arc::make_mut(leaf).iter_mut()).map(|(_, value)| value)
    }

    /// All keys in order, without their values.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// Removes the entry with the least key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        if self.is_empty() { None } else { Some(self.take(Place(0, 0))) }
    }

    /// Removes the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let last = self.leaves().len().checked_sub(1)?;
        Some(self.take(Place(last, self.leaves()[last].len() - 1)))
    }

    /// Takes out a run of the least entries: as many as lie together.
    pub fn pop_run(&mut self) -> Vec<(K, V)> {
        let run = match &mut self.0 {
            Tree::Small(leaf) => leaf.take(),
            Tree::Large(_) => Some(self.cut(0)),
        };
        run.map(Arc::unwrap_or_clone).unwrap_or_default()
    }

    /// Takes a leaf out of a map that has several.
    fn cut(&mut self, leaf: usize) -> Leaf<K, V> {
        let root = self.root();
        let cut = root.leaves.remove(leaf);
        root.len -= cut.len();
        if !root.lasts.is_empty() {
            root.lasts.remove(leaf.min(root.lasts.len() - 1));
        }
        if root.leaves.len() == 1 {
            self.0 = Tree::Small(root.leaves.pop());
        }
        cut
    }

    /// Keeps only the entries for which `keep` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let mut leaves = std::mem::take(self).into_leaves();
        for leaf in &mut leaves {
            Arc::make_mut(leaf).retain_mut(|(key, value)| keep(key, value));
        }
        leaves.retain(|leaf| !leaf.is_empty());
        *self = Self::of_leaves(leaves);
    }

    /// Puts an entry at a place that [`BTreeMap::find`] named; the answer is where it is then.
    fn put(&mut self, Place(mut leaf, mut at): Place, entry: (K, V)) -> Place {
        let leaves = self.leaves_mut();
        // Behind the last leaf: it is filled up first.
        if leaf == leaves.len()
            && let Some(last) = leaves.last().filter(|last| last.len() < LEAF)
        {
            (leaf, at) = (leaf - 1, last.len());
        }
        let place = match leaves.get_mut(leaf) {
            Some(into) if into.len() < LEAF => {
                insert(Arc::make_mut(into), at, entry);
                Place(leaf, at)
            }
            Some(_) => self.root().split(leaf, at, entry),
            None if leaf == 0 => {
                self.0 = Tree::Small(Some(Arc::new(vec![entry])));
                Place(0, 0)
            }
            None => self.root().append(entry),
        };
        if let Tree::Large(root) = &mut self.0 {
            root.len += 1;
        }
        place
    }

    fn take(&mut self, Place(leaf, at): Place) -> (K, V) {
        let from = Arc::make_mut(&mut self.leaves_mut()[leaf]);
        let entry = from.remove(at);
        let left = from.len();
        match &mut self.0 {
            Tree::Small(only) if left == 0 => *only = None,
            Tree::Small(_) => {}
            Tree::Large(root) => {
                root.len -= 1;
                if left == 0 {
                    self.cut(leaf);
                } else if at == left && leaf < root.lasts.len() {
                    root.lasts[leaf] = root.leaves[leaf][left - 1].0.clone();
                }
            }
        }
        entry
    }
}

impl<K: Clone, V: Clone> Root<K, V> {
    /// Puts an entry into a full leaf, by making two of it; whoever calls counts the entry.
    fn split(&mut self, leaf: usize, at: usize, entry: (K, V)) -> Place {
        let into = Arc::make_mut(&mut self.leaves[leaf]);
        let mut right = into.split_off(LEAF / 2);
        let place = if at > LEAF / 2 {
            insert(&mut right, at - LEAF / 2, entry);
            Place(leaf + 1, at - LEAF / 2)
        } else {
            insert(into, at, entry);
            Place(leaf, at)
        };
        into.shrink_to(LEAF / 4 * 3);
        if let Some(last) = last_key(into) {
            self.lasts.insert(leaf, last);
        }
        self.leaves.insert(leaf + 1, Arc::new(right));
        place
    }

    /// Puts an entry behind all others, into a leaf of its own; whoever calls counts it.
    fn append(&mut self, entry: (K, V)) -> Place {
        self.lasts.extend(self.leaves.last().and_then(|last| last_key(last)));
        self.leaves.push(Arc::new(vec![entry]));
        Place(self.leaves.len() - 1, 0)
    }
}

fn last_key<K: Clone, V>(leaf: &[(K, V)]) -> Option<K> {
    leaf.last().map(|(key, _)| key.clone())
}

/// There are many small leaves, and their entries may be large: they grow by little, large ones by less.
fn insert<T>(into: &mut Vec<T>, at: usize, entry: T) {
    let length = into.len();
    if length == into.capacity() {
        let more = if size_of::<T>() > LARGE { length / 4 } else { length / 2 };
        into.reserve_exact(more.clamp(1, LEAF.saturating_sub(length).max(1)));
    }
    into.insert(at, entry);
}

impl<K: Ord, V> BTreeMap<K, V> {
    /// The place of the first entry whose key is not before `key`, and whether it is that very key.
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> (Place, bool)
    where
        K: Borrow<Q>,
    {
        let low = self.lasts().partition_point(|last| last.borrow() < key);
        let Some(leaf) = self.leaves().get(low) else { return (Place(low, 0), false) };
        let (mut from, mut to) = (0, leaf.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match leaf[middle].0.borrow().cmp(key) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return (Place(low, middle), true),
                Ordering::Greater => to = middle,
            }
        }
        // Behind all entries: no key of the last leaf is told beforehand.
        (if from == leaf.len() { Place(low + 1, 0) } else { Place(low, from) }, false)
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (place, found) = self.find(key);
        self.get_at(place).filter(|_| found).map(|(_, value)| value)
    }

    /// Whether the key is there.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).1
    }

    /// The entries whose keys are in a range.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let from = match range.start_bound() {
            Bound::Unbounded => Place(0, 0),
            Bound::Included(key) => self.find(key).0,
            Bound::Excluded(key) => self.after(key),
        };
        let to = match range.end_bound() {
            Bound::Unbounded => Place(self.leaves().len(), 0),
            Bound::Excluded(key) => self.find(key).0,
            Bound::Included(key) => self.after(key),
        };
        self.between(from, if to < from { from } else { to })
    }

    fn after<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        let (Place(leaf, at), found) = self.find(key);
        let next = at + usize::from(found);
        let end = self.leaves().get(leaf).is_some_and(|leaf| next == leaf.len());
        if end { Place(leaf + 1, 0) } else { Place(leaf, next) }
    }
}

impl<K: Ord + Clone, V: Clone> BTreeMap<K, V> {
    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (Place(leaf, at), found) = self.find(key);
        if found { Some(&mut Arc::make_mut(&mut self.leaves_mut()[leaf])[at].1) } else { None }
    }

    /// Sets a value; the answer is the one before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let (place, found) = self.find(&key);
        if found {
            let Place(leaf, at) = place;
            let known = &mut Arc::make_mut(&mut self.leaves_mut()[leaf])[at].1;
            return Some(std::mem::replace(known, value));
        }
        self.put(place, (key, value));
        None
    }

    /// Removes a key; the answer is its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let (place, found) = self.find(key);
        if found { Some(self.take(place).1) } else { None }
    }

    /// The place of a key, to be filled or changed.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let (place, found) = self.find(&key);
        Entry { map: self, place, key: if found { None } else { Some(key) } }
    }

    /// Cuts off the entries from `key` on.
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let (Place(leaf, at), _) = self.find(key);
        let mut leaves = std::mem::take(self).into_leaves();
        let mut rest = if leaf < leaves.len() { leaves.split_off(leaf) } else { Vec::new() };
        if let Some(cut) = rest.first_mut().filter(|_| at > 0) {
            leaves.push(Arc::new(Arc::make_mut(cut).drain(..at).collect()));
        }
        *self = Self::of_leaves(leaves);
        Self::of_leaves(rest)
    }
}

/// The place of a key in a map.
pub struct Entry<'a, K, V> {
    map: &'a mut BTreeMap<K, V>,
    place: Place,
    /// The key, while it is not in the map.
    key: Option<K>,
}

impl<'a, K: Clone, V: Clone> Entry<'a, K, V> {
    /// The value, made by `make` where there is none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let Place(leaf, at) = match self.key {
            Some(key) => self.map.put(self.place, (key, make())),
            None => self.place,
        };
        &mut Arc::make_mut(&mut self.map.leaves_mut()[leaf])[at].1
    }

    /// The value, or this where there is none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// The value, or the default where there is none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value, where there is one.
    #[must_use]
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        if self.key.is_none() {
            let Place(leaf, at) = self.place;
            change(&mut Arc::make_mut(&mut self.map.leaves_mut()[leaf])[at].1);
        }
        self
    }
}
