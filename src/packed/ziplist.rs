//! A ziplist: the packed list of Redis 2 to 6.2.
//!
//! ```text
//!   <total: u32 le> <offset of the last entry: u32 le> <count: u16 le> <entry>… <0xFF>    count 65535: unknown
//!   entry:    <prevlen> <encoding> <data>
//!   prevlen:  |0..253|  or  |FE| u32 le            size of the entry before; 0 for the first
//!   |00pppppp| bytes                string of up to 63 bytes
//!   |01pppppp|qqqqqqqq| bytes       string of up to 16383 bytes, high bits first
//!   |10000000| u32 be | bytes       string
//!   |11000000| i16 le   |11010000| i32 le   |11100000| i64 le   |11110000| i24 le   |11111110| i8
//!   |1111xxxx|                      xxxx from 0001 to 1101: the number xxxx - 1
//!   [0d 00 00 00] [0a 00 00 00] [01 00] [00 f6] [ff]         the list of the one number 5
//! ```
//! Source: redis `src/ziplist.c`. Loaders since 7.0 walk every ziplist and refuse what does not agree.

use super::string::Str;
use crate::error::Result;
use crate::input::bytes::{Bytes, Slice};
use crate::model::finding::{Finding, Refused};
use crate::model::target::Since;

const HEADER: u64 = 10;

/// Reads the elements one by one.
#[derive(Debug, Clone)]
pub struct Reader<B> {
    bytes: B,
    size: u64,
    tail: u64,
    claimed: u16,
    seen: u64,
    /// Start and size of the entry before.
    last: (u64, u64),
    ended: bool,
    odd: Option<Finding>,
}

impl<'a, B: Bytes<'a>> Reader<B> {
    /// Reads the header. `bytes` is the whole ziplist.
    pub fn new(mut bytes: B) -> Result<Reader<B>> {
        let at = bytes.at();
        let size = bytes.left();
        if size <= HEADER {
            return Err(at.corrupt(format!("a ziplist has at least 11 bytes, this one {size}")));
        }
        let total = u32::from_le_bytes(bytes.array()?);
        let tail = u32::from_le_bytes(bytes.array()?);
        let claimed = u16::from_le_bytes(bytes.array()?);
        if u64::from(total) != size {
            return Err(at.corrupt(format!("ziplist says {total} bytes and has {size}")));
        }
        Ok(Reader {
            bytes,
            size,
            tail: u64::from(tail),
            claimed,
            seen: 0,
            last: (HEADER, 0),
            ended: false,
            odd: None,
        })
    }

    /// The count in the header; `None` where it says unknown.
    #[must_use]
    pub fn claimed(&self) -> Option<u64> {
        (self.claimed != u16::MAX).then_some(u64::from(self.claimed))
    }

    /// How many elements were read.
    #[must_use]
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// The cursor's place: of the next element.
    pub fn at(&self) -> crate::input::bytes::At {
        self.bytes.at()
    }

    fn position(&self) -> u64 {
        self.size - self.bytes.left()
    }

    #[cold]
    fn note(&mut self, code: &'static str, message: String) {
        if self.odd.is_none() {
            let mut f = super::deep(self.bytes.at(), code, message);
            f.refused = Refused::With(Since::both((7, 0)));
            self.odd = Some(f);
        }
    }

    /// The next element; `None` at the end.
    #[inline(always)]
    pub fn next<'s>(&mut self, scratch: &'s mut Vec<u8>) -> Result<Option<Str<'s>>>
    where
        'a: 's,
    {
        if self.ended {
            return Ok(None);
        }
        let start = self.position();
        let prevlen = match self.bytes.byte()? {
            0xff => {
                self.ended = true;
                return Ok(None);
            }
            0xfe => u64::from(u32::from_le_bytes(self.bytes.array()?)),
            n => u64::from(n),
        };
        if prevlen != self.last.1 {
            self.note(
                "ziplist-prevlen",
                format!(
                    "ziplist entry {} says that the entry before has {prevlen} bytes; it has {}",
                    self.seen, self.last.1
                ),
            );
        }
        let b = &mut self.bytes;
        let first = b.byte()?;
        let value = match first {
            0..=0x3f => super::text(b, u64::from(first), scratch)?,
            0x40..=0x7f => {
                let n = (u64::from(first & 0x3f) << 8) | u64::from(b.byte()?);
                super::text(b, n, scratch)?
            }
            0x80 => {
                let n = u64::from(u32::from_be_bytes(b.array()?));
                super::text(b, n, scratch)?
            }
            0xc0 => Str::Int(i64::from(i16::from_le_bytes(b.array()?))),
            0xd0 => Str::Int(i64::from(i32::from_le_bytes(b.array()?))),
            0xe0 => Str::Int(i64::from_le_bytes(b.array()?)),
            0xf0 => {
                let [x, y, z] = b.array()?;
                Str::Int(i64::from(i32::from_le_bytes([0, x, y, z]) >> 8))
            }
            0xfe => Str::Int(i64::from(i8::from_le_bytes(b.array()?))),
            0xf1..=0xfd => Str::Int(i64::from(first) - 0xf1),
            other => {
                return Err(b
                    .at()
                    .corrupt(format!("{other:#04x} begins no ziplist entry"))
                    .within(format!("ziplist entry {}", self.seen)));
            }
        };
        self.last = (start, self.position() - start);
        self.seen += 1;
        Ok(Some(value))
    }

    /// What was wrong though it could be read, after the last element.
    pub fn finish(mut self) -> Option<Finding> {
        if self.ended && self.bytes.left() > 0 {
            let left = self.bytes.left();
            self.note(
                "ziplist-end",
                format!("the end mark stands {left} bytes before the end of the ziplist"),
            );
        }
        if self.claimed != u16::MAX && u64::from(self.claimed) != self.seen {
            let message = format!(
                "ziplist says {} elements and has {}",
                self.claimed, self.seen
            );
            self.note("ziplist-count", message);
        }
        if self.tail != self.last.0 {
            let message = format!(
                "ziplist says that its last entry is at {}; it is at {}",
                self.tail, self.last.0
            );
            self.note("ziplist-tail", message);
        }
        self.odd
    }
}

/// A ziplist of the entries in front of the first that does not hold, whatever its header and its end say.
#[must_use]
pub fn sound(bytes: &[u8]) -> Vec<u8> {
    let mut held = bytes.to_vec();
    let size = u32::try_from(held.len()).unwrap_or_default();
    if let Some(total) = held.first_chunk_mut() {
        *total = size.to_le_bytes();
    }
    let (mut end, mut tail, mut count) = (10, 10, 0u64);
    let mut scratch = Vec::new();
    if let Ok(mut reader) = Reader::new(Slice::new(&held, 0)) {
        while let Ok(Some(_)) = reader.next(&mut scratch) {
            if reader.odd.is_some() {
                break;
            }
            tail = u32::try_from(reader.last.0).unwrap_or_default();
            end = held.len() - reader.bytes.rest().len();
            count += 1;
        }
    }
    let entries = held.get(10..end).unwrap_or_default();
    let total = u32::try_from(entries.len() + 11).unwrap_or_default();
    let mut out = total.to_le_bytes().to_vec();
    out.extend(tail.to_le_bytes());
    out.extend(u16::try_from(count).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(entries);
    out.push(0xff);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    fn pack(entries: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![0; 8];
        out.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
        let (mut prev, mut tail) = (0usize, 10);
        for e in entries {
            tail = out.len();
            match u8::try_from(prev) {
                Ok(prev @ ..254) => out.push(prev),
                _ => {
                    out.push(0xfe);
                    out.extend_from_slice(&u32::try_from(prev).unwrap().to_le_bytes());
                }
            }
            out.extend_from_slice(e);
            prev = out.len() - tail;
        }
        out.push(0xff);
        let total = u32::try_from(out.len()).unwrap().to_le_bytes();
        out[..4].copy_from_slice(&total);
        out[4..8].copy_from_slice(&u32::try_from(tail).unwrap().to_le_bytes());
        out
    }

    fn read(bytes: &[u8]) -> Result<(Vec<Vec<u8>>, Option<Finding>)> {
        let mut reader = Reader::new(Slice::new(bytes, 0))?;
        let mut out = Vec::new();
        let mut scratch = Vec::new();
        while let Some(s) = reader.next(&mut scratch)? {
            out.push(s.to_vec(1 << 30)?);
        }
        Ok((out, reader.finish()))
    }

    #[test]
    fn the_example_of_the_header() {
        let (values, odd) = read(&[13, 0, 0, 0, 10, 0, 0, 0, 1, 0, 0, 0xf6, 0xff]).unwrap();
        assert_eq!(values, [b"5"]);
        assert!(odd.is_none());
    }

    #[test]
    fn every_encoding_at_its_borders() {
        let mut long = vec![0x80, 0, 0, 0x40, 0];
        long.extend(vec![b'x'; 16384]);
        let mut mid = vec![0x7f, 0xff];
        mid.extend(vec![b'y'; 16383]);
        let mut short = vec![0x3f];
        short.extend(vec![b'z'; 63]);
        let entries: Vec<&[u8]> = vec![
            &[0xf1],
            &[0xfd],
            &[0xfe, 0x80],
            &[0xc0, 0, 0x80],
            &[0xf0, 0xff, 0xff, 0x7f],
            &[0xf0, 0, 0, 0x80],
            &[0xd0, 0, 0, 0, 0x80],
            &[0xe0, 0, 0, 0, 0, 0, 0, 0, 0x80],
            &[0x00],
            &short,
            &mid,
            &long,
            &[0xf1],
        ];
        let (values, odd) = read(&pack(&entries)).unwrap();
        assert!(odd.is_none(), "{odd:?}");
        let text: Vec<String> = values[..8]
            .iter()
            .map(|v| String::from_utf8(v.clone()).unwrap())
            .collect();
        assert_eq!(
            text,
            [
                "0",
                "12",
                "-128",
                "-32768",
                "8388607",
                "-8388608",
                "-2147483648",
                "-9223372036854775808"
            ]
        );
        assert_eq!(
            values[8..].iter().map(Vec::len).collect::<Vec<_>>(),
            [0, 63, 16383, 16384, 1]
        );
    }

    #[test]
    fn lies_are_found() {
        let good = pack(&[&[0xf1], &[0xf2]]);
        for (at, byte, code) in [
            (12, 9, "ziplist-prevlen"),
            (8, 3, "ziplist-count"),
            (4, 10, "ziplist-tail"),
        ] {
            let mut b = good.clone();
            b[at] = byte;
            assert_eq!(read(&b).unwrap().1.unwrap().code, code);
        }
        for (at, byte) in [(0, 9), (11, 0xff), (14, 0)] {
            let mut b = good.clone();
            b[at] = byte;
            assert!(read(&b).is_err(), "{at}");
        }
    }

    #[test]
    fn the_sound_entries() {
        let whole = b"\x11\0\0\0\x0e\0\0\0\x02\0\0\x02ab\x04\xf3\xff".to_vec();
        assert_eq!(sound(&whole), whole);
        let one = b"\x0f\0\0\0\x0a\0\0\0\x01\0\0\x02ab\xff";
        assert_eq!(sound(&whole[..15]), one);
        let mut lies = whole.clone();
        lies[14] = 5;
        assert_eq!(sound(&lies), one);
        lies[0] = 99;
        assert_eq!(sound(&lies), one);
        for junk in [&b""[..], b"\0\0", b"\x0b\0\0\0\x0a\0\0\0\0\0\xff"] {
            assert_eq!(sound(junk), b"\x0b\0\0\0\x0a\0\0\0\0\0\xff");
        }
    }
}
