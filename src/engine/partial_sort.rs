//! Sorting only as far as it is looked at, in the servers' order.
//!
//! Where things compare equal, their order is an accident of the algorithm, and part of the answer. Servers use the
//! quicksort of Bentley and McIlroy ("Engineering a Sort Function") that goes on only into parts of the wanted range.

use std::cmp::Ordering;

/// Sorts so that `all[..n]` is what a whole sort would put there, by the servers' partial quicksort.
pub fn first<T>(all: &mut [T], n: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) {
    range(all, 0, n, compare);
}

/// Sorts so that `all[from..to]` is what a whole sort would put there, by the servers' partial quicksort.
pub fn range<T>(
    all: &mut [T],
    from: usize,
    to: usize,
    compare: &mut impl FnMut(&T, &T) -> Ordering,
) {
    // Parts that are still to be sorted: where they begin, and how many things they have.
    let mut parts = vec![(0, all.len())];
    while let Some((start, len)) = parts.pop() {
        let Some(part) = all.get_mut(start..start + len) else {
            return;
        };
        let (low, high) = split(part, compare);
        // They do not touch one another, so the order in which they are sorted does not matter.
        for (at, n) in [(start, low), (start + len - high, high)] {
            if n > 1 && at < to && from < at + n {
                parts.push((at, n));
            }
        }
    }
}

fn is<T>(all: &[T], a: usize, b: usize, compare: &mut impl FnMut(&T, &T) -> Ordering) -> Ordering {
    match (all.get(a), all.get(b)) {
        (Some(a), Some(b)) => compare(a, b),
        _ => Ordering::Equal,
    }
}

/// The place of the middle one of three.
fn median<T>(
    all: &[T],
    a: usize,
    b: usize,
    c: usize,
    compare: &mut impl FnMut(&T, &T) -> Ordering,
) -> usize {
    if is(all, a, b, compare) == Ordering::Less {
        if is(all, b, c, compare) == Ordering::Less {
            b
        } else if is(all, a, c, compare) == Ordering::Less {
            c
        } else {
            a
        }
    } else if is(all, b, c, compare) == Ordering::Greater {
        b
    } else if is(all, a, c, compare) == Ordering::Less {
        a
    } else {
        c
    }
}

/// Puts what is smaller than a pivot to the front and what is larger to the back. How many are smaller, and larger: 0
/// for both where everything is sorted already.
fn split<T>(all: &mut [T], compare: &mut impl FnMut(&T, &T) -> Ordering) -> (usize, usize) {
    let n = all.len();
    if n < 7 {
        for i in 1..n {
            let mut j = i;
            while j > 0 && is(all, j - 1, j, compare) == Ordering::Greater {
                all.swap(j, j - 1);
                j -= 1;
            }
        }
        return (0, 0);
    }
    let mut pivot = n / 2;
    if n > 7 {
        let (mut low, mut high) = (0, n - 1);
        if n > 40 {
            let d = n / 8;
            low = median(all, low, low + d, low + 2 * d, compare);
            pivot = median(all, pivot - d, pivot, pivot + d, compare);
            high = median(all, high - 2 * d, high - d, high, compare);
        }
        pivot = median(all, low, pivot, high, compare);
    }
    all.swap(0, pivot);
    // Equal ones gather at both ends: │ = │ < │ not seen │ > │ = │. `c` and `d` stand one further than their things.
    let (mut a, mut b, mut c, mut d) = (1, 1, n, n);
    loop {
        while b < c {
            match is(all, b, 0, compare) {
                Ordering::Greater => break,
                Ordering::Equal => {
                    all.swap(a, b);
                    a += 1;
                }
                Ordering::Less => {}
            }
            b += 1;
        }
        while b < c {
            match is(all, c - 1, 0, compare) {
                Ordering::Less => break,
                Ordering::Equal => {
                    all.swap(c - 1, d - 1);
                    d -= 1;
                }
                Ordering::Greater => {}
            }
            c -= 1;
        }
        if b >= c {
            break;
        }
        all.swap(b, c - 1);
        b += 1;
        c -= 1;
    }
    let (smaller, larger) = (b - a, d - c);
    let r = a.min(smaller);
    for i in 0..r {
        all.swap(i, b - r + i);
    }
    let r = larger.min(n - d);
    for i in 0..r {
        all.swap(b + i, n - r + i);
    }
    (smaller, larger)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_sorts_what_is_looked_at(all in prop::collection::vec(0u8..50, 0..300), from in 0usize..300, n in 0usize..300) {
            let mut sorted = all.clone();
            sorted.sort_unstable();
            let mut part = all.clone();
            let to = (from + n).min(all.len());
            let from = from.min(to);
            range(&mut part, from, to, &mut |a, b| a.cmp(b));
            prop_assert_eq!(&part[from..to], &sorted[from..to]);
            part.sort_unstable();
            prop_assert_eq!(part, sorted);
        }
    }
}
