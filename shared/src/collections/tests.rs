//! The same random calls on these and on the standard library's: the same answers.

#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "they are what to be compared with")]

use std::collections::{BTreeMap as StdMap, BTreeSet as StdSet};

use super::{BTreeMap, BTreeSet, sort, sort_by_key};
use crate::sim::Random;

/// The first entries of both maps, and their last: enough to see that they are the same, and in the same order.
fn assert_same(mine: &BTreeMap<u64, u64>, std: &StdMap<u64, u64>) {
    assert_eq!(mine.len(), std.len());
    assert_eq!(mine.is_empty(), std.is_empty());
    assert!(mine.iter().eq(std.iter()), "{mine:?} is not {std:?}");
    assert!(mine.iter().rev().eq(std.iter().rev()));
    assert_eq!(mine.first_key_value(), std.first_key_value());
    assert_eq!(mine.last_key_value(), std.last_key_value());
}

#[test]
fn a_map_does_what_the_standard_one_does() {
    for seed in 0..20 {
        let mut random = Random::stream(seed, "collections");
        let keys = [10, 100, 1000][seed as usize % 3];
        let (mut mine, mut std) = (BTreeMap::new(), StdMap::new());
        for _ in 0..3000 {
            let (key, other) = (random.below(keys), random.below(keys));
            match random.below(15) {
                0..=4 => assert_eq!(mine.insert(key, other), std.insert(key, other)),
                5 | 6 => assert_eq!(mine.remove(&key), std.remove(&key)),
                7 => {
                    *mine.entry(key).and_modify(|value| *value += 1).or_insert(other) += 2;
                    *std.entry(key).and_modify(|value| *value += 1).or_insert(other) += 2;
                }
                8 => assert_eq!(
                    (mine.get(&key), mine.contains_key(&key)),
                    (std.get(&key), std.contains_key(&key))
                ),
                9 => {
                    let (low, high) = (key.min(other), key.max(other));
                    assert!(mine.range(low..high).eq(std.range(low..high)));
                    assert!(mine.range(low..=high).rev().eq(std.range(low..=high).rev()));
                    assert!(mine.range(low..).eq(std.range(low..)));
                    assert!(mine.range(..high).eq(std.range(..high)));
                    use std::ops::Bound::{Excluded, Unbounded};
                    assert!(mine.range((Excluded(low), Unbounded)).eq(std.range((Excluded(low), Unbounded))));
                }
                10 => assert_eq!(mine.pop_first(), std.pop_first()),
                11 => assert_eq!(mine.pop_last(), std.pop_last()),
                12 if random.below(20) == 0 => {
                    mine.retain(|key, value| (*key + *value) % 3 != 0);
                    std.retain(|key, value| (*key + *value) % 3 != 0);
                }
                13 if random.below(20) == 0 => {
                    assert!(mine.split_off(&key).into_iter().eq(std.split_off(&key)));
                }
                14 if random.below(20) == 0 => {
                    let run = mine.pop_run();
                    assert_eq!(run.is_empty(), std.is_empty());
                    run.into_iter().for_each(|entry| assert_eq!(Some(entry), std.pop_first()));
                }
                _ => {
                    mine.values_mut().for_each(|value| *value ^= 1);
                    std.values_mut().for_each(|value| *value ^= 1);
                    assert_eq!(mine, mine.clone());
                }
            }
            assert_same(&mine, &std);
        }
    }
}

#[test]
fn maps_with_the_same_entries_are_equal_however_they_came_about() {
    let up: BTreeMap<u32, u32> = (0..500).map(|key| (key, key)).collect();
    let down: BTreeMap<u32, u32> = (0..500).rev().map(|key| (key, key)).collect();
    assert_eq!(up, down);
    assert_eq!(crate::sim::hash_of(&up), crate::sim::hash_of(&down));
    assert_ne!(up, (0..499).map(|key| (key, key)).collect());
}

#[test]
fn a_set_is_in_order_and_holds_everything_once() {
    let mut random = Random::stream(1, "collections");
    let members: Vec<u64> = (0..2000).map(|_| random.below(700)).collect();
    let mine: BTreeSet<u64> = members.iter().copied().collect();
    let std: StdSet<u64> = members.iter().copied().collect();
    assert!(mine.iter().eq(&std));
    assert_eq!((mine.first(), mine.last()), (std.first(), std.last()));
    assert!(mine.range(100..300).eq(std.range(100..300)));
    let (other_mine, other_std): (BTreeSet<u64>, StdSet<u64>) =
        ((0..700).step_by(3).collect(), (0..700).step_by(3).collect());
    assert!(mine.intersection(&other_mine).eq(std.intersection(&other_std)));
    assert!(mine.difference(&other_mine).eq(std.difference(&other_std)));
    assert!(
        !mine.is_subset(&other_mine) && (0..9).step_by(3).collect::<BTreeSet<_>>().is_subset(&other_mine)
    );
}

#[test]
fn sorting_keeps_equal_items_as_they_were() {
    let mut random = Random::stream(2, "collections");
    for count in [0, 1, 2, 3, 10, 1000] {
        let items: Vec<(u64, u64)> = (0..count).map(|place| (random.below(20), place)).collect();
        let (mut mine, mut std) = (items.clone(), items.clone());
        sort_by_key(&mut mine, |(key, _)| *key);
        std.sort_by_key(|(key, _)| *key);
        assert_eq!(mine, std);
        let mut words: Vec<String> = items.iter().map(|(key, place)| format!("{key}-{place}")).collect();
        let mut wanted = words.clone();
        sort(&mut words);
        wanted.sort();
        assert_eq!(words, wanted);
    }
}
