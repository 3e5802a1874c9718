//! A ziplist in the making: see [`super::ziplist`] for the format.
//!
//! Only for servers before 7.0. As they do, a string that is an integer in canonical form is stored as one, in the
//! smallest form that holds it.

use crate::model::number;

const HEADER: usize = 10;
const END: u8 = 0xff;
/// Strings of so many bytes and more are never looked at as integers. Source: redis `src/ziplist.c`, `zipTryEncoding`.
const NO_INTEGER: usize = 32;

/// Appends elements to a ziplist.
#[derive(Debug, Clone, Default)]
pub struct Zip {
    bytes: Vec<u8>,
    /// Offset and size of the last entry.
    last: (usize, usize),
    count: usize,
}

impl Zip {
    /// Begins an empty one.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.bytes.resize(HEADER, 0);
        self.last = (HEADER, 0);
        self.count = 0;
    }

    /// How many elements there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that it takes, with its end mark.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + 1
    }

    /// Appends an element.
    pub fn push(&mut self, element: &[u8]) {
        let int = (element.len() < NO_INTEGER)
            .then(|| number::parse_i64(element))
            .flatten();
        match int {
            Some(v) => self.push_int(v),
            None => {
                let at = self.begin();
                text_head(element.len(), &mut self.bytes);
                self.bytes.extend_from_slice(element);
                self.end(at);
            }
        }
    }

    /// Appends an integer.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "each arm has checked the range of what it cuts"
    )]
    pub fn push_int(&mut self, v: i64) {
        let at = self.begin();
        let out = &mut self.bytes;
        match v {
            0..=12 => out.push(0xf1 + v as u8),
            -128..=127 => out.extend_from_slice(&[0xfe, v as u8]),
            -32_768..=32_767 => {
                out.push(0xc0);
                out.extend_from_slice(&(v as i16).to_le_bytes());
            }
            -8_388_608..=8_388_607 => {
                let [a, b, c, _] = (v as i32).to_le_bytes();
                out.extend_from_slice(&[0xf0, a, b, c]);
            }
            -2_147_483_648..=2_147_483_647 => {
                out.push(0xd0);
                out.extend_from_slice(&(v as i32).to_le_bytes());
            }
            _ => {
                out.push(0xe0);
                out.extend_from_slice(&v.to_le_bytes());
            }
        }
        self.end(at);
    }

    fn begin(&mut self) -> usize {
        let at = self.bytes.len();
        prevlen(self.last.1, &mut self.bytes);
        at
    }

    fn end(&mut self, at: usize) {
        self.last = (at, self.bytes.len() - at);
        self.count += 1;
    }

    /// All of it, with its header and end mark; the next begins with [`Zip::clear`].
    pub fn finish(&mut self) -> &[u8] {
        self.bytes.push(END);
        let header = header(self.bytes.len(), self.last.0, self.count);
        if let Some(place) = self.bytes.first_chunk_mut::<HEADER>() {
            *place = header;
        }
        &self.bytes
    }
}

/// What stands in front of the one element, of so many bytes, of a ziplist, and the size of the whole: for a string that
/// is too long to be held.
#[must_use]
pub fn around(len: usize) -> (Vec<u8>, u64) {
    let mut head = vec![0; HEADER];
    prevlen(0, &mut head);
    text_head(len, &mut head);
    let size = head.len() + len + 1;
    if let Some(place) = head.first_chunk_mut::<HEADER>() {
        *place = header(size, HEADER, 1);
    }
    (head, size as u64)
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "a ziplist is far below 4 GiB, and its count says so where it does not fit"
)]
fn header(size: usize, last: usize, count: usize) -> [u8; HEADER] {
    let [a, b, c, d] = (size as u32).to_le_bytes();
    let [e, f, g, h] = (last as u32).to_le_bytes();
    let [i, j] = u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes();
    [a, b, c, d, e, f, g, h, i, j]
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "the size of an entry, far below 4 GiB"
)]
fn prevlen(size: usize, out: &mut Vec<u8>) {
    if size < 254 {
        out.push(size as u8);
    } else {
        out.push(0xfe);
        out.extend_from_slice(&(size as u32).to_le_bytes());
    }
}

#[allow(
    clippy::cast_possible_truncation,
    reason = "each arm has checked the range of what it cuts"
)]
fn text_head(len: usize, out: &mut Vec<u8>) {
    match len {
        0..=63 => out.push(len as u8),
        64..=16_383 => out.extend_from_slice(&(0x4000 | len as u16).to_be_bytes()),
        _ => {
            out.push(0x80);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;
    use crate::packed::ziplist::Reader;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut reader = Reader::new(Slice::new(bytes, 0)).unwrap();
        let (mut held, mut all) = (Vec::new(), Vec::new());
        while let Some(element) = reader.next(&mut held).unwrap() {
            all.push(element.to_vec(1 << 20).unwrap());
        }
        assert_eq!(reader.finish().map(|f| f.message), None);
        all
    }

    fn made(elements: &[Vec<u8>]) -> Vec<u8> {
        let mut zip = Zip::default();
        zip.clear();
        elements.iter().for_each(|e| zip.push(e));
        assert_eq!(zip.len(), elements.len());
        let size = zip.size();
        let bytes = zip.finish().to_vec();
        assert_eq!(bytes.len(), size);
        bytes
    }

    #[test]
    fn the_list_of_one_five() {
        let wanted = [13, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0xf6, 0xff];
        assert_eq!(made(&[b"5".to_vec()]), wanted);
    }

    #[test]
    fn one_long_element_is_the_same_in_pieces() {
        for len in [0, 63, 64, 16_383, 16_384, 70_000] {
            let element = vec![b'x'; len];
            let (mut bytes, size) = around(len);
            bytes.extend_from_slice(&element);
            bytes.push(END);
            assert_eq!(bytes.len() as u64, size);
            assert_eq!(bytes, made(&[element]));
        }
    }

    #[test]
    fn integers_at_their_borders() {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for bits in [4u32, 7, 15, 23, 31, 62] {
            for v in [
                (1i64 << bits) - 1,
                1 << bits,
                -(1 << bits),
                -(1 << bits) - 1,
            ] {
                all.push(v.to_string().into_bytes());
            }
        }
        all.extend([i64::MIN, i64::MAX, 12, 13, 0, -1].map(|v| v.to_string().into_bytes()));
        all.extend([b"-0".to_vec(), b"01".to_vec(), b"+1".to_vec()]);
        assert_eq!(read(&made(&all)), all);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(all in proptest::collection::vec(
            prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..300),
                any::<i64>().prop_map(|v| v.to_string().into_bytes()),
                (0usize..20_000).prop_map(|n| vec![b'y'; n]),
            ], 0..40)) {
            prop_assert_eq!(read(&made(&all)), all);
        }
    }
}
