//! Go's `sort.Sort`, which leaves equal items in an order of its own: what kubectl sorts with it stands as it does there.

/// So few items are sorted by putting each into its place among those before it.
const FEW: usize = 12;
/// From so many on a pivot is sought among nine.
const MANY: usize = 50;

/// Sorts items by what is less.
pub(super) fn sort<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    let limit = usize::BITS - items.len().leading_zeros();
    let end = items.len();
    Sorter { items, less }.quick(0, end, limit);
}

struct Sorter<'a, T, L> {
    items: &'a mut [T],
    less: L,
}

/// What the items around a pivot look like.
#[derive(PartialEq)]
enum Hint {
    Rising,
    Falling,
    Unknown,
}

impl<T, L: Fn(&T, &T) -> bool> Sorter<'_, T, L> {
    fn less(&self, one: usize, two: usize) -> bool {
        (self.less)(&self.items[one], &self.items[two])
    }

    fn swap(&mut self, one: usize, two: usize) {
        self.items.swap(one, two);
    }

    fn quick(&mut self, mut from: usize, mut to: usize, mut limit: u32) {
        let (mut balanced, mut parted) = (true, true);
        loop {
            let length = to - from;
            if length <= FEW {
                return self.insertion(from, to);
            }
            if limit == 0 {
                return self.heap(from, to);
            }
            if !balanced {
                self.shuffle(from, to);
                limit -= 1;
            }
            let (mut pivot, mut hint) = self.pivot(from, to);
            if hint == Hint::Falling {
                self.items[from..to].reverse();
                pivot = (to - 1) - (pivot - from);
                hint = Hint::Rising;
            }
            if balanced && parted && hint == Hint::Rising && self.nearly_sorted(from, to) {
                return;
            }
            if from > 0 && !self.less(from - 1, pivot) {
                from = self.part_equal(from, to, pivot);
                continue;
            }
            let (middle, was_parted) = self.part(from, to, pivot);
            parted = was_parted;
            let (left, right) = (middle - from, to - middle);
            balanced = left.min(right) >= length / 8;
            if left < right {
                self.quick(from, middle, limit);
                from = middle + 1;
            } else {
                self.quick(middle + 1, to, limit);
                to = middle;
            }
        }
    }

    fn insertion(&mut self, from: usize, to: usize) {
        for end in from + 1..to {
            for at in (from + 1..=end).rev() {
                if !self.less(at, at - 1) {
                    break;
                }
                self.swap(at, at - 1);
            }
        }
    }

    fn heap(&mut self, from: usize, to: usize) {
        let length = to - from;
        for root in (0..=(length - 1) / 2).rev() {
            self.sift(root, length, from);
        }
        for end in (0..length).rev() {
            self.swap(from, from + end);
            self.sift(0, end, from);
        }
    }

    fn sift(&mut self, mut root: usize, end: usize, from: usize) {
        loop {
            let mut child = 2 * root + 1;
            if child >= end {
                return;
            }
            if child + 1 < end && self.less(from + child, from + child + 1) {
                child += 1;
            }
            if !self.less(from + root, from + child) {
                return;
            }
            self.swap(from + root, from + child);
            root = child;
        }
    }

    /// Moves a few items about, so that no input is bad twice. The numbers follow from the length.
    fn shuffle(&mut self, from: usize, to: usize) {
        let length = to - from;
        let mut random = length as u64;
        let mask = (1_u64 << (u64::BITS - (length as u64).leading_zeros())) - 1;
        let at = from + (length / 4) * 2;
        for step in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let other = usize::try_from(random & mask).unwrap_or_default();
            let other = if other >= length { other - length } else { other };
            self.swap(at - 1 + step, from + other);
        }
    }

    fn pivot(&self, from: usize, to: usize) -> (usize, Hint) {
        let quarter = (to - from) / 4;
        let mut swaps = 0;
        let mut places = [from + quarter, from + quarter * 2, from + quarter * 3];
        if to - from >= MANY {
            places = places.map(|at| self.median([at - 1, at, at + 1], &mut swaps));
        }
        let pivot = self.median(places, &mut swaps);
        let hint = match swaps {
            0 => Hint::Rising,
            12 => Hint::Falling,
            _ => Hint::Unknown,
        };
        (pivot, hint)
    }

    fn median(&self, [mut one, mut two, mut three]: [usize; 3], swaps: &mut u32) -> usize {
        let mut order = |one: &mut usize, two: &mut usize| {
            if self.less(*two, *one) {
                *swaps += 1;
                std::mem::swap(one, two);
            }
        };
        order(&mut one, &mut two);
        order(&mut two, &mut three);
        order(&mut one, &mut two);
        two
    }

    /// Sorts what is sorted but for a few; whether it did.
    fn nearly_sorted(&mut self, from: usize, to: usize) -> bool {
        let mut at = from + 1;
        for _ in 0..5 {
            while at < to && !self.less(at, at - 1) {
                at += 1;
            }
            if at == to {
                return true;
            }
            if to - from < MANY {
                return false;
            }
            self.swap(at, at - 1);
            if at - from >= 2 {
                for back in (1..at).rev() {
                    if !self.less(back, back - 1) {
                        break;
                    }
                    self.swap(back, back - 1);
                }
            }
            if to - at >= 2 {
                for next in at + 1..to {
                    if !self.less(next, next - 1) {
                        break;
                    }
                    self.swap(next, next - 1);
                }
            }
        }
        false
    }

    /// Puts what equals the pivot first; where that ends.
    fn part_equal(&mut self, from: usize, to: usize, pivot: usize) -> usize {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        loop {
            while low <= high && !self.less(from, low) {
                low += 1;
            }
            while low <= high && self.less(from, high) {
                high -= 1;
            }
            if low > high {
                return low;
            }
            self.swap(low, high);
            low += 1;
            high -= 1;
        }
    }

    /// Puts what is less before the pivot; where that is then, and whether it was so already.
    fn part(&mut self, from: usize, to: usize, pivot: usize) -> (usize, bool) {
        self.swap(from, pivot);
        let (mut low, mut high) = (from + 1, to - 1);
        let mut swapped = false;
        loop {
            while low <= high && self.less(low, from) {
                low += 1;
            }
            while low <= high && !self.less(high, from) {
                high -= 1;
            }
            if low > high {
                self.swap(high, from);
                return (high, !swapped);
            }
            self.swap(low, high);
            swapped = true;
            low += 1;
            high -= 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::sort;

    #[test]
    fn sorts_every_kind_of_input() {
        for length in 0..200_u64 {
            let inputs: [&dyn Fn(u64) -> u64; 5] =
                [&|at| at, &|at| 1000 - at, &|_| 7, &|at| at * 7919 % 13, &|at| at * 7919 % 101];
            for input in inputs {
                let mut items: Vec<u64> = (0..length).map(input).collect();
                sort(&mut items, |one, two| one < two);
                assert!(items.is_sorted(), "{length}: {items:?}");
                assert_eq!(items.len() as u64, length);
            }
        }
    }
}
