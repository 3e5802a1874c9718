//! A set of integers in one run of bytes: an intset, searched by halves and changed in place.
//!
//! ```text
//!   <width: u32 le: 2, 4 or 8> <count: u32 le> <integers, ascending, little-endian>
//! ```
//! The format is that of [`crate::packed::intset`].

/// Bytes of the header.
const HEADER: usize = 8;

/// An intset to be read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
    width: usize,
}

fn width_of(v: i64) -> usize {
    if i16::try_from(v).is_ok() {
        2
    } else if i32::try_from(v).is_ok() {
        4
    } else {
        8
    }
}

fn read(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(i32::from_le_bytes([a, b, c, d])),
        _ => bytes.first_chunk().map_or(0, |b| i64::from_le_bytes(*b)),
    }
}

impl<'a> View<'a> {
    /// Reads the intset that `bytes` are.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> View<'a> {
        let width = match bytes.first() {
            Some(4) => 4,
            Some(8) => 8,
            _ => 2,
        };
        View { bytes, width }
    }

    /// All of its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many integers.
    #[must_use]
    pub fn len(self) -> usize {
        self.bytes.len().saturating_sub(HEADER) / self.width
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The n-th.
    #[must_use]
    pub fn get(self, n: usize) -> Option<i64> {
        let at = HEADER + n * self.width;
        self.bytes.get(at..at + self.width).map(read)
    }

    /// All of them, ascending.
    pub fn iter(self) -> impl ExactSizeIterator<Item = i64> + Clone + use<'a> {
        self.bytes
            .get(HEADER..)
            .unwrap_or_default()
            .chunks_exact(self.width)
            .map(read)
    }

    /// Where `v` is, or where it would have to stand.
    pub fn search(self, v: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let mid = low + (high - low) / 2;
            match self.get(mid).map(|m| m.cmp(&v)) {
                Some(std::cmp::Ordering::Less) => low = mid + 1,
                Some(std::cmp::Ordering::Greater) => high = mid,
                _ => return Ok(mid),
            }
        }
        Err(low)
    }
}

/// Adds `v` to the intset `vec[at..]`; false if it was there.
pub fn add(vec: &mut Vec<u8>, at: usize, v: i64) -> bool {
    let view = View::new(vec.get(at..).unwrap_or_default());
    let place = match view.search(v) {
        Ok(_) => return false,
        Err(place) => place,
    };
    let len = view.len();
    if width_of(v) > view.width {
        let width = width_of(v);
        let mut all: Vec<i64> = view.iter().collect();
        all.insert(place, v);
        vec.truncate(at);
        vec.reserve_exact(HEADER + all.len() * width);
        write(&all, width, vec);
        return true;
    }
    let width = view.width;
    let from = at + HEADER + place * width;
    let old = vec.len();
    vec.resize(old + width, 0);
    vec.copy_within(from..old, from + width);
    if let Some(to) = vec.get_mut(from..from + width) {
        to.copy_from_slice(v.to_le_bytes().get(..width).unwrap_or_default());
    }
    set_count(vec, at, len + 1);
    true
}

/// Takes `v` out of the intset `vec[at..]`; false if it was not there.
pub fn remove(vec: &mut Vec<u8>, at: usize, v: i64) -> bool {
    let view = View::new(vec.get(at..).unwrap_or_default());
    let Ok(place) = view.search(v) else {
        return false;
    };
    let (len, width) = (view.len(), view.width);
    let from = at + HEADER + place * width;
    vec.copy_within(from + width.., from);
    let shorter = vec.len() - width;
    vec.truncate(shorter);
    set_count(vec, at, len - 1);
    true
}

/// Appends the intset of integers that are distinct and ascending.
pub fn build(sorted: &[i64], out: &mut Vec<u8>) {
    let width = sorted
        .first()
        .into_iter()
        .chain(sorted.last())
        .map(|v| width_of(*v))
        .max()
        .unwrap_or(2);
    write(sorted, width, out);
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "2, 4 or 8, and a limited count"
)]
fn write(all: &[i64], width: usize, out: &mut Vec<u8>) {
    out.extend_from_slice(&(width as u32).to_le_bytes());
    out.extend_from_slice(&(all.len() as u32).to_le_bytes());
    for v in all {
        out.extend_from_slice(v.to_le_bytes().get(..width).unwrap_or_default());
    }
}

#[allow(clippy::cast_possible_truncation, reason = "a limited count")]
fn set_count(vec: &mut [u8], at: usize, count: usize) {
    if let Some(place) = vec.get_mut(at + 4..at + HEADER) {
        place.copy_from_slice(&(count as u32).to_le_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn it_is_an_ordered_set(ops in prop::collection::vec((any::<bool>(), prop_oneof![-20i64..20, any::<i16>().prop_map(i64::from), any::<i64>()]), 0..200)) {
            let mut vec = b"xyz".to_vec();
            build(&[], &mut vec);
            let mut model = BTreeSet::new();
            for (insert, v) in ops {
                if insert {
                    prop_assert_eq!(add(&mut vec, 3, v), model.insert(v));
                } else {
                    prop_assert_eq!(remove(&mut vec, 3, v), model.remove(&v));
                }
                let view = View::new(&vec[3..]);
                prop_assert_eq!(view.iter().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
                if model.is_empty() {
                    // No file holds an empty one, and no key keeps it.
                    continue;
                }
                let mut strict = crate::packed::intset::Reader::new(crate::input::bytes::Slice::new(&vec[3..], 0)).unwrap();
                let mut n = 0;
                while strict.next().unwrap().is_some() { n += 1; }
                prop_assert_eq!(n, model.len());
                prop_assert!(strict.finish().is_none());
            }
        }
    }
}
