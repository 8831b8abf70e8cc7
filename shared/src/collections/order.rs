//! Sorting that is compiled once: what is sorted are places, and then everything is moved to its own.

use std::cmp::Ordering;

/// Sorts, keeping equal items as they were.
pub fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts by a key, keeping equal items as they were.
pub fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |one, two| key(one).cmp(&key(two)));
}

/// Sorts by a comparison, keeping equal items as they were.
///
/// # Panics
/// If there are more than 2^32 items.
pub fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let count = u32::try_from(items.len()).expect("nothing in a cluster is that long");
    let mut places = order(count, &|one, two| compare(&items[one as usize], &items[two as usize]));
    // Each cycle of places is followed once, its items trading places with the next.
    for start in 0..places.len() {
        let mut here = start;
        loop {
            let from = std::mem::replace(&mut places[here], here as u32) as usize;
            if from == start || from == here {
                break;
            }
            items.swap(here, from);
            here = from;
        }
    }
}

/// The places of the items in order. Not generic, so that there is one of it.
#[expect(clippy::disallowed_methods, reason = "this is the one sort there is")]
fn order(count: u32, compare: &dyn Fn(u32, u32) -> Ordering) -> Vec<u32> {
    let mut places: Vec<u32> = (0..count).collect();
    if places.windows(2).any(|pair| compare(pair[0], pair[1]) == Ordering::Greater) {
        places.sort_by(|one, two| compare(*one, *two));
    }
    places
}
