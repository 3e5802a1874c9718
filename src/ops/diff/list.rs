//! What differs between two lists: the edits that lead from the one to the other.

use super::compare::{Datum, Items};
use super::value::Text;
use std::collections::BTreeMap;

/// Edits of a list that are looked for at once; where there are more, elements are looked for that both have once.
const EDITS: usize = 400;

/// Runs out of two lists that are compared.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Run {
    /// The indices of their first elements.
    pub(super) from: [u64; 2],
    /// Whether more follows.
    pub(super) more: bool,
}

/// What a list has lost and won, in order, told by the indices in the list that has the element. Gives how many elements of
/// each run that accounts for: where more follows, what stands behind the last element that both have is left for
/// the next runs, which begin there; all is told where that would be nearly nothing.
pub(super) fn lists(a: &[Text], b: &[Text], run: Run, out: &mut Items) -> [usize; 2] {
    let pairs = || a.iter().zip(b);
    let head = pairs().take_while(|(x, y)| x == y).count();
    let (all_a, all_b) = (a.len(), b.len());
    let (a, b) = (
        a.get(head..).unwrap_or_default(),
        b.get(head..).unwrap_or_default(),
    );
    let ends = || a.iter().rev().zip(b.iter().rev());
    let tail = ends().take_while(|(x, y)| x == y).count();
    let (a, b) = (
        a.get(..a.len() - tail).unwrap_or_default(),
        b.get(..b.len() - tail).unwrap_or_default(),
    );
    let edits = script(a, b);
    let (mut end_a, mut end_b) = (a.len(), b.len());
    if run.more && tail == 0 {
        for edit in edits.iter().rev() {
            match edit {
                Edit::Lost(i) if i + 1 == end_a => end_a -= 1,
                Edit::Won(i) if i + 1 == end_b => end_b -= 1,
                _ => break,
            }
        }
        if head + end_a < all_a / LEAST || head + end_b < all_b / LEAST || head + end_a + end_b == 0
        {
            (end_a, end_b) = (a.len(), b.len());
        }
    }
    let [from_a, from_b] = run.from;
    let mut element = |from: u64, i: usize, a: Option<&Text>, b: Option<&Text>| {
        let text = |x: Option<&Text>| x.map_or(Datum::None, Datum::text);
        let index = i128::from(from) + head as i128 + i as i128;
        let at = [("index", Datum::Number(index))];
        out.between("element", &at, || text(a), || text(b));
    };
    for edit in edits {
        match edit {
            Edit::Lost(i) if i < end_a => element(from_a, i, a.get(i), None),
            Edit::Won(i) if i < end_b => element(from_b, i, None, b.get(i)),
            _ => {}
        }
    }
    [head + end_a + tail, head + end_b + tail]
}

/// The part of a run that its comparison has to account for at least, so that there is an end.
const LEAST: usize = 16;

/// An element that only one of the lists has, by its index there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edit {
    Lost(usize),
    Won(usize),
}

/// A script of edits: the shortest one, if it is not too long. Else what lies between the elements that both have once, and
/// in the same order, is looked at piece by piece; where there are none, all has been replaced.
fn script(a: &[Text], b: &[Text]) -> Vec<Edit> {
    let mut edits = Vec::new();
    pieces(a, b, [0, 0], DEPTH, &mut edits);
    edits
}

/// How often pieces are cut into pieces.
const DEPTH: usize = 8;

/// The script of two pieces, which begin at those indices.
fn pieces(a: &[Text], b: &[Text], from: [usize; 2], depth: usize, edits: &mut Vec<Edit>) {
    let [from_a, from_b] = from;
    let there = |edit: Edit| match edit {
        Edit::Lost(i) => Edit::Lost(from_a + i),
        Edit::Won(i) => Edit::Won(from_b + i),
    };
    if let Some(found) = shortest(a, b) {
        edits.extend(found.into_iter().map(there));
        return;
    }
    let anchors = if depth == 0 {
        Vec::new()
    } else {
        anchors(a, b)
    };
    if anchors.is_empty() {
        let lost = (0..a.len()).map(Edit::Lost);
        edits.extend(lost.chain((0..b.len()).map(Edit::Won)).map(there));
        return;
    }
    let (mut at_a, mut at_b) = (0, 0);
    for (x, y) in anchors.into_iter().chain([(a.len(), b.len())]) {
        let piece = |all: &'_ [Text], from: usize, to: usize| -> std::ops::Range<usize> {
            from..to.min(all.len())
        };
        let (in_a, in_b) = (piece(a, at_a, x), piece(b, at_b, y));
        let (a, b) = (
            a.get(in_a).unwrap_or_default(),
            b.get(in_b).unwrap_or_default(),
        );
        pieces(a, b, [from_a + at_a, from_b + at_b], depth - 1, edits);
        (at_a, at_b) = (x + 1, y + 1);
    }
}

/// Elements that are there once in each, as many as come in the same order: their indices ("patience diff").
fn anchors(a: &[Text], b: &[Text]) -> Vec<(usize, usize)> {
    // Where an element stands in either; `None` where it stands there more than once.
    let mut places: BTreeMap<&Text, [Place; 2]> = BTreeMap::new();
    for (side, all) in [a, b].into_iter().enumerate() {
        for (i, text) in all.iter().enumerate() {
            if let Some(place) = places.entry(text).or_default().get_mut(side) {
                *place = match place {
                    Place::Nowhere => Place::Once(i),
                    _ => Place::Often,
                };
            }
        }
    }
    let mut once: Vec<(usize, usize)> = places
        .into_values()
        .filter_map(|places| match places {
            [Place::Once(x), Place::Once(y)] => Some((x, y)),
            _ => None,
        })
        .collect();
    once.sort_unstable();
    // The longest run of them that ascends in `b`: `ends[n]` is the one with the lowest index there that n others can stand
    // in front of, `before` who stands there.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(once.len());
    let in_b = |at: &usize| once.get(*at).map(|(_, y)| *y);
    for (at, (_, y)) in once.iter().enumerate() {
        let n = ends.partition_point(|end| in_b(end) < Some(*y));
        before.push(n.checked_sub(1).and_then(|n| ends.get(n)).copied());
        match ends.get_mut(n) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut run = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        run.extend(once.get(at));
        next = before.get(at).copied().flatten();
    }
    run.reverse();
    run
}

/// Where an element stands in a list.
#[derive(Debug, Clone, Copy, Default)]
enum Place {
    #[default]
    Nowhere,
    Once(usize),
    Often,
}

/// The shortest script of edits, by Myers' algorithm ("An O(ND) difference algorithm and its variations"); `None` where it
/// is too long.
fn shortest(a: &[Text], b: &[Text]) -> Option<Vec<Edit>> {
    if a.is_empty() || b.is_empty() {
        let lost = (0..a.len()).map(Edit::Lost);
        return Some(lost.chain((0..b.len()).map(Edit::Won)).collect());
    }
    let most = (a.len() + b.len()).min(EDITS);
    // `far[k + most]`: how far into `a` a path comes on diagonal k (index in a less index in b).
    let mut far = vec![0usize; 2 * most + 2];
    let mut trace: Vec<Vec<usize>> = Vec::new();
    let place = |k: isize| {
        k.checked_add_unsigned(most)
            .and_then(|i| usize::try_from(i).ok())
    };
    let get = |far: &[usize], k: isize| place(k).and_then(|i| far.get(i)).copied().unwrap_or(0);
    for d in 0..=most {
        trace.push(far.clone());
        let depth = isize::try_from(d).unwrap_or(isize::MAX);
        for k in (-depth..=depth).step_by(2) {
            let down = k == -depth || (k != depth && get(&far, k - 1) < get(&far, k + 1));
            let mut x = if down {
                get(&far, k + 1)
            } else {
                get(&far, k - 1) + 1
            };
            let Ok(mut y) = usize::try_from(x.cast_signed() - k) else {
                continue;
            };
            while x < a.len() && y < b.len() && a.get(x) == b.get(y) {
                x += 1;
                y += 1;
            }
            if let Some(entry) = place(k).and_then(|i| far.get_mut(i)) {
                *entry = x;
            }
            if x >= a.len() && y >= b.len() {
                return Some(back(&trace, a.len(), b.len(), &get));
            }
        }
    }
    None
}

/// Follows the traces back from the end.
fn back(
    trace: &[Vec<usize>],
    a: usize,
    b: usize,
    get: &dyn Fn(&[usize], isize) -> usize,
) -> Vec<Edit> {
    let (mut x, mut y) = (a.cast_signed(), b.cast_signed());
    let mut edits = Vec::new();
    for (d, far) in trace.iter().enumerate().rev() {
        let depth = d.cast_signed();
        let k = x - y;
        let down = k == -depth || (k != depth && get(far, k - 1) < get(far, k + 1));
        let before_k = if down { k + 1 } else { k - 1 };
        let before_x = get(far, before_k).cast_signed();
        let before_y = before_x - before_k;
        if d > 0 {
            edits.push(if down {
                Edit::Won(before_y.cast_unsigned())
            } else {
                Edit::Lost(before_x.cast_unsigned())
            });
        }
        (x, y) = (before_x, before_y);
    }
    edits.reverse();
    edits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(s: &str) -> Vec<Text> {
        s.bytes().map(|b| Text::Whole(vec![b])).collect()
    }

    /// Applies a script.
    fn applied(a: &[Text], b: &[Text], script: &[Edit]) -> Vec<Text> {
        let lost: Vec<usize> = script
            .iter()
            .filter_map(|e| match e {
                Edit::Lost(i) => Some(*i),
                Edit::Won(_) => None,
            })
            .collect();
        let mut kept = (0..a.len()).filter(|i| !lost.contains(i)).map(|i| &a[i]);
        let won = |i: usize| script.contains(&Edit::Won(i));
        let made = (0..b.len()).map(|i| if won(i) { &b[i] } else { kept.next().unwrap() });
        let made: Vec<Text> = made.cloned().collect();
        assert!(kept.next().is_none());
        made
    }

    #[test]
    fn scripts_lead_from_one_list_to_the_other() {
        let mut seed = 7u64;
        let mut random = |n: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % n
        };
        for _ in 0..2000 {
            let mut list = || -> String {
                (0..random(12))
                    .map(|_| ["a", "b", "c"][usize::try_from(random(3)).unwrap()])
                    .collect()
            };
            let (a, b) = (texts(&list()), texts(&list()));
            let script = script(&a, &b);
            assert_eq!(applied(&a, &b, &script), b, "{a:?} {b:?}");
        }
        let count = |a: &str, b: &str| script(&texts(a), &texts(b)).len();
        assert_eq!(count("abcabba", "cbabac"), 5);
        assert_eq!(count("abc", "abc"), 0);
        assert_eq!(count("abc", "abxc"), 1);
        // Nothing in common and too long to look.
        let (a, b) = ("a".repeat(900), "b".repeat(900));
        assert_eq!(count(&a, &b), 1800);
    }

    #[test]
    fn many_edits_are_found_between_what_is_there_once() {
        let numbered = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<Text> {
            numbers
                .map(|n| Text::Whole(n.to_string().into_bytes()))
                .collect()
        };
        // Some at the head, some at the end, every fifth in the middle: 300 + 300 + 600.
        let a = numbered(&mut (0..3000));
        let gone = |n: &u32| n.is_multiple_of(5);
        let b = numbered(
            &mut (9000..9300)
                .chain((0..3000).filter(|n| !gone(n)))
                .chain(8000..8300),
        );
        let edits = script(&a, &b);
        assert_eq!(edits.len(), 1200);
        assert_eq!(applied(&a, &b, &edits), b);
        // In another order there is little to keep.
        let turned = numbered(&mut (0..3000).rev());
        assert_eq!(applied(&a, &turned, &script(&a, &turned)), turned);
    }

    #[test]
    fn a_run_ends_where_both_are_the_same() {
        let used = |a: &str, b: &str, more: bool| {
            let mut out = Items {
                most: 100,
                ..Items::default()
            };
            let run = Run { from: [0, 0], more };
            let used = lists(&texts(a), &texts(b), run, &mut out);
            (used, out.items.len())
        };
        // One more in the second: what it pushes out of the run is for the next.
        assert_eq!(used("abcdefgh", "Xabcdefg", true), ([7, 8], 1));
        assert_eq!(used("abcdefgh", "Xabcdefg", false), ([8, 8], 2));
        assert_eq!(used("abcdefgh", "abcdefgh", true), ([8, 8], 0));
        assert_eq!(used("abc", "xyz", true), ([3, 3], 6));
        assert_eq!(used("", "xyz", true), ([0, 3], 3));
    }

    #[test]
    fn indices_are_those_of_the_lists() {
        let mut out = Items {
            most: 10,
            ..Items::default()
        };
        let run = Run {
            from: [100, 200],
            more: false,
        };
        let used = lists(&texts("xxabcxx"), &texts("xxacdxx"), run, &mut out);
        assert_eq!(used, [7, 7]);
        let told: Vec<_> = out
            .items
            .iter()
            .map(|i| (i.at[0].1.clone(), i.a == Datum::None))
            .collect();
        assert_eq!(
            told,
            [(Datum::Number(103), false), (Datum::Number(204), true)]
        );
    }

    #[test]
    fn what_is_too_much_is_counted() {
        let mut out = Items {
            most: 2,
            ..Items::default()
        };
        lists(&texts("abcdef"), &[], Run::default(), &mut out);
        assert_eq!((out.items.len(), out.more), (2, 4));
        assert!(!out.is_empty());
    }
}
