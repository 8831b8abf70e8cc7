//! Objects: entries in the order of their keys, in one piece of memory that copies share.

use std::cmp::Ordering;
use std::fmt;

use servo_arc::ThinArc;
use smallvec::SmallVec;

use crate::collections::sort_by;

use super::{Doc, NULL, Name, Str, intern};

/// The entries of an object, ordered by key, shared between copies. There are more of these than of anything else: one
/// piece of memory holds count, length and entries; an empty one takes none.
#[derive(Clone, Default)]
pub struct Map(Option<ThinArc<(), (Str, Doc)>>);

impl Map {
    /// An object without entries.
    pub const fn empty() -> Map {
        Map(None)
    }

    /// The value under `key`, or `null`.
    pub fn get(&self, key: &str) -> &Doc {
        self.find(key).map_or(&NULL, |at| &self.entries()[at].1)
    }

    /// Whether `key` is there, even with a null value.
    pub fn contains(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// All entries in key order.
    pub fn entries(&self) -> &[(Str, Doc)] {
        match &self.0 {
            Some(entries) => entries.slice(),
            None => &[],
        }
    }

    /// Sets `key` to `value`; says nothing of what was there.
    pub fn insert(&mut self, key: impl Name, value: impl Into<Doc>) {
        self.put(key.name(), value.into());
    }

    fn put(&mut self, key: Str, value: Doc) {
        match self.position(&key) {
            Ok(at) => self.unshared()[at].1 = value,
            Err(at) => self.make_room(at, key, value),
        }
    }

    /// Takes `key` out; true when it was there.
    pub fn remove(&mut self, key: &str) -> bool {
        let Ok(gone) = self.position(key) else { return false };
        let left = self.entries().len() - 1;
        self.rebuild(left, |old, at| old(at + usize::from(at >= gone)));
        true
    }

    /// The value under `key` to change in place; a missing one is made `null` first.
    pub fn entry(&mut self, key: &str) -> &mut Doc {
        let at = match self.position(key) {
            Ok(at) => at,
            Err(at) => {
                self.make_room(at, intern(key), Doc::Null);
                at
            }
        };
        &mut self.unshared()[at].1
    }

    /// The entries to change in place: a copy of them, where others share them.
    fn unshared(&mut self) -> &mut [(Str, Doc)] {
        let Some(entries) = &mut self.0 else { return &mut [] };
        if !entries.is_unique() {
            *entries = ThinArc::from_header_and_iter((), entries.slice().iter().cloned());
        }
        ThinArc::get_mut(entries).expect("nobody else has it").slice_mut()
    }

    fn make_room(&mut self, place: usize, key: Str, value: Doc) {
        let mut new = Some((key, value));
        let length = self.entries().len() + 1;
        self.rebuild(length, |old, at| match at {
            _ if at < place => old(at),
            _ if at > place => old(at - 1),
            _ => new.take().expect("there is one such place"),
        });
    }

    /// Puts the entries together anew: `choose` is asked for each, and is given what hands out an old one, once.
    fn rebuild(
        &mut self,
        length: usize,
        mut choose: impl FnMut(&mut dyn FnMut(usize) -> (Str, Doc), usize) -> (Str, Doc),
    ) {
        let unique = self.0.as_ref().is_some_and(|entries| entries.is_unique());
        let rebuilt = if unique {
            let old = self.unshared();
            let mut take = |at: usize| std::mem::take(&mut old[at]);
            ThinArc::from_header_and_iter((), (0..length).map(|at| choose(&mut take, at)))
        } else {
            let old = self.entries();
            let mut copy = |at: usize| old[at].clone();
            ThinArc::from_header_and_iter((), (0..length).map(|at| choose(&mut copy, at)))
        };
        self.0 = (length > 0).then_some(rebuilt);
    }

    /// Whether both are the same shared tree (cheap; false says nothing).
    pub fn same(&self, other: &Map) -> bool {
        match (&self.0, &other.0) {
            (Some(one), Some(other)) => ThinArc::ptr_eq(one, other),
            (None, None) => true,
            _ => false,
        }
    }

    /// As [`Doc::share_with`].
    pub(super) fn share_with(&mut self, other: &Map) {
        if !self.0.as_ref().is_some_and(|entries| entries.is_unique()) {
            return;
        }
        for (at, (key, value)) in self.unshared().iter_mut().enumerate() {
            match other.entries().get(at) {
                Some((same, theirs)) if same == key => value.share_with(theirs),
                _ => value.share_with(other.get(key)),
            }
        }
    }

    /// Where `key` is, if it is there. Objects have few fields: lengths and last bytes tell most of them apart.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        let entries = self.entries();
        if entries.len() > FEW {
            return self.position(key).ok();
        }
        entries.iter().position(|(name, _)| name.as_str() == key)
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.entries().binary_search_by(|(name, _)| order(name, key))
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Map) -> bool {
        self.same(other) || self.entries() == other.entries()
    }
}

impl std::hash::Hash for Map {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.entries().hash(state);
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.entries().iter().map(|(key, value)| (key, value))).finish()
    }
}

/// The order of keys. Most differ in their first byte.
pub(super) fn order(a: &str, b: &str) -> Ordering {
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(first), Some(second)) if first != second => first.cmp(second),
        _ => a.cmp(b),
    }
}

/// Up to so many entries are looked through one by one.
pub(super) const FEW: usize = 24;

/// An object under construction: [`doc!`](crate::doc!) gathers the entries, so that they are allocated once.
#[derive(Default)]
pub struct Entries(pub(super) SmallVec<[(Str, Doc); 12]>);

impl Entries {
    /// Adds `key`; a later one wins over an earlier one.
    pub fn put(&mut self, key: Str, value: Doc) {
        match self.0.last() {
            Some((last, _)) if order(last, &key).is_ge() => {
                match self.0.binary_search_by(|(k, _)| order(k, &key)) {
                    Ok(at) => self.0[at].1 = value,
                    Err(at) => self.0.insert(at, (key, value)),
                }
            }
            _ => self.0.push((key, value)),
        }
    }

    /// The object; what gathered it is empty then.
    pub fn take_map(&mut self) -> Map {
        Map((!self.0.is_empty()).then(|| ThinArc::from_header_and_iter((), self.0.drain(..))))
    }
}

impl FromIterator<(Str, Doc)> for Map {
    /// Later entries win over earlier ones with the same key.
    fn from_iter<I: IntoIterator<Item = (Str, Doc)>>(entries: I) -> Map {
        let mut entries = Entries(entries.into_iter().collect());
        if !entries.0.is_sorted_by(|a, b| a.0 < b.0) {
            sort_by(&mut entries.0, |a, b| a.0.cmp(&b.0));
            entries.0.reverse();
            entries.0.dedup_by(|a, b| a.0 == b.0);
            entries.0.reverse();
        }
        entries.take_map()
    }
}

#[cfg(test)]
mod tests {
    use super::{Doc, Map, Str};
    use crate::doc;

    fn map(names: &[&str]) -> Map {
        names.iter().map(|name| (Str::from(*name), Doc::from(*name))).collect()
    }

    fn names(map: &Map) -> Vec<&str> {
        map.entries().iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn a_copy_keeps_what_it_had() {
        let mut one = map(&["b", "d"]);
        let copy = one.clone();
        assert!(one.same(&copy));
        one.insert("c", 3_i64);
        *one.entry("a") = Doc::from(1);
        *one.entry("d") = Doc::from(4);
        assert!(one.remove("b") && !one.remove("b"));
        assert_eq!(names(&one), ["a", "c", "d"]);
        assert_eq!([one.get("a"), one.get("c"), one.get("d")].map(Doc::as_i64), [Some(1), Some(3), Some(4)]);
        assert_eq!(copy, map(&["d", "b"]));
    }

    #[test]
    fn what_is_equal_can_be_shared_and_what_is_not_stays() {
        let other = doc!({ "a": [{ "x": 1i64 }, { "x": 2i64 }], "b": { "y": "z" }, "c": 1i64 });
        let made = || doc!({ "a": [{ "x": 1i64 }, { "x": 3i64 }], "b": { "y": "z" }, "c": 2i64 });
        let mut one = made();
        one.share_with(&other);
        assert_eq!(one, made());
        assert!(one["b"].same(&other["b"]) && one["a"][0].same(&other["a"][0]));
        assert!(!one["a"].same(&other["a"]));
        // Others have a share in this list: it is left as it is.
        let (mut two, list) = (made(), doc!([{ "x": 1i64 }, { "x": 3i64 }]));
        two.set("a", &list);
        two.share_with(&other);
        assert!(two["a"].same(&list) && !two["a"][0].same(&other["a"][0]));
    }

    #[test]
    fn an_empty_one_is_like_any_other_empty_one() {
        let mut emptied = map(&["a"]);
        assert!(emptied.remove("a"));
        assert_eq!(emptied, Map::default());
        assert!(emptied.get("a").is_null() && !emptied.contains("a"));
        emptied.insert("a", "a");
        assert_eq!(emptied, map(&["a"]));
    }
}
