//! A listpack that is changed in place: the end of a vector, whatever stands in front of it.
//!
//! ```text
//!   vec   │ flags, key, expiry … │ total │ count │ entry … │ ff │
//!                                 ▲ at
//! ```
//! The format is that of [`super::listpack`]. What is here was made by these functions or has been checked, so reading
//! answers with `None` where bytes make no sense instead of with a reason. Backlens are those of Redis (16383 takes
//! three bytes), which every server reads.
//!
//! Cost: finding is linear, so is changing the middle; at the end a push costs its own bytes.

use super::listpack::backlen_width;
use super::string::Str;
use crate::model::number::parse_i64;

/// Bytes of the header.
const HEADER: usize = 6;
/// The count that says: unknown.
const UNKNOWN: u16 = u16::MAX;
/// The end mark.
const END: u8 = 0xff;

/// An empty listpack.
pub const EMPTY: [u8; 7] = [7, 0, 0, 0, 0, 0, END];

/// A listpack to be read.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    bytes: &'a [u8],
}

/// An entry: where it stands in the listpack, and what it holds.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// Offset of its first byte.
    pub at: usize,
    /// Offset behind its backlen.
    pub end: usize,
    /// The element: bytes, or an integer.
    pub value: Str<'a>,
}

/// An element that others are compared with.
#[derive(Debug, Clone, Copy)]
pub struct Needle<'a> {
    bytes: &'a [u8],
    int: Option<i64>,
}

impl<'a> Needle<'a> {
    /// To look for that element.
    #[must_use]
    #[inline]
    pub fn new(element: &'a [u8]) -> Needle<'a> {
        Needle {
            bytes: element,
            int: match Form::of(element) {
                Form::Int(v) => Some(v),
                Form::Bytes(_) => None,
            },
        }
    }

    /// Whether an element out of a listpack, or of plain bytes, is the same.
    #[must_use]
    #[inline]
    pub fn is(&self, value: &Str<'_>) -> bool {
        match value {
            Str::Bytes(b) => *b == self.bytes,
            Str::Int(v) => Some(*v) == self.int,
            Str::Giant(_) => false,
        }
    }
}

/// How an element is stored.
enum Form<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

impl<'a> Form<'a> {
    #[inline]
    fn of(element: &'a [u8]) -> Form<'a> {
        // No integer of 64 bits has more than 20 characters.
        match element {
            [b'-' | b'0'..=b'9', ..] if element.len() <= 20 => {
                parse_i64(element).map_or(Form::Bytes(element), Form::Int)
            }
            _ => Form::Bytes(element),
        }
    }
}

impl Form<'_> {
    /// Bytes that it takes, its backlen included.
    #[inline]
    fn size(&self) -> usize {
        let size = match *self {
            Form::Int(v) => int_size(v),
            Form::Bytes(b) => match b.len() {
                n @ 0..64 => 1 + n,
                n @ 64..4096 => 2 + n,
                n => 5 + n,
            },
        };
        size + backlen_width(size as u64) as usize
    }
}

/// Bytes that `element` takes in a listpack, its backlen included.
#[must_use]
pub fn size_of(element: &[u8]) -> usize {
    Form::of(element).size()
}

fn int_size(v: i64) -> usize {
    match v {
        0..=127 => 1,
        -4096..=4095 => 2,
        -32_768..=32_767 => 3,
        -8_388_608..=8_388_607 => 4,
        -2_147_483_648..=2_147_483_647 => 5,
        _ => 9,
    }
}

/// Appends the encoded element with its backlen.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "each arm has checked the range of what it cuts"
)]
fn encode(form: &Form<'_>, out: &mut Vec<u8>) {
    let before = out.len();
    match *form {
        Form::Int(v) => match int_size(v) {
            1 => out.push(v as u8),
            2 => {
                let bits = (v & 0x1fff) as u16;
                out.extend_from_slice(&(0xc000 | bits).to_be_bytes());
            }
            3 => {
                out.push(0xf1);
                out.extend_from_slice(&(v as i16).to_le_bytes());
            }
            4 => {
                let [a, b, c, _] = (v as i32).to_le_bytes();
                out.extend_from_slice(&[0xf2, a, b, c]);
            }
            5 => {
                out.push(0xf3);
                out.extend_from_slice(&(v as i32).to_le_bytes());
            }
            _ => {
                out.push(0xf4);
                out.extend_from_slice(&v.to_le_bytes());
            }
        },
        Form::Bytes(b) => {
            match b.len() {
                n @ 0..64 => out.push(0x80 | n as u8),
                n @ 64..4096 => out.extend_from_slice(&(0xe000 | n as u16).to_be_bytes()),
                n => {
                    out.push(0xf0);
                    out.extend_from_slice(&(n as u32).to_le_bytes());
                }
            }
            out.extend_from_slice(b);
        }
    }
    let size = (out.len() - before) as u64;
    let width = backlen_width(size);
    for i in 0..width {
        let group = ((size >> (7 * (width - 1 - i))) & 0x7f) as u8;
        out.push(if i == 0 { group } else { group | 0x80 });
    }
}

impl<'a> View<'a> {
    /// Reads the listpack that `bytes` are.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> View<'a> {
        View { bytes }
    }

    /// All of its bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// How many elements. Linear above 65,534, where the header does not know.
    #[must_use]
    pub fn len(self) -> usize {
        match self
            .bytes
            .get(4..)
            .and_then(<[u8]>::first_chunk)
            .map(|b| u16::from_le_bytes(*b))
        {
            Some(UNKNOWN) => self.iter().count(),
            Some(n) => usize::from(n),
            None => 0,
        }
    }

    /// Whether it has no elements.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.bytes.get(HEADER).is_none_or(|b| *b == END)
    }

    /// The elements from the front.
    #[must_use]
    pub fn iter(self) -> Iter<'a> {
        Iter {
            bytes: self.bytes,
            at: HEADER,
        }
    }

    /// The elements from the entry that begins at `at` on.
    #[must_use]
    pub fn iter_from(self, at: usize) -> Iter<'a> {
        Iter {
            bytes: self.bytes,
            at,
        }
    }

    /// The elements from the back.
    #[must_use]
    pub fn iter_back(self) -> IterBack<'a> {
        IterBack {
            bytes: self.bytes,
            end: self.bytes.len().saturating_sub(1),
        }
    }

    /// The elements in front of offset `end`, the last first.
    #[must_use]
    pub fn iter_back_from(self, end: usize) -> IterBack<'a> {
        IterBack {
            bytes: self.bytes,
            end,
        }
    }

    /// The n-th element, from whichever end is nearer.
    #[must_use]
    pub fn nth(self, n: usize) -> Option<Entry<'a>> {
        let len = self.len();
        if n >= len {
            None
        } else if n <= len / 2 {
            self.iter().nth(n)
        } else {
            self.iter_back().nth(len - 1 - n)
        }
    }

    /// The first element equal to `element` among every `step`-th from the front on (2: keys of pairs).
    #[must_use]
    #[inline]
    pub fn find(self, element: &[u8], step: usize) -> Option<Entry<'a>> {
        let needle = Needle::new(element);
        let mut iter = self.iter();
        while let Some(entry) = iter.next() {
            if needle.is(&entry.value) {
                return Some(entry);
            }
            for _ in 1..step {
                iter.skip_one();
            }
        }
        None
    }
}

/// See [`View::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// The size of the entry that `bytes` begin with, without its backlen; `None` at the end mark.
#[inline]
fn entry_size(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        0..=0x7f => 1,
        b @ 0x80..=0xbf => 1 + usize::from(b & 0x3f),
        0xc0..=0xdf => 2,
        b @ 0xe0..=0xef => 2 + ((usize::from(b & 0x0f) << 8) | usize::from(*bytes.get(1)?)),
        0xf0 => 5 + u32::from_le_bytes(*bytes.get(1..)?.first_chunk()?) as usize,
        0xf1 => 3,
        0xf2 => 4,
        0xf3 => 5,
        0xf4 => 9,
        _ => return None,
    })
}

/// The element whose `size` bytes these are.
#[inline]
fn value(bytes: &[u8]) -> Option<Str<'_>> {
    Some(match *bytes.first()? {
        b @ 0..=0x7f => Str::Int(i64::from(b)),
        0x80..=0xbf => Str::Bytes(bytes.get(1..)?),
        b @ 0xc0..=0xdf => {
            let v = (i64::from(b & 0x1f) << 8) | i64::from(*bytes.get(1)?);
            Str::Int(if v >= 4096 { v - 8192 } else { v })
        }
        0xe0..=0xef => Str::Bytes(bytes.get(2..)?),
        0xf0 => Str::Bytes(bytes.get(5..)?),
        0xf1 => Str::Int(i64::from(i16::from_le_bytes(
            *bytes.get(1..)?.first_chunk()?,
        ))),
        0xf2 => {
            let [x, y, z] = *bytes.get(1..)?.first_chunk()?;
            Str::Int(i64::from(i32::from_le_bytes([0, x, y, z]) >> 8))
        }
        0xf3 => Str::Int(i64::from(i32::from_le_bytes(
            *bytes.get(1..)?.first_chunk()?,
        ))),
        0xf4 => Str::Int(i64::from_le_bytes(*bytes.get(1..)?.first_chunk()?)),
        _ => return None,
    })
}

impl Iter<'_> {
    /// Steps over an element without looking at it.
    #[inline]
    pub fn skip_one(&mut self) {
        if let Some(size) = self.bytes.get(self.at..).and_then(entry_size) {
            self.at += size + backlen_width(size as u64) as usize;
        }
    }

    /// Offset of the next element.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Entry<'a>;

    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        let at = self.at;
        let rest = self.bytes.get(at..)?;
        let size = entry_size(rest)?;
        let value = value(rest.get(..size)?)?;
        self.at = at + size + backlen_width(size as u64) as usize;
        Some(Entry {
            at,
            end: self.at,
            value,
        })
    }
}

/// See [`View::iter_back`].
#[derive(Debug, Clone)]
pub struct IterBack<'a> {
    bytes: &'a [u8],
    end: usize,
}

impl<'a> Iterator for IterBack<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        if self.end <= HEADER {
            return None;
        }
        // The backlen is read from its last byte on: low bits first, bit 7 set on all but the first byte.
        let mut size = 0usize;
        let mut width = 0;
        loop {
            let b = *self.bytes.get(self.end.checked_sub(width + 1)?)?;
            size |= usize::from(b & 0x7f) << (7 * width);
            width += 1;
            if b & 0x80 == 0 || width == 5 {
                break;
            }
        }
        let end = self.end;
        let at = end.checked_sub(width + size)?;
        let value = value(self.bytes.get(at..at + size)?)?;
        self.end = at;
        Some(Entry { at, end, value })
    }
}

/// A listpack to be changed: `vec[at..]`.
#[derive(Debug)]
pub struct Pack<'v> {
    vec: &'v mut Vec<u8>,
    at: usize,
}

impl<'v> Pack<'v> {
    /// The listpack that stands at the end of `vec`, from `at` on.
    pub fn new(vec: &'v mut Vec<u8>, at: usize) -> Pack<'v> {
        Pack { vec, at }
    }

    /// To look at.
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View::new(self.vec.get(self.at..).unwrap_or_default())
    }

    /// Appends an element.
    pub fn push(&mut self, element: &[u8]) {
        self.push_form(&Form::of(element));
    }

    /// Appends an integer.
    pub fn push_int(&mut self, v: i64) {
        self.push_form(&Form::Int(v));
    }

    #[inline]
    fn push_form(&mut self, form: &Form<'_>) {
        // Over the end mark, which comes again behind it.
        self.vec.pop();
        encode(form, self.vec);
        self.vec.push(END);
        self.changed(1);
    }

    /// Makes room for so many more bytes and no others: a key at rest is held without room to spare.
    pub fn reserve(&mut self, bytes: usize) {
        self.vec.reserve_exact(bytes);
    }

    /// Puts elements in front of the entry at offset `at` of the listpack (its end mark: behind all).
    pub fn insert<'e>(&mut self, at: usize, elements: impl IntoIterator<Item = &'e [u8]>) {
        self.replace(at, at, 0, elements);
    }

    /// Puts elements in the place of the bytes `at..end`, which hold `removed` entries.
    pub fn replace<'e>(
        &mut self,
        at: usize,
        end: usize,
        removed: usize,
        elements: impl IntoIterator<Item = &'e [u8]>,
    ) {
        let mut fresh = Vec::new();
        let mut added = 0isize;
        for element in elements {
            encode(&Form::of(element), &mut fresh);
            added += 1;
        }
        self.splice(at, end, &fresh);
        self.changed(added - removed as isize);
    }

    /// Puts an integer in the place of the one entry at `at..end`.
    pub fn replace_int(&mut self, at: usize, end: usize, v: i64) {
        let mut fresh = Vec::new();
        encode(&Form::Int(v), &mut fresh);
        self.splice(at, end, &fresh);
        self.changed(0);
    }

    /// Takes out the bytes `at..end`, which hold `removed` entries.
    pub fn remove(&mut self, at: usize, end: usize, removed: usize) {
        self.splice(at, end, &[]);
        self.changed(-(removed as isize));
    }

    /// Takes out entries: their `at` and `end`, ascending. Everything is moved once.
    pub fn remove_all(&mut self, entries: &[(usize, usize)]) {
        let Some((first, _)) = entries.first() else {
            return;
        };
        let mut to = self.at + first;
        let ends = entries.iter().map(|(_, end)| *end);
        let nexts = entries.iter().skip(1).map(|(at, _)| self.at + at);
        let last = self.vec.len();
        for (end, next) in ends.zip(nexts.chain(std::iter::once(last))) {
            let from = self.at + end;
            if from > next || next > last {
                return;
            }
            self.vec.copy_within(from..next, to);
            to += next - from;
        }
        self.vec.truncate(to);
        self.changed(-(entries.len() as isize));
    }

    /// Entries were copied in behind the header: there are so many more of them.
    pub fn adopt(&mut self, added: usize) {
        self.changed(added as isize);
    }

    fn splice(&mut self, at: usize, end: usize, fresh: &[u8]) {
        let (from, to) = (self.at + at, self.at + end);
        let old = to - from;
        if to > self.vec.len() {
            return;
        }
        if fresh.len() > old {
            let more = fresh.len() - old;
            let len = self.vec.len();
            self.vec.reserve_exact(more);
            self.vec.resize(len + more, 0);
            self.vec.copy_within(to..len, to + more);
        } else if fresh.len() < old {
            self.vec.copy_within(to.., from + fresh.len());
            let len = self.vec.len();
            self.vec.truncate(len - (old - fresh.len()));
        }
        if let Some(place) = self.vec.get_mut(from..from + fresh.len()) {
            place.copy_from_slice(fresh);
        }
    }

    /// Writes the header again after so many more (or fewer) elements.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "a listpack stays below 4 GiB, as its users see to"
    )]
    fn changed(&mut self, by: isize) {
        let total = (self.vec.len() - self.at) as u32;
        let Some(header) = self
            .vec
            .get_mut(self.at..)
            .and_then(<[u8]>::first_chunk_mut)
        else {
            return;
        };
        let [a, b, c, d, lo, hi] = header;
        [*a, *b, *c, *d] = total.to_le_bytes();
        let count = u16::from_le_bytes([*lo, *hi]);
        let count = if count == UNKNOWN {
            // Known again only by counting: servers do that when they next ask.
            UNKNOWN
        } else {
            usize::from(count)
                .saturating_add_signed(by)
                .min(usize::from(UNKNOWN)) as u16
        };
        [*lo, *hi] = count.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;
    use crate::packed::listpack;
    use proptest::prelude::*;

    fn texts(view: View<'_>) -> Vec<Vec<u8>> {
        view.iter()
            .map(|e| e.value.to_vec(1 << 30).unwrap())
            .collect()
    }

    /// What a strict reader makes of it.
    fn strict(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = listpack::Reader::new(Slice::new(bytes, 0)).unwrap();
        let mut scratch = Vec::new();
        let mut out = Vec::new();
        while let Some(s) = reader.next(&mut scratch).unwrap() {
            out.push(s.to_vec(1 << 30).unwrap());
        }
        assert!(reader.finish().is_none_or(|f| f.code == "listpack-border"));
        out
    }

    fn element() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..80),
            any::<i64>().prop_map(|v| v.to_string().into_bytes()),
            (-5000i64..5000).prop_map(|v| v.to_string().into_bytes()),
            (4090usize..4100).prop_map(|n| vec![b'x'; n]),
            (16370usize..16390).prop_map(|n| vec![b'y'; n]),
            Just(b"-0".to_vec()),
            Just(b"007".to_vec()),
        ]
    }

    proptest! {
        #[test]
        fn changes_are_those_of_a_vector(ops in prop::collection::vec((0u8..5, any::<prop::sample::Index>(), element()), 0..40)) {
            let mut vec = b"head".to_vec();
            vec.extend_from_slice(&EMPTY);
            let mut model: Vec<Vec<u8>> = Vec::new();
            for (op, place, element) in ops {
                let mut pack = Pack::new(&mut vec, 4);
                let n = place.index(model.len() + 1);
                let at = pack.view().iter().nth(n).map(|e| (e.at, e.end));
                let end = pack.view().bytes().len() - 1;
                match (op, at) {
                    (0, _) => { pack.push(&element); model.push(element); }
                    (1, _) => {
                        pack.insert(at.map_or(end, |(at, _)| at), [&element[..]]);
                        model.insert(n, element);
                    }
                    (2, Some((at, end))) => { pack.remove(at, end, 1); model.remove(n); }
                    (3, Some((at, end))) => { pack.replace(at, end, 1, [&element[..], b"1"]); model.splice(n..=n, [element, b"1".to_vec()]); }
                    (4, Some((at, end))) => { pack.replace_int(at, end, -77); model[n] = b"-77".to_vec(); }
                    _ => {}
                }
                let view = View::new(&vec[4..]);
                prop_assert_eq!(&texts(view), &model);
                prop_assert_eq!(view.len(), model.len());
                prop_assert_eq!(view.is_empty(), model.is_empty());
                let mut back: Vec<_> = view.iter_back().map(|e| e.value.to_vec(1 << 30).unwrap()).collect();
                back.reverse();
                prop_assert_eq!(&back, &model);
                prop_assert_eq!(&strict(&vec[4..]), &model);
            }
            prop_assert_eq!(&vec[..4], b"head");
            let view = View::new(&vec[4..]);
            let sizes: usize = model.iter().map(|e| size_of(e)).sum();
            prop_assert_eq!(sizes + 7, view.bytes().len());
            for (i, element) in model.iter().enumerate() {
                prop_assert_eq!(view.nth(i).unwrap().value.to_vec(1 << 30).unwrap(), element.clone());
                let first = model.iter().position(|m| m == element).unwrap();
                prop_assert_eq!(view.find(element, 1).unwrap().at, view.nth(first).unwrap().at);
            }
            prop_assert!(view.find(b"nosuch", 1).is_none());
        }
    }

    #[test]
    fn a_count_above_65534_is_counted() {
        let mut vec = EMPTY.to_vec();
        let mut pack = Pack::new(&mut vec, 0);
        for i in 0..65_600 {
            pack.push_int(i);
        }
        assert_eq!(pack.view().len(), 65_600);
        assert_eq!(strict(&vec).len(), 65_600);
    }
}
