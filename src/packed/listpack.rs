//! A listpack: strings and integers packed back to back. Read from either end.
//!
//! ```text
//!   <total: u32 le> <count: u16 le> <entry>… <0xFF>        count 65535: unknown, walk to the end
//!   entry:  <encoding and data> <backlen: 1–5 bytes>        backlen = length of the first part
//!   |0xxxxxxx|                    7-bit unsigned integer
//!   |10xxxxxx| bytes              string of up to 63 bytes
//!   |110xxxxx|xxxxxxxx|           13-bit signed integer, two's complement
//!   |1110xxxx|xxxxxxxx| bytes     string of up to 4095 bytes
//!   |11110000| u32 le | bytes     string
//!   |11110001| i16 le    |11110010| i24 le    |11110011| i32 le    |11110100| i64 le
//!   backlen: 7 bits a byte, high bits first, every byte but the first with bit 7 set
//!   [09 00 00 00] [01 00] [05 01] [ff]                  the list of the one number 5
//! ```
//! Source: redis `src/listpack.c`; `lpEncodeBacklen` compares with `<`, so a length of 16383 takes three bytes, and
//! 2097151 four. Valkey since 9.1 compares with `<=`: two and three. The first byte tells which it was.
//! Bounds: total equals the blob; backlen must match.

use super::string::Str;
use crate::error::Result;
use crate::input::bytes::{At, Bytes, Slice};
use crate::model::finding::{Finding, Refused, Severity};
use crate::model::target::Since;

/// Bytes of the header.
const HEADER: u64 = 6;
/// The finding that tells of an entry whose length takes one byte more or less in other servers. Those that look into
/// listpacks as they load ([`Since::DEEP`]) are those that write the narrow form, and nobody refuses that; the others
/// read the wide one alone.
pub const BORDER: &str = "listpack-border";
/// The count that says: unknown.
const UNKNOWN: u16 = u16::MAX;

/// Reads the elements one by one.
#[derive(Debug, Clone)]
pub struct Reader<B> {
    bytes: B,
    claimed: u16,
    seen: u64,
    ended: bool,
    odd: Option<Finding>,
}

impl<'a, B: Bytes<'a>> Reader<B> {
    /// Reads the header. `bytes` is the whole listpack.
    pub fn new(mut bytes: B) -> Result<Reader<B>> {
        let at = bytes.at();
        let size = bytes.left();
        if size <= HEADER {
            return Err(at.corrupt(format!("a listpack has at least 7 bytes, this one {size}")));
        }
        let total = u32::from_le_bytes(bytes.array()?);
        let claimed = u16::from_le_bytes(bytes.array()?);
        if u64::from(total) != size {
            return Err(at.corrupt(format!("listpack says {total} bytes and has {size}")));
        }
        Ok(Reader {
            bytes,
            claimed,
            seen: 0,
            ended: false,
            odd: None,
        })
    }

    /// The count in the header; `None` where it says unknown.
    #[must_use]
    pub fn claimed(&self) -> Option<u64> {
        (self.claimed != UNKNOWN).then_some(u64::from(self.claimed))
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

    /// The next element; `None` at the end.
    // Inlined by force: what comes out is then taken apart in registers, which halves the time of a walk.
    #[inline(always)]
    pub fn next<'s>(&mut self, scratch: &'s mut Vec<u8>) -> Result<Option<Str<'s>>>
    where
        'a: 's,
    {
        if self.ended {
            return Ok(None);
        }
        let b = &mut self.bytes;
        let first = b.byte()?;
        let (value, size) = match first {
            0..=0x7f => (Str::Int(i64::from(first)), 1),
            0x80..=0xbf => {
                let n = u64::from(first & 0x3f);
                (super::text(b, n, scratch)?, 1 + n)
            }
            0xc0..=0xdf => {
                let v = (i64::from(first & 0x1f) << 8) | i64::from(b.byte()?);
                (Str::Int(if v >= 4096 { v - 8192 } else { v }), 2)
            }
            0xe0..=0xef => {
                let n = (u64::from(first & 0x0f) << 8) | u64::from(b.byte()?);
                (super::text(b, n, scratch)?, 2 + n)
            }
            0xf0 => {
                let n = u64::from(u32::from_le_bytes(b.array()?));
                (super::text(b, n, scratch)?, 5 + n)
            }
            0xf1 => (Str::Int(i64::from(i16::from_le_bytes(b.array()?))), 3),
            0xf2 => {
                let [x, y, z] = b.array()?;
                (
                    Str::Int(i64::from(i32::from_le_bytes([0, x, y, z]) >> 8)),
                    4,
                )
            }
            0xf3 => (Str::Int(i64::from(i32::from_le_bytes(b.array()?))), 5),
            0xf4 => (Str::Int(i64::from_le_bytes(b.array()?)), 9),
            0xff => {
                self.ended = true;
                return Ok(None);
            }
            other => {
                return Err(b
                    .at()
                    .corrupt(format!("{other:#04x} begins no listpack entry"))
                    .within(format!("listpack entry {}", self.seen)));
            }
        };
        let backlen = if size <= 127 {
            let agrees = u64::from(b.byte()?) == size;
            if agrees {
                Backlen::Agrees
            } else {
                Backlen::Lies
            }
        } else {
            backlen(b, size)?
        };
        if backlen != Backlen::Agrees {
            let at = b.at();
            self.note(at, backlen, size);
        }
        self.seen += 1;
        Ok(Some(value))
    }

    /// Remembers what is odd about the length behind an entry: the first lie, else the first oddity.
    #[cold]
    fn note(&mut self, at: At, backlen: Backlen, size: u64) {
        let known = self.odd.as_ref().map(|f| f.severity);
        if known == Some(Severity::Damage) || known.is_some() && backlen != Backlen::Lies {
            return;
        }
        let n = self.seen;
        let behind = format!("the length behind listpack entry {n}");
        self.odd = Some(match backlen {
            Backlen::Border(width) => Finding {
                severity: Severity::Warning,
                refused: if width == narrow_width(size) {
                    Refused::Never
                } else {
                    Refused::With(Since::DEEP)
                },
                ..super::deep(
                    at,
                    BORDER,
                    format!(
                        "{behind}, {size}, takes {width} bytes: Valkey since 9.1 and other servers do not agree on it"
                    ),
                )
            },
            _ => super::deep(
                at,
                "listpack-backlen",
                format!("{behind} is not its {size} bytes"),
            ),
        });
    }

    /// The next element, which must be an integer.
    pub fn int<'s>(&mut self, what: &str, scratch: &'s mut Vec<u8>) -> Result<i64>
    where
        'a: 's,
    {
        let at = self.at();
        match self.next(scratch)? {
            Some(Str::Int(v)) => Ok(v),
            Some(_) => Err(at.corrupt(format!(
                "{what}: a listpack integer was expected, found a string"
            ))),
            None => Err(at.corrupt(format!("{what}: the listpack ends here"))),
        }
    }

    /// What was wrong though it could be read, after the last element.
    pub fn finish(self) -> Option<Finding> {
        if let Some(odd) = &self.odd
            && odd.severity == Severity::Damage
        {
            return self.odd;
        }
        if let Some(claimed) = self.claimed()
            && claimed != self.seen
        {
            return Some(super::deep(
                self.at(),
                "listpack-count",
                format!("listpack says {claimed} elements and has {}", self.seen),
            ));
        }
        let left = self.bytes.left();
        if self.ended && left > 0 {
            return Some(super::deep(
                self.at(),
                "listpack-end",
                format!("the end mark stands {left} bytes before the end of the listpack"),
            ));
        }
        self.odd
    }
}

/// What the length behind an entry is like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Backlen {
    Agrees,
    /// It agrees, in so many bytes, for one of the sizes that take different widths in different servers.
    Border(u32),
    Lies,
}

/// Reads the length behind an entry of `size` bytes, above 127.
fn backlen<'a, B: Bytes<'a>>(b: &mut B, size: u64) -> Result<Backlen> {
    let mut width = backlen_width(size);
    let narrow = narrow_width(size);
    let border = width != narrow;
    let first = u64::from(b.byte()?);
    // Seven bits set fill the narrow form; the wide one begins with none.
    if border && first == 0x7f {
        width = narrow;
    }
    let group = |i: u32| (size >> (7 * (width - 1 - i))) & 0x7f;
    let mut agrees = first == group(0);
    for i in 1..width {
        agrees &= u64::from(b.byte()?) == group(i) | 0x80;
    }
    Ok(match (agrees, border) {
        (true, false) => Backlen::Agrees,
        (true, true) => Backlen::Border(width),
        (false, _) => Backlen::Lies,
    })
}

/// The same as [`backlen_width`] in Valkey since 9.1.
fn narrow_width(size: u64) -> u32 {
    backlen_width(size) - u32::from(matches!(size, 16383 | 2_097_151 | 268_435_455))
}

/// Bytes that the length behind an entry of `size` bytes takes.
pub(super) fn backlen_width(size: u64) -> u32 {
    match size {
        0..=127 => 1,
        128..16383 => 2,
        16383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => 5,
    }
}

/// A listpack of the entries in front of the first that does not hold, whatever its header and its end say.
#[must_use]
pub fn sound(bytes: &[u8]) -> Vec<u8> {
    let mut held = bytes.to_vec();
    let size = u32::try_from(held.len()).unwrap_or_default();
    if let Some(total) = held.first_chunk_mut() {
        *total = size.to_le_bytes();
    }
    let (mut end, mut count, mut scratch) = (0, 0u64, Vec::new());
    if let Ok(mut reader) = Reader::new(Slice::new(&held, 0)) {
        while let Ok(Some(_)) = reader.next(&mut scratch) {
            if reader
                .odd
                .as_ref()
                .is_some_and(|f| f.severity == Severity::Damage)
            {
                break;
            }
            end = held.len() - reader.bytes.rest().len();
            count += 1;
        }
    }
    let entries = held.get(6..end).unwrap_or_default();
    let total = u32::try_from(entries.len() + 7).unwrap_or_default();
    let mut out = total.to_le_bytes().to_vec();
    out.extend(u16::try_from(count).unwrap_or(UNKNOWN).to_le_bytes());
    out.extend_from_slice(entries);
    out.push(0xff);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::bytes::Slice;

    fn pack(entries: &[&[u8]]) -> Vec<u8> {
        let mut out = vec![0; 4];
        out.extend_from_slice(&u16::try_from(entries.len()).unwrap().to_le_bytes());
        for e in entries {
            out.extend_from_slice(e);
            let size = e.len() as u64;
            let width = backlen_width(size);
            for i in 0..width {
                let group = ((size >> (7 * (width - 1 - i))) & 0x7f) as u8;
                out.push(if i == 0 { group } else { group | 0x80 });
            }
        }
        out.push(0xff);
        let total = u32::try_from(out.len()).unwrap().to_le_bytes();
        out[..4].copy_from_slice(&total);
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
        let (values, odd) = read(&[9, 0, 0, 0, 1, 0, 5, 1, 0xff]).unwrap();
        assert_eq!(values, [b"5"]);
        assert!(odd.is_none());
    }

    #[test]
    fn every_encoding_at_its_borders() {
        let mut long = vec![0xf0, 0, 0x10, 0, 0];
        long.extend(vec![b'x'; 4096]);
        let mut mid = vec![0xef, 0xff];
        mid.extend(vec![b'y'; 4095]);
        let mut short = vec![0xbf];
        short.extend(vec![b'z'; 63]);
        let entries: Vec<&[u8]> = vec![
            &[0x7f],
            &[0xcf, 0xff],
            &[0xd0, 0x00],
            &[0xdf, 0xff],
            &[0xf1, 0x00, 0x80],
            &[0xf2, 0xff, 0xff, 0x7f],
            &[0xf2, 0x00, 0x00, 0x80],
            &[0xf3, 0, 0, 0, 0x80],
            &[0xf4, 0, 0, 0, 0, 0, 0, 0, 0x80],
            &[0x80],
            &short,
            &mid,
            &long,
        ];
        let (values, odd) = read(&pack(&entries)).unwrap();
        assert!(odd.is_none());
        let text: Vec<String> = values[..9]
            .iter()
            .map(|v| String::from_utf8(v.clone()).unwrap())
            .collect();
        assert_eq!(
            text,
            [
                "127",
                "4095",
                "-4096",
                "-1",
                "-32768",
                "8388607",
                "-8388608",
                "-2147483648",
                "-9223372036854775808"
            ]
        );
        assert_eq!(
            values[9..].iter().map(Vec::len).collect::<Vec<_>>(),
            [0, 63, 4095, 4096]
        );
    }

    #[test]
    fn a_length_of_16383_takes_three_bytes() {
        for n in [122u32, 123, 16377, 16378, 16379] {
            let mut e = vec![0xf0];
            e.extend_from_slice(&n.to_le_bytes());
            e.extend(vec![b'x'; n as usize]);
            let (values, odd) = read(&pack(&[&e])).unwrap();
            assert_eq!(values[0].len(), n as usize);
            assert_eq!(odd.is_some(), n == 16378, "{n}");
        }
        assert_eq!(backlen_width(16382), 2);
        assert_eq!(backlen_width(16383), 3);
    }

    /// Where two widths are written, both are read, and what follows as well.
    #[test]
    fn valkey_writes_16383_in_two_bytes() {
        for (n, narrow, wide) in [
            (16378u32, &[0x7f, 0xff][..], &[0x00, 0xff, 0xff][..]),
            (2_097_146, &[0x7f, 0xff, 0xff], &[0x00, 0xff, 0xff, 0xff]),
        ] {
            for backlen in [narrow, wide] {
                let mut bytes = vec![0, 0, 0, 0, 2, 0, 0xf0];
                bytes.extend_from_slice(&n.to_le_bytes());
                bytes.extend(vec![b'x'; n as usize]);
                bytes.extend_from_slice(backlen);
                bytes.extend_from_slice(&[5, 1, 0xff]);
                let total = u32::try_from(bytes.len()).unwrap().to_le_bytes();
                bytes[..4].copy_from_slice(&total);
                let (values, odd) = read(&bytes).unwrap();
                assert_eq!(values[1], b"5");
                let odd = odd.unwrap();
                assert_eq!(odd.code, "listpack-border");
                assert_eq!(odd.severity, Severity::Warning);
                assert_eq!(odd.refused == Refused::Never, backlen.len() == narrow.len());
                // A lie counts for more.
                let lie = bytes.len() - 2;
                bytes[lie] = 2;
                assert_eq!(read(&bytes).unwrap().1.unwrap().code, "listpack-backlen");
            }
        }
    }

    #[test]
    fn lies_are_found() {
        let good = pack(&[&[5], &[6]]);
        let mut b = good.clone();
        b[7] = 9;
        assert_eq!(read(&b).unwrap().1.unwrap().code, "listpack-backlen");
        let mut b = good.clone();
        b[4] = 3;
        assert_eq!(read(&b).unwrap().1.unwrap().code, "listpack-count");
        let mut b = good.clone();
        b[4] = 1;
        b[8] = 0xff;
        assert_eq!(read(&b).unwrap().1.unwrap().code, "listpack-end");
        let mut b = good.clone();
        b[0] = 12;
        assert!(read(&b).is_err());
        let mut b = good.clone();
        b[6] = 0xf7;
        assert!(read(&b).is_err());
        let mut b = good;
        *b.last_mut().unwrap() = 3;
        assert!(read(&b).is_err());
        assert!(read(&[0; 6]).is_err());
    }

    #[test]
    fn the_sound_entries() {
        let whole = b"\x0f\0\0\0\x03\0\x82ab\x03\x05\x01\x07\x01\xff";
        assert_eq!(sound(whole), whole);
        let two = b"\x0d\0\0\0\x02\0\x82ab\x03\x05\x01\xff";
        let one = b"\x0b\0\0\0\x01\0\x82ab\x03\xff";
        // Its header, its end, an entry that begins like none, one whose length behind it lies.
        assert_eq!(sound(b"\xff\xff\0\0\x09\0\x82ab\x03\x05\x01\xff"), two);
        assert_eq!(sound(&whole[..12]), two);
        assert_eq!(
            sound(b"\x0f\0\0\0\x03\0\x82ab\x03\xfa\x01\x07\x01\xff"),
            one
        );
        assert_eq!(
            sound(b"\x0f\0\0\0\x03\0\x82ab\x03\x05\x09\x07\x01\xff"),
            one
        );
        for junk in [&b""[..], b"\0\0", b"\x07\0\0\0\0\0\xff"] {
            assert_eq!(sound(junk), b"\x07\0\0\0\0\0\xff");
        }
    }
}
